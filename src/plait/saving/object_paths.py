"""Places: where in a weights file each object stands that has something to keep.

The order and the names are Keras's, because its files depend on them. The tree follows attributes: an object is written at
the first path that leads to it. A model with a graph has its `layers` first; all other attributes follow by name, those
that begin with an underscore last. What stands in a list or dict is called by its class and a number: `layers/dense_1` is
the second Dense of `model.layers`, whatever its name.

Verbs: `find_places(model)` walks.

What it is not: `Owner.weights`. That order is by attribute too, but as they were set.
"""

from collections.abc import Iterator
from typing import Any

from plait.common.names import snake_case
from plait.common.traits import read_once
from plait.core.holder import attributes_of, walk


class Place:
    """Where an object stands.

    Attributes:
        thing: the object: it has `save_own_variables`.
        parents: the places it is reached from, each with its name there; the first is where it is written.
    """

    def __init__(self, thing: Any):
        self.thing = thing
        self.parents: list[tuple[Place, str]] = []

    @property
    def path(self) -> str:
        """Where it is written: `layers/dense_1`; empty for the model itself."""
        if not self.parents:
            return ""
        parent, name = self.parents[0]
        return f"{parent.path}/{name}".removeprefix("/")

    @property
    def title(self) -> str:
        """What to call it in a message: its name and its place."""
        name = getattr(self.thing, "name", type(self.thing).__name__)
        return f"{type(self.thing).__name__} {name!r} ({self.path or 'the model itself'})"

    def __repr__(self) -> str:
        return f"<Place {self.path} of {self.thing!r}>"


def find_places(root: Any) -> list[Place]:
    """All objects below one that have something to keep, itself first, in the order in which they are written.

    >>> import plait
    >>> model = plait.Sequential([plait.Input((2,)), plait.layers.Dense(3, name="a"), plait.layers.Dense(1, name="b")])
    >>> [place.path for place in find_places(model)]
    ['', 'layers/dense', 'layers/dense_1']
    """
    places: dict[int, Place] = {id(root): Place(root)}
    _walk(places[id(root)], places)
    return list(places.values())


def _walk(place: Place, places: dict[int, Place]) -> None:
    for name, value in _attributes(place.thing):
        for path, child in walk(value, _keeps_something, name, stem_of):
            _visit(place, path, child, places)


def _visit(parent: Place, name: str, child: Any, places: dict[int, Place]) -> None:
    known = places.get(id(child))
    place = known or places.setdefault(id(child), Place(child))
    if place.parents or known is None:  # the model itself has no parent, wherever it is held
        place.parents.append((parent, name))
    if known is None:
        _walk(place, places)


def _keeps_something(thing: Any) -> bool:
    return hasattr(thing, "save_own_variables") and not isinstance(thing, type)


def stem_of(thing: Any) -> str:
    """What an object in a container is called, but for the number: the name of its class in files, in snake_case."""
    cls = type(thing)
    identity = cls.file_identity(thing) if hasattr(cls, "file_identity") else None
    return getattr(cls, "_file_stem", None) or snake_case(identity[1] if identity else cls.__name__)


def _attributes(thing: Any) -> Iterator[tuple[str, Any]]:
    """The attributes of an object that may lead to others: properties too, for some files name their objects by them."""
    if getattr(thing, "_layers_first", False):
        yield "layers", thing.layers
    held = dict(attributes_of(thing))
    for name in sorted({*held, *_names_in_class(type(thing))}, key=lambda name: (name.startswith("_"), name)):
        try:
            value = held[name] if name in held else getattr(thing, name)
        except Exception:
            continue
        yield name, value


@read_once
def _names_in_class(cls: type) -> set[str]:
    """The attributes of a class that may lead to objects, but for those that every layer, model or optimizer has."""
    names = {name for name in dir(cls) if not name.startswith("__")}
    for parent in cls.__mro__:
        if "_leads_to" in vars(parent):
            names -= {*dir(parent)} - {*parent._leads_to.split()}  # type: ignore[attr-defined]
    return names
