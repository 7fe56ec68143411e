//! Element-wise loops over runs of strided operands.
//!
//! The loops are generic in the operation, so that each op becomes its own vectorised loop; [`dispatch`] compiles each
//! for several instruction sets. The common strides (1: a plain slice; 0: one value for the whole run) are told apart
//! outside the loop.

use super::simd::dispatch;
use crate::layout::{Layout, Runs};
use crate::parallel::split_units;

/// A strided operand: its storage and where its elements lie in it.
pub type Operand<'a, T> = (&'a [T], &'a Layout);

/// `out[i] = f(a[i])`; `out` is row-major, `a` has its shape.
pub fn unary<A: Copy + Sync, O: Send>((a, al): Operand<A>, out: &mut [O], f: impl Fn(A) -> O + Sync) {
    let runs = Runs::new([al]);
    for_runs(
        &runs,
        out,
        #[inline(always)]
        |out, [at]| match runs.step {
            [1] => out.iter_mut().zip(&a[at..]).for_each(|(o, &a)| *o = f(a)),
            [step] => out.iter_mut().enumerate().for_each(|(i, o)| *o = f(a[along(at, i, step)])),
        },
    );
}

/// `out[i] = f(a[i], b[i])`; `out` is row-major, `a` and `b` have its shape.
pub fn binary<A: Copy + Sync, B: Copy + Sync, O: Send>(
    (a, al): Operand<A>,
    (b, bl): Operand<B>,
    out: &mut [O],
    f: impl Fn(A, B) -> O + Sync,
) {
    let runs = Runs::new([al, bl]);
    for_runs(
        &runs,
        out,
        #[inline(always)]
        |out, [at, bt]| match runs.step {
            [1, 1] => out.iter_mut().zip(&a[at..]).zip(&b[bt..]).for_each(|((o, &a), &b)| *o = f(a, b)),
            [1, 0] => {
                let b = b[bt];
                out.iter_mut().zip(&a[at..]).for_each(|(o, &a)| *o = f(a, b));
            }
            [0, 1] => {
                let a = a[at];
                out.iter_mut().zip(&b[bt..]).for_each(|(o, &b)| *o = f(a, b));
            }
            [sa, sb] => {
                out.iter_mut().enumerate().for_each(|(i, o)| *o = f(a[along(at, i, sa)], b[along(bt, i, sb)]))
            }
        },
    );
}

/// `out[i] = f(a[i], b[i], c[i])`; `out` is row-major, the others have its shape.
pub fn ternary<A: Copy + Sync, B: Copy + Sync, C: Copy + Sync, O: Send>(
    (a, al): Operand<A>,
    (b, bl): Operand<B>,
    (c, cl): Operand<C>,
    out: &mut [O],
    f: impl Fn(A, B, C) -> O + Sync,
) {
    let runs = Runs::new([al, bl, cl]);
    for_runs(
        &runs,
        out,
        #[inline(always)]
        |out, [at, bt, ct]| match runs.step {
            [1, 1, 1] => {
                let operands = a[at..].iter().zip(&b[bt..]).zip(&c[ct..]);
                out.iter_mut().zip(operands).for_each(|(o, ((&a, &b), &c))| *o = f(a, b, c));
            }
            [sa, sb, sc] => out
                .iter_mut()
                .enumerate()
                .for_each(|(i, o)| *o = f(a[along(at, i, sa)], b[along(bt, i, sb)], c[along(ct, i, sc)])),
        },
    );
}

/// `f(&mut out[i], a[i])`; `out` is row-major, `a` has its shape.
pub fn update<A: Copy + Sync, O: Send>(out: &mut [O], (a, al): Operand<A>, f: impl Fn(&mut O, A) + Sync) {
    let runs = Runs::new([al]);
    for_runs(
        &runs,
        out,
        #[inline(always)]
        |out, [at]| match runs.step {
            [1] => out.iter_mut().zip(&a[at..]).for_each(|(o, &a)| f(o, a)),
            [step] => out.iter_mut().enumerate().for_each(|(i, o)| f(o, a[along(at, i, step)])),
        },
    );
}

/// `f(&mut out[i])`.
pub fn each<O: Send>(out: &mut [O], f: impl Fn(&mut O) + Sync) {
    let work = out.len();
    split_units(out, 1, work, |_, out| {
        dispatch(
            #[inline(always)]
            || out.iter_mut().for_each(&f),
        );
    });
}

/// Calls `run(piece of out, places of its first elements)` with runs or parts of runs, on several threads if there are many.
fn for_runs<const N: usize, O: Send>(
    runs: &Runs<N>,
    out: &mut [O],
    run: impl Fn(&mut [O], [usize; N]) + Sync,
) {
    let work = out.len();
    if work == 0 {
        return;
    }
    // A lone run is cut inside itself, several are cut between runs.
    let unit = if runs.count == 1 { 1 } else { runs.len };
    split_units(out, unit, work, |range, out| {
        dispatch(
            #[inline(always)]
            || {
                if runs.count == 1 {
                    let first = runs.first();
                    return run(out, std::array::from_fn(|i| along(first[i], range.start, runs.step[i])));
                }
                let mut pieces = out.chunks_exact_mut(runs.len);
                runs.for_each(range, |places| {
                    if let Some(piece) = pieces.next() {
                        run(piece, places);
                    }
                });
            },
        );
    });
}

/// The place of element `i` of a run.
#[inline(always)]
fn along(first: usize, i: usize, step: isize) -> usize {
    first.wrapping_add_signed(i as isize * step)
}
