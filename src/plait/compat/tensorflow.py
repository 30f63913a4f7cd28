"""What stands in for `tensorflow` where only its Keras and its basics are used; see `docs/compat.md`."""

import importlib
from types import ModuleType
from typing import Any

import numpy as np

from plait import ops as _ops
from plait.common.messages import did_you_mean
from plait.compat.outside import note
from plait.compat.tensorflow_data import Dataset
from plait.compat.tensorflow_tape import GradientTape

# Functions of TensorFlow that are functions of plait.ops under the same or another name.
_OPS = {
    **{
        name: name
        for name in (
            "abs add argmax argmin argsort broadcast_to cast ceil clip cos cosh cumprod cumsum divide einsum equal exp "
            "expm1 eye floor gather_nd greater greater_equal isfinite isinf isnan less less_equal log log1p "
            "logical_and logical_not logical_or matmul maximum minimum multiply negative norm not_equal ones_like "
            "pad power range reshape roll round shape sigmoid sign sin sinh sort split sqrt square squeeze stack "
            "stop_gradient subtract tan tanh tensordot tile transpose where zeros_like expand_dims"
        ).split()
        if hasattr(_ops, name)
    },
    "concat": "concatenate",
    "pow": "power",
    "reduce_all": "all",
    "reduce_any": "any",
    "reduce_logsumexp": "logsumexp",
    "reduce_max": "max",
    "reduce_mean": "mean",
    "reduce_min": "min",
    "reduce_prod": "prod",
    "reduce_std": "std",
    "reduce_sum": "sum",
    "reduce_variance": "var",
    "range": "arange",
    "gather": "take",
    "math.log": "log",
}
PARTS = ("math", "nn", "random", "linalg", "data")
_DTYPES = "bfloat16 float16 float32 float64 int8 int16 int32 int64 uint8 uint16 uint32 uint64 complex64 string".split()


class _Basics(ModuleType):
    """`tensorflow`: its Keras, its dtypes, and the functions that are functions of plait too."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__version__":
            raise AttributeError(name)
        value = _basic(self.__name__, name)
        setattr(self, name, value)
        return value


def _basic(module: str, name: str) -> Any:
    plait = importlib.import_module("plait")
    if module == "tensorflow" and name == "keras":
        return importlib.import_module("tensorflow.keras")
    if name == "__version__":
        return "2.20.0"
    if name == "bool":
        return "bool"
    if name in _DTYPES or name in ("Variable", "ones", "zeros"):
        return getattr(plait, name)
    if name in PARTS:
        return importlib.import_module(f"tensorflow.{name}")
    if name in _BASICS:
        return _BASICS[name]
    if name in _OPS and hasattr(_ops, _OPS[name]):
        return _renamed(getattr(_ops, _OPS[name]))
    note(f"{module}.{name}")
    hint = did_you_mean(name, [*_OPS, *_BASICS])
    raise AttributeError(
        f"plait stands in for tensorflow.keras and some basics of TensorFlow, and has no {module}.{name}.{hint} plait.ops and "
        "jax.numpy have most of what tensors need."
    )


def _renamed(function: Any) -> Any:
    """The function with TensorFlow's name of the argument `keepdims` and the first one, `input_tensor`, allowed."""

    def call(*args: Any, **kwargs: Any) -> Any:
        first = [kwargs.pop(name) for name in ("input_tensor", "values", "params") if name in kwargs]
        kwargs.pop("name", None)
        return function(*first, *args, **kwargs)

    call.__name__ = call.__qualname__ = function.__name__
    call.__doc__ = function.__doc__
    return call


def part(name: str) -> ModuleType:
    """`tensorflow.math`, `tensorflow.random` and the like."""
    part = _Basics(f"tensorflow.{name}")
    part.__path__ = []  # type: ignore[attr-defined]
    plait = importlib.import_module("plait")
    if name == "random":
        part.set_seed = plait.utils.set_random_seed  # type: ignore[attr-defined]
        part.normal = _drawn(plait.random.normal)  # type: ignore[attr-defined]
        part.uniform = _drawn(plait.random.uniform)  # type: ignore[attr-defined]
    elif name == "data":
        part.Dataset, part.AUTOTUNE = Dataset, -1  # type: ignore[attr-defined]
    elif name in ("nn", "linalg"):
        source = plait.ops if name == "nn" else plait.ops.linalg
        for function in dir(source):
            if not function.startswith("_"):
                setattr(part, function, getattr(source, function))
    return part


def _drawn(function: Any) -> Any:
    def draw(shape: Any, *args: Any, **kwargs: Any) -> Any:
        kwargs.pop("name", None)
        return function(tuple(int(n) for n in np.asarray(shape).ravel()), *args, **kwargs)

    return draw


def constant(value: Any, dtype: Any = None, shape: Any = None, name: str = "Const") -> Any:
    """A tensor of a value, filled up to a shape."""
    tensor = convert_to_tensor(value, dtype)
    return tensor if shape is None else _ops.broadcast_to(_ops.reshape(tensor, (1,)), shape)


def identity(value: Any, name: str | None = None) -> Any:
    """The tensor itself."""
    return convert_to_tensor(value)


def convert_to_tensor(value: Any, dtype: Any = None, dtype_hint: Any = None, name: str | None = None) -> Any:
    """A tensor of a value; strings, which no device holds, as an array of NumPy."""
    if dtype == "string" or (isinstance(value, (str, bytes, list, tuple)) and np.asarray(value).dtype.kind in "US"):
        return np.asarray(value)
    return importlib.import_module("plait").convert_to_tensor(value, dtype=dtype)


def function(func: Any = None, **options: Any) -> Any:
    """`@tf.function`: nothing to do, as models compile themselves."""
    return func if func is not None else lambda inner: inner


_BASICS = {
    "constant": constant,
    "convert_to_tensor": convert_to_tensor,
    "identity": identity,
    "function": function,
    "newaxis": None,
    "GradientTape": GradientTape,
}


def make(name: str) -> ModuleType:
    """The module that stands in for `tensorflow`."""
    module = _Basics(name)
    module.__path__ = []  # type: ignore[attr-defined]
    return module
