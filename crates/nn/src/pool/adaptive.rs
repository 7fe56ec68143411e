//! Pooling into as many windows as are wanted. Window `i` of `n` is `⌊i size / n⌋ .. ⌈(i + 1) size / n⌉`, as in PyTorch.

use ravine_autograd::{Module, Var};

use crate::Layer;
use crate::check::{self, Sizes};

macro_rules! adaptive {
    ($(#[$doc:meta])* $name:ident: $axes:literal axes by $op:ident($output:expr), $shape:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Module)]
        #[module(display)]
        pub struct $name {
            #[module(setting)]
            output: [usize; $axes],
        }

        impl $name {
            /// An output of this size.
            ///
            /// # Panics
            /// If it is 0.
            #[track_caller]
            pub fn new(output: impl Sizes<$axes>) -> Self {
                let output = output.each();
                check::each_positive(stringify!($name), "output", output);
                $name { output }
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
                x.$op($output(self.output))
            }
        }
    };
}

adaptive! {
    /// `y[i] = max x[⌊i length / output⌋ .. ⌈(i + 1) length / output⌉]`: the largest element of each of `output` windows, which divide a
    /// line as evenly as possible.
    ///
    /// Shapes: `[batch, channels, length] -> [batch, channels, output]`. No parameters.
    ///
    /// He et al. 2014, 'Spatial pyramid pooling in deep convolutional networks', for lines.
    ///
    /// ```
    /// use ravine_autograd::Tape;
    /// use ravine_nn::{AdaptiveMaxPool1d, Layer};
    /// use ravine_tensor::Tensor;
    ///
    /// let x = Tape::eval().input(Tensor::from([[[1.0, 3.0, 2.0, -1.0]]]));
    /// assert_eq!(AdaptiveMaxPool1d::new(2).forward(&x).value().to_vec(), [3.0, 2.0]);
    /// ```
    AdaptiveMaxPool1d: 1 axes by adaptive_max_pool1d(|[output]: [usize; 1]| output), "[batch, channels, length]"
}

adaptive! {
    /// `y[i, j] = max x[a_i .. b_i, a_j .. b_j]`, `a_i = ⌊i h / output⌋`, `b_i = ⌈(i + 1) h / output⌉`, and likewise along the width: the largest
    /// element of each of `output` by `output` windows, which divide an image as evenly as possible.
    ///
    /// Shapes: `[batch, channels, h, w] -> [batch, channels, output, output]`. No parameters.
    ///
    /// He et al. 2014, 'Spatial pyramid pooling in deep convolutional networks'.
    ///
    /// ```
    /// use ravine_autograd::Tape;
    /// use ravine_nn::{AdaptiveMaxPool2d, Layer};
    /// use ravine_tensor::Tensor;
    ///
    /// let x = Tape::eval().input(Tensor::zeros([2, 8, 13, 17]));
    /// assert_eq!(AdaptiveMaxPool2d::new([3, 2]).forward(&x).shape(), &[2, 8, 3, 2]);
    /// ```
    AdaptiveMaxPool2d: 2 axes by adaptive_max_pool2d(|output| output), "[batch, channels, height, width]"
}

adaptive! {
    /// `y[i] = mean x[⌊i length / output⌋ .. ⌈(i + 1) length / output⌉]`: the mean of each of `output` windows, which divide a line as evenly
    /// as possible.
    ///
    /// Shapes: `[batch, channels, length] -> [batch, channels, output]`. No parameters.
    ///
    /// He et al. 2014, 'Spatial pyramid pooling in deep convolutional networks', for lines.
    ///
    /// ```
    /// use ravine_autograd::Tape;
    /// use ravine_nn::{AdaptiveAvgPool1d, Layer};
    /// use ravine_tensor::Tensor;
    ///
    /// let x = Tape::eval().input(Tensor::from([[[1.0, 3.0, 2.0, -1.0]]]));
    /// assert_eq!(AdaptiveAvgPool1d::new(2).forward(&x).value().to_vec(), [2.0, 0.5]);
    /// ```
    AdaptiveAvgPool1d: 1 axes by adaptive_avg_pool1d(|[output]: [usize; 1]| output), "[batch, channels, length]"
}

adaptive! {
    /// `y[i, j] = mean x[a_i .. b_i, a_j .. b_j]`, `a_i = ⌊i h / output⌋`, `b_i = ⌈(i + 1) h / output⌉`, and likewise along the width: the mean of
    /// each of `output` by `output` windows, which divide an image as evenly as possible.
    ///
    /// Shapes: `[batch, channels, h, w] -> [batch, channels, output, output]`. No parameters.
    ///
    /// He et al. 2014, 'Spatial pyramid pooling in deep convolutional networks'.
    ///
    /// ```
    /// use ravine_autograd::Tape;
    /// use ravine_nn::{AdaptiveAvgPool2d, Layer};
    /// use ravine_tensor::Tensor;
    ///
    /// let x = Tape::eval().input(Tensor::zeros([2, 8, 13, 17]));
    /// assert_eq!(AdaptiveAvgPool2d::new(1).forward(&x).shape(), &[2, 8, 1, 1]);
    /// ```
    AdaptiveAvgPool2d: 2 axes by adaptive_avg_pool2d(|output| output), "[batch, channels, height, width]"
}
