//! The results of a sweep: the ranking of the trials, as a table, as CSV and as a picture.

use std::collections::HashMap;
use std::fmt::Write;

use ravine_plot::short;
use serde::{Deserialize, Serialize};

use super::{Settings, Space, picture};
use crate::Goal;
use crate::log::quoted;

/// The result of a trial that ended, successfully or not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrialResult {
    /// Its number, from 0.
    pub trial: usize,
    /// Its budget.
    pub budget: usize,
    /// Its settings.
    pub settings: Settings,
    /// Its score, or why it has none: the message of its error or panic, or that the score is not finite.
    pub outcome: Result<f64, String>,
}

/// The results of a sweep.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SweepResult {
    /// The space that was searched.
    pub space: Space,
    /// The metric that was optimized.
    pub goal: Goal,
    /// All trials that ended, sorted by budget and number: with halving, a trial has an entry for each budget that it was given.
    pub results: Vec<TrialResult>,
    /// Whether the sweep was stopped before its end, and can be resumed.
    pub interrupted: bool,
}

impl SweepResult {
    /// Each trial at its largest budget, the best first: sorted by budget, then by score, then by number; those that failed come last.
    pub fn ranking(&self) -> Vec<&TrialResult> {
        let mut largest: HashMap<usize, usize> = HashMap::new();
        for result in &self.results {
            let budget = largest.entry(result.trial).or_default();
            *budget = result.budget.max(*budget);
        }
        let at_largest = |result: &&TrialResult| result.budget == largest[&result.trial];
        let mut ranking: Vec<&TrialResult> = self.results.iter().filter(at_largest).collect();
        ranking.sort_by(|a, b| {
            let failed = a.outcome.is_err().cmp(&b.outcome.is_err());
            failed.then(b.budget.cmp(&a.budget)).then_with(|| compare(&self.goal, a, b))
        });
        ranking
    }

    /// The best trial, if any has a score.
    pub fn best(&self) -> Option<&TrialResult> {
        self.ranking().into_iter().next().filter(|best| best.outcome.is_ok())
    }

    /// The ranking as a text in columns.
    pub fn table(&self) -> String {
        let mut rows = vec![self.columns().map(str::to_owned).collect::<Vec<_>>()];
        for result in self.ranking() {
            let settings = result.settings.iter().map(|(_, value)| value.to_string());
            let outcome = match &result.outcome {
                Ok(score) => short(*score),
                Err(why) => why.lines().next().unwrap_or("failed").to_owned(),
            };
            rows.push(
                [result.trial.to_string(), result.budget.to_string()]
                    .into_iter()
                    .chain(settings)
                    .chain([outcome])
                    .collect(),
            );
        }
        let last = rows[0].len() - 1;
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..last).map(width).collect();
        let mut text = String::new();
        for row in &rows {
            for (cell, width) in row.iter().zip(&widths) {
                let _ = write!(text, "{cell:>width$}  ");
            }
            let _ = writeln!(text, "{}", row[last]);
        }
        text
    }

    /// All trials, by budget and number, as CSV. Numbers are written to the last bit.
    pub fn csv(&self) -> String {
        let mut text = self.columns().map(quoted).collect::<Vec<_>>().join(",");
        text.push_str(",failure\n");
        for result in &self.results {
            let _ = write!(text, "{},{}", result.trial, result.budget);
            for (_, value) in result.settings.iter() {
                let value = match value {
                    super::Value::Float(x) => x.to_string(),
                    other => other.to_string(),
                };
                let _ = write!(text, ",{}", quoted(&value));
            }
            let _ = match &result.outcome {
                Ok(score) => writeln!(text, ",{score},"),
                Err(why) => writeln!(text, ",,{}", quoted(why)),
            };
        }
        text
    }

    /// A plot in parallel coordinates, as a standalone SVG: an axis for each setting and one for the score, and a line for each trial
    /// through its values. The better a trial, the darker its line; the best is thick; lines of failed trials are dashed and end below the
    /// axis. Each line has its numbers as a tooltip.
    pub fn svg(&self) -> String {
        picture::draw(self)
    }

    fn columns(&self) -> impl Iterator<Item = &str> {
        ["trial", "budget"].into_iter().chain(self.space.names()).chain([&*self.goal.metric])
    }
}

/// The order of two trials with the same budget.
pub(super) fn compare(goal: &Goal, a: &TrialResult, b: &TrialResult) -> std::cmp::Ordering {
    let cost =
        |result: &TrialResult| result.outcome.as_ref().map_or(f64::INFINITY, |&score| goal.cost(score));
    cost(a).total_cmp(&cost(b)).then(a.trial.cmp(&b.trial))
}
