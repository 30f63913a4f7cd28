"""Batches from anything that yields them one after another: generators, iterables, PyTorch's DataLoader, tf.data, Grain.

A generator runs once, over all epochs, and its end is the end of the data. An iterable begins anew each epoch. One thread
runs it ahead, and sends batches to the device. What a generator draws from NumPy's random numbers it draws there, in the
same order; where it must run in the thread that called `fit`, put it into a `PyDataset(workers=0)`.

Nothing of these libraries is imported: their tensors have `__array__`, or say how to become arrays.
"""

import contextlib
import itertools
from collections.abc import Callable, Generator, Iterator
from typing import Any

from plait.common.messages import describe
from plait.common.tree import map_structure_in_order
from plait.errors import ArgumentError, DataError
from plait.training.data.arrays import as_arrays, as_weights
from plait.training.data.device import to_device
from plait.training.data.source import unpack
from plait.training.data.together import sent_ahead
from plait.training.plain_state import decode, encode, encode_own


class BatchSource:
    """Batches as they come.

    Args:
        start: returns an iterator of batches, anew for each epoch.
        steps: how many batches an epoch has, if it is known.
        once: whether it can begin only once: then the epochs go on where the last one ended.
        goes_on: whether an epoch of `steps` begins where the last one ended, and what ends in it begins again.
        read: brings `(x, y)` into the form that the model needs.
        data: the source of the batches, if it may know where it is: `state_dict()`, as PyTorch's StatefulDataLoader has it.

    Raises:
        DataError: no batches at all; more are needed after the end of what can begin only once.

    Attributes:
        once: whether it can begin only once.
    """

    batch_size: Any = None

    def __init__(
        self,
        start: Callable[[], Iterator],
        steps: int | None = None,
        once: bool = False,
        goes_on: bool = False,
        read: Callable | None = None,
        data: Any = None,
    ):
        self._data = data
        self._start, self.steps, self._goes_on = start, steps, goes_on
        self.once = once
        self._read = Reader(read)
        self._running: Iterator | None = None
        self._peeked: Any = None
        self._epochs = 0

    def first(self) -> tuple:
        """The first batch; it comes again as the first of the next epoch."""
        if self._peeked is None:
            batch = next(self._noted(self._pass(), 0), None)
            if batch is None and not self.once and self._epochs:
                self._running = None
                batch = next(self._pass(), None)
            if batch is None:
                raise self._nothing()
            self._peeked = to_device(self._read(batch))  # a copy: the generator may use its memory again
        return self._peeked

    def check_with(self, check: Callable) -> None:
        """Has the labels of each batch looked at."""
        if self._peeked is not None:
            check(self._peeked, fetch=True)
        self._read.check = check

    def _pass(self) -> Iterator:
        """The iterator that runs now, or one that begins."""
        if self._running is None:
            self._running = iter(self._start())
        return self._running

    def batches(self, epoch: int, together: int = 1, exactly: bool = False) -> Generator[Any, None, None]:
        """The batches of an epoch: as many as `steps` says, or until the data ends."""
        head = self.first()
        self._peeked = None
        self._epochs += 1
        rest = itertools.islice(self._rest(), None if self.steps is None else self.steps - 1)
        try:
            with sent_ahead(
                itertools.chain([head], map(self._read, self._noted(rest, 1))), together, exactly
            ) as prepared:
                yield from prepared
        finally:
            if not self.once and not self._goes_on:
                self.close()

    def _rest(self) -> Iterator:
        """What remains of this pass, and if training goes on, of those that follow."""
        for passes in itertools.count():
            batch = None
            for batch in self._pass():
                yield batch
            ends = self.once or not self._goes_on or (batch is None and passes)
            if ends:
                return
            self._running = None

    def _noted(self, batches: Iterator, place: int) -> Iterator:
        """The batches; an exception of the generator's gets a note of where it happened."""
        while True:
            try:
                batch = next(batches)
            except StopIteration:
                return
            except Exception as error:
                error.add_note(
                    f"The data failed at batch {place} of its epoch {max(self._epochs, 1)} (batches count from 0)."
                )
                raise
            yield batch
            place += 1

    def state(self) -> dict:
        """What the data says of itself; else how many epochs it has given, and its own generators."""
        arrays: list = []
        running = self._running if self._goes_on or self.once else None
        state: dict = {"epochs": self._epochs, "arrays": arrays}
        own = _own_generators(self._data)
        if _knows_its_place(self._data) and not own:  # StatefulDataLoader restores its own generator to another place
            state["data"] = encode_own(self._data, self._data.state_dict(), arrays)
        elif hasattr(running, "get_state") and hasattr(running, "set_state"):  # Grain's iterators
            state["iterator"] = encode_own(running, running.get_state(), arrays)  # type: ignore[union-attr]
        elif _has_sampler(self._data):
            state["generators"] = [encode(generator.get_state(), arrays) for generator in own]
        return state

    def restore(self, state: dict, epoch: int) -> None:
        """Gives the data its state; what has none is passed over, batch by batch, up to the place."""
        if not epoch:
            return  # it has begun as the other one did
        self._peeked = None
        arrays = state["arrays"]
        if "data" in state:
            self._running = None
            self._data.load_state_dict(decode(state["data"], arrays))
        elif "iterator" in state:
            if not self.once:
                self._running = None
            self._pass().set_state(decode(state["iterator"], arrays))  # type: ignore[attr-defined]
        elif "generators" in state:
            self._running = None
            for generator, kept in zip(_own_generators(self._data), state["generators"], strict=True):
                generator.set_state(decode(kept, arrays))
        else:
            self._pass_over(state["epochs"])
        self._epochs = state["epochs"]

    def _pass_over(self, epochs: int) -> None:
        """Takes the batches of some epochs and forgets them; the first one of all has been taken."""
        taken = 1
        for _ in range(epochs):
            for _ in itertools.islice(self._rest(), None if self.steps is None else self.steps - taken):
                pass
            taken = 0
            if not self.once and not self._goes_on:
                self.close()

    def _nothing(self) -> DataError:
        if self._epochs:
            return DataError(
                f"The data is used up: a generator runs once, and it ended in epoch {self._epochs}. Make it endless and say "
                "`steps_per_epoch`, or give something that can be iterated again: a PyDataset, or an object with `__iter__`."
            )
        return DataError("There is no data: the generator or iterable gave no batch.")

    def close(self) -> None:
        """Lets go of an iterator that can begin again; what can run only once is its owner's to close."""
        running, self._running, self._peeked = self._running, None, None
        if self.once:
            self._running = running
        elif hasattr(running, "close"):
            with contextlib.suppress(ValueError):  # it may still be running in a thread that is stuck
                running.close()  # type: ignore[union-attr]


class Reader:
    """Makes `(x, y, sample_weight)`, each of arrays, of whatever a batch is.

    Args:
        read: brings `(x, y)` into the form that the model needs.

    Attributes:
        check: a function that looks at each batch; None for none.
    """

    def __init__(self, read: Callable | None):
        self._read = read
        self.check: Callable | None = None

    def __call__(self, batch: Any) -> tuple:
        """The parts of a batch.

        Raises:
            DataError: more than three parts, what isn't an array, or has no batch axis.
        """
        x, y, sample_weight = unpack(batch)
        if self._read is not None:
            x, y = self._read(x, y)
        parts = as_arrays(x), as_arrays(y), as_weights(sample_weight)
        for part in parts:
            map_structure_in_order(_check_batched, part)
        if self.check is not None:
            self.check(parts)
        return parts


def _check_batched(array: Any) -> None:
    if array is not None and not array.shape:
        raise DataError(
            f"A batch needs a batch axis, but got the number {describe(array)}. If the data gives single rows, batch them first."
        )


def batches_of(x: Any, steps: int | None, goes_on: bool, read: Callable | None) -> BatchSource:
    """A source for an iterable or an iterator.

    Raises:
        ArgumentError: it says that it has no end, and there is no number of steps.
    """
    once = hasattr(x, "__next__")
    length = None if once else _length(x)
    if length == float("inf") and steps is None:
        raise ArgumentError(f"{type(x).__name__} has no end: say `steps_per_epoch` (or `steps`, `validation_steps`).")
    start = (lambda: x) if once else (lambda: _iterator(x))
    return BatchSource(start, length if steps is None else steps, once, goes_on and steps is not None, read, x)


def _knows_its_place(data: Any) -> bool:
    return hasattr(data, "state_dict") and hasattr(data, "load_state_dict")


def _has_sampler(data: Any) -> bool:
    """Whether it is a DataLoader of PyTorch's: each epoch depends on generators alone, whose states are kept."""
    return hasattr(data, "batch_sampler") and hasattr(data, "sampler")


def _own_generators(loader: Any) -> list:
    """The generators that a DataLoader and its sampler have beside PyTorch's global one."""
    if not _has_sampler(loader):
        return []
    holders = (loader, loader.sampler, getattr(loader.batch_sampler, "sampler", None))
    found = (getattr(holder, "generator", None) for holder in holders)
    return list({id(own): own for own in found if hasattr(own, "get_state") and hasattr(own, "set_state")}.values())


def _iterator(x: Any) -> Iterator:
    return iter(x.as_numpy_iterator() if hasattr(x, "as_numpy_iterator") else x)


def _length(x: Any) -> Any:
    """How many batches an iterable has: infinity where it says so (tf.data), None where that isn't known."""
    cardinality = getattr(x, "cardinality", None)
    if callable(cardinality):
        count = int(cardinality())  # type: ignore[arg-type]
        return float("inf") if count == -1 else None if count < 0 else count
    try:
        return len(x)
    except TypeError:
        return None
