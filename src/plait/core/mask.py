"""Masks: which entries of a tensor count.

A mask belongs to one tensor, and layers pass it on (`Layer.compute_mask`). Symbolic tensors carry theirs; for arrays,
eager or traced, the masks live in a side table by identity, which forgets an array when it dies.

Differs from Keras: there a mask is an attribute put on the array.
"""

import weakref
from typing import Any

from plait.core.tensor import KerasTensor

_masks: dict[int, tuple[weakref.ref, Any, bool]] = {}


def get_mask(x: Any) -> Any:
    """The mask of a tensor, or None."""
    if isinstance(x, KerasTensor):
        return x._keras_mask
    if not _masks:
        return None
    entry = _masks.get(id(x))
    return entry[1] if entry is not None and entry[0]() is x else None


def set_mask(x: Any, mask: Any, by_op: bool = False) -> None:
    """Gives a tensor a mask; None takes it away. One that an op handed on goes no farther than the layer that called it."""
    if isinstance(x, KerasTensor):
        x._keras_mask = mask
    elif mask is None:
        _masks.pop(id(x), None)
    else:
        key = id(x)
        _masks[key] = (weakref.ref(x, lambda _, masks=_masks: masks.pop(key, None)), mask, by_op)


def end_masks_of_ops(outputs: list) -> None:
    """Takes masks that ops handed on from the outputs of a layer, which says itself which mask these have."""
    for x in outputs:
        entry = _masks.get(id(x))
        if entry is not None and entry[0]() is x and entry[2]:
            set_mask(x, None)
