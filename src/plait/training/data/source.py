"""The protocol of data sources: how many batches, what the first looks like, and the batches of an epoch.

A batch is `(x, y, sample_weight)`, each in any structure, None where there is none.
"""

import contextlib
from collections.abc import Callable, Generator, Iterator
from typing import Any, Protocol

from plait.common.messages import describe
from plait.errors import DataError


class Source(Protocol):
    """Where batches come from.

    Attributes:
        steps: how many batches an epoch has; None where that isn't known before it ends.
        batch_size: the size of a full batch; None where batches come as they are.
    """

    steps: int | None
    batch_size: Any

    def first(self) -> tuple:
        """A batch to know shapes and dtypes by; doesn't use it up."""
        ...

    def check_with(self, check: Callable) -> None:
        """Has the labels looked at: those of arrays now, those of batches as they come.

        Args:
            check: a function of a batch `(x, y, sample_weight)`, and of `fetch`, whether what is on the device is looked at.
        """
        ...

    def batches(self, epoch: int, together: int = 1, exactly: bool = False) -> Generator[Any, None, None]:
        """The batches of an epoch. Whoever stops early closes it: no thread runs on then.

        Args:
            epoch: the epoch's number.
            together: how many batches may come as one `Joined`.
            exactly: whether to wait until there are as many.
        """
        ...

    def state(self) -> dict:
        """Where the data is between two epochs, as plain data and arrays."""
        ...

    def restore(self, state: dict, epoch: int) -> None:
        """Brings data whose first batch alone was looked at to where another one was.

        Args:
            state: of the other one.
            epoch: how many epochs that one had behind it.
        """
        ...

    def close(self) -> None:
        """Ends what outlives an epoch: worker processes."""
        ...


@contextlib.contextmanager
def closing_sources(*sources: Source | None) -> Iterator[None]:
    """Closes sources at the end of a block, however it ends."""
    try:
        yield
    finally:
        for source in sources:
            if source is not None:
                source.close()


def pack(x: Any, y: Any = None, sample_weight: Any = None) -> Any:
    """A batch from its parts, in the shortest form that `unpack` reads.

    >>> pack(1), pack(1, 2), pack(1, 2, 3)
    (1, (1, 2), (1, 2, 3))
    """
    if y is None:
        return (x,) if isinstance(x, (tuple, list)) else x
    return (x, y) if sample_weight is None else (x, y, sample_weight)


def unpack(data: Any) -> tuple:
    """The parts of a batch: a tuple or list is `(x, y, sample_weight)` or less, anything else is x.

    >>> unpack((1, 2))
    (1, 2, None)

    Raises:
        DataError: more than three parts.
    """
    if not isinstance(data, (tuple, list)):
        return data, None, None
    if not 1 <= len(data) <= 3:
        raise DataError(
            f"A batch must be `x`, `(x,)`, `(x, y)` or `(x, y, sample_weight)`, but got {describe(tuple(data))}."
        )
    return tuple([*data, None, None][:3])  # type: ignore[return-value]
