//! Checks of the settings, and the settings as the records of a run list them.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use ravine_data::{DataError, Order, Plan, sha256};
use ravine_optim::Better;

use super::feed::Data;
use super::{Length, Trainer};
use crate::TrainError;

/// The largest number of threads of a pool: more than machines have processors, and few enough for the system to start.
const MAX_THREADS: usize = 1024;

impl Trainer {
    /// Checks the settings for a run with these numbers of training samples (`None` for a stream) and test samples.
    pub(super) fn check(&self, train: Option<usize>, test: Option<usize>) -> Result<(), TrainError> {
        let wrong = |name, found: &str, expected| Err(TrainError::setting(name, found, expected));
        let (length_name, length) = match self.length {
            Length::Epochs(epochs) => ("epochs", Some(epochs)),
            Length::Steps(steps) => ("steps", Some(steps)),
        };
        let counts = [
            (length_name, length, "at least 1"),
            ("batch_size", Some(self.batch_size), "at least 1"),
            ("accumulate", Some(self.accumulate), "at least 1"),
            ("shards", Some(self.shards), "at least 1"),
            ("evaluation_batch", Some(self.evaluation_batch), "at least 1"),
            ("evaluate_every", self.evaluate_every, "at least 1 step"),
            ("checkpoint_every", self.checkpoint_every, "at least 1 step"),
            ("log_every", self.log_every, "at least 1 step"),
            ("patience", self.patience, "at least 1 evaluation"),
            ("keep_best", self.keep_best, "at least 1 checkpoint"),
        ];
        if let Some((name, _, expected)) = counts.into_iter().find(|(_, count, _)| *count == Some(0)) {
            return wrong(name, "0", expected);
        }
        if self.batch_size.checked_mul(self.accumulate).is_none() {
            return wrong(
                "batch_size × accumulate",
                "a number beyond 64 bits",
                "samples that can be counted",
            );
        }
        if self.shards.checked_mul(self.accumulate).is_none() {
            return wrong("shards × accumulate", "a number beyond 64 bits", "shards that can be counted");
        }
        if self.threads > MAX_THREADS {
            return wrong("threads", &self.threads.to_string(), "at most 1024");
        }
        if let Some(workers) = self.workers.filter(|&workers| workers > MAX_THREADS) {
            return wrong("workers", &workers.to_string(), "at most 1024");
        }
        if self.explosion.is_nan() || self.explosion <= 1.0 {
            return wrong("explosion", &self.explosion.to_string(), "more than 1 time the first losses");
        }
        if !(self.goal.margin >= 0.0 && self.goal.margin.is_finite()) {
            return wrong("goal: margin", &self.goal.margin.to_string(), "a number that is not negative");
        }
        if self.goal.metric.is_empty() {
            return wrong("goal: metric", "no name", "the name of a metric");
        }
        if self.folder.is_none() {
            let wanted = [
                ("resume", self.resume),
                ("checkpoint_every", self.checkpoint_every.is_some()),
                ("keep_best", self.keep_best.is_some()),
                ("tensorboard", self.tensorboard),
                ("report", self.report),
            ];
            if let Some((what, _)) = wanted.into_iter().find(|(_, wanted)| *wanted) {
                let expected = match what {
                    "tensorboard" | "report" => "a folder to write into",
                    _ => "a folder to keep the checkpoint in",
                };
                return wrong("folder", "none", expected);
            }
        }
        if self.verify.is_some() && self.resume {
            return wrong("resume", "true", "false, as a run is verified from its beginning");
        }
        self.check_notes()?;
        if test == Some(0) {
            return wrong("test data", "0 samples", "at least 1, or no test set");
        }
        match train {
            Some(samples) => self.check_set(samples),
            None => self.check_stream(),
        }
    }

    fn check_set(&self, train: usize) -> Result<(), TrainError> {
        let wrong = |name, found: String, expected| Err(TrainError::setting(name, found, expected));
        if let Some(samples) = self.order.as_ref().and_then(Order::samples)
            && samples != train
        {
            return wrong("order", format!("one of {samples} samples"), "one of all training samples");
        }
        let per_epoch = self.plan(train).batches_per_epoch();
        if per_epoch == 0 {
            return wrong("training data", format!("{train} samples"), "enough for one batch");
        }
        if let Length::Epochs(epochs) = self.length
            && epochs.checked_mul(per_epoch).is_none()
        {
            return wrong("epochs", epochs.to_string(), "steps that can be counted");
        }
        Ok(())
    }

    fn check_stream(&self) -> Result<(), TrainError> {
        if let Length::Epochs(epochs) = self.length {
            let expected = "steps, as nobody knows how many an epoch of a stream has";
            return Err(TrainError::setting("epochs", epochs, expected));
        }
        if let Some(order) = &self.order {
            return Err(TrainError::setting("order", order, "none, as a stream has an order of its own"));
        }
        Ok(())
    }

    /// Checks that a schedule which falls on a plateau of the goal's metric agrees with the goal on which direction is `better`. Returns the
    /// setting that the records list for it.
    pub(super) fn plateau(&self, better: Option<Better>) -> Result<Option<(String, String)>, TrainError> {
        let Some(better) = better else { return Ok(None) };
        if better != self.goal.better {
            let expected = match self.goal.better {
                Better::Lower => "Lower, as the goal has it",
                Better::Higher => "Higher, as the goal has it",
            };
            return Err(TrainError::setting("plateau: better", format!("{better:?}"), expected));
        }
        // The loss, the default, is not listed.
        let metric = &self.goal.metric;
        Ok((metric != "loss").then(|| ("plateau metric".to_owned(), metric.clone())))
    }

    fn check_notes(&self) -> Result<(), TrainError> {
        for (i, (name, _)) in self.notes.iter().enumerate() {
            if name.is_empty() {
                return Err(TrainError::setting("note", "no name", "a name"));
            }
            if self.notes[..i].iter().any(|(other, _)| other == name) {
                return Err(TrainError::setting("note", format!("{name} twice"), "each name once"));
            }
        }
        Ok(())
    }

    /// The order of the samples. A batch of the plan has the samples of a step, of all its micro-batches.
    pub(super) fn plan(&self, samples: usize) -> Plan {
        let order = self.order.clone().unwrap_or(Order::Shuffled { seed: self.seed });
        Plan::new(samples, self.step_samples(), order).drop_last(self.drop_last)
    }

    /// The number of steps of the complete run.
    pub(super) fn total_steps(&self, data: &Data<'_>) -> usize {
        match self.length {
            Length::Epochs(epochs) => epochs * data.steps_per_epoch().unwrap_or(0),
            Length::Steps(steps) => steps,
        }
    }

    /// The settings that the bits of the run depend on, besides model and optimizer.
    pub(super) fn fingerprint(&self, data: &Data<'_>) -> Result<Vec<(String, String)>, TrainError> {
        let samples = match data {
            Data::Set { plan } => plan.samples().to_string(),
            Data::Stream(_) => "a stream".to_owned(),
        };
        let mut settings = vec![
            ("seed".to_owned(), self.seed.to_string()),
            ("batch_size".to_owned(), self.step_samples().to_string()),
            ("shards".to_owned(), self.step_shards().to_string()),
            ("drop_last".to_owned(), self.drop_last.to_string()),
            ("training samples".to_owned(), samples),
        ];
        if let Data::Stream(stream) = data {
            settings.extend(stream.settings());
        }
        if let Some(order) = &self.order {
            settings.push(("order".to_owned(), order.to_string()));
        }
        if let Some(steps) = self.evaluate_every {
            settings.push(("evaluate_every".to_owned(), steps.to_string()));
        }
        let mut taken = HashSet::new();
        for path in &self.data_files {
            checksums(path, &mut taken, &mut settings)?;
        }
        Ok(settings)
    }
}

/// Adds the checksum of a file, or of each file in a folder, under a unique name.
fn checksums(
    path: &Path,
    taken: &mut HashSet<String>,
    sums: &mut Vec<(String, String)>,
) -> Result<(), TrainError> {
    let failed = |error| DataError::Io { file: path.to_owned(), action: "read", error };
    if path.is_dir() {
        let entries = fs::read_dir(path).and_then(Iterator::collect::<Result<Vec<_>, _>>).map_err(failed)?;
        let mut files: Vec<_> =
            entries.iter().map(fs::DirEntry::path).filter(|path| path.is_file()).collect();
        files.sort();
        return files.iter().try_for_each(|file| checksums(file, taken, sums));
    }
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    // Of several files with the same name, the second and later ones get a number.
    let mut key = format!("SHA-256 of {name}");
    for number in 2.. {
        if taken.insert(key.clone()) {
            break;
        }
        key = format!("SHA-256 of {name} ({number})");
    }
    sums.push((key, sha256(path).map_err(failed)?));
    Ok(())
}
