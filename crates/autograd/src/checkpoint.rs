//! Less memory for more time: activations that are computed again when backward needs them.

use ravine_tensor::{Float, Rng};

use crate::substitute::Values;
use crate::sweep::{Route, sweep};
use crate::tape::{NodeId, Nodes, Pullback, Tape};
use crate::var::{Saved, Var, push};

/// `f(inputs)`, of which the tape keeps the inputs alone: what `f` computes on the way is freed, and computed again in backward.
///
/// A network of `n` equal blocks, each checkpointed, keeps `n` inputs and the activations of one block instead of those of all, for
/// one more forward pass. Bits do not change: the second run draws the same numbers from the tape's random stream, so dropout
/// has the same masks, buffers are not updated twice, and gradients are added up in the same order. Parameters that `f` uses get their gradients
/// as ever. It can be differentiated to any order, and nested.
///
/// Parameters must keep their values until backward has run. The tape keeps `f`, so `f` must own what it uses: put the blocks of a model into
/// an [`Arc`](std::sync::Arc), which is a [`Module`](crate::Module) like the block itself. `f` must compute the same in both runs, so its only
/// source of randomness may be the tape.
///
/// Source: Chen et al. 2016, 'Training deep nets with sublinear memory cost'.
///
/// ```
/// use std::sync::Arc;
///
/// use ravine_autograd::{Param, Tape, checkpoint};
/// use ravine_tensor::Tensor;
///
/// let block = Arc::new(Param::new(Tensor::from([[0.5, -1.0], [2.0, 0.1]])));
/// let tape = Tape::new();
/// let mut x = tape.input(Tensor::ones([3, 2]));
/// for _ in 0..4 {
///     let block = block.clone();
///     x = checkpoint(move |[x]| x.matmul(&x.tape().param(&block)).tanh(), [&x]);
/// }
/// assert_eq!(tape.len(), 5, "the parameter and one op for each block");
/// assert!(x.sum(..).backward().get(&block).is_some());
/// ```
///
/// # Panics
/// If there is no input, or `f` gave a value of another tape, or one from outside that is not among `inputs`. In backward, if `f` used a value of the tape that is not among `inputs` (its gradient would be lost), or did
/// something else than in its first run.
#[track_caller]
pub fn checkpoint<T: Float, const N: usize>(
    f: impl Fn([&Var<T>; N]) -> Var<T> + 'static,
    inputs: [&Var<T>; N],
) -> Var<T> {
    let Some(tape) = inputs.first().map(|x| x.tape()) else { panic!("checkpoint: there are no inputs") };
    if !tape.is_recording() {
        return f(inputs);
    }
    let first = Surroundings {
        training: tape.is_training(),
        rng: tape.rng_snapshot(),
        substitutes: tape.inner.substitutes.values(),
    };
    let (y, params) = tape.noting_params(|| f(inputs));
    let saved = inputs.map(Var::saved);
    let mut sources = inputs.to_vec();
    for param in &params {
        if sources.iter().all(|source| source.id() != param.id()) {
            sources.push(param);
        }
    }
    let places: Vec<NodeId> = sources.iter().map(|source| source.id()).collect();
    assert!(y.tape().is(tape), "checkpoint: the function gave a value on another tape than its inputs'");
    if places.iter().all(|place| place.is_constant()) {
        // No input or parameter needs a gradient; but `f` may use other values of the tape that do.
        return run_again(&f, &saved, &first, &y);
    }
    assert!(
        y.id().is_constant() || places.contains(&y.id()),
        "checkpoint: the function gave a value from outside that is not among the inputs; its gradient would be lost"
    );
    let pullback: Pullback<T> = Box::new(move |dy, _, needs, give| {
        let (tape, floor) = (dy.tape(), dy.tape().len());
        let y = run_again(&f, &saved, &first, &dy);
        let targets = targets(&places, needs);
        check_that_nothing_is_lost(tape, floor, &places);
        let route = Route { floor, targets: Some(&targets), free: !tape.is_recording() };
        // Summand by summand, so that sums are formed in the same order as without a checkpoint.
        sweep(&y, dy.clone(), &route, &mut |id, grad| {
            let input = places.iter().position(|&place| place == id).expect("a target is a source");
            give(input, Some(grad));
        });
        if !tape.is_recording() {
            tape.truncate(floor);
        }
    });
    push("checkpoint", &sources, y.into_value(), pullback)
}

/// What the function found in its first run.
struct Surroundings<T: Float> {
    training: bool,
    /// Where the random stream was.
    rng: Option<Rng>,
    /// What stood for parameters.
    substitutes: Values<T>,
}

/// The second run of `f`, recorded on the tape of `dy`.
fn run_again<T: Float, const N: usize>(
    f: &impl Fn([&Var<T>; N]) -> Var<T>,
    saved: &[Saved<T>; N],
    first: &Surroundings<T>,
    dy: &Var<T>,
) -> Var<T> {
    let inputs = saved.each_ref().map(|x| x.on(dy));
    let run = || f(inputs.each_ref());
    let tape = dy.tape();
    let y = {
        let _until_the_end = tape.set_recording(true);
        tape.blaming(None, || tape.replaying(first, run))
    };
    assert!(
        y.shape() == dy.shape(),
        "checkpoint: the function gave {} in its first run and {} in its second",
        dy.shape(),
        y.shape()
    );
    y
}

/// The nodes that need a gradient, in ascending order.
fn targets(places: &[NodeId], needs: &[bool]) -> Vec<NodeId> {
    let mut targets: Vec<NodeId> =
        places.iter().zip(needs).filter(|(_, needed)| **needed).map(|(&id, _)| id).collect();
    targets.sort_unstable();
    targets.dedup();
    targets
}

fn check_that_nothing_is_lost<T: Float>(tape: &Tape<T>, floor: usize, places: &[NodeId]) {
    tape.nodes(|nodes| {
        for index in floor..nodes.list.len() {
            let node = &nodes.list[index];
            for &x in nodes.inputs(index) {
                assert!(
                    x.is_constant() || x.index() >= floor || places.contains(&x),
                    "checkpoint: {} ({}) uses a value from outside that is not among the inputs; its gradient would be lost",
                    node.op,
                    node.line
                );
            }
            assert!(
                node.op != "param",
                "checkpoint: the function uses a parameter ({}) that it did not use in its first run",
                node.line
            );
        }
    });
}

/// What the tape does for checkpoints alone.
impl<T: Float> Tape<T> {
    /// The state of the random stream.
    pub(crate) fn rng_snapshot(&self) -> Option<Rng> {
        self.inner.rng.borrow().as_ref().map(Rng::snapshot)
    }

    /// Runs `f` for the second time: with the surroundings of its first run, and without noting buffer updates again.
    fn replaying<R>(&self, first: &Surroundings<T>, f: impl FnOnce() -> R) -> R {
        let training = self.inner.training.replace(first.training);
        let rng = self.inner.rng.replace(first.rng.as_ref().map(Rng::snapshot));
        let substitutes = self.inner.substitutes.replace(first.substitutes.clone());
        let updates = self.inner.updates.take();
        let result = f();
        self.inner.training.set(training);
        self.inner.rng.replace(rng);
        self.inner.substitutes.replace(substitutes);
        self.inner.updates.replace(updates);
        result
    }

    /// Runs `f` without recording, and returns the leaves of the parameters that it uses.
    pub(crate) fn noting_params<R>(&self, f: impl FnOnce() -> R) -> (R, Vec<Var<T>>) {
        let outer = self.inner.substitutes.note_into(Some(Vec::new()));
        let result = self.no_grad(f);
        (result, self.inner.substitutes.note_into(outer).unwrap_or_default())
    }

    /// Forgets what was recorded from `len` on.
    pub(crate) fn truncate(&self, len: usize) {
        // Taken out first: a derivative that is dropped may itself look at the tape.
        let dropped = self.nodes_mut(|nodes| nodes.list.split_off(len));
        self.nodes_mut(|nodes| nodes.truncate(len));
        self.hooks().truncate(len);
        drop(dropped);
    }
}

impl<T: Float> Nodes<T> {
    /// Forgets the nodes from `len` on.
    fn truncate(&mut self, len: usize) {
        self.list.truncate(len);
        let (edges, saved) = self.list.last().map_or((0, 0), |node| (node.edges_end, node.saved_end));
        self.edges.truncate(edges as usize);
        self.saved.truncate(saved as usize);
        self.constants.truncate(self.constants.partition_point(|&(edge, _)| edge < edges));
    }
}
