"""The operators: `+`, `@`, `<`, `[]` and the rest, as ops, installed on symbolic tensors.

A table says which jnp function each operator is. `plait.ops` hands the same ops out by name, so `a + b` and
`ops.add(a, b)` are one operation in a graph and in a file.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from plait.common.dtypes import dtype_name, narrow
from plait.common.messages import describe
from plait.core.infer import infer
from plait.core.op import op
from plait.core.tensor import KerasTensor
from plait.core.variable import Variable, convert_to_tensor
from plait.errors import ArgumentError, ArgumentTypeError, ShapeError

_NUMPY = "keras.src.ops.numpy"
_CORE = "keras.src.ops.core"
_INT8 = jnp.dtype("int8")


def _operand(x: Any) -> Any:
    """An array, or a Python number, which takes the other operand's dtype."""
    return x if isinstance(x, (jax.Array, bool, int, float, complex)) else convert_to_tensor(x)


def _binary(name: str, function: Callable, summary: str) -> Callable[..., Any]:
    def operate(x1: Any, x2: Any) -> Any:
        return function(_operand(x1), _operand(x2))

    operate.__name__ = operate.__qualname__ = name
    operate.__doc__ = f"{summary}, element by element, with broadcasting.\n\nShapes: any two that broadcast."
    return operate


def _unary(name: str, function: Callable, summary: str) -> Callable[..., Any]:
    def operate(x: Any) -> Any:
        return function(convert_to_tensor(x))

    operate.__name__ = operate.__qualname__ = name
    operate.__doc__ = f"{summary}, element by element."
    return operate


def _make(
    name: str,
    class_name: str,
    function: Callable,
    summary: str,
    kind: Callable = _binary,
    text: Callable | None = None,
) -> Callable[..., Any]:
    return op(kind(name, function, summary), name=class_name, module=_NUMPY, text=text)


add = _make("add", "Add", jnp.add, "The sum")
subtract = _make("subtract", "Subtract", jnp.subtract, "The difference")
multiply = _make("multiply", "Multiply", jnp.multiply, "The product")
true_divide = _make("true_divide", "TrueDivide", jnp.true_divide, "The quotient")
divide = _make("divide", "Divide", jnp.divide, "The quotient")
floor_divide = _make("floor_divide", "FloorDivide", jnp.floor_divide, "The quotient, rounded down")
mod = _make("mod", "Mod", jnp.mod, "The remainder of a division, with the divisor's sign")
power = _make("power", "Power", jnp.power, "The first operand to the power of the second")
equal = _make("equal", "Equal", jnp.equal, "Whether two are equal", text=lambda x1, x2: np.equal(x1, x2))
equal.operation.is_equality = True
not_equal = _make(
    "not_equal", "NotEqual", jnp.not_equal, "Whether two differ", text=lambda x1, x2: np.not_equal(x1, x2)
)
less = _make("less", "Less", jnp.less, "Whether the first is less")
less_equal = _make("less_equal", "LessEqual", jnp.less_equal, "Whether the first is less or equal")
greater = _make("greater", "Greater", jnp.greater, "Whether the first is greater")
greater_equal = _make("greater_equal", "GreaterEqual", jnp.greater_equal, "Whether the first is greater or equal")
logical_and = _make(
    "logical_and", "LogicalAnd", lambda a, b: jnp.logical_and(_truth(a), _truth(b)), "Whether both are true"
)
logical_or = _make("logical_or", "LogicalOr", lambda a, b: jnp.logical_or(_truth(a), _truth(b)), "Whether one is true")
logical_xor = _make(
    "logical_xor", "LogicalXor", lambda a, b: jnp.logical_xor(_truth(a), _truth(b)), "Whether just one is true"
)
negative = _make("negative", "Negative", jnp.negative, "The negative", _unary)
absolute = _make("absolute", "Absolute", jnp.abs, "The absolute value", _unary)
logical_not = _make("logical_not", "LogicalNot", lambda a: jnp.logical_not(_truth(a)), "The opposite truth", _unary)


def _truth(x: Any) -> Any:
    return jnp.asarray(x).astype(bool)


@op(module=_NUMPY)
def matmul(x1: Any, x2: Any) -> Any:
    """The matrix product of two tensors. Shapes: (..., n, k) and (..., k, m) give (..., n, m). Of two int8 it is int32."""
    x1, x2 = convert_to_tensor(x1), convert_to_tensor(x2)
    if x1.dtype == _INT8 and x2.dtype == _INT8:
        return jnp.matmul(x1, x2, preferred_element_type="int32")  # sums need more bits
    return jnp.matmul(x1, x2)


@op(module=_NUMPY)
def round(x: Any, decimals: int = 0) -> Any:
    """Rounds to a number of decimals, halves to even; below 0 to tens, hundreds and so on."""
    x = convert_to_tensor(x)
    if not jnp.issubdtype(x.dtype, jnp.integer):
        return jnp.round(x, decimals)
    if decimals >= 0:
        return x
    unit = 10**-decimals
    count, rest = jnp.divmod(x, unit)
    up = (rest > unit // 2) | ((rest == unit // 2) & (count % 2 == 1))
    return (count + up.astype(x.dtype)) * jnp.asarray(unit, x.dtype)


def _get_item_spec(x: Any, key: Any) -> Any:
    """Refuses places outside, which JAX would move inside."""
    keys = list(key) if isinstance(key, (list, tuple)) else [key]
    shape = iter(x.shape if all(k is not Ellipsis and isinstance(k, (int, slice, type(None))) for k in keys) else ())
    for k in keys:
        size = None if k is None else next(shape, None)
        if isinstance(k, int) and size is not None and not -size <= k < size:
            raise ShapeError(f"get_item: the index {k} is out of bounds for an axis of size {size}, of {describe(x)}.")
    return infer(_get_item, (x, key), {})


def _get_item(x: Any, key: Any) -> Any:
    return convert_to_tensor(x)[tuple(key) if isinstance(key, list) else key]


def _text_item(x: Any, key: Any) -> Any:
    return np.asarray(x)[tuple(key) if isinstance(key, list) else key]


@op(module=_NUMPY, name="GetItem", spec=_get_item_spec, text=_text_item)
def get_item(x: Any, key: Any) -> Any:
    """The part of a tensor that an index, slice or tuple of such selects, as in NumPy."""
    return _get_item(x, key)


def _reshape_spec(x: Any, newshape: Any) -> Any:
    if isinstance(newshape, KerasTensor):
        return KerasTensor((None,) * newshape.shape[0], x.dtype)
    sizes = (newshape,) if isinstance(newshape, int) else tuple(newshape)
    if any(isinstance(size, KerasTensor) for size in sizes):
        return KerasTensor(tuple(n if isinstance(n, int) and n >= 0 else None for n in sizes), x.dtype)
    try:
        return infer(partial(_reshape, newshape=newshape), (x,), {})
    except TypeError as error:
        raise ArgumentTypeError(f"reshape: {error}") from error


def _reshape(x: Any, newshape: Any) -> Any:
    x = convert_to_tensor(x)
    sizes = tuple(-1 if n is None else n for n in ((newshape,) if isinstance(newshape, int) else newshape))
    try:
        return jnp.reshape(x, sizes)
    except TypeError:
        if all(not isinstance(n, int) or n >= 0 for n in sizes) or (min(sizes) == -1 and sizes.count(-1) == 1):
            raise
    raise ShapeError(
        f"reshape: each size must be a non-negative integer or -1, with at most one unknown dimension (-1), but got "
        f"newshape={sizes} for {describe(x)}."
    )


def _reshape_text(x: Any, newshape: Any) -> Any:
    sizes = (newshape,) if isinstance(newshape, int) else newshape
    return np.reshape(x, tuple(-1 if size is None else size for size in sizes))


@op(module=_NUMPY, options=("newshape",), spec=_reshape_spec, text=_reshape_text)
def reshape(x: Any, newshape: Any) -> Any:
    """The same elements in another shape; one size may be -1.

    A symbolic shape is recorded; such a graph runs where values are known only, so not in a compiled program.
    """
    return _reshape(x, newshape)


@op(module=_NUMPY, text=lambda x, axis=None: np.squeeze(x, axis))
def squeeze(x: Any, axis: Any = None) -> Any:
    """Removes axes of size 1: all of them, or the ones given."""
    return jnp.squeeze(convert_to_tensor(x), axis if axis is None or isinstance(axis, int) else tuple(axis))


@op(module=_NUMPY, text=lambda x, axes=None: np.transpose(x, axes))
def transpose(x: Any, axes: Any = None) -> Any:
    """Reorders the axes; without `axes` reverses them."""
    x = convert_to_tensor(x)
    try:
        return jnp.transpose(x, axes)
    except (TypeError, ValueError) as error:
        raise ShapeError(
            f"transpose: `axes` must name each axis of {describe(x)} once, by numbers from {-x.ndim} to {x.ndim - 1}, but got {axes}."
        ) from error


@op(module=_CORE, options=("dtype",))
def cast(x: Any, dtype: Any) -> Any:
    """The same values in another dtype; None keeps the one that they have.

    >>> cast([1.9], "int32").tolist()
    [1]
    """
    if dtype is None:
        return convert_to_tensor(x)
    name = dtype_name(dtype)
    if name == "string":
        raise ArgumentError("cast: cannot cast to 'string'; strings live on the host.")
    return convert_to_tensor(x).astype(narrow(name))


def _install() -> None:
    binary = {
        "add": add,
        "sub": subtract,
        "mul": multiply,
        "truediv": true_divide,
        "floordiv": floor_divide,
        "mod": mod,
        "pow": power,
        "matmul": matmul,
        "and": logical_and,
        "or": logical_or,
        "xor": logical_xor,
    }
    comparisons = {
        "eq": equal,
        "ne": not_equal,
        "lt": less,
        "le": less_equal,
        "gt": greater,
        "ge": greater_equal,
    }

    def forward(function: Callable) -> Callable[..., Any]:
        return lambda self, other: function(self, other) if _is_tensor(other) else NotImplemented

    def backward(function: Callable) -> Callable[..., Any]:
        return lambda self, other: function(other, self) if _is_tensor(other) else NotImplemented

    for name, function in binary.items():
        setattr(KerasTensor, f"__{name}__", forward(function))
        setattr(KerasTensor, f"__r{name}__", backward(function))
    for name, function in comparisons.items():
        setattr(KerasTensor, f"__{name}__", forward(function))

    def reshaped(self: KerasTensor, newshape: Any, *more: int) -> Any:
        """The same elements in another shape, given as one tuple or as sizes."""
        return reshape(self, (newshape, *more) if more else newshape)

    def squeezed(self: KerasTensor, axis: Any = None) -> Any:
        """Without axes of size 1: all of them, or the ones given."""
        return squeeze(self, axis=axis)

    methods: dict[str, Callable] = {
        "__neg__": negative,
        "__pos__": lambda self: self,
        "__abs__": absolute,
        "__invert__": logical_not,
        "__round__": lambda self, decimals=0: round(self, decimals=decimals or 0),
        "__getitem__": get_item,
        "reshape": reshaped,
        "squeeze": squeezed,
        "astype": cast,
    }
    for name, function in methods.items():
        setattr(KerasTensor, name, function if name != "__getitem__" else lambda self, key: get_item(self, key))
    KerasTensor.T = property(transpose)  # type: ignore[attr-defined]


def _is_tensor(x: Any) -> bool:
    """Whether an operator applies: numbers, arrays, lists of numbers, variables, symbolic tensors."""
    return isinstance(x, (KerasTensor, Variable, bool, int, float, complex, list, tuple)) or hasattr(x, "__array__")


_install()
