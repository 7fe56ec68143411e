//! Keeping gradients from being too large.

use ravine_tensor::Tensor;

use crate::OptimError;

/// What is done to the gradients before the step.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Clip {
    /// Nothing.
    #[default]
    None,
    /// Each element held between `-limit` and `limit`.
    Value(f64),
    /// All gradients together scaled to have at most this norm.
    Norm(f64),
}

impl Clip {
    /// Clips the gradients, each with the path of its parameter.
    pub(crate) fn apply(self, grads: &mut [(&str, Tensor)]) -> Result<(), OptimError> {
        match self {
            Clip::None => {}
            Clip::Value(limit) => {
                let limit = limit as f32;
                grads.iter_mut().for_each(|(_, grad)| grad.map_(|x| x.clamp(-limit, limit)));
            }
            Clip::Norm(limit) => {
                let mut sum = 0.0;
                for (path, grad) in grads.iter() {
                    let square = f64::from(grad.square().sum(..).item());
                    if !square.is_finite() {
                        return Err(OptimError::NonFinite { path: (*path).to_owned() });
                    }
                    sum += square;
                }
                // As PyTorch: a little beyond the norm, for one that is zero.
                let scale = limit / (sum.sqrt() + 1e-6);
                if scale < 1.0 {
                    grads.iter_mut().for_each(|(_, grad)| *grad *= scale as f32);
                }
            }
        }
        Ok(())
    }
}
