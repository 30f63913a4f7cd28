"""The sizes of picture that MobileNets were trained on."""

from typing import Any

from plait.applications.classifier import sides
from plait.common.messages import warn


def usual_side(shape: Any, published: tuple[int, ...]) -> int:
    """The side of the pictures that there are weights for, 224 unless the shape names another one."""
    if shape is None or len(shape) != 3:
        return 224
    height, width = sides(shape)
    return height if height == width and height in published else 224


def published_side(shape: tuple, published: tuple[int, ...]) -> int:
    """The side whose weights are loaded, with a warning where the shape isn't one of theirs."""
    side = usual_side(shape, published)
    if sides(shape) != (side, side):
        warn(
            f"`input_shape` is undefined or non-square, or its side is not in {list(published)}. "
            "Weights for input shape (224, 224) will be loaded as the default."
        )
    return side
