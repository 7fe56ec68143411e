"""What all the scripts of this folder share: how values and cases are written."""

import json
import os

import torch

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def flat(t, digits=12):
    """A tensor as its shape and values."""
    return {"shape": list(t.shape), "values": [float(f"{v:.{digits}g}") for v in t.detach().double().reshape(-1).tolist()]}


def write(path, cases):
    with open(os.path.join(ROOT, path), "w") as out:
        out.write("[\n" + ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases) + "\n]\n")
    print(f"{path}: {len(cases)} cases")


def case(name, f, *inputs):
    """The output of f, and the gradients of the sum of its squares by all inputs."""
    inputs = [x.clone().requires_grad_() for x in inputs]
    y = f(*inputs)
    grads = torch.autograd.grad((y * y).sum(), inputs, allow_unused=True)
    grads = [torch.zeros_like(x) if g is None else g for x, g in zip(inputs, grads)]
    return {"name": name, "inputs": [flat(x) for x in inputs], "output": flat(y), "grads": [flat(g) for g in grads]}


def layer(name, module, *inputs, train=True, call=None):
    """The outputs of a module, and the gradients of the sum of y² + c y with uneven c, and its buffers before and after.

    The parameters are moved a little first, so that none is 0 or 1. Inputs that are not floating are indices and get no gradient.
    """
    module = module.double()
    module.train(train)
    module.zero_grad()
    with torch.no_grad():
        for p in module.parameters():
            p.add_(torch.randn_like(p) * 0.1).mul_(1000).round_().div_(1000)
    floating = lambda named: {k: t for k, t in named if t.dtype.is_floating_point}
    params = {k: flat(p) for k, p in module.named_parameters()}
    before = {k: flat(b) for k, b in floating(module.named_buffers()).items()}
    inputs = [x.double().requires_grad_() if x.dtype.is_floating_point else x for x in inputs]
    outputs = (call or module)(*inputs)
    outputs = list(outputs) if isinstance(outputs, (tuple, list)) else [outputs]
    uneven = lambda y: (torch.arange(y.numel()) % 7 - 2.5).double().reshape(y.shape)
    sum((y * y + uneven(y) * y).sum() for y in outputs).backward()
    grad = lambda x: flat(torch.zeros_like(x) if x.grad is None else x.grad, 8)
    return {
        "name": name,
        "train": train,
        "inputs": [flat(x) for x in inputs],
        "params": params,
        "buffers_before": before,
        "outputs": [flat(y, 8) for y in outputs],
        "input_grads": [grad(x) if x.dtype.is_floating_point else None for x in inputs],
        "grads": {k: grad(p) for k, p in module.named_parameters()},
        "buffers_after": {k: flat(b, 8) for k, b in floating(module.named_buffers()).items()},
    }


def short(*shape):
    """Normal numbers of three decimals."""
    return torch.randn(*shape).mul(1000).round().div(1000)


class Of(torch.nn.Module):
    """A function as a module."""

    def __init__(self, f):
        super().__init__()
        self.f = f

    def forward(self, *x):
        return self.f(*x)
