"""Activations."""

import torch
from torch import nn

from common import Of, layer, short, write


def cases():
    torch.manual_seed(1)
    torch.set_default_dtype(torch.float32)
    x = lambda: short(2, 3, 4) * 2
    swiglu = lambda x: nn.functional.silu(x.chunk(2, -1)[0]) * x.chunk(2, -1)[1]
    return [
        layer("elu", nn.ELU(1.3), x()),
        layer("gelu", nn.GELU(), x()),
        layer("gelu_tanh", nn.GELU(approximate="tanh"), x()),
        layer("glu", nn.GLU(), x()),
        layer("glu/axis", nn.GLU(0), x()),
        layer("hardsigmoid", Of(lambda x: nn.functional.relu6(x + 3) / 6), x()),
        layer("hardswish", nn.Hardswish(), x()),
        layer("hardtanh", nn.Hardtanh(), x()),
        layer("hardtanh/bounds", nn.Hardtanh(-0.5, 0.7), x()),
        layer("leaky_relu", nn.LeakyReLU(), x()),
        layer("log_sigmoid", nn.LogSigmoid(), x()),
        layer("log_softmax", nn.LogSoftmax(-1), x()),
        layer("log_softmax/axis", nn.LogSoftmax(1), x()),
        layer("mish", nn.Mish(), x()),
        layer("prelu", nn.PReLU(), x()),
        layer("prelu/channels", nn.PReLU(3), x()),
        layer("relu", nn.ReLU(), x()),
        layer("relu6", nn.ReLU6(), x() * 3),
        layer("selu", nn.SELU(), x()),
        layer("sigmoid", nn.Sigmoid(), x()),
        layer("silu", nn.SiLU(), x()),
        layer("softmax", nn.Softmax(-1), x()),
        layer("softmax/axis", nn.Softmax(-2), x()),
        layer("softplus", nn.Softplus(), x()),
        layer("softsign", nn.Softsign(), x()),
        layer("swiglu", Of(swiglu), x()),
        layer("tanh", nn.Tanh(), x()),
    ]


write("crates/nn/tests/data/activation.json", cases())
