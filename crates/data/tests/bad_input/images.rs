//! Pictures and their labels.

use std::fs;
use std::path::Path;

use ravine_data::{Idx, ImageSet, Mnist};

use crate::{Folder, Invalid, drop_ok};

#[test]
fn images_and_labels() {
    let dir = Folder::new();
    let idx = |name: &str, dims: &[usize], byte: u8| {
        let path = dir.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        Idx::new(dims.to_vec(), vec![byte; dims.iter().product()]).write(&path).unwrap();
        path
    };
    let (images, labels) = (idx("images", &[2, 3, 3], 5), idx("labels", &[2], 1));
    let (three, none, column) = (idx("three", &[3], 1), idx("none", &[0], 0), idx("column", &[2, 1], 1));
    let (no_pixels, no_images) = (idx("no-pixels", &[2, 0, 3], 0), idx("no-images", &[0, 3, 3], 0));
    let read = |images: &Path, labels: &Path, classes| drop_ok(ImageSet::read_idx(images, labels, classes));
    let new = |images: usize, shape, labels: Vec<u8>, classes| {
        drop_ok(ImageSet::new(vec![0; images], shape, labels, classes))
    };
    for part in ["train", "t10k"] {
        for (kind, dims) in [("images-idx3", &[2, 3, 3][..]), ("labels-idx1", &[2])] {
            idx(&format!("mnist/{part}-{kind}-ubyte"), dims, 9);
        }
    }
    let mnist = dir.path("mnist");
    let with = |name: &str, dims: &[usize], byte| {
        let path = mnist.join(name);
        let before = fs::read(&path).unwrap();
        idx(&format!("mnist/{name}"), dims, byte);
        let result = drop_ok(Mnist::load(&mnist));
        fs::write(path, before).unwrap();
        result
    };
    dir.check(vec![
        (
            read(&labels, &labels, 10),
            Invalid,
            "labels: number of dimensions: found 1, expected 3 (count, height, width)",
        ),
        (read(&images, &column, 10), Invalid, "column: number of dimensions: found 2, expected 1 (count)"),
        (
            read(&images, &three, 10),
            Invalid,
            "three: number of labels: found 3, expected 2, one for each image of images",
        ),
        (read(&images, &labels, 1), Invalid, "labels: label of row 0: found 1, expected a class below 1"),
        (read(&no_images, &none, 10), Invalid, "no-images: number of images: found 0, expected at least 1"),
        (
            read(&no_pixels, &labels, 10),
            Invalid,
            "no-pixels: shape of an image: found [1, 0, 3], expected at least 1 pixel",
        ),
        (
            new(5, [1, 2, 2], vec![0], 2),
            Invalid,
            "images: length: found 5, expected 1 images of shape [1, 2, 2], one for each label",
        ),
        (new(8, [1, 2, 2], vec![0, 7], 7), Invalid, "labels: label of row 1: found 7, expected a class below 7"),
        (new(4, [1, 2, 2], vec![0], 0), Invalid, "labels: label of row 0: found 0, expected a class below 0"),
        (
            drop_ok(Mnist::load(dir.path("nowhere"))),
            Invalid,
            "nowhere: files: found no train-images-idx3-ubyte, expected train-images-idx3-ubyte or train-images-idx3-ubyte.gz",
        ),
        (
            with("t10k-images-idx3-ubyte", &[2, 4, 3], 0),
            Invalid,
            "mnist: shape of the test images: found [1, 4, 3], expected [1, 3, 3] as in the training images",
        ),
        (
            with("train-labels-idx1-ubyte", &[2], 10),
            Invalid,
            "mnist/train-labels-idx1-ubyte: label of row 0: found 10, expected a class below 10",
        ),
    ]);
}

#[cfg(feature = "images")]
#[test]
fn folders_of_pictures() {
    use ravine_data::{Color, DataError, Dataset, ImageFolder, Pick, Picture, Pictures};

    use crate::Io;

    let dir = Folder::new();
    let png = {
        let path = dir.path("whole.png");
        image::GrayImage::from_pixel(8, 8, image::Luma([9])).save(&path).unwrap();
        fs::read(path).unwrap()
    };
    let mut flipped = png.clone();
    flipped[20] ^= 1;
    // A header that promises 100000 by 100000 pixels, with its checksum.
    let mut huge = png.clone();
    huge[16..24].copy_from_slice(&[0, 1, 0x86, 0xa0, 0, 1, 0x86, 0xa0]);
    let mut crc = flate2::Crc::new();
    crc.update(&huge[12..29]);
    huge[29..33].copy_from_slice(&crc.sum().to_be_bytes());
    let read = |name: &str, bytes: &[u8]| drop_ok(Picture::read(dir.file(name, bytes), Color::Gray));
    let open = |name: &str| ImageFolder::open(dir.path(name), Color::Rgb, [8, 8]);
    fs::create_dir_all(dir.path("empty")).unwrap();
    dir.file("bare/cats/readme.txt", "none yet");
    dir.file("pets/cats/tom.png", &png);
    dir.file("pets/dogs/rex.png", &png[..png.len() / 2]);

    // What the decoder says in between is its own.
    let around = |result: Result<(), DataError>, file: &str| {
        let text = result.unwrap_err().to_string();
        let expected = ", expected a whole PNG or JPEG picture";
        assert!(text.contains(&format!("{file}: picture: found ")) && text.ends_with(expected), "{text}");
    };
    around(read("empty.png", b""), "empty.png");
    around(read("text.png", b"no picture at all"), "text.png");
    around(read("torn.png", &png[..png.len() - 20]), "torn.png");
    around(read("flipped.png", &flipped), "flipped.png");
    around(read("huge.png", &huge), "huge.png");
    around(read("torn.jpg", b"\xff\xd8\xff\xe0\x00\x10JFIF"), "torn.jpg");
    around(read("other.bmp", b"BM\x46\x00\x00\x00\x00\x00"), "other.bmp");
    around(open("pets").and_then(|pets| drop_ok(pets.load())), "pets/dogs/rex.png");
    around(
        open("pets").and_then(|pets| drop_ok(pets.batch(Pick { epoch: 0, indices: &[1, 0] }))),
        "pets/dogs/rex.png",
    );
    assert!(open("pets").unwrap().picture(0, 0).is_ok());
    dir.check(vec![
        (drop_ok(Picture::read(dir.path("none.png"), Color::Gray)), Io, "none.png: cannot read: "),
        (drop_ok(open("nowhere")), Io, "nowhere: cannot read: "),
        (drop_ok(open("whole.png")), Io, "whole.png: cannot read: "),
        (drop_ok(open("empty")), Invalid, "empty: number of sub-folders: found 0, expected at least 1, one for each class"),
        (
            drop_ok(open("bare")),
            Invalid,
            "bare/cats: number of pictures: found 0, expected at least 1 whose name ends in .png, .jpg or .jpeg",
        ),
    ]);
}
