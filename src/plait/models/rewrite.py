"""Rewriting a graph: its calls are made again, on other tensors or with other layers.

A rewrite walks the nodes in the order in which they run. A node of which nothing changed stays as it is, with its tensors,
so layers and weights are shared with the graph it came from; any other is called again, on the new tensors. All verbs of
`plait.surgery` are a function of a node that says what is to be done in its place.

Verbs: `rewrite` gives the new tensor of each old one, `inlined` opens the models inside, `same_but_named` renames.

What it is not: a copy. `plait.models.clone_model` makes new layers; a rewrite shares them.
"""

from collections.abc import Callable, Sequence
from typing import Any

from plait.common.messages import describe
from plait.common.tree import flatten, map_structure_in_order
from plait.core.graph import Graph, Node, graph_of
from plait.core.tensor import KerasTensor
from plait.errors import GraphError, PlaitError
from plait.models.input_matching import match_inputs


class Rewritten:
    """The new tensors of a rewritten graph, by the old ones."""

    def __init__(self) -> None:
        self.tensors: dict[int, KerasTensor] = {}

    def __call__(self, structure: Any) -> Any:
        """A structure with the new tensors in place of the old ones."""
        return map_structure_in_order(
            lambda leaf: self.tensors.get(id(leaf), leaf) if isinstance(leaf, KerasTensor) else leaf, structure
        )

    def put(self, old: Sequence[KerasTensor], new: Any) -> None:
        """Writes down what stands for some tensors from now on."""
        self.tensors.update(zip(map(id, old), [t for t in flatten(new) if t is not None], strict=True))


def rewrite(
    graph: Graph,
    change: Callable[[Node, tuple, dict], Any] | None = None,
    starts: Sequence[KerasTensor] | None = None,
    verb: str = "rewrite",
) -> Rewritten:
    """Makes the calls of a graph again, as far as something changed.

    Args:
        graph: the graph.
        change: `change(node, args, kwargs)` gives what stands in place of a node's result, or None to leave it to the node.
        starts: symbolic tensors in place of the graph's inputs, flat.
        verb: who asks, for errors.

    Returns:
        a function from old tensors, in any structure, to new ones.

    Raises:
        GraphError: a call that its new inputs don't fit; names the edge and both specs.
    """
    new = Rewritten()
    new.put(graph.inputs, list(starts) if starts is not None else graph.inputs)
    for node in graph.nodes:
        if not node.inputs or all(id(output) in new.tensors for output in node.outputs):
            continue
        args, kwargs = new([*node.args]), new(node.kwargs)
        try:
            result = change(node, tuple(args), kwargs) if change is not None else None
            if result is None:
                same = all(new(tensor) is tensor for tensor in node.inputs)
                result = node.result if same else node.operation(*args, **kwargs)
        except (PlaitError, ValueError, TypeError) as error:
            raise _no_fit(verb, node, new, error) from error
        new.put(node.outputs, result)
    return new


def _no_fit(verb: str, node: Node, new: Rewritten, error: Exception) -> GraphError:
    edges = [
        f"{'an Input' if t.node is None else t.node.operation.name!r} -> {node.operation.name!r}: was {describe(t)}, would be "
        f"{describe(new(t))}"
        for t in node.inputs
        if new(t) is not t
    ]
    where = "; ".join(edges) or f"{node.operation.name!r}"
    return GraphError(f"{verb}: the graph no longer fits at {where}. {error}")


class Names:
    """The names in a graph: gives operations that join it names that aren't taken."""

    def __init__(self, graph: Graph):
        self._taken: dict[str, Any] = {operation.name: operation for operation in graph.operations}
        self._renamed: dict[tuple, Any] = {}

    def __call__(self, operation: Any, owner: str) -> Any:
        """The operation; where its name is taken, one that shares its weights and has its owner's name in front."""
        if self._taken.setdefault(operation.name, operation) is operation:
            return operation
        key = id(operation), owner
        if key not in self._renamed:
            view = same_but_named(operation, free_name(f"{owner}_{operation.name}", self._taken))
            self._renamed[key] = self._taken[view.name] = view
        return self._renamed[key]


def inlined(graph: Graph, verb: str = "inline") -> Rewritten:
    """Makes the calls of the models inside a graph anew as calls of their layers, at any depth.

    A layer of an inner model whose name is taken gets the model's name in front; it keeps its weights.
    """
    names = Names(graph)

    def opened(node: Node, args: tuple, kwargs: dict, owner: str | None = None, training: Any = None) -> Any:
        model: Any = node.operation
        inner = graph_of(model)
        if inner is None:
            if owner is None:
                return None
            if training is not None and "training" not in kwargs and _takes_training(model):
                kwargs = {**kwargs, "training": training}
            return names(model, owner)(*args, **kwargs)
        first, *_ = args or (next(iter(kwargs.values())),)
        starts = match_inputs(inner.input_structure, model.input_names, first, model.name)
        training = kwargs.get("training", training)
        new = rewrite(inner, lambda n, a, k: opened(n, a, k, model.name, training), starts, verb)
        result = new(inner.output_structure)
        return result[0] if isinstance(result, (list, tuple)) and len(result) == 1 else result

    return rewrite(graph, opened, verb=verb)


def _takes_training(operation: Any) -> bool:
    code = getattr(getattr(operation, "call", None), "__code__", None)
    return code is not None and "training" in code.co_varnames


def same_but_named(operation: Any, name: str) -> Any:
    """A layer or op of another name that shares all weights and inner layers with the old one."""
    view = object.__new__(type(operation))
    vars(view).update(vars(operation), name=name, _nodes=[])
    return view


def free_name(name: str, taken: Any) -> str:
    """A name that isn't taken: the one asked for, or that with a number."""
    candidate, count = name, 0
    while candidate in taken:
        count += 1
        candidate = f"{name}_{count}"
    return candidate
