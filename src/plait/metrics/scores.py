"""F-scores: precision and recall in one number."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from plait.common.messages import did_you_mean
from plait.common.settings import settings
from plait.core.variable import convert_to_tensor
from plait.errors import ArgumentError, NameUnknownError, ShapeError
from plait.metrics.base import Metric, metric

AVERAGES = ("micro", "macro", "weighted", None)


@metric("fbeta_score")
class FBetaScore(Metric):
    """`(1 + beta²) precision recall / (beta² precision + recall)`.

    Args:
        average: None gives a score a class; `"micro"` counts all classes together, `"macro"` averages the classes' scores,
            `"weighted"` by how many samples each has.
        beta: how many times as important recall is as precision.
        threshold: outputs above it are a yes; None makes the largest of each sample the only one.
        name: its name.
        dtype: as for `Metric`.

    Shapes: (B, C) and (B, C), weights (B,), to (C,), or to one number with an average.

    >>> FBetaScore(beta=2.0, threshold=0.5)([[1, 1], [1, 0]], [[0.9, 0.2], [0.8, 0.7]]).round(3).tolist()
    [1.0, 0.0]

    Raises:
        NameUnknownError: no such average.
        ArgumentError: a beta that isn't a positive float, a threshold that isn't a float in (0, 1].
        ShapeError: labels or outputs that aren't (B, C).

    Source: van Rijsbergen, "Information Retrieval", 1979.
    """

    _direction = "up"

    def __init__(
        self,
        average: str | None = None,
        beta: float = 1.0,
        threshold: float | None = None,
        name: str | None = "fbeta_score",
        dtype: Any = None,
    ):
        super().__init__(dtype, name)
        if average not in AVERAGES:
            raise NameUnknownError(
                "Invalid `average` argument value. Expected one of: {None, 'micro', 'macro', 'weighted'}. "
                f"Received: average={average}."
                f"{did_you_mean(average, AVERAGES[:3])}"
            )
        for argument, value in (("beta", beta), ("threshold", threshold)):
            if not isinstance(value, float) and (value is not None or argument == "beta"):
                raise ArgumentError(
                    f"Invalid `{argument}` argument value. It should be a Python float. Received: {argument}={value} of type "
                    f"'{type(value)}'."
                )
        if beta <= 0.0:
            raise ArgumentError(f"Invalid `beta` argument value. It should be > 0. Received: beta={beta}.")
        if threshold is not None and not 0.0 < threshold <= 1.0:
            raise ArgumentError(
                f"Invalid `threshold` argument value. It should verify 0 < threshold <= 1. Received: threshold={threshold}."
            )
        self.average, self.beta, self.threshold = average, beta, threshold
        self.built = False

    def _build(self, y_true_shape: tuple, y_pred_shape: tuple) -> None:
        known = len(y_pred_shape) == 2 == len(y_true_shape)
        if not known or y_pred_shape[1] is None or y_true_shape[1] is None:
            unknown = ", with output_dim fully defined (not None)" if known else ""
            raise ShapeError(
                f"{type(self).__name__} expects 2D inputs with shape (batch_size, output_dim){unknown}. Received input shapes: "
                f"y_pred.shape={y_pred_shape} and y_true.shape={y_true_shape}."
            )
        shape = () if self.average == "micro" else y_pred_shape[-1:]
        self.true_positives = self.add_variable(shape, np.zeros, self.dtype, name="true_positives")
        self.false_positives = self.add_variable(shape, np.zeros, self.dtype, name="false_positives")
        self.false_negatives = self.add_variable(shape, np.zeros, self.dtype, name="false_negatives")
        self.intermediate_weights = self.add_variable(shape, np.zeros, self.dtype, name="intermediate_weights")
        self.built = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Adds a batch."""
        y_true, y_pred = convert_to_tensor(y_true, self.dtype), convert_to_tensor(y_pred, self.dtype)
        if not self.built:
            self._build(y_true.shape, y_pred.shape)
        if self.threshold is None:
            chosen = (y_pred >= jnp.max(y_pred, axis=-1, keepdims=True)) & (jnp.abs(y_pred) > 1e-9)
        else:
            chosen = y_pred > self.threshold
        chosen = chosen.astype(self.dtype)
        weights = convert_to_tensor(1.0 if sample_weight is None else sample_weight, self.dtype)
        weights = weights[:, None] if weights.ndim == 1 else weights
        axis = None if self.average == "micro" else 0
        self.true_positives.assign_add(jnp.sum(chosen * y_true * weights, axis))
        self.false_positives.assign_add(jnp.sum(chosen * (1 - y_true) * weights, axis))
        self.false_negatives.assign_add(jnp.sum((1 - chosen) * y_true * weights, axis))
        self.intermediate_weights.assign_add(jnp.sum(y_true * weights, axis))

    def result(self) -> Any:
        """The score, or one a class."""
        self._check_built()
        right, epsilon = self.true_positives.value, settings().epsilon
        precision = right / (right + self.false_positives.value + epsilon)
        recall = right / (right + self.false_negatives.value + epsilon)
        scores = (1 + self.beta**2) * (precision * recall / (self.beta**2 * precision + recall + epsilon))
        if self.average == "weighted":
            weights = self.intermediate_weights.value
            return jnp.sum(scores * (weights / (jnp.sum(weights) + epsilon)))
        return scores if self.average is None else jnp.mean(scores)

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return {**super().get_config(), "average": self.average, "beta": self.beta, "threshold": self.threshold}


@metric()
class F1Score(FBetaScore):
    """The harmonic mean of precision and recall.

    Args:
        average: None gives a score a class; `"micro"` counts all classes together, `"macro"` averages the classes' scores,
            `"weighted"` by how many samples each has.
        threshold: outputs above it are a yes; None makes the largest of each sample the only one.
        name: its name.
        dtype: as for `Metric`.

    Shapes: (B, C) and (B, C), weights (B,), to (C,), or to one number with an average.

    >>> F1Score(threshold=0.5)([[1, 1], [1, 0]], [[0.9, 0.2], [0.8, 0.7]]).round(3).tolist()
    [1.0, 0.0]
    """

    def __init__(
        self,
        average: str | None = None,
        threshold: float | None = None,
        name: str | None = "f1_score",
        dtype: Any = None,
    ):
        super().__init__(average, 1.0, threshold, name, dtype)

    def get_config(self) -> dict:
        """The constructor's arguments."""
        config = super().get_config()
        del config["beta"]
        return config
