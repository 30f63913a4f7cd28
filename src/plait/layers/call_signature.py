"""What a layer's `call` accepts: a fact about its class, read once, because looking takes longer than calling."""

import functools
import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

from plait.common.traits import has_default


class CallSignature(NamedTuple):
    """What a class's `call` accepts, read once."""

    names: tuple[str, ...]
    takes_training: bool
    training_default: Any
    takes_mask: bool
    mask_names: tuple[str, ...]
    build_names: tuple[str, ...]
    makes_mask: bool


signatures: dict[type, CallSignature] = {}


@functools.cache
def parameter_names(method: Callable) -> tuple[str, ...]:
    """The named parameters of a method, without `self`."""
    parameters = list(inspect.signature(method).parameters.values())[1:]
    return tuple(p.name for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL))


def read_signature(cls: Any) -> CallSignature:
    """What a class's `call` accepts, for the first time; `signatures` has it from then on."""
    parameters = dict(list(inspect.signature(cls.call).parameters.items())[1:])
    training = parameters.get("training")
    signature = signatures[cls] = CallSignature(
        names=tuple(name for name, p in parameters.items() if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)),
        takes_training=training is not None,
        training_default=None if training is None or training.default is training.empty else training.default,
        takes_mask="mask" in parameters,
        mask_names=tuple(name for name in parameters if name.endswith("_mask")),
        build_names=parameter_names(cls.build),
        makes_mask=not has_default(cls, "compute_mask"),
    )
    return signature
