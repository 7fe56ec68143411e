//! Pictures of numbers, as SVG: axes, curves, dots, bands and maps, and nothing to install.
//!
//! ```
//! use ravine_plot::{Axis, BLUE, Plot};
//!
//! let mut plot = Plot::new("a parabola", Axis::linear("x", -1.0, 1.0), Axis::linear("x²", 0.0, 1.0));
//! let points: Vec<_> = (-10..=10).map(|i| f64::from(i) / 10.0).map(|x| (x, x * x)).collect();
//! plot.line("x²", BLUE, &points);
//! assert!(plot.svg().starts_with("<svg"));
//! ```
//!
//! Pictures that are no [`Plot`] use the same parts: the round numbers of a [`Scale`], and texts that are [`short`], [`grouped`] and
//! [`escape`]d.

#![deny(missing_docs)]
#![forbid(unsafe_code)]

mod colour;
mod plot;
mod scale;
mod text;

pub use colour::{BLUE, COLOURS, GOLD, GREEN, GREY, ORANGE, PURPLE, RED, SHADES, SKY, shade};
pub use plot::{Axis, Plot};
pub use scale::Scale;
pub use text::{escape, grouped, short};
