//! Who fetches them.

mod ahead;
mod batches;
mod collate;
mod loader;
mod stream;

pub use ahead::read_ahead;
pub use batches::Batches;
pub use collate::{Collate, Padded, Sequence};
pub use loader::Loader;
pub use stream::{Stream, StreamLoader};
