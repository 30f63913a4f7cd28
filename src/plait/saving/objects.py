"""Objects as plain data: the names under which Keras users know the registry."""

from collections.abc import Mapping
from typing import Any

from plait.common import registry, serialization
from plait.common.registry import custom_object_scope as custom_object_scope
from plait.common.registry import custom_objects, registered_name
from plait.common.registry import register_keras_serializable as register_keras_serializable
from plait.common.scope import current

CustomObjectScope = custom_object_scope

__all__ = [
    "CustomObjectScope",
    "custom_object_scope",
    "deserialize_keras_object",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "register_keras_serializable",
    "serialize_keras_object",
]


def serialize_keras_object(obj: Any) -> Any:
    """Turns an object into what JSON can hold, in the form of Keras's files.

    Raises:
        ArgumentError: a value that no file can hold.

    >>> serialize_keras_object({"rate": 0.5, "shape": (2, 3)})
    {'rate': 0.5, 'shape': (2, 3)}
    """
    return serialization.serialize(obj)


def deserialize_keras_object(
    config: Any, custom_objects: Mapping[str, Any] | None = None, safe_mode: bool = True, **kwargs: Any
) -> Any:
    """Turns plain data back into what `serialize_keras_object` got.

    Args:
        config: data in the form of Keras's files.
        custom_objects: names that it may use besides the registered ones.
        safe_mode: has no effect: code in data is never run.

    Raises:
        FileError: a class that isn't known here.
        UnsafeFileError: code instead of data.
    """
    return serialization.deserialize(config, custom_objects)


def get_custom_objects() -> dict[str, Any]:
    """The program's own objects by registered name: a live dict."""
    return custom_objects()


def get_registered_name(obj: Any) -> Any:
    """The name under which files know a class or function."""
    return registered_name(obj)


def get_registered_object(
    name: str, custom_objects: Mapping[str, Any] | None = None, module_objects: Mapping[str, Any] | None = None
) -> Any:
    """The program's own class or function of a registered name; None where there is none."""
    for source in (current().custom_objects, registry.custom_objects(), custom_objects or {}, module_objects or {}):
        if name in source:
            return source[name]
    return None
