//! Common mistakes, and their messages: what is wrong, where, what was expected, what to try.
//!
//! Programming mistakes are panics, which point at the line of the program that made them (here: this file). Files, data, settings and states that are wrong are
//! errors, whose text is looked at.

use std::cell::RefCell;
use std::error::Error;
use std::panic::{self, AssertUnwindSafe};

use ravine::optim::{Averaged, RateFinder};
use ravine::prelude::*;

type Said = Result<(), Box<dyn Error>>;

/// A mistake: its name, how it is made, and words that its message must contain.
struct Mistake {
    name: &'static str,
    make: fn() -> Said,
    says: &'static [&'static str],
}

/// The message about a mistake, and the file that a panic points at.
fn said_of(make: fn() -> Said) -> Option<(String, Option<String>)> {
    thread_local! {
        static FILE: RefCell<String> = const { RefCell::new(String::new()) };
    }
    let before = panic::take_hook();
    panic::set_hook(Box::new(|info| {
        let file = info.location().expect("a place").file().to_owned();
        FILE.with(|f| *f.borrow_mut() = file);
    }));
    let outcome = panic::catch_unwind(AssertUnwindSafe(make));
    panic::set_hook(before);
    match outcome {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some((error.to_string(), None)),
        Err(payload) => {
            let text = payload.downcast_ref::<String>().cloned();
            let text = text.or_else(|| payload.downcast_ref::<&str>().map(|s| s.to_string()));
            Some((text.expect("a message"), Some(FILE.take())))
        }
    }
}

macro_rules! mistakes {
    ($($name:literal => $make:block, [$($says:literal),* $(,)?];)*) => {
        [$(Mistake {
            name: $name,
            make: || {
                #[allow(unreachable_code, clippy::diverging_sub_expression)]
                {
                    $make;
                    Ok(())
                }
            },
            says: &[$($says),*],
        }),*]
    };
}

// -------------------------------------------------------------------------------------------------------- what they use

fn rng() -> Rng {
    Rng::new(0)
}

fn zeros(shape: impl Into<Shape>) -> Var {
    Tape::new().variable(Tensor::zeros(shape))
}

fn linear(inputs: usize, outputs: usize) -> Linear {
    Linear::new(inputs, outputs, &mut rng())
}

fn conv(from: usize, to: usize, kernel: usize) -> Conv2d {
    Conv2d::new(from, to, kernel, &mut rng())
}

/// Two layers, of which a pass may forget the second.
#[derive(Module)]
struct Net {
    body: Linear,
    head: Linear,
}

fn net() -> Net {
    Net { body: linear(4, 4), head: linear(4, 2) }
}

/// 32 points and their classes.
fn points() -> TensorSet {
    let x = Tensor::randn([32, 4], &mut rng());
    TensorSet::new(x, Tensor::from_fn(32, |i| (i % 2) as i64))
}

/// A run of a classifier on them.
fn train(trainer: Trainer, model: &Net, mut optimizer: impl Optimize, data: &TensorSet) -> Said {
    trainer.run(model, &mut optimizer, data, None, |tape, (x, y)| {
        let hidden = model.body.forward(&tape.input(x.clone()));
        Outcome::classification(&model.head.forward(&hidden), y)
    })?;
    Ok(())
}

/// An empty temporary folder.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

// ------------------------------------------------------------------------------------------------------------ the mistakes

fn shapes() -> impl IntoIterator<Item = Mistake> {
    mistakes! {
        "an input of the wrong width" => { let _ = linear(784, 128).forward(&zeros([64, 100])); }, ["linear: input [64, 100]", "weight [128, 784]", "the last size of the input must be the second of the weight"];
        "a forgotten flatten" => { let _ = linear(784, 128).forward(&zeros([64, 1, 28, 28])); }, ["linear: input [64, 1, 28, 28]", "weight [128, 784]", "flatten(1) makes it so"];
        "a forgotten flatten inside a chain" => {
            let net = sequential![conv(1, 8, 3), Relu, linear(8 * 26 * 26, 10)];
            let _ = net.forward(&zeros([2, 1, 28, 28]));
        }, ["linear: input [2, 8, 26, 26]", "weight [10, 5408]", "flatten(1)", "layer 2 of Sequential"];
        "no axis of channels" => { let _ = conv(1, 8, 3).forward(&zeros([64, 28, 28])); }, ["Conv2d: input [64, 28, 28]", "expected [batch, channels, height, width] with 1 channels", "unsqueeze(1)"];
        "other channels" => { let _ = conv(1, 8, 3).forward(&zeros([64, 3, 28, 28])); }, ["Conv2d: input [64, 3, 28, 28]", "with 1 channels"];
        "channels last" => { let _ = conv(3, 8, 3).forward(&zeros([64, 28, 28, 3])); }, ["Conv2d: input [64, 28, 28, 3]", "[batch, channels, height, width] with 3 channels", "movedim(-1, 1)"];
        "a kernel larger than the image" => { let _ = conv(1, 8, 5).forward(&zeros([1, 1, 4, 4])); }, ["Conv2d: kernel is [5, 5]", "axis 2 of [1, 1, 4, 4] is 4 long"];
        "pooling an image that is too small" => { let _ = MaxPool2d::new(3).forward(&zeros([1, 1, 2, 2])); }, ["MaxPool2d: kernel is [3, 3]", "expected to fit the input, [1, 1, 2, 2]"];
        "groups that do not divide the channels" => { let _ = Conv2d::grouped(6, 8, 3, 4, &mut rng()); }, ["Conv2d: groups is 4", "expected a divisor of in_channels, which is 6"];
        "a layer of no width" => { let _ = linear(0, 10); }, ["Linear: inputs is 0", "expected at least 1"];
        "batch norm of other channels" => {
            let _ = BatchNorm2d::new(8).forward(&Tape::train(rng()).input(Tensor::zeros([4, 3, 5, 5])));
        }, ["BatchNorm2d: input [4, 3, 5, 5]", "with 8 channels"];
        "batch norm of a single sample" => {
            let _ = BatchNorm1d::new(8).forward(&Tape::train(rng()).input(Tensor::zeros([1, 8])));
        }, ["BatchNorm1d: input [1, 8]", "use larger batches"];
        "attention heads that do not divide the width" => { let _ = MultiHeadAttention::new(10, 3, &mut rng()); }, ["MultiHeadAttention: heads is 3", "expected a divisor of features, which is 10"];
        "an index beyond the embedding" => {
            let _ = Embedding::new(100, 8, &mut rng()).forward(&Tape::new(), &Tensor::from([3, 100]));
        }, ["embedding: index 100", "0..100"];
        "a product of matrices that do not fit" => { let _ = zeros([64, 784]).matmul(&zeros([100, 10])); }, ["matmul: [64, 784] · [100, 10]", "inner dimensions 784 and 100 differ"];
        "a product of a matrix and its transpose, not transposed" => { let x = zeros([8, 3]); let _ = x.matmul(&x); }, ["matmul: [8, 3] · [8, 3]", "transpose the right side, with t()"];
        "shapes that do not broadcast" => { let _ = zeros([64, 10]) + zeros([64]); }, ["add: [64, 10] and [64] do not broadcast", "aligned at the last axis", "unsqueeze(-1)"];
        "a target that would broadcast" => {
            let (x, y) = (zeros([64, 1]), zeros([64]));
            let _ = loss::mse_loss(&x, &x.constant(y.value().clone()), loss::Reduction::Mean);
        }, ["mse_loss: input [64, 1] and target [64] differ", "reshape or expand"];
        "a reshape to another number of elements" => { let _ = zeros([64, 1, 28, 28]).reshape([64, 28]); }, ["reshape: [64, 1, 28, 28] has 50176 elements", "cannot become [64, 28]"];
        "two sizes for reshape to find" => { let _ = zeros([64, 784]).reshape([-1, -1]); }, ["reshape: in [-1, -1]", "at most one size can be -1"];
        "a permutation with an axis twice" => { let _ = zeros([2, 3, 4]).permute([0, 1, 1]); }, ["permute: [0, 1, 1]", "every axis of [2, 3, 4] once"];
        "an axis that there is not" => { let _ = zeros([64, 10]).sum(2); }, ["sum: axis 2", "[64, 10], which has 2 axes"];
        "a slice beyond the end" => { let _ = zeros([64, 10]).narrow(1, 5, 10); }, ["narrow: 10 elements from 5 on", "beyond axis 1 of shape [64, 10]"];
        "joining what differs elsewhere" => { let (a, b) = (zeros([2, 3]), zeros([2, 4])); let _ = Var::cat(&[&a, &b], 0); }, ["cat: [2, 3] and [2, 4]", "beside axis 0"];
        "joining nothing" => { let _ = Tensor::<f32>::cat(&[], 0); }, ["cat: there is nothing to join"];
        "an axis of einsum without an operand" => { let _ = Var::einsum("ij,jk->ik", &[&zeros([2, 3])]); }, ["einsum: 2 terms for 1 operands", "ij,jk->ik\n"];
        "einsum over sizes that differ" => { let x = zeros([2, 3]); let _ = Var::einsum("ij,jk->ik", &[&x, &x]); }, ["einsum: 'j' has size 3 before, but 2 in operand 1 of shape [2, 3]", "     ^"];
        "an output letter that einsum does not know" => { let _ = Var::einsum("ij->k", &[&zeros([2, 3])]); }, ["einsum: 'k' of the output is in no operand", "      ^"];
        "the number in a tensor of many" => { let _ = zeros([3]).item(); }, ["item: a tensor of shape [3] has 3 elements, not one"];
        "numbers that do not fill the shape" => { let _ = Tensor::from_slice(&[1.0f32, 2.0, 3.0], [2, 2]); }, ["from_slice: 3 values do not fill shape [2, 2]"];
        "a range that ends before it begins" => { let _ = Tensor::<f32>::uniform([3], 1.0, -1.0, &mut rng()); }, ["uniform: the lower bound 1 is above the upper bound -1"];
        "a sequence longer than the positions" => {
            let layer = TransformerEncoderLayer::new(8, 2, &mut rng()).rotary(4);
            let _ = layer.forward(&zeros([1, 9, 8]));
        }, ["RotaryPositions: input [1, 2, 9, 4]", "a length of at most 4 positions"];
        "lengths beyond the sequence" => {
            let layer = TransformerEncoderLayer::new(8, 2, &mut rng());
            let _ = layer.forward_masked(&zeros([2, 5, 8]), &Mask::none().lengths(&[3, 9]));
        }, ["Mask: lengths is [3, 9]", "at most 5, as many as there are keys"];
    }
}

fn labels() -> impl IntoIterator<Item = Mistake> {
    mistakes! {
        "one-hot labels where indices are wanted" => {
            let _ = zeros([4, 3]).cross_entropy(&Tensor::<i64>::zeros([4, 3]));
        }, ["cross_entropy: logits [4, 3] and targets [4, 3]", "one class index per row", "argmax(-1)"];
        "a label beyond the classes" => { let _ = zeros([2, 10]).cross_entropy(&Tensor::from([3, 10])); }, ["cross_entropy: target 10 is not a class", "classes 0..10"];
        "labels that count from 1" => { let _ = zeros([2, 3]).cross_entropy(&Tensor::from([1, 3])); }, ["cross_entropy: target 3 is not a class", "classes 0..3", "counted from 0"];
        "a label of -1 for nothing" => { let _ = zeros([2, 10]).cross_entropy(&Tensor::from([-1, 0])); }, ["cross_entropy: target -1 is not a class", "ignore_index"];
        "too few labels" => { let _ = zeros([64, 10]).cross_entropy(&Tensor::<i64>::zeros([32])); }, ["cross_entropy: logits [64, 10] and targets [32]", "one class index per row"];
        "probabilities where logits are wanted" => {
            let _ = zeros([2, 3]).softmax().cross_entropy(&Tensor::from([0, 1]));
        }, ["cross_entropy: the logits [2, 3] come out of softmax", "give it what went in"];
        "logits where probabilities are wanted" => {
            let x = Tape::new().variable(Tensor::from([2.0, -1.0]));
            let _ = loss::binary_cross_entropy(&x, &x.constant(Tensor::from([1.0, 0.0])), None, loss::Reduction::Mean);
        }, ["binary_cross_entropy: probability 2", "expected 0 to 1", "binary_cross_entropy_with_logits"];
        "labels of 0 and 1 where signs are wanted" => {
            let x = zeros([2]);
            let _ = loss::hinge_loss(&x, &Tensor::from([0.0, 1.0]), 1.0, loss::Reduction::Mean);
        }, ["hinge_loss: target 0", "expected 1 or -1"];
        "classes in the second axis" => {
            let _ = zeros([2, 3, 4, 4]).cross_entropy(&Tensor::<i64>::zeros([2, 4, 4]));
        }, ["cross_entropy: logits [2, 3, 4, 4] and targets [2, 4, 4]", "classes are the last axis: movedim(1, -1)"];
        "a column of predictions for a row of numbers" => {
            let _ = Outcome::regression(&zeros([32, 1]), &Tensor::zeros([32]));
        }, ["Outcome::regression: prediction [32, 1] and target [32] differ", "squeeze(1)"];
    }
}

fn gradients() -> impl IntoIterator<Item = Mistake> {
    mistakes! {
        "backward from many numbers" => { let _ = zeros([64]).square().backward(); }, ["backward: a value of shape [64] is not a single number", "mean(..) or sum(..)"];
        "backward twice" => { let loss = zeros([3]).square().sum(..); loss.backward(); loss.backward(); }, ["the derivative of sum (crates/ravine/tests/mistakes.rs:", "freed by an earlier backward", "backward_retained"];
        "backward on a tape that does not record" => {
            let net = net();
            let tape = Tape::eval();
            let loss = net.head.forward(&tape.input(Tensor::ones([1, 4]))).sum(..);
            Optimizer::new(&net.head, Sgd::default(), 0.1).step(loss.backward())?;
        }, ["backward: this tape records nothing", "Tape::train or Tape::new"];
        "two tapes in one sum" => { let _ = zeros([3]) + zeros([3]); }, ["add: the inputs are on different tapes", "the variable of crates/ravine/tests/mistakes.rs:", "one forward pass uses one tape"];
        "a gradient by a value of another tape" => { let _ = grad(&zeros([]), &[&zeros([3])], false); }, ["grad: an input is on another tape than the output"];
        "a seed of another shape" => { let _ = zeros([3]).square().backward_from(Tensor::ones([4])); }, ["backward_from: a seed of shape [4] for a value of shape [3]"];
        "an op whose derivative was forgotten" => {
            let x = zeros([3]);
            let y = record("double", [&x], x.value() * 2.0, |_, _| [None]);
            y.sum(..).backward();
        }, ["double: backward gave no gradient for input 0, which needs one", "crates/ravine/tests/mistakes.rs:"];
        "a derivative of the wrong shape" => {
            let x = zeros([3]);
            let y = record("double", [&x], x.value() * 2.0, |dy, _| [Some(dy.constant(Tensor::ones([5])))]);
            y.sum(..).backward();
        }, ["double: backward gave a gradient of shape [5] for an input of shape [3]", "crates/ravine/tests/mistakes.rs:"];
        "a loss that is not reduced" => { let x = zeros([8, 3]); let _ = Outcome::new(x.square(), 8); }, ["Outcome::new: a loss of shape [8, 3]", "reduce it, with mean(..)"];
        "dropout in training without a random stream" => { let _ = Tape::<f32>::new().with_rng(|rng| Tensor::<f32>::randn([3], rng)); }, ["no random stream", "Tape::train"];
        "new values of another shape for a parameter" => { linear(4, 2).weight.set(Tensor::zeros([4, 2])); }, ["set: a parameter of shape [2, 4] cannot take a value of shape [4, 2]"];
    }
}

fn optimizers() -> impl IntoIterator<Item = Mistake> {
    mistakes! {
        "a layer that the pass forgets" => {
            let net = net();
            let loss = net.body.forward(&Tape::new().input(Tensor::ones([8, 4]))).square().mean(..);
            Optimizer::new(&net, Sgd::default(), 0.1).step(loss.backward())?;
        }, ["head.weight: the loss gave it no gradient", "use it in the forward pass, freeze it (set_frozen), or declare it optional"];
        "a value that was detached" => {
            let net = net();
            let hidden = net.body.forward(&Tape::new().input(Tensor::ones([8, 4]))).detach();
            let loss = net.head.forward(&hidden).square().mean(..);
            Optimizer::new(&net, Sgd::default(), 0.1).step(loss.backward())?;
        }, ["body.weight: the loss gave it no gradient"];
        "everything frozen" => {
            let net = net();
            net.named_params().iter().for_each(|(_, param)| param.set_frozen(true));
            train(Trainer::new(), &net, Optimizer::new(&net, Sgd::default(), 0.1), &points())?;
        }, ["all parameters are frozen", "set_frozen(false)"];
        "a gradient that is not a number" => {
            let net = linear(4, 2);
            let x = Tensor::from([[1.0, f32::NAN, 0.0, 0.0]]);
            let loss = net.forward(&Tape::new().input(x)).square().mean(..);
            Optimizer::new(&net, Sgd::default(), 0.1).step(loss.backward())?;
        }, ["weight: its gradient is not finite", "smaller learning rate or clip_norm"];
        "a negative learning rate" => {
            let net = linear(4, 2);
            let loss = net.forward(&Tape::new().input(Tensor::ones([1, 4]))).square().mean(..);
            Optimizer::new(&net, Sgd::default(), -0.1).step(loss.backward())?;
        }, ["learning rate of step 0: found -0.1", "not negative", "maximize"];
        "a schedule that gives no number" => {
            let net = linear(4, 2);
            let loss = net.forward(&Tape::new().input(Tensor::ones([1, 4]))).square().mean(..);
            Optimizer::new(&net, Sgd::default(), Cosine::new(f64::NAN, 10)).step(loss.backward())?;
        }, ["learning rate of step 0: found NaN"];
        "a group that nothing is in" => {
            let _ = Optimizer::new(&net(), Sgd::default(), 0.1)
                .group(Group::new(|path, _| path.starts_with("classifier.")).rate_factor(10.0));
        }, ["Optimizer::group: group 1 wants none of the parameters body.weight, body.bias, head.weight, head.bias", "optional()"];
        "the state of another rule" => {
            let net = net();
            let saved = Optimizer::new(&net, Sgd::momentum(0.9), 0.1).state();
            Optimizer::new(&net, Adam::default(), 0.1).load_state(&saved)?;
        }, ["optimizer state: rule: found Sgd, expected Adam"];
        "the optimizer of a clone" => {
            let net = net();
            let clone = Net { body: net.body.clone(), head: net.head.clone() };
            train(Trainer::new(), &net, Optimizer::new(&clone, Sgd::default(), 0.1), &points())?;
        }, ["body.weight: the loss gave it no gradient, but gave one to 4 parameters that are not the optimizer's", "not for a clone"];
        "a momentum of 9 for 0.9" => { let _ = Sgd::momentum(9.0); }, ["Sgd::momentum: found 9", "from 0 to below 1 (usual: 0.9)"];
        "gradients clipped to nothing" => {
            let _ = Optimizer::new(&net(), Sgd::default(), 0.1).clip_norm(0.0);
        }, ["Optimizer::clip: limit: found 0", "above 0"];
        "a weight decay that lets weights grow" => {
            let net = net();
            train(Trainer::new(), &net, Optimizer::new(&net, Sgd::default(), 0.1).weight_decay(-1e-4), &points())?;
        }, ["weight decay of step 0: found -0.0001", "not negative"];
        "an average that forgets what it should keep" => {
            let net = net();
            let _ = Averaged::ema(&net, Optimizer::new(&net, Sgd::default(), 0.1), 1.0);
        }, ["Averaged::ema: decay: found 1", "from 0 to below 1 (usual: 0.999)"];
        "a range test of a single rate" => {
            let net = linear(4, 1);
            let finder = RateFinder { steps: 1, ..RateFinder::default() };
            finder.run(&net, Sgd::default(), |tape, _| net.forward(&tape.input(Tensor::ones([2, 4]))).mean(..))?;
        }, ["RateFinder: steps: found 1", "at least 2"];
    }
}

fn runs() -> impl IntoIterator<Item = Mistake> {
    mistakes! {
        "a learning rate that is too large" => {
            let net = net();
            train(Trainer::new().epochs(50), &net, Optimizer::new(&net, Sgd::momentum(0.9), 1e4), &points())?;
        }, ["the loss is NaN", "is the first that is not finite", "crates/ravine/tests/mistakes.rs:", "a learning rate below 10k", "warm-up, or clipping"];
        "data that is not a number" => {
            let (net, good) = (net(), points());
            let x = Tensor::from_fn([32, 4], |i| if i == 57 { f32::NAN } else { 0.5 });
            let data = TensorSet::new(x, good.y().clone());
            train(Trainer::new(), &net, Optimizer::new(&net, Sgd::default(), 0.1), &data)?;
        }, ["step 0: the loss is NaN", "input (crates/ravine/tests/mistakes.rs:", "gave a NaN: element", "it is the data", "look at this batch"];
        "batches of no sample" => {
            let net = net();
            train(Trainer::new().batch_size(0), &net, Optimizer::new(&net, Sgd::default(), 0.1), &points())?;
        }, ["batch_size: found 0, expected at least 1"];
        "a data set of no sample" => {
            let net = net();
            let empty = TensorSet::new(Tensor::zeros([0, 4]), Tensor::<i64>::zeros([0]));
            train(Trainer::new(), &net, Optimizer::new(&net, Sgd::default(), 0.1), &empty)?;
        }, ["training data: found 0 samples, expected enough for one batch"];
        "resuming without a folder" => {
            let net = net();
            train(Trainer::new().resume(true), &net, Optimizer::new(&net, Sgd::default(), 0.1), &points())?;
        }, ["folder: found none, expected a folder to keep the checkpoint in"];
        "a goal that nobody measures" => {
            let net = net();
            let trainer = Trainer::new().goal(Goal::highest("acuracy")).patience(3);
            train(trainer, &net, Optimizer::new(&net, Sgd::default(), 0.1), &points())?;
        }, ["goal: metric: found acuracy, expected one of loss, accuracy"];
        "resuming with another model" => {
            let (folder, net) = (folder(), net());
            train(Trainer::new().folder(folder.path()).epochs(1), &net, Optimizer::new(&net, Sgd::default(), 0.1), &points())?;
            let other = Net { body: linear(4, 8), head: linear(8, 2) };
            let trainer = Trainer::new().folder(folder.path()).epochs(2).resume(true);
            train(trainer, &other, Optimizer::new(&other, Sgd::default(), 0.1), &points())?;
        }, ["checkpoint: body.weight: found body.weight [4, 4], expected body.weight [8, 4]", "resume with what the run began with"];
        "resuming with another batch size" => {
            let (folder, net) = (folder(), net());
            train(Trainer::new().folder(folder.path()).epochs(1), &net, Optimizer::new(&net, Sgd::default(), 0.1), &points())?;
            let trainer = Trainer::new().folder(folder.path()).epochs(2).batch_size(7).resume(true);
            train(trainer, &net, Optimizer::new(&net, Sgd::default(), 0.1), &points())?;
        }, ["checkpoint: batch_size: found 64, expected 7", "begin in another folder"];
        "inputs and labels of different lengths" => {
            let _ = TensorSet::new(Tensor::<f32>::zeros([32, 4]), Tensor::<i64>::zeros([31]));
        }, ["TensorSet::new: x [32, 4] and y [31]", "the same first axis"];
        "batches of no sample, in a loop of one's own" => {
            let _ = Loader::new(points(), 0, Order::Sequential);
        }, ["batch_size: found 0, expected at least 1"];
        "weights for other samples" => {
            let (net, weights) = (net(), Weights::balancing(&[0, 1]));
            let trainer = Trainer::new().order(Order::Weighted { seed: 0, weights });
            train(trainer, &net, Optimizer::new(&net, Sgd::default(), 0.1), &points())?;
        }, ["order: found one of 2 samples", "expected one of all training samples"];
        "a deviation of 0 for normalising" => {
            let _ = ImageSet::new(vec![0; 4], [1, 2, 2], vec![0], 10)?.normalize(0.1, 0.0);
        }, ["normalize: mean 0.1 and deviation 0", "above 0"];
    }
}

fn files() -> impl IntoIterator<Item = Mistake> {
    mistakes! {
        "a folder without the data" => { Mnist::load("no/such/folder")?; }, ["no/such/folder: files: found no train-images-idx3-ubyte", "or train-images-idx3-ubyte.gz"];
        "a file where the folder is wanted" => {
            let folder = folder();
            let file = folder.path().join("train-images-idx3-ubyte");
            std::fs::write(&file, b"")?;
            Mnist::load(&file)?;
        }, ["train-images-idx3-ubyte: path: found a file", "the folder that the four files are in"];
        "bytes that are not so many images" => { ImageSet::new(vec![0; 100], [1, 28, 28], vec![3], 10)?; }, ["images: length: found 100", "1 images of shape [1, 28, 28], one for each label"];
        "a label beyond the classes in a file" => { ImageSet::new(vec![0; 4], [1, 2, 2], vec![12], 10)?; }, ["labels: label of row 0: found 12, expected a class below 10"];
        "the state of another architecture" => {
            let deeper = sequential![linear(4, 4), Relu, linear(4, 2)];
            StateDict::of(&deeper).load_into(&net())?;
        }, ["the state does not fit the model: 0 loaded", "missing: body.weight", "unexpected: 0.weight"];
        "the state of a wider model" => {
            StateDict::of(&Net { body: linear(4, 8), head: linear(8, 2) }).load_into(&net())?;
        }, ["mismatched: body.weight (found [8, 4], expected [4, 4])"];
        "a state that is no safetensors file" => {
            let folder = folder();
            let path = folder.path().join("model.safetensors");
            std::fs::write(&path, b"PK\x03\x04\x00\x00\x00\x00\x00\x00 what torch.save writes")?;
            StateDict::read(&path)?;
        }, ["model.safetensors: content: found a zip archive, as torch.save writes", "safetensors.torch.save_file"];
        "a checkpoint that was cut off" => {
            let (folder, net) = (folder(), net());
            let path = folder.path().join("state.ravine");
            ravine::train::file::write(&path, &StateDict::of(&net))?;
            let bytes = std::fs::read(&path)?;
            std::fs::write(&path, &bytes[..bytes.len() / 2])?;
            ravine::train::file::read::<StateDict>(&path)?;
        }, ["state.ravine: length: found", "the file is torn"];
    }
}

#[test]
fn each_is_told_what_where_and_what_to_do() {
    let (mut count, mut wrong) = (0, Vec::new());
    let all = [
        shapes().into_iter().collect::<Vec<_>>(),
        labels().into_iter().collect(),
        gradients().into_iter().collect(),
    ];
    let more = [
        optimizers().into_iter().collect::<Vec<_>>(),
        runs().into_iter().collect(),
        files().into_iter().collect(),
    ];
    for Mistake { name, make, says } in all.into_iter().chain(more).flatten() {
        count += 1;
        match said_of(make) {
            None => wrong.push(format!("{name}: nothing is said")),
            Some((text, file)) => {
                if let Some(file) = file.filter(|file| file != file!()) {
                    wrong.push(format!("{name}: it points at {file}: {text}"));
                }
                for words in says.iter().filter(|&&words| !text.contains(words)) {
                    wrong.push(format!("{name}: without {words:?}: {text}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count > 80, "docs/debugging.md tells of more than eighty");
}
