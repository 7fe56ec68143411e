//! Pooling over windows of a fixed size.

use ravine_autograd::{Module, Var};
use ravine_tensor::{Pad, PoolOptions, Tensor};

use crate::Layer;
use crate::check::{self, Sizes};

macro_rules! pooling {
    (
        $(#[$doc:meta])* $name:ident: $axes:literal axes by $op:ident, beyond the end $beyond:expr,
        $shape:literal
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Module)]
        #[module(display)]
        pub struct $name {
            #[module(setting)]
            kernel: [usize; $axes],
            #[module(setting)]
            stride: [usize; $axes],
            #[module(setting, unless = [0; $axes])]
            padding: [usize; $axes],
            #[module(setting, unless = false)]
            ceil_mode: bool,
            #[module(setting, unless = false)]
            exclude_padding: bool,
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
                $name { kernel, stride: kernel, padding: [0; $axes], ceil_mode: false, exclude_padding: false }
            }

            /// The layer with this step between windows.
            ///
            /// # Panics
            /// If it is 0.
            #[track_caller]
            #[must_use]
            pub fn stride(mut self, stride: impl Sizes<$axes>) -> Self {
                self.stride = stride.each();
                check::each_positive(stringify!($name), "stride", self.stride);
                self
            }

            /// The layer with `padding` positions added on each side of its input.
            ///
            /// # Panics
            /// If it is more than half the kernel.
            #[track_caller]
            #[must_use]
            pub fn padding(mut self, padding: impl Sizes<$axes>) -> Self {
                self.padding = padding.each();
                assert!(
                    self.padding.iter().zip(&self.kernel).all(|(padding, kernel)| 2 * padding <= *kernel),
                    concat!(stringify!($name), ": padding is {:?}; expected at most half the kernel, which is {:?}"),
                    self.padding,
                    self.kernel
                );
                self
            }

            /// The layer that rounds the size of its output up: the last windows may reach beyond the input and its padding, and what is there
            /// does not count. (A window must begin before them.)
            #[must_use]
            pub fn ceil_mode(mut self) -> Self {
                self.ceil_mode = true;
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
                let &$name { kernel, stride, padding, ceil_mode, exclude_padding } = self;
                let options = PoolOptions { kernel, stride, padding };
                let input: [usize; $axes] = std::array::from_fn(|axis| x.shape()[2 + axis]);
                let over = if ceil_mode { overhang(&options, input) } else { [0; $axes] };
                assert!(
                    options.output_size(std::array::from_fn(|axis| input[axis] + over[axis])).is_some(),
                    concat!(stringify!($name), ": kernel is {:?}; expected to fit the input, {} with padding {:?}"),
                    kernel,
                    x.shape(),
                    padding
                );
                let value: f32 = $beyond;
                let y = if over == [0; $axes] {
                    x.$op(&options)
                } else {
                    x.pad(over.map(|over| [0, over]), Pad::Constant(value)).$op(&options)
                };
                // The largest is never beyond; a mean has fewer terms there.
                let fewer = over != [0; $axes] || (exclude_padding && padding != [0; $axes]);
                if value == 0.0 && fewer { by_terms(y, &options, input, exclude_padding) } else { y }
            }
        }
    };
}

macro_rules! means {
    ($name:ident) => {
        impl $name {
            /// The layer whose means are over the places of the input alone, without padding (PyTorch's `count_include_pad=False`).
            #[must_use]
            #[doc(alias = "count_include_pad")]
            pub fn exclude_padding(mut self) -> Self {
                self.exclude_padding = true;
                self
            }
        }
    };
}
means!(AvgPool1d);
means!(AvgPool2d);

pooling! {
    /// `y[i] = max_t x[stride i + t - padding]`, `t` from 0 to `kernel - 1`: the largest element of each window of a line. Padding is never the
    /// largest.
    ///
    /// Shapes: `[batch, channels, length] -> [batch, channels, out_length]`, with `out_length = (length + 2 padding - kernel) / stride + 1`,
    /// rounded down. No parameters.
    ///
    /// Ranzato et al. 2007, 'Unsupervised learning of invariant feature hierarchies'.
    ///
    /// ```
    /// use ravine_autograd::Tape;
    /// use ravine_nn::{Layer, MaxPool1d};
    /// use ravine_tensor::Tensor;
    ///
    /// let x = Tape::eval().input(Tensor::from([[[1.0, 3.0, 2.0, -1.0, -2.0]]]));
    /// assert_eq!(MaxPool1d::new(2).forward(&x).value().to_vec(), [3.0, 2.0]);
    /// assert_eq!(MaxPool1d::new(2).ceil_mode().forward(&x).value().to_vec(), [3.0, 2.0, -2.0]);
    /// ```
    MaxPool1d: 1 axes by max_pool1d, beyond the end f32::NEG_INFINITY, "[batch, channels, length]"
}

pooling! {
    /// `y[i, j] = max_(s, t) x[stride i + s - padding, stride j + t - padding]`: the largest element of each window of an image. Padding is never
    /// the largest.
    ///
    /// Shapes: `[batch, channels, h, w] -> [batch, channels, oh, ow]`, with `oh = (h + 2 padding - kernel) / stride + 1`, rounded down. No parameters.
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
    MaxPool2d: 2 axes by max_pool2d, beyond the end f32::NEG_INFINITY, "[batch, channels, height, width]"
}

pooling! {
    /// `y[i] = Σ_t x[stride i + t - padding] / kernel`: the mean of each window of a line, in which padding counts as zeros (PyTorch's
    /// `count_include_pad=True`), unless [`exclude_padding`](Self::exclude_padding) says that it does not count.
    ///
    /// Shapes: `[batch, channels, length] -> [batch, channels, out_length]`, with `out_length = (length + 2 padding - kernel) / stride + 1`,
    /// rounded down. No parameters.
    ///
    /// LeCun et al. 1998, 'Gradient-based learning applied to document recognition'.
    ///
    /// ```
    /// use ravine_autograd::Tape;
    /// use ravine_nn::{AvgPool1d, Layer};
    /// use ravine_tensor::Tensor;
    ///
    /// let x = Tape::eval().input(Tensor::from([[[1.0, 3.0, 2.0, -1.0, 7.0]]]));
    /// assert_eq!(AvgPool1d::new(2).forward(&x).value().to_vec(), [2.0, 0.5]);
    /// assert_eq!(AvgPool1d::new(2).ceil_mode().forward(&x).value().to_vec(), [2.0, 0.5, 7.0]);
    /// ```
    AvgPool1d: 1 axes by avg_pool1d, beyond the end 0.0, "[batch, channels, length]"
}

pooling! {
    /// `y[i, j] = Σ_(s, t) x[stride i + s - padding, stride j + t - padding] / kernel²`: the mean of each window of an image, in which padding
    /// counts as zeros (PyTorch's `count_include_pad=True`), unless [`exclude_padding`](Self::exclude_padding) says that it does not count.
    ///
    /// Shapes: `[batch, channels, h, w] -> [batch, channels, oh, ow]`, with `oh = (h + 2 padding - kernel) / stride + 1`, rounded down. No parameters.
    ///
    /// LeCun et al. 1998, 'Gradient-based learning applied to document recognition'.
    ///
    /// ```
    /// use ravine_autograd::Tape;
    /// use ravine_nn::{AvgPool2d, Layer};
    /// use ravine_tensor::Tensor;
    ///
    /// let x = Tape::eval().input(Tensor::ones([1, 1, 4, 4]));
    /// assert_eq!(AvgPool2d::new(4).forward(&x).item(), 1.0);
    /// ```
    AvgPool2d: 2 axes by avg_pool2d, beyond the end 0.0, "[batch, channels, height, width]"
}

/// How far the last window of each axis reaches beyond the padded input, if there are as many as begin before the padding at its end; 0 if none
/// fits.
fn overhang<const AXES: usize>(options: &PoolOptions<AXES>, input: [usize; AXES]) -> [usize; AXES] {
    std::array::from_fn(|axis| {
        let (kernel, stride, padding) = (options.kernel[axis], options.stride[axis], options.padding[axis]);
        let padded = input[axis] + 2 * padding;
        // A window that is larger than the padded input stands alone, and is too large if it reaches a whole step beyond.
        if kernel > padded {
            return if input[axis] > 0 && kernel - padded < stride { kernel - padded } else { 0 };
        }
        let mut last = (padded - kernel).div_ceil(stride);
        if last * stride >= input[axis] + padding {
            last -= 1;
        }
        (last * stride + kernel).saturating_sub(padded)
    })
}

/// Corrects means over `kernel` positions, some of which are beyond the padded input (or, if padding does not count, beyond the input): the
/// means over the others.
fn by_terms<const AXES: usize>(
    mut y: Var,
    options: &PoolOptions<AXES>,
    input: [usize; AXES],
    exclude_padding: bool,
) -> Var {
    for axis in 0..AXES {
        let (kernel, stride, padding) = (options.kernel[axis], options.stride[axis], options.padding[axis]);
        let (first, end) =
            if exclude_padding { (padding, input[axis] + padding) } else { (0, input[axis] + 2 * padding) };
        let mut along = [1; AXES];
        along[axis] = y.shape()[2 + axis];
        let scale = |i: usize| {
            let terms = (i * stride + kernel).min(end) - (i * stride).max(first);
            kernel as f32 / terms as f32
        };
        y = &y * y.constant(Tensor::from_fn(&along[..], scale));
    }
    y
}
