//! The range test as an SVG plot.

use ravine_plot::{Axis, BLUE, GREEN, GREY, ORANGE, Plot, RED, Scale};

use super::{RateCurve, RatePoint};

/// Loss over rate, with a logarithmic axis of rates; all losses as dots, the smoothed ones as a line.
pub(super) fn draw(curve: &RateCurve) -> String {
    let curve_of = |loss: fn(&RatePoint) -> f64| -> Vec<(f64, f64)> {
        curve.points.iter().map(|point| (point.rate, loss(point))).collect()
    };
    let rates = curve.points.iter().map(|point| point.rate).chain(curve.bound).chain(curve.diverged);
    // Single losses may lie far outside.
    let losses = curve.points.iter().map(|point| point.smoothed);
    let mut plot = Plot::new(
        "The learning rate and the loss",
        Axis::new("learning rate", Scale::around(rates, true)),
        Axis::new("loss", Scale::around(losses, false)),
    );
    plot.dots("", GREY, 1.6, &curve_of(|point| point.loss));
    plot.line("smoothed loss", BLUE, &curve_of(|point| point.smoothed));
    let marks = [
        (curve.suggestion(), GREEN, "suggestion"),
        (curve.bound, ORANGE, "bound by curvature"),
        (curve.diverged, RED, "diverged"),
    ];
    for (rate, colour, name) in marks {
        if let Some(rate) = rate {
            plot.vertical(&format!("{name} {rate:.2e}"), colour, rate);
        }
    }
    plot.svg()
}
