"""Types of the arguments that many layers take: what a user may write for an activation, an initializer and the like."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypedDict

from plait.common.policies import DTypePolicy

ActivationLike = str | Callable[..., Any] | Mapping[str, Any] | None
InitializerLike = str | Callable[..., Any] | type | Mapping[str, Any] | None
RegularizerLike = str | Callable[..., Any] | type | Mapping[str, Any] | None
ConstraintLike = str | Callable[..., Any] | type | Mapping[str, Any] | None
DTypeLike = str | type | DTypePolicy | Mapping[str, Any] | None


class _Shared(TypedDict, total=False):
    dtype: Any
    trainable: bool
    autocast: bool
    input_shape: Any
    batch_input_shape: Any
    input_dim: int | None


class OptionsBesidesName(_Shared, total=False):
    """The options of layers that name `name` among their own arguments."""

    activity_regularizer: RegularizerLike


class OptionsBesidesActivity(_Shared, total=False):
    """The options of layers that name `activity_regularizer` among their own arguments."""

    name: str | None


class LayerOptions(OptionsBesidesActivity, total=False):
    """What every layer's constructor takes by keyword, the shapes of Keras 1 and 2 among it; `Layer` says what it means."""

    activity_regularizer: RegularizerLike


Sizes = int | Sequence[int]  # one number for all axes, or one an axis
