"""Places: where in a weights file each object stands that has something to keep.

The order and the names are Keras's, because its files depend on them. The tree follows attributes: an object is written at
the first path that leads to it. A model with a graph has its `layers` first; all other attributes follow by name, those
that begin with an underscore last. What stands in a list or dict is called by its class and a number: `layers/dense_1` is
the second Dense of `model.layers`, whatever its name.

Verbs: `find_places(model)` walks.

What it is not: `Owner.weights`. That order is by attribute too, but as they were set.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

from plait._names import snake_case
from plait.layers.base import Layer
from plait.optimizers.base import Optimizer

_STEMS = {"GroupQueryAttention": "grouped_query_attention"}  # what Keras calls this class inside
_MODEL_PARTS = {"layers", "optimizer"}


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
    for name, child in _attributes(place.thing):
        if _keeps_something(child):
            _visit(place, name, child, places)
        elif isinstance(child, (list, tuple, set, dict)):
            _walk_container(place, name, child, places)


def _visit(parent: Place, name: str, child: Any, places: dict[int, Place]) -> None:
    known = places.get(id(child))
    place = known or places.setdefault(id(child), Place(child))
    if place.parents or known is None:  # the model itself has no parent, wherever it is held
        place.parents.append((parent, name))
    if known is None:
        _walk(place, places)


def _walk_container(
    parent: Place, path: str, container: Any, places: dict[int, Place], around: tuple[int, ...] = ()
) -> None:
    """Visits what a container holds; `around` are the containers it lies in, for one may hold itself."""
    if id(container) in around:
        return
    counts: dict[str, int] = {}
    for child in container.values() if isinstance(container, dict) else container:
        keeps = _keeps_something(child)
        if keeps or isinstance(child, (list, tuple, set, dict)):
            stem = stem_of(child) if keeps else "container"
            count = counts[stem] = counts.get(stem, -1) + 1
            name = f"{path}/{stem}_{count}" if count else f"{path}/{stem}"
            if keeps:
                _visit(parent, name, child, places)
            else:
                _walk_container(parent, name, child, places, (*around, id(container)))


def _keeps_something(thing: Any) -> bool:
    return hasattr(thing, "save_own_variables") and not isinstance(thing, type)


def stem_of(thing: Any) -> str:
    """What an object in a container is called, but for the number: its class's name in snake_case."""
    cls = type(thing)
    if cls.__name__ == "Model" and cls.__module__.startswith("plait.") and getattr(thing, "graph", None) is not None:
        return "functional"
    return snake_case(_STEMS.get(cls.__name__, cls.__name__))


def _attributes(thing: Any) -> Iterator[tuple[str, Any]]:
    """The attributes of an object that may lead to others: properties too, for some files name their objects by them."""
    if _has_layers_first(thing):
        yield "layers", thing.layers
    skipped = _skipped_of(type(thing))
    for name in sorted(dir(thing), key=lambda name: (name.startswith("_"), name)):
        if name in skipped or name.startswith("__"):
            continue
        try:
            value = getattr(thing, name)
        except Exception:
            continue
        yield name, value


def _has_layers_first(thing: Any) -> bool:
    names = {cls.__name__ for cls in type(thing).__mro__ if cls.__module__.startswith("plait.models")}
    return "Sequential" in names or ("Model" in names and thing.graph is not None)


def _skipped_of(cls: type) -> set[str]:
    """The attributes that every layer, model or optimizer has, which lead to nothing of its own."""
    names: set[str] = set()
    if issubclass(cls, Layer):
        names.update(_attributes_of_layers())
    if issubclass(cls, Optimizer):
        names.update(dir(Optimizer))
    for parent in cls.__mro__:
        if parent.__module__.startswith("plait.models"):
            names.update(set(vars(parent)) - _MODEL_PARTS)
            names.add("_chain")  # the layers of a Sequential, with the Input that its `layers` leaves out
    return names


@cache
def _attributes_of_layers() -> frozenset[str]:
    return frozenset(dir(Layer(name="any")))
