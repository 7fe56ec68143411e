//! Einstein summation, in terms of the other ops.

use ravine_tensor::{Contract, Float, Shape, Tensor, einsum};

use crate::var::{Var, record};

impl<T: Float> Var<T> {
    /// Einstein summation, as [`Tensor::einsum`]. Backward: through the reshapes and matrix products it is made of.
    ///
    /// # Panics
    /// If the equation cannot be read or does not fit the shapes; the message points at the position.
    #[track_caller]
    #[must_use]
    pub fn einsum(equation: &str, operands: &[&Var<T>]) -> Var<T> {
        match einsum(equation, operands) {
            Ok(y) => y,
            Err(error) => panic!("{error}"),
        }
    }

    /// The scalar product `y = Σ a[i] b[i]` of two vectors of one length. Backward: `da = dy b`, `db = dy a`.
    ///
    /// # Panics
    /// If they are not.
    #[track_caller]
    #[must_use]
    pub fn dot(&self, rhs: &Var<T>) -> Var<T> {
        let (a, b) = (self.saved(), rhs.saved());
        record("dot", [self, rhs], self.value().dot(rhs.value()), move |dy, needs| {
            [needs[0].then(|| dy * b.on(dy)), needs[1].then(|| dy * a.on(dy))]
        })
    }

    /// The products `y[i, j] = a[i] b[j]` of two vectors. Backward: `da = dy b`, `db = dyᵀ a`.
    ///
    /// # Panics
    /// If either is not a vector.
    #[track_caller]
    #[must_use]
    pub fn outer(&self, rhs: &Var<T>) -> Var<T> {
        let (a, b) = (self.saved(), rhs.saved());
        record("outer", [self, rhs], self.value().outer(rhs.value()), move |dy, needs| {
            [needs[0].then(|| dy.matmul(&b.on(dy))), needs[1].then(|| dy.t().matmul(&a.on(dy)))]
        })
    }

    /// The sums `y = Σ x[.., i, i]` of the diagonals of the matrices in the last two axes. Backward: `dx[.., i, j] = dy` where
    /// `i = j`, else 0.
    ///
    /// # Panics
    /// If these are not square.
    #[track_caller]
    #[must_use]
    pub fn trace(&self) -> Var<T> {
        let y = self.value().trace();
        let n = self.size(-1);
        record("trace", [self], y, move |dy, _| {
            [Some(dy.unsqueeze(-1).unsqueeze(-1) * dy.constant(Tensor::eye(n)))]
        })
    }
}

impl<T: Float> Contract for Var<T> {
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
