"""What the layers for categories and texts share: hashes of strings, the encodings of indices, and the host.

Strings live on the host, in NumPy arrays: no device has them. A layer that takes or gives strings therefore runs as NumPy
on the host, and hands arrays of numbers on to the rest of the model. `HostLayer` is the parent of such layers. It tells
who must run there, and it lets lists and NumPy arrays in as they are, so that integers keep their 64 bits.

Verbs: `fingerprint64`, `keyed_hash`, `hash_to_buckets`, `encode`.

Sources: FarmHash (Geoff Pike, Google, 2014), `Fingerprint64`; SipHash: a fast short-input PRF (Jean-Philippe Aumasson,
Daniel J. Bernstein, 2012), SipHash-2-4. TensorFlow's string kernels use exactly these, and so do files made with them.
"""

import struct
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from plait.common.dtypes import is_float, narrow
from plait.common.messages import describe, did_you_mean
from plait.common.traits import of_plait
from plait.common.tree import flatten
from plait.core.cell import mark_revision
from plait.core.tensor import KerasTensor
from plait.core.variable import Variable
from plait.errors import ArgumentError
from plait.layers.base import Layer

_ALL = 2**64 - 1
_K0, _K1, _K2 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F
_CROSSING = 0xC6A4A7935BD1E995


# ---------------------------------------------------------------------------- the host


@of_plait
class HostLayer(Layer):
    """A layer that can run on the host.

    Attributes:
        host: whether every call must run on the host. `runs_on_host` also asks what comes in.
    """

    _family = "preprocessing"

    host = False

    def build(self, input_shape: Any) -> None:
        """Makes no weights."""

    def mark_changed(self) -> None:
        """Says that what programs hold of this layer as constants is no longer what it was."""
        self._version += 1
        mark_revision()

    def runs_on_host(self, *inputs: Any) -> bool:
        """Whether a call on such inputs (symbolic or not) must run on the host: because strings go in or come out."""
        return self.host or any(is_text(leaf) for leaf in flatten(list(inputs)))

    def _convert_inputs(self, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
        """Takes lists and NumPy arrays as they are."""
        return tuple(map(self._convert_input, args)), {key: self._convert_input(arg) for key, arg in kwargs.items()}

    def _convert_input(self, value: Any) -> Any:
        return as_array(value)


def is_text(value: Any) -> bool:
    """Whether an array, or a symbolic tensor, is one of strings."""
    dtype = getattr(value, "dtype", None)
    return dtype == "string" if isinstance(value, KerasTensor) else getattr(dtype, "kind", None) in ("U", "S", "O", "T")


def as_array(value: Any) -> Any:
    """A list, number or string as a NumPy array; arrays, booleans and None as they are."""
    if isinstance(value, Variable):
        return value.value
    if value is None or isinstance(value, (bool, jax.Array, KerasTensor, np.ndarray)):
        return value
    try:
        return np.asarray(value)
    except ValueError:
        raise ArgumentError(
            f"The rows of {describe(value)} have different lengths. plait has no ragged tensors: pad the rows."
        ) from None


def as_text(values: Any, encoding: str = "utf-8") -> np.ndarray:
    """Strings or bytes as a NumPy array of `str`.

    Raises:
        ArgumentError: something else than strings.
    """
    array = np.asarray(values)
    if array.dtype.kind == "U":
        return array
    if array.dtype.kind == "S":
        return np.char.decode(array, encoding, "surrogateescape")
    if array.dtype.kind not in "OT" and array.size:
        raise ArgumentError(f"Strings were expected, but got {describe(array)}. Turn numbers into strings first.")
    decoded = [_decode(value, encoding) for value in array.ravel()]
    return np.array(decoded, dtype=str).reshape(array.shape)


def _decode(value: Any, encoding: str) -> str:
    if isinstance(value, bytes):
        return value.decode(encoding, "surrogateescape")
    if isinstance(value, str):
        return value
    raise ArgumentError(f"Strings were expected, but {describe(value)} is among them.")


def batches_of(data: Any, steps: int | None) -> Iterable[Any]:
    """What `adapt` gets as batches: an array or a list is one, whatever else can be iterated is many."""
    if not hasattr(data, "__iter__") or isinstance(data, (list, tuple, np.ndarray, jax.Array, str, bytes)):
        batch = as_array(data)
        yield batch[:, None] if batch.ndim == 1 else batch
        return
    for index, batch in enumerate(data):
        if steps is not None and index >= steps:
            return
        yield as_array(batch)


# ---------------------------------------------------------------------------- checks of arguments


def check_option(owner: str, argument: str, value: Any, options: Sequence[str]) -> None:
    """Checks that an argument is one of some names.

    Raises:
        ArgumentError: it isn't.
    """
    if value not in options:
        raise ArgumentError(
            f"{owner}: Invalid value for argument `{argument}`: Expected one of {', '.join(options)}, but got {value!r}."
            f"{did_you_mean(value, options)}"
        )


def refuse_sparse(owner: str, sparse: bool) -> None:
    """Refuses `sparse=True`, which Keras has with TensorFlow only.

    Raises:
        ArgumentError: it is asked for.
    """
    if sparse:
        raise ArgumentError(
            f"{owner}: `sparse=True` can only be used with the TensorFlow backend of Keras. plait's tensors are dense: leave "
            "it out, and the same values come as a dense array."
        )


def as_salt(owner: str, salt: Any) -> list[int] | None:
    """The two integers of a salt, given as two or as one.

    Raises:
        ArgumentError: neither.
    """
    if salt is None:
        return None
    if isinstance(salt, (tuple, list)) and len(salt) == 2:
        return list(salt)
    if isinstance(salt, int):
        return [salt, salt]
    raise ArgumentError(
        f"The `salt` argument for `{owner}` can only be a tuple of size 2 integers, or a single integer, but got "
        f"salt={salt}."
    )


# ---------------------------------------------------------------------------- encodings


def encode(indices: Any, output_mode: str, depth: int, dtype: Any, weights: Any = None) -> jax.Array:
    """Indices as they are, or as rows of `depth` numbers. What is no index below `depth` counts for nothing.

    Args:
        indices: integers `[..., T]`.
        output_mode: `"int"`, `"one_hot"` (each index its row; a last axis of size 1 goes), `"multi_hot"` or `"count"` (one
            row for all of the last axis).
        depth: the length of a row.
        dtype: of the result.
        weights: what each index counts, in `"count"` mode.

    Differs: with three axes and more, Keras's `"multi_hot"` and `"count"` go over the second axis, against its own
    documentation; here it is the last one.
    """
    dtype = narrow(dtype)
    indices = jnp.asarray(_as_int32(indices))
    if output_mode == "int":
        return indices.astype(dtype)
    indices = indices[None] if indices.ndim == 0 else indices
    if output_mode == "one_hot":
        indices = indices[..., 0] if indices.ndim > 1 and indices.shape[-1] == 1 else indices
        return jax.nn.one_hot(indices, depth, dtype=dtype)
    weights = None if weights is None else jnp.asarray(weights, dtype).reshape(indices.shape)
    counts = _count(indices, depth, dtype, weights)
    return (counts > 0).astype(dtype) if output_mode == "multi_hot" else counts


def _as_int32(indices: Any) -> Any:
    """Integers that JAX can hold; none of ours is larger than a vocabulary."""
    if isinstance(indices, jax.Array):
        return indices.astype("int32") if is_float(indices.dtype) or indices.dtype == bool else indices
    return np.asarray(indices).astype(narrow("int64"))


def _count(indices: jax.Array, depth: int, dtype: str, weights: jax.Array | None) -> jax.Array:
    """How often each index stands in the last axis: `[..., depth]`, by adding up, with no one-hot tensor in between."""
    rows = indices.reshape((-1, indices.shape[-1]))
    amounts = jnp.ones(rows.shape, dtype) if weights is None else weights.reshape(rows.shape)
    places = jnp.where((rows >= 0) & (rows < depth), rows, depth)
    empty = jnp.zeros((rows.shape[0], depth), dtype)
    counts = empty.at[jnp.arange(rows.shape[0])[:, None], places].add(amounts, mode="drop")
    return counts.reshape((*indices.shape[:-1], depth))


def encoded_shape(shape: Sequence[int | None], output_mode: str, depth: int | None) -> tuple:
    """The shape of `encode`'s result."""
    shape = tuple(shape)
    if output_mode == "int":
        return shape
    shape = shape or (1,)
    if output_mode == "one_hot" and (shape[-1] != 1 or len(shape) == 1):
        return (*shape, depth)
    return (*shape[:-1], depth)


# ---------------------------------------------------------------------------- hashes


def hash_to_buckets(values: Any, buckets: int, salt: Sequence[int] | None = None) -> Any:
    """The bucket of each value: its hash, as a string, modulo the number of buckets.

    Args:
        values: strings, or numbers, of which the decimal digits are hashed (those of floats without their fractions).
        buckets: how many.
        salt: two integers that make it SipHash; None is FarmHash.

    Returns:
        `int64` in NumPy; for what is traced, an array of JAX that asks the host when the program runs.
    """

    def run(array: Any) -> np.ndarray:
        digits = _as_bytes(np.asarray(array))
        hashes = (keyed_hash(text, salt) if salt is not None else fingerprint64(text) for text in digits[0])
        chosen = np.fromiter((value % buckets for value in hashes), "int64", len(digits[0]))
        return chosen[digits[1]].reshape(np.shape(array))

    return on_host(run, values)


def on_host(function: Callable, *values: Any) -> Any:
    """Calls a function of NumPy arrays of one shape that returns integers of that shape; from inside a trace, by a callback."""
    if not any(isinstance(value, Tracer) for value in values):
        return function(*values)
    dtype = narrow("int64")
    result = jax.ShapeDtypeStruct(values[0].shape, jnp.dtype(dtype))
    return jax.pure_callback(
        lambda *arrays: np.asarray(function(*map(np.asarray, arrays)), dtype),
        result,
        *values,
        vmap_method="broadcast_all",
    )


def _as_bytes(array: np.ndarray) -> tuple[list[bytes], np.ndarray]:
    """The distinct values of an array as the bytes that are hashed, and which of them stands where."""
    if array.dtype.kind in "USOT":
        array = as_text(array)
    elif is_float(array.dtype):
        array = array.astype("int64")
    distinct, places = np.unique(array.ravel(), return_inverse=True)
    if array.dtype.kind == "b":
        return [b"true" if value else b"false" for value in distinct], places.ravel()
    return [str(value).encode("utf-8", "surrogateescape") for value in distinct.tolist()], places.ravel()


def join_fingerprints(first: int, second: int) -> int:
    """One fingerprint of two, as TensorFlow's `FingerprintCat64`."""
    result = first ^ _CROSSING ^ (_mix(second * _CROSSING & _ALL) * _CROSSING & _ALL)
    result = result * _CROSSING & _ALL
    return _mix(_mix(result) * _CROSSING & _ALL)


def fingerprint64(text: bytes) -> int:
    """FarmHash's Fingerprint64 of some bytes: the same on every machine, for ever.

    >>> hex(fingerprint64(b""))
    '0x9ae16a3b2f90404f'
    """
    size = len(text)
    if size <= 16:
        return _hash_to_16(text, size)
    if size <= 32:
        return _hash_to_32(text, size)
    return _hash_to_64(text, size) if size <= 64 else _hash_long(text, size)


def _rotate(value: int, bits: int) -> int:
    """Rotates 64 bits to the right."""
    value &= _ALL
    return (value >> bits | value << (64 - bits)) & _ALL


def _mix(value: int) -> int:
    return value ^ value >> 47


def _word(text: bytes, start: int) -> int:
    return int.from_bytes(text[start : start + 8], "little")


def _fold(first: int, second: int, factor: int) -> int:
    """128 bits to 64."""
    first, second = first & _ALL, second & _ALL
    mixed = _mix((first ^ second) * factor & _ALL)
    return _mix((second ^ mixed) * factor & _ALL) * factor & _ALL


def _hash_to_16(text: bytes, size: int) -> int:
    factor = _K2 + size * 2 & _ALL
    if size >= 8:
        first, last = _word(text, 0) + _K2 & _ALL, _word(text, size - 8)
        return _fold(_rotate(last, 37) * factor + first, (_rotate(first, 25) + last) * factor, factor)
    if size >= 4:
        first, last = (int.from_bytes(text[start : start + 4], "little") for start in (0, size - 4))
        return _fold(size + (first << 3), last, factor)
    if size:
        low, high = text[0] + (text[size >> 1] << 8), size + (text[size - 1] << 2)
        return _mix((low * _K2 ^ high * _K0) & _ALL) * _K2 & _ALL
    return _K2


def _hash_to_32(text: bytes, size: int) -> int:
    factor = _K2 + size * 2 & _ALL
    a, b = _word(text, 0) * _K1, _word(text, 8)
    c, d = _word(text, size - 8) * factor, _word(text, size - 16) * _K2
    return _fold(_rotate(a + b, 43) + _rotate(c, 30) + d, a + _rotate(b + _K2, 18) + c, factor)


def _hash_to_64(text: bytes, size: int) -> int:
    factor = _K2 + size * 2 & _ALL
    a, b = _word(text, 0) * _K2, _word(text, 8)
    c, d = _word(text, size - 8) * factor, _word(text, size - 16) * _K2
    y = _rotate(a + b, 43) + _rotate(c, 30) + d
    z = _fold(y, a + _rotate(b + _K2, 18) + c, factor)
    e, f = _word(text, 16) * factor, _word(text, 24)
    g, h = (y + _word(text, size - 32)) * factor, (z + _word(text, size - 24)) * factor
    return _fold(_rotate(e + f, 43) + _rotate(g, 30) + h, e + _rotate(f + a, 18) + g, factor)


def _hash_long(text: bytes, size: int) -> int:
    x, y = 81, 81 * _K1 + 113 & _ALL
    z = _mix(y * _K2 + 113 & _ALL) * _K2 & _ALL
    v, w = (0, 0), (0, 0)
    x = x * _K2 + _word(text, 0) & _ALL
    for start in range(0, (size - 1) // 64 * 64, 64):
        x, y, z, v, w = _round(text, start, x, y, z, v, w, _K1, 1)
    factor = _K1 + ((z & 0xFF) << 1)
    first = w[0] + (size - 1 & 63)
    second = v[0] + first
    x, y, z, v, w = _round(text, size - 64, x, y, z, (second, v[1]), (first + second, w[1]), factor, 9)
    return _fold(_fold(v[0], w[0], factor) + _mix(y) * _K0 + z, _fold(v[1], w[1], factor) + x, factor)


def _round(text: bytes, at: int, x: int, y: int, z: int, v: tuple, w: tuple, factor: int, weight: int) -> tuple:
    """One round over 64 bytes."""
    x = _rotate(x + y + v[0] + _word(text, at + 8), 37) * factor
    y = _rotate(y + v[1] + _word(text, at + 48), 42) * factor
    x = (x ^ w[1] * weight) & _ALL
    y = y + v[0] * weight + _word(text, at + 40) & _ALL
    z = _rotate(z + w[0], 33) * factor & _ALL
    v = _weak(text, at, v[1] * factor, x + w[0])
    w = _weak(text, at + 32, z + w[1], y + _word(text, at + 16))
    return z, y, x, v, w


def _weak(text: bytes, at: int, a: int, b: int) -> tuple[int, int]:
    first, second, third, fourth = struct.unpack_from("<4Q", text, at)
    a += first
    b = _rotate(b + a + fourth, 21)
    c = a
    a += second + third
    b += _rotate(a, 44)
    return a + fourth & _ALL, b + c & _ALL


def keyed_hash(text: bytes, key: Sequence[int]) -> int:
    """SipHash-2-4 of some bytes under a key of two 64-bit integers.

    >>> hex(keyed_hash(bytes(range(15)), [0x0706050403020100, 0x0F0E0D0C0B0A0908]))
    '0xa129ca6149be45e5'
    """
    low, high = (part & _ALL for part in key)
    state = (low ^ 0x736F6D6570736575, high ^ 0x646F72616E646F6D, low ^ 0x6C7967656E657261, high ^ 0x7465646279746573)
    padded = text + bytes(7 - len(text) % 8) + bytes([len(text) & 0xFF])
    for (word,) in struct.iter_unpack("<Q", padded):
        a, b, c, d = _stir(_stir((state[0], state[1], state[2], state[3] ^ word)))
        state = (a ^ word, b, c, d)
    state = (state[0], state[1], state[2] ^ 0xFF, state[3])
    for _ in range(4):
        state = _stir(state)
    return state[0] ^ state[1] ^ state[2] ^ state[3]


def _stir(state: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    """One round of SipHash; rotations are to the left there."""
    a, b, c, d = state
    a = a + b & _ALL
    b = _rotate(b, 51) ^ a
    a = _rotate(a, 32)
    c = c + d & _ALL
    d = _rotate(d, 48) ^ c
    a = a + d & _ALL
    d = _rotate(d, 43) ^ a
    c = c + b & _ALL
    b = _rotate(b, 47) ^ c
    return a, b, _rotate(c, 32), d
