//! Sums and folds along one axis of a contiguous block `[outer, n, inner]`.
//!
//! A sum is a fixed tree: blocks of [`BLOCK`] numbers are added in [`LANES`] interleaved lanes (fewer than [`LANES`] numbers in order), and
//! blocks are added pairwise. The tree depends on the number of summands alone, never on threads or instruction set, and its rounding error
//! grows like log n instead of n (Higham, *Accuracy and Stability of Numerical Algorithms*, §4.2).

use std::hint::black_box;
use std::ops::Range;

use super::simd::{Aligned, dispatch};
use crate::parallel::{WORTH_SPLITTING, for_parts, map_parts, split_units, threads_for};
use crate::{Float, Number};

/// Summands that are added without a tree.
const BLOCK: usize = 1024;
/// Running sums in a block: enough independent additions to hide their latency with the widest vectors.
const LANES: usize = 64;
/// Rows of which sums are added up one after another, four rows at a time, where whole rows are summed.
const ROWS: usize = 32;
/// Columns of a strip: the sums of one stay in the first-level cache, and the parts of rows are long enough to be fetched ahead.
const STRIP: usize = 1024;

/// `out[o, i] = Σ_j f(x[o, j, i])` for `x: [outer, n, inner]`.
pub fn sum<T: Number, U: Number>(
    x: &[T],
    [outer, n, inner]: [usize; 3],
    out: &mut [U],
    f: impl Fn(T) -> U + Sync,
) {
    debug_assert_eq!((x.len(), out.len()), (outer * n * inner, outer * inner));
    if inner == 1 && n >= WORTH_SPLITTING {
        for (x, out) in x.chunks_exact(n).zip(out) {
            *out = total(x, |sum: U, v| sum.plus(f(v)));
        }
        return;
    }
    if inner == 1 {
        split_units(out, 1, x.len(), |range, out| {
            dispatch(
                #[inline(always)]
                || {
                    for (row, out) in range.clone().zip(&mut *out) {
                        *out = sum_slice(&x[row * n..][..n], &f);
                    }
                },
            );
        });
        return;
    }
    // Rows are summed in strips of columns, each by a tree of its own.
    for (o, out) in out.chunks_exact_mut(inner.max(1)).enumerate() {
        let x = &x[o * n * inner..][..n * inner];
        if inner <= STRIP {
            sum_rows(Columns { x, width: inner, first: 0 }, 0..n, out, threads_for(x.len()), &f);
            continue;
        }
        split_units(out, 1, x.len(), |columns, out| {
            for (i, strip) in out.chunks_mut(STRIP).enumerate() {
                let columns = Columns { x, width: inner, first: columns.start + i * STRIP };
                sum_rows(columns, 0..n, strip, 1, &f);
            }
        });
    }
}

/// Summands of a piece of a long sum that may be split over threads.
const PIECE: usize = 16 * BLOCK;

/// A sum over a slice on several threads, if there are many numbers: pieces of a fixed length are summed, then their sums. `add`
/// adds the term of a number to a sum.
pub fn total<T: Number, U: Number>(x: &[T], add: impl Fn(U, T) -> U + Sync) -> U {
    if x.len() <= PIECE {
        return dispatch(
            #[inline(always)]
            || add_slice(x, &add),
        );
    }
    let mut sums = vec![U::ZERO; x.len().div_ceil(PIECE)];
    split_units(&mut sums, 1, x.len(), |range, sums| {
        dispatch(
            #[inline(always)]
            || {
                for (piece, sum) in range.clone().zip(&mut *sums) {
                    *sum = add_slice(&x[piece * PIECE..x.len().min((piece + 1) * PIECE)], &add);
                }
            },
        );
    });
    // A piece is a power of two of blocks: this is the tree that one thread would have walked.
    pairwise(sums.len(), |piece| sums[piece])
}

/// `x[i] += y[i]`, and [`total`] of what `x` is then, in one pass over memory: a block is summed while it is in the first-level cache.
pub fn add_total<T: Number, U: Number>(x: &mut [T], y: &[T], add: impl Fn(U, T) -> U + Sync) -> U {
    let piece = |x: &mut [T], y: &[T]| {
        dispatch(
            #[inline(always)]
            || {
                pairwise(
                    x.len().div_ceil(BLOCK),
                    #[inline(always)]
                    |block| {
                        let places = block * BLOCK..x.len().min((block + 1) * BLOCK);
                        let x = &mut x[places.clone()];
                        x.iter_mut().zip(&y[places]).for_each(|(x, &y)| *x = x.plus(y));
                        sum_block(x, &add)
                    },
                )
            },
        )
    };
    if threads_for(x.len()) <= 1 {
        return piece(x, y);
    }
    let sums: Vec<U> = map_parts(x.chunks_mut(PIECE).zip(y.chunks(PIECE)), |(x, y)| piece(x, y));
    pairwise(sums.len(), |piece| sums[piece])
}

/// `Σ f(x[i])` over a slice, as the tree described above.
#[inline(always)]
pub fn sum_slice<T: Copy, U: Number>(x: &[T], f: &impl Fn(T) -> U) -> U {
    add_slice(
        x,
        #[inline(always)]
        |sum: U, v| sum.plus(f(v)),
    )
}

/// The same tree, where `add` adds the term of a number to a sum.
#[inline(always)]
fn add_slice<T: Copy, U: Number>(x: &[T], add: impl Fn(U, T) -> U) -> U {
    if x.len() <= BLOCK {
        return sum_block(x, &add);
    }
    pairwise(
        x.len().div_ceil(BLOCK),
        #[inline(always)]
        |block| sum_block(block_of(x, block), &add),
    )
}

/// `Σ f(a[i], b[i])` over two slices of one length, as the same tree.
#[inline(always)]
pub fn sum_zip<A: Copy, B: Copy, U: Number>(a: &[A], b: &[B], f: &impl Fn(A, B) -> U) -> U {
    if a.len() <= BLOCK {
        return zip_block(a, b, f);
    }
    pairwise(
        a.len().div_ceil(BLOCK),
        #[inline(always)]
        |block| zip_block(block_of(a, block), block_of(b, block), f),
    )
}

#[inline(always)]
fn block_of<T>(x: &[T], block: usize) -> &[T] {
    &x[block * BLOCK..x.len().min((block + 1) * BLOCK)]
}

/// The sum of the sums of blocks, pairwise without recursion: one partial sum per level of a binary counter.
///
/// (The blocks come by number and not from an iterator, whose `next` would be a function of its own and miss the instruction set.)
#[inline(always)]
fn pairwise<U: Number>(blocks: usize, mut sum_of: impl FnMut(usize) -> U) -> U {
    let mut levels = [U::ZERO; usize::BITS as usize];
    for block in 0..blocks {
        let mut sum = sum_of(block);
        let mut level = 0;
        while block >> level & 1 == 1 {
            sum = levels[level].plus(sum);
            level += 1;
        }
        levels[level] = sum;
    }
    let mut total: Option<U> = None;
    for (level, &sum) in levels.iter().enumerate() {
        if blocks >> level & 1 == 1 {
            total = Some(total.map_or(sum, |t| sum.plus(t)));
        }
    }
    total.unwrap_or(U::ZERO)
}

#[inline(always)]
fn sum_block<T: Copy, U: Number>(x: &[T], add: &impl Fn(U, T) -> U) -> U {
    if x.len() < LANES {
        return x.iter().fold(U::ZERO, |sum, &v| add(sum, v));
    }
    let (chunks, rest) = x.as_chunks::<LANES>();
    let mut lanes = sum_chunks(
        chunks.len(),
        #[inline(always)]
        |sum: U, chunk, lane| add(sum, chunks[chunk][lane]),
    );
    for (lane, &v) in lanes.iter_mut().zip(rest) {
        *lane = add(*lane, v);
    }
    sum_lanes(lanes)
}

#[inline(always)]
fn zip_block<A: Copy, B: Copy, U: Number>(a: &[A], b: &[B], f: &impl Fn(A, B) -> U) -> U {
    if a.len() < LANES {
        return a.iter().zip(b).fold(U::ZERO, |sum, (&a, &b)| sum.plus(f(a, b)));
    }
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let mut lanes = sum_chunks(
        a.len(),
        #[inline(always)]
        |sum: U, chunk, lane| sum.plus(f(a[chunk][lane], b[chunk][lane])),
    );
    for (lane, (&a, &b)) in lanes.iter_mut().zip(a_rest.iter().zip(b_rest)) {
        *lane = lane.plus(f(a, b));
    }
    sum_lanes(lanes)
}

/// The sum in each lane over chunks: of all lanes at a time, which reads memory in order, or half of them where all do not fit into 16
/// registers of 256 bits and would go through memory.
#[inline(always)]
fn sum_chunks<U: Number>(chunks: usize, add: impl Fn(U, usize, usize) -> U) -> [U; LANES] {
    if size_of::<U>() <= 4 {
        sum_chunks_by::<LANES, U>(chunks, add)
    } else {
        sum_chunks_by::<{ LANES / 2 }, U>(chunks, add)
    }
}

/// [`sum_chunks`], `AT_ONCE` lanes at a time.
#[inline(always)]
fn sum_chunks_by<const AT_ONCE: usize, U: Number>(
    chunks: usize,
    add: impl Fn(U, usize, usize) -> U,
) -> [U; LANES] {
    let mut lanes = [U::ZERO; LANES];
    for (part, lanes) in lanes.chunks_exact_mut(AT_ONCE).enumerate() {
        let mut sums = [U::ZERO; AT_ONCE];
        for chunk in 0..chunks {
            for l in 0..AT_ONCE {
                sums[l] = add(sums[l], chunk, part * AT_ONCE + l);
            }
        }
        lanes.copy_from_slice(&sums);
    }
    lanes
}

/// The sum of all lanes.
#[inline(always)]
fn sum_lanes<U: Number>(lanes: [U; LANES]) -> U {
    fold_lanes(
        lanes,
        #[inline(always)]
        |a, b| a.plus(b),
    )
}

/// All lanes as one: the halves, then the halves of what comes out, and so on. (They go through a [`black_box`], and again when they fill one
/// vector: the compiler plans its vectors backwards from the last step, of two numbers, and would make all of them that narrow.)
#[inline(always)]
fn fold_lanes<U: Copy, const N: usize>(lanes: [U; N], f: impl Fn(U, U) -> U) -> U {
    const VECTOR: usize = 16;
    let Aligned(mut lanes) = black_box(Aligned(lanes));
    let mut width = N / 2;
    while width >= VECTOR {
        for l in 0..width {
            lanes[l] = f(lanes[l], lanes[l + width]);
        }
        width /= 2;
    }
    let mut last = [lanes[0]; VECTOR];
    last.copy_from_slice(&lanes[..VECTOR]);
    let Aligned(mut last) = black_box(Aligned(last));
    while width > 0 {
        for l in 0..width {
            last[l] = f(last[l], last[l + width]);
        }
        width /= 2;
    }
    last[0]
}

/// Rows of which some columns are summed, from `first` on.
#[derive(Clone, Copy)]
struct Columns<'a, T> {
    x: &'a [T],
    width: usize,
    first: usize,
}

impl<'a, T: Copy> Columns<'a, T> {
    /// `n` columns of a row.
    #[inline(always)]
    fn row(self, row: usize, n: usize) -> &'a [T] {
        &self.x[row * self.width + self.first..][..n]
    }
}

/// `out[c] = Σ over rows of f(x[row, first + c])`, rows halved until few are left; the halves on several threads.
fn sum_rows<T: Number, U: Number>(
    columns: Columns<T>,
    rows: Range<usize>,
    out: &mut [U],
    threads: usize,
    f: &(impl Fn(T) -> U + Sync),
) {
    if rows.len() <= ROWS {
        return dispatch(
            #[inline(always)]
            || sum_few_rows(columns, rows.clone(), out, f),
        );
    }
    let middle = rows.start + (rows.len() / 2).next_multiple_of(4);
    let mut right = [U::ZERO; STRIP];
    let right = &mut right[..out.len()];
    let (top, bottom) = (rows.start..middle, middle..rows.end);
    if threads > 1 {
        for_parts([(top, &mut *out), (bottom, &mut *right)], |(rows, out)| {
            sum_rows(columns, rows, out, threads.div_ceil(2), f);
        });
    } else {
        sum_rows(columns, top, out, 1, f);
        sum_rows(columns, bottom, right, 1, f);
    }
    dispatch(
        #[inline(always)]
        || out.iter_mut().zip(&*right).for_each(|(o, &r)| *o = o.plus(r)),
    );
}

/// The same, four rows at a time.
#[inline(always)]
fn sum_few_rows<T: Number, U: Number>(
    columns: Columns<T>,
    rows: Range<usize>,
    out: &mut [U],
    f: &impl Fn(T) -> U,
) {
    out.fill(U::ZERO);
    let whole = rows.start + rows.len() / 4 * 4;
    for at in (rows.start..whole).step_by(4) {
        let n = out.len();
        let [a, b, c, d] =
            [columns.row(at, n), columns.row(at + 1, n), columns.row(at + 2, n), columns.row(at + 3, n)];
        for i in 0..n {
            out[i] = out[i].plus(f(a[i]).plus(f(b[i])).plus(f(c[i]).plus(f(d[i]))));
        }
    }
    for at in whole..rows.end {
        out.iter_mut()
            .zip(&columns.x[at * columns.width + columns.first..])
            .for_each(|(o, &v)| *o = o.plus(f(v)));
    }
}

/// The larger of two numbers, the first if the second is NaN.
#[inline(always)]
fn larger<T: Float>(a: T, b: T) -> T {
    if b > a { b } else { a }
}

/// The largest number of a slice, `-inf` if there is none; NaN does not count.
#[inline(always)]
pub fn max_slice<T: Float>(x: &[T]) -> T {
    const LANES: usize = 32;
    let (chunks, rest) = x.as_chunks::<LANES>();
    let mut lanes = [T::neg_infinity(); LANES];
    for chunk in chunks {
        for l in 0..LANES {
            lanes[l] = larger(lanes[l], chunk[l]);
        }
    }
    for l in 0..rest.len() {
        lanes[l] = larger(lanes[l], rest[l]);
    }
    fold_lanes(
        lanes,
        #[inline(always)]
        |a, b| larger(a, b),
    )
}

/// `out[o, i] = fold of f over x[o, .., i] in order, starting from init`.
pub fn fold<T: Copy + Sync, A: Copy + Send + Sync>(
    x: &[T],
    [outer, n, inner]: [usize; 3],
    out: &mut [A],
    init: A,
    f: impl Fn(A, usize, T) -> A + Sync,
) {
    debug_assert_eq!((x.len(), out.len()), (outer * n * inner, outer * inner));
    split_units(out, inner, x.len(), |range, out| {
        dispatch(
            #[inline(always)]
            || {
                for (o, out) in range.clone().zip(out.chunks_exact_mut(inner.max(1))) {
                    // What becomes one result stays in registers.
                    if let [out] = out {
                        let row = &x[o * n..][..n];
                        *out = row.iter().enumerate().fold(init, |a, (j, &v)| f(a, j, v));
                        continue;
                    }
                    out.fill(init);
                    for j in 0..n {
                        let x = &x[(o * n + j) * inner..][..inner];
                        out.iter_mut().zip(x).for_each(|(a, &v)| *a = f(*a, j, v));
                    }
                }
            },
        );
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integer_sums_are_exact_in_every_arrangement() {
        for n in [0, 1, 2, 15, 16, 17, 63, 64, 65, 1000, 1024, 1025, 5000] {
            for inner in [1, 2, 7, 300] {
                let outer = 3;
                let x: Vec<i64> = (0..(outer * n * inner) as i64).map(|v| v * v % 1009 - 300).collect();
                let mut out = vec![-1; outer * inner];
                sum(&x, [outer, n, inner], &mut out, |v| v);
                for o in 0..outer {
                    for i in 0..inner {
                        let want: i64 = (0..n).map(|j| x[(o * n + j) * inner + i]).sum();
                        assert_eq!(out[o * inner + i], want, "n = {n}, inner = {inner}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_error_of_a_long_sum_stays_small() {
        // 0.1 is not exact in binary: adding it up one by one in f32 is off by 1 % after 4 million terms.
        let x = vec![0.1f32; 1 << 22];
        let exact = f64::from(0.1f32) * (1 << 22) as f64;
        for shape in [[1, 1 << 22, 1], [1, 1 << 20, 4]] {
            let mut out = vec![0.0; shape[2]];
            sum(&x, shape, &mut out, |v| v);
            let share = exact / shape[2] as f64;
            assert!(
                out.iter().all(|&v| (f64::from(v) - share).abs() < 1e-6 * share),
                "{out:?} against {share}"
            );
        }
    }

    #[test]
    fn the_same_bits_for_any_number_of_threads() {
        let x: Vec<f32> = (0..3_000_000).map(|i| (i % 7919) as f32 * 1e-3 - 0.3).collect();
        for shape in [[1, 3_000_000, 1], [3, 1_000_000, 1], [1, 3000, 1000], [3, 1000, 1000]] {
            let run = |threads| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                let mut out = vec![0f32; shape[0] * shape[2]];
                pool.install(|| sum(&x, shape, &mut out, |v| v));
                out.iter().map(|v| v.to_bits()).collect::<Vec<_>>()
            };
            let one = run(1);
            assert!([2, 3, 8].iter().all(|&t| run(t) == one), "{shape:?}");
        }
    }
}
