//! Variances and norms over axes.

use ravine_tensor::{Axes, Float, Shape, Tensor};

use super::reduce::reduced;
use crate::var::{Var, record, record_with_output};

impl<T: Float> Var<T> {
    /// The variance `y = Σ (x - mean)² / (n - correction)` over `axes`. Backward: `dx = 2 (x - mean) dy / (n - correction)`.
    #[track_caller]
    #[must_use]
    pub fn var(&self, axes: impl Axes, correction: usize) -> Var<T> {
        let kept_n = reduced("var", self.shape(), &axes);
        self.var_of("var", self.value().var(axes, correction), kept_n, correction)
    }

    /// [`var`](Self::var), keeping the reduced axes with size 1. Backward: `dx = 2 (x - mean) dy / (n - correction)`.
    #[track_caller]
    #[must_use]
    pub fn var_keepdim(&self, axes: impl Axes, correction: usize) -> Var<T> {
        let kept_n = reduced("var_keepdim", self.shape(), &axes);
        self.var_of("var_keepdim", self.value().var_keepdim(axes, correction), kept_n, correction)
    }

    #[track_caller]
    fn var_of(&self, op: &'static str, y: Tensor<T>, (kept, n): (Shape, usize), correction: usize) -> Var<T> {
        let (x, scale) = (self.saved(), T::of(2.0 / (n as f64 - correction as f64)));
        record(op, [self], y, move |dy, _| {
            let x = x.on(dy);
            let mean = x.sum_to(kept) / T::of(n as f64);
            [Some((x - mean) * (dy.reshape(kept) * scale))]
        })
    }

    /// The standard deviation `y = √var` over `axes`. Backward: `dx = (x - mean) dy / (y (n - correction))`, 0 where `y = 0`.
    #[track_caller]
    #[must_use]
    pub fn std(&self, axes: impl Axes, correction: usize) -> Var<T> {
        let (kept, n) = reduced("std", self.shape(), &axes);
        let y = self.value().std(axes, correction);
        let (x, scale) = (self.saved(), T::of(1.0 / (n as f64 - correction as f64)));
        record_with_output("std", [self], y, move |dy, y, _| {
            let x = x.on(dy);
            let mean = x.sum_to(kept) / T::of(n as f64);
            [Some((x - mean) * ratio(dy, y).reshape(kept) * scale)]
        })
    }

    /// The `p`-norm `y = (Σ |x|ᵖ)^(1/p)` over `axes`. Backward: `dx = dy sign(x) (|x| / y)ᵖ⁻¹`; for `p` infinite, `dy sign(x)` in equal
    /// shares to the largest (or smallest) magnitudes; for `p = 0`, 0.
    ///
    /// Where a norm or an element is 0, so is its gradient: 0 is a sub-gradient for `p >= 1`, and what PyTorch gives for every `p`.
    #[track_caller]
    #[must_use]
    pub fn norm(&self, p: f64, axes: impl Axes) -> Var<T> {
        let (kept, _) = reduced("norm", self.shape(), &axes);
        self.norm_of("norm", self.value().norm(p, axes), kept, p)
    }

    /// [`norm`](Self::norm), keeping the reduced axes with size 1. Backward: `dx = dy sign(x) (|x| / y)ᵖ⁻¹`.
    #[track_caller]
    #[must_use]
    pub fn norm_keepdim(&self, p: f64, axes: impl Axes) -> Var<T> {
        let (kept, _) = reduced("norm_keepdim", self.shape(), &axes);
        self.norm_of("norm_keepdim", self.value().norm_keepdim(p, axes), kept, p)
    }

    #[track_caller]
    fn norm_of(&self, op: &'static str, y: Tensor<T>, kept: Shape, p: f64) -> Var<T> {
        if p.is_infinite() {
            return self.abs().extreme_over(op, y, kept);
        }
        let x = self.saved();
        record_with_output(op, [self], y, move |dy, y, _| {
            let x = x.on(dy);
            if p == 0.0 {
                return [Some(x * T::ZERO)];
            }
            if p == 1.0 {
                return [Some(dy.reshape(kept) * dy.constant(x.value().sign()))];
            }
            if p == 2.0 {
                return [Some(x * ratio(dy, y).reshape(kept))];
            }
            let size = x.abs().masked_fill(&x.value().map(|x| x == T::ZERO), T::ONE);
            let zero = y.value().map(|y| y == T::ZERO);
            let scale = dy.masked_fill(&zero, T::ZERO) * y.masked_fill(&zero, T::ONE).powf(T::of(1.0 - p));
            [Some(scale.reshape(kept) * size.powf(T::of(p - 1.0)) * dy.constant(x.value().sign()))]
        })
    }

    /// `y = log Σ eˣ` over `axes`, taken relative to the largest so that nothing overflows. Backward: `dx = dy eˣ⁻ʸ`.
    #[track_caller]
    #[must_use]
    pub fn logsumexp(&self, axes: impl Axes) -> Var<T> {
        let (kept, _) = reduced("logsumexp", self.shape(), &axes);
        self.logsumexp_of("logsumexp", self.value().logsumexp(axes), kept)
    }

    /// [`logsumexp`](Self::logsumexp), keeping the reduced axes with size 1. Backward: `dx = dy eˣ⁻ʸ`.
    #[track_caller]
    #[must_use]
    pub fn logsumexp_keepdim(&self, axes: impl Axes) -> Var<T> {
        let (kept, _) = reduced("logsumexp_keepdim", self.shape(), &axes);
        self.logsumexp_of("logsumexp_keepdim", self.value().logsumexp_keepdim(axes), kept)
    }

    #[track_caller]
    fn logsumexp_of(&self, op: &'static str, y: Tensor<T>, kept: Shape) -> Var<T> {
        let x = self.saved();
        record_with_output(op, [self], y, move |dy, y, _| {
            [Some(dy.reshape(kept) * (x.on(dy) - y.reshape(kept)).exp())]
        })
    }
}

/// `dy / y`, 0 where `y` is 0.
fn ratio<T: Float>(dy: &Var<T>, y: &Var<T>) -> Var<T> {
    let zero = y.value().map(|y| y == T::ZERO);
    dy.masked_fill(&zero, T::ZERO) / y.masked_fill(&zero, T::ONE)
}
