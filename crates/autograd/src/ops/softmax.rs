//! Softmax, its logarithm, and the cross-entropy of logits, all over the last axis and without overflow.

use ravine_tensor::{Float, Tensor};

use crate::var::{Var, record, record_with_output};

/// Whether a value is on its tape as the output of this op.
fn is_made_by<T: Float>(op: &str, x: &Var<T>) -> bool {
    x.requires_grad() && x.tape().nodes(|nodes| nodes.list[x.id().index()].op == op)
}

impl<T: Float> Var<T> {
    /// `y[i] = e^x[i] / Σ e^x[j]` along the last axis. Backward: `dx = y (dy - Σ y dy)`.
    #[track_caller]
    #[must_use]
    pub fn softmax(&self) -> Var<T> {
        record_with_output("softmax", [self], self.value().softmax(), |dy, y, _| {
            let weighted = y * dy;
            [Some(&weighted - y * weighted.sum_keepdim(-1))]
        })
    }

    /// `y[i] = x[i] - log Σ e^x[j]` along the last axis. Backward: `dx = dy - eʸ Σ dy`.
    #[track_caller]
    #[must_use]
    pub fn log_softmax(&self) -> Var<T> {
        record_with_output("log_softmax", [self], self.value().log_softmax(), |dy, y, _| {
            [Some(dy - y.exp() * dy.sum_keepdim(-1))]
        })
    }

    /// The mean over the batch of [`cross_entropy_each`](Self::cross_entropy_each): the usual loss of a classifier.
    ///
    /// Shapes: logits `[batch, classes]`, targets `[batch]` -> `[]`.
    ///
    /// # Panics
    /// If the shapes do not fit together, a target is not a class, or the logits come straight out of [`softmax`](Self::softmax).
    #[track_caller]
    #[must_use]
    pub fn cross_entropy(&self, targets: &Tensor<i64>) -> Var<T> {
        self.cross_entropy_each(targets).mean(..)
    }

    /// The cross-entropy of each row of logits with its target class: `y[b] = log Σ e^x[b, j] - x[b, target[b]]`.
    /// Backward: `dx = (softmax(x) - one_hot(target)) dy`.
    ///
    /// Shapes: logits `[.., classes]`, targets `[..]` -> `[..]`.
    ///
    /// # Panics
    /// If the shapes do not fit together, a target is not a class, or the logits come straight out of [`softmax`](Self::softmax).
    #[track_caller]
    #[must_use]
    pub fn cross_entropy_each(&self, targets: &Tensor<i64>) -> Var<T> {
        assert!(
            !is_made_by("softmax", self),
            "cross_entropy: the logits {} come out of softmax; cross_entropy does that itself, so give it what went in",
            self.shape()
        );
        let (x, y, targets) = (self.saved(), self.value().cross_entropy(targets), targets.clone());
        record("cross_entropy", [self], y, move |dy, _| {
            if !dy.tape().is_recording() {
                return [Some(dy.constant(x.value().cross_entropy_grad(&targets, dy.value())))];
            }
            let one_hot = dy.constant(Tensor::one_hot(&targets, x.value().size(-1)));
            [Some((x.on(dy).softmax() - one_hot) * dy.unsqueeze(-1))]
        })
    }
}
