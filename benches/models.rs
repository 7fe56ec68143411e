//! Models that several programs measure.

use ravine::prelude::*;

/// 784-128-10.
pub fn mlp(rng: &mut Rng) -> Sequential {
    sequential![Flatten, Linear::new(784, 128, rng), Relu, Linear::new(128, 10, rng)]
}

/// LeNet-5, with ReLU and max-pooling.
pub fn lenet(rng: &mut Rng) -> Sequential {
    sequential![
        Conv2d::new(1, 6, 5, rng).padding(2),
        Relu,
        MaxPool2d::new(2),
        Conv2d::new(6, 16, 5, rng),
        Relu,
        MaxPool2d::new(2),
        Flatten,
        Linear::new(400, 120, rng),
        Relu,
        Linear::new(120, 84, rng),
        Relu,
        Linear::new(84, 10, rng),
    ]
}
