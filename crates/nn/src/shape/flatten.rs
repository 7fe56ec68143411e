//! Other shapes of the same numbers.

use ravine_autograd::{Module, Var};
use ravine_tensor::Shape;

use crate::{Layer, check};

/// `y[b, (c h + i) w + j] = x[b, c, i, j]`: all axes but the first as one.
///
/// Shapes: `[batch, c, h, w] -> [batch, c h w]`, and so for any number of axes. No parameters.
///
/// ```
/// use ravine_autograd::Tape;
/// use ravine_nn::{Flatten, Layer};
/// use ravine_tensor::Tensor;
///
/// let x = Tape::eval().input(Tensor::zeros([64, 16, 5, 5]));
/// assert_eq!(Flatten.forward(&x).shape(), &[64, 400]);
/// ```
#[derive(Clone, Copy, Debug, Default, Module)]
#[module(display)]
pub struct Flatten;

impl Layer for Flatten {
    #[track_caller]
    fn forward(&self, x: &Var) -> Var {
        x.flatten(1)
    }
}

/// `y[b, c, i, j] = x[b, (c h + i) w + j]`: one axis as several, undoing [`Flatten`].
///
/// Shapes: `[batch, c h w] -> [batch, c, h, w]` for `Unflatten::new(1, [c, h, w])`, and so for any axis and sizes. No parameters.
///
/// ```
/// use ravine_autograd::Tape;
/// use ravine_nn::{Layer, Unflatten};
/// use ravine_tensor::Tensor;
///
/// let x = Tape::eval().input(Tensor::zeros([64, 400]));
/// assert_eq!(Unflatten::new(1, [16, 5, 5]).forward(&x).shape(), &[64, 16, 5, 5]);
/// ```
#[derive(Clone, Copy, Debug, Module)]
#[module(display)]
pub struct Unflatten {
    axis: isize,
    #[module(setting)]
    sizes: Shape,
}

impl Unflatten {
    /// This axis, which may be counted from the end, as axes of these sizes.
    ///
    /// # Panics
    /// If there are none.
    #[track_caller]
    pub fn new(axis: isize, sizes: impl Into<Shape>) -> Self {
        let sizes = sizes.into();
        assert!(sizes.rank() > 0, "Unflatten: sizes is empty; expected at least one axis");
        Unflatten { axis, sizes }
    }
}

impl Layer for Unflatten {
    #[track_caller]
    fn forward(&self, x: &Var) -> Var {
        let axis = x.shape().axis("Unflatten", self.axis);
        assert!(
            x.shape()[axis] == self.sizes.numel(),
            "Unflatten: axis {axis} of input {} is {} long; expected the product of sizes {}",
            x.shape(),
            x.shape()[axis],
            self.sizes
        );
        let sizes = [&x.shape()[..axis], &self.sizes, &x.shape()[axis + 1..]].concat();
        x.reshape(&sizes[..])
    }
}

/// `y[b, c, factor h + i, factor w + j] = x[b, (c factor + i) factor + j, h, w]`: channels become a finer grid.
///
/// Shapes: `[batch, channels factor², h, w] -> [batch, channels, factor h, factor w]`. No parameters.
///
/// Shi et al. 2016, 'Real-time single image and video super-resolution using an efficient sub-pixel convolutional neural network'.
///
/// ```
/// use ravine_autograd::Tape;
/// use ravine_nn::{Layer, PixelShuffle};
/// use ravine_tensor::Tensor;
///
/// let x = Tape::eval().input(Tensor::from([1.0, 2.0, 3.0, 4.0]).reshape([1, 4, 1, 1]));
/// assert_eq!(PixelShuffle::new(2).forward(&x).value(), &Tensor::from([[[[1.0, 2.0], [3.0, 4.0]]]]));
/// ```
#[derive(Clone, Copy, Debug, Module)]
#[module(display)]
pub struct PixelShuffle {
    factor: usize,
}

impl PixelShuffle {
    /// An image larger by this factor, in height and in width.
    ///
    /// # Panics
    /// If it is 0.
    #[track_caller]
    pub fn new(factor: usize) -> Self {
        check::positive("PixelShuffle", &[("factor", factor)]);
        PixelShuffle { factor }
    }
}

impl Layer for PixelShuffle {
    #[track_caller]
    fn forward(&self, x: &Var) -> Var {
        let factor = self.factor;
        let &[batch, channels, height, width] = &x.shape()[..] else {
            panic!("PixelShuffle: input {}; expected [batch, channels, height, width]", x.shape())
        };
        check::divides("PixelShuffle", ("factor²", factor * factor), &[("the input's channels", channels)]);
        x.reshape([batch, channels / (factor * factor), factor, factor, height, width])
            .permute([0, 1, 4, 2, 5, 3])
            .reshape([batch, channels / (factor * factor), height * factor, width * factor])
    }
}
