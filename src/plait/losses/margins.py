"""Losses of margins: the right answer should win by at least 1.

Labels of `hinge` and `squared_hinge` are -1 and 1; where all are 0 or 1, they are read as -1 and 1.
"""

from typing import Any

import jax.numpy as jnp

from plait.common.registry import builtin
from plait.losses.base import LossFunctionWrapper, as_pair, comparison


@comparison(by_element=True)
def hinge(y_true: Any, y_pred: Any) -> Any:
    """The mean of `max(1 - y_true y_pred, 0)` over the last axis.

    Shapes: (B, ..., D) and (B, ..., D) to (B, ...).

    >>> hinge([[1.0], [0.0]], [[0.5], [0.5]]).tolist()
    [0.5, 1.5]
    """
    return jnp.mean(_shortfall(y_true, y_pred), axis=-1)


@comparison(by_element=True)
def squared_hinge(y_true: Any, y_pred: Any) -> Any:
    """The mean of `max(1 - y_true y_pred, 0)²` over the last axis.

    Shapes: (B, ..., D) and (B, ..., D) to (B, ...).
    """
    return jnp.mean(jnp.square(_shortfall(y_true, y_pred)), axis=-1)


@comparison()
def categorical_hinge(y_true: Any, y_pred: Any) -> Any:
    """`max(neg - pos + 1, 0)`: pos is the output of the label's class, neg the largest of the others.

    Shapes: (B, ..., C), one-hot, and (B, ..., C) to (B, ...).
    """
    y_true, y_pred = as_pair(y_true, y_pred)
    right = jnp.sum(y_true * y_pred, axis=-1)
    wrong = jnp.max((1.0 - y_true) * y_pred, axis=-1)
    return jnp.maximum(wrong - right + 1.0, 0.0)


def _shortfall(y_true: Any, y_pred: Any) -> Any:
    """By how much each output misses the margin."""
    y_true, y_pred = as_pair(y_true, y_pred)
    is_binary = jnp.all((y_true == 0) | (y_true == 1))
    return jnp.maximum(1.0 - jnp.where(is_binary, 2.0 * y_true - 1.0, y_true) * y_pred, 0.0)


@builtin("losses")
class Hinge(LossFunctionWrapper):
    """The mean of `max(1 - y_true y_pred, 0)`, for labels -1 and 1 (or 0 and 1).

    Args:
        reduction: as for `Loss`.
        name: as for `Loss`.
        dtype: as for `Loss`.

    Shapes: (B, ..., D) and (B, ..., D), weights (B,) up to (B, ...), to one number.
    """

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str | None = "hinge", dtype: Any = None):
        super().__init__(hinge, reduction, name, dtype)


@builtin("losses")
class SquaredHinge(LossFunctionWrapper):
    """The mean of `max(1 - y_true y_pred, 0)²`, for labels -1 and 1 (or 0 and 1).

    Args:
        reduction: as for `Loss`.
        name: as for `Loss`.
        dtype: as for `Loss`.

    Shapes: (B, ..., D) and (B, ..., D), weights (B,) up to (B, ...), to one number.
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = "squared_hinge", dtype: Any = None
    ):
        super().__init__(squared_hinge, reduction, name, dtype)


@builtin("losses")
class CategoricalHinge(LossFunctionWrapper):
    """By how much the label's class fails to win by 1 over the best other one (`categorical_hinge`).

    Args:
        reduction: as for `Loss`.
        name: as for `Loss`.
        dtype: as for `Loss`.

    Shapes: (B, ..., C), one-hot, and (B, ..., C), weights (B,) up to (B, ...), to one number.
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = "categorical_hinge", dtype: Any = None
    ):
        super().__init__(categorical_hinge, reduction, name, dtype)
