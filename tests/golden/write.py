"""Writes the files of `files/`: run once by each Keras, or release of plait, that they shall come from.

    python tests/golden/write.py keras3.15.1 keras          # KERAS_BACKEND=jax
    python tests/golden/write.py tf2.13.1 tensorflow.keras
    python tests/golden/write.py plait0.1.0 plait

Each model is trained for a moment, so that statistics and the optimizer's state aren't what they are at first. Beside its
files stand the inputs and what their own library predicts, in `<name>.npz`.
"""

import importlib
import sys
from pathlib import Path

import numpy as np

FILES = Path(__file__).parent / "files"


def branches(lib):
    """Two inputs and two outputs; convolution, normalization, a shared layer, a nested model, a merge."""
    layers = lib.layers
    image, code = layers.Input((8, 8, 2), name="image"), layers.Input((3,), dtype="int32", name="code")
    h = layers.Conv2D(4, 3, padding="same", activation="relu", name="conv")(image)
    h = layers.SeparableConv2D(3, 3, strides=2, name="separable")(layers.BatchNormalization(name="norm")(h))
    inner = layers.Input((3,), name="inner")
    normalize = getattr(layers, "LayerNormalization", layers.BatchNormalization)  # Keras 2 of its own had only the latter
    nested = lib.models.Model(inner, normalize(name="inner_norm")(layers.Dense(5, name="inner_dense")(inner)), name="nested")
    h = nested(layers.GlobalAveragePooling2D(name="pool")(h))
    shared = layers.Dense(5, activation="tanh", name="shared")
    words = layers.Flatten(name="flat")(layers.Embedding(7, 2, name="words")(code))
    joined = layers.Concatenate(name="joined")([shared(h), shared(layers.Dense(5, name="widen")(words))])
    outputs = [layers.Dense(1, name="price")(joined), layers.Dense(3, activation="softmax", name="kind")(joined)]
    return lib.models.Model([image, code], outputs, name="branches"), ["mse", "sparse_categorical_crossentropy"]


def series(lib):
    """A chain over time: masks, an LSTM, a GRU both ways, a layer at each step."""
    layers, old = lib.layers, not hasattr(lib.layers, "LayerNormalization")
    first = [layers.Masking(name="mask", input_shape=(6, 3))] if old else [layers.Input((6, 3)), layers.Masking(name="mask")]
    chain = [
        *first, layers.LSTM(4, return_sequences=True, name="lstm"),
        layers.Bidirectional(layers.GRU(3, return_sequences=True), name="both"),
        layers.TimeDistributed(layers.Dense(4, activation="elu"), name="each"), layers.Dropout(0.3, name="drop"),
        layers.SimpleRNN(3, name="simple"), layers.Dense(2, activation="sigmoid", name="out"),
    ]  # fmt: skip
    return lib.models.Sequential(chain, name="series"), "mse"


def branches_of_keras_1(lib):
    """The same in the words of Keras 1, as far as it had them."""
    layers = lib.layers
    image, code = layers.Input((8, 8, 2), name="image"), layers.Input((3,), dtype="int32", name="code")
    h = layers.Convolution2D(4, 3, 3, border_mode="same", activation="relu", dim_ordering="tf", name="conv")(image)
    h = layers.BatchNormalization(axis=-1, name="norm")(h)
    h = layers.MaxPooling2D((2, 2), strides=(2, 2), border_mode="valid", dim_ordering="tf", name="pool")(h)
    h = layers.Dense(5, init="he_normal", name="widen")(layers.Flatten(name="flat")(h))
    words = layers.Flatten(name="flat_words")(layers.Embedding(7, 2, name="words")(code))
    joined = layers.merge([h, words], mode="concat", name="joined")
    outputs = [layers.Dense(1, name="price")(joined), layers.Dense(3, activation="softmax", name="kind")(joined)]
    return lib.models.Model([image, code], outputs, name="branches"), ["mse", "sparse_categorical_crossentropy"]


def series_of_keras_1(lib):
    """A chain over time in the words of Keras 1."""
    layers = lib.layers
    chain = [
        layers.Masking(name="mask", input_shape=(6, 3)), layers.LSTM(4, return_sequences=True, name="lstm"),
        layers.Bidirectional(layers.GRU(3, return_sequences=True), name="both"),
        layers.TimeDistributed(layers.Dense(4, activation="relu"), name="each"), layers.Dropout(0.3, name="drop"),
        layers.SimpleRNN(3, name="simple"), layers.Dense(2, activation="hard_sigmoid", name="out"),
    ]  # fmt: skip
    return lib.models.Sequential(chain, name="series"), "mse"


def data(name):
    """Inputs and labels of 4 samples, the same in each library."""
    rng = np.random.default_rng(3)
    if name == "series":
        x = rng.normal(size=(4, 6, 3)).astype("float32")
        x[1, 3:] = 0  # masked
        return x, rng.uniform(size=(4, 2)).astype("float32")
    x = [rng.normal(size=(4, 8, 8, 2)).astype("float32"), rng.integers(0, 7, (4, 3)).astype("int32")]
    return x, [rng.normal(size=(4, 1)).astype("float32"), rng.integers(0, 3, (4, 1)).astype("int32")]


def as_list(value):
    """A list, also of one output."""
    return value if isinstance(value, list) else [value]


def main(origin: str, module: str) -> None:
    """Writes all files of one origin."""
    lib = importlib.import_module(module)
    for make in (branches_of_keras_1, series_of_keras_1) if origin.startswith("keras1") else (branches, series):
        model, losses = make(lib)
        model.compile(lib.optimizers.Adam(1e-2), losses)
        x, y = data(model.name)
        often = "nb_epoch" if origin.startswith("keras1") else "epochs"
        model.fit(x, y, batch_size=4, verbose=0, **{often: 2})
        place = FILES / f"{origin}_{model.name}"
        if not origin.startswith(("tf1", "tf2.2", "tf2.4", "tf2.9", "keras1", "keras2")):
            model.save(f"{place}.keras", **({"save_format": "keras"} if origin.startswith("tf2.12") else {}))
        Path(f"{place}.json").write_text(model.to_json())  # before `.h5`, which makes Keras 3 forget the optimizer
        model.save(f"{place}.h5")
        model.save_weights(f"{place}.weights.h5")
        outputs, loss = as_list(model.predict(x, verbose=0)), model.evaluate(x, y, verbose=0)
        model.fit(x, y, batch_size=4, verbose=0, **{often: 1})
        later = as_list(model.predict(x, verbose=0))
        np.savez_compressed(
            f"{place}.npz", loss=np.asarray(loss), **{f"out{i}": out for i, out in enumerate(outputs)},
            **{f"later{i}": out for i, out in enumerate(later)},
        )  # fmt: skip


if __name__ == "__main__":
    FILES.mkdir(exist_ok=True)
    main(*sys.argv[1:])
