//! The state of models: parameters, which are trained, and buffers, which are kept but not trained.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use ravine_tensor::{Float, Shape, Tensor};

use crate::tape::Tape;

/// A trained tensor of a model.
///
/// A parameter has an identity besides its value: [`tied`](Self::tied) gives another handle to the same parameter, for weights used in
/// two places, and `clone` an independent copy. Tapes on any number of threads can read it at once.
pub struct Param<T: Float = f32> {
    cell: Arc<Cell<T>>,
}

struct Cell<T: Float> {
    value: RwLock<Tensor<T>>,
    frozen: AtomicBool,
    optional: AtomicBool,
}

/// The identity of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ParamKey(usize);

impl<T: Float> Param<T> {
    /// A parameter with this initial value.
    pub fn new(value: Tensor<T>) -> Self {
        Param {
            cell: Arc::new(Cell {
                value: RwLock::new(value.contiguous()),
                frozen: AtomicBool::new(false),
                optional: AtomicBool::new(false),
            }),
        }
    }

    /// The same parameter again: trained and counted once, its gradients summed.
    #[doc(alias = "weight_tying")]
    pub fn tied(&self) -> Self {
        Param { cell: self.cell.clone() }
    }

    /// Whether both are the same parameter.
    pub fn is(&self, other: &Param<T>) -> bool {
        Arc::ptr_eq(&self.cell, &other.cell)
    }

    pub(crate) fn key(&self) -> ParamKey {
        ParamKey(Arc::as_ptr(&self.cell) as *const () as usize)
    }

    /// Its value. The numbers are shared, not copied.
    pub fn value(&self) -> Tensor<T> {
        self.cell.value.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The size along each axis.
    pub fn shape(&self) -> Shape {
        *self.cell.value.read().unwrap_or_else(PoisonError::into_inner).shape()
    }

    /// Replaces the value.
    ///
    /// # Panics
    /// If the shape differs.
    #[track_caller]
    pub fn set(&self, value: Tensor<T>) {
        let shape = self.shape();
        assert!(
            *value.shape() == shape,
            "set: a parameter of shape {shape} cannot take a value of shape {}",
            value.shape()
        );
        *self.cell.value.write().unwrap_or_else(PoisonError::into_inner) = value.contiguous();
    }

    /// Changes the value in place. Other readers of the parameter wait until `f` returns; so `f` must not read it itself, nor wait for
    /// a thread that does. (It may call kernels, which never wait for another thread's work.)
    ///
    /// # Panics
    /// If `f` changes the shape.
    #[track_caller]
    pub fn update<R>(&self, f: impl FnOnce(&mut Tensor<T>) -> R) -> R {
        let mut value = self.cell.value.write().unwrap_or_else(PoisonError::into_inner);
        let shape = *value.shape();
        let result = f(&mut value);
        assert!(
            *value.shape() == shape,
            "update: a parameter of shape {shape} cannot take a value of shape {}",
            value.shape()
        );
        result
    }

    /// A frozen parameter is a constant: it gets no gradient and no optimizer changes it.
    pub fn is_frozen(&self) -> bool {
        self.cell.frozen.load(Ordering::Relaxed)
    }

    /// Freezes (`true`) or thaws (`false`) it.
    #[doc(alias = "requires_grad_")]
    pub fn set_frozen(&self, frozen: bool) {
        self.cell.frozen.store(frozen, Ordering::Relaxed);
    }

    /// Whether the loss may leave this parameter without a gradient. Otherwise that is an error at the optimizer's step.
    pub fn is_optional(&self) -> bool {
        self.cell.optional.load(Ordering::Relaxed)
    }

    /// Declares that the loss may (`true`) or must not (`false`) leave this parameter without a gradient.
    pub fn set_optional(&self, optional: bool) {
        self.cell.optional.store(optional, Ordering::Relaxed);
    }
}

/// An independent copy, with the same value and flags.
impl<T: Float> Clone for Param<T> {
    fn clone(&self) -> Self {
        let copy = Param::new(self.value());
        copy.set_frozen(self.is_frozen());
        copy.set_optional(self.is_optional());
        copy
    }
}

impl<T: Float> fmt::Debug for Param<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Param({:?})", self.value())
    }
}

/// A tensor of a model that is saved but not trained, such as the running statistics of batch norm.
///
/// A forward pass cannot write it: it notes what it saw on the tape ([`Tape::update_buffer`](crate::Tape::update_buffer)),
/// and the notes of all shards are applied together when the step is done.
pub struct Buffer<T: Float = f32> {
    value: Arc<RwLock<Tensor<T>>>,
}

impl<T: Float> Buffer<T> {
    /// A buffer with this initial value.
    pub fn new(value: Tensor<T>) -> Self {
        Buffer { value: Arc::new(RwLock::new(value.contiguous())) }
    }

    /// Its value. The numbers are shared, not copied.
    pub fn value(&self) -> Tensor<T> {
        self.value.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The size along each axis.
    pub fn shape(&self) -> Shape {
        *self.value.read().unwrap_or_else(PoisonError::into_inner).shape()
    }

    /// Replaces the value.
    ///
    /// # Panics
    /// If the shape differs.
    #[track_caller]
    pub fn set(&self, value: Tensor<T>) {
        let shape = self.shape();
        assert!(
            *value.shape() == shape,
            "set: a buffer of shape {shape} cannot take a value of shape {}",
            value.shape()
        );
        *self.value.write().unwrap_or_else(PoisonError::into_inner) = value.contiguous();
    }

    /// The same buffer again, for a list of them.
    pub(crate) fn same(&self) -> Self {
        Buffer { value: self.value.clone() }
    }

    /// Whether both are the same buffer.
    pub fn is(&self, other: &Buffer<T>) -> bool {
        Arc::ptr_eq(&self.value, &other.value)
    }
}

/// An independent copy.
impl<T: Float> Clone for Buffer<T> {
    fn clone(&self) -> Self {
        Buffer::new(self.value())
    }
}

impl<T: Float> fmt::Debug for Buffer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Buffer({:?})", self.value())
    }
}

/// A parameter or a buffer: what a walk over a module finds at the end of a path.
pub enum Leaf<'a> {
    /// A trained tensor.
    Param(&'a Param),
    /// A tensor that is saved but not trained.
    Buffer(&'a Buffer),
}

impl Leaf<'_> {
    /// Its value. The numbers are shared, not copied.
    pub fn value(&self) -> Tensor {
        match self {
            Leaf::Param(param) => param.value(),
            Leaf::Buffer(buffer) => buffer.value(),
        }
    }

    /// The size along each axis.
    pub fn shape(&self) -> Shape {
        match self {
            Leaf::Param(param) => param.shape(),
            Leaf::Buffer(buffer) => buffer.shape(),
        }
    }

    /// Replaces the value.
    ///
    /// # Panics
    /// If the shape differs.
    #[track_caller]
    pub fn set(&self, value: Tensor) {
        match self {
            Leaf::Param(param) => param.set(value),
            Leaf::Buffer(buffer) => buffer.set(value),
        }
    }
}

struct BufferUpdate<T: Float> {
    buffer: Buffer<T>,
    statistic: Tensor<T>,
    momentum: f64,
    samples: usize,
}

impl<T: Float> BufferUpdate<T> {
    /// The mean with another statistic of the same buffer, weighted by samples.
    fn join(&mut self, other: BufferUpdate<T>) {
        let total = (self.samples + other.samples).max(1);
        let share = T::of(other.samples as f64 / total as f64);
        self.statistic.zip_(&other.statistic, |mean, x| *mean += share * (x - *mean));
        self.samples = total;
    }
}

/// The buffer updates that the forward passes of one step have noted, in the order of their calls.
pub struct BufferUpdates<T: Float = f32> {
    list: Vec<BufferUpdate<T>>,
}

impl<T: Float> Default for BufferUpdates<T> {
    fn default() -> Self {
        BufferUpdates { list: Vec::new() }
    }
}

impl<T: Float> BufferUpdates<T> {
    #[track_caller]
    pub(crate) fn push(&mut self, buffer: &Buffer<T>, statistic: Tensor<T>, momentum: f64, samples: usize) {
        assert!(
            *statistic.shape() == buffer.shape(),
            "update_buffer: a buffer of shape {} cannot take a statistic of shape {}",
            buffer.shape(),
            statistic.shape()
        );
        self.list.push(BufferUpdate { buffer: buffer.same(), statistic, momentum, samples });
    }

    /// Whether there is nothing to apply.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Joins the updates of the shards of one batch: the statistic becomes the mean over shards, weighted by samples, in the order of
    /// the shards. The k-th update of each shard goes with the k-th of the others, so every shard must have run the same layers.
    ///
    /// # Panics
    /// If the shards updated different buffers.
    pub fn merge(shards: Vec<BufferUpdates<T>>) -> BufferUpdates<T> {
        let mut shards = shards.into_iter();
        let mut merged = shards.next().unwrap_or_default();
        for shard in shards {
            let same = shard.list.len() == merged.list.len()
                && shard.list.iter().zip(&merged.list).all(|(a, b)| a.buffer.is(&b.buffer));
            assert!(same, "the shards of one step updated different buffers: each must run the same layers");
            for (sum, update) in merged.list.iter_mut().zip(shard.list) {
                sum.join(update);
            }
        }
        merged
    }

    /// Applies them: `buffer <- (1 - momentum) buffer + momentum statistic`.
    pub fn apply(self) {
        for BufferUpdate { buffer, statistic, momentum, .. } in self.list {
            let m = T::of(momentum);
            buffer
                .value
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .zip_(&statistic, |value, x| *value += m * (x - *value));
        }
    }

    /// Puts the statistics themselves in the place of the buffers, whatever these were: `buffer <- statistic`, or the mean of several of one buffer,
    /// weighted by samples.
    ///
    /// What batch norm should go by after its weights were [averaged](https://arxiv.org/abs/1803.05407), or loaded without statistics: the mean over
    /// some training batches, [merged](Self::merge). Source: Izmailov et al. 2018, 'Averaging weights leads to wider optima and better
    /// generalization'.
    ///
    /// ```
    /// use ravine_autograd::{Buffer, BufferUpdates, Tape};
    /// use ravine_tensor::{Rng, Tensor};
    ///
    /// let mean = Buffer::new(Tensor::from([100.0]));
    /// let of_batch = |x: f32| {
    ///     let tape: Tape = Tape::train(Rng::new(0));
    ///     tape.update_buffer(&mean, Tensor::from([x]), 0.1, 32); // a norm does this
    ///     tape.take_buffer_updates()
    /// };
    /// BufferUpdates::merge([1.0, 2.0, 6.0].map(of_batch).into()).set();
    /// assert_eq!(mean.value().to_vec(), [3.0]);
    /// ```
    #[doc(alias("update_bn", "cumulative"))]
    pub fn set(self) {
        let mut means: Vec<BufferUpdate<T>> = Vec::new();
        for update in self.list {
            match means.iter_mut().find(|mean| mean.buffer.is(&update.buffer)) {
                Some(mean) => mean.join(update),
                None => means.push(update),
            }
        }
        means.into_iter().for_each(|mean| mean.buffer.set(mean.statistic));
    }
}

impl<T: Float> Tape<T> {
    /// Notes that `buffer` is to move towards `statistic`, which was computed from `samples` samples:
    /// `buffer <- (1 - momentum) buffer + momentum statistic`, once the step is done.
    ///
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    pub fn update_buffer(&self, buffer: &Buffer<T>, statistic: Tensor<T>, momentum: f64, samples: usize) {
        self.inner.updates.borrow_mut().push(buffer, statistic, momentum, samples);
    }

    /// The buffer updates noted so far, to be applied when the step is done. The tape forgets them.
    pub fn take_buffer_updates(&self) -> BufferUpdates<T> {
        self.inner.updates.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tied_is_the_same_and_clone_is_another() {
        let p = Param::new(Tensor::from([1.0f32, 2.0]));
        let (tied, copy) = (p.tied(), p.clone());
        p.update(|w| *w *= 3.0);
        assert_eq!(tied.value().to_vec(), [3.0, 6.0]);
        assert_eq!(copy.value().to_vec(), [1.0, 2.0]);
        assert!(p.is(&tied) && !p.is(&copy));
    }

    #[test]
    fn updating_does_not_change_what_was_read_before() {
        let p = Param::new(Tensor::from([1.0f32]));
        let before = p.value();
        p.update(|w| w.as_mut_slice()[0] = 5.0);
        assert_eq!((before.item(), p.value().item()), (1.0, 5.0));
    }

    #[test]
    #[should_panic(expected = "set: a parameter of shape [2] cannot take a value of shape [3]")]
    fn set_keeps_the_shape() {
        Param::new(Tensor::<f32>::zeros([2])).set(Tensor::zeros([3]));
    }

    #[test]
    fn several_statistics_of_one_buffer_are_set_as_their_mean() {
        let [once, twice] = [1.0f64, 2.0].map(|x| Buffer::new(Tensor::from([x])));
        let mut updates = BufferUpdates::default();
        for (buffer, x, samples) in [(&twice, 4.0, 1), (&once, 7.0, 5), (&twice, 8.0, 3)] {
            updates.push(buffer, Tensor::from([x]), 0.1, samples);
        }
        updates.set();
        assert_eq!((once.value().item(), twice.value().item()), (7.0, 7.0));
    }

    #[test]
    fn shards_merge_by_samples() {
        let buffer = Buffer::new(Tensor::from([10.0f64]));
        let shard = |x: f64, samples| {
            let mut updates = BufferUpdates::default();
            updates.push(&buffer, Tensor::from([x]), 0.1, samples);
            updates
        };
        BufferUpdates::merge(vec![shard(1.0, 30), shard(5.0, 10)]).apply();
        assert!((buffer.value().item() - (0.9 * 10.0 + 0.1 * 2.0)).abs() < 1e-12);
    }
}
