//! Substitutes for parameters: a model as a function of weights that were computed.

use std::cell::RefCell;

use ravine_tensor::{Float, Tensor};

use crate::param::{Param, ParamKey};
use crate::tape::{NodeId, Tape};
use crate::var::Var;

/// Values on a tape that stand for parameters; of several for the same one, the last. (Not as variables: the tape would hold itself.)
pub(crate) type Values<T> = Vec<(ParamKey, NodeId, Tensor<T>)>;

/// What a tape gives for parameters, besides themselves.
pub(crate) struct Substitutes<T: Float> {
    values: RefCell<Values<T>>,
    /// What a checkpointed function was given in its first run, while that lasts.
    noted: RefCell<Option<Vec<Var<T>>>>,
}

impl<T: Float> Default for Substitutes<T> {
    fn default() -> Self {
        Substitutes { values: RefCell::default(), noted: RefCell::new(None) }
    }
}

impl<T: Float> Substitutes<T> {
    /// Begins to note what is given, or ends; and what was noted until now.
    pub(crate) fn note_into(&self, noted: Option<Vec<Var<T>>>) -> Option<Vec<Var<T>>> {
        self.noted.replace(noted)
    }

    pub(crate) fn is_noting(&self) -> bool {
        self.noted.borrow().is_some()
    }

    pub(crate) fn note(&self, given: &Var<T>) {
        if let Some(noted) = self.noted.borrow_mut().as_mut() {
            noted.push(given.clone());
        }
    }

    pub(crate) fn values(&self) -> Values<T> {
        self.values.borrow().clone()
    }

    /// Other values; and those until now.
    pub(crate) fn replace(&self, values: Values<T>) -> Values<T> {
        self.values.replace(values)
    }
}

impl<T: Float> Tape<T> {
    /// Runs `f`, in which [`param`](Self::param) gives these values in place of the parameters that they stand beside: a model with weights
    /// that were computed. Gradients go on into what they were computed from.
    ///
    /// So weights can be differentiated through steps of an optimizer (below, one of descent), come from another network, or be normalised. The
    /// parameters keep their own values, and may be frozen. Inside another such call, its values stand where these do not.
    ///
    /// Source: Finn, Abbeel and Levine 2017, 'Model-agnostic meta-learning'.
    ///
    /// ```
    /// use ravine_autograd::{Param, Tape, grad};
    /// use ravine_tensor::Tensor;
    ///
    /// let w = Param::new(Tensor::scalar(3.0));
    /// let tape = Tape::new();
    /// let loss = || tape.param(&w).square();
    /// let step = &grad(&loss(), &[&tape.param(&w)], true)[0] * 0.25;
    /// let after = tape.with_params(&[(&w, &(tape.param(&w) - step))], loss);
    /// // (w - 2w / 4)², and its derivative w / 2.
    /// assert_eq!((after.item(), after.backward().get(&w).unwrap().item()), (2.25, 1.5));
    /// ```
    ///
    /// # Panics
    /// If a value has another shape than its parameter, or is on another tape.
    #[track_caller]
    #[doc(alias("functional_call", "parametrize", "stateless"))]
    pub fn with_params<R>(&self, values: &[(&Param<T>, &Var<T>)], f: impl FnOnce() -> R) -> R {
        for (param, value) in values {
            assert!(
                param.shape() == *value.shape(),
                "with_params: a parameter of shape {} cannot have a value of shape {}",
                param.shape(),
                value.shape()
            );
            assert!(value.tape().is(self), "with_params: a value is on another tape");
        }
        let _until_the_end = self.substituting(values);
        f()
    }

    /// These values in place of parameters until what this returns is dropped.
    fn substituting(&self, values: &[(&Param<T>, &Var<T>)]) -> impl Drop + '_ {
        struct Restore<'a, T: Float>(&'a RefCell<Values<T>>, usize);
        impl<T: Float> Drop for Restore<'_, T> {
            fn drop(&mut self) {
                self.0.borrow_mut().truncate(self.1);
            }
        }
        let substitutes = &self.inner.substitutes.values;
        let before = substitutes.borrow().len();
        substitutes
            .borrow_mut()
            .extend(values.iter().map(|(param, x)| (param.key(), x.id(), x.value().clone())));
        Restore(substitutes, before)
    }

    /// What stands for `param`, if anything does.
    pub(crate) fn substitute_for(&self, param: &Param<T>) -> Option<Var<T>> {
        let (values, key) = (self.inner.substitutes.values.borrow(), param.key());
        let (_, id, value) = values.iter().rev().find(|(known, ..)| *known == key)?;
        let given = Var::at(self.clone(), *id, value.clone());
        self.inner.substitutes.note(&given);
        Some(given)
    }
}
