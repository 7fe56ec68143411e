//! Checks that a rule descends: losses whose minimum is known.

use ravine_tensor::{Rng, Tensor};

use super::tested::Tested;
use super::{begin, ensure, gradients};
use crate::{Linear, NonFinite, Rule};

pub(super) fn limit_is_where_it_is_said(rule: &Tested) -> Result<(), String> {
    let Some(limit) = rule.stability_limit() else { return Ok(()) };
    // On x² / 2 from 1, whose curvature is 1.
    let stays = |rate: f64| {
        let (params, optimizer) = begin(rule, &[Tensor::scalar(1.0)], rate);
        let mut optimizer = optimizer.weight_decay(0.0);
        let small = |_| {
            let x = params[0].value();
            optimizer.step(gradients(&params, std::slice::from_ref(&x))).is_ok() && x.item().abs() < 1e3
        };
        (0..1000).all(small) && params[0].value().item().abs() < 1.0
    };
    ensure(stays(0.99 * limit) && !stays(1.01 * limit), || {
        format!("said to be {limit}, but it does not diverge just beyond it alone")
    })
}

pub(super) fn quickest_where_it_is_said(rule: &Tested) -> Result<(), String> {
    let Some(quickest) = rule.quickest() else { return Ok(()) };
    // All losses on x² / 2 from 1. The first gradient is zero, since a first step may be unlike the others.
    let lost = |rate: f64| {
        let (params, optimizer) = begin(rule, &[Tensor::scalar(1.0)], rate);
        let mut optimizer = optimizer.weight_decay(0.0);
        let mut loss = |step: u64| {
            let x = params[0].value();
            let gradient = if step == 0 { x.zeros_like() } else { x.clone() };
            match optimizer.step(gradients(&params, &[gradient])) {
                Ok(_) => f64::from(x.item()).powi(2) / 2.0,
                Err(_) => f64::INFINITY,
            }
        };
        (0..2000).map(&mut loss).sum::<f64>()
    };
    let [less, said, more] = [0.8, 1.0, 1.25].map(|factor| lost(factor * quickest));
    ensure(said < less && said < more, || {
        format!(
            "said to be at {quickest}: it loses {said} there, {less} at a smaller rate and {more} at a larger"
        )
    })
}

/// The smallest ratio of the last to the first value of `f` that `steps` steps reach, over linear schedules from different rates to zero.
fn best_share(
    rule: &Tested,
    start: &Tensor,
    steps: u64,
    f: impl Fn(&Tensor) -> f64,
    grad: impl Fn(&Tensor, u64) -> Tensor,
) -> f64 {
    let run = |rate: f64| {
        let rate = Linear { initial: rate, last: 0.0, steps };
        let (params, optimizer) = begin(rule, std::slice::from_ref(start), rate);
        let mut optimizer = optimizer.weight_decay(0.0).non_finite(NonFinite::Skip);
        for step in 0..steps {
            let grads = [grad(&params[0].value(), step)];
            if optimizer.step(gradients(&params, &grads)).map_or(true, |outcome| outcome.skipped) {
                return f64::INFINITY;
            }
        }
        let _averaged = optimizer.averaged();
        f(&params[0].value()) / f(start)
    };
    rates().map(run).fold(f64::INFINITY, f64::min)
}

/// Two for each power of ten, from 1e-4 to 100.
fn rates() -> impl Iterator<Item = f64> {
    (-8..=4).map(|power| 10f64.powf(f64::from(power) / 2.0))
}

fn stiffness(last: f32) -> Tensor {
    Tensor::from_fn([3, 2], |i| last.powf(i as f32 / 5.0))
}

fn bowl(rule: &Tested, condition: f32, steps: u64, noise: f32, enough: f64) -> Result<(), String> {
    let k = stiffness(condition);
    let f = |x: &Tensor| f64::from((x.square() * &k).sum(..).item());
    let grad =
        |x: &Tensor, step: u64| x * &k + Tensor::<f32>::randn([3, 2], &mut Rng::new(11).child(step)) * noise;
    let share = best_share(rule, &Tensor::ones([3, 2]), steps, f, grad);
    ensure(share < enough, || format!("at the best rate, {share:.3} of the loss is left after {steps} steps"))
}

pub(super) fn descends_bowl(rule: &Tested) -> Result<(), String> {
    bowl(rule, 1.0, 200, 0.0, 1e-2)
}

/// Momentum without friction would oscillate for ever. The rate is constant, as one that falls to zero would hide that.
pub(super) fn comes_to_rest(rule: &Tested) -> Result<(), String> {
    let swing = |rate: f64| {
        let (params, optimizer) = begin(rule, &[Tensor::ones([3, 2])], rate);
        let mut optimizer = optimizer.weight_decay(0.0);
        let mut mean = 0.0;
        for step in 0..300 {
            let x = params[0].value();
            if optimizer.step(gradients(&params, &[x])).is_err() {
                return f64::INFINITY;
            }
            if step >= 200 {
                let _averaged = optimizer.averaged();
                mean += params[0].value().norm_squared() / 6.0 / 100.0;
            }
        }
        mean
    };
    let left = rates().map(swing).fold(f64::INFINITY, f64::min);
    ensure(left < 0.05, || {
        format!("at the best constant rate, {left:.3} of the loss is left over steps 200 to 300")
    })
}

pub(super) fn descends_narrow_valley(rule: &Tested) -> Result<(), String> {
    bowl(rule, 100.0, 500, 0.0, 1e-2)
}

pub(super) fn descends_noisy_bowl(rule: &Tested) -> Result<(), String> {
    bowl(rule, 3.0, 500, 0.3, 0.1)
}

pub(super) fn descends_rosenbrock(rule: &Tested) -> Result<(), String> {
    let f = |x: &Tensor| {
        let (x, y) = (f64::from(x.at([0, 0])), f64::from(x.at([0, 1])));
        (1.0 - x).powi(2) + 100.0 * (y - x * x).powi(2)
    };
    let grad = |w: &Tensor, _step: u64| {
        let (x, y) = (w.at([0, 0]), w.at([0, 1]));
        let across = 200.0 * (y - x * x);
        Tensor::from([[-2.0 * (1.0 - x) - 2.0 * x * across, across]])
    };
    let share = best_share(rule, &Tensor::from([[-1.2, 1.0]]), 500, f, grad);
    // The floor of the valley beneath the start has 0.2 of its height.
    ensure(share < 0.18, || format!("at the best rate, {share:.3} of the loss is left after 500 steps"))
}
