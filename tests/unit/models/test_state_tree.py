"""The state of a model as a nested dict."""

import numpy as np
import pytest

import plait
from plait import layers


def made(seed=0):
    plait.utils.set_random_seed(seed)
    model = plait.Sequential([plait.Input((2,)), layers.Dense(3, name="a"), layers.Dense(1, name="b")], name="net")
    model.compile("adam", "mse")
    model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0)
    return model


def test_values_by_path_and_back():
    model, other = made(0), made(1)
    tree = model.get_state_tree("numpy_array")
    assert set(tree) == {"trainable_variables", "non_trainable_variables", "optimizer_variables", "metrics_variables"}
    np.testing.assert_array_equal(tree["trainable_variables"]["net"]["a"]["kernel"], model.layers[0].kernel.numpy())
    other.set_state_tree(tree)
    for mine, theirs in zip(other.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert int(other.optimizer.iterations) == 1


def test_another_format_is_refused():
    with pytest.raises(ValueError, match="value_format must be"):
        made().get_state_tree("torch")
