//! Recurrent networks over whole sequences: only the products with the hidden state are computed step by step.

use std::ops::Range;

use crate::kernels::gemm::{Mat, Store, gemm};
use crate::kernels::recurrent::{self, Cell, Gru, Lstm, Rnn};
use crate::parallel::{for_parts, threads_for};
use crate::{Float, Tensor};

/// The kinds of recurrent cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recurrence {
    /// `h' = tanh(p + q)`.
    Tanh,
    /// `h' = max(p + q, 0)`.
    Relu,
    /// Gates `i, f, g, o`: `c' = σ(f) c + σ(i) tanh(g)`, `h' = σ(o) tanh c'`.
    Lstm,
    /// Gates `r, z, n`: `h' = (1 - σ(z)) tanh(n_p + σ(r) n_q) + σ(z) h`.
    Gru,
}

impl Recurrence {
    /// How many gates each unit has.
    pub fn gates(self) -> usize {
        match self {
            Recurrence::Tanh | Recurrence::Relu => 1,
            Recurrence::Lstm => 4,
            Recurrence::Gru => 3,
        }
    }

    /// How many states each unit has: the hidden state and, for LSTM, the cell state.
    pub fn states(self) -> usize {
        if self == Recurrence::Lstm { 2 } else { 1 }
    }
}

/// In which order the steps of a sequence are taken, and how many of them are real.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Steps {
    /// From the last to the first.
    pub reverse: bool,
    /// The number of steps of each sample, after which its state stays constant. `None`: every sample has all steps.
    pub lengths: Option<Vec<usize>>,
}

impl Steps {
    /// Which samples, counted from `first`, have a step `t`.
    fn alive(&self, t: usize, first: usize) -> impl Fn(usize) -> bool {
        move |b| self.lengths.as_ref().is_none_or(|lengths| t < lengths[first + b])
    }

    /// Each step with its predecessor, in the order of computation.
    fn order(&self, steps: usize) -> impl DoubleEndedIterator<Item = (usize, Option<usize>)> + use<> {
        let reverse = self.reverse;
        (0..steps).map(move |i| {
            if reverse { (steps - 1 - i, (i > 0).then(|| steps - i)) } else { (i, i.checked_sub(1)) }
        })
    }
}

/// The sizes of one run.
struct Sizes {
    steps: usize,
    batch: usize,
    units: usize,
}

impl<T: Float> Tensor<T> {
    /// Runs a recurrent cell over sequences: `p` (this tensor) is the input's part of the gates, `q = h wᵀ + b` that of the previous hidden
    /// state.
    ///
    /// Shapes: `p [time, batch, gates units]`, `weight [gates units, units]`, `bias [gates units]`, `initial [batch, states units]` ->
    /// the states after each step, `[time, batch, states units]`, the hidden one first; and what the backward pass needs.
    ///
    /// # Panics
    /// If the shapes do not fit together.
    #[doc(hidden)]
    #[track_caller]
    #[must_use]
    pub fn recurrent(
        &self,
        cell: Recurrence,
        weight: &Tensor<T>,
        bias: Option<&Tensor<T>>,
        initial: &Tensor<T>,
        steps: &Steps,
    ) -> (Tensor<T>, Tensor<T>) {
        let sizes = self.check(cell, weight, bias, initial, steps);
        let tensors = [&self.contiguous(), &weight.contiguous(), &initial.contiguous()];
        let bias = bias.map(Tensor::contiguous);
        let bias = bias.as_ref();
        match cell {
            Recurrence::Tanh => run(&Rnn { relu: false }, &sizes, tensors, bias, steps),
            Recurrence::Relu => run(&Rnn { relu: true }, &sizes, tensors, bias, steps),
            Recurrence::Lstm => run(&Lstm, &sizes, tensors, bias, steps),
            Recurrence::Gru => run(&Gru, &sizes, tensors, bias, steps),
        }
    }

    /// The gradients of [`recurrent`](Self::recurrent) by `p`, weight, bias and initial states, from this gradient by its states.
    ///
    /// # Panics
    /// If the shapes are not those of the forward pass.
    #[doc(hidden)]
    #[track_caller]
    #[must_use]
    pub fn recurrent_grad(
        &self,
        cell: Recurrence,
        weight: &Tensor<T>,
        initial: &Tensor<T>,
        states: &Tensor<T>,
        kept: &Tensor<T>,
        steps: &Steps,
    ) -> [Tensor<T>; 4] {
        assert!(
            self.shape() == states.shape(),
            "recurrent_grad: {} and {} differ",
            self.shape(),
            states.shape()
        );
        let sizes = Sizes { steps: self.shape()[0], batch: self.shape()[1], units: weight.shape()[1] };
        let tensors = [&self.contiguous(), &weight.contiguous(), &initial.contiguous(), states, kept];
        match cell {
            Recurrence::Tanh => run_back(&Rnn { relu: false }, &sizes, tensors, steps),
            Recurrence::Relu => run_back(&Rnn { relu: true }, &sizes, tensors, steps),
            Recurrence::Lstm => run_back(&Lstm, &sizes, tensors, steps),
            Recurrence::Gru => run_back(&Gru, &sizes, tensors, steps),
        }
    }

    #[track_caller]
    fn check(
        &self,
        cell: Recurrence,
        weight: &Tensor<T>,
        bias: Option<&Tensor<T>>,
        initial: &Tensor<T>,
        steps: &Steps,
    ) -> Sizes {
        let (gates, states) = (cell.gates(), cell.states());
        let wrong = |why: &str| {
            format!(
                "recurrent: {cell:?} of p {}, weight {}, initial {}: {why}",
                self.shape(),
                weight.shape(),
                initial.shape()
            )
        };
        let (&[time, batch, wide], &[rows, units]) = (&self.shape()[..], &weight.shape()[..]) else {
            panic!("{}", wrong("p must be [time, batch, gates units], weight [gates units, units]"))
        };
        if units == 0
            || rows != gates * units
            || wide != rows
            || bias.is_some_and(|bias| *bias.shape() != [rows])
        {
            panic!("{}", wrong("p, weight and bias must agree on gates and units"));
        }
        if *initial.shape() != [batch, states * units] {
            panic!("{}", wrong("initial must be [batch, states units]"));
        }
        let fits = |lengths: &&Vec<usize>| lengths.len() == batch && lengths.iter().all(|&n| n <= time);
        if let Some(lengths) = steps.lengths.as_ref().filter(|lengths| !fits(lengths)) {
            let why = format!("lengths {lengths:?} must be one for each sample, none more than time");
            panic!("{}", wrong(&why));
        }
        Sizes { steps: time, batch, units }
    }
}

/// Calls `run(samples, their part of each output at each step)` with all samples, or on several threads with some samples each, which
/// need no synchronisation before the end of the sequence. Each output is given with its number of steps, as `[steps, batch, ..]`.
fn by_samples<T: Float, const N: usize>(
    &Sizes { steps, batch, units }: &Sizes,
    outputs: [(usize, &mut [T]); N],
    run: impl Fn(Range<usize>, [Vec<&mut [T]>; N]) + Sync,
) {
    // 16 multiply-adds count as one elementary operation; an LSTM has twice four for each unit and state.
    let threads = threads_for(steps * batch * units * units / 2).min(batch).max(1);
    let each = batch.div_ceil(threads).max(1);
    let mut parts: Vec<(Range<usize>, [Vec<&mut [T]>; N])> = (0..batch)
        .step_by(each)
        .map(|first| (first..batch.min(first + each), [const { Vec::new() }; N]))
        .collect();
    for (i, (steps, mut rest)) in outputs.into_iter().enumerate() {
        let row = rest.len() / (steps * batch).max(1);
        for _ in 0..steps {
            for (samples, theirs) in &mut parts {
                theirs[i].push(rest.split_off_mut(..samples.len() * row).unwrap_or_default());
            }
        }
    }
    for_parts(parts, |(samples, theirs)| run(samples, theirs));
}

fn run<T: Float, const G: usize, const S: usize, const K: usize>(
    cell: &impl Cell<T, G, S, K>,
    sizes: &Sizes,
    [p, weight, initial]: [&Tensor<T>; 3],
    bias: Option<&Tensor<T>>,
    steps: &Steps,
) -> (Tensor<T>, Tensor<T>) {
    let &Sizes { steps: time, batch, units } = sizes;
    let mut kept = Tensor::scratch([time, batch, K * units]);
    // Transposed once, not in the product of every step.
    let transposed = weight.t().contiguous();
    let w = Mat { data: transposed.values(), row_stride: G * units, col_stride: 1 };
    let y = Tensor::build([time, batch, S * units].into(), |y| {
        by_samples(sizes, [(time, y), (time, kept.as_mut_slice())], |samples, [mut y, mut kept]| {
            let mut q = vec![T::ZERO; samples.len() * G * units];
            for (t, earlier) in steps.order(time) {
                let after = std::mem::take(&mut y[t]);
                let before = match earlier {
                    Some(earlier) => &*y[earlier],
                    None => rows_of(initial, 0, &samples),
                };
                // The hidden state is the first of each row of states.
                let h = Mat { data: before, row_stride: S * units, col_stride: 1 };
                gemm(samples.len(), G * units, units, h, w, &mut q, Store::Overwrite);
                let alive = steps.alive(t, samples.start);
                let rows = [rows_of(p, t, &samples), &q, before];
                recurrent::forward(cell, units, alive, rows, bias.map(Tensor::values), after, kept[t]);
                y[t] = after;
            }
        });
    });
    (y, kept)
}

/// The rows of `samples` at step `t` of a tensor `[time, batch, ..]`, or at step 0 of a tensor `[batch, ..]`.
fn rows_of<'a, T: Float>(x: &'a Tensor<T>, t: usize, samples: &Range<usize>) -> &'a [T] {
    let (batch, row) = (x.size(-2), x.size(-1));
    &x.values()[(t * batch + samples.start) * row..(t * batch + samples.end) * row]
}

fn run_back<T: Float, C: Cell<T, G, S, K>, const G: usize, const S: usize, const K: usize>(
    cell: &C,
    sizes: &Sizes,
    [dy, weight, initial, y, kept]: [&Tensor<T>; 5],
    steps: &Steps,
) -> [Tensor<T>; 4] {
    let &Sizes { steps: time, batch, units } = sizes;
    let mut dp = Tensor::scratch([time, batch, if C::SUM { 0 } else { G * units }]);
    let mut dq = Tensor::scratch([time, batch, G * units]);
    // The hidden state before every step, beside its `dq`.
    let mut hidden = Tensor::scratch([time, batch, units]);
    let mut dstate = Tensor::zeros([batch, S * units]);
    let w = Mat { data: weight.values(), row_stride: units, col_stride: 1 };
    let outputs = [
        (time, dp.as_mut_slice()),
        (time, dq.as_mut_slice()),
        (time, hidden.as_mut_slice()),
        (1, dstate.as_mut_slice()),
    ];
    by_samples(sizes, outputs, |samples, [mut dp, mut dq, mut hidden, mut dstate]| {
        let dstate = &mut *dstate[0];
        let mut through_q = vec![T::ZERO; samples.len() * units];
        for (t, earlier) in steps.order(time).rev() {
            dstate.iter_mut().zip(rows_of(dy, t, &samples)).for_each(|(sum, &dy)| *sum += dy);
            let before = match earlier {
                Some(earlier) => rows_of(y, earlier, &samples),
                None => rows_of(initial, 0, &samples),
            };
            for (hidden, before) in hidden[t].chunks_exact_mut(units).zip(before.chunks_exact(S * units)) {
                hidden.copy_from_slice(&before[..units]);
            }
            let rows = [before, rows_of(y, t, &samples), rows_of(kept, t, &samples)];
            recurrent::backward(cell, units, steps.alive(t, samples.start), rows, dstate, dp[t], dq[t]);
            let dq = Mat { data: dq[t], row_stride: G * units, col_stride: 1 };
            gemm(samples.len(), units, G * units, dq, w, &mut through_q, Store::Overwrite);
            for (dstate, through) in dstate.chunks_exact_mut(S * units).zip(through_q.chunks_exact(units)) {
                dstate[..units].iter_mut().zip(through).for_each(|(sum, &through)| *sum += through);
            }
        }
    });
    // One product is the sum over steps.
    let rows = [time * batch, G * units];
    let dw = dq.reshape(rows).t().matmul(&hidden.reshape([time * batch, units]));
    let db = dq.reshape(rows).sum(0);
    [if C::SUM { dq } else { dp }, dw, db, dstate]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;

    #[test]
    fn a_sample_with_fewer_steps_is_as_if_it_were_alone() {
        let rng = &mut Rng::new(0);
        for cell in [Recurrence::Tanh, Recurrence::Relu, Recurrence::Lstm, Recurrence::Gru] {
            let (g, s, units) = (cell.gates(), cell.states(), 19);
            let p = Tensor::<f64>::randn([5, 2, g * units], rng);
            let weight = Tensor::<f64>::randn([g * units, units], rng);
            let initial = Tensor::<f64>::randn([2, s * units], rng);
            for reverse in [false, true] {
                let steps = Steps { reverse, lengths: Some(vec![3, 5]) };
                let (y, _) = p.recurrent(cell, &weight, None, &initial, &steps);
                let short = p.narrow(0, 0, 3).narrow(1, 0, 1);
                let alone = Steps { reverse, lengths: None };
                let (want, _) = short.recurrent(cell, &weight, None, &initial.narrow(0, 0, 1), &alone);
                let close = |a: Tensor<f64>, b: Tensor<f64>| (a - b).iter().all(|d| d.abs() < 1e-12);
                assert!(close(y.narrow(0, 0, 3).narrow(1, 0, 1), want.clone()), "{cell:?}");
                let (last, last_alone) = if reverse { (0, 0) } else { (4, 2) };
                assert!(close(y.index(0, last).narrow(0, 0, 1), want.index(0, last_alone)), "{cell:?}");
            }
        }
    }

    #[test]
    fn the_same_bits_for_any_number_of_threads() {
        let rng = &mut Rng::new(1);
        for cell in [Recurrence::Relu, Recurrence::Lstm, Recurrence::Gru] {
            let (g, s, units) = (cell.gates(), cell.states(), 70);
            let p = Tensor::<f32>::randn([9, 11, g * units], rng);
            let weight = Tensor::<f32>::randn([g * units, units], rng) * 0.1;
            let initial = Tensor::<f32>::randn([11, s * units], rng);
            let steps = Steps { reverse: true, lengths: Some((0..11).map(|b| b % 10).collect()) };
            let run = |threads| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| {
                    let (y, kept) = p.recurrent(cell, &weight, None, &initial, &steps);
                    let [dp, dw, db, di] = y.recurrent_grad(cell, &weight, &initial, &y, &kept, &steps);
                    [y, kept, dp, dw, db, di].map(|t| t.iter().map(f32::to_bits).collect::<Vec<_>>())
                })
            };
            let alone = run(1);
            assert!([2, 3, 8].into_iter().all(|threads| run(threads) == alone), "{cell:?}");
        }
    }

    #[test]
    #[should_panic(expected = "lengths [3, 6] must be one for each sample, none more than time")]
    fn more_steps_than_there_are() {
        let steps = Steps { reverse: false, lengths: Some(vec![3, 6]) };
        let p = Tensor::<f32>::zeros([5, 2, 4]);
        let _ = p.recurrent(Recurrence::Tanh, &Tensor::zeros([4, 4]), None, &Tensor::zeros([2, 4]), &steps);
    }
}
