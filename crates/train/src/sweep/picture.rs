//! The plot in parallel coordinates: an axis for each setting and one for the score, and a line for each trial.

use std::fmt::Write;

use ravine_optim::Better;
use ravine_plot::{Scale, escape, short};

use super::space::Range;
use super::{SweepResult, TrialResult, Value};

const HEIGHT: f64 = 430.0;
/// From one axis to the next.
const BETWEEN: f64 = 150.0;
const LEFT: f64 = 90.0;
const RIGHT: f64 = 110.0;
const TOP: f64 = 64.0;
const FLOOR: f64 = HEIGHT - 62.0;
/// Where the lines of failed trials end.
const FAILED: f64 = HEIGHT - 28.0;
const INK: &str = "#1d2330";
const BEST: &str = "#e8632c";
const BAD: &str = "#b3261e";

struct Axis<'a> {
    title: String,
    /// A remark below the title.
    hint: &'static str,
    /// Positions, from 0 to 1, and labels.
    ticks: Vec<(f64, String)>,
    /// The position of a trial.
    at: Box<dyn Fn(&TrialResult) -> Option<f64> + 'a>,
}

pub(super) fn draw(found: &SweepResult) -> String {
    let ranking = found.ranking();
    let axes = axes(found, &ranking);
    let width = LEFT + RIGHT + BETWEEN * (axes.len() - 1) as f64;
    let x = |axis: usize| LEFT + BETWEEN * axis as f64;
    let y = |part: f64| TOP + (1.0 - part) * (FLOOR - TOP);

    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{HEIGHT}\" viewBox=\"0 0 {width} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"12\" fill=\"{INK}\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    // The best last, so that it is in front.
    for (place, result) in ranking.iter().enumerate().rev() {
        let points: Vec<String> = (axes.iter().enumerate())
            .map(|(i, axis)| format!("{:.1} {:.1}", x(i), (axis.at)(result).map_or(FAILED, y)))
            .collect();
        let style = match (&result.outcome, place) {
            (Err(_), _) => format!(
                "stroke=\"{BAD}\" stroke-width=\"1.2\" stroke-dasharray=\"5 4\" stroke-opacity=\"0.7\""
            ),
            (Ok(_), 0) => format!("stroke=\"{BEST}\" stroke-width=\"3.5\""),
            (Ok(_), _) => {
                format!("stroke=\"{}\" stroke-width=\"1.6\"", shade(place as f64 / ranking.len() as f64))
            }
        };
        let _ = writeln!(
            svg,
            "<path fill=\"none\" stroke-linejoin=\"round\" {style} d=\"M{}\"><title>{}</title></path>",
            points.join("L"),
            escape(&caption(found, result))
        );
    }
    for (i, axis) in axes.iter().enumerate() {
        let (x, last) = (x(i), i + 1 == axes.len());
        let _ = writeln!(svg, "<path stroke=\"{INK}\" d=\"M{x} {TOP}V{FLOOR}\"/>");
        text(&mut svg, x, TOP - 32.0, "middle", "font-weight=\"bold\"", &axis.title);
        text(&mut svg, x, TOP - 16.0, "middle", "fill=\"#626b7b\" font-size=\"11\"", axis.hint);
        let (side, anchor) = if last { (1.0, "start") } else { (-1.0, "end") };
        for (part, name) in &axis.ticks {
            let at = y(*part);
            let _ = write!(svg, "<path stroke=\"{INK}\" d=\"M{x} {at:.1}h{}\"/>", 5.0 * side);
            // A white outline keeps labels legible in front of lines.
            let halo = "stroke=\"white\" stroke-width=\"3\" paint-order=\"stroke\"";
            text(&mut svg, x + 8.0 * side, at + 4.0, anchor, halo, name);
        }
    }
    let end = x(axes.len() - 1);
    if ranking.iter().any(|result| result.outcome.is_err()) {
        text(&mut svg, end + 8.0, FAILED + 4.0, "start", &format!("fill=\"{BAD}\""), "failed");
    }
    let scored = ranking.iter().filter(|result| result.outcome.is_ok()).count();
    let trials = format!(
        "{scored} trials with a score, {} without; the darker the better, the best in orange",
        ranking.len() - scored
    );
    text(&mut svg, 16.0, HEIGHT - 8.0, "start", "fill=\"#626b7b\" font-size=\"11\"", &trials);
    svg + "</svg>\n"
}

fn axes<'a>(found: &'a SweepResult, ranking: &[&TrialResult]) -> Vec<Axis<'a>> {
    let mut axes: Vec<Axis> =
        (found.space.ranges.iter().enumerate()).map(|(i, (name, range))| setting(i, name, range)).collect();
    let budgets: Vec<f64> = ranking.iter().map(|result| result.budget as f64).collect();
    if budgets.windows(2).any(|pair| pair[0] != pair[1]) {
        let scale = Scale::around(budgets.iter().copied(), false);
        let mut ticks: Vec<f64> = budgets;
        ticks.sort_by(f64::total_cmp);
        ticks.dedup();
        axes.push(Axis {
            title: "budget".into(),
            hint: "",
            ticks: ticks.iter().map(|&budget| (scale.at(budget), short(budget))).collect(),
            at: Box::new(move |result| Some(scale.at(result.budget as f64))),
        });
    }
    let scores = ranking.iter().filter_map(|result| result.outcome.as_ref().ok().copied());
    let (least, most) = scores.clone().fold((f64::INFINITY, 0.0f64), |(a, b), x| (a.min(x), b.max(x)));
    let scale = Scale::around(scores, least > 0.0 && most > 50.0 * least);
    axes.push(Axis {
        title: found.goal.metric.clone(),
        hint: if found.goal.better == Better::Lower { "lowest is best" } else { "highest is best" },
        ticks: scale.ticks(6).into_iter().map(|tick| (scale.at(tick), short(tick))).collect(),
        at: Box::new(move |result| result.outcome.as_ref().ok().map(|&score| scale.at(score))),
    });
    axes
}

fn setting<'a>(place: usize, name: &str, range: &'a Range) -> Axis<'a> {
    let scaled = |low: f64, high: f64, logarithmic, whole: bool| {
        let scale = Scale::around([low, high], logarithmic);
        let inside = |x: &f64| (low..=high).contains(x) && (!whole || x.fract() == 0.0);
        let mut ticks: Vec<f64> = scale.ticks(6).into_iter().filter(inside).collect();
        if ticks.len() < 2 {
            ticks = vec![low, high];
            ticks.dedup();
        }
        let ticks = ticks.into_iter().map(|tick| (scale.at(tick), short(tick))).collect();
        let at = move |result: &TrialResult| match result.settings.0[place].1 {
            Value::Float(x) => Some(scale.at(x)),
            Value::Int(n) => Some(scale.at(n as f64)),
            Value::Text(_) => None,
        };
        (ticks, Box::new(at) as Box<dyn Fn(&TrialResult) -> Option<f64>>)
    };
    let ((ticks, at), hint): ((_, Box<dyn Fn(&TrialResult) -> Option<f64> + 'a>), _) = match range {
        &Range::Uniform(low, high) => (scaled(low, high, false, false), ""),
        &Range::Log(low, high) => (scaled(low, high, true, false), "logarithmic"),
        &Range::Int(low, high) => (scaled(low as f64, high as f64, false, true), ""),
        Range::Choice(of) => {
            let part = |place: usize| 1.0 - (place as f64 + 0.5) / of.len() as f64;
            let ticks = of.iter().enumerate().map(|(i, name)| (part(i), name.clone())).collect();
            let at = move |result: &TrialResult| match &result.settings.0[place].1 {
                Value::Text(text) => of.iter().position(|one| one == text).map(part),
                _ => None,
            };
            ((ticks, Box::new(at)), "")
        }
    };
    Axis { title: name.into(), hint, ticks, at }
}

/// From dark blue (0, the best) to pale blue (1).
fn shade(worse: f64) -> String {
    let mix = |dark: f64, pale: f64| (dark + (pale - dark) * worse) as u8;
    format!("#{:02x}{:02x}{:02x}", mix(22.0, 205.0), mix(62.0, 216.0), mix(150.0, 238.0))
}

fn caption(found: &SweepResult, result: &TrialResult) -> String {
    let settings: Vec<String> =
        result.settings.iter().map(|(name, value)| format!("{name} {value}")).collect();
    let outcome = match &result.outcome {
        Ok(score) => format!("{} {}", found.goal.metric, short(*score)),
        Err(why) => format!("failed: {why}"),
    };
    format!("trial {}, budget {}\n{}\n{outcome}", result.trial, result.budget, settings.join("\n"))
}

fn text(svg: &mut String, x: f64, y: f64, anchor: &str, style: &str, text: &str) {
    let text = escape(text);
    let _ = writeln!(svg, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" {style}>{text}</text>");
}
