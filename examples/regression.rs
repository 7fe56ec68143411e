//! Learns from a table how much a penguin weighs, and checks itself against what can be reckoned without training.
//!
//! ```text
//! cargo run --release --example regression                    the penguins that come with the examples; writes runs/regression/*/report.html
//! cargo run --release --example regression -- --csv homes.csv --target price
//! ```
//!
//! For a linear model the best weights are known in closed form: least squares. The same model, trained, must come to the same. A small
//! network beside it shows whether there is more to learn than a line.
//!
//! Of 83 penguins that were kept for the test, least squares is off by 316.8 g (RMSE; R² 0.868), the trained line by the same, with weights that differ by less
//! than a thousandth of a deviation, and a network of sixteen by 304.2 g (R² 0.878).

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use ravine::data::Table;
use ravine::prelude::*;
use ravine::train::Report;
use ravine_examples::{TrainFlags, above_zero, finished, share, start};

/// Predicts a column of a table from the others.
#[derive(Parser)]
struct Args {
    /// A table with commas, and names in the first line [default: the bundled penguins].
    #[arg(long)]
    csv: Option<PathBuf>,
    /// The column to predict, of numbers.
    #[arg(long, default_value = "body_mass_g")]
    target: String,
    /// Columns to leave out, with commas between [default: island,year of the penguins].
    #[arg(long, value_delimiter = ',')]
    without: Vec<String>,
    /// The share of the rows that is held out for the test.
    #[arg(long, default_value_t = 0.25, value_parser = share)]
    test: f64,
    /// Epochs: passes over the rows.
    #[arg(long, default_value_t = 300, value_parser = above_zero::<usize>)]
    epochs: usize,
    /// The number of hidden units of the network.
    #[arg(long, default_value_t = 16, value_parser = above_zero::<usize>)]
    hidden: usize,
    #[command(flatten)]
    run: TrainFlags,
}

// ------------------------------------------------------------------------------------------------------------------ data

/// The columns to leave out, which there must be.
fn left_out<'a>(table: &Table, args: &'a Args) -> Result<Vec<&'a str>, String> {
    if args.without.is_empty() && args.csv.is_none() {
        return Ok(vec!["island", "year"]);
    }
    match args.without.iter().find(|name| !table.names().contains(name)) {
        Some(name) => Err(format!("--without: found {name}, expected some of {}", table.names().join(", "))),
        None => Ok(args.without.iter().map(String::as_str).collect()),
    }
}

/// The features `[rows, features]` with their names, and the target `[rows, 1]`. A column of numbers is a feature; a column of words is one for
/// each word but the first, 1 where the word stands.
fn features(table: &Table, args: &Args) -> Result<(Vec<String>, Tensor, Tensor), Box<dyn Error>> {
    let without = left_out(table, args)?;
    let target = table.matrix(&[&args.target])?;
    let (mut names, mut columns) = (Vec::new(), Vec::new());
    for name in table.names().iter().filter(|name| **name != args.target && !without.contains(&name.as_str()))
    {
        if let Ok(numbers) = table.floats(name) {
            names.push(name.clone());
            columns.push(numbers);
            continue;
        }
        let (words, class) = table.classes(name)?;
        for (i, word) in words.iter().enumerate().skip(1) {
            names.push(format!("{name} {word}"));
            columns.push(class.iter().map(|c| f32::from(c == i as i64)).collect());
        }
    }
    let width = columns.len();
    if width == 0 {
        return Err("found no column to predict from, expected one besides --target and --without".into());
    }
    let x = Tensor::from_fn([table.rows(), width], |i| columns[i % width][i / width]);
    Ok((names, x, target))
}

/// The mean and deviation of each column: a model learns best from numbers around 0 of size 1.
struct Scale {
    mean: Tensor,
    deviation: Tensor,
}

impl Scale {
    /// The scale of the training rows; those of the test must not influence it.
    fn of(rows: &Tensor) -> Self {
        let mean = rows.mean_keepdim(0);
        let deviation = (rows - &mean).square().mean_keepdim(0).sqrt().map(|d| if d > 0.0 { d } else { 1.0 });
        Scale { mean, deviation }
    }

    fn apply(&self, rows: &Tensor) -> Tensor {
        (rows - &self.mean) / &self.deviation
    }
}

// ------------------------------------------------------------------------------------------------------------ closed form

/// The weights `[features]` and the bias that make `Σ (x w + b - y)²` least: the solution of `XᵀX w = Xᵀy`, where the last column of `X` is 1.
///
/// The features have mean 0 and deviation 1, or are 0 throughout. An error is the number of one that is a linear combination of those before it: then there is
/// more than one solution.
fn least_squares(x: &Tensor, y: &Tensor) -> Result<(Vec<f64>, f64), usize> {
    let (rows, n) = (x.size(0), x.size(1) + 1);
    let at = |row: usize, column: usize| if column + 1 == n { 1.0 } else { f64::from(x.at([row, column])) };
    let sum = |f: &dyn Fn(usize) -> f64| (0..rows).map(f).sum::<f64>();
    // A row of XᵀX, with that of Xᵀy at its end.
    let mut system: Vec<Vec<f64>> = (0..n)
        .map(|i| {
            let mut row: Vec<f64> = (0..n).map(|j| sum(&|r| at(r, i) * at(r, j))).collect();
            row.push(sum(&|r| at(r, i) * f64::from(y.at([r, 0]))));
            row
        })
        .collect();
    // Gauss-Jordan elimination; the matrix is positive definite, so no rows need be swapped. A pivot is what is left of a column's square
    // after the columns before it; almost nothing is left of a column that they determine.
    for pivot in 0..n {
        if system[pivot][pivot] < 1e-9 * rows as f64 {
            return Err(pivot);
        }
        let row: Vec<f64> = system[pivot].iter().map(|v| v / system[pivot][pivot]).collect();
        for (i, other) in system.iter_mut().enumerate() {
            let factor = if i == pivot { 0.0 } else { other[pivot] };
            other.iter_mut().zip(&row).for_each(|(v, p)| *v -= factor * p);
        }
        system[pivot] = row;
    }
    let mut solution: Vec<f64> = system.into_iter().map(|row| row[n]).collect();
    let bias = solution.pop().unwrap_or(0.0);
    Ok((solution, bias))
}

// -------------------------------------------------------------------------------------------------------------- training

/// Trains a model; it is judged by the test rows.
fn train(
    name: &str,
    model: &(dyn Layer + Sync),
    rate: f64,
    args: &Args,
    train: &TensorSet<f32, f32>,
    test: &TensorSet<f32, f32>,
) -> Result<Report, Box<dyn Error>> {
    const BATCH: usize = 32;
    let steps = args.epochs.saturating_mul(train.len().div_ceil(BATCH));
    let mut optimizer = Optimizer::new(model, Sgd::momentum(0.9), Cosine::new(rate, steps as u64));
    let report = args
        .run
        .trainer_of_several(&args.run.folder("regression"), name)?
        .epochs(args.epochs)
        .batch_size(BATCH)
        .shards(1)
        .evaluate_every(steps)
        .note("model", name)
        .note("target", &args.target)
        .run(model, &mut optimizer, train, Some(test), |tape, (x, y)| {
            Outcome::regression(&model.forward(&tape.input(x.clone())), y)
        })?;
    Ok(report)
}

// ------------------------------------------------------------------------------------------------------------------- run

fn main() -> ExitCode {
    start(run)
}

fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    let begin = Instant::now();
    let bundled = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/data/penguins/penguins.csv"));
    let table = Table::read(args.csv.clone().unwrap_or_else(bundled))?.drop_missing()?;
    if table.rows() < 2 {
        return Err(format!("--csv: found {} whole rows, expected at least 2", table.rows()).into());
    }
    let (names, x, y) = features(&table, args)?;
    let order = Tensor::<i64>::randperm(table.rows(), &mut Rng::new(args.run.seed));
    let tested = ((table.rows() as f64 * args.test) as usize).clamp(1, table.rows() - 1);
    let part = |rows: &Tensor, from, to: usize| rows.index_select(0, &order.narrow(0, from, to - from));
    let (train_x, test_x) = (part(&x, tested, table.rows()), part(&x, 0, tested));
    let (train_y, test_y) = (part(&y, tested, table.rows()), part(&y, 0, tested));
    let (of_x, of_y) = (Scale::of(&train_x), Scale::of(&train_y));
    let training = TensorSet::new(of_x.apply(&train_x), of_y.apply(&train_y));
    let test = TensorSet::new(of_x.apply(&test_x), of_y.apply(&test_y));

    let (weights, bias) = least_squares(training.x(), training.y()).map_err(|feature| {
        format!(
            "least squares: {} is constant, or a linear combination of the features before it, in the {} training rows; --without leaves columns out",
            names[feature],
            training.len()
        )
    })?;

    let rng = &mut Rng::new(args.run.seed);
    let line = Linear::new(names.len(), 1, rng);
    let network =
        sequential![Linear::new(names.len(), args.hidden, rng), Tanh, Linear::new(args.hidden, 1, rng)];
    let trained = train("linear", &line, 0.02, args, &training, &test)?;
    let curved = train("network", &network, 0.02, args, &training, &test)?;
    let (trained, curved) = (finished(&trained)?, finished(&curved)?);

    let exact = Linear::new(names.len(), 1, rng);
    exact.weight.set(Tensor::from_fn([1, names.len()], |i| weights[i] as f32));
    exact.bias.as_ref().expect("a bias").set(Tensor::from([bias as f32]));
    let exact_scores =
        evaluate(&test, 250, |tape, (x, y)| Outcome::regression(&exact.forward(&tape.input(x.clone())), y))?;
    let learnt: Vec<f64> = line.weight.value().iter().map(f64::from).collect();
    let apart = weights.iter().zip(&learnt).map(|(w, v)| (w - v).abs());
    let apart = apart.fold(0.0, f64::max);

    // In the units of the target.
    let unit = f64::from(of_y.deviation.item());
    let rows =
        [("least squares", &exact_scores), ("linear", trained), ("network", curved)].map(|(name, s)| {
            (name, unit * s.metric("rmse").unwrap_or(f64::NAN), s.metric("r2").unwrap_or(f64::NAN))
        });
    if args.run.json {
        let mut result = serde_json::json!({
            "rows": table.rows(),
            "test_rows": tested,
            "weights_apart": apart,
            "seconds": begin.elapsed().as_secs_f64(),
        });
        for (name, rmse, r2) in rows {
            result[name.replace(' ', "_")] = serde_json::json!({ "rmse": rmse, "r2": r2 });
        }
        println!("{result}");
        return Ok(());
    }
    // Four digits, whatever the unit.
    let digits = (3.0 - unit.log10().floor()).clamp(0.0, 9.0) as usize;
    println!("{} of {} rows are for the test; target: {}\n", tested, table.rows(), args.target);
    println!("{:<14} {:>8} {:>7}", "", "RMSE", "R²");
    for (name, rmse, r2) in rows {
        println!("{name:<14} {rmse:>8.digits$} {r2:>7.4}");
    }
    println!("\nwhat one deviation of a feature adds, by training and by least squares:");
    for ((name, w), v) in names.iter().zip(&weights).zip(&learnt) {
        println!("{name:<24} {:>9.digits$} {:>9.digits$}", unit * v, unit * w);
    }
    Ok(())
}
