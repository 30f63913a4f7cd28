"""`tf.ragged` and `tf.sparse`: rows of different lengths, and tensors of few values, on the host.

Both exist for what comes before a model: text that was split, features of files. A layer takes `to_tensor()` or `to_dense`.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from plait.compat.tensorflow_calls import sizes
from plait.compat.tensors import TensorShape, dtype_of, on_host, plain


class RaggedTensor:
    """Rows of different lengths.

    >>> rows = RaggedTensor([on_host([1, 2]), on_host([3])])
    >>> rows.to_list(), rows.row_lengths().tolist(), rows.to_tensor().tolist()
    ([[1, 2], [3]], [2, 1], [[1, 2], [3, 0]])
    """

    def __init__(self, rows: list):
        self.rows = rows

    @classmethod
    def of(cls, values: Any, dtype: Any = None) -> Any:
        """A ragged tensor of nested lists; a plain tensor where they aren't nested."""
        if not any(isinstance(row, (list, tuple, np.ndarray)) for row in values):
            array = on_host(list(values))
            return array if dtype is None or str(dtype) == "string" else on_host(array.astype(str(dtype)))
        return cls([cls.of(row, dtype) for row in values])

    @classmethod
    def from_row_lengths(cls, values: Any, row_lengths: Any, **_: Any) -> "RaggedTensor":
        """Rows of these lengths, cut from values in a row."""
        ends = np.cumsum(np.asarray(row_lengths))
        return cls([values[int(end - length) : int(end)] for end, length in zip(ends, np.asarray(row_lengths))])

    @classmethod
    def from_row_splits(cls, values: Any, row_splits: Any, **_: Any) -> "RaggedTensor":
        """Rows between these places, cut from values in a row."""
        return cls.from_row_lengths(values, np.diff(np.asarray(row_splits)))

    @classmethod
    def from_tensor(cls, tensor: Any, lengths: Any = None, padding: Any = None, **_: Any) -> "RaggedTensor":
        """The rows of a tensor, without what fills them up."""
        array = np.asarray(tensor)
        if lengths is None:
            real = array != (0 if padding is None else np.asarray(padding))
            lengths = [len(row) - int(np.argmax(row[::-1])) if row.any() else 0 for row in real]
        lengths = [array.shape[1]] * len(array) if padding is None and lengths is None else lengths
        return cls([on_host(row[: int(length)]) for row, length in zip(array, np.asarray(lengths))])

    @classmethod
    def from_sparse(cls, st_input: Any, **_: Any) -> "RaggedTensor":
        """The values of each row of a sparse tensor."""
        rows: list[list] = [[] for _ in range(st_input.dense_shape[0])]
        for (row, *_rest), value in zip(np.asarray(st_input.indices), np.asarray(st_input.values)):
            rows[int(row)].append(value)
        return cls([on_host(np.asarray(row, np.asarray(st_input.values).dtype)) for row in rows])

    @staticmethod
    def concat(parts: Any, axis: int) -> "RaggedTensor":
        """Rows behind rows (axis 0), or each row longer (axis 1)."""
        rows = [part.rows if isinstance(part, RaggedTensor) else list(part) for part in parts]
        if axis == 0:
            return RaggedTensor([row for part in rows for row in part])
        return RaggedTensor([on_host(np.concatenate([np.asarray(row) for row in side])) for side in zip(*rows)])

    @property
    def ragged_rank(self) -> int:
        """How many axes have rows of different lengths."""
        inner = [row.ragged_rank for row in self.rows if isinstance(row, RaggedTensor)]
        return 1 + max(inner, default=0)

    @property
    def shape(self) -> TensorShape:
        """The number of rows, and None for their lengths."""
        return TensorShape([len(self.rows), *([None] * self.ragged_rank)])

    @property
    def dtype(self) -> Any:
        """The dtype of the values."""
        return dtype_of(self.flat_values)

    @property
    def values(self) -> Any:
        """The rows one after the other."""
        if any(isinstance(row, RaggedTensor) for row in self.rows):
            return RaggedTensor([inner for row in self.rows for inner in row.rows])
        arrays = [np.asarray(row) for row in self.rows]
        filled = [array for array in arrays if array.size] or arrays[:1]
        return on_host(np.concatenate(filled)) if filled else on_host(np.zeros(0, np.float32))

    @property
    def flat_values(self) -> Any:
        """The values in one axis."""
        values = self.values
        return values.flat_values if isinstance(values, RaggedTensor) else values

    def row_lengths(self, axis: int = 1, name: str | None = None) -> Any:
        """How long each row is."""
        return on_host(np.array([len(row) for row in self.rows], np.int64))

    def row_splits(self) -> Any:
        """Where each row begins and ends among the values."""
        return on_host(np.concatenate([[0], np.cumsum(np.asarray(self.row_lengths()))]))

    def nrows(self, **_: Any) -> Any:
        """The number of rows."""
        return on_host(np.int64(len(self.rows)))

    def bounding_shape(self, **_: Any) -> Any:
        """The smallest shape that holds all."""
        return on_host(np.asarray(np.shape(self.to_tensor()), np.int64))

    def to_list(self) -> list:
        """Nested lists."""
        return [row.to_list() if isinstance(row, RaggedTensor) else np.asarray(row).tolist() for row in self.rows]

    def numpy(self) -> np.ndarray:
        """An array of rows; a plain one where all have one length."""
        rows = [row.numpy() if hasattr(row, "numpy") else plain(row) for row in self.rows]
        if len({np.shape(row) for row in rows}) <= 1:
            return np.array(rows)
        found = np.empty(len(rows), object)
        found[:] = rows
        return found

    def to_tensor(self, default_value: Any = None, shape: Any = None, name: str | None = None) -> Any:
        """All in one tensor, rows filled up at their ends."""
        rows = [row.to_tensor(default_value) if isinstance(row, RaggedTensor) else row for row in self.rows]
        arrays = [np.asarray(row) for row in rows]
        longest = [max(found) for found in zip(*(array.shape for array in arrays))] if arrays else [0]
        if shape is not None:
            given = sizes(shape)[1:]
            longest = [most if size is None else size for size, most in zip(given, longest)]
        dtype = np.asarray(self.flat_values).dtype
        empty = b"" if dtype.kind == "O" else 0
        found = np.full((len(arrays), *longest), empty if default_value is None else default_value, dtype)
        for place, array in enumerate(arrays):
            array = array[tuple(map(slice, longest))]
            found[(place, *map(slice, array.shape))] = array
        return on_host(found)

    def with_values(self, new_values: Any) -> "RaggedTensor":
        """The same rows of other values."""
        return RaggedTensor.from_row_lengths(new_values, self.row_lengths())

    def merge_dims(self, outer_axis: int, inner_axis: int) -> Any:
        """Two axes as one."""
        return self.values

    def map_rows(self, function: Callable) -> "RaggedTensor":
        """A function's results for each row."""
        return RaggedTensor(
            [row.map_rows(function) if isinstance(row, RaggedTensor) else function(row) for row in self.rows]
        )

    def cast(self, dtype: str) -> "RaggedTensor":
        """The same rows in another dtype."""
        return self.map_rows(lambda row: on_host(np.asarray(row).astype(dtype)))

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, tuple):
            first, *rest = key
            found = self[first]
            inner = tuple(rest) if len(rest) > 1 else rest[0]
            return RaggedTensor([row[inner] for row in found.rows]) if isinstance(first, slice) else found[inner]
        return RaggedTensor(self.rows[key]) if isinstance(key, slice) else self.rows[int(key)]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator:
        return iter(self.rows)

    def __repr__(self) -> str:
        return f"<tf.RaggedTensor {self.to_list()}>"


class SparseTensor(NamedTuple):
    """The places of values, the values, and the shape of the whole."""

    indices: Any
    values: Any
    dense_shape: Any

    @property
    def shape(self) -> TensorShape:
        """The shape of the whole."""
        return TensorShape(sizes(self.dense_shape))

    @property
    def dtype(self) -> Any:
        """The dtype of the values."""
        return dtype_of(self.values)

    def get_shape(self) -> TensorShape:
        """The shape of the whole."""
        return self.shape


def to_dense(sp_input: Any, default_value: Any = None, validate_indices: bool = True, name: str | None = None) -> Any:
    """A sparse tensor with all its values."""
    values = np.asarray(on_host(sp_input.values))
    empty = b"" if values.dtype == object else 0
    found = np.full(sizes(sp_input.dense_shape), empty if default_value is None else default_value, values.dtype)
    indices = np.asarray(sp_input.indices, int).reshape(-1, found.ndim)
    found[tuple(indices.T)] = values
    return on_host(found)


def from_dense(tensor: Any, name: str | None = None) -> SparseTensor:
    """The values of a tensor that aren't 0."""
    array = np.asarray(tensor)
    places = np.argwhere(array != (b"" if array.dtype == object else 0))
    return SparseTensor(
        on_host(places.astype(np.int64)), on_host(array[tuple(places.T)]), on_host(np.asarray(array.shape, np.int64))
    )


def reorder(sp_input: SparseTensor, name: str | None = None) -> SparseTensor:
    """The values in the order of their places."""
    indices = np.asarray(sp_input.indices)
    order = np.lexsort(indices.T[::-1])
    return SparseTensor(on_host(indices[order]), on_host(np.asarray(sp_input.values)[order]), sp_input.dense_shape)


def sparse_dense_matmul(
    sp_a: Any, b: Any, adjoint_a: bool = False, adjoint_b: bool = False, name: str | None = None
) -> Any:
    """The product of a sparse matrix and one with all its values."""
    indices, values = np.asarray(sp_a.indices), jnp.asarray(sp_a.values)
    b = jnp.asarray(b).T if adjoint_b else jnp.asarray(b)
    row, column = (1, 0) if adjoint_a else (0, 1)
    found = jnp.zeros((sizes(sp_a.dense_shape)[row], b.shape[1]), jnp.result_type(values, b))
    return found.at[indices[:, row]].add(values[:, None] * b[indices[:, column]])


def _of_sets(combine: Callable) -> Callable:
    def combined(a: Any, b: Any, *_: Any, **options: Any) -> SparseTensor:
        """For each row the set that two rows make."""
        first, second = ([set(np.asarray(row).ravel().tolist()) for row in x] for x in (a, b))
        rows = [sorted(combine(x, y)) for x, y in zip(first, second)]
        indices = [(place, at) for place, row in enumerate(rows) for at in range(len(row))]
        values = on_host([value for row in rows for value in row])
        return SparseTensor(
            on_host(np.asarray(indices, np.int64)),
            values,
            on_host(np.asarray([len(rows), max(map(len, rows), default=0)], np.int64)),
        )

    return combined


RAGGED: dict[str, Any] = {
    "boolean_mask": lambda data, mask, name=None: RaggedTensor(
        [on_host(np.asarray(row)[np.asarray(chosen, bool)]) for row, chosen in zip(data, mask)]
    ),
    "constant": lambda pylist, dtype=None, **_: RaggedTensor.of(pylist, dtype),
    "stack": lambda values, axis=0, name=None: RaggedTensor(list(values)),
}
SPARSE: dict[str, Any] = {
    "SparseTensor": SparseTensor,
    "from_dense": from_dense,
    "reorder": reorder,
    "sparse_dense_matmul": sparse_dense_matmul,
    "to_dense": to_dense,
}
SETS: dict[str, Any] = {
    "difference": _of_sets(set.difference),
    "intersection": _of_sets(set.intersection),
    "size": lambda a, validate_indices=True: on_host(np.bincount(np.asarray(a.indices)[:, 0], minlength=a.shape[0])),
    "union": _of_sets(set.union),
}
