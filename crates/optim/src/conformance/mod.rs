//! Conformance checks: named properties that every rule should have, tested in one line.
//!
//! ```
//! use ravine_optim::{Lion, conformance};
//!
//! conformance::check(Lion::default());
//! ```
//!
//! An optimizer that is more than a rule is tested by [`check_optimizer`].

mod descent;
mod optimizer;
mod tested;

use std::panic::{AssertUnwindSafe, catch_unwind};

use ravine_autograd::{Gradients, Param, Tape};
use ravine_tensor::{Rng, Shape, Tensor};

pub use optimizer::{check_optimizer, check_optimizer_except, optimizer_failures, optimizer_names};
use tested::Tested;

use crate::{Decay, Group, NonFinite, Optimize, Optimizer, Rule, Schedule, Step};

/// A check that a rule failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The name of the check.
    pub check: &'static str,
    /// What was found.
    pub found: String,
}

/// Puts a rule through all checks.
///
/// # Panics
/// If it fails some, naming them all.
#[track_caller]
pub fn check(rule: impl Rule) {
    check_except(rule, &[]);
}

/// [`check`], except for the checks that the rule does not claim to pass.
///
/// ```
/// use ravine_optim::{Rprop, conformance};
///
/// // Its rate is where its own steps begin, none of which is zero, and then plays no part.
/// conformance::check_except(Rprop::default(), &["later steps follow the schedule", "at rate zero weights stay"]);
/// ```
///
/// # Panics
/// If it fails others, or `except` has a name that is not that of a check.
#[track_caller]
pub fn check_except<R: Rule>(rule: R, except: &[&str]) {
    report(R::NAME, &names(), except, failures(rule));
}

#[track_caller]
fn report(tested: &str, names: &[&str], except: &[&str], failures: Vec<Failure>) {
    for name in except {
        assert!(names.contains(name), "there is no check named {name:?}; there are {names:?}");
    }
    let failures: Vec<String> = (failures.into_iter())
        .filter(|failure| !except.contains(&failure.check))
        .map(|failure| format!("\n  {}: {}", failure.check, failure.found))
        .collect();
    assert!(failures.is_empty(), "{tested} fails {} checks:{}", failures.len(), failures.concat());
}

/// The names of all checks.
pub fn names() -> Vec<&'static str> {
    CHECKS.iter().map(|(name, _)| *name).collect()
}

/// The checks that a rule fails. A panic in a check counts as a failure.
pub fn failures(rule: impl Rule) -> Vec<Failure> {
    run_all(CHECKS, &Tested::new(rule))
}

fn run_all<T: ?Sized>(checks: &[(&'static str, Check<T>)], tested: &T) -> Vec<Failure> {
    let run = |&(check, run): &(&'static str, Check<T>)| {
        let found = match catch_unwind(AssertUnwindSafe(|| run(tested))) {
            Ok(Ok(())) => return None,
            Ok(Err(found)) => found,
            Err(panic) => {
                let text = panic.downcast_ref::<String>().map(String::as_str);
                let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
                format!("it panicked: {}", text.unwrap_or("without a message"))
            }
        };
        Some(Failure { check, found })
    };
    checks.iter().filter_map(run).collect()
}

type Check<T> = fn(&T) -> Result<(), String>;

const CHECKS: &[(&str, Check<Tested>)] = &[
    ("names are given once", names_are_given_once),
    ("the first step goes against the gradient", first_step_descends),
    ("the first step follows the rate", first_step_follows_rate),
    ("later steps follow the schedule", later_steps_follow_schedule),
    ("at rate zero weights stay", rate_zero_stays),
    ("the same run twice has the same bits", same_run_twice),
    ("threads change no bit", threads_change_no_bit),
    ("a saved run goes on as if it had not stopped", saved_run_goes_on),
    ("a parameter does not depend on its neighbours", parameters_are_apart),
    ("a thawed parameter begins like a new one", thawed_begins_anew),
    ("a frozen parameter stays", frozen_stays),
    ("a group's rate is its own", groups_are_honoured),
    ("weight decay pulls towards zero", decay_is_honoured),
    ("without gradient and decay weights stay", zero_gradient_stays),
    ("every slot is used", every_slot_is_used),
    ("shapes stay", shapes_stay),
    ("scalars, empty tensors and many axes work", odd_shapes_work),
    ("a gradient may be a view", gradient_may_be_a_view),
    ("huge and tiny gradients leave weights finite", extremes_stay_finite),
    ("a NaN stays in its parameter", nan_is_contained),
    ("the limit of stability is where it is said to be", descent::limit_is_where_it_is_said),
    ("it is quickest where it is said to be", descent::quickest_where_it_is_said),
    ("descends a bowl", descent::descends_bowl),
    ("comes to rest at a constant rate", descent::comes_to_rest),
    ("descends a narrow valley", descent::descends_narrow_valley),
    ("descends Rosenbrock's banana", descent::descends_rosenbrock),
    ("descends a noisy bowl", descent::descends_noisy_bowl),
];

const RATE: f64 = 0.01;

/// The kinds of parameters that models have: matrices, tall and wide; a vector; a scalar; a filter.
const SHAPES: [&[usize]; 5] = [&[3, 2], &[2, 5], &[4], &[], &[2, 2, 3, 3]];

fn matrix(seed: u64) -> Tensor {
    filled(&[3, 2], seed)
}

fn filled(shape: &[usize], seed: u64) -> Tensor {
    Tensor::randn(Shape::from(shape), &mut Rng::new(seed))
}

/// [`Gradients`] made of these tensors, one for each parameter.
fn gradients(params: &[Param], grads: &[Tensor]) -> Gradients {
    let mut all = Tape::new().param(&Param::new(Tensor::scalar(0.0))).backward();
    params.iter().zip(grads).for_each(|(param, grad)| all.insert(param, grad.clone()));
    all
}

/// Parameters with these initial values, and an optimizer for them.
fn begin(rule: &Tested, starts: &[Tensor], rate: impl Schedule + 'static) -> (Vec<Param>, Optimizer<Tested>) {
    let params: Vec<Param> = starts.iter().map(|start| Param::new(start.clone())).collect();
    let (decay, amount) = rule.decay();
    let optimizer = Optimizer::new(&params, rule.clone(), rate).decay(decay).weight_decay(amount);
    (params, optimizer)
}

/// Does these steps, with gradients that are a fixed function of step and parameter.
fn walk(params: &[Param], optimizer: &mut impl Optimize, steps: std::ops::Range<u64>) {
    for step in steps {
        let grad = |(i, param): (usize, &Param)| {
            let mut rng = Rng::new(7).child(step).child(i as u64);
            Tensor::randn(param.shape(), &mut rng) + param.value() * 0.5
        };
        let grads: Vec<Tensor> = params.iter().enumerate().map(grad).collect();
        optimizer.step(gradients(params, &grads)).unwrap_or_else(|error| panic!("{error}"));
    }
}

fn bits(params: &[Param]) -> Vec<u32> {
    params.iter().flat_map(|param| param.value().to_vec()).map(f32::to_bits).collect()
}

fn ensure(holds: bool, found: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(found()) }
}

fn names_are_given_once(rule: &Tested) -> Result<(), String> {
    let mut slots = rule.slots().to_vec();
    slots.sort_unstable();
    slots.dedup();
    let name = rule.name();
    ensure(!name.is_empty() && slots.len() == rule.slots().len(), || {
        format!("rule {name:?} with slots {:?}", rule.slots())
    })
}

/// The change of a parameter by the first step.
fn first_step(rule: &Tested, start: &Tensor, grad: &Tensor, rate: f64) -> Tensor {
    let (params, mut optimizer) = begin(rule, std::slice::from_ref(start), rate);
    let mut optimizer_step = || optimizer.step(gradients(&params, std::slice::from_ref(grad)));
    optimizer_step().unwrap_or_else(|error| panic!("{error}"));
    params[0].value() - start
}

fn first_step_descends(rule: &Tested) -> Result<(), String> {
    SHAPES.into_iter().try_for_each(|shape| {
        let (start, grad) = (filled(shape, 1), filled(shape, 2));
        let change = first_step(rule, &start, &grad, RATE);
        let slope = (change * grad).sum(..).item();
        ensure(slope < 0.0, || format!("in shape {shape:?} the product of change and gradient is {slope}"))
    })
}

fn first_step_follows_rate(rule: &Tested) -> Result<(), String> {
    SHAPES.into_iter().try_for_each(|shape| {
        let (start, grad) = (filled(shape, 1), filled(shape, 2));
        let size = |rate| first_step(rule, &start, &grad, rate).norm_squared().sqrt();
        let ratio = size(2.0 * RATE) / size(RATE);
        ensure((1.8..2.2).contains(&ratio), || {
            format!("in shape {shape:?}, at twice the rate the step is {ratio} times as long")
        })
    })
}

fn later_steps_follow_schedule(rule: &Tested) -> Result<(), String> {
    // (Not for scalars: a single number may happen to oscillate.)
    SHAPES.into_iter().filter(|shape| !shape.is_empty()).try_for_each(|shape| {
        let size = |last: f64| {
            let (params, mut optimizer) = begin(rule, &[filled(shape, 1)], RATE.then(5, last));
            walk(&params, &mut optimizer, 0..5);
            let before = params[0].value();
            // Two steps, for rules whose rate acts on the gradients that come after it.
            walk(&params, &mut optimizer, 5..7);
            (params[0].value() - before).norm_squared().sqrt()
        };
        let ratio = size(3.0 * RATE) / size(RATE);
        ensure(ratio > 1.2, || {
            format!("in shape {shape:?}, at three times the rate steps are {ratio} times as long")
        })
    })
}

fn rate_zero_stays(rule: &Tested) -> Result<(), String> {
    let starts = SHAPES.map(|shape| filled(shape, 1));
    let (params, optimizer) = begin(rule, &starts, 0.0);
    let mut optimizer = optimizer.weight_decay(0.5);
    walk(&params, &mut optimizer, 0..3);
    let moved = params.iter().zip(&starts).find(|(param, start)| param.value() != **start);
    ensure(moved.is_none(), || {
        let (param, start) = moved.expect("one that has moved");
        format!("{start} becomes {}: is weight decay multiplied by the rate?", param.value())
    })
}

fn same_run_twice(rule: &Tested) -> Result<(), String> {
    let run = || {
        let (params, mut optimizer) = begin(rule, &[matrix(1), matrix(2)], RATE);
        walk(&params, &mut optimizer, 0..5);
        bits(&params)
    };
    ensure(run() == run(), || "two runs end in different weights".into())
}

fn threads_change_no_bit(rule: &Tested) -> Result<(), String> {
    let starts = [[301, 300], [3, 2], [200, 211]].map(|shape| Tensor::randn(shape, &mut Rng::new(3)));
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        pool.expect("a pool of threads").install(|| {
            let (params, mut optimizer) = begin(rule, &starts, RATE);
            walk(&params, &mut optimizer, 0..3);
            bits(&params)
        })
    };
    let one = run(1);
    let other = [2, 3, 8].into_iter().find(|&threads| run(threads) != one);
    ensure(other.is_none(), || format!("{} threads end in other weights than one", other.unwrap_or(0)))
}

fn saved_run_goes_on(rule: &Tested) -> Result<(), String> {
    let starts = [matrix(1), matrix(2), filled(&[4], 3), filled(&[4], 4)];
    let (params, mut optimizer) = begin(rule, &starts, RATE);
    walk(&params, &mut optimizer, 0..4);
    let values: Vec<Tensor> = params.iter().map(Param::value).collect();
    let saved = optimizer.state();
    walk(&params, &mut optimizer, 4..8);

    let (resumed, mut second) = begin(rule, &values, RATE);
    second.load_state(&saved).map_err(|error| error.to_string())?;
    ensure(second.state() == saved, || "the state that was loaded is not the one that was saved".into())?;
    walk(&resumed, &mut second, 4..8);
    ensure(bits(&params) == bits(&resumed), || "the resumed run ends in other weights".into())
}

fn parameters_are_apart(rule: &Tested) -> Result<(), String> {
    let (together, mut optimizer) = begin(rule, &[matrix(1), matrix(2)], RATE);
    walk(&together, &mut optimizer, 0..4);
    let (alone, mut optimizer) = begin(rule, &[matrix(1)], RATE);
    walk(&alone, &mut optimizer, 0..4);
    ensure(bits(&together[..1]) == bits(&alone), || "it ends elsewhere when it has a neighbour".into())
}

fn thawed_begins_anew(rule: &Tested) -> Result<(), String> {
    let (start, grad) = (matrix(2), matrix(3));
    let new = first_step(rule, &start, &grad, RATE);
    let (params, mut optimizer) = begin(rule, &[matrix(1), start.clone()], RATE);
    params[1].set_frozen(true);
    walk(&params, &mut optimizer, 0..4);
    params[1].set_frozen(false);
    let step = optimizer.step(gradients(&params, &[matrix(4), grad.clone()]));
    step.map_err(|error| error.to_string())?;
    let change = params[1].value() - &start;
    ensure(change == new, || {
        "its first step depends on how many steps others had before: use step.count".into()
    })
}

fn frozen_stays(rule: &Tested) -> Result<(), String> {
    let (params, mut optimizer) = begin(rule, &[matrix(1), matrix(2)], RATE);
    params[1].set_frozen(true);
    walk(&params, &mut optimizer, 0..3);
    ensure(params[1].value() == matrix(2), || "it was changed".into())
}

fn groups_are_honoured(rule: &Tested) -> Result<(), String> {
    let (grouped, optimizer) = begin(rule, &[matrix(1)], RATE);
    let mut optimizer = optimizer.group(Group::new(|_, _| true).rule(rule.clone()).rate_factor(0.5));
    walk(&grouped, &mut optimizer, 0..4);
    let (plain, mut optimizer) = begin(rule, &[matrix(1)], 0.5 * RATE);
    walk(&plain, &mut optimizer, 0..4);
    ensure(bits(&grouped) == bits(&plain), || "half the rate by a group is not half the rate".into())
}

fn decay_is_honoured(rule: &Tested) -> Result<(), String> {
    // Weights of one sign, and no gradient: all that can happen to them is decay.
    let start = matrix(1).abs() + 0.5;
    for decay in [rule.decay().0, Decay::Decoupled] {
        let (params, optimizer) = begin(rule, std::slice::from_ref(&start), RATE);
        let mut optimizer = optimizer.decay(decay).weight_decay(0.5);
        let grads = [start.zeros_like()];
        (0..3)
            .try_for_each(|_| optimizer.step(gradients(&params, &grads)).map(drop))
            .map_err(|e| e.to_string())?;
        let shrinks = params[0]
            .value()
            .zip(&start, |after, before| after < before && after > 0.0)
            .iter()
            .all(|yes| yes);
        ensure(shrinks, || format!("{decay:?} of 0.5 leads from {start} to {}", params[0].value()))?;
    }
    Ok(())
}

fn zero_gradient_stays(rule: &Tested) -> Result<(), String> {
    let (params, optimizer) = begin(rule, &[matrix(1)], RATE);
    let mut optimizer = optimizer.weight_decay(0.0);
    let grads = [Tensor::zeros([3, 2])];
    (0..3)
        .try_for_each(|_| optimizer.step(gradients(&params, &grads)).map(drop))
        .map_err(|e| e.to_string())?;
    ensure(params[0].value() == matrix(1), || format!("{} becomes {}", matrix(1), params[0].value()))
}

fn every_slot_is_used(rule: &Tested) -> Result<(), String> {
    let (params, mut optimizer) = begin(rule, &[matrix(1), Tensor::ones([4])], RATE);
    walk(&params, &mut optimizer, 0..3);
    let state = optimizer.state();
    for name in rule.slots() {
        let slots = state.params.iter().flat_map(|param| &param.slots).filter(|slot| slot.name == *name);
        let used = slots.flat_map(|slot| &slot.values).any(|&value| value != 0.0);
        ensure(used, || format!("{name} is still zero after three steps"))?;
    }
    Ok(())
}

fn shapes_stay(rule: &Tested) -> Result<(), String> {
    for shape in SHAPES.map(Shape::from) {
        let (mut w, g) = (filled(&shape, 1), filled(&shape, 2));
        let mut slots: Vec<Tensor> =
            rule.slots().iter().map(|slot| Tensor::zeros(rule.slot_shape(slot, &shape))).collect();
        for count in 1..=3 {
            rule.update(Step::new(rule, RATE, count, &mut w, &g, &mut slots));
        }
        ensure(*w.shape() == shape, || {
            format!("a parameter of shape {shape} has shape {} after a step", w.shape())
        })?;
        let averaged = rule.averaged(&w, &slots).map(|averaged| *averaged.shape());
        ensure(averaged.is_none_or(|averaged| averaged == shape), || {
            let averaged = averaged.expect("one of another shape");
            format!("the average of a parameter of shape {shape} has shape {averaged}")
        })?;
        for (name, slot) in rule.slots().iter().zip(&slots) {
            let expected = rule.slot_shape(name, &shape);
            ensure(*slot.shape() == expected, || {
                format!(
                    "slot {name} of shape {shape} has shape {} after a step, and {expected} before",
                    slot.shape()
                )
            })?;
        }
    }
    Ok(())
}

fn odd_starts() -> Vec<Tensor> {
    let shapes = [&[][..], &[0], &[2, 0], &[1], &[1, 5], &[2, 1, 3], &[2, 2, 3, 3]];
    shapes.into_iter().map(|shape| filled(shape, 5)).collect()
}

fn odd_shapes_work(rule: &Tested) -> Result<(), String> {
    let starts = odd_starts();
    let (params, mut optimizer) = begin(rule, &starts, RATE);
    walk(&params, &mut optimizer, 0..3);
    for (param, start) in params.iter().zip(&starts) {
        let value = param.value();
        let moved = start.numel() == 0 || value != *start;
        ensure(value.shape() == start.shape() && value.iter().all(f32::is_finite) && moved, || {
            format!("a parameter of shape {} goes from {start} to {value}", start.shape())
        })?;
    }
    Ok(())
}

fn gradient_may_be_a_view(rule: &Tested) -> Result<(), String> {
    let (start, view) = (matrix(1), Tensor::<f32>::randn([2, 3], &mut Rng::new(2)).t());
    let (of_view, of_copy) =
        (first_step(rule, &start, &view, RATE), first_step(rule, &start, &view.contiguous(), RATE));
    ensure(of_view == of_copy, || "a transposed gradient gives another step than a copy of it".into())
}

fn extremes_stay_finite(rule: &Tested) -> Result<(), String> {
    for size in [1e15, 1e-30] {
        let (params, mut optimizer) = begin(rule, &[matrix(1)], RATE);
        let grads = [matrix(2) * size];
        (0..3)
            .try_for_each(|_| optimizer.step(gradients(&params, &grads)).map(drop))
            .map_err(|e| e.to_string())?;
        let value = params[0].value();
        ensure(value.iter().all(f32::is_finite), || format!("gradients of size {size:e} lead to {value}"))?;
    }
    Ok(())
}

fn nan_is_contained(rule: &Tested) -> Result<(), String> {
    let starts = [matrix(1), matrix(2)];
    let poison = [matrix(3), Tensor::full([3, 2], f32::NAN)];
    let (params, optimizer) = begin(rule, &starts, RATE);
    let mut optimizer = optimizer.non_finite(NonFinite::Skip);
    optimizer.step(gradients(&params, &poison)).map_err(|error| error.to_string())?;
    let stay = params.iter().zip(&starts).all(|(param, start)| param.value() == *start);
    ensure(stay && optimizer.state().skipped == 1, || "the step was not skipped".into())?;
    let mut optimizer = optimizer.non_finite(NonFinite::Ignore);
    optimizer.step(gradients(&params, &poison)).map_err(|error| error.to_string())?;
    ensure(params[0].value() == &starts[0] + first_step(rule, &starts[0], &poison[0], RATE), || {
        "a NaN in the gradient of one parameter changes the step of another".into()
    })
}
