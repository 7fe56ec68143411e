"""Reductions, running sums, elements in order and Einstein sums, with their ties, zeros and sub-gradients."""

import torch

from common import case, write


def cases():
    torch.manual_seed(5)
    torch.set_default_dtype(torch.float64)
    r = lambda *shape: torch.randn(*shape).mul(1000).round().div(1000)
    zeros = torch.tensor([[2.0, -1.5, 0.5], [2.0, 0.0, 3.0], [0.0, 4.0, 0.0]])
    ties = torch.tensor([[3.0, 3.0, 1.0, 3.0], [2.0, 1.0, 2.0, 1.0]])
    norms = torch.tensor([[0.0, 0.0, 0.0], [3.0, -3.0, 1.0], [0.0, 2.0, -0.5]])
    equations = {
        "bij,bjk->bik": (r(2, 2, 3), r(2, 3, 2)),
        "ij,jk": (r(2, 3), r(3, 2)),
        "...ij,...j->...i": (r(2, 1, 2, 3), r(2, 3)),
        "iij->j": (r(2, 2, 3),),
        "ij->ji": (r(2, 3),),
        "ij,ij->": (r(2, 3), r(2, 3)),
        "i,j->ji": (r(3), r(2)),
        "ij,kl->k": (r(2, 3), r(2, 2)),
        "ij,jk,kl->il": (r(2, 2), r(2, 3), r(3, 1)),
    }
    norm = lambda p: case(f"norm {p}", lambda x: torch.linalg.vector_norm(x, p, 1), norms if p else norms[1:2])
    return (
        [case("einsum " + equation, lambda *x, e=equation: torch.einsum(e, *x), *x) for equation, x in equations.items()]
        + [norm(p) for p in (0.5, 1.0, 1.5, 2.0, 3.0, float("inf"), -float("inf"))]
        + [
            case("prod", lambda x: x.prod(1), zeros),
            case("prod_all", lambda x: x.prod(), zeros[:2]),
            case("median_all", lambda x: x.median(), ties),
            case("median", lambda x: x.median(1).values, r(3, 4)),
            case("quantile", lambda x: x.quantile(0.3, 1), r(3, 4)),
            case("quantile_all", lambda x: x.quantile(0.8), r(3, 4)),
            case("var", lambda x: x.var((0, 2)), r(2, 3, 2)),
            case("std", lambda x: x.std(1) + 1, torch.tensor([[1.0, 2.0, 4.0], [2.0, 2.0, 2.0]])),
            case("logsumexp", lambda x: x.logsumexp((0, 1)), torch.tensor([[1000.0, 999.0], [-2000.0, 1001.5]])),
            case("cumsum", lambda x: x.cumsum(1), r(2, 4)),
            case("cumprod", lambda x: x.cumprod(1), torch.cat([zeros, r(2, 3)])),
            case("cummax", lambda x: x.cummax(1).values, ties),
            case("cummin", lambda x: x.cummin(0).values, ties.t()),
            case("logcumsumexp", lambda x: x.logcumsumexp(1), torch.tensor([[-800.0, 3.0, 2.0, 800.0], [800.0, -800.0, 799.0, 0.0]])),
            case("sort", lambda x, w: x.sort(dim=1, stable=True).values * w, ties, r(4)),
            case("sort_descending", lambda x, w: x.sort(dim=0, stable=True, descending=True).values * w, ties.t(), r(2)),
            case("topk", lambda x: x.topk(2, 1).values, r(3, 4)),
            case("topk_smallest", lambda x: x.topk(2, 0, largest=False).values, r(3, 4)),
            case("kthvalue", lambda x: x.kthvalue(2, 1).values, r(3, 4)),
            case("dot", torch.dot, r(3), r(3)),
            case("outer", torch.outer, r(3), r(2)),
            case("trace", lambda x: torch.einsum("...ii->...", x), r(2, 3, 3)),
        ]
    )


write("crates/autograd/tests/data/reduce.json", cases())
