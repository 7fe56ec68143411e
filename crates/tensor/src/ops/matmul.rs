//! The matrix product, alone and in batches.

use crate::kernels::gemm::{self, Mat, Store};
use crate::{Float, Shape, Tensor};

/// One matrix of a tensor, as the kernel reads it.
fn mat<T: Float>(x: &Tensor<T>, start: usize) -> Mat<'_, T> {
    // The stride of an axis of size 1 means nothing, and need not be positive.
    let stride =
        |axis: usize| if x.shape()[axis] == 1 { x.strides()[axis].max(1) } else { x.strides()[axis] };
    let [row_stride, col_stride] = [x.rank() - 2, x.rank() - 1].map(|axis| stride(axis) as usize);
    Mat { data: &x.storage()[start..], row_stride, col_stride }
}

/// A tensor that the kernel can read in place: itself, or a copy if its matrices lie backwards or are repeated.
fn readable<T: Float>(x: &Tensor<T>) -> Tensor<T> {
    let last = x.rank() - 2..x.rank();
    let odd = last.into_iter().any(|axis| x.shape()[axis] > 1 && x.strides()[axis] <= 0);
    if odd { x.contiguous() } else { x.clone() }
}

impl<T: Float> Tensor<T> {
    /// The matrix product `y[.., i, j] = Σ_p a[.., i, p] b[.., p, j]`.
    ///
    /// Shapes: `[.., m, k] · [.., k, n] -> [.., m, n]`; leading axes broadcast. A vector on the left is a row, on the right a
    /// column, and its axis disappears from the result: `[k] · [k, n] -> [n]`, `[m, k] · [k] -> [m]`, `[k] · [k] -> []`.
    ///
    /// # Panics
    /// Naming both shapes, if the inner sizes differ, the leading axes do not broadcast, or either is a scalar.
    #[doc(alias("mm", "bmm", "mv"))]
    #[track_caller]
    #[must_use]
    pub fn matmul(&self, rhs: &Tensor<T>) -> Tensor<T> {
        let (a, b) = (self, rhs);
        let (x, w) = (a.shape(), b.shape());
        assert!(
            a.rank() > 0 && b.rank() > 0,
            "matmul: {x} · {w}: a scalar is not a matrix; multiply with `*`"
        );
        let (row, column) = (a.rank() == 1, b.rank() == 1);
        let a2 = if row { a.unsqueeze(0) } else { a.clone() };
        let b2 = if column { b.unsqueeze(1) } else { b.clone() };
        let (k, k2) = (a2.size(-1), b2.size(-2));
        if k != k2 {
            let hint = if k == b2.size(-1) { "; transpose the right side, with t()" } else { "" };
            panic!("matmul: {x} · {w}: inner dimensions {k} and {k2} differ{hint}");
        }
        let Some(batch) = leading(&a2).broadcast(&leading(&b2)) else {
            panic!("matmul: {x} · {w}: leading axes do not broadcast")
        };
        let mut y = batched(&a2, &b2, &batch);
        if row {
            y = y.squeeze(-2);
        }
        if column {
            y = y.squeeze(-1);
        }
        y
    }
}

impl<T: Float> Tensor<T> {
    /// The layer `y = x wᵀ + b`. Shapes: `x [.., in]`, `weight [out, in]`, `bias [out]` -> `[.., out]`.
    ///
    /// # Panics
    /// If the shapes do not fit together.
    #[track_caller]
    #[must_use]
    pub fn linear(&self, weight: &Tensor<T>, bias: Option<&Tensor<T>>) -> Tensor<T> {
        let (x, w) = (self.shape(), weight.shape());
        let fits = weight.rank() == 2 && self.rank() >= 1 && x[self.rank() - 1] == w[1];
        if !fits {
            let flat: usize = x.iter().skip(1).product();
            let hint =
                if x.rank() > 2 && w.rank() == 2 && flat == w[1] { "; flatten(1) makes it so" } else { "" };
            panic!(
                "linear: input {x}, weight {w}: the last size of the input must be the second of the weight{hint}"
            );
        }
        if let Some(bias) = bias {
            assert!(
                *bias.shape() == w[..1],
                "linear: weight {w}, bias {}: their first sizes must agree",
                bias.shape()
            );
        }
        let mut y = self.matmul(&weight.t());
        if let Some(bias) = bias {
            // The product is still in the cache, so a second pass over it costs little.
            y += bias;
        }
        y
    }
}

fn leading<T: Float>(x: &Tensor<T>) -> Shape {
    Shape::from(&x.shape()[..x.rank() - 2])
}

fn batched<T: Float>(a: &Tensor<T>, b: &Tensor<T>, batch: &Shape) -> Tensor<T> {
    let (m, k, n) = (a.size(-2), a.size(-1), b.size(-1));
    let shape = |rows, columns| Shape::from([batch, &[rows, columns][..]].concat());
    let (a, b) = (readable(a), readable(b));
    if batch.rank() == 0 {
        let (a, b) = (mat(&a, a.layout().offset()), mat(&b, b.layout().offset()));
        return Tensor::build(shape(m, n), |out| gemm::gemm(m, n, k, a, b, out, Store::Overwrite));
    }
    // A shared right-hand matrix under contiguous rows is one tall product.
    if b.rank() == 2 && a.is_contiguous() {
        let flat = a.reshape([batch.numel() * m, k]);
        return batched(&flat, &b, &Shape::default()).reshape(shape(m, n));
    }
    let starts = |x: &Tensor<T>| {
        let mut firsts = Vec::with_capacity(batch.numel());
        let view = x.narrow(-2, 0, 1.min(x.size(-2))).narrow(-1, 0, 1.min(x.size(-1)));
        let layout = view.layout().broadcast_to(&shape(view.size(-2), view.size(-1)));
        let runs = crate::layout::Runs::new([&layout]);
        runs.for_each(0..runs.count, |[first]| {
            firsts.extend((0..runs.len).map(|i| first.wrapping_add_signed(i as isize * runs.step[0])));
        });
        firsts
    };
    let (a_starts, b_starts) = (starts(&a), starts(&b));
    Tensor::build(shape(m, n), |out| {
        if k == 0 {
            return out.fill(T::ZERO);
        }
        crate::parallel::split_units(out, m * n, batch.numel() * m * n * k, |range, out| {
            for (i, out) in range.zip(out.chunks_exact_mut((m * n).max(1))) {
                gemm::gemm(m, n, k, mat(&a, a_starts[i]), mat(&b, b_starts[i]), out, Store::Overwrite);
            }
        });
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;

    fn naive(a: &Tensor<f64>, b: &Tensor<f64>) -> Tensor<f64> {
        (a.unsqueeze(-1) * b.unsqueeze(-3)).sum(-2)
    }

    #[test]
    fn all_ranks_views_and_broadcasts() {
        let mut rng = Rng::new(1);
        let shapes: &[(&[usize], &[usize])] = &[
            (&[3, 4], &[4, 5]),
            (&[2, 3, 4], &[4, 5]),
            (&[2, 3, 4], &[2, 4, 5]),
            (&[2, 1, 3, 4], &[7, 4, 5]),
            (&[3, 4], &[6, 4, 5]),
            (&[0, 4], &[4, 5]),
            (&[3, 0], &[0, 5]),
            (&[2, 3, 0], &[2, 0, 5]),
        ];
        for &(a, b) in shapes {
            let (a, b) = (Tensor::<f64>::randn(a, &mut rng), Tensor::<f64>::randn(b, &mut rng));
            let want = naive(&a, &b);
            let close =
                |y: Tensor<f64>| y.shape() == want.shape() && (&y - &want).iter().all(|d| d.abs() < 1e-12);
            assert!(close(a.matmul(&b)), "{} · {}", a.shape(), b.shape());
            assert!(close(a.t().contiguous().t().matmul(&b.t().contiguous().t())), "transposed");
            assert!(close(a.flip(-1).matmul(&b.flip(-2))), "flipped");
        }
    }

    /// Whose strides are 0, as those of the gradient of a sum.
    #[test]
    fn broadcast_operands() {
        let mut rng = Rng::new(2);
        for (m, k, n) in [(3, 4, 4), (4, 3, 1), (1, 5, 7), (33, 40, 70)] {
            let (a, b) = (Tensor::<f64>::randn([m, k], &mut rng), Tensor::<f64>::randn([k, n], &mut rng));
            for (a, b) in [
                (Tensor::scalar(2.0).expand([m, k]), b.clone()),
                (a.clone(), Tensor::scalar(2.0).expand([k, n])),
                (a.narrow(0, 0, 1).expand([m, k]), b.narrow(1, 0, 1).expand([k, n])),
                (a.narrow(1, 0, 1).expand([m, k]), b.narrow(0, 0, 1).expand([k, n])),
            ] {
                let y = a.matmul(&b);
                assert!((&y - &naive(&a, &b)).iter().all(|d| d.abs() < 1e-12), "{m} {k} {n}");
            }
        }
    }

    #[test]
    fn vectors() {
        let (v, m) = (Tensor::from([1.0f32, 2.0]), Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]));
        assert_eq!(v.matmul(&m).to_vec(), [7.0, 10.0]);
        assert_eq!(m.matmul(&v).to_vec(), [5.0, 11.0]);
        assert_eq!(v.matmul(&v).item(), 5.0);
    }

    #[test]
    #[should_panic(expected = "matmul: [64, 784] · [100, 10]: inner dimensions 784 and 100 differ")]
    fn inner_sizes_differ() {
        let _ = Tensor::<f32>::zeros([64, 784]).matmul(&Tensor::zeros([100, 10]));
    }
}
