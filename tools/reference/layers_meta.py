"""What goes beyond a pass: gradients through steps of descent, and new statistics of norms for weights that were averaged."""

import torch
import torch.nn.functional as F
from torch import nn

from common import flat, short, write


def cases():
    torch.manual_seed(2)
    torch.set_default_dtype(torch.float64)
    net = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1))
    with torch.no_grad():
        for p in net.parameters():
            p.mul_(1000).round_().div_(1000)
    support, query = (short(5, 2), short(5, 1)), (short(3, 2), short(3, 1))
    weights = dict(net.named_parameters())
    for _ in range(2):
        loss = F.mse_loss(torch.func.functional_call(net, weights, support[0]), support[1])
        grads = torch.autograd.grad(loss, list(weights.values()), create_graph=True)
        weights = {name: w - 0.1 * g for (name, w), g in zip(weights.items(), grads)}
    loss = F.mse_loss(torch.func.functional_call(net, weights, query[0]), query[1])
    loss.backward()
    return [
        {
            "params": {name: flat(p) for name, p in net.named_parameters()},
            "data": [flat(x) for x in (*support, *query)],
            "loss": loss.item(),
            "grads": {name: flat(p.grad, 8) for name, p in net.named_parameters()},
        }
    ]


def statistics():
    torch.manual_seed(3)
    torch.set_default_dtype(torch.float64)
    net = nn.Sequential(nn.BatchNorm1d(2), nn.Linear(2, 3), nn.Tanh(), nn.BatchNorm1d(3, momentum=0.4))
    with torch.no_grad():
        for p in net.parameters():
            p.add_(torch.randn_like(p) * 0.1).mul_(1000).round_().div_(1000)
    batches = [short(4, 2) * 2 + 1 for _ in range(3)]
    net(short(5, 2))  # What was seen before does not matter.
    torch.optim.swa_utils.update_bn(batches, net)
    return [
        {
            "params": {name: flat(p) for name, p in net.named_parameters()},
            "batches": [flat(x) for x in batches],
            "buffers": {name: flat(b, 8) for name, b in net.named_buffers() if b.is_floating_point()},
        }
    ]


write("crates/nn/tests/data/meta.json", cases())
write("crates/nn/tests/data/statistics.json", statistics())
