//! Matrices in every layout: the same as their contiguous copies, bit for bit, since what is computed of those has its own tests.

use proptest::prelude::*;
use ravine_tensor::Tensor;

use super::generators::*;

/// Batches of regular matrices of one size.
fn squares() -> impl Strategy<Value = View<f64>> {
    (shapes(0..=2), 0usize..4).prop_flat_map(|(batch, n)| {
        views_of([batch, vec![n, n]].concat(), |i| ((i * 7919 + 13) % 101) as f64 / 50.0 - 1.0)
    })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn views_of_matrices(x in squares()) {
        let plain = Tensor::from_slice(&x.array.values, &x.array.shape[..]);
        prop_assert_eq!(x.tensor.det(), plain.det());
        prop_assert_eq!(x.tensor.inverse(), plain.inverse());
        prop_assert_eq!(x.tensor.qr(), plain.qr());
        prop_assert_eq!(x.tensor.svd(), plain.svd());
        prop_assert_eq!(x.tensor.eigh(), plain.eigh());
        let gram = x.tensor.matmul(&x.tensor.t()) + &Tensor::eye(x.tensor.size(-1));
        prop_assert_eq!(gram.t().cholesky(), gram.t().contiguous().cholesky());
        let b = x.tensor.t();
        prop_assert_eq!(x.tensor.solve(&b), plain.solve(&b.contiguous()));
    }
}
