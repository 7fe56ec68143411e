//! Pooling: each window becomes one number, its largest or its mean.
//!
//! `window`: windows of a fixed size. `adaptive`: as many windows as are wanted, whatever the size of the input. `global`: one window.

mod adaptive;
mod global;
mod window;

pub use adaptive::{AdaptiveAvgPool1d, AdaptiveAvgPool2d, AdaptiveMaxPool1d, AdaptiveMaxPool2d};
pub use global::{GlobalAvgPool, GlobalMaxPool};
pub use window::{AvgPool1d, AvgPool2d, MaxPool1d, MaxPool2d};
