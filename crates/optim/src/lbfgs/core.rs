//! The algorithm, over a plain vector of `f64`.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::search::{Point, strong_wolfe};
use super::{LbfgsOutcome, Settings};

/// The state that is kept from iteration to iteration.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Memory {
    pub iterations: u64,
    /// Earlier steps and the changes of the gradient over each, the oldest first.
    pub pairs: VecDeque<Pair>,
    /// The initial estimate of the inverse Hessian, which the pairs refine, is this number times the identity.
    pub scale: f64,
    pub direction: Vec<f64>,
    /// The step length of the last iteration along its direction.
    pub length: f64,
    pub gradient: Vec<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Pair {
    pub step: Vec<f64>,
    pub change: Vec<f64>,
}

impl Memory {
    /// Whether every vector has this length.
    pub fn fits(&self, numel: usize) -> bool {
        let pairs = self.pairs.iter().all(|pair| pair.step.len() == numel && pair.change.len() == numel);
        pairs && (self.iterations == 0 || (self.direction.len() == numel && self.gradient.len() == numel))
    }

    /// Adds the last step and its change of the gradient to the pairs.
    fn learn(&mut self, gradient: &[f64], history: usize) {
        let change: Vec<f64> = gradient.iter().zip(&self.gradient).map(|(new, old)| new - old).collect();
        let step: Vec<f64> = self.direction.iter().map(|d| d * self.length).collect();
        // A pair without positive curvature would make the estimate indefinite.
        let curvature = dot(&change, &step);
        if curvature > 1e-10 {
            if self.pairs.len() == history {
                self.pairs.pop_front();
            }
            self.scale = curvature / dot(&change, &change);
            self.pairs.push_back(Pair { step, change });
        }
    }

    /// Minus the estimate of the inverse Hessian times the gradient: the two-loop recursion, Nocedal and Wright 2006, algorithm 7.4.
    fn newton(&self, gradient: &[f64]) -> Vec<f64> {
        let mut d: Vec<f64> = gradient.iter().map(|g| -g).collect();
        let inverse = |pair: &Pair| 1.0 / dot(&pair.change, &pair.step);
        let mut shares = Vec::with_capacity(self.pairs.len());
        for pair in self.pairs.iter().rev() {
            let share = dot(&pair.step, &d) * inverse(pair);
            add(&mut d, -share, &pair.change);
            shares.push(share);
        }
        d.iter_mut().for_each(|d| *d *= self.scale);
        for (pair, share) in self.pairs.iter().zip(shares.into_iter().rev()) {
            let back = dot(&pair.change, &d) * inverse(pair);
            add(&mut d, share - back, &pair.step);
        }
        d
    }
}

/// Does up to [`Settings::iterations`] iterations, and moves `x`.
pub(super) fn advance(
    settings: &Settings,
    memory: &mut Memory,
    x: &mut Vec<f64>,
    evaluate: &mut impl FnMut(&[f64]) -> (f64, Vec<f64>),
) -> LbfgsOutcome {
    let (mut loss, mut gradient) = evaluate(x);
    let mut outcome = LbfgsOutcome { loss, last_loss: loss, iterations: 0, evaluations: 1, converged: false };
    if largest(&gradient) <= settings.tolerance_grad || !loss.is_finite() {
        outcome.converged = loss.is_finite();
        return outcome;
    }
    for iteration in 1..=settings.iterations {
        outcome.iterations = iteration;
        memory.iterations += 1;
        let first = memory.iterations == 1;
        if first {
            memory.scale = 1.0;
        } else {
            memory.learn(&gradient, settings.history);
        }
        memory.direction = memory.newton(&gradient);
        memory.gradient.clone_from(&gradient);
        let sum: f64 = gradient.iter().map(|g| g.abs()).sum();
        memory.length = settings.rate * if first { f64::min(1.0, 1.0 / sum) } else { 1.0 };
        let before = loss;

        let slope = dot(&gradient, &memory.direction);
        if slope > -settings.tolerance_change {
            outcome.converged = true;
            break;
        }
        let along =
            |t: f64| -> Vec<f64> { x.iter().zip(&memory.direction).map(|(x, d)| x + t * d).collect() };
        if settings.line_search {
            let mut at = |t: f64| {
                let (loss, grad) = evaluate(&along(t));
                let slope = dot(&grad, &memory.direction);
                Point { t, loss, grad, slope }
            };
            let start = Point { t: 0.0, loss, grad: gradient, slope };
            let size = largest(&memory.direction);
            let left = settings.evaluations.saturating_sub(outcome.evaluations);
            let (found, evaluations) =
                strong_wolfe(&mut at, &start, memory.length, size, settings.tolerance_change, left);
            outcome.evaluations += evaluations;
            *x = along(found.t);
            (loss, gradient, memory.length) = (found.loss, found.grad, found.t);
        } else {
            *x = along(memory.length);
            // The last point will be evaluated at the beginning of the next step.
            if iteration < settings.iterations {
                (loss, gradient) = evaluate(x);
                outcome.evaluations += 1;
            }
        }
        outcome.last_loss = loss;
        let moved = largest(&memory.direction) * memory.length.abs();
        outcome.converged = iteration < settings.iterations
            && (largest(&gradient) <= settings.tolerance_grad
                || moved <= settings.tolerance_change
                || (loss - before).abs() < settings.tolerance_change);
        if outcome.converged || outcome.evaluations >= settings.evaluations || !loss.is_finite() {
            break;
        }
    }
    outcome
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn add(x: &mut [f64], factor: f64, y: &[f64]) {
    x.iter_mut().zip(y).for_each(|(x, y)| *x += factor * y);
}

/// The largest magnitude; NaN if an element is NaN.
fn largest(x: &[f64]) -> f64 {
    x.iter().fold(0.0, |most, x| if x.abs() > most || x.is_nan() { x.abs() } else { most })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Case {
        settings: serde_json::Value,
        start: Vec<f64>,
        points: Vec<Vec<f64>>,
        losses: Vec<f64>,
    }

    /// `Σ a⁴ + Σ b² + (Σ a - Σ b)²` of three `a` and two `b`, as in the script that made the values.
    fn bowl(x: &[f64]) -> (f64, Vec<f64>) {
        let apart = x[..3].iter().sum::<f64>() - x[3..].iter().sum::<f64>();
        let loss = x[..3].iter().map(|a| a.powi(4)).sum::<f64>()
            + x[3..].iter().map(|b| b * b).sum::<f64>()
            + apart * apart;
        let of_a = x[..3].iter().map(|a| 4.0 * a.powi(3) + 2.0 * apart);
        let of_b = x[3..].iter().map(|b| 2.0 * b - 2.0 * apart);
        (loss, of_a.chain(of_b).collect())
    }

    fn banana(x: &[f64]) -> (f64, Vec<f64>) {
        let across = x[1] - x[0] * x[0];
        let loss = (1.0 - x[0]).powi(2) + 100.0 * across * across;
        (loss, vec![-2.0 * (1.0 - x[0]) - 400.0 * x[0] * across, 200.0 * across])
    }

    #[test]
    fn it_walks_where_pytorch_walks() {
        let cases: Vec<Case> = serde_json::from_str(include_str!("../../tests/data/lbfgs.json")).unwrap();
        assert_eq!(cases.len(), 26);
        for case in cases {
            let number = |name: &str, default: f64| case.settings[name].as_f64().unwrap_or(default);
            let iterations = number("max_iter", 20.0) as usize;
            let settings = Settings {
                rate: number("lr", 1.0),
                iterations,
                evaluations: number("max_eval", (iterations * 5 / 4) as f64) as usize,
                history: number("history_size", 100.0) as usize,
                tolerance_grad: number("tolerance_grad", 1e-7),
                tolerance_change: number("tolerance_change", 1e-9),
                line_search: case.settings["line_search_fn"].is_string(),
                ..Settings::default()
            };
            // Where PyTorch climbs, it climbs the negative of these.
            let f: fn(&[f64]) -> _ = if case.start.len() == 5 { bowl } else { banana };
            let mut x = case.start;
            let mut memory = Memory::default();
            for (point, loss) in case.points.iter().zip(&case.losses) {
                let found = advance(&settings, &mut memory, &mut x, &mut |x: &[f64]| f(x));
                let apart = x.iter().zip(point).map(|(x, y)| (x - y).abs()).fold(0.0, f64::max);
                assert!(apart < 1e-12, "{}: {x:?} is not {point:?}", case.settings);
                assert!((found.loss - loss).abs() < 1e-12, "{}", case.settings);
            }
        }
    }

    #[test]
    fn a_quadratic_takes_few_iterations() {
        let stiffness = [1.0, 4.0, 25.0, 100.0];
        let mut f = |x: &[f64]| {
            let g: Vec<f64> = x.iter().zip(stiffness).map(|(x, k)| k * (x - 1.0)).collect();
            (x.iter().zip(&g).map(|(x, g)| (x - 1.0) * g / 2.0).sum(), g)
        };
        let mut x = vec![0.0; 4];
        let found = advance(&Settings::default(), &mut Memory::default(), &mut x, &mut f);
        assert!(found.converged && found.last_loss < 1e-8, "{found:?}");
        assert!(x.iter().all(|x| (x - 1.0).abs() < 1e-4), "{x:?}");
        let again = advance(&Settings::default(), &mut Memory::default(), &mut x.clone(), &mut f);
        assert!(again.converged);
    }
}
