"""Activation functions as operations: `plait.activations` hands the same ones out by Keras's names.

All work element by element and keep shape and dtype, but for `softmax`, `log_softmax`, `sparsemax` and `glu`, which look
at a whole axis. x is a floating tensor of any shape.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from plait.common.messages import warn
from plait.core.op import op
from plait.core.variable import convert_to_tensor
from plait.errors import ArgumentError
from plait.lowering import activation as lowered
from plait.ops.operands import axes, floating

_NN = "keras.src.ops.nn"


@op(module=_NN)
def relu(x: Any) -> Any:
    """max(x, 0). The gradient at 0 is 0."""
    return jax.nn.relu(convert_to_tensor(x))


@op(module=_NN)
def relu6(x: Any) -> Any:
    """min(max(x, 0), 6)."""
    return jax.nn.relu6(convert_to_tensor(x))


@op(module=_NN)
def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x))."""
    return jax.nn.sigmoid(floating(x))


@op(module=_NN)
def log_sigmoid(x: Any) -> Any:
    """log(1 / (1 + exp(-x))), exact where the sigmoid is nearly 0."""
    return jax.nn.log_sigmoid(floating(x))


@op(module=_NN)
def hard_sigmoid(x: Any) -> Any:
    """min(max(x / 6 + 1/2, 0), 1)."""
    return jax.nn.hard_sigmoid(floating(x))


@op(module=_NN)
def silu(x: Any) -> Any:
    """x sigmoid(x), also called swish. Source: Ramachandran et al., "Searching for Activation Functions", 2017."""
    return jax.nn.silu(floating(x))


swish = silu


@op(module=_NN)
def hard_silu(x: Any) -> Any:
    """x hard_sigmoid(x), also called hard swish. Source: Howard et al., "Searching for MobileNetV3", 2019."""
    return jax.nn.hard_silu(floating(x))


hard_swish = hard_silu


@op(module=_NN)
def hard_tanh(x: Any) -> Any:
    """min(max(x, -1), 1)."""
    return jax.nn.hard_tanh(convert_to_tensor(x))


@op(module=_NN)
def tanh_shrink(x: Any) -> Any:
    """x - tanh(x)."""
    x = floating(x)
    return x - jnp.tanh(x)


@op(module=_NN)
def softplus(x: Any) -> Any:
    """log(1 + exp(x))."""
    return jax.nn.softplus(floating(x))


@op(module=_NN)
def softsign(x: Any) -> Any:
    """x / (1 + |x|)."""
    return jax.nn.soft_sign(floating(x))


@op(module=_NN)
def soft_shrink(x: Any, threshold: float = 0.5) -> Any:
    """x moved towards 0 by the threshold, and 0 where it is nearer than that."""
    x = floating(x)
    return jnp.where(x > threshold, x - threshold, jnp.where(x < -threshold, x + threshold, jnp.zeros_like(x)))


@op(module=_NN)
def hard_shrink(x: Any, threshold: float = 0.5) -> Any:
    """x where |x| is above the threshold, else 0."""
    x = floating(x)
    return jnp.where(jnp.abs(x) > threshold, x, jnp.zeros_like(x))


@op(module=_NN, options=("threshold", "default_value"))
def threshold(x: Any, threshold: float, default_value: float) -> Any:
    """x where it is above the threshold, else the default value."""
    x = floating(x)
    return jnp.where(x > threshold, x, jnp.full_like(x, default_value))


@op(module=_NN)
def elu(x: Any, alpha: float = 1.0) -> Any:
    """x where positive, else alpha (exp(x) - 1). Source: Clevert et al., "Fast and Accurate ... ELUs", 2016."""
    return jax.nn.elu(floating(x), alpha)


@op(module=_NN)
def celu(x: Any, alpha: float = 1.0) -> Any:
    """x where positive, else alpha (exp(x / alpha) - 1). Source: Barron, "Continuously Differentiable ELUs", 2017."""
    return jax.nn.celu(floating(x), alpha)


@op(module=_NN)
def selu(x: Any) -> Any:
    """1.0507 elu(x, 1.6733): keeps mean 0 and variance 1 from layer to layer, with `lecun_normal` kernels.

    Source: Klambauer et al., "Self-Normalizing Neural Networks", 2017.
    """
    return jax.nn.selu(floating(x))


@op(module=_NN)
def leaky_relu(x: Any, negative_slope: float = 0.2) -> Any:
    """x where positive, else negative_slope x."""
    return jax.nn.leaky_relu(floating(x), negative_slope)


@op(module=_NN)
def gelu(x: Any, approximate: bool = True) -> Any:
    """x Φ(x), Φ being the normal distribution's function; approximately, by a tanh.

    Source: Hendrycks and Gimpel, "Gaussian Error Linear Units", 2016.
    Differs: the default here, as in Keras, is the approximation; that of `plait.activations.gelu` is the exact form.
    """
    x = floating(x)
    return jax.nn.gelu(x) if approximate else lowered.gelu(x)


@op(module=_NN)
def sparse_plus(x: Any) -> Any:
    """0 up to -1, x from 1 on, and (x + 1)² / 4 between."""
    return jax.nn.sparse_plus(floating(x))


@op(module=_NN)
def sparse_sigmoid(x: Any) -> Any:
    """0 up to -1, 1 from 1 on, and (x + 1) / 2 between: the derivative of `sparse_plus`."""
    return jax.nn.sparse_sigmoid(floating(x))


@op(module=_NN)
def squareplus(x: Any, b: float = 4) -> Any:
    """(x + sqrt(x² + b)) / 2. Source: Barron, "Squareplus: A Softplus-Like Algebraic Rectifier", 2021."""
    return jax.nn.squareplus(floating(x), b)


@op(module=_NN)
def glu(x: Any, axis: int = -1) -> Any:
    """The first half of an axis times the sigmoid of the second. Shapes: (..., 2 n) becomes (..., n).

    Source: Dauphin et al., "Language Modeling with Gated Convolutional Networks", 2017.
    Raises: ArgumentError if the axis has no even size.
    """
    x = floating(x)
    if isinstance(x.shape[axis], int) and x.shape[axis] % 2:
        raise ArgumentError(f"glu: the axis {axis} must have an even size to be halved, but the shape is {x.shape}.")
    return jax.nn.glu(x, axis)


@op(module=_NN)
def softmax(x: Any, axis: Any = -1) -> Any:
    """exp(x) divided by its sum over an axis, or over several together. It warns of an axis of size 1: the result is 1."""
    x, axis = floating(x), axes(axis)
    if isinstance(axis, int) and -x.ndim <= axis < x.ndim and x.shape[axis] == 1:
        warn(
            f"You are using a softmax over axis {axis} of a tensor of shape {x.shape}. This axis has size 1. The softmax "
            "operation will always return the value 1, which is likely not what you intended. Did you mean to use a "
            "sigmoid instead?"
        )
    # The largest value of what has no derivative: jax.nn.softmax derives it first, and throws that away.
    largest = jnp.max(lax.stop_gradient(x), axis, keepdims=True, initial=-jnp.inf)
    powers = jnp.exp(x - largest)
    return powers / jnp.sum(powers, axis, keepdims=True)


@op(module=_NN)
def log_softmax(x: Any, axis: Any = -1) -> Any:
    """log(softmax(x)), exact where the softmax is nearly 0."""
    return jax.nn.log_softmax(floating(x), axes(axis))


@op(module=_NN)
def sparsemax(x: Any, axis: int = -1) -> Any:
    """The nearest point to x among the vectors of positive numbers that sum to 1: like softmax, with exact zeros.

    Source: Martins and Astudillo, "From Softmax to Sparsemax", 2016.
    Differs: Keras 3.15 returns rows that don't sum to 1 where x has several rows and the axis is the last.
    """
    x = floating(x)
    last = jnp.moveaxis(x, axis, -1)
    sorted_down = -jnp.sort(-last, axis=-1)
    sums = jnp.cumsum(sorted_down, axis=-1)
    count = jnp.arange(1, last.shape[-1] + 1, dtype=x.dtype)
    kept = jnp.sum(sorted_down * count + 1 > sums, axis=-1, keepdims=True)
    level = (jnp.take_along_axis(sums, kept - 1, axis=-1) - 1) / kept.astype(x.dtype)
    return jnp.moveaxis(jnp.maximum(last - level, 0), -1, axis)
