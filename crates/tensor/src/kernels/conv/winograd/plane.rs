//! The points of a two-dimensional transform, and the numbers of rows of their matrices.

use std::ops::Range;

use super::pass::Pass;
use super::tiles::Matrices;
use crate::kernels::gemm::Vector;

/// The points of a pass. Each has a matrix with a row for each tile that has the point; points with the same kernel share one.
pub struct Plane {
    pass: Pass,
    /// The points in the order of their matrices, each with its kernel: points with the same kernel follow each other.
    order: Vec<Point>,
    /// The number of rows of each point in a strip of tiles, for each kind of tile.
    rows: [Vec<usize>; 3],
}

#[derive(Clone, Copy)]
struct Point {
    index: usize,
    kernel: usize,
}

/// Points with the same kernel.
pub struct Group {
    /// The first of the points.
    pub point: usize,
    pub kernel: usize,
    /// The number of rows of their matrix.
    pub rows: usize,
}

impl Plane {
    pub fn new(pass: Pass) -> Plane {
        let (kernels, side) = (pass.algorithm.kernels(), pass.points());
        let mut order: Vec<Point> = (0..side * side)
            .map(|index| Point {
                index,
                kernel: kernels[index / side] * pass.kernels() + kernels[index % side],
            })
            .collect();
        order.sort_by_key(|point| point.kernel);
        let points = pass.algorithm.points();
        let rows = [0, 1, 2].map(|kind| {
            let across =
                |x| (0..3).filter(|&kind| x < points[kind]).map(|kind| pass.across.counts[kind]).sum();
            (0..side * side).map(|i| if i / side < points[kind] { across(i % side) } else { 0 }).collect()
        });
        Plane { pass, order, rows }
    }

    /// The rows of each point in some strips, counted through all images.
    fn rows(&self, strips: Range<usize>) -> Vec<usize> {
        let mut all = vec![0; self.order.len()];
        for strip in strips {
            all.iter_mut().zip(self.rows_of_strip(strip)).for_each(|(all, rows)| *all += rows);
        }
        all
    }

    /// The points that share a kernel, and so a matrix, in these strips.
    pub fn groups(&self, strips: Range<usize>) -> Vec<Group> {
        let rows = self.rows(strips);
        let groups = self.order.chunk_by(|a, b| a.kernel == b.kernel).map(|points| Group {
            point: points[0].index,
            kernel: points[0].kernel,
            rows: points.iter().map(|point| rows[point.index]).sum(),
        });
        groups.collect()
    }

    /// The layout of the matrices of these strips, at the rows of the first strip.
    pub fn matrices<V: Vector>(&self, strips: Range<usize>, width: usize) -> Matrices {
        let rows = self.rows(strips);
        let (mut starts, mut end) = (vec![0; rows.len()], 0);
        for points in self.order.chunk_by(|a, b| a.kernel == b.kernel) {
            for point in points {
                starts[point.index] = end;
                end += rows[point.index] * width;
            }
            // As in `Matrices::equal`.
            end += V::LANES;
        }
        Matrices { points: self.pass.points(), width, starts }
    }

    /// Advances `rows` from those of `strip` to those of the next one.
    pub fn next_strip(&self, strip: usize, rows: &mut Matrices) {
        for (start, strip) in rows.starts.iter_mut().zip(self.rows_of_strip(strip)) {
            *start += strip * rows.width;
        }
    }

    /// The rows of each point in a strip, counted through all images.
    fn rows_of_strip(&self, strip: usize) -> &[usize] {
        let down = self.pass.down;
        &self.rows[down.kind(strip % down.count())]
    }
}
