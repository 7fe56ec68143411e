//! Arrays in IDX and NumPy files, and checksums.

use std::fs;
use std::path::Path;

use ravine_data::{Idx, SUMS, TensorSet, verify};
use ravine_tensor::Tensor;
use ravine_tensor::numpy::Writer;

use crate::{Checksum, File, Folder, Invalid, Io, drop_ok, gzip};

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
        (read(&dir.path("none.npy"), &y), File, "none.npy: "),
        (read(&dir.file("empty.npy", ""), &y), File, "empty.npy: "),
        (read(&dir.file("torn.npy", &x_bytes[..x_bytes.len() - 4]), &y), File, "torn.npy: "),
        (read(&dir.file("text.npy", "1,2,3"), &y), File, "text.npy: "),
        (read(&y, &y), File, "y.npy: "),
        (
            read(&x, &y),
            Invalid,
            "y.npy: shape: found [3], expected the first axis of x.npy [4, 3], that of the samples",
        ),
        (named(&dir.file("torn.npz", &both_bytes[..100]), "x", "y"), File, "torn.npz: "),
        (named(&both, "x", "z"), File, "both.npz: "),
        (
            named(&both, "x", "y"),
            Invalid,
            "both.npz: shape of y: found [3], expected the first axis of x [4, 3], that of the samples",
        ),
    ]);
}
