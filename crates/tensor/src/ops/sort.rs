//! Sorting, the k largest elements, and unique elements.
//!
//! The order is PyTorch's: NaN is above every number, `-0.0` equals `0.0`, and equal elements keep their order (all sorts here
//! are stable, descending ones too).

use std::cmp::Ordering;

use crate::parallel::split_units;
use crate::{Element, Tensor};

/// The order of elements, NaN above all.
pub(super) fn ascending<T: Element>(a: &T, b: &T) -> Ordering {
    a.partial_cmp(b).unwrap_or_else(|| {
        let nan = |v: &T| v.partial_cmp(v).is_none();
        nan(a).cmp(&nan(b))
    })
}

impl<T: Element> Tensor<T> {
    /// The elements along `axis` in order, and their indices: `(values, indices)` with `values[j] = x[indices[j]]`.
    ///
    /// Stable; NaN counts as larger than every number.
    ///
    /// ```
    /// use ravine_tensor::Tensor;
    ///
    /// let x = Tensor::from([[3.0, 1.0, 2.0], [5.0, 5.0, 4.0]]);
    /// let (values, places) = x.sort(1, true);
    /// assert_eq!(values.to_vec(), [3.0, 2.0, 1.0, 5.0, 5.0, 4.0]);
    /// assert_eq!(places.to_vec(), [0, 2, 1, 0, 1, 2]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn sort(&self, axis: isize, descending: bool) -> (Tensor<T>, Tensor<i64>) {
        self.ordered("sort", axis, None, descending)
    }

    /// The indices along `axis` of the elements in order: the second result of [`sort`](Self::sort).
    #[track_caller]
    #[must_use]
    pub fn argsort(&self, axis: isize, descending: bool) -> Tensor<i64> {
        self.ordered("argsort", axis, None, descending).1
    }

    /// The `k` largest elements along `axis` in descending order (or the smallest in ascending order), and where each stands.
    /// Of equal elements the first comes first; NaN counts as larger than every number.
    ///
    /// ```
    /// use ravine_tensor::Tensor;
    ///
    /// let x = Tensor::from([3.0, 1.0, 4.0, 1.0, 5.0]);
    /// let (values, places) = x.topk(2, 0, true);
    /// assert_eq!((values.to_vec(), places.to_vec()), (vec![5.0, 4.0], vec![4, 2]));
    /// assert_eq!(x.topk(2, 0, false).1.to_vec(), [1, 3]);
    /// ```
    ///
    /// # Panics
    /// If there are fewer than `k` elements along `axis`.
    #[track_caller]
    #[must_use]
    pub fn topk(&self, k: usize, axis: isize, largest: bool) -> (Tensor<T>, Tensor<i64>) {
        self.ordered("topk", axis, Some(k), largest)
    }

    /// The `k`-th smallest element along `axis`, `k` counted from 1, and where it stands. The axis disappears.
    ///
    /// # Panics
    /// If there are fewer than `k` elements along `axis`, or `k` is 0.
    #[track_caller]
    #[must_use]
    pub fn kthvalue(&self, k: usize, axis: isize) -> (Tensor<T>, Tensor<i64>) {
        assert!(k > 0, "kthvalue: k is 0, but the smallest element is number 1");
        let (values, places) = self.ordered("kthvalue", axis, Some(k), false);
        (values.index(axis, k - 1), places.index(axis, k - 1))
    }

    /// The first `k` elements in order along `axis`, or all, and their indices.
    #[track_caller]
    fn ordered(&self, op: &str, axis: isize, k: Option<usize>, descending: bool) -> (Tensor<T>, Tensor<i64>) {
        let at = self.shape().axis(op, axis);
        let n = self.shape()[at];
        let k = k.unwrap_or(n);
        assert!(
            k <= n,
            "{op}: the first {k} of axis {axis} of shape {} are asked for, which has {n} elements",
            self.shape()
        );
        let last = self.transpose(axis, -1).contiguous();
        let mut shape = *last.shape();
        shape[self.rank() - 1] = k;
        let x = last.values();
        let compare = move |a: &(T, usize), b: &(T, usize)| {
            let order = if descending { ascending(&b.0, &a.0) } else { ascending(&a.0, &b.0) };
            order.then(a.1.cmp(&b.1))
        };
        let places = Tensor::build(shape, |out| {
            split_units(out, k, 8 * x.len(), |rows, out| {
                let mut row: Vec<(T, usize)> = Vec::with_capacity(n);
                for (r, out) in rows.zip(out.chunks_exact_mut(k.max(1))) {
                    row.clear();
                    row.extend(x[r * n..][..n].iter().copied().zip(0..));
                    if k < n {
                        row.select_nth_unstable_by(k, compare);
                    }
                    // Indices differ, so no two entries compare equal and the unstable sort gives the stable order.
                    row[..k].sort_unstable_by(compare);
                    out.iter_mut().zip(&row).for_each(|(out, &(_, place))| *out = place as i64);
                }
            });
        });
        let values = Tensor::build(shape, |out| {
            for (r, (out, places)) in
                out.chunks_mut(k.max(1)).zip(places.values().chunks(k.max(1))).enumerate()
            {
                out.iter_mut().zip(places).for_each(|(out, &place)| *out = x[r * n + place as usize]);
            }
        });
        (values.transpose(axis, -1), places.transpose(axis, -1))
    }

    /// The distinct elements of the whole tensor in ascending order. NaNs count as distinct from each other, as in PyTorch.
    ///
    /// ```
    /// use ravine_tensor::Tensor;
    ///
    /// let unique = Tensor::from([[3, 1], [3, 2]]).unique();
    /// assert_eq!(unique.values.to_vec(), [1, 2, 3]);
    /// assert_eq!(unique.inverse.to_vec(), [2, 0, 2, 1]);
    /// assert_eq!(unique.counts.to_vec(), [1, 1, 2]);
    /// ```
    #[must_use]
    pub fn unique(&self) -> Unique<T> {
        let flat = self.reshape([self.numel()]);
        let (sorted, places) = flat.sort(0, false);
        let (mut values, mut counts) = (vec![], vec![]);
        let mut inverse = vec![0; flat.numel()];
        for (v, place) in sorted.iter().zip(places.iter()) {
            if values.last() != Some(&v) {
                values.push(v);
                counts.push(0);
            }
            *counts.last_mut().expect("one was pushed") += 1;
            inverse[place as usize] = values.len() as i64 - 1;
        }
        Unique {
            values: Tensor::from_slice(&values, [values.len()]),
            inverse: Tensor::from_slice(&inverse, *self.shape()),
            counts: Tensor::from_slice(&counts, [counts.len()]),
        }
    }

    /// Where each element of `values` belongs in this ascending row: the number of elements below it (with `right`, below or equal).
    /// NaN belongs at the end.
    ///
    /// # Panics
    /// If this tensor has not one axis.
    #[track_caller]
    #[must_use]
    pub fn searchsorted(&self, values: &Tensor<T>, right: bool) -> Tensor<i64> {
        assert!(
            self.rank() == 1,
            "searchsorted: the sorted row has shape {}, but must have one axis",
            self.shape()
        );
        let row = self.contiguous();
        let row = row.values();
        values.map(|v| {
            row.partition_point(|a| match ascending(a, &v) {
                Ordering::Less => true,
                Ordering::Equal => right,
                Ordering::Greater => false,
            }) as i64
        })
    }
}

/// The result of [`Tensor::unique`].
#[derive(Clone, Debug)]
pub struct Unique<T: Element> {
    /// The different elements in ascending order.
    pub values: Tensor<T>,
    /// For each element of the tensor, in its shape, the index of its value in `values`.
    pub inverse: Tensor<i64>,
    /// How often each value occurs.
    pub counts: Tensor<i64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorting_is_stable_both_ways_and_puts_nan_above_all() {
        let (nan, inf) = (f32::NAN, f32::INFINITY);
        let x = Tensor::from([1.0, nan, -0.0, inf, 0.0, nan, 1.0]);
        assert_eq!(x.argsort(0, false).to_vec(), [2, 4, 0, 6, 3, 1, 5]);
        assert_eq!(x.argsort(0, true).to_vec(), [1, 5, 3, 0, 6, 2, 4]);
        assert_eq!(x.topk(3, 0, true).1.to_vec(), [1, 5, 3]);
        assert_eq!(x.topk(3, 0, false).1.to_vec(), [2, 4, 0]);
        assert_eq!(x.kthvalue(5, 0).0.item(), inf);
        assert_eq!(Tensor::from([true, false, true]).sort(0, false).1.to_vec(), [1, 0, 2]);
    }

    #[test]
    fn along_an_inner_axis_and_over_views() {
        let x = Tensor::<i32>::from_fn([3, 4, 2], |i| (i as i32 * 7) % 10).t();
        let (values, places) = x.sort(0, false);
        assert_eq!(values.shape(), x.shape());
        for (i, j, k) in (0..3).flat_map(|i| (0..2).flat_map(move |j| (0..4).map(move |k| (i, j, k)))) {
            assert_eq!(values.at([i, j, k]), x.at([places.at([i, j, k]) as usize, j, k]));
            assert!(i == 0 || values.at([i - 1, j, k]) <= values.at([i, j, k]));
        }
        assert_eq!(x.topk(1, 0, true).0, x.max_keepdim(0));
        assert_eq!(x.kthvalue(1, -1).0, x.min(-1));
    }

    #[test]
    fn many_rows_are_the_same_for_any_number_of_threads() {
        let x = Tensor::<f32>::from_fn([500, 301], |i| ((i * 7919) % 1013) as f32);
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| x.sort(1, true))
        };
        assert!([2, 3, 8].iter().all(|&t| run(t) == run(1)));
    }

    #[test]
    fn nothing() {
        assert_eq!(Tensor::<f32>::zeros([2, 0]).sort(1, false).0.shape(), &[2, 0]);
        assert_eq!(Tensor::<f32>::zeros([0, 3]).topk(2, 1, true).1.shape(), &[0, 2]);
        assert_eq!(Tensor::<f32>::zeros([2, 3]).topk(0, 1, true).1.shape(), &[2, 0]);
        assert_eq!(Tensor::<f32>::zeros([0]).unique().values.shape(), &[0]);
        assert_eq!(Tensor::scalar(7).unique().inverse.shape(), &[]);
    }

    #[test]
    fn places_in_a_sorted_row() {
        let row = Tensor::from([1.0, 2.0, 2.0, 4.0]);
        let values = Tensor::from([[0.0, 2.0], [3.0, f64::NAN]]);
        assert_eq!(row.searchsorted(&values, false).to_vec(), [0, 1, 3, 4]);
        assert_eq!(row.searchsorted(&values, true).to_vec(), [0, 3, 3, 4]);
    }

    #[test]
    #[should_panic(
        expected = "topk: the first 4 of axis 1 of shape [2, 3] are asked for, which has 3 elements"
    )]
    fn too_many() {
        let _ = Tensor::<f32>::zeros([2, 3]).topk(4, 1, true);
    }
}
