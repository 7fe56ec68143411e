//! Wrong arguments are panics that name the op and point at the line of the program that called it.

use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Mutex, PoisonError};

use ravine_tensor::{At, ConvOptions, Pad, PoolOptions, Recurrence, Steps, Tensor, UnfoldOptions};

type X = Tensor<f32>;

/// The file that a panic of `f` points at, and its message.
fn panic_of(f: impl FnOnce()) -> (String, String) {
    thread_local! {
        static FILE: RefCell<String> = const { RefCell::new(String::new()) };
    }
    // The hook is that of the whole process, and so of the other tests.
    static HOOK: Mutex<()> = Mutex::new(());
    let _alone = HOOK.lock().unwrap_or_else(PoisonError::into_inner);
    let before = panic::take_hook();
    panic::set_hook(Box::new(|info| {
        let file = info.location().expect("a place").file().to_owned();
        FILE.with(|f| *f.borrow_mut() = file);
    }));
    let payload = panic::catch_unwind(AssertUnwindSafe(f)).expect_err("a panic");
    panic::set_hook(before);
    let message = payload.downcast_ref::<String>().cloned();
    let message = message.or_else(|| payload.downcast_ref::<&str>().map(|s| s.to_string()));
    (FILE.take(), message.expect("a message"))
}

macro_rules! cases {
    ($($op:literal: $call:expr;)*) => {
        [$(($op, Box::new(|| { let _ = $call; }) as Box<dyn Fn()>)),*]
    };
}

#[test]
fn panics_name_the_op_and_the_callers_line() {
    let x = || X::zeros([2, 3]);
    let index = || Tensor::from([[0i64, 9]]);
    let list = || Tensor::from([0i64, 9]);
    let mask = || Tensor::<bool>::ones([4]);
    let image = || X::zeros([1, 1, 4, 4]);
    let line = || X::zeros([1, 4, 5]);
    let places = |last: i32| Tensor::from([[[[0, last]]]]);
    let far = |stride, padding, dilation| ConvOptions { stride, padding, dilation, groups: 1 };
    let cases = cases! {
        "reshape": x().reshape([4]);
        "view": x().t().view([6]);
        "flatten": x().flatten(2);
        "flatten": x().flatten(1..1);
        "unflatten": x().unflatten(1, [2, 2]);
        "permute": x().permute([0, 0]);
        "transpose": x().transpose(0, 2);
        "movedim": x().movedim(0, 5);
        "squeeze": x().squeeze(0);
        "unsqueeze": x().unsqueeze(4);
        "expand": x().expand([3, 3]);
        "narrow": x().narrow(1, 2, 2);
        "index": x().index(0, 2);
        "flip": x().flip([0, 0]);
        "slice": x().slice(1, 2..5);
        "i": x().i((0, 0, 0));
        "i": x().i((At::Ellipsis, At::Ellipsis));
        "At::step": At::step(.., 0);
        "slice_assign": x().slice_assign(0, &X::zeros(2));
        "slice_assign_": x().slice_assign_(7, &X::zeros(()));
        "cat": X::cat(&[], 0);
        "cat": X::cat(&[&x(), &X::zeros([2])], 0);
        "stack": X::stack(&[&x(), &X::zeros([2])], 0);
        "meshgrid": X::meshgrid(&[&x()]);
        "split": x().split(0, 0);
        "split_sizes": x().split_sizes([1, 1], 1);
        "chunk": x().chunk(0, 0);
        "unbind": x().unbind(2);
        "repeat": x().repeat([2]);
        "repeat_interleave": x().repeat_interleave(2, 2);
        "roll": x().roll(1, 2);
        "pad": x().pad([[1, 1]; 3], Pad::Replicate);
        "pad": x().pad([[3, 0]], Pad::Reflect);
        "zero_pad": x().zero_pad(2, 1, 1);
        "unfold": x().unfold(1, 4, 1);
        "fold": x().fold(0, 9, 1);
        "unfold2d": x().unfold2d(&UnfoldOptions::new([1, 1]));
        "unfold2d": X::zeros([1, 1, 2, 2]).unfold2d(&UnfoldOptions::new([3, 1]));
        "unfold2d": image().unfold2d(&UnfoldOptions { dilation: [0, 1], ..UnfoldOptions::new([2, 2]) });
        "unfold2d": image().unfold2d(&UnfoldOptions { dilation: [1 << 63, 1], ..UnfoldOptions::new([3, 3]) });
        "unfold2d": image().unfold2d(&UnfoldOptions { padding: [1 << 63, 0], ..UnfoldOptions::new([2, 2]) });
        "unfold2d": image().unfold2d(&UnfoldOptions { padding: [1 << 40; 2], stride: [1 << 41; 2], ..UnfoldOptions::new([2, 2]) });
        "unfold": X::scalar(1.0).expand(1usize << 40).unfold(0, 1 << 39, 1);
        "fold2d": x().fold2d([2, 2], &UnfoldOptions::new([1, 1]));
        "fold2d": X::zeros([1, 1, 1]).fold2d([1 << 40; 2], &UnfoldOptions::new([1 << 40; 2]));
        "fold": X::zeros([2, 8, 1]).fold(0, (1 << 62) + 1, 1 << 62);
        "diagonal": x().diagonal(0, 0, 0);
        "diagonal_scatter": x().diagonal_scatter(&X::zeros(5), 0, 0, 1);
        "diag_embed": X::zeros(()).diag_embed(0, 0, 1);
        "diagonal": x().diagonal(0, 0, 5);
        "diag_embed": x().diag_embed(0, 0, 9);
        "tril": X::zeros(3).tril(0);
        "triu": X::zeros(3).triu(0);
        "gather": x().gather(1, &index());
        "gather": x().gather(0, &list());
        "scatter": x().scatter(1, &index(), &x());
        "scatter_": x().scatter_(1, &index(), &X::zeros(()));
        "scatter_add": x().scatter_add(1, &index(), &X::zeros(()));
        "index_select": x().index_select(1, &list());
        "index_add": x().index_add(1, &list(), &X::zeros([2, 2]));
        "take": x().take(&list());
        "embedding": x().embedding(&list());
        "one_hot": X::one_hot(&list(), 3);
        "where_": X::where_(&mask(), &x(), &x());
        "masked_fill": x().masked_fill(&mask(), 0.0);
        "masked_fill_": x().masked_fill_(&mask(), 0.0);
        "masked_select": x().masked_select(&mask());
        "masked_scatter": X::zeros(4).masked_scatter(&mask(), &X::zeros(3));
        "from_slice": X::from_slice(&[0.0], [2]);
        "from": X::from(vec![vec![1.0], vec![]]);
        "eye": X::eye([1, 2, 3]);
        "arange": Tensor::<u8>::arange(257);
        "arange_step": X::arange_step(0.0, 1.0, 0.0);
        "bincount": Tensor::from([-1i64]).bincount(0);
        "bincount": Tensor::from([i64::MAX]).bincount(0);
        "uniform": X::uniform(1, -3e38, 3e38, &mut ravine_tensor::Rng::new(0));
        "normal": X::normal(1, 0.0, f32::NAN, &mut ravine_tensor::Rng::new(0));
        "div": Tensor::from([1i32]) / Tensor::from([0i32]);
        "div": &Tensor::from([1i32]) / Tensor::from([0i32]);
        "div": Tensor::from([1u8]) / 0;
        "div": &Tensor::from([1u8]) / 0;
        "div": 1i64 / &Tensor::from([0i64]);
        "div": 1i64 / Tensor::from([0i64]);
        "div": { let mut x = Tensor::from([1i64]); x /= &Tensor::from([0]); };
        "div": { let mut x = Tensor::from([1i64]); x /= 0; };
        "shape [18446744073709551615, 2]": ravine_tensor::Shape::new(&[usize::MAX, 2]);
        "shape [18446744073709551615, 3]": x().repeat([usize::MAX, 1]);
        "shape [18446744073709551615]": x().pad([[usize::MAX, 1]], Pad::Replicate);
        "shape [18446744073709551615]": X::linspace(0.0, 1.0, usize::MAX);
        "outer": X::scalar(1.0).expand(1usize << 40).outer(&X::scalar(1.0).expand(1usize << 40));
        "reshape": x().reshape([usize::MAX, 3]);
        "reshape": x().reshape([isize::MAX, isize::MAX, -1]);
        "i": x().i(usize::MAX);
        "add": X::scalar(1.0).expand([1usize << 40, 1]) + X::scalar(1.0).expand([1, 1usize << 40]);
        "conv2d": x().conv2d(&x(), None, &ConvOptions::default());
        "conv2d": image().conv2d(&X::zeros([1, 1, 5, 5]), None, &ConvOptions::default());
        "conv2d": image().conv2d(&X::zeros([1, 3, 1, 1]), None, &ConvOptions::default());
        "conv2d": image().conv2d(&X::zeros([1, 1, 1, 1]), Some(&X::zeros(2)), &ConvOptions::default());
        "conv2d": image().conv2d(&X::zeros([1, 1, 2, 2]), None, &far([1, 1], [0, 0], [1 << 63, 1]));
        "conv2d": image().conv2d(&X::zeros([1, 1, 2, 2]), None, &far([1, 1], [1 << 63, 0], [1, 1]));
        "conv2d": image().conv2d(&X::zeros([1, 1, 2, 2]), None, &far([1, 1], [1 << 40; 2], [1, 1]));
        "conv2d": image().conv2d(&X::zeros([1, 1, 2, 2]), None, &far([1 << 50; 2], [1 << 40; 2], [1, 1]));
        "conv2d": image().conv2d(&X::zeros([1, 1, 1, 1]), None, &far([0, 1], [0, 0], [1, 1]));
        "conv1d: input [1, 4, 5], weight [4, 3, 3], ConvOptions { stride: [1], padding: [0], dilation: [1], groups: 1 }":
            line().conv1d(&X::zeros([4, 3, 3]), None, &ConvOptions::default());
        "conv1d: input [1, 4, 5], weight [4, 4, 6], ConvOptions { stride: [1], padding: [0], dilation: [1], groups: 1 }":
            line().conv1d(&X::zeros([4, 4, 6]), None, &ConvOptions::default());
        "conv1d: input [1, 4, 5], weight [2, 4, 1], ConvOptions { stride: [1], padding: [0], dilation: [1], groups: 1 }":
            line().conv1d(&X::zeros([2, 4, 1]), Some(&X::zeros(3)), &ConvOptions::default());
        "conv1d": line().conv1d(&image(), None, &ConvOptions::default());
        "conv2d_input_grad": image().conv2d_input_grad(&X::zeros([1, 1, 2, 2]), [4, 5], &ConvOptions::default());
        "conv2d_input_grad": image().conv2d_input_grad(&X::zeros([1, 1, 1, 1]), [1 << 40; 2], &ConvOptions::default());
        "conv2d_input_grad": line().conv2d_input_grad(&line(), [5, 5], &ConvOptions::default());
        "conv2d_weight_grad": image().conv2d_weight_grad(&image(), [1 << 40; 2], &ConvOptions::default());
        "conv2d_weight_grad": image().conv2d_weight_grad(&image(), [2, 2], &ConvOptions::default());
        "conv_transpose2d: input [1, 1, 4, 4], weight [1, 1, 1, 1], ConvOptions { stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 1 }, output_padding [1, 1]":
            image().conv_transpose2d(&X::zeros([1, 1, 1, 1]), None, [1, 1], &ConvOptions::default());
        "conv_transpose2d": image().conv_transpose2d(&X::zeros([1, 1, 3, 3]), Some(&X::zeros(3)), [0, 0], &ConvOptions::default());
        "conv_transpose2d": image().conv_transpose2d(&X::zeros([1, 2, 3, 3]), Some(&X::zeros(1)), [0, 0], &ConvOptions::default());
        "conv_transpose2d": image().conv_transpose2d(&image(), None, [0, 0], &far([1 << 63, 1], [0, 0], [1, 1]));
        "conv_transpose2d": image().conv_transpose2d(&image(), None, [0, 0], &far([0, 1], [0, 0], [1, 1]));
        "conv_transpose1d: input [1, 4, 5], weight [3, 2, 2], ConvOptions { stride: [1], padding: [0], dilation: [1], groups: 1 }, output_padding [0]":
            line().conv_transpose1d(&X::zeros([3, 2, 2]), None, 0, &ConvOptions::default());
        "conv_transpose1d: input [1, 4, 5], weight [4, 2, 2], ConvOptions { stride: [1], padding: [0], dilation: [1], groups: 3 }, output_padding [0]":
            line().conv_transpose1d(&X::zeros([4, 2, 2]), None, 0, &ConvOptions { groups: 3, ..ConvOptions::default() });
        "conv_transpose1d": line().conv_transpose1d(&X::zeros([4, 2, 2]), None, 0, &ConvOptions { groups: 0, ..ConvOptions::default() });
        "conv_transpose1d": line().conv_transpose1d(&X::zeros([4, 2, 2]), Some(&X::zeros(1)), 0, &ConvOptions::default());
        "max_pool2d": image().max_pool2d(&PoolOptions::square(9));
        "max_pool2d": X::zeros([0, 1, 1 << 20, 1 << 20]).max_pool2d(&PoolOptions::square(1 << 20));
        "max_pool2d": image().max_pool2d(&PoolOptions { padding: [1 << 62; 2], ..PoolOptions::square(1 << 63) });
        "max_pool1d: input [1, 4, 5], PoolOptions { kernel: [6], stride: [6], padding: [0] }": line().max_pool1d(&PoolOptions::square(6));
        "max_pool1d": image().max_pool1d(&PoolOptions::square(1));
        "avg_pool1d: input [1, 4, 5], PoolOptions { kernel: [0], stride: [0], padding: [0] }": line().avg_pool1d(&PoolOptions::square(0));
        "adaptive_max_pool1d": line().adaptive_max_pool1d(0);
        "adaptive_avg_pool1d": line().adaptive_avg_pool1d(0);
        "adaptive_avg_pool1d": line().adaptive_avg_pool1d(1 << 62);
        "adaptive_max_pool2d": line().adaptive_max_pool2d([1, 1]);
        "avg_pool2d_grad": image().avg_pool2d_grad([1 << 40; 2], &PoolOptions::square(1));
        "adaptive_avg_pool2d_grad": image().adaptive_avg_pool2d_grad([1 << 40; 2]);
        "max_pool2d_scatter":
            X::zeros([1, 1, 1, 2]).max_pool2d_scatter(&places(9), [2, 3]);
        "max_pool2d_scatter": X::zeros([1, 1, 1, 2]).max_pool2d_scatter(&places(0), [1 << 40; 2]);
        "max_pool2d_gather": image().max_pool2d_gather(&places(16));
        "max_pool2d_gather": image().max_pool2d_gather(&places(-1));
        "avg_pool2d": image().avg_pool2d(&PoolOptions { padding: [3, 3], ..PoolOptions::square(2) });
        "attention": image().attention(&image(), &X::zeros([1, 1, 3, 4]), None, None, 1.0);
        "recurrent": x().recurrent(Recurrence::Gru, &x(), None, &x(), &Steps::default());
        "trunc_normal": X::trunc_normal(1, 0.0, 1.0, 2.0, 1.0, &mut ravine_tensor::Rng::new(0));
        "trunc_normal": X::trunc_normal(1, f32::NAN, 1.0, -1.0, 1.0, &mut ravine_tensor::Rng::new(0));
        "trunc_normal": X::trunc_normal(1, 0.0, f32::INFINITY, -1.0, 1.0, &mut ravine_tensor::Rng::new(0));
        "add": { let mut y = x(); y += &X::zeros(4); };
        "and": { let mut y = mask(); y &= &Tensor::<bool>::ones(3); };
        "lerp_": x().lerp_(&X::zeros(4), 0.5);
        "bincount_weighted": list().bincount_weighted(&x(), 0);
    };
    for (op, call) in cases {
        let (file, message) = panic_of(call);
        assert!(message.starts_with(&format!("{op}:")), "{op}: {message}");
        assert_eq!(file, file!(), "{message}");
    }
}

#[test]
fn places_outside_are_named() {
    let x = Tensor::<f32>::zeros([1, 1, 2, 3]);
    let index = |place: i32| Tensor::from([[[[0, place]]]]);
    for place in [6, -1, i32::MAX] {
        let (_, message) = panic_of(|| drop(x.max_pool2d_gather(&index(place))));
        let tail = format!("place {place} of [1, 1, 1, 2] is outside planes of [2, 3]");
        assert_eq!(message, format!("max_pool2d_gather: {tail}"));
        let dy = X::zeros([1, 1, 1, 2]);
        let (_, message) = panic_of(|| drop(dy.max_pool2d_scatter(&index(place), [2, 3])));
        assert_eq!(message, format!("max_pool2d_scatter: {tail}"));
    }
}
