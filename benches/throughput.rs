//! Images per second of a whole training loop, on the protocol of the peers' programs, one JSON line per figure.
//!
//! ```text
//! cargo run --release -p ravine-benches --bin throughput -- --data examples/data/mnist --workload W1
//! ```
//!
//! Each step picks its batch from a new permutation per epoch, fetches it from the bytes of the images, and trains; the last
//! batch of an epoch is dropped if it is not full. After a warm-up, three sections are timed.

mod models;

use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use clap::{Parser, ValueEnum};
use ravine::prelude::*;

/// Trains one of the four workloads and prints how fast.
#[derive(Parser)]
struct Args {
    /// The folder with the four IDX files of MNIST, gzipped or not.
    #[arg(long)]
    data: PathBuf,
    /// The model, its batch size and its optimizer.
    #[arg(long, value_enum)]
    workload: Workload,
    /// Threads.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Images per step, instead of the workload's own number.
    #[arg(long)]
    batch: Option<usize>,
    /// Parts that a batch is cut into, instead of the workload's own number.
    #[arg(long)]
    shards: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
#[value(rename_all = "verbatim")]
enum Workload {
    /// 784-128-10, batch 64, SGD with momentum.
    W1,
    /// 784-1024-1024-10, batch 128, Adam.
    W2,
    /// LeNet-5, batch 64, SGD with momentum.
    W3,
    /// conv 32, conv 64, 9216-128-10, batch 64, SGD with momentum.
    W4,
}

impl Workload {
    fn model(self, rng: &mut Rng) -> Sequential {
        match self {
            Workload::W1 => models::mlp(rng),
            Workload::W2 => sequential![
                Flatten,
                Linear::new(784, 1024, rng),
                Relu,
                Linear::new(1024, 1024, rng),
                Relu,
                Linear::new(1024, 10, rng),
            ],
            Workload::W3 => models::lenet(rng),
            Workload::W4 => sequential![
                Conv2d::new(1, 32, 3, rng),
                Relu,
                Conv2d::new(32, 64, 3, rng),
                Relu,
                MaxPool2d::new(2),
                Flatten,
                Linear::new(9216, 128, rng),
                Relu,
                Linear::new(128, 10, rng),
            ],
        }
    }

    fn optimizer(self, model: &Sequential) -> Box<dyn Optimize> {
        let sgd = Sgd::momentum(0.9);
        match self {
            Workload::W1 => Box::new(Optimizer::new(model, sgd, 0.05)),
            Workload::W2 => Box::new(Optimizer::new(model, Adam::default(), 1e-3)),
            Workload::W3 | Workload::W4 => Box::new(Optimizer::new(model, sgd, 0.01)),
        }
    }

    fn batch(self) -> usize {
        if self == Workload::W2 { 128 } else { 64 }
    }

    /// Wide layers are fastest in one shard on all threads, as each thread then reads and updates its own rows of the weights.
    fn shards(self) -> usize {
        if matches!(self, Workload::W1 | Workload::W2) { 1 } else { 2 }
    }
}

/// Anything that can go wrong.
type Failure = Box<dyn Error + Send + Sync>;

/// A section lasts at least this long, in whole epochs (W4: 150 steps), and at most so long.
const SECONDS: (f64, f64) = (3.0, 10.0);

fn main() -> Result<(), Failure> {
    let args = Args::parse();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(args.threads).build()?;
    pool.install(|| run(&args))
}

fn run(args: &Args) -> Result<(), Failure> {
    let workload = args.workload;
    let data = Mnist::load(&args.data)?;
    let model = workload.model(&mut Rng::new(0));
    let mut optimizer = workload.optimizer(&model);
    let plan =
        Plan::new(data.train.len(), args.batch.unwrap_or(workload.batch()), Order::Shuffled { seed: 1 });
    let plan = plan.drop_last(true);
    let shards = args.shards.unwrap_or(workload.shards());
    let rng = Rng::new(1);
    let pass = |tape: &Tape, (images, labels): &(Tensor, Tensor<i64>)| {
        Outcome::classification(&model.forward(&tape.input(images.clone())), labels)
    };

    let per_epoch = plan.batches_per_epoch();
    let (mut steps, mut epoch) = (0, plan.epoch(0));
    let mut train = || -> Result<(), Failure> {
        if epoch.number() != steps / per_epoch {
            epoch = plan.epoch(steps / per_epoch);
        }
        let found =
            step(&data.train, epoch.batch(steps % per_epoch), shards, &rng.child(steps as u64), pass)?;
        optimizer.step(found.gradients)?;
        found.updates.apply();
        steps += 1;
        Ok(())
    };

    train()?;
    emit(args, "start_to_first_step_s", &[since_process_start()?]);
    let (warm, section) = if workload == Workload::W4 { (100, Some(150)) } else { (per_epoch, None) };
    for _ in 1..warm {
        train()?;
    }
    if section.is_none() {
        let accuracy = evaluate(&data.test, 200, pass)?.metric("accuracy").unwrap_or(f64::NAN);
        emit(args, "test_acc_1_epoch", &[accuracy]);
    }
    let mut rates = Vec::new();
    for _ in 0..3 {
        let (clock, mut done) = (Instant::now(), 0);
        loop {
            train()?;
            done += 1;
            let seconds = clock.elapsed().as_secs_f64();
            let enough = match section {
                Some(steps) => done >= steps,
                None => done % per_epoch == 0 && seconds >= SECONDS.0,
            };
            if enough || seconds >= SECONDS.1 {
                rates.push((done * plan.batch_size()) as f64 / seconds);
                break;
            }
        }
    }
    emit(args, "train_images_per_s", &rates);
    emit(args, "peak_rss_mib", &[peak_memory()?]);
    Ok(())
}

/// One line of JSON: the median of some values, the smallest and the largest.
fn emit(args: &Args, metric: &str, values: &[f64]) {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let peer = if args.threads == 2 { "ravine".to_owned() } else { format!("ravine-{}t", args.threads) };
    let line = serde_json::json!({
        "peer": peer,
        "version": env!("CARGO_PKG_VERSION"),
        "workload": format!("{:?}", args.workload),
        "metric": metric,
        "median": sorted[sorted.len() / 2],
        "min": sorted[0],
        "max": sorted[sorted.len() - 1],
    });
    println!("{line}");
}

/// Seconds since the system started this process.
fn since_process_start() -> Result<f64, Failure> {
    // Field 22 of the process's status, in hundredths of a second since the system started; field 2 may hold spaces.
    let stat = fs::read_to_string("/proc/self/stat")?;
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: f64 =
        after_name.split_whitespace().nth(19).ok_or("/proc/self/stat has no field 22")?.parse()?;
    let uptime = fs::read_to_string("/proc/uptime")?;
    let uptime: f64 = uptime.split_whitespace().next().ok_or("/proc/uptime is empty")?.parse()?;
    Ok(uptime - ticks / 100.0)
}

/// The most memory that this process has used, in MiB.
fn peak_memory() -> Result<f64, Failure> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    let kib: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kib / 1024.0)
}
