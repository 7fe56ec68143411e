//! Rectifiers: the identity above 0, little below.

use ravine_autograd::{Module, Param, Var};
use ravine_tensor::Tensor;

use crate::{Layer, check};

/// `y = max(x, 0)`. Nair and Hinton 2010.
///
/// Shapes: any, in and out. No parameters.
///
/// ```
/// use ravine_autograd::Tape;
/// use ravine_nn::{Layer, Relu};
/// use ravine_tensor::Tensor;
///
/// let x = Tape::eval().input(Tensor::from([-1.0, 2.0]));
/// assert_eq!(Relu.forward(&x).value().to_vec(), [0.0, 2.0]);
/// ```
#[derive(Clone, Copy, Debug, Default, Module)]
#[module(display)]
pub struct Relu;

impl Layer for Relu {
    #[track_caller]
    fn forward(&self, x: &Var) -> Var {
        x.relu()
    }

    #[track_caller]
    fn forward_owned(&self, x: Var) -> Var {
        x.relu_()
    }
}

activations! {
    /// `y = s x` above 0, `s a (eˣ - 1)` elsewhere, with `s = 1.0507` and `a = 1.6733`: mean 0 and variance 1 go through unchanged, if the weights have
    /// `1 / √fan_in` as deviation (LeCun's initialisation). Klambauer et al. 2017, 'Self-normalizing neural networks'.
    ///
    /// Shapes: any, in and out. No parameters.
    ///
    /// ```
    /// use ravine_autograd::Tape;
    /// use ravine_nn::{Layer, Selu};
    /// use ravine_tensor::Tensor;
    ///
    /// let x = Tape::eval().input(Tensor::from([-1e4, 1.0]));
    /// assert_eq!(Selu.forward(&x).value().to_vec(), [-1.7580993, 1.050701]);
    /// ```
    Selu = selu;
}

/// `y = x` above 0, `slope x` elsewhere. Maas, Hannun and Ng 2013.
///
/// Shapes: any, in and out. No parameters.
///
/// ```
/// use ravine_autograd::Tape;
/// use ravine_nn::{Layer, LeakyRelu};
/// use ravine_tensor::Tensor;
///
/// let x = Tape::eval().input(Tensor::from([-1.0, 2.0]));
/// assert_eq!(LeakyRelu::new(0.25).forward(&x).value().to_vec(), [-0.25, 2.0]);
/// ```
#[derive(Clone, Copy, Debug, Module)]
#[module(display)]
pub struct LeakyRelu {
    slope: f64,
}

impl LeakyRelu {
    /// With this slope below 0.
    pub fn new(slope: f64) -> Self {
        LeakyRelu { slope }
    }
}

/// A slope of 0.01, as in PyTorch.
impl Default for LeakyRelu {
    fn default() -> Self {
        LeakyRelu::new(0.01)
    }
}

impl Layer for LeakyRelu {
    #[track_caller]
    fn forward(&self, x: &Var) -> Var {
        x.leaky_relu(self.slope)
    }
}

/// `y = x` above 0, `alpha (eˣ - 1)` elsewhere. Clevert, Unterthiner and Hochreiter 2016.
///
/// Shapes: any, in and out. No parameters.
///
/// ```
/// use ravine_autograd::Tape;
/// use ravine_nn::{Elu, Layer};
/// use ravine_tensor::Tensor;
///
/// let x = Tape::eval().input(Tensor::from([-1e4, 2.0]));
/// assert_eq!(Elu::new(0.5).forward(&x).value().to_vec(), [-0.5, 2.0]);
/// ```
#[derive(Clone, Copy, Debug, Module)]
#[module(display)]
pub struct Elu {
    alpha: f64,
}

impl Elu {
    /// Which falls to `-alpha`.
    pub fn new(alpha: f64) -> Self {
        Elu { alpha }
    }
}

/// `alpha` 1, as in PyTorch.
impl Default for Elu {
    fn default() -> Self {
        Elu::new(1.0)
    }
}

impl Layer for Elu {
    #[track_caller]
    fn forward(&self, x: &Var) -> Var {
        x.elu(self.alpha)
    }
}

/// `y = x` above 0, `weight x` elsewhere: the slope is learnt, one for all or one for each channel.
///
/// Shapes: `[batch, channels, ..]`, in and out; any with one slope. Initialisation: 0.25, as PyTorch's.
///
/// He et al. 2015, 'Delving deep into rectifiers'.
///
/// ```
/// use ravine_autograd::Tape;
/// use ravine_nn::{Layer, PRelu};
/// use ravine_tensor::Tensor;
///
/// let x = Tape::eval().input(Tensor::from([[-1.0, 2.0]]));
/// assert_eq!(PRelu::new(2).forward(&x).value().to_vec(), [-0.25, 2.0]);
/// ```
#[derive(Clone, Debug, Module)]
#[module(display)]
pub struct PRelu {
    /// `[channels]`, or `[1]` for all.
    pub weight: Param,
}

impl PRelu {
    /// A slope for each of `channels` channels, or with 1 a common slope for all.
    ///
    /// # Panics
    /// If there is none.
    #[track_caller]
    pub fn new(channels: usize) -> Self {
        check::positive("PRelu", &[("channels", channels)]);
        PRelu { weight: Param::new(Tensor::full(channels, 0.25)) }
    }
}

/// One slope for all.
impl Default for PRelu {
    fn default() -> Self {
        PRelu::new(1)
    }
}

impl Layer for PRelu {
    #[track_caller]
    fn forward(&self, x: &Var) -> Var {
        let channels = self.weight.shape()[0];
        let weight = x.tape().param(&self.weight);
        if channels == 1 {
            return x.prelu(&weight);
        }
        assert!(
            x.rank() >= 2 && x.shape()[1] == channels,
            "PRelu: input {}; expected [batch, {channels}, ..], a slope for each channel",
            x.shape()
        );
        let mut along = vec![1; x.rank() - 1];
        along[0] = channels;
        x.prelu(&weight.reshape(&along[..]))
    }
}
