"""`tf.io` and `tf.train`: files, TFRecords and the messages in them.

A message of protocol buffers is a row of fields, each a number and a value; `_fields` reads those that TensorFlow's examples
use, and `Example` and its parts write them. No package of Google's is needed, and no code in a file is run.
"""

import base64
import csv
import glob
import os
import shutil
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from plait.compat.tensorflow_image import IMAGE
from plait.compat.tensorflow_ragged import SparseTensor
from plait.compat.tensors import on_host
from plait.errors import DataError, MissingError
from plait.training.callbacks.event_file import masked_crc32c, record


def path_of(value: Any) -> str:
    """A path that may be a tensor of text."""
    item = np.asarray(value).item() if not isinstance(value, (str, bytes, os.PathLike)) else value
    return item.decode() if isinstance(item, bytes) else os.fspath(item)


def bytes_of(value: Any) -> bytes:
    """The bytes of a text that may be a tensor."""
    item = value if isinstance(value, (str, bytes)) else np.asarray(value).item()
    return item.encode() if isinstance(item, str) else item


# ---------------------------------------------------------------------------- files


def read_file(filename: Any, name: str | None = None) -> Any:
    """The bytes of a file."""
    return on_host(Path(path_of(filename)).read_bytes())


def write_file(filename: Any, contents: Any, name: str | None = None) -> None:
    """Writes a file, and makes the folders that it lies in."""
    path = Path(path_of(filename))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes_of(contents))


def matching_files(pattern: Any, name: str | None = None) -> Any:
    """The files that fit a pattern."""
    return on_host(np.array(sorted(glob.glob(path_of(pattern))), object))


class GFile:
    """A file, opened as `open` does."""

    def __init__(self, name: Any, mode: str = "r"):
        self._stream = open(path_of(name), mode)  # noqa: SIM115  (it is closed by the program)

    def size(self) -> int:
        """Its bytes."""
        return os.fstat(self._stream.fileno()).st_size

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __enter__(self) -> "GFile":
        return self

    def __exit__(self, *error: object) -> None:
        self._stream.close()

    def __iter__(self) -> Iterator:
        return iter(self._stream)


def _glob(pattern: Any) -> list[str]:
    patterns = pattern if isinstance(pattern, (list, tuple)) else [pattern]
    return [found for each in patterns for found in sorted(glob.glob(path_of(each)))]


def _copy(src: Any, dst: Any, overwrite: bool = False) -> None:
    if os.path.exists(path_of(dst)) and not overwrite:
        raise FileExistsError(f"{path_of(dst)} is there already. Pass overwrite=True.")
    shutil.copyfile(path_of(src), path_of(dst))


def _rename(src: Any, dst: Any, overwrite: bool = False) -> None:
    if os.path.exists(path_of(dst)) and not overwrite:
        raise FileExistsError(f"{path_of(dst)} is there already. Pass overwrite=True.")
    os.replace(path_of(src), path_of(dst))


GFILE: dict[str, Any] = {
    "GFile": GFile,
    "copy": _copy,
    "exists": lambda path: os.path.exists(path_of(path)),
    "glob": _glob,
    "isdir": lambda path: os.path.isdir(path_of(path)),
    "join": lambda path, *paths: os.path.join(path_of(path), *map(path_of, paths)),
    "listdir": lambda path: os.listdir(path_of(path)),
    "makedirs": lambda path: os.makedirs(path_of(path), exist_ok=True),
    "mkdir": lambda path: os.mkdir(path_of(path)),
    "remove": lambda path: os.remove(path_of(path)),
    "rename": _rename,
    "rmtree": lambda path: shutil.rmtree(path_of(path)),
    "stat": lambda path: os.stat(path_of(path)),
    "walk": lambda top, topdown=True: os.walk(path_of(top), topdown),
}

# ---------------------------------------------------------------------------- messages


def _varint(value: int) -> bytes:
    value &= 2**64 - 1
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """The fields of a message: bytes, or whole numbers."""
    at = 0
    try:
        while at < len(data):
            key, at = _read_varint(data, at)
            if key & 7 == 0:
                value, at = _read_varint(data, at)
                yield key >> 3, value
            elif key & 7 == 2:
                size, at = _read_varint(data, at)
                if at + size > len(data):
                    raise IndexError
                yield key >> 3, data[at : at + size]
                at += size
            else:
                width = {1: 8, 5: 4}[key & 7]
                yield key >> 3, data[at : at + width]
                at += width
    except (IndexError, KeyError) as error:
        raise DataError(f"tf.io: these {len(data)} bytes are no message of tf.train.") from error


class _Values:
    """Values of one kind: `tf.train.BytesList` and the like."""

    def __init__(self, value: Any = ()):
        self.value = list(value)


class BytesList(_Values):
    """Texts."""


class FloatList(_Values):
    """Fractions."""


class Int64List(_Values):
    """Whole numbers."""


class Feature:
    """Values of one of three kinds."""

    def __init__(self, bytes_list: Any = None, float_list: Any = None, int64_list: Any = None):
        self.bytes_list = bytes_list or BytesList()
        self.float_list = float_list or FloatList()
        self.int64_list = int64_list or Int64List()

    def _content(self) -> bytes:
        if self.bytes_list.value:
            return _field(1, b"".join(_field(1, bytes_of(value)) for value in self.bytes_list.value))
        if self.float_list.value:
            return _field(2, _field(1, np.asarray(self.float_list.value, "<f4").tobytes()))
        return _field(3, _field(1, b"".join(_varint(int(value)) for value in self.int64_list.value)))

    @classmethod
    def _read(cls, data: bytes) -> "Feature":
        feature = cls()
        for kind, content in _fields(data):
            for _, value in _fields(content):
                if kind == 1:
                    feature.bytes_list.value.append(value)
                elif kind == 2:
                    feature.float_list.value += np.frombuffer(value, "<f4").tolist()
                else:
                    feature.int64_list.value += [value] if isinstance(value, int) else _whole_numbers(value)
        feature.int64_list.value = [value - 2**64 if value >= 2**63 else value for value in feature.int64_list.value]
        return feature

    def values(self) -> list:
        """The values, of whichever kind."""
        return self.bytes_list.value or self.float_list.value or self.int64_list.value


def _whole_numbers(data: bytes) -> list[int]:
    found, at = [], 0
    while at < len(data):
        value, at = _read_varint(data, at)
        found.append(value)
    return found


class Features:
    """Features by name."""

    def __init__(self, feature: Any = None):
        self.feature = dict(feature or {})

    def _content(self) -> bytes:
        return b"".join(
            _field(1, _field(1, name.encode()) + _field(2, feature._content()))
            for name, feature in self.feature.items()
        )

    @classmethod
    def _read(cls, data: bytes) -> "Features":
        found = {}
        for _, entry in _fields(data):
            parts = dict(_fields(entry))
            found[parts[1].decode()] = Feature._read(parts.get(2, b""))
        return cls(found)


class Example:
    """A row of a data set in a TFRecord file.

    >>> row = Example(Features({"label": Feature(int64_list=Int64List([3]))}))
    >>> Example.FromString(row.SerializeToString()).features.feature["label"].int64_list.value
    [3]
    """

    def __init__(self, features: Features | None = None):
        self.features = features or Features()

    def SerializeToString(self) -> bytes:
        """The row as bytes."""
        return _field(1, self.features._content())

    def ParseFromString(self, data: Any) -> None:
        """Takes the row from bytes."""
        self.features = next((Features._read(content) for _, content in _fields(bytes_of(data))), Features())

    @classmethod
    def FromString(cls, data: Any) -> "Example":
        """A row from bytes."""
        example = cls()
        example.ParseFromString(data)
        return example


class FixedLenFeature(NamedTuple):
    """So many values in each row."""

    shape: Any
    dtype: Any
    default_value: Any = None


class VarLenFeature(NamedTuple):
    """Any number of values in each row; they come as a sparse tensor."""

    dtype: Any


class FixedLenSequenceFeature(NamedTuple):
    """Any number of values of a shape in each row."""

    shape: Any
    dtype: Any
    allow_missing: bool = False
    default_value: Any = None


def parse_single_example(serialized: Any, features: dict, example_names: Any = None, name: str | None = None) -> dict:
    """The values of a row by name.

    Raises:
        DataError: one that the row lacks, or of another shape.
    """
    row = Example.FromString(serialized).features.feature
    return {key: _parsed(key, spec, row.get(key)) for key, spec in features.items()}


def _parsed(key: str, spec: Any, feature: Feature | None) -> Any:
    values = [] if feature is None else feature.values()
    dtype = object if str(spec.dtype) == "string" else str(spec.dtype)
    array = np.empty(len(values), dtype)
    array[:] = values
    if isinstance(spec, VarLenFeature):
        places = np.arange(len(values), dtype=np.int64)[:, None]
        return SparseTensor(on_host(places), on_host(array), on_host(np.asarray([len(values)], np.int64)))
    shape = tuple(spec.shape)
    if isinstance(spec, FixedLenSequenceFeature):
        return on_host(array.reshape((-1, *shape)))
    if not values and spec.default_value is not None:
        return on_host(np.broadcast_to(np.asarray(spec.default_value, dtype), shape))
    if len(values) != np.prod(shape, dtype=int):
        raise DataError(
            f"tf.io.parse_single_example: {key!r} has {len(values)} values, where shape {shape} is asked for."
        )
    return on_host(array.reshape(shape))


def parse_example(serialized: Any, features: dict, example_names: Any = None, name: str | None = None) -> dict:
    """The values of several rows by name, stacked."""
    texts = np.asarray(on_host(serialized))
    if texts.ndim == 0:
        return parse_single_example(serialized, features)
    rows = [parse_single_example(text, features) for text in texts.ravel()]
    return {key: _stacked([row[key] for row in rows]) for key in features}


def _stacked(values: list) -> Any:
    if not isinstance(values[0], SparseTensor):
        return on_host(np.stack([np.asarray(value) for value in values]))
    places = [(row, at) for row, value in enumerate(values) for at in range(len(value.values))]
    longest = max(len(value.values) for value in values)
    together = np.concatenate([np.asarray(value.values) for value in values])
    return SparseTensor(
        on_host(np.asarray(places, np.int64)), on_host(together), on_host(np.asarray([len(values), longest], np.int64))
    )


# ---------------------------------------------------------------------------- TFRecords


class TFRecordOptions(NamedTuple):
    """How a file of records is packed: "", "GZIP" or "ZLIB"."""

    compression_type: str = ""


class TFRecordWriter:
    """Writes rows one after the other."""

    def __init__(self, path: Any, options: Any = None):
        kind = options if isinstance(options, str) else getattr(options, "compression_type", "") or ""
        if kind:
            raise MissingError(f"tf.io.TFRecordWriter: packed files ({kind}) aren't written here. Leave `options` out.")
        self._stream = open(path_of(path), "wb")  # noqa: SIM115  (it is closed by the program)

    def write(self, record_bytes: Any) -> None:
        """Adds a row."""
        self._stream.write(record(bytes_of(record_bytes)))

    def flush(self) -> None:
        """Has it all on disk."""
        self._stream.flush()

    def close(self) -> None:
        """Ends the file."""
        self._stream.close()

    def __enter__(self) -> "TFRecordWriter":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def records_of(stream: Any, path: str) -> Iterator[bytes]:
    """The rows of a file of records.

    Raises:
        DataError: it is cut short, or a sum of its bytes is wrong.
    """
    while head := stream.read(12):
        if len(head) < 12 or masked_crc32c(head[:8]) != struct.unpack("<I", head[8:])[0]:
            raise DataError(f"{path} is no file of records, or damaged.")
        (size,) = struct.unpack("<Q", head[:8])
        body = stream.read(size + 4)
        if len(body) < size + 4 or masked_crc32c(body[:size]) != struct.unpack("<I", body[size:])[0]:
            raise DataError(f"{path}: a record is cut short, or damaged.")
        yield body[:size]


# ---------------------------------------------------------------------------- other forms


def decode_raw(input_bytes: Any, out_type: Any, little_endian: bool = True, name: str | None = None) -> Any:
    """The numbers whose bytes a text is."""
    dtype = np.dtype(str(out_type)).newbyteorder("<" if little_endian else ">")
    return on_host(np.frombuffer(bytes_of(input_bytes), dtype).astype(str(out_type)))


def decode_csv(records: Any, record_defaults: Any, field_delim: str = ",", *_: Any, **options: Any) -> list:
    """The columns of lines of text; a default says the dtype, and what stands for an empty field.

    Raises:
        DataError: a line with another number of fields.
    """
    texts = np.asarray(on_host(records))
    rows = list(csv.reader([bytes_of(text).decode() for text in texts.ravel()], delimiter=field_delim))
    wrong = next((row for row in rows if len(row) != len(record_defaults)), None)
    if wrong is not None:
        raise DataError(f"tf.io.decode_csv: expected {len(record_defaults)} fields, but got {len(wrong)}: {wrong}.")
    return [_column(column, default, texts.shape) for column, default in zip(zip(*rows), record_defaults)]


def _column(values: tuple, default: Any, shape: tuple) -> Any:
    if isinstance(default, str) and default in ("float32", "int32", "int64", "float64", "string"):
        kind, empty = default, b"" if default == "string" else 0
    else:
        array = np.asarray(on_host(default if np.ndim(default) else [default]))
        kind = "string" if array.dtype == object else array.dtype.name
        empty = array.ravel()[0] if array.size else (b"" if kind == "string" else 0)
    if kind == "string":
        return on_host(np.array([value.encode() or empty for value in values], object).reshape(shape))
    read: Callable = int if "int" in kind else float
    return on_host(np.array([read(value) if value else empty for value in values], kind).reshape(shape))


def serialize_tensor(tensor: Any, name: str | None = None) -> Any:
    """A tensor as the bytes of a message."""
    array = np.asarray(on_host(tensor) if not hasattr(tensor, "shape") else tensor)
    shape = b"".join(_field(2, _varint(1 << 3) + _varint(size)) for size in array.shape)
    head = _varint(1 << 3) + _varint(_KINDS[array.dtype.name if array.dtype != object else "string"]) + _field(2, shape)
    if array.dtype == object:
        return on_host(head + b"".join(_field(8, bytes_of(text)) for text in array.ravel()))
    return on_host(head + _field(4, np.ascontiguousarray(array).tobytes()))


def parse_tensor(serialized: Any, out_type: Any, name: str | None = None) -> Any:
    """The tensor of a message that `serialize_tensor` made."""
    shape, content, texts = [], b"", []
    for number, value in _fields(bytes_of(serialized)):
        if number == 2:
            shape = [dict(_fields(size)).get(1, 0) for _, size in _fields(value)]
        elif number == 4:
            content = value
        elif number == 8:
            texts.append(value)
    if str(out_type) == "string":
        found = np.empty(len(texts), object)
        found[:] = texts
        return on_host(found.reshape(shape))
    return on_host(np.frombuffer(content, str(out_type)).reshape(shape))


_KINDS = {
    "float32": 1,
    "float64": 2,
    "int32": 3,
    "uint8": 4,
    "int16": 5,
    "int8": 6,
    "string": 7,
    "int64": 9,
    "bool": 10,
    "uint16": 17,
    "float16": 19,
    "uint32": 22,
    "uint64": 23,
}

TRAIN: dict[str, Any] = {
    "BytesList": BytesList,
    "Example": Example,
    "Feature": Feature,
    "Features": Features,
    "FloatList": FloatList,
    "Int64List": Int64List,
}
IO: dict[str, Any] = {
    **{name: IMAGE[name] for name in IMAGE if name.startswith(("decode_", "encode_"))},
    "FixedLenFeature": FixedLenFeature,
    "FixedLenSequenceFeature": FixedLenSequenceFeature,
    "TFRecordOptions": TFRecordOptions,
    "TFRecordWriter": TFRecordWriter,
    "VarLenFeature": VarLenFeature,
    "decode_base64": lambda input, name=None: on_host(base64.urlsafe_b64decode(bytes_of(input) + b"==")),
    "decode_csv": decode_csv,
    "decode_raw": decode_raw,
    "encode_base64": lambda input, pad=False, name=None: on_host(
        base64.urlsafe_b64encode(bytes_of(input)).rstrip(b"=")
    ),
    "matching_files": matching_files,
    "parse_example": parse_example,
    "parse_single_example": parse_single_example,
    "parse_tensor": parse_tensor,
    "read_file": read_file,
    "serialize_tensor": serialize_tensor,
    "write_file": write_file,
}
