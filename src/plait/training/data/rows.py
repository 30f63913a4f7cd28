"""Arrays whose rows are read when they are needed: memory-mapped files, HDF5 and Zarr, sparse matrices, very large floats.

Such an array is never there as a whole: a batch's rows are read, made dense, and cast to what the model computes in.
"""

import mmap
from typing import Any

import jax.numpy as jnp
import numpy as np

from plait.common.dtypes import dtype_name, narrow, on_host
from plait.common.settings import settings

_CAST_WHOLE_BYTES = 1 << 30  # floats of another width are cast as a whole up to here, and batch by batch above


class RowsOnDemand:
    """A view of some rows of an array that stays where it is.

    Args:
        array: what has `shape`, `dtype` and rows: a memory map, an HDF5 or Zarr array, a SciPy matrix.
        start: the first row of the view.
        stop: the row after the last one.

    >>> import numpy as np
    >>> view = RowsOnDemand(np.arange(12.0).reshape(6, 2), 2, 6)
    >>> view.shape, view[np.array([3, 0])].tolist()
    ((4, 2), [[10.0, 11.0], [4.0, 5.0]])
    """

    def __init__(self, array: Any, start: int = 0, stop: int | None = None):
        self._array = array.tocsr() if is_sparse(array) else array
        self._start = start
        self._stop = array.shape[0] if stop is None else stop
        self.dtype = np.dtype(settings().floatx) if needs_cast(array.dtype) else np.dtype(array.dtype)
        self._fit: tuple[str | None, str] = None, "The data"

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the view."""
        return (self._stop - self._start, *self._array.shape[1:])

    @property
    def nbytes(self) -> int:
        """The bytes it would take in memory."""
        return int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize

    def part(self, start: int, stop: int) -> "RowsOnDemand":
        """A view of fewer rows; reads nothing."""
        view = RowsOnDemand(self._array, self._start + start, self._start + stop)
        view._fit, view.dtype = self._fit, self.dtype
        return view

    def in_dtype(self, dtype: str | None, who: str) -> "RowsOnDemand":
        """The same view, whose rows come in a dtype that the device has; `who` is for the error where they don't fit."""
        view = self.part(0, self.shape[0])
        view._fit, view.dtype = (dtype, who), np.dtype(jnp.dtype(narrow(self.dtype if dtype is None else dtype)))
        return view

    def __getitem__(self, rows: Any) -> np.ndarray:
        """Reads rows: a slice of them, or row numbers in any order."""
        if isinstance(rows, slice):
            start, stop, step = rows.indices(self.shape[0])
            found = self._array[start + self._start : stop + self._start : step]
        else:
            found = self._read(np.asarray(rows) + self._start)
        found = found.toarray() if is_sparse(found) else np.asarray(found)
        return on_host(found, *self._fit).astype(self.dtype, copy=False)

    def _read(self, rows: np.ndarray) -> Any:
        if isinstance(self._array, np.ndarray) or is_sparse(self._array):
            return self._array[rows]
        ordered, back = np.unique(rows, return_inverse=True)  # HDF5 reads rows in their order only, each once
        return np.asarray(self._array[ordered])[back]


def on_demand(value: Any) -> Any:
    """The value itself, or a `RowsOnDemand` where it should not be read as a whole."""
    if is_sparse(value) or is_chunked(value):
        return RowsOnDemand(value)
    if isinstance(value, np.ndarray) and value.ndim and value.dtype != object:
        if is_mapped(value) or (needs_cast(value.dtype) and value.nbytes > _CAST_WHOLE_BYTES):
            return RowsOnDemand(value)
    return value


def needs_cast(dtype: Any) -> bool:
    """Whether values of a dtype become `floatx`: floats of another width do, half floats don't."""
    dtype = np.dtype(dtype)
    return dtype.kind == "f" and dtype.itemsize >= 4 and dtype_name(dtype) != settings().floatx


def is_sparse(value: Any) -> bool:
    """Whether a value is a SciPy sparse matrix or array."""
    return hasattr(value, "tocsr") and hasattr(value, "toarray")


def is_chunked(value: Any) -> bool:
    """Whether a value is an array in a file of chunks, as those of h5py and Zarr are."""
    return not isinstance(value, np.ndarray) and all(hasattr(value, name) for name in ("chunks", "shape", "dtype"))


def is_mapped(array: np.ndarray) -> bool:
    """Whether an array's bytes are in a memory-mapped file, be it itself or what it is a view of."""
    base: Any = array
    while base is not None:
        if isinstance(base, (np.memmap, mmap.mmap)):
            return True
        base = getattr(base, "base", None)
    return False
