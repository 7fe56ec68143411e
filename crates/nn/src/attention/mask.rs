//! Attention masks.

use ravine_tensor::{Element, Tensor};

/// The keys that are hidden from the queries of an attention, and what is added to the scores. The default does neither; several masks
/// combine. A query from which all keys are hidden gets 0.
///
/// ```
/// use ravine_nn::Mask;
///
/// let mask = Mask::causal().lengths(&[2, 3]);
/// let hidden = mask.hidden(2, 3, 3).unwrap();
/// assert!(!hidden.at([1, 0, 2, 1]) && hidden.at([1, 0, 1, 2]), "no query sees a later key");
/// assert!(hidden.at([0, 0, 2, 2]) && !hidden.at([1, 0, 2, 2]), "the first sample has two keys");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Mask {
    causal: bool,
    pairs: Option<Tensor<bool>>,
    bias: Option<Tensor>,
    keys: Option<Tensor<bool>>,
    lengths: Option<Vec<usize>>,
}

impl Mask {
    /// Hides nothing.
    pub fn none() -> Self {
        Mask::default()
    }

    /// Hides later keys: query `i` sees keys `0..=i`.
    #[doc(alias("is_causal", "generate_square_subsequent_mask"))]
    pub fn causal() -> Self {
        Mask { causal: true, ..Mask::default() }
    }

    /// Also hides the pairs at which `pairs` is true: `[queries, keys]`, or with `[batch, heads]` before them, or `[batch, 1]`
    /// (PyTorch's `attn_mask`, if it is boolean).
    #[must_use]
    #[doc(alias = "attn_mask")]
    pub fn hide(mut self, pairs: Tensor<bool>) -> Self {
        self.pairs = Some(pairs);
        self
    }

    /// Also adds these numbers to the scores `q kᵀ / √width` of the pairs: `[queries, keys]`, or with `[batch, heads]` before them, either of
    /// which may be 1 (PyTorch's `attn_mask`, if it is of floats; no gradient goes into it). What `-∞` is added to is hidden.
    ///
    /// Press, Smith and Lewis 2022, 'Train short, test long: attention with linear biases'.
    #[must_use]
    #[doc(alias("attn_mask", "alibi"))]
    pub fn bias(mut self, scores: Tensor) -> Self {
        self.bias = Some(scores);
        self
    }

    /// Also hides the keys at which `keys`, `[batch, keys]`, is true (PyTorch's `key_padding_mask`).
    #[must_use]
    #[doc(alias("key_padding_mask", "src_key_padding_mask"))]
    pub fn hide_keys(mut self, keys: Tensor<bool>) -> Self {
        self.keys = Some(keys);
        self
    }

    /// Also hides the keys beyond the length of each sample.
    #[must_use]
    pub fn lengths(mut self, lengths: &[usize]) -> Self {
        self.lengths = Some(lengths.to_vec());
        self
    }

    /// What is hidden, in a shape that broadcasts to `[batch, heads, queries, keys]`; `None`, if nothing is.
    ///
    /// # Panics
    /// If what was asked for does not have the shape that it must have for these sizes.
    #[track_caller]
    pub fn hidden(&self, batch: usize, queries: usize, keys: usize) -> Option<Tensor<bool>> {
        self.check(batch, queries, keys);
        let causal = self.causal.then(|| Tensor::from_fn([1, 1, queries, keys], |i| i % keys > i / keys));
        let pairs = self.pairs.as_ref().map(of_heads);
        let never = self.bias.as_ref().map(|added| of_heads(&added.map(|x| x == f32::NEG_INFINITY)));
        let padding = self.keys.as_ref().map(|hidden| hidden.reshape([batch, 1, 1, keys]));
        let beyond = self
            .lengths
            .as_ref()
            .map(|lengths| Tensor::from_fn([batch, 1, 1, keys], |i| i % keys >= lengths[i / keys]));
        [causal, pairs, never.filter(|never| never.any(..).item()), padding, beyond]
            .into_iter()
            .flatten()
            .reduce(|a, b| a.zip(&b, |a, b| a || b))
    }

    /// What is added to the scores, in a shape that broadcasts to `[batch, heads, queries, keys]`; 0 where that would hide.
    pub(super) fn added(&self) -> Option<Tensor> {
        let added = of_heads(self.bias.as_ref()?);
        Some(added.map(|x| if x == f32::NEG_INFINITY { 0.0 } else { x }))
    }

    /// Panics unless all masks have the shapes that these sizes require.
    #[track_caller]
    fn check(&self, batch: usize, queries: usize, keys: usize) {
        let pairs = self.pairs.as_ref().map(|pairs| ("pairs", *pairs.shape()));
        let added = self.bias.as_ref().map(|added| ("bias", *added.shape()));
        for (field, shape) in pairs.into_iter().chain(added) {
            let rank = shape.len();
            assert!(
                matches!(rank, 2 | 4) && shape[rank - 2..] == [queries, keys],
                "Mask: {field} is {shape}; expected [queries, keys], maybe with [batch, heads] before, where these are {queries} and {keys}"
            );
        }
        if let Some(hidden) = &self.keys {
            assert!(
                *hidden.shape() == [batch, keys],
                "Mask: keys is {}; expected [batch, keys] = [{batch}, {keys}]",
                hidden.shape()
            );
        }
        if let Some(lengths) = &self.lengths {
            assert!(
                lengths.len() == batch && lengths.iter().all(|&length| length <= keys),
                "Mask: lengths is {lengths:?}; expected one for each of {batch} samples, at most {keys}, as many as there are keys"
            );
        }
    }
}

/// `[queries, keys]` as `[1, 1, queries, keys]`.
fn of_heads<T: Element>(pairs: &Tensor<T>) -> Tensor<T> {
    if pairs.rank() == 2 { pairs.unsqueeze(0).unsqueeze(0) } else { pairs.clone() }
}
