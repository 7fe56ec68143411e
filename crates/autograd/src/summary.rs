//! What a forward pass costs, layer by layer, read off its tape.
//!
//! The tape records each op's name, inputs and shape; the parameters among the inputs show which module the op belongs to. So no layer
//! has to be wrapped or measured.

use std::collections::HashMap;
use std::fmt;

use ravine_plot::grouped;
use ravine_tensor::{Float, Shape, Tensor};

use crate::module::{Module, Part, Visitor};
use crate::tape::{NodeId, Nodes, Origin, Tape};
use crate::var::Var;

/// Ops that compute nothing: their output is a view of their input.
pub(crate) const VIEWS: [&str; 16] = [
    "reshape",
    "flatten",
    "permute",
    "transpose",
    "t",
    "squeeze",
    "unsqueeze",
    "expand",
    "narrow",
    "index",
    "i",
    "slice",
    "flip",
    "view",
    "split",
    "chunk",
];

/// The ops of a pass in their order, those of one module together.
///
/// ```
/// # extern crate ravine_autograd as ravine;
/// use ravine_autograd::{Module, Param, Summary, Var};
/// use ravine_tensor::Tensor;
///
/// #[derive(Module)]
/// struct Net { weight: Param, bias: Param }
///
/// impl Net {
///     fn forward(&self, x: &Var) -> Var {
///         let tape = x.tape();
///         x.linear(&tape.param(&self.weight), Some(&tape.param(&self.bias))).relu()
///     }
/// }
///
/// let net = Net { weight: Param::new(Tensor::zeros([10, 784])), bias: Param::new(Tensor::zeros([10])) };
/// let summary = Summary::of(&net, Tensor::zeros([64, 784]), |x| net.forward(x));
/// assert_eq!((summary.params, summary.multiply_adds, summary.rows.len()), (7850, 64 * 784 * 10, 2));
/// println!("{summary}");
/// ```
#[derive(Clone, Debug)]
pub struct Summary {
    /// A row for the ops of each module, and one for each op without parameters, in the order of the pass.
    pub rows: Vec<SummaryRow>,
    /// The shape of the input.
    pub input: Shape,
    /// The elements of all parameters, tied ones counted once.
    pub params: usize,
    /// Those of them that are not frozen.
    pub trainable: usize,
    /// Multiplications with an addition, in matrix products and convolutions. (Element-wise work is not counted.)
    pub multiply_adds: usize,
    /// Bytes of the input.
    pub input_bytes: usize,
    /// Bytes of the results of all ops that make new numbers: what a pass that records gradients holds at most.
    pub activation_bytes: usize,
    /// Bytes of all parameters and buffers.
    pub state_bytes: usize,
}

/// A line of a [`Summary`].
#[derive(Clone, Debug, PartialEq)]
pub struct SummaryRow {
    /// The path of the module that the parameters belong to; empty for an op without parameters, and for the model itself.
    pub path: String,
    /// The name of the module's type, or of the op.
    pub kind: String,
    /// The shape of the last result.
    pub output: Shape,
    /// The elements of the parameters that are used here for the first time.
    pub params: usize,
    /// See [`Summary::multiply_adds`].
    pub multiply_adds: usize,
    /// How many ops this is.
    pub ops: usize,
}

impl Summary {
    /// What `forward` does with `input`, in an evaluating pass on a tape of its own.
    ///
    /// Ops before the first one of a module that have no parameters of it, such as the statistics of a normalisation, have rows of their own;
    /// between two ops of one module they are counted to it.
    pub fn of<M: Module + ?Sized>(model: &M, input: Tensor, forward: impl FnOnce(&Var) -> Var) -> Summary {
        let tape = Tape::surveying();
        let x = tape.variable(input.clone());
        drop(forward(&x));

        let paths: HashMap<_, String> =
            model.named_params().into_iter().rev().map(|(path, p)| (p.key(), path)).collect();
        let kinds = kinds(model);
        // The path of the module that each parameter on the tape belongs to, and its size.
        let params: HashMap<usize, (String, usize)> = (tape.params().into_iter())
            .map(|(param, id)| {
                let owner = paths.get(&param.key()).map_or("?", |path| owner(path, &kinds));
                (id.index(), (owner.to_owned(), param.shape().numel()))
            })
            .collect();
        let rows = tape.nodes(|nodes| rows(nodes, params, &kinds));
        let activations = tape.nodes(|nodes| {
            let made = nodes
                .list
                .iter()
                .filter(|node| !matches!(node.origin, Origin::Leaf) && !VIEWS.contains(&node.op));
            made.map(|node| node.shape.numel()).sum::<usize>()
        });
        let distinct = model.distinct_params();
        let count = |frozen: bool| -> usize {
            distinct.iter().filter(|(_, p)| p.is_frozen() == frozen).map(|(_, p)| p.shape().numel()).sum()
        };
        let params = count(true) + count(false);
        let buffers: usize = model.named_buffers().iter().map(|(_, buffer)| buffer.shape().numel()).sum();
        Summary {
            input: *input.shape(),
            params,
            trainable: count(false),
            multiply_adds: rows.iter().map(|row| row.multiply_adds).sum(),
            input_bytes: input.numel() * size_of::<f32>(),
            activation_bytes: activations * size_of::<f32>(),
            state_bytes: (params + buffers) * size_of::<f32>(),
            rows,
        }
    }
}

/// The type of each module, by path.
fn kinds<M: Module + ?Sized>(model: &M) -> HashMap<String, String> {
    let mut kinds = HashMap::new();
    let mut names: Vec<String> = Vec::new();
    let mut enter = |depth: usize, name: &str, part| {
        names.truncate(depth - 1);
        names.push(name.to_owned());
        if let Part::Module(kind) = part {
            kinds.insert(names.join("."), kind);
        }
    };
    model.visit(&mut Visitor::with_parts(&mut enter, &mut |_, _| {}));
    if let Part::Module(kind) = model.part() {
        kinds.insert(String::new(), kind);
    }
    kinds
}

/// The innermost module that a parameter's path lies in.
fn owner<'p>(path: &'p str, kinds: &HashMap<String, String>) -> &'p str {
    let mut owner = path;
    while let Some((above, _)) = owner.rsplit_once('.') {
        owner = above;
        if kinds.contains_key(owner) {
            return owner;
        }
    }
    ""
}

fn rows(
    nodes: &Nodes<f32>,
    mut params: HashMap<usize, (String, usize)>,
    kinds: &HashMap<String, String>,
) -> Vec<SummaryRow> {
    let mut rows: Vec<SummaryRow> = Vec::new();
    // The row of the last op with parameters.
    let mut last_owned: Option<usize> = None;
    for (index, node) in nodes.list.iter().enumerate() {
        if matches!(node.origin, Origin::Leaf) {
            continue;
        }
        let inputs = nodes.inputs(index);
        let used: Vec<NodeId> =
            inputs.iter().copied().filter(|id| params.contains_key(&id.index())).collect();
        if VIEWS.contains(&node.op) {
            // A view of a parameter is that parameter; a view of anything else is no work.
            if let Some(parameter) = used.first().and_then(|id| params.get_mut(&id.index())) {
                let view = (parameter.0.clone(), std::mem::take(&mut parameter.1));
                params.insert(index, view);
            }
            continue;
        }
        let multiply_adds = multiply_adds(nodes, index);
        // Counted at its first use.
        let numel: usize =
            used.iter().map(|id| params.get_mut(&id.index()).map_or(0, |p| std::mem::take(&mut p.1))).sum();
        let path = used.first().map(|id| params[&id.index()].0.clone());
        let continued = last_owned.filter(|&row| path.as_ref().is_some_and(|path| rows[row].path == *path));
        if let Some(row) = continued {
            for between in rows.drain(row + 1..).collect::<Vec<_>>() {
                rows[row].multiply_adds += between.multiply_adds;
                rows[row].ops += between.ops;
            }
            rows[row].output = node.shape;
            rows[row].params += numel;
            rows[row].multiply_adds += multiply_adds;
            rows[row].ops += 1;
            continue;
        }
        if path.is_some() {
            last_owned = Some(rows.len());
        }
        let kind = path.as_ref().and_then(|path| kinds.get(path)).map_or(node.op, |kind| kind).to_owned();
        rows.push(SummaryRow {
            path: path.unwrap_or_default(),
            kind,
            output: node.shape,
            params: numel,
            multiply_adds,
            ops: 1,
        });
    }
    rows
}

/// The multiply-adds of an op: 0 for all but matrix products, convolutions, recurrences and attention.
pub(crate) fn multiply_adds<T: Float>(nodes: &Nodes<T>, index: usize) -> usize {
    let (op, output) = (nodes.list[index].op, nodes.list[index].shape);
    let inputs: Vec<Shape> = nodes.input_shapes(index).collect();
    // The multiply-adds for one element of the output: a window over all channels of its group.
    let window = |weight: &Shape| weight.numel() / weight[0].max(1);
    match (op, inputs.as_slice()) {
        ("matmul" | "linear", [x, ..]) => output.numel() * x.last().copied().unwrap_or(0),
        ("conv1d" | "conv2d", [_, weight, ..]) => output.numel() * window(weight),
        // In a transposed convolution, as many for one element of the input.
        ("conv_transpose1d" | "conv_transpose2d" | "conv2d_input_grad", [x, weight, ..]) => {
            x.numel() * window(weight)
        }
        ("conv2d_weight_grad", [_, dy]) => dy.numel() * window(&output),
        // At each step, a product of every state with the weight.
        ("recurrent", [gates, weight, ..]) => gates.numel() * weight.last().copied().unwrap_or(0),
        // The product of every query with every key, and for every query a weighted mean of the values.
        ("scaled_dot_product_attention", [query, key, value, ..]) => {
            let (width, keys) = (query[query.rank() - 1].max(1), key[key.rank() - 2]);
            query.numel() / width * keys * (width + value[value.rank() - 1])
        }
        _ => 0,
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let some = |n: usize| if n == 0 { String::new() } else { grouped(n) };
        let mut table = vec![["layer", "output", "parameters", "multiply-adds"].map(str::to_owned)];
        table.push(["input".into(), self.input.to_string(), String::new(), String::new()]);
        for SummaryRow { path, kind, output, params, multiply_adds, .. } in &self.rows {
            let layer = if path.is_empty() { kind.clone() } else { format!("{path}: {kind}") };
            table.push([layer, output.to_string(), some(*params), some(*multiply_adds)]);
        }
        let widths: [usize; 4] =
            std::array::from_fn(|i| table.iter().map(|row| row[i].chars().count()).max().unwrap_or(0));
        let rule = "─".repeat(widths.iter().sum::<usize>() + 6);
        for (i, [layer, output, params, work]) in table.iter().enumerate() {
            let [a, b, c, d] = widths;
            writeln!(f, "{}", format!("{layer:a$}  {output:b$}  {params:>c$}  {work:>d$}").trim_end())?;
            if i == 0 {
                writeln!(f, "{rule}")?;
            }
        }
        writeln!(f, "{rule}")?;
        let frozen = self.params - self.trainable;
        let frozen = if frozen > 0 { format!(", {} of them frozen", grouped(frozen)) } else { String::new() };
        writeln!(f, "parameters     {}{frozen}", grouped(self.params))?;
        writeln!(f, "multiply-adds  {}", grouped(self.multiply_adds))?;
        let mib = |bytes: usize| bytes as f64 / f64::from(1 << 20);
        let (input, activations, state) =
            (mib(self.input_bytes), mib(self.activation_bytes), mib(self.state_bytes));
        writeln!(
            f,
            "memory         {state:.2} MiB of state, {input:.2} MiB of input, {activations:.2} MiB of activations"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Buffer, Param};

    #[derive(crate::Module)]
    struct Conv {
        weight: Param,
        bias: Param,
    }

    #[derive(crate::Module)]
    struct Norm {
        weight: Param,
        mean: Buffer,
    }

    #[derive(crate::Module)]
    struct Net {
        convs: Vec<Conv>,
        norm: Norm,
        head: Param,
    }

    impl Net {
        fn new() -> Net {
            let param = |shape: &[usize]| Param::new(Tensor::ones(shape));
            Net {
                convs: vec![
                    Conv { weight: param(&[6, 1, 3, 3]), bias: param(&[6]) },
                    Conv { weight: param(&[4, 6, 1, 1]), bias: param(&[4]) },
                ],
                norm: Norm { weight: param(&[4]), mean: Buffer::new(Tensor::zeros([4])) },
                head: param(&[10, 4]),
            }
        }

        fn forward(&self, x: &Var) -> Var {
            let tape = x.tape();
            let mut y = x.clone();
            for conv in &self.convs {
                y = y
                    .conv2d(&tape.param(&conv.weight), Some(&tape.param(&conv.bias)), &Default::default())
                    .relu();
            }
            let mean = tape.input(self.norm.mean.value().reshape([1, 4, 1, 1]));
            y = (y - mean) * tape.param(&self.norm.weight).reshape([1, 4, 1, 1]);
            y.mean([2, 3])
                .linear(&tape.param(&self.head), None)
                .exp()
                .linear(&tape.param(&self.head).t(), None)
        }
    }

    #[test]
    fn a_pass_is_told_op_by_op() {
        let net = Net::new();
        net.freeze(|path| path.starts_with("convs.0"));
        let summary = Summary::of(&net, Tensor::zeros([2, 1, 8, 8]), |x| net.forward(x));
        let rows: Vec<_> = summary
            .rows
            .iter()
            .map(|r| (&*r.path, &*r.kind, r.output.to_vec(), r.params, r.multiply_adds))
            .collect();
        let want: &[(&str, &str, Vec<usize>, usize, usize)] = &[
            ("convs.0", "Conv", vec![2, 6, 6, 6], 60, 2 * 6 * 36 * 9),
            ("", "relu", vec![2, 6, 6, 6], 0, 0),
            ("convs.1", "Conv", vec![2, 4, 6, 6], 28, 2 * 4 * 36 * 6),
            ("", "relu", vec![2, 4, 6, 6], 0, 0),
            ("", "sub", vec![2, 4, 6, 6], 0, 0),
            ("norm", "Norm", vec![2, 4, 6, 6], 4, 0),
            ("", "mean", vec![2, 4], 0, 0),
            ("", "Net", vec![2, 4], 40, 2 * 2 * 10 * 4),
        ];
        assert_eq!(rows, want);
        assert_eq!(summary.rows[7].ops, 3, "linear, exp and linear");
        assert_eq!((summary.params, summary.trainable), (132, 72));
        let planes = 2 * 36 * (6 + 6 + 4 + 4 + 4 + 4);
        assert_eq!(summary.activation_bytes, 4 * (planes + 8 + 20 + 20 + 8));
        assert_eq!((summary.input_bytes, summary.state_bytes), (512, 4 * 136));
        let text = summary.to_string();
        assert!(text.contains("convs.0: Conv  [2, 6, 6, 6]          60          3,888\n"), "{text}");
        assert!(text.contains("parameters     132, 60 of them frozen\n"), "{text}");
        assert!(net.convs[0].weight.is_frozen(), "looking changes nothing");
    }
}
