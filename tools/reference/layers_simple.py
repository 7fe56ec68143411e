"""Matrices, vocabularies, dropout, other shapes."""

import torch
from torch import nn

from common import layer, short, write


def cases():
    torch.manual_seed(1)
    torch.set_default_dtype(torch.float32)
    words, ends = torch.tensor([3, 1, 4, 4, 0, 2, 1]), torch.tensor([0, 3, 3, 6])
    bag = lambda mode: nn.EmbeddingBag(5, 3, mode=mode, padding_idx=1)
    mean, factors, most = bag("mean"), bag("sum"), bag("max")
    return [
        layer("linear", nn.Linear(4, 3), short(5, 4)),
        layer("linear/no_bias", nn.Linear(4, 3, bias=False), short(2, 2, 4)),
        layer("bilinear", nn.Bilinear(3, 4, 2), short(2, 3), short(2, 4)),
        layer("embedding", nn.Embedding(5, 3, padding_idx=1), torch.tensor([[0, 3, 1], [3, 4, 2]])),
        layer("identity", nn.Identity(), short(3)),
        layer("dropout", nn.Dropout(0.5), short(3, 4)),
        layer("dropout2d", nn.Dropout2d(0.5), short(2, 3, 2, 2)),
        layer("alpha_dropout", nn.AlphaDropout(0.5), short(3, 4)),
        layer("flatten", nn.Flatten(), short(2, 3, 2)),
        layer("unflatten", nn.Unflatten(-1, (2, 3)), short(2, 6)),
        layer("pixel_shuffle", nn.PixelShuffle(2), short(2, 8, 2, 3)),
        layer("upsample", nn.Upsample(scale_factor=(2, 3)), short(2, 2, 2, 3)),
        layer("upsample/bilinear", nn.Upsample(scale_factor=(3, 2), mode="bilinear"), short(1, 2, 3, 4)),
        layer("upsample/corners", nn.Upsample(scale_factor=(3, 2), mode="bilinear", align_corners=True), short(1, 2, 1, 4)),
        layer("upsample/to", nn.Upsample(size=(5, 2)), short(1, 2, 3, 4)),
        layer("upsample/to_rounded", nn.Upsample(size=(46, 1)), short(1, 1, 14, 2)),
        layer("upsample/bilinear_to", nn.Upsample(size=(5, 3), mode="bilinear"), short(1, 2, 3, 4)),
        layer("upsample/corners_to", nn.Upsample(size=(7, 1), mode="bilinear", align_corners=True), short(1, 2, 3, 4)),
        layer("embedding_bag", nn.EmbeddingBag(5, 3), torch.tensor([[0, 3, 1], [3, 4, 3]])),
        layer("embedding_bag/padding", mean, words, call=lambda i: mean(i, ends)),
        layer("embedding_bag/sum", factors, words, short(7), call=lambda i, w: factors(i, ends, per_sample_weights=w)),
        layer("embedding_bag/max", most, words, call=lambda i: most(i, ends)),
    ]


write("crates/nn/tests/data/simple.json", cases())
