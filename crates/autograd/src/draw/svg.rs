//! The picture of a graph, as SVG.

use std::fmt::Write;

use ravine_plot::escape;

use super::Graph;
use super::layout::{Layout, layout};

/// The height of a box.
const HEIGHT: f64 = 38.0;
/// From the top of one layer to that of the next.
const STEP: f64 = 66.0;
const MARGIN: f64 = 12.0;
/// The mean width of a letter.
const LETTER: f64 = 6.6;

pub(super) fn render(graph: &Graph) -> String {
    let letters = |text: &str| text.chars().count() as f64;
    let widths: Vec<f64> = graph
        .nodes
        .iter()
        .map(|node| LETTER * letters(&node.title).max(0.85 * letters(&node.detail)) + 18.0)
        .collect();
    let Layout { layer, x, routes, width, layers } = layout(&widths, &graph.edges);
    let (width, height) = (width + 2.0 * MARGIN, layers as f64 * STEP - (STEP - HEIGHT) + 2.0 * MARGIN);
    let mut svg = String::new();
    let mut put = |text: std::fmt::Arguments<'_>| svg.write_fmt(text).expect("a string takes everything");
    put(format_args!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" viewBox=\"0 0 {width:.1} {height:.1}\" \
         font-family=\"sans-serif\" font-size=\"12\" text-anchor=\"middle\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    ));
    let top = |layer: usize| MARGIN + layer as f64 * STEP;
    for route in &routes {
        // From the lower side of one box, past the points between, to the upper side of the other.
        let (x, first) = route[0];
        put(format_args!(
            "<path fill=\"none\" stroke=\"#8a94a3\" d=\"M{:.1} {:.1}",
            x + MARGIN,
            top(first) + HEIGHT
        ));
        let mut y = top(first) + HEIGHT;
        for pair in route.windows(2) {
            let ((from, _), (to, layer)) = (pair[0], pair[1]);
            let end = top(layer);
            let bend = (y + end) / 2.0;
            put(format_args!(
                " C{:.1} {bend:.1} {:.1} {bend:.1} {:.1} {end:.1}",
                from + MARGIN,
                to + MARGIN,
                to + MARGIN
            ));
            y = end + HEIGHT;
            if layer != route[route.len() - 1].1 {
                put(format_args!(" L{:.1} {y:.1}", to + MARGIN));
            }
        }
        put(format_args!("\"/>\n"));
    }
    for (i, node) in graph.nodes.iter().enumerate() {
        let (centre, top, fill) = (x[i] + MARGIN, top(layer[i]), node.kind.fill());
        let [title, detail, line] = [&node.title, &node.detail, &node.line].map(|text| escape(text));
        put(format_args!(
            "<g><title>{line}</title><rect x=\"{:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{HEIGHT}\" rx=\"6\" fill=\"{fill}\" stroke=\"#5b6573\"/>\
             <text x=\"{centre:.1}\" y=\"{:.1}\">{title}</text>\
             <text x=\"{centre:.1}\" y=\"{:.1}\" font-size=\"10\" fill=\"#5b6573\">{detail}</text></g>\n",
            centre - widths[i] / 2.0,
            widths[i],
            top + 16.0,
            top + 30.0
        ));
    }
    svg + "</svg>\n"
}
