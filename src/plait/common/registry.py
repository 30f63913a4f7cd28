"""Names of classes and functions: what a config may stand for, and nothing else.

Verbs: `builtin` puts plait's own into the registry, `register_keras_serializable` the program's own; `find` looks a
short name up (`"relu"`), `find_class` the class that a form in a file names.

The list is closed. A form's `module` is never imported: it is only a hint which of several namesakes is meant. What
isn't found is an error that names the class, so no file can reach code that the program did not put here.

Differs from Keras: Keras resolves `keras.*` names through its export table and then by import, and needs a switch
(`safe_mode`) to refuse code; there is no such switch here because there is nothing to switch off.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from plait.common.messages import describe, did_you_mean
from plait.common.model_parts import opens_as_plain_model
from plait.common.policies import (
    DTypePolicy,
    DTypePolicyMap,
    Int4DTypePolicy,
    QuantizedDTypePolicy,
    QuantizedFloat8DTypePolicy,
)
from plait.common.scope import current, scope
from plait.common.traits import of_plait
from plait.errors import ArgumentError, FileError, NameUnknownError, UnsafeFileError

_builtins: dict[str, dict[str, Any]] = {}
homes: dict[Any, tuple[str, str, str | None]] = {}
_custom: dict[str, Any] = {}
_custom_names: dict[Any, str] = {}
_loaders: list[Callable[[], Any]] = []
_opens_graphs: list[type] = []

# The namespaces that each place in a config takes objects from: a layer's place takes layers and models, a loss's losses.
# A name from any other namespace is unknown there: `L1` is a regularizer, and no layer.
TAKEN_IN = {
    "layers": ("layers", "models", "ops", "functions"),
    "models": ("models", "layers", "utils", "feature_space", "distillation"),
    "activations": ("activations", "layers", "models"),
    "metrics": ("metrics", "losses"),
    "optimizers": ("optimizers", "schedules"),
    "schedules": ("schedules", "optimizers"),
}
_PLACE_OF = {
    "activation": "activations",
    "recurrent_activation": "activations",
    "layer": "layers",
    "cell": "layers",
    "cells": "layers",
    "forward_layer": "layers",
    "backward_layer": "layers",
    "optimizer": "optimizers",
    "loss": "losses",
    "metrics": "metrics",
    "weighted_metrics": "metrics",
}
_ENDINGS = {"_initializer": "initializers", "_regularizer": "regularizers", "_constraint": "constraints"}
_T = TypeVar("_T")
_C = TypeVar("_C", bound=type)
_EXPRESSIONS = ("activations", "initializers", "losses", "metrics", "regularizers", "constraints", "ops", "optimizers")


def builtin(
    namespace: str, *aliases: str, module: str | None = None, registered_name: str | None = None
) -> Callable[[_T], _T]:
    """Puts a class or function of plait into the registry, under its own name and others.

    Args:
        namespace: the public module, such as `"layers"`; in files it is written as `keras.layers`.
        aliases: other names that find it.
        module: the module that Keras's files name, where that isn't `keras.<namespace>`.
        registered_name: what Keras's files give as its registered name, where they do.
    """

    def register(thing: Any) -> Any:
        names = _builtins.setdefault(namespace, {})
        for name in (thing.__name__, *aliases):
            names[name] = thing
        homes[thing] = (module or f"keras.{namespace}", thing.__name__, registered_name)
        return of_plait(thing) if inspect.isclass(thing) else thing

    return register


def opens_graphs(cls: _C) -> _C:
    """Declares the class that opens a form of an unknown class, where that holds a whole graph: a decorator."""
    _opens_graphs.append(cls)
    return cls


def place_of(key: str) -> str | None:
    """The namespace that an argument of a layer or of `compile` takes its objects from, by its name; None for any."""
    ending = next((place for end, place in _ENDINGS.items() if key.endswith(end)), None)
    return _PLACE_OF.get(key, ending)


def when_unknown(load: Callable[[], Any]) -> None:
    """Says what to load before a class counts as unknown: namespaces that nobody has used yet aren't loaded."""
    _loaders.append(load)


def load_all() -> bool:
    """Loads what `when_unknown` was told, once; whether there was anything."""
    loaders = list(_loaders)
    _loaders.clear()
    for load in loaders:
        load()
    return bool(loaders)


def builtins_of(namespace: str) -> Mapping[str, Any]:
    """All that plait itself has under a namespace, by every name that finds it."""
    return _builtins.get(namespace, {})


def is_builtin(thing: Any) -> bool:
    """Whether a class or function is one that plait itself registered."""
    return thing in homes


def is_registered(thing: Any) -> bool:
    """Whether a class or function is one that the program registered."""
    return thing in _custom_names


def register_keras_serializable(package: str = "Custom", name: str | None = None) -> Callable[[_T], _T]:
    """Makes a class or function of the program known, so that files may name it: a decorator.

    >>> @register_keras_serializable("my_package")
    ... class Scale:
    ...     def get_config(self):
    ...         return {}
    >>> registered_name(Scale)
    'my_package>Scale'

    Raises:
        ArgumentError: a class without `get_config`.
    """

    def register(thing: Any) -> Any:
        if inspect.isclass(thing) and not hasattr(thing, "get_config"):
            raise ArgumentError(
                f"{thing.__name__}: Cannot register a class that does not have a get_config() method. Add one."
            )
        full_name = f"{package}>{name or thing.__name__}"
        _custom[full_name] = thing
        _custom_names[thing] = full_name
        return thing

    return register


def custom_objects() -> dict[str, Any]:
    """The program's own objects by registered name: a live dict."""
    return _custom


def custom_object_scope(custom_objects: Mapping[str, Any] | None = None, *more: Mapping[str, Any] | None) -> scope:
    """Makes names known for the length of a block; an inner block adds to an outer one."""
    merged = dict(current().custom_objects)
    for mapping in (custom_objects, *more):
        merged.update(mapping or {})
    return scope(custom_objects=merged)


def custom_named(name: Any) -> Callable | None:
    """The function that the program passed under a name in `custom_objects`; None where there is none."""
    found = current().custom_objects.get(name) if isinstance(name, str) else None
    return found if callable(found) and not inspect.isclass(found) else None


def registered_name(thing: Any) -> str:
    """The name under which files know a class or function."""
    return _custom_names.get(thing, getattr(thing, "__name__", str(thing)))


def find(namespace: str, name: str, custom: Mapping[str, Any] | None = None) -> Any:
    """The class or function that a short name stands for.

    Raises:
        NameUnknownError: nothing has that name; says the nearest one.
    """
    known = _builtins.get(namespace, {})
    for source in (custom or {}, current().custom_objects, _custom, known):
        if name in source:
            return source[name]
    for full_name, thing in _custom.items():
        if full_name.rpartition(">")[2] == name:
            return thing
    kind = singular(namespace)
    hint = did_you_mean(name, known) or (
        " If it is yours, give the object itself, or make its name known: put @plait.saving.register_keras_serializable() on it, or "
        "use plait.saving.custom_object_scope."
    )
    raise NameUnknownError(f"No {kind} is called {name!r}.{hint}")


def singular(namespace: str) -> str:
    """What one thing of a namespace is called: `"loss"` of `"losses"`."""
    return namespace.removesuffix("es") if namespace.endswith("sses") else namespace.removesuffix("s")


def find_class(config: Mapping[str, Any], namespace: str | None = None) -> type:
    """The class that an object form names: the program's own first, then plait's.

    Raises:
        FileError: no such class here; says how to make it known.
    """
    class_name, registered, module = config["class_name"], config.get("registered_name"), config.get("module") or ""
    for source in (current().custom_objects, _custom):
        for name in (registered, class_name):
            if isinstance(name, str) and name in source and inspect.isclass(source[name]):
                return source[name]
    is_registered = isinstance(registered, str) and ">" in registered
    cls = None if is_registered else _find_builtin_class(class_name, module, namespace)
    if cls is None and not is_registered:
        for full_name, thing in _custom.items():
            if full_name.rpartition(">")[2] == class_name and inspect.isclass(thing):
                return thing
    if cls is None and load_all():
        return find_class(config, namespace)
    if cls is None and opens_as_plain_model(config):
        return _opens_graphs[0]
    return cls or _raise_unknown(str(registered if is_registered else class_name), class_name)


def _find_builtin_class(class_name: str, module: str, namespace: str | None) -> type | None:
    """One of plait's own classes: from exactly that module, else from a namespace in the module's name, else from the place."""
    namesakes = {
        name: things[class_name] for name, things in _builtins.items() if inspect.isclass(things.get(class_name))
    }
    for thing in namesakes.values():
        if homes[thing][0] == module:
            return thing
    hinted = [part for part in reversed(module.split(".")) if part]
    taken = tuple(_builtins) if namespace is None else TAKEN_IN.get(namespace, (namespace,))
    return next((namesakes[name] for name in (*hinted, *taken, "") if name in namesakes), None)


def _raise_unknown(name: str, class_name: str) -> Any:
    options = {key for names in _builtins.values() for key, thing in names.items() if inspect.isclass(thing)}
    raise FileError(
        f"Could not locate class {name!r}.{did_you_mean(class_name, [*options, *_custom])} If it is yours, make it "
        "known: put @plait.saving.register_keras_serializable() on it, or pass custom_objects={...}. "
        "plait never imports code that a file names."
    )


def find_function(name: Any, namespace: str | None) -> Any:
    """The function that a form in a file names: the program's own first, then one of the namespace, then any of plait's.

    Raises:
        NameUnknownError: no such function here.
        UnsafeFileError: something else than a name.
    """
    if not isinstance(name, str):
        raise UnsafeFileError(f"A function must be given by its name, but got {describe(name)}.")
    for source in (current().custom_objects, _custom):
        if name in source:
            return source[name]
    for place in (*TAKEN_IN.get(namespace or "", (namespace,)), *_EXPRESSIONS):
        thing = _builtins.get(place or "", {}).get(name)
        if thing is not None and not inspect.isclass(thing):
            return thing
    return find("functions", name)


builtin("", module="keras")(DTypePolicy)
for _policy in (QuantizedDTypePolicy, QuantizedFloat8DTypePolicy, Int4DTypePolicy, DTypePolicyMap):
    builtin("dtype_policies")(_policy)
