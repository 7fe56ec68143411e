//! Layers: structs with parameters and a `forward`.
//!
//! ```
//! # extern crate ravine_autograd as ravine;
//! use ravine_autograd::{Module, Tape, Var};
//! use ravine_nn::{Conv2d, Flatten, Layer, Linear, MaxPool2d, Relu, Sequential, sequential};
//! use ravine_tensor::{Rng, Tensor};
//!
//! // A model is a plain struct ...
//! #[derive(Module)]
//! struct Mlp {
//!     hidden: Linear,
//!     output: Linear,
//! }
//!
//! impl Mlp {
//!     fn forward(&self, x: &Var) -> Var {
//!         self.output.forward(&self.hidden.forward(&x.flatten(1)).relu())
//!     }
//! }
//!
//! let rng = &mut Rng::new(0);
//! let mlp = Mlp { hidden: Linear::new(784, 128, rng), output: Linear::new(128, 10, rng) };
//! // ... or a chain of layers.
//! let cnn: Sequential =
//!     sequential![Conv2d::new(1, 8, 3, rng), Relu, MaxPool2d::new(2), Flatten, Linear::new(8 * 13 * 13, 10, rng)];
//!
//! let images = Tape::eval().input(Tensor::zeros([64, 1, 28, 28]));
//! assert_eq!(mlp.forward(&images).shape(), &[64, 10]);
//! assert_eq!(cnn.forward(&images).shape(), &[64, 10]);
//! assert_eq!(cnn.named_params()[0].0, "0.weight");
//! ```
//!
//! Whether a pass trains is not a mode of the model but a property of the [`Tape`](ravine_autograd::Tape) that its input is on:
//! [`Dropout`] and [`BatchNorm2d`] ask it, and draw from its random stream.
//!
//! Constructors draw their initial weights from the generator that they are given, as PyTorch's layers do by default; [`init`] has other
//! distributions. A size that makes no sense is a panic that names it.

#![forbid(unsafe_code)]

// The derive macro writes `::ravine::Module`.
extern crate ravine_autograd as ravine;

mod activation;
mod conv;
mod dropout;
pub mod init;
mod layer;
mod linear;
pub mod loss;
mod norm;
mod pool;

pub use activation::{Flatten, Relu};
pub use conv::Conv2d;
pub use dropout::Dropout;
pub use layer::{Layer, Sequential};
pub use linear::Linear;
pub use norm::BatchNorm2d;
pub use pool::{AvgPool2d, MaxPool2d};
