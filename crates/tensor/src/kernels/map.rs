//! Element-wise loops.
//!
//! An op works on slices: it becomes one vectorised loop, which [`dispatch`] compiles for several instruction sets. Operands that are strided or
//! broadcast are gathered into slices first, a block at a time. The code that iterates, gathers and splits is generic over the types of the
//! elements but not over the op, so that all ops share it.
//!
//! A closure that chooses between numbers from outside should own them (`move`): those that it borrows are chosen by address, and gathered from
//! memory at a tenth of the speed.

use std::iter::repeat_n;
use std::ops::Range;

use super::simd::dispatch;
use crate::layout::{Layout, Runs};
use crate::parallel::{for_parts, pieces_for, split_units, threads_for};

/// A strided operand: its storage and where its elements lie in it.
pub type Operand<'a, T> = (&'a [T], &'a Layout);

/// `out[i] = f(a[i])`; `out` is row-major, `a` has its shape. `f` costs about `cost` additions.
pub fn unary<A: Copy + Sync, O: Send>(a: Operand<A>, out: &mut [O], cost: usize, f: impl Fn(A) -> O + Sync) {
    with_one(a, out, cost, &|out, a| {
        dispatch(
            #[inline(always)]
            || out.iter_mut().zip(a).for_each(|(o, &a)| *o = f(a)),
        );
    });
}

/// `f(elements of a, as many of out)` until all of `out` is written; `out` is row-major, `a` has its shape. An element costs about `cost` additions.
pub fn by_slices<A: Copy + Sync, O: Send>(
    a: Operand<A>,
    out: &mut [O],
    cost: usize,
    f: impl Fn(&[A], &mut [O]) + Sync,
) {
    with_one(a, out, cost, &|out, a| {
        dispatch(
            #[inline(always)]
            || f(a, out),
        );
    });
}

/// `f(&mut out[i], a[i])`; `out` is row-major, `a` has its shape.
pub fn update<A: Copy + Sync, O: Send>(out: &mut [O], a: Operand<A>, f: impl Fn(&mut O, A) + Sync) {
    with_one(a, out, 1, &|out, a| {
        dispatch(
            #[inline(always)]
            || out.iter_mut().zip(a).for_each(|(o, &a)| f(o, a)),
        );
    });
}

/// `out[i] = f(a[i], b[i])`; `out` is row-major, `a` and `b` have its shape.
pub fn binary<A: Copy + Sync, B: Copy + Sync, O: Send>(
    a: Operand<A>,
    b: Operand<B>,
    out: &mut [O],
    f: impl Fn(A, B) -> O + Sync,
) {
    with_two(a, b, out, &|out, a, b| {
        dispatch(
            #[inline(always)]
            || match (a, b) {
                (&[a], &[b]) => out.fill_with(|| f(a, b)),
                (a, &[b]) => out.iter_mut().zip(a).for_each(|(o, &a)| *o = f(a, b)),
                (&[a], b) => out.iter_mut().zip(b).for_each(|(o, &b)| *o = f(a, b)),
                (a, b) => out.iter_mut().zip(a).zip(b).for_each(|((o, &a), &b)| *o = f(a, b)),
            },
        );
    });
}

/// `out[i] = f(a[i], b[i], c[i])`; `out` is row-major, the others have its shape.
pub fn ternary<A: Copy + Sync, B: Copy + Sync, C: Copy + Sync, O: Send>(
    a: Operand<A>,
    b: Operand<B>,
    c: Operand<C>,
    out: &mut [O],
    f: impl Fn(A, B, C) -> O + Sync,
) {
    with_three(a, b, c, out, &|out, a, b, c| {
        dispatch(
            #[inline(always)]
            || out.iter_mut().zip(a.iter().zip(b).zip(c)).for_each(|(o, ((&a, &b), &c))| *o = f(a, b, c)),
        );
    });
}

/// `f(&mut out[i])`, where `f` costs about `cost` additions.
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
    let per_piece = out.len().div_ceil(pieces_for(threads, out.len())).next_multiple_of(AT_ONCE);
    let mut kept = kept.map(|kept| kept.chunks_mut(per_piece));
    let mut next = || kept.each_mut().map(|kept| kept.next().expect("slices of one length"));
    let pieces: Vec<_> =
        out.chunks_mut(per_piece).zip(a.chunks(per_piece)).map(|(out, a)| (out, a, next())).collect();
    for_parts(pieces, update);
}

/// Elements that [`update_with`] works on at once: four of the widest vectors of `f32`.
const AT_ONCE: usize = 64;

/// One thread's part of [`update_with`]. Blocks pass through local arrays, which the compiler knows not to overlap: over
/// the slices themselves it would have to compare every pair of them at run time, and with more than four it gives up.
#[inline(always)]
fn update_piece<T: Copy + Default, const N: usize>(
    out: &mut [T],
    a: &[T],
    kept: &mut [&mut [T]; N],
    f: &impl Fn(&mut T, T, [&mut T; N]),
) {
    let whole = out.len() / AT_ONCE * AT_ONCE;
    for at in (0..whole).step_by(AT_ONCE) {
        let (mut outs, mut inputs) = ([T::default(); AT_ONCE], [T::default(); AT_ONCE]);
        let mut keeps = [[T::default(); AT_ONCE]; N];
        outs.copy_from_slice(&out[at..at + AT_ONCE]);
        inputs.copy_from_slice(&a[at..at + AT_ONCE]);
        for k in 0..N {
            keeps[k].copy_from_slice(&kept[k][at..at + AT_ONCE]);
        }
        for i in 0..AT_ONCE {
            let mut each = [T::default(); N];
            for k in 0..N {
                each[k] = keeps[k][i];
            }
            f(&mut outs[i], inputs[i], each.each_mut());
            for k in 0..N {
                keeps[k][i] = each[k];
            }
        }
        out[at..at + AT_ONCE].copy_from_slice(&outs);
        for k in 0..N {
            kept[k][at..at + AT_ONCE].copy_from_slice(&keeps[k]);
        }
    }
    for i in whole..out.len() {
        f(&mut out[i], a[i], kept.each_mut().map(|kept| &mut kept[i]));
    }
}

/// Calls `op(piece of out, the elements of `a` that belong to it)` until all of `out` has been given.
fn with_one<A: Copy + Sync, O: Send>(
    a: Operand<A>,
    out: &mut [O],
    cost: usize,
    op: &(dyn Fn(&mut [O], &[A]) + Sync),
) {
    let a = Reader::new(a);
    let cut = Cut::new(&[a.spacing()], &[1]);
    split_units(out, 1, out.len() * cost, |range, out| {
        let mut gathered = vec![];
        cut.pieces(range, out, |range, out| op(out, a.read(range, &mut gathered)));
    });
}

/// [`with_one`] for two operands. A lone element stands for as many as there are.
fn with_two<A: Copy + Sync, B: Copy + Sync, O: Send>(
    a: Operand<A>,
    b: Operand<B>,
    out: &mut [O],
    op: &(dyn Fn(&mut [O], &[A], &[B]) + Sync),
) {
    let (a, b) = (Reader::new(a), Reader::new(b));
    let cut = Cut::new(&[a.spacing(), b.spacing()], &[0, 1]);
    split_units(out, 1, out.len(), |range, out| {
        let mut gathered = (vec![], vec![]);
        cut.pieces(range, out, |range, out| {
            let (a_lone, b_lone) = (a.lone(&range), b.lone(&range));
            let a = a_lone.unwrap_or_else(|| a.read(range.clone(), &mut gathered.0));
            op(out, a, b_lone.unwrap_or_else(|| b.read(range, &mut gathered.1)));
        });
    });
}

/// [`with_one`] for three operands.
fn with_three<A: Copy + Sync, B: Copy + Sync, C: Copy + Sync, O: Send>(
    a: Operand<A>,
    b: Operand<B>,
    c: Operand<C>,
    out: &mut [O],
    op: &(dyn Fn(&mut [O], &[A], &[B], &[C]) + Sync),
) {
    let (a, b, c) = (Reader::new(a), Reader::new(b), Reader::new(c));
    let cut = Cut::new(&[a.spacing(), b.spacing(), c.spacing()], &[1]);
    split_units(out, 1, out.len(), |range, out| {
        let mut gathered = (vec![], vec![], vec![]);
        cut.pieces(range, out, |range, out| {
            let (a, b) = (a.read(range.clone(), &mut gathered.0), b.read(range.clone(), &mut gathered.1));
            op(out, a, b, c.read(range, &mut gathered.2));
        });
    });
}

/// An operand, to be read in row-major order.
enum Reader<'a, T> {
    /// Its elements lie in this order, side by side.
    Slice(&'a [T]),
    /// They lie in runs in this storage.
    Apart(&'a [T], Runs<1>),
}

impl<'a, T: Copy> Reader<'a, T> {
    fn new((values, layout): Operand<'a, T>) -> Self {
        if layout.is_contiguous() {
            Reader::Slice(&values[layout.offset()..])
        } else {
            Reader::Apart(values, Runs::new([layout]))
        }
    }

    fn spacing(&self) -> Spacing {
        match self {
            Reader::Slice(_) => Spacing { run: usize::MAX, step: 1 },
            Reader::Apart(_, runs) => Spacing { run: runs.len, step: runs.step[0] },
        }
    }

    /// The one element that `range` repeats, if it lies in a run of step 0.
    fn lone(&self, range: &Range<usize>) -> Option<&[T]> {
        let Reader::Apart(values, runs) = self else { return None };
        let first = range.start / runs.len;
        let repeated = runs.step == [0] && range.end <= (first + 1) * runs.len;
        repeated.then(|| std::slice::from_ref(&values[runs.start(first)[0]]))
    }

    /// The elements of `range`: in place if they are contiguous, otherwise gathered.
    fn read<'b>(&'b self, range: Range<usize>, gathered: &'b mut Vec<T>) -> &'b [T] {
        let (values, runs) = match self {
            Reader::Slice(values) => return &values[range],
            Reader::Apart(values, runs) => (values, runs),
        };
        let (len, [step]) = (runs.len, runs.step);
        let (first, mut skipped) = (range.start / len, range.start % len);
        if step == 1 && skipped + range.len() <= len {
            let at = runs.start(first)[0] + skipped;
            return &values[at..at + range.len()];
        }
        gathered.clear();
        gathered.reserve(range.len());
        runs.for_each(first..range.end.div_ceil(len), |[start]| {
            let n = (len - skipped).min(range.len() - gathered.len());
            let at = along(start, skipped, step);
            match step {
                1 => gathered.extend_from_slice(&values[at..at + n]),
                0 => gathered.extend(repeat_n(values[at], n)),
                _ => gathered.extend((0..n).map(|i| values[along(at, i, step)])),
            }
            skipped = 0;
        });
        gathered
    }
}

/// The number of elements that are gathered at once: those of three operands and the result fit in the first-level cache.
const BLOCK: usize = 512;

/// How an operand's elements lie: in runs of `run` elements, with the distance `step` between the elements of a run.
struct Spacing {
    run: usize,
    step: isize,
}

/// How the elements of an operation are divided into pieces.
struct Cut {
    /// No piece crosses a multiple of this.
    run: usize,
    /// The most elements of a piece.
    most: usize,
}

impl Cut {
    /// If all runs are long, a piece lies within one run of each operand, and its elements are gathered only if their step is not in `direct`.
    /// Otherwise pieces of `BLOCK` elements span several runs.
    fn new(operands: &[Spacing], direct: &[isize]) -> Cut {
        let run = operands.iter().map(|operand| operand.run).min().unwrap_or(usize::MAX);
        let long = run >= BLOCK / 4;
        let direct = operands.iter().all(|operand| direct.contains(&operand.step));
        Cut {
            run: if long { run } else { usize::MAX },
            most: if long && direct { usize::MAX } else { BLOCK },
        }
    }

    /// Calls `f` with each piece of `range` and the same piece of `out`, which is as long.
    fn pieces<O>(&self, range: Range<usize>, mut out: &mut [O], mut f: impl FnMut(Range<usize>, &mut [O])) {
        let mut start = range.start;
        while start < range.end {
            let len = (self.run - start % self.run).min(self.most).min(out.len());
            let (piece, rest) = out.split_at_mut(len);
            f(start..start + len, piece);
            (start, out) = (start + len, rest);
        }
    }
}

/// Calls `run(piece of out, places of its first elements)` with runs or parts of runs, on several threads if there are many: for ops that
/// go to places that they find in their operands.
pub fn runs<const N: usize, O: Send>(
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
        if runs.count == 1 {
            let first = runs.start(0);
            return run(out, std::array::from_fn(|i| along(first[i], range.start, runs.step[i])));
        }
        let mut pieces = out.chunks_exact_mut(runs.len);
        runs.for_each(range, |places| {
            if let Some(piece) = pieces.next() {
                run(piece, places);
            }
        });
    });
}

/// The place of element `i` of a run.
#[inline(always)]
pub fn along(first: usize, i: usize, step: isize) -> usize {
    first.wrapping_add_signed(i as isize * step)
}
