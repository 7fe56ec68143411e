//! Shapes and axes: the forms in which ops take them, and their checks.

use std::fmt;
use std::ops::{Deref, DerefMut, RangeFull};

/// The most axes that a tensor can have.
pub const MAX_RANK: usize = 8;

/// The size of a tensor along each axis. `[]` is the shape of a scalar, which has one element.
///
/// Kept in place, without an allocation, and read as a slice. Anything list-like converts to it: `[2, 3]`, `vec![2, 3]`, `5`, `()`.
#[derive(Clone, Copy, Default)]
pub struct Shape {
    rank: u8,
    sizes: [usize; MAX_RANK],
}

impl Shape {
    /// The shape with these sizes.
    ///
    /// # Panics
    /// If there are more than [`MAX_RANK`] of them, or if their product overflows.
    #[track_caller]
    pub fn new(sizes: &[usize]) -> Self {
        match Self::checked(sizes) {
            Ok(shape) => shape,
            Err(expected) => panic!("shape {sizes:?}: expected {expected}"),
        }
    }

    /// The shape with these sizes, or, as an error, what is expected of them.
    pub(crate) fn checked(sizes: &[usize]) -> Result<Self, String> {
        if sizes.len() > MAX_RANK {
            return Err(format!("at most {MAX_RANK} axes"));
        }
        // Sizes of 0 are left out: they make the product 0, whatever the other sizes are.
        let mut sides = sizes.iter().filter(|&&n| n > 0);
        if sides.try_fold(1isize, |product, &n| product.checked_mul(n.try_into().ok()?)).is_none() {
            return Err("no more elements than memory has addresses".into());
        }
        let mut shape = Shape { rank: sizes.len() as u8, sizes: [0; MAX_RANK] };
        shape.sizes[..sizes.len()].copy_from_slice(sizes);
        Ok(shape)
    }

    /// The number of axes.
    pub fn rank(&self) -> usize {
        self.rank as usize
    }

    /// The number of elements: the product of the sizes, 1 for a scalar.
    pub fn numel(&self) -> usize {
        self.iter().product()
    }

    /// The shape that `self` and `other` broadcast to, or `None` if they do not, or it would have more elements than memory has addresses.
    ///
    /// Aligned at the last axis, two sizes are compatible if they are equal or one of them is 1; missing axes count as 1 (NumPy's rule).
    pub fn broadcast(&self, other: &Shape) -> Option<Shape> {
        let rank = self.rank().max(other.rank());
        let mut shape = Shape { rank: rank as u8, sizes: [0; MAX_RANK] };
        for back in 1..=rank {
            let size = |s: &Shape| if back <= s.rank() { s[s.rank() - back] } else { 1 };
            shape.sizes[rank - back] = match (size(self), size(other)) {
                (a, b) if a == b => a,
                (1, n) | (n, 1) => n,
                _ => return None,
            };
        }
        // Views repeat elements without taking memory, so either may already be as large as a shape can be.
        Shape::checked(&shape).ok()
    }

    /// The index, from 0, of an axis that may be counted from the end with negative numbers.
    ///
    /// # Panics
    /// If there is no such axis; `op` is named in the message.
    #[track_caller]
    pub fn axis(&self, op: &str, axis: isize) -> usize {
        let rank = self.rank() as isize;
        let from_start = if axis < 0 { axis + rank } else { axis };
        assert!(
            (0..rank).contains(&from_start),
            "{op}: axis {axis} is out of range for shape {self}, which has {rank} axes"
        );
        from_start as usize
    }

    /// This shape with `size` inserted before axis `at`.
    #[track_caller]
    pub(crate) fn inserted(&self, at: usize, size: usize) -> Shape {
        let mut sizes = self.to_vec();
        sizes.insert(at, size);
        Shape::new(&sizes)
    }

    /// This shape without axis `at`.
    pub(crate) fn removed(&self, at: usize) -> Shape {
        let mut sizes = self.to_vec();
        sizes.remove(at);
        Shape::new(&sizes)
    }
}

impl Deref for Shape {
    type Target = [usize];
    fn deref(&self) -> &[usize] {
        &self.sizes[..self.rank as usize]
    }
}

impl DerefMut for Shape {
    fn deref_mut(&mut self) -> &mut [usize] {
        &mut self.sizes[..self.rank as usize]
    }
}

impl PartialEq for Shape {
    fn eq(&self, other: &Shape) -> bool {
        **self == **other
    }
}

impl Eq for Shape {}

impl PartialEq<[usize]> for Shape {
    fn eq(&self, other: &[usize]) -> bool {
        **self == *other
    }
}

impl<const N: usize> PartialEq<[usize; N]> for Shape {
    fn eq(&self, other: &[usize; N]) -> bool {
        **self == *other
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &**self)
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &**self)
    }
}

impl From<()> for Shape {
    fn from((): ()) -> Shape {
        Shape::default()
    }
}

impl From<usize> for Shape {
    #[track_caller]
    fn from(size: usize) -> Shape {
        Shape::new(&[size])
    }
}

impl<const N: usize> From<[usize; N]> for Shape {
    #[track_caller]
    fn from(sizes: [usize; N]) -> Shape {
        Shape::new(&sizes)
    }
}

impl From<&[usize]> for Shape {
    #[track_caller]
    fn from(sizes: &[usize]) -> Shape {
        Shape::new(sizes)
    }
}

impl From<Vec<usize>> for Shape {
    #[track_caller]
    fn from(sizes: Vec<usize>) -> Shape {
        Shape::new(&sizes)
    }
}

impl From<&Shape> for Shape {
    fn from(shape: &Shape) -> Shape {
        *shape
    }
}

/// One axis or several, as an argument: `0`, `-1`, `[0, 2]`, or `..` for all of them. Negative axes count from the end.
pub trait Axes {
    /// Which axes of `shape` are meant, as a mask.
    ///
    /// # Panics
    /// If an axis is out of range or named twice; `op` is named in the message.
    #[track_caller]
    fn mask(&self, op: &str, shape: &Shape) -> [bool; MAX_RANK];
}

#[track_caller]
fn mask_of(op: &str, shape: &Shape, axes: impl Iterator<Item = isize>) -> [bool; MAX_RANK] {
    let mut mask = [false; MAX_RANK];
    for axis in axes {
        let at = shape.axis(op, axis);
        assert!(!mask[at], "{op}: axis {axis} of shape {shape} is named twice");
        mask[at] = true;
    }
    mask
}

/// A number as `isize`, saturating: one that is too large must not become negative, which would count from the end.
pub(crate) fn signed(n: impl TryInto<isize>) -> isize {
    n.try_into().unwrap_or(isize::MAX)
}

impl Axes for RangeFull {
    fn mask(&self, _op: &str, _shape: &Shape) -> [bool; MAX_RANK] {
        [true; MAX_RANK]
    }
}

macro_rules! axes {
    ($($int:ty),*) => {$(
        impl Axes for $int {
            #[track_caller]
            fn mask(&self, op: &str, shape: &Shape) -> [bool; MAX_RANK] {
                mask_of(op, shape, std::iter::once(signed(*self)))
            }
        }
        impl<const N: usize> Axes for [$int; N] {
            #[track_caller]
            fn mask(&self, op: &str, shape: &Shape) -> [bool; MAX_RANK] {
                mask_of(op, shape, self.iter().map(|&axis| signed(axis)))
            }
        }
        impl Axes for &[$int] {
            #[track_caller]
            fn mask(&self, op: &str, shape: &Shape) -> [bool; MAX_RANK] {
                mask_of(op, shape, self.iter().map(|&axis| signed(axis)))
            }
        }
    )*};
}
axes!(isize, i32, usize);

/// A shape in which one size may be -1, to be inferred from the number of elements: the argument of `reshape`, as in `[64, -1]`.
pub trait Extents {
    /// The shape for a tensor of shape `from`.
    ///
    /// # Panics
    /// If it cannot have as many elements as `from`, or more than one size is negative.
    #[track_caller]
    fn resolve(&self, op: &str, from: &Shape) -> Shape;
}

#[track_caller]
fn resolve(op: &str, from: &Shape, sizes: &[isize]) -> Shape {
    let numel = from.numel();
    let mut sides = sizes.iter().filter(|&&n| n >= 0);
    let known = sides.try_fold(1usize, |product, &n| product.checked_mul(n as usize)).unwrap_or(0);
    let unknown = sizes.iter().filter(|&&n| n < 0).count();
    assert!(
        unknown <= 1 && sizes.iter().all(|&n| n >= -1),
        "{op}: in {sizes:?} at most one size can be -1, and none less"
    );
    let free = if unknown == 1 && known > 0 { numel / known } else { 0 };
    let to: Vec<usize> = sizes.iter().map(|&n| if n < 0 { free } else { n as usize }).collect();
    match Shape::checked(&to) {
        Ok(to) if to.numel() == numel => to,
        Ok(_) => panic!("{op}: {from} has {numel} elements and cannot become {sizes:?}"),
        Err(expected) => panic!("{op}: found {sizes:?}, expected {expected}"),
    }
}

impl Extents for Shape {
    #[track_caller]
    fn resolve(&self, op: &str, from: &Shape) -> Shape {
        assert!(
            self.numel() == from.numel(),
            "{op}: {from} has {} elements and cannot become {self}",
            from.numel()
        );
        *self
    }
}

impl Extents for &Shape {
    #[track_caller]
    fn resolve(&self, op: &str, from: &Shape) -> Shape {
        (**self).resolve(op, from)
    }
}

impl Extents for () {
    #[track_caller]
    fn resolve(&self, op: &str, from: &Shape) -> Shape {
        Shape::default().resolve(op, from)
    }
}

macro_rules! extents {
    ($($int:ty),*) => {$(
        impl<const N: usize> Extents for [$int; N] {
            #[track_caller]
            fn resolve(&self, op: &str, from: &Shape) -> Shape {
                resolve(op, from, &self.map(signed))
            }
        }
        impl Extents for &[$int] {
            #[track_caller]
            fn resolve(&self, op: &str, from: &Shape) -> Shape {
                let sizes: Vec<isize> = self.iter().copied().map(signed).collect();
                resolve(op, from, &sizes)
            }
        }
    )*};
}
extents!(isize, i32, usize);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broadcasting_follows_numpy() {
        let cases: &[(&[usize], &[usize], Option<&[usize]>)] = &[
            (&[2, 3], &[3], Some(&[2, 3])),
            (&[2, 1], &[1, 3], Some(&[2, 3])),
            (&[], &[4], Some(&[4])),
            (&[0, 3], &[1, 3], Some(&[0, 3])),
            (&[5, 1, 2], &[4, 1], Some(&[5, 4, 2])),
            (&[2, 3], &[2], None),
            (&[0], &[2], None),
        ];
        for &(a, b, want) in cases {
            assert_eq!(Shape::new(a).broadcast(&Shape::new(b)), want.map(Shape::new), "{a:?} with {b:?}");
            assert_eq!(Shape::new(b).broadcast(&Shape::new(a)), want.map(Shape::new), "{b:?} with {a:?}");
        }
    }

    #[test]
    fn reshape_arguments() {
        let from = Shape::new(&[4, 6]);
        assert_eq!([-1, 8].resolve("reshape", &from), [3, 8]);
        assert_eq!([24usize].resolve("reshape", &from), [24]);
        assert_eq!([2, -1].resolve("reshape", &Shape::new(&[0, 3])), [2, 0]);
    }

    #[test]
    #[should_panic(expected = "reshape: [4, 6] has 24 elements and cannot become [5, -1]")]
    fn reshape_that_does_not_divide() {
        [5, -1].resolve("reshape", &Shape::new(&[4, 6]));
    }

    #[test]
    #[should_panic(expected = "sum: axis 2 is out of range for shape [4, 6], which has 2 axes")]
    fn axis_out_of_range() {
        2.mask("sum", &Shape::new(&[4, 6]));
    }
}
