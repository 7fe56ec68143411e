//! The learning rate as a pure function of the step, so that it can be drawn before training and needs no saving.

use std::f64::consts::PI;

/// A learning rate for each step.
///
/// A number is the constant schedule, a function of the step is the schedule that it computes, and a boxed schedule is one, too.
pub trait Schedule: Send + Sync {
    /// The rate of step `step`, counted from 0.
    fn rate(&self, step: u64) -> f64;

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
    /// assert_eq!(0.8.warmup(4).curve(6), [0.2, 0.4, 0.6000000000000001, 0.8, 0.8, 0.8]);
    /// ```
    fn warmup(self, steps: u64) -> Warmup<Self>
    where
        Self: Sized,
    {
        Warmup { steps, then: self }
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

/// `initial factor^⌊step / every⌋`: large steps first, then smaller ones.
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

/// Half a wave of the cosine, from `initial` down to `last`: `last + (initial - last) (1 + cos(π step / steps)) / 2`, and `last` from
/// there on.
///
/// Loshchilov and Hutter 2017, 'SGDR'.
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
    /// From `initial` to 0 in so many steps.
    pub fn new(initial: f64, steps: u64) -> Self {
        Cosine { initial, last: 0.0, steps }
    }
}

impl Schedule for Cosine {
    fn rate(&self, step: u64) -> f64 {
        let done = if step >= self.steps { 1.0 } else { step as f64 / self.steps as f64 };
        self.last + (self.initial - self.last) * (1.0 + (PI * done).cos()) / 2.0
    }
}

/// A rise, and then another schedule, made by [`Schedule::warmup`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Warmup<S> {
    steps: u64,
    then: S,
}

impl<S: Schedule> Schedule for Warmup<S> {
    fn rate(&self, step: u64) -> f64 {
        match step.checked_sub(self.steps) {
            Some(step) => self.then.rate(step),
            None => self.then.rate(0) * (step + 1) as f64 / self.steps as f64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cosine_begins_halves_and_ends() {
        let cosine = Cosine { initial: 1.0, last: 0.2, steps: 10 };
        let close = |step, want: f64| assert!((cosine.rate(step) - want).abs() < 1e-15, "step {step}");
        close(0, 1.0);
        close(5, 0.6);
        close(10, 0.2);
        close(1000, 0.2);
        assert_eq!(Cosine::new(1.0, 0).rate(0), 0.0);
    }

    #[test]
    fn warm_up_ends_where_the_other_begins() {
        let rates = Cosine::new(0.4, 100).warmup(4).curve(6);
        assert_eq!(rates[..5], [0.1, 0.2, 0.30000000000000004, 0.4, 0.4]);
        assert_eq!(rates[5], Cosine::new(0.4, 100).rate(1));
        assert_eq!(0.5.warmup(0).rate(0), 0.5);
    }

    #[test]
    fn boxes_are_schedules() {
        let any: Box<dyn Schedule> = Box::new(StepDecay { initial: 1.0, every: 3, factor: 0.1 });
        assert_eq!(any.warmup(1).curve(5), [1.0, 1.0, 1.0, 1.0, 0.1]);
        assert_eq!(Constant(0.3).rate(7), 0.3);
    }
}
