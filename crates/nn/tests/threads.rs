//! Recurrent networks, attention and norms of random sizes, many beside the widths of vectors, with work enough for several threads: against
//! formulas in `f64` that go from one number to the next, and the same bits for any number of threads.

use std::collections::HashMap;

use rand::RngExt;
use ravine_autograd::{Module, Param, Tape, Var};
use ravine_nn::*;
use ravine_tensor::{Rng, Tensor};

/// A size up to `most`, half of the time beside the width of a vector.
fn size(most: usize, rng: &mut Rng) -> usize {
    const BESIDE: [usize; 14] = [1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65];
    match rng.random_range(0..28) {
        at @ 0..14 => BESIDE[at].min(most),
        _ => rng.random_range(1..=most),
    }
}

/// Values of parameters and inputs by name.
type Values = HashMap<String, Vec<f64>>;

/// The layer's parameters and these inputs, by name.
fn leaves(layer: &impl Module, inputs: &[(&str, Tensor)]) -> Vec<(String, Param)> {
    let inputs = inputs.iter().map(|(name, value)| ((*name).to_owned(), Param::new(value.clone())));
    layer.distinct_params().into_iter().chain(inputs).collect()
}

/// Checks that the outputs of `pass` are those of `formula`, that its gradients say how those change with a small step of each leaf in a
/// random direction, and that threads change no bit.
fn check(
    what: &str,
    leaves: &[(String, Param)],
    pass: impl Fn(&Tape) -> Var + Sync,
    formula: impl Fn(&Values) -> Vec<f64>,
) {
    let rng = &mut Rng::new(7);
    // Batch norm goes by its batch in training alone.
    let tape = || Tape::train(Rng::new(0));
    let dy = Tensor::randn(*pass(&tape()).shape(), rng);
    let run = |threads| {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(|| {
            let tape = tape();
            let y = pass(&tape);
            let grads = (&y * tape.input(dy.clone())).sum(..).backward();
            let grads = leaves.iter().map(|(_, leaf)| grads.get(leaf).unwrap().to_vec());
            [y.value().to_vec()].into_iter().chain(grads).collect::<Vec<_>>()
        })
    };
    let found = run(1);
    let bits = |found: &[Vec<f32>]| found.concat().into_iter().map(f32::to_bits).collect::<Vec<_>>();
    for threads in [2, 3, 5, 8] {
        assert!(bits(&run(threads)) == bits(&found), "{what}: {threads} threads");
    }
    let wide = |x: &[f32]| x.iter().map(|&x| f64::from(x)).collect::<Vec<_>>();
    let values = |(name, leaf): &(String, Param)| (name.clone(), wide(&leaf.value().to_vec()));
    let mut values: Values = leaves.iter().map(values).collect();
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let want = formula(&values);
    assert_eq!(want.len(), found[0].len(), "{what}");
    for (at, (found, want)) in wide(&found[0]).iter().zip(&want).enumerate() {
        assert!((found - want).abs() < 1e-4, "{what}: {at} is {found}, should be {want}");
    }
    for ((name, leaf), grad) in leaves.iter().zip(&found[1..]) {
        let direction = wide(&Tensor::randn(leaf.shape(), rng).to_vec());
        let mut loss = |step: f64| {
            let here = values[name].clone();
            let there = here.iter().zip(&direction).map(|(x, d)| x + step * d).collect();
            values.insert(name.clone(), there);
            let loss = dot(&formula(&values), &wide(&dy.to_vec()));
            values.insert(name.clone(), here);
            loss
        };
        let (slope, grad) = ((loss(1e-5) - loss(-1e-5)) / 2e-5, wide(grad));
        let off = (dot(&grad, &direction) - slope).abs();
        assert!(off < 1e-4 * (1.0 + dot(&grad, &grad).sqrt()), "{what}: gradient by {name}, off by {off}");
    }
}

/// `x wᵀ + b` of one row.
fn linear<'a>(x: &'a [f64], w: &'a [f64], b: &'a [f64]) -> impl Iterator<Item = f64> + 'a {
    w.chunks(x.len()).zip(b).map(move |(w, b)| b + w.iter().zip(x).map(|(w, x)| w * x).sum::<f64>())
}

/// One step: the states after it, hidden ones first, from what the gates get of the input and of the hidden state.
fn step(name: &str, p: &[f64], q: &[f64], before: &[f64]) -> Vec<f64> {
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let units = if name == "Lstm" { before.len() / 2 } else { before.len() };
    let sum = |gate: usize, u: usize| p[gate * units + u] + q[gate * units + u];
    let gru = |u: usize| {
        let n = (p[2 * units + u] + sigmoid(sum(0, u)) * q[2 * units + u]).tanh();
        n + sigmoid(sum(1, u)) * (before[u] - n)
    };
    let cell = |u: usize| sigmoid(sum(1, u)) * before[units + u] + sigmoid(sum(0, u)) * sum(2, u).tanh();
    match name {
        "Rnn" => (0..units).map(|u| sum(0, u).tanh()).collect(),
        "Gru" => (0..units).map(gru).collect(),
        _ => (0..units).map(|u| sigmoid(sum(3, u)) * cell(u).tanh()).chain((0..units).map(cell)).collect(),
    }
}

#[test]
fn recurrent_networks() {
    let rng = &mut Rng::new(1);
    for case in 0..12 {
        let name = ["Rnn", "Lstm", "Gru"][case % 3];
        let (inputs, units) = (size(9, rng), size(66, rng));
        let time = rng.random_range(1..6);
        // Enough for threads to share.
        let batch = (rng.random_range(200_000..800_000) / (time * units * units)).clamp(1, 40);
        let lengths: Vec<usize> = (0..batch).map(|_| rng.random_range(1..=time)).collect();
        let x = ("x", Tensor::randn([batch, time, inputs], rng));
        let what = format!("{name}, batch {batch}, time {time}, inputs {inputs}, units {units}");
        let formula = |values: &Values| {
            let mut y = vec![0.0; batch * time * 2 * units];
            for (direction, suffix) in ["", "_reverse"].into_iter().enumerate() {
                let of = |leaf: &str| &values[&format!("{leaf}_l0{suffix}")][..];
                for (b, &length) in lengths.iter().enumerate() {
                    let mut state = vec![0.0; if name == "Lstm" { 2 * units } else { units }];
                    for i in 0..length {
                        let row = b * time + if direction == 0 { i } else { length - 1 - i };
                        let x = &values["x"][row * inputs..][..inputs];
                        let p: Vec<f64> = linear(x, of("weight_ih"), of("bias_ih")).collect();
                        let q: Vec<f64> = linear(&state[..units], of("weight_hh"), of("bias_hh")).collect();
                        state = step(name, &p, &q, &state);
                        y[(2 * row + direction) * units..][..units].copy_from_slice(&state[..units]);
                    }
                }
            }
            y
        };
        macro_rules! check_network {
            ($Network:ident) => {{
                let network = $Network::bidirectional(inputs, units, 1, rng);
                let leaves = leaves(&network, &[x]);
                let x = &leaves.last().unwrap().1;
                let pass = |tape: &Tape| network.forward_from(&tape.param(x), None, Some(&lengths)).0;
                check(&what, &leaves, pass, formula);
            }};
        }
        match name {
            "Rnn" => check_network!(Rnn),
            "Lstm" => check_network!(Lstm),
            _ => check_network!(Gru),
        }
    }
}

#[test]
fn attention() {
    let rng = &mut Rng::new(2);
    for _ in 0..12 {
        let (heads, width) = (rng.random_range(1..6), size(17, rng));
        let (batch, features) = (rng.random_range(1..4), heads * width);
        let queries = size(65, rng);
        let keys = if rng.random() { queries } else { size(65, rng) };
        let lengths: Vec<usize> = (0..batch).map(|_| rng.random_range(1..=keys)).collect();
        let causal = keys >= queries && rng.random();
        let mask = if causal { Mask::causal() } else { Mask::none() }.lengths(&lengths);
        let layer = MultiHeadAttention::new(features, heads, rng);
        layer.in_proj_bias.as_ref().unwrap().set(Tensor::randn([3 * features], rng));
        let inputs = [("queries", queries), ("keys", keys)];
        let inputs = inputs.map(|(name, length)| (name, Tensor::randn([batch, length, features], rng)));
        let leaves = leaves(&layer, &inputs);
        let [.., (_, q), (_, k)] = &leaves[..] else { unreachable!() };
        let pass = |tape: &Tape| {
            let (q, k) = (tape.param(q), tape.param(k));
            layer.forward(&q, &k, &k, &mask)
        };
        let formula = |values: &Values| {
            let (weight, bias) = (&values["in_proj_weight"], &values["in_proj_bias"]);
            let project = |input: &str, part: usize| -> Vec<f64> {
                let (w, b) = (&weight[part * features * features..], &bias[part * features..][..features]);
                values[input].chunks(features).flat_map(|x| linear(x, w, b)).collect()
            };
            let (q, k, v) = (project("queries", 0), project("keys", 1), project("keys", 2));
            let mut y = vec![];
            for (row, q) in q.chunks(features).enumerate() {
                let (b, query) = (row / queries, row % queries);
                let seen = if causal { lengths[b].min(query + 1) } else { lengths[b] };
                let mut heads = vec![0.0; features];
                for (head, (q, out)) in q.chunks(width).zip(heads.chunks_mut(width)).enumerate() {
                    let of =
                        |x: &[f64], key: usize, u: usize| x[(b * keys + key) * features + head * width + u];
                    let score = |key| (0..width).map(|u| q[u] * of(&k, key, u)).sum::<f64>();
                    let weights: Vec<f64> =
                        (0..seen).map(|key| (score(key) / (width as f64).sqrt()).exp()).collect();
                    let total: f64 = weights.iter().sum();
                    for (u, out) in out.iter_mut().enumerate() {
                        *out = (0..seen).map(|key| weights[key] / total * of(&v, key, u)).sum();
                    }
                }
                y.extend(linear(&heads, &values["out_proj.weight"], &values["out_proj.bias"]));
            }
            y
        };
        check(
            &format!(
                "{heads} heads of {width}, batch {batch}, queries {queries}, keys {keys}, causal {causal}"
            ),
            &leaves,
            pass,
            formula,
        );
    }
}

#[test]
fn norms() {
    let rng = &mut Rng::new(3);
    for case in 0..16 {
        let (groups, each) = (size(9, rng), size(9, rng));
        let (channels, places) = (groups * each, size(65, rng).max(2));
        // Enough for threads to share.
        let batch = (rng.random_range(60_000..150_000) / (channels * places)).max(2);
        let (inner, name) = (channels * places, ["batch", "group", "layer", "rms"][case % 4]);
        let layer: Box<dyn Layer + Sync> = match name {
            "batch" => Box::new(BatchNorm1d::new(channels)),
            "group" => Box::new(GroupNorm::new(groups, channels)),
            "layer" => Box::new(LayerNorm::new([channels, places])),
            _ => Box::new(RmsNorm::new([channels, places])),
        };
        for (_, leaf) in layer.distinct_params() {
            leaf.set(Tensor::randn(leaf.shape(), rng));
        }
        let inputs = [("x", Tensor::randn([batch, channels, places], rng) + 0.5)];
        let leaves = leaves(&layer, &inputs);
        let x = &leaves.last().unwrap().1;
        let together = |at: usize| match name {
            "batch" => at / places % channels,
            "group" => at / (each * places),
            _ => at / inner,
        };
        let parameter = |at: usize| if case % 4 < 2 { at / places % channels } else { at % inner };
        let formula = |values: &Values| {
            let x = &values["x"];
            let mean = |f: &dyn Fn(usize) -> f64| {
                let mut sums = vec![(0.0, 0.0); x.len().max(channels)];
                (0..x.len()).for_each(|at| {
                    let (sum, n) = &mut sums[together(at)];
                    (*sum, *n) = (*sum + f(at), *n + 1.0);
                });
                sums.into_iter().map(|(sum, n)| sum / n).collect::<Vec<f64>>()
            };
            let means = if name == "rms" { vec![0.0; batch] } else { mean(&|at| x[at]) };
            let centred = |at: usize| x[at] - means[together(at)];
            let squares = mean(&|at| centred(at) * centred(at));
            let eps = if name == "rms" { f64::from(f32::EPSILON) } else { 1e-5 };
            let of = |leaf: &str, at: usize| values.get(leaf).map(|leaf| leaf[parameter(at)]);
            let scaled = |at: usize| centred(at) / (squares[together(at)] + eps).sqrt();
            (0..x.len())
                .map(|at| scaled(at) * of("weight", at).unwrap() + of("bias", at).unwrap_or(0.0))
                .collect()
        };
        let pass = |tape: &Tape| layer.forward(&tape.param(x));
        check(&format!("{name} norm of {:?}, {groups} groups", x.shape()), &leaves, pass, formula);
    }
}
