"""Convolutions."""

import torch
from torch import nn

from common import layer, short, write


def cases():
    torch.manual_seed(1)
    torch.set_default_dtype(torch.float32)
    return [
        layer("conv1d", nn.Conv1d(2, 3, 3, stride=2, padding=1), short(2, 2, 7)),
        layer("conv1d/same", nn.Conv1d(2, 4, 4, padding="same", dilation=3, groups=2), short(2, 2, 9)),
        layer("conv2d", nn.Conv2d(2, 3, 3, stride=2, padding=1), short(2, 2, 5, 6)),
        layer("conv2d/grouped", nn.Conv2d(4, 4, 3, padding=2, dilation=2, groups=2), short(1, 4, 5, 5)),
        layer("conv2d/uneven", nn.Conv2d(1, 2, (1, 3), stride=(1, 2), padding=(0, 1), bias=False), short(2, 1, 3, 4)),
        layer("conv2d/same", nn.Conv2d(1, 2, (2, 3), padding="same"), short(2, 1, 3, 4)),
        layer("conv1d/reflect", nn.Conv1d(2, 2, 3, padding=2, padding_mode="reflect"), short(2, 2, 5)),
        layer("conv2d/circular", nn.Conv2d(1, 2, 3, padding=(1, 2), padding_mode="circular"), short(2, 1, 3, 4)),
        layer("conv2d/replicate", nn.Conv2d(1, 2, (2, 3), padding="same", padding_mode="replicate"), short(2, 1, 3, 4)),
        layer("conv_transpose1d", nn.ConvTranspose1d(3, 2, 4, stride=2, padding=1), short(2, 3, 4)),
        layer("conv_transpose2d", nn.ConvTranspose2d(2, 3, 3, stride=2, padding=1, output_padding=1), short(2, 2, 3, 2)),
        layer(
            "conv_transpose2d/grouped",
            nn.ConvTranspose2d(4, 2, (2, 3), dilation=(1, 2), groups=2, bias=False),
            short(1, 4, 3, 2),
        ),
    ]


write("crates/nn/tests/data/conv.json", cases())
