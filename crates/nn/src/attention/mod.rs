//! Attention, and the transformers made of it.
//!
//! `mask` has the masks; `multi_head` is attention with its projections; `encoder` and `decoder` are the layers of transformers and stacks of
//! them; `positions` has the encodings of positions, without which attention does not depend on the order of a sequence.

/// The constructors and settings that the layers of encoders and decoders share.
macro_rules! transformer_layer {
    ($name:ident) => {
        impl $name {
            /// A layer with `4 * features` features between its linear layers.
            ///
            /// # Panics
            /// If either is 0, or the heads do not divide the features.
            #[track_caller]
            pub fn new(features: usize, heads: usize, rng: &mut Rng) -> Self {
                Self::with_inner(features, heads, 4 * features, rng)
            }

            /// The layer that normalises what goes into its parts, and not what comes out.
            #[must_use]
            pub fn norm_first(mut self) -> Self {
                self.norm_first = true;
                self
            }

            /// The layer with [`Gelu`](crate::Gelu) in place of ReLU.
            #[must_use]
            pub fn gelu(mut self) -> Self {
                self.between = Between::Gelu;
                self
            }
        }
    };
}

mod decoder;
mod encoder;
mod mask;
mod multi_head;
mod positions;

pub use decoder::{TransformerDecoder, TransformerDecoderLayer};
pub use encoder::{TransformerEncoder, TransformerEncoderLayer};
pub use mask::Mask;
pub use multi_head::MultiHeadAttention;
pub use positions::{RotaryPositions, SinusoidalPositions};
