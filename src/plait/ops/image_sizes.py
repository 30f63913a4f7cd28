"""Images of other sizes: resized, cropped, padded, scaled and moved."""

from typing import Any

import jax
import jax.numpy as jnp

from plait.common.messages import describe
from plait.core.op import op
from plait.core.variable import convert_to_tensor
from plait.errors import ArgumentError, ShapeError
from plait.ops.convolution import is_channels_last
from plait.ops.image_layout import check_rank, check_sizes, choice, fractions, to_dtype, with_channels_last

_IMAGE = "keras.src.ops.image"
_INTERPOLATIONS = ("bilinear", "nearest", "lanczos3", "lanczos5", "bicubic")
_METHODS = ("linear", "bilinear", "trilinear", "cubic", "bicubic", "tricubic", "lanczos3", "lanczos5")


@op(
    module=_IMAGE,
    options=(
        "size",
        "interpolation",
        "antialias",
        "crop_to_aspect_ratio",
        "pad_to_aspect_ratio",
        "fill_mode",
        "fill_value",
        "data_format",
    ),
)
def resize(
    images: Any,
    size: Any,
    interpolation: str = "bilinear",
    antialias: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    fill_mode: str = "constant",
    fill_value: Any = 0.0,
    data_format: str | None = None,
) -> Any:
    """Images of another height and width.

    Args:
        images: (B, H, W, C) or (H, W, C), or with channels in front.
        size: the new height and width.
        interpolation: "bilinear", "nearest", "bicubic", "lanczos3" or "lanczos5".
        antialias: whether to smooth what gets smaller.
        crop_to_aspect_ratio: whether to cut the middle of the new shape out first, instead of distorting.
        pad_to_aspect_ratio: whether to put a border around first, instead of distorting.
        fill_mode: "constant".
        fill_value: the border's value.
        data_format: "channels_last" or "channels_first"; None is the setting of the program.

    Returns:
        images of the same dtype; integers are rounded.

    Raises:
        ShapeError: a size that isn't two integers, or images of another rank.
        NameUnknownError: no such interpolation, fill mode or data format.
        ArgumentError: both cropping and padding.

    >>> resize(jnp.ones((2, 4, 4, 3)), (2, 8)).shape
    (2, 2, 8, 3)
    """
    target = check_sizes("resize", size)
    choice("resize", "interpolation", interpolation, _INTERPOLATIONS)
    choice("resize", "fill_mode", fill_mode, ("constant",))
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ArgumentError("resize: Only one of `pad_to_aspect_ratio` & `crop_to_aspect_ratio` can be `True`.")

    def run(batch: jax.Array) -> jax.Array:
        if crop_to_aspect_ratio:
            top, left, height, width = cut_for_ratio(batch.shape[1:3], target)
            batch = batch[:, top : top + height, left : left + width]
        elif pad_to_aspect_ratio:
            rows, columns = border_for_ratio(batch.shape[1:3], target)
            border = ((0, 0), (rows, rows), (columns, columns), (0, 0))
            batch = jnp.pad(batch, border, constant_values=jnp.asarray(fill_value, batch.dtype))
        shape = (batch.shape[0], *target, batch.shape[3])
        method = "cubic" if interpolation == "bicubic" else interpolation
        if interpolation == "nearest":
            return jax.image.resize(batch, shape, method, antialias)
        return to_dtype(jax.image.resize(fractions(batch), shape, method, antialias), batch.dtype)

    return with_channels_last("resize", images, data_format, run)


def cut_for_ratio(size: tuple, target: tuple) -> tuple:
    """The top, left, height and width of the middle of images of a size, as high to wide as the target is."""
    height, width = size
    cut_height = max(min(height, int(width * target[0] / target[1])), 1)
    cut_width = max(min(width, int(height * target[1] / target[0])), 1)
    return (height - cut_height) // 2, (width - cut_width) // 2, cut_height, cut_width


def border_for_ratio(size: tuple, target: tuple) -> tuple:
    """How many rows on top and below, and columns on both sides, make images of a size as high to wide as the target is."""
    height, width = size
    rows = max(0, int(width * target[0] / target[1]) - height) // 2
    columns = max(0, int(height * target[1] / target[0]) - width) // 2
    return rows, columns


@op(module=_IMAGE)
def crop_images(
    images: Any,
    top_cropping: int | None = None,
    left_cropping: int | None = None,
    bottom_cropping: int | None = None,
    right_cropping: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Any:
    """A part of images. Exactly two of top, bottom and height are given, and two of left, right and width.

    Args:
        images: (B, H, W, C) or (H, W, C), or with channels in front.
        top_cropping: how many rows fall away at the top.
        left_cropping: how many columns fall away on the left.
        bottom_cropping: how many rows fall away at the bottom.
        right_cropping: how many columns fall away on the right.
        target_height: how many rows stay.
        target_width: how many columns stay.
        data_format: "channels_last" or "channels_first"; None is the setting of the program.

    Raises:
        ArgumentError: other than two of three; or cropping by less than 0 or more than there is.
        ShapeError: images of another rank.

    >>> crop_images(jnp.ones((4, 6, 3)), 1, 2, target_height=2, target_width=3).shape
    (2, 3, 3)
    """
    images = check_rank("crop_images", images)
    height, width = _height_and_width("crop_images", images, data_format)
    top, kept_rows = _crop_span("top", "bottom", "height", top_cropping, bottom_cropping, target_height, height)
    left, kept_columns = _crop_span("left", "right", "width", left_cropping, right_cropping, target_width, width)
    axis = images.ndim - (3 if is_channels_last("crop_images", data_format) else 2)
    images = jax.lax.slice_in_dim(images, top, top + kept_rows, axis=axis)
    return jax.lax.slice_in_dim(images, left, left + kept_columns, axis=axis + 1)


def _height_and_width(who: str, images: Any, data_format: str | None) -> tuple:
    return images.shape[-3:-1] if is_channels_last(who, data_format) else images.shape[-2:]


def _crop_span(before: str, after: str, extent: str, start: Any, end: Any, size: Any, available: Any) -> tuple:
    names = (f"{before}_cropping", f"{after}_cropping", f"target_{extent}")
    _two_of_three("crop_images", names, (start, end, size))
    if start is None:
        start = available - end - size
    elif size is None:
        size = available - start - end
    else:
        end = available - start - size
    _not_negative("crop_images", dict(zip(names, (start, end, size), strict=True)), available)
    return start, size


def _two_of_three(who: str, names: tuple, values: tuple) -> None:
    if sum(value is not None for value in values) != 2:
        received = ", ".join(f"{name}={value}" for name, value in zip(names, values, strict=True))
        raise ArgumentError(f"{who}: Must specify exactly two of {', '.join(names)}, but got {received}.")


def _not_negative(who: str, values: dict, available: Any) -> None:
    for name, value in values.items():
        if isinstance(value, int) and value < 0:
            raise ArgumentError(f"{who}: {name} must be >= 0 for images of {available}, but is {value}.")


@op(module=_IMAGE)
def pad_images(
    images: Any,
    top_padding: int | None = None,
    left_padding: int | None = None,
    bottom_padding: int | None = None,
    right_padding: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Any:
    """Images with zeros around. Exactly two of top, bottom and height are given, and two of left, right and width.

    Args:
        images: (B, H, W, C) or (H, W, C), or with channels in front.
        top_padding: how many rows come on top.
        left_padding: how many columns come on the left.
        bottom_padding: how many rows come below.
        right_padding: how many columns come on the right.
        target_height: how many rows there are then.
        target_width: how many columns there are then.
        data_format: "channels_last" or "channels_first"; None is the setting of the program.

    Raises:
        ArgumentError: other than two of three; or padding by less than 0.
        ShapeError: images of another rank.

    >>> pad_images(jnp.ones((4, 6, 3)), 1, 2, target_height=6, target_width=9).shape
    (6, 9, 3)
    """
    images = check_rank("pad_images", images)
    height, width = _height_and_width("pad_images", images, data_format)
    rows = _pad_span("top", "bottom", "height", top_padding, bottom_padding, target_height, height)
    columns = _pad_span("left", "right", "width", left_padding, right_padding, target_width, width)
    last = is_channels_last("pad_images", data_format)
    border = [(0, 0)] * (images.ndim - 3) + ([rows, columns, (0, 0)] if last else [(0, 0), rows, columns])
    return jnp.pad(images, border)


def _pad_span(before: str, after: str, extent: str, start: Any, end: Any, size: Any, available: Any) -> tuple:
    names = (f"{before}_padding", f"{after}_padding", f"target_{extent}")
    _two_of_three("pad_images", names, (start, end, size))
    start = size - end - available if start is None else start
    end = size - start - available if end is None else end
    _not_negative("pad_images", {names[2]: size, names[0]: start, names[1]: end}, available)
    return start, end


@op(module=_IMAGE, options=("spatial_dims", "method", "antialias"))
def scale_and_translate(
    images: Any,
    output_shape: Any,
    scale: Any,
    translation: Any,
    spatial_dims: Any,
    method: str,
    antialias: bool = True,
) -> Any:
    """Images scaled by factors and then moved, along some axes.

    Args:
        images: a tensor of any shape.
        output_shape: the result's shape; None is the images' own size.
        scale: (number of axes,) the factors.
        translation: (number of axes,) by how many of the result's pixels it is moved.
        spatial_dims: the axes.
        method: "linear", "cubic", "lanczos3" or "lanczos5"; "bilinear" and the like are the same.
        antialias: whether to smooth what gets smaller.

    Returns:
        the images; integers become float32.

    Raises:
        NameUnknownError: no such method.
        ShapeError: another number of factors than axes.

    >>> scale_and_translate(jnp.ones((4, 4)), (8, 8), jnp.array([2.0, 2.0]), jnp.zeros(2), (0, 1), "linear").shape
    (8, 8)
    """
    choice("scale_and_translate", "method", method, _METHODS)
    images = fractions(convert_to_tensor(images))
    factors, shifts = convert_to_tensor(scale, images.dtype), convert_to_tensor(translation, images.dtype)
    axes = tuple(spatial_dims)
    counts = (*factors.shape, *shifts.shape)
    if len(counts) != 2 or any(isinstance(count, int) and count != len(axes) for count in counts):
        raise ShapeError(
            f"scale_and_translate: `scale` and `translation` must have one number for each of the {len(axes)} axes, but "
            f"are {describe(factors)} and {describe(shifts)}."
        )
    shape = tuple(own if size is None else size for size, own in zip(output_shape, images.shape, strict=True))
    return jax.image.scale_and_translate(images, shape, axes, factors, shifts, method, antialias)
