"""What an object holds: the variables, layers, metrics and seed generators that its attributes lead to.

A `Holder` keeps no list of what it owns. Whoever asks (for weights, for metrics, for a file) walks the attributes then,
through lists, tuples, sets and dicts. So what was appended to a list or taken out of it is seen at once, and an attribute
counts under whatever name it stands.

Three kinds of names are plait's. A record (`_records` of each class) is a note that plait keeps on the object, and the walk
leaves it out. A hook (`_hooks`, and every private method) is a method that plait calls. A property is computed. A layer or
variable under such a name would be lost, or take the method's place, so it is refused when it is set. A `shown` property
gives way instead: an object may have something of its own under that name.

Verbs: `walk` goes through a value, `held_by` through the attributes of an object.

Life under jit: none.

What it is not: tracking. Nothing is recorded when an attribute is set, and lists stay lists.

Differs from Keras: there, `__setattr__` sorts every value that is set into stores, and wraps lists and dicts.
"""

import collections
import copy
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, overload

from plait.common.traits import is_of_plait, of_plait, read_once
from plait.common.watched import Watched, mark_edit
from plait.core.variable import Variable
from plait.errors import NameTakenError

_PLAIN = (str, int, float, bool, type(None))
_CONTAINERS = (list, tuple, set, dict)
_Value = TypeVar("_Value")


class shown(Generic[_Value]):
    """A property that gives way to an attribute of its name: a decorator.

    >>> class Model:
    ...     @shown
    ...     def loss(self):
    ...         return "as compiled"
    >>> model = Model()
    >>> first, model.loss = model.loss, "my own"
    >>> first, model.loss
    ('as compiled', 'my own')
    """

    def __init__(self, compute: Callable[[Any], _Value]):
        self._compute = compute
        self.__doc__ = compute.__doc__

    @overload
    def __get__(self, thing: None, cls: type | None = None) -> "shown[_Value]": ...

    @overload
    def __get__(self, thing: object, cls: type | None = None) -> _Value: ...

    def __get__(self, thing: Any, cls: type | None = None) -> Any:
        return self if thing is None else self._compute(thing)

    if TYPE_CHECKING:  # at run time there is none, so that what is set goes into the object

        def __set__(self, thing: object, value: Any) -> None: ...


@of_plait
class Holder(Watched):
    """The parent of all that holds variables: layers, models, metrics and optimizers; and of losses."""

    _held_as: ClassVar[str] = ""  # what it is for an object that holds it: "layer", "metric"
    _records: ClassVar[str] = "_notes _unchecked _unchecked_scalars"
    _hooks: ClassVar[str] = "_set _follow"  # of the parent, which isn't declared to be of plait

    @classmethod
    def _names_of_plait(cls) -> Mapping[str, str]:
        return _find_names(cls)

    def _guard(self, name: str, value: Any) -> None:
        part = next(parts_of(value), None)
        if part is not None and name in _find_names(type(self)):
            raise self._taken(name, f" to a {kind_of(part)}", _find_names(type(self))[name])

    def _refusal(self, name: str, error: AttributeError) -> AttributeError:
        member = getattr(type(self), name, None)
        return error if not isinstance(member, property) or member.fset else self._taken(name, "", "computed")

    def _taken(self, name: str, to: str, use: str) -> NameTakenError:
        title = f"{type(self).__name__} {vars(self).get('name', '')!r}"
        return NameTakenError(f"{title}: cannot set `{name}`{to}, because it is {use}. Choose another name.")

    def __copy__(self) -> "Holder":
        """A copy with variables of its own, as in Keras: one that shares them would change with this one."""
        return copy.deepcopy(self)


@read_once
def _find_names(cls: Any) -> dict[str, str]:
    """The names that plait uses on an object of a class, each with what for."""
    names: dict[str, str] = {}
    for parent in reversed(cls.__mro__):
        if is_of_plait(parent):
            own = vars(parent)
            methods = [name for name, member in own.items() if _is_private(name) and _is_method(member)]
            names.update(dict.fromkeys([*methods, *own.get("_hooks", "").split()], "a method that plait calls"))
            names.update(dict.fromkeys(own.get("_records", "").split(), "where plait keeps a note of its own"))
    return names


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def _is_method(member: Any) -> bool:
    return callable(member) or isinstance(member, (classmethod, staticmethod))


@read_once
def records_of(cls: Any) -> frozenset[str]:
    """The names under which plait keeps notes on an object, gathered over its classes."""
    own = (vars(parent).get("_records", "").split() for parent in cls.__mro__ if is_of_plait(parent))
    return frozenset(name for names in own for name in names)


def keep(thing: Holder, **records: Any) -> None:
    """Sets records that hold variables: those of others, or some that are found in another way."""
    vars(thing).update(records)
    mark_edit()


def uncover(thing: object, *names: str) -> None:
    """Removes what was set over shown properties, so that they show again; layers and variables stay."""
    for name in names:
        if next(parts_of(vars(thing).get(name)), None) is None:
            vars(thing).pop(name, None)


def kind_of(value: Any) -> str:
    """What a value is for an object that holds it; empty for what isn't a part."""
    if isinstance(value, Variable):
        return "variable"
    return getattr(type(value), "_held_as", "")


def parts_of(value: Any) -> Iterator[Any]:
    """The parts in a value, in order."""
    return (part for _, part in walk(value, kind_of))


def walk(
    value: Any, is_part: Callable, path: str = "", stem_of: Callable | None = None, around: tuple[int, ...] = ()
) -> Iterator[tuple[str, Any]]:
    """The parts in a value with their paths, in order, through lists, tuples, sets and dicts.

    Args:
        value: anything.
        is_part: whether a value is a part.
        path: where the value stands.
        stem_of: what a part is called in a container, but for its number; None leaves the path as it is.
        around: the containers that the value lies in, for one may hold itself.
    """
    if isinstance(value, _PLAIN):
        return
    if is_part(value):
        yield path, value
    elif isinstance(value, _CONTAINERS) and value and id(value) not in around:
        around, counts = (*around, id(value)), None if stem_of is None else collections.Counter()
        for item in value.values() if isinstance(value, dict) else value:
            if isinstance(item, _PLAIN):
                continue
            below = path
            if counts is not None and stem_of is not None and (is_part(item) or isinstance(item, _CONTAINERS)):
                stem = stem_of(item) if is_part(item) else "container"
                below = f"{path}/{stem}_{counts[stem]}" if counts[stem] else f"{path}/{stem}"
                counts[stem] += 1
            yield from walk(item, is_part, below, stem_of, around)


def attributes_of(thing: Any) -> Iterator[tuple[str, Any]]:
    """The attributes of an object that may lead to its parts, in the order in which they were set."""
    records = records_of(type(thing))
    return ((name, value) for name, value in list(vars(thing).items()) if name not in records)


def held_by(thing: Any, *kinds: str) -> Iterator[Any]:
    """The parts of some kinds that an object holds, in the order in which its attributes were set."""
    records = records_of(type(thing))
    for name, value in list(vars(thing).items()):
        if not isinstance(value, _PLAIN) and name not in records:
            kind = kind_of(value)
            if kind in kinds:
                yield value
            elif not kind and isinstance(value, _CONTAINERS):
                yield from (part for part in parts_of(value) if kind_of(part) in kinds)
