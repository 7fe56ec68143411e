//! Instance norm, over lines and over images.

use ravine_autograd::{Module, Param, Var};
use ravine_tensor::Tensor;

use crate::{Layer, check};

macro_rules! instance_norm {
    ($(#[$doc:meta])* $name:ident: $rank:literal => $shape:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Module)]
        pub struct $name {
            /// `[channels]`.
            pub weight: Option<Param>,
            /// `[channels]`.
            pub bias: Option<Param>,
            channels: usize,
            eps: f64,
        }

        impl $name {
            /// A layer for so many channels, without weight and bias.
            ///
            /// # Panics
            /// If there is none.
            #[track_caller]
            pub fn new(channels: usize) -> Self {
                check::positive(stringify!($name), &[("channels", channels)]);
                $name { weight: None, bias: None, channels, eps: 1e-5 }
            }

            /// The layer with weight (1 at first) and bias (0 at first).
            #[must_use]
            pub fn affine(mut self) -> Self {
                self.weight = Some(Param::new(Tensor::ones(self.channels)));
                self.bias = Some(Param::new(Tensor::zeros(self.channels)));
                self
            }

            /// The layer with this number added to variances.
            ///
            /// # Panics
            /// If it is not above 0.
            #[track_caller]
            #[must_use]
            pub fn eps(mut self, eps: f64) -> Self {
                check::eps(stringify!($name), eps);
                self.eps = eps;
                self
            }
        }

        impl Layer for $name {
            #[track_caller]
            fn forward(&self, x: &Var) -> Var {
                let (name, channels) = (stringify!($name), self.channels);
                assert!(
                    x.rank() == $rank && x.shape()[1] == channels,
                    concat!("{}: input {}; expected ", $shape, " with {} channels"),
                    name,
                    x.shape(),
                    channels
                );
                let places: usize = x.shape()[2..].iter().product();
                assert!(
                    places > 1,
                    "{name}: input {} has one place per channel, whose variance cannot be known",
                    x.shape()
                );
                let [weight, bias] = [&self.weight, &self.bias].map(|p| p.as_ref().map(|p| x.tape().param(p)));
                x.group_norm(channels, weight.as_ref(), bias.as_ref(), self.eps)
            }
        }
    };
}

instance_norm! {
    /// `y = (x - mean) / √(var + eps)`, with the mean and the biased variance of each line of each sample; [`affine`](Self::affine) adds
    /// a scale and a shift of each channel.
    ///
    /// Shapes: `[batch, channels, length]`, in and out. The rest: as [`InstanceNorm2d`].
    ///
    /// ```
    /// use ravine_autograd::Tape;
    /// use ravine_nn::{InstanceNorm1d, Layer};
    /// use ravine_tensor::Tensor;
    ///
    /// let x = Tape::eval().input(Tensor::from([[[1.0, 3.0], [10.0, 30.0]]]));
    /// let y = InstanceNorm1d::new(2).forward(&x);
    /// assert!((y.value().at([0, 1, 0]) + 1.0).abs() < 1e-4);
    /// ```
    InstanceNorm1d: 3 => "[batch, channels, length]"
}

instance_norm! {
    /// `y = (x - mean) / √(var + eps)`, with the mean and the biased variance of each channel of each image; [`affine`](Self::affine) adds
    /// a scale and a shift of each channel.
    ///
    /// Shapes: `[batch, channels, h, w]`, in and out. The same in training and after: there are no running statistics.
    /// Initialisation: no weight and no bias unless asked for; `eps` 1e-5, as PyTorch's.
    ///
    /// Ulyanov, Vedaldi and Lempitsky 2016, 'Instance normalization: the missing ingredient for fast stylization'.
    ///
    /// ```
    /// use ravine_autograd::{Module, Tape};
    /// use ravine_nn::{InstanceNorm2d, Layer};
    /// use ravine_tensor::{Rng, Tensor};
    ///
    /// let layer = InstanceNorm2d::new(3).affine();
    /// assert_eq!(layer.named_params()[0].0, "weight");
    /// let x = Tape::eval().input(Tensor::normal([2, 3, 8, 8], 5.0, 2.0, &mut Rng::new(0)));
    /// assert!(layer.forward(&x).value().mean([2, 3]).iter().all(|mean| mean.abs() < 1e-5));
    /// ```
    InstanceNorm2d: 4 => "[batch, channels, height, width]"
}
