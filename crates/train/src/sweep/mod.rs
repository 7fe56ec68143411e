//! Hyper-parameter search: many short runs with different settings.
//!
//! [`Space`] is the space that is searched, [`Sweep`] the search, [`Trial`] one point of it, and [`SweepResult`] the outcome.

mod journal;
mod picture;
mod result;
mod run;
mod space;

use std::error::Error;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use serde::Serialize;

use crate::{FileError, Goal, Progress};

pub use result::{SweepResult, TrialResult};
pub use space::{Settings, Space, Value};

/// The largest number of trials, and of trials at once.
const MAX_TRIALS: usize = 1 << 20;
const MAX_AT_ONCE: usize = 1024;

/// Any error of an objective.
pub type TrialError = Box<dyn Error + Send + Sync>;

/// A search for the best settings.
///
/// ```
/// use ravine_train::{Goal, Space, Sweep};
///
/// // Where is (rate - 0.1)² + depth lowest?
/// let space = Space::new().log("rate", 1e-3, 1.0).int("depth", 1, 4);
/// let result = Sweep::random(space, 40).goal(Goal::lowest("error")).seed(1).run(|trial| {
///     Ok((trial.float("rate") - 0.1).powi(2) + trial.int("depth") as f64)
/// })?;
/// let best = result.best().expect("a trial with a score");
/// assert_eq!(best.settings.int("depth"), 1);
/// assert!((best.settings.float("rate") - 0.1).abs() < 0.1);
/// # Ok::<(), ravine_train::SweepError>(())
/// ```
///
/// The settings of a trial depend only on the seed and its number, so a sweep has the same result on any number of threads.
///
/// **Random or grid.** Often only one or two of the settings matter. A grid tries the same few values of each again and again; random points
/// try as many values as there are trials (J. Bergstra and Y. Bengio, *Random search for hyper-parameter optimization*, JMLR 13, 2012).
///
/// **Successive halving** gives all trials a small budget, the best of them a larger one, and so on (K. Jamieson and A. Talwalkar,
/// *Non-stochastic best arm identification and hyperparameter optimization*, AISTATS 2016).
#[derive(Clone, Debug)]
pub struct Sweep {
    space: Space,
    /// The number of values for each range of a grid; `None` for random points.
    grid: Option<usize>,
    trials: usize,
    seed: u64,
    goal: Goal,
    budget: usize,
    halving: Option<(usize, usize)>,
    at_once: usize,
    file: Option<PathBuf>,
    progress: Progress,
    stop: Arc<AtomicBool>,
}

/// A point of the space with a budget. It dereferences to its settings: `trial.float("rate")`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Trial {
    /// Its number, from 0. With halving, it is the same at every budget.
    pub number: usize,
    /// How long it may train, in the unit of [`Sweep::budget`].
    pub budget: usize,
    /// The seed of the sweep.
    pub seed: u64,
    /// The number of threads of the rayon pool that it runs in: its share of the processors.
    pub threads: usize,
    /// Its settings.
    pub settings: Settings,
}

impl Deref for Trial {
    type Target = Settings;
    fn deref(&self) -> &Settings {
        &self.settings
    }
}

/// Why a sweep failed, or could not begin.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SweepError {
    /// A setting has an invalid value.
    #[error("sweep: {name}: found {found}, expected {expected}")]
    Setting {
        /// Its name.
        name: String,
        /// Its value.
        found: String,
        /// What it should be.
        expected: &'static str,
    },
    /// The journal could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A line of the journal is invalid.
    #[error("{}: line {line}: found {found}, expected {expected}", file.display())]
    Invalid {
        /// The journal.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What it holds.
        found: String,
        /// What it should hold.
        expected: String,
    },
    /// Another process is using the journal.
    #[error("{}: another sweep is using this file", file.display())]
    Locked {
        /// The journal.
        file: PathBuf,
    },
    /// The system cannot start the threads.
    #[error("cannot start {threads} threads: {source}")]
    Threads {
        /// How many were asked for.
        threads: usize,
        /// What the system said.
        source: rayon::ThreadPoolBuildError,
    },
}

impl SweepError {
    pub(crate) fn setting(name: impl Into<String>, found: impl ToString, expected: &'static str) -> Self {
        SweepError::Setting { name: name.into(), found: found.to_string(), expected }
    }
}

impl Sweep {
    /// A search of `trials` random points of `space`.
    pub fn random(space: Space, trials: usize) -> Self {
        Sweep {
            space,
            grid: None,
            trials,
            seed: 0,
            goal: Goal::default(),
            budget: 1,
            halving: None,
            at_once: 0,
            file: None,
            progress: Progress::Silent,
            stop: Arc::default(),
        }
    }

    /// A search of all combinations of `points` values of each range of numbers, equally spaced (in the logarithm, if the range is
    /// logarithmic) from end to end, and of all values of each choice.
    pub fn grid(space: Space, points: usize) -> Self {
        let trials = space.grid_size(points).unwrap_or(usize::MAX);
        Sweep { grid: Some(points), ..Sweep::random(space, trials) }
    }

    /// The seed of the random points; 0 by default.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The name of the score, and whether a low or a high one is good; the lowest `loss` by default.
    #[must_use]
    pub fn goal(mut self, goal: Goal) -> Self {
        self.goal = goal;
        self
    }

    /// The budget of each trial, for example in epochs; with halving, the largest budget. 1 by default.
    #[must_use]
    pub fn budget(mut self, budget: usize) -> Self {
        self.budget = budget;
        self
    }

    /// Successive halving: every trial gets the budget `first`, the best `1 / factor` of them `factor` times as much, and so on, up to at most
    /// [`budget`](Self::budget). Of equal scores, the earlier trial counts as better.
    ///
    /// A trial starts again with each budget, unless its objective resumes what it saved under the trial's number.
    #[must_use]
    pub fn halving(mut self, first: usize, factor: usize) -> Self {
        self.halving = Some((first, factor));
        self
    }

    /// The number of trials that run at once; the processors are divided among them. 0, the default, means as many as there are processors.
    #[must_use]
    pub fn at_once(mut self, trials: usize) -> Self {
        self.at_once = trials;
        self
    }

    /// Keeps a journal in this file, with a line of JSON for every trial that ended. Trials that are in it are not run again, so a sweep that was
    /// killed can be resumed.
    #[must_use]
    pub fn file(mut self, file: impl Into<PathBuf>) -> Self {
        self.file = Some(file.into());
        self
    }

    /// How the sweep shows its progress.
    #[must_use]
    pub fn progress(mut self, progress: Progress) -> Self {
        self.progress = progress;
        self
    }

    /// A flag that, once set, stops the sweep: running trials finish, and no others start.
    #[must_use]
    pub fn stop(mut self, stop: Arc<AtomicBool>) -> Self {
        self.stop = stop;
        self
    }

    /// The number of trials, after a check of all settings.
    fn check(&self) -> Result<usize, SweepError> {
        self.space.check()?;
        let wrong = |name: &str, found: usize, expected| Err(SweepError::setting(name, found, expected));
        match self.grid {
            Some(0) => return wrong("points", 0, "at least 1"),
            _ if self.trials == 0 => return wrong("trials", 0, "at least 1"),
            _ if self.trials > MAX_TRIALS => return wrong("trials", self.trials, "at most 1048576"),
            _ => {}
        }
        if self.budget == 0 {
            return wrong("budget", 0, "at least 1");
        }
        if self.at_once > MAX_AT_ONCE {
            return wrong("at_once", self.at_once, "at most 1024");
        }
        match self.halving {
            Some((first, _)) if first == 0 || first > self.budget => {
                wrong("halving: first", first, "at least 1 and at most the budget")
            }
            Some((_, factor)) if factor < 2 => wrong("halving: factor", factor, "at least 2"),
            _ => Ok(self.trials),
        }
    }

    /// The budgets in ascending order, and how many trials get each.
    fn budgets(&self, trials: usize) -> Vec<(usize, usize)> {
        let Some((first, factor)) = self.halving else { return vec![(self.budget, trials)] };
        let mut budgets = vec![(first, trials)];
        while let Some(&(budget, left)) = budgets.last()
            && let Some(next) = budget.checked_mul(factor).filter(|&next| next <= self.budget)
            && left >= factor
        {
            budgets.push((next, left / factor));
        }
        budgets
    }

    /// The settings on which the outcomes of the trials depend.
    fn identity(&self) -> impl Serialize {
        serde_json::json!({
            "space": self.space.ranges,
            "grid": self.grid,
            "trials": self.trials,
            "seed": self.seed,
            "metric": self.goal.metric,
            "budget": self.budget,
            "halving": self.halving,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halving_as_in_the_paper() {
        let sweep = |trials| Sweep::random(Space::new().uniform("x", 0.0, 1.0), trials);
        assert_eq!(sweep(27).halving(1, 3).budget(30).budgets(27), [(1, 27), (3, 9), (9, 3), (27, 1)]);
        assert_eq!(sweep(27).halving(2, 3).budget(6).budgets(27), [(2, 27), (6, 9)]);
        assert_eq!(sweep(2).halving(1, 3).budget(9).budgets(2), [(1, 2)]);
        assert_eq!(sweep(5).budget(7).budgets(5), [(7, 5)]);
        let most = sweep(1 << 20).halving(1, 2).budget(usize::MAX).budgets(1 << 20);
        assert_eq!((most.len(), most[20]), (21, (1 << 20, 1)));
    }

    #[test]
    fn settings_that_make_no_sense() {
        let space = || Space::new().uniform("x", 0.0, 1.0);
        for (sweep, want) in [
            (Sweep::random(space(), 0), "trials: found 0, expected at least 1"),
            (Sweep::random(space(), 1 << 21), "trials: found 2097152, expected at most 1048576"),
            (Sweep::grid(space(), 0), "points: found 0, expected at least 1"),
            (
                Sweep::grid(space().choice("c", ["a", "b"]), usize::MAX),
                "trials: found 18446744073709551615, expected",
            ),
            (Sweep::random(Space::new(), 1), "space: found no setting, expected at least one"),
            (Sweep::random(space().int("x", 1, 2), 1), "space: x: found it twice, expected it once"),
            (
                Sweep::random(Space::new().uniform("u", 1.0, 0.0), 1),
                "space: u: found 1 to 0, expected two finite",
            ),
            (
                Sweep::random(Space::new().uniform("u", f64::NAN, 0.0), 1),
                "space: u: found NaN to 0, expected two",
            ),
            (
                Sweep::random(Space::new().log("l", 0.0, 1.0), 1),
                "space: l: found 0 to 1, expected two finite numbers above 0",
            ),
            (Sweep::random(Space::new().int("i", 2, 1), 1), "space: i: found 2 to 1, expected two integers"),
            (
                Sweep::random(Space::new().choice("c", [""; 0]), 1),
                "space: c: found nothing, expected something",
            ),
            (Sweep::random(space(), 1).budget(0), "budget: found 0, expected at least 1"),
            (Sweep::random(space(), 1).at_once(5000), "at_once: found 5000, expected at most 1024"),
            (
                Sweep::random(space(), 1).halving(2, 3),
                "halving: first: found 2, expected at least 1 and at most",
            ),
            (
                Sweep::random(space(), 1).halving(0, 3),
                "halving: first: found 0, expected at least 1 and at most",
            ),
            (Sweep::random(space(), 1).halving(1, 1), "halving: factor: found 1, expected at least 2"),
        ] {
            let found = sweep.run(|_| Ok(0.0)).unwrap_err().to_string();
            assert!(found.starts_with(&format!("sweep: {want}")), "{found}");
        }
    }
}
