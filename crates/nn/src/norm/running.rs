//! The running statistics of batch and instance norm: averages over training batches, which evaluating passes use.

use ravine_autograd::{Buffer, Tape};
use ravine_tensor::Tensor;

/// The initial running statistics: mean 0, variance 1.
pub(super) fn at_first(channels: usize) -> (Option<Buffer>, Option<Buffer>) {
    (Some(Buffer::new(Tensor::zeros(channels))), Some(Buffer::new(Tensor::ones(channels))))
}

/// The running statistics of a layer, if it keeps any, and how fast they move.
pub(super) struct Running<'a> {
    pub(super) buffers: [&'a Option<Buffer>; 2],
    pub(super) momentum: f64,
}

impl Running<'_> {
    /// Whether there are any.
    pub(super) fn is_kept(&self) -> bool {
        self.buffers[0].is_some()
    }

    /// Notes on the tape that they are to move towards these statistics of `samples` samples.
    pub(super) fn follow(&self, tape: &Tape, mean: Tensor, var: Tensor, samples: usize) {
        for (buffer, seen) in self.buffers.into_iter().zip([mean, var]) {
            if let Some(buffer) = buffer {
                tape.update_buffer(buffer, seen, self.momentum, samples);
            }
        }
    }
}

/// Such a layer, but for what it has at first. After training it normalises by the running statistics, if there are any; else as `$norm`
/// does, which they follow.
macro_rules! channel_norm {
    ($(#[$doc:meta])* $name:ident: $ranks:pat => $shapes:literal, $norm:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Module)]
        #[module(display)]
        pub struct $name {
            /// `[channels]`.
            pub weight: Option<Param>,
            /// `[channels]`.
            pub bias: Option<Param>,
            /// `[channels]`.
            pub running_mean: Option<Buffer>,
            /// `[channels]`.
            pub running_var: Option<Buffer>,
            channels: usize,
            eps: f64,
            momentum: f64,
        }

        with_eps!($name);

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

        impl Layer for $name {
            #[track_caller]
            fn forward(&self, x: &Var) -> Var {
                assert!(
                    matches!(x.rank(), $ranks) && x.shape()[1] == self.channels,
                    concat!(stringify!($name), ": input {}; expected ", $shapes, " with {} channels"),
                    x.shape(),
                    self.channels
                );
                let tape = x.tape();
                let on_tape = |parameter: &Option<Param>| parameter.as_ref().map(|p| tape.param(p));
                let (weight, bias) = (on_tape(&self.weight), on_tape(&self.bias));
                let (weight, bias) = (weight.as_ref(), bias.as_ref());
                match [&self.running_mean, &self.running_var] {
                    [Some(mean), Some(var)] if !tape.is_training() => {
                        x.batch_norm_by(&mean.value(), &var.value(), weight, bias, self.eps)
                    }
                    buffers => {
                        let running = Running { buffers, momentum: self.momentum };
                        $norm(stringify!($name), x, weight, bias, self.eps, &running)
                    }
                }
            }
        }
    };
}
pub(super) use channel_norm;
