//! Sliding windows, and their sums.

use proptest::prelude::*;
use ravine_tensor::{Tensor, UnfoldOptions};

use super::generators::*;

/// A view, an axis, and windows that fit on it.
fn windows() -> impl Strategy<Value = (View<i64>, usize, usize, usize)> {
    (full_shapes(1..=4).prop_flat_map(with_axis), 1usize..5, 1usize..4).prop_flat_map(
        |((shape, axis), size, step)| {
            let size = size.min(shape[axis]);
            (views_of(shape, |i| i as i64), Just(axis), Just(size), Just(step))
        },
    )
}

/// A batch of images and windows on them.
fn images() -> impl Strategy<Value = (View<i64>, UnfoldOptions)> {
    let options =
        [(1usize..4, 1usize..4, 0usize..3, 1usize..3), (1usize..4, 1usize..4, 0usize..3, 1usize..3)];
    (full_shapes(4..=4), options).prop_flat_map(|(mut shape, sides)| {
        let each = |d: usize| {
            let (kernel, stride, padding, dilation) = sides[d];
            [kernel, stride, padding, dilation]
        };
        let [[kh, sh, ph, dh], [kw, sw, pw, dw]] = [each(0), each(1)];
        let options =
            UnfoldOptions { kernel: [kh, kw], stride: [sh, sw], padding: [ph, pw], dilation: [dh, dw] };
        // Large enough for a window.
        shape[2] = shape[2].max((dh * (kh - 1) + 1).saturating_sub(2 * ph));
        shape[3] = shape[3].max((dw * (kw - 1) + 1).saturating_sub(2 * pw));
        (views_of(shape, |i| 1 + i as i64), Just(options))
    })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn unfold((x, axis, size, step) in windows(), back: bool) {
        let rank = x.array.shape.len();
        let mut shape = with(&x.array.shape, axis, (x.array.shape[axis] - size) / step + 1);
        shape.push(size);
        let want = Array::from_fn(&shape, |at| x.array.at(&with(&at[..rank], axis, at[axis] * step + at[rank])));
        assert_same(&x.tensor.unfold(signed(axis, rank, back), size, step), &want);
    }

    #[test]
    fn fold((x, axis, size, step) in windows()) {
        let rank = x.array.shape.len();
        let n = x.array.shape[axis];
        let mut shape = with(&x.array.shape, axis, (n - size) / step + 1);
        shape.push(size);
        let windows = Array::from_fn(&shape, |at| 1 + place(&shape, at) as i64);
        let mut want = Array::from_fn(&x.array.shape, |_| 0);
        for at in indices(&shape) {
            let to = with(&at[..rank], axis, at[axis] * step + at[rank]);
            want.set(&to, want.at(&to) + windows.at(&at));
        }
        let windows = Tensor::from_slice(&windows.values, &shape[..]);
        assert_same(&windows.fold(axis as isize, n, step), &want);
        let across = windows.transpose(0, -1).contiguous().transpose(0, -1);
        assert_same(&across.fold(axis as isize, n, step), &want);
    }

    #[test]
    fn unfold2d_and_fold2d((x, options) in images()) {
        let UnfoldOptions { kernel: [kh, kw], stride, padding, dilation } = options;
        let &[n, c, h, w] = &x.array.shape[..] else { unreachable!() };
        let count = |d: usize, size: usize, kernel: usize| {
            (size + 2 * padding[d] - dilation[d] * (kernel - 1) - 1) / stride[d] + 1
        };
        let (rows, columns) = (count(0, h, kh), count(1, w, kw));
        // The image place that an element of a window shows; `None` in the padding.
        let shown = |at: &[usize]| {
            let (channel, i, j) = (at[1] / (kh * kw), at[1] / kw % kh, at[1] % kw);
            let y = (at[2] / columns * stride[0] + i * dilation[0]).checked_sub(padding[0])?;
            let x = (at[2] % columns * stride[1] + j * dilation[1]).checked_sub(padding[1])?;
            (y < h && x < w).then(|| vec![at[0], channel, y, x])
        };
        let shape = [n, c * kh * kw, rows * columns];
        let want = Array::from_fn(&shape, |at| shown(at).map_or(0, |from| x.array.at(&from)));
        let found = x.tensor.unfold2d(&options);
        assert_same(&found, &want);
        let mut sum = Array::from_fn(&x.array.shape, |_| 0);
        for at in indices(&shape) {
            if let Some(to) = shown(&at) {
                sum.set(&to, sum.at(&to) + want.at(&at));
            }
        }
        assert_same(&found.fold2d([h, w], &options), &sum);
    }
}
