"""The graph: calls written down, put in order, and run.

An `Operation` is anything that can be called on tensors: a layer, or a function made symbolic by `@op`. When one is
called on symbolic tensors, `record` writes the call down as a `Node` (the operation, its arguments, its outputs) and
hands the outputs back. A `Graph` is what lies between some tensors and some others: its nodes in an order in which they
can run. `Graph.run` runs them on values.

Verbs: `record` makes a node, `Graph(inputs, outputs)` collects, `Graph.run` computes.

Life under jit: `run` is ordinary Python over ordinary values, so a program is traced through it like through any
function. A model's compiled program holds the whole graph, never single layers.

What it is not: a place for weights, training or files. It knows operations by three things only: `name`,
`compute_output_spec` and being callable.

Differs from Keras: what a call in the graph says about `training` holds when the graph runs (there, the outer call's
flag wins). A graph may start at any tensor, with no copies of nodes.
"""

import os
import sys
from collections.abc import Callable, Iterator, MutableMapping
from typing import Any, Self

from plait.common.constructors import constructor_parameters, has_own_constructor, takes_any_name
from plait.common.messages import describe, listing
from plait.common.names import auto_name
from plait.common.serialization import given_config
from plait.common.traits import default, has_default, is_of_plait, of_plait
from plait.common.tree import flatten, leaves_with_paths, map_structure_in_order, path_name
from plait.core.holder import shown
from plait.core.infer import infer
from plait.core.tensor import KerasTensor, any_symbolic
from plait.errors import ArgumentError, GraphError, MissingError

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


@of_plait
class Operation:
    """Anything that can be called on tensors and written down in a graph.

    A subclass writes `call`, what it does with arrays. Shapes and dtypes are found by tracing that.

    Attributes:
        name: unique within a model.
    """

    _records = "name _nodes _constructed_with"
    _nodes: "list[Node]"
    _constructed_with: tuple = ((), {})
    is_equality = False  # whether its truth is whether two symbolic tensors are the same one

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        operation = super().__new__(cls)
        if (args or kwargs) and not is_of_plait(cls):  # what was given, whatever becomes of a list
            args, kwargs = _copied(args), _copied(kwargs)
        vars(operation)["_constructed_with"] = args, kwargs
        return operation

    def __init__(self, name: str | None = None):
        self.name = check_name(name, type(self))
        vars(self)["_nodes"] = []  # past `__setattr__`, which costs more; so in the constructors of Owner and Layer

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Runs on arrays, records on symbolic tensors."""
        if any_symbolic(args) or any_symbolic(kwargs.values()):
            return record(self, args, kwargs)
        return self.call(*args, **kwargs)

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Computes the outputs from arrays.

        Raises:
            MissingError: the subclass doesn't say how.
        """
        raise MissingError(f"{type(self).__name__}: an operation defines `call`.")

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """The symbolic tensors that a call would give."""
        return infer(self.call, args, kwargs)

    def symbolic_call(self, *args: Any, **kwargs: Any) -> Any:
        """Records a call on symbolic tensors, and returns its outputs."""
        return record(self, args, kwargs)

    @default
    def get_config(self) -> dict:
        """What it takes to make it again: its name, and what its class's own constructor was given.

        Raises:
            ConfigError: an argument that no config can hold.
        """
        cls = type(self)
        if not has_default(cls, "get_config") or not has_own_constructor(cls):
            return {"name": self.name}
        given = given_config(self, *self._constructed_with) or {}
        named = takes_any_name(cls) or "name" in constructor_parameters(cls)
        return {**given, "name": self.name} if named else given

    @classmethod
    def from_config(cls, config: dict) -> "Operation":
        """An operation from its config."""
        return cls(**config)

    def __getstate__(self) -> dict:
        """All but its calls, for copies and pickles: a graph that is copied brings those that belong to it."""
        return {**vars(self), "_nodes": [node for node in vars(self).get("_nodes", ()) if not node.inputs]}

    @shown
    def nodes(self) -> list["Node"]:
        """Its calls on symbolic tensors, in order."""
        return self._nodes

    @property
    def input(self) -> Any:
        """The tensors that the first call got: one, or a list."""
        return _single(self._first_node("input").inputs)

    @property
    def output(self) -> Any:
        """The tensors that the first call gave: one, or a list."""
        return _single(self._first_node("output").outputs)

    def _first_node(self, which: str) -> "Node":
        if not self._nodes:
            raise MissingError(
                f"{type(self).__name__} {self.name!r}: The layer {self.name} has never been called and thus has no defined "
                f"{which}. Call it on an Input first."
            )
        return self._nodes[0]


def _copied(value: Any) -> Any:
    """A value in copies of the containers around it."""
    kind = type(value)
    if kind is dict:
        return {key: _copied(item) for key, item in value.items()}
    return kind(map(_copied, value)) if kind is list or kind is tuple else value


def check_name(name: Any, cls: type) -> str:
    """A name for an instance of a class: the given one if it can be one, else a new one.

    Raises:
        ArgumentError: not a string, or one with "/".
    """
    if name is None:
        return auto_name(cls)
    if not isinstance(name, str) or "/" in name:
        raise ArgumentError(
            f"{cls.__name__}: a name must be a string and cannot contain character `/`, but got {name!r}."
        )
    return name


def _single(tensors: list) -> Any:
    return tensors[0] if len(tensors) == 1 else list(tensors)


class Node:
    """One call of an operation on symbolic tensors.

    Attributes:
        operation: what was called.
        args: the positional arguments as they were given, nested, symbolic tensors among them.
        kwargs: the keyword arguments.
        inputs: the symbolic tensors among the arguments, flat.
        outputs: its symbolic outputs, flat.
        result: the outputs in their structure.
        position: which call of the operation it is.
        place: file and line of the user's code that made the call.
    """

    __slots__ = ("args", "inputs", "kwargs", "operation", "outputs", "place", "position", "result")

    def __init__(self, operation: Operation, args: tuple, kwargs: dict, result: Any, position: int | None = None):
        self.operation, self.args, self.kwargs = operation, args, kwargs
        self.inputs = [leaf for leaf in flatten([list(args), kwargs]) if isinstance(leaf, KerasTensor)]
        self.result = result
        self.outputs = [leaf for leaf in flatten(result) if isinstance(leaf, KerasTensor)]
        self.position = len(operation._nodes) if position is None else position
        self.place = users_line()
        for index, tensor in enumerate(self.outputs):
            tensor.node, tensor.index = self, index

    def __getstate__(self) -> dict:
        return {name: getattr(self, name) for name in self.__slots__ if name != "position"}

    def __setstate__(self, state: dict) -> None:
        """Links back from tensors and operations are made here, so that no copy goes through a graph from end to end."""
        for name, value in state.items():
            setattr(self, name, value)
        nodes = vars(self.operation).setdefault("_nodes", [])
        if not any(node is self for node in nodes):
            nodes.append(self)
        self.position = len(nodes) - 1
        for index, tensor in enumerate(self.outputs):
            tensor.node, tensor.index = self, index

    @property
    def equality(self) -> list | None:
        """The two operands if this is `a == b` of symbolic tensors, else None."""
        return self.inputs if self.operation.is_equality and len(self.inputs) == 2 else None

    def __repr__(self) -> str:
        return f"<Node {self.operation.name}[{self.position}] {describe(self.inputs)} -> {describe(self.outputs)}>"


def users_line() -> str:
    """Where in the user's code we are: the innermost frame outside of plait, as `file.py:12`."""
    frame = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame is not None else "unknown place"


def record(operation: Operation, args: tuple, kwargs: dict) -> Any:
    """Records a call on symbolic tensors, and returns its symbolic outputs.

    >>> from plait.core.op import op
    >>> double = op(lambda x: x * 2, name="Double")
    >>> double(KerasTensor((None, 3)))
    <KerasTensor shape=(None, 3), dtype=float32, sparse=False, ragged=False, name=keras_tensor_1>
    """
    result = operation.compute_output_spec(*args, **kwargs)
    if all(leaf.record_history for leaf in flatten([list(args), kwargs]) if isinstance(leaf, KerasTensor)):
        operation._nodes.append(Node(operation, args, kwargs, result))
    return result


class Graph:
    """What lies between some symbolic tensors and some others.

    Args:
        inputs: the tensors it starts from, in any structure.
        outputs: the tensors it computes, in any structure.
        owner: the name to use in errors.

    Attributes:
        nodes: the calls, in an order in which they can run.
        operations: what is called, in Keras's order: by how far from the outputs, ties as met from the outputs.
        depths: how far each node is from the outputs.

    Raises:
        GraphError: an output that the inputs don't lead to, an input given twice, two operations of one name.
    """

    def __init__(self, inputs: Any, outputs: Any, owner: str = "Model"):
        self.owner = owner
        self.input_structure, self.output_structure = inputs, outputs
        self.inputs, self.outputs = flatten(inputs), flatten(outputs)
        self._check_ends()
        self._starts = {id(tensor) for tensor in self.inputs}
        found, met = self._collect()
        self.depths = _depths(found)
        self._sort(met)
        self._check_names()
        self._plan: list[Step] | None = None

    def __getstate__(self) -> dict:
        """All but what goes by the identity of tensors, which a copy's are not; and its calls in the order they were made."""
        made = sorted((*self._nodes_of_masks(), *self.depths), key=lambda node: node.position)
        return {"_made": made, **vars(self), "_plan": None, "_starts": None}

    def __setstate__(self, state: dict) -> None:
        vars(self).update({name: value for name, value in state.items() if name != "_made"})

    def _nodes_of_masks(self) -> list["Node"]:
        """The calls outside of the graph that make its tensors' masks."""
        stack = [t._keras_mask for node in self.depths for t in node.outputs if t._keras_mask is not None]
        found: dict[Node, None] = {}
        while stack:
            node = stack.pop().node
            if node is not None and node not in self.depths and node not in found:
                found[node] = None
                stack += node.inputs
        return list(found)

    def _check_ends(self) -> None:
        for kind, tensors in (("inputs", self.inputs), ("outputs", self.outputs)):
            if not tensors:
                raise GraphError(f"{self.owner}: `{kind}` argument cannot be empty. Give at least one tensor.")
            for tensor in tensors:
                if not isinstance(tensor, KerasTensor):
                    raise GraphError(
                        f"{self.owner}: All `{kind}` values must be KerasTensors, the symbolic tensors that Input(...) makes and "
                        f"layers give when called on such, but got {describe(tensor)}."
                    )
        if len({id(tensor) for tensor in self.inputs}) != len(self.inputs):
            names = [tensor.name for tensor in self.inputs]
            raise GraphError(
                f"{self.owner}: the same tensor is listed twice in `inputs`: {listing(names)}. List it once."
            )

    def _collect(self) -> tuple[list["Node"], dict[int, int]]:
        """Walks from the outputs to the inputs; nodes come after all that they need, operations as first met."""
        finished: list[Node] = []
        done: set[int] = set()
        met: dict[int, int] = {}
        for index, output in enumerate(self.outputs):
            if output.node is None and id(output) not in self._starts:
                self._raise_disconnected(output, None, index)
            if output.node is None or id(output) in self._starts:
                if output.node is not None and not self._is_input_node(output.node):
                    continue
            stack: list[tuple[Node, Iterator[KerasTensor]]] = []
            self._enter(output, done, met, stack)
            while stack:
                node, remaining = stack[-1]
                tensor = next(remaining, None)
                if tensor is None:
                    stack.pop()
                    finished.append(node)
                elif id(tensor) not in self._starts:
                    if tensor.node is None or self._is_input_node(tensor.node):
                        self._raise_disconnected(tensor, node, index)
                    self._enter(tensor, done, met, stack)
                elif tensor.node is not None and self._is_input_node(tensor.node):
                    self._enter(tensor, done, met, stack)
        return finished, met

    @staticmethod
    def _is_input_node(node: "Node") -> bool:
        return not node.inputs

    @staticmethod
    def _enter(tensor: KerasTensor, done: set, met: dict, stack: list) -> None:
        node = tensor.node
        if node is None or id(node) in done:
            return
        done.add(id(node))
        met.setdefault(id(node.operation), len(met))
        stack.append((node, iter(node.inputs)))

    def _raise_disconnected(self, tensor: KerasTensor, user: "Node | None", output: int) -> None:
        source = tensor.node
        made = f" The Input {source.operation.name!r} was made at {source.place}." if source is not None else ""
        used = (
            f" It is used by {type(user.operation).__name__} {user.operation.name!r}, called at {user.place}."
            if user is not None
            else ""
        )
        given = listing(t.name for t in self.inputs)
        path = path_name([path for path, _ in leaves_with_paths(self.output_structure)][output])
        named = f"with path `{path}`" if path else repr(self.outputs[output].name)
        raise GraphError(
            f"{self.owner}: Output {named} is not connected to `inputs` ({given}), because it needs the tensor {tensor.name!r} "
            f"({describe(tensor)}).{made}{used} Add {tensor.name!r} to `inputs`, or start from tensors that lead to all outputs."
        )

    def _sort(self, met: dict[int, int]) -> None:
        for tensor in self.inputs:
            node = tensor.node
            if node is not None and self._is_input_node(node) and node not in self.depths:
                self.depths[node] = 0
                met[id(node.operation)] = -1
        operation_depths: dict[Operation, int] = {}
        for node, depth in self.depths.items():
            operation_depths[node.operation] = max(depth, operation_depths.get(node.operation, 0))
        self.operations = sorted(operation_depths, key=lambda o: (-operation_depths[o], met[id(o)]))
        rank = {operation: index for index, operation in enumerate(self.operations)}
        self.nodes = sorted(self.depths, key=lambda node: (-self.depths[node], rank[node.operation], node.position))

    def _check_names(self) -> None:
        counts: dict[str, int] = {}
        for operation in self.operations:
            counts[operation.name] = counts.get(operation.name, 0) + 1
        twice = {name: count for name, count in counts.items() if count > 1}
        if twice:
            uses = "; ".join(f'The name "{name}" is used {count} times in the model' for name, count in twice.items())
            places = [node.place for node in self.nodes if node.operation.name in twice]
            raise GraphError(
                f"{self.owner}: {uses}. All operation names should be unique. The calls are at {listing(dict.fromkeys(places))}. "
                "Rename one with name=..., or plait.surgery.rename for loaded models."
            )

    def nodes_of(self, operation: Operation) -> list["Node"]:
        """The calls of an operation that belong to this graph, in the order they were made."""
        return [node for node in operation._nodes if node in self.depths]

    def steps(self) -> list["Step"]:
        """Its nodes in an order in which they can run, made ready for it."""
        if self._plan is None:
            self._plan = [Step(node) for node in self.nodes]
        return self._plan

    def run(self, values: list, call: Callable | None = None, masks: list | None = None) -> Any:
        """Computes the outputs.

        Args:
            values: one value for each input, flat; None for an optional one that isn't given.
            call: how to call an operation: `call(operation, *args, **kwargs)`; None calls it plainly.
            masks: kept for callers that pass masks of the inputs on; they are set on the values before.

        Returns:
            the outputs, in their structure.
        """
        environment = {id(tensor): value for tensor, value in zip(self.inputs, values, strict=True)}
        for step in self.steps():
            step.run(environment, call)
        return map_structure_in_order(lambda tensor: environment[id(tensor)], self.output_structure)


class Step:
    """A node, with its arguments made ready for being filled with values."""

    __slots__ = ("keys", "node", "only_key", "outputs")

    def __init__(self, node: Node):
        self.node = node
        self.outputs = [id(tensor) for tensor in node.outputs]
        self.only_key = id(node.args[0]) if _is_plain(node) else None

    def run(self, environment: MutableMapping, call: Callable | None) -> None:
        """Computes it from what the environment holds by the identity of tensors, and adds its outputs."""
        node = self.node
        if not node.inputs:
            return  # an Input: its value was given
        if all(output in environment for output in self.outputs):
            return  # the graph starts in the middle, behind this node
        if self.only_key is not None:
            args, kwargs = (environment[self.only_key],), node.kwargs
        else:
            args, kwargs = map_structure_in_order(
                lambda leaf: environment[id(leaf)] if isinstance(leaf, KerasTensor) else leaf,
                [list(node.args), node.kwargs],
            )
        result = node.operation(*args, **kwargs) if call is None else call(node.operation, *args, **kwargs)
        if len(self.outputs) == 1:
            leaves = [result] if not isinstance(result, (list, tuple, dict)) else flatten(result)
        else:
            leaves = [leaf for leaf in flatten(result) if leaf is not None]
        environment.update(zip(self.outputs, leaves, strict=True))


def _is_plain(node: Node) -> bool:
    """Whether a call has one positional tensor, and no tensors among its keyword arguments."""
    return len(node.args) == 1 and isinstance(node.args[0], KerasTensor) and len(node.inputs) == 1


def _depths(finished: list[Node]) -> dict[Node, int]:
    """How far each node is from the outputs: one more than the farthest of its users, and of its operation's calls."""
    depths: dict[Node, int] = {}
    operation_depths: dict[Operation, int] = {}
    for node in reversed(finished):
        depth = max(depths.get(node, 0), operation_depths.get(node.operation, 0))
        depths[node] = operation_depths[node.operation] = depth
        for tensor in node.inputs:
            if tensor.node is not None:
                depths[tensor.node] = max(depth + 1, depths.get(tensor.node, 0))
    members = set(finished)
    return {node: depth for node, depth in depths.items() if node in members}


def graph_of(operation: Any) -> Graph | None:
    """The graph that a model runs; None for models without one, and for everything else."""
    found = getattr(operation, "__dict__", {}).get("_graph")
    return found if isinstance(found, Graph) else None
