"""TensorFlow itself behind the stand-in, where it is installed: which function goes to which of the two.

A function that both have goes by its operands: TensorFlow's tensors and data sets to TensorFlow, plait's arrays, variables, symbolic
tensors and tracers to plait. Without either it is plait's, but TensorFlow's in the rooms that read and prepare data (`ROOMS`),
inside a function that TensorFlow traces, as `Dataset.map` does, or where 64 bits are asked for once it is loaded. TensorFlow is
loaded when something first goes to it, and kept off the GPU. Where it isn't installed, nothing here costs anything.

Verbs: `chosen` makes the function that chooses; `real_tensorflow` loads TensorFlow.

Life: what was loaded stays loaded; the methods lent to its classes are taken back with the hook.
"""

import functools
import importlib
import os
import threading
from collections.abc import Callable, Iterable
from importlib.machinery import PathFinder
from typing import Any

import jax
import numpy as np

from plait.common.tree import flatten, map_structure, pack_as
from plait.compat.hook import real
from plait.compat.tensorflow_data import TensorSpec
from plait.compat.tensorflow_ragged import RaggedTensor, SparseTensor
from plait.compat.tensors import DType, HostTensor, TensorShape, is_lent, lend, on_host
from plait.core import op
from plait.core.tensor import KerasTensor
from plait.core.variable import Variable
from plait.errors import ShapeError
from plait.layers import Layer
from plait.models import Sequential
from plait.utils.dataset import Dataset as PlaitDataset

ROOMS = ("audio", "data", "data.experimental", "image", "io", "lookup", "strings", "train")
# Functions that don't compute are plait's whatever they are given.
_OURS = (
    "as_dtype as_bytes as_str as_str_any as_text control_dependencies device executing_eagerly function get_logger "
    "grad_pass_through group init_scope inside_function is_tensor make_ndarray name_scope no_gradient recompute_grad set_seed"
).split()
_OPERATORS = "add sub mul truediv floordiv mod pow matmul lt le gt ge eq ne and or xor".split()
_MEETING = ("zip", "sample_from_datasets", "choose_from_datasets")  # of data sets, which may be of both kinds
_OF_PLAIT = (jax.Array, KerasTensor, Variable, RaggedTensor, SparseTensor, PlaitDataset)
_one_at_a_time = threading.Lock()  # TensorFlow's threads ask layers, which have state
_seeds: list[int] = []  # what the program seeded TensorFlow with before it was loaded


@functools.cache
def real_tensorflow() -> Any:
    """TensorFlow itself, kept off the GPU; None where it isn't installed. The first call loads it."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        module: Any = real("tensorflow")
    except ImportError:
        return None
    module.config.set_visible_devices([], "GPU")
    if hasattr(module, "Tensor"):
        _make_known(module)
        lend_to(module)
    return module


def loaded() -> Any:
    """TensorFlow itself if something went to it before."""
    return real_tensorflow() if real_tensorflow.cache_info().currsize else None


def is_installed() -> bool:
    """Whether TensorFlow is loaded, or could be."""
    return loaded() is not None or PathFinder.find_spec("tensorflow") is not None


def behind(path: str) -> Any:
    """What TensorFlow itself has under a path; None where it isn't installed, or has nothing there."""
    value: Any = real_tensorflow()
    for part in path.split("."):
        value = getattr(value, part, None)
    return value


def seed_real(seed: int) -> None:
    """Seeds TensorFlow too, now or when it is loaded."""
    _seeds[:] = [seed]
    if loaded() is not None:
        loaded().random.set_seed(seed)


def _make_known(module: Any) -> None:
    """Has TensorFlow take plait's values as constants, and AutoGraph leave plait's functions as they are."""
    for cls in (type(jax.numpy.zeros(())), Variable):
        module.register_tensor_conversion_function(cls, functools.partial(_as_constant, module))
    try:
        config: Any = real("tensorflow.python.autograph.core.config")
        config.CONVERSION_RULES = (config.DoNotConvert("plait"), config.DoNotConvert("jax"), *config.CONVERSION_RULES)
    except (ImportError, AttributeError):
        pass  # in a version without these, AutoGraph reads plait's functions as it reads a program's
    for seed in _seeds:
        module.random.set_seed(seed)


def _as_constant(module: Any, value: Any, dtype: Any = None, name: str | None = None, as_ref: bool = False) -> Any:
    return module.constant(np.asarray(value), dtype, name=name)


# ---------------------------------------------------------------------------- the choice


def chosen(value: Any, path: str) -> Any:
    """A name of the stand-in as it is where TensorFlow is installed: a function that chooses, and in the rooms what TensorFlow has.

    Args:
        value: what the stand-in has.
        path: its path below `tensorflow`.
    """
    room, _, name = path.rpartition(".")
    if value is None or isinstance(value, (str, int)) or name in _OURS:
        return value
    if hasattr(value, "is_refused"):
        return (room == "lookup" and behind(path)) or value
    if path == "data.Dataset":
        return AnyDataset
    if isinstance(value, type) or not callable(value):
        return value if room not in ROOMS or (found := behind(path)) is None else found
    return _choosing(value, path, room in ROOMS)


def _choosing(ours: Callable, path: str, is_in_room: bool) -> Callable:
    @functools.wraps(ours)
    def call(*args: Any, **kwargs: Any) -> Any:
        if loaded() is None and not is_in_room:
            return ours(*args, **kwargs)
        operands = _leaves([args, kwargs])
        if _goes_to_tensorflow(operands, is_in_room) and (theirs := behind(path)) is not None:
            return theirs(*map(for_tensorflow, args), **{key: for_tensorflow(value) for key, value in kwargs.items()})
        return ours(*map(for_plait, args), **{key: for_plait(value) for key, value in kwargs.items()})

    return call


def _leaves(value: Any) -> list:
    if isinstance(value, (list, tuple)):
        return [leaf for part in value for leaf in _leaves(part)]
    if isinstance(value, dict):
        return [leaf for part in value.values() for leaf in _leaves(part)]
    return [value]


def _goes_to_tensorflow(operands: list, is_in_room: bool) -> bool:
    module = loaded()
    if module is not None and hasattr(module, "Tensor"):
        if not module.executing_eagerly() and not all(isinstance(x, _OF_PLAIT) for x in operands):
            return True
        if any(
            _is_real(module, x) or _is_wide(x) for x in operands
        ):  # JAX has no 64 bits, TensorFlow's functions ask for them
            return not any(isinstance(x, _OF_PLAIT) for x in operands)
    return is_in_room and not any(isinstance(x, (*_OF_PLAIT, HostTensor)) for x in operands)


def _is_real(module: Any, value: Any) -> bool:
    kinds = (module.Tensor, module.RaggedTensor, module.SparseTensor, module.Variable, module.data.Dataset)
    return isinstance(value, kinds)


def _is_wide(value: Any) -> bool:
    return isinstance(value, DType) and value in ("int64", "uint64", "float64", "complex128")


def is_real_tensor(value: Any) -> bool:
    """Whether a value is a tensor of TensorFlow itself."""
    return hasattr(loaded(), "Tensor") and isinstance(value, loaded().Tensor)


def is_real_composite(value: Any, name: str) -> bool:
    """Whether a value is of a class of TensorFlow itself: a ragged or a sparse tensor."""
    return hasattr(loaded(), name) and isinstance(value, getattr(loaded(), name))


def for_tensorflow(value: Any) -> Any:
    """A value as TensorFlow takes it."""
    if type(value) in (list, tuple):
        return type(value)(for_tensorflow(part) for part in value)
    if type(value) is dict:
        return {key: for_tensorflow(part) for key, part in value.items()}
    if isinstance(value, TensorShape):
        return list(value)
    if isinstance(value, HostTensor):
        return value.view(np.ndarray)
    if isinstance(value, (jax.Array, Variable)):
        return np.asarray(value)
    if isinstance(value, TensorSpec):
        return real_tensorflow().TensorSpec(list(value.shape), str(value.dtype), value.name)
    return value


def for_plait(value: Any) -> Any:
    """A value as plait takes it: TensorFlow's tensors as arrays on the host."""
    if type(value) in (list, tuple):
        return type(value)(for_plait(part) for part in value)
    if type(value) is dict:
        return {key: for_plait(part) for key, part in value.items()}
    if is_real_tensor(value):
        return on_host(np.asarray(value.numpy(), getattr(value.dtype, "as_numpy_dtype", None)))
    module = loaded()
    if hasattr(module, "TensorShape") and isinstance(value, (module.TensorShape, module.DType)):
        return value.name if isinstance(value, module.DType) else TensorShape(value.as_list())
    return value


class _AnyDatasetKind(type):
    def __instancecheck__(cls, value: Any) -> bool:
        return isinstance(value, PlaitDataset) or is_real_dataset(value)

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        theirs = getattr(behind("data.Dataset"), name, None)
        if theirs is None:
            return getattr(PlaitDataset, name)
        return _of_data(theirs, name) if callable(theirs) else theirs


def _of_data(theirs: Callable, name: str) -> Callable:
    @functools.wraps(theirs)
    def call(*args: Any, **kwargs: Any) -> Any:
        if name in _MEETING and any(isinstance(leaf, PlaitDataset) for leaf in _leaves([args, kwargs])):
            return getattr(PlaitDataset, name)(*map_structure(_as_plaits, args), **kwargs)
        return theirs(*map(for_tensorflow, args), **{key: for_tensorflow(value) for key, value in kwargs.items()})

    return call


def _as_plaits(dataset: Any) -> Any:
    """A data set of TensorFlow's as one of plait's, beside others of these."""
    if not is_real_dataset(dataset):
        return dataset
    count = int(dataset.cardinality())
    return PlaitDataset(lambda: dataset.as_numpy_iterator(), count if count >= 0 else None)


class AnyDataset(metaclass=_AnyDatasetKind):
    """`tf.data.Dataset` where TensorFlow is installed: data sets of both kinds are of it, and what it makes is TensorFlow's."""


def is_real_dataset(value: Any) -> bool:
    """Whether a value is a data set of TensorFlow itself."""
    return hasattr(loaded(), "Tensor") and isinstance(value, loaded().data.Dataset)


# ---------------------------------------------------------------------------- tensors beside arrays, layers on tensors


def lend_to(module: Any) -> None:
    """Has TensorFlow's tensors give way to plait's arrays in operators, and plait's layers take tensors, until the hook is taken out."""
    if is_lent(Layer, "__call__"):
        return
    for name in _OPERATORS:
        for method in (f"__{name}__", f"__r{name}__"):
            if hasattr(module.Tensor, method):
                lend(module.Tensor, method, _giving_way(getattr(module.Tensor, method)))
    lend(module.Tensor, "__getitem__", _at_known_places(module.Tensor.__getitem__))
    lend(module.Tensor, "__jax_array__", lambda tensor: jax.numpy.asarray(tensor.numpy()))
    lend(module, "keras", importlib.import_module("tensorflow.keras"))
    lend(op, "asked_elsewhere", functools.partial(_op_asked, module))
    for cls in (Layer, Sequential):
        lend(cls, "__call__", _taking_tensors(module, cls.__call__))


def _giving_way(before: Callable) -> Callable:
    @functools.wraps(before)
    def operator(tensor: Any, other: Any) -> Any:
        return NotImplemented if isinstance(other, _OF_PLAIT) else before(tensor, other)

    return operator


def _at_known_places(before: Callable) -> Callable:
    @functools.wraps(before)
    def item(tensor: Any, key: Any, *more: Any) -> Any:
        return before(tensor, for_tensorflow(key), *more)

    return item


def _taking_tensors(module: Any, before: Callable) -> Callable:
    @functools.wraps(before)
    def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
        if not any(isinstance(leaf, module.Tensor) for leaf in _leaves([args, kwargs])):
            return before(layer, *args, **kwargs)
        if module.executing_eagerly():
            return before(layer, *for_plait(args), **for_plait(kwargs))
        return _asked_on_the_host(module, functools.partial(before, layer), args, kwargs)

    return call


def _op_asked(module: Any, error: NotImplementedError, call: Callable, args: tuple, kwargs: dict) -> Any:
    if module.executing_eagerly() or not any(isinstance(leaf, module.Tensor) for leaf in _leaves([args, kwargs])):
        raise error
    return _asked_on_the_host(module, call, args, kwargs)


def _asked_on_the_host(module: Any, call: Callable, args: tuple, kwargs: dict) -> Any:
    """A layer or an op inside a function that TensorFlow traces: each time that runs, it is asked on the host."""
    given = [list(args), kwargs]
    leaves = flatten(given)
    tensors = [leaf for leaf in leaves if isinstance(leaf, module.Tensor)]

    def called(values: Iterable) -> Any:
        following = iter(values)
        filled = [next(following) if isinstance(leaf, module.Tensor) else leaf for leaf in leaves]
        by_place, by_name = pack_as(given, filled)
        return call(*by_place, **by_name)

    spec = called([_symbolic(tensor) for tensor in tensors])
    dtypes = [str(leaf.dtype) for leaf in flatten(spec)]

    def ask(*values: Any) -> list:
        with _one_at_a_time:
            found = flatten(called([on_host(value) for value in values]))
        return [
            np.asarray(leaf) if dtype == "string" else np.asarray(leaf, module.as_dtype(dtype).as_numpy_dtype)
            for leaf, dtype in zip(found, dtypes, strict=True)
        ]

    outputs = module.numpy_function(ask, tensors, [module.as_dtype(dtype) for dtype in dtypes])
    for output, leaf in zip(outputs, flatten(spec), strict=True):
        output.set_shape(list(leaf.shape))
    return pack_as(spec, list(outputs))


def _symbolic(tensor: Any) -> KerasTensor:
    if tensor.shape.rank is None:
        raise ShapeError(
            "A layer in a function of tf.data: expected a tensor whose number of axes is known, but got one of unknown shape. "
            "Call tensor.set_shape first, as after tf.io.decode_image or tf.py_function."
        )
    return KerasTensor(tuple(tensor.shape.as_list()), tensor.dtype.name)
