//! Normalisation with a scale and a shift, in as few passes over memory as its statistics allow.

use crate::kernels::norm::{self, ROWS_A_SHARE};
use crate::{Float, Shape, Tensor};

/// Which elements are normalised together: those that share a mean and a variance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Normalize {
    /// The elements of one channel, over the whole batch: batch norm. Channels are axis 1.
    Batch,
    /// The elements of one group of channels, for each sample: group norm. The number is that of the groups; with as many groups as channels, it is
    /// instance norm.
    Groups(usize),
    /// The elements of the last axes, of which this is the number: layer norm. Scale and shift have the shape of these axes; in the other kinds, one number per channel.
    Last(usize),
    /// As [`Last`](Self::Last), but relative to 0 instead of the mean: root-mean-square norm.
    LastByRms(usize),
}

/// The shapes of a [`Normalize`] brought to four axes: batch, groups, channels of a group, positions.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NormalizeView {
    /// The input.
    pub x: [usize; 4],
    /// Scale and shift; size 1 along axes where they are constant.
    pub affine: [usize; 4],
    /// Mean and variance; size 1 along axes where they are constant.
    pub stats: [usize; 4],
}

impl Normalize {
    /// The four-axis view of `shape`.
    ///
    /// # Panics
    /// If it has too few axes, or the groups do not divide its channels.
    #[doc(hidden)]
    #[track_caller]
    pub fn view(self, shape: &Shape) -> NormalizeView {
        match self {
            Normalize::Batch | Normalize::Groups(_) => {
                assert!(
                    shape.rank() >= 2,
                    "normalize: input {shape}; expected [batch, channels, ..], at least two axes"
                );
                let (batch, channels, places) = (shape[0], shape[1], shape[2..].iter().product());
                let Normalize::Groups(groups) = self else {
                    let along = [1, channels, 1, 1];
                    return NormalizeView { x: [batch, channels, 1, places], affine: along, stats: along };
                };
                assert!(
                    groups > 0 && channels.is_multiple_of(groups),
                    "normalize: {groups} groups do not divide the {channels} channels of input {shape}"
                );
                NormalizeView {
                    x: [batch, groups, channels / groups, places],
                    affine: [1, groups, channels / groups, 1],
                    stats: [batch, groups, 1, 1],
                }
            }
            Normalize::Last(axes) | Normalize::LastByRms(axes) => {
                let Some(first) = shape.rank().checked_sub(axes) else {
                    panic!("normalize: input {shape}; expected at least the {axes} axes that are normalised")
                };
                let (rows, n) = (shape[..first].iter().product(), shape[first..].iter().product());
                NormalizeView { x: [rows, 1, 1, n], affine: [1, 1, 1, n], stats: [rows, 1, 1, 1] }
            }
        }
    }

    fn is_of_rows(self) -> bool {
        matches!(self, Normalize::Last(_) | Normalize::LastByRms(_))
    }
}

impl NormalizeView {
    /// How many elements share their statistics.
    #[doc(alias = "count_nonzero")]
    pub fn count(&self) -> usize {
        self.x.iter().product::<usize>() / self.stats.iter().product::<usize>().max(1)
    }

    fn segments(&self) -> [usize; 4] {
        [self.x[0], self.x[1], self.x[2], 1]
    }
}

impl<T: Float> Tensor<T> {
    /// `y = (x - mean) / √(var + eps) · weight + bias`, with the mean and the biased variance of the elements that `how` puts together.
    ///
    /// Returns `y`, and `[.., 2]` the means and variances.
    ///
    /// # Panics
    /// If the shapes do not fit together.
    #[track_caller]
    #[must_use]
    pub fn normalize(
        &self,
        how: Normalize,
        weight: Option<&Tensor<T>>,
        bias: Option<&Tensor<T>>,
        eps: T,
    ) -> (Tensor<T>, Tensor<T>) {
        if let Some(lines) = self.channels_as_lines(how) {
            let (y, stats) = lines.normalize(how, weight, bias, eps);
            return (y.lines_as_channels(self.shape()), stats);
        }
        let view = how.view(self.shape());
        check_parameters([("weight", weight), ("bias", bias)], &view, self.shape());
        let parameters = [weight, bias].map(|parameter| parameter.map(Tensor::contiguous));
        let x = self.contiguous();
        let stats_shape = Shape::from([&view.stats[..], &[2]].concat());
        if x.numel() == 0 {
            return (x, Tensor::zeros(stats_shape));
        }
        if how.is_of_rows() {
            let mut stats = Tensor::zeros(stats_shape);
            let [weight, bias] = parameters.each_ref().map(|p| p.as_ref().map(Tensor::values));
            let y = Tensor::build(*self.shape(), |y| {
                let (n, stats) = (view.x[3], stats.as_mut_slice());
                match how {
                    Normalize::LastByRms(_) => {
                        norm::rows::<T, false>(x.values(), n, [weight, bias], eps, y, stats)
                    }
                    _ => norm::rows::<T, true>(x.values(), n, [weight, bias], eps, y, stats),
                }
            });
            return (y, stats);
        }
        let count = T::of(view.count() as f64);
        let together = Shape::from(view.stats);
        let mean = x.reshape(view.x).sum_keepdim(-1).sum_to(&together) / count;
        let means = mean.expand(view.segments()).contiguous();
        let squares = Tensor::build(Shape::from(view.segments()), |out| {
            norm::centred_squares(x.values(), view.x[3], means.values(), out)
        });
        let var = squares.sum_to(&together) / count;
        let y = x.scaled(&view, &mean, &var, parameters.each_ref().map(Option::as_ref), eps);
        (y, Tensor::stack(&[&mean, &var], -1))
    }

    /// [`normalize`](Self::normalize) by a given `mean` and `var` of each channel: batch norm at evaluation.
    ///
    /// # Panics
    /// If the shapes do not fit together.
    #[track_caller]
    #[must_use]
    pub fn normalize_by(
        &self,
        mean: &Tensor<T>,
        var: &Tensor<T>,
        weight: Option<&Tensor<T>>,
        bias: Option<&Tensor<T>>,
        eps: T,
    ) -> Tensor<T> {
        if let Some(lines) = self.channels_as_lines(Normalize::Batch) {
            return lines.normalize_by(mean, var, weight, bias, eps).lines_as_channels(self.shape());
        }
        let view = Normalize::Batch.view(self.shape());
        let named = [("mean", Some(mean)), ("var", Some(var)), ("weight", weight), ("bias", bias)];
        check_parameters(named, &view, self.shape());
        let x = self.contiguous();
        if x.numel() == 0 {
            return x;
        }
        let [mean, var] = [mean, var].map(|p| p.reshape(view.stats));
        x.scaled(&view, &mean, &var, [weight, bias], eps)
    }

    /// A batch whose channels have one position each, as one sample with the batch as positions: each channel becomes one long segment.
    fn channels_as_lines(&self, how: Normalize) -> Option<Tensor<T>> {
        let NormalizeView { x: [batch, channels, _, places], .. } = how.view(self.shape());
        let scattered = how == Normalize::Batch && places == 1 && batch > 1;
        scattered.then(|| self.reshape([batch, channels]).t().reshape([1, channels, batch]))
    }

    fn lines_as_channels(&self, shape: &Shape) -> Tensor<T> {
        self.squeeze(0).t().reshape(*shape)
    }

    /// `(x - mean) / √(var + eps) · weight + bias` of a contiguous `x`; all but `x` are constant within a segment.
    fn scaled(
        &self,
        view: &NormalizeView,
        mean: &Tensor<T>,
        var: &Tensor<T>,
        [weight, bias]: [Option<&Tensor<T>>; 2],
        eps: T,
    ) -> Tensor<T> {
        let wide = |x: &Tensor<T>| x.expand(view.segments()).contiguous();
        let inverse_std = var.map(|var| T::ONE / (var + eps).sqrt());
        let scale = match weight {
            Some(weight) => inverse_std * &weight.reshape(view.affine),
            None => inverse_std,
        };
        let shift = match bias {
            Some(bias) => wide(&bias.reshape(view.affine)),
            None => Tensor::zeros(view.segments()),
        };
        let (mean, scale) = (wide(mean), wide(&scale));
        Tensor::build(*self.shape(), |y| {
            let segments = [mean.values(), scale.values(), shift.values()];
            norm::affine(self.values(), view.x[3], segments, y);
        })
    }

    /// The gradients of [`normalize`](Self::normalize) by `x`, `weight` and `bias`, from this gradient by its output.
    ///
    /// # Panics
    /// If the shapes are not those of the forward pass.
    #[doc(hidden)]
    #[track_caller]
    #[must_use]
    pub fn normalize_grad(
        &self,
        how: Normalize,
        x: &Tensor<T>,
        stats: &Tensor<T>,
        weight: Option<&Tensor<T>>,
        eps: T,
    ) -> [Tensor<T>; 3] {
        assert!(self.shape() == x.shape(), "normalize_grad: {} and {} differ", self.shape(), x.shape());
        if let (Some(dy), Some(lines)) = (self.channels_as_lines(how), x.channels_as_lines(how)) {
            let [dx, dw, db] = dy.normalize_grad(how, &lines, stats, weight, eps);
            return [dx.lines_as_channels(x.shape()), dw, db];
        }
        let view = how.view(x.shape());
        let (dy, x) = (self.contiguous(), x.contiguous());
        if x.numel() == 0 {
            let zeros = Tensor::zeros(view.affine);
            return [x, zeros.clone(), zeros];
        }
        let n = view.x[3];
        if how.is_of_rows() {
            let weight = weight.map(Tensor::contiguous);
            let weight = weight.as_ref().map(Tensor::values);
            let shares = view.x[0].div_ceil(ROWS_A_SHARE);
            let mut sums = Tensor::zeros([shares, 2, n]);
            let dx = Tensor::build(*x.shape(), |dx| {
                let (dy, x, stats, sums) = (dy.values(), x.values(), stats.values(), sums.as_mut_slice());
                match how {
                    Normalize::LastByRms(_) => {
                        norm::rows_grad::<T, false>(dy, x, n, weight, stats, eps, dx, sums)
                    }
                    _ => norm::rows_grad::<T, true>(dy, x, n, weight, stats, eps, dx, sums),
                }
            });
            let sums = sums.sum(0);
            return [dx, sums.index(0, 0), sums.index(0, 1)];
        }
        let segments = Shape::from(view.segments());
        let together = Shape::from(view.stats);
        let wide = |x: &Tensor<T>| x.expand(segments).contiguous();
        let count = T::of(view.count() as f64);
        let inverse_std = stats.index(-1, 1).map(|var| T::ONE / (var + eps).sqrt());
        let mean = wide(&stats.index(-1, 0));
        let mut dots = Tensor::zeros(segments);
        let sums = Tensor::build(segments, |sums| {
            norm::gradient_sums(dy.values(), x.values(), n, mean.values(), sums, dots.as_mut_slice());
        });
        let dots = dots * &inverse_std;
        let affine = Shape::from(view.affine);
        let (dw, db) = (dots.sum_to(&affine), sums.sum_to(&affine));
        let weight = weight.map(|weight| weight.reshape(affine));
        let weighted = |x: Tensor<T>| match &weight {
            Some(weight) => x * weight,
            None => x,
        };
        // The terms of dx = (w dy - mean(w dy) - x̂ mean(w dy x̂)) / std that are constant within a segment.
        let a = wide(&weighted(wide(&inverse_std)));
        let b = weighted(dots).sum_to(&together) / count * &inverse_std * &inverse_std;
        let c = weighted(sums).sum_to(&together) / count * &inverse_std;
        let (b, c) = (wide(&b), wide(&c));
        let dx = Tensor::build(*x.shape(), |dx| {
            let segments = [mean.values(), a.values(), b.values(), c.values()];
            norm::combine(dy.values(), x.values(), n, segments, dx);
        });
        [dx, dw, db]
    }
}

#[track_caller]
fn check_parameters<T: Float, const N: usize>(
    named: [(&str, Option<&Tensor<T>>); N],
    view: &NormalizeView,
    x: &Shape,
) {
    let wanted: usize = view.affine.iter().product();
    for (name, parameter) in named {
        let Some(parameter) = parameter.filter(|parameter| parameter.numel() != wanted) else { continue };
        panic!(
            "normalize: input {x}, {name} {}: expected {wanted} numbers, one for each of what is scaled together",
            parameter.shape()
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;

    const ALL: [Normalize; 4] =
        [Normalize::Batch, Normalize::Groups(3), Normalize::Last(2), Normalize::LastByRms(1)];

    #[test]
    fn the_formula() {
        let x = Tensor::<f64>::randn([5, 6, 7, 4], &mut Rng::new(0)) * 3.0 + 10.0;
        for how in ALL {
            let view = how.view(x.shape());
            let affine = Shape::from(view.affine);
            let weight = Tensor::<f64>::randn(affine, &mut Rng::new(1));
            let bias = Tensor::<f64>::randn(affine, &mut Rng::new(2));
            let wide = x.reshape(view.x);
            let (stats, n) = (Shape::from(view.stats), view.count() as f64);
            let centred = match how {
                Normalize::LastByRms(_) => wide.clone(),
                _ => &wide - &(wide.sum_to(&stats) / n),
            };
            let std = (centred.square().sum_to(&stats) / n + 0.1).sqrt();
            let want = centred / &std * &weight + &bias;
            let (y, _) = x.normalize(how, Some(&weight), Some(&bias), 0.1);
            assert!((y.reshape(view.x) - want).iter().all(|d| d.abs() < 1e-12), "{how:?}");
        }
    }

    #[test]
    fn a_batch_normalised_by_its_own_statistics() {
        for shape in [&[5, 6, 4][..], &[40, 6]] {
            let x = Tensor::<f32>::randn(shape, &mut Rng::new(0)) * 3.0 + 10.0;
            let weight = Tensor::<f32>::randn([6], &mut Rng::new(1));
            let (y, stats) = x.normalize(Normalize::Batch, Some(&weight), None, 1e-5);
            let stats = stats.reshape([6, 2]);
            let same = x.normalize_by(&stats.index(1, 0), &stats.index(1, 1), Some(&weight), None, 1e-5);
            assert_eq!(y, same);
        }
    }

    #[test]
    fn the_same_bits_for_any_number_of_threads() {
        let x = Tensor::<f32>::randn([37, 6, 60, 40], &mut Rng::new(0));
        let dy = Tensor::<f32>::randn([37, 6, 60, 40], &mut Rng::new(1));
        for how in ALL {
            let weight = Tensor::<f32>::randn(Shape::from(how.view(x.shape()).affine), &mut Rng::new(2));
            let run = |threads| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| {
                    let (y, stats) = x.normalize(how, Some(&weight), None, 1e-5);
                    let [dx, dw, db] = dy.normalize_grad(how, &x, &stats, Some(&weight), 1e-5);
                    [y, stats, dx, dw, db]
                })
            };
            let one = run(1);
            assert!([2, 3, 8].into_iter().all(|threads| run(threads) == one), "{how:?}");
        }
    }

    #[test]
    #[should_panic(expected = "normalize: 4 groups do not divide the 6 channels of input [2, 6, 3]")]
    fn groups_that_do_not_divide() {
        let _ = Tensor::<f32>::zeros([2, 6, 3]).normalize(Normalize::Groups(4), None, None, 1e-5);
    }
}
