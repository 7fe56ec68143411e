//! The files of a run: opening its folder, resuming from its checkpoint, and saving.

use std::cell::RefCell;
use std::path::Path;

use ravine_autograd::Module;
use ravine_data::Position;

use super::feed::Data;
use super::{Course, Run, Written};
use crate::callback::Callback;
use crate::guard::{PostMortem, Trouble};
use crate::log::{Csv, Jsonl, TensorBoard};
use crate::replay::{RunRecord, value};
use crate::trainer::store::Store;
use crate::{Checkpoint, TrainError};

impl<M: Module + Sync + ?Sized> Run<'_, M> {
    /// Opens the folder, if the run has one, and resumes from its checkpoint, if it is to.
    pub(super) fn open(&mut self) -> Result<(), TrainError> {
        let Some(folder) = &self.trainer.folder else { return Ok(()) };
        if self.trainer.resume && !folder.exists() {
            // Fails without creating the folder.
            Checkpoint::load(folder.join("last.ravine"))?;
        }
        let store = match Store::open(folder) {
            Err(TrainError::File(error)) if !self.trainer.resume => return self.file_failed(error),
            store => store?,
        };
        if self.trainer.resume {
            self.restore(Checkpoint::load(store.last())?)?;
            self.display.line(&format!(
                "resumed at step {} of {}",
                self.course.step,
                self.end.max(self.course.step)
            ));
            self.warn_of_other_notes(&folder.join("run.json"));
        } else {
            store.begin()?;
        }
        store.remove(&PostMortem::FILES);
        let mut logs: Vec<Box<dyn Callback>> = vec![Box::new(Csv::new(folder)), Box::new(Jsonl::new(folder))];
        if self.trainer.tensorboard {
            logs.push(Box::new(TensorBoard::new(folder.join("tensorboard"))));
        }
        self.logs = RefCell::new(logs);
        self.store = Some(store);
        self.keep_best()?;
        // A run that has ended by patience stays finished if it is resumed without more patience.
        self.save(self.complete() || self.impatient())
    }

    /// Warns of notes that differ from those in the record of the resumed run, such as the learning rate. The difference may be intended, so it is not an error, and neither
    /// is a missing record.
    fn warn_of_other_notes(&self, record: &Path) {
        let Ok(begun) = RunRecord::load(record) else { return };
        for (name, ours) in &self.trainer.notes {
            if let Some(theirs) = value(&begun.settings, name).filter(|theirs| theirs != ours) {
                self.display
                    .line(&format!("warning: {name}: the run began with {theirs}, and goes on with {ours}"));
            }
        }
    }

    fn restore(&mut self, checkpoint: Checkpoint) -> Result<(), TrainError> {
        // Both lists, as either may have settings that the other lacks.
        for (name, _) in checkpoint.settings.iter().chain(&self.settings) {
            let (found, expected) = (value(&checkpoint.settings, name), value(&self.settings, name));
            if found != expected {
                return Err(TrainError::Mismatch {
                    what: name.clone(),
                    found: found.unwrap_or("nothing").to_owned(),
                    expected: expected.unwrap_or("nothing").to_owned(),
                });
            }
        }
        // A run cannot go back, and a finished run would be marked as unfinished.
        if checkpoint.step > self.total_steps {
            return Err(TrainError::Mismatch {
                what: "steps".to_owned(),
                found: checkpoint.step.to_string(),
                expected: format!("at most {}, which is the length of this run", self.total_steps),
            });
        }
        // Neither `load_state` nor `restore_model` changes anything if it fails; if the second does, the first is undone.
        let before = self.optimizer.state();
        self.optimizer.load_state(&checkpoint.optimizer)?;
        if let Err(error) = checkpoint.restore_model(&self.model) {
            self.optimizer.load_state(&before)?;
            return Err(error);
        }
        let Checkpoint { step, running, history, trace, guard, place, marks, .. } = checkpoint;
        let place = match &self.data {
            Data::Set { plan } => plan.position(step),
            Data::Stream(stream) => {
                stream.recall(&marks);
                let (epoch, batch) = place.unwrap_or_default();
                Position { epoch, batch }
            }
        };
        self.course = Course { step, place, running, history, trace, guard };
        Ok(())
    }

    /// The checkpoint of the present state.
    fn checkpoint(&self, finished: bool) -> Checkpoint {
        let Course { step, place, running, history, trace, guard } = self.course.clone();
        let settings = self.settings.clone();
        let mut checkpoint = Checkpoint::capture(&self.model, self.optimizer, settings, step);
        checkpoint.finished = finished;
        checkpoint.place = Some((place.epoch, place.batch));
        if let Data::Stream(stream) = &self.data {
            checkpoint.marks = stream.marks();
        }
        (checkpoint.running, checkpoint.guard) = (running, guard);
        (checkpoint.history, checkpoint.trace) = (history, trace);
        checkpoint
    }

    /// Writes the checkpoint, and the record of the run beside it.
    pub(super) fn save(&mut self, finished: bool) -> Result<(), TrainError> {
        let Some(store) = &self.store else { return Ok(()) };
        let checkpoint = self.checkpoint(finished);
        // A good checkpoint must not be overwritten by a bad one.
        if let Some(path) = checkpoint.non_finite().map(str::to_owned) {
            return Err(self.diverged(f64::NAN, Trouble::Weight, Some(path), None));
        }
        let record = RunRecord::new(
            &self.described,
            &self.course.history,
            &self.course.trace,
            self.course.step,
            finished,
        );
        let proven = self.written.as_ref().is_some_and(|written| written.proven);
        let saved = record.save(store.folder.join("run.json")).and_then(|()| store.save(&checkpoint, proven));
        match saved {
            Ok(()) => {
                self.written = Some(Written { step: self.course.step, proven: false });
                Ok(())
            }
            Err(error) => self.file_failed(error),
        }
    }

    /// Writes the checkpoint of an evaluation if it is among the best, and removes those that no longer are.
    pub(super) fn keep_best(&mut self) -> Result<(), TrainError> {
        let (Some(store), Some(keep)) = (&self.store, self.trainer.keep_best) else { return Ok(()) };
        let indices = self.trainer.goal.best(&self.course.history, keep);
        let best: Vec<usize> = indices.iter().map(|&i| self.course.history[i].steps).collect();
        let mut written = Ok(());
        if self
            .course
            .history
            .last()
            .is_some_and(|last| last.steps == self.course.step && best.contains(&self.course.step))
        {
            written = self.checkpoint(false).save(store.best(self.course.step));
        }
        match written.and_then(|()| store.keep_only(&best)) {
            Err(error) => self.file_failed(error),
            Ok(()) => Ok(()),
        }
    }
}
