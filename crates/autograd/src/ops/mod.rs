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
mod mask;
mod matmul;
mod normalise;
mod pad;
mod pool;
mod reduce;
mod repeat;
mod scan;
mod scatter;
mod select;
mod slice;
mod softmax;
mod sort;
mod statistics;
mod view;

use ravine_tensor::{Float, Shape, Tensor};

use crate::Var;

/// Zeros of `shape`, for `dy` to be put into. They take no memory: one zero, seen everywhere.
fn zeros<T: Float>(dy: &Var<T>, shape: impl Into<Shape>) -> Var<T> {
    dy.constant(Tensor::scalar(T::ZERO).expand(shape))
}
