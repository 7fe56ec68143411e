//! The record of one forward pass.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::panic::Location;
use std::rc::Rc;

use ravine_tensor::{Float, Rng, Shape, Tensor};

use crate::param::{Buffer, BufferUpdates, Param, ParamKey};
use crate::var::Var;

/// The place of a value on a tape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct NodeId(u32);

impl NodeId {
    /// The place of all values through which no gradient flows: they are not on the tape.
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

/// The derivative of one recorded op: given the gradient of its output and which inputs need one, hands the gradient
/// of each such input, by its number, to the last argument.
pub(crate) type Pullback<T> = Box<dyn Fn(&Var<T>, &[bool], &mut dyn FnMut(usize, Var<T>))>;

/// How the gradient goes on from a node.
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
    /// Where this node's inputs end in [`Nodes::edges`]; they begin where those of the node before it end.
    edges_end: u32,
}

/// The nodes of a tape, in the order of their creation, and the inputs of each.
pub(crate) struct Nodes<T: Float> {
    pub(crate) list: Vec<Node<T>>,
    edges: Vec<NodeId>,
}

impl<T: Float> Nodes<T> {
    pub(crate) fn inputs(&self, node: usize) -> &[NodeId] {
        let start = if node == 0 { 0 } else { self.list[node - 1].edges_end };
        &self.edges[start as usize..self.list[node].edges_end as usize]
    }

    pub(crate) fn push(
        &mut self,
        op: &'static str,
        line: &'static Location<'static>,
        shape: Shape,
        origin: Origin<T>,
        inputs: impl IntoIterator<Item = NodeId>,
    ) -> NodeId {
        let id = NodeId(self.list.len() as u32);
        assert!(!id.is_constant(), "{op}: the tape is full (2³² - 1 values)");
        self.edges.extend(inputs);
        self.list.push(Node { op, line, shape, origin, edges_end: self.edges.len() as u32 });
        id
    }
}

/// The record of one forward pass, and the rules of that pass: whether it trains, whether it records, and its random stream.
///
/// A model has no mode to switch: dropout and batch norm ask the tape. Clones are the same tape; it lives as long as one of
/// them or a [`Var`] on it does, and it stays on its thread.
#[derive(Clone)]
pub struct Tape<T: Float = f32> {
    inner: Rc<Inner<T>>,
}

struct Inner<T: Float> {
    training: bool,
    recording: Cell<bool>,
    /// Whether constants are recorded, too, so that the tape tells of every op.
    surveying: bool,
    nodes: RefCell<Nodes<T>>,
    params: RefCell<HashMap<ParamKey, (Param<T>, NodeId)>>,
    updates: RefCell<BufferUpdates<T>>,
    rng: RefCell<Option<Rng>>,
}

impl<T: Float> Inner<T> {
    fn new(training: bool, recording: bool, rng: Option<Rng>) -> Self {
        Inner {
            training,
            recording: Cell::new(recording),
            surveying: false,
            nodes: RefCell::new(Nodes { list: Vec::new(), edges: Vec::new() }),
            params: RefCell::default(),
            updates: RefCell::new(BufferUpdates::default()),
            rng: RefCell::new(rng),
        }
    }
}

impl<T: Float> Tape<T> {
    fn with(training: bool, recording: bool, rng: Option<Rng>) -> Self {
        Tape { inner: Rc::new(Inner::new(training, recording, rng)) }
    }

    /// A tape for an evaluating pass on which constants and frozen parameters are leaves: for [`Summary`](crate::Summary).
    pub(crate) fn surveying() -> Self {
        Tape { inner: Rc::new(Inner { surveying: true, ..Inner::new(false, true, None) }) }
    }

    /// A tape that records gradients, for a pass that evaluates: dropout passes everything, batch norm uses its running statistics.
    #[expect(clippy::new_without_default, reason = "which of the three constructors is meant should be said")]
    pub fn new() -> Self {
        Self::with(false, true, None)
    }

    /// A tape for a training pass: it records, dropout draws from `rng`, batch norm uses and reports its batch's statistics.
    pub fn train(rng: Rng) -> Self {
        Self::with(true, true, Some(rng))
    }

    /// A tape for inference: nothing is recorded, so intermediate values are freed as soon as they are used.
    pub fn eval() -> Self {
        Self::with(false, false, None)
    }

    /// Whether this is a training pass.
    pub fn is_training(&self) -> bool {
        self.inner.training
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
    pub fn input(&self, value: Tensor<T>) -> Var<T> {
        let id = if self.inner.surveying { self.leaf("input", *value.shape()) } else { NodeId::CONSTANT };
        Var::at(self.clone(), id, value)
    }

    /// A leaf whose gradient [`Gradients::wrt`](crate::Gradients::wrt) gives.
    #[track_caller]
    pub fn variable(&self, value: Tensor<T>) -> Var<T> {
        let id = self.leaf("variable", *value.shape());
        Var::at(self.clone(), id, value)
    }

    /// The value of a parameter, as a leaf of this tape; a constant if the parameter is frozen.
    ///
    /// The same parameter is the same leaf each time, so the gradients of all its uses add up.
    #[track_caller]
    pub fn param(&self, param: &Param<T>) -> Var<T> {
        let value = param.value();
        if param.is_frozen() && !self.inner.surveying || !self.is_recording() {
            return self.input(value);
        }
        let mut params = self.inner.params.borrow_mut();
        let (_, id) =
            params.entry(param.key()).or_insert_with(|| (param.tied(), self.leaf("param", *value.shape())));
        Var::at(self.clone(), *id, value)
    }

    #[track_caller]
    fn leaf(&self, op: &'static str, shape: Shape) -> NodeId {
        if !self.is_recording() {
            return NodeId::CONSTANT;
        }
        self.nodes_mut(|nodes| nodes.push(op, Location::caller(), shape, Origin::Leaf, []))
    }

    /// Runs `f`; ops inside it are not recorded, so no gradient flows through them.
    pub fn no_grad<R>(&self, f: impl FnOnce() -> R) -> R {
        self.recording(false, f)
    }

    /// Runs `f` with recording on or off.
    pub(crate) fn recording<R>(&self, on: bool, f: impl FnOnce() -> R) -> R {
        struct Restore<'a>(&'a Cell<bool>, bool);
        impl Drop for Restore<'_> {
            fn drop(&mut self) {
                self.0.set(self.1);
            }
        }
        let recording = &self.inner.recording;
        let _restore = Restore(recording, recording.replace(on));
        f()
    }

    /// Draws from this pass's random stream.
    ///
    /// # Panics
    /// If the tape has none: only [`Tape::train`] gives it one.
    #[track_caller]
    pub fn with_rng<R>(&self, f: impl FnOnce(&mut Rng) -> R) -> R {
        let mut rng = self.inner.rng.borrow_mut();
        f(rng.as_mut().expect("this tape has no random stream; make it with Tape::train"))
    }

    /// Notes that `buffer` should move towards `statistic`, which was computed from `samples` samples:
    /// `buffer <- (1 - momentum) buffer + momentum statistic`, once the step is done.
    ///
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    pub fn update_buffer(&self, buffer: &Buffer<T>, statistic: Tensor<T>, momentum: f64, samples: usize) {
        self.inner.updates.borrow_mut().push(buffer, statistic, momentum, samples);
    }

    /// The buffer updates noted so far, to be applied when the step is done. The tape forgets them.
    pub fn take_buffer_updates(&self) -> BufferUpdates<T> {
        self.inner.updates.take()
    }

    /// Whether both are the same tape.
    pub(crate) fn is(&self, other: &Tape<T>) -> bool {
        Rc::ptr_eq(&self.inner, &other.inner)
    }

    /// A number that tells tapes apart that live at the same time.
    pub(crate) fn address(&self) -> usize {
        Rc::as_ptr(&self.inner) as *const () as usize
    }

    pub(crate) fn nodes<R>(&self, f: impl FnOnce(&Nodes<T>) -> R) -> R {
        f(&self.inner.nodes.borrow())
    }

    pub(crate) fn nodes_mut<R>(&self, f: impl FnOnce(&mut Nodes<T>) -> R) -> R {
        f(&mut self.inner.nodes.borrow_mut())
    }

    /// The parameters used so far, with their places.
    pub(crate) fn params(&self) -> Vec<(Param<T>, NodeId)> {
        self.inner.params.borrow().values().map(|(param, id)| (param.tied(), *id)).collect()
    }
}
