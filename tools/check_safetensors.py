"""Opens a file of ours in Python's safetensors and in PyTorch, strictly, and compares what the model says.

    python tools/check_safetensors.py

Runs `cargo run --example save_and_load` for the file. Needs torch and safetensors.
"""

import os
import subprocess
import tempfile

import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import nn


class Cnn(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten())
        self.classifier = nn.Linear(8 * 14 * 14, 10)

    def forward(self, x):
        return self.classifier(self.features(x))


with tempfile.TemporaryDirectory() as folder:
    stem = os.path.join(folder, "cnn")
    subprocess.run(["cargo", "run", "-q", "--example", "save_and_load", "--", stem], check=True)
    with safe_open(stem + ".safetensors", framework="pt") as file:
        print("safetensors:", sorted(file.keys()), file.metadata())
    state, check = load_file(stem + ".safetensors"), load_file(stem + ".check.safetensors")

model = Cnn()
model.load_state_dict(state, strict=True)
with torch.no_grad():
    distance = (model.eval()(check["input"]) - check["output"]).abs().max().item()
print("PyTorch: outputs differ by", distance)
assert distance < 1e-5
