//! What to train on: MNIST, a set in the same files, or folders of pictures.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use ravine::data::{Color, DataError, ImageFolder, Picture, Pictures};
use ravine::prelude::*;
use ravine_examples::idx_files;

use crate::predict::as_mnist;

/// The height and width of pictures from folders.
const SIZE: [usize; 2] = [28, 28];

pub struct Data {
    pub train: Box<dyn Pictures>,
    pub test: Box<dyn Pictures>,
    /// The names of the classes.
    pub names: Vec<String>,
    /// The files whose checksums belong to a run.
    pub files: Vec<PathBuf>,
    /// Whether the images are white figures on black, centred as MNIST's are.
    figures: bool,
}

impl Data {
    /// The four IDX files in a folder, or the pictures in its sub-folders: `train/CLASS/*.png` and `test/CLASS/*.png`, or `CLASS/*.png`, of which a
    /// sixth is kept for testing.
    pub fn load(dir: &Path) -> Result<Self, Box<dyn Error>> {
        let has_folders =
            fs::read_dir(dir).is_ok_and(|mut dir| dir.any(|entry| entry.is_ok_and(|e| e.path().is_dir())));
        if !has_folders {
            let mnist = Mnist::load(dir)?;
            let names = (0..Mnist::CLASSES).map(|class| class.to_string()).collect();
            let (train, test) = (Box::new(mnist.train), Box::new(mnist.test));
            return Ok(Data { train, test, names, files: idx_files(dir)?, figures: true });
        }
        let (train, test, names): (Box<dyn Pictures>, Box<dyn Pictures>, _) = if dir.join("train").is_dir() {
            let train = ImageFolder::open(dir.join("train"), Color::Gray, SIZE)?;
            let test = ImageFolder::open(dir.join("test"), Color::Gray, SIZE)?;
            if test.names() != train.names() {
                return Err(DataError::Invalid {
                    file: dir.join("test"),
                    field: "classes".into(),
                    found: test.names().join(", "),
                    expected: format!("{}, as in train", train.names().join(", ")),
                }
                .into());
            }
            let (train_set, test_set) = (train.load()?, test.load()?);
            let (mean, std) = mean_std(&train_set);
            let (train_set, test_set) = (train_set.normalize(mean, std), test_set.normalize(mean, std));
            (Box::new(train_set), Box::new(test_set), train.names().to_vec())
        } else {
            let folder = ImageFolder::open(dir, Color::Gray, SIZE)?;
            let set = folder.load()?;
            let (mean, std) = mean_std(&set);
            let (held_out, labels) = (set.len().div_ceil(6), set.labels().to_vec());
            let (train, test) = set.normalize(mean, std).split_stratified(held_out, &labels, 0);
            (Box::new(train), Box::new(test), folder.names().to_vec())
        };
        Ok(Data { train, test, names, files: Vec::new(), figures: false })
    }

    /// A picture from a file, made like those of this set.
    pub fn picture(&self, file: &Path) -> Result<Picture, Box<dyn Error>> {
        let picture = Picture::read(file, Color::Gray)?;
        let [_, height, width] = self.train.shape();
        if !self.figures {
            return Ok(picture.resize([height, width]));
        }
        as_mnist(&picture, [height, width]).ok_or_else(|| {
            DataError::Invalid {
                file: file.into(),
                field: "picture".into(),
                found: "nothing but its ground".into(),
                expected: "a figure, dark on light or light on dark".into(),
            }
            .into()
        })
    }
}

/// What makes the bytes of a set have mean 0 and deviation 1; of a single colour, mean 0.
fn mean_std(set: &ImageSet) -> (f32, f32) {
    let (mean, std) = set.mean_std();
    (mean as f32, if std > 0.0 { std as f32 } else { 1.0 })
}
