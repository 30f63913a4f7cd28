"""Constructors, read: their parameters, what an object was made with, and what it kept."""

import functools
import inspect
from collections.abc import Mapping
from typing import Any

from plait.common.messages import listing
from plait.common.traits import is_usual
from plait.errors import ConfigError

_parameters: dict[type, dict[str, inspect.Parameter]] = {}


def constructor_parameters(cls: type) -> dict[str, inspect.Parameter]:
    """The named parameters of a class's constructor, without `self`, `*args` and `**kwargs`."""
    known = _parameters.get(cls)
    if known is None:
        plain = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
        found = inspect.signature(cls.__init__).parameters.items() if cls.__init__ is not object.__init__ else ()
        known = _parameters[cls] = {name: p for name, p in list(found)[1:] if p.kind in plain}
    return known


@functools.cache
def takes_any_name(cls: type) -> bool:
    """Whether a class's constructor takes arguments of any name: `**kwargs`."""
    return any(p.kind is p.VAR_KEYWORD for p in inspect.signature(cls.__init__).parameters.values())


def has_own_constructor(cls: type) -> bool:
    """Whether a class of the program's own has a constructor that isn't plait's."""
    return not is_usual(cls, "__init__")


def kept_arguments(thing: Any, cls: type, given: Mapping[str, Any] | None = None) -> dict:
    """The arguments of a class's constructor by name, read back from the object's attributes of the same names.

    Args:
        thing: the object.
        cls: its class, or one above it.
        given: what the constructor got, for arguments that the object doesn't keep; these then have their defaults. None
            leaves out what isn't kept.

    Raises:
        ConfigError: without `given`, the constructor needs an argument that the object doesn't keep under its name.
    """
    parameters = constructor_parameters(cls)
    kept = {name: getattr(thing, name) for name in parameters if hasattr(thing, name)}
    if given is not None:
        known = {**_defaults(parameters), **given, **kept}
        return {name: known[name] for name in parameters if name in known}
    missing = [name for name, p in parameters.items() if p.default is p.empty and name not in kept]
    if missing:
        raise ConfigError(
            f"{cls.__name__}: cannot tell its config, because the constructor takes {listing(missing)} and the object "
            "has no attributes of those names. Store the arguments under their own names, or write `get_config`."
        )
    return kept


def given_arguments(cls: type, args: tuple, kwargs: Mapping[str, Any]) -> dict | None:
    """The arguments of a call of a class by name, with the defaults of those left out; None if they don't fit.

    Raises:
        ConfigError: an argument without a name.
    """
    signature = inspect.signature(cls.__init__)
    try:
        bound = signature.bind(None, *args, **kwargs)
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
    return {**_defaults(constructor_parameters(cls)), **named}


def _defaults(parameters: Mapping[str, inspect.Parameter]) -> dict:
    return {name: p.default for name, p in parameters.items() if p.default is not p.empty}
