//! Derivatives of derivatives: the functions of `functional`, and what they are for.

use ravine_autograd::functional::{Params, grad, hessian, hvp, hvp_of, jacobian, jvp, value_and_grad, vjp};
use ravine_autograd::{Gradients, Param, Tape, Var, gradcheck};
use ravine_tensor::{Rng, Tensor};

type T64 = Tensor<f64>;

fn near(a: &T64, b: &T64, error: f64) {
    assert_eq!(a.shape(), b.shape());
    let worst = (a - b).iter().fold(0.0, |worst: f64, x| worst.max(x.abs()));
    assert!(worst < error, "{worst}: {a:?} is not {b:?}");
}

/// A function of two matrices with all mixed derivatives.
fn mixed([a, b]: [Var<f64>; 2]) -> Var<f64> {
    a.matmul(&b).tanh() * a.exp() + b.square()
}

fn point() -> [T64; 2] {
    let rng = &mut Rng::new(4);
    [Tensor::randn([3, 3], rng), Tensor::randn([3, 3], rng)]
}

#[test]
fn the_functions_agree_with_one_another() {
    let at = point();
    let rng = &mut Rng::new(8);
    let (seed, along) =
        (Tensor::randn([3, 3], rng), [Tensor::randn([3, 3], rng), Tensor::randn([3, 3], rng)]);
    let jacobians = jacobian(mixed, &at);
    assert_eq!(jacobians[0].shape(), &[3, 3, 3, 3]);
    // vᵀ J and J v, by the matrices.
    let (value, back) = vjp(mixed, &at, &seed);
    let (same, forward) = jvp(mixed, &at, &along);
    assert_eq!(value, same);
    let mut sum = Tensor::zeros([9]);
    for (i, jacobian) in jacobians.iter().enumerate() {
        let matrix = jacobian.reshape([9, 9]);
        near(&seed.reshape([1, 9]).matmul(&matrix).reshape([3, 3]), &back[i], 1e-12);
        sum = sum + matrix.matmul(&along[i].reshape([9, 1])).reshape([9]);
    }
    near(&sum.reshape([3, 3]), &forward, 1e-12);
    // And J v by a difference.
    let h = 1e-6;
    let moved = |h: f64| {
        let tape = Tape::new();
        mixed([0, 1].map(|i| tape.input(&at[i] + &(&along[i] * h)))).into_value()
    };
    near(&((moved(h) - moved(-h)) / (2.0 * h)), &forward, 1e-8);
}

#[test]
fn the_hessian_is_symmetric_and_its_products_agree() {
    let at = point();
    let f = |x: [Var<f64>; 2]| mixed(x).sin().sum(..);
    let h = hessian(f, &at);
    near(&h[0][1].reshape([9, 9]), &h[1][0].reshape([9, 9]).t().contiguous(), 1e-12);
    near(&h[0][0].reshape([9, 9]), &h[0][0].reshape([9, 9]).t().contiguous(), 1e-12);
    let rng = &mut Rng::new(9);
    let v = [Tensor::randn([3, 3], rng), Tensor::randn([3, 3], rng)];
    let product = hvp(f, &at, &v);
    for i in 0..2 {
        let column = |j: usize| h[i][j].reshape([9, 9]).matmul(&v[j].reshape([9, 1])).reshape([3, 3]);
        near(&(column(0) + column(1)), &product[i], 1e-12);
    }
    let (value, gradient) = value_and_grad(f, &at);
    assert_eq!((value.numel(), gradient), (1, grad(f, &at)));
}

#[test]
fn every_form_of_a_point() {
    let x = Tensor::from([1.0f64, 2.0]);
    let cube = |x: &Var<f64>| (x.square() * x).sum(..);
    assert_eq!(grad(|x| cube(&x), &x).to_vec(), [3.0, 12.0]);
    let alone = [x.clone()];
    let [one] = grad(|[x]: [Var<f64>; 1]| cube(&x), &alone);
    let list = grad(|x: Vec<Var<f64>>| cube(&x[0]) + cube(&x[1]), &vec![x.clone(), x.clone()]);
    assert_eq!((&one, &list[1]), (&list[0], &one));
    // A function that does not depend on one argument.
    let [_, none] = jacobian(|[x, _]: [Var<f64>; 2]| x.exp(), &[x.clone(), Tensor::ones([3])]);
    assert_eq!((none.shape(), none.to_vec()), (&[2, 3].into(), vec![0.0; 6]));
    // One that does not depend on any.
    let (_, still) = jvp(|x: Var<f64>| x.detach().exp(), &x, &x);
    assert_eq!(still.to_vec(), [0.0, 0.0]);
}

#[test]
fn parameters_are_a_point() {
    let [w, b, frozen] = [2.0, 3.0, 4.0].map(|x| Param::new(Tensor::scalar(x)));
    frozen.set_frozen(true);
    let model = vec![w.tied(), b.tied(), frozen.tied(), w.tied()];
    let at = Params::of(&model);
    assert_eq!(at.iter().len(), 2, "tied ones once, frozen ones not");
    let loss = |tape: Tape| tape.param(&w).square() * tape.param(&b) * tape.param(&frozen);
    assert_eq!(grad(loss, &at).iter().map(Tensor::item).collect::<Vec<_>>(), [48.0, 16.0]);
    let h = hessian(loss, &at);
    assert_eq!([&h[0][0], &h[0][1], &h[1][0], &h[1][1]].map(Tensor::item), [24.0, 16.0, 16.0, 0.0]);
    // Of a loss that is on a tape already.
    let tape = Tape::new();
    let vars = [tape.param(&w), tape.param(&b)];
    let along = [Tensor::scalar(1.0), Tensor::scalar(-1.0)];
    let product = hvp_of(&loss(tape), &vars.each_ref(), &along.each_ref());
    assert_eq!([product[0].item(), product[1].item()], [8.0, 16.0]);
}

#[test]
fn to_third_order() {
    // The third derivative of sin(x) eˣ, as the Jacobian of a Hessian's diagonal: 2 eˣ (cos x - sin x).
    let x = Tensor::from([0.7f64, -0.3]);
    let second = |x: Var<f64>| {
        let y = (x.sin() * x.exp()).sum(..);
        let first = ravine_autograd::grad(&y, &[&x], true).remove(0);
        ravine_autograd::grad(&first.sum(..), &[&x], true).remove(0)
    };
    let third = jacobian(second, &x);
    let want = x.map(|x| 2.0 * x.exp() * (x.cos() - x.sin()));
    near(&Tensor::from([third.at([0, 0]), third.at([1, 1])]), &want, 1e-13);
    assert_eq!((third.at([0, 1]), third.at([1, 0])), (0.0, 0.0));
    // And of a network, against differences of its second derivative.
    let rng = &mut Rng::new(2);
    let curvature = |v: &[&Var<f64>]| {
        let y = v[0].matmul(v[1]).tanh().square().sum(..);
        let slope = ravine_autograd::grad(&y, &[v[0]], true).remove(0);
        ravine_autograd::grad(&slope.square().sum(..), &[v[1]], true).remove(0)
    };
    gradcheck(curvature, &[Tensor::randn([2, 3], rng), Tensor::randn([3, 2], rng)]).unwrap();
}

#[test]
#[should_panic(expected = "jvp: a vector of shapes [[3]] where [[2]] are needed")]
fn a_direction_has_the_shape_of_its_argument() {
    jvp(|x: Var<f64>| x.exp(), &Tensor::zeros([2]), &Tensor::zeros([3]));
}

#[test]
#[should_panic(expected = "hessian: the function gave [2], not a single number")]
fn a_hessian_is_of_a_scalar() {
    hessian(|x: Var<f64>| x.exp(), &Tensor::zeros([2]));
}

/// A network from one number to one, with two hidden layers of tanh.
struct Net([Param<f64>; 6]);

impl Net {
    fn new(width: usize, rng: &mut Rng) -> Self {
        let mut weight = |inputs: usize, outputs: usize| {
            Param::new(Tensor::randn([inputs, outputs], rng) * (1.0 / (inputs as f64).sqrt()))
        };
        let [a, b, c] = [weight(1, width), weight(width, width), weight(width, 1)];
        let bias = |n| Param::new(Tensor::zeros([n]));
        Net([a, bias(width), b, bias(width), c, bias(1)])
    }

    fn forward(&self, x: &Var<f64>) -> Var<f64> {
        let [a, a0, b, b0, c, c0] = self.0.each_ref().map(|param| x.tape().param(param));
        ((x.matmul(&a) + a0).tanh().matmul(&b) + b0).tanh().matmul(&c) + c0
    }
}

/// Adam, as Kingma and Ba wrote it.
struct Adam(Vec<(T64, T64)>);

impl Adam {
    fn new(params: &[Param<f64>]) -> Self {
        Adam(params.iter().map(|p| (p.value().zeros_like(), p.value().zeros_like())).collect())
    }

    fn step(&mut self, t: i32, rate: f64, params: &[Param<f64>], grads: &Gradients<f64>) {
        for (param, (m, v)) in params.iter().zip(&mut self.0) {
            let g = grads.get(param).expect("the loss depends on every parameter");
            m.zip_(g, |m, g| *m = 0.9 * *m + 0.1 * g);
            v.zip_(g, |v, g| *v = 0.999 * *v + 0.001 * g * g);
            let (c1, c2) = (1.0 - 0.9f64.powi(t), 1.0 - 0.999f64.powi(t));
            let update = m.zip(v, |m, v| rate * (m / c1) / ((v / c2).sqrt() + 1e-8));
            param.update(|w| *w -= &update);
        }
    }
}

/// A physics-informed network finds the sine: u'' = -u on [0, π], u(0) = 0, u(π/2) = 1. Its loss has second derivatives by the input in it, so
/// its gradient has third ones. Raissi, Perdikaris and Karniadakis 2019.
#[test]
fn a_network_learns_an_equation() {
    let net = Net::new(12, &mut Rng::new(0));
    let mut adam = Adam::new(&net.0);
    let pi = std::f64::consts::PI;
    let places = Tensor::linspace(0.0, pi, 24).reshape([24, 1]);
    let ends = Tensor::from([[0.0], [pi / 2.0]]);
    let at_ends = Tensor::from([[0.0], [1.0]]);
    let steps = 1500;
    for t in 1..=steps {
        let tape = Tape::new();
        let x = tape.variable(places.clone());
        let u = net.forward(&x);
        let slope = ravine_autograd::grad(&u.sum(..), &[&x], true).remove(0);
        let curvature = ravine_autograd::grad(&slope.sum(..), &[&x], true).remove(0);
        let boundary = net.forward(&tape.input(ends.clone())) - tape.input(at_ends.clone());
        let loss = (curvature + u).square().mean(..) + boundary.square().mean(..) * 10.0;
        let rate = 0.01 * 0.5 * (1.0 + (pi * f64::from(t) / f64::from(steps)).cos());
        adam.step(t, rate, &net.0, &loss.backward());
    }
    let tape = Tape::eval();
    let x = Tensor::linspace(0.0, pi, 101).reshape([101, 1]);
    let found = net.forward(&tape.input(x.clone())).into_value();
    near(&found, &x.sin(), 0.01);
}

/// The loss of a critic whose slope should be 1 everywhere: mean of (|∂y/∂x| - 1)². Gulrajani et al. 2017.
fn gradient_penalty(x: &Var<f64>, score: impl Fn(&Var<f64>) -> Var<f64>) -> Var<f64> {
    let slope = ravine_autograd::grad(&score(x).sum(..), &[x], true).remove(0);
    (slope.square().sum(-1).sqrt() - 1.0).square().mean(..)
}

#[test]
fn a_gradient_penalty_has_the_right_gradient() {
    let rng = &mut Rng::new(6);
    let inputs = [Tensor::randn([5, 3], rng), Tensor::randn([3, 4], rng), Tensor::randn([4, 1], rng)];
    // By the weights, and by the input, through the gradient by the input.
    gradcheck(|v| gradient_penalty(v[0], |x| x.matmul(v[1]).tanh().matmul(v[2])), &inputs).unwrap();
}

#[test]
fn a_gradient_penalty_trains_the_slope() {
    let net = Net::new(8, &mut Rng::new(3));
    let mut adam = Adam::new(&net.0[..5]);
    let places = Tensor::linspace(-1.0, 1.0, 16).reshape([16, 1]);
    let penalty = |tape: &Tape<f64>| gradient_penalty(&tape.variable(places.clone()), |x| net.forward(x));
    let before = penalty(&Tape::new()).item();
    for t in 1..=200 {
        // The last bias has no part in the slope.
        let grads = penalty(&Tape::new()).backward();
        assert!(grads.get(&net.0[5]).is_none());
        adam.step(t, 0.01, &net.0[..5], &grads);
    }
    let after = penalty(&Tape::new()).item();
    assert!(before > 0.05 && after < 1e-3, "from {before} to {after}");
}
