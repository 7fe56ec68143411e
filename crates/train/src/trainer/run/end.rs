//! The end of a run: its last messages and the report, or the post-mortem.

use std::path::PathBuf;
use std::time::Instant;

use ravine_autograd::{Module, Tape};
use ravine_data::Dataset;

use super::{Run, Written};
use crate::callback::Flow;
use crate::guard::{PostMortem, Trouble};
use crate::report::{self, ReportInput};
use crate::trainer::{Ended, Report};
use crate::{Outcome, TrainError, weights_hash};

impl<M: Module + Sync + ?Sized> Run<'_, M> {
    /// The error of a run that diverged, with its post-mortem, which is also written to the folder.
    pub(super) fn diverged(
        &mut self,
        loss: f64,
        trouble: Trouble,
        parameter: Option<String>,
        op: Option<String>,
    ) -> TrainError {
        let rate = self.optimizer.learning_rate();
        let mut found =
            PostMortem::new((self.course.step, loss, trouble), rate, &self.course.trace, &self.watch.paths);
        (found.parameter, found.op) = (parameter, op);
        if let Some(store) = &self.store {
            // If no loss has been computed with the weights in the last checkpoint, they may be the bad ones.
            let good = match self.written {
                Some(Written { step, proven: true }) => Some(step),
                _ => store.fall_back(),
            };
            found.checkpoint = good.map(|step| (store.last(), step));
            self.display.line(&match found.write(&store.folder) {
                Ok(file) => format!("post-mortem: {}", file.display()),
                Err(error) => format!("warning: {error}"),
            });
        }
        TrainError::Diverged(Box::new(found))
    }

    /// Writes the last checkpoint and the report, and returns the result of the run.
    pub(super) fn finish<B: Send + 'static>(
        mut self,
        ended: Ended,
        test: Option<&dyn Dataset<Batch = B>>,
        pass: &(impl Fn(&Tape, &B) -> Outcome + Sync),
        begin: Instant,
    ) -> Result<Report, TrainError> {
        if matches!(ended, Ended::Interrupted | Ended::Callback) {
            self.save(ended == Ended::Callback)?;
        }
        if let Some(verification) = &self.verification {
            self.display.line(&verification.verdict());
        }
        if ended != Ended::Completed {
            let why = match ended {
                Ended::Patience => "no longer better: ",
                _ => "",
            };
            let place = match &self.store {
                Some(store) => format!("; saved in {}", store.last().display()),
                None => String::new(),
            };
            self.display
                .line(&format!("{why}stopped at step {} of {}{place}", self.course.step, self.total_steps));
        }
        self.notify(|callback, state| callback.end(state).map(|()| Flow::Continue))?;
        if self.trainer.report && self.store.is_some() {
            self.write_report(test, pass, begin)?;
        }
        let best = self.trainer.goal.best(&self.course.history, self.trainer.keep_best.unwrap_or(1));
        let kept = match (&self.store, self.trainer.keep_best) {
            (Some(store), Some(_)) => {
                let files = best.iter().map(|&i| store.best(self.course.history[i].steps));
                files.filter(|file| file.exists()).collect()
            }
            _ => Vec::<PathBuf>::new(),
        };
        Ok(Report {
            epochs: self.course.place.epoch,
            steps: self.course.step,
            ended,
            best: best.first().copied(),
            kept,
            unsaved: self.counts.unsaved,
            skipped: self.counts.skipped,
            samples: self.counts.samples,
            training: self.counts.training,
            history: self.course.history,
            trace: self.course.trace,
        })
    }

    fn write_report<B: Send + 'static>(
        &mut self,
        test: Option<&dyn Dataset<Batch = B>>,
        pass: &(impl Fn(&Tape, &B) -> Outcome + Sync),
        begin: Instant,
    ) -> Result<(), TrainError> {
        // A run that was already complete when it was resumed has evaluated nothing in this process.
        if self.details.is_none() && self.course.step > 0 {
            self.details = self.score(test, pass)?;
        }
        let hardest = match (test, &self.details) {
            (Some(test), Some(scores)) => report::pictures(test, scores.hardest())?,
            _ => Vec::new(),
        };
        let Some(store) = &self.store else { return Ok(()) };
        let page = report::page(&ReportInput {
            state: self.state(),
            goal: &self.trainer.goal,
            scores: self.details.as_ref(),
            hardest,
            weights_hash: weights_hash(&self.model),
            samples: self.counts.samples,
            training: self.counts.training,
            elapsed: begin.elapsed(),
        });
        let file = store.folder.join("report.html");
        match crate::file::replace(&file, &[page.as_bytes()]) {
            Ok(()) => self.display.line(&format!("report: {}", file.display())),
            Err(error) => self.file_failed(error)?,
        }
        Ok(())
    }
}
