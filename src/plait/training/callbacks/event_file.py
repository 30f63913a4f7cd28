"""Event files: the records that TensorBoard reads.

A file is a row of records; a record is its length, a check of the length, the bytes, a check of the bytes. The bytes are
one `Event` in Protocol Buffers' wire format, of which only four field kinds are needed, so they are written here by hand:
no TensorFlow, no protobuf.

Source: the TFRecord format, and event.proto, summary.proto, tensor.proto of TensorFlow; CRC-32C after RFC 3720, appendix B.4.
"""

import itertools
import os
import socket
import struct
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from plait.distribution import is_first

_FLOAT, _DOUBLE, _STRING = 1, 2, 7
_SCALAR, _TENSOR, _BLOBS = 1, 2, 3
_number = itertools.count()


class EventFile:
    """One growing event file in `folder`, which is made if missing. Of several processes only the first one writes.

    >>> import tempfile
    >>> with EventFile(tempfile.mkdtemp()) as file:
    ...     file.scalar("epoch_loss", 0.5, step=0)
    """

    def __init__(self, folder: Any):
        """Open a new file in `folder`. Raises OSError where it can't be written."""
        if is_first():
            Path(folder).mkdir(parents=True, exist_ok=True)
        name = f"events.out.tfevents.{int(time.time())}.{socket.gethostname()}.{os.getpid()}.{next(_number)}.v2"
        self.path = Path(folder) / name
        self._stream = (self.path if is_first() else Path(os.devnull)).open("xb" if is_first() else "wb")
        self._write(_bytes(3, b"brain.Event:2"))
        self.flush()

    def __enter__(self) -> "EventFile":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def scalar(self, tag: str, value: Any, step: int) -> None:
        """Write one number, as float32, under `tag` at `step`."""
        tensor = _number_tensor(np.asarray(value, "float32"), _FLOAT)
        self._summary(tag, tensor, step, _metadata("scalars", b"", _SCALAR))

    def histogram(self, tag: str, values: Any, step: int, buckets: int = 30) -> None:
        """Write how `values` (any shape) spread over `buckets` of equal width: rows of left edge, right edge, count."""
        tensor = _number_tensor(_buckets(values, buckets), _DOUBLE)
        self._summary(tag, tensor, step, _metadata("histograms", b"", _TENSOR))

    def image(self, tag: str, pictures: np.ndarray, step: int, most: int = 3) -> None:
        """Write the first `most` of grey pictures (N, H, W, 1) of bytes."""
        height, width = pictures.shape[1:3]
        parts = [str(width).encode(), str(height).encode(), *map(_png, pictures[:most, ..., 0])]
        tensor = _varint_field(1, _STRING) + _bytes(2, _bytes(2, _varint_field(1, len(parts))))
        tensor += b"".join(_bytes(8, part) for part in parts)
        self._summary(tag, tensor, step, _metadata("images", b"", _BLOBS))

    def keras_graph(self, config: str) -> None:
        """Write a model's configuration, a JSON string, for the conceptual graph."""
        tensor = _varint_field(1, _STRING) + _bytes(2, b"") + _bytes(8, config.encode())
        self._summary("keras", tensor, 0, _metadata("graph_keras_model", b"1", 0))

    def flush(self) -> None:
        """Hand what was written to the operating system, so that a running TensorBoard sees it."""
        self._stream.flush()

    def close(self) -> None:
        """Close the file; closing twice is allowed."""
        self._stream.close()

    def _summary(self, tag: str, tensor: bytes, step: int, metadata: bytes) -> None:
        value = _bytes(1, tag.encode()) + _bytes(8, tensor) + _bytes(9, metadata)
        self._write(_varint_field(2, int(step)) + _bytes(5, _bytes(1, value)))

    def _write(self, fields: bytes) -> None:
        self._stream.write(record(struct.pack("<Bd", 9, time.time()) + fields))


def record(data: bytes) -> bytes:
    """`data` framed as one TFRecord: length, masked CRC-32C of the length, data, masked CRC-32C of the data."""
    length = struct.pack("<Q", len(data))
    return length + struct.pack("<I", masked_crc32c(length)) + data + struct.pack("<I", masked_crc32c(data))


def masked_crc32c(data: bytes) -> int:
    """CRC-32C (Castagnoli) of `data`, rotated and shifted, so that a check of data that holds checks stays strong."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _CRC_TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def _crc_of_byte(crc: int) -> int:
    for _ in range(8):
        crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc


_CRC_TABLE = tuple(_crc_of_byte(byte) for byte in range(256))


def _varint(value: int) -> bytes:
    value &= 0xFFFFFFFFFFFFFFFF
    result = bytearray()
    while value > 0x7F:
        result.append(value & 0x7F | 0x80)
        value >>= 7
    result.append(value)
    return bytes(result)


def _varint_field(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _metadata(plugin: str, content: bytes, data_class: int) -> bytes:
    plugin_data = _bytes(1, plugin.encode()) + _bytes(2, content)
    return _bytes(1, plugin_data) + _varint_field(4, data_class)


def _number_tensor(array: np.ndarray, kind: int) -> bytes:
    shape = b"".join(_bytes(2, _varint_field(1, size)) for size in array.shape)
    return _varint_field(1, kind) + _bytes(2, shape) + _bytes(4, array.tobytes())


def _buckets(values: Any, count: int) -> np.ndarray:
    values = np.asarray(values, "float64").ravel()
    values = values[np.isfinite(values)]
    if not values.size:
        return np.zeros((count, 3))
    low, high = values.min(), values.max()
    if low == high:
        rows = np.full((count, 3), [low, high, 0.0])
        rows[-1, 2] = values.size
        return rows
    counts, edges = np.histogram(values, bins=count)
    return np.stack([edges[:-1], edges[1:], counts], axis=1)


def _png(picture: np.ndarray) -> bytes:
    """A grey picture (H, W) of bytes as PNG."""
    height, width = picture.shape
    rows = b"".join(b"\0" + row.tobytes() for row in np.ascontiguousarray(picture, np.uint8))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )
