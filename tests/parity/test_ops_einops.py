"""`rearrange` gives what Keras gives, and what the paper says where Keras fails."""

import keras
import numpy as np
import pytest

import plait
from plait.errors import ArgumentError
from plait.ops import rearrange

X = np.arange(24).reshape(2, 3, 4)


@pytest.mark.parametrize(
    "pattern, sizes",
    [
        ("b h w -> w b h", {}),
        ("b h w -> b (h w)", {}),
        ("b h w -> (w b) h", {}),
        ("b h (w c) -> (b c) h w", {"c": 2}),
        ("(b a) h (w c) -> a c b (h w)", {"c": 2, "a": 1}),
    ],
)
def test_values_are_the_same(pattern, sizes):
    np.testing.assert_array_equal(rearrange(X, pattern, **sizes), keras.ops.rearrange(X, pattern, **sizes))


def test_what_keras_refuses_works():
    np.testing.assert_array_equal(rearrange(X, "... w -> w ..."), X.transpose(2, 0, 1))
    np.testing.assert_array_equal(rearrange(X, "b ... -> b (...)"), X.reshape(2, 12))
    np.testing.assert_array_equal(rearrange(X, "b h w -> b 1 h w ()"), X[:, None, :, :, None])
    np.testing.assert_array_equal(rearrange(X[..., None], "b h w 1 -> b h w"), X)


def test_symbolic_calls_are_recorded_alike():
    ours = rearrange(plait.KerasTensor((None, 3, 4)), "b h (w c) -> b c (h w)", c=2)
    theirs = keras.ops.rearrange(keras.KerasTensor((5, 3, 4)), "b h (w c) -> b c (h w)", c=2)
    assert ours.shape == (None, *theirs.shape[1:])
    data = plait.common.serialization.serialize(ours._keras_history.operation)
    expected = theirs._keras_history.operation
    assert (data["module"], data["class_name"]) == (type(expected).__module__, type(expected).__name__)
    assert set(data["config"]) == set(expected.get_config())


@pytest.mark.parametrize(
    "pattern", ["b h w -> b h", "b h -> b h", "b h w -> b h w c", "b b w -> b w", "b (h w -> b h w", "b h w"]
)
def test_wrong_patterns_are_refused(pattern):
    with pytest.raises(ArgumentError):
        rearrange(X, pattern)


def test_sizes_that_do_not_fit_are_refused():
    with pytest.raises(ArgumentError, match="divided"):
        rearrange(X, "b (h c) w -> b h c w", c=2)
    with pytest.raises(ArgumentError, match="all but one"):
        rearrange(X, "b (h c) w -> b h c w")
