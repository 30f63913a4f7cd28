"""A layer that states its shape, holds layers and has no `build`: its weights are there before the first batch."""

import numpy as np
import pytest

import plait
from plait import layers

X, Y = np.linspace(-1, 1, 24, dtype="float32").reshape(8, 3), np.ones((8, 4), "float32")


@plait.saving.register_keras_serializable("stated")
class Block(layers.Layer):
    """Two layers and a normalization, in an attribute and in a list."""

    def __init__(self, units=4, **kwargs):
        super().__init__(**kwargs)
        self.units, self.first = units, layers.Dense(units, activation="tanh")
        self.rest = [layers.Dense(units), layers.BatchNormalization()]

    def call(self, x):
        for layer in (self.first, *self.rest):
            x = layer(x)
        return x

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)


@plait.saving.register_keras_serializable("stated")
class Outer(plait.Model):
    """A model without a graph around it."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.block = Block()

    def call(self, x):
        return self.block(x)


def functional():
    x = plait.Input((3,))
    return plait.Model(x, Block()(x))


def nested():
    inner = plait.Sequential([Block(), Block(4)])
    x = plait.Input((3,))
    return plait.Model(x, inner(x))


def subclassed():
    model = Outer()
    model.build((None, 3))
    return model


@pytest.mark.parametrize("make", [functional, nested, subclassed])
def test_it_has_weights_trains_and_loads(make, tmp_path):
    model = make()
    blocks = 2 if make is nested else 1
    assert len(model.weights) == 8 * blocks
    before = model.get_weights()
    model.compile("adam", "mse")
    model.fit(X, Y, verbose=0)
    assert all(np.any(a != b) for a, b in zip(before, model.get_weights(), strict=True))
    model.save(tmp_path / "m.keras")
    loaded = plait.models.load_model(tmp_path / "m.keras")
    for mine, theirs in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    np.testing.assert_array_equal(loaded.predict(X, verbose=0), model.predict(X, verbose=0))


def test_built_by_hand_it_has_the_same_names():
    by_hand, called = Block(name="block"), Block(name="block")
    by_hand.build((None, 3))
    called(X)
    names = [[v.path.rpartition("/")[0].partition("/")[0] for v in layer.weights] for layer in (by_hand, called)]
    assert names[0] == names[1] == ["block"] * 8
    assert [v.path.count("/") for v in by_hand.weights] == [2] * 8


def test_a_call_that_cannot_be_traced_says_so_and_works_on_data():
    class Looking(Block):
        def call(self, x):
            return super().call(x) if float(np.asarray(x).sum()) > 0 else super().call(-x)

    layer = Looking()
    with pytest.warns(UserWarning, match="cannot be traced to build them"):
        output = layer(plait.Input((3,)))
    assert output.shape == (None, 4)
    assert layer(X).shape == (8, 4)
    assert len(layer.weights) == 8
