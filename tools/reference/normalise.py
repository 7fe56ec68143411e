"""Normalisation with scale and shift."""

import torch
import torch.nn.functional as F

from common import case, write


def cases():
    torch.manual_seed(5)
    torch.set_default_dtype(torch.float64)
    r = lambda *shape: torch.randn(*shape).mul(1000).round().div(1000)
    mean, var = torch.tensor([0.5, -0.1, 0.0]), torch.tensor([2.0, 0.3, 1.0])
    batch = lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True)
    return [
        case("batch_norm", batch, r(4, 3, 2) + 2, r(3), r(3)),
        case("batch_norm", batch, r(4, 3) + 2, r(3), r(3)),
        case("batch_norm_by", lambda x, w, b: F.batch_norm(x, mean, var, w, b), r(2, 3, 2), r(3), r(3)),
        case("group_norm", lambda x, w, b: F.group_norm(x, 2, w, b), r(2, 4, 3) + 2, r(4), r(4)),
        case("layer_norm", lambda x, w, b: F.layer_norm(x, (3, 2), w, b), r(2, 3, 2) + 2, r(3, 2), r(3, 2)),
        case("rms_norm", lambda x, w: F.rms_norm(x, (5,), w, 1e-5), r(3, 5), r(5)),
    ]


write("crates/autograd/tests/data/normalise.json", cases())
