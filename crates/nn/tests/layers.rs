//! What layers promise beside their formulas: bad settings named, noise only in training, statistics of shards, weights that are shared.

use std::panic::{AssertUnwindSafe, catch_unwind};

use ravine_autograd::{BufferUpdates, Module, Tape};
use ravine_nn::*;
use ravine_tensor::{Rng, Tensor, sequential};

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
        (Box::new(|| made(Dropout::new(1.0))), "Dropout: p is 1; expected 0 <= p < 1"),
        (Box::new(|| made(AlphaDropout::new(-0.1))), "AlphaDropout: p is -0.1"),
        (Box::new(|| forward(&Dropout2d::new(0.1), &[2, 3])), "Dropout2d: input [2, 3]"),
        (
            Box::new(|| made(Hardtanh::new(1.0, 1.0))),
            "Hardtanh: low is 1; expected less than high, which is 1",
        ),
        (Box::new(|| forward(&PRelu::new(4), &[2, 3])), "PRelu: input [2, 3]; expected [batch, 4, ..]"),
        (Box::new(|| made(Lstm::new(3, 4, 0, &mut rng()))), "Lstm: layers is 0"),
        (Box::new(|| made(Gru::new(3, 4, 1, &mut rng()).dropout(1.0))), "Gru: dropout is 1"),
        (
            Box::new(|| {
                let x = Tape::eval().input(Tensor::zeros([2, 5, 3]));
                let _ = Rnn::new(3, 4, 1, &mut rng()).forward_from(&x, None, Some(&[5, 6]));
            }),
            "Rnn: lengths is [5, 6]; expected one from 1 to 5 for each of the 2 samples",
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
        (layer.running_mean.value(), layer.running_var.value())
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
