"""The object form of Keras 2, `{"class_name": ..., "config": ...}`, that packages such as keras-tuner still write.

Names resolve in what is passed and in what the program registered, never by a module's path.
"""

from collections.abc import Mapping
from typing import Any

from plait.common.messages import describe, did_you_mean
from plait.common.registry import custom_object_scope, registered_name
from plait.errors import ArgumentError, NameUnknownError
from plait.saving.objects import get_custom_objects

__all__ = ["deserialize_keras_object", "serialize_keras_object"]


def serialize_keras_object(instance: Any) -> Any:
    """An object as its class's name and its config; a function as its name; None as None.

    Raises:
        ArgumentError: an object with neither a config nor a name.

    >>> serialize_keras_object(len)
    'len'
    """
    if instance is None:
        return None
    if hasattr(instance, "get_config") and not isinstance(instance, type):
        return {"class_name": registered_name(type(instance)), "config": instance.get_config()}
    if hasattr(instance, "__name__"):
        return registered_name(instance)
    raise ArgumentError(f"Cannot serialize {describe(instance)}: it has neither a `get_config` nor a `__name__`.")


def deserialize_keras_object(
    identifier: Any,
    module_objects: Mapping[str, Any] | None = None,
    custom_objects: Mapping[str, Any] | None = None,
    printable_module_name: str = "object",
) -> Any:
    """The object that such data stands for; a class by its name alone is made without arguments.

    Args:
        identifier: what `serialize_keras_object` gave; anything that is neither a name nor such data comes back itself.
        module_objects: classes and functions by name.
        custom_objects: more of them, which come first.
        printable_module_name: what to call it in errors.

    Raises:
        ArgumentError: data of another form.
        NameUnknownError: a name that stands for nothing.

    >>> deserialize_keras_object("length", {"length": len})([1, 2])
    2
    """
    if identifier is None:
        return None
    known = {**(module_objects or {}), **get_custom_objects(), **(custom_objects or {})}
    if isinstance(identifier, str):
        found = _looked_up(identifier, known, printable_module_name)
        return found() if isinstance(found, type) else found
    if not isinstance(identifier, dict):
        if callable(identifier):
            return identifier
        raise ArgumentError(f"Could not interpret {printable_module_name}: {describe(identifier)}.")
    if not identifier.keys() >= {"class_name", "config"}:
        raise ArgumentError(f"Improper config format for {printable_module_name}: {identifier}.")
    cls, config = _looked_up(identifier["class_name"], known, printable_module_name), identifier["config"]
    with custom_object_scope(custom_objects or {}):
        return cls.from_config(config) if hasattr(cls, "from_config") else cls(**config)


def _looked_up(name: str, known: Mapping[str, Any], what: str) -> Any:
    if name not in known:
        raise NameUnknownError(
            f"Unknown {what}: {name!r}.{did_you_mean(name, known)} Pass it in custom_objects={{...}}, or register it."
        )
    return known[name]
