"""How a step grows: runs the program `growth`, and writes its tables and its chart into docs/performance.md.

    cargo build --release -p ravine-benches
    python benches/growth.py [--rounds 3] [--docs]

Of each step, the shortest time of all rounds is taken, each of which is a new process: where the host puts that can decide over a third.
Run nothing else at the same time.
"""

import argparse
import json
import math
import os
import subprocess

import page
from page import ROOT


def straight_line(points):
    """The line `slope (x + fixed)`, with `fixed >= 0`, from which the points (x, y) are off by the smallest part: as (fixed, slope)."""
    best = None
    for fixed in [0.0] + [max(x for x, _ in points) * 1.02**-k for k in range(500)]:
        slopes = [y / (x + fixed) for x, y in points]
        low, high = min(slopes), max(slopes)
        if best is None or high / low < best[0]:
            best = (high / low, fixed, (low + high) / 2)
    return best[1:]


def table(lines):
    """Time per operation, in that of the middle size, and memory, in the least possible, tell how even the growth is in proportion; beside each is
    how far it is off the straight line through those in which the same size varies."""
    steps = [line for line in lines if "varied" in line]
    middle = next(line for line in steps if line["varied"] == "threads" and line["value"] == 2)
    out = ["| varied | | ms a step | GFLOP/s | time per operation, to the middle size | time, off a straight line | memory, MiB | memory, to the least possible | memory, off a straight line |"]
    out.append("|---" * 9 + "|")
    for line in steps:
        same = [other for other in steps if other["varied"] == line["varied"]]

        def off(key, work):
            fixed, slope = straight_line([(other[work], other[key]) for other in same])
            return "-" if line["varied"] == "threads" else f"{100 * (line[key] / (slope * (line[work] + fixed)) - 1):+.0f} %"

        pace = line["us"] / line["mflop"] / (middle["us"] / middle["mflop"])
        cells = [line["varied"], line["value"], f"{line['us'] / 1e3:.2f}", f"{line['mflop'] / line['us'] * 1e3:.0f}", f"{pace:.2f}", off("us", "mflop")]
        cells += [f"{line['mib']:.1f}", f"{line['mib'] / line['least_mib']:.2f}", off("mib", "least_mib")]
        out.append("| " + " | ".join(map(str, cells)) + " |")
    out += ["", "| | µs |", "|---|---|"]
    out += [f"| one image through {line['inference']}, one thread | {line['us']:.1f} |" for line in lines if "inference" in line]
    out += [f"| a {line['overhead']} with next to nothing to compute | {line['us']:.1f} |" for line in lines if "overhead" in line]
    return "\n".join(out)


def chart(lines):
    """Time and memory against each size, both axes logarithmic; the dashed line is proportional growth from the first point."""
    parts, side, gap = [], 150, 60
    for row, (key, unit) in enumerate([("us", "time a step"), ("mib", "memory")]):
        for column, varied in enumerate(["batch", "width", "depth"]):
            points = [(line["value"], line[key], line["mflop"] if key == "us" else line["least_mib"]) for line in lines if line.get("varied") == varied]
            left, top = 50 + column * (side + gap), 30 + row * (side + gap)
            xs, ys = [math.log(p[0]) for p in points], [math.log(p[1]) for p in points]
            ideal = [math.log(points[-1][1] * p[2] / points[-1][2]) for p in points]
            low, high = min(ys + ideal), max(ys + ideal)
            place = lambda x, y: f"{left + (x - xs[0]) / (xs[-1] - xs[0]) * side:.1f},{top + side - (y - low) / (high - low) * side:.1f}"
            parts.append(f'<rect x="{left}" y="{top}" width="{side}" height="{side}" fill="none" stroke="#ccc"/>')
            parts.append(f'<text x="{left + side / 2}" y="{top - 8}" text-anchor="middle">{unit}, by {varied}</text>')
            parts.append(f'<polyline points="{" ".join(map(place, xs, ideal))}" fill="none" stroke="#7d8ca3" stroke-dasharray="4 3"/>')
            parts.append(f'<polyline points="{" ".join(map(place, xs, ys))}" fill="none" stroke="#b5482a" stroke-width="2"/>')
            parts += [f'<circle cx="{place(x, y).split(",")[0]}" cy="{place(x, y).split(",")[1]}" r="3" fill="#b5482a"/>' for x, y in zip(xs, ys)]
            parts.append(f'<text x="{left}" y="{top + side + 14}">{points[0][0]}</text>')
            parts.append(f'<text x="{left + side}" y="{top + side + 14}" text-anchor="end">{points[-1][0]}</text>')
            shown = lambda v: f"{v / 1e3:.1f} ms" if key == "us" else f"{v:.0f} MiB"
            parts.append(f'<text x="{left - 4}" y="{top + side}" text-anchor="end" font-size="9">{shown(math.exp(low))}</text>')
            parts.append(f'<text x="{left - 4}" y="{top + 9}" text-anchor="end" font-size="9">{shown(math.exp(high))}</text>')
    size = f'width="{60 + 3 * (side + gap)}" height="{20 + 2 * (side + gap)}"'
    body = "\n".join(parts)
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="11" fill="#222">\n<rect width="100%" height="100%" fill="#fff"/>\n{body}\n</svg>\n'


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--docs", action="store_true")
    args = parser.parse_args()
    program = os.path.join(ROOT, "target/release/growth")
    rounds = []
    for _ in range(args.rounds):
        done = subprocess.run([program], capture_output=True, text=True, check=True)
        rounds.append([json.loads(line) for line in done.stdout.splitlines()])
    lines = [min(same, key=lambda line: line["us"]) for same in zip(*rounds)]
    text = table(lines)
    print(text)
    if args.docs:
        page.write("growth", text, chart(lines))


main()
