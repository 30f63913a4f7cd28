"""Weights as flat lists of named arrays: safetensors files.

A safetensors file is a length (8 bytes), a JSON header with the dtype, shape and place of each array, and the bytes. The
names are the paths of variables.

Verbs: `write_safetensors`, `read_safetensors`, `fill` assigns them to a model's variables.

What is refused: places that overlap, leave gaps or lie outside of the file, shapes that don't agree with their bytes.
"""

import json
import math
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO, NamedTuple

import jax.numpy as jnp
import numpy as np

from plait.common.messages import describe, did_you_mean
from plait.core.variable import Variable, all_or_none
from plait.errors import FileError, UnsafeFileError
from plait.saving.report import LoadReport

MOST_HEADER = 100 * 2**20
_SAFE = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "BOOL": "bool",
    "U64": "uint64",
    "U32": "uint32",
    "U16": "uint16",
    "U8": "uint8",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
}
_UNSAFE = {name: code for code, name in _SAFE.items()}


class FlatArray(NamedTuple):
    """An array that can be read."""

    shape: tuple[int, ...]
    read: Callable[[], np.ndarray]


def checked_shape(value: Any, name: str) -> tuple[int, ...]:
    """A shape as a file holds it: a list of sizes.

    Raises:
        UnsafeFileError: one that no array can have.
    """
    if (
        not isinstance(value, list)
        or not all(type(size) is int and 0 <= size < 2**48 for size in value)
        or len(value) > 32
    ):
        raise UnsafeFileError(f"The array {name[:80]!r} has no shape that an array can have: {describe(value)}.")
    return tuple(value)


# ---------------------------------------------------------------------------- safetensors


def write_safetensors(model: Any, file: BinaryIO) -> None:
    """Writes a model's weights under the paths of its variables."""
    header, place, values = {}, 0, []
    for name, variable in _by_path(model).items():
        value = np.ascontiguousarray(variable.numpy())
        code = _UNSAFE.get(value.dtype.name)
        if code is None:
            raise FileError(f"A safetensors file cannot hold {variable.path!r}, which is {value.dtype.name}.")
        header[name] = {"dtype": code, "shape": list(value.shape), "data_offsets": [place, place + value.nbytes]}
        place += value.nbytes
        values.append(value)
    text = json.dumps({"__metadata__": {"format": "plait"}, **header}).encode()
    text += b" " * (-len(text) % 8)
    file.write(len(text).to_bytes(8, "little") + text)
    for value in values:
        file.write(value.reshape(-1).view(np.uint8).data)


def _by_path(model: Any) -> dict[str, Any]:
    """A model's weights by path; numbers tell those apart that share one."""
    found: dict[str, Any] = {}
    for variable in model.weights:
        count, name = 0, variable.path
        while name in found:
            count += 1
            name = f"{variable.path}_{count}"
        found[name] = variable
    return found


def read_safetensors(file: BinaryIO) -> dict[str, FlatArray]:
    """The arrays of a safetensors file, checked but not yet read.

    Raises:
        FileError: not such a file, or a damaged one.
        UnsafeFileError: a header that lies.
    """
    length = int.from_bytes(file.read(8), "little")
    size = file.seek(0, 2)
    if not 2 <= length <= min(MOST_HEADER, size - 8):
        raise UnsafeFileError(
            f"The header of this safetensors file should have {length:,} bytes; the file has {size:,}."
        )
    file.seek(8)
    header = parse_json(file.read(length), "The header of this safetensors file")
    header.pop("__metadata__", None)
    start, end, found = 8 + length, 0, {}
    for name, entry in sorted(header.items(), key=lambda item: _offsets(*item)):
        low, high = _offsets(name, entry)
        dtype, shape = _SAFE.get(entry.get("dtype")), checked_shape(entry.get("shape"), name)
        if dtype is None:
            raise FileError(f"The array {name[:80]!r} has a dtype that isn't known: {describe(entry.get('dtype'))}.")
        if low != end or high - low != math.prod(shape) * jnp.dtype(dtype).itemsize or start + high > size:
            raise UnsafeFileError(
                f"The array {name[:80]!r} lies at {low:,} to {high:,}, which is not where it could lie."
            )
        found[name], end = FlatArray(shape, _reader(file, start + low, high - low, jnp.dtype(dtype), shape)), high
    if start + end != size:
        raise UnsafeFileError(f"This safetensors file has {size - start - end:,} bytes that belong to no array.")
    return found


def _offsets(name: str, entry: Any) -> tuple[int, int]:
    places = entry.get("data_offsets") if isinstance(entry, dict) else None
    if not isinstance(places, list) or len(places) != 2 or not all(type(p) is int and p >= 0 for p in places):
        raise UnsafeFileError(f"The array {name[:80]!r} has no place in the file: {describe(entry)}.")
    return places[0], places[1]


def _reader(file: BinaryIO, start: int, count: int, dtype: Any, shape: tuple) -> Callable[[], np.ndarray]:
    def read() -> np.ndarray:
        file.seek(start)
        return np.frombuffer(file.read(count), np.uint8).view(dtype).reshape(shape)

    return read


def parse_json(data: bytes, what: str) -> dict:
    """A JSON object.

    Raises:
        FileError: anything else.
    """
    try:
        found = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise FileError(f"{what} is not JSON: {str(error)[:200]}.") from None
    if not isinstance(found, dict):
        raise FileError(f"{what} should be a JSON object, but is {describe(found)[:80]}.")
    return found


# ---------------------------------------------------------------------------- into a model


def fill(
    model: Any,
    arrays: Mapping[str, FlatArray],
    owner: str,
    names: Mapping[str, str] | None = None,
    partial: bool = False,
) -> LoadReport:
    """Gives values to a model's variables by path: all of them, or none if something doesn't fit.

    Args:
        model: a model that is built.
        arrays: what there is.
        owner: what to call this in messages.
        names: paths in the model for names in the file.
        partial: whether parts are enough.

    Raises:
        FileError: something doesn't fit; everything that doesn't is listed.
    """
    mine, report, plan = _by_path(model), LoadReport(owner), []
    there = {(names or {}).get(name, name): array for name, array in arrays.items()}
    for name, array in there.items():
        if name not in mine:
            report.extra.append((name, did_you_mean(name, mine)))
        elif tuple(mine[name].shape) != array.shape:
            report.wrong_shape.append((name, tuple(mine[name].shape), array.shape))
        else:
            plan.append((mine[name], array))
    report.missing += [(name, did_you_mean(name, there)) for name in mine if name not in there]
    report.settle(partial)
    _assign(plan, report)
    return report


def _assign(plan: list[tuple[Variable, FlatArray]], report: LoadReport) -> None:
    with all_or_none(variable for variable, _ in plan):
        for variable, array in plan:
            variable.assign(array.read())
            report.loaded.append(variable.path)
