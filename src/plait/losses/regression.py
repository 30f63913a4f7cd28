"""Losses of numbers: labels are quantities, and outputs should be near them.

Shapes: labels and outputs are (B, ..., D); the functions give (B, ...), the mean (or sum) over the last axis.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp

from plait.common.registry import builtin
from plait.common.settings import settings
from plait.losses.base import LossFunctionWrapper, as_pair, comparison


@comparison("mse", "MSE", of_numbers=True, by_element=True)
def mean_squared_error(y_true: Any, y_pred: Any) -> Any:
    """The mean of `(y_true - y_pred)²` over the last axis.

    Shapes: (B, ..., D) and (B, ..., D) to (B, ...).

    >>> float(mean_squared_error([0.0, 1.0], [1.0, 3.0]))
    2.5
    """
    y_true, y_pred = as_pair(y_true, y_pred)
    return jnp.mean(jnp.square(y_true - y_pred), axis=-1)


@comparison("mae", "MAE", of_numbers=True, by_element=True)
def mean_absolute_error(y_true: Any, y_pred: Any) -> Any:
    """The mean of `|y_true - y_pred|` over the last axis.

    Shapes: (B, ..., D) and (B, ..., D) to (B, ...).
    """
    y_true, y_pred = as_pair(y_true, y_pred)
    return jnp.mean(jnp.abs(y_true - y_pred), axis=-1)


@comparison("mape", "MAPE", of_numbers=True, by_element=True)
def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Any:
    """The mean of `100 |y_true - y_pred| / |y_true|` over the last axis; labels nearer to 0 than epsilon count as epsilon.

    Shapes: (B, ..., D) and (B, ..., D) to (B, ...).
    """
    y_true, y_pred = as_pair(y_true, y_pred)
    return 100.0 * jnp.mean(jnp.abs((y_true - y_pred) / jnp.maximum(jnp.abs(y_true), settings().epsilon)), axis=-1)


@comparison("msle", "MSLE", of_numbers=True, by_element=True)
def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Any:
    """The mean of `(log(y_true + 1) - log(y_pred + 1))²` over the last axis; what is below epsilon counts as epsilon.

    Shapes: (B, ..., D) and (B, ..., D) to (B, ...).
    """
    y_true, y_pred = as_pair(y_true, y_pred)
    log_true, log_pred = (jnp.log(jnp.maximum(y, settings().epsilon) + 1.0) for y in (y_true, y_pred))
    return jnp.mean(jnp.square(log_true - log_pred), axis=-1)


@comparison("huber_loss", of_numbers=True, by_element=True)
def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> Any:
    """The mean over the last axis of `e² / 2` for errors e up to delta, and of `delta |e| - delta² / 2` beyond.

    Shapes: (B, ..., D) and (B, ..., D) to (B, ...).

    Source: Huber, "Robust Estimation of a Location Parameter", 1964.
    """
    y_true, y_pred = as_pair(y_true, y_pred)
    error = jnp.abs(y_pred - y_true)
    return jnp.mean(jnp.where(error <= delta, 0.5 * jnp.square(error), delta * error - 0.5 * delta**2), axis=-1)


@comparison("logcosh", of_numbers=True, by_element=True)
def log_cosh(y_true: Any, y_pred: Any) -> Any:
    """The mean of `log(cosh(y_pred - y_true))` over the last axis, in a form that doesn't overflow.

    Shapes: (B, ..., D) and (B, ..., D) to (B, ...).
    """
    y_true, y_pred = as_pair(y_true, y_pred)
    error = y_pred - y_true
    return jnp.mean(error + jax.nn.softplus(-2.0 * error) - math.log(2.0), axis=-1)


@comparison(of_numbers=True, by_element=True)
def poisson(y_true: Any, y_pred: Any) -> Any:
    """The mean of `y_pred - y_true log(y_pred)` over the last axis: the Poisson log likelihood without its constant.

    Shapes: (B, ..., D) and (B, ..., D) to (B, ...).
    """
    y_true, y_pred = as_pair(y_true, y_pred)
    return jnp.mean(y_pred - y_true * jnp.log(y_pred + settings().epsilon), axis=-1)


@comparison("kld", "KLD", "kullback_leibler_divergence", of_numbers=True)
def kl_divergence(y_true: Any, y_pred: Any) -> Any:
    """The Kullback-Leibler divergence `Σ y_true log(y_true / y_pred)` over the last axis, both clipped to [epsilon, 1].

    Shapes: (B, ..., C) and (B, ..., C) to (B, ...).

    Source: Kullback & Leibler, "On Information and Sufficiency", 1951.
    """
    y_true, y_pred = (jnp.clip(y, settings().epsilon, 1.0) for y in as_pair(y_true, y_pred))
    return jnp.sum(y_true * jnp.log(y_true / y_pred), axis=-1)


@comparison(of_numbers=True)
def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """The negative cosine of the angle between labels and outputs: -1 where they point the same way, 1 the opposite.

    Shapes: (B, ..., D) and (B, ..., D) to (B, ...), without the axis.

    Differs: `plait.metrics.CosineSimilarity` has the other sign, as in Keras.
    """
    return -cosine(y_true, y_pred, axis)


def cosine(y_true: Any, y_pred: Any, axis: int) -> Any:
    """The cosine of the angle between labels and outputs along an axis; 0 where one of them is all zeros."""
    y_true, y_pred = (_unit(y, axis) for y in as_pair(y_true, y_pred))
    return jnp.sum(y_true * y_pred, axis=axis)


def _unit(x: Any, axis: int) -> Any:
    squares = jnp.sum(jnp.square(x), axis=axis, keepdims=True)
    return x * jax.lax.rsqrt(jnp.maximum(squares, settings().epsilon ** 2))  # a finite gradient at 0, too


@builtin("losses")
class MeanSquaredError(LossFunctionWrapper):
    """The mean of `(y_true - y_pred)²`.

    Args:
        reduction: as for `Loss`.
        name: as for `Loss`.
        dtype: as for `Loss`.

    Shapes: (B, ..., D) and (B, ..., D), weights (B,) up to (B, ...), to one number.

    >>> float(MeanSquaredError()([[0.0, 1.0]], [[1.0, 3.0]]))
    2.5
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_squared_error",
        dtype: Any = None,
    ):
        super().__init__(mean_squared_error, reduction, name, dtype)


@builtin("losses")
class MeanAbsoluteError(LossFunctionWrapper):
    """The mean of `|y_true - y_pred|`.

    Args:
        reduction: as for `Loss`.
        name: as for `Loss`.
        dtype: as for `Loss`.

    Shapes: (B, ..., D) and (B, ..., D), weights (B,) up to (B, ...), to one number.
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_absolute_error",
        dtype: Any = None,
    ):
        super().__init__(mean_absolute_error, reduction, name, dtype)


@builtin("losses")
class MeanAbsolutePercentageError(LossFunctionWrapper):
    """The mean of `100 |y_true - y_pred| / |y_true|`; labels nearer to 0 than epsilon count as epsilon.

    Args:
        reduction: as for `Loss`.
        name: as for `Loss`.
        dtype: as for `Loss`.

    Shapes: (B, ..., D) and (B, ..., D), weights (B,) up to (B, ...), to one number.
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_absolute_percentage_error",
        dtype: Any = None,
    ):
        super().__init__(mean_absolute_percentage_error, reduction, name, dtype)


@builtin("losses")
class MeanSquaredLogarithmicError(LossFunctionWrapper):
    """The mean of `(log(y_true + 1) - log(y_pred + 1))²`; what is below epsilon counts as epsilon.

    Args:
        reduction: as for `Loss`.
        name: as for `Loss`.
        dtype: as for `Loss`.

    Shapes: (B, ..., D) and (B, ..., D), weights (B,) up to (B, ...), to one number.
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_squared_logarithmic_error",
        dtype: Any = None,
    ):
        super().__init__(mean_squared_logarithmic_error, reduction, name, dtype)


@builtin("losses")
class Huber(LossFunctionWrapper):
    """The squared error up to delta, and a straight line beyond, so that outliers pull less (`huber`).

    Args:
        delta: where the line begins.
        reduction: as for `Loss`.
        name: as for `Loss`.
        dtype: as for `Loss`.

    Shapes: (B, ..., D) and (B, ..., D), weights (B,) up to (B, ...), to one number.

    Source: Huber, "Robust Estimation of a Location Parameter", 1964.

    Differs: Keras's config lacks `delta`, so a file forgets it; here it is written where it isn't 1.
    """

    _unwritten = ("delta",)

    def __init__(
        self,
        delta: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "huber_loss",
        dtype: Any = None,
    ):
        super().__init__(huber, reduction, name, dtype, delta=delta)


@builtin("losses")
class LogCosh(LossFunctionWrapper):
    """The mean of `log(cosh(y_pred - y_true))`: nearly half the square for small errors, a straight line for large ones.

    Args:
        reduction: as for `Loss`.
        name: as for `Loss`.
        dtype: as for `Loss`.

    Shapes: (B, ..., D) and (B, ..., D), weights (B,) up to (B, ...), to one number.
    """

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str | None = "log_cosh", dtype: Any = None):
        super().__init__(log_cosh, reduction, name, dtype)


@builtin("losses")
class Poisson(LossFunctionWrapper):
    """The mean of `y_pred - y_true log(y_pred)`, for labels that are counts.

    Args:
        reduction: as for `Loss`.
        name: as for `Loss`.
        dtype: as for `Loss`.

    Shapes: (B, ..., D) and (B, ..., D), weights (B,) up to (B, ...), to one number.
    """

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str | None = "poisson", dtype: Any = None):
        super().__init__(poisson, reduction, name, dtype)


@builtin("losses")
class KLDivergence(LossFunctionWrapper):
    """The Kullback-Leibler divergence of distributions over the last axis (`kl_divergence`).

    Args:
        reduction: as for `Loss`.
        name: as for `Loss`.
        dtype: as for `Loss`.

    Shapes: (B, ..., C) and (B, ..., C), weights (B,) up to (B, ...), to one number.
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = "kl_divergence", dtype: Any = None
    ):
        super().__init__(kl_divergence, reduction, name, dtype)


@builtin("losses")
class CosineSimilarity(LossFunctionWrapper):
    """The negative cosine of the angle between labels and outputs.

    Args:
        axis: the axis of the vectors.
        reduction: as for `Loss`.
        name: as for `Loss`.
        dtype: as for `Loss`.

    Shapes: (B, ..., D) and (B, ..., D), weights (B,) up to (B, ...), to one number.

    Differs: Keras's config lacks `axis`, so a file forgets it; here it is written where it isn't -1.
    """

    _unwritten = ("axis",)

    def __init__(
        self,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "cosine_similarity",
        dtype: Any = None,
    ):
        super().__init__(cosine_similarity, reduction, name, dtype, axis=axis)
