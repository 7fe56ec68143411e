//! The parts: matrix products, convolutions, element-wise kernels, and a whole step of a small model, on one thread and on all.
//!
//! ```text
//! cargo bench -p ravine-benches
//! ```

#![allow(missing_docs, reason = "of the functions that `criterion_group!` writes")]

use std::hint::black_box;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ravine::prelude::*;
use ravine::tensor::{ConvOptions, PoolOptions, sequential as on_one_thread};
use ravine::train::data_parallel;

fn matmul(c: &mut Criterion) {
    let mut group = c.benchmark_group("matmul");
    let rng = &mut Rng::new(0);
    for (m, k, n) in [(32, 784, 128), (64, 1024, 1024), (512, 512, 512), (1024, 1024, 1024)] {
        group.throughput(Throughput::Elements(2 * (m * k * n) as u64));
        let (x, w, dy) = (
            Tensor::<f32>::randn([m, k], rng),
            Tensor::<f32>::randn([n, k], rng),
            Tensor::<f32>::randn([m, n], rng),
        );
        let size = format!("{m}x{k}x{n}");
        group.bench_function(BenchmarkId::new("x·Wᵀ, one thread", &size), |b| {
            b.iter(|| on_one_thread(|| black_box(x.matmul(&w.t()))))
        });
        group.bench_function(BenchmarkId::new("dy·W, one thread", &size), |b| {
            b.iter(|| on_one_thread(|| black_box(dy.matmul(&w))))
        });
        group.bench_function(BenchmarkId::new("dyᵀ·x, one thread", &size), |b| {
            b.iter(|| on_one_thread(|| black_box(dy.t().matmul(&x))))
        });
        group.bench_function(BenchmarkId::new("x·Wᵀ, all threads", &size), |b| {
            b.iter(|| black_box(x.matmul(&w.t())))
        });
    }
    group.finish();
}

fn conv(c: &mut Criterion) {
    let mut group = c.benchmark_group("conv2d");
    group.sample_size(20);
    let rng = &mut Rng::new(0);
    for (inputs, outputs, kernel, size, padding, stride) in [
        (1, 6, 5, 28, 2, 1),
        (6, 16, 5, 14, 0, 1),
        (1, 32, 3, 28, 0, 1),
        (32, 64, 3, 26, 0, 1),
        (64, 64, 3, 14, 1, 1),
        (64, 128, 3, 14, 1, 2),
    ] {
        let options = ConvOptions { padding: [padding; 2], stride: [stride; 2], ..ConvOptions::default() };
        let x = Tensor::<f32>::randn([64, inputs, size, size], rng);
        let w = Tensor::<f32>::randn([outputs, inputs, kernel, kernel], rng);
        let dy = x.conv2d(&w, None, &options);
        group.throughput(Throughput::Elements(2 * (dy.numel() * inputs * kernel * kernel) as u64));
        let name = format!("{inputs}-{outputs} k{kernel} at {size}, stride {stride}");
        group.bench_function(BenchmarkId::new("forward", &name), |b| {
            b.iter(|| black_box(x.conv2d(&w, None, &options)))
        });
        group.bench_function(BenchmarkId::new("input gradient", &name), |b| {
            b.iter(|| black_box(dy.conv2d_input_grad(&w, [size, size], &options)))
        });
        group.bench_function(BenchmarkId::new("weight gradient", &name), |b| {
            b.iter(|| black_box(x.conv2d_weight_grad(&dy, [kernel, kernel], &options)))
        });
    }
    group.finish();
}

fn elementwise(c: &mut Criterion) {
    let mut group = c.benchmark_group("element-wise");
    for n in [1_000, 100_000, 10_000_000] {
        group.throughput(Throughput::Elements(n as u64));
        let (a, b) = (Tensor::<f32>::randn(n, &mut Rng::new(0)), Tensor::<f32>::randn(n, &mut Rng::new(1)));
        group.bench_function(BenchmarkId::new("add", n), |bench| bench.iter(|| black_box(&a + &b)));
        group.bench_function(BenchmarkId::new("relu", n), |bench| bench.iter(|| black_box(a.relu())));
        group.bench_function(BenchmarkId::new("exp", n), |bench| bench.iter(|| black_box(a.exp())));
        group.bench_function(BenchmarkId::new("sum", n), |bench| bench.iter(|| black_box(a.sum(..))));
    }
    let x = Tensor::<f32>::randn([64, 64, 24, 24], &mut Rng::new(2));
    group.throughput(Throughput::Elements(x.numel() as u64));
    group.bench_function("max_pool2d 2x2", |b| b.iter(|| black_box(x.max_pool2d(&PoolOptions::square(2)))));
    let logits = Tensor::<f32>::randn([1000, 1000], &mut Rng::new(3));
    group.throughput(Throughput::Elements(logits.numel() as u64));
    group.bench_function("softmax 1000x1000", |b| b.iter(|| black_box(logits.softmax())));
    group.finish();
}

/// A step of one large parameter, which should take what memory takes, and one of many tiny ones.
fn optimizers(c: &mut Criterion) {
    let mut group = c.benchmark_group("optimizer");
    group.sample_size(20);
    let mut bench = |name: &str, numels: &[usize], make: &dyn Fn(&Vec<Param>) -> Box<dyn Optimize>| {
        let params: Vec<Param> = numels.iter().map(|&n| Param::new(Tensor::ones([n]))).collect();
        let grads: Vec<Tensor> =
            numels.iter().map(|&n| Tensor::randn([n], &mut Rng::new(1)) * 1e-6).collect();
        let mut optimizer = make(&params);
        let gradients = || {
            let mut all = Tape::new().param(&params[0]).sum(..).backward();
            params.iter().zip(&grads).for_each(|(param, grad)| all.insert(param, grad.clone()));
            all
        };
        group.throughput(Throughput::Elements(numels.iter().sum::<usize>() as u64));
        group.bench_function(name, |b| {
            b.iter_batched(gradients, |g| optimizer.step(g).unwrap(), BatchSize::PerIteration)
        });
    };
    let large = [10_000_000];
    bench("SGD, 10M", &large, &|p| Box::new(Optimizer::new(p, Sgd::default(), 1e-3)));
    bench("SGD with momentum, 10M", &large, &|p| Box::new(Optimizer::new(p, Sgd::momentum(0.9), 1e-3)));
    bench("Adam, 10M", &large, &|p| Box::new(Optimizer::new(p, Adam::default(), 1e-3)));
    bench("AdamW, 10M", &large, &|p| Box::new(Optimizer::new(p, AdamW::default(), 1e-3)));
    let tiny = vec![8; 10_000];
    bench("Adam, 10,000 of 8", &tiny, &|p| Box::new(Optimizer::new(p, Adam::default(), 1e-3)));
    group.finish();
}

/// A step of 784-128-10 with batch 64 in two shards: forward, backward, sum, update.
fn step(c: &mut Criterion) {
    let rng = &mut Rng::new(0);
    let model = sequential![Linear::new(784, 128, rng), Relu, Linear::new(128, 10, rng)];
    let mut optimizer = Optimizer::new(&model, Sgd::momentum(0.9), 1e-4);
    let shard = |rng: &mut Rng| {
        let labels: Tensor<i64> = Tensor::from_fn(32, |i| i as i64 % 10);
        (32, (Tensor::<f32>::randn([32, 784], rng), labels))
    };
    let shards = [shard(rng), shard(rng)];
    let mut group = c.benchmark_group("step");
    group.throughput(Throughput::Elements(64));
    let rng = Rng::new(1);
    group.bench_function("784-128-10, batch 64", |b| {
        b.iter(|| {
            let found = data_parallel(&shards, &rng, |tape, (x, labels)| {
                let logits = model.forward(&tape.input(x.clone()));
                Ok::<_, std::convert::Infallible>(Outcome::classification(&logits, labels))
            });
            optimizer.step(found.unwrap().gradients).unwrap();
        })
    });
    group.finish();
    let mut group = c.benchmark_group("tape");
    group.throughput(Throughput::Elements(1000));
    group.bench_function("1000 additions of scalars, recorded and differentiated", |b| {
        b.iter(|| {
            let tape = Tape::<f32>::new();
            let x = tape.variable(Tensor::scalar(1.0));
            let y = (0..1000).fold(x.clone(), |y, _| y + 1.0);
            black_box(y.backward().wrt(&x).map(Tensor::item))
        })
    });
    group.finish();
}

criterion_group!(benches, matmul, conv, elementwise, optimizers, step);
criterion_main!(benches);
