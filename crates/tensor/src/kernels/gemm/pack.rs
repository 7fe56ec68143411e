//! Copying parts of the operands into the order in which the tiles read them.

use super::{Mat, Vector};
use crate::Element;
use crate::kernels::simd::prefetch;

/// Columns of `b`, `width` at a time: panel after panel, each row by row, the last one padded with zeros.
#[inline(always)]
pub fn pack_right<T: Element, V: Vector<Elem = T>>(
    b: Mat<'_, T>,
    depth: usize,
    columns: usize,
    width: usize,
    out: &mut [T],
) {
    if b.col_stride == 1 {
        return pack_rows::<T, V>(b, depth, columns, width, out);
    }
    for (panel, first) in out.chunks_mut(depth * width).zip((0..columns).step_by(width)) {
        let used = width.min(columns - first);
        let from = &b.data[first * b.col_stride..];
        if b.row_stride == 1 {
            if used < width {
                panel[..depth * width].fill(T::ZERO);
            }
            transpose::<V>(from, b.col_stride, used, depth, panel, width);
            continue;
        }
        for (p, row) in panel[..depth * width].chunks_exact_mut(width).enumerate() {
            // A stride of 0, too: the columns of a broadcast operand.
            let from = &from[p * b.row_stride..];
            row[..used].iter_mut().enumerate().for_each(|(j, to)| *to = from[j * b.col_stride]);
            row[used..].fill(T::ZERO);
        }
    }
}

/// How many rows ahead memory is prefetched.
const AHEAD: usize = 4;

/// [`pack_right`] of a matrix whose rows are in one piece. They are read one after another, each for all panels.
#[inline(always)]
fn pack_rows<T: Element, V: Vector<Elem = T>>(
    b: Mat<'_, T>,
    depth: usize,
    columns: usize,
    width: usize,
    out: &mut [T],
) {
    for p in 0..depth {
        let row = &b.data[p * b.row_stride..][..columns];
        if p + AHEAD < depth {
            prefetch(&b.data[(p + AHEAD) * b.row_stride..][..columns]);
        }
        for (panel, from) in out.chunks_mut(depth * width).zip(row.chunks(width)) {
            let to = &mut panel[p * width..][..width];
            if from.len() == width {
                for j in (0..width).step_by(V::LANES) {
                    // SAFETY: both have `width` elements, a multiple of the lanes.
                    unsafe { V::load(from.as_ptr().add(j)).store(to.as_mut_ptr().add(j)) };
                }
            } else {
                to[..from.len()].copy_from_slice(from);
                to[from.len()..].fill(T::ZERO);
            }
        }
    }
}

/// Rows of `a`, column by column: element `(i, p)` goes to `out[p * out_stride + i]`. Other elements of `out` may be written, up to `LANES` after
/// the last column.
#[inline(always)]
pub fn pack_left<T: Element, V: Vector<Elem = T>>(
    a: Mat<'_, T>,
    rows: usize,
    depth: usize,
    out_stride: usize,
    out: &mut [T],
) {
    // Full vectors are written, and the next column overwrites the excess: partial stores are slow without AVX-512.
    let in_vectors = rows <= V::LANES && out.len() >= (depth - 1) * out_stride + V::LANES;
    if in_vectors && a.row_stride == 1 {
        for p in 0..depth {
            let (from, column) = (&a.data[p * a.col_stride..][..rows], &mut out[p * out_stride..]);
            // SAFETY: there are `rows` elements to read, and room for a vector.
            unsafe { V::load_part(from.as_ptr(), rows).store(column.as_mut_ptr()) };
        }
    } else if in_vectors && a.col_stride == 1 {
        assert!(a.data.len() >= (rows - 1) * a.row_stride + depth, "a matrix lies inside its storage");
        for p in (0..depth).step_by(V::LANES) {
            let width = V::LANES.min(depth - p);
            // SAFETY: `rows` and `width` columns from `p` on are inside the matrix, and `out` has room for a vector after the last column.
            unsafe {
                let block = transposed_block::<V>(a.data[p..].as_ptr(), a.row_stride, rows, width);
                for c in 0..V::LANES {
                    if c < width {
                        block[c].store(out.as_mut_ptr().add((p + c) * out_stride));
                    }
                }
            }
        }
    } else if a.col_stride == 1 {
        transpose::<V>(a.data, a.row_stride, rows, depth, out, out_stride);
    } else {
        for (p, column) in out.chunks_exact_mut(out_stride).take(depth).enumerate() {
            let from = &a.data[p * a.col_stride..];
            column.iter_mut().take(rows).enumerate().for_each(|(i, to)| *to = from[i * a.row_stride]);
        }
    }
}

/// `out[p * out_stride + i] = from[i * from_stride + p]` for `i < rows` and `p < columns`.
#[inline(always)]
pub fn transpose<V: Vector>(
    from: &[V::Elem],
    from_stride: usize,
    rows: usize,
    columns: usize,
    out: &mut [V::Elem],
    out_stride: usize,
) {
    if rows == 0 || columns == 0 {
        return;
    }
    assert!(from.len() >= (rows - 1) * from_stride + columns, "a matrix lies inside its storage");
    assert!(out.len() >= (columns - 1) * out_stride + rows, "so does its transpose");
    // SAFETY: as asserted.
    unsafe {
        transpose_raw::<V>((from.as_ptr(), from_stride), rows, columns, (out.as_mut_ptr(), out_stride))
    };
}

/// [`transpose`] between a matrix and its transpose that are given by their first elements and their strides.
///
/// # Safety
/// `from` must be valid for `rows` by `columns`, and `out` for `columns` by `rows`.
#[inline(always)]
pub unsafe fn transpose_raw<V: Vector>(
    from: (*const V::Elem, usize),
    rows: usize,
    columns: usize,
    (out, out_stride): (*mut V::Elem, usize),
) {
    // SAFETY: as promised by the caller.
    unsafe {
        transpose_to::<V>(
            from,
            rows,
            columns,
            out,
            #[inline(always)]
            |column| column * out_stride,
        )
    }
}

/// [`transpose_raw`], with columns that begin at given places of `out`.
///
/// # Safety
/// As there: `out` must be valid for `rows` from the place of each column on.
#[inline(always)]
pub unsafe fn transpose_to<V: Vector>(
    (from, from_stride): (*const V::Elem, usize),
    rows: usize,
    columns: usize,
    out: *mut V::Elem,
    place: impl Fn(usize) -> usize,
) {
    let lanes = V::LANES;
    for i in (0..rows).step_by(lanes) {
        for p in (0..columns).step_by(lanes) {
            let (height, width) = (lanes.min(rows - i), lanes.min(columns - p));
            // SAFETY: `height` rows from `i` and `width` columns from `p` on are inside both.
            unsafe {
                let block = transposed_block::<V>(from.add(i * from_stride + p), from_stride, height, width);
                for c in 0..lanes {
                    if height == lanes && c < width {
                        block[c].store(out.add(place(p + c) + i));
                    } else if c < width {
                        block[c].store_part(out.add(place(p + c) + i), height);
                    }
                }
            }
        }
    }
}

/// The transpose of a block of a matrix, of at most `LANES` rows and columns: vector `c` holds column `c`, and zeros after its end.
///
/// # Safety
/// `from` must be valid for `height` by `width`.
#[inline(always)]
pub unsafe fn transposed_block<V: Vector>(
    from: *const V::Elem,
    stride: usize,
    height: usize,
    width: usize,
) -> [V; 16] {
    // SAFETY: as promised by the caller; a vector has at most 16 lanes.
    unsafe {
        let mut block = [V::zero(); 16];
        for r in 0..V::LANES {
            if width == V::LANES && r < height {
                block[r] = V::load(from.add(r * stride));
            } else if r < height {
                block[r] = V::load_part(from.add(r * stride), width);
            }
        }
        V::transpose(block)
    }
}
