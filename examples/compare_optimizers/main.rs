//! Which optimizer? Each gets the same budget to tune its rate, then several seeds, on MNIST.
//!
//! ```text
//! cargo run --release --example compare_optimizers                   all of them, a few minutes
//! cargo run --release --example compare_optimizers -- --quick        seconds, to see that it runs
//! cargo run --release --example compare_optimizers -- --optimizers sgd,momentum,adam
//! ```
//!
//! Rates are judged on images that are held out of the training set; the test set is for the table alone. Runs are spread over
//! all processors, each on one thread. A run that fails is a row of the table.

mod optimizers;
mod report;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use optimizers::{ALL, Contender};
use ravine::prelude::*;
use ravine::tensor::sequential;
use ravine_examples::{RunFlags, above_zero, bundled_mnist, make_folder, positive, start, write_file};
use rayon::prelude::*;

/// Compares optimizers on MNIST.
#[derive(Parser)]
struct Args {
    /// Which, by name, with commas between [default: all].
    #[arg(long, value_delimiter = ',')]
    optimizers: Vec<String>,
    /// Seeds for the table; rates are tuned with one more.
    #[arg(long, default_value_t = 5, value_parser = above_zero::<u64>)]
    seeds: u64,
    /// Rates that each may try.
    #[arg(long, default_value_t = 7, value_parser = above_zero::<i32>)]
    trials: i32,
    /// The factor from one rate to the next.
    #[arg(long, default_value_t = 2.5, value_parser = positive::<f64>)]
    spread: f64,
    /// Steps of a run, of 64 images.
    #[arg(long, default_value_t = 2000, value_parser = above_zero::<u64>)]
    steps: u64,
    /// 100 steps, 3 rates, 2 seeds.
    #[arg(long, conflicts_with_all = ["steps", "trials", "seeds"])]
    quick: bool,
    /// The folder with the four IDX files, gzipped or not [default: the bundled MNIST].
    #[arg(long)]
    data: Option<PathBuf>,
    #[command(flatten)]
    run: RunFlags,
}

/// One run and its outcome.
pub struct Run {
    /// The optimizer's name.
    pub optimizer: &'static str,
    /// Whether the run served to find the rate.
    pub tuning: bool,
    /// The learning rate.
    pub rate: f64,
    /// The seed of the initial weights and of the order of images.
    pub seed: u64,
    /// Loss on held-out images along the way: (step, loss).
    pub course: Vec<(f64, f64)>,
    /// The final scores, or why the run failed.
    pub end: Result<End, String>,
    /// The duration, in seconds of wall time.
    pub seconds: f64,
}

/// The scores of a run at its end.
#[derive(Clone, Copy)]
pub struct End {
    /// The loss on the images that are held out.
    pub held_out_loss: f64,
    /// The loss on the test images.
    pub test_loss: f64,
    /// The share of the test images that are read right.
    pub test_accuracy: f64,
}

fn main() -> ExitCode {
    start(run)
}

fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    let begin = Instant::now();
    let (steps, trials, seeds) = if args.quick { (100, 3, 2) } else { (args.steps, args.trials, args.seeds) };
    let contenders = chosen(&args.optimizers)?;
    let task = Task::load(args.data.clone().unwrap_or_else(bundled_mnist), steps)?;

    let folder = args.run.folder("compare_optimizers");
    make_folder(&folder)?;

    // All rates of all optimizers, then all seeds of all optimizers: two lists of independent runs.
    let rates = |contender: &Contender| {
        let middle = f64::from(trials - 1) / 2.0;
        let rate = contender.usual_rate;
        (0..trials).map(|i| rate * args.spread.powf(f64::from(i) - middle)).collect::<Vec<f64>>()
    };
    let seed = |i: u64| args.run.seed.wrapping_add(i);
    let tuning: Vec<(Contender, f64, u64)> =
        contenders.iter().flat_map(|c| rates(c).into_iter().map(|rate| (*c, rate, seed(seeds)))).collect();
    let (pool, all) = (args.run.pool()?, tuning.len() + contenders.len() * seeds as usize);
    let bar = Progress::auto().task("comparing", all);
    let run_all = |list: &[(Contender, f64, u64)], tuning: bool| -> Vec<Run> {
        let run = |&(contender, rate, seed): &(Contender, f64, u64)| {
            let run = task.run(contender, rate, seed, tuning);
            bar.advance(1);
            run
        };
        pool.install(|| list.par_iter().map(run).collect())
    };
    let mut runs = run_all(&tuning, true);
    let finals: Vec<(Contender, f64, u64)> = contenders
        .iter()
        .flat_map(|&c| (0..seeds).map(move |i| (c, seed(i))))
        .map(|(c, seed)| (c, best_rate(c, &runs), seed))
        .collect();
    runs.extend(run_all(&finals, false));
    drop(bar);

    let table = report::rank(&runs);
    let index = folder.join("index.html");
    write_file(&folder.join("runs.csv"), report::csv_of_runs(&runs))?;
    write_file(&folder.join("table.csv"), report::csv_of_table(&table))?;
    write_file(&index, report::html(&table, &runs, steps))?;
    if args.run.json {
        let mean = |estimate: Option<report::Estimate>| estimate.map(|estimate| estimate.mean);
        let rows: serde_json::Map<String, _> = table
            .iter()
            .map(|row| {
                let what = serde_json::json!({
                    "rate": row.rate,
                    "test_accuracy": mean(row.accuracy),
                    "test_loss": mean(row.loss),
                    "failed": row.failed,
                });
                (row.optimizer.to_owned(), what)
            })
            .collect();
        println!("{}", serde_json::json!({ "optimizers": rows, "seconds": begin.elapsed().as_secs_f64() }));
    } else {
        report::print(&table);
        println!("{}", index.display());
    }
    Ok(())
}

/// The optimizers of these names; all of them if there are none.
fn chosen(names: &[String]) -> Result<Vec<Contender>, String> {
    if names.is_empty() {
        return Ok(ALL.to_vec());
    }
    if let Some(twice) = (1..names.len()).find(|&i| names[..i].contains(&names[i])) {
        return Err(format!("--optimizers: found {} twice, expected each once", names[twice]));
    }
    let find = |name: &String| {
        let known = || ALL.iter().map(|c| c.name).collect::<Vec<_>>().join(", ");
        ALL.iter()
            .find(|c| c.name == name)
            .copied()
            .ok_or_else(|| format!("--optimizers: found {name}, expected some of {}", known()))
    };
    names.iter().map(find).collect()
}

/// The rate with the least loss on held-out images; the usual one if all of them failed.
fn best_rate(contender: Contender, runs: &[Run]) -> f64 {
    let tried = runs.iter().filter(|run| run.tuning && run.optimizer == contender.name);
    let ended = tried.filter_map(|run| run.end.as_ref().ok().map(|end| (run.rate, end.held_out_loss)));
    ended.min_by(|a, b| a.1.total_cmp(&b.1)).map_or(contender.usual_rate, |(rate, _)| rate)
}

/// Digits to read: images to train on, to tune by, and to be judged by.
struct Task {
    train: ImageSet,
    held_out: (Tensor, Tensor<i64>),
    test: (Tensor, Tensor<i64>),
    steps: u64,
}

/// The last images of the training set, which no run trains on.
const HELD_OUT: usize = 5000;

impl Task {
    fn load(data: PathBuf, steps: u64) -> Result<Self, Box<dyn Error>> {
        let Mnist { train, test, .. } = Mnist::load(data)?;
        if train.len() <= HELD_OUT {
            return Err(format!(
                "--data: found {} training images, expected more than {HELD_OUT}",
                train.len()
            )
            .into());
        }
        let rows = |range: std::ops::Range<usize>| range.collect::<Vec<usize>>();
        let held_out = train.select(&rows(train.len() - HELD_OUT..train.len()));
        let test = test.select(&rows(0..test.len()));
        Ok(Task { train, held_out, test, steps })
    }

    /// One run, on this thread alone.
    fn run(&self, contender: Contender, rate: f64, seed: u64, tuning: bool) -> Run {
        let (start, mut course) = (Instant::now(), Vec::new());
        let end =
            sequential(|| self.train(contender, rate, seed, &mut course)).map_err(|error| error.to_string());
        let seconds = start.elapsed().as_secs_f64();
        Run { optimizer: contender.name, tuning, rate, seed, course, end, seconds }
    }

    fn train(
        &self,
        contender: Contender,
        rate: f64,
        seed: u64,
        course: &mut Vec<(f64, f64)>,
    ) -> Result<End, Box<dyn Error>> {
        let rng = &mut Rng::new(seed);
        let pixels = self.train.shape().iter().product();
        let model = sequential![Flatten, Linear::new(pixels, 64, rng), Relu, Linear::new(64, 10, rng)];
        let mut optimizer = (contender.make)(&model, rate, self.steps);
        let plan = Plan::new(self.train.len() - HELD_OUT, 64, Order::Shuffled { seed });
        let (mut step, every) = (0, (self.steps / 20).max(1));
        for epoch in 0.. {
            let epoch = plan.epoch(epoch);
            for batch in 0..epoch.len() {
                if step % every == 0 || step == self.steps {
                    let _averaged = optimizer.averaged();
                    course.push((step as f64, judge(&model, &self.held_out).0));
                }
                if step == self.steps {
                    let _averaged = optimizer.averaged();
                    let ((held_out_loss, _), (test_loss, test_accuracy)) =
                        (judge(&model, &self.held_out), judge(&model, &self.test));
                    if !held_out_loss.is_finite() {
                        return Err(format!("the loss is {held_out_loss} in the end").into());
                    }
                    return Ok(End { held_out_loss, test_loss, test_accuracy });
                }
                let (images, labels) = self.train.batch(epoch.batch(batch))?;
                let loss = model.forward(&Tape::new().input(images)).cross_entropy(&labels);
                optimizer.step(loss.backward()).map_err(|error| format!("step {step}: {error}"))?;
                step += 1;
            }
        }
        unreachable!("epochs do not end")
    }
}

/// The mean loss, and the share that is read right.
fn judge(model: &impl Layer, (images, labels): &(Tensor, Tensor<i64>)) -> (f64, f64) {
    let logits = model.forward(&Tape::new().input(images.clone()));
    let right =
        logits.value().argmax(1).iter().zip(labels.iter()).filter(|(found, label)| found == label).count();
    (f64::from(logits.cross_entropy(labels).item()), right as f64 / labels.numel() as f64)
}
