"""Colours of images: as grey, and as hue, saturation and value."""

from typing import Any

import jax
import jax.numpy as jnp

from plait.common.messages import describe
from plait.core.op import op
from plait.errors import ShapeError
from plait.ops.image_layout import check_rank, fractions, with_channels_last

_IMAGE = "keras.src.ops.image"
_GREY = (0.2989, 0.5870, 0.1140)


@op(module=_IMAGE, name="RGBToGrayscale")
def rgb_to_grayscale(images: Any, data_format: str | None = None) -> Any:
    """Grey images from coloured ones: 0.2989 red + 0.5870 green + 0.1140 blue.

    Args:
        images: (B, H, W, 3) or (H, W, 3), or with channels in front. With one channel they stay as they are.
        data_format: "channels_last" or "channels_first"; None is the setting of the program.

    Returns:
        images of one channel, in the same dtype.

    Raises:
        ShapeError: images of another rank or number of channels.

    Source: ITU-R BT.601.

    >>> rgb_to_grayscale(jnp.ones((2, 2, 3))).shape
    (2, 2, 1)
    """

    def run(batch: jax.Array) -> jax.Array:
        if batch.shape[-1] not in (1, 3):
            raise ShapeError(
                f"rgb_to_grayscale: Invalid channel size: expected 3 (RGB) or 1 (Grayscale). Got {describe(images)}."
            )
        if batch.shape[-1] == 1:
            return batch
        colours = fractions(batch)
        grey = jnp.tensordot(colours, jnp.asarray(_GREY, colours.dtype), axes=([-1], [-1]))
        return grey[..., None].astype(batch.dtype)

    return with_channels_last("rgb_to_grayscale", images, data_format, run)


def _check_colours(who: str, images: Any) -> None:
    images = check_rank(who, images)
    if not jnp.issubdtype(images.dtype, jnp.floating):
        raise ShapeError(f"{who}: Invalid images dtype: expected float dtype. Got {describe(images)}.")


def _split(who: str, images: jax.Array) -> tuple:
    if images.shape[-1] != 3:
        raise ShapeError(
            f"{who}: Input images must have 3 channels, but received images with {images.shape[-1]} channels."
        )
    return images[..., 0], images[..., 1], images[..., 2]


@op(module=_IMAGE, name="RGBToHSV")
def rgb_to_hsv(images: Any, data_format: str | None = None) -> Any:
    """Hue, saturation and value of colours, all from 0 to 1.

    Args:
        images: (B, H, W, 3) or (H, W, 3), or with channels in front; floats from 0 to 1.
        data_format: "channels_last" or "channels_first"; None is the setting of the program.

    Raises:
        ShapeError: images of another rank, dtype or number of channels.

    >>> rgb_to_hsv(jnp.array([[[0.0, 1.0, 0.0]]]))[0, 0].tolist()
    [0.3333333432674408, 1.0, 1.0]
    """
    _check_colours("rgb_to_hsv", images)

    def run(batch: jax.Array) -> jax.Array:
        red, green, blue = _split("rgb_to_hsv", batch)
        value = jnp.max(batch, axis=-1)
        spread = value - jnp.min(batch, axis=-1)
        saturation = jnp.where(value > 0, spread / jnp.where(value > 0, value, 1), 0)
        sixth = jnp.where(spread > 0, 1 / (6 * jnp.where(spread > 0, spread, 1)), 0)
        hue = jnp.where(
            red == value,
            sixth * (green - blue),
            jnp.where(green == value, sixth * (blue - red) + 2 / 6, sixth * (red - green) + 4 / 6),
        )
        hue = jnp.where(spread > 0, hue, 0)
        return jnp.stack([hue + (hue < 0), saturation, value], axis=-1)

    return with_channels_last("rgb_to_hsv", images, data_format, run)


@op(module=_IMAGE, name="HSVToRGB")
def hsv_to_rgb(images: Any, data_format: str | None = None) -> Any:
    """Colours from hue, saturation and value: the inverse of `rgb_to_hsv`.

    Args:
        images: (B, H, W, 3) or (H, W, 3), or with channels in front; floats from 0 to 1.
        data_format: "channels_last" or "channels_first"; None is the setting of the program.

    Raises:
        ShapeError: images of another rank, dtype or number of channels.

    >>> hsv_to_rgb(jnp.array([[[0.5, 1.0, 1.0]]]))[0, 0].tolist()
    [0.0, 1.0, 1.0]
    """
    _check_colours("hsv_to_rgb", images)

    def run(batch: jax.Array) -> jax.Array:
        hue, saturation, value = _split("hsv_to_rgb", batch)
        hue = hue * 6
        ramps = (jnp.abs(hue - 3) - 1, 2 - jnp.abs(hue - 2), 2 - jnp.abs(hue - 4))
        parts = [(1 - saturation) + saturation * jnp.clip(ramp, 0, 1) for ramp in ramps]
        return jnp.stack(parts, axis=-1) * value[..., None]

    return with_channels_last("hsv_to_rgb", images, data_format, run)
