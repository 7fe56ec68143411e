//! The reverse sweep: from an output back to everything it was computed from.

use std::mem;

use ravine_tensor::Float;

use crate::tape::{NodeId, Origin, Tape};
use crate::var::Var;

/// Which nodes a sweep visits, and whose gradients it emits.
pub(crate) struct Route<'a> {
    /// Nodes before this one are not visited: each summand of their gradients is emitted as it arises.
    pub(crate) floor: usize,
    /// The nodes whose gradients are emitted, in ascending order; if `None`, all leaves.
    pub(crate) targets: Option<&'a [NodeId]>,
    /// Whether derivatives are freed when they have been used.
    pub(crate) free: bool,
}

impl Route<'_> {
    fn is_target(&self, id: NodeId) -> bool {
        self.targets.is_some_and(|targets| targets.binary_search(&id).is_ok())
    }

    /// For each node from the floor to `last`, whether it is a target or was computed from one; `None` if the targets are all leaves.
    fn leads<T: Float>(&self, tape: &Tape<T>, last: usize) -> Option<Vec<bool>> {
        self.targets?;
        let mut leads = vec![false; last + 1 - self.floor];
        tape.nodes(|nodes| {
            for index in self.floor..=last {
                let leading = |&x: &NodeId| self.needed(x, Some(&leads));
                leads[index - self.floor] =
                    self.is_target(NodeId::at(index)) || nodes.inputs(index).iter().any(leading);
            }
        });
        Some(leads)
    }

    /// Whether a gradient must go to this input of a node.
    fn needed(&self, x: NodeId, leads: Option<&Vec<bool>>) -> bool {
        match x.index().checked_sub(self.floor) {
            _ if x.is_constant() => false,
            None => self.is_target(x),
            Some(index) => leads.is_none_or(|leads| leads[index]),
        }
    }
}

/// Walks the tape from `output` to its beginning, and emits the gradients that the route asks for.
///
/// A node comes after everything it was computed from, so by the time the walk reaches it, its gradient is complete.
#[track_caller]
pub(crate) fn sweep<T: Float>(
    output: &Var<T>,
    seed: Var<T>,
    route: &Route<'_>,
    emit: &mut dyn FnMut(NodeId, Var<T>),
) {
    let (tape, floor) = (output.tape(), route.floor);
    if output.id().is_constant() {
        return;
    }
    let last = output.id().index();
    if last < floor {
        return emit(output.id(), seed);
    }
    let leads = route.leads(tape, last);
    let mut pending = Pending::new(last + 1 - floor);
    pending.add(last - floor, seed);
    let (mut inputs, mut needs): (Vec<NodeId>, Vec<bool>) = (Vec::new(), Vec::new());
    for index in (floor..=last).rev() {
        let Some(dy) = pending.take(index - floor) else { continue };
        let id = NodeId::at(index);
        let (dy, retain) = tape.hooks().run(id, dy);
        // The derivative is taken off the tape while it runs: when it is recorded itself, it adds to the tape.
        let (op, line, origin) = tape.nodes_mut(|nodes| {
            inputs.clear();
            inputs.extend_from_slice(nodes.inputs(index));
            let node = &mut nodes.list[index];
            (node.op, node.line, mem::replace(&mut node.origin, Origin::Freed))
        });
        let badness = tape.anomalies().look_at_sum(op, line, dy.value());
        match origin {
            Origin::Leaf => {
                tape.nodes_mut(|nodes| nodes.list[index].origin = Origin::Leaf);
                if route.targets.is_none() || route.is_target(id) {
                    emit(id, dy);
                }
            }
            Origin::Op(pullback) => {
                needs.clear();
                needs.extend(inputs.iter().map(|&x| route.needed(x, leads.as_ref())));
                // A fault of the derivative is reported outside the closure, so that the panic points at the caller's line.
                let mut fault = None;
                let mut give = |i: usize, grad: Option<Var<T>>| {
                    let x = inputs[i];
                    if !needs[i] {
                        return;
                    }
                    let grad = match fitted(tape, i, x, grad) {
                        Ok(grad) => grad,
                        Err(why) => return fault = Some(why),
                    };
                    tape.anomalies().look_at_gradient(op, line, i, grad.value(), badness);
                    match x.index().checked_sub(floor) {
                        Some(x) => pending.add(x, grad),
                        None => emit(x, grad),
                    }
                };
                let emits = if route.targets.is_none() { retain } else { route.is_target(id) };
                let kept = emits.then(|| dy.clone());
                tape.blaming(Some(line), || pullback(dy, id, &needs, &mut give));
                if let Some(fault) = fault {
                    panic!("{op}: backward gave {fault} (the op of {line})");
                }
                if !route.free {
                    tape.nodes_mut(|nodes| nodes.list[index].origin = Origin::Op(pullback));
                }
                if let Some(dy) = kept {
                    emit(id, dy);
                }
            }
            Origin::Freed => panic!(
                "backward: the derivative of {op} ({line}) was freed by an earlier backward; \
                 use backward_retained for the earlier one"
            ),
        }
    }
}

/// The gradient by a node in the shape of its value, summed over the axes along which the op broadcast it; or what is wrong with it.
fn fitted<T: Float>(tape: &Tape<T>, i: usize, x: NodeId, grad: Option<Var<T>>) -> Result<Var<T>, String> {
    let grad = grad.ok_or_else(|| format!("no gradient for input {i}, which needs one"))?;
    let shape = tape.nodes(|nodes| nodes.list[x.index()].shape);
    match *grad.shape() {
        _ if !grad.tape().is(tape) => Err(format!("a gradient on another tape for input {i}")),
        same if same == shape => Ok(grad),
        wide if shape.broadcast(&wide) == Some(wide) => Ok(grad.sum_to(shape)),
        odd => Err(format!("a gradient of shape {odd} for an input of shape {shape}")),
    }
}

/// The gradients that are not complete yet. There are few at any time, so a node has only an index into the sums.
struct Pending<T: Float> {
    place: Vec<u32>,
    sums: Vec<Option<Var<T>>>,
    empty: Vec<u32>,
}

impl<T: Float> Pending<T> {
    /// The slot of a node without a gradient.
    const NONE: u32 = u32::MAX;

    fn new(nodes: usize) -> Self {
        Pending { place: vec![Self::NONE; nodes], sums: Vec::new(), empty: Vec::new() }
    }

    fn take(&mut self, node: usize) -> Option<Var<T>> {
        let place = mem::replace(&mut self.place[node], Self::NONE);
        if place == Self::NONE {
            return None;
        }
        self.empty.push(place);
        self.sums[place as usize].take()
    }

    /// Adds to the gradient of a node: moved in if it is the first, added in place if it is not (unless this is being recorded).
    fn add(&mut self, node: usize, grad: Var<T>) {
        let place = self.place[node];
        if place == Self::NONE {
            let place = self.empty.pop().unwrap_or_else(|| {
                self.sums.push(None);
                self.sums.len() as u32 - 1
            });
            self.place[node] = place;
            self.sums[place as usize] = Some(grad);
            return;
        }
        let sum = self.sums[place as usize].as_mut().expect("a place in use holds a gradient");
        if grad.tape().is_recording() {
            *sum = &*sum + &grad;
        } else {
            *sum.value_mut() += grad.value();
        }
    }
}
