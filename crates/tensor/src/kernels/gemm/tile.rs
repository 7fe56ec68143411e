//! The innermost loop: one tile of the product, its sums in registers.

use std::marker::PhantomData;

use super::vector::Vector;
use crate::kernels::simd::Kernel;

/// The heights of tiles, tallest first. Any number of rows is cut into these.
const HEIGHTS: [usize; 6] = [14, 8, 6, 4, 2, 1];

/// The height of the next tile if there are `rest` more rows: as large as possible, but less if one or two rows would remain, as tiles of so few rows
/// wait for their additions.
pub fn height(rest: usize, tallest: usize) -> usize {
    let most = match rest {
        16 | 17 => 8,
        10..14 => 6,
        _ => rest,
    };
    HEIGHTS.into_iter().find(|&h| h <= most.min(tallest)).unwrap_or(1)
}

/// The widest tile, in vectors.
pub const WIDTH: usize = 2;

/// Where the rows of the right-hand operand begin.
#[derive(Clone, Copy)]
pub struct Rows<'a, T> {
    /// A pointer to which the offsets are relative.
    pub base: *const T,
    /// For each row, the offset of its first element. Any order, any overlap: a convolution reads its input in place like this.
    pub offsets: &'a [usize],
    /// From one panel of columns, as wide as a tile, to the next.
    pub panel: usize,
    /// Whether every row may be read to the full width of a tile, because it is packed and padded.
    pub padded: bool,
}

/// Where the rows of the left-hand operand begin, and where the elements of each lie.
#[derive(Clone, Copy)]
pub struct Left<'a, T> {
    /// A pointer to which rows are relative.
    pub base: *const T,
    /// Where they begin.
    pub rows: Starts<'a>,
    /// The offset of each element from the start of its row; as many as the right-hand operand has rows.
    pub offsets: &'a [usize],
}

/// Where each of some rows begins.
#[derive(Clone, Copy)]
pub enum Starts<'a> {
    /// So many elements after the one before.
    Every(usize),
    /// There.
    At(&'a [usize]),
}

/// Where a part of the result lies.
#[derive(Clone, Copy)]
pub struct Target<T> {
    /// Its element (0, 0).
    pub base: *mut T,
    /// From one row to the next. A row is in one piece.
    pub row_stride: usize,
    /// Whether to add to what is there.
    pub add: bool,
}

/// `c[i, j] (+)= Σ_p a[i, p] b[p, j]`, in tiles of at most `tallest <= ROWS` rows and `WIDTH` vectors: all panels for one set of rows, then
/// for the next.
///
/// Each sum runs over `p` in order, whatever the tile, so its bits depend on nothing but the numbers.
///
/// # Safety
/// All operands must be valid for the sizes given, and the instruction set of `V` present.
#[inline(always)]
pub unsafe fn rows<V: Vector>(
    count: usize,
    columns: usize,
    tallest: usize,
    a: Left<'_, V::Elem>,
    b: Rows<'_, V::Elem>,
    c: Target<V::Elem>,
) {
    debug_assert!(tallest <= V::ROWS, "taller tiles are not compiled");
    // SAFETY: the caller has the instructions.
    unsafe { V::apart(Tiles { count, columns, tallest, a, b, c, vectors: PhantomData::<V> }) };
}

/// The operands of [`rows`].
struct Tiles<'a, T, V> {
    count: usize,
    columns: usize,
    tallest: usize,
    a: Left<'a, T>,
    b: Rows<'a, T>,
    c: Target<T>,
    vectors: PhantomData<V>,
}

impl<V: Vector> Kernel for Tiles<'_, V::Elem, V> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Tiles { count, columns, tallest, a, b, c, .. } = self;
        let width = WIDTH * V::LANES;
        let mut first = 0;
        while first < count {
            let height = height(count - first, tallest);
            macro_rules! tiles {
                ($height:literal) => {{
                    let start = |i: usize| match a.rows {
                        Starts::Every(stride) => (first + i) * stride,
                        Starts::At(starts) => starts[first + i],
                    };
                    // SAFETY: as promised by the caller of `rows`; the rows are `first..first + height` of `count`.
                    unsafe {
                        let tile_rows: [*const V::Elem; $height] = std::array::from_fn(|i| a.base.add(start(i)));
                        let a = (tile_rows, a.offsets);
                        for (panel, j) in (0..columns).step_by(width).enumerate() {
                            let b = Rows { base: b.base.add(panel * b.panel), ..b };
                            let c = Target { base: c.base.add(first * c.row_stride + j), ..c };
                            let columns = width.min(columns - j);
                            match (columns > V::LANES, b.padded || columns.is_multiple_of(V::LANES)) {
                                (true, true) => tile::<V, $height, 2, false>(a, b, c, columns),
                                (true, false) => tile::<V, $height, 2, true>(a, b, c, columns),
                                (false, true) => tile::<V, $height, 1, false>(a, b, c, columns),
                                (false, false) => tile::<V, $height, 1, true>(a, b, c, columns),
                            }
                        }
                    }
                }};
            }
            match height {
                // Compiled only where there are registers for it.
                14 if const { V::ROWS >= 14 } => tiles!(14),
                8 if const { V::ROWS >= 8 } => tiles!(8),
                6 => tiles!(6),
                4 => tiles!(4),
                2 => tiles!(2),
                _ => tiles!(1),
            }
            first += height;
        }
    }
}

/// The expression for each `h < H`, where `H` is a parameter that is 14 at most, or a number that stands below, written out. The compiler would
/// unroll a loop too late to see that the sums need no memory: for each tile it cleared, read and wrote their places on the stack. The copies from `H` on
/// are never compiled.
macro_rules! each {
    ($h:ident < 3, $e:expr) => { each!($h, $e; 0 1 2) };
    ($h:ident < 5, $e:expr) => { each!($h, $e; 0 1 2 3 4) };
    ($h:ident, $e:expr; $($index:literal)*) => {
        $({
            let $h = $index;
            $e;
        })*
    };
    ($h:ident < $count:ident, $e:expr) => { each!($h < $count, $e; 0 1 2 3 4 5 6 7 8 9 10 11 12 13) };
    ($h:ident < $count:ident, $e:expr; $($index:literal)*) => {
        $(if const { $index < $count } {
            let $h = $index;
            $e;
        })*
    };
}
pub(in crate::kernels) use each;

/// One tile of `H` rows and `W` vectors. `PART`: the last vector of a row of `b` may be read only as far as there are columns.
#[inline(always)]
unsafe fn tile<V: Vector, const H: usize, const W: usize, const PART: bool>(
    (a, a_offsets): ([*const V::Elem; H], &[usize]),
    b: Rows<'_, V::Elem>,
    c: Target<V::Elem>,
    columns: usize,
) {
    let last = columns - (W - 1) * V::LANES;
    // SAFETY: the caller vouches for the operands; loops stay inside `H` rows and `columns` columns. A vector of zero bits holds zeros.
    unsafe {
        let mut sums: [[V; W]; H] = std::mem::zeroed();
        for (&offset, &at) in b.offsets.iter().zip(a_offsets) {
            let row = b.base.add(offset);
            let mut right = [V::zero(); W];
            for w in 0..W {
                let from = row.add(w * V::LANES);
                right[w] = if PART && w == W - 1 { V::load_part(from, last) } else { V::load(from) };
            }
            each!(h < H, V::add_products(&mut sums[h], a[h], at, &right));
        }
        each!(h < H, {
            let to = c.base.add(h * c.row_stride);
            for w in 0..W {
                put(sums[h][w], to.add(w * V::LANES), if w == W - 1 { last } else { V::LANES }, c.add);
            }
        });
    }
}

/// Writes, or adds, the first `n` lanes of `sum`.
#[inline(always)]
unsafe fn put<V: Vector>(sum: V, to: *mut V::Elem, n: usize, add: bool) {
    // SAFETY: the caller vouches for `n` elements at `to`.
    unsafe {
        match (n == V::LANES, add) {
            (true, true) => V::load(to).add(sum).store(to),
            (true, false) => sum.store(to),
            (false, true) => V::load_part(to, n).add(sum).store_part(to, n),
            (false, false) => sum.store_part(to, n),
        }
    }
}
