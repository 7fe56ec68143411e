//! Recurrent cells: one step of one unit, forward and backward, and the loops over units.

use super::math::Math;
use super::simd::dispatch;
use crate::Float;

/// One step of one unit. `p` is the contribution of the input to its gates, `q` that of the previous hidden state.
pub trait Cell<T: Float, const GATES: usize, const STATES: usize, const KEPT: usize>: Sync {
    /// Whether the gates see `p` and `q` as their sum alone, so that the gradients by both are the same.
    const SUM: bool;
    /// The new states (the hidden one first), and the values that the derivative keeps.
    fn forward(&self, p: [T; GATES], q: [T; GATES], before: [T; STATES]) -> ([T; STATES], [T; KEPT]);
    /// The gradients by `p`, by `q`, and by the previous states, without what goes through `q`.
    fn backward(
        &self,
        dy: [T; STATES],
        before: [T; STATES],
        after: [T; STATES],
        kept: [T; KEPT],
    ) -> ([T; GATES], [T; GATES], [T; STATES]);
}

/// `h = f(p + q)`, `f` the hyperbolic tangent or ReLU. Elman 1990.
pub struct Rnn {
    /// ReLU instead of the hyperbolic tangent.
    pub relu: bool,
}

impl<T: Float> Cell<T, 1, 1, 0> for Rnn {
    const SUM: bool = true;
    #[inline(always)]
    fn forward(&self, [p]: [T; 1], [q]: [T; 1], _: [T; 1]) -> ([T; 1], [T; 0]) {
        let x = p + q;
        let relu = if x <= T::ZERO { T::ZERO } else { x };
        ([if self.relu { relu } else { Math::tanh(x) }], [])
    }
    #[inline(always)]
    fn backward(&self, [dh]: [T; 1], _: [T; 1], [h]: [T; 1], _: [T; 0]) -> ([T; 1], [T; 1], [T; 1]) {
        let relu = if h > T::ZERO { dh } else { T::ZERO };
        let dx = if self.relu { relu } else { dh * (T::ONE - h * h) };
        ([dx], [dx], [T::ZERO])
    }
}

/// `i, f, o = σ(p + q)`, `g = tanh(p + q)`, `c = f c + i g`, `h = o tanh c`. Hochreiter and Schmidhuber 1997.
pub struct Lstm;

impl<T: Float> Cell<T, 4, 2, 5> for Lstm {
    const SUM: bool = true;
    #[inline(always)]
    fn forward(&self, p: [T; 4], q: [T; 4], [_, c]: [T; 2]) -> ([T; 2], [T; 5]) {
        let i = Math::sigmoid(p[0] + q[0]);
        let f = Math::sigmoid(p[1] + q[1]);
        let g = Math::tanh(p[2] + q[2]);
        let o = Math::sigmoid(p[3] + q[3]);
        let c = f * c + i * g;
        let t = Math::tanh(c);
        ([o * t, c], [i, f, g, o, t])
    }
    #[inline(always)]
    fn backward(
        &self,
        [dh, dc]: [T; 2],
        [_, before]: [T; 2],
        _: [T; 2],
        [i, f, g, o, t]: [T; 5],
    ) -> ([T; 4], [T; 4], [T; 2]) {
        let dc = dc + dh * o * (T::ONE - t * t);
        let dp = [
            dc * g * i * (T::ONE - i),
            dc * before * f * (T::ONE - f),
            dc * i * (T::ONE - g * g),
            dh * t * o * (T::ONE - o),
        ];
        (dp, dp, [T::ZERO, dc * f])
    }
}

/// `r, z = σ(p + q)`, `n = tanh(p + r q)`, `h = (1 - z) n + z h`. Cho et al. 2014.
pub struct Gru;

impl<T: Float> Cell<T, 3, 1, 4> for Gru {
    const SUM: bool = false;
    #[inline(always)]
    fn forward(&self, p: [T; 3], q: [T; 3], [h]: [T; 1]) -> ([T; 1], [T; 4]) {
        let r = Math::sigmoid(p[0] + q[0]);
        let z = Math::sigmoid(p[1] + q[1]);
        let n = Math::tanh(p[2] + r * q[2]);
        ([n + z * (h - n)], [r, z, n, q[2]])
    }
    #[inline(always)]
    fn backward(
        &self,
        [dh]: [T; 1],
        [before]: [T; 1],
        _: [T; 1],
        [r, z, n, q]: [T; 4],
    ) -> ([T; 3], [T; 3], [T; 1]) {
        let dn = dh * (T::ONE - z) * (T::ONE - n * n);
        let dr = dn * q * r * (T::ONE - r);
        let dz = dh * (before - n) * z * (T::ONE - z);
        ([dr, dz, dn], [dr, dz, dn * r], [dh * z])
    }
}

/// Units that are worked on at once. They pass through local arrays, which the compiler knows not to overlap.
const BLOCK: usize = 16;

/// The numbers of the units of a block from `at` on, of each of `N` parts of a row. A block is `WHOLE`, or the last and shorter: a copy
/// whose length is not known is a call, which takes longer than all of the arithmetic.
#[inline(always)]
fn load<T: Float, const WHOLE: bool, const N: usize>(row: &[T], units: usize, at: usize) -> [[T; BLOCK]; N] {
    let mut block = [[T::ZERO; BLOCK]; N];
    for (part, block) in block.iter_mut().enumerate() {
        let from = &row[part * units + at..][..if WHOLE { BLOCK } else { units - at }];
        block[..from.len()].copy_from_slice(from);
    }
    block
}

#[inline(always)]
fn store<T: Float, const WHOLE: bool, const N: usize>(
    row: &mut [T],
    units: usize,
    at: usize,
    block: &[[T; BLOCK]; N],
) {
    for (part, block) in block.iter().enumerate() {
        let to = &mut row[part * units + at..][..if WHOLE { BLOCK } else { units - at }];
        to.copy_from_slice(&block[..to.len()]);
    }
}

/// Unit `u` of a block.
#[inline(always)]
fn unit<T: Float, const N: usize>(block: &[[T; BLOCK]; N], u: usize) -> [T; N] {
    std::array::from_fn(|part| block[part][u])
}

#[inline(always)]
fn set<T: Float, const N: usize>(block: &mut [[T; BLOCK]; N], u: usize, values: [T; N]) {
    for part in 0..N {
        block[part][u] = values[part];
    }
}

/// One step of all samples: rows of `p`, `q` and `before` to rows of `after` and `kept`. `q` is without its bias. Where `alive` is not,
/// the state stays.
pub fn forward<T: Float, const G: usize, const S: usize, const K: usize>(
    cell: &impl Cell<T, G, S, K>,
    units: usize,
    alive: impl Fn(usize) -> bool,
    [p, q, before]: [&[T]; 3],
    bias: Option<&[T]>,
    after: &mut [T],
    kept: &mut [T],
) {
    dispatch(
        #[inline(always)]
        || {
            for (b, after) in after.chunks_exact_mut(S * units).enumerate() {
                let before = &before[b * S * units..][..S * units];
                let kept = &mut kept[b * K * units..][..K * units];
                if !alive(b) {
                    after.copy_from_slice(before);
                    kept.fill(T::ZERO);
                    continue;
                }
                let rows = [&p[b * G * units..][..G * units], &q[b * G * units..][..G * units], before];
                let whole = units / BLOCK * BLOCK;
                for at in (0..whole).step_by(BLOCK) {
                    forward_block::<T, true, G, S, K>(cell, units, at, rows, bias, after, kept);
                }
                if whole < units {
                    forward_block::<T, false, G, S, K>(cell, units, whole, rows, bias, after, kept);
                }
            }
        },
    );
}

/// [`forward`] of one block of one sample.
#[inline(always)]
fn forward_block<T: Float, const WHOLE: bool, const G: usize, const S: usize, const K: usize>(
    cell: &impl Cell<T, G, S, K>,
    units: usize,
    at: usize,
    [p, q, before]: [&[T]; 3],
    bias: Option<&[T]>,
    after: &mut [T],
    kept: &mut [T],
) {
    let (p, mut q) = (load::<T, WHOLE, G>(p, units, at), load::<T, WHOLE, G>(q, units, at));
    if let Some(bias) = bias {
        let bias = load::<T, WHOLE, G>(bias, units, at);
        for gate in 0..G {
            for u in 0..BLOCK {
                q[gate][u] += bias[gate][u];
            }
        }
    }
    let before = load::<T, WHOLE, S>(before, units, at);
    let (mut states, mut keeps) = ([[T::ZERO; BLOCK]; S], [[T::ZERO; BLOCK]; K]);
    for u in 0..BLOCK {
        let (state, keep) = cell.forward(unit(&p, u), unit(&q, u), unit(&before, u));
        set(&mut states, u, state);
        set(&mut keeps, u, keep);
    }
    store::<T, WHOLE, S>(after, units, at, &states);
    store::<T, WHOLE, K>(kept, units, at, &keeps);
}

/// The derivative of [`forward`]: `dstate` is the gradient by the states after, and becomes that by the states before, but for what goes
/// through `q`. `dp` is written if it is not the same as `dq`.
pub fn backward<T: Float, C: Cell<T, G, S, K>, const G: usize, const S: usize, const K: usize>(
    cell: &C,
    units: usize,
    alive: impl Fn(usize) -> bool,
    [before, after, kept]: [&[T]; 3],
    dstate: &mut [T],
    dp: &mut [T],
    dq: &mut [T],
) {
    dispatch(
        #[inline(always)]
        || {
            for (b, dstate) in dstate.chunks_exact_mut(S * units).enumerate() {
                let dq = &mut dq[b * G * units..][..G * units];
                let dp = if C::SUM { &mut [] } else { &mut dp[b * G * units..][..G * units] };
                if !alive(b) {
                    dp.fill(T::ZERO);
                    dq.fill(T::ZERO);
                    continue;
                }
                let (before, after) =
                    (&before[b * S * units..][..S * units], &after[b * S * units..][..S * units]);
                let kept = &kept[b * K * units..][..K * units];
                let rows = [before, after, kept];
                let whole = units / BLOCK * BLOCK;
                for at in (0..whole).step_by(BLOCK) {
                    backward_block::<T, C, true, G, S, K>(cell, units, at, rows, dstate, dp, dq);
                }
                if whole < units {
                    backward_block::<T, C, false, G, S, K>(cell, units, whole, rows, dstate, dp, dq);
                }
            }
        },
    );
}

/// [`backward`] of one block of one sample.
#[inline(always)]
fn backward_block<
    T: Float,
    C: Cell<T, G, S, K>,
    const WHOLE: bool,
    const G: usize,
    const S: usize,
    const K: usize,
>(
    cell: &C,
    units: usize,
    at: usize,
    [before, after, kept]: [&[T]; 3],
    dstate: &mut [T],
    dp: &mut [T],
    dq: &mut [T],
) {
    let dy = load::<T, WHOLE, S>(dstate, units, at);
    let (before, after) = (load::<T, WHOLE, S>(before, units, at), load::<T, WHOLE, S>(after, units, at));
    let kept = load::<T, WHOLE, K>(kept, units, at);
    let (mut dps, mut dqs) = ([[T::ZERO; BLOCK]; G], [[T::ZERO; BLOCK]; G]);
    let mut dstates = [[T::ZERO; BLOCK]; S];
    for u in 0..BLOCK {
        let (p, q, state) = cell.backward(unit(&dy, u), unit(&before, u), unit(&after, u), unit(&kept, u));
        set(&mut dps, u, p);
        set(&mut dqs, u, q);
        set(&mut dstates, u, state);
    }
    if !C::SUM {
        store::<T, WHOLE, G>(dp, units, at, &dps);
    }
    store::<T, WHOLE, G>(dq, units, at, &dqs);
    store::<T, WHOLE, S>(dstate, units, at, &dstates);
}
