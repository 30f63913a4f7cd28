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
        file.attrs["keras_version"] = version.encode()
        if backend:
            file.attrs["backend"] = backend.encode()
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


def chain(folder, version, layers, weights, config=None, name="m.h5"):
    """A file of a Sequential."""
    whole = {"class_name": "Sequential", "config": {"name": "chain", "layers": layers, **(config or {})}}
    return write(folder / name, whole, version, weights)


def built_by_shape(folder):
    """tf.keras 2.2.4-tf: no layer says its shape, only the Sequential does; the gate is the old one, time is masked."""
    k, r, b, w, c = array(3, 16) * 4, array(4, 16), array(16), array(4, 2), array(2)
    x = array(5, 6, 3)
    layers = [
        layer("Masking", "m", mask_value=0.0, dtype="float32"),
        layer("LSTM", "l", units=4, activation="tanh", recurrent_activation="hard_sigmoid", time_major=False),
        layer("Dense", "d", units=2, activation="linear"),
    ]
    weights = {"m": [], "l": [k, r, b], "d": [w, c]}
    path = chain(folder, "2.2.4-tf", layers, weights, {"build_input_shape": [None, 6, 3]})
    return path, x, lstm(x, k, r, b, old_hard_sigmoid) @ w + c


def separable_with_a_kernel_initializer(folder):
    """Keras 2: SeparableConv2D has arguments of a plain convolution, which say nothing about loaded weights."""
    depth, point, b, x = array(1, 1, 2, 1), array(1, 1, 2, 3), array(3), array(2, 4, 4, 2)
    options = {"kernel_initializer": {"class_name": "VarianceScaling", "config": {"scale": 1.0}}, "groups": 1}
    options |= {"kernel_regularizer": None, "kernel_constraint": None, "batch_input_shape": [None, 4, 4, 2]}
    conv = layer("SeparableConv2D", "s", filters=3, kernel_size=[1, 1], **options)
    path = chain(folder, "2.2.4", [conv], {"s": [depth, point, b]})
    return path, x, (x * depth[0, 0, :, 0]) @ point[0, 0] + b


def bidirectional_without_modules(folder):
    """Keras 2: the layer inside a wrapper is named by its class alone."""
    x, parts = array(5, 6, 3), [array(3, 16), array(4, 16), array(16), array(3, 16), array(4, 16), array(16)]
    inner = layer("LSTM", "l", units=4, recurrent_activation="sigmoid", unit_forget_bias=True)
    both = layer("Bidirectional", "b", layer=inner, merge_mode="concat", batch_input_shape=[None, 6, 3])
    path = chain(folder, "2.3.1", [both], {"b": parts})
    forward, backward = lstm(x, *parts[:3], sigmoid), lstm(x[:, ::-1], *parts[3:], sigmoid)
    return path, x, np.concatenate([forward, backward], axis=-1)


def thresholded_relu(folder):
    """Keras 2: a layer of its own for x where x is above theta."""
    x = array(5, 3)
    layers = [layer("ThresholdedReLU", "t", theta={"type": "ndarray", "value": 0.3}, batch_input_shape=[None, 3])]
    return chain(folder, "2.4.3", layers, {"t": []}), x, np.where(x > np.float32(0.3), x, 0)


def bare_config(folder):
    """The config is what `get_config()` gave, without the name of the class."""
    k, b, x = array(3, 2), array(2), array(5, 3)
    dense = layer("Dense", "d", units=2, activation="relu", batch_input_shape=[None, 3])
    path = write(folder / "m.h5", {"name": "bare", "layers": [dense]}, "2.3.0", {"d": [k, b]})
    return path, x, np.maximum(x @ k + b, 0)


def half_precision_weights(folder):
    """Weights stored in float16."""
    k, b, x = array(3, 2).astype("float16"), array(2).astype("float16"), array(5, 3)
    dense = layer("Dense", "d", units=2, activation="linear", batch_input_shape=[None, 3])
    path = chain(folder, "2.4.0", [dense], {"d": [k, b]})
    return path, x, x @ k.astype("float32") + b.astype("float32")


def keras_1_convolution(folder):
    """Keras 1: nb_filter, nb_row, border_mode, dim_ordering, and a Merge that sums."""
    k, b, x = array(1, 1, 2, 3), array(3), array(2, 4, 4, 2)
    options = {"nb_filter": 3, "nb_row": 1, "nb_col": 1, "border_mode": "valid", "subsample": [1, 1]}
    options |= {"init": "glorot_uniform", "activation": "relu", "dim_ordering": "tf", "bias": True}
    conv = layer("Convolution2D", "c", **options)
    start = layer("InputLayer", "x", batch_input_shape=[None, 4, 4, 2], input_dtype="float32", sparse=False)
    total = layer("Merge", "sum", mode="sum", concat_axis=-1, dot_axes=-1, mode_type="raw", output_shape=None)
    nodes = {"x": [], "c": [[["x", 0, 0]]], "sum": [[["c", 0, 0], ["c", 0, 0]]]}
    layers = [{**item, "name": item["config"]["name"], "inbound_nodes": nodes[item["config"]["name"]]} for item in (start, conv, total)]
    config = {"name": "m", "layers": layers, "input_layers": [["x", 0, 0]], "output_layers": [["sum", 0, 0]]}
    path = write(folder / "m.h5", {"class_name": "Model", "config": config}, "1.2.2", {"c": [k, b]})
    return path, x, 2 * np.maximum(x @ k[0, 0] + b, 0)


def attention_with_a_score_mode(folder):
    """Keras 3.12 in the old layout: `score_mode` is there, and `module` with each layer."""
    x = array(2, 4, 3)
    start = {"class_name": "InputLayer", "module": "keras.layers", "name": "x", "inbound_nodes": []}
    start["config"] = {"batch_shape": [None, 4, 3], "dtype": "float32", "name": "x"}
    tensor = {"class_name": "__keras_tensor__", "config": {"shape": [None, 4, 3], "dtype": "float32", "keras_history": ["x", 0, 0]}}
    attend = {"class_name": "Attention", "module": "keras.layers", "name": "a"}
    attend["config"] = {"name": "a", "trainable": True, "use_scale": False, "score_mode": "dot", "dropout": 0.0}
    attend["inbound_nodes"] = [{"args": [[tensor, tensor]], "kwargs": {}}]
    config = {"name": "m", "layers": [start, attend], "input_layers": [["x", 0, 0]], "output_layers": [["a", 0, 0]]}
    path = write(folder / "m.h5", {"class_name": "Functional", "config": config}, "3.12.1", {"a": []}, "jax")
    scores = np.exp(x @ x.transpose(0, 2, 1))
    return path, x, scores / scores.sum(-1, keepdims=True) @ x


def conv(x, kernel, bias, stride=1):
    """A correlation over any number of axes, channels last, without padding."""
    rank = kernel.ndim - 2
    window = kernel.shape[:rank]
    sizes = [(size - k) // stride + 1 for size, k in zip(x.shape[1:], window)]
    out = np.zeros((len(x), *sizes, kernel.shape[-1]), "float32")
    for place in np.ndindex(*sizes):
        part = x[(slice(None), *(slice(p * stride, p * stride + k) for p, k in zip(place, window)))]
        out[(slice(None), *place)] = np.tensordot(part, kernel, axes=rank + 1)
    return out + bias


def turned(kernel):
    """A kernel as Theano reads it: from the other end, along all axes but the channels'."""
    return np.flip(kernel, tuple(range(kernel.ndim - 2)))


def _trained_on_theano(folder, rank):
    """Keras 2 on Theano: convolutions, whose kernels stand in the file the other way round."""
    kernel, b, x = array(*[3, 2, 2][:rank], 2, 3), array(3), array(2, *[5, 4, 4][:rank], 2)
    options = {"filters": 3, "kernel_size": list(kernel.shape[:rank]), "padding": "valid", "data_format": "channels_last"}
    item = layer(f"Conv{rank}D", "c", **options, batch_input_shape=[None, *x.shape[1:]])
    config = {"class_name": "Sequential", "config": [item]}
    path = write(folder / "m.h5", config, "2.0.9", {"c": [turned(kernel), b]}, "theano")
    return path, x, conv(x, kernel, b)


def trained_on_theano_1d(folder):
    """Keras 2 on Theano: a Conv1D."""
    return _trained_on_theano(folder, 1)


def trained_on_theano_2d(folder):
    """Keras 2 on Theano: a Conv2D."""
    return _trained_on_theano(folder, 2)


def trained_on_theano_3d(folder):
    """Keras 2 on Theano: a Conv3D."""
    return _trained_on_theano(folder, 3)


def trained_on_theano_transposed(folder):
    """Keras 2 on Theano: a Conv2DTranspose with windows that don't overlap."""
    kernel, x = array(2, 2, 3, 2), array(2, 3, 3, 2)
    options = {"filters": 3, "kernel_size": [2, 2], "strides": [2, 2], "padding": "valid", "use_bias": False}
    item = layer("Conv2DTranspose", "c", **options, batch_input_shape=[None, 3, 3, 2])
    path = write(folder / "m.h5", {"class_name": "Sequential", "config": [item]}, "2.0.9", {"c": [turned(kernel)]}, "theano")
    return path, x, np.einsum("bijc,klfc->bikjlf", x, kernel).reshape(2, 6, 6, 3)


def trained_on_theano_inside(folder):
    """Keras 2 on Theano: a convolution in a nested model, in a wrapper."""
    kernel, b, x = array(2, 2, 2, 3), array(3), array(2, 2, 4, 4, 2)
    options = {"filters": 3, "kernel_size": [2, 2], "padding": "valid", "batch_input_shape": [None, 4, 4, 2]}
    inner = {"class_name": "Sequential", "config": [layer("Conv2D", "c", **options)]}
    outer = layer("TimeDistributed", "t", layer=inner, batch_input_shape=[None, 2, 4, 4, 2])
    path = write(folder / "m.h5", {"class_name": "Sequential", "config": [outer]}, "2.1.6", {"t": [turned(kernel), b]}, "theano")
    return path, x, conv(x.reshape(4, 4, 4, 2), kernel, b).reshape(2, 2, 3, 3, 3)


def convolutional_lstm(x, kernel, recurrent, bias):
    """The last output of a ConvLSTM2D with windows of (1, 1) and the old gate."""
    h = c = np.zeros((*x.shape[:1], *x.shape[2:4], recurrent.shape[-2]), "float32")
    for step in np.moveaxis(x, 1, 0):
        i, f, g, o = np.split(step @ kernel[0, 0] + h @ recurrent[0, 0] + bias, 4, axis=-1)
        c = old_hard_sigmoid(f) * c + old_hard_sigmoid(i) * np.tanh(g)
        h = old_hard_sigmoid(o) * np.tanh(c)
    return h


def _convolutional_lstm_of_keras_1(folder, order):
    """Keras 1: a ConvLSTM2D, twelve arrays, each kernel in the order of its model's axes."""
    gates = [(array(1, 1, 2, 3), array(1, 1, 3, 3), array(3)) for _ in "icfo"]
    first = order == "th"
    stored = [part.transpose(3, 2, 0, 1) if first and part.ndim == 4 else part for gate in gates for part in gate]
    x = array(2, 3, 4, 4, 2)
    options = {"nb_filter": 3, "nb_row": 1, "nb_col": 1, "border_mode": "same", "dim_ordering": order, "subsample": [1, 1]}
    options |= {"inner_activation": "hard_sigmoid", "activation": "tanh", "forget_bias_init": "one", "return_sequences": False}
    shape = [None, 3, 2, 4, 4] if first else [None, 3, 4, 4, 2]
    item = layer("ConvLSTM2D", "c", **options, batch_input_shape=shape)
    path = write(folder / "m.h5", {"class_name": "Sequential", "config": [item]}, "1.2.2", {"c": stored}, None)
    i, c, f, o = gates
    expected = convolutional_lstm(x, *(np.concatenate([gate[part] for gate in (i, f, c, o)], axis=-1) for part in range(3)))
    return (path, x.transpose(0, 1, 4, 2, 3), expected.transpose(0, 3, 1, 2)) if first else (path, x, expected)


def convolutional_lstm_of_keras_1(folder):
    """Keras 1: a ConvLSTM2D with the channels last."""
    return _convolutional_lstm_of_keras_1(folder, "tf")


def convolutional_lstm_of_keras_1_channels_first(folder):
    """Keras 1: a ConvLSTM2D with the channels first."""
    return _convolutional_lstm_of_keras_1(folder, "th")


def square_kernels_channels_first(folder):
    """Keras 1: a kernel whose shape is the same in both orders of axes, (3, 3, 3, 3)."""
    kernel, b, x = array(3, 3, 3, 3), array(3), array(2, 5, 5, 3)
    options = {"nb_filter": 3, "nb_row": 3, "nb_col": 3, "border_mode": "valid", "dim_ordering": "th", "subsample": [1, 1]}
    item = layer("Convolution2D", "c", **options, batch_input_shape=[None, 3, 5, 5])
    path = write(folder / "m.h5", {"class_name": "Sequential", "config": [item]}, "1.0.8", {"c": [kernel.transpose(3, 2, 0, 1), b]}, None)
    return path, x.transpose(0, 3, 1, 2), conv(x, kernel, b).transpose(0, 3, 1, 2)


def volumes_channels_first(folder):
    """Keras 1 on Theano, where the file says so: a Convolution3D."""
    kernel, b, x = array(2, 2, 2, 2, 2), array(2), array(2, 3, 3, 3, 2)
    options = {"nb_filter": 2, "kernel_dim1": 2, "kernel_dim2": 2, "kernel_dim3": 2, "border_mode": "valid", "dim_ordering": "th"}
    item = layer("Convolution3D", "c", **options, subsample=[1, 1, 1], batch_input_shape=[None, 2, 3, 3, 3])
    stored = turned(kernel).transpose(4, 3, 0, 1, 2)
    path = write(folder / "m.h5", {"class_name": "Sequential", "config": [item]}, "1.2.2", {"c": [stored, b]}, "theano")
    return path, x.transpose(0, 4, 1, 2, 3), conv(x, kernel, b).transpose(0, 4, 1, 2, 3)


def lines_of_keras_1(folder):
    """Keras 1 on Theano, where the file says so: a Convolution1D, whose kernel is (length, 1, C, F)."""
    kernel, b, x = array(3, 2, 4), array(4), array(2, 6, 2)
    options = {"nb_filter": 4, "filter_length": 3, "border_mode": "valid", "subsample_length": 1, "input_dim": 2}
    item = layer("Convolution1D", "c", **options, batch_input_shape=[None, 6, 2])
    path = write(folder / "m.h5", {"class_name": "Sequential", "config": [item]}, "1.2.2", {"c": [turned(kernel)[:, None], b]}, "theano")
    return path, x, conv(x, kernel, b)


def order_of_axes_from_the_model(folder):
    """Keras 1: layers that don't say the order of axes have that of all others."""
    kernel, b, x = array(1, 1, 2, 3), array(3), array(2, 4, 4, 2)
    options = {"nb_filter": 3, "nb_row": 1, "nb_col": 1, "border_mode": "valid", "dim_ordering": "th", "subsample": [1, 1]}
    layers = [
        layer("Convolution2D", "c", **options, batch_input_shape=[None, 2, 4, 4]),
        layer("UpSampling2D", "u", size=[2, 2]),
        layer("ZeroPadding2D", "z", padding=[1, 1]),
        layer("MaxPooling2D", "p", pool_size=[2, 2], strides=[2, 2], border_mode="valid"),
    ]
    path = write(folder / "m.h5", {"class_name": "Sequential", "config": layers}, "1.0.4", {"c": [kernel.transpose(3, 2, 0, 1), b]}, None)
    y = np.pad((x @ kernel[0, 0] + b).repeat(2, 1).repeat(2, 2), [(0, 0), (1, 1), (1, 1), (0, 0)])
    y = y.reshape(2, 5, 2, 5, 2, 3).max((2, 4))
    return path, x.transpose(0, 3, 1, 2), y.transpose(0, 3, 1, 2)


def maxout(folder):
    """Keras 1: the largest of several linear functions."""
    kernel, b, x = array(4, 3, 2), array(4, 2), array(5, 3)
    item = layer("MaxoutDense", "m", output_dim=2, nb_feature=4, init="glorot_uniform", bias=True, W_regularizer=None, input_dim=3)
    path = write(folder / "m.h5", {"class_name": "Sequential", "config": [item]}, "1.2.2", {"m": [kernel, b]})
    return path, x, (np.einsum("bd,fdu->bfu", x, kernel) + b).max(1)


def highway(folder):
    """Keras 1: a dense layer that a gate mixes with its input."""
    kernel, carry, b, d, x = array(3, 3), array(3, 3), array(3), array(3), array(5, 3)
    item = layer("Highway", "h", init="glorot_uniform", activation="relu", bias=True, W_constraint=None, input_dim=3)
    path = write(folder / "m.h5", {"class_name": "Sequential", "config": [item]}, "1.2.2", {"h": [kernel, carry, b, d]})
    t = sigmoid(x @ carry + d)
    return path, x, t * np.maximum(x @ kernel + b, 0) + (1 - t) * x


def local_images_of_keras_1(folder):
    """Keras 1: a LocallyConnected2D with the channels first, whose bias stands so too."""
    kernel, b, x = array(4, 8, 3), array(3, 2, 2), array(2, 2, 3, 3)
    options = {"nb_filter": 3, "nb_row": 2, "nb_col": 2, "border_mode": "valid", "dim_ordering": "th", "subsample": [1, 1]}
    item = layer("LocallyConnected2D", "l", **options, activation="linear", bias=True, batch_input_shape=[None, 2, 3, 3])
    path = write(folder / "m.h5", {"class_name": "Sequential", "config": [item]}, "1.2.2", {"l": [kernel, b]})
    places = [x[:, :, i : i + 2, j : j + 2].reshape(2, 8) @ kernel[2 * i + j] for i in range(2) for j in range(2)]
    return path, x, np.stack(places, -1).reshape(2, 3, 2, 2) + b


def cropping_that_leaves_nothing(folder):
    """Keras 2.2: no step is left."""
    x = array(2, 4, 3)
    item = layer("Cropping1D", "c", cropping=[3, 2], batch_input_shape=[None, 4, 3])
    return chain(folder, "2.2.4", [item], {"c": []}), x, x[:, 3:-2]


FORMS = {
    form.__name__: form
    for form in (
        sequential_as_list,
        lstm_with_old_hard_sigmoid,
        gru_without_reset_after,
        keras_1_words,
        old_arguments,
        nested_counted_from_one,
        built_by_shape,
        separable_with_a_kernel_initializer,
        bidirectional_without_modules,
        thresholded_relu,
        bare_config,
        half_precision_weights,
        keras_1_convolution,
        attention_with_a_score_mode,
        trained_on_theano_1d,
        trained_on_theano_2d,
        trained_on_theano_3d,
        trained_on_theano_transposed,
        trained_on_theano_inside,
        convolutional_lstm_of_keras_1,
        convolutional_lstm_of_keras_1_channels_first,
        square_kernels_channels_first,
        volumes_channels_first,
        lines_of_keras_1,
        order_of_axes_from_the_model,
        maxout,
        highway,
        local_images_of_keras_1,
        cropping_that_leaves_nothing,
    )
}
