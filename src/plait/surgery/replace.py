"""replace: other layers in place of some. remove: without them. rename: with other names."""

from collections.abc import Callable, Mapping
from typing import Any

from plait.common.messages import describe, did_you_mean, listing
from plait.common.tree import flatten
from plait.core.graph import Node
from plait.core.tensor import KerasTensor
from plait.errors import ArgumentError, GraphError
from plait.layers.base import Layer
from plait.models.model import Model
from plait.models.rewrite import rewrite, same_but_named
from plait.surgery.targets import base_of, chosen, inner_ones, inside, once_each


def replace(
    model: Model, pattern: Any, function: Layer | Callable[[Any], Any], name: str | None = None, share: bool = True
) -> Model:
    """Makes a model with other layers in place of some. A shared layer is replaced by one shared layer.

    Args:
        model: a model with a graph.
        pattern: names of layers (`"conv_*"`), also in inner models (`"encoder/conv_*"`), a function of a layer that says whether it is
            meant, or a list of these.
        function: makes the new layer from the old one; the old one back leaves it. Or the new layer, where one is meant.
        name: the new model's name.
        share: whether it shares the other layers and weights; False gives it copies.

    Raises:
        NameUnknownError: a pattern that no layer fits.
        GraphError: a layer behind that no longer fits; names the edge and both specs.

    >>> import plait
    >>> model = plait.Sequential([plait.Input((4,)), plait.layers.ReLU(name="act"), plait.layers.Dense(1)])
    >>> replace(model, "act", lambda old: plait.layers.ELU(name="act")).get_layer("act")
    <ELU name=act, built=True>
    """
    base = base_of(model, share)
    inner, rest = inside(base, pattern)
    if inner:
        make = once_each(function) if not isinstance(function, Layer) else function
        return replace(base, inner_ones(inner), once_each(lambda one: replace(one, rest, make)), name)
    meant = chosen(base, pattern, "replace")
    if isinstance(function, Layer) and len(meant) > 1:
        raise ArgumentError(
            f"replace: {pattern!r} fits {len(meant)} layers, {listing(layer.name for layer in meant)}; give a function that makes "
            "a new layer for each of them."
        )
    new = {id(old): function if isinstance(function, Layer) else function(old) for old in meant}
    wrong = [layer for layer in new.values() if not callable(layer)]
    if wrong:
        raise ArgumentError(f"replace: the function must give a layer, but gave {describe(wrong[0])}.")

    def change(node: Node, args: tuple, kwargs: dict) -> Any:
        layer = new.get(id(node.operation), node.operation)
        return None if layer is node.operation else layer(*args, **kwargs)

    return Model(
        base.input, rewrite(base._needs_graph("replace"), change, verb="replace")(base.output), name=name or model.name
    )


def remove(model: Model, pattern: Any, name: str | None = None, share: bool = True) -> Model:
    """Makes a model without some layers: what fed one of them feeds what it fed.

    Args:
        model: a model with a graph.
        pattern: names of layers, also in inner models (`"encoder/drop"`), a function of a layer, or a list of these.
        name: the new model's name.
        share: whether it shares the other layers and weights; False gives it copies.

    Raises:
        NameUnknownError: a pattern that no layer fits.
        GraphError: a layer where several tensors meet; or one behind that no longer fits, with the edge and both specs.

    >>> import plait
    >>> model = plait.Sequential([plait.Input((4,)), plait.layers.Dropout(0.5, name="drop"), plait.layers.Dense(1)])
    >>> [layer.name for layer in remove(model, "drop").layers if layer.name == "drop"]
    []
    """
    base = base_of(model, share)
    inner, rest = inside(base, pattern)
    if inner:
        return replace(base, inner_ones(inner), lambda one: remove(one, rest), name)
    gone = {id(operation) for operation in chosen(base, pattern, "remove")}

    def change(node: Node, args: tuple, kwargs: dict) -> Any:
        if id(node.operation) not in gone:
            return None
        if len(node.inputs) != 1 or len(node.outputs) != 1:
            raise GraphError(
                f"remove: {node.operation.name!r} takes {len(node.inputs)} tensors and gives {len(node.outputs)}, so it isn't "
                "clear what feeds what without it. Use plait.surgery.replace."
            )
        return next(leaf for leaf in flatten([list(args), kwargs]) if isinstance(leaf, KerasTensor))

    rewritten = rewrite(base._needs_graph("remove"), change, verb="remove")
    return Model(base.input, rewritten(base.output), name=name or model.name)


def rename(
    model: Model, names: Mapping[str, str] | Callable[[str], str] | str, name: str | None = None, share: bool = True
) -> Model:
    """Makes a model whose layers have other names. The renamed ones share all weights with the old ones.

    Args:
        model: a model with a graph.
        names: new names by old ones; or a function of a name; or a text that goes in front of all names.
        name: the new model's name.
        share: whether weights are shared; False gives copies.

    Raises:
        ArgumentError: an old name that no layer has.

    >>> import plait
    >>> model = plait.Sequential([plait.Input((4,)), plait.layers.Dense(1, name="out")])
    >>> rename(model, {"out": "price"}).layers[-1].name
    'price'
    """
    base = base_of(model, share)
    graph = base._needs_graph("rename")
    known = [operation.name for operation in graph.operations]
    new_name = _renaming(names, known)
    views: dict[int, Any] = {}

    def view(operation: Any) -> Any:
        wanted = new_name(operation.name)
        if wanted == operation.name:
            return operation
        if id(operation) not in views:
            views[id(operation)] = same_but_named(operation, wanted)
        return views[id(operation)]

    starts = [_renamed_input(tensor, new_name) for tensor in graph.inputs]
    rewritten = rewrite(graph, lambda node, args, kwargs: view(node.operation)(*args, **kwargs), starts, "rename")
    return Model(rewritten(base.input), rewritten(base.output), name=name or model.name)


def _renaming(names: Any, known: list[str]) -> Callable[[str], Any]:
    if isinstance(names, str):
        return lambda old: f"{names}{old}"
    if callable(names):
        return names
    wrong = [old for old in names if old not in known]
    if wrong:
        raise ArgumentError(
            f"rename: there is no layer {wrong[0]!r}.{did_you_mean(wrong[0], known)} There are {listing(known)}."
        )
    return lambda old: str(names.get(old, old))


def _renamed_input(tensor: Any, new_name: Callable[[str], str]) -> Any:
    from_layer = tensor.node.operation if tensor.node is not None and not tensor.node.inputs else None
    if from_layer is None or new_name(from_layer.name) == from_layer.name:
        return tensor
    return type(from_layer).from_config({**from_layer.get_config(), "name": new_name(from_layer.name)}).output
