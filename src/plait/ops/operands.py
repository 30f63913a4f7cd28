"""How operations take their operands: arrays, Variables, lists, NumPy arrays and Python numbers.

A Python number is weak: beside an array it takes that array's dtype, as in NumPy and JAX. Where the maths needs
fractions, integers and booleans become `floatx`. Where many numbers are added up, small integers become 32 bits wide.
"""

from typing import Any

import jax
import jax.numpy as jnp

from plait.common.dtypes import dtype_name, narrow, result_type
from plait.common.messages import describe
from plait.core.variable import convert_to_tensor
from plait.errors import ShapeError

_WIDE = {"bool": "int32", "int8": "int32", "int16": "int32", "uint8": "uint32", "uint16": "uint32"}


def operand(x: Any) -> Any:
    """An array, or a Python number as it is, which takes the other operand's dtype."""
    return x if isinstance(x, (jax.Array, bool, int, float, complex)) else convert_to_tensor(x)


def floating(x: Any) -> Any:
    """A tensor whose values can be fractions: integers and booleans become `floatx`.

    >>> floating([1, 2]).dtype
    dtype('float32')
    """
    x = convert_to_tensor(x)
    return x if jnp.issubdtype(x.dtype, jnp.inexact) else x.astype(narrow(None))


def tensors(xs: Any) -> list:
    """Each of several operands as a tensor."""
    return [convert_to_tensor(x) for x in xs]


def axes(axis: Any) -> Any:
    """An axis, or several as a tuple: files give them as a list."""
    return tuple(axis) if isinstance(axis, list) else axis


def check_axis(who: str, axis: int, x: Any) -> int:
    """An axis of a tensor, as it is given.

    Raises:
        ShapeError: the tensor has no such axis.
    """
    if not -x.ndim <= axis < x.ndim:
        raise ShapeError(f"{who}: axis {axis} is out of bounds for {describe(x)}, which has {x.ndim} axes.")
    return axis


def wide(dtype: Any) -> str:
    """The dtype of a sum of numbers of a dtype: integers of at least 32 bits, all others as they are.

    >>> wide("int8"), wide("uint8"), wide("bfloat16")
    ('int32', 'uint32', 'bfloat16')
    """
    name = dtype_name(dtype)
    return _WIDE.get(name, name)


def number_dtype(*values: Any) -> str:
    """The dtype of the numbers between some others: `int32` for Python integers, `floatx` for Python floats."""
    found = result_type(*(_dtype_of(value) for value in values))
    return narrow(None) if found == "float32" and not any(hasattr(value, "dtype") for value in values) else found


def _dtype_of(value: Any) -> Any:
    if hasattr(value, "dtype"):
        return value.dtype
    return type(value) if isinstance(value, (bool, float, complex)) else int
