"""What all the scripts of this folder share: how values and cases are written."""

import contextlib
import json
import math
import os

import torch

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def flat(t, digits=12):
    """A tensor as its shape and values."""
    return {"shape": list(t.shape), "values": [float(f"{v:.{digits}g}") for v in t.detach().double().reshape(-1).tolist()]}


def write(path, cases):
    cases = [case for some in cases for case in (some if isinstance(some, list) else [some])]
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


def layer(name, module, *inputs, modes=("train", "eval"), call=None):
    """A module in each mode: its outputs, the gradients of the sum of y² + c y with uneven c, and its buffers before and after.

    Where both modes say the same, one case is for both. The parameters are moved a little first, so that none is 0 or 1. Inputs that
    are not floating are indices and get no gradient. What is dropped in training, our own generator decides (see `our_coins`).
    """
    module = module.double()
    with torch.no_grad():
        for p in module.parameters():
            p.add_(torch.randn_like(p) * 0.1).mul_(1000).round_().div_(1000)
    floating = lambda: {k: b for k, b in module.named_buffers() if b.dtype.is_floating_point}
    before = {k: b.clone() for k, b in floating().items()}
    uneven = lambda y: (torch.arange(y.numel()) % 7 - 2.5).double().reshape(y.shape)
    grad = lambda x: flat(torch.zeros_like(x) if x.grad is None else x.grad, 8)

    def run(mode):
        module.train(mode == "train")
        module.zero_grad()
        for k, b in floating().items():
            b.copy_(before[k])
        xs = [x.double().clone().requires_grad_() if x.dtype.is_floating_point else x for x in inputs]
        with our_coins():
            outputs = (call or module)(*xs)
        outputs = list(outputs) if isinstance(outputs, (tuple, list)) else [outputs]
        sum((y * y + uneven(y) * y).sum() for y in outputs).backward()
        return {
            "name": name,
            "modes": [mode],
            "inputs": [flat(x) for x in xs],
            "params": {k: flat(p) for k, p in module.named_parameters()},
            "buffers_before": {k: flat(b) for k, b in before.items()},
            "outputs": [flat(y, 8) for y in outputs],
            "input_grads": [grad(x) if x.dtype.is_floating_point else None for x in xs],
            "grads": {k: grad(p) for k, p in module.named_parameters()},
            "buffers_after": {k: flat(b, 8) for k, b in floating().items()},
        }

    cases = [run(mode) for mode in modes]
    if len(cases) == 2 and {**cases[0], "modes": modes} == {**cases[1], "modes": modes}:
        return [{**cases[0], "modes": modes}]
    return cases


class Coins:
    """What our generator with seed 0 throws, 1 with probability a half, as the tests check: PyTorch's own would drop others."""

    def __init__(self):
        with open(os.path.join(ROOT, "crates/nn/tests/data/coins.txt")) as file:
            self.left = [float(c) for c in file.read().split()[0]]

    def throw(self, *shape):
        n = math.prod(shape)
        thrown, self.left = self.left[:n], self.left[n:]
        assert len(thrown) == n, "coins.txt is too short"
        return torch.tensor(thrown, dtype=torch.float64).reshape(shape)

    def dropout(self, x, p=0.5, training=True, inplace=False):
        assert p in (0.0, 0.5)
        return x * self.throw(*x.shape) * 2 if training and p else x

    def dropout2d(self, x, p=0.5, training=True, inplace=False):
        return x * self.dropout(torch.ones(*x.shape[:2], 1, 1).double(), p, training)

    def alpha_dropout(self, x, p=0.5, training=True, inplace=False):
        """Klambauer et al. 2017; here 1 means dropped."""
        if not training:
            return x
        lowest = -1.7580993408473766
        a = ((1 - p) * (1 + p * lowest**2)) ** -0.5
        dropped = self.throw(*x.shape)
        return a * (x * (1 - dropped) + lowest * dropped - p * lowest)

    def attention(self, q, k, v, attn_mask=None, dropout_p=0.0, is_causal=False):
        """PyTorch's scaled_dot_product_attention in the two lines that its documentation gives."""
        if is_causal:
            attn_mask = torch.full((q.shape[-2], k.shape[-2]), -math.inf).triu(1)
        scores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5 + (0 if attn_mask is None else attn_mask)
        return self.dropout(scores.softmax(-1), dropout_p) @ v


@contextlib.contextmanager
def our_coins():
    """Inside, whatever PyTorch drops is decided by our generator."""
    F, coins = torch.nn.functional, Coins()
    ours = dict(
        dropout=coins.dropout,
        dropout2d=coins.dropout2d,
        alpha_dropout=coins.alpha_dropout,
        scaled_dot_product_attention=coins.attention,
    )
    theirs = {name: getattr(F, name) for name in ours}
    for name, f in ours.items():
        setattr(F, name, f)
    COINS.append(coins)
    try:
        yield
    finally:
        COINS.pop()
        for name, f in theirs.items():
            setattr(F, name, f)


# The coins of the case that is running.
COINS = []


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
