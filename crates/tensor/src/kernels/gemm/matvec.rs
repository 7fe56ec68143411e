//! A matrix times one vector.

use super::pack::turn;
use super::{Mat, Target, Vector, block_length};
use crate::Float;
use crate::kernels::simd::VectorKernel;

/// `c[i] (+)= Σ_p a[i, p] x[p]` for a matrix whose rows are in one piece: a layer that sees one sample.
///
/// A tile would multiply each number of the matrix with a vector of which one lane is used. Here 16 rows are turned round in registers, a
/// block of 16 columns at a time, so that all lanes are used; and each sum still runs in the order in which a tile sums.
pub struct MatVec<'a, T> {
    pub rows: usize,
    pub k: usize,
    pub a: Mat<'a, T>,
    /// `x[p]` lies at `p` times the second.
    pub x: (&'a [T], usize),
    /// A column of results.
    pub c: Target<T>,
}

impl<T: Float> VectorKernel<T> for MatVec<'_, T> {
    #[inline(always)]
    fn run<V: Vector<Elem = T>>(self) {
        let MatVec { rows, k, a, x: (x, step), c } = self;
        let lanes = V::LANES;
        let length = block_length(k);
        for i in (0..rows).step_by(lanes) {
            let height = lanes.min(rows - i);
            for first in (0..k).step_by(length) {
                let end = k.min(first + length);
                // SAFETY: rows `i..i + height` and columns `..k` are inside `a`, and `x` has `k` elements, as the caller has checked; the
                // result has `rows` elements. A vector has at most 16 lanes.
                unsafe {
                    let mut sum = V::zero();
                    for p in (first..end).step_by(lanes) {
                        let width = lanes.min(end - p);
                        let from = a.data.as_ptr().add(i * a.row_stride + p);
                        let mut block = [V::zero(); 16];
                        if height == lanes && width == lanes {
                            for r in 0..lanes {
                                block[r] = V::load(from.add(r * a.row_stride));
                            }
                        } else {
                            for r in 0..height {
                                block[r] = V::load_part(from.add(r * a.row_stride), width);
                            }
                        }
                        let block = turn(block);
                        for q in 0..lanes {
                            if q < width {
                                sum = sum.add_product(V::splat(x[(p + q) * step]), block[q]);
                            }
                        }
                    }
                    let mut sums = [T::ZERO; 16];
                    sum.store(sums.as_mut_ptr());
                    for (r, &sum) in sums.iter().enumerate().take(height) {
                        let to = c.base.add((i + r) * c.row_stride);
                        *to = if c.add || first > 0 { *to + sum } else { sum };
                    }
                }
            }
        }
    }
}
