"""What the benchmark runs, one function a workload: gets a library, gives seconds a unit (and the loss at the end).

The same words make the model on both sides: `lib` is `plait` or `keras`.
"""

import importlib
import json
import subprocess
import sys
import time

import numpy as np


def dense_network(lib, sizes, classes):
    """A chain of dense layers, compiled with Adam; the same first weights for the same seed."""
    lib.utils.set_random_seed(0)
    inputs = lib.Input((sizes[0],))
    h = inputs
    for size in sizes[1:]:
        h = lib.layers.Dense(size, activation="relu")(h)
    model = lib.Model(inputs, lib.layers.Dense(classes, activation="softmax")(h))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def train(lib, model, shape, classes, batch, steps, epochs=3):
    """Seconds a step, after one epoch that compiles."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(batch * steps, *shape)).astype("float32")
    y = rng.integers(0, classes, batch * steps)
    lib.utils.set_random_seed(1)
    model.fit(x, y, batch_size=batch, epochs=1, verbose=0)
    times = []
    for _ in range(epochs):
        began = time.perf_counter()
        history = model.fit(x, y, batch_size=batch, epochs=1, verbose=0)
        times.append((time.perf_counter() - began) / steps)
    return {"seconds": min(times), "loss": history.history["loss"][-1]}


def tiny(lib):
    """32-64-64-10, batch 32."""
    return train(lib, dense_network(lib, [32, 64, 64], 10), (32,), 10, 32, 2000)


def mlp(lib):
    """784-512-512-10, batch 128."""
    return train(lib, dense_network(lib, [784, 512, 512], 10), (784,), 10, 128, 150)


def predict1(lib):
    """`predict` of one row."""
    model = dense_network(lib, [32, 64, 64], 10)
    row = np.zeros((1, 32), "float32")
    return repeat(lambda: model.predict(row, verbose=0), 300)


def call1(lib):
    """`model(x)` of one row."""
    model = dense_network(lib, [32, 64, 64], 10)
    row = np.zeros((1, 32), "float32")
    return repeat(lambda: np.asarray(model(row)), 300)


def build(lib):
    """A residual network of 500 layers, made layer by layer."""

    def make():
        inputs = lib.Input((32, 32, 3))
        h = lib.layers.Conv2D(16, 3, padding="same")(inputs)
        for _ in range(71):
            shortcut = h
            for _ in range(2):
                h = lib.layers.BatchNormalization()(h)
                h = lib.layers.Activation("relu")(h)
                h = lib.layers.Conv2D(16, 3, padding="same")(h)
            h = lib.layers.Add()([h, shortcut])
        return lib.Model(inputs, lib.layers.Dense(10)(lib.layers.GlobalAveragePooling2D()(h)))

    began = time.perf_counter()
    make()
    return {"seconds": time.perf_counter() - began}


def transfer(lib):
    """A frozen trunk like MobileNet's on 96x96 pictures, a new head, 5 epochs on 2,000 pictures: all of it, in seconds."""
    lib.utils.set_random_seed(0)
    inputs = lib.Input((96, 96, 3))
    h = lib.layers.Conv2D(16, 3, strides=2, padding="same", use_bias=False)(inputs)
    for filters, strides in ((32, 1), (64, 2), (64, 1), (128, 2), (128, 1), (256, 2)):
        h = lib.layers.ReLU(6.0)(lib.layers.BatchNormalization()(h))
        h = lib.layers.DepthwiseConv2D(3, strides=strides, padding="same", use_bias=False)(h)
        h = lib.layers.ReLU(6.0)(lib.layers.BatchNormalization()(h))
        h = lib.layers.Conv2D(filters, 1, padding="same", use_bias=False)(h)
    trunk = lib.Model(inputs, lib.layers.GlobalAveragePooling2D()(h), name="trunk")
    trunk.trainable = False
    new = lib.Input((96, 96, 3))
    model = lib.Model(new, lib.layers.Dense(10, activation="softmax")(trunk(new, training=False)))
    model.compile(lib.optimizers.Adam(1e-2), "sparse_categorical_crossentropy", metrics=["accuracy"])
    rng = np.random.default_rng(0)
    y = rng.integers(0, 10, 2000)
    x = (rng.normal(size=(2000, 96, 96, 3)) + y[:, None, None, None] / 10).astype("float32")
    began = time.perf_counter()
    history = model.fit(x, y, batch_size=32, epochs=5, shuffle=False, verbose=0)
    return {"seconds": time.perf_counter() - began, "loss": history.history["loss"][-1]}


def repeat(call, count):
    """Seconds a call, the best of some loops, after the first call."""
    call()
    best = float("inf")
    for _ in range(5):
        began = time.perf_counter()
        for _ in range(count):
            call()
        best = min(best, (time.perf_counter() - began) / count)
    return {"seconds": best}


def import_time(name):
    """Seconds for an import, in a process of its own, the best of five."""
    code = f"import time; t = time.perf_counter(); import {name}; print(time.perf_counter() - t)"
    times = [
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
        for _ in range(5)
    ]
    return {"seconds": min(times)}


WORKLOADS = {"tiny": tiny, "mlp": mlp, "predict1": predict1, "call1": call1, "build": build, "transfer": transfer}

if __name__ == "__main__":
    workload, library = sys.argv[1:]
    if workload == "import":
        result = import_time(library)
    else:
        result = WORKLOADS[workload](importlib.import_module(library))
    print(json.dumps(result))
