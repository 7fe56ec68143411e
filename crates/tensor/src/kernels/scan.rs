//! Running folds along one axis of a contiguous block `[outer, n, inner]`.

use super::simd::dispatch;
use crate::parallel::split_units;

/// `out[o, j, i] = step(state, j, place of x[o, j, i])`, the state of each column starting from `init`. The columns of a block go
/// side by side, blocks over threads.
pub fn scan<A: Copy + Send + Sync, O: Send>(
    [outer, n, inner]: [usize; 3],
    out: &mut [O],
    init: A,
    step: impl Fn(&mut A, usize, usize) -> O + Sync,
) {
    debug_assert_eq!(out.len(), outer * n * inner);
    if out.is_empty() {
        return;
    }
    let work = out.len();
    split_units(out, n * inner, work, |range, out| {
        dispatch(
            #[inline(always)]
            || {
                let mut states = vec![init; inner];
                for (o, out) in range.clone().zip(out.chunks_exact_mut(n * inner)) {
                    states.fill(init);
                    for (j, out) in out.chunks_exact_mut(inner).enumerate() {
                        let first = (o * n + j) * inner;
                        for (i, (out, state)) in out.iter_mut().zip(&mut states).enumerate() {
                            *out = step(state, j, first + i);
                        }
                    }
                }
            },
        );
    });
}
