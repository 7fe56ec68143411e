//! The learning rate as a pure function of the step, which can be plotted before training and need not be saved.

mod cyclic;
mod decay;
mod plateau;
#[cfg(test)]
mod pytorch;
mod warmup;

use std::f64::consts::PI;

pub use cyclic::{Anneal, Cycle, Cyclic, OneCycle, WarmRestarts};
pub use decay::{Cosine, Exponential, InverseTime, Linear, MultiStep, Polynomial, Rex, StepDecay};
pub use plateau::{Better, Plateau};
pub use warmup::{Noam, Warmup, Wsd};

/// A learning rate for each step; or a momentum, a weight decay, any number that changes as training goes on.
///
/// A number is the constant schedule, a function of the step is the schedule that it computes, and a boxed schedule is one, too.
///
/// ```
/// use ravine_optim::{Cosine, Schedule};
///
/// let by_hand = |step: u64| 0.1 / (1.0 + step as f64);
/// assert_eq!(by_hand.rate(1), 0.05);
/// let joined = 0.1.warmup(5).then(20, Cosine::new(0.1, 80)).scaled(0.5);
/// assert_eq!((joined.rate(10), joined.rate(100)), (0.05, 0.0));
/// ```
pub trait Schedule: Send + Sync {
    /// The rate of step `step`, counted from 0.
    fn rate(&self, step: u64) -> f64;

    /// The rate that the others are measured by, in an explanation of a step: the one before any decay and after any warm-up.
    fn base(&self) -> f64 {
        self.rate(0)
    }

    /// The rates of the first `steps` steps.
    ///
    /// ```
    /// use ravine_optim::{Schedule, StepDecay};
    ///
    /// let rates = StepDecay { initial: 1.0, every: 2, factor: 0.5 }.curve(5);
    /// assert_eq!(rates, [1.0, 1.0, 0.5, 0.5, 0.25]);
    /// ```
    fn curve(&self, steps: u64) -> Vec<f64> {
        (0..steps).map(|step| self.rate(step)).collect()
    }

    /// A linear rise over the first `steps` steps to where this schedule begins, and then this schedule.
    ///
    /// Step `t` of the rise has `(t + 1) / steps` of the initial rate. Goyal et al. 2017.
    ///
    /// ```
    /// use ravine_optim::Schedule;
    ///
    /// assert_eq!(0.5.warmup(2).curve(4), [0.25, 0.5, 0.5, 0.5]);
    /// ```
    fn warmup(self, steps: u64) -> Warmup<Self>
    where
        Self: Sized,
    {
        Warmup { steps, then: self }
    }

    /// This schedule for the first `steps` steps, and then `next` from its own beginning.
    ///
    /// ```
    /// use ravine_optim::{Linear, Schedule};
    ///
    /// let falling = Linear { initial: 1.0, last: 0.0, steps: 4 };
    /// assert_eq!(2.0.then(2, falling).curve(5), [2.0, 2.0, 1.0, 0.75, 0.5]);
    /// ```
    fn then<S: Schedule>(self, steps: u64, next: S) -> Then<Self, S>
    where
        Self: Sized,
    {
        Then { steps, first: self, next }
    }

    /// This schedule times another, step by step.
    ///
    /// ```
    /// use ravine_optim::{Exponential, Schedule};
    ///
    /// let halving = Exponential { initial: 1.0, factor: 0.5 };
    /// assert_eq!(halving.times(3.0.then(1, 1.0)).curve(3), [3.0, 0.5, 0.25]);
    /// ```
    fn times<S: Schedule>(self, other: S) -> Times<Self, S>
    where
        Self: Sized,
    {
        Times(self, other)
    }

    /// This schedule times a number.
    fn scaled(self, factor: f64) -> Times<Self, f64>
    where
        Self: Sized,
    {
        self.times(factor)
    }
}

impl Schedule for f64 {
    fn rate(&self, _step: u64) -> f64 {
        *self
    }
}

impl<F: Fn(u64) -> f64 + Send + Sync> Schedule for F {
    fn rate(&self, step: u64) -> f64 {
        self(step)
    }
}

impl Schedule for Box<dyn Schedule> {
    fn rate(&self, step: u64) -> f64 {
        (**self).rate(step)
    }

    fn base(&self) -> f64 {
        (**self).base()
    }
}

/// The same rate at every step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Constant(
    /// The rate.
    pub f64,
);

impl Schedule for Constant {
    fn rate(&self, _step: u64) -> f64 {
        self.0
    }
}

/// One schedule and then another, made by [`Schedule::then`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Then<A, B> {
    steps: u64,
    first: A,
    next: B,
}

impl<A: Schedule, B: Schedule> Schedule for Then<A, B> {
    fn rate(&self, step: u64) -> f64 {
        match step.checked_sub(self.steps) {
            Some(step) => self.next.rate(step),
            None => self.first.rate(step),
        }
    }

    fn base(&self) -> f64 {
        self.first.base()
    }
}

/// The product of two schedules, made by [`Schedule::times`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Times<A, B>(A, B);

impl<A: Schedule, B: Schedule> Schedule for Times<A, B> {
    fn rate(&self, step: u64) -> f64 {
        self.0.rate(step) * self.1.rate(step)
    }

    fn base(&self) -> f64 {
        self.0.base() * self.1.base()
    }
}

/// How much of `steps` steps is over at `step`: from 0 to 1, and 1 if there are none.
fn progress(step: u64, steps: u64) -> f64 {
    if step >= steps { 1.0 } else { step as f64 / steps as f64 }
}

/// The way from `from` to `to` along half a wave of the cosine, `p` of it being done; exact at both ends.
fn cosine(from: f64, to: f64, p: f64) -> f64 {
    let left = (1.0 + (PI * p).cos()) / 2.0;
    from * left + to * (1.0 - left)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_and_functions_are_schedules() {
        let any: Box<dyn Schedule> = Box::new(StepDecay { initial: 1.0, every: 3, factor: 0.1 });
        assert_eq!(any.warmup(1).curve(5), [1.0, 1.0, 1.0, 1.0, 0.1]);
        assert_eq!(Constant(0.3).rate(7), 0.3);
        assert_eq!((|step: u64| step as f64).scaled(2.0).rate(4), 8.0);
    }

    #[test]
    fn the_base_is_what_comes_before_decay_and_after_warm_up() {
        assert_eq!(Cosine::new(0.4, 100).warmup(10).base(), 0.4);
        assert_eq!(0.2.then(5, 0.1).scaled(3.0).base(), 0.2 * 3.0);
        assert_eq!(OneCycle::new(0.5, 100).base(), 0.5);
    }
}
