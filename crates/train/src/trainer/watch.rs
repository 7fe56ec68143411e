//! Measuring by how much a step changes the weights.

use ravine_autograd::{Module, Param};
use ravine_tensor::Tensor;

use crate::StepRecord;

/// The parameters whose updates are measured: the weights of two axes or more, or all parameters if there are none; if there are too many,
/// evenly spaced ones.
pub(super) struct Watch {
    pub paths: Vec<String>,
    params: Vec<Param>,
}

impl Watch {
    pub fn new(model: &(impl Module + ?Sized)) -> Self {
        let mut found = model.named_params();
        if found.iter().any(|(_, param)| param.shape().len() >= 2) {
            found.retain(|(_, param)| param.shape().len() >= 2);
        }
        let (all, some) = (found.len(), found.len().min(StepRecord::WATCHED));
        let index = |i: usize| if some > 1 { i * (all - 1) / (some - 1) } else { 0 };
        let (paths, params) =
            (0..some).map(|i| (found[index(i)].0.clone(), found[index(i)].1.tied())).unzip();
        Watch { paths, params }
    }

    /// The present values. They share memory with the parameters until the step changes those.
    pub fn values(&self) -> Vec<Tensor> {
        self.params.iter().map(Param::value).collect()
    }

    /// The norms of the changes since `before`, divided by the norms of the values before.
    pub fn ratios(&self, before: &[Tensor]) -> Vec<f32> {
        let ratio = |(param, before): (&Param, &Tensor)| {
            let change = (param.value() - before).norm_squared().sqrt();
            let weight = before.norm_squared().sqrt();
            if weight > 0.0 { (change / weight) as f32 } else { 0.0 }
        };
        self.params.iter().zip(before).map(ratio).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_watched_and_of_many_some() {
        let param = |shape: &[usize]| Param::new(Tensor::full(shape, 2.0));
        let model: Vec<(Param, Param)> = (0..40).map(|_| (param(&[2, 2]), param(&[3]))).collect();
        let watch = Watch::new(&model);
        assert_eq!((watch.paths.len(), watch.paths[0].as_str()), (12, "0.0"));
        assert_eq!(watch.paths[11], "39.0");
        assert_eq!(Watch::new(&vec![param(&[3])]).paths, ["0"]);
        assert!(Watch::new(&Vec::<Param>::new()).paths.is_empty());

        let before = watch.values();
        model[39].0.set(Tensor::full([2, 2], 2.5));
        let ratios = watch.ratios(&before);
        assert_eq!((ratios[0], ratios[11]), (0.0, 0.25));
    }
}
