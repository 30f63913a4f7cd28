"""What all verbs begin with: the model itself, or a copy of it; and the layers that a pattern means."""

import fnmatch
from collections.abc import Callable
from typing import Any

from plait.common.messages import did_you_mean, listing
from plait.core.graph import graph_of
from plait.errors import NameUnknownError
from plait.models.clone import clone_model
from plait.models.model import Model


def base_of(model: Model, share: bool) -> Model:
    """The model itself, or a copy of it with copies of its weights."""
    model._needs_graph("graph")
    return model if share else copy(model)


def copy(model: Model, name: str | None = None) -> Model:
    """Makes a model of the same form with layers of its own, and the same weights.

    Args:
        model: any model that its config can make again.
        name: the copy's name.

    >>> import plait
    >>> model = plait.Sequential([plait.Input((4,)), plait.layers.Dense(3)])
    >>> twin = copy(model)
    >>> twin.layers[0] is model.layers[0], bool((twin.get_weights()[0] == model.get_weights()[0]).all())
    (False, True)
    """
    twin = clone_model(model, recursive=True)
    if not twin.built and model._build_shapes:
        twin.build_for(model._build_shapes)
    twin.set_weights(model.get_weights())
    for mine, theirs in zip(twin._flatten_layers(), model._flatten_layers(), strict=True):
        mine._trainable = theirs._trainable
    for mine, theirs in zip(twin.weights, model.weights, strict=True):
        mine.trainable = theirs.trainable
    if name is not None:
        twin.name = name
    return twin


def inside(model: Model, pattern: Any) -> tuple[list[Any], str]:
    """The inner models that a path begins with (`"encoder/dense"`), and the rest of it; none, where a layer has the path as its name."""
    head, _, rest = pattern.partition("/") if isinstance(pattern, str) else ("", "", "")
    operations = model._needs_graph("graph").operations
    if not rest or any(fnmatch.fnmatchcase(operation.name, pattern) for operation in operations):
        return [], ""
    return [o for o in operations if graph_of(o) is not None and fnmatch.fnmatchcase(o.name, head)], rest


def inner_ones(models: list[Any]) -> Callable[[Any], bool]:
    """A pattern that means these models."""
    ids = set(map(id, models))
    return lambda layer: id(layer) in ids


def once_each(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A function of a layer that is asked once for each: a layer of two inner models is still one afterwards."""
    made: dict[int, tuple[Any, Any]] = {}

    def ask(layer: Any) -> Any:
        if id(layer) not in made:
            made[id(layer)] = layer, function(layer)
        return made[id(layer)][1]

    return ask


def chosen(model: Model, pattern: str | Callable[[Any], bool] | list | tuple, verb: str) -> list[Any]:
    """The operations of a model's graph that a pattern of names means, a function of a layer, or several of these.

    Raises:
        NameUnknownError: none; says the nearest name.
    """
    operations = model._needs_graph(verb).operations
    if isinstance(pattern, (list, tuple)):
        found = {id(operation) for part in pattern for operation in chosen(model, part, verb)}
        return [operation for operation in operations if id(operation) in found]
    found = [o for o in operations if (pattern(o) if callable(pattern) else fnmatch.fnmatchcase(o.name, pattern))]
    if not found:
        names = [operation.name for operation in operations]
        near = "" if callable(pattern) else did_you_mean(pattern, names)
        raise NameUnknownError(
            f"{verb}: no layer of {model.name!r} fits {pattern!r}.{near} There are {listing(names)}."
        )
    return found
