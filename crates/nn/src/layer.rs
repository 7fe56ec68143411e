//! What all layers have in common.

use ravine_autograd::{Module, Var};

/// A module that makes one variable of another. Layers that need more than one input, or give more than one output (recurrent ones,
/// attention, embeddings), have a `forward` of their own and are not of this trait.
pub trait Layer: Module {
    /// The output for this input, on its tape.
    fn forward(&self, x: &Var) -> Var;
}
