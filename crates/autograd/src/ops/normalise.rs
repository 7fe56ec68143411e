//! Normalisation by statistics, and dropout.

use ravine_tensor::{Axes, Float, Normalize, Rng, Shape, Tensor};

use crate::var::{Var, record};

impl<T: Float> Var<T> {
    /// `y = (x - mean) / √(var + eps)`, with the mean and the biased variance over `axes`.
    /// Backward: `dx = (dy - mean(dy) - y mean(dy y)) / √(var + eps)`.
    ///
    /// Returns `y`, and the mean and the variance with the reduced axes kept at size 1. Source: Ioffe and Szegedy 2015, equation 1.
    /// The norms below are this with a scale and a shift, in fewer passes over memory.
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
            // When this derivative is itself recorded, its statistics must be recorded, too; otherwise those of the forward pass serve.
            let (y, inverse_std) = if dy.tape().is_recording() {
                standardised(&x.on(dy), kept, eps, true)
            } else {
                (dy.constant(kept_y.clone()), dy.constant(inverse_std.clone()))
            };
            [Some(standardised_grad(dy, &y, &inverse_std, kept, true))]
        });
        (y, mean, var)
    }

    /// Batch norm: `y = (x - mean) / √(var + eps) · weight + bias`, with the mean and the biased variance of each channel in the batch.
    /// Backward: with `x̂ = (x - mean) / √(var + eps)` and `g = weight dy`, `dx = (g - mean(g) - x̂ mean(g x̂)) / √(var + eps)`,
    /// `dweight = Σ dy x̂`, `dbias = Σ dy`.
    ///
    /// Shapes: `x [batch, channels, ..]`, `weight` and `bias` `[channels]`. Also returns the means and variances, `[channels]`.
    ///
    /// # Panics
    /// If the shapes do not fit together.
    #[track_caller]
    #[must_use]
    pub fn batch_norm(
        &self,
        weight: Option<&Var<T>>,
        bias: Option<&Var<T>>,
        eps: f64,
    ) -> (Var<T>, Tensor<T>, Tensor<T>) {
        let (y, stats) = self.normalized("batch_norm", Normalize::Batch, weight, bias, eps);
        let channel = |i| stats.index(-1, i).reshape([-1]);
        (y, channel(0), channel(1))
    }

    /// Batch norm by a mean and a variance that are given, as after training: `y = (x - mean) / √(var + eps) · weight + bias`.
    /// Backward: `dx = dy weight / √(var + eps)`, `dweight = Σ dy (x - mean) / √(var + eps)`, `dbias = Σ dy`.
    ///
    /// Shapes: as [`batch_norm`](Self::batch_norm), `mean` and `var` `[channels]`.
    ///
    /// # Panics
    /// If the shapes do not fit together.
    #[track_caller]
    #[must_use]
    pub fn batch_norm_by(
        &self,
        mean: &Tensor<T>,
        var: &Tensor<T>,
        weight: Option<&Var<T>>,
        bias: Option<&Var<T>>,
        eps: f64,
    ) -> Var<T> {
        let eps = T::of(eps);
        let y = self.value().normalize_by(mean, var, weight.map(Var::value), bias.map(Var::value), eps);
        let view = Normalize::Batch.view(self.shape());
        let inverse_std = var.map(|var| T::ONE / (var + eps).sqrt()).reshape(view.stats);
        let mean = mean.reshape(view.stats);
        let (x, shape, scale) = (self.saved(), *self.shape(), weight.map(Var::saved));
        record_affine("batch_norm_by", self, [weight, bias], y, move |dy, [_, needs_weight, _]| {
            let tall = dy.reshape(view.x);
            let inverse_std = dy.constant(inverse_std.clone());
            let slope = match &scale {
                Some(scale) => scale.on(dy).reshape(view.affine) * &inverse_std,
                None => inverse_std.clone(),
            };
            let dw = needs_weight.then(|| {
                let centred = x.on(dy).reshape(view.x) - dy.constant(mean.clone());
                (&tall * centred * inverse_std).sum([0, 2, 3])
            });
            [Some((&tall * slope).reshape(shape)), dw, Some(tall.sum([0, 2, 3]))]
        })
    }

    /// Group norm: `y = (x - mean) / √(var + eps) · weight + bias`, with the mean and the biased variance of each of `groups` groups of
    /// channels, each sample for itself; as many groups as channels is instance norm. Backward: as [`batch_norm`](Self::batch_norm).
    ///
    /// Shapes: `x [batch, channels, ..]`, `weight` and `bias` `[channels]`.
    ///
    /// # Panics
    /// If the shapes do not fit together, or the groups do not divide the channels.
    #[track_caller]
    #[must_use]
    pub fn group_norm(
        &self,
        groups: usize,
        weight: Option<&Var<T>>,
        bias: Option<&Var<T>>,
        eps: f64,
    ) -> Var<T> {
        self.normalized("group_norm", Normalize::Groups(groups), weight, bias, eps).0
    }

    /// Layer norm: `y = (x - mean) / √(var + eps) · weight + bias`, with the mean and the biased variance over the last `axes` axes.
    /// Backward: as [`batch_norm`](Self::batch_norm).
    ///
    /// `weight` and `bias` have the shape of these axes.
    ///
    /// # Panics
    /// If the shapes do not fit together.
    #[track_caller]
    #[must_use]
    pub fn layer_norm(
        &self,
        axes: usize,
        weight: Option<&Var<T>>,
        bias: Option<&Var<T>>,
        eps: f64,
    ) -> Var<T> {
        self.normalized("layer_norm", Normalize::Last(axes), weight, bias, eps).0
    }

    /// Root-mean-square norm: `y = x / √(mean(x²) + eps) · weight` over the last `axes` axes. Backward: with `x̂ = x / √(mean(x²) + eps)`
    /// and `g = weight dy`, `dx = (g - x̂ mean(g x̂)) / √(mean(x²) + eps)`, `dweight = Σ dy x̂`.
    ///
    /// `weight` has the shape of these axes.
    ///
    /// # Panics
    /// If the shapes do not fit together.
    #[track_caller]
    #[must_use]
    pub fn rms_norm(&self, axes: usize, weight: Option<&Var<T>>, eps: f64) -> Var<T> {
        self.normalized("rms_norm", Normalize::LastByRms(axes), weight, None, eps).0
    }

    #[track_caller]
    fn normalized(
        &self,
        op: &'static str,
        how: Normalize,
        weight: Option<&Var<T>>,
        bias: Option<&Var<T>>,
        eps: f64,
    ) -> (Var<T>, Tensor<T>) {
        let eps = T::of(eps);
        let (y, stats) = self.value().normalize(how, weight.map(Var::value), bias.map(Var::value), eps);
        let (x, shape, view) = (self.saved(), *self.shape(), how.view(self.shape()));
        let (scale, kept_stats) = (weight.map(Var::saved), stats.clone());
        let parameter = weight.or(bias).map_or(Shape::from(view.affine), |parameter| *parameter.shape());
        let y = record_affine(op, self, [weight, bias], y, move |dy, _| {
            if !dy.tape().is_recording() {
                let weight = scale.as_ref().map(|scale| scale.value());
                let grads = dy.value().normalize_grad(how, x.value(), &kept_stats, weight, eps);
                let [dx, dw, db] = grads.map(|grad| dy.constant(grad));
                return [Some(dx), Some(dw.reshape(parameter)), Some(db.reshape(parameter))];
            }
            let centred = !matches!(how, Normalize::LastByRms(_));
            let (tall, kept, affine) =
                (dy.reshape(view.x), Shape::from(view.stats), Shape::from(view.affine));
            let (y, inverse_std) = standardised(&x.on(dy).reshape(view.x), kept, eps, centred);
            let g = match &scale {
                Some(scale) => &tall * scale.on(dy).reshape(view.affine),
                None => tall.clone(),
            };
            let dx = standardised_grad(&g, &y, &inverse_std, kept, centred).reshape(shape);
            let [dw, db] = [&tall * y, tall].map(|x| x.sum_to(affine).reshape(parameter));
            [dx, dw, db].map(Some)
        });
        (y, stats)
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
        let mask = Tensor::bernoulli(*self.shape(), 1.0 - p, rng)
            .map(move |keep| if keep { scale } else { T::ZERO });
        record("dropout", [self], self.value() * &mask, move |dy, _| [Some(dy * dy.constant(mask.clone()))])
    }
}

/// `(x - mean) / √(var + eps)` and `1 / √(var + eps)`, over the axes that `kept` has at size 1; with a mean of 0 where not `centred`.
fn standardised<T: Float>(x: &Var<T>, kept: Shape, eps: T, centred: bool) -> (Var<T>, Var<T>) {
    let count = T::of(x.numel() as f64 / kept.numel() as f64);
    let x = if centred { x - x.sum_to(kept) / count } else { x.clone() };
    let inverse_std = (x.square().sum_to(kept) / count + eps).rsqrt();
    (x * &inverse_std, inverse_std)
}

/// The gradient by the input of [`standardised`], from the gradient `dy` by its output `y`.
fn standardised_grad<T: Float>(
    dy: &Var<T>,
    y: &Var<T>,
    inverse_std: &Var<T>,
    kept: Shape,
    centred: bool,
) -> Var<T> {
    let count = T::of(y.numel() as f64 / kept.numel() as f64);
    let along_y = y * ((dy * y).sum_to(kept) / count);
    let rest = if centred { dy - dy.sum_to(kept) / count } else { dy.clone() };
    (rest - along_y) * inverse_std
}

/// [`record`] for an op of `x` with an optional weight and an optional bias. The pullback returns the gradients of all three.
#[track_caller]
fn record_affine<T: Float>(
    op: &'static str,
    x: &Var<T>,
    [weight, bias]: [Option<&Var<T>>; 2],
    y: Tensor<T>,
    pullback: impl Fn(&Var<T>, [bool; 3]) -> [Option<Var<T>>; 3] + 'static,
) -> Var<T> {
    match (weight, bias) {
        (None, None) => record(op, [x], y, move |dy, [dx]| {
            let [dx, ..] = pullback(dy, [dx, false, false]);
            [dx]
        }),
        (Some(weight), None) => record(op, [x, weight], y, move |dy, [dx, dw]| {
            let [dx, dw, _] = pullback(dy, [dx, dw, false]);
            [dx, dw]
        }),
        (None, Some(bias)) => record(op, [x, bias], y, move |dy, [dx, db]| {
            let [dx, _, db] = pullback(dy, [dx, false, db]);
            [dx, db]
        }),
        (Some(weight), Some(bias)) => record(op, [x, weight, bias], y, pullback),
    }
}
