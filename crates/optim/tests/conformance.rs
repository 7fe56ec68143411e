//! Every rule passes the conformance kit, and the kit finds planted bugs.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use ravine_optim::*;
use ravine_tensor::{Shape, Tensor};

macro_rules! conform {
    ($($name:ident: $rule:expr $(, except $($except:literal)*)?;)*) => {$(
        #[test]
        fn $name() {
            conformance::check_except($rule, &[$($($except),*)?]);
        }
    )*};
}

conform! {
    sgd: Sgd::default();
    momentum: Sgd::momentum(0.9);
    keras_momentum: Sgd { convention: Momentum::Keras, ..Sgd::momentum(0.9) };
    ema_momentum: Sgd { convention: Momentum::Ema, ..Sgd::momentum(0.9) };
    nesterov: Sgd { nesterov: true, ..Sgd::momentum(0.9) };
    keras_nesterov: Sgd { nesterov: true, convention: Momentum::Keras, ..Sgd::momentum(0.9) };
    dampening: Sgd { dampening: 0.5, ..Sgd::momentum(0.9) };
    adam: Adam::default();
    amsgrad: Adam { amsgrad: true, ..Adam::default() };
    adamw: AdamW::default();
    adamax: Adamax::default();
    nadam: NAdam::default();
    radam: RAdam::default();
    rmsprop: RmsProp::default();
    rmsprop_momentum: RmsProp { momentum: 0.9, ..RmsProp::default() };
    rmsprop_centered: RmsProp { centered: true, ..RmsProp::default() };
    rmsprop_centered_momentum: RmsProp { centered: true, momentum: 0.9, ..RmsProp::default() };
    adagrad: Adagrad::default();
    adadelta: Adadelta::default();
    adafactor: Adafactor::default();
    rprop: Rprop::default(), except "later steps follow the schedule" "at rate zero weights stay";
    asgd: Asgd::default(), except "without gradient and decay weights stay";
    lion: Lion::default();
    signum: Signum::default();
    lars: Lars::default();
    lamb: Lamb::default();
    adabelief: AdaBelief::default();
    yogi: Yogi::default();
    adan: Adan::default();
    muon: Muon::default();
    schedule_free_sgd: ScheduleFreeSgd::default();
    schedule_free_adamw: ScheduleFreeAdamW::default();
}

/// Rules with one bug each, and the check that finds it.
macro_rules! planted {
    ($(
        $(#[$doc:meta])*
        $test:ident, $rule:ident $({ $($field:ident: $type:ty),* })?, $slots:expr, $check:literal:
        |$this:ident, $step:ident| $update:expr;
    )*) => {$(
        $(#[$doc])*
        #[derive(Clone, Default)]
        struct $rule $({ $($field: $type),* })?

        impl Rule for $rule {
            const NAME: &'static str = stringify!($rule);
            const DECAY: Decay = Decay::Own;

            fn slots(&self) -> &'static [&'static str] {
                &$slots
            }

            fn update(&self, $step: Step) {
                let $this = self;
                $update
            }
        }

        #[test]
        fn $test() {
            found($rule::default(), $check);
        }
    )*};
}

type Shared<T> = Arc<Mutex<T>>;

planted! {
    /// Goes up, but only along vectors.
    wrong_sign_of_vectors, WrongSignOfVectors {}, [], "the first step goes against the gradient": |_this, step| {
        let rate = step.rate as f32 * if step.shape().rank() < 2 { -1.0 } else { 1.0 };
        step.each(|w, g, []| *w -= rate * g);
    };

    /// Has a rate of its own for vectors.
    own_rate_of_vectors, OwnRateOfVectors {}, [], "the first step follows the rate": |_this, step| {
        let rate = if step.shape().rank() < 2 { 0.01 } else { step.rate as f32 };
        step.each(|w, g, []| *w -= rate * g);
    };

    /// Decays by the coefficient alone, so that a schedule or a warm-up does not reach its decay.
    decay_without_rate, DecayWithoutRate {}, [], "at rate zero weights stay": |_this, step| {
        let (rate, decay) = (step.rate as f32, step.weight_decay as f32);
        step.each(|w, g, []| *w = (1.0 - decay) * *w - rate * g);
    };

    /// Keeps the mean gradient of vectors beside the slots.
    hidden_state_of_vectors, HiddenStateOfVectors { memory: Shared<Option<Tensor>> }, [],
    "a saved run goes on as if it had not stopped": |this, step| {
        let (rate, vector) = (step.rate as f32, step.shape().rank() < 2);
        let mut memory = this.memory.lock().unwrap();
        step.whole(|w, g, []| {
            let kept = memory.as_ref().filter(|kept| vector && kept.shape() == g.shape());
            let mean = kept.map_or_else(|| g.clone(), |kept| kept * 0.9 + g * 0.1);
            w.zip_(&mean, |w, m| *w -= rate * m);
            if vector {
                *memory = Some(mean);
            }
        });
    };

    /// Never forgets: a ball without friction.
    no_friction, NoFriction {}, ["velocity"], "comes to rest at a constant rate": |_this, step| {
        let rate = step.rate as f32;
        step.each(|w, g, [v]| {
            *v += g;
            *w -= rate * *v;
        });
    };

    /// Goes up.
    wrong_sign, WrongSign {}, [], "the first step goes against the gradient": |_this, step| {
        let rate = step.rate as f32;
        step.each(|w, g, []| *w += rate * g);
    };

    /// Has a rate of its own.
    own_rate, OwnRate {}, [], "the first step follows the rate": |_this, step| step.each(|w, g, []| *w -= 0.01 * g);

    /// Keeps the first rate.
    first_rate, FirstRate {}, ["rate"], "later steps follow the schedule": |_this, step| {
        let first = if step.count == 1 { step.rate as f32 } else { 0.0 };
        step.each(|w, g, [rate]| {
            *rate += first;
            *w -= *rate * g;
        });
    };

    /// Draws on something that is different each time.
    not_deterministic, NotDeterministic {}, [], "the same run twice has the same bits":
    |_this, step| {
        static CALLS: AtomicU64 = AtomicU64::new(0);
        let rate = step.rate as f32 * (1.0 + 1e-3 * (CALLS.fetch_add(1, Ordering::Relaxed) % 1009) as f32);
        step.each(|w, g, []| *w -= rate * g);
    };

    /// Adds in an order that depends on the threads.
    threads, Threads {}, [], "threads change no bit": |_this, step| {
        let rate = step.rate as f32;
        step.whole(|w, g, []| {
            let piece = g.numel().div_ceil(rayon::current_num_threads()).max(1);
            let values = g.to_vec();
            let sums = values.chunks(piece).map(|chunk| chunk.iter().map(|x| x * x).sum::<f32>());
            let scale = rate / (1.0 + sums.sum::<f32>());
            w.zip_(g, |w, g| *w -= scale * g);
        });
    };

    /// Keeps its momentum beside the slots, where no checkpoint finds it.
    hidden_state, HiddenState { memory: Shared<HashMap<Vec<usize>, Tensor>> }, [],
    "a saved run goes on as if it had not stopped": |this, step| {
        let rate = step.rate as f32;
        let mut memory = this.memory.lock().unwrap();
        let v = memory.entry(step.shape().to_vec()).or_insert_with(|| Tensor::zeros(*step.shape()));
        step.whole(|w, g, []| w.update_with(g, [v], |w, g, [v]| {
            *v = 0.9 * *v + g;
            *w -= rate * *v;
        }));
    };

    /// Counts its calls, as if each were a step.
    counts_calls, CountsCalls { calls: Arc<AtomicU64> }, [], "a parameter does not depend on its neighbours":
    |this, step| {
        let rate = step.rate as f32 / (1 + this.calls.fetch_add(1, Ordering::Relaxed)) as f32;
        step.each(|w, g, []| *w -= rate * g);
    };

    /// Says that it has a decay of its own, and forgets it.
    forgets_decay, ForgetsDecay {}, [], "weight decay pulls towards zero": |_this, step| {
        let rate = step.rate as f32;
        step.each(|w, g, []| *w -= rate * g);
    };

    /// Takes a step where there is no slope, because `signum(0)` is 1.
    restless, Restless {}, [], "without gradient and decay weights stay": |_this, step| {
        let rate = step.rate as f32;
        step.each(|w, g, []| *w -= rate * g.signum());
    };

    /// Forgets one of its slots.
    forgotten_slot, ForgottenSlot {}, ["velocity", "mean_square"], "every slot is used": |_this, step| {
        let rate = step.rate as f32;
        step.each(|w, g, [v, _mean_square]| {
            *v = 0.9 * *v + g;
            *w -= rate * *v;
        });
    };

    /// Puts something of another shape in its slot.
    other_shape, OtherShape {}, ["norm"], "shapes stay": |_this, step| {
        let rate = step.rate as f32;
        step.whole(|w, g, [norm]| {
            *norm = Tensor::scalar(g.norm_squared() as f32);
            w.zip_(g, |w, g| *w -= rate * g);
        });
    };

    /// Takes every parameter for a matrix.
    matrices_only, MatricesOnly {}, [], "scalars, empty tensors and many axes work": |_this, step| {
        let rate = step.rate as f32;
        step.whole(|w, g, []| {
            let mean = g.mean_keepdim(1);
            w.zip_(&(g + &mean), |w, g| *w -= rate * g);
        });
    };

    /// Takes every gradient for contiguous.
    contiguous_only, ContiguousOnly {}, [], "a gradient may be a view": |_this, step| {
        let rate = step.rate as f32;
        step.whole(|w, g, []| {
            let g = g.as_slice().expect("a contiguous gradient");
            w.as_mut_slice().iter_mut().zip(g).for_each(|(w, g)| *w -= rate * g);
        });
    };

    /// Divides without looking, and squares what may be large.
    divides_by_zero, DividesByZero {}, [], "huge and tiny gradients leave weights finite": |_this, step| {
        let rate = step.rate as f32;
        step.each(|w, g, []| *w -= rate * (g * g * g) / (g * g * g * g).sqrt());
    };

    /// Creeps.
    creeps, Creeps {}, [], "descends a bowl": |_this, step| {
        let rate = step.rate as f32 * 1e-5;
        step.each(|w, g, []| *w -= rate * g);
    };

    /// Keeps a norm of the last gradient of any parameter.
    shares_norm, SharesNorm { last: Shared<f64> }, [], "a NaN stays in its parameter": |this, step| {
        let rate = step.rate as f32;
        step.whole(|w, g, []| {
            let mut last = this.last.lock().unwrap();
            *last += g.norm_squared();
            let scale = rate / (1.0 + *last as f32);
            w.zip_(g, |w, g| *w -= scale * g);
        });
    };
}

#[test]
fn a_slot_of_a_vector_with_another_shape_is_found() {
    #[derive(Clone)]
    struct OtherShapeOfVectors;
    impl Rule for OtherShapeOfVectors {
        const NAME: &'static str = "OtherShapeOfVectors";
        fn slots(&self) -> &'static [&'static str] {
            &["row_mean"]
        }
        fn slot_shape(&self, _slot: &str, param: &Shape) -> Shape {
            if param.rank() < 2 { *param } else { Shape::from([param[0]]) }
        }
        fn update(&self, step: Step) {
            let rate = step.rate as f32;
            step.whole(|w, g, [mean]| {
                let rows = if w.rank() == 0 { 1 } else { w.size(0) };
                *mean = g.reshape([rows, g.numel() / rows.max(1)]).mean(1);
                if w.rank() < 2 {
                    *mean = Tensor::scalar(g.norm_squared() as f32);
                }
                w.zip_(g, |w, g| *w -= rate * g);
            });
        }
    }
    found(OtherShapeOfVectors, "shapes stay");
}

#[test]
fn a_limit_of_stability_that_is_not_there_is_found() {
    #[derive(Clone)]
    struct Limit(f64);
    impl Rule for Limit {
        const NAME: &'static str = "Limit";
        fn update(&self, step: Step) {
            let rate = step.rate as f32;
            step.each(|w, g, []| *w -= rate * g);
        }
        fn stability_limit(&self) -> Option<f64> {
            Some(self.0)
        }
    }
    conformance::check(Limit(2.0));
    for wrong in [1.0, 2.1, 3.8] {
        found(Limit(wrong), "the limit of stability is where it is said to be");
    }
}

#[test]
fn a_rate_that_is_not_the_quickest_is_found() {
    #[derive(Clone)]
    struct Quickest(f64);
    impl Rule for Quickest {
        const NAME: &'static str = "Quickest";
        fn slots(&self) -> &'static [&'static str] {
            &["velocity"]
        }
        fn update(&self, step: Step) {
            let rate = step.rate as f32;
            step.each(|w, g, [v]| {
                *v = 0.9 * *v + g;
                *w -= rate * *v;
            });
        }
        fn quickest(&self) -> Option<f64> {
            Some(self.0)
        }
    }
    conformance::check(Quickest(0.19));
    for wrong in [0.1, 0.36, 1.0, 1.9, 4.0] {
        found(Quickest(wrong), "it is quickest where it is said to be");
    }
}

#[test]
fn an_average_of_another_shape_is_found() {
    #[derive(Clone)]
    struct FlatAverage;
    impl Rule for FlatAverage {
        const NAME: &'static str = "FlatAverage";
        fn update(&self, step: Step) {
            let rate = step.rate as f32;
            step.each(|w, g, []| *w -= rate * g);
        }
        fn averaged(&self, w: &Tensor, _slots: &[Tensor]) -> Option<Tensor> {
            Some(w.flatten(..))
        }
    }
    found(FlatAverage, "shapes stay");
}

/// This check fails.
#[track_caller]
fn found(rule: impl Rule, check: &str) {
    let failures = conformance::failures(rule);
    assert!(failures.iter().any(|failure| failure.check == check), "{failures:#?}");
}

#[test]
fn a_name_given_twice_is_found() {
    #[derive(Clone)]
    struct Twice;
    impl Rule for Twice {
        const NAME: &'static str = "Twice";
        fn slots(&self) -> &'static [&'static str] {
            &["velocity", "velocity"]
        }
        fn slot_shape(&self, _slot: &str, param: &Shape) -> Shape {
            *param
        }
        fn update(&self, step: Step) {
            step.each(|w, g, [a, b]| {
                (*a, *b) = (g, g);
                *w -= g;
            });
        }
    }
    assert_eq!(conformance::failures(Twice)[0].check, "names are given once");
}

#[test]
fn there_are_enough_checks_and_each_has_its_name() {
    let mut names = conformance::names();
    assert!(names.len() >= 26);
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), conformance::names().len());
}

#[test]
#[should_panic(expected = "WrongSign fails ")]
fn check_names_what_fails() {
    conformance::check(WrongSign {});
}

#[test]
#[should_panic(expected = "there is no check named \"nonsense\"")]
fn an_exception_must_exist() {
    conformance::check_except(Sgd::default(), &["nonsense"]);
}
