"""Objects that announce when an attribute is set, so that compiled programs notice changed settings at no cost.

A program holds settings (a rate, an activation, a clipping norm) as constants. Looking through all layers before each call
would cost more than the call. So classes with settings are `Watched`: setting an attribute raises one global number, and
only where that number has changed does somebody look (`core/constants`).

Inside a call that is being traced, an attribute that is set is a note of the call's own (a counter, the last shape): it
is remembered as such, by name, and is no setting from then on. Otherwise a layer that counts its calls would be compiled
at each of them.

Verbs: `edits.count` is the number, `mark_edit` raises it.

What it is not: a store of values. Attributes are plain ones.
"""

from collections.abc import Container
from functools import cache
from typing import Any, ClassVar

from plait.common.scope import current


class _Edits:
    """A number that grows when a setting may have changed."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0


_SCALARS = frozenset({bool, int, float, str, type(None)})
edits = _Edits()  # an object, because it is read at each step, and a function costs more than an attribute


def mark_edit() -> None:
    """Notes that a setting may have changed."""
    edits.count += 1


class Watched:
    """An object whose attributes are settings that programs may hold as constants.

    Attributes:
        _bookkeeping: names of attributes of this class that are no settings; those of parents hold too.
        _followed: endings of names; `_follow(name, value)` is called where such an attribute was set.

    >>> class Rate(Watched):
    ...     pass
    >>> rate, before = Rate(), edits.count
    >>> rate.value = 0.5
    >>> edits.count > before
    True
    """

    _bookkeeping: ClassVar[frozenset[str]] = frozenset({"_notes"})
    _followed: ClassVar[tuple[str, ...]] = ()
    _unchecked: ClassVar[set[str]] = (
        set()
    )  # names that take any value without a check, as far as the class has met them
    _unchecked_scalars: ClassVar[set[str]] = set()
    _notes: frozenset[str] = frozenset()

    def __init_subclass__(cls, **kwargs: Any):
        super().__init_subclass__(**kwargs)
        cls._unchecked, cls._unchecked_scalars = set(), set()

    def __setattr__(self, name: str, value: Any) -> None:
        # The short way, with no call in it: a network of 500 layers sets 14,000 attributes while it is made.
        if (name in self._unchecked or (type(value) in _SCALARS and name in self._unchecked_scalars)) and (
            current().bindings is None
        ):
            attributes = self.__dict__
            if name not in attributes or attributes[name] is not value:
                attributes[name] = value
                edits.count += 1
        elif self.__dict__.get(name, self) is not value:
            self._set(name, value)

    def _set(self, name: str, value: Any) -> None:
        if type(value) not in _SCALARS:
            self._guard(name, value)
        try:
            object.__setattr__(self, name, value)
        except AttributeError as error:
            raise self._refusal(name, error) from None
        if current().bindings is None:
            mark_edit()
        elif name not in self._notes:
            object.__setattr__(self, "_notes", self._notes | {name})
        cls = type(self)
        if cls._followed and name.endswith(cls._followed):
            self._follow(name, value)
        elif not hasattr(type(getattr(cls, name, None)), "__set__"):  # no property, which decides for itself
            (cls._unchecked_scalars if name in self._names_of_plait() else cls._unchecked).add(name)

    @classmethod
    def _names_of_plait(cls) -> Container[str]:
        """The names that `_guard` looks at."""
        return ()

    def _guard(self, name: str, value: Any) -> None:
        """Refuses what may not stand under a name; a number or string may."""

    def _refusal(self, name: str, error: AttributeError) -> AttributeError:
        """The error for an attribute that Python doesn't let anybody set."""
        return error

    def _follow(self, name: str, value: Any) -> None:
        """Passes a setting on to what was made with it."""

    def __delattr__(self, name: str) -> None:
        super().__delattr__(name)
        mark_edit()


@cache
def bookkeeping(cls: type) -> frozenset[str]:
    """The names of attributes of a class that are no settings, its parents' among them."""
    return frozenset().union(*(vars(parent).get("_bookkeeping", ()) for parent in cls.__mro__))
