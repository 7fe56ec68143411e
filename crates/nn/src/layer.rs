//! The trait of layers.

use ravine_autograd::{Module, Var};

/// A module that maps one variable to another. Layers with several inputs or outputs, or with other inputs (recurrent ones, attention,
/// embeddings), have a `forward` of their own and do not implement this trait.
pub trait Layer: Module {
    /// The output for this input, on its tape.
    fn forward(&self, x: &Var) -> Var;

    /// [`forward`](Self::forward) of an input that the caller has no more use for, so that a layer may overwrite it: so
    /// [`Sequential`](crate::Sequential) calls its layers.
    #[track_caller]
    fn forward_owned(&self, x: Var) -> Var {
        self.forward(&x)
    }
}
