//! Every optimizer that is more than a rule passes the conformance kit, and the kit finds planted bugs.

use ravine_autograd::{Gradients, Module, Param};
use ravine_optim::*;
use ravine_tensor::Tensor;

fn adam(model: &[Param]) -> Optimizer<Adam> {
    Optimizer::new(model, Adam::default(), 0.05)
}

macro_rules! conform {
    ($($name:ident: $make:expr;)*) => {$(
        #[test]
        fn $name() {
            conformance::check_optimizer($make);
        }
    )*};
}

conform! {
    plain: adam;
    boxed: |model| Box::new(adam(model)) as Box<dyn Optimize>;
    skips: |model| adam(model).non_finite(NonFinite::Skip);
    clips: |model| adam(model).clip_norm(0.1).weight_decay(0.1);
    plateau: |model| adam(model).plateau(Plateau { patience: 2, ..Plateau::default() });
    schedule_free: |model| Optimizer::new(model, ScheduleFreeAdamW::default(), 0.05);
    lookahead: |model| Lookahead::new(model, adam(model), 5, 0.5);
    ema: |model| Averaged::ema(model, Optimizer::new(model, Sgd::momentum(0.9), 0.01), 0.9);
    swa: |model| Averaged::swa(model, adam(model), 4, 2);
    ema_of_lookahead: |model| Averaged::ema(model, Lookahead::new(model, adam(model), 4, 0.8), 0.9);
}

/// A wrapper around gradient descent, which shrinks the weights from its third step on, with one bug.
struct Planted {
    inner: Optimizer<Sgd>,
    params: Vec<Param>,
    bug: Bug,
    /// Steps done, as far as `bug` counts them.
    count: u64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Bug {
    /// None of them; the others are variations of this.
    None,
    /// The count is not in the state.
    HiddenState,
    /// Each parameter moves as often as the model has it.
    NotDistinct,
    /// Frozen parameters move, too.
    MovesFrozen,
    /// A refused step counts.
    CountsRefused,
    /// A missing gradient is no error.
    SwallowsErrors,
    /// A step with a NaN is taken for one that was done.
    HidesSkips,
    /// What is loaded is not checked.
    LoadsAnything,
    /// What is refused was loaded half.
    LoadsHalf,
    /// The rate is not the one of the step.
    OtherRate,
    /// The number of steps is that of all calls.
    CountsCalls,
    /// The averaged weights stay.
    KeepsAverage,
    /// The weights depend on the number of threads.
    Threads,
    /// Metrics do not reach the optimizer within when its state is loaded.
    LosesMetrics,
    /// Climbs.
    Climbs,
}

impl Planted {
    fn new(model: &[Param], bug: Bug) -> Self {
        let params = match bug {
            Bug::NotDistinct => model.iter().map(Param::tied).collect(),
            _ => model.distinct_params().into_iter().map(|(_, param)| param).collect(),
        };
        let inner = Optimizer::new(model, Sgd::default(), 0.05)
            .non_finite(if bug == Bug::HidesSkips { NonFinite::Skip } else { NonFinite::Error })
            .plateau(Plateau { patience: 2, ..Plateau::default() });
        let inner = if bug == Bug::Climbs { inner.maximize() } else { inner };
        Planted { inner, params, bug, count: 0 }
    }
}

impl Optimize for Planted {
    fn step(&mut self, gradients: Gradients) -> Result<StepOutcome, OptimError> {
        if self.bug == Bug::CountsRefused {
            self.count += 1;
        }
        let mut outcome = match self.inner.step(gradients) {
            Err(OptimError::OtherParameters { .. }) if self.bug == Bug::SwallowsErrors => {
                StepOutcome { rate: self.learning_rate(), gradient_norm: None, clipped: false, skipped: true }
            }
            outcome => outcome?,
        };
        if self.bug == Bug::HidesSkips {
            outcome.skipped = false;
        }
        if self.bug != Bug::CountsRefused {
            self.count += 1;
        }
        if self.count >= 3 {
            let threads = if self.bug == Bug::Threads { rayon::current_num_threads() } else { 1 };
            let shrink = 1.0 - 0.01 / threads as f32;
            for param in self.params.iter().filter(|p| self.bug == Bug::MovesFrozen || !p.is_frozen()) {
                param.set(param.value() * shrink);
            }
        }
        Ok(outcome)
    }

    fn steps(&self) -> u64 {
        if self.bug == Bug::CountsCalls { self.count + 1 } else { self.inner.state().steps }
    }

    fn learning_rate(&self) -> f64 {
        self.inner.learning_rate() * if self.bug == Bug::OtherRate { 2.0 } else { 1.0 }
    }

    fn observe(&mut self, metric: f64) {
        self.inner.observe(metric);
    }

    fn averaged(&self) -> Swapped {
        let swapped = Swapped::new(self.params.iter().map(|p| (p.tied(), p.value() * 0.5)));
        if self.bug == Bug::KeepsAverage {
            swapped.keep();
            return Swapped::new([]);
        }
        swapped
    }

    fn state(&self) -> OptimizerState {
        self.inner.state()
    }

    fn load_state(&mut self, state: &OptimizerState) -> Result<(), OptimError> {
        let mut state = state.clone();
        match self.bug {
            Bug::LosesMetrics => state.metrics.clear(),
            Bug::LoadsHalf => self.params[0].set(Tensor::ones(self.params[0].shape())),
            _ => (),
        }
        let loaded = self.inner.load_state(&state);
        if self.bug != Bug::HiddenState {
            self.count = state.steps;
        }
        if self.bug == Bug::LoadsAnything { Ok(()) } else { loaded }
    }
}

#[test]
fn planted_bugs_are_found() {
    for (bug, check) in [
        (Bug::HiddenState, "a saved run goes on as if it had not stopped"),
        (Bug::NotDistinct, "a tied parameter is one parameter"),
        (Bug::MovesFrozen, "a frozen parameter stays"),
        (Bug::CountsRefused, "a missing gradient is an error that changes nothing"),
        (Bug::SwallowsErrors, "a missing gradient is an error that changes nothing"),
        (Bug::HidesSkips, "a gradient that is not finite does no harm"),
        (Bug::LoadsAnything, "a state that does not fit is refused"),
        (Bug::LoadsHalf, "a state that does not fit is refused"),
        (Bug::OtherRate, "the learning rate is that of the next step"),
        (Bug::CountsCalls, "steps are counted"),
        (Bug::KeepsAverage, "averaged weights go with their guard"),
        (Bug::Threads, "threads change no bit"),
        (Bug::LosesMetrics, "observed metrics are saved"),
        (Bug::Climbs, "descends a bowl"),
    ] {
        let failures = conformance::optimizer_failures(move |model| Planted::new(model, bug));
        assert!(failures.iter().any(|failure| failure.check == check), "{bug:?}: {failures:#?}");
    }
    conformance::check_optimizer(|model| Planted::new(model, Bug::None));
}

#[test]
#[should_panic(expected = "Planted fails ")]
fn check_names_what_fails() {
    conformance::check_optimizer(|model| Planted::new(model, Bug::Climbs));
}

#[test]
#[should_panic(expected = "there is no check named \"nonsense\"")]
fn an_exception_must_exist() {
    conformance::check_optimizer_except(adam, &["nonsense"]);
}
