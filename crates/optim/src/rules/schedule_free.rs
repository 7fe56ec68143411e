//! Schedule-free SGD and AdamW.

use ravine_tensor::{Float, Shape, Tensor};

use super::{not_negative, power, shares};
use crate::{Decay, Rule, Step};

/// Gradient descent that needs no falling rate, because the model to use is an average `x` of its path:
///
/// ```text
/// the gradient g is taken at y = (1 - beta) z + beta x; y are the model's weights while it trains
/// z <- z - rate (g + weight_decay y)
/// x <- (1 - c) x + c z         where c is this step's share in the sum of all largest-rate-so-far²
/// ```
///
/// The model should be used with `x`: see [`Optimizer::averaged`](crate::Optimizer::averaged). Best under a warm-up and then a
/// constant rate, larger than that of other methods.
///
/// Defazio et al. 2024, 'The road less scheduled'.
///
/// ```
/// use ravine_autograd::Param;
/// use ravine_optim::{Optimizer, Schedule, ScheduleFreeSgd};
/// # use ravine_tensor::Tensor;
/// # let model = Param::new(Tensor::zeros([2]));
///
/// let optimizer = Optimizer::new(&model, ScheduleFreeSgd::default(), 1.0.warmup(100));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScheduleFreeSgd {
    /// How near to the average gradients are taken.
    pub beta: f64,
}

impl Default for ScheduleFreeSgd {
    fn default() -> Self {
        ScheduleFreeSgd { beta: 0.9 }
    }
}

impl<T: Float> Rule<T> for ScheduleFreeSgd {
    const NAME: &'static str = "ScheduleFreeSgd";
    const DECAY: Decay = Decay::Own;

    fn slots(&self) -> &'static [&'static str] {
        &["z", "max_rate", "sum"]
    }

    fn slot_shape(&self, slot: &str, param: &Shape) -> Shape {
        slot_shape(slot, param)
    }

    fn fault(&self) -> Option<String> {
        if self.beta == 0.0 {
            return Some("beta: found 0, expected above 0, or there is no average".into());
        }
        shares(&[("beta", self.beta)])
    }

    fn update(&self, step: Step<T>) {
        let (rate, first, decay) = (step.rate, step.count == 1, T::of(step.weight_decay));
        step.whole(|y, g, [z, max_rate, sum]| {
            if first {
                *z = y.clone();
            }
            let share = share(rate, max_rate, sum);
            let [rate, share, pull] = [rate, share, rate * (self.beta * (1.0 - share) - 1.0)].map(T::of);
            y.update_with(g, [z], |y, g, [z]| {
                let g = g + decay * *y;
                *y += share * (*z - *y) + pull * g;
                *z -= rate * g;
            });
        });
    }

    fn averaged(&self, y: &Tensor<T>, slots: &[Tensor<T>]) -> Option<Tensor<T>> {
        averaged(self.beta, y, slots)
    }
}

/// [`ScheduleFreeSgd`] with the gradient divided as in [`AdamW`](crate::AdamW):
///
/// ```text
/// v <- beta2 v + (1 - beta2) g²
/// z <- z - rate (g / (√(v / (1 - beta2ᵗ)) + eps) + weight_decay y)
/// ```
///
/// and the rest as there. Defazio et al. 2024, 'The road less scheduled'. A usual rate is 2.5e-3.
///
/// ```
/// use ravine_optim::ScheduleFreeAdamW;
///
/// assert_eq!(ScheduleFreeAdamW::default().beta1, 0.9);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScheduleFreeAdamW {
    /// How near to the average gradients are taken.
    pub beta1: f64,
    /// The share of the mean squared gradient that stays.
    pub beta2: f64,
    /// Added to the divisor.
    pub eps: f64,
}

impl Default for ScheduleFreeAdamW {
    fn default() -> Self {
        ScheduleFreeAdamW { beta1: 0.9, beta2: 0.999, eps: 1e-8 }
    }
}

impl<T: Float> Rule<T> for ScheduleFreeAdamW {
    const NAME: &'static str = "ScheduleFreeAdamW";
    const DECAY: Decay = Decay::Own;

    fn slots(&self) -> &'static [&'static str] {
        &["z", "mean_square", "max_rate", "sum"]
    }

    fn slot_shape(&self, slot: &str, param: &Shape) -> Shape {
        slot_shape(slot, param)
    }

    fn fault(&self) -> Option<String> {
        if self.beta1 == 0.0 {
            return Some("beta1: found 0, expected above 0, or there is no average".into());
        }
        shares(&[("beta1", self.beta1), ("beta2", self.beta2)]).or_else(|| not_negative(&[("eps", self.eps)]))
    }

    fn update(&self, step: Step<T>) {
        let ScheduleFreeAdamW { beta1, beta2, eps } = *self;
        let (rate, first, decay) = (step.rate, step.count == 1, T::of(step.weight_decay));
        let scale = T::of(1.0 / (1.0 - power(beta2, step.count)).sqrt());
        let [beta2, rest, eps] = [beta2, 1.0 - beta2, eps].map(T::of);
        step.whole(|y, g, [z, v, max_rate, sum]| {
            if first {
                *z = y.clone();
            }
            let share = share(rate, max_rate, sum);
            let [rate, share, pull] = [rate, share, rate * (beta1 * (1.0 - share) - 1.0)].map(T::of);
            y.update_with(g, [z, v], |y, g, [z, v]| {
                *v = beta2 * *v + rest * g * g;
                let g = g / (v.sqrt() * scale + eps) + decay * *y;
                *y += share * (*z - *y) + pull * g;
                *z -= rate * g;
            });
        });
    }

    fn averaged(&self, y: &Tensor<T>, slots: &[Tensor<T>]) -> Option<Tensor<T>> {
        averaged(self.beta1, y, slots)
    }
}

fn slot_shape(slot: &str, param: &Shape) -> Shape {
    if slot == "max_rate" || slot == "sum" { Shape::from(()) } else { *param }
}

/// The share `c` of this step in the average.
fn share<T: Float>(rate: f64, max_rate: &mut Tensor<T>, sum: &mut Tensor<T>) -> f64 {
    let largest = rate.max(max_rate.item().as_f64());
    let weight = largest * largest;
    let total = sum.item().as_f64() + weight;
    (*max_rate, *sum) = (Tensor::scalar(T::of(largest)), Tensor::scalar(T::of(total)));
    if total > 0.0 { weight / total } else { 0.0 }
}

/// `x` from `y = (1 - beta) z + beta x`.
fn averaged<T: Float>(beta: f64, y: &Tensor<T>, slots: &[Tensor<T>]) -> Option<Tensor<T>> {
    let (z, back) = (slots.first()?, T::of(1.0 - 1.0 / beta));
    Some(y.zip(z, |y, z| y + back * (z - y)))
}
