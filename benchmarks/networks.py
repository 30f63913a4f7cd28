"""The models of the benchmark in Keras's API, one function each: gets a library (`plait` or `keras`), gives a model.

Layers have the names that both libraries number by themselves, so weights go from one to the other, and to the loops
written by hand, by name.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Work:
    """A model and what it is trained on.

    Attributes:
        build: makes the model of a library.
        shape: a row of the input.
        classes: how many classes the labels have.
        batch: rows in a step.
        steps: steps in an epoch.
        words: the size of the vocabulary where rows are words.
        tolerance: how far losses may be apart, relative.
    """

    build: Callable[[Any], Any]
    shape: tuple[int, ...]
    classes: int
    batch: int
    steps: int
    words: int | None = None
    tolerance: float = 0.02

    def rows(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Inputs and labels: the same ones in every process."""
        rng = np.random.default_rng(0)
        if self.words is None:
            x = rng.normal(size=(count, *self.shape)).astype("float32")
        else:
            x = rng.integers(0, self.words, (count, *self.shape)).astype("int32")
        return x, rng.integers(0, self.classes, count).astype("int32")


def dense(lib, sizes=(32, 64, 64), classes=10):
    """A chain of dense layers."""
    inputs = h = lib.Input((sizes[0],))
    for size in sizes[1:]:
        h = lib.layers.Dense(size, activation="relu")(h)
    return lib.Model(inputs, lib.layers.Dense(classes, activation="softmax")(h))


def wide(lib):
    """784-512-512-10."""
    return dense(lib, (784, 512, 512))


def cnn(lib):
    """MNIST's convolutional net, 28x28."""
    inputs = lib.Input((28, 28, 1))
    h = lib.layers.MaxPooling2D()(lib.layers.Conv2D(32, 3, activation="relu")(inputs))
    h = lib.layers.MaxPooling2D()(lib.layers.Conv2D(64, 3, activation="relu")(h))
    h = lib.layers.Dropout(0.5)(lib.layers.Flatten()(h))
    return lib.Model(inputs, lib.layers.Dense(10, activation="softmax")(h))


def resnet(lib):
    """ResNet-20, 32x32."""

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
    return lib.Model(inputs, lib.layers.Dense(10, activation="softmax")(h))


MOBILE = ((32, 1), (64, 2), (64, 1), (128, 2), (128, 1), (256, 2))


def mobile(lib, h):
    """The layers of a net like MobileNet, without its head."""
    h = lib.layers.Conv2D(16, 3, strides=2, padding="same", use_bias=False)(h)
    for filters, strides in MOBILE:
        h = lib.layers.ReLU(6.0)(lib.layers.BatchNormalization()(h))
        h = lib.layers.DepthwiseConv2D(3, strides=strides, padding="same", use_bias=False)(h)
        h = lib.layers.ReLU(6.0)(lib.layers.BatchNormalization()(h))
        h = lib.layers.Conv2D(filters, 1, padding="same", use_bias=False)(h)
    return lib.layers.GlobalAveragePooling2D()(h)


def depthwise(lib):
    """A net like MobileNet, 96x96."""
    inputs = lib.Input((96, 96, 3))
    return lib.Model(inputs, lib.layers.Dense(10, activation="softmax")(mobile(lib, inputs)))


def recurrent(lib, layer):
    """Embedding 20000x128 and a recurrent layer over 80 steps."""
    inputs = lib.Input((80,), dtype="int32")
    h = layer(lib.layers.Embedding(20000, 128)(inputs))
    return lib.Model(inputs, lib.layers.Dense(2, activation="softmax")(h))


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
    """2 blocks, D 128, 4 heads, F 512, T 128."""
    inputs = lib.Input((128,), dtype="int32")
    h = lib.layers.Embedding(1000, 128)(inputs)
    for _ in range(2):
        h = lib.layers.LayerNormalization()(h + lib.layers.MultiHeadAttention(4, 32)(h, h))
        wide = lib.layers.Dense(512, activation="gelu")(h)
        h = lib.layers.LayerNormalization()(h + lib.layers.Dense(128)(wide))
    h = lib.layers.GlobalAveragePooling1D()(h)
    return lib.Model(inputs, lib.layers.Dense(2, activation="softmax")(h))


def diamonds(lib):
    """The model of examples/multitask.py: measurements and grades in, price and cut out."""
    layers = lib.layers
    measurements = lib.Input(shape=(6,), name="measurements")
    grades = lib.Input(shape=(2,), dtype="int32", name="grades")
    color = layers.Embedding(7, 4, name="color")(grades[:, 0])
    clarity = layers.Embedding(8, 4, name="clarity")(grades[:, 1])
    h = layers.Concatenate(name="joined")([measurements, color, clarity])
    h = layers.Dense(128, activation="relu", name="trunk_1")(h)
    trunk = layers.Dense(64, activation="relu", name="trunk_2")(h)
    price = layers.Dense(1, name="price")(trunk)
    cut = layers.Dense(5, activation="softmax", name="cut")(layers.Dropout(0.1, name="drop")(trunk))
    return lib.Model([measurements, grades], {"price": price, "cut": cut}, name="diamonds")


def frozen(lib):
    """A frozen trunk like MobileNet's and a new head."""
    inputs = lib.Input((96, 96, 3))
    trunk = lib.Model(inputs, mobile(lib, inputs), name="trunk")
    trunk.trainable = False
    new = lib.Input((96, 96, 3))
    return lib.Model(new, lib.layers.Dense(10, activation="softmax")(trunk(new, training=False)))


def deep(lib):
    """A residual network of 500 layers."""
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


# Dropout draws other numbers in each engine, and a few steps of a net with batch statistics enlarge rounding: wider there.
WORKS = {
    "tiny": Work(dense, (32,), 10, 32, 500),
    "mlp": Work(wide, (784,), 10, 128, 60),
    "cnn": Work(cnn, (28, 28, 1), 10, 128, 12, tolerance=0.1),
    "resnet": Work(resnet, (32, 32, 3), 10, 128, 4, tolerance=0.05),
    "depthwise": Work(depthwise, (96, 96, 3), 10, 32, 6, tolerance=0.05),
    "lstm": Work(lstm, (80,), 2, 32, 20, 20000),
    "gru": Work(gru, (80,), 2, 32, 20, 20000),
    "bilstm": Work(bilstm, (80,), 2, 32, 20, 20000),
    "transformer": Work(transformer, (128,), 2, 32, 5, 1000),
}


def layer_weights(model) -> dict[str, list[np.ndarray]]:
    """The weights of each layer, by the layer's name."""
    return {layer.name: layer.get_weights() for layer in model.layers if layer.get_weights()}


def set_layer_weights(model, weights: dict[str, list[np.ndarray]]) -> None:
    """Gives each layer its weights, by name."""
    for layer in model.layers:
        if layer.get_weights():
            layer.set_weights(weights[layer.name])


def save_weights(path, weights: dict[str, list[np.ndarray]]) -> None:
    """Writes weights by layer into an .npz file."""
    np.savez(path, **{f"{name}|{index}": w for name, own in weights.items() for index, w in enumerate(own)})


def load_weights(path) -> dict[str, list[np.ndarray]]:
    """Reads what `save_weights` wrote."""
    weights: dict[str, list[np.ndarray]] = {}
    with np.load(path) as stored:
        for key in stored.files:  # in the order written
            weights.setdefault(key.rpartition("|")[0], []).append(stored[key])
    return weights


class Supply:
    """Hands out the weights of layers in the order in which they were made: `take("dense")` is the next dense layer's."""

    def __init__(self, weights: dict[str, list[np.ndarray]]) -> None:
        self.weights, self.taken = weights, dict[str, int]()

    def take(self, kind: str) -> list[np.ndarray]:
        """The weights of the next layer of a kind."""
        number = self.taken.get(kind, 0)
        self.taken[kind] = number + 1
        return self.weights[f"{kind}_{number}" if number else kind]
