"""Sequences of different lengths as one array."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from plait.common.messages import describe
from plait.errors import ArgumentError, ShapeError

_SIDES = ("pre", "post")


def pad_sequences(
    sequences: Any,
    maxlen: int | None = None,
    dtype: Any = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: Any = 0.0,
) -> np.ndarray:
    """Pads or cuts sequences to one length.

    Args:
        sequences: lists or arrays, each (length, ...), of lengths of their own.
        maxlen: the length of all; the longest one's if None.
        dtype: the result's dtype; object for strings of any length.
        padding: where to pad, "pre" or "post".
        truncating: where to cut, "pre" or "post".
        value: what to pad with.

    Returns:
        an array (sequences, maxlen, ...).

    Raises:
        ArgumentError: what isn't a list of sequences; a side that doesn't exist; a value that the dtype can't hold.
        ShapeError: sequences whose entries have different shapes.

    >>> pad_sequences([[1], [2, 3], [4, 5, 6]]).tolist()
    [[0, 0, 1], [0, 2, 3], [4, 5, 6]]
    >>> pad_sequences([[1], [2, 3], [4, 5, 6]], maxlen=2, padding="post", truncating="post").tolist()
    [[1, 0], [2, 3], [4, 5]]
    """
    for name, side in (("Padding", padding), ("Truncating", truncating)):
        if side not in _SIDES:
            raise ArgumentError(f'{name} type "{side}" not understood: it must be "pre" or "post".')
    rows = [_row(sequence, position) for position, sequence in enumerate(_listed(sequences))]
    shape = _shape_of_entries(rows)
    length = max((len(row) for row in rows), default=0) if maxlen is None else maxlen
    if isinstance(value, str) and np.dtype(dtype).kind not in "OUS":
        raise ArgumentError(
            f"`dtype` {dtype} is not compatible with `value`'s type: {type(value)}\nYou should set `dtype=object` for variable "
            "length strings."
        )
    padded = np.full((len(rows), length, *shape), value, dtype=dtype)
    for target, row in zip(padded, rows, strict=True):
        kept = row[-length:] if truncating == "pre" else row[:length]
        if len(kept) and length:
            part = slice(length - len(kept), None) if padding == "pre" else slice(0, len(kept))
            target[part] = np.asarray(kept, dtype=dtype)
    return padded


def _listed(sequences: Any) -> Sequence:
    if not hasattr(sequences, "__len__"):
        raise ArgumentError(f"`sequences` must be iterable, but got {describe(sequences)}.")
    return sequences


def _row(sequence: Any, position: int) -> Any:
    if not hasattr(sequence, "__len__"):
        raise ArgumentError(
            f"`sequences` must be a list of iterables. Found non-iterable: {sequence} at position {position}."
        )
    return sequence


def _shape_of_entries(rows: list) -> tuple[int, ...]:
    """The shape of one entry of a sequence, the same for all; () where all are empty."""
    shape: tuple[int, ...] | None = None
    for position, row in enumerate(rows):
        if not len(row):
            continue
        found = np.asarray(row).shape[1:]
        if shape is not None and found != shape:
            raise ShapeError(
                f"Shape of sample {found} of sequence at position {position} is different from expected shape {shape}"
            )
        shape = found
    return shape or ()
