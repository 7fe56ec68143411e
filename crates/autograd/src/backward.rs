//! Gradients by all leaves, or by chosen values.

use ravine_tensor::{Float, Tensor};

use crate::gradients::Gradients;
use crate::sweep::{Route, sweep};
use crate::tape::NodeId;
use crate::var::Var;

impl<T: Float> Var<T> {
    /// The gradients of this scalar by the variables and parameters that it was computed from. Frees the derivatives it passes,
    /// with the values they kept. Gradients are returned and kept nowhere, so there are none to clear.
    ///
    /// # Panics
    /// If this is not a single number, or if its graph was freed by an earlier backward.
    #[doc(alias = "zero_grad")]
    #[track_caller]
    pub fn backward(&self) -> Gradients<T> {
        values(self, scalar_seed("backward", self), true)
    }

    /// [`backward`](Self::backward), keeping the derivatives for another pass.
    #[doc(alias = "retain_graph")]
    #[track_caller]
    pub fn backward_retained(&self) -> Gradients<T> {
        values(self, scalar_seed("backward_retained", self), false)
    }

    /// [`backward_retained`](Self::backward_retained), with gradients that are recorded and can be differentiated again.
    ///
    /// ```
    /// use ravine_autograd::{Param, Tape};
    /// use ravine_tensor::Tensor;
    ///
    /// let w = Param::new(Tensor::scalar(3.0));
    /// let tape = Tape::new();
    /// let loss = tape.param(&w) * tape.param(&w);
    /// let gradients = loss.backward_create_graph();
    /// let penalised = loss + gradients.get(&w).unwrap().square() * 0.5;
    /// // d/dw (w² + ½ (2w)²) = 2w + 4w
    /// assert_eq!(penalised.backward().get(&w).unwrap().item(), 18.0);
    /// ```
    #[doc(alias = "create_graph")]
    #[track_caller]
    pub fn backward_create_graph(&self) -> Gradients<T, Var<T>> {
        collect(self, scalar_seed("backward_create_graph", self), false, true, |grad| (None, grad))
    }

    /// The product of `seed` (the gradient of something by this value, in its shape) and the Jacobian of this value.
    /// [`backward`](Self::backward) is this with a seed of 1.
    ///
    /// # Panics
    /// If the shapes differ, or if the graph was freed by an earlier backward.
    #[track_caller]
    pub fn backward_from(&self, seed: Tensor<T>) -> Gradients<T> {
        check_seed("backward_from", self, &seed);
        values(self, seed, true)
    }

    /// [`backward_from`](Self::backward_from) that also takes the norm of each gradient while it is still in a cache, so that an optimizer
    /// that checks for infinities or clips need not go through memory again. [`Gradients::add`] finds the norms of a sum likewise.
    ///
    /// # Panics
    /// As there.
    #[track_caller]
    pub fn backward_with_norms(&self, seed: Tensor<T>) -> Gradients<T> {
        check_seed("backward_with_norms", self, &seed);
        collect(self, seed, true, false, |grad| (Some(grad.value().norm_squared()), grad.into_value()))
    }
}

/// The gradient of the scalar `output` by each of `inputs`, which may be any values on the tape; zeros for one on which the
/// output does not depend. The graph is kept.
///
/// With `create_graph` the gradients are themselves recorded and can be differentiated again. [`functional`](crate::functional) has
/// this, and more, for functions that are closures.
///
/// ```
/// use ravine_autograd::{Tape, grad};
/// use ravine_tensor::Tensor;
///
/// let tape = Tape::new();
/// let x = tape.variable(Tensor::scalar(3.0f64));
/// let y = &x * &x * &x;
/// let dy = grad(&y, &[&x], true).remove(0);
/// let ddy = grad(&dy, &[&x], true).remove(0);
/// let dddy = grad(&ddy, &[&x], false).remove(0);
/// assert_eq!((dy.item(), ddy.item(), dddy.item()), (27.0, 18.0, 6.0));
/// ```
///
/// # Panics
/// If `output` is not a single number, one of `inputs` is on another tape, or the graph was freed.
#[track_caller]
pub fn grad<T: Float>(output: &Var<T>, inputs: &[&Var<T>], create_graph: bool) -> Vec<Var<T>> {
    let seed = output.constant(scalar_seed("grad", output));
    grad_from(output, inputs, &seed, create_graph)
}

/// [`grad`] of an output of any shape: the product of `seed`, in that shape, and its Jacobian by each of `inputs`. With
/// `create_graph` the result can be differentiated by the seed, too.
///
/// # Panics
/// If the shapes of `output` and `seed` differ, one of `inputs` or `seed` is on another tape, or the graph was freed.
#[track_caller]
pub fn grad_from<T: Float>(
    output: &Var<T>,
    inputs: &[&Var<T>],
    seed: &Var<T>,
    create_graph: bool,
) -> Vec<Var<T>> {
    let tape = output.tape();
    check_seed("grad_from", output, seed.value());
    assert!(inputs.iter().all(|x| x.tape().is(tape)), "grad: an input is on another tape than the output");
    assert!(seed.tape().is(tape), "grad_from: the seed is on another tape than the output");
    let mut targets: Vec<NodeId> = inputs.iter().map(|x| x.id()).collect();
    targets.sort_unstable();
    let mut found = Vec::new();
    let route = Route { floor: 0, targets: Some(&targets), free: false };
    let _until_the_end = tape.set_recording(create_graph);
    sweep(output, seed.clone(), &route, &mut |id, grad| found.push((id, grad)));
    // The sweep goes backwards.
    let gradient = |x: &&Var<T>| match found.binary_search_by(|(id, _)| x.id().cmp(id)) {
        Ok(at) => found[at].1.clone(),
        Err(_) => tape.constant(x.value().zeros_like()),
    };
    inputs.iter().map(gradient).collect()
}

#[track_caller]
fn scalar_seed<T: Float>(op: &str, output: &Var<T>) -> Tensor<T> {
    assert!(
        output.numel() == 1,
        "{op}: a value of shape {} is not a single number; reduce it first, with mean(..) or sum(..)",
        output.shape()
    );
    Tensor::ones(*output.shape())
}

#[track_caller]
fn check_seed<T: Float>(op: &str, output: &Var<T>, seed: &Tensor<T>) {
    assert!(
        seed.shape() == output.shape(),
        "{op}: a seed of shape {} for a value of shape {}",
        seed.shape(),
        output.shape()
    );
}

#[track_caller]
fn values<T: Float>(output: &Var<T>, seed: Tensor<T>, free: bool) -> Gradients<T> {
    collect(output, seed, free, false, |grad| (None, grad.into_value()))
}

/// The gradients by all leaves, and the squared norms of those that `finish` measures.
#[track_caller]
fn collect<T: Float, V>(
    output: &Var<T>,
    seed: Tensor<T>,
    free: bool,
    create_graph: bool,
    finish: fn(Var<T>) -> (Option<f64>, V),
) -> Gradients<T, V> {
    let tape = output.tape();
    let mut found = Vec::new();
    let route = Route { floor: 0, targets: None, free };
    assert!(
        !output.id().is_constant() || tape.is_recording(),
        "backward: this tape records nothing; make it with Tape::train or Tape::new, not Tape::eval, and differentiate outside of no_grad"
    );
    let _until_the_end = tape.set_recording(create_graph);
    sweep(output, tape.constant(seed), &route, &mut |id, grad| found.push((id, finish(grad))));
    Gradients::new(tape, found)
}
