//! The matrix product `C = A·B`, or `C += A·B`.
//!
//! A tile of `C` (14 rows by 32 columns with AVX-512) is accumulated in registers: each step reads a piece of a row of `B` as vectors and
//! multiplies it by the numbers of a column of `A`, one after another. So the rows of `B` must be contiguous, while `A` may have any strides.
//!
//! The products of small models are thin: `x·Wᵀ` with 32 rows of `x`, `dy·W`, `dyᵀ·x`. Packing `W` (copying it into the order of the tiles)
//! would cost a fifth of the time. Of the four layouts, three need no packing; for `x·Wᵀ` the product is transposed, `Cᵀ = W·xᵀ`, so that only
//! the thin `xᵀ` is packed, while `W` is read once, in order. Large products pack both, in blocks that stay in the caches.
//!
//! Every sum runs in order over blocks of `k` whose size depends only on `k`. So its bits depend neither on the layout, nor on the tile, nor on
//! the number of threads, nor on the number of other rows.

mod few;
mod pack;
mod tile;
mod vector;

use few::{FewVectors, few};

use pack::{pack_left, transpose_raw};
pub(super) use pack::{pack_right, transpose, transpose_to};
pub(super) use tile::{Left, Rows, Starts, Target, WIDTH, each, height, rows};
pub(super) use vector::Vector;
pub use vector::Vectors;

use super::simd::{Isa, dispatch_on};
use crate::Float;
use crate::parallel::{for_parts, threads_for};
use crate::storage::Buffer;

/// Element types with a matrix product kernel.
///
/// The kernel is a method so that it is compiled here, once for each type, and not again in every crate that multiplies.
#[doc(hidden)]
pub trait Gemm: Vectors {
    /// Runs a product with the vectors of `isa`.
    fn multiply(isa: Isa, product: Product<'_, Self>);
    /// Runs a product with a few vectors.
    fn multiply_few(isa: Isa, product: FewVectors<'_, Self>);
    /// Transposes a matrix.
    fn transpose(isa: Isa, matrix: Transpose<'_, Self>);
}

macro_rules! gemm {
    ($($t:ty)*) => {$(
        impl Gemm for $t {
            fn multiply(isa: Isa, product: Product<'_, $t>) {
                dispatch_on(isa, product);
            }
            fn multiply_few(isa: Isa, product: FewVectors<'_, $t>) {
                dispatch_on(isa, product);
            }
            fn transpose(isa: Isa, matrix: Transpose<'_, $t>) {
                dispatch_on(isa, matrix);
            }
        }
    )*};
}
gemm!(f32 f64);

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

impl<T> Mat<'_, T> {
    /// The part from row `i` and column `j` on.
    fn from(self, i: usize, j: usize) -> Self {
        Mat { data: &self.data[i * self.row_stride + j * self.col_stride..], ..self }
    }

    /// Its transpose.
    fn transposed(self) -> Self {
        Mat { row_stride: self.col_stride, col_stride: self.row_stride, ..self }
    }

    /// Panics if a matrix of this size does not lie inside the data.
    #[track_caller]
    fn check(&self, rows: usize, columns: usize) {
        let last = (rows - 1) * self.row_stride + (columns - 1) * self.col_stride;
        assert!(last < self.data.len(), "gemm: a matrix ends at {last}, its storage at {}", self.data.len());
    }
}

/// A result to write: element `(i, j)` is at `base + i * row_stride + j`. Each thread has a part of it.
#[derive(Clone, Copy)]
pub struct Out<T> {
    base: *mut T,
    row_stride: usize,
}

impl<T> Out<T> {
    /// The part from row `i` and column `j` on.
    ///
    /// # Safety
    /// It must begin inside the result.
    unsafe fn from(self, i: usize, j: usize) -> Self {
        // SAFETY: as promised.
        Out { base: unsafe { self.base.add(i * self.row_stride + j) }, ..self }
    }
}

// SAFETY: a pointer to numbers, which [`gemm`] gives to threads that write no number in common.
unsafe impl<T: Send> Send for Out<T> {}
// SAFETY: the same.
unsafe impl<T: Send> Sync for Out<T> {}

/// What happens to the values already in `C`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    /// They are replaced.
    Overwrite,
    /// The product is added to them.
    Add,
}

/// Elements that begin a line of the cache, or a multiple of it.
const LINE: usize = 16;

/// The longest block of `k` that is summed at once: 32 columns of `B` of this length fill the first-level cache.
pub const LONGEST: usize = 256;

/// The length of the blocks that `k` is cut into: equal, as far as they can be.
pub fn block_length(k: usize) -> usize {
    k.div_ceil(k.div_ceil(LONGEST).max(1)).max(1)
}

/// The most elements of `B` that are packed at once (256 KiB of `f32`), so that they stay in the second-level cache.
const BLOCK: usize = 1 << 16;

/// `c[m, n] (row-major) = a[m, k] · b[k, n]`, or `+=`.
pub fn gemm<T: Float>(m: usize, n: usize, k: usize, a: Mat<'_, T>, b: Mat<'_, T>, c: &mut [T], store: Store) {
    gemm_on(Isa::detect(), m, n, k, a, b, c, store);
}

fn gemm_on<T: Float>(
    isa: Isa,
    m: usize,
    n: usize,
    k: usize,
    a: Mat<'_, T>,
    b: Mat<'_, T>,
    c: &mut [T],
    store: Store,
) {
    assert_eq!(c.len(), m * n, "gemm: the result has {} elements, not {m} times {n}", c.len());
    if c.is_empty() {
        return;
    }
    if k == 0 {
        return if store == Store::Overwrite {
            c.fill(T::ZERO)
        };
    }
    a.check(m, k);
    b.check(k, n);
    // 8 multiply-adds count as one elementary operation.
    let threads = threads_for(m * n * k / 8);
    // Threads share out what is largest, so that each reads (and packs) its own part of it: columns of `C` if that is `B`, as the weights
    // in `x·Wᵀ` and `dy·W`, and else rows.
    let (rows, columns) = if m < n && m < k {
        (m, n.div_ceil(threads).next_multiple_of(LINE))
    } else {
        (m.div_ceil(threads), n)
    };
    let c = Out { base: c.as_mut_ptr(), row_stride: n };
    let part = |i: usize| {
        let (row, column) = if rows < m { (i * rows, 0) } else { (0, i * columns) };
        let (rows, columns) = (rows.min(m - row), columns.min(n - column));
        // SAFETY: the part begins inside the result.
        let c = unsafe { c.from(row, column) };
        sequential(isa, rows, columns, k, a.from(row, 0), b.from(0, column), c, store);
    };
    match m.div_ceil(rows).max(n.div_ceil(columns)) {
        1 => part(0),
        parts => for_parts(0..parts, part),
    }
}

/// The product on this thread, in the better of the two orientations.
fn sequential<'a, T: Float>(
    isa: Isa,
    m: usize,
    n: usize,
    k: usize,
    a: Mat<'a, T>,
    b: Mat<'a, T>,
    c: Out<T>,
    store: Store,
) {
    let add = store == Store::Add;
    // A lone column lies in one piece; one that is a part of several does not.
    if n == 1 && c.row_stride == 1 && a.col_stride == 1 {
        return T::multiply_few(isa, FewVectors { rows: m, k, a, count: 1, x: b.transposed(), c, add });
    }
    if m <= few(isa) && b.row_stride == 1 {
        return T::multiply_few(isa, FewVectors { rows: n, k, a: b.transposed(), count: m, x: a, c, add });
    }
    // `Cᵀ = Bᵀ·Aᵀ` where that leaves less to pack.
    let packed = if b.col_stride == 1 { 0 } else { n };
    let packed_if_turned = if a.row_stride == 1 { 0 } else { m };
    let product = if packed <= packed_if_turned {
        Product { m, n, k, a, b, c, add, transposed: false }
    } else {
        Product { m: n, n: m, k, a: b.transposed(), b: a.transposed(), c, add, transposed: true }
    };
    T::multiply(isa, product);
}

/// `to[j, i] = from[i, j]`.
pub struct Transpose<'a, T> {
    pub from: &'a [T],
    pub columns: usize,
    pub to: &'a mut [T],
}

impl<T: Float> super::simd::VectorKernel<T> for Transpose<'_, T> {
    #[inline(always)]
    fn run<V: Vector<Elem = T>>(self) {
        let rows = self.from.len() / self.columns;
        transpose::<V>(self.from, self.columns, rows, self.columns, self.to, rows);
    }
}

/// A product to be run with vectors of some kind.
pub struct Product<'a, T> {
    m: usize,
    n: usize,
    k: usize,
    a: Mat<'a, T>,
    b: Mat<'a, T>,
    c: Out<T>,
    /// Whether to add to what is in `c`.
    add: bool,
    /// Whether rows of the product are columns of `c`.
    transposed: bool,
}

impl<T: Float> super::simd::VectorKernel<T> for Product<'_, T> {
    #[inline(always)]
    fn run<V: Vector<Elem = T>>(self) {
        let Product { m, n, k, a, b, c, add, transposed } = self;
        let width = WIDTH * V::LANES;
        let length = block_length(k);
        // Rows that begin a multiple of 4 KiB apart fall on the same 8 places of the first-level cache.
        let clash = |x: Mat<'_, T>| (x.row_stride * size_of::<T>()).is_multiple_of(4096) && x.col_stride == 1;
        // What is packed is read often: `B` once per tile of rows, `A` once per tile of columns. A few rows of `B` stay in the cache as they are, and
        // then tiles go down its columns.
        let pack_b = b.col_stride != 1 || m >= 6 * V::ROWS && (k > 64 || clash(b));
        let down = !pack_b && a.row_stride == 1 && k <= 64;
        let pack_a = n >= 256 && !down;
        let clash = clash(a);
        let tallest = if clash && !pack_a { 6 } else { V::ROWS };

        let most = BLOCK / length / width * width;
        let mut right =
            Buffer::<T>::scratch(if pack_b { length * most.min(n.next_multiple_of(width)) } else { 0 });
        let mut left = Buffer::<T>::scratch(if pack_a { length * tallest + V::LANES } else { 0 });
        let step = if pack_b { width } else { b.row_stride };
        let offsets: [usize; LONGEST] = std::array::from_fn(|p| p * step);
        let (left_row, left_step) = if pack_a { (1, tallest) } else { (a.row_stride, a.col_stride) };
        let left_offsets: [usize; LONGEST] = std::array::from_fn(|p| p * left_step);
        // A result that lies column by column is summed row by row first: columns are often a multiple of 4 KiB apart.
        let mut in_rows = Buffer::<T>::scratch(if transposed { m * n } else { 0 });
        let transposed_rows = in_rows.as_mut_ptr();
        if transposed && add {
            // SAFETY: the result has `n` rows of `m`, and `in_rows` as many elements.
            unsafe { transpose_raw::<V>((c.base, c.row_stride), n, m, (transposed_rows, n)) };
        }
        let out = if transposed { Out { base: transposed_rows, row_stride: n } } else { c };
        for first in (0..n).step_by(most) {
            let columns = most.min(n - first);
            for p in (0..k).step_by(length) {
                let depth = length.min(k - p);
                let start = &b.data[p * b.row_stride + first * b.col_stride..];
                if pack_b {
                    pack_right::<T, V>(Mat { data: start, ..b }, depth, columns, width, &mut right);
                }
                let add = add || p > 0;
                let (panel, base_of_b) =
                    if pack_b { (depth * width, right.as_ptr()) } else { (width, start.as_ptr()) };
                let offsets = &offsets[..depth];
                let broad = if down { width } else { columns };
                let mut i = 0;
                while i < m {
                    let count = if pack_a { height(m - i, tallest) } else { m };
                    let mut rows_of_a = &a.data[i * a.row_stride + p * a.col_stride..];
                    if pack_a {
                        pack_left::<T, V>(Mat { data: rows_of_a, ..a }, count, depth, tallest, &mut left);
                        rows_of_a = &left;
                    }
                    for j in (0..columns).step_by(broad) {
                        // SAFETY: `check` has found both matrices inside their storage, and the result has `m n` elements;
                        // `i`, `j` and `p` stay inside. Packed panels are padded to the width of a tile.
                        unsafe {
                            rows::<V>(
                                count,
                                broad.min(columns - j),
                                tallest,
                                Left {
                                    base: rows_of_a.as_ptr(),
                                    rows: Starts::Every(left_row),
                                    offsets: &left_offsets[..depth],
                                },
                                Rows {
                                    base: base_of_b.add(j / width * panel),
                                    panel,
                                    offsets,
                                    padded: pack_b,
                                },
                                Target {
                                    base: out.base.add(i * out.row_stride + first + j),
                                    row_stride: out.row_stride,
                                    add,
                                },
                            );
                        }
                    }
                    i += count;
                }
            }
        }
        if transposed {
            // SAFETY: as above.
            unsafe { transpose_raw::<V>((transposed_rows, n), m, n, (c.base, c.row_stride)) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Rng, Tensor, sequential};

    fn isas() -> impl Iterator<Item = Isa> {
        [Isa::Portable, Isa::Avx2, Isa::Avx512].into_iter().filter(|&isa| isa <= Isa::detect())
    }

    /// A matrix and its values in row-major order, laid out in one of four ways.
    fn matrix<T: Float>(rows: usize, columns: usize, layout: usize, rng: &mut Rng) -> (Vec<T>, [usize; 2]) {
        let (row_stride, col_stride) = match layout {
            0 => (columns, 1),
            1 => (1, rows),
            2 => (columns + 3, 1),
            _ => (2 * columns, 2),
        };
        let len = rows * row_stride + columns * col_stride;
        let data = Tensor::<f64>::randn(len, rng).iter().map(T::of).collect();
        (data, [row_stride, col_stride])
    }

    fn check<T: Float>(m: usize, n: usize, k: usize, layouts: [usize; 2], tolerance: f64) {
        let mut rng = Rng::new((m * 1_000_000 + n * 1000 + k) as u64);
        let (a, [ra, ca]) = matrix::<T>(m, k, layouts[0], &mut rng);
        let (b, [rb, cb]) = matrix::<T>(k, n, layouts[1], &mut rng);
        let before: Vec<T> = (0..m * n).map(|i| T::of(i as f64 * 0.01)).collect();
        for isa in isas() {
            for store in [Store::Overwrite, Store::Add] {
                let mut c = before.clone();
                let a = Mat { data: &a, row_stride: ra, col_stride: ca };
                let b = Mat { data: &b, row_stride: rb, col_stride: cb };
                gemm_on(isa, m, n, k, a, b, &mut c, store);
                for i in 0..m {
                    for j in 0..n {
                        let old = if store == Store::Add { before[i * n + j].as_f64() } else { 0.0 };
                        let want = (0..k).fold(old, |sum, p| {
                            sum + a.data[i * ra + p * ca].as_f64() * b.data[p * rb + j * cb].as_f64()
                        });
                        let error = (c[i * n + j].as_f64() - want).abs();
                        assert!(
                            error <= tolerance * (1.0 + (k as f64).sqrt()),
                            "{isa:?} {store:?} {m}x{n}x{k} {layouts:?}: ({i}, {j}) is {}, should be {want}",
                            c[i * n + j]
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn all_sizes_and_layouts_on_all_instruction_sets() {
        let sizes = [
            (1, 1, 1),
            (1, 17, 5),
            (1, 40, 600),
            (35, 1, 300),
            (17, 1, 5),
            (14, 32, 16),
            (15, 33, 3),
            (32, 10, 40),
            (5, 64, 257),
            (29, 31, 70),
            (2, 3, 600),
            (90, 40, 20),
            (33, 300, 30),
            (100, 530, 9),
        ];
        for (m, n, k) in sizes {
            for layouts in [[0, 0], [0, 1], [1, 0], [1, 1], [2, 3], [3, 2]] {
                check::<f32>(m, n, k, layouts, 1e-5);
                check::<f64>(m, n, k, layouts, 1e-13);
            }
        }
    }

    /// Threads that share out columns may leave a last part of one.
    #[test]
    fn a_column_over_is_where_it_belongs() {
        let rng = &mut Rng::new(6);
        for [m, k, n] in [[27, 650, 33], [32, 512, 65], [20, 1500, 17], [32, 400, 97]] {
            let [x, w] = [[m, k], [k, n]].map(|shape| Tensor::<f32>::randn(shape, rng));
            let transposed = w.t().contiguous().t();
            let want = sequential(|| x.matmul(&w));
            for threads in [2, 3, 4, 5, 8] {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                for w in [&w, &transposed] {
                    assert_eq!(pool.install(|| x.matmul(w)), want, "{m}x{k}x{n} on {threads} threads");
                }
            }
        }
    }

    #[test]
    fn empty_products() {
        let empty = Mat { data: &[] as &[f32], row_stride: 1, col_stride: 1 };
        let mut c = [1.0, 2.0];
        gemm(1, 2, 0, empty, empty, &mut c, Store::Add);
        assert_eq!(c, [1.0, 2.0]);
        gemm(1, 2, 0, empty, empty, &mut c, Store::Overwrite);
        assert_eq!(c, [0.0, 0.0]);
        gemm(0, 2, 3, empty, empty, &mut [], Store::Overwrite);
    }

    #[test]
    fn neither_threads_nor_layouts_nor_other_rows_change_a_bit() {
        let mut rng = Rng::new(5);
        let (a, b) = (Tensor::<f32>::randn([200, 700], &mut rng), Tensor::<f32>::randn([700, 190], &mut rng));
        let alone = sequential(|| a.matmul(&b));
        for threads in [1, 2, 3, 4, 8] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            assert_eq!(pool.install(|| a.matmul(&b)), alone, "{threads} threads");
            let x = b.t().contiguous();
            assert_eq!(pool.install(|| x.matmul(&a.t())), alone.t(), "{threads} threads, x·Wᵀ");
            let w = a.t().contiguous();
            assert_eq!(pool.install(|| x.matmul(&w)), alone.t(), "{threads} threads, dy·W");
            let added = || {
                let mut c = alone.t().to_vec();
                let x = Mat { data: x.values(), row_stride: 700, col_stride: 1 };
                gemm(
                    190,
                    200,
                    700,
                    x,
                    Mat { data: w.values(), row_stride: 200, col_stride: 1 },
                    &mut c,
                    Store::Add,
                );
                c
            };
            assert_eq!(pool.install(added), sequential(added), "{threads} threads, added");
        }
        assert_eq!(a.matmul(&b.t().contiguous().t()), alone, "transposed");
        assert_eq!(a.narrow(0, 57, 3).matmul(&b), alone.narrow(0, 57, 3), "three rows alone");
        let transposed = b.t().contiguous().t();
        for b in [&b, &transposed] {
            assert_eq!(a.narrow(0, 57, 1).matmul(b), alone.narrow(0, 57, 1), "a row alone");
            assert_eq!(a.matmul(&b.narrow(1, 33, 1)), alone.narrow(1, 33, 1), "a column alone");
        }
    }
}
