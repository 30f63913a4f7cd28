"""How the data sets are shuffled, split, and their words numbered: bit by bit as in Keras."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from plait.errors import ArgumentError

Arrays = tuple[np.ndarray, np.ndarray]


def shuffled(rng: np.random.RandomState, x: np.ndarray, y: np.ndarray) -> Arrays:
    """Both arrays in the same new order."""
    order = np.arange(len(x))
    rng.shuffle(order)
    return x[order], y[order]


def split(x: np.ndarray, y: np.ndarray, test_split: float, seed: int) -> tuple[Arrays, Arrays]:
    """Shuffled, and the last part for testing.

    Raises:
        ArgumentError: a part outside of [0, 1).
    """
    if not 0 <= test_split < 1:
        raise ArgumentError(f"`test_split` must be from 0 to below 1, but got {test_split}.")
    x, y = shuffled(np.random.RandomState(seed), x, y)
    first = int(len(x) * (1 - test_split))
    return (x[:first], y[:first]), (x[first:], y[first:])


def numbered(rows: Any, start_char: int | None, index_from: int) -> list[list[int]]:
    """The words' numbers moved up by `index_from`, after a mark for the start."""
    start = [] if start_char is None else [start_char]
    move = index_from or 0
    return [start + [word + move for word in row] for row in rows]


def shorter(rows: Sequence[list[int]], labels: Any, maxlen: int | None) -> tuple[list[list[int]], np.ndarray]:
    """The rows of fewer words than `maxlen`, and their labels."""
    if not maxlen:
        return list(rows), np.asarray(labels)
    kept = [place for place, row in enumerate(rows) if len(row) < maxlen]
    return [rows[place] for place in kept], np.asarray(labels)[kept]


def common(rows: list[list[int]], num_words: int | None, skip_top: int, oov_char: int | None) -> np.ndarray:
    """The rows with rare words, and the most frequent ones, replaced by `oov_char`, or left out if that is None.

    Returns:
        an array (N,) of lists.
    """
    most = num_words or max((max(row) for row in rows if row), default=0)
    if oov_char is None:
        rows = [[word for word in row if skip_top <= word < most] for row in rows]
    else:
        rows = [[word if skip_top <= word < most else oov_char for word in row] for row in rows]
    result = np.empty(len(rows), dtype=object)
    result[:] = rows
    return result
