//! The matrix product `C = A·B`, or `C += A·B`.

/// Element types with a matrix product kernel.
#[doc(hidden)]
pub trait Gemm: Sized {}
impl Gemm for f32 {}
impl Gemm for f64 {}

/// A matrix to read: element `(i, j)` is `data[i * row_stride + j * col_stride]`.
#[derive(Clone, Copy)]
pub struct Mat<'a, T> {
    /// The elements, from element (0, 0) on.
    pub data: &'a [T],
    /// Elements from one row to the next.
    pub row_stride: usize,
    /// Elements from one column to the next.
    pub col_stride: usize,
}

/// What happens to the values already in `C`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    /// They are replaced.
    Overwrite,
    /// The product is added to them.
    Add,
}

/// `c[m, n] (row-major) = a[m, k] · b[k, n]`, or `+=`.
pub fn gemm<T: crate::Float>(
    m: usize,
    n: usize,
    k: usize,
    a: Mat<'_, T>,
    b: Mat<'_, T>,
    c: &mut [T],
    store: Store,
) {
    for i in 0..m {
        for j in 0..n {
            let mut sum = T::ZERO;
            for p in 0..k {
                sum +=
                    a.data[i * a.row_stride + p * a.col_stride] * b.data[p * b.row_stride + j * b.col_stride];
            }
            match store {
                Store::Overwrite => c[i * n + j] = sum,
                Store::Add => c[i * n + j] += sum,
            }
        }
    }
}
