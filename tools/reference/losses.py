"""The losses: values, and gradients by both sides."""

import math

import torch
import torch.nn.functional as F

from common import case, write

LABELS = torch.tensor([2, 0, 1, 2, 1])
IGNORED = torch.tensor([2, -100, 1, 2, -100])
MAP = torch.tensor([[[0, 2, 1]], [[1, 1, 0]]])
SIGNS = torch.tensor([1.0, -1.0, -1.0, 1.0, 1.0])


def hinge(x, y, margin):
    return torch.clamp(margin - y * x, min=0)


def sigmoid_focal(x, t, alpha, gamma):
    """As in torchvision."""
    p = x.sigmoid()
    ce = F.binary_cross_entropy_with_logits(x, t, reduction="none")
    loss = ce * (1 - (p * t + (1 - p) * (1 - t))) ** gamma
    return loss if alpha is None else (alpha * t + (1 - alpha) * (1 - t)) * loss


def focal(x, y, gamma):
    p = x.softmax(-1).gather(-1, y[:, None])[:, 0]
    return -((1 - p) ** gamma) * p.log()


def cases():
    torch.manual_seed(3)
    torch.set_default_dtype(torch.float64)
    r = lambda *shape: torch.randn(*shape).mul(1000).round().div(1000)
    u = lambda *shape: torch.rand(*shape).mul(900).round().div(1000).add(0.05)
    SIGNS.data = SIGNS.double()
    weight = torch.tensor([0.5, 2.0, 1.25])
    probs = u(5, 3) / u(5, 3).sum(-1, keepdim=True)
    bits = torch.tensor([[1.0, 0.0, 1.0, 0.0]] * 3)
    pos = torch.tensor([2.0, 1.0, 0.5, 3.0])
    counts = torch.tensor([0.0, 1.0, 2.0, 7.0, 3.0])
    targets, lengths, ends = torch.tensor([[1, 2, 2], [3, 1, 0]]), torch.tensor([7, 5]), torch.tensor([3, 2])
    ctc = lambda x, reduction: F.ctc_loss(x.log_softmax(-1), targets, lengths, ends, reduction=reduction)
    x, y = r(5), r(5)
    return [
        case("mse_loss", lambda a, b: F.mse_loss(a, b), x, y),
        case("mse_loss_sum", lambda a, b: F.mse_loss(a, b, reduction="sum"), x, y),
        case("mse_loss_none", lambda a, b: F.mse_loss(a, b, reduction="none"), x, y),
        case("l1_loss", lambda a, b: F.l1_loss(a, b), x, y),
        case("smooth_l1_loss", lambda a, b: F.smooth_l1_loss(a, b, beta=0.5), x, y),
        case("smooth_l1_loss_zero", lambda a, b: F.smooth_l1_loss(a, b, beta=0.0), x, y),
        case("huber_loss", lambda a, b: F.huber_loss(a, b, delta=0.7), x, y),
        case("cross_entropy", lambda a: F.cross_entropy(a, LABELS), r(5, 3)),
        case("cross_entropy_none", lambda a: F.cross_entropy(a, LABELS, reduction="none"), r(5, 3)),
        case("cross_entropy_weight", lambda a: F.cross_entropy(a, LABELS, weight), r(5, 3)),
        case("cross_entropy_ignore", lambda a: F.cross_entropy(a, IGNORED, weight), r(5, 3)),
        case("cross_entropy_ignore_sum", lambda a: F.cross_entropy(a, IGNORED, weight, reduction="sum"), r(5, 3)),
        case("cross_entropy_smooth", lambda a: F.cross_entropy(a, IGNORED, weight, label_smoothing=0.2), r(5, 3)),
        case("cross_entropy_probs", lambda a, t: F.cross_entropy(a, t), r(5, 3), probs),
        case("cross_entropy_probs_smooth", lambda a, t: F.cross_entropy(a, t, weight, label_smoothing=0.2), r(5, 3), probs),
        case("cross_entropy_images", lambda a: F.cross_entropy(a, MAP, weight), r(2, 3, 1, 3)),
        case("cross_entropy_images_probs", lambda a, t: F.cross_entropy(a, t), r(2, 3, 1, 2), u(2, 3, 1, 2)),
        case("nll_loss", lambda a: F.nll_loss(a, IGNORED, weight), r(5, 3)),
        case("nll_loss_images_none", lambda a: F.nll_loss(a, MAP, reduction="none"), r(2, 3, 1, 3)),
        case("focal_loss", lambda a: focal(a, LABELS, 2).mean(), r(5, 3)),
        case("focal_loss_weight", lambda a: (focal(a, LABELS, 1.5) * weight[LABELS]).sum() / weight[LABELS].sum(), r(5, 3)),
        case("binary_cross_entropy", lambda p, t: F.binary_cross_entropy(p, t), u(3, 4), u(3, 4)),
        case("binary_cross_entropy_weight", lambda p: F.binary_cross_entropy(p, bits, pos, reduction="sum"), u(3, 4)),
        case("binary_cross_entropy_ends", lambda p: F.binary_cross_entropy(p, torch.tensor([0.0, 1.0, 0.0, 1.0])), torch.tensor([0.0, 1.0, 1.0, 0.0])),
        case("binary_cross_entropy_with_logits", lambda a, t: F.binary_cross_entropy_with_logits(a, t), r(3, 4), u(3, 4)),
        case("binary_cross_entropy_with_logits_pos", lambda a: F.binary_cross_entropy_with_logits(a, bits, pos / 2, pos_weight=pos), r(3, 4)),
        case("sigmoid_focal_loss", lambda a: sigmoid_focal(a, bits, 0.25, 2).mean(), r(3, 4)),
        case("sigmoid_focal_loss_plain", lambda a: sigmoid_focal(a, bits, None, 1.5), r(3, 4)),
        case("soft_margin_loss", lambda a: F.soft_margin_loss(a, SIGNS), x),
        case("kl_div", lambda a, t: F.kl_div(a, t, reduction="batchmean"), r(5, 3), probs),
        case("kl_div_zero", lambda a: F.kl_div(a, bits, reduction="mean"), r(3, 4)),
        case("kl_div_log", lambda a, t: F.kl_div(a, t, log_target=True, reduction="none"), r(2, 3), r(2, 3)),
        case("gaussian_nll_loss", lambda a, b, v: F.gaussian_nll_loss(a, b, v), x, y, u(5)),
        case("gaussian_nll_loss_full", lambda a, b, v: F.gaussian_nll_loss(a, b, v, full=True, reduction="sum"), r(3, 2), r(3, 2), u(3, 1)),
        case("gaussian_nll_loss_clamped", lambda a, b, v: F.gaussian_nll_loss(a, b, v, eps=0.3), x, y, u(5)),
        case("poisson_nll_loss", lambda a: F.poisson_nll_loss(a, counts), x),
        case("poisson_nll_loss_full", lambda a: F.poisson_nll_loss(a, counts, log_input=False, full=True), u(5)),
        case("hinge_loss", lambda a: hinge(a, SIGNS, 1.0).mean(), x),
        case("margin_ranking_loss", lambda a, b: F.margin_ranking_loss(a, b, SIGNS, margin=0.3), x, y),
        case("multi_margin_loss", lambda a: F.multi_margin_loss(a, LABELS), r(5, 3)),
        case("multi_margin_loss_square", lambda a: F.multi_margin_loss(a, LABELS, p=2, margin=0.5, weight=weight), r(5, 3)),
        case("hinge_embedding_loss", lambda a: F.hinge_embedding_loss(a, SIGNS, margin=0.8), x),
        case("cosine_embedding_loss", lambda a, b: F.cosine_embedding_loss(a, b, SIGNS, margin=0.1), r(5, 3), r(5, 3)),
        case("triplet_margin_loss", lambda a, b, c: F.triplet_margin_loss(a, b, c), r(5, 3), r(5, 3), r(5, 3)),
        case("triplet_margin_loss_swap", lambda a, b, c: F.triplet_margin_loss(a, b, c, margin=2.0, p=3, swap=True, reduction="sum"), r(5, 3), r(5, 3), r(5, 3)),
        case("triplet_margin_loss_l1", lambda a, b, c: F.triplet_margin_loss(a, b, c, margin=2.0, p=1, reduction="none"), r(5, 3), r(5, 3), r(5, 3)),
        case("ctc_loss", lambda a: ctc(a, "mean"), r(7, 2, 4)),
        case("ctc_loss_none", lambda a: ctc(a, "none"), r(7, 2, 4)),
    ]


write("crates/nn/tests/data/losses.json", cases())
