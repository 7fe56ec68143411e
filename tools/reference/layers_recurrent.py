"""Recurrent networks: outputs and last states, with and without initial ones, and for samples of different lengths."""

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from common import layer, short, write


def cases():
    torch.manual_seed(1)
    torch.set_default_dtype(torch.float32)
    flat = lambda y, state: (y, *state) if isinstance(state, tuple) else (y, state)

    def case(name, net, *inputs):
        return layer(name, net, *inputs, call=lambda x, *s: flat(*net(x, *((tuple(s) if len(s) > 1 else s[0],) if s else ()))))

    def packed(name, net, x):
        def call(x):
            packed, state = net(pack_padded_sequence(x, [2, 4, 1], batch_first=True, enforce_sorted=False))
            return flat(pad_packed_sequence(packed, batch_first=True, total_length=x.shape[1])[0], state)

        return layer(name, net, x, call=call)

    return [
        case("rnn", nn.RNN(3, 4, 2, batch_first=True), short(2, 3, 3)),
        case(
            "rnn/relu",
            nn.RNN(3, 4, nonlinearity="relu", bias=False, bidirectional=True, batch_first=True),
            short(2, 3, 3),
            short(2, 2, 4),
        ),
        case("lstm", nn.LSTM(3, 5, batch_first=True), short(2, 3, 3)),
        case(
            "lstm/deep",
            nn.LSTM(3, 2, 2, bidirectional=True, batch_first=True),
            short(2, 3, 3),
            short(4, 2, 2),
            short(4, 2, 2),
        ),
        packed("lstm/packed", nn.LSTM(2, 2, 2, bias=False, bidirectional=True, batch_first=True), short(3, 5, 2)),
        case("gru", nn.GRU(3, 4, 2, batch_first=True), short(2, 3, 3), short(2, 2, 4)),
        packed("gru/packed", nn.GRU(2, 3, bidirectional=True, batch_first=True), short(3, 5, 2)),
    ]


write("crates/nn/tests/data/recurrent.json", cases())
