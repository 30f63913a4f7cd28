"""The summary: a table of what a model is made of, what feeds what, and what trains."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from plait._errors import ArgumentError
from plait.core.tensor import KerasTensor
from plait.layers.base import Layer

_WIDTH, _WIDTH_CONNECTED, _WIDTH_TRAINABLE = 88, 108, 12
_MARKS = {"trainable": "Y", "frozen": "N", "mixed": "part", "none": "-"}


class Row(NamedTuple):
    """One line of the table."""

    name: str
    kind: str
    shape: str
    parameters: str
    connected: str
    state: str
    depth: int


def summary(
    model: Any,
    line_length: int | None = None,
    positions: Sequence[float] | None = None,
    print_fn: Callable[[str], Any] | None = None,
    expand_nested: bool = False,
    show_trainable: bool = False,
    layer_range: Sequence[str] | None = None,
) -> None:
    """Prints a table of a model's layers: names, classes, output shapes, parameters, what feeds them.

    Args:
        model: a model.
        line_length: how wide the table is.
        positions: where the columns end, as shares of the width.
        print_fn: gets the whole text at once, in place of printing it.
        expand_nested: whether the layers of inner models get lines of their own.
        show_trainable: whether a column says what trains. It shows by itself when some of the model is frozen.
        layer_range: two patterns; only the layers from the first that matches the one to the first that matches the other.

    Raises:
        ArgumentError: a range that no layers match.
    """
    rows = list(_rows(model, expand_nested))
    if layer_range:
        rows = _in_range(rows, layer_range)
    connected = not is_chain(model)
    show_trainable = show_trainable or any(row.state in ("frozen", "mixed") for row in rows)
    width = line_length or (_WIDTH_CONNECTED if connected else _WIDTH) + (_WIDTH_TRAINABLE if show_trainable else 0)
    console = Console(width=None if print_fn is None else width, highlight=False)
    if line_length is None and print_fn is None and console.width < width:
        width = console.width
    if print_fn is not None:
        console = Console(width=width, highlight=False, force_terminal=False, color_system=None)
    with console.capture() as captured:
        console.print(Text.assemble(("Model: ", "bold"), (f'"{model.name}"', "bold")))
        console.print(_table(rows, connected, show_trainable, width, positions))
        for line in _totals(model):
            console.print(line)
    text = captured.get()
    (print_fn or _print)(text.rstrip("\n") if print_fn is None else text)


def _print(text: str) -> None:
    print(text, flush=True)


def _rows(model: Any, expand: bool, depth: int = 0) -> Iterator[Row]:
    graph = getattr(model, "graph", None)
    operations = model.operations if graph is not None and not hasattr(model, "_chain") else model.layers
    for operation in operations:
        yield _row(operation, graph, depth)
        if expand and hasattr(operation, "operations"):
            yield from _rows(operation, expand, depth + 1)


def _row(operation: Any, graph: Any, depth: int) -> Row:
    nodes = graph.nodes_of(operation) if graph is not None else operation.nodes
    shape = "?"
    if nodes:
        shape = ", ".join(str(tensor.shape) for tensor in nodes[-1].outputs)
    elif hasattr(operation, "output_shape") and getattr(operation, "graph", None) is not None:
        shape = str(operation.output_shape)
    is_layer = isinstance(operation, Layer)
    parameters = "0" if not is_layer else f"{operation.count_params():,}" if operation.built else "0 (unbuilt)"
    feeding = [tensor for node in nodes for tensor in node.inputs]
    connected = ", ".join(map(_source, feeding)) or "-"
    return Row(operation.name, type(operation).__name__, shape, parameters, connected, state_of(operation), depth)


def _source(tensor: KerasTensor) -> str:
    node = tensor.node
    return f"{node.operation.name}[{node.position}][{tensor.index}]" if node is not None else tensor.name


def state_of(operation: Any) -> str:
    """Whether the weights of a layer train: "trainable", "frozen", "mixed", or "none" when it has none."""
    weights = [variable for variable in getattr(operation, "weights", []) if variable.born_trainable]
    if not weights:
        return "none"
    trains = [v.trainable and operation.trainable for v in weights]
    return "trainable" if all(trains) else "mixed" if any(trains) else "frozen"


def is_chain(model: Any) -> bool:
    """Whether a model is a list of layers, each fed by the one before, so that nobody asks what feeds what."""
    graph = getattr(model, "graph", None)
    if graph is None or hasattr(model, "_chain"):
        return True
    depths = [depth for node, depth in graph.depths.items()]
    alone = len(set(depths)) == len(depths)
    return alone and all(len(node.inputs) <= 1 for node in graph.nodes) and len(graph.operations) == len(graph.nodes)


def _in_range(rows: list[Row], layer_range: Sequence[str]) -> list[Row]:
    if len(layer_range) != 2:
        raise ArgumentError(f"summary: layer_range must be two patterns, but got {layer_range!r}.")
    found = [[i for i, row in enumerate(rows) if re.match(pattern, row.name)] for pattern in layer_range]
    if not all(found):
        raise ArgumentError(
            f"summary: layer_range {layer_range!r} matches no layers. There are {[row.name for row in rows]}."
        )
    ends = sorted((min(found[0]), max(found[1])))
    return rows[ends[0] : ends[1] + 1]


def _table(rows: list[Row], connected: bool, trainable: bool, width: int, positions: Sequence[float] | None) -> Table:
    table = Table(width=width, show_lines=True, header_style="bold")
    shares = list(positions) if positions else [0.3, 0.56, 0.74, 1.0] if connected else [0.45, 0.80, 1.0]
    widths = [round(share * width) for share in shares]
    widths = [end - start for start, end in zip([0, *widths[:-1]], widths, strict=True)]
    titles = ["Layer (type)", "Output Shape", "Param #", *(["Connected to"] if connected else [])]
    for title, column in zip(titles, widths, strict=False):
        table.add_column(title, justify="right" if title == "Param #" else "left", ratio=max(column, 4))
    if trainable:
        table.add_column("Trainable", justify="center", ratio=11)
    for row in rows:
        indent = "   " * row.depth + "└ " if row.depth else ""
        name = Text.assemble(indent, row.name, " (", (row.kind, "cyan"), ")")
        cells: list[Any] = [name, row.shape, Text(row.parameters, "green"), *([row.connected] if connected else [])]
        table.add_row(*cells, *([_MARKS[row.state]] if trainable else []))
    return table


def _totals(model: Any) -> Iterator[Text]:
    variables = model.weights
    trainable = sum_sizes(model.trainable_weights)
    frozen = sum_sizes(model.non_trainable_weights)
    optimizer = getattr(model, "optimizer", None)
    state = sum_sizes(optimizer.variables) if optimizer is not None and optimizer.built else (0, 0)
    yield _total("Total params", (sum_sizes(variables)[0] + state[0], sum_sizes(variables)[1] + state[1]))
    yield _total("Trainable params", trainable)
    yield _total("Non-trainable params", frozen)
    if state[0]:
        yield _total("Optimizer params", state)


def sum_sizes(variables: Sequence[Any]) -> tuple[int, int]:
    """How many numbers variables hold, and how many bytes."""
    count = sum(v.size for v in variables)
    return count, sum(v.size * (2 if v.dtype == "bfloat16" else np.dtype(v.dtype).itemsize) for v in variables)


def _total(title: str, size: tuple[int, int]) -> Text:
    return Text.assemble((f" {title}: ", "bold"), (f"{size[0]:,}", "green"), f" ({readable_bytes(size[1])})")


def readable_bytes(count: float) -> str:
    """A number of bytes in the largest unit that fits.

    >>> readable_bytes(1536)
    '1.50 KB'
    """
    for unit in ("B", "KB", "MB", "GB"):
        if count < 1024:
            return f"{count:.2f} {unit}"
        count /= 1024
    return f"{count:.2f} TB"
