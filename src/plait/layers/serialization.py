"""Layers as plain data, and back."""

from typing import Any

from plait.common.messages import describe
from plait.common.serialization import deserialize as make
from plait.common.serialization import serialize_object
from plait.errors import ArgumentError
from plait.layers.base import Layer


def serialize(layer: Layer) -> dict:
    """A layer's class and config, as files hold them.

    >>> from plait.layers.core import Dense
    >>> serialize(Dense(2))["class_name"]
    'Dense'
    """
    return serialize_object(layer)


def deserialize(config: dict, custom_objects: dict | None = None) -> Any:
    """A layer from its class and config.

    Args:
        config: what `serialize` gave.
        custom_objects: names that the config may use besides the registered ones.

    Raises:
        ArgumentError: a config of something else.
        FileError: a class that isn't known here.
    """
    layer = make(config, custom_objects, "layers")
    if not isinstance(layer, Layer):
        raise ArgumentError(f"layers.deserialize: expected the config of a layer, but got {describe(config)}.")
    return layer
