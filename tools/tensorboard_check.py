"""Reads a folder of event files with TensorBoard's own reader, and fails unless everything in it is as it should be.

    pip install tensorboard
    cargo run --release --example mnist -- --tensorboard
    python tools/tensorboard_check.py runs/mnist-lenet
"""

import json
import struct
import sys
from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

run = Path(sys.argv[1])
events = EventAccumulator(str(run / "tensorboard"), size_guidance={kind: 0 for kind in ("scalars", "histograms", "images", "tensors")})
# Checksums are looked at while loading: a record that is damaged ends the file, or raises.
events.Reload()
tags = events.Tags()
scalars, histograms, images, texts = tags["scalars"], tags["histograms"], tags["images"], tags["tensors"]
for kind, found in (("scalars", scalars), ("histograms", histograms), ("images", images), ("texts", texts)):
    print(f"{kind:<11} {len(found):>3}  {', '.join(sorted(found)[:4])}, ..." if found else f"{kind:<11} none")
    assert found, f"no {kind}"

# The curves are those of the run's own log, each step once.
steps = {"loss": [], "learning_rate": [], "gradient_norm": []}
evaluations = []
for line in (run / "metrics.jsonl").read_text().splitlines():
    entry = json.loads(line)
    if entry["event"] == "step":
        for name, points in steps.items():
            if entry[name] is not None:
                points.append((entry["step"], entry[name]))
    else:
        evaluations.append((entry["step"], entry["test"]["loss"]))

def single(x):
    return struct.unpack("f", struct.pack("f", x))[0]

for tag, expected in [(f"step/{name}", points) for name, points in steps.items()] + [("test/loss", evaluations)]:
    found = [(event.step, event.value) for event in events.Scalars(tag)]
    assert found == [(step, single(value)) for step, value in expected], f"{tag} differs from metrics.jsonl"

for tag in histograms:
    value = events.Histograms(tag)[-1].histogram_value
    assert value.num == sum(value.bucket) > 0 and value.min <= value.max, tag
for tag in images:
    picture = events.Images(tag)[-1]
    assert picture.encoded_image_string.startswith(b"\x89PNG") and picture.width > 0 and picture.height > 0, tag
text = events.Tensors("settings")[0].tensor_proto.string_val[0].decode()
assert "| seed |" in text, text
print("TensorBoard reads it all, and the curves are those of metrics.jsonl")
