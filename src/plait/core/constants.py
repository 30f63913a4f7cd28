"""Constants: the settings that a compiled program was traced with, and whether they are still the same.

A program reads variables as inputs (`core/program`); all else that its Python looked at while it was traced is in it for
good: a layer's rate, an activation, an optimizer's momentum, a number in a loss's closure or module. `Constants` is a list of all
that can be reached from some objects through attributes, containers, closures and globals.

Verbs: `Constants.changed` says whether anything has changed since the last look; `look` looks again.

Where nothing was set (`_watched`), a look costs the comparison of one number, and of what nobody announces: lists, dicts,
plain objects, closures and small NumPy arrays of the program's own.

What it is not: a copy. It holds references, and compares by identity; numbers and strings by value.
"""

import dis
import functools
import sys
import types
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import chain
from operator import is_
from typing import Any

import jax
import numpy as np

from plait.common.settings import settings
from plait.common.watched import Watched, bookkeeping, edits
from plait.core.graph import Graph, Operation
from plait.core.tensor import KerasTensor
from plait.core.variable import Variable

_SCALARS = (int, float, str, bool, complex, bytes, type(None))
_MOST_ITEMS = 256  # in a container; longer ones (vocabularies) count their changes themselves: `Layer.version`
_MOST_LOOSE = 256  # lists and objects to look at before each call; what more can be reached is known by identity
_MOST_BYTES = 4096  # of a NumPy array
_STILL = ("plait", "jax", "numpy", "optax", "keras")  # packages whose functions have no settings
_CONTAINERS = (list, tuple, dict, set, frozenset, deque)
_ATOMS = (*_SCALARS, jax.Array, KerasTensor, type, types.ModuleType, types.BuiltinFunctionType, np.dtype, np.generic)


class Constants:
    """The settings that can be reached from some objects.

    Args:
        roots: the objects: models, losses, optimizers; anything.

    >>> import plait
    >>> layer = plait.layers.Dropout(0.5)
    >>> constants = Constants([layer])
    >>> constants.changed()
    False
    >>> layer.rate = 0.1
    >>> constants.changed(), constants.changed()
    (True, False)
    """

    def __init__(self, roots: Iterable[Any]):
        self.roots = list(roots)
        self._look()

    def changed(self) -> bool:
        """Whether anything differs from the last look; looks again if so."""
        if self._edits == edits.count:
            # No Python between the containers: this stands before each call of a program.
            still = [*map(len, self._loose)] == self._lengths and all(
                map(is_, chain.from_iterable(self._loose), self._items)
            )
            if still and not (self._outside and self._changed_outside()):
                return False
        before = self._found
        self._look()
        return not _same(before, self._found)

    def refresh(self) -> None:
        """Looks again after a trace, in which calls may have left notes."""
        self._look()

    def _look(self) -> None:
        self._edits = edits.count
        walk = _Walk()
        for root in self.roots:
            walk.visit(root)
        self._found, self._loose = walk.found, walk.loose
        self._lengths, self._items = [*map(len, walk.loose)], [*chain.from_iterable(walk.loose)]
        self._cells, self._names, self._arrays = walk.cells, walk.names, walk.arrays
        self._outside = bool(walk.cells or walk.names or walk.arrays)

    def _changed_outside(self) -> bool:
        """Whether functions see other values, or an array holds other numbers."""
        for cell, kept in self._cells:
            if _content(cell) is not kept:
                return True
        for names, name, kept in self._names:
            if names.get(name) is not kept:
                return True
        return any(array.tobytes() != kept for array, kept in self._arrays)


def _same(before: list, after: list) -> bool:
    return len(before) == len(after) and all(
        a is b or (type(a) is type(b) and isinstance(a, _SCALARS) and a == b)
        for a, b in zip(before, after, strict=True)
    )


class _Slots:
    """The values of an object's slots, as they are now."""

    def __init__(self, thing: Any, names: tuple[str, ...]):
        self._thing, self._names = thing, names

    def __len__(self) -> int:
        return len(self._names)

    def __contains__(self, value: Any) -> bool:
        return any(item is value for item in self)

    def __iter__(self) -> Iterator[Any]:
        return (getattr(self._thing, name, None) for name in self._names)


@functools.cache
def _slots_of(cls: type) -> tuple[str, ...]:
    members = (item for parent in cls.__mro__ for item in vars(parent).items())
    return tuple(name for name, member in members if isinstance(member, types.MemberDescriptorType))


def _top(cls: type) -> str:
    """The package that a class is from."""
    return cls.__module__.partition(".")[0]


@functools.cache
def _globals_of(code: types.CodeType) -> tuple[str, ...]:
    """The names of its module that a function reads, also in comprehensions and functions that it makes."""
    steps = [(step.opname, step.argval) for step in dis.get_instructions(code)]
    counted = {name for kind, name in steps if kind == "STORE_GLOBAL"}  # notes of its own
    names = [name for kind, name in steps if kind == "LOAD_GLOBAL" and name not in counted]
    for inner in code.co_consts:
        names += _globals_of(inner) if isinstance(inner, types.CodeType) else ()
    return tuple(dict.fromkeys(names))


def _is_still(function: types.FunctionType) -> bool:
    """Whether a function is of a library that keeps no settings in its module."""
    top = function.__globals__.get("__name__", "").partition(".")[0]
    return top in _STILL or top in sys.stdlib_module_names


def _is_namespace(kind: type) -> bool:
    """Whether it is one of the classes of Python's own library whose objects hold a user's settings."""
    # `argparse` isn't imported for it: the import costs more than a small model.
    return kind in (types.SimpleNamespace, getattr(sys.modules.get("argparse"), "Namespace", None))


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not filled yet
        return None


class _Walk:
    """One look: `found` is what was seen, in order; the other lists are what may change without announcing it."""

    def __init__(self) -> None:
        self.found: list = [settings()]
        self.loose: list[Collection] = []
        self.cells: list[tuple[Any, Any]] = []
        self.names: list[tuple[Mapping, str, Any]] = []
        self.arrays: list[tuple[np.ndarray, bytes]] = []
        self._seen: set[int] = set()

    def visit(self, value: Any) -> None:
        found = self.found
        kind = type(value)
        if isinstance(value, _ATOMS) or getattr(kind, "_is_constant", False):
            found.append(value)
            return
        if id(value) in self._seen and kind is not tuple:
            found.append(value)
            return
        self._seen.add(id(value))
        if isinstance(value, _CONTAINERS):
            self._visit_container(value, kind)
            return
        found.append(value)
        if isinstance(value, Variable):
            found.append(value._trainable)
            self.visit(value.regularizer)
            self.visit(value.constraint)
        elif isinstance(value, Watched):
            left_out = bookkeeping(kind) | value._notes
            self._visit_class(kind)
            self._visit_attributes({name: item for name, item in vars(value).items() if name not in left_out})
        elif isinstance(value, types.FunctionType):
            self._visit_function(value)
        elif isinstance(value, types.MethodType):
            self.visit(value.__self__)
            self.visit(value.__func__)
        elif isinstance(value, functools.partial):
            self.visit((value.func, value.args, value.keywords))
        elif isinstance(value, Graph):
            for operation in value.operations:
                self.visit(operation)
        elif isinstance(value, np.ndarray):
            found.append(value.shape)
            if value.nbytes <= _MOST_BYTES and value.dtype != object:
                self.arrays.append((value, kept := value.tobytes()))
                found.append(kept)
        elif not isinstance(value, Operation) and (_top(kind) not in sys.stdlib_module_names or _is_namespace(kind)):
            self._visit_object(value, kind)

    def _visit_object(self, value: Any, kind: type) -> None:
        """The attributes of an object that doesn't announce when they are set."""
        if len(self.loose) > _MOST_LOOSE:
            return
        if type(getattr(value, "__dict__", None)) is dict:
            self._keep(vars(value))
            self._visit_attributes(vars(value))
        if slots := _slots_of(kind):
            attributes = _Slots(value, slots)
            self._keep(attributes)
            self._visit_attributes(dict(zip(slots, attributes, strict=True)))

    def _visit_attributes(self, attributes: dict) -> None:
        for name, item in attributes.items():
            self.found.append(name)
            self.visit(item)

    def _visit_container(self, value: Any, kind: type) -> None:
        self.found += (kind, len(value))
        if len(value) > _MOST_ITEMS:
            self.found.append(value)
            return
        if kind not in (tuple, frozenset):
            self._keep(value)
        if isinstance(value, dict):
            self.found.extend(key for key in value if isinstance(key, _SCALARS))
        for item in value.values() if isinstance(value, dict) else value:
            self.visit(item)

    def _keep(self, value: Any) -> None:
        self.loose += (value.keys(), value.values()) if isinstance(value, dict) else (value,)

    def _visit_function(self, function: Any) -> None:
        """What a function closes over, and what of its module it names."""
        if _is_still(function):
            return
        self.visit(function.__defaults__)
        self.visit(function.__kwdefaults__)
        for cell in function.__closure__ or ():
            content = _content(cell)
            self.cells.append((cell, content))
            self.visit(content)
        names = function.__globals__
        for name in _globals_of(function.__code__):
            value = names.get(name)
            if not isinstance(value, (type, types.ModuleType)):
                self.names.append((names, name, value))
                self.visit(value)

    def _visit_class(self, cls: type) -> None:
        """What a user's class holds: numbers and arrays of its own, and those of its module that its methods name.

        Lists and objects are left out: a `call` that counts in one would be compiled by the model and by the trainer in turn.
        """
        if id(cls) in self._seen:
            return
        self._seen.add(id(cls))
        for parent in cls.__mro__:
            if _top(parent) in _STILL or _top(parent) in sys.stdlib_module_names:
                continue
            for name, member in list(vars(parent).items()):
                if isinstance(member, types.FunctionType) and member.__module__ == parent.__module__:
                    for word in _globals_of(member.__code__):
                        self._visit_still(member.__globals__, word)
                elif not name.startswith("__"):
                    self._visit_still(vars(parent), name)

    def _visit_still(self, names: Mapping, name: str) -> None:
        value = names.get(name)
        if isinstance(value, (*_SCALARS, jax.Array)):
            self.names.append((names, name, value))
            self.found.append(value)
