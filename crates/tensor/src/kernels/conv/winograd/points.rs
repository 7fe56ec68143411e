//! How transformed tiles and kernels lie in memory, and the way there and back.

use crate::kernels::gemm::Vector;

/// A matrix for each point, its columns cut into panels: `[panel, point, row, column]`.
#[derive(Clone, Copy)]
pub struct Panels {
    /// Points, along both axes.
    pub points: usize,
    /// Columns of a panel, a multiple of a vector's lanes.
    pub width: usize,
    /// From one point to the next.
    pub pitch: usize,
    /// The number of panels.
    pub count: usize,
}

impl Panels {
    /// For matrices of `rows` and `columns`.
    pub fn new<V: Vector>(points: usize, rows: usize, columns: usize, width: usize) -> Panels {
        // A little more than needed: multiples of 4 KiB would fall on the same places of the first-level cache.
        Panels { points, width, pitch: rows * width + V::LANES, count: columns.div_ceil(width) }
    }

    /// All elements.
    pub fn len(&self) -> usize {
        self.count * self.points * self.pitch
    }

    /// The columns of all panels.
    pub fn columns(&self) -> usize {
        self.count * self.width
    }

    /// The place of the first row of a panel at a point.
    pub fn start(&self, panel: usize, point: usize) -> usize {
        (panel * self.points + point) * self.pitch
    }

    /// The place of an element at point 0.
    #[inline(always)]
    fn place(&self, row: usize, column: usize) -> usize {
        column / self.width * self.points * self.pitch + row * self.width + column % self.width
    }
}

/// How the elements of small squares lie in memory, channels last.
#[derive(Clone, Copy)]
pub struct Squares {
    /// From one square to the next.
    pub step: usize,
    /// From one line of a square to the next.
    pub line: usize,
    /// From one element of a line to the next: the number of channels.
    pub channels: usize,
}

/// `f` along both axes of `N x N` squares, whose results at the points go to rows `row`, `row + 1`, ... of `to`.
///
/// # Safety
/// The instructions of `V` must be there. `squares` must lie inside `from` and, like the panels, have whole vectors of channels.
#[inline(always)]
pub unsafe fn to_points<V: Vector<Elem = f32>, const N: usize, const POINTS: usize>(
    count: usize,
    from: &[f32],
    squares: Squares,
    f: impl Fn([V; N]) -> [V; POINTS],
    to: &mut [f32],
    panels: Panels,
    row: usize,
) {
    debug_assert!(from.len() >= (count - 1) * squares.step + (N - 1) * squares.line + N * squares.channels);
    debug_assert!(to.len() >= panels.len() && (row + count) * panels.width <= panels.pitch);
    for i in 0..count {
        for c in (0..squares.channels).step_by(V::LANES) {
            // SAFETY: as promised by the caller.
            unsafe {
                let from = from.as_ptr().add(i * squares.step + c);
                let to = to.as_mut_ptr().add(panels.place(row + i, c));
                both_axes::<V, N, POINTS>(
                    #[inline(always)]
                    |y, x| V::load(from.add(y * squares.line + x * squares.channels)),
                    &f,
                    #[inline(always)]
                    |y, x, v| v.store(to.add((POINTS * y + x) * panels.pitch)),
                );
            }
        }
    }
}

/// The way back: `f` along both axes of the points of rows `row`, `row + 1`, ..., plus `bias`, to `N x N` squares, the last one first.
///
/// # Safety
/// As for [`to_points`]; `bias` must have as many elements as there are channels.
#[inline(always)]
pub unsafe fn from_points<V: Vector<Elem = f32>, const POINTS: usize, const N: usize>(
    count: usize,
    from: &[f32],
    panels: Panels,
    row: usize,
    f: impl Fn([V; POINTS]) -> [V; N],
    bias: &[f32],
    to: &mut [f32],
    squares: Squares,
) {
    debug_assert!(to.len() >= (count - 1) * squares.step + (N - 1) * squares.line + N * squares.channels);
    debug_assert!(from.len() >= panels.len() && (row + count) * panels.width <= panels.pitch);
    debug_assert!(bias.len() >= squares.channels);
    for i in (0..count).rev() {
        for c in (0..squares.channels).step_by(V::LANES) {
            // SAFETY: as promised by the caller.
            unsafe {
                let from = from.as_ptr().add(panels.place(row + i, c));
                let to = to.as_mut_ptr().add(i * squares.step + c);
                let bias = V::load(bias.as_ptr().add(c));
                both_axes::<V, POINTS, N>(
                    #[inline(always)]
                    |y, x| V::load(from.add((POINTS * y + x) * panels.pitch)),
                    &f,
                    #[inline(always)]
                    |y, x, v| v.add(bias).store(to.add(y * squares.line + x * squares.channels)),
                );
            }
        }
    }
}

/// `f` of the columns of `from`, then of the rows of what comes out, whose elements go to `to`.
#[inline(always)]
unsafe fn both_axes<V: Vector, const N: usize, const M: usize>(
    from: impl Fn(usize, usize) -> V,
    f: &impl Fn([V; N]) -> [V; M],
    to: impl Fn(usize, usize, V),
) {
    // SAFETY: the caller has the instructions of `V`.
    let zero = unsafe { V::zero() };
    let mut half = [[zero; N]; M];
    for x in 0..N {
        let mut column = [zero; N];
        for y in 0..N {
            column[y] = from(y, x);
        }
        let column = f(column);
        for i in 0..M {
            half[i][x] = column[i];
        }
    }
    for i in 0..M {
        let row = f(half[i]);
        for j in 0..M {
            to(i, j, row[j]);
        }
    }
}
