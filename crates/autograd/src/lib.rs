//! Reverse-mode automatic differentiation on a tape, to any order.
//!
//! ```
//! use ravine_autograd::Tape;
//! use ravine_tensor::Tensor;
//!
//! let tape = Tape::new();
//! let x = tape.variable(Tensor::from([1.0, 2.0, 3.0]));
//! let y = (&x * &x).sum(..);
//! assert_eq!(y.backward().wrt(&x).unwrap().to_vec(), [2.0, 4.0, 6.0]);
//! ```
//!
//! One forward pass owns one [`Tape`]; a [`Var`] is a tensor and its index on the tape. Creation order is topological order,
//! so [`Var::backward`] walks the tape from its end to its beginning, once, without recursion. Each op is defined in one place
//! (the modules of `ops`, as methods of [`Var`]) with its forward pass and its derivative, the latter written in `Var`
//! ops too: recorded, it can itself be differentiated ([`grad`]).
//!
//! The chapters, in reading order. The engine: `tape`, `var` (with [`record`], which records every op, user-defined ones included), `sweep`,
//! `backward`; and around it `gradients` and `control`. The state of models: [`Param`] and [`Buffer`], [`Module`] (with its [`Tree`],
//! [`Summary`] and [`StateDict`]). The table of derivatives: `ops`. Built upon these: [`functional`], [`checkpoint()`], [`mod@gradcheck`],
//! and for inspection and debugging [`Account`], [`Graph`] and [`Anomaly`].

#![deny(missing_docs)]
#![forbid(unsafe_code)]

// The derive macro writes `::ravine::Module`; here, that is this crate.
extern crate self as ravine;

mod account;
mod anomaly;
mod backward;
mod checkpoint;
mod control;
mod draw;
pub mod functional;
pub mod gradcheck;
mod gradients;
mod module;
mod ops;
mod param;
mod state;
mod substitute;
mod summary;
mod sweep;
mod tape;
mod tree;
mod var;

pub use account::{Account, AccountRow};
pub use anomaly::{Anomaly, AnomalyPlace};
pub use backward::{grad, grad_from};
pub use checkpoint::checkpoint;
pub use draw::Graph;
pub use gradcheck::{gradcheck, gradgradcheck};
pub use gradients::Gradients;
#[doc(alias("nn.Module", "ModuleList", "ModuleDict"))]
pub use module::Module;
pub use module::{Part, Visitor};
#[doc(alias = "register_buffer")]
pub use param::Buffer;
#[doc(alias = "Parameter")]
pub use param::Param;
pub use param::{BufferUpdates, Leaf};
pub use ravine_derive::Module;
pub use state::{LoadReport, Mismatched, StateDict, StateError};
#[doc(alias = "torchinfo")]
pub use summary::Summary;
pub use summary::SummaryRow;
pub use tape::Tape;
pub use tree::Tree;
#[doc(alias("autograd.Function", "Function"))]
pub use var::record;
pub use var::{Saved, Var, record_many, record_with_output};
