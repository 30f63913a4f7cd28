"""Normalisation: means and variances, and what is divided by them.

Half floats are averaged in float32 and given back as they came, because sums of squares soon leave their range.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from plait.common.messages import describe, warn
from plait.common.settings import settings
from plait.core.op import op
from plait.core.variable import convert_to_tensor
from plait.errors import ArgumentError, ShapeError

_NN = "keras.src.ops.nn"


@op(module=_NN, options=("axes", "keepdims", "synchronized"))
def moments(x: Any, axes: Any, keepdims: bool = False, synchronized: bool = False) -> tuple[Any, Any]:
    """The mean and the (biased) variance over axes.

    Args:
        x: a tensor.
        axes: the axes to average over.
        keepdims: whether they stay, with size 1.
        synchronized: has no effect: under `jax.sharding` the mean over a sharded axis is over all devices.

    >>> [float(moment) for moment in moments(jnp.array([1.0, 3.0]), [0])]
    [2.0, 1.0]
    """
    x = convert_to_tensor(x)
    exact = _exact(x)
    axes = _axes(axes)
    mean = jnp.mean(exact, axes, keepdims=True)
    variance = jnp.mean(jnp.square(exact - mean), axes, keepdims=True)
    if not keepdims:
        mean, variance = jnp.squeeze(mean, axes), jnp.squeeze(variance, axes)
    if x.dtype != exact.dtype and jnp.issubdtype(x.dtype, jnp.floating):
        limits = jnp.finfo(x.dtype)
        return tuple(jnp.clip(m, limits.min, limits.max).astype(x.dtype) for m in (mean, variance))  # type: ignore[return-value]
    return mean, variance


@op(module=_NN, name="BatchNorm", options=("axis", "epsilon"))
def batch_normalization(
    x: Any, mean: Any, variance: Any, axis: int, offset: Any = None, scale: Any = None, epsilon: float = 1e-3
) -> Any:
    """(x - mean) / sqrt(variance + epsilon) · scale + offset, with one number of each for each place along an axis.

    Args:
        x: a tensor whose size along the axis is N.
        mean: (N,).
        variance: (N,).
        axis: the axis.
        offset: (N,), or None for none.
        scale: (N,), or None for none.
        epsilon: what keeps the division finite.

    Source: Ioffe and Szegedy, "Batch Normalization", 2015.

    >>> batch_normalization(jnp.array([[3.0]]), jnp.array([1.0]), jnp.array([4.0]), axis=-1, epsilon=0.0).tolist()
    [[1.0]]
    """
    x = convert_to_tensor(x)

    def along(name: str, values: Any) -> Any:
        values, size = convert_to_tensor(values), x.shape[axis]
        if values.ndim == 1 and isinstance(size, int) and values.shape[0] != size:
            raise ShapeError(
                f"batch_normalization: `{name}` must be a vector of length {size}, the size of the axis {axis} of "
                f"{describe(x)}, but got {describe(values)}."
            )
        return _along(values, (axis,), x)

    factor = jax.lax.rsqrt(along("variance", variance) + epsilon)
    if scale is not None:
        factor = factor * along("scale", scale)
    shift = -along("mean", mean) * factor
    if offset is not None:
        shift = shift + along("offset", offset)
    return x * factor + shift


@op(module=_NN, name="LayerNorm", options=("axis", "epsilon", "rms_scaling"))
def layer_normalization(
    x: Any, gamma: Any = None, beta: Any = None, axis: Any = -1, epsilon: float | None = None, rms_scaling: bool = False
) -> Any:
    """(x - mean) / sqrt(variance + epsilon) · gamma + beta, with mean and variance over axes of each sample.

    Args:
        x: a tensor.
        gamma: the factors, of the axes' shape; None for none.
        beta: what is added, of the axes' shape; None for none.
        axis: the axis or axes.
        epsilon: what keeps the division finite; None is the setting of the program.
        rms_scaling: out of use: x · gamma / sqrt(variance + epsilon), which is no RMS normalisation.

    Source: Ba, Kiros and Hinton, "Layer Normalization", 2016.

    >>> layer_normalization(jnp.array([1.0, 3.0])).round(3).tolist()
    [-1.0, 1.0]
    """
    x = convert_to_tensor(x)
    axes = _axes(axis)
    exact = _exact(x)
    mean, variance = moments(exact, axes, keepdims=True)
    factor = jax.lax.rsqrt(variance + _epsilon(epsilon))
    if gamma is not None:
        factor = factor * _along(gamma, axes, x).astype(exact.dtype)
    if rms_scaling:
        warn(
            "You passed `rms_scaling=True`, which is deprecated: it divides by the variance, not by the RMS. Use "
            "rms_normalization."
        )
        return (exact * factor).astype(x.dtype)
    out = (exact - mean) * factor
    if beta is not None:
        out = out + _along(beta, axes, x).astype(exact.dtype)
    return out.astype(_floating(x))


@op(module=_NN, name="RMSNorm", options=("axis", "epsilon"))
def rms_normalization(x: Any, scale: Any = None, axis: Any = -1, epsilon: float | None = None) -> Any:
    """x / sqrt(mean(x²) + epsilon) · scale, the mean being over axes of each sample.

    Args:
        x: a tensor.
        scale: what is multiplied, of a shape that broadcasts with x; None for none.
        axis: the axis or axes.
        epsilon: what keeps the division finite; None is the setting of the program.

    Source: Zhang and Sennrich, "Root Mean Square Layer Normalization", 2019.

    >>> rms_normalization(jnp.array([3.0, 3.0])).round(3).tolist()
    [1.0, 1.0]
    """
    x = convert_to_tensor(x)
    exact = _exact(x)
    squares = jnp.mean(jnp.square(exact), _axes(axis), keepdims=True)
    out = exact * jax.lax.rsqrt(squares + _epsilon(epsilon))
    if scale is not None:
        out = out * convert_to_tensor(scale).astype(exact.dtype)
    return out.astype(_floating(x))


@op(module=_NN)
def normalize(x: Any, axis: Any = -1, order: int = 2, epsilon: float | None = None) -> Any:
    """x divided by its norm over axes.

    Args:
        x: a tensor.
        axis: the axis or axes; None is all of them.
        order: which norm: (Σ|x|^order)^(1/order), an integer from 1 up.
        epsilon: the least that is divided by; None is the setting of the program.

    Raises:
        ArgumentError: another order.

    Differs: Keras takes a matrix norm over two axes if the order is not 2.

    >>> normalize(jnp.array([3.0, 4.0])).round(3).tolist()
    [0.6000000238418579, 0.800000011920929]
    """
    if not isinstance(order, int) or order < 1:
        raise ArgumentError(f"normalize: Argument `order` must be an int >= 1, but got {order!r}.")
    x = convert_to_tensor(x)
    x = x.astype(_floating(x))
    axes, least = None if axis is None else _axes(axis), _epsilon(epsilon)
    if order == 2:
        return x * jax.lax.rsqrt(jnp.maximum(jnp.sum(jnp.square(x), axes, keepdims=True), least * least))
    powers = jnp.sum(jnp.abs(x) ** order, axes, keepdims=True)
    return x / jnp.maximum(powers ** (1.0 / order), least)


def _exact(x: Any) -> Any:
    """A tensor in a dtype that sums of squares fit into."""
    return x.astype(jnp.promote_types(x.dtype, "float32"))


def _floating(x: Any) -> Any:
    return x.dtype if jnp.issubdtype(x.dtype, jnp.inexact) else jnp.dtype("float32")


def _epsilon(epsilon: float | None) -> float:
    return settings().epsilon if epsilon is None else epsilon


def _axes(axis: Any) -> tuple[int, ...]:
    return tuple(axis) if isinstance(axis, Sequence) else (axis,)


def _along(values: Any, axes: tuple[int, ...], x: Any) -> Any:
    """Values of some axes' shape, with size 1 on all other axes of x."""
    values = convert_to_tensor(values)
    axes = tuple(sorted(axis % x.ndim for axis in axes))
    if values.ndim == x.ndim:
        return values
    if values.ndim != len(axes):
        raise ShapeError(f"normalisation over the axes {axes} of {describe(x)}: a weight cannot be {describe(values)}.")
    return jnp.expand_dims(values, tuple(axis for axis in range(x.ndim) if axis not in axes))
