//! Thirty steps of each rule against PyTorch's, under a rate that changes at every step (`tools/reference` made the file).

use ravine_autograd::{Param, Tape};
use ravine_optim::{Adam, AdamW, Optimize, Optimizer, Schedule, Sgd};
use ravine_tensor::Tensor;
use serde::Deserialize;

#[derive(Deserialize)]
struct Trajectory {
    name: String,
    settings: serde_json::Value,
    points: Vec<Vec<f32>>,
}

/// The rate of the script.
struct Falling;

impl Schedule for Falling {
    fn rate(&self, step: u64) -> f64 {
        0.05 / (1.0 + 0.1 * step as f64)
    }
}

fn optimizer(case: &Trajectory, params: &[Param; 2]) -> Box<dyn Optimize> {
    let number = |name: &str, default: f32| case.settings[name].as_f64().map_or(default, |x| x as f32);
    let beta = |i: usize, default: f32| case.settings["betas"][i].as_f64().map_or(default, |x| x as f32);
    let (beta1, beta2, eps) = (beta(0, 0.9), beta(1, 0.999), number("eps", 1e-8));
    match case.name.as_str() {
        "sgd" => {
            let rule = Sgd {
                momentum: number("momentum", 0.0),
                dampening: number("dampening", 0.0),
                nesterov: case.settings["nesterov"] == true,
                weight_decay: number("weight_decay", 0.0),
            };
            Box::new(Optimizer::new(params, rule, Falling))
        }
        "adam" => {
            let rule = Adam { beta1, beta2, eps, weight_decay: number("weight_decay", 0.0) };
            Box::new(Optimizer::new(params, rule, Falling))
        }
        "adamw" => {
            let rule = AdamW { beta1, beta2, eps, weight_decay: number("weight_decay", 0.01) };
            Box::new(Optimizer::new(params, rule, Falling))
        }
        name => panic!("{name} is in the file, but not here"),
    }
}

#[test]
fn trajectories_are_pytorchs() {
    let cases: Vec<Trajectory> = serde_json::from_str(include_str!("data/trajectories.json")).unwrap();
    assert!(cases.len() >= 11);
    for case in &cases {
        let params = [Param::new(Tensor::from([1.5, -0.7, 0.2])), Param::new(Tensor::from([[0.5], [-1.0]]))];
        let mut optimizer = optimizer(case, &params);
        for (t, want) in case.points.iter().enumerate() {
            let tape = Tape::new();
            let (a, b) = (tape.param(&params[0]), tape.param(&params[1]));
            let loss = a.square().square().sum(..) + b.square().sum(..) + (a.sum(..) - b.sum(..)).square();
            optimizer.step(loss.backward()).unwrap();
            let found = [params[0].value().to_vec(), params[1].value().to_vec()].concat();
            for (found, want) in found.iter().zip(want) {
                let close = (found - want).abs() < 2e-6 * (1.0 + want.abs());
                assert!(close, "{} {} at step {t}: {found}, in PyTorch {want}", case.name, case.settings);
            }
        }
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let param = Param::new(Tensor::from_fn([700, 701], |i| (i % 1013) as f32 * 1e-3));
            let mut adam = Optimizer::new(&param, Adam::default(), 0.01).clip_norm(1.0);
            for _ in 0..3 {
                let tape = Tape::new();
                adam.step(tape.param(&param).square().mean(..).backward()).unwrap();
            }
            param.value().iter().map(f32::to_bits).collect::<Vec<_>>()
        })
    };
    let one = run(1);
    for threads in [2, 3, 4, 8] {
        assert!(run(threads) == one, "{threads} threads");
    }
}
