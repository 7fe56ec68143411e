//! The memory that a pass takes from the system, as counted by the tensors' storage. The tests run one at a time, each in one thread.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ravine_autograd::{Param, Tape, Var, checkpoint};
use ravine_tensor::{Rng, Tensor, sequential, storage};

/// Held by the running test; the others wait.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The result of `f`, and the bytes that it took from the system for blocks of tensors. None is returned before the next `trim`, so this is
/// the peak in use, plus what was taken because no free block fitted.
fn taken_by<R>(f: impl FnOnce() -> R) -> (R, usize) {
    storage::trim();
    let before = storage::stats().system_bytes;
    let result = sequential(f);
    (result, storage::stats().system_bytes - before)
}

const MB: f64 = (1 << 20) as f64;

/// `depth` layers of `width` tanh units over a batch, each wrapped as `layer` says.
fn deep(params: &[Arc<Param>], x: &Tensor, layer: fn(Arc<Param>, &Var) -> Var) -> (Tensor, Vec<Tensor>) {
    let tape = Tape::train(Rng::new(1));
    let out = params.iter().fold(tape.input(x.clone()), |x, param| layer(param.clone(), &x));
    let loss = out.square().mean(..);
    drop(out);
    let grads = loss.backward();
    (loss.into_value(), params.iter().map(|param| grads.get(param).unwrap().clone()).collect())
}

/// One layer: five activations are kept.
fn layer(weight: &Param, x: &Var) -> Var {
    let tape = x.tape();
    let h = x.matmul(&tape.param(weight)).tanh();
    let h = tape.with_rng(|rng| h.dropout(0.1, rng)).sigmoid().exp();
    h / 3.0
}

#[test]
fn checkpoints_save_memory_and_keep_every_bit() {
    let _alone = alone();
    let rng = &mut Rng::new(0);
    let params: Vec<_> = (0..16).map(|_| Arc::new(Param::new(Tensor::randn([64, 64], rng) * 0.1))).collect();
    let x = Tensor::randn([1024, 64], rng);
    let (plain, much) = taken_by(|| deep(&params, &x, |w, x| layer(&w, x)));
    let (again, little) = taken_by(|| deep(&params, &x, |w, x| checkpoint(move |[x]| layer(&w, x), [x])));
    assert!(plain == again, "bits changed");
    let (much, little) = (much as f64 / MB, little as f64 / MB);
    // 16 layers of 5 activations of 1/4 MB each; with checkpoints 16 inputs and the activations of one layer.
    assert!(much > 19.0 && little < 7.0, "{much:.1} MB without checkpoints, {little:.1} MB with");
}

/// The bytes that the first training step of a network takes, in relation to those of its activations, parameters and gradients.
fn step(batch: usize, sizes: &[usize]) -> f64 {
    // The input is an activation like the others: the derivative of the first layer keeps it.
    let activations: usize = sizes.iter().map(|n| batch * n).sum();
    let parameters: usize = sizes.windows(2).map(|pair| pair[0] * pair[1] + pair[1]).sum();
    let (_kept, bytes) = taken_by(|| {
        let rng = &mut Rng::new(0);
        let layer = |pair: &[usize]| {
            let weight = Tensor::randn([pair[1], pair[0]], rng) * 0.05;
            (Param::new(weight), Param::new(Tensor::zeros([pair[1]])))
        };
        let layers: Vec<(Param, Param)> = sizes.windows(2).map(layer).collect();
        let tape = Tape::new();
        let mut h = tape.input(Tensor::randn([batch, sizes[0]], &mut Rng::new(1)));
        for (weight, bias) in &layers {
            h = h.linear(&tape.param(weight), Some(&tape.param(bias))).relu();
        }
        let loss = h.square().mean(..);
        drop(h);
        let grads = loss.backward();
        assert_eq!(grads.len(), 2 * layers.len());
        (layers, grads)
    });
    bytes as f64 / (4 * (activations + 2 * parameters)) as f64
}

/// The last column is what is allowed. What comes on top are the packed copies that the matrix product makes of its factors, the gradients of
/// two activations, and blocks that are larger than asked.
#[test]
fn a_step_takes_little_more_than_activations_parameters_and_gradients() {
    let _alone = alone();
    for (batch, sizes, allowed) in [
        (64, &[784, 128, 10][..], 1.2),
        (128, &[784, 512, 512, 10], 1.2),
        (256, &[256; 9], 1.2),
        (1024, &[256; 13], 1.2),
    ] {
        let ratio = step(batch, sizes);
        println!("{batch} rows through {sizes:?}: {ratio:.3}");
        assert!(ratio < allowed, "{batch} rows through {sizes:?} take {ratio:.3} times what they must");
    }
}

/// The values and gradients of rectifiers take the place of what they are given, unless that is used elsewhere.
#[test]
fn rectifiers_need_little_memory_of_their_own() {
    let _alone = alone();
    let size = 1 << 16;
    let blocks = |rectify: fn(Var) -> Var| {
        let (dx, bytes) = taken_by(|| {
            let tape = Tape::new();
            let x = tape.variable(Tensor::<f32>::randn([size], &mut Rng::new(0)));
            let y = (0..8).fold(x.clone(), |y, _| rectify(y + 0.1));
            y.backward_from(Tensor::ones([size])).wrt(&x).unwrap().clone()
        });
        (dx.to_vec(), bytes / (4 * size))
    };
    let (dx, in_place) = blocks(Var::relu_);
    let (retained_dx, retained) = blocks(|x| {
        x.retain_grad();
        x.relu_()
    });
    // The input, what each rectifier keeps, and one gradient; two where each is retained, and so not overwritten.
    assert_eq!((in_place, retained), (1 + 8 + 1, 1 + 8 + 2));
    assert!(dx == retained_dx, "bits changed");
}

#[test]
fn a_tape_leaves_nothing_behind() {
    let _alone = alone();
    let w = Param::new(Tensor::<f32>::ones([32, 32]));
    let run = |backward: bool| {
        let tape = Tape::train(Rng::new(0));
        let x = tape.variable(Tensor::ones([32, 32]));
        let y = checkpoint(|[x]| x.exp(), [&x.matmul(&tape.param(&w)).tanh()]).softmax();
        y.hook(|g| Some(g * 2.0));
        y.retain_grad();
        if backward {
            y.sum(..).backward();
        }
    };
    run(true);
    run(false);
    storage::trim();
    let before = storage::stats();
    run(true);
    run(false);
    let during = storage::stats();
    storage::trim();
    assert!(during.system_bytes > before.system_bytes, "the blocks were large enough to be seen");
    assert_eq!(storage::stats().system_bytes, before.system_bytes);
}
