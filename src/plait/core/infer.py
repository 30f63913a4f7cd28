"""Shapes and dtypes of any function, by one abstract trace.

`infer(function, args, kwargs)` finds out what a function would give on symbolic tensors, without running it: JAX traces
it (`jax.eval_shape`) with one symbolic size, at least 2, in place of every None. There are no hand-written shape rules
anywhere in plait.

Where the function needs to compare an unknown size with a number, the symbolic trace cannot go on. Then two traces with
two numbers are made, and what differs between them is unknown. Between tensors, an unknown size may have to be one of
the others: (None, 3) + (2, None) can only be (2, 3). Such sizes are tried last.

Life under jit: it is itself a trace. State that the function changes (statistics, seeds) goes to bindings that are
thrown away.

Differs from Keras: layers there have hand-written `compute_output_shape`; here it is derived, and a user's own is
respected (`layers/base`).
"""

import itertools
import math
from collections.abc import Callable, Iterable
from typing import Any

import jax
import jax.numpy as jnp
from jax import export

from plait.common.dtypes import dtype_name
from plait.common.messages import describe
from plait.common.scope import current, scope
from plait.common.tree import map_structure_in_order
from plait.core.tensor import KerasTensor
from plait.core.traces import uncollected
from plait.core.variable import values_of
from plait.errors import PlaitError, ShapeError

_PROBES = (96, 160)  # sizes for functions that need numbers: large enough for any usual window or stride
_MOST_TRIES = 128

_unknown: list = []


def unknown_size() -> Any:
    """The symbolic size that stands for None in a trace."""
    if not _unknown:
        _unknown.extend(export.symbolic_shape("unknown", constraints=["unknown >= 2"]))
    return _unknown[0]


def infer(function: Callable, args: tuple, kwargs: dict, sizes: Callable[[], Iterable[int]] | None = None) -> Any:
    """What `function(*args, **kwargs)` would return, as symbolic tensors without history.

    Args:
        function: any function of arrays.
        args: its arguments, nested as they are; symbolic tensors stand for arrays of their shape and dtype.
        kwargs: likewise by keyword.
        sizes: returns sizes that unknown ones may have to be, beside those of the tensors; asked only where no other works.

    Raises:
        whatever the function raises on arrays of such shapes.

    >>> infer(lambda x: (x @ x.T, x.sum(0)), (KerasTensor((None, 3)),), {})[1].shape
    (3,)
    """
    tensors, run = _traceable(function, args, kwargs)
    with uncollected():
        if not any(None in tensor.shape for tensor in tensors):
            return _symbolic(jax.eval_shape(run, *_specs(tensors, None)))
        try:
            return _symbolic(jax.eval_shape(run, *_specs(tensors, unknown_size())))
        except Exception as error:
            # An op explains JAX's errors as plait's, but what JAX can't do with an unknown size it may do with numbers.
            if isinstance(error, PlaitError) and type(error.__cause__) not in (TypeError, ValueError, IndexError):
                raise
            try:
                return _infer_by_probes(run, tensors, error)
            except Exception:
                alone = sizes is None and len(tensors) == 1
                fitting = None if alone else _fit(run, tensors, sizes() if sizes else ())
                if fitting is None:
                    raise
                return fitting


def _traceable(function: Callable, args: tuple, kwargs: dict) -> tuple[list[KerasTensor], Callable]:
    """The symbolic tensors among arguments, and the function of arrays in their places."""
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
            return values_of(function(*call_args, **call_kwargs))

    return tensors, run


class _Slot:
    __slots__ = ("index",)

    def __init__(self, index: int):
        self.index = index


def _specs(tensors: list[KerasTensor], size: Any) -> list[jax.ShapeDtypeStruct]:
    return [_spec([size if n is None else n for n in tensor.shape], tensor.dtype) for tensor in tensors]


def _spec(shape: Iterable, dtype: str) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(tuple(shape), jnp.dtype(dtype))


def _infer_by_probes(run: Callable, tensors: list[KerasTensor], error: Exception) -> Any:
    try:
        first, second = (jax.eval_shape(run, *_specs(tensors, size)) for size in _PROBES)
    except Exception as concrete_error:
        raise concrete_error from None
    if jax.tree.structure(first) != jax.tree.structure(second):
        raise error

    return _alike(_symbolic(first), second, error)


def _alike(first: Any, second: Any, error: Exception | None = None) -> Any:
    """What two results have in common; sizes that differ are unknown."""

    def merge(a: KerasTensor, b: Any) -> KerasTensor:
        if len(a.shape) != len(b.shape):
            raise ShapeError(
                f"The rank of a result depends on an unknown size: {describe(a)} or {describe(b)}."
            ) from error
        a._shape = tuple(m if m == n else None for m, n in zip(a.shape, b.shape, strict=True))
        return a

    return jax.tree.map(merge, first, second)


def _fit(run: Callable, tensors: list[KerasTensor], sizes: Iterable[int]) -> Any:
    """The result where some unknown sizes are given ones, or those of the other tensors, as few as possible.

    None where nothing fits.
    """
    given, choices = set(sizes), []
    for tensor in tensors:
        others = [other for other in tensors if other is not tensor] or tensors
        fitting = sorted(given.union(*(_known(other) for other in others)))
        choices += [(None, *fitting)] * tensor.shape.count(None)
    if math.prod(map(len, choices)) > _MOST_TRIES:
        return None

    def traced(filling: tuple) -> Any:
        rest = iter(filling)
        shapes = [[next(rest) if n is None else n for n in tensor.shape] for tensor in tensors]
        probes = _PROBES if None in filling else _PROBES[:1]
        return [
            jax.eval_shape(
                run, *(_spec([probe if n is None else n for n in shape], t.dtype) for shape, t in zip(shapes, tensors))
            )
            for probe in probes
        ]

    for filling in sorted(itertools.product(*choices), key=lambda filling: -filling.count(None))[1:]:
        results = _tried(traced, filling)
        if not results:
            continue
        for place, size in enumerate(filling):  # another size may do as well: then it is unknown after all
            if size is not None:
                results += _tried(traced, (*filling[:place], 3 * size, *filling[place + 1 :]))
        found = _symbolic(results[0])
        for result in results[1:]:
            found = _alike(found, result)
        return found
    return None


def _known(tensor: KerasTensor) -> list:
    return [size for size in tensor.shape if size is not None and size > 1]  # no broadcast asks for 1


def _tried(traced: Callable, filling: tuple) -> list:
    try:
        return traced(filling)
    except Exception:
        return []


def _symbolic(result: Any) -> Any:
    return jax.tree.map(lambda spec: KerasTensor(known_shape(spec), dtype_name(spec.dtype)), result)


def known_shape(x: Any) -> tuple:
    """The shape of an array or spec with None where the size is symbolic."""
    return tuple(size if isinstance(size, int) else None for size in x.shape)
