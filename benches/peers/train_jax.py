"""JAX trains the workloads.  python train_jax.py --data DIR --workload W1 [--mode step|scan]

step: one jitted, buffer-donating train step per batch, the batch gathered with numpy
scan: 50 steps per call under lax.scan, the gather inside the compiled program
"""
import argparse

import protocol

ap = argparse.ArgumentParser()
ap.add_argument("--data", required=True)
ap.add_argument("--workload", required=True, choices=["W1", "W2", "W3", "W4"])
ap.add_argument("--mode", default="step", choices=["step", "scan"])
a = ap.parse_args()

import jax
import jax.numpy as jnp
from jax import lax
import numpy as np
from functools import partial

rep = protocol.Reporter("jax-jit" if a.mode == "step" else "jax-jit-scan", jax.__version__, a.workload)
tr_x, tr_y, te_x, te_y = protocol.load_mnist(a.data)
tr_y, te_y = tr_y.astype(np.int32), te_y.astype(np.int32)
rng = np.random.default_rng(0)


def uni(shape, fan_in):
    k = fan_in ** -0.5
    return jnp.asarray(rng.uniform(-k, k, shape).astype(np.float32))


def dense(i, o):
    return {"w": uni((i, o), i), "b": uni((o,), i)}


def conv(k, i, o):  # HWIO
    return {"w": uni((k, k, i, o), k * k * i), "b": uni((o,), k * k * i)}


def ap_dense(p, x):
    return x @ p["w"] + p["b"]


def ap_conv(p, x, pad=0):
    return lax.conv_general_dilated(x, p["w"], (1, 1), [(pad, pad)] * 2,
                                    dimension_numbers=("NHWC", "HWIO", "NHWC")) + p["b"]


def pool(x):
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")


relu = jax.nn.relu
if a.workload == "W1":
    params = [dense(784, 128), dense(128, 10)]
elif a.workload == "W2":
    params = [dense(784, 1024), dense(1024, 1024), dense(1024, 10)]
elif a.workload == "W3":
    params = [conv(5, 1, 6), conv(5, 6, 16), dense(400, 120), dense(120, 84), dense(84, 10)]
else:
    params = [conv(3, 1, 32), conv(3, 32, 64), dense(9216, 128), dense(128, 10)]


def logits(p, x):
    if a.workload in ("W1", "W2"):
        for q in p[:-1]:
            x = relu(ap_dense(q, x))
        return ap_dense(p[-1], x)
    x = x.reshape(-1, 28, 28, 1)
    if a.workload == "W3":
        x = pool(relu(ap_conv(p[0], x, 2)))
        x = pool(relu(ap_conv(p[1], x)))
        x = x.reshape(x.shape[0], -1)
        return ap_dense(p[4], relu(ap_dense(p[3], relu(ap_dense(p[2], x)))))
    x = relu(ap_conv(p[0], x))
    x = pool(relu(ap_conv(p[1], x)))
    x = x.reshape(x.shape[0], -1)
    return ap_dense(p[3], relu(ap_dense(p[2], x)))


def loss(p, x, y):
    return -jnp.take_along_axis(jax.nn.log_softmax(logits(p, x)), y[:, None], 1).mean()


tm = jax.tree_util.tree_map
zeros = lambda p: tm(jnp.zeros_like, p)


def update(state, x, y):
    if a.workload == "W2":
        p, m, v, t = state
        g = jax.grad(loss)(p, x, y)
        t = t + 1
        m = tm(lambda m, g: 0.9 * m + 0.1 * g, m, g)
        v = tm(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
        c1, c2 = 1 - 0.9 ** t, 1 - 0.999 ** t
        p = tm(lambda p, m, v: p - 1e-3 * (m / c1) / (jnp.sqrt(v / c2) + 1e-8), p, m, v)
        return p, m, v, t
    p, m = state
    g = jax.grad(loss)(p, x, y)
    lr = 0.05 if a.workload == "W1" else 0.01
    m = tm(lambda m, g: 0.9 * m + g, m, g)
    return tm(lambda p, m: p - lr * m, p, m), m


state = ((params, zeros(params), zeros(params), jnp.float32(0)) if a.workload == "W2"
         else (params, zeros(params)))

if a.mode == "step":
    upd = jax.jit(update, donate_argnums=0)

    def step(idx):
        global state
        state = upd(state, tr_x[idx], tr_y[idx])
else:
    dev_x, dev_y = jnp.asarray(tr_x), jnp.asarray(tr_y)
    CH = 50

    @partial(jax.jit, donate_argnums=0)
    def many(state, xs, ys, idxs):
        return lax.scan(lambda s, i: (update(s, xs[i], ys[i]), None), state, idxs)[0]

    pending = []

    def flush(n=1):
        global state
        while len(pending) >= n:
            k = CH if len(pending) >= CH else 1
            state = many(state, dev_x, dev_y, np.stack(pending[:k]).astype(np.int32))
            del pending[:k]

    def step(idx):
        pending.append(idx)
        if len(pending) == CH:
            flush(CH)


def sync():
    if a.mode == "scan":
        flush()
    jax.block_until_ready(state)


fwd = jax.jit(lambda p, x: logits(p, x).argmax(1))


def accuracy():
    return float(np.mean(np.concatenate([np.asarray(fwd(state[0], te_x[i:i + 500]))
                                         for i in range(0, len(te_x), 500)]) == te_y))


protocol.run_training(rep, a.workload, len(tr_x), step, sync, accuracy)
