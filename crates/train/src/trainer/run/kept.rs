//! What a run keeps on the disk, and takes up again.

use std::cell::RefCell;
use std::path::Path;

use ravine_autograd::Module;
use ravine_data::Position;

use super::Run;
use super::feed::Data;
use crate::callback::Callback;
use crate::guard::{PostMortem, Trouble};
use crate::log::{Csv, Jsonl, TensorBoard};
use crate::replay::{RunRecord, value};
use crate::trainer::store::Store;
use crate::{Checkpoint, TrainError};

impl<M: Module + Sync + ?Sized> Run<'_, M> {
    /// Opens the folder, if there is to be one, and goes on from what is in it, if it should.
    pub(super) fn open(&mut self) -> Result<(), TrainError> {
        let Some(folder) = &self.trainer.folder else { return Ok(()) };
        if self.trainer.resume && !folder.exists() {
            // Says that there is nothing, and makes nothing.
            Checkpoint::load(&folder.join("last.ravine"))?;
        }
        let store = match Store::open(folder) {
            Err(TrainError::File(error)) if !self.trainer.resume => return self.excuse(error),
            store => store?,
        };
        if self.trainer.resume {
            self.restore(Checkpoint::load(&store.last())?)?;
            self.display.line(&format!("resumed at step {} of {}", self.step, self.end.max(self.step)));
            self.warn_of_other_notes(&folder.join("run.json"));
        } else {
            store.may_begin()?;
        }
        store.forget(&PostMortem::FILES);
        let mut logs: Vec<Box<dyn Callback>> = vec![Box::new(Csv::new(folder)), Box::new(Jsonl::new(folder))];
        if self.trainer.tensorboard {
            logs.push(Box::new(TensorBoard::new(folder.join("tensorboard"))));
        }
        self.logs = RefCell::new(logs);
        self.store = Some(store);
        self.keep_best()?;
        // A run that patience has ended stays so when it is resumed and has none left.
        self.save(self.step == self.whole || self.impatient())
    }

    /// Says what the notes say otherwise than those of the run that is resumed, by its record: the learning rate, perhaps. It may be meant, so it is no error;
    /// nor is a record that is missing.
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
        // Either may have settings that the other lacks.
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
        // There is no way back, and a finished run would be called unfinished.
        if checkpoint.step > self.whole {
            return Err(TrainError::Mismatch {
                what: "steps".to_owned(),
                found: checkpoint.step.to_string(),
                expected: format!("at most {}, which is the length of this run", self.whole),
            });
        }
        // The optimizer checks before it changes anything; if it agrees, only the model can still refuse, and it changes nothing then.
        let before = self.optimizer.state();
        self.optimizer.load_state(&checkpoint.optimizer)?;
        if let Err(error) = checkpoint.restore_model(&self.model) {
            self.optimizer.load_state(&before)?;
            return Err(error);
        }
        self.step = checkpoint.step;
        self.place = match &self.data {
            Data::Set { plan } => plan.position(self.step),
            Data::Stream(stream) => {
                stream.recall(&checkpoint.marks);
                let (epoch, batch) = checkpoint.place.unwrap_or_default();
                Position { epoch, batch }
            }
        };
        self.running = checkpoint.running;
        self.history = checkpoint.history;
        self.trace = checkpoint.trace;
        self.guard = checkpoint.guard;
        Ok(())
    }

    /// The run between two steps.
    fn checkpoint(&self, finished: bool) -> Checkpoint {
        let settings = self.settings.clone();
        let mut checkpoint = Checkpoint::capture(&self.model, self.optimizer, settings, self.step);
        checkpoint.finished = finished;
        checkpoint.place = Some((self.place.epoch, self.place.batch));
        if let Data::Stream(stream) = &self.data {
            checkpoint.marks = stream.marks();
        }
        checkpoint.running = self.running.clone();
        checkpoint.history = self.history.clone();
        checkpoint.trace = self.trace.clone();
        checkpoint.guard = self.guard.clone();
        checkpoint
    }

    /// Writes the checkpoint, and the record of the run beside it.
    pub(super) fn save(&mut self, finished: bool) -> Result<(), TrainError> {
        let Some(store) = &self.store else { return Ok(()) };
        let checkpoint = self.checkpoint(finished);
        // What is written over the last good checkpoint must be good.
        if let Some(path) = checkpoint.non_finite().map(str::to_owned) {
            return Err(self.diverged(f64::NAN, Trouble::Weight, Some(path), None));
        }
        let record = RunRecord::new(&self.described, &self.history, &self.trace, self.step, finished);
        let written =
            record.save(&store.folder.join("run.json")).and_then(|()| store.save(&checkpoint, self.proven));
        match written {
            Ok(()) => {
                (self.saved, self.proven) = (Some(self.step), false);
                Ok(())
            }
            Err(error) => self.excuse(error),
        }
    }

    /// Writes the checkpoint of an evaluation that is among the best, and removes those that are so no longer.
    pub(super) fn keep_best(&mut self) -> Result<(), TrainError> {
        let (Some(store), Some(keep)) = (&self.store, self.trainer.keep_best) else { return Ok(()) };
        let places = self.trainer.goal.best(&self.history, keep);
        let best: Vec<usize> = places.iter().map(|&place| self.history[place].steps).collect();
        let mut written = Ok(());
        if self.history.last().is_some_and(|last| last.steps == self.step && best.contains(&self.step)) {
            written = self.checkpoint(false).save(&store.best(self.step));
        }
        match written.and_then(|()| store.keep_only(&best)) {
            Err(error) => self.excuse(error),
            Ok(()) => Ok(()),
        }
    }
}
