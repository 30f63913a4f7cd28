"""feed: new inputs in the middle of a model. split: a model as stages, one feeding the next."""

from collections.abc import Sequence
from typing import Any

from plait.common.tree import flatten, map_structure_in_order
from plait.core.graph import Graph
from plait.core.tensor import KerasTensor
from plait.errors import ArgumentError, GraphError
from plait.layers.input import Input
from plait.models.model import Model
from plait.models.rewrite import rewrite
from plait.surgery.targets import base_of


def feed(model: Model, at: Any, outputs: Any = None, name: str | None = None, share: bool = True) -> Model:
    """Makes a model that begins with tensors inside another; inputs that are still needed stay.

    Args:
        model: a model with a graph.
        at: paths of layers, or symbolic tensors: what the new inputs stand for. A dict gives the inputs' names.
        outputs: what it computes, as paths or tensors; None means the model's outputs.
        name: the new model's name.
        share: whether it shares the layers and weights; False gives it copies.

    Raises:
        NameUnknownError: a path that leads to no layer.

    >>> import plait
    >>> model = plait.Sequential([plait.Input((4,)), plait.layers.Dense(3, name="h"), plait.layers.Dense(1)])
    >>> feed(model, "h").input_shape
    (None, 3)
    """
    base = base_of(model, share)
    places = map_structure_in_order(base.tensor, at)
    ends = base.output if outputs is None else map_structure_in_order(base.tensor, outputs)
    names = dict(zip(map(id, flatten(places)), _names_of(at, places), strict=True))
    new: dict[int, Any] = {id(tensor): _input_like(tensor, names[id(tensor)]) for tensor in flatten(places)}
    needed = _still_needed(base._needs_graph("feed"), flatten(places), ends)
    part = Graph([*flatten(places), *needed], ends, owner=f"feed: {model.name!r}")
    rewritten = rewrite(part, starts=[new.get(id(t), t) for t in part.inputs], verb="feed")
    starts: Any = map_structure_in_order(lambda tensor: new[id(tensor)], places)
    if needed:
        starts = {**starts, **{t.name: t for t in needed}} if isinstance(starts, dict) else [*flatten(starts), *needed]
    return Model(starts, rewritten(ends), name=name)


def _names_of(at: Any, places: Any) -> list[str]:
    if isinstance(at, dict):
        return [str(key) for key in sorted(at)]
    return [tensor.node.operation.name if tensor.node is not None else tensor.name for tensor in flatten(places)]


def _input_like(tensor: KerasTensor, name: str) -> KerasTensor:
    return Input(batch_shape=tensor.shape, dtype=tensor.dtype, name=f"{name}_input" if "/" not in name else None)


def _still_needed(graph: Graph, places: list[KerasTensor], ends: Any) -> list[KerasTensor]:
    """The inputs of a graph that the ends need though the places are given."""
    known, needed, seen = {id(tensor) for tensor in places}, [], set()
    stack = flatten(ends)
    while stack:
        tensor = stack.pop()
        if id(tensor) in known or id(tensor) in seen:
            continue
        seen.add(id(tensor))
        if any(tensor is start for start in graph.inputs):
            needed.append(tensor)
        elif tensor.node is not None:
            stack += tensor.node.inputs
    return [tensor for tensor in graph.inputs if any(tensor is one for one in needed)]


def split(model: Model, at: Sequence[Any], share: bool = True) -> list[Model]:
    """Makes stages of a model: each takes what the one before gives, and together they compute what it computes.

    Args:
        model: a model with a graph.
        at: where to cut, in order: paths of layers, or symbolic tensors; lists of such where several cross a border.
        share: whether the stages share the layers and weights; False gives them copies.

    Raises:
        ArgumentError: nowhere to cut.
        GraphError: a stage that needs more than the border before it gives; says which tensor.

    >>> import plait
    >>> model = plait.Sequential([plait.Input((4,)), plait.layers.Dense(3, name="h"), plait.layers.Dense(1)])
    >>> [stage.output_shape for stage in split(model, ["h"])]
    [(None, 3), (None, 1)]
    """
    if isinstance(at, (str, KerasTensor)):
        at = [at]
    if not at:
        raise ArgumentError("split: `at` says where to cut, in order, and must list one place at least.")
    base = base_of(model, share)
    borders: list[Any] = [map_structure_in_order(base.tensor, place) for place in at]
    stages = []
    for index, (start, end) in enumerate(zip([base.input, *borders], [*borders, base.output], strict=True)):
        stage = (
            Model(start, end, name=f"{model.name}_1")
            if index == 0
            else feed(base, start, end, name=f"{model.name}_{index + 1}")
        )
        if len(stage.inputs) > len(flatten(start)):
            extra = [tensor.name for tensor in stage.inputs[len(flatten(start)) :]]
            raise GraphError(
                f"split: stage {index + 1} of {model.name!r} needs {extra} besides what stage {index} gives. List the tensors "
                "that cross the border together."
            )
        stages.append(stage)
    return stages
