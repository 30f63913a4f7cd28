"""Functions that look along axes: sums, means, extremes, quantiles, counts, and running sums.

`axis` is one axis, several, or None for all; `keepdims` keeps them with size 1. Shapes: of (2, 3, 4), axis 1 gives
(2, 4), or (2, 1, 4). The `nan` functions leave NaN out.

Sums and products of integers are int32, or uint32 where unsigned; means and the like of integers are `floatx`; indices
and counts are int32.
"""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jax.core import Tracer

from plait.common.dtypes import narrow
from plait.common.messages import describe
from plait.core.op import op
from plait.core.tensor import KerasTensor
from plait.core.variable import convert_to_tensor
from plait.errors import ArgumentError, ShapeError
from plait.ops.operands import axes, floating, wide

_NUMPY = "keras.src.ops.numpy"


def _along(
    name: str, class_name: str, function: Callable, summary: str, prepare: Callable = convert_to_tensor
) -> Callable[..., Any]:
    def operate(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        return function(prepare(x), axis=axes(axis), keepdims=keepdims)

    operate.__name__ = operate.__qualname__ = name
    operate.__doc__ = f"{summary}, over one axis, several, or all."
    return op(operate, name=class_name, module=_NUMPY)


def _mean(name: str, class_name: str, function: Callable, summary: str) -> Callable[..., Any]:
    """A reduction with fractional values: integers become `floatx` before."""
    return _along(name, class_name, function, summary, floating)


def _sum(name: str, class_name: str, function: Callable, summary: str) -> Callable[..., Any]:
    """A reduction whose result may be larger than each value: small integers become 32 bits wide."""
    return _along(name, class_name, lambda x, **options: function(x, dtype=wide(x.dtype), **options), summary)


def _index(name: str, class_name: str, function: Callable, summary: str) -> Callable[..., Any]:
    """A reduction to a place along one axis, or in the flat tensor."""
    return _along(name, class_name, lambda x, **options: function(x, **options).astype("int32"), summary, _order_zeros)


def _order_zeros(x: Any) -> Any:
    """A tensor in which -0.0 is less than 0.0: so Keras ranks them, whatever the backend does."""
    x = convert_to_tensor(x)
    if not jnp.issubdtype(x.dtype, jnp.floating):
        return x
    return jnp.where((x == 0) & jnp.signbit(x), -jnp.finfo(x.dtype).tiny, x)


# ---------------------------------------------------------------------------- the table

all = _along("all", "All", jnp.all, "Whether all are true")
any = _along("any", "Any", jnp.any, "Whether at least one is true")
amax = _along("amax", "Amax", jnp.amax, "The largest value")
amin = _along("amin", "Amin", jnp.amin, "The smallest value")
nanmax = _along("nanmax", "Nanmax", jnp.nanmax, "The largest value that isn't NaN")
nanmin = _along("nanmin", "Nanmin", jnp.nanmin, "The smallest value that isn't NaN")
ptp = _along("ptp", "Ptp", jnp.ptp, "The largest value minus the smallest")

sum = _sum("sum", "Sum", jnp.sum, "The sum")
nansum = _sum("nansum", "Nansum", jnp.nansum, "The sum of what isn't NaN")
nanprod = _sum("nanprod", "Nanprod", jnp.nanprod, "The product of what isn't NaN")

mean = _mean("mean", "Mean", jnp.mean, "The mean")
median = _mean("median", "Median", jnp.median, "The median")
std = _mean("std", "Std", jnp.std, "The standard deviation, of all and not of a sample")
var = _mean("var", "Var", jnp.var, "The variance, of all and not of a sample")
nanmean = _mean("nanmean", "Nanmean", jnp.nanmean, "The mean of what isn't NaN")
nanmedian = _mean("nanmedian", "Nanmedian", jnp.nanmedian, "The median of what isn't NaN")
nanstd = _mean("nanstd", "Nanstd", jnp.nanstd, "The standard deviation of what isn't NaN")
nanvar = _mean("nanvar", "Nanvar", jnp.nanvar, "The variance of what isn't NaN")

argmax = _index("argmax", "Argmax", jnp.argmax, "Where the largest value is: the first of several")
argmin = _index("argmin", "Argmin", jnp.argmin, "Where the smallest value is: the first of several")
nanargmax = _index(
    "nanargmax", "Nanargmax", jnp.nanargmax, "Where the largest value that isn't NaN is; -1 where all are"
)
nanargmin = _index(
    "nanargmin", "Nanargmin", jnp.nanargmin, "Where the smallest value that isn't NaN is; -1 where all are"
)

# ---------------------------------------------------------------------------- with options


@op(module=_NUMPY)
def max(x: Any, axis: Any = None, keepdims: bool = False, initial: Any = None) -> Any:
    """The largest value, over one axis, several, or all; at least `initial`, which an empty tensor needs."""
    return jnp.max(convert_to_tensor(x), axis=axes(axis), keepdims=keepdims, initial=initial)


@op(module=_NUMPY)
def min(x: Any, axis: Any = None, keepdims: bool = False, initial: Any = None) -> Any:
    """The smallest value, over one axis, several, or all; at most `initial`, which an empty tensor needs."""
    return jnp.min(convert_to_tensor(x), axis=axes(axis), keepdims=keepdims, initial=initial)


@op(module=_NUMPY)
def prod(x: Any, axis: Any = None, keepdims: bool = False, dtype: Any = None) -> Any:
    """The product, over one axis, several, or all."""
    x = convert_to_tensor(x)
    return jnp.prod(x, axis=axes(axis), keepdims=keepdims, dtype=narrow(dtype or wide(x.dtype)))


@op(module=_NUMPY)
def count_nonzero(x: Any, axis: Any = None) -> Any:
    """How many values aren't 0, over one axis, several, or all."""
    return jnp.count_nonzero(convert_to_tensor(x), axis=axes(axis)).astype("int32")


@op(module=_NUMPY, options=("axis",))
def average(x: Any, axis: Any = None, weights: Any = None) -> Any:
    """The weighted mean, over one axis or all. The weights have x's shape, or one for each place along the axis.

    >>> average([[1, 2], [3, 4]], axis=1, weights=[1, 3]).tolist()
    [1.75, 3.75]
    """
    weights = None if weights is None else convert_to_tensor(weights)
    return jnp.average(floating(x), axis=axes(axis), weights=weights)


# ---------------------------------------------------------------------------- quantiles


def _quantile(name: str, class_name: str, function: Callable, summary: str, q_range: str) -> Callable[..., Any]:
    def operate(x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False) -> Any:
        x = floating(x)
        return function(x, convert_to_tensor(q, x.dtype), axis=axes(axis), method=method, keepdims=keepdims)

    operate.__name__ = operate.__qualname__ = name
    operate.__doc__ = f"""{summary}, over one axis, several, or all.

    Args:
        x: a tensor.
        q: the fraction, or several, {q_range}.
        axis: an axis, several, or None for all.
        method: what to give between two values: "linear", "lower", "higher", "midpoint" or "nearest".
        keepdims: whether to keep the axes with size 1.

    Shapes: several q, of shape (Q,), come as a new first axis."""
    return op(operate, name=class_name, module=_NUMPY)


_QUANTILE, _PERCENTILE = "The value that a fraction of all lies below", "The value that a percentage of all lies below"
quantile = _quantile("quantile", "Quantile", jnp.quantile, _QUANTILE, "from 0 to 1")
percentile = _quantile("percentile", "Percentile", jnp.percentile, _PERCENTILE, "from 0 to 100")
nanquantile = _quantile("nanquantile", "Nanquantile", jnp.nanquantile, f"{_QUANTILE} but NaN", "from 0 to 1")
nanpercentile = _quantile(
    "nanpercentile", "Nanpercentile", jnp.nanpercentile, f"{_PERCENTILE} but NaN", "from 0 to 100"
)

# ---------------------------------------------------------------------------- running


def _running(name: str, class_name: str, function: Callable, summary: str) -> Callable[..., Any]:
    def operate(x: Any, axis: Any = None, dtype: Any = None) -> Any:
        x = convert_to_tensor(x)
        if dtype is None:
            dtype = "int32" if x.dtype == "bool" else x.dtype
        return function(x, axis=axis, dtype=narrow(dtype))

    operate.__name__ = operate.__qualname__ = name
    operate.__doc__ = f"{summary}, along an axis, or of the flat tensor.\n\nShapes: as x; without an axis (n,)."
    return op(operate, name=class_name, module=_NUMPY)


cumsum = _running("cumsum", "Cumsum", jnp.cumsum, "The sum of all values so far")
cumprod = _running("cumprod", "Cumprod", jnp.cumprod, "The product of all values so far")
nancumsum = _running("nancumsum", "Nancumsum", jnp.nancumsum, "The sum of all values so far that aren't NaN")
nancumprod = _running("nancumprod", "Nancumprod", jnp.nancumprod, "The product of all values so far that aren't NaN")


@op(module=_NUMPY)
def diff(a: Any, n: int = 1, axis: int = -1) -> Any:
    """Each value minus the one before it along an axis, n times over. Shapes: (..., T) becomes (..., T - n)."""
    return jnp.diff(convert_to_tensor(a), n=n, axis=axis)


@op(module=_NUMPY)
def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    """The integral along an axis by the trapezoidal rule, of values y at the places x, or `dx` apart.

    Shapes: (..., T) becomes (...).
    """
    return jnp.trapezoid(floating(y), None if x is None else convert_to_tensor(x), dx, axis)


# ---------------------------------------------------------------------------- counts


@op(module=_NUMPY)
def histogram(x: Any, bins: int = 10, range: Any = None) -> Any:
    """How many values lie in each of some intervals of equal length.

    Args:
        x: a tensor (n,).
        bins: the number of intervals.
        range: where the first begins and the last ends; None takes the least and the largest value.

    Returns:
        the counts (bins,) as floats, and the edges (bins + 1,).

    Raises:
        ArgumentError: `bins` isn't a number, or `range` goes down.
        ShapeError: x has more than one axis.

    >>> histogram([1.0, 2.0, 2.5], bins=2)[0].tolist()
    [1.0, 2.0]
    """
    x = convert_to_tensor(x)
    if not isinstance(bins, int) or bins < 0:
        raise ArgumentError(
            f"histogram: Argument `bins` should be a non-negative integer, the number of intervals, but got {bins!r}."
        )
    if range is not None and len(range) != 2:
        raise ArgumentError(f"histogram: Argument `range` must be a tuple of two elements, but got {range}.")
    if range is not None and range[1] < range[0]:
        raise ArgumentError(
            f"histogram: The second element of `range` must be greater than the first, but got {range}."
        )
    if x.ndim != 1:
        raise ShapeError(f"histogram: Input tensor must be 1-dimensional, but got {describe(x)}. Use ops.ravel.")
    counts, edges = jnp.histogram(x.astype("int32") if x.dtype == "bool" else x, bins, range)
    return counts, edges


def _bincount_spec(x: Any, weights: Any = None, minlength: int = 0, sparse: bool = False) -> Any:
    dtype = "int32" if weights is None else convert_to_tensor(weights).dtype
    return KerasTensor((*x.shape[:-1], None), dtype)


@op(module=_NUMPY, spec=_bincount_spec)
def bincount(x: Any, weights: Any = None, minlength: int = 0, sparse: bool = False) -> Any:
    """How often each number from 0 up occurs: or, with weights, the sum of the weights of its places.

    Args:
        x: integers from 0 up, (n,), or several rows (B, n).
        weights: one for each, of the same shape.
        minlength: how many numbers to count at least.
        sparse: has no effect: arrays here are dense.

    Returns:
        the counts (m,) or (B, m), with m above the largest number.

    Raises:
        ArgumentError: inside a compiled program, where the size of the result cannot depend on values.

    >>> bincount([1, 2, 2]).tolist()
    [0, 1, 2]
    """
    x = convert_to_tensor(x)
    weights = None if weights is None else convert_to_tensor(weights)
    if isinstance(x, Tracer):
        raise ArgumentError(
            "bincount: the size of the result depends on values, which a compiled program doesn't know yet. Use "
            "ops.sum(ops.one_hot(x, n), axis=-2), or compile with run_eagerly=True."
        )
    x = x.astype("int32") if x.dtype == "bool" else x
    length = 1 + int(x.max()) if x.size else 0
    length = minlength if length < minlength else length
    if x.ndim == 1:
        return jnp.bincount(x, weights, length=length)
    rows = [jnp.bincount(row, None if weights is None else weights[i], length=length) for i, row in enumerate(x)]
    return jnp.stack(rows)


# ---------------------------------------------------------------------------- together


@op(module=_NUMPY)
def corrcoef(x: Any) -> Any:
    """Pearson's correlation of each two rows. Shapes: (N, T), N variables at T times, gives (N, N)."""
    return jnp.corrcoef(floating(x))


@op(module=_NUMPY, options=("mode",))
def correlate(x1: Any, x2: Any, mode: str = "valid") -> Any:
    """The sum of products of x1 and x2, for each shift of x2. Shapes: (N,) and (M,) with N >= M give
    (N - M + 1,) for "valid", (N,) for "same", (N + M - 1,) for "full"."""
    return jnp.correlate(convert_to_tensor(x1), convert_to_tensor(x2), mode)
