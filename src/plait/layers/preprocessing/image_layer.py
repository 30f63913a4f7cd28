"""The parent of the layers that change images: one transformation is drawn, and then applied to all that belongs together.

A call goes in two steps. `get_random_transformation` draws numbers for a batch from the layer's seed generator. The
`transform_*` methods apply them: to the images, and where data is a dict also to its labels, bounding boxes and
segmentation masks, so that these still fit. A subclass may replace any of the five.

Data is an array of images, or a dict with "images" and any of "labels", "bounding_boxes" and "segmentation_masks"; each
(B, ...), or without the batch's axis for a single image. Bounding boxes are a dict of "boxes" (B, N, 4) and "labels"
(B, N).

Life under jit: everything is traced. What is drawn are arrays, never Python numbers, so one program serves for every draw.

Differs from Keras: a transformation isn't drawn outside of training, so evaluation leaves the seeds alone.
"""

from collections.abc import Callable
from typing import Any, Unpack

import jax
import jax.numpy as jnp

from plait import random
from plait.common.messages import describe, did_you_mean, listing
from plait.common.traits import of_plait
from plait.common.tree import map_structure
from plait.core.holder import keep
from plait.core.variable import convert_to_tensor
from plait.errors import ArgumentError, NameUnknownError, ShapeError
from plait.layers.argument_checks import data_format_name
from plait.layers.argument_types import LayerOptions
from plait.layers.base import Layer
from plait.layers.preprocessing.bounding_boxes import clip_to_image_size, convert_format

FILL_MODES = ("reflect", "wrap", "constant", "nearest")
INTERPOLATIONS = ("nearest", "bilinear")


@of_plait
class ImageLayer(Layer):
    """The parent of the layers that change images.

    A subclass has `change`, and for what is random `get_random_transformation`.

    Args:
        seed: for the draws; kept only by layers that draw.
        bounding_box_format: in which format the boxes of dicts come; see `bounding_boxes.convert_format`.
        data_format: "channels_last" or "channels_first"; None is the setting of the program.

    Raises:
        NameUnknownError: no such data format.
    """

    _family = "preprocessing"

    draws = True

    def __init__(
        self,
        seed: Any = None,
        bounding_box_format: str | None = None,
        data_format: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ):
        super().__init__(**kwargs)
        args, given = self._constructed_with
        keep(self, _constructed_with=(args, {"data_format": data_format, **given}))  # every config says it
        self.bounding_box_format = bounding_box_format
        self.data_format = data_format_name(data_format, type(self).__name__)
        if self.draws:
            self.seed = seed
            self.generator = random.SeedGenerator(seed)

    # ------------------------------------------------------------------------ what a subclass has

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Draws what is done to a batch; None where nothing is drawn.

        Args:
            data: the images, or a dict of them and more.
            training: whether anything is to be changed.
            seed: where to draw from, in place of the layer's own generator.
        """
        return None

    def change(self, images: jax.Array, transformation: Any, interpolation: str | None) -> jax.Array:
        """Changes images (B, H, W, C) of the layer's dtype. `interpolation` replaces the layer's own, for masks."""
        return images

    # ------------------------------------------------------------------------ applying it

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        """The images, changed, in the layer's dtype."""
        images = convert_to_tensor(images)
        images = images.astype(self.compute_dtype)
        return self.as_batch(images, lambda batch: self.change(batch, transformation, None)) if training else images

    def transform_labels(self, labels: Any, transformation: Any = None, training: bool = True) -> Any:
        """The labels, as they are."""
        return labels

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any = None, training: bool = True) -> Any:
        """The bounding boxes, as they are."""
        return bounding_boxes

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """The segmentation masks, as they are."""
        return segmentation_masks

    # ------------------------------------------------------------------------ calling

    def call(self, data: Any, training: bool = True) -> Any:
        images = convert_to_tensor(images_of(data))
        if images.ndim not in (3, 4):
            raise ShapeError(
                f"{type(self).__name__} {self.name!r}: Expected the input image to be rank 3 or 4. One image has rank 3, a batch "
                f"of them 4, but got {describe(images)}."
            )
        if images.ndim == 4:
            return self._transform(data, training)
        batch = map_structure(lambda leaf: convert_to_tensor(leaf)[None], data)
        return map_structure(lambda leaf: leaf[0], self._transform(batch, training))

    def _transform(self, data: Any, training: bool) -> Any:
        transformation = self.get_random_transformation(data, training=training) if training or not self.draws else None
        if not isinstance(data, dict):
            return self.transform_images(data, transformation=transformation, training=training)
        self._check_keys(data)
        result = dict(data)
        result["images"] = self.transform_images(data["images"], transformation=transformation, training=training)
        if "bounding_boxes" in data:
            result["bounding_boxes"] = self._transform_boxes(data, transformation, training)
        if "labels" in data:
            result["labels"] = self.transform_labels(data["labels"], transformation=transformation, training=training)
        if "segmentation_masks" in data:
            result["segmentation_masks"] = self.transform_segmentation_masks(
                data["segmentation_masks"], transformation=transformation, training=training
            )
        return result

    def _check_keys(self, data: dict) -> None:
        if "images" not in data:
            raise ArgumentError(f"{type(self).__name__}: a dict of data must have 'images', but has {listing(data)}.")
        if "bounding_boxes" in data and not self.bounding_box_format:
            raise ArgumentError(
                f"{type(self).__name__} {self.name!r}: found bounding boxes, but doesn't know their format. Pass "
                "`bounding_box_format=...` to the constructor, such as 'xyxy'."
            )

    def _transform_boxes(self, data: dict, transformation: Any, training: bool) -> Any:
        boxes = data["bounding_boxes"]
        for key in ("boxes", "labels"):
            if key not in boxes:
                raise ArgumentError(
                    f"{type(self).__name__}: bounding boxes must be a dict with {key!r}, but got {describe(boxes)}."
                )
        return self.transform_bounding_boxes(boxes, transformation=transformation, training=training)

    # ------------------------------------------------------------------------ for subclasses

    @property
    def channels_last(self) -> bool:
        """Whether images have their channels at the end."""
        return self.data_format == "channels_last"

    def size_of(self, data: Any) -> tuple[int, int]:
        """The height and the width of the images in some data."""
        shape = images_of(data).shape
        return shape[-3:-1] if self.channels_last else shape[-2:]

    def batch_of(self, data: Any) -> int:
        """How many images some data has."""
        shape = images_of(data).shape
        return shape[0] if len(shape) == 4 else 1

    def per_image_shape(self, data: Any) -> tuple[int, ...]:
        """The shape of one number an image: (B, 1, 1, 1), or (1, 1, 1) for a single image."""
        shape = images_of(data).shape
        return (shape[0], 1, 1, 1) if len(shape) == 4 else (1, 1, 1)

    def as_batch(self, images: jax.Array, function: Callable) -> jax.Array:
        """The result of a function of images (B, H, W, C), for images as this layer takes them."""
        single = images.ndim == 3
        batch = images[None] if single else images
        batch = batch if self.channels_last else jnp.moveaxis(batch, 1, -1)
        batch = function(batch)
        batch = batch if self.channels_last else jnp.moveaxis(batch, -1, 1)
        return batch[0] if single else batch

    def change_boxes(self, boxes: Any, size: Any, function: Callable, result_size: Any = None) -> dict:
        """Boxes, with a function applied to their (B, N, 4) as left, top, right and bottom in pixels.

        Args:
            boxes: the dict of boxes and labels.
            size: the height and the width of the images before.
            function: what to do.
            result_size: the height and the width after; None is as before.
        """
        format_given = self.bounding_box_format or "xyxy"
        height, width = size
        new_height, new_width = size if result_size is None else result_size
        corners = convert_format(boxes, format_given, "xyxy", height=height, width=width, dtype=self.compute_dtype)
        corners = {**corners, "boxes": function(corners["boxes"])}
        corners = clip_to_image_size(corners, height=new_height, width=new_width, bounding_box_format="xyxy")
        return convert_format(
            corners, "xyxy", format_given, height=new_height, width=new_width, dtype=self.compute_dtype
        )


@of_plait
class WarpingLayer(ImageLayer):
    """The parent of layers that move pixels: masks move along, by the nearest pixel."""

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """The masks, moved as the images are."""
        masks = convert_to_tensor(segmentation_masks)
        if not training:
            return masks.astype(self.compute_dtype)
        return self.as_batch(
            masks.astype(self.compute_dtype), lambda batch: self.change(batch, transformation, "nearest")
        )


def images_of(data: Any) -> Any:
    """The images in some data: the data, or what a dict has under "images"."""
    return data["images"] if isinstance(data, dict) else data


def numbers_per_image(numbers: Any) -> jax.Array:
    """One number an image, of any shape with B elements, as (B, 1, 1, 1)."""
    return jnp.reshape(convert_to_tensor(numbers), (-1, 1, 1, 1))


def check_choice(layer: Any, argument: str, value: Any, options: tuple) -> Any:
    """One of some words.

    Raises:
        NameUnknownError: another word; the nearest right one is named.
    """
    if value not in options:
        raise NameUnknownError(
            f"{type(layer).__name__}: Unknown `{argument}` {value!r}. Expected one of {listing(options)}."
            f"{did_you_mean(value, options)}"
        )
    return value


def factor_range(
    layer: Any, factor: Any, name: str = "factor", bounds: tuple = (-1, 1), start: Any = None, strict: bool = False
) -> tuple:
    """A range of numbers to draw from, lower bound first, from one number or two.

    Args:
        layer: whose argument it is, for the message.
        factor: one number or two.
        name: the argument's name.
        bounds: what a single number must lie between, and two numbers must overlap.
        start: where the range of a single number begins; None is at its negative.
        strict: whether two numbers must lie between the bounds as well.

    Raises:
        ArgumentError: anything else.
    """
    numbers: Any = sorted(factor) if isinstance(factor, (tuple, list)) and _numeric(factor) else factor
    if isinstance(numbers, list) and len(numbers) == 2:
        within = bounds[0] <= numbers[0] and numbers[1] <= bounds[1]
        inside = within if strict else numbers[0] <= bounds[1] and bounds[0] <= numbers[1]
    else:
        inside = not isinstance(numbers, list) and _numeric([numbers]) and bounds[0] <= numbers <= bounds[1]
    if not inside:
        raise ArgumentError(
            f"{type(layer).__name__}: The `{name}` argument should be a number (or a list of two numbers) in the range "
            f"[{bounds[0]}, {bounds[1]}], but got {name}={factor!r}."
        )
    if isinstance(numbers, list):
        return numbers[0], numbers[1]
    return (-abs(numbers), abs(numbers)) if start is None else (start, numbers)


def _numeric(values: Any) -> bool:
    return all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values)


def value_range_of(layer: Any, value_range: Any) -> list:
    """The lowest and the highest value of images, in this order.

    Raises:
        ArgumentError: not two numbers.
    """
    if not isinstance(value_range, (tuple, list)) or len(value_range) != 2 or not _numeric(value_range):
        raise ArgumentError(
            f"{type(layer).__name__}: The `value_range` argument should be a list of two numbers, but got "
            f"value_range={value_range!r}."
        )
    return sorted(value_range)


def rescale(images: jax.Array, source: Any, target: Any) -> jax.Array:
    """Images with another lowest and highest value."""
    if tuple(source) == tuple(target):
        return images
    unit = (images - source[0]) / (source[1] - source[0])
    return unit * (target[1] - target[0]) + target[0]
