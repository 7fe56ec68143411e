"""Ravine's kernels beside PyTorch's, one at a time: prints a table of each family, with the ratio of their times.

    python benches/micro.py [--threads 2] [--rounds 3] [--only matmul] [--docs] [--json OUT]

With --docs the tables replace those in docs/performance.md.

Needs torch, and Ravine built: cargo build --release -p ravine-benches. The two take turns, each in a new process (where its memory lies
can decide over a factor of two), and of each the shortest time of all rounds is taken. Run nothing else at the same time.
"""

import argparse
import json
import os
import subprocess
import sys
import time

import torch
import torch.nn.functional as F

import page
from page import ROOT

FAMILIES = ["matmul", "conv", "element-wise", "rows", "layer", "optimizer"]
PASSES = 4


LAYOUTS = [torch.contiguous_format, torch.channels_last]


def faster(alternatives):
    """That of the functions which takes least time."""

    def seconds(f):
        start = time.perf_counter()
        f()
        return time.perf_counter() - start

    return min(alternatives, key=lambda f: min(seconds(f) for _ in range(5)))


def conv_passes(input_shape, weight_shape, stride, padding, groups, layout):
    """Forward, input gradient and weight gradient of a convolution of tensors in this layout."""
    x, w = torch.randn(*input_shape).to(memory_format=layout), torch.randn(*weight_shape).to(memory_format=layout)
    forward = lambda: F.conv2d(x, w, None, stride, padding, 1, groups)
    dy = torch.randn_like(forward())
    back = lambda *mask: torch.ops.aten.convolution_backward(
        dy, x, w, None, [stride] * 2, [padding] * 2, [1, 1], False, [0, 0], groups, [*mask, False]
    )
    return forward, lambda: back(True, False), lambda: back(False, True)


def kernels():
    """The same names and shapes as in micro.rs."""
    r = torch.randn
    for n in (512, 1024, 2048):
        a, b = r(n, n), r(n, n)
        yield f"matmul {n}x{n}x{n}", lambda a=a, b=b: a @ b
    for m, k, n in ((1, 784, 128), (8, 784, 128), (32, 784, 128), (64, 784, 128), (128, 784, 128), (128, 1024, 1024)):
        x, w, dy = r(m, k), r(n, k), r(m, n)
        yield f"matmul x·Wᵀ {m}x{k}x{n}", lambda x=x, w=w: x @ w.t()
        yield f"matmul dy·W {m}x{n}x{k}", lambda dy=dy, w=w: dy @ w
        yield f"matmul dyᵀ·x {n}x{m}x{k}", lambda dy=dy, x=x: dy.t() @ x
    for i, o, kernel, size, padding, stride, groups in (
        (1, 32, 3, 28, 0, 1, 1), (32, 64, 3, 26, 0, 1, 1), (64, 64, 3, 14, 1, 1, 1),
        (3, 16, 5, 32, 0, 1, 1), (64, 128, 3, 28, 1, 2, 1), (64, 64, 3, 28, 1, 1, 64), (64, 64, 3, 28, 1, 2, 64),
        (128, 128, 3, 14, 1, 1, 32),
    ):  # fmt: skip
        name = f"{i}-{o} k{kernel} at {size}, stride {stride}, groups {groups}"
        sizes = (64, i, size, size), (o, i // groups, kernel, kernel)
        layouts = [conv_passes(*sizes, stride, padding, groups, layout) for layout in LAYOUTS]
        for what, passes in zip(("forward", "input gradient", "weight gradient"), zip(*layouts)):
            yield f"conv {what} {name}", faster(passes)
    for n in (1_000, 10_000, 100_000, 10_000_000):
        a, b, c = r(n), r(n), r(n)
        yield f"element-wise add {n}", lambda a=a, b=b: a + b
        yield f"element-wise mul-add {n}", lambda a=a, b=b, c=c: torch.addcmul(c, a, b)
        yield f"element-wise relu {n}", lambda a=a: a.relu()
        yield f"element-wise exp {n}", lambda a=a: a.exp()
        yield f"element-wise tanh {n}", lambda a=a: a.tanh()
        yield f"element-wise gelu {n}", lambda a=a: F.gelu(a)
        yield f"element-wise sum {n}", lambda a=a: a.sum()
        yield f"element-wise squared norm {n}", lambda a=a: a.dot(a)
    for rows, columns in ((64, 10), (64, 128), (100, 1000), (4096, 1000), (10_000, 1000)):
        x = r(rows, columns)
        yield f"rows softmax {rows}x{columns}", lambda x=x: x.softmax(-1)
        yield f"rows variance and mean {rows}x{columns}", lambda x=x: torch.var_mean(x, -1, correction=0)
        yield f"rows sum {rows}x{columns}", lambda x=x: x.sum(-1)
        yield f"rows sum of columns {rows}x{columns}", lambda x=x: x.sum(0)
    yield from layers()
    for name, count, numel in (("10,000,000 weights", 1, 10_000_000), ("100,000 weights", 1, 100_000), ("10,000 parameters of 8 weights", 10_000, 8)):
        params = [torch.nn.Parameter(torch.ones(numel)) for _ in range(count)]
        for p in params:
            p.grad = torch.randn(numel) * 1e-6
        sgd = torch.optim.SGD(params, lr=1e-3, momentum=0.9, fused=True)
        adam = torch.optim.Adam(params, lr=1e-3, fused=True)
        # PyTorch does not look for infinities: the same time stands beside both of ours.
        for look in ("", ", no look"):
            yield f"optimizer SGD with momentum, {name}{look}", sgd.step
            yield f"optimizer Adam, {name}{look}", adam.step


def conv(inputs, outputs, kernel, groups=1):
    """A convolution and batch norm."""
    return torch.nn.Sequential(torch.nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, groups=groups, bias=False), torch.nn.BatchNorm2d(outputs))


def chain(*layers):
    return torch.nn.Sequential(*layers).to(memory_format=torch.channels_last)


def layers():
    """Layers forward and backward."""
    attention = torch.nn.MultiheadAttention(128, 8, batch_first=True)
    block = torch.nn.TransformerEncoderLayer(128, 8, 512, dropout=0.0, batch_first=True)
    lstm, gru = (kind(28, 128, batch_first=True) for kind in (torch.nn.LSTM, torch.nn.GRU))
    future = torch.nn.Transformer.generate_square_subsequent_mask(64)
    labels = torch.arange(512) * 7 % 1000
    residual = chain(conv(64, 64, 3), torch.nn.ReLU(), conv(64, 64, 3))
    bottleneck = chain(conv(256, 128, 1), torch.nn.ReLU(), conv(128, 128, 3, 32), torch.nn.ReLU(), conv(128, 256, 1))
    inverted = chain(conv(32, 192, 1), torch.nn.ReLU6(), conv(192, 192, 3, 192), torch.nn.ReLU6(), conv(192, 32, 1))
    for name, shape, parameters, forward in (
        ("layer norm 2048x256", (2048, 256), (norm := torch.nn.LayerNorm(256)), norm),
        ("batch norm 64x64x14x14", (64, 64, 14, 14), (norm := torch.nn.BatchNorm2d(64)), norm),
        ("max-pooling 2x2 64x64x24x24", (64, 64, 24, 24), None, lambda x: F.max_pool2d(x, 2)),
        ("LSTM 28-128, 28 steps, batch 64", (64, 28, 28), lstm, lambda x: lstm(x)[0]),
        ("GRU 28-128, 28 steps, batch 64", (64, 28, 28), gru, lambda x: gru(x)[0]),
        ("attention, 8 heads, 32x64x128", (32, 64, 128), attention, lambda x: attention(x, x, x, need_weights=False)[0]),
        ("causal attention, 8 heads, 32x64x128", (32, 64, 128), attention,
         lambda x: attention(x, x, x, need_weights=False, attn_mask=future, is_causal=True)[0]),
        ("transformer layer, 8 heads, 32x64x128", (32, 64, 128), block, block),
        ("residual block, 64 channels, 64x64x14x14", (64, 64, 14, 14), residual, lambda x: (x + residual(x)).relu()),
        ("ResNeXt block, 32 groups of 4, 32x256x14x14", (32, 256, 14, 14), bottleneck, lambda x: (x + bottleneck(x)).relu()),
        ("MobileNet block, 192 channels, 32x32x14x14", (32, 32, 14, 14), inverted, lambda x: x + inverted(x)),
        ("cross-entropy 512x1000", (512, 1000), None, lambda x: F.cross_entropy(x, labels)),
    ):  # fmt: skip
        layouts = LAYOUTS if len(shape) == 4 else LAYOUTS[:1]
        yield f"layer {name}", faster([layer_passes(torch.randn(*shape).to(memory_format=layout), parameters, forward) for layout in layouts])


def layer_passes(x, parameters, forward):
    x.requires_grad_()
    inputs = [x, *(parameters.parameters() if parameters else [])]
    dy = torch.randn_like(forward(x))

    def passes():
        with torch.enable_grad():
            return torch.autograd.grad(forward(x), inputs, dy)

    return passes


def pytorch(seconds, only):
    found = {}
    for name, f in kernels():
        if not name.startswith(only):
            continue
        start, best, runs = time.perf_counter(), float("inf"), 0
        while runs < 3 or time.perf_counter() - start < seconds:
            begin = time.perf_counter()
            f()
            best = min(best, time.perf_counter() - begin)
            runs += 1
        found[name] = best * 1e6
    return found


def run(*command):
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.1)
    parser.add_argument("--only", default="")
    parser.add_argument("--docs", action="store_true")
    parser.add_argument("--json")
    parser.add_argument("--pytorch", action="store_true", help="measure PyTorch alone, in this process")
    args = parser.parse_args()
    if args.pytorch:
        torch.set_num_threads(args.threads)
        with torch.no_grad():
            # The first results of a process are slow, some by a factor of ten: their pages are new. Its best is what counts.
            passes = [pytorch(args.seconds, args.only) for _ in range(PASSES)]
            return print(json.dumps({name: min(times[name] for times in passes) for name in passes[0]}))
    options = ["--threads", str(args.threads), "--seconds", str(args.seconds), "--only", args.only]
    programs = [[os.path.join(ROOT, "target/release/micro")], [sys.executable, __file__, "--pytorch"]]
    best = [{}, {}]
    for _ in range(args.rounds):
        for program, times in zip(programs, best):
            for name, us in run(*program, *options).items():
                times[name] = min(us, times.get(name, us))
    ours, theirs = best
    if args.json:
        with open(args.json, "w") as out:
            json.dump({"ravine": ours, "pytorch": theirs}, out, indent=1, ensure_ascii=False)
    shown = lambda us: f"{us:,.1f}" if us >= 10 else f"{us:.2f}"
    for family in FAMILIES:
        names = [name for name in ours if name.startswith(family)]
        if not names:
            continue
        rows = [f"| {family}, {args.threads} threads | Ravine, µs | PyTorch {torch.__version__.split('+')[0]}, µs | ratio |", "|---|---|---|---|"]
        for name in names:
            rows.append(f"| {name.removeprefix(family).strip()} | {shown(ours[name])} | {shown(theirs[name])} | {theirs[name] / ours[name]:.2f} |")
        print("\n".join(rows), end="\n\n")
        if args.docs:
            page.write(family, "\n".join(rows))


main()
