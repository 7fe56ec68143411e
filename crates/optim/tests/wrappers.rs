//! Optimizers around optimizers: slow weights, averages, sharpness.

use ravine_autograd::{Gradients, Param, Tape};
use ravine_optim::{
    Adam, Averaged, Lookahead, NonFinite, OptimError, Optimize, Optimizer, Sam, ScheduleFreeSgd, Sgd,
};
use ravine_tensor::{Rng, Tensor};

fn params() -> Vec<Param> {
    vec![Param::new(Tensor::from([1.0, -2.0])), Param::new(Tensor::from([[0.5], [3.0]]))]
}

fn values(params: &[Param]) -> Vec<f32> {
    params.iter().flat_map(|p| p.value().to_vec()).collect()
}

/// The gradients of `Σ x⁴ / 4 + noise x`.
fn gradients(params: &[Param], step: u64) -> Gradients {
    let (tape, rng) = (Tape::new(), Rng::new(3).child(step));
    let loss = |(i, p): (usize, &Param)| {
        let noise = Tensor::randn(p.shape(), &mut rng.child(i as u64));
        let x = tape.param(p);
        (x.square().square() / 4.0 + x * tape.input(noise)).sum(..)
    };
    params.iter().enumerate().map(loss).reduce(|a, b| a + b).unwrap().backward()
}

fn run(optimizer: &mut impl Optimize, params: &[Param], steps: std::ops::Range<u64>) {
    for step in steps {
        optimizer.step(gradients(params, step)).unwrap();
    }
}

#[test]
fn a_state_that_does_not_fit_is_named() {
    let p = params();
    let mut optimizer = Lookahead::new(&p, Optimizer::new(&p, Adam::default(), 0.05), 3, 0.5);
    run(&mut optimizer, &p, 0..7);
    let mut foreign = optimizer.state();
    foreign.rule = "Adam".into();
    assert!(matches!(optimizer.load_state(&foreign), Err(OptimError::State { what, .. }) if what == "rule"));
    let mut cut = optimizer.state();
    cut.params[1].slots.last_mut().unwrap().values.pop();
    let message = optimizer.load_state(&cut).unwrap_err().to_string();
    assert!(
        message.contains("slow of 1: found shape [2, 1] with 1 values, expected shape [2, 1]"),
        "{message}"
    );
}

#[test]
fn the_optimizer_within_can_be_asked() {
    let p = params();
    let sgd = Optimizer::new(&p, Sgd::momentum(0.5), 0.125);
    let mut optimizer = Averaged::ema(&p, Lookahead::new(&p, sgd, 4, 0.5), 0.9);
    optimizer.optimizer_mut().optimizer_mut().watch("1").unwrap();
    let before = p[1].value().at([0, 0]);
    run(&mut optimizer, &p, 0..1);
    let sgd = optimizer.optimizer().optimizer();
    assert_eq!(sgd.explain("1").unwrap().total().at([0, 0]), f64::from(p[1].value().at([0, 0]) - before));
    assert_eq!(sgd.settings("1").unwrap().rate, 0.125);
}

#[test]
fn lookahead_goes_back_part_of_the_way() {
    let (inner, outer) = (params(), params());
    outer[1].set_frozen(true);
    inner[1].set_frozen(true);
    let mut fast = Optimizer::new(&inner, Sgd::default(), 0.01);
    let mut lookahead = Lookahead::new(&outer, Optimizer::new(&outer, Sgd::default(), 0.01), 4, 0.25);
    let mut slow = values(&outer);
    for step in 0..12 {
        fast.step(gradients(&inner, step)).unwrap();
        lookahead.step(gradients(&outer, step)).unwrap();
        if step % 4 == 3 {
            slow = slow.iter().zip(values(&inner)).map(|(slow, w)| slow + 0.25 * (w - slow)).collect();
            inner[0].set(Tensor::from([slow[0], slow[1]]));
        }
        assert_eq!(values(&outer), values(&inner), "step {step}");
    }
    assert_eq!((lookahead.steps(), lookahead.learning_rate()), (12, 0.01));
}

#[test]
fn averages_of_weights() {
    let (ema, swa) = (params(), params());
    let mut of_ema = Averaged::ema(&ema, Optimizer::new(&ema, Sgd::default(), 0.02), 0.75);
    let mut of_swa = Averaged::swa(&swa, Optimizer::new(&swa, Sgd::default(), 0.02), 3, 2);
    let mut path: Vec<Vec<f32>> = Vec::new();
    let mut decayed = Vec::new();
    for step in 0..9 {
        of_ema.step(gradients(&ema, step)).unwrap();
        of_swa.step(gradients(&swa, step)).unwrap();
        assert_eq!(values(&ema), values(&swa), "averages do not touch training");
        path.push(values(&ema));
        decayed = match step {
            0 => path[0].clone(),
            _ => decayed.iter().zip(&path[step as usize]).map(|(a, w)| 0.75 * a + 0.25 * w).collect(),
        };
    }
    let close = |found: Vec<f32>, want: &[f32]| found.iter().zip(want).all(|(a, b)| (a - b).abs() < 1e-6);
    let swapped = of_ema.averaged();
    assert!(close(values(&ema), &decayed));
    swapped.keep();
    assert!(close(values(&ema), &decayed));
    // Steps 5, 7 and 9, counted from 1.
    let mean: Vec<f32> = (0..4).map(|i| (path[4][i] + path[6][i] + path[8][i]) / 3.0).collect();
    drop(of_swa.averaged());
    assert_eq!(values(&swa), path[8]);
    let _swapped = of_swa.averaged();
    assert!(close(values(&swa), &mean), "{:?} is not {mean:?}", values(&swa));
}

#[test]
fn before_its_start_the_equal_average_is_the_last_weights() {
    let p = params();
    let mut optimizer = Averaged::swa(&p, Optimizer::new(&p, Sgd::default(), 0.02), 10, 1);
    run(&mut optimizer, &p, 0..5);
    let last = values(&p);
    let _averaged = optimizer.averaged();
    assert_eq!(values(&p), last);
}

#[test]
fn skipped_steps_are_not_averaged() {
    let p = params();
    let inner = Optimizer::new(&p, Sgd::default(), 0.02).non_finite(NonFinite::Skip);
    let mut optimizer = Averaged::ema(&p, inner, 0.5);
    run(&mut optimizer, &p, 0..3);
    let before = optimizer.state().params;
    let mut poison = gradients(&p, 3);
    poison.insert(&p[0], Tensor::full([2], f32::NAN));
    assert!(optimizer.step(poison).unwrap().skipped);
    assert_eq!(optimizer.state().params, before);
}

#[test]
fn schedule_free_trains_one_point_and_is_used_at_another() {
    let p = params();
    let mut optimizer = Optimizer::new(&p, ScheduleFreeSgd::default(), 0.02);
    run(&mut optimizer, &p, 0..30);
    let trained = values(&p);
    let loss = || values(&p).iter().map(|x| x.powi(4)).sum::<f32>();
    let at_trained = loss();
    let averaged = optimizer.averaged();
    assert!(values(&p) != trained && loss().is_finite() && loss() < 82.0, "{} {at_trained}", loss());
    drop(averaged);
    assert_eq!(values(&p), trained);
}

#[test]
fn sharpness_aware_steps_take_the_gradient_from_uphill() {
    for adaptive in [false, true] {
        let (ours, theirs) = (params(), params());
        let sam = Sam::new(&ours, Optimizer::new(&ours, Sgd::momentum(0.9), 0.01), 0.1);
        let mut sam = if adaptive { sam.adaptive() } else { sam };
        let mut plain = Optimizer::new(&theirs, Sgd::momentum(0.9), 0.01);
        for step in 0..5 {
            sam.step(|| gradients(&ours, step)).unwrap();
            let (here, start) =
                (gradients(&theirs, step), theirs.iter().map(Param::value).collect::<Vec<_>>());
            let scale = |w: &Tensor| if adaptive { w.abs() } else { Tensor::ones(*w.shape()) };
            let scaled: Vec<Tensor> =
                theirs.iter().map(|p| here.get(p).unwrap() * scale(&p.value())).collect();
            let norm = scaled.iter().map(Tensor::norm_squared).sum::<f64>().sqrt() as f32;
            for (p, g) in theirs.iter().zip(&scaled) {
                p.set(p.value() + g * scale(&p.value()) * (0.1 / norm));
            }
            let there = gradients(&theirs, step);
            theirs.iter().zip(start).for_each(|(p, start)| p.set(start));
            plain.step(there).unwrap();
            let close = values(&ours).iter().zip(values(&theirs)).all(|(a, b)| (a - b).abs() < 1e-5);
            assert!(close, "step {step}: {:?} is not {:?}", values(&ours), values(&theirs));
        }
        assert_eq!(sam.optimizer().steps(), 5);
    }
}

#[test]
fn a_flat_place_is_left_alone_and_a_bad_gradient_is_named() {
    let p = params();
    let mut sam = Sam::new(&p, Optimizer::new(&p, Sgd::default(), 0.1), 0.05);
    let with = |value: f32| {
        let mut all = gradients(&p, 0);
        p.iter().for_each(|p| all.insert(p, Tensor::full(p.shape(), value)));
        all
    };
    let before = values(&p);
    sam.step(|| with(0.0)).unwrap();
    assert_eq!(values(&p), before);
    let error = sam.step(|| with(f32::NAN)).unwrap_err();
    assert_eq!((error, values(&p)), (OptimError::NonFinite { path: "0".into() }, before));
}
