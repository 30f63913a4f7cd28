"""graft: a new head on any tensor of a model. insert: layers behind a tensor, before all that use it."""

from typing import Any

from plait.common.messages import describe
from plait.common.tree import flatten, map_structure_in_order
from plait.errors import GraphError, PlaitError
from plait.models.model import Model
from plait.models.rewrite import rewrite
from plait.surgery.targets import base_of


def graft(
    model: Model, head: Any, at: Any = None, keep: bool = False, name: str | None = None, share: bool = True
) -> Model:
    """Makes a model that goes on from inside another with a layer, a model, or a function of tensors.

    Args:
        model: a model with a graph.
        head: what is called on the tensors: a layer, a model, a list of layers, or a function.
        at: where: paths of layers or symbolic tensors, in any structure; None means the outputs.
        keep: whether the old outputs stay, with the new ones behind them.
        name: the new model's name.
        share: whether it shares the layers and weights; False gives it copies.

    Raises:
        GraphError: a head that the tensor doesn't fit; says both.

    >>> import plait
    >>> trunk = plait.Sequential([plait.Input((4,)), plait.layers.Dense(3, name="h"), plait.layers.Dense(1)])
    >>> graft(trunk, plait.layers.Dense(5), at="h").output_shape
    (None, 5)
    """
    base = base_of(model, share)
    place = base.output if at is None else map_structure_in_order(base.tensor, at)
    outputs = _called(head, place, f"graft on {model.name!r}")
    if keep:
        outputs = [*flatten(base.output), *flatten(outputs)]
    return Model(base.input, outputs, name=name)


def insert(model: Model, after: Any, new: Any, name: str | None = None, share: bool = True) -> Model:
    """Makes a model with something between a tensor and all that use it.

    Args:
        model: a model with a graph.
        after: the path of a layer, or a symbolic tensor.
        new: what comes in: a layer, a model, a list of layers, or a function.
        name: the new model's name.
        share: whether it shares the other layers and weights; False gives it copies.

    Raises:
        GraphError: a layer behind that no longer fits; names the edge and both specs.

    >>> import plait
    >>> model = plait.Sequential([plait.Input((4,)), plait.layers.Dense(3, name="h"), plait.layers.Dense(1)])
    >>> [layer.name for layer in insert(model, "h", plait.layers.Dropout(0.5, name="drop")).layers][1:3]
    ['h', 'drop']
    """
    base = base_of(model, share)
    graph = base._needs_graph("insert")
    place = base.tensor(after)
    starts = list(graph.inputs)

    def change(node: Any, args: tuple, kwargs: dict) -> Any:
        if not any(place is output for output in node.outputs):
            return None
        same = all(given is kept for given, kept in zip(args, node.args, strict=True))
        result = node.result if same else node.operation(*args, **kwargs)
        return map_structure_in_order(
            lambda old: _called(new, old, "insert") if old is flatten(result)[place.index] else old, result
        )

    if any(place is start for start in starts):
        starts = [_called(new, start, "insert") if start is place else start for start in starts]
    rewritten = rewrite(graph, change, starts, verb="insert")
    return Model(base.input, rewritten(base.output), name=name or model.name)


def _called(head: Any, place: Any, who: str) -> Any:
    try:
        if isinstance(head, (list, tuple)):
            for layer in head:
                place = layer(place)
            return place
        return head(place)
    except (PlaitError, ValueError, TypeError) as error:
        title = getattr(head, "name", None) or getattr(head, "__name__", type(head).__name__)
        raise GraphError(f"{who}: {title!r} doesn't fit behind {describe(place)}. {error}") from error
