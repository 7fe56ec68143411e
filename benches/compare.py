"""Ravine beside its peers: trains the four workloads in alternation, and writes the table and the chart of docs/performance.md.

    python benches/compare.py [--rounds 2] [--workloads W1 W2 W3 W4] [--only REGEX] [--avx2] [--docs]

Ravine must have been built: cargo build --release -p ravine-benches. Of the peers (benches/peers/README.md), those run that are
installed or built. Run nothing else at the same time.

--only: a regular expression for the names of the programs to run; the results of the others stay. `--only NOTHING --docs` writes what is there.
--avx2: all of them as on a processor without AVX-512. (Programs in Rust other than Ravine are not kept from it.)
--peak: what the machine's FMA units do, in GFLOP/s.

Results are kept in --results, workload by workload, so that the workloads can be run one at a time.
"""

import argparse
import glob
import gzip
import json
import os
import re
import shutil
import statistics
import subprocess
import sys

import page
from page import ROOT

PEERS = os.path.join(ROOT, "benches", "peers")
SPEED, MEMORY, START = "train_images_per_s", "peak_rss_mib", "start_to_first_step_s"
# Millions of floating-point operations that one image takes, forward and backward, by the plain algorithms.
MFLOP = {"W1": 0.409, "W2": 9.56, "W3": 2.26, "W4": 71.6}
# What keeps Ravine and the peers from wider vectors.
AVX2 = {
    "RAVINE_ISA": "avx2",
    "XLA_FLAGS": "--xla_cpu_max_isa=AVX2",
    "ATEN_CPU_CAPABILITY": "avx2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
}


def data():
    """The folder with MNIST as the peers read it: not gzipped."""
    folder = os.path.join(ROOT, "target", "mnist")
    os.makedirs(folder, exist_ok=True)
    for path in glob.glob(os.path.join(ROOT, "examples/data/mnist/*.gz")):
        with gzip.open(path) as packed, open(os.path.join(folder, os.path.basename(path)[:-3]), "wb") as file:
            shutil.copyfileobj(packed, file)
    return folder


def programs(args):
    """Each peer's name and command, without the workload."""
    installed = lambda package: subprocess.run([sys.executable, "-c", f"import {package}"], capture_output=True).returncode == 0
    found = {"Ravine": [os.path.join(ROOT, "target/release/throughput")]}
    if installed("torch"):
        found |= {f"PyTorch {mode}": [sys.executable, os.path.join(PEERS, "train_torch.py"), "--mode", mode] for mode in args.torch}
    if installed("jax"):
        found["JAX jit"] = [sys.executable, os.path.join(PEERS, "train_jax.py")]
    for name in ("burn", "candle"):
        program = os.path.join(args.target, "release", f"train_{name}")
        if os.path.exists(program):
            found[name.capitalize()] = [program]
    return {name: command for name, command in found.items() if re.search(args.only, name)}


def run(command):
    """The median of each metric that a program prints."""
    environment = {key: value for key, value in os.environ.items() if key != "OPENBLAS_CORETYPE"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode != 0:
        print(f"{' '.join(command)} failed:\n{done.stderr[-500:]}", file=sys.stderr)
        return {}
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return {line["metric"]: line["median"] for line in lines}


def medians(results):
    """`[workload][program][metric]`, the median of the rounds."""
    return {
        workload: {name: {metric: statistics.median(values) for metric, values in metrics.items()} for name, metrics in peers.items()}
        for workload, peers in results.items()
    }


def table(found, peak):
    """The table in Markdown: images per second; our ratio to the best peer, part of the peak, memory, start."""
    workloads = [w for w in MFLOP if w in found]
    names = list(dict.fromkeys(name for w in workloads for name in found[w]))
    row = lambda *cells: "| " + " | ".join(cells) + " |"
    out = [row("", *workloads), "|---" * (len(workloads) + 1) + "|"]
    for name in names:
        cells = [found[w].get(name, {}).get(SPEED) for w in workloads]
        best = [cell == max(peer.get(SPEED, 0) for peer in found[w].values()) for cell, w in zip(cells, workloads)]
        shown = ["-" if cell is None else f"**{cell:,.0f}**" if b else f"{cell:,.0f}" for cell, b in zip(cells, best)]
        out.append(row(f"**{name}**" if name == "Ravine" else name, *shown))
    peers = {w: {name: metrics for name, metrics in found[w].items() if name != "Ravine"} for w in workloads}
    ours = {w: found[w]["Ravine"] for w in workloads}

    def beside(title, metric, pick, show):
        cells = [(ours[w][metric], [p[metric] for p in peers[w].values() if metric in p]) for w in workloads]
        out.append(row(title, *[show(our, pick(theirs)) if theirs else f"{our:.4g}" for our, theirs in cells]))

    beside("Ravine, to the best peer", SPEED, max, lambda our, best: f"{our / best:.2f}")
    share = [ours[w][SPEED] * MFLOP[w] / 1e3 / peak for w in workloads]
    out.append(row(f"Ravine, of the peak ({peak:.0f} GFLOP/s)", *[f"{100 * s:.0f} %" for s in share]))
    beside("peak memory, MiB: Ravine / the leanest peer", MEMORY, min, lambda our, best: f"{our:.0f} / {best:.0f}")
    beside("first step after, s: Ravine / the quickest peer", START, min, lambda our, best: f"{our:.2f} / {best:.2f}")
    return "\n".join(out)


def chart(found):
    """Bars of the speed of each program, as a part of the best peer's."""
    workloads = [w for w in MFLOP if w in found]
    names = list(dict.fromkeys(name for w in workloads for name in found[w]))
    colours = dict(zip(names, ["#b5482a", "#7d8ca3", "#a3aebf", "#5b9aa0", "#c2a878", "#9c8aa5", "#8aa58a"]))
    bar, gap, left, wide = 13, 16, 130, 420
    parts, y, largest = [], 30, 1.0
    ratios = {}
    for w in workloads:
        best = max((m.get(SPEED, 0) for name, m in found[w].items() if name != "Ravine"), default=0)
        if best:
            ratios[w] = {name: m[SPEED] / best for name, m in found[w].items() if SPEED in m}
            largest = max(largest, *ratios[w].values())
    for w, by_name in ratios.items():
        parts.append(f'<text x="4" y="{y + 11}" font-weight="bold">{w}</text>')
        for name, ratio in by_name.items():
            length = ratio / largest * wide
            parts.append(f'<text x="{left - 6}" y="{y + 11}" text-anchor="end">{name}</text>')
            parts.append(f'<rect x="{left}" y="{y}" width="{length:.1f}" height="{bar}" fill="{colours[name]}"/>')
            parts.append(f'<text x="{left + length + 5:.1f}" y="{y + 11}">{ratio:.2f}</text>')
            y += bar + 3
        y += gap
    one = left + wide / largest
    parts.append(f'<line x1="{one:.1f}" x2="{one:.1f}" y1="24" y2="{y - gap}" stroke="#444" stroke-dasharray="3 3"/>')
    title = '<text x="4" y="15">Images per second in training, as a part of the best peer\'s</text>'
    size = f'width="{left + wide + 60}" height="{y}"'
    style = 'font-family="sans-serif" font-size="11" fill="#222"'
    body = "\n".join([title, *parts])
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>\n<rect width="100%" height="100%" fill="#fff"/>\n{body}\n</svg>\n'


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--target", default=os.path.join(ROOT, "target/peers"), help="cargo's target directory of the peers in Rust")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--workloads", nargs="*", default=list(MFLOP))
    parser.add_argument("--torch", nargs="+", default=["eager", "tuned"])
    parser.add_argument("--only", default="")
    parser.add_argument("--peak", type=float, default=545.0)
    parser.add_argument("--avx2", action="store_true")
    parser.add_argument("--results")
    parser.add_argument("--docs", action="store_true")
    args = parser.parse_args()
    section = "avx2" if args.avx2 else "training"
    args.results = args.results or os.path.join(ROOT, "target", f"compare-{section}.json")
    if args.avx2:
        os.environ.update(AVX2)

    results = {}
    if os.path.exists(args.results):
        with open(args.results) as file:
            results = json.load(file)
    chosen, folder = programs(args), data()
    for workload in args.workloads:
        results[workload] = {name: kept for name, kept in results.get(workload, {}).items() if name not in chosen}
        for _ in range(args.rounds):
            for name, command in chosen.items():
                for metric, value in run(command + ["--data", folder, "--workload", workload]).items():
                    results[workload].setdefault(name, {}).setdefault(metric, []).append(value)
        with open(args.results, "w") as file:
            json.dump(results, file, indent=1)
    found = medians(results)
    text = table(found, args.peak)
    print(text)
    if args.docs:
        page.write(section, text, chart(found))


main()
