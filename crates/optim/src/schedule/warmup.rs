//! Rates that rise before they fall.

use super::{Schedule, progress};

/// A rise, and then another schedule, made by [`Schedule::warmup`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Warmup<S> {
    pub(super) steps: u64,
    pub(super) then: S,
}

impl<S: Schedule> Schedule for Warmup<S> {
    fn rate(&self, step: u64) -> f64 {
        match step.checked_sub(self.steps) {
            Some(step) => self.then.rate(step),
            None => self.then.rate(0) * (step + 1) as f64 / self.steps as f64,
        }
    }

    fn base(&self) -> f64 {
        self.then.base()
    }
}

/// The transformer's first schedule: `factor · width^-½ · min(t^-½, t · warmup^-3⁄2)` with `t = step + 1`.
///
/// Vaswani et al. 2017, 'Attention is all you need'.
///
/// ```
/// use ravine_optim::{Noam, Schedule};
///
/// let rate = Noam { factor: 1.0, width: 512, warmup: 4000 };
/// assert!((rate.rate(3999) - 512f64.powf(-0.5) * 4000f64.powf(-0.5)).abs() < 1e-15);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Noam {
    /// A factor on all rates.
    pub factor: f64,
    /// The width of the model.
    pub width: usize,
    /// The steps of the rise.
    pub warmup: u64,
}

impl Schedule for Noam {
    fn rate(&self, step: u64) -> f64 {
        let (t, warmup) = ((step + 1) as f64, self.warmup.max(1) as f64);
        self.factor / (self.width as f64).sqrt() * t.powf(-0.5).min(t * warmup.powf(-1.5))
    }

    fn base(&self) -> f64 {
        self.rate(self.warmup.max(1) - 1)
    }
}

/// Warm-up, stable, decay: a linear rise, a plateau of any length, and a fall `rate · (1 - √p)` in which most of the loss is won.
///
/// The plateau needs no end to be planned: a run can be stopped, or go on, before the fall.
///
/// Hu et al. 2024, 'MiniCPM'; the form of the fall: Hägele et al. 2024, 'Scaling laws and compute-optimal training beyond fixed
/// training durations'.
///
/// ```
/// use ravine_optim::{Schedule, Wsd};
///
/// let rate = Wsd { rate: 1.0, warmup: 2, stable: 2, decay: 4 };
/// assert_eq!(rate.curve(10), [0.5, 1.0, 1.0, 1.0, 1.0, 0.5, 1.0 - 0.5f64.sqrt(), 1.0 - 0.75f64.sqrt(), 0.0, 0.0]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wsd {
    /// The rate of the plateau.
    pub rate: f64,
    /// The steps of the rise.
    pub warmup: u64,
    /// The steps of the plateau.
    pub stable: u64,
    /// The steps of the fall.
    pub decay: u64,
}

impl Schedule for Wsd {
    fn rate(&self, step: u64) -> f64 {
        if step < self.warmup {
            return self.rate * (step + 1) as f64 / self.warmup as f64;
        }
        match step.checked_sub(self.warmup.saturating_add(self.stable)) {
            Some(step) => self.rate * (1.0 - progress(step, self.decay).sqrt()),
            None => self.rate,
        }
    }

    fn base(&self) -> f64 {
        self.rate
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Cosine;

    #[test]
    fn warm_up_ends_where_the_other_begins() {
        let rates = Cosine::new(0.4, 100).warmup(4).curve(6);
        assert_eq!(rates[..5], [0.1, 0.2, 0.30000000000000004, 0.4, 0.4]);
        assert_eq!(rates[5], Cosine::new(0.4, 100).rate(1));
        assert_eq!(0.5.warmup(0).rate(0), 0.5);
    }

    #[test]
    fn a_plateau_without_an_end() {
        let rate = Wsd { rate: 1.0, warmup: 2, stable: u64::MAX, decay: 4 };
        assert_eq!(rate.curve(4), [0.5, 1.0, 1.0, 1.0]);
        assert_eq!(rate.rate(u64::MAX - 1), 1.0);
    }
}
