"""Functions that make tensors: from values, of a shape, like another tensor, on a line, and windows."""

from typing import Any

import jax.numpy as jnp

from plait.common.dtypes import narrow
from plait.core.op import op
from plait.core.tensor import any_symbolic
from plait.core.variable import convert_to_tensor
from plait.errors import SymbolicError
from plait.ops.operands import number_dtype, operand, tensors

_NUMPY = "keras.src.ops.numpy"

# ---------------------------------------------------------------------------- from values


@op(module=_NUMPY)
def array(x: Any, dtype: Any = None) -> Any:
    """An array of its own with the values of a number, list, array or Variable.

    >>> array([1, 2.5]).dtype
    dtype('float32')
    """
    return jnp.array(convert_to_tensor(x, None if dtype is None else narrow(dtype)))


def arange(start: Any, stop: Any = None, step: Any = None, dtype: Any = None) -> Any:
    """The numbers from start up to, but without, stop: `step` apart, else 1. One number alone is the stop.

    Integers give int32, floats `floatx`, unless a dtype is given. Gives shape (n,).

    >>> arange(3).tolist(), arange(0, 1, 0.25).tolist()
    ([0, 1, 2], [0.0, 0.25, 0.5, 0.75])

    Raises: SymbolicError for symbolic tensors: the size would depend on values.
    """
    numbers = [number for number in (start, stop, step) if number is not None]
    if any_symbolic(numbers):
        raise SymbolicError(
            "arange: the size of the result would depend on the values of symbolic tensors, which aren't known. "
            "Use numbers, such as the sizes in tensor.shape; or ops.cumsum(ops.ones_like(x), axis=...) - 1."
        )
    if dtype is None:
        dtype = number_dtype(*numbers)
    return jnp.arange(start, stop, step, dtype=narrow(dtype))


@op(module=_NUMPY)
def meshgrid(*x: Any, indexing: str = "xy") -> Any:
    """The coordinates of a grid, from those along each axis.

    Shapes: (N1,), (N2,), ... give one (N2, N1, ...) each, or (N1, N2, ...) with `indexing="ij"`. Tensors of more axes are
    made flat before, as in NumPy.
    """
    return jnp.meshgrid(*(array.ravel() for array in tensors(x)), indexing=indexing)


# ---------------------------------------------------------------------------- of a shape


def empty(shape: Any, dtype: Any = None) -> Any:
    """A tensor whose values don't matter; they are zeros."""
    return zeros(shape, dtype)


def zeros(shape: Any, dtype: Any = None) -> Any:
    """A tensor of zeros; `floatx` unless a dtype is given."""
    return jnp.zeros(shape, narrow(dtype))


def ones(shape: Any, dtype: Any = None) -> Any:
    """A tensor of ones; `floatx` unless a dtype is given."""
    return jnp.ones(shape, narrow(dtype))


@op(module=_NUMPY, options=("shape", "dtype"))
def full(shape: Any, fill_value: Any, dtype: Any = None) -> Any:
    """A tensor filled with a value, which may be one that broadcasts; `floatx` unless a dtype is given."""
    return jnp.full(shape if isinstance(shape, int) else tuple(shape), operand(fill_value), narrow(dtype))


def eye(N: Any, M: Any = None, k: int = 0, dtype: Any = None) -> Any:
    """A matrix (N, M) with ones on a diagonal, k above the main one; square without M."""
    return jnp.eye(N, M, k, narrow(dtype))


def identity(n: Any, dtype: Any = None) -> Any:
    """A matrix (n, n) with ones on the diagonal."""
    return jnp.identity(n, narrow(dtype))


def tri(N: Any, M: Any = None, k: int = 0, dtype: Any = None) -> Any:
    """A matrix (N, M) with ones on and below a diagonal, k above the main one; square without M."""
    return jnp.tri(N, M, k, narrow(dtype))


# ---------------------------------------------------------------------------- like another tensor


def _like(dtype: Any) -> Any:
    return None if dtype is None else narrow(dtype)


@op(module=_NUMPY)
def empty_like(x: Any, dtype: Any = None) -> Any:
    """A tensor of the same shape whose values don't matter; they are zeros."""
    return jnp.zeros_like(convert_to_tensor(x), _like(dtype))


@op(module=_NUMPY)
def zeros_like(x: Any, dtype: Any = None) -> Any:
    """Zeros of the same shape, and dtype unless one is given."""
    return jnp.zeros_like(convert_to_tensor(x), _like(dtype))


@op(module=_NUMPY)
def ones_like(x: Any, dtype: Any = None) -> Any:
    """Ones of the same shape, and dtype unless one is given."""
    return jnp.ones_like(convert_to_tensor(x), _like(dtype))


@op(module=_NUMPY)
def full_like(x: Any, fill_value: Any, dtype: Any = None) -> Any:
    """A value, or one that broadcasts, filled into the same shape, and dtype unless one is given."""
    return jnp.full_like(convert_to_tensor(x), operand(fill_value), _like(dtype))


# ---------------------------------------------------------------------------- on a line


@op(module=_NUMPY)
def linspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    """Numbers at equal distances, from start to stop; without `endpoint` the stop is left out.

    Shapes: two that broadcast give theirs with a new axis of size `num`; with `retstep` the distance comes as well.

    >>> linspace(0, 1, 5).tolist()
    [0.0, 0.25, 0.5, 0.75, 1.0]
    """
    result = jnp.linspace(operand(start), operand(stop), num, endpoint, retstep, _line(dtype, start, stop), axis)
    return (result[0], jnp.asarray(result[1])) if retstep else result


@op(module=_NUMPY)
def logspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, base: Any = 10, dtype: Any = None, axis: int = 0
) -> Any:
    """Numbers at equal ratios, from base**start to base**stop. Shapes: as for `linspace`."""
    return jnp.logspace(operand(start), operand(stop), num, endpoint, base, _line(dtype, start, stop), axis)


@op(module=_NUMPY)
def geomspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0) -> Any:
    """Numbers at equal ratios, from start to stop. Shapes: as for `linspace`."""
    return jnp.geomspace(operand(start), operand(stop), num, endpoint, _line(dtype, start, stop), axis)


def _line(dtype: Any, start: Any, stop: Any) -> str:
    """The dtype of numbers on a line: fractions are between integers."""
    found = number_dtype(operand(start), operand(stop)) if dtype is None else narrow(dtype)
    return narrow(None) if dtype is None and not jnp.issubdtype(found, jnp.inexact) else found


# ---------------------------------------------------------------------------- windows


def bartlett(x: Any) -> Any:
    """The triangular window of x points, 0 at both ends. Shapes: an integer gives (x,)."""
    return jnp.bartlett(int(x)).astype(narrow(None))


def blackman(x: Any) -> Any:
    """The Blackman window of x points: a sum of three cosines. Shapes: an integer gives (x,)."""
    return jnp.blackman(int(x)).astype(narrow(None))


def hamming(x: Any) -> Any:
    """The Hamming window of x points: a raised cosine, 0.08 at both ends. Shapes: an integer gives (x,)."""
    return jnp.hamming(int(x)).astype(narrow(None))


def hanning(x: Any) -> Any:
    """The Hann window of x points: a raised cosine, 0 at both ends. Shapes: an integer gives (x,)."""
    return jnp.hanning(int(x)).astype(narrow(None))


def kaiser(x: Any, beta: Any) -> Any:
    """The Kaiser window of x points, narrower for larger beta. Shapes: an integer gives (x,)."""
    return jnp.kaiser(int(x), operand(beta)).astype(narrow(None))
