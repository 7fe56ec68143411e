"""Writes a hundred steps of the schedules that PyTorch lacks, as their papers give them; in the words of the papers, not of our code."""

import math

from common import write

STEPS = 100


def robbins_monro(t, a=0.1, k=0.2):
    """Robbins and Monro 1951: gains of the order of 1/n."""
    return a / (1 + k * t)


def noam(step_num, d_model=64, warmup_steps=30, factor=2.0):
    """Vaswani et al. 2017, equation 3; its steps are counted from 1."""
    return factor * d_model**-0.5 * min(step_num**-0.5, step_num * warmup_steps**-1.5)


def wsd(step, n=100, warmup=10, decay=40, peak=0.1):
    """Hägele et al. 2024, equation 1 with the '1-sqrt' cooldown of section 3: n steps in all, the last `decay` of them fall."""
    if step < warmup:
        return (step + 1) / warmup * peak
    if step <= n - decay:
        return peak
    return (1 - math.sqrt((step - (n - decay)) / decay)) * peak


def rex(t, T=80, eta=0.1):
    """Chen, Wolfe and Kyrillidis 2022, section 3: the reflected exponential; it stays at its end."""
    z = 1 - min(t, T) / T
    return eta * z / (0.5 + 0.5 * z)


def warmup_cosine(t, peak=0.1, floor=0.01, warmup=20, decay=60):
    """Goyal et al. 2017, section 2.2, a gradual rise from peak / warmup; then Loshchilov and Hutter 2017, equation 5."""
    if t < warmup:
        return peak * (t + 1) / warmup
    return floor + 0.5 * (peak - floor) * (1 + math.cos(math.pi * min(t - warmup, decay) / decay))


write(
    "crates/optim/tests/data/schedules_of_papers.json",
    [
        {"name": "inverse_time", "rates": [robbins_monro(t) for t in range(STEPS)]},
        {"name": "noam", "rates": [noam(t + 1) for t in range(STEPS)]},
        {"name": "wsd", "rates": [wsd(t) for t in range(STEPS)]},
        {"name": "rex", "rates": [rex(t) for t in range(STEPS)]},
        {"name": "warmup_cosine", "rates": [warmup_cosine(t) for t in range(STEPS)]},
    ],
)
