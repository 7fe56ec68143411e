//! `metrics.jsonl`: a line of JSON for each evaluation and each step that is kept.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::callback::{Callback, CallbackResult, Flow, RunState};
use crate::replay::json_of;
use crate::{FileError, Record, StepRecord, file};

pub(crate) struct Jsonl {
    file: PathBuf,
    out: Option<File>,
}

impl Jsonl {
    pub fn new(folder: &Path) -> Self {
        Jsonl { file: folder.join("metrics.jsonl"), out: None }
    }

    fn append(&mut self, line: &Value) -> CallbackResult {
        if let Some(out) = &mut self.out {
            let text = format!("{line}\n");
            file::append(out, text.as_bytes()).map_err(FileError::io(&self.file, "write it"))?;
        }
        Ok(Flow::Continue)
    }
}

impl Callback for Jsonl {
    fn start(&mut self, state: &RunState<'_>) -> CallbackResult {
        let steps = state.trace.iter().map(|step| (step.step, step_line(step, state.watched)));
        let evaluations = state.history.iter().map(|record| (record.steps, evaluation_line(record)));
        let mut lines: Vec<(usize, Value)> = steps.chain(evaluations).collect();
        // Stable: a step comes before the evaluation after it.
        lines.sort_by_key(|(step, _)| *step);
        let text: String = lines.iter().map(|(_, line)| format!("{line}\n")).collect();
        self.out = None;
        file::replace(&self.file, &[text.as_bytes()])?;
        let out = OpenOptions::new().append(true).open(&self.file);
        self.out = Some(out.map_err(FileError::io(&self.file, "open it"))?);
        Ok(Flow::Continue)
    }

    fn step(&mut self, state: &RunState<'_>, step: &StepRecord) -> CallbackResult {
        if state.trace.last().is_some_and(|kept| kept.step == step.step) {
            return self.append(&step_line(step, state.watched));
        }
        Ok(Flow::Continue)
    }

    fn evaluated(&mut self, _: &RunState<'_>, record: &Record) -> CallbackResult {
        self.append(&evaluation_line(record))
    }
}

fn step_line(step: &StepRecord, watched: &[String]) -> Value {
    let ratios: Map<String, Value> =
        watched.iter().cloned().zip(step.update_ratios.iter().map(|&ratio| ratio.into())).collect();
    json!({
        "event": "step",
        "step": step.step,
        "loss": step.loss,
        "learning_rate": step.learning_rate,
        "gradient_norm": step.gradient_norm,
        "update_ratios": ratios,
    })
}

fn evaluation_line(record: &Record) -> Value {
    json!({
        "event": "evaluation",
        "step": record.steps,
        "epoch": record.epoch,
        "learning_rate": record.learning_rate,
        "train": json_of(&record.train),
        "test": record.test.as_ref().map(json_of),
        "weights_hash": record.weights_hash,
    })
}
