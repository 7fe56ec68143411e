//! The charts of a run.

use super::chart::{Panel, Series, Style, figure};
use crate::callback::RunState;
use crate::record::Part;
use crate::{Record, StepRecord};

// The colours of the series.
const TRAIN: usize = 0;
const TEST: usize = 1;
const RATE: usize = 2;

/// The loss and the main metrics, each with the learning rate below.
pub(super) fn learning(state: &RunState<'_>) -> String {
    let mut charts = loss(state);
    for name in shown_metrics(state.history) {
        let series: Vec<Series> = evaluations(state, name);
        charts += &figure(&[panel(name, 190.0, series), rate(state)]);
    }
    grid(charts)
}

/// The norm of the gradients, and the size of the updates.
pub(super) fn health(state: &RunState<'_>) -> String {
    let norms = curve(state.trace, |step| step.gradient_norm);
    let norms = smoothed("gradient norm", 0, norms);
    let mut charts = String::new();
    if norms.iter().any(|series| !series.points.is_empty()) {
        charts += &figure(&[Panel { logarithmic: true, ..panel("gradient norm", 220.0, norms) }]);
    }
    let ratio =
        |i: usize| curve(state.trace, |step| step.update_ratios.get(i).map(|&ratio| f64::from(ratio)));
    let ratios: Vec<Series> = (state.watched.iter().enumerate())
        .map(|(i, path)| Series {
            name: path.clone(),
            colour: i % 10,
            style: Style::Line,
            points: averaged(&positive(ratio(i))),
        })
        .filter(|series| !series.points.is_empty())
        .collect();
    charts += &figure(&[Panel { logarithmic: true, ..panel("update / weight", 220.0, ratios) }]);
    grid(charts)
}

/// Charts beside each other, where there is room.
fn grid(charts: String) -> String {
    if charts.is_empty() { charts } else { format!("<div class=\"charts\">\n{charts}</div>\n") }
}

fn panel(title: &str, height: f64, series: Vec<Series>) -> Panel {
    Panel { title: title.into(), height, series, logarithmic: false }
}

fn loss(state: &RunState<'_>) -> String {
    let steps = curve(state.trace, |step| Some(step.loss));
    let mut series = if steps.len() > 2 { smoothed("train", TRAIN, steps) } else { Vec::new() };
    let means = evaluations(state, "loss");
    // Where the steps are drawn, the means of the training loss would add nothing.
    let drawn = !series.is_empty();
    series.extend(means.into_iter().filter(|mean| !drawn || mean.colour == TEST));
    let values = || series.iter().flat_map(|series| &series.points).map(|point| point.1);
    let (low, high) = (values().fold(f64::INFINITY, f64::min), values().fold(0.0, f64::max));
    figure(&[
        Panel { logarithmic: low > 0.0 && high > 10.0 * low, ..panel("loss", 190.0, series) },
        rate(state),
    ])
}

/// A metric in training and test, over the evaluations.
fn evaluations(state: &RunState<'_>, name: &str) -> Vec<Series> {
    let series = [(Part::Train, TRAIN), (Part::Test, TEST)].map(|(part, colour)| Series {
        name: part.name().into(),
        colour,
        style: Style::Dots,
        points: (state.history.iter())
            .filter_map(|record| Some((record.steps as f64, record.part(part)?.metric(name)?)))
            .collect(),
    });
    series.into_iter().filter(|series| !series.points.is_empty()).collect()
}

/// The metrics that get a chart: at most three, without those that follow closely from another.
fn shown_metrics(history: &[Record]) -> Vec<&str> {
    let Some(last) = history.last() else { return Vec::new() };
    let hidden = ["precision", "recall", "f1", "mae", "perplexity"];
    last.scores().metrics().map(|(name, _)| name).filter(|name| !hidden.contains(name)).take(3).collect()
}

fn rate(state: &RunState<'_>) -> Panel {
    let mut points = curve(state.trace, |step| Some(step.learning_rate));
    if points.is_empty() {
        points = state.history.iter().map(|record| (record.steps as f64, record.learning_rate)).collect();
    }
    let name = "learning rate".to_owned();
    panel("learning rate", 64.0, vec![Series { name, colour: RATE, style: Style::Line, points }])
}

fn curve(trace: &[StepRecord], value: impl Fn(&StepRecord) -> Option<f64>) -> Vec<(f64, f64)> {
    trace.iter().filter_map(|step| Some((step.step as f64, value(step)?))).collect()
}

fn positive(points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    points.into_iter().filter(|point| point.1 > 0.0).collect()
}

/// The points as a faint line, and their running mean in front of it.
fn smoothed(name: &str, colour: usize, points: Vec<(f64, f64)>) -> Vec<Series> {
    let mean = averaged(&points);
    let series = |style, points| Series { name: name.into(), colour, style, points };
    vec![series(Style::Faint, points), series(Style::Line, mean)]
}

/// The exponential mean of the points, with a memory of about ten.
fn averaged(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let (mut sum, mut weight) = (0.0, 0.0);
    let mut mean = |&(step, value): &(f64, f64)| {
        sum = 0.9 * sum + 0.1 * value;
        weight = 0.9 * weight + 0.1;
        (step, sum / weight)
    };
    points.iter().filter(|point| point.1.is_finite()).map(&mut mean).collect()
}
