"""What the benchmark runs, one function a workload: gets a library, gives seconds a unit (and the loss at the end).

The same words make the model on both sides: `lib` is `plait` or `keras`.
"""

import importlib
import json
import subprocess
import sys
import time

import numpy as np
from feeding import callbacks, generator, pydataset
from files import load, save


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


def train(lib, model, shape, classes, batch, steps, epochs=3, words=None):
    """Seconds a step, after one epoch that compiles; on words of a vocabulary instead of numbers, where there is one."""
    rng = np.random.default_rng(0)
    if words is None:
        x = rng.normal(size=(batch * steps, *shape)).astype("float32")
    else:
        x = rng.integers(0, words, (batch * steps, *shape)).astype("int32")
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


def compiled(lib, inputs, outputs):
    """A classifier of these tensors, compiled with Adam."""
    model = lib.Model(inputs, outputs)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def cnn(lib):
    """MNIST's convolutional net, 28x28, batch 128."""
    lib.utils.set_random_seed(0)
    inputs = lib.Input((28, 28, 1))
    h = lib.layers.Conv2D(32, 3, activation="relu")(inputs)
    h = lib.layers.MaxPooling2D()(h)
    h = lib.layers.Conv2D(64, 3, activation="relu")(h)
    h = lib.layers.MaxPooling2D()(h)
    h = lib.layers.Dropout(0.5)(lib.layers.Flatten()(h))
    model = compiled(lib, inputs, lib.layers.Dense(10, activation="softmax")(h))
    return train(lib, model, (28, 28, 1), 10, 128, 12, epochs=2)


def resnet(lib):
    """ResNet-20, 32x32, batch 128."""
    lib.utils.set_random_seed(0)

    def block(h, filters, strides):
        shortcut = h if strides == 1 else lib.layers.Conv2D(filters, 1, strides=strides)(h)
        h = lib.layers.Conv2D(filters, 3, strides=strides, padding="same", use_bias=False)(h)
        h = lib.layers.Activation("relu")(lib.layers.BatchNormalization()(h))
        h = lib.layers.Conv2D(filters, 3, padding="same", use_bias=False)(h)
        h = lib.layers.BatchNormalization()(h)
        return lib.layers.Activation("relu")(lib.layers.Add()([h, shortcut]))

    inputs = lib.Input((32, 32, 3))
    h = lib.layers.Conv2D(16, 3, padding="same", use_bias=False)(inputs)
    h = lib.layers.Activation("relu")(lib.layers.BatchNormalization()(h))
    for filters, strides in ((16, 1), (32, 2), (64, 2)):
        for index in range(3):
            h = block(h, filters, strides if index == 0 else 1)
    h = lib.layers.GlobalAveragePooling2D()(h)
    model = compiled(lib, inputs, lib.layers.Dense(10, activation="softmax")(h))
    return train(lib, model, (32, 32, 3), 10, 128, 4, epochs=1)


def depthwise(lib):
    """A net like MobileNet, 96x96, batch 32."""
    lib.utils.set_random_seed(0)
    inputs = lib.Input((96, 96, 3))
    model = compiled(lib, inputs, lib.layers.Dense(10, activation="softmax")(mobile(lib, inputs)))
    return train(lib, model, (96, 96, 3), 10, 32, 6, epochs=1)


def mobile(lib, h):
    """The layers of a net like MobileNet, without its head."""
    h = lib.layers.Conv2D(16, 3, strides=2, padding="same", use_bias=False)(h)
    for filters, strides in ((32, 1), (64, 2), (64, 1), (128, 2), (128, 1), (256, 2)):
        h = lib.layers.ReLU(6.0)(lib.layers.BatchNormalization()(h))
        h = lib.layers.DepthwiseConv2D(3, strides=strides, padding="same", use_bias=False)(h)
        h = lib.layers.ReLU(6.0)(lib.layers.BatchNormalization()(h))
        h = lib.layers.Conv2D(filters, 1, padding="same", use_bias=False)(h)
    return lib.layers.GlobalAveragePooling2D()(h)


def recurrent(lib, layer):
    """Embedding 20000x128, a recurrent layer, 80 steps, batch 32."""
    lib.utils.set_random_seed(0)
    inputs = lib.Input((80,), dtype="int32")
    h = layer(lib.layers.Embedding(20000, 128)(inputs))
    model = compiled(lib, inputs, lib.layers.Dense(2, activation="softmax")(h))
    return train(lib, model, (80,), 2, 32, 20, epochs=2, words=20000)


def lstm(lib):
    """LSTM 128."""
    return recurrent(lib, lib.layers.LSTM(128))


def gru(lib):
    """GRU 128."""
    return recurrent(lib, lib.layers.GRU(128))


def bilstm(lib):
    """Bidirectional LSTM 128."""
    return recurrent(lib, lib.layers.Bidirectional(lib.layers.LSTM(128)))


def transformer(lib):
    """2 blocks, D 128, 4 heads, F 512, T 128, batch 32."""
    lib.utils.set_random_seed(0)
    inputs = lib.Input((128,), dtype="int32")
    h = lib.layers.Embedding(1000, 128)(inputs)
    for _ in range(2):
        h = lib.layers.LayerNormalization()(h + lib.layers.MultiHeadAttention(4, 32)(h, h))
        inner = lib.layers.Dense(128)(lib.layers.Dense(512, activation="gelu")(h))
        h = lib.layers.LayerNormalization()(h + inner)
    h = lib.layers.GlobalAveragePooling1D()(h)
    model = compiled(lib, inputs, lib.layers.Dense(2, activation="softmax")(h))
    return train(lib, model, (128,), 2, 32, 5, epochs=2, words=1000)


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
    trunk = lib.Model(inputs, mobile(lib, inputs), name="trunk")
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


_FEEDING = (callbacks, generator, pydataset)
_TRAINING = (tiny, mlp, cnn, resnet, depthwise, lstm, gru, bilstm, transformer, transfer)
WORKLOADS = {workload.__name__: workload for workload in (*_TRAINING, predict1, call1, build, save, load, *_FEEDING)}

if __name__ == "__main__":
    workload, library = sys.argv[1:]
    if workload == "import":
        result = import_time(library)
    else:
        result = WORKLOADS[workload](importlib.import_module(library))
    print(json.dumps(result))
