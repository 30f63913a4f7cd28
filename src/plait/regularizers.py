"""Regularizers: penalties on the size of weights or activations, added to the loss.

A regularizer is a function of a tensor that returns a number. What a layer's regularizers give is added to the loss of
each step; the sums are over the tensor, not its mean.
"""

import math
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp

from plait.common.constructors import kept_arguments
from plait.common.messages import did_you_mean
from plait.common.registry import builtin
from plait.common.serialization import deserialize as deserialize_any
from plait.common.serialization import get as get_any
from plait.common.serialization import serialize as serialize_any
from plait.common.watched import Watched
from plait.core.variable import convert_to_tensor
from plait.errors import ArgumentError, MissingError, NameUnknownError, ShapeError

__all__ = [
    "L1",
    "L1L2",
    "L2",
    "OrthogonalRegularizer",
    "Regularizer",
    "deserialize",
    "get",
    "l1",
    "l1_l2",
    "l2",
    "orthogonal_regularizer",
    "serialize",
]


@builtin("regularizers", "regularizer")
class Regularizer(Watched):
    """The parent of regularizers: a subclass says in `__call__` what the penalty of a tensor is.

    >>> class LargestElement(Regularizer):
    ...     def __call__(self, x):
    ...         return jnp.max(jnp.abs(x))
    >>> float(LargestElement()(jnp.array([1.0, -3.0])))
    3.0
    """

    def __call__(self, x: Any) -> Any:
        """The penalty, a scalar, of a tensor."""
        raise MissingError(f"{type(self).__name__}: a regularizer defines `__call__(self, x)`.")

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return kept_arguments(self, type(self))

    @classmethod
    def from_config(cls, config: dict) -> "Regularizer":
        """A regularizer from its config."""
        return cls(**config)


@builtin("regularizers", "l1")
class L1(Regularizer):
    """l1 · Σ|x|: draws small weights to zero.

    Args:
        l1: the factor, not negative.

    Raises:
        ArgumentError: a factor that is negative or no number.

    >>> float(L1(0.5)(jnp.array([1.0, -3.0])))
    2.0
    """

    def __init__(self, l1: float = 0.01):
        self.l1 = _factor("L1", "l1", l1, 0.01)

    def __call__(self, x: Any) -> Any:
        """The penalty, a scalar."""
        return self.l1 * jnp.sum(jnp.abs(convert_to_tensor(x)))


@builtin("regularizers", "l2")
class L2(Regularizer):
    """l2 · Σx²: draws weights towards zero.

    Args:
        l2: the factor, not negative.

    Raises:
        ArgumentError: a factor that is negative or no number.

    >>> float(L2(0.5)(jnp.array([1.0, -3.0])))
    5.0
    """

    def __init__(self, l2: float = 0.01):
        self.l2 = _factor("L2", "l2", l2, 0.01)

    def __call__(self, x: Any) -> Any:
        """The penalty, a scalar."""
        return self.l2 * jnp.sum(jnp.square(convert_to_tensor(x)))


@builtin("regularizers", "l1l2", "l1_l2")
class L1L2(Regularizer):
    """l1 · Σ|x| + l2 · Σx².

    Args:
        l1: the first factor, not negative.
        l2: the second.

    Raises:
        ArgumentError: a factor that is negative or no number.

    >>> float(L1L2(l1=0.5, l2=0.5)(jnp.array([1.0, -3.0])))
    7.0
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0):
        self.l1 = _factor("L1L2", "l1", l1, 0.0)
        self.l2 = _factor("L1L2", "l2", l2, 0.0)

    def __call__(self, x: Any) -> Any:
        """The penalty, a scalar."""
        x = convert_to_tensor(x)
        penalty = jnp.zeros((), x.dtype)
        if self.l1:
            penalty += self.l1 * jnp.sum(jnp.abs(x))
        if self.l2:
            penalty += self.l2 * jnp.sum(jnp.square(x))
        return penalty


@builtin("regularizers", "orthogonal_regularizer")
class OrthogonalRegularizer(Regularizer):
    """factor times the mean |cosine| between the rows (or columns) of a matrix: draws them to be orthogonal.

    Args:
        factor: the factor.
        mode: "rows" or "columns".

    Raises:
        ArgumentError: a factor that is negative or no number.
        NameUnknownError: another mode.

    >>> float(OrthogonalRegularizer(1.0)(jnp.eye(3)))
    0.0
    """

    def __init__(self, factor: float = 0.01, mode: str = "rows"):
        if mode not in ("rows", "columns"):
            hint = did_you_mean(mode, ("rows", "columns"))
            raise NameUnknownError(
                f'Invalid value for argument `mode`. Expected one of {{"rows", "columns"}}. Received: mode={mode}{hint}'
            )
        self.factor, self.mode = _factor("OrthogonalRegularizer", "factor", factor, 0.01), mode

    def __call__(self, x: Any) -> Any:
        """The penalty, a scalar, of a matrix.

        Raises:
            ShapeError: a tensor of another rank than 2.
        """
        x = convert_to_tensor(x)
        if x.ndim != 2:
            raise ShapeError(f"Inputs to OrthogonalRegularizer must have rank 2. Received: inputs.shape={x.shape}")
        vectors = x if self.mode == "rows" else x.T
        count = vectors.shape[0]
        lengths = jnp.sqrt(jnp.maximum(jnp.sum(jnp.square(vectors), axis=1, keepdims=True), 1e-12))
        cosines = (vectors / lengths) @ (vectors / lengths).T
        apart = jnp.sum(jnp.abs(cosines * (1.0 - jnp.eye(count, dtype=x.dtype))))
        return self.factor * 0.5 * apart / max(count * (count - 1) / 2, 1.0)


def _factor(who: str, argument: str, value: Any, default: float) -> float:
    try:
        number = default if value is None else math.nan if isinstance(value, (str, bytes)) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number) or number < 0:
        raise ArgumentError(f"{who}: `{argument}` must be a number from 0 up, but got {value!r}.")
    return number


l1, l2, l1_l2, orthogonal_regularizer = L1, L2, L1L2, OrthogonalRegularizer


def get(identifier: Any) -> Any:
    """A regularizer from None, a name, a config, a class or a function.

    >>> get("l2").l2
    0.01
    """
    return get_any("regularizers", identifier)


def serialize(regularizer: Any) -> Any:
    """A regularizer as plain data, in the form of Keras's files."""
    return serialize_any(regularizer)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """A regularizer from plain data."""
    return deserialize_any(config, custom_objects, "regularizers")
