"""Files by NumPy, with every type of element, either order of bytes and axes, and every version of the format, for ours to read."""

import io
import os
import zipfile

import numpy as np
from numpy.lib import format as npy

from common import ROOT

FOLDER = os.path.join(ROOT, "crates/tensor/tests/data/numpy")
os.makedirs(FOLDER, exist_ok=True)


def arrays():
    x = np.array([[0.5, -1.25, 3.0], [65504.0, 1e-5, -0.0]], np.float32)
    cube = np.arange(24).reshape(2, 3, 4)
    return {
        "f4": x,
        "f8": x.astype("<f8"),
        "f2": x.astype("<f2"),
        "f4_big": x.astype(">f4"),
        "f2_big": x.astype(">f2"),
        "f8_big_fortran": np.asfortranarray(cube.astype(">f8")),
        "f4_fortran": np.asfortranarray(x),
        "i8_fortran": np.asfortranarray(cube),
        "i8": np.array([-(2**63), 7, 2**63 - 1]),
        "i4": np.array([[-(2**31)], [2**31 - 1]], np.int32),
        "i4_big": np.array([[-(2**31)], [2**31 - 1]], ">i4"),
        "i2": np.array([-32768, 32767], np.int16),
        "i2_big": np.array([-32768, 32767], ">i2"),
        "i1": np.array([-128, 127], np.int8),
        "u4": np.array([0, 2**32 - 1], np.uint32),
        "u2": np.array([0, 65535], np.uint16),
        "u1": np.array([0, 255, 7], np.uint8),
        "b1": np.array([True, False, True]),
        "scalar": np.array(2.5),
        "empty": np.zeros((0, 3), np.float32),
        "c8": np.array([1 + 2j], np.complex64),
        "u8": np.array([2**64 - 1], np.uint64),
        "text": np.array(["abc"]),
        "fields": np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
    }


def save(name, array, version=None):
    out = io.BytesIO()
    npy.write_array(out, array, version=version)
    with open(os.path.join(FOLDER, name + ".npy"), "wb") as file:
        file.write(out.getvalue())


for name, array in arrays().items():
    save(name, array)
save("version2", arrays()["f4"], (2, 0))
save("version3", arrays()["f4"], (3, 0))
readable = {k: v for k, v in arrays().items() if k not in ("c8", "u8", "text", "fields")}
np.savez(os.path.join(FOLDER, "stored.npz"), **{"näme/with dots.": np.arange(4.0), "c8": arrays()["c8"]}, **readable)
np.savez_compressed(os.path.join(FOLDER, "deflated.npz"), zeros=np.zeros((200, 300), np.float32), **readable)
print(f"{FOLDER}: {len(os.listdir(FOLDER))} files")

# Files that lie: by hand, for the fuzzer and the tests to begin with.

CORPUS = os.path.join(ROOT, "fuzz/corpus")


def header(shape, descr="<f4"):
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    text += b" " * (63 - (10 + len(text)) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


def put(path, content):
    with open(os.path.join(CORPUS, path), "wb") as file:
        file.write(content)


def archive(path, members, method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(os.path.join(CORPUS, path), "w", method) as out:
        for name, content in members:
            out.writestr(zipfile.ZipInfo(name), content, compress_type=method)
    return os.path.join(CORPUS, path)


put("npy/more_than_there_is.npy", header("(1000000000,)") + bytes(16))
put("npy/overflow.npy", header("(4294967296, 4294967296, 4294967296)") + bytes(16))
put("npy/nothing_times_much.npy", header("(0, 18446744073709551615)"))
put("npy/nine_axes.npy", header("(1, 1, 1, 1, 1, 1, 1, 1, 1)") + bytes(4))
put("npy/long_header.npy", b"\x93NUMPY\x02\x00" + (2**32 - 1).to_bytes(4, "little") + bytes(16))
put("npy/half_truth.npy", header("(2,)", "|b1") + b"\x01\x02")
archive("npz/zeros.npz", [("x.npy", header("(250000,)") + bytes(1000000))])
archive("npz/array_lies.npz", [("x.npy", header("(1000000000,)") + bytes(1000))])
archive("npz/not_an_array.npz", [("x.npy", b"hello"), ("y.txt", b"hello")])
lie = open(archive("npz/archive_lies.npz", [("x.npy", header("(250000000,)") + bytes(1000))]), "rb").read()
size = (128 + 1000).to_bytes(4, "little")
assert lie.count(size) == 2
put("npz/archive_lies.npz", lie.replace(size, (128 + 1000000000).to_bytes(4, "little")))
one = open(archive("npz/overlap.npz", [("x.npy", header("(2,)") + bytes(8)), ("y.npy", header("(2,)") + bytes(8))]), "rb").read()
at = one.rindex(b"PK\x01\x02")
put("npz/overlap.npz", one[: at + 42] + bytes(4) + one[at + 46 :])
put("npz/twice.npz", open(archive("npz/twice.npz", [("x.npy", header("(1,)") + bytes(4)), ("y.npy", header("(1,)") + bytes(4))]), "rb").read().replace(b"y.npy", b"x.npy"))
archive("npz/bzip2.npz", [("x.npy", header("(2,)") + bytes(8))], zipfile.ZIP_BZIP2)
for name, text in {
    "empty": "{}",
    "overlap": '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
    "overflow": '{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}}',
    "deep": '{"a":' + "[" * 1000,
    "brackets": "[" + "0," * 2000,
    "shape": '{"a":{"dtype":"F32","shape":[' + "0," * 2000 + '0],"data_offsets":[0,0]}}',
}.items():
    put(f"safetensors/{name}.safetensors", len(text).to_bytes(8, "little") + text.encode() + bytes(4 * ("F32" in text and "shape" != name)))
put("idx/pair.idx", bytes([0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3]) + bytes(6))
put("idx/more_than_there_is.idx", bytes([0, 0, 8, 3]) + b"\x7f\xff\xff\xff" * 3)
put("state/pair.bin", bytes([1, 1]) + b"a" + bytes([1, 2, 2]) + bytes(8))
put("state/long.bin", bytes([1, 1]) + b"a" + bytes([1, 2, 253]) + b"\xff" * 7 + b"\x7f")
print(f"{CORPUS}: {sum(len(files) for _, _, files in os.walk(CORPUS))} files")
