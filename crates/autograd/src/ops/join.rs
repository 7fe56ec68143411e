//! Several tensors as one, and one as several.

use ravine_tensor::{Float, Tensor};

use crate::var::{Var, record, record_many};

impl<T: Float> Var<T> {
    /// The parts one after another along `axis`. Backward: each part gets its piece of `dy`.
    ///
    /// # Panics
    /// If there are none, or their other sizes differ.
    #[track_caller]
    #[must_use]
    pub fn cat(parts: &[&Var<T>], axis: isize) -> Var<T> {
        let values: Vec<&Tensor<T>> = parts.iter().map(|part| part.value()).collect();
        let y = Tensor::cat(&values, axis);
        let mut start = 0;
        let pieces: Vec<(usize, usize)> = parts
            .iter()
            .map(|part| {
                let piece = (start, part.size(axis));
                start += piece.1;
                piece
            })
            .collect();
        record_many("cat", parts, y, move |dy, i| dy.narrow(axis, pieces[i].0, pieces[i].1))
    }

    /// The parts, all of one shape, along a new `axis`. Backward: each part gets its slice of `dy`.
    ///
    /// # Panics
    /// If there are none, or their shapes differ.
    #[track_caller]
    #[must_use]
    pub fn stack(parts: &[&Var<T>], axis: isize) -> Var<T> {
        let values: Vec<&Tensor<T>> = parts.iter().map(|part| part.value()).collect();
        record_many("stack", parts, Tensor::stack(&values, axis), move |dy, i| dy.index(axis, i))
    }

    /// The coordinates of the grid that several axes span: part `k` at `[i, j, ..]` is the `k`-th of `[a[i], b[j], ..]`.
    /// Backward: of each part, the sum of its `dy` over the other axes.
    ///
    /// # Panics
    /// If a part has more than one axis, or there are too many parts.
    #[track_caller]
    pub fn meshgrid(parts: &[&Var<T>]) -> Vec<Var<T>> {
        let values: Vec<&Tensor<T>> = parts.iter().map(|part| part.value()).collect();
        let grids = Tensor::meshgrid(&values).into_iter().zip(parts).enumerate();
        let mut vars = vec![];
        for (axis, (grid, part)) in grids {
            let from = *part.shape();
            let mut line = vec![1; parts.len()];
            line[axis] = from.numel();
            vars.push(record("meshgrid", [*part], grid, move |dy, _| {
                [Some(dy.sum_to(&line[..]).reshape(from))]
            }));
        }
        vars
    }

    /// Consecutive pieces of `len` along `axis`; the last may be shorter. An empty axis is one piece. Backward: the pieces of `dx` are their `dy`.
    ///
    /// # Panics
    /// If `len` is 0.
    #[track_caller]
    pub fn split(&self, len: usize, axis: isize) -> Vec<Var<T>> {
        assert!(len > 0, "split: pieces of 0 elements never end");
        let size = self.shape()[self.shape().axis("split", axis)];
        (0..size.max(1)).step_by(len).map(|start| self.narrow(axis, start, len.min(size - start))).collect()
    }

    /// Consecutive pieces of these sizes along `axis`. Backward: the pieces of `dx` are their `dy`.
    ///
    /// # Panics
    /// If they do not add up to the size of the axis.
    #[track_caller]
    pub fn split_sizes<const N: usize>(&self, sizes: [usize; N], axis: isize) -> [Var<T>; N] {
        assert!(
            sizes.iter().sum::<usize>() == self.shape()[self.shape().axis("split_sizes", axis)],
            "split_sizes: {sizes:?} do not add up to axis {axis} of shape {}",
            self.shape()
        );
        let mut end = 0;
        sizes.map(|len| {
            end += len;
            self.narrow(axis, end - len, len)
        })
    }

    /// `n` consecutive pieces along `axis`, all of one size but the last, which may be shorter; fewer than `n` if the axis is too short to
    /// give each of them an element. Backward: the pieces of `dx` are their `dy`.
    ///
    /// # Panics
    /// If `n` is 0.
    #[track_caller]
    pub fn chunk(&self, n: usize, axis: isize) -> Vec<Var<T>> {
        assert!(n > 0, "chunk: nothing can be cut into 0 pieces");
        let size = self.shape()[self.shape().axis("chunk", axis)];
        self.split(size.div_ceil(n).max(1), axis)
    }

    /// The slices of `axis`, without it. Backward: the slices of `dx` are their `dy`.
    #[track_caller]
    pub fn unbind(&self, axis: isize) -> Vec<Var<T>> {
        let size = self.shape()[self.shape().axis("unbind", axis)];
        (0..size).map(|i| self.index(axis, i)).collect()
    }
}
