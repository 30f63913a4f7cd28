"""GELU, products of many axes and attention's last step do what JAX's own do, with derivatives of every order."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity.lowering.stock import agrees, array, few
from plait.lowering.activation import gelu
from plait.lowering.attention import softmax_product
from plait.lowering.products import product


def stock_gelu(x):
    return jax.nn.gelu(x, approximate=False)


@pytest.mark.parametrize("dtype, tolerance", [("float32", 1e-6), ("bfloat16", 2e-2), ("float16", 3e-3)])
def test_gelu(dtype, tolerance):
    x = jnp.linspace(-9, 9, 301).astype(dtype)
    np.testing.assert_allclose(gelu(x).astype("float32"), stock_gelu(x).astype("float32"), atol=tolerance)
    slopes, expected = (jax.vmap(jax.grad(one))(x) for one in (gelu, stock_gelu))
    assert slopes.dtype == expected.dtype
    np.testing.assert_allclose(slopes.astype("float32"), expected.astype("float32"), atol=tolerance)


def test_the_derivatives_of_gelu():
    agrees(gelu, stock_gelu, 3 * array((5, 7)), tolerance=2e-6)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_gelu_of_what_is_not_finite(bad):
    x = jnp.array([bad, 1.0])
    np.testing.assert_array_equal(gelu(x), stock_gelu(x))
    slopes, expected = (jax.vmap(jax.grad(one))(x) for one in (gelu, stock_gelu))
    np.testing.assert_array_equal(np.isfinite(slopes), np.isfinite(expected))


@few
@given(st.lists(st.integers(0, 3), min_size=0, max_size=3), st.integers(1, 4), st.integers(1, 4))
def test_product(outer, inside, units):
    x, kernel = array((*outer, inside)), array((inside, units), 1)
    agrees(product, jnp.matmul, x, kernel)


@pytest.mark.parametrize("dtype, tolerance", [("float32", 1e-6), ("bfloat16", 2e-2)])
def test_softmax_product(dtype, tolerance):
    logits, values = (30 * array((2, 3, 5, 7))).astype(dtype), array((2, 3, 7, 4)).astype(dtype)
    found, expected = softmax_product(logits, values), jax.nn.softmax(logits, axis=-1) @ values
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found.astype("float32"), expected.astype("float32"), atol=tolerance)


def test_the_derivatives_of_a_softmax_product():
    agrees(
        softmax_product, lambda a, b: jax.nn.softmax(a, axis=-1) @ b, array((2, 5, 7)), array((2, 7, 3)), tolerance=3e-6
    )
