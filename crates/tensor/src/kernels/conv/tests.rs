use super::*;
use crate::{ConvOptions, Rng, Tensor, sequential};

/// `(x, w, dy)`'s index triples of every product in a convolution.
fn products(g: &ConvGeometry, mut f: impl FnMut(usize, usize, usize)) {
    let [channels_in, channels_out] = g.channels();
    for b in 0..g.batch {
        for o in 0..g.out_channels {
            for (i, j) in (0..g.output[0]).flat_map(|i| (0..g.output[1]).map(move |j| (i, j))) {
                for c in 0..channels_in {
                    for (p, q) in (0..g.kernel[0]).flat_map(|p| (0..g.kernel[1]).map(move |q| (p, q))) {
                        let row = i * g.stride[0] + p * g.dilation[0];
                        let col = j * g.stride[1] + q * g.dilation[1];
                        let inside =
                            |at: usize, d: usize| (g.padding[d]..g.padding[d] + g.input[d]).contains(&at);
                        if !inside(row, 0) || !inside(col, 1) {
                            continue;
                        }
                        let channel = o / channels_out * channels_in + c;
                        let x = ((b * g.in_channels + channel) * g.input[0] + row - g.padding[0])
                            * g.input[1]
                            + col
                            - g.padding[1];
                        let w = ((o * channels_in + c) * g.kernel[0] + p) * g.kernel[1] + q;
                        let y = ((b * g.out_channels + o) * g.output[0] + i) * g.output[1] + j;
                        f(x, w, y);
                    }
                }
            }
        }
    }
}

fn close<T: Float>(what: &str, found: &[T], want: &[f64], tolerance: f64) {
    for (i, (x, want)) in found.iter().zip(want).enumerate() {
        assert!(
            (x.as_f64() - want).abs() <= tolerance * (1.0 + want.abs()),
            "{what}: {i} is {x}, should be {want}"
        );
    }
}

fn check<T: Float>(g: &ConvGeometry, tolerance: f64) {
    let mut rng = Rng::new(3);
    let mut random = |n: usize| -> Vec<T> { Tensor::<f64>::randn(n, &mut rng).iter().map(T::of).collect() };
    let x = random(g.batch * g.in_channels * g.input[0] * g.input[1]);
    let w = random(g.out_channels * g.taps());
    let dy = random(g.batch * g.out_channels * g.output[0] * g.output[1]);
    let bias = random(g.out_channels);
    let (mut y_want, mut dx_want, mut dw_want) =
        (vec![0.0; dy.len()], vec![0.0; x.len()], vec![0.0; w.len()]);
    products(g, |xi, wi, yi| {
        y_want[yi] += x[xi].as_f64() * w[wi].as_f64();
        dx_want[xi] += dy[yi].as_f64() * w[wi].as_f64();
        dw_want[wi] += x[xi].as_f64() * dy[yi].as_f64();
    });
    let plane = (g.output[0] * g.output[1]).max(1);
    y_want.iter_mut().enumerate().for_each(|(i, y)| *y += bias[i / plane % g.out_channels].as_f64());
    for isa in [Isa::Portable, Isa::Avx2, Isa::Avx512].into_iter().filter(|&isa| isa <= Isa::detect()) {
        let what = |name| format!("{name} {isa:?} {g:?}");
        let nan = T::of(f64::NAN);
        let (mut y, mut dx, mut dw) = (vec![nan; dy.len()], vec![nan; x.len()], vec![nan; w.len()]);
        forward_on(isa, g, &x, &w, Some(&bias), &mut y);
        close(&what("forward"), &y, &y_want, tolerance);
        input_grad_on(isa, g, &dy, &w, &mut dx);
        close(&what("input_grad"), &dx, &dx_want, tolerance);
        weight_grad_on(isa, g, &x, &dy, &mut dw);
        close(&what("weight_grad"), &dw, &dw_want, tolerance);
        if !g.is_empty() {
            dw.fill(nan);
            direct::weight_grad(isa, g, &x, &dy, &mut dw);
            close(&what("direct::weight_grad"), &dw, &dw_want, tolerance);
        }
        if !g.is_empty() && g.stride == [1, 1] {
            dx.fill(nan);
            direct::input_grad(isa, g, &dy, &w, &mut dx);
            close(&what("direct::input_grad"), &dx, &dx_want, tolerance);
            dx.fill(nan);
            columns::input_grad(isa, g, &dy, &w, &mut dx);
            close(&what("columns::input_grad"), &dx, &dx_want, tolerance);
        }
        if let Some([_, tall]) = T::WINOGRAD.filter(|_| !g.is_empty() && tall::fits(g)) {
            [&mut y, &mut dx, &mut dw].into_iter().for_each(|out| out.fill(nan));
            (tall.forward)(isa, g, &x, &w, Some(&bias), &mut y);
            close(&what("tall::forward"), &y, &y_want, tolerance);
            (tall.input_grad)(isa, g, &dy, &w, &mut dx);
            close(&what("tall::input_grad"), &dx, &dx_want, tolerance);
            (tall.weight_grad)(isa, g, &x, &dy, &mut dw);
            close(&what("tall::weight_grad"), &dw, &dw_want, tolerance);
        }
        if !g.is_empty() && g.stride[1] == 1 {
            dw.fill(nan);
            dots::weight_grad(isa, g, &x, &dy, &mut dw);
            close(&what("dots::weight_grad"), &dw, &dw_want, tolerance);
        }
    }
}

fn geometry(shape: [usize; 5], kernel: [usize; 2], options: ConvOptions) -> ConvGeometry {
    let [batch, in_channels, out_channels, height, width] = shape;
    let ConvOptions { stride, padding, dilation, groups } = options;
    let input = [height, width];
    let output = options.output_size(input, kernel).unwrap();
    ConvGeometry {
        batch,
        in_channels,
        out_channels,
        input,
        output,
        kernel,
        stride,
        padding,
        dilation,
        groups,
    }
}

#[test]
fn all_kinds_on_all_instruction_sets() {
    let o = |stride, padding, dilation, groups| ConvOptions { stride, padding, dilation, groups };
    let cases = [
        ([2, 1, 6, 12, 12], [5, 5], o([1, 1], [2, 2], [1, 1], 1)),
        ([2, 6, 16, 9, 11], [5, 5], o([1, 1], [0, 0], [1, 1], 1)),
        ([1, 3, 35, 8, 7], [3, 3], o([1, 1], [1, 1], [1, 1], 1)),
        ([2, 4, 6, 9, 8], [3, 2], o([2, 3], [1, 0], [1, 1], 2)),
        ([1, 5, 5, 9, 9], [3, 3], o([1, 1], [1, 1], [1, 1], 5)),
        ([1, 2, 3, 11, 10], [3, 3], o([2, 1], [3, 2], [2, 3], 1)),
        ([3, 2, 4, 5, 5], [1, 1], o([1, 1], [0, 0], [1, 1], 1)),
        ([2, 2, 2, 5, 6], [1, 1], o([2, 2], [1, 3], [1, 1], 1)),
        ([1, 1, 1, 3, 3], [3, 3], o([1, 1], [0, 0], [1, 1], 1)),
        ([1, 40, 2, 6, 6], [3, 3], o([1, 1], [1, 1], [1, 1], 1)),
        // With nothing to multiply.
        ([0, 2, 3, 5, 5], [3, 3], o([1, 1], [0, 0], [1, 1], 1)),
        ([2, 0, 4, 5, 5], [3, 3], o([1, 1], [1, 1], [1, 1], 1)),
        ([2, 3, 0, 5, 5], [3, 3], o([1, 1], [1, 1], [1, 1], 1)),
        ([2, 3, 4, 0, 5], [2, 2], o([1, 1], [1, 1], [1, 1], 1)),
        ([2, 3, 4, 5, 0], [2, 2], o([2, 2], [1, 1], [1, 1], 1)),
        // Depthwise.
        ([2, 3, 3, 7, 21], [3, 3], o([1, 1], [1, 1], [1, 1], 3)),
        ([1, 4, 4, 9, 17], [5, 2], o([1, 1], [0, 1], [1, 2], 4)),
        ([2, 2, 2, 1, 40], [3, 3], o([1, 1], [1, 1], [1, 1], 2)),
        ([1, 2, 2, 4, 34], [3, 3], o([1, 1], [0, 0], [1, 1], 2)),
        ([3, 2, 2, 3, 3], [3, 3], o([1, 1], [2, 2], [1, 1], 2)),
        ([2, 3, 3, 14, 14], [5, 5], o([1, 1], [2, 2], [1, 1], 3)),
        ([1, 2, 2, 1, 19], [5, 5], o([1, 1], [4, 3], [1, 1], 2)),
        ([2, 2, 2, 6, 35], [5, 5], o([1, 1], [0, 1], [1, 1], 2)),
        ([2, 3, 3, 14, 14], [3, 3], o([2, 2], [1, 1], [1, 1], 3)),
        ([1, 2, 2, 7, 70], [3, 3], o([2, 2], [0, 0], [1, 1], 2)),
        ([2, 2, 2, 8, 33], [3, 3], o([2, 2], [2, 1], [1, 1], 2)),
        ([1, 2, 2, 1, 3], [3, 3], o([2, 2], [1, 2], [1, 1], 2)),
        ([2, 3, 3, 15, 28], [5, 5], o([2, 2], [2, 2], [1, 1], 3)),
        ([1, 2, 2, 6, 67], [5, 5], o([2, 2], [1, 0], [1, 1], 2)),
        ([1, 2, 2, 3, 5], [5, 5], o([2, 2], [4, 3], [1, 1], 2)),
        ([1, 2, 2, 9, 40], [3, 3], o([2, 1], [1, 1], [1, 1], 2)),
        // Lines of one output, of just under and over a vector, of several; images that are summed together, and in parts.
        ([2, 1, 8, 5, 3], [3, 3], o([1, 1], [1, 0], [1, 1], 1)),
        ([3, 2, 10, 4, 15], [3, 3], o([1, 1], [1, 1], [1, 1], 1)),
        ([1, 3, 7, 5, 16], [3, 5], o([1, 1], [0, 2], [1, 1], 1)),
        ([2, 6, 13, 6, 17], [2, 3], o([2, 1], [1, 1], [1, 1], 1)),
        ([2, 4, 18, 9, 33], [3, 3], o([3, 1], [1, 1], [2, 1], 2)),
        ([9, 1, 6, 20, 22], [3, 3], o([1, 1], [0, 0], [1, 1], 1)),
        ([2, 1, 5, 38, 33], [5, 5], o([1, 1], [2, 2], [1, 1], 1)),
        ([1, 2, 9, 1, 1500], [1, 7], o([1, 1], [0, 3], [1, 4], 1)),
        ([1, 1, 2, 3, 2], [1, 9], o([1, 1], [0, 8], [1, 2], 1)),
        ([2, 6, 9, 7, 8], [3, 4], o([2, 1], [2, 1], [3, 2], 3)),
        // Columns of some channels at a time, in two groups, and sums over more outputs than one block has.
        ([2, 10, 18, 20, 21], [3, 3], o([1, 1], [1, 1], [1, 1], 2)),
        ([1, 2, 260, 5, 6], [3, 3], o([1, 1], [1, 1], [1, 1], 1)),
        // Strides that leave phases without a tap, or windows without an input.
        ([1, 3, 4, 9, 10], [2, 1], o([3, 2], [0, 0], [1, 1], 1)),
        ([2, 4, 6, 10, 11], [4, 3], o([3, 2], [2, 1], [2, 1], 2)),
        ([1, 2, 2, 4, 4], [1, 1], o([1, 1], [2, 2], [1, 1], 1)),
        // Winograd's: whole and broken tiles, vectors and blocks, every padding.
        ([2, 16, 32, 6, 6], [3, 3], o([1, 1], [0, 0], [1, 1], 1)),
        ([11, 12, 13, 7, 9], [3, 3], o([1, 1], [1, 1], [1, 1], 1)),
        ([1, 17, 40, 11, 18], [3, 3], o([1, 1], [2, 0], [1, 1], 1)),
        ([1, 33, 12, 4, 5], [3, 3], o([1, 1], [1, 2], [1, 1], 1)),
        ([1, 12, 12, 6, 160], [3, 3], o([1, 1], [0, 1], [1, 1], 1)),
        ([1, 300, 12, 6, 6], [3, 3], o([1, 1], [0, 0], [1, 1], 1)),
        ([0, 12, 12, 6, 6], [3, 3], o([1, 1], [0, 0], [1, 1], 1)),
        // With stride 2, and with a last column that no window meets.
        ([2, 16, 32, 9, 9], [3, 3], o([2, 2], [0, 0], [1, 1], 1)),
        ([11, 12, 13, 10, 14], [3, 3], o([2, 2], [1, 1], [1, 1], 1)),
        ([1, 17, 40, 9, 20], [3, 3], o([2, 2], [2, 0], [1, 1], 1)),
        ([1, 33, 12, 7, 11], [3, 3], o([2, 2], [1, 2], [1, 1], 1)),
        ([2, 15, 35, 8, 17], [3, 3], o([2, 2], [1, 1], [1, 1], 1)),
        // Tiles of every kind: 5 to 14 outputs along an axis.
        ([3, 12, 20, 5, 7], [3, 3], o([1, 1], [1, 1], [1, 1], 1)),
        ([2, 20, 12, 10, 14], [3, 3], o([1, 1], [1, 1], [1, 1], 1)),
        ([3, 12, 36, 12, 14], [3, 3], o([2, 2], [1, 1], [1, 1], 1)),
        ([2, 20, 34, 22, 28], [3, 3], o([2, 2], [1, 1], [1, 1], 1)),
        ([2, 12, 48, 27, 18], [3, 3], o([2, 2], [1, 1], [1, 1], 1)),
        // Tall: whole and broken tiles, blocks of several images and of parts of one, every padding, more than is needed beside, groups.
        ([2, 3, 16, 32, 32], [5, 5], o([1, 1], [2, 2], [1, 1], 1)),
        ([13, 8, 6, 9, 11], [5, 5], o([1, 1], [2, 2], [1, 1], 1)),
        ([2, 6, 18, 14, 30], [5, 3], o([1, 1], [4, 0], [1, 2], 1)),
        ([5, 8, 12, 16, 9], [5, 4], o([1, 1], [0, 3], [1, 1], 2)),
        ([2, 4, 8, 12, 12], [5, 1], o([1, 1], [1, 2], [1, 1], 1)),
        ([1, 60, 5, 10, 8], [5, 5], o([1, 1], [3, 2], [1, 1], 1)),
        ([1, 2, 4, 21, 270], [5, 2], o([1, 1], [2, 0], [1, 1], 1)),
        // Lines joined.
        ([2, 3, 16, 14, 14], [5, 5], o([1, 1], [0, 0], [1, 1], 1)),
        ([1, 4, 34, 9, 20], [3, 3], o([1, 1], [1, 0], [1, 2], 2)),
    ];
    for (shape, kernel, options) in cases {
        let g = geometry(shape, kernel, options);
        check::<f32>(&g, 1e-4);
        check::<f64>(&g, 1e-12);
    }
}

/// The root mean square of the differences, and the largest, as parts of the root mean square of what is wanted.
fn errors(found: &[f32], want: &[f64]) -> [f64; 2] {
    let size = (want.iter().map(|x| x * x).sum::<f64>() / want.len() as f64).sqrt();
    let off = || found.iter().zip(want).map(|(&x, want)| (f64::from(x) - want).abs() / size);
    [(off().map(|x| x * x).sum::<f64>() / want.len() as f64).sqrt(), off().fold(0.0, f64::max)]
}

#[test]
fn the_error_of_winograd_is_a_few_times_that_of_the_plain_sum() {
    let mut rng = Rng::new(11);
    let [square, tall] = f32::WINOGRAD.unwrap();
    // With stride 2, six outputs are two tiles of three, whose points hardly enlarge anything, and nine are one of five and one of four.
    let cases = [
        (12, 3, 1, &square, 8.0),
        (12, 3, 2, &square, 3.0),
        (12, 5, 1, &tall, 6.0),
        (18, 3, 1, &square, 8.0),
        (18, 3, 2, &square, 5.0),
    ];
    for (channels, (size, kernel, stride, passes, most)) in
        [12, 64, 200].into_iter().flat_map(|c| cases.map(|case| (c, case)))
    {
        let options = ConvOptions { padding: [kernel / 2; 2], stride: [stride; 2], ..ConvOptions::default() };
        let g = geometry([2, channels, channels, size, size], [kernel; 2], options);
        assert!((passes.suits)(&g) && (passes.suits_input_grad)(&g));
        let [x, dy] = [g.input, g.output].map(|[h, w]| Tensor::<f32>::randn([2, channels, h, w], &mut rng));
        let w = Tensor::<f32>::randn([channels, channels, kernel, kernel], &mut rng);
        let [x64, dy64, w64] = [&x, &dy, &w].map(|x| x.iter().map(f64::from).collect::<Vec<_>>());
        let isa = Isa::detect();
        let [mut y, mut dx, mut dw] = [dy.numel(), x.numel(), w.numel()].map(|n| vec![0.0; n]);
        direct::forward(isa, &g, &x64, &w64, None, &mut y);
        direct::input_grad(isa, &g, &dy64, &w64, &mut dx);
        direct::weight_grad(isa, &g, &x64, &dy64, &mut dw);
        let compare = |what: &str, want: &[f64], plain: &dyn Fn(&mut [f32]), fast: &dyn Fn(&mut [f32])| {
            let [plain, fast] = [plain, fast].map(|pass| {
                let mut out = vec![f32::NAN; want.len()];
                pass(&mut out);
                errors(&out, want)
            });
            assert!(fast[0] <= most * plain[0], "{what} of {g:?}: {fast:?}, plain {plain:?}");
            assert!(fast[1] <= 3e-5, "{what} of {g:?}: {fast:?}, plain {plain:?}");
        };
        let (x, dy, w) = (x.values(), dy.values(), w.values());
        compare("forward", &y, &|y| direct::forward(isa, &g, x, w, None, y), &|y| {
            (passes.forward)(isa, &g, x, w, None, y);
        });
        compare("input gradient", &dx, &|dx| direct::input_grad(isa, &g, dy, w, dx), &|dx| {
            (passes.input_grad)(isa, &g, dy, w, dx);
        });
        compare("weight gradient", &dw, &|dw| direct::weight_grad(isa, &g, x, dy, dw), &|dw| {
            (passes.weight_grad)(isa, &g, x, dy, dw);
        });
    }
}

/// Threads share out parts of a large batch, and outputs where there are fewer parts than threads.
#[test]
fn a_weight_gradient_by_parts_of_the_batch_sums_them_all() {
    for (batch, inputs, outputs) in [(101, 12, 13), (31, 20, 70)] {
        let options = ConvOptions { padding: [1, 1], ..ConvOptions::default() };
        let g = geometry([batch, inputs, outputs, 22, 22], [3, 3], options);
        assert!(winograd::suits_weight_grad(&g));
        let mut rng = Rng::new(12);
        let x = Tensor::<f32>::randn([batch, inputs, 22, 22], &mut rng);
        let dy = Tensor::<f32>::randn([batch, outputs, 22, 22], &mut rng);
        let [x64, dy64] = [&x, &dy].map(|x| x.iter().map(f64::from).collect::<Vec<_>>());
        let mut want = vec![0.0; outputs * inputs * 9];
        direct::weight_grad(Isa::detect(), &g, &x64, &dy64, &mut want);
        let all = || x.conv2d_weight_grad(&dy, [3, 3], &options);
        let alone = sequential(all);
        let [_, largest] = errors(alone.values(), &want);
        assert!(largest <= 1e-5, "{largest}");
        for threads in [2, 3, 5] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            assert_eq!(pool.install(all), alone, "{threads} threads");
        }
    }
}

#[test]
fn threads_change_no_bit() {
    let cases = [
        ([4, 32], 3, 1, 1),
        ([4, 20], 3, 1, 1),
        ([1, 80], 3, 1, 1),
        ([12, 18], 3, 3, 1),
        ([12, 70], 3, 1, 1),
        ([70, 70], 3, 70, 1),
        ([12, 70], 3, 1, 2),
        ([6, 22], 5, 1, 1),
        ([12, 20], 5, 2, 1),
    ];
    for ([inputs, outputs], kernel, groups, stride) in cases {
        let padding = [kernel / 2; 2];
        let options = ConvOptions { padding, stride: [stride; 2], groups, ..ConvOptions::default() };
        let g = geometry([9, inputs, outputs, 20, 20], [kernel; 2], options);
        let mut rng = Rng::new(8);
        let x = Tensor::<f32>::randn([9, inputs, 20, 20], &mut rng);
        let w = Tensor::<f32>::randn([outputs, inputs / groups, kernel, kernel], &mut rng);
        let dy = Tensor::<f32>::randn([9, outputs, 20 / stride, 20 / stride], &mut rng);
        assert!(g.work() > 1 << 17, "large enough to be split");
        let all = || {
            (
                x.conv2d(&w, None, &options),
                dy.conv2d_input_grad(&w, [20, 20], &options),
                x.conv2d_weight_grad(&dy, [kernel; 2], &options),
            )
        };
        let alone = sequential(all);
        for threads in [1, 2, 3, 4, 8] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            assert_eq!(pool.install(all), alone, "{threads} threads");
        }
        let first = x.narrow(0, 0, 1).conv2d(&w, None, &options);
        assert_eq!(alone.0.narrow(0, 0, 1), first, "an image alone");
    }
}
