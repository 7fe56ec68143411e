//! Mixup and CutMix: two samples mixed into one, together with their labels.

use rand::RngExt;
use rand_distr::{Beta, Distribution};
use ravine_tensor::{Rng, Tensor};

use crate::sets::check_classes;
use crate::{DataError, Dataset, Pick};

/// The stream of the mixtures, below the seed's: the same seed can serve a [`transform`](crate::Pictures::transform) too.
const MIX: u64 = 0x006d_6978_6564;

/// Every sample is blended with another one: `λ x + (1 - λ) x'`, with the targets `λ y + (1 - λ) y'`.
///
/// `λ` is drawn from Beta(α, α), and the other sample from the whole set. Both depend on the seed, the epoch and the index of the sample alone.
/// Zhang et al. 2018, 'mixup: beyond empirical risk minimization'.
///
/// Batches are `(x [batch, ..], targets [batch, classes])`, with targets that sum to 1.
///
/// ```
/// use ravine_data::{Dataset, MixUp, Pick, TensorSet};
/// use ravine_tensor::Tensor;
///
/// let set = TensorSet::new(Tensor::<f32>::arange(100), Tensor::<i64>::arange(100).map(|i| i % 2));
/// let mixed = MixUp::new(set, 2, 0.2, 7);
/// let (x, targets) = mixed.batch(Pick { epoch: 0, indices: &[5, 8] })?;
/// assert_eq!(targets.shape(), &[2, 2]);
/// # Ok::<(), ravine_data::DataError>(())
/// ```
#[derive(Debug)]
pub struct MixUp<D> {
    mixed: Mixed<D>,
}

impl<D: Dataset<Batch = (Tensor, Tensor<i64>)>> MixUp<D> {
    /// Mixes the samples of `dataset`, whose labels are below `classes`. Usual values of `alpha` are 0.1 to 0.4.
    ///
    /// # Panics
    /// If `alpha` is not above 0, or there is no class.
    #[track_caller]
    pub fn new(dataset: D, classes: usize, alpha: f64, seed: u64) -> Self {
        MixUp { mixed: Mixed::new("MixUp", dataset, classes, alpha, seed) }
    }
}

impl<D: Dataset<Batch = (Tensor, Tensor<i64>)>> Dataset for MixUp<D> {
    type Batch = (Tensor, Tensor);

    fn len(&self) -> usize {
        self.mixed.dataset.len()
    }

    fn costly(&self) -> bool {
        self.mixed.dataset.costly()
    }

    fn batch(&self, pick: Pick<'_>) -> Result<Self::Batch, DataError> {
        self.mixed.batch(pick, |x, other, draws| {
            let shares: Vec<f32> = draws.iter().map(|(share, _)| *share as f32).collect();
            (blend(x, other, &shares), shares)
        })
    }
}

/// Every picture gets a rectangle from another one, in the same place; its targets are mixed by the area.
///
/// The rectangle has the picture's proportions, the part `1 - λ` of its area with `λ` from Beta(α, α), and its middle anywhere; what is
/// outside of the picture is cut off, and `λ` is then what is left of the first picture. Yun et al. 2019, 'CutMix: regularization strategy to train strong
/// classifiers with localizable features'. In all else like [`MixUp`].
///
/// ```
/// use ravine_data::{CutMix, ImageSet};
///
/// let set = ImageSet::new(vec![0; 2 * 64], [1, 8, 8], vec![0, 1], 2)?;
/// let mixed = CutMix::new(set, 2, 1.0, 7);
/// # Ok::<(), ravine_data::DataError>(())
/// ```
#[derive(Debug)]
pub struct CutMix<D> {
    mixed: Mixed<D>,
}

impl<D: Dataset<Batch = (Tensor, Tensor<i64>)>> CutMix<D> {
    /// Mixes the pictures `[batch, channels, height, width]` of `dataset`, whose labels are below `classes`. The paper has an `alpha` of 1.
    ///
    /// # Panics
    /// If `alpha` is not above 0, or there is no class.
    #[track_caller]
    pub fn new(dataset: D, classes: usize, alpha: f64, seed: u64) -> Self {
        CutMix { mixed: Mixed::new("CutMix", dataset, classes, alpha, seed) }
    }
}

impl<D: Dataset<Batch = (Tensor, Tensor<i64>)>> Dataset for CutMix<D> {
    type Batch = (Tensor, Tensor);

    fn len(&self) -> usize {
        self.mixed.dataset.len()
    }

    fn costly(&self) -> bool {
        self.mixed.dataset.costly()
    }

    /// # Panics
    /// If the batches of the data set are no pictures.
    fn batch(&self, pick: Pick<'_>) -> Result<Self::Batch, DataError> {
        self.mixed.batch(pick, |x, other, draws| {
            let &[n, _, height, width] = &x.shape()[..] else {
                panic!("CutMix: a batch of shape {}; expected [batch, channels, height, width]", x.shape());
            };
            let cut = |(share, mut rng)| rectangle(share, [height, width], &mut rng);
            let boxes: Vec<[usize; 4]> = draws.into_iter().map(cut).collect();
            let inside = Tensor::from_fn([n, 1, height, width], |i| {
                let (row, column) = (i / width % height, i % width);
                let [top, bottom, left, right] = boxes[i / (height * width)];
                (top..bottom).contains(&row) && (left..right).contains(&column)
            });
            let area = |[top, bottom, left, right]: &[usize; 4]| ((bottom - top) * (right - left)) as f32;
            let shares = boxes.iter().map(|cut| 1.0 - area(cut) / (height * width) as f32).collect();
            (Tensor::where_(&inside, other, x), shares)
        })
    }
}

/// The common part of both: a data set, and the partner of each sample.
#[derive(Debug)]
struct Mixed<D> {
    dataset: D,
    classes: usize,
    shares: Beta<f64>,
    rng: Rng,
}

impl<D: Dataset<Batch = (Tensor, Tensor<i64>)>> Mixed<D> {
    #[track_caller]
    fn new(name: &str, dataset: D, classes: usize, alpha: f64, seed: u64) -> Self {
        assert!(
            alpha > 0.0 && alpha.is_finite(),
            "{name}: alpha is {alpha}; expected a finite number above 0"
        );
        assert!(classes > 0, "{name}: 0 classes; expected at least 1");
        let shares = Beta::new(alpha, alpha).expect("both are above 0");
        Mixed { dataset, classes, shares, rng: Rng::new(seed).child(MIX) }
    }

    /// `mix` is given the samples and their partners, and of each pair a share and a stream; it gives what comes of the samples, and which shares the targets get.
    fn batch(
        &self,
        pick: Pick<'_>,
        mix: impl FnOnce(&Tensor, &Tensor, Vec<(f64, Rng)>) -> (Tensor, Vec<f32>),
    ) -> Result<(Tensor, Tensor), DataError> {
        let epoch = self.rng.child(pick.epoch as u64);
        let (mut partners, mut draws) = (Vec::new(), Vec::new());
        for &index in pick.indices {
            let mut rng = epoch.child(index as u64);
            partners.push(rng.random_range(0..self.dataset.len()));
            draws.push((self.shares.sample(&mut rng), rng));
        }
        let (x, y) = self.dataset.batch(pick)?;
        let (other_x, other_y) = self.dataset.batch(Pick { indices: &partners, ..pick })?;
        let (y, other_y) = (self.targets(&y, pick.indices)?, self.targets(&other_y, &partners)?);
        let (mixed, shares) = mix(&x, &other_x, draws);
        Ok((mixed, blend(&y, &other_y, &shares)))
    }

    fn targets(&self, labels: &Tensor<i64>, indices: &[usize]) -> Result<Tensor, DataError> {
        check_classes("labels", labels, self.classes, |row| indices[row])?;
        Ok(Tensor::one_hot(labels, self.classes))
    }
}

/// `share a + (1 - share) b`, with a share for each row.
fn blend(a: &Tensor, b: &Tensor, shares: &[f32]) -> Tensor {
    let mut shape = vec![1; a.rank()];
    shape[0] = shares.len();
    b + (a - b) * Tensor::from_slice(shares, shape)
}

/// Top, bottom, left and right of a rectangle of the part `1 - share` of the picture, without what is outside.
fn rectangle(share: f64, size: [usize; 2], rng: &mut Rng) -> [usize; 4] {
    let side = (1.0 - share).sqrt();
    let [[top, bottom], [left, right]] = size.map(|size| {
        let (half, middle) = (side * size as f64 / 2.0, rng.random_range(0..size.max(1)) as f64);
        [middle - half, middle + half].map(|edge| (edge.round().max(0.0) as usize).min(size))
    });
    [top, bottom, left, right]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TensorSet;

    /// Pictures of 8 by 8 that are all of the colour `index`, with the class `index % 3`.
    fn colours(n: usize) -> TensorSet {
        let x = Tensor::from_fn([n, 2, 8, 8], |i| (i / 128) as f32);
        TensorSet::new(x, Tensor::<i64>::arange(n).map(|i| i % 3))
    }

    fn fetch<D: Dataset<Batch = (Tensor, Tensor)>>(
        set: &D,
        epoch: usize,
        indices: &[usize],
    ) -> (Tensor, Tensor) {
        set.batch(Pick { epoch, indices }).unwrap()
    }

    #[test]
    fn mixup_blends_pictures_and_targets_alike() {
        let set = MixUp::new(colours(30), 3, 1.0, 4);
        assert_eq!(set.len(), 30);
        let (mut partners, mut shares) = (std::collections::BTreeSet::new(), Vec::new());
        for epoch in 0..20 {
            let (x, y) = fetch(&set, epoch, &[5]);
            let mut rng = set.mixed.rng.child(epoch as u64).child(5);
            let partner = rng.random_range(0..30usize);
            let share = set.mixed.shares.sample(&mut rng) as f32;
            partners.insert(partner);
            shares.push(share);
            let colour = 5.0 * share + partner as f32 * (1.0 - share);
            assert!(x.iter().all(|value| (value - colour).abs() < 1e-5), "{colour}: {x}");
            let mut expected = [0.0; 3];
            expected[5 % 3] += share;
            expected[partner % 3] += 1.0 - share;
            assert!(y.iter().zip(expected).all(|(y, expected)| (y - expected).abs() < 1e-6), "{y}");
        }
        assert!(partners.len() > 10, "others are mixed in each time");
        let mean = shares.iter().sum::<f32>() / 20.0;
        assert!((0.3..0.7).contains(&mean), "{mean}");
    }

    #[test]
    fn mixtures_are_the_same_in_every_batch() {
        fn check<D: Dataset<Batch = (Tensor, Tensor)>>(set: &D, again: &D, other: &D) {
            for index in 0..10 {
                let alone = fetch(set, 2, &[index]);
                let (x, y) = fetch(again, 2, &[3, index, 7]);
                assert_eq!((x.slice(0, 1..2), y.slice(0, 1..2)), alone);
            }
            let all: Vec<usize> = (0..10).collect();
            assert_ne!(fetch(set, 2, &all), fetch(set, 3, &all));
            assert_ne!(fetch(set, 2, &all), fetch(other, 2, &all));
        }
        let mixup = |seed| MixUp::new(colours(10), 3, 0.4, seed);
        check(&mixup(1), &mixup(1), &mixup(2));
        let cutmix = |seed| CutMix::new(colours(10), 3, 1.0, seed);
        check(&cutmix(1), &cutmix(1), &cutmix(2));
    }

    #[test]
    fn cutmix_mixes_targets_by_the_area() {
        let set = CutMix::new(colours(30), 3, 1.0, 0);
        let indices: Vec<usize> = (0..30).collect();
        let (x, y) = fetch(&set, 1, &indices);
        let mut cut = 0;
        for (row, &index) in indices.iter().enumerate() {
            let picture = x.index(0, row);
            let own = picture.iter().filter(|&value| value == index as f32).count();
            let other = picture.iter().find(|&value| value != index as f32);
            let share = own as f32 / 128.0;
            cut += usize::from(own < 128);
            let expected = match other {
                Some(other) if other as usize % 3 != index % 3 => share,
                _ => 1.0,
            };
            assert!((y.at([row, index % 3]) - expected).abs() < 1e-6, "row {row}: {expected}, {y}");
            assert_eq!(picture.index(0, 0), picture.index(0, 1), "both channels alike");
        }
        assert!(cut > 15, "{cut}");
    }

    #[test]
    fn rectangles_have_the_area_asked_for_unless_they_are_cut_off() {
        let mut rng = Rng::new(0);
        for _ in 0..100 {
            let [top, bottom, left, right] = rectangle(0.75, [20, 40], &mut rng);
            assert!(bottom <= 20 && right <= 40);
            assert!(bottom - top <= 10 && right - left <= 20);
            if top > 0 && bottom < 20 && left > 0 && right < 40 {
                assert_eq!((bottom - top, right - left), (10, 20));
            }
        }
        let [top, bottom, left, right] = rectangle(1.0, [20, 40], &mut rng);
        assert_eq!((bottom - top) * (right - left), 0);
    }

    #[test]
    fn labels_that_are_no_classes_are_errors() {
        let error = MixUp::new(colours(9), 2, 1.0, 0).batch(Pick { epoch: 0, indices: &[0, 8] }).unwrap_err();
        assert_eq!(error.to_string(), "labels: label of row 8: found 2, expected a class below 2");
        // A class for each of three places of a sample.
        let y = Tensor::from([[0, 1, 1], [1, 0, 1], [0, 5, 0]]);
        let set = TensorSet::new(Tensor::<f32>::zeros([3, 3]), y);
        let error = set.clone().classes(2).unwrap_err().to_string();
        assert_eq!(error, "y: label 1 of row 2: found 5, expected a class below 2");
        let error = MixUp::new(set, 2, 1.0, 0).batch(Pick { epoch: 0, indices: &[2] }).unwrap_err();
        assert_eq!(error.to_string(), "labels: label 1 of row 2: found 5, expected a class below 2");
    }

    #[test]
    #[should_panic(expected = "MixUp: alpha is 0; expected a finite number above 0")]
    fn no_alpha() {
        MixUp::new(colours(1), 3, 0.0, 0);
    }

    #[test]
    #[should_panic(expected = "CutMix: a batch of shape [1]; expected [batch, channels, height, width]")]
    fn no_pictures() {
        let set = TensorSet::new(Tensor::<f32>::arange(3), Tensor::<i64>::arange(3));
        let _ = CutMix::new(set, 3, 1.0, 0).batch(Pick { epoch: 0, indices: &[0] });
    }
}
