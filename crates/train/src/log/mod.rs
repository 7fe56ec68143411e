//! Files that other programs read: tables, lines of JSON, events for TensorBoard.
//!
//! Each is a [`Callback`](crate::Callback). When a run begins or is resumed, it rewrites its file from the records in the checkpoint; so a
//! line that a killed run wrote after its last checkpoint does not appear twice, and no line is torn.

mod csv;
mod jsonl;
mod picture;
mod tensorboard;

pub(crate) use csv::{Csv, quoted};
pub(crate) use jsonl::Jsonl;
pub use picture::png_grid;
pub(crate) use picture::{Picture, filters};
pub use tensorboard::TensorBoard;
