//! Larger images.

use std::fmt;

use ravine_autograd::{Module, Var, Visitor};
use ravine_tensor::Tensor;

use crate::Layer;
use crate::check::{self, Sizes};

/// `y[i, j] = x[p(i), p(j)]`, an image enlarged by integer factors or resized to any size: nearest neighbour, or interpolated.
///
/// With `n` places of the input along an axis and `m` of the output, place `i` of the output shows `p(i) = ⌊i n / m⌋` of the input
/// ([`nearest`](Self::nearest)), or what lies at `p(i) = (i + 1/2) n / m - 1/2` on the lines between neighbours ([`bilinear`](Self::bilinear)),
/// or at `p(i) = i (n - 1) / (m - 1)`, so that the corners of both images are the same places ([`align_corners`](Self::align_corners)). What
/// is smaller than its input is not smoothed.
///
/// Shapes: `[batch, channels, h, w] -> [batch, channels, scale h, scale w]`, or `[batch, channels, size..]`. No parameters.
///
/// Odena, Dumoulin and Olah 2016, 'Deconvolution and checkerboard artifacts'.
///
/// ```
/// use ravine_autograd::Tape;
/// use ravine_nn::{Layer, Upsample};
/// use ravine_tensor::Tensor;
///
/// let x = Tape::eval().input(Tensor::from([[[[0.0, 4.0]]]]));
/// assert_eq!(Upsample::nearest([1, 2]).forward(&x).value().to_vec(), [0.0, 0.0, 4.0, 4.0]);
/// assert_eq!(Upsample::nearest_to([1, 3]).forward(&x).value().to_vec(), [0.0, 0.0, 4.0]);
/// assert_eq!(Upsample::bilinear([1, 2]).forward(&x).value().to_vec(), [0.0, 1.0, 3.0, 4.0]);
/// let aligned = Upsample::bilinear([1, 2]).align_corners().forward(&x);
/// assert!((aligned.value().at([0, 0, 0, 1]) - 4.0 / 3.0).abs() < 1e-6);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Upsample {
    output: Output,
    mode: Mode,
}

/// How large the image becomes: by factors, or whatever the size of the input.
#[derive(Clone, Copy, Debug)]
enum Output {
    Scale([usize; 2]),
    Size([usize; 2]),
}

/// How values between the positions of the input are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Nearest,
    Bilinear,
    BilinearCorners,
}

impl Upsample {
    /// Nearest neighbour: each position repeated.
    ///
    /// # Panics
    /// If a factor is 0.
    #[track_caller]
    pub fn nearest(scale: impl Sizes<2>) -> Self {
        Self::times(scale.each(), Mode::Nearest)
    }

    /// Larger by these factors, with values between neighbours (PyTorch's `mode="bilinear"`, with `align_corners=False`).
    ///
    /// # Panics
    /// If a factor is 0.
    #[track_caller]
    pub fn bilinear(scale: impl Sizes<2>) -> Self {
        Self::times(scale.each(), Mode::Bilinear)
    }

    /// [`nearest`](Self::nearest), to this height and width whatever the input's. (The places are PyTorch's, which computes them in `f32`:
    /// where `i n / m` is whole, rounding may make it one less.)
    ///
    /// # Panics
    /// If one is 0.
    #[track_caller]
    pub fn nearest_to(size: impl Sizes<2>) -> Self {
        Self::to(size.each(), Mode::Nearest)
    }

    /// [`bilinear`](Self::bilinear), to this height and width whatever the input's.
    ///
    /// # Panics
    /// If one is 0.
    #[track_caller]
    pub fn bilinear_to(size: impl Sizes<2>) -> Self {
        Self::to(size.each(), Mode::Bilinear)
    }

    /// Values between neighbours, where the corners of both images are the same places (PyTorch's `align_corners=True`).
    ///
    /// # Panics
    /// If it is the nearest neighbour that is shown.
    #[must_use]
    #[track_caller]
    pub fn align_corners(self) -> Self {
        assert!(self.mode != Mode::Nearest, "Upsample: align_corners of nearest; expected bilinear");
        Upsample { mode: Mode::BilinearCorners, ..self }
    }

    #[track_caller]
    fn times(scale: [usize; 2], mode: Mode) -> Self {
        check::each_positive("Upsample", "scale", scale);
        Upsample { output: Output::Scale(scale), mode }
    }

    #[track_caller]
    fn to(size: [usize; 2], mode: Mode) -> Self {
        check::each_positive("Upsample", "size", size);
        Upsample { output: Output::Size(size), mode }
    }
}

impl Module for Upsample {
    fn visit(&self, visitor: &mut Visitor<'_>) {
        match &self.output {
            Output::Scale(scale) => visitor.setting("scale", scale),
            Output::Size(size) => visitor.setting("size", size),
        }
        visitor.setting("mode", &self.mode);
    }
}

/// Its tree.
impl fmt::Display for Upsample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.tree().fmt(f)
    }
}

impl Layer for Upsample {
    #[track_caller]
    fn forward(&self, x: &Var) -> Var {
        assert!(x.rank() == 4, "Upsample: input {}; expected [batch, channels, height, width]", x.shape());
        let old = [x.size(2), x.size(3)];
        let new = match self.output {
            Output::Scale(scale) => [0, 1].map(|d| scale[d] * old[d]),
            Output::Size(size) => size,
        };
        assert!(
            new.contains(&0) || !old.contains(&0),
            "Upsample: input {}; expected an image that is not empty, to be made {new:?}",
            x.shape()
        );
        let mut x = x.clone();
        for (d, axis) in [2, 3].into_iter().enumerate() {
            let (old, new) = (old[d], new[d]);
            if new == old {
                continue;
            }
            let (n, m) = (old as f64, new as f64);
            x = match (self.mode, self.output) {
                (Mode::Nearest, Output::Scale(scale)) => repeated(&x, axis, new, |i| i / scale[d]),
                (Mode::Nearest, Output::Size(_)) => {
                    let step = old as f32 / new as f32;
                    repeated(&x, axis, new, |i| ((i as f32 * step) as usize).min(old - 1))
                }
                (Mode::Bilinear, _) => between(&x, axis, new, |i| ((i + 0.5) * n / m - 0.5).max(0.0)),
                (Mode::BilinearCorners, _) => between(&x, axis, new, |i| i * (n - 1.0) / (m - 1.0).max(1.0)),
            };
        }
        x
    }
}

/// `place(i)` of the input, for each place `i` of the `new` ones.
fn repeated(x: &Var, axis: isize, new: usize, place: impl Fn(usize) -> usize) -> Var {
    x.index_select(axis, &Tensor::from_fn(new, |i| place(i) as i64))
}

/// The input interpolated at `place(i)`, for each of the `new` positions `i` of the output.
fn between(x: &Var, axis: isize, new: usize, place: impl Fn(f64) -> f64) -> Var {
    let last = x.size(axis) as i64 - 1;
    // Rounding may put the last one a little beyond.
    let before = Tensor::from_fn(new, |i| (place(i as f64) as i64).min(last));
    let after = before.map(|i| (i + 1).min(last));
    let share = Tensor::from_fn(new, |i| place(i as f64).fract() as f32);
    let share = x.constant(if axis == 2 { share.unsqueeze(1) } else { share });
    let (before, after) = (x.index_select(axis, &before), x.index_select(axis, &after));
    &before + (after - &before) * share
}
