//! Pictures in folders, one folder for each class.

use std::fs::{self, DirEntry};
use std::io;
use std::path::{Path, PathBuf};

use image::{DynamicImage, ImageError, ImageReader, Limits};
use ravine_tensor::Tensor;

use crate::transform::assemble;
use crate::{DataError, Dataset, ImageSet, Normalization, Pick, Picture, Pictures};

/// The file name extensions of pictures.
const EXTENSIONS: [&str; 3] = ["png", "jpg", "jpeg"];

/// The largest height and width of a picture, and the most memory that decoding one may take.
const MAX_SIDE: u32 = 1 << 15;
const MAX_MEMORY: u64 = 1 << 29;

/// The channels that pictures are read with, whatever those of the file are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Color {
    /// One channel: brightness.
    Gray,
    /// Three channels: red, green, blue.
    Rgb,
}

impl Color {
    fn channels(self) -> usize {
        match self {
            Color::Gray => 1,
            Color::Rgb => 3,
        }
    }
}

impl Picture {
    /// Reads a picture from a PNG or JPEG file, distinguished by content. Transparent pixels become white. Needs the feature `images`.
    ///
    /// # Errors
    /// If the file cannot be read, is no picture of these formats, is damaged, or has sides of more than 32768 pixels.
    pub fn read(path: impl AsRef<Path>, color: Color) -> Result<Picture, DataError> {
        let path = path.as_ref();
        let image = decode(path).map_err(|error| match error {
            ImageError::IoError(error) if error.kind() != io::ErrorKind::UnexpectedEof => {
                DataError::read(path, error)
            }
            error => DataError::invalid(path, "picture", error, "a whole PNG or JPEG picture"),
        })?;
        let (height, width) = (image.height() as usize, image.width() as usize);
        if height * width == 0 {
            let found = format!("{height} by {width} pixels");
            return Err(DataError::invalid(path, "size", found, "at least 1 by 1"));
        }
        let over_white = |value: u8, alpha: u8| {
            let (value, alpha) = (u32::from(value), u32::from(alpha));
            ((value * alpha + 255 * (255 - alpha) + 127) / 255) as u8
        };
        let pixels: Vec<u8> = match color {
            Color::Gray => {
                image.to_luma_alpha8().pixels().map(|pixel| over_white(pixel[0], pixel[1])).collect()
            }
            Color::Rgb => {
                let image = image.to_rgba8();
                let channel = |c: usize| image.pixels().map(move |pixel| over_white(pixel[c], pixel[3]));
                (0..3).flat_map(channel).collect()
            }
        };
        Ok(Picture::new([color.channels(), height, width], pixels))
    }
}

fn decode(path: &Path) -> Result<DynamicImage, ImageError> {
    let mut reader = ImageReader::open(path)?.with_guessed_format()?;
    let mut limits = Limits::default();
    (limits.max_image_width, limits.max_image_height) = (Some(MAX_SIDE), Some(MAX_SIDE));
    limits.max_alloc = Some(MAX_MEMORY);
    reader.limits(limits);
    reader.decode()
}

/// The pictures in the sub-folders of a folder, whose names are the classes: `cats/tom.png`, `dogs/rex.jpg`. Needs the feature `images`.
///
/// Each is read when it is asked for, and made the same size ([`resize`](Picture::resize)), so the set may be larger than memory;
/// and so it says that it is [costly](Dataset::costly). [`load`](Self::load) reads them all once.
///
/// ```no_run
/// use ravine_data::{Color, ImageFolder, Pictures, RandomHorizontalFlip};
///
/// let train = ImageFolder::open("pets/train", Color::Rgb, [64, 64])?;
/// println!("{:?}", train.names());
/// let train = train.transform(7, RandomHorizontalFlip::new(0.5));
/// # Ok::<(), ravine_data::DataError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ImageFolder {
    names: Vec<String>,
    files: Vec<(PathBuf, usize)>,
    color: Color,
    size: [usize; 2],
    normalization: Normalization,
}

impl ImageFolder {
    /// Looks for pictures: files whose names end in `.png`, `.jpg` or `.jpeg`, in the sub-folders of `dir`, but not deeper. Classes and files are sorted by
    /// name. Names that begin with a dot are left out. Each picture will have `size` (height, width).
    ///
    /// # Errors
    /// If a folder cannot be read, there is no sub-folder, or one has no picture.
    ///
    /// # Panics
    /// If a size is 0.
    #[track_caller]
    pub fn open(dir: impl AsRef<Path>, color: Color, size: [usize; 2]) -> Result<Self, DataError> {
        assert!(
            size[0] * size[1] > 0,
            "ImageFolder: {} by {} pixels; expected at least 1 by 1",
            size[0],
            size[1]
        );
        let dir = dir.as_ref();
        let (mut names, mut files) = (Vec::new(), Vec::new());
        for folder in entries(dir)?.into_iter().filter(|path| path.is_dir()) {
            let before = files.len();
            let pictures = entries(&folder)?.into_iter().filter(|path| is_picture(path) && path.is_file());
            files.extend(pictures.map(|file| (file, names.len())));
            if files.len() == before {
                let expected = "at least 1 whose name ends in .png, .jpg or .jpeg";
                return Err(DataError::invalid(&folder, "number of pictures", 0, expected));
            }
            names.push(folder.file_name().unwrap_or_default().to_string_lossy().into_owned());
        }
        if names.is_empty() {
            return Err(DataError::invalid(
                dir,
                "number of sub-folders",
                0,
                "at least 1, one for each class",
            ));
        }
        Ok(ImageFolder { names, files, color, size, normalization: Normalization::default() })
    }

    /// What the bytes become from now on: see [`Normalization`].
    ///
    /// # Panics
    /// If it is for another number of channels.
    #[track_caller]
    #[must_use]
    pub fn normalize(mut self, normalization: Normalization) -> Self {
        normalization.check(self.color.channels());
        self.normalization = normalization;
        self
    }

    /// The names of the classes, sorted.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The files, with their classes.
    pub fn files(&self) -> &[(PathBuf, usize)] {
        &self.files
    }

    /// Reads all pictures into memory.
    ///
    /// # Errors
    /// If one cannot be read, or there are more than 256 classes.
    pub fn load(&self) -> Result<ImageSet, DataError> {
        let classes = self.names.len();
        let label = |&(ref file, class): &(PathBuf, usize)| {
            let expected = "at most 256 of a set in memory";
            u8::try_from(class).map_err(|_| DataError::invalid(file, "number of classes", classes, expected))
        };
        let labels = self.files.iter().map(label).collect::<Result<Vec<u8>, _>>()?;
        let mut images = Vec::new();
        for index in 0..self.files.len() {
            images.extend_from_slice(self.picture(0, index)?.bytes());
        }
        Ok(ImageSet::new(images, self.shape(), labels, classes)?
            .with_normalization(self.normalization.clone()))
    }
}

/// What is in a folder, by name, but for what is hidden.
fn entries(dir: &Path) -> Result<Vec<PathBuf>, DataError> {
    let failed = |error| DataError::read(dir, error);
    let entries =
        fs::read_dir(dir).map_err(failed)?.collect::<io::Result<Vec<DirEntry>>>().map_err(failed)?;
    let shown = |entry: &DirEntry| !entry.file_name().to_string_lossy().starts_with('.');
    let mut paths: Vec<PathBuf> = entries.iter().filter(|entry| shown(entry)).map(DirEntry::path).collect();
    paths.sort();
    Ok(paths)
}

fn is_picture(path: &Path) -> bool {
    path.extension().is_some_and(|end| EXTENSIONS.iter().any(|known| end.eq_ignore_ascii_case(known)))
}

impl Pictures for ImageFolder {
    fn picture(&self, _epoch: usize, index: usize) -> Result<Picture, DataError> {
        Ok(Picture::read(&self.files[index].0, self.color)?.resize(self.size))
    }

    fn label(&self, index: usize) -> usize {
        self.files[index].1
    }

    fn classes(&self) -> usize {
        self.names.len()
    }

    fn shape(&self) -> [usize; 3] {
        [self.color.channels(), self.size[0], self.size[1]]
    }

    fn normalization(&self) -> &Normalization {
        &self.normalization
    }
}

impl Dataset for ImageFolder {
    type Batch = (Tensor, Tensor<i64>);

    fn len(&self) -> usize {
        self.files.len()
    }

    /// Yes: files are read and decoded.
    fn costly(&self) -> bool {
        true
    }

    fn batch(&self, pick: Pick<'_>) -> Result<Self::Batch, DataError> {
        assemble(self, pick)
    }
}

#[cfg(test)]
mod tests {
    use image::{GrayImage, Luma, Rgba, RgbaImage};
    use tempfile::TempDir;

    use super::*;

    /// `b/two.PNG` and `b/one.png`, `a/only.jpg`, and things that are no pictures.
    fn folder() -> TempDir {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        for class in ["a", "b", ".hidden"] {
            fs::create_dir(path(class)).unwrap();
        }
        RgbaImage::from_fn(2, 2, |x, y| Rgba([10, 20, 30, if x == y { 255 } else { 0 }]))
            .save(path("b/two.png"))
            .unwrap();
        fs::rename(path("b/two.png"), path("b/two.PNG")).unwrap();
        GrayImage::from_fn(4, 2, |x, _| Luma([if x < 2 { 0 } else { 100 }])).save(path("b/one.png")).unwrap();
        GrayImage::from_pixel(16, 16, Luma([77])).save(path("a/only.jpg")).unwrap();
        fs::write(path("a/notes.txt"), "no picture").unwrap();
        fs::write(path("a/.thumb.png"), "no picture").unwrap();
        fs::write(path("licence.png"), "no picture").unwrap();
        dir
    }

    #[test]
    fn classes_are_folders_and_all_is_sorted() {
        let dir = folder();
        let set = ImageFolder::open(dir.path(), Color::Gray, [2, 2]).unwrap();
        assert_eq!(set.names(), ["a", "b"]);
        let files: Vec<_> =
            set.files().iter().map(|(file, class)| (file.file_name().unwrap(), *class)).collect();
        assert_eq!(files, [("only.jpg".as_ref(), 0), ("one.png".as_ref(), 1), ("two.PNG".as_ref(), 1)]);
        assert_eq!((set.len(), set.costly(), set.shape(), set.classes()), (3, true, [1, 2, 2], 2));

        let (x, y) = set.batch(Pick { epoch: 0, indices: &[1, 0, 2] }).unwrap();
        assert_eq!(y.to_vec(), [1, 0, 1]);
        let bytes: Vec<f32> = (x * 255.0).map(f32::round).to_vec();
        assert_eq!(bytes[..8], [14.0, 86.0, 14.0, 86.0, 77.0, 77.0, 77.0, 77.0], "resized, and from a JPEG");
        assert_eq!((bytes[9], bytes[10]), (255.0, 255.0), "what is transparent is white");
        assert!(bytes[8] > 15.0 && bytes[8] < 22.0 && bytes[8] == bytes[11], "the brightness of a colour");
        assert!(set.load().unwrap().select(&[1, 0, 2]).0.iter().map(|v| (v * 255.0).round()).eq(bytes));
    }

    #[test]
    fn colours_are_channels() {
        let dir = folder();
        let normalization = Normalization::new(&[0.0; 3], &[1.0, 0.5, 0.25]);
        let set = ImageFolder::open(dir.path(), Color::Rgb, [2, 2]).unwrap().normalize(normalization);
        let picture = set.picture(0, 2).unwrap();
        assert_eq!(picture.bytes(), [10, 255, 255, 10, 20, 255, 255, 20, 30, 255, 255, 30]);
        for set in [&set as &dyn Dataset<Batch = _>, &set.load().unwrap()] {
            let (x, _) = set.batch(Pick { epoch: 0, indices: &[2] }).unwrap();
            assert_eq!(x.shape(), &[1, 3, 2, 2]);
            assert!((x.at([0, 2, 0, 0]) - 4.0 * 30.0 / 255.0).abs() < 1e-6);
        }
    }

    #[test]
    #[should_panic(expected = "normalize: 1 channels, but means and deviations for 3")]
    fn means_of_other_channels() {
        let dir = folder();
        let set = ImageFolder::open(dir.path(), Color::Gray, [2, 2]).unwrap();
        let _ = set.normalize(Normalization::new(&[0.0; 3], &[1.0; 3]));
    }
}
