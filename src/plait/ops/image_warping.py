"""Images bent to other shapes: each pixel of the result is looked up at some place of the image."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.scipy import ndimage

from plait import random
from plait.common.messages import describe
from plait.core.op import op
from plait.core.variable import convert_to_tensor
from plait.errors import ShapeError
from plait.ops.image_filters import blur
from plait.ops.image_layout import check_rank, choice, fractions, per_image, to_dtype, with_channels_last

__all__ = [
    "affine_transform",
    "bend_elastically",
    "elastic_transform",
    "homography",
    "map_coordinates",
    "perspective_transform",
]

_IMAGE = "keras.src.ops.image"
_FILL_MODES = ("constant", "nearest", "wrap", "mirror", "reflect")
_ORDERS = {"nearest": 0, "bilinear": 1}


@op(module=_IMAGE, options=("order", "fill_mode", "fill_value"))
def map_coordinates(inputs: Any, coordinates: Any, order: int, fill_mode: str = "constant", fill_value: Any = 0) -> Any:
    """The values of a tensor at any places, between its elements too.

    Args:
        inputs: a tensor of N axes.
        coordinates: (N, ...) the places.
        order: 0 for the nearest element, 1 for linear interpolation.
        fill_mode: what lies outside: "constant", "nearest" (the edge goes on), "wrap" (it begins again), "mirror"
            (about the edge's elements) or "reflect" (about the edge).
        fill_value: the constant.

    Returns:
        (...) in the dtype of the inputs.

    Raises:
        ShapeError: coordinates of another rank or number.
        NameUnknownError: no such order or fill mode.

    >>> map_coordinates(jnp.array([0.0, 10.0, 20.0]), jnp.array([[0.5, 1.2]]), 1).tolist()
    [5.0, 12.0]
    """
    inputs, coordinates = convert_to_tensor(inputs), convert_to_tensor(coordinates)
    choice("map_coordinates", "order", order, (0, 1))
    choice("map_coordinates", "fill_mode", fill_mode, _FILL_MODES)
    if coordinates.ndim < 2 or coordinates.shape[0] != inputs.ndim:
        raise ShapeError(
            f"map_coordinates: `coordinates` are expected at least rank 2. First dim of `coordinates` must be the same as "
            f"the rank of `inputs` {describe(inputs)}, but got {describe(coordinates)}."
        )
    return _look_up(inputs, tuple(coordinates), order, fill_mode, fill_value)


def _look_up(inputs: jax.Array, places: tuple, order: int, fill_mode: str, fill_value: Any) -> jax.Array:
    if order == 0:
        return ndimage.map_coordinates(inputs, list(places), 0, fill_mode, fill_value).astype(inputs.dtype)
    found = ndimage.map_coordinates(fractions(inputs), list(places), order, fill_mode, fill_value)
    return to_dtype(found, inputs.dtype)


def _grid(height: int, width: int) -> tuple[jax.Array, jax.Array]:
    """The row and the column of each pixel: two (H, W)."""
    sides = (jnp.arange(size, dtype="float32") for size in (height, width))
    rows, columns = jnp.meshgrid(*sides, indexing="ij")
    return rows, columns


def _bend(images: jax.Array, parameters: Any, places: Callable, order: int, fill_mode: str, fill_value: Any) -> Any:
    """Each image (H, W, C) of a batch, looked up at `places(its parameters, rows, columns)`."""
    rows, columns = _grid(*images.shape[1:3])

    def one(image: jax.Array, parameter: jax.Array) -> jax.Array:
        where = places(parameter, rows, columns)
        return per_image(lambda channel: _look_up(channel, where, order, fill_mode, fill_value), image)

    return jax.vmap(one)(images, jnp.broadcast_to(parameters, (images.shape[0], *parameters.shape[1:])))


@op(module=_IMAGE)
def affine_transform(
    images: Any,
    transform: Any,
    interpolation: str = "bilinear",
    fill_mode: str = "constant",
    fill_value: Any = 0,
    data_format: str | None = None,
) -> Any:
    """Images moved, turned, scaled and sheared: the pixel (x, y) is looked up at (a x + b y + c, d x + e y + f).

    Args:
        images: (B, H, W, C) or (H, W, C), or with channels in front.
        transform: (8,), or (B, 8) for one for each image: a, b, c, d, e, f, 0, 0. The last two do nothing.
        interpolation: "bilinear" or "nearest".
        fill_mode: what lies outside, as in `map_coordinates`.
        fill_value: the constant for it.
        data_format: "channels_last" or "channels_first"; None is the setting of the program.

    Raises:
        ShapeError: images or a transform of another shape.
        NameUnknownError: no such interpolation, fill mode or data format.

    >>> image = jnp.arange(4.0).reshape(1, 4, 1)
    >>> affine_transform(image, jnp.array([1.0, 0, 1, 0, 1, 0, 0, 0]))[0, :, 0].tolist()
    [1.0, 2.0, 3.0, 0.0]
    """
    order = _ORDERS[choice("affine_transform", "interpolation", interpolation, tuple(_ORDERS))]
    choice("affine_transform", "fill_mode", fill_mode, _FILL_MODES)
    images, transform = check_rank("affine_transform", images), fractions(convert_to_tensor(transform))
    if transform.ndim not in (1, 2) or transform.shape[-1] != 8:
        raise ShapeError(
            "affine_transform: Invalid transform rank: expected rank 1 (single transform of 8 numbers) or rank 2 (batch of "
            f"transforms), but got {describe(transform)}."
        )

    def places(numbers: jax.Array, rows: jax.Array, columns: jax.Array) -> tuple:
        a, b, c, d, e, f = numbers[:6]
        return d * columns + e * rows + f, a * columns + b * rows + c

    transforms = transform.reshape(-1, 8) if transform.ndim == 1 else transform
    return with_channels_last(
        "affine_transform",
        images,
        data_format,
        lambda batch: _bend(batch, transforms, places, order, fill_mode, fill_value),
    )


@op(module=_IMAGE)
def perspective_transform(
    images: Any,
    start_points: Any,
    end_points: Any,
    interpolation: str = "bilinear",
    fill_value: Any = 0,
    data_format: str | None = None,
) -> Any:
    """Images as seen from elsewhere: what was at four points comes to four others.

    Args:
        images: (B, H, W, C) or (H, W, C), or with channels in front.
        start_points: (4, 2) or (B, 4, 2): x and y of four points.
        end_points: where they come to, likewise.
        interpolation: "bilinear" or "nearest".
        fill_value: what lies outside.
        data_format: "channels_last" or "channels_first"; None is the setting of the program.

    Raises:
        ShapeError: images or points of another shape.
        NameUnknownError: no such interpolation or data format.

    >>> corners = jnp.array([[0.0, 0], [3, 0], [0, 3], [3, 3]])
    >>> perspective_transform(jnp.ones((4, 4, 1)), corners, corners).shape
    (4, 4, 1)
    """
    order = _ORDERS[choice("perspective_transform", "interpolation", interpolation, tuple(_ORDERS))]
    images = check_rank("perspective_transform", images)
    start, end = (fractions(convert_to_tensor(points)) for points in (start_points, end_points))
    for name, points in (("start_points", start), ("end_points", end)):
        if points.ndim not in (2, 3) or points.shape[-2:] != (4, 2):
            raise ShapeError(
                f"perspective_transform: Invalid {name} shape: expected (4, 2) for a single image or (N, 4, 2) for a batch, "
                f"but got {describe(points)}."
            )
    if start.shape != end.shape:
        raise ShapeError(
            f"perspective_transform: start_points and end_points must have the same shape, but got {describe(start)} and "
            f"{describe(end)}."
        )
    homographies = homography(jnp.reshape(start, (-1, 4, 2)), jnp.reshape(end, (-1, 4, 2)))

    def places(numbers: jax.Array, rows: jax.Array, columns: jax.Array) -> tuple:
        a, b, c, d, e, f, g, h = numbers
        depth = g * columns + h * rows + 1
        return (d * columns + e * rows + f) / depth, (a * columns + b * rows + c) / depth

    return with_channels_last(
        "perspective_transform",
        images,
        data_format,
        lambda batch: _bend(batch, homographies, places, order, "constant", fill_value),
    )


def homography(start: jax.Array, end: jax.Array) -> jax.Array:
    """The numbers a ... h with which ((a x + b y + c) / n, (d x + e y + f) / n), n = g x + h y + 1, maps each of four end
    points to its start point. Shapes: two (..., 4, 2) give (..., 8).
    """
    x, y = end[..., 0], end[..., 1]
    u, v = start[..., 0], start[..., 1]
    zero, one = jnp.zeros_like(x), jnp.ones_like(x)
    upper = jnp.stack([x, y, one, zero, zero, zero, -u * x, -u * y], axis=-1)
    lower = jnp.stack([zero, zero, zero, x, y, one, -v * x, -v * y], axis=-1)
    matrix = jnp.concatenate([upper, lower], axis=-2)
    known = jnp.concatenate([u, v], axis=-1)[..., None]
    whole = jnp.promote_types(matrix.dtype, "float32")  # LAPACK knows no shorter floats
    return jnp.linalg.solve(matrix.astype(whole), known.astype(whole))[..., 0].astype(matrix.dtype)


@op(module=_IMAGE)
def elastic_transform(
    images: Any,
    alpha: Any = 20.0,
    sigma: Any = 5.0,
    interpolation: str = "bilinear",
    fill_mode: str = "reflect",
    fill_value: Any = 0.0,
    seed: Any = None,
    data_format: str | None = None,
) -> Any:
    """Images bent as if they were drawn on rubber: each pixel is moved by smooth noise.

    Args:
        images: (B, H, W, C) or (H, W, C), or with channels in front; floats.
        alpha: how far.
        sigma: how smooth the noise is.
        interpolation: "bilinear" or "nearest".
        fill_mode: what lies outside, as in `map_coordinates`.
        fill_value: the constant for it.
        seed: an int, SeedGenerator, JAX key or None.
        data_format: "channels_last" or "channels_first"; None is the setting of the program.

    Raises:
        ShapeError: images of another rank.
        NameUnknownError: no such interpolation, fill mode or data format.

    Source: Simard et al., "Best Practices for Convolutional Neural Networks Applied to Visual Document Analysis", 2003.

    Differs: in the paper the noise of rows and columns is drawn apart; here, as in Keras on JAX, it is the same.
    """
    choice("elastic_transform", "interpolation", interpolation, tuple(_ORDERS))
    choice("elastic_transform", "fill_mode", fill_mode, _FILL_MODES)
    size = int(6 * float(sigma)) | 1
    bend = functools.partial(
        bend_elastically,
        key=random.draw_seed(seed),
        alpha=alpha,
        sigma=sigma,
        size=size,
        interpolation=interpolation,
        fill_mode=fill_mode,
        fill_value=fill_value,
    )
    return with_channels_last("elastic_transform", images, data_format, bend)


def bend_elastically(
    images: jax.Array,
    key: Any,
    alpha: Any,
    sigma: Any,
    size: int,
    interpolation: str,
    fill_mode: str,
    fill_value: Any,
) -> jax.Array:
    """Images (B, H, W, C) with each pixel moved by smooth noise.

    Args:
        images: the images.
        key: the noise's JAX key.
        alpha: how far; may be traced.
        sigma: how smooth; may be traced.
        size: an odd number, at least 6 sigma: over how many pixels the noise is smoothed at most.
        interpolation: "bilinear" or "nearest".
        fill_mode: what lies outside, as in `map_coordinates`.
        fill_value: the constant for it.
    """
    dtype = fractions(images).dtype
    noise = jax.random.normal(key, images.shape[:3], dtype) * jnp.asarray(sigma, dtype)
    reach = (6 * jnp.asarray(sigma, "float32")).astype("int32") // 2
    shift = alpha * blur(noise[..., None], (size, size), jnp.stack([jnp.asarray(sigma)] * 2), reach)[..., 0]
    return _bend(images, shift, lambda by, y, x: (y + by, x + by), _ORDERS[interpolation], fill_mode, fill_value)
