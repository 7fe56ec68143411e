//! A small classification task that the tests train on.
#![allow(dead_code, reason = "each test uses some of it")]

use ravine_autograd::{Buffer, Param, Tape, Var};
use ravine_data::TensorSet;
use ravine_nn::{BatchNorm2d, Conv2d, Dropout, Flatten, Layer, Linear, Relu, Sequential, sequential};
use ravine_optim::{Optimizer, Sgd};
use ravine_tensor::{Rng, Tensor};
use ravine_train::{Outcome, Report, TrainError, Trainer, weights_hash};

pub type Batch = (Tensor, Tensor<i64>);

/// Grey images of 6 by 6 pixels in 3 classes: a bright row, a bright column, or noise.
pub fn images(samples: usize) -> TensorSet {
    let noise: Tensor = Tensor::uniform([samples, 1, 6, 6], 0.0, 0.6, &mut Rng::new(5));
    let noise = noise.to_vec();
    let x = Tensor::from_fn([samples, 1, 6, 6], |i| {
        let (sample, row, column) = (i / 36, i / 6 % 6, i % 6);
        let lit = match sample % 3 {
            0 => row == sample / 3 % 6,
            1 => column == sample / 3 % 6,
            _ => false,
        };
        noise[i] + if lit { 0.5 } else { 0.0 }
    });
    TensorSet::new(x, Tensor::from_fn([samples], |i| (i % 3) as i64))
}

/// Convolution, batch norm and dropout: everything that a checkpoint must not forget.
pub fn model() -> Sequential {
    let rng = &mut Rng::new(1);
    sequential![
        Conv2d::new(1, 4, 3, rng).no_bias(),
        BatchNorm2d::new(4),
        Relu,
        Flatten,
        Dropout::new(0.1),
        Linear::new(64, 3, rng),
    ]
}

pub fn optimizer(model: &Sequential, rate: f64) -> Optimizer<Sgd> {
    Optimizer::new(model, Sgd::momentum(0.9), rate)
}

/// How `model` is run over a batch.
pub fn pass(model: &Sequential) -> impl Fn(&Tape, &Batch) -> Outcome + Sync + '_ {
    |tape, (images, labels)| {
        let logits: Var = model.forward(&tape.input(images.clone()));
        Outcome::classification(&logits, labels)
    }
}

/// 60 samples in batches of 10: six steps for an epoch, silently, on one thread.
pub fn trainer() -> Trainer {
    Trainer::new().epochs(4).batch_size(10).seed(3).threads(1).log_every(2)
}

/// The model, the data and the settings with which the checkpoints in `data/` were written, after three of its four steps. What the run comes to, and the hash of
/// its weights.
pub fn small(trainer: Trainer) -> Result<(Report, String), TrainError> {
    let model = (Param::new(Tensor::zeros([2])), Buffer::new(Tensor::zeros([1])));
    let mut optimizer = Optimizer::new(&model, Sgd::momentum(0.5), 0.25);
    let x: Tensor = Tensor::from_fn([8], |i| i as f32);
    let data = TensorSet::new(x.clone(), x);
    let pass = |tape: &Tape, (x, _): &(Tensor, Tensor)| {
        tape.update_buffer(&model.1, Tensor::from([x.mean(..).item()]), 0.5, x.numel());
        let w = tape.param(&model.0).sum(..);
        let loss = (w * 0.125 - tape.input(x.clone()) * 0.0625).square().mean(..);
        Outcome::new(loss, x.numel()).metric("accuracy", 1.0)
    };
    let trainer = trainer.epochs(2).batch_size(4).seed(7);
    let report = trainer.run(&model, &mut optimizer, &data, Some(&data), pass)?;
    Ok((report, weights_hash(&model)))
}
