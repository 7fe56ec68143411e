//! Any function applied to each element, of one tensor or of several: what the named functions and operators are built on.

use crate::kernels::map;
use crate::{Element, Number, Shape, Tensor};

/// The shape that both broadcast to, or a panic that names them.
#[track_caller]
pub(crate) fn broadcast_shape(op: &str, a: &Shape, b: &Shape) -> Shape {
    // Not `unwrap_or_else`: a panic in a closure would report the closure's line instead of the caller's.
    match a.broadcast(b) {
        Some(shape) => shape,
        None => {
            // Would the shapes fit if they were aligned at their first axes? Then a missing `unsqueeze` is the likely mistake.
            let (long, short) = if a.rank() >= b.rank() { (a, b) } else { (b, a) };
            let hint = if short.rank() < long.rank() && long[..short.rank()] == short[..] {
                "; unsqueeze(-1) puts an axis behind"
            } else {
                ""
            };
            panic!(
                "{op}: {a} and {b} do not broadcast: aligned at the last axis, sizes must be equal or 1{hint}"
            )
        }
    }
}

impl<T: Element> Tensor<T> {
    /// `y[i] = f(x[i])`, as a new tensor. `f` may change the element type.
    pub fn map<U: Element>(&self, f: impl Fn(T) -> U + Sync) -> Tensor<U> {
        self.map_costing(1, f)
    }

    /// [`map`](Self::map) by a function that costs about as much as `cost` additions: the dearer, the sooner a second thread pays.
    pub(crate) fn map_costing<U: Element>(&self, cost: usize, f: impl Fn(T) -> U + Sync) -> Tensor<U> {
        Tensor::build(*self.shape(), |out| map::unary((self.storage(), self.layout()), out, cost, f))
    }

    /// `y[i] = f(a[i], b[i])`, as a new tensor, after broadcasting.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn zip<U: Element, V: Element>(&self, other: &Tensor<U>, f: impl Fn(T, U) -> V + Sync) -> Tensor<V> {
        self.zip_named("zip", other, f)
    }

    /// [`zip`](Self::zip), for an op that wants its own name in a panic.
    #[track_caller]
    pub(crate) fn zip_named<U: Element, V: Element>(
        &self,
        op: &str,
        other: &Tensor<U>,
        f: impl Fn(T, U) -> V + Sync,
    ) -> Tensor<V> {
        let shape = broadcast_shape(op, self.shape(), other.shape());
        let (a, b) = (self.layout().broadcast_to(&shape), other.layout().broadcast_to(&shape));
        Tensor::build(shape, |out| map::binary((self.storage(), &a), (other.storage(), &b), out, f))
    }

    /// `y[i] = f(a[i], b[i], c[i])`, as a new tensor, after broadcasting.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn zip3<U: Element, V: Element, W: Element>(
        &self,
        b: &Tensor<U>,
        c: &Tensor<V>,
        f: impl Fn(T, U, V) -> W + Sync,
    ) -> Tensor<W> {
        let shape = broadcast_shape("zip3", self.shape(), b.shape());
        let shape = broadcast_shape("zip3", &shape, c.shape());
        let layouts = (
            self.layout().broadcast_to(&shape),
            b.layout().broadcast_to(&shape),
            c.layout().broadcast_to(&shape),
        );
        Tensor::build(shape, |out| {
            map::ternary(
                (self.storage(), &layouts.0),
                (b.storage(), &layouts.1),
                (c.storage(), &layouts.2),
                out,
                f,
            );
        })
    }

    /// `x[i] = f(x[i])`, in place.
    pub fn map_(&mut self, f: impl Fn(T) -> T + Sync) {
        self.map_costing_(1, f);
    }

    /// [`map_`](Self::map_) by a function that costs about as much as `cost` additions.
    pub(crate) fn map_costing_(&mut self, cost: usize, f: impl Fn(T) -> T + Sync) {
        map::each(self.as_mut_slice(), cost, |v| *v = f(*v));
    }

    /// `f(&mut x[i], a[i])`, in place; `a` is broadcast to the shape of `x`.
    ///
    /// # Panics
    /// If `a` does not broadcast to the shape of `x`.
    #[track_caller]
    pub fn zip_<U: Element>(&mut self, a: &Tensor<U>, f: impl Fn(&mut T, U) + Sync) {
        self.zip_named_("zip_", a, f);
    }

    /// [`zip_`](Self::zip_), for the op of this name.
    #[track_caller]
    pub(crate) fn zip_named_<U: Element>(&mut self, op: &str, a: &Tensor<U>, f: impl Fn(&mut T, U) + Sync) {
        let shape = *self.shape();
        let fits = shape.broadcast(a.shape()) == Some(shape);
        assert!(
            fits,
            "{op}: {} does not broadcast to {shape}, the shape of the tensor that is written",
            a.shape()
        );
        let layout = a.layout().broadcast_to(&shape);
        map::update(self.as_mut_slice(), (a.storage(), &layout), f);
    }
}

impl<T: Number> Tensor<T> {
    /// `f(&mut x[i], a[i], [&mut kept[0][i], ...])`, in place and in one pass: an optimizer's step over a weight, its gradient and what
    /// it keeps of earlier ones. All have one shape.
    ///
    /// ```
    /// use ravine_tensor::Tensor;
    ///
    /// let (mut weight, grad) = (Tensor::from([1.0, 2.0]), Tensor::from([10.0, 20.0]));
    /// let mut velocity = Tensor::from([0.0, 1.0]);
    /// weight.update_with(&grad, [&mut velocity], |w, g, [v]| {
    ///     *v = 0.9 * *v + g;
    ///     *w -= 0.1 * *v;
    /// });
    /// assert_eq!((weight.at([0]), velocity.at([1])), (0.0, 20.9));
    /// ```
    ///
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    pub fn update_with<const N: usize>(
        &mut self,
        a: &Tensor<T>,
        kept: [&mut Tensor<T>; N],
        f: impl Fn(&mut T, T, [&mut T; N]) + Sync,
    ) {
        let shape = *self.shape();
        assert!(
            a.shape() == &shape,
            "update_with: {} differs from {shape}, the tensor that is written",
            a.shape()
        );
        if let Some(kept) = kept.iter().find(|kept| *kept.shape() != shape) {
            panic!("update_with: {} is kept for {shape}: their shapes must agree", kept.shape());
        }
        let kept = kept.map(Tensor::as_mut_slice);
        match a.as_slice() {
            Some(a) => map::update_with(self.as_mut_slice(), a, kept, f),
            None => map::update_with(self.as_mut_slice(), a.contiguous().values(), kept, f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broadcasting_and_views_agree_with_indexing() {
        let a = Tensor::<f64>::from_fn([4, 3, 5], |i| i as f64);
        let b = Tensor::<f64>::from_fn([5, 4], |i| 100.0 * i as f64);
        let sum = a.permute([1, 2, 0]).zip(&b, |a, b| a + b);
        assert_eq!(sum.shape(), &[3, 5, 4]);
        for i in 0..3 {
            for j in 0..5 {
                for k in 0..4 {
                    assert_eq!(sum.at([i, j, k]), a.at([k, i, j]) + b.at([j, k]));
                }
            }
        }
        let row = b.narrow(1, 2, 1);
        let outer = row.zip3(&Tensor::from([1.0, 2.0]), &Tensor::scalar(0.5), |a, b, c| a * b + c);
        assert_eq!(outer.at([3, 1]), 1400.0 * 2.0 + 0.5);
    }

    #[test]
    fn views_of_several_blocks_agree_with_indexing() {
        for (rows, columns) in
            [(3, 700), (700, 3), (40, 33), (33, 128), (2, 5000), (1, 600), (600, 1), (300, 700)]
        {
            let of = |shape: [usize; 2]| Tensor::<f64>::from_fn(shape, |i| (i * i % 1009) as f64);
            let padded = of([rows + 2, columns + 3]);
            let views = [
                ("whole", of([rows, columns])),
                ("transposed", of([columns, rows]).t()),
                ("row", of([1, columns])),
                ("column", of([rows, 1])),
                ("one", of([1, 1]) + 7.0),
                ("part", padded.narrow(0, 1, rows).narrow(1, 2, columns)),
                ("flipped", of([rows, columns]).flip([0, 1])),
            ];
            let full = |x: &Tensor<f64>| {
                let at = |i: usize, n: usize| if n == 1 { 0 } else { i };
                let each = (0..rows * columns).map(|i| (i / columns, i % columns));
                each.map(|(i, j)| x.at([at(i, x.size(0)), at(j, x.size(1))])).collect::<Vec<f64>>()
            };
            let whole = &views[0].1;
            for (a_name, a) in &views {
                let (all, expanded) = (full(a), a.expand([rows, columns]));
                assert!(expanded.map(|a| a + 0.5).iter().zip(&all).all(|(y, a)| y == a + 0.5), "{a_name}");
                let mut y = whole.clone();
                y.zip_(a, |y, a| *y -= 2.0 * a);
                assert!(y.iter().zip(full(whole)).zip(&all).all(|((y, w), a)| y == w - 2.0 * a), "{a_name}");
                for (b_name, b) in &views {
                    let what = format!("{rows} by {columns}, {a_name} and {b_name}");
                    let both: Vec<(f64, f64)> = all.iter().copied().zip(full(b)).collect();
                    let y = expanded.zip(b, |a, b| a - 3.0 * b);
                    assert!(y.iter().zip(&both).all(|(y, (a, b))| y == a - 3.0 * b), "{what}");
                    let y = expanded.zip3(b, whole, |a, b, c| a - 3.0 * b + 5.0 * c);
                    let want = both.iter().zip(full(whole)).map(|((a, b), c)| a - 3.0 * b + 5.0 * c);
                    assert!(y.iter().eq(want), "{what}");
                }
            }
        }
    }

    #[test]
    fn large_tensors_are_split_without_a_seam() {
        let n = 1_000_003;
        let a = Tensor::<f32>::from_fn(n, |i| i as f32);
        assert!(a.map(|v| v + 1.0).iter().enumerate().all(|(i, v)| v == i as f32 + 1.0));
        let mut m = Tensor::<f32>::ones([1000, 1001]);
        m.zip_(&Tensor::from_fn([1000, 1], |i| i as f32), |m, r| *m += r);
        assert!(m.iter().enumerate().all(|(i, v)| v == 1.0 + (i / 1001) as f32));
        m.map_(|v| -v);
        assert_eq!(m.at([999, 1000]), -1000.0);
    }

    #[test]
    fn a_fused_update_is_the_same_for_every_length_and_number_of_threads() {
        for n in [0, 1, 31, 32, 33, 100, 1 << 18] {
            let x = Tensor::<f32>::from_fn(n, |i| (i % 101) as f32 * 0.3 - 7.0);
            let run = |threads| {
                let (mut w, mut kept) = (x.clone(), [&x * 0.5, x.square()]);
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| {
                    w.update_with(&x, kept.each_mut(), |w, a, [m, v]| {
                        *m += 0.1 * (a - *m);
                        *v += 0.01 * (a * a - *v);
                        *w -= *m / (v.sqrt() + 0.1);
                    });
                });
                (w, kept)
            };
            let m = (&x * 0.5).zip(&x, |m, a| m + 0.1 * (a - m));
            let v = x.square().zip(&x, |v, a| v + 0.01 * (a * a - v));
            let want = (x.zip3(&m, &v, |w, m, v| w - m / (v.sqrt() + 0.1)), [m, v]);
            assert!([1, 2, 3, 8].iter().all(|&t| run(t) == want), "n = {n}");
        }
    }

    #[test]
    fn a_fused_update_copies_what_others_can_see() {
        let (a, x) = (Tensor::from([[1.0, 2.0], [3.0, 4.0]]), Tensor::from([[1.0, 2.0], [3.0, 4.0]]).t());
        let mut w = a.clone();
        w.update_with(&x, [], |w, x, []| *w -= x);
        assert_eq!((w.to_vec(), a.at([0, 1])), (vec![0.0, -1.0, 1.0, 0.0], 2.0));
    }

    #[test]
    #[should_panic(expected = "update_with: [3] is kept for [2]: their shapes must agree")]
    fn a_fused_update_does_not_broadcast() {
        let x = Tensor::<f32>::zeros([2]);
        x.clone().update_with(&x, [&mut Tensor::zeros([3])], |w, g, [v]| *w -= g + *v);
    }
}
