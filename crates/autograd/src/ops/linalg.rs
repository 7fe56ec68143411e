//! Equations and factorizations of matrices, with the feature `linalg`.
//!
//! Sources of the derivatives: M. Giles, *Collected matrix derivative results for forward and reverse mode algorithmic differentiation*,
//! 2008; I. Murray, *Differentiation of the Cholesky decomposition*, 2016; J. Townsend, *Differentiating the singular value
//! decomposition*, 2016; S. Walter and L. Lehmann, *Algorithmic differentiation of linear algebra functions*, 2010. An op with several
//! results records them as one matrix, of which they are parts.

use std::panic::Location;

use ravine_tensor::{Float, LinalgError, Tensor};

use crate::var::{Var, record, record_with_output};

/// What a derivative needs, or a panic that names the line of the op: the panic itself happens far from it, in backward.
fn in_backward<V>(op: &str, line: &Location, found: Result<V, LinalgError>) -> V {
    found.unwrap_or_else(|error| panic!("{op}: backward: {error} (the op of {line})"))
}

impl<T: Float> Var<T> {
    /// The solution `x` of `a x = b`, this being `a`. Backward: `db` solves `aᵀ db = dx`, `da = -db xᵀ`.
    ///
    /// Shapes: `a [.., n, n]`, `b [.., n, k]` or `[n]`; the leading axes broadcast.
    ///
    /// # Errors
    /// If a matrix is singular or not finite.
    ///
    /// # Panics
    /// If the shapes do not fit together.
    #[track_caller]
    pub fn solve(&self, b: &Var<T>) -> Result<Var<T>, LinalgError> {
        if b.rank() == 1 {
            return Ok(self.solve(&b.unsqueeze(1))?.squeeze(-1));
        }
        let (a, y) = (self.saved(), self.value().solve(b.value())?);
        let line = Location::caller();
        Ok(record_with_output("solve", [self, b], y, move |dy, y, needs| {
            // A matrix that is almost singular may have a transpose that is, up to rounding.
            let db = in_backward("solve", line, a.on(dy).t().solve(dy));
            [needs[0].then(|| -db.matmul(&y.t())), Some(db)]
        }))
    }

    /// The solution `x` of `a x = b` for a triangular matrix `a`; the other triangle is not read. Backward: `db` solves `aᵀ db = dx`,
    /// `da` is the triangle of `-db xᵀ`.
    ///
    /// # Errors
    /// If an element of the diagonal is 0, or one of `a` is not finite.
    ///
    /// # Panics
    /// If the shapes do not fit together.
    #[track_caller]
    pub fn solve_triangular(&self, b: &Var<T>, upper: bool) -> Result<Var<T>, LinalgError> {
        if b.rank() == 1 {
            return Ok(self.solve_triangular(&b.unsqueeze(1), upper)?.squeeze(-1));
        }
        let (a, y) = (self.saved(), self.value().solve_triangular(b.value(), upper)?);
        Ok(record_with_output("solve_triangular", [self, b], y, move |dy, y, needs| {
            let db = a.on(dy).t().solve_triangular(dy, !upper).expect("it could be solved forward");
            let triangle =
                |da: Var<T>| if upper { da.t().times_lower(T::ONE).t() } else { da.times_lower(T::ONE) };
            [needs[0].then(|| triangle(-db.matmul(&y.t()))), Some(db)]
        }))
    }

    /// The inverses `y` of the matrices. Backward: `dx = -yᵀ dy yᵀ`.
    ///
    /// # Errors
    /// If a matrix is singular or not finite.
    ///
    /// # Panics
    /// If they are not square.
    #[track_caller]
    pub fn inverse(&self) -> Result<Var<T>, LinalgError> {
        Ok(record_with_output("inverse", [self], self.value().inverse()?, |dy, y, _| {
            [Some(-y.t().matmul(dy).matmul(&y.t()))]
        }))
    }

    /// The determinants `y` of the matrices. Backward: `dx = dy` times the cofactors: `y x⁻ᵀ`, of a singular matrix (or a batch with one)
    /// one determinant each.
    ///
    /// # Panics
    /// If they are not square.
    #[track_caller]
    #[must_use]
    pub fn det(&self) -> Var<T> {
        let x = self.saved();
        record_with_output("det", [self], self.value().det(), move |dy, y, _| {
            let x = x.on(dy);
            let (dy, y) = (dy.unsqueeze(-1).unsqueeze(-1), y.unsqueeze(-1).unsqueeze(-1));
            [Some(match x.inverse() {
                Ok(inverse) => dy * y * inverse.t(),
                Err(_) => dy * x.cofactors(),
            })]
        })
    }

    /// `(-1)^(i + j)` times the determinant of each matrix without row `i` and column `j`.
    fn cofactors(&self) -> Var<T> {
        let n = self.size(-1);
        let others = |i: usize| (0..n).filter(|&other| other != i).map(|other| other as i64).collect();
        let rows: Vec<Var<T>> = (0..n)
            .map(|i| {
                let rows = self.index_select(-2, &others(i));
                let minors: Vec<Var<T>> = (0..n)
                    .map(|j| {
                        rows.index_select(-1, &others(j)).det()
                            * if (i + j) % 2 == 0 { T::ONE } else { -T::ONE }
                    })
                    .collect();
                Var::stack(&minors.iter().collect::<Vec<_>>(), -1)
            })
            .collect();
        Var::stack(&rows.iter().collect::<Vec<_>>(), -2)
    }

    /// The signs of the determinants, and the logarithms `y` of their magnitudes. Backward: `dx = dy x⁻ᵀ`, of the logarithms.
    ///
    /// # Panics
    /// If they are not square; during backward, if one is singular: there is no derivative.
    #[track_caller]
    #[must_use]
    pub fn slogdet(&self) -> (Tensor<T>, Var<T>) {
        let (x, (sign, log)) = (self.saved(), self.value().slogdet());
        let line = Location::caller();
        let log = record("slogdet", [self], log, move |dy, _| {
            let inverse = in_backward("slogdet", line, x.on(dy).inverse());
            [Some(dy.unsqueeze(-1).unsqueeze(-1) * inverse.t())]
        });
        (sign, log)
    }

    /// The lower triangular `y` with `y yᵀ = x`, of symmetric positive definite matrices. Backward: `dx = (s + sᵀ) / 2` with
    /// `s = y⁻ᵀ φ(yᵀ dy) y⁻¹`, where `φ` takes the lower triangle and half of the diagonal.
    ///
    /// # Errors
    /// If a matrix is not positive definite or not finite.
    ///
    /// # Panics
    /// If they are not square.
    #[track_caller]
    pub fn cholesky(&self) -> Result<Var<T>, LinalgError> {
        Ok(record_with_output("cholesky", [self], self.value().cholesky()?, |dy, y, _| {
            let middle = y.t().matmul(dy).times_lower(T::of(0.5));
            let solve = |b: &Var<T>| y.t().solve_triangular(b, true).expect("its diagonal is positive");
            let s = solve(&solve(&middle).t());
            [Some((&s + s.t()) * T::of(0.5))]
        }))
    }

    /// The reduced factorization `x = q r`: `q` with orthonormal columns, `r` upper triangular, its diagonal not negative.
    /// Backward: `dx = (dq + q c) r⁻ᵀ`, where `c` is symmetric with the lower triangle of `r drᵀ - dqᵀ q`.
    ///
    /// Shapes: `x [.., m, n]`, `q [.., m, k]`, `r [.., k, n]`, where `k = min(m, n)`.
    ///
    /// # Errors
    /// If a matrix is not finite.
    ///
    /// # Panics
    /// If there are no two axes; during backward, if the first `k` columns are not independent: there is no derivative.
    #[track_caller]
    pub fn qr(&self) -> Result<(Var<T>, Var<T>), LinalgError> {
        let (q, r) = self.value().qr()?;
        let [m, n] = [self.size(-2), self.size(-1)];
        if n > m {
            // q is that of the first m columns; the others are seen from it.
            let (q, left) = self.narrow(-1, 0, m).qr()?;
            let right = q.t().matmul(&self.narrow(-1, m, n - m));
            return Ok((q, Var::cat(&[&left, &right], -1)));
        }
        let parts = move |both: &Var<T>| [both.narrow(-2, 0, m), both.narrow(-2, m, n)];
        let (both, line) = (Tensor::cat(&[&q, &r], -2), Location::caller());
        let both = record_with_output("qr", [self], both, move |dy, y, _| {
            let ([dq, dr], [q, r]) = (parts(dy), parts(y));
            let c = (r.matmul(&dr.t()) - dq.t().matmul(&q)).times_lower(T::of(0.5));
            let left = dq + q.matmul(&(&c + c.t()));
            [Some(in_backward("qr", line, r.solve_triangular(&left.t(), true)).t())]
        });
        let [q, r] = parts(&both);
        Ok((q, r))
    }

    /// The eigenvalues `w`, ascending, and eigenvectors `v` of symmetric matrices. Backward: `dx = (s + sᵀ) / 2` with
    /// `s = v (diag(dw) + (vᵀ dv) / e) vᵀ`, where `e[i, j] = w[j] - w[i]` off the diagonal.
    ///
    /// The sign of an eigenvector is arbitrary, so a loss should not depend on it. Of equal eigenvalues the vectors are arbitrary and have
    /// no derivative: `dv` must then be 0 between them, or the gradient is not finite.
    ///
    /// # Errors
    /// If a matrix is not finite, or the iteration does not end.
    ///
    /// # Panics
    /// If they are not square.
    #[track_caller]
    pub fn eigh(&self) -> Result<(Var<T>, Var<T>), LinalgError> {
        let (w, v) = self.value().eigh()?;
        let n = self.size(-1);
        let parts = move |both: &Var<T>| [both.narrow(-2, 0, 1), both.narrow(-2, 1, n)];
        let both = Tensor::cat(&[&w.unsqueeze(-2), &v], -2);
        let both = record_with_output("eigh", [self], both, move |dy, y, _| {
            let ([dw, dv], [w, v]) = (parts(dy), parts(y));
            let turn = v.t().matmul(&dv).over_differences(&w);
            let s = v.matmul(&(turn + dw * dy.constant(Tensor::eye(n)))).matmul(&v.t());
            [Some((&s + s.t()) * T::of(0.5))]
        });
        let [w, v] = parts(&both);
        Ok((w.squeeze(-2), v))
    }

    /// The reduced singular value decomposition `x = u diag(s) vᵀ`, returned as `(u, s, vᵀ)`. Backward:
    /// `dx = u (diag(ds) + k(uᵀ du) s + s k(vᵀ dv)) vᵀ + (1 - u uᵀ) du s⁻¹ vᵀ + u s⁻¹ dvᵀ (1 - v vᵀ)`, where
    /// `k(z) = (z - zᵀ) / e` and `e[i, j] = s[j]² - s[i]²` off the diagonal.
    ///
    /// The signs of a pair of vectors are arbitrary, so a loss should not depend on them. Where singular values are equal or 0, the
    /// vectors have no derivative, and the gradient is not finite if `du` or `dv` is not 0 there.
    ///
    /// # Errors
    /// If a matrix is not finite, or the iteration does not end.
    ///
    /// # Panics
    /// If there are no two axes.
    #[track_caller]
    pub fn svd(&self) -> Result<(Var<T>, Var<T>, Var<T>), LinalgError> {
        let (u, s, vt) = self.value().svd()?;
        let [m, n] = [self.size(-2), self.size(-1)];
        let parts =
            move |all: &Var<T>| [all.narrow(-2, 0, m), all.narrow(-2, m, 1), all.narrow(-2, m + 1, n)];
        let all = Tensor::cat(&[&u, &s.unsqueeze(-2), &vt.t()], -2);
        let all = record_with_output("svd", [self], all, move |dy, y, _| {
            let ([du, ds, dv], [u, s, v]) = (parts(dy), parts(y));
            let k = s.size(-1);
            let turn = |x: &Var<T>, dx: &Var<T>| {
                let z = x.t().matmul(dx);
                (&z - z.t()).over_differences(&s.square())
            };
            let inside = turn(&u, &du) * &s + s.t() * turn(&v, &dv) + ds * dy.constant(Tensor::eye(k));
            let mut dx = u.matmul(&inside).matmul(&v.t());
            // What of du and dv is outside the space that u and v span; of a square matrix there is nothing.
            let outside = |x: &Var<T>, dx: &Var<T>| (dx - x.matmul(&x.t().matmul(dx))).over(&s);
            if m > k {
                dx = dx + outside(&u, &du).matmul(&v.t());
            }
            if n > k {
                dx = dx + u.matmul(&outside(&v, &dv).t());
            }
            [Some(dx)]
        });
        let [u, s, v] = parts(&all);
        Ok((u, s.squeeze(-2), v.t()))
    }

    /// `x[.., i, j] / (w[j] - w[i])` off the diagonal, 0 on it; `w [.., 1, n]`.
    fn over_differences(&self, w: &Var<T>) -> Var<T> {
        let eye = Tensor::eye(w.size(-1));
        let differences = w - w.t() + self.constant(eye.clone());
        (self * self.constant(eye.map(|v| T::ONE - v))).over(&differences)
    }

    /// The quotient, with `0 / 0 = 0`.
    fn over(&self, divisor: &Var<T>) -> Var<T> {
        let divisor = divisor.expand(*self.shape());
        let nothing = self.value().zip(divisor.value(), |x, divisor| x == T::ZERO && divisor == T::ZERO);
        self / divisor.masked_fill(&nothing, T::ONE)
    }

    /// The lower triangles of the matrices, the diagonal times a number.
    fn times_lower(&self, diagonal: T) -> Var<T> {
        let n = self.size(-1);
        let mask = Tensor::from_fn([n, n], |i| match (i / n).cmp(&(i % n)) {
            std::cmp::Ordering::Less => T::ZERO,
            std::cmp::Ordering::Equal => diagonal,
            std::cmp::Ordering::Greater => T::ONE,
        });
        self * self.constant(mask)
    }
}
