//! Rates that fall: large steps first, then smaller ones.

use super::{Schedule, cosine, progress};

/// `initial · factor^⌊step / every⌋`.
///
/// ```
/// use ravine_optim::{Schedule, StepDecay};
///
/// assert_eq!(StepDecay { initial: 1.0, every: 2, factor: 0.5 }.curve(4), [1.0, 1.0, 0.5, 0.5]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepDecay {
    /// The rate at first.
    pub initial: f64,
    /// After how many steps it is multiplied.
    pub every: u64,
    /// By what.
    pub factor: f64,
}

impl Schedule for StepDecay {
    fn rate(&self, step: u64) -> f64 {
        self.initial * self.factor.powf((step / self.every.max(1)) as f64)
    }
}

/// `initial · factor^n`, where `n` milestones are passed.
///
/// ```
/// use ravine_optim::{MultiStep, Schedule};
///
/// assert_eq!(MultiStep { initial: 1.0, milestones: vec![1, 3], factor: 0.5 }.curve(4), [1.0, 0.5, 0.5, 0.25]);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct MultiStep {
    /// The rate at first.
    pub initial: f64,
    /// The steps from which on it is multiplied once more.
    pub milestones: Vec<u64>,
    /// By what.
    pub factor: f64,
}

impl Schedule for MultiStep {
    fn rate(&self, step: u64) -> f64 {
        let passed = self.milestones.iter().filter(|&&milestone| milestone <= step).count();
        self.initial * self.factor.powf(passed as f64)
    }
}

/// `initial · factor^step`.
///
/// ```
/// use ravine_optim::{Exponential, Schedule};
///
/// assert_eq!(Exponential { initial: 1.0, factor: 0.5 }.curve(3), [1.0, 0.5, 0.25]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exponential {
    /// The rate at first.
    pub initial: f64,
    /// The factor from step to step.
    pub factor: f64,
}

impl Schedule for Exponential {
    fn rate(&self, step: u64) -> f64 {
        self.initial * self.factor.powf(step as f64)
    }
}

/// `initial / (1 + decay · step)`: falls slowly enough to reach any distance, and fast enough to silence the noise.
///
/// Robbins and Monro 1951, 'A stochastic approximation method'.
///
/// ```
/// use ravine_optim::{InverseTime, Schedule};
///
/// assert_eq!(InverseTime { initial: 1.0, decay: 1.0 }.curve(3), [1.0, 0.5, 1.0 / 3.0]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InverseTime {
    /// The rate at first.
    pub initial: f64,
    /// How fast it falls.
    pub decay: f64,
}

impl Schedule for InverseTime {
    fn rate(&self, step: u64) -> f64 {
        self.initial / (1.0 + self.decay * step as f64)
    }
}

/// A straight line from `initial` to `last` in `steps` steps, and `last` from there on.
///
/// ```
/// use ravine_optim::{Linear, Schedule};
///
/// assert_eq!(Linear { initial: 1.0, last: 0.0, steps: 2 }.curve(4), [1.0, 0.5, 0.0, 0.0]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Linear {
    /// The rate at first.
    pub initial: f64,
    /// The rate in the end.
    pub last: f64,
    /// How many steps it takes to get there.
    pub steps: u64,
}

impl Schedule for Linear {
    fn rate(&self, step: u64) -> f64 {
        self.initial + (self.last - self.initial) * progress(step, self.steps)
    }
}

/// `last + (initial - last) (1 - step / steps)^power`, and `last` after `steps` steps.
///
/// ```
/// use ravine_optim::{Polynomial, Schedule};
///
/// assert_eq!(Polynomial { initial: 1.0, last: 0.0, steps: 2, power: 2.0 }.curve(3), [1.0, 0.25, 0.0]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Polynomial {
    /// The rate at first.
    pub initial: f64,
    /// The rate in the end.
    pub last: f64,
    /// How many steps it takes to get there.
    pub steps: u64,
    /// 1 is a straight line; more falls faster at first.
    pub power: f64,
}

impl Schedule for Polynomial {
    fn rate(&self, step: u64) -> f64 {
        self.last + (self.initial - self.last) * (1.0 - progress(step, self.steps)).powf(self.power)
    }
}

/// Half a wave of the cosine, from `initial` down to `last`: `last + (initial - last) (1 + cos(π step / steps)) / 2`, and `last` from
/// there on. (PyTorch's rises again.)
///
/// Loshchilov and Hutter 2017, 'SGDR: stochastic gradient descent with warm restarts'.
///
/// ```
/// use ravine_optim::{Cosine, Schedule};
///
/// let rate = Cosine { initial: 1.0, last: 0.2, steps: 10 };
/// assert_eq!((rate.rate(0), rate.rate(5), rate.rate(10)), (1.0, 0.6, 0.2));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cosine {
    /// The rate at first.
    pub initial: f64,
    /// The rate in the end.
    pub last: f64,
    /// How many steps it takes to get there.
    pub steps: u64,
}

impl Cosine {
    /// From `initial` to 0 in `steps` steps.
    pub fn new(initial: f64, steps: u64) -> Self {
        Cosine { initial, last: 0.0, steps }
    }
}

impl Schedule for Cosine {
    fn rate(&self, step: u64) -> f64 {
        cosine(self.initial, self.last, progress(step, self.steps))
    }
}

/// `initial (1 - p) / (1 - p / 2)` with `p = step / steps`: stays high for longer than a straight line.
///
/// Chen, Wolfe and Kyrillidis 2022, 'REX: revisiting budgeted training with an improved schedule'.
///
/// ```
/// use ravine_optim::{Rex, Schedule};
///
/// assert_eq!(Rex { initial: 3.0, steps: 2 }.curve(3), [3.0, 2.0, 0.0]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rex {
    /// The rate at first.
    pub initial: f64,
    /// How many steps it takes to get to 0.
    pub steps: u64,
}

impl Schedule for Rex {
    fn rate(&self, step: u64) -> f64 {
        let p = progress(step, self.steps);
        self.initial * (1.0 - p) / (1.0 - p / 2.0)
    }
}
