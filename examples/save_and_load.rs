//! A model to a file and back, by the names of its parameters.
//!
//! ```text
//! cargo run --example save_and_load -- /tmp/cnn
//! ```
//!
//! writes `cnn.safetensors`, which PyTorch's `load_state_dict` takes as it is, and beside it an input and the model's output for it;
//! `tools/check_safetensors.py` opens both there and compares. `cnn.ravine` is the same state in bincode with a checksum, as
//! checkpoints are written.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use ravine::prelude::*;
use ravine::train::file;
use ravine_examples::start;

/// Writes a model to files, and reads it back.
#[derive(Parser)]
struct Args {
    /// Where to write: a path without an extension.
    path: PathBuf,
}

#[derive(Module)]
struct Cnn {
    features: Sequential,
    classifier: Linear,
}

impl Cnn {
    fn new(rng: &mut Rng) -> Self {
        Cnn {
            features: sequential![
                Conv2d::new(1, 8, 3, rng).padding(1),
                BatchNorm2d::new(8),
                Relu,
                MaxPool2d::new(2),
                Flatten
            ],
            classifier: Linear::new(8 * 14 * 14, 10, rng),
        }
    }

    fn forward(&self, x: &Var) -> Var {
        self.classifier.forward(&self.features.forward(x))
    }
}

fn main() -> ExitCode {
    start(run)
}

fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    // Appended, because `with_extension` would take the end of `model-1.5` for one.
    let with = |ending: &str| {
        let mut path = args.path.clone().into_os_string();
        path.push(ending);
        PathBuf::from(path)
    };
    let [path, check, ours] = [".safetensors", ".check.safetensors", ".ravine"].map(with);

    let model = Cnn::new(&mut Rng::new(1));
    let images = Tensor::randn([4, 1, 28, 28], &mut Rng::new(2));
    println!("{}", model.tree());
    println!("{}", Summary::of(&model, images.clone(), |x| model.forward(x)));

    // Move the running statistics away from where they began.
    let tape = Tape::train(Rng::new(3));
    model.forward(&tape.input(images.clone()));
    tape.take_buffer_updates().apply();
    StateDict::of(&model).write(&path)?;

    // Into a model that was made otherwise: every name and every shape has to fit.
    let again = Cnn::new(&mut Rng::new(99));
    StateDict::read(&path)?.load_into(&again)?;
    let output = |model: &Cnn| model.forward(&Tape::eval().input(images.clone())).into_value();
    assert_eq!(output(&again), output(&model));

    file::write(&ours, &StateDict::of(&model))?;
    assert_eq!(file::read::<StateDict>(&ours)?, StateDict::of(&model));

    let pair = [("input".to_string(), images.clone()), ("output".to_string(), output(&model))];
    pair.into_iter().collect::<StateDict>().write(&check)?;
    println!("{}: {} tensors, read back to the bit", path.display(), StateDict::of(&model).len());
    Ok(())
}
