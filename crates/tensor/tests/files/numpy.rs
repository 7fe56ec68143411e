//! The npy and npz formats: arrays by NumPy, arrays of ours, and what cannot be read.

use std::fs;
use std::path::PathBuf;

use ravine_tensor::numpy::{Header, MAX_RATIO, Npz, Store, Stored, Writer};
use ravine_tensor::{DType, FileError, Tensor};

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/numpy").join(name)
}

fn evil(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(name)
}

/// The array of this name: from its own file, from both archives, and that all three are one.
fn get<T: Store>(name: &str) -> Tensor<T> {
    let tensor = Tensor::<T>::read_npy(path(&format!("{name}.npy"))).unwrap();
    for archive in ["stored.npz", "deflated.npz"] {
        assert_eq!(
            Npz::open(path(archive)).unwrap().tensor::<T>(name).unwrap(),
            tensor,
            "{name} in {archive}"
        );
    }
    tensor
}

/// What is said of a file below `tests/data/numpy` that cannot be read as `T`, without the name of the folder.
fn refused<T: Store>(file: PathBuf) -> String {
    let error = if file.extension().is_some_and(|end| end == "npz") {
        Npz::open(&file).and_then(|npz| npz.tensor::<T>("x")).unwrap_err()
    } else {
        Tensor::<T>::read_npy(&file).unwrap_err()
    };
    assert!(matches!(error, FileError::Invalid { .. }), "{error}");
    error.to_string().replace(&format!("{}/", file.parent().unwrap().display()), "")
}

/// An npy file with this dictionary, of version 1.0, and so many bytes of zeros.
fn file(dictionary: &str, data: usize) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((dictionary.len() as u16).to_le_bytes());
    bytes.extend(dictionary.as_bytes());
    bytes.resize(bytes.len() + data, 0);
    bytes
}

#[test]
fn arrays_by_numpy_are_read() {
    let x = Tensor::from([[0.5f32, -1.25, 3.0], [65504.0, 1e-5, -0.0]]);
    assert_eq!(get::<f32>("f4"), x);
    assert!(get::<f32>("f4").at([1, 2]).is_sign_negative());
    assert_eq!(get::<f64>("f8"), x.cast::<f64>());
    assert_eq!((get::<f32>("f8"), get::<f64>("f4")), (x.clone(), x.cast::<f64>()));
    assert_eq!(get::<f32>("f4_big"), x);
    let half = Tensor::from([[0.5f32, -1.25, 3.0], [65504.0, 1.001358e-5, -0.0]]);
    assert_eq!((get::<f32>("f2"), get::<f32>("f2_big")), (half.clone(), half.clone()));
    assert_eq!(get::<f64>("f2"), half.cast::<f64>());
    assert_eq!(get::<i64>("i8").to_vec(), [i64::MIN, 7, i64::MAX]);
    let extremes = Tensor::from([[i32::MIN], [i32::MAX]]);
    assert_eq!((get::<i32>("i4"), get::<i32>("i4_big")), (extremes.clone(), extremes));
    assert_eq!(get::<i32>("i2").to_vec(), [-32768, 32767]);
    assert_eq!(get::<i32>("i2_big").to_vec(), [-32768, 32767]);
    assert_eq!(get::<i32>("i1").to_vec(), [-128, 127]);
    assert_eq!(get::<i32>("u2").to_vec(), [0, 65535]);
    assert_eq!(get::<i64>("u4").to_vec(), [0, i64::from(u32::MAX)]);
    assert_eq!(get::<u8>("u1").to_vec(), [0, 255, 7]);
    assert_eq!(get::<bool>("b1").to_vec(), [true, false, true]);
    assert_eq!(get::<f64>("scalar"), Tensor::scalar(2.5));
    assert_eq!(get::<f32>("empty").shape(), &[0, 3]);
    for version in ["version2.npy", "version3.npy"] {
        assert_eq!(Tensor::<f32>::read_npy(path(version)).unwrap(), x);
    }
}

#[test]
fn fortran_order_is_a_view() {
    let cube = Tensor::<i64>::arange(24).reshape([2, 3, 4]);
    let read = get::<i64>("i8_fortran");
    assert_eq!((read.clone(), read.strides()), (cube.clone(), &[1isize, 2, 6][..]));
    assert_eq!(get::<f64>("f8_big_fortran"), cube.cast::<f64>());
    assert_eq!(get::<f32>("f4_fortran"), get::<f32>("f4"));
    let header = Header::open(path("f8_big_fortran.npy")).unwrap();
    assert_eq!((&*header.descr, header.fortran_order, &header.shape[..]), (">f8", true, &[2, 3, 4][..]));
}

#[test]
fn archives_say_what_they_hold() {
    let npz = Npz::open(path("stored.npz")).unwrap();
    let names: Vec<&str> = npz.names().collect();
    assert_eq!((names.len(), names[0], names[1], names[2]), (22, "näme/with dots.", "c8", "f4"));
    assert_eq!(npz.tensor::<f64>("näme/with dots.").unwrap().to_vec(), [0.0, 1.0, 2.0, 3.0]);
    let header = npz.header("u2").unwrap();
    assert_eq!((header.dtype.dtype(), &header.shape[..]), (Some(DType::I32), &[2][..]));
    assert_eq!(npz.header("c8").unwrap().dtype, Stored::Other("<c8".into()));
    // 240,128 bytes of zeros, deflated as far as that goes.
    let zeros = Npz::open(path("deflated.npz")).unwrap().tensor::<f32>("zeros").unwrap();
    assert_eq!(zeros, Tensor::zeros([200, 300]));
    assert_eq!(Npz::open(evil("npz/zeros.npz")).unwrap().tensor::<f32>("x").unwrap().numel(), 250_000);
}

#[test]
fn what_was_written_is_read_to_the_bit() {
    let folder = tempfile::tempdir().unwrap();
    let floats: Tensor = Tensor::from([f32::NAN, -0.0, 1e-42, f32::MAX, f32::NEG_INFINITY]);
    let long = Tensor::<f64>::from_fn([300, 301], |i| i as f64 * 0.1);
    let bits = |x: &Tensor| x.iter().map(f32::to_bits).collect::<Vec<_>>();

    let file = folder.path().join("x.npy");
    floats.write_npy(&file).unwrap();
    assert_eq!(bits(&Tensor::read_npy(&file).unwrap()), bits(&floats));
    long.t().write_npy(&file).unwrap();
    assert_eq!(Tensor::read_npy(&file).unwrap(), long.t());
    assert!(fs::read(&file).unwrap().len() == 128 + 300 * 301 * 8, "the header is a multiple of 64 bytes");
    Tensor::scalar(7u8).write_npy(&file).unwrap();
    assert_eq!(Tensor::read_npy(&file).unwrap(), Tensor::scalar(7u8));
    Tensor::<bool>::ones([4]).write_npy(&file).unwrap();
    assert_eq!(Tensor::<bool>::read_npy(&file).unwrap(), Tensor::ones([4]));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");

    let mut writer = Writer::new();
    writer.tensor("floats", &floats).tensor("long.t", &long.t()).tensor("i64", &Tensor::from([i64::MIN]));
    writer.tensor("empty", &Tensor::<f32>::zeros([2, 0])).tensor_as("half", &floats, Stored::F16);
    let mut sizes = Vec::new();
    for _ in 0..2 {
        let file = folder.path().join("x.npz");
        writer.write(&file).unwrap();
        sizes.push(fs::read(&file).unwrap().len());
        let npz = Npz::open(&file).unwrap();
        assert_eq!(npz.names().collect::<Vec<_>>(), ["floats", "long.t", "i64", "empty", "half"]);
        assert_eq!(bits(&npz.tensor("floats").unwrap()), bits(&floats));
        assert_eq!(npz.tensor::<f64>("long.t").unwrap(), long.t());
        assert_eq!(npz.tensor::<i64>("i64").unwrap().item(), i64::MIN);
        assert_eq!(npz.tensor::<f32>("empty").unwrap().shape(), &[2, 0]);
        assert_eq!(npz.tensor::<f32>("half").unwrap().slice(0, 1..4).to_vec(), [-0.0, 0.0, f32::INFINITY]);
        writer.compressed();
    }
    assert!(sizes[1] < sizes[0] * 2 / 3, "{sizes:?}");
    let again = |writer: &Writer| {
        let mut out = Vec::new();
        writer.write_to(&mut out).unwrap();
        out
    };
    assert_eq!(again(&writer), again(&writer));
    assert_eq!(Npz::from_bytes(again(&Writer::new()), "none.npz").unwrap().names().count(), 0);
}

#[test]
fn a_file_that_cannot_be_written_leaves_the_old_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.npz");
    Writer::new().tensor("a", &Tensor::scalar(1.0f32)).write(&file).unwrap();
    // A name that is too long for the format fails in the middle.
    let error = Writer::new().tensor("n".repeat(70_000), &Tensor::scalar(1.0f32)).write(&file).unwrap_err();
    assert!(error.to_string().contains("x.npz: cannot write it: "), "{error}");
    assert_eq!(Npz::open(&file).unwrap().tensor::<f32>("a").unwrap().item(), 1.0);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "half a file is not left");
    let error = Tensor::scalar(1.0f32).write_npy(folder.path().join("none/x.npy")).unwrap_err().to_string();
    assert!(error.contains("none/x.npy: cannot create a file beside it: "), "{error}");
}

#[test]
fn other_types_are_named() {
    for (name, found) in [
        ("c8", "found <c8, expected f8, f4 or f2"),
        ("u8", "found <u8, expected f8, f4 or f2"),
        ("text", "found <U3, expected f8, f4 or f2"),
        ("fields", "found [('a', '<i4'), ('b', '<f8')], expected f8, f4 or f2"),
        ("i8", "found <i8, expected f8, f4 or f2"),
    ] {
        assert_eq!(refused::<f32>(path(&format!("{name}.npy"))), format!("{name}.npy: descr: {found}"));
    }
    assert_eq!(refused::<i32>(path("f4.npy")), "f4.npy: descr: found <f4, expected i4, i2, u2 or i1");
    assert_eq!(refused::<i64>(path("i4.npy")), "i4.npy: descr: found <i4, expected i8 or u4");
    assert_eq!(refused::<bool>(path("u1.npy")), "u1.npy: descr: found |u1, expected b1");
    let npz = Npz::open(path("stored.npz")).unwrap();
    let error = npz.tensor::<f32>("c8").unwrap_err().to_string();
    assert!(error.ends_with("stored.npz: descr of array 'c8': found <c8, expected f8, f4 or f2"), "{error}");
    let error = npz.tensor::<f32>("f5").unwrap_err().to_string();
    assert!(
        error.contains("name of an array: found 'f5', expected one of: näme/with dots., c8, f4, "),
        "{error}"
    );
}

#[test]
fn broken_files_are_named_errors() {
    let good = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }";
    assert_eq!(Tensor::<f32>::from_npy(file(good, 8), "x.npy").unwrap(), Tensor::zeros([2]));
    let cases: &[(Vec<u8>, &str)] = &[
        (b"\x93NUM".to_vec(), "length: found 4 bytes, expected at least 8"),
        (
            b"\x93NUMPX\x01\x00".to_vec(),
            "magic: found [93, 4e, 55, 4d, 50, 58], expected [93, 4e, 55, 4d, 50, 59]",
        ),
        (b"\x93NUMPY\x04\x00".to_vec(), "version: found 4.0, expected 1.0, 2.0 or 3.0"),
        (b"\x93NUMPY\x01\x00\x05".to_vec(), "length: found 1 bytes, expected at least 2"),
        (b"\x93NUMPY\x01\x00\x05\x00{}".to_vec(), "header: found 2 bytes, expected at least 5"),
        (
            b"\x93NUMPY\x02\x00\xff\xff\xff\xff".to_vec(),
            "length of the header: found 4294967295, expected at most 65535",
        ),
        (b"\x93NUMPY\x01\x00\x02\x00\xff\xff".to_vec(), "header: found invalid utf-8"),
        (file("{'descr': 3}", 0), "header: found '3}', expected a text in quotes"),
        (file(good, 7), "length: found 7 bytes after the header, expected 8 for [2] of <f4"),
        (file(good, 9), "length: found 9 bytes after the header, expected 8 for [2] of <f4"),
        (
            file(&good.replace("(2,)", "(4294967296, 4294967296)"), 8),
            "length: found 8 bytes after the header, expected more than",
        ),
        (
            file(&good.replace("(2,)", "(0, 18446744073709551615)"), 0),
            "shape: found [0, 18446744073709551615], expected no more",
        ),
        (
            file(&good.replace("(2,)", "(1, 1, 1, 1, 1, 1, 1, 1, 1)"), 4),
            "shape: found [1, 1, 1, 1, 1, 1, 1, 1, 1], expected at most 8 axes",
        ),
    ];
    for (bytes, want) in cases {
        let found = Tensor::<f32>::from_npy(bytes.clone(), "x.npy").unwrap_err().to_string();
        assert!(found.starts_with(&format!("x.npy: {want}")), "{found}");
    }
    let missing = Tensor::<f32>::read_npy("/nowhere/x.npy").unwrap_err().to_string();
    assert!(missing.starts_with("/nowhere/x.npy: cannot open it: "), "{missing}");
}

#[test]
fn files_that_lie_are_found_out() {
    assert_eq!(
        refused::<bool>(evil("npy/half_truth.npy")),
        "half_truth.npy: data: found a truth value that is neither 0 nor 1, expected 0 or 1"
    );
    for (name, want) in [
        (
            "array_lies",
            "length of array 'x': found 1000 bytes after the header, expected 4000000000 for [1000000000] of <f4",
        ),
        ("archive_lies", "size of array 'x': found 1000000128 bytes in"),
        ("overlap", "archive: found members that overlap, expected bytes of its own for each"),
        ("twice", "archive: found two members of one name, expected one of each name"),
        ("bzip2", "compression of array 'x': found 12 (BZIP2), expected stored or deflated"),
        ("not_an_array", "length of array 'x': found 5 bytes, expected at least 8"),
    ] {
        let found = refused::<f32>(evil(&format!("npz/{name}.npz")));
        assert!(found.starts_with(&format!("{name}.npz: {want}")), "{found}");
    }
    let error = Npz::from_bytes(b"PK".to_vec(), "x.npz").err().unwrap().to_string();
    assert!(
        error.starts_with("x.npz: archive: found ") && error.ends_with(", expected a zip archive"),
        "{error}"
    );
    assert_eq!(MAX_RATIO, 1032);
}

/// The checksum of a member finds what no header tells.
#[test]
fn a_flipped_bit_of_an_array_is_found() {
    let whole = fs::read(path("stored.npz")).unwrap();
    let place = whole.windows(6).position(|bytes| bytes == b"\x93NUMPY").unwrap() + 130;
    let mut bytes = whole.clone();
    bytes[place] ^= 1;
    let npz = Npz::from_bytes(bytes, "x.npz").unwrap();
    let error = npz.tensor::<f64>("näme/with dots.").unwrap_err().to_string();
    assert!(
        error.starts_with("x.npz: data of array 'näme/with dots.': found ") && error.contains("hecksum"),
        "{error}"
    );
}

/// A name is written as it is, or not at all.
#[test]
fn names_come_back_or_are_refused() {
    let x = Tensor::<f32>::zeros([1]);
    let written = |name: &str| {
        let mut out = Vec::new();
        Writer::new().tensor(name, &x).write_to(&mut out).map(|()| out).map_err(|error| error.to_string())
    };
    for name in ["", "/a//b", "../a", "C:\\a", "a/ä", "x.npy"] {
        let npz = Npz::from_bytes(written(name).unwrap(), "x.npz").unwrap();
        assert_eq!(npz.names().collect::<Vec<_>>(), [name]);
        assert_eq!(npz.tensor::<f32>(name).unwrap(), x);
    }
    assert_eq!(written("../ä").unwrap_err(), "npz: '../ä' is neither ASCII nor a relative path");
    assert!(written(&"a".repeat(65_531)).is_ok());
    assert!(written(&"a".repeat(65_532)).is_err());
}

#[test]
fn encrypted_members_are_refused() {
    let mut bytes = fs::read(path("stored.npz")).unwrap();
    let header = bytes.windows(4).position(|bytes| bytes == b"PK\x03\x04").unwrap();
    bytes[header + 6] |= 1;
    let npz = Npz::from_bytes(bytes, "x.npz").unwrap();
    let name = npz.names().next().unwrap();
    assert_eq!(
        npz.header(name).unwrap_err().to_string(),
        format!("x.npz: compression of array '{name}': found encryption, expected stored or deflated")
    );
}

#[test]
#[should_panic(expected = "npz: two tensors are called 'a'")]
fn names_are_names() {
    let x = Tensor::<f32>::zeros([1]);
    Writer::new().tensor("a", &x).tensor("a", &x);
}

#[test]
#[should_panic(expected = "npz: 'a' has elements of f32, which are not written as BF16")]
fn numpy_has_no_bfloat16() {
    Writer::new().tensor_as("a", &Tensor::<f32>::zeros([1]), Stored::Bf16);
}
