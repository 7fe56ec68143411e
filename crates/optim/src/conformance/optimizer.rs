//! Checks of an optimizer as a training loop sees it: any [`Optimize`], such as one that wraps another.

use std::any::type_name;

use ravine_autograd::Param;
use ravine_tensor::{Rng, Tensor};

use super::{Check, Failure, bits, ensure, filled, gradients, matrix, odd_starts, report, run_all, walk};
use crate::{Optimize, OptimizerState};

/// Puts an optimizer of your own, which is made for a model by `make`, through all checks of what [`Optimize`] promises. (A [`Rule`](crate::Rule)
/// has [checks of its own](super::check).)
///
/// ```
/// use ravine_optim::{Adam, Lookahead, Optimizer, conformance};
///
/// conformance::check_optimizer(|model| Lookahead::new(model, Optimizer::new(model, Adam::default(), 0.05), 5, 0.5));
/// ```
///
/// # Panics
/// If it fails some, naming them all.
#[track_caller]
pub fn check_optimizer<O: Optimize + 'static>(make: impl Fn(&[Param]) -> O + 'static) {
    check_optimizer_except(make, &[]);
}

/// [`check_optimizer`], except for the checks that the optimizer does not claim to pass.
///
/// ```
/// use ravine_optim::{NonFinite, Optimizer, Sgd, conformance};
///
/// conformance::check_optimizer_except(
///     |model| Optimizer::new(model, Sgd::default(), 0.1).non_finite(NonFinite::Ignore),
///     &["a gradient that is not finite does no harm"],
/// );
/// ```
///
/// # Panics
/// If it fails others, or `except` has a name that is not that of a check.
#[track_caller]
pub fn check_optimizer_except<O: Optimize + 'static>(
    make: impl Fn(&[Param]) -> O + 'static,
    except: &[&str],
) {
    report(type_name::<O>(), &optimizer_names(), except, optimizer_failures(make));
}

/// The names of all checks of an optimizer.
pub fn optimizer_names() -> Vec<&'static str> {
    CHECKS.iter().map(|(name, _)| *name).collect()
}

/// The checks that an optimizer fails. A panic in a check counts as a failure.
pub fn optimizer_failures<O: Optimize + 'static>(make: impl Fn(&[Param]) -> O + 'static) -> Vec<Failure> {
    let make = move |params: &[Param]| Box::new(make(params)) as Box<dyn Optimize>;
    run_all::<Make>(CHECKS, &make)
}

/// What makes the optimizer under test, type-erased, so that the checks are compiled only once.
type Make = dyn Fn(&[Param]) -> Box<dyn Optimize>;

const CHECKS: &[(&str, Check<Make>)] = &[
    ("the same run twice has the same bits", same_run_twice),
    ("threads change no bit", threads_change_no_bit),
    ("a saved run goes on as if it had not stopped", saved_run_goes_on),
    ("observed metrics are saved", observed_metrics_are_saved),
    ("a state that does not fit is refused", wrong_state_is_refused),
    ("steps are counted", steps_are_counted),
    ("the learning rate is that of the next step", rate_is_that_of_next_step),
    ("a missing gradient is an error that changes nothing", missing_gradient_is_refused),
    ("a gradient that is not finite does no harm", non_finite_does_no_harm),
    ("gradients of other parameters are ignored", other_gradients_are_ignored),
    ("a frozen parameter stays", frozen_stays),
    ("a tied parameter is one parameter", tied_is_one),
    ("averaged weights go with their guard", averages_go),
    ("scalars, empty tensors and many axes work", odd_shapes_work),
    ("a gradient may be a view", gradient_may_be_a_view),
    ("descends a bowl", descends_bowl),
];

const STEPS: u64 = 12;

fn starts() -> Vec<Tensor> {
    vec![matrix(1), matrix(2), filled(&[4], 3), filled(&[], 4)]
}

fn begin(make: &Make, starts: &[Tensor]) -> (Vec<Param>, Box<dyn Optimize>) {
    let params: Vec<Param> = starts.iter().map(|start| Param::new(start.clone())).collect();
    let optimizer = make(&params);
    (params, optimizer)
}

/// The weights after a run, before each step of which this happens.
fn run(make: &Make, mut before: impl FnMut(&[Param], &mut dyn Optimize, u64)) -> Vec<u32> {
    let (params, mut optimizer) = begin(make, &starts());
    for step in 0..STEPS {
        before(&params, &mut *optimizer, step);
        walk(&params, &mut optimizer, step..step + 1);
    }
    bits(&params)
}

fn same_run_twice(make: &Make) -> Result<(), String> {
    ensure(run(make, |_, _, _| ()) == run(make, |_, _, _| ()), || "two runs end in different weights".into())
}

fn threads_change_no_bit(make: &Make) -> Result<(), String> {
    let starts = [[301, 300], [3, 2], [200, 211]].map(|shape| Tensor::randn(shape, &mut Rng::new(3)));
    let run = |threads: usize| {
        let (params, mut optimizer) = begin(make, &starts);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        pool.expect("a pool of threads").install(|| walk(&params, &mut optimizer, 0..3));
        bits(&params)
    };
    let one = run(1);
    let other = [2, 3, 8].into_iter().find(|&threads| run(threads) != one);
    ensure(other.is_none(), || format!("{} threads end in other weights than one", other.unwrap_or(0)))
}

/// Saved after each number of steps, since something may happen only every few steps.
fn saved_run_goes_on(make: &Make) -> Result<(), String> {
    let (params, mut optimizer) = begin(make, &starts());
    let mut saved = Vec::new();
    for step in 0..STEPS {
        saved.push((params.iter().map(Param::value).collect::<Vec<_>>(), optimizer.state()));
        walk(&params, &mut optimizer, step..step + 1);
    }
    let used = |params: &[Param], optimizer: &dyn Optimize| {
        let trained = bits(params);
        let _averaged = optimizer.averaged();
        (trained, bits(params))
    };
    let whole = used(&params, &*optimizer);
    for (step, (values, state)) in (0..).zip(saved) {
        let (params, mut resumed) = begin(make, &values);
        resumed.load_state(&state).map_err(|error| error.to_string())?;
        ensure(params.iter().zip(&values).all(|(param, value)| param.value() == *value), || {
            "loading a state changes weights".into()
        })?;
        ensure(resumed.state() == state, || {
            format!("the state that was loaded after {step} steps is not the one that was saved")
        })?;
        walk(&params, &mut resumed, step..STEPS);
        ensure(used(&params, &*resumed) == whole, || {
            format!("a run that is resumed after {step} steps ends in other weights, or other averages")
        })?;
    }
    Ok(())
}

fn observed_metrics_are_saved(make: &Make) -> Result<(), String> {
    let (params, mut optimizer) = begin(make, &starts());
    for step in 0..STEPS {
        walk(&params, &mut optimizer, step..step + 1);
        (0..10).for_each(|_| optimizer.observe(1.0));
    }
    let (_params, mut second) = begin(make, &starts());
    second.load_state(&optimizer.state()).map_err(|error| error.to_string())?;
    let [before, after] = [&optimizer, &second].map(|optimizer| optimizer.learning_rate());
    ensure(before == after, || format!("the learning rate {before} becomes {after}"))
}

/// Each way of spoiling a state must be noticed, before anything is changed.
fn wrong_state_is_refused(make: &Make) -> Result<(), String> {
    let (params, mut optimizer) = begin(make, &starts());
    walk(&params, &mut optimizer, 0..3);
    let (good, weights) = (optimizer.state(), bits(&params));
    let mut spoilt: Vec<(String, OptimizerState)> = Vec::new();
    let mut spoil = |what: String, change: &dyn Fn(&mut OptimizerState)| {
        let mut state = good.clone();
        change(&mut state);
        spoilt.push((what, state));
    };
    spoil("of another rule".into(), &|state| state.rule += "?");
    for (i, param) in good.params.iter().enumerate() {
        let path = &param.path;
        spoil(format!("without {path}"), &|state| drop(state.params.remove(i)));
        spoil(format!("with another name for {path}"), &|state| state.params[i].path += "?");
        for (j, slot) in param.slots.iter().enumerate().filter(|(_, slot)| !slot.values.is_empty()) {
            let name = &slot.name;
            spoil(format!("with too few numbers in {name} of {path}"), &|state| {
                state.params[i].slots[j].values.pop();
            });
        }
    }
    for (what, state) in spoilt {
        ensure(optimizer.load_state(&state).is_err(), || format!("a state {what} is accepted"))?;
        ensure(optimizer.state() == good && bits(&params) == weights, || {
            format!("a state {what} is refused, but has changed something")
        })?;
    }
    Ok(())
}

fn steps_are_counted(make: &Make) -> Result<(), String> {
    let mut wrong = None;
    run(make, |_, optimizer, step| {
        if optimizer.steps() != step {
            wrong.get_or_insert((optimizer.steps(), step));
        }
    });
    ensure(wrong.is_none(), || {
        let (found, done) = wrong.expect("what was found");
        format!("{found} after {done} steps")
    })
}

fn rate_is_that_of_next_step(make: &Make) -> Result<(), String> {
    let (params, mut optimizer) = begin(make, &[matrix(1)]);
    for step in 0..STEPS {
        let said = optimizer.learning_rate();
        let outcome = optimizer.step(gradients(&params, &[matrix(2)])).map_err(|error| error.to_string())?;
        ensure(outcome.rate == said, || format!("step {step} was to have {said} and had {}", outcome.rate))?;
    }
    Ok(())
}

fn missing_gradient_is_refused(make: &Make) -> Result<(), String> {
    let mut accepted = false;
    let disturbed = run(make, |params, optimizer, _| {
        let grads: Vec<Tensor> = params[1..].iter().map(|param| param.value() + 1.0).collect();
        accepted |= optimizer.step(gradients(&params[1..], &grads)).is_ok();
    });
    ensure(!accepted, || "a step without the gradient of the first parameter is no error".into())?;
    ensure(disturbed == run(make, |_, _, _| ()), || {
        "a run goes on differently after a step that was refused: is something changed before the step of the \
         optimizer within has succeeded?"
            .into()
    })
}

fn non_finite_does_no_harm(make: &Make) -> Result<(), String> {
    let mut done = false;
    let disturbed = run(make, |params, optimizer, _| {
        let mut grads: Vec<Tensor> = params.iter().map(Param::value).collect();
        grads[1] = Tensor::full(params[1].shape(), f32::NAN);
        done |= optimizer.step(gradients(params, &grads)).is_ok_and(|outcome| !outcome.skipped);
    });
    ensure(!done, || "a step with a NaN is neither an error nor said to be skipped".into())?;
    ensure(disturbed == run(make, |_, _, _| ()), || {
        "a run goes on differently after a step with a NaN".into()
    })
}

fn other_gradients_are_ignored(make: &Make) -> Result<(), String> {
    let end = |others: bool| {
        let (params, mut optimizer) = begin(make, &starts());
        let more = params.iter().map(Param::tied).chain([Param::new(matrix(5))]).collect::<Vec<_>>();
        walk(if others { &more } else { &params }, &mut optimizer, 0..STEPS);
        bits(&params)
    };
    ensure(end(true) == end(false), || "the gradient of a parameter of another model changes weights".into())
}

fn frozen_stays(make: &Make) -> Result<(), String> {
    let (params, mut optimizer) = begin(make, &starts());
    walk(&params, &mut optimizer, 0..2);
    params[1].set_frozen(true);
    let before = params[1].value();
    for step in 2..STEPS {
        let trained: Vec<Param> = params.iter().filter(|param| !param.is_frozen()).map(Param::tied).collect();
        let grads: Vec<Tensor> = trained.iter().map(Param::value).collect();
        optimizer
            .step(gradients(&trained, &grads))
            .map_err(|error| format!("step {step} without its gradient: {error}"))?;
    }
    ensure(params[1].value() == before, || "it was changed".into())?;
    params[1].set_frozen(false);
    walk(&params, &mut optimizer, STEPS..STEPS + 3);
    ensure(params[1].value() != before, || "it does not move when it is no longer frozen".into())
}

fn tied_is_one(make: &Make) -> Result<(), String> {
    let end = |tied: bool| {
        let param = Param::new(matrix(1));
        let params = if tied { vec![param.tied(), param] } else { vec![param] };
        let mut optimizer = make(&params);
        walk(&params[..1], &mut optimizer, 0..STEPS);
        bits(&params[..1])
    };
    ensure(end(true) == end(false), || "it is trained twice: ask the model for distinct_params".into())
}

fn averages_go(make: &Make) -> Result<(), String> {
    let mut found = Ok(());
    let disturbed = run(make, |params, optimizer, step| {
        let trained = bits(params);
        let averaged = optimizer.averaged();
        if !params.iter().all(|param| param.value().iter().all(f32::is_finite)) {
            found = Err(format!("after {step} steps an average is not finite"));
        }
        drop(averaged);
        if bits(params) != trained {
            found = Err(format!("after {step} steps the trained weights do not come back"));
        }
    });
    found?;
    ensure(disturbed == run(make, |_, _, _| ()), || "looking at averages changes the training".into())
}

fn odd_shapes_work(make: &Make) -> Result<(), String> {
    let starts = odd_starts();
    let (params, mut optimizer) = begin(make, &starts);
    walk(&params, &mut optimizer, 0..STEPS);
    for (value, start) in params.iter().map(Param::value).zip(&starts) {
        ensure(value.shape() == start.shape() && value.iter().all(f32::is_finite), || {
            format!("a parameter of shape {} goes from {start} to {value}", start.shape())
        })?;
    }
    Ok(())
}

fn gradient_may_be_a_view(make: &Make) -> Result<(), String> {
    let view = Tensor::<f32>::randn([2, 3], &mut Rng::new(2)).t();
    let [of_view, of_copy] = [view.clone(), view.contiguous()].map(|grad| {
        let (params, mut optimizer) = begin(make, &[matrix(1)]);
        let step = optimizer.step(gradients(&params, &[grad]));
        step.unwrap_or_else(|error| panic!("{error}"));
        bits(&params)
    });
    ensure(of_view == of_copy, || "a transposed gradient gives another step than a copy of it".into())
}

/// How far depends on the learning rate, which the caller has chosen.
fn descends_bowl(make: &Make) -> Result<(), String> {
    let (params, mut optimizer) = begin(make, &[Tensor::ones([3, 2])]);
    for _ in 0..300 {
        let grad = params[0].value();
        optimizer.step(gradients(&params, &[grad])).map_err(|error| error.to_string())?;
    }
    let _averaged = optimizer.averaged();
    let share = params[0].value().norm_squared() / 6.0;
    ensure(share < 1.0, || format!("after 300 steps the loss is {share:.3} of what it was"))
}
