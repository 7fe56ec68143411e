//! 3x3 and 5x5 kernels with stride 1 or 2. The plane is read where it lies: vectors that reach over an edge leave out some lanes.
//!
//! From one line of outputs to the next, the vectors under the taps move up by the stride, so each line of the plane is loaded once for each
//! of its places. Taps, and for 3x3 the vectors under them, stay in registers, and lines of outputs do not wait for each other.

use super::{Pass, load, store};
use crate::kernels::conv::ConvGeometry;
use crate::kernels::gemm::{Vector, each};

/// A kernel over a plane with zeros around it, which are not in memory.
#[derive(Clone, Copy)]
pub struct Close {
    kernel: usize,
    stride: usize,
    /// Height and width.
    plane: [usize; 2],
    /// The place of the plane's first element in its frame; for [`Pass::Spread`], the padding.
    first: [isize; 2],
    /// The width of the results.
    width: usize,
}

/// Where vectors begin in a line of the plane, and which of their lanes are inside: for stride 1 one for each tap, for stride 2 two for each
/// two taps, of which the even numbers are under the first tap and the odd ones under the second.
type Starts = [(isize, u16); 6];

impl Close {
    /// Whether a kernel is one of these.
    pub fn suits(g: &ConvGeometry) -> bool {
        let small = g.kernel == [3, 3] || g.kernel == [5, 5];
        small && g.dilation == [1, 1] && (g.stride == [1, 1] || g.stride == [2, 2])
    }

    /// For planes of this size, and results of this width.
    pub fn new(g: &ConvGeometry, first: [isize; 2], plane: [usize; 2], width: usize) -> Self {
        Close { kernel: g.kernel[0], stride: g.stride[0], plane, first, width }
    }

    #[inline(always)]
    pub fn run<V: Vector>(self, x: &[V::Elem], pass: Pass<'_, V::Elem>) {
        match (self.kernel, self.stride) {
            (3, 1) => self.pass::<V, 3, 1>(x, pass),
            (3, 2) => self.pass::<V, 3, 2>(x, pass),
            (5, 1) => self.pass::<V, 5, 1>(x, pass),
            _ => self.pass::<V, 5, 2>(x, pass),
        }
    }

    #[inline(always)]
    fn pass<V: Vector, const K: usize, const S: usize>(self, x: &[V::Elem], pass: Pass<'_, V::Elem>) {
        // SAFETY: `run` is compiled for the vectors.
        unsafe {
            match pass {
                Pass::Outputs { w, bias, y } => self.outputs::<V, K, S>(x, w, bias, y),
                Pass::Sums { dy, sums } => self.sums::<V, K, S>(x, dy, sums),
                Pass::Spread { w, dx } => self.spread::<V, K>(x, w, dx),
            }
        }
    }

    #[inline(always)]
    unsafe fn outputs<V: Vector, const K: usize, const S: usize>(
        self,
        x: &[V::Elem],
        w: &[V::Elem],
        bias: V::Elem,
        y: &mut [V::Elem],
    ) {
        // SAFETY: lines of `y` have `n` elements from `j` on.
        unsafe {
            let taps = splat_taps::<V, K>(w);
            let bias = V::splat(bias);
            for j in (0..self.width).step_by(V::LANES) {
                let n = V::LANES.min(self.width - j);
                let starts = self.starts::<K, S>(j, n, V::LANES);
                let mut under = self.before_first::<V, K, S>(x, &starts);
                for (row, y) in y.chunks_exact_mut(self.width).enumerate() {
                    self.advance::<V, K, S>(&mut under, x, row, &starts);
                    let mut sum = bias;
                    each!(a < K, each!(b < K, sum = sum.add_product(taps[a][b], under[a][b])));
                    store(sum, y[j..].as_mut_ptr(), n);
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn sums<V: Vector, const K: usize, const S: usize>(
        self,
        x: &[V::Elem],
        dy: &[V::Elem],
        sums: &mut [V::Elem],
    ) {
        assert!(sums.len() == 16 * K * K && V::LANES <= 16);
        // SAFETY: `sums` has 16 numbers for each tap; lines of `dy` have `n` elements from `j` on.
        unsafe {
            let mut totals = [[V::zero(); K]; K];
            for j in (0..self.width).step_by(V::LANES) {
                let n = V::LANES.min(self.width - j);
                let starts = self.starts::<K, S>(j, n, V::LANES);
                let mut under = self.before_first::<V, K, S>(x, &starts);
                for (row, dy) in dy.chunks_exact(self.width).enumerate() {
                    self.advance::<V, K, S>(&mut under, x, row, &starts);
                    let dy: V = load(dy[j..].as_ptr(), n);
                    each!(a < K, each!(b < K, totals[a][b] = totals[a][b].add_product(dy, under[a][b])));
                }
            }
            each!(
                a < K,
                each!(b < K, {
                    let sum = sums.as_mut_ptr().add(16 * (K * a + b));
                    V::load(sum).add(totals[a][b]).store(sum);
                })
            );
        }
    }

    /// Two vectors of each line of `dx`: one of its even columns, one of its odd columns.
    #[inline(always)]
    unsafe fn spread<V: Vector, const K: usize>(self, dy: &[V::Elem], w: &[V::Elem], dx: &mut [V::Elem]) {
        let [down, right] = self.first;
        // SAFETY: only lanes inside the line of `dy` are loaded; lines of `dx` have `n` elements from `j` on.
        unsafe {
            let taps = splat_taps::<V, K>(w);
            for j in (0..self.width).step_by(2 * V::LANES) {
                let n = (2 * V::LANES).min(self.width - j);
                let mut starts: Starts = [(0, 0); 6];
                for (b, start) in starts.iter_mut().enumerate() {
                    // The column of `dy` which this tap spreads to the first column of `dx` that it reaches.
                    let from = (j as isize + right - b as isize + 1).div_euclid(2);
                    *start = (from, self.inside(from, V::LANES));
                }
                for (row, dx) in dx.chunks_exact_mut(self.width).enumerate() {
                    // By even taps and by odd ones.
                    let mut sums = [V::zero(); 2];
                    each!(a < K, {
                        let above = row as isize + down - a as isize;
                        let line = (above / 2) as usize;
                        if above >= 0 && above % 2 == 0 && line < self.plane[0] {
                            let from = dy[line * self.plane[1]..][..self.plane[1]].as_ptr();
                            each!(
                                b < 5,
                                if b < K {
                                    let dy: V = load_from(from, starts[b]);
                                    sums[b % 2] = sums[b % 2].add_product(taps[a][b], dy);
                                }
                            );
                        }
                    });
                    let [even, odd] = if right % 2 == 0 { sums } else { [sums[1], sums[0]] };
                    let (low, high) = even.interleave(odd);
                    let to = dx[j..].as_mut_ptr();
                    store(low, to, n.min(V::LANES));
                    if n > V::LANES {
                        store(high, to.add(V::LANES), n - V::LANES);
                    }
                }
            }
        }
    }

    /// The lanes of a vector that begins at `start` and has `n` lanes which are inside the line.
    #[inline(always)]
    fn inside(&self, start: isize, n: usize) -> u16 {
        let before = (-start).clamp(0, n as isize);
        let end = (self.plane[1] as isize - start).clamp(before, n as isize);
        ((1u32 << end) - (1 << before)) as u16
    }

    /// The vectors under the outputs `j..j + n`.
    #[inline(always)]
    fn starts<const K: usize, const S: usize>(&self, j: usize, n: usize, lanes: usize) -> Starts {
        let mut starts = [(0, 0); 6];
        for (i, start) in starts.iter_mut().enumerate() {
            // Of two vectors for two taps, the second goes on where the first ends.
            let (tap, later) = if S == 1 { (i, 0) } else { (i / 2 * 2, i % 2 * lanes) };
            let from = (S * j + tap + later) as isize - self.first[1];
            *start = (from, self.inside(from, (S * n).saturating_sub(later).min(lanes)));
        }
        starts
    }

    /// The vectors under the taps in a line of the frame.
    #[inline(always)]
    unsafe fn line<V: Vector, const K: usize, const S: usize>(
        &self,
        x: &[V::Elem],
        row: usize,
        starts: &Starts,
    ) -> [V; K] {
        // SAFETY: only lanes inside the line are loaded.
        unsafe {
            let mut line = [V::zero(); K];
            let (row, width) = ((row as isize - self.first[0]) as usize, self.plane[1]);
            if row < self.plane[0] {
                let from = x[row * width..][..width].as_ptr();
                if S == 1 {
                    each!(
                        b < 5,
                        if b < K {
                            line[b] = load_from(from, starts[b]);
                        }
                    );
                } else {
                    each!(
                        pair < 3,
                        if 2 * pair < K {
                            let low: V = load_from(from, starts[2 * pair]);
                            let (even, odd) = low.deinterleave(load_from(from, starts[2 * pair + 1]));
                            line[2 * pair] = even;
                            if 2 * pair + 1 < K {
                                line[2 * pair + 1] = odd;
                            }
                        }
                    );
                }
            }
            line
        }
    }

    /// The vectors under the taps before the first line of outputs: those lines that the first step does not load.
    #[inline(always)]
    unsafe fn before_first<V: Vector, const K: usize, const S: usize>(
        &self,
        x: &[V::Elem],
        starts: &Starts,
    ) -> [[V; K]; K] {
        // SAFETY: as promised by the caller.
        unsafe {
            let mut under = [[V::zero(); K]; K];
            each!(
                a < K,
                if a + S < K {
                    under[a + S] = self.line::<V, K, S>(x, a, starts);
                }
            );
            under
        }
    }

    /// Moves the vectors under the taps to those of a line of outputs.
    #[inline(always)]
    unsafe fn advance<V: Vector, const K: usize, const S: usize>(
        &self,
        under: &mut [[V; K]; K],
        x: &[V::Elem],
        row: usize,
        starts: &Starts,
    ) {
        // SAFETY: as promised by the caller.
        unsafe {
            each!(
                a < K,
                if a + S < K {
                    under[a] = under[a + S];
                } else {
                    under[a] = self.line::<V, K, S>(x, S * row + a, starts);
                }
            );
        }
    }
}

/// The vector that begins there in a line, with zeros outside of it.
#[inline(always)]
unsafe fn load_from<V: Vector>(line: *const V::Elem, (start, lanes): (isize, u16)) -> V {
    // SAFETY: the caller vouches for these lanes.
    unsafe { V::load_lanes(line.wrapping_offset(start), lanes) }
}

/// Each tap in all lanes.
#[inline(always)]
unsafe fn splat_taps<V: Vector, const K: usize>(w: &[V::Elem]) -> [[V; K]; K] {
    // SAFETY: as promised by the caller.
    unsafe {
        let mut taps = [[V::zero(); K]; K];
        each!(a < K, each!(b < K, taps[a][b] = V::splat(w[K * a + b])));
        taps
    }
}
