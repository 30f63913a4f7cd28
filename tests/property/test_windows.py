"""Convolutions and pooling over random windows, strides, dilations, paddings and formats, against plain NumPy."""

import itertools

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from plait import ops
from property.shapes import agree, array, formats, padded, placed, quick, slid, symbolic_agrees, windows

channels = st.integers(1, 3)


def convolved(x: np.ndarray, kernel: np.ndarray, window: dict) -> np.ndarray:
    """Each window times the kernel (*k, C, F), summed up."""
    rank = len(window["size"])
    patches = slid(padded(x, window, 0.0), window)
    return np.tensordot(patches, kernel, axes=(list(range(1 + rank, 2 + 2 * rank)), list(range(rank + 1))))


def options(window: dict, data_format: str) -> dict:
    return {
        "strides": tuple(window["strides"]),
        "padding": window["padding"],
        "data_format": data_format,
        "dilation_rate": tuple(window["dilation"]),
    }


@quick
@given(windows(), formats, channels, channels, st.integers(1, 2))
def test_convolution(window, data_format, inside, outside, groups):
    x = array((2, *window["spatial"], inside * groups), 1)
    kernel = array((*window["size"], inside, outside * groups), 2)
    parts = zip(np.split(x, groups, -1), np.split(kernel, groups, -1), strict=True)
    expected = np.concatenate([convolved(part, filters, window) for part, filters in parts], -1)
    given_x = placed(x, data_format)
    found = ops.conv(given_x, kernel, **options(window, data_format))
    agree(found, placed(expected, data_format))
    symbolic_agrees(lambda tensor: ops.conv(tensor, kernel, **options(window, data_format)), given_x, found)


@quick
@given(windows(most_axes=2), formats, channels, st.integers(1, 2))
def test_depthwise_convolution(window, data_format, inside, multiplier):
    assume(len(set(window["strides"])) == 1)
    x = array((2, *window["spatial"], inside), 1)
    kernel = array((*window["size"], inside, multiplier), 2)
    expected = np.concatenate(
        [convolved(x[..., c : c + 1], kernel[..., c : c + 1, :], window) for c in range(inside)], -1
    )
    found = ops.depthwise_conv(placed(x, data_format), kernel, **options(window, data_format))
    agree(found, placed(expected, data_format))


@quick
@given(windows(most_axes=2), formats, channels, st.integers(1, 2), channels)
def test_separable_convolution(window, data_format, inside, multiplier, outside):
    assume(len(set(window["strides"])) == 1)
    x = array((2, *window["spatial"], inside), 1)
    depthwise = array((*window["size"], inside, multiplier), 2)
    pointwise = array((*[1] * len(window["size"]), inside * multiplier, outside), 3)
    parts = [convolved(x[..., c : c + 1], depthwise[..., c : c + 1, :], window) for c in range(inside)]
    expected = np.concatenate(parts, -1) @ pointwise.reshape(-1, outside)
    found = ops.separable_conv(placed(x, data_format), depthwise, pointwise, **options(window, data_format))
    agree(found, placed(expected, data_format), 1e-3)


def spread(x: np.ndarray, kernel: np.ndarray, window: dict) -> np.ndarray:
    """What a transposed convolution is: each input spreads the kernel (*k, F, C) over the outputs it would be made of."""
    rank = len(window["size"])
    lengths, starts = [], []
    for n, k, s, d in zip(window["spatial"], window["size"], window["strides"], window["dilation"], strict=True):
        span = (k - 1) * d + 1
        lengths.append(n * s if window["padding"] == "same" else n * s + max(span - s, 0))
        starts.append(max(span - s, 0) // 2 if window["padding"] == "same" else 0)
    out = np.zeros((x.shape[0], *lengths, kernel.shape[-2]))
    for place in itertools.product(*map(range, window["spatial"])):
        for tap in itertools.product(*map(range, window["size"])):
            steps = zip(place, window["strides"], tap, window["dilation"], starts, strict=True)
            at = tuple(i * s + t * d - start for i, s, t, d, start in steps)
            if all(0 <= a < length for a, length in zip(at, lengths, strict=True)):
                out[(slice(None), *at)] += x[(slice(None), *place)] @ kernel[tap].T
    assert out.ndim == rank + 2
    return out


@quick
@given(windows(most_axes=2), formats, channels, channels)
def test_transposed_convolution(window, data_format, inside, outside):
    x = array((2, *window["spatial"], inside), 1)
    kernel = array((*window["size"], outside, inside), 2)
    found = ops.conv_transpose(placed(x, data_format), kernel, **options(window, data_format))
    agree(found, placed(spread(x, kernel, window), data_format))


@quick
@given(windows(dilated=False), formats, channels)
def test_max_pooling(window, data_format, inside):
    x = array((2, *window["spatial"], inside))
    rank = len(window["size"])
    expected = slid(padded(x, window, -np.inf), window).max(axis=tuple(range(1 + rank, 1 + 2 * rank)))
    arguments = tuple(window["size"]), tuple(window["strides"]), window["padding"], data_format
    found = ops.max_pool(placed(x, data_format), *arguments)
    agree(found, placed(expected, data_format))
    symbolic_agrees(lambda tensor: ops.max_pool(tensor, *arguments), placed(x, data_format), found)


@quick
@given(windows(dilated=False), formats, channels)
def test_average_pooling_leaves_the_padding_out(window, data_format, inside):
    x = array((2, *window["spatial"], inside))
    rank = len(window["size"])
    patches = slid(padded(x, window, np.nan), window)
    expected = np.nanmean(patches, axis=tuple(range(1 + rank, 1 + 2 * rank)))
    arguments = tuple(window["size"]), tuple(window["strides"]), window["padding"], data_format
    agree(ops.average_pool(placed(x, data_format), *arguments), placed(expected, data_format))


@quick
@given(
    st.lists(st.tuples(st.integers(1, 7), st.integers(1, 4)), min_size=1, max_size=3), formats, channels, st.booleans()
)
def test_adaptive_pooling(axes, data_format, inside, largest):
    x = array((2, *(n for n, _ in axes), inside))
    expected = x
    for axis, (n, wanted) in enumerate(axes, 1):
        parts = [expected.take(range(i * n // wanted, -(-(i + 1) * n // wanted)), axis) for i in range(wanted)]
        expected = np.stack([part.max(axis) if largest else part.mean(axis) for part in parts], axis)
    function = ops.adaptive_max_pool if largest else ops.adaptive_average_pool
    found = function(placed(x, data_format), tuple(wanted for _, wanted in axes), data_format=data_format)
    agree(found, placed(expected, data_format))
