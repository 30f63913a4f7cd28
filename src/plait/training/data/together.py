"""Several small batches sent to the device as one array, so that one dispatch can take as many steps.

A dispatch costs some tenths of a millisecond, whatever it runs. Where batches come from the host, they are joined while
the device is busy: as long as the loop isn't waiting, the thread that prepares batches adds the next one. A loop that
waits gets at once what there is, so a slow generator costs nothing more.

The array always has room for the same number of batches, so that one program serves whatever number is in it.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from plait.common.tree import flatten, map_structure, map_structure_in_order, same_structure
from plait.distribution.placement import on_devices
from plait.training.data.ahead import ahead
from plait.training.data.device import same_device, to_device

_MOST_BYTES = 8 << 20  # room for joined batches; larger ones go alone


class Joined(NamedTuple):
    """Batches one after another along the first axis, (room x rows, ...), the first `count` of which are there."""

    data: tuple
    rows: int
    room: int
    count: int

    def table(self) -> np.ndarray:
        """The row numbers of each batch, (room, rows)."""
        return np.arange(self.room * self.rows, dtype=np.int32).reshape(self.room, self.rows)


def sent_ahead(batches: Iterator[tuple], together: int = 1, exactly: bool = False) -> ahead:
    """Batches on the device, prepared by a thread: tuples, or `Joined` ones where several may go together.

    Args:
        batches: batches on the host.
        together: how many may be joined.
        exactly: whether to wait until there are as many, even if the loop waits too.
    """
    send = same_device(_sent)
    if together == 1:
        return ahead(lambda _: send(next(batches)))
    joiner = _Joiner(batches, together, exactly)
    joiner.made = ahead(lambda _: send(joiner.next()))
    return joiner.made


def _sent(item: Any) -> Any:
    # The room of joined batches is filled once, and may be used as it is.
    return item._replace(data=on_devices(item.data)) if isinstance(item, Joined) else to_device(item)


class _Joiner:
    """Joins batches of one shape as they come."""

    def __init__(self, batches: Iterator[tuple], together: int, exactly: bool):
        self._batches, self._together, self._exactly = batches, together, exactly
        self._kept: tuple | None = None
        self._error: BaseException | None = None
        self.made: Any = None

    def next(self) -> Any:
        """The next batch, or some joined."""
        first = self._take()
        rows = _rows_if_alike(first)
        if (
            rows is None
            or self._together * sum(leaf.nbytes for leaf in flatten(first) if leaf is not None) > _MOST_BYTES
        ):
            return first
        room = map_structure_in_order(lambda array: _room(array, self._together), first)
        count = 1
        while count < self._together and (self._exactly or not self.made.hungry):
            batch = self._take_next(first)
            if batch is None:
                break
            map_structure(lambda space, array, at=count * rows: _fill(space, array, at), room, batch)
            count += 1
        return Joined(room, rows, self._together, count)

    def _take(self) -> tuple:
        if self._error is not None:
            raise self._error
        batch, self._kept = self._kept, None
        return next(self._batches) if batch is None else batch

    def _take_next(self, first: tuple) -> tuple | None:
        """The next batch if it is like the first one. What else comes, or an error, is kept for the next time."""
        try:
            batch = next(self._batches, None)
        except Exception as error:
            self._error = error
            return None
        if batch is not None and not _alike(first, batch):
            self._kept, batch = to_device(batch), None
        return batch


def _room(array: Any, together: int) -> np.ndarray | None:
    if array is None:
        return None
    space = np.zeros((together * array.shape[0], *array.shape[1:]), array.dtype)
    space[: array.shape[0]] = array
    return space


def _fill(space: Any, array: Any, start: int) -> None:
    if space is not None:
        space[start : start + array.shape[0]] = array


def _rows_if_alike(batch: tuple) -> int | None:
    """The rows of a batch, if it can be joined: all arrays have as many, and none holds strings."""
    leaves = [leaf for leaf in flatten(batch) if leaf is not None]
    rows = {leaf.shape[0] for leaf in leaves}
    return rows.pop() if len(rows) == 1 and all(leaf.dtype.kind not in "OUS" for leaf in leaves) else None


def _alike(first: tuple, batch: tuple) -> bool:
    return same_structure(first, batch) and all(
        (a is None and b is None) or (a is not None and b is not None and (a.shape, a.dtype) == (b.shape, b.dtype))
        for a, b in zip(flatten(first), flatten(batch), strict=True)
    )
