//! Factorizations: Cholesky, QR, singular values, eigenvalues.

use nalgebra::{Cholesky, DMatrix, Dyn, SVD, SymmetricEigen};

use super::{LinalgError, Unsolvable, for_each, sizes, square};
use crate::{Float, Tensor};

/// How many iterations an eigenvalue problem of this size may take; a few per value are usual.
fn iterations(n: usize) -> usize {
    100 * (n + 10)
}

impl<T: Float> Tensor<T> {
    /// The lower triangular `l` with positive diagonal and `l lᵀ = a`, of symmetric positive definite matrices `a [.., n, n]`. Only
    /// the lower triangles are read.
    ///
    /// # Errors
    /// If a matrix is not positive definite or not finite.
    ///
    /// # Panics
    /// If they are not square.
    #[track_caller]
    pub fn cholesky(&self) -> Result<Tensor<T>, LinalgError> {
        let n = square("cholesky", self);
        let [l] = for_each("cholesky", &self.tril(0), [[n, n]], |a, _| {
            Cholesky::new(a).map(|cholesky| [cholesky.l()]).ok_or(Unsolvable::NotPositiveDefinite)
        })?;
        Ok(l)
    }

    /// The reduced QR factorization `a = q r`: `q` with orthonormal columns, `r` upper triangular. No element of the diagonal of `r`
    /// is negative.
    ///
    /// Shapes: `a [.., m, n]`, `q [.., m, k]`, `r [.., k, n]`, where `k = min(m, n)`.
    ///
    /// # Errors
    /// If a matrix is not finite.
    ///
    /// # Panics
    /// If there are no two axes.
    #[track_caller]
    pub fn qr(&self) -> Result<(Tensor<T>, Tensor<T>), LinalgError> {
        let [m, n] = sizes("qr", self);
        let k = m.min(n);
        let [q, r] = for_each("qr", self, [[m, k], [k, n]], |a, _| {
            let qr = a.qr();
            let (mut q, mut r) = (qr.q(), qr.r());
            for i in 0..k {
                if r[(i, i)] < 0.0 {
                    q.column_mut(i).neg_mut();
                    r.row_mut(i).neg_mut();
                }
            }
            Ok([q, r])
        })?;
        Ok((q, r))
    }

    /// The reduced singular value decomposition `a = u diag(s) vᵀ`: `u` and `v` with orthonormal columns, `s` descending, not negative.
    /// The largest component of each column of `u` is positive.
    ///
    /// Shapes: `a [.., m, n]`, `u [.., m, k]`, `s [.., k]`, `vᵀ [.., k, n]`, where `k = min(m, n)`; returned as `(u, s, vᵀ)`.
    ///
    /// ```
    /// use ravine_tensor::Tensor;
    ///
    /// let a = Tensor::from([[3.0f64, 0.0], [4.0, 5.0]]);
    /// let (u, s, vt) = a.svd().unwrap();
    /// assert!((u * &s).matmul(&vt).allclose(&a, 1e-12, 1e-12));
    /// assert!(s.allclose(&Tensor::from([45f64.sqrt(), 5f64.sqrt()]), 1e-12, 0.0));
    /// ```
    ///
    /// # Errors
    /// If a matrix is not finite, or the iteration does not end.
    ///
    /// # Panics
    /// If there are no two axes.
    #[track_caller]
    pub fn svd(&self) -> Result<(Tensor<T>, Tensor<T>, Tensor<T>), LinalgError> {
        let [m, n] = sizes("svd", self);
        let k = m.min(n);
        let [u, s, vt] = for_each("svd", self, [[m, k], [1, k], [k, n]], |a, _| {
            if k == 0 {
                return Ok([DMatrix::zeros(m, 0), DMatrix::zeros(1, 0), DMatrix::zeros(0, n)]);
            }
            let svd = checked_svd(&a).ok_or(Unsolvable::NotConverged)?;
            let (mut u, mut vt) = (svd.u.expect("asked for"), svd.v_t.expect("asked for"));
            for i in 0..k {
                if largest(u.column(i).iter()) < 0.0 {
                    u.column_mut(i).neg_mut();
                    vt.row_mut(i).neg_mut();
                }
            }
            Ok([u, DMatrix::from_row_slice(1, k, svd.singular_values.as_slice()), vt])
        })?;
        Ok((u, s.squeeze(-2), vt))
    }

    /// The eigenvalues, ascending, and the eigenvectors, as columns of length 1, of symmetric matrices `a [.., n, n]`:
    /// `a v = v diag(w)`. Only the lower triangles are read. The largest component of each vector is positive.
    ///
    /// Shapes: `w [.., n]`, `v [.., n, n]`; returned as `(w, v)`.
    ///
    /// # Errors
    /// If a matrix is not finite, or the iteration does not end.
    ///
    /// # Panics
    /// If they are not square.
    #[track_caller]
    pub fn eigh(&self) -> Result<(Tensor<T>, Tensor<T>), LinalgError> {
        let n = square("eigh", self);
        let [w, v] = for_each("eigh", &self.tril(0), [[1, n], [n, n]], |mut a, _| {
            if n == 0 {
                return Ok([DMatrix::zeros(1, 0), a]);
            }
            a.fill_upper_triangle_with_lower_triangle();
            let eigen =
                SymmetricEigen::try_new(a, f64::EPSILON, iterations(n)).ok_or(Unsolvable::NotConverged)?;
            let mut order: Vec<usize> = (0..n).collect();
            order.sort_by(|&i, &j| eigen.eigenvalues[i].total_cmp(&eigen.eigenvalues[j]));
            let w = DMatrix::from_fn(1, n, |_, i| eigen.eigenvalues[order[i]]);
            let mut v = eigen.eigenvectors.select_columns(&order);
            for mut column in v.column_iter_mut() {
                if largest(column.iter()) < 0.0 {
                    column.neg_mut();
                }
            }
            Ok([w, v])
        })?;
        Ok((w.squeeze(-2), v))
    }
}

/// The singular value decomposition, if its factors multiply to the matrix.
///
/// The iteration treats what is below a threshold as zero. With a small threshold, it may end, for a matrix of low rank, with factors of
/// another matrix; the product of the factors shows this, and a larger threshold is tried.
fn checked_svd(a: &DMatrix<f64>) -> Option<SVD<f64, Dyn, Dyn>> {
    let (m, n) = a.shape();
    let rounding = 64.0 * m.max(n) as f64 * f64::EPSILON * a.amax();
    [1.0, 8.0, 64.0, 512.0].into_iter().find_map(|width| {
        let svd = SVD::try_new(a.clone(), true, true, width * f64::EPSILON, iterations(m.min(n)))?;
        let product = svd.clone().recompose().expect("both factors are there");
        ((product - a).amax() <= rounding).then_some(svd)
    })
}

/// The component of the largest magnitude, of nearly equal ones the first.
fn largest<'a>(vector: impl Iterator<Item = &'a f64>) -> f64 {
    vector.fold(0.0, |best, &v| if v.abs() > best.abs() * (1.0 + 1e-9) { v } else { best })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;

    fn close(a: &Tensor<f64>, b: &Tensor<f64>) -> bool {
        a.shape() == b.shape() && a.allclose(b, 1e-10, 1e-10)
    }

    /// Random, of low rank, and with zeros; tall, square and wide.
    fn examples() -> Vec<Tensor<f64>> {
        let random = |shape: [usize; 3], seed| Tensor::<f64>::randn(shape, &mut Rng::new(seed));
        let low = random([2, 6, 2], 3).matmul(&random([2, 2, 5], 4));
        let blocks = Tensor::from_fn([1, 4, 4], |i| if i / 8 == i % 4 / 2 { 1.0 } else { 0.0 });
        let mut examples = vec![low, blocks, Tensor::zeros([1, 3, 2]), Tensor::eye(3).unsqueeze(0)];
        for (i, (m, n)) in [(1, 1), (5, 3), (3, 5), (4, 4), (20, 20), (3, 0), (0, 3)].into_iter().enumerate()
        {
            examples.push(random([3, m, n], i as u64));
        }
        examples
    }

    #[test]
    fn the_factors_have_their_properties_and_multiply_to_the_matrix() {
        for a in examples() {
            let k = a.size(-1).min(a.size(-2));
            let eye = Tensor::eye(k).expand([a.size(0), k, k]);
            let (q, r) = a.qr().unwrap();
            assert!(close(&q.matmul(&r), &a) && close(&q.t().matmul(&q), &eye), "{a}");
            let r_row = |i: usize| i / r.size(-1) % k.max(1);
            assert!(r.iter().enumerate().all(|(i, v)| r_row(i) <= i % r.size(-1) || v == 0.0), "{r}");
            let (u, s, vt) = a.svd().unwrap();
            assert!(close(&(&u * &s.unsqueeze(-2)).matmul(&vt), &a), "{a}");
            assert!(close(&u.t().matmul(&u), &eye) && close(&vt.matmul(&vt.t()), &eye), "{a}");
            assert!(s == s.sort(-1, true).0 && s.iter().all(|v| v >= 0.0), "{s}");
            let gram = a.t().matmul(&a);
            let (w, v) = gram.eigh().unwrap();
            assert!(close(&gram.matmul(&v), &(&v * &w.unsqueeze(-2))), "{a}");
            assert!(w == w.sort(-1, false).0);
            let raised = &gram + &Tensor::eye(a.size(-1));
            let l = raised.cholesky().unwrap();
            assert!(close(&l.matmul(&l.t()), &raised));
        }
    }

    #[test]
    fn singular_values_of_matrices_of_low_rank() {
        let rng = &mut Rng::new(3);
        let mut examples = vec![Tensor::from([[-4.0, -4.0, -3.0], [-8.0, -8.0, -6.0]])];
        for rank in [1, 2, 3] {
            let low = |rng: &mut Rng| {
                Tensor::<f64>::randn([6, rank], rng).matmul(&Tensor::<f64>::randn([rank, 5], rng))
            };
            examples.extend((0..200).map(|_| low(rng)));
        }
        // All 3x3 matrices of -1, 0 and 1.
        let signs = |code: usize| Tensor::from_fn([3, 3], |i| (code / 3usize.pow(i as u32) % 3) as f64 - 1.0);
        examples.extend((0..3usize.pow(9)).map(signs));
        for a in examples {
            let (u, s, vt) = a.svd().unwrap();
            let eye = Tensor::eye(s.numel());
            assert!(close(&(&u * &s).matmul(&vt), &a), "{a}");
            assert!(close(&u.t().matmul(&u), &eye) && close(&vt.matmul(&vt.t()), &eye), "{a}");
        }
    }

    #[test]
    fn of_single_precision_the_result_is_rounded() {
        let a = Tensor::<f32>::randn([8, 8], &mut Rng::new(9));
        let (_, s, _) = a.svd().unwrap();
        assert_eq!(s, a.cast::<f64>().svd().unwrap().1.cast());
    }

    #[test]
    fn what_has_no_factors_is_an_error() {
        let a = Tensor::from([[1.0, 2.0], [2.0, 1.0]]);
        let error = a.cholesky().unwrap_err();
        assert_eq!(error.to_string(), "cholesky: the matrix of shape [2, 2] is not positive definite");
        assert_eq!(Tensor::from([[f64::NAN]]).svd().unwrap_err().reason(), Unsolvable::NotFinite);
        assert_eq!(Tensor::from([[f64::INFINITY]]).eigh().unwrap_err().reason(), Unsolvable::NotFinite);
    }

    #[test]
    #[should_panic(expected = "eigh: the matrices of shape [2, 3] are not square")]
    fn not_square() {
        let _ = Tensor::<f32>::ones([2, 3]).eigh();
    }
}
