//! Data sets of pictures that transforms can change.

use std::sync::Arc;

use ravine_tensor::{Rng, Tensor};

use super::{Normalization, Picture, Transform};
use crate::{DataError, Dataset, Pick};

/// A data set of labelled pictures of one shape, each of which can be had as bytes.
///
/// `(images [batch, channels, height, width], labels [batch])` are its batches: the bytes become numbers when a batch is made, by
/// [`normalization`](Self::normalization).
pub trait Pictures: Dataset<Batch = (Tensor, Tensor<i64>)> {
    /// One picture, as it looks in this epoch.
    ///
    /// # Errors
    /// If it cannot be fetched.
    ///
    /// # Panics
    /// May panic if there is no such picture.
    fn picture(&self, epoch: usize, index: usize) -> Result<Picture, DataError>;

    /// The class of a picture.
    ///
    /// # Panics
    /// May panic if there is no such picture.
    fn label(&self, index: usize) -> usize;

    /// The number of classes.
    fn classes(&self) -> usize;

    /// Channels, height and width of every picture.
    fn shape(&self) -> [usize; 3];

    /// What the bytes become.
    fn normalization(&self) -> &Normalization;

    /// The same pictures, changed by `transform` whenever they are fetched.
    ///
    /// Each draws from a stream of its own, which depends on the seed, the epoch and its index alone. So two `transform`s of one seed draw the
    /// same numbers: say [`then`](Transform::then), or give them two seeds.
    ///
    /// ```
    /// use ravine_data::{Mnist, Pictures, RandomErasing, RandomRotation, RandomShift, Transform};
    ///
    /// let mnist = Mnist::load("../../examples/data/mnist")?;
    /// let train = mnist.train.transform(7, RandomRotation::new(10.0).then(RandomShift::new(2)).then(RandomErasing::new(0.25)));
    /// # Ok::<(), ravine_data::DataError>(())
    /// ```
    ///
    /// # Panics
    /// If pictures of this shape cannot be changed so.
    #[track_caller]
    fn transform<T: Transform>(self, seed: u64, transform: T) -> Transformed<Self, T>
    where
        Self: Sized,
    {
        let shape = transform.shape(self.shape());
        Transformed { pictures: self, rng: Rng::new(seed), transform, shape }
    }
}

macro_rules! forward {
    ($($pointer:ty),*) => {$(
        impl<P: Pictures + ?Sized> Pictures for $pointer {
            fn picture(&self, epoch: usize, index: usize) -> Result<Picture, DataError> {
                (**self).picture(epoch, index)
            }

            fn label(&self, index: usize) -> usize {
                (**self).label(index)
            }

            fn classes(&self) -> usize {
                (**self).classes()
            }

            fn shape(&self) -> [usize; 3] {
                (**self).shape()
            }

            fn normalization(&self) -> &Normalization {
                (**self).normalization()
            }
        }
    )*};
}
forward!(&P, Box<P>, Arc<P>);

/// Pictures that are changed whenever they are fetched. Made by [`Pictures::transform`].
#[derive(Debug)]
pub struct Transformed<P, T> {
    pictures: P,
    rng: Rng,
    transform: T,
    shape: [usize; 3],
}

impl<P: Pictures, T: Transform> Pictures for Transformed<P, T> {
    fn picture(&self, epoch: usize, index: usize) -> Result<Picture, DataError> {
        let mut picture = self.pictures.picture(epoch, index)?;
        let mut rng = self.rng.child(epoch as u64).child(index as u64);
        self.transform.apply(&mut picture, &mut rng);
        Ok(picture)
    }

    fn label(&self, index: usize) -> usize {
        self.pictures.label(index)
    }

    fn classes(&self) -> usize {
        self.pictures.classes()
    }

    fn shape(&self) -> [usize; 3] {
        self.shape
    }

    fn normalization(&self) -> &Normalization {
        self.pictures.normalization()
    }
}

impl<P: Pictures, T: Transform> Dataset for Transformed<P, T> {
    type Batch = (Tensor, Tensor<i64>);

    fn len(&self) -> usize {
        self.pictures.len()
    }

    fn costly(&self) -> bool {
        self.pictures.costly()
    }

    fn batch(&self, pick: Pick<'_>) -> Result<Self::Batch, DataError> {
        assemble(self, pick)
    }
}

/// The batch of these pictures, fetched one by one.
pub(crate) fn assemble<P: Pictures>(set: &P, pick: Pick<'_>) -> Result<(Tensor, Tensor<i64>), DataError> {
    let fetch = |&index: &usize| {
        let picture = set.picture(pick.epoch, index)?;
        if picture.shape() != set.shape() {
            let found = format!("{:?}", picture.shape());
            let expected = format!("{:?} as shape() of the set or its transform says", set.shape());
            let field = format!("shape of picture {index}");
            return Err(DataError::invalid("pictures".as_ref(), field, found, expected));
        }
        Ok(picture)
    };
    let pictures = pick.indices.iter().map(fetch).collect::<Result<Vec<_>, _>>()?;
    let bytes: Vec<&[u8]> = pictures.iter().map(Picture::bytes).collect();
    let labels = Tensor::from_fn(pick.indices.len(), |i| set.label(pick.indices[i]) as i64);
    Ok((set.normalization().tensor(set.shape(), &bytes), labels))
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;
    use crate::{ImageSet, RandomCrop, RandomErasing, RandomHorizontalFlip, RandomRotation, RandomShift};

    fn set() -> ImageSet {
        let bytes = (0..20 * 36).map(|i| (i * 7 % 256) as u8).collect();
        ImageSet::new(bytes, [1, 6, 6], (0..20).map(|i| i % 3).collect(), 3).unwrap().normalize(0.3, 0.5)
    }

    #[test]
    fn a_picture_is_the_same_in_every_batch_and_another_in_every_epoch() {
        let all = RandomCrop::new([5, 4])
            .padding(1)
            .then(RandomHorizontalFlip::new(0.5))
            .then(RandomRotation::new(20.0))
            .then(RandomShift::new(1))
            .then(RandomErasing::new(0.5));
        let changed = |seed| set().transform(seed, all);
        let train = changed(1);
        assert_eq!((train.shape(), train.len(), train.classes()), ([1, 5, 4], 20, 3));
        let look = |train: &Transformed<_, _>, epoch, indices: &[usize], which: usize| {
            let (x, y) = train.batch(Pick { epoch, indices }).unwrap();
            (x.index(0, which), y.at([which]))
        };
        for index in 0..20 {
            let alone = look(&train, 3, &[index], 0);
            assert_eq!(look(&train, 3, &[4, index, 9, index], 1), alone);
            assert_eq!(look(&train, 3, &[4, index, 9, index], 3), alone);
            assert_eq!(look(&changed(1), 3, &[19, 18, index], 2), alone);
            assert_eq!(alone.1, index as i64 % 3);
        }
        let whole = |train: &Transformed<_, _>, epoch| look(train, epoch, &[0, 1, 2, 3, 4], 4).0;
        assert_ne!(whole(&train, 3), whole(&train, 4), "epochs differ");
        assert_ne!(whole(&train, 3), whole(&changed(2), 3), "seeds differ");
    }

    #[test]
    fn closures_and_boxes_are_transforms_and_share_the_stream() {
        let draw = |picture: &mut Picture, rng: &mut Rng| picture.bytes_mut().fill(rng.random());
        let boxed: Box<dyn Transform> = Box::new(draw);
        let (a, b) = (set().transform(1, draw), set().transform(1, boxed));
        assert_eq!(a.picture(0, 2).unwrap(), b.picture(0, 2).unwrap());
        let twice = set().transform(1, draw.then(draw));
        let mut rng = Rng::new(1).child(0).child(2);
        let _: u8 = rng.random();
        assert_eq!(twice.picture(0, 2).unwrap().at(0, 0, 0), rng.random::<u8>());
        // What is done to the changed pictures comes after.
        let halved = set().transform(1, draw).transform(2, |picture: &mut Picture, _: &mut Rng| {
            picture.bytes_mut().iter_mut().for_each(|byte| *byte /= 2);
        });
        assert_eq!(halved.picture(0, 2).unwrap().at(0, 0, 0), a.picture(0, 2).unwrap().at(0, 0, 0) / 2);
    }

    #[test]
    fn subsets_can_be_changed_too() {
        let (train, _) = set().split(5, 0);
        let (index, label) = (train.indices()[3], train.dataset().label(train.indices()[3]));
        let still = train.transform(9, |_: &mut Picture, _: &mut Rng| {});
        assert_eq!(still.label(3), label);
        assert_eq!(still.batch(Pick { epoch: 0, indices: &[3] }).unwrap(), set().select(&[index]));
    }

    #[test]
    fn a_transform_that_gives_another_shape_than_it_says_is_an_error() {
        let odd = |picture: &mut Picture, _: &mut Rng| {
            if picture.at(0, 0, 0) == set().image(4)[0] {
                *picture = Picture::new([1, 1, 1], vec![0]);
            }
        };
        let error = set().transform(0, odd).batch(Pick { epoch: 0, indices: &[3, 4] }).unwrap_err();
        assert_eq!(
            error.to_string(),
            "pictures: shape of picture 4: found [1, 1, 1], expected [1, 6, 6] as shape() of the set or its transform says"
        );
    }

    #[test]
    #[should_panic(expected = "RandomCrop: 9 by 9 pixels of a picture of shape [1, 6, 6]")]
    fn too_small_pictures_are_seen_at_once() {
        set().transform(0, RandomShift::new(1).then(RandomCrop::new([9, 9])));
    }
}
