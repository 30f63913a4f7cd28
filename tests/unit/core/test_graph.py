"""Symbolic tensors, ops on them, and graphs."""

import numpy as np
import pytest

import plait
from plait import layers, ops


def run(inputs, outputs, *values):
    return plait.Model(inputs, outputs).predict(list(values) if len(values) > 1 else values[0], verbose=0)


@pytest.mark.parametrize(
    "expression",
    [
        "x + 2",
        "2 + x",
        "x - 1",
        "1 - x",
        "x * 3",
        "x / 2",
        "2 / x",
        "x // 2",
        "x % 2",
        "x ** 2",
        "-x",
        "abs(x)",
        "x[:, 0]",
        "x[:, 1:]",
        "x[..., None]",
        "x + np.ones(3, 'float32')",
        "np.ones(3, 'float32') + x",
        "np.float32(2) * x",
        "x @ np.ones((3, 2), 'float32')",
        "x.reshape((-1, 3, 1))",
        "x.T if False else x",
        "(x > 1) & (x < 2)",
        "x == 1",
        "x != 1",
        "~(x > 1)",
        "x < 1",
        "x >= 1",
    ],
)
def test_operators(expression):
    values = np.array([[1.0, 2.0, 3.0], [0.5, 1.0, 1.5]], "float32")
    x = plait.Input((3,))
    symbolic = eval(expression)
    x, given = values, x
    expected = np.asarray(eval(expression))
    result = run(given, symbolic, values)
    assert symbolic.shape[1:] == expected.shape[1:]
    np.testing.assert_allclose(result, expected, rtol=1e-6)


def test_round():
    x = plait.Input((2,))
    np.testing.assert_array_equal(run(x, round(x), np.array([[0.4, 1.6]], "float32")), [[0, 2]])


def test_a_tensor_is_found_in_a_list_by_identity():
    a, b = plait.Input((3,)), plait.Input((3,))
    assert b in [a, b]
    assert plait.Input((3,)) not in [a, b]


def test_shapes_with_none():
    x = plait.Input((None, 8))
    assert x.shape == (None, None, 8)
    assert layers.Dense(4)(x).shape == (None, None, 4)
    assert x[:, 0].shape == (None, 8)
    assert ops.mean(x, axis=1).shape == (None, 8)


def test_repr():
    assert (
        repr(plait.Input((4,), name="a"))
        == "<KerasTensor shape=(None, 4), dtype=float32, sparse=False, ragged=False, name=a>"
    )
    assert repr(layers.Dense(2, name="d")) == "<Dense name=d, built=False>"


def test_dtypes_of_arithmetic():
    whole, real = plait.Input((2,), dtype="int32"), plait.Input((2,))
    assert (whole + whole).dtype == "int32"
    assert (whole + 1).dtype == "int32"
    assert (whole + 1.5).dtype == "float32"
    assert (whole / 2).dtype == "float32"
    assert (whole + real).dtype == "float32"


def test_order_of_layers_is_by_depth():
    a, b, c = (plait.Input((2,), name=name) for name in "abc")
    h = layers.Dense(2, name="d2")(layers.Dense(2, name="d1")(b))
    model = plait.Model([a, b, c], layers.Add(name="add")([h, a]))
    assert [layer.name for layer in model.layers] == ["b", "d1", "d2", "a", "c", "add"]


def test_any_jax_function_is_an_op():
    import jax.numpy as jnp

    @plait.op
    def gate(x, y, sharpness=1.0):
        return x * jnp.tanh(y * sharpness)

    x = plait.Input((3,))
    values = np.ones((2, 3), "float32")
    np.testing.assert_allclose(run(x, gate(x, x + 1, sharpness=2.0), values), np.tanh(4.0) * values, rtol=1e-6)


def test_deep_chains_do_not_recurse():
    x = h = plait.Input((2,))
    for _ in range(3000):
        h = h + 1.0
    assert len(plait.Model(x, h).operations) == 3001


def test_layers_called_with_keyword_tensors():
    class Scale(layers.Layer):
        def call(self, x, factor=None):
            return x * factor

    x, factor = plait.Input((3,)), plait.Input((1,))
    out = Scale()(x, factor=factor)
    values = np.ones((2, 3), "float32"), np.full((2, 1), 4.0, "float32")
    np.testing.assert_allclose(run([x, factor], out, *values), 4 * values[0])


def test_optional_inputs():
    class Maybe(layers.Layer):
        def call(self, x, y=None):
            return x if y is None else x + y

    x, y = plait.Input((3,), name="x"), plait.Input((3,), name="y", optional=True)
    model = plait.Model([x, y], Maybe()(x, y))
    ones = np.ones((2, 3), "float32")
    np.testing.assert_allclose(model([ones, None]), ones)
    np.testing.assert_allclose(model([ones, ones]), 2 * ones)
