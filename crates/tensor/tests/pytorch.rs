//! Operations without a derivative, compared with PyTorch's values, ties and NaNs included (the file is written by
//! `tools/reference/places.py`). Those with a derivative are compared in `ravine-autograd`.

use ravine_tensor::{Cast, Element, Tensor, Unique};
use serde::Deserialize;

#[derive(Deserialize)]
struct Flat {
    shape: Vec<usize>,
    /// NaN is null.
    values: Vec<Option<f64>>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    inputs: Vec<Flat>,
    outputs: Vec<Flat>,
}

/// The arguments of an op, as the type that it takes.
struct Inputs<'a>(&'a [Flat]);

impl Inputs<'_> {
    fn float(&self, i: usize) -> Tensor<f64> {
        let values: Vec<f64> = self.0[i].values.iter().map(|v| v.unwrap_or(f64::NAN)).collect();
        Tensor::from_slice(&values, &self.0[i].shape[..])
    }

    fn int(&self, i: usize) -> Tensor<i64> {
        self.float(i).cast()
    }

    fn mask(&self, i: usize) -> Tensor<bool> {
        self.float(i).cast()
    }
}

fn all<T: Element + Cast<f64>, const N: usize>(results: [Tensor<T>; N]) -> Vec<Tensor<f64>> {
    results.iter().map(Tensor::cast).collect()
}

fn with_places((values, places): (Tensor<f64>, Tensor<i64>)) -> Vec<Tensor<f64>> {
    vec![values, places.cast()]
}

fn run(name: &str, x: &Inputs) -> Vec<Tensor<f64>> {
    match name {
        "sort up" => with_places(x.float(0).sort(1, false)),
        "sort down" => with_places(x.float(0).sort(1, true)),
        "argsort" => all([x.float(0).argsort(1, false)]),
        "argmax" => all([x.float(0).argmax(1)]),
        "argmin" => all([x.float(0).argmin(0)]),
        "argmax of all" => all([x.float(0).argmax(..)]),
        "cummax" => with_places(x.float(0).cummax(1)),
        "cummin" => with_places(x.float(0).cummin(1)),
        "topk" => with_places(x.float(0).topk(2, 1, true)),
        "kthvalue" => with_places(x.float(0).kthvalue(2, 0)),
        "unique" => {
            let Unique { values, inverse, counts } = x.float(0).unique();
            vec![values, inverse.cast(), counts.cast()]
        }
        "searchsorted" => all([false, true].map(|right| x.float(0).searchsorted(&x.float(1), right))),
        "bincount" => all([x.int(0).bincount(4)]),
        "bincount_weighted" => all([x.int(0).bincount_weighted(&x.float(1), 8)]),
        "histogram" => {
            let (counts, edges) = x.float(0).histogram(4, -1.0, 3.0);
            vec![counts.cast(), edges]
        }
        "nonzero" => all([x.float(0).nonzero()]),
        "count_nonzero" => all([x.float(0).count_nonzero(1)]),
        "masked_select" => all([x.float(0).masked_select(&x.mask(1))]),
        "take" => all([x.float(0).take(&x.int(1))]),
        "one_hot" => all([Tensor::<f64>::one_hot(&x.int(0), 6)]),
        "any and all" => all([x.mask(0).any(0), x.mask(0).all(1)]),
        "isclose" => all([x.float(0).isclose(&x.float(1), 1e-5, 1e-8)]),
        "remainder" => all([x.int(0).remainder(&x.int(1)), x.int(0).fmod(&x.int(1))]),
        "remainder of floats" => all([x.float(0).remainder(&x.float(1)), x.float(0).fmod(&x.float(1))]),
        "bits" => {
            let (a, b) = (x.int(0), x.int(1));
            let distance = b.remainder(&Tensor::scalar(4));
            all([&a & &b, &a | &b, &a ^ &b, &a << &distance, &a >> &distance])
        }
        "integers as bytes" => all([x.int(0).cast::<u8>()]),
        "digamma" => all([x.float(0).digamma()]),
        "arange_step" => all([Tensor::arange_step(-1.0, 2.0, 0.3), Tensor::arange_step(5.0, -1.0, -1.5)]),
        "linspace" => all([Tensor::<f64>::linspace(-1.0, 2.0, 7), Tensor::linspace(3.0, 3.5, 1)]),
        "logspace" => all([Tensor::<f64>::logspace(-1.0, 2.0, 4, 2.0)]),
        "eye" => all([Tensor::<f64>::eye([2, 3])]),
        _ => panic!("no op is called {name}"),
    }
}

#[test]
fn places_orders_and_counts_are_pytorchs() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("data/places.json")).unwrap();
    assert!(!cases.is_empty());
    for Case { name, inputs, outputs } in &cases {
        let found = run(name, &Inputs(inputs));
        assert_eq!(found.len(), outputs.len(), "{name}");
        for (found, want) in found.iter().zip(outputs) {
            assert_eq!(found.shape()[..], want.shape[..], "{name}");
            for (i, (found, want)) in found.iter().zip(&want.values).enumerate() {
                // The file has twelve digits.
                let agree =
                    want.map_or(found.is_nan(), |want| (found - want).abs() <= 1e-11 * (1.0 + want.abs()));
                assert!(agree, "{name}: element {i} is {found}, in PyTorch {want:?}");
            }
        }
    }
}
