//! Recurrent networks over whole sequences.

use ravine_tensor::{Float, Recurrence, Steps, Tensor};

use super::by_formula;
use crate::var::{Var, record};

impl<T: Float> Var<T> {
    /// The states of a recurrent `cell` after each step. `p` (this variable) is the input's contribution to the gates, and `q = h wᵀ + b` that
    /// of the previous hidden state. Backward: through time, with a single product for the weight.
    ///
    /// Shapes: `p [time, batch, gates units]`, `weight [gates units, units]`, `bias [gates units]`, `initial [batch, states units]` ->
    /// `[time, batch, states units]`, the hidden state first. Werbos 1990, 'Backpropagation through time'.
    ///
    /// # Panics
    /// If the shapes do not fit together.
    #[track_caller]
    #[must_use]
    pub fn recurrent(
        &self,
        cell: Recurrence,
        weight: &Var<T>,
        bias: Option<&Var<T>>,
        initial: &Var<T>,
        steps: &Steps,
    ) -> Var<T> {
        let (y, kept) =
            self.value().recurrent(cell, weight.value(), bias.map(Var::value), initial.value(), steps);
        let saved = [self, weight, initial].map(Var::saved);
        let (saved_bias, steps, states) = (bias.map(Var::saved), steps.clone(), y.clone());
        let grads = move |dy: &Var<T>| {
            if !dy.tape().is_recording() {
                let (w, initial) = (saved[1].value(), saved[2].value());
                let grads = dy.value().recurrent_grad(cell, w, initial, &states, &kept, &steps);
                return grads.map(|grad| Some(dy.constant(grad)));
            }
            let mut inputs = saved.each_ref().map(|saved| saved.on(dy)).to_vec();
            inputs.extend(saved_bias.as_ref().map(|saved| saved.on(dy)));
            let formula = |x: &[Var<T>]| step_by_step(cell, &x[0], &x[1], x.get(3), &x[2], &steps);
            let mut grads = by_formula(formula, &inputs, dy).into_iter().map(Some);
            let [dp, dw, di, db] = std::array::from_fn(|_| grads.next().flatten());
            [dp, dw, db, di]
        };
        match bias {
            None => record("recurrent", [self, weight, initial], y, move |dy, _| {
                let [dp, dw, _, di] = grads(dy);
                [dp, dw, di]
            }),
            Some(bias) => record("recurrent", [self, weight, bias, initial], y, move |dy, _| grads(dy)),
        }
    }
}

/// [`Var::recurrent`] in single ops: the formula of its derivative where that is itself recorded.
fn step_by_step<T: Float>(
    cell: Recurrence,
    p: &Var<T>,
    weight: &Var<T>,
    bias: Option<&Var<T>>,
    initial: &Var<T>,
    steps: &Steps,
) -> Var<T> {
    let (time, units) = (p.shape()[0], weight.shape()[1]);
    let part = |x: &Var<T>, i: usize| x.narrow(1, i * units, units);
    let mut states = vec![initial.clone(); time];
    let mut state = initial.clone();
    for t in if steps.reverse { (0..time).rev().collect::<Vec<_>>() } else { (0..time).collect() } {
        let h = part(&state, 0);
        let (p, q) = (p.index(0, t), h.linear(weight, bias));
        let next = match cell {
            Recurrence::Tanh => (p + q).tanh(),
            Recurrence::Relu => (p + q).relu(),
            Recurrence::Lstm => {
                let x = p + q;
                let c = part(&x, 1).sigmoid() * part(&state, 1) + part(&x, 0).sigmoid() * part(&x, 2).tanh();
                Var::cat(&[&(part(&x, 3).sigmoid() * c.tanh()), &c], 1)
            }
            Recurrence::Gru => {
                let (r, z) = ((part(&p, 0) + part(&q, 0)).sigmoid(), (part(&p, 1) + part(&q, 1)).sigmoid());
                let n = (part(&p, 2) + r * part(&q, 2)).tanh();
                &n + z * (h - &n)
            }
        };
        state = match &steps.lengths {
            None => next,
            Some(lengths) => {
                let over = Tensor::from_fn([lengths.len(), 1], |b| t >= lengths[b]);
                next.masked_fill(&over, T::ZERO) + state.masked_fill(&over.map(|over| !over), T::ZERO)
            }
        };
        states[t] = state.clone();
    }
    Var::stack(&states.iter().collect::<Vec<_>>(), 0)
}
