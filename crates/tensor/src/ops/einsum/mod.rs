//! Einstein summation: products and sums of arrays, written by naming their axes.
//!
//! `parse` reads the equation, `plan` carries it out as reshapes and matrix products.

mod parse;
mod plan;

pub use parse::EinsumError;
pub use plan::{Contract, einsum};

use crate::{Float, Shape, Tensor};

impl<T: Float> Tensor<T> {
    /// Einstein summation: each axis of each operand has a letter, axes of equal letters share an index, and letters that the output does not
    /// name are summed over.
    ///
    /// ```
    /// use ravine_tensor::Tensor;
    ///
    /// let a = Tensor::from([[1.0, 2.0], [3.0, 4.0]]);
    /// let b = Tensor::from([[5.0, 6.0], [7.0, 8.0]]);
    /// assert_eq!(Tensor::einsum("ij,jk->ik", &[&a, &b]), a.matmul(&b));
    /// assert_eq!(Tensor::einsum("ij->ji", &[&a]), a.t());
    /// assert_eq!(Tensor::einsum("ii->", &[&a]).item(), 5.0, "the trace");
    /// assert_eq!(Tensor::einsum("ij,ij->i", &[&a, &b]).to_vec(), [17.0, 53.0]);
    /// ```
    ///
    /// `...` stands for any number of axes, which broadcast. Without `->` the output has the letters that occur once, in alphabetical
    /// order (after those of `...`). More than two operands are taken together from left to right. An axis of size 1 goes with any.
    ///
    /// # Panics
    /// If the equation cannot be read or does not fit the shapes; the message points at the place.
    /// [`einsum`] returns it as an error.
    ///
    /// ```should_panic
    /// # use ravine_tensor::Tensor;
    /// # let a = Tensor::<f32>::ones([2, 2]);
    /// Tensor::einsum("ij,jk->iq", &[&a, &a]);
    /// // einsum: 'q' of the output is in no operand
    /// //   ij,jk->iq
    /// //           ^
    /// ```
    #[track_caller]
    #[must_use]
    pub fn einsum(equation: &str, operands: &[&Tensor<T>]) -> Tensor<T> {
        match einsum(equation, operands) {
            Ok(y) => y,
            Err(error) => panic!("{error}"),
        }
    }

    /// The scalar product `Σ a[i] b[i]` of two vectors of one length.
    ///
    /// # Panics
    /// If they are not.
    #[track_caller]
    #[must_use]
    pub fn dot(&self, rhs: &Tensor<T>) -> Tensor<T> {
        let fits = self.rank() == 1 && self.shape() == rhs.shape();
        assert!(fits, "dot: {} · {}: two vectors of one length are needed", self.shape(), rhs.shape());
        self.matmul(rhs)
    }

    /// The products `y[i, j] = a[i] b[j]` of two vectors.
    ///
    /// # Panics
    /// If either is not a vector.
    #[track_caller]
    #[must_use]
    pub fn outer(&self, rhs: &Tensor<T>) -> Tensor<T> {
        let fits = self.rank() == 1 && rhs.rank() == 1;
        assert!(fits, "outer: {} and {}: two vectors are needed", self.shape(), rhs.shape());
        self.unsqueeze(1).zip_named("outer", rhs, |a, b| a * b)
    }

    /// The sums `Σ x[.., i, i]` of the diagonals of the matrices in the last two axes.
    ///
    /// # Panics
    /// If these are not square.
    #[track_caller]
    #[must_use]
    pub fn trace(&self) -> Tensor<T> {
        let square = self.rank() >= 2 && self.size(-1) == self.size(-2);
        assert!(square, "trace: the last two axes of {} are not a square matrix", self.shape());
        Tensor::einsum("...ii->...", &[self])
    }
}

impl<T: Float> Contract for Tensor<T> {
    fn shape(&self) -> &Shape {
        self.shape()
    }
    fn reshape(&self, shape: &Shape) -> Self {
        self.reshape(shape)
    }
    fn transpose(&self, a: isize, b: isize) -> Self {
        self.transpose(a, b)
    }
    fn sum(&self, axes: &[usize]) -> Self {
        self.sum(axes)
    }
    fn index_select(&self, axis: isize, index: &Tensor<i64>) -> Self {
        self.index_select(axis, index)
    }
    fn matmul(&self, rhs: &Self) -> Self {
        self.matmul(rhs)
    }
    fn mul(&self, rhs: &Self) -> Self {
        self * rhs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(shape: &[usize]) -> Tensor<f64> {
        Tensor::from_fn(shape, |i| ((i * 7 + shape.len()) % 11) as f64 - 5.0)
    }

    #[test]
    fn one_operand() {
        let x = numbers(&[2, 3, 3]);
        assert_eq!(Tensor::einsum("bij->jbi", &[&x]), x.permute([2, 0, 1]));
        assert_eq!(Tensor::einsum("b i j -> b", &[&x]), x.sum([1, 2]));
        let diagonal = Tensor::from_fn([2, 3], |i| x.at([i / 3, i % 3, i % 3]));
        assert_eq!(Tensor::einsum("bii->bi", &[&x]), diagonal);
        assert_eq!(
            Tensor::einsum("...ii", &[&x]),
            diagonal.sum(1),
            "without an output, letters that occur once"
        );
        assert_eq!(Tensor::einsum("ba", &[&x.index(0, 0)]), x.index(0, 0).t(), "in alphabetical order");
        assert_eq!(Tensor::einsum("...->", &[&x]).item(), x.sum(..).item());
        assert_eq!(x.trace(), diagonal.sum(1));
    }

    #[test]
    fn two_operands_against_loops() {
        let (a, b) = (numbers(&[2, 3, 4]), numbers(&[4, 2, 5]));
        let y = Tensor::einsum("bik,kbj->jbi", &[&a, &b]);
        assert_eq!(y.shape(), &[5, 2, 3]);
        for (j, b_, i) in (0..5).flat_map(|j| (0..2).flat_map(move |b| (0..3).map(move |i| (j, b, i)))) {
            let want: f64 = (0..4).map(|k| a.at([b_, i, k]) * b.at([k, b_, j])).sum();
            assert_eq!(y.at([j, b_, i]), want);
        }
        let outer = Tensor::einsum("i,j->ji", &[&numbers(&[3]), &numbers(&[2])]);
        assert_eq!(outer, numbers(&[3]).outer(&numbers(&[2])).t());
        assert_eq!(
            Tensor::einsum("i,i", &[&numbers(&[4]), &numbers(&[4])]),
            numbers(&[4]).dot(&numbers(&[4]))
        );
        let product = Tensor::einsum("...ij,...jk->...ik", &[&numbers(&[2, 1, 3, 4]), &numbers(&[5, 4, 2])]);
        assert_eq!(product, numbers(&[2, 1, 3, 4]).matmul(&numbers(&[5, 4, 2])));
        let alone = Tensor::einsum("ij,kl->k", &[&a.index(0, 0), &b.index(1, 0)]);
        assert_eq!(alone, b.index(1, 0).sum(1) * a.index(0, 0).sum(..).item(), "sums of one operand alone");
        let unit = Tensor::einsum("ij,jk->ik", &[&numbers(&[3, 1]), &numbers(&[4, 2])]);
        assert_eq!(unit, numbers(&[3, 1]) * numbers(&[4, 2]).sum_keepdim(0), "an axis of size 1 is repeated");
        assert_eq!(
            Tensor::einsum("ij,jk->ik", &[&numbers(&[3, 0]), &numbers(&[0, 2])]),
            Tensor::zeros([3, 2])
        );
        assert_eq!(Tensor::einsum(",i->i", &[&Tensor::scalar(2.0), &numbers(&[3])]), numbers(&[3]) * 2.0);
    }

    #[test]
    fn three_operands() {
        let (a, b, c) = (numbers(&[2, 3]), numbers(&[3, 4]), numbers(&[4, 2]));
        assert_eq!(Tensor::einsum("ij,jk,kl->il", &[&a, &b, &c]), a.matmul(&b).matmul(&c));
        assert_eq!(Tensor::einsum("ij,jk,ki->", &[&a, &b, &c]), a.matmul(&b).matmul(&c).trace());
    }

    #[test]
    fn errors_point_into_the_equation() {
        let x = numbers(&[2, 3]);
        let message =
            |equation, operands: &[&Tensor<f64>]| einsum(equation, operands).unwrap_err().to_string();
        let cases = [
            ("ij,jk->iq", 2, "einsum: 'q' of the output is in no operand\n  ij,jk->iq\n          ^"),
            ("ij->jj", 1, "einsum: 'j' occurs twice in the output\n  ij->jj\n       ^"),
            ("i;j", 1, "einsum: ';' is not a letter, a comma, `...` or `->`\n  i;j\n   ^"),
            ("i..j", 1, "einsum: an ellipsis has three dots\n  i..j\n   ^"),
            ("...i...", 1, "einsum: a second ellipsis in one term\n  ...i...\n      ^"),
            ("ij->i,j", 1, "einsum: the output is one term\n  ij->i,j\n       ^"),
            ("ij->i->j", 1, "einsum: a second `->`\n  ij->i->j\n       ^"),
            ("ij->...i", 1, "einsum: an ellipsis in the output, but in no operand\n  ij->...i\n      ^"),
            ("ij,jk", 1, "einsum: 2 terms for 1 operands\n  ij,jk\n       ^"),
            ("ijk->i", 1, "einsum: the term names 3 axes, but operand 0 has shape [2, 3]\n  ijk->i\n  ^"),
            (
                "ij,jk->ik",
                2,
                "einsum: 'j' has size 3 before, but 2 in operand 1 of shape [2, 3]\n  ij,jk->ik\n     ^",
            ),
            ("ii->i", 1, "einsum: 'i' has size 2 before, but 3 in operand 0 of shape [2, 3]\n  ii->i\n   ^"),
        ];
        for (equation, operands, want) in cases {
            assert_eq!(message(equation, &[&x, &x][..operands]), want);
        }
        let (eight, one) = (numbers(&[1; 8]), Tensor::full([1], 4.0));
        let want =
            "einsum: 9 axes are left after operand 1: more than 8\n  abcdefgh,i->iabcdefgh\n           ^";
        assert_eq!(message("abcdefgh,i->iabcdefgh", &[&eight, &one]), want);
        assert_eq!(
            message("abcdefgh,i,i->abcdefghi", &[&eight, &one, &one]).lines().next(),
            want.lines().next()
        );
        assert_eq!(
            einsum("abcdefgh,i,i->", &[&eight, &one, &one]).unwrap().item(),
            eight.sum(..).item() * 16.0
        );
    }

    #[test]
    #[should_panic(expected = "dot: [2] · [3]: two vectors of one length are needed")]
    fn vectors_of_two_lengths() {
        let _ = numbers(&[2]).dot(&numbers(&[3]));
    }
}
