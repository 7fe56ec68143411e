//! What a backward pass found.

use std::collections::HashMap;

use ravine_tensor::{Float, Tensor};

use crate::param::{Param, ParamKey};
use crate::tape::{NodeId, Tape};
use crate::var::Var;

/// The gradients that one backward pass found. They have left the tape, and may leave the thread.
///
/// With `V = Var`, as [`Var::backward_create_graph`] gives them, they are on the tape and can be differentiated again.
pub struct Gradients<T: Float = f32, V = Tensor<T>> {
    tape: usize,
    variables: HashMap<NodeId, V>,
    /// In the order of the parameters' first uses. What was taken out leaves a gap.
    params: Vec<Option<(Param<T>, V)>>,
    places: HashMap<ParamKey, usize>,
}

impl<T: Float, V> Gradients<T, V> {
    /// Sorts what a sweep found, which comes from the end of the tape to its beginning.
    pub(crate) fn new(tape: &Tape<T>, mut found: Vec<(NodeId, V)>) -> Self {
        found.reverse();
        let mut params = tape.params().into_iter().peekable();
        let mut gradients = Gradients {
            tape: tape.address(),
            variables: HashMap::new(),
            params: Vec::with_capacity(params.len()),
            places: HashMap::with_capacity(params.len()),
        };
        for (id, grad) in found {
            while params.next_if(|&(_, place)| place < id).is_some() {}
            match params.next_if(|&(_, place)| place == id) {
                Some((param, _)) => gradients.put(param, grad),
                None => {
                    gradients.variables.insert(id, grad);
                }
            }
        }
        gradients
    }

    fn put(&mut self, param: Param<T>, grad: V) {
        let next = self.params.len();
        let place = *self.places.entry(param.key()).or_insert(next);
        if place == next {
            self.params.push(None);
        }
        self.params[place] = Some((param, grad));
    }

    /// The gradient by a variable ([`Tape::variable`](crate::Tape::variable)), or by a value that
    /// [retains](Var::retain_grad) it; `None` if the output does not depend on it.
    ///
    /// # Panics
    /// If `var` is on another tape.
    #[track_caller]
    pub fn wrt(&self, var: &Var<T>) -> Option<&V> {
        assert!(
            var.tape().address() == self.tape,
            "wrt: the variable is on another tape than these gradients"
        );
        self.variables.get(&var.id())
    }

    /// The gradient by a parameter; `None` if the output does not depend on it, or it is frozen.
    pub fn get(&self, param: &Param<T>) -> Option<&V> {
        let place = *self.places.get(&param.key())?;
        self.params[place].as_ref().map(|(_, grad)| grad)
    }

    /// The gradient by a parameter, for writing.
    pub fn get_mut(&mut self, param: &Param<T>) -> Option<&mut V> {
        let place = *self.places.get(&param.key())?;
        self.params[place].as_mut().map(|(_, grad)| grad)
    }

    /// Takes the gradient by a parameter out.
    pub fn take(&mut self, param: &Param<T>) -> Option<V> {
        let place = *self.places.get(&param.key())?;
        self.params[place].take().map(|(_, grad)| grad)
    }

    /// The parameters with their gradients, in the order of their first uses in the forward pass.
    pub fn iter(&self) -> impl Iterator<Item = (&Param<T>, &V)> {
        self.params.iter().flatten().map(|(param, grad)| (param, grad))
    }

    /// [`iter`](Self::iter), for writing.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&Param<T>, &mut V)> {
        self.params.iter_mut().flatten().map(|(param, grad)| (&*param, grad))
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
    /// Puts the gradient by a parameter in, in place of the one there may be.
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
        self.put(param.tied(), grad);
    }

    /// Adds the parameter gradients of another pass: another shard of the batch, or another micro-batch.
    pub fn add(&mut self, other: Gradients<T>) {
        for (param, grad) in other.params.into_iter().flatten() {
            match self.get_mut(&param) {
                Some(sum) => *sum += &grad,
                None => self.put(param, grad),
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
        self.iter().map(|(_, grad)| grad.norm_squared()).sum::<f64>().sqrt()
    }
}
