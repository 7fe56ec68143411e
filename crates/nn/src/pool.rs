//! Pooling layers.

use ravine_autograd::{Module, Var};
use ravine_tensor::PoolOptions;

use crate::Layer;

macro_rules! pooling {
    ($(#[$doc:meta])* $name:ident, $op:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Module)]
        pub struct $name {
            #[module(skip)]
            options: PoolOptions,
        }

        impl $name {
            /// Square windows of this size that touch and do not overlap, without padding.
            ///
            /// # Panics
            /// If the size is 0.
            #[track_caller]
            pub fn new(kernel: usize) -> Self {
                assert!(kernel > 0, concat!(stringify!($name), ": kernel is 0; expected at least 1"));
                $name { options: PoolOptions::square(kernel) }
            }

            /// The layer with this step between windows.
            ///
            /// # Panics
            /// If it is 0.
            #[track_caller]
            #[must_use]
            pub fn stride(mut self, stride: usize) -> Self {
                assert!(stride > 0, concat!(stringify!($name), ": stride is 0; expected at least 1"));
                self.options.stride = [stride; 2];
                self
            }

            /// The layer with so many places added on each side of its input.
            ///
            /// # Panics
            /// If it is more than half the kernel.
            #[track_caller]
            #[must_use]
            pub fn padding(mut self, padding: usize) -> Self {
                let kernel = self.options.kernel[0];
                assert!(
                    2 * padding <= kernel,
                    concat!(stringify!($name), ": padding is {}; expected at most half the kernel, which is {}"),
                    padding,
                    kernel
                );
                self.options.padding = [padding; 2];
                self
            }
        }

        impl Layer for $name {
            #[track_caller]
            fn forward(&self, x: &Var) -> Var {
                x.$op(&self.options)
            }
        }
    };
}

pooling! {
    /// The largest element of each window; padding is never the largest.
    ///
    /// Shapes: `[batch, channels, h, w] -> [batch, channels, oh, ow]`, with `oh = (h + 2 padding - kernel) / stride + 1`, rounded down.
    ///
    /// ```
    /// use ravine_autograd::Tape;
    /// use ravine_nn::{Layer, MaxPool2d};
    /// use ravine_tensor::Tensor;
    ///
    /// let x = Tape::eval().input(Tensor::zeros([64, 6, 28, 28]));
    /// assert_eq!(MaxPool2d::new(2).forward(&x).shape(), &[64, 6, 14, 14]);
    /// ```
    MaxPool2d, max_pool2d
}

pooling! {
    /// The mean of each window, in which padding counts as zeros (PyTorch's `count_include_pad=True`).
    ///
    /// Shapes: as [`MaxPool2d`].
    ///
    /// ```
    /// use ravine_autograd::Tape;
    /// use ravine_nn::{AvgPool2d, Layer};
    /// use ravine_tensor::Tensor;
    ///
    /// let x = Tape::eval().input(Tensor::ones([1, 1, 4, 4]));
    /// assert_eq!(AvgPool2d::new(4).forward(&x).item(), 1.0);
    /// ```
    AvgPool2d, avg_pool2d
}
