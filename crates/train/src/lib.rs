//! Training: the data-parallel step, evaluation, checkpoints, and a loop that has them all.
//!
//! A loop of one's own is short:
//!
//! ```no_run
//! # extern crate ravine_autograd as ravine;
//! # use ravine_autograd::{Module, Param, Var};
//! # #[derive(Module)] struct Net { weight: Param }
//! # impl Net { fn forward(&self, x: &Var) -> Var { x.clone() } }
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let model = Net { weight: Param::new(ravine_tensor::Tensor::zeros([1])) };
//! use ravine_data::{Mnist, Order, Plan};
//! use ravine_optim::{Optimizer, Sgd};
//! use ravine_tensor::Rng;
//! use ravine_train::{Outcome, evaluate, step};
//!
//! let data = Mnist::load("examples/data/mnist")?;
//! let mut optimizer = Optimizer::new(&model, Sgd::default(), 0.05);
//! let pass = |tape: &ravine_autograd::Tape, (images, labels): &(_, _)| {
//!     let images: &ravine_tensor::Tensor = images;
//!     Outcome::classification(&model.forward(&tape.input(images.clone())), labels)
//! };
//! let (plan, rng) = (Plan::new(data.train.len(), 64, Order::Shuffled { seed: 1 }), Rng::new(1));
//! # use ravine_data::Dataset;
//! for epoch in 0..5 {
//!     for (i, pick) in plan.epoch(epoch).iter().enumerate() {
//!         let result = step(&data.train, pick, 2, &rng.child(epoch as u64).child(i as u64), pass)?;
//!         optimizer.step(result.gradients)?;
//!         result.updates.apply();
//!     }
//!     println!("{:?}", evaluate(&data.test, 250, pass)?);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! [`Trainer`] is that loop with metrics, checkpoints, resuming, early stopping, logs, a report, a record for repeating the run, and
//! [callbacks](Callback) for everything else.
//!
//! The chapters, in reading order: [`Outcome`] (the result of a forward pass) and [`metrics`], [`data_parallel`], [`step`] and [`evaluate`],
//! [`Trainer`] (the settings of a run) and [`Record`] (its evaluations), [`Goal`] (which evaluation is the best), [`Callback`],
//! [`PostMortem`] (why a run diverged), [`file`](mod@file) (one value in one file), [`Checkpoint`], [`RunRecord`] (repeating a run, and
//! verifying that it is the same), [`TensorBoard`], [`png_grid`] and [`Progress`]; and [`Sweep`] (many runs, to find settings).

#![deny(missing_docs)]
#![forbid(unsafe_code)]

mod callback;
mod checkpoint;
mod error;
pub mod file;
mod goal;
mod guard;
mod hash;
mod log;
pub mod metrics;
mod outcome;
mod progress;
mod record;
mod replay;
mod report;
mod step;
pub mod sweep;
mod trainer;

pub use callback::{Callback, CallbackError, CallbackResult, Flow, RunState};
pub use checkpoint::Checkpoint;
pub use error::TrainError;
pub use file::FileError;
pub use goal::Goal;
pub use guard::{PostMortem, Trouble};
pub use hash::weights_hash;
pub use log::{TensorBoard, png_grid};
pub use outcome::{Outcome, Scores};
pub use progress::{Progress, Task};
pub use record::{Record, StepRecord};
pub use replay::{Environment, Evaluation, RunRecord};
#[doc(alias = "DistributedDataParallel")]
pub use step::data_parallel;
pub use step::{StepResult, evaluate, step};
pub use sweep::{Space, Sweep, SweepError, Trial};
pub use trainer::{Ended, Report, Trainer, Unsaved};
