//! Detecting divergence, and the post-mortem of a run that diverged.

use std::fmt::{self, Write as _};
use std::path::{Path, PathBuf};

use ravine_autograd::{Gradients, Module, Param, Tape, Visitor};
use ravine_plot::short;
use ravine_tensor::Rng;
use serde::{Deserialize, Serialize};

use crate::{FileError, Outcome, StepRecord, file};

/// The number of losses over which the guard takes its mean.
const WINDOW: u64 = 16;

/// Running means of the losses of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Guard {
    seen: u64,
    /// The mean of the first [`WINDOW`] losses.
    first: f64,
    /// The exponential mean of the losses, over about as many.
    recent: f64,
}

/// What made a run diverge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Trouble {
    /// The loss is infinite or NaN.
    Loss,
    /// The loss is finite, but a gradient is not.
    Gradient,
    /// The loss is finite, but a weight or buffer is not.
    Weight,
    /// The mean of the last losses is this many times that of the first ones.
    Explosion(f64),
}

impl Guard {
    /// Takes a loss into account. The run diverges when the mean of the losses exceeds `limit` times that of the first ones.
    pub fn see(&mut self, loss: f64, limit: f64) -> Result<(), Trouble> {
        if !loss.is_finite() {
            return Err(Trouble::Loss);
        }
        self.seen += 1;
        self.recent += (loss - self.recent) / self.seen.min(WINDOW) as f64;
        if self.seen <= WINDOW {
            self.first = self.recent;
        } else if self.exploded(self.recent, limit) {
            return Err(Trouble::Explosion(self.recent / self.first));
        }
        Ok(())
    }

    /// How many losses were taken into account.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// Whether a loss exceeds `limit` times the first ones; never if those were 0.
    pub fn exploded(&self, loss: f64, limit: f64) -> bool {
        self.first != 0.0 && loss - self.first > limit * self.first.abs()
    }
}

/// The path of the first parameter whose gradient is not finite.
pub(crate) fn bad_gradient(model: &(impl Module + ?Sized), gradients: &Gradients) -> Option<String> {
    let bad = |param: &Param| gradients.get(param).is_some_and(|grad| !grad.norm_squared().is_finite());
    model.named_params().into_iter().find_map(|(path, param)| bad(&param).then_some(path))
}

/// The path of the first parameter or buffer that holds a number that is not finite.
pub(crate) fn bad_weight(model: &(impl Module + ?Sized)) -> Option<String> {
    let mut bad = None;
    model.visit(&mut Visitor::new(&mut |path, leaf| {
        let value = leaf.value();
        if bad.is_none() && !value.norm_squared().is_finite() && value.iter().any(|x| !x.is_finite()) {
            bad = Some(path.to_owned());
        }
    }));
    bad
}

/// Runs the forward and backward pass of a shard once more, and describes the first anomaly.
pub(crate) fn anomaly<B>(rng: Rng, batch: &B, pass: impl Fn(&Tape, &B) -> Outcome) -> Option<String> {
    let tape = Tape::train(rng).anomaly();
    pass(&tape, batch).loss.backward();
    tape.first_anomaly().map(|anomaly| anomaly.to_string())
}

/// Why a run diverged, as far as it could be found out. The trainer writes it to the run's folder, as `post-mortem.txt` and `post-mortem.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PostMortem {
    /// The step, counted from 0. The weights are those before it.
    pub step: usize,
    /// The loss on its batch.
    pub loss: f64,
    /// What is wrong.
    pub trouble: Trouble,
    /// The learning rate of the step.
    pub learning_rate: f64,
    /// A learning rate to try: the one at which the largest recent update would have been a hundredth of its weight, but at most a third
    /// of the present rate; a tenth of the present rate where no update was measured.
    pub suggested_rate: f64,
    /// The first parameter or buffer that is not finite, or whose gradient is not.
    pub parameter: Option<String>,
    /// The op that first gave a number that is not finite, or whose derivative did, and the line that called it. It is found by running
    /// the step once more.
    pub op: Option<String>,
    /// The largest of the relative updates that were measured last: the parameter, and the ratio of update to weight.
    pub largest_update: Option<(String, f32)>,
    /// The last losses that were recorded, by step.
    pub losses: Vec<(usize, f64)>,
    /// The checkpoint that is still good, and its step.
    pub checkpoint: Option<(PathBuf, usize)>,
}

impl PostMortem {
    /// The files that it is written to: one for people, one for programs.
    pub(crate) const FILES: [&'static str; 2] = ["post-mortem.txt", "post-mortem.json"];

    /// The post-mortem as far as it follows from the records of a run; `watched` are the parameters whose updates were measured.
    pub(crate) fn new(
        (step, loss, trouble): (usize, f64, Trouble),
        learning_rate: f64,
        trace: &[StepRecord],
        watched: &[String],
    ) -> Self {
        let measured = trace.iter().rev().find(|record| !record.update_ratios.is_empty());
        let largest_update = measured.and_then(|record| {
            let updates = watched.iter().cloned().zip(record.update_ratios.iter().copied());
            updates.max_by(|a, b| a.1.total_cmp(&b.1))
        });
        let factor = match &largest_update {
            Some((_, ratio)) if ratio.is_finite() && *ratio > 0.0 => {
                (0.01 / f64::from(*ratio)).min(1.0 / 3.0)
            }
            _ => 0.1,
        };
        let losses = trace.iter().rev().take(8).rev().map(|record| (record.step, record.loss)).collect();
        PostMortem {
            step,
            loss,
            trouble,
            learning_rate,
            suggested_rate: one_digit(learning_rate * factor),
            parameter: None,
            op: None,
            largest_update,
            losses,
            checkpoint: None,
        }
    }

    /// Whether the first number that was not finite is in the data, so that no learning rate can help.
    fn data_is_bad(&self) -> bool {
        self.op.as_ref().is_some_and(|op| op.starts_with("input ("))
    }

    /// Writes it to `folder`, and returns the path of the text.
    pub(crate) fn write(&self, folder: &Path) -> Result<PathBuf, FileError> {
        let [text, file] = Self::FILES.map(|name| folder.join(name));
        file::replace(&text, &[self.text().as_bytes()])?;
        let json = serde_json::to_string_pretty(self).map_err(|error| FileError::contents(&file, error))?;
        file::replace(&file, &[json.as_bytes(), b"\n"])?;
        Ok(text)
    }

    /// What was found, and what to do about it.
    pub fn text(&self) -> String {
        let mut text = format!("The run diverged at step {}.\n\n", self.step);
        let mut line = |what: &str, value: &str| {
            let _ = writeln!(text, "{what:<24} {value}");
        };
        line("loss", &short(self.loss));
        line("what is wrong", &self.trouble.to_string());
        line("first bad op", self.op.as_deref().unwrap_or("not found"));
        line("first bad parameter", self.parameter.as_deref().unwrap_or("none: all weights are finite"));
        if let Some((path, ratio)) = &self.largest_update {
            line("largest update", &format!("{ratio:.3e} of {path}"));
        }
        line("learning rate", &short(self.learning_rate));
        line("suggested rate", &short(self.suggested_rate));
        for (step, loss) in &self.losses {
            line(&format!("loss of step {step}"), &short(*loss));
        }
        if self.data_is_bad() {
            return text + "\nIt is the data of this step that is not finite: look at its batch.\n";
        }
        let _ = match &self.checkpoint {
            Some((file, step)) => write!(
                text,
                "\nThe checkpoint of step {step} is good: {}\nGo on from it at a lower rate, or begin again",
                file.display()
            ),
            None => write!(text, "\nBegin again at a lower rate"),
        };
        text + ", with warm-up or with gradients clipped by norm.\n"
    }
}

/// `x` rounded to one significant digit.
fn one_digit(x: f64) -> f64 {
    format!("{x:.0e}").parse().unwrap_or(x)
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Loss => write!(f, "the loss is not finite"),
            Trouble::Gradient => write!(f, "a gradient is not finite"),
            Trouble::Weight => write!(f, "a weight is not finite"),
            Trouble::Explosion(times) => write!(f, "the loss is {times:.0} times that of the first steps"),
        }
    }
}

impl fmt::Display for PostMortem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PostMortem { step, trouble, .. } = self;
        let [loss, learning_rate, suggested_rate] =
            [self.loss, self.learning_rate, self.suggested_rate].map(short);
        write!(f, "step {step}: the loss is {loss}: ")?;
        if *trouble != Trouble::Loss {
            write!(f, "{trouble}: ")?;
        }
        if let Some(parameter) = &self.parameter {
            write!(f, "{parameter} is the first that is not finite: ")?;
        }
        if let Some(op) = &self.op {
            write!(f, "{op}: ")?;
        }
        if self.data_is_bad() {
            return write!(f, "it is the data that is not finite; look at this batch");
        }
        write!(
            f,
            "the run diverged; try a learning rate below {learning_rate}, such as {suggested_rate}, warm-up, or clipping"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(losses: impl IntoIterator<Item = f64>) -> Result<(), Trouble> {
        let mut guard = Guard::default();
        losses.into_iter().try_for_each(|loss| guard.see(loss, 100.0))
    }

    #[test]
    fn only_a_lasting_explosion_counts() {
        let calm = || (0..100).map(|i| 2.0 + f64::from(i % 3));
        assert_eq!(after(calm()), Ok(()));
        assert_eq!(after(calm().chain([1000.0]).chain(calm())), Ok(()), "one bad batch");
        assert!(matches!(after(calm().chain([400.0; 32])), Err(Trouble::Explosion(_))));
        assert_eq!(after(calm().chain([f64::NAN])), Err(Trouble::Loss));
        assert_eq!(after([0.0; 20].into_iter().chain([1.0; 50])), Ok(()), "of nothing there is no multiple");
        assert_eq!(after([-3.0; 20].into_iter().chain([3.0; 50])), Ok(()), "losses below zero");
        assert!(after([-3.0; 20].into_iter().chain([500.0; 50])).is_err());
    }

    #[test]
    fn the_suggestion_looks_at_the_updates() {
        let record = |ratio| StepRecord {
            step: 1,
            loss: 2.0,
            learning_rate: 8.0,
            gradient_norm: None,
            update_ratios: vec![0.01, ratio],
        };
        let watched = ["a".to_owned(), "b".to_owned()];
        let dead = |trace: &[StepRecord]| PostMortem::new((1, f64::NAN, Trouble::Loss), 8.0, trace, &watched);
        assert_eq!(dead(&[]).suggested_rate, 0.8);
        assert_eq!(dead(&[record(0.5)]).suggested_rate, 0.2);
        assert_eq!(dead(&[record(0.011)]).suggested_rate, 3.0);
        assert_eq!(dead(&[record(f32::NAN)]).suggested_rate, 0.8);
        let text = dead(&[record(0.5)]).text();
        assert!(text.contains("largest update           5.000e-1 of b\n"), "{text}");

        let exploded =
            PostMortem::new((9, 4.7e33, Trouble::Explosion(1e6)), 999.8205, &[record(0.5)], &watched);
        assert!(
            exploded.to_string().starts_with("step 9: the loss is 4.7e33: the loss is 1000000 times"),
            "{exploded}"
        );
        assert!(exploded.to_string().contains("try a learning rate below 999.8, such as 20, "), "{exploded}");
    }
}
