//! Sweeps have the same results on any number of threads and after any kill, and no failing trial ends them.

use std::collections::HashSet;
use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use ravine_train::sweep::{SweepResult, TrialError};
use ravine_train::{Goal, Space, Sweep, SweepError, Trial};

fn space() -> Space {
    Space::new()
        .log("rate", 1e-4, 1.0)
        .uniform("x", -1.0, 1.0)
        .int("depth", 1, 4)
        .choice("kind", ["a", "b, \"c\""])
}

fn sweep() -> Sweep {
    Sweep::random(space(), 27).seed(3).halving(1, 3).budget(9)
}

/// A loss that falls with the budget. Some trials fail, each in its own way.
fn loss(trial: &Trial) -> Result<f64, TrialError> {
    match trial.number {
        2 => return Err("the disk is\nfull".into()),
        4 => panic!("shapes {} and 3", trial.budget),
        6 => return Ok(f64::NAN),
        _ => {}
    }
    Ok((trial.float("rate").log10() + 2.0).abs() + trial.int("depth") as f64 / trial.budget as f64)
}

#[test]
fn halving_keeps_the_best_and_failures_are_rows() {
    let found = sweep().run(loss).unwrap();
    assert!(!found.interrupted);
    let at = |budget| found.results.iter().filter(|result| result.budget == budget).collect::<Vec<_>>();
    assert_eq!((at(1).len(), at(3).len(), at(9).len()), (27, 9, 3));
    let score = |trial: usize| at(1)[trial].outcome.clone().unwrap_or(f64::INFINITY);
    let kept: HashSet<usize> = at(3).iter().map(|result| result.trial).collect();
    let worst_kept = kept.iter().map(|&trial| score(trial)).fold(0.0, f64::max);
    assert!((0..27).filter(|trial| !kept.contains(trial)).all(|trial| score(trial) >= worst_kept));
    let failures: Vec<&str> =
        [2, 4, 6].map(|trial| at(1)[trial].outcome.as_ref().unwrap_err().as_str()).into();
    assert_eq!(failures, ["the disk is\nfull", "panicked: shapes 1 and 3", "the score is NaN"]);
    let best = found.best().unwrap();
    assert_eq!(best.budget, 9);
    assert!(at(9).iter().all(|result| result.outcome.as_ref().unwrap() >= best.outcome.as_ref().unwrap()));
    let ranking = found.ranking();
    assert_eq!(ranking.len(), 27, "each trial once");
    assert!(ranking[24..].iter().all(|result| result.outcome.is_err()));
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let one = sweep().at_once(1).run(loss).unwrap();
    for threads in [2, 3, 8] {
        assert_eq!(sweep().at_once(threads).run(loss).unwrap(), one, "{threads} at once");
    }
    assert_ne!(sweep().seed(4).run(loss).unwrap().results, one.results);
}

#[test]
fn at_most_so_many_trials_run_at_once() {
    let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let found = Sweep::random(space(), 20).at_once(3).run(|trial| {
        most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        std::thread::sleep(std::time::Duration::from_millis(5));
        now.fetch_sub(1, Ordering::SeqCst);
        assert_eq!(rayon::current_num_threads(), trial.threads);
        Ok(0.0)
    });
    assert!(found.unwrap().results.iter().all(|result| result.outcome == Ok(0.0)));
    assert!((2..=3).contains(&most.into_inner()));
}

#[test]
fn a_sweep_that_was_killed_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a/sweep.jsonl");
    let whole = sweep().file(&file).run(loss).unwrap();
    let journal = fs::read_to_string(&file).unwrap();
    assert_eq!(journal.lines().count(), 1 + 27 + 9 + 3);

    // Cut anywhere, in a line or at its end: what is whole is kept, the rest is tried again.
    for cut in [
        0,
        10,
        journal.find('\n').unwrap() + 1,
        journal.len() / 3,
        journal.len() / 2,
        journal.len() - 1,
        journal.len(),
    ] {
        fs::write(&file, &journal[..cut]).unwrap();
        let kept = journal[..cut].matches('\n').count().saturating_sub(1);
        let tried = Mutex::new(HashSet::new());
        let again = sweep().file(&file).at_once(2).run(|trial| {
            assert!(tried.lock().unwrap().insert((trial.number, trial.budget)), "twice");
            loss(trial)
        });
        assert_eq!(again.unwrap(), whole, "cut at {cut}");
        assert_eq!(tried.into_inner().unwrap().len(), 39 - kept, "cut at {cut}");
        assert_eq!(fs::read_to_string(&file).unwrap().lines().count(), 40);
    }
}

#[test]
fn a_flag_stops_it_between_trials() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sweep.jsonl");
    let stop = Arc::new(AtomicBool::new(false));
    let found = sweep().file(&file).at_once(1).stop(stop.clone()).run(|trial| {
        stop.store(trial.number == 12, Ordering::Relaxed);
        loss(trial)
    });
    let found = found.unwrap();
    assert!(found.interrupted && found.results.len() == 13);
    assert_eq!(sweep().file(&file).run(loss).unwrap(), sweep().run(loss).unwrap());
}

#[test]
fn journals_of_others_and_broken_ones_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sweep.jsonl");
    let error = |sweep: Sweep| sweep.file(&file).run(loss).unwrap_err().to_string();
    sweep().file(&file).run(loss).unwrap();
    let found = error(sweep().seed(9));
    assert!(
        found.contains("sweep.jsonl: line 1: found a sweep with seed ")
            && found.ends_with(", expected seed 9, or another file for this sweep"),
        "{found}"
    );
    assert!(error(Sweep::random(space(), 5)).contains("line 1: found a sweep"));

    let journal = fs::read_to_string(&file).unwrap();
    fs::write(&file, journal.replacen("{\"trial\":", "{\"trail\":", 1)).unwrap();
    let found = error(sweep());
    assert!(
        found.contains("sweep.jsonl: line 2: found \"{\\\"trail\\\":")
            && found.contains(" (missing field `trial`"),
        "{found}"
    );
    fs::write(&file, "hello\n").unwrap();
    assert!(error(sweep()).contains(
        "line 1: found \"hello\" (expected value at line 1 column 1), expected the settings of a sweep"
    ));

    fs::write(&file, &journal).unwrap();
    let held = fs::File::open(&file).unwrap();
    held.lock().unwrap();
    let locked = sweep().file(&file).run(loss).unwrap_err();
    assert!(matches!(locked, SweepError::Locked { .. }), "{locked}");
    let nowhere = sweep().file(file.join("below a file")).run(loss).unwrap_err().to_string();
    assert!(nowhere.contains("cannot create it: "), "{nowhere}");
}

/// A maximum on a small grid.
fn peak() -> SweepResult {
    let space = Space::new().int("n", 1, 3).choice("kind", ["a", "b, \"c\""]);
    let sweep = Sweep::grid(space, 3).goal(Goal::highest("accuracy")).budget(2);
    sweep
        .run(|trial| if trial.number == 5 { Err("no\nway".into()) } else { Ok(1.0 / trial.int("n") as f64) })
        .unwrap()
}

#[test]
fn the_best_comes_first_in_the_table() {
    assert_eq!(
        peak().table(),
        "trial  budget  n    kind  accuracy\n\
        \u{20}   0       2  1       a  1\n\
        \u{20}   1       2  1  b, \"c\"  1\n\
        \u{20}   2       2  2       a  0.5\n\
        \u{20}   3       2  2  b, \"c\"  0.5\n\
        \u{20}   4       2  3       a  0.333\n\
        \u{20}   5       2  3  b, \"c\"  no\n"
    );
    let third = 1.0 / 3.0;
    assert_eq!(
        peak().csv(),
        format!(
            "trial,budget,n,kind,accuracy,failure\n0,2,1,a,1,\n1,2,1,\"b, \"\"c\"\"\",1,\n2,2,2,a,0.5,\n\
             3,2,2,\"b, \"\"c\"\"\",0.5,\n4,2,3,a,{third},\n5,2,3,\"b, \"\"c\"\"\",,\"no\nway\"\n"
        )
    );
    let nothing = Sweep::random(Space::new().uniform("x", 0.0, 0.0), 1).run(|_| Err("no".into())).unwrap();
    assert!(nothing.best().is_none() && nothing.svg().contains("failed"));
}

#[test]
fn the_picture_has_a_line_for_each_trial() {
    let svg = sweep().run(loss).unwrap().svg();
    assert_eq!(svg.matches("<path fill=\"none\"").count(), 27);
    assert_eq!(svg.matches("stroke-dasharray").count(), 3);
    assert!(
        ["rate", "kind", "budget", "loss", "b, &quot;c&quot;", "lowest is best"]
            .iter()
            .all(|text| svg.contains(text))
    );
    assert!(
        !svg.contains("NaN,")
            && !svg.contains("inf ")
            && !svg.replace("http://www.w3.org", "").contains("http")
    );
}
