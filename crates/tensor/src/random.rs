//! Random tensors from seeded, portable streams.
//!
//! A stream is named by a seed and a path of numbers below it (epoch, step, shard, ...): its values depend on nothing else,
//! so any part of a run can be repeated by itself, on any machine. The generator is ChaCha with 8 rounds, the distributions
//! are `rand_distr`'s with its own mathematics rather than the system's.

use rand::rngs::ChaCha8Rng;
use rand::{Rng as _, RngExt, SeedableRng};
use rand_distr::{Distribution, StandardNormal, StandardUniform};

use crate::{Element, Float, Shape, Tensor};

/// A stream of random numbers. It implements `rand`'s traits, so all of `rand` and `rand_distr` works with it.
///
/// ```
/// use ravine_tensor::{Rng, Tensor};
///
/// let mut rng = Rng::new(42);
/// let x = Tensor::<f32>::randn([2, 3], &mut rng);
/// assert_eq!(x, Tensor::randn([2, 3], &mut Rng::new(42)));
/// ```
#[derive(Debug)]
pub struct Rng {
    key: u64,
    stream: ChaCha8Rng,
}

impl Rng {
    /// The stream with this seed.
    #[doc(alias = "manual_seed")]
    pub fn new(seed: u64) -> Self {
        Rng { key: seed, stream: ChaCha8Rng::seed_from_u64(seed) }
    }

    /// A copy of the stream at its present position, which continues with the same numbers: for a computation that is done twice.
    pub fn snapshot(&self) -> Rng {
        Rng { key: self.key, stream: ChaCha8Rng::deserialize_state(&self.stream.serialize_state()) }
    }

    /// The stream `index` below this one: statistically independent of it and of its other children.
    ///
    /// It depends only on the seed and the path of indices, not on how much of this stream has been used.
    pub fn child(&self, index: u64) -> Rng {
        // SplitMix64 (Steele, Lea, Flood 2014) of the pair, so that (1, 2) and (2, 1) are different streams.
        let mut mixed = self
            .key
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .wrapping_add(index)
            .wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Rng::new(mixed ^ (mixed >> 31))
    }
}

impl rand::TryRng for Rng {
    type Error = std::convert::Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(self.stream.next_u32())
    }
    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(self.stream.next_u64())
    }
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        self.stream.fill_bytes(bytes);
        Ok(())
    }
}

impl<T: Element> Tensor<T> {
    /// Independent draws from any distribution of `rand` or `rand_distr`.
    #[track_caller]
    pub fn sample(shape: impl Into<Shape>, distribution: &impl Distribution<T>, rng: &mut Rng) -> Self {
        Self::from_fn(shape, |_| distribution.sample(rng))
    }
}

impl<T: Float> Tensor<T>
where
    StandardUniform: Distribution<T>,
    StandardNormal: Distribution<T>,
{
    /// Uniform in `[low, high)`; rounding may give `high` itself where the interval is wide.
    ///
    /// # Panics
    /// If `low` is above `high`, or their distance is not finite.
    #[track_caller]
    #[doc(alias = "rand")]
    pub fn uniform(shape: impl Into<Shape>, low: T, high: T, rng: &mut Rng) -> Self {
        assert!(low <= high, "uniform: the lower bound {low} is above the upper bound {high}");
        let width = high - low;
        assert!(width.is_finite(), "uniform: from {low} to {high} is further than {} can say", T::DTYPE);
        Self::from_fn(shape, |_| low + width * rng.random::<T>())
    }

    /// Normal with this mean and standard deviation.
    ///
    /// # Panics
    /// If the standard deviation is negative or NaN.
    #[track_caller]
    pub fn normal(shape: impl Into<Shape>, mean: T, std: T, rng: &mut Rng) -> Self {
        assert!(std >= T::ZERO, "normal: the standard deviation is {std}, but must be at least 0");
        Self::from_fn(shape, |_| mean + std * rng.sample::<T, _>(StandardNormal))
    }

    /// Normal with this mean and standard deviation, truncated to `[low, high]`.
    ///
    /// The standard deviation is that before truncation, as in PyTorch's `trunc_normal_`. Far from the mean, numbers are drawn by the method
    /// of Robert 1995, 'Simulation of truncated normal variables', which takes no longer there.
    ///
    /// # Panics
    /// If `mean` is not finite, `std` not positive and finite, or `low` not below `high`.
    #[track_caller]
    pub fn trunc_normal(shape: impl Into<Shape>, mean: T, std: T, low: T, high: T, rng: &mut Rng) -> Self {
        /// If the interval begins this many standard deviations from the mean, every number rounds to the bound.
        const FAR: f64 = 1e8;
        assert!(mean.is_finite(), "trunc_normal: the mean {mean} is not finite");
        assert!(
            std > T::ZERO && std.is_finite(),
            "trunc_normal: the standard deviation {std} is not positive and finite"
        );
        assert!(low < high, "trunc_normal: the lower bound {low} is not below the upper bound {high}");
        let standard = |bound: T| (bound.as_f64() - mean.as_f64()) / std.as_f64();
        let (a, b) = (standard(low), standard(high));
        if a > FAR || b < -FAR {
            return Self::full(shape, if a > FAR { low } else { high });
        }
        Self::from_fn(shape, |_| {
            let x = if b < 0.0 { -truncated(-b, -a, rng) } else { truncated(a, b, rng) };
            (mean + std * T::of(x)).max(low).min(high)
        })
    }

    /// Standard normal: mean 0, standard deviation 1.
    #[track_caller]
    pub fn randn(shape: impl Into<Shape>, rng: &mut Rng) -> Self {
        Self::normal(shape, T::ZERO, T::ONE, rng)
    }
}

/// A standard normal number in `[a, b]`, where `b > 0`, by rejection: drawn from a similar distribution, and accepted with a probability in
/// proportion to the ratio of the two densities.
fn truncated(a: f64, b: f64, rng: &mut Rng) -> f64 {
    loop {
        // The normal distribution itself where the middle is inside, the uniform one in narrow intervals, else the exponential one from
        // a on: about half of the draws are kept, or more.
        let (x, log_ratio) = if a <= 0.0 && b - a >= 2.0 {
            (rng.sample::<f64, _>(StandardNormal), 0.0)
        } else if b - a < 2.0 / (1.0 + a.max(0.0)) {
            let x = a + (b - a) * rng.random::<f64>();
            (x, (a.max(0.0).powi(2) - x * x) / 2.0)
        } else {
            let rate = a.max(0.5);
            let x = a - libm::log(1.0 - rng.random::<f64>()) / rate;
            let nearest = a.max(rate);
            (x, rate * (x - nearest) - (x * x - nearest * nearest) / 2.0)
        };
        if (a..=b).contains(&x) && rng.random::<f64>() <= libm::exp(log_ratio) {
            return x;
        }
    }
}

impl Tensor<bool> {
    /// `true` with probability `p`, independently.
    ///
    /// Each is decided by 32 random bits, so `p` is exact to within 2⁻³².
    #[track_caller]
    pub fn bernoulli(shape: impl Into<Shape>, p: f64, rng: &mut Rng) -> Self {
        assert!((0.0..=1.0).contains(&p), "bernoulli: {p} is not a probability");
        let threshold = (p * 2f64.powi(32)) as u64;
        Self::from_fn(shape, |_| u64::from(rng.next_u32()) < threshold)
    }
}

impl Tensor<i64> {
    /// The numbers `0..n` in random order, every order equally likely (Fisher and Yates).
    #[doc(alias = "shuffle")]
    pub fn randperm(n: usize, rng: &mut Rng) -> Self {
        let mut order = Tensor::<i64>::arange(n);
        let values = order.as_mut_slice();
        for last in (1..n).rev() {
            values.swap(last, rng.random_range(0..=last as u64) as usize);
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_the_same_on_every_machine() {
        // Written down once; a change of these numbers changes every seeded run of every user.
        let mut rng = Rng::new(1);
        assert_eq!([rng.next_u32(), rng.next_u32()], PINNED_BITS);
        assert_eq!(Tensor::<f32>::uniform(3, -1.0, 1.0, &mut Rng::new(2)).to_vec(), PINNED_UNIFORM);
        assert_eq!(Tensor::<f64>::randn(2, &mut Rng::new(3)).to_vec(), PINNED_NORMAL);
        assert_eq!(Tensor::randperm(8, &mut Rng::new(4)).to_vec(), PINNED_ORDER);
    }
    const PINNED_BITS: [u32; 2] = [2359561649, 1728662762];
    const PINNED_UNIFORM: [f32; 3] = [-0.61297286, 0.76268137, 0.044567704];
    const PINNED_NORMAL: [f64; 2] = [0.43875618940787536, -1.128421964413239];
    const PINNED_ORDER: [i64; 8] = [1, 4, 2, 6, 3, 7, 0, 5];

    #[test]
    fn children_depend_on_the_path_alone() {
        let mut used = Rng::new(7);
        used.next_u64();
        assert_eq!(used.child(3).next_u64(), Rng::new(7).child(3).next_u64());
        let parent = Rng::new(7);
        let streams = [
            Rng::new(7),
            parent.child(0),
            parent.child(1),
            parent.child(0).child(1),
            parent.child(1).child(0),
            Rng::new(8).child(0),
        ];
        let mut firsts: Vec<u64> = streams.into_iter().map(|mut rng| rng.next_u64()).collect();
        firsts.sort_unstable();
        firsts.dedup();
        assert_eq!(firsts.len(), 6);
    }

    #[test]
    fn a_snapshot_goes_on_where_the_stream_is() {
        let mut rng = Rng::new(9);
        rng.next_u32();
        rng.next_u64();
        let mut again = rng.snapshot();
        let numbers = |rng: &mut Rng| (0..200).map(|_| rng.next_u32()).collect::<Vec<_>>();
        assert_eq!(numbers(&mut again), numbers(&mut rng));
        assert_eq!(again.child(1).next_u64(), rng.child(1).next_u64());
    }

    #[test]
    fn moments_are_right() {
        let x = Tensor::<f64>::normal(100_000, 3.0, 2.0, &mut Rng::new(5));
        let mean = x.mean(..).item();
        let var = x.map(|v| (v - mean).powi(2)).mean(..).item();
        assert!((mean - 3.0).abs() < 0.03 && (var - 4.0).abs() < 0.08, "{mean} {var}");
        let u = Tensor::<f32>::uniform(100_000, -1.0, 3.0, &mut Rng::new(6));
        assert!(u.iter().all(|v| (-1.0..3.0).contains(&v)));
        assert!((u.mean(..).item() - 1.0).abs() < 0.02);
        let b = Tensor::bernoulli(100_000, 0.3, &mut Rng::new(7));
        let share = b.iter().filter(|&v| v).count() as f64 / 1e5;
        assert!((share - 0.3).abs() < 0.01, "{share}");
    }

    #[test]
    fn truncated_normals_have_the_density_of_the_normal_inside() {
        // The mean inside (a, b) is (φ(a) - φ(b)) / (Φ(b) - Φ(a)), here with φ and Φ of the standard normal (tables).
        let cases = [
            (-2.0, 2.0, 0.0),
            (-0.5, 4.0, 0.508_98),
            (0.5, 0.75, 0.621_75),
            (3.0, 100.0, 3.283_10),
            (-9.0, -4.0, -4.225_61),
        ];
        for (seed, (low, high, mean)) in cases.into_iter().enumerate() {
            let x = Tensor::<f64>::trunc_normal(100_000, 0.0, 1.0, low, high, &mut Rng::new(seed as u64));
            assert!(x.iter().all(|v| (low..=high).contains(&v)));
            let found = x.mean(..).item();
            assert!((found - mean).abs() < 0.01, "{low}..{high}: {found}");
        }
        // So far out that nothing but the bound is left.
        let rng = &mut Rng::new(0);
        let far =
            |rng: &mut Rng, std, low, high| Tensor::<f64>::trunc_normal(2, 0.0, std, low, high, rng).to_vec();
        assert_eq!(far(rng, 1.0, 1e200, 2e200), [1e200; 2]);
        assert_eq!(far(rng, f64::from_bits(1), -2.0, -1.0), [-1.0; 2]);
        assert!(far(rng, f64::from_bits(1), -1.0, 1.0).iter().all(|v| v.abs() < 1e-300));
        let x = Tensor::<f32>::trunc_normal(3, 1.0, 2.0, -1.0, 3.0, &mut Rng::new(9));
        assert_eq!(x.to_vec(), PINNED_TRUNCATED);
    }
    const PINNED_TRUNCATED: [f32; 3] = [-0.121108055, 1.0739715, -0.03657353];

    #[test]
    fn a_permutation_holds_every_number() {
        let mut order = Tensor::randperm(1000, &mut Rng::new(8)).to_vec();
        order.sort_unstable();
        assert!(order.iter().copied().eq(0..1000));
    }
}
