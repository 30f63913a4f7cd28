"""Labels that aren't there: what masked arrays, pandas, polars and lists of objects have in their place.

`marked` puts the number that `compile(missing_labels=...)` names wherever such data has nothing, so that a label that is
missing is the same to the step whatever it came from.

What it is not: the part of the step that leaves these labels out (`training/missing`).
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from plait.common.settings import settings
from plait.errors import DataError


def may_lack_some(labels: Any) -> bool:
    """Whether labels are of a kind that can have nothing somewhere."""
    if isinstance(labels, np.ndarray):
        return labels.dtype.kind == "O" or isinstance(labels, np.ma.MaskedArray)
    return hasattr(labels, "isna") or hasattr(labels, "is_null")


def marked(labels: Any, missing: float | None, owner: str) -> Any:
    """Labels with the missing value wherever there are none; others as they are.

    Args:
        labels: the labels of one output.
        missing: what stands for a missing one; None where none may be missing.
        owner: the model's name.

    >>> marked(np.ma.masked_array([1, 2, 3], [False, True, False]), -1, "m").tolist()
    [1, -1, 3]

    Raises:
        DataError: labels are masked, though none may be missing.
    """
    found = _with_nulls(labels)
    if found is None:
        return labels
    values, nulls = found
    if missing is None:
        if not isinstance(labels, np.ma.MaskedArray):
            return labels  # NaN, or no numbers: refused as such
        raise DataError(
            f"{owner}: {int(nulls.sum())} of {nulls.size} labels are masked. To train on the others, compile with "
            "missing_labels=np.nan."
        )
    if values.dtype.kind != "f" and whole(missing) is None:
        values = values.astype(settings().floatx)
    values = np.array(values)
    values[nulls] = missing
    return values


def whole(value: float) -> int | None:
    """A number as a whole one, if it is whole.

    >>> whole(-1.0), whole(float("nan"))
    (-1, None)
    """
    return int(value) if float(value).is_integer() else None


def labelled_on_host(labels: np.ndarray, missing: float) -> np.ndarray:
    """Where labels are there."""
    if missing != missing:
        return ~np.isnan(labels) if labels.dtype.kind == "f" else np.ones(labels.shape, bool)
    return labels != missing


def _with_nulls(labels: Any) -> tuple[np.ndarray, np.ndarray] | None:
    """Values, and where there are none; None where nothing is missing."""
    if isinstance(labels, np.ma.MaskedArray):
        nulls = np.ma.getmaskarray(labels)
        return (np.asarray(labels.data), nulls) if nulls.any() else None
    if hasattr(labels, "columns") and hasattr(labels, "to_numpy"):
        return _of_columns([labels[name] for name in labels.columns])
    if hasattr(labels, "isna") and hasattr(labels, "fillna"):  # pandas
        return _filled(np.asarray(labels.isna()), lambda: labels.fillna(0))
    if hasattr(labels, "is_null") and hasattr(labels, "fill_null"):  # polars
        return _filled(np.asarray(labels.is_null()), lambda: labels.fill_null(0))
    if isinstance(labels, np.ndarray) and labels.dtype == object:
        nulls = np.array([item is None for item in labels.ravel()], bool).reshape(labels.shape)
        return _filled(nulls, lambda: np.where(nulls, 0, labels))
    return None


def _of_columns(columns: list) -> tuple[np.ndarray, np.ndarray] | None:
    found = [_with_nulls(column) for column in columns]
    if all(pair is None for pair in found):
        return None
    pairs = [
        (np.asarray(column), np.zeros(len(column), bool)) if pair is None else pair
        for column, pair in zip(columns, found, strict=True)
    ]
    return np.stack([values for values, _ in pairs], axis=-1), np.stack([nulls for _, nulls in pairs], axis=-1)


def _filled(nulls: np.ndarray, fill: Callable[[], Any]) -> tuple[np.ndarray, np.ndarray] | None:
    if not nulls.any():
        return None
    try:
        values = np.asarray(fill())
        return (values.astype(settings().floatx) if values.dtype == object else values), nulls
    except (TypeError, ValueError):
        return None  # text and the like, which is refused as such
