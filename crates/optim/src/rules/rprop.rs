//! Rprop.

use ravine_tensor::Float;

use super::{not_negative, shares, sign};
use crate::{Rule, Step};

/// Steps whose size follows from signs alone. For gradients of the whole data set, not of batches:
///
/// ```text
/// η <- η · eta_plus    where g has the sign of the last step's, held between step_min and step_max
/// η <- η · eta_minus   where it has changed, and then g <- 0
/// w <- w - η sign(g)
/// ```
///
/// `η` is the learning rate at first; later ones play no part.
///
/// Riedmiller and Braun 1993, 'A direct adaptive method for faster backpropagation learning: the RPROP algorithm'.
///
/// ```
/// use ravine_optim::Rprop;
///
/// assert_eq!((Rprop::default().eta_minus, Rprop::default().eta_plus), (0.5, 1.2));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rprop {
    /// The factor on a step after a change of sign.
    pub eta_minus: f64,
    /// The factor on a step without.
    pub eta_plus: f64,
    /// The smallest step.
    pub step_min: f64,
    /// The largest step.
    pub step_max: f64,
}

impl Default for Rprop {
    fn default() -> Self {
        Rprop { eta_minus: 0.5, eta_plus: 1.2, step_min: 1e-6, step_max: 50.0 }
    }
}

impl<T: Float> Rule<T> for Rprop {
    const NAME: &'static str = "Rprop";

    fn slots(&self) -> &'static [&'static str] {
        &["step", "previous"]
    }

    fn fault(&self) -> Option<String> {
        shares(&[("eta_minus", self.eta_minus)])
            .or_else(|| not_negative(&[("step_min", self.step_min), ("step_max", self.step_max)]))
    }

    fn update(&self, step: Step<T>) {
        let first = T::of(if step.count == 1 { step.rate } else { 0.0 });
        let [minus, plus, low, high] =
            [self.eta_minus, self.eta_plus, self.step_min, self.step_max].map(T::of);
        step.each(|w, g, [size, previous]| {
            let agreement = g * *previous;
            let (same, changed) = (agreement > T::ZERO, agreement < T::ZERO);
            let factor = if same { plus } else { T::ONE };
            let factor = if changed { minus } else { factor };
            let g = if changed { T::ZERO } else { g };
            *size = ((*size + first) * factor).max(low).min(high);
            *previous = g;
            *w -= sign(g) * *size;
        });
    }
}
