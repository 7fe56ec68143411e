//! The learning-rate finder's suggestion against the best rate of a grid, on five tasks that come with the framework.

use ravine::optim::RateFinder;
use ravine::prelude::*;
use ravine_examples::bundled_mnist;

type Loss<'a> = &'a dyn Fn(&Tape, u64) -> Var;

/// The losses of so many steps at a constant rate; infinite from where they fail.
fn losses<R: Rule>(model: &dyn Module, rule: R, rate: f64, steps: u64, loss: Loss) -> Vec<f64> {
    let start: Vec<Tensor> = model.named_params().iter().map(|(_, param)| param.value()).collect();
    let mut optimizer = Optimizer::new(model, rule, rate);
    let mut losses = vec![f64::INFINITY; steps as usize];
    for step in 0..steps {
        let loss = loss(&Tape::train(Rng::new(1).child(step)), step);
        let value = f64::from(loss.item());
        if !value.is_finite() || optimizer.step(loss.backward()).is_err() {
            break;
        }
        losses[step as usize] = value;
    }
    model.named_params().iter().zip(start).for_each(|((_, param), value)| param.set(value));
    losses
}

/// The mean of the last ten losses.
fn at_the_end(losses: &[f64]) -> f64 {
    in_all(&losses[losses.len() - 10..])
}

/// The mean of all losses.
fn in_all(losses: &[f64]) -> f64 {
    losses.iter().sum::<f64>() / losses.len() as f64
}

/// Checks that the suggestion is within a factor 3 of the best rate on a grid of four rates per factor of ten, after each of these
/// numbers of steps. Gives the losses at the suggestion, and those at the rates of the grid.
#[track_caller]
fn check<R: Rule + Clone>(
    model: &dyn Module,
    rule: R,
    steps: &[u64],
    measure: fn(&[f64]) -> f64,
    loss: Loss,
) -> (Vec<f64>, Vec<Vec<f64>>) {
    let values = || -> Vec<Tensor> { model.named_params().iter().map(|(_, param)| param.value()).collect() };
    let before = values();
    let suggestion = RateFinder::default().run(model, rule.clone(), loss).unwrap().suggestion().unwrap();
    assert_eq!(before, values(), "the model is as it was");

    let most = *steps.iter().max().unwrap();
    let run = |rate: f64| losses(model, rule.clone(), rate, most, loss);
    let rates: Vec<f64> = (-18..=5).map(|power| 10f64.powf(f64::from(power) / 4.0)).collect();
    let runs: Vec<Vec<f64>> = rates.iter().map(|&rate| run(rate)).collect();
    let apart = |a: f64, b: f64| f64::max(a / b, b / a);
    for &steps in steps {
        let measured =
            || rates.iter().zip(&runs).map(|(&rate, losses)| (rate, measure(&losses[..steps as usize])));
        let (best, least) = measured().min_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
        let next =
            measured().filter(|&(rate, _)| apart(rate, best) > 3.0).fold(f64::INFINITY, |m, r| m.min(r.1));
        assert!(next > least * (1.0 + 1e-4), "{steps} steps: no rate is really the best: {least}, {next}");
        let apart = apart(suggestion, best);
        println!(
            "{steps} steps: the suggestion {suggestion:.2e} is {apart:.2} from the best rate, {best:.2e}"
        );
        assert!(
            apart < 3.0,
            "{steps} steps: the suggestion is {suggestion:.2e}, and the best rate {best:.2e}"
        );
    }
    (run(suggestion), runs)
}

fn regression(seed: u64) -> (Param, Tensor, Tensor) {
    let rng = &mut Rng::new(seed);
    let x: Tensor = Tensor::randn([200, 8], rng) * Tensor::from_fn([1, 8], |i| 0.8f32.powi(i as i32));
    let y = x.matmul(&Tensor::randn([8, 1], rng)) + Tensor::<f32>::randn([200, 1], rng) * 0.1;
    (Param::new(Tensor::zeros([8, 1])), x, y)
}

#[test]
fn a_regression() {
    for seed in 3..11 {
        let (w, x, y) = regression(seed);
        check(&w, Sgd::default(), &[20, 50, 100], at_the_end, &|tape, _| {
            (tape.input(x.clone()).matmul(&tape.param(&w)) - tape.input(y.clone())).square().mean(..)
        });
    }
}

/// A heavy ball on the whole data comes to the same end at all rates that are not far too small: after 200 steps of these, at 0.3 and
/// at 10, to seven digits. After fewer steps the best end is at the rate whose swing happens to be at its middle then. What rates
/// differ in is how soon they come down: in the mean of all losses.
#[test]
fn a_linear_classifier_with_momentum() {
    for seed in 3..11 {
        let (_, x, y) = regression(seed);
        let model = Linear::new(8, 2, &mut Rng::new(seed + 1));
        // Some labels are wrong, so that there is a best fit.
        let labels: Tensor<i64> =
            y.reshape([200]).map(|y| i64::from(y > 0.0) ^ i64::from((y * 1e3) as i64 % 8 == 0));
        let (suggested, grid) = check(&model, Sgd::momentum(0.9), &[20, 50, 100, 200], in_all, &|tape, _| {
            model.forward(&tape.input(x.clone())).cross_entropy(&labels)
        });
        let least = grid.iter().map(|losses| at_the_end(losses)).fold(f64::INFINITY, f64::min);
        let end = at_the_end(&suggested);
        assert!(end < least * (1.0 + 1e-6), "seed {seed}: {end} in the end, and {least} at the best rate");
    }
}

#[test]
fn rings_with_adam() {
    for seed in 4..7 {
        let rng = &mut Rng::new(seed);
        let model = sequential![
            Linear::new(2, 32, rng),
            Relu,
            Linear::new(32, 32, rng),
            Relu,
            Linear::new(32, 2, rng)
        ];
        let points = Tensor::uniform([256, 2], -1.0, 1.0, rng);
        let rings: Tensor<i64> = points.square().sum(-1).map(|r: f32| ((r * 6.0) as i64) % 2);
        check(&model, Adam::default(), &[200], at_the_end, &|tape, _| {
            model.forward(&tape.input(points.clone())).cross_entropy(&rings)
        });
    }
}

/// Checks a rule on the digits.
#[track_caller]
fn digits(rule: impl Rule + Clone) {
    let data = Mnist::load(bundled_mnist()).unwrap().train;
    let plan = Plan::new(data.len(), 64, Order::Shuffled { seed: 1 });
    let epoch = plan.epoch(0);
    let batches: Vec<(Tensor, Tensor<i64>)> = (0..300).map(|i| data.batch(epoch.batch(i)).unwrap()).collect();
    let rng = &mut Rng::new(4);
    let model = sequential![Flatten, Linear::new(784, 32, rng), Relu, Linear::new(32, 10, rng)];
    check(&model, rule, &[150, 200, 300], at_the_end, &|tape, step| {
        let (images, labels) = &batches[step as usize % batches.len()];
        model.forward(&tape.input(images.clone())).cross_entropy(labels)
    });
}

#[test]
fn digits_with_momentum() {
    digits(Sgd::momentum(0.9));
}

#[test]
fn digits_with_adam() {
    digits(Adam::default());
}
