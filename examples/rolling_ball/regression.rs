//! A polynomial through points: which of its features are learned first.

use ravine::plot::{Axis, COLOURS, GREY, ORANGE, Plot, RED};
use ravine::prelude::*;

use crate::descent::{Descent, by_factor, spaced, thinned};
use crate::page::{Figure, Section};

const POINTS: usize = 12;
const TERMS: usize = 6;

/// The eigenvalues of a symmetric matrix, the largest first, and their vectors, by Jacobi's rotations.
fn eigen(mut a: Vec<Vec<f64>>) -> Vec<(f64, Vec<f64>)> {
    let n = a.len();
    let mut vectors: Vec<Vec<f64>> = (0..n).map(|i| (0..n).map(|j| f64::from(i == j)).collect()).collect();
    for _ in 0..60 {
        for p in 0..n {
            for q in p + 1..n {
                if a[p][q].abs() < 1e-300 {
                    continue;
                }
                let theta = (a[q][q] - a[p][p]) / (2.0 * a[p][q]);
                let t = theta.signum() / (theta.abs() + theta.hypot(1.0));
                let c = 1.0 / t.hypot(1.0);
                let s = t * c;
                for row in a.iter_mut().chain(&mut vectors) {
                    (row[p], row[q]) = (c * row[p] - s * row[q], s * row[p] + c * row[q]);
                }
                for k in 0..n {
                    (a[p][k], a[q][k]) = (c * a[p][k] - s * a[q][k], s * a[p][k] + c * a[q][k]);
                }
            }
        }
    }
    let mut pairs: Vec<_> = (0..n).map(|i| (a[i][i], vectors.iter().map(|row| row[i]).collect())).collect();
    pairs.sort_by(|a: &(f64, Vec<f64>), b| b.0.total_cmp(&a.0));
    pairs
}

fn powers(x: f64) -> Vec<f64> {
    (0..TERMS as i32).map(|p| x.powi(p)).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Features converge in the order of their eigenvalues.
pub fn features() -> Section {
    let xs = spaced(-1.0, 1.0, POINTS);
    let noise = Tensor::<f64>::randn([POINTS], &mut Rng::new(8)).to_vec();
    let ys: Vec<f64> = xs.iter().zip(noise).map(|(x, noise)| (3.0 * x).sin() + 0.3 + 0.25 * noise).collect();
    let rows: Vec<Vec<f64>> = xs.iter().map(|&x| powers(x)).collect();
    let gram =
        (0..TERMS).map(|i| (0..TERMS).map(|j| rows.iter().map(|r| r[i] * r[j]).sum()).collect()).collect();
    let eigen = eigen(gram);
    let moment: Vec<f64> = (0..TERMS).map(|i| rows.iter().zip(&ys).map(|(r, y)| r[i] * y).sum()).collect();
    let best: Vec<f64> = eigen.iter().map(|(value, vector)| dot(vector, &moment) / value).collect();
    let rate = 1.0 / eigen[0].0;
    let slope = |w: &[f64]| -> Vec<f64> {
        let errors: Vec<f64> = rows.iter().zip(&ys).map(|(row, y)| dot(row, w) - y).collect();
        (0..TERMS).map(|i| rows.iter().zip(&errors).map(|(row, e)| row[i] * e).sum()).collect()
    };
    let places = Descent::new(Sgd::default(), rate, &[0.0; TERMS]).walk(100_000, slope);

    let mut shares = Plot::new(
        "how much of each feature is there",
        Axis::log("step", 1.0, 1e5),
        Axis::linear("share", 0.0, 1.0),
    );
    let mut filters = Plot::new(
        "stopping early is like a penalty",
        Axis::log("eigenvalue", 1e-4, 10.0),
        Axis::linear("share of the feature", 0.0, 1.0),
    );
    for (i, (value, vector)) in eigen.iter().enumerate() {
        let measured: Vec<(f64, f64)> =
            places.iter().enumerate().skip(1).map(|(k, w)| (k as f64, dot(vector, w) / best[i])).collect();
        shares.line(
            &format!("λ = {value:.0$}", (2.0 - value.log10().floor()).max(0.0) as usize),
            COLOURS[i],
            &thinned(&measured),
        );
        let formula = by_factor(1.0, 1e5, 100).into_iter().map(|k| (k, 1.0 - (1.0 - rate * value).powf(k)));
        shares.dashed("", GREY, &formula.collect::<Vec<_>>());
    }
    for (k, colour) in [(10usize, COLOURS[0]), (300, COLOURS[1]), (10_000, COLOURS[2])] {
        let seen =
            eigen.iter().enumerate().map(|(i, (value, vector))| (*value, dot(vector, &places[k]) / best[i]));
        filters.dots(&format!("{k} steps"), colour, 4.0, &seen.collect::<Vec<_>>());
        let values = by_factor(1e-4, 10.0, 160);
        filters.line(
            "",
            colour,
            &values
                .iter()
                .map(|&v| (v, 1.0 - (1.0 - rate * v).abs().powf(k as f64)))
                .filter(|p| p.0 <= 1.0 / rate)
                .collect::<Vec<_>>(),
        );
        let penalty = 1.0 / (rate * k as f64);
        filters.dashed("", colour, &values.iter().map(|&v| (v, v / (v + penalty))).collect::<Vec<_>>());
    }
    let (shares, filters) = (shares.svg(), filters.svg());
    let variant = |k: usize| {
        let mut plot = Plot::new(
            &format!("the polynomial after {k} step{}", if k == 1 { "" } else { "s" }),
            Axis::linear("x", -1.15, 1.15),
            Axis::linear("y", -1.5, 2.0),
        );
        let curve = |w: &[f64]| -> Vec<(f64, f64)> {
            spaced(-1.15, 1.15, 140).into_iter().map(|x| (x, dot(w, &powers(x)))).collect()
        };
        let full: Vec<f64> =
            (0..TERMS).map(|t| eigen.iter().zip(&best).map(|((_, vector), b)| vector[t] * b).sum()).collect();
        plot.dashed("the least squares", GREY, &curve(&full));
        plot.line("gradient descent", ORANGE, &curve(&places[k]));
        plot.dots("data", RED, 4.0, &xs.iter().copied().zip(ys.iter().copied()).collect::<Vec<_>>());
        (format!("{k}"), vec![plot.svg(), shares.clone(), filters.clone()])
    };
    Section {
        title: "Features are learned in the order of their eigenvalues",
        text:
            "<p>A polynomial of degree five through twelve noisy points. In the eigenvectors of its Hessian, \
            each feature is learned by itself: after k steps 1 − (1 − rate · λ)<sup>k</sup> of it is there. \
            Those with large eigenvalues come first, and they are the smooth, sturdy ones; what comes last \
            fits the noise. So stopping early does what a penalty η on the size of the weights does, whose \
            filter is λ / (λ + η) with η = 1 / (rate · k): the dashed curves of the last picture.</p>"
                .into(),
        figures: vec![Figure {
            name: "eigenfeatures",
            slider: "steps",
            variants: [1, 3, 10, 30, 100, 1000, 10_000, 100_000].map(variant).into(),
            first: 4,
            stacked: false,
        }],
    }
}
