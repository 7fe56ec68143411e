//! What `docs/from_pytorch.md` puts beside PyTorch's calls exists, takes those arguments, and gives those shapes.

use std::collections::BTreeMap;

use ravine::autograd::{functional, gradcheck, gradgradcheck};
use ravine::data::{Color, ImageFolder, Padded, RandomHorizontalFlip, Sequence};
use ravine::nn::*;
use ravine::prelude::*;

#[test]
fn tensors() {
    let rng = &mut Rng::new(0);
    let x = Tensor::from([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    assert_eq!(Tensor::<f32>::zeros([2, 3]).shape(), Tensor::<f32>::randn([2, 3], rng).shape());
    assert_eq!(Tensor::<f32>::arange(5).to_vec(), [0.0, 1.0, 2.0, 3.0, 4.0]);
    assert_eq!(Tensor::<f32>::linspace(0.0, 1.0, 5).to_vec(), [0.0, 0.25, 0.5, 0.75, 1.0]);
    assert_eq!(Tensor::<f32>::eye([3, 3]), Tensor::one_hot(&Tensor::from([0, 1, 2]), 3));
    assert_eq!(x.cast::<f64>().at([1, 2]), 6.0);
    assert_eq!(x.reshape([-1, 2]).shape(), &[3, 2]);
    let y = x.unsqueeze(0);
    assert_eq!(y.permute([0, 2, 1]), y.transpose(1, 2));
    assert_eq!(x.t().shape(), &[3, 2]);
    assert_eq!((x.slice(1, 1..3), x.index(0, 1)), (x.i((.., 1..3)), x.i(1)));
    assert_eq!((x.sum_keepdim(1).shape(), x.sum(..).item()), (Tensor::<f32>::zeros([2, 1]).shape(), 21.0));
    assert_eq!(x.sum([0, 1]), x.sum(..));
    let w = x.t();
    assert_eq!(x.matmul(&w), Tensor::einsum("ij,jk->ik", &[&x, &w]));
    assert_eq!(Tensor::cat(&[&x, &x], 1).shape(), &[2, 6]);
    assert_eq!(Tensor::stack(&[&x, &x], 0).shape(), &[2, 2, 3]);
    let mask = x.map(|x| x > 3.0);
    assert_eq!(Tensor::where_(&mask, &Tensor::zeros([2, 3]), &x), x.masked_fill(&mask, 0.0));
    assert_eq!(x.gather(1, &Tensor::from([[0], [2]])).to_vec(), [1.0, 6.0]);
    assert_eq!(x.index_select(0, &Tensor::from([1])).to_vec(), [4.0, 5.0, 6.0]);
    assert_eq!(y.squeeze(0), x);
    assert_eq!(x.i(0).expand([8, 3]).shape(), &[8, 3]);
}

#[test]
fn derivatives() -> Result<(), Box<dyn std::error::Error>> {
    let tape = Tape::new();
    let x = tape.variable(Tensor::scalar(3.0));
    let y = x.square();
    assert_eq!(grad(&y, &[&x], true)[0].item(), 6.0);
    tape.no_grad(|| x.square());
    x.hook(|g| Some(g * 2.0));
    assert_eq!(x.square().backward().wrt(&x).unwrap().item(), 12.0);
    assert_eq!(x.detach().item(), 3.0);

    let (point, v) = (Tensor::from([1.0, 2.0]), Tensor::from([1.0, 0.0]));
    let cube = |x: Var| (x.square() * x).sum(..);
    assert_eq!(functional::grad(cube, &point).to_vec(), [3.0, 12.0]);
    assert_eq!(functional::hessian(cube, &point).to_vec(), [6.0, 0.0, 0.0, 12.0]);
    assert_eq!(functional::hvp(cube, &point, &v).to_vec(), [6.0, 0.0]);
    assert_eq!(functional::jacobian(|x: Var| x.square(), &point).to_vec(), [2.0, 0.0, 0.0, 4.0]);
    assert_eq!(functional::vjp(|x: Var| x.square(), &point, &v).1.to_vec(), [2.0, 0.0]);
    assert_eq!(functional::jvp(|x: Var| x.square(), &point, &v).1.to_vec(), [2.0, 0.0]);
    gradcheck(|x| x[0].sin(), &[Tensor::from([0.5])])?;
    gradgradcheck(|x| x[0].sin(), &[Tensor::from([0.5])])?;
    assert!(Tape::<f32>::new().anomaly().first_anomaly().is_none());
    assert_eq!(checkpoint(|[x]| x.square(), [&Tape::new().variable(Tensor::scalar(3.0))]).item(), 9.0);
    Ok(())
}

#[test]
fn optimizers_and_data() {
    let rng = &mut Rng::new(0);
    let model = sequential![Linear::new(784, 10, rng)];
    assert_eq!(model.named_params()[0].1.shape(), [10, 784]);
    model.named_params()[0].1.set_frozen(true);
    let _ = Optimizer::new(&model, Sgd::momentum(0.9), 0.1);
    let _ = Optimizer::new(&model, AdamW::default(), 1e-3)
        .group(Group::new(|_path, shape| shape.rank() < 2).weight_decay(0.0))
        .clip_norm(1.0);
    let _ = Optimizer::new(&model, AdamW::default(), Cosine::new(0.1, 100));

    let set = TensorSet::new(Tensor::<f32>::arange(10), Tensor::<i64>::arange(10));
    let (train, test) = (&set).split(2, 7);
    assert_eq!((train.len(), test.len(), Concat::new(vec![train, test]).len()), (8, 2, 10));
    let _ = Order::Weighted { seed: 0, weights: Weights::balancing(&[0, 1, 1]) };
    let loader = Loader::new(set, 4, Order::Shuffled { seed: 0 }).workers(2);
    assert_eq!(loader.epoch(0).count(), 3);
    let steps = |n: usize| Tensor::<f32>::ones([n, 2]);
    let _ = Sequence(steps(1));
    assert_eq!(Padded::new(&[steps(3), steps(2)], 0.0).unwrap().values.shape(), &[2, 3, 2]);
    let _ = |dir: &str| {
        ImageFolder::open(dir, Color::Rgb, [8, 8]).map(|set| set.transform(0, RandomHorizontalFlip::new(0.5)))
    };
    let _ = Trainer::new().seed(0).threads(4).shards(2);
}

/// The shape that a layer makes of one.
#[track_caller]
fn shape_of(layer: &impl Layer, shape: &[usize]) -> Vec<usize> {
    layer.forward(&Tape::train(Rng::new(0)).input(Tensor::randn(shape, &mut Rng::new(1)))).shape().to_vec()
}

#[test]
fn layers() {
    let rng = &mut Rng::new(0);
    let image = [2, 8, 6, 6];
    assert_eq!(shape_of(&Identity, &image), image);
    assert_eq!(Bilinear::new(2, 3, 4, rng).no_bias().num_params(), 24);
    assert_eq!(shape_of(&Conv2d::new(8, 8, 3, rng).stride(2).no_bias(), &image), [2, 8, 2, 2]);
    assert_eq!(shape_of(&Conv2d::grouped(8, 8, [3, 3], 2, rng).padding(Padding::Same), &image), image);
    assert_eq!(shape_of(&Conv1d::new(8, 4, 3, rng), &[2, 8, 6]), [2, 4, 4]);
    assert_eq!(shape_of(&ConvTranspose1d::new(8, 4, 3, rng), &[2, 8, 6]), [2, 4, 8]);
    assert_eq!(shape_of(&ConvTranspose2d::new(8, 4, 3, rng), &image), [2, 4, 8, 8]);
    assert_eq!(shape_of(&MaxPool2d::new(4).ceil_mode(), &image), [2, 8, 2, 2]);
    assert_eq!(shape_of(&(MaxPool1d::new(2), AvgPool1d::new(3)).0, &[2, 8, 6]), [2, 8, 3]);
    assert_eq!(shape_of(&AvgPool2d::new(2), &image), [2, 8, 3, 3]);
    assert_eq!(shape_of(&AdaptiveAvgPool1d::new(2), &[2, 8, 6]), [2, 8, 2]);
    assert_eq!(shape_of(&AdaptiveMaxPool2d::new(2), &image), [2, 8, 2, 2]);
    assert_eq!(shape_of(&GlobalAvgPool, &image), shape_of(&GlobalMaxPool, &image));
    assert_eq!(shape_of(&BatchNorm2d::new(8).no_affine().no_tracking(), &image), image);
    assert_eq!(shape_of(&BatchNorm1d::new(8), &[4, 8]), [4, 8]);
    assert_eq!(shape_of(&InstanceNorm2d::new(8).affine().tracking(), &image), image);
    assert_eq!(shape_of(&InstanceNorm1d::new(8), &[2, 8, 6]), [2, 8, 6]);
    assert_eq!(shape_of(&LayerNorm::new([6, 6]).no_affine(), &image), image);
    assert_eq!(shape_of(&RmsNorm::new(6).no_affine(), &image), image);
    assert_eq!(shape_of(&GroupNorm::new(2, 8), &image), image);
    assert_eq!(shape_of(&Dropout2d::new(0.5), &image), image);
    assert_eq!(shape_of(&AlphaDropout::new(0.5), &image), image);
    let words = Embedding::new(10, 4, rng).padding_idx(0);
    assert_eq!(words.forward(&Tape::eval(), &Tensor::from([[1, 2, 0]])).shape(), &[1, 3, 4]);
    let sequences = Tape::eval().input(Tensor::ones([2, 5, 4]));
    assert_eq!(Lstm::bidirectional(4, 3, 1, rng).forward(&sequences).0.shape(), &[2, 5, 6]);
    assert_eq!(Rnn::new(4, 3, 1, rng).forward(&sequences).0.shape(), &[2, 5, 3]);
    let lengths = [5, 2];
    assert_eq!(Gru::new(4, 3, 1, rng).forward_from(&sequences, None, Some(&lengths)).0.shape(), &[2, 5, 3]);
    let attention = MultiHeadAttention::new(4, 2, rng);
    assert_eq!(attention.num_params(), 4 * 4 * 4 + 4 * 4);
    let layer = TransformerEncoderLayer::with_inner(4, 2, 8, rng).norm_first().gelu();
    let encoder = TransformerEncoder::new(vec![layer]);
    assert_eq!(encoder.forward_masked(&sequences, &Mask::causal()).shape(), &[2, 5, 4]);
    let decoder = TransformerDecoder::new(vec![TransformerDecoderLayer::new(4, 2, rng)]);
    assert!(decoder.num_params() > 0);
    assert_eq!(shape_of(&Flatten, &image), [2, 288]);
    assert_eq!(shape_of(&Unflatten::new(1, [2, 4]), &[3, 8]), [3, 2, 4]);
    assert_eq!(shape_of(&PixelShuffle::new(2), &image), [2, 2, 12, 12]);
    assert_eq!(shape_of(&Upsample::bilinear(2).align_corners(), &image), [2, 8, 12, 12]);
    assert_eq!(shape_of(&Upsample::nearest(2), &image), [2, 8, 12, 12]);
    assert_eq!(shape_of(&Residual::new(Relu), &image), image);
    assert_eq!(shape_of(&Parallel::new(Join::Cat(1)).branch(Relu).branch(Tanh), &image), [2, 16, 6, 6]);
    let named = BTreeMap::from([("a".to_owned(), Linear::new(2, 2, rng))]);
    assert_eq!(named.named_params()[0].0, "a.weight");
    assert_eq!(shape_of(&Some(Linear::new(6, 2, rng)), &image), [2, 8, 6, 2]);
    assert_eq!(
        shape_of(&sequential![Relu, Relu6, LeakyRelu::new(0.1), PRelu::new(1), Elu::default(), Selu], &image),
        image
    );
    assert_eq!(shape_of(&sequential![Gelu, GeluTanh, Silu, Mish, Sigmoid, LogSigmoid, Tanh], &image), image);
    assert_eq!(
        shape_of(&sequential![Softplus, Softsign, Hardtanh::default(), Hardsigmoid, Hardswish], &image),
        image
    );
    assert_eq!(
        shape_of(&sequential![Softmax::new(1), LogSoftmax::default(), Glu::new(1)], &image),
        [2, 4, 6, 6]
    );
}

#[test]
fn losses_and_initial_weights() {
    let (tape, rng) = (Tape::new(), &mut Rng::new(0));
    let (x, y) = (tape.variable(Tensor::ones([2, 3])), Tensor::from([0, 2]));
    let options = loss::CrossEntropyOptions { label_smoothing: 0.1, ..Default::default() };
    let smoothed: f32 = loss::cross_entropy(&x, &y, &options).item();
    assert!((smoothed - 3f32.ln()).abs() < 1e-6);
    assert_eq!(x.cross_entropy(&y).shape(), &[] as &[usize]);

    let w = Param::new(Tensor::zeros([4, 4]));
    w.set(init::kaiming_normal(w.shape(), init::Fan::In, init::Gain::Relu, rng));
    w.set(init::xavier_uniform(w.shape(), init::Gain::Linear, rng));
    w.set(init::orthogonal([4, 4], 1.0, rng));
    assert_eq!(init::eye([4, 4]), Tensor::eye([4, 4]));
    assert_eq!(Tensor::<f32>::full([2], 1.0), Tensor::ones([2]));
    assert_eq!(Tensor::<f32>::normal([2], 0.0, 1.0, rng).shape(), &[2]);
}
