"""The diagram: what of a model is drawn, before anyone says where or how.

A call in a model's graph is a box; a model inside may be a frame with boxes of its own; what a call needs are arrows. A layer
that is called several times has a box for each call, so arrows never run in circles.

Verbs: `diagram_of` reads a model, `fold_repeats` puts frames around blocks that come again and again.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from plait.common.messages import describe
from plait.core.graph import Graph, Node, graph_of
from plait.core.tensor import KerasTensor
from plait.errors import ArgumentError, StateError
from plait.inspect.nested_layout import Arrow
from plait.inspect.repeated_blocks import find_repeats
from plait.inspect.summary import state_of

_EVERYWHERE = 4  # a box with so many users may be needed in every block


class Box(NamedTuple):
    """A call of a layer or op.

    Attributes:
        key: its path, with the number of the call where there are several.
        name: of the layer.
        kind: its class.
        family: what its colour stands for.
        state: "trainable", "frozen", "mixed", or "none" without weights.
        node: the call; None for an input that stands in no call, and for a model without a graph.
        operation: the layer or op; None likewise.
        frame: the key of the frame around it.
        call: which of the calls, or None if there is one only.
        tensors: what comes in and goes out, as symbolic tensors.
        output: whether the model gives what it computes.
    """

    key: str
    name: str
    kind: str
    family: str
    state: str
    node: Node | None
    operation: Any
    frame: str | None
    call: tuple[int, int] | None
    tensors: tuple[list, list]
    output: bool = False


class Frame(NamedTuple):
    """What stands around boxes: a model inside the model, a repeat, or one block of a repeat."""

    key: str
    name: str
    kind: str
    role: str  # "model", "repeat", "block"
    state: str
    operation: Any
    parent: str | None
    node: Node | None = None


class Diagram(NamedTuple):
    """Boxes, frames around them, arrows between them; boxes come after all that they need."""

    name: str
    boxes: dict[str, Box]
    frames: dict[str, Frame]
    arrows: list[Arrow]

    @property
    def parents(self) -> dict[str, str]:
        """The frame around each box and frame that has one."""
        around = {key: box.frame for key, box in self.boxes.items() if box.frame is not None}
        return around | {key: frame.parent for key, frame in self.frames.items() if frame.parent is not None}


def diagram_of(model: Any, expand: bool = False) -> Diagram:
    """Reads the graph of a model.

    Args:
        model: a model. One without a graph is a single box.
        expand: whether the models inside are frames, at any depth; else they are boxes.

    Raises:
        ArgumentError: not a model.
        StateError: the model isn't built.
    """
    if not hasattr(model, "built"):
        raise ArgumentError(f"A picture is drawn of a model, but got {describe(model)}.")
    graph = graph_of(model)
    if graph is None and not model.built:
        raise StateError(
            f"Model {model.name!r}: This model has not yet been built, so there is nothing to draw. Build it with an Input, "
            "by calling it on data, or with `build()`."
        )
    diagram = Diagram(model.name, {}, {}, [])
    if graph is None:
        box = Box(
            model.name, model.name, type(model).__name__, "model", state_of(model), None, model, None, None, ([], [])
        )
        diagram.boxes[model.name] = box
        return diagram
    reader = _Reader(diagram, expand)
    sources = reader.read(graph, "", None)
    for tensor in graph.outputs:
        key = sources[id(tensor)][0]
        diagram.boxes[key] = diagram.boxes[key]._replace(output=True)
    return diagram


class _Reader:
    def __init__(self, diagram: Diagram, expand: bool):
        self.diagram, self.expand = diagram, expand

    def read(self, graph: Graph, before: str, frame: str | None) -> dict[int, tuple[str, int]]:
        """Takes in a graph; says which box gives each tensor."""
        sources: dict[int, tuple[str, int]] = {}
        given = {id(tensor) for tensor in graph.inputs}
        made = {id(tensor) for node in graph.nodes if not node.inputs for tensor in node.outputs}
        for tensor in graph.inputs:
            if id(tensor) not in made:
                self._bare_input(tensor, before, frame, sources)
        calls = {operation: len(graph.nodes_of(operation)) for operation in graph.operations}
        order: dict[Any, int] = {}
        for node in graph.nodes:
            if node.inputs and all(id(tensor) in given for tensor in node.outputs):
                continue
            number = order[node.operation] = order.get(node.operation, 0) + 1
            self._node(node, before, frame, sources, (number, calls[node.operation]))
        return sources

    def _bare_input(self, tensor: KerasTensor, before: str, frame: str | None, sources: dict) -> None:
        key = self._free(before + tensor.name)
        box = Box(key, tensor.name, "Input", "input", "none", None, None, frame, None, ([], [tensor]))
        self.diagram.boxes[key] = box
        sources[id(tensor)] = key, 0

    def _node(self, node: Node, before: str, frame: str | None, sources: dict, call: tuple[int, int]) -> None:
        operation: Any = node.operation
        key = self._free(before + operation.name + (f":{call[0] - 1}" if call[1] > 1 else ""))
        kind = type(operation).__name__
        inner = graph_of(operation)
        if inner is not None and self.expand:
            self.diagram.frames[key] = Frame(
                key, operation.name, kind, "model", state_of(operation), operation, frame, node
            )
            self._open(node, inner, key, sources)
            return
        self.diagram.boxes[key] = Box(
            key, operation.name, kind, family_of(operation), state_of(operation), node, operation, frame,
            call if call[1] > 1 else None, (node.inputs, node.outputs),
        )  # fmt: skip
        ends = dict.fromkeys(sources[id(tensor)] for tensor in node.inputs if id(tensor) in sources)
        self.diagram.arrows.extend(Arrow(source, key, index) for source, index in ends)
        for index, tensor in enumerate(node.outputs):
            sources.setdefault(id(tensor), (key, index))

    def _open(self, node: Node, inner: Graph, key: str, sources: dict) -> None:
        operation: Any = node.operation
        within = self.read(inner, key + "/", key)
        first, *_ = node.args or (next(iter(node.kwargs.values())),)
        for outer, tensor in zip(operation.ordered_inputs(first), inner.inputs, strict=False):
            if isinstance(outer, KerasTensor) and id(outer) in sources:
                source, index = sources[id(outer)]
                self.diagram.arrows.append(Arrow(source, within[id(tensor)][0], index))
        for outer, tensor in zip(node.outputs, inner.outputs, strict=True):
            sources[id(outer)] = within[id(tensor)]

    def _free(self, key: str) -> str:
        free, number = key, 1
        while free in self.diagram.boxes or free in self.diagram.frames:
            number += 1
            free = f"{key}~{number}"
        return free


def family_of(operation: Any) -> str:
    """What kind of thing a layer or op does: the colour of its box."""
    if graph_of(operation) is not None:
        return "model"
    return getattr(type(operation), "_family", "operation")


# ------------------------------------------------------------------------------------------------- repeats


def fold_repeats(diagram: Diagram) -> Diagram:
    """The diagram with a frame around each repeat, and one around each of its blocks that has more than one box."""
    boxes, frames = dict(diagram.boxes), dict(diagram.frames)
    for frame in [None, *(key for key, frame in diagram.frames.items() if frame.role == "model")]:
        members = _members(diagram, frame)
        arrows = list(dict.fromkeys(_lifted(diagram, frame)))
        signatures = {key: _signature(boxes.get(key) or frames[key]) for key in members}
        repeats = find_repeats(members, arrows, signatures) or find_repeats(members, _local(arrows), signatures)
        for number, repeat in enumerate(repeats):
            _frame_repeat(repeat.blocks, boxes, frames, frame, number)
    return diagram._replace(boxes=boxes, frames=frames)


def _members(diagram: Diagram, frame: str | None) -> list[str]:
    """What stands right inside a frame, in an order in which it can run."""
    members: dict[str, None] = {}
    for key, box in diagram.boxes.items():
        inside = _child_of(diagram, key, box.frame, frame)
        if inside is not None:
            members[inside] = None
    return list(members)


def _child_of(diagram: Diagram, key: str, around: str | None, frame: str | None) -> str | None:
    while around != frame:
        if around is None:
            return None
        key, around = around, diagram.frames[around].parent
    return key


def _lifted(diagram: Diagram, frame: str | None) -> Iterator[tuple[str, str]]:
    for source, target, _ in diagram.arrows:
        ends = [_child_of(diagram, str(end), diagram.boxes[str(end)].frame, frame) for end in (source, target)]
        if ends[0] is not None and ends[1] is not None and ends[0] != ends[1]:
            yield ends[0], ends[1]


def _local(arrows: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The arrows without those that go everywhere, such as a mask's: of many from one box only the first."""
    uses: dict[str, int] = {}
    for source, _ in arrows:
        uses[source] = uses.get(source, 0) + 1
    met: set[str] = set()
    kept = []
    for source, target in arrows:
        if uses[source] < _EVERYWHERE or source not in met:
            kept.append((source, target))
        met.add(source)
    return kept


def _signature(item: Box | Frame) -> tuple:
    """What makes two boxes alike: class, arguments but for names and seeds, and the shapes that go out."""
    operation = item.operation
    config = getattr(operation, "get_config", dict)() if isinstance(item, Box) and item.family != "model" else {}
    plain = {
        k: v for k, v in config.items() if k not in ("name", "seed") and isinstance(v, (int, float, str, bool, tuple))
    }
    outputs = item.node.outputs if item.node is not None else []
    size = operation.count_params() if hasattr(operation, "count_params") and operation.built else 0
    shapes = tuple((tensor.shape, tensor.dtype) for tensor in outputs)
    return item.kind, repr(sorted(plain.items())), shapes, size, item.state


def _frame_repeat(blocks: list[list], boxes: dict, frames: dict, frame: str | None, number: int) -> None:
    before = f"{frame}/" if frame else ""
    key = f"{before}×{number}"
    items = {k: boxes.get(k) or frames[k] for block in blocks for k in block}
    kinds = ", ".join(dict.fromkeys(items[k].kind for k in blocks[0]))
    state = _common_state([item.state for item in items.values()])
    frames[key] = Frame(key, f"× {len(blocks)}", kinds, "repeat", state, None, frame)
    for index, block in enumerate(blocks):
        inner = f"{key}.{index + 1}"
        if len(block) > 1:
            state = _common_state([items[k].state for k in block])
            frames[inner] = Frame(inner, f"block {index + 1}", kinds, "block", state, None, key)
        _put_inside(block, inner if len(block) > 1 else key, boxes, frames)


def _put_inside(keys: list, frame: str, boxes: dict, frames: dict) -> None:
    for key in keys:
        if key in boxes:
            boxes[key] = boxes[key]._replace(frame=frame)
        else:
            frames[key] = frames[key]._replace(parent=frame)


def _common_state(states: list[str]) -> str:
    known = {state for state in states if state != "none"}
    if not known:
        return "none"
    return known.pop() if len(known) == 1 else "mixed"
