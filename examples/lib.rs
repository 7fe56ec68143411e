//! What the example trainers share: how they begin and end, and the flags that all of them have.

#![forbid(unsafe_code)]

use std::error::Error;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, exit};
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::{fmt, fs, io};

use clap::{Arg, ArgAction, Args, Parser, builder::RangedU64ValueParser};
use ravine::data::ImageSet;
use ravine::train::{Progress, Report, Scores, Trainer};
use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};

/// The exit code of a program that Ctrl-C ended, as shells have it: 128 and the number of the signal.
const BY_CTRL_C: u8 = 130;

/// What `main` does: reads the command line, runs the example, and tells of an error in one line.
///
/// The exit code is 0 if what was asked for was done, 1 after an error, 2 if the command line is wrong, and 130 after Ctrl-C.
pub fn start<A: Parser>(run: impl FnOnce(&A) -> Result<(), Box<dyn Error>>) -> ExitCode {
    // `--lr -1` is a wrong value, and not an unknown flag `-1`.
    let takes_value = |arg: &Arg| matches!(arg.get_action(), ArgAction::Set | ArgAction::Append);
    let command =
        A::command().mut_args(|arg| if takes_value(&arg) { arg.allow_negative_numbers(true) } else { arg });
    let args = A::from_arg_matches(&command.get_matches()).unwrap_or_else(|error| error.exit());
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(stop) if stop.is::<Interrupted>() => {
            eprintln!("{stop}");
            if ctrl_c_was_pressed() { ExitCode::from(BY_CTRL_C) } else { ExitCode::SUCCESS }
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The flags that every example which trains has.
#[derive(Args, Clone, Debug)]
pub struct RunFlags {
    /// The seed of everything random: initial weights, order of the data, samples.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// The number of threads; 0 means one for each processor. The result does not depend on it.
    #[arg(long, default_value_t = 0, value_parser = RangedU64ValueParser::<usize>::new().range(..=1024))]
    pub threads: usize,
    /// The output folder [default: one in runs/ named after the example].
    #[arg(long)]
    pub out: Option<PathBuf>,
    /// Print the result as one line of JSON.
    #[arg(long)]
    pub json: bool,
}

impl RunFlags {
    /// The folder for all that is written: `runs/NAME`, unless the command line says otherwise.
    pub fn folder(&self, name: &str) -> PathBuf {
        self.out.clone().unwrap_or_else(|| Path::new("runs").join(name))
    }

    /// The threads of an example that has no [`Trainer`].
    ///
    /// # Errors
    /// If the system gives none.
    pub fn pool(&self) -> Result<ThreadPool, ThreadPoolBuildError> {
        ThreadPoolBuilder::new().num_threads(self.threads).build()
    }
}

/// The flags of an example that trains by a [`Trainer`], and so can be stopped and resumed.
#[derive(Args, Clone, Debug)]
pub struct TrainFlags {
    #[command(flatten)]
    common: RunFlags,
    /// Continue from the checkpoint in the output folder.
    #[arg(long)]
    pub resume: bool,
    /// Stop after this many steps; --resume continues.
    #[arg(long, value_name = "N")]
    pub max_steps: Option<usize>,
}

impl Deref for TrainFlags {
    type Target = RunFlags;
    fn deref(&self) -> &RunFlags {
        &self.common
    }
}

impl TrainFlags {
    /// A run with these flags that shows itself, is kept in `folder` with a report, and is stopped by Ctrl-C.
    ///
    /// # Errors
    /// If the system takes no handler for Ctrl-C.
    pub fn trainer(&self, folder: &Path) -> Result<Trainer, ctrlc::Error> {
        Ok(Trainer::new()
            .seed(self.seed)
            .threads(self.threads)
            .folder(folder)
            .resume(self.resume)
            .max_steps(self.max_steps)
            .report(true)
            .progress(Progress::auto())
            .stop_flag(stop_on_ctrl_c()?))
    }

    /// The same for one of several runs, each kept in a folder of its own below `folder`. Those after the one that was interrupted have not begun, so they
    /// have nothing to resume from.
    ///
    /// # Errors
    /// If the system takes no handler for Ctrl-C, or none of the runs has begun.
    pub fn trainer_of_several(&self, folder: &Path, run: &str) -> Result<Trainer, Box<dyn Error>> {
        let begun = |run: &Path| run.join("last.ravine").exists();
        let mut others = fs::read_dir(folder).into_iter().flatten().flatten();
        if self.resume && !others.any(|other| begun(&other.path())) {
            let folder = folder.display();
            return Err(
                format!("--resume: found no checkpoint in the folders of {folder}, expected one").into()
            );
        }
        let run = folder.join(run);
        Ok(self.trainer(&run)?.resume(self.resume && begun(&run)))
    }
}

/// Why there is no result: Ctrl-C or `--max-steps`. It tells how to get one.
#[derive(Debug)]
pub struct Interrupted(pub &'static str);

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "interrupted; {}", self.0)
    }
}

impl Error for Interrupted {}

/// The scores on the test set of a run that came to its end.
///
/// # Errors
/// If it did not: what was found on the way is not what was asked for.
pub fn finished(report: &Report) -> Result<&Scores, Interrupted> {
    report.test().filter(|_| !report.interrupted()).ok_or(Interrupted("--resume goes on"))
}

/// Set by Ctrl-C, once there is a handler.
static STOP: OnceLock<Arc<AtomicBool>> = OnceLock::new();

fn ctrl_c_was_pressed() -> bool {
    STOP.get().is_some_and(|stop| stop.load(Ordering::Relaxed))
}

/// A flag that Ctrl-C (or a request to terminate) sets, the same at every call. The second time, the program stops at once.
///
/// # Errors
/// If the system takes no handler.
pub fn stop_on_ctrl_c() -> Result<Arc<AtomicBool>, ctrlc::Error> {
    if let Some(stop) = STOP.get() {
        return Ok(stop.clone());
    }
    let stop: Arc<AtomicBool> = Arc::default();
    let flag = stop.clone();
    ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::Relaxed) {
            exit(BY_CTRL_C.into());
        }
    })?;
    Ok(STOP.get_or_init(|| stop).clone())
}

/// Reads a flag that has to be above 0: clap's `value_parser`.
///
/// # Errors
/// If it is not.
pub fn above_zero<T: FromStr + PartialOrd + Default>(text: &str) -> Result<T, &'static str> {
    text.parse().ok().filter(|number| *number > T::default()).ok_or("expected a number above 0")
}

/// The same for a number with a fraction, which has to be finite, too: a learning rate, say.
///
/// # Errors
/// If it is not.
pub fn positive<T: FromStr + Copy + Into<f64>>(text: &str) -> Result<T, &'static str> {
    let fits = |number: f64| number > 0.0 && number.is_finite();
    text.parse().ok().filter(|&number: &T| fits(number.into())).ok_or("expected a finite number above 0")
}

/// The same for a share of something: from 0 to below 1.
///
/// # Errors
/// If it is not.
pub fn share(text: &str) -> Result<f64, &'static str> {
    text.parse().ok().filter(|share| (0.0..1.0).contains(share)).ok_or("expected a number from 0 to below 1")
}

/// The MNIST files that come with the examples.
pub fn bundled_mnist() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/data/mnist"))
}

/// Refuses images of another size than 28x28, for networks that are made for these.
///
/// # Errors
/// If they are.
pub fn check_size(images: &ImageSet) -> Result<(), String> {
    match images.shape() {
        [1, 28, 28] => Ok(()),
        [_, height, width] => Err(format!("--data: found images of {height}x{width}, expected 28x28")),
    }
}

/// The first image of each class from 0 to 9, as far as there are any.
pub fn one_of_each(images: &ImageSet) -> Vec<usize> {
    (0..10).filter_map(|class| images.labels().iter().position(|&label| label == class)).collect()
}

/// Writes a file, and the folders above it if they are missing.
///
/// # Errors
/// If the system does not let us.
pub fn write_file(path: &Path, content: impl AsRef<[u8]>) -> io::Result<()> {
    let write = || {
        path.parent().map_or(Ok(()), fs::create_dir_all)?;
        fs::write(path, content)
    };
    write().map_err(|error| named(path, error))
}

/// Makes a folder if it is missing, and tries whether it can be written into: what works for minutes should not find out at its end.
///
/// # Errors
/// If the system does not let us.
pub fn make_folder(folder: &Path) -> io::Result<()> {
    let probe = folder.join(".probe");
    let make = || {
        fs::create_dir_all(folder)?;
        fs::write(&probe, "")?;
        fs::remove_file(&probe)
    };
    make().map_err(|error| named(folder, error))
}

fn named(path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: cannot write: {error}", path.display()))
}

/// The IDX files in a folder, by name.
///
/// # Errors
/// If the folder cannot be read.
pub fn idx_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let paths: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    let is_idx =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().contains("-ubyte"));
    let mut files: Vec<PathBuf> = paths.into_iter().filter(is_idx).collect();
    files.sort();
    Ok(files)
}
