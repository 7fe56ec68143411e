//! Convolution with kernels five lines high and stride 1, by one-dimensional Winograd along the columns: `F(4, 5)`.
//!
//! Four vertically adjacent outputs take 8 multiplications for each column of the kernel, instead of 20. Each point of the transform is a
//! separate matrix product, as in [`winograd`](super::winograd), but over channels and columns of the kernel, and vectors run along lines: so
//! nothing has to be transposed, and few channels suffice.
//!
//! The root mean square of the error is two to five times that of the plain sum; a test bounds it. An infinity or a NaN affects its whole
//! tile. Only for `f32`.

mod correlate;
mod transform;
mod weight;

use correlate::{Correlation, kernels};
use transform::{OUT, POINTS, TAPS};
use weight::WeightGrad;

use super::dots::LANES;
use super::frame::Frame;
use super::{ConvGeometry, columns};
use crate::kernels::simd::{Isa, dispatch_on};
use crate::parallel::{for_parts, split_units, threads_for};
use crate::storage::Buffer;

/// The least number of positions that are processed together: the sums of a weight gradient go through memory once for each such block.
const POSITIONS: usize = 256;

/// The number of outputs whose products are transformed back together, from the second-level cache.
const OUTPUTS: usize = 16;

/// Whether the algorithm applies to a convolution.
pub fn fits(g: &ConvGeometry) -> bool {
    g.kernel[0] == TAPS
        && g.stride == [1, 1]
        && g.dilation[0] == 1
        && g.padding[0] < TAPS
        && g.output.iter().all(|&size| size >= OUT)
}

/// Whether it pays for the forward pass, judged by the sizes alone: there must be inputs enough for the products, and lines that fill tiles.
pub fn suits(g: &ConvGeometry) -> bool {
    let pays = |work: Work| work.products + work.back + work.there <= work.plain;
    fits(g) && pays(Work::new(&Pass::forward(g)))
}

/// Whether it pays for the input gradient, compared with the [direct](super::direct) one and [columns].
pub fn suits_input_grad(g: &ConvGeometry) -> bool {
    let pays = |pass: Pass| {
        let work = Work::new(&pass);
        let [direct, columns] = columns::work(g).map(|products| products * LANES);
        let others = if columns::suits(g) { columns } else { direct };
        let products = work.products / pass.outputs * columns::rows_as_if(pass.outputs, 4);
        products + work.back + work.there <= others
    };
    fits(g) && pays(Pass::input_grad(g))
}

/// Whether it pays for the weight gradient, whose sums take half as long again.
pub fn suits_weight_grad(g: &ConvGeometry) -> bool {
    let pays = |work: Work| 15 * work.products + 10 * (work.there + work.grad_there) <= 11 * work.plain;
    fits(g) && pays(Work::new(&Pass::forward(g)))
}

/// The work of an image and group, in multiply-adds.
struct Work {
    /// Of the products in the transform domain.
    products: usize,
    /// Of the transforms of the inputs and of the gradient.
    there: usize,
    grad_there: usize,
    /// Of the inverse transform.
    back: usize,
    /// Of the convolution without the algorithm.
    plain: usize,
}

impl Work {
    fn new(pass: &Pass) -> Work {
        let Pass { inputs, outputs, output: [h, w], down, pitch, .. } = *pass;
        let lanes = |n: usize| n.next_multiple_of(LANES);
        Work {
            products: outputs * POINTS * pass.taps() * down * pitch,
            // The cost of a tile of four outputs, as measured.
            there: inputs * 50 * down * lanes(pitch),
            grad_there: outputs * 40 * down * lanes(w),
            back: outputs * 70 * down * pitch,
            plain: outputs * TAPS * pass.taps() * lanes(h * w),
        }
    }
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
    flipped: bool,
    bias: Option<&[f32]>,
    y: &mut [f32],
) {
    let u = kernels(&pass, w, flipped);
    let [image_in, image_out] = pass.images();
    split_units(y, image_out, g.work(), |images, y| {
        let x = &x[images.start * image_in..images.end * image_in];
        dispatch_on(isa, Correlation { pass: &pass, x, u: &u, bias, y });
    });
}

/// `dw` from `x` and `dy`, summed over the batch in order. Threads share out the outputs.
pub fn weight_grad(isa: Isa, g: &ConvGeometry, x: &[f32], dy: &[f32], dw: &mut [f32]) {
    let pass = Pass::forward(g);
    let kernel = TAPS * pass.taps();
    let some = pass.outputs.div_ceil(threads_for(g.work()).div_ceil(g.groups));
    let groups = dw.chunks_exact_mut(pass.outputs * kernel).enumerate();
    let parts = groups.flat_map(|(group, dw)| {
        dw.chunks_mut(some * kernel).enumerate().map(move |(i, dw)| (group, i * some, dw))
    });
    for_parts(parts, |(group, first, dw)| {
        let outputs = first..first + dw.len() / kernel;
        let mut sums = Buffer::filled(weight::sums(&pass, outputs.len()), 0.0);
        dispatch_on(isa, WeightGrad { pass: &pass, group, outputs, x, dy, sums: &mut sums });
        weight::from_sums(&pass, &sums, dw);
    });
}

/// The sizes of a correlation of `inputs` planes that gives `outputs` planes, in each of some groups.
struct Pass {
    groups: usize,
    inputs: usize,
    outputs: usize,
    input: [usize; 2],
    output: [usize; 2],
    /// Columns of the kernel, and the distance from one to the next.
    columns: usize,
    dilation: usize,
    /// Lines above the input, and columns to its left, that are zero; or, if negative, that no window meets.
    first: [isize; 2],
    /// Strips of tiles in an image, each four lines of outputs.
    down: usize,
    /// Positions along a strip: what the windows of a line of outputs meet.
    pitch: usize,
    /// The number of strips that are processed together, of one image or several.
    together: usize,
    /// Elements of a plane at a point: their positions, what the last column of a kernel meets, and room for a vector.
    area: usize,
}

impl Pass {
    fn forward(g: &ConvGeometry) -> Pass {
        Pass::new(g, g.channels(), [g.input, g.output], g.padding.map(|padding| padding as isize))
    }

    /// The gradient by the input, which is the correlation of the gradient by the output with the flipped kernels.
    fn input_grad(g: &ConvGeometry) -> Pass {
        let [outputs, inputs] = g.channels();
        let reach = [TAPS - 1, (g.kernel[1] - 1) * g.dilation[1]];
        let first = [0, 1].map(|d| reach[d] as isize - g.padding[d] as isize);
        Pass::new(g, [inputs, outputs], [g.output, g.input], first)
    }

    fn new(
        g: &ConvGeometry,
        [inputs, outputs]: [usize; 2],
        [input, output]: [[usize; 2]; 2],
        first: [isize; 2],
    ) -> Pass {
        let [columns, dilation] = [g.kernel[1], g.dilation[1]];
        let (down, reach) = (output[0].div_ceil(OUT), (columns - 1) * dilation);
        let pitch = output[1] + reach;
        // Of as many as fill some products, the number that leaves fewest lanes empty.
        let lost =
            |strips: &usize| (strips * pitch).next_multiple_of(2 * LANES) * POSITIONS / (strips * pitch);
        let some = POSITIONS.div_ceil(pitch)..=(2 * POSITIONS).div_ceil(pitch);
        let together = some.min_by_key(lost).unwrap_or(1);
        let area = (together * pitch + reach).next_multiple_of(LANES) + LANES;
        Pass {
            groups: g.groups,
            inputs,
            outputs,
            input,
            output,
            columns,
            dilation,
            first,
            down,
            pitch,
            together,
            area,
        }
    }

    /// Elements of an image that goes in, and of one that comes out.
    fn images(&self) -> [usize; 2] {
        [(self.inputs, self.input), (self.outputs, self.output)].map(|(n, [h, w])| self.groups * n * h * w)
    }

    /// What the windows of all tiles meet.
    fn frame(&self) -> Frame {
        Frame { size: [OUT * self.down + TAPS - 1, self.pitch], first: self.first }
    }

    /// Inputs and columns of the kernel, which a product sums over.
    fn taps(&self) -> usize {
        self.inputs * self.columns
    }

    /// Where the positions that each tap meets begin, in the planes at a point, of which each input has [`POINTS`].
    fn shifts(&self) -> Vec<usize> {
        let input = |c: usize| (0..self.columns).map(move |j| c * POINTS * self.area + j * self.dilation);
        (0..self.inputs).flat_map(input).collect()
    }
}
