//! Where each element of a view lies in its storage.

use crate::shape::{MAX_RANK, Shape};

/// The map from an index to a place in the storage: `offset + Σ index[d] * strides[d]`.
///
/// A view differs from its tensor in this map alone. The functions here do not check their arguments; the ops that call them do.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    shape: Shape,
    strides: [isize; MAX_RANK],
    offset: usize,
}

impl Layout {
    /// Row-major order without gaps, from the start of the storage.
    pub fn contiguous(shape: Shape) -> Layout {
        Layout { shape, strides: row_major(&shape), offset: 0 }
    }

    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    pub fn strides(&self) -> &[isize] {
        &self.strides[..self.shape.rank()]
    }

    pub fn offset(&self) -> usize {
        self.offset
    }

    /// Whether the elements lie in row-major order without gaps. Strides of axes with one element do not matter.
    pub fn is_contiguous(&self) -> bool {
        let mut expected = 1;
        for (&n, &stride) in self.shape.iter().zip(self.strides()).rev() {
            if n != 1 {
                if n == 0 {
                    return true;
                }
                if stride != expected {
                    return false;
                }
                expected *= n as isize;
            }
        }
        true
    }

    /// The place of the element at `index`.
    pub fn place(&self, index: &[usize]) -> usize {
        let shift: isize = index.iter().zip(self.strides()).map(|(&i, &stride)| i as isize * stride).sum();
        self.offset.wrapping_add_signed(shift)
    }

    /// The view whose axis `d` is this one's axis `order[d]`.
    pub fn permuted(&self, order: &[usize]) -> Layout {
        let mut view = *self;
        for (to, &from) in order.iter().enumerate() {
            view.shape[to] = self.shape[from];
            view.strides[to] = self.strides[from];
        }
        view
    }

    /// The view of elements `start`, `start + step`, ... (`len` of them) along `axis`. A negative step walks backwards.
    pub fn sliced(&self, axis: usize, start: usize, len: usize, step: isize) -> Layout {
        let mut view = *self;
        view.shape[axis] = len;
        // A view without elements stays where it is: its start may lie outside the storage.
        if view.shape.numel() > 0 {
            view.offset = self.offset.wrapping_add_signed(start as isize * self.strides[axis]);
        }
        // The product can only overflow if there is a single element, whose stride does not matter.
        view.strides[axis] = self.strides[axis].wrapping_mul(step);
        view
    }

    /// The view with `shape`, to which this one's shape broadcasts: repeated axes get stride 0.
    pub fn broadcast_to(&self, shape: &Shape) -> Layout {
        let mut strides = [0; MAX_RANK];
        let missing = shape.rank() - self.shape.rank();
        for (axis, (&n, &stride)) in self.shape.iter().zip(self.strides()).enumerate() {
            strides[missing + axis] = if n == 1 && shape[missing + axis] != 1 { 0 } else { stride };
        }
        Layout { shape: *shape, strides, offset: self.offset }
    }

    /// The view with another shape of as many elements, if strides can express it without a copy.
    ///
    /// The axes of both shapes are cut into the shortest groups with equal products; within a group the old axes must be evenly spaced.
    pub fn reshaped(&self, shape: &Shape) -> Option<Layout> {
        if self.is_contiguous() {
            return Some(Layout { shape: *shape, strides: row_major(shape), offset: self.offset });
        }
        let old: Vec<(usize, isize)> =
            self.shape.iter().copied().zip(self.strides().iter().copied()).filter(|&(n, _)| n != 1).collect();
        let mut strides = [0; MAX_RANK];
        let (mut from, mut to) = (0, 0);
        while from < old.len() {
            let (mut from_end, mut to_end) = (from + 1, to + 1);
            let (mut from_size, mut to_size) = (old[from].0, *shape.get(to)?);
            while from_size != to_size {
                if from_size < to_size {
                    from_size *= old.get(from_end)?.0;
                    from_end += 1;
                } else {
                    to_size *= *shape.get(to_end)?;
                    to_end += 1;
                }
            }
            let evenly = old[from..from_end].windows(2).all(|w| w[0].1 == w[1].1 * w[1].0 as isize);
            if !evenly {
                return None;
            }
            let mut stride = old[from_end - 1].1;
            for axis in (to..to_end).rev() {
                strides[axis] = stride;
                stride *= shape[axis] as isize;
            }
            (from, to) = (from_end, to_end);
        }
        Some(Layout { shape: *shape, strides, offset: self.offset })
    }

    /// The places at index 0 of `axis`, for an index tensor of `shape`, which is at most as large as this one along the other axes. Ops that
    /// choose along `axis` start from these places.
    pub fn at_start_of(&self, axis: usize, shape: &Shape) -> Layout {
        let mut view = Layout { shape: *shape, ..*self };
        view.strides[axis] = 0;
        view
    }

    /// The view without axis `axis`, at index 0 of it.
    pub fn without(&self, axis: usize) -> Layout {
        let mut view = Layout { shape: self.shape.removed(axis), ..*self };
        view.strides.copy_within(axis + 1.., axis);
        view
    }

    /// The view with an axis of size 1 before `axis`.
    #[track_caller]
    pub fn with_unit(&self, axis: usize) -> Layout {
        let mut view = Layout { shape: self.shape.inserted(axis, 1), ..*self };
        view.strides.copy_within(axis..MAX_RANK - 1, axis + 1);
        view.strides[axis] = 0;
        view
    }

    /// The view with a new last axis of `size` elements, `stride` apart; the caller ensures that they are in the storage.
    #[track_caller]
    pub fn with_last(&self, size: usize, stride: isize) -> Layout {
        let rank = self.shape.rank();
        let mut view = Layout { shape: self.shape.inserted(rank, size), ..*self };
        view.strides[rank] = stride;
        view
    }

    /// The view of the diagonal of two axes, which becomes the last axis.
    pub fn diagonal(&self, row: usize, column: usize, offset: isize) -> Layout {
        let skip = offset.unsigned_abs();
        let (rows, columns) = (self.shape[row], self.shape[column]);
        let (rows, columns) = if offset < 0 {
            (rows.saturating_sub(skip), columns)
        } else {
            (rows, columns.saturating_sub(skip))
        };
        let len = rows.min(columns);
        let stride = if offset < 0 { self.strides[row] } else { self.strides[column] };
        let along = self.strides[row] + self.strides[column];
        let mut view = self.without(row.max(column)).without(row.min(column));
        let rank = view.shape.rank();
        view.shape = view.shape.inserted(rank, len);
        view.strides[rank] = along;
        if view.shape.numel() > 0 {
            view.offset = self.offset.wrapping_add_signed(skip as isize * stride);
        }
        view
    }
}

fn row_major(shape: &Shape) -> [isize; MAX_RANK] {
    let mut strides = [0; MAX_RANK];
    let mut stride = 1;
    for axis in (0..shape.rank()).rev() {
        strides[axis] = stride;
        stride *= shape[axis].max(1) as isize;
    }
    strides
}

/// `N` layouts of the same shape, iterated in step: adjacent axes are merged where their strides permit, which leaves a number of equally
/// long *runs* along the innermost merged axis.
///
/// All element-wise loops over strided elements go through it.
pub(crate) struct Runs<const N: usize> {
    rank: usize,
    sizes: [usize; MAX_RANK],
    strides: [[isize; MAX_RANK]; N],
    offsets: [usize; N],
    /// The number of elements in a run.
    pub len: usize,
    /// The number of runs.
    pub count: usize,
    /// The distance between the elements of a run, in each storage.
    pub step: [isize; N],
}

impl<const N: usize> Runs<N> {
    pub fn new(layouts: [&Layout; N]) -> Self {
        let shape = layouts[0].shape();
        let mut runs = Runs {
            rank: 0,
            sizes: [1; MAX_RANK],
            strides: [[0; MAX_RANK]; N],
            offsets: layouts.map(Layout::offset),
            len: 1,
            count: 1,
            step: [1; N],
        };
        for (axis, &n) in shape.iter().enumerate().filter(|&(_, &n)| n != 1) {
            let last = runs.rank.wrapping_sub(1);
            let merges = runs.rank > 0
                && (0..N).all(|i| runs.strides[i][last] == layouts[i].strides()[axis] * n as isize);
            let at = if merges { last } else { runs.rank };
            runs.sizes[at] = if merges { runs.sizes[at] * n } else { n };
            for i in 0..N {
                runs.strides[i][at] = layouts[i].strides()[axis];
            }
            runs.rank = at + 1;
        }
        if runs.rank > 0 {
            runs.rank -= 1;
            runs.len = runs.sizes[runs.rank];
            runs.step = runs.strides.map(|s| s[runs.rank]);
            runs.count = runs.sizes[..runs.rank].iter().product();
        }
        if shape.numel() == 0 {
            runs.count = 0;
        }
        runs
    }

    /// Where run `i` begins, in each storage.
    pub fn start(&self, i: usize) -> [usize; N] {
        self.at(i).0
    }

    /// Where run `i` begins, in each storage, and its index along each axis.
    fn at(&self, i: usize) -> ([usize; N], [usize; MAX_RANK]) {
        let (mut places, mut index, mut rest) = (self.offsets, [0; MAX_RANK], i);
        for axis in (0..self.rank).rev() {
            index[axis] = rest % self.sizes[axis];
            rest /= self.sizes[axis];
            for i in 0..N {
                places[i] = places[i].wrapping_add_signed(index[axis] as isize * self.strides[i][axis]);
            }
        }
        (places, index)
    }

    /// Calls `f(places of the first elements)` for each of these runs, in row-major order.
    #[inline(always)]
    pub fn for_each(&self, range: std::ops::Range<usize>, mut f: impl FnMut([usize; N])) {
        if range.is_empty() {
            return;
        }
        let (mut places, mut index) = self.at(range.start);
        for _ in range {
            f(places);
            for axis in (0..self.rank).rev() {
                index[axis] += 1;
                for i in 0..N {
                    places[i] = places[i].wrapping_add_signed(self.strides[i][axis]);
                }
                if index[axis] < self.sizes[axis] {
                    break;
                }
                index[axis] = 0;
                for i in 0..N {
                    places[i] =
                        places[i].wrapping_add_signed(-(self.sizes[axis] as isize * self.strides[i][axis]));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(layout: &Layout) -> Vec<usize> {
        let runs = Runs::new([layout]);
        let mut all = vec![];
        runs.for_each(0..runs.count, |[first]| {
            all.extend((0..runs.len).map(|i| first.wrapping_add_signed(i as isize * runs.step[0])));
        });
        all
    }

    #[test]
    fn contiguous_axes_merge_into_one_run() {
        let layout = Layout::contiguous(Shape::new(&[2, 3, 1, 4]));
        let runs = Runs::new([&layout]);
        assert_eq!((runs.count, runs.len, runs.step), (1, 24, [1]));
        assert_eq!(places(&layout), (0..24).collect::<Vec<_>>());
    }

    #[test]
    fn runs_walk_views_in_row_major_order() {
        let layout = Layout::contiguous(Shape::new(&[2, 3, 4]));
        assert_eq!(places(&layout.permuted(&[2, 0, 1]))[..7], [0, 4, 8, 12, 16, 20, 1]);
        assert_eq!(places(&layout.sliced(2, 3, 4, -1))[..5], [3, 2, 1, 0, 7]);
        assert_eq!(places(&layout.sliced(1, 1, 1, 1)), [4, 5, 6, 7, 16, 17, 18, 19]);
        let row = Layout::contiguous(Shape::new(&[3]));
        assert_eq!(places(&row.broadcast_to(&Shape::new(&[2, 3]))), [0, 1, 2, 0, 1, 2]);
        assert_eq!(places(&Layout::contiguous(Shape::new(&[]))), [0]);
        assert_eq!(places(&Layout::contiguous(Shape::new(&[2, 0]))), [0usize; 0]);
    }

    #[test]
    fn a_range_of_runs_is_a_part_of_the_whole_walk() {
        let layout = Layout::contiguous(Shape::new(&[4, 5, 6])).permuted(&[2, 1, 0]);
        let runs = Runs::new([&layout]);
        let mut all = vec![];
        runs.for_each(0..runs.count, |p| all.push(p));
        let mut part = vec![];
        runs.for_each(7..19, |p| part.push(p));
        assert_eq!(part, all[7..19]);
    }

    #[test]
    fn reshape_copies_only_when_it_must() {
        let layout = Layout::contiguous(Shape::new(&[4, 6]));
        assert!(layout.permuted(&[1, 0]).reshaped(&Shape::new(&[24])).is_none());
        let columns = layout.sliced(1, 0, 4, 1);
        assert!(columns.reshaped(&Shape::new(&[16])).is_none());
        let split = columns.reshaped(&Shape::new(&[2, 2, 1, 4])).unwrap();
        assert_eq!(split.strides(), &[12, 6, 4, 1]);
        assert_eq!(places(&split), places(&columns));
        let transposed = layout.permuted(&[1, 0]).reshaped(&Shape::new(&[3, 2, 4])).unwrap();
        assert_eq!(places(&transposed), places(&layout.permuted(&[1, 0])));
    }
}
