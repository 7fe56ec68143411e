"""What all the scripts of this folder share: how values and cases are written."""

import json
import os

import torch

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


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
