//! Pooling over windows of planes.

use std::ops::Range;

use super::simd::dispatch;
use crate::parallel::split_units;
use crate::{Float, Number};

/// The windows of one pooling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolGeometry {
    /// Height and width of an input plane.
    pub input: [usize; 2],
    /// The rows and the columns of each window, as far as they are inside the input.
    pub windows: [Vec<Range<usize>>; 2],
    /// By how many elements the sum of a window is divided for its mean; `None`: by those that are inside.
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
    fn weight<T: Float>(&self, (rows, columns): &(Range<usize>, Range<usize>)) -> T {
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

/// Windows of a line that are worked on at once: a vector's worth, in arrays, which the compiler turns into vectors.
const BLOCK: usize = 16;

/// [`max_of_plane`] for windows of 2 by 2 that touch, without branches.
#[inline(always)]
fn max_2x2<T: Float>(g: &PoolGeometry, x: &[T], y: &mut [T], index: &mut [i32]) {
    let (width, out_width) = (g.input[1], g.windows[1].len());
    for i in 0..g.windows[0].len() {
        let start = 2 * i * width;
        let (above, below) = x[start..start + 2 * width].split_at(width);
        let y = &mut y[i * out_width..][..out_width];
        let index = &mut index[i * out_width..][..out_width];
        let whole = out_width / BLOCK * BLOCK;
        for j in (0..whole).step_by(BLOCK) {
            let (mut best, mut place) = ([T::ZERO; BLOCK], [0; BLOCK]);
            let above: &[T; 2 * BLOCK] = above[2 * j..][..2 * BLOCK].try_into().expect("a block");
            let below: &[T; 2 * BLOCK] = below[2 * j..][..2 * BLOCK].try_into().expect("a block");
            for k in 0..BLOCK {
                let window = [above[2 * k], above[2 * k + 1], below[2 * k], below[2 * k + 1]];
                (best[k], place[k]) = max_of_four(window, (start + 2 * (j + k)) as i32, width as i32);
            }
            y[j..j + BLOCK].copy_from_slice(&best);
            index[j..j + BLOCK].copy_from_slice(&place);
        }
        for j in whole..out_width {
            let window = [above[2 * j], above[2 * j + 1], below[2 * j], below[2 * j + 1]];
            (y[j], index[j]) = max_of_four(window, (start + 2 * j) as i32, width as i32);
        }
    }
}

/// The largest of a window and its place.
#[inline(always)]
fn max_of_four<T: Float>([a, b, c, d]: [T; 4], start: i32, width: i32) -> (T, i32) {
    let (mut best, mut place) = (a, start);
    for (x, at) in [(b, start + 1), (c, start + width), (d, start + width + 1)] {
        // Not `||`, which would be a branch; and `x != x` is what a NaN is known by.
        #[allow(clippy::eq_op)]
        let better = (x > best) | (x != x);
        (best, place) = (if better { x } else { best }, if better { at } else { place });
    }
    (best, place)
}

/// `dx[index[q]] += dy[q]` in each plane; `dx` is overwritten. Planes are given by height and width.
pub fn scatter<T: Number>(input: [usize; 2], output: [usize; 2], dy: &[T], index: &[i32], dx: &mut [T]) {
    let [area_in, area_out] = [input, output].map(|[h, w]| h * w);
    let touching = output.map(|n| 2 * n) == input;
    split_units(dx, area_in, dx.len(), |planes, dx| {
        for (plane, dx) in planes.zip(dx.chunks_exact_mut(area_in.max(1))) {
            let from = plane * area_out..(plane + 1) * area_out;
            let (dy, index) = (&dy[from.clone()], &index[from]);
            let done = touching
                && dispatch(
                    #[inline(always)]
                    || spread_2x2(output, dy, index, dx),
                );
            if done {
                continue;
            }
            dx.fill(T::ZERO);
            for (&dy, &place) in dy.iter().zip(index) {
                let dx = &mut dx[place as usize];
                *dx = dx.plus(dy);
            }
        }
    });
}

/// [`scatter`] for windows of 2 by 2 that touch, which writes each element once. `false` if a place is not in its window.
#[inline(always)]
fn spread_2x2<T: Number>([height, width]: [usize; 2], dy: &[T], index: &[i32], dx: &mut [T]) -> bool {
    let line = 2 * width;
    let mut inside = true;
    for i in 0..height {
        let (dy, index) = (&dy[i * width..][..width], &index[i * width..][..width]);
        let (above, below) = dx[2 * i * line..][..2 * line].split_at_mut(line);
        for j in 0..width {
            let place = index[j] - (2 * i * line + 2 * j) as i32;
            let here = [0, 1, line as i32, line as i32 + 1].map(|at| place == at);
            let value = |here: bool| if here { dy[j] } else { T::ZERO };
            inside &= here[0] | here[1] | here[2] | here[3];
            (above[2 * j], above[2 * j + 1]) = (value(here[0]), value(here[1]));
            (below[2 * j], below[2 * j + 1]) = (value(here[2]), value(here[3]));
        }
    }
    inside
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

/// The mean of each window.
pub fn mean<T: Float>(g: &PoolGeometry, x: &[T], y: &mut [T]) {
    let [area_in, area_out] = g.areas();
    split_units(y, area_out, x.len(), |planes, y| {
        for (plane, y) in planes.zip(y.chunks_exact_mut(area_out.max(1))) {
            let x = &x[plane * area_in..][..area_in];
            for (at, y) in y.iter_mut().enumerate() {
                let window = g.window(at);
                let mut sum = T::ZERO;
                for row in window.0.clone() {
                    x[row * g.input[1]..][window.1.clone()].iter().for_each(|&x| sum += x);
                }
                *y = sum * g.weight(&window);
            }
        }
    });
}

/// The transpose of [`mean`]: each element of `dy` is spread over its window. `dx` is overwritten.
pub fn spread<T: Float>(g: &PoolGeometry, dy: &[T], dx: &mut [T]) {
    let [area_in, area_out] = g.areas();
    split_units(dx, area_in, dx.len(), |planes, dx| {
        for (plane, dx) in planes.zip(dx.chunks_exact_mut(area_in.max(1))) {
            dx.fill(T::ZERO);
            for (at, &dy) in dy[plane * area_out..][..area_out].iter().enumerate() {
                let window = g.window(at);
                let share = dy * g.weight(&window);
                for row in window.0 {
                    dx[row * g.input[1]..][window.1.clone()].iter_mut().for_each(|dx| *dx += share);
                }
            }
        }
    });
}
