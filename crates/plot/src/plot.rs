//! The plot: two axes, and what is drawn between them.

use std::fmt::Write;

use crate::{Scale, escape, short};

const INK: &str = "#1d2530";
const SOFT: &str = "#5b6675";
const GRID: &str = "#e6e9ee";
const WIDTH: f64 = 480.0;
/// Space for labels at the left, right, and bottom; the top has the title and the legend.
const MARGINS: [f64; 3] = [62.0, 20.0, 40.0];

/// The scale along one side of a [`Plot`], with a label.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    label: String,
    scale: Scale,
}

impl Axis {
    /// An axis with this scale.
    pub fn new(label: &str, scale: Scale) -> Self {
        Axis { label: label.to_owned(), scale }
    }

    /// An axis on which equal steps are equally long.
    pub fn linear(label: &str, from: f64, to: f64) -> Self {
        Axis::new(label, Scale::linear(from, to))
    }

    /// An axis on which equal factors are equally long.
    ///
    /// # Panics
    /// If an end is not positive.
    #[track_caller]
    pub fn log(label: &str, from: f64, to: f64) -> Self {
        Axis::new(label, Scale::log(from, to))
    }

    /// The position of `value` along the axis, from 0 to 1; values far outside are clamped to a little beyond.
    fn place(&self, value: f64) -> f64 {
        self.scale.at(value).clamp(-4.0, 5.0)
    }

    /// Numbers to write along the axis, and how.
    fn ticks(&self) -> Vec<(f64, String)> {
        if self.scale.is_logarithmic() {
            return self.scale.ticks(7).into_iter().map(|tick| (tick, factor(tick))).collect();
        }
        let ticks = self.scale.ticks(5);
        let step = if let [first, second, ..] = ticks[..] { second - first } else { 1.0 };
        // Rounding must not make a tenth a little less than that.
        let digits = (-(1.001 * step).log10().floor()).max(0.0) as usize;
        ticks.into_iter().map(|tick| (tick, format!("{tick:.digits$}").replace('-', "−"))).collect()
    }
}

/// A number along a logarithmic axis: a power of ten as such, unless it is short.
fn factor(number: f64) -> String {
    let power = number.log10().round() as i32;
    if (-3..=4).contains(&power) || number != 10f64.powi(power) {
        return short(number);
    }
    format!("10<tspan dy=\"-5\" font-size=\"9\">{}</tspan>", power.to_string().replace('-', "−"))
}

/// A picture with two axes. What is drawn later lies above.
#[derive(Clone, Debug)]
pub struct Plot {
    title: String,
    x: Axis,
    y: Axis,
    height: f64,
    marks: Vec<Mark>,
    legend: Vec<(String, String)>,
}

/// Something in a picture.
#[derive(Clone, Debug)]
enum Mark {
    Line { points: Vec<(f64, f64)>, style: String },
    Area { corners: Vec<(f64, f64)>, colour: String },
    Dots { points: Vec<(f64, f64)>, colour: String, radius: f64 },
    Map { rows: Vec<Vec<&'static str>> },
    Ball { points: Vec<(f64, f64)>, colour: String, seconds: f64 },
    Text { at: (f64, f64), colour: String, text: String },
}

/// The space inside the axes, in the units of the picture.
#[derive(Clone, Copy)]
struct Frame {
    left: f64,
    top: f64,
    width: f64,
    height: f64,
}

impl Plot {
    /// An empty picture.
    pub fn new(title: &str, x: Axis, y: Axis) -> Self {
        Plot { title: title.to_owned(), x, y, height: 300.0, marks: Vec::new(), legend: Vec::new() }
    }

    /// The picture at another height; its width is 480.
    #[must_use]
    pub fn height(mut self, height: f64) -> Self {
        self.height = height;
        self
    }

    /// A curve through points, broken where one is not finite. Without a name it is not in the legend.
    pub fn line(&mut self, name: &str, colour: &str, points: &[(f64, f64)]) {
        self.name(name, colour);
        self.path(points, format!("stroke=\"{colour}\" stroke-width=\"1.8\""));
    }

    /// A dashed curve: what a formula says.
    pub fn dashed(&mut self, name: &str, colour: &str, points: &[(f64, f64)]) {
        self.name(name, colour);
        self.path(points, format!("stroke=\"{colour}\" stroke-width=\"1.4\" stroke-dasharray=\"5 4\""));
    }

    /// A dashed line across the picture at one place of the horizontal axis.
    pub fn vertical(&mut self, name: &str, colour: &str, x: f64) {
        self.dashed(name, colour, &[(x, f64::MIN), (x, f64::MAX)]);
    }

    /// A thin curve: a contour, or the path between dots.
    pub fn thin(&mut self, colour: &str, points: &[(f64, f64)]) {
        self.path(points, format!("stroke=\"{colour}\" stroke-width=\"0.9\" stroke-opacity=\"0.75\""));
    }

    /// The area between two curves over the same places: `(x, from, to)`.
    pub fn band(&mut self, colour: &str, points: &[(f64, f64, f64)]) {
        let finite: Vec<_> = points.iter().filter(|(_, a, b)| a.is_finite() && b.is_finite()).collect();
        let there = finite.iter().map(|&&(x, from, _)| (x, from));
        let back = finite.iter().rev().map(|&&(x, _, to)| (x, to));
        self.marks.push(Mark::Area { corners: there.chain(back).collect(), colour: colour.to_owned() });
    }

    /// Round dots, of this radius.
    pub fn dots(&mut self, name: &str, colour: &str, radius: f64, points: &[(f64, f64)]) {
        self.name(name, colour);
        self.marks.push(Mark::Dots { points: points.to_vec(), colour: colour.to_owned(), radius });
    }

    /// Coloured cells: row by row from the bottom, each from left to right, over the whole picture.
    pub fn map(&mut self, rows: Vec<Vec<&'static str>>) {
        self.marks.push(Mark::Map { rows });
    }

    /// A ball that goes from point to point, again and again.
    pub fn ball(&mut self, colour: &str, seconds: f64, points: &[(f64, f64)]) {
        self.marks.push(Mark::Ball { points: points.to_vec(), colour: colour.to_owned(), seconds });
    }

    /// Text centred above a point.
    pub fn text(&mut self, colour: &str, at: (f64, f64), text: &str) {
        self.marks.push(Mark::Text { at, colour: colour.to_owned(), text: text.to_owned() });
    }

    fn name(&mut self, name: &str, colour: &str) {
        if !name.is_empty() {
            self.legend.push((name.to_owned(), colour.to_owned()));
        }
    }

    fn path(&mut self, points: &[(f64, f64)], style: String) {
        self.marks.push(Mark::Line { points: points.to_vec(), style });
    }

    /// The names of the legend in rows that fit the width, each with its place.
    fn legend_rows(&self) -> Vec<Vec<(f64, &(String, String))>> {
        let mut rows: Vec<Vec<_>> = Vec::new();
        let mut at = WIDTH;
        for entry in &self.legend {
            let width = 34.0 + 6.9 * entry.0.chars().count() as f64;
            if at + width > WIDTH {
                rows.push(Vec::new());
                at = MARGINS[0];
            }
            rows.last_mut().into_iter().for_each(|row| row.push((at, entry)));
            at += width;
        }
        rows
    }

    /// Where a point is inside the frame.
    fn place(&self, frame: Frame, (x, y): (f64, f64)) -> (f64, f64) {
        (self.x.place(x) * frame.width, (1.0 - self.y.place(y)) * frame.height)
    }

    /// The picture.
    pub fn svg(&self) -> String {
        let [left, right, bottom] = MARGINS;
        let legend = self.legend_rows();
        let top = 32.0 + 17.0 * legend.len() as f64;
        let frame = Frame { left, top, width: WIDTH - left - right, height: self.height - top - bottom };
        let (title, height) = (escape(&self.title), self.height);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
             role=\"img\" aria-label=\"{title}\" font-family=\"system-ui, sans-serif\" font-size=\"12\">\n\
             <rect width=\"{WIDTH}\" height=\"{height}\" rx=\"8\" fill=\"#fff\"/>\n\
             <text x=\"14\" y=\"21\" font-size=\"14\" font-weight=\"600\" fill=\"{INK}\">{title}</text>\n"
        );
        for (row, entries) in legend.iter().enumerate() {
            let y = 40.0 + 17.0 * row as f64;
            for (x, (name, colour)) in entries {
                let _ = writeln!(
                    svg,
                    "<path d=\"M{:.1} {:.1}h12\" stroke=\"{colour}\" stroke-width=\"3.5\" stroke-linecap=\"round\"/>\
                     <text x=\"{:.1}\" y=\"{y:.1}\" fill=\"{SOFT}\" font-size=\"11.5\">{}</text>",
                    x + 2.0,
                    y - 4.0,
                    x + 19.0,
                    escape(name)
                );
            }
        }
        self.draw_axes(&mut svg, frame);
        let Frame { width, height, .. } = frame;
        let _ = writeln!(
            svg,
            "<svg x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\" fill=\"none\" stroke-linejoin=\"round\">"
        );
        self.marks.iter().for_each(|mark| self.draw(&mut svg, frame, mark));
        svg + "</svg>\n</svg>\n"
    }

    fn draw_axes(&self, svg: &mut String, frame: Frame) {
        let Frame { left, top, width, height } = frame;
        let mut grid = String::new();
        for (value, label) in self.x.ticks() {
            let x = left + self.x.place(value) * width;
            let _ = write!(grid, "M{x:.1} {top:.1}v{height:.1}");
            label_at(svg, x, top + height + 15.0, "middle", &label);
        }
        for (value, label) in self.y.ticks() {
            let y = top + (1.0 - self.y.place(value)) * height;
            let _ = write!(grid, "M{left} {y:.1}h{width:.1}");
            label_at(svg, left - 6.0, y + 4.0, "end", &label);
        }
        label_at(svg, left + width / 2.0, self.height - 7.0, "middle", &escape(&self.x.label));
        let _ = writeln!(
            svg,
            "<text transform=\"translate(13 {:.1}) rotate(-90)\" text-anchor=\"middle\" fill=\"{SOFT}\">{}</text>\n\
             <path d=\"{grid}\" stroke=\"{GRID}\"/>",
            top + height / 2.0,
            escape(&self.y.label)
        );
    }

    fn draw(&self, svg: &mut String, frame: Frame, mark: &Mark) {
        let finite = |(x, y): &&(f64, f64)| x.is_finite() && y.is_finite();
        let list = |points: &[(f64, f64)], between: &str| -> String {
            let place = |&point: &(f64, f64)| {
                let (x, y) = self.place(frame, point);
                format!("{x:.1}{between}{y:.1}")
            };
            points.iter().map(place).collect::<Vec<_>>().join(if between == "," { " " } else { ";" })
        };
        // Writing to a String does not fail.
        let _ = match mark {
            Mark::Line { points, style } => {
                let pieces = points.split(|point| !finite(&point)).filter(|piece| piece.len() > 1);
                pieces.into_iter().try_for_each(|piece| {
                    writeln!(svg, "<polyline points=\"{}\" {style}/>", list(piece, ","))
                })
            }
            Mark::Area { corners, colour } => writeln!(
                svg,
                "<polygon points=\"{}\" fill=\"{colour}\" fill-opacity=\"0.16\"/>",
                list(corners, ",")
            ),
            Mark::Dots { points, colour, radius } => {
                points.iter().filter(finite).map(|&point| self.place(frame, point)).try_for_each(|(x, y)| {
                    writeln!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius}\" fill=\"{colour}\"/>")
                })
            }
            Mark::Map { rows } => draw_map(svg, frame, rows),
            Mark::Ball { points, colour, seconds } => writeln!(
                svg,
                "<circle r=\"6\" fill=\"{colour}\" stroke=\"#fff\" stroke-width=\"1.5\" transform=\"translate({})\">\
                 <animateTransform attributeName=\"transform\" type=\"translate\" values=\"{}\" dur=\"{seconds}s\" repeatCount=\"indefinite\"/></circle>",
                list(&points[..points.len().min(1)], " "),
                list(points, " ")
            ),
            Mark::Text { at, colour, text } => {
                let (x, y) = self.place(frame, *at);
                writeln!(
                    svg,
                    "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\" font-size=\"11.5\" fill=\"{colour}\" stroke=\"#fff\" \
                     stroke-width=\"3\" paint-order=\"stroke\">{}</text>",
                    y - 7.0,
                    escape(text)
                )
            }
        };
    }
}

/// Neighbours of one colour are one rectangle, half a unit larger than they are, so that no seam shows.
fn draw_map(svg: &mut String, frame: Frame, rows: &[Vec<&str>]) -> std::fmt::Result {
    let height = frame.height / rows.len() as f64;
    for (r, row) in rows.iter().enumerate() {
        let (cell, y) = (frame.width / row.len() as f64, frame.height - (r + 1) as f64 * height);
        let mut first = 0;
        for run in row.chunk_by(|a, b| a == b) {
            writeln!(
                svg,
                "<rect x=\"{:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{}\"/>",
                first as f64 * cell,
                run.len() as f64 * cell + 0.5,
                height + 0.5,
                run[0]
            )?;
            first += run.len();
        }
    }
    Ok(())
}

fn label_at(svg: &mut String, x: f64, y: f64, anchor: &str, text: &str) {
    let _ = writeln!(
        svg,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"{SOFT}\">{text}</text>"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_have_the_digits_they_need() {
        let labels = |axis: Axis| axis.ticks().into_iter().map(|(_, label)| label).collect::<Vec<_>>();
        assert_eq!(labels(Axis::linear("x", -1.0, 1.0)), ["−1.0", "−0.5", "0.0", "0.5", "1.0"]);
        assert_eq!(labels(Axis::linear("x", 0.0, 0.2)), ["0.00", "0.05", "0.10", "0.15", "0.20"]);
        assert_eq!(labels(Axis::log("x", 0.02, 0.2)), ["0.02", "0.05", "0.1", "0.2"]);
        assert_eq!(labels(Axis::log("x", 1e-3, 10.0)), ["0.001", "0.01", "0.1", "1", "10"]);
        assert!(labels(Axis::log("x", 1e-9, 1.0))[0].ends_with(">−8</tspan>"));
    }

    #[test]
    fn what_is_not_finite_or_far_outside_draws_something() {
        let mut plot = Plot::new("<t>", Axis::linear("x", 0.0, 1.0), Axis::linear("y", 3.0, 3.0));
        plot.line("a & b", "red", &[(0.0, f64::NAN), (0.5, 1e300), (1.0, 3.0)]);
        plot.dots("", "red", 2.0, &[(f64::INFINITY, 0.0), (0.5, 3.0)]);
        plot.vertical("here", "red", 0.5);
        plot.band("red", &[(0.0, f64::NAN, 1.0)]);
        let svg = plot.svg();
        assert!(svg.contains("&lt;t&gt;") && svg.contains("a &amp; b") && svg.contains("here"), "{svg}");
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        assert_eq!(svg.matches("<circle").count(), 1);
    }
}
