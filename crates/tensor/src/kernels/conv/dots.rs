//! The weight gradient as dot products: vectors run along the positions, and the gradient of each weight is the dot product of two long rows.
//!
//! `dw[o, t] = Σ dy[o, q] x[window(q) + shift(t)]` over the positions `q`. The gradient is read in place, the input from copies with
//! [joined](super::joined) lines, so that no lanes are empty at their ends. Vectors of sums are accumulated over the images in order; the
//! lanes of each are added up at the end.

use std::marker::PhantomData;
use std::ops::Range;

use super::ConvGeometry;
use super::joined::Planes;
use crate::Float;
use crate::kernels::gemm::{Vector, each};
use crate::kernels::simd::{Isa, Kernel, VectorKernel, dispatch};
use crate::parallel::{map_parts, threads_for};
use crate::storage::Buffer;

/// Room for the lanes of a vector of sums, whatever the vector.
pub const LANES: usize = 16;

/// Positions that are summed before the next tile, so that rows of the gradient stay in the first-level cache.
const POSITIONS: usize = 1024;

/// Whether it pays, judged by the sizes of the convolution alone.
///
/// The vectors of the [direct](super::direct) sums run along channels, 16 lanes each, and need the gradient of each image transposed. So they are
/// slow if channels leave a quarter of the lanes empty, if there is only one vector of them (each product then loads a number), or if there are
/// so few taps that transposing costs as much as the sums. Here, rows must be long enough to be worth a tile; with more than a few taps, the
/// longer and the more often used, the better.
pub fn suits(g: &ConvGeometry) -> bool {
    let (taps, [_, channels], positions) = (g.taps(), g.channels(), g.output[0] * g.output[1]);
    let lanes = channels.next_multiple_of(16);
    let lanes_lost = 4 * channels <= 3 * lanes;
    let few_taps = taps < 32 || taps <= 80 && g.kernel[0] > 2 && positions >= 512;
    let one_vector = channels <= 16 && positions >= 256;
    g.stride[1] == 1 && positions >= 64 && (lanes_lost || few_taps || one_vector)
}

/// `dw` from `x` and `dy`, summed over the batch in order.
pub fn weight_grad<T: Float>(isa: Isa, g: &ConvGeometry, x: &[T], dy: &[T], dw: &mut [T]) {
    let (taps, [_, channels]) = (g.taps(), g.channels());
    let threads = threads_for(g.work());
    // Threads share out the groups and, in each, what there is more of.
    let parts = threads.div_ceil(g.groups);
    let pieces: Vec<Piece> = (0..g.groups)
        .flat_map(|group| {
            let cut = |n: usize| {
                let step = n.div_ceil(parts);
                (0..n).step_by(step).map(move |first| first..n.min(first + step))
            };
            let by_taps = taps > channels;
            cut(taps.max(channels)).map(move |some| match by_taps {
                true => Piece { group, taps: some, channels: 0..channels },
                false => Piece { group, taps: 0..taps, channels: some },
            })
        })
        .collect();
    let sums: Vec<Buffer<T>> = if threads == 1 {
        pieces.iter().map(|piece| piece.sums(isa, g, x, dy)).collect()
    } else {
        map_parts(&pieces, |piece| piece.sums(isa, g, x, dy))
    };
    for (Piece { group, taps: some, channels: outputs }, sums) in pieces.iter().zip(&sums) {
        for (o, sums) in outputs.clone().zip(sums.chunks_exact(some.len())) {
            dw[(group * channels + o) * taps..][some.clone()].copy_from_slice(sums);
        }
    }
}

/// Some of the weights of one group.
struct Piece {
    group: usize,
    taps: Range<usize>,
    channels: Range<usize>,
}

impl Piece {
    /// Their gradients, by output and tap.
    fn sums<T: Float>(&self, isa: Isa, g: &ConvGeometry, x: &[T], dy: &[T]) -> Buffer<T> {
        let [channels_in, channels_out] = g.channels();
        let [image_in, image_out] = g.images();
        let [area_in, area_out] = [g.input, g.output].map(|[h, w]| h * w);
        let window = g.kernel[0] * g.kernel[1];
        let inputs = self.taps.start / window..self.taps.end.div_ceil(window);
        let planes = Planes::new(g);
        let shifts: Vec<usize> =
            self.taps.clone().map(|t| planes.shift(g, t - inputs.start * window)).collect();
        let together = (POSITIONS / area_out).clamp(1, g.batch);
        let copy = inputs.len() * g.kernel[1] * planes.area();
        let mut copies = Buffer::<T>::filled(together * copy, T::ZERO);
        let mut sums = Buffer::<T>::filled(shifts.len() * self.channels.len() * LANES, T::ZERO);
        for first in (0..g.batch).step_by(together) {
            let some = Sums {
                g,
                planes: &planes,
                images: together.min(g.batch - first),
                x: &x[first * image_in + (self.group * channels_in + inputs.start) * area_in..],
                inputs: inputs.len(),
                copies: &mut copies,
                shifts: &shifts,
                dy: &dy[first * image_out + (self.group * channels_out + self.channels.start) * area_out..],
                channels: self.channels.len(),
                sums: &mut sums,
            };
            T::dots(isa, some);
        }
        let mut totals = Buffer::scratch(shifts.len() * self.channels.len());
        dispatch(
            #[inline(always)]
            || totals.iter_mut().zip(sums.as_chunks().0).for_each(|(total, lanes)| *total = add_up(lanes)),
        );
        totals
    }
}

/// The sum of the lanes: of halves, halves of halves, ...
#[inline(always)]
pub fn add_up<T: Float>(lanes: &[T; LANES]) -> T {
    let mut eight = [T::ZERO; LANES / 2];
    for l in 0..LANES / 2 {
        eight[l] = lanes[l] + lanes[l + LANES / 2];
    }
    let [a, b, c, d, e, f, g, h] = eight;
    ((a + e) + (c + g)) + ((b + f) + (d + h))
}

/// The sums of a few images.
pub struct Sums<'a, T> {
    g: &'a ConvGeometry,
    planes: &'a Planes,
    images: usize,
    /// The images, from the first input channel that is met on.
    x: &'a [T],
    inputs: usize,
    copies: &'a mut [T],
    shifts: &'a [usize],
    /// The gradient of these images, from the first channel on.
    dy: &'a [T],
    channels: usize,
    sums: &'a mut [T],
}

impl<T: Float> VectorKernel<T> for Sums<'_, T> {
    #[inline(always)]
    fn run<V: Vector<Elem = T>>(self) {
        let Sums { g, planes, images, x, inputs, copies, shifts, dy, channels, sums } = self;
        let [image_in, image_out] = g.images();
        let area_in = g.input[0] * g.input[1];
        let copy = inputs * g.kernel[1] * planes.area();
        for (image, copies) in copies.chunks_exact_mut(copy).take(images).enumerate() {
            planes.fill::<V>(g, &x[image * image_in..][..inputs * area_in], copies);
        }
        let positions = g.output[0] * g.output[1];
        let image_steps = [copy, image_out];
        let dots = Dots {
            x: copies,
            shifts,
            dy,
            channels,
            dy_step: positions,
            positions,
            images,
            image_steps,
            sums,
        };
        dots.add::<V>();
    }
}

/// `sums[o, t, lane] += Σ x[shifts[t] + q] dy[o, q]` over the positions `q` of that lane, for some images.
pub struct Dots<'a, T> {
    /// What the taps meet, in the first image.
    pub x: &'a [T],
    /// Where what each tap meets begins.
    pub shifts: &'a [usize],
    /// The gradient of the first image, from the first channel on.
    pub dy: &'a [T],
    /// Channels of the gradient, and from one to the next.
    pub channels: usize,
    pub dy_step: usize,
    /// Positions in each.
    pub positions: usize,
    pub images: usize,
    /// From one image to the next, in `x` and `dy`.
    pub image_steps: [usize; 2],
    /// [`LANES`] elements for each channel and tap.
    pub sums: &'a mut [T],
}

impl<T: Float> Dots<'_, T> {
    /// Adds them, with the vectors `V`.
    #[inline(always)]
    pub fn add<V: Vector<Elem = T>>(self) {
        let Dots {
            x,
            shifts,
            dy,
            channels,
            dy_step,
            positions,
            images,
            image_steps: [x_image, dy_image],
            sums,
        } = &self;
        assert!(V::LANES <= LANES && sums.len() == shifts.len() * channels * LANES);
        let last = (images - 1) * x_image + positions;
        assert!(shifts.iter().all(|shift| shift + last <= x.len()), "what a tap meets lies inside `x`");
        assert!((images - 1) * dy_image + (channels - 1) * dy_step + positions <= dy.len());
        // SAFETY: this is compiled for the instructions of `V`.
        unsafe { V::apart(With(self, PhantomData::<V>)) };
    }
}

/// Dot products with the vectors that were chosen for them.
struct With<'a, T, V>(Dots<'a, T>, PhantomData<V>);

impl<T: Float, V: Vector<Elem = T>> Kernel for With<'_, T, V> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Dots { x, shifts, dy, channels, dy_step, positions, images, image_steps, sums } = self.0;
        let taps = shifts.len();
        let [most_taps, most_channels] = if V::ROWS > 6 { [4, 6] } else { [2, 4] };
        for q in (0..positions).step_by(POSITIONS) {
            let mut o = 0;
            while o < channels {
                // Six and two are slower than four and four.
                let rest = channels - o;
                let some_channels = match rest {
                    8 => 4,
                    _ => [6, 4, 2, 1].into_iter().find(|&c| c <= rest && c <= most_channels).unwrap_or(1),
                };
                let mut t = 0;
                while t < taps {
                    let some_taps = (taps - t).div_ceil((taps - t).div_ceil(most_taps));
                    // SAFETY: as `Dots::add` has asserted, the rows of taps and of the gradient have `positions` elements, and `sums` a vector for each pair.
                    unsafe {
                        let tile = Tile::<V> {
                            x: x.as_ptr().add(q),
                            shifts: &shifts[t..t + some_taps],
                            dy: dy.as_ptr().add(o * dy_step + q),
                            dy_step,
                            images,
                            image_steps,
                            count: POSITIONS.min(positions - q),
                            sums: sums.as_mut_ptr().add((o * taps + t) * LANES),
                            sums_step: taps * LANES,
                        };
                        match some_channels {
                            6 if const { V::ROWS > 6 } => tile.add::<6>(),
                            4 => tile.add::<4>(),
                            2 => tile.add::<2>(),
                            _ => tile.add::<1>(),
                        }
                    }
                    t += some_taps;
                }
                o += some_channels;
            }
        }
    }
}

/// The sums of some taps and channels, which registers hold.
struct Tile<'a, V: Vector> {
    x: *const V::Elem,
    shifts: &'a [usize],
    dy: *const V::Elem,
    /// From one row of the gradient to the next.
    dy_step: usize,
    images: usize,
    /// From one image to the next, in the copies and in the gradient.
    image_steps: [usize; 2],
    /// Positions of each image.
    count: usize,
    sums: *mut V::Elem,
    /// From one row of sums to the next.
    sums_step: usize,
}

impl<V: Vector> Tile<'_, V> {
    /// Adds the sums of `C` channels.
    #[inline(always)]
    unsafe fn add<const C: usize>(self) {
        // SAFETY: the caller vouches for the pointers.
        unsafe {
            match self.shifts.len() {
                4 if const { V::ROWS > 6 } => self.add_taps::<4, C>(),
                3 if const { V::ROWS > 6 } => self.add_taps::<3, C>(),
                2 => self.add_taps::<2, C>(),
                _ => self.add_taps::<1, C>(),
            }
        }
    }

    #[inline(always)]
    unsafe fn add_taps<const T: usize, const C: usize>(self) {
        // SAFETY: the caller vouches for the pointers. A vector of zero bits holds zeros.
        unsafe {
            let mut sums: [[V; T]; C] = std::mem::zeroed();
            let (mut x, mut dy) = ([self.x; T], [self.dy; C]);
            each!(t < T, x[t] = self.x.add(self.shifts[t]));
            each!(o < C, dy[o] = self.dy.add(o * self.dy_step));
            let whole = self.count / V::LANES * V::LANES;
            let [x_step, dy_step] = self.image_steps;
            for _ in 0..self.images {
                for q in (0..whole).step_by(V::LANES) {
                    step::<V, T, C, false>(&mut sums, &x, &dy, q, V::LANES);
                }
                if whole < self.count {
                    step::<V, T, C, true>(&mut sums, &x, &dy, whole, self.count - whole);
                }
                each!(t < T, x[t] = x[t].wrapping_add(x_step));
                each!(o < C, dy[o] = dy[o].wrapping_add(dy_step));
            }
            each!(
                o < C,
                each!(t < T, {
                    let to = self.sums.add(o * self.sums_step + t * LANES);
                    V::load(to).add(sums[o][t]).store(to);
                })
            );
        }
    }
}

/// `sums[o][t] += dy[o][q..] x[t][q..]`, of `n` lanes if `PART`.
#[inline(always)]
unsafe fn step<V: Vector, const T: usize, const C: usize, const PART: bool>(
    sums: &mut [[V; T]; C],
    x: &[*const V::Elem; T],
    dy: &[*const V::Elem; C],
    q: usize,
    n: usize,
) {
    // SAFETY: the caller vouches for the pointers.
    unsafe {
        let mut right = [V::zero(); T];
        each!(t < T, right[t] = if PART { V::load_part(x[t].add(q), n) } else { V::load(x[t].add(q)) });
        each!(o < C, {
            let dy = if PART { V::load_part(dy[o].add(q), n) } else { V::load(dy[o].add(q)) };
            each!(t < T, sums[o][t] = sums[o][t].add_product(dy, right[t]));
        });
    }
}
