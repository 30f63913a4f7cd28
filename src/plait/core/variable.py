"""Variables: named views into cells.

A `Variable` is a view of one place in one cell (`core/cell`): its value is `cell.tree[index]`, and it stores no value of
its own. A variable is born in a cell of its own; `adopt` moves many into one. `fit` adopts a model's variables once, and
then replaces the whole list after each dispatch: the weights are always in sync, with no copying back and no work that
grows with their number.

Verbs: `Variable.assign` writes one value, `convert_to_tensor` makes an array.

Life under jit: a program never sees a cell. `core/pure` binds values to variables in the scope for the time of a trace,
and reading or assigning goes to these bindings. A variable that isn't bound while a program is traced is noted by the
program (`core/program`), which then takes it in too. Outside of plait's programs an assignment of traced values is
refused, because the tracer would outlive its trace.

What it is not: a reference that can be shared between cells, or a place that knows optimizers or layouts.

Differs from Keras: there, `Variable` holds its value, and the JAX trainer moves values out of variables and back; an
exception in between loses them.
"""

import contextlib
import itertools
import math
import os
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from plait.common.dtypes import dtype_name, is_float, narrow, on_host
from plait.common.messages import describe
from plait.common.names import auto_name
from plait.common.scope import current
from plait.common.serialization import get
from plait.common.tree import flatten, map_structure, map_structure_in_order
from plait.common.watched import mark_edit
from plait.core.cell import Cell, Late, LateCell, copied, looked_at, mark_revision, put
from plait.errors import ArgumentError, ShapeError, StateError


class Stateful(Protocol):
    """Anything that has variables: layers, metrics, optimizers, seed generators."""

    @property
    def variables(self) -> list["Variable"]:
        """The variables, in a fixed order."""
        ...


_serial = itertools.count()


def newest_serial() -> int:
    """A number above the serials of all variables that there are, and below those of later ones."""
    return next(_serial)


_observer: Callable[["Variable", Any], Any] | None = None


def observe(observer: Callable[["Variable", Any], Any] | None) -> Callable[["Variable", Any], Any] | None:
    """Has `observer(variable, value)` say what stands for a stored value that is read; None ends it.

    Gives back who was asked before. A tape that records needs it (`compat/tensorflow_tape`).
    """
    global _observer
    before, _observer = _observer, observer
    return before


def is_observed() -> bool:
    """Whether somebody is asked what stands for a stored value."""
    return _observer is not None


def observed(value: Any) -> Any:
    """The array itself, of a value that an observer gave or that was computed from such."""
    return getattr(value, "recorded", value) if isinstance(value, Tracer) else value


def convert_to_tensor(x: Any, dtype: Any = None, sparse: Any = None, ragged: Any = None) -> Any:
    """Makes an array of a number, list, NumPy array or Variable; symbolic tensors and arrays pass through.

    Args:
        x: what to convert.
        dtype: the dtype to cast to; None keeps what it has (Python floats become `floatx`).
        sparse: accepted for Keras's sake; arrays here are dense.
        ragged: likewise.

    >>> convert_to_tensor([[1, 2], [3, 4]]).dtype
    dtype('int32')
    """
    if isinstance(x, Variable):
        x = x.value
    if isinstance(x, jax.Array):
        return x if dtype is None or x.dtype == dtype_name(dtype) else x.astype(dtype_name(dtype))
    if hasattr(x, "record_history"):  # a symbolic tensor, which core/tensor (above) defines
        return x if dtype is None or x.dtype == dtype_name(dtype) else x.astype(dtype)
    if dtype is None:
        dtype = _natural_dtype(x)
    name = None if dtype is None else dtype_name(dtype)
    return _on_device(x, name)


def _on_device(x: Any, name: str | None) -> jax.Array:
    """A host value as an array. `device_put` only copies, where `jnp.asarray` compiles a program for each new shape."""
    if isinstance(x, (list, tuple)) and any(isinstance(leaf, (jax.Array, Variable)) for leaf in flatten(x)):
        values = map_structure(lambda leaf: leaf.value if isinstance(leaf, Variable) else leaf, x)
        return jnp.asarray(values, None if name is None else narrow(name))  # leaves that may be tracers
    array = np.asarray(x)
    if array.dtype.kind in "iu":
        array = on_host(array, name, "convert_to_tensor")
    elif name is not None:
        array = array.astype(jnp.dtype(narrow(name)), copy=False)
    # A copy, because on a CPU the array that JAX makes lies in NumPy's memory, and would change with it.
    return jax.device_put(np.array(array) if _may_change(array) else array)


def given_away(array: np.ndarray) -> np.ndarray:
    """The array, which nobody can change any more: a variable or tensor that is made of it may keep its memory."""
    part: Any = array
    while isinstance(part, np.ndarray):
        part.flags.writeable = False
        part = part.base
    return array


def _may_change(array: np.ndarray) -> bool:
    """Whether somebody can write into an array's memory."""
    part: Any = array
    while isinstance(part, np.ndarray):
        if part.flags.writeable:
            return True
        part = part.base
    return False


def _natural_dtype(x: Any) -> str | None:
    if isinstance(x, bool):
        return "bool"
    if isinstance(x, int):
        return "int32"
    if isinstance(x, float) or (isinstance(x, (list, tuple)) and _has_float(x)):
        return dtype_name(None)
    return None


def _has_float(items: Iterable) -> bool:
    return any(isinstance(i, float) or (isinstance(i, (list, tuple)) and _has_float(i)) for i in items)


class Variable:
    """A named value that can be assigned, and that training changes.

    Args:
        initializer: an array, number or list; or a function of `(shape, dtype)`; or the name of an initializer.
        shape: needed where the initializer is a function or a name.
        dtype: the dtype; None takes the value's own, or `floatx` for an initializer.
        trainable: whether training changes it.
        autocast: whether a layer that computes in another floating dtype reads it in that.
        name: its name; None makes one. May not contain "/".
        aggregation: how replicas would combine values; kept for Keras's sake.
        synchronization: likewise.
        layout: how it is laid out over devices.

    Raises:
        ArgumentError: a name with "/", an initializer without a shape.
        ShapeError: assigning a value of another shape.

    >>> v = Variable([-1, 2], dtype="float32", name="my_var")
    >>> v + [5, 4]
    Array([4., 6.], dtype=float32)
    >>> v.assign([0.5, 1]).tolist(), v.numpy().tolist()
    ([0.5, 1.0], [0.5, 1.0])
    """

    __array_priority__ = 100  # NumPy leaves `array + variable` to the variable, so that it is JAX that computes

    def __init__(
        self,
        initializer: Any,
        shape: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        aggregation: str | None = "none",
        synchronization: str | None = "auto",
        name: str | None = None,
        layout: Any = None,
    ):
        self.name = auto_name(type(self)) if name is None else name
        if not isinstance(self.name, str) or "/" in self.name:
            raise ArgumentError(
                f"Variable: Argument `name` must be a string and cannot contain character `/`, but got {name!r}."
            )
        with jax.ensure_compile_time_eval():
            value = _initial_value(initializer, shape, dtype, self.name)
        late = isinstance(value, Late)
        self._cell, self._index = LateCell(value) if late else Cell([value]), 0
        self.shape, self.dtype = tuple(value.shape), value.dtype if late else value.dtype.name
        self.path = "/".join((*current().path, self.name))
        self.autocast = autocast and is_float(self.dtype)
        self.born_trainable = bool(trainable)
        self._trainable = bool(trainable)
        self._regularizer: Callable | None = None
        self._constraint: Callable | None = None
        self.overwrite_with_gradient = False
        self.aggregation, self.synchronization = aggregation, synchronization
        self.layout = layout
        self.serial = next(_serial)
        mark_revision()

    @property
    def value(self) -> Any:
        """The array: what is bound in the scope, else what the cell holds; cast where the scope asks for it."""
        scope = current()
        bindings = scope.bindings
        if bindings is not None and self in bindings:
            value = bindings[self]
            if _observer is not None:
                value = _observer(self, value)
        else:
            if scope.finder is not None:
                scope.finder.reads(self)
            value = self._held()
            if _observer is not None:
                value = _observer(self, value)
        if scope.compute_dtype is not None and self.autocast:
            return value.astype(scope.compute_dtype)
        return value

    def _held(self) -> Any:
        """The cell's array, for somebody who may keep it."""
        while True:
            cell, index = self._cell, self._index
            value = cell.get(index)
            if cell is self._cell and index == self._index:  # not moved meanwhile by another thread
                return value

    @property
    def trainable(self) -> bool:
        """Whether training changes it. What is set takes effect at the next step."""
        return self._trainable

    @trainable.setter
    def trainable(self, trainable: bool) -> None:
        if self._trainable != bool(trainable):
            self._trainable = bool(trainable)
            mark_revision()

    @property
    def regularizer(self) -> Callable | None:
        """The function of the value that is added to the loss. What is set takes effect at the next step."""
        return self._regularizer

    @regularizer.setter
    def regularizer(self, regularizer: Callable | None) -> None:
        self._regularizer = _callable_or_none(regularizer, "regularizer")
        mark_edit()

    @property
    def constraint(self) -> Callable | None:
        """The function that makes a value of an updated one. What is set takes effect at the next step."""
        return self._constraint

    @constraint.setter
    def constraint(self, constraint: Callable | None) -> None:
        self._constraint = _callable_or_none(constraint, "constraint")
        mark_edit()

    @property
    def filled(self) -> bool:
        """Whether its array is there; not so while a file is read that hasn't come to it yet."""
        return self._cell.filled

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        return int(np.prod(self.shape, dtype=np.int64))

    def assign(self, value: Any) -> Any:
        """Stores a value of the same shape, cast to the variable's dtype, and returns it.

        Raises:
            ShapeError: the value has another shape; nothing is broadcast.
            StateError: the value is traced, and this is not a program made by plait.
        """
        value = convert_to_tensor(value, self.dtype)
        if value.shape != self.shape:
            raise ShapeError(
                f"Variable '{self.path}': `assign` takes a value of the shape {self.shape}, but got {describe(value)}."
            )
        scope = current()
        if scope.bindings is not None:
            if scope.finder is not None:
                scope.finder.assigns(self)
            scope.bindings[self] = observed(value)
            return value
        value = observed(value)
        if isinstance(value, Tracer):
            raise StateError(
                f"Variable '{self.path}': cannot be assigned inside a function that JAX is tracing, because the value "
                "would not outlive the trace. Use plait.functional(model) or model.stateless_call, which return it."
            )
        put(self, value, shared=True)
        return value

    def assign_add(self, value: Any) -> Any:
        """Adds to the value, and returns the new one."""
        return self.assign(self.value + convert_to_tensor(value, self.dtype))

    def assign_sub(self, value: Any) -> Any:
        """Subtracts from the value, and returns the new one."""
        return self.assign(self.value - convert_to_tensor(value, self.dtype))

    def numpy(self) -> np.ndarray:
        """The value as a NumPy array of its own."""
        return self.__array__()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        scope = current()
        if scope.bindings is not None or scope.compute_dtype is not None or _observer is not None:
            return np.array(self.value, dtype=dtype)
        with looked_at(self) as value:  # a copy is made here, so the array need not be shared
            return np.array(value, dtype=dtype)

    def __jax_array__(self) -> Any:
        return self.value

    def __getitem__(self, key: Any) -> Any:
        return self.value[key]

    def __len__(self) -> int:
        return len(self.value)

    def __iter__(self) -> Iterator:
        return iter(self.value)

    def __bool__(self) -> bool:
        return bool(self.value)

    def __int__(self) -> int:
        return int(self.value)

    def __float__(self) -> float:
        return float(self.value)

    def __index__(self) -> int:
        return self.value.__index__()

    def __format__(self, spec: str) -> str:
        return format(self.value, spec) if spec else str(self)

    def __reduce__(self) -> tuple:
        state = {key: item for key, item in vars(self).items() if key not in ("_cell", "_index", "serial")}
        with looked_at(self) as value:
            return _restore, (type(self), np.array(value), state)

    def __repr__(self) -> str:
        value = self.value
        shown = value if isinstance(value, Tracer) else np.array2string(np.asarray(value), threshold=100)
        return f"<Variable path={self.path}, shape={self.shape}, dtype={self.dtype}, value={shown}>"

    __hash__ = object.__hash__  # by identity: `==` compares values, and dicts ask for identity first


_LATE_FROM = 1024  # elements; smaller ones are quickly made, and code may look at them while shapes are inferred
_MEMORY = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 2**40


def _callable_or_none(value: Any, name: str) -> Callable | None:
    """What a variable's attribute may be.

    Raises:
        ArgumentError: neither a function nor None.
    """
    if value is not None and not callable(value):
        raise ArgumentError(
            f"Variable: Invalid value for attribute `{name}`. Expected a function of the value, or None, but got {describe(value)}. "
            f"For a name, use plait.{name}s.get."
        )
    return value


def _check_size(shape: tuple[int, ...], dtype: Any, name: str) -> None:
    """Refuses an array that the machine has no memory for, or that a file being read cannot hold the values of."""
    needed = math.prod(shape) * jnp.dtype(narrow(dtype_name(dtype))).itemsize
    if needed > max(_MEMORY, 2**40 if current().distribution is not None else 0):
        raise ShapeError(f"Variable {name!r}: shape {shape} takes {needed:,} bytes; this machine has {_MEMORY:,}.")
    allowance = current().allowance
    if allowance is not None:
        allowance[0] -= needed
        if allowance[0] < 0:
            raise ShapeError(
                f"Variable {name!r}: shape {shape} takes {needed:,} bytes, more than the file holds values for."
            )


def zeros_like(value: Any) -> jax.Array:
    """Zeros of an array's shape, dtype and place; outside of a trace without compiling a program for each new shape."""
    if isinstance(value, Tracer) or not isinstance(value, jax.Array):
        return jnp.zeros_like(value)
    return jax.device_put(np.zeros(value.shape, value.dtype), value.sharding if value.committed else None)


def _initial_value(initializer: Any, shape: Any, dtype: Any, name: str) -> jax.Array | Late:
    if isinstance(initializer, Late):
        return initializer
    if isinstance(initializer, str):
        initializer = get("initializers", initializer)
    if callable(initializer) and not hasattr(initializer, "__array__"):
        if shape is None:
            raise ArgumentError(
                f"Variable {name!r}: When creating a Variable from an initializer, the `shape` must be given too: shape=(...)."
            )
        shape = (shape,) if isinstance(shape, int) else tuple(shape)
        if not all(isinstance(size, (int, np.integer)) and size >= 0 for size in shape):
            raise ShapeError(f"Variable {name!r}: its shape must be all known numbers, but got {shape}.")
        _check_size(shape, dtype, name)
        make = partial(_drawn, initializer, shape, dtype_name(dtype), name)
        late = current().allowance is not None and math.prod(shape) >= _LATE_FROM
        return Late(make, shape, narrow(dtype_name(dtype))) if late else make()
    value = convert_to_tensor(initializer, dtype)
    if value is initializer:
        value = copied(value)  # because the loop hands buffers over to programs that destroy them
    if shape is not None and tuple(np.atleast_1d(np.asarray(shape, int)).tolist()) != value.shape:
        raise ShapeError(
            f"Variable {name!r}: got shape={shape} and a value {describe(value)}. Give one, or make them agree."
        )
    return value


def _drawn(initializer: Callable, shape: tuple[int, ...], dtype: str, name: str) -> jax.Array:
    value = convert_to_tensor(initializer(shape, dtype=dtype), dtype)
    if value.shape != shape:
        raise ShapeError(f"Variable {name!r}: its initializer should give shape {shape}, but gave {describe(value)}.")
    return value


@contextlib.contextmanager
def all_or_none(variables: Iterable[Variable]) -> Iterator[None]:
    """Gives each of these variables back what it had, if the block fails.

    >>> v = Variable(1.0)
    >>> with contextlib.suppress(ZeroDivisionError), all_or_none([v]):
    ...     v.assign(2.0).item() / 0
    >>> float(v)
    1.0
    """
    before = [(variable, variable.value) for variable in dict.fromkeys(variables) if variable.filled]
    try:
        yield
    except BaseException:
        for variable, value in before:
            variable.assign(value)
        raise


def values_of(results: Any) -> Any:
    """Results with arrays in the place of variables."""
    if not any(isinstance(leaf, Variable) for leaf in flatten(results)):
        return results
    return map_structure_in_order(lambda leaf: leaf.value if isinstance(leaf, Variable) else leaf, results)


def _restore(cls: type[Variable], value: np.ndarray, state: dict) -> Variable:
    variable = cls.__new__(cls)
    vars(variable).update(state)
    variable._cell, variable._index, variable.serial = Cell([jax.device_put(value)]), 0, next(_serial)
    mark_revision()
    return variable


_OPERATORS = ("add sub mul truediv floordiv mod pow matmul lshift rshift divmod").split()
_LOGICAL = {
    "and": jnp.logical_and,
    "or": jnp.logical_or,
    "xor": jnp.logical_xor,
}  # as for symbolic tensors, not bit by bit
_COMPARISONS = "lt le gt ge eq ne".split()
_UNARY = "neg pos abs round".split()


def _operand(other: Any) -> Any:
    if isinstance(other, Variable):
        return other.value
    if isinstance(other, (list, tuple)):
        return convert_to_tensor(np.asarray(other))
    return other


def install_operators(cls: type) -> None:
    """Gives a class whose instances have a `value` the operators of arrays."""

    def binary(method: str) -> Callable:
        def operate(self: Any, other: Any) -> Any:
            if hasattr(other, "record_history"):
                return NotImplemented
            return getattr(self.value, method)(_operand(other))

        return operate

    def logical(function: Callable) -> Callable:
        def operate(self: Any, other: Any) -> Any:
            return NotImplemented if hasattr(other, "record_history") else function(self.value, _operand(other))

        return operate

    def unary(method: str) -> Callable:
        def operate(self: Any, *options: Any) -> Any:
            return getattr(self.value, method)(*options)

        return operate

    names = [f"__{stem}{name}__" for name in _OPERATORS for stem in ("", "r")] + [
        f"__{name}__" for name in _COMPARISONS
    ]
    for name in names:
        setattr(cls, name, binary(name))
    for name, function in _LOGICAL.items():
        setattr(cls, f"__{name}__", logical(function))
        setattr(cls, f"__r{name}__", logical(function))
    for name, function in {"__invert__": jnp.logical_not}.items():
        setattr(cls, name, lambda self, function=function: function(self.value))
    for name in _UNARY:
        setattr(cls, f"__{name}__", unary(f"__{name}__"))


install_operators(Variable)
