"""The layers: outputs, gradients and buffers after one pass."""

import torch
from torch import nn

from common import flat, write


def layer(name, module, x, train=True):
    """A layer's output, gradients and buffers after one pass with the sum of squares as loss."""
    module = module.double()
    module.train(train)
    module.zero_grad()
    params = [(k, p.detach().clone()) for k, p in module.named_parameters()]
    before = [(k, b.detach().clone()) for k, b in module.named_buffers() if b.dtype.is_floating_point]
    x = x.double().requires_grad_()
    y = module(x)
    (y * y).sum().backward()
    return {
        "name": name,
        "train": train,
        "input": flat(x),
        "params": {k: flat(p) for k, p in params},
        "buffers_before": {k: flat(b) for k, b in before},
        "output": flat(y),
        "input_grad": flat(x.grad),
        "grads": {k: flat(p.grad) for k, p in module.named_parameters()},
        "buffers_after": {k: flat(b) for k, b in module.named_buffers() if b.dtype.is_floating_point},
    }


def layers():
    torch.manual_seed(1)
    torch.set_default_dtype(torch.float32)
    norm = lambda: nn.BatchNorm2d(3)
    seen = norm()
    seen.weight.data = torch.tensor([0.5, 1.0, 2.0])
    seen.bias.data = torch.tensor([0.1, -0.2, 0.3])
    seen.running_mean = torch.tensor([0.3, -0.1, 0.0])
    seen.running_var = torch.tensor([1.5, 0.5, 2.0])
    net = nn.Sequential(
        nn.Conv2d(1, 3, 3, padding=1), nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(12, 4)
    )
    return [
        layer("linear", nn.Linear(4, 3), torch.randn(5, 4)),
        layer("linear_no_bias", nn.Linear(4, 3, bias=False), torch.randn(2, 2, 4)),
        layer("conv2d", nn.Conv2d(2, 3, 3, stride=2, padding=1), torch.randn(2, 2, 5, 6)),
        layer("conv2d_grouped", nn.Conv2d(4, 4, 3, padding=2, dilation=2, groups=2), torch.randn(1, 4, 5, 5)),
        layer("max_pool2d", nn.MaxPool2d(3, stride=2, padding=1), torch.randn(1, 2, 5, 6)),
        layer("avg_pool2d", nn.AvgPool2d(2), torch.randn(1, 2, 4, 5)),
        layer("batch_norm2d", seen, torch.randn(4, 3, 2, 2) * 3 + 1),
        layer("batch_norm2d", seen, torch.randn(4, 3, 2, 2), train=False),
        layer("dropout", nn.Dropout(0.5), torch.randn(3, 4), train=False),
        layer("relu", nn.ReLU(), torch.randn(3, 4)),
        layer("flatten", nn.Flatten(), torch.randn(2, 3, 2)),
        layer("sequential", net, torch.randn(4, 1, 4, 4)),
    ]


write("crates/nn/tests/data/layers.json", layers())
