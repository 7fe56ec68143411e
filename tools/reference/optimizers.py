"""The optimizers: thirty steps of each."""

import torch

from common import write


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


write("crates/optim/tests/data/trajectories.json", optimizers())
