//! Activations.

use ravine_nn::*;
use ravine_tensor::Rng;

use crate::Subject;

pub fn layer(name: &str, _: &mut Rng) -> Subject {
    match name {
        "elu" => Elu::new(1.3).into(),
        "gelu" => Gelu.into(),
        "gelu_tanh" => GeluTanh.into(),
        "glu" => Glu::default().into(),
        "glu/axis" => Glu::new(0).into(),
        "hardsigmoid" => Hardsigmoid.into(),
        "hardswish" => Hardswish.into(),
        "hardtanh" => Hardtanh::default().into(),
        "hardtanh/bounds" => Hardtanh::new(-0.5, 0.7).into(),
        "leaky_relu" => LeakyRelu::default().into(),
        "log_sigmoid" => LogSigmoid.into(),
        "log_softmax" => LogSoftmax::default().into(),
        "log_softmax/axis" => LogSoftmax::new(1).into(),
        "mish" => Mish.into(),
        "prelu" => PRelu::default().into(),
        "prelu/channels" => PRelu::new(3).into(),
        "relu" => Relu.into(),
        "relu6" => Relu6.into(),
        "selu" => Selu.into(),
        "sigmoid" => Sigmoid.into(),
        "silu" => Silu.into(),
        "softmax" => Softmax::default().into(),
        "softmax/axis" => Softmax::new(-2).into(),
        "softplus" => Softplus.into(),
        "softsign" => Softsign.into(),
        "swiglu" => SwiGlu::default().into(),
        "tanh" => Tanh.into(),
        _ => panic!("{name} is in the file, but not here"),
    }
}
