"""Padding, repeating, slicing, and choosing by index and by mask."""

import torch
import torch.nn.functional as F

from common import case, write


def cases():
    torch.manual_seed(4)
    torch.set_default_dtype(torch.float64)
    r = lambda *shape: torch.randn(*shape).mul(1000).round().div(1000)
    index = torch.tensor([[2, 0, 2, 1], [1, 1, 0, 2]])
    once = torch.tensor([[2, 0], [1, 2]])
    rows = torch.tensor([2, 0, 2])
    mask = torch.tensor([[True, False, True], [False, False, True]])

    windows = dict(stride=(2, 1), padding=(1, 0), dilation=(2, 1))

    def assigned(x, values):
        y = x.clone()
        y[:, 1:] = values
        return y

    return [
        case("pad_constant", lambda x: F.pad(x, (0, 2, 1, 0), value=0.5), r(1, 2, 2, 3)),
        case("pad_reflect", lambda x: F.pad(x, (1, 2, 1, 0), mode="reflect"), r(1, 2, 2, 3)),
        case("pad_replicate", lambda x: F.pad(x, (1, 2, 3, 0), mode="replicate"), r(1, 2, 2, 3)),
        case("pad_circular", lambda x: F.pad(x, (3, 2, 1, 0), mode="circular"), r(1, 2, 2, 3)),
        case("repeat", lambda x: x.repeat(2, 1, 3), r(2, 2)),
        case("tile", lambda x: x.tile((2,)), r(2, 3)),
        case("repeat_interleave", lambda x: x.repeat_interleave(2, 0), r(2, 3)),
        case("roll", lambda x: x.roll(-2, 1), r(2, 3)),
        case("stack", lambda a, b: torch.stack([a, b, a], -1), r(2, 3), r(2, 3)),
        case("split", lambda x: torch.cat([part * part for part in reversed(x.split(2, 1))], 1), r(2, 5)),
        case("chunk", lambda x: torch.cat([part * part for part in reversed(x.chunk(3, 0))], 0), r(7)),
        case("i", lambda x: x[None, 1, ..., ::2], r(2, 3, 4)),
        case("slice_assign", assigned, r(2, 3), r(2, 1)),
        case("flip", lambda x: x.flip(0, 2), r(2, 2, 3)),
        case("flatten", lambda x: x.flatten(1, 2), r(2, 2, 3, 2)),
        case("movedim", lambda x: x.movedim(0, -1), r(2, 3, 2)),
        case("meshgrid", lambda a, b: torch.cat(torch.meshgrid(a, b, indexing="ij"), 0), r(2), r(3)),
        case("diagonal", lambda x: x.diagonal(-1, 2, 0), r(3, 2, 3)),
        case("diagonal_scatter", lambda x, v: x.diagonal_scatter(v, 1, 0, 1), r(2, 3), r(2)),
        case("diag_embed", lambda x: x.diag_embed(1, 0, 2), r(2, 2)),
        case("tril", lambda x: x.tril(1), r(2, 3, 4)),
        case("triu", lambda x: x.triu(-1), r(4, 3)),
        case("unfold", lambda x: x.unfold(1, 3, 2), r(2, 7, 2)),
        case("unfold2d", lambda x: F.unfold(x, (2, 2), **windows), r(2, 2, 3, 4)),
        case("fold2d", lambda x: F.fold(x, (3, 4), (2, 2), **windows), r(2, 8, 6)),
        case("gather_last", lambda x: x.gather(-1, index), r(2, 3)),
        case("gather_first", lambda x: x.gather(0, index), r(3, 5)),
        case("scatter", lambda x, source: x.scatter(1, once, source), r(2, 3), r(2, 2)),
        case("scatter_add_first", lambda x, source: x.scatter_add(0, index, source), r(3, 4), r(2, 4)),
        case("index_add", lambda x, source: x.index_add(1, rows, source), r(2, 3), r(2, 3)),
        case("take", lambda x: x.take(index + 3), r(2, 3)),
        case("embedding", lambda x: F.embedding(index, x), r(3, 2)),
        case("embedding_padding", lambda x: F.embedding(index, x, padding_idx=1), r(3, 2)),
        case("where", lambda a, b: torch.where(mask, a, b), r(3), r(2, 1)),
        case("masked_fill", lambda x: x.masked_fill(mask, 0.5), r(2, 3)),
        case("masked_select", lambda x: x.masked_select(mask), r(2, 1)),
        case("masked_scatter", lambda x, source: x.masked_scatter(mask, source), r(2, 3), r(3)),
    ]


write("crates/autograd/tests/data/shape.json", cases())
