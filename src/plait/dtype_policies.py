"""What layers compute in and what their variables are: policies, and how they get into files and out."""

from typing import Any

from plait._policies import DTypePolicy as DTypePolicy
from plait._policies import DTypePolicyMap as DTypePolicyMap
from plait._policies import FloatDTypePolicy as FloatDTypePolicy
from plait._policies import Int4DTypePolicy as Int4DTypePolicy
from plait._policies import QuantizedDTypePolicy as QuantizedDTypePolicy
from plait._policies import QuantizedFloat8DTypePolicy as QuantizedFloat8DTypePolicy
from plait._policies import policy
from plait._registry import deserialize as deserialize_value
from plait._registry import serialize as serialize_value

__all__ = [
    "DTypePolicy",
    "DTypePolicyMap",
    "FloatDTypePolicy",
    "Int4DTypePolicy",
    "QuantizedDTypePolicy",
    "QuantizedFloat8DTypePolicy",
    "deserialize",
    "get",
    "serialize",
]


def get(identifier: Any) -> DTypePolicy:
    """A policy from None, a name, a dtype, a config or a policy.

    >>> get("mixed_bfloat16")
    <DTypePolicy "mixed_bfloat16">

    Raises:
        NameUnknownError: neither a dtype nor a policy.
    """
    return policy(identifier)


def serialize(dtype_policy: DTypePolicy) -> dict:
    """A policy as files hold it."""
    return serialize_value(dtype_policy)


def deserialize(config: dict, custom_objects: dict | None = None) -> DTypePolicy:
    """A policy from what files hold."""
    return policy(deserialize_value(config, custom_objects))
