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
        let (entries, features) = (self.weight.shape()[0], self.weight.shape()[1]);
        assert!(
            entry < entries,
            "Embedding: padding_idx is {entry}; expected less than entries, which is {entries}"
        );
        self.weight.update(|weight| weight.as_mut_slice()[entry * features..][..features].fill(0.0));
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
