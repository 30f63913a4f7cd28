"""What the property tests draw: shapes, arrays, windows and formats; and how results are compared."""

import functools
from typing import Any

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

import compiling
import plait

quick = settings(
    derandomize=True,
    max_examples=150 if compiling.LONG else 15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def array(shape: tuple, seed: int = 0, dtype: str = "float32") -> np.ndarray:
    """Numbers of a shape, the same for the same seed, none twice: so a maximum is where it is."""
    size = int(np.prod(shape))
    values = np.random.default_rng(seed).permutation(size).reshape(shape) - size // 2
    return (values / 4 + 0.125).astype(dtype) if dtype.startswith("float") else values.astype(dtype)


shapes = st.lists(st.integers(1, 4), min_size=1, max_size=4).map(tuple)
formats = st.sampled_from(["channels_last", "channels_first"])


@st.composite
def windows(draw: Any, most_axes: int = 3, dilated: bool = True) -> dict:
    """A window over some axes: its size, stride and dilation, a padding, and sizes that it fits into."""
    rank = draw(st.integers(1, most_axes))
    per_axis = functools.partial(st.lists, min_size=rank, max_size=rank)
    size = draw(per_axis(st.integers(1, 3)))
    strides = draw(per_axis(st.integers(1, 3)))
    dilation = draw(per_axis(st.integers(1, 2))) if dilated and draw(st.booleans()) else [1] * rank
    if max(strides) > 1 and max(dilation) > 1:
        strides = [1] * rank
    span = [(k - 1) * d + 1 for k, d in zip(size, dilation, strict=True)]
    spatial = [draw(st.integers(s, s + 4)) for s in span]
    padding = draw(st.sampled_from(["valid", "same"]))
    return {"size": size, "strides": strides, "dilation": dilation, "spatial": spatial, "padding": padding}


def placed(x: np.ndarray, data_format: str) -> np.ndarray:
    """An array with channels last, in a format."""
    return np.moveaxis(x, -1, 1) if data_format == "channels_first" else x


def padded(x: np.ndarray, window: dict, value: float) -> np.ndarray:
    """An array (B, *L, C) with what "same" padding puts around it: more at the end than at the start."""
    if window["padding"] == "valid":
        return x
    margins = [(0, 0)]
    for n, k, s, d in zip(x.shape[1:-1], window["size"], window["strides"], window["dilation"], strict=True):
        whole = max((-(-n // s) - 1) * s + (k - 1) * d + 1 - n, 0)
        margins.append((whole // 2, whole - whole // 2))
    return np.pad(x, [*margins, (0, 0)], constant_values=value)


def slid(x: np.ndarray, window: dict) -> np.ndarray:
    """All windows of an array (B, *L, C): (B, *outputs, *window, C)."""
    rank = len(window["size"])
    span = [(k - 1) * d + 1 for k, d in zip(window["size"], window["dilation"], strict=True)]
    views = np.lib.stride_tricks.sliding_window_view(x, span, axis=tuple(range(1, rank + 1)))  # (B, *L', C, *span)
    picked = views[(slice(None), *(slice(None, None, s) for s in window["strides"]))]
    picked = picked[(Ellipsis, *(slice(None, None, d) for d in window["dilation"]))]
    return np.moveaxis(picked, rank + 1, -1)


def agree(ours: Any, oracle: Any, tolerance: float = 1e-4) -> None:
    """Same shape, same numbers."""
    ours = np.asarray(ours)
    assert ours.shape == np.shape(oracle)
    np.testing.assert_allclose(ours, oracle, rtol=tolerance, atol=tolerance)


def symbolic_agrees(function: Any, x: np.ndarray, result: Any) -> None:
    """The call on a symbolic tensor of unknown batch tells the shape and dtype that come out."""
    told = function(plait.KerasTensor((None, *x.shape[1:]), str(x.dtype)))
    assert told.dtype == str(result.dtype)
    assert len(told.shape) == len(result.shape)
    assert all(a is None or a == b for a, b in zip(told.shape, result.shape, strict=True))
