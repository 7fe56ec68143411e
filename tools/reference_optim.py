"""Writes thirty steps of every optimizer and configuration that PyTorch has, and a hundred steps of its schedules.

    python tools/reference_optim.py        (needs torch; the results are committed, so the tests need no Python)
"""

import json
import os

import torch
from torch.optim import lr_scheduler as schedulers

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DATA = os.path.join(ROOT, "crates/optim/tests/data")
torch.set_default_dtype(torch.float64)


def orthogonalised(grad, coefficients, steps, eps):
    """Muon's Newton-Schulz iteration as PyTorch has it, without the rounding to bfloat16."""
    a, b, c = coefficients
    x = grad.T if grad.size(0) > grad.size(1) else grad
    x = x / x.norm().clamp(min=eps)
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if grad.size(0) > grad.size(1) else x


torch.optim._muon._zeropower_via_newtonschulz = orthogonalised

# The steps that are written down.
KEPT = [1, 2, 3, 4, 5, 10, 15, 20, 25, 30]


def trajectory(rule, rate, **settings):
    """Steps on a fixed function of a vector and a matrix, under a rate that changes at every step."""
    a = torch.tensor([1.5, -0.7, 0.2], requires_grad=True)
    b = torch.tensor([[0.5, -1.0], [0.3, 0.8], [-0.6, 0.1]], requires_grad=True)
    params = [b] if rule == "Muon" else [a, b]
    stiffness = torch.arange(1.0, 7.0).reshape(3, 2) / 4
    optimizer = getattr(torch.optim, rule)(params, lr=rate, **settings)
    sign = -1 if settings.get("maximize") else 1
    points = []
    for t in range(30):
        for group in optimizer.param_groups:
            group["lr"] = rate / (1 + 0.1 * t)
        optimizer.zero_grad()
        loss = (a**4).sum() / 4 + (stiffness * b * b).sum() + (a.sum() - b.sum()) ** 2 / 2
        (sign * loss).backward()
        optimizer.step()
        if t + 1 in KEPT:
            points.append([v for x in (a, b) for v in x.detach().reshape(-1).tolist()])
    return {"rule": rule, "rate": rate, "settings": settings, "points": points}


def trajectories():
    t = trajectory
    yield from [
        t("SGD", 0.05),
        t("SGD", 0.05, momentum=0.9),
        t("SGD", 0.05, momentum=0.9, nesterov=True),
        t("SGD", 0.05, momentum=0.8, dampening=0.3),
        t("SGD", 0.05, momentum=0.9, weight_decay=0.1),
        t("SGD", 0.05, momentum=0.9, nesterov=True, weight_decay=0.1),
        t("SGD", 0.05, weight_decay=0.1),
        t("SGD", 0.05, momentum=0.9, maximize=True),
    ]
    for rule in ["Adam", "AdamW"]:
        yield from [
            t(rule, 0.05),
            t(rule, 0.05, amsgrad=True),
            t(rule, 0.05, betas=[0.8, 0.95], eps=1e-3),
            t(rule, 0.05, weight_decay=0.2),
            t(rule, 0.05, weight_decay=0.2, amsgrad=True),
            t(rule, 0.05, maximize=True),
        ]
    yield t("Adamax", 0.05)
    yield t("Adamax", 0.05, betas=[0.8, 0.9], eps=1e-3, weight_decay=0.1)
    yield t("Adamax", 0.05, maximize=True)
    for rule in ["NAdam", "RAdam"]:
        yield from [
            t(rule, 0.05),
            t(rule, 0.05, betas=[0.8, 0.95], eps=1e-3),
            t(rule, 0.05, weight_decay=0.1),
            t(rule, 0.05, weight_decay=0.1, decoupled_weight_decay=True),
            t(rule, 0.05, maximize=True),
        ]
    yield t("NAdam", 0.05, momentum_decay=0.1)
    for momentum in [0, 0.9]:
        for centered in [False, True]:
            yield t("RMSprop", 0.01, alpha=0.9, momentum=momentum, centered=centered)
            yield t("RMSprop", 0.01, momentum=momentum, centered=centered, weight_decay=0.1, eps=1e-3)
    yield t("RMSprop", 0.01, maximize=True)
    yield t("Adagrad", 0.1)
    yield t("Adagrad", 0.1, lr_decay=0.1, initial_accumulator_value=0.5, eps=1e-3, weight_decay=0.1)
    yield t("Adagrad", 0.1, maximize=True)
    yield t("Adadelta", 1.0)
    yield t("Adadelta", 1.0, rho=0.8, eps=1e-3, weight_decay=0.1)
    yield t("Adadelta", 1.0, maximize=True)
    yield t("Adafactor", 0.05)
    yield t("Adafactor", 0.5, beta2_decay=-0.5, eps=[1e-6, 1e-2], d=1.5, weight_decay=0.1)
    yield t("Adafactor", 0.05, maximize=True)
    yield t("Rprop", 0.01)
    yield t("Rprop", 0.01, etas=[0.4, 1.3], step_sizes=[1e-3, 0.1])
    yield t("Rprop", 0.01, maximize=True)
    yield t("ASGD", 0.05)
    yield t("ASGD", 0.05, lambd=0.1, alpha=0.6, t0=5, weight_decay=0.1)
    yield t("ASGD", 0.05, maximize=True)
    yield t("Muon", 0.02)
    yield t("Muon", 0.02, momentum=0.8, nesterov=False, weight_decay=0.3)
    yield t("Muon", 0.02, adjust_lr_fn="match_rms_adamw", ns_steps=3)
    yield t("Muon", 0.02, adjust_lr_fn="spectral_unclamped")


def curve(name, scheduler, rate=0.1, momentum=None):
    """The rates (and momenta) of a hundred steps."""
    w = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=rate, momentum=momentum or 0.0)
    scheduler = scheduler(optimizer)
    rates, momenta = [], []
    for _ in range(100):
        rates.append(optimizer.param_groups[0]["lr"])
        momenta.append(optimizer.param_groups[0]["momentum"])
        optimizer.step()
        scheduler.step()
    return {"name": name, "rates": rates} | ({"momenta": momenta} if momentum else {})


def plateau(name, rate=0.1, **settings):
    """The rates that follow a metric of a hundred values."""
    w = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=rate)
    scheduler = schedulers.ReduceLROnPlateau(optimizer, **settings)
    rates, metrics = [], []
    for t in range(100):
        metric = 1.0 / (1 + 0.3 * t) + 0.05 * ((t * 7919) % 13) / 13
        metrics.append(metric if settings.get("mode", "min") == "min" else -metric)
        scheduler.step(metrics[-1])
        rates.append(optimizer.param_groups[0]["lr"])
    return {"name": name, "settings": settings, "metrics": metrics, "rates": rates}


def curves():
    s = schedulers
    cycle = dict(base_lr=0.01, max_lr=0.1, step_size_up=10, step_size_down=15)
    yield curve("step", lambda o: s.StepLR(o, 15, 0.5))
    yield curve("multi_step", lambda o: s.MultiStepLR(o, [10, 40, 41], 0.3))
    yield curve("constant_factor", lambda o: s.ConstantLR(o, 0.25, 20))
    yield curve("linear", lambda o: s.LinearLR(o, 0.2, 0.9, 30))
    yield curve("exponential", lambda o: s.ExponentialLR(o, 0.95))
    yield curve("polynomial", lambda o: s.PolynomialLR(o, 60, 2.5))
    yield curve("cosine", lambda o: s.CosineAnnealingLR(o, 100, 0.01))
    yield curve("cosine_wave", lambda o: s.CosineAnnealingLR(o, 30, 0.01))
    yield curve("warm_restarts", lambda o: s.CosineAnnealingWarmRestarts(o, 10, 1, 0.01))
    yield curve("warm_restarts_growing", lambda o: s.CosineAnnealingWarmRestarts(o, 10, 2, 0.01))
    for mode in ["triangular", "triangular2", "exp_range"]:
        yield curve(
            mode, lambda o: s.CyclicLR(o, **cycle, mode=mode, gamma=0.99, cycle_momentum=True), momentum=0.9
        )
    for anneal in ["cos", "linear"]:
        for three in [False, True]:
            yield curve(
                f"one_cycle_{anneal}{'_three' if three else ''}",
                lambda o: s.OneCycleLR(o, 0.1, total_steps=101, anneal_strategy=anneal, three_phase=three),
                momentum=0.9,
            )
    yield curve("lambda", lambda o: s.LambdaLR(o, lambda t: 1 / (1 + 0.2 * t)))
    yield curve("multiplicative", lambda o: s.MultiplicativeLR(o, lambda t: 0.97))
    yield curve(
        "sequential",
        lambda o: s.SequentialLR(
            o, [s.LinearLR(o, 0.1, 1.0, 20), s.CosineAnnealingLR(o, 80)], [20]
        ),
    )
    yield curve("chained", lambda o: s.ChainedScheduler([s.ConstantLR(o, 0.1, 20), s.ExponentialLR(o, 0.9)]))
    yield plateau("plateau", factor=0.5, patience=3)
    yield plateau("plateau", factor=0.5, patience=2, cooldown=4, threshold=0.05, min_lr=0.004)
    yield plateau("plateau", factor=0.7, patience=3, threshold_mode="abs", threshold=1e-3)
    yield plateau("plateau", factor=0.5, patience=3, mode="max")


def write(name, cases):
    cases = list(cases)
    with open(os.path.join(DATA, name), "w") as out:
        out.write("[\n" + ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases) + "\n]\n")
    print(f"{name}: {len(cases)} cases")


write("trajectories.json", trajectories())
write("schedules.json", curves())
