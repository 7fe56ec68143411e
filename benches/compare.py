"""Ravine beside its peers: runs them in alternation on the four workloads and prints a table in Markdown.

    python benches/compare.py --data DIR --peers DIR [--rounds 2] [--workloads W1 W2 W3 W4] [--json OUT]

--data: the four IDX files of MNIST, not gzipped (the peers read no other). --peers: the folder with the peers' programs,
python/torch_bench.py and python/jax_bench.py; a peer whose package is not installed is left out. Ravine must have been built:
cargo build --release -p ravine-benches. Run nothing else at the same time.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
METRICS = ["train_images_per_s", "peak_rss_mib", "start_to_first_step_s", "test_acc_1_epoch"]


def programs(args):
    """Each peer's name and command, without the workload."""
    found = [("ravine", [os.path.join(ROOT, "target/release/throughput"), "--data", args.data])]
    installed = lambda package: subprocess.run([sys.executable, "-c", f"import {package}"], capture_output=True).returncode == 0
    python = lambda name: [sys.executable, os.path.join(args.peers, "python", name), "--data", args.data]
    if args.peers and installed("torch"):
        found += [(f"PyTorch {mode}", python("torch_bench.py") + ["--mode", mode]) for mode in args.torch]
    if args.peers and installed("jax"):
        found.append(("JAX jit", python("jax_bench.py")))
    return found


def run(command):
    """The median of each metric that a program prints."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        print(f"{' '.join(command)} failed:\n{done.stderr[-500:]}", file=sys.stderr)
        return {}
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return {line["metric"]: line["median"] for line in lines}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True)
    parser.add_argument("--peers")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--workloads", nargs="+", default=["W1", "W2", "W3", "W4"])
    parser.add_argument("--torch", nargs="+", default=["eager", "tuned"])
    parser.add_argument("--json")
    args = parser.parse_args()

    results = {}
    for workload in args.workloads:
        for _ in range(args.rounds):
            for name, command in programs(args):
                for metric, value in run(command + ["--workload", workload]).items():
                    results.setdefault(workload, {}).setdefault(name, {}).setdefault(metric, []).append(value)
    if args.json:
        with open(args.json, "w") as out:
            json.dump(results, out, indent=1)
    for workload, peers in results.items():
        median = lambda name, metric: statistics.median(peers[name].get(metric, [float("nan")]))
        best = max((median(name, METRICS[0]) for name in peers if name != "ravine"), default=float("nan"))
        print(f"\n**{workload}**: {median('ravine', METRICS[0]) / best:.2f} times the best peer\n")
        print("| | images/s | peak MiB | first step, s | accuracy after an epoch |\n|---|---|---|---|---|")
        for name in peers:
            speed, memory, start, accuracy = (median(name, metric) for metric in METRICS)
            shown = "" if accuracy != accuracy else f"{100 * accuracy:.1f} %"
            print(f"| {name} | {speed:,.0f} | {memory:,.0f} | {start:.2f} | {shown} |")


main()
