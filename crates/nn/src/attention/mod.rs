//! Attention, and the transformers made of it.
//!
//! `mask` says what may see what; `multi_head` is attention with its projections; `encoder` and `decoder` are the layers of transformers and
//! stacks of them; `positions` tells where in a sequence a vector stands, which attention alone does not know.

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
