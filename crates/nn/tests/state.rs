//! Models that PyTorch saved (`tools/reference` made the files) load into the same architectures and say the same.

use std::path::PathBuf;

use ravine_autograd::{Module, StateDict, Tape, Var};
use ravine_nn::{
    BatchNorm2d, Conv2d, Flatten, Layer, Linear, Lstm, MaxPool2d, Relu, Sequential, TransformerEncoderLayer,
    sequential,
};
use ravine_tensor::safetensors::{SafeTensors, Stored};
use ravine_tensor::{Rng, Tensor};

// The derive macro writes `::ravine::Module`.
extern crate ravine_autograd as ravine;

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/data/state/{name}.safetensors"))
}

/// Loads the file into `model`, strictly, and compares what it makes of the file's input.
fn check<M: Module>(name: &str, model: &M, forward: impl Fn(&M, &Var) -> Var) {
    let file = StateDict::read(path(name)).unwrap();
    let (input, output) = (file.get("input").unwrap().clone(), file.get("output").unwrap().clone());
    let state = file.below("model.");
    let output_of = |model: &M| forward(model, &Tape::eval().input(input.clone())).into_value();
    let distance = |found: Tensor| {
        assert_eq!(found.shape(), output.shape(), "{name}");
        (&found - &output).abs().max(..).item()
    };
    assert!(distance(output_of(model)) > 0.1, "{name}: another model says something else");
    state.load_into(model).unwrap();
    assert!(distance(output_of(model)) < 1e-5, "{name}: {}", distance(output_of(model)));
    // As ours, and back again.
    let folder = tempfile::tempdir().unwrap();
    let ours = folder.path().join("ours.safetensors");
    StateDict::of(model).write(&ours).unwrap();
    let back = StateDict::read(&ours).unwrap();
    let state = state.keep(|path| !path.ends_with("num_batches_tracked"));
    assert!(
        back.len() == state.len() && back.iter().all(|(path, tensor)| state.get(path) == Some(tensor)),
        "{name}"
    );
}

#[derive(Module)]
struct Cnn {
    features: Sequential,
    classifier: Linear,
}

impl Cnn {
    fn new() -> Cnn {
        let rng = &mut Rng::new(0);
        Cnn {
            features: sequential![
                Conv2d::new(1, 4, 3, rng).padding(1),
                BatchNorm2d::new(4),
                Relu,
                MaxPool2d::new(2),
                Flatten,
            ],
            classifier: Linear::new(64, 5, rng),
        }
    }

    fn forward(&self, x: &Var) -> Var {
        self.classifier.forward(&self.features.forward(x))
    }
}

#[test]
fn a_convolutional_network() {
    check("cnn", &Cnn::new(), Cnn::forward);
}

/// PyTorch counts batches beside the running statistics; a file with such counts loads strictly, and leniently without a word of them.
#[test]
fn counted_batches_are_no_surprise() {
    let state = StateDict::read(path("cnn")).unwrap().below("model.");
    assert!(state.get("features.1.num_batches_tracked").is_some());
    state.load_into(&Cnn::new()).unwrap();
    assert!(state.load_what_fits(&Cnn::new()).is_exact());
}

#[test]
fn in_sixteen_bits() {
    for (name, stored) in [("cnn_bf16", Stored::Bf16), ("cnn_f16", Stored::F16)] {
        let file = SafeTensors::open(path(name)).unwrap();
        assert!(file.entries().iter().any(|entry| entry.dtype == stored), "{name}");
        check(name, &Cnn::new(), Cnn::forward);
    }
}

/// The residual block of He et al. 2016, with torchvision's names.
#[derive(Module)]
struct BasicBlock {
    conv1: Conv2d,
    bn1: BatchNorm2d,
    conv2: Conv2d,
    bn2: BatchNorm2d,
    downsample: Option<Sequential>,
}

impl BasicBlock {
    fn new(inputs: usize, outputs: usize, stride: usize) -> BasicBlock {
        let rng = &mut Rng::new(0);
        let conv = |inputs, kernel: usize, stride, rng: &mut Rng| {
            Conv2d::new(inputs, outputs, kernel, rng).stride(stride).padding(kernel / 2).no_bias()
        };
        BasicBlock {
            conv1: conv(inputs, 3, stride, rng),
            bn1: BatchNorm2d::new(outputs),
            conv2: conv(outputs, 3, 1, rng),
            bn2: BatchNorm2d::new(outputs),
            downsample: Some(sequential![conv(inputs, 1, stride, rng), BatchNorm2d::new(outputs)]),
        }
    }

    fn forward(&self, x: &Var) -> Var {
        let y = self.bn1.forward(&self.conv1.forward(x)).relu();
        let y = self.bn2.forward(&self.conv2.forward(&y));
        let short = self.downsample.as_ref().map_or(x.clone(), |downsample| downsample.forward(x));
        (y + short).relu()
    }
}

#[test]
fn a_residual_block() {
    check("resnet_block", &BasicBlock::new(3, 4, 2), BasicBlock::forward);
}

/// A tagger of sequences: two layers in both directions, and a linear layer at each step.
#[derive(Module)]
struct Tagger {
    lstm: Lstm,
    fc: Linear,
}

#[test]
fn a_recurrent_network() {
    let rng = &mut Rng::new(0);
    let model = Tagger { lstm: Lstm::bidirectional(3, 4, 2, rng), fc: Linear::new(8, 2, rng) };
    check("lstm", &model, |model, x| model.fc.forward(&model.lstm.forward(x).0));
}

#[test]
fn a_transformer_layer() {
    let model = TransformerEncoderLayer::with_inner(8, 2, 16, &mut Rng::new(0));
    check("transformer", &model, |model, x| model.forward(x));
}

#[test]
fn what_does_not_fit_is_named() {
    let file = StateDict::read(path("cnn")).unwrap();
    let model = Cnn::new();
    let before = StateDict::of(&model);
    let renamed =
        file.clone().below("model.").rename(|path| path.replace("classifier.bias", "classifier.shift"));
    let error = renamed.load_into(&model).unwrap_err().to_string();
    assert_eq!(
        error,
        "the state does not fit the model: 7 loaded; missing: classifier.bias; unexpected: classifier.shift"
    );
    assert_eq!(StateDict::of(&model), before, "a strict load that fails changes nothing");

    // With another head, all but the head is loaded: the first half of fine-tuning.
    let other = Cnn { classifier: Linear::new(64, 2, &mut Rng::new(1)), ..Cnn::new() };
    let report = file.below("model.").load_what_fits(&other);
    let text = report.to_string();
    assert!(text.starts_with("6 loaded; mismatched: classifier.weight (found [5, 64]"), "{text}");
    // The second half.
    other.freeze(|path| path.starts_with("features."));
    let tape = Tape::train(Rng::new(0));
    let x = tape.input(Tensor::ones([2, 1, 8, 8]));
    let grads = other.forward(&x).sum(..).backward();
    assert!(
        other.named_params().iter().all(|(path, p)| grads.get(p).is_some() == path.starts_with("classifier"))
    );
}
