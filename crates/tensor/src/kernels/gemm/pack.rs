//! Copying parts of the operands into the order in which the tiles read them.

use super::Mat;
use crate::Element;

/// Columns of `b`, `width` at a time: panel after panel, each row by row, the last one padded with zeros.
#[inline(always)]
pub fn pack_right<T: Element>(b: Mat<'_, T>, depth: usize, columns: usize, width: usize, out: &mut [T]) {
    for (panel, first) in out.chunks_mut(depth * width).zip((0..columns).step_by(width)) {
        let used = width.min(columns - first);
        let from = &b.data[first * b.col_stride..];
        if b.row_stride == 1 {
            if used < width {
                panel[..depth * width].fill(T::ZERO);
            }
            transpose(from, b.col_stride, used, depth, panel, width);
            continue;
        }
        for (p, row) in panel[..depth * width].chunks_exact_mut(width).enumerate() {
            let from = &from[p * b.row_stride..];
            if b.col_stride == 1 {
                row[..used].copy_from_slice(&from[..used]);
            } else {
                row[..used].iter_mut().zip(from.iter().step_by(b.col_stride)).for_each(|(to, &x)| *to = x);
            }
            row[used..].fill(T::ZERO);
        }
    }
}

/// Rows of `a`, column by column: element `(i, p)` goes to `out[p * rows + i]`.
#[inline(always)]
pub fn pack_left<T: Element>(a: Mat<'_, T>, rows: usize, depth: usize, out: &mut [T]) {
    if a.col_stride == 1 {
        return transpose(a.data, a.row_stride, rows, depth, out, rows);
    }
    for (p, column) in out[..rows * depth].chunks_exact_mut(rows).enumerate() {
        let from = &a.data[p * a.col_stride..];
        for (i, to) in column.iter_mut().enumerate() {
            *to = from[i * a.row_stride];
        }
    }
}

/// `out[p * out_stride + i] = from[i * from_stride + p]` for `i < rows` and `p < columns`.
#[inline(always)]
pub fn transpose<T: Element>(
    from: &[T],
    from_stride: usize,
    rows: usize,
    columns: usize,
    out: &mut [T],
    out_stride: usize,
) {
    // In blocks of 8 by 8, which the compiler turns inside registers.
    const BLOCK: usize = 8;
    let (whole_rows, whole_columns) = (rows - rows % BLOCK, columns - columns % BLOCK);
    for i in (0..whole_rows).step_by(BLOCK) {
        for p in (0..whole_columns).step_by(BLOCK) {
            let mut block = [[T::ZERO; BLOCK]; BLOCK];
            for r in 0..BLOCK {
                block[r].copy_from_slice(&from[(i + r) * from_stride + p..][..BLOCK]);
            }
            for c in 0..BLOCK {
                let column: [T; BLOCK] = std::array::from_fn(|r| block[r][c]);
                out[(p + c) * out_stride + i..][..BLOCK].copy_from_slice(&column);
            }
        }
    }
    for i in 0..rows {
        let done = if i < whole_rows { whole_columns } else { 0 };
        for p in done..columns {
            out[p * out_stride + i] = from[i * from_stride + p];
        }
    }
}
