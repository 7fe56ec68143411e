//! One kernel at a time, for `micro.py` to set beside PyTorch: prints the microseconds of each, as a JSON object.
//!
//! ```text
//! cargo run --release -p ravine-benches --bin micro -- --threads 2 --only matmul
//! ```

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Instant;

use clap::Parser;
use ravine::autograd::Gradients;
use ravine::nn::Relu6;
use ravine::optim::NonFinite;
use ravine::prelude::*;
use ravine::tensor::ConvOptions;

#[derive(Parser)]
struct Args {
    /// Threads to compute with.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Only the kernels whose names begin with this.
    #[arg(long, default_value = "")]
    only: String,
    /// Seconds to spend on each in a pass.
    #[arg(long, default_value_t = 0.1)]
    seconds: f64,
}

/// Passes over all kernels, of which the fastest counts: the placement of a kernel's memory can change its time by a factor of two.
const PASSES: usize = 4;

/// The measurements by name, in microseconds.
struct Bench {
    args: Args,
    found: BTreeMap<String, f64>,
}

impl Bench {
    fn keep(&mut self, name: String, seconds: f64) {
        let best = self.found.entry(name).or_insert(f64::INFINITY);
        *best = best.min(seconds * 1e6);
    }

    /// The shortest of many runs, in microseconds: what the kernel takes when nobody disturbs it.
    fn run<R>(&mut self, name: String, mut f: impl FnMut() -> R) {
        if !name.starts_with(&self.args.only) {
            return;
        }
        let (start, mut best) = (Instant::now(), f64::INFINITY);
        let mut runs = 0;
        while runs < 3 || start.elapsed().as_secs_f64() < self.args.seconds {
            let begin = Instant::now();
            black_box(f());
            best = best.min(begin.elapsed().as_secs_f64());
            runs += 1;
        }
        self.keep(name, best);
    }

    /// The shortest of many steps; handing it its gradients (the sum of two shards', as the data-parallel step makes it) and freeing them
    /// does not count.
    fn steps(&mut self, name: String, params: &[Param], grads: &[Tensor], optimizer: &mut dyn Optimize) {
        if !name.starts_with(&self.args.only) {
            return;
        }
        let (start, mut best) = (Instant::now(), f64::INFINITY);
        let other = Param::new(Tensor::scalar(1.0));
        while start.elapsed().as_secs_f64() < self.args.seconds {
            let shard = || {
                let mut gradients: Gradients = Tape::new().param(&other).backward();
                params.iter().zip(grads).for_each(|(param, grad)| gradients.insert(param, grad.clone()));
                gradients
            };
            let mut gradients = shard();
            gradients.add(shard());
            let _kept: Vec<Tensor> = gradients.iter().map(|(_, grad)| grad.clone()).collect();
            let begin = Instant::now();
            black_box(optimizer.step(gradients)).expect("finite gradients");
            best = best.min(begin.elapsed().as_secs_f64());
        }
        self.keep(name, best);
    }
}

fn main() {
    let args = Args::parse();
    rayon::ThreadPoolBuilder::new().num_threads(args.threads).build_global().expect("the first pool");
    let mut bench = Bench { args, found: BTreeMap::new() };
    // On a worker, as the trainer runs.
    rayon::scope(|_| {
        for _ in 0..PASSES {
            matmul(&mut bench);
            conv(&mut bench);
            elementwise(&mut bench);
            rows(&mut bench);
            layers(&mut bench);
            optimizers(&mut bench);
        }
    });
    println!("{}", serde_json::json!(bench.found));
}

fn matmul(bench: &mut Bench) {
    let rng = &mut Rng::new(0);
    for n in [512, 1024, 2048] {
        let (a, b) = (Tensor::<f32>::randn([n, n], rng), Tensor::<f32>::randn([n, n], rng));
        bench.run(format!("matmul {n}x{n}x{n}"), || a.matmul(&b));
    }
    for (m, k, n) in
        [(1, 784, 128), (8, 784, 128), (32, 784, 128), (64, 784, 128), (128, 784, 128), (128, 1024, 1024)]
    {
        let (x, w, dy) = (
            Tensor::<f32>::randn([m, k], rng),
            Tensor::<f32>::randn([n, k], rng),
            Tensor::<f32>::randn([m, n], rng),
        );
        bench.run(format!("matmul x·Wᵀ {m}x{k}x{n}"), || x.matmul(&w.t()));
        bench.run(format!("matmul dy·W {m}x{n}x{k}"), || dy.matmul(&w));
        bench.run(format!("matmul dyᵀ·x {n}x{m}x{k}"), || dy.t().matmul(&x));
    }
}

fn conv(bench: &mut Bench) {
    let rng = &mut Rng::new(0);
    for (inputs, outputs, kernel, size, padding, stride, groups) in [
        (1, 32, 3, 28, 0, 1, 1),
        (32, 64, 3, 26, 0, 1, 1),
        (64, 64, 3, 14, 1, 1, 1),
        (3, 16, 5, 32, 0, 1, 1),
        (64, 128, 3, 28, 1, 2, 1),
        (64, 64, 3, 28, 1, 1, 64),
        (64, 64, 3, 28, 1, 2, 64),
        (128, 128, 3, 14, 1, 1, 32),
    ] {
        let options =
            ConvOptions { padding: [padding; 2], stride: [stride; 2], groups, ..ConvOptions::default() };
        let x = Tensor::<f32>::randn([64, inputs, size, size], rng);
        let w = Tensor::<f32>::randn([outputs, inputs / groups, kernel, kernel], rng);
        let dy = x.conv2d(&w, None, &options);
        let name = format!("{inputs}-{outputs} k{kernel} at {size}, stride {stride}, groups {groups}");
        bench.run(format!("conv forward {name}"), || x.conv2d(&w, None, &options));
        bench.run(format!("conv input gradient {name}"), || dy.conv2d_input_grad(&w, [size, size], &options));
        bench.run(format!("conv weight gradient {name}"), || {
            x.conv2d_weight_grad(&dy, [kernel, kernel], &options)
        });
    }
}

fn elementwise(bench: &mut Bench) {
    let rng = &mut Rng::new(0);
    for n in [1_000, 10_000, 100_000, 10_000_000] {
        let [a, b, c] = [0; 3].map(|_| Tensor::<f32>::randn(n, rng));
        bench.run(format!("element-wise add {n}"), || &a + &b);
        bench.run(format!("element-wise mul-add {n}"), || a.zip3(&b, &c, |a, b, c| a * b + c));
        bench.run(format!("element-wise relu {n}"), || a.relu());
        bench.run(format!("element-wise exp {n}"), || a.exp());
        bench.run(format!("element-wise tanh {n}"), || a.tanh());
        bench.run(format!("element-wise gelu {n}"), || a.gelu());
        bench.run(format!("element-wise sum {n}"), || a.sum(..));
        bench.run(format!("element-wise squared norm {n}"), || a.norm_squared());
    }
}

fn rows(bench: &mut Bench) {
    let rng = &mut Rng::new(0);
    for (rows, columns) in [(64, 10), (64, 128), (100, 1000), (4096, 1000), (10_000, 1000)] {
        let x = Tensor::<f32>::randn([rows, columns], rng);
        bench.run(format!("rows softmax {rows}x{columns}"), || x.softmax());
        bench.run(format!("rows variance and mean {rows}x{columns}"), || (x.var(-1, 0), x.mean(-1)));
        bench.run(format!("rows sum {rows}x{columns}"), || x.sum(-1));
        bench.run(format!("rows sum of columns {rows}x{columns}"), || x.sum(0));
    }
}

/// Layers forward and backward, as a training pass runs them in one shard.
fn layers(bench: &mut Bench) {
    let rng = &mut Rng::new(3);
    let mut layer = |name: &str, shape: &[usize], forward: &dyn Fn(&Var) -> Var| {
        let x = Tensor::randn(shape, &mut Rng::new(4));
        let dy = Tensor::randn(*forward(&Tape::eval().input(x.clone())).shape(), &mut Rng::new(5));
        bench.run(format!("layer {name}"), || {
            let x = Tape::train(Rng::new(6)).variable(x.clone());
            forward(&x).backward_from(dy.clone())
        });
    };
    let norm = LayerNorm::new([256]);
    layer("layer norm 2048x256", &[2048, 256], &|x| norm.forward(x));
    let norm = BatchNorm2d::new(64);
    layer("batch norm 64x64x14x14", &[64, 64, 14, 14], &|x| norm.forward(x));
    let pool = MaxPool2d::new(2);
    layer("max-pooling 2x2 64x64x24x24", &[64, 64, 24, 24], &|x| pool.forward(x));
    let lstm = Lstm::new(28, 128, 1, rng);
    layer("LSTM 28-128, 28 steps, batch 64", &[64, 28, 28], &|x| lstm.forward(x).0);
    let gru = Gru::new(28, 128, 1, rng);
    layer("GRU 28-128, 28 steps, batch 64", &[64, 28, 28], &|x| gru.forward(x).0);
    let attention = MultiHeadAttention::new(128, 8, rng);
    layer("attention, 8 heads, 32x64x128", &[32, 64, 128], &|x| attention.forward(x, x, x, &Mask::none()));
    layer("causal attention, 8 heads, 32x64x128", &[32, 64, 128], &|x| {
        attention.forward(x, x, x, &Mask::causal())
    });
    let block = TransformerEncoderLayer::new(128, 8, rng);
    layer("transformer layer, 8 heads, 32x64x128", &[32, 64, 128], &|x| block.forward(x));
    let mut block = |inputs, outputs, kernel, groups| {
        let conv = Conv2d::grouped(inputs, outputs, kernel, groups, rng).padding(kernel / 2).no_bias();
        sequential![conv, BatchNorm2d::new(outputs)]
    };
    let residual = Residual::new(sequential![block(64, 64, 3, 1), Relu, block(64, 64, 3, 1)]);
    layer("residual block, 64 channels, 64x64x14x14", &[64, 64, 14, 14], &|x| residual.forward(x).relu());
    let bottleneck = Residual::new(sequential![
        block(256, 128, 1, 1),
        Relu,
        block(128, 128, 3, 32),
        Relu,
        block(128, 256, 1, 1)
    ]);
    layer("ResNeXt block, 32 groups of 4, 32x256x14x14", &[32, 256, 14, 14], &|x| {
        bottleneck.forward(x).relu()
    });
    let inverted = Residual::new(sequential![
        block(32, 192, 1, 1),
        Relu6,
        block(192, 192, 3, 192),
        Relu6,
        block(192, 32, 1, 1)
    ]);
    layer("MobileNet block, 192 channels, 32x32x14x14", &[32, 32, 14, 14], &|x| inverted.forward(x));
    let labels = Tensor::from_fn([512], |i| i as i64 * 7 % 1000);
    layer("cross-entropy 512x1000", &[512, 1000], &|x| x.cross_entropy(&labels));
}

/// Steps alone, with given gradients: with the check for non-finite gradients before anything is changed, and without.
fn optimizers(bench: &mut Bench) {
    for (name, count, numel) in [
        ("10,000,000 weights", 1, 10_000_000),
        ("100,000 weights", 1, 100_000),
        ("10,000 parameters of 8 weights", 10_000, 8),
    ] {
        let params: Vec<Param> = (0..count).map(|_| Param::new(Tensor::ones([numel]))).collect();
        let grads: Vec<Tensor> =
            params.iter().map(|_| Tensor::randn([numel], &mut Rng::new(1)) * 1e-6).collect();
        for (look, policy) in [("", NonFinite::Error), (", no look", NonFinite::Ignore)] {
            let sgd = Optimizer::new(&params, Sgd::momentum(0.9), 1e-3).non_finite(policy);
            let adam = Optimizer::new(&params, Adam::default(), 1e-3).non_finite(policy);
            let both: [(&str, Box<dyn Optimize>); 2] =
                [("SGD with momentum", Box::new(sgd)), ("Adam", Box::new(adam))];
            for (rule, mut optimizer) in both {
                bench.steps(format!("optimizer {rule}, {name}{look}"), &params, &grads, &mut *optimizer);
            }
        }
    }
}
