//! The comparison of optimizers, in small: a table, a page, and rows for runs that fail. The examples must have been built.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn compare(out: &Path, args: &[&str]) -> Output {
    let tests = std::env::current_exe().unwrap();
    let program = tests.ancestors().nth(2).unwrap().join("examples/compare_optimizers");
    assert!(program.exists(), "{} is missing: cargo build --examples", program.display());
    Command::new(program).arg("--out").arg(out).args(args).output().unwrap()
}

#[test]
fn a_quick_comparison_ranks_and_draws() {
    let folder = tempfile::tempdir().unwrap();
    let output = compare(folder.path(), &["--quick", "--optimizers", "momentum,adam,schedule-free-sgd"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let table = fs::read_to_string(folder.path().join("table.csv")).unwrap();
    let rows: Vec<Vec<&str>> = table.lines().skip(1).map(|line| line.split(',').collect()).collect();
    assert_eq!(rows.len(), 3);
    let accuracy = |row: &Vec<&str>| row[3].parse::<f64>().unwrap();
    assert!(rows.iter().all(|row| accuracy(row) > 0.8 && row[8..] == ["0", "5"]), "{table}");
    assert!(rows.is_sorted_by(|a, b| accuracy(a) >= accuracy(b)), "{table}");
    let runs = fs::read_to_string(folder.path().join("runs.csv")).unwrap();
    assert_eq!(runs.lines().count(), 1 + 3 * (3 + 2));
    let page = fs::read_to_string(folder.path().join("index.html")).unwrap();
    assert!(page.matches("<svg xmlns").count() == 2 && page.contains("<td>schedule-free-sgd</td>"));
}

#[test]
fn a_failed_run_is_a_row() {
    let folder = tempfile::tempdir().unwrap();
    let args = ["--optimizers", "sgd", "--trials", "2", "--spread", "1e60", "--steps", "20", "--seeds", "1"];
    let output = compare(folder.path(), &args);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let runs = fs::read_to_string(folder.path().join("runs.csv")).unwrap();
    assert!(runs.lines().nth(2).unwrap().contains("its gradient is not finite"), "{runs}");
    let table = fs::read_to_string(folder.path().join("table.csv")).unwrap();
    assert!(table.trim_end().ends_with(",1,3"), "one of three failed: {table}");
}

#[test]
fn an_unknown_optimizer_is_a_clear_error() {
    let folder = tempfile::tempdir().unwrap();
    let output = compare(folder.path(), &["--optimizers", "adamm"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && said.contains("optimizers: found adamm, expected some of sgd, momentum"),
        "{said}"
    );
}
