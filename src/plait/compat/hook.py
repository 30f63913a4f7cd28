"""The import hook: `import keras` is plait under Keras's names.

A finder in front of `sys.meta_path` answers for `keras`, `tf_keras` and `tensorflow` (which `tensorflow.py` beside this file stands
in for). What it gives are `Mirror`s: modules without content, which look
each name up in plait when it is asked for, by the path of the module. So `keras.layers.Dense`, `keras.src.layers.Dense`,
`keras.src.layers.core.dense.Dense` and `tensorflow.keras.layers.Dense` are one class: `plait.layers.Dense`.

A real Keras or TensorFlow stays installed and untouched; `real("keras")` imports it beside the mirrors.
"""

import importlib
import importlib.util
import os
import sys
from collections.abc import Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

from plait.common.messages import did_you_mean
from plait.common.settings import change_settings
from plait.compat import tensors
from plait.compat.outside import note
from plait.core.mask import get_mask, set_mask

ROOTS = ("keras", "tf_keras", "tensorflow")
_SHELLS = ("src", "api", "_tf_keras", "keras", "python", "v2")  # parts of a path that name no namespace


def _stand_in() -> ModuleType:
    """What stands in for TensorFlow; it is loaded when a program asks for that."""
    return importlib.import_module("plait.compat.tensorflow")


def _behind() -> Any:
    """What knows whether TensorFlow itself is there; it is loaded when a program asks for a module that isn't here."""
    return importlib.import_module("plait.compat.tensorflow_behind")


def _is_part(fullname: str) -> bool:
    root, _, path = fullname.partition(".")
    return root == "tensorflow" and bool(path) and path in _stand_in().PARTS


# Namespaces in which Keras's own code keeps what its public names are elsewhere.
_NAMESPACES = (
    "layers models ops losses metrics optimizers callbacks backend utils saving random initializers regularizers "
    "constraints activations tree dtype_policies mixed_precision distribution distillation config preprocessing"
).split()
# Files of Keras's own that packages reach into by attribute, without an import.
_FILES = ("tracking", "trainers", "losses", "backend_utils", "saving_lib", "serialization_lib")
# Public modules inside others.
_INNER = (
    "optimizers.schedules",
    "utils.bounding_boxes",
    "utils.legacy",
    "ops.image",
    "ops.linalg",
    "ops.nn",
    "ops.numpy",
    "preprocessing.sequence",
    "preprocessing.image",
)

# Modules of Keras 1 and 2, whose names are looked up in the modules around them.
_OLD_MODULES = frozenset(
    [
        f"layers.{name}"
        for name in "advanced_activations convolutional convolutional_recurrent core cudnn_recurrent embeddings".split()
    ]
    + [
        f"layers.{name}"
        for name in "experimental experimental.preprocessing local merge noise normalization pooling".split()
    ]
    + [f"layers.{name}" for name in "recurrent wrappers".split()]
    + [
        f"utils.{name}"
        for name in "conv_utils data_utils generic_utils io_utils layer_utils np_utils numerical_utils".split()
    ]
    + ["utils.vis_utils", "engine", "engine.base_layer", "engine.topology", "engine.training", "experimental"]
    + [
        "optimizers.legacy",
        "optimizers.experimental",
        "preprocessing.text",
        "wrappers.scikit_learn",
        "callbacks.callbacks",
    ]
)

# The module whose presence has TensorBoard do without TensorFlow, as it does where that isn't installed.
_NO_TENSORFLOW = "tensorboard.compat.notf"

_GROUPS = ("applications", "datasets")  # each data set, and each kind of model, is a module


def spaces_of(module: str) -> list[str]:
    """The modules of plait in which a module of Keras's looks names up, the nearest first.

    >>> spaces_of("keras.src.layers.core.dense")[:1], spaces_of("tensorflow.keras.optimizers.schedules")[:2]
    (['plait.layers'], ['plait.optimizers.schedules', 'plait.optimizers'])
    """
    parts, found = _path_of(module).split("."), []
    for count in range(len(parts), 0, -1):
        path = ".".join(parts[:count])
        if path in _INNER or (count == 1 and _is_public(path)) or (count == 2 and _is_one_of_many(*parts[:2])):
            found.append(f"plait.{path}")
    return found


def _is_public(name: str) -> bool:
    plait = importlib.import_module("plait")
    return name in plait.__all__ and not name.startswith("_") and isinstance(getattr(plait, name), ModuleType)


def _is_one_of_many(group: str, name: str) -> bool:
    """Whether it is a data set or a kind of model, of which each has a module."""
    return group in _GROUPS and importlib.util.find_spec(f"plait.{group}.{name}") is not None


class Mirror(ModuleType):
    """A module of Keras's whose names are plait's."""

    def __getattr__(self, name: str) -> Any:
        if name == "__all__":  # what `from keras import *` asks for
            return [public for public in dir(self) if not public.startswith("_")]
        if name.startswith("__") and name != "__version__":
            raise AttributeError(name)
        value = _find(self.__name__, name)
        setattr(self, name, value)
        return value

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """A function of Keras's own files that was taken for one of them."""
        module, _, name = self.__name__.rpartition(".")
        raise _unknown(module, name, importlib.import_module("plait"))

    def __dir__(self) -> list[str]:
        spaces = spaces_of(self.__name__) or ["plait"]
        return sorted({name for space in spaces for name in getattr(importlib.import_module(space), "__all__", ())})


def _find(module: str, name: str) -> Any:
    if name == "__version__":
        return keras_version()
    if name == "version":
        return keras_version
    if name in _INTERNALS and _is_private(module):
        return _INTERNALS[name]
    plait = importlib.import_module("plait")
    spaces = spaces_of(module)
    if _is_private(module) and spaces and name in _FILES and not hasattr(importlib.import_module(spaces[0]), name):
        return importlib.import_module(f"{module}.{name}")
    if (name in ("src", "api") and module == "keras") or (name in _FILES and module == "keras.src"):
        return importlib.import_module(f"{module}.{name}")
    for space in spaces:
        found = importlib.import_module(space)
        if name in getattr(found, "__all__", ()) and hasattr(found, name):
            value = getattr(found, name)
            is_inner = isinstance(value, ModuleType) and f"{_path_of(module)}.{name}" in _INNER
            return importlib.import_module(f"{module}.{name}") if is_inner else value
    path = _path_of(module)
    if f"{path}.{name}" in _OLD_MODULES or name in _OLD_MODULES:
        return importlib.import_module(f"{module}.{name}")
    old = importlib.import_module("plait.compat.old_names").find(path, name) if path else None
    if old is not None:
        return old
    if not _is_private(module) and spaces:
        raise _unknown(module, name, importlib.import_module(spaces[0]))
    value = getattr(plait, name, None) if name in plait.__all__ else None
    if isinstance(value, ModuleType):
        return importlib.import_module(f"{module}.{name}")
    if value is not None:
        return value
    if _is_private(module):
        for space in _NAMESPACES:
            found = importlib.import_module(f"plait.{space}")
            if name in getattr(found, "__all__", ()):
                return getattr(found, name)
    raise _unknown(module, name, plait)


def _path_of(module: str) -> str:
    """The path of a module of Keras's, without its root and what names no namespace."""
    parts = module.split(".")[1:]
    while parts and parts[0] in _SHELLS:
        parts = parts[1:]
    return ".".join(parts)


def _is_private(module: str) -> bool:
    return ".src" in module or module.startswith("tensorflow.python")


def _unknown(module: str, name: str, near: ModuleType) -> AttributeError:
    note(f"{module}.{name}")
    hint = did_you_mean(name, getattr(near, "__all__", ()))
    return AttributeError(
        f"plait has no {module}.{name}.{hint} See docs/differences.md for what it leaves out, and why."
    )


def keras_version() -> str:
    """The version of Keras that plait's API is that of."""
    return "3.15.1"


def _unchanged(method: Any) -> Any:
    """The method itself: setting an attribute does nothing here that would have to be turned off."""
    return method


class LazyModule:
    """A module that is imported when something of it is asked for.

    Args:
        name: the module's.
        pip_name: what installs it, where that is called otherwise.
        import_error_msg: what to say if it isn't there.
    """

    def __init__(self, name: str, pip_name: str | None = None, import_error_msg: str | None = None):
        self.name, self.pip_name = name, pip_name or name
        self.import_error_msg = import_error_msg or f"This requires the {name} module: pip install {self.pip_name}."

    @property
    def available(self) -> bool:
        """Whether it can be imported."""
        return importlib.util.find_spec(self.name) is not None

    def initialize(self) -> ModuleType:
        """Imports it."""
        try:
            return importlib.import_module(self.name)
        except ImportError as error:
            raise ImportError(self.import_error_msg) from error

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.initialize(), name)


# What packages use of Keras's own files although it isn't public, and what it comes down to here.
_INTERNALS: dict[str, Any] = {
    "no_automatic_dependency_tracking": _unchanged,
    "LazyModule": LazyModule,
    "get_keras_mask": get_mask,
    "set_keras_mask": set_mask,
    "in_grain_data_pipeline": lambda: False,
}


class MirrorFinder(MetaPathFinder, Loader):
    """Answers imports of Keras's modules with mirrors."""

    def find_spec(self, fullname: str, path: Sequence[str] | None = None, target: Any = None) -> ModuleSpec | None:
        """A mirror's spec for what is mirrored; None leaves the import to others."""
        if fullname == _NO_TENSORFLOW:
            return ModuleSpec(fullname, self)
        root = fullname.split(".")[0]
        if root not in ROOTS:
            return None
        if not self.has(fullname):
            return _real_spec(fullname)
        return ModuleSpec(fullname, self, is_package=True)

    def has(self, fullname: str) -> bool:
        """Whether a module of this name is mirrored."""
        parts = fullname.split(".")[1:]
        if _is_part(fullname):
            return True
        if parts and parts[-1] != parts[-1].lower():
            return False  # a class: `from keras.src.layers import Nothing` looks for a module of that name, too
        while parts and parts[0] in _SHELLS:
            parts = parts[1:]
        if fullname.startswith("keras.src.trainers") or ".".join(parts) in _OLD_MODULES:
            return True
        if not parts:
            return fullname.split(".")[0] != "tensorflow" or fullname == "tensorflow" or "keras" in fullname
        if fullname.startswith("tensorflow.") and "keras" not in fullname:
            return False
        return bool(spaces_of(fullname)) and (
            _is_private(fullname) or f"plait.{'.'.join(parts)}" in spaces_of(fullname)
        )

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        if spec.name == _NO_TENSORFLOW:
            return ModuleType(spec.name)
        importlib.import_module("plait.compat.lent").lend_all()
        if spec.name == "tensorflow" or _is_part(spec.name):
            return _stand_in().make(spec.name)
        return Mirror(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Mirrors have nothing to run."""


class _Given(Loader):
    """Loads a module that is there already."""

    def __init__(self, module: ModuleType):
        self._module = module

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return self._module

    def exec_module(self, module: ModuleType) -> None:
        """It has run."""


def _real_spec(fullname: str) -> ModuleSpec | None:
    """Where a module of the real TensorFlow is, which is loaded behind the stand-in: programs and its own functions import such."""
    if not fullname.startswith("tensorflow."):
        return None
    if "tensorflow" not in _hidden and _behind().real_tensorflow() is None:
        return None
    if fullname in _hidden:
        module = _hidden[fullname]
        return ModuleSpec(fullname, _Given(module), is_package=hasattr(module, "__path__"))
    inner = fullname.split(".")[1:-1]
    folders = [os.path.join(folder, *inner) for folder in _hidden["tensorflow"].__path__]
    return PathFinder.find_spec(fullname, folders)


_finder = MirrorFinder()
_hidden: dict[str, ModuleType] = {}


def install() -> None:
    """From now on, `import keras`, `tf_keras` and `tensorflow` give plait.

    Modules of the real ones that were imported before are put aside until `uninstall`.

    >>> import plait
    >>> plait.compat.install()
    >>> from keras.layers import Dense
    >>> Dense is plait.layers.Dense
    True
    >>> plait.compat.uninstall()
    """
    if _finder in sys.meta_path:
        return
    _hidden.update(_take_out())
    sys.meta_path.insert(0, _finder)
    tensors.lend_methods()
    change_settings(trains_as_compiled=True)


def uninstall() -> None:
    """Takes the hook out again; what was imported of the real ones is back."""
    if _finder in sys.meta_path:
        sys.meta_path.remove(_finder)
        tensors.take_back()
        change_settings(trains_as_compiled=False)
        _take_out()
        sys.modules.update(_hidden)
        _hidden.clear()


def _take_out() -> dict[str, ModuleType]:
    names = [name for name in sys.modules if name.split(".")[0] in ROOTS or name == _NO_TENSORFLOW]
    return {name: sys.modules.pop(name) for name in names}


def real(name: str) -> ModuleType:
    """The real Keras or TensorFlow, where it is installed, though the hook answers for its name.

    Raises:
        ModuleNotFoundError: it isn't installed.
    """
    if name.split(".")[0] not in ROOTS:
        return importlib.import_module(name)
    with _without_hook():
        return importlib.import_module(name)


@contextmanager
def _without_hook() -> Any:
    active = _finder in sys.meta_path
    if not active:
        yield
        return
    sys.meta_path.remove(_finder)
    mirrors = _take_out()
    sys.modules.update(_hidden)
    try:
        yield
    finally:
        _hidden.update(_take_out())
        # TensorFlow's own files stay: it looks up the modules of its classes, and nothing stands in for those.
        inner = {name: module for name, module in _hidden.items() if name.startswith("tensorflow.")}
        sys.modules.update({name: module for name, module in inner.items() if not _finder.has(name)})
        sys.modules.update(mirrors)
        sys.meta_path.insert(0, _finder)


def load_ipython_extension(ipython: Any) -> None:
    """`%load_ext plait` in a notebook installs the hook."""
    install()


def unload_ipython_extension(ipython: Any) -> None:
    """`%unload_ext plait` in a notebook takes the hook out."""
    uninstall()
