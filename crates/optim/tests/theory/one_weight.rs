//! On a parabola in one weight, and on the hills and valleys of a quartic.

use ravine_optim::{Momentum, Rule, Sgd};
use ravine_tensor::Tensor;

use crate::{Descent, assert_close, steps_until};

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
pub fn iteration(rate: f64, beta: f64, lambda: f64) -> [[f64; 2]; 2] {
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

/// From rest, all losses together are least at (1 - beta²) / lambda, and are 1 / (1 - beta²) times the first there.
#[test]
fn a_heavy_ball_is_quickest_at_one_minus_beta_squared() {
    let lambda = 2.0;
    let all_losses = |rule: Sgd, product: f64| {
        let [[ww, wv], [vw, vv]] = iteration_of(rule, product / lambda, lambda);
        let (mut w, mut v, mut sum) = (1.0, 0.0, 0.0);
        for _ in 0..5000 {
            sum += w * w;
            (w, v) = (ww * w + wv * v, vw * w + vv * v);
        }
        sum
    };
    for convention in [Momentum::PyTorch, Momentum::Keras, Momentum::Ema] {
        for (momentum, dampening) in [(0.0, 0.0), (0.5, 0.0), (0.9, 0.0), (0.9, 0.5), (0.99, 0.1)] {
            let rule = Sgd { momentum, dampening, nesterov: false, convention };
            let quickest = Rule::<f64>::quickest(&rule).unwrap();
            let least = all_losses(rule, quickest);
            assert_close(least, 1.0 / (1.0 - momentum * momentum), 1e-9);
            assert!(
                [0.99, 1.01].iter().all(|factor| all_losses(rule, factor * quickest) > least),
                "{rule:?}"
            );
        }
    }
    // What the rate finder says of its limits.
    let excess = |rule, product| all_losses(rule, product) / all_losses(rule, 0.19) - 1.0;
    let ball = Sgd::momentum(0.9);
    assert_close(excess(ball, 3.0 * 0.19), 0.078, 0.001);
    assert_close(excess(ball, 1.9), 0.810, 0.001);
    for momentum in [0.3, 0.5, 0.7, 0.8, 0.9, 0.99] {
        let rule = Sgd { nesterov: true, ..Sgd::momentum(momentum) };
        let limit = Rule::<f64>::stability_limit(&rule).unwrap();
        let least =
            (1..100).map(|i| all_losses(rule, limit * f64::from(i) / 100.0)).fold(f64::INFINITY, f64::min);
        assert!(all_losses(rule, limit / 2.0) < 1.02 * least, "{momentum}");
    }
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
