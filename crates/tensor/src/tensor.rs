//! The array itself: shared storage and a layout.

use std::sync::Arc;

use crate::layout::{Layout, Runs};
use crate::storage::Buffer;
use crate::{DType, Element, Shape};

/// An n-dimensional array.
///
/// A tensor is a reference-counted block of numbers and a layout (shape, strides, offset). Cloning it and taking views of it
/// copies no number; writing to it copies first if anyone else can see the block (copy-on-write), so a tensor behaves like a value.
///
/// ```
/// use ravine_tensor::Tensor;
///
/// let x = Tensor::from([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
/// let y = &x.t() * 10.0;
/// assert_eq!(y.shape(), &[3, 2]);
/// assert_eq!(y.to_vec(), [10.0, 40.0, 20.0, 50.0, 30.0, 60.0]);
/// ```
#[derive(Clone)]
pub struct Tensor<T: Element = f32> {
    storage: Arc<Buffer<T>>,
    layout: Layout,
}

impl<T: Element> Tensor<T> {
    /// A contiguous tensor over `buffer`, which has as many elements as `shape`.
    pub(crate) fn over(buffer: Buffer<T>, shape: Shape) -> Self {
        debug_assert_eq!(buffer.len(), shape.numel());
        Tensor { storage: Arc::new(buffer), layout: Layout::contiguous(shape) }
    }

    /// A contiguous tensor, all of whose elements `write` must set: they have unspecified values before.
    pub(crate) fn build(shape: Shape, write: impl FnOnce(&mut [T])) -> Self {
        let mut buffer = Buffer::scratch(shape.numel());
        write(&mut buffer);
        Tensor::over(buffer, shape)
    }

    /// A contiguous tensor of unspecified values, all of which are to be set.
    pub(crate) fn scratch(shape: impl Into<Shape>) -> Self {
        Tensor::build(shape.into(), |_| ())
    }

    /// Another view of the same storage.
    pub(crate) fn view_with(&self, layout: Layout) -> Self {
        Tensor { storage: self.storage.clone(), layout }
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The whole storage that this tensor is a view of.
    pub(crate) fn storage(&self) -> &[T] {
        &self.storage
    }

    /// The size along each axis.
    pub fn shape(&self) -> &Shape {
        self.layout.shape()
    }

    /// The size along `axis`, which may be counted from the end: `x.size(-1)`.
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn size(&self, axis: isize) -> usize {
        self.shape()[self.shape().axis("size", axis)]
    }

    /// The number of axes; 0 for a scalar.
    pub fn rank(&self) -> usize {
        self.shape().rank()
    }

    /// The number of elements.
    pub fn numel(&self) -> usize {
        self.shape().numel()
    }

    /// The type of the elements.
    pub fn dtype(&self) -> DType {
        T::DTYPE
    }

    /// The distance in storage, in elements, between neighbours along each axis.
    pub fn strides(&self) -> &[isize] {
        self.layout.strides()
    }

    /// Whether the elements lie in row-major order without gaps.
    pub fn is_contiguous(&self) -> bool {
        self.layout.is_contiguous()
    }

    /// The elements in row-major order, if they lie so in memory. See [`contiguous`](Self::contiguous).
    pub fn as_slice(&self) -> Option<&[T]> {
        self.is_contiguous().then(|| &self.storage[self.layout.offset()..][..self.numel()])
    }

    /// The elements of a tensor known to be contiguous.
    #[track_caller]
    pub(crate) fn values(&self) -> &[T] {
        self.as_slice().expect("a contiguous tensor")
    }

    /// This tensor in row-major order without gaps: itself if it already is, else a copy.
    pub fn contiguous(&self) -> Self {
        if self.is_contiguous() { self.clone() } else { self.map(|v| v) }
    }

    /// The elements, for writing, in row-major order.
    ///
    /// Copies them first if they are shared with another tensor or not contiguous.
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        let len = self.numel();
        if !self.is_contiguous() || Arc::get_mut(&mut self.storage).is_none() {
            *self = self.map(|v| v);
        }
        let start = self.layout.offset();
        let storage = Arc::get_mut(&mut self.storage).expect("storage was made unique above");
        &mut storage[start..start + len]
    }

    /// Whether it can be written in place: it is contiguous, and no other tensor shares its storage. Else writing makes a copy first.
    pub fn is_exclusive(&self) -> bool {
        self.is_contiguous() && Arc::strong_count(&self.storage) == 1
    }

    /// The address and size in bytes of the storage that this tensor is a view of: for an account of memory in which views of the same
    /// storage count once.
    pub fn storage_span(&self) -> (usize, usize) {
        (self.storage.as_ptr() as usize, self.storage.len() * size_of::<T>())
    }

    /// Whether both are views of one storage.
    pub fn shares_storage_with(&self, other: &Tensor<T>) -> bool {
        Arc::ptr_eq(&self.storage, &other.storage)
    }

    /// Whether both show the same elements of one storage in the same order.
    ///
    /// ```
    /// use ravine_tensor::Tensor;
    ///
    /// let x = Tensor::from([[1, 2], [3, 4]]);
    /// assert!(x.is_same_view(&x.clone()) && x.t().is_same_view(&x.t()));
    /// assert!(!x.is_same_view(&x.t()) && !x.narrow(0, 0, 1).is_same_view(&x.narrow(0, 1, 1)));
    /// assert!(!x.is_same_view(&Tensor::from([[1, 2], [3, 4]])));
    /// ```
    pub fn is_same_view(&self, other: &Tensor<T>) -> bool {
        let [a, b] = [&self.layout, &other.layout];
        let alike = a.shape() == b.shape() && a.strides() == b.strides() && a.offset() == b.offset();
        alike && self.shares_storage_with(other)
    }

    /// A copy of the elements in row-major order.
    #[doc(alias("numpy", "tolist"))]
    pub fn to_vec(&self) -> Vec<T> {
        match self.as_slice() {
            Some(values) => values.to_vec(),
            None => self.iter().collect(),
        }
    }

    /// The elements in row-major order. For loops that need speed, use [`map`](Self::map), [`zip`](Self::zip) or [`as_slice`](Self::as_slice).
    pub fn iter(&self) -> impl Iterator<Item = T> + '_ {
        let runs = Runs::new([&self.layout]);
        let mut firsts = Vec::with_capacity(runs.count);
        runs.for_each(0..runs.count, |[first]| firsts.push(first));
        let (len, step) = (runs.len, runs.step[0]);
        firsts.into_iter().flat_map(move |first| {
            (0..len).map(move |i| self.storage[first.wrapping_add_signed(i as isize * step)])
        })
    }

    /// The only element of a tensor that has one, whatever its rank.
    ///
    /// # Panics
    /// If there is not exactly one.
    #[track_caller]
    pub fn item(&self) -> T {
        assert!(
            self.numel() == 1,
            "item: a tensor of shape {} has {} elements, not one",
            self.shape(),
            self.numel()
        );
        self.storage[self.layout.offset()]
    }

    /// The element at `index`.
    ///
    /// # Panics
    /// If `index` has not one entry per axis, or one is out of range.
    #[track_caller]
    pub fn at<const N: usize>(&self, index: [usize; N]) -> T {
        let inside = N == self.rank() && index.iter().zip(self.shape().iter()).all(|(i, n)| i < n);
        assert!(inside, "at: index {index:?} is outside shape {}", self.shape());
        self.storage[self.layout.place(&index)]
    }
}

/// Equality of shape and of every element; so a NaN makes a tensor unequal to itself.
impl<T: Element> PartialEq for Tensor<T> {
    fn eq(&self, other: &Self) -> bool {
        self.shape() == other.shape() && self.iter().eq(other.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writing_to_a_shared_tensor_leaves_the_other_alone() {
        let a = Tensor::from([1.0, 2.0, 3.0]);
        let mut b = a.clone();
        assert!(b.shares_storage_with(&a));
        b.as_mut_slice()[0] = 9.0;
        assert_eq!((a.to_vec(), b.to_vec()), (vec![1.0, 2.0, 3.0], vec![9.0, 2.0, 3.0]));
        let place = b.as_slice().unwrap().as_ptr();
        b.as_mut_slice()[1] = 8.0;
        assert_eq!(b.as_slice().unwrap().as_ptr(), place, "a tensor of our own is written in place");
    }

    #[test]
    fn writing_to_a_view_copies_the_view_alone() {
        let a = Tensor::from([[1.0, 2.0], [3.0, 4.0]]);
        let mut column = a.narrow(1, 1, 1);
        column.as_mut_slice()[0] = 7.0;
        assert_eq!(column.to_vec(), [7.0, 4.0]);
        assert_eq!(a.to_vec(), [1.0, 2.0, 3.0, 4.0]);
    }

    #[test]
    #[should_panic(expected = "item: a tensor of shape [2, 1] has 2 elements, not one")]
    fn item_of_two() {
        Tensor::<f32>::zeros([2, 1]).item();
    }

    #[test]
    fn at_and_iter_see_views() {
        let t = Tensor::from([[1i32, 2, 3], [4, 5, 6]]).t();
        assert_eq!(t.at([2, 1]), 6);
        assert_eq!(t.iter().collect::<Vec<_>>(), [1, 4, 2, 5, 3, 6]);
    }
}
