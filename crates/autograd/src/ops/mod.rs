//! The ops of [`Var`](crate::Var), each with its forward pass and its derivative: a table of derivatives.
//!
//! `dy` is the gradient of the loss by the output `y`, `dx` by the input `x`. Derivatives are written with `Var` ops, so that
//! they can be differentiated in turn. Where an input was broadcast, they are given in the broadcast shape: the engine sums.

mod activation;
mod arithmetic;
mod attention;
mod conv;
mod einsum;
mod elementwise;
mod index;
mod join;
#[cfg(feature = "linalg")]
mod linalg;
mod mask;
mod matmul;
mod normalise;
mod pad;
mod pairs;
mod pool;
mod recurrent;
mod reduce;
mod repeat;
mod scan;
mod scatter;
mod select;
mod slice;
mod softmax;
mod sort;
mod statistics;
mod triangle;
mod view;
mod window;

use ravine_tensor::{Float, Shape, Tensor};

use crate::{Var, grad};

/// Zeros of `shape`, for `dy` to be put into: a single zero, broadcast.
fn zeros<T: Float>(dy: &Var<T>, shape: impl Into<Shape>) -> Var<T> {
    dy.constant(Tensor::scalar(T::ZERO).expand(shape))
}

/// Lines `[batch, channels, length]` as images of height 1; images as they are.
fn images<T: Float>(x: &Var<T>) -> Var<T> {
    if x.rank() == 3 { x.unsqueeze(2) } else { x.clone() }
}

/// The inverse of [`images`] for a tensor of this rank.
fn of_rank<T: Float>(rank: usize, images: Var<T>) -> Var<T> {
    if rank == 3 { images.squeeze(2) } else { images }
}

/// The height and width of images; lines have height 1.
fn plane<T: Float>(x: &Var<T>) -> [usize; 2] {
    [if x.rank() == 3 { 1 } else { x.size(-2) }, x.size(-1)]
}

/// The gradients of `formula(inputs)` by its inputs, given the gradient `dy` by its output, as recorded ops. An op whose derivative has
/// a kernel of its own uses this where the derivative is itself to be differentiated.
fn by_formula<T: Float>(
    formula: impl Fn(&[Var<T>]) -> Var<T>,
    inputs: &[Var<T>],
    dy: &Var<T>,
) -> Vec<Var<T>> {
    // The same values as new nodes of the tape: one input may depend on another, but the derivative of the formula must stop at both.
    let inputs: Vec<Var<T>> = inputs.iter().map(|x| x.reshape(*x.shape())).collect();
    let output = (formula(&inputs) * dy).sum(..);
    grad(&output, &inputs.iter().collect::<Vec<_>>(), true)
}
