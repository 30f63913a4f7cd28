"""Layers that are alike give tensors of the same shape and dtype: what one trace has found holds for all of them.

A network of some hundred layers is made of a few kinds, repeated. The abstract trace that finds a call's outputs
(`core/infer`) takes a millisecond, which was half of the time to build such a network. `recall` remembers its result by
all that it can depend on: the layer's class and what it holds, and the arguments' structure, shapes and dtypes.

What it is not: a guess. A layer of somebody's own, one that holds other layers, a function that isn't plait's, arrays, or
anything unknown is traced each time.
"""

import types
from collections.abc import Callable, Hashable
from typing import Any

import jax

from plait.common.policies import DTypePolicy
from plait.common.registry import is_builtin
from plait.common.settings import settings
from plait.common.traits import is_of_plait
from plait.common.tree import map_structure_in_order
from plait.constraints import Constraint
from plait.core.holder import attributes_of
from plait.core.tensor import KerasTensor
from plait.core.variable import Variable
from plait.initializers import Initializer
from plait.layers.input_spec import InputSpec
from plait.random import SeedGenerator
from plait.regularizers import Regularizer

_MOST = 4096
_PLAIN = (int, float, str, bytes, bool, type(None), complex)
_NO_MATTER = (Initializer, Regularizer, Constraint, InputSpec, SeedGenerator)  # none of them changes a shape

_found: dict[Hashable, Any] = {}


class _Unknown(Exception):
    """Something that a result may depend on, and that can't be compared."""


def recall(layer: Any, args: tuple, kwargs: dict, find: Callable) -> Any:
    """`find()`, which gives a layer's symbolic outputs for some arguments; or the same, found before for one alike."""
    try:
        key = _key(layer, args, kwargs)
    except _Unknown:
        return find()
    if key not in _found:
        if len(_found) >= _MOST:
            _found.clear()
        _found[key] = find()
    return map_structure_in_order(_again, _found[key])


def _again(tensor: Any) -> Any:
    return KerasTensor(tensor.shape, tensor.dtype) if isinstance(tensor, KerasTensor) else tensor


def _key(layer: Any, args: tuple, kwargs: dict) -> Hashable:
    if (
        not is_of_plait(type(layer))
        or not type(layer)._told_by_attributes
        or layer._remat is not None
        or layer.activity_regularizer is not None
    ):
        raise _Unknown
    held = tuple((name, _described(value)) for name, value in attributes_of(layer))
    noted = _described(layer._dtype_policy), layer.autocast, layer._is_quantized, layer._convert_input_args
    surroundings = settings().floatx, jax.config.read("jax_enable_x64")
    return type(layer), held, noted, _described(args), _described(kwargs), surroundings


def _described(value: Any) -> Hashable:
    """Something equal for things that are alike."""
    kind = type(value)
    if kind in _PLAIN:
        return kind, value
    if isinstance(value, (list, tuple)):
        return kind, tuple(map(_described, value))
    if isinstance(value, dict):
        return kind, tuple((key, _described(item)) for key, item in value.items())
    if kind is KerasTensor:
        return kind, value.shape, value.dtype, value.sparse, value.ragged
    if isinstance(value, Variable):
        return kind, tuple(value.shape), str(value.dtype)
    if isinstance(value, DTypePolicy):
        return kind, value.compute_dtype, value.variable_dtype
    if isinstance(value, _NO_MATTER):
        return kind
    if kind is types.FunctionType and is_builtin(value):
        return value
    raise _Unknown
