//! What layers promise beside their formulas: bad settings named, noise only in training, statistics of shards, weights that are shared,
//! settings that show, documentation.

#[path = "pytorch/exported.rs"]
mod exported;

use std::panic::{AssertUnwindSafe, catch_unwind};

use ravine_autograd::{BufferUpdates, Module, Param, Tape, Var};
use ravine_nn::*;
use ravine_tensor::{Pad, Rng, Tensor, sequential};

fn message(f: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(f)).expect_err("a panic");
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).expect("a message")
}

/// Takes a layer that should not have come to be.
fn made<L>(_: L) {}

#[test]
fn bad_settings_are_named_with_layer_and_field() {
    let rng = || Rng::new(0);
    let forward = |layer: &dyn Layer, shape: &[usize]| {
        let _ = layer.forward(&Tape::eval().input(Tensor::zeros(shape)));
    };
    let cases: Vec<(Box<dyn FnOnce()>, &str)> = vec![
        (Box::new(|| made(Linear::new(0, 3, &mut rng()))), "Linear: inputs is 0; expected at least 1"),
        (Box::new(|| made(Bilinear::new(2, 3, 0, &mut rng()))), "Bilinear: outputs is 0"),
        (Box::new(|| made(Conv1d::new(2, 3, 0, &mut rng()))), "Conv1d: kernel is [0]; expected at least 1"),
        (Box::new(|| made(Conv2d::new(2, 3, 3, &mut rng()).stride([1, 0]))), "Conv2d: stride is [1, 0]"),
        (
            Box::new(|| made(Conv2d::grouped(4, 6, 3, 4, &mut rng()))),
            "Conv2d: groups is 4; expected a divisor of out_channels, which is 6",
        ),
        (
            Box::new(|| made(Conv2d::new(4, 6, 3, &mut rng()).stride(2).padding(Padding::Same))),
            "Conv2d: stride is [2, 2]; expected 1 with Padding::Same",
        ),
        (
            Box::new(|| forward(&Conv2d::new(1, 1, 5, &mut rng()), &[1, 1, 3, 7])),
            "Conv2d: kernel is [5, 5], with dilation [1, 1]; expected to fit the padded input, but axis 2 of [1, 1, 3, 7] is 3 long",
        ),
        (
            Box::new(|| forward(&Conv1d::new(2, 1, 5, &mut rng()), &[1, 3, 7])),
            "Conv1d: input [1, 3, 7]; expected [batch, channels, length] with 2 channels",
        ),
        (
            Box::new(|| forward(&ConvTranspose1d::new(2, 1, 5, &mut rng()).output_padding(1), &[1, 2, 7])),
            "ConvTranspose1d: output_padding is [1]; expected less than stride or dilation, 1",
        ),
        (
            Box::new(|| made(MaxPool2d::new(2).padding(2))),
            "MaxPool2d: padding is [2, 2]; expected at most half the kernel",
        ),
        (
            Box::new(|| forward(&AvgPool1d::new(4), &[1, 1, 3])),
            "AvgPool1d: kernel is [4]; expected to fit the input",
        ),
        (Box::new(|| made(AdaptiveAvgPool2d::new([0, 1]))), "AdaptiveAvgPool2d: output is [0, 1]"),
        (Box::new(|| made(BatchNorm2d::new(3).eps(0.0))), "BatchNorm2d: eps is 0; expected more than 0"),
        (Box::new(|| made(BatchNorm1d::new(3).momentum(1.5))), "BatchNorm1d: momentum is 1.5"),
        (
            Box::new(|| made(GroupNorm::new(4, 6))),
            "GroupNorm: groups is 4; expected a divisor of channels, which is 6",
        ),
        (Box::new(|| made(LayerNorm::new([3, 0]))), "LayerNorm: shape is [3, 0]"),
        (
            Box::new(|| forward(&InstanceNorm1d::new(3), &[2, 3, 1])),
            "InstanceNorm1d: input [2, 3, 1] has one place",
        ),
        (
            Box::new(|| made(Embedding::new(4, 3, &mut rng()).padding_idx(4))),
            "Embedding: padding_idx is 4; expected less than entries, which is 4",
        ),
        (
            Box::new(|| {
                let (index, bags) = (Tensor::from([0, 1, 2]), EmbeddingBag::new(4, 3, &mut rng()));
                let _ = bags.forward_from(&Tape::eval(), &index, &[0, 4], None);
            }),
            "EmbeddingBag: offsets is [0, 4]; expected numbers that begin at 0 and rise to 3 at most",
        ),
        (
            Box::new(|| {
                let (tape, bags) = (Tape::eval(), EmbeddingBag::new(4, 3, &mut rng()));
                let _ =
                    bags.forward_from(&tape, &Tensor::from([0]), &[0], Some(&tape.input(Tensor::ones([1]))));
            }),
            "EmbeddingBag: mode is Mean and factors [1]; expected Sum and [1]",
        ),
        (Box::new(|| made(Upsample::nearest_to([3, 0]))), "Upsample: size is [3, 0]; expected at least 1"),
        (
            Box::new(|| made(Upsample::nearest(2).align_corners())),
            "Upsample: align_corners of nearest; expected bilinear",
        ),
        (
            Box::new(|| forward(&Upsample::bilinear_to(2), &[1, 1, 0, 2])),
            "Upsample: input [1, 1, 0, 2]; expected an image that is not empty, to be made [2, 2]",
        ),
        (Box::new(|| made(Dropout::new(1.0))), "Dropout: p is 1; expected 0 <= p < 1"),
        (Box::new(|| made(AlphaDropout::new(-0.1))), "AlphaDropout: p is -0.1"),
        (Box::new(|| forward(&Dropout2d::new(0.1), &[2, 3])), "Dropout2d: input [2, 3]"),
        (
            Box::new(|| made(Hardtanh::new(1.0, 1.0))),
            "Hardtanh: low is 1; expected less than high, which is 1",
        ),
        (Box::new(|| forward(&PRelu::new(4), &[2, 3])), "PRelu: input [2, 3]; expected [batch, 4, ..]"),
        (
            Box::new(|| forward(&PRelu { weight: Param::new(Tensor::ones([1, 4])) }, &[2, 3])),
            "prelu: weight [1, 4] does not broadcast to input [2, 3]",
        ),
        (Box::new(|| made(Lstm::new(3, 4, 0, &mut rng()))), "Lstm: layers is 0"),
        (Box::new(|| made(Gru::new(3, 4, 1, &mut rng()).dropout(1.0))), "Gru: dropout is 1"),
        (
            Box::new(|| {
                let x = Tape::eval().input(Tensor::zeros([2, 5, 3]));
                let _ = Rnn::new(3, 4, 1, &mut rng()).forward_from(&x, None, Some(&[5, 6]));
            }),
            "Rnn: lengths is [5, 6]; expected one from 1 to 5 for each of the 2 samples",
        ),
        (
            Box::new(|| {
                let x = Tape::eval().input(Tensor::zeros([2, 3, 4]));
                let mask = Mask::none().bias(Tensor::zeros([3, 1, 3, 3]));
                let _ = MultiHeadAttention::new(4, 2, &mut rng()).forward(&x, &x, &x, &mask);
            }),
            "MultiHeadAttention: the bias of the mask is [3, 1, 3, 3]; expected to broadcast to the scores, [2, 2, 3, 3]",
        ),
        (Box::new(|| made(MultiHeadAttention::new(6, 0, &mut rng()))), "MultiHeadAttention: heads is 0"),
        (
            Box::new(|| made(TransformerEncoderLayer::new(6, 4, &mut rng()))),
            "TransformerEncoderLayer: heads is 4; expected a divisor of features, which is 6",
        ),
        (
            Box::new(|| forward(&SinusoidalPositions::new(4, 10), &[2, 11, 4])),
            "SinusoidalPositions: input [2, 11, 4]; expected [.., length, 4] with a length of at most 10",
        ),
        (
            Box::new(|| made(RotaryPositions::new(5, 10))),
            "RotaryPositions: features is 5; expected an even number",
        ),
        (
            Box::new(|| forward(&PixelShuffle::new(2), &[1, 6, 2, 2])),
            "PixelShuffle: factor² is 4; expected a divisor of",
        ),
        (
            Box::new(|| forward(&Unflatten::new(1, [2, 2]), &[3, 5])),
            "Unflatten: axis 1 of input [3, 5] is 5 long",
        ),
        (Box::new(|| forward(&Parallel::new(Join::Sum), &[1])), "Parallel: branches is empty"),
        (
            Box::new(|| {
                let of = |outputs| Linear::new(3, outputs, &mut rng());
                forward(&Parallel::new(Join::Sum).branch(of(4)).branch(of(4)).branch(of(1)), &[2, 3]);
            }),
            "Parallel: branch 0 gives [2, 4], branch 2 [2, 1]; expected the same shape",
        ),
        (
            Box::new(|| forward(&Residual::new(Linear::new(3, 2, &mut rng())), &[4, 3])),
            "Residual: body gives [4, 2], shortcut [4, 3]",
        ),
    ];
    for (bad, expected) in cases {
        let found = message(bad);
        assert!(found.starts_with(expected), "found `{found}`, expected `{expected}`");
    }
}

#[test]
fn noise_is_drawn_in_training_alone_and_from_the_tape() {
    let x = Tensor::ones([4, 6, 8, 8]);
    let layers: [Box<dyn Layer>; 3] =
        [Box::new(Dropout::new(0.5)), Box::new(Dropout2d::new(0.5)), Box::new(AlphaDropout::new(0.5))];
    for layer in layers {
        let train = |seed| layer.forward(&Tape::train(Rng::new(seed)).input(x.clone())).into_value();
        assert_eq!(train(1), train(1));
        assert_ne!(train(1), train(2));
        assert_eq!(layer.forward(&Tape::new().input(x.clone())).value(), &x);
    }
}

#[test]
fn dropout_drops_the_share_that_it_says_and_keeps_the_mean() {
    let n = 40_000;
    for p in [0.1, 0.5, 0.8] {
        let train =
            |layer: &dyn Layer, x: Tensor| layer.forward(&Tape::train(Rng::new(7)).input(x)).into_value();
        // Four standard deviations of the share of n coins.
        let share = |dropped: usize, n: usize| {
            let off = (dropped as f64 / n as f64 - p).abs();
            assert!(off < 4.0 * (p * (1.0 - p) / n as f64).sqrt(), "{dropped} of {n}, p {p}");
        };
        let y = train(&Dropout::new(p), Tensor::ones(n));
        let kept = (1.0 / (1.0 - p)) as f32;
        assert!(y.iter().all(|y| y == 0.0 || y == kept));
        share(y.count(|y| y == 0.0), n);

        let y = train(&Dropout2d::new(p), Tensor::ones([n / 100, 100, 2, 3]));
        let channels = y.sum([2, 3]);
        assert!(channels.iter().all(|sum| sum == 0.0 || (sum - 6.0 * kept).abs() < 1e-4));
        share(channels.count(|sum| sum == 0.0), n);

        let x = Tensor::randn(n, &mut Rng::new(8));
        let y = train(&AlphaDropout::new(p), x);
        let (mean, var) = (y.mean(..).item(), y.var(.., 0).item());
        assert!(mean.abs() < 0.03 && (var - 1.0).abs() < 0.05, "p {p}: mean {mean}, variance {var}");
    }
}

#[test]
fn dropout_inside_of_layers_is_for_training_alone() {
    let rng = &mut Rng::new(0);
    let x = Tensor::randn([2, 4, 8], rng);
    let lstm = Lstm::new(8, 8, 2, rng).dropout(0.5);
    let encoder = TransformerEncoderLayer::new(8, 2, rng).dropout(0.5);
    let run = |tape: Tape| {
        let x = tape.input(x.clone());
        [lstm.forward(&x).0.into_value(), encoder.forward(&x).into_value()]
    };
    let [eval, again] = [run(Tape::eval()), run(Tape::new())];
    assert_eq!(eval, again);
    let [one, two] = [run(Tape::train(Rng::new(1))), run(Tape::train(Rng::new(2)))];
    assert!((0..2).all(|i| one[i] != two[i] && one[i] != eval[i]));
    assert_eq!(one, run(Tape::train(Rng::new(1))));
}

/// The rule: each shard by its own statistics; the running ones move towards their mean, weighted by samples, in the order of the shards.
#[test]
fn running_statistics_of_shards_are_their_mean_by_samples_whatever_the_threads() {
    let x = Tensor::normal([24, 3, 5, 5], 2.0, 3.0, &mut Rng::new(0));
    let shards = [(0, 8), (8, 4), (12, 12)];
    let train = |threads: usize| {
        let layer = BatchNorm2d::new(3);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let updates: Vec<BufferUpdates> = pool.install(|| {
            use rayon::prelude::*;
            let run = |&(start, len): &(usize, usize)| {
                sequential(|| {
                    let tape = Tape::train(Rng::new(0));
                    let _ = layer.forward(&tape.input(x.narrow(0, start, len)));
                    tape.take_buffer_updates()
                })
            };
            shards.par_iter().map(run).collect()
        });
        BufferUpdates::merge(updates).apply();
        [layer.running_mean, layer.running_var].map(|buffer| buffer.unwrap().value()).into()
    };
    let (mean, var) = train(1);
    let (mut want_mean, mut want_var) = (Tensor::zeros([3]), Tensor::zeros([3]));
    for (start, len) in shards {
        let shard = x.narrow(0, start, len);
        let share = len as f32 / 24.0;
        want_mean += &(shard.mean([0, 2, 3]) * share);
        want_var += &(shard.var([0, 2, 3], 1) * share);
    }
    assert!((&mean - &(want_mean * 0.1)).iter().all(|d| d.abs() < 1e-6));
    assert!((&var - &(want_var * 0.1 + 0.9)).iter().all(|d| d.abs() < 1e-5));
    for threads in [2, 3, 4, 8] {
        assert_eq!(train(threads), (mean.clone(), var.clone()), "{threads} threads");
    }
}

/// The embedding of a language model is often its output matrix, too.
#[test]
fn a_tied_weight_is_one_parameter_with_the_sum_of_its_gradients() {
    let rng = &mut Rng::new(0);
    let first = Linear::new(4, 4, rng).no_bias();
    let mut second = Linear::new(4, 4, rng).no_bias();
    second.weight = first.weight.tied();
    let x = Tensor::randn([3, 4], rng);
    let pair = [first, second];
    assert_eq!(pair.num_params(), 16);
    let run = |layers: &[Linear]| {
        let tape = Tape::new();
        layers.forward(&tape.input(x.clone())).square().sum(..).backward()
    };
    let tied = run(&pair).take(&pair[0].weight).unwrap();
    let apart = pair.clone();
    assert!(!apart[0].weight.is(&apart[1].weight), "a clone is of its own");
    let mut grads = run(&apart);
    let sum = grads.take(&apart[0].weight).unwrap() + &grads.take(&apart[1].weight).unwrap();
    assert!((tied - sum).iter().all(|d| d.abs() < 1e-4));
}

/// Two views of one tensor, or a variable and what is detached from it, are two inputs: as if the numbers had been copied.
#[test]
fn attention_tells_views_of_one_tensor_apart() {
    let rng = &mut Rng::new(0);
    let attention = MultiHeadAttention::new(8, 2, rng);
    let numbers = Tensor::randn([6, 6, 8], rng);
    let inputs: [(&str, fn(&Var) -> [Var; 3]); 5] = [
        ("one", |x| [x.clone(), x.clone(), x.clone()]),
        ("queries and keys", |x| [x.narrow(1, 0, 3), x.narrow(1, 3, 3), x.narrow(1, 3, 3)]),
        ("keys and values", |x| [x.narrow(1, 0, 2), x.narrow(1, 0, 3), x.narrow(1, 3, 3)]),
        ("transposed", |x| [x.clone(), x.transpose(0, 1), x.transpose(0, 1)]),
        ("detached", |x| [x.clone(), x.detach(), x.detach()]),
    ];
    let close = |a: &Tensor, b: &Tensor| (a - b).iter().all(|d| d.abs() < 1e-4);
    for (name, inputs) in inputs {
        let run = |x: &Var, copied: bool| {
            let [q, k, v] = inputs(x).map(|x| if copied { x * 1.0 } else { x });
            attention.forward(&q, &k, &v, &Mask::none())
        };
        let constant = Tape::eval().input(numbers.clone());
        assert!(close(run(&constant, false).value(), run(&constant, true).value()), "{name}, constant");
        let of = |copied| {
            let x = Tape::new().variable(numbers.clone());
            let y = run(&x, copied);
            let grad = y.square().sum(..).backward().wrt(&x).unwrap().clone();
            (y.into_value(), grad)
        };
        let ((y, grad), (y_copied, grad_copied)) = (of(false), of(true));
        assert!(close(&y, &y_copied), "{name}");
        assert!(close(&grad, &grad_copied), "gradient of {name}");
    }
}

#[test]
fn a_packed_sample_is_as_if_it_were_alone() {
    let rng = &mut Rng::new(0);
    let lstm = Lstm::bidirectional(3, 4, 2, rng);
    let x = Tape::eval().input(Tensor::randn([2, 6, 3], rng));
    let (y, (hidden, cell)) = lstm.forward_from(&x, None, Some(&[4, 6]));
    let (alone, (hidden_alone, cell_alone)) = lstm.forward(&x.narrow(0, 0, 1).narrow(1, 0, 4));
    let close = |a: &Tensor, b: &Tensor| (a - b).iter().all(|d| d.abs() < 1e-6);
    assert!(close(&y.value().narrow(0, 0, 1).narrow(1, 0, 4), alone.value()));
    assert!(y.value().narrow(0, 0, 1).narrow(1, 4, 2).iter().all(|y| y == 0.0));
    assert!(close(&hidden.value().narrow(1, 0, 1), hidden_alone.value()));
    assert!(close(&cell.value().narrow(1, 0, 1), cell_alone.value()));
}

/// As in PyTorch, where it is not packed: nothing of it reaches a value or a gradient.
#[test]
fn what_the_padding_of_a_sample_holds_does_not_matter() {
    let rng = &mut Rng::new(0);
    let numbers = Tensor::randn([2, 4, 3], rng);
    let padding = Tensor::from([[[false], [false], [true], [true]], [[false]; 4]]);
    type Run<'a> = Box<dyn Fn(&Var) -> Var + 'a>;
    let lengths: Option<&[usize]> = Some(&[2, 4]);
    let (lstm, gru, rnn) =
        (Lstm::bidirectional(3, 4, 2, rng), Gru::bidirectional(3, 4, 2, rng), Rnn::new(3, 4, 1, rng).relu());
    let networks: [(&dyn Module, Run); 3] = [
        (&lstm, Box::new(|x| lstm.forward_from(x, None, lengths).0)),
        (&gru, Box::new(|x| gru.forward_from(x, None, lengths).0)),
        (&rnn, Box::new(|x| rnn.forward_from(x, None, lengths).0)),
    ];
    for (network, forward) in networks {
        let run = |held: f32| {
            let x = Tape::new().variable(numbers.masked_fill(&padding, held));
            let y = forward(&x);
            let mut grads = y.square().sum(..).backward();
            let mut found = vec![y.into_value(), grads.wrt(&x).unwrap().clone()];
            found.extend(network.named_params().iter().map(|(_, param)| grads.take(param).unwrap()));
            found
        };
        let want = run(0.0);
        for held in [1.0, f32::INFINITY, f32::NAN] {
            assert_eq!(run(held), want, "{held}");
        }
    }
}

#[test]
fn settings_show_unless_they_go_without_saying() {
    let rng = &mut Rng::new(0);
    let same = Conv1d::new(2, 4, 3, rng).padding(Padding::Same).padding_mode(Pad::Circular).dilation(2);
    let layers = sequential![
        Conv2d::new(1, 6, 5, rng).no_bias(),
        Conv2d::grouped(6, 6, 3, 6, rng).no_bias().stride([2, 1]).padding(1),
        same.no_bias(),
        ConvTranspose2d::new(6, 3, 2, rng).no_bias().stride(2).output_padding(1),
        BatchNorm2d::new(3).no_affine().no_tracking(),
        MaxPool2d::new(3).stride(2).ceil_mode(),
        AdaptiveAvgPool2d::new(1),
        Unflatten::new(1, [3, 2]),
        Upsample::nearest(2),
        LayerNorm::new([2, 2]).no_affine(),
        Dropout::new(0.5),
        Softmax::new(-2),
    ];
    let want = "\
Sequential: 300 parameters
├─ 0: Conv2d (stride [1, 1])
│  └─ weight [6, 1, 5, 5]
├─ 1: Conv2d (stride [2, 1], padding [1, 1], groups 6)
│  └─ weight [6, 1, 3, 3]
├─ 2: Conv1d (stride [1], padding same, padding_mode Circular, dilation [2])
│  └─ weight [4, 2, 3]
├─ 3: ConvTranspose2d (stride [2, 2], output_padding [1, 1])
│  └─ weight [6, 3, 2, 2]
├─ 4: BatchNorm2d (channels 3, eps 1e-5, momentum 0.1)
├─ 5: MaxPool2d (kernel [3, 3], stride [2, 2], ceil_mode true)
├─ 6: AdaptiveAvgPool2d (output [1, 1])
├─ 7: Unflatten (axis 1, sizes [3, 2])
├─ 8: Upsample (scale [2, 2], mode Nearest)
├─ 9: LayerNorm (shape [2, 2], eps 1e-5)
├─ 10: Dropout (p 0.5)
└─ 11: Softmax (axis -2)
";
    assert_eq!(layers.to_string(), want);
    let others: [&dyn std::fmt::Display; 4] = [
        &Upsample::bilinear_to([5, 3]).align_corners(),
        &Lstm::bidirectional(3, 4, 1, rng),
        &Embedding::new(5, 2, rng).padding_idx(1),
        &TransformerEncoderLayer::new(4, 2, rng).norm_first().gelu().dropout(0.1),
    ];
    let first_lines = others.map(|layer| layer.to_string().lines().next().unwrap().to_owned());
    let want = [
        "Upsample (size [5, 3], mode BilinearCorners): 0 parameters",
        "Lstm (inputs 3, units 4, layers 1, bidirectional true, dropout 0.0): 288 parameters",
        "Embedding (padding_idx 1): 10 parameters",
        "TransformerEncoderLayer (norm_first true, between Gelu, dropout 0.1): 244 parameters",
    ];
    assert_eq!(first_lines, want);
}

/// The sources of the crate as one text.
fn sources(folder: &std::path::Path) -> String {
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let text = |path: &std::path::PathBuf| match path.is_dir() {
        true => sources(path),
        false => std::fs::read_to_string(path).unwrap(),
    };
    paths.iter().map(text).collect()
}

/// The documentation that stands before the line that `begins` finds.
fn doc(sources: &str, begins: impl Fn(&str) -> bool) -> Option<String> {
    let lines: Vec<&str> = sources.lines().map(str::trim).collect();
    let at = lines.iter().position(|line| begins(line))?;
    let above = lines[..at].iter().rev().skip_while(|line| line.starts_with("#["));
    let mut doc: Vec<&str> = above.map_while(|line| line.strip_prefix("///")).collect();
    doc.reverse();
    Some(doc.join("\n"))
}

/// Formula, shapes, initialisation, paper and an example: fails when someone writes a layer or a loss and does not say them.
#[test]
fn every_layer_and_every_loss_is_documented() {
    // What is older than papers on networks, or only moves numbers.
    const NO_PAPER: &[&str] = &[
        "Flatten",
        "Identity",
        "LogSigmoid",
        "LogSoftmax",
        "Sequential",
        "Sigmoid",
        "Unflatten",
        "mse_loss",
    ];
    let sources = sources(std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")));
    let losses = sources.lines().filter_map(|line| line.strip_prefix("pub fn "));
    let losses = losses.map(|line| &line[..line.find(['<', '(']).unwrap()]);
    let losses: Vec<&str> = losses
        .filter(|name| name.ends_with("_loss") || name.contains("cross_entropy") || *name == "kl_div")
        .collect();
    assert!(losses.len() >= 20, "{losses:?}");
    let mut gaps = Vec::new();
    for &name in exported::layers().iter().chain(&losses) {
        let loss = losses.contains(&name);
        let found = doc(&sources, |line| match loss {
            true => line.starts_with(&format!("pub fn {name}<")),
            // A struct, or the name in a macro's call: `Relu = relu;`, `Conv2d: 2 axes by conv2d`.
            false => {
                let in_macro =
                    line.strip_prefix(name).map(|rest| rest.starts_with(": ") || rest.starts_with(" = "));
                let plain = line
                    .strip_prefix(&format!("pub struct {name}"))
                    .map(|rest| rest.starts_with([' ', ';', '<']));
                in_macro.or(plain).unwrap_or(false)
            }
        });
        let Some(doc) = found else { panic!("{name} is not in the sources") };
        let year =
            |word: &str| word.len() == 4 && word.starts_with(['1', '2']) && word.parse::<u32>().is_ok();
        let (prose, example) = doc.split_once("```").unwrap_or((&doc, ""));
        let said = [
            ("a formula", prose.split('`').skip(1).step_by(2).any(|code| loss || code.contains(" = "))),
            ("shapes", prose.contains("Shapes: ")),
            (
                "initialisation",
                loss || prose.contains("Initialisation: ") || prose.contains("No parameters."),
            ),
            ("a paper", NO_PAPER.contains(&name) || prose.split(|c: char| !c.is_alphanumeric()).any(year)),
            ("an example", example.contains("assert")),
        ];
        gaps.extend(said.iter().filter(|(_, said)| !said).map(|(what, _)| format!("{name}: {what}")));
    }
    assert!(gaps.is_empty(), "missing: {}", gaps.join(", "));
}
