"""Writes thirty steps of every optimizer and configuration that PyTorch has, and a hundred steps of its schedules.

Rules that PyTorch does not have are written out here, each from its paper's algorithm.
"""

from functools import partial
from itertools import product

import torch
from torch.optim import lr_scheduler as schedulers
from torch.optim.swa_utils import SWALR

from common import write

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

class Paper(torch.optim.Optimizer):
    """A rule written out: `change(p, g, s)` is one step of parameter `p`, whose state `s` counts its steps in `t`."""

    def __init__(self, params, lr, **settings):
        super().__init__(params, dict(lr=lr, **settings))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                s = self.state[p]
                s["t"] = s.get("t", 0) + 1
                self.change(p, p.grad, s, **{k: v for k, v in group.items() if k in self.names})

    def __init_subclass__(cls):
        code = cls.change.__code__
        cls.names = code.co_varnames[4 : code.co_argcount]


def moments(p, g, s, beta1, beta2):
    """Adam's means, corrected."""
    s["m"] = beta1 * s.get("m", 0) + (1 - beta1) * g
    s["v"] = beta2 * s.get("v", 0) + (1 - beta2) * g * g
    return s["m"] / (1 - beta1 ** s["t"]), s["v"] / (1 - beta2 ** s["t"])


class KerasSGD(Paper):
    """keras.optimizers.SGD."""

    def change(self, p, g, s, lr, momentum, nesterov=False):
        s["v"] = momentum * s.get("v", 0) - lr * g
        p += momentum * s["v"] - lr * g if nesterov else s["v"]


class EmaSGD(Paper):
    """The heavy ball on a mean of gradients."""

    def change(self, p, g, s, lr, momentum, nesterov=False):
        s["v"] = momentum * s.get("v", 0) + (1 - momentum) * g
        p -= lr * (momentum * s["v"] + (1 - momentum) * g if nesterov else s["v"])


class Signum(Paper):
    """Bernstein et al. 2018, algorithm 2."""

    def change(self, p, g, s, lr, beta=0.9):
        s["m"] = beta * s.get("m", 0) + (1 - beta) * g
        p -= lr * torch.sign(s["m"])


class Lion(Paper):
    """Chen et al. 2023, algorithm 2."""

    def change(self, p, g, s, lr, betas=(0.9, 0.99), weight_decay=0.0):
        m = s.get("m", torch.zeros_like(p))
        c = betas[0] * m + (1 - betas[0]) * g
        p -= lr * (torch.sign(c) + weight_decay * p)
        s["m"] = betas[1] * m + (1 - betas[1]) * g


class LARS(Paper):
    """You, Gitman and Ginsburg 2017, algorithm 1."""

    def change(self, p, g, s, lr, momentum=0.9, trust=0.001, weight_decay=0.0):
        local = trust * p.norm() / (g.norm() + weight_decay * p.norm())
        s["v"] = momentum * s.get("v", 0) + lr * local * (g + weight_decay * p)
        p -= s["v"]


class LAMB(Paper):
    """You et al. 2020, algorithm 2."""

    def change(self, p, g, s, lr, betas=(0.9, 0.999), eps=1e-6, weight_decay=0.0):
        m, v = moments(p, g, s, *betas)
        u = m / (v.sqrt() + eps) + weight_decay * p
        p -= lr * p.norm() / u.norm() * u


class AdaBelief(Paper):
    """Zhuang et al. 2020, algorithm 2."""

    def change(self, p, g, s, lr, betas=(0.9, 0.999), eps=1e-16):
        s["m"] = betas[0] * s.get("m", 0) + (1 - betas[0]) * g
        s["s"] = betas[1] * s.get("s", 0) + (1 - betas[1]) * (g - s["m"]) ** 2 + eps
        m, v = s["m"] / (1 - betas[0] ** s["t"]), s["s"] / (1 - betas[1] ** s["t"])
        p -= lr * m / (v.sqrt() + eps)


class Yogi(Paper):
    """Zaheer et al. 2018, algorithm 2, with the authors' correction of the rate."""

    def change(self, p, g, s, lr, betas=(0.9, 0.999), eps=1e-3, initial=1e-6):
        s["m"] = betas[0] * s.get("m", 0) + (1 - betas[0]) * g
        v = s.get("v", torch.full_like(p, initial))
        s["v"] = v - (1 - betas[1]) * torch.sign(v - g * g) * g * g
        lr = lr * (1 - betas[1] ** s["t"]) ** 0.5 / (1 - betas[0] ** s["t"])
        p -= lr * s["m"] / (s["v"].sqrt() + eps)


class Adan(Paper):
    """Xie et al. 2022, algorithm 1, with the authors' bias corrections and their betas."""

    def change(self, p, g, s, lr, betas=(0.98, 0.92, 0.99), eps=1e-8, weight_decay=0.0):
        difference = g - s["g"] if "g" in s else torch.zeros_like(g)
        s["g"] = g.clone()
        b1, b2, b3 = betas
        s["m"] = b1 * s.get("m", 0) + (1 - b1) * g
        s["d"] = b2 * s.get("d", 0) + (1 - b2) * difference
        s["n"] = b3 * s.get("n", 0) + (1 - b3) * (g + b2 * difference) ** 2
        m, d, n = (s[k] / (1 - b ** s["t"]) for k, b in zip("mdn", betas))
        p.copy_((p - lr / (n.sqrt() + eps) * (m + b2 * d)) / (1 + lr * weight_decay))


class ScheduleFree(Paper):
    """Defazio et al. 2024, algorithm 1, by its three sequences."""

    def change(self, p, g, s, lr, beta=0.9, weight_decay=0.0):
        self.advance(p, g, s, lr, beta, weight_decay)

    def advance(self, y, g, s, lr, beta, weight_decay):
        z, x = s.get("z", y.clone()), s.get("x", y.clone())
        s["z"] = z - lr * (g + weight_decay * y)
        s["largest"] = max(lr, s.get("largest", 0.0))
        s["sum"] = s.get("sum", 0.0) + s["largest"] ** 2
        c = s["largest"] ** 2 / s["sum"]
        s["x"] = (1 - c) * x + c * s["z"]
        y.copy_((1 - beta) * s["z"] + beta * s["x"])


class ScheduleFreeAdamW(ScheduleFree):
    """The same, algorithm 2."""

    def change(self, p, g, s, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
        _, v = moments(p, g, s, 0.0, betas[1])
        self.advance(p, g / (v.sqrt() + eps), s, lr, betas[0], weight_decay)


# The steps that are written down.
KEPT = [1, 2, 3, 4, 5, 10, 15, 20, 25, 30]


def trajectory(rule, rate, **settings):
    """Steps on a fixed function of a vector and a matrix, under a rate that changes at every step."""
    a = torch.tensor([1.5, -0.7, 0.2], requires_grad=True)
    b = torch.tensor([[0.5, -1.0], [0.3, 0.8], [-0.6, 0.1]], requires_grad=True)
    params = [b] if rule == "Muon" else [a, b]
    stiffness = torch.arange(1.0, 7.0).reshape(3, 2) / 4
    optimizer = (getattr(torch.optim, rule, None) or globals()[rule])(params, lr=rate, **settings)
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


def sgd():
    for weight_decay, maximize in product([0.0, 0.1], [False, True]):
        t = partial(trajectory, "SGD", 0.05, weight_decay=weight_decay, maximize=maximize)
        yield from [t(), t(momentum=0.9), t(momentum=0.8, dampening=0.3), t(momentum=0.9, nesterov=True)]


def adam(rule):
    for settings in [{}, {"betas": [0.8, 0.95], "eps": 1e-3}]:
        for amsgrad, maximize in product([False, True], [False, True]):
            t = partial(trajectory, rule, 0.05, **settings, amsgrad=amsgrad, maximize=maximize)
            yield from [t(), t(weight_decay=0.2)]
            if rule == "Adam":
                yield t(weight_decay=0.2, decoupled_weight_decay=True)


def decayed_and_climbing(rule, rate, *variants):
    """A rule by itself and with these settings, each with and without decay, down and up."""
    for settings in [{}, *variants]:
        for weight_decay, maximize in product([0.0, 0.1], [False, True]):
            yield trajectory(rule, rate, **settings, weight_decay=weight_decay, maximize=maximize)


def trajectories():
    t = trajectory
    yield from sgd()
    yield from adam("Adam")
    yield from adam("AdamW")
    yield from decayed_and_climbing("Adamax", 0.05, {"betas": [0.8, 0.9], "eps": 1e-3})
    for rule in ["NAdam", "RAdam"]:
        other = {"betas": [0.8, 0.95], "eps": 1e-3}
        yield from decayed_and_climbing(rule, 0.05, other, {"decoupled_weight_decay": True})
    yield t("NAdam", 0.05, momentum_decay=0.1)
    for momentum, centered in product([0, 0.9], [False, True]):
        kind = {"momentum": momentum, "centered": centered}
        yield from decayed_and_climbing("RMSprop", 0.01, kind, kind | {"alpha": 0.9, "eps": 1e-3})
    other = {"lr_decay": 0.1, "initial_accumulator_value": 0.5, "eps": 1e-3}
    yield from decayed_and_climbing("Adagrad", 0.1, other)
    yield from decayed_and_climbing("Adadelta", 1.0, {"rho": 0.8, "eps": 1e-3})
    other = {"beta2_decay": -0.5, "eps": [1e-6, 1e-2], "d": 1.5}
    yield from decayed_and_climbing("Adafactor", 0.05, other)
    yield t("Adafactor", 0.5, **other, weight_decay=0.1)
    yield t("Rprop", 0.01)
    yield t("Rprop", 0.01, etas=[0.4, 1.3], step_sizes=[1e-3, 0.1])
    yield t("Rprop", 0.01, maximize=True)
    yield from decayed_and_climbing("ASGD", 0.05, {"lambd": 0.1, "alpha": 0.6, "t0": 5})
    yield t("Muon", 0.02)
    yield t("Muon", 0.02, momentum=0.8, nesterov=False, weight_decay=0.3)
    yield t("Muon", 0.02, ns_coefficients=[2.0, -1.5, 0.5], ns_steps=8, eps=10.0, weight_decay=0.0)
    yield t("Muon", 0.02, adjust_lr_fn="original", nesterov=False)
    yield t("Muon", 0.02, adjust_lr_fn="match_rms_adamw", ns_steps=3)
    yield t("Muon", 0.02, adjust_lr_fn="spectral_unclamped")
    for rule in ["KerasSGD", "EmaSGD"]:
        yield t(rule, 0.05, momentum=0.9)
        yield t(rule, 0.05, momentum=0.9, nesterov=True)
    yield t("Signum", 0.02)
    yield t("Lion", 0.02)
    yield t("Lion", 0.02, betas=[0.8, 0.95], weight_decay=0.3)
    yield t("LARS", 5.0)
    yield t("LARS", 5.0, momentum=0.8, trust=0.01, weight_decay=0.1)
    yield t("LAMB", 0.05)
    yield t("LAMB", 0.05, betas=[0.8, 0.95], eps=1e-3, weight_decay=0.1)
    yield t("AdaBelief", 0.05)
    yield t("AdaBelief", 0.05, betas=[0.8, 0.95], eps=1e-3)
    yield t("Yogi", 0.05)
    yield t("Yogi", 0.05, betas=[0.8, 0.95], initial=1e-2)
    yield t("Adan", 0.05)
    yield t("Adan", 0.05, betas=[0.9, 0.8, 0.95], weight_decay=0.1)
    yield t("ScheduleFree", 0.05)
    yield t("ScheduleFree", 0.05, beta=0.8, weight_decay=0.1)
    yield t("ScheduleFreeAdamW", 0.05)
    yield t("ScheduleFreeAdamW", 0.05, betas=[0.8, 0.95], weight_decay=0.1)


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
    yield curve("constant_factor_default", lambda o: s.ConstantLR(o))
    yield curve("linear_default", lambda o: s.LinearLR(o))
    yield curve("polynomial_default", lambda o: s.PolynomialLR(o))
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
    yield curve("warm_restarts_tripling", lambda o: s.CosineAnnealingWarmRestarts(o, 4, 3))
    for anneal in ["cos", "linear"]:
        yield curve(f"swa_{anneal}", lambda o: SWALR(o, 0.02, anneal_epochs=25, anneal_strategy=anneal))
    yield curve("own_cycles", lambda o: s.CyclicLR(o, 0.01, 0.1, 10, scale_fn=lambda n: 1 / n, cycle_momentum=False))
    own = dict(scale_fn=lambda t: 1 / (1 + 0.1 * t), scale_mode="iterations")
    yield curve("own_steps", lambda o: s.CyclicLR(o, 0.01, 0.1, 10, **own, cycle_momentum=False))
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
    wide = dict(pct_start=0.4, div_factor=10, final_div_factor=100, base_momentum=0.7, max_momentum=0.99)
    yield curve("one_cycle_own", lambda o: s.OneCycleLR(o, 0.1, epochs=10, steps_per_epoch=11, **wide), momentum=0.9)
    yield curve("lambda", lambda o: s.LambdaLR(o, lambda t: 1 / (1 + 0.2 * t)))
    yield curve("multiplicative", lambda o: s.MultiplicativeLR(o, lambda t: 0.97))
    yield curve("multiplicative_changing", lambda o: s.MultiplicativeLR(o, lambda t: 1 - 1 / (t + 9)))
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
    yield plateau("plateau", factor=0.8, patience=0, mode="max", threshold_mode="abs", threshold=0.0, cooldown=1)
    yield plateau("plateau", factor=0.1, patience=0, threshold=0.5)
    yield plateau("plateau", factor=0.5, patience=1, threshold=0.3, eps=2e-3)


def lbfgs(start, loss, steps, **settings):
    """The points after each step, of several iterations each, and the loss at which it began."""
    x = torch.tensor(start, requires_grad=True)
    optimizer = torch.optim.LBFGS([x], **settings)
    sign = -1 if settings.get("maximize") else 1

    def closure():
        optimizer.zero_grad()
        value = sign * loss(x)
        value.backward()
        return value

    losses, points = [], []
    for _ in range(steps):
        losses.append(sign * optimizer.step(closure).item())
        points.append(x.tolist())
    return {"settings": settings, "start": start, "losses": losses, "points": points}


def lbfgs_runs():
    def bowl(x):
        a, b = x[:3], x[3:]
        return (a**4).sum() + (b * b).sum() + (a.sum() - b.sum()) ** 2

    def banana(x):
        return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2

    wolfe = {"line_search_fn": "strong_wolfe"}
    for start, loss in [([1.5, -0.7, 0.2, 0.5, -1.0], bowl), ([-1.2, 1.0], banana)]:
        yield lbfgs(start, loss, 6, lr=1.0, max_iter=4, **wolfe)
        yield lbfgs(start, loss, 10, lr=0.5, max_iter=3, history_size=2, **wolfe)
        yield lbfgs(start, loss, 7, lr=0.1, max_iter=5, history_size=3)
        yield lbfgs(start, loss, 3, **wolfe)
        yield lbfgs(start, loss, 6, max_iter=4, maximize=True, **wolfe)
        yield lbfgs(start, loss, 8, max_iter=9, max_eval=4, **wolfe)
        yield lbfgs(start, loss, 3, max_iter=2, max_eval=30, lr=10.0, **wolfe)
        yield lbfgs(start, loss, 8, max_iter=9, max_eval=2, lr=3.0, **wolfe)
        yield lbfgs(start, loss, 4, tolerance_grad=1e-2, **wolfe)
        yield lbfgs(start, loss, 4, tolerance_change=1e-2, **wolfe)
        yield lbfgs(start, loss, 5, lr=0.1, max_iter=8, max_eval=5)
    for start in [[2.5, -3.0], [-2.0, -2.0], [0.0, 5.0], [-3.0, 4.0]]:
        yield lbfgs(start, banana, 3, max_iter=7, **wolfe)


write("crates/optim/tests/data/lbfgs.json", list(lbfgs_runs()))
write("crates/optim/tests/data/trajectories.json", list(trajectories()))
write("crates/optim/tests/data/schedules.json", list(curves()))
torch.set_default_dtype(torch.float32)
