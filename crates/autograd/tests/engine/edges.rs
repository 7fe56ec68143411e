//! Where a formula meets 0 / 0, 0 · ∞ or NaN. Values are PyTorch's.

use ravine_autograd::{Param, Tape, Var};
use ravine_tensor::{Rng, Tensor};

/// The gradient of `f` at `x`.
fn gradient(f: impl Fn(&Var<f64>) -> Var<f64>, x: Tensor<f64>) -> Tensor<f64> {
    let tape = Tape::new();
    let x = tape.variable(x);
    f(&x).backward().wrt(&x).expect("it depends on x").clone()
}

#[test]
#[cfg(feature = "linalg")]
fn values_alone_have_a_derivative_where_vectors_have_none() {
    let eye = Tensor::eye(2);
    assert_eq!(gradient(|x| x.eigh().unwrap().0.sum(..), eye.clone()), eye);
    assert!(gradient(|x| x.svd().unwrap().1.sum(..), eye.clone()).allclose(&eye, 1e-12, 1e-12));
    // Of rank 1, so that the second singular value is 0: x is its gradient times its norm.
    let x = Tensor::from([[1.0, 2.0], [2.0, 4.0], [3.0, 6.0]]);
    let found = gradient(|x| x.svd().unwrap().1.narrow(0, 0, 1).sum(..), x.clone());
    assert!(found.allclose(&(&x / x.norm(2.0, ..).item()), 1e-12, 1e-12), "{found}");
}

#[test]
fn an_angle_without_a_direction_is_flat() {
    let at =
        |point: [f64; 2]| gradient(|p| p.index(0, 0).atan2(&p.index(0, 1)), Tensor::from(point)).to_vec();
    assert_eq!((at([0.0, 0.0]), at([0.0, 2.0])), (vec![0.0, 0.0], vec![0.5, 0.0]));
}

#[test]
fn a_quantile_does_not_look_past_its_place() {
    let tape = Tape::new();
    let x = tape.variable(Tensor::from([1.0, f64::INFINITY, 2.0]));
    for q in [0.0, 0.5, 1.0] {
        assert_eq!(x.quantile(q, 0).value(), &x.value().quantile(q, 0));
    }
}

#[test]
fn attention_does_not_hide_a_nan_behind_its_mask() {
    let of = |first: f32| {
        let tape = Tape::new();
        let q = tape.variable(Tensor::from([[first, 1.0], [1.0, 1.0]]).reshape([1, 1, 2, 2]));
        let k = tape.input(Tensor::ones([1, 1, 2, 2]));
        let mask = Tensor::from([[false, true]]);
        q.scaled_dot_product_attention(&k, &k, Some(&mask), None).value().to_vec()
    };
    assert_eq!(of(1.0), [1.0; 4]);
    let y = of(f32::NAN);
    assert!(y[0].is_nan() && y[1].is_nan() && y[2..] == [1.0, 1.0], "{y:?}");
}

#[test]
#[should_panic(expected = "wrt: the variable is on another tape than these gradients")]
fn gradients_do_not_take_a_later_tape_for_their_own() {
    let gradients = {
        let tape = Tape::new();
        tape.variable(Tensor::scalar(3.0f32)).square().backward()
    };
    let later = Tape::new();
    let _ = gradients.wrt(&later.variable(Tensor::from([1.0, 2.0])));
}

#[test]
#[should_panic(expected = "update: a parameter of shape [2] cannot take a value of shape [3]")]
fn a_parameter_keeps_its_shape() {
    Param::new(Tensor::<f32>::zeros([2])).update(|w| *w = Tensor::zeros([3]));
}

#[test]
#[should_panic(expected = "with_rng: within another with_rng of this tape")]
fn the_random_stream_is_lent_once_at_a_time() {
    let tape = Tape::<f32>::train(Rng::new(0));
    tape.with_rng(|_| tape.with_rng(|_| ()));
}
