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

/// Rows from memory that is asked for before it is needed.
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

/// Rows of `a`, column by column: element `(i, p)` goes to `out[p * out_stride + i]`.
#[inline(always)]
pub fn pack_left<T: Element, V: Vector<Elem = T>>(
    a: Mat<'_, T>,
    rows: usize,
    depth: usize,
    out_stride: usize,
    out: &mut [T],
) {
    if a.col_stride == 1 {
        return transpose::<V>(a.data, a.row_stride, rows, depth, out, out_stride);
    }
    for (p, column) in out.chunks_exact_mut(out_stride).take(depth).enumerate() {
        let from = &a.data[p * a.col_stride..];
        if a.row_stride == 1 && rows <= V::LANES {
            let (from, column) = (&from[..rows], &mut column[..rows]);
            // SAFETY: both have as many elements.
            unsafe { V::load_part(from.as_ptr(), rows).store_part(column.as_mut_ptr(), rows) };
            continue;
        }
        for (i, to) in column.iter_mut().take(rows).enumerate() {
            *to = from[i * a.row_stride];
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
    unsafe { turn::<V>((from.as_ptr(), from_stride), rows, columns, (out.as_mut_ptr(), out_stride)) };
}

/// [`transpose`] between a matrix and its transpose that are given by their first elements and their strides.
///
/// # Safety
/// `from` must be valid for `rows` by `columns`, and `out` for `columns` by `rows`.
#[inline(always)]
pub unsafe fn turn<V: Vector>(
    (from, from_stride): (*const V::Elem, usize),
    rows: usize,
    columns: usize,
    (out, out_stride): (*mut V::Elem, usize),
) {
    let lanes = V::LANES;
    for i in (0..rows).step_by(lanes) {
        for p in (0..columns).step_by(lanes) {
            let (height, width) = (lanes.min(rows - i), lanes.min(columns - p));
            // SAFETY: `height` rows from `i` and `width` columns from `p` on are inside both; and a vector has at most 16 lanes.
            unsafe {
                let from = from.add(i * from_stride + p);
                let out = out.add(p * out_stride + i);
                let mut block = [V::zero(); 16];
                for r in 0..lanes {
                    if width == lanes && r < height {
                        block[r] = V::load(from.add(r * from_stride));
                    } else if r < height {
                        block[r] = V::load_part(from.add(r * from_stride), width);
                    }
                }
                let block = V::turn(block);
                for c in 0..lanes {
                    if height == lanes && c < width {
                        block[c].store(out.add(c * out_stride));
                    } else if c < width {
                        block[c].store_part(out.add(c * out_stride), height);
                    }
                }
            }
        }
    }
}
