//! Stopping, replacing, observing and accumulating gradients.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use ravine_autograd::{Param, Tape, Var, grad};
use ravine_tensor::{Rng, Tensor};

#[test]
fn a_stopped_gradient_and_a_straight_one() {
    let tape = Tape::new();
    let x = tape.variable(Tensor::from([0.3f64, 1.6]));
    let stopped = (x.stop_gradient() * &x).sum(..).backward();
    assert_eq!(stopped.wrt(&x).unwrap(), x.value());
    // round(x) · x, the rounding as if it were the identity: x + round(x).
    let straight = (x.straight_through(x.value().round()) * &x).sum(..);
    assert_eq!(straight.item(), 3.2);
    assert_eq!(straight.backward().wrt(&x).unwrap().to_vec(), [0.3, 3.6]);
}

#[test]
#[should_panic(expected = "straight_through: a value of shape [1] in place of one of shape [2]")]
fn a_straight_value_has_the_shape() {
    let _ = Tape::new().variable(Tensor::from([0.3, 1.6])).straight_through(Tensor::from([1.0]));
}

#[test]
fn a_hook_sees_the_whole_gradient_once() {
    let tape = Tape::new();
    let p = Param::new(Tensor::scalar(2.0));
    let seen = Rc::new(RefCell::new(Vec::new()));
    let (w, notes) = (tape.param(&p), seen.clone());
    w.hook(move |g| {
        notes.borrow_mut().push(g.item());
        None
    });
    let grads = (&w * &w + tape.param(&p) * 3.0).backward();
    assert_eq!(*seen.borrow(), [7.0], "the sum of all uses");
    assert_eq!(grads.get(&p).unwrap().item(), 7.0);
}

#[test]
fn hooks_replace_the_gradient_one_after_another() {
    let tape = Tape::new();
    let x = tape.variable(Tensor::from([1.0, 2.0]));
    let y = x.square();
    y.hook(|g| Some(g * 10.0));
    y.hook(|g| Some(g + 1.0));
    assert_eq!(y.sum(..).backward().wrt(&x).unwrap().to_vec(), [22.0, 44.0]);
}

#[test]
fn a_hook_is_differentiated_with_the_rest() {
    let tape = Tape::new();
    let x = tape.variable(Tensor::scalar(2.0f64));
    let y = x.square() * &x;
    x.hook(|g| Some(g.square()));
    // The gradient seen by whoever asks is (3x²)², whose derivative is 36 x³, which the hook squares again.
    let first = grad(&y, &[&x], true).remove(0);
    assert_eq!(first.item(), 144.0);
    assert_eq!(grad(&first, &[&x], false)[0].item(), (36.0f64 * 8.0).powi(2));
}

#[test]
#[should_panic(expected = "hook: a gradient of shape [] in place of one of shape [2]")]
fn a_hook_keeps_the_shape() {
    let x = Tape::new().variable(Tensor::from([1.0, 2.0]));
    x.hook(|g| Some(g.sum(..)));
    x.sum(..).backward();
}

#[test]
#[should_panic(expected = "hook: a gradient on another tape than the one that it replaces")]
fn a_hook_stays_on_the_tape() {
    let x = Tape::new().variable(Tensor::from([1.0, 2.0]));
    x.hook(|g| Some(Tape::new().input(g.value() * 2.0)));
    x.sum(..).backward();
}

#[test]
fn a_hook_on_a_constant_is_never_called() {
    let (tape, called) = (Tape::new(), Rc::new(Cell::new(false)));
    let (x, c, flag) = (tape.variable(Tensor::scalar(1.0)), tape.input(Tensor::scalar(2.0)), called.clone());
    c.hook(move |_| {
        flag.set(true);
        None
    });
    (x * c).backward();
    assert!(!called.get());
    assert_eq!(Rc::strong_count(&called), 1, "it was not even kept");
}

#[test]
fn an_intermediate_gradient_can_be_retained() {
    let tape = Tape::new();
    let x = tape.variable(Tensor::from([1.0, 2.0]));
    let (y, z) = (x.exp(), x.square());
    y.retain_grad();
    let grads = (&y * &z).sum(..).backward();
    assert_eq!(grads.wrt(&y), Some(z.value()));
    assert_eq!(grads.wrt(&z), None);
}

#[test]
fn gradients_of_inputs_and_of_parameters_come_together() {
    let tape = Tape::new();
    let w = Param::new(Tensor::from([3.0, -1.0]));
    let x = tape.variable(Tensor::from([5.0, 7.0]));
    let grads = (&x * tape.param(&w)).sum(..).backward();
    assert_eq!(grads.wrt(&x).unwrap().to_vec(), [3.0, -1.0]);
    assert_eq!(grads.get(&w).unwrap().to_vec(), [5.0, 7.0]);
    assert_eq!((grads.len(), grads.norm()), (1, 74f64.sqrt()));
}

/// The mean loss of a network of two layers over some rows.
fn loss(tape: &Tape<f64>, params: &[Param<f64>], rows: &Tensor<f64>) -> Var<f64> {
    let hidden = tape.input(rows.clone()).matmul(&tape.param(&params[0])).tanh();
    hidden.matmul(&tape.param(&params[1])).square().mean(..)
}

#[test]
fn micro_batches_add_up_to_the_batch() {
    let rng = &mut Rng::new(3);
    let params = [Param::new(Tensor::randn([4, 6], rng)), Param::new(Tensor::randn([6, 2], rng))];
    let x = Tensor::randn([12, 4], rng);
    let whole = loss(&Tape::new(), &params, &x).backward();
    let mut parts = (0..3).map(|i| {
        let mut grads = loss(&Tape::new(), &params, &x.narrow(0, 4 * i, 4)).backward();
        grads.scale(1.0 / 3.0);
        grads
    });
    let mut sum = parts.next().unwrap();
    parts.for_each(|part| sum.add(part));
    for (param, grad) in whole.iter() {
        let difference = (grad - sum.get(param).unwrap()).norm_squared().sqrt();
        assert!(difference < 1e-14, "{difference}");
    }
}

#[test]
fn parameters_come_in_the_order_of_their_first_uses() {
    let params: Vec<Param> = (0..50).map(|i| Param::new(Tensor::scalar(i as f32))).collect();
    let order: Vec<usize> = (0..50).map(|i| i * 7 % 50).collect();
    let tape = Tape::new();
    let terms: Vec<Var> = order.iter().map(|&i| tape.param(&params[i]).exp()).collect();
    let mut grads = terms.into_iter().reduce(|a, b| a + b).unwrap().backward();
    let found: Vec<usize> =
        grads.iter().map(|(param, _)| params.iter().position(|p| p.is(param)).unwrap()).collect();
    assert_eq!(found, order);
    assert!(grads.take(&params[7]).is_some() && grads.get(&params[7]).is_none());
    assert_eq!((grads.len(), grads.iter().count()), (49, 49));
    grads.insert(&params[7], Tensor::scalar(1.0));
    assert!(grads.iter().nth(1).unwrap().0.is(&params[7]), "back at its place");
}
