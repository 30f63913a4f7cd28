"""Images moved at random: flipped, turned, shifted, zoomed, sheared, seen from elsewhere, bent."""

import functools
from typing import Any, Unpack

import jax
import jax.numpy as jnp

from plait import random
from plait.common.registry import builtin
from plait.common.traits import of_plait
from plait.core.variable import convert_to_tensor
from plait.layers.argument_types import LayerOptions
from plait.layers.preprocessing.bounding_boxes import around_corners
from plait.layers.preprocessing.image_layer import (
    FILL_MODES,
    INTERPOLATIONS,
    WarpingLayer,
    check_choice,
    factor_range,
    images_of,
    numbers_per_image,
)
from plait.ops.image import affine_transform


@builtin("layers")
class RandomFlip(WarpingLayer):
    """While training, mirrors each image or not, by the toss of a coin.

    Args:
        mode: "horizontal" (left and right change places), "vertical", or "horizontal_and_vertical" (both or none).
        seed: for the draws.
        data_format: "channels_last" or "channels_first"; None is the setting of the program.

    Raises:
        NameUnknownError: no such mode.

    >>> import numpy as np
    >>> RandomFlip("horizontal", seed=0)(np.zeros((2, 4, 4, 3)), training=True).shape
    (2, 4, 4, 3)
    """

    def __init__(
        self,
        mode: str = "horizontal_and_vertical",
        seed: Any = None,
        data_format: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ):
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.mode = check_choice(self, "mode", mode, ("horizontal", "vertical", "horizontal_and_vertical"))

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Which images are mirrored."""
        if not training:
            return None
        seed = self.generator if seed is None else seed
        flips = random.uniform(self.per_image_shape(data), seed=seed) <= 0.5
        return {"flips": flips, "input_shape": images_of(data).shape}

    def change(self, images: jax.Array, transformation: Any, interpolation: str | None) -> jax.Array:
        flips = numbers_per_image(transformation["flips"])
        if "horizontal" in self.mode:
            images = jnp.where(flips, images[:, :, ::-1], images)
        if "vertical" in self.mode:
            images = jnp.where(flips, images[:, ::-1], images)
        return images

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any = None, training: bool = True) -> Any:
        """The boxes, mirrored as the images are."""
        if not training:
            return bounding_boxes
        height, width = _size_before(self, transformation)
        flips = numbers_per_image(transformation["flips"])[:, :, 0, 0]

        def mirror(boxes: jax.Array) -> jax.Array:
            left, top, right, bottom = (boxes[..., index] for index in range(4))
            if "horizontal" in self.mode:
                left, right = jnp.where(flips, width - right, left), jnp.where(flips, width - left, right)
            if "vertical" in self.mode:
                top, bottom = jnp.where(flips, height - bottom, top), jnp.where(flips, height - top, bottom)
            return jnp.stack([left, top, right, bottom], axis=-1)

        return self.change_boxes(bounding_boxes, (height, width), mirror)


def _size_before(layer: WarpingLayer, transformation: dict) -> tuple:
    shape = transformation["input_shape"]
    return shape[-3:-1] if layer.channels_last else shape[-2:]


@of_plait
class _Affine(WarpingLayer):
    """A layer that moves pixels by an affine map, which `matrix` returns."""

    def __init__(
        self,
        fill_mode: str,
        interpolation: str,
        seed: Any,
        fill_value: Any,
        data_format: str | None,
        **kwargs: Unpack[LayerOptions],
    ):
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.fill_mode = check_choice(self, "fill_mode", fill_mode, FILL_MODES)
        self.interpolation = check_choice(self, "interpolation", interpolation, INTERPOLATIONS)
        self.fill_value = fill_value

    def matrix(self, transformation: dict, height: int, width: int) -> jax.Array:
        """For each image (B, 8): where a pixel of the result is looked up, see `ops.image.affine_transform`."""
        raise NotImplementedError(f"{type(self).__name__} does not have a `matrix()` method implemented.")

    def size_before(self, transformation: dict) -> tuple:
        """The height and the width of the images that a transformation was drawn for."""
        return _size_before(self, transformation)

    def change(self, images: jax.Array, transformation: Any, interpolation: str | None) -> jax.Array:
        moved = affine_transform(
            images.astype("float32"),
            self.matrix(transformation, *images.shape[1:3]),
            interpolation=interpolation or self.interpolation,
            fill_mode=self.fill_mode,
            fill_value=self.fill_value,
            data_format="channels_last",
        )
        return moved.astype(images.dtype)

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any = None, training: bool = True) -> Any:
        """The boxes around what the boxes become."""
        if not training:
            return bounding_boxes
        height, width = self.size_before(transformation)
        numbers = jnp.reshape(self.matrix(transformation, height, width), (-1, 8))
        a, b, c, d, e, f = (numbers[:, index, None, None] for index in range(6))
        scale = a * e - b * d

        def back(x: jax.Array, y: jax.Array) -> tuple:
            x, y = x - c, y - f
            return (e * x - b * y) / scale, (a * y - d * x) / scale

        return self.change_boxes(bounding_boxes, (height, width), functools.partial(around_corners, function=back))


@builtin("layers")
class RandomRotation(_Affine):
    """While training, turns each image about its middle by an angle of its own.

    Args:
        factor: the angles to draw from, in full turns against the clock: two numbers, or one for both directions.
        fill_mode: what lies outside: "constant", "reflect", "wrap" or "nearest".
        interpolation: "bilinear" or "nearest".
        seed: for the draws.
        fill_value: the constant.
        data_format: "channels_last" or "channels_first"; None is the setting of the program.

    Raises:
        ArgumentError: a factor beyond -1 and 1.
        NameUnknownError: no such fill mode or interpolation.

    Differs: in Keras this layer keeps a model from being compiled.

    >>> import numpy as np
    >>> RandomRotation(0.25, seed=0)(np.ones((2, 4, 4, 3)), training=True).shape
    (2, 4, 4, 3)
    """

    def __init__(
        self,
        factor: Any,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: Any = None,
        fill_value: Any = 0.0,
        data_format: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ):
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **kwargs)
        self.factor = factor_range(self, factor)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """The angle of each image, in degrees, and what follows from it."""
        if not training:
            return None
        seed = self.generator if seed is None else seed
        (height, width), batch = self.size_of(data), self.batch_of(data)
        angle = random.uniform((batch,), self.factor[0] * 360, self.factor[1] * 360, seed=seed)
        matrix = self._turn(angle, height, width)
        return {
            "angle": angle,
            "rotation_matrix": matrix if images_of(data).ndim == 4 else matrix[0],
            "image_height": height,
            "image_width": width,
            "batch_size": batch,
        }

    def _turn(self, angle: jax.Array, height: int, width: int) -> jax.Array:
        cosine, sine = jnp.cos(jnp.deg2rad(angle)), jnp.sin(jnp.deg2rad(angle))
        x = ((width - 1) - (cosine * (width - 1) - sine * (height - 1))) / 2
        y = ((height - 1) - (sine * (width - 1) + cosine * (height - 1))) / 2
        zero = jnp.zeros_like(angle)
        return jnp.stack([cosine, -sine, x, sine, cosine, y, zero, zero], axis=-1)

    def size_before(self, transformation: dict) -> tuple:
        """The height and the width of the images that a transformation was drawn for."""
        return transformation["image_height"], transformation["image_width"]

    def matrix(self, transformation: dict, height: int, width: int) -> jax.Array:
        """For each image (B, 8): where a pixel of the result is looked up."""
        return transformation["rotation_matrix"]


@builtin("layers")
class RandomTranslation(_Affine):
    """While training, shifts each image by a distance of its own.

    Args:
        height_factor: how far down, in parts of the height: two numbers to draw between, or one for both directions.
        width_factor: how far to the right, in parts of the width.
        fill_mode: what lies outside: "constant", "reflect", "wrap" or "nearest".
        interpolation: "bilinear" or "nearest".
        seed: for the draws.
        fill_value: the constant.
        data_format: "channels_last" or "channels_first"; None is the setting of the program.

    Raises:
        ArgumentError: a factor beyond -1 and 1.
        NameUnknownError: no such fill mode or interpolation.

    Differs: in Keras this layer keeps a model from being compiled.

    >>> import numpy as np
    >>> RandomTranslation(0.2, 0.2, seed=0)(np.ones((2, 4, 4, 3)), training=True).shape
    (2, 4, 4, 3)
    """

    def __init__(
        self,
        height_factor: Any,
        width_factor: Any,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: Any = None,
        fill_value: Any = 0.0,
        data_format: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ):
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **kwargs)
        self.height_factor, self.width_factor = height_factor, width_factor
        self.height_lower, self.height_upper = factor_range(self, height_factor, "height_factor", strict=True)
        self.width_lower, self.width_upper = factor_range(self, width_factor, "width_factor", strict=True)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """How far each image is shifted: pixels to the right and down."""
        if not training:
            return None
        seed = self.generator if seed is None else seed
        (height, width), shape = self.size_of(data), (self.batch_of(data), 1)
        down = random.uniform(shape, self.height_lower, self.height_upper, seed=seed) * height
        right = random.uniform(shape, self.width_lower, self.width_upper, seed=seed) * width
        return {"translations": jnp.concatenate([right, down], axis=1), "input_shape": images_of(data).shape}

    def matrix(self, transformation: dict, height: int, width: int) -> jax.Array:
        """For each image (B, 8): where a pixel of the result is looked up."""
        right, down = convert_to_tensor(transformation["translations"]).T
        zero, one = jnp.zeros_like(right), jnp.ones_like(right)
        return jnp.stack([one, zero, -right, zero, one, -down, zero, zero], axis=-1)


@builtin("layers")
class RandomZoom(_Affine):
    """While training, makes each image larger or smaller by a factor of its own.

    Args:
        height_factor: by how much of the height more is seen: two numbers to draw between, or one for both signs. Below 0
            the image gets larger.
        width_factor: the same for the width; None keeps the proportion.
        fill_mode: what lies outside: "constant", "reflect", "wrap" or "nearest".
        interpolation: "bilinear" or "nearest".
        seed: for the draws.
        fill_value: the constant.
        data_format: "channels_last" or "channels_first"; None is the setting of the program.

    Raises:
        ArgumentError: a factor beyond -1 and 1.
        NameUnknownError: no such fill mode or interpolation.

    Differs: in Keras this layer keeps a model from being compiled.

    >>> import numpy as np
    >>> RandomZoom(0.2, seed=0)(np.ones((2, 4, 4, 3)), training=True).shape
    (2, 4, 4, 3)
    """

    def __init__(
        self,
        height_factor: Any,
        width_factor: Any = None,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: Any = None,
        fill_value: Any = 0.0,
        data_format: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ):
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **kwargs)
        self.height_factor, self.width_factor = height_factor, width_factor
        self.height_lower, self.height_upper = factor_range(self, height_factor, "height_factor", strict=True)
        if width_factor is not None:
            self.width_lower, self.width_upper = factor_range(self, width_factor, "width_factor", strict=True)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """How much of its height and width is seen of each image."""
        if not training:
            return None
        seed = self.generator if seed is None else seed
        shape = self.batch_of(data), 1
        high = wide = random.uniform(shape, 1 + self.height_lower, 1 + self.height_upper, seed=seed)
        if self.width_factor is not None:
            wide = random.uniform(shape, 1 + self.width_lower, 1 + self.width_upper, seed=seed)
        return {"height_zoom": high, "width_zoom": wide, "input_shape": images_of(data).shape}

    def matrix(self, transformation: dict, height: int, width: int) -> jax.Array:
        """For each image (B, 8): where a pixel of the result is looked up."""
        high, wide = (convert_to_tensor(transformation[key])[:, 0] for key in ("height_zoom", "width_zoom"))
        x, y = (width - 1) / 2 * (1 - wide), (height - 1) / 2 * (1 - high)
        zero = jnp.zeros_like(high)
        return jnp.stack([wide, zero, x, zero, high, y, zero, zero], axis=-1)


@builtin("layers")
class RandomShear(_Affine):
    """While training, slants each image by a degree of its own.

    Args:
        x_factor: how far rows slide: two numbers to draw between, or one for both directions.
        y_factor: how far columns slide.
        interpolation: "bilinear" or "nearest".
        fill_mode: what lies outside: "constant", "reflect", "wrap" or "nearest".
        fill_value: the constant.
        data_format: "channels_last" or "channels_first"; None is the setting of the program.
        seed: for the draws.

    Raises:
        ArgumentError: a factor beyond 0 and 1.
        NameUnknownError: no such fill mode or interpolation.

    Differs: in Keras this layer keeps a model from being compiled.

    >>> import numpy as np
    >>> RandomShear(0.3, 0.3, seed=0)(np.ones((2, 4, 4, 3)), training=True).shape
    (2, 4, 4, 3)
    """

    def __init__(
        self,
        x_factor: Any = 0.0,
        y_factor: Any = 0.0,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: Any = 0.0,
        data_format: str | None = None,
        seed: Any = None,
        **kwargs: Unpack[LayerOptions],
    ):
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **kwargs)
        self.x_factor = factor_range(self, x_factor, "x_factor", (0, 1))
        self.y_factor = factor_range(self, y_factor, "y_factor", (0, 1))

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """How far rows and columns of each image slide."""
        if not training:
            return None
        seed = self.generator if seed is None else seed
        shape = self.batch_of(data), 1
        sign = jnp.where(random.uniform(shape, seed=seed) < 0.5, 1.0, -1.0)
        y = random.uniform(shape, *self.y_factor, seed=seed) * sign
        x = random.uniform(shape, *self.x_factor, seed=seed) * sign
        return {"shear_factor": jnp.concatenate([x, y], axis=1), "input_shape": images_of(data).shape}

    def matrix(self, transformation: dict, height: int, width: int) -> jax.Array:
        """For each image (B, 8): where a pixel of the result is looked up."""
        x, y = convert_to_tensor(transformation["shear_factor"]).T
        zero, one = jnp.zeros_like(x), jnp.ones_like(x)
        return jnp.stack([one, x, zero, y, one, zero, zero, zero], axis=-1)

    def get_config(self) -> dict:
        """The constructor's arguments; a range about 0 as one number, as Keras refuses negative ones."""
        factors = {"x_factor": self.x_factor, "y_factor": self.y_factor}
        lone = {key: value[1] if value[0] == -value[1] else value for key, value in factors.items()}
        return {**super().get_config(), **lone}
