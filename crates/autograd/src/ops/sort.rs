//! Elements in order. The gradient goes back to where each element stood.

use ravine_tensor::{Axes, Float, Tensor};

use crate::var::Var;

impl<T: Float> Var<T> {
    /// The elements along `axis` in order, and where each stood. Stable; NaN counts as larger than every number.
    /// Backward: `dx[indices[j]] = dy[j]`.
    #[track_caller]
    #[must_use]
    pub fn sort(&self, axis: isize, descending: bool) -> (Var<T>, Tensor<i64>) {
        let places = self.value().argsort(axis, descending);
        (self.gather(axis, &places), places)
    }

    /// The `k` largest elements along `axis` in descending order (or the smallest in ascending order), and where each stands; of
    /// equal ones the first comes first. Backward: `dx[indices[j]] = dy[j]`, 0 elsewhere.
    ///
    /// # Panics
    /// If there are fewer than `k`.
    #[track_caller]
    #[must_use]
    pub fn topk(&self, k: usize, axis: isize, largest: bool) -> (Var<T>, Tensor<i64>) {
        let places = self.value().topk(k, axis, largest).1;
        (self.gather(axis, &places), places)
    }

    /// The `k`-th smallest element along `axis`, `k` counted from 1, and where it stands; the axis disappears. Backward: to that
    /// element, of equal ones to the one that comes `k`-th.
    ///
    /// # Panics
    /// If there are fewer than `k`, or `k` is 0.
    #[track_caller]
    #[must_use]
    pub fn kthvalue(&self, k: usize, axis: isize) -> (Var<T>, Tensor<i64>) {
        let at = self.shape().axis("kthvalue", axis) as isize;
        let places = self.value().kthvalue(k, axis).1;
        (self.gather(at, &places.unsqueeze(at)).squeeze(at), places)
    }

    /// The `q`-quantile over `axes`: the sorted elements at position `q (n - 1)`, interpolated linearly. Backward: to the two
    /// neighbours of that position, by their weights; of equal elements the first comes first.
    ///
    /// # Panics
    /// If `q` is outside 0 to 1, or there is nothing to choose from.
    #[track_caller]
    #[must_use]
    pub fn quantile(&self, q: f64, axes: impl Axes) -> Var<T> {
        let mask = axes.mask("quantile", self.shape());
        // Checks q and the sizes.
        let y = self.value().quantile(q, axes);
        let mut rows = self.clone();
        // The axes that stay come first, in their order.
        for (to, from) in (0..self.rank()).filter(|&axis| !mask[axis]).enumerate() {
            rows = (to..from).rev().fold(rows, |x, at| x.transpose(at as isize, at as isize + 1));
        }
        let n = self.numel().checked_div(y.numel()).unwrap_or(1);
        let rows = rows.reshape([y.numel(), n]);
        let place = q * (n - 1) as f64;
        let order = rows.value().argsort(1, false);
        let nan = rows.value().is_nan().any_keepdim(1);
        let pick = |place: f64| {
            // NaNs stand at the end, and one is enough.
            let place = nan.map(|nan| if nan { n as i64 - 1 } else { place as i64 });
            rows.gather(1, &order.gather(1, &place))
        };
        let weight = T::of(place.fract());
        let low = pick(place.floor());
        // An infinite neighbour with weight 0 must not be multiplied: 0 · ∞ is NaN.
        let between =
            if weight == T::ZERO { low } else { low * (T::ONE - weight) + pick(place.ceil()) * weight };
        between.reshape(y.shape())
    }
}
