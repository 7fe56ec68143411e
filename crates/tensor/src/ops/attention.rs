//! Attention, head by head: the scores of one head stay in the cache from their product to their use.

use crate::kernels::gemm::{Mat, Store, gemm};
use crate::kernels::math::Math;
use crate::kernels::{reduce, simd::dispatch};
use crate::parallel::{split_pairs, split_units};
use crate::{Float, Shape, Tensor};

/// The sizes of an attention: heads (of all samples), queries, keys, and the widths of queries and of values.
struct Sizes {
    heads: usize,
    queries: usize,
    keys: usize,
    width: usize,
    values: usize,
}

impl Sizes {
    /// The work of one product of scores, in elementary operations.
    fn work(&self) -> usize {
        self.heads * self.queries * self.keys * (self.width + self.values + 16)
    }
}

/// A row-major matrix.
fn rows<T>(data: &[T], width: usize) -> Mat<'_, T> {
    Mat { data, row_stride: width, col_stride: 1 }
}

/// The transpose of a row-major matrix.
fn columns<T>(data: &[T], width: usize) -> Mat<'_, T> {
    Mat { data, row_stride: 1, col_stride: width }
}

impl<T: Float> Tensor<T> {
    /// `softmax(q kᵀ scale) v`: scores where `mask` is true count as `-∞`, and the weights are multiplied by the dropout mask `keep`, if there is
    /// one. `q` is this tensor. A query all of whose keys are masked gets 0.
    ///
    /// Shapes: `q [batch, heads, queries, width]`, `k [batch, heads, keys, width]`, `v [batch, heads, keys, values]`, `mask` broadcasts to
    /// `[batch, heads, queries, keys]`, which is the shape of `keep` -> `[batch, heads, queries, values]`, and the weights.
    ///
    /// # Panics
    /// If the shapes do not fit together.
    #[doc(hidden)]
    #[track_caller]
    #[must_use]
    pub fn attention(
        &self,
        k: &Tensor<T>,
        v: &Tensor<T>,
        mask: Option<&Tensor<bool>>,
        keep: Option<&Tensor<T>>,
        scale: T,
    ) -> (Tensor<T>, Tensor<T>) {
        let (sizes, [y_shape, p_shape]) = check(self, k, v, mask, keep);
        let Sizes { queries, keys, width, values, .. } = sizes;
        let (q, k, v) = (self.contiguous(), k.contiguous(), v.contiguous());
        let mask = mask.map(|mask| HeadMasks::new(mask, &p_shape));
        let keep = keep.map(Tensor::contiguous);
        if y_shape.numel() == 0 || p_shape.numel() == 0 {
            return (Tensor::zeros(y_shape), Tensor::zeros(p_shape));
        }
        let mut p = Tensor::zeros(p_shape);
        let y = Tensor::build(y_shape, |y| {
            let units = [queries * values, queries * keys];
            split_pairs([y, p.as_mut_slice()], units, sizes.work(), |heads, y, p| {
                let mut kept = vec![T::ZERO; if keep.is_some() { queries * keys } else { 0 }];
                for (head, (y, p)) in
                    heads.zip(y.chunks_exact_mut(units[0]).zip(p.chunks_exact_mut(units[1])))
                {
                    let q = rows(&q.values()[head * queries * width..][..queries * width], width);
                    let k = columns(&k.values()[head * keys * width..][..keys * width], width);
                    let v = rows(&v.values()[head * keys * values..][..keys * values], values);
                    gemm(queries, keys, width, q, k, p, Store::Overwrite);
                    let mask = mask.as_ref().map(|mask| mask.of(head));
                    softmax_rows(p, keys, mask, scale);
                    let weights = match &keep {
                        None => &*p,
                        Some(keep) => {
                            let keep = &keep.values()[head * queries * keys..][..queries * keys];
                            kept.iter_mut()
                                .zip(p.iter().zip(keep))
                                .for_each(|(kept, (&p, &keep))| *kept = p * keep);
                            &kept
                        }
                    };
                    gemm(queries, values, keys, rows(weights, keys), v, y, Store::Overwrite);
                }
            });
        });
        (y, p)
    }

    /// The gradients of [`attention`](Self::attention) by `q`, `k` and `v`, from this gradient by its output.
    ///
    /// # Panics
    /// If the shapes are not those of the forward pass.
    #[doc(hidden)]
    #[track_caller]
    #[must_use]
    pub fn attention_grad(
        &self,
        q: &Tensor<T>,
        k: &Tensor<T>,
        v: &Tensor<T>,
        p: &Tensor<T>,
        keep: Option<&Tensor<T>>,
        scale: T,
    ) -> [Tensor<T>; 3] {
        let (sizes, [y_shape, p_shape]) = check(q, k, v, None, keep);
        assert!(
            *self.shape() == y_shape && *p.shape() == p_shape,
            "attention_grad: {} and {} differ",
            self.shape(),
            y_shape
        );
        let Sizes { heads, queries, keys, width, values } = sizes;
        if p_shape.numel() == 0 || y_shape.numel() == 0 || width == 0 {
            return [q, k, v].map(Tensor::zeros_like);
        }
        let shapes = [q, k, v].map(|x| *x.shape());
        let (dy, q, k, v) = (self.contiguous(), q.contiguous(), k.contiguous(), v.contiguous());
        let keep = keep.map(Tensor::contiguous);
        let (ends, unit) =
            ([queries * width, (queries + keys) * width], (queries + keys) * width + keys * values);
        // The three gradients of each head side by side.
        let all = Tensor::build([heads, unit].into(), |all| {
            split_units(all, unit, 3 * sizes.work(), |heads, all| {
                let mut ds = vec![T::ZERO; queries * keys];
                let mut kept = vec![T::ZERO; if keep.is_some() { queries * keys } else { 0 }];
                for (head, all) in heads.zip(all.chunks_exact_mut(unit)) {
                    let (dq, rest) = all.split_at_mut(ends[0]);
                    let (dk, dv) = rest.split_at_mut(ends[1] - ends[0]);
                    let p = &p.values()[head * queries * keys..][..queries * keys];
                    let dy = &dy.values()[head * queries * values..][..queries * values];
                    let q = &q.values()[head * queries * width..][..queries * width];
                    let k = &k.values()[head * keys * width..][..keys * width];
                    let v = &v.values()[head * keys * values..][..keys * values];
                    gemm(
                        queries,
                        keys,
                        values,
                        rows(dy, values),
                        columns(v, values),
                        &mut ds,
                        Store::Overwrite,
                    );
                    let mut weights = p;
                    if let Some(keep) = &keep {
                        let keep = &keep.values()[head * queries * keys..][..queries * keys];
                        ds.iter_mut().zip(keep).for_each(|(ds, &keep)| *ds *= keep);
                        kept.iter_mut()
                            .zip(p.iter().zip(keep))
                            .for_each(|(kept, (&p, &keep))| *kept = p * keep);
                        weights = &kept;
                    }
                    softmax_rows_grad(p, keys, scale, &mut ds);
                    gemm(queries, width, keys, rows(&ds, keys), rows(k, width), dq, Store::Overwrite);
                    gemm(keys, width, queries, columns(&ds, keys), rows(q, width), dk, Store::Overwrite);
                    gemm(
                        keys,
                        values,
                        queries,
                        columns(weights, keys),
                        rows(dy, values),
                        dv,
                        Store::Overwrite,
                    );
                }
            });
        });
        let part = |i: usize, start, len| all.narrow(1, start, len).reshape(shapes[i]);
        [part(0, 0, ends[0]), part(1, ends[0], ends[1] - ends[0]), part(2, ends[1], unit - ends[1])]
    }
}

/// The masks of the heads; heads with the same mask share one copy.
struct HeadMasks {
    mask: Tensor<bool>,
    batch: usize,
    heads: usize,
    all_heads: usize,
}

impl HeadMasks {
    fn new(mask: &Tensor<bool>, p: &Shape) -> Self {
        let mut mask = mask.clone();
        while mask.rank() < 4 {
            mask = mask.unsqueeze(0);
        }
        let (batch, heads) = (mask.shape()[0], mask.shape()[1]);
        let mask = mask.expand([batch, heads, p[2], p[3]]).contiguous();
        HeadMasks { mask, batch, heads, all_heads: p[1] }
    }

    fn of(&self, head: usize) -> &[bool] {
        let (batch, head) = ((head / self.all_heads) % self.batch, (head % self.all_heads) % self.heads);
        let size = self.mask.shape()[2] * self.mask.shape()[3];
        &self.mask.values()[(batch * self.heads + head) * size..][..size]
    }
}

/// Turns scores into weights in place, row by row.
fn softmax_rows<T: Float>(p: &mut [T], keys: usize, mask: Option<&[bool]>, scale: T) {
    dispatch(
        #[inline(always)]
        || {
            for (r, p) in p.chunks_exact_mut(keys).enumerate() {
                if let Some(mask) = mask {
                    let hidden = &mask[r * keys..][..keys];
                    p.iter_mut().zip(hidden).for_each(|(p, &hidden)| {
                        if hidden {
                            *p = T::neg_infinity();
                        }
                    });
                }
                let max = p.iter().fold(T::neg_infinity(), |max, &v| if v > max { v } else { max });
                // Every key is masked. A NaN score is not masked, and must not be lost.
                if max == T::neg_infinity() && mask.is_some() && !p.iter().any(|v| v.is_nan()) {
                    p.fill(T::ZERO);
                    continue;
                }
                p.iter_mut().for_each(|p| *p = Math::exp((*p - max) * scale));
                let share = T::ONE / reduce::sum_slice(p, &|p| p);
                p.iter_mut().for_each(|p| *p *= share);
            }
        },
    );
}

/// Turns the gradient by the weights into that by the scores, in place: `ds = p (ds - Σ p ds) scale`.
fn softmax_rows_grad<T: Float>(p: &[T], keys: usize, scale: T, ds: &mut [T]) {
    dispatch(
        #[inline(always)]
        || {
            for (p, ds) in p.chunks_exact(keys).zip(ds.chunks_exact_mut(keys)) {
                let along = reduce::sum_zip(p, ds, &|p, ds| p * ds);
                ds.iter_mut().zip(p).for_each(|(ds, &p)| *ds = p * (*ds - along) * scale);
            }
        },
    );
}

/// The sizes, and the shapes of output and weights.
#[track_caller]
fn check<T: Float>(
    q: &Tensor<T>,
    k: &Tensor<T>,
    v: &Tensor<T>,
    mask: Option<&Tensor<bool>>,
    keep: Option<&Tensor<T>>,
) -> (Sizes, [Shape; 2]) {
    let wrong = |why: &str| format!("attention: q {}, k {}, v {}: {why}", q.shape(), k.shape(), v.shape());
    let (&[batch, heads, queries, width], &[kb, kh, keys, kw], &[vb, vh, vk, values]) =
        (&q.shape()[..], &k.shape()[..], &v.shape()[..])
    else {
        panic!("{}", wrong("they must be [batch, heads, length, width]"))
    };
    if [batch, heads, width] != [kb, kh, kw] || [kb, kh, keys] != [vb, vh, vk] {
        let why = "batch and heads of all, the widths of q and k, and the lengths of k and v must agree";
        panic!("{}", wrong(why));
    }
    let p = Shape::from([batch, heads, queries, keys]);
    if let Some(mask) = mask.filter(|mask| mask.shape().broadcast(&p) != Some(p)) {
        panic!("{}", wrong(&format!("a mask of shape {} does not broadcast to {p}", mask.shape())));
    }
    if keep.is_some_and(|keep| *keep.shape() != p) {
        panic!("{}", wrong("dropout must have the shape of the weights"));
    }
    let sizes = Sizes { heads: batch * heads, queries, keys, width, values };
    (sizes, [Shape::from([batch, heads, queries, values]), p])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;

    #[test]
    fn the_formula_and_the_same_bits_for_any_number_of_threads() {
        let rng = &mut Rng::new(0);
        let q = Tensor::<f32>::randn([3, 4, 50, 32], rng);
        let (k, v) = (Tensor::<f32>::randn([3, 4, 40, 32], rng), Tensor::<f32>::randn([3, 4, 40, 8], rng));
        let mask = Tensor::from_fn([3, 1, 1, 40], |i| i % 7 == 2);
        let scores =
            (q.matmul(&k.t()) * 0.3).zip(&mask, |s, hidden| if hidden { f32::NEG_INFINITY } else { s });
        let want = scores.softmax().matmul(&v);
        let dy = Tensor::<f32>::randn(*want.shape(), rng);
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let (y, p) = q.attention(&k, &v, Some(&mask), None, 0.3);
                let [dq, dk, dv] = dy.attention_grad(&q, &k, &v, &p, None, 0.3);
                [y, p, dq, dk, dv]
            })
        };
        let one = run(1);
        assert!((&one[0] - &want).iter().all(|d| d.abs() < 1e-5));
        assert!([2, 3, 8].into_iter().all(|threads| run(threads) == one));
    }

    #[test]
    fn a_query_that_sees_nothing_gets_nothing() {
        let q = Tensor::<f32>::ones([1, 1, 2, 4]);
        let mask = Tensor::from([[true, true], [false, true]]);
        let (y, _) = q.attention(&q, &q, Some(&mask), None, 1.0);
        assert_eq!(y.to_vec(), [0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0]);
    }

    #[test]
    #[should_panic(
        expected = "attention: q [1, 1, 2, 4], k [1, 1, 2, 3], v [1, 1, 2, 4]: batch and heads of all"
    )]
    fn widths_that_differ() {
        let (q, k) = (Tensor::<f32>::ones([1, 1, 2, 4]), Tensor::ones([1, 1, 2, 3]));
        let _ = q.attention(&k, &q, None, None, 1.0);
    }
}
