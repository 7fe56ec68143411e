//! Finding the op that first gave a number that is not finite; and the message for inputs on different tapes.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::Location;

use ravine_tensor::{Float, Shape, Tensor};

use crate::tape::Tape;
use crate::var::Var;

/// Ops whose infinities are intended: attention masks its scores with them.
const GIVE_WHAT_WAS_ASKED: [&str; 1] = ["masked_fill"];

/// An op, or a derivative, that gave a NaN where none came in, or an infinity from finite numbers.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Anomaly {
    /// The op; `input`, `variable` or `param` if the number came from outside.
    pub op: &'static str,
    /// The line of the program that called the op.
    pub line: &'static Location<'static>,
    /// What was not finite: the output of the op, or the gradient that its derivative gave.
    pub place: AnomalyPlace,
    /// Whether it was a NaN; otherwise an infinity.
    pub nan: bool,
    /// The first such element, in row-major order.
    pub element: usize,
    /// The shape of the output or of the gradient.
    pub shape: Shape,
}

/// Which values of an op an [`Anomaly`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnomalyPlace {
    /// Its output.
    Output,
    /// In backward: the gradient by the input of this number.
    Gradient(usize),
    /// In backward: the sum of the gradients by its output over all uses.
    Sum,
}

impl fmt::Display for Anomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Anomaly { op, line, place, nan, element, shape } = self;
        let what = if *nan { "a NaN" } else { "an infinity" };
        match place {
            AnomalyPlace::Output => write!(f, "{op} ({line}) gave {what}: element {element} of {shape}"),
            AnomalyPlace::Gradient(input) => {
                write!(
                    f,
                    "the derivative of {op} ({line}) gave {what}: element {element} of {shape}, the gradient by input {input}"
                )
            }
            AnomalyPlace::Sum => {
                write!(
                    f,
                    "the gradients by the output of {op} ({line}) add up to {what}: element {element} of {shape}"
                )
            }
        }
    }
}

impl std::error::Error for Anomaly {}

/// What a tape that looks for anomalies has found.
#[derive(Default)]
pub(crate) struct Anomalies {
    on: Cell<bool>,
    found: RefCell<Vec<Anomaly>>,
}

impl Anomalies {
    #[inline]
    fn on(&self) -> bool {
        self.on.get()
    }

    /// Notes an anomaly if `value` is worse than what it was computed from.
    fn look<T: Float>(
        &self,
        op: &'static str,
        line: &'static Location<'static>,
        place: AnomalyPlace,
        value: &Tensor<T>,
        before: impl FnOnce() -> u8,
    ) {
        let bad = badness(value);
        if bad == 0 || (bad == 1 && GIVE_WHAT_WAS_ASKED.contains(&op)) {
            return;
        }
        if before() < bad {
            let element = value.iter().position(|x| severity(x) == bad).unwrap_or(0);
            let shape = *value.shape();
            self.found.borrow_mut().push(Anomaly { op, line, place, nan: bad == 2, element, shape });
        }
    }

    #[track_caller]
    pub(crate) fn look_at_leaf<T: Float>(&self, op: &'static str, value: &Tensor<T>) {
        if self.on() {
            self.look(op, Location::caller(), AnomalyPlace::Output, value, || 0);
        }
    }

    pub(crate) fn look_at_gradient<T: Float>(
        &self,
        op: &'static str,
        line: &'static Location<'static>,
        input: usize,
        dx: &Tensor<T>,
        dy_badness: u8,
    ) {
        if self.on() {
            self.look(op, line, AnomalyPlace::Gradient(input), dx, || dy_badness);
        }
    }

    /// Looks at a complete gradient, unless an anomaly has been noted already: then one of its summands was bad, or something before it.
    /// Returns how bad it is.
    pub(crate) fn look_at_sum<T: Float>(
        &self,
        op: &'static str,
        line: &'static Location<'static>,
        dy: &Tensor<T>,
    ) -> u8 {
        if !self.on() {
            return 0;
        }
        if self.found.borrow().is_empty() {
            self.look(op, line, AnomalyPlace::Sum, dy, || 0);
        }
        badness(dy)
    }
}

/// 0 for a finite number, 1 for an infinity, 2 for a NaN.
fn severity<T: Float>(x: T) -> u8 {
    if x.is_finite() { 0 } else { 1 + u8::from(x.is_nan()) }
}

fn badness<T: Float>(x: &Tensor<T>) -> u8 {
    if x.iter().all(|x| x.is_finite()) { 0 } else { x.iter().map(severity).max().unwrap_or(0) }
}

impl<T: Float> Tape<T> {
    /// Looks for NaNs and infinities in all that is computed on this tape, forward and backward, and notes where they arise.
    ///
    /// Reads each value twice or more, so it is for a second look at a pass that went wrong:
    ///
    /// ```
    /// use ravine_autograd::Tape;
    /// use ravine_tensor::Tensor;
    ///
    /// let tape = Tape::new().anomaly();
    /// let x = tape.variable(Tensor::from([4.0, 0.0]));
    /// let loss = x.sqrt().sum(..);
    /// loss.backward();
    /// let first = tape.first_anomaly().unwrap();
    /// // the derivative of sqrt (src/main.rs:6:14) gave an infinity: ...
    /// assert!(first.to_string().starts_with("the derivative of sqrt ("));
    /// assert!(first.to_string().ends_with("gave an infinity: element 1 of [2], the gradient by input 0"));
    /// ```
    #[must_use]
    #[doc(alias("set_detect_anomaly", "detect_anomaly"))]
    pub fn anomaly(self) -> Self {
        self.anomalies().on.set(true);
        self
    }

    /// The anomalies found so far, in the order in which they arose: every op that gave a NaN where none came in, or an infinity from
    /// finite numbers. (A `masked_fill` with an infinity is none.) Empty unless the tape looks for them.
    pub fn found_anomalies(&self) -> Vec<Anomaly> {
        self.anomalies().found.borrow().clone()
    }

    /// The first of the [anomalies](Self::found_anomalies).
    pub fn first_anomaly(&self) -> Option<Anomaly> {
        self.anomalies().found.borrow().first().cloned()
    }
}

/// Looks at the output of an op in the forward pass.
pub(crate) fn look_forward<T: Float>(
    op: &'static str,
    line: &'static Location<'static>,
    inputs: &[&Var<T>],
    value: &Tensor<T>,
) {
    let tape = inputs[0].tape();
    // What a derivative computes is checked when it is handed over, and attributed to the op that it belongs to.
    if tape.anomalies().on() && tape.inner.blamed.get().is_none() {
        let before = || inputs.iter().map(|x| badness(x.value())).max().unwrap_or(0);
        tape.anomalies().look(op, line, AnomalyPlace::Output, value, before);
    }
}

/// Panics, saying where each of two inputs on different tapes comes from.
#[cold]
#[track_caller]
pub(crate) fn different_tapes<T: Float>(op: &str, inputs: &[&Var<T>]) -> ! {
    let stranger = inputs.iter().find(|x| !x.tape().is(inputs[0].tape())).expect("one was found");
    let origin = |x: &Var<T>| {
        let made = if x.id().is_constant() {
            "a constant".to_owned()
        } else {
            x.tape().nodes(|nodes| {
                let node = &nodes.list[x.id().index()];
                format!("the {} of {}", node.op, node.line)
            })
        };
        format!("{made} (tape made at {})", x.tape().line())
    };
    panic!(
        "{op}: the inputs are on different tapes: {} and {}; one forward pass uses one tape",
        origin(inputs[0]),
        origin(stranger)
    );
}
