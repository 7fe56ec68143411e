//! Softmax, its logarithm, and the cross-entropy of logits, over the last axis and without overflow.

use crate::kernels::math::Math;
use crate::kernels::{
    reduce,
    simd::{Aligned, dispatch},
};
use crate::parallel::split_units;
use crate::storage::Buffer;
use crate::{Float, Tensor};

impl<T: Float> Tensor<T> {
    /// `y[i] = e^(x[i] - max) / Σ e^(x[j] - max)` along the last axis.
    ///
    /// # Panics
    /// If this is a scalar.
    #[track_caller]
    #[must_use]
    pub fn softmax(&self) -> Tensor<T> {
        self.by_rows(
            "softmax",
            #[inline(always)]
            |_, _, _, sum, y| scale(y, T::ONE / sum),
        )
    }

    /// `y[i] = x[i] - log Σ e^x[j]` along the last axis, the sum taken relative to the largest element (log-sum-exp).
    ///
    /// # Panics
    /// If this is a scalar.
    #[track_caller]
    #[must_use]
    pub fn log_softmax(&self) -> Tensor<T> {
        self.by_rows(
            "log_softmax",
            #[inline(always)]
            |_, x, max, sum, y| {
                let log_sum = Math::log(sum);
                y.iter_mut().zip(x).for_each(|(y, &x)| *y = (x - max) - log_sum);
            },
        )
    }

    /// The cross-entropy of each row of logits with its target class: `y[b] = log Σ e^x[b, j] - x[b, target[b]]`.
    ///
    /// Shapes: logits `[.., classes]`, targets `[..]` -> `[..]`.
    ///
    /// # Panics
    /// If the shapes do not fit together, or a target is not a class.
    #[track_caller]
    #[must_use]
    pub fn cross_entropy(&self, targets: &Tensor<i64>) -> Tensor<T> {
        let (targets, n) = self.targets("cross_entropy", targets);
        let x = self.contiguous();
        let x = x.values();
        Tensor::build(*targets.shape(), |out| {
            split_units(out, 1, WORK * x.len(), |rows, out| {
                let mut exps = Buffer::<T>::scratch(n * rows_at_once(n).min(rows.len()));
                for (out, first) in out.chunks_mut(rows_at_once(n)).zip(rows.step_by(rows_at_once(n))) {
                    let (x, targets) = (&x[first * n..][..out.len() * n], &targets.values()[first..]);
                    exp_rows(
                        x,
                        n,
                        &mut exps[..x.len()],
                        #[inline(always)]
                        |r, x, max, sum, _| out[r] = Math::log(sum) - (x[targets[r] as usize] - max),
                    );
                }
            });
        })
    }

    /// The gradient of [`cross_entropy`](Self::cross_entropy), `dx = (softmax(x) - one_hot(target)) dy`, with one `dy` per row.
    ///
    /// Shapes: logits `[.., classes]`, targets and `dy` `[..]` -> `[.., classes]`.
    ///
    /// # Panics
    /// As there, or if `dy` has not the shape of the targets.
    #[track_caller]
    #[must_use]
    pub fn cross_entropy_grad(&self, targets: &Tensor<i64>, dy: &Tensor<T>) -> Tensor<T> {
        let (targets, _) = self.targets("cross_entropy_grad", targets);
        assert!(
            dy.shape() == targets.shape(),
            "cross_entropy_grad: targets {}, dy {}: expected one shape",
            targets.shape(),
            dy.shape()
        );
        let dy = dy.contiguous();
        self.by_rows(
            "cross_entropy_grad",
            #[inline(always)]
            |r, _, _, sum, y| {
                scale(y, T::ONE / sum);
                y[targets.values()[r] as usize] -= T::ONE;
                scale(y, dy.values()[r]);
            },
        )
    }

    /// The targets, contiguous, if each is a class of a row of logits; and how many classes there are.
    #[track_caller]
    fn targets(&self, op: &str, targets: &Tensor<i64>) -> (Tensor<i64>, usize) {
        let (x, t) = (self.shape(), targets.shape());
        if self.rank() == 0 || x[..self.rank() - 1] != t[..] {
            let hint = match (x.rank(), t.rank()) {
                _ if x == t => "; of one-hot targets, take argmax(-1)",
                (3.., t_rank) if t_rank + 1 == x.rank() => "; classes are the last axis: movedim(1, -1)",
                _ => "",
            };
            panic!("{op}: logits {x} and targets {t}: targets are one class index per row of logits{hint}");
        }
        let classes = self.size(-1);
        if let Some(bad) = targets.iter().find(|&t| t < 0 || t as usize >= classes) {
            let hint = if bad < 0 {
                "; nn::loss::cross_entropy has an ignore_index"
            } else if bad as usize == classes {
                "; classes are counted from 0"
            } else {
                ""
            };
            panic!("{op}: target {bad} is not a class: logits {x} have classes 0..{classes}{hint}");
        }
        (targets.contiguous(), classes)
    }

    /// Rows made of rows: `finish` gets the number of each row, the row, its largest element, and the sum and the exponentials of their differences,
    /// which it turns into the result.
    #[track_caller]
    fn by_rows(&self, op: &str, finish: impl Fn(usize, &[T], T, T, &mut [T]) + Sync) -> Tensor<T> {
        assert!(self.rank() > 0, "{op}: a scalar has no axis to normalise along");
        let x = self.contiguous();
        let (x, n) = (x.values(), self.size(-1));
        Tensor::build(*self.shape(), |out| {
            split_units(out, n, WORK * x.len(), |rows, out| {
                let block = rows_at_once(n);
                for (y, first) in out.chunks_mut(block * n.max(1)).zip(rows.step_by(block)) {
                    exp_rows(
                        &x[first * n..][..y.len()],
                        n,
                        y,
                        #[inline(always)]
                        |r, x, max, sum, y| finish(first + r, x, max, sum, y),
                    );
                }
            });
        })
    }
}

/// The cost of an exponential, in elementary operations.
const WORK: usize = 6;

/// The most rows that are processed together, and the most elements that several such rows have in total.
const ROWS: usize = 64;
const ELEMENTS: usize = 2048;

/// The most elements of a row for which it pays to transpose the rows, so that vectors run across rows.
const NARROW: usize = 32;

/// How many rows of `n` elements are processed together.
fn rows_at_once(n: usize) -> usize {
    (ELEMENTS / n.max(1)).clamp(1, ROWS)
}

/// Takes the exponentials of some rows, relative to the largest element of each, and calls `finish(r, row, max, sum of exponentials, exponentials)` for
/// each row.
fn exp_rows<T: Float>(
    x: &[T],
    n: usize,
    exps: &mut [T],
    mut finish: impl FnMut(usize, &[T], T, T, &mut [T]),
) {
    if n == 0 {
        return;
    }
    if n <= NARROW {
        return dispatch(
            #[inline(always)]
            || {
                let [mut largest, mut sums] = [[T::ZERO; ROWS]; 2];
                exp_narrow_rows(x, n, exps, &mut largest, &mut sums);
                for (r, (x, exps)) in x.chunks_exact(n).zip(exps.chunks_exact_mut(n)).enumerate() {
                    finish(r, x, largest[r], sums[r], exps);
                }
            },
        );
    }
    // In a function of its own: the room that narrow rows need on the stack would cost each call a third of its time.
    dispatch(
        #[inline(always)]
        || {
            // Each step for all rows: while one row waits for a result, others proceed.
            let mut largest = [T::ZERO; ROWS];
            for (max, x) in largest.iter_mut().zip(x.chunks_exact(n)) {
                *max = bounded(reduce::max_slice(x));
            }
            for (&max, (x, exps)) in largest.iter().zip(x.chunks_exact(n).zip(exps.chunks_exact_mut(n))) {
                exps.iter_mut().zip(x).for_each(|(y, &x)| *y = Math::exp_below(x - max));
            }
            for (r, (x, exps)) in x.chunks_exact(n).zip(exps.chunks_exact_mut(n)).enumerate() {
                finish(r, x, largest[r], reduce::sum_slice(exps, &|v| v), exps);
            }
        },
    );
}

/// The exponentials, largest elements and sums of rows that fill a vector or two: all rows at once, transposed.
#[inline(always)]
fn exp_narrow_rows<T: Float>(
    x: &[T],
    n: usize,
    exps: &mut [T],
    largest: &mut [T; ROWS],
    sums: &mut [T; ROWS],
) {
    let lanes = (x.len() / n).next_multiple_of(16);
    let mut columns = Aligned([[T::ZERO; ROWS]; NARROW]);
    let columns = &mut columns.0;
    for (r, row) in x.chunks_exact(n).enumerate() {
        for (column, &x) in columns.iter_mut().zip(row) {
            column[r] = x;
        }
    }
    let (largest, sums) = (&mut largest[..lanes], &mut sums[..lanes]);
    largest.fill(T::neg_infinity());
    for column in &columns[..n] {
        largest.iter_mut().zip(column).for_each(|(max, &x)| *max = if x > *max { x } else { *max });
    }
    largest.iter_mut().for_each(|max| *max = bounded(*max));
    for column in &mut columns[..n] {
        for (x, (&mut max, sum)) in column.iter_mut().zip(largest.iter_mut().zip(&mut *sums)) {
            *x = Math::exp_below(*x - max);
            *sum += *x;
        }
    }
    for (r, exps) in exps.chunks_exact_mut(n).enumerate() {
        exps.iter_mut().zip(&*columns).for_each(|(y, column)| *y = column[r]);
    }
}

#[inline(always)]
fn scale<T: Float>(y: &mut [T], by: T) {
    y.iter_mut().for_each(|y| *y *= by);
}

/// The largest element of a row, or of a row of -inf alone, 0: subtracting -inf would give NaN where the limit is NaN too, but 0 keeps log-sum-exp
/// at -inf.
#[inline(always)]
pub(super) fn bounded<T: Float>(max: T) -> T {
    if max == T::neg_infinity() { T::ZERO } else { max }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;

    #[test]
    fn large_logits_neither_overflow_nor_vanish() {
        let x = Tensor::from([[1e4f32, -1e4, 0.0], [1.0, 1.0, 1.0]]);
        assert_eq!(x.softmax().to_vec()[..3], [1.0, 0.0, 0.0]);
        assert_eq!(x.log_softmax().to_vec()[..3], [0.0, -2e4, -1e4]);
        assert!((x.log_softmax().at([1, 2]) + 3f32.ln()).abs() < 1e-6);
        assert!((x.softmax().sum(1).at([1]) - 1.0).abs() < 1e-6);
    }

    #[test]
    fn cross_entropy_is_what_its_parts_are() {
        let mut rng = Rng::new(1);
        // More rows than are processed together, rows that are transposed and the first that is not, and rows processed alone.
        for [rows, classes] in [[1, 1], [150, 10], [3, 17], [70, 32], [5, 33], [5, 3000], [2, 5000]] {
            let x = Tensor::<f32>::randn([rows, classes], &mut rng) * 30.0;
            let targets = Tensor::from_fn(rows, |i| (i * 7 % classes) as i64);
            let each = -x.log_softmax().gather(-1, &targets.unsqueeze(-1)).squeeze(-1);
            assert_eq!(x.cross_entropy(&targets), each);
            assert_eq!(x.t().contiguous().t().cross_entropy(&targets), each, "of a view");
            let dy = Tensor::<f32>::randn(rows, &mut rng);
            let dx = (x.softmax() - Tensor::one_hot(&targets, classes)) * dy.unsqueeze(-1);
            assert_eq!(x.cross_entropy_grad(&targets, &dy), dx);
        }
        assert_eq!(Tensor::<f32>::zeros([0, 3]).cross_entropy(&Tensor::zeros([0])).numel(), 0);
    }

    #[test]
    #[should_panic(
        expected = "cross_entropy: target 3 is not a class: logits [1, 3] have classes 0..3; classes are counted from 0"
    )]
    fn a_target_that_is_no_class() {
        let _ = Tensor::<f32>::zeros([1, 3]).cross_entropy(&Tensor::from([3i64]));
    }

    #[test]
    fn nan_spreads_over_its_row_only() {
        let y = Tensor::from([[f32::NAN, 1.0], [0.0, 0.0]]).softmax();
        assert!(y.at([0, 1]).is_nan() && y.at([1, 0]) == 0.5);
    }
}
