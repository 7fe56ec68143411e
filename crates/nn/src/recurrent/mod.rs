//! Recurrent networks: [`Rnn`], [`Lstm`] and [`Gru`], in several layers and both directions.
//!
//! Sequences are `[batch, time, features]`. `stack` has what the three share: how layers and directions follow one another, and the names of
//! their parameters (PyTorch's: `weight_ih_l0`, `bias_hh_l1_reverse`).

mod gru;
mod lstm;
mod rnn;
mod stack;

pub use gru::Gru;
pub use lstm::Lstm;
pub use rnn::Rnn;
