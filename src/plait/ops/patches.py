"""Rearranging images: windows as columns and back, blocks of pixels as channels and back."""

from typing import Any

import jax.numpy as jnp

from plait.common.messages import describe
from plait.core.op import op
from plait.core.variable import convert_to_tensor
from plait.errors import ArgumentError, ShapeError
from plait.ops.convolution import each_axis, is_channels_last

_NN = "keras.src.ops.nn"


@op(module=_NN, options=("kernel_size", "dilation", "padding", "stride"))
def unfold(x: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Any:
    """The windows of images as columns.

    Args:
        x: (B, C, H, W).
        kernel_size: the window's height and width, or one number for both.
        dilation: the distance between its elements.
        padding: how many zeros are put on each side.
        stride: by how much the window moves.

    Returns:
        (B, C · window's height · width, number of windows).

    >>> unfold(jnp.ones((1, 2, 4, 4)), 2).shape
    (1, 8, 9)
    """
    x = convert_to_tensor(x)
    window, dilation, padding, stride = _window_arguments("unfold", kernel_size, dilation, padding, stride)
    x = jnp.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
    rows, columns = _counts(x.shape[2:], window, dilation, stride)
    taps = [x[slices] for slices in _taps(window, dilation, stride, rows, columns)]
    stacked = jnp.stack(taps, axis=2)  # (B, C, taps, rows, columns)
    return stacked.reshape(x.shape[0], x.shape[1] * len(taps), rows * columns)


@op(module=_NN, options=("output_size", "kernel_size", "dilation", "padding", "stride"))
def fold(x: Any, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Any:
    """Images from columns of windows, overlaps being summed: the transpose of `unfold`.

    Args:
        x: (B, C · window's height · width, number of windows).
        output_size: the image's height and width.
        kernel_size: the window's height and width, or one number for both.
        dilation: the distance between its elements.
        padding: how many of the image's outer elements on each side are cut off.
        stride: by how much the window moves.

    Returns:
        (B, C, H, W).

    Raises:
        ShapeError: another number of windows or channels than the sizes say.

    >>> fold(jnp.ones((1, 8, 9)), (4, 4), 2).shape
    (1, 2, 4, 4)
    """
    x = convert_to_tensor(x)
    height, width = each_axis("fold", "output_size", output_size, 2)
    window, dilation, padding, stride = _window_arguments("fold", kernel_size, dilation, padding, stride)
    full = (height + 2 * padding[0], width + 2 * padding[1])
    rows, columns = _counts(full, window, dilation, stride)
    area = window[0] * window[1]
    if x.ndim != 3 or x.shape[1] % area or x.shape[2] != rows * columns:
        raise ShapeError(
            f"fold: for an image of ({height}, {width}) and windows of {window} the input must be 3D, (batch, channels * "
            f"{area}, {rows * columns}), but got {describe(x)}."
        )
    parts = x.reshape(x.shape[0], x.shape[1] // area, area, rows, columns)
    image = jnp.zeros((x.shape[0], x.shape[1] // area, *full), x.dtype)
    for tap, slices in enumerate(_taps(window, dilation, stride, rows, columns)):
        image = image.at[slices].add(parts[:, :, tap])
    return image[:, :, padding[0] : padding[0] + height, padding[1] : padding[1] + width]


def _window_arguments(who: str, window: Any, dilation: Any, padding: Any, stride: Any) -> tuple:
    return (
        each_axis(who, "kernel_size", window, 2),
        each_axis(who, "dilation", dilation, 2),
        each_axis(who, "padding", padding, 2, least=0),
        each_axis(who, "stride", stride, 2),
    )


def _counts(sizes: Any, window: tuple, dilation: tuple, stride: tuple) -> list:
    return [(size - d * (w - 1) - 1) // s + 1 for size, w, d, s in zip(sizes, window, dilation, stride)]


def _taps(window: tuple, dilation: tuple, stride: tuple, rows: int, columns: int) -> list[tuple]:
    """For each element of the window, row by row: the slices that pick it from all windows of a (B, C, H, W) image."""
    everything = slice(None)

    def picked(axis: int, tap: int, count: int) -> slice:
        start = tap * dilation[axis]
        return slice(start, start + (count - 1) * stride[axis] + 1, stride[axis])

    return [
        (everything, everything, picked(0, row, rows), picked(1, column, columns))
        for row in range(window[0])
        for column in range(window[1])
    ]


def _block_size(who: str, block_size: Any) -> int:
    if block_size < 2:
        raise ArgumentError(f"{who}: `block_size` must be at least 2, but got {block_size}.")
    return block_size


@op(module=_NN, options=("block_size", "data_format"))
def depth_to_space(x: Any, block_size: int, data_format: str = "channels_last") -> Any:
    """Blocks of pixels from channels. Shapes: (B, H, W, C) becomes (B, H n, W n, C / n²) for a block size n.

    Args:
        x: (B, H, W, C), or (B, C, H, W).
        block_size: the block's height and width.
        data_format: "channels_last" or "channels_first".

    Raises:
        ShapeError: channels that aren't a multiple of n².

    >>> depth_to_space(jnp.arange(4).reshape(1, 1, 1, 4), 2).tolist()
    [[[[0], [1]], [[2], [3]]]]
    """
    x = convert_to_tensor(x)
    n, last = _block_size("depth_to_space", block_size), is_channels_last("depth_to_space", data_format)
    batch, height, width, channels = x.shape if last else (x.shape[0], *x.shape[2:], x.shape[1])
    if channels % n**2:
        raise ShapeError(f"depth_to_space: the channels of {describe(x)} must be a multiple of block_size² = {n**2}.")
    if last:
        x = x.reshape(batch, height, width, n, n, channels // n**2).transpose(0, 1, 3, 2, 4, 5)
        return x.reshape(batch, height * n, width * n, channels // n**2)
    x = x.reshape(batch, channels // n**2, n, n, height, width).transpose(0, 1, 4, 2, 5, 3)
    return x.reshape(batch, channels // n**2, height * n, width * n)


@op(module=_NN, options=("block_size", "data_format"))
def space_to_depth(x: Any, block_size: int, data_format: str = "channels_last") -> Any:
    """Channels from blocks of pixels. Shapes: (B, H, W, C) becomes (B, H / n, W / n, C n²) for a block size n.

    Args:
        x: (B, H, W, C), or (B, C, H, W).
        block_size: the block's height and width.
        data_format: "channels_last" or "channels_first".

    Raises:
        ShapeError: a height or width that isn't a multiple of n.

    >>> space_to_depth(jnp.arange(4).reshape(1, 2, 2, 1), 2).tolist()
    [[[[0, 1, 2, 3]]]]
    """
    x = convert_to_tensor(x)
    n, last = _block_size("space_to_depth", block_size), is_channels_last("space_to_depth", data_format)
    batch, height, width, channels = x.shape if last else (x.shape[0], *x.shape[2:], x.shape[1])
    if height % n or width % n:
        raise ShapeError(f"space_to_depth: the height and width of {describe(x)} must be multiples of {n}.")
    if last:
        x = x.reshape(batch, height // n, n, width // n, n, channels).transpose(0, 1, 3, 2, 4, 5)
        return x.reshape(batch, height // n, width // n, channels * n**2)
    x = x.reshape(batch, channels, height // n, n, width // n, n).transpose(0, 1, 3, 5, 2, 4)
    return x.reshape(batch, channels * n**2, height // n, width // n)
