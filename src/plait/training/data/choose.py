"""Which source some data needs."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from plait.common.messages import describe
from plait.common.tree import is_nested
from plait.errors import ArgumentError, DataError
from plait.training.data.arrays import ArraySource, as_arrays, count_rows, is_arrays
from plait.training.data.batches import batches_of
from plait.training.data.mixture import Mixture, mixture_of
from plait.training.data.py_dataset import PyDatasetSource, is_numbered
from plait.training.data.source import Source


def source_of(
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    batch_size: int | None = None,
    steps: int | None = None,
    shuffle: Any = False,
    goes_on: bool = False,
    read: Callable | None = None,
) -> Source:
    """A source for whatever `fit`, `evaluate` and `predict` are given.

    Args:
        x: arrays in any structure, a frame, a generator, an iterable of batches (a PyTorch DataLoader, a tf.data or Grain
            data set), a `PyDataset`, or another object with `__getitem__` and `__len__` that yields batches.
        y: labels, with arrays only.
        sample_weight: weights, with arrays only.
        batch_size: rows in a batch, for arrays; 32 if it isn't given.
        steps: batches in an epoch.
        shuffle: whether arrays, and the batches of a `PyDataset`, are drawn in a new order each epoch.
        goes_on: whether an epoch of `steps` begins where the last one ended, as in training; else each begins anew.
        read: brings `(x, y)` into the form that the model needs: columns of frames, known keys only.

    Raises:
        ArgumentError: a batch size or number of steps that can't be one; labels beside a generator.
        DataError: no data, or of a kind that isn't known.
    """
    check_count("batch_size", batch_size)
    check_count("steps", steps)
    if isinstance(x, Mixture):
        if y is not None or sample_weight is not None:
            _refuse_labels(x)

        def make(x: Any, y: Any, weights: Any, read: Callable) -> Source:
            each = source_of(x, y, weights, batch_size, None, shuffle, read=read)
            return (
                source_of(x, y, weights, batch_size or each.batch_size, each.steps, shuffle, True, read)
                if goes_on
                else each
            )

        return mixture_of(x, make, read, steps, goes_on)
    x, y, sample_weight = map(_plain, (x, y, sample_weight))
    if is_arrays(x):
        x, y = read(x, y) if read is not None else (x, y)
        if batch_size is None:
            rows = count_rows((as_arrays(x), None, None)) if steps else 0
            batch_size = math.ceil(rows / steps) if steps else 32
        return ArraySource(x, y, sample_weight, batch_size, shuffle, steps, goes_on and steps is not None)
    if y is not None or sample_weight is not None:
        _refuse_labels(x)
    if is_numbered(x) and not is_nested(x):
        return PyDatasetSource(x, steps, shuffle, goes_on and steps is not None, read)
    if hasattr(x, "__iter__") and not is_nested(x) and not isinstance(x, (str, bytes)):
        return batches_of(x, steps, goes_on, read)
    if x is None:
        raise DataError("There is no data: x is None. Give arrays, a generator, or an iterable of batches.")
    as_arrays(x)
    raise DataError(f"Unrecognized data type: x={describe(x)}. Give arrays, a generator, or an iterable of batches.")


def _plain(x: Any) -> Any:
    """Mappings of arrays as dicts: files of `np.load` and h5py are such."""
    return dict(x) if isinstance(x, Mapping) and not isinstance(x, dict) else x


def _refuse_labels(x: Any) -> None:
    if x is None or isinstance(x, (int, float, str)) or is_nested(x):
        as_arrays(x)
        raise DataError(f"There is no data: x is {describe(x)}, and inputs that are not optional need some.")
    raise ArgumentError(
        f"`y` and `sample_weight` go with arrays only; {type(x).__name__} gives batches, which hold (x, y, sample_weight) "
        "themselves."
    )


def check_count(name: str, value: Any) -> None:
    """Refuses what can't be a number of things.

    Raises:
        ArgumentError: not None, and not a whole number from 1 up.
    """
    if value is None:
        return
    if isinstance(value, bool) or not hasattr(value, "__index__") or value < 1:
        raise ArgumentError(f"`{name}` must be a whole number from 1 up, but got {value!r}.")
