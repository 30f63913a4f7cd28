"""Reaching inside a model: tensors and layers by name, path or pattern, through the models inside.

A path names a layer, through nested models with slashes: `"encoder/conv_2"`. Behind a colon stands which call of a shared
layer is meant: `"tower:1"`. A pattern (`"block*/out"`) must fit just one.
"""

import fnmatch
from collections.abc import Iterator
from typing import Any

from plait.common.messages import describe, did_you_mean, listing
from plait.core.graph import Graph, Node, graph_of
from plait.core.tensor import KerasTensor
from plait.errors import ArgumentError, NameUnknownError
from plait.models.input_matching import match_inputs
from plait.models.rewrite import Names, rewrite


def layers_by_path(model: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """All layers inside, at any depth, by path, outer ones before inner ones."""
    for layer in model._layers:
        path = f"{before}{layer.name}"
        yield path, layer
        yield from layers_by_path(layer, f"{path}/")


def find_layer(model: Any, path: str) -> Any:
    """The layer of a path or pattern.

    Raises:
        NameUnknownError: no layer fits; says the nearest path.
        ArgumentError: several do.
    """
    layers = dict(layers_by_path(model))
    return layers[_one_of(path, list(layers), model.name)]


def find_tensor(model: Any, path: Any) -> Any:
    """The symbolic output (or outputs) of a layer, connected to the model's own inputs.

    Args:
        model: a model with a graph.
        path: a symbolic tensor of the graph, or a path as above.

    Raises:
        NameUnknownError: no layer of the graph fits; says the nearest path.
        ArgumentError: several do; a call that doesn't exist; what is neither path nor tensor.
    """
    if isinstance(path, KerasTensor):
        return path
    if not isinstance(path, str):
        raise ArgumentError(
            f"{model.name}.tensor: expected a path such as 'encoder/dense' or a symbolic tensor, but got {describe(path)}."
        )
    place, call = _place_and_call(path)
    graph = model._needs_graph("tensor")
    operations = dict(_operations_by_path(graph))
    chosen = _one_of(place, list(operations), model.name)
    return _reached(model, graph, chosen.split("/"), call)


def _place_and_call(path: str) -> tuple[str, int]:
    place, _, call = path.rpartition(":")
    return (place, int(call)) if place and call.isdigit() else (path, 0)


def _reached(model: Any, graph: Graph, parts: list[str], call: int) -> Any:
    operation: Any = next(o for o in graph.operations if o.name == parts[0])
    nodes = graph.nodes_of(operation)
    if len(parts) == 1:
        return _nth(nodes, call, operation, model).result
    inner = operation._graph
    outer: Node = _nth(nodes, call if len(nodes) > 1 else 0, operation, model)
    first, *_ = outer.args or (next(iter(outer.kwargs.values())),)
    starts = match_inputs(inner.input_structure, operation.input_names, first, operation.name)
    wanted = _reached(operation, inner, parts[1:], 0 if len(nodes) > 1 else call)
    part, names = Graph(inner.input_structure, wanted, owner=inner.owner), Names(graph)
    again = rewrite(part, lambda n, args, kwargs: names(n.operation, operation.name)(*args, **kwargs), starts)
    return again(wanted)


def _nth(nodes: list, call: int, operation: Any, model: Any) -> Any:
    if call >= len(nodes):
        raise ArgumentError(
            f"{model.name}.tensor: {operation.name!r} is called {len(nodes)} times, so there is no call {call}. The first is 0."
        )
    return nodes[call]


def _operations_by_path(graph: Graph, before: str = "") -> Iterator[tuple[str, Any]]:
    for operation in graph.operations:
        path = f"{before}{operation.name}"
        yield path, operation
        inner = graph_of(operation)
        if inner is not None:
            yield from _operations_by_path(inner, f"{path}/")


def _one_of(path: str, known: list[str], owner: str) -> str:
    if path in known:
        return path
    fitting = [name for name in known if fnmatch.fnmatchcase(name, path)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise ArgumentError(f"{owner}: {len(fitting)} layers fit {path!r}: {listing(fitting)}. Say which one.")
    raise NameUnknownError(f"{owner}: no layer fits {path!r}.{did_you_mean(path, known)} There are {listing(known)}.")


def find_opened(model: Any, opened: Graph, new: Any, path: Any) -> Any:
    """The tensor of a path in the graph that `inlined` made of a model's.

    Args:
        model: the model as it was.
        opened: its graph with the inner models opened.
        new: the opened tensors by the old ones.
        path: a symbolic tensor of the old graph, or a path.

    Raises:
        NameUnknownError, ArgumentError: as for `find_tensor`.
    """
    if isinstance(path, KerasTensor):
        return new(path)
    place, call = _place_and_call(path)
    operations = dict(_operations_by_path(model._needs_graph("between")))
    chosen = _one_of(place, list(operations), model.name)
    operation, parts = operations[chosen], chosen.split("/")
    if graph_of(operation) is not None and len(parts) == 1:
        return new(find_tensor(model, path))
    owner = parts[-2] if len(parts) > 1 else ""
    nodes = opened.nodes_of(operation)
    if not nodes:
        renamed = [o for o in opened.operations if o.name.startswith(f"{owner}_{operation.name}")]
        nodes = opened.nodes_of(renamed[0]) if renamed else []
    return _nth(nodes, call, operation, model).result
