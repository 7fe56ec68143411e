//! Loaders and streams: fetching samples, and joining them into batches.

mod ahead;
mod batches;
mod collate;
mod loader;
mod shuffled;
mod stream;

pub use ahead::read_ahead;
pub use batches::Batches;
pub use collate::{Collate, Padded, Sequence};
pub use loader::Loader;
pub use shuffled::Shuffled;
pub use stream::{Coming, Stream, StreamLoader, Walk};
