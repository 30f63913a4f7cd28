"""Thirty models that together hold every layer, files both ways: the same predictions, and the same next step.

Each model is made of the rows of `tests/cases`: a branch for each row, from its inputs to its output.
"""

import keras
import numpy as np
import pytest

import plait
from cases import Case, Input, all_cases

MODELS = 30
# What Keras itself can't write, read or run in a model with a graph on JAX, by the row's name, with the reason.
OUTSIDE = {
    "Equalization": "Keras's layer can't be called on symbolic tensors",
    "ConvLSTM1D masked": "Keras's layer can't be called with a mask",
}
# Layers that no model here holds: what Keras runs with TensorFlow only, parents, and what has code or boxes in it.
ELSEWHERE = {
    *("Hashing", "HashedCrossing", "IntegerLookup", "StringLookup", "TextVectorization"),
    *("Layer", "Wrapper", "InputLayer", "Lambda", "JaxLayer", "FlaxLayer", "MaxNumBoundingBoxes"),
    "RandomCrop",  # Keras leaves pictures whole outside training, against its own output shape
}
VOLUME, IMAGE, SERIES = Input((2, 4, 4, 4, 2)), Input((2, 8, 8, 3), low=0, high=255), Input((2, 5, 3))
MORE = [
    Case("AdaptiveAveragePooling3D", lambda L: L.AdaptiveAveragePooling3D(2), VOLUME),
    Case("AdaptiveMaxPooling3D", lambda L: L.AdaptiveMaxPooling3D(2), VOLUME),
    Case("CategoryEncoding", lambda L: L.CategoryEncoding(6, output_mode="count"), Input((2, 3), "int32", 0, 6)),
    Case("Discretization", lambda L: L.Discretization([-0.5, 0.0, 0.5]), Input((2, 3))),
    Case("AugMix", lambda L: L.AugMix(), IMAGE, random=True, atol=1e-3),
    Case("MixUp", lambda L: L.MixUp(), IMAGE, random=True, atol=1e-3),
    Case("RNN of a GRUCell", lambda L: L.RNN(L.GRUCell(3)), SERIES),
    Case("RNN of an LSTMCell", lambda L: L.RNN(L.LSTMCell(3), return_sequences=True), SERIES),
    Case("RNN of several cells", lambda L: L.RNN([L.SimpleRNNCell(3), L.LSTMCell(2)]), SERIES),
    Case("RNN of StackedRNNCells", lambda L: L.RNN(L.StackedRNNCells([L.GRUCell(3), L.GRUCell(2)])), SERIES),
]


def branches() -> list[list]:
    rows = [row for row in [*MORE, *all_cases()] if row.name not in OUTSIDE and row.in_keras]
    return [rows[index::MODELS] for index in range(MODELS)]


def inputs_of(row) -> list[Input]:
    return row.inputs if isinstance(row.inputs, list) else [row.inputs]


def build(lib, rows):
    """A model with a branch for each row, and the arrays for its inputs."""
    tensors, arrays, outputs = [], [], []
    for index, row in enumerate(rows):
        named = {name: value for name, value in row.call.items() if isinstance(value, Input)}
        specs = [*inputs_of(row), *named.values()]
        own = [lib.Input(batch_shape=spec.shape, dtype=spec.dtype) for spec in specs]
        tensors += own
        arrays += [spec.array(index) for spec in specs]
        first = own[: len(specs) - len(named)] if isinstance(row.inputs, list) else own[0]
        call = {**row.call, **dict(zip(named, own[len(specs) - len(named) :], strict=True))}
        result = row.make(lib.layers)(first, **call)
        outputs += [t for t in keras.tree.flatten(result) if t is not None]
    return lib.Model(tensors, outputs), arrays


def numbers(value) -> list[np.ndarray]:
    return [np.asarray(part, dtype="float64") for part in keras.tree.flatten(value)]


def same(one, other, rtol, atol):
    for a, b in zip(numbers(one), numbers(other), strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=atol)


def test_every_layer_is_there():
    made = [row.make(plait.layers) for rows in branches() for row in rows]
    used = {type(inner).__name__ for layer in made for inner in layer._flatten_layers()}
    things = (getattr(plait.layers, name) for name in plait.layers.__all__)
    every = {thing.__name__ for thing in things if isinstance(thing, type) and issubclass(thing, plait.layers.Layer)}
    ours = {type(row.make(plait.layers)).__name__ for row in all_cases() if not row.in_keras}
    assert sorted(every - used - ours) == sorted(ELSEWHERE)


@pytest.mark.filterwarnings("ignore:Explicitly requested dtype")  # Keras's MixUp asks for what JAX hasn't
@pytest.mark.parametrize("index", [i if i % 3 == 0 else pytest.param(i, marks=pytest.mark.slow) for i in range(MODELS)])
def test_files_both_ways(index, tmp_path):
    rows = branches()[index]
    (ours, arrays), (theirs, _) = build(plait, rows), build(keras, rows)
    ours.set_weights(theirs.get_weights())
    ours.save(tmp_path / "ours.keras")
    theirs.save(tmp_path / "theirs.keras")
    opened = keras.saving.load_model(tmp_path / "ours.keras"), plait.load_model(tmp_path / "theirs.keras")
    atol = max(row.atol for row in rows)
    for mine, other in ((ours, opened[0]), (opened[1], theirs), (ours, opened[1])):
        same(mine(arrays, training=False), other(arrays, training=False), 1e-6, atol)


@pytest.mark.slow
@pytest.mark.parametrize("index", range(0, MODELS, 5))
def test_the_next_step_is_the_same(index, tmp_path):
    """What plait trained for a step goes on in Keras as it does in plait: weights and optimizer are in the file."""
    rows = [row for row in branches()[index] if row.differentiable and not row.random]
    ours, arrays = build(plait, rows)
    rng = np.random.default_rng(0)
    targets = [rng.normal(size=part.shape).astype("float32") for part in numbers(ours(arrays, training=False))]
    floats = [
        loss if "float" in t.dtype else None for t, loss in zip(ours.outputs, ["mse"] * len(targets), strict=True)
    ]
    ours.compile(plait.optimizers.SGD(0.01, momentum=0.9), floats)
    ours.train_on_batch(arrays, targets)
    ours.save(tmp_path / "ours.keras")
    theirs = keras.saving.load_model(tmp_path / "ours.keras")
    for model in (ours, theirs):
        model.train_on_batch(arrays, targets)
    for mine, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-4, atol=1e-5)
