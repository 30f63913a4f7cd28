"""XLA's own convolutions and poolings, and the checks that a formulation does what they do: values and derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from jax import lax

import compiling

few = settings(
    max_examples=40 if compiling.LONG else 4,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    database=None,
)


def layout(rank):
    """Channels last, as (inputs, kernel, outputs)."""
    spatial = "XYZ"[:rank]
    return f"N{spatial}C", f"{spatial}IO", f"N{spatial}C"


def convolution(x, kernel, strides, padding, dilation, groups=1):
    """XLA's convolution."""
    rank = x.ndim - 2
    return lax.conv_general_dilated(
        x,
        kernel,
        strides,
        padding.upper(),
        rhs_dilation=dilation,
        dimension_numbers=layout(rank),
        feature_group_count=groups,
    )


def transposition(x, kernel, strides, padding, dilation, lengths):
    """The transposed convolution of a valid or same one, made by XLA: the gradient of the input of a convolution."""
    shape = (x.shape[0], *lengths, kernel.shape[-2])
    _, back = jax.vjp(
        lambda image: convolution(image, kernel, strides, padding, dilation), jax.ShapeDtypeStruct(shape, x.dtype)
    )
    return back(x)[0]


def pooling(x, start, reducer, size, strides, padding):
    """XLA's pooling."""
    start = np.asarray(start, x.dtype)[()]
    return lax.reduce_window(x, start, reducer, (1, *size, 1), (1, *strides, 1), padding.upper())


@st.composite
def windows(draw, most_axes=3, dilated=True):
    """Lengths, sizes, strides, dilations and a padding that give at least one window."""
    rank = draw(st.integers(1, most_axes))
    size = [draw(st.integers(1, 3)) for _ in range(rank)]
    strides = [draw(st.integers(1, 3)) for _ in range(rank)]
    dilation = [draw(st.integers(1, 2)) if dilated and max(strides) == 1 else 1 for _ in range(rank)]
    spans = [(taps - 1) * distance + 1 for taps, distance in zip(size, dilation, strict=True)]
    lengths = [span + draw(st.integers(0, 4)) for span in spans]
    return tuple(lengths), tuple(size), tuple(strides), tuple(dilation), draw(st.sampled_from(["valid", "same"]))


def array(shape, seed=0, dtype="float32"):
    """Numbers of a normal distribution; the same for the same shape and seed."""
    return jnp.asarray(np.random.default_rng([seed, *shape]).normal(size=shape), dtype)


def agrees(found, stock, *operands, tolerance=2e-4):
    """Asserts that two functions have the same values, tangents, gradients and second derivatives."""
    for name, one, other in zip(NAMES, derivatives(found, operands), derivatives(stock, operands), strict=True):
        jax.tree.map(lambda a, b, name=name: close(a, b, tolerance, name), one, other)


NAMES = ("value", "tangent", "gradient", "second derivative, reverse over reverse", "forward over reverse", "batched")


def derivatives(function, operands):
    """What `NAMES` says, in one compiled program."""
    directions = tuple(array(operand.shape, 7 + index, operand.dtype) for index, operand in enumerate(operands))

    @jax.jit
    def whole(operands, directions):
        def loss(operands):
            value = function(*operands)
            return jnp.sum((value * jnp.cos(jnp.arange(value.size).reshape(value.shape))).astype("float32") ** 2)

        def along(operands):
            slopes = jax.grad(loss)(operands)
            return sum(jnp.vdot(slope, direction) for slope, direction in zip(slopes, directions, strict=True))

        value, tangent = jax.jvp(function, operands, directions)
        twice = jax.vmap(function)(*[jnp.stack([operand, 2 * operand]) for operand in operands])
        slopes, forward = jax.jvp(jax.grad(loss), (operands,), (directions,))
        return value, tangent, slopes, jax.grad(along)(operands), forward, twice

    return whole(tuple(operands), directions)


def close(found, expected, tolerance, name):
    """Asserts that two arrays are the same but for rounding, measured on the largest number."""
    assert found.shape == expected.shape and found.dtype == expected.dtype, name
    found, expected = np.asarray(found, "float64"), np.asarray(expected, "float64")
    largest = max(1.0, float(np.max(np.abs(expected), initial=0)))
    np.testing.assert_allclose(found / largest, expected / largest, atol=tolerance, err_msg=name)
