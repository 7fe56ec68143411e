//! Attention.

use ravine_tensor::{Float, Rng, Tensor};

use super::by_formula;
use crate::var::{Var, record};

impl<T: Float> Var<T> {
    /// `y = softmax(q kᵀ / √width) v`: the mean of the values, weighted by how well their keys answer each query (`q`, this variable).
    /// Backward: with the weights `p`, `dv = pᵀ dy`, `ds = p (dy vᵀ - Σ p dy vᵀ) / √width`, `dq = ds k`, `dk = dsᵀ q`.
    ///
    /// Where `mask` is true, a query does not see a key (PyTorch's function, other than its layers, has true where one does); a query that sees
    /// none gets 0. With `dropout`, a probability and a random stream, weights are dropped.
    ///
    /// Shapes: `q [batch, heads, queries, width]`, `k [batch, heads, keys, width]`, `v [batch, heads, keys, values]`, `mask` broadcasts to
    /// `[batch, heads, queries, keys]` -> `[batch, heads, queries, values]`. Vaswani et al. 2017, equation 1.
    ///
    /// # Panics
    /// If the shapes do not fit together.
    #[track_caller]
    #[must_use]
    pub fn scaled_dot_product_attention(
        &self,
        k: &Var<T>,
        v: &Var<T>,
        mask: Option<&Tensor<bool>>,
        dropout: Option<(f64, &mut Rng)>,
    ) -> Var<T> {
        let scale = T::of(1.0 / (self.size(-1) as f64).sqrt());
        let keep = dropout.filter(|(p, _)| *p > 0.0).map(|(p, rng)| {
            assert!(p < 1.0, "scaled_dot_product_attention: dropout {p} is not in 0 <= p < 1");
            let (q, k, share) = (self.shape(), k.shape(), T::of(1.0 / (1.0 - p)));
            let keep = Tensor::bernoulli([q[0], q[1], q[2], k[2]], 1.0 - p, rng);
            keep.map(move |keep| if keep { share } else { T::ZERO })
        });
        let (y, weights) = self.value().attention(k.value(), v.value(), mask, keep.as_ref(), scale);
        let (saved, mask) = ([self, k, v].map(Var::saved), mask.cloned());
        record("scaled_dot_product_attention", [self, k, v], y, move |dy, _| {
            if !dy.tape().is_recording() {
                let of = saved.each_ref().map(|saved| saved.value());
                let grads = dy.value().attention_grad(of, &weights, mask.as_ref(), keep.as_ref(), scale);
                return grads.map(|grad| Some(dy.constant(grad)));
            }
            let formula = |x: &[Var<T>]| {
                let scores = x[0].matmul(&x[1].t()) * scale;
                let mut weights = match &mask {
                    None => scores.softmax(),
                    Some(mask) => {
                        // A query that sees no key has weights of 0, and no derivative.
                        let blind = mask.expand(*scores.shape()).all_keepdim(-1);
                        let seen = scores.masked_fill(mask, T::neg_infinity()).masked_fill(&blind, T::ZERO);
                        seen.softmax().masked_fill(&blind, T::ZERO)
                    }
                };
                if let Some(keep) = &keep {
                    weights = weights * dy.constant(keep.clone());
                }
                weights.matmul(&x[2])
            };
            let mut grads = by_formula(formula, &saved.each_ref().map(|saved| saved.on(dy)), dy).into_iter();
            std::array::from_fn(|_| grads.next())
        })
    }
}
