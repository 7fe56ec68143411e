//! The normal distribution without its tails.

use rand::RngExt;
use rand_distr::{Exp, StandardNormal};
use ravine_tensor::{Rng, Shape, Tensor};

/// Normal with this mean and standard deviation, given that it lies from `low` to `high`: vision transformers start with a deviation
/// of 0.02, within `±2`.
///
/// Drawn by rejection, in the middle and in the tails, so it is exact, however far the interval is from the mean. Robert 1995, 'Simulation of
/// truncated normal variables'.
///
/// # Panics
/// If `mean` or `std` is not finite, `std` is not above 0, or `low` is not below `high`.
#[track_caller]
pub fn trunc_normal(
    shape: impl Into<Shape>,
    mean: f64,
    std: f64,
    low: f64,
    high: f64,
    rng: &mut Rng,
) -> Tensor {
    assert!(mean.is_finite(), "trunc_normal: mean is {mean}; expected a finite number");
    assert!(std > 0.0 && std.is_finite(), "trunc_normal: std is {std}; expected a finite number above 0");
    assert!(low < high, "trunc_normal: low is {low} and high {high}; expected low below high");
    let (from, to) = ((low - mean) / std, (high - mean) / std);
    Tensor::from_fn(shape, |_| {
        // The side of the mean that has more of the interval, mirrored where that is the lower one.
        let z = if to <= 0.0 { -above(-to, -from, rng) } else { above(from, to, rng) };
        ((mean + std * z) as f32).clamp(low as f32, high as f32)
    })
}

/// A standard normal number from `from` to `to`, which is above 0.
fn above(from: f64, to: f64, rng: &mut Rng) -> f64 {
    // The rate of the exponential that is nearest to the tail from `from` on.
    let rate = (from + (from * from + 4.0).sqrt()) / 2.0;
    let wide = if from <= 0.0 { to - from > 2.5 } else { (to - from) * rate > 1.0 };
    loop {
        let (z, acceptance) = if !wide {
            // As from a uniform distribution, by the density relative to its largest.
            let z = from + (to - from) * rng.random::<f64>();
            let nearest = from.max(0.0);
            (z, ((nearest * nearest - z * z) / 2.0).exp())
        } else if from <= 0.0 {
            (rng.sample(StandardNormal), 1.0)
        } else {
            let z = from + rng.sample(Exp::new(rate).expect("a positive rate"));
            (z, (-(z - rate) * (z - rate) / 2.0).exp())
        };
        if (from..=to).contains(&z) && rng.random::<f64>() <= acceptance {
            return z;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mean and variance of the truncated standard normal distribution, by integration.
    fn moments(from: f64, to: f64) -> (f64, f64) {
        let (from, to) = (from.max(-12.0), to.min(from.max(-12.0) + 24.0));
        let (mut mass, mut first, mut second) = (0.0, 0.0, 0.0);
        let n = 200_000;
        for i in 0..n {
            let z = from + (to - from) * (i as f64 + 0.5) / n as f64;
            let nearest = if from > 0.0 { from } else { to.min(0.0) };
            let density = ((nearest * nearest - z * z) / 2.0).exp();
            mass += density;
            first += density * z;
            second += density * z * z;
        }
        let mean = first / mass;
        (mean, second / mass - mean * mean)
    }

    #[test]
    fn moments_are_right_in_the_middle_and_in_the_tails() {
        let rng = &mut Rng::new(5);
        let intervals =
            [(-2.0, 2.0), (-0.5, 0.7), (-9.0, 0.3), (-0.1, 8.0), (1.0, 9.0), (4.0, f64::INFINITY)];
        for (from, to) in intervals.into_iter().chain([(5.0, 5.05), (-3.5, -3.0), (f64::NEG_INFINITY, -2.0)])
        {
            let n = 40_000;
            let x = trunc_normal(n, 10.0, 3.0, 10.0 + 3.0 * from, 10.0 + 3.0 * to, rng).cast::<f64>();
            let z = (x - 10.0) / 3.0;
            assert!(z.iter().all(|z| z >= from - 1e-6 && z <= to + 1e-6), "{from} to {to}");
            let (mean, var) = moments(from, to);
            let (found, spread) = (z.mean(..).item(), z.var(.., 0).item());
            let deviations = (found - mean).abs() / (var / n as f64).sqrt();
            assert!(deviations < 4.5, "{from} to {to}: mean {found}, should be {mean}");
            assert!((spread / var - 1.0).abs() < 0.06, "{from} to {to}: variance {spread}, should be {var}");
        }
    }

    #[test]
    #[should_panic(expected = "trunc_normal: mean is NaN; expected a finite number")]
    fn a_mean_of_nothing_is_refused() {
        let _ = trunc_normal(3, f64::NAN, 1.0, -2.0, 2.0, &mut Rng::new(0));
    }

    #[test]
    #[should_panic(expected = "trunc_normal: low is 2 and high 1; expected low below high")]
    fn the_bounds_are_in_order() {
        let _ = trunc_normal(3, 0.0, 1.0, 2.0, 1.0, &mut Rng::new(0));
    }
}
