//! Softmax, its logarithm, and the cross-entropy of logits, all over the last axis and without overflow.

use ravine_tensor::{Float, Tensor};

use crate::var::{Var, record, record_with_output};

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
    /// If the shapes do not fit together, or a target is not a class.
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
    /// If the shapes do not fit together, or a target is not a class.
    #[track_caller]
    #[must_use]
    pub fn cross_entropy_each(&self, targets: &Tensor<i64>) -> Var<T> {
        assert!(
            self.rank() > 0 && self.shape()[..self.rank() - 1] == **targets.shape(),
            "cross_entropy: logits {} and targets {}: targets are one class index per row of logits",
            self.shape(),
            targets.shape()
        );
        let classes = self.size(-1);
        let column = targets.unsqueeze(-1);
        if let Some(bad) = targets.iter().find(|&t| t < 0 || t as usize >= classes) {
            panic!(
                "cross_entropy: target {bad} is not a class: logits {} have classes 0..{classes}",
                self.shape()
            );
        }
        let y = -self.value().log_softmax().gather(-1, &column).squeeze(-1);
        let x = self.saved();
        record("cross_entropy", [self], y, move |dy, _| {
            let one_hot = dy.constant(Tensor::one_hot(&column.squeeze(-1), classes));
            [Some((x.on(dy).softmax() - one_hot) * dy.unsqueeze(-1))]
        })
    }
}
