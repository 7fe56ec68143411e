//! The gradients that a backward pass returns.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use ravine_tensor::{Float, Tensor};

use crate::param::{Param, ParamKey};
use crate::tape::{NodeId, Tape};
use crate::var::Var;

/// The gradients that one backward pass found. They have left the tape, and may leave the thread.
///
/// With `V = Var`, as [`Var::backward_create_graph`] gives them, they are on the tape and can be differentiated again.
pub struct Gradients<T: Float = f32, V = Tensor<T>> {
    tape: TapeNumber,
    variables: HashMap<NodeId, V>,
    /// In the order of the parameters' first uses. A gradient that was taken out leaves a gap.
    params: Vec<Option<ParamGrad<T, V>>>,
    /// The index of each parameter in `params`.
    places: HashMap<ParamKey, usize>,
}

/// A number that no other tape has. (An address may be reused by a later tape.)
#[derive(Clone, Copy, PartialEq)]
pub(crate) struct TapeNumber(u64);

impl TapeNumber {
    pub fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        TapeNumber(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// The gradient by one parameter.
struct ParamGrad<T: Float, V> {
    param: Param<T>,
    grad: V,
    /// Its squared norm, if it is known.
    norm_squared: Option<f64>,
}

impl<T: Float, V> Gradients<T, V> {
    /// Sorts what a sweep found, which comes from the end of the tape to its beginning.
    pub(crate) fn new(tape: &Tape<T>, mut found: Vec<(NodeId, (Option<f64>, V))>) -> Self {
        found.reverse();
        let mut params = tape.params().into_iter().peekable();
        let mut gradients = Gradients {
            tape: tape.inner.number,
            variables: HashMap::new(),
            params: Vec::with_capacity(params.len()),
            places: HashMap::with_capacity(params.len()),
        };
        for (id, (norm_squared, grad)) in found {
            while params.next_if(|&(_, place)| place < id).is_some() {}
            match params.next_if(|&(_, place)| place == id) {
                Some((param, _)) => gradients.put(param, grad, norm_squared),
                None => {
                    gradients.variables.insert(id, grad);
                }
            }
        }
        gradients
    }

    fn put(&mut self, param: Param<T>, grad: V, norm_squared: Option<f64>) {
        let next = self.params.len();
        let place = *self.places.entry(param.key()).or_insert(next);
        if place == next {
            self.params.push(None);
        }
        self.params[place] = Some(ParamGrad { param, grad, norm_squared });
    }

    fn entry(&self, param: &Param<T>) -> Option<&ParamGrad<T, V>> {
        let place = *self.places.get(&param.key())?;
        self.params[place].as_ref()
    }

    fn entry_mut(&mut self, param: &Param<T>) -> Option<&mut ParamGrad<T, V>> {
        let place = *self.places.get(&param.key())?;
        self.params[place].as_mut()
    }

    /// The gradient by a variable ([`Tape::variable`](crate::Tape::variable)), or by a value that
    /// [retains](Var::retain_grad) it; `None` if the output does not depend on it.
    ///
    /// # Panics
    /// If `var` is on another tape.
    #[track_caller]
    pub fn wrt(&self, var: &Var<T>) -> Option<&V> {
        assert!(
            var.tape().inner.number == self.tape,
            "wrt: the variable is on another tape than these gradients"
        );
        self.variables.get(&var.id())
    }

    /// The gradient by a parameter; `None` if the output does not depend on it, or it is frozen.
    #[doc(alias = "grad")]
    pub fn get(&self, param: &Param<T>) -> Option<&V> {
        self.entry(param).map(|entry| &entry.grad)
    }

    /// [`get`](Self::get), with the squared Euclidean norm of the gradient where [`add`](Gradients::add) or
    /// [`backward_with_norms`](Var::backward_with_norms) has found it in passing.
    pub fn get_with_norm(&self, param: &Param<T>) -> Option<(&V, Option<f64>)> {
        self.entry(param).map(|entry| (&entry.grad, entry.norm_squared))
    }

    /// The gradient by a parameter, for writing.
    pub fn get_mut(&mut self, param: &Param<T>) -> Option<&mut V> {
        self.entry_mut(param).map(ParamGrad::grad_mut)
    }

    /// Takes the gradient by a parameter out.
    pub fn take(&mut self, param: &Param<T>) -> Option<V> {
        let place = *self.places.get(&param.key())?;
        self.params[place].take().map(|entry| entry.grad)
    }

    /// The parameters with their gradients, in the order of their first uses in the forward pass.
    pub fn iter(&self) -> impl Iterator<Item = (&Param<T>, &V)> {
        self.params.iter().flatten().map(|entry| (&entry.param, &entry.grad))
    }

    /// [`iter`](Self::iter), for writing.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&Param<T>, &mut V)> {
        self.params.iter_mut().flatten().map(|ParamGrad { param, grad, norm_squared }| {
            *norm_squared = None;
            (&*param, grad)
        })
    }

    /// How many parameters have a gradient here.
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Whether no parameter has a gradient here.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }
}

impl<T: Float> Gradients<T> {
    /// Inserts the gradient by a parameter, or replaces the one that is there.
    ///
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    pub fn insert(&mut self, param: &Param<T>, grad: Tensor<T>) {
        assert!(
            *grad.shape() == param.shape(),
            "insert: a gradient of shape {} for a parameter of shape {}",
            grad.shape(),
            param.shape()
        );
        self.put(param.tied(), grad, None);
    }

    /// Adds the parameter gradients of another pass: another shard of the batch, or another micro-batch.
    ///
    /// Their norms are found in passing, so that an optimizer need not go through memory again to look for infinities or to clip.
    pub fn add(&mut self, other: Gradients<T>) {
        for ParamGrad { param, grad, norm_squared } in other.params.into_iter().flatten() {
            match self.entry_mut(&param) {
                Some(sum) => sum.norm_squared = Some(sum.grad.add_norm_squared(&grad)),
                None => self.put(param, grad, norm_squared),
            }
        }
    }

    /// Multiplies all parameter gradients by a number.
    pub fn scale(&mut self, factor: T) {
        for (_, grad) in self.iter_mut() {
            *grad *= factor;
        }
    }

    /// The Euclidean norm of all parameter gradients together, as of one vector.
    pub fn norm(&self) -> f64 {
        let norm_squared =
            |entry: &ParamGrad<T, _>| entry.norm_squared.unwrap_or_else(|| Tensor::norm_squared(&entry.grad));
        self.params.iter().flatten().map(norm_squared).sum::<f64>().sqrt()
    }
}

impl<T: Float, V> ParamGrad<T, V> {
    /// The gradient, for writing.
    fn grad_mut(&mut self) -> &mut V {
        self.norm_squared = None;
        &mut self.grad
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_norm_that_is_known_is_that_of_what_is_there() {
        let w = Param::new(Tensor::from([1.0f64, 2.0]));
        let pass = || (Tape::new().param(&w) * 3.0).sum(..).backward();
        let known = |gradients: &Gradients<f64>| gradients.get_with_norm(&w).and_then(|(_, norm)| norm);
        let mut gradients = pass();
        assert_eq!((known(&gradients), gradients.norm()), (None, 18.0f64.sqrt()));
        gradients.add(pass());
        assert_eq!((known(&gradients), gradients.norm()), (Some(72.0), 72.0f64.sqrt()));
        gradients.scale(0.5);
        assert_eq!((known(&gradients), gradients.norm()), (None, 18.0f64.sqrt()));
        gradients.add(pass());
        *gradients.get_mut(&w).unwrap() += 1.0;
        assert_eq!((known(&gradients), gradients.norm()), (None, 98.0f64.sqrt()));
        gradients.add(pass());
        gradients.insert(&w, Tensor::from([3.0, 4.0]));
        assert_eq!((known(&gradients), gradients.norm()), (None, 5.0));
        let seed = Tensor::scalar(-2.0);
        let measured = (Tape::new().param(&w) * 3.0).sum(..).backward_with_norms(seed);
        assert_eq!((known(&measured), measured.norm()), (Some(72.0), 72.0f64.sqrt()));
    }
}
