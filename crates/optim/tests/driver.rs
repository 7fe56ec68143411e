//! The driver: which parameters it changes, how it shapes their gradients, what it refuses, and what it saves.

use std::sync::{Arc, Mutex};

use ravine_autograd::{Gradients, Param, Tape};
use ravine_optim::{
    Adam, AdamW, Clip, Decay, Group, NonFinite, OptimError, Optimize, Optimizer, OptimizerState, Plateau,
    Rule, Schedule, ScheduleFreeSgd, Sgd, Step,
};
use ravine_tensor::Tensor;

fn params() -> Vec<Param> {
    vec![Param::new(Tensor::from([1.0, -2.0])), Param::new(Tensor::from([[0.5], [3.0]]))]
}

fn numbers(values: [f32; 2]) -> [Param; 2] {
    values.map(|value| Param::new(Tensor::scalar(value)))
}

fn values(params: &[Param]) -> Vec<f32> {
    params.iter().flat_map(|p| p.value().to_vec()).collect()
}

/// The gradients `2x` of `Σ x²` by all parameters in `used`.
fn gradients(used: &[Param]) -> Gradients {
    let tape = Tape::new();
    let squares: Vec<_> = used.iter().map(|p| tape.param(p).square().sum(..)).collect();
    squares.into_iter().reduce(|a, b| a + b).unwrap().backward()
}

#[track_caller]
fn assert_close(found: &[f32], want: &[f32]) {
    let close = found.len() == want.len() && found.iter().zip(want).all(|(a, b)| (a - b).abs() < 2e-6);
    assert!(close, "{found:?} is not {want:?}");
}

#[test]
fn a_parameter_without_a_gradient_is_an_error_that_names_it() {
    let params = params();
    let mut optimizer = Optimizer::new(&params, Sgd::default(), 0.1);
    let before = values(&params);
    let error = optimizer.step(gradients(&params[..1])).unwrap_err();
    assert_eq!(error, OptimError::MissingGradient { path: "1".into() });
    assert!(error.to_string().starts_with("1: the loss gave it no gradient: "));
    assert_eq!((values(&params), optimizer.steps()), (before.clone(), 0), "nothing is changed");
    params[1].set_optional(true);
    optimizer.step(gradients(&params[..1])).unwrap();
    assert_ne!(values(&params)[..2], before[..2]);
    assert_eq!(values(&params)[2..], before[2..]);
}

#[test]
fn frozen_parameters_stay_and_begin_at_their_first_update() {
    let params = params();
    params[1].set_frozen(true);
    let before = params[1].value();
    let mut adam = Optimizer::new(&params, Adam::default(), 0.1);
    for _ in 0..5 {
        adam.step(gradients(&params)).unwrap();
    }
    assert_eq!(params[1].value(), before);
    params[1].set_frozen(false);
    adam.step(gradients(&params)).unwrap();
    // Adam's first step is the rate, whatever the gradient.
    assert_close(&params[1].value().to_vec(), &[0.4, 2.9]);
    assert_eq!(adam.state().params[1].updates, 1);
}

#[test]
fn a_tied_parameter_is_updated_once() {
    let p = Param::new(Tensor::scalar(1.0));
    let mut optimizer = Optimizer::new(&(p.tied(), p.tied()), Sgd::default(), 0.25);
    optimizer.step(gradients(&[p.tied()])).unwrap();
    assert_eq!(p.value().item(), 0.5);
    assert_eq!(optimizer.state().params.len(), 1);
}

#[test]
fn each_kind_of_clipping() {
    // The gradients are 3 and 4: together of norm 5.
    let run = |clip| {
        let params = numbers([1.5, 2.0]);
        let outcome =
            Optimizer::new(&params, Sgd::default(), 1.0).clip(clip).step(gradients(&params)).unwrap();
        assert_eq!(outcome.gradient_norm, Some(5.0));
        (values(&params), outcome.clipped)
    };
    let close = |clip, want: [f32; 2], clipped| {
        let found = run(clip);
        assert_close(&found.0, &want);
        assert_eq!(found.1, clipped);
    };
    close(Clip::None, [-1.5, -2.0], false);
    close(Clip::Value(3.5), [-1.5, -1.5], false);
    close(Clip::Norm(3.5), [-1.5, -1.5], true);
    close(Clip::GlobalNorm(1.0), [0.9, 1.2], true);
    close(Clip::GlobalNorm(10.0), [-1.5, -2.0], false);
}

#[test]
fn adaptive_clipping_is_by_unit_and_relative_to_the_weights() {
    // Rows of norm 5 and 0; gradients 2x, so the first row has norm 10 and is brought to 5 · 0.1.
    let matrix = Param::new(Tensor::from([[3.0, 4.0], [0.0, 0.0]]));
    let vector = Param::new(Tensor::from([0.3, 0.4]));
    let params = [matrix.tied(), vector.tied()];
    let mut optimizer = Optimizer::new(&params, Sgd::default(), 1.0).clip(Clip::Adaptive(0.1));
    assert!(optimizer.step(gradients(&params)).unwrap().clipped);
    assert_close(&matrix.value().to_vec(), &[3.0 - 0.3, 4.0 - 0.4, 0.0, 0.0]);
    assert_close(&vector.value().to_vec(), &[0.3 - 0.03, 0.4 - 0.04]);
    let mut optimizer = Optimizer::new(&params, Sgd::default(), 0.0).clip(Clip::Adaptive(3.0));
    assert!(!optimizer.step(gradients(&params)).unwrap().clipped);
}

#[test]
fn adaptive_clipping_keeps_the_direction_of_a_gradient_whose_square_is_out_of_range() {
    let w = Param::new(Tensor::from([3.0, 4.0]));
    let gradients = (Tape::new().param(&w) * 3e37).sum(..).backward();
    let mut optimizer = Optimizer::new(&w, Sgd::default(), 1.0).clip(Clip::Adaptive(0.1));
    assert!(optimizer.step(gradients).unwrap().clipped);
    let along = 0.5 / 2f32.sqrt();
    assert_close(&w.value().to_vec(), &[3.0 - along, 4.0 - along]);
}

#[test]
fn a_step_is_explained_by_its_parts() {
    let params = numbers([1.5, 2.0]);
    let rate = |step: u64| if step == 0 { 0.1 } else { 0.05 };
    let mut optimizer = Optimizer::new(&params, Sgd::momentum(0.5), rate).clip_norm(1.0).weight_decay(0.1);
    optimizer.watch("1").unwrap();
    assert_eq!(optimizer.watch("2"), Err(OptimError::UnknownParameter { path: "2".into() }));
    assert_eq!(optimizer.explain("1"), None);
    optimizer.step(gradients(&params)).unwrap();
    let [x, y] = params.each_ref().map(|p| p.value().item());
    let velocity = (2.0 - y) / 0.1;
    optimizer.step(gradients(&params)).unwrap();
    let parts = optimizer.explain("1").unwrap();
    let share = 1.0 / (2.0 * x.hypot(y));
    let found = [&parts.gradient, &parts.schedule, &parts.clipping, &parts.decay, &parts.momentum]
        .map(|part| part.item() as f32);
    let want = [-0.2 * y, 0.1 * y, 0.1 * y * (1.0 - share), -0.005 * y, -0.025 * velocity];
    assert_close(&found, &want);
    assert_eq!(parts.total().item(), f64::from(params[1].value().item()) - f64::from(y));
    assert_eq!(optimizer.explain("0"), None);
    params[1].set_frozen(true);
    optimizer.step(gradients(&params)).unwrap();
    assert_eq!(optimizer.explain("1"), None, "the last step did not change it");
}

#[test]
fn the_parts_of_a_step_by_an_exploding_gradient_add_up_to_it() {
    let params = numbers([0.75, 1.5]);
    let mut optimizer = Optimizer::new(&params, Sgd::momentum(0.9), 0.1).clip_norm(1.0).weight_decay(1e-3);
    optimizer.watch("1").unwrap();
    for _ in 0..3 {
        let before = f64::from(params[1].value().item());
        let mut exploding = gradients(&params);
        exploding.insert(&params[1], Tensor::scalar(1e8));
        optimizer.step(exploding).unwrap();
        let (parts, after) = (optimizer.explain("1").unwrap(), f64::from(params[1].value().item()));
        assert!(parts.gradient.item() < -9e6 && parts.clipping.item() > 9e6, "{parts:?}");
        let apart = (parts.total().item() - (after - before)).abs();
        assert!(apart < 1e-8, "{apart}");
    }
}

#[test]
fn a_rate_falls_when_its_metric_stands_still_also_after_a_resume() {
    let params = numbers([1.0, 1.0]);
    let plateau = Plateau { factor: 0.5, patience: 0, ..Plateau::default() };
    let new = || Optimizer::new(&params, Sgd::default(), 0.1).plateau(plateau);
    let mut optimizer = new();
    optimizer.observe(1.0);
    assert_eq!(optimizer.learning_rate(), 0.1);
    optimizer.observe(1.0);
    assert_eq!((optimizer.learning_rate(), optimizer.settings("0").unwrap().rate), (0.05, 0.05));
    let mut second = new();
    second.load_state(&optimizer.state()).unwrap();
    second.observe(1.0);
    assert_eq!(second.learning_rate(), 0.025);
}

#[test]
fn a_gradient_that_is_not_finite() {
    let poisoned = || numbers([1.5, f32::NAN]);
    let params = poisoned();
    let mut optimizer = Optimizer::new(&params, Sgd::default(), 1.0);
    let error = optimizer.step(gradients(&params)).unwrap_err();
    assert_eq!(error, OptimError::NonFinite { path: "1".into() });
    assert_eq!((params[0].value().item(), optimizer.steps()), (1.5, 0));

    let mut optimizer = optimizer.non_finite(NonFinite::Skip);
    assert!(optimizer.step(gradients(&params)).unwrap().skipped);
    assert_eq!((params[0].value().item(), optimizer.steps(), optimizer.state().skipped), (1.5, 0, 1));
    params[1].set(Tensor::scalar(1.0));
    assert!(!optimizer.step(gradients(&params)).unwrap().skipped);
    assert_eq!((params[0].value().item(), optimizer.steps()), (-1.5, 1));

    let params = poisoned();
    let mut optimizer = Optimizer::new(&params, Sgd::default(), 1.0).non_finite(NonFinite::Ignore);
    assert_eq!(optimizer.step(gradients(&params)).unwrap().gradient_norm, None);
    assert!(params[0].value().item() == -1.5 && params[1].value().item().is_nan());
}

#[test]
fn each_kind_of_weight_decay() {
    // Gradients 2x, rate 0.1, decay 0.5.
    let run = |decay, maximize| {
        let params = numbers([1.0, -2.0]);
        let mut optimizer = Optimizer::new(&params, Sgd::default(), 0.1).decay(decay).weight_decay(0.5);
        if maximize {
            optimizer = optimizer.maximize();
        }
        optimizer.step(gradients(&params)).unwrap();
        values(&params)
    };
    assert_close(&run(Decay::L2, false), &[1.0 - 0.1 * 2.5, -2.0 + 0.1 * 5.0]);
    assert_close(&run(Decay::Decoupled, false), &[0.95 - 0.2, -1.9 + 0.4]);
    assert_close(&run(Decay::Cautious, false), &[0.95 - 0.2, -1.9 + 0.4]);
    assert_close(&run(Decay::Own, false), &[0.8, -1.6]);
    // Climbing, the update leads away from zero: then cautious decay does nothing.
    assert_close(&run(Decay::Decoupled, true), &[0.95 + 0.2, -1.9 - 0.4]);
    assert_close(&run(Decay::Cautious, true), &[1.2, -2.4]);
}

#[test]
fn groups_have_their_own_rule_rate_schedule_and_decay() {
    let params: Vec<Param> = (0..4).map(|_| Param::new(Tensor::ones([2]))).collect();
    let mut optimizer = Optimizer::new(&params, AdamW::default(), 0.1)
        .weight_decay(|step: u64| if step == 0 { 1.0 } else { 0.0 })
        .group(Group::new(|path, _| path == "1").rate_factor(0.5).decay(Decay::L2))
        .group(Group::new(|path, _| path < "2").weight_decay(0.0))
        .group(Group::new(|path, shape| path == "3" && shape.rank() == 1).schedule(0.2));
    assert_eq!(optimizer.settings("0").unwrap().weight_decay, 0.0);
    assert_eq!(optimizer.settings("1").unwrap().decay, Decay::L2, "the first group that wants it has it");
    optimizer.step(gradients(&params)).unwrap();
    let firsts: Vec<f32> = params.iter().map(|p| p.value().at([0])).collect();
    assert_close(&firsts, &[0.9, 0.95, 0.9 - 0.1, 0.8 - 0.2]);
    assert_eq!(optimizer.settings("2").unwrap().weight_decay, 0.0);
    assert_eq!(optimizer.settings("4"), None);
}

#[test]
fn settings_of_the_rule_can_be_scheduled() {
    let params = numbers([1.0, 1.0]);
    let slow = Sgd::momentum(0.5);
    let momentum = |step: u64| if step < 2 { 0.5 } else { 0.25 };
    let mut optimizer = Optimizer::new(&params, slow, 0.1)
        .group(Group::new(|path, _| path == "1").rule(slow))
        .tune(move |sgd, step| sgd.momentum = momentum.rate(step));
    let (mut w, mut v) = (1.0f32, 0.0f32);
    for step in 0..4 {
        optimizer.step(gradients(&params)).unwrap();
        v = momentum(step) as f32 * v + 2.0 * w;
        w -= 0.1 * v;
        assert_eq!(values(&params), [w, w]);
    }
}

#[test]
fn momentum_may_rise_from_zero_and_fall_to_it_also_after_a_resume() {
    let momentum = |step: u64| [0.0, 0.5, 0.9, 0.0, 0.0, 0.8][step as usize];
    let new = |params: &[Param; 2], group: bool| {
        let optimizer =
            Optimizer::new(params, Sgd::default(), 0.1).tune(move |sgd, step| sgd.momentum = momentum(step));
        let own = Group::new(|path, _| path == "1").rule(Sgd::default());
        if group { optimizer.group(own) } else { optimizer }
    };
    for (group, stop) in [(false, 1), (false, 3), (true, 2), (true, 4)] {
        let params = numbers([1.0, 1.0]);
        let mut optimizer = new(&params, group);
        let (mut w, mut v) = (1.0f32, 0.0f32);
        for step in 0..6 {
            if step == stop {
                let state = optimizer.state();
                optimizer = new(&params, group);
                optimizer.load_state(&state).unwrap();
                assert_eq!(optimizer.state(), state);
            }
            optimizer.step(gradients(&params)).unwrap();
            v = momentum(step) as f32 * v + 2.0 * w;
            w -= 0.1 * v;
            // Without momentum nothing is remembered.
            v *= f32::from(momentum(step) != 0.0);
            assert_eq!(values(&params), [w, w], "step {step}");
        }
    }
}

#[test]
fn a_state_in_which_a_parameter_stood_still_since_momentum_came_can_be_loaded() {
    let params = numbers([1.0, 1.0]);
    let new = || {
        let momentum = |step| if step < 2 { 0.0 } else { 0.5 };
        Optimizer::new(&params, Sgd::default(), 0.1).tune(move |sgd, step| sgd.momentum = momentum(step))
    };
    let mut optimizer = new();
    for step in 0..4 {
        params[1].set_frozen(step == 2 || step == 3);
        optimizer.step(gradients(&params)).unwrap();
    }
    let (state, mut other) = (optimizer.state(), new());
    other.load_state(&state).unwrap();
    assert_eq!(other.state(), state);
    params[1].set_frozen(false);
    other.step(gradients(&params)).unwrap();
}

/// What a panic says.
fn said(run: impl FnOnce()) -> String {
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).expect_err("a panic");
    panic.downcast_ref::<String>().cloned().expect("a message")
}

#[test]
fn settings_that_make_no_sense_are_named_before_they_reach_a_weight() {
    let params = numbers([1.0, 1.0]);
    let new = |beta1| drop(Optimizer::new(&params, Adam { beta1, ..Adam::default() }, 0.1));
    assert_eq!(said(|| new(1.0)), "Adam: beta1: found 1, expected from 0 to below 1");
    assert_eq!(said(|| new(f64::NAN)), "Adam: beta1: found NaN, expected from 0 to below 1");
    let dampened = Sgd { dampening: f64::NAN, ..Sgd::momentum(0.9) };
    let dampened = said(|| drop(Optimizer::new(&params, dampened, 0.1)));
    assert_eq!(dampened, "Sgd: dampening: found NaN, expected a finite number");
    let rises = Plateau { factor: 1.5, ..Plateau::default() };
    let rises = said(|| drop(Optimizer::new(&params, Sgd::default(), 0.1).plateau(rises)));
    assert_eq!(rises, "Plateau: factor: found 1.5, expected from 0 to below 1");
    let averages_nothing = || drop(Optimizer::new(&params, ScheduleFreeSgd { beta: 0.0 }, 0.1));
    assert!(said(averages_nothing).starts_with("ScheduleFreeSgd: beta: found 0, expected above 0"));

    let sgd = || Optimizer::new(&params, Sgd::default(), 0.1);
    let group = Group::new(|path, _| path == "1").rule(Sgd { momentum: -0.5, ..Sgd::default() });
    let grouped = said(|| drop(sgd().group(group)));
    assert_eq!(grouped, "Sgd: momentum: found -0.5, expected from 0 to below 1");
    let mut tuned = sgd().tune(|sgd, step| sgd.momentum = 0.5 * step as f64);
    for _ in 0..2 {
        tuned.step(gradients(&params)).unwrap();
    }
    let before = values(&params);
    assert!(said(|| drop(tuned.step(gradients(&params)))).starts_with("Sgd: momentum: found 1,"));
    assert_eq!(values(&params), before);
}

#[test]
fn a_group_has_its_own_settings_of_the_rule() {
    let params = numbers([1.0, 1.0]);
    let mut optimizer = Optimizer::new(&params, Sgd::default(), 0.1)
        .group(Group::new(|path, _| path == "1").rule(Sgd::momentum(0.5)).schedule(0.05.then(1, 0.1)));
    optimizer.step(gradients(&params)).unwrap();
    assert_close(&values(&params), &[0.8, 0.9]);
    optimizer.step(gradients(&params)).unwrap();
    assert_close(&values(&params), &[0.8 - 0.16, 0.9 - 0.1 * (0.5 * 2.0 + 1.8)]);
    let slots = optimizer.state().params.iter().map(|param| param.slots.len()).collect::<Vec<_>>();
    assert_eq!(slots, [0, 1], "plain descent keeps nothing");
}

fn adam(params: &Vec<Param>) -> Optimizer<Adam> {
    Optimizer::new(params, Adam::default(), 0.1)
}

#[test]
fn a_run_goes_on_from_its_saved_state() {
    let (a, b) = (params(), params());
    let (mut straight, mut first) = (adam(&a), adam(&b));
    for _ in 0..3 {
        straight.step(gradients(&a)).unwrap();
        first.step(gradients(&b)).unwrap();
    }
    let text = serde_json::to_string(&first.state()).unwrap();
    let saved: OptimizerState = serde_json::from_str(&text).unwrap();
    let mut second: Box<dyn Optimize> = Box::new(adam(&b));
    second.load_state(&saved).unwrap();
    assert_eq!(second.state(), first.state());
    for _ in 0..3 {
        straight.step(gradients(&a)).unwrap();
        second.step(gradients(&b)).unwrap();
    }
    assert_eq!(values(&a), values(&b));
}

#[test]
fn state_is_found_by_path_and_not_by_order() {
    let params = params();
    let mut optimizer = adam(&params);
    optimizer.step(gradients(&params)).unwrap();
    let good = optimizer.state();
    let mut turned = good.clone();
    turned.params.reverse();
    optimizer.load_state(&turned).unwrap();
    assert_eq!(optimizer.state(), good);
}

#[test]
fn a_foreign_state_is_refused_and_named() {
    let params = params();
    let mut adam = adam(&params);
    adam.step(gradients(&params)).unwrap();
    let good = adam.state();
    let mut refused = |change: fn(&mut OptimizerState)| {
        let mut state = good.clone();
        change(&mut state);
        let message = adam.load_state(&state).unwrap_err().to_string();
        assert_eq!(adam.state(), good, "nothing is changed");
        message
    };
    assert_eq!(refused(|s| s.rule = "Sgd".into()), "optimizer state: rule: found Sgd, expected Adam");
    assert_eq!(
        refused(|s| s.params[1].path = "x".into()),
        "optimizer state: 1: found nothing, expected a parameter"
    );
    assert_eq!(
        refused(|s| {
            let mut more = s.params[0].clone();
            more.path = "more".into();
            s.params.push(more);
        }),
        "optimizer state: more: found a parameter, expected nothing"
    );
    assert_eq!(
        refused(|s| s.params[1].path = "0".into()),
        "optimizer state: 0: found it twice, expected it once"
    );
    assert_eq!(
        refused(|s| drop(s.params[0].slots.pop())),
        "optimizer state: slots of 0: found [\"mean\"], expected [\"mean\", \"mean_square\"]"
    );
    assert_eq!(
        refused(|s| s.params[0].slots[1].values.push(0.0)),
        "optimizer state: mean_square of 0: found shape [2] with 3 values, expected shape [2]"
    );
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let params: Vec<Param> = [[700, 701], [3, 2], [211, 100], [1, 1]]
                .map(|shape| Param::new(Tensor::from_fn(shape, |i| (i % 1013) as f32 * 1e-3)))
                .into();
            let mut adam = Optimizer::new(&params, Adam::default(), 0.01).clip_norm(1.0).weight_decay(0.1);
            for _ in 0..3 {
                adam.step(gradients(&params)).unwrap();
            }
            values(&params).into_iter().map(f32::to_bits).collect::<Vec<_>>()
        })
    };
    let one = run(1);
    for threads in [2, 3, 4, 8] {
        assert!(run(threads) == one, "{threads} threads");
    }
}

/// While it uses kernels, which share out their work: with its lock held, the thread must not begin another update.
#[test]
fn a_rule_may_hold_a_lock() {
    #[derive(Clone, Default)]
    struct Counts(Arc<Mutex<usize>>);
    impl Rule for Counts {
        const NAME: &'static str = "Counts";
        fn update(&self, step: Step) {
            let mut updates = self.0.lock().unwrap();
            *updates += 1;
            step.whole(|w, g, []| *w = &*w - &(g * 0.5));
        }
    }
    for threads in [2, 8] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let large = [[301, 300], [200, 211], [150, 400]].into_iter();
            let small = std::iter::repeat_n([100, 100], 6);
            let params: Vec<Param> =
                large.chain(small).map(|shape| Param::new(Tensor::zeros(shape))).collect();
            let rule = Counts::default();
            let mut optimizer = Optimizer::new(&params, rule.clone(), 1.0);
            for _ in 0..50 {
                optimizer.step(gradients(&params)).unwrap();
            }
            assert_eq!(*rule.0.lock().unwrap(), 50 * params.len());
        });
    }
}
