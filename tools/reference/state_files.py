"""Models as PyTorch saves them: a state_dict each, with an input and what the model makes of it."""

import os

import torch
from safetensors.torch import save_file
from torch import nn

from common import ROOT


class Cnn(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten())
        self.classifier = nn.Linear(4 * 4 * 4, 5)

    def forward(self, x):
        return self.classifier(self.features(x))


class BasicBlock(nn.Module):
    """As in torchvision."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))
        return (y + self.downsample(x)).relu()


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(3, 4, num_layers=2, bidirectional=True, batch_first=True)
        self.fc = nn.Linear(8, 2)

    def forward(self, x):
        return self.fc(self.lstm(x)[0])


def save(name, model, *shape, dtype=torch.float32):
    with torch.no_grad():
        for _ in range(3):  # Running statistics that are not the initial ones.
            model.train()(torch.randn(*shape) * 2 + 1)
        model.eval().to(dtype).float()
        x = torch.randn(*shape)
        state = {f"model.{k}": v.to(dtype) if v.is_floating_point() else v for k, v in model.state_dict().items()}
        path = f"crates/nn/tests/data/state/{name}.safetensors"
        os.makedirs(os.path.dirname(os.path.join(ROOT, path)), exist_ok=True)
        save_file({**state, "input": x, "output": model(x).contiguous()}, os.path.join(ROOT, path))
        print(f"{path}: {len(state)} tensors")


torch.manual_seed(4)
torch.set_default_dtype(torch.float32)
save("cnn", Cnn(), 2, 1, 8, 8)
save("cnn_bf16", Cnn(), 2, 1, 8, 8, dtype=torch.bfloat16)
save("cnn_f16", Cnn(), 2, 1, 8, 8, dtype=torch.float16)
save("resnet_block", BasicBlock(3, 4, 2), 2, 3, 6, 6)
save("lstm", Tagger(), 2, 5, 3)
save("transformer", nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2, 5, 8)
