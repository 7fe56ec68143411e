//! Larger images.

use ravine_autograd::{Module, Var};
use ravine_tensor::Tensor;

use crate::Layer;
use crate::check::{self, Sizes};

/// An image larger by whole factors: each place repeated, or with values between neighbours.
///
/// Shapes: `[batch, channels, h, w] -> [batch, channels, scale h, scale w]`. Place `i` of the output shows place `i / scale` of the input,
/// rounded down ([`nearest`](Self::nearest)), or what lies at `(i + 1/2) / scale - 1/2` on the lines between neighbours
/// ([`bilinear`](Self::bilinear), PyTorch's `align_corners=False`).
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
/// ```
#[derive(Clone, Copy, Debug, Module)]
pub struct Upsample {
    #[module(skip)]
    scale: [usize; 2],
    bilinear: bool,
}

impl Upsample {
    /// Each place repeated.
    ///
    /// # Panics
    /// If a factor is 0.
    #[track_caller]
    pub fn nearest(scale: impl Sizes<2>) -> Self {
        Self::new(scale.each(), false)
    }

    /// Values between neighbours.
    ///
    /// # Panics
    /// If a factor is 0.
    #[track_caller]
    pub fn bilinear(scale: impl Sizes<2>) -> Self {
        Self::new(scale.each(), true)
    }

    #[track_caller]
    fn new(scale: [usize; 2], bilinear: bool) -> Self {
        check::each_positive("Upsample", "scale", scale);
        Upsample { scale, bilinear }
    }
}

impl Layer for Upsample {
    #[track_caller]
    fn forward(&self, x: &Var) -> Var {
        assert!(x.rank() == 4, "Upsample: input {}; expected [batch, channels, height, width]", x.shape());
        let mut x = x.clone();
        for (axis, scale) in [2, 3].into_iter().zip(self.scale).filter(|&(_, scale)| scale > 1) {
            x = if self.bilinear { between(&x, axis, scale) } else { repeated(&x, axis, scale) };
        }
        x
    }
}

fn repeated(x: &Var, axis: isize, scale: usize) -> Var {
    let places = Tensor::from_fn(x.size(axis) * scale, |i| (i / scale) as i64);
    x.index_select(axis, &places)
}

fn between(x: &Var, axis: isize, scale: usize) -> Var {
    let size = x.size(axis);
    // Where each place of the output lies on the input.
    let place = |i: usize| (((i as f64 + 0.5) / scale as f64) - 0.5).max(0.0);
    let before = Tensor::from_fn(size * scale, |i| place(i) as i64);
    let after = before.map(|i| (i + 1).min(size as i64 - 1));
    let share = Tensor::from_fn(size * scale, |i| place(i).fract() as f32);
    let share = x.constant(if axis == 2 { share.unsqueeze(1) } else { share });
    let (before, after) = (x.index_select(axis, &before), x.index_select(axis, &after));
    &before + (after - &before) * share
}
