//! The scale of an axis.

/// Maps the numbers along an axis to 0 (its beginning) to 1 (its end).
///
/// ```
/// use ravine_plot::Scale;
///
/// let scale = Scale::around([1.0, 3.0, 10.0], false);
/// assert_eq!(scale.ticks(5), [0.0, 5.0, 10.0]);
/// assert_eq!(Scale::log(1e-4, 1.0).at(1e-3), 0.25);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// The ends, or their logarithms to base 10.
    from: f64,
    to: f64,
    logarithmic: bool,
}

impl Scale {
    /// Equal steps are equally long. If there is nothing between the ends, it gets some room [around](Self::around) them.
    pub fn linear(from: f64, to: f64) -> Self {
        Scale::new(from, to, false)
    }

    /// Equal factors are equally long. If there is nothing between the ends, it gets some room [around](Self::around) them.
    ///
    /// # Panics
    /// If an end is not positive.
    #[track_caller]
    pub fn log(from: f64, to: f64) -> Self {
        assert!(from > 0.0 && to > 0.0, "Scale::log: from {from} to {to}: a logarithm needs positive ends");
        Scale::new(from, to, true)
    }

    fn new(from: f64, to: f64, logarithmic: bool) -> Self {
        if from == to || !from.is_finite() || !to.is_finite() {
            return Scale::around([from, to], logarithmic);
        }
        let end = |x: f64| if logarithmic { x.log10() } else { x };
        Scale { from: end(from), to: end(to), logarithmic }
    }

    /// From a little below the smallest of the values that are finite to a little above the largest. A linear scale of positive numbers begins
    /// at zero, unless that would waste much of it; a logarithmic one becomes linear if a value is not positive.
    pub fn around(values: impl IntoIterator<Item = f64>, logarithmic: bool) -> Self {
        let finite: Vec<f64> = values.into_iter().filter(|x| x.is_finite()).collect();
        let logarithmic = logarithmic && finite.iter().all(|&x| x > 0.0);
        let ends = finite.iter().map(|x| if logarithmic { x.log10() } else { *x });
        let low = ends.clone().fold(f64::INFINITY, f64::min);
        let high = ends.fold(f64::NEG_INFINITY, f64::max);
        if low > high {
            return Scale { from: 0.0, to: 1.0, logarithmic: false };
        }
        let room = if high > low { 0.04 * (high - low) } else { low.abs().max(1.0) * 0.1 };
        let zero = !logarithmic && low >= 0.0 && low < 0.3 * high;
        Scale { from: if zero { 0.0 } else { low - room }, to: high + room, logarithmic }
    }

    /// The position of a number: from 0 to 1, or outside.
    pub fn at(&self, x: f64) -> f64 {
        let x = if self.logarithmic { x.max(f64::MIN_POSITIVE).log10() } else { x };
        (x - self.from) / (self.to - self.from)
    }

    /// Whether equal factors, and not equal steps, are equally long.
    pub fn is_logarithmic(&self) -> bool {
        self.logarithmic
    }

    /// Round numbers along the scale, ascending: about `n` of them.
    pub fn ticks(&self, n: usize) -> Vec<f64> {
        let (low, high) = (self.from.min(self.to), self.from.max(self.to));
        if !self.logarithmic {
            return multiples(low, high, n);
        }
        if high - low <= 0.8 {
            return multiples(10f64.powf(low), 10f64.powf(high), n);
        }
        let every = ((high - low) / n as f64).ceil().max(1.0) as i32;
        let powers = (low.ceil() as i32..=high.floor() as i32).filter(|power| power.rem_euclid(every) == 0);
        let powers: Vec<f64> = powers.map(|power| 10f64.powi(power)).collect();
        if powers.len() > 2 || every > 1 {
            return powers;
        }
        let around = low.floor() as i32..=high.ceil() as i32;
        let steps = around.flat_map(|power| [1.0, 2.0, 5.0].map(|factor| factor * 10f64.powi(power)));
        steps.filter(|x| (low..=high).contains(&x.log10())).collect()
    }
}

/// The multiples of a round number, one, two or five times a power of ten, from `low` to `high`: about `n`.
fn multiples(low: f64, high: f64, n: usize) -> Vec<f64> {
    // The ends may be a little off, by rounding.
    let rough = 0.99 * (high - low) / n as f64;
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0].map(|factor| factor * power).into_iter().find(|&step| step >= rough);
    let step = step.unwrap_or(10.0 * power);
    let (first, last) = ((low / step - 1e-9).ceil() as i64, (high / step + 1e-9).floor() as i64);
    (first..=last).map(|i| i as f64 * step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round() {
        assert_eq!(
            Scale::around([0.0, 11000.0], false).ticks(6),
            [0.0, 2000.0, 4000.0, 6000.0, 8000.0, 10000.0]
        );
        assert_eq!(Scale::linear(0.3, -0.3).ticks(3), [-0.2, 0.0, 0.2], "backwards");
        assert_eq!(Scale::around([1e-4, 1.0], true).ticks(5), [1e-4, 1e-3, 1e-2, 1e-1, 1.0]);
        assert_eq!(Scale::around([0.02, 0.9], true).ticks(5).len(), 6);
        assert!(!Scale::around([5.0, 5.0], false).ticks(4).is_empty());
        assert!(!Scale::around([-1.0, 1.0], true).is_logarithmic());
    }

    #[test]
    fn every_scale_has_room() {
        let scales = [
            Scale::linear(2.0, 2.0),
            Scale::log(2.0, 2.0),
            Scale::linear(f64::NAN, 1.0),
            Scale::linear(0.0, f64::INFINITY),
            Scale::around([], true),
        ];
        for scale in scales {
            assert!(scale.at(1.0) < scale.at(2.0) && (1..10).contains(&scale.ticks(5).len()), "{scale:?}");
        }
    }
}
