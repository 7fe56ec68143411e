//! The sizes of a pass, and its division into tiles.

use std::ops::Range;

use super::algorithm::Algorithm;
use crate::kernels::conv::ConvGeometry;
use crate::kernels::gemm::Vector;

/// The number of points of the tiles that are processed together (or of one strip, if that has more): half of the second-level cache with 64
/// channels.
const POINTS: usize = 2016;

/// The sizes of a correlation of `inputs` planes that gives `outputs` planes.
#[derive(Clone, Copy)]
pub struct Pass {
    pub inputs: usize,
    pub outputs: usize,
    pub input: [usize; 2],
    pub output: [usize; 2],
    pub padding: [usize; 2],
    pub algorithm: Algorithm,
    /// Strips of tiles in an image.
    pub down: Tiles,
    /// Tiles in a strip.
    pub across: Tiles,
    /// Strips in a block.
    pub strips: usize,
}

/// Tiles along an axis, of different kinds so that few outputs are superfluous: with stride 2, 14 are 5 + 5 + 4, and 7 are 4 + 3.
#[derive(Clone, Copy)]
pub struct Tiles {
    /// The number of tiles of each kind, the largest first.
    pub counts: [usize; 3],
    /// The number of outputs of a tile of each kind.
    outputs: [usize; 3],
}

/// Consecutive tiles of one kind.
#[derive(Clone, Copy)]
pub struct Run {
    pub kind: usize,
    pub count: usize,
    /// The index of the first tile.
    pub tile: usize,
    /// The first output of the first tile.
    pub output: usize,
    /// The number of outputs of a tile.
    pub outputs: usize,
}

impl Pass {
    /// The forward pass.
    pub fn forward(g: &ConvGeometry) -> Pass {
        let algorithm = if g.stride == [1, 1] { Algorithm::Straight } else { Algorithm::Halving };
        Pass::new(algorithm, [g.in_channels, g.out_channels], [g.input, g.output], g.padding)
    }

    /// The gradient by the input, which is the correlation of the gradient by the output with the flipped kernels.
    pub fn input_grad(g: &ConvGeometry) -> Pass {
        let (algorithm, padding) = if g.stride == [1, 1] {
            (Algorithm::Straight, g.padding.map(|padding| 2 - padding))
        } else {
            (Algorithm::Doubling, [0, 0])
        };
        Pass::new(algorithm, [g.out_channels, g.in_channels], [g.output, g.input], padding)
    }

    /// The gradient by the kernel, of the inputs and outputs of the forward pass. Sums over longer blocks are read and written less often.
    pub fn weight_grad(g: &ConvGeometry) -> Pass {
        let forward = Pass::forward(g);
        Pass { strips: 2 * forward.strips, ..forward }
    }

    fn new(
        algorithm: Algorithm,
        [inputs, outputs]: [usize; 2],
        [input, output]: [[usize; 2]; 2],
        padding: [usize; 2],
    ) -> Pass {
        let [down, across] = output.map(|outputs| Tiles::new(outputs, algorithm.outputs()));
        let points = algorithm.kernels().len().pow(2) * across.count();
        Pass {
            inputs,
            outputs,
            input,
            output,
            padding,
            algorithm,
            down,
            across,
            strips: POINTS.div_ceil(points),
        }
    }

    /// Points along an axis.
    pub fn points(&self) -> usize {
        self.algorithm.kernels().len()
    }

    /// Different kernels along an axis.
    pub fn kernels(&self) -> usize {
        1 + self.algorithm.kernels().iter().max().copied().unwrap_or(0)
    }

    /// Elements of the matrices at all points of a block, at most.
    pub fn elements<V: Vector>(&self, width: usize) -> usize {
        let rows = self.points() * self.points() * self.strips * self.across.count();
        rows * width + self.kernels() * self.kernels() * V::LANES
    }

    /// Elements of an image that goes in, and of one that comes out.
    pub fn images(&self) -> [usize; 2] {
        [self.inputs * self.input[0] * self.input[1], self.outputs * self.output[0] * self.output[1]]
    }
}

impl Tiles {
    fn new(count: usize, outputs: [usize; 3]) -> Tiles {
        let tiles = count.div_ceil(outputs[0]);
        // How many times a tile must be replaced by one of the next smaller kind, spread as evenly as possible.
        let step = outputs[0] - outputs[1];
        let most = (outputs[0] - outputs[2]) / step * tiles;
        let steps = ((tiles * outputs[0] - count) / step).min(most);
        let smallest = steps.saturating_sub(tiles);
        let smaller = steps - 2 * smallest;
        Tiles { counts: [tiles - smaller - smallest, smaller, smallest], outputs }
    }

    /// The number of tiles.
    #[inline(always)]
    pub fn count(&self) -> usize {
        self.counts.iter().sum()
    }

    /// The kind of a tile.
    #[inline(always)]
    pub fn kind(&self, tile: usize) -> usize {
        usize::from(tile >= self.counts[0]) + usize::from(tile >= self.counts[0] + self.counts[1])
    }

    /// The outputs of a tile.
    #[inline(always)]
    pub fn outputs_of(&self, tile: usize) -> Range<usize> {
        self.first_output(tile)..self.first_output(tile + 1)
    }

    #[inline(always)]
    fn first_output(&self, tile: usize) -> usize {
        let (mut rest, mut output) = (tile, 0);
        for (count, outputs) in self.counts.into_iter().zip(self.outputs) {
            output += rest.min(count) * outputs;
            rest -= rest.min(count);
        }
        output
    }

    /// The number of outputs of all tiles: at least the number needed, perhaps a few more.
    pub fn outputs(&self) -> usize {
        self.first_output(self.count())
    }

    /// The tiles of each kind, if there are any.
    pub fn runs(&self) -> Vec<Run> {
        let first = |kind: usize| self.counts[..kind].iter().sum();
        let kinds = (0..3).filter(|&kind| self.counts[kind] > 0);
        let runs = kinds.map(|kind| Run {
            kind,
            count: self.counts[kind],
            tile: first(kind),
            output: self.first_output(first(kind)),
            outputs: self.outputs[kind],
        });
        runs.collect()
    }
}
