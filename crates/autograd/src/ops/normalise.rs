//! Normalisation by statistics, and dropout.

use ravine_tensor::{Axes, Float, Rng, Shape, Tensor};

use crate::var::{Var, record};

impl<T: Float> Var<T> {
    /// `y = (x - mean) / √(var + eps)`, with the mean and the biased variance over `axes`.
    /// Backward: `dx = (dy - mean(dy) - y mean(dy y)) / √(var + eps)`.
    ///
    /// Returns `y`, and the mean and the variance with the reduced axes kept at size 1. Layer norm, batch norm, group norm
    /// and instance norm differ only in their axes. Source: Ioffe and Szegedy 2015, equation 1.
    #[track_caller]
    #[must_use]
    pub fn normalize(&self, axes: impl Axes, eps: f64) -> (Var<T>, Tensor<T>, Tensor<T>) {
        let mask = axes.mask("normalize", self.shape());
        let mut kept: Shape = *self.shape();
        kept.iter_mut().zip(mask).filter(|(_, reduced)| *reduced).for_each(|(n, _)| *n = 1);
        let count = T::of(self.numel() as f64 / kept.numel() as f64);
        let mean = self.value().sum_to(&kept) / count;
        let centred = self.value() - &mean;
        let var = centred.square().sum_to(&kept) / count;
        let eps = T::of(eps);
        let inverse_std = var.map(|v| T::ONE / (v + eps).sqrt());
        let y = centred * &inverse_std;
        let x = self.saved();
        let kept_y = y.clone();
        let y = record("normalize", [self], y, move |dy, _| {
            // When this derivative is itself recorded, its statistics must be, too; otherwise they are at hand.
            let (y, inverse_std) = if dy.tape().is_recording() {
                let x = x.on(dy);
                let centred = &x - x.sum_to(kept) / count;
                let inverse_std = ((&centred * &centred).sum_to(kept) / count + eps).sqrt().reciprocal();
                (centred * &inverse_std, inverse_std)
            } else {
                (dy.constant(kept_y.clone()), dy.constant(inverse_std.clone()))
            };
            let mean_dy = dy.sum_to(kept) / count;
            let mean_dy_y = (dy * &y).sum_to(kept) / count;
            [Some((dy - mean_dy - y * mean_dy_y) * inverse_std)]
        });
        (y, mean, var)
    }

    /// Each element set to 0 with probability `p`, the others divided by `1 - p`, so that the mean stays.
    /// Backward: `dx = dy` times the same mask. The mask is drawn from `rng`.
    ///
    /// Source: Srivastava et al. 2014 (in the inverted form).
    ///
    /// # Panics
    /// If `p` is not in `0 <= p < 1`.
    #[track_caller]
    #[must_use]
    pub fn dropout(&self, p: f64, rng: &mut Rng) -> Var<T> {
        assert!((0.0..1.0).contains(&p), "dropout: the probability {p} is not in 0 <= p < 1");
        let scale = T::of(1.0 / (1.0 - p));
        let mask =
            Tensor::bernoulli(*self.shape(), 1.0 - p, rng).map(|keep| if keep { scale } else { T::ZERO });
        record("dropout", [self], self.value() * &mask, move |dy, _| [Some(dy * dy.constant(mask.clone()))])
    }
}
