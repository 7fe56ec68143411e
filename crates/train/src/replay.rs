//! The record for repeating a run, and for verifying that the repetition is the same.

use std::fs;
use std::num::NonZero;
use std::path::Path;

use ravine_tensor::instruction_set;
use serde::{Deserialize, Serialize};

use crate::{FileError, Record, Scores, StepRecord, TrainError, file, hash};

/// The version of the record's format.
const FORMAT: u32 = 2;

/// The record of a run, `run.json` in its folder: settings, machine, checksums of the data, and at each evaluation the hash of the weights.
///
/// The record carries a checksum of itself, so that a change of a single bit is found when it is read.
/// [`Trainer::verify`](crate::Trainer::verify) repeats the run and says where it first differs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RunRecord {
    /// The version of the record's format.
    pub format: u32,
    /// The settings and the notes, by name; among them the checksums of the data files.
    pub settings: Vec<(String, String)>,
    /// The machine and the program that the run was made with.
    pub environment: Environment,
    /// How many steps were done.
    pub steps: usize,
    /// Whether it came to its end.
    pub finished: bool,
    /// The evaluations.
    pub evaluations: Vec<Evaluation>,
    /// The losses of some steps: the number of the step (counted from 1) and the bits of the loss, in hexadecimal.
    pub losses: Vec<(usize, String)>,
}

/// An evaluation in a [`RunRecord`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// The epoch, counted from 0.
    pub epoch: usize,
    /// How many steps were done.
    pub steps: usize,
    /// The learning rate of the last of them.
    pub learning_rate: f64,
    /// Loss and metrics while training.
    pub train: serde_json::Map<String, serde_json::Value>,
    /// Loss and metrics on the test set.
    pub test: Option<serde_json::Map<String, serde_json::Value>>,
    /// The hash of the weights.
    pub weights_hash: Option<String>,
}

/// The machine and the program of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Environment {
    /// The version of Ravine.
    pub ravine: String,
    /// The operating system.
    pub os: String,
    /// The kind of processor.
    pub arch: String,
    /// The model name of the processor, if the system reports it.
    pub cpu: Option<String>,
    /// The [instruction set](ravine_tensor::instruction_set) that kernels used. Others round differently.
    pub instruction_set: String,
    /// The number of processors. The results do not depend on it.
    pub processors: usize,
}

impl Environment {
    /// This machine and this program.
    pub fn here() -> Self {
        Environment {
            ravine: env!("CARGO_PKG_VERSION").into(),
            os: std::env::consts::OS.into(),
            arch: std::env::consts::ARCH.into(),
            cpu: cpu_name(),
            instruction_set: instruction_set().into(),
            processors: std::thread::available_parallelism().map_or(1, NonZero::get),
        }
    }
}

/// The model name of the first processor, as Linux reports it.
fn cpu_name() -> Option<String> {
    let info = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = info.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// Loss and metrics as JSON; NaN and infinities become `null`.
pub(crate) fn json_of(scores: &Scores) -> serde_json::Map<String, serde_json::Value> {
    let all = [("loss", scores.loss())].into_iter().chain(scores.metrics());
    all.map(|(name, value)| (name.to_owned(), value.into())).collect()
}

/// The setting of this name.
pub(crate) fn value<'s>(settings: &'s [(String, String)], name: &str) -> Option<&'s str> {
    settings.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
}

fn bits(loss: f64) -> String {
    format!("{:016x}", loss.to_bits())
}

impl RunRecord {
    pub(crate) fn new(
        settings: &[(String, String)],
        history: &[Record],
        trace: &[StepRecord],
        steps: usize,
        finished: bool,
    ) -> Self {
        let evaluation = |record: &Record| Evaluation {
            epoch: record.epoch,
            steps: record.steps,
            learning_rate: record.learning_rate,
            train: json_of(&record.train),
            test: record.test.as_ref().map(json_of),
            weights_hash: record.weights_hash.clone(),
        };
        RunRecord {
            format: FORMAT,
            settings: settings.to_vec(),
            environment: Environment::here(),
            steps,
            finished,
            evaluations: history.iter().map(evaluation).collect(),
            losses: trace.iter().map(|record| (record.step, bits(record.loss))).collect(),
        }
    }

    /// Writes the record to `file`, replacing it atomically if it exists.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn save(&self, file: impl AsRef<Path>) -> Result<(), FileError> {
        let file = file.as_ref();
        let run = serde_json::to_string_pretty(self).map_err(|error| FileError::contents(file, error))?;
        let rest = format!("{run}\n}}\n");
        let head = format!("{HEAD}{}{MIDDLE}", hash::text_hash(&rest));
        file::replace(file, &[head.as_bytes(), rest.as_bytes()])
    }

    /// Reads a record from `file`.
    ///
    /// # Errors
    /// If the file cannot be read, is not a record, was changed since it was written, or is of another version.
    pub fn load(file: impl AsRef<Path>) -> Result<Self, FileError> {
        let file = file.as_ref();
        Self::parse(file, fs::read(file).map_err(FileError::io(file, "read it"))?)
    }

    fn parse(file: &Path, bytes: Vec<u8>) -> Result<Self, FileError> {
        let wrong = |why: String| FileError::contents(file, why);
        let text = String::from_utf8(bytes)
            .map_err(|_| wrong("found bytes that are no UTF-8, expected the text of a record".into()))?;
        let parts = text.strip_prefix(HEAD).and_then(|text| text.split_at_checked(64));
        let parts = parts.and_then(|(sum, text)| Some((sum, text.strip_prefix(MIDDLE)?)));
        let Some((expected, rest)) = parts else {
            return Err(wrong(format!("it does not begin as a record does, {HEAD:?}")));
        };
        let found = hash::text_hash(rest);
        if found != expected {
            return Err(wrong(format!(
                "SHA-256: found {found}, expected {expected}: the record was changed since it was written"
            )));
        }
        // The checksum guarantees that this is as `save` wrote it, with the closing brace of the outer object at the end.
        let run = rest.strip_suffix("}\n").unwrap_or(rest);
        #[derive(Deserialize)]
        struct Version {
            format: u32,
        }
        let Version { format } = serde_json::from_str(run).map_err(|error| wrong(error.to_string()))?;
        if format != FORMAT {
            return Err(wrong(format!("format: found {format}, expected {FORMAT}")));
        }
        serde_json::from_str(run).map_err(|error| wrong(error.to_string()))
    }
}

/// The text before the checksum of a record, and that between the checksum and the text that it covers.
const HEAD: &str = "{\n\"sha256\": \"";
const MIDDLE: &str = "\",\n\"run\": ";

/// The comparison of a run with the record of an earlier one.
pub(crate) struct Verification<'a> {
    record: &'a RunRecord,
    evaluations: std::slice::Iter<'a, Evaluation>,
    /// The last step that was compared.
    reached: usize,
}

impl<'a> Verification<'a> {
    pub fn new(record: &'a RunRecord) -> Self {
        Verification { record, evaluations: record.evaluations.iter(), reached: 0 }
    }

    fn differs(&self, at: String, what: &str, found: String, expected: String) -> TrainError {
        let (here, there) = (Environment::here(), &self.record.environment);
        let mut reason = String::new();
        if here.instruction_set != there.instruction_set || here.arch != there.arch {
            reason = format!(
                " (the record was made on {} with {}; this is {} with {})",
                there.arch, there.instruction_set, here.arch, here.instruction_set
            );
        } else if here.ravine != there.ravine {
            reason = format!(" (the record was made by version {}; this is {})", there.ravine, here.ravine);
        }
        TrainError::Differs { at, what: what.to_owned(), found, expected, reason }
    }

    /// Compares the settings.
    pub fn settings(&self, ours: &[(String, String)]) -> Result<(), TrainError> {
        for (name, _) in self.record.settings.iter().chain(ours) {
            let (found, expected) = (value(ours, name), value(&self.record.settings, name));
            if found != expected {
                let text = |value: Option<&str>| value.unwrap_or("nothing").to_owned();
                return Err(self.differs("its beginning".into(), name, text(found), text(expected)));
            }
        }
        Ok(())
    }

    /// Compares a step, if the record has it: the record may have been made with another [`log_every`](crate::Trainer::log_every).
    pub fn step(&mut self, ours: &StepRecord) -> Result<(), TrainError> {
        let losses = &self.record.losses;
        let Ok(place) = losses.binary_search_by_key(&ours.step, |(step, _)| *step) else { return Ok(()) };
        let (step, expected) = &losses[place];
        self.reached = *step;
        if *expected == bits(ours.loss) {
            return Ok(());
        }
        let expected = match u64::from_str_radix(expected, 16) {
            Ok(bits) => f64::from_bits(bits).to_string(),
            Err(_) => expected.clone(),
        };
        Err(self.differs(format!("step {}", ours.step), "loss", ours.loss.to_string(), expected))
    }

    /// Compares an evaluation.
    pub fn evaluated(&mut self, ours: &Record) -> Result<(), TrainError> {
        let Some(expected) = self.evaluations.next() else { return Ok(()) };
        self.reached = expected.steps;
        let at = format!("step {} (epoch {})", ours.steps, ours.epoch + 1);
        if expected.steps != ours.steps {
            return Err(self.differs(at, "evaluation", ours.steps.to_string(), expected.steps.to_string()));
        }
        let text = |hash: &Option<String>| hash.clone().unwrap_or("none".into());
        if ours.weights_hash != expected.weights_hash {
            return Err(self.differs(
                at,
                "weights_hash",
                text(&ours.weights_hash),
                text(&expected.weights_hash),
            ));
        }
        let test = ours.test.as_ref().map(json_of);
        if test != expected.test {
            let text = |test| serde_json::to_string(test).unwrap_or_default();
            return Err(self.differs(at, "test scores", text(&test), text(&expected.test)));
        }
        Ok(())
    }

    /// The message if nothing differed.
    pub fn verdict(&self) -> String {
        format!(
            "verified: the same bits as in the record up to step {} of its {}",
            self.reached, self.record.steps
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> RunRecord {
        let scores = Scores::from_sums(3, 1.0, vec![("accuracy".into(), 2.0)]);
        let evaluation = Record {
            epoch: 0,
            steps: 2,
            learning_rate: 0.1,
            train: scores.clone(),
            test: Some(scores),
            weights_hash: Some("ab".into()),
        };
        let step = StepRecord {
            step: 1,
            loss: 1.0 / 3.0,
            learning_rate: 0.1,
            gradient_norm: None,
            update_ratios: Vec::new(),
        };
        let mut record = RunRecord::new(&[("seed".into(), "7".into())], &[evaluation], &[step], 2, true);
        record.environment.cpu = None;
        record
    }

    #[test]
    fn every_flipped_bit_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("run.json");
        record().save(&file).unwrap();
        assert_eq!(RunRecord::load(&file).unwrap(), record());
        let whole = fs::read(&file).unwrap();
        let json: serde_json::Value = serde_json::from_slice(&whole).unwrap();
        assert_eq!(json["run"]["evaluations"][0]["test"]["accuracy"], 2.0 / 3.0);
        for bit in 0..whole.len() * 8 {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let error = RunRecord::parse(&file, bytes).unwrap_err();
            assert!(error.to_string().contains("run.json: contents: "), "bit {bit}: {error}");
        }
        for len in 0..whole.len() {
            RunRecord::parse(&file, whole[..len].to_vec()).unwrap_err();
        }
    }

    #[test]
    fn a_record_of_another_format_is_refused_by_its_number() {
        let rest = "{\"format\": 1}\n}\n";
        let text = format!("{HEAD}{}{MIDDLE}{rest}", hash::text_hash(rest));
        let error = RunRecord::parse(Path::new("run.json"), text.into_bytes()).unwrap_err().to_string();
        assert!(error.contains("run.json") && error.contains("format: found 1, expected 2"), "{error}");
    }
}
