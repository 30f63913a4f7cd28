"""Dtypes by name.

A dtype is its canonical name, a string (`"float32"`), everywhere in plait; JAX's own dtype objects come and go at the
edges. `"string"` exists for inputs that are handled on the host.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jax.dtypes import canonicalize_dtype

from plait._errors import ArgumentError, NameUnknownError, did_you_mean
from plait._settings import settings

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
    """The dtype that JAX gives when one is asked for: 64 bits become 32 unless `jax_enable_x64` is on.

    >>> narrow("int64")
    'int32'
    """
    name = dtype_name(dtype)
    return name if name == "string" else canonicalize_dtype(jnp.dtype(name)).name


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
