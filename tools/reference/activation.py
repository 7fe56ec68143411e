"""Activation functions, at their kinks and far out."""

import torch
import torch.nn.functional as F

from common import case, write


def cases():
    torch.set_default_dtype(torch.float64)
    wide = torch.tensor([-700.0, -30.0, -3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.5, 3.0, 6.0, 30.0, 700.0])
    names = ["gelu", "silu", "mish", "softsign", "hardswish", "selu", "relu6"]
    return [case(name, getattr(F, name), wide) for name in names] + [
        # F.hardsigmoid's own derivative has 1/6 as a float32.
        case("hardsigmoid", lambda x: F.relu6(x + 3) / 6, wide),
        case("gelu_tanh", lambda x: F.gelu(x, approximate="tanh"), wide),
        case("log_sigmoid", F.logsigmoid, wide),
        case("leaky_relu", lambda x: F.leaky_relu(x, 0.1), wide),
        case("prelu", F.prelu, wide.reshape(1, 13, 1), torch.full((1,), 0.3)),
        case("elu", lambda x: F.elu(x, 1.3), wide),
        case("hardtanh", lambda x: F.hardtanh(x, -1.0, 3.0), wide),
        case("glu", lambda x: F.glu(x, 0), wide[:12]),
    ]


write("crates/autograd/tests/data/activation.json", cases())
