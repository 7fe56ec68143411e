//! Convolution with 3x3 kernels by Winograd's algorithm. With stride 1 it is `F(4x4, 3x3)`: 36 multiplications for a tile of 4 by 4 outputs
//! instead of 144. With stride 2, tiles of 5 by 5 outputs take 121 instead of 225, and so do tiles of 10 by 10 on the way back.
//!
//! Tiles of inputs, which overlap, are transformed, and so are the kernels. Then each point of the transform is a separate matrix product over
//! channels, whose result is transformed back. All of this has the channels last, in vectors; images are transposed a strip of lines at a
//! time. Strips are processed in blocks whose transforms stay in the second-level cache.
//!
//! Where full tiles do not fit an image, some have one or two outputs less along an axis: 14 are 4 + 4 + 3 + 3, or 5 + 5 + 4 with stride 2. Such a
//! tile leaves out the last points, and shares the transformed kernels at the others.
//!
//! The inverse transform amplifies rounding errors: with stride 1, the root mean square of the error is two to five times that of the plain sum,
//! and below 2e-6 of that of the outputs; with stride 2 it is two to four times, and below 1.5e-6. A test bounds both. An infinity or a NaN
//! affects its whole tile. Only for `f32`.

// From the inside out: linear maps along an axis (`maps`), two-dimensional transforms of tiles (`tiles`), the choice of both for each kind of tile
// (`algorithm`); sizes and kinds of tiles (`pass`), rows of the matrices at the points (`plane`), lines with the channels last (`lines`), the
// transforms of strips of lines (`strips`); and the passes (`correlate`, `weight`).
mod algorithm;
mod correlate;
mod lines;
mod maps;
mod pass;
mod plane;
mod strips;
mod tiles;
mod weight;

use correlate::{Correlation, Kernels};
use pass::Pass;
use weight::WeightGrad;

use super::ConvGeometry;
use crate::kernels::simd::{Isa, dispatch_on};
use crate::parallel::{for_parts, split_units, threads_for};
use crate::storage::Buffer;

/// Outputs of a panel, with the widest vectors.
const PANEL: usize = 32;

/// The least number of points of tiles in a part for which the transform of its weight gradient costs little compared with its products.
const PART: usize = 18_432;

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

/// Whether it also applies to the input gradient. With stride 2 that is so only if tiles begin at an edge, as with the usual padding of 1;
/// otherwise the [direct](super::direct) algorithm computes it, phase by phase.
pub fn suits_input_grad(g: &ConvGeometry) -> bool {
    suits(g) && (g.stride == [1, 1] || g.padding == [1, 1])
}

/// Whether it pays for the weight gradient too. With stride 2 there is less to gain, and nothing from few channels.
pub fn suits_weight_grad(g: &ConvGeometry) -> bool {
    suits(g) && (g.stride == [1, 1] || g.in_channels.max(g.out_channels) > PANEL)
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
    let mut u = Buffer::scratch(Kernels::len(&pass));
    dispatch_on(isa, Kernels { pass, w, flipped, u: &mut u });
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
    let (pass, [image_in, image_out]) = (Pass::weight_grad(g), g.images());
    let points = g.batch * pass.down.count() * pass.across.count() * pass.points() * pass.points();
    // The sums of a part at the points should stay in the second-level cache.
    let most = match g.in_channels * g.out_channels {
        0..=1024 => 4,
        1025..=16_384 => 2,
        _ => 1,
    };
    let parts = (points / PART).clamp(1, most);
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
