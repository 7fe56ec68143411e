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
        case("erfc", torch.erfc, wide[1:-1]),
        case("erfinv", torch.erfinv, torch.tensor([-0.999, -0.7, 0.0, 0.3, 0.71, 0.99])),
        # The gradient is digamma, whose own gradient PyTorch has to ten digits only.
        case("lgamma", torch.lgamma, torch.tensor([-2.5, -0.25, 0.1, 1.0, 3.5, 100.0])),
        case("polygamma", lambda x: torch.polygamma(2, x), torch.tensor([0.1, 1.0, 3.5, 100.0])),
        case("frac", torch.frac, below),
        case("nan_to_num", lambda x: torch.nan_to_num(x, 2.0, 3.0, -4.0), wide),
        case("clamp_min", lambda x: torch.clamp(x, min=0.5), below),
        case("clamp_max", lambda x: torch.clamp(x, max=0.5), below),
        case("hypot", torch.hypot, a, b),
        case("copysign", torch.copysign, torch.tensor([7.5, -7.5, 7.5, 0.0]), b),
        case("logaddexp", torch.logaddexp, torch.tensor([1.0, 900.0, -900.0, 2.0]), torch.tensor([2.0, 900.0, 900.0, -0.5])),
        case("lerp", lambda x, y: torch.lerp(x, y, 0.7), a, b),
        case("atan2", torch.atan2, a, b),
        case("remainder", torch.remainder, a, b),
        case("fmod", torch.fmod, a, b),
        case("remainder_whole", torch.remainder, torch.tensor([1.0, -1.0, 1.0, 6.0, -6.0, 0.75]), torch.tensor([0.1, 0.1, -0.1, 0.6, 2.0, 0.25])),
    ]


write("crates/autograd/tests/data/functions.json", cases())
