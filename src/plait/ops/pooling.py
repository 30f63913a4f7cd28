"""Pooling over one, two or three spatial axes: the largest element or the mean of each window.

Letters: B batch, L spatial axes, C channels. Inputs are (B, *L, C), or (B, C, *L) with `data_format="channels_first"`;
None takes the setting of the program.
"""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from plait.common.messages import describe
from plait.core.op import op
from plait.core.variable import convert_to_tensor
from plait.errors import ShapeError
from plait.lowering import pooling
from plait.ops.convolution import each_axis, in_channels_last, is_channels_last, padding_name

_NN = "keras.src.ops.nn"


@op(module=_NN, options=("pool_size", "strides", "padding", "data_format"))
def max_pool(
    inputs: Any, pool_size: Any, strides: Any = None, padding: str = "valid", data_format: str | None = None
) -> Any:
    """The largest element of each window.

    Args:
        inputs: (B, *L, C).
        pool_size: the window: one number, or one for each axis.
        strides: by how much it moves; None is its size.
        padding: "valid" for windows that lie inside, "same" for one output at each stride.
        data_format: "channels_last", "channels_first" or None.

    Returns:
        (B, *L', C).

    >>> max_pool(jnp.arange(4.0).reshape(1, 4, 1), 2).ravel().tolist()
    [1.0, 3.0]
    """
    return _pool("max_pool", _largest, inputs, pool_size, strides, padding, data_format)


@op(module=_NN, options=("pool_size", "strides", "padding", "data_format"))
def average_pool(
    inputs: Any, pool_size: Any, strides: Any = None, padding: str = "valid", data_format: str | None = None
) -> Any:
    """The mean of each window; padding isn't counted.

    Args:
        inputs: (B, *L, C).
        pool_size: the window: one number, or one for each axis.
        strides: by how much it moves; None is its size.
        padding: "valid" for windows that lie inside, "same" for one output at each stride.
        data_format: "channels_last", "channels_first" or None.

    Returns:
        (B, *L', C).

    >>> average_pool(jnp.arange(4.0).reshape(1, 4, 1), 2).ravel().tolist()
    [0.5, 2.5]
    """
    return _pool("average_pool", _mean, inputs, pool_size, strides, padding, data_format)


def _pool(
    who: str, combine: Callable, inputs: Any, pool_size: Any, strides: Any, padding: str, data_format: str | None
) -> Any:
    inputs = convert_to_tensor(inputs)
    rank = inputs.ndim - 2
    if rank < 1:
        raise ShapeError(f"{who}: needs a batch axis, a channel axis and spatial ones, but got {describe(inputs)}.")
    window = each_axis(who, "pool_size", pool_size, rank)
    strides = window if strides is None else each_axis(who, "strides", strides, rank)
    padding = padding_name(who, padding)
    return in_channels_last(lambda x: combine(x, window, strides, padding), inputs, is_channels_last(who, data_format))


# ---------------------------------------------------------------------------- how they are computed


def _largest(x: Any, window: tuple, strides: tuple, padding: str) -> Any:
    return pooling.max_pool(x, window, strides=strides, padding=padding)


def _mean(x: Any, window: tuple, strides: tuple, padding: str) -> Any:
    return pooling.average_pool(x, window, strides=strides, padding=padding)


# ---------------------------------------------------------------------------- to a given size


@op(module=_NN, options=("output_size", "data_format"))
def adaptive_average_pool(inputs: Any, output_size: Any, data_format: str | None = None) -> Any:
    """The means of windows that divide each spatial axis into a given number of nearly equal parts.

    Args:
        inputs: (B, *L, C).
        output_size: how many parts: one number, or one for each axis; None keeps an axis as it is.
        data_format: "channels_last", "channels_first" or None.

    Returns:
        (B, *output_size, C).

    >>> adaptive_average_pool(jnp.arange(5.0).reshape(1, 5, 1), 2).ravel().tolist()
    [1.0, 3.0]
    """
    inputs, sizes, first = _adaptive_arguments("adaptive_average_pool", inputs, output_size, data_format)
    for axis, size in enumerate(sizes, first):
        places, inside = _parts(inputs.shape[axis], size)
        weights = (inside / inside.sum(axis=1, keepdims=True)).astype("float32")
        inputs = _over_parts(inputs, axis, places, lambda parts, w=weights: jnp.sum(parts * w.astype(parts.dtype), -1))
    return inputs


@op(module=_NN, options=("output_size", "data_format"))
def adaptive_max_pool(inputs: Any, output_size: Any, data_format: str | None = None) -> Any:
    """The largest elements of windows that divide each spatial axis into a given number of nearly equal parts.

    Args:
        inputs: (B, *L, C).
        output_size: how many parts: one number, or one for each axis; None keeps an axis as it is.
        data_format: "channels_last", "channels_first" or None.

    Returns:
        (B, *output_size, C).

    >>> adaptive_max_pool(jnp.arange(5.0).reshape(1, 5, 1), 2).ravel().tolist()
    [2.0, 4.0]
    """
    inputs, sizes, first = _adaptive_arguments("adaptive_max_pool", inputs, output_size, data_format)
    for axis, size in enumerate(sizes, first):
        places, _ = _parts(inputs.shape[axis], size)  # what a shorter part repeats doesn't change its largest
        inputs = _over_parts(inputs, axis, places, lambda parts: jnp.max(parts, -1))
    return inputs


def _adaptive_arguments(who: str, inputs: Any, output_size: Any, data_format: str | None) -> tuple[Any, tuple, int]:
    inputs = convert_to_tensor(inputs)
    first = 1 if is_channels_last(who, data_format) else 2
    spatial = inputs.shape[first : first + inputs.ndim - 2]
    if isinstance(output_size, (list, tuple)):
        output_size = [full if size is None else size for size, full in zip(output_size, spatial)]
    return inputs, each_axis(who, "output_size", output_size, len(spatial)), first


def _parts(size: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The places of each part of an axis, (count, longest part), and which of them belong to it."""
    index = np.arange(count)
    starts, ends = index * size // count, -(-(index + 1) * size // count)
    offsets = np.arange((ends - starts).max())
    inside = offsets < (ends - starts)[:, None]
    return np.minimum(starts[:, None] + offsets, ends[:, None] - 1), inside


def _over_parts(x: Any, axis: int, places: np.ndarray, combine: Callable) -> Any:
    parts = jnp.take(jnp.moveaxis(x, axis, -1), places, axis=-1)
    return jnp.moveaxis(combine(parts), -1, axis)
