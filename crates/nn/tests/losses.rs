//! The losses: values and gradients against PyTorch's (`tools/reference` made the file), derivatives to second order against finite
//! differences, and calm at the ends of the range.

use ravine_autograd::gradcheck::{gradcheck, gradgradcheck};
use ravine_autograd::{Tape, Var, grad};
use ravine_nn::loss::*;
use ravine_tensor::{Float, Rng, Tensor};
use serde::Deserialize;

#[path = "pytorch/flat.rs"]
mod flat;

type Flat = flat::Flat<f64>;

#[derive(Deserialize)]
struct Case {
    name: String,
    inputs: Vec<Flat>,
    output: Flat,
    grads: Vec<Flat>,
}

fn cases() -> Vec<Case> {
    serde_json::from_str(include_str!("data/losses.json")).unwrap()
}

/// The loss of a case, by name: a loss of ours stands here before it may stand anywhere else.
fn run<T: Float>(name: &str, x: &[&Var<T>]) -> Var<T> {
    use Reduction::{BatchMean, Mean, None as Each, Sum};
    let t = |values: &[f64]| values.iter().map(|&v| T::of(v)).collect::<Tensor<T>>();
    let (labels, ignored) = (Tensor::from([2, 0, 1, 2, 1]), Tensor::from([2, -100, 1, 2, -100]));
    let map = Tensor::from([[[0, 2, 1]], [[1, 1, 0]]]);
    let signs = t(&[1.0, -1.0, -1.0, 1.0, 1.0]);
    let (weight, pos) = (Some(t(&[0.5, 2.0, 1.25])), t(&[2.0, 1.0, 0.5, 3.0]));
    let bits = || x[0].constant(t(&[1.0, 0.0, 1.0, 0.0]).expand([3, 4]).contiguous());
    let counts = || x[0].constant(t(&[0.0, 1.0, 2.0, 7.0, 3.0]));
    let plain = CrossEntropyOptions::<T>::default();
    let skip = CrossEntropyOptions { weight: weight.clone(), ignore_index: Some(-100), ..plain.clone() };
    let images = CrossEntropyOptions { class_axis: 1, ..plain.clone() };
    let ctc = |reduction| {
        let targets = Tensor::from([[1, 2, 2], [3, 1, 0]]);
        let options = CtcOptions { reduction, ..CtcOptions::default() };
        ctc_loss(&x[0].log_softmax(), &targets, &[7, 5], &[3, 2], &options)
    };
    match name {
        "mse_loss" => mse_loss(x[0], x[1], Mean),
        "mse_loss_sum" => mse_loss(x[0], x[1], Sum),
        "mse_loss_none" => mse_loss(x[0], x[1], Each),
        "l1_loss" => l1_loss(x[0], x[1], Mean),
        "smooth_l1_loss" => smooth_l1_loss(x[0], x[1], 0.5, Mean),
        "smooth_l1_loss_zero" => smooth_l1_loss(x[0], x[1], 0.0, Mean),
        "huber_loss" => huber_loss(x[0], x[1], 0.7, Mean),
        "cross_entropy" => cross_entropy(x[0], &labels, &plain),
        "cross_entropy_none" => {
            cross_entropy(x[0], &labels, &CrossEntropyOptions { reduction: Each, ..plain })
        }
        "cross_entropy_weight" => cross_entropy(x[0], &labels, &CrossEntropyOptions { weight, ..plain }),
        "cross_entropy_ignore" => cross_entropy(x[0], &ignored, &skip),
        "cross_entropy_ignore_sum" => {
            cross_entropy(x[0], &ignored, &CrossEntropyOptions { reduction: Sum, ..skip })
        }
        "cross_entropy_smooth" => {
            cross_entropy(x[0], &ignored, &CrossEntropyOptions { label_smoothing: 0.2, ..skip })
        }
        "cross_entropy_probs" => cross_entropy(x[0], x[1], &plain),
        "cross_entropy_probs_smooth" => {
            cross_entropy(x[0], x[1], &CrossEntropyOptions { weight, label_smoothing: 0.2, ..plain })
        }
        "cross_entropy_images" => cross_entropy(x[0], &map, &CrossEntropyOptions { weight, ..images }),
        "cross_entropy_images_probs" => cross_entropy(x[0], x[1], &images),
        "nll_loss" => nll_loss(
            x[0],
            &ignored,
            &NllOptions { weight, ignore_index: Some(-100), ..NllOptions::default() },
        ),
        "nll_loss_images_none" => {
            nll_loss(x[0], &map, &NllOptions { class_axis: 1, reduction: Each, ..NllOptions::default() })
        }
        "focal_loss" => focal_loss(x[0], &labels, 2.0, None, Mean),
        "focal_loss_weight" => focal_loss(x[0], &labels, 1.5, weight.as_ref(), Mean),
        "binary_cross_entropy" => binary_cross_entropy(x[0], x[1], None, Mean),
        "binary_cross_entropy_weight" => binary_cross_entropy(x[0], &bits(), Some(&pos), Sum),
        "binary_cross_entropy_ends" => {
            binary_cross_entropy(x[0], &x[0].constant(t(&[0.0, 1.0, 0.0, 1.0])), None, Mean)
        }
        "binary_cross_entropy_with_logits" => {
            binary_cross_entropy_with_logits(x[0], x[1], &BceOptions::default())
        }
        "binary_cross_entropy_with_logits_pos" => {
            let options = BceOptions {
                weight: Some(&pos / T::of(2.0)),
                pos_weight: Some(pos),
                ..BceOptions::default()
            };
            binary_cross_entropy_with_logits(x[0], &bits(), &options)
        }
        "sigmoid_focal_loss" => sigmoid_focal_loss(x[0], &bits(), Some(0.25), 2.0, Mean),
        "sigmoid_focal_loss_plain" => sigmoid_focal_loss(x[0], &bits(), None, 1.5, Each),
        "soft_margin_loss" => soft_margin_loss(x[0], &signs, Mean),
        "kl_div" => kl_div(x[0], x[1], false, BatchMean),
        "kl_div_zero" => kl_div(x[0], &bits(), false, Mean),
        "kl_div_log" => kl_div(x[0], x[1], true, Each),
        "gaussian_nll_loss" => gaussian_nll_loss(x[0], x[1], x[2], false, 1e-6, Mean),
        "gaussian_nll_loss_full" => gaussian_nll_loss(x[0], x[1], x[2], true, 1e-6, Sum),
        "gaussian_nll_loss_clamped" => gaussian_nll_loss(x[0], x[1], x[2], false, 0.3, Mean),
        "poisson_nll_loss" => poisson_nll_loss(x[0], &counts(), &PoissonNllOptions::default()),
        "poisson_nll_loss_full" => {
            let options = PoissonNllOptions { log_input: false, full: true, ..PoissonNllOptions::default() };
            poisson_nll_loss(x[0], &counts(), &options)
        }
        "hinge_loss" => hinge_loss(x[0], &signs, 1.0, Mean),
        "margin_ranking_loss" => margin_ranking_loss(x[0], x[1], &signs, 0.3, Mean),
        "multi_margin_loss" => multi_margin_loss(x[0], &labels, &MultiMarginOptions::default()),
        "multi_margin_loss_square" => {
            let options = MultiMarginOptions { p: 2, margin: 0.5, weight, ..MultiMarginOptions::default() };
            multi_margin_loss(x[0], &labels, &options)
        }
        "hinge_embedding_loss" => hinge_embedding_loss(x[0], &signs, 0.8, Mean),
        "cosine_embedding_loss" => cosine_embedding_loss(x[0], x[1], &signs, 0.1, Mean),
        "triplet_margin_loss" => triplet_margin_loss(x[0], x[1], x[2], &TripletOptions::default()),
        "triplet_margin_loss_swap" => {
            let options = TripletOptions {
                margin: 2.0,
                p: 3.0,
                swap: true,
                reduction: Sum,
                ..TripletOptions::default()
            };
            triplet_margin_loss(x[0], x[1], x[2], &options)
        }
        "triplet_margin_loss_l1" => {
            let options =
                TripletOptions { margin: 2.0, p: 1.0, reduction: Each, ..TripletOptions::default() };
            triplet_margin_loss(x[0], x[1], x[2], &options)
        }
        "ctc_loss" => ctc(Mean),
        "ctc_loss_none" => ctc(Each),
        _ => panic!("{name} is in the file, but not here"),
    }
}

fn close(what: &str, found: &Tensor<f64>, want: &Flat) {
    assert_eq!(found.shape()[..], want.shape[..], "{what}");
    for (i, (found, want)) in found.iter().zip(&want.values).enumerate() {
        let error = (found - want).abs() / (1.0 + want.abs());
        assert!(error < 1e-10, "{what}: element {i} is {found}, in PyTorch {want}");
    }
}

#[test]
fn values_and_gradients_are_pytorchs_in_both_modes() {
    let modes = |case| [(case, Tape::new()), (case, Tape::train(Rng::new(0)))];
    for (Case { name, inputs, output, grads }, tape) in cases().iter().flat_map(modes) {
        let vars: Vec<_> = inputs.iter().map(|x| tape.variable(x.tensor())).collect();
        let vars: Vec<_> = vars.iter().collect();
        let y = run(name, &vars);
        close(name, y.value(), output);
        for (i, (found, want)) in grad(&y.square().sum(..), &vars, false).iter().zip(grads).enumerate() {
            close(&format!("gradient {i} of {name}"), found.value(), want);
        }
    }
}

#[test]
fn derivatives_are_the_finite_differences() {
    // Beyond their bounds, the gradient is not the derivative, and is not meant to be.
    let bounded = ["binary_cross_entropy_ends", "gaussian_nll_loss_clamped"];
    for Case { name, inputs, .. } in cases().iter().filter(|case| !bounded.contains(&case.name.as_str())) {
        let inputs: Vec<_> = inputs.iter().map(Flat::tensor).collect();
        gradcheck(|x| run(name, x), &inputs).unwrap_or_else(|error| panic!("{name}: {error}"));
        if !name.starts_with("ctc") {
            gradgradcheck(|x| run(name, x), &inputs).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }
}

/// Logits of ±10⁴ in `f32`: losses and gradients are finite, and what should be 0 is.
#[test]
fn large_logits_are_no_trouble() {
    let of_logits = [
        "cross_entropy",
        "cross_entropy_smooth",
        "cross_entropy_probs",
        "cross_entropy_probs_smooth",
        "focal_loss",
        "focal_loss_weight",
        "binary_cross_entropy_with_logits",
        "binary_cross_entropy_with_logits_pos",
        "sigmoid_focal_loss",
        "sigmoid_focal_loss_plain",
        "soft_margin_loss",
        "hinge_loss",
        "multi_margin_loss",
        "multi_margin_loss_square",
        "mse_loss",
        "l1_loss",
        "smooth_l1_loss",
        "huber_loss",
        "margin_ranking_loss",
        "hinge_embedding_loss",
        "cosine_embedding_loss",
        "triplet_margin_loss",
        "ctc_loss",
    ];
    let cases = cases();
    for name in of_logits {
        let case = cases.iter().find(|case| case.name == name).unwrap();
        for sign in [1e4f32, -1e4] {
            let tape = Tape::new();
            let vars: Vec<Var> = case
                .inputs
                .iter()
                .enumerate()
                .map(|(i, flat)| {
                    let x = flat.tensor().cast::<f32>();
                    let large = Tensor::from_fn(*x.shape(), |i| if i % 3 == 0 { sign } else { -sign });
                    let probabilities = i == 1 && (name.contains("probs") || name.contains("with_logits"));
                    tape.variable(if probabilities { x } else { large })
                })
                .collect();
            let vars: Vec<&Var> = vars.iter().collect();
            let loss = run(name, &vars);
            assert!(loss.value().iter().all(f32::is_finite), "{name}: {:?}", loss.value());
            for (i, grad) in grad(&loss.sum(..), &vars, false).iter().enumerate() {
                assert!(
                    grad.value().iter().all(f32::is_finite),
                    "{name}: gradient {i} is {:?}",
                    grad.value()
                );
            }
        }
    }
    let tape = Tape::eval();
    let (sure, yes) = (tape.input(Tensor::from([1e4f32, -1e4])), tape.input(Tensor::from([1.0, 0.0])));
    assert_eq!(binary_cross_entropy_with_logits(&sure, &yes, &BceOptions::default()).item(), 0.0);
    assert_eq!(sigmoid_focal_loss(&sure, &yes, None, 0.5, Reduction::Sum).item(), 0.0);
    let rows = tape.input(Tensor::from([[1e4f32, -1e4], [-1e4, 1e4]]));
    assert_eq!(cross_entropy(&rows, &Tensor::from([0, 1]), &CrossEntropyOptions::default()).item(), 0.0);
    assert_eq!(cross_entropy(&rows, &Tensor::from([1, 1]), &CrossEntropyOptions::default()).item(), 1e4);
    assert_eq!(focal_loss(&rows, &Tensor::from([1, 1]), 0.5, None, Reduction::Mean).item(), 1e4);
}

/// Fails when someone writes a loss and does not compare it with PyTorch's.
#[test]
fn every_loss_is_compared() {
    let cases = cases();
    let mut found = 0;
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/loss")).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        for line in text.lines().filter_map(|line| line.strip_prefix("pub fn ")) {
            let name = &line[..line.find(['<', '(']).unwrap()];
            assert!(cases.iter().any(|case| case.name == name), "the loss {name} is not in tools/reference");
            found += 1;
        }
    }
    assert_eq!(found, 21);
}

#[test]
fn ctc_hides_what_is_infinite_not_what_is_no_number() {
    let loss = |x: Tensor<f64>| {
        let options = CtcOptions { zero_infinity: true, ..CtcOptions::default() };
        ctc_loss(&Tape::eval().input(x), &Tensor::from([[1]]), &[2], &[1], &options).item()
    };
    assert_eq!(loss(Tensor::full([2, 1, 3], f64::NEG_INFINITY)), 0.0);
    assert!(loss(Tensor::full([2, 1, 3], f64::NAN)).is_nan());
}

/// As in PyTorch: a batch in which nothing counts trains nothing.
#[test]
fn a_mean_of_nothing_is_nan_and_has_no_gradient() {
    let x = Tape::new().variable(Tensor::from([[0.0, 1.0], [2.0, f64::NAN]]));
    let ignored = Tensor::from([-100, -100]);
    for label_smoothing in [0.0, 0.1] {
        let options = CrossEntropyOptions { ignore_index: Some(-100), label_smoothing, ..Default::default() };
        let loss = cross_entropy(&x, &ignored, &options);
        assert!(loss.item().is_nan());
        assert_eq!(grad(&loss, &[&x], false)[0].value().to_vec(), [0.0; 4]);
    }
    let loss = nll_loss(&x, &ignored, &NllOptions { ignore_index: Some(-100), ..Default::default() });
    assert!(loss.item().is_nan());
    assert_eq!(grad(&loss, &[&x], false)[0].value().to_vec(), [0.0; 4]);
}

/// Values from PyTorch, whose gradient of a row of NaN is NaN; ours is 0 in every row that does not count.
#[test]
fn what_an_ignored_row_holds_does_not_matter() {
    let (inf, nan) = (f64::INFINITY, f64::NAN);
    for row in [[-inf, 0.0], [0.0, -inf], [-inf, -inf], [inf, 0.0], [nan, nan], [nan, 0.0], [1e4, -1e4]] {
        for (label_smoothing, want, slope) in
            [(0.0, 0.31326168751822286, 0.2689414213699951), (0.1, 0.3632616875182229, 0.21894142136999512)]
        {
            let options =
                CrossEntropyOptions { ignore_index: Some(-100), label_smoothing, ..Default::default() };
            for reduction in [Reduction::Mean, Reduction::None] {
                let x = Tape::new().variable(Tensor::from([[0.0, 1.0], row]));
                let options = CrossEntropyOptions { reduction, ..options.clone() };
                let loss = cross_entropy(&x, &Tensor::from([1, -100]), &options);
                assert!((loss.value().sum(..).item() - want).abs() < 1e-12, "{row:?}: {:?}", loss.value());
                if reduction == Reduction::None {
                    assert_eq!(loss.value().at([1]), 0.0, "{row:?}");
                }
                let grad = grad(&loss.sum(..), &[&x], false)[0].value().to_vec();
                assert!(
                    (grad[0] - slope).abs() < 1e-12 && (grad[1] + slope).abs() < 1e-12,
                    "{row:?}: {grad:?}"
                );
                assert_eq!(grad[2..], [0.0; 2], "{row:?}");
            }
        }
        let x = Tape::new().variable(Tensor::from([[0.0, 1.0], row]));
        let options = NllOptions { ignore_index: Some(-100), ..Default::default() };
        let loss = nll_loss(&x, &Tensor::from([1, -100]), &options);
        assert_eq!(loss.item(), -1.0, "{row:?}");
        assert_eq!(grad(&loss, &[&x], false)[0].value().to_vec(), [0.0, -1.0, 0.0, 0.0], "{row:?}");
    }
}

/// With `eps` 0 a distance of 0 has no derivative; its gradient is 0, as in PyTorch, and that of the other distance is untouched.
#[test]
fn a_triplet_at_one_point_has_a_gradient() {
    for p in [1.0, 1.5, 2.0, 3.0] {
        let tape = Tape::new();
        let [anchor, positive, negative] =
            [1.0, 1.0, 1.5].map(|x| tape.variable(Tensor::from([[x, 2.0f64]])));
        let options = TripletOptions { p, eps: 0.0, ..TripletOptions::default() };
        let loss = triplet_margin_loss(&anchor, &positive, &negative, &options);
        let grads = grad(&loss, &[&anchor, &positive, &negative], false);
        let grads = [0, 1, 2].map(|i| grads[i].value().to_vec());
        assert!((loss.item() - 0.5).abs() < 1e-12, "p {p}: {}", loss.item());
        for (found, want) in grads.iter().zip([[1.0, 0.0], [0.0, 0.0], [-1.0, 0.0]]) {
            assert!(found.iter().zip(want).all(|(x, y)| (x - y).abs() < 1e-12), "p {p}: {grads:?}");
        }
    }
}

#[test]
#[should_panic(expected = "mse_loss: input [2, 1] and target [2] differ")]
fn no_silent_broadcasting() {
    let tape = Tape::eval();
    let (x, y) = (tape.input(Tensor::<f32>::zeros([2, 1])), tape.input(Tensor::zeros([2])));
    let _ = mse_loss(&x, &y, Reduction::Mean);
}

#[test]
#[should_panic(expected = "target -100 is not a class: there are classes 0..3; set ignore_index")]
fn nothing_is_ignored_unasked() {
    let x = Tape::eval().input(Tensor::<f32>::zeros([2, 3]));
    let _ = cross_entropy(&x, &Tensor::from([0, -100]), &CrossEntropyOptions::default());
}

#[test]
#[should_panic(expected = "cross_entropy: weight has shape [2]; expected [3], one per class")]
fn a_weight_per_class() {
    let x = Tape::eval().input(Tensor::<f32>::zeros([2, 3]));
    let options = CrossEntropyOptions { weight: Some(Tensor::ones([2])), ..CrossEntropyOptions::default() };
    let _ = cross_entropy(&x, &Tensor::from([0, 1]), &options);
}

#[test]
#[should_panic(expected = "hinge_loss: target 0; expected 1 or -1")]
fn signs_are_signs() {
    let x = Tape::eval().input(Tensor::<f32>::zeros([2]));
    let _ = hinge_loss(&x, &Tensor::from([1.0, 0.0]), 1.0, Reduction::Mean);
}

#[test]
#[should_panic(expected = "multi_margin_loss: target 5 is not a class: there are classes 0..3")]
fn a_margin_is_that_of_a_class() {
    let x = Tape::eval().input(Tensor::<f32>::zeros([2, 3]));
    let _ = multi_margin_loss(&x, &Tensor::from([0, 5]), &MultiMarginOptions::default());
}

#[test]
#[should_panic(expected = "ctc_loss: label 0 of sample 0; expected a class, 0..3, other than the blank, 0")]
fn the_blank_is_no_label() {
    let x = Tape::eval().input(Tensor::<f32>::zeros([4, 1, 3]));
    let _ = ctc_loss(&x, &Tensor::from([[1, 0]]), &[4], &[2], &CtcOptions::default());
}
