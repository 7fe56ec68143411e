//! Lines of images, transposed so that channels come last.

use std::ops::Range;

use crate::kernels::gemm::{Vector, transpose_to};
use crate::kernels::simd::prefetch;
use crate::storage::Buffer;

/// Lines of planes with the channels last, a vector of them at a time so that they stay in the first-level cache: each in a frame of zeros.
pub struct Lines {
    /// The size of a plane.
    size: [usize; 2],
    planes: usize,
    /// The number of elements of a line, with its frame.
    pub length: usize,
    /// The number of elements of the lines of one vector of channels.
    group: usize,
    /// Where the elements of a run of lines go.
    places: Vec<u32>,
    held: Buffer<f32>,
}

impl Lines {
    /// Room for `count` lines of `length` elements, of which the first `left` are in the frame, in vectors of `lanes` channels.
    pub fn new(
        size: [usize; 2],
        planes: usize,
        count: usize,
        [left, length]: [usize; 2],
        lanes: usize,
    ) -> Lines {
        let [h, w] = size;
        let place = |i| (i / w * length + left + i % w) * lanes;
        let places = (0..h.min(count) * w).map(|i| place(i) as u32).collect();
        let (length, group) = (length * lanes, count * length * lanes);
        Lines {
            size,
            planes,
            length,
            group,
            places,
            held: Buffer::filled(planes.div_ceil(lanes) * group, 0.0),
        }
    }

    /// The lines of the channels from `channel` on.
    pub fn of<V: Vector>(&self, channel: usize) -> &[f32] {
        &self.held[channel / V::LANES * self.group..][..self.group]
    }

    /// Fills the lines with the lines `wanted` of the planes, and with zeros outside the planes. The first `kept` of them are already there, from
    /// line `step` on, and are only moved to the front.
    #[inline(always)]
    pub fn fill<V: Vector<Elem = f32>>(
        &mut self,
        planes: &[f32],
        channel: usize,
        wanted: Range<isize>,
        [step, kept]: [usize; 2],
    ) {
        let [h, w] = self.size;
        let held = &mut self.held[channel / V::LANES * self.group..][..self.group];
        held.copy_within(step * self.length..(step + kept) * self.length, 0);
        let first = wanted.start + kept as isize;
        let count = (wanted.end - first) as usize;
        let lines = &mut held[kept * self.length..][..count * self.length];
        let [start, end] = [first, wanted.end].map(|line| line.clamp(0, h as isize));
        if start == end {
            return lines.fill(0.0);
        }
        let (above, lines) = lines.split_at_mut((start - first) as usize * self.length);
        let (lines, below) = lines.split_at_mut((end - start) as usize * self.length);
        above.fill(0.0);
        below.fill(0.0);
        let from = &planes[channel * h * w + start as usize * w..];
        let planes = V::LANES.min(self.planes - channel);
        let places = &self.places[..(end - start) as usize * w];
        assert!(from.len() >= (planes - 1) * h * w + places.len(), "the lines lie inside the planes");
        assert!(
            lines.len() >= places[places.len() - 1] as usize + planes,
            "their elements lie inside the lines"
        );
        // Consecutive lines are transposed together.
        // SAFETY: as asserted, the last place being the greatest.
        unsafe {
            transpose_to::<V>(
                (from.as_ptr(), h * w),
                planes,
                places.len(),
                lines.as_mut_ptr(),
                #[inline(always)]
                |i| places[i] as usize,
            );
        }
    }

    /// Prefetches some lines of these channels in `planes`: they are far apart, so the processor's own prefetcher does not predict them.
    #[inline(always)]
    pub fn ask<V: Vector>(&self, planes: &[f32], channel: usize, wanted: Range<isize>) {
        let [h, w] = self.size;
        let [start, end] = [wanted.start, wanted.end].map(|line| line.clamp(0, h as isize) as usize * w);
        for plane in channel..self.planes.min(channel + V::LANES) {
            if let Some(lines) = planes.get(plane * h * w..).and_then(|plane| plane.get(start..end)) {
                prefetch(lines);
            }
        }
    }
}
