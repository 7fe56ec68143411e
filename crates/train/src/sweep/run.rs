//! Running a sweep: the rungs of successive halving, each on a bounded number of threads.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use ravine_tensor::Rng;

use super::journal::Journal;
use super::result::compare;
use super::{Settings, Sweep, SweepError, SweepResult, Trial, TrialError, TrialResult};
use crate::FileError;

impl Sweep {
    /// Runs the sweep: calls `objective` for each trial that is not in the journal, several at once.
    ///
    /// The result is the same for any number of threads if `objective` depends only on its trial. If it returns an error, panics or gives a
    /// score that is not finite, that is the outcome of the trial, and the others go on.
    ///
    /// # Errors
    /// If a setting is invalid, or the journal cannot be read or written, is damaged, belongs to another sweep or is in use.
    pub fn run(
        &self,
        objective: impl Fn(&Trial) -> Result<f64, TrialError> + Sync,
    ) -> Result<SweepResult, SweepError> {
        let trials = self.check()?;
        let (journal, known) = match &self.file {
            Some(file) => {
                Journal::open(file, &self.identity()).map(|(journal, known)| (Some(journal), known))?
            }
            None => (None, Vec::new()),
        };
        let settings: Vec<Settings> = (0..trials).map(|trial| self.settings(trial)).collect();
        let mut done: HashMap<(usize, usize), TrialResult> = HashMap::new();
        for result in known {
            // The journal's first line matches, so a trial with other settings was added by hand: ignore it.
            if settings.get(result.trial) == Some(&result.settings) {
                done.insert((result.trial, result.budget), result);
            }
        }
        let workers = self.workers();
        let task = self.progress.task("sweep", self.budgets(trials).iter().map(|(_, left)| left).sum());
        let mut alive: Vec<usize> = (0..trials).collect();
        let (mut results, mut interrupted) = (Vec::new(), false);
        for (budget, left) in self.budgets(trials) {
            alive.truncate(left);
            alive.sort_unstable();
            let open: Vec<usize> =
                alive.iter().copied().filter(|&trial| !done.contains_key(&(trial, budget))).collect();
            task.advance(alive.len() - open.len());
            let run = |trial: usize| {
                let at = Trial {
                    number: trial,
                    budget,
                    seed: self.seed,
                    threads: workers.threads,
                    settings: settings[trial].clone(),
                };
                let outcome = outcome(&objective, &at);
                task.advance(1);
                TrialResult { trial, budget, settings: at.settings, outcome }
            };
            let ended = workers.each(&open, || self.stop.load(Ordering::Relaxed), journal.as_ref(), run)?;
            interrupted = ended.len() < open.len();
            done.extend(ended.into_iter().map(|result| ((result.trial, budget), result)));
            let mut rung: Vec<TrialResult> =
                alive.iter().filter_map(|&trial| done.get(&(trial, budget)).cloned()).collect();
            results.extend(rung.iter().cloned());
            if interrupted {
                break;
            }
            // Failed trials do not reach the next rung.
            rung.retain(|result| result.outcome.is_ok());
            rung.sort_by(|a, b| compare(&self.goal, a, b));
            alive = rung.into_iter().map(|result| result.trial).collect();
        }
        Ok(SweepResult { space: self.space.clone(), goal: self.goal.clone(), results, interrupted })
    }

    fn settings(&self, trial: usize) -> Settings {
        match self.grid {
            Some(points) => self.space.grid(points, trial),
            None => self.space.sample(&mut Rng::new(self.seed).child(trial as u64)),
        }
    }

    fn workers(&self) -> Workers {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let at_once = if self.at_once == 0 { processors } else { self.at_once };
        Workers { at_once, threads: (processors / at_once).max(1) }
    }
}

fn outcome(objective: &impl Fn(&Trial) -> Result<f64, TrialError>, trial: &Trial) -> Result<f64, String> {
    // Unwind safe: whatever a panic leaves inconsistent belongs to the trial, and is dropped with it.
    match catch_unwind(AssertUnwindSafe(|| objective(trial))) {
        Ok(Ok(score)) if score.is_finite() => Ok(score),
        Ok(Ok(score)) => Err(format!("the score is {score}")),
        Ok(Err(error)) => Err(error.to_string()),
        Err(payload) => {
            let text = payload.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
            Err(format!("panicked: {}", text.unwrap_or("without a text")))
        }
    }
}

/// How many trials run at once, and on how many threads each.
struct Workers {
    at_once: usize,
    threads: usize,
}

impl Workers {
    /// Runs each of `trials` and adds it to the journal, until there are no more or `stop` says so. The results are in no particular order.
    fn each(
        &self,
        trials: &[usize],
        stop: impl Fn() -> bool + Sync,
        journal: Option<&Journal>,
        run: impl Fn(usize) -> TrialResult + Sync,
    ) -> Result<Vec<TrialResult>, SweepError> {
        let (next, ended) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        let work = || -> Result<(), FileError> {
            while !stop()
                && let Some(&trial) = trials.get(next.fetch_add(1, Ordering::Relaxed))
            {
                let result = run(trial);
                if let Some(journal) = journal
                    && let Err(error) = journal.add(&result)
                {
                    // No use starting trials that cannot be written to the journal.
                    next.store(trials.len(), Ordering::Relaxed);
                    return Err(error);
                }
                ended.lock().unwrap_or_else(PoisonError::into_inner).push(result);
            }
            Ok(())
        };
        let mut pools = Vec::new();
        for _ in 0..self.at_once.min(trials.len()) {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(self.threads).build();
            pools.push(pool.map_err(|source| SweepError::Threads { threads: self.threads, source })?);
        }
        let outcomes: Vec<Result<(), FileError>> = std::thread::scope(|scope| {
            let workers: Vec<_> = pools.iter().map(|pool| scope.spawn(|| pool.install(work))).collect();
            workers.into_iter().map(|worker| worker.join().expect("a trial's panic is caught")).collect()
        });
        outcomes.into_iter().collect::<Result<(), _>>()?;
        Ok(ended.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
}
