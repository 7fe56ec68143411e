//! What the examples say to values that make no sense, and to data that are not the bundled ones: an error of a line, or what was asked for, but no panic.
//! The examples must have been built.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

#[track_caller]
fn run<'a>(example: &str, folder: impl Into<Option<&'a Path>>, args: &[&str]) -> Output {
    command(example, folder, args).output().unwrap()
}

#[track_caller]
fn command<'a>(example: &str, folder: impl Into<Option<&'a Path>>, args: &[&str]) -> Command {
    let tests = std::env::current_exe().unwrap();
    let program = tests.ancestors().nth(2).unwrap().join("examples").join(example);
    assert!(program.exists(), "{} is missing: cargo build --examples", program.display());
    let mut command = Command::new(program);
    command.args(args);
    if let Some(folder) = folder.into() {
        command.arg("--out").arg(folder.join("out"));
    }
    command
}

/// What an example says, in a line, when it fails with this code.
#[track_caller]
fn error(example: &str, code: i32, args: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let output = run(example, folder.path(), args);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{example} {args:?}: {said}");
    said
}

#[track_caller]
fn succeeds(example: &str, args: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let output = run(example, folder.path(), args);
    assert!(output.status.success(), "{example} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Four IDX files of images of this size.
fn images(folder: &Path, train: u32, side: u32) -> String {
    images_of(folder, train, side, 10)
}

fn images_of(folder: &Path, train: u32, side: u32, classes: u32) -> String {
    fs::create_dir_all(folder).unwrap();
    for (name, n) in [("train", train), ("t10k", 50)] {
        let header = |magic: u32, sizes: &[u32]| -> Vec<u8> {
            [&[magic], sizes].concat().iter().flat_map(|number| number.to_be_bytes()).collect()
        };
        let pixels = (0..n * side * side).map(|i| (i * 7919 % 256) as u8);
        let pictures: Vec<u8> = header(0x803, &[n, side, side]).into_iter().chain(pixels).collect();
        let labels: Vec<u8> =
            header(0x801, &[n]).into_iter().chain((0..n).map(|i| (i % classes) as u8)).collect();
        fs::write(folder.join(format!("{name}-images-idx3-ubyte")), pictures).unwrap();
        fs::write(folder.join(format!("{name}-labels-idx1-ubyte")), labels).unwrap();
    }
    folder.to_str().unwrap().to_owned()
}

#[test]
fn a_learning_rate_is_a_finite_number_above_0() {
    for rate in ["-1", "0", "nan", "inf", "much"] {
        for example in ["mnist", "two_moons", "lstm", "vae"] {
            let said = error(example, 2, &["--lr", rate]);
            let expected =
                format!("invalid value '{rate}' for '--lr <LR>': expected a finite number above 0");
            assert!(said.contains(&expected), "{example}: {said}");
        }
    }
    assert!(error("custom_layer", 2, &["--scale", "0"]).contains("expected a finite number above 0"));
}

#[test]
fn so_many_epochs_cannot_be_counted() {
    for example in ["mnist", "two_moons", "regression", "char_transformer"] {
        let said = error(example, 1, &["--epochs", "18446744073709551615"]);
        let expected = "error: epochs: found 18446744073709551615, expected steps that can be counted";
        assert!(said.contains(expected), "{example}: {said}");
    }
}

#[test]
fn a_resumed_run_warns_of_another_learning_rate() {
    let folder = tempfile::tempdir().unwrap();
    let said = |args: &[&str]| {
        let output = run("two_moons", folder.path(), args);
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    assert_eq!(said(&["--epochs", "2"]).0, Some(0));
    let (code, same) = said(&["--epochs", "2", "--resume"]);
    assert!(code == Some(0) && !same.contains("warning"), "{same}");
    let (code, other) = said(&["--epochs", "2", "--resume", "--lr", "0.5"]);
    let expected = "warning: learning rate: the run began with 0.01, and goes on with 0.5";
    assert!(code == Some(0) && other.contains(expected), "{other}");
}

#[test]
fn the_last_seed_is_like_any_other() {
    let last = u64::MAX.to_string();
    succeeds("custom_optimizer", &["--steps", "5", "--seed", &last]);
    succeeds("compare_optimizers", &["--optimizers", "sgd", "--quick", "--seed", &last]);
    succeeds("transfer", &["--images", "1", "--repeats", "2", "--epochs", "1", "--seed", &last]);
}

#[test]
fn a_dot_in_the_name_of_a_model_is_no_extension() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model-1.5");
    let output = run("save_and_load", None, &[path.to_str().unwrap()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(folder.path().join("model-1.5.safetensors").exists());
}

#[test]
fn a_folder_that_cannot_be_written_is_said_before_the_work() {
    // A file is where the folder should be.
    let folder = tempfile::tempdir().unwrap();
    let blocked = folder.path().join("out");
    fs::write(&blocked, "mine").unwrap();
    for example in ["gan", "pinn", "lr_finder", "compare_optimizers", "rolling_ball", "two_moons"] {
        let output = run(example, folder.path(), &[]);
        let said = String::from_utf8_lossy(&output.stderr);
        let expected = format!("error: {}", blocked.display());
        assert!(output.status.code() == Some(1) && said.contains(&expected), "{example}: {said}");
    }
    assert_eq!(fs::read(&blocked).unwrap(), b"mine");
}

#[test]
fn images_may_be_too_small_for_a_model() {
    let folder = tempfile::tempdir().unwrap();
    let tiny = images(folder.path(), 60, 4);
    for (model, side) in [("lenet", 12), ("cnn", 6), ("bn", 10)] {
        let said = error("mnist", 1, &["--data", &tiny, "--model", model, "--epochs", "1"]);
        let expected =
            format!("error: --data: found images of 4x4, expected at least {side}x{side} for {model}");
        assert!(said.contains(&expected), "{said}");
    }
}

#[test]
fn a_drawing_is_read_by_a_model_that_was_trained() {
    let folder = tempfile::tempdir().unwrap();
    let data = images(&folder.path().join("data"), 60, 28);
    let train = ["--data", &data, "--model", "mlp", "--epochs", "1"];
    let picture = folder.path().join("picture.png");
    let picture = picture.to_str().unwrap();
    image::GrayImage::from_fn(9, 9, |x, _| image::Luma([if x == 4 { 255 } else { 0 }]))
        .save(picture)
        .unwrap();
    let read =
        |model| run("mnist", folder.path(), &["--data", &data, "--model", model, "--predict", picture]);
    let said = |model| String::from_utf8(read(model).stderr).unwrap();
    assert!(
        said("mlp").contains("; train the model first, or name its folder with --out"),
        "{}",
        said("mlp")
    );
    assert!(run("mnist", folder.path(), &train).status.success());
    assert!(read("mlp").status.success());
    let other = said("lenet");
    assert!(other.contains("last.ravine: not of --model lenet: ") && !other.contains("resume"), "{other}");
}

#[test]
fn digits_that_are_missing_cannot_be_learned() {
    let folder = tempfile::tempdir().unwrap();
    let data = images_of(folder.path(), 60, 28, 4);
    let said = error("transfer", 1, &["--data", &data]);
    assert!(said.starts_with("error: --data: found no images of the digits 6 to 9"), "{said}");
}

#[test]
fn moons_without_noise_can_be_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let output = run("two_moons", folder.path(), &["--noise", "1e-6", "--epochs", "1"]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("right, of 100.0 % possible"), "{said}");
}

#[test]
fn an_interrupted_run_says_how_to_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let data = images(&folder.path().join("data"), 200, 28);
    let said = |more: &[&str]| {
        let args = [&["--data", &data, "--model", "mlp", "--epochs", "1"], more].concat();
        String::from_utf8(run("mnist", folder.path(), &args).stderr).unwrap()
    };
    assert!(said(&["--max-steps", "2"]).contains("interrupted; --resume goes on"));
    assert!(!said(&["--resume"]).contains("interrupted"));
}

#[test]
fn resuming_without_a_checkpoint_is_a_mistake() {
    for example in ["two_moons", "lstm", "vae", "char_transformer"] {
        let said = error(example, 1, &["--resume"]);
        assert!(said.contains("out/last.ravine: cannot open it: "), "{example}: {said}");
    }
    for example in ["regression", "custom_op", "custom_layer", "transfer"] {
        let said = error(example, 1, &["--resume"]);
        assert!(said.contains("--resume: found no checkpoint in the folders of "), "{example}: {said}");
    }
}

#[test]
fn counts_are_above_0() {
    for (example, flag) in [("mnist", "--epochs"), ("vae", "--batch-size"), ("custom_op", "--steps")] {
        let said = error(example, 2, &[flag, "0"]);
        assert!(said.contains("expected a number above 0"), "{example}: {said}");
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_every_example_with_the_same_code() {
    let long: [&[&str]; 5] = [
        &["two_moons", "--epochs", "1000000"],
        &["custom_op", "--steps", "10000000"],
        &["char_transformer"],
        &["gan", "--steps", "1000000"],
        &["sweep"],
    ];
    for args in long {
        let folder = tempfile::tempdir().unwrap();
        let child = command(args[0], folder.path(), &args[1..]).stderr(Stdio::piped()).spawn().unwrap();
        // Before there is a handler, it ends by the signal itself, without a code. The folder is made when the data are read.
        while !folder.path().join("out").exists() {
            std::thread::sleep(Duration::from_millis(20));
        }
        std::thread::sleep(Duration::from_secs(1));
        Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        let last = said.lines().last().unwrap_or_default();
        assert!(output.status.code() == Some(130) && last.starts_with("interrupted; "), "{args:?}: {said}");
    }
}

#[test]
fn an_optimizer_is_compared_once() {
    let said = error("compare_optimizers", 1, &["--optimizers", "sgd,adam,sgd"]);
    assert!(said.contains("error: --optimizers: found sgd twice"), "{said}");
}

#[test]
fn images_may_be_of_another_size() {
    let folder = tempfile::tempdir().unwrap();
    let small = images(folder.path(), 300, 20);
    succeeds("lstm", &["--data", &small, "--epochs", "1", "--units", "4"]);
    succeeds("custom_layer", &["--data", &small, "--epochs", "1", "--blocks", "2"]);
    succeeds("sweep", &["--data", &small, "--quick", "--trials", "1"]);
    succeeds("lr_finder", &["--data", &small, "--steps", "10"]);
    succeeds("vae", &["--data", &small, "--epochs", "1"]);
    for example in ["transfer", "autoencoder"] {
        let said = error(example, 1, &["--data", &small]);
        assert!(said.contains("error: --data: found images of 20x20, expected 28x28"), "{example}: {said}");
        assert_eq!(said.lines().count(), 1, "{example}: {said}");
    }
}

#[test]
fn a_table_of_ones_own_says_what_is_wrong_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let table = |name: &str, header: &str, row: &dyn Fn(u32) -> String| {
        let rows: Vec<String> = (0..20).map(row).collect();
        let path = folder.path().join(name);
        fs::write(&path, format!("{header}\n{}\n", rows.join("\n"))).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let said = |csv: &str, more: &[&str]| {
        error("regression", 1, &[&["--csv", csv, "--target", "price"], more].concat())
    };
    let twins = table("twins.csv", "a,b,price", &|i| format!("{i},{},{}", 2 * i, i * i));
    let expected = "least squares: b is constant, or a linear combination of the features before it, in the 15 training rows";
    assert!(said(&twins, &[]).contains(expected));
    let constant = table("constant.csv", "b,a,price", &|i| format!("5,{i},{}", i * i));
    assert!(said(&constant, &[]).contains(expected));
    assert!(said(&twins, &["--without", "c"]).contains("--without: found c, expected some of a, b, price"));
    assert!(said(&twins, &["--without", "a,b"]).contains("found no column to predict from"));
    let kept = ["--csv", &twins, "--target", "price", "--without", "b", "--epochs", "2"];
    succeeds("regression", &kept);
}
