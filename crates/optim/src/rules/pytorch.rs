//! Thirty steps of each rule against PyTorch's, or where it has none against the algorithm of the paper, under a rate that changes
//! at every step: in `f64` by itself to 1e-12, and in `f32` under the driver to 1e-6. `tools/reference/optimizers.py` made the file.

use ravine_autograd::{Param, Tape};
use ravine_tensor::{Float, Shape, Tensor};
use serde::Deserialize;
use serde_json::Value;

use super::*;
use crate::rule::Shaping;
use crate::{Decay, Optimizer, Rule, Schedule, Step};

#[derive(Deserialize)]
struct Case {
    rule: String,
    rate: f64,
    settings: serde_json::Map<String, Value>,
    points: Vec<Vec<f64>>,
}

impl Case {
    fn number(&self, name: &str, default: f64) -> f64 {
        self.settings.get(name).and_then(Value::as_f64).unwrap_or(default)
    }

    fn flag(&self, name: &str) -> bool {
        self.settings.get(name).is_some_and(|x| x.as_bool().unwrap())
    }

    fn pair(&self, name: &str, default: [f64; 2]) -> [f64; 2] {
        self.settings.get(name).map_or(default, |x| [0, 1].map(|i| x[i].as_f64().unwrap()))
    }

    fn triple(&self, name: &str, default: [f64; 3]) -> [f64; 3] {
        self.settings.get(name).map_or(default, |x| [0, 1, 2].map(|i| x[i].as_f64().unwrap()))
    }

    fn word(&self, name: &str) -> &str {
        self.settings.get(name).map_or("", |x| x.as_str().unwrap())
    }
}

/// The steps that the file has.
const KEPT: [u64; 10] = [1, 2, 3, 4, 5, 10, 15, 20, 25, 30];

fn start<T: Float>() -> [Tensor<T>; 2] {
    let a = Tensor::from([1.5, -0.7, 0.2]).map(T::of);
    let b = Tensor::from([[0.5, -1.0], [0.3, 0.8], [-0.6, 0.1]]).map(T::of);
    [a, b]
}

fn stiffness<T: Float>() -> Tensor<T> {
    Tensor::from_fn([3, 2], |i| T::of((i + 1) as f64 / 4.0))
}

/// The rate of the script.
struct Falling(f64);

impl Schedule for Falling {
    fn rate(&self, step: u64) -> f64 {
        self.0 / (1.0 + 0.1 * step as f64)
    }
}

/// Compares a rule, under the kind of decay that PyTorch has for it.
fn compare<R: Rule<f32> + Rule<f64> + Clone>(case: &Case, rule: R) {
    let decoupled = case.flag("decoupled_weight_decay");
    let decay = if decoupled { Decay::Decoupled } else { <R as Rule<f64>>::DECAY };
    let weight_decay = case.number("weight_decay", <R as Rule<f64>>::WEIGHT_DECAY);
    alone(case, &rule, decay, weight_decay);

    let [a, b] = start::<f32>().map(Param::new);
    let matrix_only = case.rule == "Muon";
    a.set_frozen(matrix_only);
    let mut optimizer = Optimizer::new(&(a.tied(), b.tied()), rule, Falling(case.rate))
        .decay(decay)
        .weight_decay(weight_decay);
    if case.flag("maximize") {
        optimizer = optimizer.maximize();
    }
    let sign = if case.flag("maximize") { -1.0 } else { 1.0 };
    let mut points = case.points.iter();
    for t in 1..=30 {
        let tape = Tape::new();
        let (a_var, b_var) = (tape.param(&a), tape.param(&b));
        let bowl = (&b_var.square() * &tape.input(stiffness())).sum(..);
        let valley = (a_var.sum(..) - b_var.sum(..)).square() * 0.5;
        let loss = (a_var.square().square().sum(..) * 0.25 + bowl + valley) * sign;
        optimizer.step(loss.backward()).unwrap();
        if KEPT.contains(&t) {
            close(case, t, [a.value(), b.value()], points.next().unwrap(), 1e-6);
        }
    }
}

/// Compares a rule in `f64`, without tape or driver.
fn alone<R: Rule<f64>>(case: &Case, rule: &R, decay: Decay, weight_decay: f64) {
    let mut params = start::<f64>();
    let zeros = |w: &Tensor<f64>| -> Vec<Tensor<f64>> {
        let shape = |slot: &&str| -> Shape { rule.slot_shape(slot, w.shape()) };
        rule.slots().iter().map(|slot| Tensor::zeros(shape(slot))).collect()
    };
    let mut slots = params.each_ref().map(zeros);
    let mut points = case.points.iter();
    for t in 1..=30 {
        let [a, b] = &params;
        let slope = a.sum(..).item() - b.sum(..).item();
        let grads = [a.map(|x| x * x * x + slope), b.zip(&stiffness::<f64>(), |x, k| 2.0 * k * x - slope)];
        for (i, w) in params.iter_mut().enumerate() {
            if case.rule == "Muon" && i == 0 {
                continue;
            }
            let shaping = Shaping { decay, weight_decay, ..Shaping::NONE };
            rule.update(
                Step::new(rule, Falling(case.rate).rate(t - 1), t, w, &grads[i], &mut slots[i])
                    .shaped(shaping),
            );
        }
        if KEPT.contains(&t) {
            close(case, t, params.clone(), points.next().unwrap(), 1e-12);
        }
    }
}

fn close<T: Float>(case: &Case, t: u64, params: [Tensor<T>; 2], want: &[f64], tolerance: f64) {
    let found: Vec<f64> = params.iter().flat_map(|w| w.to_vec()).map(T::as_f64).collect();
    assert_eq!(found.len(), want.len());
    for (found, want) in found.iter().zip(want) {
        assert!(
            (found - want).abs() <= tolerance * (1.0 + want.abs()),
            "{} {:?} in {}, step {t}: {found}, in PyTorch {want}",
            case.rule,
            case.settings,
            T::DTYPE
        );
    }
}

#[test]
fn trajectories_are_pytorchs() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("../../tests/data/trajectories.json")).unwrap();
    assert_eq!(cases.len(), 200);
    for case in &cases {
        let number = |name, default| case.number(name, default);
        let [beta1, beta2] = case.pair("betas", [0.9, 0.999]);
        let (eps, amsgrad) = (number("eps", 1e-8), case.flag("amsgrad"));
        let sgd = |convention| Sgd {
            momentum: number("momentum", 0.0),
            dampening: number("dampening", 0.0),
            nesterov: case.flag("nesterov"),
            convention,
        };
        match case.rule.as_str() {
            "SGD" => compare(case, sgd(Momentum::PyTorch)),
            "KerasSGD" => compare(case, sgd(Momentum::Keras)),
            "EmaSGD" => compare(case, sgd(Momentum::Ema)),
            "Adam" => compare(case, Adam { beta1, beta2, eps, amsgrad }),
            "AdamW" => compare(case, AdamW { beta1, beta2, eps, amsgrad }),
            "Adamax" => compare(case, Adamax { beta1, beta2, eps }),
            "NAdam" => {
                compare(case, NAdam { beta1, beta2, eps, momentum_decay: number("momentum_decay", 4e-3) });
            }
            "RAdam" => compare(case, RAdam { beta1, beta2, eps }),
            "RMSprop" => {
                let (alpha, momentum) = (number("alpha", 0.99), number("momentum", 0.0));
                compare(case, RmsProp { alpha, eps, momentum, centered: case.flag("centered") });
            }
            "Adagrad" => {
                let (rate_decay, initial_accumulator) =
                    (number("lr_decay", 0.0), number("initial_accumulator_value", 0.0));
                compare(case, Adagrad { rate_decay, initial_accumulator, eps: number("eps", 1e-10) });
            }
            "Adadelta" => compare(case, Adadelta { rho: number("rho", 0.9), eps: number("eps", 1e-6) }),
            "Adafactor" => {
                let [eps1, eps2] = case.pair("eps", [f64::EPSILON, 1e-3]);
                let eps1 = Some(eps1);
                compare(
                    case,
                    Adafactor { beta2_decay: number("beta2_decay", -0.8), eps1, eps2, d: number("d", 1.0) },
                );
            }
            "Rprop" => {
                let [eta_minus, eta_plus] = case.pair("etas", [0.5, 1.2]);
                let [step_min, step_max] = case.pair("step_sizes", [1e-6, 50.0]);
                compare(case, Rprop { eta_minus, eta_plus, step_min, step_max });
            }
            "ASGD" => {
                let (lambd, alpha, t0) = (number("lambd", 1e-4), number("alpha", 0.75), number("t0", 1e6));
                compare(case, Asgd { lambd, alpha, t0 });
            }
            "Muon" => compare(
                case,
                Muon {
                    momentum: number("momentum", 0.95),
                    nesterov: !case.settings.contains_key("nesterov"),
                    coefficients: case.triple("ns_coefficients", Muon::default().coefficients),
                    iterations: number("ns_steps", 5.0) as usize,
                    eps: number("eps", 1e-7),
                    scale: match case.word("adjust_lr_fn") {
                        "match_rms_adamw" => MuonScale::MatchAdam,
                        "spectral_unclamped" => MuonScale::Spectral,
                        _ => MuonScale::Original,
                    },
                    ..Muon::default()
                },
            ),
            "Signum" => compare(case, Signum::default()),
            "Lion" => {
                let [beta1, beta2] = case.pair("betas", [0.9, 0.99]);
                compare(case, Lion { beta1, beta2 });
            }
            "LARS" => compare(case, Lars { momentum: number("momentum", 0.9), trust: number("trust", 1e-3) }),
            "LAMB" => compare(case, Lamb { beta1, beta2, eps: number("eps", 1e-6) }),
            "AdaBelief" => compare(case, AdaBelief { beta1, beta2, eps: number("eps", 1e-16) }),
            "Yogi" => {
                let initial_accumulator = number("initial", 1e-6);
                compare(case, Yogi { beta1, beta2, eps: 1e-3, initial_accumulator });
            }
            "Adan" => {
                let [beta1, beta2, beta3] = case.triple("betas", [0.98, 0.92, 0.99]);
                compare(case, Adan { beta1, beta2, beta3, eps });
            }
            "ScheduleFree" => compare(case, ScheduleFreeSgd { beta: number("beta", 0.9) }),
            "ScheduleFreeAdamW" => compare(case, ScheduleFreeAdamW { beta1, beta2, eps }),
            rule => panic!("{rule} is in the file, but not here"),
        }
    }
}
