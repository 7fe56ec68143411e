//! Optimizers: rules that update one parameter by its gradient, and the driver that does everything else.
//!
//! ```
//! use ravine_autograd::{Param, Tape};
//! use ravine_optim::{Cosine, Optimizer, Schedule, Sgd};
//! use ravine_tensor::Tensor;
//!
//! let w = Param::new(Tensor::from([3.0, -2.0]));
//! let rate = Cosine::new(0.1, 200).warmup(10);
//! let mut optimizer = Optimizer::new(&w, Sgd { momentum: 0.9, ..Sgd::default() }, rate).clip_norm(10.0);
//! for _ in 0..200 {
//!     let loss = Tape::new().param(&w).square().sum(..);
//!     optimizer.step(loss.backward())?;
//! }
//! assert!(w.value().iter().all(|x| x.abs() < 1e-2));
//! # Ok::<(), ravine_optim::OptimError>(())
//! ```
//!
//! A new optimizer is a [`Rule`]: a struct of settings, the names of the tensors that it keeps for each parameter, and one update.
//! Schedules, groups, weight decay, clipping, frozen parameters, saving and loading, and threads come with [`Optimizer`].
//!
//! ```
//! use ravine_optim::{Rule, Step, sign};
//!
//! /// Sign descent with momentum. Bernstein et al. 2018, 'signSGD'.
//! struct SignDescent {
//!     beta: f32,
//! }
//!
//! impl Rule for SignDescent {
//!     const NAME: &'static str = "SignDescent";
//!
//!     fn slots(&self) -> &'static [&'static str] {
//!         &["momentum"]
//!     }
//!
//!     fn update(&self, step: Step) {
//!         let (beta, rate) = (self.beta, step.rate as f32);
//!         step.each(|w, g, [m]| {
//!             *m = beta * *m + (1.0 - beta) * g;
//!             *w -= rate * sign(*m);
//!         });
//!     }
//! }
//! ```
//!
//! Besides the rules, the crate has:
//!
//! - [`conformance`], which puts any rule, or any [`Optimize`], through its checks in one line.
//! - [`RateFinder`], which looks for a learning rate before training.
//! - [`Lookahead`] and [`Averaged`] (exponential or equal averages of weights), optimizers that wrap another; [`Sam`], which also wraps
//!   one, but takes a closure, because a step needs two passes; and [`Lbfgs`], whose step needs several.
//! - [`Optimizer::explain`], which takes a step apart.

#![deny(missing_docs)]
#![forbid(unsafe_code)]

mod average;
mod clip;
pub mod conformance;
mod decay;
mod error;
mod explain;
mod extra_slot;
mod finder;
mod group;
mod lbfgs;
mod lookahead;
mod optimize;
mod optimizer;
mod rule;
mod rules;
mod sam;
mod schedule;
mod state;
mod step;

#[doc(alias("AveragedModel", "swa_utils", "ema"))]
pub use average::Averaged;
pub use average::Swapped;
pub use clip::Clip;
pub use decay::Decay;
pub use error::OptimError;
pub use explain::Explanation;
#[doc(alias = "lr_finder")]
pub use finder::RateFinder;
pub use finder::{RateCurve, RatePoint};
#[doc(alias("param_groups", "add_param_group"))]
pub use group::Group;
pub use lbfgs::{Lbfgs, LbfgsOutcome, LbfgsState};
pub use lookahead::Lookahead;
pub use optimize::Optimize;
pub use optimizer::{Optimizer, Settings};
pub use rule::{Rule, Step};
pub use rules::{
    AdaBelief, Adadelta, Adafactor, Adagrad, Adam, AdamW, Adamax, Adan, Asgd, Lamb, Lars, Lion, Momentum,
    Muon, MuonScale, NAdam, RAdam, RmsProp, Rprop, ScheduleFreeAdamW, ScheduleFreeSgd, Sgd, Signum, Yogi,
    sign,
};
pub use sam::Sam;
#[doc(alias = "CosineAnnealingLR")]
pub use schedule::Cosine;
#[doc(alias = "CyclicLR")]
pub use schedule::Cyclic;
#[doc(alias = "ExponentialLR")]
pub use schedule::Exponential;
#[doc(alias = "LinearLR")]
pub use schedule::Linear;
#[doc(alias = "MultiStepLR")]
pub use schedule::MultiStep;
#[doc(alias = "OneCycleLR")]
pub use schedule::OneCycle;
#[doc(alias = "ReduceLROnPlateau")]
pub use schedule::Plateau;
#[doc(alias = "PolynomialLR")]
pub use schedule::Polynomial;
#[doc(alias("LRScheduler", "LambdaLR", "lr_scheduler"))]
pub use schedule::Schedule;
#[doc(alias = "StepLR")]
pub use schedule::StepDecay;
#[doc(alias = "SequentialLR")]
pub use schedule::Then;
#[doc(alias = "ChainedScheduler")]
pub use schedule::Times;
#[doc(alias = "CosineAnnealingWarmRestarts")]
pub use schedule::WarmRestarts;
pub use schedule::{Anneal, Better, Constant, Cycle, InverseTime, Noam, Rex, Warmup, Wsd};
pub use state::{OptimizerState, ParamState, Slot};
pub use step::{NonFinite, StepOutcome};
