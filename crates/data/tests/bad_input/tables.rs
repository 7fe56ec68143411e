//! Tables of text, as a whole and row by row.

use std::path::PathBuf;

use ravine_data::{Csv, DataError, Row, SUMS, Stream, Table};

use crate::{Checksum, Folder, Invalid, Io, drop_ok, gzip};

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
            read(b"a,b\n1,2\n3,\"4\n5,6\n"),
            Invalid,
            "r.csv: row 1 (line 3): found the end of the file, expected a row that comes to its end; is a quote left open?",
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
