//! The examples in small: each runs, keeps what its page promises, and draws. They must have been built.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

#[track_caller]
fn program(example: &str) -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let program = tests.ancestors().nth(2).unwrap().join("examples").join(example);
    assert!(program.exists(), "{} is missing: cargo build --examples", program.display());
    program
}

/// What the example says of itself with `--json`. It works in `folder`.
#[track_caller]
fn run(example: &str, folder: &Path, args: &[&str]) -> Value {
    let output =
        Command::new(program(example)).args(args).arg("--json").current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{example}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[track_caller]
fn number(result: &Value, name: &str) -> f64 {
    result[name].as_f64().unwrap_or_else(|| panic!("no number {name} in {result}"))
}

/// A picture that was drawn, as text if it is SVG.
#[track_caller]
fn picture(folder: &Path, name: &str) -> String {
    let bytes = fs::read(folder.join("runs").join(name)).unwrap();
    assert!(bytes.starts_with(b"<svg") || bytes.starts_with(b"\x89PNG"), "{name} is no picture");
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn two_moons_are_told_apart_as_well_as_they_can_be() {
    let folder = tempfile::tempdir().unwrap();
    let result = run("two_moons", folder.path(), &["--epochs", "20"]);
    let (accuracy, possible) = (number(&result, "test_accuracy"), number(&result, "possible_accuracy"));
    assert!(possible > 0.95 && (accuracy - possible).abs() < 0.015, "{result}");
    let svg = picture(folder.path(), "two_moons.svg");
    assert!(svg.contains("boundary") && svg.matches("<circle").count() > 1000);
}

#[test]
fn training_comes_to_least_squares() {
    let folder = tempfile::tempdir().unwrap();
    let result = run("regression", folder.path(), &["--epochs", "100"]);
    assert_eq!(number(&result, "rows"), 333.0);
    assert!(number(&result, "weights_apart") < 0.02, "{result}");
    let r2 = |model: &str| number(&result[model], "r2");
    assert!((r2("linear") - r2("least_squares")).abs() < 0.005 && r2("network") > 0.8, "{result}");
}

#[test]
fn a_network_obeys_the_oscillator() {
    let folder = tempfile::tempdir().unwrap();
    let args = ["--equation", "oscillator", "--steps", "300", "--polish", "300"];
    let result = run("pinn", folder.path(), &args);
    assert!(number(&result["oscillator"], "relative_error") < 0.01, "{result}");
    picture(folder.path(), "pinn/oscillator.svg");
}

#[test]
fn a_network_obeys_burgers_equation() {
    let folder = tempfile::tempdir().unwrap();
    let result = run("pinn", folder.path(), &["--equation", "burgers", "--steps", "100", "--polish", "200"]);
    assert!(number(&result["burgers"], "relative_error") < 0.05, "{result}");
    picture(folder.path(), "pinn/burgers.svg");
    picture(folder.path(), "pinn/burgers_error.svg");
}

#[test]
fn an_autoencoder_learns_more_than_the_mean() {
    let folder = tempfile::tempdir().unwrap();
    let result = run("autoencoder", folder.path(), &["--steps", "250", "--lr", "0.005"]);
    // Sixteen components by scikit-learn's PCA; and the mean image alone leaves 0.0672.
    assert!((number(&result, "linear_test_error") - 0.0270).abs() < 2e-4, "{result}");
    assert!(number(&result, "test_error") < 0.035, "{result}");
    picture(folder.path(), "autoencoder/reconstructions.png");
}

#[test]
fn a_vae_bounds_the_likelihood() {
    let folder = tempfile::tempdir().unwrap();
    let result = run("vae", folder.path(), &["--steps", "300"]);
    // Pixels that are independent of each other, each white as often as in the training images, have 205.9 nats.
    assert!(number(&result, "test_bound") < 150.0 && number(&result, "test_divergence") > 5.0, "{result}");
    picture(folder.path(), "vae/samples.png");
    picture(folder.path(), "vae/walks.png");
}

#[test]
fn a_gan_finds_the_clouds() {
    let folder = tempfile::tempdir().unwrap();
    let result = run("gan", folder.path(), &["--steps", "300", "--critic-steps", "3", "--batch-size", "128"]);
    // Of points anywhere in the picture, 6 % would be in a cloud.
    assert!(number(&result, "clouds_covered") >= 6.0 && number(&result, "good_points") > 0.2, "{result}");
    assert!((number(&result, "good_real_points") - 0.989).abs() < 0.005, "{result}");
    picture(folder.path(), "gan.svg");
}

#[test]
fn the_pictures_of_the_tape_are_those_of_the_book() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(program("tape_graphs")).arg(folder.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let book = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    for name in ["tape_product.svg", "tape_residual.svg", "tape_slope.svg"] {
        let [new, old] = [folder.path(), &book].map(|place| fs::read_to_string(place.join(name)).unwrap());
        assert!(new == old, "docs/{name} is of another tape: cargo run --example tape_graphs -- docs");
    }
}
