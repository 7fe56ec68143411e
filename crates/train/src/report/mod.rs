//! `report.html`: a run on one self-contained page, without other files or scripts.

mod chart;
mod curves;
mod tables;

use std::any::Any;
use std::fmt::Write;
use std::time::Duration;

use ravine_data::{DataError, Dataset, Pick};
use ravine_plot::{escape, short};
use ravine_tensor::Tensor;

use crate::callback::RunState;
use crate::log::{Picture, filters};
use crate::metrics::{Hard, Hardest};
use crate::replay::Environment;
use crate::trainer::per_second;
use crate::{Goal, Record, Scores};

/// What the page is made of.
pub(crate) struct ReportInput<'a> {
    pub state: RunState<'a>,
    pub goal: &'a Goal,
    /// The last scores on the test set, with the fields that checkpoints do not save.
    pub scores: Option<&'a Scores>,
    /// The samples with the highest loss, if they are pictures.
    pub hardest: Vec<(Hard, Picture)>,
    pub weights_hash: String,
    /// The number of samples that this process trained on.
    pub samples: usize,
    /// The time that it spent training.
    pub training: Duration,
    /// The time that it spent on everything.
    pub elapsed: Duration,
}

/// The images of the hardest samples, if the batches of the data are images with classes.
pub(crate) fn pictures<D: Dataset + ?Sized>(
    test: &D,
    hardest: &Hardest,
) -> Result<Vec<(Hard, Picture)>, DataError> {
    let mut pictures = Vec::new();
    for hard in hardest.iter().filter(|hard| hard.sample < test.len()) {
        let batch = test.batch(Pick { epoch: 0, indices: &[hard.sample] })?;
        let Some((images, _)) = (&batch as &dyn Any).downcast_ref::<(Tensor, Tensor<i64>)>() else { break };
        let drawn = if images.rank() == 4 { Picture::of_image(&images.index(0, 0)) } else { None };
        let Some(picture) = drawn else { break };
        pictures.push((*hard, picture));
    }
    Ok(pictures)
}

/// The page as HTML.
pub(crate) fn page(input: &ReportInput<'_>) -> String {
    let state = &input.state;
    let mut html = String::from(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>Training report</title>\n<style>\n",
    );
    html += include_str!("style.css");
    html += "</style>\n</head>\n<body>\n<main>\n";
    header(&mut html, input);

    section(&mut html, "Learning", None, &curves::learning(state));
    section(
        &mut html,
        "Health of the optimization",
        Some(
            "How long the gradients are, and by what share of itself each step changes a weight: about a thousandth is usual.",
        ),
        &curves::health(state),
    );
    if let Some(confusion) = input.scores.and_then(Scores::confusion) {
        let note = "Rows are the true classes, columns the predictions, for the test set at the end.";
        section(&mut html, "Confusion", Some(note), &tables::confusion(confusion));
    }
    if !input.hardest.is_empty() {
        let note = "The test images with the highest loss: the true class, what the model took it for, and how sure it was.";
        section(&mut html, "Hardest images", Some(note), &tables::hardest(&input.hardest));
    }
    if let Some((path, pictures)) = filters(state.model) {
        let note = format!("{}: blue is negative, red positive, white zero.", escape(&path));
        section(&mut html, "First-layer filters", Some(&note), &tables::filters(&pictures));
    }
    section(&mut html, "Evaluations", None, &tables::evaluations(state.history));
    section(
        &mut html,
        "Settings",
        None,
        &tables::pairs(state.settings.iter().map(|(a, b)| (a.as_str(), b.clone()))),
    );
    section(&mut html, "Environment", None, &tables::pairs(environment()));
    section(&mut html, "Weights", None, &tables::pairs(weights(input)));
    html += "</main>\n</body>\n</html>\n";
    html
}

/// The title and the numbers that matter most.
fn header(html: &mut String, input: &ReportInput<'_>) {
    let state = &input.state;
    let title =
        state.settings.iter().find(|(name, _)| name == "model").map_or("Training report", |(_, model)| model);
    let _ = writeln!(
        html,
        "<header>\n<p class=\"kind\">Training report</p>\n<h1>{}</h1>\n<ul class=\"cards\">",
        escape(title)
    );
    let mut card = |value: String, name: &str| {
        let _ = writeln!(html, "<li><b>{}</b><span>{}</span></li>", escape(&value), escape(name));
    };
    let (history, goal) = (state.history, &input.goal.metric);
    let best = input.goal.best(history, 1).first().copied();
    let part = |record: &Record| if record.test.is_some() { "test" } else { "training" };
    if let Some(record) = best.map(|place| &history[place]) {
        let name = format!("best {} {goal}, epoch {}", part(record), record.epoch + 1);
        card(metric(goal, input.goal.value(record)), &name);
    }
    if let Some(record) = history.last() {
        for name in ["accuracy", "loss"] {
            // If the last one is the best, its card is there already.
            if let Some(value) = record.scores().metric(name)
                && !(name == goal && best == Some(history.len() - 1))
            {
                card(metric(name, value), &format!("last {} {name}", part(record)));
            }
        }
    }
    card(short(state.step as f64), &format!("of {} steps", short(state.steps as f64)));
    if input.samples > 0 {
        card(short(per_second(input.samples, input.training)), "samples per second");
        card(duration(input.elapsed), "in this process");
    }
    *html += "</ul>\n</header>\n";
}

fn section(html: &mut String, title: &str, note: Option<&str>, content: &str) {
    if content.is_empty() {
        return;
    }
    let _ = writeln!(html, "<section>\n<h2>{title}</h2>");
    if let Some(note) = note {
        let _ = writeln!(html, "<p class=\"note\">{note}</p>");
    }
    let _ = writeln!(html, "{content}</section>");
}

fn environment() -> Vec<(&'static str, String)> {
    let here = Environment::here();
    vec![
        ("Ravine", here.ravine),
        ("system", format!("{} on {}", here.os, here.arch)),
        ("processor", here.cpu.unwrap_or_else(|| "unknown".into())),
        ("instruction set", here.instruction_set),
        ("processors", here.processors.to_string()),
    ]
}

fn weights(input: &ReportInput<'_>) -> Vec<(&'static str, String)> {
    vec![
        ("parameters", input.state.model.num_params().to_string()),
        ("SHA-256 of the weights", input.weights_hash.clone()),
    ]
}

/// A metric for people to read: shares in per cent.
fn metric(name: &str, value: f64) -> String {
    let share = ["accuracy", "precision", "recall", "f1"].contains(&name) || name.starts_with("top");
    if share { format!("{:.2} %", 100.0 * value) } else { format!("{value:.4}") }
}

fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, _) => format!("{:.1} s", time.as_secs_f64()),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use ravine_autograd::Param;

    use super::*;

    #[test]
    fn an_empty_run_has_a_page_and_texts_are_escaped() {
        let model = Param::new(Tensor::zeros([3]));
        let settings = [("model".to_owned(), "<script>".to_owned())];
        let state = RunState {
            model: &model,
            epoch: 0,
            step: 0,
            steps: 10,
            history: &[],
            trace: &[],
            watched: &[],
            settings: &settings,
            folder: None,
        };
        let page = page(&ReportInput {
            state,
            goal: &Goal::default(),
            scores: None,
            hardest: Vec::new(),
            weights_hash: "ab".into(),
            samples: 0,
            training: Duration::ZERO,
            elapsed: Duration::ZERO,
        });
        assert!(page.contains("&lt;script&gt;") && !page.contains("<script"), "{page}");
        assert!(!page.contains("http"), "no external address");
    }

    #[test]
    fn times_are_read_at_a_glance() {
        let shown = [0.25, 75.0, 7322.0].map(|seconds| duration(Duration::from_secs_f64(seconds)));
        assert_eq!(shown, ["0.2 s", "1 min 15 s", "2 h 2 min"]);
    }
}
