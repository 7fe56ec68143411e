//! A tensor on a tape, and the functions that record ops.

use std::fmt;
use std::panic::Location;

use ravine_tensor::{Float, Shape, Tensor};

use crate::anomaly;
use crate::tape::{NodeId, Origin, Pullback, Tape};

/// A tensor and its index on a tape. Cheap to clone: the numbers are shared.
#[derive(Clone)]
pub struct Var<T: Float = f32> {
    tape: Tape<T>,
    id: NodeId,
    value: Tensor<T>,
}

impl<T: Float> Var<T> {
    pub(crate) fn at(tape: Tape<T>, id: NodeId, value: Tensor<T>) -> Self {
        Var { tape, id, value }
    }

    /// The numbers.
    pub fn value(&self) -> &Tensor<T> {
        &self.value
    }

    /// The numbers, without the tape.
    pub fn into_value(self) -> Tensor<T> {
        self.value
    }

    pub(crate) fn value_mut(&mut self) -> &mut Tensor<T> {
        &mut self.value
    }

    /// The tape it is on.
    pub fn tape(&self) -> &Tape<T> {
        &self.tape
    }

    pub(crate) fn id(&self) -> NodeId {
        self.id
    }

    /// The size along each axis.
    pub fn shape(&self) -> &Shape {
        self.value.shape()
    }

    /// The size along `axis`, which may be counted from the end.
    #[track_caller]
    pub fn size(&self, axis: isize) -> usize {
        self.value.size(axis)
    }

    /// The number of axes.
    pub fn rank(&self) -> usize {
        self.value.rank()
    }

    /// The number of elements.
    pub fn numel(&self) -> usize {
        self.value.numel()
    }

    /// The only element of a tensor that has one.
    #[track_caller]
    pub fn item(&self) -> T {
        self.value.item()
    }

    /// Whether a gradient can flow through this value.
    pub fn requires_grad(&self) -> bool {
        !self.id.is_constant()
    }

    /// A constant on the same tape.
    pub fn constant(&self, value: Tensor<T>) -> Var<T> {
        self.tape.constant(value)
    }

    /// This value as a derivative keeps it: without the tape, which would otherwise keep itself alive.
    pub fn saved(&self) -> Saved<T> {
        self.tape.note_saved(&self.value);
        Saved { id: self.id, value: self.value.clone() }
    }
}

impl<T: Float> fmt::Debug for Var<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Var({:?})", self.value)
    }
}

/// A value kept for the backward pass, made by [`Var::saved`].
#[derive(Clone)]
pub struct Saved<T: Float = f32> {
    id: NodeId,
    value: Tensor<T>,
}

impl<T: Float> Saved<T> {
    /// The value as a variable again, on the tape of the incoming gradient `dy`.
    pub fn on(&self, dy: &Var<T>) -> Var<T> {
        Var::at(dy.tape.clone(), self.id, self.value.clone())
    }

    /// The numbers.
    pub fn value(&self) -> &Tensor<T> {
        &self.value
    }
}

/// Records an op: its name, inputs, output, and derivative. Every op of this crate goes through here, and yours can.
///
/// `pullback(dy, needs)` takes the gradient `dy` by the output and returns the gradient by each input for which `needs` is true,
/// written with `Var` ops so that it can be differentiated again. Values that it needs are kept by [`Var::saved`];
/// never move a `Var` into it (the tape would keep itself alive). Where an input was broadcast, the engine sums its gradient back
/// to the shape of the input.
///
/// ```
/// use ravine_autograd::{Tape, Var, record};
/// use ravine_tensor::Tensor;
///
/// /// `y = x³`. Backward: `dx = 3 x² dy`.
/// fn cube(x: &Var) -> Var {
///     let saved = x.saved();
///     let y = x.value().map(|x| x * x * x);
///     record("cube", [x], y, move |dy, _needs| {
///         let x = saved.on(dy);
///         [Some(&x * &x * 3.0 * dy)]
///     })
/// }
///
/// let tape = Tape::new();
/// let x = tape.variable(Tensor::scalar(2.0));
/// assert_eq!(cube(&x).backward().wrt(&x).unwrap().item(), 12.0);
/// ```
///
/// # Panics
/// If there is no input, or the inputs are on different tapes; during backward, if the gradient by an input that needs one is `None`, is on
/// another tape than `dy`, or has a shape to which the input does not broadcast.
#[track_caller]
pub fn record<T: Float, const N: usize>(
    op: &'static str,
    inputs: [&Var<T>; N],
    value: Tensor<T>,
    pullback: impl Fn(&Var<T>, [bool; N]) -> [Option<Var<T>>; N] + 'static,
) -> Var<T> {
    push(op, &inputs, value, for_each_input(move |dy, _, needs| pullback(dy, needs)))
}

/// [`record`] for a derivative that uses the output: `pullback(dy, y, needs)`.
#[track_caller]
pub fn record_with_output<T: Float, const N: usize>(
    op: &'static str,
    inputs: [&Var<T>; N],
    value: Tensor<T>,
    pullback: impl Fn(&Var<T>, &Var<T>, [bool; N]) -> [Option<Var<T>>; N] + 'static,
) -> Var<T> {
    let kept = value.clone();
    inputs.iter().take(1).for_each(|x| x.tape.note_saved(&kept));
    let with_output =
        move |dy: &Var<T>, id, needs| pullback(dy, &Var::at(dy.tape.clone(), id, kept.clone()), needs);
    push(op, &inputs, value, for_each_input(with_output))
}

/// [`record`] for any number of inputs: `pullback(dy, i)` returns the gradient by input `i`, and is called only where one is needed.
#[track_caller]
pub fn record_many<T: Float>(
    op: &'static str,
    inputs: &[&Var<T>],
    value: Tensor<T>,
    pullback: impl Fn(&Var<T>, usize) -> Var<T> + 'static,
) -> Var<T> {
    let pullback: Pullback<T> = Box::new(move |dy, _, needs, give| {
        (0..needs.len()).filter(|&i| needs[i]).for_each(|i| give(i, Some(pullback(&dy, i))));
    });
    push(op, inputs, value, pullback)
}

/// The derivative of an op with a fixed number of inputs, as the tape keeps it.
fn for_each_input<T: Float, const N: usize>(
    pullback: impl Fn(&Var<T>, NodeId, [bool; N]) -> [Option<Var<T>>; N] + 'static,
) -> Pullback<T> {
    Box::new(move |dy, id, needs, give| {
        let needs = needs.try_into().expect("as many needs as inputs");
        pullback(&dy, id, needs).iter_mut().enumerate().for_each(|(i, dx)| give(i, dx.take()));
    })
}

/// Puts an op on the tape, unless nothing is recorded or no input needs a gradient.
#[track_caller]
pub(crate) fn push<T: Float>(
    op: &'static str,
    inputs: &[&Var<T>],
    value: Tensor<T>,
    pullback: Pullback<T>,
) -> Var<T> {
    assert!(!inputs.is_empty(), "{op}: an op needs at least one input");
    let tape = inputs[0].tape.clone();
    if inputs[1..].iter().any(|x| !x.tape.is(&tape)) {
        anomaly::different_tapes(op, inputs);
    }
    let line = tape.inner.blamed.get().unwrap_or(Location::caller());
    anomaly::look_forward(op, line, inputs, &value);
    if !tape.is_recording() {
        return tape.constant(value);
    }
    let id = tape.nodes_mut(|nodes| {
        if inputs.iter().all(|x| x.id.is_constant()) {
            nodes.unsave();
            return NodeId::CONSTANT;
        }
        nodes.push(op, line, *value.shape(), Origin::Op(pullback), inputs)
    });
    Var { tape, id, value }
}
