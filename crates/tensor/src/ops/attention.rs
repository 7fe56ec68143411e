//! Attention, head by head: the scores of one head stay in the cache from their product to their use.

use std::ops::Range;

use crate::kernels::gemm::{Mat, Store, gemm};
use crate::kernels::math::Math;
use crate::kernels::{reduce, simd::dispatch};
use crate::ops::softmax::bounded;
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
    /// `[batch, heads, queries, keys]`, which is the shape of `keep` -> `[batch, heads, queries, values]`, and the weights, which are for
    /// [`attention_grad`](Self::attention_grad) alone: those of a head lie block by block.
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
        if y_shape.numel() == 0 || p_shape.numel() == 0 {
            return (Tensor::zeros(y_shape), Tensor::zeros(p_shape));
        }
        let (q, k, v) = (self.contiguous(), k.contiguous(), v.contiguous());
        let (blocks, keep) = (Blocks::new(mask, &p_shape), keep.map(Tensor::contiguous));
        let mut p = Tensor::scratch(p_shape);
        let y = Tensor::build(y_shape, |y| {
            let units = [queries * values, queries * keys];
            split_pairs([y, p.as_mut_slice()], units, sizes.work(), |heads, y, p| {
                let mut kept = Vec::new();
                for (head, (y, mut p)) in
                    heads.zip(y.chunks_exact_mut(units[0]).zip(p.chunks_exact_mut(units[1])))
                {
                    let q = &q.values()[head * queries * width..][..queries * width];
                    let k = &k.values()[head * keys * width..][..keys * width];
                    let v = &v.values()[head * keys * values..][..keys * values];
                    for block in blocks.of(head) {
                        let (count, seen) = (block.queries.len(), block.seen);
                        let weights = p.split_off_mut(..count * seen).expect("as many weights as pairs");
                        let q = &q[block.queries.start * width..];
                        gemm(
                            count,
                            seen,
                            width,
                            rows(q, width),
                            columns(k, width),
                            weights,
                            Store::Overwrite,
                        );
                        softmax_rows(weights, &block, scale);
                        let weights = match &keep {
                            None => &*weights,
                            Some(keep) => {
                                kept.clear();
                                kept.extend(
                                    weights.iter().zip(block.pairs(keep, head)).map(|(&p, keep)| p * keep),
                                );
                                &kept
                            }
                        };
                        let y = &mut y[block.queries.start * values..][..count * values];
                        gemm(count, values, seen, rows(weights, seen), rows(v, values), y, Store::Overwrite);
                    }
                }
            });
        });
        (y, p)
    }

    /// The gradients of [`attention`](Self::attention) by `q`, `k` and `v`, from this gradient by its output and the weights `p` that it gave.
    ///
    /// # Panics
    /// If the shapes are not those of the forward pass.
    #[doc(hidden)]
    #[track_caller]
    #[must_use]
    pub fn attention_grad(
        &self,
        [q, k, v]: [&Tensor<T>; 3],
        p: &Tensor<T>,
        mask: Option<&Tensor<bool>>,
        keep: Option<&Tensor<T>>,
        scale: T,
    ) -> [Tensor<T>; 3] {
        let (sizes, [y_shape, p_shape]) = check(q, k, v, mask, keep);
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
        let (blocks, keep) = (Blocks::new(mask, &p_shape), keep.map(Tensor::contiguous));
        let (ends, unit) =
            ([queries * width, (queries + keys) * width], (queries + keys) * width + keys * values);
        // The three gradients of each head side by side.
        let all = Tensor::build([heads, unit].into(), |all| {
            split_units(all, unit, 3 * sizes.work(), |heads, all| {
                let mut ds = vec![T::ZERO; queries * keys];
                let mut kept = Vec::new();
                for (head, all) in heads.zip(all.chunks_exact_mut(unit)) {
                    let (dq, rest) = all.split_at_mut(ends[0]);
                    let (dk, dv) = rest.split_at_mut(ends[1] - ends[0]);
                    let mut p = &p.values()[head * queries * keys..][..queries * keys];
                    let dy = &dy.values()[head * queries * values..][..queries * values];
                    let q = &q.values()[head * queries * width..][..queries * width];
                    let k = &k.values()[head * keys * width..][..keys * width];
                    let v = &v.values()[head * keys * values..][..keys * values];
                    let mut store = Store::Overwrite;
                    for block in blocks.of(head) {
                        let (count, seen) = (block.queries.len(), block.seen);
                        let p = p.split_off(..count * seen).expect("as many weights as pairs");
                        let ds = &mut ds[..count * seen];
                        let (q, dy) =
                            (&q[block.queries.start * width..], &dy[block.queries.start * values..]);
                        gemm(count, seen, values, rows(dy, values), columns(v, values), ds, Store::Overwrite);
                        let mut weights = p;
                        if let Some(keep) = &keep {
                            ds.iter_mut().zip(block.pairs(keep, head)).for_each(|(ds, keep)| *ds *= keep);
                            kept.clear();
                            kept.extend(p.iter().zip(block.pairs(keep, head)).map(|(&p, keep)| p * keep));
                            weights = &kept;
                        }
                        softmax_rows_grad(p, seen, scale, ds);
                        let dq = &mut dq[block.queries.start * width..][..count * width];
                        if store == Store::Overwrite {
                            // What the first block does not see, others may.
                            dk[seen * width..].fill(T::ZERO);
                            dv[seen * values..].fill(T::ZERO);
                        }
                        let (dk, dv) = (&mut dk[..seen * width], &mut dv[..seen * values]);
                        gemm(count, width, seen, rows(ds, seen), rows(k, width), dq, Store::Overwrite);
                        gemm(seen, width, count, columns(ds, seen), rows(q, width), dk, store);
                        gemm(seen, values, count, columns(weights, seen), rows(dy, values), dv, store);
                        store = Store::Add;
                    }
                }
            });
        });
        let part = |i: usize, start, len| all.narrow(1, start, len).reshape(shapes[i]);
        [part(0, 0, ends[0]), part(1, ends[0], ends[1] - ends[0]), part(2, ends[1], unit - ends[1])]
    }
}

/// How many queries of a masked head are worked on together, with the keys up to the last that one of them sees. Of a causal mask over 512 keys,
/// 44 % is left out so, and of padding at the end almost all. Smaller blocks leave out more, but their products are slower.
const BLOCK: usize = 64;

/// Rows of weights are multiples of a vector, where they can be.
const LANES: usize = 16;

/// What the queries of each head see.
struct Blocks {
    queries: usize,
    keys: usize,
    mask: Option<Masks>,
}

/// A mask for all heads, in blocks of queries, without a copy for each of several heads that share one.
struct Masks {
    mask: Tensor<bool>,
    batch: usize,
    heads: usize,
    all_heads: usize,
    /// For each block of each mask, the keys up to the last that is seen.
    seen: Vec<usize>,
}

/// Queries of a head, and the keys up to the last that one of them sees.
struct Block<'a> {
    queries: Range<usize>,
    seen: usize,
    keys: usize,
    /// Of all pairs of these queries and the keys, those that are hidden.
    hidden: Option<&'a [bool]>,
}

impl Blocks {
    fn new(mask: Option<&Tensor<bool>>, p: &Shape) -> Self {
        let (queries, keys) = (p[2], p[3]);
        let mask = mask.map(|mask| {
            let mut mask = mask.clone();
            while mask.rank() < 4 {
                mask = mask.unsqueeze(0);
            }
            let (batch, heads) = (mask.shape()[0], mask.shape()[1]);
            let mask = mask.expand([batch, heads, queries, keys]).contiguous();
            let of_row = |row: &[bool]| row.iter().rposition(|&hidden| !hidden).map_or(0, |last| last + 1);
            let of_block = |block: &[bool]| {
                let last = block.chunks_exact(keys).map(of_row).max().unwrap_or(0);
                last.next_multiple_of(LANES).min(keys)
            };
            let of_head = |head: &[bool]| head.chunks(BLOCK * keys).map(of_block).collect::<Vec<_>>();
            let seen = mask.values().chunks_exact(queries * keys).flat_map(of_head).collect();
            Masks { mask, batch, heads, all_heads: p[1], seen }
        });
        Blocks { queries, keys, mask }
    }

    /// The blocks of a head: all queries and keys, if nothing is hidden.
    fn of(&self, head: usize) -> impl Iterator<Item = Block<'_>> {
        let &Blocks { queries, keys, ref mask } = self;
        let height = if mask.is_some() { BLOCK } else { queries };
        (0..queries.div_ceil(height)).map(move |block| {
            let rows = block * height..queries.min((block + 1) * height);
            let (seen, hidden) = match mask {
                None => (keys, None),
                Some(masks) => {
                    let (batch, head) =
                        ((head / masks.all_heads) % masks.batch, (head % masks.all_heads) % masks.heads);
                    let head = batch * masks.heads + head;
                    let hidden =
                        &masks.mask.values()[(head * queries + rows.start) * keys..][..rows.len() * keys];
                    (masks.seen[head * queries.div_ceil(height) + block], Some(hidden))
                }
            };
            Block { queries: rows, seen, keys, hidden }
        })
    }
}

impl Block<'_> {
    /// What `all`, in the shape of the weights, holds for the pairs of this block.
    fn pairs<'t, T: Float>(&self, all: &'t Tensor<T>, head: usize) -> impl Iterator<Item = T> + 't {
        let (keys, seen) = (self.keys, self.seen);
        let queries = all.shape()[2];
        let rows = &all.values()[(head * queries + self.queries.start) * keys..][..self.queries.len() * keys];
        rows.chunks_exact(keys).flat_map(move |row| &row[..seen]).copied()
    }
}

/// The scores of a block to weights, in place. Some rows take each step together: while one waits for its sum, others go on.
fn softmax_rows<T: Float>(p: &mut [T], block: &Block<'_>, scale: T) {
    let &Block { keys, seen, hidden, .. } = block;
    if seen == 0 {
        return;
    }
    dispatch(
        #[inline(always)]
        || {
            if let Some(hidden) = hidden {
                for (p, hidden) in p.chunks_exact_mut(seen).zip(hidden.chunks_exact(keys)) {
                    let hide = |p: T, hidden| if hidden { T::neg_infinity() } else { p };
                    p.iter_mut().zip(hidden).for_each(|(p, &hidden)| *p = hide(*p, hidden));
                }
            }
            for rows in p.chunks_mut(BLOCK * seen) {
                let mut largest = [T::ZERO; BLOCK];
                for (max, p) in largest.iter_mut().zip(rows.chunks_exact(seen)) {
                    *max = bounded(reduce::max_slice(p));
                }
                for (&max, p) in largest.iter().zip(rows.chunks_exact_mut(seen)) {
                    p.iter_mut().for_each(|p| *p = Math::exp_below((*p - max) * scale));
                }
                for p in rows.chunks_exact_mut(seen) {
                    let sum = reduce::sum_slice(p, &|p| p);
                    // A sum of 0 is that of a query that sees nothing.
                    let share = if sum == T::ZERO && hidden.is_some() { T::ZERO } else { T::ONE / sum };
                    p.iter_mut().for_each(|p| *p *= share);
                }
            }
        },
    );
}

/// From the gradient by weights to that by scores, in place: `ds = p (ds - Σ p ds) scale`.
fn softmax_rows_grad<T: Float>(p: &[T], seen: usize, scale: T, ds: &mut [T]) {
    if seen == 0 {
        return;
    }
    dispatch(
        #[inline(always)]
        || {
            for (p, ds) in p.chunks(BLOCK * seen).zip(ds.chunks_mut(BLOCK * seen)) {
                let mut along = [T::ZERO; BLOCK];
                for (along, (p, ds)) in along.iter_mut().zip(p.chunks_exact(seen).zip(ds.chunks_exact(seen)))
                {
                    *along = reduce::sum_zip(p, ds, &|p, ds| p * ds);
                }
                for (&along, (p, ds)) in along.iter().zip(p.chunks_exact(seen).zip(ds.chunks_exact_mut(seen)))
                {
                    ds.iter_mut().zip(p).for_each(|(ds, &p)| *ds = p * (*ds - along) * scale);
                }
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
                let [dq, dk, dv] = dy.attention_grad([&q, &k, &v], &p, Some(&mask), None, 0.3);
                [y, p, dq, dk, dv]
            })
        };
        let one = run(1);
        assert!((&one[0] - &want).iter().all(|d| d.abs() < 1e-5));
        assert!([2, 3, 8].into_iter().all(|threads| run(threads) == one));
    }

    #[test]
    fn masks_of_all_kinds_with_dropout() {
        let rng = &mut Rng::new(1);
        let [q, k] = [70, 61].map(|length| Tensor::<f64>::randn([3, 2, length, 8], rng));
        let v = Tensor::<f64>::randn([3, 2, 61, 5], rng);
        let dy = Tensor::<f64>::randn([3, 2, 70, 5], rng);
        let keep = Tensor::bernoulli([3, 2, 70, 61], 0.8, rng).map(|keep| if keep { 1.25 } else { 0.0 });
        let none = keep.ones_like();
        let causal = Tensor::from_fn([70, 61], |i| i % 61 > i / 61);
        let lengths = Tensor::from_fn([3, 1, 1, 61], |i| i % 61 >= [61, 30, 1][i / 61]);
        let any = Tensor::bernoulli([3, 2, 70, 61], 0.6, rng);
        // The second block of queries sees nothing, and the third less than the first.
        let gaps = Tensor::from_fn([1, 2, 70, 61], |i| {
            (28..56).contains(&(i / 61 % 70)) || i % 61 + i / 61 % 70 > 60
        });
        for mask in [causal, lengths, any, gaps] {
            for keep in [None, Some(&keep)] {
                let (y, p) = q.attention(&k, &v, Some(&mask), keep, 0.3);
                let grads = dy.attention_grad([&q, &k, &v], &p, Some(&mask), keep, 0.3);
                let hidden = mask.expand([3, 2, 70, 61]);
                let scores = (q.matmul(&k.t()) * 0.3)
                    .zip(&hidden, |s, hidden| if hidden { f64::NEG_INFINITY } else { s });
                let weights = scores.softmax().map(|p| if p.is_nan() { 0.0 } else { p });
                let keep = keep.unwrap_or(&none);
                let by_weights = dy.matmul(&v.t()) * keep;
                let along = (&weights * &by_weights).sum_keepdim(-1);
                let ds = &weights * &(by_weights - along) * 0.3;
                let want = [ds.matmul(&k), ds.t().matmul(&q), (&weights * keep).t().matmul(&dy)];
                assert!((y - (&weights * keep).matmul(&v)).iter().all(|d| d.abs() < 1e-12));
                for (found, want) in grads.iter().zip(&want) {
                    assert!((found - want).iter().all(|d| d.abs() < 1e-12));
                }
            }
        }
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
