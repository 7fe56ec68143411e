"""Equations and factorizations of matrices. Signs of vectors are squared away, or fixed as ours are."""

import torch

from common import case, write


def upper(x):
    """The factor r of x = q r without negative elements on its diagonal."""
    r = torch.linalg.qr(x).R
    return r * r.diagonal().sign().unsqueeze(1)


def cases():
    torch.manual_seed(6)
    torch.set_default_dtype(torch.float64)
    r = lambda *shape: torch.randn(*shape).mul(1000).round().div(1000)
    regular = lambda *shape: r(*shape) + 3 * torch.eye(shape[-1])
    gram = lambda f: lambda x: f(x @ x.mT)
    return [
        case("solve", torch.linalg.solve, regular(2, 3, 3), r(3, 2)),
        case("solve_triangular", lambda a, b: torch.linalg.solve_triangular(a, b, upper=True), regular(3, 3), r(3, 2)),
        case("inverse", torch.linalg.inv, regular(2, 3, 3)),
        case("det", torch.linalg.det, r(2, 3, 3)),
        case("det_singular", lambda x: torch.linalg.det(x) + 0, torch.tensor([[1.0, 2.0], [2.0, 4.0]])),
        case("slogdet", lambda x: torch.linalg.slogdet(x).logabsdet, r(2, 3, 3)),
        case("cholesky", gram(torch.linalg.cholesky), r(3, 4)),
        case("qr", upper, r(4, 3)),
        case("qr_wide", upper, r(2, 4)),
        case("eigenvalues", gram(torch.linalg.eigvalsh), r(2, 3, 3)),
        case("eigenvectors", gram(lambda x: torch.linalg.eigh(x).eigenvectors ** 2), r(3, 3)),
        case("singular_values", torch.linalg.svdvals, r(2, 3, 2)),
        case("left_vectors", lambda x: torch.linalg.svd(x, full_matrices=False).U ** 2, r(4, 2)),
        case("right_vectors", lambda x: torch.linalg.svd(x, full_matrices=False).Vh ** 2, r(2, 4)),
    ]


write("crates/autograd/tests/data/linalg.json", cases())
