"""The formulations of convolutions do what XLA's own do: values, gradients, second derivatives, forward mode, vmap."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity.lowering.stock import agrees, array, convolution, few, transposition, windows
from plait.lowering.convolution import conv, conv_transpose, depthwise_conv

channels = st.sampled_from([1, 3, 17])


@few
@given(windows(), channels, channels, st.integers(1, 2))
def test_convolution(window, inside, outside, groups):
    lengths, size, strides, dilation, padding = window
    x, kernel = array((2, *lengths, inside * groups)), array((*size, inside, outside * groups), 1)
    agrees(
        lambda x, kernel: conv(x, kernel, strides=strides, padding=padding, dilation=dilation, groups=groups),
        lambda x, kernel: convolution(x, kernel, strides, padding, dilation, groups),
        x,
        kernel,
    )


@few
@given(windows(most_axes=2), channels, st.integers(1, 2))
def test_depthwise_convolution(window, inside, multiplier):
    lengths, size, strides, dilation, padding = window
    x, kernel = array((2, *lengths, inside)), array((*size, inside, multiplier), 1)
    agrees(
        lambda x, kernel: depthwise_conv(x, kernel, strides=strides, padding=padding, dilation=dilation),
        lambda x, kernel: convolution(x, kernel.reshape(*size, 1, -1), strides, padding, dilation, inside),
        x,
        kernel,
    )


@few
@given(windows(most_axes=2), channels, channels)
def test_transposed_convolution(window, inside, outside):
    places, size, strides, dilation, padding = window
    x, kernel = array((2, *places, inside)), array((*size, outside, inside), 1)

    def own(x, kernel):
        return conv_transpose(x, kernel, strides=strides, padding=padding, dilation=dilation)

    lengths = own(x, kernel).shape[1:-1]
    agrees(own, lambda x, kernel: transposition(x, kernel, strides, padding, dilation, lengths), x, kernel)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float64"])
def test_other_dtypes(dtype):
    with jax.enable_x64(dtype == "float64"):
        x, kernel = array((2, 9, 8, 5), 0, dtype), array((3, 3, 5, 6), 1, dtype)
        tolerance = 1e-9 if dtype == "float64" else 3e-2
        agrees(
            lambda x, kernel: conv(x, kernel, strides=2, padding="same"),
            lambda x, kernel: convolution(x, kernel, (2, 2), "same", (1, 1)),
            x,
            kernel,
            tolerance=tolerance,
        )


@pytest.mark.parametrize("rows", [0, 1])
def test_small_batches(rows):
    x, kernel = array((rows, 6, 6, 3)), array((3, 3, 3, 4))
    value, slopes = jax.value_and_grad(lambda x, kernel: jnp.sum(conv(x, kernel)), (0, 1))(x, kernel)
    assert jnp.isfinite(value) and slopes[0].shape == x.shape and slopes[1].shape == kernel.shape


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_stays_where_it_is(bad):
    x, kernel = array((1, 7, 7, 20)).at[0, 3, 3, 0].set(bad), array((3, 3, 20, 20), 1)
    for padding in ("valid", "same"):
        own = np.isfinite(conv(x, kernel, padding=padding))
        assert (own == np.isfinite(convolution(x, kernel, (1, 1), padding, (1, 1)))).all()
        own = np.isfinite(depthwise_conv(x, kernel[..., :1], padding=padding))
        stock = convolution(x, kernel[..., :1].reshape(3, 3, 1, 20), (1, 1), padding, (1, 1), 20)
        assert (own == np.isfinite(stock)).all()


def test_inside_a_loop_as_alone():
    x, kernel = array((4, 8, 8, 3)), array((3, 3, 3, 8), 1)
    slope = jax.grad(lambda kernel: jnp.sum(conv(x, kernel) ** 2))
    _, looped = jax.jit(lambda: jax.lax.scan(lambda carry, _: (carry, slope(carry)), kernel, length=2))()
    np.testing.assert_allclose(looped[1], slope(kernel), rtol=1e-4, atol=1e-3)
