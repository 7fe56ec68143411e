//! The record of one forward pass.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::panic::Location;
use std::rc::Rc;

use ravine_tensor::{Float, Rng, Shape, Tensor};

use crate::anomaly::Anomalies;
use crate::control::{Hooks, put};
use crate::gradients::TapeNumber;
use crate::param::{BufferUpdates, Param, ParamKey};
use crate::substitute::Substitutes;
use crate::var::Var;

/// The index of a value on a tape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct NodeId(u32);

impl NodeId {
    /// The index of all values through which no gradient flows: they are not on the tape.
    pub(crate) const CONSTANT: NodeId = NodeId(u32::MAX);

    pub(crate) fn is_constant(self) -> bool {
        self == NodeId::CONSTANT
    }

    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }

    pub(crate) fn at(index: usize) -> NodeId {
        NodeId(index as u32)
    }
}

/// The derivative of one recorded op, called with the gradient by its output (which it may overwrite), the output's index on the tape,
/// which inputs need a gradient, and a function that takes each input's number and gradient. `None` says that the op has no gradient for it.
pub(crate) type Pullback<T> = Box<dyn Fn(Var<T>, NodeId, &[bool], &mut dyn FnMut(usize, Option<Var<T>>))>;

/// How the gradient propagates from a node to its inputs.
pub(crate) enum Origin<T: Float> {
    /// A variable or a parameter: it stays here.
    Leaf,
    /// An op: through its derivative.
    Op(Pullback<T>),
    /// An op whose derivative an earlier backward pass has used and freed.
    Freed,
}

pub(crate) struct Node<T: Float> {
    pub(crate) op: &'static str,
    /// The line of the program that called the op.
    pub(crate) line: &'static Location<'static>,
    pub(crate) shape: Shape,
    pub(crate) origin: Origin<T>,
    /// Where this node's part of [`Nodes::edges`] and of [`Nodes::saved`] ends; it begins where that of the node before it ends.
    pub(crate) edges_end: u32,
    pub(crate) saved_end: u32,
}

/// The nodes of a tape, in the order of their creation, the inputs of each, and what the derivative of each keeps.
pub(crate) struct Nodes<T: Float> {
    pub(crate) list: Vec<Node<T>>,
    pub(crate) edges: Vec<NodeId>,
    /// The shapes of inputs that are constants, each with its index among the edges.
    pub(crate) constants: Vec<(u32, Shape)>,
    /// The storage (address and bytes) of each saved value. Those beyond the last node's are of an op that is being called.
    pub(crate) saved: Vec<(usize, usize)>,
}

impl<T: Float> Nodes<T> {
    pub(crate) fn edge_range(&self, node: usize) -> std::ops::Range<usize> {
        let start = if node == 0 { 0 } else { self.list[node - 1].edges_end };
        start as usize..self.list[node].edges_end as usize
    }

    /// The indices of the inputs of a node.
    pub(crate) fn inputs(&self, node: usize) -> &[NodeId] {
        &self.edges[self.edge_range(node)]
    }

    /// The index of the next node.
    pub(crate) fn next(&self) -> NodeId {
        NodeId(self.list.len() as u32)
    }

    pub(crate) fn push(
        &mut self,
        op: &'static str,
        line: &'static Location<'static>,
        shape: Shape,
        origin: Origin<T>,
        inputs: &[&Var<T>],
    ) -> NodeId {
        let id = self.next();
        assert!(!id.is_constant(), "{op}: the tape is full (2³² - 1 values)");
        for x in inputs {
            if x.id().is_constant() {
                self.constants.push((self.edges.len() as u32, *x.shape()));
            }
            self.edges.push(x.id());
        }
        let (edges_end, saved_end) = (self.edges.len() as u32, self.saved.len() as u32);
        self.list.push(Node { op, line, shape, origin, edges_end, saved_end });
        id
    }
}

/// The record of one forward pass, and the rules of that pass: whether it trains, whether it records, and its random stream.
///
/// A model has no mode to switch: dropout and batch norm ask the tape. Clones are the same tape; it lives as long as one of
/// them or a [`Var`] on it does, and it stays on its thread.
#[derive(Clone)]
pub struct Tape<T: Float = f32> {
    pub(crate) inner: Rc<Inner<T>>,
}

pub(crate) struct Inner<T: Float> {
    pub(crate) training: Cell<bool>,
    recording: Cell<bool>,
    /// Whether constants are recorded, too, so that every op is on the tape.
    surveying: Cell<bool>,
    nodes: RefCell<Nodes<T>>,
    params: RefCell<HashMap<ParamKey, (Param<T>, NodeId)>>,
    pub(crate) updates: RefCell<BufferUpdates<T>>,
    pub(crate) rng: RefCell<Option<Rng>>,
    hooks: Hooks<T>,
    anomalies: Anomalies,
    /// The line of the op whose derivative is running: the ops that it records are attributed to that line.
    pub(crate) blamed: Cell<Option<&'static Location<'static>>>,
    pub(crate) substitutes: Substitutes<T>,
    /// The line that made this tape.
    line: &'static Location<'static>,
    /// Tells its gradients from those of other tapes.
    pub(crate) number: TapeNumber,
}

impl<T: Float> Tape<T> {
    #[track_caller]
    fn with(training: bool, recording: bool, rng: Option<Rng>) -> Self {
        let nodes = Nodes { list: Vec::new(), edges: Vec::new(), constants: Vec::new(), saved: Vec::new() };
        Tape {
            inner: Rc::new(Inner {
                training: Cell::new(training),
                recording: Cell::new(recording),
                surveying: Cell::new(false),
                nodes: RefCell::new(nodes),
                params: RefCell::default(),
                updates: RefCell::new(BufferUpdates::default()),
                rng: RefCell::new(rng),
                hooks: Hooks::default(),
                anomalies: Anomalies::default(),
                blamed: Cell::new(None),
                substitutes: Substitutes::default(),
                line: Location::caller(),
                number: TapeNumber::next(),
            }),
        }
    }

    /// A tape for an evaluating pass on which constants and frozen parameters are leaves: for [`Summary`](crate::Summary).
    pub(crate) fn surveying() -> Self {
        let tape = Tape::new();
        tape.inner.surveying.set(true);
        tape
    }

    /// A tape that records gradients, for a pass that evaluates: dropout passes everything, batch norm uses its running statistics.
    #[expect(clippy::new_without_default, reason = "which of the three constructors is meant should be said")]
    #[track_caller]
    pub fn new() -> Self {
        Self::with(false, true, None)
    }

    /// A tape for a training pass: it records, dropout draws from `rng`, batch norm uses and reports its batch's statistics.
    #[track_caller]
    pub fn train(rng: Rng) -> Self {
        Self::with(true, true, Some(rng))
    }

    /// A tape for inference: nothing is recorded, so intermediate values are freed as soon as they are used.
    #[track_caller]
    #[doc(alias = "inference_mode")]
    pub fn eval() -> Self {
        Self::with(false, false, None)
    }

    /// Whether this is a training pass.
    pub fn is_training(&self) -> bool {
        self.inner.training.get()
    }

    /// Whether ops are being recorded.
    pub fn is_recording(&self) -> bool {
        self.inner.recording.get()
    }

    /// How many values have been recorded.
    pub fn len(&self) -> usize {
        self.inner.nodes.borrow().list.len()
    }

    /// Whether nothing has been recorded.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A constant: no gradient flows into it.
    #[track_caller]
    pub fn input(&self, value: Tensor<T>) -> Var<T> {
        self.anomalies().look_at_leaf("input", &value);
        self.constant(value)
    }

    /// A leaf whose gradient [`Gradients::wrt`](crate::Gradients::wrt) gives.
    #[track_caller]
    #[doc(alias = "requires_grad_")]
    pub fn variable(&self, value: Tensor<T>) -> Var<T> {
        self.anomalies().look_at_leaf("variable", &value);
        if self.is_recording() { self.leaf("variable", value) } else { self.constant(value) }
    }

    /// The value of a parameter, as a leaf of this tape; a constant if the parameter is frozen.
    ///
    /// The same parameter is the same leaf each time, so the gradients of all its uses add up. Inside
    /// [`with_params`](Self::with_params), it is what that says.
    #[track_caller]
    pub fn param(&self, param: &Param<T>) -> Var<T> {
        if let Some(value) = self.substitute_for(param) {
            return value;
        }
        let value = param.value();
        self.anomalies().look_at_leaf("param", &value);
        let frozen = param.is_frozen() && !self.inner.surveying.get();
        if frozen || !(self.is_recording() || self.inner.substitutes.is_noting()) {
            return self.constant(value);
        }
        let mut params = self.inner.params.borrow_mut();
        let leaf = match params.get(&param.key()) {
            Some(&(_, id)) => Var::at(self.clone(), id, value),
            None => {
                let leaf = self.leaf("param", value);
                params.insert(param.key(), (param.tied(), leaf.id()));
                leaf
            }
        };
        self.inner.substitutes.note(&leaf);
        leaf
    }

    #[track_caller]
    fn leaf(&self, op: &'static str, value: Tensor<T>) -> Var<T> {
        // Taken here: inside the closure, the caller would be another.
        let line = Location::caller();
        let id = self.nodes_mut(|nodes| nodes.push(op, line, *value.shape(), Origin::Leaf, &[]));
        Var::at(self.clone(), id, value)
    }

    /// A constant of the engine or of an op.
    pub(crate) fn constant(&self, value: Tensor<T>) -> Var<T> {
        if self.inner.surveying.get() {
            return self.leaf("input", value);
        }
        Var::at(self.clone(), NodeId::CONSTANT, value)
    }

    /// Runs `f`; ops inside it are not recorded, so no gradient flows through them.
    pub fn no_grad<R>(&self, f: impl FnOnce() -> R) -> R {
        let _until_the_end = self.set_recording(false);
        f()
    }

    /// Switches recording on or off until the returned guard is dropped. (With a closure, panics would not point at the caller's line.)
    pub(crate) fn set_recording(&self, on: bool) -> impl Drop + '_ {
        put(&self.inner.recording, on)
    }

    /// Runs `f`, attributing the ops that it records to `line`, if there is one.
    pub(crate) fn blaming<R>(&self, line: Option<&'static Location<'static>>, f: impl FnOnce() -> R) -> R {
        let _until_the_end = put(&self.inner.blamed, line);
        f()
    }

    /// Draws from this pass's random stream.
    ///
    /// # Panics
    /// If the tape has none (only [`Tape::train`] gives it one), or if this is called, or a layer that draws, within `f`.
    #[track_caller]
    pub fn with_rng<R>(&self, f: impl FnOnce(&mut Rng) -> R) -> R {
        let mut rng =
            self.inner.rng.try_borrow_mut().expect("with_rng: within another with_rng of this tape");
        f(rng.as_mut().expect("this tape has no random stream; make it with Tape::train"))
    }

    /// Whether both are the same tape.
    pub(crate) fn is(&self, other: &Tape<T>) -> bool {
        Rc::ptr_eq(&self.inner, &other.inner)
    }

    /// The line that made this tape.
    pub(crate) fn line(&self) -> &'static Location<'static> {
        self.inner.line
    }

    pub(crate) fn hooks(&self) -> &Hooks<T> {
        &self.inner.hooks
    }

    pub(crate) fn anomalies(&self) -> &Anomalies {
        &self.inner.anomalies
    }

    pub(crate) fn nodes<R>(&self, f: impl FnOnce(&Nodes<T>) -> R) -> R {
        f(&self.inner.nodes.borrow())
    }

    pub(crate) fn nodes_mut<R>(&self, f: impl FnOnce(&mut Nodes<T>) -> R) -> R {
        f(&mut self.inner.nodes.borrow_mut())
    }

    /// The parameters used so far, with their leaves, in the order of their first uses.
    pub(crate) fn params(&self) -> Vec<(Param<T>, NodeId)> {
        let params = self.inner.params.borrow();
        let mut params: Vec<_> = params.values().map(|(param, id)| (param.tied(), *id)).collect();
        params.sort_unstable_by_key(|&(_, id)| id);
        params
    }
}
