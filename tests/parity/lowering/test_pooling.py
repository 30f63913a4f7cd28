"""The formulations of poolings do what XLA's own do: values, gradients (to the first of equals), higher derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jax import lax

from parity.lowering.stock import agrees, array, few, pooling, windows
from plait.lowering.pooling import average_pool, max_pool

channels = st.sampled_from([1, 5])


def largest(x, size, strides, padding):
    return pooling(x, -np.inf, lax.max, size, strides, padding)


def mean(x, size, strides, padding):
    total, count = (pooling(one, 0, lax.add, size, strides, padding) for one in (x, jnp.ones_like(x)))
    return total / count


@few
@given(windows(dilated=False), channels)
def test_average_pooling(window, inside):
    lengths, size, strides, _, padding = window
    agrees(
        lambda x: average_pool(x, size, strides=strides, padding=padding),
        lambda x: mean(x, size, strides, padding),
        array((2, *lengths, inside)),
    )


@few
@given(windows(dilated=False), channels, st.booleans())
def test_max_pooling(window, inside, ties):
    lengths, size, strides, _, padding = window
    x = array((2, *lengths, inside))
    check_maximum(jnp.round(x) if ties else x, size, strides, padding)


def check_maximum(x, size, strides, padding):
    """Values and gradients to the bit; XLA's own has no derivatives beyond."""

    @jax.jit
    def both(x):
        functions = (
            (lambda x: max_pool(x, size, strides=strides, padding=padding)),
            (lambda x: largest(x, size, strides, padding)),
        )
        values = [function(x) for function in functions]
        weights = jnp.arange(1.0, values[0].size + 1).reshape(values[0].shape).astype(x.dtype)
        return values, [jax.grad(lambda x, f=f: jnp.sum(f(x) * weights))(x) for f in functions]

    (own, stock), (slope, stock_slope) = both(x)
    np.testing.assert_array_equal(own, stock)
    np.testing.assert_allclose(slope, stock_slope, rtol=1e-6)


@pytest.mark.parametrize("size, strides", [((2, 2), (2, 2)), ((3, 3), (2, 2)), ((5, 5), (1, 1)), ((1, 40), (1, 40))])
def test_windows_of_every_kind(size, strides):
    x = array((1, 9, 41, 2))
    check_maximum(x, size, strides, "same")
    np.testing.assert_allclose(
        average_pool(x, size, strides=strides, padding="same"), mean(x, size, strides, "same"), atol=1e-5
    )


def test_the_second_derivative_of_a_maximum():
    x, direction = array((2, 6, 6, 3)), array((2, 6, 6, 3), 1)

    def loss(x):
        return jnp.sum(max_pool(x, 2) ** 3)

    slope, curved = jax.jvp(jax.grad(loss), (x,), (direction,))
    chosen = slope != 0
    np.testing.assert_allclose(curved, jnp.where(chosen, 6 * x * direction, 0), rtol=1e-5, atol=1e-5)
    twice = jax.grad(lambda x: jnp.vdot(jax.grad(loss)(x), direction))(x)
    np.testing.assert_allclose(twice, curved, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(jax.vmap(lambda one: max_pool(one, 2))(x[None])[0], max_pool(x, 2))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite(bad):
    x = array((1, 6, 6, 2)).at[0, 2, 3, 0].set(bad)
    np.testing.assert_array_equal(max_pool(x, 2), largest(x, (2, 2), (2, 2), "valid"))
    np.testing.assert_allclose(average_pool(x, 3, strides=1), mean(x, (3, 3), (1, 1), "valid"), rtol=1e-5)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "int32"])
def test_other_dtypes(dtype):
    x = (10 * array((2, 7, 7, 3))).astype(dtype)
    lowest = jnp.iinfo(dtype).min if dtype == "int32" else -np.inf
    np.testing.assert_array_equal(max_pool(x, 2), pooling(x, lowest, lax.max, (2, 2), (2, 2), "valid"))
    assert max_pool(x, 2).dtype == dtype
    if dtype != "int32":
        found = average_pool(x, 2)
        assert found.dtype == dtype
        expected = mean(x.astype("float32"), (2, 2), (2, 2), "valid")
        np.testing.assert_allclose(found.astype("float32"), expected, rtol=1e-2, atol=0.1)
