//! A landscape with two valleys, of which the left one is deeper: `(x² - 1)² + 0.3 x`.

use ravine::plot::{Axis, BLUE, GOLD, GREY, Plot, RED};
use ravine::prelude::*;

use crate::descent::{Descent, by_factor, over_steps, spaced, thinned};
use crate::page::{Figure, Section};

/// The loss at `x`.
pub fn height(x: f64) -> f64 {
    (x * x - 1.0).powi(2) + 0.3 * x
}

/// Its derivative.
pub fn slope(x: f64) -> f64 {
    4.0 * x * (x * x - 1.0) + 0.3
}

/// Whether momentum helps to leave a valley.
pub fn double_well() -> Section {
    let momenta = [0.0, 0.5, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.99];
    let map = ends();
    let variants = momenta.map(|beta| (format!("{beta}"), vec![roll(beta), map.clone()])).into();
    Section {
        title: "Momentum may carry the ball out of a valley, or back into it",
        text:
            "<p>At rate 0.01 a ball without mass stays in the right valley, at 0.9601. With momentum 0.9 it \
            rolls over the hill and ends in the deeper one, at −1.0356. But momentum does not always help: \
            with 0.95 the ball has enough speed to come back, and is caught at 0.9601 again.</p><p>The map \
            shows where it ends for each rate and momentum: towards the upper right, whether that is left or \
            right is as good as chance.</p>"
                .into(),
        figures: vec![Figure { name: "double-well", slider: "momentum", variants, first: 4, stacked: false }],
    }
}

/// The way of one ball at rate 0.01.
fn roll(beta: f64) -> String {
    let places = Descent::new(Sgd::momentum(beta), 0.01, &[2.0]).walk(6000, |x| vec![slope(x[0])]);
    let xs: Vec<f64> = places.into_iter().flatten().collect();
    let title = format!("momentum {beta}: it ends at {:.4}", xs[xs.len() - 1]).replace('-', "−");
    let mut plot = Plot::new(&title, Axis::linear("x", -2.2, 2.2), Axis::linear("loss", -0.6, 10.0));
    let floor: Vec<_> = spaced(-2.2, 2.2, 120).into_iter().map(|x| (x, height(x))).collect();
    plot.line("", GREY, &floor);
    let path: Vec<_> =
        thinned(&over_steps(xs.iter().take(400).copied())).into_iter().map(|(_, x)| (x, height(x))).collect();
    plot.dots("", BLUE, 2.2, &path);
    plot.ball(RED, 9.0, &xs.iter().take(200).map(|&x| (x, height(x))).collect::<Vec<_>>());
    plot.svg()
}

/// In which valley balls end, by rate and momentum.
fn ends() -> String {
    let (left, right, away) = (BLUE, "#e8b94a", "#e9d8d6");
    let (rates, momenta) = (by_factor(0.002, 0.2, 96), spaced(0.0, 0.99, 64));
    let row = |beta: &f64| {
        // All rates at once: a ball whose gradient is three times as large moves as one with three times the rate.
        let start = vec![2.0; rates.len()];
        let mut balls = Descent::new(Sgd::momentum(*beta), 1.0, &start);
        for _ in 0..6000 {
            let places = balls.place();
            let push = |(x, rate): (&f64, &f64)| if x.abs() < 1e3 { rate * slope(*x) } else { 0.0 };
            balls.step(&places.iter().zip(&rates).map(push).collect::<Vec<_>>());
        }
        let end = |x: f64| match x {
            -3.0..0.0 => left,
            0.0..3.0 => right,
            _ => away,
        };
        balls.place().into_iter().map(end).collect()
    };
    let mut plot =
        Plot::new("where it ends", Axis::log("rate", 0.002, 0.2), Axis::linear("momentum", 0.0, 0.99));
    plot.dots("left, the deeper", left, 0.0, &[]);
    plot.dots("right", right, 0.0, &[]);
    plot.dots("nowhere", away, 0.0, &[]);
    plot.map(momenta.iter().map(row).collect());
    for beta in [0.0, 0.9, 0.95] {
        plot.dots("", "#fff", 4.5, &[(0.01, beta)]);
        plot.dots("", GOLD, 3.0, &[(0.01, beta)]);
    }
    plot.svg()
}
