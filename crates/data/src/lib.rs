//! From files to batches: data sets, their order, and a loader that assembles batches ahead of use.
//!
//! ```
//! use ravine_data::{Dataset, Loader, Mnist, Order};
//!
//! # fn main() -> Result<(), ravine_data::DataError> {
//! // Four IDX files, plain or gzipped; checked against SHA256SUMS if that file lies beside them.
//! let mnist = Mnist::load("../../examples/data/mnist")?;
//! let (train, valid) = mnist.train.split(5_000, 7);
//! assert_eq!((train.len(), valid.len(), mnist.test.len()), (55_000, 5_000, 10_000));
//!
//! let loader = Loader::new(train, 64, Order::Shuffled { seed: 1 });
//! for batch in loader.epoch(0).take(3) {
//!     let (images, labels) = batch?;
//!     assert_eq!(images.shape(), &[64, 1, 28, 28]);
//!     assert_eq!(labels.shape(), &[64]);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The batches depend only on the data, the seed and the batch size. The samples of batch `k` of epoch `e` are a pure function of them
//! ([`Plan`]), so a run can be resumed in the middle of an epoch without replaying it:
//!
//! ```
//! use ravine_data::{Loader, Order, Position, TensorSet};
//! use ravine_tensor::Tensor;
//!
//! let set = TensorSet::new(Tensor::<f32>::arange(10), Tensor::<i64>::arange(10));
//! let loader = Loader::new(set, 4, Order::Shuffled { seed: 1 });
//!
//! let straight: Vec<_> = loader.starting_at(Position::default()).take(8).map(Result::unwrap).collect();
//! let resumed: Vec<_> = loader.starting_at(Position { epoch: 1, batch: 2 }).take(3).map(Result::unwrap).collect();
//! assert_eq!(straight[5..], resumed);
//! ```
//!
//! The chapters, in reading order:
//!
//! 1. The interface: [`Dataset`], [`DataError`].
//! 2. Files: [`Idx`], [`Csv`] and what it reads, [`Table`] and [`CsvStream`], [`verify`] and [`sha256`].
//! 3. Data sets: [`TensorSet`] (in memory, or from npy and npz files), [`ImageSet`], [`Mnist`], [`Samples`]; with the feature `images`, `ImageFolder`.
//! 4. Sets made from others: [`Subset`], [`Concat`], [`Augmented`].
//! 5. Augmentation of pictures: [`Pictures`], [`Transform`] and its implementations, [`MixUp`] and [`CutMix`].
//! 6. The order of the samples: [`Order`], [`Plan`], [`Weights`], [`Strata`].
//! 7. Fetching them: [`Loader`], [`Stream`], [`StreamLoader`] and [`Walk`], [`read_ahead`], and joining samples into batches: [`Collate`], [`Padded`].

#![deny(missing_docs)]
#![forbid(unsafe_code)]

mod dataset;
mod derived;
mod error;
mod files;
mod load;
mod order;
mod sets;
mod transform;

pub use dataset::Dataset;
#[doc(alias = "transforms")]
pub use derived::Augmented;
#[doc(alias = "ConcatDataset")]
pub use derived::Concat;
pub use derived::{Draws, Rows, Subset};
pub use error::DataError;
pub use files::{Csv, CsvStream, Idx, Row, SUMS, Table, sha256, verify};
#[doc(alias = "collate_fn")]
pub use load::Collate;
#[doc(alias = "DataLoader")]
pub use load::Loader;
#[doc(alias = "pad_sequence")]
pub use load::Padded;
#[doc(alias = "IterableDataset")]
pub use load::Stream;
pub use load::{Batches, Coming, Sequence, Shuffled, StreamLoader, Walk, read_ahead};
#[doc(alias("Sampler", "RandomSampler", "SequentialSampler"))]
pub use order::Order;
#[doc(alias = "WeightedRandomSampler")]
pub use order::Weights;
pub use order::{Epoch, Epochs, Pick, Plan, Position, Strata};
#[doc(alias = "TensorDataset")]
pub use sets::TensorSet;
#[cfg(feature = "images")]
pub use sets::{Color, ImageFolder};
pub use sets::{ImageSet, Mnist, Samples};
#[doc(alias("Normalize", "ToTensor"))]
pub use transform::Normalization;
#[doc(alias = "transforms")]
pub use transform::Transform;
pub use transform::{
    CutMix, MixUp, Picture, Pictures, RandomAffine, RandomCrop, RandomErasing, RandomHorizontalFlip,
    RandomRotation, RandomShift, RandomVerticalFlip, Resize, Then, Transformed,
};
