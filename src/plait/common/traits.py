"""Facts about classes: which are plait's own, and which methods of a class are as plait wrote them.

A fact is declared where the class is written, by a decorator or a class attribute, or follows from which class of its
line defines a method. None is guessed from the name of a class or module. What is read often is read once a class.

Verbs: `of_plait` and `default` declare; `is_of_plait`, `own_of_plait`, `is_usual` and `has_default` ask; `read_once` remembers
an answer for each class.
"""

import functools
import weakref
from collections.abc import Callable
from typing import Any, TypeVar

_C = TypeVar("_C", bound=type)
_Method = TypeVar("_Method")


def of_plait(cls: _C) -> _C:
    """Declares a class to be one of plait's own: a decorator. Subclasses of it are not, unless they say so too."""
    cls._declared_by_plait = cls  # type: ignore[attr-defined]
    return cls


def is_of_plait(cls: type) -> bool:
    """Whether a class is one of plait's own, not a subclass that a program wrote.

    >>> @of_plait
    ... class Ours: ...
    >>> class Theirs(Ours): ...
    >>> is_of_plait(Ours), is_of_plait(Theirs)
    (True, False)
    """
    return getattr(cls, "_declared_by_plait", None) is cls


def read_once(read: Callable[[type], Any]) -> Callable[[type], Any]:
    """Makes a function of a class remember its answers, as long as the classes live: a decorator."""
    answers: weakref.WeakKeyDictionary[type, Any] = weakref.WeakKeyDictionary()

    @functools.wraps(read)
    def trait(cls: type) -> Any:
        try:
            return answers[cls]
        except KeyError:
            answers[cls] = read(cls)
            return answers[cls]

    return trait


def definer(cls: type, name: str) -> type | None:
    """The class in a class's line that defines an attribute; None where none does."""
    return next((parent for parent in cls.__mro__ if name in vars(parent)), None)


def is_usual(cls: type, *names: str) -> bool:
    """Whether these methods of a class are as plait wrote them, so that it is known what they do.

    >>> @of_plait
    ... class Ours:
    ...     def call(self): ...
    ...
    ...     def build(self): ...
    >>> class Theirs(Ours):
    ...     def call(self): ...
    >>> is_usual(Theirs, "build"), is_usual(Theirs, "build", "call")
    (True, False)
    """
    found = [definer(cls, name) for name in names]
    return all(parent is not None and is_of_plait(parent) for parent in found)


@read_once
def own_of_plait(cls: type) -> Any:
    """The first class in a class's line that is plait's own; None where none is."""
    return next((parent for parent in cls.__mro__ if is_of_plait(parent)), None)


def same_types(of: _Method) -> Callable[[Any], _Method]:
    """Says that a method has the types of another one, its parent's overloads among them: a decorator."""
    return lambda method: method


def default(method: Any) -> Any:
    """Marks a method as the one that classes have unless they define their own: a decorator.

    Its type is any, so that type checkers let a subclass define it with other parameters.
    """
    method.is_default = True
    return method


def has_default(cls: type, name: str) -> bool:
    """Whether a class has the default method of a name.

    >>> class Layer:
    ...     @default
    ...     def build(self): ...
    >>> class Dense(Layer):
    ...     def build(self): ...
    >>> has_default(Layer, "build"), has_default(Dense, "build")
    (True, False)
    """
    return getattr(getattr(cls, name, None), "is_default", False)
