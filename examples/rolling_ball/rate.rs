//! The learning rate: too small, good, too large.

use ravine::plot::{Axis, BLUE, COLOURS, GREEN, GREY, Plot, RED};
use ravine::prelude::*;

use crate::descent::{Descent, over_steps, spaced, thinned};
use crate::page::{Figure, Section};
use crate::well::{height, slope};

const RATES: [f64; 8] = [0.01, 0.1, 0.5, 1.0, 1.5, 1.9, 2.0, 2.1];

/// `x²/2` under eight rates.
pub fn size_of_the_step() -> Section {
    let bowl = |x: f64| x * x / 2.0;
    let mut distances =
        Plot::new("distance from the floor", Axis::linear("step", 0.0, 80.0), Axis::log("|x|", 1e-4, 100.0));
    let mut variants = Vec::new();
    for (i, rate) in RATES.into_iter().enumerate() {
        let places: Vec<f64> = Descent::new(Sgd::default(), rate, &[1.0])
            .walk(1000, |x| x.to_vec())
            .into_iter()
            .flatten()
            .collect();
        let arrived = places.iter().position(|x| x.abs() <= 1e-3);
        let end = match arrived {
            Some(steps) => format!("{steps} step{} to 1/1000 of the way", if steps == 1 { "" } else { "s" }),
            None if rate == 2.0 => "for ever to and fro".to_owned(),
            None => "away".to_owned(),
        };
        let title = format!("rate {rate}: {end}");
        let mut plot = Plot::new(&title, Axis::linear("x", -1.6, 1.6), Axis::linear("loss x²/2", 0.0, 1.25));
        let floor: Vec<_> = spaced(-1.6, 1.6, 80).into_iter().map(|x| (x, bowl(x))).collect();
        plot.line("", GREY, &floor);
        let path: Vec<(f64, f64)> = places.iter().take(60).map(|&x| (x, bowl(x))).collect();
        plot.thin(BLUE, &path);
        plot.dots("", BLUE, 3.0, &path);
        plot.ball(RED, 0.18 * path.len().min(24) as f64, &path[..24]);
        variants.push((format!("{rate}"), vec![plot.svg()]));

        let name = format!("{rate}");
        let shown: Vec<f64> = places.iter().take(81).map(|x| x.abs()).collect();
        let colour = COLOURS.get(i).copied().unwrap_or(GREY);
        // 1.5 is as quick as 0.5, and 1.9 as 0.1: both should be seen.
        let draw = if rate > 1.0 && rate < 2.0 { Plot::dashed } else { Plot::line };
        draw(&mut distances, &name, colour, &over_steps(shown));
    }
    let distances = distances.svg();
    variants.iter_mut().for_each(|(_, pictures)| pictures.push(distances.clone()));
    Section {
        title: "The learning rate is the size of the step",
        text:
            "<p>A step goes against the gradient: <code>w ← w − rate · gradient</code>. At rate 1 the whole \
            gradient is subtracted, and on this bowl, whose curvature is 1, one step lands on its floor. \
            Elsewhere that would be luck; usual rates are far smaller. A hundredth needs 688 steps for what \
            a tenth does in 66. Beyond 1 the ball jumps across the floor, at 1.9 as slowly as at 0.1; at 2 \
            it never arrives, and above it each jump is longer than the last.</p>"
                .into(),
        figures: vec![Figure {
            name: "size-of-the-step",
            slider: "learning rate",
            variants,
            first: 1,
            stacked: false,
        }],
    }
}

/// Three balls on one surface.
pub fn three_balls() -> Section {
    let mut surface = Plot::new(
        "three balls on one surface",
        Axis::linear("x", -2.4, 2.4),
        Axis::linear("loss", -1.0, 10.0),
    );
    let floor: Vec<_> = spaced(-2.4, 2.4, 120).into_iter().map(|x| (x, height(x))).collect();
    surface.line("", GREY, &floor);
    let mut steps =
        Plot::new("where they are", Axis::linear("step", 0.0, 40.0), Axis::linear("x", -3.0, 2.5));
    for (name, rate, colour) in
        [("small, 0.01", 0.01, BLUE), ("good, 0.1", 0.1, GREEN), ("too large, 0.2", 0.2, RED)]
    {
        let places = Descent::new(Sgd::default(), rate, &[2.0]).walk(40, |x| vec![slope(x[0])]);
        let xs: Vec<f64> = places.iter().map(|x| x[0]).filter(|x| x.abs() < 1e3).collect();
        let path: Vec<_> = xs.iter().map(|&x| (x, height(x))).collect();
        surface.thin(colour, &path);
        surface.dots(name, colour, 2.6, &path);
        surface.ball(colour, 6.0, &path[..path.len().min(24)]);
        steps.line(name, colour, &thinned(&over_steps(xs)));
    }
    Section {
        title: "A small rate may stay in a local minimum, a large one overshoots",
        text: "<p>All three begin at x = 2. The small rate goes down consistently and stays in the first valley \
            that it comes to, which is not the deepest. The good one takes a step so long that it lands \
            beyond the hill, and settles in the deeper valley. The too large one is thrown up the other \
            side, higher than it began, and is gone after two more steps.</p>"
            .into(),
        figures: vec![Figure::still("three-balls", vec![surface.svg(), steps.svg()])],
    }
}
