"""Images of another size: resized, cropped in the middle, cropped anywhere."""

from typing import Any, Unpack

import jax
import jax.numpy as jnp

from plait import random
from plait.common.registry import builtin
from plait.common.traits import of_plait
from plait.core.variable import convert_to_tensor
from plait.layers.argument_types import LayerOptions, OptionsBesidesName
from plait.layers.preprocessing.image_layer import WarpingLayer
from plait.ops.image import resize
from plait.ops.image_sizes import border_for_ratio, cut_for_ratio


@of_plait
class _Sized(WarpingLayer):
    """A layer that returns images of one size."""

    height: int
    width: int

    def _cut_boxes(self, boxes: Any, size: Any, part: tuple) -> Any:
        """Boxes of images of which only a part (top, left, height, width) is left, which was then resized."""
        top, left, height, width = part
        scales = jnp.asarray([self.width / width, self.height / height] * 2, self.compute_dtype)
        start = jnp.asarray([left, top] * 2, self.compute_dtype)
        return self.change_boxes(boxes, size, lambda corners: (corners - start) * scales, (self.height, self.width))

    def _enlarged(self, images: jax.Array, interpolation: str | None) -> jax.Array:
        """The middle of images, as large as it can be, resized."""
        return resize(
            images,
            (self.height, self.width),
            interpolation or "bilinear",
            crop_to_aspect_ratio=True,
            data_format="channels_last",
        )


@builtin("layers")
class Resizing(_Sized):
    """Images of another height and width.

    Args:
        height: the new height.
        width: the new width.
        interpolation: "bilinear", "nearest", "bicubic", "lanczos3" or "lanczos5".
        crop_to_aspect_ratio: whether to cut the middle of the new shape out first, instead of distorting.
        pad_to_aspect_ratio: whether to put a border around first, instead of distorting.
        fill_mode: of the border: "constant".
        fill_value: the border's value.
        antialias: whether to smooth what gets smaller.
        data_format: "channels_last" or "channels_first"; None is the setting of the program.

    >>> import numpy as np
    >>> Resizing(2, 5)(np.zeros((1, 4, 4, 3))).shape
    (1, 2, 5, 3)
    """

    draws = False

    def __init__(
        self,
        height: int,
        width: int,
        interpolation: str = "bilinear",
        crop_to_aspect_ratio: bool = False,
        pad_to_aspect_ratio: bool = False,
        fill_mode: str = "constant",
        fill_value: Any = 0.0,
        antialias: bool = False,
        data_format: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ):
        super().__init__(data_format=data_format, **kwargs)
        self.height, self.width = height, width
        self.interpolation = interpolation
        self.crop_to_aspect_ratio, self.pad_to_aspect_ratio = crop_to_aspect_ratio, pad_to_aspect_ratio
        self.fill_mode, self.fill_value = fill_mode, fill_value
        self.antialias = antialias

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        """The images, resized, integers as integers."""
        images = convert_to_tensor(images)
        images = images.astype(self.compute_dtype) if jnp.issubdtype(images.dtype, jnp.floating) else images
        return self.as_batch(images, lambda batch: self.change(batch, transformation, None))

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """The masks, resized to the nearest pixel."""
        return super().transform_segmentation_masks(segmentation_masks, transformation, training=True)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """The height and the width of the images before, which boxes need."""
        return self.size_of(data)

    def change(self, images: jax.Array, transformation: Any, interpolation: str | None) -> jax.Array:
        return resize(
            images,
            (self.height, self.width),
            interpolation=interpolation or self.interpolation,
            antialias=self.antialias and interpolation is None,
            crop_to_aspect_ratio=self.crop_to_aspect_ratio,
            pad_to_aspect_ratio=self.pad_to_aspect_ratio,
            fill_mode=self.fill_mode,
            fill_value=self.fill_value,
            data_format="channels_last",
        )

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any = None, training: bool = True) -> Any:
        """The boxes, moved as the images are."""
        height, width = transformation
        target = self.height, self.width
        part = 0, 0, height, width
        if self.crop_to_aspect_ratio:
            part = cut_for_ratio(transformation, target)
        elif self.pad_to_aspect_ratio:
            rows, columns = border_for_ratio(transformation, target)
            part = -rows, -columns, height + 2 * rows, width + 2 * columns
        return self._cut_boxes(bounding_boxes, transformation, part)


@builtin("layers")
class CenterCrop(_Sized):
    """The middle of images; images that are too small are enlarged first.

    Args:
        height: the height of the part.
        width: its width.
        data_format: "channels_last" or "channels_first"; None is the setting of the program.

    >>> import numpy as np
    >>> CenterCrop(2, 2)(np.arange(16.0).reshape(1, 4, 4, 1)).ravel().tolist()
    [5.0, 6.0, 9.0, 10.0]
    """

    draws = False

    def __init__(self, height: int, width: int, data_format: str | None = None, **kwargs: Unpack[LayerOptions]):
        super().__init__(data_format=data_format, **kwargs)
        self.height, self.width = height, width

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        """The images' middle."""
        return super().transform_images(images, transformation, training=True)

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """The masks' middle."""
        return super().transform_segmentation_masks(segmentation_masks, transformation, training=True)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """The height and the width of the images before, which boxes need."""
        return self.size_of(data)

    def change(self, images: jax.Array, transformation: Any, interpolation: str | None) -> jax.Array:
        height, width = images.shape[1:3]
        if height >= self.height and width >= self.width:
            top, left = (height - self.height) // 2, (width - self.width) // 2
            return images[:, top : top + self.height, left : left + self.width]
        return self._enlarged(images, interpolation)

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any = None, training: bool = True) -> Any:
        """The boxes, moved as the images are."""
        height, width = transformation
        part = (height - self.height) // 2, (width - self.width) // 2, self.height, self.width
        if height < self.height or width < self.width:
            part = cut_for_ratio(transformation, (self.height, self.width))
        return self._cut_boxes(bounding_boxes, transformation, part)


@builtin("layers")
class RandomCrop(_Sized):
    """While training a part of the images from anywhere, the same for the batch; else the middle, as large as it can be.

    Args:
        height: the height of the part.
        width: its width.
        seed: for the draws.
        data_format: "channels_last" or "channels_first"; None is the setting of the program.

    Differs: in Keras this layer keeps a model from being compiled, gives images back as they are outside of training,
    against its documentation, and neither clips boxes nor minds relative formats.

    >>> import numpy as np
    >>> RandomCrop(2, 3, seed=1)(np.zeros((1, 4, 4, 1)), training=True).shape
    (1, 2, 3, 1)
    """

    def __init__(
        self,
        height: int,
        width: int,
        seed: Any = None,
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Unpack[OptionsBesidesName],
    ):
        number = random.make_default_seed() if seed is None else seed
        super().__init__(seed=seed, data_format=data_format, name=name, **kwargs)
        self.seed = number
        self.height, self.width = height, width

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """The row and the column where the part begins."""
        height, width = self.size_of(data)
        if not training or height < self.height or width < self.width:
            return 0, 0
        seed = self.generator if seed is None else seed
        top = random.uniform((), 0, float(height - self.height + 1), seed=seed).astype("int32")
        left = random.uniform((), 0, float(width - self.width + 1), seed=seed).astype("int32")
        return top, left

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        """A part of the images."""
        images = convert_to_tensor(images).astype(self.compute_dtype)
        return self.as_batch(images, lambda batch: self._part(batch, transformation, training, None))

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """The same part of the masks."""
        masks = convert_to_tensor(segmentation_masks).astype(self.compute_dtype)
        return self.as_batch(masks, lambda batch: self._part(batch, transformation, training, "nearest"))

    def _part(self, images: jax.Array, start: Any, training: bool, interpolation: str | None) -> jax.Array:
        batch, height, width, channels = images.shape
        if not training or height < self.height or width < self.width:
            return self._enlarged(images, interpolation)
        places = tuple(jnp.asarray(place, "int32") for place in (0, *start, 0))
        return jax.lax.dynamic_slice(images, places, (batch, self.height, self.width, channels))

    def _transform_boxes(self, data: dict, transformation: Any, training: bool) -> Any:
        size = self.size_of(data)
        return self.transform_bounding_boxes(data["bounding_boxes"], transformation, training, size=size)

    def transform_bounding_boxes(
        self, bounding_boxes: Any, transformation: Any = None, training: bool = True, size: Any = None
    ) -> Any:
        """The boxes, moved as the images are.

        Args:
            bounding_boxes: the dict of boxes and labels.
            transformation: the row and the column where the part begins.
            training: whether the part is drawn.
            size: the height and the width of the images before; None where they were large enough, and the boxes' format
                isn't relative.
        """
        known = (self.height, self.width) if size is None else size
        part = (*transformation, self.height, self.width)
        if size is not None and (not training or size[0] < self.height or size[1] < self.width):
            part = cut_for_ratio(size, (self.height, self.width))
        return self._cut_boxes(bounding_boxes, known, part)
