//! Element-wise loops over runs of strided operands.
//!
//! The loops are generic in the operation, so that each op becomes its own vectorised loop; [`dispatch`] compiles each
//! for several instruction sets. The common strides (1: a plain slice; 0: one value for the whole run) are told apart
//! outside the loop.

use super::simd::dispatch;
use crate::layout::{Layout, Runs};
use crate::parallel::{for_parts, split_units, threads_for};

/// A strided operand: its storage and where its elements lie in it.
pub type Operand<'a, T> = (&'a [T], &'a Layout);

/// `out[i] = f(a[i])`; `out` is row-major, `a` has its shape. `f` costs about so many additions.
pub fn unary<A: Copy + Sync, O: Send>(
    (a, al): Operand<A>,
    out: &mut [O],
    cost: usize,
    f: impl Fn(A) -> O + Sync,
) {
    let runs = Runs::new([al]);
    for_runs(
        &runs,
        out,
        cost,
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
        1,
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
        1,
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
        1,
        #[inline(always)]
        |out, [at]| match runs.step {
            [1] => out.iter_mut().zip(&a[at..]).for_each(|(o, &a)| f(o, a)),
            [step] => out.iter_mut().enumerate().for_each(|(i, o)| f(o, a[along(at, i, step)])),
        },
    );
}

/// `f(&mut out[i])`, where `f` costs about so many additions.
pub fn each<O: Send>(out: &mut [O], cost: usize, f: impl Fn(&mut O) + Sync) {
    let work = out.len() * cost;
    split_units(out, 1, work, |_, out| {
        dispatch(
            #[inline(always)]
            || out.iter_mut().for_each(&f),
        );
    });
}

/// `f(&mut out[i], a[i], [&mut kept[0][i], ...])` over slices of one length, in one pass.
pub fn update_with<T: Copy + Default + Send + Sync, const N: usize>(
    out: &mut [T],
    a: &[T],
    kept: [&mut [T]; N],
    f: impl Fn(&mut T, T, [&mut T; N]) + Sync,
) {
    update_pieces(out, a, kept, &|(out, a, mut kept)| {
        dispatch(
            #[inline(always)]
            || update_piece(out, a, &mut kept, &f),
        );
    });
}

/// The same part of what is written, read, and kept.
type Piece<'a, T, const N: usize> = (&'a mut [T], &'a [T], [&'a mut [T]; N]);

/// Calls `update` with all of the slices, or on several threads with parts of them. It does not know which operation that is, so
/// that all of them share the compiled code of the threads.
fn update_pieces<T: Send + Sync, const N: usize>(
    out: &mut [T],
    a: &[T],
    kept: [&mut [T]; N],
    update: &(dyn Fn(Piece<T, N>) + Sync),
) {
    let threads = threads_for(out.len() * (2 + N));
    if threads <= 1 {
        return update((out, a, kept));
    }
    // Large arrays come from memory, and a late thread should cost little. What is small stays in the caches of the thread that had it last.
    let pieces = if out.len() < SMALL { threads } else { 4 * threads };
    let per_piece = out.len().div_ceil(pieces).next_multiple_of(BLOCK);
    let mut kept = kept.map(|kept| kept.chunks_mut(per_piece));
    let mut next = || kept.each_mut().map(|kept| kept.next().expect("slices of one length"));
    let pieces: Vec<_> =
        out.chunks_mut(per_piece).zip(a.chunks(per_piece)).map(|(out, a)| (out, a, next())).collect();
    for_parts(pieces, update);
}

/// Elements of which one thread's share fits in its second-level cache.
const SMALL: usize = 1 << 19;

/// Elements that [`update_with`] works on at once: four of the widest vectors of `f32`.
const BLOCK: usize = 64;

/// One thread's part of [`update_with`]. Blocks pass through local arrays, which the compiler knows not to overlap: over
/// the slices themselves it would have to compare every pair of them at run time, and with more than four it gives up.
#[inline(always)]
fn update_piece<T: Copy + Default, const N: usize>(
    out: &mut [T],
    a: &[T],
    kept: &mut [&mut [T]; N],
    f: &impl Fn(&mut T, T, [&mut T; N]),
) {
    let whole = out.len() / BLOCK * BLOCK;
    for at in (0..whole).step_by(BLOCK) {
        let (mut outs, mut inputs) = ([T::default(); BLOCK], [T::default(); BLOCK]);
        let mut keeps = [[T::default(); BLOCK]; N];
        outs.copy_from_slice(&out[at..at + BLOCK]);
        inputs.copy_from_slice(&a[at..at + BLOCK]);
        for k in 0..N {
            keeps[k].copy_from_slice(&kept[k][at..at + BLOCK]);
        }
        for i in 0..BLOCK {
            let mut each = [T::default(); N];
            for k in 0..N {
                each[k] = keeps[k][i];
            }
            f(&mut outs[i], inputs[i], each.each_mut());
            for k in 0..N {
                keeps[k][i] = each[k];
            }
        }
        out[at..at + BLOCK].copy_from_slice(&outs);
        for k in 0..N {
            kept[k][at..at + BLOCK].copy_from_slice(&keeps[k]);
        }
    }
    for i in whole..out.len() {
        f(&mut out[i], a[i], kept.each_mut().map(|kept| &mut kept[i]));
    }
}

/// Calls `run(piece of out, places of its first elements)` with runs or parts of runs, on several threads if there are many.
fn for_runs<const N: usize, O: Send>(
    runs: &Runs<N>,
    out: &mut [O],
    cost: usize,
    run: impl Fn(&mut [O], [usize; N]) + Sync,
) {
    let work = out.len() * cost;
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
                runs.for_each(
                    range.clone(),
                    #[inline(always)]
                    |places| {
                        if let Some(piece) = pieces.next() {
                            run(piece, places);
                        }
                    },
                );
            },
        );
    });
}

/// Calls `run(piece of out, places of its first elements, distances to the next)` for each run, or parts of one: for ops that are
/// neither functions of one element nor of several.
pub fn runs<const N: usize, O: Send>(
    runs: &Runs<N>,
    out: &mut [O],
    run: impl Fn(&mut [O], [usize; N], [isize; N]) + Sync,
) {
    for_runs(
        runs,
        out,
        1,
        #[inline(always)]
        |out, places| run(out, places, runs.step),
    );
}

/// The place of element `i` of a run.
#[inline(always)]
pub fn along(first: usize, i: usize, step: isize) -> usize {
    first.wrapping_add_signed(i as isize * step)
}
