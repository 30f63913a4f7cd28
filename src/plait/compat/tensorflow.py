"""What stands in for `tensorflow`: its Keras, and those of its names that programs for Keras use; see `docs/compat.md`.

A module of TensorFlow's is a table of names here (`PARTS`), written in the files beside this one, one file a room. Most names are
functions of `plait.ops` under other names of arguments; text, files, pictures and data sets are NumPy, Pillow and the standard
library.
"""

import functools
import importlib
import logging
import unittest
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from plait import random
from plait.common.messages import did_you_mean
from plait.compat import tensorflow_places as places
from plait.compat.outside import note
from plait.compat.tensorflow_behind import (
    behind,
    chosen,
    is_installed,
    is_real_tensor,
    lend_to,
    loaded,
    seed_real,
)
from plait.compat.tensorflow_data import DATA, EXPERIMENTAL_DATA, TensorSpec
from plait.compat.tensorflow_image import IMAGE
from plait.compat.tensorflow_io import GFILE, IO, TRAIN
from plait.compat.tensorflow_math import (
    LINALG,
    MATH,
    RANDOM,
    clip_by_global_norm,
    clip_by_norm,
    clip_by_value,
    complex_of,
    einsum,
    global_norm,
    matmul,
    norm,
    tensordot,
)
from plait.compat.tensorflow_nn import NN
from plait.compat.tensorflow_ragged import RAGGED, SETS, SPARSE, RaggedTensor, SparseTensor
from plait.compat.tensorflow_shapes import SHAPES
from plait.compat.tensorflow_signal import AUDIO, SIGNAL
from plait.compat.tensorflow_strings import STRINGS, edit_distance
from plait.compat.tensorflow_tape import GradientTape, Recorded
from plait.compat.tensorflow_variable import Variable
from plait.compat.tensors import DType, HostTensor, TensorShape, lend_shapes, lend_to_numpy
from plait.core.variable import Variable as PlaitVariable

VERSION = "2.20.0"
_DTYPES = (
    "bfloat16 float16 float32 float64 half double int8 int16 int32 int64 uint8 uint16 uint32 uint64 complex64 complex128 bool "
    "string"
).split()
DTYPES = {name: DType(name) for name in _DTYPES}


class _TensorKind(type):
    def __instancecheck__(cls, value: Any) -> bool:
        return isinstance(value, (jax.Array, HostTensor)) or is_real_tensor(value)


class Tensor(metaclass=_TensorKind):
    """What `isinstance` and annotations take for a tensor: arrays of JAX's, and host tensors."""


def is_tensor(x: Any) -> bool:
    """Whether a value is a tensor, or a variable."""
    return isinstance(x, (jax.Array, HostTensor, PlaitVariable, RaggedTensor, SparseTensor)) or is_real_tensor(x)


def function(func: Any = None, **options: Any) -> Any:
    """`@tf.function`: runs as it is; models and steps of `fit` compile themselves."""
    if func is None:
        return lambda inner: function(inner)

    @functools.wraps(func)
    def call(*args: Any, **kwargs: Any) -> Any:
        return func(*args, **kwargs)

    call.python_function = func  # type: ignore[attr-defined]
    call.get_concrete_function = places.refused(  # type: ignore[attr-defined]
        "tf.function.get_concrete_function", "Use model.export, or jax.export."
    )
    return call


class UnconnectedGradients:
    """What `GradientTape.gradient` says where nothing leads from a source to the target."""

    NONE = "none"
    ZERO = "zero"


class TestCase(unittest.TestCase):
    """A case of tests with comparisons of tensors."""

    def assertAllClose(self, a: Any, b: Any, rtol: float = 1e-6, atol: float = 1e-6, msg: str | None = None) -> None:
        """Refuses tensors that differ by more than a little."""
        jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol, atol, err_msg=msg or ""), a, b)

    def assertAllEqual(self, a: Any, b: Any, msg: str | None = None) -> None:
        """Refuses tensors that differ."""
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b), err_msg=msg or "")


def _initializers() -> dict[str, Any]:
    initializers = importlib.import_module("plait.initializers")
    names = {
        "constant_initializer": "Constant",
        "ones_initializer": "Ones",
        "random_normal_initializer": "RandomNormal",
        "random_uniform_initializer": "RandomUniform",
        "zeros_initializer": "Zeros",
    }
    return {name: getattr(initializers, ours) for name, ours in names.items()}


def _set_seed(seed: int) -> None:
    """Seeds all that draws."""
    random.set_random_seed(int(seed))
    seed_real(int(seed))


_TOP_MATH = (
    "abs acos acosh add add_n argmax argmin asin asinh atan atan2 atanh cos cosh cumsum divide equal exp floor greater "
    "greater_equal less less_equal logical_and logical_not logical_or maximum minimum multiply negative not_equal pow reduce_all "
    "reduce_any reduce_logsumexp reduce_max reduce_mean reduce_min reduce_prod reduce_sum round scalar_mul sigmoid sign sin sinh "
    "sqrt square stop_gradient subtract tan tanh truediv"
).split()
_V1 = {
    "boolean_mask": SHAPES["boolean_mask"],
    "disable_eager_execution": places.refused(
        "tf.compat.v1.disable_eager_execution", "Sessions and graphs of TensorFlow 1 aren't here."
    ),
    "disable_v2_behavior": places.refused(
        "tf.compat.v1.disable_v2_behavior", "Sessions and graphs of TensorFlow 1 aren't here."
    ),
    "enable_eager_execution": lambda *_, **options: None,
    "gather_nd": SHAPES["gather_nd"],
    "Session": places.refused("tf.compat.v1.Session", "Call functions and models on arrays."),
    "placeholder": places.refused("tf.compat.v1.placeholder", "Use keras.Input."),
    "scan": SHAPES["scan"],
    "set_random_seed": _set_seed,
}

TOP: dict[str, Any] = {
    **{name: MATH[name] for name in _TOP_MATH},
    **SHAPES,
    **DTYPES,
    "DType": DType,
    "GradientTape": GradientTape,
    "Graph": places.refused("tf.Graph", "Functions run as Python, or are traced by JAX."),
    "IndexedSlices": places.IndexedSlices,
    "Module": places.Module,
    "Operation": type("Operation", (), {"__doc__": "Operations of graphs; there are none here."}),
    "RaggedTensor": RaggedTensor,
    "RaggedTensorSpec": TensorSpec,
    "SparseTensor": SparseTensor,
    "SparseTensorSpec": TensorSpec,
    "Tensor": Tensor,
    "TensorArray": places.TensorArray,
    "TensorShape": TensorShape,
    "TensorSpec": TensorSpec,
    "TypeSpec": TensorSpec,
    "UnconnectedGradients": UnconnectedGradients,
    "Variable": Variable,
    "__version__": VERSION,
    "as_dtype": lambda type_value: DType(str(getattr(type_value, "name", type_value))),
    "as_string": STRINGS["as_string"],
    "broadcast_static_shape": places.broadcast_static_shape,
    "clip_by_global_norm": clip_by_global_norm,
    "clip_by_norm": clip_by_norm,
    "clip_by_value": clip_by_value,
    "complex": complex_of,
    "control_dependencies": places.block,
    "device": places.block,
    "edit_distance": edit_distance,
    "einsum": einsum,
    "executing_eagerly": lambda: True,
    "function": function,
    "get_logger": lambda: logging.getLogger("tensorflow"),
    "get_static_value": places.get_static_value,
    "global_norm": global_norm,
    "grad_pass_through": lambda f: f,
    "group": lambda *inputs, **options: None,
    "init_scope": places.block,
    "inside_function": lambda: False,
    "is_symbolic_tensor": lambda tensor: False,
    "is_tensor": is_tensor,
    "make_ndarray": np.asarray,
    "make_tensor_proto": lambda values, dtype=None, shape=None: np.asarray(
        values, None if dtype is None else str(dtype)
    ),
    "matmul": matmul,
    "name_scope": places.block,
    "newaxis": None,
    "no_gradient": lambda op_type: None,
    "no_op": lambda name=None: None,
    "norm": norm,
    "print": places.say,
    "recompute_grad": jax.checkpoint,
    "tensordot": tensordot,
    "variable_creator_scope": places.block,
}
PARTS: dict[str, dict[str, Any]] = {
    "audio": AUDIO,
    "autograph": places.AUTOGRAPH,
    "autograph.experimental": {"do_not_convert": lambda func=None: func if func is not None else lambda inner: inner},
    "compat": places.COMPAT,
    "compat.v1": {**TOP, **_V1},
    "compat.v1.logging": places.LOGGING,
    "compat.v1.nn": NN,
    "compat.v1.train": TRAIN,
    "compat.v2": TOP,
    "compiler": {},
    "config": places.CONFIG,
    "config.experimental": places.EXPERIMENTAL_CONFIG,
    "config.optimizer": places.OPTIMIZER_CONFIG,
    "config.threading": places.THREADING,
    "data": DATA,
    "data.experimental": EXPERIMENTAL_DATA,
    "debugging": places.DEBUGGING,
    "distribute": places.DISTRIBUTE,
    "distribute.cluster_resolver": places.RESOLVER,
    "distribute.experimental": places.EXPERIMENTAL_DISTRIBUTE,
    "dtypes": {**DTYPES, "as_dtype": TOP["as_dtype"], "cast": SHAPES["cast"], "complex": complex_of, "DType": DType},
    "errors": places.ERRORS,
    "experimental": {},
    "experimental.numpy": {"experimental_enable_numpy_behavior": lambda *_, **options: None},
    "image": IMAGE,
    "io": IO,
    "io.gfile": GFILE,
    "linalg": LINALG,
    "lite": places.LITE,
    "logging": places.LOGGING,
    "lookup": places.LOOKUP,
    "math": MATH,
    "nest": places.NEST,
    "nn": NN,
    "python": {},
    "python.ops": {},
    "python.ops.numpy_ops": {},
    "python.ops.numpy_ops.np_config": {"enable_numpy_behavior": lambda *_, **options: None},
    "ragged": RAGGED,
    "random": {**RANDOM, "set_seed": _set_seed},
    "random.experimental": {"Generator": RANDOM["Generator"], "index_shuffle": RANDOM["shuffle"]},
    "saved_model": places.SAVED_MODEL,
    "sets": SETS,
    "signal": SIGNAL,
    "sparse": SPARSE,
    "strings": STRINGS,
    "summary": places.SUMMARY,
    "sysconfig": {"get_build_info": dict},
    "test": {
        "TestCase": TestCase,
        "is_gpu_available": lambda: bool(places.CONFIG["list_physical_devices"]("GPU")),
        "main": unittest.main,
    },
    "train": {
        **TRAIN,
        **places._table(
            "tf.train", "Checkpoint CheckpointManager", "Use model.save_weights, or plait.callbacks.OrbaxCheckpoint."
        ),
        "latest_checkpoint": places.refused("tf.train.latest_checkpoint", "Use model.load_weights."),
    },
    "types": {},
    "types.experimental": {"TensorLike": Any},
    "version": {"VERSION": VERSION, "GIT_VERSION": "plait"},
    "xla": {},
    "xla.experimental": {},
    **places.OTHERS,
}
_OF_KERAS = ("keras", "losses", "metrics", "optimizers", "initializers")  # modules that are those of tf.keras


class StandIn(ModuleType):
    """A module of TensorFlow's, whose names are looked up in a table when they are asked for."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__version__":
            raise AttributeError(name)
        value = _named(self.__name__.partition(".")[2], name)
        setattr(self, name, value)
        return value

    def __dir__(self) -> list[str]:
        path = self.__name__.partition(".")[2]
        return sorted({*(PARTS[path] if path else TOP), *_inner(path)})


def _inner(path: str) -> list[str]:
    """The modules right inside a module."""
    stem = f"{path}." if path else ""
    found = [part[len(stem) :] for part in PARTS if part.startswith(stem) and "." not in part[len(stem) :]]
    return [*found, *(_OF_KERAS if not path else ())]


def _named(path: str, name: str) -> Any:
    table = PARTS[path] if path else TOP
    if name in table:
        return chosen(table[name], f"{path}.{name}".strip(".")) if is_installed() else table[name]
    inner = f"{path}.{name}" if path else name
    if inner in PARTS:
        return importlib.import_module(f"tensorflow.{inner}")
    if path in ("", "compat.v1", "compat.v2") and name in _OF_KERAS:
        return importlib.import_module("tensorflow.keras" if name == "keras" else f"tensorflow.keras.{name}")
    if path == "experimental.numpy" and hasattr(jnp, name):
        return getattr(jnp, name)
    if not path and name in _initializers():
        return _initializers()[name]
    if (theirs := behind(inner)) is not None:
        return theirs
    note(f"tensorflow.{inner}")
    hint = did_you_mean(name, [*table, *_inner(path)])
    raise AttributeError(
        f"plait stands in for tensorflow.keras and what programs for Keras use of TensorFlow, and has no tensorflow.{inner}."
        f"{hint} plait.ops and jax.numpy have most of what tensors need."
    )


def make(name: str) -> ModuleType:
    """The module that stands in for `tensorflow`, or for a part of it."""
    module = StandIn(name)
    module.__path__ = []  # type: ignore[attr-defined]
    if name == "tensorflow":
        lend_shapes()
        lend_to_numpy(Recorded)
        if hasattr(loaded(), "Tensor"):
            lend_to(loaded())
    return module
