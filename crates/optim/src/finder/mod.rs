//! Finding a learning rate before training.

mod curvature;
mod picture;

use ravine_autograd::{Buffer, Module, Tape, Var};
use ravine_tensor::{Rng, Tensor};

use crate::average::Swapped;
use crate::{OptimError, Optimizer, Rule};

/// Looks for a learning rate by a range test: trains for a few steps at rates that rise from far too small to far too large, watches the
/// loss, and restores the model, bit for bit.
///
/// Smith 2017, 'Cyclical learning rates for training neural networks', with rates that rise geometrically.
///
/// It also measures the curvature of the loss: the largest eigenvalue `λ` of its Hessian, by power iteration on products of the Hessian
/// with vectors. On a quadratic, descent with momentum `beta` diverges beyond the rate `(2 + 2 beta) / λ`, and oscillates more than it
/// descends long before that: the rate `(1 - beta²) / λ` is the quickest. That is half of the bound without momentum, and a twentieth
/// of it at momentum 0.9.
///
/// ```
/// use ravine_autograd::Param;
/// use ravine_optim::{RateFinder, Sgd};
/// use ravine_tensor::Tensor;
///
/// let w = Param::new(Tensor::from([1.0, -1.0]));
/// let stiffness = Tensor::from([1.0, 4.0]);
/// let found = RateFinder::default().run(&w, Sgd::momentum(0.5), |tape, _step| {
///     (tape.param(&w).square() * tape.input(stiffness.clone())).sum(..) / 2.0
/// })?;
/// assert_eq!(w.value(), Tensor::from([1.0, -1.0]));
/// let bound = found.bound.unwrap();
/// assert!((bound - (2.0 + 2.0 * 0.5) / 4.0).abs() < 1e-3);
/// assert!((found.quickest.unwrap() - (1.0 - 0.5 * 0.5) / 4.0).abs() < 1e-3);
/// assert!(found.suggestion().unwrap() < bound);
/// assert!(found.svg().starts_with("<svg"));
/// # Ok::<(), ravine_optim::OptimError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RateFinder {
    /// The first rate.
    pub lowest: f64,
    /// The last rate, if the loss does not explode before.
    pub highest: f64,
    /// The number of steps from the first rate to the last.
    pub steps: u64,
    /// The share of earlier losses in the smoothed one, between 0 and 1.
    pub smoothing: f64,
    /// The test ends when the smoothed loss has risen from its minimum by this share of the first loss, or of the distance that it had
    /// fallen, whichever is more.
    pub rise: f64,
    /// The number of batches over which the curvature is averaged; 0 to skip it.
    pub curvature_batches: u64,
    /// The seed of everything random in a pass, such as dropout.
    pub seed: u64,
}

impl Default for RateFinder {
    fn default() -> Self {
        RateFinder {
            lowest: 1e-6,
            highest: 100.0,
            steps: 160,
            smoothing: 0.7,
            rise: 1.0,
            curvature_batches: 2,
            seed: 0,
        }
    }
}

/// The result of a [`RateFinder`].
#[derive(Clone, Debug, PartialEq)]
pub struct RateCurve {
    /// The steps of the range test, in order.
    pub points: Vec<RatePoint>,
    /// The rate at which the loss exploded, if it did.
    pub diverged: Option<f64>,
    /// The largest eigenvalue of the Hessian at the model's weights, if it was measured.
    pub curvature: Option<f64>,
    /// The rate beyond which the rule diverges on a quadratic of this curvature, if [that is known](Rule::stability_limit) of the rule.
    pub bound: Option<f64>,
    /// The rate at which the rule descends a quadratic of this curvature with the least sum of losses, if [that is known](Rule::quickest)
    /// of the rule.
    pub quickest: Option<f64>,
}

/// One step of the range test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RatePoint {
    /// The rate of the step.
    pub rate: f64,
    /// The loss before it.
    pub loss: f64,
    /// The exponential mean of this loss and the earlier ones.
    pub smoothed: f64,
}

impl RateFinder {
    /// Looks for a rate for `rule` on the parameters of `model`. `loss(tape, step)` computes the loss of the model on the `step`-th batch.
    ///
    /// # Panics
    /// If there are less than two steps, or the rates are not above 0 and in order.
    ///
    /// # Errors
    /// If a parameter gets no gradient; see [`Optimizer::step`]. The model is restored in this case, too.
    #[track_caller]
    pub fn run<R: Rule>(
        &self,
        model: &(impl Module + ?Sized),
        rule: R,
        mut loss: impl FnMut(&Tape, u64) -> Var,
    ) -> Result<RateCurve, OptimError> {
        let RateFinder { steps, lowest, highest, .. } = *self;
        assert!(steps >= 2, "RateFinder: steps: found {steps}, expected at least 2");
        assert!(
            0.0 < lowest && lowest < highest && highest.is_finite(),
            "RateFinder: rates from {lowest} to {highest}: expected them above 0, the lowest first"
        );
        let _restored = Snapshot::of(model);
        let rng = Rng::new(self.seed);
        let (limit, quickest) = (rule.stability_limit(), rule.quickest());
        let mut pass = |step: u64| loss(&Tape::train(rng.child(step)), step);
        let curvature = (self.curvature_batches > 0).then(|| {
            curvature::largest_eigenvalue(&model.distinct_params(), self.curvature_batches, &rng, &mut pass)
        });

        let (ratio, last) = (highest / lowest, (steps - 1) as f64);
        let mut optimizer =
            Optimizer::new(model, rule, move |step: u64| lowest * ratio.powf(step as f64 / last));
        let mut points: Vec<RatePoint> = Vec::new();
        let mut diverged = None;
        let (mut sum, mut weight, mut best) = (0.0, 0.0, f64::INFINITY);
        for step in 0..steps {
            let loss = pass(step);
            let (rate, value) = (optimizer.learning_rate(), f64::from(loss.item()));
            sum = self.smoothing * sum + (1.0 - self.smoothing) * value;
            weight = self.smoothing * weight + (1.0 - self.smoothing);
            let smoothed = sum / weight;
            best = smoothed.min(best);
            let first = points.first().map_or(value, |point| point.loss);
            let exploded = smoothed - best > self.rise * (first - best).max(first.abs());
            if !value.is_finite() || exploded {
                diverged = Some(rate);
                break;
            }
            points.push(RatePoint { rate, loss: value, smoothed });
            match optimizer.step(loss.backward()) {
                Ok(_) => {}
                Err(OptimError::NonFinite { .. }) => {
                    diverged = Some(rate);
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        let rate_of = |product: f64| curvature.filter(|&c| c > 0.0).map(|c| product / c);
        Ok(RateCurve {
            points,
            diverged,
            curvature,
            bound: limit.and_then(rate_of),
            quickest: quickest.and_then(rate_of),
        })
    }
}

impl RateCurve {
    /// A rate to train with: a third of that at which the smoothed loss was lowest before its first rise; but at most half of `bound`, and
    /// at most three times `quickest`, where these are known. `None` if the loss never fell.
    ///
    /// `quickest` is the best rate for the direction of largest curvature. Flatter directions are quicker at larger rates, hence the factor
    /// of three: with momentum 0.9, the sum of losses in the steepest direction is then 8 % above its minimum. At half of the bound it
    /// would be 81 % above. Without momentum, half of the bound is the quickest rate; up to momentum 2/3 it is the lower of the two
    /// limits. Nesterov's momentum needs no other limit: at half of its bound, the sum is at most 2 % above its minimum.
    pub fn suggestion(&self) -> Option<f64> {
        let third = self.lowest()?.rate / 3.0;
        let limits = [self.bound.map(|bound| bound / 2.0), self.quickest.map(|quickest| 3.0 * quickest)];
        Some(limits.into_iter().flatten().fold(third, f64::min))
    }

    /// The end of the first descent: the lowest point before the smoothed loss rises by half of its total fall. (After that, a model
    /// whose weights jump about may well fall again.)
    fn lowest(&self) -> Option<RatePoint> {
        let first = *self.points.first()?;
        let least = self.points.iter().map(|point| point.smoothed).fold(f64::INFINITY, f64::min);
        let hill = (first.smoothed - least) / 2.0;
        let mut lowest = first;
        for &point in &self.points {
            if point.smoothed < lowest.smoothed {
                lowest = point;
            } else if point.smoothed - lowest.smoothed > hill {
                break;
            }
        }
        (lowest.smoothed < first.smoothed).then_some(lowest)
    }

    /// A plot of the loss over the rate as SVG, with the suggestion and the bound.
    pub fn svg(&self) -> String {
        picture::draw(self)
    }
}

/// The state of a model, which is restored when this is dropped.
struct Snapshot {
    _params: Swapped,
    buffers: Vec<(Buffer, Tensor)>,
}

impl Snapshot {
    fn of(model: &(impl Module + ?Sized)) -> Self {
        let same = |(_, param): (String, ravine_autograd::Param)| {
            let value = param.value();
            (param, value)
        };
        let buffer = |(_, buffer): (String, Buffer)| {
            let value = buffer.value();
            (buffer, value)
        };
        Snapshot {
            _params: Swapped::new(model.distinct_params().into_iter().map(same)),
            buffers: model.named_buffers().into_iter().map(buffer).collect(),
        }
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        for (buffer, value) in self.buffers.drain(..) {
            buffer.set(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use ravine_autograd::{Param, Visitor};

    use super::*;
    use crate::{Adam, Momentum, Sgd};

    struct Model {
        w: Param,
        unused: Param,
        mean: Buffer,
    }

    impl Module for Model {
        fn visit(&self, visitor: &mut Visitor<'_>) {
            visitor.field("w", &self.w);
            visitor.field("unused", &self.unused);
            visitor.field("mean", &self.mean);
        }
    }

    impl Model {
        fn new() -> Self {
            let unused = Param::new(Tensor::scalar(1.0));
            unused.set_frozen(true);
            Model { w: Param::new(Tensor::from([0.1, 0.7])), unused, mean: Buffer::new(Tensor::scalar(0.3)) }
        }

        fn loss(&self, tape: &Tape) -> Var {
            self.mean.set(self.mean.value() + 1.0);
            tape.param(&self.w).square().sum(..)
        }

        fn bits(&self) -> Vec<u32> {
            let mut bits = Vec::new();
            self.visit(&mut Visitor::new(&mut |_, leaf| {
                bits.extend(leaf.value().iter().map(f32::to_bits));
            }));
            bits
        }
    }

    #[test]
    fn the_model_is_put_back_also_after_an_error_or_a_panic() {
        let model = Model::new();
        let before = model.bits();
        let found = RateFinder::default().run(&model, Adam::default(), |tape, _| model.loss(tape)).unwrap();
        assert!(found.points.len() > 100 && found.bound.is_none());
        assert_eq!(model.bits(), before);

        model.unused.set_frozen(false);
        let missing = RateFinder::default().run(&model, Sgd::default(), |tape, _| model.loss(tape));
        assert_eq!(missing, Err(OptimError::MissingGradient { path: "unused".into() }));
        assert_eq!(model.bits(), before);

        model.unused.set_frozen(true);
        let run = std::panic::AssertUnwindSafe(|| {
            RateFinder::default().run(&model, Sgd::default(), |tape, step| {
                assert!(step < 20, "no such batch");
                model.loss(tape)
            })
        });
        assert!(std::panic::catch_unwind(run).is_err());
        assert_eq!(model.bits(), before);
    }

    #[test]
    fn the_test_ends_where_the_loss_explodes() {
        let model = Model::new();
        let finder = RateFinder { lowest: 1e-3, highest: 1e3, steps: 200, ..RateFinder::default() };
        let found = finder.run(&model, Sgd::default(), |tape, _| model.loss(tape)).unwrap();
        // The curvature is 2, so that descent diverges beyond the rate 1.
        assert!((found.bound.unwrap() - 1.0).abs() < 1e-3 && (found.curvature.unwrap() - 2.0).abs() < 1e-3);
        let diverged = found.diverged.unwrap();
        assert!(diverged > 1.0 && diverged < 30.0, "{diverged}");
        assert_eq!(found.suggestion(), Some(found.bound.unwrap() / 2.0));
        let rates: Vec<f64> = found.points.iter().map(|point| point.rate).collect();
        assert!(rates[0] == 1e-3 && rates.is_sorted() && rates[rates.len() - 1] < diverged);

        let picture = found.svg();
        assert_eq!(picture.matches("<circle").count(), found.points.len());
        assert!(
            ["suggestion 5.00e-1", "bound by curvature 1.00e0", "diverged"]
                .iter()
                .all(|t| picture.contains(t))
        );
    }

    #[test]
    fn heavy_balls_get_the_same_suggestion_in_every_convention_and_nesterovs_half_of_its_bound() {
        let model = Model::new();
        let suggested = |rule: Sgd| {
            let far = RatePoint { rate: 1e3, loss: 0.0, smoothed: 0.0 };
            let start = RatePoint { rate: 1e-3, loss: 1.0, smoothed: 1.0 };
            let finder = RateFinder { steps: 2, ..RateFinder::default() };
            let found = finder.run(&model, rule, |tape, _| model.loss(tape)).unwrap();
            RateCurve { points: vec![start, far], ..found }.suggestion().unwrap()
        };
        // The curvature is 2.
        for (momentum, product) in [(0.0, 1.0), (0.5, 1.5), (0.9, 3.0 * 0.19), (0.99, 3.0 * 0.0199)] {
            for convention in [Momentum::PyTorch, Momentum::Keras, Momentum::Ema] {
                let rate = suggested(Sgd { convention, ..Sgd::momentum(momentum) });
                let factor = convention.rate_factor(Momentum::PyTorch, momentum);
                assert!(
                    (rate * factor * 2.0 / product - 1.0).abs() < 1e-3,
                    "{momentum} {convention:?}: {rate}"
                );
            }
        }
        let nesterov = suggested(Sgd { nesterov: true, ..Sgd::momentum(0.9) });
        assert!((nesterov - 1.9 / 2.8 / 2.0).abs() < 1e-3, "{nesterov}");
    }

    #[test]
    fn a_loss_that_never_falls_has_no_suggestion() {
        let model = Model::new();
        let finder = RateFinder { curvature_batches: 0, ..RateFinder::default() };
        let found = finder
            .run(&model, Sgd::default(), |tape, step| model.loss(tape) * (1.0 + 0.01 * step as f32))
            .unwrap();
        let rising = RateCurve { points: found.points[..20].to_vec(), ..found };
        assert_eq!((rising.suggestion(), rising.curvature), (None, None));
        let nothing = RateCurve {
            points: Vec::new(),
            diverged: Some(1e-6),
            curvature: None,
            bound: None,
            quickest: None,
        };
        assert!(nothing.suggestion().is_none() && nothing.svg().ends_with("</svg>\n"));
    }
}
