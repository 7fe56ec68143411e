"""Attention and transformers, with what may be hidden hidden. Of the positions, PyTorch has no layer: the formulas."""

import torch
from torch import nn

from common import Of, layer, short, write


def cases():
    torch.manual_seed(1)
    torch.set_default_dtype(torch.float32)
    padding = torch.tensor([[False, True, False], [False, False, True]])
    causal = torch.ones(3, 3, dtype=torch.bool).triu(1)
    hidden = torch.tensor([[False, True, False], [True, False, False]])
    attention = lambda name, heads, *inputs, bias=True, dropout=0.0, **masks: (
        lambda m: layer(name, m, *inputs, call=lambda *x: m(*(x * 3 if len(x) == 1 else x + x[1:] * (3 - len(x))), **masks)[0])
    )(nn.MultiheadAttention(4, heads, bias=bias, dropout=dropout, batch_first=True))
    plain = dict(dropout=0.0, batch_first=True)
    encoder_layer = lambda inner, **more: nn.TransformerEncoderLayer(4, 2, inner, **{**plain, **more})
    decoder_layer = lambda inner, **more: nn.TransformerDecoderLayer(4, 2, inner, **{**plain, **more})
    masked = lambda name, m, *inputs, **masks: layer(name, m, *inputs, call=lambda *x: m(*x, **masks))
    first = dict(norm_first=True, activation="gelu")
    dropping = nn.TransformerEncoder(encoder_layer(3, dropout=0.5), 2, enable_nested_tensor=False)
    stack = nn.TransformerEncoder(encoder_layer(3, norm_first=True), 2, norm=nn.LayerNorm(4), enable_nested_tensor=False)

    # For each head of each sample; from the last query of the first, all is hidden but one key.
    distances = (torch.arange(24).reshape(4, 2, 3) % 5 / -4).double()
    distances[:2, 1, :2] = -torch.inf

    def sinusoidal(x):
        t, i = torch.arange(x.shape[-2]).double()[:, None], torch.arange(0, x.shape[-1], 2).double()
        angles = t / 10000 ** (i / x.shape[-1])
        return x + torch.stack([angles.sin(), angles.cos()], -1).flatten(-2)

    def rotary(x):
        t, i = torch.arange(x.shape[-2]).double()[:, None], torch.arange(0, x.shape[-1], 2).double()
        turn = torch.polar(torch.ones(()).double(), t / 10000 ** (i / x.shape[-1]))
        y = torch.complex(*x.chunk(2, -1)) * turn
        return torch.cat([y.real, y.imag], -1)

    return [
        attention("multi_head_attention", 2, short(2, 3, 4)),
        attention("multi_head_attention/causal", 2, short(2, 3, 4), attn_mask=causal),
        attention("multi_head_attention/memory", 1, short(2, 2, 4), short(2, 3, 4), bias=False, key_padding_mask=padding),
        attention("multi_head_attention/three", 2, short(2, 2, 4), short(2, 3, 4), short(2, 3, 4), attn_mask=hidden),
        attention("multi_head_attention/dropout", 2, short(2, 3, 4), dropout=0.5, attn_mask=causal),
        masked("transformer_encoder_layer", encoder_layer(6), short(2, 3, 4), src_key_padding_mask=padding),
        masked("transformer_encoder_layer/norm_first", encoder_layer(6, **first), short(2, 3, 4)),
        masked("transformer_encoder_layer/dropout", encoder_layer(6, dropout=0.5), short(2, 3, 4)),
        masked("transformer_encoder_layer/norm_first_dropout", encoder_layer(3, **first, dropout=0.5), short(2, 3, 4)),
        masked("transformer_encoder", stack, short(2, 3, 4), mask=causal),
        masked("transformer_encoder/dropout", dropping, short(2, 3, 4), mask=causal),
        masked(
            "transformer_decoder_layer",
            decoder_layer(6),
            short(2, 3, 4),
            short(2, 3, 4),
            tgt_mask=causal,
            memory_key_padding_mask=padding,
        ),
        masked("transformer_decoder_layer/norm_first", decoder_layer(6, **first), short(2, 2, 4), short(2, 3, 4)),
        masked("transformer_decoder_layer/dropout", decoder_layer(3, dropout=0.5), short(2, 3, 4), short(2, 2, 4), tgt_mask=causal),
        masked("transformer_decoder/dropout", nn.TransformerDecoder(decoder_layer(3, dropout=0.5), 2), short(2, 2, 4), short(2, 3, 4)),
        masked("transformer_decoder", nn.TransformerDecoder(decoder_layer(3), 2), short(2, 3, 4), short(2, 2, 4), tgt_mask=causal),
        layer("sinusoidal_positions", Of(sinusoidal), short(2, 5, 4)),
        layer("rotary_positions", Of(rotary), short(2, 1, 3, 6)),
        attention("multi_head_attention/added", 2, short(2, 3, 4), attn_mask=(torch.arange(9.0).reshape(3, 3) / 4).where(~causal, -torch.inf).double()),
        attention("multi_head_attention/added_dropout", 2, short(2, 2, 4), short(2, 3, 4), dropout=0.5, attn_mask=distances),
        masked(
            "multi_head_attention/weights_dropout",
            nn.MultiheadAttention(4, 2, dropout=0.5, batch_first=True),
            *[short(2, 2, 4), short(2, 3, 4), short(2, 3, 4)],
            attn_mask=hidden,
            average_attn_weights=False,
        ),
    ]


write("crates/nn/tests/data/attention.json", cases())
