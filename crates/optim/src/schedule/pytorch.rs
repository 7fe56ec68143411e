//! A hundred steps of each schedule against PyTorch's, or where it has none against the papers' (`tools/reference` made the files), to 1e-9.

use serde::Deserialize;
use serde_json::Value;

use super::*;

#[derive(Deserialize)]
struct Case {
    name: String,
    #[serde(default)]
    settings: serde_json::Map<String, Value>,
    #[serde(default)]
    metrics: Vec<f64>,
    rates: Vec<f64>,
    #[serde(default)]
    momenta: Vec<f64>,
}

fn one_cycle(name: &str) -> [Box<dyn Schedule>; 2] {
    let anneal = if name.contains("linear") { Anneal::Linear } else { Anneal::Cosine };
    let rate = OneCycle { anneal, three_phase: name.ends_with("three"), ..OneCycle::new(0.1, 101) };
    [Box::new(rate), Box::new(OneCycle { initial: 0.95, peak: 0.85, last: 0.95, ..rate })]
}

fn cyclic(cycle: Cycle) -> [Box<dyn Schedule>; 2] {
    let rate = Cyclic { low: 0.01, high: 0.1, up: 10, down: 15, cycle };
    [Box::new(rate), Box::new(Cyclic { low: 0.9, high: 0.8, ..rate })]
}

const ZIGZAG: Cyclic = Cyclic { low: 0.0, high: 0.09, up: 10, down: 10, cycle: Cycle::Equal };

/// The rate and the momentum.
fn schedules(name: &str) -> [Box<dyn Schedule>; 2] {
    let initial = 0.1;
    let restarts = |multiplier| WarmRestarts { initial, last: 0.01, steps: 10, multiplier };
    let rate: Box<dyn Schedule> = match name {
        "step" => Box::new(StepDecay { initial, every: 15, factor: 0.5 }),
        "multi_step" => Box::new(MultiStep { initial, milestones: vec![10, 40, 41], factor: 0.3 }),
        "constant_factor" => Box::new((0.25 * initial).then(20, initial)),
        "linear" => Box::new(Linear { initial: 0.02, last: 0.09, steps: 30 }),
        "exponential" => Box::new(Exponential { initial, factor: 0.95 }),
        "polynomial" => Box::new(Polynomial { initial, last: 0.0, steps: 60, power: 2.5 }),
        "cosine" => Box::new(Cosine { initial, last: 0.01, steps: 100 }),
        // PyTorch's wave goes on; so does this function.
        "cosine_wave" => Box::new(|step: u64| {
            let wave = Cosine { initial: 0.1, last: 0.01, steps: 30 };
            wave.rate(if step % 60 <= 30 { step % 60 } else { 60 - step % 60 })
        }),
        "warm_restarts" => Box::new(restarts(1)),
        "warm_restarts_growing" => Box::new(restarts(2)),
        "triangular" => return cyclic(Cycle::Equal),
        "triangular2" => return cyclic(Cycle::Halving),
        "exp_range" => return cyclic(Cycle::Exponential(0.99)),
        "lambda" => Box::new(|step: u64| 0.1 / (1.0 + 0.2 * step as f64)),
        "multiplicative" => Box::new(Exponential { initial, factor: 0.97 }),
        "sequential" => {
            let rise = Linear { initial: 0.01, last: 0.1, steps: 20 };
            Box::new(rise.then(20, Cosine::new(initial, 80)))
        }
        "chained" => Box::new(0.1.then(20, 1.0).times(Exponential { initial, factor: 0.9 })),
        "constant_factor_default" => Box::new((initial / 3.0).then(5, initial)),
        "linear_default" => Box::new(Linear { initial: initial / 3.0, last: initial, steps: 5 }),
        "polynomial_default" => Box::new(Polynomial { initial, last: 0.0, steps: 5, power: 1.0 }),
        "warm_restarts_tripling" => Box::new(WarmRestarts { initial, last: 0.0, steps: 4, multiplier: 3 }),
        "swa_cos" => Box::new(Cosine { initial, last: 0.02, steps: 25 }),
        "swa_linear" => Box::new(Linear { initial, last: 0.02, steps: 25 }),
        // A scale of one's own, by the cycle and by the step, is a product.
        "own_cycles" => Box::new(|step: u64| 0.01 + ZIGZAG.rate(step) / (1 + step / 20) as f64),
        "own_steps" => Box::new(|step: u64| 0.01 + ZIGZAG.rate(step) / (1.0 + 0.1 * step as f64)),
        // The product of all 1 - 1 / (t + 9) so far.
        "multiplicative_changing" => Box::new(|step: u64| 0.1 * 9.0 / (step + 9) as f64),
        "one_cycle_own" => {
            let cycle = OneCycle { initial: 0.01, last: 1e-4, rise: 0.4, ..OneCycle::new(0.1, 110) };
            return [Box::new(cycle), Box::new(OneCycle { initial: 0.99, peak: 0.7, last: 0.99, ..cycle })];
        }
        _ if name.starts_with("one_cycle") => return one_cycle(name),
        _ => panic!("{name} is in the file, but not here"),
    };
    [rate, Box::new(0.0)]
}

fn plateau(case: &Case) -> Vec<f64> {
    let number = |name: &str, default: f64| case.settings.get(name).map_or(default, |x| x.as_f64().unwrap());
    let word = |name: &str, wanted| case.settings.get(name).is_some_and(|x| x == wanted);
    let plateau = Plateau {
        factor: number("factor", 0.1),
        patience: number("patience", 10.0) as usize,
        threshold: number("threshold", 1e-4),
        absolute: word("threshold_mode", "abs"),
        cooldown: number("cooldown", 0.0) as usize,
        min_factor: number("min_lr", 0.0) / 0.1,
        eps: number("eps", 1e-8) / 0.1,
        better: if word("mode", "max") { Better::Higher } else { Better::Lower },
    };
    (1..=case.metrics.len()).map(|seen| 0.1 * plateau.factor(&case.metrics[..seen])).collect()
}

fn cases(file: &str) -> Vec<Case> {
    serde_json::from_str(file).unwrap()
}

fn assert_close(case: &Case, what: &str, found: &[f64], want: &[f64]) {
    for (step, (found, want)) in found.iter().zip(want).enumerate() {
        let close = (found - want).abs() < 1e-9;
        assert!(close, "{} {what} {:?}, step {step}: {found}, not {want}", case.name, case.settings);
    }
}

#[test]
fn curves_are_pytorchs() {
    let cases = cases(include_str!("../../tests/data/schedules.json"));
    assert_eq!(cases.len(), 38);
    for case in &cases {
        assert_eq!(case.rates.len(), 100);
        if case.name == "plateau" {
            assert_close(case, "rate", &plateau(case), &case.rates);
            continue;
        }
        let [rate, momentum] = schedules(&case.name);
        assert_close(case, "rate", &rate.curve(100), &case.rates);
        assert_close(case, "momentum", &momentum.curve(100), &case.momenta);
    }
}

#[test]
fn curves_are_those_of_the_papers() {
    let cases = cases(include_str!("../../tests/data/schedules_of_papers.json"));
    assert_eq!(cases.len(), 5);
    for case in &cases {
        let rate: Box<dyn Schedule> = match case.name.as_str() {
            "inverse_time" => Box::new(InverseTime { initial: 0.1, decay: 0.2 }),
            "noam" => Box::new(Noam { factor: 2.0, width: 64, warmup: 30 }),
            "wsd" => Box::new(Wsd { rate: 0.1, warmup: 10, stable: 50, decay: 40 }),
            "rex" => Box::new(Rex { initial: 0.1, steps: 80 }),
            "warmup_cosine" => Box::new(Cosine { initial: 0.1, last: 0.01, steps: 60 }.warmup(20)),
            other => panic!("no schedule for {other}"),
        };
        assert_eq!(case.rates.len(), 100);
        assert_close(case, "rate", &rate.curve(100), &case.rates);
    }
}
