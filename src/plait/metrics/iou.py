"""Intersection over union of classes: which part of what is labelled or predicted as a class is both.

All of these add up one confusion matrix, (C, C), labels by predictions, and read it at the end.

Shapes: labels and predictions (B, ...) as class numbers, or (B, ..., C) where they aren't sparse.

Source: Jaccard, "The Distribution of the Flora in the Alpine Zone", 1912.
"""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from plait.common.dtypes import is_float, is_integer
from plait.common.messages import warn
from plait.common.numbers import is_whole
from plait.common.settings import settings
from plait.core.variable import convert_to_tensor
from plait.errors import ArgumentError
from plait.metrics.base import Metric, metric


def confusion_matrix(labels: Any, predictions: Any, num_classes: int, weights: Any) -> Any:
    """The sums of weights by label (row) and prediction (column); what is no class must have weight 0.

    Shapes: (N,), (N,) and (N,) to (C, C).
    """
    within = jnp.zeros(num_classes * num_classes, weights.dtype)
    return within.at[labels * num_classes + predictions].add(weights).reshape(num_classes, num_classes)


@metric()
class IoU(Metric):
    """The mean intersection over union of some classes: `TP / (TP + FP + FN)`; classes that never occur don't count.

    Args:
        num_classes: C.
        target_class_ids: the classes whose mean is taken.
        name: its name; None makes one.
        dtype: what it counts in; None is int32. Weights that aren't whole numbers need a floating dtype.
        ignore_class: a label whose entries don't count.
        sparse_y_true: whether labels are class numbers (else the largest on `axis` is the class).
        sparse_y_pred: likewise for predictions.
        axis: the axis of the classes where they aren't sparse.

    >>> round(float(IoU(num_classes=2, target_class_ids=[0])([0, 0, 1, 1], [0, 1, 0, 1])), 4)
    0.3333

    Raises:
        ArgumentError: a target class that is none of the classes.
    """

    _direction = "up"

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ):
        super().__init__(dtype or "int32", name)
        if not is_whole(num_classes, 1):
            raise ArgumentError(
                f"{type(self).__name__}: `num_classes` must be a positive integer, but got num_classes={num_classes!r}."
            )
        if not len(target_class_ids):
            raise ArgumentError(f"{type(self).__name__}: `target_class_ids` must have one class or more, but is empty.")
        if max(target_class_ids) >= num_classes:
            raise ArgumentError(
                f"{type(self).__name__}: `target_class_ids` must be from 0 to {num_classes - 1}, but got {max(target_class_ids)}."
            )
        self.num_classes, self.target_class_ids, self.ignore_class = num_classes, list(target_class_ids), ignore_class
        self.sparse_y_true, self.sparse_y_pred, self.axis = sparse_y_true, sparse_y_pred, axis
        shape = (num_classes, num_classes)
        self.total_cm = self.add_variable(shape, np.zeros, self.dtype, name="total_confusion_matrix")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Adds a batch."""
        labels = _class_numbers(y_true, self.sparse_y_true, self.axis)
        predictions = _class_numbers(y_pred, self.sparse_y_pred, self.axis)
        valid = (labels >= 0) & (labels < self.num_classes) & (predictions >= 0) & (predictions < self.num_classes)
        if self.ignore_class is not None:
            valid &= labels != self.ignore_class
        weights = jnp.where(valid, self._weights(sample_weight, labels.shape), 0)
        labels, predictions = jnp.where(valid, labels, 0), jnp.where(valid, predictions, 0)
        self.total_cm.assign_add(confusion_matrix(labels, predictions, self.num_classes, weights))

    def _weights(self, sample_weight: Any, shape: tuple) -> Any:
        if sample_weight is not None and is_float(getattr(sample_weight, "dtype", "int32")) and is_integer(self.dtype):
            warn(
                f"{type(self).__name__}: the weights are floats, but it counts in {self.dtype}, and casting cuts them to whole "
                "numbers. Give whole numbers, or make it with dtype='float32'."
            )
        weights = convert_to_tensor(1 if sample_weight is None else sample_weight, self.dtype)
        return jnp.broadcast_to(weights.reshape(-1) if weights.ndim > 1 else weights, shape)

    def result(self) -> Any:
        """The mean over the target classes."""
        matrix = self.total_cm.value
        right = jnp.diagonal(matrix)
        union = jnp.sum(matrix, axis=0) + jnp.sum(matrix, axis=1) - right
        targets = jnp.asarray(self.target_class_ids, "int32")
        right, union = right[targets].astype("float32"), union[targets].astype("float32")
        occurs = union > 1e-9
        ratios = jnp.where(occurs, right / (union + settings().epsilon), 0)
        return jnp.sum(ratios) / (jnp.sum(occurs.astype("float32")) + settings().epsilon)

    def get_config(self) -> dict:
        """The constructor's arguments."""
        names = ("num_classes", "target_class_ids", "ignore_class", "sparse_y_true", "sparse_y_pred", "axis")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


def _class_numbers(values: Any, sparse: bool, axis: int) -> Any:
    values = convert_to_tensor(values)
    return (values if sparse else jnp.argmax(values, axis=axis)).astype("int32").reshape(-1)


@metric()
class BinaryIoU(IoU):
    """The mean intersection over union of 0 and 1, the predictions being outputs at a threshold.

    Args:
        target_class_ids: the classes whose mean is taken: (0, 1), (0,) or (1,).
        threshold: outputs from it up are a 1.
        name: its name; None makes one.
        dtype: as for `IoU`.

    Shapes: (B, ...) and (B, ...).

    >>> round(float(BinaryIoU(threshold=0.3)([0, 1, 0, 1], [0.1, 0.2, 0.4, 0.7])), 4)
    0.3333
    """

    def __init__(
        self,
        target_class_ids: Sequence[int] = (0, 1),
        threshold: float = 0.5,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(2, target_class_ids, name, dtype)
        self.threshold = threshold

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Adds a batch."""
        is_one = convert_to_tensor(y_pred, "float32") >= self.threshold
        super().update_state(y_true, is_one.astype("int32"), sample_weight)

    def get_config(self) -> dict:
        """The constructor's arguments."""
        own = {"target_class_ids": self.target_class_ids, "threshold": self.threshold}
        return {**own, "name": self.name, "dtype": self.dtype}


@metric()
class MeanIoU(IoU):
    """The mean intersection over union of all classes.

    Args:
        num_classes: C.
        name: its name; None makes one.
        dtype: as for `IoU`.
        ignore_class: a label whose entries don't count.
        sparse_y_true: as for `IoU`.
        sparse_y_pred: as for `IoU`.
        axis: the axis of the classes where they aren't sparse.

    >>> round(float(MeanIoU(num_classes=2)([0, 0, 1, 1], [0, 1, 0, 1])), 4)
    0.3333
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ):
        super().__init__(num_classes, range(num_classes), name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis)

    def get_config(self) -> dict:
        """The constructor's arguments."""
        config = super().get_config()
        del config["target_class_ids"]
        return config


@metric()
class OneHotIoU(IoU):
    """The mean intersection over union of some classes, with one-hot labels.

    Args:
        num_classes: C.
        target_class_ids: the classes whose mean is taken.
        name: its name; None makes one.
        dtype: as for `IoU`.
        ignore_class: a class whose entries don't count.
        sparse_y_pred: as for `IoU`.
        axis: the axis of the classes.
    """

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ):
        super().__init__(num_classes, target_class_ids, name, dtype, ignore_class, False, sparse_y_pred, axis)

    def get_config(self) -> dict:
        """The constructor's arguments."""
        config = super().get_config()
        del config["sparse_y_true"]
        return config


@metric()
class OneHotMeanIoU(MeanIoU):
    """The mean intersection over union of all classes, with one-hot labels.

    Args:
        num_classes: C.
        name: its name; None makes one.
        dtype: as for `IoU`.
        ignore_class: a class whose entries don't count.
        sparse_y_pred: as for `IoU`.
        axis: the axis of the classes.
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ):
        super().__init__(num_classes, name, dtype, ignore_class, False, sparse_y_pred, axis)

    def get_config(self) -> dict:
        """The constructor's arguments."""
        config = super().get_config()
        del config["sparse_y_true"]
        return config
