"""Trains a small network on the digits 0 to 5 in PyTorch and saves it for the example `transfer`.

    python tools/pretrained_digits.py

Needs torch and safetensors; the file is committed, so that nothing else does.
"""

import gzip
import os

import torch
from safetensors.torch import save_file
from torch import nn

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def idx(name, header):
    with gzip.open(os.path.join(ROOT, "examples/data/mnist", name)) as file:
        return torch.frombuffer(bytearray(file.read()[header:]), dtype=torch.uint8)


def digits(part):
    images = idx(f"{part}-images-idx3-ubyte.gz", 16).reshape(-1, 1, 28, 28).float() / 255
    labels = idx(f"{part}-labels-idx1-ubyte.gz", 8).long()
    return images[labels < 6], labels[labels < 6]


class Net(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(8, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(),
        )  # fmt: skip
        self.head = nn.Linear(32 * 3 * 3, classes)

    def forward(self, x):
        return self.head(self.features(x))


torch.manual_seed(0)
images, labels = digits("train")
net = Net(6)
optimizer = torch.optim.Adam(net.parameters(), 3e-3)
for epoch in range(2):
    for batch in torch.randperm(len(images)).split(128):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(images[batch]), labels[batch]).backward()
        optimizer.step()
net.eval()
images, labels = digits("t10k")
with torch.no_grad():
    print(f"{100 * (net(images).argmax(1) == labels).float().mean():.2f} % of the digits 0 to 5")
save_file(net.state_dict(), os.path.join(ROOT, "examples/data/digits_0_to_5/pytorch.safetensors"))
