"""Where the tasks of a graph part: what several of them share, and what is one task's own.

A node of the graph is a task's own if it leads to that task's outputs alone, and shared if it leads to several. `Parting.run`
computes the graph with a copy of each shared tensor for each task that reads it, so that one backward pass gives the
gradient of each task at these tensors.

Life under jit: `run` is traced like `Graph.run`.

What it is not: a rewrite of the graph; nodes and layers stay as they are.
"""

from collections import ChainMap
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from plait.common.dtypes import is_float
from plait.common.tree import pack_as
from plait.core.graph import Graph, Node
from plait.core.mask import get_mask, set_mask
from plait.core.tensor import KerasTensor
from plait.core.variable import Variable
from plait.training.divided import leading_to


class Part:
    """The part of a graph that leads to some of its outputs.

    Args:
        graph: the graph.
        places: the places of these outputs.

    Attributes:
        inputs: the places of the inputs that it begins with.
    """

    def __init__(self, graph: Graph, places: Sequence[int]):
        self._whole, self._places = graph, places
        ends = [graph.outputs[place] for place in places]
        inputs = leading_to(graph, ends)
        self.inputs = [place for place, tensor in enumerate(graph.inputs) if any(tensor is one for one in inputs)]
        self._graph = Graph(inputs, ends, owner=graph.owner)
        layers = [node.operation for node in self._graph.nodes]
        self._weights = {id(weight) for layer in layers for weight in getattr(layer, "trainable_variables", ())}

    def run(self, values: list) -> Any:
        """The outputs, in the structure of the whole graph's, None in the place of the others."""
        found = dict(zip(self._places, self._graph.run(values), strict=True))
        return pack_as(self._whole.output_structure, [found.get(place) for place in range(len(self._whole.outputs))])

    def without_others(self, gradients: list, variables: Sequence[Variable]) -> list:
        """Gradients with None in the place of those of weights that it doesn't use."""
        return [g if id(v) in self._weights else None for g, v in zip(gradients, variables, strict=True)]


class Parting:
    """Where tasks part.

    Args:
        graph: the graph, inner models opened.
        tasks: the places of each task's outputs among the graph's outputs.

    Attributes:
        shared_weights: the weights that several tasks use.
        border: the tensors where tasks part.
    """

    def __init__(self, graph: Graph, tasks: Sequence[Sequence[int]]):
        self.graph, self.tasks = graph, len(tasks)
        self._leads_to: dict[Node, set[int]] = {node: set() for node in graph.nodes}
        for task, places in enumerate(tasks):
            self._walk(task, [graph.outputs[place] for place in places])
        users: dict[Variable, set[int]] = {}
        self.reused: set[int] = set()  # shared weights that a node of one task uses, too
        for node, found in self._leads_to.items():
            for weight in getattr(node.operation, "trainable_variables", ()):
                users.setdefault(weight, set()).update(found)
                if len(found) == 1:
                    self.reused.add(id(weight))
        self.shared_weights = [weight for weight, found in users.items() if len(found) > 1]
        self._task_of_place: list[int | None] = [None] * len(graph.outputs)
        for task, places in enumerate(tasks):
            for place in places:
                self._task_of_place[place] = task
        self.border = self._border(tasks)
        self.perturbations: Any = None
        self.features: list = []

    def _walk(self, task: int, ends: list[KerasTensor]) -> None:
        stack = [tensor.node for tensor in ends if tensor.node is not None]
        while stack:
            node = stack.pop()
            if node in self._leads_to and task not in self._leads_to[node]:
                self._leads_to[node].add(task)
                stack += [tensor.node for tensor in node.inputs if tensor.node is not None]

    def _owner(self, node: Node) -> int | None:
        found = self._leads_to[node]
        return next(iter(found)) if len(found) == 1 and node.inputs else None

    def _border(self, tasks: Sequence[Sequence[int]]) -> list[KerasTensor]:
        """Floating tensors of shared nodes that a task's own nodes read, or that are a task's output."""
        read = [t for node in self.graph.nodes if self._owner(node) is not None for t in node.inputs]
        read += [self.graph.outputs[place] for places in tasks for place in places]
        of_trunk = [t for t in read if t.node in self._leads_to and len(self._leads_to[t.node]) > 1 and t.node.inputs]
        return list({id(t): t for t in of_trunk if is_float(t.dtype)}.values())

    def run(self, values: list) -> Any:
        """The graph's outputs; leaves the tensors of the border in `features`.

        What `perturbations` holds, one array a task and tensor of the border, is added to the task's copy.
        """
        shared = {id(tensor): value for tensor, value in zip(self.graph.inputs, values, strict=True)}
        own = [ChainMap({}, shared) for _ in range(self.tasks)]
        for step in self.graph.steps():
            owner = self._owner(step.node)
            if owner is None:
                step.run(shared, None)
                continue
            self._copy(owner, own[owner], shared)
            step.run(own[owner], None)
        for task in range(self.tasks):
            self._copy(task, own[task], shared)
        self.features = [shared[id(tensor)] for tensor in self.border]
        environments = [shared if task is None else own[task] for task in self._task_of_place]
        outputs = [found[id(t)] for found, t in zip(environments, self.graph.outputs, strict=True)]
        return pack_as(self.graph.output_structure, outputs)

    def _copy(self, task: int, environment: ChainMap, shared: dict) -> None:
        """Gives a task its copies of the tensors of the border that are there."""
        for place, tensor in enumerate(self.border):
            key = id(tensor)
            if key in shared and key not in environment.maps[0]:
                value = jax.lax.stop_gradient(shared[key])
                given = self.perturbations
                moved = value + (jnp.zeros((), value.dtype) if given is None else given[place][task])
                set_mask(moved, get_mask(shared[key]))
                environment.maps[0][key] = moved
