"""Batches from anything that gives them: generators, iterables, objects with `__getitem__` and `__len__`.

A generator runs once, over all epochs, and its end is the end of the data. An iterable begins anew each epoch.
"""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from plait._errors import DataError, describe
from plait._tree import map_structure_in_order
from plait.training.data.arrays import as_arrays
from plait.training.data.source import unpack


class BatchSource:
    """Batches as they come.

    Args:
        start: gives an iterator of batches, anew for each epoch.
        steps: how many batches an epoch has, if it is known.
        once: whether it can begin only once: then the epochs go on where the last one ended.

    Raises:
        DataError: no batches at all.
    """

    batch_size: Any = None

    def __init__(self, start: Callable[[], Iterator], steps: int | None = None, once: bool = False):
        self._start, self.steps, self._once = start, steps, once
        self._running: Iterator | None = None
        self._peeked: tuple | None = None

    def first(self) -> tuple:
        """The first batch; it comes again as the first of the first epoch."""
        if self._peeked is None:
            self._running = self._start()
            batch = next(self._running, None)
            if batch is None:
                raise DataError("There is no data: the generator or iterable gave no batch.")
            self._peeked = _read(batch)
        return self._peeked

    def batches(self, epoch: int) -> Iterator[tuple]:
        """The batches of an epoch: as many as `steps` says, or until the data ends."""
        if self._running is None:
            self._running = self._start()
        head = [self._peeked] if self._peeked is not None else []
        self._peeked = None
        running = self._running
        if not self._once:
            self._running = None
        rest = map(_read, running)
        yield from itertools.islice(itertools.chain(head, rest), self.steps)


def _read(batch: Any) -> tuple:
    parts = tuple(as_arrays(part) for part in unpack(batch))
    for part in parts:
        map_structure_in_order(_check_batched, part)
    return parts


def _check_batched(array: Any) -> None:
    if array is not None and not np.shape(array):
        raise DataError(f"A batch needs a batch axis, but got the number {describe(array)}.")
