"""Metrics of a yes or no at thresholds: counts of the four outcomes, precision, recall, and one of two at the other.

All of them count (`count_outcomes`), at one threshold or at many, how often an output above it is right and how often
wrong. Many thresholds cost no more than one: each output is put into a bin by how many thresholds it is above, and the
counts are sums over bins.

Shapes: labels and outputs (B, ...), weights of the same shape or of the leading axes.

Differs from Keras: thresholds that aren't evenly spaced are not compared one by one. A weight a sample is lined up with
the leading axis, whatever the rank.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from plait.common.messages import describe
from plait.common.settings import settings
from plait.common.traits import of_plait
from plait.core.variable import convert_to_tensor
from plait.errors import ArgumentError, ShapeError
from plait.losses.base import match_ranks, match_weights, safe_divide
from plait.metrics.base import Metric, metric

LOWEST = -1e10  # below every output: what isn't among the top k is put there
FEW = 8  # so many thresholds are compared one by one


class Outcomes(NamedTuple):
    """Weighted counts at each threshold: (T,), or (T, L) label by label."""

    true_positives: Any
    false_positives: Any
    true_negatives: Any
    false_negatives: Any


class Thresholds(NamedTuple):
    """Thresholds, and what makes counting at them quick.

    Attributes:
        values: the thresholds, in the user's order.
        even: whether they are 0, 1/n, 2/n, ..., 1.
        open: whether the outer ones lie a little outside of [0, 1].
    """

    values: Sequence[float]
    even: bool
    open: bool = False


def parse_thresholds(thresholds: Any, default: float) -> Thresholds:
    """Thresholds from None, a number or several.

    Raises:
        ArgumentError: one that isn't between 0 and 1.
    """
    if thresholds is None:
        return Thresholds([default], even=False)
    values = list(thresholds) if isinstance(thresholds, (list, tuple, np.ndarray)) else [thresholds]
    wrong = [value for value in values if value is None or not 0 <= value <= 1]
    if wrong:
        raise ArgumentError(f"Threshold values must be in [0, 1]. Received: {wrong}.")
    return Thresholds(values, even_steps(values))


def even_steps(values: Sequence[float]) -> bool:
    """Whether values are 0, 1/n, 2/n, ..., 1, for some n from 2."""
    return len(values) >= 3 and np.allclose(values, np.linspace(0, 1, len(values)), atol=settings().epsilon)


def count_outcomes(
    y_true: Any, y_pred: Any, thresholds: Thresholds, weights: Any = None, by_label: bool = False
) -> Outcomes:
    """Counts how often outputs above each threshold are right and wrong, by weight.

    Args:
        y_true: labels; what isn't 0 is a yes.
        y_pred: outputs of the same shape.
        thresholds: T thresholds.
        weights: of the same shape, or None.
        by_label: whether the columns of labels and outputs (B, L) are counted apart.
    """
    columns = y_pred.shape[-1] if by_label else 1
    y_pred, is_yes = y_pred.reshape(-1, columns), y_true.astype(bool).reshape(-1, columns)
    weights = jnp.ones_like(y_pred) if weights is None else weights.reshape(-1, columns)
    values = np.asarray(thresholds.values, "float64").astype(y_pred.dtype)
    if not thresholds.even and len(values) <= FEW:
        is_above = y_pred > values[:, None, None]
        yes = jnp.sum(jnp.where(is_above & is_yes, weights, 0), axis=1)
        no = jnp.sum(jnp.where(is_above & ~is_yes, weights, 0), axis=1)
        all_yes, all_no = (jnp.sum(jnp.where(which, weights, 0), axis=0) for which in (is_yes, ~is_yes))
    else:
        order = np.argsort(values)
        levels = _even_levels(y_pred, thresholds) if thresholds.even else _levels(y_pred, values[order])
        (all_no, no), (all_yes, yes) = _sums_above(levels, is_yes, weights, len(values))
        if not thresholds.even:
            yes, no = yes[np.argsort(order)], no[np.argsort(order)]
    outcomes = Outcomes(yes, no, all_no - no, all_yes - yes)
    return outcomes if by_label else Outcomes(*(count[:, 0] for count in outcomes))


def _levels(y_pred: Any, values: np.ndarray) -> Any:
    """How many of some sorted values each output is above; a NaN is above none."""
    return jnp.where(jnp.isnan(y_pred), 0, jnp.searchsorted(values, y_pred))


def _even_levels(y_pred: Any, thresholds: Thresholds) -> Any:
    """How many of the thresholds 0, 1/n, ..., 1 each output is above."""
    last = len(thresholds.values) - 1
    levels = jnp.ceil(jnp.where(y_pred > 0, jnp.minimum(y_pred, 1), 0) * last).astype("int32")
    return jnp.maximum(levels, 1) if thresholds.open else levels


def _sums_above(levels: Any, is_yes: Any, weights: Any, count: int) -> list:
    """For no and yes: the sum of all weights (L,), and of those above each of the thresholds (T, L)."""
    columns, bins = weights.shape[1], count + 1
    place = (jnp.where(is_yes, columns, 0) + jnp.arange(columns)) * bins + levels
    sums = jnp.zeros(2 * columns * bins, weights.dtype).at[place].add(weights).reshape(2, columns, bins)
    from_above = jnp.cumsum(sums[:, :, ::-1], axis=-1)[:, :, ::-1]
    return [(side[:, 0], side[:, 1:].T) for side in from_above]


def count_batch(
    metric: Metric,
    y_true: Any,
    y_pred: Any,
    sample_weight: Any,
    thresholds: Thresholds,
    top_k: int | None = None,
    class_id: int | None = None,
) -> Outcomes:
    """Counts a batch as it comes to `update_state`.

    Args:
        metric: the metric, for messages and the dtype of its counts.
        y_true: labels.
        y_pred: outputs.
        sample_weight: weights, or None.
        thresholds: T thresholds.
        top_k: an output counts as a no unless it is among the k largest of its sample.
        class_id: the only column that counts.
    """
    y_true, y_pred, weights = weighted_pair(metric, y_true, y_pred, sample_weight)
    if top_k is not None:
        y_pred = _only_top(y_pred, top_k)
    if class_id is not None:
        if y_pred.ndim < 2:
            raise ShapeError(
                "When class_id is provided, y_pred must be a 2D array with shape (num_samples, num_classes), found "
                f"shape: {y_pred.shape}."
            )
        y_true, y_pred = y_true[..., class_id], y_pred[..., class_id]
        weights = None if weights is None else weights[..., class_id]
    return count_outcomes(y_true, y_pred, thresholds, weights)


def weighted_pair(metric: Metric, y_true: Any, y_pred: Any, sample_weight: Any) -> tuple[Any, Any, Any]:
    """Labels, outputs and weights of one shape and of the dtype of the metric's counts; the weights may be None.

    Raises:
        ShapeError: labels and outputs differ, or the weights can't be lined up.
    """
    dtype = metric.variables[0].dtype
    y_true, y_pred = match_ranks(convert_to_tensor(y_true, dtype), convert_to_tensor(y_pred, dtype))
    if y_true.shape != y_pred.shape:
        raise ShapeError(
            f"{type(metric).__name__}: labels and outputs must have the same shape, but got {describe(y_true)} and "
            f"{describe(y_pred)}."
        )
    if sample_weight is None:
        return y_true, y_pred, None
    weights = convert_to_tensor(sample_weight, dtype)
    if weights.ndim == y_pred.ndim + 1 and weights.shape[-1] == 1:
        weights = jnp.squeeze(weights, -1)
    _, weights = match_weights(y_pred, weights)
    return y_true, y_pred, jnp.broadcast_to(weights, y_pred.shape)


def _only_top(y_pred: Any, k: int) -> Any:
    _, places = jax.lax.top_k(y_pred, k)
    is_top = jnp.any(jax.nn.one_hot(places, y_pred.shape[-1], dtype=bool), axis=-2)
    return jnp.where(is_top, y_pred, LOWEST)


# ---------------------------------------------------------------------------- one of the four counts


@of_plait
class _Count(Metric):
    """One of the four counts; the class says which by its name in `Outcomes`."""

    _which: str

    def __init__(self, thresholds: Any = None, name: str | None = None, dtype: Any = None):
        super().__init__(dtype, name)
        self._thresholds = parse_thresholds(thresholds, 0.5)
        self.init_thresholds, self.thresholds = thresholds, self._thresholds.values
        self.accumulator = self.add_variable((len(self.thresholds),), np.zeros, name="accumulator")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Adds a batch."""
        outcomes = count_batch(self, y_true, y_pred, sample_weight, self._thresholds)
        self.accumulator.assign_add(getattr(outcomes, self._which))

    def result(self) -> Any:
        """The count, or one for each of several thresholds."""
        return _one_or_all(self.accumulator.value)

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return {**super().get_config(), "thresholds": self.init_thresholds}


def _one_or_all(values: Any) -> Any:
    return values[0] if len(values) == 1 else values


@metric()
class TruePositives(_Count):
    """The weighted number of outputs above a threshold whose label is 1.

    Args:
        thresholds: one or several between 0 and 1; None is 0.5.
        name: its name; None makes one.
        dtype: as for `Metric`.

    >>> float(TruePositives()([0, 1, 1, 1], [1, 0, 1, 1]))
    2.0
    """

    _which = "true_positives"


@metric()
class FalsePositives(_Count):
    """The weighted number of outputs above a threshold whose label is 0.

    Args:
        thresholds: one or several between 0 and 1; None is 0.5.
        name: its name; None makes one.
        dtype: as for `Metric`.
    """

    _which = "false_positives"


@metric()
class TrueNegatives(_Count):
    """The weighted number of outputs not above a threshold whose label is 0.

    Args:
        thresholds: one or several between 0 and 1; None is 0.5.
        name: its name; None makes one.
        dtype: as for `Metric`.
    """

    _which = "true_negatives"


@metric()
class FalseNegatives(_Count):
    """The weighted number of outputs not above a threshold whose label is 1.

    Args:
        thresholds: one or several between 0 and 1; None is 0.5.
        name: its name; None makes one.
        dtype: as for `Metric`.
    """

    _which = "false_negatives"


# ---------------------------------------------------------------------------- precision and recall


@metric()
class Precision(Metric):
    """Which part of the outputs above a threshold is right: `TP / (TP + FP)`, and 0 if there are none.

    Args:
        thresholds: one or several between 0 and 1; None is 0.5, or none at all with `top_k`.
        top_k: an output counts as a no unless it is among the k largest of its sample.
        class_id: the only column that counts.
        name: its name; None makes one.
        dtype: as for `Metric`.

    >>> round(float(Precision()([0, 1, 1, 1], [1, 0, 1, 1])), 4)
    0.6667
    """

    _direction = "up"

    def __init__(
        self,
        thresholds: Any = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(dtype, name)
        self._thresholds = parse_thresholds(thresholds, 0.5 if top_k is None else LOWEST)
        self.init_thresholds, self.thresholds = thresholds, self._thresholds.values
        self.top_k, self.class_id = top_k, class_id
        self.true_positives = self.add_variable((len(self.thresholds),), np.zeros, name="true_positives")
        self.false_positives = self.add_variable((len(self.thresholds),), np.zeros, name="false_positives")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Adds a batch."""
        outcomes = count_batch(self, y_true, y_pred, sample_weight, self._thresholds, self.top_k, self.class_id)
        self.true_positives.assign_add(outcomes.true_positives)
        self.false_positives.assign_add(outcomes.false_positives)

    def result(self) -> Any:
        """The precision, or one for each of several thresholds."""
        right, wrong = self.true_positives.value, self.false_positives.value
        return _one_or_all(safe_divide(right, right + wrong))

    def get_config(self) -> dict:
        """The constructor's arguments."""
        own = {"thresholds": self.init_thresholds, "top_k": self.top_k, "class_id": self.class_id}
        return {**super().get_config(), **own}


@metric()
class Recall(Metric):
    """Which part of the labels that are 1 has an output above a threshold: `TP / (TP + FN)`, and 0 if there are none.

    Args:
        thresholds: one or several between 0 and 1; None is 0.5, or none at all with `top_k`.
        top_k: an output counts as a no unless it is among the k largest of its sample.
        class_id: the only column that counts.
        name: its name; None makes one.
        dtype: as for `Metric`.

    >>> round(float(Recall()([0, 1, 1, 1], [1, 0, 1, 1])), 4)
    0.6667
    """

    _direction = "up"

    def __init__(
        self,
        thresholds: Any = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(dtype, name)
        self._thresholds = parse_thresholds(thresholds, 0.5 if top_k is None else LOWEST)
        self.init_thresholds, self.thresholds = thresholds, self._thresholds.values
        self.top_k, self.class_id = top_k, class_id
        self.true_positives = self.add_variable((len(self.thresholds),), np.zeros, name="true_positives")
        self.false_negatives = self.add_variable((len(self.thresholds),), np.zeros, name="false_negatives")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Adds a batch."""
        outcomes = count_batch(self, y_true, y_pred, sample_weight, self._thresholds, self.top_k, self.class_id)
        self.true_positives.assign_add(outcomes.true_positives)
        self.false_negatives.assign_add(outcomes.false_negatives)

    def result(self) -> Any:
        """The recall, or one for each of several thresholds."""
        right, missed = self.true_positives.value, self.false_negatives.value
        return _one_or_all(safe_divide(right, right + missed))

    def get_config(self) -> dict:
        """The constructor's arguments."""
        own = {"thresholds": self.init_thresholds, "top_k": self.top_k, "class_id": self.class_id}
        return {**super().get_config(), **own}


# ---------------------------------------------------------------------------- the best of one where another is enough


@of_plait
class _BestAt(Metric):
    """The best of one rate over the thresholds where another rate is at least a value; 0 where it never is."""

    _direction = "up"
    _wanted: str  # the name of the argument that says how much is enough

    def __init__(self, value: float, num_thresholds: int, class_id: int | None, name: str | None, dtype: Any):
        if not 0 <= value <= 1:
            raise ArgumentError(
                f"Argument `{self._wanted}` must be in the range [0, 1], but got {self._wanted}={value}."
            )
        if num_thresholds <= 0:
            raise ArgumentError(
                f"Argument `num_thresholds` must be an integer > 0, but got num_thresholds={num_thresholds}."
            )
        several = num_thresholds > 1
        values = [index / (num_thresholds - 1) for index in range(num_thresholds)] if several else [0.5]
        super().__init__(dtype, name)
        self._thresholds = Thresholds(values, even=several)
        self.thresholds, self.num_thresholds, self.class_id = values, num_thresholds, class_id
        self._value = value
        self.true_positives = self.add_variable((num_thresholds,), np.zeros, name="true_positives")
        self.false_positives = self.add_variable((num_thresholds,), np.zeros, name="false_positives")
        self.true_negatives = self.add_variable((num_thresholds,), np.zeros, name="true_negatives")
        self.false_negatives = self.add_variable((num_thresholds,), np.zeros, name="false_negatives")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Adds a batch."""
        outcomes = count_batch(self, y_true, y_pred, sample_weight, self._thresholds, class_id=self.class_id)
        for name, counts in zip(Outcomes._fields, outcomes, strict=True):
            getattr(self, name).assign_add(counts)

    def _best(self, rate: Any, enough: Any) -> Any:
        return jnp.max(jnp.where(enough >= self._value, rate, 0))

    @property
    def _sensitivity(self) -> Any:
        right = self.true_positives.value
        return safe_divide(right, right + self.false_negatives.value)

    @property
    def _specificity(self) -> Any:
        right = self.true_negatives.value
        return safe_divide(right, right + self.false_positives.value)

    @property
    def _precision(self) -> Any:
        right = self.true_positives.value
        return safe_divide(right, right + self.false_positives.value)

    def get_config(self) -> dict:
        """The constructor's arguments."""
        own = {"class_id": self.class_id, "num_thresholds": self.num_thresholds, self._wanted: self._value}
        return {**super().get_config(), **own}


@metric()
class SensitivityAtSpecificity(_BestAt):
    """The best sensitivity `TP / (TP + FN)` at thresholds where the specificity `TN / (TN + FP)` is enough.

    Args:
        specificity: how much is enough, between 0 and 1.
        num_thresholds: how many evenly spaced thresholds are tried.
        class_id: the only column that counts.
        name: its name; None makes one.
        dtype: as for `Metric`.

    >>> float(SensitivityAtSpecificity(0.5)([0, 0, 0, 1, 1], [0.0, 0.3, 0.8, 0.3, 0.8]))
    0.5
    """

    _wanted = "specificity"

    def __init__(
        self,
        specificity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(specificity, num_thresholds, class_id, name, dtype)
        self.specificity = specificity

    def result(self) -> Any:
        """The best sensitivity."""
        return self._best(self._sensitivity, self._specificity)


@metric()
class SpecificityAtSensitivity(_BestAt):
    """The best specificity `TN / (TN + FP)` at thresholds where the sensitivity `TP / (TP + FN)` is enough.

    Args:
        sensitivity: how much is enough, between 0 and 1.
        num_thresholds: how many evenly spaced thresholds are tried.
        class_id: the only column that counts.
        name: its name; None makes one.
        dtype: as for `Metric`.
    """

    _wanted = "sensitivity"

    def __init__(
        self,
        sensitivity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(sensitivity, num_thresholds, class_id, name, dtype)
        self.sensitivity = sensitivity

    def result(self) -> Any:
        """The best specificity."""
        return self._best(self._specificity, self._sensitivity)


@metric()
class PrecisionAtRecall(_BestAt):
    """The best precision `TP / (TP + FP)` at thresholds where the recall `TP / (TP + FN)` is enough.

    Args:
        recall: how much is enough, between 0 and 1.
        num_thresholds: how many evenly spaced thresholds are tried.
        class_id: the only column that counts.
        name: its name; None makes one.
        dtype: as for `Metric`.
    """

    _wanted = "recall"

    def __init__(
        self,
        recall: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(recall, num_thresholds, class_id, name, dtype)
        self.recall = recall

    def result(self) -> Any:
        """The best precision."""
        return self._best(self._precision, self._sensitivity)


@metric()
class RecallAtPrecision(_BestAt):
    """The best recall `TP / (TP + FN)` at thresholds where the precision `TP / (TP + FP)` is enough.

    Args:
        precision: how much is enough, between 0 and 1.
        num_thresholds: how many evenly spaced thresholds are tried.
        class_id: the only column that counts.
        name: its name; None makes one.
        dtype: as for `Metric`.
    """

    _wanted = "precision"

    def __init__(
        self,
        precision: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(precision, num_thresholds, class_id, name, dtype)
        self.precision = precision

    def result(self) -> Any:
        """The best recall."""
        return self._best(self._sensitivity, self._precision)
