//! Metrics, kept as counts and sums over samples that can be added up in any grouping.
//!
//! - [`Confusion`]: accuracy, precision, recall, F1
//! - [`Residuals`]: mean absolute and squared error, R²
//! - [`Ranking`]: the area under the ROC curve
//! - [`Hardest`]: the samples with the highest loss

mod classification;
mod hardest;
mod ranking;
mod regression;

pub use classification::Average;
#[doc(alias = "confusion_matrix")]
pub use classification::Confusion;
pub(crate) use classification::top_k;
pub use hardest::{Hard, Hardest};
pub use ranking::Ranking;
pub use regression::Residuals;
