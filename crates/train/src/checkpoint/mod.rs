//! A run as one file: everything that its future depends on, and everything that it will be asked about.

mod version1;
mod version2;

use std::path::Path;

use ravine_autograd::{Leaf, Module, Visitor};
use ravine_optim::{Optimize, OptimizerState};
use ravine_tensor::Tensor;
use serde::{Deserialize, Serialize};

use crate::file::Payload;
use crate::guard::Guard;
use crate::{FileError, Record, Scores, StepRecord, TrainError, file, hash};

/// The most that a counter of a run may be: what no run comes to, and what can be added to.
const MOST: u64 = 1 << 53;

/// A tensor with its path, as it is saved.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Entry {
    path: String,
    value: Tensor,
}

/// The state of a run between two steps.
///
/// Random streams are not in it: they are functions of the seed and the step. So is the place in a data set; only in a stream there is no other way to know it.
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
    /// What was recorded at the ends of epochs.
    pub history: Vec<Record>,
    /// What was recorded of single steps.
    pub trace: Vec<StepRecord>,
    /// The optimizer's slots and counters.
    pub optimizer: OptimizerState,
    pub(crate) guard: Guard,
    model: Vec<Entry>,
    /// Where the data go on: the epoch, and the batch in it. `None` in what versions 1 and 2 saved.
    pub place: Option<(usize, usize)>,
    /// What the stream knew of where its samples stand; empty where the data are a set.
    pub(crate) marks: Vec<u64>,
}

impl Checkpoint {
    /// The state of `model` and `optimizer` now, after `step` steps, in a run with these settings. The records are for the caller to add.
    pub fn capture(
        model: &(impl Module + ?Sized),
        optimizer: &dyn Optimize,
        settings: Vec<(String, String)>,
        step: usize,
    ) -> Self {
        let mut entries = Vec::new();
        model.visit(&mut Visitor::new(&mut |path, leaf| {
            let value = match leaf {
                Leaf::Param(param) => param.value(),
                Leaf::Buffer(buffer) => buffer.value(),
            };
            entries.push(Entry { path: path.into(), value });
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

    /// Writes it to `file`, in the place of what that may hold: see [`write`](file::write).
    ///
    /// # Errors
    /// If the system refuses.
    pub fn save(&self, file: &Path) -> Result<(), FileError> {
        file::write(file, self)
    }

    /// Reads it from `file`, which this version of Ravine or an earlier one wrote.
    ///
    /// # Errors
    /// If the file cannot be read, is not a whole checkpoint, or is of a later version. Whatever is in it, no more memory is taken than a small multiple of its
    /// length.
    pub fn load(file: &Path) -> Result<Self, FileError> {
        Checkpoint::decode(&Payload::read(file)?)
    }

    /// Reads it from the bytes of a file of this name.
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

    /// All that a run counts up further, by name.
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

    /// The path of the first parameter or buffer with a number in it that is not finite, if there is one.
    pub(crate) fn non_finite(&self) -> Option<&str> {
        let bad = |entry: &&Entry| entry.value.iter().any(|x| !x.is_finite());
        self.model.iter().find(bad).map(|entry| entry.path.as_str())
    }

    /// The SHA-256 digest of the saved weights and buffers: the [`weights_hash`](crate::weights_hash()) of the model they are put into.
    pub fn weights_hash(&self) -> String {
        let mut digest = hash::Weights::default();
        self.model.iter().for_each(|entry| digest.add(&entry.path, &entry.value));
        digest.finish()
    }

    /// Puts the saved weights and buffers into `model`.
    ///
    /// # Errors
    /// If the paths or shapes of the model are not the saved ones. The model is then as it was.
    pub fn restore_model(&self, model: &(impl Module + ?Sized)) -> Result<(), TrainError> {
        let mismatch = |path: &str, found: String, expected: String| TrainError::Mismatch {
            what: path.to_owned(),
            found,
            expected,
        };
        // All is checked before anything is changed.
        let mut problem = None;
        let mut places = self.model.iter();
        model.visit(&mut Visitor::new(&mut |path, leaf| {
            if problem.is_some() {
                return;
            }
            let shape = match leaf {
                Leaf::Param(param) => param.shape(),
                Leaf::Buffer(buffer) => buffer.shape(),
            };
            let here = format!("{path} {shape}");
            match places.next() {
                Some(entry) => {
                    let saved = entry.value.shape();
                    if entry.path != path || *saved != shape {
                        problem = Some(mismatch(path, format!("{} {saved}", entry.path), here));
                    }
                }
                None => problem = Some(mismatch(path, "nothing".into(), here)),
            }
        }));
        if let (None, Some(entry)) = (&problem, places.next()) {
            let found = format!("{} {}", entry.path, entry.value.shape());
            problem = Some(mismatch(&entry.path, found, "nothing".into()));
        }
        if let Some(problem) = problem {
            return Err(problem);
        }
        let mut places = self.model.iter();
        model.visit(&mut Visitor::new(&mut |_, leaf| {
            let entry = places.next().expect("as many entries as leaves, as checked");
            let value = entry.value.clone();
            match leaf {
                Leaf::Param(param) => param.set(value),
                Leaf::Buffer(buffer) => buffer.set(value),
            }
        }));
        Ok(())
    }
}
