"""Images of other tones: sharpened, blurred, posterised, inverted, solarised, equalised, stretched."""

from typing import Any, Unpack

import jax
import jax.numpy as jnp

from plait import random
from plait.common.registry import builtin
from plait.core.variable import convert_to_tensor
from plait.errors import ArgumentError
from plait.layers.argument_types import LayerOptions
from plait.layers.preprocessing.image_distortion import draw_choice
from plait.layers.preprocessing.image_layer import (
    ImageLayer,
    factor_range,
    numbers_per_image,
    rescale,
    value_range_of,
)
from plait.ops.image_filters import blur

_BYTES = (0, 255)


@builtin("layers")
class RandomSharpness(ImageLayer):
    """While training, makes each image sharper or less sharp, by a factor of its own.

    Args:
        factor: two numbers from 0 to 1 to draw between, or one for up to it: 0 is smooth, 0.5 as it was, 1 sharp.
        value_range: the lowest and the highest value of images; the result is kept between them.
        data_format: "channels_last" or "channels_first"; None is the setting of the program.
        seed: for the draws.

    Raises:
        ArgumentError: a factor beyond 0 and 1, or no such range.

    >>> import numpy as np
    >>> RandomSharpness(1.0, seed=0)(np.ones((2, 4, 4, 3)), training=True).shape
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
        self.value_range = value_range_of(self, value_range)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """The factor of each image."""
        seed = self.generator if seed is None else seed
        return {"factor": random.uniform((self.batch_of(data),), *self.factor, seed=seed)}

    def change(self, images: jax.Array, transformation: Any, interpolation: str | None) -> jax.Array:
        factor = 2 * numbers_per_image(transformation["factor"]).astype(images.dtype)
        smooth = _smoothed(images)
        return jnp.clip(smooth + factor * (images - smooth), *self.value_range)


def _smoothed(images: jax.Array) -> jax.Array:
    """The mean of the 3 by 3 pixels around each, itself counted five times; what lies outside is 0."""
    padded = jnp.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    height, width = images.shape[1:3]
    around = sum(padded[:, row : row + height, column : column + width] for row in range(3) for column in range(3))
    return (around + 4 * images) / 13


@builtin("layers")
class RandomGaussianBlur(ImageLayer):
    """While training, blurs some images.

    Args:
        factor: how probable that is: two numbers from 0 to 1 to draw between, or one for up to it.
        kernel_size: over how many columns and rows, odd.
        sigma: the standard deviation: two numbers from 0 to 1 to draw between, or one for up to it; for columns and rows,
            the same for the batch.
        value_range: the lowest and the highest value of images; the result is kept between them.
        data_format: "channels_last" or "channels_first"; None is the setting of the program.
        seed: for the draws.

    Raises:
        ArgumentError: a factor or sigma beyond 0 and 1, or an even size.

    >>> import numpy as np
    >>> RandomGaussianBlur(seed=0)(np.ones((2, 4, 4, 3)), training=True).shape
    (2, 4, 4, 3)
    """

    def __init__(
        self,
        factor: Any = 1.0,
        kernel_size: Any = 3,
        sigma: Any = 1.0,
        value_range: Any = (0, 255),
        data_format: str | None = None,
        seed: Any = None,
        **kwargs: Unpack[LayerOptions],
    ):
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = factor_range(self, factor, bounds=(0, 1), start=0)
        self.sigma = factor_range(self, sigma, "sigma", bounds=(0, 1), start=0)
        sizes = tuple(kernel_size) if isinstance(kernel_size, (tuple, list)) else (kernel_size,) * 2
        if len(sizes) != 2 or not all(isinstance(size, int) and size > 0 and size % 2 for size in sizes):
            raise ArgumentError(
                f"RandomGaussianBlur: kernel_size must be an odd number, or two, but got kernel_size={kernel_size!r}."
            )
        self.kernel_size = sizes
        self.value_range = value_range

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Which images are blurred, and the standard deviations."""
        if not training:
            return None
        seed = self.generator if seed is None else seed
        chosen = draw_choice(self, data, seed)
        lowest = max(self.sigma[0], 1e-6) if self.sigma[1] == 0 else self.sigma[0]
        return {
            "should_apply_blur": chosen,
            "blur_factor": random.uniform((2,), lowest, max(self.sigma[1], lowest), seed=seed),
        }

    def change(self, images: jax.Array, transformation: Any, interpolation: str | None) -> jax.Array:
        sigmas = convert_to_tensor(transformation["blur_factor"])
        blurred = jnp.clip(blur(images, self.kernel_size, sigmas), *self.value_range)
        return jnp.where(numbers_per_image(transformation["should_apply_blur"]), blurred, images)


@builtin("layers")
class RandomPosterization(ImageLayer):
    """While training, leaves each image fewer bits for a value, by a number of its own.

    Args:
        factor: how many bits stay: two numbers from 1 to 8 to draw between, the second excluded; or one for from 1 on.
        value_range: the lowest and the highest value of images.
        data_format: "channels_last" or "channels_first"; None is the setting of the program.
        seed: for the draws.

    Raises:
        ArgumentError: a factor beyond 1 and 8, or no such range.

    >>> import numpy as np
    >>> RandomPosterization((1, 2))(np.array([[[[200.0, 100.0, 130.0]]]]), training=True).ravel().tolist()
    [128.0, 0.0, 128.0]
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
        self.factor = factor_range(self, factor, bounds=(1, 8), start=1)
        self.value_range = value_range_of(self, value_range)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """How many bits each image loses."""
        seed = self.generator if seed is None else seed
        kept = random.randint((self.batch_of(data),), *self.factor, dtype="uint8", seed=seed)
        return {"shift_factor": 8 - kept}

    def change(self, images: jax.Array, transformation: Any, interpolation: str | None) -> jax.Array:
        shift = numbers_per_image(transformation["shift_factor"]).astype("uint8")
        levels = rescale(images, self.value_range, _BYTES).astype("uint8")
        levels = jnp.left_shift(jnp.right_shift(levels, shift), shift)
        return rescale(levels.astype(images.dtype), _BYTES, self.value_range)


@builtin("layers")
class RandomInvert(ImageLayer):
    """While training, makes negatives of some images: the highest value less theirs.

    Args:
        factor: how probable that is: two numbers from 0 to 1 to draw between, or one for up to it.
        value_range: the lowest and the highest value of images.
        seed: for the draws.
        data_format: "channels_last" or "channels_first"; None is the setting of the program.

    Raises:
        ArgumentError: a factor beyond 0 and 1.

    >>> import numpy as np
    >>> RandomInvert((1.0, 1.0))(np.array([[[[200.0, 100.0, 130.0]]]]), training=True).ravel().tolist()
    [55.0, 155.0, 125.0]
    """

    def __init__(
        self,
        factor: Any = 1.0,
        value_range: Any = (0, 255),
        seed: Any = None,
        data_format: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ):
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = factor_range(self, factor, bounds=(0, 1), start=0)
        self.value_range = value_range

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Which images are inverted."""
        if not training:
            return None
        return {"apply_inversion": draw_choice(self, data, self.generator if seed is None else seed)}

    def change(self, images: jax.Array, transformation: Any, interpolation: str | None) -> jax.Array:
        chosen = numbers_per_image(transformation["apply_inversion"])
        return jnp.where(chosen, self.value_range[1] - images, images)


@builtin("layers")
class Solarization(ImageLayer):
    """While training, adds a number to each image, and inverts what is then above a threshold; both its own.

    Args:
        addition_factor: what is added, in parts of 255: two numbers from 0 to 1 to draw between, or one for up to it.
        threshold_factor: the threshold, likewise.
        value_range: the lowest and the highest value of images.
        seed: for the draws.

    Raises:
        ArgumentError: a factor beyond 0 and 1, or no such range.

    Differs: as in Keras on JAX, the lower of two numbers is taken as it is, not in parts of 255.

    >>> import numpy as np
    >>> Solarization(0.0, 0.0)(np.array([[[[200.0, 100.0, 130.0]]]]), training=True).ravel().tolist()
    [55.0, 155.0, 125.0]
    """

    def __init__(
        self,
        addition_factor: Any = 0.0,
        threshold_factor: Any = 0.0,
        value_range: Any = (0, 255),
        seed: Any = None,
        **kwargs: Unpack[LayerOptions],
    ):
        super().__init__(seed=seed, **kwargs)
        self.addition_factor = factor_range(self, addition_factor, "addition_factor", (0, 1), start=0, strict=True)
        self.threshold_factor = factor_range(self, threshold_factor, "threshold_factor", (0, 1), start=0, strict=True)
        self.value_range = value_range_of(self, value_range)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """What is added to each image, and its threshold, of 255."""
        if not training:
            return None
        seed, shape = self.generator if seed is None else seed, self.per_image_shape(data)
        additions = random.uniform(shape, self.addition_factor[0], self.addition_factor[1] * 255, seed=seed)
        thresholds = random.uniform(shape, self.threshold_factor[0], self.threshold_factor[1] * 255, seed=seed)
        return {"additions": additions, "thresholds": thresholds}

    def change(self, images: jax.Array, transformation: Any, interpolation: str | None) -> jax.Array:
        addition, threshold = (
            numbers_per_image(transformation[key]).astype(images.dtype) for key in ("additions", "thresholds")
        )
        levels = jnp.clip(rescale(images, self.value_range, _BYTES) + addition, *_BYTES)
        return rescale(jnp.where(levels < threshold, levels, 255 - levels), _BYTES, self.value_range)


@builtin("layers")
class AutoContrast(ImageLayer):
    """Stretches each channel of each image to the whole range of values.

    Args:
        value_range: the lowest and the highest value of images.

    Raises:
        ArgumentError: no such range.

    >>> import numpy as np
    >>> AutoContrast()(np.array([[[[10.0], [20.0], [30.0]]]]), training=True).ravel().tolist()
    [0.0, 127.5, 255.0]
    """

    draws = False

    def __init__(self, value_range: Any = (0, 255), **kwargs: Unpack[LayerOptions]):
        super().__init__(**kwargs)
        self.value_range = value_range_of(self, value_range)

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        """The images, stretched, also outside of training."""
        return super().transform_images(images, transformation, training=True)

    def change(self, images: jax.Array, transformation: Any, interpolation: str | None) -> jax.Array:
        levels = rescale(images, self.value_range, _BYTES)
        low, high = (reduce(levels, axis=(1, 2), keepdims=True) for reduce in (jnp.min, jnp.max))
        flat = high == low
        stretched = jnp.clip((levels - low) * (255 / jnp.where(flat, 1, high - low)), *_BYTES)
        return rescale(jnp.where(flat, levels, stretched), _BYTES, self.value_range)
