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
    /// The four IDX files in a folder, if there are any; else the pictures in its sub-folders.
    pub fn load(dir: &Path) -> Result<Self, Box<dyn Error>> {
        let files = idx_files(dir).unwrap_or_default();
        let has_folders =
            || fs::read_dir(dir).is_ok_and(|mut dir| dir.any(|entry| entry.is_ok_and(|e| e.path().is_dir())));
        if files.is_empty() && has_folders() {
            return Ok(Data::folders(dir)?);
        }
        let mnist = Mnist::load(dir)?;
        let names = (0..Mnist::CLASSES).map(|class| class.to_string()).collect();
        Ok(Data { train: Box::new(mnist.train), test: Box::new(mnist.test), names, files, figures: true })
    }

    /// `train/CLASS/*.png` and `test/CLASS/*.png`, or `CLASS/*.png`, of which a sixth is kept for testing.
    fn folders(dir: &Path) -> Result<Self, DataError> {
        let open = |dir: &Path| ImageFolder::open(dir, Color::Gray, SIZE);
        let (train, test, names): (Box<dyn Pictures>, Box<dyn Pictures>, _) = if dir.join("train").is_dir() {
            let (train, test) = (open(&dir.join("train"))?, open(&dir.join("test"))?);
            let names = train.names().to_vec();
            if test.names() != names {
                return Err(DataError::Invalid {
                    file: dir.join("test"),
                    field: "classes".into(),
                    found: test.names().join(", "),
                    expected: format!("{}, as in train", names.join(", ")),
                });
            }
            let (train, test) = (train.load()?, test.load()?);
            let (mean, std) = mean_std(&train);
            (Box::new(train.normalize(mean, std)), Box::new(test.normalize(mean, std)), names)
        } else {
            let all = open(dir)?;
            let (names, all) = (all.names().to_vec(), all.load()?);
            let (mean, std) = mean_std(&all);
            let (held_out, labels) = (all.len().div_ceil(6), all.labels().to_vec());
            let (train, test) = all.normalize(mean, std).split_stratified(held_out, &labels, 0);
            (Box::new(train), Box::new(test), names)
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
