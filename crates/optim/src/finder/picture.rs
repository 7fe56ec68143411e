//! The range test as an SVG plot.

use std::fmt::Write;

use super::RateCurve;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 400.0;
/// Space for labels at the left, right, top and bottom.
const MARGINS: [f64; 4] = [64.0, 16.0, 28.0, 44.0];

/// Loss over rate, with a logarithmic axis of rates; all losses as dots, the smoothed ones as a line.
pub(super) fn draw(curve: &RateCurve) -> String {
    let [left, right, top, bottom] = MARGINS;
    let rates = curve.points.iter().map(|point| point.rate);
    let ends = rates.chain(curve.bound).chain(curve.diverged).map(f64::log10);
    let (first, last) = range(ends);
    let (least, most) = range(curve.points.iter().map(|point| point.smoothed));
    let least = least - 0.05 * (most - least);
    let most = most + 0.05 * (most - least);
    let x = |rate: f64| left + (rate.log10() - first) / (last - first) * (WIDTH - left - right);
    let y = |loss: f64| top + (most - loss.clamp(least, most)) / (most - least) * (HEIGHT - top - bottom);

    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"system-ui, sans-serif\" font-size=\"14\">\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"white\"/>\n"
    );
    let floor = HEIGHT - bottom;
    for power in first.ceil() as i32..=last.floor() as i32 {
        let at = x(10f64.powi(power));
        text(&mut svg, at, floor + 18.0, "middle", "black", &format!("1e{power}"));
        line(&mut svg, [at, top, at, floor], "#ddd", "");
    }
    let step = round_step((most - least) / 5.0);
    let digits = (-step.log10().floor()).max(0.0) as usize;
    for tick in (least / step).ceil() as i64..=(most / step).floor() as i64 {
        let loss = tick as f64 * step;
        text(&mut svg, left - 6.0, y(loss) + 4.0, "end", "black", &format!("{loss:.digits$}"));
        line(&mut svg, [left, y(loss), WIDTH - right, y(loss)], "#ddd", "");
    }
    text(&mut svg, (left + WIDTH - right) / 2.0, HEIGHT - 8.0, "middle", "black", "learning rate");
    text(&mut svg, left - 6.0, top - 12.0, "end", "black", "loss");

    for point in &curve.points {
        let (x, y) = (x(point.rate), y(point.loss));
        let _ = writeln!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"1.6\" fill=\"#9bc\"/>");
    }
    let path: Vec<String> =
        curve.points.iter().map(|p| format!("{:.1},{:.1}", x(p.rate), y(p.smoothed))).collect();
    let _ = writeln!(
        svg,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"#036\" stroke-width=\"2\"/>",
        path.join(" ")
    );
    let marks = [
        (curve.suggestion(), "#080", "suggestion"),
        (curve.bound, "#c50", "bound by curvature"),
        (curve.diverged, "#c00", "diverged"),
    ];
    // The legend is at the lower left, where there is room, as the loss begins high.
    let marks = marks.into_iter().filter_map(|(rate, colour, name)| Some((rate?, colour, name)));
    for (row, (rate, colour, name)) in marks.enumerate() {
        let (at, below) = (x(rate), floor - 12.0 - 20.0 * row as f64);
        line(&mut svg, [at, top, at, floor], colour, " stroke-dasharray=\"5 3\"");
        line(
            &mut svg,
            [left + 10.0, below - 5.0, left + 34.0, below - 5.0],
            colour,
            " stroke-dasharray=\"5 3\"",
        );
        text(&mut svg, left + 40.0, below, "start", colour, &format!("{name} {rate:.2e}"));
    }
    svg + "</svg>\n"
}

/// The smallest and the largest finite number; made distinct if they are equal.
fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let finite = values.filter(|v| v.is_finite());
    let (least, most) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (v.min(a), v.max(b)));
    if least < most {
        (least, most)
    } else if least.is_finite() {
        (least - 0.5, least + 0.5)
    } else {
        (0.0, 1.0)
    }
}

/// The smallest number of the form 1, 2 or 5 times a power of ten that is not below `size`.
fn round_step(size: f64) -> f64 {
    let unit = 10f64.powf(size.log10().floor());
    [1.0, 2.0, 5.0].map(|factor| factor * unit).into_iter().find(|&step| step >= size).unwrap_or(10.0 * unit)
}

fn line(svg: &mut String, [x1, y1, x2, y2]: [f64; 4], colour: &str, more: &str) {
    let _ = writeln!(
        svg,
        "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"{colour}\"{more}/>"
    );
}

fn text(svg: &mut String, x: f64, y: f64, anchor: &str, colour: &str, text: &str) {
    let _ = writeln!(
        svg,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"{colour}\">{text}</text>"
    );
}
