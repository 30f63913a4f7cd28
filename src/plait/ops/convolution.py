"""Convolutions over one, two or three spatial axes.

Letters: B batch, L spatial axes (any number of them), C channels in, F channels out. Inputs are (B, *L, C), or (B, C, *L)
with `data_format="channels_first"`; None takes the setting of the program. Windows, strides and dilations are one number
for all axes or one for each.

All families end in one private function each, which says how it is computed.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from plait.common.messages import describe, did_you_mean
from plait.common.settings import settings
from plait.core.op import op
from plait.core.variable import convert_to_tensor
from plait.errors import ArgumentError, NameUnknownError, ShapeError
from plait.lowering import convolution

_NN = "keras.src.ops.nn"


@op(module=_NN)
def conv(
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """The convolution of layers (in mathematics, the cross-correlation): each output is a weighted window of the input.

    Args:
        inputs: (B, *L, C).
        kernel: (*window, C / groups, F). The number of groups is what the channels say.
        strides: by how much the window moves.
        padding: "valid" for windows that lie inside, "same" for one output at each stride.
        data_format: "channels_last", "channels_first" or None.
        dilation_rate: the distance between the elements of a window.

    Returns:
        (B, *L', F).

    Raises:
        ShapeError: ranks or channels that don't fit.

    >>> conv(jnp.ones((1, 5, 2)), jnp.ones((3, 2, 4))).shape
    (1, 3, 4)
    """
    inputs, kernel, channels_last = _operands("conv", inputs, kernel, data_format)
    channels, expected = inputs.shape[-1 if channels_last else 1], kernel.shape[-2]
    if isinstance(channels, int) and channels % expected:
        raise ShapeError(
            f"conv: The number of input channels must match the kernel's {expected}, or be a multiple of it, but got inputs "
            f"{describe(inputs)} and a kernel {describe(kernel)}."
        )
    rank = kernel.ndim - 2
    sizes = {
        "strides": each_axis("conv", "strides", strides, rank),
        "padding": padding_name("conv", padding),
        "dilation": each_axis("conv", "dilation_rate", dilation_rate, rank),
        "groups": channels // expected,
    }
    return in_channels_last(lambda x: _convolve(x, kernel, **sizes), inputs, channels_last)


@op(module=_NN)
def depthwise_conv(
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """A convolution of each channel by itself.

    Args:
        inputs: (B, *L, C).
        kernel: (*window, C, M): M outputs for each channel.
        strides: by how much the window moves.
        padding: "valid" or "same".
        data_format: "channels_last", "channels_first" or None.
        dilation_rate: the distance between the elements of a window.

    Returns:
        (B, *L', C M).

    Raises:
        ShapeError: ranks or channels that don't fit.

    >>> depthwise_conv(jnp.ones((1, 5, 2)), jnp.ones((3, 2, 4))).shape
    (1, 3, 8)
    """
    inputs, kernel, channels_last = _operands("depthwise_conv", inputs, kernel, data_format)
    channels = inputs.shape[-1 if channels_last else 1]
    if isinstance(channels, int) and channels != kernel.shape[-2]:
        raise ShapeError(
            f"depthwise_conv: The number of input channels must match the kernel's, but got inputs {describe(inputs)} and "
            f"a kernel {describe(kernel)}."
        )
    rank = kernel.ndim - 2
    sizes = {
        "strides": each_axis("depthwise_conv", "strides", strides, rank),
        "padding": padding_name("depthwise_conv", padding),
        "dilation": each_axis("depthwise_conv", "dilation_rate", dilation_rate, rank),
    }
    return in_channels_last(lambda x: _convolve_depthwise(x, kernel, **sizes), inputs, channels_last)


@op(module=_NN)
def separable_conv(
    inputs: Any,
    depthwise_kernel: Any,
    pointwise_kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """A depthwise convolution, and then one over the channels alone.

    Args:
        inputs: (B, *L, C).
        depthwise_kernel: (*window, C, M).
        pointwise_kernel: (1, ..., 1, C M, F).
        strides: by how much the window moves.
        padding: "valid" or "same".
        data_format: "channels_last", "channels_first" or None.
        dilation_rate: the distance between the elements of a window.

    Returns:
        (B, *L', F).

    Source: Chollet, "Xception: Deep Learning with Depthwise Separable Convolutions", 2017.

    >>> separable_conv(jnp.ones((1, 5, 2)), jnp.ones((3, 2, 4)), jnp.ones((1, 8, 6))).shape
    (1, 3, 6)
    """
    between = depthwise_conv(inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    return conv(between, pointwise_kernel, 1, "valid", data_format)


@op(module=_NN)
def conv_transpose(
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    output_padding: Any = None,
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """The transpose of a convolution: each input element adds a weighted window to the output.

    Args:
        inputs: (B, *L, C).
        kernel: (*window, F, C).
        strides: by how much the window moves in the output.
        padding: "valid" keeps all the windows cover, "same" gives stride outputs for each input.
        output_padding: by how much the output is longer than its smallest; None fits it to the strides.
        data_format: "channels_last", "channels_first" or None.
        dilation_rate: the distance between the elements of a window.

    Returns:
        (B, *L', F).

    Raises:
        ShapeError: ranks or channels that don't fit.

    >>> conv_transpose(jnp.ones((1, 5, 2)), jnp.ones((3, 4, 2)), strides=2).shape
    (1, 11, 4)
    """
    inputs, kernel, channels_last = _operands("conv_transpose", inputs, kernel, data_format)
    channels, rank = inputs.shape[-1 if channels_last else 1], kernel.ndim - 2
    if isinstance(channels, int) and channels != kernel.shape[-1]:
        raise ShapeError(
            f"conv_transpose: The number of input channels must match the kernel's last axis, but got inputs "
            f"{describe(inputs)} and a kernel {describe(kernel)}."
        )
    sizes = {
        "strides": each_axis("conv_transpose", "strides", strides, rank),
        "padding": padding_name("conv_transpose", padding),
        "output_padding": None,
        "dilation": each_axis("conv_transpose", "dilation_rate", dilation_rate, rank),
    }
    if output_padding is not None:
        sizes["output_padding"] = each_axis("conv_transpose", "output_padding", output_padding, rank, least=0)
    return in_channels_last(lambda x: _convolve_transposed(x, kernel, **sizes), inputs, channels_last)


def in_channels_last(compute: Callable, x: Any, channels_last: bool) -> Any:
    """Computes something on (B, *L, C) also for an x of (B, C, *L): the channels are moved there and back."""
    return compute(x) if channels_last else jnp.moveaxis(compute(jnp.moveaxis(x, 1, -1)), -1, 1)


# ---------------------------------------------------------------------------- how they are computed


def _convolve(x: Any, kernel: Any, strides: tuple, padding: Any, dilation: tuple, groups: int = 1) -> Any:
    return convolution.conv(x, kernel, strides=strides, padding=padding, dilation=dilation, groups=groups)


def _convolve_depthwise(x: Any, kernel: Any, strides: tuple, padding: str, dilation: tuple) -> Any:
    return convolution.depthwise_conv(x, kernel, strides=strides, padding=padding, dilation=dilation)


def _convolve_transposed(
    x: Any, kernel: Any, strides: tuple, padding: str, output_padding: tuple | None, dilation: tuple
) -> Any:
    return convolution.conv_transpose(
        x, kernel, strides=strides, padding=padding, output_padding=output_padding, dilation=dilation
    )


# ---------------------------------------------------------------------------- arguments


def _operands(who: str, inputs: Any, kernel: Any, data_format: str | None) -> tuple[Any, Any, bool]:
    inputs, kernel = convert_to_tensor(inputs), convert_to_tensor(kernel)
    if inputs.ndim != kernel.ndim or inputs.ndim < 3:
        raise ShapeError(
            f"{who}: inputs and kernel must have the same rank, 3 or more, but got inputs {describe(inputs)} and a "
            f"kernel {describe(kernel)}."
        )
    together = jnp.promote_types(inputs.dtype, kernel.dtype)
    return inputs.astype(together), kernel.astype(together), is_channels_last(who, data_format)


def is_channels_last(who: str, data_format: str | None) -> bool:
    """Whether a data format has the channels at the end; None is the setting of the program.

    Raises:
        NameUnknownError: no data format.
    """
    data_format = settings().image_data_format if data_format is None else data_format
    if data_format not in ("channels_last", "channels_first"):
        hint = did_you_mean(data_format, ("channels_last", "channels_first"))
        raise NameUnknownError(
            f"{who}: `data_format` must be 'channels_last', 'channels_first' or None, but got {data_format!r}.{hint}"
        )
    return data_format == "channels_last"


def padding_name(who: str, padding: Any) -> str:
    """A padding as "valid" or "same", whatever its case.

    Raises:
        NameUnknownError: another padding.
    """
    name = padding.lower() if isinstance(padding, str) else padding
    if name not in ("valid", "same"):
        raise NameUnknownError(f"{who}: `padding` must be 'valid' or 'same', but got {padding!r}.")
    return name


def each_axis(who: str, argument: str, value: Any, rank: int, least: int = 1) -> tuple[int, ...]:
    """One number for each of some axes, from one for all or a sequence.

    Raises:
        ArgumentError: another count of numbers, or one that is too small.
    """
    several = isinstance(value, Sequence | np.ndarray) and not isinstance(value, str)
    values: tuple = tuple(value) if several else (value,) * rank
    if len(values) != rank or not all(isinstance(v, (int, np.integer)) and v >= least for v in values):
        raise ArgumentError(
            f"{who}: `{argument}` must be an integer from {least} up, or {rank} of them, but got {value!r}."
        )
    return tuple(int(v) for v in values)
