"""PyTorch trains the workloads.  python train_torch.py --data DIR --workload W1 [--mode eager|tuned|compile]

eager:   the usual program (NCHW, default optimiser implementation)
tuned:   fused optimiser, channels_last for the convolution nets
compile: as tuned, with the forward pass and loss under torch.compile (NCHW left to inductor)
"""
import argparse

import protocol

ap = argparse.ArgumentParser()
ap.add_argument("--data", required=True)
ap.add_argument("--workload", required=True, choices=["W1", "W2", "W3", "W4"])
ap.add_argument("--mode", default="eager", choices=["eager", "tuned", "compile"])
ap.add_argument("--threads", type=int, default=2)
a = ap.parse_args()

import torch
from torch import nn
import torch.nn.functional as F

torch.set_num_threads(a.threads)
torch.manual_seed(0)
peer = {"eager": "pytorch-eager", "tuned": "pytorch-eager-tuned", "compile": "pytorch-compile"}[a.mode]
peer += "" if a.threads == 2 else f"-{a.threads}t"
rep = protocol.Reporter(peer, torch.__version__, a.workload)
tr_x, tr_y, te_x, te_y = (torch.from_numpy(v) for v in protocol.load_mnist(a.data))


def lenet5():
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10))


def cnn():
    return nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(9216, 128), nn.ReLU(), nn.Linear(128, 10))


if a.workload == "W1":
    net = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
elif a.workload == "W2":
    net = nn.Sequential(nn.Linear(784, 1024), nn.ReLU(), nn.Linear(1024, 1024), nn.ReLU(),
                        nn.Linear(1024, 10))
else:
    net = lenet5() if a.workload == "W3" else cnn()
    tr_x, te_x = tr_x.view(-1, 1, 28, 28), te_x.view(-1, 1, 28, 28)
conv = a.workload in ("W3", "W4")
cl = conv and a.mode == "tuned"
if cl:
    net = net.to(memory_format=torch.channels_last)

fused = {} if a.mode == "eager" else {"fused": True}
if a.workload == "W2":
    opt = torch.optim.Adam(net.parameters(), lr=1e-3, **fused)
else:
    opt = torch.optim.SGD(net.parameters(), lr=0.05 if a.workload == "W1" else 0.01,
                          momentum=0.9, **fused)


def loss_fn(x, y):
    return F.cross_entropy(net(x), y)


if a.mode == "compile":
    loss_fn = torch.compile(loss_fn)


def step(idx):
    idx = torch.from_numpy(idx)
    x, y = tr_x.index_select(0, idx), tr_y.index_select(0, idx)
    if cl:
        x = x.contiguous(memory_format=torch.channels_last)
    opt.zero_grad(set_to_none=True)
    loss_fn(x, y).backward()
    opt.step()


@torch.no_grad()
def accuracy():
    return sum((net(te_x[i:i + 500]).argmax(1) == te_y[i:i + 500]).sum().item()
               for i in range(0, len(te_x), 500)) / len(te_x)


protocol.run_training(rep, a.workload, len(tr_x), step, lambda: None, accuracy)
