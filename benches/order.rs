//! The cost of reproducible bits: the data-parallel step beside two that add the shards' gradients in whatever order is quickest.
//!
//! ```text
//! cargo run --release -p ravine-benches --bin order
//! ```
//!
//! The three take turns, step by step, over the same random images; the table has the median of each, and of the ratios.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use clap::Parser;
use ravine::autograd::Gradients;
use ravine::prelude::*;
use ravine::train::{Outcome, data_parallel};
use rayon::prelude::*;

#[derive(Parser)]
struct Args {
    /// Threads to compute with.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Steps of each kind.
    #[arg(long, default_value_t = 400)]
    steps: usize,
}

type Shards = Vec<(usize, (Tensor, Tensor<i64>))>;

fn main() {
    let args = Args::parse();
    rayon::ThreadPoolBuilder::new().num_threads(args.threads).build_global().expect("the first pool");
    println!(
        "| {} threads, µs a step | a tree of the shards | as they finish | a sum for each thread | the tree to the quickest |",
        args.threads
    );
    println!("|---|---|---|---|---|");
    // On a worker, as the trainer runs.
    rayon::scope(|_| {
        let rng = &mut Rng::new(0);
        let mlp = sequential![Flatten, Linear::new(784, 128, rng), Relu, Linear::new(128, 10, rng)];
        let lenet = sequential![
            Conv2d::new(1, 6, 5, rng).padding(2),
            Relu,
            MaxPool2d::new(2),
            Conv2d::new(6, 16, 5, rng),
            Relu,
            MaxPool2d::new(2),
            Flatten,
            Linear::new(400, 120, rng),
            Relu,
            Linear::new(120, 84, rng),
            Relu,
            Linear::new(84, 10, rng),
        ];
        for (name, model) in [("784-128-10", &mlp), ("LeNet-5", &lenet)] {
            for shards in [2, 4, 8] {
                compare(&format!("{name}, 64 images in {shards} shards"), model, shards, args.steps);
            }
        }
    });
}

/// Prints a line of the table.
fn compare(name: &str, model: &Sequential, shards: usize, steps: usize) {
    let rng = &mut Rng::new(1);
    let size = 64 / shards;
    let mut shard = || {
        let labels = Tensor::from_fn(size, |i| (i % 10) as i64);
        (size, (Tensor::randn([size, 1, 28, 28], rng), labels))
    };
    let shards: Shards = (0..shards).map(|_| shard()).collect();
    let pass = |tape: &Tape, (images, labels): &(Tensor, Tensor<i64>)| {
        Outcome::classification(&model.forward(&tape.input(images.clone())), labels)
    };
    // The step's work on one shard, for the orders that are not reproducible.
    let gradients = |(_, data): &(usize, (Tensor, Tensor<i64>))| {
        let weight = Tensor::scalar(1.0 / shards.len() as f32);
        ravine::tensor::sequential(|| pass(&Tape::train(Rng::new(2)), data).loss.backward_from(weight))
    };
    let tree = || {
        let step = data_parallel(&shards, &Rng::new(2), |tape, data| {
            Ok::<_, std::convert::Infallible>(pass(tape, data))
        });
        step.map(|found| found.gradients).ok()
    };
    let join = |sum: Option<Gradients>, more: Gradients| match sum {
        Some(mut sum) => {
            sum.add(more);
            Some(sum)
        }
        None => Some(more),
    };
    let as_they_finish = || {
        let sum = Mutex::new(None);
        shards.par_iter().for_each(|shard| {
            let found = gradients(shard);
            let mut sum = sum.lock().unwrap_or_else(PoisonError::into_inner);
            *sum = join(sum.take(), found);
        });
        sum.into_inner().unwrap_or_else(PoisonError::into_inner)
    };
    let by_thread = || {
        let sums = shards.par_iter().fold(|| None, |sum, shard| join(sum, gradients(shard)));
        sums.reduce(
            || None,
            |sum, more| match more {
                Some(more) => join(sum, more),
                None => sum,
            },
        )
    };
    let orders: [&dyn Fn() -> Option<Gradients>; 3] = [&tree, &as_they_finish, &by_thread];

    let mut times = vec![[0.0; 3]; steps];
    for times in &mut times {
        for (order, time) in orders.iter().zip(times) {
            let clock = Instant::now();
            std::hint::black_box(order());
            *time = clock.elapsed().as_secs_f64() * 1e6;
        }
    }
    let [tree, finish, thread] = [0, 1, 2].map(|order| median(times.iter().map(|times| times[order])));
    println!("| {name} | {tree:.0} | {finish:.0} | {thread:.0} | {:.2} |", tree / finish.min(thread));
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}
