//! What the tape costs: recording an op, and taking it back.
//!
//! ```text
//! cargo bench -p ravine-benches --bench tape
//! ```
//!
//! Times are per op of a chain of scalar additions. The overhead of recording is the difference between `recorded` and `not recorded`, which
//! does the same arithmetic on the same tensors.

#![allow(missing_docs, reason = "of the functions that `criterion_group!` writes")]

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use ravine::prelude::*;

const OPS: u64 = 10_000;

fn chain(x: &Var) -> Var {
    let mut y = x + 1.0;
    for _ in 1..OPS {
        y = y + 1.0;
    }
    y
}

fn tape(c: &mut Criterion) {
    let mut group = c.benchmark_group("scalar adds");
    group.throughput(Throughput::Elements(OPS)).measurement_time(Duration::from_secs(2)).sample_size(50);
    group.warm_up_time(Duration::from_millis(500));
    // What is returned is dropped outside the measurement.
    group.bench_function("tensors alone", |b| {
        b.iter(|| (0..OPS).fold(Tensor::scalar(black_box(1.0)), |x: Tensor, _| &x + 1.0));
    });
    group.bench_function("not recorded", |b| {
        b.iter_with_large_drop(|| chain(&Tape::eval().input(Tensor::scalar(1.0))));
    });
    group.bench_function("recorded", |b| {
        b.iter_with_large_drop(|| chain(&Tape::new().variable(Tensor::scalar(1.0))));
    });
    group.bench_function("recorded and dropped", |b| {
        b.iter(|| chain(&Tape::new().variable(Tensor::scalar(1.0))));
    });
    group.bench_function("backward", |b| {
        let setup = || chain(&Tape::new().variable(Tensor::scalar(1.0)));
        b.iter_batched(setup, |y| (y.backward(), y), BatchSize::LargeInput);
    });
    group.finish();
}

criterion_group!(benches, tape);
criterion_main!(benches);
