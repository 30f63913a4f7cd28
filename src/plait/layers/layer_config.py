"""The config of a layer: what it takes to make it again, and a layer made of it.

Plait's own layers keep their arguments in attributes of the same names, and are read back from there. A class of the
program's own may keep them anywhere, so there counts what its constructor was called with.

Verbs: `arguments_of` returns them, `read_config` and `make_of_config` make.

What it is not: the form that files have. That is `common.serialization.serialize`.

Differs from Keras: an argument that is no plain data is told by the attribute of its name, where there is one; a
constructor that takes no `name`, `trainable` or `dtype` gets them set afterwards, so that its layer can be made again.
"""

from typing import Any

from plait.common.constructors import constructor_parameters, has_own_constructor, kept_arguments, takes_any_name
from plait.common.policies import DTypePolicy
from plait.common.registry import place_of
from plait.common.serialization import deserialize, given_config, plain
from plait.common.traits import is_of_plait

_OF_ALL = frozenset({"name", "trainable", "dtype", "activity_regularizer"})
RECENT_ARGUMENTS = ("lora_rank", "lora_alpha", "quantization_config")  # not said where None: older Keras refuses them
_SHAPES = frozenset({"input_shape", "input_dim", "batch_input_shape"})
_LATER = {
    "name": "name",
    "trainable": "trainable",
    "dtype": "dtype_policy",
    "activity_regularizer": "activity_regularizer",
}


def arguments_of(layer: Any, base: type) -> dict:
    """The arguments of a layer's constructor by name, as plain data, without those that all layers take.

    Args:
        layer: the layer.
        base: the class of all layers, whose own arguments are told elsewhere.

    Raises:
        ConfigError: an argument that no config can hold.
    """
    cls = _telling_class(type(layer), base)
    constructor = next(vars(parent) for parent in cls.__mro__ if "__init__" in vars(parent))
    if cls is base or constructor.get("_tells_constructor"):
        return {}
    told = _arguments(layer, cls)
    unsaid = {*_OF_ALL, *(key for key in RECENT_ARGUMENTS if told.get(key) is None)}
    return {key: plain(value) for key, value in told.items() if key not in unsaid}


def _telling_class(cls: type, base: type) -> type:
    """The class whose constructor has the config's arguments: the first below which nobody writes `get_config` by hand.

    A parent may say by `_tells_constructor` that its own `get_config` leaves it at that.
    """
    chain = cls.__mro__[: cls.__mro__.index(base)]
    writing = [vars(parent) for parent in chain]
    overriding = [i for i, own in enumerate(writing) if "get_config" in own and not own.get("_tells_constructor")]
    return cls.__mro__[overriding[-1] + 1] if overriding else cls


def _arguments(layer: Any, cls: type) -> dict:
    parameters = constructor_parameters(cls)
    if cls is type(layer) and has_own_constructor(cls):
        told = given_config(layer, *layer._constructed_with)
        if told is not None:
            return {name: value for name, value in told.items() if name in parameters or name not in _SHAPES}
    return _arguments_kept(layer, cls)


def _arguments_kept(layer: Any, cls: type) -> dict:
    """The arguments from attributes, or as they were given if the layer doesn't keep one.

    What a constructor passes on by `**kwargs` is there as far as it was given.
    """
    parameters = constructor_parameters(cls)
    given_args, given = layer._constructed_with if cls is type(layer) else ((), {})
    given = {**dict(zip(parameters, given_args, strict=False)), **given}
    config = kept_arguments(layer, cls, given)
    passed_on = {name: getattr(layer, name, value) for name, value in given.items() if name not in parameters}
    config.update({name: value for name, value in passed_on.items() if name not in _SHAPES})
    config.pop("autocast", None)
    return config


def read_config(cls: type, config: dict) -> dict:
    """A config's values, with those in object form made into objects, without options that plait doesn't have."""
    is_ours = is_of_plait(cls)
    if is_ours:
        known = {*constructor_parameters(cls), *_OF_ALL, "autocast"}
        config = {key: value for key, value in config.items() if key in known or value not in (None, False)}
    read = {key: _read_value(value, place_of(key) if is_ours else None) for key, value in config.items()}
    if type(read.get("dtype")) is DTypePolicy:
        read["dtype"] = read["dtype"].name  # what constructors of programs' own expect
    return read


def _read_value(value: Any, place: str | None) -> Any:
    if isinstance(value, list):
        return [_read_value(item, place) for item in value]
    return deserialize(value, None, place) if isinstance(value, dict) and "class_name" in value else value


def make_of_config(cls: type, config: dict) -> Any:
    """A layer of a config whose values are read."""
    if takes_any_name(cls):
        return cls(**config)
    untaken = {key: config.pop(key) for key in _LATER if key in config and key not in constructor_parameters(cls)}
    layer = cls(**config)
    for key, value in untaken.items():
        setattr(layer, _LATER[key], value)
    return layer
