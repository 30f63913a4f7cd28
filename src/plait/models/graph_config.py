"""The graph as plain data, in the form of Keras's files, and back.

Each layer and op is in object form, with its calls as `inbound_nodes`; a tensor is `[operation, call, output]`. Calls are
counted within the graph. What the user wrote in a call stands in its keyword arguments; a `training` there is marked,
because Keras's files hold one that nobody wrote, and that Keras itself ignores.
"""

from typing import Any

from plait._errors import FileError, describe, listing
from plait._registry import (
    custom_object_scope,
    deserialize,
    deserialize_object,
    find_class,
    serialize,
    serialize_object,
)
from plait._tree import flatten, map_structure_in_order
from plait.core.graph import Graph, Node
from plait.core.tensor import KerasTensor
from plait.layers.input import InputLayer

_WRITTEN = "training_is_written"  # marks a node of which `training` is to be kept


def graph_to_config(model: Any) -> dict:
    """A model's graph as plain data."""
    graph: Graph = model.graph
    calls = _calls(graph)
    starts = _new_inputs(graph)
    layers = [_layer_data(starts[id(tensor)], [], calls, starts) for tensor in graph.inputs if id(tensor) in starts]
    layers += [_layer_data(operation, graph.nodes_of(operation), calls, starts) for operation in graph.operations]

    def place(tensor: KerasTensor, is_output: bool = False) -> list:
        name, call, index = _history(tensor, calls, starts)
        counts_from_one = is_output and tensor.node is not None and _is_functional(tensor.node.operation)
        return [name, call + 1 if counts_from_one else call, index]

    return {
        "name": model.name,
        "trainable": model.trainable,
        "layers": layers,
        "input_layers": map_structure_in_order(place, graph.input_structure),
        "output_layers": map_structure_in_order(lambda tensor: place(tensor, True), graph.output_structure),
    }


def _is_functional(operation: Any) -> bool:
    return getattr(operation, "graph", None) is not None and not hasattr(operation, "_chain")


def _calls(graph: Graph) -> dict[Node, int]:
    return {node: index for operation in graph.operations for index, node in enumerate(graph.nodes_of(operation))}


def _new_inputs(graph: Graph) -> dict[int, InputLayer]:
    """An Input for each tensor in the middle of another graph that this one starts from."""
    new = {}
    for tensor in graph.inputs:
        if tensor.node is None or not isinstance(tensor.node.operation, InputLayer):
            new[id(tensor)] = InputLayer(batch_shape=tensor.shape, dtype=tensor.dtype, name=f"{tensor.name}CLONE")
    return new


def _history(tensor: KerasTensor, calls: dict[Node, int], starts: dict[int, InputLayer]) -> tuple[str, int, int]:
    if id(tensor) in starts:
        return starts[id(tensor)].name, 0, 0
    return tensor.node.operation.name, calls[tensor.node], tensor.index


def _layer_data(operation: Any, nodes: list[Node], calls: dict[Node, int], starts: dict[int, InputLayer]) -> dict:
    data = serialize_object(operation)
    data["name"] = operation.name
    data["inbound_nodes"] = [_node_data(node, calls, starts) for node in nodes if node.inputs]
    return data


def _node_data(node: Node, calls: dict[Node, int], starts: dict[int, InputLayer]) -> dict:
    def leaf(value: Any) -> Any:
        if not isinstance(value, KerasTensor):
            return serialize(value)
        history = list(_history(value, calls, starts))
        config = {"shape": list(value.shape), "dtype": value.dtype, "keras_history": history}
        return {"class_name": "__keras_tensor__", "config": config}

    args = [map_structure_in_order(leaf, arg) for arg in node.args]
    kwargs = {key: map_structure_in_order(leaf, value) for key, value in node.kwargs.items()}
    data = {"args": [_lists(arg) for arg in args], "kwargs": {key: _lists(value) for key, value in kwargs.items()}}
    return {**data, _WRITTEN: True} if "training" in kwargs else data


def _lists(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_lists(item) for item in value]
    return {key: _lists(item) for key, item in value.items()} if isinstance(value, dict) else value


# ---------------------------------------------------------------------------- back


def config_to_graph(config: dict, custom_objects: Any = None) -> tuple[Any, Any]:
    """The symbolic inputs and outputs of a graph that is made anew from its config.

    Raises:
        FileError: calls that refer to what isn't there, or to themselves.
    """
    with custom_object_scope(custom_objects or {}):
        return _Reader(config).read()


class _Reader:
    def __init__(self, config: dict):
        self.config = config
        self.operations: dict[str, Any] = {}
        self.tensors: dict[tuple[str, int, int], KerasTensor] = {}

    def read(self) -> tuple[Any, Any]:
        waiting: list[tuple[str, list]] = []
        for data in self.config["layers"]:
            name = data.get("name") or data.get("config", {}).get("name")
            operation = deserialize_object(find_class(data, "layers"), data)
            self.operations[name] = operation
            nodes = list(data.get("inbound_nodes") or [])
            if isinstance(operation, InputLayer):
                self._keep(name, 0, [operation.output])
            elif nodes:
                waiting.append((name, nodes))
        self._connect(waiting)
        return self._structure("input_layers"), self._structure("output_layers")

    def _connect(self, waiting: list[tuple[str, list]]) -> None:
        """Makes the calls, each as soon as what it needs is there."""
        done = dict.fromkeys((name for name, _ in waiting), 0)
        while waiting:
            before = sum(done.values())
            for name, nodes in waiting:
                while done[name] < len(nodes) and self._call(name, done[name], nodes[done[name]]):
                    done[name] += 1
            waiting = [(name, nodes) for name, nodes in waiting if done[name] < len(nodes)]
            if waiting and sum(done.values()) == before:
                raise FileError(
                    "Invalid Functional model configuration: the calls of "
                    f"{listing(name for name, _ in waiting)} need tensors that nothing gives, or that need each other."
                )

    def _call(self, name: str, index: int, node: Any) -> bool:
        args, kwargs, complete = self._arguments(node)
        if not complete:
            return False
        operation = self.operations[name]
        result = operation(*args, **kwargs)
        self._keep(name, index, [leaf for leaf in flatten(result) if isinstance(leaf, KerasTensor)])
        return True

    def _keep(self, name: str, index: int, outputs: list) -> None:
        for place, tensor in enumerate(outputs):
            self.tensors[name, index, place] = tensor

    def _arguments(self, node: Any) -> tuple[list, dict, bool]:
        if isinstance(node, list):
            return self._old_arguments(node)
        missing: list = []
        args = [self._value(arg, missing) for arg in node.get("args", [])]
        kwargs = {key: self._value(value, missing) for key, value in node.get("kwargs", {}).items()}
        if not node.get(_WRITTEN):
            kwargs.pop("training", None)
        kwargs = {key: value for key, value in kwargs.items() if not (key.endswith("mask") and value is None)}
        return args, kwargs, not missing

    def _old_arguments(self, node: list) -> tuple[list, dict, bool]:
        """A call in the form of Keras 2: a list of `[operation, call, output, keyword arguments]`."""
        missing: list = []
        tensors, kwargs = [], {}
        for entry in node:
            name, call, index, *rest = entry
            tensors.append(self._tensor([name, call, index], missing))
            kwargs.update({key: self._value(value, missing) for key, value in (rest[0] if rest else {}).items()})
        kwargs.pop("training", None)
        return [tensors[0] if len(tensors) == 1 else tensors], kwargs, not missing

    def _value(self, value: Any, missing: list) -> Any:
        if isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
            return self._tensor(value["config"]["keras_history"], missing)
        if isinstance(value, list):
            return [self._value(item, missing) for item in value]
        if isinstance(value, dict) and "class_name" not in value:
            return {key: self._value(item, missing) for key, item in value.items()}
        return deserialize(value)

    def _tensor(self, history: list, missing: list, is_output: bool = False) -> Any:
        if len(history) < 3 or history[0] not in self.operations:
            raise FileError(
                f"The graph refers to {describe(history)}, and has no such layer. It has {listing(self.operations)}."
            )
        name, call, index = history[:3]
        if is_output and _is_functional(self.operations[name]):
            call = max(call - 1, 0)
        tensor = self.tensors.get((name, call, index))
        if tensor is None:
            missing.append(history)
        return tensor

    def _structure(self, key: str) -> Any:
        def read(value: Any) -> Any:
            if isinstance(value, list) and len(value) >= 3 and isinstance(value[0], str) and isinstance(value[1], int):
                missing: list = []
                tensor = self._tensor(value, missing, is_output=key == "output_layers")
                if missing:
                    raise FileError(f"The graph's {key} refer to {value}, which no call gives.")
                return tensor
            if isinstance(value, dict):
                return {name: read(item) for name, item in value.items()}
            return [read(item) for item in value]

        return read(self.config[key])
