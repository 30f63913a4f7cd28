"""Types of the arguments that many layers take: what a user may write for an activation, an initializer and the like."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from plait.common.policies import DTypePolicy

ActivationLike = str | Callable[..., Any] | Mapping[str, Any] | None
InitializerLike = str | Callable[..., Any] | type | Mapping[str, Any] | None
RegularizerLike = str | Callable[..., Any] | type | Mapping[str, Any] | None
ConstraintLike = str | Callable[..., Any] | type | Mapping[str, Any] | None
DTypeLike = str | type | DTypePolicy | Mapping[str, Any] | None
Sizes = int | Sequence[int]  # one number for all axes, or one an axis
