//! Checkpoints change neither bits nor what is found. That they save memory is told in `memory.rs`.

use std::sync::Arc;

use ravine_autograd::{Buffer, Module, Param, Tape, Var, checkpoint, grad, gradcheck, gradgradcheck};
use ravine_tensor::{Rng, Tensor};

/// A residual block with dropout, and with running statistics of its input.
#[derive(Module)]
struct Block {
    up: Param,
    down: Param,
    mean: Buffer,
}

impl Block {
    fn new(rng: &mut Rng) -> Self {
        let mut weight = || Param::new(Tensor::randn([6, 6], rng) * 0.5);
        Block { up: weight(), down: weight(), mean: Buffer::new(Tensor::zeros([6])) }
    }

    fn forward(&self, x: &Var) -> Var {
        let tape = x.tape();
        tape.update_buffer(&self.mean, x.value().mean(0), 0.1, x.size(0));
        let hidden = tape.with_rng(|rng| x.matmul(&tape.param(&self.up)).tanh().dropout(0.4, rng));
        // The first weight a second time: its gradient has two parts in here.
        let hidden = hidden.matmul(&tape.param(&self.up));
        x + tape.with_rng(|rng| hidden.matmul(&tape.param(&self.down)).dropout(0.2, rng))
    }
}

/// Loss, gradients, buffers and the next random number of a pass of four blocks, the last of which is the first again.
fn pass(wrap: fn(Arc<Block>, &Var) -> Var) -> (Vec<Tensor>, usize) {
    let rng = &mut Rng::new(0);
    let mut blocks: Vec<Arc<Block>> = (0..3).map(|_| Arc::new(Block::new(rng))).collect();
    blocks.push(blocks[0].clone());
    let tape = Tape::train(Rng::new(5));
    let x = tape.variable(Tensor::randn([8, 6], rng));
    // Used before, inside and after the blocks.
    let first = x.matmul(&tape.param(&blocks[1].down));
    let out =
        blocks.iter().fold(first, |x, block| wrap(block.clone(), &x)).matmul(&tape.param(&blocks[1].down));
    let loss = out.square().mean(..);
    let recorded = tape.len();
    let grads = loss.backward();
    assert_eq!(tape.len(), recorded, "what backward computed again is gone");
    tape.take_buffer_updates().apply();
    let mut found = vec![loss.value().clone(), grads.wrt(&x).unwrap().clone()];
    for (path, param) in blocks.named_params() {
        found.push(grads.get(&param).unwrap_or_else(|| panic!("{path} has no gradient")).clone());
    }
    found.extend(blocks.named_buffers().iter().map(|(_, buffer)| buffer.value()));
    found.push(tape.with_rng(|rng| Tensor::randn([3], rng)));
    (found, recorded)
}

#[test]
fn bits_stay() {
    let (plain, long) = pass(|block, x| block.forward(x));
    let (short, few) = pass(|block, x| checkpoint(move |[x]| block.forward(x), [x]));
    let (nested, _) = pass(|block, x| {
        let outer = move |[x]: [&Var; 1]| {
            let block = block.clone();
            checkpoint(move |[x]| block.forward(x), [&(x * 1.0)])
        };
        checkpoint(outer, [x])
    });
    assert_eq!(plain, short);
    assert_eq!(plain, nested);
    assert!(few < long, "{few} nodes instead of {long}");
}

#[test]
fn what_evaluates_in_the_first_run_evaluates_in_the_second() {
    let gradient = |wrap: bool| {
        let tape = Tape::train(Rng::new(5));
        let x = tape.variable(Tensor::<f32>::ones([50]));
        let f = |[x]: [&Var; 1]| {
            let drop = |x: &Var| x.tape().with_rng(|rng| x.dropout(0.5, rng));
            if x.tape().is_training() { drop(x) } else { x * 3.0 }
        };
        let y = tape.evaluating(|| if wrap { checkpoint(f, [&x]) } else { f([&x]) });
        y.sum(..).backward().wrt(&x).unwrap().clone()
    };
    assert_eq!(gradient(true).to_vec(), [3.0; 50]);
    assert_eq!(gradient(true), gradient(false));
}

#[test]
fn its_derivatives_have_derivatives() {
    let f = |x: &[&Var<f64>]| {
        checkpoint(|[a, b]| (a.matmul(b)).tanh() * a, [x[0], x[1]])
            + checkpoint(|[a, _]| a.exp(), [x[0], x[0]])
    };
    let rng = &mut Rng::new(1);
    let inputs = [Tensor::randn([3, 3], rng), Tensor::randn([3, 3], rng)];
    gradcheck(f, &inputs).unwrap();
    gradgradcheck(f, &inputs).unwrap();
    // To third order, beside the same without a checkpoint.
    let third = |wrap: bool| {
        let x = Tape::new().variable(Tensor::scalar(0.4f64));
        let f = |[x]: [&Var<f64>; 1]| x.sin() * x.exp();
        let mut y = if wrap { checkpoint(f, [&x]) } else { f([&x]) };
        for _ in 0..3 {
            y = grad(&y, &[&x], true).remove(0);
        }
        y.item()
    };
    assert_eq!(third(true), third(false));
}

#[test]
fn only_what_is_needed_is_computed() {
    let (tape, w) = (Tape::new(), Param::new(Tensor::scalar(3.0)));
    let (c, x) = (tape.input(Tensor::scalar(2.0)), tape.variable(Tensor::scalar(5.0)));
    let weight = w.tied();
    let y = checkpoint(move |[c, x]| c * x * x.tape().param(&weight), [&c, &x]);
    assert_eq!(grad(&y, &[&x], false)[0].item(), 6.0);
    let grads = y.backward();
    assert_eq!((grads.wrt(&x).unwrap().item(), grads.get(&w).unwrap().item()), (6.0, 10.0));
    // Without recording it is the function and nothing else.
    let eval = Tape::eval();
    let y = checkpoint(|[x]| x.exp(), [&eval.input(Tensor::scalar(0.0))]);
    assert_eq!((y.item(), eval.len()), (1.0, 0));
    // A function that gives what it got.
    let y = checkpoint(|[x]| x.clone(), [&x]) * 2.0;
    assert_eq!(y.backward().wrt(&x).unwrap().item(), 2.0);
}

#[test]
#[should_panic(
    expected = "uses a value from outside that is not among the inputs; its gradient would be lost"
)]
fn a_captured_value_is_not_lost_silently() {
    let tape = Tape::new();
    let (x, captured) = (tape.variable(Tensor::scalar(1.0)), tape.variable(Tensor::scalar(2.0)));
    checkpoint(move |[x]| x * &captured, [&x]).backward();
}

#[test]
#[should_panic(expected = "checkpoint: the function gave a value from outside that is not among the inputs")]
fn a_captured_value_that_is_given_back_is_not_lost_silently() {
    let tape = Tape::new();
    let (x, captured) = (tape.variable(Tensor::scalar(1.0)), tape.variable(Tensor::scalar(2.0)));
    checkpoint(move |[_]| captured.clone(), [&x]);
}

#[test]
#[should_panic(expected = "checkpoint: the function gave a value on another tape than its inputs'")]
fn the_function_computes_on_the_tape_of_its_inputs() {
    let x = Tape::new().variable(Tensor::scalar(1.0));
    checkpoint(|[x]| Tape::new().input(x.value().clone()), [&x]);
}

#[test]
fn without_inputs_that_need_a_gradient_a_captured_value_gets_its_own() {
    let tape = Tape::new();
    let (x, z) = (tape.input(Tensor::scalar(2.0f32)), tape.variable(Tensor::scalar(5.0)));
    let captured = z.clone();
    let y = checkpoint(move |[x]| x * &captured, [&x]);
    assert_eq!((y + &z).backward().wrt(&z).unwrap().item(), 3.0);
}

#[test]
#[should_panic(expected = "checkpoint: the function uses a parameter")]
fn the_second_run_must_do_as_the_first() {
    let (tape, w, first) = (Tape::new(), Param::new(Tensor::scalar(3.0)), std::cell::Cell::new(true));
    let f = move |[x]: [&Var; 1]| if first.replace(false) { x.clone() } else { x * x.tape().param(&w) };
    checkpoint(f, [&tape.variable(Tensor::scalar(1.0))]).backward();
}
