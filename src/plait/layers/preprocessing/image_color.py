"""Images of other colours, at random: brightness, contrast, hue, saturation, and what is made of them."""

from typing import Any, Unpack

import jax
import jax.numpy as jnp

from plait import random
from plait.common.registry import builtin
from plait.errors import ArgumentError
from plait.layers.argument_types import LayerOptions
from plait.layers.preprocessing.image_layer import (
    ImageLayer,
    factor_range,
    numbers_per_image,
    rescale,
    value_range_of,
)
from plait.ops.image import hsv_to_rgb, rgb_to_grayscale, rgb_to_hsv


@builtin("layers")
class RandomBrightness(ImageLayer):
    """While training, adds a number of its own to each image.

    Args:
        factor: which part of the value range: two numbers from -1 to 1 to draw between, or one for both directions.
        value_range: the lowest and the highest value of images; the result is kept between them.
        seed: for the draws.

    Raises:
        ArgumentError: a factor beyond -1 and 1, or no such range.

    Differs: the result has the layer's dtype, whatever the images' dtype.

    >>> import numpy as np
    >>> RandomBrightness((0.1, 0.1))(np.zeros((1, 1, 1, 3)), training=True).ravel().tolist()
    [25.5, 25.5, 25.5]
    """

    def __init__(self, factor: Any, value_range: Any = (0, 255), seed: Any = None, **kwargs: Unpack[LayerOptions]):
        super().__init__(seed=seed, **kwargs)
        self.factor = factor_range(self, factor)
        self.value_range = value_range_of(self, value_range)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """What is added to each image."""
        shape = self.per_image_shape(data)
        if not training:
            return {"rgb_delta": jnp.zeros(shape)}
        delta = random.uniform(shape, *self.factor, seed=self.generator if seed is None else seed)
        return {"rgb_delta": delta * (self.value_range[1] - self.value_range[0])}

    def change(self, images: jax.Array, transformation: Any, interpolation: str | None) -> jax.Array:
        delta = numbers_per_image(transformation["rgb_delta"]).astype(images.dtype)
        return jnp.clip(images + delta, *self.value_range)


@builtin("layers")
class RandomContrast(ImageLayer):
    """While training, moves the values of each image away from its means, or towards them, by a factor of its own.

    Args:
        factor: two numbers from 0 to 1: the factor is drawn between 1 less the first and 1 more the second; or one number
            for between 1 and 1 more it.
        value_range: the lowest and the highest value of images; the result is kept between them.
        seed: for the draws.

    Raises:
        ArgumentError: a factor beyond 0 and 1.

    >>> import numpy as np
    >>> RandomContrast(0.5, seed=0)(np.ones((2, 4, 4, 3)), training=True).shape
    (2, 4, 4, 3)
    """

    def __init__(self, factor: Any, value_range: Any = (0, 255), seed: Any = None, **kwargs: Unpack[LayerOptions]):
        super().__init__(seed=seed, **kwargs)
        self.factor = factor_range(self, factor, bounds=(0, 1), start=0)
        self.value_range = value_range

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """The factor of each image."""
        shape = self.per_image_shape(data)
        if not training:
            return {"contrast_factor": jnp.zeros(shape)}
        seed = self.generator if seed is None else seed
        return {"contrast_factor": random.uniform(shape, 1.0 - self.factor[0], 1.0 + self.factor[1], seed=seed)}

    def change(self, images: jax.Array, transformation: Any, interpolation: str | None) -> jax.Array:
        factor = numbers_per_image(transformation["contrast_factor"]).astype(images.dtype)
        mean = jnp.mean(images, axis=(1, 2), keepdims=True)
        return jnp.clip((images - mean) * factor + mean, *self.value_range)


def _changed_hsv(images: jax.Array, value_range: Any, function: Any) -> jax.Array:
    """Images with a function applied to their hue and saturation."""
    unit = rescale(images, value_range, (0, 1))
    hue, saturation, value = jnp.split(rgb_to_hsv(unit, data_format="channels_last"), 3, axis=-1)
    hue, saturation = function(hue, saturation)
    changed = hsv_to_rgb(jnp.concatenate([hue, saturation, value], axis=-1), data_format="channels_last")
    return rescale(changed, (0, 1), value_range).astype(images.dtype)


@builtin("layers")
class RandomHue(ImageLayer):
    """While training, turns the colours of each image around the colour wheel by an angle of its own.

    Args:
        factor: how far, 1 being half a turn: two numbers from 0 to 1 to draw between, or one for up to it; the direction is
            drawn too.
        value_range: the lowest and the highest value of images.
        data_format: "channels_last" or "channels_first"; None is the setting of the program.
        seed: for the draws.

    Raises:
        ArgumentError: a factor beyond 0 and 1.

    >>> import numpy as np
    >>> RandomHue(0.5, seed=0)(np.ones((2, 4, 4, 3)), training=True).shape
    (2, 4, 4, 3)
    """

    def __init__(
        self,
        factor: Any,
        value_range: Any = (0, 255),
        data_format: str | None = None,
        seed: Any = None,
        **kwargs: Unpack[LayerOptions],
    ):
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = factor_range(self, factor, bounds=(0, 1), start=0)
        self.value_range = value_range

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """How far each image's colours are turned, in full turns."""
        seed = self.generator if seed is None else seed
        shape = (self.batch_of(data),)
        backwards = random.uniform(shape, seed=seed) > 0.5
        factor = random.uniform(shape, *self.factor, seed=seed)
        return {"factor": jnp.where(backwards, -factor, factor) * 0.5}

    def change(self, images: jax.Array, transformation: Any, interpolation: str | None) -> jax.Array:
        turn = numbers_per_image(transformation["factor"]).astype(images.dtype)
        return _changed_hsv(images, self.value_range, lambda hue, saturation: ((hue + turn) % 1, saturation))


@builtin("layers")
class RandomSaturation(ImageLayer):
    """While training, multiplies the saturation of each image by a factor of its own.

    Args:
        factor: two numbers f to draw between, or one for both signs; the saturation is multiplied by f / (1 - f), so 0 is
            grey, 0.5 as it was, and towards 1 it grows without limit; negative ones count as 0.
        value_range: the lowest and the highest value of images.
        data_format: "channels_last" or "channels_first"; None is the setting of the program.
        seed: for the draws.

    Raises:
        ArgumentError: a single factor beyond -1 and 1, or no such range.

    >>> import numpy as np
    >>> RandomSaturation((0.3, 0.6), seed=0)(np.ones((2, 4, 4, 3)), training=True).shape
    (2, 4, 4, 3)
    """

    def __init__(
        self,
        factor: Any,
        value_range: Any = (0, 255),
        data_format: str | None = None,
        seed: Any = None,
        **kwargs: Unpack[LayerOptions],
    ):
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = factor_range(self, factor)
        self.value_range = value_range_of(self, value_range)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """The factor of each image."""
        seed = self.generator if seed is None else seed
        factor = random.uniform((self.batch_of(data),), *self.factor, seed=seed)
        return {"factor": factor / jnp.maximum(1 - factor, 1e-7)}

    def change(self, images: jax.Array, transformation: Any, interpolation: str | None) -> jax.Array:
        factor = numbers_per_image(transformation["factor"]).astype(images.dtype)

        def change(hue: jax.Array, saturation: jax.Array) -> tuple:
            return hue, jnp.clip(saturation * factor, 0, self.value_range[1])

        return _changed_hsv(images, self.value_range, change)


@builtin("layers")
class RandomColorJitter(ImageLayer):
    """While training, changes brightness, contrast, saturation and hue, in this order.

    Args:
        value_range: the lowest and the highest value of images.
        brightness_factor: as for `RandomBrightness`; None leaves it.
        contrast_factor: as for `RandomContrast`; None leaves it.
        saturation_factor: as for `RandomSaturation`; None leaves it.
        hue_factor: as for `RandomHue`; None leaves it.
        seed: for the draws.
        data_format: "channels_last" or "channels_first"; None is the setting of the program.

    Raises:
        ArgumentError: a factor that its layer doesn't take.

    >>> import numpy as np
    >>> RandomColorJitter(brightness_factor=0.2, hue_factor=0.1, seed=0)(np.ones((2, 4, 4, 3)), training=True).shape
    (2, 4, 4, 3)
    """

    def __init__(
        self,
        value_range: Any = (0, 255),
        brightness_factor: Any = None,
        contrast_factor: Any = None,
        saturation_factor: Any = None,
        hue_factor: Any = None,
        seed: Any = None,
        data_format: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ):
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.value_range = value_range
        self.brightness_factor, self.contrast_factor = brightness_factor, contrast_factor
        self.saturation_factor, self.hue_factor = saturation_factor, hue_factor
        shared = {"value_range": value_range, "seed": seed, "data_format": self.data_format, "dtype": self.dtype_policy}
        if brightness_factor is not None:
            self.random_brightness = RandomBrightness(brightness_factor, **shared)
        if contrast_factor is not None:
            self.random_contrast = RandomContrast(contrast_factor, **shared)
        if saturation_factor is not None:
            self.random_saturation = RandomSaturation(saturation_factor, **shared)
        if hue_factor is not None:
            self.random_hue = RandomHue(hue_factor, **shared)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """What each of the layers inside draws, by their attributes' names."""
        if not training:
            return None
        seed = self.generator if seed is None else seed
        return {name: layer.get_random_transformation(data, training, seed) for name, layer in self._steps()}

    def _steps(self) -> list[tuple[str, ImageLayer]]:
        names = ("random_brightness", "random_contrast", "random_saturation", "random_hue")
        return [(name, getattr(self, name)) for name in names if hasattr(self, name)]

    def change(self, images: jax.Array, transformation: Any, interpolation: str | None) -> jax.Array:
        for name, layer in self._steps():
            images = layer.change(images, transformation[name], interpolation)
        return images


def _as_grey(images: jax.Array) -> jax.Array:
    return jnp.broadcast_to(rgb_to_grayscale(images, data_format="channels_last"), images.shape)


@builtin("layers")
class RandomColorDegeneration(ImageLayer):
    """While training, mixes each image with its grey form.

    Args:
        factor: how much grey: two numbers from -1 to 1 to draw between, or one for both signs.
        value_range: the lowest and the highest value of images; the result is kept between them.
        data_format: "channels_last" or "channels_first"; None is the setting of the program.
        seed: for the draws.

    Raises:
        ArgumentError: a factor beyond -1 and 1, or no such range.

    >>> import numpy as np
    >>> RandomColorDegeneration((0.5, 1.0), seed=0)(np.ones((2, 4, 4, 3)), training=True).shape
    (2, 4, 4, 3)
    """

    def __init__(
        self,
        factor: Any,
        value_range: Any = (0, 255),
        data_format: str | None = None,
        seed: Any = None,
        **kwargs: Unpack[LayerOptions],
    ):
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = factor_range(self, factor)
        self.value_range = value_range_of(self, value_range)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """How much grey each image gets."""
        seed = self.generator if seed is None else seed
        return {"factor": random.uniform((self.batch_of(data), 1, 1, 1), *self.factor, seed=seed)}

    def change(self, images: jax.Array, transformation: Any, interpolation: str | None) -> jax.Array:
        factor = numbers_per_image(transformation["factor"]).astype(images.dtype)
        return jnp.clip(images + factor * (_as_grey(images) - images), *self.value_range)


@builtin("layers")
class RandomGrayscale(ImageLayer):
    """While training, makes some images grey, with three equal channels.

    Args:
        factor: how probable that is, from 0 to 1.
        data_format: "channels_last" or "channels_first"; None is the setting of the program.
        seed: for the draws.

    Raises:
        ArgumentError: a factor beyond 0 and 1.

    Differs: the result has the layer's dtype, whatever the images' dtype.

    >>> import numpy as np
    >>> RandomGrayscale(1.0)(np.ones((2, 4, 4, 3)), training=True).shape
    (2, 4, 4, 3)
    """

    def __init__(
        self, factor: float = 0.5, data_format: str | None = None, seed: Any = None, **kwargs: Unpack[LayerOptions]
    ):
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        if not isinstance(factor, (int, float)) or not 0 <= factor <= 1:
            raise ArgumentError(f"RandomGrayscale: `factor` should be between 0 and 1, but got factor={factor!r}.")
        self.factor = factor

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Which images become grey."""
        seed = self.generator if seed is None else seed
        return numbers_per_image(random.uniform((self.batch_of(data),), seed=seed) < self.factor)

    def change(self, images: jax.Array, transformation: Any, interpolation: str | None) -> jax.Array:
        return jnp.where(numbers_per_image(transformation), _as_grey(images), images)
