"""Constraints: what is done to a weight after each update, so that it stays within bounds.

A constraint is a function from a tensor to one of the same shape. Norms are over `axis`: for a kernel (inputs, units) the
default 0 bounds the weights that go into each unit; for convolutions give all axes but the last.
"""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp

from plait.common.constructors import kept_arguments
from plait.common.registry import builtin
from plait.common.serialization import deserialize as deserialize_any
from plait.common.serialization import get as get_any
from plait.common.serialization import serialize as serialize_any
from plait.common.settings import settings
from plait.common.watched import Watched
from plait.core.variable import convert_to_tensor

__all__ = [
    "Constraint",
    "MaxNorm",
    "MinMaxNorm",
    "NonNeg",
    "UnitNorm",
    "deserialize",
    "get",
    "max_norm",
    "min_max_norm",
    "non_neg",
    "serialize",
    "unit_norm",
]


@builtin("constraints", "constraint")
class Constraint(Watched):
    """The parent of constraints, which itself changes nothing: a subclass says in `__call__` what a weight becomes.

    >>> class AtMostOne(Constraint):
    ...     def __call__(self, w):
    ...         return jnp.minimum(w, 1.0)
    >>> AtMostOne()(jnp.array([0.5, 3.0])).tolist()
    [0.5, 1.0]
    """

    def __call__(self, w: Any) -> Any:
        """The weight within its bounds."""
        return convert_to_tensor(w)

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return kept_arguments(self, type(self))

    @classmethod
    def from_config(cls, config: dict) -> "Constraint":
        """A constraint from its config."""
        return cls(**config)


@builtin("constraints", "max_norm")
class MaxNorm(Constraint):
    """Scales weights down whose norm is above a value.

    Args:
        max_value: the largest norm.
        axis: the axis or axes to take the norm over.

    Source: Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting", 2014.

    >>> MaxNorm(1.0)(jnp.array([[3.0], [4.0]])).round(3).tolist()
    [[0.6000000238418579], [0.800000011920929]]
    """

    def __init__(self, max_value: float = 2, axis: Any = 0):
        self.max_value, self.axis = max_value, axis

    def __call__(self, w: Any) -> Any:
        """The weight, scaled down where its norm is too large."""
        w = convert_to_tensor(w)
        norms = _norms(w, self.axis)
        return w * (jnp.clip(norms, 0, self.max_value) / (settings().epsilon + norms))


@builtin("constraints", "non_neg")
class NonNeg(Constraint):
    """Sets negative weights to zero.

    >>> NonNeg()(jnp.array([-1.0, 2.0])).tolist()
    [0.0, 2.0]
    """

    def __call__(self, w: Any) -> Any:
        """The weight without its negative elements."""
        return jnp.maximum(convert_to_tensor(w), 0)


@builtin("constraints", "unit_norm")
class UnitNorm(Constraint):
    """Scales weights to norm 1.

    Args:
        axis: the axis or axes to take the norm over.

    >>> UnitNorm()(jnp.array([[3.0], [4.0]])).round(3).tolist()
    [[0.6000000238418579], [0.800000011920929]]
    """

    def __init__(self, axis: Any = 0):
        self.axis = axis

    def __call__(self, w: Any) -> Any:
        """The weight with norm 1."""
        w = convert_to_tensor(w)
        return w / (settings().epsilon + _norms(w, self.axis))


@builtin("constraints", "min_max_norm")
class MinMaxNorm(Constraint):
    """Scales weights whose norm is outside of two values towards the nearer one.

    Args:
        min_value: the smallest norm.
        max_value: the largest norm.
        rate: how far to go there in one step: 1 is all the way.
        axis: the axis or axes to take the norm over.

    >>> MinMaxNorm(0.0, 1.0)(jnp.array([[3.0], [4.0]])).round(3).tolist()
    [[0.6000000238418579], [0.800000011920929]]
    """

    def __init__(self, min_value: float = 0.0, max_value: float = 1.0, rate: float = 1.0, axis: Any = 0):
        self.min_value, self.max_value, self.rate, self.axis = min_value, max_value, rate, axis

    def __call__(self, w: Any) -> Any:
        """The weight, scaled where its norm is outside."""
        w = convert_to_tensor(w)
        norms = _norms(w, self.axis)
        wanted = self.rate * jnp.clip(norms, self.min_value, self.max_value) + (1 - self.rate) * norms
        return w * (wanted / (settings().epsilon + norms))


def _norms(w: Any, axis: Any) -> Any:
    return jnp.sqrt(jnp.sum(jnp.square(w), axis=tuple(axis) if isinstance(axis, list) else axis, keepdims=True))


max_norm, non_neg, unit_norm, min_max_norm = MaxNorm, NonNeg, UnitNorm, MinMaxNorm


def get(identifier: Any) -> Any:
    """A constraint from None, a name, a config, a class or a function.

    >>> type(get("non_neg")).__name__
    'NonNeg'
    """
    return get_any("constraints", identifier)


def serialize(constraint: Any) -> Any:
    """A constraint as plain data, in the form of Keras's files."""
    return serialize_any(constraint)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """A constraint from plain data."""
    return deserialize_any(config, custom_objects, "constraints")
