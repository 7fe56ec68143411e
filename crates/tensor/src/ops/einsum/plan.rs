//! Carrying an equation out: diagonals, sums, and one matrix product (or one product of elements) for each pair of operands.

use super::parse::{EinsumError, Equation, Label, Named};
use crate::{Shape, Tensor};

/// The operations that [`einsum`] is made of. Tensors and differentiable variables implement them, so einsum needs no derivative
/// of its own.
pub trait Contract: Clone {
    /// The size along each axis.
    fn shape(&self) -> &Shape;
    /// The same elements in another shape.
    #[must_use]
    fn reshape(&self, shape: &Shape) -> Self;
    /// Two axes exchanged.
    #[must_use]
    fn transpose(&self, a: isize, b: isize) -> Self;
    /// The sum over axes, which disappear.
    #[must_use]
    fn sum(&self, axes: &[usize]) -> Self;
    /// The slices of an axis that `index` lists.
    #[must_use]
    fn index_select(&self, axis: isize, index: &Tensor<i64>) -> Self;
    /// The matrix product of `[b, m, k]` and `[b, k, n]`.
    #[must_use]
    fn matmul(&self, rhs: &Self) -> Self;
    /// The product of elements, broadcast.
    #[must_use]
    fn mul(&self, rhs: &Self) -> Self;
}

/// [`Tensor::einsum`] over anything that can be contracted.
///
/// # Errors
/// If the equation cannot be read, or does not fit the shapes.
pub fn einsum<A: Contract>(equation: &str, operands: &[&A]) -> Result<A, EinsumError> {
    let shapes: Vec<&Shape> = operands.iter().map(|x| x.shape()).collect();
    let Named { operands: labels, output } = Equation::parse(equation)?.name(&shapes)?;
    let mut operands =
        operands.iter().zip(labels).map(|(&x, labels)| Operand { x: x.clone(), labels }.diagonal());
    let mut y = operands.next().expect("an equation has at least one term");
    let rest: Vec<_> = operands.collect();
    for (i, next) in rest.iter().enumerate() {
        let later = |label: &Label| {
            output.contains(label) || rest[i + 1..].iter().any(|operand| operand.labels.contains(label))
        };
        y = y.contract(next, later);
    }
    Ok(y.keep(|label| output.contains(label)).in_order(&output).x)
}

/// An array and the names of its axes.
struct Operand<A> {
    x: A,
    labels: Vec<Label>,
}

impl<A: Contract> Operand<A> {
    fn size(&self, label: &Label) -> usize {
        self.labels.iter().position(|l| l == label).map_or(1, |axis| self.x.shape()[axis])
    }

    /// This operand with each name once: two axes of the same name are replaced by their diagonal.
    fn diagonal(mut self) -> Self {
        while let Some((i, j)) = pair_of_equals(&self.labels) {
            let last = self.labels.len() - 1;
            // Both are moved to the end and merged into one axis; every (n + 1)-th element of it is on the diagonal.
            self = self.swap(j, last);
            self = self.swap(i, last - 1);
            let label = self.labels[last];
            self.labels.truncate(last - 1);
            let n = self.x.shape()[last];
            let mut sizes = self.x.shape()[..last - 1].to_vec();
            sizes.push(n * n);
            let index: Tensor<i64> = (0..n).map(|i| (i * (n + 1)) as i64).collect();
            self.x = self.x.reshape(&Shape::new(&sizes)).index_select(-1, &index);
            self.labels.push(label);
        }
        self
    }

    fn swap(mut self, a: usize, b: usize) -> Self {
        if a != b {
            self.x = self.x.transpose(a as isize, b as isize);
            self.labels.swap(a, b);
        }
        self
    }

    /// This operand summed over all axes but those to keep.
    fn keep(mut self, keep: impl Fn(&Label) -> bool) -> Self {
        let gone: Vec<usize> = (0..self.labels.len()).filter(|&axis| !keep(&self.labels[axis])).collect();
        if !gone.is_empty() {
            self.x = self.x.sum(&gone);
            self.labels.retain(|label| keep(label));
        }
        self
    }

    /// This operand with its axes in this order; missing ones get size 1.
    fn in_order(mut self, order: &[Label]) -> Self {
        let present: Vec<Label> = order.iter().copied().filter(|label| self.labels.contains(label)).collect();
        for (axis, label) in present.iter().enumerate() {
            let from = self.labels.iter().position(|l| l == label).expect("it is present");
            self = self.swap(axis, from);
        }
        if present.len() < order.len() {
            let sizes: Vec<usize> = order.iter().map(|label| self.size(label)).collect();
            self.x = self.x.reshape(&Shape::new(&sizes));
        }
        self.labels = order.to_vec();
        self
    }

    /// This operand without the axes of size 1 that are longer in `other`.
    fn without_repeated(&self, other: &Self) -> Self {
        let repeated = |label: &Label| self.size(label) == 1 && other.size(label) != 1;
        let kept: Vec<Label> = self.labels.iter().copied().filter(|label| !repeated(label)).collect();
        let sizes: Vec<usize> = kept.iter().map(|label| self.size(label)).collect();
        let x =
            if kept.len() < self.labels.len() { self.x.reshape(&Shape::new(&sizes)) } else { self.x.clone() };
        Operand { x, labels: kept }
    }

    /// The product with another operand, summed over the names that are not needed `later`.
    fn contract(&self, other: &Self, later: impl Fn(&Label) -> bool) -> Self {
        let (a, b) = (self.without_repeated(other), other.without_repeated(self));
        let a_labels = a.labels.clone();
        let a = a.keep(|label| later(label) || b.labels.contains(label));
        let b = b.keep(|label| later(label) || a_labels.contains(label));
        let pick = |from: &Self, f: &dyn Fn(&Label) -> bool| -> Vec<Label> {
            from.labels.iter().copied().filter(|label| f(label)).collect()
        };
        let shared = pick(&a, &|label| b.labels.contains(label) && later(label));
        let summed = pick(&a, &|label| b.labels.contains(label) && !later(label));
        let left = pick(&a, &|label| !b.labels.contains(label));
        let right = pick(&b, &|label| !a.labels.contains(label));
        let labels = [&shared[..], &left, &right].concat();
        if summed.is_empty() {
            let x = a.in_order(&labels).x.mul(&b.in_order(&labels).x);
            return Operand { x, labels };
        }
        let size = |label: &Label| if a.labels.contains(label) { a.size(label) } else { b.size(label) };
        let sizes: Vec<usize> = labels.iter().map(size).collect();
        let product =
            |operand: &Self, labels: &[Label]| labels.iter().map(|l| operand.size(l)).product::<usize>();
        let batch = product(&a, &shared);
        let (m, k, n) = (product(&a, &left), product(&a, &summed), product(&b, &right));
        let a = a.in_order(&[&shared[..], &left, &summed].concat()).x.reshape(&Shape::new(&[batch, m, k]));
        let b = b.in_order(&[&shared[..], &summed, &right].concat()).x.reshape(&Shape::new(&[batch, k, n]));
        Operand { x: a.matmul(&b).reshape(&Shape::new(&sizes)), labels }
    }
}

/// The places of two equal names.
fn pair_of_equals(labels: &[Label]) -> Option<(usize, usize)> {
    (0..labels.len()).flat_map(|j| (0..j).map(move |i| (i, j))).find(|&(i, j)| labels[i] == labels[j])
}
