"""plait: the Functional API for neural networks, woven on JAX.

Everything stands here under the name that Keras users know. A name is loaded when it is first used, so that importing
plait costs no more than importing JAX.
"""

import importlib
from typing import Any

import jax as _jax  # noqa: F401  (so that importing plait is importing JAX)

from plait._version import __version__
from plait.common.host_memory import keep as _keep_freed_memory
from plait.common.program_cache import keep as _keep_compiled_programs
from plait.common.registry import when_unknown as _when_unknown
from plait.core.traces import uncollected as _uncollected

_MODULES = (
    "activations",
    "applications",
    "backend",
    "callbacks",
    "compat",
    "config",
    "constraints",
    "datasets",
    "distillation",
    "distribution",
    "dtype_policies",
    "errors",
    "export",
    "initializers",
    "inspect",
    "layers",
    "losses",
    "metrics",
    "mixed_precision",
    "models",
    "multitask",
    "ops",
    "optimizers",
    "preprocessing",
    "quantizers",
    "random",
    "regularizers",
    "saving",
    "surgery",
    "training",
    "tree",
    "utils",
    "visualization",
    "wrappers",
)
_DTYPES = (
    "bfloat16 float16 float32 float64 int8 int16 int32 int64 uint8 uint16 uint32 uint64 complex64 string"
).split()
_NAMES = {
    "plait.compat": ("load_ipython_extension", "unload_ipython_extension"),
    "plait.common.policies": ("DTypePolicy", "FloatDTypePolicy"),
    "plait.common.scope": ("name_scope",),
    "plait.core.function": ("Function",),
    "plait.core.graph": ("Operation",),
    "plait.core.op": ("op",),
    "plait.core.pure": ("functional",),
    "plait.core.remat": ("RematScope", "remat"),
    "plait.core.stateless": ("StatelessScope",),
    "plait.core.tensor": ("KerasTensor",),
    "plait.core.variable": ("Variable", "convert_to_tensor"),
    "plait.distribution": ("device",),
    "plait.initializers": ("Initializer",),
    "plait.layers": ("Input", "InputSpec", "Layer"),
    "plait.losses": ("Loss",),
    "plait.metrics": ("Metric",),
    "plait.models": ("Model", "Sequential", "clone_model"),
    "plait.ops": ("ones", "zeros"),
    "plait.optimizers": ("Optimizer",),
    "plait.quantizers": ("Quantizer",),
    "plait.regularizers": ("Regularizer",),
    "plait.saving": ("load_model", "save_model"),
    "plait.surgery": ("freeze", "unfreeze"),
    "plait.utils": ("clear_session", "constant", "version"),
}
_HOMES = {name: module for module, names in _NAMES.items() for name in names}

__all__ = [
    "DTypePolicy",
    "FloatDTypePolicy",
    "Function",
    "Initializer",
    "Input",
    "InputSpec",
    "KerasTensor",
    "Layer",
    "Loss",
    "Metric",
    "Model",
    "Operation",
    "Optimizer",
    "Quantizer",
    "Regularizer",
    "RematScope",
    "Sequential",
    "StatelessScope",
    "Variable",
    "__version__",
    "activations",
    "applications",
    "backend",
    "bfloat16",
    "callbacks",
    "clear_session",
    "clone_model",
    "compat",
    "complex64",
    "config",
    "constant",
    "constraints",
    "convert_to_tensor",
    "datasets",
    "device",
    "distillation",
    "distribution",
    "dtype_policies",
    "errors",
    "export",
    "float16",
    "float32",
    "float64",
    "freeze",
    "functional",
    "initializers",
    "inspect",
    "int16",
    "int32",
    "int64",
    "int8",
    "layers",
    "load_ipython_extension",
    "load_model",
    "losses",
    "metrics",
    "mixed_precision",
    "models",
    "name_scope",
    "ones",
    "op",
    "ops",
    "optimizers",
    "preprocessing",
    "quantizers",
    "random",
    "regularizers",
    "remat",
    "save_model",
    "saving",
    "string",
    "surgery",
    "training",
    "tree",
    "uint16",
    "uint32",
    "uint64",
    "uint8",
    "unfreeze",
    "unload_ipython_extension",
    "utils",
    "version",
    "visualization",
    "wrappers",
    "zeros",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        value: Any = _load(f"plait.{name}")
    elif name in _HOMES:
        value = getattr(_load(_HOMES[name]), name)
    elif name in _DTYPES:
        value = name
    else:
        raise AttributeError(f"plait has no {name!r}.")
    globals()[name] = value
    return value


def _load(module: str) -> Any:
    """A module; what importing makes stays, so it isn't searched for garbage meanwhile."""
    with _uncollected():
        return importlib.import_module(module)


def __dir__() -> list[str]:
    return __all__


_keep_compiled_programs()
_keep_freed_memory()


@_when_unknown
def _load_namespaces() -> None:
    """Loads all whose classes a file may name."""
    for name in (
        "models",
        "layers",
        "ops",
        "random",
        "losses",
        "metrics",
        "optimizers",
        "distillation",
        "surgery",
        "applications",
        "utils",
    ):
        importlib.import_module(f"plait.{name}")
