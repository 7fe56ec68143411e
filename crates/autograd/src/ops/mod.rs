//! The ops of [`Var`](crate::Var), each with its forward pass and its derivative: a table of derivatives.
//!
//! `dy` is the gradient of the loss by the output `y`, `dx` by the input `x`. Derivatives are written with `Var` ops, so that
//! they can be differentiated in turn. Where an input was broadcast, they are given in the broadcast shape: the engine sums.

mod arithmetic;
mod conv;
mod einsum;
mod elementwise;
mod index;
mod join;
mod matmul;
mod normalise;
mod pool;
mod reduce;
mod scan;
mod select;
mod softmax;
mod sort;
mod statistics;
mod view;
