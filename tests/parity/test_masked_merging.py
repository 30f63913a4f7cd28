"""Merging layers on masked tensors: what doesn't count in an input is left out, as in Keras."""

import keras
import numpy as np
import pytest

import plait


def merged(lib, name, masked):
    """Two sequences with or without masks, merged; then a recurrent layer that shows the mask that comes out."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3, 5, 2)).astype("float32")
    y = rng.normal(size=(3, 5, 2)).astype("float32")
    x[0, 1:3], x[2, 4], y[0, 2:], y[1, 0] = 0, 0, 0, 0
    inputs = [lib.Input((5, 2)), lib.Input((5, 2))]
    parts = [lib.layers.Masking()(t) if is_masked else t for t, is_masked in zip(inputs, masked, strict=True)]
    h = getattr(lib.layers, name)()(parts)
    total = lib.layers.SimpleRNN(2, kernel_initializer="ones", recurrent_initializer="ones")(h)
    return lib.Model(inputs, [h, total]).predict([x, y], verbose=0)


@pytest.mark.parametrize("masked", [(True, True), (True, False), (False, True)], ids=["both", "first", "second"])
@pytest.mark.parametrize("name", ["Add", "Multiply", "Average", "Maximum", "Minimum", "Subtract"])
def test_merging_masked_tensors(name, masked):
    for ours, theirs in zip(merged(plait, name, masked), merged(keras, name, masked), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
