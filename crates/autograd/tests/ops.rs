//! Every op of `Var`, in one list: its first and second derivatives against finite differences.

use ravine_autograd::Var;
use ravine_autograd::gradcheck::{check, check_second_order};
use ravine_tensor::{ConvOptions, PoolOptions, Rng, Tensor};

type V = Var<f64>;

/// One op at one point.
struct Case {
    op: &'static str,
    f: fn(&[&V]) -> V,
    inputs: Vec<Tensor<f64>>,
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

fn index() -> Tensor<i64> {
    Tensor::from([[2, 0, 2, 1], [1, 1, 0, 2]])
}

fn conv(stride: [usize; 2], padding: [usize; 2], dilation: [usize; 2], groups: usize) -> ConvOptions {
    ConvOptions { stride, padding, dilation, groups }
}

fn overlapping() -> PoolOptions {
    PoolOptions { kernel: [3, 2], stride: [2, 1], padding: [1, 1] }
}

fn places() -> Tensor<i32> {
    Tensor::from([[[4, 0], [4, 5]]]).unsqueeze(0)
}

fn cases() -> Vec<Case> {
    let case = |op, f, inputs: &[Tensor<f64>]| Case { op, f, inputs: inputs.to_vec() };
    let n = normal;
    vec![
        // Arithmetic, plain, broadcast both ways, and not contiguous.
        case("add", |x| x[0] + x[1], &[n(&[2, 3]), n(&[3])]),
        case("add", |x| x[0] + 2.0, &[n(&[2, 3])]),
        case("sub", |x| x[0] - x[1], &[n(&[2, 1]), n(&[4, 1, 3])]),
        case("sub", |x| 3.0 - (x[0] - 1.0), &[n(&[2])]),
        case("mul", |x| x[0] * x[1], &[n(&[2, 3]), transposed(n(&[2, 3]))]),
        case("mul", |x| x[0] * x[1] * 2.0, &[n(&[]), n(&[0, 3])]),
        case("mul", |x| x[0] * x[0], &[n(&[3])]),
        case("div", |x| x[0] / x[1], &[n(&[2, 3]), positive(&[2, 1])]),
        case("div", |x| 2.0 / (x[0] / 3.0), &[positive(&[2, 3])]),
        case("neg", |x| -x[0] * x[0], &[n(&[2, 3])]),
        // Functions of one variable.
        case("exp", |x| x[0].exp(), &[n(&[2, 3])]),
        case("expm1", |x| x[0].expm1(), &[n(&[2, 3])]),
        case("sqrt", |x| x[0].sqrt(), &[positive(&[2, 3])]),
        case("reciprocal", |x| x[0].reciprocal(), &[positive(&[2, 3])]),
        case("tanh", |x| x[0].tanh(), &[n(&[2, 3])]),
        case("sigmoid", |x| x[0].sigmoid(), &[transposed(n(&[2, 3]))]),
        case("relu", |x| x[0].relu() * x[0], &[n(&[4, 3])]),
        case("log", |x| x[0].log(), &[positive(&[2, 3])]),
        case("log1p", |x| x[0].log1p(), &[positive(&[2, 3])]),
        case("square", |x| x[0].square(), &[n(&[2, 3])]),
        case("sin", |x| x[0].sin(), &[n(&[2, 3])]),
        case("cos", |x| x[0].cos(), &[n(&[2, 3])]),
        case("abs", |x| x[0].abs() * x[0], &[n(&[2, 3])]),
        case("powf", |x| x[0].powf(2.5), &[positive(&[2, 3])]),
        case("powf", |x| x[0].powf(3.0) + x[0].powf(0.0), &[n(&[2, 3])]),
        case("pow", |x| x[0].pow(x[1]), &[positive(&[2, 3]), n(&[3])]),
        // Choices.
        case("masked_fill", |x| x[0].masked_fill(&x[0].value().map(|v| v > 0.5), 3.0) * x[0], &[n(&[2, 3])]),
        case(
            "select",
            |x| Var::select(&Tensor::from([true, false, true]), x[0], x[1]) * x[0],
            &[n(&[2, 3]), n(&[3])],
        ),
        case("maximum", |x| x[0].maximum(x[1]) * x[0], &[n(&[2, 3]), n(&[3])]),
        case("minimum", |x| x[0].minimum(x[1]) * x[0], &[n(&[2, 3]), n(&[3])]),
        case("clamp", |x| x[0].clamp(-1.0, 1.0) * x[0], &[n(&[4, 3])]),
        // Views.
        case("reshape", |x| x[0].reshape([3, -1]).square(), &[transposed(n(&[2, 3]))]),
        case("flatten", |x| x[0].flatten(1).square(), &[n(&[2, 3, 2])]),
        case("permute", |x| x[0].permute([2, 0, -2]).square(), &[n(&[2, 3, 4])]),
        case("transpose", |x| x[0].transpose(0, -1).square(), &[n(&[2, 3, 4])]),
        case("t", |x| x[0].t() * x[1], &[n(&[2, 3]), n(&[3, 2])]),
        case("squeeze", |x| x[0].squeeze(1).square(), &[n(&[2, 1, 3])]),
        case("unsqueeze", |x| x[0].unsqueeze(-1).square(), &[n(&[2, 3])]),
        case("expand", |x| x[0].expand([4, 2, 3]).square(), &[n(&[2, 1])]),
        case("narrow", |x| x[0].narrow(1, 1, 2).square(), &[n(&[2, 4])]),
        case("zero_pad", |x| x[0].zero_pad(-1, 1, 2).exp(), &[n(&[2, 3])]),
        case("index", |x| x[0].index(-2, 1).square(), &[n(&[2, 3, 2])]),
        case("flip", |x| x[0].flip(0) * x[0], &[n(&[3, 2])]),
        case("cat", |x| V::cat(&[x[0], x[1], x[0]], 1).square(), &[n(&[2, 3]), n(&[2, 1])]),
        case("stack", |x| V::stack(&[x[0], x[1]], 1).square(), &[n(&[2, 3]), transposed(n(&[2, 3]))]),
        // Matrix products, in all combinations of ranks.
        case("matmul", |x| x[0].matmul(x[1]), &[n(&[2, 3]), n(&[3, 4])]),
        case("matmul", |x| x[0].matmul(x[1]), &[transposed(n(&[2, 3])), transposed(n(&[3, 4]))]),
        case("matmul", |x| x[0].matmul(x[1]), &[n(&[3]), n(&[3, 4])]),
        case("matmul", |x| x[0].matmul(x[1]), &[n(&[2, 3]), n(&[3])]),
        case("matmul", |x| x[0].matmul(x[1]), &[n(&[3]), n(&[3]) + 0.5]),
        case("matmul", |x| x[0].matmul(x[1]), &[n(&[5, 1, 2, 3]), n(&[2, 3, 2])]),
        case("matmul", |x| x[0].matmul(x[1]), &[n(&[2, 3]), n(&[2, 3, 2])]),
        case("matmul", |x| x[0].matmul(x[1]), &[n(&[3]), n(&[2, 3, 2])]),
        case("matmul", |x| x[0].matmul(x[1]), &[n(&[2, 4, 3]), n(&[3])]),
        case("linear", |x| x[0].linear(x[1], Some(x[2])), &[n(&[2, 3]), n(&[4, 3]), n(&[4])]),
        case("linear", |x| x[0].linear(x[1], None), &[n(&[2, 2, 3]), n(&[4, 3])]),
        case("linear", |x| x[0].linear(x[1], Some(x[2])), &[n(&[3]), n(&[4, 3]), n(&[4])]),
        // Reductions.
        case("sum", |x| x[0].sum([0, -1]).square(), &[n(&[2, 3, 2])]),
        case("sum_keepdim", |x| x[0].sum_keepdim(1) * x[0], &[n(&[2, 3])]),
        case("sum_to", |x| x[0].sum_to([2, 1]).square(), &[n(&[3, 2, 2])]),
        case("mean", |x| x[0].mean(0).square(), &[n(&[2, 3])]),
        case("mean", |x| x[0].mean(..).square(), &[n(&[2, 3])]),
        case("mean_keepdim", |x| x[0].mean_keepdim(-1) * x[0], &[n(&[2, 3])]),
        case("var", |x| x[0].var(-1, 1), &[n(&[2, 4])]),
        case("var", |x| x[0].var([0, 2], 0), &[n(&[2, 3, 2])]),
        case("max", |x| x[0].max(1).square(), &[distinct(&[3, 4])]),
        case("min", |x| x[0].min(..).square(), &[distinct(&[3, 4])]),
        case("logsumexp", |x| x[0].logsumexp([0, 1]), &[n(&[2, 3, 2])]),
        // Softmax and its kin.
        case("softmax", |x| x[0].softmax(), &[n(&[2, 4])]),
        case("log_softmax", |x| x[0].log_softmax(), &[n(&[2, 4])]),
        case("cross_entropy_each", |x| x[0].cross_entropy_each(&Tensor::from([2, 0])), &[n(&[2, 4])]),
        case("cross_entropy", |x| x[0].cross_entropy(&Tensor::from([2, 0])), &[n(&[2, 4])]),
        // Indexing.
        case("gather", |x| x[0].gather(&index()).square(), &[n(&[2, 3])]),
        case("scatter_add", |x| x[0].scatter_add(&index(), 3).square(), &[n(&[2, 4])]),
        case("index_select", |x| x[0].index_select(0, &Tensor::from([2, 0, 2])).square(), &[n(&[3, 2])]),
        case("index_add", |x| x[0].index_add(1, &Tensor::from([2, 0, 2]), 4).square(), &[n(&[2, 3, 2])]),
        // Normalisation and dropout.
        case("normalize", |x| x[0].normalize([0, 2], 1e-2).0, &[n(&[3, 2, 2])]),
        case("normalize", |x| x[0].normalize(-1, 1e-5).0, &[n(&[2, 5])]),
        case("dropout", |x| x[0].tape().with_rng(|rng| x[0].dropout(0.3, rng)).square(), &[n(&[3, 4])]),
        // Convolution: stride, padding, dilation, groups, depthwise.
        case(
            "conv2d",
            |x| x[0].conv2d(x[1], Some(x[2]), &conv([1, 1], [1, 0], [1, 1], 1)),
            &[n(&[2, 2, 4, 3]), n(&[3, 2, 3, 2]), n(&[3])],
        ),
        case(
            "conv2d",
            |x| x[0].conv2d(x[1], None, &conv([2, 1], [1, 2], [1, 2], 2)),
            &[n(&[2, 4, 5, 4]), n(&[2, 2, 3, 3])],
        ),
        case(
            "conv2d",
            |x| x[0].conv2d(x[1], None, &conv([1, 1], [1, 1], [1, 1], 3)),
            &[n(&[1, 3, 4, 4]), n(&[3, 1, 3, 3])],
        ),
        case(
            "conv2d_input_grad",
            |x| x[0].conv2d_input_grad(x[1], [6, 4], &conv([2, 1], [1, 0], [1, 1], 1)),
            &[n(&[2, 3, 3, 2]), n(&[3, 2, 3, 3])],
        ),
        case(
            "conv2d_weight_grad",
            |x| x[0].conv2d_weight_grad(x[1], [3, 2], &conv([1, 1], [0, 1], [1, 1], 2)),
            &[n(&[2, 2, 4, 3]), n(&[2, 4, 2, 4])],
        ),
        // Pooling: windows that touch, overlap, and reach over the edge.
        case("max_pool2d", |x| x[0].max_pool2d(&PoolOptions::square(2)).square(), &[distinct(&[2, 1, 4, 5])]),
        case("max_pool2d", |x| x[0].max_pool2d(&overlapping()).square(), &[distinct(&[1, 2, 4, 4])]),
        case(
            "max_pool2d_scatter",
            |x| x[0].max_pool2d_scatter(&places(), [2, 3]).square(),
            &[n(&[1, 1, 2, 2])],
        ),
        case("max_pool2d_gather", |x| x[0].max_pool2d_gather(&places()).square(), &[n(&[1, 1, 2, 3])]),
        case("avg_pool2d", |x| x[0].avg_pool2d(&overlapping()).square(), &[n(&[2, 1, 4, 4])]),
        case(
            "avg_pool2d_grad",
            |x| x[0].avg_pool2d_grad([4, 4], &overlapping()).square(),
            &[n(&[1, 2, 2, 5])],
        ),
    ]
}

#[test]
fn first_derivatives() {
    for Case { op, f, inputs } in cases() {
        check(f, &inputs).unwrap_or_else(|error| panic!("{op} at {inputs:?}: {error}"));
    }
}

#[test]
fn second_derivatives() {
    for Case { op, f, inputs } in cases() {
        check_second_order(f, &inputs).unwrap_or_else(|error| panic!("{op} at {inputs:?}: {error}"));
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
        let operators = ["add", "sub", "mul", "div", "neg"];
        let operators =
            operators.iter().filter(|op| text.contains(&format!("fn {op}(self"))).map(|op| op.to_string());
        for op in methods.chain(rows).chain(operators).filter(|op| !op.is_empty()) {
            found += 1;
            assert!(listed.contains(&op.as_str()), "{op} ({}) is not in the list of ops", path.display());
        }
    }
    assert!(
        found >= listed.iter().collect::<std::collections::BTreeSet<_>>().len(),
        "only {found} ops were found in {folder}"
    );
}
