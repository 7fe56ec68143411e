//! Metrics beside scikit-learn's (`tools/reference/metrics.py`), over the whole set and over parts that are joined.

use ravine_autograd::Tape;
use ravine_tensor::Tensor;
use ravine_train::metrics::{Average, Ranking, Residuals};
use ravine_train::{Outcome, Scores};
use serde_json::Value;

fn cases(name: &str) -> Vec<Value> {
    let all: Vec<Value> = serde_json::from_str(include_str!("data/metrics.json")).unwrap();
    let found: Vec<Value> = all.into_iter().filter(|case| case["name"] == name).collect();
    assert!(found.len() >= 2, "{name}");
    found
}

fn floats(value: &Value) -> Tensor {
    let list: Vec<f32> = value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap() as f32).collect();
    Tensor::from_slice(&list, [list.len()])
}

fn integers(value: &Value) -> Tensor<i64> {
    let list: Vec<i64> = value.as_array().unwrap().iter().map(|x| x.as_i64().unwrap()).collect();
    Tensor::from_slice(&list, [list.len()])
}

#[track_caller]
fn close(found: f64, expected: &Value, tolerance: f64) {
    let expected = expected.as_f64().unwrap();
    assert!((found - expected).abs() <= tolerance * expected.abs().max(1.0), "{found} for {expected}");
}

#[test]
fn classification() {
    for case in cases("classification") {
        let labels = integers(&case["labels"]);
        let classes = case["classes"].as_u64().unwrap() as usize;
        let logits = floats(&case["scores"]).reshape([labels.numel(), classes]);
        let tape = Tape::eval();
        let of = |start: usize, len: usize| {
            let (logits, labels) = (tape.input(logits.narrow(0, start, len)), labels.narrow(0, start, len));
            Outcome::classification(&logits, &labels).top_k(&logits, &labels, 2).scores
        };
        let half = labels.numel() / 2;
        let mut joined = Scores::default();
        for (start, len) in [(0, half), (half, labels.numel() - half)] {
            if len > 0 {
                joined.add(&of(start, len));
            }
        }
        for scores in [of(0, labels.numel()), joined] {
            let confusion = scores.confusion().unwrap();
            let counts: Vec<i64> =
                (0..classes * classes).map(|i| confusion.at(i / classes, i % classes) as i64).collect();
            assert_eq!(counts, integers(&case["confusion"]).to_vec());
            close(scores.metric("accuracy").unwrap(), &case["accuracy"], 1e-12);
            close(scores.metric("top2").unwrap(), &case["top2"], 1e-12);
            close(scores.loss(), &case["log_loss"], 1e-5);
            for (name, average) in
                [("macro", Average::Macro), ("micro", Average::Micro), ("weighted", Average::Weighted)]
            {
                let expected = &case["averages"][name];
                close(confusion.precision(average), &expected[0], 1e-12);
                close(confusion.recall(average), &expected[1], 1e-12);
                close(confusion.f1(average), &expected[2], 1e-12);
            }
        }
    }
}

#[test]
fn ranking() {
    for case in cases("ranking") {
        let ranking = Ranking::of(&floats(&case["scores"]), &integers(&case["labels"]));
        close(ranking.auroc().unwrap(), &case["auroc"], 1e-12);
    }
}

#[test]
fn regression() {
    for case in cases("regression") {
        let residuals = Residuals::of(&floats(&case["predictions"]), &floats(&case["targets"]));
        close(residuals.mae(), &case["mae"], 1e-12);
        close(residuals.rmse(), &case["rmse"], 1e-12);
        close(residuals.r2(), &case["r2"], 1e-12);
    }
}
