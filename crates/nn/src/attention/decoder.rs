//! The decoder of a transformer.

use ravine_autograd::{Module, Var};
use ravine_tensor::Rng;

use super::encoder::{Around, Between};
use super::{Mask, MultiHeadAttention};
use crate::{Layer, LayerNorm, Linear, check, dropout::dropout};

/// A layer of a transformer's decoder: self-attention, attention to what the encoder made (the memory), then two linear layers with an
/// activation between them, each added to its input.
///
/// `x = norm1(x + self_attn(x))`, `x = norm2(x + multihead_attn(x, memory))`, `y = norm3(x + linear2(relu(linear1(x))))`; with
/// [`norm_first`](Self::norm_first), the norms are of what goes into the parts instead.
///
/// Shapes: `[batch, length, features]` and memory `[batch, keys, features]` -> `[batch, length, features]`. Inside there are 4 times the features,
/// unless [`with_inner`](Self::with_inner) says otherwise; names and shapes of the parameters are PyTorch's; dropout is 0 unless asked for.
///
/// Initialisation: as of [`MultiHeadAttention`], [`Linear`] and [`LayerNorm`].
///
/// Vaswani et al. 2017, 'Attention is all you need'.
///
/// ```
/// use ravine_autograd::Tape;
/// use ravine_nn::{Mask, TransformerDecoderLayer};
/// use ravine_tensor::{Rng, Tensor};
///
/// let layer = TransformerDecoderLayer::new(32, 4, &mut Rng::new(0));
/// let tape = Tape::eval();
/// let (x, memory) = (tape.input(Tensor::ones([2, 5, 32])), tape.input(Tensor::ones([2, 9, 32])));
/// assert_eq!(layer.forward(&x, &memory, &Mask::causal(), &Mask::none()).shape(), &[2, 5, 32]);
/// ```
#[derive(Clone, Debug, Module)]
#[module(display)]
pub struct TransformerDecoderLayer {
    /// Attention of the sequence to itself.
    pub self_attn: MultiHeadAttention,
    /// Attention of the sequence to the memory.
    pub multihead_attn: MultiHeadAttention,
    /// From the features to the inner ones.
    pub linear1: Linear,
    /// And back.
    pub linear2: Linear,
    /// Of the self-attention.
    pub norm1: LayerNorm,
    /// Of the attention to the memory.
    pub norm2: LayerNorm,
    /// Of the linear layers.
    pub norm3: LayerNorm,
    norm_first: bool,
    #[module(setting)]
    between: Between,
    dropout: f64,
}

transformer_layer!(TransformerDecoderLayer);

impl TransformerDecoderLayer {
    /// [`new`](Self::new) with `inner` features between the linear layers.
    ///
    /// # Panics
    /// If a size is 0, or the heads do not divide the features.
    #[track_caller]
    #[doc(alias = "dim_feedforward")]
    pub fn with_inner(features: usize, heads: usize, inner: usize, rng: &mut Rng) -> Self {
        let sizes = [("features", features), ("heads", heads), ("inner", inner)];
        check::positive("TransformerDecoderLayer", &sizes);
        check::divides("TransformerDecoderLayer", ("heads", heads), &[("features", features)]);
        TransformerDecoderLayer {
            self_attn: MultiHeadAttention::new(features, heads, rng),
            multihead_attn: MultiHeadAttention::new(features, heads, rng),
            linear1: Linear::new(features, inner, rng),
            linear2: Linear::new(inner, features, rng),
            norm1: LayerNorm::new(features),
            norm2: LayerNorm::new(features),
            norm3: LayerNorm::new(features),
            norm_first: false,
            between: Between::Relu,
            dropout: 0.0,
        }
    }

    /// The layer with dropout of this probability: of attention's weights, between the linear layers, and of what is added.
    ///
    /// # Panics
    /// If it is not in `0 <= p < 1`.
    #[track_caller]
    #[must_use]
    pub fn dropout(mut self, p: f64) -> Self {
        check::probability("TransformerDecoderLayer", "dropout", p);
        self.dropout = p;
        self.self_attn = self.self_attn.dropout(p);
        self.multihead_attn = self.multihead_attn.dropout(p);
        self
    }

    /// The layer's output, where `mask` hides some of the sequence (usually what comes later) and `memory_mask` some of the memory.
    ///
    /// # Panics
    /// If the shapes do not fit together.
    #[track_caller]
    pub fn forward(&self, x: &Var, memory: &Var, mask: &Mask, memory_mask: &Mask) -> Var {
        let [attention, recall, feeding] =
            [&self.norm1, &self.norm2, &self.norm3].map(|norm| Around { norm, first: self.norm_first });
        let inner = attention.before(x);
        let inner = self.self_attn.forward(&inner, &inner, &inner, mask);
        let x = attention.after(x, dropout(&inner, self.dropout));
        let inner = self.multihead_attn.forward(&recall.before(&x), memory, memory, memory_mask);
        let x = recall.after(&x, dropout(&inner, self.dropout));
        let inner = feeding.before(&x);
        let inner = self.between.feed_forward(&inner, [&self.linear1, &self.linear2], self.dropout);
        feeding.after(&x, inner)
    }
}

/// `y = norm(f_n(... f_0(x, memory), memory))`: decoder layers one after another, and a norm after the last if there is one (for layers with
/// `norm_first`, there should be).
///
/// Shapes: `[batch, length, features]` and memory `[batch, keys, features]` -> `[batch, length, features]`.
///
/// Initialisation: as of the layers and the norm.
///
/// Vaswani et al. 2017, 'Attention is all you need'.
///
/// ```
/// use ravine_autograd::Tape;
/// use ravine_nn::{Mask, TransformerDecoder, TransformerDecoderLayer};
/// use ravine_tensor::{Rng, Tensor};
///
/// let rng = &mut Rng::new(0);
/// let decoder = TransformerDecoder::new((0..2).map(|_| TransformerDecoderLayer::new(32, 4, rng)).collect());
/// let tape = Tape::eval();
/// let (x, memory) = (tape.input(Tensor::ones([2, 5, 32])), tape.input(Tensor::ones([2, 9, 32])));
/// assert_eq!(decoder.forward(&x, &memory, &Mask::causal(), &Mask::none()).shape(), &[2, 5, 32]);
/// ```
#[derive(Clone, Debug, Module)]
#[module(display)]
pub struct TransformerDecoder {
    /// From the input on.
    pub layers: Vec<TransformerDecoderLayer>,
    /// After the last.
    pub norm: Option<LayerNorm>,
}

impl TransformerDecoder {
    /// These layers.
    pub fn new(layers: Vec<TransformerDecoderLayer>) -> Self {
        TransformerDecoder { layers, norm: None }
    }

    /// With a norm after the last.
    #[must_use]
    pub fn norm(mut self, norm: LayerNorm) -> Self {
        self.norm = Some(norm);
        self
    }

    /// The output, where `mask` hides some of the sequence (usually what comes later) and `memory_mask` some of the memory.
    ///
    /// # Panics
    /// If the shapes do not fit together.
    #[track_caller]
    pub fn forward(&self, x: &Var, memory: &Var, mask: &Mask, memory_mask: &Mask) -> Var {
        let mut y = x.clone();
        for layer in &self.layers {
            y = layer.forward(&y, memory, mask, memory_mask);
        }
        self.norm.forward(&y)
    }
}
