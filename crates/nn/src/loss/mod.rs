//! Losses: the functions that training minimizes.
//!
//! Each is a function of a prediction and a target, named as in PyTorch's `torch.nn.functional`, for `f32` and `f64`. Real-valued targets are
//! variables, so that gradients can flow into both sides; classes are integer tensors. Every loss takes a [`Reduction`], by itself
//! or among its options. All are finite, and have finite gradients, at logits of `±10⁴`.
//!
//! | Family | Losses |
//! |---|---|
//! | classes | [`cross_entropy`], [`nll_loss`], [`focal_loss`] |
//! | yes or no | [`binary_cross_entropy_with_logits`], [`binary_cross_entropy`], [`sigmoid_focal_loss`], [`soft_margin_loss`] |
//! | numbers | [`mse_loss`], [`l1_loss`], [`smooth_l1_loss`], [`huber_loss`] |
//! | distributions | [`kl_div`], [`gaussian_nll_loss`], [`poisson_nll_loss`] |
//! | margins | [`hinge_loss`], [`multi_margin_loss`], [`margin_ranking_loss`] |
//! | embeddings | [`hinge_embedding_loss`], [`cosine_embedding_loss`], [`triplet_margin_loss`] |
//! | sequences | [`ctc_loss`] |

mod binary;
mod classes;
mod ctc;
mod distribution;
mod embedding;
mod margin;
mod regression;

use ravine_autograd::Var;
use ravine_tensor::{Float, Shape, Tensor};

#[doc(alias = "BCELoss")]
pub use binary::binary_cross_entropy;
#[doc(alias = "BCEWithLogitsLoss")]
pub use binary::binary_cross_entropy_with_logits;
pub use binary::{BceOptions, sigmoid_focal_loss, soft_margin_loss};
#[doc(alias = "CrossEntropyLoss")]
pub use classes::cross_entropy;
pub use classes::{ClassTarget, CrossEntropyOptions, NllOptions, focal_loss, nll_loss};
pub use ctc::{CtcOptions, ctc_loss};
#[doc(alias = "KLDivLoss")]
pub use distribution::kl_div;
pub use distribution::{PoissonNllOptions, gaussian_nll_loss, poisson_nll_loss};
pub use embedding::{TripletOptions, cosine_embedding_loss, hinge_embedding_loss, triplet_margin_loss};
pub use margin::{MultiMarginOptions, hinge_loss, margin_ranking_loss, multi_margin_loss};
pub use regression::{huber_loss, l1_loss, mse_loss, smooth_l1_loss};

/// How the losses of the single elements or samples are reduced to one number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reduction {
    /// Not at all.
    None,
    /// Their mean; where they have weights (of classes), the weighted mean.
    #[default]
    Mean,
    /// Their sum.
    Sum,
    /// Their sum over the size of the first axis: what the divergence of distributions should be averaged by.
    BatchMean,
}

impl Reduction {
    /// The reduction of `each`, whose mean is plain.
    #[track_caller]
    fn of<T: Float>(self, each: Var<T>) -> Var<T> {
        match self {
            Reduction::None => each,
            Reduction::Mean => each.mean(..),
            Reduction::Sum => each.sum(..),
            Reduction::BatchMean => {
                let batch = each.shape().first().copied().unwrap_or(1);
                each.sum(..) / T::of(batch as f64)
            }
        }
    }

    /// The reduction of `each`, whose mean is their sum over `total`.
    #[track_caller]
    fn of_weighted<T: Float>(self, each: Var<T>, total: T) -> Var<T> {
        match self {
            // 0 / 0 is NaN, and no sample has a part in it: as the gradient of each is 0 if some count, so it is if none does.
            Reduction::Mean if total == T::ZERO => each.sum(..) * T::ZERO + T::nan(),
            Reduction::Mean => each.sum(..) / total,
            _ => self.of(each),
        }
    }
}

/// A panic that names both shapes unless they are the same: silent broadcasting in a loss is nearly always a mistake.
#[track_caller]
fn same_shape(loss: &str, input: &Shape, what: &str, other: &Shape) {
    assert!(
        input == other,
        "{loss}: input {input} and {what} {other} differ; reshape or expand one of them if that is meant"
    );
}

/// Whether `target` is in `0..classes`.
fn is_class(target: i64, classes: usize) -> bool {
    usize::try_from(target).is_ok_and(|target| target < classes)
}

/// A panic unless every element of `target` is 1 or -1.
#[track_caller]
fn signs<T: Float>(loss: &str, target: &Tensor<T>) {
    if let Some(bad) = target.iter().find(|&y| y != T::ONE && y != -T::ONE) {
        panic!("{loss}: target {bad}; expected 1 or -1");
    }
}
