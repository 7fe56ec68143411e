"""Recurrent networks: outputs and last states, with and without initial ones, and for samples of different lengths."""

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from common import COINS, layer, short, write


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

    def dropped(name, net, *inputs):
        """With dropout of a half between the layers. PyTorch throws its own coins in there, so each layer is run by itself."""

        def call(x, *states):
            y, last = x, []
            for i in range(net.num_layers):
                ends = ("", "_reverse") if net.bidirectional else ("",)
                params = [getattr(net, f"{p}_l{i}{end}") for end in ends for p in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
                zeros = torch.zeros(len(ends), len(x), net.hidden_size).double()
                state = (zeros, zeros) if net.mode == "LSTM" else zeros
                y, *state = getattr(torch, net.mode.lower())(y, state, params, True, 1, 0.0, False, net.bidirectional, True)
                last.append(state)
                # Our steps are the first axis where coins are thrown.
                if i + 1 < net.num_layers:
                    y = COINS[-1].dropout(y.transpose(0, 1), 0.5, net.training).transpose(0, 1)
            return (y, *(torch.cat(s) for s in zip(*last)))

        return layer(name, net, *inputs, call=call)

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
        dropped("rnn/dropout", nn.RNN(3, 4, 3, batch_first=True), short(2, 3, 3)),
        dropped("lstm/dropout", nn.LSTM(3, 2, 2, bidirectional=True, batch_first=True), short(2, 3, 3)),
        dropped("gru/dropout", nn.GRU(3, 4, 2, batch_first=True), short(2, 3, 3)),
        packed("gru/packed", nn.GRU(2, 3, bidirectional=True, batch_first=True), short(3, 5, 2)),
    ]


write("crates/nn/tests/data/recurrent.json", cases())
