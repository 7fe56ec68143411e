//! Larger images.

use ravine_autograd::{Module, Var};
use ravine_tensor::Tensor;

use crate::Layer;
use crate::check::{self, Sizes};

/// `y[i, j] = x[p(i), p(j)]`, an image enlarged by integer factors: nearest neighbour, or interpolated.
///
/// Place `i` of the output shows `p(i) = ⌊i / scale⌋` of the input ([`nearest`](Self::nearest)), or what lies at `p(i) = (i + 1/2) / scale - 1/2`
/// on the lines between neighbours ([`bilinear`](Self::bilinear)), or at `p(i) = i (h - 1) / (scale h - 1)`, so that the corners of both images
/// are the same places ([`align_corners`](Self::align_corners)).
///
/// Shapes: `[batch, channels, h, w] -> [batch, channels, scale h, scale w]`. No parameters.
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
/// assert_eq!(Upsample::bilinear([1, 2]).forward(&x).value().to_vec(), [0.0, 1.0, 3.0, 4.0]);
/// let aligned = Upsample::bilinear([1, 2]).align_corners().forward(&x);
/// assert!((aligned.value().at([0, 0, 0, 1]) - 4.0 / 3.0).abs() < 1e-6);
/// ```
#[derive(Clone, Copy, Debug, Module)]
#[module(display)]
pub struct Upsample {
    #[module(setting)]
    scale: [usize; 2],
    #[module(setting)]
    mode: Mode,
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
        Self::new(scale.each(), Mode::Nearest)
    }

    /// Values between neighbours (PyTorch's `mode="bilinear"`, with `align_corners=False`).
    ///
    /// # Panics
    /// If a factor is 0.
    #[track_caller]
    pub fn bilinear(scale: impl Sizes<2>) -> Self {
        Self::new(scale.each(), Mode::Bilinear)
    }

    /// Values between neighbours, where the corners of both images are the same places (PyTorch's `align_corners=True`).
    #[must_use]
    pub fn align_corners(self) -> Self {
        Upsample { mode: Mode::BilinearCorners, ..self }
    }

    #[track_caller]
    fn new(scale: [usize; 2], mode: Mode) -> Self {
        check::each_positive("Upsample", "scale", scale);
        Upsample { scale, mode }
    }
}

impl Layer for Upsample {
    #[track_caller]
    fn forward(&self, x: &Var) -> Var {
        assert!(x.rank() == 4, "Upsample: input {}; expected [batch, channels, height, width]", x.shape());
        let mut x = x.clone();
        for (axis, scale) in [2, 3].into_iter().zip(self.scale).filter(|&(_, scale)| scale > 1) {
            let (old, new) = (x.size(axis) as f64, (x.size(axis) * scale) as f64);
            x = match self.mode {
                Mode::Nearest => repeated(&x, axis, scale),
                Mode::Bilinear => between(&x, axis, scale, |i| ((i + 0.5) / scale as f64 - 0.5).max(0.0)),
                Mode::BilinearCorners => between(&x, axis, scale, |i| i * (old - 1.0) / (new - 1.0)),
            };
        }
        x
    }
}

fn repeated(x: &Var, axis: isize, scale: usize) -> Var {
    let places = Tensor::from_fn(x.size(axis) * scale, |i| (i / scale) as i64);
    x.index_select(axis, &places)
}

/// The input interpolated at `place(i)`, for each position `i` of the output.
fn between(x: &Var, axis: isize, scale: usize, place: impl Fn(f64) -> f64) -> Var {
    let size = x.size(axis);
    let before = Tensor::from_fn(size * scale, |i| place(i as f64) as i64);
    let after = before.map(|i| (i + 1).min(size as i64 - 1));
    let share = Tensor::from_fn(size * scale, |i| place(i as f64).fract() as f32);
    let share = x.constant(if axis == 2 { share.unsqueeze(1) } else { share });
    let (before, after) = (x.index_select(axis, &before), x.index_select(axis, &after));
    &before + (after - &before) * share
}
