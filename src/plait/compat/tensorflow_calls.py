"""How TensorFlow's functions become calls of plait's: other names of arguments, and NumPy for what lies on the host.

A function of the stand-in that does the same as one of `plait.ops` is `plain("mean")`: the op, under TensorFlow's names of
arguments. Where all operands are host tensors (elements of a data set, text), NumPy's function of that name computes, as
programs prepare pictures of many sizes there, and JAX would compile a program for each.

Verbs: `plain` makes such a function, `either` calls one.
"""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.extend.core import take_current_trace

from plait import ops
from plait.common.tree import flatten
from plait.compat.tensors import HostTensor, on_host
from plait.core.tensor import KerasTensor
from plait.core.variable import Variable

# TensorFlow's names of arguments, and those of plait.ops.
_NAMES = {
    "input_tensor": "x",
    "input": "x",
    "tensor": "x",
    "value": "x",
    "values": "x",
    "features": "x",
    "logits": "x",
    "a": "x",
    "x": "x1",
    "y": "x2",
    "perm": "axes",
    "shape": "newshape",
    "multiples": "repeats",
    "keep_dims": "keepdims",
    "dims": "shape",
}


def is_on_host(operands: Any) -> bool:
    """Whether some operands are host tensors, and the others can be computed with in NumPy."""
    leaves = flatten(operands)
    return any(isinstance(leaf, HostTensor) for leaf in leaves) and not any(
        isinstance(leaf, (jax.Array, KerasTensor, Variable)) for leaf in leaves
    )


def either(name: str, *operands: Any, **options: Any) -> Any:
    """plait's op of a name; on host tensors NumPy's function.

    >>> float(either("sum", on_host([1.0, 2.0]))), float(either("sum", ops.ones(2)))
    (3.0, 2.0)
    """
    function = getattr(np, name, None)
    if function is not None and is_on_host(list(operands)):
        options = {key: tuple(value) if isinstance(value, list) else value for key, value in options.items()}
        with np.errstate(all="ignore"):  # as on devices
            return narrowed(function(*operands, **options), operands)
    return getattr(ops, name)(*(_numbers(operand) for operand in operands), **options)


def narrowed(result: Any, operands: Any) -> Any:
    """What NumPy computed as host tensors: with 64 bits only where an operand had as many."""
    if isinstance(result, (tuple, list)):
        return type(result)(narrowed(part, operands) for part in result)
    dtypes = {getattr(leaf, "dtype", None) for leaf in flatten(list(operands))}
    if getattr(result, "dtype", None) == np.float64 and np.dtype("float64") not in dtypes:
        result = result.astype(np.float32)
    return on_host(result)


def _numbers(operand: Any) -> Any:
    """Host tensors among JAX's arrays as plain NumPy."""
    if isinstance(operand, HostTensor):
        return operand.view(np.ndarray)
    return [_numbers(part) for part in operand] if isinstance(operand, (list, tuple)) else operand


def plain(name: str, **defaults: Any) -> Callable:
    """A function of TensorFlow's that is one of plait.ops under other names of arguments.

    Args:
        name: the op's.
        **defaults: options that have another default here.
    """
    function = getattr(ops, name)
    accepted = function.__wrapped__.__code__ if hasattr(function, "__wrapped__") else function.__code__
    parameters = accepted.co_varnames[: accepted.co_argcount + accepted.co_kwonlyargcount]

    def call(*args: Any, **kwargs: Any) -> Any:
        kwargs.pop("name", None)
        options, operands = {}, list(args)
        for key in ("keepdims", "axis"):
            if key in parameters[: len(operands)]:
                options[key] = operands.pop(parameters.index(key))
        for key, value in kwargs.items():
            options[key if key in parameters else _NAMES.get(key, key)] = value
        for key in parameters[len(operands) :]:  # operands that come by name go by place, so that NumPy takes them too
            if key not in options or key in ("axis", "keepdims"):
                break
            operands.append(options.pop(key))
        for key, value in defaults.items():
            if key not in parameters[: len(operands)]:
                options.setdefault(key, value)
        return either(name, *operands, **options)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = function.__doc__
    return call


def sizes(shape: Any) -> tuple:
    """A shape that may be a tensor, or hold some, as numbers; those that are traced stay."""
    if isinstance(shape, (int, np.integer)):
        return (int(shape),)
    if isinstance(shape, (list, tuple)):
        return tuple(_size(size) for size in shape)
    return tuple(int(size) for size in np.asarray(shape).ravel())


def _size(size: Any) -> Any:
    if size is None or isinstance(size, int):
        return size
    if isinstance(size, (np.ndarray, np.generic, jax.Array, Variable)):
        return int(np.asarray(size))
    return size


def as_tensor(value: Any, dtype: Any = None) -> Any:
    """A tensor of a value: host tensors stay on the host, text goes there, all else is an array of JAX's."""
    if isinstance(value, HostTensor) and dtype is None:
        return value
    if dtype == "string" or holds_text(value):
        return on_host(value)
    if is_tracing() and _is_known_count(value, dtype):
        return on_host(np.asarray(value, None if dtype is None else str(dtype)) if dtype is not None else value)
    return ops.convert_to_tensor(_numbers(value), None if dtype is None else str(dtype))


def is_tracing() -> bool:
    """Whether something is being traced, or recorded."""
    with take_current_trace() as trace:
        return type(trace) is not _EVALUATING


with take_current_trace() as _trace:
    _EVALUATING = type(_trace)


def _is_known_count(value: Any, dtype: Any) -> bool:
    """Whether a value is whole numbers that are known: while a program is traced they stay so on the host, as shapes must be."""
    if isinstance(value, (jax.Array, Variable, KerasTensor)) or (dtype is not None and "int" not in str(dtype)):
        return False
    if isinstance(value, (list, tuple)):
        return all(_is_known_count(part, dtype) for part in value)
    return isinstance(value, (bool, int, np.integer)) or getattr(getattr(value, "dtype", None), "kind", "") in (
        "i",
        "u",
        "b",
    )


def holds_text(value: Any) -> bool:
    """Whether a value is text, or an array or list of such."""
    if isinstance(value, (str, bytes)):
        return True
    if isinstance(value, (list, tuple)):
        return any(holds_text(part) for part in value)
    return getattr(getattr(value, "dtype", None), "kind", "") in ("O", "S", "U", "T")
