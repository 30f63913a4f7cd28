"""Metrics of classes: accuracies, cross-entropies, margins.

Shapes: outputs are (B, ..., C); what is averaged is one number for each (B, ...), or for each entry where classes are a
yes or a no.
"""

from typing import Any

import jax
import jax.numpy as jnp

from plait.common.messages import describe
from plait.common.registry import builtin
from plait.common.settings import settings
from plait.core.variable import convert_to_tensor
from plait.errors import ShapeError
from plait.losses.base import as_pair, match_ranks, takes_classes
from plait.losses.crossentropy import (
    binary_crossentropy,
    categorical_crossentropy,
    kind_of_labels,
    sparse_categorical_crossentropy,
)
from plait.losses.margins import categorical_hinge, hinge, squared_hinge
from plait.metrics.base import MeanMetricWrapper, metric


@builtin("functions", module="keras.metrics")
def accuracy(y_true: Any, y_pred: Any) -> Any:
    """1 where labels and outputs are equal, else 0, entry by entry.

    Shapes: (B, ...) and (B, ...) to (B, ...).
    """
    y_true, y_pred = as_pair(y_true, y_pred)
    return _as_numbers(y_true == y_pred)


@builtin("functions", module="keras.metrics")
def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> Any:
    """1 where an output is on the label's side of a threshold, else 0, entry by entry.

    Shapes: (B, ...) and (B, ...) to (B, ...).

    >>> binary_accuracy([1, 0, 1], [0.9, 0.6, 0.2]).tolist()
    [1.0, 0.0, 0.0]
    """
    y_true, y_pred = match_ranks(convert_to_tensor(y_true), convert_to_tensor(y_pred))
    return _as_numbers(y_true == (y_pred > threshold).astype(y_true.dtype))


@builtin("functions", module="keras.metrics")
def categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """1 where the largest output is that of the label's class, else 0.

    Shapes: (B, ..., C), one-hot, and (B, ..., C) to (B, ...).
    """
    return _wins(jnp.argmax(convert_to_tensor(y_true), axis=-1), convert_to_tensor(y_pred))


@builtin("functions", module="keras.metrics")
@takes_classes
def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """1 where the largest output is that of the label's class, else 0.

    Shapes: (B, ...) or (B, ..., 1), class numbers, and (B, ..., C) to (B, ...).

    Raises:
        ShapeError: the labels are no class numbers for these outputs.

    >>> sparse_categorical_accuracy([1, 0], [[0.1, 0.9], [0.2, 0.8]]).tolist()
    [1.0, 0.0]
    """
    matches = _wins(convert_to_tensor(y_true), convert_to_tensor(y_pred))
    return jnp.squeeze(matches, -1) if matches.ndim > 1 and matches.shape[-1] == 1 else matches


@builtin("functions", module="keras.metrics")
def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Any:
    """1 where fewer than k outputs are larger than that of the label's class, else 0.

    Shapes: (B, ..., C), one-hot, and (B, ..., C) to (B, ...).
    """
    return sparse_top_k_categorical_accuracy(jnp.argmax(convert_to_tensor(y_true), axis=-1), y_pred, k)


@builtin("functions", module="keras.metrics")
@takes_classes
def sparse_top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5, from_sorted_ids: bool = False) -> Any:
    """1 where fewer than k outputs are larger than that of the label's class, else 0.

    Args:
        y_true: class numbers. What is no class counts as 0.
        y_pred: outputs; or class numbers, the best first, where `from_sorted_ids`.
        k: how many classes count as right.
        from_sorted_ids: see there.

    Shapes: (B, ...) or (B, ..., 1), class numbers, and (B, ..., C) to (B, ...).

    >>> sparse_top_k_categorical_accuracy([2, 0], [[0.1, 0.5, 0.4], [0.1, 0.5, 0.4]], k=2).tolist()
    [1.0, 0.0]

    Raises:
        ShapeError: the labels are no class numbers for these outputs.

    Differs: there is no sort; ties count as right, as in Keras.
    """
    labels, y_pred = convert_to_tensor(y_true), convert_to_tensor(y_pred)
    if from_sorted_ids:
        return _as_numbers(jnp.any(y_pred[..., :k] == _labels(labels, y_pred).astype(y_pred.dtype), axis=-1))
    labels, own, is_class = _own_output(labels, y_pred)
    return _as_numbers((jnp.sum(y_pred > own, axis=-1) < k) & is_class)


def _wins(labels: Any, y_pred: Any) -> Any:
    """1 where no output beats that of the label's class: none is larger, and none before it is equal.

    Counting these is several times faster on a CPU than `argmax`, and returns the same.
    """
    labels, own, is_class = _own_output(labels, y_pred)
    is_before = jax.lax.broadcasted_iota("int32", y_pred.shape, y_pred.ndim - 1) < labels
    rivals = jnp.sum(jnp.where(is_before, ~(y_pred < own), ~(y_pred <= own)), axis=-1)  # a NaN is a rival, too
    return _as_numbers((rivals == 0) & is_class)


def _own_output(labels: Any, y_pred: Any) -> tuple[Any, Any, Any]:
    """The labels (..., 1), the outputs of their classes (..., 1), and whether there is such a class, not a NaN (...)."""
    labels = _labels(labels, y_pred).astype("int32")
    own = jnp.take_along_axis(y_pred, jnp.clip(labels, 0, y_pred.shape[-1] - 1), axis=-1)
    is_class = (labels >= 0) & (labels < y_pred.shape[-1]) & ~jnp.isnan(own)
    return labels, own, jnp.squeeze(is_class, -1)


def _labels(labels: Any, y_pred: Any) -> Any:
    """Class numbers with a last axis of size 1."""
    labels = labels[..., None] if labels.ndim < y_pred.ndim else labels
    if labels.shape != (*y_pred.shape[:-1], 1):
        raise ShapeError(
            f"Labels that are class numbers must have the shape {y_pred.shape[:-1]} for outputs {describe(y_pred)}, but got "
            f"{describe(labels)}."
        )
    return labels


def _as_numbers(matches: Any) -> Any:
    return matches.astype(settings().floatx)


@metric()
class Accuracy(MeanMetricWrapper):
    """How often labels and outputs are equal.

    Args:
        name: its name.
        dtype: as for `Metric`.

    >>> float(Accuracy()([1, 2, 3, 4], [0, 2, 3, 4]))
    0.75
    """

    _direction = "up"

    def __init__(self, name: str | None = "accuracy", dtype: Any = None):
        super().__init__(accuracy, name, dtype)


@metric()
class BinaryAccuracy(MeanMetricWrapper):
    """How often an output is on the label's side of a threshold.

    Args:
        name: its name.
        dtype: as for `Metric`.
        threshold: outputs above it are a 1.

    >>> float(BinaryAccuracy()([1, 1, 0, 0], [0.9, 0.4, 0.1, 0.2]))
    0.75
    """

    _direction = "up"

    def __init__(self, name: str | None = "binary_accuracy", dtype: Any = None, threshold: float = 0.5):
        super().__init__(binary_accuracy, name, dtype, threshold=threshold)


@metric()
class CategoricalAccuracy(MeanMetricWrapper):
    """How often the largest output is that of the label's class, with one-hot labels.

    Args:
        name: its name.
        dtype: as for `Metric`.
    """

    _direction = "up"

    def __init__(self, name: str | None = "categorical_accuracy", dtype: Any = None):
        super().__init__(categorical_accuracy, name, dtype)


@metric()
class SparseCategoricalAccuracy(MeanMetricWrapper):
    """How often the largest output is that of the label's class, with class numbers.

    Args:
        name: its name.
        dtype: as for `Metric`.
    """

    _direction = "up"

    def __init__(self, name: str | None = "sparse_categorical_accuracy", dtype: Any = None):
        super().__init__(sparse_categorical_accuracy, name, dtype)


@metric()
class TopKCategoricalAccuracy(MeanMetricWrapper):
    """How often the label's class is among the k largest outputs, with one-hot labels.

    Args:
        k: how many classes count as right.
        name: its name.
        dtype: as for `Metric`.
    """

    _direction = "up"

    def __init__(self, k: int = 5, name: str | None = "top_k_categorical_accuracy", dtype: Any = None):
        super().__init__(top_k_categorical_accuracy, name, dtype, k=k)


@metric()
class SparseTopKCategoricalAccuracy(MeanMetricWrapper):
    """How often the label's class is among the k largest outputs, with class numbers.

    Args:
        k: how many classes count as right.
        name: its name.
        dtype: as for `Metric`.
        from_sorted_ids: whether the outputs are class numbers, the best first.
    """

    _direction = "up"
    _unwritten = ("from_sorted_ids",)

    def __init__(
        self,
        k: int = 5,
        name: str | None = "sparse_top_k_categorical_accuracy",
        dtype: Any = None,
        from_sorted_ids: bool = False,
    ):
        super().__init__(sparse_top_k_categorical_accuracy, name, dtype, k=k, from_sorted_ids=from_sorted_ids)


@metric("bce", "BCE")
class BinaryCrossentropy(MeanMetricWrapper):
    """The mean cross-entropy of outputs that are each a yes or a no.

    Args:
        name: its name.
        dtype: as for `Metric`.
        from_logits: whether the outputs are logits.
        label_smoothing: how far labels are moved to 1/2.
    """

    def __init__(
        self,
        name: str | None = "binary_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
    ):
        options = {"from_logits": from_logits, "label_smoothing": label_smoothing}
        super().__init__(binary_crossentropy, name, dtype, **options)


@metric()
class CategoricalCrossentropy(MeanMetricWrapper):
    """The mean cross-entropy of outputs of which one class is right, with one-hot labels.

    Args:
        name: its name.
        dtype: as for `Metric`.
        from_logits: whether the outputs are logits.
        label_smoothing: which part of the labels is spread over all classes.
        axis: the axis of the classes.
    """

    def __init__(
        self,
        name: str | None = "categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
        axis: int = -1,
    ):
        options = {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        super().__init__(categorical_crossentropy, name, dtype, **options)


@metric()
class SparseCategoricalCrossentropy(MeanMetricWrapper):
    """The mean cross-entropy of outputs of which one class is right, with class numbers.

    Args:
        name: its name.
        dtype: as for `Metric`.
        from_logits: whether the outputs are logits.
        ignore_class: a number whose entries count as 0.
        axis: the axis of the classes.

    Differs: as in Keras, entries of `ignore_class` are left out of the count only where there are sample weights; the
    loss of this name always leaves them out.
    """

    def __init__(
        self,
        name: str | None = "sparse_categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        ignore_class: int | None = None,
        axis: int = -1,
    ):
        options = {"from_logits": from_logits, "ignore_class": ignore_class, "axis": axis}
        super().__init__(sparse_categorical_crossentropy, name, dtype, **options)


@metric()
class Hinge(MeanMetricWrapper):
    """The mean of `max(1 - y_true y_pred, 0)`, for labels -1 and 1 (or 0 and 1).

    Args:
        name: its name.
        dtype: as for `Metric`.
    """

    def __init__(self, name: str | None = "hinge", dtype: Any = None):
        super().__init__(hinge, name, dtype)


@metric()
class SquaredHinge(MeanMetricWrapper):
    """The mean of `max(1 - y_true y_pred, 0)²`, for labels -1 and 1 (or 0 and 1).

    Args:
        name: its name.
        dtype: as for `Metric`.
    """

    def __init__(self, name: str | None = "squared_hinge", dtype: Any = None):
        super().__init__(squared_hinge, name, dtype)


@metric()
class CategoricalHinge(MeanMetricWrapper):
    """By how much the label's class fails to win by 1 over the best other one, on average.

    Args:
        name: its name.
        dtype: as for `Metric`.
    """

    def __init__(self, name: str | None = "categorical_hinge", dtype: Any = None):
        super().__init__(categorical_hinge, name, dtype)


def accuracy_for(y_true_shape: tuple, y_pred_shape: tuple) -> type[MeanMetricWrapper]:
    """The metric that `"accuracy"` stands for, by the shapes of labels and outputs.

    Outputs of one number are a yes or a no; labels of a lower rank, or of last size 1, are class numbers; else they are
    one-hot.

    >>> accuracy_for((None, 1), (None, 1)).__name__, accuracy_for((None,), (None, 10)).__name__
    ('BinaryAccuracy', 'SparseCategoricalAccuracy')
    """
    kind = kind_of_labels(y_true_shape, y_pred_shape)
    return {"binary": BinaryAccuracy, "sparse": SparseCategoricalAccuracy, "one-hot": CategoricalAccuracy}[kind]


def crossentropy_for(y_true_shape: tuple, y_pred_shape: tuple) -> type[MeanMetricWrapper]:
    """The metric that `"crossentropy"` stands for, by the shapes of labels and outputs, as for `accuracy_for`."""
    kind = kind_of_labels(y_true_shape, y_pred_shape)
    return {"binary": BinaryCrossentropy, "sparse": SparseCategoricalCrossentropy, "one-hot": CategoricalCrossentropy}[
        kind
    ]
