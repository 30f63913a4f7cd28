"""Masks: which entries of a tensor count.

A mask belongs to one tensor, and layers pass it on (`Layer.compute_mask`). Symbolic tensors carry theirs; for arrays,
eager or traced, the masks live in a side table by identity, which forgets an array when it dies.

Differs from Keras: there a mask is an attribute put on the array.
"""

import weakref
from typing import Any

from plait.core.tensor import KerasTensor

_masks: dict[int, tuple[weakref.ref, Any]] = {}


def get_mask(x: Any) -> Any:
    """The mask of a tensor, or None."""
    if isinstance(x, KerasTensor):
        return x._keras_mask
    if not _masks:
        return None
    entry = _masks.get(id(x))
    return entry[1] if entry is not None and entry[0]() is x else None


def set_mask(x: Any, mask: Any) -> None:
    """Gives a tensor a mask; None takes it away."""
    if isinstance(x, KerasTensor):
        x._keras_mask = mask
    elif mask is None:
        _masks.pop(id(x), None)
    else:
        key = id(x)
        _masks[key] = (weakref.ref(x, lambda _, masks=_masks: masks.pop(key, None)), mask)
