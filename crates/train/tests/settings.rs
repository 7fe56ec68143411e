//! Wrong settings, folders, checkpoints and records: each gives an error that names what is wrong, and none a panic.

mod common;

use std::fs;

use common::{images, model, optimizer, pass, trainer};
use ravine_data::{Dataset, Order, Strata, Weights};
use ravine_nn::{Flatten, Linear, sequential};
use ravine_optim::{Adam, Optimize, Optimizer};
use ravine_tensor::Rng;
use ravine_train::{Goal, RunRecord, Trainer};

/// How a run of 60 samples fails.
fn error(trainer: Trainer) -> String {
    let (model, data) = (model(), images(60));
    let mut optimizer = optimizer(&model, 0.05);
    match trainer.run(&model, &mut optimizer, &data, Some(&data), pass(&model)) {
        Ok(report) => format!("no error: {:?} after {} steps", report.ended, report.steps),
        Err(error) => error.to_string(),
    }
}

#[test]
fn settings() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a file");
    fs::write(&file, "not a folder").unwrap();
    let kept = || trainer().folder(folder.path());
    let cases: Vec<(Trainer, &str)> = vec![
        (trainer().epochs(0), "epochs: found 0, expected at least 1"),
        (
            trainer().epochs(usize::MAX),
            "epochs: found 18446744073709551615, expected steps that can be counted",
        ),
        (trainer().steps(0), "steps: found 0, expected at least 1"),
        (trainer().batch_size(0), "batch_size: found 0, expected at least 1"),
        (trainer().accumulate(0), "accumulate: found 0, expected at least 1"),
        (
            trainer().accumulate(usize::MAX),
            "batch_size × accumulate: found a number beyond 64 bits, expected samples that can be counted",
        ),
        (
            trainer().batch_size(1).shards(2).accumulate(usize::MAX),
            "shards × accumulate: found a number beyond 64 bits, expected shards that can be counted",
        ),
        (trainer().shards(0), "shards: found 0, expected at least 1"),
        (trainer().threads(5000), "threads: found 5000, expected at most 1024"),
        (trainer().workers(5000), "workers: found 5000, expected at most 1024"),
        (
            trainer().order(Order::Stratified { seed: 0, strata: Strata::new(&[0, 1]) }),
            "order: found one of 2 samples, expected one of all training samples",
        ),
        (
            trainer().order(Order::Weighted { seed: 0, weights: Weights::balancing(&[0; 61]) }),
            "order: found one of 61 samples, expected one of all training samples",
        ),
        (trainer().evaluate_every(0), "evaluate_every: found 0, expected at least 1 step"),
        (trainer().evaluation_batch(0), "evaluation_batch: found 0, expected at least 1"),
        (trainer().log_every(0), "log_every: found 0, expected at least 1 step"),
        (trainer().patience(0), "patience: found 0, expected at least 1 evaluation"),
        (kept().keep_best(0), "keep_best: found 0, expected at least 1 checkpoint"),
        (kept().checkpoint_every(0), "checkpoint_every: found 0, expected at least 1 step"),
        (trainer().checkpoint_every(5), "folder: found none, expected a folder to keep the checkpoint in"),
        (trainer().keep_best(1), "folder: found none, expected a folder to keep the checkpoint in"),
        (trainer().resume(true), "folder: found none, expected a folder to keep the checkpoint in"),
        (trainer().tensorboard(true), "folder: found none, expected a folder to write into"),
        (trainer().report(true), "folder: found none, expected a folder to write into"),
        (trainer().explosion(0.5), "explosion: found 0.5, expected more than 1 time the first losses"),
        (trainer().explosion(f64::NAN), "explosion: found NaN, expected more than 1 time the first losses"),
        (
            trainer().goal(Goal::default().by_at_least(-0.1)),
            "goal: margin: found -0.1, expected a number that is not negative",
        ),
        (
            trainer().goal(Goal::default().by_at_least(f64::INFINITY)),
            "goal: margin: found inf, expected a number that is not negative",
        ),
        (trainer().goal(Goal::lowest("")), "goal: metric: found no name, expected the name of a metric"),
        (
            trainer().goal(Goal::highest("acuracy")),
            "goal: metric: found acuracy, expected one of loss, accuracy, precision, recall, f1",
        ),
        (trainer().note("", 1), "note: found no name, expected a name"),
        (trainer().note("lr", 1).note("lr", 2), "note: found lr twice, expected each name once"),
        (
            trainer().batch_size(61).drop_last(true),
            "training data: found 60 samples, expected enough for one batch",
        ),
    ];
    for (trainer, expected) in cases {
        assert_eq!(error(trainer), expected);
    }
    let system: Vec<(Trainer, &str, &str)> = vec![
        (trainer().folder(&file), "a file", "cannot create the folder: "),
        (trainer().folder(file.join("run")), "a file/run", "cannot create the folder: "),
        (trainer().data_files([folder.path().join("no.csv")]), "no.csv", "cannot read: "),
        (trainer().folder(folder.path().join("new")).resume(true), "last.ravine", "cannot open it: "),
    ];
    for (trainer, file, what) in system {
        let message = error(trainer);
        assert!(message.contains(&format!("{file}: {what}")), "{message}");
    }
    assert!(!folder.path().join("new").exists(), "a run that cannot be resumed makes no folder");
}

#[test]
fn empty_data() {
    let (model, data, none) = (model(), images(60), images(60).take(0));
    let data = data.take(60);
    let fails = |train, test| {
        let mut optimizer = optimizer(&model, 0.05);
        trainer().run(&model, &mut optimizer, train, test, pass(&model)).unwrap_err().to_string()
    };
    assert_eq!(fails(&none, Some(&data)), "training data: found 0 samples, expected enough for one batch");
    assert_eq!(fails(&data, Some(&none)), "test data: found 0 samples, expected at least 1, or no test set");
}

/// What is said to try of a checkpoint of another run.
const RESUME: &str = "; resume with what the run began with, or begin in another folder";

#[test]
fn checkpoints_of_other_runs() {
    let folder = tempfile::tempdir().unwrap();
    let kept = || trainer().folder(folder.path());
    let message = error(kept().max_steps(8));
    assert_eq!(message, "no error: Interrupted after 8 steps");
    assert!(error(kept()).ends_with(
        "last.ravine: holds a run that was interrupted at step 8; resume it, or choose another folder"
    ));

    let resumed = || kept().resume(true);
    let cases: Vec<(Trainer, &str)> = vec![
        (resumed().seed(4), "checkpoint: seed: found 3, expected 4"),
        (resumed().batch_size(12), "checkpoint: batch_size: found 10, expected 12"),
        (resumed().accumulate(2), "checkpoint: batch_size: found 10, expected 20"),
        (resumed().shards(3), "checkpoint: shards: found 2, expected 3"),
        (resumed().drop_last(true), "checkpoint: drop_last: found false, expected true"),
        (resumed().order(Order::Sequential), "checkpoint: order: found nothing, expected sequential"),
        (resumed().evaluate_every(3), "checkpoint: evaluate_every: found nothing, expected 3"),
    ];
    for (trainer, expected) in cases {
        assert_eq!(error(trainer), format!("{expected}{RESUME}"));
    }

    let (model, data) = (model(), images(61));
    let mut same = optimizer(&model, 0.05);
    let message = resumed().run(&model, &mut same, &data, None, pass(&model)).unwrap_err().to_string();
    assert_eq!(message, format!("checkpoint: training samples: found 60, expected 61{RESUME}"));
    let data = images(60);
    let mut other = Optimizer::new(&model, Adam::default(), 0.05);
    let message = resumed().run(&model, &mut other, &data, None, pass(&model)).unwrap_err().to_string();
    assert_eq!(message, "optimizer state: rule: found Sgd, expected Adam");
    let small = sequential![Flatten, Linear::new(36, 3, &mut Rng::new(0))];
    let mut optimizer = optimizer(&small, 0.05);
    let message = resumed().run(&small, &mut optimizer, &data, None, pass(&small)).unwrap_err().to_string();
    assert_eq!(
        message,
        "optimizer state: velocity of 1.weight: found shape [4] with 4 values, expected shape [3, 36]"
    );
    assert_eq!(optimizer.steps(), 0, "nothing was changed");
}

#[test]
fn data_files_of_one_name() {
    let folder = tempfile::tempdir().unwrap();
    let files = ["train", "test"].map(|part| folder.path().join(part).join("x.csv"));
    for file in &files {
        fs::create_dir(file.parent().unwrap()).unwrap();
        fs::write(file, file.display().to_string()).unwrap();
    }
    let run = folder.path().join("run");
    let kept = || trainer().folder(&run).data_files(&files);
    assert_eq!(error(kept().max_steps(8)), "no error: Interrupted after 8 steps");
    assert_eq!(error(kept().max_steps(9).resume(true)), "no error: Interrupted after 9 steps");
    let record = RunRecord::load(run.join("run.json")).unwrap();
    fs::write(&files[1], "other data").unwrap();
    let message = error(kept().resume(true));
    assert!(message.starts_with("checkpoint: SHA-256 of x.csv (2): found "), "{message}");
    let message = error(trainer().data_files(&files).verify(record));
    assert!(message.contains(" at its beginning: SHA-256 of x.csv (2): found "), "{message}");
}

#[test]
fn files_that_are_none() {
    let folder = tempfile::tempdir().unwrap();
    let resumed = || trainer().folder(folder.path()).resume(true);
    error(trainer().folder(folder.path()).keep_best(1).max_steps(8));
    let file = folder.path().join("last.ravine");
    let whole = fs::read(&file).unwrap();
    let edited = |edit: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = whole.clone();
        edit(&mut bytes);
        fs::write(&file, bytes).unwrap();
        error(resumed())
    };
    let cases: [(&dyn Fn(&mut Vec<u8>), &str); 8] = [
        (&|bytes| bytes.clear(), "last.ravine: magic: found [], "),
        (&|bytes| bytes.truncate(20), "last.ravine: length: found 20 bytes, expected 24: the file is torn"),
        (&|bytes| bytes.truncate(100), "last.ravine: length: found 100 bytes, "),
        (&|bytes| bytes.push(0), "last.ravine: length: found "),
        (&|bytes| bytes[0] = b'P', "last.ravine: magic: found "),
        (&|bytes| bytes[8] = 9, "last.ravine: version: found 9, expected at most 3: "),
        (&|bytes| bytes[8] = 1, "last.ravine: CRC-32: found "),
        (&|bytes| *bytes.last_mut().unwrap() ^= 1, "last.ravine: CRC-32: found "),
    ];
    let listed = || {
        let entries = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
        let mut files: Vec<_> = entries.map(|path| (path.clone(), fs::read(path).unwrap())).collect();
        files.sort();
        files
    };
    for (edit, expected) in cases {
        let message = edited(edit);
        assert!(message.contains(expected), "{message}");
        // Nor does a new run replace it, and what is beside it.
        let before = listed();
        let message = error(trainer().folder(folder.path()));
        assert!(
            message.contains(expected) && message.contains("; choose another folder, or put "),
            "{message}"
        );
        assert!(listed() == before, "{message}");
    }

    let record = folder.path().join("run.json");
    let text = fs::read_to_string(&record).unwrap();
    let load = |text: &str| {
        fs::write(&record, text).unwrap();
        RunRecord::load(&record).unwrap_err().to_string()
    };
    for (text, expected) in [
        (text.replace("\"seed\"", "\"sead\""), "SHA-256: found "),
        (text.replacen(':', " :", 1), "it does not begin as a record does"),
        (text[..text.len() - 3].to_owned(), "SHA-256: found "),
        ("{}".to_owned(), "it does not begin as a record does"),
        (String::new(), "it does not begin as a record does"),
    ] {
        let message = load(&text);
        assert!(message.contains("run.json: contents: ") && message.contains(expected), "{message}");
    }
    let message = RunRecord::load("/nowhere/run.json").unwrap_err().to_string();
    assert!(message.starts_with("/nowhere/run.json: cannot read it: "), "{message}");
    fs::write(&record, text).unwrap();
    let message = error(resumed().verify(RunRecord::load(&record).unwrap()));
    assert_eq!(message, "resume: found true, expected false, as a run is verified from its beginning");
}
