//! The transforms of a tile, for each kind of pass.

use super::maps::*;
use super::tiles::{Matrices, Squares, from_points, to_points};
use crate::kernels::gemm::Vector;

/// The kind of a pass. The linear maps of each are in `maps.rs`.
#[derive(Clone, Copy)]
pub enum Algorithm {
    /// Stride 1, forward and backward.
    Straight,
    /// Stride 2.
    Halving,
    /// The input gradient of stride 2: a correlation of inputs with zeros between them.
    Doubling,
}

/// Calls one of the functions of `tiles.rs` for tiles of the kinds `[down, across]`, with the sizes of the maps of these kinds. The larger ones are
/// separate functions: a single one with all of them would overwhelm the compiler.
macro_rules! tiles {
    ($kinds:expr, $way:ident $args:tt, $map:ty: $n0:literal => $m0:literal, $n1:literal => $m1:literal) => {
        match $kinds {
            [0, 0] => $way::<V, $map, $n0, $m0, $n0, $m0> $args,
            [0, _] => $way::<V, $map, $n0, $m0, $n1, $m1> $args,
            [_, 0] => $way::<V, $map, $n1, $m1, $n0, $m0> $args,
            [_, _] => $way::<V, $map, $n1, $m1, $n1, $m1> $args,
        }
    };
    ($kinds:expr, $way:ident $args:tt, $map:ty: $n0:literal => $m0:literal, $n1:literal => $m1:literal, $n2:literal => $m2:literal) => {
        match $kinds {
            [0, 0] => apart!($way::<V, $map, $n0, $m0, $n0, $m0> $args),
            [0, 1] => apart!($way::<V, $map, $n0, $m0, $n1, $m1> $args),
            [0, _] => apart!($way::<V, $map, $n0, $m0, $n2, $m2> $args),
            [1, 0] => apart!($way::<V, $map, $n1, $m1, $n0, $m0> $args),
            [1, 1] => apart!($way::<V, $map, $n1, $m1, $n1, $m1> $args),
            [1, _] => apart!($way::<V, $map, $n1, $m1, $n2, $m2> $args),
            [_, 0] => apart!($way::<V, $map, $n2, $m2, $n0, $m0> $args),
            [_, 1] => apart!($way::<V, $map, $n2, $m2, $n1, $m1> $args),
            [_, _] => apart!($way::<V, $map, $n2, $m2, $n2, $m2> $args),
        }
    };
}

/// A call in a separate function.
macro_rules! apart {
    ($call:expr) => {
        V::apart(
            #[inline(always)]
            || $call,
        )
    };
}

impl Algorithm {
    /// The number of outputs of each kind of tile along an axis, the largest first. There may be fewer than three kinds.
    pub fn outputs(self) -> [usize; 3] {
        match self {
            Algorithm::Straight => [4, 3, 3],
            Algorithm::Halving => [5, 4, 3],
            Algorithm::Doubling => [10, 8, 6],
        }
    }

    /// The number of points of each kind of tile; a smaller tile has the first points of a larger one.
    pub fn points(self) -> [usize; 3] {
        match self {
            Algorithm::Straight => [6, 5, 5],
            Algorithm::Halving | Algorithm::Doubling => [11, 9, 7],
        }
    }

    /// The first input that `output` depends on.
    pub fn input(self, output: usize) -> usize {
        match self {
            Algorithm::Straight => output,
            Algorithm::Halving => 2 * output,
            Algorithm::Doubling => output / 2,
        }
    }

    /// Inputs that a tile shares with the next along an axis.
    pub fn overlap(self) -> usize {
        match self {
            Algorithm::Straight => 2,
            Algorithm::Halving | Algorithm::Doubling => 1,
        }
    }

    /// The kernel of each point along an axis.
    pub fn kernels(self) -> &'static [usize] {
        match self {
            Algorithm::Straight => &[0, 1, 2, 3, 4, 5],
            Algorithm::Halving | Algorithm::Doubling => &[0, 1, 2, 3, 6, 6, 6, 4, 6, 5, 6],
        }
    }

    /// Transforms a kernel `w` to the points.
    ///
    /// # Safety
    /// As for [`to_points`], and so for all below.
    #[inline(always)]
    pub unsafe fn kernel<V: Vector<Elem = f32>>(
        self,
        flipped: bool,
        w: (&[f32], Squares),
        u: (&mut [f32], &Matrices),
        row: usize,
    ) {
        // SAFETY: as promised by the caller.
        unsafe {
            match (self, flipped) {
                (Algorithm::Straight, false) => {
                    to_points::<V, StraightKernels, 3, 6, 3, 6>(1, w, u, [row, 0])
                }
                (Algorithm::Straight, true) => {
                    to_points::<V, StraightFlipped, 3, 6, 3, 6>(1, w, u, [row, 0]);
                }
                (_, false) => to_points::<V, StridedKernels, 3, 7, 3, 7>(1, w, u, [row, 0]),
                (_, true) => to_points::<V, StridedFlipped, 3, 7, 3, 7>(1, w, u, [row, 0]),
            }
        }
    }

    /// Transforms `count` tiles of inputs, of the kinds `[down, across]`, to the points, into the rows and columns from `place` on.
    #[inline(always)]
    pub unsafe fn inputs<V: Vector<Elem = f32>>(
        self,
        kinds: [usize; 2],
        count: usize,
        x: (&[f32], Squares),
        (v, v_at): (&mut [f32], &Matrices),
        place: [usize; 2],
    ) {
        // SAFETY: as promised by the caller.
        unsafe {
            match self {
                Algorithm::Straight => {
                    tiles!(kinds, to_points(count, x, (&mut *v, v_at), place), StraightInputs: 6 => 6, 5 => 5);
                }
                Algorithm::Halving => {
                    tiles!(kinds, to_points(count, x, (&mut *v, v_at), place), HalvingInputs: 11 => 11, 9 => 9, 7 => 7);
                }
                Algorithm::Doubling => {
                    tiles!(kinds, to_points(count, x, (&mut *v, v_at), place), DoublingInputs: 6 => 11, 5 => 9, 4 => 7);
                }
            }
        }
    }

    /// Transforms products at the points back to tiles of outputs.
    #[inline(always)]
    pub unsafe fn products<V: Vector<Elem = f32>>(
        self,
        kinds: [usize; 2],
        count: usize,
        m: (&[f32], &Matrices),
        row: usize,
        bias: &[f32],
        (y, squares): (&mut [f32], Squares),
    ) {
        // SAFETY: as promised by the caller.
        unsafe {
            match self {
                Algorithm::Straight => {
                    tiles!(kinds, from_points(count, m, row, bias, (&mut *y, squares)), StraightOutputs: 6 => 4, 5 => 3);
                }
                Algorithm::Halving => {
                    tiles!(kinds, from_points(count, m, row, bias, (&mut *y, squares)), HalvingOutputs: 11 => 5, 9 => 4, 7 => 3);
                }
                Algorithm::Doubling => {
                    tiles!(kinds, from_points(count, m, row, bias, (&mut *y, squares)), DoublingOutputs: 11 => 10, 9 => 8, 7 => 6);
                }
            }
        }
    }

    /// Transforms tiles of the gradient by the outputs to the points, for the gradient by the kernel.
    #[inline(always)]
    pub unsafe fn grads<V: Vector<Elem = f32>>(
        self,
        kinds: [usize; 2],
        count: usize,
        dy: (&[f32], Squares),
        (d, d_at): (&mut [f32], &Matrices),
        place: [usize; 2],
    ) {
        // SAFETY: as promised by the caller.
        unsafe {
            match self {
                Algorithm::Straight => {
                    tiles!(kinds, to_points(count, dy, (&mut *d, d_at), place), StraightGrads: 4 => 6, 3 => 5);
                }
                _ => {
                    tiles!(kinds, to_points(count, dy, (&mut *d, d_at), place), HalvingGrads: 5 => 11, 4 => 9, 3 => 7);
                }
            }
        }
    }

    /// Transforms sums at the points back to the gradient by a kernel.
    #[inline(always)]
    pub unsafe fn sums<V: Vector<Elem = f32>>(
        self,
        s: (&[f32], &Matrices),
        row: usize,
        bias: &[f32],
        dw: (&mut [f32], Squares),
    ) {
        // SAFETY: as promised by the caller.
        unsafe {
            match self {
                Algorithm::Straight => from_points::<V, StraightSums, 6, 3, 6, 3>(1, s, row, bias, dw),
                _ => from_points::<V, StridedSums, 7, 3, 7, 3>(1, s, row, bias, dw),
            }
        }
    }
}
