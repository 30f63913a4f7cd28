"""Quantizers by name, and how they get into files and out."""

import inspect
from typing import Any

from plait.common.messages import describe
from plait.common.registry import builtins_of
from plait.common.serialization import deserialize as deserialize_any
from plait.common.serialization import serialize as serialize_any
from plait.errors import ArgumentError


def get(identifier: Any, **kwargs: Any) -> Any:
    """A quantizer from None, a name, a config, a class or the quantizer itself.

    Args:
        identifier: what stands for it.
        kwargs: arguments for a class.

    Raises:
        ArgumentError: nothing of the kind.

    >>> get("abs_max_quantizer", axis=0).axis
    (0,)
    """
    found = builtins_of("quantizers").get(identifier) if isinstance(identifier, str) else identifier
    found = deserialize(found) if isinstance(found, dict) else found
    if (found is None and identifier is not None) or (found is not None and not callable(found)):
        raise ArgumentError(
            f"A quantizer must be a name, a config, a function or a Quantizer, but got {describe(identifier)}."
        )
    return found(**kwargs) if inspect.isclass(found) else found


def serialize(initializer: Any) -> Any:
    """A quantizer as files hold it."""
    return serialize_any(initializer)


def deserialize(config: Any, custom_objects: dict | None = None) -> Any:
    """A quantizer from what files hold."""
    return deserialize_any(config, custom_objects, "quantizers")
