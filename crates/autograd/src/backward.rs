//! The reverse sweep: from an output back to everything it was computed from.

use std::collections::HashMap;
use std::mem;

use ravine_tensor::{Float, Tensor};

use crate::param::{Param, ParamKey};
use crate::tape::{NodeId, Origin};
use crate::var::Var;

/// The gradients that one backward pass found. They have left the tape, and may leave the thread.
pub struct Gradients<T: Float = f32> {
    tape: usize,
    variables: HashMap<NodeId, Tensor<T>>,
    params: HashMap<ParamKey, (Param<T>, Tensor<T>)>,
}

impl<T: Float> Gradients<T> {
    /// The gradient by a variable ([`Tape::variable`](crate::Tape::variable)); `None` if the output does not depend on it.
    ///
    /// # Panics
    /// If `var` is on another tape.
    #[track_caller]
    pub fn wrt(&self, var: &Var<T>) -> Option<&Tensor<T>> {
        assert!(
            var.tape().address() == self.tape,
            "wrt: the variable is on another tape than these gradients"
        );
        self.variables.get(&var.id())
    }

    /// The gradient by a parameter; `None` if the output does not depend on it, or it is frozen.
    pub fn get(&self, param: &Param<T>) -> Option<&Tensor<T>> {
        self.params.get(&param.key()).map(|(_, grad)| grad)
    }

    /// The gradient by a parameter, for writing.
    pub fn get_mut(&mut self, param: &Param<T>) -> Option<&mut Tensor<T>> {
        self.params.get_mut(&param.key()).map(|(_, grad)| grad)
    }

    /// Takes the gradient by a parameter out.
    pub fn take(&mut self, param: &Param<T>) -> Option<Tensor<T>> {
        self.params.remove(&param.key()).map(|(_, grad)| grad)
    }

    /// Puts the gradient by a parameter in, in place of the one there may be.
    ///
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    pub fn insert(&mut self, param: &Param<T>, grad: Tensor<T>) {
        assert!(
            *grad.shape() == param.shape(),
            "insert: a gradient of shape {} for a parameter of shape {}",
            grad.shape(),
            param.shape()
        );
        self.params.insert(param.key(), (param.tied(), grad));
    }

    /// How many parameters have a gradient here.
    pub fn len(&self) -> usize {
        self.params.len()
    }

    /// Whether no parameter has a gradient here.
    pub fn is_empty(&self) -> bool {
        self.params.is_empty()
    }

    /// Adds the parameter gradients of another pass: another shard of the batch, or another micro-batch.
    pub fn add(&mut self, other: Gradients<T>) {
        for (key, (param, grad)) in other.params {
            match self.params.get_mut(&key) {
                Some((_, sum)) => *sum += &grad,
                None => {
                    self.params.insert(key, (param, grad));
                }
            }
        }
    }

    /// Multiplies all parameter gradients by a number.
    pub fn scale(&mut self, factor: T) {
        for (_, grad) in self.params.values_mut() {
            *grad *= factor;
        }
    }
}

impl<T: Float> Var<T> {
    /// The gradients of this scalar by the variables and parameters that it was computed from. Frees the derivatives it passes.
    ///
    /// # Panics
    /// If this is not a single number, or if its graph was freed by an earlier backward.
    #[track_caller]
    pub fn backward(&self) -> Gradients<T> {
        collect(self, scalar_seed("backward", self), true)
    }

    /// [`backward`](Self::backward), keeping the derivatives for another pass.
    #[track_caller]
    pub fn backward_retained(&self) -> Gradients<T> {
        collect(self, scalar_seed("backward", self), false)
    }

    /// The product of `seed` (the gradient of something by this value, in its shape) and the Jacobian of this value.
    /// [`backward`](Self::backward) is this with a seed of 1.
    ///
    /// # Panics
    /// If the shapes differ, or if the graph was freed by an earlier backward.
    #[track_caller]
    pub fn backward_from(&self, seed: Tensor<T>) -> Gradients<T> {
        assert!(
            seed.shape() == self.shape(),
            "backward_from: a seed of shape {} for a value of shape {}",
            seed.shape(),
            self.shape()
        );
        collect(self, seed, true)
    }
}

/// The gradient of the scalar `output` by each of `inputs`, which may be any values on the tape; zeros for one on which the
/// output does not depend. The graph is kept.
///
/// With `create_graph` the gradients are themselves recorded and can be differentiated again.
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
/// If `output` is not a single number or its graph was freed.
#[track_caller]
pub fn grad<T: Float>(output: &Var<T>, inputs: &[&Var<T>], create_graph: bool) -> Vec<Var<T>> {
    let tape = output.tape();
    assert!(inputs.iter().all(|x| x.tape().is(tape)), "grad: an input is on another tape than the output");
    let wanted: Vec<NodeId> = inputs.iter().map(|x| x.id()).collect();
    let seed = tape.input(scalar_seed("grad", output));
    let found = tape.recording(create_graph, || sweep(output, seed, Some(&wanted), false));
    let found: HashMap<NodeId, Var<T>> = found.into_iter().collect();
    inputs
        .iter()
        .map(|x| found.get(&x.id()).cloned().unwrap_or_else(|| tape.input(x.value().zeros_like())))
        .collect()
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
fn collect<T: Float>(output: &Var<T>, seed: Tensor<T>, free: bool) -> Gradients<T> {
    let tape = output.tape();
    let found = tape.recording(false, || sweep(output, tape.input(seed), None, free));
    let mut variables: HashMap<NodeId, Tensor<T>> =
        found.into_iter().map(|(id, grad)| (id, grad.into_value())).collect();
    let params = tape
        .params()
        .into_iter()
        .filter_map(|(param, id)| Some((param.key(), (param, variables.remove(&id)?))))
        .collect();
    Gradients { tape: tape.address(), variables, params }
}

/// Walks the tape from `output` to its beginning, and returns the gradients by the `wanted` places (all leaves, if `None`).
///
/// A node comes after everything it was computed from, so by the time the walk reaches it, its gradient is complete.
#[track_caller]
fn sweep<T: Float>(
    output: &Var<T>,
    seed: Var<T>,
    wanted: Option<&[NodeId]>,
    free: bool,
) -> Vec<(NodeId, Var<T>)> {
    let mut found = Vec::new();
    if output.id().is_constant() {
        return found;
    }
    let tape = output.tape();
    let last = output.id().index();
    let leads = wanted.map(|wanted| places_that_lead_to(output, wanted));
    let mut grads: Vec<Option<Var<T>>> = Vec::new();
    grads.resize_with(last + 1, || None);
    grads[last] = Some(seed);
    let (mut inputs, mut needs): (Vec<NodeId>, Vec<bool>) = (Vec::new(), Vec::new());
    for index in (0..=last).rev() {
        let Some(dy) = grads[index].take() else { continue };
        let id = NodeId::at(index);
        if wanted.is_some_and(|wanted| wanted.contains(&id)) {
            found.push((id, dy.clone()));
        }
        // The derivative is taken off the tape while it runs: when it is recorded itself, it adds to the tape.
        let (op, line, origin) = tape.nodes_mut(|nodes| {
            inputs.clear();
            inputs.extend_from_slice(nodes.inputs(index));
            let node = &mut nodes.list[index];
            (node.op, node.line, mem::replace(&mut node.origin, Origin::Freed))
        });
        let origin = match origin {
            Origin::Leaf => {
                if wanted.is_none() {
                    found.push((id, dy));
                }
                Origin::Leaf
            }
            Origin::Op(pullback) => {
                needs.clear();
                needs.extend(
                    inputs
                        .iter()
                        .map(|x| !x.is_constant() && leads.as_ref().is_none_or(|leads| leads[x.index()])),
                );
                pullback(&dy, &needs, &mut |i, grad| accumulate(&mut grads, op, inputs[i], grad));
                if free { Origin::Freed } else { Origin::Op(pullback) }
            }
            Origin::Freed => panic!(
                "backward: the derivative of {op} ({line}) was freed by an earlier backward; \
                 use backward_retained for the earlier one"
            ),
        };
        tape.nodes_mut(|nodes| nodes.list[index].origin = origin);
    }
    found
}

/// For each place up to `output`, whether one of `wanted` was used in computing it (or is it).
fn places_that_lead_to<T: Float>(output: &Var<T>, wanted: &[NodeId]) -> Vec<bool> {
    output.tape().nodes(|nodes| {
        let mut leads = vec![false; output.id().index() + 1];
        for index in 0..leads.len() {
            leads[index] = wanted.contains(&NodeId::at(index))
                || nodes.inputs(index).iter().any(|x| !x.is_constant() && leads[x.index()]);
        }
        leads
    })
}

/// Adds `grad` to the gradient of a node: moved in if it is the first, added in place if it is not (unless this is
/// being recorded). If the node's value was broadcast by the op, the gradient is summed over the axes along which it was.
fn accumulate<T: Float>(grads: &mut [Option<Var<T>>], op: &str, id: NodeId, mut grad: Var<T>) {
    let shape = grad.tape().nodes(|nodes| nodes.list[id.index()].shape);
    if *grad.shape() != shape {
        assert!(
            shape.broadcast(grad.shape()) == Some(*grad.shape()),
            "{op}: backward gave a gradient of shape {} for an input of shape {shape}",
            grad.shape()
        );
        grad = grad.sum_to(shape);
    }
    let sum = &mut grads[id.index()];
    match sum.as_mut() {
        None => *sum = Some(grad),
        Some(so_far) if so_far.tape().is_recording() => *sum = Some(&*so_far + &grad),
        Some(so_far) => *so_far.value_mut() += grad.value(),
    }
}
