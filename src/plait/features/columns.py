"""Columns of a table, read from rows in batches or one at a time, as often as somebody asks."""

from collections.abc import Iterable, Iterator
from typing import Any

import jax
import numpy as np

from plait.common.messages import describe
from plait.core.tensor import KerasTensor
from plait.errors import ArgumentError

_ROWS = 32  # rows that go together where a data set has one at a time


class Table:
    """A dict of columns as a data set of rows; one column is had without going through the others."""

    def __init__(self, columns: dict[str, Any]):
        self.columns = {name: np.asarray(column) for name, column in columns.items()}

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for values in zip(*self.columns.values()):
            yield dict(zip(self.columns, values))


def column(dataset: Iterable[Any], name: str) -> Iterator[np.ndarray]:
    """The values of one feature in all elements of a data set."""
    if isinstance(dataset, Table) and name in dataset.columns:
        yield from map(np.asarray, dataset.columns[name])
        return
    for element in dataset:
        if not isinstance(element, dict) or name not in element:
            has = f"has only {list(element)}" if isinstance(element, dict) else f"is {describe(element)}"
            raise ArgumentError(
                f"FeatureSpace: `adapt` needs dicts with the feature {name!r}, but an element of the data {has}. Labels are left "
                "out by `dataset.map(lambda x, y: x)`."
            )
        yield np.asarray(element[name])


def batches(values: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Values as batches with an axis of features: single ones are put together."""
    waiting: list[np.ndarray] = []
    for value in values:
        if value.ndim:
            yield value[:, None] if value.ndim == 1 else value
            continue
        waiting.append(value)
        if len(waiting) == _ROWS:
            yield np.stack(waiting)[:, None]
            waiting = []
    if waiting:
        yield np.stack(waiting)[:, None]


def as_value(value: Any) -> Any:
    """A value as an array; symbolic tensors and JAX's arrays as they are."""
    return value if isinstance(value, (KerasTensor, jax.Array)) else np.asarray(value)


def as_column(value: Any) -> Any:
    """A value with an axis of features."""
    return value if isinstance(value, KerasTensor) or value.ndim > 1 else value.reshape((-1, 1))
