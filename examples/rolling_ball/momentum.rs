//! Momentum: what it speeds up, what it remembers, and where it converges.

use ravine::plot::{Axis, BLUE, COLOURS, GREEN, GREY, ORANGE, PURPLE, Plot, RED, SHADES};
use ravine::prelude::*;

use crate::descent::{Descent, over_steps, spaced, thinned};
use crate::page::{Figure, Section};

/// A narrow valley: steep across, gentle along.
pub fn ravine() -> Section {
    const CURVATURE: [f64; 2] = [0.02, 1.0];
    let variant = |beta: f64| {
        let mut ball = Descent::new(Sgd::momentum(beta), 1.6, &[-9.0, 1.6]);
        let (mut path, mut velocities) = (vec![(-9.0, 1.6)], Vec::new());
        for _ in 0..150 {
            let place = ball.place();
            ball.step(&[CURVATURE[0] * place[0], CURVATURE[1] * place[1]]);
            path.push((ball.place()[0], ball.place()[1]));
            // A step is the rate times the velocity; a ball without momentum keeps none.
            let [(x0, y0), (x1, y1)] = [path[path.len() - 2], path[path.len() - 1]];
            velocities.push([(x1 - x0) / -1.6, (y1 - y0) / -1.6]);
        }
        let left = path[60].0.hypot(path[60].1) / path[0].0.hypot(path[0].1);
        let title = format!("momentum {beta}: {:.2} % is left after 60 steps", 100.0 * left);
        let mut map = Plot::new(
            &title,
            Axis::linear("along the valley", -10.0, 4.0),
            Axis::linear("across", -2.2, 2.2),
        );
        for level in [0.01, 0.05, 0.15, 0.3, 0.5, 0.75, 1.05, 1.4, 1.8, 2.3] {
            let radius = CURVATURE.map(|k| (2.0 * level / k).sqrt());
            let ring = spaced(0.0, std::f64::consts::TAU, 90).into_iter();
            map.thin(GREY, &ring.map(|t| (radius[0] * t.cos(), radius[1] * t.sin())).collect::<Vec<_>>());
        }
        map.thin(BLUE, &path);
        map.dots("", BLUE, 2.4, &path);
        map.ball(RED, 7.0, &path[..60]);
        let mut speed = Plot::new(
            "its velocity, axis by axis",
            Axis::linear("step", 0.0, 60.0),
            Axis::linear("velocity, in gradients", -2.2, 2.2),
        );
        speed.line("along: gradients agree and add up", GREEN, &over_steps(velocities.iter().map(|v| v[0])));
        speed.line("across: they fight", ORANGE, &over_steps(velocities.iter().map(|v| v[1])));
        (format!("{beta}"), vec![map.svg(), speed.svg()])
    };
    Section {
        title: "Momentum speeds up what agrees and dampens what fights",
        text: "<p>In a narrow valley the rate must be small enough for the steep walls, and is then far too \
            small for the gentle floor. A ball with momentum, <code>v ← momentum · v + gradient</code>, \
            <code>w ← w − rate · v</code>, keeps what its gradients have in common. Along the floor they all \
            point the same way, and the velocity grows; across it they alternate, and cancel. Too much \
            momentum, and the ball swings through the valley for long.</p>"
            .into(),
        figures: vec![Figure {
            name: "ravine",
            slider: "momentum",
            variants: [0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99].map(variant).into(),
            first: 4,
            stacked: false,
        }],
    }
}

/// How long a gradient is remembered.
pub fn memory() -> Section {
    let mut weights = Plot::new(
        "what is left of one gradient",
        Axis::linear("steps since", 0.0, 40.0),
        Axis::linear("share in the velocity", 0.0, 1.0),
    );
    for (beta, colour) in [(0.5, BLUE), (0.8, GREEN), (0.9, ORANGE), (0.95, PURPLE)] {
        let mut ball = Descent::new(Sgd::momentum(beta), 1.0, &[0.0]);
        let after = (0..=40).map(|k| {
            ball.step(&[if k == 0 { 1.0 } else { 0.0 }]);
            ball.velocity()[0]
        });
        weights.dots(&format!("momentum {beta}"), colour, 2.6, &over_steps(after));
        weights.dashed("", colour, &over_steps((0..=40).map(|k| beta.powi(k))));
    }
    let mut steady = Plot::new(
        "a push that stays the same, momentum 0.9",
        Axis::linear("step", 0.0, 60.0),
        Axis::linear("velocity", 0.0, 11.0),
    );
    for (dampening, colour, end) in [(0.0, BLUE, 10.0), (0.1, ORANGE, 9.0), (0.9, GREEN, 1.0)] {
        let mut ball = Descent::new(Sgd { dampening, ..Sgd::momentum(0.9) }, 1.0, &[0.0]);
        let speed = (0..=60).map(|_| {
            ball.step(&[1.0]);
            ball.velocity()[0]
        });
        steady.line(&format!("dampening {dampening}"), colour, &over_steps(speed));
        steady.dashed("", GREY, &[(0.0, end), (60.0, end)]);
    }
    Section {
        title: "The velocity is a memory of past gradients",
        text:
            "<p>A gradient of k steps ago has the weight momentum<sup>k</sup>. A push that stays the same is \
            therefore felt 1 / (1 − momentum) times: ten times at 0.9. Dampening d takes the share d out of \
            each new gradient, and leaves (1 − d) / (1 − momentum).</p>"
                .into(),
        figures: vec![Figure::still("memory", vec![weights.svg(), steady.svg()])],
    }
}

/// The factor by which the error of each of these curvatures shrinks in the end, at rate 1.
fn measured(beta: f64, curvatures: &[f64]) -> Vec<f64> {
    let n = curvatures.len();
    let mut ball = Descent::new(Sgd::momentum(beta), 1.0, &vec![1.0; n]);
    let mut sizes = [vec![0.0f64; n], vec![0.0f64; n]];
    for k in 1..=400 {
        let push: Vec<f64> = ball.place().iter().zip(curvatures).map(|(x, k)| k * x).collect();
        ball.step(&push);
        // The largest of forty steps, because the ball swings.
        if let Some(sizes) = if k > 360 {
            Some(&mut sizes[1])
        } else if k > 160 && k <= 200 {
            Some(&mut sizes[0])
        } else {
            None
        } {
            let now = ball.place().into_iter().zip(ball.velocity());
            sizes.iter_mut().zip(now).for_each(|(size, (x, v))| *size = size.max(x.hypot(v)));
        }
    }
    let [early, late] = sizes;
    early
        .iter()
        .zip(late)
        .map(|(early, late)| if *early == 0.0 { 0.0 } else { (late / early).powf(1.0 / 200.0) })
        .collect()
}

/// What theory says about that: the larger root of the characteristic polynomial.
fn theory(beta: f64, product: f64) -> f64 {
    let half = (1.0 + beta - product) / 2.0;
    let discriminant = half * half - beta;
    if discriminant < 0.0 { beta.sqrt() } else { half.abs() + discriminant.sqrt() }
}

/// Where momentum converges, and how fast.
pub fn convergence() -> Section {
    const LIMITS: [f64; 12] = [0.1, 0.3, 0.505, 0.605, 0.705, 0.805, 0.855, 0.903, 0.943, 0.972, 0.99, 1.0];
    let (momenta, products) = (spaced(0.0, 0.995, 72), spaced(0.02, 4.2, 110));
    let shade = |rate: f64| LIMITS.iter().position(|&limit| rate < limit).map_or("#e6b8ad", |i| SHADES[i]);
    let rows = momenta.iter().map(|&beta| measured(beta, &products).into_iter().map(shade).collect());
    let mut map = Plot::new(
        "measured: the share of the error that a step leaves",
        Axis::linear("rate · curvature", 0.0, 4.2),
        Axis::linear("momentum", 0.0, 1.0),
    )
    .height(330.0);
    for (name, colour) in [
        ("0.5", SHADES[2]),
        ("0.8", SHADES[5]),
        ("0.9", SHADES[7]),
        ("0.99", SHADES[10]),
        ("it diverges", "#e6b8ad"),
    ] {
        map.dots(name, colour, 0.0, &[]);
    }
    map.map(rows.collect());
    map.dashed("", RED, &[(2.0, 0.0), (4.0, 1.0)]);
    let critical = spaced(0.0, 4.0, 120).into_iter().map(|p: f64| (p, (1.0 - p.sqrt()).powi(2)));
    map.dashed("", "#fff", &critical.collect::<Vec<_>>());
    map.text(RED, (3.3, 0.32), "2 + 2 momentum");
    map.text("#1d2530", (0.62, 0.36), "critical damping");
    let map = map.svg();

    let variant = |beta: f64| {
        let mut plot = Plot::new(
            &format!("momentum {beta}: measured, and what theory says"),
            Axis::linear("rate · curvature", 0.0, 4.2),
            Axis::linear("error left by each step", 0.0, 1.3),
        )
        .height(330.0);
        let products = spaced(0.02, 4.18, 105);
        plot.dots(
            "measured",
            BLUE,
            2.4,
            &products.iter().copied().zip(measured(beta, &products)).collect::<Vec<_>>(),
        );
        let curve: Vec<_> = spaced(0.001, 4.2, 400).into_iter().map(|p| (p, theory(beta, p))).collect();
        plot.dashed("theory", RED, &curve);
        plot.thin(GREY, &[(0.0, 1.0), (4.2, 1.0)]);
        (format!("{beta}"), vec![map.clone(), plot.svg()])
    };
    Section {
        title: "Where momentum converges, and how fast",
        text:
            "<p>On a parabola only two numbers matter: the momentum, and the product of rate and curvature. \
            Each point of the map is a run of 400 steps. Momentum converges where 0 &lt; rate · curvature \
            &lt; 2 + 2 · momentum, so it also permits larger rates. Above the white line the ball swings, \
            and each step leaves √momentum of the error, whatever the rate. On it, at momentum (1 − √(rate · \
            curvature))², it neither swings nor creeps: critical damping.</p>"
                .into(),
        figures: vec![Figure {
            name: "convergence",
            slider: "momentum",
            variants: [0.0, 0.25, 0.5, 0.81, 0.9, 0.95, 0.99].map(variant).into(),
            first: 3,
            stacked: false,
        }],
    }
}

/// The best that each can do in one valley.
pub fn best() -> Section {
    const CURVATURES: [f64; 3] = [0.01, 0.1, 1.0];
    let (low, high) = (CURVATURES[0], CURVATURES[2]);
    let slope = |x: &[f64]| -> Vec<f64> { x.iter().zip(CURVATURES).map(|(x, k)| k * x).collect() };
    let largest = |x: Vec<f64>| x.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
    let (rate, beta) = (
        (2.0 / (low.sqrt() + high.sqrt())).powi(2),
        ((high.sqrt() - low.sqrt()) / (high.sqrt() + low.sqrt())).powi(2),
    );
    let mut errors = Plot::new(
        "both at their best, curvatures from 0.01 to 1",
        Axis::linear("step", 0.0, 720.0),
        Axis::log("largest error", 1e-7, 2.0),
    );
    let runs = [
        ("gradient descent", BLUE, Descent::new(Sgd::default(), 2.0 / (low + high), &[1.0; 3]), 0.980198),
        ("momentum", ORANGE, Descent::new(Sgd::momentum(beta), rate, &[1.0; 3]), 0.818182),
    ];
    for (name, colour, ball, factor) in runs {
        let error: Vec<f64> = ball.walk(720, slope).into_iter().map(largest).collect();
        let arrived = error.iter().position(|&e| e < 1e-6).unwrap_or(0);
        errors.dashed("", GREY, &over_steps((0..720).map(|k| f64::powi(factor, k))));
        errors.line(&format!("{name}: 1e-6 at step {arrived}"), colour, &thinned(&over_steps(error)));
    }
    let mut parts = Plot::new(
        "gradient descent, part by part",
        Axis::linear("step", 0.0, 60.0),
        Axis::linear("error", -1.1, 1.1),
    );
    let places = Descent::new(Sgd::default(), 2.0 / (low + high), &[1.0; 3]).walk(60, slope);
    for (i, curvature) in CURVATURES.into_iter().enumerate() {
        let name = format!("curvature {curvature}");
        let part = over_steps(places.iter().map(|x| x[i]));
        parts.line(&name, COLOURS[i], &part);
    }
    Section {
        title: "One rate for all directions, and what momentum makes of it",
        text: "<p>Each eigenvector of the curvature goes its own way: after k steps (1 − rate · \
            curvature)<sup>k</sup> of its error is left. The best rate makes the steepest and the gentlest \
            direction equally slow, at 2 / (0.01 + 1). That leaves 0.980 of the error at each step; \
            momentum, at its best, 0.818. Its line is a little above the dashed one because both roots are \
            the same there, which adds a factor that grows like the step.</p>"
            .into(),
        figures: vec![Figure::still("best-rate", vec![errors.svg(), parts.svg()])],
    }
}

/// The function on which no method that adds gradients is faster.
pub fn lower_bound() -> Section {
    const N: usize = 400;
    let bend = 4.0 / 99.0;
    let q: f64 = 9.0 / 11.0;
    let (low, high) = (f64::sqrt(bend), f64::sqrt(4.0 + bend));
    let (rate, beta) = ((2.0 / (low + high)).powi(2), ((high - low) / (high + low)).powi(2));
    let slope = |w: &[f64]| -> Vec<f64> {
        let at = |i: usize| w.get(i).copied().unwrap_or(0.0);
        let pull = |i: usize| (2.0 + bend) * at(i) - if i == 0 { 1.0 } else { at(i - 1) } - at(i + 1);
        (0..w.len()).map(pull).collect()
    };
    let plain = Descent::new(Sgd::default(), 2.0 / (bend + 4.0 + bend), &[0.0; N]).walk(100, slope);
    let heavy = Descent::new(Sgd::momentum(beta), rate, &[0.0; N]).walk(100, slope);
    let error = |w: &Vec<f64>| {
        w.iter().enumerate().map(|(i, w)| (w - q.powi(i as i32 + 1)).abs()).fold(0.0, f64::max)
    };
    let mut errors =
        Plot::new("the largest error", Axis::linear("step", 0.0, 100.0), Axis::log("error", 1e-9, 1.0));
    errors.line("gradient descent", BLUE, &over_steps(plain.iter().map(error)));
    errors.line("momentum", ORANGE, &over_steps(heavy.iter().map(error)));
    errors.dashed("no method is below this", RED, &over_steps((0..=100).map(|k| q.powi(k + 1))));
    let errors = errors.svg();
    let variant = |k: usize| {
        let mut plot = Plot::new(
            &format!("the weights after {k} steps"),
            Axis::linear("weight", 1.0, 40.0),
            Axis::linear("value", 0.0, 0.9),
        );
        let along = |w: &[f64]| -> Vec<(f64, f64)> {
            w.iter().take(40).enumerate().map(|(i, w)| (i as f64 + 1.0, *w)).collect()
        };
        plot.dashed(
            "where they should be",
            RED,
            &(1..=40).map(|i| (f64::from(i), q.powi(i))).collect::<Vec<_>>(),
        );
        plot.dots("gradient descent", BLUE, 2.8, &along(&plain[k]));
        plot.dots("momentum", ORANGE, 2.8, &along(&heavy[k]));
        (format!("{k}"), vec![plot.svg(), errors.clone()])
    };
    Section {
        title: "No method that only adds gradients is faster",
        text: "<p>Four hundred weights in a row, each pulled towards its neighbours, and only the first one \
            pulled by the data: colour that spreads through a picture from one painted pixel. A gradient \
            tells a weight about its neighbours only, so news travels one weight a step, and no method can \
            know more. Momentum at its best meets that bound. How many steps it takes depends on the ratio \
            of the largest curvature to the least: for a path of 8 pixels 25, of 32 pixels 414, for 8×8 \
            pixels 51, for 16×16 206.</p>"
            .into(),
        figures: vec![Figure {
            name: "lower-bound",
            slider: "steps",
            variants: [1, 3, 5, 10, 20, 30, 50, 100].map(variant).into(),
            first: 3,
            stacked: false,
        }],
    }
}
