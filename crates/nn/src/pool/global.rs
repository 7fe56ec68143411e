//! One number for each channel.

use ravine_autograd::{Module, Var};

use crate::Layer;

macro_rules! global {
    ($(#[$doc:meta])* $name:ident = $op:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, Module)]
        #[module(display)]
        pub struct $name;

        impl Layer for $name {
            #[track_caller]
            fn forward(&self, x: &Var) -> Var {
                assert!(
                    x.rank() >= 3,
                    concat!(stringify!($name), ": input {}; expected [batch, channels, ..] with at least one more axis"),
                    x.shape()
                );
                x.flatten(2).$op(2)
            }
        }
    };
}

global! {
    /// `y[b, c] = mean x[b, c, ..]`: the mean of each channel over all its positions.
    ///
    /// Shapes: `[batch, channels, ..] -> [batch, channels]`. No parameters.
    ///
    /// Lin, Chen and Yan 2014, 'Network in network'.
    ///
    /// ```
    /// use ravine_autograd::Tape;
    /// use ravine_nn::{GlobalAvgPool, Layer};
    /// use ravine_tensor::Tensor;
    ///
    /// let x = Tape::eval().input(Tensor::ones([2, 8, 13, 17]));
    /// assert_eq!(GlobalAvgPool.forward(&x).value(), &Tensor::ones([2, 8]));
    /// ```
    GlobalAvgPool = mean
}

global! {
    /// `y[b, c] = max x[b, c, ..]`: the largest element of each channel. Where several are, they share the gradient.
    ///
    /// Shapes: `[batch, channels, ..] -> [batch, channels]`. No parameters.
    ///
    /// Oquab et al. 2015, 'Is object localization for free? Weakly-supervised learning with convolutional neural networks'.
    ///
    /// ```
    /// use ravine_autograd::Tape;
    /// use ravine_nn::{GlobalMaxPool, Layer};
    /// use ravine_tensor::Tensor;
    ///
    /// let x = Tape::eval().input(Tensor::from([[[1.0, 3.0, 2.0]]]));
    /// assert_eq!(GlobalMaxPool.forward(&x).value().to_vec(), [3.0]);
    /// ```
    GlobalMaxPool = max
}
