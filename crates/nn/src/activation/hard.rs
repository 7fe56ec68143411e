//! Piecewise linear approximations of smooth activations, which need no exponential.

use ravine_autograd::{Module, Var};

use crate::Layer;

activations! {
    /// `y = min(max(x, 0), 6)`. Howard et al. 2017, 'MobileNets'.
    ///
    /// Shapes: any, in and out. No parameters.
    ///
    /// ```
    /// use ravine_autograd::Tape;
    /// use ravine_nn::{Layer, Relu6};
    /// use ravine_tensor::Tensor;
    ///
    /// let x = Tape::eval().input(Tensor::from([-1.0, 5.0, 7.0]));
    /// assert_eq!(Relu6.forward(&x).value().to_vec(), [0.0, 5.0, 6.0]);
    /// ```
    Relu6 = relu6;

    /// `y = min(max(x / 6 + 1/2, 0), 1)`. Howard et al. 2019, 'Searching for MobileNetV3'.
    ///
    /// Shapes: any, in and out. No parameters.
    ///
    /// ```
    /// use ravine_autograd::Tape;
    /// use ravine_nn::{Hardsigmoid, Layer};
    /// use ravine_tensor::Tensor;
    ///
    /// let x = Tape::eval().input(Tensor::from([-3.0, 0.0, 3.0]));
    /// assert_eq!(Hardsigmoid.forward(&x).value().to_vec(), [0.0, 0.5, 1.0]);
    /// ```
    Hardsigmoid = hardsigmoid;

    /// `y = x min(max(x + 3, 0), 6) / 6`. Howard et al. 2019, 'Searching for MobileNetV3'.
    ///
    /// Shapes: any, in and out. No parameters.
    ///
    /// ```
    /// use ravine_autograd::Tape;
    /// use ravine_nn::{Hardswish, Layer};
    /// use ravine_tensor::Tensor;
    ///
    /// let x = Tape::eval().input(Tensor::from([-3.0, 0.0, 3.0]));
    /// assert_eq!(Hardswish.forward(&x).value().to_vec(), [0.0, 0.0, 3.0]);
    /// ```
    Hardswish = hardswish;
}

/// `y = min(max(x, low), high)`, from -1 to 1 by default. Collobert 2004.
///
/// Shapes: any, in and out. No parameters.
///
/// ```
/// use ravine_autograd::Tape;
/// use ravine_nn::{Hardtanh, Layer};
/// use ravine_tensor::Tensor;
///
/// let x = Tape::eval().input(Tensor::from([-2.0, 0.5, 3.0]));
/// assert_eq!(Hardtanh::default().forward(&x).value().to_vec(), [-1.0, 0.5, 1.0]);
/// assert_eq!(Hardtanh::new(0.0, 2.0).forward(&x).value().to_vec(), [0.0, 0.5, 2.0]);
/// ```
#[derive(Clone, Copy, Debug, Module)]
#[module(display)]
pub struct Hardtanh {
    low: f64,
    high: f64,
}

impl Hardtanh {
    /// Holds numbers between `low` and `high`.
    ///
    /// # Panics
    /// If not `low < high`.
    #[track_caller]
    pub fn new(low: f64, high: f64) -> Self {
        assert!(low < high, "Hardtanh: low is {low}; expected less than high, which is {high}");
        Hardtanh { low, high }
    }
}

impl Default for Hardtanh {
    fn default() -> Self {
        Hardtanh::new(-1.0, 1.0)
    }
}

impl Layer for Hardtanh {
    #[track_caller]
    fn forward(&self, x: &Var) -> Var {
        x.hardtanh(self.low, self.high)
    }
}
