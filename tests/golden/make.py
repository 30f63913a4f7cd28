"""Files in the forms of old versions, written with h5py alone, and the outputs that NumPy computes for them.

`FORMS` maps a name to a function that writes a file and returns `(path, inputs, expected outputs)`.
"""

import json
from pathlib import Path

import h5py
import numpy as np

RNG = np.random.default_rng(7)


def array(*shape):
    """Small random numbers."""
    return RNG.normal(0, 0.5, shape).astype("float32")


def write(path: Path, config, version: str, weights: dict[str, list], backend="tensorflow") -> Path:
    """A whole-model HDF5 file in the layout of Keras 1 and 2."""
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"], file.attrs["backend"] = version.encode(), backend.encode()
        file.attrs["model_config"] = json.dumps(config).encode()
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = [name.encode() for name in weights]
        for name, values in weights.items():
            inner = group.create_group(name)
            names = [f"{name}/w_{index}:0" for index in range(len(values))]
            inner.attrs["weight_names"] = [n.encode() for n in names]
            for own, value in zip(names, values, strict=True):
                inner[own] = value
    return path


def old_hard_sigmoid(x):
    """clip(0.2 x + 0.5, 0, 1)."""
    return np.clip(0.2 * x + 0.5, 0, 1)


def sigmoid(x):
    """1 / (1 + exp(-x))."""
    return 1 / (1 + np.exp(-x))


def lstm(x, kernel, recurrent, bias, gate):
    """The last output of an LSTM."""
    h = c = np.zeros((len(x), recurrent.shape[0]))
    for step in np.moveaxis(x, 1, 0):
        i, f, g, o = np.split(step @ kernel + h @ recurrent + bias, 4, axis=-1)
        c = gate(f) * c + gate(i) * np.tanh(g)
        h = gate(o) * np.tanh(c)
    return h


def gru(x, kernel, recurrent, bias, gate):
    """The last output of a GRU without reset_after."""
    h, units = np.zeros((len(x), recurrent.shape[0])), recurrent.shape[0]
    for step in np.moveaxis(x, 1, 0):
        inputs = step @ kernel + bias
        z = gate(inputs[:, :units] + h @ recurrent[:, :units])
        r = gate(inputs[:, units : 2 * units] + h @ recurrent[:, units : 2 * units])
        new = np.tanh(inputs[:, 2 * units :] + (r * h) @ recurrent[:, 2 * units :])
        h = z * h + (1 - z) * new
    return h


def layer(class_name, name, **config):
    """A layer in the form of Keras 2."""
    return {"class_name": class_name, "config": {"name": name, "trainable": True, **config}}


def sequential_as_list(folder):
    """Keras 2.0: a Sequential whose config is a bare list."""
    k, b, x = array(3, 2), array(2), array(5, 3)
    dense = layer("Dense", "d", units=2, activation="tanh", batch_input_shape=[None, 3], dtype="float32")
    path = write(folder / "m.h5", {"class_name": "Sequential", "config": [dense]}, "2.0.5", {"d": [k, b]})
    return path, x, np.tanh(x @ k + b)


def lstm_with_old_hard_sigmoid(folder):
    """Keras 2.2.4: `hard_sigmoid` was another function; `implementation` and `unroll` are there."""
    k, r, b, x = array(3, 16) * 4, array(4, 16), array(16), array(5, 6, 3)
    options = {"implementation": 1, "unroll": False, "time_major": False, "recurrent_activation": "hard_sigmoid"}
    rnn = layer("LSTM", "l", units=4, activation="tanh", batch_input_shape=[None, 6, 3], **options)
    path = write(folder / "m.h5", {"class_name": "Sequential", "config": {"layers": [rnn]}}, "2.2.4", {"l": [k, r, b]})
    return path, x, lstm(x, k, r, b, old_hard_sigmoid)


def gru_without_reset_after(folder):
    """Keras 2.1: no `reset_after` means False."""
    k, r, b, x = array(3, 12), array(4, 12), array(12), array(5, 6, 3)
    rnn = layer("GRU", "g", units=4, activation="tanh", recurrent_activation="sigmoid", batch_input_shape=[None, 6, 3])
    path = write(folder / "m.net", {"class_name": "Sequential", "config": [rnn]}, "2.1.3", {"g": [k, r, b]})
    return path, x, gru(x, k, r, b, sigmoid)


def keras_1_words(folder):
    """Keras 1.2: other names of arguments, twelve arrays of an LSTM."""
    parts = [array(*shape) for _ in "icfo" for shape in ((3, 4), (4, 4), (4,))]
    x = array(5, 6, 3)
    rnn = layer("LSTM", "l", output_dim=4, init="glorot_uniform", inner_init="orthogonal", forget_bias_init="one")
    rnn["config"].update(
        activation="tanh", inner_activation="hard_sigmoid", batch_input_shape=[None, 6, 3], W_regularizer=None
    )
    path = write(folder / "m.h5", {"class_name": "Sequential", "config": [rnn]}, "1.2.2", {"l": parts})
    i, c, f, o = (parts[at : at + 3] for at in (0, 3, 6, 9))
    k, r, b = (np.concatenate([gate[part] for gate in (i, f, c, o)], axis=-1) for part in range(3))
    return path, x, lstm(x, k, r, b, old_hard_sigmoid)


def old_arguments(folder):
    """tf.keras 2.4: `groups`, initializers with dtype, policies, names with a slash, a functional graph of old nodes."""
    k, b, x = array(1, 1, 2, 3), array(3), array(2, 4, 4, 2)
    depth, bias = array(1, 1, 3, 1), array(3)
    policy = {"class_name": "Policy", "config": {"name": "float32"}}
    start = {"class_name": "GlorotUniform", "config": {"seed": None, "dtype": "float32"}}
    layers = [
        layer("InputLayer", "x", batch_input_shape=[None, 4, 4, 2], dtype="float32", sparse=False, ragged=False),
        layer("Conv2D", "a/b", filters=3, kernel_size=[1, 1], groups=1, dtype=policy, kernel_initializer=start),
        layer("DepthwiseConv2D", "c", kernel_size=[1, 1], groups=1, kernel_initializer=start, kernel_regularizer=None),
        layer("SpatialDropout2D", "s", rate=0.5, noise_shape=None, seed=None, data_format="channels_last"),
        layer("LeakyReLU", "r", alpha={"type": "ndarray", "value": 0.25}),
    ]
    for before, item in zip([None, "x", "a/b", "c", "s"], layers, strict=True):
        item["name"] = item["config"]["name"]
        item["inbound_nodes"] = [[[before, 0, 0, {}]]] if before else []
    config = {"name": "m", "layers": layers, "input_layers": [["x", 0, 0]], "output_layers": [["r", 0, 0]]}
    path = write(
        folder / "m.hdf5", {"class_name": "Functional", "config": config}, "2.4.0", {"a/b": [k, b], "c": [depth, bias]}
    )
    y = (x @ k[0, 0] + b) * depth[0, 0, :, 0] + bias
    return path, x, np.where(y > 0, y, 0.25 * y)


def nested_counted_from_one(folder):
    """tf.keras 1.15: the calls of an inner model are counted from 1."""
    k, b, x = array(3, 3), array(3), array(5, 3)
    inner = {"class_name": "Sequential", "name": "inner", "inbound_nodes": [[["x", 0, 0, {}]], [["inner", 1, 0, {}]]]}
    dense = layer("Dense", "d", units=3, activation="linear", batch_input_shape=[None, 3])
    inner["config"] = {"name": "inner", "layers": [dense]}
    start = layer("InputLayer", "x", batch_input_shape=[None, 3], dtype="float32", sparse=False)
    start.update(name="x", inbound_nodes=[])
    config = {"name": "m", "layers": [start, inner], "input_layers": [["x", 0, 0]], "output_layers": [["inner", 2, 0]]}
    path = write(folder / "m.h5", {"class_name": "Model", "config": config}, "2.2.4-tf", {"inner": [k, b]})
    return path, x, (x @ k + b) @ k + b


FORMS = {
    form.__name__: form
    for form in (
        sequential_as_list,
        lstm_with_old_hard_sigmoid,
        gru_without_reset_after,
        keras_1_words,
        old_arguments,
        nested_counted_from_one,
    )
}
