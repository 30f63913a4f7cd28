"""Which source some data needs."""

import inspect
import itertools
import math
from typing import Any

from plait._errors import ArgumentError, DataError, describe
from plait._tree import is_nested
from plait.training.data.arrays import ArraySource, as_arrays, count_rows, is_arrays
from plait.training.data.batches import BatchSource
from plait.training.data.source import Source


def source_of(
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    batch_size: int | None = None,
    steps: int | None = None,
    shuffle: Any = False,
) -> Source:
    """A source for whatever `fit`, `evaluate` and `predict` are given.

    Args:
        x: arrays in any structure, a frame, a generator, an iterable of batches, or an object with `__getitem__` and
            `__len__` that gives batches.
        y: labels, with arrays only.
        sample_weight: weights, with arrays only.
        batch_size: rows in a batch, for arrays; 32 if it isn't given.
        steps: batches in an epoch.
        shuffle: whether arrays are drawn in a new order each epoch.

    Raises:
        ArgumentError: a batch size or number of steps that can't be one; labels beside a generator.
        DataError: no data, or of a kind that isn't known.
    """
    check_count("batch_size", batch_size)
    check_count("steps", steps)
    if is_arrays(x) or _is_frame(x):
        x = _columns(x) if _is_frame(x) else x
        if batch_size is None:
            rows = count_rows((as_arrays(x), None, None)) if steps else 0
            batch_size = math.ceil(rows / steps) if steps else 32
        return ArraySource(x, y, sample_weight, batch_size, shuffle, steps)
    if y is not None or sample_weight is not None:
        if x is None or isinstance(x, (int, float, str)) or is_nested(x):
            as_arrays(x)
            raise DataError(f"There is no data: x is {describe(x)}.")
        raise ArgumentError(
            f"`y` and `sample_weight` go with arrays only; {type(x).__name__} gives batches, which hold (x, y, sample_weight) "
            "themselves."
        )
    if inspect.isgenerator(x):
        return BatchSource(lambda: x, steps, once=True)
    if hasattr(x, "__getitem__") and (hasattr(x, "__len__") or hasattr(x, "num_batches")) and not is_nested(x):
        return _indexed(x, steps)
    if hasattr(x, "__iter__") and not is_nested(x):
        length = len(x) if hasattr(x, "__len__") else None
        return BatchSource(lambda: iter(x), steps if steps is not None else length, once=iter(x) is x)
    as_arrays(x)
    raise DataError(f"Unrecognized data type: x={describe(x)}. Give arrays, a generator, or an iterable of batches.")


def _is_frame(x: Any) -> bool:
    """Whether x is a data frame: columns by name, and a 2-D array of them all."""
    return hasattr(x, "columns") and hasattr(x, "to_numpy")


def _columns(x: Any) -> Any:
    return x.to_numpy()


def _indexed(x: Any, steps: int | None) -> BatchSource:
    length = getattr(x, "num_batches", None)
    if length is None and hasattr(x, "__len__"):
        length = len(x)

    def start() -> Any:
        if hasattr(x, "on_epoch_begin"):
            x.on_epoch_begin()
        yield from map(x.__getitem__, range(length) if length is not None else itertools.count())
        if hasattr(x, "on_epoch_end"):
            x.on_epoch_end()

    return BatchSource(start, steps if steps is not None else length)


def check_count(name: str, value: Any) -> None:
    """Refuses what can't be a number of things.

    Raises:
        ArgumentError: not None, and not a whole number from 1 up.
    """
    if value is None:
        return
    if isinstance(value, bool) or not hasattr(value, "__index__") or value < 1:
        raise ArgumentError(f"`{name}` must be a whole number from 1 up, but got {value!r}.")
