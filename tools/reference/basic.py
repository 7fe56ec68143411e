"""The ops that a first network needs."""

import torch
import torch.nn.functional as F

from common import case, write


def cases():
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


write("crates/autograd/tests/data/basic.json", cases())
