//! Line charts as SVG: panels one below the other, with a common axis of steps.

use std::fmt::Write;

use ravine_plot::{Scale, escape, short};

/// The width of a chart in its own units; the page scales it.
const WIDTH: f64 = 520.0;
/// The room for labels at the left, at the right, and below each panel.
const LEFT: f64 = 58.0;
const RIGHT: f64 = 14.0;
const GAP: f64 = 34.0;
/// The largest number of points of a curve; more could not be told apart.
const POINTS: usize = 300;

/// How a series is drawn.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Style {
    /// A line.
    Line,
    /// A thin line behind the others, without a legend.
    Faint,
    /// A line with a dot at each point, which shows its number when the mouse is over it.
    Dots,
}

/// A curve.
pub(super) struct Series {
    pub name: String,
    /// The number of the colour, from 0 to 9.
    pub colour: usize,
    pub style: Style,
    pub points: Vec<(f64, f64)>,
}

/// A pair of axes with curves.
pub(super) struct Panel {
    pub title: String,
    pub height: f64,
    pub series: Vec<Series>,
    /// Whether the axis is logarithmic, if all values are positive.
    pub logarithmic: bool,
}

/// The panels as a figure with a legend; empty if there are no points.
pub(super) fn figure(panels: &[Panel]) -> String {
    let points = || panels.iter().flat_map(|panel| &panel.series).flat_map(|series| &series.points);
    if points().next().is_none() {
        return String::new();
    }
    let steps = Scale::around(points().map(|point| point.0), false);
    let height: f64 = panels.iter().map(|panel| panel.height + GAP).sum::<f64>() + 18.0;
    let label = panels.iter().map(|panel| panel.title.as_str()).collect::<Vec<_>>().join(", ");

    let mut html = String::from("<figure>\n");
    legend(&mut html, panels);
    let _ = writeln!(
        html,
        "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{}\">",
        escape(&label)
    );
    let mut top = 24.0;
    for (i, panel) in panels.iter().enumerate() {
        draw(&mut html, panel, &steps, top, i + 1 == panels.len());
        top += panel.height + GAP;
    }
    let _ = writeln!(
        html,
        "<text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"end\">step</text>\n</svg>\n</figure>",
        WIDTH - RIGHT,
        height - 6.0
    );
    html
}

fn legend(html: &mut String, panels: &[Panel]) {
    let named = panels.iter().flat_map(|panel| &panel.series).filter(|series| series.style != Style::Faint);
    let mut seen = Vec::new();
    *html += "<figcaption>";
    for series in named {
        if !seen.contains(&&series.name) {
            seen.push(&series.name);
            let _ = write!(html, "<span class=\"c{}\">{}</span> ", series.colour, escape(&series.name));
        }
    }
    *html += "</figcaption>\n";
}

/// Draws a panel; the lowest has the labels of the common axis.
fn draw(html: &mut String, panel: &Panel, steps: &Scale, top: f64, lowest: bool) {
    let values = panel.series.iter().flat_map(|series| &series.points).map(|point| point.1);
    let scale = Scale::around(values, panel.logarithmic);
    let x = |step: f64| LEFT + steps.at(step) * (WIDTH - LEFT - RIGHT);
    let y = |value: f64| top + (1.0 - scale.at(value)) * panel.height;
    let floor = top + panel.height;

    let _ = writeln!(
        html,
        "<text class=\"title\" x=\"{LEFT}\" y=\"{:.1}\">{}</text>",
        top - 9.0,
        escape(&panel.title)
    );
    for tick in scale.ticks(if panel.height > 100.0 { 5 } else { 2 }) {
        let at = y(tick);
        let _ = writeln!(
            html,
            "<path class=\"grid\" d=\"M{LEFT} {at:.1}H{:.0}\"/><text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            WIDTH - RIGHT,
            LEFT - 7.0,
            at + 4.5,
            short(tick)
        );
    }
    for tick in steps.ticks(6) {
        let at = x(tick);
        let _ = write!(html, "<path class=\"grid\" d=\"M{at:.1} {top:.0}V{floor:.0}\"/>");
        if lowest {
            let below = floor + 17.0;
            let number = short(tick);
            let _ =
                write!(html, "<text x=\"{at:.1}\" y=\"{below:.1}\" text-anchor=\"middle\">{number}</text>");
        }
        html.push('\n');
    }
    for series in &panel.series {
        let shown: Vec<(f64, f64)> =
            thinned(&series.points).into_iter().filter(|point| point.1.is_finite()).collect();
        let mut path = String::new();
        for (i, (step, value)) in shown.iter().enumerate() {
            let _ = write!(path, "{}{:.1} {:.1}", if i == 0 { 'M' } else { 'L' }, x(*step), y(*value));
        }
        let class = if series.style == Style::Faint { "faint" } else { "line" };
        let _ = writeln!(html, "<path class=\"{class} c{}\" d=\"{path}\"/>", series.colour);
        if series.style == Style::Dots && shown.len() <= 60 {
            for (step, value) in &shown {
                let _ = writeln!(
                    html,
                    "<circle class=\"c{}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"3.2\"><title>{}, step {step}: {}</title></circle>",
                    series.colour,
                    x(*step),
                    y(*value),
                    escape(&series.name),
                    short(*value)
                );
            }
        }
    }
}

/// The points, or the means of groups of neighbours if there are more than [`POINTS`].
fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mean = |part: &[(f64, f64)]| {
        let sum = part.iter().fold((0.0, 0.0), |sum, point| (sum.0 + point.0, sum.1 + point.1));
        (sum.0 / part.len() as f64, sum.1 / part.len() as f64)
    };
    if points.len() <= POINTS {
        points.to_vec()
    } else {
        points.chunks(points.len().div_ceil(POINTS)).map(mean).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_numbers_draw_something() {
        let series = |points: Vec<(f64, f64)>| Panel {
            title: "t".into(),
            height: 120.0,
            series: vec![Series { name: "s".into(), colour: 0, style: Style::Dots, points }],
            logarithmic: true,
        };
        for points in [vec![(1.0, f64::NAN)], vec![(1.0, 0.0)], vec![(1.0, 2.0), (2.0, f64::INFINITY)]] {
            let drawn = figure(&[series(points)]);
            assert!(drawn.contains("<svg") && !drawn.contains("NaN") && !drawn.contains("inf\""), "{drawn}");
        }
        assert_eq!(figure(&[series(Vec::new())]), "");
    }
}
