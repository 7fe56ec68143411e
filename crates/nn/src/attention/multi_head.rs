//! Attention with several heads.

use ravine_autograd::{Module, Param, Var};
use ravine_tensor::{Rng, Tensor};

use super::{Mask, RotaryPositions};
use crate::{Layer, Linear, check, dropout::dropout, init};

/// `y = [head_0, .., head_n] w_oᵀ + b_o`, `head_i = softmax(q_i k_iᵀ / √width) v_i`, where `q_i`, `k_i` and `v_i` are projections of the queries,
/// keys and values to the width `features / heads`.
///
/// Shapes: queries `[batch, queries, features]`, keys and values `[batch, keys, features]` -> `[batch, queries, features]`.
/// In a training pass with [`dropout`](Self::dropout), weights are dropped.
///
/// Initialisation: input projections Xavier uniform, output projection uniform in `±1 / √features`, biases 0, PyTorch's default.
///
/// Vaswani et al. 2017, 'Attention is all you need'.
///
/// ```
/// use ravine_autograd::Tape;
/// use ravine_nn::{Mask, MultiHeadAttention};
/// use ravine_tensor::{Rng, Tensor};
///
/// let attention = MultiHeadAttention::new(64, 8, &mut Rng::new(0));
/// let tape = Tape::eval();
/// let (x, memory) = (tape.input(Tensor::ones([2, 5, 64])), tape.input(Tensor::ones([2, 9, 64])));
/// assert_eq!(attention.forward(&x, &x, &x, &Mask::causal()).shape(), &[2, 5, 64]);
/// assert_eq!(attention.forward(&x, &memory, &memory, &Mask::none()).shape(), &[2, 5, 64]);
/// ```
#[derive(Clone, Debug, Module)]
#[module(display)]
pub struct MultiHeadAttention {
    /// `[3 features, features]`: the projections of queries, keys and values.
    pub in_proj_weight: Param,
    /// `[3 features]`.
    pub in_proj_bias: Option<Param>,
    /// The projection of the heads.
    pub out_proj: Linear,
    heads: usize,
    dropout: f64,
    rotary: Option<RotaryPositions>,
}

impl MultiHeadAttention {
    /// Attention with `heads` heads of `features / heads` features each.
    ///
    /// # Panics
    /// If either is 0, or the heads do not divide the features.
    #[track_caller]
    pub fn new(features: usize, heads: usize, rng: &mut Rng) -> Self {
        check::positive("MultiHeadAttention", &[("features", features), ("heads", heads)]);
        check::divides("MultiHeadAttention", ("heads", heads), &[("features", features)]);
        let in_proj_weight =
            Param::new(init::xavier_uniform([3 * features, features], init::Gain::Linear, rng));
        let out_proj = Linear::new(features, features, rng);
        if let Some(bias) = &out_proj.bias {
            bias.set(Tensor::zeros(features));
        }
        MultiHeadAttention {
            in_proj_weight,
            in_proj_bias: Some(Param::new(Tensor::zeros(3 * features))),
            out_proj,
            heads,
            dropout: 0.0,
            rotary: None,
        }
    }

    /// The attention without biases.
    #[must_use]
    pub fn no_bias(mut self) -> Self {
        self.in_proj_bias = None;
        self.out_proj.bias = None;
        self
    }

    /// The attention that drops weights with this probability, in training.
    ///
    /// # Panics
    /// If it is not in `0 <= p < 1`.
    #[track_caller]
    #[must_use]
    pub fn dropout(mut self, p: f64) -> Self {
        check::probability("MultiHeadAttention", "dropout", p);
        self.dropout = p;
        self
    }

    /// The attention with rotary encoding of queries and keys, for sequences of at most `positions` positions.
    ///
    /// # Panics
    /// If there is none, or the width of a head is odd.
    #[track_caller]
    #[must_use]
    pub fn rotary(mut self, positions: usize) -> Self {
        self.rotary = Some(RotaryPositions::new(self.out_proj.weight.shape()[0] / self.heads, positions));
        self
    }

    /// What each query finds among the keys.
    ///
    /// # Panics
    /// If the shapes do not fit together.
    #[track_caller]
    pub fn forward(&self, queries: &Var, keys: &Var, values: &Var, mask: &Mask) -> Var {
        let [q, k, v] = self.project(queries, keys, values);
        let hidden = mask.hidden(q.size(0), q.size(2), k.size(2));
        let heads = if let Some(added) = mask.added() {
            dropout(&weights(&q, &k, Some(&added), hidden.as_ref()), self.dropout).matmul(&v)
        } else if q.tape().is_training() && self.dropout > 0.0 {
            q.tape().with_rng(|rng| {
                q.scaled_dot_product_attention(&k, &v, hidden.as_ref(), Some((self.dropout, rng)))
            })
        } else {
            q.scaled_dot_product_attention(&k, &v, hidden.as_ref(), None)
        };
        self.join(&heads)
    }

    /// [`forward`](Self::forward), and how much each query draws from each key: weights `[batch, heads, queries, keys]`, after dropout, of which
    /// `mean(1)` is the average over the heads. It takes more memory than `forward`, which never has all weights at once.
    ///
    /// # Panics
    /// If the shapes do not fit together.
    #[track_caller]
    #[doc(alias("need_weights", "average_attn_weights"))]
    pub fn forward_with_weights(&self, queries: &Var, keys: &Var, values: &Var, mask: &Mask) -> (Var, Var) {
        let [q, k, v] = self.project(queries, keys, values);
        let hidden = mask.hidden(q.size(0), q.size(2), k.size(2));
        let weights = weights(&q, &k, mask.added().as_ref(), hidden.as_ref());
        let weights = dropout(&weights, self.dropout);
        (self.join(&weights.matmul(&v)), weights)
    }

    /// The projections of queries, keys and values, `[batch, heads, length, width]`.
    #[track_caller]
    fn project(&self, queries: &Var, keys: &Var, values: &Var) -> [Var; 3] {
        let features = self.out_proj.weight.shape()[0];
        let fits = [queries, keys, values]
            .iter()
            .all(|x| x.rank() == 3 && x.size(-1) == features && x.shape()[0] == queries.shape()[0]);
        assert!(
            fits && keys.shape() == values.shape(),
            "MultiHeadAttention: queries {}, keys {}, values {}; expected [batch, length, {features}], with as many values as keys",
            queries.shape(),
            keys.shape(),
            values.shape()
        );
        let tape = queries.tape();
        let weight = tape.param(&self.in_proj_weight);
        let bias = self.in_proj_bias.as_ref().map(|bias| tape.param(bias));
        let project = |x: &Var, first: usize, parts: usize| {
            let (start, len) = (first * features, parts * features);
            let bias = bias.as_ref().map(|bias| bias.narrow(0, start, len));
            x.linear(&weight.narrow(0, start, len), bias.as_ref())
        };
        // One product for each distinct input. Two views of a tensor are distinct, and so are a variable and its detached copy.
        let [q, k, v] = if queries.is(keys) && keys.is(values) {
            let all = project(queries, 0, 3);
            [0, 1, 2].map(|i| all.narrow(2, i * features, features))
        } else if keys.is(values) {
            let both = project(keys, 1, 2);
            [project(queries, 0, 1), both.narrow(2, 0, features), both.narrow(2, features, features)]
        } else {
            [project(queries, 0, 1), project(keys, 1, 1), project(values, 2, 1)]
        };
        let [q, k, v] = [q, k, v].map(|x| {
            let (batch, length) = (x.shape()[0], x.shape()[1]);
            x.reshape([batch, length, self.heads, features / self.heads]).transpose(1, 2)
        });
        match &self.rotary {
            Some(rotary) => [rotary.forward(&q), rotary.forward(&k), v],
            None => [q, k, v],
        }
    }

    /// The projection of all heads `[batch, heads, queries, width]` together.
    #[track_caller]
    fn join(&self, heads: &Var) -> Var {
        let shape = [heads.size(0), heads.size(2), heads.size(1) * heads.size(3)];
        self.out_proj.forward(&heads.transpose(1, 2).reshape(shape))
    }
}

/// `softmax(q kᵀ / √width + added)`, 0 where it is hidden.
#[track_caller]
fn weights(q: &Var, k: &Var, added: Option<&Tensor>, hidden: Option<&Tensor<bool>>) -> Var {
    let mut scores = q.matmul(&k.t()) * (1.0 / (q.size(-1) as f32).sqrt());
    if let Some(added) = added {
        assert!(
            scores.shape().broadcast(added.shape()) == Some(*scores.shape()),
            "MultiHeadAttention: the bias of the mask is {}; expected to broadcast to the scores, {}",
            added.shape(),
            scores.shape()
        );
        scores = &scores + scores.constant(added.clone());
    }
    let Some(hidden) = hidden else { return scores.softmax() };
    // A query that sees no key has weights of 0, and no derivative.
    let blind = hidden.expand(*scores.shape()).all_keepdim(-1);
    let seen = scores.masked_fill(hidden, f32::NEG_INFINITY).masked_fill(&blind, 0.0);
    seen.softmax().masked_fill(&blind, 0.0)
}

#[cfg(test)]
mod tests {
    use ravine_autograd::Tape;

    use super::*;

    #[test]
    fn a_query_whose_scores_are_all_minus_infinity_finds_0_and_has_no_gradient() {
        let attention = MultiHeadAttention::new(4, 2, &mut Rng::new(0)).no_bias();
        let tape = Tape::new();
        let [x, memory] = [1, 2].map(|seed| tape.variable(Tensor::randn([1, 2, 4], &mut Rng::new(seed))));
        let never = Tensor::from([[0.5, 0.0], [f32::NEG_INFINITY; 2]]);
        let y = attention.forward(&x, &memory, &memory, &Mask::none().bias(never));
        assert!(y.value().index(1, 1).iter().all(|y| y == 0.0));
        let gradients = y.square().sum(..).backward();
        let by_queries = gradients.wrt(&x).unwrap();
        assert!(by_queries.index(1, 1).iter().all(|g| g == 0.0));
        assert!(by_queries.index(1, 0).iter().any(|g| g != 0.0));
        assert!(gradients.wrt(&memory).unwrap().iter().all(f32::is_finite));
    }
}
