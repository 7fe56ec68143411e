//! Pooling over windows of images. The maximum comes with the places that it was found at, which make its derivatives gather and
//! scatter; the mean is linear.

use super::window::{checked_shape, names, on_images, planes};
use crate::kernels::pool::{self, PoolGeometry};
use crate::{Float, Shape, Tensor};

/// How the windows of a pooling lie on its input, along each axis: `[vertical, horizontal]` for images, one entry for lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolOptions<const AXES: usize = 2> {
    /// The size of a window.
    pub kernel: [usize; AXES],
    /// The step between windows.
    pub stride: [usize; AXES],
    /// Positions added on each side, at most half a window: they are never the maximum, and count as zeros in a mean.
    pub padding: [usize; AXES],
}

impl<const AXES: usize> PoolOptions<AXES> {
    /// Windows of this size along all axes that touch and do not overlap, without padding.
    pub fn square(size: usize) -> Self {
        PoolOptions { kernel: [size; AXES], stride: [size; AXES], padding: [0; AXES] }
    }

    /// The sizes of the output: `(in + 2 padding - kernel) / stride + 1`, or `None` if no window fits or a size overflows.
    pub fn output_size(&self, input: [usize; AXES]) -> Option<[usize; AXES]> {
        let mut output = [0; AXES];
        for d in 0..AXES {
            let padded = self.padding[d].checked_mul(2)?.checked_add(input[d])?;
            output[d] = padded.checked_sub(self.kernel[d])?.checked_div(self.stride[d])?.checked_add(1)?;
        }
        Some(output)
    }

    /// The same options for images: a line is an image of height 1.
    pub fn on_images(&self) -> PoolOptions {
        PoolOptions {
            kernel: on_images(self.kernel, 1),
            stride: on_images(self.stride, 1),
            padding: on_images(self.padding, 0),
        }
    }

    #[track_caller]
    fn geometry(&self, op: &str, x: &Shape) -> PoolGeometry {
        let wrong = |why: &str| format!("{op}: input {x}, {self:?}: {why}");
        let Some(([batch, channels], input)) = planes::<AXES>(x) else {
            panic!("{}", wrong(&format!("input must be [batch, channels, {}]", names::<AXES>())))
        };
        if self.kernel.contains(&0) || self.stride.contains(&0) {
            panic!("{}", wrong("kernel and stride must be at least 1"));
        }
        if (0..AXES).any(|d| self.padding[d] > self.kernel[d] / 2) {
            panic!("{}", wrong("padding must be at most half the kernel, or a window could lie outside"));
        }
        let PoolOptions { kernel, stride, padding } = self.on_images();
        let (Some(output), Some(cells)) = (self.output_size(input), kernel[0].checked_mul(kernel[1])) else {
            panic!("{}", wrong("the window is larger than the padded input, or a size overflows"))
        };
        let [input, output] = [on_images(input, 1), on_images(output, 1)];
        checked_shape(op, &[batch, channels, output[0], output[1]]);
        let windows = [0, 1].map(|d| {
            let window = |at: usize| {
                let start = at * stride[d];
                let end = (start + kernel[d]).saturating_sub(padding[d]);
                start.saturating_sub(padding[d])..end.min(input[d])
            };
            (0..output[d]).map(window).collect()
        });
        let touching_2x2 = self.on_images() == PoolOptions::square(2);
        PoolGeometry { input, windows, cells: Some(cells), touching_2x2 }
    }
}

/// The windows that divide planes into `output` parts as evenly as they can: window `i` of `n` over a length `l` is
/// `[⌊i l / n⌋, ⌈(i + 1) l / n⌉)`, as in PyTorch.
#[track_caller]
fn adaptive<const AXES: usize>(op: &str, x: &Shape, output: [usize; AXES]) -> PoolGeometry {
    let Some(([batch, channels], input)) = planes::<AXES>(x) else {
        panic!("{op}: input {x} must be [batch, channels, {}]", names::<AXES>())
    };
    assert!(
        output.iter().chain(&input).all(|&n| n > 0),
        "{op}: input {x} and output {output:?} must not be empty"
    );
    let (input, output) = (on_images(input, 1), on_images(output, 1));
    checked_shape(op, &[batch, channels, output[0], output[1]]);
    let windows = [0, 1].map(|d| {
        let (length, n) = (input[d], output[d]);
        assert!(
            length.checked_mul(n).is_some(),
            "{op}: input {x}: {n} windows of {length} elements overflow"
        );
        (0..n).map(|i| i * length / n..((i + 1) * length).div_ceil(n)).collect()
    });
    PoolGeometry { input, windows, cells: None, touching_2x2: output.map(|n| 2 * n) == input }
}

/// Asserts that no index is outside planes of this height and width.
#[track_caller]
fn check_places(op: &str, index: &Shape, plane: [usize; 2], outside: Option<i32>) {
    if let Some(place) = outside {
        panic!("{op}: place {place} of {index} is outside planes of {plane:?}");
    }
}

/// `[batch, channels]` of `shape`, with the planes of the output.
fn with_planes(shape: &Shape, g: &PoolGeometry) -> Shape {
    Shape::from([shape[0], shape[1], g.windows[0].len(), g.windows[1].len()])
}

impl<T: Float> Tensor<T> {
    /// The largest element of each window, and its row-major index in its plane: the first of equal elements, NaN before all.
    ///
    /// Shapes: `[batch, channels, h, w] -> [batch, channels, oh, ow]`, with the sizes of [`PoolOptions::output_size`].
    ///
    /// # Panics
    /// If the input has not four axes or the windows do not fit it.
    #[track_caller]
    #[must_use]
    pub fn max_pool2d(&self, options: &PoolOptions) -> (Tensor<T>, Tensor<i32>) {
        self.max_in("max_pool2d", &options.geometry("max_pool2d", self.shape()))
    }

    /// [`max_pool2d`](Self::max_pool2d) with windows that divide the input into `output` (height, width) parts as evenly as they can:
    /// window `i` of `n` over a length `l` is `[⌊i l / n⌋, ⌈(i + 1) l / n⌉)`.
    ///
    /// # Panics
    /// If the input has not four axes, or it or the output is empty.
    #[track_caller]
    #[must_use]
    pub fn adaptive_max_pool2d(&self, output: [usize; 2]) -> (Tensor<T>, Tensor<i32>) {
        self.max_in("adaptive_max_pool2d", &adaptive("adaptive_max_pool2d", self.shape(), output))
    }

    /// The images of the maxima, and the indices of the maxima.
    #[track_caller]
    fn max_in(&self, op: &str, g: &PoolGeometry) -> (Tensor<T>, Tensor<i32>) {
        let (shape, [height, width]) = (with_planes(self.shape(), g), g.input);
        let most = i32::MAX as usize;
        assert!(
            height <= most / width.max(1),
            "{op}: input {}: a plane has more places than an i32 counts",
            self.shape()
        );
        let x = self.contiguous();
        let mut index = Tensor::<i32>::build(shape, |_| ());
        let y = Tensor::build(shape, |y| pool::max(g, x.values(), y, index.as_mut_slice()));
        (y, index)
    }

    /// The transpose of [`max_pool2d_gather`](Self::max_pool2d_gather): each element is added to the place that `index` says, in
    /// planes of zeros of the size `input` (height, width). The gradient of [`max_pool2d`](Self::max_pool2d).
    ///
    /// # Panics
    /// If the shapes differ or a place is outside.
    #[track_caller]
    #[must_use]
    pub fn max_pool2d_scatter(&self, index: &Tensor<i32>, input: [usize; 2]) -> Tensor<T> {
        assert!(
            self.rank() == 4 && self.shape() == index.shape(),
            "max_pool2d_scatter: values {} and places {} must have the same four axes",
            self.shape(),
            index.shape()
        );
        let shape =
            checked_shape("max_pool2d_scatter", &[self.shape()[0], self.shape()[1], input[0], input[1]]);
        let (dy, index) = (self.contiguous(), index.contiguous());
        let areas = [input[0] * input[1], self.shape()[2] * self.shape()[3]];
        let mut outside = None;
        let dx = Tensor::build(shape, |dx| outside = pool::scatter(areas, dy.values(), index.values(), dx));
        check_places("max_pool2d_scatter", index.shape(), input, outside);
        dx
    }

    /// The elements of each plane at `index`, which [`max_pool2d`](Self::max_pool2d) returned.
    ///
    /// # Panics
    /// If batch or channels differ or a place is outside.
    #[track_caller]
    #[must_use]
    pub fn max_pool2d_gather(&self, index: &Tensor<i32>) -> Tensor<T> {
        assert!(
            self.rank() == 4 && index.rank() == 4 && self.shape()[..2] == index.shape()[..2],
            "max_pool2d_gather: input {} and places {} differ in batch or channels",
            self.shape(),
            index.shape()
        );
        let (x, index) = (self.contiguous(), index.contiguous());
        let areas = [self.shape()[2] * self.shape()[3], index.shape()[2] * index.shape()[3]];
        let mut outside = None;
        let y =
            Tensor::build(*index.shape(), |y| outside = pool::gather(areas, x.values(), index.values(), y));
        check_places("max_pool2d_gather", index.shape(), [self.shape()[2], self.shape()[3]], outside);
        y
    }

    /// The mean of each window; positions outside the input count as zeros.
    ///
    /// Shapes: as [`max_pool2d`](Self::max_pool2d).
    ///
    /// # Panics
    /// If the input has not four axes or the windows do not fit it.
    #[track_caller]
    #[must_use]
    pub fn avg_pool2d(&self, options: &PoolOptions) -> Tensor<T> {
        self.mean_in(&options.geometry("avg_pool2d", self.shape()))
    }

    /// The mean of each window, with the windows of [`adaptive_max_pool2d`](Self::adaptive_max_pool2d).
    ///
    /// # Panics
    /// As there.
    #[track_caller]
    #[must_use]
    pub fn adaptive_avg_pool2d(&self, output: [usize; 2]) -> Tensor<T> {
        self.mean_in(&adaptive("adaptive_avg_pool2d", self.shape(), output))
    }

    /// The images of the means.
    fn mean_in(&self, g: &PoolGeometry) -> Tensor<T> {
        let x = self.contiguous();
        Tensor::build(with_planes(self.shape(), g), |y| pool::mean(g, x.values(), y))
    }

    /// The transpose of [`avg_pool2d`](Self::avg_pool2d), and its gradient: each element spread over its window in planes of the size
    /// `input` (height, width).
    ///
    /// # Panics
    /// If this is not the shape of the output for such an input.
    #[track_caller]
    #[must_use]
    pub fn avg_pool2d_grad(&self, input: [usize; 2], options: &PoolOptions) -> Tensor<T> {
        self.spread_in("avg_pool2d_grad", input, |x| options.geometry("avg_pool2d_grad", x))
    }

    /// The transpose of [`adaptive_avg_pool2d`](Self::adaptive_avg_pool2d), and its gradient.
    ///
    /// # Panics
    /// If this has not four axes or is empty.
    #[track_caller]
    #[must_use]
    pub fn adaptive_avg_pool2d_grad(&self, input: [usize; 2]) -> Tensor<T> {
        let op = "adaptive_avg_pool2d_grad";
        self.spread_in(op, input, |x| adaptive(op, x, [self.shape()[2], self.shape()[3]]))
    }

    /// [`max_pool2d`](Self::max_pool2d) over lines: `[batch, channels, length] -> [batch, channels, out_length]`, and the places.
    ///
    /// # Panics
    /// If the input has not three axes or the windows do not fit it.
    #[track_caller]
    #[must_use]
    pub fn max_pool1d(&self, options: &PoolOptions<1>) -> (Tensor<T>, Tensor<i32>) {
        let g = options.geometry("max_pool1d", self.shape());
        let (y, index) = self.max_in("max_pool1d", &g);
        (y.squeeze(2), index.squeeze(2))
    }

    /// [`adaptive_max_pool2d`](Self::adaptive_max_pool2d) over lines.
    ///
    /// # Panics
    /// If the input has not three axes, or it or the output is empty.
    #[track_caller]
    #[must_use]
    pub fn adaptive_max_pool1d(&self, output: usize) -> (Tensor<T>, Tensor<i32>) {
        let g = adaptive("adaptive_max_pool1d", self.shape(), [output]);
        let (y, index) = self.max_in("adaptive_max_pool1d", &g);
        (y.squeeze(2), index.squeeze(2))
    }

    /// [`avg_pool2d`](Self::avg_pool2d) over lines: `[batch, channels, length] -> [batch, channels, out_length]`.
    ///
    /// # Panics
    /// If the input has not three axes or the windows do not fit it.
    #[track_caller]
    #[must_use]
    pub fn avg_pool1d(&self, options: &PoolOptions<1>) -> Tensor<T> {
        self.mean_in(&options.geometry("avg_pool1d", self.shape())).squeeze(2)
    }

    /// [`adaptive_avg_pool2d`](Self::adaptive_avg_pool2d) over lines.
    ///
    /// # Panics
    /// If the input has not three axes, or it or the output is empty.
    #[track_caller]
    #[must_use]
    pub fn adaptive_avg_pool1d(&self, output: usize) -> Tensor<T> {
        self.mean_in(&adaptive("adaptive_avg_pool1d", self.shape(), [output])).squeeze(2)
    }

    #[track_caller]
    fn spread_in(
        &self,
        op: &str,
        input: [usize; 2],
        geometry: impl FnOnce(&Shape) -> PoolGeometry,
    ) -> Tensor<T> {
        assert!(self.rank() == 4, "{op}: {} must have four axes", self.shape());
        let x = checked_shape(op, &[self.shape()[0], self.shape()[1], input[0], input[1]]);
        let g = geometry(&x);
        let want = with_planes(&x, &g);
        assert!(
            *self.shape() == want,
            "{op}: the gradient has shape {}, but the output has {want}",
            self.shape()
        );
        let dy = self.contiguous();
        Tensor::build(x, |dx| pool::spread(&g, dy.values(), dx))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;

    fn x() -> Tensor<f64> {
        Tensor::<f64>::randn([3, 2, 7, 9], &mut Rng::new(4))
    }

    fn all_options() -> Vec<PoolOptions> {
        let options = |kernel, stride, padding| PoolOptions { kernel, stride, padding };
        vec![
            PoolOptions::square(2),
            PoolOptions::square(3),
            options([3, 2], [2, 1], [1, 1]),
            options([2, 2], [2, 2], [1, 0]),
            options([7, 9], [1, 1], [0, 0]),
        ]
    }

    /// The places inside the input of the window of output `(i, j)`.
    fn window(o: &PoolOptions, [h, w]: [usize; 2], i: usize, j: usize) -> Vec<(usize, usize)> {
        let range = |d: usize, at: usize, size: usize| {
            (0..o.kernel[d])
                .filter_map(move |t| (at * o.stride[d] + t).checked_sub(o.padding[d]))
                .filter(move |&p| p < size)
        };
        range(0, i, h).flat_map(|p| range(1, j, w).map(move |q| (p, q))).collect()
    }

    #[test]
    fn windows_agree_with_indexing() {
        let x = x();
        for o in all_options() {
            let ((max, index), mean) = (x.max_pool2d(&o), x.avg_pool2d(&o));
            for b in 0..3 {
                for c in 0..2 {
                    for i in 0..max.shape()[2] {
                        for j in 0..max.shape()[3] {
                            let window = window(&o, [7, 9], i, j);
                            let values = window.iter().map(|&(p, q)| x.at([b, c, p, q]));
                            let best = values.clone().fold(f64::NEG_INFINITY, f64::max);
                            assert_eq!(max.at([b, c, i, j]), best);
                            let place = index.at([b, c, i, j]) as usize;
                            assert_eq!(x.at([b, c, place / 9, place % 9]), best);
                            let want = values.sum::<f64>() / (o.kernel[0] * o.kernel[1]) as f64;
                            assert!((mean.at([b, c, i, j]) - want).abs() < 1e-12);
                        }
                    }
                }
            }
            assert_eq!(x.max_pool2d_gather(&index), max);
        }
    }

    /// `⟨A x, y⟩ = ⟨x, Aᵀ y⟩`.
    #[test]
    fn gradients_are_transposes() {
        let x = x();
        for o in all_options() {
            let (max, index) = x.max_pool2d(&o);
            let dy = Tensor::<f64>::randn(*max.shape(), &mut Rng::new(5));
            let dot = |a: &Tensor<f64>, b: &Tensor<f64>| (a * b).sum(..).item();
            assert!((dot(&max, &dy) - dot(&x, &dy.max_pool2d_scatter(&index, [7, 9]))).abs() < 1e-10);
            assert!((dot(&x.avg_pool2d(&o), &dy) - dot(&x, &dy.avg_pool2d_grad([7, 9], &o))).abs() < 1e-10);
        }
    }

    #[test]
    fn windows_of_two_by_two_in_blocks_with_ties_and_nan() {
        let mut x = Tensor::<f32>::from_fn([2, 1, 4, 70], |i| (i * 7 % 5) as f32);
        x.as_mut_slice()[75] = f32::NAN;
        let (max, index) = x.max_pool2d(&PoolOptions::square(2));
        for at in 0..max.numel() {
            let (plane, row, column) = (at / 70, at / 35 % 2, at % 35);
            let first = 140 * row + 2 * column;
            let places = [first, first + 1, first + 70, first + 71];
            let values = places.map(|place| x.to_vec()[280 * plane + place]);
            let best = values.iter().position(|v| v.is_nan()).unwrap_or_else(|| {
                (0..4).rev().max_by(|&a, &b| values[a].total_cmp(&values[b])).expect("four")
            });
            assert_eq!(index.to_vec()[at], places[best] as i32, "{values:?}");
            assert_eq!(max.to_vec()[at].to_bits(), values[best].to_bits());
        }
        let dx = Tensor::<f32>::ones(*max.shape()).max_pool2d_scatter(&index, [4, 70]);
        assert_eq!((dx.sum(..).item(), dx.max_pool2d_gather(&index)), (140.0, max.map(|_| 1.0)));
    }

    #[test]
    fn places_outside_of_their_own_window_of_two_by_two() {
        // Windows that overlap, with an output half as large as the input.
        let x = Tensor::<f64>::randn([2, 2, 8, 40], &mut Rng::new(6));
        let (max, index) = x.max_pool2d(&PoolOptions { kernel: [3, 3], stride: [2, 2], padding: [1, 1] });
        let dy = Tensor::<f64>::randn(*max.shape(), &mut Rng::new(7));
        let back = dy.max_pool2d_scatter(&index, [8, 40]);
        assert!(((&max * &dy).sum(..).item() - (&x * back).sum(..).item()).abs() < 1e-10);
    }

    #[test]
    fn adaptive_windows_divide_the_input() {
        let line = Tensor::<f64>::from_fn([1, 1, 7], |i| i as f64);
        // Windows [0, 3), [2, 5), [4, 7).
        assert_eq!(line.adaptive_avg_pool1d(3).to_vec(), [1.0, 3.0, 5.0]);
        let (max, index) = line.adaptive_max_pool1d(3);
        assert_eq!((max.to_vec(), index.to_vec()), (vec![2.0, 4.0, 6.0], vec![2, 4, 6]));
        assert_eq!(line.adaptive_avg_pool1d(14).to_vec()[..5], [0.0, 0.0, 1.0, 1.0, 2.0]);
        let touching = PoolOptions::square(3);
        assert_eq!(line.avg_pool1d(&touching).to_vec(), [1.0, 4.0]);
        assert_eq!(line.max_pool1d(&touching).0.to_vec(), [2.0, 5.0]);

        let x = x();
        assert_eq!(
            x.adaptive_max_pool2d([7, 3]).0,
            x.max_pool2d(&PoolOptions { kernel: [1, 3], stride: [1, 3], padding: [0; 2] }).0
        );
        assert!((x.adaptive_avg_pool2d([1, 1]) - x.mean_keepdim([2, 3])).abs().max(..).item() < 1e-12);
        for output in [[1, 1], [3, 4], [7, 9], [10, 2]] {
            let y = x.adaptive_avg_pool2d(output);
            let dy = Tensor::<f64>::randn(*y.shape(), &mut Rng::new(5));
            let dx = dy.adaptive_avg_pool2d_grad([7, 9]);
            assert!(((&y * &dy).sum(..).item() - (&x * &dx).sum(..).item()).abs() < 1e-10);
        }
    }

    #[test]
    fn means_of_large_windows_keep_their_digits() {
        for n in [64, 256, 1024, 2048] {
            let x = Tensor::<f32>::full([1, 1, n, n], 0.1);
            let inner = PoolOptions { stride: [1, 1], ..PoolOptions::square(n - 1) };
            let tall = PoolOptions { kernel: [n, 1], ..PoolOptions::square(n) };
            for mean in [x.adaptive_avg_pool2d([1, 1]), x.avg_pool2d(&inner), x.avg_pool2d(&tall)] {
                assert!(mean.iter().all(|mean| (mean / 0.1 - 1.0).abs() < 1e-6), "{n}: {mean}");
            }
        }
    }

    #[test]
    fn means_do_not_depend_on_threads() {
        let x = Tensor::<f32>::randn([1, 1, 300, 501], &mut Rng::new(8));
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| [[1, 1], [2, 1], [1, 3], [7, 5]].map(|output| x.adaptive_avg_pool2d(output)))
        };
        assert!([2, 3, 8].into_iter().all(|threads| on(threads) == on(1)));
    }

    #[test]
    fn the_first_of_equals_and_nan_win() {
        let nan = f32::NAN;
        let x = Tensor::from([[[[1.0, 1.0, nan, 5.0], [1.0, 0.0, 7.0, 6.0]]]].map(|b| b[0])).unsqueeze(0);
        for kernel in [PoolOptions::square(2), PoolOptions { padding: [1, 1], ..PoolOptions::square(2) }] {
            let (y, index) = x.max_pool2d(&PoolOptions { padding: [0, 0], ..kernel });
            assert_eq!((y.at([0, 0, 0, 0]), index.at([0, 0, 0, 0])), (1.0, 0));
            assert!(y.at([0, 0, 0, 1]).is_nan());
            assert_eq!(index.at([0, 0, 0, 1]), 2);
        }
    }

    #[test]
    #[should_panic(
        expected = "max_pool2d: input [1, 1, 2, 2], PoolOptions { kernel: [3, 3], stride: [3, 3], padding: [0, 0] }: the window is larger"
    )]
    fn a_window_that_does_not_fit() {
        let _ = Tensor::<f32>::zeros([1, 1, 2, 2]).max_pool2d(&PoolOptions::square(3));
    }
}
