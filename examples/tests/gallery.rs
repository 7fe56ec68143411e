//! The examples in small: each runs, keeps what its page promises, and draws. They must have been built.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ravine::data::Idx;
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

/// A folder with the first of the bundled training images, and all test images.
fn some_images(folder: &Path, train: usize) -> String {
    let (bundled, some) =
        (Path::new(env!("CARGO_MANIFEST_DIR")).join("data/mnist"), folder.join("some_images"));
    fs::create_dir(&some).unwrap();
    for (name, n) in [
        ("train-images-idx3", train),
        ("train-labels-idx1", train),
        ("t10k-images-idx3", 10_000),
        ("t10k-labels-idx1", 10_000),
    ] {
        let all = Idx::read(bundled.join(format!("{name}-ubyte.gz"))).unwrap();
        let (mut dims, size) = (all.dims().to_vec(), all.bytes().len() / all.dims()[0]);
        dims[0] = n;
        Idx::new(dims, all.bytes()[..n * size].to_vec()).write(some.join(format!("{name}-ubyte"))).unwrap();
    }
    some.to_str().unwrap().to_owned()
}

/// A picture that was drawn, as text if it is SVG.
#[track_caller]
fn picture(folder: &Path, name: &str) -> String {
    let bytes = fs::read(folder.join("runs").join(name)).unwrap();
    assert!(bytes.starts_with(b"<svg") || bytes.starts_with(b"\x89PNG"), "{name} is no picture");
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The page on a run.
#[track_caller]
fn report(folder: &Path, run: &str) {
    let page = fs::read_to_string(folder.join("runs").join(run).join("report.html")).unwrap();
    assert!(page.contains("<svg") && page.contains("Learning"), "{run}");
}

#[test]
fn two_moons_are_told_apart_as_well_as_they_can_be() {
    let folder = tempfile::tempdir().unwrap();
    let result = run("two_moons", folder.path(), &["--epochs", "20"]);
    let (accuracy, possible) = (number(&result, "test_accuracy"), number(&result, "possible_accuracy"));
    assert!(possible > 0.95 && (accuracy - possible).abs() < 0.015, "{result}");
    let svg = picture(folder.path(), "two_moons/boundary.svg");
    assert!(svg.contains("boundary") && svg.matches("<circle").count() > 1000);
    report(folder.path(), "two_moons");
}

#[test]
fn training_comes_to_least_squares() {
    let folder = tempfile::tempdir().unwrap();
    let result = run("regression", folder.path(), &["--epochs", "100"]);
    assert_eq!(number(&result, "rows"), 333.0);
    assert!(number(&result, "weights_apart") < 0.02, "{result}");
    let r2 = |model: &str| number(&result[model], "r2");
    assert!((r2("linear") - r2("least_squares")).abs() < 0.005 && r2("network") > 0.8, "{result}");
    report(folder.path(), "regression/linear");
    report(folder.path(), "regression/network");
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
    let data = some_images(folder.path(), 250 * 128);
    let result = run("autoencoder", folder.path(), &["--data", &data, "--epochs", "1", "--lr", "0.005"]);
    // Sixteen components by scikit-learn's PCA; and the mean image alone leaves 0.0672.
    assert!((number(&result, "linear_test_error") - 0.0270).abs() < 2e-4, "{result}");
    assert!(number(&result, "test_error") < 0.035, "{result}");
    picture(folder.path(), "autoencoder/reconstructions.png");
    report(folder.path(), "autoencoder");
}

#[test]
fn a_vae_bounds_the_likelihood() {
    let folder = tempfile::tempdir().unwrap();
    let data = some_images(folder.path(), 300 * 128);
    let result = run("vae", folder.path(), &["--data", &data, "--epochs", "1"]);
    // Pixels that are independent of each other, each white as often as in the training images, have 205.9 nats.
    assert!(number(&result, "test_bound") < 150.0 && number(&result, "test_divergence") > 5.0, "{result}");
    picture(folder.path(), "vae/samples.png");
    picture(folder.path(), "vae/walks.png");
    report(folder.path(), "vae");
}

#[test]
fn a_gan_finds_the_clouds() {
    let folder = tempfile::tempdir().unwrap();
    let result = run("gan", folder.path(), &["--steps", "300", "--critic-steps", "3", "--batch-size", "128"]);
    // Of points anywhere in the picture, 6 % would be in a cloud.
    assert!(number(&result, "clouds_covered") >= 6.0 && number(&result, "good_points") > 0.2, "{result}");
    assert!((number(&result, "good_real_points") - 0.989).abs() < 0.005, "{result}");
    picture(folder.path(), "gan/clouds.svg");
}

#[test]
fn a_gan_learns_that_digits_differ() {
    let folder = tempfile::tempdir().unwrap();
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/data/mnist");
    let args =
        ["--data", data, "--steps", "60", "--critic-steps", "2", "--batch-size", "32", "--lr", "0.002"];
    let result = run("gan", folder.path(), &args);
    let score = |name| number(&result, name);
    // The score is from 1 to 10. Before training, all images look the same.
    assert!(score("score_before") < 1.05 && score("score_of_real_images") > 8.0, "{result}");
    assert!(score("score") > 1.05 && score("distance").is_finite(), "{result}");
    picture(folder.path(), "gan/digits.png");
    picture(folder.path(), "gan/distance.svg");
}

#[test]
fn an_lstm_reads_digits_row_by_row() {
    let folder = tempfile::tempdir().unwrap();
    let data = some_images(folder.path(), 150 * 100);
    let result = run("lstm", folder.path(), &["--data", &data, "--units", "48", "--epochs", "1"]);
    assert!(number(&result, "test_accuracy") > 0.65, "{result}");
    report(folder.path(), "lstm-rows");
}

#[test]
fn an_lstm_adds_two_marked_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let args = ["--task", "adding", "--length", "10", "--units", "24", "--epochs", "3", "--lr", "0.01"];
    let result = run("lstm", folder.path(), &args);
    // Who always answers 1 is wrong by 1/6.
    assert!(number(&result, "test_loss") < 0.02, "{result}");
    report(folder.path(), "lstm-adding");
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
    report(folder.path(), "char_transformer");
}

#[test]
fn what_pytorch_learned_helps_with_other_digits() {
    let folder = tempfile::tempdir().unwrap();
    let result = run("transfer", folder.path(), &["--images", "1", "--repeats", "2", "--epochs", "30"]);
    // What the script printed that made the file.
    assert!((number(&result, "accuracy_on_0_to_5") - 0.9927).abs() < 1e-4, "{result}");
    assert!(number(&result, "accuracy_tuned") > number(&result, "accuracy_from_scratch") + 0.05, "{result}");
    picture(folder.path(), "transfer/accuracies.svg");
    report(folder.path(), "transfer/1-tuned");
}

#[test]
fn a_deep_network_learns_with_scaled_blocks_alone() {
    let folder = tempfile::tempdir().unwrap();
    let data = some_images(folder.path(), 150 * 64);
    let result = run("custom_layer", folder.path(), &["--data", &data, "--epochs", "1"]);
    assert!(number(&result, "accuracy_scaled") > 0.75, "{result}");
    assert!(result["accuracy_plain"].as_f64().is_none_or(|accuracy| accuracy < 0.5), "{result}");
    report(folder.path(), "custom_layer/scaled");
    assert!(
        folder.path().join("runs/custom_layer/plain/post-mortem.txt").exists()
            || result["accuracy_plain"].is_number()
    );
}

#[test]
fn an_op_of_ones_own_fits_a_wave_better() {
    let folder = tempfile::tempdir().unwrap();
    let result = run("custom_op", folder.path(), &["--steps", "600"]);
    assert!(number(&result, "loss_rational") < 0.5 * number(&result, "loss_rectified"), "{result}");
    picture(folder.path(), "custom_op/wave.svg");
    report(folder.path(), "custom_op/rational");
}

#[test]
fn rules_of_ones_own_tell_spirals_apart() {
    let folder = tempfile::tempdir().unwrap();
    let result = run("custom_optimizer", folder.path(), &[]);
    for rule in ["SignSgd", "CarefulBall", "Sgd"] {
        assert!(number(&result, rule) < 0.05, "{result}");
        report(folder.path(), &format!("custom_optimizer/{rule}"));
    }
    picture(folder.path(), "custom_optimizer/losses.svg");
}

#[test]
fn a_rate_is_found_below_the_bound() {
    let folder = tempfile::tempdir().unwrap();
    let result = run("lr_finder", folder.path(), &["--steps", "80"]);
    let (suggestion, bound) = (number(&result, "suggestion"), number(&result, "bound"));
    assert!(suggestion > 0.005 && suggestion < bound, "{result}");
    picture(folder.path(), "lr_finder/sgd.svg");
}

#[test]
fn a_sweep_goes_on_with_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let sweep = || run("sweep", folder.path(), &["--quick", "--trials", "3"]);
    let result = sweep();
    // Three for one epoch, one of them for three.
    assert_eq!(number(&result, "runs"), 4.0);
    assert!(
        number(&result, "best_accuracy") > 0.5 && result["best_settings"]["optimizer"].is_string(),
        "{result}"
    );
    picture(folder.path(), "sweep/sweep.svg");
    assert_eq!(sweep()["best_accuracy"], result["best_accuracy"], "all of it is in the journal");
}

#[test]
fn an_interrupted_example_is_resumed_to_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let args = ["--epochs", "2", "--out"];
    let hash = |out: &str, more: &[&str]| {
        run("two_moons", folder.path(), &[&args, &[out][..], more].concat())["weights_hash"].clone()
    };
    let whole = hash("whole", &[]);
    assert_eq!(hash("other", &["--threads", "1"]), whole);
    assert_eq!(hash("other", &["--resume"]), whole, "all of it is done");
}

#[test]
fn a_model_comes_back_from_its_files() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(program("save_and_load")).arg(folder.path().join("cnn")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(
        ["cnn.safetensors", "cnn.check.safetensors", "cnn.ravine"]
            .iter()
            .all(|name| folder.path().join(name).exists())
    );
}

#[test]
fn the_page_of_the_rolling_ball_has_its_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(program("rolling_ball")).arg("--out").arg(folder.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let page = fs::read_to_string(folder.path().join("index.html")).unwrap();
    assert_eq!(page.matches("<section").count(), 15);
    assert!(page.matches("<svg xmlns").count() >= 15 && folder.path().join("ravine-01-a.svg").exists());
}

#[test]
fn an_error_is_one_line() {
    let folder = tempfile::tempdir().unwrap();
    for example in ["autoencoder", "vae", "lstm", "transfer", "custom_layer", "lr_finder", "sweep", "gan"] {
        let output = Command::new(program(example))
            .args(["--data", "nowhere"])
            .current_dir(folder.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(1) && said.starts_with("error: nowhere"), "{example}: {said}");
        assert_eq!(said.lines().count(), 1, "{example}: {said}");
    }
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
