"""A data set as a chain of plain iterators: what the `*_dataset_from_*` functions give, and what can be done with it.

    for x, y in dataset: ...
    dataset.map(augment).cache().shuffle(1000).batch(32).prefetch(2)

Each method gives a new data set, and nothing is made before somebody iterates. `fit`, `evaluate` and `predict` take one as
it is. The names are those of tf.data, so that pipelines written for it keep working; elements are NumPy arrays.
"""

import itertools
import math
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from plait.common.messages import describe
from plait.common.numbers import is_whole
from plait.common.tree import flatten, map_structure
from plait.errors import ArgumentError
from plait.training.data.ahead import ahead, iterated_ahead

_AUTOMATIC = -1  # tf.data.AUTOTUNE


class Dataset:
    """Elements that are made when somebody iterates, anew each time.

    Args:
        make: gives an iterator over the elements.
        length: how many there are; None if that isn't known, infinity if there is no end.
        class_names: the names of the classes, by number, if labels stand for classes.
        file_paths: the files that the elements come from, in their order before each iteration's own.
        batch_size: how many rows an element has, if elements are batches.

    >>> squares = Dataset(lambda: (number**2 for number in range(5)), 5)
    >>> [batch.tolist() for batch in squares.map(lambda x: x + 1).batch(2)]
    [[1, 2], [5, 10], [17]]
    """

    def __init__(
        self,
        make: Callable[[], Iterable],
        length: float | None = None,
        class_names: list[str] | None = None,
        file_paths: list[str] | None = None,
        batch_size: int | None = None,
    ):
        self._make, self._length = make, length
        self.batch_size = batch_size
        self.class_names = class_names
        self.file_paths = file_paths

    def __iter__(self) -> Iterator:
        """The elements, from the first on."""
        return iter(self._make())

    def __len__(self) -> int:
        """How many elements there are.

        Raises:
            TypeError: that isn't known, or there is no end.
        """
        if self._length is None or self._length == math.inf:
            what = "isn't known" if self._length is None else "has no end"
            raise TypeError(f"The length of this data set {what}.")
        return int(self._length)

    def __repr__(self) -> str:
        length = "unknown length" if self._length is None else f"{self._length} elements"
        return f"Dataset({length})"

    def cardinality(self) -> int:
        """How many elements there are: -1 stands for no end, -2 for an unknown number."""
        return -2 if self._length is None else -1 if self._length == math.inf else int(self._length)

    def as_numpy_iterator(self) -> Iterator:
        """The same as `iter`: elements are NumPy arrays anyway."""
        return iter(self)

    def _like(self, make: Callable[[], Iterable], length: float | None) -> "Dataset":
        return Dataset(make, length, self.class_names, self.file_paths, self.batch_size)

    # ------------------------------------------------------------------------ each element

    def map(self, function: Callable, num_parallel_calls: int | None = None, **kwargs: Any) -> "Dataset":
        """The function's results.

        Args:
            function: takes an element; the parts of a tuple as arguments of their own.
            num_parallel_calls: threads that call it; the order is kept. -1 chooses a number.
            **kwargs: options of tf.data that change nothing here (`deterministic`).
        """
        threads = _threads(num_parallel_calls)

        def make() -> Iterator:
            if threads == 1:
                return (_call(function, element) for element in self)
            return _mapped_by_threads(function, self, threads)

        return self._like(make, self._length)

    def filter(self, predicate: Callable) -> "Dataset":
        """The elements for which the function says yes."""
        return self._like(lambda: (element for element in self if bool(_call(predicate, element))), None)

    # ------------------------------------------------------------------------ which elements

    def take(self, count: int) -> "Dataset":
        """The first elements; all of them if `count` is -1."""
        if count < 0:
            return self
        return self._like(lambda: itertools.islice(self, count), _least(self._length, count))

    def skip(self, count: int) -> "Dataset":
        """All but the first elements."""
        length = None if self._length is None else max(0, self._length - count)
        return self._like(lambda: itertools.islice(self, count, None), length)

    def repeat(self, count: int | None = None) -> "Dataset":
        """The elements again and again; without end if `count` is None or -1."""
        if count is None or count < 0:
            return self._like(lambda: itertools.chain.from_iterable(itertools.repeat(self)), math.inf)
        length = None if self._length is None else self._length * count
        return self._like(lambda: itertools.chain.from_iterable(itertools.repeat(self, count)), length)

    def shuffle(
        self, buffer_size: int | None = None, seed: int | None = None, reshuffle_each_iteration: bool = True
    ) -> "Dataset":
        """The elements in another order, drawn from a buffer that is filled as elements go out.

        Args:
            buffer_size: how many elements wait in the buffer; None takes all.
            seed: makes the order repeatable; without one, it follows `set_random_seed`.
            reshuffle_each_iteration: whether each iteration has an order of its own.
        """
        check_size("shuffle", "buffer_size", buffer_size)
        seed = new_seed() if seed is None else seed
        iterations = itertools.count()

        def make() -> Iterator:
            turn = next(iterations) if reshuffle_each_iteration else 0
            return _shuffled(iter(self), buffer_size or math.inf, np.random.default_rng((seed, turn)))

        return self._like(make, self._length)

    # ------------------------------------------------------------------------ batches

    def batch(self, batch_size: int, drop_remainder: bool = False, **kwargs: Any) -> "Dataset":
        """Arrays of so many elements, stacked along a new first axis.

        Args:
            batch_size: elements in a batch.
            drop_remainder: leaves a smaller last batch out.
            **kwargs: options of tf.data that change nothing here.
        """
        check_size("batch", "batch_size", batch_size)
        count = None if self._length is None or self._length == math.inf else self._length / batch_size
        length = self._length if count is None else math.floor(count) if drop_remainder else math.ceil(count)
        batches = self._like(lambda: _batched(iter(self), batch_size, drop_remainder), length)
        batches.batch_size = batch_size
        return batches

    def unbatch(self) -> "Dataset":
        """The rows of the batches, one by one."""

        def make() -> Iterator:
            for batch in self:
                for row in range(len(flatten(batch)[0])):
                    yield map_structure(lambda array, row=row: array[row], batch)

        rows = self._like(make, None)
        rows.batch_size = None
        return rows

    # ------------------------------------------------------------------------ when elements are made

    def cache(self, filename: str = "") -> "Dataset":
        """Elements are made at the first iteration that goes to the end, and kept in memory from then on.

        Raises:
            ArgumentError: a file name; there are no cache files here.
        """
        if filename:
            raise ArgumentError(
                "Dataset.cache keeps elements in memory; there is no cache in files. Leave `filename` out."
            )
        kept: list = []

        def make() -> Iterator:
            if kept:
                yield from kept[0]
                return
            elements = []
            for element in self:
                elements.append(element)
                yield element
            kept[:] = [elements]

        return self._like(make, self._length)

    def prefetch(self, buffer_size: int = 2) -> "Dataset":
        """A thread makes elements ahead of time.

        Args:
            buffer_size: how many may wait; -1 chooses.
        """
        if buffer_size == 0:
            return self

        def make() -> Iterator:
            with iterated_ahead(iter(self), lambda element: element, 2 if buffer_size < 0 else buffer_size) as made:
                yield from made

        return self._like(make, self._length)


def check_size(who: str, name: str, value: Any) -> None:
    """Refuses what can't be a size.

    Raises:
        ArgumentError: not None, and not a whole number from 1 up.
    """
    if value is not None and not is_whole(value, 1):
        raise ArgumentError(f"{who}: `{name}` must be a whole number from 1 up, but got {value!r}.")


def new_seed() -> int:
    """A seed that follows `set_random_seed`."""
    return int(np.random.randint(1_000_000))  # noqa: NPY002  (the generator that scripts seed)


def stacked(elements: list) -> Any:
    """Elements as one batch: arrays stacked along a new first axis, in the structure of an element.

    Raises:
        ArgumentError: elements of different shapes.
    """
    try:
        return map_structure(lambda *rows: _stack(rows), *elements)
    except ValueError as error:
        raise ArgumentError(
            f"Elements of different shapes cannot make a batch: {describe([np.asarray(row) for row in flatten(elements)][:8])}. "
            "Pad or resize them first, with map."
        ) from error


def _stack(rows: tuple) -> np.ndarray:
    if isinstance(rows[0], (str, bytes)):
        return np.array(rows, dtype=object)
    return np.stack([np.asarray(row) for row in rows])


def _call(function: Callable, element: Any) -> Any:
    return function(*element) if isinstance(element, tuple) else function(element)


def _threads(asked: int | None) -> int:
    return max(1, (os.cpu_count() or 1) if asked == _AUTOMATIC else asked or 1)


def _mapped_by_threads(function: Callable, elements: Iterable, threads: int) -> Iterator:
    """The elements are taken one after another; only the function runs in several threads, and the order is kept."""
    elements, lock = iter(elements), threading.Lock()
    taken: list = []

    def call(place: int) -> Any:
        with lock:
            while len(taken) <= place:
                taken.append(next(elements))
            element, taken[place] = taken[place], None
        try:
            return _call(function, element)
        except StopIteration as error:  # would be taken for the end of the data
            raise RuntimeError("Dataset.map: the function raised StopIteration.") from error

    with ahead(call, threads, 2 * threads) as made:
        yield from made


def check_format(format: Any) -> None:
    """Refuses a kind of data set that nobody has.

    Raises:
        ArgumentError: neither None nor one of Keras's names.
    """
    if format not in (None, "tf", "grain"):
        raise ArgumentError(
            f"`format` should be None for a data set of plait's own, or 'tf' or 'grain', which give the same. Received: {format!r}."
        )


def _least(length: float | None, count: int) -> float | None:
    return None if length is None else min(length, count)


def _shuffled(elements: Iterator, size: float, rng: np.random.Generator) -> Iterator:
    buffer = list(itertools.islice(elements, None if size == math.inf else int(size)))
    if size == math.inf:
        rng.shuffle(buffer)
        yield from buffer
        return
    for element in elements:
        place = int(rng.integers(len(buffer)))
        buffer[place], out = element, buffer[place]
        yield out
    rng.shuffle(buffer)
    yield from buffer


def _batched(elements: Iterator, size: int, drop_remainder: bool) -> Iterator:
    while rows := list(itertools.islice(elements, size)):
        if len(rows) < size and drop_remainder:
            return
        yield stacked(rows)
