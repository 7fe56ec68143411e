//! Control over gradients: stopping them, letting them pass unchanged, observing and changing them on their way.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use ravine_tensor::{Float, Tensor};

use crate::tape::{NodeId, Tape};
use crate::var::{Var, record};

type Hook<T> = Rc<dyn Fn(&Var<T>) -> Option<Var<T>>>;

/// What is to be done with complete gradients, by node of the tape.
pub(crate) struct Hooks<T: Float> {
    places: RefCell<BTreeMap<NodeId, Place<T>>>,
}

struct Place<T: Float> {
    hooks: Vec<Hook<T>>,
    retain: bool,
}

impl<T: Float> Default for Hooks<T> {
    fn default() -> Self {
        Hooks { places: RefCell::default() }
    }
}

impl<T: Float> Hooks<T> {
    fn change(&self, id: NodeId, change: impl FnOnce(&mut Place<T>)) {
        let mut places = self.places.borrow_mut();
        change(places.entry(id).or_insert_with(|| Place { hooks: Vec::new(), retain: false }));
    }

    /// The gradient of a node after its hooks, and whether it is to be kept.
    #[track_caller]
    pub(crate) fn run(&self, id: NodeId, mut dy: Var<T>) -> (Var<T>, bool) {
        let (hooks, retain) = match self.places.borrow().get(&id) {
            None => return (dy, false),
            Some(place) => (place.hooks.clone(), place.retain),
        };
        for hook in hooks {
            if let Some(replaced) = hook(&dy) {
                assert!(
                    replaced.tape().is(dy.tape()),
                    "hook: a gradient on another tape than the one that it replaces; make constants with g.constant(..)"
                );
                assert!(
                    replaced.shape() == dy.shape(),
                    "hook: a gradient of shape {} in place of one of shape {}",
                    replaced.shape(),
                    dy.shape()
                );
                dy = replaced;
            }
        }
        (dy, retain)
    }

    /// Removes the entries of nodes from `len` on.
    pub(crate) fn truncate(&self, len: usize) {
        let dropped = self.places.borrow_mut().split_off(&NodeId::at(len));
        drop(dropped);
    }
}

impl<T: Float> Tape<T> {
    /// Runs `f` as a pass that evaluates, whatever this one is: dropout passes everything, and batch norm uses its running statistics and leaves
    /// them as they are. Gradients are recorded as ever.
    ///
    /// For a part of a model that stays as it was trained before while the rest is trained: PyTorch's `model.backbone.eval()`.
    ///
    /// ```
    /// use ravine_autograd::Tape;
    /// use ravine_tensor::Rng;
    ///
    /// let tape: Tape = Tape::train(Rng::new(0));
    /// assert!(!tape.evaluating(|| tape.is_training()));
    /// assert!(tape.is_training());
    /// ```
    pub fn evaluating<R>(&self, f: impl FnOnce() -> R) -> R {
        let _until_the_end = put(&self.inner.training, false);
        f()
    }
}

impl<T: Float> Var<T> {
    /// Whether both are the same value: the same view of the same numbers, at the same index of the same tape (or both constants).
    ///
    /// ```
    /// use ravine_autograd::Tape;
    /// use ravine_tensor::Tensor;
    ///
    /// let x = Tape::new().variable(Tensor::from([[1.0, 2.0], [3.0, 4.0]]));
    /// assert!(x.is(&x.clone()));
    /// assert!(!x.is(&x.t()) && !x.is(&x.detach()));
    /// assert!(x.detach().is(&x.detach()) && !x.detach().is(&x.detach().t()));
    /// ```
    pub fn is(&self, other: &Var<T>) -> bool {
        self.tape().is(other.tape()) && self.id() == other.id() && self.value().is_same_view(other.value())
    }

    /// The same numbers as a constant: no gradient flows back through it.
    pub fn detach(&self) -> Var<T> {
        self.constant(self.value().clone())
    }

    /// [`detach`](Self::detach) by the name that JAX and TensorFlow give it.
    pub fn stop_gradient(&self) -> Var<T> {
        self.detach()
    }

    /// `y = value`, and yet `dx = dy`: the straight-through estimator, for functions without a useful derivative.
    ///
    /// Source: Bengio, Léonard and Courville 2013, 'Estimating or propagating gradients through stochastic neurons'.
    ///
    /// ```
    /// use ravine_autograd::Tape;
    /// use ravine_tensor::Tensor;
    ///
    /// let x = Tape::new().variable(Tensor::from([0.2, 0.9]));
    /// let bits = x.straight_through(x.value().round());
    /// assert_eq!(bits.value().to_vec(), [0.0, 1.0]);
    /// assert_eq!((bits * 3.0).sum(..).backward().wrt(&x).unwrap().to_vec(), [3.0, 3.0]);
    /// ```
    ///
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    pub fn straight_through(&self, value: Tensor<T>) -> Var<T> {
        assert!(
            value.shape() == self.shape(),
            "straight_through: a value of shape {} in place of one of shape {}",
            value.shape(),
            self.shape()
        );
        record("straight_through", [self], value, |dy, _| [Some(dy.clone())])
    }

    /// Calls `f` with the gradient by this value in every backward pass, once it is complete: the sum over all uses. If `f` returns a
    /// gradient, that goes on in its place.
    ///
    /// Several hooks run in the order in which they were set, each with what the one before it returned. On a value through which no
    /// gradient flows this does nothing. `f` should hold values of this pass as `Tensor`s: a `Var` would keep the tape alive, which keeps
    /// `f` alive, so that neither would ever be freed.
    ///
    /// ```
    /// use std::{cell::Cell, rc::Rc};
    ///
    /// use ravine_autograd::Tape;
    /// use ravine_tensor::Tensor;
    ///
    /// let tape = Tape::new();
    /// let x = tape.variable(Tensor::from([1.0, 2.0]));
    /// let h = x.exp();
    /// // One that observes, and one that clips.
    /// let norm = Rc::new(Cell::new(0.0));
    /// let seen = norm.clone();
    /// h.hook(move |g| {
    ///     seen.set(g.value().norm_squared().sqrt());
    ///     None
    /// });
    /// h.hook(|g| Some(g.clamp(-1.0, 1.0)));
    /// let grads = (&h * 3.0).sum(..).backward();
    /// assert_eq!(norm.get(), 18f64.sqrt());
    /// assert_eq!(grads.wrt(&x).unwrap(), x.exp().value());
    /// ```
    ///
    /// # Panics
    /// In backward, if `f` returns a gradient of another shape, or on another tape.
    #[doc(alias = "register_hook")]
    pub fn hook(&self, f: impl Fn(&Var<T>) -> Option<Var<T>> + 'static) {
        if self.requires_grad() && self.tape().is_recording() {
            self.tape().hooks().change(self.id(), |place| place.hooks.push(Rc::new(f)));
        }
    }

    /// Makes backward keep the gradient by this value, which is not a leaf: [`Gradients::wrt`](crate::Gradients::wrt) then has it.
    pub fn retain_grad(&self) {
        if self.requires_grad() {
            self.tape().hooks().change(self.id(), |place| place.retain = true);
        }
    }
}

/// Puts `value` into a cell until the returned guard is dropped, which restores the old one.
pub(crate) fn put<V: Copy>(cell: &Cell<V>, value: V) -> impl Drop + '_ {
    struct Restore<'a, V: Copy>(&'a Cell<V>, V);
    impl<V: Copy> Drop for Restore<'_, V> {
        fn drop(&mut self) {
            self.0.set(self.1);
        }
    }
    Restore(cell, cell.replace(value))
}
