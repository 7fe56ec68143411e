//! Runs that are killed, that find no room on the disk, and that meet another run: nothing that was saved is lost.
//!
//! The test program starts itself as the run that is disturbed: [`child`].

#![cfg(unix)]

mod common;

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::Duration;

use common::{images, model, optimizer, pass, trainer};
use ravine_data::{Csv, Stream};
use ravine_nn::{Linear, Tanh, sequential};
use ravine_tensor::{Rng, Tensor};
use ravine_train::{Checkpoint, RunRecord, TrainError, Trainer, Unsaved, weights_hash};

/// The folder of a child's run.
const FOLDER: &str = "RAVINE_TEST_FOLDER";
/// Whether the run continues when it cannot save.
const GO_ON: &str = "RAVINE_TEST_GO_ON";

/// The CSV file along which a child trains, if not on a set.
const ROWS: &str = "RAVINE_TEST_ROWS";

/// 100 epochs of six steps, with a checkpoint every third.
fn long(folder: &Path) -> Trainer {
    let resume = folder.join("last.ravine").exists();
    trainer().epochs(100).folder(folder).checkpoint_every(3).keep_best(2).resume(resume)
}

/// Trains; returns the hash of the weights and how many saves failed.
fn run(trainer: &Trainer) -> Result<(String, usize), TrainError> {
    let (model, data) = (model(), images(60));
    let report = trainer.run(&model, &mut optimizer(&model, 0.02), &data, Some(&data), pass(&model))?;
    Ok((weights_hash(&model), report.unsaved))
}

/// The same along the rows of a file.
fn run_along(rows: &Path, trainer: &Trainer) -> Result<(String, usize), TrainError> {
    let rng = &mut Rng::new(1);
    let model = sequential![Linear::new(2, 8, rng), Tanh, Linear::new(8, 2, rng)];
    let rows =
        Csv::new().stream(rows, |row| Ok((row.floats(&["x", "y"])?, row.class("side", &["in", "out"])?)))?;
    let trainer = trainer.clone().steps(200).evaluate_every(40);
    let mut optimizer = optimizer(&model, 0.02);
    let report = trainer.run_stream(&model, &mut optimizer, &rows.shuffle(32, 5), None, pass(&model))?;
    Ok((weights_hash(&model), report.unsaved))
}

/// Points inside and outside of a circle. An epoch is 59.7 steps, and two of its rows are marked.
fn write_rows(file: &Path) {
    let points: Tensor = Tensor::uniform([597, 2], -1.0, 1.0, &mut Rng::new(2));
    let row = |point: &[f32]| {
        let side = if point[0].hypot(point[1]) < 0.7 { "in" } else { "out" };
        format!("{},{},{side}\n", point[0], point[1])
    };
    fs::write(file, "x,y,side\n".to_owned() + &points.to_vec().chunks(2).map(row).collect::<String>())
        .unwrap();
}

/// Not a test, but the run that the tests start in a process of its own.
#[test]
fn child() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let unsaved = if std::env::var_os(GO_ON).is_some() { Unsaved::Continue } else { Unsaved::Stop };
    let trainer = long(Path::new(&folder)).unsaved(unsaved);
    let done = match std::env::var_os(ROWS) {
        Some(rows) => run_along(Path::new(&rows), &trainer),
        None => run(&trainer),
    };
    match done {
        Ok((hash, unsaved)) => println!("\nhash {hash} unsaved {unsaved}"),
        Err(error) => println!("\nerror {error}"),
    }
}

/// The command that starts the child in this folder, after the shell commands `limit`.
fn command(folder: &Path, limit: &str) -> Command {
    let program = std::env::current_exe().unwrap();
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("{limit}\nexec \"$0\" child --exact --nocapture")).arg(program);
    command.env(FOLDER, folder).stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

/// The last line that the child printed.
fn said(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().find(|line| line.starts_with("hash ") || line.starts_with("error "));
    line.unwrap_or_else(|| panic!("the child said: {text}")).to_owned()
}

#[test]
fn two_hundred_kills_change_no_bit() {
    let folder = tempfile::tempdir().unwrap();
    let whole = run(&long(&folder.path().join("whole"))).unwrap().0;
    kill(200, folder.path(), &whole, |out| command(out, ""));
}

#[test]
fn kills_along_a_stream_change_no_bit() {
    let folder = tempfile::tempdir().unwrap();
    let rows = folder.path().join("rows.csv");
    write_rows(&rows);
    let whole = run_along(&rows, &long(&folder.path().join("whole"))).unwrap().0;
    kill(30, folder.path(), &whole, |out| {
        let mut command = command(out, "");
        command.env(ROWS, &rows);
        command
    });
}

/// Starts `child` again and again in a folder, kills it so many times at random moments, and compares its final weights and files with those of the
/// undisturbed run in the folder `whole`.
fn kill(times: usize, folder: &Path, whole: &str, child: impl Fn(&Path) -> Command) {
    let waits: Tensor<f64> = Tensor::uniform([4096], 0.0, 1.0, &mut Rng::new(11));
    let mut waits = waits.to_vec().into_iter();
    let (mut kills, mut runs) = (0, 0);
    while kills < times {
        runs += 1;
        let out = folder.join(format!("run-{runs}"));
        loop {
            let mut running = child(&out).spawn().unwrap();
            // Up to a twentieth of a second: about as long as the program needs to start and to train a little.
            sleep(Duration::from_secs_f64(waits.next().unwrap() * 0.05));
            if running.try_wait().unwrap().is_some() {
                let output = running.wait_with_output().unwrap();
                assert_eq!(said(&output), format!("hash {whole} unsaved 0"), "after {kills} kills");
                break;
            }
            // SIGKILL: the program gets no chance to tidy up.
            running.kill().unwrap();
            running.wait().unwrap();
            kills += 1;
            everything_is_readable(&out);
            if kills >= times {
                let output = child(&out).output().unwrap();
                assert_eq!(said(&output), format!("hash {whole} unsaved 0"), "after {kills} kills");
                break;
            }
        }
    }
    // The interrupted run wrote the same lines as the undisturbed one.
    for name in ["metrics.csv", "metrics.jsonl", "run.json"] {
        let read = |run: &str| fs::read_to_string(folder.join(run).join(name)).unwrap();
        assert_eq!(read(&format!("run-{runs}")), read("whole"), "{name}");
    }
}

fn everything_is_readable(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        match path.file_name().unwrap().to_str().unwrap() {
            "run.json" => drop(RunRecord::load(&path).unwrap()),
            name if name.ends_with(".ravine") => drop(Checkpoint::load(&path).unwrap()),
            _ => {}
        }
    }
}

/// Files of more than 4 KiB cannot be written: the first checkpoint fits, later ones have too long a history.
const FULL: &str = "trap '' XFSZ; ulimit -f 8";

#[test]
fn a_full_disk_stops_the_run_cleanly() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let said_before = said(&command(&out, FULL).output().unwrap());
    assert!(said_before.starts_with("error ") && said_before.contains("cannot write it: "), "{said_before}");
    // The last checkpoint that fitted is good, no half file is left, and with more room the run ends as if nothing had happened.
    let checkpoint = Checkpoint::load(out.join("last.ravine")).unwrap();
    assert!(checkpoint.step > 0 && !checkpoint.finished);
    assert!(
        fs::read_dir(&out).unwrap().all(|entry| entry.unwrap().path().extension() != Some("tmp".as_ref()))
    );
    let whole = run(&long(&folder.path().join("whole"))).unwrap().0;
    assert_eq!(said(&command(&out, "").output().unwrap()), format!("hash {whole} unsaved 0"));
}

#[test]
fn a_full_disk_need_not_stop_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let whole = run(&long(&folder.path().join("whole"))).unwrap().0;
    let said = said(&command(&folder.path().join("run"), FULL).env(GO_ON, "1").output().unwrap());
    let unsaved = said.strip_prefix(&format!("hash {whole} unsaved ")).unwrap_or_else(|| panic!("{said}"));
    assert!(unsaved.parse::<usize>().unwrap() > 10, "{said}");
    // Of the log there is what fitted, and no torn line, behind which others would be lost.
    let log = fs::read_to_string(folder.path().join("run/metrics.jsonl")).unwrap();
    assert!(log.len() > 2000 && log.ends_with("}\n"), "{log}");
    Checkpoint::load(folder.path().join("run/last.ravine")).unwrap();
}

#[test]
fn folders_that_cannot_be_written_are_named() {
    // No user can make a folder here, not even root.
    let nowhere = Path::new("/proc/ravine-run");
    let message = run(&long(nowhere)).unwrap_err().to_string();
    assert!(message.starts_with("/proc/ravine-run: cannot create the folder: "), "{message}");
    let (_, unsaved) = run(&long(nowhere).epochs(1).unsaved(Unsaved::Continue)).unwrap();
    assert_eq!(unsaved, 1);
}

#[test]
fn two_runs_in_one_folder_are_refused() {
    use ravine_train::{Callback, CallbackResult, Flow, RunState};

    /// Begins another run in the folder of this one.
    struct Intruder(Trainer);

    impl Callback for Intruder {
        fn start(&mut self, state: &RunState<'_>) -> CallbackResult {
            let message = run(&self.0).unwrap_err().to_string();
            let folder = state.folder.unwrap().display();
            assert_eq!(message, format!("{folder}: another run is using this folder"));
            Ok(Flow::Continue)
        }
    }

    let folder = tempfile::tempdir().unwrap();
    let other = trainer().folder(folder.path());
    run(&other.clone().epochs(1).callback(Intruder(other.clone()))).unwrap();
    run(&other).unwrap();
}
