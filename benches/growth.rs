//! How a step grows with batch, width, depth and threads, what one image costs, and what a step costs that has nothing to compute: for
//! `growth.py`, as lines of JSON.
//!
//! ```text
//! cargo run --release -p ravine-benches --bin growth
//! ```

mod models;

use std::convert::Infallible;
use std::hint::black_box;
use std::time::Instant;

use ravine::prelude::*;
use ravine::tensor::storage;
use ravine::train::data_parallel;
use serde_json::json;

/// A multilayer perceptron: `depth` layers of `width` units, and ten outputs.
#[derive(Clone, Copy)]
struct Size {
    batch: usize,
    width: usize,
    depth: usize,
    threads: usize,
}

impl Size {
    const MIDDLE: Size = Size { batch: 128, width: 512, depth: 4, threads: 2 };

    /// Products and sums of the matrix products of a step, in millions: forward, and backward twice that, but for the input's gradient.
    fn mflop(self) -> f64 {
        let (hidden, ends) =
            (self.width * self.width * (self.depth - 1) + self.width * 10, INPUT * self.width);
        (self.batch * (6 * hidden + 4 * ends)) as f64 / 1e6
    }

    /// The memory that a step needs at least: activations, parameters and their gradients.
    fn least_mib(self) -> f64 {
        let activations = self.batch * (INPUT + self.width * self.depth + 10);
        let parameters = INPUT * self.width + self.width * self.width * (self.depth - 1) + self.width * 10;
        (4 * (activations + 2 * parameters)) as f64 / MIB
    }
}

const INPUT: usize = 512;
const MIB: f64 = (1 << 20) as f64;

fn main() {
    let middle = Size::MIDDLE;
    for batch in [32, 64, 128, 256, 512, 1024] {
        training("batch", batch, Size { batch, ..middle });
    }
    for width in [128, 256, 512, 1024, 2048] {
        training("width", width, Size { width, ..middle });
    }
    for depth in [2, 4, 8, 16, 32] {
        training("depth", depth, Size { depth, ..middle });
    }
    for threads in [1, 2] {
        training("threads", threads, Size { threads, ..middle });
    }
    inference();
    overhead();
}

/// The shortest call of `turn` in half a second, in microseconds.
fn shortest(mut turn: impl FnMut()) -> f64 {
    let (start, mut best) = (Instant::now(), f64::INFINITY);
    while start.elapsed().as_secs_f64() < 0.5 {
        let begin = Instant::now();
        turn();
        best = best.min(begin.elapsed().as_secs_f64());
    }
    best * 1e6
}

fn training(varied: &str, value: usize, size: Size) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(size.threads).build().expect("a pool");
    storage::trim();
    let before = storage::stats().system_bytes;
    let us = pool.install(|| {
        let rng = &mut Rng::new(0);
        let mut model = sequential![Linear::new(INPUT, size.width, rng), Relu];
        for _ in 1..size.depth {
            model = model.then(Linear::new(size.width, size.width, rng)).then(Relu);
        }
        let model = model.then(Linear::new(size.width, 10, rng));
        let mut optimizer = Optimizer::new(&model, Sgd::default(), 1e-3);
        let images = Tensor::<f32>::randn([size.batch, INPUT], rng);
        let labels: Tensor<i64> = Tensor::from_fn(size.batch, |i| i as i64 % 10);
        shortest(|| {
            // In one shard, as wide layers are quickest: every kernel on all threads.
            let found = data_parallel(&[(size.batch, ())], &Rng::new(1), |tape, ()| {
                let logits = model.forward(&tape.input(images.clone()));
                Ok::<_, Infallible>(Outcome::classification(&logits, &labels))
            });
            let Ok(found) = found;
            optimizer.step(found.gradients).expect("finite gradients");
        })
    });
    let mib = (storage::stats().system_bytes - before) as f64 / MIB;
    let line = json!({
        "varied": varied, "value": value, "us": us, "mflop": size.mflop(), "mib": mib, "least_mib": size.least_mib(),
    });
    println!("{line}");
}

/// The logits of one image, as a program that serves a model would ask for them.
fn inference() {
    let rng = &mut Rng::new(0);
    let image = Tensor::<f32>::randn([1, 1, 28, 28], rng);
    for (name, model) in [("784-128-10", models::mlp(rng)), ("LeNet-5", models::lenet(rng))] {
        let us = ravine::tensor::sequential(|| {
            shortest(|| drop(black_box(model.forward(&Tape::eval().input(image.clone())))))
        });
        println!("{}", json!({"inference": name, "us": us}));
    }
}

/// A step of two shards in which there is next to nothing to compute.
fn overhead() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().expect("a pool");
    let w = Param::new(Tensor::scalar(1.0));
    let mut optimizer = Optimizer::new(&w, Sgd::default(), 1e-3);
    let us = pool.install(|| {
        shortest(|| {
            let found = data_parallel(&[(1, 1.0), (1, 2.0)], &Rng::new(1), |tape, &x: &f32| {
                Ok::<_, Infallible>(Outcome::new(tape.param(&w) * x, 1))
            });
            let Ok(found) = found;
            optimizer.step(found.gradients).expect("finite gradients");
        })
    });
    println!("{}", json!({"overhead": "step of two shards", "us": us}));
}
