//! The safetensors format: files by Python, files of ours, and files by nobody.

use ravine_tensor::safetensors::{SafeTensors, Store, Stored, Writer};
use ravine_tensor::{DType, FileError, Tensor};

const PYTHON: &[u8] = include_bytes!("../data/python.safetensors");

fn open(bytes: &[u8]) -> Result<SafeTensors, FileError> {
    SafeTensors::from_bytes(bytes.to_vec(), "x.safetensors")
}

fn get<T: Store>(bytes: &[u8], name: &str) -> Result<Tensor<T>, FileError> {
    open(bytes)?.tensor(name)
}

/// A file with this header and as many bytes of data.
fn file(header: &str, data: usize) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.resize(bytes.len() + data, 0);
    bytes
}

fn message(bytes: &[u8]) -> String {
    open(bytes).err().expect("a broken file").to_string()
}

#[test]
fn a_file_by_python_is_read() {
    let x = Tensor::from([[0.5f32, -1.25, 3.0], [65504.0, 1e-5, -0.0]]);
    let file = open(PYTHON).unwrap();
    assert_eq!(file.metadata()["quote"], "\"\n");
    assert_eq!(file.entries().len(), 12);
    assert_eq!(get::<f32>(PYTHON, "f32").unwrap(), x);
    assert_eq!(get::<f64>(PYTHON, "f64").unwrap(), get::<f64>(PYTHON, "f32").unwrap());
    // 1e-5 is rounded to the nearest half (a subnormal) and bfloat16; 65504 to the bfloat16 65536.
    let f16 = [0.5, -1.25, 3.0, 65504.0, 1.001358e-5, -0.0];
    assert_eq!(get::<f32>(PYTHON, "f16").unwrap().to_vec(), f16);
    let bf16 = [0.5, -1.25, 3.0, 65536.0, 1.001358e-5, -0.0];
    assert_eq!(get::<f32>(PYTHON, "bf16").unwrap().to_vec(), bf16);
    assert!(get::<f32>(PYTHON, "f32").unwrap().at([1, 2]).is_sign_negative());
    assert_eq!(get::<i64>(PYTHON, "i64").unwrap().to_vec(), [i64::MIN, 7, i64::MAX]);
    assert_eq!(get::<i32>(PYTHON, "i32").unwrap(), Tensor::from([[i32::MIN], [i32::MAX]]));
    assert_eq!(get::<u8>(PYTHON, "u8").unwrap().to_vec(), [0, 255, 7]);
    assert_eq!(get::<bool>(PYTHON, "bool").unwrap().to_vec(), [true, false, true]);
    assert_eq!(get::<f32>(PYTHON, "scalar").unwrap(), Tensor::scalar(2.5));
    assert_eq!(get::<f32>(PYTHON, "empty").unwrap().shape(), &[0, 3]);
    assert_eq!(get::<f32>(PYTHON, "näme.with dots").unwrap().to_vec(), [0.0, 1.0, 2.0, 3.0]);
    assert_eq!(get::<i32>(PYTHON, "i16").unwrap().to_vec(), [1, 2]);
    let sixteen = file.entries().iter().find(|entry| entry.name == "i16").unwrap();
    assert_eq!((&sixteen.dtype, sixteen.dtype.dtype()), (&Stored::I16, Some(DType::I32)));
}

#[test]
fn asking_for_the_wrong_thing_is_an_error() {
    let error = |e: FileError| e.to_string();
    let found = error(get::<i32>(PYTHON, "f32").unwrap_err());
    assert_eq!(found, "x.safetensors: dtype of tensor 'f32': found F32, expected I32, I16, U16 or I8");
    let found = error(get::<f32>(PYTHON, "i16").unwrap_err());
    assert_eq!(found, "x.safetensors: dtype of tensor 'i16': found I16, expected F64, F32, BF16 or F16");
    let found = error(get::<f32>(PYTHON, "f33").unwrap_err());
    assert!(found.starts_with("x.safetensors: name of a tensor: found 'f33', expected one of: "), "{found}");
    let missing = SafeTensors::open("/nowhere/x.safetensors").err().unwrap().to_string();
    assert!(missing.starts_with("/nowhere/x.safetensors: cannot open it: "), "{missing}");
}

#[test]
fn what_was_written_is_read_to_the_bit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("all.safetensors");
    let floats: Tensor = Tensor::from([f32::NAN, -0.0, 1e-42, f32::MAX, f32::NEG_INFINITY]);
    let long = Tensor::<f64>::from_fn([300, 301], |i| i as f64 * 0.1);
    let mut writer = Writer::new();
    writer.metadata("format", "pt");
    writer.tensor("floats", &floats).tensor("long.t", &long.t()).tensor("long", &long);
    writer.tensor("i64", &Tensor::from([i64::MIN])).tensor("i32", &Tensor::from([[7i32]]));
    writer.tensor("u8", &Tensor::from([1u8, 2, 3])).tensor("bool", &Tensor::from([true, false]));
    writer.tensor_as("half \"quoted\"", &long, Stored::F16).tensor("empty", &Tensor::<f32>::zeros([2, 0]));
    writer.write(&path).unwrap();
    writer.write(&path).unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");

    let back = SafeTensors::open(&path).unwrap();
    let bits = |x: &Tensor| x.iter().map(f32::to_bits).collect::<Vec<_>>();
    assert_eq!(bits(&back.tensor("floats").unwrap()), bits(&floats));
    assert_eq!(back.tensor::<f64>("long").unwrap(), long);
    assert_eq!(back.tensor::<f64>("long.t").unwrap(), long.t());
    assert_eq!(back.tensor::<f32>("long").unwrap(), long.cast::<f32>());
    assert_eq!(back.tensor::<i64>("i64").unwrap().item(), i64::MIN);
    assert_eq!(back.tensor::<i32>("i32").unwrap(), Tensor::from([[7i32]]));
    assert_eq!(back.tensor::<u8>("u8").unwrap().to_vec(), [1, 2, 3]);
    assert_eq!(back.tensor::<bool>("bool").unwrap().to_vec(), [true, false]);
    assert_eq!(back.tensor::<f32>("empty").unwrap().shape(), &[2, 0]);
    let half: Tensor<f64> = back.tensor("half \"quoted\"").unwrap();
    assert!(half.iter().zip(long.iter()).all(|(a, b)| (a - b).abs() <= b * 2f64.powi(-11)));
    assert_eq!(back.metadata()["format"], "pt");
    assert!(back.entries().iter().all(|entry| entry.dtype.size().is_some()));
}

#[test]
fn types_that_no_tensor_has_are_kept_apart() {
    let header = r#"{"a":{"dtype":"F8_E4M3","shape":[3],"data_offsets":[0,3]},"b":{"dtype":"U8","shape":[1],"data_offsets":[3,4]}}"#;
    let bytes = file(header, 4);
    assert_eq!(open(&bytes).unwrap().entries()[0].dtype, Stored::Other("F8_E4M3".into()));
    assert_eq!(get::<u8>(&bytes, "b").unwrap().to_vec(), [0]);
    let found = get::<f32>(&bytes, "a").unwrap_err().to_string();
    assert_eq!(found, "x.safetensors: dtype of tensor 'a': found F8_E4M3, expected F64, F32, BF16 or F16");
}

#[test]
fn an_empty_file_of_tensors_is_one() {
    let mut bytes = Vec::new();
    Writer::new().write_to(&mut bytes).unwrap();
    assert!(open(&bytes).unwrap().entries().is_empty());
}

/// Opens a file and reads all that it says it has; it may fail, but not otherwise than by an error.
fn read_all(bytes: &[u8]) -> Result<(), FileError> {
    let file = open(bytes)?;
    for entry in file.entries().to_vec() {
        match entry.dtype.dtype() {
            Some(DType::I64) => file.tensor::<i64>(&entry.name).map(drop)?,
            Some(DType::I32) => file.tensor::<i32>(&entry.name).map(drop)?,
            Some(DType::U8) => file.tensor::<u8>(&entry.name).map(drop)?,
            Some(DType::Bool) => file.tensor::<bool>(&entry.name).map(drop)?,
            _ => file.tensor::<f32>(&entry.name).map(drop)?,
        }
    }
    Ok(())
}

#[test]
fn every_truncation_is_an_error() {
    for len in 0..PYTHON.len() {
        let error = open(&PYTHON[..len]).err().unwrap_or_else(|| panic!("cut to {len}")).to_string();
        assert!(error.starts_with("x.safetensors: ") && error.contains("expected "), "{error}");
    }
    let mut longer = PYTHON.to_vec();
    longer.push(0);
    assert!(message(&longer).starts_with("x.safetensors: length: found "), "{}", message(&longer));
}

/// A format without a checksum cannot tell a flipped bit of data; of the header, it finds a lot, and what it does not find is another file.
#[test]
fn flipped_bits_and_bytes_do_no_harm() {
    let header = u64::from_le_bytes(PYTHON[..8].try_into().unwrap()) as usize + 8;
    let mut refused = 0;
    for place in 0..header {
        for byte in (0..8).map(|bit| PYTHON[place] ^ (1 << bit)).chain([0, 0xff, b'"', b'9', b'[', b'}']) {
            let mut bytes = PYTHON.to_vec();
            bytes[place] = byte;
            refused += usize::from(read_all(&bytes).is_err());
        }
    }
    assert!(refused > header * 7, "{refused} of {}", header * 14);
    let mut bytes = PYTHON.to_vec();
    let truth = open(PYTHON).unwrap().entries().iter().position(|entry| entry.dtype == Stored::Bool).unwrap();
    assert!(truth > 0);
    bytes[header..].fill(2);
    let found = get::<bool>(&bytes, "bool").unwrap_err().to_string();
    assert_eq!(
        found,
        "x.safetensors: tensor 'bool': found a truth value that is neither 0 nor 1, expected 0 or 1"
    );
}

#[test]
fn broken_files_are_named_errors() {
    let cases: &[(&str, usize, &str)] = &[
        ("", 0, "header: found EOF while parsing a value"),
        ("{", 0, "header: found EOF"),
        ("[]", 0, "header: found invalid type: sequence, expected an object of tensors by name"),
        ("{\"a\":{}}", 0, "header: found missing field `dtype`"),
        (r#"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#, 4, "header: found invalid value"),
        (r#"{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}"#, 4, "header: found invalid type"),
        (
            r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,99999999999999999999]}}"#,
            4,
            "header: found invalid",
        ),
        (r#"{"__metadata__":{"a":1}}"#, 0, "header: found invalid type: integer `1`, expected a string"),
        (
            r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
            4,
            "header: found the name 'a' stands twice",
        ),
        (
            r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}"#,
            4,
            "data_offsets of tensor 'a': found 4 to 0, expected a range within 0 to 4",
        ),
        (
            r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#,
            4,
            "data_offsets of tensor 'a': found 0 to 8, expected a range within 0 to 4",
        ),
        (
            r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#,
            4,
            "shape of tensor 'a': found [2] of F32, expected one that fills its 4 bytes",
        ),
        (
            r#"{"a":{"dtype":"F64","shape":[4294967296,4294967296,2],"data_offsets":[0,4]}}"#,
            4,
            "shape of tensor 'a': found [4294967296, 4294967296, 2] of F64",
        ),
        (
            r#"{"a":{"dtype":"F32","shape":[18446744073709551615,0],"data_offsets":[0,4]}}"#,
            4,
            "shape of tensor 'a': found [18446744073709551615, 0] of F32",
        ),
        (
            r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"#,
            12,
            "data_offsets of tensor 'b': found 4, expected 8, where the one before ends (there is an overlap)",
        ),
        (
            r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}}"#,
            12,
            "data_offsets of tensor 'b': found 8, expected 4, where the one before ends (there is a gap)",
        ),
        (
            r#"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#,
            2,
            "length: found 2 bytes of data, expected 1",
        ),
    ];
    for &(header, data, want) in cases {
        let found = message(&file(header, data));
        assert!(found.starts_with(&format!("x.safetensors: {want}")), "{header}: {found}");
    }
    let huge = message(&[0xff; 16]);
    assert_eq!(
        huge,
        "x.safetensors: length of the header: found 18446744073709551615, expected at most 8 \
         (it begins `\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff`: no safetensors file?)"
    );
    let deep = message(&file(&format!("{{\"a\":{}", "[".repeat(100_000)), 0));
    assert!(deep.starts_with("x.safetensors: header: "), "{deep}");
    let wide = file(r#"{"a":{"dtype":"F32","shape":[0,18446744073709551615],"data_offsets":[0,0]}}"#, 0);
    let found = get::<f32>(&wide, "a").unwrap_err().to_string();
    assert!(found.contains("shape of tensor 'a': found [0, 18446744073709551615]"), "{found}");
    let axes = file(r#"{"a":{"dtype":"U8","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,1]}}"#, 1);
    let found = get::<u8>(&axes, "a").unwrap_err().to_string();
    assert_eq!(
        found,
        "x.safetensors: shape of tensor 'a': found [1, 1, 1, 1, 1, 1, 1, 1, 1], expected at most 8 axes"
    );
}

#[test]
#[should_panic(expected = "safetensors: two tensors are called 'a'")]
fn names_are_names() {
    let x = Tensor::<f32>::zeros([1]);
    Writer::new().tensor("a", &x).tensor("a", &x);
}

#[test]
#[should_panic(expected = "safetensors: 'a' has elements of i64, which are not written as F32")]
fn integers_are_no_floats() {
    Writer::new().tensor_as("a", &Tensor::from([1i64]), Stored::F32);
}
