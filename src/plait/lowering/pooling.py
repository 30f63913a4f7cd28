"""Poolings as maxima and sums of slices; their gradients cost what they weigh.

XLA makes the gradient of max pooling by select-and-scatter, which its CPU code runs element by element: 10 to 40 times
slower than the sum, over the taps of the window, of the places where this tap holds the *first* maximum (row-major
order: what select-and-scatter chooses too, so values are the same to the bit). Only the tangent is customised (see
`convolution`), so forward mode, reverse mode, vmap and derivatives of any order work.
"""

import functools
from collections.abc import Callable, Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from plait.lowering.windows import Geometry, geometry, one_an_axis, output_lengths, split, tap_count, windows

_MANY_TAPS = 16  # with more, one pass an axis is less work than one pass for the whole window
_LONG = 32  # with more taps on one axis, XLA's own is as fast, and the program stays short


def max_pool(
    x: jax.Array, pool_size: int | Sequence[int], *, strides: int | Sequence[int] | None = None, padding: str = "valid"
) -> jax.Array:
    """The maximum of each window. The gradient goes to the first maximum in row-major order.

    Args:
        x: (B, *S, C).
        pool_size: the window's length on each spatial axis, or one for all.
        strides: the window's step; None for the pool size.
        padding: "valid", or "same" (padded with -inf).

    Returns:
        (B, *O, C).

    Measured, forward and gradient, float32, 2 cores with AVX-512: 2x2 of (128, 26, 26, 32) 36 ms -> 1 ms; 3x3 with
    stride 1 of (64, 32, 32, 16) 60 ms -> 7 ms.
    """
    size, lies = _window(x, pool_size, strides, padding)
    return _max_pool(x, size, lies)


def average_pool(
    x: jax.Array, pool_size: int | Sequence[int], *, strides: int | Sequence[int] | None = None, padding: str = "valid"
) -> jax.Array:
    """The mean of each window; padding does not count.

    Args:
        x: (B, *S, C), floating.
        pool_size, strides, padding: as in `max_pool`.

    Returns:
        (B, *O, C).

    Measured, forward and gradient: 3x3 with stride 2 of (16, 56, 56, 64) 17 ms -> 5 ms; 2x2x2 of (8, 16, 16, 16, 16)
    2.2 ms -> 0.5 ms. The number of cells that count is made here and not by XLA, which needs 40 s at compile time to
    fold a `reduce_window` over ones of (32, 64, 64, 64).
    """
    size, lies = _window(x, pool_size, strides, padding)
    return _average_pool(x, size, lies)


def _window(
    x: jax.Array, pool_size: int | Sequence[int], strides: int | Sequence[int] | None, padding: str
) -> tuple[tuple[int, ...], Geometry]:
    size = one_an_axis(pool_size, x.ndim - 2, "pool_size")
    return size, geometry(x.shape[1:-1], size, size if strides is None else strides, padding)


# ── Maximum ─────────────────────────────────────────────────────────────────────────────


@partial(jax.jit, static_argnums=(1, 2), inline=True)
def _max_pool(x: jax.Array, size: tuple[int, ...], geometry: Geometry) -> jax.Array:
    static = {"size": size, "geometry": geometry}
    if max(size) > _LONG:
        return _max_stock(x, **static)
    return lax.platform_dependent(x, cpu=partial(_max_cpu, **static), default=partial(_max_stock, **static))


def _max_cpu(x: jax.Array, size: tuple[int, ...], geometry: Geometry) -> jax.Array:
    if tap_count(size) <= _MANY_TAPS:
        return _maximum(x, size, geometry)
    return _axis_by_axis(_maximum, x, size, geometry)


def _max_stock(x: jax.Array, size: tuple[int, ...], geometry: Geometry) -> jax.Array:
    return _reduce_window(x, _lowest(x), lax.max, size, geometry)


@partial(jax.custom_jvp, nondiff_argnums=(1, 2))
def _maximum(x: jax.Array, size: tuple[int, ...], geometry: Geometry) -> jax.Array:
    return functools.reduce(jnp.maximum, windows(x, size, geometry, _lowest(x)))


@_maximum.defjvp
def _maximum_derivative(size: tuple[int, ...], geometry: Geometry, primals: tuple, tangents: tuple) -> tuple:
    (x,), (tangent,) = primals, tangents
    maximum = _maximum(x, size, geometry)
    return maximum, _at_first_maximum(tangent, x, maximum, size, geometry)


@partial(jax.checkpoint, prevent_cse=False, static_argnums=(3, 4))
def _at_first_maximum(
    tangent: jax.Array, x: jax.Array, maximum: jax.Array, size: tuple[int, ...], geometry: Geometry
) -> jax.Array:
    """Of each window of the tangent, the element where x has its first maximum."""
    marks, seen = [], jnp.zeros(maximum.shape, bool)
    for one in windows(x, size, geometry, _lowest(x)):
        equal = one == maximum
        marks.append(equal & ~seen)
        seen = seen | equal
    if size == geometry.strides:
        return jnp.where(jnp.stack(marks), _tiles(tangent, size, geometry), 0).sum(0, dtype=tangent.dtype)
    slices = windows(tangent, size, geometry)
    return functools.reduce(jnp.add, [jnp.where(mark, one, 0) for mark, one in zip(marks, slices, strict=True)])


def _tiles(x: jax.Array, size: tuple[int, ...], geometry: Geometry) -> jax.Array:
    """The slices of windows that do not overlap, stacked: (taps, B, *O, C).

    A reshape and a transposition, so that its own transposition is too: each element of the gradient is written once,
    where slices would be padded and added (1.3 to 4 times slower).
    """
    rank, places = len(size), output_lengths(x, size, geometry)
    ends = [
        taps * n - length - before for taps, n, length, (before, _) in zip(size, places, x.shape[1:-1], geometry.pads)
    ]
    widths = [(0, 0, 0), *((before, end, 0) for (before, _), end in zip(geometry.pads, ends)), (0, 0, 0)]
    x = lax.pad(x, jnp.zeros((), x.dtype), widths)
    inside = [length for pair in zip(places, size) for length in pair]
    x = x.reshape(x.shape[0], *inside, x.shape[-1])
    x = x.transpose(*range(2, 2 * rank + 1, 2), 0, *range(1, 2 * rank, 2), 2 * rank + 1)
    return x.reshape(-1, *x.shape[rank:])


def _lowest(x: jax.Array) -> float:
    return -np.inf if jnp.issubdtype(x.dtype, jnp.floating) else jnp.iinfo(x.dtype).min


# ── Mean ────────────────────────────────────────────────────────────────────────────────


@partial(jax.jit, static_argnums=(1, 2), inline=True)
def _average_pool(x: jax.Array, size: tuple[int, ...], geometry: Geometry) -> jax.Array:
    static = {"size": size, "geometry": geometry}
    sums = x.astype(jnp.promote_types(x.dtype, jnp.float32))  # half precision is summed in float32
    overlapping = any(taps > step for taps, step in zip(size, geometry.strides))
    if max(size) > _LONG or (tap_count(size) > _MANY_TAPS and not overlapping):
        sums = _sum_stock(sums, **static)
    else:
        fast = partial(_axis_by_axis, _sum) if overlapping else _sum
        sums = lax.platform_dependent(sums, cpu=partial(fast, **static), default=partial(_sum_stock, **static))
    return (sums * (1 / _counts(x, size, geometry))).astype(x.dtype)


def _sum(x: jax.Array, size: tuple[int, ...], geometry: Geometry) -> jax.Array:
    return functools.reduce(jnp.add, windows(x, size, geometry))


def _sum_stock(x: jax.Array, size: tuple[int, ...], geometry: Geometry) -> jax.Array:
    return _reduce_window(x, 0, lax.add, size, geometry)


def _counts(x: jax.Array, size: tuple[int, ...], geometry: Geometry) -> np.ndarray:
    """How many cells of each window are not padding: an array that broadcasts against (B, *O, C)."""
    counts = np.ones((1,) * x.ndim)
    for axis, (n, taps) in enumerate(zip(output_lengths(x, size, geometry), size)):
        step, (before, after) = geometry.strides[axis], geometry.pads[axis]
        if before == 0 and after == 0:
            counts = counts * taps
            continue
        starts = np.arange(n) * step - before
        inside = np.minimum(starts + taps, x.shape[axis + 1]) - np.maximum(starts, 0)
        counts = counts * inside.reshape([-1 if i == axis + 1 else 1 for i in range(x.ndim)])
    return counts.astype(jnp.promote_types(x.dtype, jnp.float32))


# ── Both ────────────────────────────────────────────────────────────────────────────────


def _axis_by_axis(function: Callable, x: jax.Array, size: tuple[int, ...], geometry: Geometry) -> jax.Array:
    """A pooling as one pooling an axis, the last axis first, which keeps row-major order among equals."""
    for axis in reversed(range(len(size))):
        x = function(x, tuple(taps if i == axis else 1 for i, taps in enumerate(size)), split(geometry, axis))
    return x


def _reduce_window(
    x: jax.Array, start: float, reducer: Callable, size: tuple[int, ...], geometry: Geometry
) -> jax.Array:
    """XLA's own pooling."""
    pads = [(0, 0), *geometry.pads, (0, 0)]
    return lax.reduce_window(x, np.array(start, x.dtype)[()], reducer, (1, *size, 1), (1, *geometry.strides, 1), pads)
