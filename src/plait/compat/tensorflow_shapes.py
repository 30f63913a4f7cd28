"""What TensorFlow makes, moves about and picks out: `tf.concat`, `tf.gather`, `tf.one_hot`, `tf.where`, loops and conditions."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from plait import ops
from plait.common.tree import flatten, map_structure, pack_as
from plait.compat.tensorflow_calls import as_tensor, either, holds_text, is_on_host, is_tracing, narrowed, plain, sizes
from plait.compat.tensors import TensorShape, dtype_of, on_host
from plait.core.tensor import KerasTensor

# ---------------------------------------------------------------------------- making


def constant(value: Any, dtype: Any = None, shape: Any = None, name: str = "Const") -> Any:
    """A tensor of a value, filled up to a shape."""
    tensor = as_tensor(value, dtype)
    if shape is None:
        return tensor
    whole = int(np.prod(sizes(shape), dtype=np.int64)) == np.size(tensor)
    return ops.reshape(tensor, sizes(shape)) if whole else either("broadcast_to", tensor, sizes(shape))


def convert_to_tensor(value: Any, dtype: Any = None, dtype_hint: Any = None, name: str | None = None) -> Any:
    """A tensor of a value; text, which no device holds, on the host."""
    if is_on_host([value]) and value.dtype != object:
        value = np.asarray(value)
    return as_tensor(value, dtype)


def _filled(function: Callable) -> Callable:
    def make(shape: Any, dtype: Any = "float32", name: str | None = None, layout: Any = None) -> Any:
        """A tensor of one value."""
        if str(dtype) == "string":
            return on_host(np.full(sizes(shape), b"", object))
        return function(sizes(shape), str(dtype))

    return make


def fill(dims: Any, value: Any, name: str | None = None) -> Any:
    """A tensor of one value."""
    value = as_tensor(value)
    return either("broadcast_to", value, sizes(dims))


def eye(
    num_rows: Any, num_columns: Any = None, batch_shape: Any = None, dtype: Any = "float32", name: Any = None
) -> Any:
    """Ones on the diagonal."""
    matrix = jnp.eye(int(num_rows), None if num_columns is None else int(num_columns), dtype=str(dtype))
    return matrix if batch_shape is None else jnp.broadcast_to(matrix, (*sizes(batch_shape), *matrix.shape))


def sequence(start: Any, limit: Any = None, delta: Any = 1, dtype: Any = None, name: str = "range") -> Any:
    """Numbers from `start` on, by steps, up to below `limit`; of one number from 0 on."""
    start, limit = (0, start) if limit is None else (start, limit)
    bounds = [
        np.asarray(bound).item() if not isinstance(bound, (int, float)) else bound for bound in (start, limit, delta)
    ]
    if is_tracing() and all(isinstance(bound, int) for bound in bounds) and (dtype is None or "int" in str(dtype)):
        return on_host(np.arange(*bounds, dtype="int32" if dtype is None else str(dtype)))
    return ops.arange(*bounds, dtype=None if dtype is None else str(dtype))


def linspace(start: Any, stop: Any, num: Any, name: str | None = None, axis: int = 0) -> Any:
    """So many numbers between two, both among them."""
    return jnp.linspace(jnp.asarray(start, "float32"), jnp.asarray(stop, "float32"), int(num), axis=axis)


def _like(name: str) -> Callable:
    def make(input: Any, dtype: Any = None, name: str | None = None, layout: Any = None) -> Any:
        """A tensor of one value, of the shape of another."""
        return either(which, input, dtype=None if dtype is None else str(dtype))

    which = name
    return make


def one_hot(
    indices: Any,
    depth: Any,
    on_value: Any = None,
    off_value: Any = None,
    axis: Any = -1,
    dtype: Any = None,
    name: Any = None,
) -> Any:
    """A new axis with a one at the place that each index says; indices outside have none."""
    on, off = 1 if on_value is None else on_value, 0 if off_value is None else off_value
    kind = str(dtype) if dtype is not None else "float32" if on_value is None and off_value is None else None
    places = np.arange(int(depth)) if is_on_host([indices]) else jnp.arange(int(depth))
    hot = (np.asarray(indices) if is_on_host([indices]) else jnp.asarray(indices))[..., None] == places
    found = narrowed(np.where(hot, on, off), [hot]) if is_on_host([indices]) else jnp.where(hot, on, off)
    found = found if kind is None else found.astype(kind)
    return found if axis in (None, -1) else either("moveaxis", found, -1, int(axis))


def meshgrid(*args: Any, indexing: str = "xy", name: str | None = None) -> list:
    """Coordinates on a grid."""
    return list(jnp.meshgrid(*map(jnp.asarray, args), indexing=indexing))


def sequence_mask(lengths: Any, maxlen: Any = None, dtype: Any = "bool", name: str | None = None) -> Any:
    """For each length, so many true values."""
    most = int(np.asarray(lengths).max()) if maxlen is None else int(maxlen)
    return (jnp.arange(most) < jnp.asarray(lengths)[..., None]).astype(str(dtype))


# ---------------------------------------------------------------------------- dtypes and shapes


def cast(x: Any, dtype: Any, name: str | None = None) -> Any:
    """The same values in another dtype."""
    name = str(getattr(dtype, "name", dtype))
    if hasattr(x, "cast"):
        return x.cast(name)
    if isinstance(x, np.ndarray) and not isinstance(x, jax.Array):
        return on_host(np.asarray(x).astype(name))
    if isinstance(x, (bool, int, float, np.generic)):
        return ops.cast(x, name)
    return ops.cast(x, name)


def shape_of(input: Any, out_type: Any = "int32", name: str | None = None) -> Any:
    """The sizes of a tensor, as numbers that are known while a program is traced; of a symbolic one with None."""
    found = np.shape(input) if isinstance(input, (list, tuple, int, float)) else tuple(input.shape)
    known = all(isinstance(size, int) for size in found)
    return on_host(np.asarray(found, np.int32)) if known else TensorShape(found)


def size(input: Any, out_type: Any = "int32", name: str | None = None) -> Any:
    """How many values a tensor has."""
    return on_host(np.int32(np.prod(np.shape(input), dtype=np.int64)))


def rank(input: Any, name: str | None = None) -> Any:
    """How many axes a tensor has."""
    return on_host(np.int32(len(np.shape(input))))


def reshape(tensor: Any, shape: Any, name: str | None = None) -> Any:
    """The same values in another shape."""
    return either("reshape", tensor, sizes(shape))


def ensure_shape(x: Any, shape: Any, name: str | None = None) -> Any:
    """The tensor, if its shape is this one."""
    TensorShape(x.shape).assert_is_compatible_with(shape)
    return x


def transpose(a: Any, perm: Any = None, conjugate: bool = False, name: str = "transpose") -> Any:
    """The axes in another order."""
    return either("transpose", a, None if perm is None else sizes(perm))


def squeeze(input: Any, axis: Any = None, name: str | None = None) -> Any:
    """Without axes of size 1."""
    return either("squeeze", input, axis=tuple(axis) if isinstance(axis, list) else axis)


def expand_dims(input: Any, axis: Any, name: str | None = None) -> Any:
    """With a new axis of size 1."""
    return either("expand_dims", input, int(axis))


def tile(input: Any, multiples: Any, name: str | None = None) -> Any:
    """The whole tensor several times along each axis."""
    return either("tile", input, sizes(multiples))


def repeat(input: Any, repeats: Any, axis: Any = None, name: str | None = None) -> Any:
    """Each value several times in a row."""
    counts = repeats if isinstance(repeats, int) else np.asarray(repeats)
    return either("repeat", input, counts if np.ndim(counts) else int(counts), axis=axis)


def concat(values: Any, axis: Any = 0, name: str = "concat") -> Any:
    """Several tensors one after the other along an axis."""
    if hasattr(values[0], "ragged_rank"):
        return type(values[0]).concat(values, int(axis))
    return either("concatenate", list(values), axis=int(axis))


def stack(values: Any, axis: Any = 0, name: str = "stack") -> Any:
    """Several tensors side by side along a new axis."""
    if isinstance(values, (list, tuple)) and all(isinstance(value, (int, np.integer)) for value in values):
        return on_host(np.asarray(values, np.int32))
    if is_on_host(list(values)) or holds_text(values):
        return on_host(np.stack([np.asarray(on_host(value)) for value in values], int(axis)))
    return either("stack", [as_tensor(value) for value in values], axis=int(axis))


def unstack(value: Any, num: int | None = None, axis: int = 0, name: str = "unstack") -> list:
    """The parts along an axis, in a list."""
    return list(either("moveaxis", value, axis, 0))


def split(value: Any, num_or_size_splits: Any, axis: Any = 0, num: Any = None, name: str = "split") -> list:
    """Parts along an axis: so many of equal size, or of the sizes given, one of which may be -1."""
    if np.ndim(num_or_size_splits) == 0:
        return list(either("split", value, int(num_or_size_splits), axis=int(axis)))
    parts = list(sizes(num_or_size_splits))
    if -1 in parts:
        parts[parts.index(-1)] = value.shape[axis] - sum(parts) - 1
    return list(either("split", value, np.cumsum(parts)[:-1].tolist(), axis=int(axis)))


def pad(tensor: Any, paddings: Any, mode: str = "CONSTANT", constant_values: Any = 0, name: str | None = None) -> Any:
    """With more values around."""
    widths = np.asarray(paddings).tolist()
    options = {"constant_values": constant_values} if mode.lower() == "constant" else {}
    return either("pad", tensor, widths, mode.lower(), **options)


def reverse(tensor: Any, axis: Any, name: str | None = None) -> Any:
    """The values in reverse order along axes."""
    return either("flip", tensor, axis=tuple(np.atleast_1d(np.asarray(axis)).tolist()))


def roll(input: Any, shift: Any, axis: Any, name: str | None = None) -> Any:
    """The values moved along axes; what falls out comes in at the other end."""
    return either("roll", input, np.asarray(shift).tolist(), axis=np.asarray(axis).tolist())


# ---------------------------------------------------------------------------- picking


def gather(
    params: Any, indices: Any, validate_indices: Any = None, axis: Any = None, batch_dims: int = 0, name: Any = None
) -> Any:
    """The entries at some places along an axis; the first axes may be shared (`batch_dims`)."""
    axis = batch_dims if axis is None else int(axis)
    if not batch_dims:
        return either("take", params, indices if hasattr(indices, "shape") else np.asarray(indices), axis=axis)
    take = jnp.take
    pick = lambda x, at: take(x, at, axis - batch_dims)  # noqa: E731  (vmapped below)
    for _ in range(batch_dims):
        pick = jax.vmap(pick)
    return pick(jnp.asarray(params), jnp.asarray(indices))


def gather_nd(params: Any, indices: Any, batch_dims: int = 0, name: str | None = None) -> Any:
    """The entries at places that are given by several numbers each."""
    if is_on_host([params, indices]):
        return on_host(np.asarray(params)[tuple(np.moveaxis(np.asarray(indices), -1, 0))])
    pick = lambda x, at: x[tuple(jnp.moveaxis(at, -1, 0))]  # noqa: E731  (vmapped below)
    for _ in range(batch_dims):
        pick = jax.vmap(pick)
    return pick(jnp.asarray(params), jnp.asarray(indices))


def boolean_mask(tensor: Any, mask: Any, axis: Any = None, name: str = "boolean_mask") -> Any:
    """The entries for which a mask is true."""
    first = 0 if axis is None else int(axis)
    if is_on_host([tensor, mask]):
        return on_host(np.asarray(tensor)[(slice(None),) * first + (np.asarray(mask, bool),)])
    return tensor[(slice(None),) * first + (jnp.asarray(mask, bool),)]


def where(condition: Any, x: Any = None, y: Any = None, name: str | None = None) -> Any:
    """x where a condition is true, else y; without both, the places where it is true."""
    if x is None and y is None:
        return on_host(np.argwhere(np.asarray(condition)).astype(np.int64))
    if any(isinstance(value, KerasTensor) for value in (condition, x, y)):
        return ops.where(condition, x, y)
    if holds_text(x) or holds_text(y) or is_on_host([condition, x, y]):
        return narrowed(np.where(np.asarray(condition), on_host(x), on_host(y)), [x, y])
    return ops.where(condition, x, y)


def slice_of(input_: Any, begin: Any, size: Any, name: str | None = None) -> Any:
    """A block of a tensor; a size of -1 goes to the end."""
    steps = zip(sizes(begin), sizes(size), strict=True)
    return input_[tuple(slice(at, None if count == -1 else at + count) for at, count in steps)]


def strided_slice(input_: Any, begin: Any, end: Any, strides: Any = None, **_: Any) -> Any:
    """A block of a tensor, by steps."""
    steps = [None] * len(sizes(begin)) if strides is None else sizes(strides)
    return input_[tuple(map(slice, sizes(begin), sizes(end), steps))]


def scatter_nd(indices: Any, updates: Any, shape: Any, name: str | None = None) -> Any:
    """Zeros with values added at some places."""
    updates = jnp.asarray(updates)
    return jnp.zeros(sizes(shape), updates.dtype).at[_places(indices)].add(updates)


def _scatter(how: str) -> Callable:
    def update(tensor: Any, indices: Any, updates: Any, name: str | None = None) -> Any:
        """A tensor with other values at some places."""
        tensor = jnp.asarray(tensor)
        return getattr(tensor.at[_places(indices)], how)(jnp.asarray(updates, tensor.dtype))

    return update


def _places(indices: Any) -> tuple:
    return tuple(jnp.moveaxis(jnp.asarray(indices), -1, 0))


def sort(values: Any, axis: int = -1, direction: str = "ASCENDING", name: str | None = None) -> Any:
    """The values in order along an axis."""
    found = either("sort", values, axis=axis)
    return either("flip", found, axis=axis) if direction == "DESCENDING" else found


def argsort(
    values: Any, axis: int = -1, direction: str = "ASCENDING", stable: bool = False, name: str | None = None
) -> Any:
    """The places of the values in order along an axis."""
    return either("argsort", either("negative", values) if direction == "DESCENDING" else values, axis=axis)


def unique(x: Any, out_idx: Any = "int32", name: str | None = None) -> tuple:
    """The different values in the order in which they come, and for each value the place of its own."""
    found, first, places = np.unique(np.asarray(x), return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank_of = np.empty_like(order)
    rank_of[order] = np.arange(len(order))
    return on_host(found[order]), on_host(rank_of[places.ravel()].astype(np.int32))


def unique_with_counts(x: Any, out_idx: Any = "int32", name: str | None = None) -> tuple:
    """The different values, the place of each value's own, and how often each occurs."""
    values, places = unique(x)
    return values, places, on_host(np.bincount(np.asarray(places)).astype(np.int32))


def dynamic_partition(data: Any, partitions: Any, num_partitions: int, name: str | None = None) -> list:
    """The entries by the number of their part, in a list."""
    parts = np.asarray(partitions)
    return [boolean_mask(data, on_host(parts == number)) for number in range(num_partitions)]


def searchsorted(
    sorted_sequence: Any, values: Any, side: str = "left", out_type: Any = "int32", name: Any = None
) -> Any:
    """Where values would stand in sorted ones."""
    return jnp.searchsorted(jnp.asarray(sorted_sequence), jnp.asarray(values), side=side)


# ---------------------------------------------------------------------------- loops and conditions


def cond(pred: Any, true_fn: Callable, false_fn: Callable, name: str | None = None) -> Any:
    """The result of one of two functions; both are traced where the condition isn't known yet."""
    if not isinstance(pred, Tracer):
        return true_fn() if bool(np.asarray(pred)) else false_fn()
    return jax.lax.cond(jnp.asarray(pred, bool), lambda: _arrays(true_fn()), lambda: _arrays(false_fn()))


def _arrays(values: Any) -> Any:
    return map_structure(jnp.asarray, values)


def case(pred_fn_pairs: Any, default: Callable | None = None, **_: Any) -> Any:
    """The result of the first function whose condition is true."""
    for pred, function in pred_fn_pairs:
        if bool(np.asarray(pred)):
            return function()
    return default() if default is not None else None


def switch_case(branch_index: Any, branch_fns: Any, default: Callable | None = None, name: str = "") -> Any:
    """The result of the function of a number."""
    number, functions = (
        int(branch_index),
        dict(enumerate(branch_fns)) if isinstance(branch_fns, list) else dict(branch_fns),
    )
    return functions.get(number, default or list(functions.values())[-1])()


def while_loop(
    cond: Callable, body: Callable, loop_vars: Any, *_: Any, maximum_iterations: Any = None, **kwargs: Any
) -> Any:
    """What is left of some values when a condition has become false."""
    count = 0
    while (maximum_iterations is None or count < maximum_iterations) and bool(np.asarray(cond(*loop_vars))):
        new = body(*loop_vars)
        loop_vars = new if isinstance(new, (list, tuple)) else (new,)
        count += 1
    return loop_vars


def map_fn(fn: Callable, elems: Any, *_: Any, **kwargs: Any) -> Any:
    """A function's results for each entry along the first axis, stacked."""
    leaves = flatten(elems)
    rows = [fn(pack_as(elems, [leaf[place] for leaf in leaves])) for place in range(len(leaves[0]))]
    return map_structure(lambda *values: stack(list(values)), *rows)


def scan(fn: Callable, elems: Any, initializer: Any = None, *_: Any, **kwargs: Any) -> Any:
    """The results of `fn(state, entry)` for each entry along the first axis, each result going into the next call."""
    leaves = flatten(elems)
    rows = [pack_as(elems, [leaf[place] for leaf in leaves]) for place in range(len(leaves[0]))]
    state, told = (rows[0], [rows[0]]) if initializer is None else (initializer, [])
    for row in rows[1:] if initializer is None else rows:
        state = fn(state, row)
        told.append(state)
    return map_structure(lambda *values: stack(list(values)), *told)


def vectorized_map(fn: Callable, elems: Any, **_: Any) -> Any:
    """A function's results for each entry along the first axis, all at once."""
    return jax.vmap(fn)(map_structure(jnp.asarray, elems))


def numpy_function(func: Callable, inp: Any, Tout: Any = None, *_: Any, **kwargs: Any) -> Any:
    """The result of a function of NumPy."""
    found = func(*(np.asarray(value)[()] for value in inp))
    types = Tout if isinstance(Tout, (list, tuple)) else None
    if types is None:
        return _typed(found, Tout)
    return tuple(map(_typed, found if isinstance(found, (list, tuple)) else [found], types))


def py_function(func: Callable, inp: Any, Tout: Any = None, *_: Any, **kwargs: Any) -> Any:
    """The result of a function of Python."""
    found = func(*map(on_host, inp))
    if not isinstance(Tout, (list, tuple)):
        return _typed(found, Tout)
    return tuple(map(_typed, found if isinstance(found, (list, tuple)) else [found], Tout))


def _typed(value: Any, dtype: Any) -> Any:
    value = on_host(value)
    same = dtype is None or str(dtype) == "string" or dtype_of(value) == dtype
    return value if same else cast(value, dtype)


def custom_gradient(f: Callable) -> Any:
    """A function with a gradient of its own: it returns its value and the function of the gradient from above."""
    return ops.custom_gradient(f)


SHAPES: dict[str, Any] = {
    **{f"tensor_scatter_nd_{name}": _scatter(name) for name in ("add", "max", "min")},
    "tensor_scatter_nd_update": _scatter("set"),
    "argsort": argsort,
    "boolean_mask": boolean_mask,
    "broadcast_to": lambda input, shape, name=None: either("broadcast_to", input, sizes(shape)),
    "case": case,
    "cast": cast,
    "concat": concat,
    "cond": cond,
    "constant": constant,
    "convert_to_tensor": convert_to_tensor,
    "custom_gradient": custom_gradient,
    "dynamic_partition": dynamic_partition,
    "ensure_shape": ensure_shape,
    "expand_dims": expand_dims,
    "eye": eye,
    "fill": fill,
    "gather": gather,
    "gather_nd": gather_nd,
    "identity": lambda input, name=None: as_tensor(input),
    "linspace": linspace,
    "map_fn": map_fn,
    "meshgrid": meshgrid,
    "numpy_function": numpy_function,
    "one_hot": one_hot,
    "ones": _filled(ops.ones),
    "ones_like": _like("ones_like"),
    "pad": pad,
    "py_function": py_function,
    "range": sequence,
    "rank": rank,
    "repeat": repeat,
    "reshape": reshape,
    "reverse": reverse,
    "roll": roll,
    "saturate_cast": plain("saturate_cast"),
    "scan": scan,
    "scatter_nd": scatter_nd,
    "searchsorted": searchsorted,
    "sequence_mask": sequence_mask,
    "shape": shape_of,
    "size": size,
    "slice": slice_of,
    "sort": sort,
    "split": split,
    "squeeze": squeeze,
    "stack": stack,
    "strided_slice": strided_slice,
    "switch_case": switch_case,
    "tile": tile,
    "transpose": transpose,
    "unique": unique,
    "unique_with_counts": unique_with_counts,
    "unstack": unstack,
    "vectorized_map": vectorized_map,
    "where": where,
    "while_loop": while_loop,
    "zeros": _filled(ops.zeros),
    "zeros_like": _like("zeros_like"),
}
