//! Initial weights. Each is a function of a shape and a random stream, in `f32`.
//!
//! | Initialiser | What it keeps |
//! |---|---|
//! | [`Tensor::full`], [`Tensor::zeros`], [`Tensor::ones`], [`Tensor::uniform`], [`Tensor::normal`] | the plain ones are the tensors' own |
//! | [`trunc_normal`] | a normal distribution without its tails |
//! | [`xavier_uniform`], [`xavier_normal`] | the variance of signals, forward and backward in balance |
//! | [`kaiming_uniform`], [`kaiming_normal`] | the variance of one of them, through an activation |
//! | [`lecun_uniform`], [`lecun_normal`] | the variance of the forward signal |
//! | [`orthogonal`] | lengths and angles |
//! | [`eye`], [`dirac`] | the input itself |
//! | [`sparse`] | few inputs for each unit |
//!
//! `fan_in` and `fan_out` are the numbers of inputs that an output sees and of outputs that see an input. Each layer's own default is PyTorch's
//! and stands in its documentation; another is set afterwards:
//!
//! ```
//! use ravine_autograd::Module;
//! use ravine_nn::init::{self, Fan, Gain};
//! use ravine_nn::{Linear, Relu, sequential};
//! use ravine_tensor::{Rng, Tensor};
//!
//! let rng = &mut Rng::new(0);
//! let model = sequential![Linear::new(64, 256, rng), Relu, Linear::new(256, 10, rng)];
//! model.map_params(|path, value| match path.ends_with("weight") {
//!     true => init::kaiming_normal(value.shape(), Fan::In, Gain::Relu, rng),
//!     false => Tensor::zeros(value.shape()),
//! });
//! ```

mod structured;
mod truncated;

use ravine_tensor::{Rng, Shape, Tensor};

#[doc(alias = "eye_")]
pub use structured::eye;
pub use structured::{dirac, orthogonal, sparse};
pub use truncated::trunc_normal;

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

/// Which signal keeps its variance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fan {
    /// The forward one, by `fan_in`.
    #[default]
    In,
    /// The backward one, by `fan_out`.
    Out,
}

impl Fan {
    #[track_caller]
    fn of(self, shape: &Shape) -> f64 {
        let (fan_in, fan_out) = fans(shape);
        match self {
            Fan::In => fan_in as f64,
            Fan::Out => fan_out as f64,
        }
    }
}

/// The gain of an activation: by how much weights should be larger for the variance to survive it. PyTorch's `calculate_gain`.
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
    /// `3 / 4`: SELU; 1 is what makes a network normalise itself.
    Selu,
}

impl Gain {
    /// As a number.
    pub fn value(self) -> f64 {
        match self {
            Gain::Linear => 1.0,
            Gain::Relu => 2f64.sqrt(),
            Gain::LeakyRelu(slope) => (2.0 / (1.0 + slope * slope)).sqrt(),
            Gain::Tanh => 5.0 / 3.0,
            Gain::Selu => 0.75,
        }
    }
}

/// Uniform with this deviation: in `±√3 std`.
fn uniform(shape: Shape, std: f64, rng: &mut Rng) -> Tensor {
    let bound = (3f64.sqrt() * std) as f32;
    Tensor::uniform(shape, -bound, bound, rng)
}

/// Uniform in `±gain √(3 / fan)`. He et al. 2015, 'Delving deep into rectifiers'.
///
/// # Panics
/// If the shape has fewer than two axes.
#[track_caller]
pub fn kaiming_uniform(shape: impl Into<Shape>, fan: Fan, gain: Gain, rng: &mut Rng) -> Tensor {
    let shape = shape.into();
    uniform(shape, gain.value() / fan.of(&shape).sqrt(), rng)
}

/// Normal with deviation `gain / √fan`. He et al. 2015, 'Delving deep into rectifiers'.
///
/// # Panics
/// If the shape has fewer than two axes.
#[track_caller]
pub fn kaiming_normal(shape: impl Into<Shape>, fan: Fan, gain: Gain, rng: &mut Rng) -> Tensor {
    let shape = shape.into();
    Tensor::normal(shape, 0.0, (gain.value() / fan.of(&shape).sqrt()) as f32, rng)
}

/// Uniform in `±√(3 / fan_in)`. LeCun et al. 1998, 'Efficient BackProp'.
///
/// # Panics
/// If the shape has fewer than two axes.
#[track_caller]
pub fn lecun_uniform(shape: impl Into<Shape>, rng: &mut Rng) -> Tensor {
    kaiming_uniform(shape, Fan::In, Gain::Linear, rng)
}

/// Normal with deviation `1 / √fan_in`: what SELU needs. LeCun et al. 1998, 'Efficient BackProp'.
///
/// # Panics
/// If the shape has fewer than two axes.
#[track_caller]
pub fn lecun_normal(shape: impl Into<Shape>, rng: &mut Rng) -> Tensor {
    kaiming_normal(shape, Fan::In, Gain::Linear, rng)
}

/// Uniform in `±gain √(6 / (fan_in + fan_out))`. Glorot and Bengio 2010, 'Understanding the difficulty of training deep feedforward networks'.
///
/// # Panics
/// If the shape has fewer than two axes.
#[track_caller]
pub fn xavier_uniform(shape: impl Into<Shape>, gain: Gain, rng: &mut Rng) -> Tensor {
    let shape = shape.into();
    uniform(shape, xavier_std(&shape, gain), rng)
}

/// Normal with deviation `gain √(2 / (fan_in + fan_out))`. Glorot and Bengio 2010, as [`xavier_uniform`].
///
/// # Panics
/// If the shape has fewer than two axes.
#[track_caller]
pub fn xavier_normal(shape: impl Into<Shape>, gain: Gain, rng: &mut Rng) -> Tensor {
    let shape = shape.into();
    Tensor::normal(shape, 0.0, xavier_std(&shape, gain) as f32, rng)
}

#[track_caller]
fn xavier_std(shape: &Shape, gain: Gain) -> f64 {
    let (fan_in, fan_out) = fans(shape);
    gain.value() * (2.0 / (fan_in + fan_out) as f64).sqrt()
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
    fn gains_are_pytorchs() {
        let gains = [Gain::Linear, Gain::Relu, Gain::LeakyRelu(0.2), Gain::Tanh, Gain::Selu];
        let want = [1.0, std::f64::consts::SQRT_2, 1.3867504905630728, 5.0 / 3.0, 0.75];
        assert!(gains.iter().zip(want).all(|(gain, want)| (gain.value() - want).abs() < 1e-15));
    }

    /// 54,000 draws: the mean is within 5 of its deviations, the deviation within 2 %, the largest element where it may be.
    #[test]
    fn moments_are_as_the_papers_say() {
        let rng = &mut Rng::new(1);
        let shape = [100, 60, 3, 3];
        let check = |name: &str, x: Tensor, variance: f64, is_uniform: bool| {
            let (mean, std) = (f64::from(x.mean(..).item()), f64::from(x.var(.., 0).item()).sqrt());
            let want = variance.sqrt();
            assert!((std / want - 1.0).abs() < 0.02, "{name}: deviation {std}, should be {want}");
            assert!(mean.abs() < 5.0 * want / 54_000f64.sqrt(), "{name}: mean {mean}");
            let most = f64::from(x.abs().max(..).item()) / want;
            let (low, high) = if is_uniform { (1.72, 1.7321) } else { (3.5, 6.0) };
            assert!((low..high).contains(&most), "{name}: the largest is {most} deviations");
        };
        check("kaiming_uniform", kaiming_uniform(shape, Fan::In, Gain::Relu, rng), 2.0 / 540.0, true);
        check("kaiming_uniform out", kaiming_uniform(shape, Fan::Out, Gain::Relu, rng), 2.0 / 900.0, true);
        check(
            "kaiming_normal",
            kaiming_normal(shape, Fan::In, Gain::LeakyRelu(1.0), rng),
            1.0 / 540.0,
            false,
        );
        check("kaiming_normal out", kaiming_normal(shape, Fan::Out, Gain::Selu, rng), 0.5625 / 900.0, false);
        check("xavier_uniform", xavier_uniform(shape, Gain::Tanh, rng), 25.0 / 9.0 * 2.0 / 1440.0, true);
        check("xavier_normal", xavier_normal(shape, Gain::Linear, rng), 2.0 / 1440.0, false);
        check("lecun_uniform", lecun_uniform(shape, rng), 1.0 / 540.0, true);
        check("lecun_normal", lecun_normal(shape, rng), 1.0 / 540.0, false);
    }

    #[test]
    fn the_same_seed_gives_the_same_weights() {
        let all = |seed| {
            let rng = &mut Rng::new(seed);
            [
                kaiming_uniform([4, 5], Fan::In, Gain::Relu, rng),
                lecun_normal([4, 5], rng),
                xavier_normal([4, 5], Gain::Tanh, rng),
                trunc_normal([4, 5], 0.0, 1.0, -2.0, 2.0, rng),
                orthogonal([4, 5], 1.0, rng),
                sparse([4, 5], 0.5, 0.01, rng),
            ]
        };
        assert_eq!(all(3), all(3));
        assert!(all(3).iter().zip(all(4)).all(|(a, b)| *a != b));
    }

    #[test]
    #[should_panic(expected = "fans: a weight of shape [3] has no inputs and outputs to count")]
    fn a_bias_has_no_fans() {
        let _ = kaiming_normal([3], Fan::In, Gain::Relu, &mut Rng::new(0));
    }
}
