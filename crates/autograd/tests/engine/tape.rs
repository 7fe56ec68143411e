//! The tape and the reverse sweep, apart from any particular op.

use ravine_autograd::{Param, Tape, grad, grad_from, record, record_with_output};
use ravine_tensor::Tensor;

#[test]
fn a_value_used_twice_gets_both_gradients() {
    let tape = Tape::new();
    let x = tape.variable(Tensor::scalar(3.0f64));
    let y = &x * &x + &x * 5.0;
    assert_eq!(y.backward().wrt(&x).unwrap().item(), 11.0);
}

#[test]
fn broadcast_gradients_are_summed_to_the_shape_of_their_source() {
    let tape = Tape::new();
    let (a, b) = (tape.variable(Tensor::<f32>::ones([4, 1, 3])), tape.variable(Tensor::<f32>::ones([2, 1])));
    let grads = (&a * &b).sum(..).backward();
    assert_eq!(
        (grads.wrt(&a).unwrap().shape(), grads.wrt(&b).unwrap().shape()),
        (&[4, 1, 3].into(), &[2, 1].into())
    );
    assert_eq!(grads.wrt(&b).unwrap().to_vec(), [12.0, 12.0]);
}

#[test]
fn derivatives_to_third_order() {
    let tape = Tape::new();
    let x = tape.variable(Tensor::scalar(0.7f64));
    let mut y = x.sin() * x.exp();
    // (sin x eˣ)''' = 2 eˣ (cos x - sin x)
    for _ in 0..3 {
        y = grad(&y, &[&x], true).remove(0);
    }
    let want = 2.0 * 0.7f64.exp() * (0.7f64.cos() - 0.7f64.sin());
    assert!((y.item() - want).abs() < 1e-14);
}

#[test]
fn grad_reaches_intermediate_values_and_says_zero_where_there_is_no_way() {
    let tape = Tape::new();
    let (x, unrelated) = (tape.variable(Tensor::scalar(2.0f64)), tape.variable(Tensor::from([1.0, 2.0])));
    let square = x.square();
    let y = square.exp();
    let found = grad(&y, &[&square, &unrelated, &x], false);
    assert_eq!(found[0].item(), 4f64.exp());
    assert_eq!(found[1].value().to_vec(), [0.0, 0.0]);
    assert_eq!(found[2].item(), 4.0 * 4f64.exp());
}

#[test]
fn constants_frozen_parameters_and_no_grad_stop_the_gradient() {
    let tape = Tape::new();
    let (p, frozen) = (Param::new(Tensor::scalar(2.0f32)), Param::new(Tensor::scalar(3.0)));
    frozen.set_frozen(true);
    let (p1, p2, f) = (tape.param(&p), tape.param(&p), tape.param(&frozen));
    let unseen = tape.no_grad(|| &p1 * 10.0);
    let y = &p1 * &f + p2 * tape.input(Tensor::scalar(5.0)) + p1.detach() * unseen;
    assert_eq!(y.item(), 6.0 + 10.0 + 40.0);
    let grads = y.backward();
    assert_eq!(grads.get(&p).unwrap().item(), 8.0, "one leaf for both uses");
    assert!(grads.get(&frozen).is_none());
    assert_eq!(grads.len(), 1);
}

#[test]
fn an_eval_tape_records_nothing() {
    let tape = Tape::<f32>::eval();
    let y = tape.variable(Tensor::scalar(1.0)).exp();
    assert!(tape.is_empty() && !y.requires_grad() && !tape.is_training());
}

#[test]
fn the_graph_can_be_kept() {
    let tape = Tape::new();
    let x = tape.variable(Tensor::scalar(2.0f32));
    let y = x.square();
    for _ in 0..2 {
        assert_eq!(y.backward_retained().wrt(&x).unwrap().item(), 4.0);
    }
    assert_eq!(y.backward().wrt(&x).unwrap().item(), 4.0);
}

#[test]
#[should_panic(expected = "was freed by an earlier backward; use backward_retained")]
fn a_freed_graph_is_named() {
    let tape = Tape::new();
    let y = tape.variable(Tensor::scalar(2.0f32)).square();
    y.backward();
    y.backward();
}

#[test]
#[should_panic(expected = "add: the inputs are on different tapes")]
fn two_tapes_do_not_mix() {
    let (a, b) = (Tape::new(), Tape::new());
    let _ = a.variable(Tensor::scalar(1.0f32)) + b.variable(Tensor::scalar(1.0));
}

#[test]
#[should_panic(
    expected = "backward: a value of shape [2, 3] is not a single number; reduce it first, with mean(..) or sum(..)"
)]
fn backward_needs_a_scalar() {
    Tape::new().variable(Tensor::<f32>::ones([2, 3])).backward();
}

#[test]
#[should_panic(expected = "forgetful: backward gave no gradient for input 0, which needs one")]
fn a_forgotten_derivative_is_named() {
    let tape = Tape::new();
    let x = tape.variable(Tensor::scalar(1.0f32));
    record("forgetful", [&x], x.value().clone(), |_, _| [None]).backward();
}

#[test]
#[should_panic(expected = "odd: backward gave a gradient of shape [3] for an input of shape [2]")]
fn a_gradient_of_a_wrong_shape_is_named() {
    let tape = Tape::new();
    let x = tape.variable(Tensor::<f32>::ones([2]));
    record("odd", [&x], x.value().sum(..), |dy, _| [Some(dy.expand([3]))]).backward();
}

#[test]
#[should_panic(expected = "stray: backward gave a gradient on another tape for input 0")]
fn a_gradient_on_another_tape_is_named() {
    let x = Tape::new().variable(Tensor::<f32>::ones([2]));
    let y = record("stray", [&x], x.value() * 3.0, |dy, _| [Some(Tape::new().variable(dy.value() * 3.0))]);
    y.sum(..).backward();
}

#[test]
#[should_panic(expected = "grad_from: the seed is on another tape than the output")]
fn a_seed_is_on_the_tape_of_the_output() {
    let x = Tape::new().variable(Tensor::<f32>::ones([2]));
    grad_from(&x.square(), &[&x], &Tape::new().input(Tensor::ones([2])), false);
}

#[test]
#[should_panic(expected = "nothing: an op needs at least one input")]
fn an_op_without_inputs_is_named() {
    record_with_output::<f32, 0>("nothing", [], Tensor::zeros([2]), |_, _, _| []);
}

#[test]
fn a_seed_gives_the_product_with_the_jacobian() {
    let tape = Tape::new();
    let x = tape.variable(Tensor::from([1.0f64, 2.0, 3.0]));
    let grads = x.square().backward_from(Tensor::from([1.0, 10.0, 100.0]));
    assert_eq!(grads.wrt(&x).unwrap().to_vec(), [2.0, 40.0, 600.0]);
}
