//! Tells two half-moons apart that reach into each other, and draws where the model changes its mind.
//!
//! ```text
//! cargo run --release --example two_moons                     writes runs/two_moons/{report.html, boundary.svg}
//! cargo run --release --example two_moons -- --noise 0.1
//! ```
//!
//! The moons overlap, so no model can be right about every point. Since we make them ourselves, we know which class is the more likely at each
//! point, and so how good a model can be: with noise of 0.2 it gets 96.6 % of 4000 test points right, of 96.7 % that are possible.

use std::error::Error;
use std::f32::consts::PI;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use ravine::plot::{Axis, BLUE, ORANGE, Plot, shade};
use ravine::prelude::*;
use ravine_examples::{TrainFlags, above_zero, finished, positive, start, write_file};

/// Learns to tell two half-moons apart, and draws the boundary.
#[derive(Parser)]
struct Args {
    /// Epochs: passes over the 1000 points.
    #[arg(long, default_value_t = 60, value_parser = above_zero::<usize>)]
    epochs: usize,
    /// The peak learning rate.
    #[arg(long, default_value_t = 0.01, value_parser = positive::<f64>)]
    lr: f64,
    /// How far points are from their moon (the standard deviation along each axis).
    #[arg(long, default_value_t = 0.2, value_parser = positive::<f32>)]
    noise: f32,
    #[command(flatten)]
    run: TrainFlags,
}

// ------------------------------------------------------------------------------------------------------------------ data

/// The place `t`, from 0 to 1, along a moon.
fn moon(which: usize, t: f32) -> [f32; 2] {
    let (sin, cos) = (PI * t).sin_cos();
    if which == 0 { [cos, sin] } else { [1.0 - cos, 0.5 - sin] }
}

/// So many points, the moons in turn.
fn moons(points: usize, noise: f32, rng: &mut Rng) -> TensorSet {
    let places = Tensor::uniform([points], 0.0, 1.0, rng).to_vec();
    let on_the_moon = Tensor::from_fn([points, 2], |i| moon(i / 2 % 2, places[i / 2])[i % 2]);
    let beside_it = Tensor::<f32>::randn([points, 2], rng) * noise;
    TensorSet::new(on_the_moon + beside_it, Tensor::from_fn(points, |i| (i % 2) as i64))
}

/// The moon from which a point more likely comes; a moon's density is the mean of normal densities around its points.
fn likelier(x: f32, y: f32, noise: f32) -> i64 {
    let logarithms = |which| -> Vec<f32> {
        let places = (0..200).map(|i| moon(which, (i as f32 + 0.5) / 200.0));
        places.map(|[a, b]| -((x - a).powi(2) + (y - b).powi(2)) / (2.0 * noise * noise)).collect()
    };
    let [first, second] = [logarithms(0), logarithms(1)];
    // Relative to the largest density, as all are 0 in numbers if there is little noise.
    let largest = first.iter().chain(&second).copied().fold(f32::NEG_INFINITY, f32::max);
    let density = |logarithms: &[f32]| logarithms.iter().map(|l| (l - largest).exp()).sum::<f32>();
    i64::from(density(&second) > density(&first))
}

// ----------------------------------------------------------------------------------------------------------------- model

/// Points `[batch, 2]` to logits `[batch, 2]`.
fn model(rng: &mut Rng) -> Sequential {
    sequential![Linear::new(2, 32, rng), Relu, Linear::new(32, 32, rng), Relu, Linear::new(32, 2, rng)]
}

// --------------------------------------------------------------------------------------------------------------- picture

/// The corners of the picture.
const FROM: [f64; 2] = [-1.7, -1.2];
const TO: [f64; 2] = [2.7, 1.7];
/// Into how many cells it is divided.
const CELLS: [usize; 2] = [220, 145];
/// From certainly the first moon to certainly the second.
const CERTAINTY: [&str; 9] =
    ["#9dbdec", "#b1cbf0", "#c6d9f4", "#dde8f8", "#f4f4f4", "#fae6d6", "#f7d3b7", "#f3bf98", "#efab79"];

/// The model's probabilities over the plane, and its decision boundary.
fn draw(model: &dyn Layer, points: &TensorSet, title: &str) -> Plot {
    let [columns, rows] = CELLS;
    let place = |axis: usize, cell: usize| {
        FROM[axis] + (TO[axis] - FROM[axis]) * (cell as f64 + 0.5) / CELLS[axis] as f64
    };
    let cells = Tensor::from_fn([rows * columns, 2], |i| {
        let (cell, axis) = (i / 2, i % 2);
        place(axis, if axis == 0 { cell % columns } else { cell / columns }) as f32
    });
    let probability =
        model.forward(&Tape::eval().input(cells)).softmax().into_value().narrow(1, 1, 1).to_vec();
    let at = |column: usize, row: usize| f64::from(probability[row * columns + column]);

    let mut boundary = Vec::new();
    for (column, row) in (1..columns).flat_map(|column| (1..rows).map(move |row| (column, row))) {
        let here = at(column, row) - 0.5;
        for (column_there, row_there) in [(column - 1, row), (column, row - 1)] {
            let there = at(column_there, row_there) - 0.5;
            if (here < 0.0) != (there < 0.0) {
                let share = here / (here - there);
                let between = |axis, a, b| place(axis, a) + share * (place(axis, b) - place(axis, a));
                boundary.push((between(0, column, column_there), between(1, row, row_there)));
            }
        }
    }

    let [x, y] = [("x", 0), ("y", 1)].map(|(label, axis)| Axis::linear(label, FROM[axis], TO[axis]));
    let mut plot = Plot::new(title, x, y).height(370.0);
    plot.map((0..rows).map(|row| (0..columns).map(|c| shade(&CERTAINTY, at(c, row))).collect()).collect());
    for (which, (name, colour)) in [("first moon", BLUE), ("second moon", ORANGE)].into_iter().enumerate() {
        let own = (0..points.len()).filter(|&i| points.y().at([i]) == which as i64);
        let own: Vec<_> = own.map(|i| [0, 1].map(|axis| f64::from(points.x().at([i, axis])))).collect();
        plot.dots(name, colour, 1.7, &own.iter().map(|&[x, y]| (x, y)).collect::<Vec<_>>());
    }
    plot.dots("boundary", "#1d2530", 0.8, &boundary);
    plot
}

// ------------------------------------------------------------------------------------------------------------------- run

fn main() -> ExitCode {
    start(run)
}

fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    let begin = Instant::now();
    let rng = &mut Rng::new(args.run.seed);
    let (train, test) = (moons(1000, args.noise, rng), moons(4000, args.noise, rng));
    let model = model(rng);
    let steps = (args.epochs as u64).saturating_mul(1000u64.div_ceil(50));
    let mut optimizer = Optimizer::new(&model, Adam::default(), Cosine::new(args.lr, steps));
    let folder = args.run.folder("two_moons");
    let report = args
        .run
        .trainer(&folder)?
        .epochs(args.epochs)
        .batch_size(50)
        .evaluate_every(steps as usize / 5)
        .note("model", "two moons")
        .note("learning rate", args.lr)
        .note("noise", args.noise)
        .run(&model, &mut optimizer, &train, Some(&test), |tape, (points, labels)| {
            Outcome::classification(&model.forward(&tape.input(points.clone())), labels)
        })?;

    let accuracy = finished(&report)?.metric("accuracy").unwrap_or(f64::NAN);
    let (x, y) = (test.x(), test.y());
    let right = (0..test.len()).filter(|&i| likelier(x.at([i, 0]), x.at([i, 1]), args.noise) == y.at([i]));
    let possible = right.count() as f64 / test.len() as f64;

    let title = format!("two moons: {:.1} % right, of {:.1} % possible", 100.0 * accuracy, 100.0 * possible);
    let picture = folder.join("boundary.svg");
    write_file(&picture, draw(&model, &train, &title).svg())?;
    if args.run.json {
        let result = serde_json::json!({
            "test_accuracy": accuracy,
            "possible_accuracy": possible,
            "steps": report.steps,
            "seconds": begin.elapsed().as_secs_f64(),
            "weights_hash": weights_hash(&model),
        });
        println!("{result}");
    } else {
        println!("{title}\n{}", picture.display());
    }
    Ok(())
}
