"""Convolutions and poolings beyond the first network's."""

import torch
import torch.nn.functional as F

from common import case, write


def cases():
    torch.manual_seed(2)
    torch.set_default_dtype(torch.float64)
    r = lambda *shape: torch.randn(*shape).mul(1000).round().div(1000)
    lines = dict(stride=2, padding=1, dilation=2, groups=2)
    planes = dict(stride=(2, 1), padding=(1, 0), output_padding=(1, 0), dilation=(1, 2), groups=2)
    return [
        case("conv1d", lambda x, w, b: F.conv1d(x, w, b, **lines), r(2, 4, 7), r(6, 2, 3), r(6)),
        case("conv_transpose1d", lambda x, w, b: F.conv_transpose1d(x, w, b, output_padding=1, **lines), r(2, 4, 3), r(4, 3, 3), r(6)),
        case("conv_transpose2d", lambda x, w, b: F.conv_transpose2d(x, w, b, **planes), r(2, 4, 2, 3), r(4, 1, 3, 2), r(2)),
        case("max_pool1d", lambda x: F.max_pool1d(x, 3, stride=2, padding=1), r(1, 2, 6)),
        case("avg_pool1d", lambda x: F.avg_pool1d(x, 3, stride=2, padding=1), r(1, 2, 6)),
        case("adaptive_max_pool1d", lambda x: F.adaptive_max_pool1d(x, 3), r(1, 2, 7)),
        case("adaptive_avg_pool1d", lambda x: F.adaptive_avg_pool1d(x, 3), r(1, 2, 7)),
        case("adaptive_max_pool2d", lambda x: F.adaptive_max_pool2d(x, (3, 2)), r(1, 2, 5, 5)),
        case("adaptive_avg_pool2d", lambda x: F.adaptive_avg_pool2d(x, (3, 2)), r(1, 2, 5, 5)),
        case("adaptive_avg_pool2d_larger", lambda x: F.adaptive_avg_pool2d(x, (7, 5)), r(1, 2, 5, 3)),
    ]


write("crates/autograd/tests/data/window.json", cases())
