"""Unknown names in a config: classes, functions, and code that isn't run, each with its place.

Verbs: `find_unknown(config)` lists all of it; `refuse_unknown(config)` makes it one error, with the remedies.
"""

import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

from plait.common import registry, serialization
from plait.common.messages import did_you_mean
from plait.common.registry import builtins_of, find_class, place_of
from plait.errors import FileError, NameUnknownError, PlaitError, UnsafeFileError

_GONE = {  # layers that Keras once had, or wrote by itself, with a description
    "TFOpLambda": "a function of TensorFlow that tf.keras recorded as a layer",
    "SlicingOpLambda": "an index into a tensor that tf.keras recorded as a layer",
    "ClassMethod": "a function of TensorFlow that tf.keras recorded as a layer",
    "InstanceMethod": "a method of a tensor that tf.keras recorded as a layer",
    "InstanceProperty": "a property of a tensor that tf.keras recorded as a layer",
    "TensorFlowOpLayer": "an operation of TensorFlow that tf.keras recorded as a layer",
    "DenseFeatures": "a layer of tf.keras over TensorFlow's feature columns",
    "SequenceFeatures": "a layer of tf.keras over TensorFlow's feature columns",
    "RandomFourierFeatures": "an experimental layer of tf.keras: random features of a kernel",
    "RandomHeight": "a layer of tf.keras that changed the height of images by chance, in training only",
    "RandomWidth": "a layer of tf.keras that changed the width of images by chance, in training only",
    "SReLU": "a layer of Keras 1: a ReLU in three pieces with learnt thresholds",
    "ParametricSoftplus": "a layer of Keras 1: alpha * log(1 + exp(beta * x))",
    "LambdaMerge": "a layer of Keras 1 that merged inputs by code",
}
_SHORT_METRICS = {"accuracy", "acc", "crossentropy", "ce"}  # which one it is, the shape of the outputs decides
_NAMES_IN = {"activations", "initializers", "regularizers", "constraints", "losses", "metrics"}
_AROUND = {"inbound_nodes", "build_config", "name", "module", "registered_name"}
_MOST = 40


class Unknown(NamedTuple):
    """Something that isn't known.

    Attributes:
        name: its name.
        kind: "class", "function" or "code".
        where: where it stands, such as "layer 'encoder'" or "loss".
        compiled: whether it is an argument of `compile`.
    """

    name: str
    kind: str
    where: str
    compiled: bool = False


def find_unknown(config: Any) -> list[Unknown]:
    """All that a config names and that isn't known, each once."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # models that would be opened as plain ones
        return list(dict.fromkeys(_walk(config, "models", "the model", False)))


def _walk(value: Any, place: str | None, where: str, compiled: bool) -> Iterator[Unknown]:
    if isinstance(value, list):
        for item in value:
            yield from _walk(item, place, where, compiled)
    elif isinstance(value, str) and place in _NAMES_IN:
        if not _is_name_known(value, place):
            yield Unknown(value, "function", where, compiled)
    elif isinstance(value, dict) and isinstance(value.get("class_name"), str):
        yield from _walk_object(value, place, where, compiled)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _walk(item, place, where, compiled)


def _walk_object(value: dict, place: str | None, where: str, compiled: bool) -> Iterator[Unknown]:
    name, config = value["class_name"], value.get("config")
    if name == "__lambda__":
        yield Unknown("lambda", "code", where, compiled)
        return
    if name == "function":
        if not _is_name_known(config, place):
            yield Unknown(str(config), "function", where, compiled)
        return
    if name.startswith("__"):
        return
    own = config.get("name") if isinstance(config, dict) else None
    if place in ("layers", "models") and isinstance(own, str):
        where = f"layer {own!r}" if place == "layers" else where
    if "config" in value and not _is_class_known(value, place):
        yield Unknown(value.get("registered_name") or name, "class", where, compiled)
    if name == "Lambda" and isinstance(config, dict):
        yield from _walk_lambda(config, where)
        return
    for key, item in config.items() if isinstance(config, dict) else [("layers", config)]:
        if key not in _AROUND:
            yield from _walk(item, "layers" if key == "layers" else place_of(key), where, compiled)
    for key, item in (
        (value.get("compile_config") or {}).items() if isinstance(value.get("compile_config"), dict) else ()
    ):
        yield from _walk(item, place_of(key), key, True)


def _walk_lambda(config: dict, where: str) -> Iterator[Unknown]:
    from_outside = registry.custom_named(config.get("name"))
    function = config.get("function")
    if from_outside is None and serialization.is_code(function):
        yield Unknown(str(config.get("name")), "code", where)
    elif from_outside is None:
        named = function.get("config") if isinstance(function, dict) else function
        if not _is_name_known(named, "activations"):
            yield Unknown(str(named), "function", where)


def _is_class_known(value: dict, place: str | None) -> bool:
    try:
        find_class(value, place)
    except PlaitError:
        return False
    return True


def _is_name_known(name: Any, place: str | None) -> bool:
    if not isinstance(name, str) or (
        place == "metrics" and (name.lower() in _SHORT_METRICS or name in builtins_of("losses"))
    ):
        return isinstance(name, str)
    for namespace in (place, "functions"):
        try:
            registry.find(namespace or "activations", name)
        except NameUnknownError:
            continue
        return True
    return False


# ---------------------------------------------------------------------------- the error


def refuse_unknown(config: Any, error: Exception) -> None:
    """Raises one error with all that isn't known, if there is anything.

    Args:
        config: a config that couldn't be read.
        error: why, as the first of them said.

    Raises:
        UnsafeFileError: code among it.
        FileError: classes and functions.
    """
    found = find_unknown(config)
    code = [one for one in found if one.kind == "code"]
    named = [one for one in found if one.kind != "code"]
    if code:
        rest = f" Besides, {_tell(named)}" if named else ""
        raise UnsafeFileError(
            f"This file holds Python code as bytecode, and plait never runs code from a file: {_places(code)}. {_remedy(code)}{rest}"
        ) from error
    if named:
        raise FileError(_tell(named).replace("could not", "Could not", 1)) from error


def _places(found: list[Unknown]) -> str:
    return _joined([one.where for one in found])


def _joined(names: list[str]) -> str:
    return ", ".join(names[:_MOST]) + (f", and {len(names) - _MOST} more" if len(names) > _MOST else "")


def _remedy(code: list[Unknown]) -> str:
    """How to supply functions in the place of code."""
    layers = [one.name for one in code if one.name != "lambda"]
    if not layers:
        return (
            "Write the function in your program, register it with @plait.saving.register_keras_serializable(), and name it there"
            + (", or open the model with compile=False." if all(one.compiled for one in code) else ".")
        )
    given = ", ".join(f"{name!r}: function" for name in layers[:8])
    return (
        f"Write the function of each in your program, and pass custom_objects={{{given}}}; or pass a layer class of your "
        "own as custom_objects={'Lambda': ...}."
    )


def _tell(found: list[Unknown]) -> str:
    names = [f"{one.kind} {one.name!r} ({one.where})" for one in found]
    what = names[0] if len(found) == 1 else f"{len(found)} classes and functions: {_joined(names)}"
    gone = [f"{name!r} was {_GONE[name]}." for name in dict.fromkeys(one.name for one in found) if name in _GONE]
    near = did_you_mean(found[0].name, _known_classes()) if len(found) == 1 and not gone else ""
    them, they = ("it", "it is") if len(found) == 1 else ("each", "they are")
    given = ", ".join(f"{one.name.rpartition('>')[2]!r}: ..." for one in found[:8])
    compiled = (
        " compile=False opens the model without its losses and metrics." if any(one.compiled for one in found) else ""
    )
    text = (
        f"could not locate {what}.{near} If {they} yours, make {'it' if len(found) == 1 else 'them'} known: put "
        f"@plait.saving.register_keras_serializable() on {them}, or pass custom_objects={{{given}}}.{compiled}"
    )
    return " ".join([text, *gone, "plait never imports code that a file names."])


def _known_classes() -> list[str]:
    return [name for space in ("layers", "models", "losses", "metrics", "optimizers") for name in builtins_of(space)]
