"""What is computed from the neighbourhood of each pixel: blur, edges, likeness, patches."""

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp

from plait.common.messages import describe
from plait.core.op import op
from plait.core.variable import convert_to_tensor
from plait.errors import ArgumentError, ArgumentTypeError, ShapeError
from plait.ops.convolution import each_axis, is_channels_last, padding_name
from plait.ops.image_layout import check_rank, fractions, to_dtype, with_channels_last

__all__ = ["blur", "extract_patches", "extract_patches_3d", "gaussian_blur", "sobel_edges", "ssim"]

_IMAGE = "keras.src.ops.image"


@op(module=_IMAGE)
def gaussian_blur(
    images: Any, kernel_size: Any = (3, 3), sigma: Any = (1.0, 1.0), data_format: str | None = None
) -> Any:
    """Images smoothed by a normal distribution's weights; what lies outside counts as 0.

    Args:
        images: (B, H, W, C) or (H, W, C), or with channels in front.
        kernel_size: over how many columns and rows, in this order.
        sigma: the standard deviation over columns and over rows.
        data_format: "channels_last" or "channels_first"; None is the setting of the program.

    Raises:
        ArgumentError: sizes that aren't one or two integers above 0.
        ShapeError: images of another rank.

    Differs: Keras on JAX takes None for "channels_first", and blurs a single image over its columns only.

    >>> float(gaussian_blur(jnp.ones((5, 5, 1)))[2, 2, 0])
    1.0
    """
    sizes = each_axis("gaussian_blur", "kernel_size", kernel_size, 2)
    sigmas = jnp.broadcast_to(convert_to_tensor(sigma), (2,))
    return with_channels_last("gaussian_blur", images, data_format, lambda batch: blur(batch, sizes, sigmas))


def blur(images: jax.Array, sizes: tuple[int, ...], sigmas: jax.Array, reach: Any = None) -> jax.Array:
    """Images (B, H, W, C) smoothed over columns (the first size and sigma) and over rows, in their dtype.

    `reach` is how far from the middle the weights go at most, where that is to be traced; None is as far as the size.
    """
    blurred = fractions(images)
    for axis, size, sigma in zip((2, 1), sizes, sigmas.astype("float32"), strict=True):
        blurred = _along(blurred, _bell(size, sigma, reach).astype(blurred.dtype), axis, "SAME")
    return to_dtype(blurred, images.dtype)


def _bell(size: int, sigma: Any, reach: Any = None) -> jax.Array:
    """The weights of a normal distribution at `size` places, of sum 1; 0 beyond the reach."""
    places = jnp.arange(size, dtype="float32") - (size - 1) / 2
    weights = jnp.exp(-0.5 * jnp.square(places / sigma))
    if reach is not None:
        weights = jnp.where(jnp.abs(places) <= reach, weights, 0)
    return weights / jnp.sum(weights)


def _along(images: jax.Array, kernel: jax.Array, axis: int, padding: str) -> jax.Array:
    """A convolution of each channel along one axis."""
    rows = jnp.moveaxis(images, axis, -1)
    flat = rows.reshape(-1, 1, rows.shape[-1])
    result = jax.lax.conv_general_dilated(flat, kernel[None, None], (1,), padding)
    return jnp.moveaxis(result.reshape(*rows.shape[:-1], result.shape[-1]), -1, axis)


@op(module=_IMAGE)
def sobel_edges(images: Any, data_format: str | None = None) -> Any:
    """How fast images change down and across, by Sobel's filters; what lies outside counts as 0.

    Args:
        images: (B, H, W, C) or (H, W, C), or with channels in front; floats or signed integers.
        data_format: "channels_last" or "channels_first"; None is the setting of the program.

    Returns:
        the images' shape with one more axis of 2: down, across.

    Raises:
        ShapeError: images of another rank or dtype.

    Differs: Keras on JAX takes no single image.

    >>> sobel_edges(jnp.ones((4, 4, 3))).shape
    (4, 4, 3, 2)
    """
    images = check_rank("sobel_edges", images)
    if jnp.issubdtype(images.dtype, jnp.unsignedinteger):
        raise ShapeError(
            f"sobel_edges: changes can be negative, so the images need a dtype with a sign, but got {describe(images)}. "
            "Cast them first."
        )
    rows = images.ndim - 3 + (0 if is_channels_last("sobel_edges", data_format) else 1)
    border = [(1, 1) if axis in (rows, rows + 1) else (0, 0) for axis in range(images.ndim)]
    signed = images.astype("int32") if images.dtype == bool else images
    padded = jnp.pad(signed, border)
    down = _difference(_smooth(padded, rows + 1), rows)
    across = _difference(_smooth(padded, rows), rows + 1)
    return jnp.stack([down, across], axis=-1).astype(images.dtype)


def _part(x: jax.Array, axis: int, start: int, end: int | None) -> jax.Array:
    return x[(slice(None),) * axis + (slice(start, end),)]


def _smooth(x: jax.Array, axis: int) -> jax.Array:
    return _part(x, axis, 0, -2) + 2 * _part(x, axis, 1, -1) + _part(x, axis, 2, None)


def _difference(x: jax.Array, axis: int) -> jax.Array:
    return _part(x, axis, 2, None) - _part(x, axis, 0, -2)


@op(module=_IMAGE, name="SSIM")
def ssim(
    image1: Any,
    image2: Any,
    max_val: float = 1.0,
    filter_size: int = 11,
    filter_sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
    data_format: str | None = None,
) -> Any:
    """How alike images look: the structural similarity index, 1 for equal ones.

    Args:
        image1: (B, H, W, C) or (H, W, C), or with channels in front.
        image2: the others, of the same shape.
        max_val: the difference between the largest and the smallest possible value.
        filter_size: the size of the neighbourhood that is compared.
        filter_sigma: the standard deviation of its weights.
        k1: keeps the comparison of brightness finite.
        k2: keeps the comparison of contrast finite.
        data_format: "channels_last" or "channels_first"; None is the setting of the program.

    Returns:
        (B,), or () for single images, in the dtype of the images.

    Raises:
        ShapeError: images of another rank, of two shapes, or smaller than the filter.

    Source: Wang et al., "Image Quality Assessment: From Error Visibility to Structural Similarity", 2004.

    >>> float(ssim(jnp.ones((12, 12, 1)), jnp.ones((12, 12, 1))))
    1.0
    """
    first, second = check_rank("ssim", image1, "image1"), check_rank("ssim", image2, "image2")
    if first.ndim != second.ndim or any(a != b for a, b in zip(first.shape[-3:], second.shape[-3:], strict=True)):
        raise ShapeError(f"ssim: both must have the same shape, but got {describe(first)} and {describe(second)}.")
    rows = first.ndim - 3 + (0 if is_channels_last("ssim", data_format) else 1)
    sizes = [size for size in first.shape[rows : rows + 2] if isinstance(size, int)]
    if any(size < filter_size for size in sizes):
        raise ShapeError(
            f"ssim: images must be at least filter_size={filter_size} high and wide, but got {describe(first)}."
        )
    kernel = _bell(filter_size, filter_sigma)
    local = functools.partial(_local_mean, kernel=kernel.astype(fractions(first).dtype), axis=rows)
    similarity = _similarity(fractions(first), fractions(second), local, (k1 * max_val) ** 2, (k2 * max_val) ** 2)
    return jnp.mean(similarity, axis=(-3, -2, -1)).astype(first.dtype)


def _local_mean(images: jax.Array, kernel: jax.Array, axis: int) -> jax.Array:
    return _along(_along(images, kernel, axis, "VALID"), kernel, axis + 1, "VALID")


def _similarity(x: jax.Array, y: jax.Array, local: Any, c1: float, c2: float) -> jax.Array:
    mean_x, mean_y = local(x), local(y)
    variance_x, variance_y = local(x * x) - mean_x**2, local(y * y) - mean_y**2
    covariance = local(x * y) - mean_x * mean_y
    brightness = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    return brightness * (2 * covariance + c2) / (variance_x + variance_y + c2)


@op(module=_IMAGE, options=("size", "strides", "dilation_rate", "padding", "data_format"))
def extract_patches(
    images: Any,
    size: Any,
    strides: Any = None,
    dilation_rate: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> Any:
    """Windows of images as channels.

    Args:
        images: (B, H, W, C) or (H, W, C), or with channels in front; with a size of three numbers volumes, which have
            one more axis.
        size: the window's size: one number for all axes, or one for each.
        strides: by how much it moves; None is its size.
        dilation_rate: the distance between its elements.
        padding: "valid", or "same" with zeros around.
        data_format: "channels_last" or "channels_first"; None is the setting of the program.

    Returns:
        (B, number of rows, number of columns, window's elements · C), the channels of an element side by side.

    Raises:
        ArgumentError: a size, stride or dilation of other numbers.
        ShapeError: images of another rank, or smaller than a window.

    >>> extract_patches(jnp.ones((2, 6, 6, 3)), 2).shape
    (2, 3, 3, 12)
    """
    if not isinstance(size, (int, tuple, list)):
        raise ArgumentTypeError(f"extract_patches: Expected an int or a tuple of ints as `size`, but got {size!r}.")
    if not isinstance(size, int) and len(size) not in (2, 3):
        raise ArgumentError(f"extract_patches: Expected a tuple of length 2 or 3 as `size`, but got {size!r}.")
    rank = 3 if not isinstance(size, int) and len(size) == 3 else 2
    return _windows("extract_patches", rank, images, size, strides, dilation_rate, padding, data_format)


def extract_patches_3d(
    volumes: Any,
    size: Any,
    strides: Any = None,
    dilation_rate: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> Any:
    """Windows of volumes (B, D, H, W, C) or (D, H, W, C) as channels: `extract_patches` for one more axis.

    Args:
        volumes: the volumes, or with channels in front.
        size: the window's size: one number for all axes, or three.
        strides: by how much it moves; None is its size.
        dilation_rate: the distance between its elements.
        padding: "valid", or "same" with zeros around.
        data_format: "channels_last" or "channels_first"; None is the setting of the program.

    Raises:
        ArgumentError: a size, stride or dilation of other numbers.
        ShapeError: volumes of another rank, or smaller than a window.

    >>> extract_patches_3d(jnp.ones((4, 4, 4, 1)), 2).shape
    (2, 2, 2, 8)
    """
    if isinstance(size, (tuple, list)) and len(size) != 3:
        raise ArgumentTypeError(
            f"extract_patches_3d: Expected an int or a tuple of length 3 as `size`, but got {size!r}."
        )
    sizes = each_axis("extract_patches_3d", "size", size, 3)
    return extract_patches(volumes, sizes, strides, dilation_rate, padding, data_format)


def _windows(
    who: str, rank: int, images: Any, size: Any, strides: Any, dilation: Any, padding: str, data_format: str | None
) -> jax.Array:
    images = convert_to_tensor(images)
    if images.ndim not in (rank + 1, rank + 2):
        raise ShapeError(
            f"{who}: with windows of {rank} axes the input must have {rank + 1} or {rank + 2}, but got {describe(images)}."
        )
    sizes = each_axis(who, "size", size, rank)
    steps = sizes if strides is None else each_axis(who, "strides", strides, rank)
    spread = each_axis(who, "dilation_rate", dilation, rank)
    last = is_channels_last(who, data_format)
    single = images.ndim == rank + 1
    batch = images[None] if single else images
    batch = batch if last else jnp.moveaxis(batch, 1, -1)
    if padding_name(who, padding) == "same":
        batch = _pad_for_windows(batch, sizes, steps, spread)
    counts = [(n - d * (k - 1) - 1) // s + 1 for n, k, s, d in zip(batch.shape[1:], sizes, steps, spread, strict=False)]
    if any(isinstance(count, int) and count <= 0 for count in counts):
        raise ShapeError(f"{who}: a window of {sizes} doesn't fit into {describe(images)}.")
    result = _unfolded(batch, sizes, tuple(counts), steps, spread)
    result = result if last else jnp.moveaxis(result, -1, 1)
    return result[0] if single else result


@functools.partial(jax.jit, static_argnums=(1, 2, 3, 4))  # one program for all slices
def _unfolded(batch: jax.Array, sizes: tuple, counts: tuple, steps: tuple, spread: tuple) -> jax.Array:
    """All windows of a batch, their elements before the channels: cut out axis by axis, so as many slices as the sizes'
    sum, not as their product."""
    *outer, channels = (batch.shape[0], *counts, batch.shape[-1])
    for axis, (k, n, s, d) in enumerate(zip(sizes, counts, steps, spread, strict=True), start=1):
        cut = (slice(None),) * axis
        parts = [batch[(*cut, slice(i * d, i * d + (n - 1) * s + 1, s))] for i in range(k)]
        batch = jnp.stack(parts, axis=-2)
    return batch.reshape(*outer, math.prod(sizes) * channels)


def _pad_for_windows(batch: jax.Array, sizes: tuple, steps: tuple, spread: tuple) -> jax.Array:
    border = [(0, 0)]
    for n, k, s, d in zip(batch.shape[1:-1], sizes, steps, spread, strict=True):
        total = (-(-n // s) - 1) * s + d * (k - 1) + 1 - n
        total = max(total, 0) if isinstance(n, int) else total
        border.append((total // 2, total - total // 2))
    return jnp.pad(batch, [*border, (0, 0)])
