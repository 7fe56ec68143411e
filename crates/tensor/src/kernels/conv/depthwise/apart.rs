//! Any kernel and dilation, with stride 1: the plane is copied into its frame, where the window of each tap begins at a place of its own.

use super::{Pass, load, store};
use crate::Float;
use crate::kernels::conv::ConvGeometry;
use crate::kernels::conv::frame::{Frame, Framed};
use crate::kernels::gemm::Vector;

/// The taps of a kernel over a plane.
pub struct Apart<T: crate::Element> {
    framed: Framed<T>,
    /// Where the window of each tap begins in the frame.
    shifts: Vec<usize>,
    /// The width of the outputs.
    width: usize,
}

impl<T: crate::Element> Apart<T> {
    /// For planes of this size in a frame, and outputs of this width.
    pub fn new(g: &ConvGeometry, frame: Frame, plane: [usize; 2], width: usize) -> Self {
        let shifts = g.shifts(1, &frame);
        Apart { framed: Framed::new(frame, plane, 1), shifts, width }
    }
}

impl<T: Float> Apart<T> {
    #[inline(always)]
    pub fn run<V: Vector<Elem = T>>(&mut self, x: &[T], pass: Pass<'_, T>) {
        let Apart { framed, shifts, width } = self;
        let (width, pitch) = (*width, framed.frame.size[1]);
        let x = framed.of_vectors::<V>(x);
        let outputs = match &pass {
            Pass::Outputs { y, .. } => y.len(),
            Pass::Sums { dy, sums } => {
                assert!(sums.len() == 16 * shifts.len() && V::LANES <= 16);
                dy.len()
            }
            Pass::Spread { .. } => unreachable!("stride 2 has kernels of its own"),
        };
        let last = shifts.last().map_or(0, |last| last + width);
        assert!(x.len() >= (outputs / width - 1) * pitch + last, "windows lie inside their plane");
        match pass {
            Pass::Outputs { w, bias, y } => {
                for j in (0..width).step_by(V::LANES) {
                    let n = V::LANES.min(width - j);
                    let (x, y) = (x[j..].as_ptr(), &mut y[j..]);
                    // SAFETY: the last tap is the farthest, and its window is inside for every output.
                    unsafe { add_outputs::<V>(x, pitch, (shifts, w), bias, y, width, n) };
                }
            }
            Pass::Sums { dy, sums } => {
                for j in (0..width).step_by(V::LANES) {
                    let n = V::LANES.min(width - j);
                    let (x, dy) = (x[j..].as_ptr(), &dy[j..]);
                    // SAFETY: as above; `sums` has 16 numbers for each tap.
                    unsafe { add_sums::<V>(x, pitch, shifts, dy, width, n, sums.as_mut_ptr()) };
                }
            }
            Pass::Spread { .. } => {}
        }
    }
}

/// A vector of each line of the outputs, or its first `n` lanes.
#[inline(always)]
unsafe fn add_outputs<V: Vector>(
    mut x: *const V::Elem,
    pitch: usize,
    (shifts, w): (&[usize], &[V::Elem]),
    bias: V::Elem,
    y: &mut [V::Elem],
    width: usize,
    n: usize,
) {
    for y in y.chunks_mut(width) {
        // SAFETY: the caller vouches for the windows; lines of `y` have `n` elements.
        unsafe {
            let mut sum = V::splat(bias);
            for (&shift, &w) in shifts.iter().zip(w) {
                sum = sum.add_product(V::splat(w), load(x.add(shift), n));
            }
            store(sum, y.as_mut_ptr(), n);
            x = x.wrapping_add(pitch);
        }
    }
}

/// The sums of a vector of each line of the gradient, or its first `n` lanes.
#[inline(always)]
unsafe fn add_sums<V: Vector>(
    mut x: *const V::Elem,
    pitch: usize,
    shifts: &[usize],
    dy: &[V::Elem],
    width: usize,
    n: usize,
    sums: *mut V::Elem,
) {
    for dy in dy.chunks(width) {
        // SAFETY: the caller vouches for the windows and the sums; lines of `dy` have `n` elements.
        unsafe {
            let dy: V = load(dy.as_ptr(), n);
            for (t, &shift) in shifts.iter().enumerate() {
                let sum = sums.add(16 * t);
                V::load(sum).add_product(dy, load(x.add(shift), n)).store(sum);
            }
        }
        x = x.wrapping_add(pitch);
    }
}
