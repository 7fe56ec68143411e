//! Matrix products.

use ravine_tensor::Float;

use crate::var::{Var, record};

impl<T: Float> Var<T> {
    /// The matrix product `y = a b`. Backward: `da = dy bᵀ`, `db = aᵀ dy`.
    ///
    /// Shapes: `[.., m, k] · [.., k, n] -> [.., m, n]`, leading axes broadcast; a vector on the left is a row, on the right
    /// a column, and its axis disappears from the result.
    ///
    /// # Panics
    /// Naming both shapes, if the inner sizes differ, the leading axes do not broadcast, or either is a scalar.
    #[track_caller]
    #[must_use]
    pub fn matmul(&self, rhs: &Var<T>) -> Var<T> {
        let (a, b) = (self.saved(), rhs.saved());
        let (row, column) = (self.rank() == 1, rhs.rank() == 1);
        record("matmul", [self, rhs], self.value().matmul(rhs.value()), move |dy, needs| {
            // With vectors as the matrices they stand for.
            let (mut a, mut b, mut dy) = (a.on(dy), b.on(dy), dy.clone());
            if row {
                a = a.unsqueeze(0);
                dy = dy.unsqueeze(if column { -1 } else { -2 });
            }
            if column {
                b = b.unsqueeze(1);
                dy = dy.unsqueeze(-1);
            }
            [
                needs[0].then(|| {
                    let da = dy.matmul(&b.t());
                    if row { da.squeeze(-2) } else { da }
                }),
                needs[1].then(|| {
                    let db = a.t().matmul(&dy);
                    if column { db.squeeze(-1) } else { db }
                }),
            ]
        })
    }

    /// The layer `y = x wᵀ + b`. Backward: `dx = dy w`, `dw = dyᵀ x`, `db = Σ dy` over the rows.
    ///
    /// Shapes: `x [.., in]`, `weight [out, in]`, `bias [out]` -> `[.., out]`.
    ///
    /// # Panics
    /// If the shapes do not fit together.
    #[track_caller]
    #[must_use]
    pub fn linear(&self, weight: &Var<T>, bias: Option<&Var<T>>) -> Var<T> {
        let value = self.value().linear(weight.value(), bias.map(Var::value));
        let (x, w) = (self.saved(), weight.saved());
        let dx_dw = move |dy: &Var<T>, needs: [bool; 2]| {
            [needs[0].then(|| dy.matmul(&w.on(dy))), needs[1].then(|| dy.rows().t().matmul(&x.on(dy).rows()))]
        };
        match bias {
            None => record("linear", [self, weight], value, dx_dw),
            Some(bias) => record("linear", [self, weight, bias], value, move |dy, needs| {
                let [dx, dw] = dx_dw(dy, [needs[0], needs[1]]);
                [dx, dw, Some(dy.clone())]
            }),
        }
    }

    /// All axes but the last as one: `[.., n] -> [m, n]`.
    fn rows(&self) -> Var<T> {
        if self.rank() == 2 { self.clone() } else { self.reshape([-1, self.size(-1) as isize]) }
    }
}
