"""Pooling."""

import torch
from torch import nn

from common import Of, layer, short, write


def cases():
    torch.manual_seed(1)
    torch.set_default_dtype(torch.float32)
    return [
        layer("max_pool1d", nn.MaxPool1d(3, stride=2, padding=1), short(1, 2, 6)),
        layer("max_pool2d", nn.MaxPool2d(3, stride=2, padding=1), short(1, 2, 5, 6)),
        layer("max_pool2d/uneven", nn.MaxPool2d((1, 3), stride=(2, 1)), short(1, 1, 3, 4)),
        layer("max_pool1d/ceil", nn.MaxPool1d(2, stride=3, padding=1, ceil_mode=True), short(1, 2, 6)),
        layer("max_pool2d/ceil", nn.MaxPool2d((3, 2), stride=2, ceil_mode=True), short(1, 2, 6, 5)),
        layer("avg_pool1d", nn.AvgPool1d(2), short(2, 2, 5)),
        layer("avg_pool1d/ceil", nn.AvgPool1d(3, stride=2, padding=1, ceil_mode=True), short(2, 2, 6)),
        layer("avg_pool1d/real", nn.AvgPool1d(3, stride=2, padding=1, ceil_mode=True, count_include_pad=False), short(2, 2, 6)),
        layer("avg_pool2d", nn.AvgPool2d(2), short(1, 2, 4, 5)),
        layer("avg_pool2d/padded", nn.AvgPool2d(3, stride=2, padding=1), short(1, 1, 4, 5)),
        layer("avg_pool2d/ceil", nn.AvgPool2d((2, 3), stride=2, ceil_mode=True), short(1, 2, 5, 6)),
        layer("avg_pool2d/real", nn.AvgPool2d((3, 2), stride=(2, 1), padding=1, count_include_pad=False), short(1, 2, 5, 4)),
        layer("avg_pool2d/real_ceil", nn.AvgPool2d(3, stride=2, padding=(0, 1), ceil_mode=True, count_include_pad=False), short(1, 2, 6, 6)),
        layer("adaptive_max_pool1d", nn.AdaptiveMaxPool1d(3), short(1, 2, 7)),
        layer("adaptive_max_pool2d", nn.AdaptiveMaxPool2d((2, 3)), short(1, 2, 5, 4)),
        layer("adaptive_avg_pool1d", nn.AdaptiveAvgPool1d(3), short(1, 2, 7)),
        layer("adaptive_avg_pool2d", nn.AdaptiveAvgPool2d(2), short(1, 2, 5, 3)),
        layer("global_avg_pool", Of(lambda x: x.mean((2, 3))), short(2, 2, 3, 2)),
        layer("global_max_pool", Of(lambda x: x.amax(2)), short(2, 2, 5)),
        layer("max_pool2d/ceil_alone", nn.MaxPool2d((3, 4), stride=(2, 3), ceil_mode=True), short(1, 2, 2, 2)),
        layer("avg_pool2d/ceil_alone", nn.AvgPool2d((3, 4), stride=(2, 3), padding=(0, 1), ceil_mode=True), short(1, 2, 2, 1)),
    ]


write("crates/nn/tests/data/pool.json", cases())
