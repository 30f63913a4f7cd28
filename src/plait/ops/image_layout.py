"""How image operations take their images: one or a batch of them, channels at the end or in front."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from plait.common.messages import describe, did_you_mean, listing
from plait.core.variable import convert_to_tensor
from plait.errors import NameUnknownError, ShapeError
from plait.ops.convolution import is_channels_last

__all__ = ["check_rank", "check_sizes", "choice", "fractions", "per_image", "to_dtype", "with_channels_last"]


def check_rank(who: str, images: Any, name: str = "images") -> Any:
    """Images as a tensor of rank 3 or 4.

    Raises:
        ShapeError: another rank.
    """
    images = convert_to_tensor(images)
    if images.ndim not in (3, 4):
        raise ShapeError(
            f"{who}: Invalid {name} rank: expected rank 3 (single image) or rank 4 (batch of images), but got "
            f"{describe(images)}."
        )
    return images


def with_channels_last(
    who: str, images: Any, data_format: str | None, function: Callable, name: str = "images"
) -> jax.Array:
    """The result of a function of images (B, H, W, C), for one image or a batch in either data format."""
    images = check_rank(who, images, name)
    last = is_channels_last(who, data_format)
    single = images.ndim == 3
    batch = images[None] if single else images
    result = function(batch if last else jnp.moveaxis(batch, 1, -1))
    result = result if last else jnp.moveaxis(result, 3, 1)
    return result[0] if single else result


def per_image(function: Callable, images: Any) -> jax.Array:
    """A function of one channel (H, W), for all channels of an image (H, W, C)."""
    return jax.vmap(function, in_axes=-1, out_axes=-1)(images)


def choice(who: str, argument: str, value: Any, options: Any) -> Any:
    """One of some words.

    Raises:
        NameUnknownError: another word; the nearest right one is named.
    """
    if value not in options:
        raise NameUnknownError(
            f"{who}: `{argument}` must be one of {listing(options)}, but got {value!r}.{did_you_mean(value, options)}"
        )
    return value


def fractions(images: jax.Array) -> jax.Array:
    """Images whose values can be fractions: integers and booleans become float32."""
    return images if jnp.issubdtype(images.dtype, jnp.floating) else images.astype("float32")


def to_dtype(values: jax.Array, dtype: Any) -> jax.Array:
    """Values in a dtype: rounded and kept in its range where it has no fractions."""
    if values.dtype == dtype or jnp.issubdtype(dtype, jnp.floating):
        return values.astype(dtype)
    values = jnp.round(values)
    if jnp.issubdtype(dtype, jnp.integer):
        info = jnp.iinfo(dtype)
        values = jnp.clip(values, info.min, info.max)
    return values.astype(dtype)


def check_sizes(who: str, size: Any) -> tuple[int, int]:
    """A height and a width.

    Raises:
        ShapeError: not two integers above 0.
    """
    sizes = tuple(size) if isinstance(size, (list, tuple)) else ()
    if len(sizes) != 2 or not all(isinstance(each, int) and each > 0 for each in sizes):
        raise ShapeError(
            f"{who}: Expected `size` to be a tuple of 2 integers: `size` must have positive height and width. Got size={size!r}."
        )
    return sizes
