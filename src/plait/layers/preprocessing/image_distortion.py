"""Images distorted at random: seen from elsewhere, or bent like rubber."""

import functools
from typing import Any, Unpack

import jax
import jax.numpy as jnp

from plait import random
from plait.common.registry import builtin
from plait.core.variable import convert_to_tensor
from plait.errors import ArgumentError
from plait.layers.argument_types import LayerOptions
from plait.layers.preprocessing.bounding_boxes import around_corners
from plait.layers.preprocessing.image_layer import (
    FILL_MODES,
    INTERPOLATIONS,
    ImageLayer,
    WarpingLayer,
    check_choice,
    factor_range,
    images_of,
    numbers_per_image,
)
from plait.ops.image import perspective_transform
from plait.ops.image_warping import bend_elastically, homography


def draw_choice(layer: ImageLayer, data: Any, seed: Any) -> jax.Array:
    """Which images (B,) are to be changed: with a probability drawn from the layer's `factor`."""
    batch = layer.batch_of(data)
    probability = random.uniform((batch,), *layer.factor, seed=seed)  # type: ignore[attr-defined]
    return probability > random.uniform((batch,), seed=seed)


@builtin("layers")
class RandomPerspective(WarpingLayer):
    """While training, shows some images as if they were seen from the side.

    Args:
        factor: how probable that is: two numbers from 0 to 1 to draw between, or one for up to it.
        scale: how far corners move at most, from 0 to 1.
        interpolation: "bilinear" or "nearest".
        fill_value: what lies outside.
        seed: for the draws.
        data_format: "channels_last" or "channels_first"; None is the setting of the program.

    Raises:
        ArgumentError: a factor or scale beyond 0 and 1.
        NameUnknownError: no such interpolation.

    Differs: in Keras this layer keeps a model from being compiled.

    >>> import numpy as np
    >>> RandomPerspective(seed=0)(np.ones((2, 4, 4, 3)), training=True).shape
    (2, 4, 4, 3)
    """

    def __init__(
        self,
        factor: Any = 1.0,
        scale: float = 1.0,
        interpolation: str = "bilinear",
        fill_value: Any = 0.0,
        seed: Any = None,
        data_format: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ):
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = factor_range(self, factor, bounds=(0, 1), start=0)
        if not isinstance(scale, (int, float)) or not 0 <= scale <= 1:
            raise ArgumentError(
                f"RandomPerspective: The `scale` argument should be a number in the range [0, 1], but got scale={scale!r}."
            )
        self.scale = scale
        self.interpolation = check_choice(self, "interpolation", interpolation, INTERPOLATIONS)
        self.fill_value = fill_value

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Which images are changed, and where their corners come to."""
        if not training:
            return None
        seed = self.generator if seed is None else seed
        (height, width), batch = self.size_of(data), self.batch_of(data)
        chosen = draw_choice(self, data, seed)
        move = random.uniform((batch, 4, 2), -0.5 * self.scale, 0.5 * self.scale, seed=seed)
        corners = jnp.asarray([[0, 0], [width - 1, 0], [0, height - 1], [width - 1, height - 1]], "float32")
        start = jnp.broadcast_to(corners, (batch, 4, 2))
        return {
            "apply_perspective": chosen,
            "start_points": start,
            "end_points": start + start * move,
            "input_shape": images_of(data).shape,
        }

    def change(self, images: jax.Array, transformation: Any, interpolation: str | None) -> jax.Array:
        seen = perspective_transform(
            images.astype("float32"),
            transformation["start_points"],
            transformation["end_points"],
            interpolation=interpolation or self.interpolation,
            fill_value=self.fill_value,
            data_format="channels_last",
        )
        return jnp.where(numbers_per_image(transformation["apply_perspective"]), seen.astype(images.dtype), images)

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any = None, training: bool = True) -> Any:
        """The boxes around what the boxes become."""
        if not training:
            return bounding_boxes
        shape = transformation["input_shape"]
        size = shape[-3:-1] if self.channels_last else shape[-2:]
        start, end = (convert_to_tensor(transformation[key]) for key in ("start_points", "end_points"))
        numbers = homography(end, start)
        a, b, c, d, e, f, g, h = (numbers[:, index, None, None] for index in range(8))
        chosen = numbers_per_image(transformation["apply_perspective"])[..., 0]

        def move(x: jax.Array, y: jax.Array) -> tuple:
            depth = g * x + h * y + 1
            return (a * x + b * y + c) / depth, (d * x + e * y + f) / depth

        return self.change_boxes(
            bounding_boxes, size, lambda boxes: jnp.where(chosen, around_corners(boxes, move), boxes)
        )


@builtin("layers")
class RandomElasticTransform(WarpingLayer):
    """While training, bends some images as if they were drawn on rubber.

    Args:
        factor: how probable that is: two numbers from 0 to 1 to draw between, or one for up to it.
        scale: how far pixels move: two numbers from 0 to 1 to draw between, or one for up to it.
        interpolation: "bilinear" or "nearest".
        fill_mode: what lies outside: "constant", "reflect", "mirror", "wrap" or "nearest".
        fill_value: the constant.
        value_range: the lowest and the highest value of images.
        seed: for the draws.
        data_format: "channels_last" or "channels_first"; None is the setting of the program.

    Raises:
        ArgumentError: a factor or scale beyond 0 and 1.
        NameUnknownError: no such interpolation or fill mode.

    Source: Simard et al., "Best Practices for Convolutional Neural Networks Applied to Visual Document Analysis", 2003.

    Differs: segmentation masks are bent as the images are; Keras draws other noise for them.

    >>> import numpy as np
    >>> RandomElasticTransform(seed=0)(np.ones((2, 4, 4, 3)), training=True).shape
    (2, 4, 4, 3)
    """

    def __init__(
        self,
        factor: Any = 1.0,
        scale: Any = 1.0,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: Any = 0.0,
        value_range: Any = (0, 255),
        seed: Any = None,
        data_format: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ):
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = factor_range(self, factor, bounds=(0, 1), start=0)
        self.scale = factor_range(self, scale, "scale", bounds=(0, 1), start=0)
        self.interpolation = check_choice(self, "interpolation", interpolation, INTERPOLATIONS)
        self.fill_mode = check_choice(self, "fill_mode", fill_mode, (*FILL_MODES, "mirror"))
        self.fill_value, self.value_range = fill_value, value_range

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Which images are bent, how far, and the key of the noise."""
        if not training:
            return None
        seed = self.generator if seed is None else seed
        chosen = draw_choice(self, data, seed)
        distortion = random.uniform((), *self.scale, seed=seed)
        return {"apply_transform": chosen, "distortion_factor": distortion, "seed": random.draw_seed(seed)}

    def get_elastic_transform_params(self, height: int, width: int, factor: Any) -> tuple:
        """How far pixels move, and how smooth the noise is."""
        return max(height, width) * 0.1 * factor, min(height, width) * 0.05 * factor

    def change(self, images: jax.Array, transformation: Any, interpolation: str | None) -> jax.Array:
        size = images.shape[1:3]
        alpha, sigma = self.get_elastic_transform_params(size[0], size[1], transformation["distortion_factor"])
        _, smoothest = self.get_elastic_transform_params(size[0], size[1], self.scale[1])
        bend = functools.partial(
            bend_elastically,
            key=random.draw_seed(transformation["seed"]),
            alpha=alpha,
            sigma=sigma,
            size=int(6 * smoothest) | 1,
            interpolation=interpolation or self.interpolation,
            fill_mode=self.fill_mode,
            fill_value=self.fill_value,
        )
        images = jnp.where(numbers_per_image(transformation["apply_transform"]), bend(images), images)
        return jnp.clip(images, *self.value_range) if interpolation is None else images
