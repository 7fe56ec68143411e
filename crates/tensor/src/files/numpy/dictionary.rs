//! The Python dictionary that describes an array: `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`.

/// Its three values, as written.
#[derive(Debug, PartialEq)]
pub(super) struct Dictionary {
    pub(super) descr: String,
    pub(super) fortran_order: bool,
    pub(super) shape: Vec<usize>,
}

/// The text that was found where something else was expected.
#[derive(Debug, PartialEq)]
pub(super) struct Unexpected {
    pub(super) found: String,
    pub(super) expected: String,
}

impl Dictionary {
    pub(super) fn parse(text: &str) -> Result<Dictionary, Unexpected> {
        let mut text = Cursor(text.trim());
        let (mut descr, mut fortran_order, mut shape) = (None, None, None);
        text.expect("{")?;
        while !text.take("}") {
            let key = text.quoted()?;
            text.expect(":")?;
            let twice = match key {
                "descr" => descr.replace(text.descr()?).is_some(),
                "fortran_order" => fortran_order.replace(text.truth()?).is_some(),
                "shape" => shape.replace(text.sizes()?).is_some(),
                _ => {
                    return Err(unexpected(
                        format!("the key '{key}'"),
                        "'descr', 'fortran_order' and 'shape' alone",
                    ));
                }
            };
            if twice {
                return Err(unexpected(format!("the key '{key}' twice"), "it once"));
            }
            if !text.take(",") {
                text.expect("}")?;
                break;
            }
        }
        if !text.0.is_empty() {
            return text.fail("the end of the dictionary");
        }
        let missing = |key: &str| unexpected(format!("no '{key}'"), "'descr', 'fortran_order' and 'shape'");
        Ok(Dictionary {
            descr: descr.ok_or_else(|| missing("descr"))?,
            fortran_order: fortran_order.ok_or_else(|| missing("fortran_order"))?,
            shape: shape.ok_or_else(|| missing("shape"))?,
        })
    }
}

fn unexpected(found: impl Into<String>, expected: impl Into<String>) -> Unexpected {
    Unexpected { found: found.into(), expected: expected.into() }
}

/// The text that is left to be read, without leading space.
struct Cursor<'a>(&'a str);

impl<'a> Cursor<'a> {
    fn fail<T>(&self, expected: &str) -> Result<T, Unexpected> {
        let start: String = self.0.chars().take(24).collect();
        Err(unexpected(if start.is_empty() { "its end".into() } else { format!("'{start}'") }, expected))
    }

    fn skip(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.0.split_at(bytes);
        self.0 = rest.trim_start();
        taken
    }

    fn take(&mut self, token: &str) -> bool {
        let there = self.0.starts_with(token);
        if there {
            self.skip(token.len());
        }
        there
    }

    fn expect(&mut self, token: &str) -> Result<(), Unexpected> {
        if self.take(token) { Ok(()) } else { self.fail(&format!("'{token}'")) }
    }

    fn quoted(&mut self) -> Result<&'a str, Unexpected> {
        let Some(quote) = self.0.chars().next().filter(|c| "'\"".contains(*c)) else {
            return self.fail("a text in quotes");
        };
        match self.0[1..].find(quote) {
            Some(end) => Ok(&self.skip(end + 2)[1..=end]),
            None => self.fail("a text in quotes"),
        }
    }

    /// The type of the elements: a string, or the list of fields of a structure, which is kept as written.
    fn descr(&mut self) -> Result<String, Unexpected> {
        if !self.0.starts_with('[') {
            return self.quoted().map(str::to_owned);
        }
        let mut depth = 0usize;
        let end = self.0.find(|c| {
            match c {
                '[' => depth += 1,
                ']' => depth -= 1,
                _ => {}
            }
            depth == 0
        });
        match end {
            Some(end) => Ok(self.skip(end + 1).to_owned()),
            None => self.fail("a list that ends"),
        }
    }

    fn truth(&mut self) -> Result<bool, Unexpected> {
        match () {
            () if self.take("True") => Ok(true),
            () if self.take("False") => Ok(false),
            () => self.fail("True or False"),
        }
    }

    fn sizes(&mut self) -> Result<Vec<usize>, Unexpected> {
        let mut sizes = Vec::new();
        self.expect("(")?;
        while !self.take(")") {
            let digits = self.0.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.0.len());
            let Ok(size) = self.0[..digits].parse() else {
                return self.fail("a size, or ')'");
            };
            sizes.push(size);
            self.skip(digits);
            // Python 2 wrote `3L`.
            self.take("L");
            if !self.take(",") {
                self.expect(")")?;
                break;
            }
        }
        Ok(sizes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dictionaries_as_numpy_and_others_write_them() {
        let parsed = |text| Dictionary::parse(text).unwrap();
        let whole = |descr: &str, fortran_order, shape: &[usize]| Dictionary {
            descr: descr.into(),
            fortran_order,
            shape: shape.to_vec(),
        };
        assert_eq!(
            parsed("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }  \n"),
            whole("<f4", false, &[3, 4])
        );
        assert_eq!(
            parsed("{\"shape\":(),\"fortran_order\":True,\"descr\":\"|b1\"}"),
            whole("|b1", true, &[])
        );
        assert_eq!(parsed("{'descr':'<i8','fortran_order':False,'shape':(7L,)}"), whole("<i8", false, &[7]));
        let fields = "[('a', '<f4', (2,)), ('b', [('c', '|u1')])]";
        let text = format!("{{'descr': {fields}, 'fortran_order': False, 'shape': (0,)}}");
        assert_eq!(parsed(&text), whole(fields, false, &[0]));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, found, expected) in [
            ("", "its end", "'{'"),
            ("{", "its end", "a text in quotes"),
            ("{'descr", "''descr'", "a text in quotes"),
            ("{'descr': f4}", "'f4}'", "a text in quotes"),
            ("{'descr': [[]", "'[[]'", "a list that ends"),
            ("{'descr': '<f4' 'shape'", "''shape''", "'}'"),
            ("{'shape': [3]}", "'[3]}'", "'('"),
            ("{'shape': (-3,)}", "'-3,)}'", "a size, or ')'"),
            ("{'shape': (3 4)}", "'4)}'", "')'"),
            ("{'shape': (99999999999999999999,)}", "'99999999999999999999,)}'", "a size, or ')'"),
            ("{'fortran_order': 0}", "'0}'", "True or False"),
            ("{'shape': (), 'shape': ()}", "the key 'shape' twice", "it once"),
            ("{'size': ()}", "the key 'size'", "'descr', 'fortran_order' and 'shape' alone"),
            ("{'shape': ()}", "no 'descr'", "'descr', 'fortran_order' and 'shape'"),
            ("{} {}", "'{}'", "the end of the dictionary"),
            ("{'descr': 'ä", "''ä'", "a text in quotes"),
        ] {
            assert_eq!(Dictionary::parse(text).unwrap_err(), unexpected(found, expected), "{text}");
        }
    }
}
