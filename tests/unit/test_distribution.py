"""The same training on one device and on eight."""

import jax
import numpy as np
import pytest

import plait
from plait import distribution as d
from plait import layers

pytestmark = pytest.mark.skipif(len(jax.devices()) < 8, reason="needs eight (virtual) devices")


def trained():
    plait.utils.set_random_seed(0)
    model = plait.Sequential(
        [plait.Input((8,)), layers.Dense(16, activation="relu", name="a"), layers.Dense(1, name="b")]
    )
    model.compile("adam", "mse")
    rng = np.random.default_rng(0)
    history = model.fit(rng.normal(size=(64, 8)), rng.normal(size=(64, 1)), batch_size=16, epochs=2, verbose=0)
    return model, history.history["loss"]


def close(one, other):
    np.testing.assert_allclose(one[1], other[1], rtol=1e-4)
    for a, b in zip(one[0].get_weights(), other[0].get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)


def test_data_parallel_trains_the_same():
    alone = trained()
    with d.DataParallel().scope():
        spread = trained()
    close(alone, spread)
    assert len(spread[0].weights[0].value.sharding.device_set) == 8


def test_model_parallel_splits_weights_by_pattern():
    alone = trained()
    mesh = d.DeviceMesh((2, 4), ("batch", "model"))
    layouts = d.LayoutMap(mesh)
    layouts[".*a/kernel"] = (None, "model")
    with d.ModelParallel(layout_map=layouts).scope():
        spread = trained()
    close(alone, spread)
    kernel = spread[0].get_layer("a").kernel.value
    assert kernel.sharding.shard_shape(kernel.shape) == (8, 4)


def test_wrong_axes_are_said():
    with pytest.raises(ValueError, match=r"'modle' is no axis of the mesh: 'batch', 'model'\. Did you mean 'model'"):
        d.TensorLayout((None, "modle"), d.DeviceMesh((2, 4), ("batch", "model")))
