"""Writes the values that PyTorch gives for our ops, layers and optimizers, for the tests to compare with.

    python tools/reference.py        (needs torch; the results are committed, so the tests need no Python)
"""

import json
import os

import torch
from torch import nn
import torch.nn.functional as F

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def flat(t):
    """A tensor as its shape and values, to twelve digits."""
    return {"shape": list(t.shape), "values": [float(f"{v:.12g}") for v in t.detach().double().reshape(-1).tolist()]}


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


def ops():
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float64)
    r = lambda *shape: torch.randn(*shape).mul(1000).round().div(1000)
    kinks = torch.tensor([-2.0, -1.0, -0.0, 0.0, 0.5, 1.0, 2.0])
    ties = torch.tensor([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]])
    positive = lambda *shape: r(*shape).abs() + 0.25
    window = torch.tensor([[[[1.0, 1.0, 0.0, 2.0], [1.0, 1.0, 2.0, 2.0], [0.0, -1.0, -1.0, -1.0]]]])
    return [
        case("add", lambda a, b: a + b, r(2, 3), r(3)),
        case("sub", lambda a, b: a - b, r(2, 1), r(1, 3)),
        case("mul", lambda a, b: a * b, r(2, 3), r(2, 1)),
        case("div", lambda a, b: a / b, r(2, 3), positive(3)),
        case("neg", lambda a: -a, r(3)),
        case("exp", torch.exp, r(5)),
        case("expm1", torch.expm1, r(5)),
        case("log", torch.log, positive(5)),
        case("log1p", torch.log1p, positive(5)),
        case("sqrt", torch.sqrt, positive(5)),
        case("reciprocal", torch.reciprocal, positive(5)),
        case("square", torch.square, r(5)),
        case("sin", torch.sin, r(5)),
        case("cos", torch.cos, r(5)),
        case("tanh", torch.tanh, r(5)),
        case("sigmoid", torch.sigmoid, torch.tensor([-800.0, -3.0, 0.0, 3.0, 800.0])),
        case("relu", lambda a: torch.relu(a) + 1, kinks),
        case("abs", lambda a: torch.abs(a) + 1, kinks),
        case("clamp", lambda a: torch.clamp(a, -1.0, 1.0), kinks),
        case("powf", lambda a: a**3.0, kinks),
        case("pow", lambda a, b: a**b, torch.tensor([0.0, 0.0, 2.0, 3.0]), torch.tensor([0.0, 2.0, -1.0, 0.5])),
        case("maximum", torch.maximum, kinks, kinks.flip(0)),
        case("minimum", torch.minimum, kinks, kinks.flip(0)),
        case("max", lambda a: a.amax(1), ties),
        case("min", lambda a: a.amin(1), ties),
        case("sum", lambda a: a.sum((0, 2)), r(2, 3, 2)),
        case("mean", lambda a: a.mean(1), r(2, 3)),
        case("var", lambda a: a.var(1, correction=1), r(2, 4)),
        case("logsumexp", lambda a: a.logsumexp(1), torch.tensor([[1000.0, 1001.0, -1000.0], [1.0, 2.0, 3.0]])),
        case("softmax", lambda a: a.softmax(-1), torch.tensor([[1000.0, 1001.0, -1000.0], [1.0, 2.0, 3.0]])),
        case("log_softmax", lambda a: a.log_softmax(-1), r(2, 4)),
        case("cross_entropy", lambda a: F.cross_entropy(a, torch.tensor([2, 0])), torch.tensor([[1e4, -1e4, 3.0], [0.5, 1.5, -1.0]])),
        case("matmul", torch.matmul, r(2, 3, 4), r(4, 2)),
        case("linear", F.linear, r(2, 3), r(4, 3), r(4)),
        case("conv2d", lambda x, w, b: F.conv2d(x, w, b, stride=(2, 1), padding=(1, 2), dilation=(1, 2), groups=2), r(2, 4, 5, 5), r(2, 2, 3, 3), r(2)),
        case("conv2d_input_grad", lambda x, w: F.conv_transpose2d(x, w, stride=2, padding=1, output_padding=1), r(1, 2, 3, 3), r(2, 3, 3, 3)),
        case("max_pool2d", lambda x: F.max_pool2d(x, 2), window),
        case("max_pool2d_overlapping", lambda x: F.max_pool2d(x, 3, stride=1, padding=1), window),
        case("avg_pool2d", lambda x: F.avg_pool2d(x, 3, stride=2, padding=1), r(1, 2, 5, 4)),
        case("gather", lambda a: a.gather(1, torch.tensor([[2, 0, 2], [1, 1, 0]])), r(2, 3)),
        case("scatter_add", lambda a: torch.zeros(2, 3).scatter_add(1, torch.tensor([[2, 0, 2], [1, 1, 0]]), a), r(2, 3)),
        case("index_select", lambda a: a.index_select(0, torch.tensor([2, 0, 2])), r(3, 2)),
        case("normalize", lambda a: F.layer_norm(a, [5], eps=1e-5), r(2, 5)),
    ]


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


def trajectory(name, make, settings):
    """Thirty steps on a fixed function of two parameters, under a rate that changes at every step."""
    w = [torch.tensor([1.5, -0.7, 0.2], dtype=torch.float64), torch.tensor([[0.5], [-1.0]], dtype=torch.float64)]
    w = [x.requires_grad_() for x in w]
    optimizer = make(w, **settings)
    points = []
    for t in range(30):
        for group in optimizer.param_groups:
            group["lr"] = 0.05 / (1 + 0.1 * t)
        optimizer.zero_grad()
        a, b = w
        loss = (a**4).sum() + (b * b).sum() + (a.sum() - b.sum()) ** 2
        loss.backward()
        optimizer.step()
        points.append([float(f"{v:.9g}") for x in w for v in x.detach().reshape(-1).tolist()])
    return {"name": name, "settings": settings, "points": points}


def optimizers():
    o = torch.optim
    return [
        trajectory("sgd", o.SGD, {}),
        trajectory("sgd", o.SGD, {"momentum": 0.9}),
        trajectory("sgd", o.SGD, {"momentum": 0.9, "nesterov": True}),
        trajectory("sgd", o.SGD, {"momentum": 0.8, "dampening": 0.3}),
        trajectory("sgd", o.SGD, {"momentum": 0.9, "weight_decay": 0.1}),
        trajectory("sgd", o.SGD, {"weight_decay": 0.1}),
        trajectory("adam", o.Adam, {}),
        trajectory("adam", o.Adam, {"weight_decay": 0.1}),
        trajectory("adam", o.Adam, {"betas": [0.8, 0.95], "eps": 1e-3}),
        trajectory("adamw", o.AdamW, {"weight_decay": 0.01}),
        trajectory("adamw", o.AdamW, {"weight_decay": 0.2}),
    ]


def main():
    write("crates/autograd/tests/data/ops.json", ops())
    write("crates/nn/tests/data/layers.json", layers())
    write("crates/optim/tests/data/trajectories.json", optimizers())


main()
