"""The named functions."""

import torch
import torch.nn.functional as F

from common import case, write


def cases():
    torch.manual_seed(3)
    torch.set_default_dtype(torch.float64)
    inside = torch.tensor([-0.9, -0.5, 0.0, 0.25, 0.75])
    above = torch.tensor([1.25, 2.0, 3.5, 100.0])
    below = torch.tensor([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, -0.25, 3.0])
    wide = torch.tensor([-30.0, -3.0, -0.5, 0.0, 0.5, 3.0, 30.0])
    a, b = torch.tensor([7.5, -7.5, 7.5, -7.5]), torch.tensor([2.0, 2.0, -2.0, -2.0])
    one = {
        above: ["rsqrt", "log2", "log10", "acosh"],
        inside: ["asin", "acos", "atanh", "tan"],
        below: ["sign", "floor", "ceil", "trunc", "round", "exp2", "atan", "sinh", "cosh", "asinh", "erf"],
    }
    return [case(name, getattr(torch, name), x) for x, names in one.items() for name in names] + [
        case("softplus", F.softplus, wide[1:-1]),
        case("atan2", torch.atan2, a, b),
        case("remainder", torch.remainder, a, b),
        case("fmod", torch.fmod, a, b),
    ]


write("crates/autograd/tests/data/functions.json", cases())
