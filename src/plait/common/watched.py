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

from functools import cache
from typing import Any, ClassVar

from plait.common.scope import current


class _Edits:
    """A number that grows when a setting may have changed."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0


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
    _notes: frozenset[str] = frozenset()

    def __setattr__(self, name: str, value: Any) -> None:
        if self.__dict__.get(name, self) is value:
            return
        super().__setattr__(name, value)
        if current().bindings is None:
            mark_edit()
        elif name not in self._notes:
            super().__setattr__("_notes", self._notes | {name})
        if type(self)._followed and name.endswith(type(self)._followed):
            self._follow(name, value)

    def _follow(self, name: str, value: Any) -> None:
        """Passes a setting on to what was made with it."""

    def __delattr__(self, name: str) -> None:
        super().__delattr__(name)
        mark_edit()


@cache
def bookkeeping(cls: type) -> frozenset[str]:
    """The names of attributes of a class that are no settings, its parents' among them."""
    return frozenset().union(*(vars(parent).get("_bookkeeping", ()) for parent in cls.__mro__))
