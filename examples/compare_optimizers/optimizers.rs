//! The optimizers that are compared, each with the rate that is usual for it.

use ravine::optim::{
    AdaBelief, Adadelta, Adafactor, Adagrad, Adamax, Adan, Lamb, Lars, Lion, Lookahead, Muon, NAdam, RAdam,
    RmsProp, ScheduleFreeAdamW, ScheduleFreeSgd, Signum, Yogi,
};
use ravine::prelude::*;

/// An optimizer that can be made for any model.
#[derive(Clone, Copy)]
pub struct Contender {
    /// What it is called.
    pub name: &'static str,
    /// The middle of the rates that are tried.
    pub usual_rate: f64,
    /// Makes one for a model, at a rate, for so many steps.
    pub make: fn(&dyn Module, f64, u64) -> Box<dyn Optimize>,
}

/// `rule` under a rate that falls along a cosine.
fn falling<R: Rule>(model: &dyn Module, rule: R, rate: f64, steps: u64) -> Box<dyn Optimize> {
    Box::new(Optimizer::new(model, rule, Cosine::new(rate, steps)))
}

/// Each line: name, usual rate, rule.
macro_rules! contenders {
    ($($name:literal, $rate:literal, $rule:expr;)*) => {
        &[$(Contender { name: $name, usual_rate: $rate, make: |model, rate, steps| falling(model, $rule, rate, steps) },)*
            Contender {
                name: "schedule-free-sgd",
                usual_rate: 1.0,
                make: |model, rate, _| Box::new(Optimizer::new(model, ScheduleFreeSgd::default(), rate)),
            },
            Contender {
                name: "schedule-free-adamw",
                usual_rate: 3e-3,
                make: |model, rate, _| Box::new(Optimizer::new(model, ScheduleFreeAdamW::default(), rate)),
            },
            Contender {
                name: "lookahead-adam",
                usual_rate: 2e-3,
                make: |model, rate, steps| {
                    let adam = Optimizer::new(model, Adam::default(), Cosine::new(rate, steps));
                    Box::new(Lookahead::new(model, adam, 5, 0.5))
                },
            },
        ]
    };
}

/// All of them.
pub const ALL: &[Contender] = contenders! {
    "sgd", 0.3, Sgd::default();
    "momentum", 0.05, Sgd::momentum(0.9);
    "nesterov", 0.05, Sgd { nesterov: true, ..Sgd::momentum(0.9) };
    "adam", 2e-3, Adam::default();
    "amsgrad", 2e-3, Adam { amsgrad: true, ..Adam::default() };
    "adamw", 2e-3, AdamW::default();
    "adamax", 4e-3, Adamax::default();
    "nadam", 2e-3, NAdam::default();
    "radam", 2e-3, RAdam::default();
    "rmsprop", 1e-3, RmsProp::default();
    "adagrad", 0.02, Adagrad::default();
    "adadelta", 1.0, Adadelta::default();
    "adafactor", 0.03, Adafactor::default();
    "adabelief", 2e-3, AdaBelief::default();
    "yogi", 1e-2, Yogi::default();
    "adan", 5e-3, Adan::default();
    "lion", 3e-4, Lion::default();
    "signum", 3e-4, Signum::default();
    "lamb", 1e-2, Lamb::default();
    "lars", 10.0, Lars::default();
    "muon", 0.02, Muon::default();
};
