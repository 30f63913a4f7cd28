"""freeze and unfreeze: which layers train, by name or pattern."""

import fnmatch
from collections.abc import Callable, Iterator
from typing import Any

from plait.common.messages import did_you_mean, listing
from plait.errors import NameUnknownError
from plait.layers.base import Layer


def freeze(model: Any, *patterns: str | Callable[[Layer], bool], until: str | None = None) -> list[str]:
    """Stops layers from training, from the next step on.

    Args:
        model: a model, or any layer with layers inside.
        patterns: names, patterns of paths (`"encoder/*"`), or functions of a layer; none means all.
        until: the name of a layer: all that lead to it, and nothing else, is frozen.

    Returns:
        the paths of the layers that are frozen now and weren't before.

    Raises:
        NameUnknownError: a pattern that no layer fits; says the nearest path.

    >>> import plait
    >>> model = plait.Sequential([plait.Input((4,)), plait.layers.Dense(3, name="trunk"), plait.layers.Dense(1)])
    >>> freeze(model, "trunk")
    ['trunk']
    """
    if until is not None:
        patterns = (*patterns, *_leading_to(model, until))
    return _set(model, patterns, False)


def unfreeze(model: Layer, *patterns: str | Callable[[Layer], bool]) -> list[str]:
    """Lets layers train again, from the next step on; the arguments are those of `freeze`."""
    return _set(model, patterns, True)


def _leading_to(model: Any, until: str) -> list[Callable[[Layer], bool]]:
    """A function that says whether a layer lies before another in the graph."""
    layer = model.get_layer(until)
    before: set[int] = set()
    stack = list(model._needs_graph("freeze").nodes_of(layer))
    while stack:
        for tensor in stack.pop().inputs:
            if tensor.node is not None and id(tensor.node.operation) not in before:
                before.add(id(tensor.node.operation))
                stack += model._graph.nodes_of(tensor.node.operation)
    return [lambda found: id(found) in before]


def _set(model: Layer, patterns: tuple, trainable: bool) -> list[str]:
    layers = dict(_paths(model))
    chosen: dict[str, Any] = {} if patterns else dict(layers)
    for pattern in patterns:
        found = {path: layer for path, layer in layers.items() if _fits(pattern, path, layer)}
        if not found and isinstance(pattern, str):
            raise NameUnknownError(
                f"{model.name}: no layer fits {pattern!r}.{did_you_mean(pattern, layers)} There are {listing(layers)}."
            )
        chosen.update(found)
    changed = [path for path, layer in chosen.items() if layer.trainable != trainable]
    for layer in chosen.values():
        layer.trainable = trainable
    return changed


def _paths(layer: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    for inner in layer._layers:
        path = f"{before}{inner.name}"
        yield path, inner
        yield from _paths(inner, f"{path}/")


def _fits(pattern: Any, path: str, layer: Any) -> bool:
    return bool(pattern(layer)) if callable(pattern) else fnmatch.fnmatchcase(path, pattern)
