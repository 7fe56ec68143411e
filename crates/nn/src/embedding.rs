//! Vectors for the entries of a vocabulary.

use ravine_autograd::{Module, Param, Tape, Var};
use ravine_tensor::{Rng, Tensor};

use crate::check;

/// `y[.., :] = weight[index[..], :]`: a learned vector for each entry of a vocabulary.
///
/// Shapes: indices `[..] -> [.., features]`. With [`padding_idx`](Self::padding_idx), the vector of that entry is 0 at first and gets no gradient.
///
/// Initialisation: normal with mean 0 and variance 1, PyTorch's default.
///
/// Bengio et al. 2003, 'A neural probabilistic language model'.
///
/// ```
/// use ravine_autograd::Tape;
/// use ravine_nn::Embedding;
/// use ravine_tensor::{Rng, Tensor};
///
/// let embedding = Embedding::new(1000, 16, &mut Rng::new(0)).padding_idx(0);
/// let y = embedding.forward(&Tape::eval(), &Tensor::from([[5, 7, 0], [8, 0, 0]]));
/// assert_eq!(y.shape(), &[2, 3, 16]);
/// assert!(y.value().index(0, 1).index(0, 2).iter().all(|y| y == 0.0));
/// ```
#[derive(Clone, Debug, Module)]
#[module(display)]
pub struct Embedding {
    /// `[entries, features]`.
    pub weight: Param,
    padding_idx: Option<usize>,
}

impl Embedding {
    /// A table of `entries` vectors of `features` numbers.
    ///
    /// # Panics
    /// If either is 0.
    #[track_caller]
    pub fn new(entries: usize, features: usize, rng: &mut Rng) -> Self {
        check::positive("Embedding", &[("entries", entries), ("features", features)]);
        Embedding { weight: Param::new(Tensor::randn([entries, features], rng)), padding_idx: None }
    }

    /// The embedding with an entry that stands for nothing, where sequences are filled up to one length: its vector is set to 0, and stays.
    ///
    /// # Panics
    /// If there is no such entry.
    #[track_caller]
    #[must_use]
    pub fn padding_idx(mut self, entry: usize) -> Self {
        set_to_zero("Embedding", &self.weight, entry);
        self.padding_idx = Some(entry);
        self
    }

    /// The vectors of these entries.
    ///
    /// # Panics
    /// If one is outside.
    #[track_caller]
    pub fn forward(&self, tape: &Tape, index: &Tensor<i64>) -> Var {
        tape.param(&self.weight).embedding(index, self.padding_idx)
    }
}

/// `y[b, :] = Σ_i weight[index[b, i], :] / n[b]`: one vector for a bag of entries, whatever their order. A text is a bag of its words.
///
/// `n[b]` is how many entries there are in bag `b`. [`sum`](Self::sum) does not divide, and [`max`](Self::max) has the largest number of each
/// feature in place of the mean. A bag without entries has a vector of 0.
///
/// Shapes: indices `[bags, length] -> [bags, features]`; bags of different lengths are given one after another
/// ([`forward_from`](Self::forward_from)), or filled up with the entry [`padding_idx`](Self::padding_idx), which does not count.
///
/// Initialisation: normal with mean 0 and variance 1, PyTorch's default.
///
/// Joulin et al. 2017, 'Bag of tricks for efficient text classification'.
///
/// ```
/// use ravine_autograd::Tape;
/// use ravine_nn::EmbeddingBag;
/// use ravine_tensor::{Rng, Tensor};
///
/// let bag = EmbeddingBag::new(1000, 16, &mut Rng::new(0)).padding_idx(0);
/// let tape = Tape::eval();
/// let texts = bag.forward(&tape, &Tensor::from([[5, 7, 9], [8, 0, 0]]));
/// assert_eq!(texts.shape(), &[2, 16]);
/// let same = bag.forward_from(&tape, &Tensor::from([5, 7, 9, 8]), &[0, 3], None);
/// assert_eq!(texts.value(), same.value());
/// ```
#[derive(Clone, Debug, Module)]
#[module(display)]
pub struct EmbeddingBag {
    /// `[entries, features]`.
    pub weight: Param,
    #[module(setting)]
    mode: Bag,
    padding_idx: Option<usize>,
}

/// How the vectors of a bag are combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bag {
    Mean,
    Sum,
    Max,
}

impl EmbeddingBag {
    /// A table of `entries` vectors of `features` numbers each; a bag gives the mean of its vectors.
    ///
    /// # Panics
    /// If either is 0.
    #[track_caller]
    pub fn new(entries: usize, features: usize, rng: &mut Rng) -> Self {
        check::positive("EmbeddingBag", &[("entries", entries), ("features", features)]);
        let weight = Param::new(Tensor::randn([entries, features], rng));
        EmbeddingBag { weight, mode: Bag::Mean, padding_idx: None }
    }

    /// A bag gives the sum of its vectors (PyTorch's `mode="sum"`).
    #[must_use]
    pub fn sum(mut self) -> Self {
        self.mode = Bag::Sum;
        self
    }

    /// A bag gives the maximum of each feature over its vectors (PyTorch's `mode="max"`). The gradient is shared equally among vectors that
    /// tie.
    #[must_use]
    pub fn max(mut self) -> Self {
        self.mode = Bag::Max;
        self
    }

    /// An entry that does not count, with which bags are padded to one length. Its vector is set to 0 and not trained.
    ///
    /// # Panics
    /// If there is no such entry.
    #[track_caller]
    #[must_use]
    pub fn padding_idx(mut self, entry: usize) -> Self {
        set_to_zero("EmbeddingBag", &self.weight, entry);
        self.padding_idx = Some(entry);
        self
    }

    /// The vectors of bags of equal length, which are the rows of `index`.
    ///
    /// # Panics
    /// If `index` has not two axes, or an entry is outside.
    #[track_caller]
    pub fn forward(&self, tape: &Tape, index: &Tensor<i64>) -> Var {
        let &[bags, length] = &index.shape()[..] else {
            panic!("EmbeddingBag: index {}; expected [bags, length]", index.shape());
        };
        let offsets: Vec<usize> = (0..bags).map(|bag| bag * length).collect();
        self.forward_from(tape, &index.reshape([-1]), &offsets, None)
    }

    /// The vectors of bags of any lengths, which lie in `index` one after another: bag `b` begins at `offsets[b]` and ends where the next one
    /// begins, the last one at the end. With [`sum`](Self::sum), each entry may have a factor (PyTorch's `per_sample_weights`).
    ///
    /// Shapes: `index` and `factors` `[n] -> [bags, features]`.
    ///
    /// # Panics
    /// If `index` has not one axis, an entry is outside, `offsets` do not begin at 0 and rise up to `n` at most, or there are factors of another
    /// shape, or without a sum.
    #[track_caller]
    #[doc(alias("offsets", "per_sample_weights"))]
    pub fn forward_from(
        &self,
        tape: &Tape,
        index: &Tensor<i64>,
        offsets: &[usize],
        factors: Option<&Var>,
    ) -> Var {
        assert!(index.rank() == 1, "EmbeddingBag: index {}; expected [n]", index.shape());
        let (n, bags) = (index.numel(), offsets.len());
        assert!(
            offsets.first().map_or(n == 0, |&first| first == 0)
                && offsets.is_sorted()
                && offsets.iter().all(|&offset| offset <= n),
            "EmbeddingBag: offsets is {offsets:?}; expected numbers that begin at 0 and rise to {n} at most, the length of index"
        );
        let ends = offsets.iter().skip(1).copied().chain([n]);
        let bag: Vec<i64> = offsets
            .iter()
            .zip(ends)
            .enumerate()
            .flat_map(|(bag, (&i, end))| (i..end).map(move |_| bag as i64))
            .collect();
        let padding = index.map(|entry| self.padding_idx.is_some_and(|padding| entry == padding as i64));
        let mut rows = tape.param(&self.weight).embedding(index, self.padding_idx);
        if let Some(factors) = factors {
            assert!(
                self.mode == Bag::Sum && *factors.shape() == [n],
                "EmbeddingBag: mode is {:?} and factors {}; expected Sum and [{n}], one for each entry of index",
                self.mode,
                factors.shape()
            );
            rows = rows * factors.unsqueeze(1);
        }
        // In each bag, the places in `index` of the entries that count.
        let mut places = vec![Vec::new(); bags];
        for (i, (&bag, padding)) in bag.iter().zip(padding.iter()).enumerate() {
            if !padding {
                places[bag as usize].push(i as i64);
            }
        }
        let longest = places.iter().map(Vec::len).max().unwrap_or(0);
        if self.mode == Bag::Max && longest > 0 {
            return largest(&rows, &places, longest);
        }
        let features = rows.size(1);
        let rows = rows.masked_fill(&padding.unsqueeze(1), 0.0);
        let sums = rows.constant(Tensor::zeros([bags, features])).index_add(0, &Tensor::from(bag), &rows);
        if self.mode != Bag::Mean {
            return sums;
        }
        let counts = Tensor::from_fn([bags, 1], |bag| places[bag].len().max(1) as f32);
        &sums / sums.constant(counts)
    }
}

/// The maximum of the rows at the `places` of each bag, feature by feature; 0 for a bag without entries.
#[track_caller]
fn largest(rows: &Var, places: &[Vec<i64>], longest: usize) -> Var {
    let (bags, features) = (places.len(), rows.size(1));
    let place = |i: usize| places[i / longest].get(i % longest);
    let index = Tensor::from_fn(bags * longest, |i| place(i).copied().unwrap_or(0));
    let missing = Tensor::from_fn([bags, longest, 1], |i| place(i).is_none());
    let each = rows.index_select(0, &index).reshape([bags, longest, features]);
    let empty = Tensor::from_fn([bags, 1], |bag| places[bag].is_empty());
    each.masked_fill(&missing, f32::NEG_INFINITY).max(1).masked_fill(&empty, 0.0)
}

/// Sets the vector of an entry to 0.
#[track_caller]
fn set_to_zero(layer: &str, weight: &Param, entry: usize) {
    let (entries, features) = (weight.shape()[0], weight.shape()[1]);
    assert!(
        entry < entries,
        "{layer}: padding_idx is {entry}; expected less than entries, which is {entries}"
    );
    weight.update(|weight| weight.as_mut_slice()[entry * features..][..features].fill(0.0));
}
