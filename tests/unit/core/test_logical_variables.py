"""`&`, `|`, `^` and `~` on variables ask for truth, as they do on symbolic tensors, and as Keras's variables do."""

import numpy as np
import pytest

import plait
from plait.core.variable import Variable


@pytest.mark.parametrize("dtype", ["int32", "float32", "bool"])
def test_logical_operators(dtype):
    variable, other = Variable(np.array([0, 3, 4], dtype)), np.array([2, 4, 0], dtype)
    assert (variable & other).tolist() == [False, True, False]
    assert (True & variable).tolist() == [False, True, True]
    assert (variable | other).tolist() == [True, True, True]
    assert (variable ^ other).tolist() == [True, False, True]
    assert (~variable).tolist() == [True, False, False]


def test_tuples_of_a_config_stay_tuples_until_they_are_written():
    layer = plait.layers.RandomTranslation((0.1, 0.2), 0.3)
    form = plait.saving.serialize_keras_object(layer)
    assert form["config"]["height_factor"] == (0.1, 0.2)
    assert plait.saving.deserialize_keras_object(form).get_config() == layer.get_config()


def test_configs_of_layers_that_sort_values_into_classes_are_plain():
    for layer in (plait.layers.Discretization(num_bins=3), plait.layers.HashedCrossing(4)):
        assert layer.get_config()["dtype"]["class_name"] == "DTypePolicy"
