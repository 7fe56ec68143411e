//! What a run shows of itself while it runs.

use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::{EpochRecord, Scores};

/// How a run shows itself, on the standard error stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Progress {
    /// Not at all.
    #[default]
    Silent,
    /// A line for each epoch, and one every ten seconds.
    Lines,
    /// A bar, and a line for each epoch above it.
    Bar,
}

impl Progress {
    /// A bar if the standard error stream is a terminal, lines if it is not.
    pub fn auto() -> Self {
        if stderr().is_terminal() { Progress::Bar } else { Progress::Lines }
    }
}

/// How often a bar changes.
const BLINK: Duration = Duration::from_millis(100);
/// How often a line comes within an epoch.
const PAUSE: Duration = Duration::from_secs(10);

/// A run on display.
pub(crate) struct Display {
    mode: Progress,
    bar: ProgressBar,
    epochs: usize,
    total: usize,
    shown: Instant,
}

impl Display {
    /// A run of `epochs` epochs and `total` steps, of which `done` are done.
    pub(crate) fn new(mode: Progress, epochs: usize, total: usize, done: usize) -> Self {
        let target =
            if mode == Progress::Bar { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let style = ProgressStyle::with_template(
            "{prefix} {bar:30.cyan/black.bright} {percent:>3} %  {msg}  {eta} left",
        )
        .expect("the template is a constant")
        .progress_chars("━━─");
        let bar = ProgressBar::with_draw_target(Some(total as u64), target).with_style(style);
        bar.set_position(done as u64);
        bar.reset_eta();
        Display { mode, bar, epochs, total, shown: Instant::now() }
    }

    /// After a step: `step` are done, the running epoch has these scores and this rate of samples per second.
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
        let message = format!("{:>8} images/s  {}", grouped(rate), describe(scores));
        if self.mode == Progress::Bar {
            self.bar.set_prefix(self.epoch_of(epoch));
            self.bar.set_message(message);
            self.bar.set_position(step as u64);
        } else {
            self.line(&format!("{}  step {step}/{}  {message}", self.epoch_of(epoch), self.total));
        }
    }

    /// After an epoch.
    pub(crate) fn epoch(&mut self, record: &EpochRecord, rate: f64) {
        let mut line = format!(
            "{}  {}  lr {:.2e}",
            self.epoch_of(record.epoch),
            describe(&record.train),
            record.learning_rate
        );
        if let Some(test) = &record.test {
            line += &format!("  |  test {}", describe(test));
        }
        self.line(&format!("{line}  |  {} images/s", grouped(rate)));
    }

    /// `epoch  3/12`.
    fn epoch_of(&self, epoch: usize) -> String {
        let digits = self.epochs.to_string().len();
        format!("epoch {:>digits$}/{}", epoch + 1, self.epochs)
    }

    /// Something that the user should know.
    pub(crate) fn line(&self, text: &str) {
        match self.mode {
            Progress::Silent => {}
            Progress::Bar => self.bar.println(text),
            // Who closed the stream does not want to hear of it; the run goes on.
            Progress::Lines => drop(writeln!(stderr(), "{text}")),
        }
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// `loss 0.0123  accuracy 98.76 %`.
fn describe(scores: &Scores) -> String {
    let mut text = format!("loss {:.4}", scores.loss());
    for (name, mean) in scores.metrics() {
        text += &match name {
            "accuracy" => format!("  accuracy {:.2} %", 100.0 * mean),
            _ => format!("  {name} {mean:.4}"),
        };
    }
    text
}

/// `61234.5` as `61,235`.
fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        let shown: Vec<_> = [0.0, 999.0, 1000.0, 61234.5, 1e6].into_iter().map(grouped).collect();
        assert_eq!(shown, ["0", "999", "1,000", "61,234", "1,000,000"]);
    }
}
