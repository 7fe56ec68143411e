//! Pooling over windows of planes.

use std::ops::Range;
use std::sync::OnceLock;

use super::reduce::total;
use super::simd::{Kernel, dispatch};
use crate::parallel::split_units;
use crate::{Float, Number};

/// The windows of one pooling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolGeometry {
    /// Height and width of an input plane.
    pub input: [usize; 2],
    /// The rows and the columns of each window, as far as they are inside the input.
    pub windows: [Vec<Range<usize>>; 2],
    /// The number of elements by which the sum of a window is divided for its mean; `None` means those inside the input.
    pub cells: Option<usize>,
    /// Whether the windows are 2 by 2 and touch.
    pub touching_2x2: bool,
}

impl PoolGeometry {
    /// Elements of an input plane and of an output plane.
    fn areas(&self) -> [usize; 2] {
        [self.input[0] * self.input[1], self.windows[0].len() * self.windows[1].len()]
    }

    /// The rows and columns of the window of output `at`.
    fn window(&self, at: usize) -> (Range<usize>, Range<usize>) {
        let [rows, columns] = &self.windows;
        (rows[at / columns.len()].clone(), columns[at % columns.len()].clone())
    }

    /// The factor from the sum of such a window to its mean.
    fn weight<T: Float>(&self, rows: &Range<usize>, columns: &Range<usize>) -> T {
        T::ONE / T::of(self.cells.unwrap_or(rows.len() * columns.len()) as f64)
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
            if g.touching_2x2 {
                dispatch(Max2x2 { g, x, y, index });
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
        let (rows, columns) = g.window(at);
        for row in rows {
            for column in columns.clone() {
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
struct Max2x2<'a, T> {
    g: &'a PoolGeometry,
    x: &'a [T],
    y: &'a mut [T],
    index: &'a mut [i32],
}

impl<T: Float> Kernel for Max2x2<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Max2x2 { g, x, y, index } = self;
        let (width, out_width) = (g.input[1], g.windows[1].len());
        let rows = y.chunks_exact_mut(out_width).zip(index.chunks_exact_mut(out_width));
        for (i, (y, index)) in rows.enumerate() {
            let lines = &x[2 * i * width..][..2 * width];
            let first = (2 * i * width) as i32;
            match out_width {
                8.. => max_of_lines::<T, 8>(lines, first, y, index),
                4.. => max_of_lines::<T, 4>(lines, first, y, index),
                _ => max_of_lines::<T, 1>(lines, first, y, index),
            }
        }
    }
}

/// The windows under two lines, `N` at once; the lines begin at place `first`. What is left at the end is compared together with what comes before it.
#[inline(always)]
fn max_of_lines<T: Float, const N: usize>(lines: &[T], first: i32, y: &mut [T], index: &mut [i32]) {
    let (above, below) = lines.split_at(lines.len() / 2);
    // Places have 32 bits, so that vectors of them have as many lanes as those of elements.
    let next_line = above.len() as i32;
    let mut next = 0;
    while next < y.len() {
        let at = next.min(y.len() - N);
        let (above, below) = (&above[2 * at..][..2 * N], &below[2 * at..][..2 * N]);
        let (mut bests, mut places) = ([T::ZERO; N], [0; N]);
        for j in 0..N {
            let better = |x: T, best: T| (x > best) | x.is_nan();
            let (mut best, mut place) = (above[2 * j], 0);
            for (x, there) in
                [(above[2 * j + 1], 1), (below[2 * j], next_line), (below[2 * j + 1], next_line + 1)]
            {
                (best, place) = if better(x, best) { (x, there) } else { (best, place) };
            }
            bests[j] = best;
            places[j] = first + 2 * (at + j) as i32 + place;
        }
        y[at..at + N].copy_from_slice(&bests);
        index[at..at + N].copy_from_slice(&places);
        next = at + N;
    }
}

/// `dx[index[q]] += dy[q]` in each plane; `dx` is overwritten. Stops at an index that is outside the plane, and returns it.
pub fn scatter<T: Number>(areas: [usize; 2], dy: &[T], index: &[i32], dx: &mut [T]) -> Option<i32> {
    let [area_in, area_out] = areas;
    let outside = OnceLock::new();
    split_units(dx, area_in, dx.len(), |planes, dx| {
        for (plane, dx) in planes.zip(dx.chunks_exact_mut(area_in.max(1))) {
            dx.fill(T::ZERO);
            let from = plane * area_out..(plane + 1) * area_out;
            for (&dy, &place) in dy[from.clone()].iter().zip(&index[from]) {
                let Some(dx) = dx.get_mut(place as usize) else {
                    _ = outside.set(place);
                    return;
                };
                *dx = dx.plus(dy);
            }
        }
    });
    outside.into_inner()
}

/// `y[q] = x[index[q]]` in each plane. Stops at an index that is outside the plane, and returns it.
pub fn gather<T: Number>(areas: [usize; 2], x: &[T], index: &[i32], y: &mut [T]) -> Option<i32> {
    let [area_in, area_out] = areas;
    let outside = OnceLock::new();
    split_units(y, area_out, y.len(), |planes, y| {
        for (plane, y) in planes.zip(y.chunks_exact_mut(area_out.max(1))) {
            let (x, index) = (&x[plane * area_in..][..area_in], &index[plane * area_out..][..area_out]);
            for (y, &place) in y.iter_mut().zip(index) {
                let Some(&x) = x.get(place as usize) else {
                    _ = outside.set(place);
                    return;
                };
                *y = x;
            }
        }
    });
    outside.into_inner()
}

/// The mean of each window.
pub fn mean<T: Float>(g: &PoolGeometry, x: &[T], y: &mut [T]) {
    let [area_in, area_out] = g.areas();
    split_units(y, area_out, x.len(), |planes, y| {
        for (plane, y) in planes.zip(y.chunks_exact_mut(area_out.max(1))) {
            let x = &x[plane * area_in..][..area_in];
            for (rows, y) in g.windows[0].iter().zip(y.chunks_exact_mut(g.windows[1].len())) {
                for (columns, y) in g.windows[1].iter().zip(y) {
                    *y = sum(x, g.input[1], rows, columns) * g.weight(rows, columns);
                }
            }
        }
    });
}

/// Elements of a window that are added one by one.
const FEW: usize = 64;

/// The sum of a window of a plane with lines of such a width.
#[inline(always)]
fn sum<T: Float>(x: &[T], width: usize, rows: &Range<usize>, columns: &Range<usize>) -> T {
    if rows.len() * columns.len() > FEW {
        return sum_of_many(x, width, rows, columns);
    }
    let mut sum = T::ZERO;
    for row in rows.clone() {
        x[row * width..][columns.clone()].iter().for_each(|&x| sum += x);
    }
    sum
}

/// The same by the sums of its halves, down to what lies in one piece of memory and is added up as all sums are.
fn sum_of_many<T: Float>(x: &[T], width: usize, rows: &Range<usize>, columns: &Range<usize>) -> T {
    if rows.len() == 1 || columns.len() == width {
        let last = (rows.end - 1) * width + columns.end;
        return total(&x[rows.start * width + columns.start..last], |sum: T, x| sum + x);
    }
    let middle = rows.start.midpoint(rows.end);
    sum(x, width, &(rows.start..middle), columns) + sum(x, width, &(middle..rows.end), columns)
}

/// The transpose of [`mean`]: each element of `dy` is spread over its window. `dx` is overwritten.
pub fn spread<T: Float>(g: &PoolGeometry, dy: &[T], dx: &mut [T]) {
    let [area_in, area_out] = g.areas();
    let (width, out_width) = (g.input[1], g.windows[1].len());
    split_units(dx, area_in, dx.len(), |planes, dx| {
        // What a line of `dy` adds to each of the lines under its windows: found once, and added to whole lines.
        let mut line = vec![T::ZERO; width];
        for (plane, dx) in planes.zip(dx.chunks_exact_mut(area_in.max(1))) {
            dx.fill(T::ZERO);
            let dy = dy[plane * area_out..][..area_out].chunks_exact(out_width);
            for (rows, dy) in g.windows[0].iter().zip(dy) {
                line.fill(T::ZERO);
                for (columns, &dy) in g.windows[1].iter().zip(dy) {
                    let share = dy * g.weight(rows, columns);
                    line[columns.clone()].iter_mut().for_each(|x| *x += share);
                }
                for dx in dx[rows.start * width..rows.end * width].chunks_exact_mut(width) {
                    dx.iter_mut().zip(&line).for_each(|(dx, &x)| *dx += x);
                }
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_of_any_size_are_summed_whole() {
        let (height, width) = (70, 90);
        let x: Vec<f64> = (0..height * width).map(|i| (i * i % 101) as f64).collect();
        for rows in [0..0, 0..1, 3..4, 5..9, 0..70, 2..69] {
            for columns in [0..0, 0..1, 7..8, 3..19, 1..90, 0..90] {
                let want: f64 = rows
                    .clone()
                    .flat_map(|row| columns.clone().map(move |c| row * width + c))
                    .map(|at| x[at])
                    .sum();
                assert_eq!(sum(&x, width, &rows, &columns), want, "{rows:?}, {columns:?}");
            }
        }
    }

    /// In numbers for which every sum is exact.
    #[test]
    fn spread_is_the_transpose_of_mean() {
        let touching = [vec![0..2, 2..4, 4..6], vec![0..4, 4..8]];
        let overlapping = [vec![0..1, 0..3, 1..4], vec![0..2, 1..5, 2..6, 4..8]];
        let apart = [vec![1..2, 5..6], vec![0..1, 3..4, 7..8]];
        for windows in [touching, overlapping, apart] {
            let g = PoolGeometry { input: [6, 8], windows, cells: Some(4), touching_2x2: false };
            let [area_in, area_out] = g.areas();
            let numbers = |n: usize| (0..2 * n).map(|i| (i * i % 23) as f32 - 11.0).collect::<Vec<_>>();
            let (x, dy) = (numbers(area_in), numbers(area_out));
            let (mut y, mut dx) = (vec![0.0; dy.len()], vec![f32::NAN; x.len()]);
            mean(&g, &x, &mut y);
            spread(&g, &dy, &mut dx);
            let product = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
            assert_eq!(product(&y, &dy), product(&x, &dx), "{g:?}");
        }
    }
}
