"""Data sets of numbered batches: `PyDataset`, and the source that draws batches from one with threads or processes.

    before an epoch   on_epoch_begin()
    in it             dataset[index] for each index; in order, or shuffled if `fit(shuffle=True)`
    after it          on_epoch_end()

The hooks run in the thread that called `fit`; items are made by `workers` threads or processes. Whatever makes them, they
come in the order asked for, and results are the same.
"""

import itertools
import random
from collections.abc import Callable, Generator, Iterator
from typing import Any

from plait.common.messages import warn
from plait.errors import ArgumentError, DataError, StateError
from plait.training.data.ahead import ahead, places
from plait.training.data.batches import Reader
from plait.training.data.device import to_device
from plait.training.data.generators import generators_now, set_generators
from plait.training.data.processes import WorkerProcesses
from plait.training.data.together import sent_ahead
from plait.training.plain_state import put_back, state_of

_ENDLESS = 1 << 40
_DEFAULTS = {"workers": 1, "use_multiprocessing": False, "max_queue_size": 10}


class PyDataset:
    """A data set that makes each batch when it is asked for. Subclass it.

    Args:
        workers: how many threads or processes make batches. 0 makes them where `fit` runs, one after another.
        use_multiprocessing: processes instead of threads. They are spawned, so the class must be importable and the object
            picklable, and a script needs `if __name__ == "__main__":` around what it runs.
        max_queue_size: how many batches may be made ahead; 0 means 1.

    A subclass defines `__getitem__(index)`, which gives a batch `(x, y)` or `(x, y, sample_weight)`, and `__len__()`, or
    a property `num_batches` that may be None for a data set without end (then `steps_per_epoch` says how long an epoch is).

    >>> import numpy as np
    >>> class Squares(PyDataset):
    ...     def __len__(self):
    ...         return 3
    ...
    ...     def __getitem__(self, index):
    ...         x = np.arange(4.0)[:, None] + index
    ...         return x, x**2
    >>> Squares(workers=2).num_batches
    3
    """

    def __init__(self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10):
        for name, value, least in (("workers", workers, 0), ("max_queue_size", max_queue_size, 0)):
            if isinstance(value, bool) or not hasattr(value, "__index__") or value < least:
                raise ArgumentError(f"PyDataset: `{name}` must be a whole number from {least} up, but got {value!r}.")
        self.workers = workers
        self.use_multiprocessing = use_multiprocessing
        self.max_queue_size = max_queue_size

    @property
    def num_batches(self) -> int | None:
        """How many batches an epoch has; None for a data set without end.

        Raises:
            StateError: neither `__len__` nor `num_batches` is defined.
        """
        length = getattr(self, "__len__", None)
        if length is None:
            raise StateError(
                f"{type(self).__name__} must define `__len__`, or a property `num_batches`; None stands for a data set without end."
            )
        return length()

    def __getitem__(self, index: int) -> Any:
        """The batch with a number, from 0 up.

        Raises:
            StateError: the subclass doesn't define it.
        """
        raise StateError(f"{type(self).__name__} must define `__getitem__(index)`, which gives a batch.")

    def __iter__(self) -> Iterator:
        """The batches, one after another; without end where neither `__len__` nor `num_batches` is defined."""
        try:
            count = self.num_batches
        except StateError:
            count = None
        return map(self.__getitem__, places(count))

    def on_epoch_begin(self) -> None:
        """Called before each epoch."""

    def on_epoch_end(self) -> None:
        """Called after each epoch."""


class PyDatasetSource:
    """Batches of a `PyDataset`, or of anything with numbered batches.

    Args:
        dataset: yields batches by number.
        steps: batches in an epoch, if not all.
        shuffle: whether each epoch has its own order, drawn from Python's `random` as in Keras.
        goes_on: whether an epoch of `steps` begins where the last one ended, and passes go on without end.
        read: brings `(x, y)` into the form that the model needs.

    Raises:
        DataError: no batches.
        ArgumentError: a data set without end and no number of steps.
    """

    batch_size: Any = None

    def __init__(
        self, dataset: Any, steps: int | None = None, shuffle: Any = False, goes_on: bool = False, read: Any = None
    ):
        self._dataset, self._name = dataset, type(dataset).__name__
        self._length = _length(dataset)
        if self._length == 0:
            raise DataError(f"There is no data: {self._name} has 0 batches.")
        if self._length is None and steps is None:
            raise ArgumentError(f"{self._name} has no end (num_batches is None): say `steps_per_epoch` (or `steps`).")
        self.steps = steps if steps is not None else self._length
        self._shuffle, self._goes_on = shuffle and self._length is not None, goes_on
        self._read = Reader(read)
        self._came_with = dict(vars(dataset)) if hasattr(dataset, "__dict__") else {}
        options = _options(dataset)
        self._workers, self._window = options["workers"], max(options["max_queue_size"], 1)
        processes = options["use_multiprocessing"] and self._workers > 0
        self._pool = WorkerProcesses(dataset, self._workers, self._name) if processes else None
        self._left: list[int] = []  # of a pass, where epochs don't begin with a new one
        self._reached = 0  # the number that comes next, of a data set without end
        self._hooks: list[dict] | None = [] if _has_hooks(dataset) else None  # generators before each on_epoch_end
        self._begun: tuple[Iterator[int], tuple] | None = None

    def order(self, batches: int | None = None) -> list[int]:
        """The numbers of a pass's batches; draws their order, if they are shuffled: that of all, however many are asked for."""
        numbers = list(range(self._length or 0))
        if self._shuffle:
            random.shuffle(numbers)
        return numbers

    def _epoch(self) -> Iterator[int]:
        """Begins an epoch, and returns the numbers of its batches."""
        self._call("on_epoch_begin")
        if self._length is None:
            first = self._reached if self._goes_on else 0
            self._reached = first + (self.steps or 0)
            return iter(range(first, self._reached))
        numbers = self._left if self._goes_on else []
        numbers = numbers or self.order()
        while self._goes_on and len(numbers) < (self.steps or 0):
            numbers = numbers + self.order()
        numbers, self._left = numbers[: self.steps], numbers[self.steps :]
        return iter(numbers)

    def first(self) -> tuple:
        """Begins the next epoch, and makes its first batch, here and now; it comes again as that epoch's first."""
        if self._begun is None:
            order = self._epoch()
            self._begun = order, to_device(self._read(self._item(next(order))))
        return self._begun[1]

    def check_with(self, check: Callable) -> None:
        """Has the labels of each batch looked at."""
        if self._begun is not None:
            check(self._begun[1], fetch=True)
        self._read.check = check

    def batches(self, epoch: int, together: int = 1, exactly: bool = False) -> Generator[Any, None, None]:
        """The batches of an epoch. Stopping early, for whatever reason, ends all threads and processes."""
        if self._begun is None:
            order, head = self._epoch(), ()
        else:
            order, head = self._begun[0], self._begun[1:]
            self._begun = None
        if self._workers == 0:
            yield from head
            for index in order:
                yield to_device(self._read(self._item(index)))
        else:
            yield from self._made_ahead(head, order, together, exactly)
        if self._hooks is not None:
            self._hooks.append(generators_now())
        self._call("on_epoch_end")

    def state(self) -> dict:
        """What is left of a pass; and how the data set itself has changed: what it keeps, and what its hooks drew."""
        arrays: list = []
        dataset = state_of(self._dataset, arrays, self._came_with)
        return {
            "left": self._left,
            "reached": self._reached,
            "hooks": self._hooks,
            "dataset": dataset,
            "arrays": arrays,
        }

    def restore(self, state: dict, epoch: int) -> None:
        """Runs the hooks again, with the generators as they were, and hands the data set what it kept."""
        if not epoch:
            return  # it has begun as the other one did
        began, self._begun = self._begun is not None, None
        for generators in state["hooks"] or ():
            if not began:
                self._call("on_epoch_begin")
            began = False
            set_generators(generators)
            self._call("on_epoch_end")
        self._hooks = state["hooks"] if self._hooks is not None else None
        put_back(self._dataset, state["dataset"], state["arrays"])
        self._left, self._reached = state["left"], state["reached"]

    def _made_ahead(self, head: tuple, order: Iterator[int], together: int, exactly: bool) -> Iterator[Any]:
        """Two stages: `workers` make batches, and one thread sends them to the device."""
        items, stop = self._items(order)
        finished = False
        prepared = sent_ahead(itertools.chain(head, map(self._read, items)), together, exactly)
        try:
            for batch in prepared:  # noqa: UP028  (`yield from` would close it before what it waits for is stopped)
                yield batch
            finished = True
        finally:
            if not finished:
                stop()
            prepared.close()

    def _items(self, order: Iterator[int]) -> tuple[Iterator, Any]:
        """An iterator over batches as they are made, and what stops it from another thread."""
        if self._pool is not None:
            return self._pool.items(order, self._window), self.close
        if self._workers == 1:
            return map(self._item, order), lambda: None
        numbers = list(order)
        made = ahead(lambda place: self._item(_at(numbers, place)), self._workers, self._window)
        return made, made.close

    def _item(self, index: int) -> Any:
        try:
            return self._dataset[index]
        except StopIteration as error:
            raise DataError(f"{self._name}: item {index} could not be made: it raised StopIteration.") from error
        except Exception as error:
            error.add_note(f"{self._name}: this is about item {index}.")
            raise

    def _call(self, hook: str) -> None:
        if hasattr(self._dataset, hook):
            getattr(self._dataset, hook)()

    def close(self) -> None:
        """Ends the worker processes."""
        if self._pool is not None:
            self._pool.close()


def _has_hooks(dataset: Any) -> bool:
    """Whether something happens between epochs that another process has to do again."""
    if hasattr(dataset, "state_dict"):
        return False
    hooks = (getattr(type(dataset), name, None) for name in ("on_epoch_begin", "on_epoch_end"))
    return any(hook not in (None, PyDataset.on_epoch_begin, PyDataset.on_epoch_end) for hook in hooks)


def is_numbered(x: Any) -> bool:
    """Whether data yields batches by number."""
    return hasattr(x, "__getitem__") and (hasattr(x, "__len__") or hasattr(type(x), "num_batches"))


def _at(numbers: list[int], place: int) -> int:
    if place >= len(numbers):
        raise StopIteration
    return numbers[place]


def _length(dataset: Any) -> int | None:
    own = hasattr(type(dataset), "num_batches") or "num_batches" in getattr(dataset, "__dict__", ())
    length = dataset.num_batches if own else len(dataset)
    return None if length is None or length > _ENDLESS else length  # an endless Grain data set says a number like 2^60


def _options(dataset: Any) -> dict[str, Any]:
    if not hasattr(type(dataset), "on_epoch_end"):
        return {**_DEFAULTS, **{name: getattr(dataset, name) for name in _DEFAULTS if hasattr(dataset, name)}}
    missing = [name for name in _DEFAULTS if not hasattr(dataset, name)]
    if missing:
        warn(
            f"Your `PyDataset` class should call `super().__init__(**kwargs)` in its constructor: {type(dataset).__name__} has no "
            f"{', '.join(missing)}; the defaults are used.",
        )
    return {name: getattr(dataset, name, default) for name, default in _DEFAULTS.items()}
