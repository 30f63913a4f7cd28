"""Functions that pick values out: by place, by order, by search; triangles and diagonals."""

from functools import partial
from typing import Any

import jax.numpy as jnp
import numpy as np

from plait.common.messages import describe
from plait.core.infer import infer
from plait.core.op import op
from plait.core.tensor import KerasTensor
from plait.core.variable import convert_to_tensor
from plait.errors import ShapeError
from plait.ops.operands import operand, wide

_NUMPY = "keras.src.ops.numpy"

# ---------------------------------------------------------------------------- by place


@op(module=_NUMPY, options=("axis",), text=lambda x, indices, axis=None: np.take(x, np.asarray(indices), axis))
def take(x: Any, indices: Any, axis: Any = None) -> Any:
    """The values at some places along an axis, or of the flat tensor. Places below 0 count from the end.

    Shapes: (B, T, D) with indices (N, M) and axis 1 gives (B, N, M, D). Places outside give NaN; of integers, the
    least one.

    >>> take([10, 20, 30], [2, -3]).tolist()
    [30, 10]
    """
    return jnp.take(convert_to_tensor(x), convert_to_tensor(indices), axis)


@op(module=_NUMPY, options=("axis",))
def take_along_axis(x: Any, indices: Any, axis: Any = None) -> Any:
    """For each row along an axis, the values at the row's own places. Shapes: as the indices, which have x's but for
    the axis; without an axis, (n,)."""
    return jnp.take_along_axis(convert_to_tensor(x), convert_to_tensor(indices), axis)


def _nonzero_spec(x: Any) -> Any:
    return tuple(KerasTensor((None,), "int32") for _ in x.shape)


@op(module=_NUMPY, spec=_nonzero_spec)
def nonzero(x: Any) -> Any:
    """Where the values aren't 0: one tensor (n,) of places for each axis. It works where values are known only, so not
    inside a compiled program."""
    return tuple(index.astype("int32") for index in jnp.nonzero(convert_to_tensor(x)))


@op(module=_NUMPY, options=("shape",))
def unravel_index(indices: Any, shape: Any) -> Any:
    """Places in a flat tensor as places in one of a shape: one tensor for each axis, of the indices' shape."""
    return tuple(jnp.unravel_index(convert_to_tensor(indices), tuple(shape)))


# ---------------------------------------------------------------------------- by order


@op(module=_NUMPY)
def sort(x: Any, axis: Any = -1) -> Any:
    """The values in rising order along an axis, or of the flat tensor for None."""
    return jnp.sort(convert_to_tensor(x), axis)


@op(module=_NUMPY)
def argsort(x: Any, axis: Any = -1) -> Any:
    """The places of the values in rising order, equal ones as they come, along an axis, or in the flat tensor."""
    x = convert_to_tensor(x)
    return jnp.argsort(x, axis if x.ndim else None).astype("int32")


@op(module=_NUMPY, options=("kth", "axis"))
def argpartition(x: Any, kth: int, axis: Any = -1) -> Any:
    """The places in such an order along an axis that the kth is right, smaller values before and larger ones behind.
    For None they are those of the flat tensor."""
    x = convert_to_tensor(x)
    return jnp.argpartition(*((x.ravel(), kth, -1) if axis is None else (x, kth, axis))).astype("int32")


def _unique_spec(
    x: Any,
    sorted: bool,
    return_index: bool,
    return_inverse: bool,
    return_counts: bool,
    axis: Any,
    size: Any,
    fill_value: Any,
) -> Any:
    """The values and what comes with them, with an unknown number of different ones where `size` doesn't say it."""
    flags = {"return_index": return_index, "return_inverse": return_inverse, "return_counts": return_counts}
    result = infer(partial(_unique, **flags, axis=axis, size=size or 1, fill_value=fill_value), (x,), {})
    if size is not None:
        return result
    first, *others = result if isinstance(result, tuple) else (result,)
    place = 0 if axis is None else axis % len(first.shape)
    values = KerasTensor(tuple(None if i == place else n for i, n in enumerate(first.shape)), first.dtype)
    kinds = [kind for kind, asked in flags.items() if asked]
    rest = [
        t if kind == "return_inverse" else KerasTensor((None,), t.dtype) for kind, t in zip(kinds, others, strict=True)
    ]
    return (values, *rest) if rest else values


def _unique(x: Any, **options: Any) -> Any:
    result = jnp.unique(convert_to_tensor(x), **options, equal_nan=False)
    return (result[0], *(part.astype("int32") for part in result[1:])) if isinstance(result, tuple) else result


@op(module=_NUMPY, spec=_unique_spec)
def unique(
    x: Any,
    sorted: bool = True,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: Any = None,
    size: Any = None,
    fill_value: Any = None,
) -> Any:
    """The different values, in rising order; each NaN counts as one of its own.

    Args:
        x: a tensor.
        sorted: has no effect: they always are.
        return_index: whether to give where each occurs first, too.
        return_inverse: whether to give, for each value of x, which of the different ones it is.
        return_counts: whether to give how often each occurs.
        axis: along which axis to compare whole slices; None compares the values of the flat tensor.
        size: how many to give; a compiled program needs it, because no size can depend on values there.
        fill_value: what fills up to `size`; None is the least of them.

    Returns:
        the values (n,), or a tuple of them and what was asked for, in this order.

    >>> unique([3, 1, 1], return_counts=True)[1].tolist()
    [2, 1]
    """
    flags = {"return_index": return_index, "return_inverse": return_inverse, "return_counts": return_counts}
    return _unique(x, **flags, axis=axis, size=size, fill_value=fill_value)


# ---------------------------------------------------------------------------- by search


@op(module=_NUMPY, name="SearchSorted")
def searchsorted(sorted_sequence: Any, values: Any, side: str = "left") -> Any:
    """Where values would go in a sequence in rising order: before equal ones ("left") or behind ("right").

    Shapes: (n,) and any; returns int32 of the values' shape. Raises: ShapeError if the sequence has more than one axis.
    """
    sequence = convert_to_tensor(sorted_sequence)
    if sequence.ndim != 1:
        raise ShapeError(
            f"searchsorted: the sequence must have one axis, but got {describe(sequence)}. Use ops.vectorized_map for more."
        )
    return jnp.searchsorted(sequence, operand(values), side=side).astype("int32")


@op(module=_NUMPY)
def digitize(x: Any, bins: Any) -> Any:
    """Which interval each value lies in, between edges in rising order: 0 is below the first, n from the last up.

    Shapes: any, and (n,); returns int32 of x's shape.
    """
    return jnp.digitize(convert_to_tensor(x), convert_to_tensor(bins)).astype("int32")


# ---------------------------------------------------------------------------- triangles and diagonals


@op(module=_NUMPY)
def tril(x: Any, k: int = 0) -> Any:
    """The matrices with zeros above a diagonal, k above the main one."""
    return jnp.tril(convert_to_tensor(x), k)


@op(module=_NUMPY)
def triu(x: Any, k: int = 0) -> Any:
    """The matrices with zeros below a diagonal, k above the main one."""
    return jnp.triu(convert_to_tensor(x), k)


def _diagonal_spec(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    found = infer(partial(diagonal.__wrapped__, offset=offset, axis1=axis1, axis2=axis2), (x,), {})  # type: ignore[attr-defined]
    unknown = None in (x.shape[axis1], x.shape[axis2])  # as long as the shorter of the two
    return KerasTensor((*found.shape[:-1], None), found.dtype) if unknown else found


def _diag_spec(x: Any, k: int = 0) -> Any:
    return _diagonal_spec(x, k) if len(x.shape) == 2 else infer(partial(jnp.diag, k=k), (x,), {})


@op(module=_NUMPY, spec=_diag_spec)
def diag(x: Any, k: int = 0) -> Any:
    """The diagonal of a matrix, k above the main one; or a matrix with this diagonal. Shapes: (N, N) to (N,) and back."""
    return jnp.diag(convert_to_tensor(x), k)


@op(module=_NUMPY)
def diagflat(x: Any, k: int = 0) -> Any:
    """A matrix with the values of any tensor on a diagonal, k above the main one."""
    return jnp.diagflat(convert_to_tensor(x), k)


@op(module=_NUMPY, spec=_diagonal_spec)
def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """The diagonals in the planes of two axes, as the last axis. Shapes: (N, N, D) becomes (D, N)."""
    x = convert_to_tensor(x)
    if axis1 % x.ndim == axis2 % x.ndim:
        raise ShapeError(f"diagonal: `axis1` and `axis2` must differ, but both are {axis1 % x.ndim}, of {describe(x)}.")
    return jnp.diagonal(x, offset, axis1, axis2)


@op(module=_NUMPY)
def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """The sums of the diagonals in the planes of two axes. Shapes: (N, N, D) becomes (D,)."""
    x = convert_to_tensor(x)
    return jnp.trace(x, offset, axis1, axis2, dtype=wide(x.dtype))


@op(module=_NUMPY)
def vander(x: Any, N: Any = None, increasing: bool = False) -> Any:
    """The powers of some values, falling from N - 1 to 0, or increasing. Shapes: (n,) becomes (n, N)."""
    return jnp.vander(convert_to_tensor(x), N, increasing)
