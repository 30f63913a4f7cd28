"""Makes `import keras` mean plait, for Keras's own tests: `install()`.

A finder answers every import below `keras`. The test files and `keras.src.testing` are executed from the installed Keras
as they are; every other module is a stand-in, whose names are looked up in plait when asked for: in the public namespace
of the same family first (`layers`, `ops`, ...), then anywhere in plait. What plait has nothing for becomes a `Missing`:
a class that skips the test that calls it, and says which name it was.

Nothing of Keras itself is ever imported.
"""

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import pkgutil
import re
import sys
import types
import unittest
from pathlib import Path
from typing import Any

NOT_APPLICABLE = "not applicable: "
ABSENT = (
    "tensorflow",
    "torch",
    "grain",
    "sklearn",
    "torchvision",
    "tensorflow_datasets",
    "openvino",
    "onnx",
    "onnxruntime",
)

# A family of Keras's modules (the longest that fits counts), and where in plait its names are looked up first.
FAMILIES = {
    "": "plait plait.utils plait.ops",
    "activations": "plait.activations",
    "backend": "plait.backend plait plait.ops plait.random plait.common.dtypes plait.config plait.core.variable plait.core.tensor",
    "backend.common.dtypes": "plait.common.dtypes plait.backend",
    "backend.common.global_state": "plait.utils plait.common.scope",
    "backend.common.masking": "plait.core.mask",
    "backend.distribution_lib": "plait.distribution",
    "backend.jax.distribution_lib": "plait.distribution",
    "backend.random": "plait.random",
    "callbacks": "plait.callbacks",
    "config": "plait.config",
    "constraints": "plait.constraints",
    "distillation": "plait.distillation",
    "distribution": "plait.distribution",
    "dtype_policies": "plait.dtype_policies plait.common.policies plait.common.dtypes plait.config",
    "initializers": "plait.initializers",
    "layers": "plait.layers",
    "layers.preprocessing.image_preprocessing.bounding_boxes": "plait.utils.bounding_boxes plait.layers",
    "losses": "plait.losses",
    "metrics": "plait.metrics",
    "models": "plait.models plait plait.layers",
    "ops": "plait.ops",
    "optimizers": "plait.optimizers",
    "optimizers.schedules": "plait.optimizers.schedules",
    "quantizers": "plait.quantizers",
    "random": "plait.random",
    "regularizers": "plait.regularizers",
    "saving": "plait.saving plait.common.registry plait.common.serialization",
    "trainers": "plait.training plait.training.data plait.utils",
    "tree": "plait.tree",
    "utils": "plait.utils plait.backend plait.config plait.models",
    "utils.rng_utils": "plait.utils",
}

# Names of Keras's internals, and what they are called in plait.
ALIASES = {
    "backend.is_tensor": "plait.ops:is_tensor",
    "backend.get_keras_mask": "plait.core.mask:get_mask",
    "backend.set_keras_mask": "plait.core.mask:set_mask",
    "backend.jax.trainer.JAXTrainer": "tools.keras_trainer:JAXTrainer",
    "backend.common.variables.standardize_dtype": "plait.backend:standardize_dtype",
    "backend.common.masking.get_keras_mask": "plait.core.mask:get_mask",
    "backend.common.masking.set_keras_mask": "plait.core.mask:set_mask",
    "backend.common.keras_tensor.any_symbolic_tensors": "tools.keras_mapping:any_symbolic_tensors",
    "backend.core": "keras.src.backend.jax:core",
    "ops.operation.Operation": "plait:Operation",
    "models.Functional": "plait:Model",
    "models.functional.Functional": "plait:Model",
    "saving.object_registration.GLOBAL_CUSTOM_NAMES": "plait.common.registry:_custom_names",
    "saving.object_registration.GLOBAL_CUSTOM_OBJECTS": "plait.common.registry:_custom",
    "saving.saving_lib.save_weights_only": "plait.saving:save_weights",
    "saving.saving_lib.load_weights_only": "plait.saving:load_weights",
    "utils.file_utils.join": "posixpath:join",
    "utils.removesuffix": "builtins:str.removesuffix",
    "utils.python_utils.removesuffix": "builtins:str.removesuffix",
    "backend.compute_output_spec": "tools.keras_mapping:compute_output_spec",
    "layers.layer.Layer": "plait:Layer",
    "layers.core.input_layer.Input": "plait:Input",
}
NOT_LOOKED_UP = ("__", "pytest", "_pytest", "setUp", "tearDown", "setup", "teardown")  # asked for by Python and pytest
BOTH = {"name_scope", "device", "remat"}  # names of a function and of a module of Keras

_loading: list[str] = []
replaced: list[str] = []  # Keras's internals that the running test has put something else in the place of


def install(keras_root: Path) -> None:
    """From here on `import keras` gives plait, and the tests of the Keras that is installed at `keras_root`."""
    for name in [name for name in sys.modules if name.split(".")[0] == "keras"]:
        del sys.modules[name]
    sys.meta_path.insert(0, PlaitFinder(keras_root))
    provide_absent()


def provide_absent() -> None:
    """Stands in for the packages that are not installed, so that a test file which imports one can be read."""
    for name in ABSENT:
        if importlib.util.find_spec(name) is None:
            sys.meta_path.insert(0, AbsentFinder(name))


# ---------------------------------------------------------------------------- what is missing


class MissingType(type):
    """The type of `Missing`: using such a class while a test runs skips the test."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if _loading:
            return missing(cls.__qualname__ + "()", cls.reason)  # type: ignore[attr-defined]
        raise unittest.SkipTest(NOT_APPLICABLE + cls.reason)  # type: ignore[attr-defined]

    def __getattr__(cls, name: str) -> Any:
        if name == "reason" or name.startswith(NOT_LOOKED_UP):
            raise AttributeError(name)
        if _loading:
            return missing(f"{cls.__qualname__}.{name}", cls.reason)  # type: ignore[attr-defined]
        raise unittest.SkipTest(NOT_APPLICABLE + cls.reason)  # type: ignore[attr-defined]

    def __setitem__(cls, key: Any, value: Any) -> None:
        raise unittest.SkipTest(NOT_APPLICABLE + cls.reason)  # type: ignore[attr-defined]


def missing(name: str, reason: str) -> type:
    """A class that stands for what isn't there."""
    return MissingType(name, (), {"reason": reason})


class AbsentFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds a package that is not installed, while a test file is loaded; at other times it isn't there."""

    def __init__(self, name: str):
        self.name = name

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> Any:
        if fullname.split(".")[0] != self.name:
            return None
        if not _loading:
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: Any) -> types.ModuleType:
        return AbsentModule(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        module.__path__ = []


class AbsentModule(types.ModuleType):
    """A module of a package that is not installed."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith(NOT_LOOKED_UP):
            raise AttributeError(name)
        return missing(name, f"needs {self.__name__.split('.')[0]}")


# ---------------------------------------------------------------------------- Keras's modules


class PlaitFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds every module of Keras: tests in its own files, all others as stand-ins for plait."""

    def __init__(self, keras_root: Path):
        self.root = keras_root

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> Any:
        if fullname.split(".")[0] != "keras":
            return None
        file = self.root.joinpath(*fullname.split(".")[1:])
        if fullname.endswith("_test") or fullname.startswith("keras.src.testing"):
            source = file / "__init__.py" if file.is_dir() else file.with_suffix(".py")
            if not source.exists():
                return None
            loader = TestLoader(fullname, str(source))
            return importlib.util.spec_from_file_location(fullname, source, loader=loader)
        is_package = file.is_dir()
        if not is_package and not file.with_suffix(".py").exists():
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=is_package)

    def create_module(self, spec: Any) -> types.ModuleType:
        return StandIn(spec.name, self.root)

    def exec_module(self, module: types.ModuleType) -> None:
        pass


class TestLoader(importlib.machinery.SourceFileLoader):
    """Executes a file of Keras's tests; no byte code of it is written."""

    def exec_module(self, module: types.ModuleType) -> None:
        _loading.append(module.__name__)
        try:
            super().exec_module(module)
        finally:
            _loading.pop()
            if not _loading:
                for name in [name for name in sys.modules if name.split(".")[0] in ABSENT]:
                    if isinstance(sys.modules[name], AbsentModule):
                        del sys.modules[name]

    def _cache_bytecode(self, *args: Any) -> None:
        pass


class StandIn(types.ModuleType):
    """A module of Keras whose names are plait's."""

    def __init__(self, name: str, root: Path):
        super().__init__(name)
        self.__dict__["_root"] = root
        file = root.joinpath(*name.split(".")[1:])
        self.__file__ = str(file / "__init__.py" if file.is_dir() else file.with_suffix(".py"))

    def __getattr__(self, name: str) -> Any:
        if name.startswith(NOT_LOOKED_UP):
            raise AttributeError(name)
        file = self._root.joinpath(*self.__name__.split(".")[1:], name)
        if name not in BOTH and (file.is_dir() or file.with_suffix(".py").exists()):
            return importlib.import_module(f"{self.__name__}.{name}")
        value = look_up(self.__name__, name)
        if value is NOTHING:
            kind = "public name" if is_public(name, self._root) else "internals of Keras"
            return missing(name, f"{kind}: {self.__name__}.{name}")
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        """Notes what a test replaces that plait doesn't have: if the test fails, it says nothing about plait."""
        if not _loading and not name.startswith("__") and isinstance(getattr(self, name), MissingType):
            replaced.append(f"{self.__name__}.{name}")
        super().__setattr__(name, value)


NOTHING = object()


def values() -> dict[str, Any]:
    """Tables and flags of Keras's engines that its tests read."""
    from plait.common import dtypes

    plain_floats = tuple(name for name in dtypes.FLOATS if "8" not in name)
    return {
        "SUPPORTS_SPARSE_TENSORS": False,
        "SUPPORTS_RAGGED_TENSORS": False,
        "SUPPORTS_COMPLEX_DTYPES": True,
        "IS_THREAD_SAFE": True,
        "_METADATA_FILENAME": "metadata.json",
        "_CONFIG_FILENAME": "config.json",
        "_VARS_FNAME": "model.weights",
        "ALLOWED_DTYPES": tuple(name for name in dtypes.NAMES if name != "complex128"),
        "FLOAT_TYPES": plain_floats,
        "INT_TYPES": dtypes.INTEGERS,
        "BOOL_TYPES": ("bool",),
        "COMPLEX_TYPES": dtypes.COMPLEXES,
        "FLOAT8_TYPES": tuple(name for name in dtypes.FLOATS if "8" in name),
        "any_symbolic_tensors": any_symbolic_tensors,
    }


def any_symbolic_tensors(args: Any = None, kwargs: Any = None) -> bool:
    """Whether a symbolic tensor is among arguments."""
    from plait.core.tensor import any_symbolic

    return any_symbolic([args, kwargs])


def compute_output_spec(function: Any, *args: Any, **kwargs: Any) -> Any:
    """What a function gives for symbolic tensors."""
    from plait.core.infer import infer

    return infer(function, args, kwargs)


_public_names: set[str] = set()


def is_public(name: str, root: Path) -> bool:
    """Whether some public module of Keras has the name."""
    if not _public_names:
        for file in root.rglob("__init__.py"):
            if "src" not in file.parts and "_tf_keras" not in file.parts:
                _public_names.update(re.findall(r"import (\w+)", file.read_text()))
                _public_names.update(re.findall(r"as (\w+)", file.read_text()))
    return name in _public_names


def look_up(module: str, name: str) -> Any:
    """What plait has for a name of one of Keras's modules, or NOTHING."""
    path = re.sub(r"^keras(\.src)?\.?", "", module)
    alias = ALIASES.get(f"{path}.{name}")
    if alias:
        home, _, attribute = alias.partition(":")
        value: Any = importlib.import_module(home)
        for part in attribute.split("."):
            value = getattr(value, part, NOTHING)
        return value
    for home in homes(path):
        value = getattr(importlib.import_module(home), name, NOTHING)
        if value is not NOTHING and getattr(value, "__module__", None) != "typing":
            return value
    if name in values():
        return values()[name]
    if name in operations():
        return operations()[name]
    return everything().get(name, NOTHING)


def homes(path: str) -> list[str]:
    """The modules of plait to look into, the nearest first."""
    parts = path.split(".") if path else []
    fitting = [".".join(parts[:count]) for count in range(len(parts), 0, -1)] + [""]
    return [home for family in fitting for home in FAMILIES.get(family, "").split()]


def operations() -> dict[str, Any]:
    """Plait's classes of operations, by the names that Keras has for them."""
    if not _operations:
        for home in ("plait.ops", "plait.ops.image", "plait.random"):
            for value in vars(importlib.import_module(home)).values():
                operation = getattr(value, "operation", None)
                if operation is not None:
                    _operations[operation.__name__] = operation
    return _operations


def everything() -> dict[str, Any]:
    """Every name of every module of plait; what a module makes itself counts before what it imports."""
    if not _everything:
        import plait

        for info in pkgutil.walk_packages(plait.__path__, "plait."):
            if info.name.endswith("__main__"):
                continue
            module = importlib.import_module(info.name)
            for name, value in vars(module).items():
                if name.startswith("__") or isinstance(value, types.ModuleType):
                    continue
                home = getattr(value, "__module__", None)
                if isinstance(home, str) and home.startswith("plait"):
                    if home == module.__name__ or name not in _everything:
                        _everything[name] = value
    return _everything


_operations: dict[str, Any] = {}
_everything: dict[str, Any] = {}
