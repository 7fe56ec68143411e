//! What gradient descent and momentum do on problems whose answer is known, by our own [`Sgd`].
//!
//! The theory is in G. Goh, 'Why Momentum Really Works', Distill 2017 (with the rate of complex roots as `√beta`).

use ravine_optim::{Momentum, Rule, Sgd, Step};
use ravine_tensor::{Rng, Tensor};

/// Weights and velocity under a rule, step by step, in `f64`.
struct Descent {
    rule: Sgd,
    rate: f64,
    w: Tensor<f64>,
    slots: Vec<Tensor<f64>>,
    count: u64,
}

impl Descent {
    fn new(rate: f64, rule: Sgd, w: &[f64]) -> Self {
        let w = Tensor::from_slice(w, w.len());
        let slots = Rule::<f64>::slots(&rule).iter().map(|_| w.zeros_like()).collect();
        Descent { rule, rate, w, slots, count: 0 }
    }

    /// One step by this gradient.
    fn step(&mut self, g: &[f64]) {
        self.count += 1;
        let g = Tensor::from_slice(g, g.len());
        self.rule.update(Step::new(&self.rule, self.rate, self.count, &mut self.w, &g, &mut self.slots));
    }

    /// One step by a gradient that is a function of each weight alone.
    fn descend(&mut self, gradient: impl Fn(usize, f64) -> f64) {
        let g: Vec<f64> = self.w.iter().enumerate().map(|(i, x)| gradient(i, x)).collect();
        self.step(&g);
    }

    /// The largest weight.
    fn largest(&self) -> f64 {
        self.w.iter().fold(0.0, |most, x| x.abs().max(most))
    }

    fn x(&self) -> f64 {
        self.w.at([0])
    }
}

/// How many steps it takes until `done`, if it happens within `limit`.
fn steps_until(
    mut descent: Descent,
    limit: usize,
    gradient: impl Fn(usize, f64) -> f64,
    done: impl Fn(&Descent) -> bool,
) -> Option<usize> {
    (0..=limit).find(|&k| {
        if k > 0 {
            descent.descend(&gradient);
        }
        done(&descent)
    })
}

#[track_caller]
fn assert_close(found: f64, want: f64, tolerance: f64) {
    assert!((found - want).abs() <= tolerance, "{found} is not {want} (to {tolerance:e})");
}

/// The matrix by which one step takes (weight, velocity) to the next on `lambda x² / 2`, read off the rule itself.
fn iteration_of(rule: Sgd, rate: f64, lambda: f64) -> [[f64; 2]; 2] {
    let column = |w: f64, v: f64| {
        let mut descent = Descent::new(rate, rule, &[w]);
        // Not the first step, which dampening leaves out.
        descent.count = 1;
        if let Some(velocity) = descent.slots.first_mut() {
            *velocity = Tensor::from([v]);
        }
        descent.descend(|_, x| lambda * x);
        match descent.slots.first() {
            Some(velocity) => [descent.x(), velocity.at([0])],
            None => [descent.x() * w, 0.0],
        }
    };
    let (of_weight, of_velocity) = (column(1.0, 0.0), column(0.0, 1.0));
    [[of_weight[0], of_velocity[0]], [of_weight[1], of_velocity[1]]]
}

/// The same for a heavy ball.
fn iteration(rate: f64, beta: f64, lambda: f64) -> [[f64; 2]; 2] {
    iteration_of(Sgd::momentum(beta), rate, lambda)
}

/// The largest absolute value of an eigenvalue: the factor by which the error shrinks at each step, in the end.
fn spectral_radius([[a, b], [c, d]]: [[f64; 2]; 2]) -> f64 {
    let (half_trace, determinant) = ((a + d) / 2.0, a * d - b * c);
    let discriminant = half_trace * half_trace - determinant;
    if discriminant < 0.0 { determinant.sqrt() } else { half_trace.abs() + discriminant.sqrt() }
}

const RAVINE: [f64; 3] = [0.01, 0.1, 1.0];

#[test]
fn the_rate_is_the_size_of_the_step() {
    let plain = |rate| Descent::new(rate, Sgd::default(), &[1.0]);
    let steps = |rate| steps_until(plain(rate), 1000, |_, x| x, |d| d.x().abs() <= 1e-3);
    let table = [(0.01, 688), (0.1, 66), (0.5, 10), (1.0, 1), (1.5, 10), (1.9, 66)];
    for (rate, want) in table {
        assert_eq!(steps(rate), Some(want), "rate {rate}");
    }
    assert_eq!(steps(2.0), None);
    assert_eq!(steps_until(plain(2.1), 1000, |_, x| x, |d| d.x().abs() > 1e6), Some(145));

    let mut beyond = plain(1.5);
    for k in 0..10 {
        assert_eq!(beyond.x() > 0.0, k % 2 == 0, "it jumps across the floor at each step");
        beyond.descend(|_, x| x);
    }
}

#[test]
fn the_best_rate_of_gradient_descent() {
    let (low, high) = (RAVINE[0], RAVINE[2]);
    let rate = 2.0 / (low + high);
    assert_close(rate, 1.980198, 1e-6);
    let condition: f64 = high / low;
    let factor = (condition - 1.0) / (condition + 1.0);
    assert_close(factor, 0.980198, 1e-6);
    for lambda in [low, high] {
        assert_close(spectral_radius(iteration(rate, 0.0, lambda)), factor, 1e-12);
    }
    let descent = Descent::new(rate, Sgd::default(), &[1.0; 3]);
    let steps = steps_until(descent, 2000, |i, x| RAVINE[i] * x, |d| d.largest() < 1e-6);
    assert_eq!(steps, Some(691));
}

#[test]
fn the_best_rate_and_momentum() {
    let (low, high) = (RAVINE[0].sqrt(), RAVINE[2].sqrt());
    let (rate, beta) = ((2.0 / (low + high)).powi(2), ((high - low) / (high + low)).powi(2));
    assert_close(rate, 3.305785, 1e-6);
    assert_close(beta, 0.669421, 1e-6);
    let factor = (high / low - 1.0) / (high / low + 1.0);
    assert_close(factor, 0.818182, 1e-6);
    assert_close(beta.sqrt(), factor, 1e-12);
    // Both ends have a double root there, which rounding splits by the root of its size.
    for lambda in RAVINE {
        assert_close(spectral_radius(iteration(rate, beta, lambda)), factor, 1e-6);
    }
    let mut descent = Descent::new(rate, Sgd::momentum(beta), &[1.0; 3]);
    let gradient = |i: usize, x: f64| RAVINE[i] * x;
    let again = Descent::new(rate, Sgd::momentum(beta), &[1.0; 3]);
    assert_eq!(steps_until(again, 2000, gradient, |d| d.largest() < 1e-6), Some(95));
    // With a double root the error goes as (a + b k) factor^k, so that a fit finds a little more.
    let mut logs = Vec::new();
    for k in 1..=400 {
        descent.descend(gradient);
        if k >= 200 {
            logs.push((f64::from(k), descent.largest().ln()));
        }
    }
    let n = logs.len() as f64;
    let (mean_k, mean_log) =
        (logs.iter().map(|l| l.0).sum::<f64>() / n, logs.iter().map(|l| l.1).sum::<f64>() / n);
    let slope = logs.iter().map(|(k, log)| (k - mean_k) * (log - mean_log)).sum::<f64>()
        / logs.iter().map(|(k, _)| (k - mean_k).powi(2)).sum::<f64>();
    assert_close(slope.exp(), 0.8210, 5e-4);
}

#[test]
fn momentum_converges_up_to_twice_one_plus_beta() {
    for beta in [0.0, 0.5, 0.9, 0.99] {
        let edge = 2.0 + 2.0 * beta;
        assert!(spectral_radius(iteration(edge - 1e-6, beta, 1.0)) < 1.0, "beta {beta}");
        assert!(spectral_radius(iteration(edge + 1e-6, beta, 1.0)) > 1.0, "beta {beta}");
        assert!(spectral_radius(iteration(1e-6, beta, 1.0)) < 1.0, "beta {beta}");
        assert!(spectral_radius(iteration(-1e-6, beta, 1.0)) > 1.0, "beta {beta}");
    }
}

#[test]
fn every_variant_knows_its_limit() {
    let lambda = 2.0;
    for convention in [Momentum::PyTorch, Momentum::Keras, Momentum::Ema] {
        for nesterov in [false, true] {
            for (momentum, dampening) in [(0.0, 0.0), (0.5, 0.0), (0.9, 0.0), (0.9, 0.5), (0.99, 0.1)] {
                let rule = Sgd { momentum, dampening, nesterov: nesterov && momentum > 0.0, convention };
                let limit = Rule::<f64>::stability_limit(&rule).unwrap();
                let radius = |product: f64| spectral_radius(iteration_of(rule, product / lambda, lambda));
                assert!(radius(limit * (1.0 - 1e-6)) < 1.0 && radius(limit * (1.0 + 1e-6)) > 1.0, "{rule:?}");
            }
        }
    }
    assert_eq!(Rule::<f64>::stability_limit(&Sgd::momentum(0.5)), Some(3.0));
}

#[test]
fn with_complex_roots_momentum_alone_sets_the_rate() {
    assert_close(spectral_radius(iteration(1.0, 0.9, 1.0)), 0.948683, 1e-6);
    for product in [0.1, 0.5, 2.0, 3.5] {
        assert_close(spectral_radius(iteration(product, 0.9, 1.0)), 0.9f64.sqrt(), 1e-12);
    }
}

#[test]
fn critical_damping() {
    for (product, beta, rate) in [(0.01, 0.81, 0.9), (0.04, 0.64, 0.8), (0.25, 0.25, 0.5)] {
        let critical = (1.0 - f64::sqrt(product)).powi(2);
        assert_close(critical, beta, 1e-12);
        assert_close(spectral_radius(iteration(product, critical, 1.0)), rate, 1e-6);
        // Less momentum creeps, more of it swings: both are slower.
        for other in [critical - 0.01, critical + 0.01] {
            assert!(spectral_radius(iteration(product, other, 1.0)) > rate + 1e-3);
        }
    }
    assert_close(spectral_radius(iteration(0.01, 0.0, 1.0)), 0.99, 1e-12);
}

/// The eigenvalues of a symmetric matrix, ascending, and their vectors as columns, by Jacobi's rotations.
fn eigen(mut a: Vec<Vec<f64>>) -> (Vec<f64>, Vec<Vec<f64>>) {
    let n = a.len();
    let mut vectors: Vec<Vec<f64>> = (0..n).map(|i| (0..n).map(|j| f64::from(i == j)).collect()).collect();
    let off = |a: &[Vec<f64>]| {
        (0..n).flat_map(|i| (0..i).map(move |j| (i, j))).map(|(i, j)| a[i][j].powi(2)).sum::<f64>()
    };
    while off(&a) > 1e-22_f64 {
        for p in 0..n {
            for q in p + 1..n {
                if a[p][q] == 0.0 {
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
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| a[i][i].total_cmp(&a[j][j]));
    let values = order.iter().map(|&i| a[i][i]).collect();
    (values, vectors.iter().map(|row| order.iter().map(|&i| row[i]).collect()).collect())
}

fn times(a: &[Vec<f64>], x: &[f64]) -> Vec<f64> {
    a.iter().map(|row| row.iter().zip(x).map(|(a, x)| a * x).sum()).collect()
}

fn column(a: &[Vec<f64>], j: usize) -> Vec<f64> {
    a.iter().map(|row| row[j]).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[test]
fn gradient_descent_in_closed_form() {
    // f = xᵀ A x / 2 - bᵀ x with its minimum at (1, -2, 3).
    let a = vec![vec![2.0, 0.5, 0.1], vec![0.5, 1.0, -0.3], vec![0.1, -0.3, 0.5]];
    let (best, rate) = ([1.0, -2.0, 3.0], 0.7);
    let b = times(&a, &best);
    let (values, vectors) = eigen(a.clone());
    let start = [0.3, 0.2, -0.1];
    let mut descent = Descent::new(rate, Sgd::default(), &start);
    let from_best: Vec<f64> = start.iter().zip(&best).map(|(w, best)| w - best).collect();
    for k in 0..60 {
        let along = |i| dot(&column(&vectors, i), &from_best) * f64::powi(1.0 - rate * values[i], k);
        let want: Vec<f64> =
            (0..3).map(|row| best[row] + (0..3).map(|i| along(i) * vectors[row][i]).sum::<f64>()).collect();
        for (found, want) in descent.w.iter().zip(want) {
            assert_close(found, want, 1e-13);
        }
        let w = descent.w.to_vec();
        let gradient: Vec<f64> = times(&a, &w).iter().zip(&b).map(|(ax, b)| ax - b).collect();
        descent.step(&gradient);
    }
}

#[test]
fn features_of_a_regression_converge_in_order_of_their_eigenvalue() {
    // A polynomial of degree 4 through 9 points: the Hessian is AᵀA.
    let points: Vec<Vec<f64>> =
        (0..9).map(|i| f64::from(i) / 4.0 - 1.0).map(|x| (0..5).map(|p| x.powi(p)).collect()).collect();
    let target: Vec<f64> = points.iter().map(|row| (3.0 * row[1]).sin() + 0.3).collect();
    let gram: Vec<Vec<f64>> =
        (0..5).map(|i| (0..5).map(|j| dot(&column(&points, i), &column(&points, j))).collect()).collect();
    let (values, vectors) = eigen(gram.clone());
    let moment: Vec<f64> = (0..5).map(|i| dot(&column(&points, i), &target)).collect();
    let best: Vec<f64> = (0..5).map(|i| dot(&column(&vectors, i), &moment) / values[i]).collect();
    let rate = 1.0 / values[4];

    let mut descent = Descent::new(rate, Sgd::default(), &[0.0; 5]);
    let mut reached = [None; 5];
    for k in 1..=20_000 {
        let w = descent.w.to_vec();
        let gradient: Vec<f64> = times(&gram, &w).iter().zip(&moment).map(|(aw, m)| aw - m).collect();
        descent.step(&gradient);
        let w = descent.w.to_vec();
        for i in 0..5 {
            // The share of the feature that is there, 1 - (1 - rate λ)^k: a filter as of Tikhonov's penalty η, λ / (λ + η).
            let share = dot(&column(&vectors, i), &w) / best[i];
            assert_close(share, 1.0 - (1.0 - rate * values[i]).powi(k), 1e-9);
            if k >= 10 {
                let penalty = 1.0 / (rate * f64::from(k));
                assert_close(share, values[i] / (values[i] + penalty), 0.25);
            }
            if share > 0.9 && reached[i].is_none() {
                reached[i] = Some(k);
            }
        }
    }
    assert!(reached.iter().all(Option::is_some), "{reached:?}");
    assert!(reached.is_sorted_by(|slower, quicker| slower > quicker), "{reached:?}");
}

/// The Laplacian of a grid of `rows` by `columns` pixels, each joined with its neighbours.
fn laplacian(rows: usize, columns: usize) -> Vec<Vec<f64>> {
    let n = rows * columns;
    let mut a = vec![vec![0.0; n]; n];
    let mut join = |i: usize, j: usize| {
        (a[i][i], a[j][j]) = (a[i][i] + 1.0, a[j][j] + 1.0);
        (a[i][j], a[j][i]) = (-1.0, -1.0);
    };
    for r in 0..rows {
        for c in 0..columns {
            if c + 1 < columns {
                join(r * columns + c, r * columns + c + 1);
            }
            if r + 1 < rows {
                join(r * columns + c, (r + 1) * columns + c);
            }
        }
    }
    a
}

#[test]
fn the_larger_a_picture_the_slower_its_colours_spread() {
    let table = [(1, 8, 25.27), (1, 16, 103.09), (1, 32, 414.35), (8, 8, 50.55), (16, 16, 206.17)];
    for (rows, columns, want) in table {
        let (values, _) = eigen(laplacian(rows, columns));
        assert_close(values[0], 0.0, 1e-12);
        assert_close(values[values.len() - 1] / values[1], want, 5e-3);
    }
}

#[test]
fn momentum_meets_the_lower_bound_of_all_first_order_methods() {
    let (n, condition) = (400, 100.0);
    let bend = 4.0 / (condition - 1.0);
    let q = (f64::sqrt(condition) - 1.0) / (f64::sqrt(condition) + 1.0);
    let (low, high) = (bend.sqrt(), (4.0 + bend).sqrt());
    let (rate, beta) = ((2.0 / (low + high)).powi(2), ((high - low) / (high + low)).powi(2));
    let mut descent = Descent::new(rate, Sgd::momentum(beta), &vec![0.0; n]);
    let table = [(10, 0.109989), (25, 5.4212e-3), (50, 3.5920e-5)];
    for k in 0..=50 {
        if k > 0 {
            let w = descent.w.to_vec();
            let at = |i: usize| w.get(i).copied().unwrap_or(0.0);
            let slope = |i: usize| {
                let before = if i == 0 { 1.0 } else { at(i - 1) };
                (2.0 + bend) * at(i) - before - at(i + 1)
            };
            let gradient: Vec<f64> = (0..n).map(slope).collect();
            descent.step(&gradient);
        }
        let errors = descent.w.iter().enumerate().map(|(i, w)| (w - q.powi(i as i32 + 1)).abs());
        let error = errors.fold(0.0, f64::max);
        // No news has come to weight k + 1 yet.
        assert!(error >= q.powi(k + 1) * (1.0 - 1e-12), "step {k}");
        if let Some((_, want)) = table.iter().find(|(step, _)| *step == k) {
            assert_close(q.powi(k + 1), *want, 1e-4 * want);
            assert_close(error, *want, 1e-4 * want);
        }
    }
}

/// `E[x²]` in the long run on `lambda x² / 2`, if the gradient has noise of this deviation.
fn noise_floor(rate: f64, beta: f64, lambda: f64, sigma: f64) -> f64 {
    rate * sigma * sigma * (1.0 + beta) / ((1.0 - beta) * lambda * (2.0 * (1.0 + beta) - rate * lambda))
}

#[test]
fn noise_keeps_weights_off_the_floor() {
    for (beta, want) in [(0.0, 0.05263), (0.9, 0.51351)] {
        let floor = noise_floor(0.1, beta, 1.0, 1.0);
        assert_close(floor, want, 5e-6);
        // The covariance that one more step leaves as it is.
        let m = iteration(0.1, beta, 1.0);
        let velocity = if beta == 0.0 { 0.0 } else { 1.0 };
        let kick = [-0.1, velocity];
        let mut s = [[0.0; 2]; 2];
        for _ in 0..2000 {
            let old = s;
            for (i, row) in s.iter_mut().enumerate() {
                for (j, entry) in row.iter_mut().enumerate() {
                    let moved: f64 = (0..2)
                        .flat_map(|k| (0..2).map(move |l| (k, l)))
                        .map(|(k, l)| m[i][k] * old[k][l] * m[j][l])
                        .sum();
                    *entry = moved + kick[i] * kick[j];
                }
            }
        }
        assert_close(s[0][0], floor, 1e-12);

        // And what is measured, over 256 weights and 4000 steps.
        let rng = Rng::new(5);
        let rule = Sgd::momentum(beta);
        let mut descent = Descent::new(0.1, rule, &[0.0; 256]);
        let (mut sum, mut seen) = (0.0, 0.0);
        for k in 0..4000 {
            let noise = Tensor::<f64>::randn([256], &mut rng.child(k)).to_vec();
            descent.descend(|i, x| x + noise[i]);
            if k >= 500 {
                sum += descent.w.norm_squared();
                seen += 256.0;
            }
        }
        assert_close(sum / seen, floor, 0.02 * floor);
    }
}

#[test]
fn momentum_may_carry_over_a_hill_or_back() {
    let end = |rate, beta| {
        let mut descent = Descent::new(rate, Sgd::momentum(beta), &[2.0]);
        (0..10_000).for_each(|_| descent.descend(|_, x| 4.0 * x * (x * x - 1.0) + 0.3));
        descent.x()
    };
    assert_close(end(0.01, 0.0), 0.9601, 5e-5);
    assert_close(end(0.01, 0.9), -1.0356, 5e-5);
    assert_close(end(0.1, 0.0), -1.0356, 5e-5);
    assert_close(end(0.01, 0.95), 0.9601, 5e-5);
}

#[test]
fn three_balls_on_one_surface() {
    let walk = |rate| {
        let mut ball = Descent::new(rate, Sgd::default(), &[2.0]);
        let step = |_| {
            ball.descend(|_, x| 4.0 * x * (x * x - 1.0) + 0.3);
            ball.x()
        };
        (0..100).map(step).collect::<Vec<f64>>()
    };
    let (small, good, large) = (walk(0.01), walk(0.1), walk(0.2));
    assert!(small.is_sorted_by(|before, after| before >= after), "consistently downhill");
    assert_close(small[99], 0.9601, 0.01);
    assert!(good[0] < 0.0, "the first step lands beyond the hill");
    assert_close(good[99], -1.0356, 5e-5);
    assert!(large[0] < -2.0 && large[1] > 10.0 && !large[99].is_finite(), "{:?}", &large[..5]);
}

#[test]
fn the_velocity_is_a_memory_of_gradients() {
    // What agrees adds up, what fights cancels, and each gradient weighs beta^k after k steps.
    let beta: f64 = 0.9;
    let pushes: Vec<[f64; 3]> =
        (0..60).map(|k| [1.0, f64::powi(-1.0, k), f64::from((k * 37 + 11) % 17) - 8.0]).collect();
    let mut ball = Descent::new(1.0, Sgd::momentum(beta), &[0.0; 3]);
    for (k, push) in pushes.iter().enumerate() {
        ball.step(push);
        let remembered =
            |axis: usize| -> f64 { (0..=k).map(|j| beta.powi((k - j) as i32) * pushes[j][axis]).sum() };
        for (axis, velocity) in ball.slots[0].iter().enumerate() {
            assert_close(velocity, remembered(axis), 1e-12);
        }
    }
    assert_close(ball.slots[0].at([0]), 1.0 / (1.0 - beta), 0.02);
    assert_close(ball.slots[0].at([1]).abs(), 1.0 / (1.0 + beta), 0.01);
}

#[test]
fn the_noise_of_a_gradient_falls_with_the_root_of_the_batch() {
    // The mean of `(w x - y)² / 2` over examples, at w = 0: each has the gradient -x y.
    let (examples, draws) = (1024, 400u64);
    let rng = Rng::new(9);
    let [x, y] = [0, 1].map(|i| Tensor::<f64>::randn([examples], &mut rng.child(i)));
    let gradients = x.zip(&y, |x, y| -x * (0.7 * x + y)).to_vec();
    let mean = gradients.iter().sum::<f64>() / examples as f64;
    let variance = gradients.iter().map(|g| (g - mean).powi(2)).sum::<f64>() / (examples - 1) as f64;
    for batch in [1, 4, 16, 64, 256, examples] {
        let square = |draw: u64| {
            let order = Tensor::<i64>::randperm(examples, &mut rng.child(10 + draw));
            let sum: f64 = order.iter().take(batch).map(|i| gradients[i as usize]).sum();
            (sum / batch as f64 - mean).powi(2)
        };
        let measured = ((0..draws).map(square).sum::<f64>() / draws as f64).sqrt();
        // Drawn without replacement, so that none is left when the batch has all.
        let left = 1.0 - batch as f64 / examples as f64;
        let law = (variance / batch as f64 * left).sqrt();
        assert!((measured - law).abs() <= 0.12 * law + 1e-12, "batch {batch}: {measured}, by the law {law}");
    }
}

#[test]
fn dampening_divides_the_steady_step() {
    let steady = |rule| {
        let mut descent = Descent::new(1.0, rule, &[0.0]);
        (0..500).for_each(|_| descent.step(&[1.0]));
        let before = descent.x();
        descent.step(&[1.0]);
        before - descent.x()
    };
    for (dampening, want) in [(0.0, 10.0), (0.1, 9.0), (0.9, 1.0)] {
        assert_close(steady(Sgd { dampening, ..Sgd::momentum(0.9) }), want, 1e-9);
    }
}

#[test]
fn conventions_agree_until_the_rate_changes() {
    let run = |convention: Momentum, last: f64| {
        let rule = Sgd { convention, ..Sgd::momentum(0.9) };
        let factor = Momentum::PyTorch.rate_factor(convention, 0.9);
        let mut descent = Descent::new(0.05 * factor, rule, &[1.0, -2.0]);
        for k in 0..40 {
            if k == 20 {
                descent.rate = last * factor;
            }
            descent.descend(|i, x| [1.0, 0.3][i] * x);
        }
        descent.w
    };
    // A run may change its convention on the way.
    let (from, to, momentum, rate) = (Momentum::PyTorch, Momentum::Ema, 0.9, 0.05);
    for (from, to) in [(from, to), (to, Momentum::Keras), (Momentum::Keras, from)] {
        let rate = rate * Momentum::PyTorch.rate_factor(from, momentum);
        let rule = |convention| Sgd { convention, ..Sgd::momentum(momentum) };
        let gradient = |i: usize, x: f64| [1.0, 0.3][i] * x;
        let mut straight = Descent::new(rate, rule(from), &[1.0, -2.0]);
        (0..20).for_each(|_| straight.descend(gradient));
        let place = straight.w.to_vec();
        let mut turned = Descent::new(rate * from.rate_factor(to, momentum), rule(to), &place);
        turned.slots = vec![&straight.slots[0] * from.velocity_factor(to, momentum, rate)];
        turned.count = 20;
        for _ in 0..20 {
            straight.descend(gradient);
            turned.descend(gradient);
        }
        assert!((&straight.w - &turned.w).norm_squared() < 1e-28, "{from:?} to {to:?}");
    }
    for convention in [Momentum::Keras, Momentum::Ema] {
        let apart = (run(convention, 0.05) - run(Momentum::PyTorch, 0.05)).norm_squared().sqrt();
        assert!(apart < 1e-14, "{convention:?}: {apart}");
    }
    let apart = |convention| (run(convention, 0.005) - run(Momentum::PyTorch, 0.005)).norm_squared().sqrt();
    assert!(apart(Momentum::Ema) < 1e-14 && apart(Momentum::Keras) > 0.05);
}
