//! The weight gradient: the taps of the image times the output's gradient, summed over the positions of all images.

use crate::Float;
use crate::kernels::conv::ConvGeometry;
use crate::kernels::conv::frame::Framed;
use crate::kernels::gemm::{
    Left, Mat, Rows, Starts, Target, Transpose, Vector, WIDTH, block_length, pack_right, rows,
};
use crate::kernels::simd::{Isa, VectorKernel};
use crate::parallel::{for_parts, threads_for};
use crate::storage::Buffer;

/// `dw` from `x` and `dy`, summed over the batch in order.
pub fn weight_grad<T: Float>(isa: Isa, g: &ConvGeometry, x: &[T], dy: &[T], dw: &mut [T]) {
    let (taps, [channels_in, channels_out]) = (g.taps(), g.channels());
    let frame = g.frame();
    let (area, shifts) = (frame.area(), g.shifts(channels_in, &frame));
    let mut framed = Framed::new(frame, g.input, g.batch * g.in_channels);
    let x = framed.of(x);
    let pitch = g.input[1] + 2 * g.padding[1];
    // Where the window of each position begins.
    let windows: Vec<usize> = (0..g.output[0])
        .flat_map(|i| (0..g.output[1]).map(move |j| i * g.stride[0] * pitch + j * g.stride[1]))
        .collect();
    let mut sums = Buffer::<T>::scratch(taps * channels_out);
    for group in 0..g.groups {
        let threads = threads_for(g.work() / g.groups).min(taps);
        let some_taps = taps.div_ceil(threads);
        let part = |first: usize, sums: &mut [T]| {
            T::add_weight_grad(
                isa,
                WeightGrad {
                    images: x[group * channels_in * area..].chunks(g.in_channels * area),
                    shifts: &shifts[first..first + sums.len() / channels_out],
                    windows: &windows,
                    dy: dy[group * channels_out * windows.len()..].chunks(g.out_channels * windows.len()),
                    channels: channels_out,
                    sums,
                },
            );
        };
        let pieces = sums.chunks_mut(some_taps * channels_out).enumerate();
        for_parts(pieces, |(i, sums)| part(i * some_taps, sums));
        let dw = &mut dw[group * channels_out * taps..][..channels_out * taps];
        T::transpose(isa, Transpose { from: &sums, columns: channels_out, to: dw });
    }
}

/// `sums[t, o] = Σ_q x[windows[q] + shift(t)] dy[o, q]` over the positions of all images, for one group.
pub struct WeightGrad<'a, T> {
    images: std::slice::Chunks<'a, T>,
    shifts: &'a [usize],
    windows: &'a [usize],
    dy: std::slice::Chunks<'a, T>,
    channels: usize,
    sums: &'a mut [T],
}

impl<T: Float> VectorKernel<T> for WeightGrad<'_, T> {
    #[inline(always)]
    fn run<V: Vector<Elem = T>>(self) {
        let WeightGrad { images, shifts, windows, dy, channels, sums } = self;
        let width = WIDTH * V::LANES;
        let length = block_length(windows.len());
        let in_order: Vec<usize> = (0..length).map(|p| p * width).collect();
        let mut packed = Buffer::<T>::scratch(length * channels.next_multiple_of(width));
        let mut add = false;
        for (x, dy) in images.zip(dy) {
            for (block, windows) in windows.chunks(length).enumerate() {
                let depth = windows.len();
                // The gradient of each position as a row of channels.
                let dy = Mat { data: &dy[block * length..], row_stride: 1, col_stride: self.windows.len() };
                pack_right::<T, V>(dy, depth, channels, width, &mut packed);
                // SAFETY: every window begins inside its image at every shift; the panels are padded to the width of a tile;
                // `sums` has `channels` elements for each shift.
                unsafe {
                    rows::<V>(
                        shifts.len(),
                        channels,
                        V::ROWS,
                        Left { base: x.as_ptr(), rows: Starts::At(shifts), offsets: windows },
                        Rows {
                            base: packed.as_ptr(),
                            panel: depth * width,
                            offsets: &in_order[..depth],
                            padded: true,
                        },
                        Target { base: sums.as_mut_ptr(), row_stride: channels, add },
                    );
                }
                add = true;
            }
        }
    }
}
