//! Smooth activations.

use ravine_autograd::{Module, Var};

use crate::Layer;

activations! {
    /// `y = 1 / (1 + e⁻ˣ)`, between 0 and 1.
    ///
    /// Shapes: any, in and out. No parameters.
    ///
    /// ```
    /// use ravine_autograd::Tape;
    /// use ravine_nn::{Layer, Sigmoid};
    /// use ravine_tensor::Tensor;
    ///
    /// let x = Tape::eval().input(Tensor::from([0.0, 100.0]));
    /// assert_eq!(Sigmoid.forward(&x).value().to_vec(), [0.5, 1.0]);
    /// ```
    Sigmoid = sigmoid;

    /// `y = log(1 / (1 + e⁻ˣ))`, without overflow.
    ///
    /// Shapes: any, in and out. No parameters.
    ///
    /// ```
    /// use ravine_autograd::Tape;
    /// use ravine_nn::{Layer, LogSigmoid};
    /// use ravine_tensor::Tensor;
    ///
    /// let x = Tape::eval().input(Tensor::from([-1e4, 1e4]));
    /// assert_eq!(LogSigmoid.forward(&x).value().to_vec(), [-1e4, 0.0]);
    /// ```
    LogSigmoid = log_sigmoid;

    /// `y = tanh x`, between -1 and 1. LeCun et al. 1998, 'Efficient backprop'.
    ///
    /// Shapes: any, in and out. No parameters.
    ///
    /// ```
    /// use ravine_autograd::Tape;
    /// use ravine_nn::{Layer, Tanh};
    /// use ravine_tensor::Tensor;
    ///
    /// let x = Tape::eval().input(Tensor::from([0.0, 100.0]));
    /// assert_eq!(Tanh.forward(&x).value().to_vec(), [0.0, 1.0]);
    /// ```
    Tanh = tanh;

    /// `y = log(1 + eˣ)`, a smooth ReLU. Glorot, Bordes and Bengio 2011.
    ///
    /// Shapes: any, in and out. No parameters.
    ///
    /// ```
    /// use ravine_autograd::Tape;
    /// use ravine_nn::{Layer, Softplus};
    /// use ravine_tensor::Tensor;
    ///
    /// let x = Tape::eval().input(Tensor::from([-1e4, 1e4]));
    /// assert_eq!(Softplus.forward(&x).value().to_vec(), [0.0, 1e4]);
    /// ```
    Softplus = softplus;

    /// `y = x / (1 + |x|)`, between -1 and 1. Glorot and Bengio 2010.
    ///
    /// Shapes: any, in and out. No parameters.
    ///
    /// ```
    /// use ravine_autograd::Tape;
    /// use ravine_nn::{Layer, Softsign};
    /// use ravine_tensor::Tensor;
    ///
    /// let x = Tape::eval().input(Tensor::from([-1.0, 3.0]));
    /// assert_eq!(Softsign.forward(&x).value().to_vec(), [-0.5, 0.75]);
    /// ```
    Softsign = softsign;

    /// `y = x Φ(x)`, `Φ` the normal distribution: the Gaussian error linear unit. Hendrycks and Gimpel 2016.
    ///
    /// Shapes: any, in and out. No parameters.
    ///
    /// ```
    /// use ravine_autograd::Tape;
    /// use ravine_nn::{Gelu, Layer};
    /// use ravine_tensor::Tensor;
    ///
    /// let x = Tape::eval().input(Tensor::from([0.0, 100.0]));
    /// assert_eq!(Gelu.forward(&x).value().to_vec(), [0.0, 100.0]);
    /// ```
    Gelu = gelu;

    /// `y = x (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2`, within 0.0005 of [`Gelu`] (PyTorch's `approximate='tanh'`). Hendrycks and Gimpel 2016.
    ///
    /// Shapes: any, in and out. No parameters.
    ///
    /// ```
    /// use ravine_autograd::Tape;
    /// use ravine_nn::{GeluTanh, Layer};
    /// use ravine_tensor::Tensor;
    ///
    /// let x = Tape::eval().input(Tensor::from([-2.0, 0.5, 1.5]));
    /// assert!((x.gelu() - GeluTanh.forward(&x)).value().iter().all(|d| d.abs() < 5e-4));
    /// ```
    GeluTanh = gelu_tanh;

    /// `y = x / (1 + e⁻ˣ)`, also called swish. Elfwing, Uchibe and Doya 2018.
    ///
    /// Shapes: any, in and out. No parameters.
    ///
    /// ```
    /// use ravine_autograd::Tape;
    /// use ravine_nn::{Layer, Silu};
    /// use ravine_tensor::Tensor;
    ///
    /// let x = Tape::eval().input(Tensor::from([-1e4, 0.0, 1e4]));
    /// assert_eq!(Silu.forward(&x).value().to_vec(), [0.0, 0.0, 1e4]);
    /// ```
    Silu = silu;

    /// `y = x tanh(log(1 + eˣ))`. Misra 2019.
    ///
    /// Shapes: any, in and out. No parameters.
    ///
    /// ```
    /// use ravine_autograd::Tape;
    /// use ravine_nn::{Layer, Mish};
    /// use ravine_tensor::Tensor;
    ///
    /// let x = Tape::eval().input(Tensor::from([0.0, 1e4]));
    /// assert_eq!(Mish.forward(&x).value().to_vec(), [0.0, 1e4]);
    /// ```
    Mish = mish;
}
