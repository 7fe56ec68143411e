//! SHA-256 checksums in a file beside the data.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::DataError;

/// The name of the file of checksums, in the format of the command `sha256sum`: lines of 64 hexadecimal digits, two spaces (or a
/// space and a star), and a file name.
pub const SUMS: &str = "SHA256SUMS";

/// Longer files are not read as checksums.
const MAX_SUMS: u64 = 1 << 20;

/// Checks a file against the [`SUMS`] file in its folder. Passes if there is no such file, or if it does not list this one.
///
/// # Errors
/// If the digest is another one, a line of the sums cannot be understood, or a file cannot be read.
pub fn verify(path: impl AsRef<Path>) -> Result<(), DataError> {
    let path = path.as_ref();
    let sums = path.with_file_name(SUMS);
    let Some(expected) = listed(&sums, path)? else { return Ok(()) };
    let found = sha256(path).map_err(|error| DataError::read(path, error))?;
    if found == expected {
        Ok(())
    } else {
        Err(DataError::Checksum { file: path.into(), sums, found, expected })
    }
}

/// The digest that `sums` gives for `path`.
fn listed(sums: &Path, path: &Path) -> Result<Option<String>, DataError> {
    let mut text = Vec::new();
    match File::open(sums).and_then(|file| file.take(MAX_SUMS + 1).read_to_end(&mut text)) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(DataError::read(sums, error)),
    }
    if text.len() as u64 > MAX_SUMS {
        return Err(DataError::invalid(sums, "size", "more than a MiB", "one line for each file"));
    }
    let mut digest = None;
    for (number, line) in String::from_utf8_lossy(&text).lines().enumerate() {
        let line = line.trim_end();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (hex, name) = entry(line).ok_or_else(|| {
            let found: String = line.chars().take(100).collect();
            let expected = "64 hexadecimal digits, two spaces and a file name";
            DataError::invalid(sums, format!("line {}", number + 1), format!("{found:?}"), expected)
        })?;
        if path.file_name().is_some_and(|file| file == name) {
            digest = Some(hex.to_ascii_lowercase());
        }
    }
    Ok(digest)
}

/// The two parts of a line.
fn entry(line: &str) -> Option<(&str, &str)> {
    let (hex, name) = line.split_at_checked(64)?;
    let name = name.strip_prefix("  ").or_else(|| name.strip_prefix(" *"))?;
    let is_hex = hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    (is_hex && !name.is_empty()).then(|| (hex, name.strip_prefix("./").unwrap_or(name)))
}

/// The SHA-256 digest of a file of any size, in hexadecimal.
///
/// # Errors
/// If the file cannot be read.
pub fn sha256(path: impl AsRef<Path>) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut block = vec![0; 1 << 16];
    loop {
        match file.read(&mut block) {
            Ok(0) => break,
            Ok(n) => hasher.update(&block[..n]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIPS 180-2, appendix B.1.
    const OF_ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn verdict(sums: &[u8]) -> Result<(), DataError> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("abc"), "abc").unwrap();
        std::fs::write(dir.path().join(SUMS), sums).unwrap();
        verify(dir.path().join("abc"))
    }

    #[test]
    fn the_forms_that_sha256sum_writes_are_understood() {
        for form in ["HEX  abc\n", "HEX *abc", "# all\n\nHEX  ./abc\r\n", "HEX  other\nHEX  abc\n"] {
            verdict(form.replace("HEX", OF_ABC).as_bytes()).unwrap();
        }
        verdict(format!("{}  abc", OF_ABC.to_uppercase()).as_bytes()).unwrap();
        verdict(b"").unwrap();
        verdict(format!("{}  abcd", "0".repeat(64)).as_bytes()).unwrap();
    }

    #[test]
    fn another_digest_names_both() {
        let zeros = "0".repeat(64);
        let error = verdict(format!("{zeros}  abc\n").as_bytes()).unwrap_err();
        assert!(
            matches!(&error, DataError::Checksum { found, expected, .. } if found == OF_ABC && *expected == zeros)
        );
        assert!(
            error.to_string().contains(&format!("abc: SHA-256: found {OF_ABC}, expected {zeros}")),
            "{error}"
        );
    }

    #[test]
    fn lines_that_are_no_sums_are_errors() {
        let short = &OF_ABC[1..];
        for line in [
            "hello".to_string(),
            short.to_string(),
            format!("{short}  abc"),
            format!("{OF_ABC} abc"),
            format!("{OF_ABC}  "),
            format!("g{short}  abc"),
            format!("{}é  abc", &short[1..]),
            format!("SHA256 (abc) = {OF_ABC}"),
        ] {
            let error = verdict(format!("\n{line}").as_bytes()).unwrap_err().to_string();
            assert!(
                error.contains("SHA256SUMS: line 2: found ") && error.contains("expected 64 hex"),
                "{error}"
            );
        }
        assert!(verdict(&[0xff; 100]).unwrap_err().to_string().contains("line 1"));
        let error = verdict(&vec![b'\n'; (MAX_SUMS + 1) as usize]).unwrap_err();
        assert!(error.to_string().contains("SHA256SUMS: size: found more than a MiB"), "{error}");
    }

    #[test]
    fn a_listed_file_that_is_missing_is_named() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(SUMS), format!("{OF_ABC}  abc")).unwrap();
        let error = verify(dir.path().join("abc")).unwrap_err().to_string();
        assert!(error.contains("abc: cannot read: "), "{error}");
    }
}
