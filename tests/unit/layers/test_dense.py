"""Dense on several tensors: what Keras refuses, and the seed document calls."""

import numpy as np
import pytest

import plait
from plait import layers


def test_each_tensor_has_a_kernel_and_all_share_a_bias():
    layer = layers.Dense(20)
    out = layer([plait.Input((32, 1)), plait.Input((12,))])
    assert out.shape == (None, 32, 20)
    assert [weight.name for weight in layer.weights] == ["kernel", "kernel_1", "bias"]
    assert [weight.shape for weight in layer.weights] == [(1, 20), (12, 20), (20,)]
    assert layer.kernels == (layer.kernel, layer.weights[1])


def test_the_products_are_added_over_missing_middle_axes():
    rng = np.random.default_rng(0)
    long, short = rng.normal(size=(2, 3, 4)).astype("float32"), rng.normal(size=(2, 5)).astype("float32")
    layer = layers.Dense(6, bias_initializer="ones")
    got = layer([long, short])
    first, second = (kernel.numpy() for kernel in layer.kernels)
    np.testing.assert_allclose(got, long @ first + (short @ second)[:, None, :] + 1, rtol=1e-5)


def test_equal_ranks_are_the_same_as_the_concatenation():
    rng = np.random.default_rng(0)
    parts = [rng.normal(size=(2, size)).astype("float32") for size in (3, 1, 4)]
    several, one = (layers.Dense(5, kernel_initializer=plait.initializers.GlorotUniform(seed=7)) for _ in range(2))
    whole = np.concatenate(parts, axis=-1)
    np.testing.assert_allclose(several(parts), one(whole), rtol=1e-5)
    np.testing.assert_array_equal(np.concatenate([k.numpy() for k in several.kernels]), one.kernel.numpy())


def test_it_trains_saves_and_loads(tmp_path):
    a, b = plait.Input((4, 2), name="a"), plait.Input((3,), name="b")
    model = plait.Model([a, b], layers.Dense(1)([a, b]))
    rng = np.random.default_rng(0)
    x = {"a": rng.normal(size=(16, 4, 2)), "b": rng.normal(size=(16, 3))}
    model.compile("sgd", "mse")
    history = model.fit(x, rng.normal(size=(16, 4, 1)), epochs=3, verbose=0).history["loss"]
    assert history[-1] < history[0]
    model.save(tmp_path / "several.keras")
    again = plait.load_model(tmp_path / "several.keras")
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))


def test_another_number_of_tensors_is_refused():
    layer = layers.Dense(2, name="joint")
    layer([np.ones((1, 3)), np.ones((1, 2))])
    with pytest.raises(ValueError, match='Layer "joint" takes 2'):
        layer([np.ones((1, 3))])
