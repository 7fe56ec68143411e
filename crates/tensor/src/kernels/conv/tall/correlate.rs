//! The forward pass and the input gradient.

use std::ops::Range;

use super::transform::{OUT, POINTS, TAPS, of_input, of_kernel, of_products};
use super::{OUTPUTS, Pass};
use crate::kernels::conv::dots::LANES;
use crate::kernels::conv::frame::Framed;
use crate::kernels::gemm::{Left, Rows, Starts, Target, Vector, WIDTH, block_length, rows};
use crate::kernels::simd::VectorKernel;
use crate::storage::Buffer;

/// The transformed kernels: `[group, point, output, tap]`. The kernels of each group are `w[output, input]`; if `flipped`, the flipped kernels of
/// `w[input, output]`.
pub fn kernels(pass: &Pass, w: &[f32], flipped: bool) -> Buffer<f32> {
    let Pass { inputs, outputs, columns, .. } = *pass;
    let (kernel, taps) = (TAPS * columns, pass.taps());
    let mut u = Buffer::scratch(pass.groups * POINTS * outputs * taps);
    let groups = w.chunks_exact(inputs * outputs * kernel).zip(u.chunks_exact_mut(POINTS * outputs * taps));
    for (w, u) in groups {
        for (i, w) in w.chunks_exact(kernel).enumerate() {
            let (o, c) = if flipped { (i % outputs, i / outputs) } else { (i / inputs, i % inputs) };
            for j in 0..columns {
                let mut column: [f32; TAPS] = std::array::from_fn(|i| w[i * columns + j]);
                if flipped {
                    column.reverse();
                }
                let j = if flipped { columns - 1 - j } else { j };
                for (point, at) in of_kernel(column).into_iter().enumerate() {
                    u[(point * outputs + o) * taps + c * columns + j] = at;
                }
            }
        }
    }
    u
}

/// `y = x ⋆ w (+ bias)` for some images.
pub struct Correlation<'a> {
    /// The sizes.
    pub pass: &'a Pass,
    /// The images.
    pub x: &'a [f32],
    /// The result of [`kernels`].
    pub u: &'a [f32],
    /// Added to each output plane.
    pub bias: Option<&'a [f32]>,
    /// The results.
    pub y: &'a mut [f32],
}

impl VectorKernel<f32> for Correlation<'_> {
    #[inline(always)]
    fn run<V: Vector<Elem = f32>>(self) {
        let Correlation { pass, x, u, bias, y } = self;
        let Pass { groups, outputs, pitch, area, output: [height, width], .. } = *pass;
        let (taps, shifts) = (pass.taps(), pass.shifts());
        let kernel: Vec<usize> = (0..taps).collect();
        let mut m = Buffer::scratch(outputs.min(OUTPUTS) * POINTS * area);
        for group in 0..groups {
            let u = &u[group * POINTS * outputs * taps..][..POINTS * outputs * taps];
            let bias = bias.map(|bias| &bias[group * outputs..][..outputs]);
            by_blocks::<V>(
                pass,
                group,
                x,
                #[inline(always)]
                |block, v| {
                    for first in (0..outputs).step_by(OUTPUTS) {
                        let some = first..outputs.min(first + OUTPUTS);
                        let products =
                            Products { u, outputs, some: some.clone(), kernel: &kernel, shifts: &shifts };
                        products.multiply::<V>(v, block.len() * pitch, area, &mut m);
                        for (m, o) in m.chunks_exact(POINTS * area).zip(some) {
                            let bias = bias.map_or(0.0, |bias| bias[o]);
                            for (place, &[image, strip]) in block.iter().enumerate() {
                                let plane = (image * groups + group) * outputs + o;
                                let y = &mut y[plane * height * width..][..height * width];
                                from_points::<V>(pass, m, place, strip, bias, y);
                            }
                        }
                    }
                },
            );
        }
    }
}

/// Transforms the strips of all images of a group, a block of them at a time, and calls `f` with the image and the position in it of each strip, and
/// the transformed planes.
#[inline(always)]
pub fn by_blocks<V: Vector<Elem = f32>>(
    pass: &Pass,
    group: usize,
    x: &[f32],
    mut f: impl FnMut(&[[usize; 2]], &[f32]),
) {
    let Pass { groups, inputs, down, together, .. } = *pass;
    let [image_in, _] = pass.images();
    let (images, group_in) = (x.len() / image_in, image_in / groups);
    let mut framed = Framed::new(pass.frame(), pass.input, inputs);
    let mut v = Buffer::filled(inputs * POINTS * pass.area, 0.0);
    let mut block = Vec::with_capacity(together);
    for image in 0..images {
        let x = framed.of_vectors::<V>(&x[image * image_in + group * group_in..][..group_in]);
        for strip in 0..down {
            to_points::<V>(pass, x, strip, block.len(), &mut v);
            block.push([image, strip]);
            if block.len() == together || [image + 1, strip + 1] == [images, down] {
                f(&block, &v);
                block.clear();
            }
        }
    }
}

/// The products of some outputs at the points.
struct Products<'a> {
    /// Of [`kernels`], of a group.
    u: &'a [f32],
    outputs: usize,
    some: Range<usize>,
    /// The places of all taps in a kernel, and in the planes at a point.
    kernel: &'a [usize],
    shifts: &'a [usize],
}

impl Products<'_> {
    /// `m[o, point, q] = Σ_t u[point, o, t] v[point, shifts[t] + q]`.
    #[inline(always)]
    fn multiply<V: Vector<Elem = f32>>(&self, v: &[f32], positions: usize, area: usize, m: &mut [f32]) {
        let (taps, positions) = (self.kernel.len(), positions.next_multiple_of(V::LANES));
        let length = block_length(taps);
        assert!(positions <= area && m.len() >= self.some.len() * POINTS * area);
        assert!(self.shifts.iter().all(|shift| shift + (POINTS - 1) * area + positions <= v.len()));
        for point in 0..POINTS {
            let u = &self.u[(point * self.outputs + self.some.start) * taps..][..self.some.len() * taps];
            let (v, m) = (v[point * area..].as_ptr(), m[point * area..].as_mut_ptr());
            for (block, kernel) in self.kernel.chunks(length).enumerate() {
                let shifts = &self.shifts[block * length..][..kernel.len()];
                // SAFETY: `u` has a row of all taps for each output; as asserted, `v` has all positions from each shift on, and `m` has room for them.
                unsafe {
                    rows::<V>(
                        self.some.len(),
                        positions,
                        V::ROWS,
                        Left { base: u.as_ptr(), rows: Starts::Every(taps), offsets: kernel },
                        Rows { base: v, panel: WIDTH * V::LANES, offsets: shifts, padded: true },
                        Target { base: m, row_stride: POINTS * area, add: block > 0 },
                    );
                }
            }
        }
    }
}

/// A strip of framed planes at the points, which goes to place `place` of the block.
#[inline(always)]
fn to_points<V: Vector<Elem = f32>>(pass: &Pass, x: &[f32], strip: usize, place: usize, v: &mut [f32]) {
    let (pitch, area, frame) = (pass.pitch, pass.area, pass.frame().area());
    assert!(V::LANES <= LANES && (place + 1) * pitch + LANES <= area);
    assert!((OUT * strip + POINTS) * pitch <= frame);
    for (x, v) in x.chunks_exact(frame).zip(v.chunks_exact_mut(POINTS * area)) {
        for at in (0..pitch).step_by(V::LANES) {
            let n = V::LANES.min(pitch - at);
            // SAFETY: as asserted, the frame has eight lines from `OUT * strip` on, of `n` elements from `at` on; and a plane at a point has room for a
            // vector after the strip. What is written there, the next one writes anew.
            unsafe {
                let from = x.as_ptr().add(OUT * strip * pitch + at);
                let mut lines = [V::zero(); POINTS];
                for i in 0..POINTS {
                    let from = from.add(i * pitch);
                    lines[i] = if n == V::LANES { V::load(from) } else { V::load_part(from, n) };
                }
                let (at_points, to) = (of_input::<V>(lines), v.as_mut_ptr().add(place * pitch + at));
                for point in 0..POINTS {
                    at_points[point].store(to.add(point * area));
                }
            }
        }
    }
}

/// The way back to a strip of a plane, plus a bias, from place `place` of the block.
#[inline(always)]
fn from_points<V: Vector<Elem = f32>>(
    pass: &Pass,
    m: &[f32],
    place: usize,
    strip: usize,
    bias: f32,
    y: &mut [f32],
) {
    let (pitch, area, [height, width]) = (pass.pitch, pass.area, pass.output);
    let lines = OUT.min(height - OUT * strip);
    let y = &mut y[OUT * strip * width..][..lines * width];
    assert!((place + 1) * pitch + LANES <= area && m.len() >= POINTS * area);
    for at in (0..width).step_by(V::LANES) {
        let n = V::LANES.min(width - at);
        // SAFETY: as asserted, a plane at a point has room for a vector after the strip, and each line of `y` has `n` elements from `at` on.
        unsafe {
            let from = m.as_ptr().add(place * pitch + at);
            let mut products = [V::zero(); POINTS];
            for point in 0..POINTS {
                products[point] = V::load(from.add(point * area));
            }
            let (outputs, bias) = (of_products::<V>(products), V::splat(bias));
            for i in 0..lines {
                let (output, to) = (outputs[i].add(bias), y.as_mut_ptr().add(i * width + at));
                if n == V::LANES { output.store(to) } else { output.store_part(to, n) }
            }
        }
    }
}
