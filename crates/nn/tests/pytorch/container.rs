//! Layers made of layers.

use ravine_nn::*;
use ravine_tensor::Rng;

use crate::Subject;

pub fn layer(name: &str, rng: &mut Rng) -> Subject {
    match name {
        "sequential" => sequential![
            Conv2d::new(1, 3, 3, rng).padding(1),
            BatchNorm2d::new(3),
            Relu,
            MaxPool2d::new(2),
            Flatten,
            Linear::new(12, 4, rng),
        ]
        .into(),
        "sequential/dropout" => {
            sequential![Linear::new(3, 4, rng), Dropout::new(0.5), Linear::new(4, 2, rng)].into()
        }
        "sequential/vec" => vec![Linear::new(3, 3, rng), Linear::new(3, 3, rng)].into(),
        "residual" => Residual::new(Linear::new(3, 3, rng)).into(),
        "residual/shortcut" => {
            Residual::new(Linear::new(3, 2, rng)).shortcut(Linear::new(3, 2, rng).no_bias()).into()
        }
        "parallel" => {
            Parallel::new(Join::Cat(1)).branch(Linear::new(3, 2, rng)).branch(Linear::new(3, 4, rng)).into()
        }
        "parallel/sum" => {
            Parallel::new(Join::Sum).branch(Linear::new(3, 2, rng)).branch(Linear::new(3, 2, rng)).into()
        }
        _ => panic!("{name} is in the file, but not here"),
    }
}
