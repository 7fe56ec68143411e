//! A matrix times a few vectors.

use super::pack::transposed_block;
use super::{Mat, Out, Vector, block_length, each};
use crate::Float;
use crate::kernels::simd::{Isa, VectorKernel};

/// The most vectors.
const FEW: usize = 8;

/// The most vectors for which this is quicker than a tile. AVX2 has no registers for the sums of more beside a block.
pub fn few(isa: Isa) -> usize {
    if isa == Isa::Avx2 { 4 } else { FEW }
}

/// `c[j, i] (+)= Σ_p a[i, p] x[j, p]` for a matrix whose rows are in one piece, and up to [`FEW`] vectors: a layer that sees a few samples.
///
/// A tile would multiply each number of the matrix with a vector of which few lanes are used. Here 16 rows are transposed in registers, a
/// block of 16 columns at a time, so that all lanes are used; and each sum still runs in the order in which a tile sums. Two blocks are worked off in
/// turn if there are few sums, as each sum waits for its last addition.
pub struct FewVectors<'a, T> {
    /// Rows of `a`.
    pub rows: usize,
    pub k: usize,
    pub a: Mat<'a, T>,
    /// How many vectors `x` has: its rows.
    pub count: usize,
    pub x: Mat<'a, T>,
    /// A row of results for each vector.
    pub c: Out<T>,
    /// Whether to add to what is there.
    pub add: bool,
}

impl<T: Float> VectorKernel<T> for FewVectors<'_, T> {
    #[inline(always)]
    fn run<V: Vector<Elem = T>>(self) {
        match self.count {
            1 => self.sums::<V, 1, 2>(),
            2 => self.sums::<V, 2, 2>(),
            3 | 4 => self.sums::<V, 4, 1>(),
            _ => self.sums::<V, FEW, 1>(),
        }
    }
}

impl<T: Float> FewVectors<'_, T> {
    /// `M` sums in each lane, of which those beyond the last vector are thrown away, and `BLOCKS <= 2` blocks of rows in turn.
    #[inline(always)]
    fn sums<V: Vector<Elem = T>, const M: usize, const BLOCKS: usize>(self) {
        let FewVectors { rows, k, a, count, x, c, add } = self;
        let lanes = V::LANES;
        let length = block_length(k);
        let step = x.col_stride;
        for i in (0..rows).step_by(BLOCKS * lanes) {
            for first in (0..k).step_by(length) {
                let end = k.min(first + length);
                // SAFETY: rows `i..rows` and columns `..k` are inside `a`, and each vector has `k` elements, as the caller has checked; the
                // result has `rows` elements for each.
                unsafe {
                    let mut sums = [[[V::zero()]; M]; BLOCKS];
                    for p in (first..end).step_by(lanes) {
                        let x: [*const T; M] = std::array::from_fn(|j| {
                            x.data.as_ptr().add(j.min(count - 1) * x.row_stride + p * step)
                        });
                        each!(block < BLOCKS, {
                            let row = i + block * lanes;
                            let size = [lanes.min(rows.saturating_sub(row)), lanes.min(end - p)];
                            let from = (a.data.as_ptr().wrapping_add(row * a.row_stride + p), a.row_stride);
                            if size == [lanes, lanes] {
                                add_block::<V, M, true>(&mut sums[block], from, size, x, step);
                            } else if size[0] > 0 {
                                add_block::<V, M, false>(&mut sums[block], from, size, x, step);
                            }
                        });
                    }
                    each!(block < BLOCKS, {
                        let row = i + block * lanes;
                        let height = lanes.min(rows.saturating_sub(row));
                        for (j, [sum]) in sums[block].into_iter().enumerate().take(count) {
                            let to = c.base.wrapping_add(j * c.row_stride + row);
                            let before = add || first > 0;
                            let sum = if before { V::load_part(to, height).add(sum) } else { sum };
                            sum.store_part(to, height);
                        }
                    });
                }
            }
        }
    }
}

/// Adds the products of a block of the matrix, at most `LANES` rows and columns. `WHOLE`: it has as many.
///
/// # Safety
/// The block and the vectors, whose elements lie `step` apart, must have the size that is given, and the instructions of `V` be there.
#[inline(always)]
unsafe fn add_block<V: Vector, const M: usize, const WHOLE: bool>(
    sums: &mut [[V; 1]; M],
    (from, row_stride): (*const V::Elem, usize),
    [height, width]: [usize; 2],
    x: [*const V::Elem; M],
    step: usize,
) {
    let [height, width] = if WHOLE { [V::LANES; 2] } else { [height, width] };
    // SAFETY: as promised by the caller.
    unsafe {
        let block = transposed_block::<V>(from, row_stride, height, width);
        for q in 0..V::LANES {
            if q < width {
                for j in 0..M {
                    V::add_products(&mut sums[j], x[j], q * step, &[block[q]]);
                }
            }
        }
    }
}
