"""Categories against Keras, as far as it has these layers without TensorFlow: CategoryEncoding and Discretization."""

import keras
import numpy as np
import pytest

from plait.layers.preprocessing.categorical import CategoryEncoding, Discretization

INDICES = {
    "scalar": np.array(2),
    "vector": np.array([1, 3, 3, 0]),
    "column": np.array([[1], [3], [0]]),
    "matrix": np.array([[1, 3, 3], [0, 2, 9]]),
}


@pytest.mark.parametrize("shape", list(INDICES))
@pytest.mark.parametrize("mode", ["one_hot", "multi_hot", "count"])
def test_category_encoding(mode, shape):
    theirs = np.asarray(keras.layers.CategoryEncoding(num_tokens=4, output_mode=mode)(INDICES[shape]))
    layer = CategoryEncoding(num_tokens=4, output_mode=mode)
    ours = np.asarray(layer(INDICES[shape]))
    assert ours.dtype == theirs.dtype and np.array_equal(ours, theirs)
    assert layer.compute_output_shape(INDICES[shape].shape) == theirs.shape


def test_category_encoding_with_weights():
    weights = np.array([[0.5, 1.5, 2.0], [1.0, 3.0, 7.0]], "float32")
    options = {"num_tokens": 4, "output_mode": "count"}
    theirs = keras.layers.CategoryEncoding(**options)(INDICES["matrix"], count_weights=weights)
    assert np.allclose(CategoryEncoding(**options)(INDICES["matrix"], count_weights=weights), theirs)


@pytest.mark.parametrize("mode", ["int", "one_hot", "multi_hot", "count"])
def test_discretization(mode):
    data = np.array([[-1.5, 1.0, 3.4, 0.5], [0.0, 3.0, 1.3, np.nan]], "float32")
    theirs = np.asarray(keras.layers.Discretization([0.0, 1.0, 2.0], output_mode=mode)(data))
    ours = np.asarray(Discretization([0.0, 1.0, 2.0], output_mode=mode)(data))
    assert ours.dtype == theirs.dtype and np.array_equal(ours, theirs)


@pytest.mark.parametrize("bins", [2, 4, 7])
def test_learnt_bins(bins):
    data = np.random.default_rng(0).normal(size=(5, 300)).astype("float32")
    theirs, ours = keras.layers.Discretization(num_bins=bins), Discretization(num_bins=bins)
    for row in data:
        theirs.update_state(row)
        ours.update_state(row)
    theirs.finalize_state()
    ours.finalize_state()
    assert np.allclose(ours.bin_boundaries, theirs.bin_boundaries, rtol=1e-6)
    assert ours.get_config().keys() == theirs.get_config().keys()
