"""Tensors as such, and control flow that JAX can trace: loops, branches, scans, slices, scatters.

Functions that take functions (`scan`, `cond`, `while_loop`, ...) are traced once, whatever the values are. On symbolic
tensors they are recorded like any operation, and the functions they were given stay in the graph; such a graph runs and
trains, but no file can hold a function of Python.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from plait.common.dtypes import dtype_name, is_float, is_integer, narrow
from plait.common.messages import describe, did_you_mean, listing
from plait.common.tree import map_structure
from plait.core.op import op
from plait.core.operators import cast as cast
from plait.core.variable import Variable
from plait.core.variable import convert_to_tensor as _tensor
from plait.errors import ArgumentError, ArgumentTypeError, NameUnknownError, ShapeError
from plait.ops.operands import check_axis

_CORE = "keras.src.ops.core"


# ---------------------------------------------------------------------------- what a tensor is


@op(module=_CORE)
def convert_to_tensor(x: Any, dtype: Any = None, sparse: Any = None, ragged: Any = None) -> Any:
    """Makes an array of a number, list, NumPy array or Variable, cast to a dtype if one is given.

    Args:
        x: what to convert.
        dtype: the dtype; None keeps what it has (Python floats become `floatx`).
        sparse: has no effect: arrays here are dense.
        ragged: likewise.

    >>> convert_to_tensor([1, 2], dtype="float16")
    Array([1., 2.], dtype=float16)
    """
    return _tensor(x, dtype)


def convert_to_numpy(x: Any) -> np.ndarray:
    """A NumPy array of its own with the values of a tensor.

    Raises:
        SymbolicError: a symbolic tensor, which has no values.
    """
    return np.array(x.value if isinstance(x, Variable) else x)


def is_tensor(x: Any) -> bool:
    """Whether a value is an array of JAX (also a traced one); variables, NumPy's and symbolic tensors are not."""
    return isinstance(x, jax.Array)


def shape(x: Any) -> tuple:
    """The sizes of a tensor; None where a symbolic tensor's are unknown.

    >>> shape([[1, 2, 3]])
    (1, 3)
    """
    return tuple(x.shape if hasattr(x, "shape") else np.shape(x))


def dtype(x: Any) -> str:
    """The name of a tensor's dtype.

    >>> dtype(jnp.ones(2))
    'float32'
    """
    return dtype_name(x.dtype if hasattr(x, "dtype") else _tensor(x).dtype)


@op(module=_CORE, options=("dtype",))
def saturate_cast(x: Any, dtype: Any) -> Any:
    """The same values in another dtype; what is too large or small for it becomes its largest or smallest number.

    >>> saturate_cast(jnp.array([-2.0, 300.0]), "uint8").tolist()
    [0, 255]
    """
    x, name = _tensor(x), narrow(dtype)
    source = dtype_name(x.dtype)
    if name == "bool" or source == "bool" or not (is_float(name) or is_integer(name)):
        return x.astype(name)
    if is_float(name):
        largest = min(float(jnp.finfo(name).max), _largest(source))
        return jnp.clip(x, -largest, largest).astype(name) if is_float(source) else x.astype(name)
    limits = jnp.iinfo(name)
    if is_float(source):
        least, most = float(limits.min), float(limits.max)  # as Python integers they may not fit into 32 bits
        inside = jnp.where((x > least) & (x < most), x, 0).astype(name)
        ends = [jnp.asarray(end, name) for end in (limits.min, limits.max)]
        return jnp.where(x >= most, ends[1], jnp.where(x <= least, ends[0], inside))
    own = jnp.iinfo(source)
    ends = [jnp.asarray(end, source) for end in (max(own.min, limits.min), min(own.max, limits.max))]
    return jnp.clip(x, *ends).astype(name)


def _largest(name: str) -> float:
    return float(jnp.finfo(name).max if is_float(name) else jnp.iinfo(name).max)


@op(module=_CORE, options=())
def stop_gradient(variable: Any) -> Any:
    """The same values, through which no gradient flows."""
    return jax.lax.stop_gradient(_tensor(variable))


def custom_gradient(f: Callable) -> Callable:
    """Gives a function a gradient of its own: a decorator, for use inside a layer's `call`.

    Args:
        f: returns its value and a function from the upstream gradient to the gradients of its arguments.

    >>> @custom_gradient
    ... def double(x):
    ...     return x * 2.0, lambda upstream: upstream * 10.0
    >>> float(jax.grad(double)(1.0))
    10.0
    """
    derived = jax.custom_gradient(f)

    @functools.wraps(f)
    def call(*args: Any, **kwargs: Any) -> Any:
        args, kwargs = map_structure(lambda x: x.value if isinstance(x, Variable) else x, (args, kwargs))
        return derived(*args, **kwargs)

    return call


# ---------------------------------------------------------------------------- parts of tensors


@op(module=_CORE)
def unstack(x: Any, num: int | None = None, axis: int = 0) -> list:
    """The parts of a tensor along an axis, without that axis, as a list.

    Args:
        x: a tensor.
        num: how many parts; needed only where the axis has an unknown size.
        axis: the axis.

    Raises:
        ShapeError: an unknown size without `num`, or more parts than there are.
    """
    x = _tensor(x)
    size = x.shape[check_axis("unstack", axis, x)]
    if isinstance(size, int) and num is not None and num > size:
        raise ShapeError(f"unstack: the axis {axis} of {describe(x)} has {size} parts, not num={num}.")
    count = num if num is not None else size
    if not isinstance(count, int):
        raise ShapeError(
            f"unstack: Cannot infer argument `num` from shape: the axis {axis} of {describe(x)} is unknown. Give num=..."
        )
    return [jax.lax.index_in_dim(x, index, axis, keepdims=False) for index in range(count)]


@op(module=_CORE, options=("shape",))
def slice(inputs: Any, start_indices: Any, shape: Any) -> Any:
    """The part of a tensor that starts somewhere and has a shape; it is moved inwards where it would stick out.

    Args:
        inputs: a tensor of rank n.
        start_indices: n integers, which may be traced.
        shape: n sizes; -1 goes to the end, for starts that aren't traced.

    >>> slice(jnp.arange(6).reshape(2, 3), [0, 1], [2, 2]).tolist()
    [[1, 2], [4, 5]]
    """
    inputs = _tensor(inputs)
    _check_counts(inputs, start_indices, "shape", shape)
    sizes = tuple(
        full - int(start_indices[axis]) if size == -1 else size
        for axis, (size, full) in enumerate(zip(shape, inputs.shape, strict=True))
    )
    return jax.lax.dynamic_slice(inputs, _starts(start_indices), sizes)


@op(module=_CORE)
def slice_update(inputs: Any, start_indices: Any, updates: Any) -> Any:
    """A copy of a tensor with a part replaced, which starts at `start_indices` and has the shape of `updates`.

    >>> slice_update(jnp.zeros(3), [1], jnp.ones(2)).tolist()
    [0.0, 1.0, 1.0]
    """
    inputs = _tensor(inputs)
    return jax.lax.dynamic_update_slice(inputs, _tensor(updates).astype(inputs.dtype), _starts(start_indices))


def _check_counts(inputs: Any, start_indices: Any, *named: Any) -> None:
    """Checks that there is one start, and one size, for each axis."""
    for name, values in (("start_indices", start_indices), named):
        count = values.shape[0] if hasattr(values, "shape") else len(values)
        if count != inputs.ndim:
            pair = ("start_indices", "inputs") if name == "start_indices" else ("inputs", "shape")
            raise ShapeError(
                f"slice: the number of dimensions in `{pair[0]}` must match the number of dimensions in `{pair[1]}`, but "
                f"got {count} in `{name}` for {describe(inputs)}."
            )


def _starts(start_indices: Any) -> Any:
    if hasattr(start_indices, "ndim"):
        start_indices = [start_indices[axis] for axis in range(start_indices.shape[0])]
    return [start if isinstance(start, int) else _tensor(start).astype("int32") for start in start_indices]


@op(module=_CORE, options=("shape",))
def scatter(indices: Any, values: Any, shape: Any) -> Any:
    """Zeros with values added at places; values at the same place are summed.

    Args:
        indices: (N, depth): the places, each an index into the first `depth` axes of the result.
        values: (N, *rest of the shape).
        shape: the shape of the result.

    >>> scatter([[0], [2], [0]], [1.0, 2.0, 3.0], (4,)).tolist()
    [4.0, 0.0, 2.0, 0.0]
    """
    values = _tensor(values)
    return jnp.zeros(tuple(shape), values.dtype).at[_places(indices)].add(values)


_REDUCTIONS = (None, "add", "max", "min", "mul")


@op(module=_CORE)
def scatter_update(inputs: Any, indices: Any, updates: Any, reduction: str | None = None) -> Any:
    """A copy of a tensor with updates at places.

    Args:
        inputs: the tensor.
        indices: (N, depth): the places, each an index into its first `depth` axes.
        updates: (N, *rest of the shape).
        reduction: how an update and what is there are combined: None replaces; "add", "max", "min", "mul".

    Raises:
        NameUnknownError: another reduction.

    >>> scatter_update(jnp.zeros(3), [[1]], [5.0]).tolist()
    [0.0, 5.0, 0.0]
    """
    if reduction not in _REDUCTIONS:
        hint = did_you_mean(reduction, _REDUCTIONS[1:])
        raise NameUnknownError(
            f"scatter_update: `reduction` must be one of {listing(_REDUCTIONS)}, but got {reduction!r}.{hint}"
        )
    inputs = _tensor(inputs)
    place = inputs.at[_places(indices)]
    update = {None: place.set, "add": place.add, "max": place.max, "min": place.min, "mul": place.multiply}[reduction]
    return update(_tensor(updates).astype(inputs.dtype))


def _places(indices: Any) -> tuple:
    indices = _tensor(indices)
    return tuple(indices[..., axis] for axis in range(indices.shape[-1]))


# ---------------------------------------------------------------------------- loops and branches


def _tensors(structure: Any) -> Any:
    return jax.tree.map(_tensor, structure, is_leaf=lambda leaf: isinstance(leaf, Variable))


def _first_values(structure: Any) -> Any:
    """The first values of a loop: a Python number stays one, so that it takes the dtype that the loop computes, as in JAX."""

    def start(leaf: Any) -> Any:
        return leaf if isinstance(leaf, (bool, int, float, complex)) else _tensor(leaf)

    return jax.tree.map(start, structure, is_leaf=lambda leaf: isinstance(leaf, Variable))


@op(module=_CORE, options=("length", "reverse", "unroll"))
def scan(
    f: Callable, init: Any, xs: Any = None, length: int | None = None, reverse: bool = False, unroll: Any = 1
) -> tuple[Any, Any]:
    """Goes along the first axis of tensors and carries a state: `carry, y = f(carry, x)` at each step.

    Args:
        f: the step; the carry must keep its shapes and dtypes.
        init: the first carry, in any structure.
        xs: what is gone along, in any structure; None for a loop of `length` steps.
        length: the number of steps, if there are no `xs`.
        reverse: whether to go from the end.
        unroll: how many steps make one turn of the compiled loop.

    Returns:
        the last carry, and all y stacked.

    >>> scan(lambda total, x: (total + x, total), 0.0, jnp.arange(3.0))[1].tolist()
    [0.0, 0.0, 1.0]
    """
    if not callable(f):
        raise ArgumentTypeError(f"scan: `f` must be a function of (carry, x), but got {describe(f)}.")
    if not isinstance(unroll, bool) and not (isinstance(unroll, int) and unroll > 0):
        raise ArgumentError(f"scan: `unroll` must be a whole number from 1 up, or a boolean, but got {unroll!r}.")
    if xs is None and length is None:
        raise ArgumentError("scan: got no `xs` to scan over and no `length`. Give one of them.")
    return jax.lax.scan(f, _first_values(init), _tensors(xs), length=length, reverse=reverse, unroll=unroll)


@op(module=_CORE)
def associative_scan(f: Callable, elems: Any, reverse: bool = False, axis: int = 0) -> Any:
    """All partial results of an associative function along an axis, computed in a tree: cumulative sums and the like.

    Args:
        f: an associative function of two structures like `elems`.
        elems: tensors in any structure, of one size along the axis.
        reverse: whether to go from the end.
        axis: the axis.

    >>> associative_scan(lambda a, b: a + b, jnp.arange(4)).tolist()
    [0, 1, 3, 6]
    """
    if not callable(f):
        raise ArgumentError(f"associative_scan: `f` must be a function of two values, but got {describe(f)}.")
    return jax.lax.associative_scan(f, _tensors(elems), reverse=reverse, axis=axis)


@op(module=_CORE)
def map(f: Callable, xs: Any) -> Any:
    """Applies a function to each part along the first axis, one after the other, and stacks the results.

    >>> map(lambda x: x * 2, jnp.arange(3)).tolist()
    [0, 2, 4]
    """
    return jax.lax.map(f, _tensors(xs))


@op(module=_CORE, options=("function",))
def vectorized_map(function: Callable, elements: Any) -> Any:
    """Applies a function to each part along the first axis, all at once: it is given the parts' structure.

    >>> vectorized_map(lambda pair: pair[0] * pair[1], (jnp.arange(3), jnp.arange(3))).tolist()
    [0, 1, 4]
    """
    return jax.vmap(function)(_tensors(elements))


@op(module=_CORE, options=("cond", "body", "maximum_iterations"))
def while_loop(cond: Callable, body: Callable, loop_vars: Any, maximum_iterations: int | None = None) -> Any:
    """Repeats `loop_vars = body(*loop_vars)` while `cond(*loop_vars)` holds. It has no reverse-mode gradient.

    Args:
        cond: a function of the variables that returns a boolean scalar.
        body: a function of the variables that returns new ones of the same shapes and dtypes.
        loop_vars: a list or tuple of them, or a single one.
        maximum_iterations: where to stop anyway.

    Returns:
        the last variables: a tuple, or a single one.

    >>> int(while_loop(lambda i: i < 5, lambda i: i + 2, 0))
    6
    """
    several = isinstance(loop_vars, (list, tuple))
    variables = tuple(_first_values(loop_vars)) if several else (_first_values(loop_vars),)

    def goes_on(state: tuple) -> Any:
        count, values = state
        return cond(*values) if maximum_iterations is None else cond(*values) & (count < maximum_iterations)

    def turn(state: tuple) -> tuple:
        count, values = state
        after = body(*values)
        return count + 1, (tuple(after) if isinstance(after, (list, tuple)) else (after,))

    _, variables = jax.lax.while_loop(goes_on, turn, (jnp.zeros((), "int32"), variables))
    return variables if several else variables[0]


@op(module=_CORE, options=("lower", "upper", "body_fun"))
def fori_loop(lower: Any, upper: Any, body_fun: Callable, init_val: Any) -> Any:
    """Repeats `value = body_fun(i, value)` for i from `lower` up to, not including, `upper`.

    >>> int(fori_loop(0, 4, lambda i, total: total + i, 0))
    6
    """
    return jax.lax.fori_loop(lower, upper, body_fun, _first_values(init_val))


@op(module=_CORE)
def cond(pred: Any, true_fn: Callable, false_fn: Callable) -> Any:
    """The result of one of two functions without arguments; both must give the same structure, shapes and dtypes.

    >>> float(cond(True, lambda: 1.0, lambda: 2.0))
    1.0
    """
    return jax.lax.cond(_tensor(pred).astype(bool).reshape(()), true_fn, false_fn)


@op(module=_CORE, options=())
def switch(index: Any, branches: Sequence[Callable], *operands: Any) -> Any:
    """The result of one of several functions for the operands; an index outside is moved to the nearest.

    >>> float(switch(1, [lambda x: x, lambda x: x * 2], 3.0))
    6.0
    """
    return jax.lax.switch(_tensor(index), list(branches), *_tensors(operands))
