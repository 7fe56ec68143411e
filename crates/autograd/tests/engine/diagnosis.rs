//! Finding what went wrong, and seeing what was done.

use ravine_autograd::{AnomalyPlace, Graph, Module, Param, Tape, Var, grad, record};
use ravine_tensor::{ConvOptions, PoolOptions, Rng, Tensor};

/// The line on which it is called.
#[track_caller]
fn here() -> u32 {
    std::panic::Location::caller().line()
}

#[test]
fn the_op_that_made_a_nan_is_named_with_its_line() {
    let tape = Tape::new().anomaly();
    let x = tape.variable(Tensor::from([1.0, -4.0]));
    let fine = x.exp();
    let (bad, line) = (x.log(), here());
    let _after = (&bad + &fine).sum(..) * 2.0;
    let found = tape.found_anomalies();
    assert_eq!(found.len(), 1, "what follows from it is not named: {found:?}");
    let first = tape.first_anomaly().unwrap();
    assert_eq!((first.op, first.place, first.nan, first.element), ("log", AnomalyPlace::Output, true, 1));
    assert!(first.line.file().ends_with("diagnosis.rs") && first.line.line() == line);
    assert!(first.to_string().ends_with("gave a NaN: element 1 of [2]"), "{first}");
}

#[test]
fn an_infinity_and_the_nan_that_comes_of_it_are_both_named() {
    // Also where nothing is recorded.
    let tape = Tape::eval().anomaly();
    let big = tape.input(Tensor::scalar(1e30f32)).square();
    let _ = &big - &big;
    let found: Vec<_> = tape.found_anomalies().iter().map(|a| (a.op, a.nan)).collect();
    assert_eq!(found, [("square", false), ("sub", true)]);
}

#[test]
fn what_comes_from_outside_is_named_too() {
    let tape = Tape::new().anomaly();
    let w = Param::new(Tensor::from([1.0, f32::NAN]));
    let _ = tape.input(Tensor::from([1.0, f32::INFINITY])) * tape.param(&w);
    let found: Vec<_> = tape.found_anomalies().iter().map(|a| (a.op, a.element)).collect();
    assert_eq!(found, [("input", 1), ("param", 1)]);
}

#[test]
fn a_mask_of_infinities_is_no_anomaly() {
    let tape = Tape::new().anomaly();
    let scores = tape.variable(Tensor::from([1.0, 2.0]));
    let masked = scores.masked_fill(&Tensor::from([false, true]), f32::NEG_INFINITY);
    masked.softmax().index(0, 0).backward();
    assert_eq!(tape.found_anomalies(), []);
}

#[test]
fn a_derivative_that_went_wrong_is_named_by_its_op() {
    let tape = Tape::new().anomaly();
    let x = tape.variable(Tensor::from([0.0f32, 4.0]));
    let (root, line) = (x.sqrt(), here());
    (root * 2.0).sum(..).backward();
    let first = tape.first_anomaly().unwrap();
    assert_eq!((first.op, first.place, first.nan), ("sqrt", AnomalyPlace::Gradient(0), false));
    assert_eq!(first.line.line(), line, "the user's line, not that of the derivative");

    // Two gradients that are too large together.
    let tape = Tape::new().anomaly();
    let x = tape.variable(Tensor::scalar(1.0f32));
    let h = x.sin();
    (&h * 3e38 - &h * -1e38).backward();
    let first = tape.first_anomaly().unwrap();
    assert_eq!((first.op, first.place), ("sin", AnomalyPlace::Sum));
}

#[test]
fn second_derivatives_are_recorded_in_the_name_of_the_users_line() {
    let tape = Tape::new().anomaly();
    let x = tape.variable(Tensor::scalar(0.0f64));
    let (y, line) = (x.powf(1.5), here());
    // 1.5 √x is 0 at 0, but its derivative is infinite.
    let slope = grad(&y, &[&x], true).remove(0);
    assert_eq!(tape.first_anomaly(), None);
    grad(&slope, &[&x], false);
    assert_eq!(tape.first_anomaly().unwrap().line.line(), line);
}

#[test]
fn two_tapes_that_meet_are_both_named() {
    let message = std::panic::catch_unwind(|| {
        let (a, b) = (Tape::<f32>::new(), Tape::new());
        let _ = a.variable(Tensor::scalar(1.0)).exp() + b.input(Tensor::scalar(1.0));
    })
    .unwrap_err();
    let message = message.downcast_ref::<String>().unwrap();
    assert!(message.starts_with("add: the inputs are on different tapes: the exp of "), "{message}");
    assert_eq!(message.matches("diagnosis.rs:").count(), 3, "the op and both tapes: {message}");
    assert!(message.contains(") and a constant (tape made at "), "{message}");
}

#[derive(Module)]
struct Model {
    first: Param,
    second: Param,
    scale: Param,
}

fn model() -> Model {
    let rng = &mut Rng::new(0);
    Model {
        first: Param::new(Tensor::randn([32, 16], rng)),
        second: Param::new(Tensor::randn([16, 32], rng)),
        scale: Param::new(Tensor::ones([16])),
    }
}

fn forward(model: &Model, x: &Var) -> Var {
    let tape = x.tape();
    let inner = x.linear(&tape.param(&model.first), None).relu().linear(&tape.param(&model.second), None);
    ((x + inner) * tape.param(&model.scale)).square().mean(..)
}

#[test]
fn an_account_adds_up() {
    let (tape, model) = (Tape::new(), model());
    let loss = forward(&model, &tape.variable(Tensor::ones([8, 16])));
    let account = tape.account();
    let row = |op: &str| account.rows.iter().find(|row| row.op == op).unwrap().clone();
    assert_eq!((row("linear").count, row("linear").flops), (2, 2 * (2 * 8 * 16 * 32)));
    // The first keeps x; the second what the rectifier made, which keeps it, too.
    assert_eq!(row("linear").bytes_kept + row("relu").bytes_kept, 4 * 8 * (16 + 32));
    assert_eq!((row("add").count, row("add").bytes_kept, row("add").flops), (1, 0, 8 * 16));
    // The product keeps its left side (the right is a parameter), the square keeps its input.
    assert_eq!((row("mul").bytes_kept, row("square").bytes_kept), (4 * 8 * 16, 4 * 8 * 16));
    assert_eq!((account.params, account.param_bytes), (3, 4 * (2 * 16 * 32 + 16)));
    assert_eq!(account.count(), 7);
    let table = account.to_string();
    assert!(table.contains("linear            2") && table.lines().count() == 9, "{table}");
    loss.backward();
    assert_eq!((tape.account().count(), tape.account().bytes_kept()), (0, 0), "backward freed all of it");
}

#[test]
fn values_that_are_not_recorded_are_not_accounted() {
    let tape = Tape::new();
    let (c, x) = (tape.input(Tensor::<f32>::ones([100])), tape.variable(Tensor::ones([10])));
    let _unrecorded = (&c * &c).exp();
    let _recorded = x.exp();
    assert_eq!(tape.account().bytes_kept(), 40);
}

#[test]
fn a_graph_is_drawn_with_the_names_of_the_model() {
    let (tape, model) = (Tape::new(), model());
    let x = tape.variable(Tensor::ones([8, 16]));
    let _unrelated = x.exp();
    let loss = forward(&model, &x);
    let graph = Graph::of(&loss).named(&model);
    assert_eq!(graph.len(), 1 + 3 + 7, "the input, the parameters, the ops");
    let svg = graph.to_svg();
    for text in
        [">first</text>", ">second</text>", ">scale</text>", ">relu</text>", ">[8, 32], keeps 1.0 KiB</text>"]
    {
        assert!(svg.contains(text), "{text} is not in {svg}");
    }
    assert!(!svg.contains("exp"));
    // Well-formed, as far as it goes: every tag is closed.
    for tag in ["svg ", "g>", "text ", "title>"] {
        let closed = format!("</{}>", tag.trim_end_matches([' ', '>']));
        assert_eq!(svg.matches(&format!("<{tag}")).count(), svg.matches(&closed).count(), "{tag}");
    }
    assert_eq!(svg.matches("<path").count(), 11);
    assert!(!svg.contains("NaN") && !svg.contains("inf"));
    let dot = graph.to_dot();
    assert_eq!((dot.matches(" -> ").count(), dot.matches("label=").count()), (11, 11));
    assert!(dot.contains("label=\"second\\n[16, 32]\\n"));
    assert!(Graph::of(&Tape::eval().input(Tensor::scalar(1.0f32))).is_empty());
}

#[test]
fn a_name_cannot_break_the_picture() {
    let x = Tape::new().variable(Tensor::scalar(1.0));
    let y = record("a<b>&\"c\"", [&x], x.value().clone(), |dy, _| [Some(dy.clone())]);
    let graph = Graph::of(&y);
    assert!(graph.to_svg().contains(">a&lt;b&gt;&amp;&quot;c&quot;</text>"));
    assert!(graph.to_dot().contains("label=\"a<b>&\\\"c\\\""));
}

#[test]
fn a_large_graph_is_drawn_in_good_time() {
    let x = Tape::new().variable(Tensor::scalar(1.0));
    let mut y = x.clone();
    for _ in 0..300 {
        y = y.tanh() + &x;
    }
    let svg = Graph::of(&y).to_svg();
    assert_eq!(svg.matches("<rect").count(), 602);
}

#[test]
fn ops_on_lines_are_named_with_the_shapes_of_lines() {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    let tape = Tape::new();
    let line = tape.variable(Tensor::<f32>::zeros([1, 4, 5]));
    let with = |weight: [usize; 3]| tape.variable(Tensor::zeros(weight));
    let (conv, pool) = (ConvOptions::default(), PoolOptions::square(6));
    let bias = tape.variable(Tensor::zeros(3));
    let calls: [(&str, &dyn Fn() -> Var); 8] = [
        ("conv1d: input [1, 4, 5], weight [4, 3, 3], ", &|| line.conv1d(&with([4, 3, 3]), None, &conv)),
        ("conv1d: input [1, 4, 5], weight [2, 4, 3], ", &|| {
            line.conv1d(&with([2, 4, 3]), Some(&bias), &conv)
        }),
        ("conv_transpose1d: input [1, 4, 5], weight [3, 2, 2], ", &|| {
            line.conv_transpose1d(&with([3, 2, 2]), None, 0, &conv)
        }),
        ("conv_transpose1d: input [1, 4, 5], weight [4, 2, 2], ", &|| {
            line.conv_transpose1d(&with([4, 2, 2]), Some(&bias), 0, &conv)
        }),
        ("max_pool1d: input [1, 4, 5], ", &|| line.max_pool1d(&pool)),
        ("avg_pool1d: input [1, 4, 5], ", &|| line.avg_pool1d(&pool)),
        ("adaptive_avg_pool1d: input [1, 4, 5] ", &|| line.adaptive_avg_pool1d(0)),
        ("avg_pool2d: input [1, 4, 5], ", &|| line.avg_pool2d(&PoolOptions::square(1))),
    ];
    for (start, call) in calls {
        let panic = catch_unwind(AssertUnwindSafe(call)).expect_err("shapes that do not fit");
        let message = panic.downcast_ref::<String>().expect("a message");
        assert!(message.starts_with(start), "{start}: {message}");
    }
}
