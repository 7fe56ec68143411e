//! Convolutions: the same small window of weights at every position.
//!
//! [`Conv1d`] and [`Conv2d`] look at windows of lines and images; [`ConvTranspose1d`] and [`ConvTranspose2d`] spread each position over a window of
//! the output, and so undo what a stride has done to the size.

/// The settings that both kinds have.
macro_rules! settings {
    ($name:ident, $axes:literal axes) => {
        impl $name {
            /// Windows of size `kernel`, one step apart, without padding.
            ///
            /// # Panics
            /// If a size is 0.
            #[track_caller]
            pub fn new(
                in_channels: usize,
                out_channels: usize,
                kernel: impl Sizes<$axes>,
                rng: &mut Rng,
            ) -> Self {
                Self::grouped(in_channels, out_channels, kernel, 1, rng)
            }

            /// The layer with this distance between the taps of a window.
            ///
            /// # Panics
            /// If it is 0.
            #[track_caller]
            #[must_use]
            pub fn dilation(mut self, dilation: impl Sizes<$axes>) -> Self {
                self.dilation = dilation.each();
                check::each_positive(stringify!($name), "dilation", self.dilation);
                self
            }

            /// The layer without its bias.
            #[must_use]
            pub fn no_bias(mut self) -> Self {
                self.bias = None;
                self
            }
        }
    };
}

mod direct;
mod transposed;

use std::fmt;

use ravine_autograd::{Param, Var};
use ravine_tensor::{Rng, Shape};

pub use direct::{Conv1d, Conv2d};
pub use transposed::{ConvTranspose1d, ConvTranspose2d};

use crate::{check, init};

/// How many positions a convolution adds at the edges of its input.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Padding<const AXES: usize = 2> {
    /// This many on each side of each axis.
    Each([usize; AXES]),
    /// As many as keep the size, for a stride of 1: `dilation (kernel - 1)` in all, the odd one at the end.
    Same,
}

/// `[1, 1]`, or `same`.
impl<const AXES: usize> fmt::Debug for Padding<AXES> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Padding::Each(padding) => padding.fmt(f),
            Padding::Same => f.write_str("same"),
        }
    }
}

impl<const AXES: usize> From<usize> for Padding<AXES> {
    fn from(padding: usize) -> Self {
        Padding::Each([padding; AXES])
    }
}

impl<const AXES: usize> From<[usize; AXES]> for Padding<AXES> {
    fn from(padding: [usize; AXES]) -> Self {
        Padding::Each(padding)
    }
}

/// Weight `[first, second, kernel..]` and bias `[out]`, uniform in `±1 / √(second · kernel)` as PyTorch draws them.
fn parameters(
    first: usize,
    second: usize,
    kernel: &[usize],
    out: usize,
    rng: &mut Rng,
) -> (Param, Option<Param>) {
    let fan_in = second * kernel.iter().product::<usize>();
    let shape = Shape::from([&[first, second], kernel].concat());
    let weight = Param::new(init::uniform_by_fan_in(shape, fan_in, rng));
    (weight, Some(Param::new(init::uniform_by_fan_in(out, fan_in, rng))))
}

/// The channels and groups of a convolution, checked.
#[track_caller]
fn check_channels(layer: &str, in_channels: usize, out_channels: usize, groups: usize) {
    let channels = [("in_channels", in_channels), ("out_channels", out_channels)];
    check::positive(layer, &channels);
    check::positive(layer, &[("groups", groups)]);
    check::divides(layer, ("groups", groups), &channels);
}

/// The input of a convolution, checked.
#[track_caller]
fn check_input(layer: &str, x: &Var, rank: usize, expected: &str, channels: usize) {
    let shape = x.shape();
    if shape.len() == rank && shape[1] == channels {
        return;
    }
    let hint = if shape.len() == rank && shape[rank - 1] == channels {
        "; movedim(-1, 1) puts channels that come last where they belong"
    } else if shape.len() + 1 == rank && channels == 1 {
        "; unsqueeze(1) adds the axis"
    } else {
        ""
    };
    panic!("{layer}: input {shape}; expected {expected} with {channels} channels{hint}");
}
