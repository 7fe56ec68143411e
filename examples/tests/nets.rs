//! The examples with recurrent networks, a transformer, layers of one's own and a network from PyTorch, in small: each learns what its page
//! says, if not as well. They must have been built.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// What the example says of itself with `--json`. It works in `folder`.
#[track_caller]
fn run(example: &str, folder: &Path, args: &[&str]) -> Value {
    let tests = std::env::current_exe().unwrap();
    let program = tests.ancestors().nth(2).unwrap().join("examples").join(example);
    assert!(program.exists(), "{} is missing: cargo build --examples", program.display());
    let output = Command::new(program).args(args).arg("--json").current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{example}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[track_caller]
fn number(result: &Value, name: &str) -> f64 {
    result[name].as_f64().unwrap_or_else(|| panic!("no number {name} in {result}"))
}

#[test]
fn an_lstm_reads_digits_row_by_row() {
    let folder = tempfile::tempdir().unwrap();
    let result = run("lstm", folder.path(), &["--units", "48", "--steps", "150"]);
    assert!(number(&result, "test_accuracy") > 0.65, "{result}");
    assert!(folder.path().join("runs/lstm-rows/report.html").exists());
}

#[test]
fn an_lstm_adds_two_marked_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let args = ["--task", "adding", "--length", "10", "--units", "24", "--epochs", "3", "--lr", "0.01"];
    let result = run("lstm", folder.path(), &args);
    // Who always answers 1 is wrong by 1/6.
    assert!(number(&result, "test_loss") < 0.02, "{result}");
}

#[test]
fn a_transformer_learns_to_write() {
    let folder = tempfile::tempdir().unwrap();
    let args = "--context 32 --features 32 --layers 1 --heads 2 --batch-size 32 --epochs 2 --lr 0.01 --sample 40 --prompt Praise";
    let result = run("char_transformer", folder.path(), &args.split(' ').collect::<Vec<_>>());
    let (bits, by_pairs) = (number(&result, "bits_per_character"), number(&result, "bits_by_pairs"));
    // By the frequencies of the characters alone it would be 4.4.
    assert!((by_pairs - 2.484).abs() < 0.001 && bits < 3.3, "{result}");
    let sample = result["sample"].as_str().unwrap();
    assert!(sample.starts_with("Praise") && sample.chars().count() == "Praise".len() + 40, "{sample}");
}

#[test]
fn what_pytorch_learned_helps_with_other_digits() {
    let folder = tempfile::tempdir().unwrap();
    let result = run("transfer", folder.path(), &["--images", "1", "--repeats", "2", "--epochs", "30"]);
    // What the script printed that made the file.
    assert!((number(&result, "accuracy_on_0_to_5") - 0.9927).abs() < 1e-4, "{result}");
    assert!(number(&result, "accuracy_tuned") > number(&result, "accuracy_from_scratch") + 0.05, "{result}");
}

#[test]
fn a_deep_network_learns_with_scaled_blocks_alone() {
    let folder = tempfile::tempdir().unwrap();
    let result = run("custom_layer", folder.path(), &["--steps", "150"]);
    assert!(number(&result, "accuracy_scaled") > 0.75, "{result}");
    assert!(result["accuracy_plain"].as_f64().is_none_or(|accuracy| accuracy < 0.5), "{result}");
}
