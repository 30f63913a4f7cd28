"""A data set as a chain of plain iterators: what the `*_dataset_from_*` functions give, and what can be done with it.

    for x, y in dataset: ...
    Dataset.from_tensor_slices((x, y)).map(augment).cache().shuffle(1000).batch(32).prefetch(2)

Each method returns a new data set, and nothing is made before somebody iterates. `fit`, `evaluate` and `predict` take one as
it is. The names are those of tf.data, so that pipelines written for it keep working; elements are NumPy arrays. Only tuples
and dicts are structure: a list is an array.
"""

import bisect
import functools
import glob
import itertools
import math
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar

import numpy as np

from plait.common.messages import describe, listing
from plait.common.numbers import is_whole
from plait.common.tree import flatten, keys_of, map_structure, pack_as
from plait.errors import ArgumentError
from plait.training.data.ahead import ahead, iterated_ahead

_AUTOMATIC = -1  # tf.data.AUTOTUNE


class Dataset:
    """Elements that are made when somebody iterates, anew each time.

    Args:
        make: returns an iterator over the elements.
        length: how many there are; None if that isn't known, infinity if there is no end.
        class_names: the names of the classes, by number, if labels stand for classes.
        file_paths: the files that the elements come from, in their order before each iteration's own.
        batch_size: how many rows an element has, if elements are batches.

    >>> squares = Dataset(lambda: (number**2 for number in range(5)), 5)
    >>> [batch.tolist() for batch in squares.map(lambda x: x + 1).batch(2)]
    [[1, 2], [5, 10], [17]]
    """

    _present: ClassVar[Callable[[Any], Any] | None] = (
        None  # how elements are shown, where a program needs them otherwise
    )

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
        present = type(self)._present
        return iter(self._make()) if present is None else map(present, self._make())

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
        """The elements as arrays of NumPy; scalars and text as values."""
        return (map_structure(_as_numpy, element) for element in self)

    # ------------------------------------------------------------------------ where elements come from

    @classmethod
    def from_tensor_slices(cls, tensors: Any, name: str | None = None) -> "Dataset":
        """One element for each entry along the first axis of the arrays.

        Raises:
            ArgumentError: arrays of different length, or none.

        >>> [(text, int(label)) for text, label in Dataset.from_tensor_slices((["a b", "c"], [0, 1]))]
        [('a b', 0), ('c', 1)]
        """
        arrays = as_component(tensors)
        leaves = flatten(arrays)
        sizes = {len(array) if np.ndim(array) else None for array in leaves}
        if len(sizes) != 1 or None in sizes:
            raise ArgumentError(
                f"Dataset.from_tensor_slices: expected arrays of one length, but got {describe([*leaves][:8])}."
            )
        size = len(leaves[0])
        return cls(lambda: (_row(arrays, place) for place in range(size)), size)

    @classmethod
    def from_tensors(cls, tensors: Any, name: str | None = None) -> "Dataset":
        """One element: the arrays as they are."""
        return cls(lambda: [as_component(tensors)], 1)

    @classmethod
    def range(cls, *bounds: int, output_type: Any = "int64", name: str | None = None) -> "Dataset":
        """The whole numbers of `range`."""
        numbers = range(*(int(bound) for bound in bounds))
        return cls(lambda: map(np.dtype(str(output_type)).type, numbers), len(numbers))

    @classmethod
    def from_generator(
        cls,
        generator: Callable,
        output_types: Any = None,
        output_shapes: Any = None,
        args: Any = None,
        output_signature: Any = None,
        name: str | None = None,
    ) -> "Dataset":
        """What a generator function yields, called anew each time.

        Args:
            generator: the function.
            output_types: dtypes of the parts of an element.
            output_shapes: kept for TensorFlow's sake; shapes are those of the values.
            args: arguments of the function.
            output_signature: specs of the parts, with a `dtype`; in place of `output_types`.
            name: kept for TensorFlow's sake.
        """
        types = output_types if output_signature is None else _dtypes_of(output_signature)

        def make() -> Iterator:
            return (_cast(element, types) for element in generator(*(args or ())))

        return cls(make)

    @classmethod
    def zip(cls, *datasets: Any, name: str | None = None) -> "Dataset":
        """Elements of several data sets side by side, in a tuple or dict of them, up to the shortest."""
        parts = datasets[0] if len(datasets) == 1 else datasets
        lengths: list[Any] = [len_of(part) for part in flatten(parts)]
        length = None if None in lengths else min(lengths)
        return cls(lambda: (pack_as(parts, list(row)) for row in zip(*flatten(parts), strict=False)), length)

    @classmethod
    def list_files(cls, file_pattern: Any, shuffle: bool = True, seed: int | None = None) -> "Dataset":
        """The files that fit a pattern, or several.

        Raises:
            ArgumentError: none does.
        """
        patterns = [_text_of(pattern) for pattern in np.asarray(file_pattern).ravel().tolist()]
        files = sorted(file for pattern in patterns for file in glob.glob(pattern))
        if not files:
            raise ArgumentError(f"Dataset.list_files: no file fits {listing(patterns)}.")
        found = cls.from_tensor_slices(np.array(files, dtype=object))
        return found.shuffle(len(files), seed) if shuffle else found

    @classmethod
    def sample_from_datasets(
        cls, datasets: Any, weights: Any = None, seed: int | None = None, stop_on_empty_dataset: bool = False, **_: Any
    ) -> "Dataset":
        """Elements of several data sets, each drawn from one by chance.

        Args:
            datasets: a list.
            weights: how likely each is; None for equally.
            seed: makes the draws repeatable.
            stop_on_empty_dataset: whether to end when one has ended, or when all have.
        """
        seed = new_seed() if seed is None else seed

        def make() -> Iterator:
            rng = np.random.default_rng(seed)
            rest, left = [iter(dataset) for dataset in datasets], np.ones(len(datasets))
            chances = np.ones(len(datasets)) if weights is None else np.asarray(weights, float)
            while (now := chances * left).sum() > 0:
                drawn = int(rng.choice(len(rest), p=now / now.sum()))
                try:
                    yield next(rest[drawn])
                except StopIteration:
                    left[drawn] = 0
                    if stop_on_empty_dataset:
                        return

        lengths: list[Any] = [len_of(dataset) for dataset in datasets]
        return cls(make, None if None in lengths or stop_on_empty_dataset else sum(lengths))

    @classmethod
    def choose_from_datasets(cls, datasets: Any, choice_dataset: Any, stop_on_empty_dataset: bool = True) -> "Dataset":
        """Elements of several data sets, as numbers of a further one say."""

        def make() -> Iterator:
            rest = [iter(dataset) for dataset in datasets]
            for number in choice_dataset:
                for element in itertools.islice(rest[int(number)], 1):
                    yield element
                    break
                else:
                    if stop_on_empty_dataset:
                        return

        return cls(make)

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

    def filter(self, predicate: Callable, name: str | None = None) -> "Dataset":
        """The elements for which the function says yes."""
        return self._like(lambda: (element for element in self if bool(_call(predicate, element))), None)

    def take_while(self, predicate: Callable, name: str | None = None) -> "Dataset":
        """The elements up to the first for which the function says no."""
        return self._like(lambda: itertools.takewhile(lambda element: bool(_call(predicate, element)), self), None)

    def flat_map(self, map_func: Callable, name: str | None = None) -> "Dataset":
        """The elements of the data sets that the function gives, one data set after the other."""
        return Dataset(lambda: (inner for element in self for inner in _call(map_func, element)))

    def interleave(
        self, map_func: Callable, cycle_length: int | None = None, block_length: int = 1, *_: Any, **kwargs: Any
    ) -> "Dataset":
        """The elements of the data sets that the function gives, taken in turn.

        Args:
            map_func: returns a data set for an element.
            cycle_length: how many data sets are open at a time.
            block_length: how many elements of one come in a row.
            **kwargs: options of tf.data that change nothing here.
        """
        open_at_once = cycle_length if cycle_length and cycle_length > 0 else max(1, os.cpu_count() or 1)

        def make() -> Iterator:
            coming = (iter(_call(map_func, element)) for element in self)
            ring = list(itertools.islice(coming, open_at_once))
            while ring:
                for place, source in enumerate(list(ring)):
                    block = list(itertools.islice(source, block_length))
                    yield from block
                    if len(block) < block_length:
                        ring[place] = next(coming, None)
                ring = [source for source in ring if source is not None]

        return Dataset(make)

    def scan(self, initial_state: Any, scan_func: Callable, name: str | None = None) -> "Dataset":
        """The outputs of `scan_func(state, element) -> (state, output)`, each state going into the next call."""

        def make() -> Iterator:
            state = as_component(initial_state)
            for element in self:
                state, output = scan_func(state, element)
                yield output

        return Dataset(make, self._length)

    def reduce(self, initial_state: Any, reduce_func: Callable, name: str | None = None) -> Any:
        """The last state of `reduce_func(state, element) -> state`."""
        return functools.reduce(reduce_func, self, as_component(initial_state))

    def enumerate(self, start: int = 0, name: str | None = None) -> "Dataset":
        """Pairs of a number and an element."""
        return Dataset(lambda: ((np.int64(n), element) for n, element in enumerate(self, start)), self._length)

    def apply(self, transformation_func: Callable) -> Any:
        """What a function makes of the data set."""
        return transformation_func(self)

    def with_options(self, options: Any, name: str | None = None) -> "Dataset":
        """The data set itself: tf.data's options are about its own threads."""
        return self

    def get_single_element(self, name: str | None = None) -> Any:
        """The only element.

        Raises:
            ArgumentError: there are more, or none.
        """
        first = list(itertools.islice(self, 2))
        if len(first) != 1:
            raise ArgumentError(
                f"Dataset.get_single_element: expected one element, but got {'none' if not first else 'more'}."
            )
        return first[0]

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

    def concatenate(self, dataset: Any, name: str | None = None) -> "Dataset":
        """The elements, and those of another data set behind them."""
        lengths: list[Any] = [self._length, len_of(dataset)]
        return self._like(lambda: itertools.chain(self, dataset), None if None in lengths else sum(lengths))

    def shard(self, num_shards: int, index: int, name: str | None = None) -> "Dataset":
        """Every so manieth element, from a place on."""
        length = self._length
        if length is not None and length != math.inf:
            length = len(range(int(index), int(length), int(num_shards)))
        return self._like(lambda: itertools.islice(self, index, None, num_shards), length)

    # ------------------------------------------------------------------------ batches

    def window(
        self,
        size: int,
        shift: int | None = None,
        stride: int = 1,
        drop_remainder: bool = False,
        name: str | None = None,
    ) -> "Dataset":
        """Data sets of neighbours; of a structure one for each part.

        Args:
            size: elements in a window.
            shift: how far the windows begin from each other; None is `size`.
            stride: how far the elements of a window lie from each other.
            drop_remainder: leaves smaller last windows out.
            name: kept for TensorFlow's sake.

        >>> windows = Dataset.range(5).window(3, shift=1, drop_remainder=True)
        >>> [rows.tolist() for rows in windows.flat_map(lambda window: window.batch(3))]
        [[0, 1, 2], [1, 2, 3], [2, 3, 4]]
        """
        check_size("window", "size", size)
        check_size("window", "shift", shift)
        step, reach = shift or size, (size - 1) * stride + 1

        def make() -> Iterator:
            elements, buffer, skip = iter(self), [], 0
            while True:
                buffer += itertools.islice(elements, max(0, skip + reach - len(buffer)))
                buffer = buffer[skip:]
                rows = buffer[:reach:stride]
                if not rows or (drop_remainder and len(rows) < size):
                    return
                yield map_structure(_set_of_rows, *_columns(rows))
                skip = step

        return Dataset(make)

    def padded_batch(
        self,
        batch_size: int,
        padded_shapes: Any = None,
        padding_values: Any = None,
        drop_remainder: bool = False,
        name: str | None = None,
    ) -> "Dataset":
        """Arrays of so many elements, each filled up at its ends to one shape.

        Args:
            batch_size: elements in a batch.
            padded_shapes: the shape for each part of an element, None where the longest of the batch decides; None for all.
            padding_values: what to fill with, for each part; None is 0, or no text.
            drop_remainder: leaves a smaller last batch out.
            name: kept for TensorFlow's sake.
        """
        check_size("padded_batch", "batch_size", batch_size)

        def make() -> Iterator:
            elements = iter(self)
            while rows := list(itertools.islice(elements, batch_size)):
                if len(rows) == batch_size or not drop_remainder:
                    yield _padded(rows, padded_shapes, padding_values)

        batches = self._like(make, None if self._length is None else math.ceil(self._length / batch_size))
        batches.batch_size = batch_size
        return batches

    def bucket_by_sequence_length(
        self,
        element_length_func: Callable,
        bucket_boundaries: Any,
        bucket_batch_sizes: Any,
        padded_shapes: Any = None,
        padding_values: Any = None,
        drop_remainder: bool = False,
        **kwargs: Any,
    ) -> "Dataset":
        """Padded batches of elements of about one length; the arguments are those of tf.data."""

        def make() -> Iterator:
            waiting: list[list] = [[] for _ in bucket_batch_sizes]
            for element in self:
                place = bisect.bisect_right(list(bucket_boundaries), int(_call(element_length_func, element)))
                waiting[place].append(element)
                if len(waiting[place]) == bucket_batch_sizes[place]:
                    yield _padded(waiting[place], padded_shapes, padding_values)
                    waiting[place] = []
            for rows in waiting if not drop_remainder else []:
                if rows:
                    yield _padded(rows, padded_shapes, padding_values)

        return Dataset(make)

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

    def cache(self, filename: Any = "", name: str | None = None) -> "Dataset":
        """Elements are made at the first iteration that goes to the end, and kept in memory from then on.

        Args:
            filename: kept for tf.data's sake: there are no cache files here.
            name: likewise.
        """
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

    def prefetch(self, buffer_size: int = 2, name: str | None = None) -> "Dataset":
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


def len_of(dataset: Any) -> float | None:
    """How many elements a data set, or another iterable, has; None where that isn't known."""
    if isinstance(dataset, Dataset):
        return dataset._length
    return len(dataset) if hasattr(dataset, "__len__") else None


def as_component(value: Any) -> Any:
    """Values as the arrays of an element: tuples and dicts are structure, lists are arrays, numbers have 32 bits.

    >>> as_component(([1.0, 2.0], {"a": ["x"]}))[0].dtype
    dtype('float32')
    """
    if isinstance(value, tuple):
        parts = [as_component(part) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    if isinstance(value, Mapping):
        return {key: as_component(part) for key, part in value.items()}
    if isinstance(value, Dataset):
        return value
    if isinstance(value, (str, bytes)) or (isinstance(value, list) and value and isinstance(value[0], (str, bytes))):
        return np.array(value, object)  # NumPy's own arrays of bytes lose zeros at the end
    array = np.asarray(value)
    if hasattr(value, "__array__") or (isinstance(value, list) and any(hasattr(v, "__array__") for v in value)):
        return array
    if array.dtype == np.float64:
        return array.astype(np.float32)
    if array.dtype == np.int64 and (array.size == 0 or abs(array).max() < 2**31):
        return array.astype(np.int32)
    return array.astype(object) if array.dtype.kind in "US" else array


def _row(arrays: Any, place: int) -> Any:
    return map_structure(lambda array: array[place], arrays)


def _as_numpy(value: Any) -> Any:
    array = np.asarray(value)
    return array[()] if array.ndim == 0 else array


def _text_of(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _dtypes_of(signature: Any) -> Any:
    return map_structure(lambda spec: getattr(spec, "dtype", None), signature)


def _cast(element: Any, types: Any) -> Any:
    """An element of a generator, in the dtypes that were asked for; text stays."""
    if isinstance(element, list) and isinstance(types, tuple):
        element = tuple(element)
    if isinstance(element, tuple) and isinstance(types, (tuple, list)):
        return tuple(_cast(part, each) for part, each in zip(element, types, strict=True))
    if isinstance(element, dict) and isinstance(types, dict):
        return {key: _cast(part, types[key]) for key, part in element.items()}
    name = None if types is None else getattr(types, "name", None) or str(types)
    return as_component(element) if name in (None, "string", "object") else np.asarray(element, np.dtype(name))


def _columns(rows: list) -> list:
    """Rows as one structure of lists, packed so that lists aren't structure."""
    return [map_structure(lambda *values: _Rows(values), *rows)]


class _Rows:
    """Values of one part of several elements."""

    def __init__(self, values: tuple):
        self.values = values


def _set_of_rows(rows: _Rows) -> Dataset:
    return Dataset(lambda: iter(rows.values), len(rows.values))


def _padded(rows: list, shapes: Any, values: Any) -> Any:
    """Elements as one batch, filled up to one shape."""
    leaves = [flatten(row) for row in rows]
    count = len(leaves[0])
    wanted = (
        [None] * count if shapes is None else _in_parts(shapes, count, lambda part: part is None or _is_shape(part))
    )
    fills = [None] * count if values is None else _in_parts(values, count, lambda part: np.ndim(part) == 0)
    columns = zip(zip(*leaves, strict=True), wanted, fills, strict=True)
    return pack_as(rows[0], [_fill_up([np.asarray(v) for v in column], shape, fill) for column, shape, fill in columns])


def _is_shape(part: Any) -> bool:
    return isinstance(part, (list, tuple)) and all(size is None or isinstance(size, int) for size in part)


def _in_parts(given: Any, count: int, is_part: Callable) -> list:
    """What is given for each part of an element, flat; one alone counts for all."""
    if is_part(given):
        return [given] * count
    parts = [given[key] for key in keys_of(given)] if isinstance(given, dict) else list(given)
    return [leaf for part in parts for leaf in ([part] if is_part(part) else _in_parts(part, len(part), is_part))]


def _fill_up(arrays: list, shape: Any, fill: Any) -> np.ndarray:
    longest = [max(sizes) for sizes in zip(*(array.shape for array in arrays), strict=True)]
    wanted = longest if shape is None else [m if n in (None, -1) else n for n, m in zip(shape, longest, strict=True)]
    if any(size < most for size, most in zip(wanted, longest, strict=True)):
        raise ArgumentError(
            f"Dataset.padded_batch: elements of shapes up to {tuple(longest)} don't fit into {tuple(wanted)}."
        )
    dtype = arrays[0].dtype
    empty = b"" if dtype.kind == "O" else 0
    found = np.full((len(arrays), *wanted), empty if fill is None else np.asarray(fill), dtype)
    for place, array in enumerate(arrays):
        found[(place, *map(slice, array.shape))] = array
    return found


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
            f"`format` should be None for a data set of plait's own, or 'tf' or 'grain', which give the same, but got {format!r}."
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
