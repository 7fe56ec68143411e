//! The samples of each batch, as pure functions of the seed and the position.

use std::sync::{Arc, Mutex, PoisonError};

use super::Order;

/// A position in a run: the batch `batch` of the epoch `epoch`, both counted from 0.
///
/// It is all that has to be saved to resume the data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The epoch.
    pub epoch: usize,
    /// The batch within the epoch.
    pub batch: usize,
}

/// The samples of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pick<'a> {
    /// The epoch that they are for. Only augmentation uses it; without epochs it is 0.
    pub epoch: usize,
    /// Which samples, in which order.
    pub indices: &'a [usize],
}

impl<'a> Pick<'a> {
    /// Cuts the samples into `n` runs, or fewer if there are fewer samples: no run is empty, and their lengths differ by at most one.
    ///
    /// ```
    /// # use ravine_data::Pick;
    /// let pick = Pick { epoch: 0, indices: &[5, 3, 8, 1, 9] };
    /// let shards: Vec<_> = pick.shards(3).map(|shard| shard.indices).collect();
    /// assert_eq!(shards, [&[5][..], &[3, 8], &[1, 9]]);
    /// ```
    ///
    /// # Panics
    /// If `n` is 0.
    #[track_caller]
    pub fn shards(self, n: usize) -> impl ExactSizeIterator<Item = Pick<'a>> {
        assert!(n > 0, "shards: 0 asked for; at least 1 is needed");
        let len = self.indices.len();
        let n = n.min(len);
        (0..n).map(move |i| Pick { indices: &self.indices[i * len / n..(i + 1) * len / n], ..self })
    }
}

/// How a number of samples is cut into batches, epoch after epoch.
///
/// ```
/// use ravine_data::{Order, Plan};
///
/// let plan = Plan::new(10, 4, Order::Sequential);
/// assert_eq!(plan.batches_per_epoch(), 3);
/// let epoch = plan.epoch(0);
/// assert_eq!(epoch.batch(0).indices, [0, 1, 2, 3]);
/// assert_eq!(epoch.batch(2).indices, [8, 9]);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    samples: usize,
    batch_size: usize,
    order: Order,
    drop_last: bool,
}

impl Plan {
    /// Batches of `batch_size` samples; the last one of an epoch may have fewer.
    ///
    /// # Panics
    /// If the batch size is 0, or the order is for another number of samples.
    #[track_caller]
    pub fn new(samples: usize, batch_size: usize, order: Order) -> Self {
        assert!(batch_size > 0, "batch_size: found 0, expected at least 1");
        order.check(samples);
        Plan { samples, batch_size, order, drop_last: false }
    }

    /// Whether to leave out the last batch of an epoch if it is not full. With a shuffled order other samples miss each epoch.
    #[must_use]
    pub fn drop_last(mut self, drop_last: bool) -> Self {
        self.drop_last = drop_last;
        self
    }

    /// The number of samples.
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// The order in which they come.
    pub fn order(&self) -> &Order {
        &self.order
    }

    /// The number of samples in a full batch.
    pub fn batch_size(&self) -> usize {
        self.batch_size
    }

    /// The number of batches in an epoch; 0 if there is no sample, or if the only batch is not full and left out.
    pub fn batches_per_epoch(&self) -> usize {
        if self.drop_last { self.samples / self.batch_size } else { self.samples.div_ceil(self.batch_size) }
    }

    /// The batches of one epoch. Takes time and memory for each sample, so it is made once an epoch.
    pub fn epoch(&self, epoch: usize) -> Epoch {
        let order = self.order.indices(epoch, self.samples);
        Epoch { number: epoch, order, batch_size: self.batch_size, batches: self.batches_per_epoch() }
    }

    /// Whether there is a batch at this position.
    pub fn contains(&self, position: Position) -> bool {
        position.batch < self.batches_per_epoch()
    }

    /// The next position.
    pub fn next(&self, Position { epoch, batch }: Position) -> Position {
        if batch + 1 < self.batches_per_epoch() {
            Position { epoch, batch: batch + 1 }
        } else {
            Position { epoch: epoch + 1, batch: 0 }
        }
    }

    /// The position after `step` batches.
    ///
    /// # Panics
    /// If an epoch has no batch.
    #[track_caller]
    pub fn position(&self, step: usize) -> Position {
        let per_epoch = self.batches_per_epoch();
        assert!(per_epoch > 0, "position: an epoch of {} samples has no batch", self.samples);
        Position { epoch: step / per_epoch, batch: step % per_epoch }
    }

    /// The number of batches before this position.
    pub fn step(&self, position: Position) -> usize {
        position.epoch * self.batches_per_epoch() + position.batch
    }
}

/// The batches of one epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Epoch {
    number: usize,
    order: Vec<usize>,
    batch_size: usize,
    batches: usize,
}

impl Epoch {
    /// Which epoch this is, counted from 0.
    pub fn number(&self) -> usize {
        self.number
    }

    /// The number of batches.
    pub fn len(&self) -> usize {
        self.batches
    }

    /// Whether there is no batch.
    pub fn is_empty(&self) -> bool {
        self.batches == 0
    }

    /// The samples of batch `k`.
    ///
    /// # Panics
    /// If there is no such batch.
    #[track_caller]
    pub fn batch(&self, k: usize) -> Pick<'_> {
        assert!(k < self.batches, "batch {k} of an epoch that has {}", self.batches);
        let first = k * self.batch_size;
        let end = (first + self.batch_size).min(self.order.len());
        Pick { epoch: self.number, indices: &self.order[first..end] }
    }

    /// The samples of each batch.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Pick<'_>> {
        (0..self.batches).map(|k| self.batch(k))
    }
}

/// The epochs of a plan. The last two that were made are cached: at the end of an epoch, threads that read ahead are in the next one already.
#[derive(Debug)]
pub struct Epochs {
    plan: Plan,
    made: Mutex<[Option<Arc<Epoch>>; 2]>,
}

impl Epochs {
    /// The epochs of this plan.
    pub fn new(plan: Plan) -> Self {
        Epochs { plan, made: Mutex::default() }
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The batches of one epoch.
    pub fn get(&self, number: usize) -> Arc<Epoch> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(epoch) = made.iter().flatten().find(|epoch| epoch.number() == number) {
            return Arc::clone(epoch);
        }
        let epoch = Arc::new(self.plan.epoch(number));
        made.swap(0, 1);
        made[0] = Some(Arc::clone(&epoch));
        epoch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_two_epochs_are_remembered() {
        let epochs = Epochs::new(Plan::new(10, 4, Order::Shuffled { seed: 3 }));
        let first = epochs.get(4);
        assert_eq!(*first, epochs.plan().epoch(4));
        let second = epochs.get(5);
        assert!(Arc::ptr_eq(&first, &epochs.get(4)) && Arc::ptr_eq(&second, &epochs.get(5)));
        assert_eq!(*epochs.get(2), epochs.plan().epoch(2));
        assert!(Arc::ptr_eq(&second, &epochs.get(5)) && !Arc::ptr_eq(&first, &epochs.get(4)));
    }

    #[test]
    fn every_sample_comes_once_an_epoch() {
        for (samples, batch_size) in [(1, 1), (7, 1), (10, 3), (10, 5), (10, 64), (1000, 32)] {
            let plan = Plan::new(samples, batch_size, Order::Shuffled { seed: 3 });
            for epoch in 0..4 {
                let epoch = plan.epoch(epoch);
                let mut seen: Vec<usize> = epoch.iter().flat_map(|pick| pick.indices.to_vec()).collect();
                seen.sort_unstable();
                assert!(seen.into_iter().eq(0..samples), "{plan:?}");
                let full = epoch.iter().filter(|pick| pick.indices.len() == batch_size).count();
                assert_eq!(full, plan.clone().drop_last(true).batches_per_epoch());
            }
        }
    }

    #[test]
    fn dropping_the_last_batch_changes_no_other() {
        let plan = Plan::new(10, 4, Order::Shuffled { seed: 3 });
        let (whole, dropped) = (plan.epoch(5), plan.clone().drop_last(true).epoch(5));
        assert_eq!((whole.len(), dropped.len()), (3, 2));
        assert!(dropped.iter().eq(whole.iter().take(2)));
        assert_eq!(whole.batch(1).epoch, 5);
        assert!(Plan::new(3, 4, Order::Sequential).drop_last(true).epoch(0).is_empty());
    }

    #[test]
    fn steps_and_positions_are_two_names_of_one_place() {
        let plan = Plan::new(10, 4, Order::Sequential);
        let mut position = Position::default();
        for step in 0..10 {
            assert!(plan.contains(position));
            assert_eq!((plan.position(step), plan.step(position)), (position, step));
            position = plan.next(position);
        }
        assert_eq!(position, Position { epoch: 3, batch: 1 });
        assert!(!plan.contains(Position { epoch: 0, batch: 3 }));
    }

    #[test]
    fn shards_hold_the_batch_in_order() {
        let indices: Vec<usize> = (100..117).collect();
        for len in 0..indices.len() {
            let pick = Pick { epoch: 2, indices: &indices[..len] };
            for n in 1..20 {
                let shards: Vec<Pick> = pick.shards(n).collect();
                assert_eq!(shards.len(), n.min(len));
                let sizes = shards.iter().map(|shard| shard.indices.len());
                assert!(sizes.clone().max().unwrap_or(0) - sizes.min().unwrap_or(0) <= 1);
                assert!(shards.iter().flat_map(|shard| shard.indices).eq(pick.indices));
                assert!(shards.iter().all(|shard| shard.epoch == 2 && !shard.indices.is_empty()));
            }
        }
    }

    #[test]
    #[should_panic(expected = "batch_size: found 0, expected at least 1")]
    fn empty_batches() {
        Plan::new(10, 0, Order::Sequential);
    }

    #[test]
    #[should_panic(expected = "an order of 1 samples, but there are 10")]
    fn the_order_of_other_samples() {
        Plan::new(10, 4, Order::Stratified { seed: 0, strata: crate::Strata::new(&[0]) });
    }

    #[test]
    #[should_panic(expected = "batch 3 of an epoch that has 3")]
    fn outside() {
        Plan::new(10, 4, Order::Sequential).epoch(0).batch(3);
    }

    #[test]
    #[should_panic(expected = "position: an epoch of 3 samples has no batch")]
    fn nowhere() {
        Plan::new(3, 4, Order::Sequential).drop_last(true).position(0);
    }
}
