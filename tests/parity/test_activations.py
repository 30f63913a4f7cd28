"""Activations: values, gradients, names and recorded operations are Keras's."""

import functools

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import plait
from plait import activations
from plait.errors import ArgumentError

X = np.concatenate([np.linspace(-8, 8, 30), [-1.0, -0.5, 0.0, 0.5, 1.0, 3.0]]).astype("float32").reshape(6, 6)
CASES = [
    ("celu", {"alpha": 0.7}),
    ("elu", {}),
    ("elu", {"alpha": 0.5}),
    ("exponential", {}),
    ("gelu", {}),
    ("gelu", {"approximate": True}),
    ("glu", {}),
    ("glu", {"axis": 0}),
    ("hard_shrink", {"threshold": 0.7}),
    ("hard_sigmoid", {}),
    ("hard_silu", {}),
    ("hard_tanh", {}),
    ("leaky_relu", {}),
    ("linear", {}),
    ("log_sigmoid", {}),
    ("log_softmax", {}),
    ("mish", {}),
    ("relu", {}),
    ("relu", {"negative_slope": 0.1}),
    ("relu", {"max_value": 3.0}),
    ("relu", {"threshold": 0.5}),
    ("relu", {"negative_slope": 0.1, "max_value": 3.0, "threshold": 0.5}),
    ("relu", {"negative_slope": 0.1, "max_value": 3.0}),
    ("relu", {"threshold": -0.5}),
    ("relu6", {}),
    ("selu", {}),
    ("sigmoid", {}),
    ("silu", {}),
    ("soft_shrink", {}),
    ("softmax", {}),
    ("softmax", {"axis": 0}),
    ("softmax", {"axis": (0, 1)}),
    ("softplus", {}),
    ("softsign", {}),
    ("sparse_plus", {}),
    ("sparse_sigmoid", {}),
    ("sparsemax", {"axis": 0}),
    ("squareplus", {"b": 2}),
    ("tanh", {}),
    ("tanh_shrink", {}),
    ("threshold", {"threshold": 0.5, "default_value": 2.0}),
]
IDS = [f"{index}-{row[0]}" for index, row in enumerate(CASES)]


def with_gradient(function, x):
    """A function's values, and a gradient that tells every output from the others."""

    def weighted(x):
        out = function(x)
        return jnp.sum(out * jnp.cos(jnp.arange(out.size).reshape(out.shape))), out

    return jax.grad(weighted, has_aux=True)(x)


@pytest.mark.parametrize("name, options", CASES, ids=IDS)
def test_values_and_gradients_are_the_same(name, options):
    functions = [functools.partial(getattr(library.activations, name), **options) for library in (plait, keras)]
    both = jax.jit(lambda x: [with_gradient(function, x) for function in functions])
    (gradient, out), (wanted, expected) = both(X)
    np.testing.assert_allclose(out, expected, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(gradient, wanted, rtol=1e-5, atol=1e-6)
    half = jax.ShapeDtypeStruct(X.shape, "bfloat16")
    assert jax.eval_shape(functions[0], half).dtype == jax.eval_shape(functions[1], half).dtype


FAILS_IN_KERAS = {"hard_silu", "mish", "sparsemax", "linear"}  # on symbolic tensors


@pytest.mark.parametrize("name, options", CASES, ids=IDS)
def test_symbolic_calls_are_recorded_alike(name, options):
    ours = getattr(activations, name)(plait.KerasTensor((None, 6)), **options)
    if "axis" in options and options["axis"] != -1 and name != "sparsemax":
        return  # an unknown size cannot be halved, and Keras leaves the batch axis alone
    if name in FAILS_IN_KERAS:
        assert ours.shape == (None, 6)
        return
    theirs = getattr(keras.activations, name)(keras.KerasTensor((None, 6)), **options)
    assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
    operation, expected = ours._keras_history.operation, theirs._keras_history.operation
    data, config = plait.common.serialization.serialize(operation), expected.get_config()
    assert data["class_name"] == type(expected).__name__
    assert data["module"] == type(expected).__module__
    config.pop("name")
    for key, value in operation.get_config().items():
        assert key == "name" or config[key] == value


def test_every_name_finds_its_function():
    from keras.src.activations import ALL_OBJECTS_DICT

    for name in ALL_OBJECTS_DICT:
        found = activations.get(name)
        assert found.__name__ == keras.activations.get(name).__name__
        assert activations.serialize(found) == keras.activations.serialize(keras.activations.get(name))
        assert activations.deserialize(name) is found
    assert {name for name in vars(keras.activations) if not name.startswith("_")} == set(activations.__all__)
    assert activations.get(None) is activations.linear
    assert activations.get(abs) is abs
    with pytest.raises(ArgumentError, match="softmax"):
        activations.get("sotfmax")


def test_integers_become_fractions():
    for name in ("softmax", "sigmoid", "tanh", "gelu"):
        assert getattr(activations, name)(np.arange(4).reshape(2, 2)).dtype == "float32"
    assert activations.relu([1, -2]).dtype == "int32"


def test_infinite_logits_are_masked():
    x = np.array([[-1e9, -1e9, -np.inf], [1, 2, 3]], "float32")
    np.testing.assert_allclose(activations.softmax(x), keras.activations.softmax(x), rtol=1e-6)


def test_sparsemax_is_a_distribution_over_the_last_axis_too():
    got = np.asarray(activations.sparsemax(X))
    for row, expected in zip(X, got):
        low, high = row.min() - 1, row.max()
        for _ in range(60):  # the level that leaves a sum of 1 above it, by bisection
            level = (low + high) / 2
            low, high = (level, high) if np.maximum(row - level, 0).sum() > 1 else (low, level)
        np.testing.assert_allclose(expected, np.maximum(row - level, 0), atol=1e-5)


def test_a_layer_can_be_an_activation():
    config = keras.saving.serialize_keras_object(keras.layers.ReLU(max_value=2.0))
    layer = activations.get(config)
    assert isinstance(layer, plait.layers.ReLU)
    assert activations.get(layer) is layer
    assert activations.serialize(layer)["module"] == "keras.layers"
    operation = activations.relu(plait.KerasTensor((None, 3)), max_value=2.0)._keras_history.operation
    again = plait.common.serialization.deserialize(plait.common.serialization.serialize(operation))
    assert again.get_config() == operation.get_config()
