//! `metrics.csv`: a row for each evaluation, for spreadsheets.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use crate::callback::{Callback, CallbackResult, Flow, RunState};
use crate::record::Part;
use crate::{Record, file};

/// The table is short, so it is rewritten each time, with a column for each metric that has occurred.
pub(crate) struct Csv {
    file: PathBuf,
}

impl Csv {
    pub fn new(folder: &Path) -> Self {
        Csv { file: folder.join("metrics.csv") }
    }

    fn write(&self, state: &RunState<'_>) -> CallbackResult {
        file::replace(&self.file, &[table(state.history).as_bytes()])?;
        Ok(Flow::Continue)
    }
}

impl Callback for Csv {
    fn start(&mut self, state: &RunState<'_>) -> CallbackResult {
        self.write(state)
    }

    fn evaluated(&mut self, state: &RunState<'_>, _: &Record) -> CallbackResult {
        self.write(state)
    }
}

fn table(history: &[Record]) -> String {
    let mut columns: Vec<(Part, &str)> = Vec::new();
    for part in Part::ALL {
        for scores in history.iter().filter_map(|record| record.part(part)) {
            for name in ["loss"].into_iter().chain(scores.metrics().map(|(name, _)| name)) {
                if !columns.contains(&(part, name)) {
                    columns.push((part, name));
                }
            }
        }
    }
    let mut text = String::from("epoch,steps,learning_rate");
    for (part, name) in &columns {
        let _ = write!(text, ",{}", quoted(&format!("{}_{name}", part.name())));
    }
    text.push('\n');
    for record in history {
        let _ = write!(text, "{},{},{}", record.epoch, record.steps, record.learning_rate);
        for (part, name) in &columns {
            text.push(',');
            if let Some(value) = record.part(*part).and_then(|scores| scores.metric(name)) {
                let _ = write!(text, "{value}");
            }
        }
        text.push('\n');
    }
    text
}

/// A field as RFC 4180 quotes it.
pub(crate) fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scores;

    #[test]
    fn a_column_for_each_metric() {
        let record = |epoch, test| Record {
            epoch,
            steps: 10 * (epoch + 1),
            learning_rate: 0.5,
            train: Scores::from_sums(2, 1.0, vec![("a,b".into(), 4.0)]),
            test,
            weights_hash: None,
        };
        let test = Scores::from_sums(4, 1.0, vec![("accuracy".into(), 3.0)]);
        assert_eq!(
            table(&[record(0, None), record(1, Some(test))]),
            "epoch,steps,learning_rate,train_loss,\"train_a,b\",test_loss,test_accuracy\n\
             0,10,0.5,0.5,2,,\n\
             1,20,0.5,0.5,2,0.25,0.75\n"
        );
        assert_eq!(table(&[]), "epoch,steps,learning_rate\n");
    }
}
