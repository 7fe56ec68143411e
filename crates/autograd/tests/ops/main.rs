//! Every op of `Var`, in one list, family by family: its first and second derivatives against finite differences.

mod activation;
mod arithmetic;
mod attention;
mod conv;
mod einsum;
mod elementwise;
mod index;
#[cfg(feature = "linalg")]
mod linalg;
mod matmul;
mod normalise;
mod pool;
mod recurrent;
mod reduce;
mod scan;
mod softmax;
mod view;

use ravine_autograd::{Var, gradcheck, gradgradcheck};
use ravine_tensor::{Rng, Tensor};

type V = Var<f64>;

/// One op at one point.
struct Case {
    op: &'static str,
    f: fn(&[&V]) -> V,
    inputs: Vec<Tensor<f64>>,
}

fn case(op: &'static str, f: fn(&[&V]) -> V, inputs: &[Tensor<f64>]) -> Case {
    Case { op, f, inputs: inputs.to_vec() }
}

/// Normal numbers, at least 0.05 from the kinks at -1, 0 and 1.
fn normal(shape: &[usize]) -> Tensor<f64> {
    let seed = shape.iter().fold(shape.len() as u64, |seed, &n| seed * 31 + n as u64);
    Tensor::randn(shape, &mut Rng::new(seed)).map(|x: f64| {
        let nearest = x.round();
        if (x - nearest).abs() < 0.05 { nearest + 0.05f64.copysign(x - nearest) } else { x }
    })
}

/// Numbers between 0.3 and 2.
fn positive(shape: &[usize]) -> Tensor<f64> {
    normal(shape).map(|x| 0.3 + 1.7 / (1.0 + (-x).exp()))
}

/// All different, at least 0.1 apart, in no order.
fn distinct(shape: &[usize]) -> Tensor<f64> {
    let n = shape.iter().product();
    Tensor::randperm(n, &mut Rng::new(7)).map(|i| i as f64 * 0.1 - 0.63).reshape(shape)
}

/// The same numbers, laid out across.
fn transposed(x: Tensor<f64>) -> Tensor<f64> {
    x.t().contiguous().t()
}

fn cases() -> Vec<Case> {
    let families = vec![
        arithmetic::cases(),
        elementwise::cases(),
        activation::cases(),
        view::cases(),
        matmul::cases(),
        reduce::cases(),
        scan::cases(),
        #[cfg(feature = "linalg")]
        linalg::cases(),
        einsum::cases(),
        softmax::cases(),
        index::cases(),
        normalise::cases(),
        conv::cases(),
        pool::cases(),
        recurrent::cases(),
        attention::cases(),
    ];
    families.into_iter().flatten().collect()
}

#[test]
fn first_derivatives() {
    for Case { op, f, inputs } in cases() {
        gradcheck(f, &inputs).unwrap_or_else(|error| panic!("{op} at {inputs:?}: {error}"));
    }
}

#[test]
fn second_derivatives() {
    for Case { op, f, inputs } in cases() {
        gradgradcheck(f, &inputs).unwrap_or_else(|error| panic!("{op} at {inputs:?}: {error}"));
    }
}

/// Fails when someone writes an op and does not put it in the list above.
#[test]
fn every_public_op_is_in_the_list() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/ops");
    let listed: Vec<&str> = cases().iter().map(|case| case.op).collect();
    let mut found = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.ends_with("linalg.rs") && !cfg!(feature = "linalg") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let methods = text.lines().filter_map(|line| line.trim().strip_prefix("pub fn ")).map(|rest| {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap();
            rest[..end].to_owned()
        });
        // The rows of the macros that define one op a line, `name: |x, dy| ...`, and the operators, `fn name(self`.
        let rows = text.lines().filter(|line| line.contains(": |") && line.contains("dy|")).map(|line| {
            let line = line.trim();
            line[..line.find(':').unwrap()].to_owned()
        });
        // Those of the macro of curves, `name = |x| ...`.
        let curves = text.lines().filter_map(|line| {
            let (name, _) = line.split_once(" = |x| ")?;
            let plain = |c: char| c.is_alphanumeric() || c == '_';
            Some(name.trim().to_owned()).filter(|name| name.chars().all(plain))
        });
        let operators = ["add", "sub", "mul", "div", "neg"];
        let operators =
            operators.iter().filter(|op| text.contains(&format!("fn {op}(self"))).map(|op| op.to_string());
        for op in methods.chain(rows).chain(curves).chain(operators).filter(|op| !op.is_empty()) {
            found += 1;
            assert!(listed.contains(&op.as_str()), "{op} ({}) is not in the list of ops", path.display());
        }
    }
    assert!(
        found >= listed.iter().collect::<std::collections::BTreeSet<_>>().len(),
        "only {found} ops were found in {folder}"
    );
}
