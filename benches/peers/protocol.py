"""Shared by the Python peers: reading MNIST, the timing protocol, one line of JSON for each figure.

The protocol, which protocol.rs and Ravine's own throughput.rs follow, too:
  * the arrays are read, normalised to float32 once, and kept in memory before the clock starts;
  * every step gathers its own batch from a fresh per-epoch permutation, inside the timed part;
  * the last partial batch of an epoch is dropped;
  * warm-up first (one epoch, or a number of steps), not counted;
  * then SECTIONS timed sections; each gives one images-per-second figure.
"""
import gc
import json
import os
import resource
import time

import numpy as np

MEAN, STD = 0.1307, 0.3081

# steps_per_epoch=None: whole epochs.  A section runs `steps` steps, or, with steps=None, whole
# epochs until MIN_SECS have passed; either stops early at MAX_SECS.
SPECS = {
    "W1": dict(batch=64, warm=None, steps=None),
    "W2": dict(batch=128, warm=None, steps=None),
    "W3": dict(batch=64, warm=None, steps=None),
    "W4": dict(batch=64, warm=100, steps=150),
}
MIN_SECS, MAX_SECS, SECTIONS = 3.0, 10.0, 3


def since_process_start():
    """Seconds since the kernel started this process (10 ms resolution)."""
    with open("/proc/self/stat") as f:
        ticks = int(f.read().rsplit(")", 1)[1].split()[19])
    with open("/proc/uptime") as f:
        up = float(f.read().split()[0])
    return up - ticks / os.sysconf("SC_CLK_TCK")


def read_idx(path):
    with open(path, "rb") as f:
        b = f.read()
    nd = b[3]
    dims = [int.from_bytes(b[4 + 4 * i : 8 + 4 * i], "big") for i in range(nd)]
    return np.frombuffer(b, np.uint8, offset=4 + 4 * nd).reshape(dims)


def load_mnist(d):
    out = []
    for part in ("train", "t10k"):
        x = read_idx(os.path.join(d, f"{part}-images-idx3-ubyte"))
        y = read_idx(os.path.join(d, f"{part}-labels-idx1-ubyte"))
        x = (x.reshape(len(x), 784).astype(np.float32) / 255.0 - MEAN) / STD
        out += [np.ascontiguousarray(x, np.float32), y.astype(np.int64)]
    return out


class Reporter:
    def __init__(self, peer, version, workload):
        self.head = dict(peer=peer, version=version, workload=workload)

    def emit(self, metric, values, **more):
        v = sorted(float(x) for x in (values if isinstance(values, (list, tuple)) else [values]))
        n = len(v)
        med = v[n // 2] if n % 2 else 0.5 * (v[n // 2 - 1] + v[n // 2])
        print(json.dumps({**self.head, "metric": metric, "median": round(med, 6),
                          "min": round(v[0], 6), "max": round(v[-1], 6), **more}), flush=True)


class Batches:
    """Endless shuffled index batches; `ended` is true right after an epoch's last batch."""

    def __init__(self, n, batch, seed=1):
        self.n, self.b, self.rng = n, batch, np.random.default_rng(seed)
        self.per_epoch, self.i, self.perm, self.ended = n // batch, 0, None, False

    def next(self):
        if self.i == 0:
            self.perm = self.rng.permutation(self.n)
        idx = self.perm[self.i * self.b : (self.i + 1) * self.b]
        self.i += 1
        self.ended = self.i == self.per_epoch
        if self.ended:
            self.i = 0
        return idx


def run_training(rep, workload, n, step, sync, accuracy=None):
    """step(idx) trains on one batch; sync() waits for outstanding work; accuracy() -> float."""
    s = SPECS[workload]
    bt = Batches(n, s["batch"])
    step(bt.next())
    sync()
    rep.emit("start_to_first_step_s", since_process_start())
    warm = s["warm"] or bt.per_epoch
    for _ in range(warm - 1):
        step(bt.next())
    sync()
    if accuracy is not None and s["warm"] is None:
        rep.emit("test_acc_1_epoch", accuracy())
    rates, total = [], warm
    gc.collect()
    for _ in range(SECTIONS):
        k, t0 = 0, time.perf_counter()
        while True:
            step(bt.next())
            k += 1
            if s["steps"]:
                if k == s["steps"]:
                    break
            elif bt.ended:
                sync()
                if time.perf_counter() - t0 >= MIN_SECS:
                    break
            if k % 10 == 0 and time.perf_counter() - t0 >= MAX_SECS:
                break
        sync()
        rates.append(k * s["batch"] / (time.perf_counter() - t0))
        total += k
    rep.emit("train_images_per_s", rates)
    if accuracy is not None and s["warm"] is not None:
        rep.emit("test_acc_end", accuracy(), steps=total)
    rep.emit("peak_rss_mib", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
