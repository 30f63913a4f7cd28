"""`tf.strings`: text as arrays of bytes on the host; what is split gives rows of different lengths."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from plait.compat.tensorflow_ragged import RaggedTensor
from plait.compat.tensors import on_host
from plait.errors import DataError


def _each(function: Callable[[bytes], Any], input: Any, dtype: Any = object) -> Any:
    """A function's results for each text."""
    if isinstance(input, RaggedTensor):
        return input.map_rows(lambda row: _each(function, row, dtype))
    texts = np.asarray(on_host(input))
    found = np.empty(texts.shape, dtype)
    for place, text in np.ndenumerate(texts):
        found[place] = function(_as_bytes(text))
    return on_host(found)


def _as_bytes(text: Any) -> bytes:
    return text if isinstance(text, bytes) else str(text).encode()


def _pattern(pattern: Any) -> re.Pattern:
    return re.compile(_as_bytes(np.asarray(pattern).item() if not isinstance(pattern, (str, bytes)) else pattern))


def regex_replace(input: Any, pattern: Any, rewrite: Any, replace_global: bool = True, name: str | None = None) -> Any:
    """The texts with what fits a pattern replaced."""
    found, new = _pattern(pattern), _as_bytes(np.asarray(rewrite).item() if hasattr(rewrite, "shape") else rewrite)
    return _each(lambda text: found.sub(new, text, 0 if replace_global else 1), input)


def regex_full_match(input: Any, pattern: Any, name: str | None = None) -> Any:
    """Whether each text fits a pattern as a whole."""
    found = _pattern(pattern)
    return _each(lambda text: found.fullmatch(text) is not None, input, bool)


def split(input: Any, sep: Any = None, maxsplit: int = -1, name: str | None = None) -> Any:
    """The words of one text, or of each in a ragged tensor."""
    between = None if sep is None or _as_bytes(sep) == b"" else _as_bytes(sep)
    return _in_rows(lambda text: text.split(between, maxsplit), input)


def _in_rows(cut: Callable[[bytes], list], input: Any) -> Any:
    if isinstance(input, RaggedTensor):
        return RaggedTensor([_in_rows(cut, row) for row in input.rows])
    texts = np.asarray(on_host(input))
    if texts.ndim:
        return RaggedTensor([_in_rows(cut, text) for text in texts])
    parts = cut(_as_bytes(texts.item()))
    found = np.empty(len(parts), object)
    found[:] = parts
    return on_host(found)


def _characters(text: bytes) -> list[str]:
    return list(text.decode("utf-8", "replace"))


def unicode_split(input: Any, input_encoding: str = "UTF-8", **_: Any) -> Any:
    """The characters of each text."""
    return _in_rows(lambda text: [character.encode() for character in _characters(text)], input)


def unicode_decode(input: Any, input_encoding: str = "UTF-8", **_: Any) -> Any:
    """The numbers of the characters of each text."""
    return _numbers(unicode_split(input))


def _numbers(characters: Any) -> Any:
    if isinstance(characters, RaggedTensor):
        return characters.map_rows(_numbers)
    return on_host(np.array([ord(character.decode()) for character in np.asarray(characters)], np.int32))


def unicode_encode(input: Any, output_encoding: str = "UTF-8", **_: Any) -> Any:
    """The text of the numbers of characters, along the last axis."""
    if isinstance(input, RaggedTensor):
        return on_host(["".join(map(chr, np.asarray(row).tolist())) for row in input.rows])
    array = np.asarray(input)
    if array.ndim == 1:
        return on_host("".join(map(chr, array.tolist())))
    return on_host(["".join(map(chr, row)) for row in array.tolist()])


def length(input: Any, unit: str = "BYTE", name: str | None = None) -> Any:
    """How many bytes, or characters, each text has."""
    by_character = unit == "UTF8_CHAR"
    return _each(lambda text: len(_characters(text)) if by_character else len(text), input, np.int32)


def substr(input: Any, pos: Any, len: Any, unit: str = "BYTE", name: str | None = None) -> Any:
    """A part of each text."""
    start, count = int(pos), int(len)

    def cut(text: bytes) -> bytes:
        if unit == "UTF8_CHAR":
            return "".join(_characters(text)[start:][:count]).encode()
        return text[start:][:count]

    return _each(cut, input)


def join(inputs: Any, separator: Any = "", name: str | None = None) -> Any:
    """Texts side by side as one, with something between."""
    parts = np.broadcast_arrays(*(np.asarray(on_host(part)) for part in inputs))
    found = np.empty(parts[0].shape, object)
    for place in np.ndindex(found.shape):
        found[place] = _as_bytes(separator).join(_as_bytes(part[place]) for part in parts)
    return on_host(found)


def reduce_join(
    inputs: Any, axis: Any = None, keepdims: bool = False, separator: Any = "", name: str | None = None
) -> Any:
    """Texts along an axis as one, or all of them."""
    between = _as_bytes(separator)
    if isinstance(inputs, RaggedTensor):
        return on_host([between.join(map(_as_bytes, np.asarray(row).tolist())) for row in inputs.rows])
    texts = np.asarray(on_host(inputs))
    if axis is None:
        return on_host(between.join(map(_as_bytes, texts.ravel().tolist())))
    moved = np.moveaxis(texts, axis, -1)
    found = np.empty(moved.shape[:-1], object)
    for place in np.ndindex(found.shape):
        found[place] = between.join(map(_as_bytes, moved[place]))
    return on_host(np.expand_dims(found, axis) if keepdims else found)


def to_number(input: Any, out_type: Any = "float32", name: str | None = None) -> Any:
    """The numbers that texts are.

    Raises:
        DataError: a text that is none.
    """
    whole = "int" in str(out_type)

    def read(text: bytes) -> Any:
        try:
            return int(text) if whole else float(text)
        except ValueError as error:
            raise DataError(f"tf.strings.to_number: {text!r} is no {out_type}.") from error

    return _each(read, input, str(out_type))


def as_string(input: Any, precision: int = -1, *_: Any, **options: Any) -> Any:
    """Numbers as texts."""
    array = np.asarray(input)

    def write(value: Any) -> str:
        if array.dtype.kind == "b":
            return str(bool(value)).lower()
        return str(value) if array.dtype.kind in "iu" else f"{float(value):.{6 if precision < 0 else precision}f}"

    found = np.empty(array.shape, object)
    for place, value in np.ndenumerate(array):
        found[place] = write(value).encode()
    return on_host(found)


def text_format(template: str, inputs: Any, placeholder: str = "{}", *_: Any, **options: Any) -> Any:
    """A text with tensors in the places that are kept for them."""
    values = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
    for value in values:
        template = template.replace(placeholder, str(np.asarray(value)), 1)
    return on_host(template)


def edit_distance(hypothesis: Any, truth: Any, normalize: bool = True, name: str = "edit_distance") -> Any:
    """How many values must be put in, taken out or changed to make the truth of each row of a sparse tensor."""
    found = []
    for guess, right in zip(RaggedTensor.from_sparse(hypothesis), RaggedTensor.from_sparse(truth)):
        distance = _distance(np.asarray(guess).tolist(), np.asarray(right).tolist())
        found.append(distance / max(len(right), 1) if normalize else distance)
    return on_host(np.array(found, np.float32))


def _distance(a: list, b: list) -> int:
    before = list(range(len(b) + 1))
    for row, left in enumerate(a, 1):
        now = [row]
        for column, right in enumerate(b, 1):
            now.append(min(before[column] + 1, now[-1] + 1, before[column - 1] + (left != right)))
        before = now
    return before[-1]


STRINGS: dict[str, Any] = {
    "as_string": as_string,
    "bytes_split": lambda input, name=None: _in_rows(lambda text: [bytes([byte]) for byte in text], input),
    "format": text_format,
    "join": join,
    "length": length,
    "lower": lambda input, encoding="", name=None: _each(lambda text: text.decode().lower().encode(), input),
    "reduce_join": reduce_join,
    "regex_full_match": regex_full_match,
    "regex_replace": regex_replace,
    "split": split,
    "strip": lambda input, name=None: _each(bytes.strip, input),
    "substr": substr,
    "to_number": to_number,
    "unicode_decode": unicode_decode,
    "unicode_encode": unicode_encode,
    "unicode_split": unicode_split,
    "upper": lambda input, encoding="", name=None: _each(lambda text: text.decode().upper().encode(), input),
}
