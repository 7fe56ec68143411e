"""Opens npy and npz files of ours in NumPy, and compares every number.

    python tools/check_npy.py

Runs `cargo run -p ravine-tensor --example write_numpy` for the files. Needs numpy.
"""

import os
import subprocess
import tempfile
import zipfile

import numpy as np

cube = np.arange(24.0).reshape(2, 3, 4)
EXPECTED = {
    "f8": cube,
    "f4": cube.astype(np.float32),
    "f2": cube.astype(np.float16),
    "i8": np.array([[-(2**63), 2**63 - 1]]),
    "i4": np.array([[-(2**31)], [2**31 - 1]], np.int32),
    "u1": np.array([0, 255], np.uint8),
    "b1": np.array([True, False]),
    "scalar": np.array(2.5, np.float32),
    "empty": np.zeros((0, 3), np.float32),
    "special": np.array([np.nan, -np.inf, -0.0, 1e-42], np.float32),
    "näme/with dots.": np.zeros(1000, np.float32),
}


def same(name, found, expected):
    assert found.dtype == expected.dtype and found.shape == expected.shape, (name, found.dtype, found.shape)
    assert np.array_equal(found, expected, equal_nan=expected.dtype.kind == "f"), (name, found)
    assert found.dtype.kind != "f" or np.array_equal(np.signbit(found), np.signbit(expected)), (name, found)


with tempfile.TemporaryDirectory() as folder:
    subprocess.run(["cargo", "run", "-q", "-p", "ravine-tensor", "--example", "write_numpy", "--", folder], check=True)
    load = lambda name: np.load(os.path.join(folder, name), allow_pickle=False)
    same("cube", load("cube.npy"), cube)
    same("view", load("view.npy"), cube.transpose(2, 0, 1))
    for archive in ["stored.npz", "deflated.npz"]:
        assert zipfile.ZipFile(os.path.join(folder, archive)).testzip() is None
        arrays = load(archive)
        assert list(arrays) == list(EXPECTED), list(arrays)
        for name, expected in EXPECTED.items():
            same(f"{name} in {archive}", arrays[name], expected)
        print(f"NumPy {np.__version__}: {archive}: {len(EXPECTED)} arrays, equal")
