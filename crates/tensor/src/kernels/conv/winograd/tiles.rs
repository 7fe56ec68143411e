//! The memory layout of transformed tiles and kernels, and the two-dimensional transforms.

use std::mem::MaybeUninit;

use super::maps::Map;
use crate::kernels::gemm::Vector;

/// The layout of the matrices at the points, or the position of some consecutive rows in each of them.
#[derive(Clone)]
pub struct Matrices {
    /// Points along an axis.
    pub points: usize,
    /// The distance from one row of a matrix to the next.
    pub width: usize,
    /// Where the matrix of each point begins.
    pub starts: Vec<usize>,
}

impl Matrices {
    /// Matrices with the same number of rows at all points, and the end of the last one.
    pub fn equal<V: Vector>(points: usize, rows: usize, width: usize) -> (Matrices, usize) {
        let all = points * points;
        // A little more than needed: matrices at multiples of 4 KiB would compete for the same sets of the first-level cache.
        let pitch = rows * width + V::LANES;
        (Matrices { points, width, starts: (0..all).map(|point| point * pitch).collect() }, all * pitch)
    }

    /// Where the row begins at the point `(y, x)`.
    ///
    /// # Safety
    /// There must be such a point.
    #[inline(always)]
    unsafe fn at(&self, y: usize, x: usize) -> usize {
        // SAFETY: as promised by the caller.
        unsafe { *self.starts.get_unchecked(self.points * y + x) }
    }
}

/// How the elements of small squares lie in memory, channels last.
#[derive(Clone, Copy)]
pub struct Squares {
    /// The distance from one square to the next.
    pub step: usize,
    /// The distance from one line of a square to the next.
    pub line: usize,
    /// The distance from one element of a line to the next.
    pub element: usize,
    /// The number of channels, in whole vectors.
    pub channels: usize,
}

impl Squares {
    /// The number of elements from the first one of `count` squares of `h` by `w` to the last.
    fn reach(&self, count: usize, [h, w]: [usize; 2]) -> usize {
        (count - 1) * self.step + (h - 1) * self.line + (w - 1) * self.element + self.channels
    }
}

/// `F` along both axes of `count` squares of `H x W`, whose results at the points go to rows of `to` from `row` on, and `column` on.
///
/// # Safety
/// The instructions of `V` must be there. `squares` must lie inside `from`, and their channels inside the panels.
#[inline(always)]
pub unsafe fn to_points<V, F, const H: usize, const DOWN: usize, const W: usize, const ACROSS: usize>(
    count: usize,
    (from, squares): (&[f32], Squares),
    (to, matrices): (&mut [f32], &Matrices),
    [row, column]: [usize; 2],
) where
    V: Vector<Elem = f32>,
    F: Map<H, DOWN> + Map<W, ACROSS>,
{
    debug_assert!(from.len() >= squares.reach(count, [H, W]));
    for i in 0..count {
        for c in (0..squares.channels).step_by(V::LANES) {
            // SAFETY: as promised by the caller.
            unsafe {
                let from = from.as_ptr().add(i * squares.step + c);
                let to = to.as_mut_ptr().add((row + i) * matrices.width + column + c);
                both_axes::<V, F, H, DOWN, W, ACROSS>(
                    #[inline(always)]
                    |y, x| V::load(from.add(y * squares.line + x * squares.element)),
                    #[inline(always)]
                    |y, x, v| v.store(to.add(matrices.at(y, x))),
                );
            }
        }
    }
}

/// The way back: `F` along both axes of the points in rows from `row` on, plus `bias`, to squares of `H x W`, the last one first.
///
/// # Safety
/// As for [`to_points`]; `bias` must have as many elements as there are channels.
#[inline(always)]
pub unsafe fn from_points<V, F, const DOWN: usize, const H: usize, const ACROSS: usize, const W: usize>(
    count: usize,
    (from, matrices): (&[f32], &Matrices),
    row: usize,
    bias: &[f32],
    (to, squares): (&mut [f32], Squares),
) where
    V: Vector<Elem = f32>,
    F: Map<DOWN, H> + Map<ACROSS, W>,
{
    debug_assert!(to.len() >= squares.reach(count, [H, W]));
    debug_assert!(bias.len() >= squares.channels);
    for i in (0..count).rev() {
        for c in (0..squares.channels).step_by(V::LANES) {
            // SAFETY: as promised by the caller.
            unsafe {
                let from = from.as_ptr().add((row + i) * matrices.width + c);
                let to = to.as_mut_ptr().add(i * squares.step + c);
                let bias = V::load(bias.as_ptr().add(c));
                both_axes::<V, F, DOWN, H, ACROSS, W>(
                    #[inline(always)]
                    |y, x| V::load(from.add(matrices.at(y, x))),
                    #[inline(always)]
                    |y, x, v| v.add(bias).store(to.add(y * squares.line + x * squares.element)),
                );
            }
        }
    }
}

/// `F` of the columns of `from`, then of the rows of what comes out, whose elements go to `to`.
#[inline(always)]
unsafe fn both_axes<V, F, const H: usize, const DOWN: usize, const W: usize, const ACROSS: usize>(
    from: impl Fn(usize, usize) -> V,
    to: impl Fn(usize, usize, V),
) where
    V: Vector<Elem = f32>,
    F: Map<H, DOWN> + Map<W, ACROSS>,
{
    // SAFETY: the caller has the instructions of `V`.
    unsafe {
        // Zeros to begin with would be written to memory.
        let mut half = MaybeUninit::<[[V; W]; DOWN]>::uninit();
        let half = half.as_mut_ptr().cast::<[V; W]>();
        for x in 0..W {
            let mut column = [V::zero(); H];
            for y in 0..H {
                column[y] = from(y, x);
            }
            let column: [V; DOWN] = F::of(column);
            for y in 0..DOWN {
                half.add(y).cast::<V>().add(x).write(column[y]);
            }
        }
        for y in 0..DOWN {
            let row: [V; ACROSS] = F::of(half.add(y).read());
            for x in 0..ACROSS {
                to(y, x, row[x]);
            }
        }
    }
}
