//! The cost of a model, layer by layer.

use ravine_autograd::Summary;
use ravine_tensor::{Shape, Tensor};

use crate::Layer;

/// What `model` does with zeros of this shape, layer by layer: outputs, parameters, multiply-adds and memory. Printed, it is a table.
///
/// Models that are no [`Layer`], or take other inputs, say how they run: [`Summary::of`].
///
/// ```
/// use ravine_nn::{Conv2d, Flatten, Linear, MaxPool2d, Relu, sequential, summary};
/// use ravine_tensor::Rng;
///
/// let rng = &mut Rng::new(0);
/// let lenet = sequential![
///     Conv2d::new(1, 6, 5, rng).padding(2), Relu, MaxPool2d::new(2),
///     Conv2d::new(6, 16, 5, rng), Relu, MaxPool2d::new(2),
///     Flatten, Linear::new(400, 120, rng), Relu, Linear::new(120, 84, rng), Relu, Linear::new(84, 10, rng),
/// ];
/// assert_eq!(summary(&lenet, [1, 1, 28, 28]).to_string(), "\
/// layer       output           parameters  multiply-adds
/// ──────────────────────────────────────────────────────
/// input       [1, 1, 28, 28]
/// 0: Conv2d   [1, 6, 28, 28]          156        117,600
/// relu        [1, 6, 28, 28]
/// max_pool2d  [1, 6, 14, 14]
/// 3: Conv2d   [1, 16, 10, 10]       2,416        240,000
/// relu        [1, 16, 10, 10]
/// max_pool2d  [1, 16, 5, 5]
/// 7: Linear   [1, 120]             48,120         48,000
/// relu        [1, 120]
/// 9: Linear   [1, 84]              10,164         10,080
/// relu        [1, 84]
/// 11: Linear  [1, 10]                 850            840
/// ──────────────────────────────────────────────────────
/// parameters     61,706
/// multiply-adds  416,520
/// memory         0.24 MiB of state, 0.00 MiB of input, 0.06 MiB of activations
/// ");
/// ```
#[track_caller]
pub fn summary(model: &(impl Layer + ?Sized), input: impl Into<Shape>) -> Summary {
    Summary::of(model, Tensor::zeros(input), |x| model.forward(x))
}

#[cfg(test)]
mod tests {
    use ravine_autograd::Module;
    use ravine_tensor::Rng;

    use super::*;
    use crate::{Lstm, TransformerEncoderLayer};

    #[test]
    fn fused_ops_are_counted_like_their_products() {
        let rng = &mut Rng::new(0);
        let lstm = Lstm::new(3, 4, 1, rng);
        let found = Summary::of(&lstm, Tensor::zeros([2, 5, 3]), |x| lstm.forward(x).0);
        // Each of 10 steps: 3 inputs and 4 states to 16 gates.
        assert_eq!((found.multiply_adds, found.params), (10 * (3 + 4) * 16, lstm.num_params()));

        let layer = TransformerEncoderLayer::with_inner(8, 2, 16, rng);
        let found = summary(&layer, [2, 5, 8]);
        let projections = 10 * (8 * 24 + 8 * 8 + 8 * 16 + 16 * 8);
        // Of 2 samples and 2 heads: 25 pairs, products of width 4, and as much for the values.
        assert_eq!(found.multiply_adds, projections + 2 * 2 * 25 * (4 + 4));
    }
}
