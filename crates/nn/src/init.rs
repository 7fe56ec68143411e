//! Initial weights. Each is a function of a shape and a random stream; `fan_in` and `fan_out` are the numbers of inputs that an output sees
//! and of outputs that see an input.

use ravine_tensor::{Rng, Shape, Tensor};

/// `(fan_in, fan_out)` of a weight `[out, in, ...]`: its second and first size, times the size of the window behind them.
///
/// # Panics
/// If the shape has fewer than two axes.
#[track_caller]
pub fn fans(shape: &Shape) -> (usize, usize) {
    assert!(shape.rank() >= 2, "fans: a weight of shape {shape} has no inputs and outputs to count");
    let window: usize = shape[2..].iter().product();
    (shape[1] * window, shape[0] * window)
}

/// The gain of an activation: by how much weights should be larger for the variance to survive it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Gain {
    /// 1: no activation, or a sigmoid.
    Linear,
    /// `√2`: ReLU sets half of the variance to zero.
    Relu,
    /// `√(2 / (1 + a²))`: leaky ReLU of slope `a` below zero.
    LeakyRelu(f64),
    /// `5 / 3`: tanh.
    Tanh,
}

impl Gain {
    /// As a number.
    pub fn value(self) -> f64 {
        match self {
            Gain::Linear => 1.0,
            Gain::Relu => 2f64.sqrt(),
            Gain::LeakyRelu(slope) => (2.0 / (1.0 + slope * slope)).sqrt(),
            Gain::Tanh => 5.0 / 3.0,
        }
    }
}

/// Uniform in `±gain √(3 / fan_in)`, for the forward signal to keep its variance. He et al. 2015.
#[track_caller]
pub fn kaiming_uniform(shape: impl Into<Shape>, gain: Gain, rng: &mut Rng) -> Tensor {
    let shape = shape.into();
    let bound = gain.value() * (3.0 / fans(&shape).0 as f64).sqrt();
    Tensor::uniform(shape, -bound as f32, bound as f32, rng)
}

/// Normal with deviation `gain / √fan_in`. He et al. 2015.
#[track_caller]
pub fn kaiming_normal(shape: impl Into<Shape>, gain: Gain, rng: &mut Rng) -> Tensor {
    let shape = shape.into();
    Tensor::normal(shape, 0.0, (gain.value() / (fans(&shape).0 as f64).sqrt()) as f32, rng)
}

/// Uniform in `±gain √(6 / (fan_in + fan_out))`, a compromise of forward and backward signal. Glorot and Bengio 2010.
#[track_caller]
pub fn xavier_uniform(shape: impl Into<Shape>, gain: Gain, rng: &mut Rng) -> Tensor {
    let shape = shape.into();
    let (fan_in, fan_out) = fans(&shape);
    let bound = gain.value() * (6.0 / (fan_in + fan_out) as f64).sqrt();
    Tensor::uniform(shape, -bound as f32, bound as f32, rng)
}

/// Normal with deviation `gain √(2 / (fan_in + fan_out))`. Glorot and Bengio 2010.
#[track_caller]
pub fn xavier_normal(shape: impl Into<Shape>, gain: Gain, rng: &mut Rng) -> Tensor {
    let shape = shape.into();
    let (fan_in, fan_out) = fans(&shape);
    Tensor::normal(shape, 0.0, (gain.value() * (2.0 / (fan_in + fan_out) as f64).sqrt()) as f32, rng)
}

/// PyTorch's default for the weight and the bias of its linear and convolution layers: uniform in `±1 / √fan_in`.
pub(crate) fn uniform_by_fan_in(shape: impl Into<Shape>, fan_in: usize, rng: &mut Rng) -> Tensor {
    let bound = 1.0 / (fan_in as f64).sqrt();
    Tensor::uniform(shape, -bound as f32, bound as f32, rng)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fans_count_the_window() {
        assert_eq!(fans(&[64, 32, 3, 5].into()), (480, 960));
        assert_eq!(fans(&[10, 128].into()), (128, 10));
    }

    #[test]
    fn deviations_are_as_the_papers_say() {
        let rng = &mut Rng::new(1);
        let std = |x: Tensor| f64::from(x.var(.., 0).item()).sqrt();
        let close =
            |found: f64, want: f64| assert!((found / want - 1.0).abs() < 0.02, "{found}, should be {want}");
        let shape = [100, 60, 3, 3];
        close(std(kaiming_uniform(shape, Gain::Relu, rng)), (2.0f64 / 540.0).sqrt());
        close(std(kaiming_normal(shape, Gain::LeakyRelu(1.0), rng)), (1.0f64 / 540.0).sqrt());
        close(std(xavier_uniform(shape, Gain::Tanh, rng)), 5.0 / 3.0 * (2.0f64 / 1440.0).sqrt());
        close(std(xavier_normal(shape, Gain::Linear, rng)), (2.0f64 / 1440.0).sqrt());
    }

    #[test]
    #[should_panic(expected = "fans: a weight of shape [3] has no inputs and outputs to count")]
    fn a_bias_has_no_fans() {
        let _ = kaiming_normal([3], Gain::Relu, &mut Rng::new(0));
    }
}
