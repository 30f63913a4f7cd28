"""Images with a part erased, or mixed with others of their batch."""

from typing import Any, Unpack

import jax
import jax.numpy as jnp

from plait import random
from plait.common.registry import builtin
from plait.common.traits import of_plait
from plait.core.variable import convert_to_tensor
from plait.errors import ArgumentError
from plait.layers.argument_types import LayerOptions
from plait.layers.preprocessing.image_distortion import draw_choice
from plait.layers.preprocessing.image_layer import ImageLayer, factor_range, images_of, numbers_per_image


def _span(length: int, part: jax.Array, seed: Any) -> jax.Array:
    """Which of the places 0 ... length - 1 lie in a span of a part of the length, drawn anywhere: (B, length)."""
    size = length * part
    start = random.uniform(part.shape, seed=seed) * (length - size)
    places = jnp.arange(length, dtype="float32")
    return (places >= start[:, None]) & (places < (start + size)[:, None])


def _rectangles(layer: ImageLayer, data: Any, width_part: jax.Array, height_part: jax.Array, seed: Any) -> jax.Array:
    """Which pixels lie in a rectangle of its own for each image, in the images' shape (B, ...)."""
    height, width = layer.size_of(data)
    across, down = _span(width, width_part, seed), _span(height, height_part, seed)
    inside = down[:, :, None] & across[:, None, :]
    shape = images_of(data).shape[-3:]
    inside = inside[..., None] if layer.channels_last else inside[:, None]
    return jnp.broadcast_to(inside, (inside.shape[0], *shape))


@builtin("layers")
class RandomErasing(ImageLayer):
    """While training, replaces a rectangle of some images by noise or a number.

    Args:
        factor: how probable that is: two numbers from 0 to 1 to draw between, or one for up to it.
        scale: which part of the image is erased: two numbers to draw between, or one for up to it; its root is drawn for
            height and width apart.
        fill_value: what replaces it; None is normal noise of the size of the highest value.
        value_range: the lowest and the highest value of images; the filling is kept between them.
        seed: for the draws.
        data_format: "channels_last" or "channels_first"; None is the setting of the program.

    Raises:
        ArgumentError: a factor or scale beyond 0 and 1.

    Source: Zhong et al., "Random Erasing Data Augmentation", 2017.

    >>> import numpy as np
    >>> RandomErasing(seed=0)(np.ones((2, 4, 4, 3)), training=True).shape
    (2, 4, 4, 3)
    """

    def __init__(
        self,
        factor: Any = 1.0,
        scale: Any = (0.02, 0.33),
        fill_value: Any = None,
        value_range: Any = (0, 255),
        seed: Any = None,
        data_format: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ):
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = factor_range(self, factor, bounds=(0, 1), start=0)
        self.scale = factor_range(self, scale, "scale", bounds=(0, 1), start=0)
        self.fill_value, self.value_range = fill_value, value_range

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Which images are changed, where, and what is put there."""
        if not training:
            return None
        seed = self.generator if seed is None else seed
        parts = jnp.sqrt(random.uniform((self.batch_of(data), 2), *self.scale, seed=seed))
        masks = _rectangles(self, data, parts[:, 0], parts[:, 1], seed)
        chosen = draw_choice(self, data, seed)
        return {"apply_erasing": chosen, "batch_masks": masks, "fill_value": self._filling(data, seed)}

    def _filling(self, data: Any, seed: Any) -> jax.Array:
        shape = images_of(data).shape
        if self.fill_value is None:
            filling = random.normal(shape, seed=seed) * self.value_range[1]
        else:
            filling = jnp.broadcast_to(jnp.asarray(self.fill_value, "float32"), shape)
        return jnp.clip(filling, *self.value_range).astype(self.compute_dtype)

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        """The images, with what was drawn put in."""
        images = convert_to_tensor(images).astype(self.compute_dtype)
        if not training:
            return images
        masks = jnp.reshape(convert_to_tensor(transformation["batch_masks"]), (-1, *images.shape[-3:]))
        chosen = masks & numbers_per_image(transformation["apply_erasing"])
        filling = convert_to_tensor(transformation["fill_value"]).astype(images.dtype)
        return jnp.where(chosen if images.ndim == 4 else chosen[0], filling, images)


@of_plait
class _Mixing(ImageLayer):
    """A layer that mixes each sample with another of its batch; labels must be numbers, such as one-hot vectors."""

    def transform_labels(self, labels: Any, transformation: Any = None, training: bool = True) -> Any:
        """The labels, mixed in proportion; they should be one-hot vectors."""
        if not training:
            return labels
        labels = convert_to_tensor(labels)
        labels = labels if jnp.issubdtype(labels.dtype, jnp.floating) else labels.astype(self.compute_dtype)
        return _mix(labels, transformation)


def _others(values: Any, transformation: Any) -> jax.Array:
    return jnp.take(convert_to_tensor(values), convert_to_tensor(transformation["permutation_order"]), axis=0)


def _mix(values: jax.Array, transformation: Any) -> jax.Array:
    """What each sample has, by its weight, and what its other one has, by the rest."""
    weight = convert_to_tensor(transformation["mix_weight"]).astype(values.dtype)
    weight = jnp.reshape(weight, (-1, *[1] * (values.ndim - 1)))
    return weight * values + (1 - weight) * _others(values, transformation)


@builtin("layers")
class MixUp(_Mixing):
    """While training, fades each image into another of its batch, and so their labels.

    Args:
        alpha: both parameters of the beta distribution that the weights come from; the larger, the more even the mixture.
        data_format: "channels_last" or "channels_first"; None is the setting of the program.
        seed: for the draws.

    Raises:
        ArgumentError: an alpha that isn't above 0.

    Source: Zhang et al., "mixup: Beyond Empirical Risk Minimization", 2017.

    Differs: segmentation masks are mixed image by image, and the labels of boxes stay beside them; Keras mixes each mask
    with all weights, and puts the labels of boxes below each other.

    >>> import numpy as np
    >>> MixUp(seed=0)(np.ones((2, 4, 4, 3)), training=True).shape
    (2, 4, 4, 3)
    """

    def __init__(
        self, alpha: float = 0.2, data_format: str | None = None, seed: Any = None, **kwargs: Unpack[LayerOptions]
    ):
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        if not alpha > 0:
            raise ArgumentError(f"MixUp: `alpha` must be above 0, but is {alpha!r}.")
        self.alpha = alpha

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """With which other image each is mixed, and its own weight."""
        seed, batch = self.generator if seed is None else seed, self.batch_of(data)
        order = random.shuffle(jnp.arange(batch, dtype="int32"), axis=0, seed=seed)
        return {"mix_weight": random.beta((batch,), self.alpha, self.alpha, seed=seed), "permutation_order": order}

    def change(self, images: jax.Array, transformation: Any, interpolation: str | None) -> jax.Array:
        return _mix(images, transformation)

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """The masks, mixed as the images are; they should be one-hot in their last axis."""
        masks = convert_to_tensor(segmentation_masks).astype(self.compute_dtype)
        return _mix(masks, transformation) if training else masks

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any = None, training: bool = True) -> Any:
        """The boxes of both images."""
        if not training:
            return bounding_boxes
        both = {}
        for key in ("boxes", "labels"):
            own = convert_to_tensor(bounding_boxes[key])
            both[key] = jnp.concatenate([own, _others(own, transformation)], axis=1)
        return {**bounding_boxes, **both}


@builtin("layers")
class CutMix(_Mixing):
    """While training, replaces a rectangle of each image by that of another of its batch, and mixes their labels.

    Args:
        factor: the parameters of the beta distribution that the weights come from: two numbers from 0 to 1 to draw them
            between, or one for up to it.
        seed: for the draws.
        data_format: "channels_last" or "channels_first"; None is the setting of the program.

    Raises:
        ArgumentError: a factor beyond 0 and 1; bounding boxes, of which a part cannot be cut.

    Source: Yun et al., "CutMix: Regularization Strategy to Train Strong Classifiers with Localizable Features", 2019.

    >>> import numpy as np
    >>> CutMix(seed=0)(np.ones((2, 4, 4, 3)), training=True).shape
    (2, 4, 4, 3)
    """

    def __init__(
        self, factor: Any = 1.0, seed: Any = None, data_format: str | None = None, **kwargs: Unpack[LayerOptions]
    ):
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = factor_range(self, factor, bounds=(0, 1), start=0)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """With which other image each is mixed, where, and its own weight."""
        if not training or images_of(data).ndim == 3:
            return None
        seed, batch = self.generator if seed is None else seed, self.batch_of(data)
        evenness = random.uniform((), *self.factor, seed=seed)
        weight = random.beta((batch,), evenness, evenness, seed=seed)
        part = jnp.sqrt(1.0 - weight)
        masks = _rectangles(self, data, part, part, seed)
        order = random.shuffle(jnp.arange(batch, dtype="int32"), axis=0, seed=seed)
        return {"permutation_order": order, "batch_masks": masks, "mix_weight": numbers_per_image(weight)}

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        """The images, with rectangles of others put in."""
        images = convert_to_tensor(images).astype(self.compute_dtype)
        if not training or transformation is None:
            return images
        return jnp.where(convert_to_tensor(transformation["batch_masks"]), _others(images, transformation), images)

    def transform_labels(self, labels: Any, transformation: Any = None, training: bool = True) -> Any:
        """The labels, mixed in proportion; they should be one-hot vectors."""
        return super().transform_labels(labels, transformation, training and transformation is not None)

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """The masks, with the same rectangles put in."""
        masks = convert_to_tensor(segmentation_masks)
        if not training or transformation is None:
            return masks
        inside = convert_to_tensor(transformation["batch_masks"])
        inside = inside[..., :1] if self.channels_last else inside[:, :1]
        return jnp.where(inside, _others(masks, transformation), masks)

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any = None, training: bool = True) -> Any:
        """Refused while training: a box of which a part is replaced is no box."""
        if training:
            raise ArgumentError("CutMix: bounding boxes cannot be cut. Leave them out of the data, or use MixUp.")
        return bounding_boxes
