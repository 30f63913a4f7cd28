"""Functions of mathematics and signals: Fourier transforms, segments, the best k, error functions, distances.

Complex signals go in and out as a tuple of two real tensors, the real and the imaginary part.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from plait.common.messages import describe, did_you_mean
from plait.core.op import op
from plait.core.variable import convert_to_tensor
from plait.errors import ArgumentError, NameUnknownError, ShapeError
from plait.ops.operands import axes, floating

__all__ = [
    "cdist",
    "erf",
    "erfc",
    "erfinv",
    "extract_sequences",
    "fft",
    "fft2",
    "ifft2",
    "in_top_k",
    "irfft",
    "istft",
    "logdet",
    "logsumexp",
    "rfft",
    "rsqrt",
    "segment_max",
    "segment_min",
    "segment_prod",
    "segment_sum",
    "stft",
    "top_k",
    "view_as_complex",
    "view_as_real",
]

_MATH = "keras.src.ops.math"
_NOTHING = 1e-10  # a sum of squared windows below it means that no frame covers the place

# ---------------------------------------------------------------------------- element by element


@op(module=_MATH)
def erf(x: Any) -> Any:
    """Gauss's error function, element by element: 2/√π times the integral of exp(-t²) from 0 to x."""
    return jax.lax.erf(floating(x))


@op(module=_MATH)
def erfc(x: Any) -> Any:
    """1 - erf(x), element by element, exact where it is nearly 0."""
    return jax.lax.erfc(floating(x))


@op(module=_MATH)
def erfinv(x: Any) -> Any:
    """The inverse of `erf`, element by element, for x between -1 and 1."""
    return jax.lax.erf_inv(floating(x))


@op(module=_MATH)
def rsqrt(x: Any) -> Any:
    """1 / √x, element by element."""
    return jax.lax.rsqrt(floating(x))


# ---------------------------------------------------------------------------- reductions and distances


@op(module=_MATH)
def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """log(Σ exp(x)) without overflow, over one axis, several, or all."""
    return jax.nn.logsumexp(floating(x), axis=axes(axis), keepdims=keepdims)


@op(module=_MATH)
def logdet(x: Any) -> Any:
    """The logarithm of the absolute value of a matrix's determinant. Shapes: (..., N, N) becomes (...)."""
    return jnp.linalg.slogdet(floating(x))[1]


@op(module=_MATH, name="CDist")
def cdist(x: Any, y: Any) -> Any:
    """The Euclidean distance of each row of x from each of y. Shapes: (..., N, D) and (..., M, D) give (..., N, M).

    Differs: where two rows are equal, the gradient is 0; Keras returns NaN.
    """
    x, y = floating(x), floating(y)
    sizes = {n for n in (x.shape[-1], y.shape[-1]) if isinstance(n, int)}
    if len(sizes) > 1:
        raise ShapeError(f"cdist: the last axes must be of one size, but got {describe(x)} and {describe(y)}.")
    squares = jnp.sum(jnp.square(x[..., :, None, :] - y[..., None, :, :]), axis=-1)
    apart = squares > 0
    return jnp.where(apart, jnp.sqrt(jnp.where(apart, squares, 1)), 0)


# ---------------------------------------------------------------------------- the best k


@op(module=_MATH, name="TopK", options=("k", "sorted"))
def top_k(x: Any, k: int, sorted: bool = True) -> Any:
    """The k largest values along the last axis, largest first, and their places (int32). Shapes: (..., N) gives two
    (..., k).

    `sorted` has no effect: values always are sorted. Raises: ShapeError if k is above N.

    >>> values, places = top_k([3, 1, 2], 2)
    >>> values.tolist(), places.tolist()
    ([3, 2], [0, 2])
    """
    x = convert_to_tensor(x)
    if x.ndim == 0 or (isinstance(x.shape[-1], int) and k > x.shape[-1]):
        raise ShapeError(f"top_k: the last axis must have at least k={k} values, but got {describe(x)}.")
    return jax.lax.top_k(x, k)


@op(module=_MATH, options=("k",))
def in_top_k(targets: Any, predictions: Any, k: int) -> Any:
    """Whether the prediction of the target class is among the k best; ties count as better. No NaN ever is.

    Shapes: (B,) integers and (B, C) give (B,) booleans.
    """
    targets, predictions = convert_to_tensor(targets), convert_to_tensor(predictions)
    of_target = jnp.take_along_axis(predictions, targets[..., None], axis=-1)
    if jnp.issubdtype(predictions.dtype, jnp.inexact):
        of_target = jnp.where(jnp.isnan(of_target), -jnp.inf, of_target)
    return jnp.sum(predictions > of_target, axis=-1) < k


# ---------------------------------------------------------------------------- segments


def _segments(name: str, class_name: str, function: Callable, what: str, nothing: str) -> Callable[..., Any]:
    def operate(data: Any, segment_ids: Any, num_segments: Any = None, sorted: bool = False) -> Any:
        data, segment_ids = convert_to_tensor(data), convert_to_tensor(segment_ids)
        if segment_ids.ndim != 1:
            raise ShapeError(
                f"{name}: Argument `segment_ids` should be an 1-D vector, but got {describe(segment_ids)}. Use "
                "segment_ids.reshape((-1,)) and data.reshape((-1, ...))."
            )
        counts = {n for n in (*data.shape[:1], *segment_ids.shape) if isinstance(n, int)}
        if data.ndim == 0 or len(counts) > 1:
            raise ShapeError(
                f"{name}: Argument `segment_ids` and `data` should have same leading dimension. Got "
                f"{describe(segment_ids)} and {describe(data)}."
            )
        if num_segments is None and isinstance(segment_ids, Tracer):
            raise ArgumentError(
                f"{name}: Argument `num_segments` must be set, because no size can depend on values in a compiled "
                "program or a graph."
            )
        return function(data, segment_ids, num_segments, indices_are_sorted=sorted)

    operate.__name__ = operate.__qualname__ = name
    operate.__doc__ = f"""{what} of the rows of each segment.

    Args:
        data: (N, ...).
        segment_ids: (N,) integers: which segment each row belongs to; rows of others than 0 ... num_segments - 1 fall out.
        num_segments: how many segments there are; None is the largest id and one more, and works outside of graphs only.
        sorted: whether the ids are in rising order, which is faster.

    Returns:
        (num_segments, ...); {nothing} for a segment without rows.

    Raises:
        ShapeError: ids of more than one axis.
        ArgumentError: no `num_segments` in a graph or compiled program."""
    return op(operate, name=class_name, module=_MATH)


segment_sum = _segments("segment_sum", "SegmentSum", jax.ops.segment_sum, "The sum", "0")
segment_prod = _segments("segment_prod", "SegmentProd", jax.ops.segment_prod, "The product", "1")
segment_max = _segments("segment_max", "SegmentMax", jax.ops.segment_max, "The largest", "the least number")
segment_min = _segments("segment_min", "SegmentMin", jax.ops.segment_min, "The smallest", "the largest number")

# ---------------------------------------------------------------------------- complex numbers


@op(module=_MATH)
def view_as_complex(x: Any) -> Any:
    """Complex numbers from real and imaginary parts. Shapes: (..., 2) becomes (...).

    Raises: ShapeError if the last axis isn't of size 2.
    """
    x = floating(x)
    if x.ndim == 0 or x.shape[-1] != 2:
        raise ShapeError(
            f"view_as_complex: Last dimension of input must be size 2 (real and imaginary), but got {describe(x)}."
        )
    x = x.astype("float32") if x.dtype in ("float16", "bfloat16") else x
    return jax.lax.complex(x[..., 0], x[..., 1])


@op(module=_MATH)
def view_as_real(x: Any) -> Any:
    """The real and the imaginary parts of complex numbers. Shapes: (...) becomes (..., 2)."""
    x = convert_to_tensor(x)
    return jnp.stack([jnp.real(x), jnp.imag(x)], axis=-1)


def _complex(name: str, x: Any, rank: int = 1) -> Any:
    if not isinstance(x, (tuple, list)) or len(x) != 2:
        raise ArgumentError(
            f"{name}: Input `x` should be a tuple of two tensors - real and imaginary, but got {describe(x)}."
        )
    real, imaginary = _ranked(name, floating(x[0]), rank), floating(x[1])
    if real.shape != imaginary.shape:
        raise ShapeError(
            f"{name}: Both the real and imaginary parts should have the same shape, but got {describe(x)}."
        )
    return jax.lax.complex(real, imaginary)


def _ranked(name: str, x: Any, rank: int) -> Any:
    if x.ndim < rank:
        raise ShapeError(f"{name}: Input should have rank >= {rank}, but got {describe(x)}.")
    return x


def _parts(x: Any) -> tuple:
    return jnp.real(x), jnp.imag(x)


# ---------------------------------------------------------------------------- Fourier transforms


@op(module=_MATH, name="FFT")
def fft(x: Any) -> Any:
    """The discrete Fourier transform along the last axis. Shapes: (real, imaginary) of (..., N) give the same.

    Raises: ArgumentError if x isn't a tuple of two; ShapeError if their shapes differ.
    """
    return _parts(jnp.fft.fft(_complex("fft", x)))


@op(module=_MATH, name="FFT2")
def fft2(x: Any) -> Any:
    """The discrete Fourier transform over the last two axes. Shapes: (real, imaginary) of (..., N, M) give the same.

    Raises: ArgumentError if x isn't a tuple of two; ShapeError if their shapes differ.
    """
    return _parts(jnp.fft.fft2(_complex("fft2", x, 2)))


@op(module=_MATH, name="IFFT2")
def ifft2(x: Any) -> Any:
    """The inverse of `fft2`. Shapes: (real, imaginary) of (..., N, M) give the same.

    Raises: ArgumentError if x isn't a tuple of two; ShapeError if their shapes differ.
    """
    return _parts(jnp.fft.ifft2(_complex("ifft2", x, 2)))


@op(module=_MATH, name="RFFT")
def rfft(x: Any, fft_length: Any = None) -> Any:
    """The discrete Fourier transform of a real signal along the last axis, its first half: the rest mirrors it.

    Shapes: (..., N) becomes (real, imaginary) of (..., fft_length // 2 + 1). The signal is cut, or filled with zeros, to
    `fft_length`; None is N.
    """
    return _parts(jnp.fft.rfft(_ranked("rfft", floating(x), 1), n=fft_length))


@op(module=_MATH, name="IRFFT")
def irfft(x: Any, fft_length: Any = None) -> Any:
    """The inverse of `rfft`. Shapes: (real, imaginary) of (..., F) give (..., fft_length), which is 2 (F - 1) for None.

    Raises: ArgumentError if x isn't a tuple of two; ShapeError if their shapes differ.
    """
    return jnp.fft.irfft(_complex("irfft", x), n=fft_length)


def _check_stride(name: str, stride: Any) -> None:
    if not isinstance(stride, (int, np.integer)) or stride < 1:
        raise ArgumentError(f"{name}: `sequence_stride` must be a positive integer, but got {stride!r}.")


@op(module=_MATH, options=("sequence_length", "sequence_stride"))
def extract_sequences(x: Any, sequence_length: int, sequence_stride: int) -> Any:
    """Windows of a signal. Shapes: (..., T) becomes (..., (T - length) // stride + 1, length).

    >>> extract_sequences([1, 2, 3, 4, 5], 3, 2).tolist()
    [[1, 2, 3], [3, 4, 5]]
    """
    x = _ranked("extract_sequences", convert_to_tensor(x), 1)
    _check_stride("extract_sequences", sequence_stride)
    count = (x.shape[-1] - sequence_length) // sequence_stride + 1
    if isinstance(count, int) and count <= 0:
        return jnp.zeros((*x.shape[:-1], 0, sequence_length), x.dtype)
    starts = jnp.arange(count) * sequence_stride
    return x[..., starts[:, None] + jnp.arange(sequence_length)]


@op(module=_MATH, name="STFT", options=("sequence_length", "sequence_stride", "fft_length", "window", "center"))
def stft(
    x: Any,
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    window: Any = "hann",
    center: bool = True,
) -> Any:
    """The short-time Fourier transform: `rfft` of each of some overlapping windows of a signal.

    Args:
        x: (..., T), real.
        sequence_length: the length of a window.
        sequence_stride: by how much the window moves.
        fft_length: the size of the transform: each window is filled with zeros up to it, on both sides.
        window: what to multiply each with: "hann", "hamming", a tensor (sequence_length,), or None.
        center: whether the t-th window is centred at t * stride; the signal is mirrored at both ends for that.

    Returns:
        (real, imaginary) of (..., number of windows, fft_length // 2 + 1).

    Raises:
        ArgumentError: `fft_length` is less than `sequence_length`, or no such window.
        ShapeError: a window of another length.
    """
    x = floating(x)
    _check_stride("stft", sequence_stride)
    weights = _window("stft", window, sequence_length, fft_length, x.dtype)
    if center:
        x = jnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(fft_length // 2, fft_length // 2)], mode="reflect")
    return _parts(jnp.fft.rfft(extract_sequences(x, fft_length, sequence_stride) * weights))


@op(
    module=_MATH,
    name="ISTFT",
    options=("sequence_length", "sequence_stride", "fft_length", "length", "window", "center"),
)
def istft(
    x: Any,
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    length: Any = None,
    window: Any = "hann",
    center: bool = True,
) -> Any:
    """The inverse of `stft`: the signal whose windows are nearest to the given ones, by least squares.

    Args:
        x: (real, imaginary) of (..., number of windows, fft_length // 2 + 1).
        sequence_length: as in `stft`.
        sequence_stride: as in `stft`.
        fft_length: as in `stft`.
        length: the length of the signal, at most what the windows cover; None is that, without what `center` added.
        window: as in `stft`.
        center: as in `stft`.

    Returns:
        (..., length).

    Raises:
        ArgumentError: as `stft`; or x isn't a tuple of two.
        ShapeError: a window of another length; or parts of different shapes.

    Source: Griffin and Lim, "Signal Estimation from Modified Short-Time Fourier Transform", 1984.
    Differs: without a window this is the inverse too; Keras's result is fft_length / sequence_stride times too large.
    """
    _check_stride("istft", sequence_stride)
    spectrum = _complex("istft", x, 2)
    frames = jnp.fft.irfft(spectrum, n=fft_length)
    weights = _window("istft", window, sequence_length, fft_length, frames.dtype)
    covered = _overlap_add(jnp.broadcast_to(jnp.square(weights), frames.shape[-2:]), sequence_stride)
    signal = _overlap_add(frames * weights, sequence_stride) / jnp.where(covered > _NOTHING, covered, 1)
    start = fft_length // 2 if center else 0
    end = signal.shape[-1] - start if length is None else start + length
    return signal[..., start:end]


def _overlap_add(frames: Any, stride: int) -> Any:
    """Adds up frames (..., n, length) that start `stride` apart: (..., (n - 1) * stride + length)."""
    *outer, count, length = frames.shape
    pieces = -(-length // stride)
    none = [(0, 0)] * len(outer)
    frames = jnp.pad(frames, [*none, (0, 0), (0, pieces * stride - length)])
    frames = frames.reshape(*outer, count, pieces, stride)
    rows = [jnp.pad(frames[..., i, :], [*none, (i, pieces - 1 - i), (0, 0)]) for i in range(pieces)]
    total = sum(rows[1:], rows[0])
    return total.reshape(*outer, (count + pieces - 1) * stride)[..., : (count - 1) * stride + length]


_WINDOWS = {"hann": 0.5, "hamming": 0.54}  # the mean of a raised cosine of height 1


def _window(name: str, window: Any, sequence_length: int, fft_length: int, dtype: Any) -> Any:
    """The weights of a window, filled with zeros on both sides to (fft_length,)."""
    if fft_length < sequence_length:
        raise ArgumentError(
            f"{name}: `fft_length` must equal or larger than `sequence_length`, but got "
            f"sequence_length={sequence_length}, fft_length={fft_length}."
        )
    if window is None:
        weights = jnp.ones(sequence_length, dtype)
    elif isinstance(window, str):
        if window not in _WINDOWS:
            raise NameUnknownError(
                f'{name}: If a string is passed to `window`, it must be one of "hann", "hamming", but got {window!r}.'
                f"{did_you_mean(window, _WINDOWS)}"
            )
        mean = _WINDOWS[window]
        turns = np.arange(sequence_length) / sequence_length
        weights = jnp.asarray(mean - (1 - mean) * np.cos(2 * np.pi * turns), dtype)
    else:
        weights = convert_to_tensor(window, dtype)
    if weights.shape != (sequence_length,):
        raise ShapeError(
            f"{name}: The shape of `window` must be equal to [sequence_length] = [{sequence_length}], but got "
            f"{describe(weights)}."
        )
    before = (fft_length - sequence_length) // 2
    return jnp.pad(weights, (before, fft_length - sequence_length - before))
