//! Normalisation: passes over segments, which share their statistics, scale and shift, and over rows, which have a scale and a shift
//! for each place.

use std::ops::Range;

use super::reduce::{sum_slice, sum_zip, total};
use super::simd::dispatch;
use crate::Float;
use crate::parallel::{WORTH_SPLITTING, split_pairs, split_units};

/// `out[r] = Σ_i (x[r, i] - mean[r])²` over rows of `n` about their own means, less what the rounding of the mean adds to it,
/// `(Σ_i x[r, i] - mean[r])² / n` (Chan, Golub and LeVeque 1983). A row is read from memory once, unless it is long.
pub fn squares_about_mean<T: Float>(x: &[T], n: usize, out: &mut [T]) {
    let count = T::of(n as f64);
    let squares = |x: &[T]| {
        let mean = total(x, |sum: T, v| sum + v) / count;
        let slip = total(x, |sum: T, v| sum + (v - mean));
        total(x, |sum: T, v| sum + (v - mean) * (v - mean)) - slip * slip / count
    };
    let rows = |rows: Range<usize>, out: &mut [T]| {
        rows.zip(out).for_each(|(r, out)| *out = squares(&x[r * n..][..n]));
    };
    if n >= WORTH_SPLITTING { rows(0..out.len(), out) } else { split_units(out, 1, 3 * x.len(), rows) }
}

/// `out[s] = Σ_i (x[s, i] - mean[s])²` over segments of `n`.
pub fn centred_squares<T: Float>(x: &[T], n: usize, mean: &[T], out: &mut [T]) {
    split_units(out, 1, x.len(), |segments, out| {
        dispatch(
            #[inline(always)]
            || {
                for (s, out) in segments.clone().zip(&mut *out) {
                    let mean = mean[s];
                    *out = sum_slice(&x[s * n..][..n], &|x: T| (x - mean) * (x - mean));
                }
            },
        );
    });
}

/// `y[s, i] = (x[s, i] - mean[s]) scale[s] + shift[s]`.
pub fn affine<T: Float>(x: &[T], n: usize, [mean, scale, shift]: [&[T]; 3], y: &mut [T]) {
    let work = x.len();
    split_units(y, n, work, |segments, y| {
        dispatch(
            #[inline(always)]
            || {
                for (s, y) in segments.clone().zip(y.chunks_exact_mut(n)) {
                    let (mean, scale, shift) = (mean[s], scale[s], shift[s]);
                    y.iter_mut().zip(&x[s * n..][..n]).for_each(|(y, &x)| *y = (x - mean) * scale + shift);
                }
            },
        );
    });
}

/// `sums[s] = Σ_i dy[s, i]` and `dots[s] = Σ_i dy[s, i] (x[s, i] - mean[s])`.
pub fn gradient_sums<T: Float>(dy: &[T], x: &[T], n: usize, mean: &[T], sums: &mut [T], dots: &mut [T]) {
    split_pairs([sums, dots], [1, 1], 2 * x.len(), |segments, sums, dots| {
        dispatch(
            #[inline(always)]
            || {
                for (s, (sum, dot)) in segments.clone().zip(sums.iter_mut().zip(&mut *dots)) {
                    let (dy, x, mean) = (&dy[s * n..][..n], &x[s * n..][..n], mean[s]);
                    *sum = sum_slice(dy, &|dy| dy);
                    *dot = sum_zip(dy, x, &|dy, x| dy * (x - mean));
                }
            },
        );
    });
}

/// `dx[s, i] = a[s] dy[s, i] - b[s] (x[s, i] - mean[s]) - c[s]`.
pub fn combine<T: Float>(dy: &[T], x: &[T], n: usize, [mean, a, b, c]: [&[T]; 4], dx: &mut [T]) {
    let work = 2 * x.len();
    split_units(dx, n, work, |segments, dx| {
        dispatch(
            #[inline(always)]
            || {
                for (s, dx) in segments.clone().zip(dx.chunks_exact_mut(n)) {
                    let (mean, a, b, c) = (mean[s], a[s], b[s], c[s]);
                    let operands = dy[s * n..][..n].iter().zip(&x[s * n..][..n]);
                    dx.iter_mut().zip(operands).for_each(|(dx, (&dy, &x))| *dx = a * dy - b * (x - mean) - c);
                }
            },
        );
    });
}

/// Each row of `n` as `y = (x - mean) / √(var + eps) · weight + bias`; where not `CENTRED`, with a mean of 0. Keeps `[mean, var]` of each
/// row in `stats`.
pub fn rows<T: Float, const CENTRED: bool>(
    x: &[T],
    n: usize,
    [weight, bias]: [Option<&[T]>; 2],
    eps: T,
    y: &mut [T],
    stats: &mut [T],
) {
    let count = T::of(n as f64);
    split_pairs([y, stats], [n, 2], 4 * x.len(), |rows, y, stats| {
        dispatch(
            #[inline(always)]
            || {
                for (r, (y, stats)) in rows.clone().zip(y.chunks_exact_mut(n).zip(stats.chunks_exact_mut(2)))
                {
                    let x = &x[r * n..][..n];
                    let mean = if CENTRED { sum_slice(x, &|x| x) / count } else { T::ZERO };
                    let var = sum_slice(x, &|x: T| (x - mean) * (x - mean)) / count;
                    let inverse_std = T::ONE / (var + eps).sqrt();
                    stats.copy_from_slice(&[mean, var]);
                    match (weight, bias) {
                        (Some(w), Some(b)) => {
                            let operands = x.iter().zip(w.iter().zip(b));
                            y.iter_mut()
                                .zip(operands)
                                .for_each(|(y, (&x, (&w, &b)))| *y = (x - mean) * inverse_std * w + b);
                        }
                        _ => {
                            y.iter_mut().zip(x).for_each(|(y, &x)| *y = (x - mean) * inverse_std);
                            if let Some(w) = weight {
                                y.iter_mut().zip(w).for_each(|(y, &w)| *y *= w);
                            }
                            if let Some(b) = bias {
                                y.iter_mut().zip(b).for_each(|(y, &b)| *y += b);
                            }
                        }
                    }
                }
            },
        );
    });
}

/// Rows whose share of the gradients by weight and bias is added one after another; the shares are then summed as a tree.
pub const ROWS_A_SHARE: usize = 16;

/// The gradient of [`rows`] by `x`, and in `shares` the sums of `dy (x - mean) / std` and of `dy` over each [`ROWS_A_SHARE`] rows.
pub fn rows_grad<T: Float, const CENTRED: bool>(
    dy: &[T],
    x: &[T],
    n: usize,
    weight: Option<&[T]>,
    stats: &[T],
    eps: T,
    dx: &mut [T],
    shares: &mut [T],
) {
    // The last share may be of fewer rows.
    let whole = x.len() / (ROWS_A_SHARE * n);
    let (dx, dx_rest) = dx.split_at_mut(whole * ROWS_A_SHARE * n);
    let (shares, shares_rest) = shares.split_at_mut(whole * 2 * n);
    split_pairs([dx, shares], [ROWS_A_SHARE * n, 2 * n], 6 * x.len(), |pieces, dx, shares| {
        dispatch(
            #[inline(always)]
            || {
                let each = dx.chunks_exact_mut(ROWS_A_SHARE * n).zip(shares.chunks_exact_mut(2 * n));
                for (piece, (dx, sums)) in pieces.clone().zip(each) {
                    grad_share::<T, CENTRED>(piece * ROWS_A_SHARE, dy, x, n, weight, stats, eps, dx, sums);
                }
            },
        );
    });
    if !dx_rest.is_empty() {
        dispatch(
            #[inline(always)]
            || {
                grad_share::<T, CENTRED>(
                    whole * ROWS_A_SHARE,
                    dy,
                    x,
                    n,
                    weight,
                    stats,
                    eps,
                    dx_rest,
                    shares_rest,
                )
            },
        );
    }
}

/// The rows of one share, from `first` on.
#[inline(always)]
fn grad_share<T: Float, const CENTRED: bool>(
    first: usize,
    dy: &[T],
    x: &[T],
    n: usize,
    weight: Option<&[T]>,
    stats: &[T],
    eps: T,
    dx: &mut [T],
    sums: &mut [T],
) {
    let count = T::of(n as f64);
    sums.fill(T::ZERO);
    let (dw, db) = sums.split_at_mut(n);
    for (r, dx) in (first..).zip(dx.chunks_exact_mut(n)) {
        let (dy, x) = (&dy[r * n..][..n], &x[r * n..][..n]);
        let (mean, inverse_std) = (stats[2 * r], T::ONE / (stats[2 * r + 1] + eps).sqrt());
        let parameters = dw.iter_mut().zip(&mut *db);
        for ((dw, db), (&dy, &x)) in parameters.zip(dy.iter().zip(x)) {
            *dw += dy * (x - mean) * inverse_std;
            *db += dy;
        }
        // The gradient by the normalised x, in place of dx for now.
        match weight {
            Some(w) => dx.iter_mut().zip(dy.iter().zip(w)).for_each(|(g, (&dy, &w))| *g = dy * w),
            None => dx.copy_from_slice(dy),
        }
        let mean_g = if CENTRED { sum_slice(dx, &|g| g) / count } else { T::ZERO };
        let slope = sum_zip(dx, x, &|g, x| g * (x - mean)) / count * inverse_std * inverse_std;
        dx.iter_mut().zip(x).for_each(|(g, &x)| *g = (*g - mean_g - (x - mean) * slope) * inverse_std);
    }
}
