"""What stands in for `tensorflow.data.Dataset`: a chain of Python generators, for pipelines of a few steps.

A dataset gives structures (tuples, dicts, arrays) of NumPy arrays, and can be gone through again and again. Everything is done
in Python, one element after the other: `prefetch`, `cache` of a file and parallel calls change nothing.
"""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from plait.common.tree import flatten, map_structure
from plait.errors import DataError


class Dataset:
    """Elements that come one after the other.

    >>> squares = Dataset.range(5).map(lambda x: x * x).batch(2)
    >>> [batch.tolist() for batch in squares]
    [[0, 1], [4, 9], [16]]
    """

    def __init__(self, make: Callable[[], Iterator[Any]], size: int | None = None):
        self._make = make
        self._size = size

    @classmethod
    def from_tensor_slices(cls, tensors: Any) -> "Dataset":
        """One element for each entry along the first axis of the arrays.

        Raises:
            DataError: arrays of different length.
        """
        arrays = map_structure(np.asarray, tensors)
        sizes = {len(array) for array in flatten(arrays)}
        if len(sizes) != 1:
            raise DataError(
                f"Dataset.from_tensor_slices: arrays must be of one length, but got lengths {sorted(sizes)}."
            )
        (size,) = sizes
        return cls(lambda: (_row(arrays, place) for place in range(size)), size)

    @classmethod
    def from_tensors(cls, tensors: Any) -> "Dataset":
        """One element: the arrays as they are."""
        return cls(lambda: iter([map_structure(np.asarray, tensors)]), 1)

    @classmethod
    def range(cls, *bounds: int) -> "Dataset":
        """The whole numbers of `range`."""
        numbers = range(*bounds)
        return cls(lambda: map(np.int64, numbers), len(numbers))

    @classmethod
    def from_generator(cls, generator: Callable[..., Iterator[Any]], **options: Any) -> "Dataset":
        """What a generator function yields, called anew each time; types and shapes are those of the values."""
        return cls(lambda: iter(generator(*options.get("args") or ())))

    @classmethod
    def zip(cls, *datasets: Any) -> "Dataset":
        """Tuples of one element of each, up to the shortest."""
        parts = datasets[0] if len(datasets) == 1 else datasets
        sizes = [part._size for part in parts]
        return cls(lambda: zip(*parts), None if None in sizes else min(sizes))

    def map(self, map_func: Callable[..., Any], num_parallel_calls: Any = None, **options: Any) -> "Dataset":
        """The function's result for each element; a tuple's parts are given as arguments."""
        return Dataset(lambda: (_applied(map_func, element) for element in self), self._size)

    def filter(self, predicate: Callable[..., Any]) -> "Dataset":
        """The elements for which the function is true."""
        return Dataset(lambda: (element for element in self if bool(_applied(predicate, element))))

    def batch(self, batch_size: int, drop_remainder: bool = False, **options: Any) -> "Dataset":
        """Elements put together along a new first axis; the last batch may be smaller, unless it is dropped."""

        def make() -> Iterator[Any]:
            elements = iter(self)
            while rows := list(itertools.islice(elements, batch_size)):
                if len(rows) == batch_size or not drop_remainder:
                    yield map_structure(lambda *values: np.stack([np.asarray(value) for value in values]), *rows)

        whole, rest = divmod(self._size or 0, batch_size)
        return Dataset(make, None if self._size is None else whole + bool(rest and not drop_remainder))

    def unbatch(self) -> "Dataset":
        """The rows of each batch, one by one."""
        return Dataset(
            lambda: (row for batch in self for row in Dataset.from_tensor_slices(batch)),
        )

    def shuffle(
        self, buffer_size: int, seed: int | None = None, reshuffle_each_iteration: bool = True, **options: Any
    ) -> "Dataset":
        """Elements drawn from a buffer that is kept full. Another order than TensorFlow's for the same seed."""
        rng = np.random.default_rng(seed)

        def make() -> Iterator[Any]:
            draw = rng if reshuffle_each_iteration else np.random.default_rng(seed)
            buffer: list[Any] = []
            for element in self:
                if len(buffer) < buffer_size:
                    buffer.append(element)
                    continue
                place = int(draw.integers(len(buffer)))
                buffer[place], element = element, buffer[place]
                yield element
            yield from (buffer[place] for place in draw.permutation(len(buffer)))

        return Dataset(make, self._size)

    def repeat(self, count: int | None = None) -> "Dataset":
        """The elements several times over; without end for None or -1."""
        endless = count is None or count < 0
        rounds = (lambda: itertools.count()) if endless else (lambda: range(count or 0))
        size = None if endless or self._size is None else self._size * (count or 0)
        return Dataset(lambda: (element for _ in rounds() for element in self), size)

    def take(self, count: int) -> "Dataset":
        """The first elements."""
        size = count if self._size is None else min(count, self._size)
        return Dataset(lambda: itertools.islice(iter(self), count), size)

    def skip(self, count: int) -> "Dataset":
        """All but the first elements."""
        size = None if self._size is None else max(self._size - count, 0)
        return Dataset(lambda: itertools.islice(iter(self), count, None), size)

    def enumerate(self, start: int = 0) -> "Dataset":
        """Pairs of a number and an element."""
        return Dataset(lambda: enumerate(self, start), self._size)

    def cache(self, filename: str = "") -> "Dataset":
        """The dataset itself."""
        return self

    def prefetch(self, buffer_size: Any = None) -> "Dataset":
        """The dataset itself."""
        return self

    def cardinality(self) -> int:
        """How many elements there are; -2 if that isn't known."""
        return -2 if self._size is None else self._size

    def as_numpy_iterator(self) -> Iterator[Any]:
        """The elements."""
        return iter(self)

    def __iter__(self) -> Iterator[Any]:
        return self._make()

    def __len__(self) -> int:
        if self._size is None:
            raise TypeError("This Dataset's length isn't known.")
        return self._size


def _row(arrays: Any, place: int) -> Any:
    return map_structure(lambda array: array[place], arrays)


def _applied(function: Callable[..., Any], element: Any) -> Any:
    return function(*element) if isinstance(element, tuple) else function(element)
