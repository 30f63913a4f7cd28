"""A data set in two parts."""

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np

from plait.common.messages import describe
from plait.common.numbers import is_whole
from plait.common.tree import flatten, map_structure
from plait.errors import ArgumentError
from plait.training.data.arrays import is_arrays
from plait.utils.dataset import Dataset


def split_dataset(
    dataset: Any,
    left_size: Any = None,
    right_size: Any = None,
    shuffle: bool = False,
    seed: int | None = None,
    preferred_backend: str | None = None,
) -> tuple[Dataset, Dataset]:
    """Splits data into two data sets of rows.

    Args:
        dataset: arrays in any structure, all of the same length; a `Dataset`; or any iterable of elements. It is read at
            once. A `Dataset` of batches is split by rows, and both parts have batches of the same size again.
        left_size: how many elements go to the left part: a number, or a share between 0 and 1. None: what is not right.
        right_size: likewise for the right part.
        shuffle: whether to mix the elements first.
        seed: makes the mixing repeatable.
        preferred_backend: has no effect: there is only one kind of data set here.

    Returns:
        (left, right).

    Raises:
        ArgumentError: sizes that are no sizes, that exceed the data, or leave a part empty.

    >>> left, right = split_dataset(np.arange(10), left_size=0.8)
    >>> len(left), [int(row) for row in right]
    (8, [8, 9])
    """
    batch_size = dataset.batch_size if isinstance(dataset, Dataset) else None
    rows = _rows(dataset.unbatch() if batch_size else dataset)
    left, right = _sizes(len(rows), left_size, right_size)
    if shuffle:
        order = np.arange(len(rows))
        np.random.RandomState(seed if seed is not None else np.random.randint(1_000_000)).shuffle(order)  # noqa: NPY002
        rows = [rows[place] for place in order]
    names = getattr(dataset, "class_names", None)
    parts = (rows[:left], rows[len(rows) - right :])
    found = [Dataset(lambda part=part: part, len(part), names) for part in parts]
    return tuple(part.batch(batch_size) if batch_size else part for part in found)  # type: ignore[return-value]


def _rows(dataset: Any) -> list:
    if is_arrays(dataset):
        arrays = map_structure(np.asarray, dict(dataset) if isinstance(dataset, Mapping) else dataset)
        lengths = {len(array) for array in flatten(arrays)}
        if len(lengths) != 1:
            raise ArgumentError(f"split_dataset: the arrays must be of the same length, but got {describe(arrays)}.")
        return [map_structure(lambda array, row=row: array[row], arrays) for row in range(lengths.pop())]
    if not hasattr(dataset, "__iter__"):
        raise ArgumentError(f"split_dataset: the data must be arrays or an iterable, but got {describe(dataset)}.")
    rows = list(itertools.islice(dataset, None))
    if not rows:
        raise ArgumentError("split_dataset: there is no data to split.")
    return rows


def _sizes(total: int, left: Any, right: Any) -> tuple[int, int]:
    if left is None and right is None:
        raise ArgumentError("split_dataset: `left_size` or `right_size` must be given, but both are None.")
    first, last = _size("left_size", left, total), _size("right_size", right, total)
    if first is None:
        first = total - (last or 0)
    last = total - first if last is None else last
    if first + last > total:
        raise ArgumentError(
            f"The sum of `left_size` and `right_size`, {first} + {last}, is more than the {total} elements of the data."
        )
    for name, size in (("left", first), ("right", last)):
        if size < 1:
            raise ArgumentError(
                f"With `dataset` of length={total}, left_size={left} and right_size={right}, the {name} part is empty."
            )
    return first, last


def _size(name: str, size: Any, total: int) -> int | None:
    if size is None:
        return None
    whole = is_whole(size)
    if (whole and 0 < size < total) or (not whole and isinstance(size, float) and 0 < size < 1):
        return int(size) if whole else round(size * total)
    raise ArgumentError(
        f"`{name}` should be either a whole number from 1 to {total - 1}, or a share between 0 and 1, but got {name}={size!r}."
    )
