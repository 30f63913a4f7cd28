"""What layers compute in and what their variables are: policies, and how they get into files and out."""

from typing import Any

from plait.common.policies import DTypePolicy as DTypePolicy
from plait.common.policies import DTypePolicyMap as DTypePolicyMap
from plait.common.policies import FloatDTypePolicy as FloatDTypePolicy
from plait.common.policies import Int4DTypePolicy as Int4DTypePolicy
from plait.common.policies import QuantizedDTypePolicy as QuantizedDTypePolicy
from plait.common.policies import QuantizedFloat8DTypePolicy as QuantizedFloat8DTypePolicy
from plait.common.policies import policy
from plait.common.serialization import deserialize as deserialize_value
from plait.common.serialization import serialize as serialize_value

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
