//! Deep learning on CPUs: fast, reproducible to the bit, and a pleasure to read.
//!
//! ```
//! use ravine::prelude::*;
//!
//! #[derive(Module)]
//! struct Mlp {
//!     hidden: Linear,
//!     output: Linear,
//! }
//!
//! impl Mlp {
//!     fn forward(&self, x: &Var) -> Var {
//!         self.output.forward(&self.hidden.forward(x).relu())
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let rng = &mut Rng::new(0);
//! let model = Mlp { hidden: Linear::new(2, 16, rng), output: Linear::new(16, 2, rng) };
//! let mut optimizer = Optimizer::new(&model, Adam::default(), 0.01);
//!
//! // Is a point inside the circle?
//! let x = Tensor::uniform([512, 2], -1.0, 1.0, rng);
//! let y: Tensor<i64> = x.square().sum(-1).map(|r| (r < 0.5) as i64);
//! let data = TensorSet::new(x, y);
//!
//! let report = Trainer::new().epochs(20).batch_size(32).run(&model, &mut optimizer, &data, Some(&data), |tape, (x, y)| {
//!     Outcome::classification(&model.forward(&tape.input(x.clone())), y)
//! })?;
//! assert!(report.test().unwrap().metric("accuracy").unwrap() > 0.9);
//! # Ok(())
//! # }
//! ```
//!
//! This crate gathers the others under one name: [`tensor`] (arrays), [`autograd`] (derivatives, parameters, modules), [`nn`] (layers),
//! [`optim`] (optimizers and schedules), [`data`] (data sets and loaders), [`train`] (steps, checkpoints, the loop) and [`plot`] (pictures
//! of numbers). The [`prelude`] has what a program usually needs.

#![deny(missing_docs)]
#![forbid(unsafe_code)]

pub use ravine_autograd as autograd;
pub use ravine_data as data;
pub use ravine_nn as nn;
pub use ravine_optim as optim;
pub use ravine_plot as plot;
pub use ravine_tensor as tensor;
pub use ravine_train as train;

// What `#[derive(Module)]` writes: `::ravine::Module` and `::ravine::Visitor`.
pub use ravine_autograd::{Module, Visitor};

/// What a program that trains a model usually needs.
pub mod prelude {
    pub use ravine_autograd::{
        Buffer, Gradients, Module, Param, StateDict, Summary, Tape, Var, checkpoint, functional, grad, record,
    };
    pub use ravine_data::{
        Concat, Csv, Dataset, ImageSet, Loader, Mnist, Order, Pictures, Plan, Strata, Stream, StreamLoader,
        Table, TensorSet, Transform, Weights,
    };
    pub use ravine_nn::{
        AdaptiveAvgPool2d, AvgPool2d, BatchNorm1d, BatchNorm2d, Conv1d, Conv2d, ConvTranspose2d, Dropout,
        Dropout2d, Embedding, Flatten, Gelu, GlobalAvgPool, GroupNorm, Gru, Identity, Layer, LayerNorm,
        LeakyRelu, Linear, Lstm, Mask, MaxPool2d, MultiHeadAttention, Padding, Relu, Residual, RmsNorm, Rnn,
        Sequential, Sigmoid, Silu, SinusoidalPositions, Tanh, TransformerDecoderLayer, TransformerEncoder,
        TransformerEncoderLayer, Upsample, init, loss, sequential,
    };
    pub use ravine_optim::{
        Adam, AdamW, Clip, Constant, Cosine, Decay, Group, Optimize, Optimizer, Rule, Schedule, Sgd, Step,
        StepDecay,
    };
    pub use ravine_tensor::{At, Pad, Rng, Shape, Tensor, tensor};
    pub use ravine_train::{
        Callback, Flow, Goal, Outcome, Progress, RunRecord, Scores, Space, Sweep, Trainer, evaluate, step,
        weights_hash,
    };
}

#[cfg(doctest)]
mod book;
