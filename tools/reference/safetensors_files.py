"""A file by Python's safetensors, with every type of element, for ours to read."""

import os

import torch
from safetensors.torch import save_file

from common import ROOT


def tensors():
    x = torch.tensor([[0.5, -1.25, 3.0], [65504.0, 1e-5, -0.0]])
    return {
        "f64": x.double(),
        "f32": x,
        "f16": x.half(),
        "bf16": x.bfloat16(),
        "i64": torch.tensor([-(2**63), 7, 2**63 - 1]),
        "i32": torch.tensor([[-(2**31)], [2**31 - 1]], dtype=torch.int32),
        "u8": torch.tensor([0, 255, 7], dtype=torch.uint8),
        "bool": torch.tensor([True, False, True]),
        "i16": torch.tensor([1, 2], dtype=torch.int16),
        "scalar": torch.tensor(2.5),
        "empty": torch.zeros(0, 3),
        "näme.with dots": torch.arange(4.0),
    }


path = "crates/tensor/tests/data/python.safetensors"
os.makedirs(os.path.dirname(os.path.join(ROOT, path)), exist_ok=True)
save_file(tensors(), os.path.join(ROOT, path), metadata={"made by": "tools/reference", "quote": '"\n'})
print(f"{path}: {len(tensors())} tensors")
