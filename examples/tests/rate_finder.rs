//! The learning-rate finder's suggestion against the best rate of a grid, on five tasks that come with the framework.

use ravine::optim::RateFinder;
use ravine::prelude::*;
use ravine_examples::bundled_mnist;

/// Where the loss is after so many steps at a constant rate; infinite if they fail.
fn trained<R: Rule>(
    model: &dyn Module,
    rule: R,
    rate: f64,
    steps: u64,
    loss: &dyn Fn(&Tape, u64) -> Var,
) -> f64 {
    let start: Vec<Tensor> = model.named_params().iter().map(|(_, param)| param.value()).collect();
    let mut optimizer = Optimizer::new(model, rule, rate);
    let mut last = Vec::new();
    for step in 0..steps {
        let loss = loss(&Tape::train(Rng::new(1).child(step)), step);
        if step + 10 >= steps {
            last.push(f64::from(loss.item()));
        }
        if optimizer.step(loss.backward()).is_err() {
            last.push(f64::INFINITY);
            break;
        }
    }
    model.named_params().iter().zip(start).for_each(|((_, param), value)| param.set(value));
    let mean = last.iter().sum::<f64>() / last.len() as f64;
    if mean.is_finite() { mean } else { f64::INFINITY }
}

/// Checks that the suggestion is within a factor 3 of the best rate on a grid of four rates per factor of ten.
#[track_caller]
fn check<R: Rule + Clone>(model: &dyn Module, rule: R, steps: u64, loss: &dyn Fn(&Tape, u64) -> Var) {
    let values = || -> Vec<Tensor> { model.named_params().iter().map(|(_, param)| param.value()).collect() };
    let before = values();
    let found = RateFinder::default().run(model, rule.clone(), loss).unwrap();
    assert_eq!(before, values(), "the model is as it was");

    let grid = (-18..=5).map(|power| 10f64.powf(f64::from(power) / 4.0));
    let runs = grid.map(|rate| (rate, trained(model, rule.clone(), rate, steps, loss)));
    let (best, _) = runs.min_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
    let suggestion = found.suggestion().unwrap();
    let apart = f64::max(suggestion / best, best / suggestion);
    assert!(apart < 3.0, "the suggestion is {suggestion:.2e}, and the best rate {best:.2e}");
}

fn regression() -> (Param, Tensor, Tensor) {
    let rng = &mut Rng::new(3);
    let x: Tensor = Tensor::randn([200, 8], rng) * Tensor::from_fn([1, 8], |i| 0.8f32.powi(i as i32));
    let y = x.matmul(&Tensor::randn([8, 1], rng)) + Tensor::<f32>::randn([200, 1], rng) * 0.1;
    (Param::new(Tensor::zeros([8, 1])), x, y)
}

#[test]
fn a_regression() {
    let (w, x, y) = regression();
    check(&w, Sgd::default(), 200, &|tape, _| {
        (tape.input(x.clone()).matmul(&tape.param(&w)) - tape.input(y.clone())).square().mean(..)
    });
}

#[test]
fn a_linear_classifier_with_momentum() {
    let (_, x, y) = regression();
    let model = Linear::new(8, 2, &mut Rng::new(4));
    // Some labels are wrong, so that there is a best fit.
    let labels: Tensor<i64> =
        y.reshape([200]).map(|y| i64::from(y > 0.0) ^ i64::from((y * 1e3) as i64 % 8 == 0));
    check(&model, Sgd::momentum(0.9), 200, &|tape, _| {
        model.forward(&tape.input(x.clone())).cross_entropy(&labels)
    });
}

#[test]
fn rings_with_adam() {
    let rng = &mut Rng::new(4);
    let model =
        sequential![Linear::new(2, 32, rng), Relu, Linear::new(32, 32, rng), Relu, Linear::new(32, 2, rng)];
    let points = Tensor::uniform([256, 2], -1.0, 1.0, rng);
    let rings: Tensor<i64> = points.square().sum(-1).map(|r: f32| ((r * 6.0) as i64) % 2);
    check(&model, Adam::default(), 200, &|tape, _| {
        model.forward(&tape.input(points.clone())).cross_entropy(&rings)
    });
}

#[test]
fn digits_with_momentum_and_with_adam() {
    let data = Mnist::load(bundled_mnist()).unwrap().train;
    let plan = Plan::new(data.len(), 64, Order::Shuffled { seed: 1 });
    let epoch = plan.epoch(0);
    let batches: Vec<(Tensor, Tensor<i64>)> = (0..300).map(|i| data.batch(epoch.batch(i)).unwrap()).collect();
    let rng = &mut Rng::new(4);
    let model = sequential![Flatten, Linear::new(784, 32, rng), Relu, Linear::new(32, 10, rng)];
    let loss = |tape: &Tape, step: u64| {
        let (images, labels) = &batches[step as usize % batches.len()];
        model.forward(&tape.input(images.clone())).cross_entropy(labels)
    };
    check(&model, Sgd::momentum(0.9), 300, &loss);
    check(&model, Adam::default(), 300, &loss);
}
