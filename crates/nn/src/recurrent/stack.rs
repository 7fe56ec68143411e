//! Layers and directions of recurrent cells.

use ravine_autograd::{Module, Param, Var, Visitor};
use ravine_tensor::{Recurrence, Rng, Steps, Tensor};

use crate::{check, dropout, init};

/// One layer in one direction.
#[derive(Clone, Debug)]
struct Direction {
    weight_ih: Param,
    weight_hh: Param,
    bias: Option<[Param; 2]>,
}

/// Layers of one kind of cell, each in one direction or in both.
#[derive(Clone, Debug)]
pub(super) struct Stack {
    name: &'static str,
    pub(super) cell: Recurrence,
    inputs: usize,
    units: usize,
    layers: usize,
    bidirectional: bool,
    dropout: f64,
    /// By layer, and by direction inside.
    parts: Vec<Direction>,
}

impl Stack {
    #[track_caller]
    pub(super) fn new(
        name: &'static str,
        cell: Recurrence,
        inputs: usize,
        units: usize,
        layers: usize,
        bidirectional: bool,
        rng: &mut Rng,
    ) -> Self {
        check::positive(name, &[("inputs", inputs), ("units", units), ("layers", layers)]);
        let directions = 1 + usize::from(bidirectional);
        let rows = cell.gates() * units;
        let mut param = |shape: &[usize]| Param::new(init::uniform_by_fan_in(shape, units, rng));
        let parts = (0..layers * directions)
            .map(|part| {
                let inputs = if part < directions { inputs } else { directions * units };
                Direction {
                    weight_ih: param(&[rows, inputs]),
                    weight_hh: param(&[rows, units]),
                    bias: Some([param(&[rows]), param(&[rows])]),
                }
            })
            .collect();
        Stack { name, cell, inputs, units, layers, bidirectional, dropout: 0.0, parts }
    }

    pub(super) fn no_bias(&mut self) {
        self.parts.iter_mut().for_each(|part| part.bias = None);
    }

    #[track_caller]
    pub(super) fn dropout(&mut self, p: f64) {
        check::probability(self.name, "dropout", p);
        self.dropout = p;
    }

    fn directions(&self) -> usize {
        1 + usize::from(self.bidirectional)
    }

    /// The outputs of the last layer, `[batch, time, directions units]`, and of each of the cell's states the last, `[layers directions, batch,
    /// units]`. Samples are as long as `lengths` says: beyond, inputs do not matter, outputs are 0, and their last states are those after their
    /// own last step.
    #[track_caller]
    pub(super) fn forward(&self, x: &Var, initial: &[&Var], lengths: Option<&[usize]>) -> (Var, Vec<Var>) {
        let (name, units, directions) = (self.name, self.units, self.directions());
        assert!(
            x.rank() == 3 && x.size(-1) == self.inputs && x.shape()[1] > 0,
            "{name}: input {}; expected [batch, time, {}] with at least one step",
            x.shape(),
            self.inputs
        );
        let (batch, time) = (x.shape()[0], x.shape()[1]);
        if let Some(lengths) = lengths {
            assert!(
                lengths.len() == batch && lengths.iter().all(|&n| n > 0 && n <= time),
                "{name}: lengths is {lengths:?}; expected one from 1 to {time} for each of the {batch} samples"
            );
        }
        for state in initial {
            let expected = [self.parts.len(), batch, units];
            assert!(
                *state.shape() == expected,
                "{name}: initial state {}; expected [layers directions, batch, units] = {expected:?}",
                state.shape()
            );
        }
        let states = self.cell.states();
        let over = lengths.map(|n| Tensor::from_fn([time, batch, 1], |i| i / batch >= n[i % batch]));
        let without_padding = |x: Var| match &over {
            Some(over) => x.masked_fill(over, 0.0),
            None => x,
        };
        // Time first, so that each step is contiguous. Padding is cleared: multiplied by 0, numbers that are not finite would make the gradients
        // of the weights NaN.
        let mut x = without_padding(x.transpose(0, 1));
        let mut last: Vec<Vec<Var>> = vec![Vec::new(); states];
        for layer in 0..self.layers {
            let mut outputs = Vec::new();
            for direction in 0..directions {
                let part = layer * directions + direction;
                let start = if initial.is_empty() {
                    x.constant(Tensor::zeros([batch, states * units]))
                } else {
                    let each: Vec<Var> = initial.iter().map(|state| state.index(0, part)).collect();
                    Var::cat(&each.iter().collect::<Vec<_>>(), 1)
                };
                let steps = Steps { reverse: direction == 1, lengths: lengths.map(<[usize]>::to_vec) };
                let y = self.parts[part].forward(self.cell, &x, &start, &steps);
                let end = y.index(0, if steps.reverse { 0 } else { time - 1 });
                for (state, last) in last.iter_mut().enumerate() {
                    last.push(end.narrow(1, state * units, units));
                }
                outputs.push(if states == 1 { y } else { y.narrow(2, 0, units) });
            }
            x = without_padding(Var::cat(&outputs.iter().collect::<Vec<_>>(), 2));
            if layer + 1 < self.layers {
                x = dropout::dropout(&x, self.dropout);
            }
        }
        let last = last.iter().map(|parts| Var::stack(&parts.iter().collect::<Vec<_>>(), 0)).collect();
        (x.transpose(0, 1), last)
    }
}

impl Direction {
    #[track_caller]
    fn forward(&self, cell: Recurrence, x: &Var, initial: &Var, steps: &Steps) -> Var {
        let tape = x.tape();
        let (weight_ih, weight_hh) = (tape.param(&self.weight_ih), tape.param(&self.weight_hh));
        let bias = self.bias.as_ref().map(|bias| bias.each_ref().map(|bias| tape.param(bias)));
        let [bias_ih, bias_hh] = match &bias {
            Some([ih, hh]) => [Some(ih), Some(hh)],
            None => [None, None],
        };
        // What the gates get of the input: one product for all steps.
        let (time, batch) = (x.shape()[0], x.shape()[1]);
        let p = x.reshape([time * batch, x.size(-1)]).linear(&weight_ih, bias_ih).reshape([
            time,
            batch,
            weight_ih.shape()[0],
        ]);
        p.recurrent(cell, &weight_hh, bias_hh, initial, steps)
    }
}

impl Module for Stack {
    fn visit(&self, visitor: &mut Visitor<'_>) {
        for (name, size) in [("inputs", self.inputs), ("units", self.units), ("layers", self.layers)] {
            visitor.setting(name, &size);
        }
        visitor.setting("bidirectional", &self.bidirectional);
        visitor.setting("dropout", &self.dropout);
        for (i, part) in self.parts.iter().enumerate() {
            let layer = i / self.directions();
            let suffix = if i % self.directions() == 1 { "_reverse" } else { "" };
            visitor.field(&format!("weight_ih_l{layer}{suffix}"), &part.weight_ih);
            visitor.field(&format!("weight_hh_l{layer}{suffix}"), &part.weight_hh);
            if let Some([bias_ih, bias_hh]) = &part.bias {
                visitor.field(&format!("bias_ih_l{layer}{suffix}"), bias_ih);
                visitor.field(&format!("bias_hh_l{layer}{suffix}"), bias_hh);
            }
        }
    }
}

/// The constructors and settings of the three kinds of recurrent networks.
macro_rules! recurrent_network {
    ($name:ident, $recurrence:expr) => {
        impl $name {
            /// `layers` layers of `units` units each, over sequences of vectors of `inputs` numbers.
            ///
            /// # Panics
            /// If one of them is 0.
            #[track_caller]
            pub fn new(inputs: usize, units: usize, layers: usize, rng: &mut Rng) -> Self {
                let stack = Stack::new(stringify!($name), $recurrence, inputs, units, layers, false, rng);
                $name { stack }
            }

            /// [`new`](Self::new) in both directions: each layer sees the outputs of both of the layer before.
            ///
            /// # Panics
            /// If one of the sizes is 0.
            #[track_caller]
            pub fn bidirectional(inputs: usize, units: usize, layers: usize, rng: &mut Rng) -> Self {
                let stack = Stack::new(stringify!($name), $recurrence, inputs, units, layers, true, rng);
                $name { stack }
            }

            /// The network without biases.
            #[must_use]
            pub fn no_bias(mut self) -> Self {
                self.stack.no_bias();
                self
            }

            /// The network with [`Dropout`](crate::Dropout) of this probability between its layers.
            ///
            /// # Panics
            /// If it is not in `0 <= p < 1`.
            #[track_caller]
            #[must_use]
            pub fn dropout(mut self, p: f64) -> Self {
                self.stack.dropout(p);
                self
            }
        }

        impl Module for $name {
            fn visit(&self, visitor: &mut Visitor<'_>) {
                self.stack.visit(visitor);
            }
        }

        /// Its tree.
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.tree().fmt(f)
            }
        }
    };
}
pub(super) use recurrent_network;

/// The pass: what it gives, the initial states and the list of them, and the last states and how they are taken from a list, one by one.
macro_rules! with_states {
    ($name:ident, $gives:literal, $From:ty: |$from:pat_param| $list:expr, $To:ty: |$next:ident| $to:expr) => {
        impl $name {
            #[doc = concat!("`", $gives, "`, from states of 0.")]
            ///
            /// # Panics
            /// If the input is not `[batch, time, inputs]` with at least one step.
            #[track_caller]
            pub fn forward(&self, x: &Var) -> (Var, $To) {
                self.forward_from(x, None, None)
            }

            #[doc = concat!(
                "`", $gives, "`, from these initial states (0, if `None`), for samples of these `lengths` (`time`, if `None`). Beyond a \
                sample's length it does not matter what its input holds, and its outputs are 0; its last state is that after its own \
                last step, and backwards it begins there (PyTorch's packed sequences)."
            )]
            ///
            /// # Panics
            /// If the shapes do not fit together, or a length is not in `1..=time`.
            #[track_caller]
            #[doc(alias("pack_padded_sequence", "pad_packed_sequence"))]
            pub fn forward_from(&self, x: &Var, initial: Option<$From>, lengths: Option<&[usize]>) -> (Var, $To) {
                let initial: Vec<&Var> = initial.into_iter().flat_map(|$from| $list).collect();
                let (y, last) = self.stack.forward(x, &initial, lengths);
                let mut last = last.into_iter();
                let mut $next = || last.next().expect("as many as there are states");
                (y, $to)
            }
        }
    };
}
pub(super) use with_states;
