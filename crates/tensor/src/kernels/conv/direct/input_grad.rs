//! The input gradient: for each phase of the stride, a correlation of the output's gradient with some of the taps.

use super::correlate::{Correlation, Scratch};
use super::taps::Taps;
use crate::Float;
use crate::kernels::conv::ConvGeometry;
use crate::kernels::conv::frame::{Frame, Framed};
use crate::kernels::simd::Isa;
use crate::parallel::split_units;
use crate::storage::Buffer;

/// `dx` from `dy` and `w`.
///
/// Row `r` of the input meets tap `t` in row `(r + padding - t dilation) / stride` of the output, if that is an integer. So the rows `a`, `a + stride`, ...
/// are a correlation with stride 1 of `dy` with some of the taps, and no zero is multiplied.
pub fn input_grad<T: Float>(isa: Isa, g: &ConvGeometry, dy: &[T], w: &[T], dx: &mut [T]) {
    let [channels_in, channels_out] = g.channels();
    let phases = Phases::new(g);
    let frame = phases.frame(g);
    let (area, pitch) = (frame.area(), frame.size[1]);
    let parts: Vec<Part<T>> = (0..g.stride[0])
        .flat_map(|a| (0..g.stride[1]).map(move |b| [a, b]))
        .filter_map(|phase| phases.part(g, phase, &frame, w))
        .collect();
    let [image_in, image_out] = g.images();
    let whole = g.stride == [1, 1];
    split_units(dx, image_in, g.work(), |images, dx| {
        let mut framed = Framed::new(phases.frame(g), g.output, g.out_channels);
        let in_place = whole && parts.iter().all(|part| part.taps.by_line || pitch == g.input[1]);
        let lines = if in_place { 0 } else { channels_in * frame.size[0] * pitch };
        let mut scratch = Scratch { lines: Buffer::scratch(lines), unfolded: Buffer::scratch(0) };
        let mut some = Buffer::<T>::scratch(if whole { 0 } else { image_in / g.groups });
        for (image, dx) in images.zip(dx.chunks_exact_mut(image_in)) {
            let dy = framed.of(&dy[image * image_out..][..image_out]);
            for (group, dx) in dx.chunks_exact_mut(image_in / g.groups).enumerate() {
                if !whole {
                    dx.fill(T::ZERO);
                }
                for part in &parts {
                    let taps = part.taps.len();
                    let [rows, columns] = part.size;
                    let correlation = Correlation {
                        x: &dy[group * channels_out * area..][..channels_out * area],
                        joined: None,
                        pitch,
                        w: &part.w[group * channels_in * taps..][..channels_in * taps],
                        taps: &part.taps,
                        stride: [1, 1],
                        output: part.size,
                        y: if whole { &mut *dx } else { &mut some[..channels_in * rows * columns] },
                        scratch: &mut scratch,
                    };
                    T::correlate(isa, correlation);
                    if !whole {
                        part.spread(g, &some, dx);
                    }
                }
            }
        }
    });
}

/// The taps of each phase of the input, down and across, and the output that each reads, relative to the first: `[phase][..] = (tap, distance)`.
struct Phases([Vec<Vec<(usize, isize)>>; 2]);

impl Phases {
    fn new(g: &ConvGeometry) -> Self {
        Phases([0, 1].map(|d| {
            let distance = |phase: usize, tap: usize| {
                let reach = (phase + g.padding[d]) as isize - (tap * g.dilation[d]) as isize;
                (reach % g.stride[d] as isize == 0).then_some((tap, reach / g.stride[d] as isize))
            };
            (0..g.stride[d])
                .map(|phase| (0..g.kernel[d]).filter_map(|tap| distance(phase, tap)).collect())
                .collect()
        }))
    }

    /// The smallest and the largest distance.
    fn reach(&self, d: usize) -> [isize; 2] {
        let all = || self.0[d].iter().flatten().map(|&(_, distance)| distance);
        [all().min().unwrap_or(0), all().max().unwrap_or(0)]
    }

    /// The frame around the gradient in which every tap of every phase finds its output, or a zero.
    fn frame(&self, g: &ConvGeometry) -> Frame {
        let reach = [0, 1].map(|d| self.reach(d));
        Frame {
            size: [0, 1].map(|d| g.input[d].div_ceil(g.stride[d]) + (reach[d][1] - reach[d][0]) as usize),
            first: reach.map(|[smallest, _]| -smallest),
        }
    }

    /// One phase of the input, unless it has no element or no tap.
    fn part<T: Float>(&self, g: &ConvGeometry, phase: [usize; 2], frame: &Frame, w: &[T]) -> Option<Part<T>> {
        let size = [0, 1].map(|d| g.input[d].saturating_sub(phase[d]).div_ceil(g.stride[d]));
        let taps = [0, 1].map(|d| &self.0[d][phase[d]]);
        if size.contains(&0) || taps.iter().any(|taps| taps.is_empty()) {
            return None;
        }
        let (area, pitch) = (frame.area(), frame.size[1]);
        let [top, left] = [0, 1].map(|d| self.reach(d)[0]);
        let [channels_in, channels_out] = g.channels();
        let mut shifts = Vec::with_capacity(channels_out * taps[0].len() * taps[1].len());
        // The index of each tap in the kernel of one output and input.
        let mut places = Vec::with_capacity(taps[0].len() * taps[1].len());
        for o in 0..channels_out {
            for &(i, down) in taps[0] {
                for &(j, across) in taps[1] {
                    shifts.push(o * area + (down - top) as usize * pitch + (across - left) as usize);
                    if o == 0 {
                        places.push(i * g.kernel[1] + j);
                    }
                }
            }
        }
        let window = g.kernel[0] * g.kernel[1];
        let mut packed = Buffer::scratch(g.in_channels * shifts.len());
        for (at, row) in packed.chunks_exact_mut(shifts.len()).enumerate() {
            let (group, c) = (at / channels_in, at % channels_in);
            for (o, row) in row.chunks_exact_mut(places.len()).enumerate() {
                let from = &w[((group * channels_out + o) * channels_in + c) * window..][..window];
                row.iter_mut().zip(&places).for_each(|(to, &place)| *to = from[place]);
            }
        }
        let taps = Taps::new(shifts, frame, g.output[0], size, [1, 1]);
        Some(Part { phase, size, taps, w: packed })
    }
}

/// The elements of the input at positions `phase` plus multiples of the stride.
struct Part<T: crate::Element> {
    phase: [usize; 2],
    /// The number of elements, down and across.
    size: [usize; 2],
    /// The taps of the correlation: one for each output channel and each tap of this phase.
    taps: Taps,
    /// The kernels, by input, output and tap.
    w: Buffer<T>,
}

impl<T: Float> Part<T> {
    /// Writes the results for all planes of a group to their positions in `dx`.
    fn spread(&self, g: &ConvGeometry, some: &[T], dx: &mut [T]) {
        let [rows, columns] = self.size;
        let planes = some.chunks_exact(rows * columns).zip(dx.chunks_exact_mut(g.input[0] * g.input[1]));
        for (some, dx) in planes {
            for (i, line) in some.chunks_exact(columns).enumerate() {
                let to = &mut dx[(self.phase[0] + i * g.stride[0]) * g.input[1] + self.phase[1]..];
                line.iter().zip(to.iter_mut().step_by(g.stride[1])).for_each(|(&x, to)| *to = x);
            }
        }
    }
}
