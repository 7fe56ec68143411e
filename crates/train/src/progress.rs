//! Progress bars and lines on the standard error stream.

use std::io::{IsTerminal, Write, stderr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use ravine_plot::grouped;

use crate::{Record, Scores};

/// How a run shows its progress, on the standard error stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Progress {
    /// Not at all.
    #[default]
    Silent,
    /// A line for each evaluation, and one for every ten seconds of training or other work.
    Lines,
    /// Bars for the run, the epoch and the current evaluation, and above them a line for each evaluation.
    Bar,
}

impl Progress {
    /// Bars if the standard error stream is a terminal, lines if it is not.
    pub fn auto() -> Self {
        if stderr().is_terminal() { Progress::Bar } else { Progress::Lines }
    }

    /// Shows other work that takes long, such as reading data: a bar of `total` parts, or a spinner if `total` is 0. It disappears when the
    /// returned task is dropped.
    ///
    /// ```
    /// use ravine_train::Progress;
    ///
    /// let files = ["a.npy", "b.npy"];
    /// let task = Progress::auto().task("reading", files.len());
    /// for file in files {
    ///     // ...
    ///     task.advance(1);
    /// }
    /// ```
    pub fn task(self, name: &str, total: usize) -> Task {
        Task::on(&MultiProgress::with_draw_target(self.target()), self, name, total)
    }

    fn target(self) -> ProgressDrawTarget {
        if self == Progress::Bar { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() }
    }
}

/// Work that is shown until this is dropped. Made by [`Progress::task`].
#[derive(Debug)]
pub struct Task {
    bar: ProgressBar,
    /// When the last line was written; `None` if none are.
    shown: Option<Mutex<Instant>>,
}

impl Task {
    fn on(screen: &MultiProgress, mode: Progress, name: &str, total: usize) -> Self {
        let bar = screen.add(ProgressBar::new(total as u64).with_prefix(name.to_owned()));
        if total > 0 {
            bar.set_style(style("{prefix:<14} {bar:30.cyan/black.bright} {percent:>3} %"));
        } else {
            bar.set_style(style("{prefix:<14} {spinner}"));
            bar.enable_steady_tick(BLINK);
        }
        let lines = mode == Progress::Lines && total > 0;
        Task { bar, shown: lines.then(|| Mutex::new(Instant::now())) }
    }

    /// Reports that `parts` more parts are done.
    pub fn advance(&self, parts: usize) {
        self.bar.inc(parts as u64);
        if let Some(line) = self.line(PAUSE) {
            let _ = writeln!(stderr(), "{line}");
        }
    }

    /// `evaluating  12/40`, if lines are written and the last one is at least `pause` ago.
    fn line(&self, pause: Duration) -> Option<String> {
        let mut shown = self.shown.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner);
        if shown.elapsed() < pause {
            return None;
        }
        *shown = Instant::now();
        Some(format!("{}  {}/{}", self.bar.prefix(), self.bar.position(), self.bar.length()?))
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the template is a constant").progress_chars("━━─")
}

/// The time between two updates of a bar.
const BLINK: Duration = Duration::from_millis(100);
/// The time between two lines within an epoch or another task.
const PAUSE: Duration = Duration::from_secs(10);

/// The display of a run.
pub(crate) struct Display {
    mode: Progress,
    screen: MultiProgress,
    run: ProgressBar,
    epoch: ProgressBar,
    total_steps: usize,
    /// `None` for a stream, whose length is not known.
    per_epoch: Option<usize>,
    shown: Instant,
}

impl Display {
    /// The display of a run of `total_steps` steps, in epochs of `per_epoch`.
    pub(crate) fn new(mode: Progress, total_steps: usize, per_epoch: Option<usize>) -> Self {
        let screen = MultiProgress::with_draw_target(mode.target());
        let run = style("{prefix:<14} {bar:30.cyan/black.bright} {percent:>3} %  {eta} left");
        let epoch = style(match per_epoch {
            Some(_) => "{prefix:<14} {bar:30.blue/black.bright} {percent:>3} %  {msg}",
            None => "{prefix:<14} {msg}",
        });
        let bar = |total: usize, style| screen.add(ProgressBar::new(total as u64).with_style(style));
        let (run, epoch) = (bar(total_steps, run).with_prefix("run"), bar(per_epoch.unwrap_or(0), epoch));
        Display { mode, screen, run, epoch, total_steps, per_epoch, shown: Instant::now() }
    }

    /// To be called after each step: `step` steps are done, `scores` are those since the last evaluation, `rate` is in samples per second.
    pub(crate) fn step(&mut self, epoch: usize, step: usize, scores: &Scores, rate: f64) {
        let pause = match self.mode {
            Progress::Silent => return,
            Progress::Lines => PAUSE,
            Progress::Bar => BLINK,
        };
        if self.shown.elapsed() < pause {
            return;
        }
        self.shown = Instant::now();
        let epoch = self.epoch_of(epoch);
        let message = format!("{:>8} samples/s  {}", grouped(rate.round() as usize), scores);
        if self.mode == Progress::Bar {
            if self.run.position() == 0 {
                // The steps before a resume took no time.
                self.run.set_position(step as u64);
                self.run.reset_eta();
            }
            self.run.set_position(step as u64);
            self.epoch.set_prefix(epoch);
            self.epoch.set_message(message);
            self.epoch.set_position(self.per_epoch.map_or(0, |per_epoch| (step - 1) % per_epoch + 1) as u64);
        } else {
            self.line(&format!("{epoch}  step {step}/{}  {message}", self.total_steps));
        }
    }

    /// To be called after each evaluation.
    pub(crate) fn evaluated(&mut self, record: &Record, rate: f64) {
        let mut line = self.epoch_of(record.epoch);
        if !self.per_epoch.is_some_and(|per_epoch| record.steps.is_multiple_of(per_epoch)) {
            line += &format!("  step {}", record.steps);
        }
        line += &format!("  {}  lr {:.2e}", record.train, record.learning_rate);
        if let Some(test) = &record.test {
            line += &format!("  |  test {test}");
        }
        self.line(&format!("{line}  |  {} samples/s", grouped(rate.round() as usize)));
    }

    /// Shows work between two steps.
    pub(crate) fn task(&self, name: &str, total: usize) -> Task {
        Task::on(&self.screen, self.mode, name, total)
    }

    /// `epoch  3/12`, or `epoch 3` if the number of epochs is not known.
    fn epoch_of(&self, epoch: usize) -> String {
        let Some(per_epoch) = self.per_epoch else { return format!("epoch {}", epoch + 1) };
        let epochs = self.total_steps.div_ceil(per_epoch);
        let digits = epochs.to_string().len();
        format!("epoch {:>digits$}/{epochs}", epoch + 1)
    }

    /// Shows a message to the user.
    pub(crate) fn line(&self, text: &str) {
        match self.mode {
            Progress::Silent => {}
            // A closed stream is no reason to stop the run.
            Progress::Bar => drop(self.screen.println(text)),
            Progress::Lines => drop(writeln!(stderr(), "{text}")),
        }
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        self.epoch.finish_and_clear();
        self.run.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_shows_itself_without_a_terminal() {
        let task = Progress::Lines.task("reading", 3);
        task.advance(2);
        assert_eq!(task.line(Duration::ZERO).unwrap(), "reading  2/3");
        assert_eq!(task.line(PAUSE), None, "not again so soon");
        assert_eq!(Progress::Silent.task("reading", 3).line(Duration::ZERO), None);
    }
}
