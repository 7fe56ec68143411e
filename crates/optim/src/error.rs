//! The errors of optimizers.

/// An error of an optimizer, which has changed nothing.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum OptimError {
    /// The loss does not depend on a parameter.
    #[error(
        "{path}: the loss gave it no gradient: use it in the forward pass, freeze it (set_frozen), or declare it optional (set_optional)"
    )]
    MissingGradient {
        /// The parameter.
        path: String,
    },
    /// The loss does not depend on a parameter, but on others that the optimizer does not have.
    #[error(
        "{path}: the loss gave it no gradient, but gave one to {others} parameters that are not the optimizer's: make it for the model that is trained, not for a clone, and after its layers were replaced"
    )]
    OtherParameters {
        /// The parameter.
        path: String,
        /// How many the optimizer does not have.
        others: usize,
    },
    /// A gradient holds an infinity or a NaN.
    #[error(
        "{path}: its gradient is not finite; try a smaller learning rate or clip_norm, or skip such steps"
    )]
    NonFinite {
        /// The first such parameter.
        path: String,
    },
    /// There is nothing to train.
    #[error("all parameters are frozen, so a step would change nothing: thaw some (set_frozen(false))")]
    AllFrozen,
    /// The learning rate is negative or not finite.
    #[error(
        "learning rate of step {step}: found {found}, expected a number that is not negative (to climb, use maximize)"
    )]
    Rate {
        /// The step, counted from 0.
        step: u64,
        /// What the schedule says.
        found: f64,
    },
    /// The weight decay is negative or not finite.
    #[error("weight decay of step {step}: found {found}, expected a number that is not negative")]
    Decay {
        /// The step, counted from 0.
        step: u64,
        /// What the schedule says.
        found: f64,
    },
    /// The model has no parameter of this path.
    #[error("{path}: the model has no such parameter")]
    UnknownParameter {
        /// The path that was asked for.
        path: String,
    },
    /// The saved state is that of another optimizer or another model.
    #[error("optimizer state: {what}: found {found}, expected {expected}")]
    State {
        /// The field, parameter, or slot of a parameter.
        what: String,
        /// What the state has.
        found: String,
        /// What this optimizer has.
        expected: String,
    },
}

impl OptimError {
    pub(crate) fn state(
        what: impl Into<String>,
        found: impl Into<String>,
        expected: impl Into<String>,
    ) -> Self {
        OptimError::State { what: what.into(), found: found.into(), expected: expected.into() }
    }
}
