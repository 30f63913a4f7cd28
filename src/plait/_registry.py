"""Names of classes and functions: what a config may stand for, and nothing else.

Verbs: `builtin` puts plait's own into the registry, `register_keras_serializable` the program's own; `find` looks a
short name up (`"relu"`); `serialize` turns an object into plain data and `deserialize` turns it back.

The list is closed. A config's `module` is never imported: it is only a hint which of several namesakes is meant. What
isn't found is an error that names the class, so no file can reach code that the program did not put here.

Differs from Keras: Keras resolves `keras.*` names through its export table and then by import, and needs a switch
(`safe_mode`) to refuse code; there is no such switch here because there is nothing to switch off.
"""

import functools
import inspect
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from plait._dtypes import dtype_name
from plait._errors import (
    ArgumentError,
    ConfigError,
    FileError,
    NameUnknownError,
    PlaitError,
    UnsafeFileError,
    describe,
    did_you_mean,
    listing,
)
from plait._policies import (
    DTypePolicy,
    DTypePolicyMap,
    Int4DTypePolicy,
    QuantizedDTypePolicy,
    QuantizedFloat8DTypePolicy,
)
from plait._scope import current, scope
from plait._traits import is_usual, of_plait

_builtins: dict[str, dict[str, Any]] = {}
_homes: dict[Any, tuple[str, str, str | None]] = {}
_custom: dict[str, Any] = {}
_custom_names: dict[Any, str] = {}
_loaders: list[Callable[[], Any]] = []

# The namespaces that each place in a config takes objects from: a layer's place takes layers and models, a loss's losses.
# A name from any other namespace is unknown there: `L1` is a regularizer, and no layer.
_TAKEN_IN = {
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
_EXPRESSIONS = ("activations", "initializers", "losses", "metrics", "regularizers", "constraints", "ops", "optimizers")


def builtin(namespace: str, *aliases: str, module: str | None = None, registered_name: str | None = None) -> Callable:
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
        _homes[thing] = (module or f"keras.{namespace}", thing.__name__, registered_name)
        return of_plait(thing) if inspect.isclass(thing) else thing

    return register


def place_of(key: str) -> str | None:
    """The namespace that an argument of a layer or of `compile` takes its objects from, by its name; None for any."""
    ending = next((place for end, place in _ENDINGS.items() if key.endswith(end)), None)
    return _PLACE_OF.get(key, ending)


def when_unknown(load: Callable[[], Any]) -> None:
    """Says what to load before a class counts as unknown: namespaces that nobody has used yet aren't loaded."""
    _loaders.append(load)


def _load_all() -> bool:
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
    return thing in _homes


def register_keras_serializable(package: str = "Custom", name: str | None = None) -> Callable:
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


def is_code(value: Any) -> bool:
    """Whether a value from a file is Python code: bytecode, in the forms of Keras 1 to 3."""
    if isinstance(value, dict):
        return value.get("class_name") == "__lambda__"
    return isinstance(value, (list, tuple)) and bool(value) and isinstance(value[0], str)


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
    kind = _singular(namespace)
    raise NameUnknownError(
        f"Could not interpret {kind} identifier: {name}. No {kind} is called {name!r}."
        f"{did_you_mean(name, known) or f' There are {listing(sorted(known))}.'}"
    )


def _singular(namespace: str) -> str:
    return namespace.removesuffix("es") if namespace.endswith("sses") else namespace.removesuffix("s")


def get(namespace: str, identifier: Any, custom: Mapping[str, Any] | None = None) -> Any:
    """An object from None, a name, a config, a class or the object itself: `get("activations", "relu")`.

    Classes found by name are made without arguments.
    """
    if isinstance(identifier, dict):
        identifier = deserialize(identifier, custom, namespace)
    elif isinstance(identifier, str):
        identifier = find(namespace, identifier, custom)
    if inspect.isclass(identifier):
        return identifier()
    if identifier is None or callable(identifier) or hasattr(identifier, "get_config"):
        return identifier
    raise ArgumentError(
        f"Could not interpret {_singular(namespace)} identifier: {identifier}. Expected a name, a config, a class, "
        f"a function or None, but got {describe(identifier)}."
    )


# ---------------------------------------------------------------------------- objects to plain data


def serialize(value: Any) -> Any:
    """Turns a value into what JSON can hold, in the form of Keras's files.

    Raises:
        ArgumentError: a value that no file can hold.
    """
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, dict):
        return {key: serialize(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):  # JSON writes tuples as lists; a config that is used at once keeps them
        return tuple(map(serialize, value)) if isinstance(value, tuple) else [serialize(item) for item in value]
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, slice):
        parts = {"start": value.start, "stop": value.stop, "step": value.step}
        return {"class_name": "__slice__", "config": {key: serialize(part) for key, part in parts.items()}}
    if value is Ellipsis:
        return {"class_name": "__ellipsis__", "config": {}}
    if isinstance(value, bytes):
        return {"class_name": "__bytes__", "config": {"value": value.decode("latin-1")}}
    if isinstance(value, DTypePolicy):
        return _serialize_policy(value)
    if hasattr(value, "get_config"):
        return serialize_object(value)
    if inspect.isfunction(value) or (callable(value) and value in _homes):
        return _serialize_function(value)
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        array = np.asarray(value)
        return {"class_name": "__numpy__", "config": {"value": array.tolist(), "dtype": dtype_name(array.dtype)}}
    if inspect.isclass(value) or hasattr(value, "dtype") or hasattr(value, "name"):
        return dtype_name(value)
    raise ArgumentError(f"No file can hold this value: {describe(value)}. Give its class a `get_config`.")


def _serialize_policy(value: DTypePolicy) -> dict:
    module, name, _ = _homes.get(type(value), _homes[DTypePolicy])
    config = {key: serialize(item) for key, item in value.get_config().items()}
    return {"module": module, "class_name": name, "config": config, "registered_name": None}


def plain(value: Any) -> Any:
    """A value as a config holds it: objects and functions in object form; numbers, names and tuples as they are.

    A function without a name stays itself: no config can hold code. So does all, where the scope says `live_configs`.
    """
    if current().live_configs or value is None or isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, tuple):
        return tuple(plain(item) for item in value) if type(value) is tuple else value
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    try:
        form = serialize(value)
    except PlaitError:
        return value
    if inspect.isfunction(value) and isinstance(form, str) and form not in _builtins["activations"]:
        return {"module": "builtins", "class_name": "function", "config": form, "registered_name": "function"}
    return form


def file_identity(thing: Any) -> tuple[str, str, str | None]:
    """What files call the class of an object: module, class and registered name."""
    own = getattr(thing, "file_identity", None)
    cls = type(thing)
    return (own and own()) or _homes.get(cls) or (cls.__module__, cls.__name__, registered_name(cls))


def serialize_object(thing: Any, with_compile_config: bool = True) -> dict:
    """The object form of Keras's files: module, class, config, and how it was built and compiled.

    Args:
        thing: any object with `get_config`.
        with_compile_config: whether a model says how it was compiled.
    """
    module, class_name, registered = file_identity(thing)
    try:
        config = {key: serialize(item) for key, item in thing.get_config().items()}
    except Exception as error:
        _note(error, f"plait: while saving {class_name} {getattr(thing, 'name', '')!r}")
        raise
    data = {
        "module": None if module in ("__main__", "builtins") else module,
        "class_name": class_name,
        "config": config,
        "registered_name": registered,
    }
    if getattr(thing, "built", False) and hasattr(thing, "get_build_config"):
        build_config = thing.get_build_config()
        if build_config is not None:
            data["build_config"] = serialize(build_config)
    if hasattr(thing, "get_compile_config"):
        data["compile_config"] = _compile_config_of(thing) if with_compile_config else {}
    return data


def _compile_config_of(model: Any) -> dict:
    """What `compile` was told; nothing, with a warning, where no file can hold it: that must not cost the weights."""
    try:
        return serialize(model.get_compile_config() or {})
    except PlaitError as error:
        warnings.warn(
            f"Model {model.name!r} is saved without what `compile` was told, because no file can hold it: {error} Compile the "
            "model again after loading.",
            stacklevel=6,
        )
        return {}


def _note(error: Exception, note: str) -> None:
    """Says where an error came from, if nobody has yet."""
    if not getattr(error, "__notes__", None):
        error.add_note(note)


def _serialize_function(function: Callable) -> dict | str:
    home = _homes.get(function)
    if home and home[0].startswith("keras.") and function not in _custom_names:
        return home[1]
    if getattr(function, "__name__", "<lambda>") == "<lambda>":
        raise ArgumentError(
            "A lambda cannot be saved: no file of plait holds code, as reading it would be arbitrary code execution. Write a "
            "named function and register it with @plait.saving.register_keras_serializable()."
        )
    name = registered_name(function)
    return {"module": "builtins", "class_name": "function", "config": name, "registered_name": "function"}


# ---------------------------------------------------------------------------- plain data to objects


def deserialize(config: Any, custom: Mapping[str, Any] | None = None, namespace: str | None = None) -> Any:
    """Turns plain data back into what `serialize` got.

    Args:
        config: data in the form of Keras's files; plain values and containers come back as they are.
        custom: names that this config may use besides the registered ones.
        namespace: where a class is looked for, unless it says its module.

    Raises:
        FileError: a class that isn't known here.
        UnsafeFileError: code instead of data.
    """
    if custom:
        with custom_object_scope(custom):
            return deserialize(config, None, namespace)
    if isinstance(config, (list, tuple)):
        items = [deserialize(item, None, namespace) for item in config]
        return tuple(items) if isinstance(config, tuple) else items
    if not isinstance(config, dict):
        return config
    if "class_name" not in config:
        return {key: deserialize(item, None, namespace) for key, item in config.items()}
    class_name, inner = config["class_name"], config.get("config", {})
    if not isinstance(class_name, str):
        raise FileError(f"A config's class_name must be a string, but got {describe(class_name)}.")
    if class_name.startswith("__") and class_name in _SPECIAL:
        return _SPECIAL[class_name](inner)
    if class_name == "function":
        return _find_function(inner, namespace)
    return deserialize_object(find_class(config, namespace), config)


def deserialize_object(cls: type, config: Mapping[str, Any]) -> Any:
    """Makes an object of a known class from its object form, builds and compiles it as the form says."""
    inner = config.get("config", {})
    if not hasattr(cls, "from_config"):
        raise FileError(f"{cls.__name__}: a class needs `from_config` to be made from a file, and has none. Add one.")
    if not isinstance(inner, Mapping) and not (isinstance(inner, list) and getattr(cls, "_config_may_be_list", False)):
        raise FileError(f"The config of a {cls.__name__} must be a dict, but got {describe(inner)[:200]}.")
    try:
        thing = cls.from_config(_known_arguments(cls, inner, config) if isinstance(inner, Mapping) else inner)
        build_config = config.get("build_config")
        if build_config and not getattr(thing, "built", True) and hasattr(thing, "build_from_config"):
            thing.build_from_config(build_config)
    except Exception as error:
        _note(
            error,
            f"plait: while making {cls.__name__} {inner.get('name') if isinstance(inner, dict) else ''!r} of its config",
        )
        raise
    if config.get("compile_config") and hasattr(thing, "compile_from_config"):
        _compile(thing, config["compile_config"])
    return thing


def _known_arguments(cls: type, config: Mapping[str, Any], data: Mapping[str, Any]) -> dict:
    """A config without the arguments that plait's class doesn't know, where they are None and so say nothing.

    A class of the program's own that stands for Lambda gets no code: only the arguments of every layer, and its own.
    """
    if cls not in _homes and data.get("class_name") == "Lambda":
        asked = {"name", "trainable", "dtype", *constructor_parameters(cls)}
        return {key: value for key, value in config.items() if key in asked and not is_code(value)}
    if cls not in _homes:
        return dict(config)
    known = {name for parent in cls.__mro__ for name in constructor_parameters(parent)} | {*getattr(cls, "options", ())}
    return {key: value for key, value in config.items() if value is not None or key in known}


def _compile(model: Any, config: dict) -> None:
    """Compiles a model as it was; one whose class takes other arguments has to be compiled by the program."""
    cls = type(model)
    if not is_usual(cls, "compile") and is_usual(cls, "compile_from_config"):
        warnings.warn(
            f"{cls.__name__} {model.name!r}: `compile()` was not called as part of model loading because the model's `compile()` "
            "method is custom. Compile it after loading, or define `get_compile_config` and `compile_from_config`.",
            stacklevel=7,
        )
        return
    model.compile_from_config(config)


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
    if cls is None and _load_all():
        return find_class(config, namespace)
    return cls or _plain_model(config) or _raise_unknown(registered if is_registered else class_name, class_name)  # pyright: ignore[reportArgumentType]


def _plain_model(config: Mapping[str, Any]) -> type | None:
    """For a subclass that isn't known, but has a whole graph: the plain model, which can do all but what the class adds."""
    inner = config.get("config")
    if not isinstance(inner, Mapping) or not {"layers", "input_layers", "output_layers"} <= inner.keys():
        return None
    warnings.warn(
        f"The class {config['class_name']!r} isn't known here, so the model is opened as a plain one: its graph and weights are "
        "whole, but methods that the class adds are missing. Pass custom_objects={...} to get them.",
        stacklevel=8,
    )
    return _find_builtin_class("Functional", "", "models")


def _find_builtin_class(class_name: str, module: str, namespace: str | None) -> type | None:
    """One of plait's own classes: from exactly that module, else from a namespace in the module's name, else from the place."""
    namesakes = {
        name: things[class_name] for name, things in _builtins.items() if inspect.isclass(things.get(class_name))
    }
    for thing in namesakes.values():
        if _homes[thing][0] == module:
            return thing
    hinted = [part for part in reversed(module.split(".")) if part]
    taken = tuple(_builtins) if namespace is None else _TAKEN_IN.get(namespace, (namespace,))
    return next((namesakes[name] for name in (*hinted, *taken, "") if name in namesakes), None)


def _raise_unknown(name: str, class_name: str) -> Any:
    options = {key for names in _builtins.values() for key, thing in names.items() if inspect.isclass(thing)}
    raise FileError(
        f"Could not locate class {name!r}.{did_you_mean(class_name, [*options, *_custom])} If it is yours, make it "
        "known: put @plait.saving.register_keras_serializable() on it, or pass custom_objects={...}. "
        "plait never imports code that a file names."
    )


def _find_function(name: Any, namespace: str | None) -> Any:
    if not isinstance(name, str):
        raise UnsafeFileError(f"A function must be given by its name, but got {describe(name)}.")
    for source in (current().custom_objects, _custom):
        if name in source:
            return source[name]
    for place in (*_TAKEN_IN.get(namespace or "", (namespace,)), *_EXPRESSIONS):
        thing = _builtins.get(place or "", {}).get(name)
        if thing is not None and not inspect.isclass(thing):
            return thing
    return find("functions", name)


def _refuse_lambda(_: Any) -> Any:
    raise UnsafeFileError(
        "This file holds a Python lambda as bytecode, and plait never runs code from a file. Write the function in "
        "your program, register it with @plait.saving.register_keras_serializable(), and pass it in custom_objects."
    )


def _array(inner: dict) -> np.ndarray:
    name = dtype_name(inner.get("dtype"))
    if name == "string":
        return np.asarray(inner["value"], dtype=object)
    return np.asarray(inner["value"], dtype=np.dtype("float32" if name == "bfloat16" else name))


_SPECIAL: dict[str, Callable] = {
    "__lambda__": _refuse_lambda,
    "__numpy__": _array,
    "__tensor__": _array,
    "__bytes__": lambda inner: inner["value"].encode("latin-1"),
    "__slice__": lambda inner: slice(*(deserialize(inner[key]) for key in ("start", "stop", "step"))),
    "__ellipsis__": lambda inner: Ellipsis,
}


def class_config(thing: Any, cls: type) -> dict:
    """The constructor's arguments of a class, read back from the object's attributes of the same names.

    Raises:
        ConfigError: the constructor takes an argument that the object doesn't keep under its name.
    """
    config, missing = {}, []
    for name, parameter in constructor_parameters(cls).items():
        if hasattr(thing, name):
            config[name] = getattr(thing, name)
        elif parameter.default is inspect.Parameter.empty:
            missing.append(name)
    if missing:
        raise ConfigError(
            f"{cls.__name__}: cannot tell its config, because the constructor takes {listing(missing)} and the object "
            "has no attributes of those names. Store the arguments under their own names, or write `get_config`."
        )
    return config


def given_config(thing: Any, args: tuple, kwargs: Mapping[str, Any], without: frozenset = frozenset()) -> dict | None:
    """The arguments that an object was made with, by name, and the defaults of those left out; None if they don't fit.

    Plain data is what was given. For anything else the object's attribute of the same name counts, where it has one.

    Args:
        thing: the object.
        args: what its constructor got by position.
        kwargs: what it got by name.
        without: names that are left out.

    Raises:
        ConfigError: an argument without a name, or one that no config can hold.
    """
    cls = type(thing)
    signature = inspect.signature(cls.__init__)
    try:
        bound = signature.bind(thing, *args, **kwargs)
    except TypeError:
        return None
    named, nameless = {}, []
    for name in list(bound.arguments)[1:]:
        kind, value = signature.parameters[name].kind, bound.arguments[name]
        if kind is inspect.Parameter.VAR_KEYWORD:
            named.update(value)
        elif kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.POSITIONAL_ONLY):
            nameless.append(name)
        else:
            named[name] = value
    if nameless:
        raise ConfigError(
            f"{cls.__name__}: cannot tell its config, because the constructor got {listing(nameless)} by position only, and a "
            "config holds arguments by name. Give the parameters names, or write `get_config` and `from_config`."
        )
    defaults = {name: p.default for name, p in constructor_parameters(cls).items() if p.default is not p.empty}
    return {name: _told(thing, name, value) for name, value in {**defaults, **named}.items() if name not in without}


def _told(thing: Any, name: str, value: Any) -> Any:
    """An argument as a config holds it; a function without a name stays itself, as in `plain`."""
    if is_plain(value):
        return value
    form = plain(getattr(thing, name, value))
    if current().live_configs or callable(form) or is_plain(form):
        return form
    raise ConfigError(
        f"{type(thing).__name__}: cannot tell its config, because no config can hold the argument `{name}`: "
        f"{describe(value)}. Write `get_config`, and `from_config` to read it, or give that object's class a `get_config`."
    )


def is_plain(value: Any) -> bool:
    """Whether a value is plain data: numbers, strings and None, in lists, tuples and dicts."""
    if isinstance(value, dict):
        return all(map(is_plain, value.values()))
    if isinstance(value, (list, tuple)):
        return all(map(is_plain, value))
    return value is None or isinstance(value, (str, bool, int, float))


def has_own_constructor(cls: type) -> bool:
    """Whether a class of the program's own has a constructor that isn't plait's."""
    return not is_usual(cls, "__init__")


@functools.cache
def takes_any_name(cls: type) -> bool:
    """Whether a class's constructor takes arguments of any name: `**kwargs`."""
    return any(p.kind is p.VAR_KEYWORD for p in inspect.signature(cls.__init__).parameters.values())


_parameters: dict[type, dict[str, inspect.Parameter]] = {}


def constructor_parameters(cls: type) -> dict[str, inspect.Parameter]:
    """The named parameters of a class's constructor, without `self`, `*args` and `**kwargs`."""
    known = _parameters.get(cls)
    if known is None:
        plain = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
        found = inspect.signature(cls.__init__).parameters.items() if cls.__init__ is not object.__init__ else ()
        known = _parameters[cls] = {name: p for name, p in list(found)[1:] if p.kind in plain}
    return known


builtin("", module="keras")(DTypePolicy)
for _policy in (QuantizedDTypePolicy, QuantizedFloat8DTypePolicy, Int4DTypePolicy, DTypePolicyMap):
    builtin("dtype_policies")(_policy)
