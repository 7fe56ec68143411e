//! The checkpoint: one file with everything that the rest of a run depends on, and all its records.

mod version1;
mod version2;

use std::path::Path;

use ravine_autograd::{Module, Visitor};
use ravine_optim::{Optimize, OptimizerState};
use ravine_tensor::Tensor;
use serde::{Deserialize, Serialize};

use crate::file::Payload;
use crate::guard::Guard;
use crate::{FileError, Record, Scores, StepRecord, TrainError, file, hash};

/// The largest value of a counter that is accepted from a file: no run reaches it, and adding to it cannot overflow.
const MOST: u64 = 1 << 53;

/// A tensor with its path, as it is saved.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Entry {
    path: String,
    value: Tensor,
}

/// The state of a run between two steps.
///
/// It has no random streams: they are functions of the seed and the step. So is the place in a data set; only the place in a stream has to
/// be saved.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The settings that the bits of the run depend on, by name. A run can be resumed only under the same.
    pub settings: Vec<(String, String)>,
    /// How many steps are done.
    pub step: usize,
    /// Whether the run came to its end.
    pub finished: bool,
    /// The scores of the epoch that is under way.
    pub running: Scores,
    /// The records of the evaluations.
    pub history: Vec<Record>,
    /// The records of single steps.
    pub trace: Vec<StepRecord>,
    /// The optimizer's slots and counters.
    pub optimizer: OptimizerState,
    pub(crate) guard: Guard,
    model: Vec<Entry>,
    /// The next batch: its epoch, and its number in the epoch. `None` in checkpoints of versions 1 and 2.
    pub place: Option<(usize, usize)>,
    /// The stream's own note of its place ([`Stream::marks`](ravine_data::Stream::marks)); empty for a data set.
    pub(crate) marks: Vec<u64>,
}

impl Checkpoint {
    /// The present state of `model` and `optimizer`, after `step` steps of a run with these settings. The caller adds the records.
    pub fn capture(
        model: &(impl Module + ?Sized),
        optimizer: &dyn Optimize,
        settings: Vec<(String, String)>,
        step: usize,
    ) -> Self {
        let mut entries = Vec::new();
        model.visit(&mut Visitor::new(&mut |path, leaf| {
            entries.push(Entry { path: path.into(), value: leaf.value() });
        }));
        Checkpoint {
            settings,
            step,
            finished: false,
            running: Scores::default(),
            history: Vec::new(),
            trace: Vec::new(),
            optimizer: optimizer.state(),
            guard: Guard::default(),
            model: entries,
            place: None,
            marks: Vec::new(),
        }
    }

    /// Writes the checkpoint to `file`, replacing it atomically if it exists: see [`write`](file::write).
    ///
    /// # Errors
    /// If the system refuses.
    pub fn save(&self, file: impl AsRef<Path>) -> Result<(), FileError> {
        file::write(file, self)
    }

    /// Reads a checkpoint that this version of Ravine or an earlier one wrote.
    ///
    /// # Errors
    /// If the file cannot be read, is not a complete checkpoint, or is of a later version. Whatever it contains, reading it takes no more
    /// memory than a small multiple of its length.
    pub fn load(file: impl AsRef<Path>) -> Result<Self, FileError> {
        Checkpoint::decode(&Payload::read(file.as_ref())?)
    }

    /// Reads a checkpoint from the bytes of a file; errors name `file`.
    ///
    /// # Errors
    /// As those of [`load`](Self::load).
    pub fn from_bytes(bytes: Vec<u8>, file: impl AsRef<Path>) -> Result<Self, FileError> {
        Checkpoint::decode(&Payload::parse(bytes, file.as_ref())?)
    }

    fn decode(payload: &Payload) -> Result<Self, FileError> {
        let checkpoint: Checkpoint = match payload.version {
            1 => payload.decode::<version1::Checkpoint>()?.into(),
            2 => payload.decode::<version2::Checkpoint>()?.into(),
            _ => payload.decode()?,
        };
        if let Some((what, count)) = checkpoint.counters().find(|(_, count)| *count > MOST) {
            return Err(payload.wrong(format!("{what}: found {count}, expected at most {MOST}")));
        }
        Ok(checkpoint)
    }

    /// All counters that the rest of the run adds to, by name.
    fn counters(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let optimizer = &self.optimizer;
        let (epoch, batch) = self.place.unwrap_or_default();
        let history = self.history.iter().flat_map(|record| {
            let test = record.test.as_ref().map_or(0, Scores::counted);
            [
                ("epoch", record.epoch as u64),
                ("steps", record.steps as u64),
                ("samples", record.train.counted()),
                ("test samples", test),
            ]
        });
        let run = [
            ("step", self.step as u64),
            ("samples", self.running.counted()),
            ("losses", self.guard.seen()),
            ("steps of the optimizer", optimizer.steps),
            ("skipped steps", optimizer.skipped),
            ("epoch of the data", epoch as u64),
            ("batch of the data", batch as u64),
        ];
        let trace = self.trace.iter().map(|record| ("step", record.step as u64));
        let updates = optimizer.params.iter().map(|param| ("updates", param.updates));
        run.into_iter().chain(history).chain(trace).chain(updates)
    }

    /// The path of the first parameter or buffer that holds a number that is not finite.
    pub(crate) fn non_finite(&self) -> Option<&str> {
        let bad = |entry: &&Entry| entry.value.iter().any(|x| !x.is_finite());
        self.model.iter().find(bad).map(|entry| entry.path.as_str())
    }

    /// The SHA-256 digest of the saved weights and buffers: the [`weights_hash`](crate::weights_hash()) of a model that they are restored to.
    pub fn weights_hash(&self) -> String {
        let mut digest = hash::Weights::default();
        self.model.iter().for_each(|entry| digest.add(&entry.path, &entry.value));
        digest.finish()
    }

    /// Copies the saved weights and buffers to `model`.
    ///
    /// # Errors
    /// If the paths or shapes of the model are not the saved ones. The model is then as it was.
    pub fn restore_model(&self, model: &(impl Module + ?Sized)) -> Result<(), TrainError> {
        let mismatch = |path: &str, found: String, expected: String| TrainError::Mismatch {
            what: path.to_owned(),
            found,
            expected,
        };
        // Everything is checked before anything is changed.
        let mut problem = None;
        let mut entries = self.model.iter();
        model.visit(&mut Visitor::new(&mut |path, leaf| {
            if problem.is_some() {
                return;
            }
            let shape = leaf.shape();
            let here = format!("{path} {shape}");
            match entries.next() {
                Some(entry) => {
                    let saved = entry.value.shape();
                    if entry.path != path || *saved != shape {
                        problem = Some(mismatch(path, format!("{} {saved}", entry.path), here));
                    }
                }
                None => problem = Some(mismatch(path, "nothing".into(), here)),
            }
        }));
        if let (None, Some(entry)) = (&problem, entries.next()) {
            let found = format!("{} {}", entry.path, entry.value.shape());
            problem = Some(mismatch(&entry.path, found, "nothing".into()));
        }
        if let Some(problem) = problem {
            return Err(problem);
        }
        let mut entries = self.model.iter();
        model.visit(&mut Visitor::new(&mut |_, leaf| {
            leaf.set(entries.next().expect("as many entries as leaves, as checked").value.clone());
        }));
        Ok(())
    }
}
