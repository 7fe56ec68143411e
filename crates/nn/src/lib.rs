//! Layers: structs with parameters and a `forward`.
//!
//! ```standalone_crate
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
//! The chapters: `linear`; `conv` and `pool` (windows of lines and images); `norm`; `activation`; `dropout`; `embedding`; `shape` (other shapes, other sizes);
//! `container` (layers made of layers); `recurrent`; `attention` (and transformers); [`loss`]; [`init`]; [`summary()`]. Parameters have PyTorch's names and shapes.
//!
//! Whether a pass trains is not a mode of the model but a property of the [`Tape`](ravine_autograd::Tape) that its input is on:
//! [`Dropout`] and [`BatchNorm2d`] ask it, and draw from its random stream.
//!
//! Constructors draw their initial weights from the generator that they are given, as PyTorch's layers do by default; [`init`] has other
//! distributions. A size that makes no sense is a panic that names it.

#![deny(missing_docs)]
#![forbid(unsafe_code)]

// The derive macro writes `::ravine::Module`.
extern crate ravine_autograd as ravine;

mod activation;
mod attention;
mod check;
mod container;
mod conv;
mod dropout;
mod embedding;
pub mod init;
mod layer;
mod linear;
pub mod loss;
mod norm;
mod pool;
mod recurrent;
mod shape;
mod summary;

pub use activation::{
    Elu, Gelu, GeluTanh, Glu, Hardsigmoid, Hardswish, Hardtanh, LeakyRelu, LogSigmoid, LogSoftmax, Mish,
    PRelu, Relu, Relu6, Selu, Sigmoid, Silu, Softmax, Softplus, Softsign, SwiGlu, Tanh,
};
#[doc(alias = "generate_square_subsequent_mask")]
pub use attention::Mask;
#[doc(alias = "rope")]
pub use attention::RotaryPositions;
#[doc(alias = "PositionalEncoding")]
pub use attention::SinusoidalPositions;
pub use attention::{
    MultiHeadAttention, TransformerDecoder, TransformerDecoderLayer, TransformerEncoder,
    TransformerEncoderLayer,
};
pub use check::Sizes;
#[doc(alias = "skip_connection")]
pub use container::Residual;
pub use container::{Join, Parallel, Sequential};
pub use conv::{Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d, Padding};
pub use dropout::{AlphaDropout, Dropout, Dropout2d};
pub use embedding::{Embedding, EmbeddingBag};
pub use layer::Layer;
pub use linear::{Bilinear, Identity, Linear};
pub use norm::{BatchNorm1d, BatchNorm2d, GroupNorm, InstanceNorm1d, InstanceNorm2d, LayerNorm, RmsNorm};
pub use pool::{
    AdaptiveAvgPool1d, AdaptiveAvgPool2d, AdaptiveMaxPool1d, AdaptiveMaxPool2d, AvgPool1d, AvgPool2d,
    GlobalAvgPool, GlobalMaxPool, MaxPool1d, MaxPool2d,
};
pub use recurrent::{Gru, Lstm, Rnn};
#[doc(alias("interpolate", "UpsamplingNearest2d", "UpsamplingBilinear2d"))]
pub use shape::Upsample;
pub use shape::{Flatten, PixelShuffle, Unflatten};
#[doc(alias = "torchinfo")]
pub use summary::summary;
