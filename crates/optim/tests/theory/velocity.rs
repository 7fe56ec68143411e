//! What the velocity is: a memory, in three conventions.

use ravine_optim::{Momentum, Sgd};

use crate::{Descent, assert_close};

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
