//! The space that a sweep searches: ranges of settings, and points in them.

use std::fmt;

use rand::RngExt;
use ravine_tensor::Rng;
use serde::{Deserialize, Serialize};

use super::SweepError;

/// The possible values of a setting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Range {
    /// Uniform from low to high.
    Uniform(f64, f64),
    /// From low to high, with a uniform logarithm.
    Log(f64, f64),
    /// The integers from low to high, inclusive.
    Int(i64, i64),
    /// One of these.
    Choice(Vec<String>),
}

/// The settings that a sweep searches, by name, each with its range.
///
/// ```
/// use ravine_train::Space;
///
/// let space = Space::new()
///     .log("rate", 1e-4, 1.0)
///     .uniform("momentum", 0.0, 0.99)
///     .int("hidden", 16, 256)
///     .choice("activation", ["relu", "gelu"]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Space {
    pub(super) ranges: Vec<(String, Range)>,
}

impl Space {
    /// A space without settings.
    pub fn new() -> Self {
        Space::default()
    }

    /// Adds a number from `low` to `high`, uniformly distributed.
    #[must_use]
    pub fn uniform(self, name: impl Into<String>, low: f64, high: f64) -> Self {
        self.with(name, Range::Uniform(low, high))
    }

    /// Adds a number from `low` to `high` whose logarithm is uniformly distributed: for learning rates, decays and the like.
    #[must_use]
    pub fn log(self, name: impl Into<String>, low: f64, high: f64) -> Self {
        self.with(name, Range::Log(low, high))
    }

    /// Adds an integer from `low` to `high`, inclusive.
    #[must_use]
    pub fn int(self, name: impl Into<String>, low: i64, high: i64) -> Self {
        self.with(name, Range::Int(low, high))
    }

    /// Adds a choice among these texts.
    #[must_use]
    pub fn choice<S: Into<String>>(self, name: impl Into<String>, of: impl IntoIterator<Item = S>) -> Self {
        self.with(name, Range::Choice(of.into_iter().map(Into::into).collect()))
    }

    fn with(mut self, name: impl Into<String>, range: Range) -> Self {
        self.ranges.push((name.into(), range));
        self
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.ranges.iter().map(|(name, _)| name.as_str())
    }

    pub(super) fn check(&self) -> Result<(), SweepError> {
        if self.ranges.is_empty() {
            return Err(SweepError::setting("space", "no setting", "at least one"));
        }
        for (i, (name, range)) in self.ranges.iter().enumerate() {
            let wrong =
                |found: String, expected| Err(SweepError::setting(format!("space: {name}"), found, expected));
            if self.names().take(i).any(|other| other == name) {
                return wrong("it twice".into(), "it once");
            }
            match range {
                &Range::Uniform(low, high) if !(low.is_finite() && high.is_finite() && low <= high) => {
                    return wrong(format!("{low} to {high}"), "two finite numbers, the lower first");
                }
                &Range::Log(low, high) if !(low > 0.0 && high.is_finite() && low <= high) => {
                    return wrong(format!("{low} to {high}"), "two finite numbers above 0, the lower first");
                }
                &Range::Int(low, high) if low > high => {
                    return wrong(format!("{low} to {high}"), "two integers, the lower first");
                }
                Range::Choice(of) if of.is_empty() => {
                    return wrong("nothing".into(), "something to choose from");
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// A random point.
    pub(super) fn sample(&self, rng: &mut Rng) -> Settings {
        self.point(|range| match range {
            &Range::Uniform(low, high) => between(low, high, rng.random()),
            &Range::Log(low, high) => Value::Float(geometric(low, high, rng.random())),
            &Range::Int(low, high) => Value::Int(rng.random_range(low..=high)),
            Range::Choice(of) => Value::Text(of[rng.random_range(0..of.len())].clone()),
        })
    }

    /// The number of points of a grid with `points` values for each range of numbers; `None` if it overflows.
    pub(super) fn grid_size(&self, points: usize) -> Option<usize> {
        self.ranges.iter().try_fold(1usize, |n, (_, range)| n.checked_mul(range.values(points)))
    }

    /// The point of that grid with this index. The last setting changes fastest.
    pub(super) fn grid(&self, points: usize, mut index: usize) -> Settings {
        let mut digits = Vec::new();
        for (_, range) in self.ranges.iter().rev() {
            let count = range.values(points);
            digits.push((index % count, count));
            index /= count;
        }
        self.point(|range| {
            let (digit, count) = digits.pop().expect("a digit for each range");
            let part = if count > 1 { digit as f64 / (count - 1) as f64 } else { 0.5 };
            match range {
                &Range::Uniform(low, high) => between(low, high, part),
                &Range::Log(low, high) => Value::Float(geometric(low, high, part)),
                // Rounded to the nearest integer; in 128 bits, where no product overflows.
                &Range::Int(low, high) => {
                    let (steps, span) = (count.max(2) as i128 - 1, i128::from(high) - i128::from(low));
                    let digit = if count > 1 { digit as i128 } else { 0 };
                    Value::Int((i128::from(low) + (2 * span * digit + steps) / (2 * steps)) as i64)
                }
                Range::Choice(of) => Value::Text(of[digit].clone()),
            }
        })
    }

    fn point(&self, mut value: impl FnMut(&Range) -> Value) -> Settings {
        Settings(self.ranges.iter().map(|(name, range)| (name.clone(), value(range))).collect())
    }
}

impl Range {
    /// The number of values in a grid.
    fn values(&self, points: usize) -> usize {
        match self {
            Range::Uniform(low, high) | Range::Log(low, high) => {
                if low == high {
                    1
                } else {
                    points
                }
            }
            Range::Int(low, high) => {
                points.min(usize::try_from(high.abs_diff(*low)).unwrap_or(usize::MAX).saturating_add(1))
            }
            Range::Choice(of) => of.len(),
        }
    }
}

fn between(low: f64, high: f64, part: f64) -> Value {
    // Not `low + part (high - low)`: the difference may be infinite.
    Value::Float((low * (1.0 - part) + high * part).clamp(low, high))
}

fn geometric(low: f64, high: f64, part: f64) -> f64 {
    (low.ln() * (1.0 - part) + high.ln() * part).exp().clamp(low, high)
}

/// The value of a setting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// An integer.
    Int(i64),
    /// Any number.
    Float(f64),
    /// A text from a choice.
    Text(String),
}

/// As in a table: numbers with four significant digits.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Int(n) => write!(f, "{n}"),
            Value::Float(x) => f.write_str(&ravine_plot::short(*x)),
            Value::Text(text) => f.write_str(text),
        }
    }
}

/// A point of a [`Space`]: a value for each setting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings(pub(super) Vec<(String, Value)>);

impl Settings {
    /// Names and values, in the order of the space.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// The value of a setting, if there is one of this name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.iter().find(|(other, _)| *other == name).map(|(_, value)| value)
    }

    /// The value of a setting added by [`Space::uniform`] or [`Space::log`].
    ///
    /// # Panics
    /// If the space has no such setting, or it is of another kind.
    #[track_caller]
    pub fn float(&self, name: &str) -> f64 {
        match self.get(name) {
            Some(&Value::Float(x)) => x,
            found => wrong(name, found, "a number"),
        }
    }

    /// The value of a setting added by [`Space::int`].
    ///
    /// # Panics
    /// As [`float`](Self::float).
    #[track_caller]
    pub fn int(&self, name: &str) -> i64 {
        match self.get(name) {
            Some(&Value::Int(n)) => n,
            found => wrong(name, found, "an integer"),
        }
    }

    /// The value of a setting added by [`Space::choice`].
    ///
    /// # Panics
    /// As [`float`](Self::float).
    #[track_caller]
    pub fn choice(&self, name: &str) -> &str {
        match self.get(name) {
            Some(Value::Text(text)) => text,
            found => wrong(name, found, "a choice"),
        }
    }
}

#[track_caller]
fn wrong(name: &str, found: Option<&Value>, expected: &str) -> ! {
    match found {
        Some(found) => panic!("sweep: the setting '{name}' is {found}, not {expected}"),
        None => panic!("sweep: the space has no setting '{name}'"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn space() -> Space {
        Space::new().uniform("u", -1.0, 3.0).log("l", 1e-4, 1.0).int("i", -2, 2).choice("c", ["a", "b"])
    }

    #[test]
    fn samples_fill_their_ranges_evenly() {
        let points: Vec<Settings> = (0..4000).map(|i| space().sample(&mut Rng::new(7).child(i))).collect();
        let share =
            |which: &dyn Fn(&Settings) -> bool| points.iter().filter(|p| which(p)).count() as f64 / 4000.0;
        assert!(
            points
                .iter()
                .all(|p| (-1.0..=3.0).contains(&p.float("u")) && (1e-4..=1.0).contains(&p.float("l")))
        );
        assert!((share(&|p| p.float("u") < 0.0) - 0.25).abs() < 0.03);
        assert!((share(&|p| p.float("l") < 1e-2) - 0.5).abs() < 0.03);
        (-2..=2).for_each(|n| assert!((share(&|p| p.int("i") == n) - 0.2).abs() < 0.03));
        assert!((share(&|p| p.choice("c") == "a") - 0.5).abs() < 0.03);
    }

    #[test]
    fn a_grid_has_every_combination_once() {
        assert_eq!(space().grid_size(3), Some(3 * 3 * 3 * 2));
        let points: Vec<Settings> = (0..54).map(|i| space().grid(3, i)).collect();
        assert!(points.iter().enumerate().all(|(i, p)| !points[..i].contains(p)));
        let column = |name: &str| {
            let mut values: Vec<String> = points.iter().map(|p| p.get(name).unwrap().to_string()).collect();
            values.sort();
            values.dedup();
            values
        };
        assert_eq!(column("u"), ["-1", "1", "3"]);
        assert_eq!(column("l"), ["0.01", "1", "1e-4"]);
        assert_eq!(column("i"), ["-2", "0", "2"]);
        assert_eq!(column("c"), ["a", "b"]);
        let wide = Space::new().int("i", i64::MIN, i64::MAX);
        assert_eq!([0, 1].map(|i| wide.grid(2, i).int("i")), [i64::MIN, i64::MAX]);
        assert_eq!(Space::new().int("i", 1, 3).grid_size(9), Some(3));
        assert_eq!(
            (0..8).map(|i| Space::new().int("i", 0, 7).grid(8, i).int("i")).collect::<Vec<_>>(),
            (0..8).collect::<Vec<_>>()
        );
        assert_eq!(Space::new().choice("c", ["a", "b"]).uniform("u", 0.0, 1.0).grid_size(usize::MAX), None);
    }

    #[test]
    #[should_panic(expected = "sweep: the setting 'i' is 0, not a number")]
    fn kinds_are_not_mixed_up() {
        space().grid(1, 0).0.iter().for_each(|(name, _)| assert!(!name.is_empty()));
        Settings(vec![("i".into(), Value::Int(0))]).float("i");
    }
}
