//! The rules, each with its formula and its source.

mod adam;
mod sgd;

pub use adam::{Adam, AdamW};
use ravine_tensor::Tensor;
pub use sgd::Sgd;

/// What a rule is told of the step that it is in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// The learning rate, as the schedule and the group say.
    pub rate: f32,
    /// The updates of this parameter, this one included: 1 for the first.
    pub count: u64,
}

/// How an optimizer changes a parameter: all that the author of a new one writes.
///
/// The crate's [front page](crate) shows a whole one.
pub trait Rule: Send + Sync {
    /// The names of the tensors that the rule keeps of each parameter. They have its shape, are zero at first, and are saved in checkpoints.
    const SLOTS: &'static [&'static str];

    /// Changes the parameter `w` by its gradient `g`, in place; `slots` are the tensors named in [`SLOTS`](Self::SLOTS), in that order.
    fn update(&self, step: &Step, w: &mut Tensor, g: &Tensor, slots: &mut [Tensor]);
}
