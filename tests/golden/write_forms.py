"""Writes `files/forms/tf2.15.1.tar.xz`: forms that real files showed, by TensorFlow 2.15.1 and the converter of TF.js.

    python tests/golden/write_forms.py    # with tensorflow-cpu 2.15.1; tensorflowjs 4.22.0's Python files on the path

Each model has values of its own, and beside its files stand the inputs and TensorFlow's predictions.
"""

import sys
import tarfile
import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflowjs.converters import keras_h5_conversion

keras, layers = tf.keras, tf.keras.layers
FILES = Path(__file__).parent / "files" / "forms"
RNG = np.random.default_rng(11)


def towers():
    """Layers of one shape in nested models and wrappers; their names stand in no order of the alphabet."""
    x = keras.Input((5, 4), name="series")
    h = layers.TimeDistributed(layers.Dense(4, activation="tanh"), name="zeta")(x)
    h = layers.TimeDistributed(layers.Dense(4, activation="tanh"), name="alpha")(h)
    h = layers.Bidirectional(layers.LSTM(2, return_sequences=True), name="ways")(h)
    h = layers.Bidirectional(layers.GRU(2), name="both")(h)
    a = keras.Input((4,), name="a")
    inner = layers.Dense(4, activation="tanh", name="dense_10")(a)
    inner = layers.BatchNormalization(name="norm")(inner)
    tower = keras.Model(a, layers.Dense(4, activation="tanh", name="dense_2")(inner), name="tower")
    links = [layers.Dense(4, activation="relu", name="second"), layers.Dense(4, name="first")]
    chain = keras.Sequential([keras.Input((4,)), *links], name="chain")
    return keras.Model(x, layers.Dense(4, name="dense")(chain(tower(h))), name="towers")


def decoder():
    """Every recurrent layer, called with states that another one left."""
    x, y, film = keras.Input((4, 3), name="x"), keras.Input((3, 2), name="y"), keras.Input((2, 4, 4, 1), name="film")
    _, h, c = layers.LSTM(3, return_state=True, name="encoder")(x)
    lstm = layers.LSTM(3, return_sequences=True, name="decoder")(y, initial_state=[h, c])
    gru = layers.GRU(3, name="gru")(y, initial_state=h)
    simple = layers.SimpleRNN(3, name="simple")(y, initial_state=[c])
    both, *states = layers.Bidirectional(layers.LSTM(3, return_state=True), name="both")(x)
    again = layers.Bidirectional(layers.LSTM(3), name="again")(y, initial_state=states)
    _, fh, fc = layers.ConvLSTM2D(2, 2, padding="same", return_state=True, name="film_encoder")(film)
    picture = layers.ConvLSTM2D(2, 2, padding="same", name="film_decoder")(film, initial_state=[fh, fc])
    flat = layers.Flatten(name="flat")
    parts = [layers.Flatten(name="flat_lstm")(lstm), gru, simple, both, again, flat(picture)]
    return keras.Model([x, y, film], layers.Concatenate(name="joined")(parts), name="decoder")


def local():
    """Layers that Keras 3 no longer has."""
    x, line = keras.Input((5, 4, 2), name="image"), keras.Input((6, 2), name="line")
    parts = []
    for implementation in (1, 2, 3):
        options = {"implementation": implementation, "activation": "tanh"}
        parts.append(
            layers.LocallyConnected2D(3, (2, 3), strides=(2, 1), **options, name=f"square_{implementation}")(x)
        )
        parts.append(layers.LocallyConnected1D(3, 2, strides=2, **options, name=f"line_{implementation}")(line))
        if implementation > 1:
            same = {"implementation": implementation, "padding": "same", "kernel_size": 3, "filters": 2}
            parts.append(layers.LocallyConnected1D(strides=2, **same, name=f"same_line_{implementation}")(line))
            first = {**same, "data_format": "channels_first"}
            parts.append(layers.LocallyConnected2D(**first, name=f"same_first_{implementation}")(x))
    parts.append(layers.LocallyConnected2D(2, 2, data_format="channels_first", name="first")(x))
    parts.append(layers.ThresholdedReLU(0.3, name="above")(x))
    parts.append(layers.Cropping2D(((1, 1), (0, 0)), name="crop")(x))
    flat = [layers.Flatten(name=f"flat_{index}")(part) for index, part in enumerate(parts)]
    return keras.Model([x, line], layers.Concatenate(name="joined")(flat), name="local")


def objects():
    """A loss and metrics that are objects with options."""
    x = keras.Input((3,), name="x")
    model = keras.Model(x, [layers.Dense(1, name="a")(x), layers.Dense(3, name="b")(x)], name="objects")
    losses = keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.1), keras.losses.Huber(delta=0.5)
    metrics = [[keras.metrics.BinaryAccuracy(threshold=0.3)], [keras.metrics.MeanSquaredError(name="squares"), "mae"]]
    model.compile(keras.optimizers.Adam(0.01), list(losses), metrics=metrics)
    return model


def attention():
    """Layers that know several shapes, cells in a stack, a mask."""
    x = keras.Input((5, 8), name="x")
    h = layers.MultiHeadAttention(2, 4, name="heads")(x, x)
    h = layers.Add(name="sum")([layers.Attention(name="attend")([h, x]), layers.LayerNormalization(name="norm")(x)])
    h = layers.AdditiveAttention(name="additive")([h, layers.Masking(name="mask")(x)])
    h = layers.RNN([layers.LSTMCell(3), layers.GRUCell(2)], name="cells")(h)
    return keras.Model(x, layers.Dense(1, name="out")(h), name="attention")


def late():
    """A chain that learnt the shape of its input from its first data."""
    chain = [layers.Dense(3, activation="relu", name="one"), layers.BatchNormalization(name="norm"), layers.Dense(2, name="two")]
    model = keras.Sequential(chain, name="late")
    model(np.ones((2, 4), "float32"))
    return model


def inputs_of(model):
    """Inputs of 4 samples."""
    shapes = [tensor.shape[1:] for tensor in model.inputs] if model.name != "late" else [(4,)]
    return [RNG.normal(size=(4, *shape)).astype("float32") for shape in shapes]


def scatter(model):
    """Gives each weight values of its own."""
    positive = ("variance", "gamma")
    values = [RNG.normal(0, 0.4, weight.shape).astype("float32") for weight in model.weights]
    values = [np.abs(v) + 0.5 if any(p in w.name for p in positive) else v for v, w in zip(values, model.weights)]
    model.set_weights(values)


def main() -> None:
    """Writes all forms."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for make in (towers, decoder, local, objects, attention, late):
            model = make()
            scatter(model)
            x = inputs_of(model)
            arrays = {f"in{index}": value for index, value in enumerate(x)}
            if model.name == "objects":
                y = [RNG.integers(0, 2, (4, 1)).astype("float32"), RNG.normal(size=(4, 3)).astype("float32")]
                model.fit(x, y, verbose=0)
                results = model.evaluate(x, y, verbose=0)
                arrays |= {"label0": y[0], "label1": y[1], "results": np.asarray(results)}
            out = model.predict(x, verbose=0)
            arrays |= {f"out{index}": value for index, value in enumerate(out if isinstance(out, list) else [out])}
            np.savez_compressed(folder / f"{model.name}.npz", **arrays)
            model.save(folder / f"{model.name}.h5")
            model.save(folder / f"{model.name}.keras")
            if model.name == "towers":
                (folder / "towers.tfjs").mkdir()
                keras_h5_conversion.save_keras_model(model, str(folder / "towers.tfjs"))
                for layer in (model.get_layer("tower").get_layer("dense_10"), model.get_layer("chain").layers[0]):
                    layer.trainable = False
                model.save_weights(folder / "frozen.h5")
                model.save(folder / "towers_frozen.h5")
        for name, layer, x in (
            ("vectorized", layers.TextVectorization(output_sequence_length=3), np.asarray(["b a", "a b c"])),
            ("looked_up", layers.StringLookup(), np.asarray(["a", "b", "z"])),
        ):
            layer.adapt(["a b", "b a", "b"] if name == "vectorized" else ["a", "b", "b"])
            keras.Sequential([layer]).save(folder / f"{name}.keras")
            np.savez_compressed(folder / f"{name}.npz", in0=x, out0=layer(x).numpy())
        with tarfile.open(FILES / f"tf{tf.__version__}.tar.xz", "w:xz") as archive:
            for path in sorted(folder.iterdir()):
                archive.add(path, path.name)


if __name__ == "__main__":
    sys.exit(main())
