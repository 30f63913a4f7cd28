"""The graph as plain data, in the form of Keras's files, and back.

Each layer and op is there once, in object form, with its calls as `inbound_nodes`. A symbolic tensor is written as
`[operation, call, output]`, the calls counted within this graph. What stands in a call is what the user wrote, and masks,
which are tensors that ops make.

Verbs: `graph_to_config(model)` writes, `config_to_graph(config)` makes the layers and calls them again.

What it is not: a way to run a file's code. The classes come from the registry, and a call without a symbolic tensor is
refused.

Differs from Keras: `training` in a call is what the user wrote, and is marked so. Keras's files hold one in many calls that
nobody wrote, and Keras ignores it whenever a model is called with `training`, as in fit; where it isn't marked, it is left
out. Calls of ops that were given masks are marked, too: in Keras's own files, where none is, ops don't hand masks on. A graph
that starts in the middle of another is written with new Inputs, as Keras makes them.
"""

import collections
import inspect
from collections.abc import Iterator
from typing import Any

from plait.common.constructors import constructor_parameters
from plait.common.messages import describe, did_you_mean, listing
from plait.common.registry import custom_object_scope, find_class
from plait.common.scope import scope
from plait.common.serialization import (
    deserialize,
    deserialize_object,
    given_config,
    reading_layers,
    serialize,
    serialize_object,
    writing_layers,
)
from plait.common.tree import flatten
from plait.core.graph import Graph, Node, Operation, graph_of
from plait.core.mask import get_mask
from plait.core.op import Op
from plait.core.tensor import KerasTensor, any_symbolic
from plait.errors import FileError
from plait.layers.input import InputLayer
from plait.layers.recurrent import RNN
from plait.layers.wrappers import Bidirectional

_HANDED = "hands_mask_on"  # marks a call of an op that was given masks; in Keras's graphs none hands them on
_WRITTEN = "training_is_written"  # marks a call whose `training` is to be kept; Keras passes over it
_TENSOR = "__keras_tensor__"
_OF_GRAPHS = frozenset({"inputs", "outputs", "name", "trainable"})


@writing_layers
def graph_to_config(model: Any) -> dict:
    """A model's graph as plain data.

    Raises:
        ArgumentError: a layer or an argument that no file can hold.

    >>> import plait
    >>> x = plait.Input((2,), name="x")
    >>> graph_to_config(plait.Model(x, x * 2.0))["output_layers"]
    ['multiply', 0, 0]
    """
    return _Writer(model).config()


def other_arguments(model: Any, args: tuple, kwargs: dict) -> dict:
    """What a program's own class of graphs was made with beside inputs and outputs, as plain data."""
    return given_config(model, args, kwargs, without=_OF_GRAPHS) or {}


def read_other_arguments(cls: type, config: dict) -> dict:
    """The arguments that `other_arguments` told, as objects."""
    own = constructor_parameters(cls)
    return {key: deserialize(config[key]) for key in own if key in config and key not in _OF_GRAPHS}


class _Writer:
    """Writes one graph.

    Attributes:
        starts: the new Inputs, for tensors that the graph starts from and no Input made.
        places: where each tensor comes from, by id: `[operation, call, output]`.
    """

    def __init__(self, model: Any):
        self.model = model
        self.graph: Graph = model._graph
        self.starts: list[InputLayer] = []
        self.places: dict[int, list] = {}
        for operation in self.graph.operations:
            for call, node in enumerate(self.graph.nodes_of(operation)):
                for tensor in node.outputs:
                    self.places[id(tensor)] = [operation.name, call, tensor.index]
        for tensor in self.graph.inputs:
            if tensor.node is None or tensor.node.inputs:
                self._start_anew(tensor)

    def _start_anew(self, tensor: KerasTensor) -> None:
        names = {operation.name for operation in (*self.graph.operations, *self.starts)}
        layer = InputLayer(batch_shape=tensor.shape, dtype=tensor.dtype, name=_unused(f"{tensor.name}CLONE", names))
        self.starts.append(layer)
        self.places[id(tensor)] = [layer.name, 0, 0]

    def config(self) -> dict:
        return {
            "name": self.model.name,
            "trainable": self.model.trainable,
            "layers": [self._operation(operation) for operation in (*self.starts, *self.graph.operations)],
            "input_layers": self._ends(self.graph.input_structure),
            "output_layers": self._ends(self.graph.output_structure),
        }

    def _operation(self, operation: Any) -> dict:
        calls = [self._call(node) for node in self.graph.nodes_of(operation) if node.inputs]
        data = serialize_object(operation)  # the very dict, which is marked if the layer stands elsewhere, too
        data.update(name=operation.name, inbound_nodes=calls)
        return data

    def _call(self, node: Node) -> dict:
        args, kwargs = _as_keras_calls(node)
        kwargs = {key: value for key, value in kwargs.items() if not _says_nothing(key, value)}
        data = {"args": self._value(args), "kwargs": self._value(kwargs)}
        if (
            isinstance(node.operation, Op)
            and node.operation.hands_masks_on
            and any(get_mask(tensor) is not None for tensor in node.inputs)
        ):
            data[_HANDED] = True
        return {**data, _WRITTEN: True} if "training" in kwargs else data

    def _value(self, value: Any) -> Any:
        if isinstance(value, KerasTensor):
            config = {"shape": list(value.shape), "dtype": value.dtype, "keras_history": self.places[id(value)]}
            return {"class_name": _TENSOR, "config": config}
        if isinstance(value, (list, tuple)):
            return [self._value(item) for item in value]
        if isinstance(value, dict):
            return {key: self._value(item) for key, item in value.items()}
        return serialize(value)

    def _ends(self, structure: Any) -> Any:
        if isinstance(structure, dict):
            return {key: self._ends(item) for key, item in structure.items()}
        if isinstance(
            structure, (list, tuple)
        ):  # JSON writes tuples as lists; a config that is used at once keeps them
            ends = [self._ends(item) for item in structure]
            return tuple(ends) if isinstance(structure, tuple) else ends
        name, call, index = self.places[id(structure)]
        source = structure.node.operation if structure.node is not None else None
        made_here = name == getattr(source, "name", None)
        return [name, call + 1 if made_here and _is_functional(source) else call, index]


def _says_nothing(key: str, value: Any) -> bool:
    """Whether an argument of a call is None, and one that is filled in anyway."""
    automatic = key in ("training", "mask") or key.endswith("_mask")
    return automatic and all(leaf is None for leaf in flatten(value))


def _is_functional(operation: Any) -> bool:
    """Whether an operation is an inner model whose calls Keras counts from 1 where a model begins and ends."""
    return graph_of(operation) is not None and not hasattr(operation, "_chain")


def _as_keras_calls(node: Node) -> tuple[list, dict]:
    """The arguments of a call; of an op by position as far as they go, for its class in Keras may name them otherwise."""
    args, kwargs = list(node.args), dict(node.kwargs)
    if isinstance(node.operation, Op) and kwargs:
        parameters = inspect.signature(type(node.operation).function).parameters.values()
        tensors = [p for p in parameters if p.name not in node.operation.options]
        if not any(p.kind is p.VAR_POSITIONAL for p in tensors):
            for parameter in tensors[len(args) :]:
                if parameter.name not in kwargs:
                    break
                args.append(kwargs.pop(parameter.name))
    return args, kwargs


def _unused(name: str, names: Any) -> str:
    count, candidate = 0, name
    while candidate in names:
        count += 1
        candidate = f"{name}_{count}"
    return candidate


# ---------------------------------------------------------------------------- back


@reading_layers
def config_to_graph(config: dict, custom_objects: Any = None) -> tuple[Any, Any]:
    """Makes the layers and ops of a graph from its config, and calls them as it says.

    Args:
        config: what `graph_to_config` gave, or Keras's `get_config`; also with calls in the form of Keras 2.
        custom_objects: names that it may use besides the registered ones.

    Returns:
        the symbolic inputs and outputs, each in their structure.

    Raises:
        FileError: layers that aren't known, calls of what isn't there, calls that wait for each other.
    """
    with custom_object_scope(custom_objects or {}):
        return _Reader(config).read()


class _NotYet(Exception):
    """A tensor that a call needs, and that no call has given yet."""

    def __init__(self, operation: str, call: int):
        super().__init__(operation, call)
        self.source = operation, call


class _Reader:
    """Reads one graph.

    Attributes:
        operations: layers and ops by name.
        calls: for each name what stands in the file about its calls.
        made: for each name the nodes that were made.
        from_one: the inner models whose calls an old file counts from 1.
    """

    def __init__(self, config: dict):
        self.config = config
        self.operations: dict[str, Any] = {}
        self.calls: dict[str, list] = {}
        self.made: dict[str, list[Node]] = {}
        for data in self._entries():
            self._make(data)
        self.from_one = self._find_counted_from_one()

    def read(self) -> tuple[Any, Any]:
        self._connect()
        inputs, outputs = self._ends("input_layers"), self._ends("output_layers")
        self._rename_newcomers(flatten(outputs))
        return inputs, outputs

    def _entries(self) -> list[dict]:
        entries = self.config.get("layers")
        if not isinstance(entries, list) or not all(isinstance(data, dict) for data in entries):
            raise FileError(
                f"Invalid Functional model configuration: `layers` must be a list, but got {describe(entries)}."
            )
        return entries

    def _make(self, data: dict) -> None:
        inner = data.get("config")
        name = data.get("name") or (inner.get("name") if isinstance(inner, dict) else None)
        if not isinstance(name, str) or not isinstance(data.get("class_name"), str) or name in self.operations:
            raise FileError(
                f"Invalid Functional model configuration: each layer needs a class_name and a name of its own, but got "
                f"{data.get('class_name')!r} {name!r}."
            )
        operation = deserialize_object(find_class(data, "layers"), data)
        if not isinstance(operation, Operation):
            raise FileError(
                f"Invalid Functional model configuration: {name!r} is a {type(operation).__name__}, not a layer."
            )
        calls = data.get("inbound_nodes") or []
        self.operations[name], self.calls[name] = operation, list(calls.values() if isinstance(calls, dict) else calls)
        self.made[name] = list(operation._nodes) if isinstance(operation, InputLayer) else []

    def _find_counted_from_one(self) -> set[str]:
        """Keras 2 counts an inner model's own making as its first call: then one index is too high."""
        highest: dict[str, int] = {}
        for calls in self.calls.values():
            for name, call, _ in _histories(calls):
                highest[name] = max(call, highest.get(name, 0))
        for name, call, _ in _histories(self.config.get("output_layers")):
            if any(isinstance(made, list) for made in self.calls.get(name, ())):  # Keras 3 counts these from 1 anyway
                highest[name] = max(call, highest.get(name, 0))
        return {name for name, call in highest.items() if name in self.calls and call == len(self.calls[name]) > 0}

    # ------------------------------------------------------------------------ calling

    def _connect(self) -> None:
        """Makes the calls of all, in the order of the file; one that needs what isn't there yet waits for it."""
        ready = collections.deque(name for name, calls in self.calls.items() if calls)
        waiting: dict[tuple[str, int], list[str]] = {}
        while ready:
            name = ready.popleft()
            try:
                while len(self.made[name]) < len(self.calls[name]):
                    self._call(name, self.calls[name][len(self.made[name])])
                    ready.extend(waiting.pop((name, len(self.made[name]) - 1), ()))
            except _NotYet as missing:
                waiting.setdefault(missing.source, []).append(name)
        if waiting:
            needs = [f"{name!r} needs {source!r}" for (source, _), names in waiting.items() for name in names]
            raise FileError(
                "Invalid Functional model configuration: some calls need what nothing gives, or need each other in a loop: "
                f"{', '.join(needs[:8])}{' and more' * (len(needs) > 8)}."
            )

    def _call(self, name: str, call: Any) -> None:
        args, kwargs = self._arguments(name, call)
        if not any_symbolic(args) and not any_symbolic(kwargs.values()):
            raise FileError(f"Invalid Functional model configuration: a call of {name!r} has no symbolic tensor.")
        operation = self.operations[name]
        before = len(operation._nodes)
        handed = not isinstance(operation, Op) or (isinstance(call, dict) and call.get(_HANDED))
        with scope(masks_of_ops="quiet" if handed else "lost"):
            operation(*args, **kwargs)
        if len(operation._nodes) == before:
            raise FileError(f"Invalid Functional model configuration: a call of {name!r} leaves no trace.")
        self.made[name].append(operation._nodes[-1])

    def _arguments(self, name: str, call: Any) -> tuple[list, dict]:
        if isinstance(call, list):
            return self._old_arguments(name, call)
        if not isinstance(call, dict) or not isinstance(call.get("args", []), list):
            raise FileError(f"Invalid Functional model configuration: a call of {name!r} is {describe(call)}.")
        args = [self._value(arg) for arg in call.get("args", [])]
        kwargs = {key: self._value(value) for key, value in call.get("kwargs", {}).items()}
        if not call.get(_WRITTEN):
            kwargs.pop("training", None)
        return args, {key: value for key, value in kwargs.items() if not _says_nothing(key, value)}

    def _old_arguments(self, name: str, call: list) -> tuple[list, dict]:
        """A call in the form of Keras 2: a list of `[operation, call, output, keyword arguments]`."""
        tensors, kwargs = [], {}
        for entry in [call] if call and isinstance(call[0], str) else call:
            if not isinstance(entry, list) or len(entry) not in (3, 4):
                raise FileError(f"Invalid Functional model configuration: a call of {name!r} is {describe(call)}.")
            tensors.append(entry[2] if entry[0] == "_CONSTANT_VALUE" else self._tensor(*entry[:3]))
            for key, value in (entry[3] if len(entry) == 4 else {}).items():
                kwargs[key] = self._old_value(value)
        kwargs.pop("training", None)
        kwargs = {key: value for key, value in kwargs.items() if not _says_nothing(key, value)}
        if isinstance(self.operations[name], (RNN, Bidirectional)):
            return self._with_states(tensors, kwargs)
        return [tensors[0] if len(tensors) == 1 else tensors], kwargs

    def _old_value(self, value: Any) -> Any:
        """A keyword argument of a call in the form of Keras 2, where tensors may also stand in lists."""
        if _is_history(value) and value[0] in self.operations:
            return self._tensor(*value[:3])
        return [self._old_value(item) for item in value] if isinstance(value, list) else self._value(value)

    @staticmethod
    def _with_states(tensors: list, kwargs: dict) -> tuple[list, dict]:
        """The arguments of a recurrent layer: Keras 2 lists the states that it begins with behind the sequences."""
        sequences, *states = tensors
        kwargs = {key: value for key, value in kwargs.items() if value is not None}
        return [sequences], {**kwargs, "initial_state": states} if states else kwargs

    def _value(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._value(item) for item in value]
        if not isinstance(value, dict):
            return value
        if value.get("class_name") == _TENSOR:
            history = value["config"]["keras_history"]
            return self._tensor(*history) if _is_history(history) else self._refuse(history)
        if "class_name" in value:
            return deserialize(value)
        return {key: self._value(item) for key, item in value.items()}

    def _tensor(self, name: str, call: int, index: int) -> KerasTensor:
        if name not in self.operations:
            self._refuse([name, call, index])
        call -= name in self.from_one
        nodes = self.made[name]
        if call >= len(nodes):
            raise _NotYet(name, call)
        if call < 0 or not 0 <= index < len(nodes[call].outputs):
            self._refuse([name, call, index])
        return nodes[call].outputs[index]

    def _refuse(self, history: Any) -> Any:
        near = did_you_mean(history[0], self.operations) if isinstance(history, list) and history else ""
        missing = f" (Missing node: {history[0]})" if isinstance(history, list) and history else ""
        raise FileError(
            f"Invalid Functional model configuration: it refers to {describe(history)}, which no layer gives{missing}.{near} Its "
            f"layers are {listing(self.operations)}."
        )

    # ------------------------------------------------------------------------ both ends

    def _ends(self, key: str) -> Any:
        def read(value: Any) -> Any:
            if _is_history(value):
                return self._end(*value[:3])
            if isinstance(value, dict):
                return {name: read(item) for name, item in value.items()}
            if not isinstance(value, (list, tuple)):
                self._refuse(value)
            items = [read(item) for item in value]
            return tuple(items) if isinstance(value, tuple) else items

        return read(self.config.get(key))

    def _end(self, name: str, call: int, index: int) -> KerasTensor:
        operation = self.operations.get(name)
        if name not in self.from_one and call and (_is_functional(operation) or call >= len(self.made.get(name, ()))):
            call -= 1
        try:
            return self._tensor(name, call, index)
        except _NotYet:
            return self._refuse([name, call, index])

    def _rename_newcomers(self, outputs: list) -> None:
        """Gives other names to ops that calling made (masks), where they have the names of layers in the file."""
        known = {id(operation) for operation in self.operations.values()}
        names = set(self.operations)
        for operation in _operations_before(outputs):
            if id(operation) not in known:
                operation.name = _unused(operation.name, names)
                names.add(operation.name)


def _is_history(value: Any) -> bool:
    """Whether a value is `[operation, call, output]`, with or without keyword arguments behind."""
    return (
        isinstance(value, list)
        and len(value) in (3, 4)
        and isinstance(value[0], str)
        and all(type(number) is int for number in value[1:3])
    )


def _histories(value: Any) -> Iterator[tuple[str, int, int]]:
    """All tensors that some plain data refer to."""
    remaining = [value]
    while remaining:
        value = remaining.pop()
        if _is_history(value):
            yield value[0], value[1], value[2]
            remaining.extend(value[3:])
        elif isinstance(value, (list, dict)):
            remaining.extend(value.values() if isinstance(value, dict) else value)


def _operations_before(tensors: list) -> Iterator[Any]:
    """All operations that lead to some tensors, each once."""
    seen: set[int] = set()
    remaining = [tensor.node for tensor in tensors]
    while remaining:
        node = remaining.pop()
        if node is not None and id(node) not in seen:
            seen.add(id(node))
            remaining.extend(tensor.node for tensor in node.inputs)
            if id(node.operation) not in seen:
                seen.add(id(node.operation))
                yield node.operation
