"""Arrays as data: NumPy, JAX, pandas, polars, torch, sparse, files; dicts and lists of them; picked by row numbers.

What is small enough lies on the device whole, and a step picks its rows there. What is larger, or lies in a file, stays on
the host: the next batches are read and sent by a thread while the device works.

The order of an epoch is drawn from NumPy's global generator, one permutation an epoch, as in Keras: a script that seeds
it sees the same order on both.
"""

import itertools
import math
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Any

import jax
import numpy as np

from plait.common.dtypes import on_host
from plait.common.messages import describe
from plait.common.settings import settings
from plait.common.tree import flatten, leaves_with_paths, map_structure_in_order, path_name
from plait.core.variable import Variable
from plait.errors import ArgumentError, DataError
from plait.training.data.rows import RowsOnDemand, is_chunked, is_mapped, is_sparse, needs_cast, on_demand
from plait.training.data.together import sent_ahead

_RESIDENT_BYTES = 2 << 30  # arrays up to this size are moved to the device whole


class ArraySource:
    """Batches out of arrays.

    Args:
        x: inputs, in any structure.
        y: labels, likewise.
        sample_weight: weights, likewise.
        batch_size: rows in a batch; the last one may have fewer.
        shuffle: True draws a new order each pass; `"batch"` only within batches; False keeps it.
        steps: batches in an epoch, if not all.
        goes_on: whether an epoch of `steps` begins where the last one ended, and passes go on without end, as training
            wants it; else each epoch is the first `steps` batches of one pass.

    Raises:
        DataError: nothing, arrays of different lengths, or what isn't an array.
    """

    def __init__(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        batch_size: int = 32,
        shuffle: Any = False,
        steps: int | None = None,
        goes_on: bool = False,
    ):
        self.arrays = as_arrays(x), as_arrays(y), as_weights(sample_weight)
        self.rows = count_rows(self.arrays)
        self.batch_size: Any = min(batch_size, self.rows) if steps is None else batch_size
        self.shuffle = shuffle
        self.full, self.rest = divmod(self.rows, self.batch_size)
        self.steps: int | None = self.full + bool(self.rest) if steps is None else steps
        self.goes_on = goes_on
        self._device: Any = None
        self._left: list[tuple[np.ndarray, int]] = []
        self._running: Iterator[tuple] | None = None
        self._pass: tuple[np.ndarray | None, int] | None = None  # the order of the pass under way, and its next row
        self.check: Callable | None = None

    def first(self) -> tuple:
        """The first batch, as it lies in memory."""
        return map_arrays(lambda array: array[: self.batch_size], self.arrays)

    def check_with(self, check: Callable) -> None:
        """Has the labels looked at: all at once, or by the batch where they lie in a file."""
        check(self.arrays, fetch=True)
        in_file = any(isinstance(leaf, RowsOnDemand) for leaf in flatten(self.arrays[1]))
        self.check = check if in_file else None

    def order(self, batches: int | None = None) -> np.ndarray | None:
        """The row numbers of an epoch; None keeps them as they are.

        Args:
            batches: how many batches are asked for, where only these draw; None means all.
        """
        if self.shuffle == "batch":
            order = np.arange(self.rows)
            for start in range(0, self.rows, self.batch_size)[:batches]:
                np.random.shuffle(order[start : start + self.batch_size])  # noqa: NPY002  (the generator that scripts seed)
            return order
        return np.random.permutation(self.rows) if self.shuffle else None  # noqa: NPY002

    def table(self) -> tuple[np.ndarray, np.ndarray | None]:
        """The row numbers of a pass's full batches (steps, batch), and those of a smaller last one (1, rest) or None."""
        order = self.order()
        order = np.arange(self.rows, dtype=np.int32) if order is None else order.astype(np.int32)
        full = order[: self.full * self.batch_size].reshape(self.full, self.batch_size)
        return full, order[None, self.full * self.batch_size :] if self.rest else None

    def pieces(self) -> Iterator[tuple[np.ndarray, int, int]]:
        """The row numbers of an epoch: tables (steps, batch), each with the first step to take and how many."""
        remaining = self.steps or 0
        left = self._left if self.goes_on else []
        while remaining > 0:
            if not left:
                left += [(rows, 0) for rows in self.table() if rows is not None and len(rows)]
            rows, first = left.pop(0)
            count = min(len(rows) - first, remaining)
            if first + count < len(rows):
                left.insert(0, (rows, first + count))
            remaining -= count
            yield rows, first, count
            if not left and not self.goes_on:
                return

    def on_device(self) -> tuple:
        """The arrays, on the device; moved there once."""
        if self._device is None:
            self._device = map_arrays(jax.device_put, self.arrays)
        return self._device

    @property
    def resident(self) -> bool:
        """Whether the arrays can lie on the device whole."""
        leaves = [leaf for leaf in flatten(list(self.arrays)) if leaf is not None]
        if any(isinstance(leaf, RowsOnDemand) or getattr(leaf.dtype, "kind", "") in "OUS" for leaf in leaves):
            return False
        return sum(leaf.nbytes for leaf in leaves) <= _RESIDENT_BYTES

    def batches(self, epoch: int, together: int = 1, exactly: bool = False) -> Generator[Any, None, None]:
        """The batches of an epoch; those of arrays too large for the device are prepared ahead of time."""
        if self._running is None or not self.goes_on:
            self._running, self._pass = self._passes(), self._pass if self.goes_on else None
        batches = itertools.islice(self._running, self.steps)
        if self.resident:
            yield from batches
            return
        with sent_ahead(batches, together, exactly) as prepared:
            yield from prepared

    def _passes(self) -> Iterator[tuple]:
        """Batches over the rows, again and again if training goes on."""
        for _ in itertools.count() if self.goes_on else range(1):
            order, at = self._pass or (self.order(), 0)
            for start in range(at, self.rows, self.batch_size):
                self._pass = order, start + self.batch_size
                rows = (
                    slice(start, start + self.batch_size) if order is None else order[start : start + self.batch_size]
                )
                batch = map_arrays(lambda array, rows=rows: array[rows], self.arrays)
                if self.check is not None:
                    self.check(batch, rows=range(self.rows)[rows] if order is None else rows)
                yield batch
            self._pass = None

    def state(self) -> dict:
        """What is left of a pass, where epochs don't begin with a new one."""
        if not self.goes_on:
            return {}
        return {"left": [[rows, first] for rows, first in self._left], "pass": self._pass}

    def restore(self, state: dict, epoch: int) -> None:
        """Goes on with what was left of a pass."""
        if self.goes_on:
            self._left = [(rows, first) for rows, first in state["left"]]
            self._running, self._pass = None, state["pass"]

    def close(self) -> None:
        """Nothing is left open."""


def map_arrays(function: Callable, structure: Any) -> Any:
    """Applies a function to the arrays of a structure; None stays."""
    return map_structure_in_order(lambda leaf: None if leaf is None else function(leaf), structure)


def as_arrays(structure: Any) -> Any:
    """Arrays of whatever can be arrays: frames, series, tensors of other libraries; floats in `floatx`.

    Raises:
        DataError: something that isn't an array; lists of numbers aren't.
    """
    return map_structure_in_order(_as_array, structure)


def as_weights(structure: Any) -> Any:
    """Weights of rows as arrays; wide integers as floats, since they only multiply."""
    if structure is None:
        return None

    def fit(leaf: Any) -> Any:
        wide = isinstance(leaf, np.ndarray) and leaf.dtype.kind in "iu" and leaf.dtype.itemsize == 8
        return on_host(leaf, settings().floatx, "The sample weights") if wide else leaf

    return map_structure_in_order(fit, as_arrays(structure))


def _as_array(value: Any) -> Any:
    if type(value) is np.ndarray and value.dtype.kind not in "OmM" and not needs_cast(value.dtype):
        return on_demand(value) if is_mapped(value) else value  # most batches: the path of a step
    if value is None or isinstance(value, (jax.Array, RowsOnDemand)):
        return value
    if isinstance(value, Variable):
        return value.value
    value = on_demand(_on_host(value))
    if isinstance(value, RowsOnDemand):
        return value
    if not hasattr(value, "__array__"):
        raise DataError(
            f"Data must be arrays (NumPy, JAX, pandas, ...) or dicts and lists of them, but got {describe(value)}. Lists of "
            "numbers are not data: make them an array first, with np.array(...)."
        )
    array = np.asarray(value)
    if array.dtype.kind in "mM":
        raise DataError(
            f"Data cannot be dates or durations: {describe(array)}. Make numbers of them, such as seconds: "
            "(dates - first).dt.total_seconds()."
        )
    if needs_cast(array.dtype):
        return on_host(array, settings().floatx, "The data")
    return _from_objects(array) if array.dtype == object else array


def _on_host(value: Any) -> Any:
    """What other libraries call a tensor, as an array: detached and on the host (torch), dense (TensorFlow's ragged ones)."""
    if hasattr(value, "detach") and hasattr(value, "cpu"):
        value = value.detach().cpu()
        return value.float() if str(value.dtype).endswith("bfloat16") else value
    if not hasattr(value, "__array__") and hasattr(value, "to_tensor"):
        return value.to_tensor()
    return value


def _from_objects(array: np.ndarray) -> np.ndarray:
    """An array of what a column of mixed or nested values holds: strings stay, numbers and equal rows become floats."""
    first = [item for item in array.ravel()[:100] if item is not None]
    if all(isinstance(item, (str, bytes)) for item in first):
        return array
    try:
        nested = array.ndim == 1 and all(isinstance(item, (np.ndarray, list, tuple)) for item in first)
        return (np.stack([np.asarray(item) for item in array]) if nested else array).astype(settings().floatx)
    except (TypeError, ValueError):
        raise DataError(
            f"Data of dtype object cannot be used: {describe(array)}. Its columns have different kinds of values, or some are "
            "missing; make numbers of them, or pass the columns as separate inputs."
        ) from None


def count_rows(arrays: tuple) -> int:
    """The number of rows, the same in all arrays.

    Raises:
        DataError: arrays of different lengths, or none.
    """
    named = [
        (f"{part}/{path_name(path)}" if path else part, array.shape[0] if array.shape else None)
        for part, structure in zip(("x", "y", "sample_weight"), arrays, strict=True)
        for path, array in leaves_with_paths(structure)
        if array is not None
    ]
    if not named:
        raise DataError("There is no data: x is None or empty. Give arrays, a generator, or an iterable of batches.")
    counts = {count for _, count in named}
    single = next((name for name, count in named if count is None), None)
    if single is not None:
        raise DataError(
            f"Data must be arrays with a row for each sample, but {single} is a single number. Lists of numbers are not data: "
            f"make {single.partition('/')[0]} an array first, with np.array(...)."
        )
    if len(counts) > 1:
        sizes = ", ".join(f"{name}: {count}" for name, count in named)
        raise DataError(
            f"Data cardinality is ambiguous. Make sure all arrays contain the same number of samples. Got {sizes}."
        )
    rows = named[0][1] or 0
    if rows == 0:
        raise DataError("There is no data: the arrays have 0 rows.")
    return rows


def split_off(x: Any, y: Any, sample_weight: Any, fraction: float) -> tuple[tuple, tuple]:
    """Splits the last rows off, for validation: `(training, validation)`, each `(x, y, sample_weight)`.

    Raises:
        ArgumentError: a fraction that leaves nothing on one side; data that isn't arrays.
    """
    if not 0 < fraction < 1:
        raise ArgumentError(f"`validation_split` must be between 0 and 1, but got {fraction}.")
    if not is_arrays(x):
        raise ArgumentError(
            f"`validation_split` splits arrays only, but x is a {type(x).__name__}. Give `validation_data` beside a generator."
        )
    arrays = tuple(as_arrays(part) for part in (x, y, sample_weight))
    rows = count_rows(arrays)
    cut = math.floor(rows * (1.0 - fraction))
    if cut in (0, rows):
        raise ArgumentError(
            f"Training data contains {rows} samples, which is not sufficient to split it into a validation and training set as "
            f"specified by `validation_split={fraction}`. Either provide more data, or a different value."
        )
    first = map_arrays(lambda array: _part(array, 0, cut), arrays)
    last = map_arrays(lambda array: _part(array, cut, rows), arrays)
    return first, last


def _part(array: Any, start: int, stop: int) -> Any:
    return array.part(start, stop) if isinstance(array, RowsOnDemand) else array[start:stop]


def is_arrays(x: Any) -> bool:
    """Whether data is made of arrays."""
    if x is None:
        return False
    if isinstance(x, (Mapping, list, tuple)):
        leaves = [leaf for leaf in flatten(x) if leaf is not None]
        return bool(leaves) and all(map(_is_array, leaves))
    return _is_array(x) and hasattr(x, "shape")


def _is_array(value: Any) -> bool:
    known = hasattr(value, "__array__") or isinstance(value, (Variable, RowsOnDemand))
    return known or is_sparse(value) or is_chunked(value)
