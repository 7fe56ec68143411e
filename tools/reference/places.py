"""What has no derivative: places, orders, counts, creation, integers and truths, with their ties and NaNs."""

import math

import torch

from common import write


def flat(t):
    """A tensor as its shape and values; NaN, which JSON does not know, is null."""
    values = [None if math.isnan(v) else float(f"{v:.12g}") for v in t.double().reshape(-1).tolist()]
    return {"shape": list(t.shape), "values": values}


def case(name, f, *inputs):
    outputs = f(*inputs)
    outputs = outputs if isinstance(outputs, (tuple, list)) else [outputs]
    return {"name": name, "inputs": [flat(x) for x in inputs], "outputs": [flat(y) for y in outputs]}


def cases():
    torch.manual_seed(8)
    torch.set_default_dtype(torch.float64)
    t, nan = torch.tensor, math.nan
    r = lambda *shape: torch.randn(*shape).mul(1000).round().div(1000)
    ties = t([[3.0, 1.0, 3.0, -2.0, 1.0], [-1.0, -1.0, 0.0, -1.0, 0.0]])
    nans = t([[1.0, nan, 3.0, nan], [nan, 2.0, -5.0, 2.0]])
    row, asked = t([-1.0, 0.0, 0.0, 2.5, 2.5, 7.0]), t([[-2.0, 0.0, 2.5], [7.0, 8.0, 1.0]])
    counted, weights = t([[2, 0, 2], [5, 2, 0]]), t([[0.5, 1.0, 0.25], [2.0, -1.0, 4.0]])
    some, mask = t([[0.0, 2.0, -0.0], [nan, 0.0, 1.0]]), t([[1, 0, 1], [0, 0, 1]])
    a, b = t([7, -7, 7, -7, 0, 6]), t([3, 3, -3, -3, 5, -2])
    bits, more = t([[0, 5, 12], [255, 129, 7]]), t([[9, 3, 10], [15, 1, 0]])
    edge = t([1.0, 1.0, 1.0, 0.0, nan, 1e6]), t([1.0, 1.00001, 1.1, 1e-9, nan, 1e6 + 5])
    stable = lambda x, down: torch.sort(x, dim=1, descending=down, stable=True)
    return [
        *(case(f"sort {down}", lambda x, down=down: stable(x, down == "down"), x) for x in (ties, nans) for down in ("up", "down")),
        *(case("argsort", lambda x: stable(x, False).indices, x) for x in (ties, nans)),
        *(case("argmax", lambda x: x.argmax(1), x) for x in (ties, nans)),
        *(case("argmin", lambda x: x.argmin(0), x) for x in (ties, nans)),
        *(case("argmax of all", lambda x: x.argmax(), x) for x in (ties, nans)),
        *(case("cummax", lambda x: torch.cummax(x, 1), x) for x in (ties, nans)),
        *(case("cummin", lambda x: torch.cummin(x, 1), x) for x in (ties, nans)),
        case("topk", lambda x: x.topk(2, 1), r(3, 5)),
        case("kthvalue", lambda x: x.kthvalue(2, 0), r(4, 3)),
        case("unique", lambda x: torch.unique(x, return_inverse=True, return_counts=True), ties),
        case("searchsorted", lambda row, x: (torch.searchsorted(row, x), torch.searchsorted(row, x, right=True)), row, asked),
        case("bincount", lambda x: torch.bincount(x.flatten(), minlength=4), counted),
        case("bincount_weighted", lambda x, w: torch.bincount(x.flatten(), w.flatten(), minlength=8), counted, weights),
        case("histogram", lambda x: torch.histogram(x, 4, range=(-1.0, 3.0)), t([-1.0, -0.5, 0.0, 0.999, 1.0, 2.0, 3.0, 3.5, -2.0])),
        case("nonzero", lambda x: x.nonzero(), some),
        case("count_nonzero", lambda x: x.count_nonzero(1), some),
        case("masked_select", lambda x, m: x.masked_select(m.bool()), weights, mask),
        case("take", lambda x, i: x.take(i), weights, t([[5, 0], [2, 2]])),
        case("one_hot", lambda i: torch.nn.functional.one_hot(i, 6), counted),
        case("any and all", lambda m: (m.bool().any(0), m.bool().all(1)), mask),
        case("isclose", lambda x, y: torch.isclose(x, y, 1e-5, 1e-8), *edge),
        case("remainder", lambda a, b: (a.remainder(b), a.fmod(b)), a, b),
        case("remainder of floats", lambda a, b: (a.remainder(b), a.fmod(b)), a / 4, b / 3),
        case("bits", lambda a, b: (a & b, a | b, a ^ b, a << (b % 4), a >> (b % 4)), bits, more),
        case("integers as bytes", lambda x: x.to(torch.uint8), t([-1, 0, 255, 256, -300])),
        case("digamma", lambda x: x.digamma(), t([0.1, 1.0, 4.5, -0.5, -3.25, 30.0])),
        case("arange_step", lambda: (torch.arange(-1.0, 2.0, 0.3), torch.arange(5.0, -1.0, -1.5))),
        case("linspace", lambda: (torch.linspace(-1.0, 2.0, 7), torch.linspace(3.0, 3.5, 1))),
        case("logspace", lambda: torch.logspace(-1.0, 2.0, 4, 2.0)),
        case("eye", lambda: torch.eye(2, 3)),
    ]


write("crates/tensor/tests/data/places.json", cases())
