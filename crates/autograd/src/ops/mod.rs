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

/// Zeros of `shape`, for `dy` to be put into. They take no memory: one zero, seen everywhere.
fn zeros<T: Float>(dy: &Var<T>, shape: impl Into<Shape>) -> Var<T> {
    dy.constant(Tensor::scalar(T::ZERO).expand(shape))
}

/// Lines as images of one line; images as they are.
fn images<T: Float>(x: &Var<T>) -> Var<T> {
    if x.rank() == 3 { x.unsqueeze(2) } else { x.clone() }
}

/// The way back from [`images`] to what had so many axes.
fn of_rank<T: Float>(rank: usize, images: Var<T>) -> Var<T> {
    if rank == 3 { images.squeeze(2) } else { images }
}

/// The height and width of images, or of lines as such.
fn plane<T: Float>(x: &Var<T>) -> [usize; 2] {
    [if x.rank() == 3 { 1 } else { x.size(-2) }, x.size(-1)]
}

/// The gradients of `formula(inputs)` by its inputs, given the gradient `dy` by its output, as recorded ops: what the derivative of an op with a
/// faster one of its own is, where that has to be differentiated again.
fn by_formula<T: Float>(
    formula: impl Fn(&[Var<T>]) -> Var<T>,
    inputs: &[Var<T>],
    dy: &Var<T>,
) -> Vec<Var<T>> {
    // The same values at new places on the tape: one input may depend on another, and the formula's derivative is to end at these.
    let inputs: Vec<Var<T>> = inputs.iter().map(|x| x.reshape(*x.shape())).collect();
    let output = (formula(&inputs) * dy).sum(..);
    grad(&output, &inputs.iter().collect::<Vec<_>>(), true)
}
