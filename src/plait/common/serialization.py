"""Objects to plain data and back, in the form of Keras's files.

The form of an object is a dict: its class, its config, how it was built and compiled. `serialize` makes it and
`deserialize` reads it; both take any value and go through containers. Which classes a form may name is the registry's
to say, so reading a form runs no code but constructors that plait or the program put there.

A layer that stands in several places of what is written (two inner models share it, say) has one `shared_object_id` in
all of its forms, as in Keras, and is one layer again when they are read.

Differs from Keras: there, such a file is written, and can't be read.
"""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from plait.common.constructors import constructor_parameters, given_arguments
from plait.common.dtypes import dtype_name, is_tensor
from plait.common.messages import describe
from plait.common.model_parts import compile_again, left_uncompiled
from plait.common.policies import DTypePolicy
from plait.common.registry import (
    builtins_of,
    custom_object_scope,
    find,
    find_class,
    find_function,
    homes,
    is_registered,
    registered_name,
    singular,
)
from plait.common.scope import current, scope
from plait.errors import ArgumentError, ConfigError, FileError, PlaitError, UnsafeFileError

_NOT_CALLED = ("optimizers",)  # namespaces whose objects aren't functions of something


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
    if identifier is None or callable(identifier) or (namespace in _NOT_CALLED and hasattr(identifier, "get_config")):
        return identifier
    kind = singular(namespace)
    article = "An" if kind[0] in "aeiou" else "A"
    raise ArgumentError(
        f"{article} {kind} must be a name, a config, a class, a function or None, but got {describe(identifier)}."
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
    if inspect.isfunction(value) or (callable(value) and value in homes):
        return _serialize_function(value)
    if is_tensor(value):
        array = np.asarray(value)
        return {"class_name": "__numpy__", "config": {"value": array.tolist(), "dtype": dtype_name(array.dtype)}}
    if inspect.isclass(value) or hasattr(value, "dtype") or hasattr(value, "name"):
        return dtype_name(value)
    raise ArgumentError(f"No file can hold this value: {describe(value)}. Give its class a `get_config`.")


def _serialize_policy(value: DTypePolicy) -> dict:
    module, name, _ = homes.get(type(value), homes[DTypePolicy])
    config = {key: serialize(item) for key, item in value.get_config().items()}
    return {"module": module, "class_name": name, "config": config, "registered_name": None}


def _serialize_function(function: Callable) -> dict | str:
    home = homes.get(function)
    if home and home[0].startswith("keras.") and not is_registered(function):
        return home[1]
    if getattr(function, "__name__", "<lambda>") == "<lambda>":
        raise ArgumentError(
            "A lambda cannot be saved: no file of plait holds code, as reading it would be arbitrary code execution. Write a "
            "named function and register it with @plait.saving.register_keras_serializable()."
        )
    name = registered_name(function)
    return {"module": "builtins", "class_name": "function", "config": name, "registered_name": "function"}


def file_identity(thing: Any) -> tuple[str, str, str | None]:
    """What files call the class of an object: module, class and registered name."""
    own = getattr(thing, "file_identity", None)
    cls = type(thing)
    return (own and own()) or homes.get(cls) or (cls.__module__, cls.__name__, registered_name(cls))


def writing_layers(function: Callable) -> Callable:
    """Has a function that writes know a layer again that it writes in several places, at any depth.

    Each form of a layer gets a number; in the end only those keep theirs that several forms have.
    """

    @functools.wraps(function)
    def write(*args: Any, **kwargs: Any) -> Any:
        if current().written is not None:
            return function(*args, **kwargs)
        written: dict[int, list] = {}
        with scope(written=written):
            form = function(*args, **kwargs)
        _strike_numbers(form, {number for _, number, times in written.values() if times > 1})
        return form

    return write


def _strike_numbers(form: Any, but: set[int]) -> None:
    if isinstance(form, dict):
        if "class_name" in form and form.get("shared_object_id", -1) not in but:
            form.pop("shared_object_id", None)
        for item in form.values():
            _strike_numbers(item, but)
    elif isinstance(form, (list, tuple)):
        for item in form:
            _strike_numbers(item, but)


def reading_layers(function: Callable) -> Callable:
    """Has a function that reads make one layer of the forms that have one number, at any depth."""

    @functools.wraps(function)
    def read(*args: Any, **kwargs: Any) -> Any:
        if current().read is not None:
            return function(*args, **kwargs)
        with scope(read={}):
            return function(*args, **kwargs)

    return read


@writing_layers
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
    if hasattr(thing, "get_build_config"):
        data["shared_object_id"] = _number_of(thing)
    return data


def _number_of(layer: Any) -> int:
    """Notes that a layer is written once more, and returns the number that its forms have."""
    written = current().written
    assert written is not None
    # The layer is kept, too, so that no other one takes its id meanwhile.
    entry = written.setdefault(id(layer), [layer, len(written), 0])
    entry[2] += 1
    return entry[1]


def _compile_config_of(model: Any) -> dict:
    """What `compile` was told, as plain data; nothing, with a warning, where no file can hold it: that must not cost the weights."""
    try:
        return serialize(model.get_compile_config() or {})
    except PlaitError as error:
        return left_uncompiled(model, error)


def _note(error: Exception, note: str) -> None:
    """Says where an error came from, if nobody has yet."""
    if not getattr(error, "__notes__", None):
        error.add_note(note)


def plain(value: Any) -> Any:
    """A value as a config holds it: objects and functions in object form; numbers, names and tuples as they are.

    A function without a name stays itself: no config can hold code. While a model is cloned, functions stay themselves, and
    what has a config is copied: the clone has weights and random numbers of its own.
    """
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, tuple):
        return tuple(plain(item) for item in value) if type(value) is tuple else value
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    copy = current().copy
    if copy is not None:
        return copy(value)
    try:
        form = serialize(value)
    except PlaitError:
        return value
    if inspect.isfunction(value) and isinstance(form, str) and form not in builtins_of("activations"):
        return {"module": "builtins", "class_name": "function", "config": form, "registered_name": "function"}
    return form


def is_plain(value: Any) -> bool:
    """Whether a value is plain data: numbers, strings and None, in lists, tuples and dicts."""
    if isinstance(value, dict):
        return all(map(is_plain, value.values()))
    if isinstance(value, (list, tuple)):
        return all(map(is_plain, value))
    return value is None or isinstance(value, (str, bool, int, float))


def given_config(thing: Any, args: tuple, kwargs: Mapping[str, Any], without: frozenset = frozenset()) -> dict | None:
    """The arguments that an object was made with, as a config holds them; None if they don't fit its constructor.

    Plain data is what was given. For anything else the object's attribute of the same name counts, where it has one.

    Args:
        thing: the object.
        args: what its constructor got by position.
        kwargs: what it got by name.
        without: names that are left out.

    Raises:
        ConfigError: an argument without a name, or one that no config can hold.
    """
    given = given_arguments(type(thing), args, kwargs)
    return given and {name: _told(thing, name, value) for name, value in given.items() if name not in without}


def _told(thing: Any, name: str, value: Any) -> Any:
    """An argument as a config holds it; a function without a name stays itself, as in `plain`."""
    if is_plain(value):
        return value
    form = plain(getattr(thing, name, value))
    if current().copy is not None or callable(form) or is_plain(form):
        return form
    raise ConfigError(
        f"{type(thing).__name__}: cannot tell its config, because no config can hold the argument `{name}`: "
        f"{describe(value)}. Write `get_config`, and `from_config` to read it, or give that object's class a `get_config`."
    )


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
        return find_function(inner, namespace)
    return deserialize_object(find_class(config, namespace), config)


@reading_layers
def deserialize_object(cls: type, config: Mapping[str, Any]) -> Any:
    """Makes an object of a known class from its object form, builds and compiles it as the form says."""
    shared, read = config.get("shared_object_id"), current().read
    if not isinstance(shared, int) or read is None or not hasattr(cls, "get_build_config"):
        return _made_of(cls, config)
    if type(read.get(shared)) is not cls:
        read[shared] = _made_of(cls, config)
    return read[shared]


def _made_of(cls: type, config: Mapping[str, Any]) -> Any:
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
        compile_again(thing, config["compile_config"])
    return thing


def _known_arguments(cls: type, config: Mapping[str, Any], data: Mapping[str, Any]) -> dict:
    """A config without the arguments that plait's class doesn't know, where they are None and so say nothing.

    A class of the program's own that stands for Lambda gets no code: only the arguments of every layer, and its own.
    """
    if cls not in homes and data.get("class_name") == "Lambda":
        asked = {"name", "trainable", "dtype", *constructor_parameters(cls)}
        return {key: value for key, value in config.items() if key in asked and not is_code(value)}
    if cls not in homes:
        return dict(config)
    known = {name for parent in cls.__mro__ for name in constructor_parameters(parent)} | {*getattr(cls, "options", ())}
    return {key: value for key, value in config.items() if value is not None or key in known}


def is_code(value: Any) -> bool:
    """Whether a value from a file is Python code: bytecode, in the forms of Keras 1 to 3."""
    if isinstance(value, dict):
        return value.get("class_name") == "__lambda__"
    return isinstance(value, (list, tuple)) and bool(value) and isinstance(value[0], str)


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
