"""Layers made of layers."""

import torch
from torch import nn

from common import layer, short, write


def cases():
    torch.manual_seed(1)
    torch.set_default_dtype(torch.float32)
    net = nn.Sequential(
        nn.Conv2d(1, 3, 3, padding=1), nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(12, 4)
    )

    class Named(nn.Module):
        """Parts by name, and what is done with them."""

        def __init__(self, f, **parts):
            super().__init__()
            self.f = f
            for name, part in parts.items():
                self.add_module(name.strip("_"), part)

        def forward(self, x):
            return self.f(self, x)

    part = lambda m, name: getattr(m, name)
    return [
        layer("sequential", net, short(4, 1, 4, 4)),
        layer("sequential/dropout", nn.Sequential(nn.Linear(3, 4), nn.Dropout(), nn.Linear(4, 2)), short(2, 3)),
        layer("sequential/vec", nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3)), short(2, 3)),
        layer("residual", Named(lambda m, x: x + m.body(x), body=nn.Linear(3, 3)), short(2, 3)),
        layer(
            "residual/shortcut",
            Named(lambda m, x: m.shortcut(x) + m.body(x), body=nn.Linear(3, 2), shortcut=nn.Linear(3, 2, bias=False)),
            short(2, 3),
        ),
        layer(
            "parallel",
            Named(lambda m, x: torch.cat([part(m, "0")(x), part(m, "1")(x)], 1), _0=nn.Linear(3, 2), _1=nn.Linear(3, 4)),
            short(2, 3),
        ),
        layer(
            "parallel/sum",
            Named(lambda m, x: part(m, "0")(x) + part(m, "1")(x), _0=nn.Linear(3, 2), _1=nn.Linear(3, 2)),
            short(2, 3),
        ),
    ]


write("crates/nn/tests/data/container.json", cases())
