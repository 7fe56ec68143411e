"""Normalisation."""

import torch
from torch import nn

from common import layer, short, write


def cases():
    torch.manual_seed(1)
    torch.set_default_dtype(torch.float32)
    def seen(norm):
        """With running statistics as after some steps."""
        norm.running_mean.copy_(short(norm.num_features))
        norm.running_var.copy_(short(norm.num_features).abs() + 0.5)
        return norm

    class Frozen(nn.BatchNorm2d):
        """A norm that is not trained with the rest."""

        def train(self, mode=True):
            return super().train(False)

    norm = lambda name, module, *shape: layer(name, module, short(*shape) * 3 + 1)
    tracking, no_tracking = dict(track_running_stats=True), dict(track_running_stats=False)
    return [
        norm("batch_norm1d", seen(nn.BatchNorm1d(3)), 5, 3),
        norm("batch_norm1d/lines", seen(nn.BatchNorm1d(3, momentum=0.3)), 2, 3, 4),
        norm("batch_norm1d/no_tracking", nn.BatchNorm1d(3, **no_tracking), 5, 3),
        norm("batch_norm2d", seen(nn.BatchNorm2d(3, eps=1e-3)), 4, 3, 2, 2),
        norm("batch_norm2d/plain", seen(nn.BatchNorm2d(2, affine=False)), 2, 2, 3, 2),
        norm("batch_norm2d/no_tracking", nn.BatchNorm2d(2, **no_tracking), 2, 2, 3, 2),
        norm("layer_norm", nn.LayerNorm(5), 2, 3, 5),
        norm("layer_norm/two_axes", nn.LayerNorm((3, 2), bias=False), 4, 3, 2),
        norm("layer_norm/plain", nn.LayerNorm(4, elementwise_affine=False), 2, 4),
        norm("group_norm", nn.GroupNorm(2, 6), 2, 6, 3),
        norm("group_norm/plain", nn.GroupNorm(3, 6, affine=False), 2, 6),
        norm("instance_norm1d", nn.InstanceNorm1d(2), 2, 2, 5),
        norm("instance_norm1d/affine", nn.InstanceNorm1d(2, affine=True), 2, 2, 5),
        norm("instance_norm1d/tracking", seen(nn.InstanceNorm1d(2, momentum=0.3, **tracking)), 2, 2, 5),
        norm("instance_norm2d", nn.InstanceNorm2d(2, affine=True), 2, 2, 3, 2),
        norm("instance_norm2d/tracking", seen(nn.InstanceNorm2d(2, affine=True, **tracking)), 3, 2, 3, 2),
        norm("rms_norm", nn.RMSNorm(5, eps=torch.finfo(torch.float32).eps), 2, 3, 5),
        norm("rms_norm/eps", nn.RMSNorm((2, 3), eps=1e-2), 2, 2, 3),
        norm("batch_norm2d/frozen", seen(Frozen(2)), 2, 2, 3, 2),
    ]


write("crates/nn/tests/data/norm.json", cases())
