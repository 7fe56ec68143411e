//! Adafactor.

use ravine_tensor::{Float, Shape};

use super::not_negative;
use crate::{Decay, Rule, Step};

/// Adam's divisor from row and column means alone, so that a matrix of `n · m` weights keeps `n + m` numbers:
///
/// ```text
/// ρ = min(rate, 1/√t),   α = max(eps2, rms(w)) ρ,   β = 1 - t^beta2_decay
/// w <- w - rate weight_decay w
/// r <- β r + (1 - β) row means of g²,   c <- β c + (1 - β) column means of g²
/// u = g / √(r c / mean(r))              (a vector has its own mean square instead)
/// w <- w - α u / max(1, rms(u) / d)
/// ```
///
/// Of a parameter with more than two axes, the last two are factored. As in PyTorch, `eps1` is by default the machine epsilon
/// of the weights.
///
/// Shazeer and Stern 2018, 'Adafactor: adaptive learning rates with sublinear memory cost'. A usual rate is 1e-2.
///
/// ```
/// use ravine_optim::Adafactor;
///
/// assert_eq!(Adafactor::default().beta2_decay, -0.8);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adafactor {
    /// How fast the means come to rest.
    pub beta2_decay: f64,
    /// The least divisor; `None` is the machine epsilon.
    pub eps1: Option<f64>,
    /// The least size that a parameter is taken to have.
    pub eps2: f64,
    /// The largest root mean square of an update, before the rate.
    pub d: f64,
}

impl Default for Adafactor {
    fn default() -> Self {
        Adafactor { beta2_decay: -0.8, eps1: None, eps2: 1e-3, d: 1.0 }
    }
}

impl<T: Float> Rule<T> for Adafactor {
    const NAME: &'static str = "Adafactor";
    const DECAY: Decay = Decay::Own;

    fn slots(&self) -> &'static [&'static str] {
        &["row_mean_square", "column_mean_square", "mean_square"]
    }

    fn slot_shape(&self, slot: &str, param: &Shape) -> Shape {
        let (rank, mut shape) = (param.rank(), *param);
        match (slot, rank >= 2) {
            ("row_mean_square", true) => shape[rank - 1] = 1,
            ("column_mean_square", true) => shape[rank - 2] = 1,
            ("mean_square", false) => {}
            _ => return Shape::from([0]),
        }
        shape
    }

    fn fault(&self) -> Option<String> {
        not_negative(&[("eps2", self.eps2), ("d", self.d)])
    }

    fn update(&self, step: Step<T>) {
        let (rate, count, weight_decay) = (step.rate, step.count as f64, step.weight_decay);
        let rest = T::of(count.powf(self.beta2_decay));
        let eps1 = self.eps1.unwrap_or(T::epsilon().as_f64());
        step.whole(|w, g, [row, column, square]| {
            if w.numel() == 0 {
                return;
            }
            let rms = |norm_squared: f64| (norm_squared / w.numel() as f64).sqrt();
            let size = self.eps2.max(rms(w.norm_squared())) * rate.min(1.0 / count.sqrt());
            let estimate = if w.rank() >= 2 {
                row.zip_(&g.square().mean_keepdim(-1), |r, x| *r += rest * (x - *r));
                column.zip_(&g.square().mean_keepdim(-2), |c, x| *c += rest * (x - *c));
                let eps = T::of(eps1);
                &*row * &*column / row.mean_keepdim(-2).map(move |mean| if mean < eps { eps } else { mean })
            } else {
                square.zip_(g, |v, g| *v += rest * (g * g - *v));
                square.clone()
            };
            let least = T::of(eps1 * eps1);
            let update = estimate.zip(g, move |v, g| g / (if v < least { least } else { v }).sqrt());
            let alpha = T::of(size / (rms(update.norm_squared()) / self.d).max(1.0));
            let shrink = T::of(1.0 - rate * weight_decay);
            w.zip_(&update, |w, u| *w = shrink * *w - alpha * u);
        });
    }
}
