"""Shapes of tensors, in the structure that the tensors have."""

from collections.abc import Callable
from typing import Any

import numpy as np

from plait.common.dtypes import is_tensor
from plait.common.tree import map_structure_in_order
from plait.core.infer import known_shape


def shapes_of(value: Any) -> Any:
    """The shapes of tensors, in their structure, None for unknown sizes."""
    if value is None:
        return None
    return map_structure_in_order(lambda leaf: known_shape(leaf) if is_tensor(leaf) else None, value)


def as_shapes(value: Any) -> Any:
    """Shapes from a file, where they are lists: `[None, 3]` to `(None, 3)`, also nested."""
    if isinstance(value, dict):
        return {key: as_shapes(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        if all(size is None or isinstance(size, int) for size in value):
            return tuple(value)
        return [as_shapes(item) for item in value]
    return value


def map_shapes(function: Callable, shapes: Any) -> Any:
    """What a function makes of each shape, in their structure."""
    if isinstance(shapes, dict):
        return {key: map_shapes(function, item) for key, item in shapes.items()}
    if isinstance(shapes, (list, tuple)) and not all(
        size is None or isinstance(size, (int, np.integer)) for size in shapes
    ):
        return type(shapes)(map_shapes(function, item) for item in shapes)
    return function(tuple(shapes)) if shapes is not None else None


def legacy_shape(kwargs: dict) -> tuple | None:
    """Takes `input_shape`, `input_dim` or `batch_input_shape` out of keyword arguments: the shape of a batch."""
    if "batch_input_shape" in kwargs:
        return tuple(kwargs.pop("batch_input_shape"))
    if "input_shape" in kwargs:
        shape = kwargs.pop("input_shape")
        return (None, *((shape,) if isinstance(shape, int) else shape)) if shape is not None else None
    if "input_dim" in kwargs:
        return (None, kwargs.pop("input_dim"))
    return None
