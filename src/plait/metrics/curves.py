"""The area under a curve: `AUC`, of the receiver operating characteristic or of precision over recall."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from plait.common.messages import did_you_mean, listing
from plait.common.settings import settings
from plait.core.variable import convert_to_tensor
from plait.errors import ArgumentError, NameUnknownError, ShapeError
from plait.losses.base import safe_divide
from plait.metrics.base import Metric, metric
from plait.metrics.confusion import Outcomes, Thresholds, count_outcomes, even_steps, weighted_pair

CURVES = ("ROC", "PR", "PRGAIN")
SUMMATIONS = ("interpolation", "minoring", "majoring")


@metric()
class AUC(Metric):
    """The area under a curve, as a Riemann sum over thresholds.

    Args:
        num_thresholds: how many thresholds, evenly spaced from 0 to 1.
        curve: `"ROC"` (true positive rate over false positive rate), `"PR"` (precision over recall) or `"PRGAIN"`
            (precision gain over recall gain).
        summation_method: `"interpolation"` (trapezia; for `"PR"` the exact area between two points), `"minoring"` or
            `"majoring"` (from below or above).
        name: its name; None makes one.
        dtype: as for `Metric`.
        thresholds: custom inner thresholds; 0 and 1 are added, and `num_thresholds` is how many there are then.
        multi_label: whether each column (B, L) has a curve of its own, the areas being averaged.
        num_labels: L, if the variables are to be made at once.
        label_weights: how much each label counts: in the average with `multi_label`, else in the counts.
        from_logits: whether the outputs are logits.

    Shapes: (B, ...) and (B, ...), weights of the same shape or of the leading axes.

    >>> float(AUC(num_thresholds=3)([0, 0, 1, 1], [0, 0.5, 0.3, 0.9]))
    0.75

    Raises:
        NameUnknownError: no such curve or summation method.
        ArgumentError: fewer than 2 thresholds, or `num_labels` without `multi_label`.

    Source: Davis & Goadrich, "The Relationship Between Precision-Recall and ROC Curves", 2006; Flach & Kull,
    "Precision-Recall-Gain Curves", 2015.

    Differs: `curve` and `summation_method` are strings (in Keras, enumerations).
    """

    _direction = "up"

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        dtype: Any = None,
        thresholds: Sequence[float] | None = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Any = None,
        from_logits: bool = False,
    ):
        super().__init__(dtype, name)
        self.curve = _choice("curve", curve, CURVES)
        self.summation_method = _choice("summation_method", summation_method, SUMMATIONS)
        self._init_from_thresholds = thresholds is not None
        self._thresholds = _with_ends(thresholds, num_thresholds)
        self.num_thresholds = len(self._thresholds.values)
        if num_labels and not multi_label:
            raise ArgumentError("`num_labels` is needed only when `multi_label` is True.")
        self.multi_label, self.num_labels, self.from_logits = multi_label, num_labels, from_logits
        self.label_weights = None if label_weights is None else _weights(label_weights, self.dtype)
        self.built = False
        if num_labels or not multi_label:
            self._build((num_labels,) if num_labels else ())

    @property
    def thresholds(self) -> list:
        """The thresholds; the outer ones lie epsilon outside of [0, 1]."""
        return list(self._thresholds.values)

    def _build(self, labels: tuple) -> None:
        shape = (self.num_thresholds, *labels)
        self.true_positives = self.add_variable(shape, np.zeros, name="true_positives")
        self.false_positives = self.add_variable(shape, np.zeros, name="false_positives")
        self.true_negatives = self.add_variable(shape, np.zeros, name="true_negatives")
        self.false_negatives = self.add_variable(shape, np.zeros, name="false_negatives")
        self.built = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Adds a batch."""
        y_pred = convert_to_tensor(y_pred)
        if self.multi_label and y_pred.ndim != 2:
            raise ShapeError(
                f"`y_pred` must have rank 2 when `multi_label=True`. Found rank {y_pred.ndim}. Full shape received for "
                f"`y_pred`: {y_pred.shape}"
            )
        if not self.built:
            self._build(y_pred.shape[-1:])
        if self.from_logits:
            y_pred = jax.nn.sigmoid(y_pred)
        y_true, y_pred, weights = weighted_pair(self, y_true, y_pred, sample_weight)
        if self.label_weights is not None and not self.multi_label:
            by_label = jnp.broadcast_to(self.label_weights.astype(y_pred.dtype), y_pred.shape)
            weights = by_label if weights is None else weights * by_label
        outcomes = count_outcomes(y_true, y_pred, self._thresholds, weights, by_label=self.multi_label)
        for name, counts in zip(Outcomes._fields, outcomes, strict=True):
            getattr(self, name).assign_add(counts)

    def result(self) -> Any:
        """The area, or the weighted average of the labels' areas."""
        self._check_built()
        outcomes = Outcomes(*(getattr(self, name).value for name in Outcomes._fields))
        if self.curve == "PR" and self.summation_method == "interpolation":
            areas = jnp.sum(_precision_recall_pieces(outcomes), axis=0)
        else:
            x, y = _curve(self.curve, outcomes)
            areas = jnp.sum((x[:-1] - x[1:]) * _heights(self.summation_method, y[:-1], y[1:]), axis=0)
        if not self.multi_label:
            return areas
        if self.label_weights is None:
            return jnp.mean(areas)
        weights = self.label_weights.astype(areas.dtype)
        return safe_divide(jnp.sum(areas * weights), jnp.sum(weights))

    def get_config(self) -> dict:
        """The constructor's arguments."""
        config = {
            "num_thresholds": self.num_thresholds,
            "curve": self.curve,
            "summation_method": self.summation_method,
            "multi_label": self.multi_label,
            "num_labels": self.num_labels,
            "label_weights": None if self.label_weights is None else self.label_weights.tolist(),
            "from_logits": self.from_logits,
        }
        if self._init_from_thresholds:
            config["thresholds"] = self.thresholds[1:-1]
        return {**super().get_config(), **config}


def _choice(what: str, given: str, options: tuple[str, ...]) -> str:
    for option in options:
        if str(getattr(given, "value", given)).lower() == option.lower():
            return option
    raise NameUnknownError(
        f'Invalid AUC {what.replace("_", " ")} value: "{given}". Expected one of {listing(options)}.{did_you_mean(given, options)}'
    )


def _weights(value: Any, dtype: str) -> Any:
    try:
        return convert_to_tensor(value, dtype)
    except (TypeError, ValueError):
        raise ArgumentError(f"Argument `label_weights` must be numbers, but got label_weights={value!r}.") from None


def _with_ends(thresholds: Sequence[float] | None, count: int) -> Thresholds:
    """The inner thresholds, evenly spaced unless given, between two that lie just outside of [0, 1]."""
    if thresholds is None and count <= 1:
        raise ArgumentError(f"Argument `num_thresholds` must be an integer > 1, but got num_thresholds={count}.")
    if thresholds is not None and not all(isinstance(value, (int, float, np.number)) for value in thresholds):
        raise ArgumentError(f"Argument `thresholds` must be a list of numbers, but got thresholds={thresholds!r}.")
    inner = [(i + 1) / (count - 1) for i in range(count - 2)] if thresholds is None else sorted(thresholds)
    epsilon = settings().epsilon
    even = thresholds is None or even_steps([0.0, *inner, 1.0])
    return Thresholds([0.0 - epsilon, *inner, 1.0 + epsilon], even, open=True)


def _curve(kind: str, outcomes: Outcomes) -> tuple[Any, Any]:
    """The points of a curve, from the lowest threshold to the highest."""
    right, wrong, rejected, missed = outcomes
    recall = safe_divide(right, right + missed)
    if kind == "ROC":
        return safe_divide(wrong, wrong + rejected), recall
    if kind == "PR":
        return recall, safe_divide(right, right + wrong)
    odds = safe_divide(right + missed, rejected + wrong)
    recall_gain = jnp.where(right == 0, 0, 1.0 - odds * safe_divide(missed, right))
    precision_gain = jnp.where(right == 0, 1, 1.0 - odds * safe_divide(wrong, right))
    return jnp.maximum(recall_gain, 0), precision_gain


def _heights(method: str, left: Any, right: Any) -> Any:
    if method == "interpolation":
        return (left + right) / 2.0
    return jnp.minimum(left, right) if method == "minoring" else jnp.maximum(left, right)


def _precision_recall_pieces(outcomes: Outcomes) -> Any:
    """The areas under the precision-recall curve between neighbouring thresholds.

    Between two points, the true positives are taken as linear in the number P of outputs above the threshold, with slope
    s and intercept a. The precision is then s + a / P, and the area is s (ΔTP + a log(P1 / P2)) over all positive labels.
    """
    right, wrong, _, missed = outcomes
    above = right + wrong
    gained = right[:-1] - right[1:]
    slope = safe_divide(gained, jnp.maximum(above[:-1] - above[1:], 0))
    intercept = right[1:] - slope * above[1:]
    both = (above[:-1] > 0) & (above[1:] > 0)
    ratio = jnp.where(both, safe_divide(above[:-1], jnp.maximum(above[1:], 0)), 1)
    return safe_divide(slope * (gained + intercept * jnp.log(ratio)), jnp.maximum(right[1:] + missed[1:], 0))
