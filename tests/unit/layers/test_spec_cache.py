"""What one trace has found holds for layers that are alike, and for no others."""

import numpy as np
import pytest

import plait
from plait.layers import spec_cache


@pytest.fixture
def traces(monkeypatch):
    """How many layers were traced, by name."""
    names, recall = [], spec_cache.recall
    monkeypatch.setattr(spec_cache, "_found", {})
    monkeypatch.setattr(
        "plait.layers.base.recall",
        lambda layer, args, kwargs, find: recall(layer, args, kwargs, lambda: names.append(layer.name) or find()),
    )
    return names


def test_a_layer_that_is_alike_is_not_traced_again(traces):
    h = plait.Input((8, 8, 4))
    for index in range(3):
        h = plait.layers.Conv2D(4, 3, padding="same", activation="relu", name=f"conv_{index}")(h)
        h = plait.layers.Dropout(0.1, name=f"dropout_{index}")(h)
    assert traces == ["conv_0", "dropout_0"]
    assert h.shape == (None, 8, 8, 4)


@pytest.mark.parametrize(
    "one, other",
    [
        (lambda: plait.layers.Dense(3), lambda: plait.layers.Dense(4)),
        (lambda: plait.layers.Dense(3), lambda: plait.layers.Dense(3, dtype="float16")),
        (lambda: plait.layers.Conv1D(3, 1), lambda: plait.layers.Conv1D(3, 1, strides=2)),
        (lambda: plait.layers.Flatten(), lambda: plait.layers.GlobalMaxPooling1D()),
        (lambda: plait.layers.Activation("relu"), lambda: plait.layers.Activation("glu")),
        (lambda: plait.layers.Reshape((8,)), lambda: plait.layers.Reshape((2, 4))),
    ],
)
def test_layers_that_differ_are_traced(one, other):
    x = plait.Input((4, 2), batch_size=5)
    values = np.ones((5, 4, 2), "float32")
    for make in (one, other, one):
        layer = make()
        symbolic, output = layer(x), layer(values)
        assert (symbolic.shape, symbolic.dtype) == (output.shape, output.dtype)


@pytest.mark.parametrize(
    "make",
    [
        lambda: plait.layers.Lambda(lambda x: x),
        lambda: plait.layers.Activation(lambda x: x),
        lambda: plait.layers.TimeDistributed(plait.layers.Dense(2)),
        lambda: type("Own", (plait.layers.Dense,), {})(2),
        lambda: plait.layers.Dense(2, activity_regularizer="l2"),
    ],
)
def test_what_may_hold_anything_is_traced_each_time(traces, make):
    x, before = plait.Input((4, 2)), len(traces)
    make()(x), make()(x)
    assert len(traces) >= before + 2


def test_each_call_has_tensors_of_its_own():
    x = plait.Input((4,))
    first, second = plait.layers.Dense(4)(x), plait.layers.Dense(4)(x)
    assert first is not second
    assert plait.Model(x, second).layers[-1] is not plait.Model(x, first).layers[-1]


def test_other_sizes_are_other_arguments(traces):
    for length in (3, 5, None):
        assert plait.layers.ReLU()(plait.Input((length,))).shape == (None, length)
    assert len(traces) == 3
