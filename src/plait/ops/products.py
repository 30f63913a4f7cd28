"""Products of tensors: dot products, outer products, sums of products by axes or by letters."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from plait.common.messages import describe
from plait.core.op import op
from plait.core.variable import convert_to_tensor
from plait.errors import ShapeError
from plait.ops.operands import floating, operand, tensors

_NUMPY = "keras.src.ops.numpy"


@op(module=_NUMPY)
def dot(x1: Any, x2: Any) -> Any:
    """The sums of products over the last axis of x1 and the last but one of x2.

    Shapes: (..., K) and (..., K, M) give (..., ..., M); (K,) and (K,) give (); with a number, its multiples.
    """
    return jnp.dot(operand(x1), operand(x2))


@op(module=_NUMPY)
def vdot(x1: Any, x2: Any) -> Any:
    """The sum of the products of all values of two tensors, x1 conjugated. Shapes: two of n values give ()."""
    return jnp.vdot(operand(x1), operand(x2))


@op(module=_NUMPY)
def inner(x1: Any, x2: Any) -> Any:
    """The sums of products over the last axes. Shapes: (N, K) and (M, K) give (N, M)."""
    x1, x2 = operand(x1), operand(x2)
    sizes: Any = [x.shape[-1] for x in (x1, x2) if jnp.ndim(x)]
    if len(sizes) == 2 and all(isinstance(n, int) for n in sizes) and sizes[0] != sizes[1]:
        raise ShapeError(f"inner: the last dimension of both must match, but got {describe([x1, x2])}.")
    return jnp.inner(x1, x2)


@op(module=_NUMPY)
def outer(x1: Any, x2: Any) -> Any:
    """The product of each value with each. Shapes: two of N and M values give (N, M)."""
    return jnp.outer(operand(x1), operand(x2))


@op(module=_NUMPY)
def kron(x1: Any, x2: Any) -> Any:
    """Kronecker's product: each value of x1 times the whole of x2. Shapes: (N, M) and (K, L) give (N K, M L)."""
    return jnp.kron(operand(x1), operand(x2))


@op(module=_NUMPY)
def tensordot(x1: Any, x2: Any, axes: Any = 2) -> Any:
    """The sums of products over some axes.

    Args:
        x1: a tensor.
        x2: a tensor.
        axes: how many last axes of x1 and first ones of x2 to sum over; or two lists of axes, of x1 and of x2.

    Shapes: (N, M, K) and (M, K, L) give (N, L) for 2, or for ([1, 2], [0, 1]).
    """
    return jnp.tensordot(operand(x1), operand(x2), axes)


@op(module=_NUMPY)
def cross(x1: Any, x2: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: Any = None) -> Any:
    """The cross product of vectors of 3 (or 2) values.

    Shapes: (..., 3) and (..., 3) give (..., 3); two vectors of 2 values give the third value only, (...).
    `axisa`, `axisb` and `axisc` say where the vectors lie in x1, x2 and the result; `axis` says it for all three.
    """
    return jnp.cross(convert_to_tensor(x1), convert_to_tensor(x2), axisa, axisb, axisc, axis)


@op(module=_NUMPY, options=("subscripts",))
def einsum(subscripts: str, *operands: Any, **kwargs: Any) -> Any:
    """Einstein's sum: products of values, summed over each letter that isn't in the result.

    Args:
        subscripts: letters for the axes of each operand and of the result: "bij,bjk->bik" is a batched matrix product.
        *operands: the tensors.
        **kwargs: further arguments of `jax.numpy.einsum`.

    >>> einsum("i,i->", [1, 2], [3.0, 4.0]).tolist()
    11.0
    """
    arrays = tensors(operands)
    if {array.dtype.name for array in arrays} == {"int8"}:
        kwargs = {"preferred_element_type": "int32", **kwargs}
    return jnp.einsum(subscripts, *arrays, **kwargs)


@op(module=_NUMPY)
def slogdet(x: Any) -> Any:
    """The sign of a matrix's determinant, and the logarithm of its absolute value. Shapes: (..., N, N) becomes two (...)."""
    sign, logarithm = jnp.linalg.slogdet(floating(x))
    return sign, logarithm


def vectorize(pyfunc: Callable, *, excluded: Any = None, signature: str | None = None) -> Callable:
    """A function of tensors from one of single values (or, by a signature like "(n),(n)->()", of vectors).

    Args:
        pyfunc: the function, which JAX must be able to trace.
        excluded: which arguments, by place or name, to pass on whole.
        signature: what its arguments and results are; single values without it.

    Returns:
        a function that applies it at all places of its arguments, which broadcast.
    """
    mapped = jnp.vectorize(pyfunc, excluded=excluded or frozenset(), signature=signature)

    def vectorized(*args: Any, **kwargs: Any) -> Any:
        return mapped(*tensors(args), **kwargs)

    return vectorized
