//! Linear equations, inverses and determinants, by LU factorization with row exchanges.

use nalgebra::DMatrix;

use super::{LinalgError, Unsolvable, batch, for_each, matrices, sizes, square};
use crate::{Float, Tensor};

impl<T: Float> Tensor<T> {
    /// The solution `x` of `a x = b`, this being `a`.
    ///
    /// Shapes: `a [.., n, n]`, `b [.., n, k]` or `[n]`; the leading axes broadcast.
    ///
    /// ```
    /// use ravine_tensor::Tensor;
    ///
    /// let a = Tensor::from([[2.0, 1.0], [1.0, 3.0]]);
    /// let x = a.solve(&Tensor::from([5.0, 10.0])).unwrap();
    /// assert!(x.allclose(&Tensor::from([1.0, 3.0]), 1e-6, 0.0));
    /// assert!(Tensor::<f32>::zeros([2, 2]).solve(&x).is_err());
    /// ```
    ///
    /// # Errors
    /// If a matrix is singular or not finite.
    ///
    /// # Panics
    /// If the shapes do not fit together.
    #[track_caller]
    pub fn solve(&self, b: &Tensor<T>) -> Result<Tensor<T>, LinalgError> {
        self.solved("solve", b, |a, b| a.lu().solve(&b))
    }

    /// The solution `x` of `a x = b` for a triangular matrix `a`; the other triangle is not read.
    ///
    /// Shapes: `a [.., n, n]`, `b [.., n, k]` or `[n]`; the leading axes broadcast.
    ///
    /// # Errors
    /// If an element of the diagonal is 0, or one of `a` is not finite.
    ///
    /// # Panics
    /// If the shapes do not fit together.
    #[track_caller]
    pub fn solve_triangular(&self, b: &Tensor<T>, upper: bool) -> Result<Tensor<T>, LinalgError> {
        square("solve_triangular", self);
        let triangle = if upper { self.triu(0) } else { self.tril(0) };
        triangle.solved("solve_triangular", b, |a, b| {
            if upper { a.solve_upper_triangular(&b) } else { a.solve_lower_triangular(&b) }
        })
    }

    #[track_caller]
    fn solved(
        &self,
        op: &'static str,
        b: &Tensor<T>,
        f: impl Fn(DMatrix<f64>, DMatrix<f64>) -> Option<DMatrix<f64>>,
    ) -> Result<Tensor<T>, LinalgError> {
        let n = square(op, self);
        let vector = b.rank() == 1;
        let columns = if vector { b.unsqueeze(1) } else { b.clone() };
        let [rows, k] = sizes(op, &columns);
        let leading = batch(self).broadcast(&batch(&columns)).filter(|_| rows == n);
        let Some(leading) = leading else {
            panic!("{op}: {} x = {}: the sizes do not fit together", self.shape(), b.shape())
        };
        let a = self.expand(&[&leading[..], &[n, n]].concat()[..]);
        let b: Vec<_> = matrices(&columns.expand(&[&leading[..], &[n, k]].concat()[..])).collect();
        let [x] = for_each(op, &a, [[n, k]], |a, i| {
            // Without equations, the solution is as empty as the right-hand side.
            let x = if n == 0 { Some(b[i].clone()) } else { f(a, b[i].clone()) };
            x.map(|x| [x]).ok_or(Unsolvable::Singular)
        })?;
        Ok(if vector { x.squeeze(-1) } else { x })
    }

    /// The inverses of the matrices `[.., n, n]`. To solve equations, [`solve`](Self::solve) is faster and more accurate.
    ///
    /// # Errors
    /// If a matrix is singular or not finite.
    ///
    /// # Panics
    /// If they are not square.
    #[track_caller]
    pub fn inverse(&self) -> Result<Tensor<T>, LinalgError> {
        let n = square("inverse", self);
        let inverse = |a: DMatrix<f64>, _| a.lu().try_inverse().map(|y| [y]).ok_or(Unsolvable::Singular);
        let [y] = for_each("inverse", self, [[n, n]], inverse)?;
        Ok(y)
    }

    /// The determinants of the matrices `[.., n, n] -> [..]`; 0 of singular ones, 1 of those without elements.
    ///
    /// # Panics
    /// If they are not square.
    #[track_caller]
    #[must_use]
    pub fn det(&self) -> Tensor<T> {
        square("det", self);
        let values: Vec<T> = matrices(self).map(|a| T::of(a.lu().determinant())).collect();
        Tensor::from_slice(&values, batch(self))
    }

    /// The signs of the determinants of the matrices `[.., n, n]`, and the logarithms of their magnitudes: `(0, -∞)` of singular
    /// matrices. Does not overflow where [`det`](Self::det) does.
    ///
    /// # Panics
    /// If they are not square.
    #[track_caller]
    #[must_use]
    pub fn slogdet(&self) -> (Tensor<T>, Tensor<T>) {
        square("slogdet", self);
        let parts: Vec<(f64, f64)> = matrices(self)
            .map(|a| {
                let lu = a.lu();
                let diagonal = lu.u().diagonal();
                let sign = lu.p().determinant::<f64>() * diagonal.iter().map(|v| sign(*v)).product::<f64>();
                (sign, diagonal.iter().map(|v| v.abs().ln()).sum())
            })
            .collect();
        let collect = |f: fn(&(f64, f64)) -> f64| {
            let values: Vec<T> = parts.iter().map(|part| T::of(f(part))).collect();
            Tensor::from_slice(&values, batch(self))
        };
        (collect(|part| part.0), collect(|part| part.1))
    }
}

fn sign(x: f64) -> f64 {
    if x == 0.0 { 0.0 } else { x.signum() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;

    #[test]
    fn solutions_of_batches_and_vectors() {
        let a = Tensor::<f64>::randn([2, 1, 4, 4], &mut Rng::new(0));
        let b = Tensor::<f64>::randn([3, 4, 2], &mut Rng::new(1));
        let x = a.solve(&b).unwrap();
        assert_eq!(x.shape(), &[2, 3, 4, 2]);
        assert!(a.matmul(&x).allclose(&b.expand([2, 3, 4, 2]), 1e-9, 1e-9));
        let v = b.index(0, 0).index(1, 0);
        let a = a.index(0, 0).index(0, 0).t();
        assert!(a.matmul(&a.solve(&v).unwrap()).allclose(&v, 1e-9, 1e-9));
        assert!(a.matmul(&a.inverse().unwrap()).allclose(&Tensor::eye(4), 1e-9, 1e-9));
        let lower = Tensor::from_fn([4, 4], |i| if i / 4 >= i % 4 { a.at([i / 4, i % 4]) } else { 0.0 });
        assert!(lower.matmul(&a.solve_triangular(&v, false).unwrap()).allclose(&v, 1e-9, 1e-9));
        assert!(lower.t().matmul(&a.t().solve_triangular(&v, true).unwrap()).allclose(&v, 1e-9, 1e-9));
        // What is not read may be anything.
        let rest = Tensor::<f64>::full([4, 4], f64::NAN).triu(1);
        assert_eq!((&lower + &rest).solve_triangular(&v, false), lower.solve_triangular(&v, false));
        let gram = a.matmul(&a.t());
        assert_eq!((&gram + &rest).cholesky(), gram.cholesky());
        assert_eq!((&gram + &rest).eigh(), gram.eigh());
    }

    #[test]
    fn determinants() {
        let a = Tensor::from([[[2.0, 1.0], [4.0, 3.0]], [[0.0, 1.0], [1.0, 0.0]], [[1.0, 2.0], [2.0, 4.0]]]);
        assert!(a.det().allclose(&Tensor::from([2.0, -1.0, 0.0]), 1e-6, 1e-6));
        let (sign, log) = a.slogdet();
        assert_eq!(sign.to_vec(), [1.0, -1.0, 0.0]);
        assert!(
            (log.at([0]) - 2f32.ln()).abs() < 1e-6 && log.at([1]) == 0.0 && log.at([2]) == f32::NEG_INFINITY
        );
        let large = Tensor::<f32>::eye(100) * 1e10;
        assert!((large.slogdet().1.item() - 2302.585).abs() < 1e-3 && large.det().item().is_infinite());
        let none = Tensor::<f64>::zeros([3, 0, 0]);
        assert_eq!((none.det().to_vec(), none.slogdet().1.to_vec()), (vec![1.0; 3], vec![0.0; 3]));
        assert_eq!(none.inverse().unwrap().shape(), &[3, 0, 0]);
        assert_eq!(none.solve(&Tensor::zeros([3, 0, 2])).unwrap().shape(), &[3, 0, 2]);
        assert_eq!(Tensor::<f32>::zeros([0, 0]).solve(&Tensor::zeros([0])).unwrap().shape(), &[0]);
    }

    #[test]
    fn what_has_no_solution_is_an_error_that_names_the_matrix() {
        let a = Tensor::from([[[2.0, 1.0], [4.0, 3.0]], [[1.0, 2.0], [2.0, 4.0]]]);
        let error = a.inverse().unwrap_err();
        assert_eq!((error.reason(), error.index()), (Unsolvable::Singular, 1));
        assert_eq!(error.to_string(), "inverse: matrix 1 of shape [2, 2, 2] is singular");
        let error = Tensor::from([[f32::NAN]]).solve(&Tensor::from([1.0])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "solve: the matrix of shape [1, 1] has an element that is infinite or NaN"
        );
    }

    #[test]
    #[should_panic(expected = "solve: [2, 2] x = [3, 1]: the sizes do not fit together")]
    fn names_the_shapes() {
        let _ = Tensor::<f32>::eye(2).solve(&Tensor::ones([3, 1]));
    }
}
