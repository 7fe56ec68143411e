//! Convolution with 3x3 kernels by Winograd's algorithm. With stride 1 it is `F(4x4, 3x3)`: 36 multiplications for a tile of 4 by 4 outputs
//! instead of 144. With stride 2, tiles of 2 by 2 outputs take 25 instead of 36, and so do tiles of 4 by 4 on the way back.
//!
//! Tiles of 6 by 6 inputs, of 5 by 5, or of 3 by 3 on the way back, which overlap, are transformed, and so are the kernels. Then each point is a matrix product
//! over channels of its own, and what comes out is transformed back. All of this has the channels last, in vectors; images are
//! turned round a strip of lines at a time. Strips are worked off in blocks whose transforms stay in the second-level cache.
//!
//! The way back makes roundings larger: with stride 1, the root mean square of the error is two to five times that of the plain sum, and below 2e-6 of that of
//! the outputs; with stride 2, hardly more than the plain sum's. A test bounds both. An infinity or a NaN spoils its whole tile. For `f32` alone.

mod correlate;
mod points;
mod transform;
mod weight;

use std::ops::Range;

use correlate::{Correlation, Kernels};
use weight::WeightGrad;

use super::ConvGeometry;
use crate::kernels::gemm::{Vector, turn_to};
use crate::kernels::simd::{Isa, dispatch_on, prefetch};
use crate::parallel::{for_parts, split_units, threads_for};
use crate::storage::Buffer;

/// Tiles that are worked off together, or a strip of them if that has more.
const TILES: usize = 56;

/// Outputs of a panel, with the widest vectors.
const PANEL: usize = 32;

/// Inputs of a tile along an axis, at most.
const MOST_LINES: usize = 6;

/// Tiles beside whose products the transform of a weight gradient costs little.
const PART: usize = 512;

/// Whether the algorithm pays for the forward pass, judged by the sizes alone: there must be enough channels to fill vectors and products, and
/// outputs to fill tiles.
pub fn suits(g: &ConvGeometry) -> bool {
    g.kernel == [3, 3]
        && [[1, 1], [2, 2]].contains(&g.stride)
        && g.dilation == [1, 1]
        && g.groups == 1
        && g.padding.iter().all(|&padding| padding <= 2)
        && g.output.iter().all(|&size| size >= 4)
        && g.in_channels.min(g.out_channels) >= 12
}

/// Whether it serves the input gradient too. With stride 2 it does where tiles begin at an edge, as with the usual padding of 1; else that is
/// left to the [direct](super::direct) one, phase by phase.
pub fn suits_input_grad(g: &ConvGeometry) -> bool {
    suits(g) && (g.stride == [1, 1] || g.padding == [1, 1])
}

/// Whether it pays for the weight gradient too. With stride 2 there is less to gain, and nothing from few outputs.
pub fn suits_weight_grad(g: &ConvGeometry) -> bool {
    suits(g) && (g.stride == [1, 1] || g.out_channels > PANEL)
}

/// `y = x ⋆ w (+ bias)`.
pub fn forward(isa: Isa, g: &ConvGeometry, x: &[f32], w: &[f32], bias: Option<&[f32]>, y: &mut [f32]) {
    correlate(isa, g, Pass::forward(g), x, w, false, bias, y);
}

/// `dx` from `dy` and `w`.
pub fn input_grad(isa: Isa, g: &ConvGeometry, dy: &[f32], w: &[f32], dx: &mut [f32]) {
    correlate(isa, g, Pass::input_grad(g), dy, w, true, None, dx);
}

fn correlate(
    isa: Isa,
    g: &ConvGeometry,
    pass: Pass,
    x: &[f32],
    w: &[f32],
    turned: bool,
    bias: Option<&[f32]>,
    y: &mut [f32],
) {
    let mut u = Buffer::scratch(Kernels::len(&pass));
    dispatch_on(isa, Kernels { pass, w, turned, u: &mut u });
    let [image_in, image_out] = pass.images();
    split_units(y, image_out, g.work(), |images, y| {
        let x = &x[images.start * image_in..images.end * image_in];
        dispatch_on(isa, Correlation { pass, x, u: &u, bias, y });
    });
}

/// `dw` from `x` and `dy`, summed over the batch in order.
///
/// Threads take parts of the batch, which the sizes determine, as the sum must not depend on the number of threads. Where there are fewer parts, they
/// take outputs, whole panels of them, and each transforms all inputs for itself.
pub fn weight_grad(isa: Isa, g: &ConvGeometry, x: &[f32], dy: &[f32], dw: &mut [f32]) {
    let (pass, [image_in, image_out]) = (Pass::forward(g), g.images());
    let tiles = g.batch * pass.down() * pass.across();
    // The sums of a part at the points should stay in the second-level cache.
    let most = match g.in_channels * g.out_channels {
        0..=1024 => 4,
        1025..=16_384 => 2,
        _ => 1,
    };
    let parts = (tiles / PART).clamp(1, most);
    let panels = g.out_channels.div_ceil(PANEL);
    let some = panels.div_ceil(threads_for(g.work()).div_ceil(parts)) * PANEL;
    let images = g.batch.div_ceil(parts);
    let mut later = Buffer::filled((g.batch.div_ceil(images) - 1) * dw.len(), 0.0);
    let (all, kernel) = (dw.len(), 9 * g.in_channels);
    let sums =
        std::iter::once(&mut *dw).chain(later.chunks_exact_mut(all)).enumerate().flat_map(|(part, sums)| {
            sums.chunks_mut(some * kernel).enumerate().map(move |(i, dw)| (part, i * some, dw))
        });
    for_parts(sums, |(part, first, dw)| {
        let first_image = part * images;
        let last_image = g.batch.min(first_image + images);
        let grad = WeightGrad {
            pass,
            x: &x[first_image * image_in..last_image * image_in],
            dy: &dy[first_image * image_out..last_image * image_out],
            outputs: first..first + dw.len() / kernel,
            dw,
        };
        dispatch_on(isa, grad);
    });
    for sums in later.chunks_exact(all) {
        dw.iter_mut().zip(sums).for_each(|(dw, sum)| *dw += sum);
    }
}

/// What is done with a tile. The maps are in `transform.rs`.
#[derive(Clone, Copy)]
enum Algorithm {
    /// Stride 1, both ways.
    Straight,
    /// Stride 2.
    Halving,
    /// Back through stride 2, between whose inputs one might think zeros.
    Doubling,
}

impl Algorithm {
    /// Of the forward pass.
    fn forward(g: &ConvGeometry) -> Algorithm {
        if g.stride == [1, 1] { Algorithm::Straight } else { Algorithm::Halving }
    }

    /// Inputs, points and outputs of a tile along an axis.
    fn tile(self) -> [usize; 3] {
        match self {
            Algorithm::Straight => [6, 6, 4],
            Algorithm::Halving => [5, 5, 2],
            Algorithm::Doubling => [3, 5, 4],
        }
    }

    /// Inputs from one tile to the next along an axis.
    fn step(self) -> usize {
        match self {
            Algorithm::Straight | Algorithm::Halving => 4,
            Algorithm::Doubling => 2,
        }
    }
}

/// The sizes of a correlation of `inputs` planes that gives `outputs` planes.
#[derive(Clone, Copy)]
pub struct Pass {
    inputs: usize,
    outputs: usize,
    input: [usize; 2],
    output: [usize; 2],
    padding: [usize; 2],
    algorithm: Algorithm,
}

impl Pass {
    /// The forward pass.
    pub fn forward(g: &ConvGeometry) -> Pass {
        let ConvGeometry { in_channels: inputs, out_channels: outputs, input, output, padding, .. } = *g;
        Pass { inputs, outputs, input, output, padding, algorithm: Algorithm::forward(g) }
    }

    /// The gradient by the input, which is the correlation of the gradient by the output with the kernels turned round.
    pub fn input_grad(g: &ConvGeometry) -> Pass {
        let (padding, algorithm) = match Algorithm::forward(g) {
            Algorithm::Straight => (g.padding.map(|padding| 2 - padding), Algorithm::Straight),
            _ => ([0, 0], Algorithm::Doubling),
        };
        Pass {
            inputs: g.out_channels,
            outputs: g.in_channels,
            input: g.output,
            output: g.input,
            padding,
            algorithm,
        }
    }

    /// Inputs and outputs of a tile along an axis.
    fn tile(&self) -> [usize; 2] {
        let [inputs, _, outputs] = self.algorithm.tile();
        [inputs, outputs]
    }

    /// Points, along both axes.
    fn points(&self) -> usize {
        let [_, points, _] = self.algorithm.tile();
        points * points
    }

    /// Strips of tiles in an image.
    fn down(&self) -> usize {
        self.output[0].div_ceil(self.tile()[1])
    }

    /// Tiles in a strip.
    fn across(&self) -> usize {
        self.output[1].div_ceil(self.tile()[1])
    }

    /// Inputs of a strip of tiles along a line: they overlap. With stride, the last elements of an image may belong to no tile.
    fn line(&self) -> usize {
        let tiles = self.algorithm.step() * (self.across() - 1) + self.tile()[0];
        tiles.max(self.padding[1] + self.input[1])
    }

    /// Strips in a block.
    fn strips(&self) -> usize {
        TILES.div_ceil(self.across())
    }

    /// Elements of an image that goes in, and of one that comes out.
    fn images(&self) -> [usize; 2] {
        [self.inputs * self.input[0] * self.input[1], self.outputs * self.output[0] * self.output[1]]
    }

    /// Asks for what a strip, counted through all images, has and the one before it has not.
    #[inline(always)]
    fn ask_for_inputs(&self, images: &[f32], strip: usize) {
        let [image_in, _] = self.images();
        let (image, strip) = (strip / self.down(), strip % self.down());
        let Some(planes) = images.get(image * image_in..) else { return };
        let end = (self.algorithm.step() * strip + self.tile()[0]) as isize - self.padding[0] as isize;
        let new = if strip == 0 { self.tile()[0] } else { self.algorithm.step() };
        ask_for_lines(planes, self.input, self.inputs, end - new as isize..end);
    }

    /// Where the inputs go that are turned round.
    fn input_lines(&self, channels: usize) -> Lines {
        Lines::new(self.input, self.inputs, self.line(), self.padding[1], channels)
    }

    /// The lines under a strip of tiles in their frame of zeros, channels last. It shares some with the strip above, which `lines` held before.
    #[inline(always)]
    fn fill_inputs<V: Vector<Elem = f32>>(&self, image: &[f32], strip: usize, to: &Lines, lines: &mut [f32]) {
        let ([tile, _], step) = (self.tile(), self.algorithm.step());
        let first = (step * strip) as isize - self.padding[0] as isize;
        let kept = if strip == 0 { 0 } else { tile - step };
        lines.copy_within(step * to.length..(step + kept) * to.length, 0);
        to.fill::<V>(image, first + kept as isize, &mut lines[kept * to.length..]);
    }
}

/// Lines of planes, with the channels last: each of some length, in a frame of zeros.
struct Lines {
    /// Of a plane.
    size: [usize; 2],
    planes: usize,
    /// Elements of a line, with its frame.
    length: usize,
    /// Where the elements of a run of lines go.
    places: Vec<usize>,
}

impl Lines {
    /// Lines of `length` elements, of which the first `left` are in the frame, of `channels` channels.
    fn new(size: [usize; 2], planes: usize, length: usize, left: usize, channels: usize) -> Lines {
        let [h, w] = size;
        let lines = h.min(MOST_LINES);
        let places = (0..lines * w).map(|i| (i / w * length + left + i % w) * channels).collect();
        Lines { size, planes, length: length * channels, places }
    }

    /// Fills `lines` with those from line `first` on, whose frames are zeros already.
    #[inline(always)]
    fn fill<V: Vector<Elem = f32>>(&self, planes: &[f32], first: isize, lines: &mut [f32]) {
        let [h, w] = self.size;
        let last = first + (lines.len() / self.length) as isize;
        let [start, end] = [first, last].map(|line| line.clamp(0, h as isize));
        if start == end {
            return lines.fill(0.0);
        }
        let (above, lines) = lines.split_at_mut((start - first) as usize * self.length);
        let (lines, below) = lines.split_at_mut((end - start) as usize * self.length);
        above.fill(0.0);
        below.fill(0.0);
        let from = &planes[start as usize * w..];
        let places = &self.places[..(end - start) as usize * w];
        assert!(from.len() >= (self.planes - 1) * h * w + places.len(), "the lines lie inside the planes");
        assert!(lines.len() >= places[places.len() - 1] + self.planes, "their elements lie inside the lines");
        // Lines that follow each other are turned as one.
        // SAFETY: as asserted, the last place being the greatest.
        unsafe {
            turn_to::<V>(
                (from.as_ptr(), h * w),
                self.planes,
                places.len(),
                lines.as_mut_ptr(),
                #[inline(always)]
                |i| places[i],
            );
        }
    }
}

/// Asks for lines of `count` planes of size `[h, w]`, so that they are in the cache when a strip is filled with them: they lie far apart, and a
/// processor foresees none.
#[inline(always)]
fn ask_for_lines(planes: &[f32], [h, w]: [usize; 2], count: usize, lines: Range<isize>) {
    let [start, end] = [lines.start, lines.end].map(|line| line.clamp(0, h as isize) as usize * w);
    for plane in planes.chunks_exact(h * w).take(count) {
        prefetch(&plane[start..end]);
    }
}
