//! Pooling over windows of planes.

use super::simd::dispatch;
use crate::parallel::split_units;
use crate::{Float, Number};

/// The sizes of one pooling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolGeometry {
    /// Height and width of an input plane.
    pub input: [usize; 2],
    /// Height and width of an output plane.
    pub output: [usize; 2],
    /// Height and width of a window.
    pub kernel: [usize; 2],
    /// Step between windows, down and right.
    pub stride: [usize; 2],
    /// Places added on each side, above-and-below and left-and-right.
    pub padding: [usize; 2],
}

impl PoolGeometry {
    fn areas(&self) -> [usize; 2] {
        [self.input[0] * self.input[1], self.output[0] * self.output[1]]
    }

    /// The part inside the input of window `at` along axis `d`.
    fn window(&self, d: usize, at: usize) -> std::ops::Range<usize> {
        let start = at * self.stride[d];
        let end = (start + self.kernel[d]).saturating_sub(self.padding[d]);
        start.saturating_sub(self.padding[d])..end.min(self.input[d])
    }
}

/// The largest element of each window. With `index`, also its place in the input plane; the first of several wins, and a NaN wins over all.
pub fn max<T: Float>(g: &PoolGeometry, x: &[T], y: &mut [T], index: &mut [i32]) {
    let [area_in, area_out] = g.areas();
    // Values and places are written side by side, so the planes are split by hand over the values.
    let index = SendPtr(index.as_mut_ptr(), index.len());
    split_units(y, area_out, x.len(), |planes, y| {
        for (plane, y) in planes.zip(y.chunks_exact_mut(area_out.max(1))) {
            let x = &x[plane * area_in..][..area_in];
            // SAFETY: every plane is visited once, so its part of `index` is borrowed once.
            let index = unsafe { index.part(plane * area_out, area_out) };
            if (g.kernel, g.stride, g.padding) == ([2, 2], [2, 2], [0, 0]) {
                dispatch(
                    #[inline(always)]
                    || max_2x2(g, x, y, index),
                );
            } else {
                max_of_plane(g, x, y, index);
            }
        }
    });
}

/// A slice of which several threads write different parts.
struct SendPtr(*mut i32, usize);
// SAFETY: the parts that `part` gives out do not overlap, as its caller promises.
unsafe impl Sync for SendPtr {}

impl SendPtr {
    /// # Safety
    /// No two parts that are alive at the same time may overlap.
    #[allow(clippy::mut_from_ref)]
    unsafe fn part(&self, start: usize, len: usize) -> &mut [i32] {
        assert!(start + len <= self.1, "a part lies inside the whole");
        // SAFETY: inside the slice, as asserted, and not borrowed elsewhere, as promised.
        unsafe { std::slice::from_raw_parts_mut(self.0.add(start), len) }
    }
}

fn max_of_plane<T: Float>(g: &PoolGeometry, x: &[T], y: &mut [T], index: &mut [i32]) {
    for (at, (y, index)) in y.iter_mut().zip(index).enumerate() {
        let (mut best, mut place) = (T::neg_infinity(), None);
        for row in g.window(0, at / g.output[1]) {
            for column in g.window(1, at % g.output[1]) {
                let here = row * g.input[1] + column;
                if place.is_none() || x[here] > best || x[here].is_nan() {
                    (best, place) = (x[here], Some(here));
                }
            }
        }
        (*y, *index) = (best, place.unwrap_or(0) as i32);
    }
}

/// [`max_of_plane`] for windows of 2 by 2 that touch, without branches.
#[inline(always)]
fn max_2x2<T: Float>(g: &PoolGeometry, x: &[T], y: &mut [T], index: &mut [i32]) {
    let width = g.input[1];
    let rows = y.chunks_exact_mut(g.output[1]).zip(index.chunks_exact_mut(g.output[1]));
    for (i, (y, index)) in rows.enumerate() {
        let start = 2 * i * width;
        let (above, below) = x[start..start + 2 * width].split_at(width);
        let windows = above.as_chunks::<2>().0.iter().zip(below.as_chunks::<2>().0);
        for (j, ((y, index), (&[a, b], &[c, d]))) in y.iter_mut().zip(index).zip(windows).enumerate() {
            let better = |x: T, best: T| x > best || x.is_nan();
            let (mut best, mut place) = (a, 0);
            (best, place) = if better(b, best) { (b, 1) } else { (best, place) };
            (best, place) = if better(c, best) { (c, width) } else { (best, place) };
            (best, place) = if better(d, best) { (d, width + 1) } else { (best, place) };
            (*y, *index) = (best, (start + 2 * j + place) as i32);
        }
    }
}

/// `dx[index[q]] += dy[q]` in each plane; `dx` is overwritten.
pub fn scatter<T: Number>(areas: [usize; 2], dy: &[T], index: &[i32], dx: &mut [T]) {
    let [area_in, area_out] = areas;
    split_units(dx, area_in, dx.len(), |planes, dx| {
        for (plane, dx) in planes.zip(dx.chunks_exact_mut(area_in.max(1))) {
            dx.fill(T::ZERO);
            let from = plane * area_out..(plane + 1) * area_out;
            for (&dy, &place) in dy[from.clone()].iter().zip(&index[from]) {
                let dx = &mut dx[place as usize];
                *dx = dx.plus(dy);
            }
        }
    });
}

/// `y[q] = x[index[q]]` in each plane.
pub fn gather<T: Number>(areas: [usize; 2], x: &[T], index: &[i32], y: &mut [T]) {
    let [area_in, area_out] = areas;
    split_units(y, area_out, y.len(), |planes, y| {
        for (plane, y) in planes.zip(y.chunks_exact_mut(area_out.max(1))) {
            let (x, index) = (&x[plane * area_in..][..area_in], &index[plane * area_out..][..area_out]);
            y.iter_mut().zip(index).for_each(|(y, &place)| *y = x[place as usize]);
        }
    });
}

/// The mean of each window, counting places outside the input as zeros.
pub fn mean<T: Float>(g: &PoolGeometry, x: &[T], y: &mut [T]) {
    let [area_in, area_out] = g.areas();
    let scale = T::ONE / T::of((g.kernel[0] * g.kernel[1]) as f64);
    split_units(y, area_out, x.len(), |planes, y| {
        for (plane, y) in planes.zip(y.chunks_exact_mut(area_out.max(1))) {
            let x = &x[plane * area_in..][..area_in];
            for (at, y) in y.iter_mut().enumerate() {
                let mut sum = T::ZERO;
                for row in g.window(0, at / g.output[1]) {
                    for column in g.window(1, at % g.output[1]) {
                        sum += x[row * g.input[1] + column];
                    }
                }
                *y = sum * scale;
            }
        }
    });
}

/// The transpose of [`mean`]: each element of `dy` is spread over its window. `dx` is overwritten.
pub fn spread<T: Float>(g: &PoolGeometry, dy: &[T], dx: &mut [T]) {
    let [area_in, area_out] = g.areas();
    let scale = T::ONE / T::of((g.kernel[0] * g.kernel[1]) as f64);
    split_units(dx, area_in, dx.len(), |planes, dx| {
        for (plane, dx) in planes.zip(dx.chunks_exact_mut(area_in.max(1))) {
            dx.fill(T::ZERO);
            for (at, &dy) in dy[plane * area_out..][..area_out].iter().enumerate() {
                for row in g.window(0, at / g.output[1]) {
                    for column in g.window(1, at % g.output[1]) {
                        dx[row * g.input[1] + column] += dy * scale;
                    }
                }
            }
        }
    });
}
