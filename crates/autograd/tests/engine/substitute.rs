//! Other values in place of parameters.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use ravine_autograd::{Param, Tape, Var, checkpoint, gradcheck, gradgradcheck};
use ravine_tensor::{Rng, Tensor};

struct Net {
    weight: Param<f64>,
    bias: Param<f64>,
}

impl Net {
    fn new() -> Self {
        let rng = &mut Rng::new(0);
        Net { weight: Param::new(Tensor::randn([3, 3], rng)), bias: Param::new(Tensor::randn([3], rng)) }
    }

    fn forward(&self, x: &Var<f64>) -> Var<f64> {
        let tape = x.tape();
        let hidden = x.matmul(&tape.param(&self.weight)).tanh();
        hidden.matmul(&tape.param(&self.weight)) + tape.param(&self.bias)
    }
}

#[test]
fn a_model_is_as_if_it_had_these_values_and_gradients_go_to_what_they_came_from() {
    let (net, other) = (Net::new(), Tensor::randn([3, 3], &mut Rng::new(1)));
    let x = Tensor::randn([2, 3], &mut Rng::new(2));
    let tape = Tape::new();
    let source = tape.variable(other.clone());
    let y = tape.with_params(&[(&net.weight, &(&source * 2.0))], || net.forward(&tape.input(x.clone())));
    let found = y.square().sum(..).backward();
    assert!(found.get(&net.weight).is_none(), "the parameter itself was not used");

    let own = net.weight.value();
    net.weight.set(&other * 2.0);
    let tape = Tape::new();
    let same = net.forward(&tape.input(x.clone()));
    let expected = same.square().sum(..).backward();
    assert_eq!(y.value(), same.value());
    assert_eq!(found.wrt(&source).unwrap(), &(expected.get(&net.weight).unwrap() * 2.0));
    assert_eq!(found.get(&net.bias), expected.get(&net.bias));
    net.weight.set(own);
}

#[test]
fn the_innermost_value_stands_and_all_are_gone_after_a_panic() {
    let w = Param::new(Tensor::scalar(1.0));
    let tape = Tape::new();
    let [two, three] = [2.0, 3.0].map(|x| tape.variable(Tensor::scalar(x)));
    let item = || tape.param(&w).item();
    let panics = catch_unwind(AssertUnwindSafe(|| {
        tape.with_params(&[(&w, &two)], || {
            assert_eq!((item(), tape.with_params(&[(&w, &three)], item), item()), (2.0, 3.0, 2.0));
            panic!("with values in place");
        })
    }));
    assert!(panics.is_err());
    assert_eq!(item(), 1.0);
}

#[test]
fn a_frozen_parameter_may_have_a_value_that_is_not() {
    let w = Param::new(Tensor::scalar(1.0));
    w.set_frozen(true);
    let tape = Tape::new();
    let x = tape.variable(Tensor::scalar(2.0));
    let y = tape.with_params(&[(&w, &x)], || tape.param(&w).square());
    assert_eq!(y.backward().wrt(&x).unwrap().item(), 4.0);
}

#[test]
fn a_checkpoint_finds_the_values_again_in_its_second_run() {
    let net = Arc::new(Net::new());
    let loss = |x: &[&Var<f64>], wrap: bool| {
        let (tape, net) = (x[0].tape(), net.clone());
        let values = [(&net.weight, x[1])];
        let y = tape.with_params(&values, || {
            let net = net.clone();
            if wrap { checkpoint(move |[x]| net.forward(x), [x[0]]) } else { net.forward(x[0]) }
        });
        // Outside, it is the parameter again.
        y * tape.param(&net.weight).sum(..)
    };
    let inputs = [Tensor::randn([2, 3], &mut Rng::new(2)), Tensor::randn([3, 3], &mut Rng::new(3))];
    let gradients = [true, false].map(|wrap| {
        let tape = Tape::new();
        let x = inputs.clone().map(|x| tape.variable(x));
        let found = loss(&[&x[0], &x[1]], wrap).square().sum(..).backward();
        let of_inputs = x.each_ref().map(|x| found.wrt(x).unwrap().clone());
        (of_inputs, found.get(&net.weight).unwrap().clone(), found.get(&net.bias).unwrap().clone())
    });
    assert_eq!(gradients[0], gradients[1]);
    gradcheck(|x| loss(x, true), &inputs).unwrap();
    gradgradcheck(|x| loss(x, true), &inputs).unwrap();
}

#[test]
#[should_panic = "with_params: a parameter of shape [3, 3] cannot have a value of shape [3]"]
fn shapes_must_be_the_parameters() {
    let (net, tape) = (Net::new(), Tape::new());
    tape.with_params(&[(&net.weight, &tape.input(Tensor::zeros([3])))], || ());
}

#[test]
#[should_panic = "with_params: a value is on another tape"]
fn the_tape_must_be_the_same() {
    let (net, tape) = (Net::new(), Tape::new());
    tape.with_params(&[(&net.bias, &Tape::new().input(Tensor::zeros([3])))], || ());
}
