//! Loading does not change a run: the weights are the same with data read ahead or not, augmented, in any order of arrival, as a set or a stream.

mod common;

use std::collections::BTreeSet;
use std::sync::Mutex;

use common::{Batch, images, model, optimizer, pass, trainer};
use ravine_data::{DataError, Dataset, MixUp, Order, Pick, Strata, Stream, Weights};
use ravine_nn::Layer;
use ravine_tensor::Tensor;
use ravine_train::{Outcome, Report, TrainError, Trainer, weights_hash};

/// 60 noisy images: other noise for each sample and epoch.
fn noisy() -> impl Dataset<Batch = Batch> {
    images(60).augment(9, |(x, y), draws| {
        let noise = draws.stack(|rng| Tensor::normal(&x.shape()[1..], 0.0, 0.2, rng));
        (x + noise, y)
    })
}

/// What a run of `trainer` over this data comes to, and the hash of the weights.
fn run(trainer: &Trainer, train: &dyn Dataset<Batch = Batch>) -> (Report, String) {
    let model = model();
    let mut optimizer = optimizer(&model, 0.05);
    let report = trainer.run(&model, &mut optimizer, train, Some(&images(30)), pass(&model)).unwrap();
    (report, weights_hash(&model))
}

/// A set that declares itself costly, records which threads fetch, and may fail at a sample.
struct Watched<D> {
    dataset: D,
    costly: bool,
    fail_at: Option<usize>,
    threads: Mutex<BTreeSet<String>>,
}

impl<D> Watched<D> {
    fn new(dataset: D, costly: bool) -> Self {
        Watched { dataset, costly, fail_at: None, threads: Mutex::default() }
    }

    /// Whether it was the loader who fetched, or else those who train.
    fn by_loader(&self) -> bool {
        let threads = std::mem::take(&mut *self.threads.lock().unwrap());
        let loaders = threads.iter().filter(|name| *name == "ravine-loader").count();
        assert!(loaders == 0 || threads.len() == 1, "{threads:?}");
        loaders == 1
    }
}

impl<D: Dataset> Dataset for Watched<D> {
    type Batch = D::Batch;

    fn len(&self) -> usize {
        self.dataset.len()
    }

    fn costly(&self) -> bool {
        self.costly
    }

    fn batch(&self, pick: Pick<'_>) -> Result<D::Batch, DataError> {
        let thread = std::thread::current().name().unwrap_or_default().to_owned();
        self.threads.lock().unwrap().insert(thread);
        match self.fail_at.filter(|index| pick.indices.contains(index)) {
            Some(index) => Err(DataError::other(format!("sample {index} is gone"))),
            None => self.dataset.batch(pick),
        }
    }
}

#[test]
fn reading_ahead_changes_no_bit() {
    for trainer in [trainer(), trainer().shards(3).accumulate(2), trainer().batch_size(7).drop_last(true)] {
        let (report, hash) = run(&trainer.clone().workers(0), &noisy());
        for (workers, threads) in [(1, 1), (2, 1), (3, 2), (2, 3)] {
            let ahead = trainer.clone().workers(workers).threads(threads);
            let (same, same_hash) = run(&ahead, &noisy());
            assert_eq!(same_hash, hash, "{workers} workers, {threads} threads");
            assert_eq!((same.history, same.trace), (report.history.clone(), report.trace.clone()));
        }
        assert_ne!(run(&trainer, &images(60)).1, hash, "the noise matters");
    }
}

#[test]
fn costly_data_are_read_ahead_unless_the_setting_says_otherwise() {
    let (costly, cheap) = (Watched::new(images(60), true), Watched::new(images(60), false));
    for (workers, data, ahead) in
        [(None, &costly, true), (None, &cheap, false), (Some(0), &costly, false), (Some(2), &cheap, true)]
    {
        run(&trainer().workers(workers), data);
        assert_eq!(data.by_loader(), ahead, "{workers:?}");
    }
    // What is made of costly data is costly.
    let halves = Watched::new(images(60), true).split(20, 0).0.augment(0, |batch, _| batch);
    assert!(halves.costly() && (&halves as &dyn Dataset<Batch = Batch>).costly());
}

#[test]
fn a_run_over_changing_data_goes_on_in_the_middle_of_an_epoch() {
    let (whole, hash) = run(&trainer(), &noisy());
    let folder = tempfile::tempdir().unwrap();
    let part = |steps: usize| trainer().folder(folder.path()).max_steps(steps);
    run(&part(4), &noisy());
    run(&part(15).resume(true).workers(2), &noisy());
    let (resumed, same) = run(&trainer().folder(folder.path()).resume(true), &noisy());
    assert_eq!(same, hash);
    assert_eq!(resumed.history, whole.history);
}

#[test]
fn a_sample_that_cannot_be_fetched_ends_the_run_and_keeps_the_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    for workers in [0, 2] {
        let folder = folder.path().join(workers.to_string());
        let mut data = Watched::new(images(60), true);
        // The first sample of the sixth step.
        data.fail_at = Some(Order::Shuffled { seed: 3 }.indices(0, 60)[50]);
        let model = model();
        let trainer = trainer().folder(&folder).checkpoint_every(1).workers(workers);
        let error = trainer.run(&model, &mut optimizer(&model, 0.05), &data, None, pass(&model)).unwrap_err();
        assert_eq!(error.to_string(), format!("sample {} is gone", data.fail_at.unwrap()));
        let (resumed, _) = run(&self::trainer().folder(&folder).resume(true), &images(60));
        assert_eq!(resumed.history.len(), 4);
    }
}

#[test]
fn other_orders_are_part_of_what_a_run_is() {
    let weights = |first: f64| {
        let weights = Weights::new((0..60).map(|i| if i == 0 { first } else { 1.0 })).unwrap();
        trainer().order(Order::Weighted { seed: 1, weights })
    };
    let labels: Vec<usize> = (0..60).map(|i| i % 3).collect();
    let stratified = trainer().order(Order::Stratified { seed: 1, strata: Strata::new(&labels) });
    let hashes: BTreeSet<String> = [trainer(), weights(1.0), weights(20.0), stratified.clone()]
        .iter()
        .map(|trainer| run(trainer, &images(60)).1)
        .collect();
    assert_eq!(hashes.len(), 4);
    let named = trainer().order(Order::Shuffled { seed: 3 });
    assert_eq!(run(&named, &images(60)).1, run(&trainer(), &images(60)).1, "the order that is the default");

    let folder = tempfile::tempdir().unwrap();
    run(&stratified.clone().folder(folder.path()).max_steps(8), &images(60));
    let resumed = |trainer: Trainer| {
        let model = model();
        let trainer = trainer.folder(folder.path()).resume(true);
        trainer.run(&model, &mut optimizer(&model, 0.05), &images(60), Some(&images(30)), pass(&model))
    };
    let labels: Vec<usize> = (0..60).map(|i| i % 4).collect();
    let other = trainer().order(Order::Stratified { seed: 1, strata: Strata::new(&labels) });
    let error = resumed(other).unwrap_err().to_string();
    assert!(
        error.starts_with("checkpoint: order: found stratified with seed 1 by 60 labels of 3 classes "),
        "{error}"
    );
    let whole = run(&stratified, &images(60)).0;
    assert_eq!(resumed(stratified).unwrap().history, whole.history);
}

#[test]
fn mixed_samples_have_soft_targets() {
    let soft = images(30).augment(0, |(x, y), _| (x, Tensor::one_hot(&y, 3)));
    let mixed = MixUp::new(images(60), 3, 0.2, 5);
    let model = model();
    let report = trainer()
        .epochs(40)
        .run(&model, &mut optimizer(&model, 0.05), &mixed, Some(&soft), |tape, (x, targets)| {
            Outcome::soft_classification(&model.forward(&tape.input(x.clone())), targets)
        })
        .unwrap();
    let test = report.test().unwrap();
    assert!(test.metric("accuracy").unwrap() > 0.8, "{test:?}");
    assert!(test.metric("f1").is_some());
    // With targets of 0 and 1 it is the usual loss.
    let (x, y) = images(30).select(&[0, 1, 2, 3]);
    let tape = ravine_autograd::Tape::eval();
    let logits = model.forward(&tape.input(x));
    let usual = Outcome::classification(&logits, &y);
    let soft = Outcome::soft_classification(&logits, &Tensor::one_hot(&y, 3));
    assert!((usual.scores.loss() - soft.scores.loss()).abs() < 1e-6);
    assert_eq!(usual.scores.metric("accuracy"), soft.scores.metric("accuracy"));
}

/// The samples of the set, one after the other.
fn stream() -> impl Stream<Sample = (Tensor, i64)> {
    |_epoch: usize| {
        let (x, y) = images(60).select(&(0..60).collect::<Vec<_>>());
        Ok((0..60).map(move |i| Ok::<_, DataError>((x.index(0, i), y.at([i])))))
    }
}

/// As `run`, along a stream.
fn run_along<S>(trainer: &Trainer, train: &S) -> Result<(Report, String), TrainError>
where
    S: Stream<Sample = (Tensor, i64)>,
{
    let model = model();
    let mut optimizer = optimizer(&model, 0.05);
    let report = trainer.run_stream(&model, &mut optimizer, train, Some(&images(30)), pass(&model))?;
    Ok((report, weights_hash(&model)))
}

#[test]
fn a_stream_of_the_samples_of_a_set_trains_to_the_same_bits() {
    for trainer in [trainer(), trainer().shards(3).accumulate(2), trainer().batch_size(7).drop_last(true)] {
        let (whole, hash) = run(&trainer.clone().order(Order::Sequential), &images(60));
        let every = whole.steps / 4;
        let trainer = trainer.steps(whole.steps).evaluate_every(every);
        for (workers, threads) in [(None, 1), (Some(0), 1), (Some(3), 2), (None, 3), (None, 4), (None, 8)] {
            let (along, same) =
                run_along(&trainer.clone().workers(workers).threads(threads), &stream()).unwrap();
            assert_eq!(same, hash, "{workers:?} workers, {threads} threads");
            assert_eq!((along.history, along.trace), (whole.history.clone(), whole.trace.clone()));
        }
    }
}

#[test]
fn a_run_along_a_stream_goes_on_in_the_middle_of_an_epoch() {
    let trainer = || trainer().batch_size(7).steps(40).evaluate_every(6);
    let shuffled = || stream().shuffle(16, 1);
    let (whole, hash) = run_along(&trainer(), &shuffled()).unwrap();
    assert_ne!(run_along(&trainer(), &stream()).unwrap().1, hash, "the order matters");
    assert_eq!((whole.epochs, whole.history[1].epoch), (4, 1), "an epoch has nine steps");
    let folder = tempfile::tempdir().unwrap();
    // Within an epoch, at its end, and behind it.
    for stop in [4, 9, 10, 25] {
        run_along(&trainer().folder(folder.path()).max_steps(stop).resume(stop > 4), &shuffled()).unwrap();
    }
    let resume = || trainer().folder(folder.path()).resume(true);
    let error = |result: Result<(Report, String), TrainError>| result.unwrap_err().to_string();
    let other = error(run_along(&resume(), &stream().shuffle(17, 1)));
    assert!(
        other.starts_with(
            "checkpoint: shuffle: found 16 samples at a time with seed 1, expected 17 samples at a time with seed 1; "
        ),
        "{other}"
    );
    let set = resume().run(&model(), &mut optimizer(&model(), 0.05), &images(60), None, pass(&model()));
    let set = set.unwrap_err().to_string();
    assert!(set.starts_with("checkpoint: training samples: found a stream, expected 60; "), "{set}");
    let (resumed, same) = run_along(&resume(), &shuffled()).unwrap();
    assert_eq!((same, resumed.history, resumed.epochs), (hash, whole.history, 4));
}

#[test]
fn streams_that_fail_end_the_run_and_keep_the_checkpoint() {
    let error = |trainer: &Trainer, stream: &dyn Stream<Sample = (Tensor, i64)>| {
        let model = model();
        let mut optimizer = optimizer(&model, 0.05);
        trainer.run_stream(&model, &mut optimizer, stream, None, pass(&model)).unwrap_err().to_string()
    };
    let short = |samples: usize| {
        move |epoch: usize| Ok(stream().samples(epoch)?.take(if epoch < 2 { 60 } else { samples }))
    };
    assert_eq!(
        error(&trainer().steps(13), &short(0)),
        "stream: samples of epoch 2: found too few, expected enough for one batch"
    );
    assert_eq!(
        error(&trainer().steps(13).drop_last(true), &short(9)),
        "stream: samples of epoch 2: found too few, expected enough for one batch"
    );
    assert_eq!(
        error(&trainer(), &stream()),
        "epochs: found 4, expected steps, as nobody knows how many an epoch of a stream has"
    );
    assert_eq!(
        error(&trainer().steps(5).order(Order::Sequential), &stream()),
        "order: found sequential, expected none, as a stream has an order of its own"
    );

    let folder = tempfile::tempdir().unwrap();
    for workers in [0, 1] {
        let folder = folder.path().join(workers.to_string());
        let trainer = trainer().steps(12).folder(&folder).checkpoint_every(1).workers(workers);
        let torn = |epoch: usize| {
            let samples = stream().samples(epoch)?.enumerate();
            Ok(samples
                .map(|(i, sample)| if i == 55 { Err(DataError::other("the line is cut")) } else { sample }))
        };
        assert_eq!(error(&trainer, &torn), "the line is cut");
        let (resumed, hash) = run_along(&trainer.clone().resume(true), &stream()).unwrap();
        assert_eq!(
            (resumed.samples, hash),
            (70, run_along(&self::trainer().steps(12), &stream()).unwrap().1)
        );
    }

    // The samples of the step that diverged are run once more, not asked for again.
    let broken = |epoch: usize| {
        let samples = stream().samples(epoch)?.enumerate();
        Ok(samples.map(|(i, sample)| sample.map(|(x, y)| (if i == 31 { x / 0.0 } else { x }, y))))
    };
    let diverged = error(&trainer().steps(12), &broken);
    assert!(diverged.starts_with("step 3: the loss is NaN: ") && diverged.contains("input ("), "{diverged}");
}
