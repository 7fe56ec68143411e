//! Running statistics: what training saw, for the passes after it.

use ravine_autograd::{Buffer, Tape};
use ravine_tensor::Tensor;

/// Both running statistics, as they are before the first step: mean 0, variance 1.
pub(super) fn at_first(channels: usize) -> (Option<Buffer>, Option<Buffer>) {
    (Some(Buffer::new(Tensor::zeros(channels))), Some(Buffer::new(Tensor::ones(channels))))
}

/// Notes on the tape that they should move towards these, which came from `samples` samples.
pub(super) fn follow(
    tape: &Tape,
    running: [&Option<Buffer>; 2],
    seen: [Tensor; 2],
    momentum: f64,
    samples: usize,
) {
    for (running, seen) in running.into_iter().zip(seen) {
        if let Some(running) = running {
            tape.update_buffer(running, seen, momentum, samples);
        }
    }
}

/// The setting of layers that keep running statistics.
macro_rules! with_momentum {
    ($name:ident) => {
        impl $name {
            /// The layer whose running statistics move by this share of the distance, each step.
            ///
            /// # Panics
            /// If it is not in `0 <= momentum <= 1`.
            #[track_caller]
            #[must_use]
            pub fn momentum(mut self, momentum: f64) -> Self {
                let name = stringify!($name);
                assert!((0.0..=1.0).contains(&momentum), "{name}: momentum is {momentum}; expected 0 to 1");
                self.momentum = momentum;
                self
            }
        }
    };
}
pub(super) use with_momentum;
