//! Pooling over windows of a fixed size.

use ravine_autograd::{Module, Var};
use ravine_tensor::PoolOptions;

use crate::Layer;
use crate::check::{self, Sizes};

macro_rules! pooling {
    ($(#[$doc:meta])* $name:ident: $axes:literal axes by $op:ident, $shape:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Module)]
        pub struct $name {
            #[module(skip)]
            options: PoolOptions<$axes>,
        }

        impl $name {
            /// Windows of this size that touch and do not overlap, without padding.
            ///
            /// # Panics
            /// If the size is 0.
            #[track_caller]
            pub fn new(kernel: impl Sizes<$axes>) -> Self {
                let kernel = kernel.each();
                check::each_positive(stringify!($name), "kernel", kernel);
                $name { options: PoolOptions { kernel, stride: kernel, padding: [0; $axes] } }
            }

            /// The layer with this step between windows.
            ///
            /// # Panics
            /// If it is 0.
            #[track_caller]
            #[must_use]
            pub fn stride(mut self, stride: impl Sizes<$axes>) -> Self {
                self.options.stride = stride.each();
                check::each_positive(stringify!($name), "stride", self.options.stride);
                self
            }

            /// The layer with so many places added on each side of its input.
            ///
            /// # Panics
            /// If it is more than half the kernel.
            #[track_caller]
            #[must_use]
            pub fn padding(mut self, padding: impl Sizes<$axes>) -> Self {
                let (padding, kernel) = (padding.each(), self.options.kernel);
                assert!(
                    padding.iter().zip(&kernel).all(|(padding, kernel)| 2 * padding <= *kernel),
                    concat!(stringify!($name), ": padding is {:?}; expected at most half the kernel, which is {:?}"),
                    padding,
                    kernel
                );
                self.options.padding = padding;
                self
            }
        }

        impl Layer for $name {
            #[track_caller]
            fn forward(&self, x: &Var) -> Var {
                assert!(
                    x.rank() == 2 + $axes,
                    concat!(stringify!($name), ": input {}; expected ", $shape),
                    x.shape()
                );
                let input: [usize; $axes] = std::array::from_fn(|axis| x.shape()[2 + axis]);
                assert!(
                    self.options.output_size(input).is_some(),
                    concat!(stringify!($name), ": kernel is {:?}; expected to fit the input, {} with padding {:?}"),
                    self.options.kernel,
                    x.shape(),
                    self.options.padding
                );
                x.$op(&self.options)
            }
        }
    };
}

pooling! {
    /// The largest element of each window of a line; padding is never the largest.
    ///
    /// Shapes: `[batch, channels, length] -> [batch, channels, out_length]`, sizes as [`MaxPool2d`].
    ///
    /// ```
    /// use ravine_autograd::Tape;
    /// use ravine_nn::{Layer, MaxPool1d};
    /// use ravine_tensor::Tensor;
    ///
    /// let x = Tape::eval().input(Tensor::from([[[1.0, 3.0, 2.0, -1.0]]]));
    /// assert_eq!(MaxPool1d::new(2).forward(&x).value().to_vec(), [3.0, 2.0]);
    /// ```
    MaxPool1d: 1 axes by max_pool1d, "[batch, channels, length]"
}

pooling! {
    /// The largest element of each window of an image; padding is never the largest.
    ///
    /// Shapes: `[batch, channels, h, w] -> [batch, channels, oh, ow]`, with `oh = (h + 2 padding - kernel) / stride + 1`, rounded down.
    ///
    /// Ranzato et al. 2007, 'Unsupervised learning of invariant feature hierarchies'.
    ///
    /// ```
    /// use ravine_autograd::Tape;
    /// use ravine_nn::{Layer, MaxPool2d};
    /// use ravine_tensor::Tensor;
    ///
    /// let x = Tape::eval().input(Tensor::zeros([64, 6, 28, 28]));
    /// assert_eq!(MaxPool2d::new(2).forward(&x).shape(), &[64, 6, 14, 14]);
    /// ```
    MaxPool2d: 2 axes by max_pool2d, "[batch, channels, height, width]"
}

pooling! {
    /// The mean of each window of a line, in which padding counts as zeros (PyTorch's `count_include_pad=True`).
    ///
    /// Shapes: as [`MaxPool1d`].
    ///
    /// ```
    /// use ravine_autograd::Tape;
    /// use ravine_nn::{AvgPool1d, Layer};
    /// use ravine_tensor::Tensor;
    ///
    /// let x = Tape::eval().input(Tensor::from([[[1.0, 3.0, 2.0, -1.0]]]));
    /// assert_eq!(AvgPool1d::new(2).forward(&x).value().to_vec(), [2.0, 0.5]);
    /// ```
    AvgPool1d: 1 axes by avg_pool1d, "[batch, channels, length]"
}

pooling! {
    /// The mean of each window of an image, in which padding counts as zeros (PyTorch's `count_include_pad=True`).
    ///
    /// Shapes: as [`MaxPool2d`]. LeCun et al. 1998, 'Gradient-based learning applied to document recognition'.
    ///
    /// ```
    /// use ravine_autograd::Tape;
    /// use ravine_nn::{AvgPool2d, Layer};
    /// use ravine_tensor::Tensor;
    ///
    /// let x = Tape::eval().input(Tensor::ones([1, 1, 4, 4]));
    /// assert_eq!(AvgPool2d::new(4).forward(&x).item(), 1.0);
    /// ```
    AvgPool2d: 2 axes by avg_pool2d, "[batch, channels, height, width]"
}
