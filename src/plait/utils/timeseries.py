"""Windows of a time series as a data set."""

import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from plait.common.messages import describe
from plait.errors import ArgumentError
from plait.utils.dataset import Dataset, check_format, check_size, new_seed


def timeseries_dataset_from_array(
    data: Any,
    targets: Any,
    sequence_length: int,
    sequence_stride: int = 1,
    sampling_rate: int = 1,
    batch_size: int | None = 128,
    shuffle: bool = False,
    seed: int | None = None,
    start_index: int | None = None,
    end_index: int | None = None,
    format: str | None = None,
) -> Dataset:
    """Batches of windows into a series, with a target for each.

    Args:
        data: the series, (T, ...): consecutive steps along the first axis. A memory-mapped one is read window by window.
        targets: the target of the window that begins at each step, (T, ...); None for none.
        sequence_length: steps in a window.
        sequence_stride: steps from the start of a window to that of the next one.
        sampling_rate: steps from one step of a window to the next.
        batch_size: windows in a batch; None gives single ones.
        shuffle: whether windows come in a random order, another one each iteration.
        seed: makes the order repeatable.
        start_index: the first step to use.
        end_index: the step after the last one to use.
        format: has no effect: there is only one kind of data set here.

    Returns:
        a `Dataset` of (windows, targets), or of windows: (B, sequence_length, ...).

    Raises:
        ArgumentError: numbers that can't be, or that leave no window.

    >>> pairs = timeseries_dataset_from_array(np.arange(6), np.arange(6) * 10, sequence_length=3, batch_size=2)
    >>> [(x.tolist(), y.tolist()) for x, y in pairs]
    [([[0, 1, 2], [1, 2, 3]], [0, 10]), ([[2, 3, 4], [3, 4, 5]], [20, 30])]
    """
    check_format(format)
    data = data if isinstance(data, np.ndarray) else np.asarray(data)
    targets = targets if targets is None or isinstance(targets, np.ndarray) else np.asarray(targets)
    start, end = _range(len(data), start_index, end_index)
    steps = {"sequence_length": sequence_length, "sequence_stride": sequence_stride, "sampling_rate": sampling_rate}
    for name, value in (*steps.items(), ("batch_size", batch_size)):
        check_size("timeseries_dataset_from_array", name, value)
        if value is not None and value >= len(data) and name != "batch_size":
            raise ArgumentError(
                f"`{name}` must be lower than the length of the data. Got: {name}={value}, for {len(data)} steps."
            )
    count = end - start - (sequence_length - 1) * sampling_rate
    count = count if targets is None else min(count, len(targets) - start)
    if count < 1:
        raise ArgumentError(
            f"No window of {sequence_length} steps, {sampling_rate} apart, fits into steps {start} to {end} of {describe(data)}."
        )
    starts = np.arange(0, count, sequence_stride) + start
    offsets = np.arange(0, sequence_length * sampling_rate, sampling_rate)
    return _windows(data, targets, starts, offsets, batch_size, shuffle, new_seed() if seed is None else seed)


def _range(length: int, start: int | None, end: int | None) -> tuple[int, int]:
    for name, value in (("start_index", start), ("end_index", end)):
        if value is not None and not 0 <= value <= length:
            raise ArgumentError(f"`{name}` must be from 0 to the length of the data, {length}. Got: {name}={value}")
    first, last = start or 0, length if end is None else end
    if last <= first:
        raise ArgumentError(
            f"`end_index` must be higher than `start_index`. Got: start_index={start} and end_index={end}"
        )
    return first, last


def _windows(
    data: np.ndarray,
    targets: np.ndarray | None,
    starts: np.ndarray,
    offsets: np.ndarray,
    batch_size: int | None,
    shuffle: bool,
    seed: int,
) -> Dataset:
    iterations = itertools.count()

    def make() -> Iterator:
        order, turn = starts.copy(), next(iterations)
        if shuffle:
            np.random.default_rng((seed, turn)).shuffle(order)
        for place in range(0, len(order), batch_size or 1):
            rows = order[place : place + batch_size] if batch_size else order[place]
            windows = np.asarray(data[rows[..., None] + offsets])
            yield windows if targets is None else (windows, np.asarray(targets[rows]))

    return Dataset(make, math.ceil(len(starts) / (batch_size or 1)), batch_size=batch_size)
