"""What programs that lean on TensorFlow ask of arrays: `.numpy()`, `.shape.as_list()`, `.get_shape()`, text in bytes.

Two kinds of arrays stand for TensorFlow's tensors. What is computed is JAX's arrays, which get the missing methods while the hook
is in (`lend` and `take_back`). What lies on the host, text and the elements of data sets, is a `HostTensor`: an array of
NumPy with the same methods, which layers and `fit` take as they take NumPy.

Verbs: `lend` and `take_back` for JAX's arrays; `on_host` makes host tensors of values.

What it is not: a tensor library. `plait.ops` and NumPy compute.
"""

import sys
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from plait.core.mask import get_mask, set_mask
from plait.core.tensor import KerasTensor
from plait.core.variable import Variable
from plait.errors import ShapeError

ARRAY = type(jnp.zeros(()))
FLOATING = "bfloat16 float16 float32 float64 half double".split()
_ALIASES = {"half": "float16", "double": "float64"}


class TensorShape(tuple):
    """A shape: a tuple with the methods that TensorFlow's have.

    >>> TensorShape([None, 3]).as_list(), TensorShape([2, 3]).num_elements()
    ([None, 3], 6)
    """

    def __new__(cls, dims: Any = ()) -> "TensorShape":
        return super().__new__(cls, (dims,) if isinstance(dims, int) else dims or ())

    @property
    def rank(self) -> int:
        """The number of axes."""
        return len(self)

    ndims = rank

    @property
    def dims(self) -> list:
        """The sizes."""
        return list(self)

    def as_list(self) -> list:
        """The sizes as a list."""
        return list(self)

    def num_elements(self) -> int | None:
        """How many values there are; None where a size is unknown."""
        return None if None in self else int(np.prod(self, dtype=np.int64))

    def is_fully_defined(self) -> bool:
        """Whether all sizes are known."""
        return None not in self

    def is_compatible_with(self, other: Any) -> bool:
        """Whether both may be the shape of one tensor."""
        other = TensorShape(other)
        return len(self) == len(other) and all(a == b or a is None or b is None for a, b in zip(self, other))

    def assert_is_compatible_with(self, other: Any) -> None:
        """Refuses a shape that no tensor of this one can have.

        Raises:
            ShapeError: it isn't compatible.
        """
        if not self.is_compatible_with(other):
            raise ShapeError(f"Shapes {tuple(self)} and {tuple(other)} are not compatible.")

    def concatenate(self, other: Any) -> "TensorShape":
        """Its sizes and those of another behind them."""
        return TensorShape([*self, *TensorShape(other)])

    def __getitem__(self, key: Any) -> Any:
        part = super().__getitem__(key)
        return TensorShape(part) if isinstance(key, slice) else part

    def __eq__(self, other: object) -> bool:
        return tuple.__eq__(self, tuple(other)) if isinstance(other, (list, tuple)) else False

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = tuple.__hash__


class DType(str):
    """A dtype: its name, with what TensorFlow's have besides.

    >>> float32 = DType("float32")
    >>> float32 == "float32", float32.name, float32.is_floating, float32.size
    (True, 'float32', True, 4)
    """

    def __new__(cls, name: str) -> "DType":
        return super().__new__(cls, _ALIASES.get(name, name))

    @property
    def name(self) -> str:
        """The name."""
        return str(self)

    @property
    def as_numpy_dtype(self) -> Any:
        """The type of NumPy's; for text that of Python objects."""
        return np.object_ if self == "string" else jnp.dtype(str(self)).type

    @property
    def is_floating(self) -> bool:
        """Whether its values are fractions."""
        return self in FLOATING

    @property
    def is_integer(self) -> bool:
        """Whether it counts."""
        return "int" in self

    @property
    def is_bool(self) -> bool:
        """Whether it is true or false."""
        return self == "bool"

    @property
    def is_complex(self) -> bool:
        """Whether its values are complex."""
        return self.startswith("complex")

    @property
    def size(self) -> int:
        """The bytes of a value."""
        return np.dtype(self.as_numpy_dtype).itemsize

    @property
    def max(self) -> Any:
        """The largest value."""
        return (jnp.finfo if self.is_floating else np.iinfo)(self.as_numpy_dtype).max

    @property
    def min(self) -> Any:
        """The smallest value."""
        return (jnp.finfo if self.is_floating else np.iinfo)(self.as_numpy_dtype).min

    @property
    def base_dtype(self) -> "DType":
        """Itself."""
        return self


def dtype_of(value: Any) -> DType:
    """The dtype of an array, by TensorFlow's name."""
    dtype = getattr(value, "dtype", None)
    if getattr(dtype, "kind", "") in ("O", "S", "U"):
        return DType("string")
    return DType(getattr(dtype, "name", str(dtype)))


class HostTensor(np.ndarray):
    """An array on the host with the methods of TensorFlow's tensors; text is in bytes.

    >>> words = on_host(["a b", "c"])
    >>> words.numpy().tolist(), words.shape.as_list(), bool(words[0] == "a b")
    ([b'a b', b'c'], [2], True)
    """

    __hash__ = None  # type: ignore[assignment]

    def numpy(self) -> Any:
        """The values as an array of NumPy; of a scalar the value."""
        return plain(self)

    @property
    def shape(self) -> TensorShape:  # type: ignore[override]
        """The sizes."""
        return TensorShape(np.shape(self.view(np.ndarray)))

    def get_shape(self) -> TensorShape:
        """The sizes."""
        return self.shape

    def set_shape(self, shape: Any) -> None:
        """Checks a shape, which is known here anyway.

        Raises:
            ShapeError: it is another one.
        """
        self.shape.assert_is_compatible_with(shape)

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, tuple):
            key = tuple(int(k) if isinstance(k, jax.Array) and k.ndim == 0 else k for k in key)
        return on_host(super().__getitem__(key))

    def __repr__(self) -> str:
        return repr(self.view(np.ndarray))

    def __str__(self) -> str:
        return str(self.view(np.ndarray))

    def __iter__(self) -> Iterator:
        return (self[place] for place in range(len(self)))

    def __eq__(self, other: Any) -> Any:
        return np.ndarray.__eq__(self, _bytes_of(other) if self.dtype == object else other)

    def __ne__(self, other: Any) -> Any:
        return np.ndarray.__ne__(self, _bytes_of(other) if self.dtype == object else other)

    def __add__(self, other: Any) -> Any:
        return np.ndarray.__add__(self, _bytes_of(other) if self.dtype == object else other)

    def __radd__(self, other: Any) -> Any:
        return np.ndarray.__radd__(self, _bytes_of(other) if self.dtype == object else other)


def plain(value: Any) -> Any:
    """A tensor's values as an array of NumPy; of a scalar the value."""
    array = np.asarray(value)
    return array[()] if array.ndim == 0 else array


def on_host(value: Any) -> Any:
    """A host tensor of a value: an array, number, text, or list of such. Symbolic tensors and JAX's arrays stay as they are.

    >>> on_host([1.0, 2.0]).dtype, on_host(3).dtype
    (dtype('float32'), dtype('int32'))
    """
    if isinstance(value, (jax.Array, KerasTensor, HostTensor, type(None))):
        return value
    if isinstance(value, Variable):
        return value.value
    if isinstance(value, (np.ndarray, np.generic)):
        array = np.asarray(value)
    elif hasattr(value, "__array__") or isinstance(value, (bool, int, float, complex, str, bytes, list, tuple)):
        array = _natural(value)
    else:
        return value
    return (_bytes_of(array) if array.dtype.kind in "USOT" else array).view(HostTensor)


def _natural(value: Any) -> np.ndarray:
    """An array of a Python value in TensorFlow's dtypes: 32 bits, unless a number needs more."""
    if _holds_text(value):
        return np.array(value, object)  # NumPy's own arrays of bytes lose zeros at the end
    array = np.asarray(value)
    if hasattr(value, "__array__") or (isinstance(value, (list, tuple)) and _holds_arrays(value)):
        return array
    if array.dtype == np.float64:
        return array.astype(np.float32)
    if array.dtype == np.int64 and (array.size == 0 or abs(array).max() < 2**31):
        return array.astype(np.int32)
    return array.astype(np.complex64) if array.dtype == np.complex128 else array


def _holds_text(value: Any) -> bool:
    while isinstance(value, (list, tuple)) and value:
        value = value[0]
    return isinstance(value, (str, bytes))


def _holds_arrays(values: Any) -> bool:
    return any(
        hasattr(value, "__array__") or (isinstance(value, (list, tuple)) and _holds_arrays(value)) for value in values
    )


def _bytes_of(value: Any) -> Any:
    """Text as an array of bytes objects; other objects stay."""
    array = np.asarray(value)
    if array.dtype.kind not in "USOT":
        return value
    found = np.empty(array.shape, object)
    for place, item in np.ndenumerate(array):
        found[place] = item.encode() if isinstance(item, str) else bytes(item) if isinstance(item, np.bytes_) else item
    return found


def presented(element: Any) -> Any:
    """An element of a data set as programs see it: tuples and dicts of host tensors. Lists are tensors.

    >>> presented(([1, 2], {"a": "b"}))[1]["a"].numpy()
    b'b'
    """
    if isinstance(element, tuple):
        parts = [presented(part) for part in element]
        return type(element)(*parts) if hasattr(element, "_fields") else tuple(parts)
    if isinstance(element, dict):
        return type(element)((key, presented(part)) for key, part in element.items())
    return on_host(element)


# ---------------------------------------------------------------------------- JAX's arrays


def _mask_of(array: Any) -> Any:
    """The mask of an array, or None."""
    return get_mask(array)


def _check_shape(array: Any, shape: Any) -> None:
    TensorShape(array.shape).assert_is_compatible_with(shape)


_METHODS: dict[str, Any] = {
    "numpy": plain,
    "get_shape": lambda array: TensorShape(array.shape),
    "set_shape": _check_shape,
}
_ABSENT = object()
_lent: list[tuple[type, str, Any]] = []


def lend(cls: Any, name: str, value: Any) -> None:
    """Gives a class an attribute until `take_back`."""
    _lent.append((cls, name, vars(cls).get(name, _ABSENT)))
    setattr(cls, name, value)


def is_lent(cls: Any, name: str) -> bool:
    """Whether a class has an attribute until `take_back`."""
    return any(entry[:2] == (cls, name) for entry in _lent)


def take_back() -> None:
    """Takes back what was lent, so that classes are as they were."""
    while _lent:
        cls, name, before = _lent.pop()
        if before is _ABSENT:
            delattr(cls, name)
        else:
            setattr(cls, name, before)


def lend_methods() -> None:
    """Gives arrays, tracers and symbolic tensors TensorFlow's methods."""
    for cls in (ARRAY, Tracer, KerasTensor):
        for name, method in _METHODS.items():
            if cls is not KerasTensor or name != "numpy":
                lend(cls, name, method)
    for cls in (ARRAY, Tracer):
        lend(cls, "_keras_mask", property(_mask_of, set_mask))


def lend_shapes() -> None:
    """Makes shapes `TensorShape`s: only for programs that import TensorFlow, as each look at a shape then takes a little longer."""
    for cls in (ARRAY, Tracer, KerasTensor):
        if not isinstance(vars(cls)["shape"], _Shape):
            lend(cls, "shape", _Shape(vars(cls)["shape"]))


def lend_to_numpy(recorded: type) -> None:
    """Has NumPy's functions give NumPy's arrays, which a program may write into: `np.squeeze(model(x))`.

    They ask an array for its method of their name; so asked, it answers as an array of NumPy.

    Args:
        recorded: the class of numbers that a tape knows about.
    """
    for cls in (ARRAY, recorded):
        for name in _OF_NUMPY:
            if not is_lent(cls, name):
                lend(cls, name, _for_numpy(name, getattr(ARRAY, name) if cls is ARRAY else None))


_OF_NUMPY = "squeeze transpose reshape clip round sum mean std var max min argmax argmin cumsum prod repeat ravel swapaxes".split()


def _for_numpy(name: str, before: Callable | None) -> Callable:
    def method(array: Any, *args: Any, **kwargs: Any) -> Any:
        if sys._getframe(1).f_globals.get("__name__", "").startswith("numpy."):
            return getattr(np.asarray(array), name)(*args, **kwargs)
        return Tracer.__getattr__(array, name)(*args, **kwargs) if before is None else before(array, *args, **kwargs)

    method.__name__ = name
    return method


class _Shape:
    """The property `shape`, with TensorFlow's methods on its result."""

    def __init__(self, before: Any):
        self._read: Callable = before.__get__

    def __get__(self, array: Any, cls: type | None = None) -> Any:
        return self if array is None else _NEW(TensorShape, self._read(array))


_NEW = tuple.__new__
