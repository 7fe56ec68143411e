//! Data that are not as they should be: each is an error of its kind that names file, place, what was found and what was expected, and nothing panics.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use ravine_data::{
    Collate, Concat, Csv, CutMix, DataError, Dataset, Idx, ImageSet, MixUp, Mnist, Padded, Pick, Row, SUMS,
    Sequence, Stream, StreamLoader, Table, TensorSet, Weights, verify,
};
use ravine_tensor::Tensor;
use ravine_tensor::numpy::Writer;

/// A folder to put bad files into.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Folder(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    /// Checks each error: its kind, and its text without the name of the folder. That of the system is known only at its beginning.
    #[track_caller]
    fn check(&self, cases: Vec<(Result<(), DataError>, Kind, &str)>) {
        let prefix = format!("{}/", self.0.path().display());
        for (number, (result, kind, expected)) in cases.into_iter().enumerate() {
            let error = result.expect_err(&format!("case {number} passed, but should say: {expected}"));
            let text = error.to_string().replace(&prefix, "").replace(self.0.path().to_str().unwrap(), "DIR");
            let found = match error {
                DataError::Io { .. } => Kind::Io,
                DataError::Invalid { .. } => Kind::Invalid,
                DataError::Checksum { .. } => Kind::Checksum,
                DataError::File(_) => Kind::File,
                _ => Kind::Other,
            };
            assert_eq!(found, kind, "case {number}: {text}");
            match kind {
                Kind::Io | Kind::File => {
                    assert!(text.starts_with(expected), "case {number}: {text}\nexpected: {expected}")
                }
                _ => assert_eq!(text, expected, "case {number}"),
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Io,
    Invalid,
    Checksum,
    File,
    Other,
}
use Kind::{Checksum, Invalid, Io, Other};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn drop_ok<T>(result: Result<T, DataError>) -> Result<(), DataError> {
    result.map(drop)
}

#[test]
fn idx_files() {
    let dir = Folder::new();
    let read = |name: &str, bytes: &[u8]| drop_ok(Idx::read(dir.file(name, bytes)));
    let whole = [&[0, 0, 8, 1, 0, 0, 0, 3], &[1, 2, 3][..]].concat();
    let zipped = gzip(&whole);
    dir.check(vec![
        (drop_ok(Idx::read(dir.path("none"))), Io, "none: cannot read: "),
        (drop_ok(Idx::read(dir.0.path())), Io, "DIR: cannot read: "),
        (
            read("empty", b""),
            Invalid,
            "empty: magic number: found nothing, expected 00 00 08 and the number of dimensions",
        ),
        (
            read("short", &[0, 0, 8]),
            Invalid,
            "short: magic number: found 00 00 08, expected 00 00 08 and the number of dimensions",
        ),
        (
            read("text", b"label,pixel"),
            Invalid,
            "text: magic number: found 6c 61 62 65, expected 00 00 08 and the number of dimensions",
        ),
        (
            read("floats", &[0, 0, 0x0d, 1, 0, 0, 0, 0]),
            Invalid,
            "floats: element type: found 0x0d (f32), expected 0x08 (u8)",
        ),
        (read("scalar", &[0, 0, 8, 0]), Invalid, "scalar: number of dimensions: found 0, expected at least 1"),
        (
            read("cut", &[0, 0, 8, 2, 0, 0, 0, 3, 0]),
            Invalid,
            "cut: dimension 1 of 2: found 1 bytes, expected 4 bytes",
        ),
        (
            read("huge", &[&[0, 0, 8, 3], &[255; 12][..]].concat()),
            Invalid,
            "huge: dimensions: found [4294967295, 4294967295, 4294967295], expected a product that fits in memory",
        ),
        (
            read("torn", &whole[..10]),
            Invalid,
            "torn: length of data: found 2 bytes, expected 3 bytes for [3]",
        ),
        (
            read("long", &[&whole[..], &[4]].concat()),
            Invalid,
            "long: length of data: found more than 3 bytes, expected 3 bytes for [3]",
        ),
        (
            read("liar", &[0, 0, 8, 1, 0x7f, 0, 0, 0, 1]),
            Invalid,
            "liar: length of data: found 1 bytes, expected 2130706432 bytes for [2130706432]",
        ),
        (
            read("torn.gz", &zipped[..zipped.len() - 3]),
            Invalid,
            "torn.gz: gzip stream: found unexpected end of file, expected a whole and undamaged one",
        ),
        (
            read("flipped.gz", &{
                let mut bytes = zipped.clone();
                let end = bytes.len();
                bytes[end - 6] ^= 1;
                bytes
            }),
            Invalid,
            "flipped.gz: gzip stream: found corrupt gzip stream does not have a matching checksum, expected a whole and undamaged one",
        ),
        (
            drop_ok(Idx::new(vec![1], vec![0]).write(dir.path("no/such/folder"))),
            Io,
            "no/such/folder: cannot write: ",
        ),
    ]);
}

#[test]
fn checksums() {
    let dir = Folder::new();
    let file = dir.file("a", "abc");
    let with = |sums: &[u8]| {
        dir.file(SUMS, sums);
        verify(&file)
    };
    let (of_abc, zeros) =
        ("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "0".repeat(64));
    let other = format!("a: SHA-256: found {of_abc}, expected {zeros} as {SUMS} says");
    dir.check(vec![
        (with(format!("{zeros}  a").as_bytes()), Checksum, &other),
        (
            with(b"\nabc  a\n"),
            Invalid,
            "SHA256SUMS: line 2: found \"abc  a\", expected 64 hexadecimal digits, two spaces and a file name",
        ),
        (
            with(&vec![b'\n'; (1 << 20) + 1]),
            Invalid,
            "SHA256SUMS: size: found more than a MiB, expected one line for each file",
        ),
        (
            {
                dir.file(SUMS, format!("{zeros}  gone"));
                verify(dir.path("gone"))
            },
            Io,
            "gone: cannot read: ",
        ),
    ]);
}

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

#[test]
fn tables() {
    let dir = Folder::new();
    let read = |text: &str| Table::read_from(text.as_bytes(), "t.csv");
    let floats = |text: &str| drop_ok(read(text).and_then(|table| drop_ok(table.floats("b"))));
    let integers = |text: &str| drop_ok(read(text).and_then(|table| drop_ok(table.integers("b"))));
    let zipped = gzip(b"a,b\n1,2\n");
    dir.check(vec![
        (drop_ok(Table::read(dir.path("none.csv"))), Io, "none.csv: cannot read: "),
        (drop_ok(read("")), Invalid, "t.csv: header: found nothing, expected the names of the columns"),
        (drop_ok(read("a,b\n")), Invalid, "t.csv: number of rows: found 0, expected at least 1"),
        (drop_ok(read("a,,c\n1,2,3\n")), Invalid, "t.csv: header, column 1: found nothing, expected a name"),
        (
            drop_ok(read("a,b, a\n1,2,3\n")),
            Invalid,
            "t.csv: header, column 2: found \"a\" as in column 0, expected a name of its own",
        ),
        (
            drop_ok(read("a,b\n1,2\n\n3\n")),
            Invalid,
            "t.csv: row 1 (line 4): found 1 cells, expected 2, one for each name",
        ),
        (
            drop_ok(read("a,b\n1,2,3\n")),
            Invalid,
            "t.csv: row 0 (line 2): found 3 cells, expected 2, one for each name",
        ),
        (
            drop_ok(Csv::new().names(["a", "b"]).read_from(&b"1,2\n3,4,5\n"[..], "t.csv")),
            Invalid,
            "t.csv: row 1 (line 2): found 3 cells, expected 2, one for each name",
        ),
        (
            drop_ok(Csv::new().names(["a", "b"]).read_from(&b"1\n3\n"[..], "t.csv")),
            Invalid,
            "t.csv: row 0 (line 1): found 1 cells, expected 2, one for each name",
        ),
        (
            drop_ok(Table::read_from(&b"a,b\n1,\xff\n"[..], "t.csv")),
            Invalid,
            "t.csv: row 0 (line 2), column 1: found bytes that are no UTF-8, expected text",
        ),
        (
            drop_ok(Table::read(dir.file("torn.csv.gz", &zipped[..zipped.len() - 5]))),
            Invalid,
            "torn.csv.gz: gzip stream: found unexpected end of file, expected a whole and undamaged one",
        ),
        (
            {
                dir.file(SUMS, format!("{}  summed.csv", "0".repeat(64)));
                drop_ok(Table::read(dir.file("summed.csv", "a\n1\n")))
            },
            Checksum,
            &format!(
                "summed.csv: SHA-256: found {}, expected {} as SHA256SUMS says",
                "309b0e45a73d3fc5325e2b6ed0a01ef8b9cde6b05a5633c1f893f970d52bfddc",
                "0".repeat(64)
            ),
        ),
        (floats("a\n1\n"), Invalid, "t.csv: header: found no \"b\", expected one of a"),
        (
            floats("a,b\n1,2\n1,two\n"),
            Invalid,
            "t.csv: row 1 (line 3), column b: found \"two\", expected a finite number",
        ),
        (
            floats("a,b\n1,\n"),
            Invalid,
            "t.csv: row 0 (line 2), column b: found nothing, expected a finite number",
        ),
        (
            floats("a,b\n1,NaN\n"),
            Invalid,
            "t.csv: row 0 (line 2), column b: found \"NaN\", expected a finite number",
        ),
        (
            floats("a,b\n\"two\nlines\",1\n1,-inf\n"),
            Invalid,
            "t.csv: row 1 (line 4), column b: found \"-inf\", expected a finite number",
        ),
        (
            floats("a,b\n1,1e39\n"),
            Invalid,
            "t.csv: row 0 (line 2), column b: found \"1e39\", expected a finite number",
        ),
        (
            floats("a,b\n1,\"1,5\"\n"),
            Invalid,
            "t.csv: row 0 (line 2), column b: found \"1,5\", expected a finite number",
        ),
        (
            integers("a,b\n1,2.5\n"),
            Invalid,
            "t.csv: row 0 (line 2), column b: found \"2.5\", expected a whole number",
        ),
        (
            integers("a,b\n1,9223372036854775808\n"),
            Invalid,
            "t.csv: row 0 (line 2), column b: found \"9223372036854775808\", expected a whole number",
        ),
        (
            drop_ok(read("a,b\n1,x\n2,\n").and_then(|table| table.classification(&["a"], "b"))),
            Invalid,
            "t.csv: row 1 (line 3), column b: found nothing, expected the name of a class",
        ),
        (
            drop_ok(read("a,b\n1,x\n").and_then(|table| table.regression(&["a", "c"], &["b"]))),
            Invalid,
            "t.csv: header: found no \"c\", expected one of a, b",
        ),
        (
            drop_ok(read("a,b\n1,\n,2\n").and_then(Table::drop_missing)),
            Invalid,
            "t.csv: rows without an empty cell: found 0, expected at least 1",
        ),
    ]);
}

#[test]
fn rows_one_by_one() {
    let dir = Folder::new();
    let all = |file: PathBuf, sample: fn(&Row<'_>) -> Result<f32, DataError>| {
        let rows = Csv::new().stream(file, sample)?;
        drop_ok(rows.samples(0)?.collect::<Result<Vec<f32>, _>>())
    };
    let read = |bytes: &[u8]| all(dir.file("r.csv", bytes), |row| row.float("b"));
    let classes =
        |text: &str| all(dir.file("r.csv", text), |row| Ok(row.class("b", &["cat", "dog"])? as f32));
    let zipped = gzip(b"a,b\n1,2\n");
    let endless = format!("a,b\n1,2\n3,\"4\n{}", "5,6\n".repeat(5 << 20));
    dir.check(vec![
        (all(dir.path("none.csv"), |_| Ok(0.0)), Io, "none.csv: cannot read: "),
        (read(b""), Invalid, "r.csv: header: found nothing, expected the names of the columns"),
        (
            read(b"b,b\n1,2\n"),
            Invalid,
            "r.csv: header, column 1: found \"b\" as in column 0, expected a name of its own",
        ),
        (read(b"a,b\n\n"), Invalid, "r.csv: number of rows: found 0, expected at least 1"),
        (read(b"a,c\n1,2\n"), Invalid, "r.csv: header: found no \"b\", expected one of a, c"),
        (
            read(b"a,b\n1,2\n\n3\n"),
            Invalid,
            "r.csv: row 1 (line 4): found 1 cells, expected 2, one for each name",
        ),
        (
            read(b"a,b\n\"two\nlines\",1\n1,\n"),
            Invalid,
            "r.csv: row 1 (line 4), column b: found nothing, expected a finite number",
        ),
        (
            read(b"a,b\n1,-inf\n"),
            Invalid,
            "r.csv: row 0 (line 2), column b: found \"-inf\", expected a finite number",
        ),
        (
            read(b"a,b\n1,\xff\n"),
            Invalid,
            "r.csv: row 0 (line 2), column b: found bytes that are no UTF-8, expected text",
        ),
        (
            read(endless.as_bytes()),
            Invalid,
            "r.csv: row 1 (line 3): found more than 16777216 bytes, expected a row that comes to its end; is a quote left open?",
        ),
        (
            all(dir.file("whole.csv", "a,b\n1,2.5\n"), |row| Ok(row.integer("b")? as f32)),
            Invalid,
            "whole.csv: row 0 (line 2), column b: found \"2.5\", expected a whole number",
        ),
        (
            classes("a,b\n1,dog\n2,emu\n"),
            Invalid,
            "r.csv: row 1 (line 3), column b: found \"emu\", expected the name of a class, one of cat, dog",
        ),
        (
            all(dir.file("torn.csv.gz", &zipped[..zipped.len() - 5]), |row| row.float("b")),
            Invalid,
            "torn.csv.gz: gzip stream: found unexpected end of file, expected a whole and undamaged one",
        ),
        (
            all(dir.file("stump.csv.gz", &zipped[..12]), |row| row.float("b")),
            Invalid,
            "stump.csv.gz: gzip stream: found incomplete deflate stream, expected a whole and undamaged one",
        ),
        (
            {
                dir.file(SUMS, format!("{}  summed.csv", "0".repeat(64)));
                all(dir.file("summed.csv", "a\n1\n"), |_| Ok(0.0))
            },
            Checksum,
            &format!(
                "summed.csv: SHA-256: found {}, expected {} as SHA256SUMS says",
                "309b0e45a73d3fc5325e2b6ed0a01ef8b9cde6b05a5633c1f893f970d52bfddc",
                "0".repeat(64)
            ),
        ),
    ]);
}

#[test]
fn tensors_samples_and_what_is_made_of_them() {
    let labelled = |labels: &[i64]| {
        let n = labels.len();
        TensorSet::new(Tensor::<f32>::zeros([n, 2]), Tensor::from_slice(labels, n))
    };
    let all = |n: usize| (0..n).collect::<Vec<usize>>();
    let batch = |set: &dyn Dataset<Batch = (Tensor, Tensor)>| {
        drop_ok(set.batch(Pick { epoch: 0, indices: &all(set.len()) }))
    };
    let broken_image = Tensor::from_fn([2, 1, 2, 2], |i| if i == 6 { f32::INFINITY } else { 0.0 });
    let wide = TensorSet::new(Tensor::<f32>::zeros([1, 3]), Tensor::<i64>::zeros(1));
    let joined = Concat::new(vec![labelled(&[0]), wide]);
    let numbers = |shapes: &[&[usize]]| -> Vec<Tensor> { shapes.iter().map(|&s| Tensor::zeros(s)).collect() };
    let first_of = |samples: Vec<Result<Tensor, DataError>>| {
        let samples = std::sync::Mutex::new(Some(samples));
        let stream = move |_| Ok(samples.lock().unwrap().take().unwrap_or_default().into_iter());
        drop_ok(StreamLoader::new(stream, 2).epoch(0).next().unwrap())
    };
    Folder::new().check(vec![
        (
            drop_ok(TensorSet::try_new(Tensor::<f32>::zeros([3, 2]), Tensor::<i64>::zeros(2))),
            Invalid,
            "y: shape: found [2], expected the first axis of x [3, 2], that of the samples",
        ),
        (
            drop_ok(TensorSet::try_new(Tensor::<f32>::zeros(()), Tensor::<i64>::zeros(()))),
            Invalid,
            "y: shape: found [], expected the first axis of x [], that of the samples",
        ),
        (
            drop_ok(TensorSet::new(Tensor::from([0.0f32, f32::NAN]), Tensor::<i64>::zeros(2)).finite()),
            Invalid,
            "x: sample 1, element 0: found NaN, expected a finite number",
        ),
        (
            drop_ok(TensorSet::new(broken_image, Tensor::<i64>::zeros(2)).finite()),
            Invalid,
            "x: sample 1, element 2: found inf, expected a finite number",
        ),
        (
            drop_ok(labelled(&[0, 1, 2]).classes(2)),
            Invalid,
            "y: label of row 2: found 2, expected a class below 2",
        ),
        (
            drop_ok(labelled(&[0, -1]).classes(2)),
            Invalid,
            "y: label of row 1: found -1, expected a class below 2",
        ),
        (
            batch(&MixUp::new(labelled(&[0, 3]), 3, 0.2, 0)),
            Invalid,
            "labels: label of row 1: found 3, expected a class below 3",
        ),
        (
            batch(&CutMix::new(
                TensorSet::new(Tensor::<f32>::zeros([1, 1, 2, 2]), Tensor::from([-2])),
                3,
                1.0,
                0,
            )),
            Invalid,
            "labels: label of row 0: found -2, expected a class below 3",
        ),
        (
            drop_ok(joined.batch(Pick { epoch: 0, indices: &[0, 1] })),
            Invalid,
            "batch: shape of a sample: found [3], expected [2] as that of the first",
        ),
        (
            drop_ok(Tensor::collate(numbers(&[&[2, 2], &[2, 3]]))),
            Invalid,
            "batch: shape of sample 1: found [2, 3], expected [2, 2] as that of the first",
        ),
        (
            drop_ok(f32::collate(vec![])),
            Invalid,
            "batch: number of samples: found 0, expected at least 1",
        ),
        (
            drop_ok(Padded::new(&numbers(&[&[2, 5], &[3, 4]]), 0.0)),
            Invalid,
            "batch: shape of sample 1: found [3, 4], expected [2, 5] as that of the first, but for its length",
        ),
        (
            drop_ok(Sequence::collate(numbers(&[&[]]).into_iter().map(Sequence).collect())),
            Invalid,
            "batch: shape of sample 0: found [], expected [time, ..]",
        ),
        (
            first_of(numbers(&[&[1], &[2]]).into_iter().map(Ok).collect()),
            Invalid,
            "batch: shape of sample 1: found [2], expected [1] as that of the first",
        ),
        (first_of(vec![Err(DataError::other("the line is cut"))]), Other, "the line is cut"),
        (
            drop_ok(Weights::new([1.0, f64::NAN])),
            Invalid,
            "weights: weight of row 1: found NaN, expected a finite number, not below 0",
        ),
        (
            drop_ok(Weights::new([-1.0])),
            Invalid,
            "weights: weight of row 0: found -1, expected a finite number, not below 0",
        ),
        (drop_ok(Weights::new([0.0])), Invalid, "weights: sum: found 0, expected a finite number above 0"),
        (drop_ok(Weights::new([])), Invalid, "weights: sum: found 0, expected a finite number above 0"),
    ]);
}

#[test]
fn numpy_files() {
    let dir = Folder::new();
    let (x, y) = (dir.path("x.npy"), dir.path("y.npy"));
    Tensor::<f32>::zeros([4, 3]).write_npy(&x).unwrap();
    Tensor::<i64>::zeros([3]).write_npy(&y).unwrap();
    let both = dir.path("both.npz");
    Writer::new()
        .tensor("x", &Tensor::<f32>::zeros([4, 3]))
        .tensor("y", &Tensor::<i64>::zeros([3]))
        .write(&both)
        .unwrap();
    let (x_bytes, both_bytes) = (fs::read(&x).unwrap(), fs::read(&both).unwrap());
    let read = |x: &Path, y: &Path| drop_ok(TensorSet::<f32, i64>::read_npy(x, y));
    let named = |file: &Path, x: &str, y: &str| drop_ok(TensorSet::<f32, i64>::read_npz(file, x, y));
    dir.check(vec![
        (read(&dir.path("none.npy"), &y), Kind::File, "none.npy: "),
        (read(&dir.file("empty.npy", ""), &y), Kind::File, "empty.npy: "),
        (read(&dir.file("torn.npy", &x_bytes[..x_bytes.len() - 4]), &y), Kind::File, "torn.npy: "),
        (read(&dir.file("text.npy", "1,2,3"), &y), Kind::File, "text.npy: "),
        (read(&y, &y), Kind::File, "y.npy: "),
        (
            read(&x, &y),
            Invalid,
            "y.npy: shape: found [3], expected the first axis of x.npy [4, 3], that of the samples",
        ),
        (named(&dir.file("torn.npz", &both_bytes[..100]), "x", "y"), Kind::File, "torn.npz: "),
        (named(&both, "x", "z"), Kind::File, "both.npz: "),
        (
            named(&both, "x", "y"),
            Invalid,
            "both.npz: shape of y: found [3], expected the first axis of x [4, 3], that of the samples",
        ),
    ]);
}

#[cfg(feature = "images")]
#[test]
fn folders_of_pictures() {
    use ravine_data::{Color, ImageFolder, Picture, Pictures};

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
