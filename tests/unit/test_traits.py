"""Facts about classes: what plait's own classes say of themselves, and what holds for a subclass of a program's own."""

import numpy as np
import pytest

import plait
from plait import layers
from plait.common.traits import has_default, is_of_plait, is_usual
from plait.inspect.diagram import family_of
from plait.training.pace import begins_looped


def graph(layer, shape):
    x = plait.Input(shape)
    return plait.Model(x, layer(x))


def renamed(cls, module):
    """A program's own subclass in a module that is called like one of plait's."""
    return type(cls)(cls.__name__, (cls,), {"__module__": module, "call": lambda self, x: x})


def test_a_module_called_like_one_of_plaits_makes_no_class_plaits_own():
    mine = renamed(layers.Dense, "plait.layers.mine")
    assert is_of_plait(layers.Dense)
    assert not is_of_plait(mine)
    assert is_usual(mine, "build")
    assert not is_usual(mine, "call")
    assert not begins_looped(graph(mine(2), (3,)))
    with pytest.raises(NotImplementedError, match="may have a `call` of its own"):
        layer = mine(2)
        layer.build((None, 3))
        layer.quantize("int8")


@pytest.mark.parametrize(
    "layer, shape, looped",
    [
        (layers.Dense(2), (3,), True),
        (layers.LSTM(2), (4, 3), True),
        (layers.Conv1D(2, 2), (4, 3), False),
        (layers.MaxPooling1D(), (4, 3), False),
        (layers.GlobalAveragePooling1D(), (4, 3), False),
        (layers.ConvLSTM1D(2, 2), (3, 4, 1), False),
        (layers.ConvLSTM2D(2, 2), (3, 4, 4, 1), False),
        (layers.TimeDistributed(layers.Conv1D(2, 2)), (3, 4, 1), False),
    ],
    ids=lambda value: value.name if isinstance(value, layers.Layer) else "",
)
def test_models_begin_looped_where_no_layer_is_slow_in_loops(layer, shape, looped):
    assert begins_looped(graph(layer, shape)) is looped


def test_a_family_is_inherited():
    class Mine(layers.Conv2D):
        pass

    kinds = {
        Mine(1, 1): "convolution",
        layers.Dense(1): "dense",
        layers.Layer(): "operation",
        plait.Sequential(): "model",
    }
    assert {layer: family_of(layer) for layer in kinds} == kinds


def test_methods_of_the_programs_own_are_no_defaults():
    class Mine(plait.Model):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            return plait.ops.mean((y - y_pred) ** 2) + 10.0

        def call(self, x):
            return x[:, :1]

    assert not has_default(Mine, "compute_loss")
    assert has_default(Mine, "train_step")
    model = Mine()
    model.compile("sgd")
    x = np.ones((4, 3), "float32")
    assert model.evaluate(x, x[:, :1], verbose=0) == pytest.approx(10.0)


def test_layers_that_are_alike_but_for_what_they_hold_have_shapes_of_their_own():
    chains = [plait.Sequential([plait.Input((3,)), layers.Dense(size)]) for size in (2, 5)]
    assert [graph(chain, (3,)).output_shape for chain in chains] == [(None, 2), (None, 5)]
