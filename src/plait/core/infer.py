"""Shapes and dtypes of any function, by one abstract trace.

`infer(function, args, kwargs)` finds out what a function would give on symbolic tensors, without running it: JAX traces
it (`jax.eval_shape`) with one symbolic size, at least 2, in place of every None. There are no hand-written shape rules
anywhere in plait.

Where the function needs to compare an unknown size with a number, the symbolic trace cannot go on. Then two traces with
two numbers are made, and what differs between them is unknown.

Life under jit: it is itself a trace. State that the function changes (statistics, seeds) goes to bindings that are
thrown away.

Differs from Keras: layers there have hand-written `compute_output_shape`; here it is derived, and a user's own is
respected (`layers/base`).
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import export

from plait._dtypes import dtype_name
from plait._errors import PlaitError, ShapeError, describe
from plait._scope import current, scope
from plait._tree import map_structure_in_order
from plait.core.tensor import KerasTensor
from plait.core.traces import uncollected

_PROBES = (96, 160)  # sizes for functions that need numbers: large enough for any usual window or stride

_unknown: list = []


def unknown_size() -> Any:
    """The symbolic size that stands for None in a trace."""
    if not _unknown:
        _unknown.extend(export.symbolic_shape("unknown", constraints=["unknown >= 2"]))
    return _unknown[0]


def infer(function: Callable, args: tuple, kwargs: dict) -> Any:
    """What `function(*args, **kwargs)` would return, as symbolic tensors without history.

    Args:
        function: any function of arrays.
        args: its arguments, nested as they are; symbolic tensors stand for arrays of their shape and dtype.
        kwargs: likewise by keyword.

    Raises:
        whatever the function raises on arrays of such shapes.

    >>> infer(lambda x: (x @ x.T, x.sum(0)), (KerasTensor((None, 3)),), {})[1].shape
    (3,)
    """
    tensors: list[KerasTensor] = []

    def collect(leaf: Any) -> Any:
        if isinstance(leaf, KerasTensor):
            tensors.append(leaf)
            return _Slot(len(tensors) - 1)
        return leaf

    template = map_structure_in_order(collect, [list(args), kwargs])

    def run(*arrays: Any) -> Any:
        call_args, call_kwargs = map_structure_in_order(lambda a: arrays[a.index] if type(a) is _Slot else a, template)
        with scope(bindings=dict(current().bindings or {}), losses=[]):
            return function(*call_args, **call_kwargs)

    with uncollected():
        if not any(None in tensor.shape for tensor in tensors):
            return _symbolic(jax.eval_shape(run, *_specs(tensors, None)))
        try:
            return _symbolic(jax.eval_shape(run, *_specs(tensors, unknown_size())))
        except PlaitError:
            raise
        except Exception as error:
            return _infer_by_probes(run, tensors, error)


class _Slot:
    __slots__ = ("index",)

    def __init__(self, index: int):
        self.index = index


def _specs(tensors: list[KerasTensor], size: Any) -> list[jax.ShapeDtypeStruct]:
    return [
        jax.ShapeDtypeStruct(tuple(size if n is None else n for n in tensor.shape), jnp.dtype(tensor.dtype))
        for tensor in tensors
    ]


def _infer_by_probes(run: Callable, tensors: list[KerasTensor], error: Exception) -> Any:
    try:
        first, second = (jax.eval_shape(run, *_specs(tensors, size)) for size in _PROBES)
    except Exception as concrete_error:
        raise concrete_error from None
    if jax.tree.structure(first) != jax.tree.structure(second):
        raise error

    def merge(a: Any, b: Any) -> KerasTensor:
        if len(a.shape) != len(b.shape):
            raise ShapeError(
                f"The rank of a result depends on an unknown size: {describe(a)} or {describe(b)}."
            ) from error
        return KerasTensor(tuple(m if m == n else None for m, n in zip(a.shape, b.shape, strict=True)), a.dtype)

    return jax.tree.map(merge, first, second)


def _symbolic(result: Any) -> Any:
    return jax.tree.map(lambda spec: KerasTensor(known_shape(spec), dtype_name(spec.dtype)), result)


def known_shape(x: Any) -> tuple:
    """The shape of an array or spec with None where the size is symbolic."""
    return tuple(size if isinstance(size, int) else None for size in x.shape)
