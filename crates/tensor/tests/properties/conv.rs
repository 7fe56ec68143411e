//! Convolution and pooling against loops over windows: sizes beside the widths of vectors, work enough for several threads to share, and the
//! same bits for any number of them.

use std::ops::Range;

use proptest::prelude::*;
use proptest::test_runner::Config;
use ravine_tensor::{ConvOptions, PoolOptions, Tensor};

use super::generators::config;

/// Cases are large, so there are fewer.
fn few() -> Config {
    Config { cases: 80, ..config() }
}

/// Sizes up to `most`, half of them beside the width of a vector.
fn size(most: usize) -> impl Strategy<Value = usize> {
    let beside = prop::sample::select(vec![1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65]);
    prop_oneof![1..=most, beside.prop_map(move |n: usize| n.min(most))]
}

/// Whole numbers but 0, so that every product that is missing or elsewhere shows.
fn numbers(shape: &[usize], salt: u64) -> Tensor<f32> {
    Tensor::from_fn(shape, |i| {
        let hash = (i as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15 ^ salt) >> 40;
        [-3.0, -2.0, -1.0, 1.0, 2.0, 3.0][hash as usize % 6]
    })
}

/// What `f` gives on one thread, which is what it gives on others to the last bit.
fn on_threads(f: impl Fn() -> Vec<Tensor<f32>> + Sync) -> Vec<Tensor<f32>> {
    let run = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(&f);
    let bits = |ys: &[Tensor<f32>]| -> Vec<Vec<u32>> {
        ys.iter().map(|y| y.iter().map(f32::to_bits).collect()).collect()
    };
    let one = run(1);
    for threads in [2, 3, 5, 8] {
        assert!(bits(&run(threads)) == bits(&one), "{threads} threads");
    }
    one
}

/// Asserts that results are these numbers, but for roundings.
fn assert_close(what: &str, found: &Tensor<f32>, want: &[f64]) {
    assert_eq!(found.numel(), want.len(), "{what}");
    for (at, (found, want)) in found.iter().zip(want).enumerate() {
        assert!((f64::from(found) - want).abs() < 0.02, "{what}: {at} is {found}, should be {want}");
    }
}

/// A convolution: `x [batch, in, h, w]`, `weight [out, in / groups, kh, kw]`.
#[derive(Clone, Debug)]
struct Conv {
    x: [usize; 4],
    weight: [usize; 4],
    output: [usize; 2],
    options: ConvOptions,
}

impl Conv {
    /// With as many images as make `work` multiplications; `None` if the window does not fit.
    fn new(
        [inputs, outputs]: [usize; 2],
        [input, kernel]: [[usize; 2]; 2],
        options: ConvOptions,
        work: usize,
    ) -> Option<Conv> {
        let output = options.output_size(input, kernel)?;
        let weight = [outputs, inputs / options.groups, kernel[0], kernel[1]];
        let batch = work / (weight.iter().product::<usize>() * output[0] * output[1]);
        let x = [batch.clamp(1, 70), inputs, input[0], input[1]];
        (batch > 0).then_some(Conv { x, weight, output, options })
    }

    /// Calls `f` with the places of `x`, weight and `y` of every product.
    fn products(&self, mut f: impl FnMut(usize, usize, usize)) {
        let ([batch, inputs, h, w], [outputs, depth, kh, kw], [oh, ow]) = (self.x, self.weight, self.output);
        let ConvOptions { stride, padding, dilation, groups } = self.options;
        let taps = (0..kh).flat_map(|p| (0..kw).map(move |q| (p, q)));
        for (b, o) in (0..batch).flat_map(|b| (0..outputs).map(move |o| (b, o))) {
            for (c, (p, q)) in (0..depth).flat_map(|c| taps.clone().map(move |tap| (c, tap))) {
                let (channel, tap) =
                    (b * inputs + o / (outputs / groups) * depth + c, ((o * depth + c) * kh + p) * kw + q);
                for i in 0..oh {
                    let Some(row) = (i * stride[0] + p * dilation[0]).checked_sub(padding[0]) else {
                        continue;
                    };
                    for j in 0..ow {
                        let column = (j * stride[1] + q * dilation[1]).wrapping_sub(padding[1]);
                        if row < h && column < w {
                            let y = ((b * outputs + o) * oh + i) * ow + j;
                            f((channel * h + row) * w + column, tap, y);
                        }
                    }
                }
            }
        }
    }
}

/// Any convolution; those of few channels; depthwise ones; those of 3x3 kernels that have an algorithm of their own.
fn convolutions() -> impl Strategy<Value = Conv> {
    let two = |range: Range<usize>| prop::array::uniform2(range);
    let work = 1_100_000usize..3_000_000;
    let sides = (two(1..6), two(1..4), two(0..4), two(1..3));
    let any = ((size(20), size(40), 1usize..4), (size(20), size(40)), sides, work.clone()).prop_filter_map(
        "a window that fits",
        |((inputs, outputs, groups), (h, w), (kernel, stride, padding, dilation), work)| {
            let options = ConvOptions { stride, padding, dilation, groups };
            Conv::new([inputs * groups, outputs * groups], [[h, w], kernel], options, work)
        },
    );
    let few =
        ((1usize..7, 1usize..14), (size(33), 8usize..65), (two(1..6), 1usize..3, two(0..3)), work.clone());
    let few = few.prop_filter_map(
        "a window that fits",
        |((inputs, outputs), (h, w), (kernel, down, padding), work)| {
            let options = ConvOptions { stride: [down, 1], padding, ..ConvOptions::default() };
            Conv::new([inputs, outputs], [[h, w], kernel], options, work)
        },
    );
    let depthwise =
        (size(33), (size(20), size(65)), (prop_oneof![Just([3, 3]), two(1..5)], two(0..3)), work.clone());
    let depthwise =
        depthwise.prop_filter_map("a window that fits", |(channels, (h, w), (kernel, padding), work)| {
            let options = ConvOptions { padding, groups: channels, ..ConvOptions::default() };
            Conv::new([channels; 2], [[h, w], kernel], options, work)
        });
    let three = (
        prop::array::uniform2(size(80).prop_map(|n| n.max(12))),
        (4usize..14, 4usize..27),
        (1usize..3, two(0..3)),
        work,
    );
    let three = three.prop_filter_map("a window that fits", |(channels, (h, w), (stride, padding), work)| {
        let options = ConvOptions { stride: [stride; 2], padding, ..ConvOptions::default() };
        Conv::new(channels, [[h, w], [3, 3]], options, work)
    });
    prop_oneof![any, few, depthwise, three]
}

/// Images `[batch, channels, h, w]`.
fn images() -> impl Strategy<Value = [usize; 4]> {
    let even = (size(20), size(33)).prop_map(|(h, w)| (2 * h, 2 * w));
    (1usize..100_000, size(33), prop_oneof![even, (size(40), size(65))])
        .prop_map(|(work, channels, (h, w))| [work.div_ceil(channels * h * w), channels, h, w])
}

/// Windows along an axis, and where each begins and ends in `n` elements.
fn windows(kernel: usize, stride: usize, padding: usize, n: usize) -> Vec<Range<usize>> {
    let count = (n + 2 * padding - kernel) / stride + 1;
    let place = |at: usize| at.saturating_sub(padding).min(n);
    (0..count).map(|i| place(i * stride)..place(i * stride + kernel)).collect()
}

/// The largest elements of all windows, their places and the gradient by them; the sums, divided by `cells` or by what is inside, and theirs.
fn pooled(
    x: &Tensor<f32>,
    dy: &Tensor<f32>,
    [rows, columns]: &[Vec<Range<usize>>; 2],
    cells: Option<usize>,
) -> [Vec<f64>; 5] {
    let (x, dy, [h, w]) = (x.to_vec(), dy.to_vec(), [x.shape()[2], x.shape()[3]]);
    let [mut max, mut places, mut mean] = [const { Vec::new() }; 3];
    let [mut max_grad, mut mean_grad] = [const { Vec::new() }; 2].map(|_: Vec<f64>| vec![0.0; x.len()]);
    for first in (0..x.len()).step_by(h * w) {
        for (rows, columns) in rows.iter().flat_map(|rows| columns.iter().map(move |c| (rows, c))) {
            let inside = || rows.clone().flat_map(|i| columns.clone().map(move |j| i * w + j));
            let cells = cells.unwrap_or(rows.len() * columns.len()) as f64;
            let dy = f64::from(dy[max.len()]);
            let best =
                inside().reduce(|best, at| if x[first + at] > x[first + best] { at } else { best }).unwrap();
            max.push(f64::from(x[first + best]));
            places.push(best as f64);
            mean.push(inside().map(|at| f64::from(x[first + at])).sum::<f64>() / cells);
            max_grad[first + best] += dy;
            inside().for_each(|at| mean_grad[first + at] += dy / cells);
        }
    }
    [max, places, max_grad, mean, mean_grad]
}

proptest! {
    #![proptest_config(few())]

    #[test]
    fn convolution_and_its_gradients(conv in convolutions(), salt: u64) {
        let Conv { x, weight, output, options } = conv.clone();
        let (x, w) = (numbers(&x, salt), numbers(&weight, salt ^ 1));
        let (bias, dy) = (numbers(&weight[..1], salt ^ 2), numbers(&[x.shape()[0], weight[0], output[0], output[1]], salt ^ 3));
        let (input, kernel) = ([x.shape()[2], x.shape()[3]], [weight[2], weight[3]]);
        let found = on_threads(|| {
            vec![
                x.conv2d(&w, Some(&bias), &options),
                dy.conv2d_input_grad(&w, input, &options),
                x.conv2d_weight_grad(&dy, kernel, &options),
            ]
        });
        let [xs, ws, dys] = [&x, &w, &dy].map(|x| x.iter().map(f64::from).collect::<Vec<_>>());
        let area = output[0] * output[1];
        let mut y: Vec<f64> = (0..dys.len()).map(|i| f64::from(bias.at([i / area % weight[0]]))).collect();
        let (mut dx, mut dw) = (vec![0.0; xs.len()], vec![0.0; ws.len()]);
        conv.products(|at, tap, to| {
            y[to] += xs[at] * ws[tap];
            dx[at] += dys[to] * ws[tap];
            dw[tap] += dys[to] * xs[at];
        });
        assert_close("y", &found[0], &y);
        assert_close("dx", &found[1], &dx);
        assert_close("dw", &found[2], &dw);
    }

    #[test]
    fn pooling_and_its_gradients(x in images(), sides in prop::array::uniform2((1usize..5, 1usize..4, 0usize..3)), salt: u64) {
        let x = numbers(&x, salt);
        let &[batch, channels, h, w] = &x.shape()[..] else { unreachable!() };
        let input = [h, w];
        let kernel = [0, 1].map(|d| sides[d].0.min(input[d]));
        let padding = [0, 1].map(|d| sides[d].2.min(kernel[d] / 2));
        let touching = PoolOptions { kernel: input.map(|n| n.min(2)), stride: [2, 2], padding: [0, 0] };
        for options in [PoolOptions { kernel, stride: sides.map(|(_, stride, _)| stride), padding }, touching] {
            let PoolOptions { kernel, stride, padding } = options;
            let places = [0, 1].map(|d| windows(kernel[d], stride[d], padding[d], input[d]));
            let dy = numbers(&[batch, channels, places[0].len(), places[1].len()], salt ^ 1);
            let found = on_threads(|| {
                let (max, index) = x.max_pool2d(&options);
                let max_grad = dy.max_pool2d_scatter(&index, input);
                vec![max, index.cast(), max_grad, x.avg_pool2d(&options), dy.avg_pool2d_grad(input, &options)]
            });
            let want = pooled(&x, &dy, &places, Some(kernel[0] * kernel[1]));
            found.iter().zip(&want).for_each(|(found, want)| assert_close("pooling", found, want));
        }
    }

    #[test]
    fn adaptive_pooling_and_its_gradients(x in images(), output in prop::array::uniform2(1usize..9), salt: u64) {
        let x = numbers(&x, salt);
        let &[batch, channels, h, w] = &x.shape()[..] else { unreachable!() };
        let dy = numbers(&[batch, channels, output[0], output[1]], salt ^ 1);
        let found = on_threads(|| {
            let (max, index) = x.adaptive_max_pool2d(output);
            let max_grad = dy.max_pool2d_scatter(&index, [h, w]);
            let mean = x.adaptive_avg_pool2d(output);
            vec![max, index.cast(), max_grad, mean, dy.adaptive_avg_pool2d_grad([h, w])]
        });
        let part = |n: usize, parts: usize| (0..parts).map(|i| i * n / parts..((i + 1) * n).div_ceil(parts)).collect();
        let want = pooled(&x, &dy, &[part(h, output[0]), part(w, output[1])], None);
        found.iter().zip(&want).for_each(|(found, want)| assert_close("adaptive pooling", found, want));
    }
}
