//! The curvature of a loss: the largest eigenvalue of its Hessian.

use ravine_autograd::functional::hvp_of;
use ravine_autograd::{Param, Var};
use ravine_tensor::{Rng, Tensor};

/// The largest number of products of the Hessian with a vector.
const ITERATIONS: usize = 50;
/// The iteration ends when the eigenvalue changes by less than this share.
const ACCURACY: f64 = 1e-4;

/// The largest eigenvalue of the Hessian of the mean of the first `batches` losses, by power iteration.
///
/// Power iteration finds the eigenvalue of largest magnitude. If it is negative, a second iteration, shifted by it, finds the largest one.
pub(super) fn largest_eigenvalue(
    params: &[(String, Param)],
    batches: u64,
    rng: &Rng,
    loss: &mut impl FnMut(u64) -> Var,
) -> f64 {
    let params: Vec<&Param> = params.iter().map(|(_, param)| param).filter(|p| !p.is_frozen()).collect();
    let product = &mut |v: &[Tensor]| {
        let mut sum: Vec<Tensor> = v.iter().map(Tensor::zeros_like).collect();
        for batch in 0..batches {
            let part = hessian_vector_product(&params, v, &loss(batch));
            sum.iter_mut().zip(part).for_each(|(sum, part)| *sum += &(part / batches as f32));
        }
        sum
    };
    let dominant = power_iteration(&params, rng, 0.0, product);
    if dominant < 0.0 { power_iteration(&params, rng, dominant, product) } else { dominant }
}

/// The eigenvalue of the Hessian that is farthest from `shift`.
fn power_iteration(
    params: &[&Param],
    rng: &Rng,
    shift: f64,
    product: &mut impl FnMut(&[Tensor]) -> Vec<Tensor>,
) -> f64 {
    let start = rng.child(u64::MAX);
    let random = |(i, param): (usize, &&Param)| Tensor::randn(param.shape(), &mut start.child(i as u64));
    let mut v: Vec<Tensor> = params.iter().enumerate().map(random).collect();
    let mut eigenvalue = f64::NAN;
    for _ in 0..ITERATIONS {
        let norm = v.iter().map(Tensor::norm_squared).sum::<f64>().sqrt();
        if norm == 0.0 || !norm.is_finite() {
            return shift;
        }
        v.iter_mut().for_each(|v| *v *= (1.0 / norm) as f32);
        let mut next = product(&v);
        next.iter_mut().zip(&v).for_each(|(next, v)| next.zip_(v, |next, v| *next -= shift as f32 * v));
        let dot = |(next, v): (&Tensor, &Tensor)| f64::from((next * v).sum(..).item());
        let before = eigenvalue;
        eigenvalue = next.iter().zip(&v).map(dot).sum::<f64>() + shift;
        if (eigenvalue - before).abs() <= ACCURACY * (eigenvalue - shift).abs() {
            break;
        }
        v = next;
    }
    eigenvalue
}

/// The derivative of the gradient along `v`, which has a tensor for each parameter.
fn hessian_vector_product(params: &[&Param], v: &[Tensor], loss: &Var) -> Vec<Tensor> {
    let vars: Vec<Var> = params.iter().map(|param| loss.tape().param(param)).collect();
    hvp_of(loss, &vars.iter().collect::<Vec<_>>(), &v.iter().collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use ravine_autograd::Tape;

    use super::*;

    #[test]
    fn the_largest_eigenvalue_also_beside_larger_negative_ones() {
        let rng = Rng::new(1);
        for (diagonal, want) in [([3.0, -1.0, 0.5], 3.0), ([2.0, -7.0, 1.0], 2.0), ([-1.0, -2.0, -3.0], -1.0)]
        {
            let params = vec![("w".to_owned(), Param::new(Tensor::from([0.3, 0.1, 0.2])))];
            let k = Tensor::from(diagonal);
            let mut loss = |_batch: u64| {
                let tape = Tape::new();
                (tape.param(&params[0].1).square() * tape.input(k.clone())).sum(..) / 2.0
            };
            let found = largest_eigenvalue(&params, 2, &rng, &mut loss);
            assert!((found - want).abs() < 0.02, "{found} is not {want}");
        }
    }

    #[test]
    fn a_product_without_the_matrix() {
        // f = x² y, whose Hessian is [[2y, 2x], [2x, 0]].
        let (x, y) = (Param::new(Tensor::scalar(3.0)), Param::new(Tensor::scalar(5.0)));
        let tape = Tape::new();
        let loss = tape.param(&x).square() * tape.param(&y);
        let found = hessian_vector_product(&[&x, &y], &[Tensor::scalar(1.0), Tensor::scalar(2.0)], &loss);
        assert_eq!([found[0].item(), found[1].item()], [10.0 + 12.0, 6.0]);
    }
}
