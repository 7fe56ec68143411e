//! The same elements several times over. What was repeated is added up on the way back.

use ravine_tensor::Float;

use crate::var::{Var, record};

impl<T: Float> Var<T> {
    /// `x` laid `repeats[d]` times one after another along each axis; more repeats than axes make new leading axes.
    /// Backward: `dx` is the sum of the copies.
    ///
    /// # Panics
    /// If there are fewer repeats than axes.
    #[track_caller]
    #[must_use]
    pub fn repeat(&self, repeats: impl AsRef<[usize]>) -> Var<T> {
        self.repeated("repeat", repeats.as_ref().to_vec())
    }

    /// [`repeat`](Self::repeat), with 1 for the leading axes that `repeats` does not name. Backward: `dx` is the sum of the copies.
    #[track_caller]
    #[must_use]
    pub fn tile(&self, repeats: impl AsRef<[usize]>) -> Var<T> {
        let repeats = repeats.as_ref();
        let ones = self.rank().saturating_sub(repeats.len());
        self.repeated("tile", [&vec![1; ones], repeats].concat())
    }

    #[track_caller]
    fn repeated(&self, op: &'static str, repeats: Vec<usize>) -> Var<T> {
        let from = *self.shape();
        record(op, [self], self.value().repeat(&repeats), move |dy, _| {
            let new = repeats.len() - from.rank();
            let sizes = std::iter::repeat_n(&1, new).chain(&*from);
            let axes = repeats.iter().zip(sizes).enumerate().filter(|(_, (repeats, _))| **repeats != 1);
            let sum = axes.fold(dy.clone(), |dy, (axis, (_, &n))| dy.sum_copies(axis, n, axis));
            [Some(sum.reshape(from))]
        })
    }

    /// Each slice of `axis` `repeats` times: `1 1 2 2 3 3`. Backward: `dx` is the sum of the copies.
    #[track_caller]
    #[must_use]
    pub fn repeat_interleave(&self, repeats: usize, axis: isize) -> Var<T> {
        let y = self.value().repeat_interleave(repeats, axis);
        let at = self.shape().axis("repeat_interleave", axis);
        let n = self.shape()[at];
        record("repeat_interleave", [self], y, move |dy, _| [Some(dy.sum_copies(at, n, at + 1))])
    }

    /// `axis` with its `n` slices once, summed over the copies: whole blocks that begin at axis `block`, one after another.
    fn sum_copies(&self, axis: usize, n: usize, block: usize) -> Var<T> {
        let mut once = *self.shape();
        let repeats = once[axis].checked_div(n).unwrap_or(0);
        once[axis] = n;
        let (outer, inner): (usize, usize) = (once[..block].iter().product(), once[block..].iter().product());
        self.reshape([outer, repeats, inner]).sum(1).reshape(once)
    }

    /// The elements moved `shift` places on along `axis`, round its end. Backward: `dx = dy` moved back.
    #[track_caller]
    #[must_use]
    pub fn roll(&self, shift: isize, axis: isize) -> Var<T> {
        record("roll", [self], self.value().roll(shift, axis), move |dy, _| [Some(dy.roll(-shift, axis))])
    }
}
