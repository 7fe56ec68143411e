//! Connectionist temporal classification: sequences whose alignment is not known.

use ravine_autograd::{Var, record};
use ravine_tensor::{Float, Tensor};

use super::Reduction;

/// The options of [`ctc_loss`].
#[derive(Clone, Copy, Debug, Default)]
pub struct CtcOptions {
    /// The class that stands for no label; 0 by default.
    pub blank: usize,
    /// Whether a sample whose loss is infinite, as where its input is too short for its target, has loss 0 instead. NaN stays NaN.
    pub zero_infinity: bool,
    /// How the samples' losses are reduced. The mean is over samples, each divided by the length of its target, as in PyTorch.
    pub reduction: Reduction,
}

/// `-log P(target)`, where `P` sums over all alignments: the ways to write the target with every label repeated and blanks put between, one
/// symbol per time step, each with the probability that `log_probs` gives it at its step.
///
/// The sum is the forward-backward recursion in log space (in `f64`), of `O(time · length)`. Backward: `d/dx[t, c]` is minus the probability
/// that an alignment has `c` at step `t`. It can be differentiated once.
///
/// Shapes: `log_probs [time, batch, classes]` (from [`log_softmax`](Var::log_softmax)), `targets [batch, length]`, padded with anything,
/// and for each sample how much of its input and of its target counts -> `[batch]`, then reduced. Graves et al. 2006,
/// 'Connectionist temporal classification'.
///
/// ```
/// use ravine_autograd::Tape;
/// use ravine_nn::loss::{CtcOptions, ctc_loss};
/// use ravine_tensor::Tensor;
///
/// // Three steps of one sample, in which blank (class 0) and label 1 are equally likely: of 8 ways, 6 say `1`, and once only.
/// let x = Tape::new().variable(Tensor::<f32>::zeros([3, 1, 2]));
/// let loss = ctc_loss(&x.log_softmax(), &Tensor::from([[1]]), &[3], &[1], &CtcOptions::default());
/// assert!((loss.item() + (6f32 / 8.0).ln()).abs() < 1e-6);
/// ```
///
/// # Panics
/// If the shapes do not fit together, a length is more than there is, or a label is the blank or no class.
#[track_caller]
pub fn ctc_loss<T: Float>(
    log_probs: &Var<T>,
    targets: &Tensor<i64>,
    input_lengths: &[usize],
    target_lengths: &[usize],
    options: &CtcOptions,
) -> Var<T> {
    let &[time, batch, classes] = &log_probs.shape()[..] else {
        panic!("ctc_loss: log_probs {}; expected [time, batch, classes]", log_probs.shape());
    };
    assert!(
        targets.rank() == 2 && targets.size(0) == batch,
        "ctc_loss: targets {}; expected [{batch}, length] for log_probs {}",
        targets.shape(),
        log_probs.shape()
    );
    let blank = options.blank;
    assert!(blank < classes, "ctc_loss: blank is {blank}; expected a class, 0..{classes}");
    let longest =
        [("input_lengths", input_lengths, time), ("target_lengths", target_lengths, targets.size(1))];
    for (field, lengths, most) in longest {
        assert!(lengths.len() == batch, "ctc_loss: {field} has {} entries; expected {batch}", lengths.len());
        if let Some(bad) = lengths.iter().find(|&&n| n > most) {
            panic!("ctc_loss: {field} has {bad}; expected at most {most}");
        }
    }

    let x = log_probs.value();
    let mut losses = vec![0.0; batch];
    let mut occupancy = vec![0.0; time * batch * classes];
    for sample in 0..batch {
        let labels = labels(targets, sample, target_lengths[sample], classes, blank);
        let steps: Vec<f64> =
            x.narrow(0, 0, input_lengths[sample]).index(1, sample).iter().map(T::as_f64).collect();
        let lattice = Lattice { labels: &labels, steps: &steps, classes, blank };
        let log_likelihood =
            lattice.occupancy(|t, class, p| occupancy[(t * batch + sample) * classes + class] += p);
        // NaN is no infinity: it is to be seen.
        let zero = options.zero_infinity && log_likelihood == f64::NEG_INFINITY;
        losses[sample] = if zero { 0.0 } else { -log_likelihood };
    }

    let of = |values: Vec<f64>, shape: &[usize]| Tensor::from_fn(shape, |i| T::of(values[i]));
    let occupancy = of(occupancy, &[time, batch, classes]);
    let each = record("ctc_loss", [log_probs], of(losses, &[batch]), move |dy, _| {
        assert!(!dy.tape().is_recording(), "ctc_loss: can be differentiated once, not twice (create_graph)");
        [Some(-(dy.reshape([1, batch, 1]) * dy.constant(occupancy.clone())))]
    });
    if options.reduction == Reduction::Mean {
        let lengths = of(target_lengths.iter().map(|&n| n.max(1) as f64).collect(), &[batch]);
        return (&each / each.constant(lengths)).mean(..);
    }
    options.reduction.of(each)
}

#[track_caller]
fn labels(targets: &Tensor<i64>, sample: usize, len: usize, classes: usize, blank: usize) -> Vec<usize> {
    (0..len)
        .map(|i| match usize::try_from(targets.at([sample, i])) {
            Ok(label) if label < classes && label != blank => label,
            _ => panic!(
                "ctc_loss: label {} of sample {sample}; expected a class, 0..{classes}, other than the blank, {blank}",
                targets.at([sample, i])
            ),
        })
        .collect()
}

/// All alignments of one sample: states are the labels with a blank before, between and after them.
struct Lattice<'a> {
    labels: &'a [usize],
    /// `[time, classes]`.
    steps: &'a [f64],
    classes: usize,
    blank: usize,
}

impl Lattice<'_> {
    fn class(&self, state: usize) -> usize {
        if state.is_multiple_of(2) { self.blank } else { self.labels[state / 2] }
    }

    /// Whether an alignment can go to `state` from two before, leaving out a blank: not between two equal labels.
    fn skips(&self, state: usize) -> bool {
        state >= 3 && state % 2 == 1 && self.labels[state / 2] != self.labels[state / 2 - 1]
    }

    /// The log-likelihood of the target; `add` receives the probabilities of the states at each step.
    fn occupancy(&self, mut add: impl FnMut(usize, usize, f64)) -> f64 {
        let (time, states) = (self.steps.len() / self.classes.max(1), 2 * self.labels.len() + 1);
        if time == 0 {
            return if self.labels.is_empty() { 0.0 } else { f64::NEG_INFINITY };
        }
        let emission = |t: usize, state: usize| self.steps[t * self.classes + self.class(state)];
        // alpha[t, s]: the log-probability of the first t + 1 steps ending in state s.
        let mut alpha = vec![f64::NEG_INFINITY; time * states];
        for state in 0..states.min(2) {
            alpha[state] = emission(0, state);
        }
        for t in 1..time {
            let (before, now) = alpha[(t - 1) * states..].split_at_mut(states);
            for state in 0..states {
                let from = |back: usize| before[state - back];
                let stay_or_step = if state >= 1 { log_add(from(0), from(1)) } else { from(0) };
                let reach = if self.skips(state) { log_add(stay_or_step, from(2)) } else { stay_or_step };
                now[state] = reach + emission(t, state);
            }
        }
        let ends = states.saturating_sub(2)..states;
        let likelihood =
            ends.clone().fold(f64::NEG_INFINITY, |sum, s| log_add(sum, alpha[(time - 1) * states + s]));
        if likelihood == f64::NEG_INFINITY {
            return likelihood;
        }
        // beta[s]: the log-probability of the steps after t, from state s on.
        let mut beta = vec![f64::NEG_INFINITY; states];
        beta[ends].fill(0.0);
        for t in (0..time).rev() {
            for (state, &rest) in beta.iter().enumerate() {
                add(t, self.class(state), (alpha[t * states + state] + rest - likelihood).exp());
            }
            let ahead: Vec<f64> = (0..states).map(|state| beta[state] + emission(t, state)).collect();
            for state in 0..states {
                beta[state] = ahead[state];
                if state + 1 < states {
                    beta[state] = log_add(beta[state], ahead[state + 1]);
                }
                if state + 2 < states && self.skips(state + 2) {
                    beta[state] = log_add(beta[state], ahead[state + 2]);
                }
            }
        }
        likelihood
    }
}

/// `log(eᵃ + eᵇ)`.
fn log_add(a: f64, b: f64) -> f64 {
    let (low, high) = if a < b { (a, b) } else { (b, a) };
    if low == f64::NEG_INFINITY { high } else { high + (low - high).exp().ln_1p() }
}

#[cfg(test)]
mod tests {
    use ravine_autograd::Tape;

    use super::*;

    /// The sum over alignments, one by one.
    fn by_enumeration(x: &Tensor<f64>, target: &[i64]) -> f64 {
        let (time, classes) = (x.size(0), x.size(2));
        let mut total = 0.0;
        for code in 0..classes.pow(time as u32) {
            let path: Vec<i64> = (0..time).map(|t| (code / classes.pow(t as u32) % classes) as i64).collect();
            let mut written = path.clone();
            written.dedup();
            written.retain(|&c| c != 0);
            if written == target {
                total += path.iter().enumerate().map(|(t, &c)| x.at([t, 0, c as usize])).sum::<f64>().exp();
            }
        }
        -total.ln()
    }

    #[test]
    fn the_recursion_sums_all_alignments() {
        let x = Tensor::<f64>::from_fn([5, 1, 3], |i| ((i * 7) % 11) as f64 * 0.3).log_softmax();
        for target in [&[][..], &[1], &[1, 2], &[1, 1], &[2, 1, 2], &[1, 1, 1]] {
            let tape = Tape::eval();
            let padded = Tensor::from_fn([1, 4], |i| target.get(i).copied().unwrap_or(-7));
            let options = CtcOptions { reduction: Reduction::Sum, ..CtcOptions::default() };
            let loss = ctc_loss(&tape.input(x.clone()), &padded, &[5], &[target.len()], &options).item();
            let want = by_enumeration(&x, target);
            assert!((loss - want).abs() < 1e-12, "{target:?}: {loss}, should be {want}");
        }
    }

    #[test]
    fn a_target_that_does_not_fit_is_infinite_or_zero() {
        let tape = Tape::new();
        let x = tape.variable(Tensor::<f32>::zeros([2, 1, 3]));
        let loss = |zero_infinity| {
            let options = CtcOptions { zero_infinity, ..CtcOptions::default() };
            ctc_loss(&x, &Tensor::from([[1, 1]]), &[2], &[2], &options)
        };
        assert_eq!(loss(false).item(), f32::INFINITY);
        assert_eq!(loss(true).item(), 0.0);
        assert_eq!(loss(true).backward().wrt(&x).unwrap().to_vec(), [0.0; 6]);
    }
}
