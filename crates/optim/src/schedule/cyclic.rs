//! Rates that rise and fall again and again, or once.

use super::{Schedule, cosine};

/// [`Cosine`](crate::Cosine) again and again; the `k`-th wave is `multiplier` times as long as the one before.
///
/// Loshchilov and Hutter 2017, 'SGDR: stochastic gradient descent with warm restarts'.
///
/// ```
/// use ravine_optim::{Schedule, WarmRestarts};
///
/// let rate = WarmRestarts { initial: 1.0, last: 0.0, steps: 10, multiplier: 2 };
/// assert_eq!([0, 10, 30, 70].map(|step| rate.rate(step)), [1.0; 4]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WarmRestarts {
    /// The rate at the beginning of each wave.
    pub initial: f64,
    /// The rate at its end.
    pub last: f64,
    /// The steps of the first wave.
    pub steps: u64,
    /// The factor from the length of a wave to that of the next.
    pub multiplier: u64,
}

impl Schedule for WarmRestarts {
    fn rate(&self, step: u64) -> f64 {
        let (mut length, mut step) = (self.steps.max(1), step);
        if self.multiplier <= 1 {
            step %= length;
        }
        while step >= length {
            step -= length;
            length = length.saturating_mul(self.multiplier);
        }
        cosine(self.initial, self.last, step as f64 / length as f64)
    }
}

/// A zigzag between `low` and `high`. (For a momentum that falls while the rate rises, let `low` be the larger.)
///
/// Smith 2017, 'Cyclical learning rates for training neural networks'.
///
/// ```
/// use ravine_optim::{Cycle, Cyclic, Schedule};
///
/// let rate = Cyclic { low: 0.0, high: 1.0, up: 2, down: 2, cycle: Cycle::Halving };
/// assert_eq!(rate.curve(8), [0.0, 0.5, 1.0, 0.5, 0.0, 0.25, 0.5, 0.25]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cyclic {
    /// The rate between two cycles.
    pub low: f64,
    /// The rate at the height of the first cycle.
    pub high: f64,
    /// The steps of a rise.
    pub up: u64,
    /// The steps of a fall.
    pub down: u64,
    /// How high the cycles are.
    pub cycle: Cycle,
}

/// How the height of [`Cyclic`]'s cycles changes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Cycle {
    /// All are equally high ('triangular').
    #[default]
    Equal,
    /// Each is half as high as the one before ('triangular2').
    Halving,
    /// The height falls by this factor at each step ('exp_range').
    Exponential(f64),
}

impl Schedule for Cyclic {
    fn rate(&self, step: u64) -> f64 {
        let length = self.up.saturating_add(self.down).max(1);
        let (cycle, at) = (step / length, step % length);
        let height = if at <= self.up {
            at as f64 / self.up.max(1) as f64
        } else {
            (length - at) as f64 / self.down as f64
        };
        let factor = match self.cycle {
            Cycle::Equal => 1.0,
            Cycle::Halving => 0.5f64.powf(cycle as f64),
            Cycle::Exponential(factor) => factor.powf(step as f64),
        };
        self.low + (self.high - self.low) * height * factor
    }
}

/// One rise and one long fall: from `initial` to `peak` in the share `rise` of the steps, then to `last`.
///
/// With `three_phase`, the fall back to `initial` is as long as the rise, and a third phase goes on to `last`. A momentum moves
/// the other way: `OneCycle { initial: 0.95, peak: 0.85, last: 0.95, ..cycle }`.
///
/// Smith and Topin 2018, 'Super-convergence: very fast training of neural networks using large learning rates'.
///
/// ```
/// use ravine_optim::{OneCycle, Schedule};
///
/// let cycle = OneCycle::new(1.0, 100);
/// assert_eq!((cycle.rate(0), cycle.rate(29)), (0.04, 1.0));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OneCycle {
    /// The rate at first.
    pub initial: f64,
    /// The rate at its height.
    pub peak: f64,
    /// The rate in the end.
    pub last: f64,
    /// How many steps there are.
    pub steps: u64,
    /// The share of them that the rise takes.
    pub rise: f64,
    /// The form of rise and fall.
    pub anneal: Anneal,
    /// Whether the fall is in two phases.
    pub three_phase: bool,
}

/// The form of a way from one rate to another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Anneal {
    /// Half a wave of the cosine.
    #[default]
    Cosine,
    /// A straight line.
    Linear,
}

impl OneCycle {
    /// PyTorch's defaults: a rise over 30 % of the steps from a 25th of the peak, a fall to a 250,000th, by cosines.
    pub fn new(peak: f64, steps: u64) -> Self {
        let (initial, anneal) = (peak / 25.0, Anneal::Cosine);
        OneCycle { initial, peak, last: initial / 1e4, steps, rise: 0.3, anneal, three_phase: false }
    }
}

impl Schedule for OneCycle {
    fn rate(&self, step: u64) -> f64 {
        let end = self.steps.max(1) as f64 - 1.0;
        let top = self.rise * self.steps as f64 - 1.0;
        let step = (step as f64).min(end);
        let (from, to, start, stop) = match self.three_phase {
            _ if step <= top => (self.initial, self.peak, 0.0, top),
            true if step <= 2.0 * top => (self.peak, self.initial, top, 2.0 * top),
            true => (self.initial, self.last, 2.0 * top, end),
            false => (self.peak, self.last, top, end),
        };
        let p = if stop > start { (step - start) / (stop - start) } else { 1.0 };
        match self.anneal {
            Anneal::Cosine => cosine(from, to, p),
            Anneal::Linear => from + (to - from) * p,
        }
    }

    fn base(&self) -> f64 {
        self.peak
    }
}
