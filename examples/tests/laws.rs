//! What a user may rely on, tried on the MNIST trainer from outside: the same bits on any number of threads, and nothing
//! lost on a kill. The examples must have been built, as `cargo test` does.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

/// The trainer, beside the folder of this test.
fn mnist(folder: &Path, args: &[&str]) -> Command {
    let tests = std::env::current_exe().unwrap();
    let program: PathBuf = tests.ancestors().nth(2).unwrap().join("examples/mnist");
    assert!(program.exists(), "{} is missing: cargo build --examples", program.display());
    let mut command = Command::new(program);
    command.args(["--json", "--out"]).arg(folder).args(args);
    command
}

fn run(folder: &Path, args: &[&str]) -> Output {
    mnist(folder, args).output().unwrap()
}

/// The last line of a run that succeeded.
fn result(output: &Output) -> serde_json::Value {
    result_of(output, 0)
}

fn result_of(output: &Output, code: i32) -> serde_json::Value {
    assert_eq!(output.status.code(), Some(code), "{}", String::from_utf8_lossy(&output.stderr));
    let stdout = String::from_utf8(output.stdout.clone()).unwrap();
    serde_json::from_str(stdout.lines().last().unwrap()).unwrap()
}

fn hash(output: &Output) -> String {
    result(output)["weights_hash"].as_str().unwrap().to_owned()
}

fn error(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    for (model, shards, steps) in
        [("mlp", "5", "40"), ("lenet", "3", "20"), ("cnn", "2", "4"), ("bn", "4", "20")]
    {
        let hash_with = |threads: &str, seed: &str| {
            let args = [
                "--model",
                model,
                "--shards",
                shards,
                "--max-steps",
                steps,
                "--threads",
                threads,
                "--seed",
                seed,
                "--optimizer",
                "adam",
            ];
            // A folder of its own: the run is stopped before its end, and may not be replaced.
            hash(&run(&folder.path().join(format!("{model}-{threads}-{seed}")), &args))
        };
        let one = hash_with("1", "7");
        for threads in ["2", "3", "4", "8"] {
            assert_eq!(hash_with(threads, "7"), one, "{model} on {threads} threads");
        }
        assert_ne!(hash_with("2", "8"), one, "the seed matters");
    }
}

/// Dropout, batch norm, momentum, averaged weights and images that are changed at random: everything that a checkpoint must not forget.
const LONG: &[&str] = &[
    "--model",
    "bn",
    "--augment",
    "--ema",
    "--max-steps",
    "120",
    "--checkpoint-every",
    "7",
    "--seed",
    "3",
    "--threads",
    "2",
];

#[test]
fn a_run_that_is_killed_and_resumed_ends_in_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let whole = hash(&run(&folder.path().join("whole"), LONG));
    let out = folder.path().join("killed");
    let (mut kills, mut wait) = (0, 150);
    loop {
        let resume: &[&str] = if out.join("last.ravine").exists() { &["--resume"] } else { &[] };
        let mut child: Child = mnist(&out, &[LONG, resume].concat())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(wait));
        // SIGKILL on Unix: the program gets no chance to tidy up.
        if child.try_wait().unwrap().is_some() {
            break;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
        wait += 37;
    }
    assert!(kills > 0, "the run was over before it could be killed");
    assert_eq!(hash(&run(&out, &[LONG, &["--resume"]].concat())), whole, "after {kills} kills");
}

#[cfg(unix)]
#[test]
fn ctrl_c_saves_the_run_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let whole = hash(&run(&folder.path().join("whole"), LONG));
    let out = folder.path().join("stopped");
    let child = mnist(&out, LONG).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // The first checkpoint is written when the data is loaded and the handler is in place.
    while !out.join("last.ravine").exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
    std::thread::sleep(Duration::from_millis(100));
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let output = child.wait_with_output().unwrap();
    let steps = result_of(&output, 130)["steps"].as_u64().unwrap();
    assert!(steps < 120, "stopped at {steps}");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains(&format!("stopped at step {steps} of ")) && said.contains("saved in "), "{said}");
    assert_eq!(hash(&run(&out, &[LONG, &["--resume"]].concat())), whole);
}

#[cfg(unix)]
#[test]
fn ctrl_c_twice_stops_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    // A step that takes many seconds: there is no time to wait for its end.
    let slow = ["--model", "cnn", "--batch-size", "60000", "--threads", "1"];
    let mut child = mnist(&out, &slow).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while !out.join("last.ravine").exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
    std::thread::sleep(Duration::from_millis(100));
    for _ in 0..2 {
        assert!(child.try_wait().unwrap().is_none(), "the first signal lets the step end");
        Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn a_run_is_verified_from_its_record() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let args = ["--model", "mlp", "--batch-size", "600", "--epochs", "1"];
    let first = result(&run(&out, &args));
    assert_eq!(first["steps"], 100);
    let report = fs::read_to_string(out.join("report.html")).unwrap();
    assert!(report.len() < 1_000_000, "{} bytes", report.len());
    assert!(!report.contains("http") && !report.contains("<script"), "it needs nothing else");
    for title in ["Learning", "Health", "Confusion", "Hardest images", "First-layer filters", "Environment"] {
        assert!(report.contains(&format!("<h2>{title}")), "{title}");
    }
    assert!(report.contains(first["weights_hash"].as_str().unwrap()));

    let record = out.join("run.json");
    let verify = ["--verify", record.to_str().unwrap(), "--threads", "3"];
    let output = run(&out, &[&args[..], &verify].concat());
    assert_eq!(hash(&output), first["weights_hash"].as_str().unwrap());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("verified: the same bits as in the record up to step 100 of its 100"), "{said}");
    let other = error(&run(&out, &[&args[..], &verify, &["--momentum", "0.8"]].concat()));
    assert!(
        other.contains("differs from its record at its beginning: momentum: found 0.8, expected 0.9"),
        "{other}"
    );
    let damaged =
        fs::read_to_string(&record).unwrap().replacen("\"finished\": true", "\"finished\": tru3", 1);
    fs::write(&record, damaged).unwrap();
    let other = error(&run(&out, &[&args[..], &verify].concat()));
    assert!(other.contains("run.json: contents: SHA-256: found "), "{other}");
}

#[test]
fn stopping_and_resuming_ends_in_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let args = |steps| ["--model", "mlp", "--batch-size", "600", "--epochs", "2", "--max-steps", steps];
    let whole = result(&run(&folder.path().join("whole"), &args("200")));
    let out = folder.path().join("parts");
    run(&out, &args("33"));
    run(&out, &[&args("130")[..], &["--resume"]].concat());
    let parts = result(&run(&out, &[&args("200")[..], &["--resume"]].concat()));
    for field in ["weights_hash", "test_accuracy", "test_loss", "steps", "epochs"] {
        assert_eq!(parts[field], whole[field], "{field}");
    }
    assert_eq!(parts["steps"], 200);
}

#[test]
fn damaged_and_foreign_checkpoints_are_clear_errors() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path();
    let args = ["--model", "mlp", "--max-steps", "5"];
    result(&run(out, &args));
    let file = out.join("last.ravine");
    let whole = fs::read(&file).unwrap();

    let unfinished = error(&run(out, &args));
    assert!(
        unfinished.contains("last.ravine: holds a run that was interrupted at step 5; resume it"),
        "{unfinished}"
    );

    let resume = |args: &[&str]| error(&run(out, &[args, &["--resume"]].concat()));
    fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    let torn = resume(&args);
    assert!(torn.contains("last.ravine: length: found") && torn.contains("the file is torn"), "{torn}");

    let mut flipped = whole.clone();
    flipped[1000] ^= 16;
    fs::write(&file, &flipped).unwrap();
    let corrupt = resume(&args);
    assert!(
        corrupt.contains("last.ravine: CRC-32: found") && corrupt.contains("the file is corrupt"),
        "{corrupt}"
    );

    fs::write(&file, b"GIF89a").unwrap();
    assert!(resume(&args).contains("this is not a Ravine file"));

    fs::write(&file, &whole).unwrap();
    let model = resume(&["--model", "lenet", "--max-steps", "5"]);
    assert!(model.contains("optimizer state: conv1.weight: found nothing, expected a parameter"), "{model}");
    let seed = resume(&["--model", "mlp", "--max-steps", "5", "--seed", "1"]);
    assert!(seed.contains("checkpoint: seed: found 0, expected 1"), "{seed}");

    fs::remove_file(&file).unwrap();
    assert!(resume(&args).contains("last.ravine: cannot open it: "), "no checkpoint");
}

#[test]
fn damaged_data_and_bad_settings_are_clear_errors() {
    let folder = tempfile::tempdir().unwrap();
    let (data, out) = (folder.path().join("data"), folder.path().join("out"));
    fs::create_dir(&data).unwrap();
    let bundled = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/mnist");
    let name = "t10k-labels-idx1-ubyte.gz";
    for entry in fs::read_dir(&bundled).unwrap().map(Result::unwrap) {
        fs::copy(entry.path(), data.join(entry.file_name())).unwrap();
    }
    let with_data = |path: &Path| error(&run(&out, &["--max-steps", "1", "--data", path.to_str().unwrap()]));

    let mut bytes = fs::read(data.join(name)).unwrap();
    bytes[100] ^= 1;
    fs::write(data.join(name), &bytes).unwrap();
    let sum = with_data(&data);
    assert!(sum.contains(name) && sum.to_lowercase().contains("sha"), "{sum}");

    fs::remove_file(data.join("SHA256SUMS")).unwrap();
    fs::write(data.join(name), &bytes[..bytes.len() / 2]).unwrap();
    let torn = with_data(&data);
    assert!(torn.contains(name), "{torn}");

    let missing = with_data(&folder.path().join("nowhere"));
    assert!(missing.contains("nowhere") && missing.contains("train-images-idx3-ubyte"), "{missing}");

    let setting = error(&run(&out, &["--shards", "0"]));
    assert!(setting.contains("shards: found 0, expected at least 1"), "{setting}");
    let setting = error(&run(&out, &["--checkpoint-every", "0"]));
    assert!(setting.contains("checkpoint_every: found 0, expected at least 1 step"), "{setting}");
}

#[test]
fn a_rate_that_is_far_too_large_is_named_as_such() {
    let folder = tempfile::tempdir().unwrap();
    let args = ["--model", "mlp", "--max-steps", "100", "--lr", "1e20", "--schedule", "constant"];
    let diverged = error(&run(folder.path(), &args));
    assert!(diverged.contains("the run diverged; try a learning rate below 1e20, such as"), "{diverged}");
}
