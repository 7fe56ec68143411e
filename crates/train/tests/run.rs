//! Whole runs: their length, their ends, their files, and that they come out the same.

mod common;

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use common::{images, model, optimizer, pass, small, trainer};
use ravine_autograd::{Buffer, Param, Tape};
use ravine_data::{Order, TensorSet};
use ravine_optim::{Averaged, Better, NonFinite, Optimize, Optimizer, Plateau, Sgd};
use ravine_tensor::Tensor;
use ravine_train::{
    Callback, CallbackError, CallbackResult, Checkpoint, Ended, Flow, Goal, Outcome, Record, Report,
    RunRecord, RunState, StepRecord, TrainError, Trainer, weights_hash,
};

/// What a run of `trainer` comes to, and the hash of the weights.
fn run(trainer: &Trainer) -> (Report, String) {
    let model = model();
    let data = images(60);
    let report = trainer.run(&model, &mut optimizer(&model, 0.05), &data, Some(&data), pass(&model)).unwrap();
    (report, weights_hash(&model))
}

fn error(trainer: &Trainer) -> String {
    let model = model();
    let data = images(60);
    let result = trainer.run(&model, &mut optimizer(&model, 0.05), &data, Some(&data), pass(&model));
    result.unwrap_err().to_string()
}

fn read(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).unwrap()
}

#[test]
fn epochs_or_steps() {
    let (epochs, hash) = run(&trainer());
    assert_eq!((epochs.steps, epochs.epochs, epochs.ended), (24, 4, Ended::Completed));
    assert!(epochs.history.iter().map(|record| record.steps).eq([6, 12, 18, 24]));
    assert!(epochs.history.iter().all(|record| record.train.samples() == 60));
    assert!(epochs.trace.iter().map(|step| step.step).eq([1].into_iter().chain((1..=12).map(|i| 2 * i))));
    assert_eq!(epochs.history[3].weights_hash.as_ref(), Some(&hash));
    assert!(epochs.test().unwrap().metric("f1").unwrap() > 0.5);

    let (steps, same) = run(&trainer().steps(24));
    assert_eq!((steps.history, same), (epochs.history, hash));
    let (part, _) = run(&trainer().steps(8));
    assert_eq!((part.steps, part.ended, part.history.len()), (8, Ended::Completed, 2));
    assert_eq!(part.history[1].train.samples(), 20);
}

#[test]
fn evaluation_every_so_many_steps_changes_no_bit() {
    let (report, hash) = run(&trainer().evaluate_every(5));
    assert!(report.history.iter().map(|record| record.steps).eq([5, 10, 15, 20, 24]));
    assert_eq!(hash, run(&trainer()).1);
}

#[test]
fn micro_batches_are_shards() {
    let shards = run(&trainer().batch_size(20).shards(4)).1;
    for (batch_size, micro) in [(10, 2), (5, 4)] {
        let trainer = trainer().batch_size(batch_size).shards(4 / micro).accumulate(micro);
        assert_eq!(run(&trainer).1, shards);
        assert_eq!(run(&trainer.threads(3)).1, shards);
    }
    assert_ne!(run(&trainer().batch_size(20).shards(2)).1, shards, "how a batch is cut matters");
}

#[test]
fn patience_ends_a_run_and_the_best_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let trainer = trainer().epochs(60).folder(folder.path()).keep_best(2).patience(4);
    let (report, _) = run(&trainer);
    assert_eq!(report.ended, Ended::Patience);
    let best = report.best.unwrap();
    assert_eq!(report.history.len(), best + 5);
    let losses: Vec<f64> = report.history.iter().map(|record| record.scores().loss()).collect();
    assert!(losses.iter().all(|loss| *loss >= losses[best]));

    // The files are there, and no others; the first gives back the weights of the best evaluation.
    let files = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        files.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("best-")).collect();
    files.sort();
    let mut kept = report.kept.clone();
    kept.sort();
    assert_eq!((files, kept.len()), (kept, 2));
    let (other, checkpoint) = (model(), Checkpoint::load(&report.kept[0]).unwrap());
    checkpoint.restore_model(&other).unwrap();
    assert_eq!(Some(weights_hash(&other)), report.best().unwrap().weights_hash);
    assert_eq!(checkpoint.weights_hash(), weights_hash(&other));

    // Resumed, it stops at once; with more patience it goes on.
    let (again, _) = run(&trainer.clone().resume(true));
    assert_eq!((again.steps, again.ended), (report.steps, Ended::Patience));
    let (further, _) = run(&trainer.clone().resume(true).patience(5));
    assert!(further.steps > report.steps);

    // It stays finished when it is resumed to no avail, so that another run may begin there.
    run(&trainer.clone().resume(true).patience(5));
    assert!(Checkpoint::load(folder.path().join("last.ravine")).unwrap().finished);

    // Of what was found before checkpoints were kept, there are none.
    let late = tempfile::tempdir().unwrap();
    run(&common::trainer().folder(late.path()).max_steps(18));
    let (report, _) = run(&common::trainer().folder(late.path()).resume(true).keep_best(4));
    assert_eq!(report.kept.len(), 2, "{:?}", report.kept);
    assert!(report.kept.iter().all(|file| file.exists()));

    // Another run in the folder begins without what this one left.
    fs::write(folder.path().join("report.html"), "of another run").unwrap();
    run(&common::trainer().epochs(1).folder(folder.path()));
    let mut files: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    files.sort();
    assert_eq!(files, ["last.ravine", "lock", "metrics.csv", "metrics.jsonl", "previous.ravine", "run.json"]);
}

#[test]
fn a_run_cannot_be_resumed_to_end_before_its_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    run(&trainer().folder(folder.path()));
    let file = folder.path().join("last.ravine");
    let before = fs::read(&file).unwrap();
    let message = error(&trainer().epochs(1).folder(folder.path()).resume(true));
    let expected = "checkpoint: steps: found 24, expected at most 6, which is the length of this run; ";
    assert!(message.starts_with(expected), "{message}");
    assert_eq!(fs::read(&file).unwrap(), before, "it is as finished as it was");
    // More epochs may be added.
    assert_eq!(run(&trainer().epochs(5).folder(folder.path()).resume(true)).0.steps, 30);
}

#[test]
fn a_goal_that_the_run_does_not_have_is_an_error() {
    let message = error(&trainer().goal(Goal::highest("bleu")));
    let expected = "goal: metric: found bleu, expected one of loss, accuracy, precision, recall, f1";
    assert_eq!(message, expected);
}

#[test]
fn a_plateau_is_one_of_the_goal() {
    let rate = |trainer: Trainer, better: Better| {
        let (model, data, evaluations) = (model(), images(60), AtomicUsize::new(0));
        let plateau = Plateau { factor: 0.5, patience: 0, better, ..Plateau::default() };
        let mut optimizer = Averaged::ema(&model, optimizer(&model, 0.125).plateau(plateau), 0.9);
        trainer.run(&model, &mut optimizer, &data, Some(&data), |tape, batch| {
            let outcome = pass(&model)(tape, batch);
            let number = evaluations.fetch_add(usize::from(!tape.is_training()), Ordering::Relaxed);
            outcome.metric("up", (60 * number) as f64).metric("down", -((60 * number) as f64))
        })?;
        Ok::<_, TrainError>(optimizer.learning_rate())
    };
    assert_eq!(rate(trainer().goal(Goal::highest("up")), Better::Higher).unwrap(), 0.125);
    assert_eq!(rate(trainer().goal(Goal::lowest("up")), Better::Lower).unwrap(), 0.125 / 8.0);
    assert_eq!(rate(trainer().goal(Goal::highest("down")), Better::Higher).unwrap(), 0.125 / 8.0);
    let other = rate(trainer().goal(Goal::highest("up")), Better::Lower).unwrap_err().to_string();
    assert_eq!(other, "plateau: better: found Lower, expected Higher, as the goal has it");
    // A run that is resumed keeps to its metric.
    let folder = tempfile::tempdir().unwrap();
    let kept = || trainer().folder(folder.path());
    rate(kept().goal(Goal::highest("up")).max_steps(8), Better::Higher).unwrap();
    let other =
        rate(kept().goal(Goal::highest("down")).resume(true), Better::Higher).unwrap_err().to_string();
    assert!(other.starts_with("checkpoint: plateau metric: found up, expected down; "), "{other}");
}

/// Counts its turns, and stops or fails when it is told to.
#[derive(Default)]
struct Probe {
    turns: Vec<String>,
    stop_at: Option<usize>,
    fail_at: Option<usize>,
}

impl Callback for Probe {
    fn start(&mut self, state: &RunState<'_>) -> CallbackResult {
        self.turns.push(format!("start at {} of {}", state.step, state.steps));
        Ok(Flow::Continue)
    }

    fn step(&mut self, state: &RunState<'_>, step: &StepRecord) -> CallbackResult {
        assert_eq!(state.step, step.step);
        if self.fail_at == Some(step.step) {
            return Err("no more".into());
        }
        Ok(if self.stop_at == Some(step.step) { Flow::Stop } else { Flow::Continue })
    }

    fn evaluated(&mut self, state: &RunState<'_>, record: &Record) -> CallbackResult {
        assert_eq!(state.history.len(), record.epoch + 1);
        assert_eq!(record.test.as_ref().unwrap().confusion().unwrap().samples(), 60);
        self.turns.push(format!("evaluated {}", record.epoch));
        Ok(Flow::Continue)
    }

    fn end(&mut self, state: &RunState<'_>) -> Result<(), CallbackError> {
        self.turns.push(format!("end at {}", state.step));
        Ok(())
    }
}

#[test]
fn callbacks_are_told_and_may_stop_or_fail() {
    let folder = tempfile::tempdir().unwrap();
    let probe = Arc::new(Mutex::new(Probe { stop_at: Some(15), ..Probe::default() }));
    let trainer = trainer().folder(folder.path());
    let (report, _) = run(&trainer.clone().callback(probe.clone()));
    assert_eq!((report.steps, report.ended), (15, Ended::Callback));
    assert_eq!(probe.lock().unwrap().turns, ["start at 0 of 24", "evaluated 0", "evaluated 1", "end at 15"]);
    // What it stopped is saved, and can be resumed.
    assert_eq!(run(&trainer.clone().resume(true)).1, run(&common::trainer()).1);
    let failing = Probe { fail_at: Some(3), ..Probe::default() };
    assert_eq!(error(&trainer.callback(failing)), "a callback failed: no more");
}

#[test]
fn logs_of_an_interrupted_run_are_those_of_a_whole_one() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, parts) = (folder.path().join("whole"), folder.path().join("parts"));
    run(&trainer().folder(&whole));
    run(&trainer().folder(&parts).max_steps(9));
    // As if it had been killed after more steps than its checkpoint has, in the middle of a line.
    let mut torn = read(&parts, "metrics.jsonl");
    torn += "{\"event\":\"step\",\"step\":10,\"loss\":1.0}\n{\"event\":\"st";
    fs::write(parts.join("metrics.jsonl"), torn).unwrap();
    fs::write(parts.join("metrics.csv"), "half a li").unwrap();
    run(&trainer().folder(&parts).resume(true));
    for name in ["metrics.csv", "metrics.jsonl", "run.json"] {
        assert_eq!(read(&parts, name), read(&whole, name), "{name}");
    }
    let lines: Vec<serde_json::Value> =
        read(&whole, "metrics.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 13 + 4);
    assert_eq!((&lines[0]["event"], &lines[0]["step"]), (&"step".into(), &1.into()));
    assert!(lines[0]["update_ratios"]["0.weight"].as_f64().unwrap() > 0.0);
    assert!(lines[0]["gradient_norm"].as_f64().unwrap() > 0.0);
    let csv = read(&whole, "metrics.csv");
    assert!(csv.starts_with(
        "epoch,steps,learning_rate,train_loss,train_accuracy,test_loss,test_accuracy,test_precision"
    ));
    assert_eq!(csv.lines().count(), 5);
}

#[test]
fn a_run_is_repeated_from_its_record() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data.bin");
    fs::write(&data, "the data").unwrap();
    let trainer = trainer().data_files([&data]).note("model", "small");
    run(&trainer.clone().folder(folder.path()));
    let record = RunRecord::load(folder.path().join("run.json")).unwrap();
    assert!(record.finished && record.evaluations.len() == 4);
    run(&trainer.clone().threads(2).verify(record.clone()));
    // Steps that only one of them has kept are not compared.
    for every in [1, 3, 5, 8] {
        run(&trainer.clone().log_every(every).verify(record.clone()));
    }

    let differs = |trainer: Trainer| {
        let message = error(&trainer.verify(record.clone()));
        message.strip_prefix("the run differs from its record at ").unwrap_or(&message).to_owned()
    };
    assert_eq!(differs(trainer.clone().seed(4)), "its beginning: seed: found 4, expected 3");
    assert_eq!(differs(trainer.clone().note("x", 1)), "its beginning: x: found 1, expected nothing");
    fs::write(&data, "other data").unwrap();
    assert!(differs(trainer.clone()).starts_with("its beginning: SHA-256 of data.bin: found "));
    fs::write(&data, "the data").unwrap();

    // Another rate is no setting of the trainer's: the record tells where it shows.
    let model = model();
    let set = images(60);
    let result =
        trainer.verify(record).run(&model, &mut optimizer(&model, 0.06), &set, Some(&set), pass(&model));
    let message = result.unwrap_err().to_string();
    assert!(message.starts_with("the run differs from its record at step 2: loss: found "), "{message}");
}

#[test]
fn averages_are_scored_and_saved() {
    let folder = tempfile::tempdir().unwrap();
    let whole = |max_steps: Option<usize>, resume: bool| {
        let model = model();
        let mut optimizer = Averaged::ema(&model, optimizer(&model, 0.05), 0.9);
        let data = images(60);
        let trainer = trainer().folder(folder.path()).max_steps(max_steps).resume(resume);
        let report = trainer.run(&model, &mut optimizer, &data, Some(&data), pass(&model)).unwrap();
        (report.test().map(|scores| scores.loss()), weights_hash(&model))
    };
    let undisturbed = whole(None, false);
    whole(Some(8), false);
    assert_eq!(whole(None, true), undisturbed);
    assert_ne!(undisturbed.0, run(&trainer()).0.test().map(|scores| scores.loss()));
}

#[test]
fn a_run_that_diverges_leaves_a_post_mortem_and_a_good_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let model = model();
    let data = images(60);
    let trainer = trainer().epochs(50).folder(folder.path()).checkpoint_every(1);
    let result = trainer.run(&model, &mut optimizer(&model, 1e30), &data, Some(&data), pass(&model));
    let TrainError::Diverged(found) = result.unwrap_err() else { panic!("it should diverge") };
    assert!(found.parameter.is_some() && found.suggested_rate < 1.0, "{found:?}");
    let text = read(folder.path(), "post-mortem.txt");
    assert!(text.contains("first bad parameter") && text.contains("suggested rate"), "{text}");
    let json: serde_json::Value = serde_json::from_str(&read(folder.path(), "post-mortem.json")).unwrap();
    assert_eq!(json["step"], found.step);
    // Weights of 1e30 are numbers, but their products are not.
    let op = found.op.as_deref().unwrap();
    assert!(op.contains(" gave an infinity: element ") || op.contains(" gave a NaN: element "), "{op}");
    assert_eq!(
        found.checkpoint,
        Some((folder.path().join("last.ravine"), 0)),
        "what was saved after the bad step is gone"
    );

    // The checkpoint has finite weights, and the run goes on from it at the rate that is suggested.
    let mut calmer = optimizer(&model, found.suggested_rate);
    let report = trainer.resume(true).run(&model, &mut calmer, &data, Some(&data), pass(&model)).unwrap();
    assert_eq!(report.ended, Ended::Completed);
    assert!(report.test().unwrap().loss().is_finite());
    assert!(!folder.path().join("post-mortem.txt").exists(), "it has not diverged any more");
}

#[test]
fn a_loss_that_explodes_but_stays_finite_is_caught() {
    let model = model();
    let data = images(60);
    let explode = |tape: &Tape, batch: &common::Batch| {
        let mut outcome = pass(&model)(tape, batch);
        outcome.loss = outcome.loss * -1.0;
        outcome
    };
    // Climbing instead of descending, with the losses of descending reported.
    let result =
        trainer().epochs(100).explosion(10.0).run(&model, &mut optimizer(&model, 0.05), &data, None, explode);
    let message = result.unwrap_err().to_string();
    assert!(message.contains("times that of the first steps: the run diverged; try"), "{message}");
}

#[test]
fn a_skipped_step_changes_nothing() {
    let model = (Param::new(Tensor::scalar(1.0)), Buffer::new(Tensor::scalar(0.0)));
    let mut optimizer = Optimizer::new(&model, Sgd::default(), 0.0).non_finite(NonFinite::Skip);
    // The slope of a root at 0 is no number.
    let data: TensorSet = TensorSet::new(Tensor::from([1.0, 0.0, 1.0]), Tensor::zeros([3]));
    let trainer = Trainer::new().batch_size(1).order(Order::Sequential);
    let report = trainer.run(&model, &mut optimizer, &data, None, |tape, (x, _)| {
        tape.update_buffer(&model.1, Tensor::scalar(x.sum(..).item()), 0.5, 1);
        Outcome::new((tape.param(&model.0) * tape.input(x.clone())).sqrt().mean(..), 1)
    });
    let report = report.unwrap();
    assert_eq!((report.steps, report.skipped, model.1.value().item()), (3, 1, 0.75));
}

#[test]
fn checkpoints_of_all_versions_are_resumed() {
    // What each version saved after three of four steps, and what it came to.
    let versions = [
        (
            &include_bytes!("data/version1.ravine")[..],
            "60e776eeb16f406a5e58b7af7efa4413234bbee5456d06149593f40228d78631",
        ),
        (
            &include_bytes!("data/version2.ravine")[..],
            "26076a5781d96043f7fa2ae6d3d27b2652f4c366fbd6317bf16d608d61708253",
        ),
        (
            &include_bytes!("data/version3.ravine")[..],
            "26076a5781d96043f7fa2ae6d3d27b2652f4c366fbd6317bf16d608d61708253",
        ),
    ];
    for (saved, hash) in versions {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("last.ravine"), saved).unwrap();
        let (report, found) = small(Trainer::new().folder(folder.path()).resume(true)).unwrap();
        assert_eq!((report.steps, report.samples, report.history.len()), (4, 4, 2));
        assert_eq!(found, hash);
        assert_eq!(report.history[0].train.metric("accuracy"), Some(0.5));
    }
}
