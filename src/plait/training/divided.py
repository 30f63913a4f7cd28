"""A graph in two parts: one that is computed beforehand, and the rest, which a compiled program runs.

Two things divide graphs: frozen trunks (training/frozen.py), and layers that work on text, which no program can hold:
`host_part` finds those, and computes them in NumPy before the data reaches a program. Between the parts lie `Features`,
which then stand in the place of x.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from plait.common.tree import flatten
from plait.core.graph import Graph, Node
from plait.core.mask import get_mask, set_mask
from plait.core.tensor import KerasTensor
from plait.layers.ownership import unique


class Features(NamedTuple):
    """What stands in place of x: the tensors on the border, and the inputs that are needed besides."""

    kept: list
    inputs: list


class Divided:
    """A graph in two parts.

    Args:
        graph: the graph.
        first: says of a tensor whether it belongs to the part that is computed beforehand.
        name: whose graph it is, for errors.

    Attributes:
        kept: the tensors on the border.
        besides: the inputs that the rest needs besides, by their place among the graph's inputs.
        body: the graph of the first part; None where it is empty.
        rest: the graph of the rest.
    """

    def __init__(self, graph: Graph, first: Callable[[KerasTensor], bool], name: str):
        self.graph = graph
        needed = [t for node in graph.nodes if not all(map(first, node.outputs)) for t in node.inputs]
        border = unique([tensor for tensor in [*needed, *graph.outputs] if first(tensor)])
        border = unique([*border, *(m for m in map(get_mask, border) if m is not None and first(m))])
        places = {id(tensor): place for place, tensor in enumerate(graph.inputs)}
        left_over = [t for t in needed if id(t) in places and not first(t)]
        self.kept = [tensor for tensor in border if id(tensor) not in places]
        self.besides = [places[id(t)] for t in unique([*(t for t in border if id(t) in places), *left_over])]
        self.body = Graph(leading_to(graph, self.kept), self.kept, owner=name) if self.kept else None
        besides = [graph.inputs[place] for place in self.besides]
        self.rest = Graph([*self.kept, *besides], graph.output_structure, owner=name)

    def run_rest(self, features: Features) -> Any:
        """The graph's outputs from what was computed beforehand; under whatever scope the caller has set."""
        by_tensor = dict(zip(map(id, self.kept), features.kept, strict=True))
        for tensor in self.kept:
            mask = get_mask(tensor)
            if mask is not None and id(mask) in by_tensor:
                set_mask(by_tensor[id(tensor)], by_tensor[id(mask)])
        outputs = self.rest.run([*features.kept, *features.inputs])
        return outputs[0] if isinstance(outputs, (list, tuple)) and len(outputs) == 1 else outputs

    def starts(self) -> list[int]:
        """The inputs that the first part begins with, by their place among the graph's inputs."""
        begun = [] if self.body is None else self.body.inputs
        return [place for place, tensor in enumerate(self.graph.inputs) if any(tensor is t for t in begun)]


def leading_to(graph: Graph, ends: list[KerasTensor]) -> list[KerasTensor]:
    """The inputs that some tensors depend on."""
    seen: set[int] = set()
    stack = list(ends)
    while stack:
        tensor = stack.pop()
        if id(tensor) not in seen:
            seen.add(id(tensor))
            stack += tensor.node.inputs if tensor.node is not None else []
    return [tensor for tensor in graph.inputs if id(tensor) in seen]


class HostPart(Divided):
    """The part of a model that works on text, in NumPy, before its data reaches a program."""

    def __call__(self, inputs: list) -> Features:
        """Computes it for some rows: one array for each of the model's inputs."""
        if self.body is None:
            return Features([], [inputs[place] for place in self.besides])
        found = self.body.run([inputs[place] for place in self.starts()])
        return Features([np.asarray(value) for value in flatten(found)], [inputs[place] for place in self.besides])


def host_part(graph: Graph, name: str) -> HostPart | None:
    """The part of a graph that must run on the host; None where no text comes in."""
    if not any(tensor.dtype == "string" for tensor in graph.inputs):
        return None
    beforehand = {id(tensor) for tensor in graph.inputs if tensor.dtype == "string"}
    for node in graph.nodes:
        if node.inputs and all(id(t) in beforehand for t in node.inputs) and _runs_on_host(node):
            beforehand.update(map(id, node.outputs))
    return HostPart(graph, lambda tensor: id(tensor) in beforehand, name)


def _runs_on_host(node: Node) -> bool:
    asked = getattr(node.operation, "runs_on_host", None)
    return any(tensor.dtype == "string" for tensor in node.inputs) if asked is None else asked(*node.inputs)
