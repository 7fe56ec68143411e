//! The encoder of a transformer.

use ravine_autograd::{Module, Var};
use ravine_tensor::Rng;

use super::{Mask, MultiHeadAttention};
use crate::{Gelu, Layer, LayerNorm, Linear, Relu, check, dropout::dropout};

/// The position of the norm of a sub-layer `f` of a transformer: `norm(x + f(x))`, or, if it comes first, `x + f(norm(x))`.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    pub(super) norm: &'a LayerNorm,
    pub(super) first: bool,
}

impl Around<'_> {
    /// The input of the sub-layer.
    #[track_caller]
    pub(super) fn before(self, x: &Var) -> Var {
        if self.first { self.norm.forward(x) } else { x.clone() }
    }

    /// The result, from the input and output of the sub-layer.
    #[track_caller]
    pub(super) fn after(self, x: &Var, inner: Var) -> Var {
        if self.first { x + inner } else { self.norm.forward(&(x + inner)) }
    }
}

/// The activation between the two linear layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Between {
    Relu,
    Gelu,
}

impl Between {
    /// The linear layers and what is between them, with dropout after each.
    #[track_caller]
    pub(super) fn feed_forward(self, x: &Var, [linear1, linear2]: [&Linear; 2], p: f64) -> Var {
        let inner = linear1.forward(x);
        let inner = match self {
            Between::Relu => Relu.forward(&inner),
            Between::Gelu => Gelu.forward(&inner),
        };
        dropout(&linear2.forward(&dropout(&inner, p)), p)
    }
}

/// A layer of a transformer's encoder: self-attention, then two linear layers with an activation between them, each added to its input.
///
/// `x = norm1(x + attention(x))`, `y = norm2(x + linear2(relu(linear1(x))))`; with [`norm_first`](Self::norm_first),
/// `x = x + attention(norm1(x))`, `y = x + linear2(relu(linear1(norm2(x))))`, which trains without a warm-up.
///
/// Shapes: `[batch, length, features]`, in and out. The inner linear layer has 4 times the features, unless
/// [`with_inner`](Self::with_inner) says otherwise. Names and shapes of the parameters are PyTorch's. Dropout is 0 unless asked for.
///
/// Initialisation: as of [`MultiHeadAttention`], [`Linear`] and [`LayerNorm`].
///
/// Vaswani et al. 2017, 'Attention is all you need'; Xiong et al. 2020, 'On layer normalization in the transformer architecture'.
///
/// ```
/// use ravine_autograd::Tape;
/// use ravine_nn::{Layer, Mask, TransformerEncoderLayer};
/// use ravine_tensor::{Rng, Tensor};
///
/// let layer = TransformerEncoderLayer::new(32, 4, &mut Rng::new(0)).norm_first().gelu();
/// let x = Tape::eval().input(Tensor::ones([2, 5, 32]));
/// assert_eq!(layer.forward(&x).shape(), &[2, 5, 32]);
/// assert_eq!(layer.forward_masked(&x, &Mask::causal()).shape(), &[2, 5, 32]);
/// ```
#[derive(Clone, Debug, Module)]
#[module(display)]
pub struct TransformerEncoderLayer {
    /// Attention of the sequence to itself.
    pub self_attn: MultiHeadAttention,
    /// From the features to the inner ones.
    pub linear1: Linear,
    /// And back.
    pub linear2: Linear,
    /// Of the attention.
    pub norm1: LayerNorm,
    /// Of the linear layers.
    pub norm2: LayerNorm,
    norm_first: bool,
    #[module(setting)]
    between: Between,
    dropout: f64,
}

transformer_layer!(TransformerEncoderLayer);

impl TransformerEncoderLayer {
    /// [`new`](Self::new) with `inner` features between the linear layers.
    ///
    /// # Panics
    /// If a size is 0, or the heads do not divide the features.
    #[track_caller]
    #[doc(alias = "dim_feedforward")]
    pub fn with_inner(features: usize, heads: usize, inner: usize, rng: &mut Rng) -> Self {
        let sizes = [("features", features), ("heads", heads), ("inner", inner)];
        check::positive("TransformerEncoderLayer", &sizes);
        check::divides("TransformerEncoderLayer", ("heads", heads), &[("features", features)]);
        TransformerEncoderLayer {
            self_attn: MultiHeadAttention::new(features, heads, rng),
            linear1: Linear::new(features, inner, rng),
            linear2: Linear::new(inner, features, rng),
            norm1: LayerNorm::new(features),
            norm2: LayerNorm::new(features),
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
        check::probability("TransformerEncoderLayer", "dropout", p);
        self.dropout = p;
        self.self_attn = self.self_attn.dropout(p);
        self
    }

    /// The layer with rotary encoding of its queries and keys, for sequences of at most `positions` positions
    /// ([`RotaryPositions`](crate::RotaryPositions)).
    ///
    /// # Panics
    /// If there is none, or the width of a head is odd.
    #[track_caller]
    #[must_use]
    pub fn rotary(mut self, positions: usize) -> Self {
        self.self_attn = self.self_attn.rotary(positions);
        self
    }

    /// The layer's output, where some of the sequence is hidden.
    ///
    /// # Panics
    /// If the shapes do not fit together.
    #[track_caller]
    pub fn forward_masked(&self, x: &Var, mask: &Mask) -> Var {
        let [attention, feeding] =
            [&self.norm1, &self.norm2].map(|norm| Around { norm, first: self.norm_first });
        let inner = attention.before(x);
        let inner = self.self_attn.forward(&inner, &inner, &inner, mask);
        let x = attention.after(x, dropout(&inner, self.dropout));
        let inner = feeding.before(&x);
        let inner = self.between.feed_forward(&inner, [&self.linear1, &self.linear2], self.dropout);
        feeding.after(&x, inner)
    }
}

/// With nothing hidden.
impl Layer for TransformerEncoderLayer {
    #[track_caller]
    fn forward(&self, x: &Var) -> Var {
        self.forward_masked(x, &Mask::none())
    }
}

/// `y = norm(f_n(... f_0(x)))`: encoder layers one after another, and a norm after the last if there is one (for layers with `norm_first`,
/// there should be).
///
/// Shapes: `[batch, length, features]`, in and out. Names are PyTorch's: `layers.0.self_attn.in_proj_weight`, `norm.weight`.
///
/// Initialisation: as of the layers and the norm.
///
/// Vaswani et al. 2017, 'Attention is all you need'.
///
/// ```
/// use ravine_autograd::Tape;
/// use ravine_nn::{Layer, LayerNorm, TransformerEncoder, TransformerEncoderLayer};
/// use ravine_tensor::{Rng, Tensor};
///
/// let rng = &mut Rng::new(0);
/// let layers = (0..3).map(|_| TransformerEncoderLayer::new(32, 4, rng).norm_first()).collect();
/// let encoder = TransformerEncoder::new(layers).norm(LayerNorm::new(32));
/// assert_eq!(encoder.forward(&Tape::eval().input(Tensor::ones([2, 5, 32]))).shape(), &[2, 5, 32]);
/// ```
#[derive(Clone, Debug, Module)]
#[module(display)]
pub struct TransformerEncoder {
    /// From the input on.
    pub layers: Vec<TransformerEncoderLayer>,
    /// After the last.
    pub norm: Option<LayerNorm>,
}

impl TransformerEncoder {
    /// These layers.
    pub fn new(layers: Vec<TransformerEncoderLayer>) -> Self {
        TransformerEncoder { layers, norm: None }
    }

    /// With a norm after the last.
    #[must_use]
    pub fn norm(mut self, norm: LayerNorm) -> Self {
        self.norm = Some(norm);
        self
    }

    /// The output, where some of the sequence is hidden.
    ///
    /// # Panics
    /// If the shapes do not fit together.
    #[track_caller]
    pub fn forward_masked(&self, x: &Var, mask: &Mask) -> Var {
        let mut y = x.clone();
        for layer in &self.layers {
            y = layer.forward_masked(&y, mask);
        }
        self.norm.forward(&y)
    }
}

/// With nothing hidden.
impl Layer for TransformerEncoder {
    #[track_caller]
    fn forward(&self, x: &Var) -> Var {
        self.forward_masked(x, &Mask::none())
    }
}
