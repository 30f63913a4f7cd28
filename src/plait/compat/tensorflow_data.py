"""`tf.data`: `plait.utils.Dataset` under TensorFlow's name, with data sets of the lines, records and columns of files.

Everything is done in Python, and an order for a seed isn't TensorFlow's.
"""

import csv
import glob
import gzip
import io
import itertools
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from plait.common.tree import map_structure
from plait.compat.tensorflow_io import path_of, records_of
from plait.compat.tensors import DType, TensorShape, dtype_of, on_host, presented
from plait.errors import ArgumentError, DataError
from plait.utils.dataset import Dataset

AUTOTUNE = -1


class TensorSpec:
    """The shape and the dtype of a tensor.

    >>> TensorSpec((None, 3)).shape.as_list()
    [None, 3]
    """

    def __init__(self, shape: Any = None, dtype: Any = "float32", name: str | None = None):
        self.shape, self.dtype, self.name = TensorShape(shape), DType(str(getattr(dtype, "name", dtype))), name

    @classmethod
    def from_tensor(cls, tensor: Any, name: str | None = None) -> "TensorSpec":
        """The spec of a tensor."""
        return cls(tuple(tensor.shape), dtype_of(tensor), name)

    def is_compatible_with(self, other: Any) -> bool:
        """Whether a tensor, or another spec, may be of this one."""
        return self.dtype == dtype_of(other) and self.shape.is_compatible_with(tuple(other.shape))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TensorSpec) and (self.shape, self.dtype) == (other.shape, other.dtype)

    def __hash__(self) -> int:
        return hash((self.shape, self.dtype))

    def __repr__(self) -> str:
        return f"TensorSpec(shape={tuple(self.shape)}, dtype=tf.{self.dtype}, name={self.name!r})"


def element_spec(dataset: Dataset) -> Any:
    """The specs of an element, by the first; the rows of a batch may be any number."""
    first = next(iter(dataset), None)
    batched = dataset.batch_size is not None

    def spec(value: Any) -> Any:
        if isinstance(value, Dataset):
            return value
        shape = tuple(np.shape(value))
        return TensorSpec((None, *shape[1:]) if batched and shape else shape, dtype_of(value))

    return map_structure(spec, presented(first))


class Options:
    """Options of tf.data: they are kept, and change nothing, as plait's data sets have no threads to be told about."""

    def __init__(self) -> None:
        self.experimental_distribute = SimpleNamespace()
        self.experimental_optimization = SimpleNamespace()
        self.threading = SimpleNamespace()
        self.autotune = SimpleNamespace()
        self.deterministic = self.experimental_deterministic = None


def _files(filenames: Any) -> list[str]:
    if isinstance(filenames, Dataset):
        return [path_of(name) for name in filenames]
    names = filenames if isinstance(filenames, (list, tuple)) else np.atleast_1d(np.asarray(filenames, object))
    return [path_of(name) for name in names]


def _opened(path: str, compression_type: Any) -> Any:
    kind = path_of(compression_type) if compression_type else ""
    if kind == "GZIP":
        return gzip.open(path)
    if kind == "ZLIB":
        return io.BytesIO(zlib.decompress(Path(path).read_bytes()))
    return open(path, "rb")


class TextLineDataset(Dataset):
    """The lines of files, one after the other."""

    def __init__(self, filenames: Any, compression_type: Any = None, *_: Any, **options: Any):
        files = _files(filenames)

        def make() -> Iterator:
            for path in files:
                with _opened(path, compression_type) as stream:
                    for line in stream:
                        yield on_host(line.rstrip(b"\r\n"))

        super().__init__(make)


class TFRecordDataset(Dataset):
    """The rows of files of records, one after the other."""

    def __init__(self, filenames: Any, compression_type: Any = None, *_: Any, **options: Any):
        files = _files(filenames)

        def make() -> Iterator:
            for path in files:
                with _opened(path, compression_type) as stream:
                    yield from map(on_host, records_of(stream, path))

        super().__init__(make)


class FixedLengthRecordDataset(Dataset):
    """Files in pieces of so many bytes."""

    def __init__(
        self, filenames: Any, record_bytes: int, header_bytes: int = 0, footer_bytes: int = 0, *_: Any, **options: Any
    ):
        files = _files(filenames)

        def make() -> Iterator:
            for path in files:
                data = Path(path).read_bytes()
                data = data[header_bytes : len(data) - footer_bytes]
                yield from (on_host(data[at : at + record_bytes]) for at in range(0, len(data), record_bytes))

        super().__init__(make)


def csv_dataset(
    filenames: Any,
    record_defaults: Any,
    compression_type: Any = None,
    buffer_size: Any = None,
    header: bool = False,
    field_delim: str = ",",
    *_: Any,
    select_cols: Any = None,
    **options: Any,
) -> Dataset:
    """The rows of files of columns, as tuples."""
    files = _files(filenames)

    def make() -> Iterator:
        for path in files:
            with open(path, newline="") as stream:
                rows = csv.reader(stream, delimiter=field_delim)
                for row in itertools.islice(rows, int(header), None):
                    chosen = row if select_cols is None else [row[place] for place in select_cols]
                    yield tuple(_value(text, default) for text, default in zip(chosen, record_defaults, strict=True))

    return Dataset(make)


def _value(text: str, default: Any) -> Any:
    if isinstance(default, str) and default in ("float32", "float64", "int32", "int64", "string"):
        kind = default
    else:
        kind = str(dtype_of(on_host(np.ravel(on_host(default))[:1])))
        text = text or str(np.ravel(default)[0])
    return on_host(text) if kind == "string" else on_host(np.dtype(kind).type(text))


def make_csv_dataset(
    file_pattern: Any,
    batch_size: int,
    column_names: Any = None,
    column_defaults: Any = None,
    label_name: str | None = None,
    select_columns: Any = None,
    field_delim: str = ",",
    use_quote_delim: bool = True,
    na_value: str = "",
    header: bool = True,
    num_epochs: int | None = None,
    shuffle: bool = True,
    shuffle_buffer_size: int = 10000,
    shuffle_seed: int | None = None,
    *_: Any,
    ignore_errors: bool = False,
    **options: Any,
) -> Dataset:
    """Batches of files of columns: dicts by column, and the labels beside them.

    Raises:
        DataError: no file fits, or no column has the label's name.
    """
    patterns = [path_of(each) for each in (file_pattern if isinstance(file_pattern, (list, tuple)) else [file_pattern])]
    files = sorted(path for pattern in patterns for path in glob.glob(pattern))
    if not files:
        raise DataError(f"tf.data.experimental.make_csv_dataset: no file fits {patterns}.")
    names, columns = _columns(files, column_names, header, field_delim)
    wanted = names if select_columns is None else [names[c] if isinstance(c, int) else c for c in select_columns]
    defaults = dict(zip(wanted, column_defaults or [None] * len(wanted), strict=True))
    arrays = {name: _column(columns[name], na_value, defaults[name]) for name in wanted}
    if label_name is not None and label_name not in arrays:
        raise DataError(
            f"tf.data.experimental.make_csv_dataset: no column is called {label_name!r}. There are {wanted}."
        )
    label = arrays.pop(label_name) if label_name is not None else None
    rows = Dataset.from_tensor_slices(arrays if label is None else (arrays, label))
    if shuffle:
        rows = rows.shuffle(shuffle_buffer_size, shuffle_seed)
    return rows.repeat(num_epochs).batch(batch_size)


def _columns(files: list[str], names: Any, header: bool, delimiter: str) -> tuple[list[str], dict[str, list[str]]]:
    columns: dict[str, list[str]] = {}
    for path in files:
        with open(path, newline="") as stream:
            rows = csv.reader(stream, delimiter=delimiter)
            first = next(rows) if header else None
            names = list(names or first or [])
            for row in rows:
                for name, value in zip(names, row, strict=True):
                    columns.setdefault(name, []).append(value)
    return names, columns


def _column(values: list[str], missing: str, default: Any) -> np.ndarray:
    """A column in the narrowest of int32, int64, float32 and text that holds it, as TensorFlow decides."""
    plain = None if default is None else np.ravel(on_host(default))
    empty = str(plain[0]) if plain is not None and plain.size else None
    kinds = [np.int32, np.int64, np.float32]
    if plain is not None:
        kinds = [] if plain.dtype.kind == "O" else [plain.dtype.type]
    for kind in kinds:
        try:
            filled = [(empty or "0") if value == missing else value for value in values]
            return np.array([kind(value) for value in filled], kind)
        except (ValueError, OverflowError):
            continue
    return np.array([value.encode() for value in values], object)


def group_by_window(key_func: Callable, reduce_func: Callable, window_size: int) -> Callable:
    """For `apply`: batches of elements of one key."""

    def transform(dataset: Dataset) -> Dataset:
        def make() -> Iterator:
            waiting: dict[Any, list] = {}
            for element in dataset:
                key = int(key_func(*element) if isinstance(element, tuple) else key_func(element))
                waiting.setdefault(key, []).append(element)
                if len(waiting[key]) == window_size:
                    yield from reduce_func(key, _of(waiting.pop(key)))
            for key, rest in waiting.items():
                yield from reduce_func(key, _of(rest))

        return Dataset(make)

    return transform


def _of(elements: list) -> Dataset:
    return Dataset(lambda: iter(elements), len(elements))


def ignore_errors(log_warning: bool = False) -> Callable:
    """For `apply`: elements that cannot be made are left out, where each is made by itself."""

    def transform(dataset: Dataset) -> Dataset:
        def make() -> Iterator:
            elements = iter(dataset)
            while True:
                try:
                    yield next(elements)
                except StopIteration:
                    return
                except (ValueError, TypeError, OSError):
                    continue

        return Dataset(make)

    return transform


def assert_cardinality(expected_cardinality: Any) -> Callable:
    """For `apply`: the data set with a length that the program knows."""
    return lambda dataset: Dataset(lambda: iter(dataset), int(expected_cardinality))


def dense_to_ragged_batch(*_: Any, **options: Any) -> Callable:
    """Refused by name.

    Raises:
        ArgumentError: always, with what to use instead.
    """
    raise ArgumentError("tf.data.experimental.dense_to_ragged_batch: use Dataset.padded_batch, which fills rows up.")


EXPERIMENTAL_DATA: dict[str, Any] = {
    "AUTOTUNE": AUTOTUNE,
    "CsvDataset": csv_dataset,
    "INFINITE_CARDINALITY": -1,
    "UNKNOWN_CARDINALITY": -2,
    "assert_cardinality": assert_cardinality,
    "bucket_by_sequence_length": lambda *args, **options: lambda data: data.bucket_by_sequence_length(*args, **options),
    "cardinality": lambda dataset: on_host(np.int64(dataset.cardinality())),
    "dense_to_ragged_batch": dense_to_ragged_batch,
    "get_single_element": lambda dataset, name=None: dataset.get_single_element(),
    "group_by_window": group_by_window,
    "ignore_errors": ignore_errors,
    "make_csv_dataset": make_csv_dataset,
    "prefetch_to_device": lambda device, buffer_size=None: lambda dataset: dataset.prefetch(),
    "sample_from_datasets": Dataset.sample_from_datasets,
    "choose_from_datasets": Dataset.choose_from_datasets,
    "unbatch": lambda: lambda dataset: dataset.unbatch(),
}
DATA: dict[str, Any] = {
    "AUTOTUNE": AUTOTUNE,
    "Dataset": Dataset,
    "FixedLengthRecordDataset": FixedLengthRecordDataset,
    "INFINITE_CARDINALITY": -1,
    "Options": Options,
    "TFRecordDataset": TFRecordDataset,
    "TextLineDataset": TextLineDataset,
    "UNKNOWN_CARDINALITY": -2,
}
