//! Parts of a tensor, chosen by an index, a range or a step along each axis; as views, and for writing.

use std::fmt;
use std::ops::{Bound, Range, RangeFrom, RangeFull, RangeInclusive, RangeTo, RangeToInclusive};

use crate::layout::{Layout, Runs};
use crate::shape::signed;
use crate::{Element, Tensor};

/// What to select along one axis. Numbers and ranges convert to it: `2`, `-1`, `1..3`, `..`, `-3..`.
///
/// Negative numbers count from the end, as in Python; unlike there, a range may not go beyond it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// The slice at this index; the axis disappears.
    Index(isize),
    /// The slices from one bound to another with a step; backwards from the first bound if the step is negative.
    Range(Bound<isize>, Bound<isize>, isize),
    /// A new axis of size 1 here.
    NewAxis,
    /// As many whole axes as the other entries leave.
    Ellipsis,
}

impl At {
    /// Every `step`-th slice of a range: `At::step(.., 2)`, or reversed, `At::step(.., -1)`.
    ///
    /// # Panics
    /// If the step is 0, or what is given is not a range.
    #[track_caller]
    pub fn step(range: impl Along, step: isize) -> At {
        assert!(step != 0, "At::step: a step of 0 goes nowhere");
        match range.at() {
            At::Range(start, end, _) => At::Range(start, end, step),
            other => panic!("At::step: {other} is not a range"),
        }
    }
}

impl At {
    /// The range from the start, if it is one with step 1 that lies within `0..n`.
    pub(super) fn places(self, n: usize) -> Option<Range<usize>> {
        let At::Range(start, end, 1) = self else { return None };
        places(start, end, 1, n).map(|(first, len)| first..first + len)
    }
}

/// What can stand for one axis in [`Tensor::i`]: a number, a range of numbers, or an [`At`].
pub trait Along {
    /// The selection.
    fn at(self) -> At;
}

impl Along for At {
    fn at(self) -> At {
        self
    }
}

impl Along for RangeFull {
    fn at(self) -> At {
        At::Range(Bound::Unbounded, Bound::Unbounded, 1)
    }
}

macro_rules! along {
    ($($int:ty),*) => {$(
        impl Along for $int {
            fn at(self) -> At {
                At::Index(signed(self))
            }
        }
        along!($int: Range<$int>, r => Bound::Included(signed(r.start)), Bound::Excluded(signed(r.end)));
        along!($int: RangeInclusive<$int>, r => Bound::Included(signed(*r.start())), Bound::Included(signed(*r.end())));
        along!($int: RangeFrom<$int>, r => Bound::Included(signed(r.start)), Bound::Unbounded);
        along!($int: RangeTo<$int>, r => Bound::Unbounded, Bound::Excluded(signed(r.end)));
        along!($int: RangeToInclusive<$int>, r => Bound::Unbounded, Bound::Included(signed(r.end)));
    )*};
    ($int:ty: $range:ty, $r:ident => $start:expr, $end:expr) => {
        impl Along for $range {
            fn at(self) -> At {
                let $r = self;
                At::Range($start, $end, 1)
            }
        }
    };
}
along!(isize, i32, i64, usize);

/// An index into a tensor: what to select along its first axes, as a tuple of [`Along`] values, a slice of [`At`], or one [`Along`] value.
pub trait Indices {
    /// The entries in order.
    fn entries(self) -> Vec<At>;
}

impl Indices for &[At] {
    fn entries(self) -> Vec<At> {
        self.to_vec()
    }
}

impl<A: Along> Indices for A {
    fn entries(self) -> Vec<At> {
        vec![self.at()]
    }
}

macro_rules! tuples {
    ($($A:ident $a:ident),*) => {
        impl<$($A: Along),*> Indices for ($($A,)*) {
            fn entries(self) -> Vec<At> {
                let ($($a,)*) = self;
                vec![$($a.at()),*]
            }
        }
    };
}
tuples!(A a);
tuples!(A a, B b);
tuples!(A a, B b, C c);
tuples!(A a, B b, C c, D d);
tuples!(A a, B b, C c, D d, E e);
tuples!(A a, B b, C c, D d, E e, F f);
tuples!(A a, B b, C c, D d, E e, F f, G g);
tuples!(A a, B b, C c, D d, E e, F f, G g, H h);

impl<T: Element> Tensor<T> {
    /// The part that an index chooses, as a view; axes that it does not name stay whole.
    ///
    /// ```
    /// use ravine_tensor::{At, Tensor};
    ///
    /// let x = Tensor::<i64>::arange(24).reshape([2, 3, 4]);
    /// assert_eq!(x.i((1, .., -1)).to_vec(), [15, 19, 23]);
    /// assert_eq!(x.i((.., 1..3, 0)), Tensor::from([[4, 8], [16, 20]]));
    /// assert_eq!(x.i((At::Ellipsis, At::step(.., -2))).i((0, 0)).to_vec(), [3, 1]);
    /// assert_eq!(x.i((0, At::NewAxis, -1..)).shape(), &[1, 1, 4]);
    /// ```
    ///
    /// # Panics
    /// If there are more entries than axes, or one is outside its axis.
    #[track_caller]
    #[must_use]
    pub fn i(&self, index: impl Indices) -> Tensor<T> {
        self.view_with(indexed("i", self.layout(), &index.entries()))
    }

    /// The part of `axis` that a range chooses, as a view: `x.slice(0, 10..)`, `x.slice(-1, At::step(.., 2))`.
    ///
    /// # Panics
    /// If it goes beyond the end, or its start lies beyond its end.
    #[track_caller]
    #[must_use]
    pub fn slice(&self, axis: isize, range: impl Along) -> Tensor<T> {
        let mut index = vec![(..).at(); self.shape().axis("slice", axis)];
        index.push(range.at());
        self.view_with(indexed("slice", self.layout(), &index))
    }

    /// This tensor with the part that an index chooses replaced by `values`, which are broadcast to it.
    ///
    /// # Panics
    /// As [`i`](Self::i); and if `values` do not broadcast to the part.
    #[track_caller]
    #[must_use]
    pub fn slice_assign(&self, index: impl Indices, values: &Tensor<T>) -> Tensor<T> {
        let mut y = self.clone();
        y.assign("slice_assign", index, values);
        y
    }

    /// [`slice_assign`](Self::slice_assign), in place.
    ///
    /// ```
    /// use ravine_tensor::Tensor;
    ///
    /// let mut x = Tensor::<i64>::zeros([2, 3]);
    /// x.slice_assign_((.., 1..), &Tensor::from([[7], [8]]));
    /// assert_eq!(x, Tensor::from([[0, 7, 7], [0, 8, 8]]));
    /// ```
    #[track_caller]
    pub fn slice_assign_(&mut self, index: impl Indices, values: &Tensor<T>) {
        self.assign("slice_assign_", index, values);
    }

    #[track_caller]
    fn assign(&mut self, op: &str, index: impl Indices, values: &Tensor<T>) {
        let part = indexed(op, &Layout::contiguous(*self.shape()), &index.entries());
        let fits = part.shape().broadcast(values.shape()) == Some(*part.shape());
        assert!(fits, "{op}: values {} do not broadcast to the part {}", values.shape(), part.shape());
        self.write_at(&part, values);
    }

    /// Writes `values`, broadcast, into a part of this tensor; `part` is a view of its contiguous layout.
    pub(super) fn write_at(&mut self, part: &Layout, values: &Tensor<T>) {
        let source = values.layout().broadcast_to(part.shape());
        let runs = Runs::new([part, &source]);
        let (from, to) = (values.storage(), self.as_mut_slice());
        runs.for_each(0..runs.count, |[out, at]| match runs.step {
            [1, 1] => to[out..][..runs.len].copy_from_slice(&from[at..][..runs.len]),
            [step, by] => {
                for i in 0..runs.len as isize {
                    to[out.wrapping_add_signed(i * step)] = from[at.wrapping_add_signed(i * by)];
                }
            }
        });
    }
}

/// The view that an index chooses.
#[track_caller]
fn indexed(op: &str, layout: &Layout, index: &[At]) -> Layout {
    let named = index.iter().filter(|at| matches!(at, At::Index(_) | At::Range(..))).count();
    let ellipses = index.iter().filter(|at| **at == At::Ellipsis).count();
    let rank = layout.shape().rank();
    assert!(
        named <= rank && ellipses <= 1,
        "{op}: {} names {named} axes, but shape {} has {rank}{}",
        Shown(index),
        layout.shape(),
        if ellipses > 1 { ", and there are several ellipses" } else { "" }
    );
    let (mut view, mut axis) = (*layout, 0);
    for &at in index {
        match at {
            At::Ellipsis => axis += rank - named,
            At::NewAxis => {
                view = view.with_unit(axis);
                axis += 1;
            }
            At::Index(i) => {
                let size = view.shape()[axis] as isize;
                let from_start = if i < 0 { i + size } else { i };
                assert!((0..size).contains(&from_start), "{op}: {at} {}", Outside(size, layout));
                view = view.sliced(axis, from_start as usize, 1, 1).without(axis);
            }
            At::Range(start, end, step) => {
                let size = view.shape()[axis];
                let Some((first, len)) = places(start, end, step, size) else {
                    panic!("{op}: {at} {}", Outside(size as isize, layout))
                };
                view = view.sliced(axis, first, len, step);
                axis += 1;
            }
        }
    }
    view
}

/// The first place and the number of places of a range on an axis of size `n`; `None` if it goes beyond the axis.
fn places(start: Bound<isize>, end: Bound<isize>, step: isize, n: usize) -> Option<(usize, usize)> {
    let n = n as isize;
    let from_start = |i: isize| if i < 0 { i + n } else { i };
    let forward = step.signum();
    let (before, after) = if forward > 0 { (0, n) } else { (n - 1, -1) };
    let first = match start {
        Bound::Included(i) => from_start(i),
        Bound::Excluded(i) => from_start(i).saturating_add(forward),
        Bound::Unbounded => before,
    };
    let past = match end {
        Bound::Included(i) => from_start(i).saturating_add(forward),
        Bound::Excluded(i) => from_start(i),
        Bound::Unbounded => after,
    };
    let inside = |i: isize| (before.min(after)..=before.max(after)).contains(&i);
    if !inside(first) || !inside(past) {
        return None;
    }
    let length = usize::try_from((past - first) * forward).ok()?;
    Some((first.max(0) as usize, length.div_ceil(step.unsigned_abs())))
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (start, end, step) = match self {
            At::Index(i) => return write!(f, "{i}"),
            At::NewAxis => return f.write_str("NewAxis"),
            At::Ellipsis => return f.write_str("Ellipsis"),
            At::Range(start, end, step) => (start, end, step),
        };
        match start {
            Bound::Included(i) => write!(f, "{i}..")?,
            Bound::Excluded(i) => write!(f, "after {i}..")?,
            Bound::Unbounded => f.write_str("..")?,
        }
        match end {
            Bound::Included(i) => write!(f, "={i}")?,
            Bound::Excluded(i) => write!(f, "{i}")?,
            Bound::Unbounded => {}
        }
        if *step == 1 { Ok(()) } else { write!(f, " by {step}") }
    }
}

/// The message about an entry that is outside its axis.
struct Outside<'a>(isize, &'a Layout);

impl fmt::Display for Outside<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "is outside an axis of {} elements; the shape is {}", self.0, self.1.shape())
    }
}

/// An index, as it was written.
struct Shown<'a>(&'a [At]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries: Vec<String> = self.0.iter().map(At::to_string).collect();
        write!(f, "({})", entries.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::reversed_empty_ranges, reason = "with a negative step they are not empty")]
    fn ranges_as_in_python() {
        let x = Tensor::<i64>::arange(6);
        let cases: Vec<(At, Vec<i64>)> = vec![
            ((1..3).at(), vec![1, 2]),
            ((1..=3).at(), vec![1, 2, 3]),
            ((-2..).at(), vec![4, 5]),
            ((..-4).at(), vec![0, 1]),
            ((-3..=-1).at(), vec![3, 4, 5]),
            ((6..6).at(), vec![]),
            (At::step(1.., 2), vec![1, 3, 5]),
            (At::step(.., 4), vec![0, 4]),
            (At::step(.., -1), vec![5, 4, 3, 2, 1, 0]),
            (At::step(4..1, -2), vec![4, 2]),
            (At::step(4..=0, -2), vec![4, 2, 0]),
            (At::step(..3, -1), vec![5, 4]),
        ];
        for (at, want) in cases {
            assert_eq!(x.i(at).to_vec(), want, "{at}");
        }
        assert_eq!(x.i(-1).item(), 5);
        assert_eq!(x.narrow(0, 0, 0).i(At::step(.., -1)).shape(), &[0]);
    }

    #[test]
    fn ellipses_and_new_axes() {
        let x = Tensor::<i64>::arange(24).reshape([2, 3, 4]);
        assert_eq!(x.i((At::Ellipsis, 1)), x.index(2, 1));
        assert_eq!(x.i((0, At::Ellipsis, 1)), x.index(2, 1).index(0, 0));
        assert_eq!(x.i((0, At::Ellipsis, 1, 2)).shape(), &[0usize; 0]);
        assert_eq!(x.i((.., At::NewAxis, At::Ellipsis, At::NewAxis)).shape(), &[2, 1, 3, 4, 1]);
        assert!(x.i((1, 1..)).shares_storage_with(&x));
    }

    #[test]
    fn assignment_copies_only_what_others_see() {
        let x = Tensor::<i64>::zeros([2, 3]);
        let mut y = x.slice_assign((1, At::step(.., -1)), &Tensor::from([1, 2, 3]));
        assert_eq!((x.sum(..).item(), y.to_vec()), (0, vec![0, 0, 0, 3, 2, 1]));
        let place = y.as_slice().unwrap().as_ptr();
        y.slice_assign_((.., 0), &Tensor::scalar(9));
        assert_eq!((y.to_vec(), y.as_slice().unwrap().as_ptr()), (vec![9, 0, 0, 9, 2, 1], place));
    }

    #[test]
    #[should_panic(expected = "i: 1..9 is outside an axis of 3 elements; the shape is [2, 3]")]
    fn a_range_beyond_the_end() {
        let _ = Tensor::<f32>::zeros([2, 3]).i((.., 1..9));
    }

    #[test]
    #[should_panic(expected = "i: (0, ..2, 1) names 3 axes, but shape [2, 3] has 2")]
    fn too_many_entries() {
        let _ = Tensor::<f32>::zeros([2, 3]).i((0, ..2, 1));
    }
}
