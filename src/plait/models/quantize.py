"""Quantising a whole model: every layer that has a kernel to multiply with, also inside other layers and models."""

import re
from collections.abc import Callable
from typing import Any

from plait.common.messages import describe, listing, warn
from plait.errors import ArgumentError, StateError
from plait.layers.quantized import Quantizable
from plait.quantizers.configs import resolve


def quantize(model: Any, mode: str | None, config: Any, filters: Any, type_check: bool = True, **unknown: Any) -> None:
    """Keeps the kernels of a model's layers in few bits from now on; see `Layer.quantize`.

    Args:
        model: a built model.
        mode: `"int8"`, `"int4"` or `"float8"`.
        config: how, instead of a mode.
        filters: which layers are meant: a pattern that a name contains, a list of them, or a function of a layer; None means all.
        type_check: whether subclasses of layers are left alone, because their own `call` would not be used any more.
        unknown: refused.

    A layer that doesn't have the mode, and a subclass, stay as they are, with a warning; so do, without one, layers that
    have nothing to quantise.

    Raises:
        StateError: layers that aren't built; nothing is changed then.
        ArgumentError: no such mode, filters of another kind, arguments that don't exist.

    >>> import plait
    >>> model = plait.Sequential(
    ...     [plait.Input((8,)), plait.layers.Dense(4, name="trunk"), plait.layers.Dense(2, name="head")]
    ... )
    >>> model.quantize("int8", filters="trunk")
    >>> [layer.quantization_mode for layer in model.layers]
    ['int8', None]
    """
    if unknown:
        raise ArgumentError(f"Unrecognized keyword arguments passed to {type(model).__name__}: {unknown}")
    is_meant = _filter(filters)
    config = resolve(mode, config)
    meant = [layer for layer in model._flatten_layers() if isinstance(layer, Quantizable) and is_meant(layer)]
    unbuilt = [layer.name for layer in meant if not layer.built]
    if unbuilt:
        raise StateError(
            f"{model.name}.quantize: Cannot quantize a layer that isn't yet built. Call the model on data first; not built: "
            f"{listing(unbuilt)}."
        )
    if not meant:
        warn(f"{model.name}.quantize: no layer with a kernel to quantise is meant; nothing changed.")
    for layer in meant:
        try:
            layer.quantize(type_check=type_check, config=config)
        except NotImplementedError as error:
            warn(str(error))
    if model.optimizer is not None and model.optimizer.built:
        model.optimizer.build_for(model.trainable_variables)  # what it kept for the kernels goes with them


def _filter(filters: Any) -> Callable[[Any], Any]:
    if filters is None:
        return lambda layer: True
    if callable(filters):
        return filters
    patterns = [filters] if isinstance(filters, str) else filters
    if not isinstance(patterns, (list, tuple)):
        raise ArgumentError(
            f"The `filters` argument must be a regex string, a list of regex strings, or a callable, but got {describe(filters)}."
        )
    return lambda layer: any(re.search(pattern, layer.name) for pattern in patterns)
