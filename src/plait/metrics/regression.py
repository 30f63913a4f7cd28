"""Metrics of numbers: errors, correlations, explained variance.

Shapes: labels and outputs are (B, ..., D); what is averaged is one number for each (B, ...).
"""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from plait.common.messages import did_you_mean, warn
from plait.common.registry import builtin
from plait.common.settings import settings
from plait.core.variable import convert_to_tensor
from plait.errors import ArgumentError, NameUnknownError, ShapeError
from plait.losses.base import as_pair, match_ranks
from plait.losses.regression import (
    cosine,
    kl_divergence,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    poisson,
)
from plait.metrics.base import Mean, MeanMetricWrapper, Metric, metric


@builtin("functions", module="keras.metrics")
def pearson_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """The Pearson correlation of labels and outputs along an axis.

    Shapes: (B, ..., D) and (B, ..., D) to (B, ...), without the axis.

    >>> pearson_correlation([[0.0, 1.0, 2.0]], [[1.0, 3.0, 5.0]]).round(3).tolist()
    [1.0]
    """
    y_true, y_pred = (y - jnp.mean(y, axis=axis, keepdims=True) for y in as_pair(y_true, y_pred))
    y_true, y_pred = (y / jnp.std(y, axis=axis, keepdims=True) for y in (y_true, y_pred))
    return jnp.mean(y_true * y_pred, axis=axis)


@builtin("functions", module="keras.metrics")
def concordance_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """Lin's concordance correlation of labels and outputs along an axis: 1 where they are equal, not only proportional.

    Shapes: (B, ..., D) and (B, ..., D) to (B, ...), without the axis.

    Source: Lin, "A Concordance Correlation Coefficient to Evaluate Reproducibility", 1989.
    """
    y_true, y_pred = as_pair(y_true, y_pred)
    mean_true, mean_pred = (jnp.mean(y, axis=axis, keepdims=True) for y in (y_true, y_pred))
    spread = jnp.var(y_true, axis=axis, keepdims=True) + jnp.var(y_pred, axis=axis, keepdims=True)
    covariance = (y_true - mean_pred) * (y_pred - mean_pred)  # its mean is the covariance, whichever mean is taken off
    distance = spread + jnp.square(mean_true - mean_pred) + settings().epsilon
    return jnp.mean(2.0 * covariance / distance, axis=axis)


def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """The cosine of the angle between labels and outputs: 1 where they point the same way.

    Shapes: (B, ..., D) and (B, ..., D) to (B, ...), without the axis.

    Differs: the loss of this name has the other sign, as in Keras.
    """
    return cosine(y_true, y_pred, axis)


@metric("mse", "MSE")
class MeanSquaredError(MeanMetricWrapper):
    """The mean of `(y_true - y_pred)²`.

    Args:
        name: its name.
        dtype: as for `Metric`.

    >>> float(MeanSquaredError()([[0.0, 1.0]], [[1.0, 3.0]]))
    2.5
    """

    def __init__(self, name: str | None = "mean_squared_error", dtype: Any = None):
        super().__init__(mean_squared_error, name, dtype)


@metric("mae", "MAE")
class MeanAbsoluteError(MeanMetricWrapper):
    """The mean of `|y_true - y_pred|`.

    Args:
        name: its name.
        dtype: as for `Metric`.
    """

    def __init__(self, name: str | None = "mean_absolute_error", dtype: Any = None):
        super().__init__(mean_absolute_error, name, dtype)


@metric("mape", "MAPE")
class MeanAbsolutePercentageError(MeanMetricWrapper):
    """The mean of `100 |y_true - y_pred| / |y_true|`; labels nearer to 0 than epsilon count as epsilon.

    Args:
        name: its name.
        dtype: as for `Metric`.
    """

    def __init__(self, name: str | None = "mean_absolute_percentage_error", dtype: Any = None):
        super().__init__(mean_absolute_percentage_error, name, dtype)


@metric("msle", "MSLE")
class MeanSquaredLogarithmicError(MeanMetricWrapper):
    """The mean of `(log(y_true + 1) - log(y_pred + 1))²`; what is below epsilon counts as epsilon.

    Args:
        name: its name.
        dtype: as for `Metric`.
    """

    def __init__(self, name: str | None = "mean_squared_logarithmic_error", dtype: Any = None):
        super().__init__(mean_squared_logarithmic_error, name, dtype)


@metric("rmse", "RMSE")
class RootMeanSquaredError(Mean):
    """The square root of the mean of `(y_true - y_pred)²` over all batches.

    Args:
        name: its name.
        dtype: as for `Metric`.

    >>> float(RootMeanSquaredError()([[0.0, 0.0]], [[3.0, 3.0]]))
    3.0

    Differs: a mask on the outputs isn't taken into account, as in Keras.
    """

    _direction = "down"

    def __init__(self, name: str | None = "root_mean_squared_error", dtype: Any = None):
        super().__init__(name, dtype)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Adds a batch."""
        y_true, y_pred = match_ranks(convert_to_tensor(y_true, self.dtype), convert_to_tensor(y_pred, self.dtype))
        super().update_state(jnp.square(y_pred - y_true), sample_weight)

    def result(self) -> Any:
        """The root of the mean."""
        return jnp.sqrt(super().result())


@metric()
class LogCoshError(MeanMetricWrapper):
    """The mean of `log(cosh(y_pred - y_true))`.

    Args:
        name: its name.
        dtype: as for `Metric`.
    """

    def __init__(self, name: str | None = "logcosh", dtype: Any = None):
        super().__init__(log_cosh, name, dtype)


@metric()
class Poisson(MeanMetricWrapper):
    """The mean of `y_pred - y_true log(y_pred)`.

    Args:
        name: its name.
        dtype: as for `Metric`.
    """

    def __init__(self, name: str | None = "poisson", dtype: Any = None):
        super().__init__(poisson, name, dtype)


@metric("kld", "KLD")
class KLDivergence(MeanMetricWrapper):
    """The Kullback-Leibler divergence of distributions over the last axis.

    Args:
        name: its name.
        dtype: as for `Metric`.

    Source: Kullback & Leibler, "On Information and Sufficiency", 1951.
    """

    def __init__(self, name: str | None = "kl_divergence", dtype: Any = None):
        super().__init__(kl_divergence, name, dtype)


@metric()
class CosineSimilarity(MeanMetricWrapper):
    """The cosine of the angle between labels and outputs.

    Args:
        name: its name.
        dtype: as for `Metric`.
        axis: the axis of the vectors.

    Differs: Keras's config lacks `axis`, so a file forgets it; here it is written where it isn't -1.
    """

    _direction = "up"
    _unwritten = ("axis",)

    def __init__(self, name: str | None = "cosine_similarity", dtype: Any = None, axis: int = -1):
        super().__init__(cosine_similarity, name, dtype, axis=axis)


@metric()
class PearsonCorrelation(MeanMetricWrapper):
    """The mean of the samples' Pearson correlations along an axis.

    Args:
        name: its name.
        dtype: as for `Metric`.
        axis: the axis along which labels and outputs are correlated.
    """

    _direction = "up"

    def __init__(self, name: str | None = "pearson_correlation", dtype: Any = None, axis: int = -1):
        super().__init__(pearson_correlation, name, dtype, axis=axis)


@metric()
class ConcordanceCorrelation(MeanMetricWrapper):
    """The mean of the samples' concordance correlations along an axis.

    Args:
        name: its name.
        dtype: as for `Metric`.
        axis: the axis along which labels and outputs are correlated.

    Source: Lin, "A Concordance Correlation Coefficient to Evaluate Reproducibility", 1989.
    """

    _direction = "up"

    def __init__(self, name: str | None = "concordance_correlation", dtype: Any = None, axis: int = -1):
        super().__init__(concordance_correlation, name, dtype, axis=axis)


AGGREGATIONS = ("uniform_average", "variance_weighted_average", None)


@metric()
class R2Score(Metric):
    """The part of the labels' variance that the outputs explain: 1 at best, 0 for the labels' mean, below for worse.

    Args:
        class_aggregation: `"uniform_average"` or `"variance_weighted_average"` over the outputs' columns, or None for one
            score a column.
        num_regressors: how many inputs the outputs depend on, for the adjusted score; 0 is the plain one.
        name: its name.
        dtype: as for `Metric`.

    Shapes: (B, D) and (B, D), weights (B,) or (B, D), to one number, or (D,).

    >>> float(R2Score()([[1.0], [2.0], [3.0]], [[1.0], [2.0], [3.0]]))
    1.0

    Raises:
        ArgumentError: no such aggregation, or fewer than 0 regressors.
        ShapeError: labels or outputs that aren't (B, D).

    Differs: the adjusted score is that of num_samples (B times D), as in Keras. Where there are too few samples for it,
    the plain score is given; the warning about it comes only outside of a program.
    """

    _direction = "up"

    def __init__(
        self,
        class_aggregation: str | None = "uniform_average",
        num_regressors: int = 0,
        name: str | None = "r2_score",
        dtype: Any = None,
    ):
        super().__init__(dtype, name)
        if class_aggregation not in AGGREGATIONS:
            raise NameUnknownError(
                f"Invalid value for argument `class_aggregation`. Expected one of {AGGREGATIONS}, but got "
                f"class_aggregation={class_aggregation}.{did_you_mean(class_aggregation, AGGREGATIONS[:2])}"
            )
        if num_regressors < 0:
            raise ArgumentError(
                f"Invalid value for argument `num_regressors`. Expected a value >= 0. Received: {num_regressors}."
            )
        self.class_aggregation, self.num_regressors = class_aggregation, num_regressors
        self.num_samples = self.add_variable((), np.zeros, name="num_samples")
        self.built = False

    def _build(self, y_true_shape: tuple, y_pred_shape: tuple) -> None:
        if len(y_pred_shape) != 2 or len(y_true_shape) != 2:
            raise ShapeError(
                "R2Score expects 2D inputs with shape (batch_size, output_dim). Received input shapes: "
                f"y_pred.shape={y_pred_shape} and y_true.shape={y_true_shape}."
            )
        columns = y_pred_shape[-1:]
        self.squared_sum = self.add_variable(columns, np.zeros, name="squared_sum")
        self.sum = self.add_variable(columns, np.zeros, name="sum")
        self.total_mse = self.add_variable(columns, np.zeros, name="residual")
        self.count = self.add_variable(columns, np.zeros, name="count")
        self.built = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Adds a batch."""
        y_true, y_pred = match_ranks(convert_to_tensor(y_true, self.dtype), convert_to_tensor(y_pred, self.dtype))
        if not self.built:
            self._build(y_true.shape, y_pred.shape)
        weights = convert_to_tensor(1.0 if sample_weight is None else sample_weight, self.dtype)
        weights = jnp.broadcast_to(weights[:, None] if weights.ndim == 1 else weights, y_true.shape)
        self.sum.assign_add(jnp.sum(y_true * weights, axis=0))
        self.squared_sum.assign_add(jnp.sum(jnp.square(y_true) * weights, axis=0))
        self.total_mse.assign_add(jnp.sum(jnp.square(y_true - y_pred) * weights, axis=0))
        self.count.assign_add(jnp.sum(weights, axis=0))
        self.num_samples.assign_add(jnp.sum(jnp.ones_like(y_true)))

    def result(self) -> Any:
        """The score, or the scores."""
        self._check_built()
        total = self.squared_sum.value - self.sum.value * (self.sum.value / self.count.value)
        scores = 1.0 - self.total_mse.value / total
        scores = jnp.where(jnp.isinf(scores), 0.0, scores)
        if self.class_aggregation == "uniform_average":
            scores = jnp.mean(scores)
        elif self.class_aggregation == "variance_weighted_average":
            scores = jnp.sum(total * scores) / jnp.sum(total)
        return self._adjusted(scores) if self.num_regressors else scores

    def _adjusted(self, scores: Any) -> Any:
        samples, regressors = self.num_samples.value, self.num_regressors
        if not isinstance(samples, Tracer) and float(samples) - 1 <= regressors:
            warn("More independent predictors than datapoints in adjusted R2 score. Falling back to standard R2 score.")
        freedom = samples - regressors - 1
        adjusted = 1.0 - (1.0 - scores) * (samples - 1) / jnp.where(freedom > 0, freedom, 1)
        return jnp.where(freedom > 0, adjusted, scores)

    def get_config(self) -> dict:
        """The constructor's arguments."""
        own = {"class_aggregation": self.class_aggregation, "num_regressors": self.num_regressors}
        return {**super().get_config(), **own}
