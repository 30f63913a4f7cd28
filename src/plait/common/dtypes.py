"""Dtypes by name.

A dtype is its canonical name, a string (`"float32"`), everywhere in plait; JAX's own dtype objects come and go at the
edges. `"string"` exists for inputs that are handled on the host.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.dtypes import canonicalize_dtype

from plait.common.messages import did_you_mean
from plait.common.settings import settings
from plait.errors import ArgumentError, DataError, NameUnknownError

FLOATS = ("bfloat16", "float16", "float32", "float64", "float8_e4m3fn", "float8_e5m2")
INTEGERS = ("uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64")
COMPLEXES = ("complex64", "complex128")
NAMES = (*FLOATS, *INTEGERS, *COMPLEXES, "bool", "string")

_PYTHON = {bool: "bool", int: "int32", float: "float32", str: "string", complex: "complex64"}
_ALIASES = {"int": "int32", "float": "float32", "str": "string", "object": "string"}
_known: dict[Any, str] = {}


def dtype_name(dtype: Any = None) -> str:
    """The canonical name of a dtype given in any way: a name, a Python type, a NumPy or JAX dtype; None is `floatx`.

    >>> import numpy as np
    >>> dtype_name(np.float32), dtype_name(int), dtype_name("bfloat16")
    ('float32', 'int32', 'bfloat16')

    Raises:
        NameUnknownError: no such dtype.
    """
    if dtype is None:
        return settings().floatx
    try:
        known = _known.get(dtype)
    except TypeError:
        raise ArgumentError(f"A dtype must be a name or a dtype object, but got {dtype!r}.") from None
    if known is None:
        known = _known[dtype] = _resolve(dtype)
    return known


def _resolve(dtype: Any) -> str:
    if isinstance(dtype, type) and dtype in _PYTHON:
        return _PYTHON[dtype]
    name = dtype if isinstance(dtype, str) else getattr(dtype, "name", None)
    if name is None:
        try:
            name = jnp.dtype(dtype).name
        except TypeError:
            name = str(dtype).rpartition(".")[2]
    name = _ALIASES.get(name, name)
    if name.startswith(("str", "bytes", "<U", "object")):
        name = "string"
    if name not in NAMES:
        raise NameUnknownError(
            f"No dtype is called {name!r}.{did_you_mean(name, NAMES)} plait knows {', '.join(NAMES)}."
        )
    return name


def is_float(dtype: Any) -> bool:
    """Whether a dtype is one of the floating ones."""
    return dtype_name(dtype) in FLOATS


def is_integer(dtype: Any) -> bool:
    """Whether a dtype counts: any signed or unsigned integer."""
    return dtype_name(dtype) in INTEGERS


def narrow(dtype: Any) -> str:
    """The dtype of JAX's array when one is asked for: 64 bits become 32 unless `jax_enable_x64` is on.

    >>> narrow("int64")
    'int32'
    """
    name = dtype_name(dtype)
    return name if name == "string" else canonicalize_dtype(jnp.dtype(name)).name


def on_host(array: np.ndarray, dtype: Any, who: str, as_numbers: str | None = None) -> np.ndarray:
    """An array of the host's in a dtype that the device has, with the same values: JAX by itself cuts 64 bits to 32.

    Args:
        array: the array; it is copied only where its dtype changes.
        dtype: the dtype that is wanted; None keeps the array's as far as the device has it.
        who: whose it is, for errors: "model 'a': the input 'x'".
        as_numbers: the floating dtype for integers that don't fit, where nobody needs integers; None makes it an error.

    Raises:
        DataError: a value that the dtype doesn't hold.

    >>> import numpy as np
    >>> on_host(np.array([3_000_000_000]), "float32", "x").tolist()
    [3000000000.0]
    """
    wanted = jnp.dtype(narrow(array.dtype if dtype is None else dtype))
    if array.dtype == wanted or array.dtype.kind not in "iuf":
        return array
    if array.dtype.kind in "iu" and wanted.kind in "iu":
        limits = np.iinfo(wanted)
        if array.size and not (limits.min <= array.min() and array.max() <= limits.max):
            if as_numbers is None:
                raise _does_not_fit(array, (array < limits.min) | (array > limits.max), wanted, who, _FOR_INTEGERS)
            return array.astype(as_numbers)
        return array.astype(wanted)
    if array.dtype.kind == "f" and wanted.kind == "f" and wanted.itemsize < array.dtype.itemsize:
        with np.errstate(over="ignore"):
            found = array.astype(wanted)
        if not np.isfinite(found).all() and (lost := np.isinf(found) & np.isfinite(array)).any():
            raise _does_not_fit(array, lost, wanted, who, "Scale the values down first.")
        return found
    if array.dtype.kind == "f" and wanted.kind in "iu":
        limits = np.iinfo(wanted)
        held = (array > np.float64(limits.min) - 1) & (array < np.float64(limits.max) + 1)  # NaN isn't, either
        if not held.all():
            raise _does_not_fit(array, ~held, wanted, who, _FOR_WHOLE_NUMBERS)
    return array.astype(wanted)


_FOR_WHOLE_NUMBERS = "Fill in what is missing (NaN), or make the Input of dtype 'float32'."
_FOR_INTEGERS = (
    "It is the widest integer that JAX has unless `jax_enable_x64` is on. If the values are numbers, give them as floats: "
    "x.astype('float32'). If they are ids, number them anew: np.unique(ids, return_inverse=True)."
)


def _does_not_fit(array: np.ndarray, lost: np.ndarray, wanted: Any, who: str, advice: str) -> DataError:
    place = tuple(int(index) for index in np.argwhere(lost)[0])
    names = ("row", "column") if len(place) == 2 else ("row", *["axis"] * len(place))
    where = ", ".join(f"{name} {index}" for name, index in zip(names, place))
    return DataError(
        f"{who}: {int(lost.sum())} of {array.size} values don't fit {wanted.name}, the first is {array[place]}"
        f"{f' ({where})' if where else ''}. {advice}"
    )


def result_type(*dtypes: Any) -> str:
    """The dtype of arithmetic between tensors of these dtypes (Python types count as weak), as in JAX.

    >>> result_type("int32", "float32"), result_type("bfloat16", float)
    ('float32', 'bfloat16')
    """
    weak = {bool: False, int: 0, float: 0.0, complex: 0j}
    operands = [weak[d] if isinstance(d, type) and d in weak else jnp.dtype(dtype_name(d)) for d in dtypes]
    if not operands:
        return settings().floatx
    if not any(getattr(operand, "itemsize", 0) == 8 for operand in operands):
        return jnp.result_type(*operands).name
    with jax.enable_x64(True):  # as if there were 64 bits: int8 and uint64 have no common integers
        found = jnp.result_type(*operands).name
    return narrow(found)


def is_tensor(value: Any) -> bool:
    """Whether a value has a shape and a dtype: an array of any library, a Variable, a symbolic tensor."""
    return hasattr(value, "shape") and hasattr(value, "dtype")
