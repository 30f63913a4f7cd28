"""The summary: a table of what a model is made of, what feeds what, and what trains."""

import itertools
import math
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from rich.box import HEAVY_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from plait.core.graph import graph_of
from plait.core.tensor import KerasTensor
from plait.errors import ArgumentError
from plait.inspect.costs import Cost, costs
from plait.layers.base import Layer

_WIDTH, _WIDTH_CONNECTED, _WIDTH_TRAINABLE = 88, 108, 12
_WIDTH_COSTS = 24
_NARROW = 8  # a column of text is never narrower
_MARKS = {"trainable": "Y", "frozen": "N", "mixed": "part", "none": "-"}
_STYLES = {"trainable": "green", "frozen": "blue", "mixed": "yellow", "none": ""}


class Row(NamedTuple):
    """One line of the table."""

    name: str
    kind: str
    shape: str
    parameters: str
    connected: str
    state: str
    depth: int
    cost: Cost | None


def summary(
    model: Any,
    line_length: int | None = None,
    positions: Sequence[float] | None = None,
    print_fn: Callable[[str], Any] | None = None,
    expand_nested: bool = False,
    show_trainable: bool = False,
    layer_range: Sequence[str] | None = None,
    batch_size: int | Mapping | None = None,
) -> None:
    """Prints a table of a model's layers: names, classes, output shapes, parameters, what feeds them.

    The table is as wide as it needs, and at most as wide as the terminal; where that is too narrow, cells go over several
    lines, and nothing is cut. Colours show only in a terminal or notebook, and not where `NO_COLOR` is set.

    Args:
        model: a model.
        line_length: how wide the table is; None: as it needs.
        positions: where the columns end, as shares of the width.
        print_fn: gets the whole text at once, in place of printing it.
        expand_nested: whether the layers of inner models get lines of their own.
        show_trainable: whether a column says what trains. It shows by itself when some of the model is frozen.
        layer_range: two patterns; only the layers from the first that matches the one to the first that matches the other.
        batch_size: shows what a forward run costs at so many rows: operations (a multiplication and an addition are two), and
            the memory of the layers' outputs. Where more than the number of rows is unknown: each input's whole shape by name.

    Raises:
        ArgumentError: a range that no layers match; a batch size for a model whose layers nobody knows.

    >>> import plait
    >>> model = plait.Sequential([plait.Input((2,)), plait.layers.Dense(1, name="out")], name="tiny")
    >>> model.summary(batch_size=10)
    Model: "tiny"
    ┏━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━┳━━━━━━━━━┳━━━━━━━┳━━━━━━━━━┓
    ┃ Layer (type) ┃ Output Shape ┃ Param # ┃ FLOPs ┃  Memory ┃
    ┡━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━╇━━━━━━━━━╇━━━━━━━╇━━━━━━━━━┩
    │ out (Dense)  │ (None, 1)    │       3 │    50 │ 40.00 B │
    └──────────────┴──────────────┴─────────┴───────┴─────────┘
     Total params: 3 (12.00 B)
     Trainable params: 3 (12.00 B)
     Non-trainable params: 0 (0.00 B)
     Forward at batch size 10: 50 FLOPs, 40.00 B of layers' outputs
    """
    cost = costs(model, batch_size) if batch_size is not None else {}
    rows = list(_rows(model, expand_nested, cost))
    if layer_range:
        rows = _in_range(rows, layer_range)
    connected = not is_chain(model)
    show_trainable = show_trainable or any(row.state in ("frozen", "mixed") for row in rows)
    columns = _columns(rows, connected, show_trainable, bool(cost))
    console = _console(print_fn, line_length, _default_width(connected, show_trainable, bool(cost)))
    with console.capture() as captured:
        console.print(Text(f'Model: "{model.name}"', "bold"))
        console.print(_table(columns, line_length, console.width, positions))
        for line in _totals(model):
            console.print(line)
        if cost:
            console.print(_cost_line(cost[id(model)], batch_size))
    text = captured.get()
    (print_fn or _print)(text.rstrip("\n") if print_fn is None else text)


def _default_width(connected: bool, trainable: bool, costly: bool) -> int:
    width = _WIDTH_CONNECTED if connected else _WIDTH
    return width + (_WIDTH_TRAINABLE if trainable else 0) + (_WIDTH_COSTS if costly else 0)


def _console(print_fn: Callable | None, line_length: int | None, default: int) -> Console:
    """Where the text is made: for a function always plain, and as wide on each machine."""
    if print_fn is not None:
        return Console(width=line_length or default, highlight=False, force_terminal=False, color_system=None)
    return Console(width=line_length, highlight=False, color_system=None if os.environ.get("NO_COLOR") else "auto")


def _print(text: str) -> None:
    print(text, flush=True)


def _rows(model: Any, expand: bool, cost: Mapping[int, Cost], depth: int = 0) -> Iterator[Row]:
    graph = graph_of(model)
    operations = model.operations if graph is not None and not hasattr(model, "_chain") else model.layers
    for operation in operations:
        yield _row(operation, graph, depth, cost.get(id(operation), Cost(0, 0)) if cost else None)
        if expand and hasattr(operation, "operations"):
            yield from _rows(operation, expand, cost, depth + 1)


def _row(operation: Any, graph: Any, depth: int, cost: Cost | None) -> Row:
    nodes = graph.nodes_of(operation) if graph is not None else operation.nodes
    shape = "?"
    if nodes:
        shape = ", ".join(str(tensor.shape) for tensor in nodes[-1].outputs)
    elif hasattr(operation, "output_shape") and graph_of(operation) is not None:
        shape = str(operation.output_shape)
    is_layer = isinstance(operation, Layer)
    parameters = "0" if not is_layer else f"{operation.count_params():,}" if operation.built else "0 (unbuilt)"
    feeding = [tensor for node in nodes for tensor in node.inputs]
    connected = "\n".join(map(_source, feeding)) or "-"
    return Row(operation.name, type(operation).__name__, shape, parameters, connected, state_of(operation), depth, cost)


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
    graph = graph_of(model)
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


class _Column(NamedTuple):
    title: str
    cells: list[Text]
    justify: Literal["left", "right", "center"] = "left"
    whole: bool = True  # whether its cells stay on one line as long as another column can give way


def _columns(rows: list[Row], connected: bool, trainable: bool, costly: bool) -> list[_Column]:
    found = [
        _Column("Layer (type)", [_name(row) for row in rows], whole=False),
        _Column("Output Shape", [Text(row.shape) for row in rows], whole=False),
        _Column("Param #", [Text(row.parameters, "green") for row in rows], "right"),
    ]
    if connected:
        found.append(_Column("Connected to", [Text(row.connected) for row in rows], whole=False))
    if trainable:
        marks = [Text(_MARKS[row.state], _STYLES[row.state]) for row in rows]
        found.append(_Column("Trainable", marks, "center"))
    if costly:
        of_rows = [row.cost or Cost(0, 0) for row in rows]
        found.append(_Column("FLOPs", [Text(readable_count(cost.operations)) for cost in of_rows], "right"))
        found.append(_Column("Memory", [Text(readable_bytes(cost.memory)) for cost in of_rows], "right"))
    return found


def _name(row: Row) -> Text:
    indent = "   " * (row.depth - 1) + "   └─" if row.depth else ""
    return Text.assemble(indent, row.name, " (", (row.kind, "cyan"), ")")


def _table(columns: list[_Column], asked: int | None, most: int, positions: Sequence[float] | None) -> Table:
    """The table: as wide as asked for, else as it needs; columns whose cells can go over several lines give way first."""
    room = (asked or most) - 3 * len(columns) - 1  # a line and two spaces about each
    widths = _by_positions(positions, len(columns), room) if positions else _by_need(columns, room, asked is not None)
    table = Table(show_lines=True, header_style="bold", box=HEAVY_HEAD)
    for column, width in zip(columns, widths, strict=True):
        table.add_column(column.title, justify=column.justify, overflow="fold", width=width)
    for cells in zip(*(column.cells for column in columns), strict=True):
        table.add_row(*cells)
    return table


def _by_positions(positions: Sequence[float], count: int, room: int) -> list[int]:
    """Widths from the shares where columns end; columns that they don't tell of share a quarter."""
    told = list(positions[:count])
    untold = count - len(told)
    ends = [end * (0.75 if untold else 1.0) for end in told] + [1 - 0.25 * index / untold for index in range(untold)][
        ::-1
    ]
    return [max(round(room * (end - start)), 1) for start, end in itertools.pairwise([0.0, *ends])]


def _by_need(columns: list[_Column], room: int, fill: bool) -> list[int]:
    needs = [max(cell_len(line) for cell in (column.title, *map(str, column.cells)) for line in cell.split("\n"))
             for column in columns]  # fmt: skip
    spare = room - sum(needs)
    flexible = [index for index, column in enumerate(columns) if not column.whole]
    if spare >= 0:
        return [
            need + (spare // len(flexible) if fill and index in flexible else 0) for index, need in enumerate(needs)
        ]
    left = max(room - sum(need for index, need in enumerate(needs) if index not in flexible), _NARROW * len(flexible))
    for rank, index in enumerate(
        sorted(flexible, key=needs.__getitem__)
    ):  # what needs little leaves its share to others
        needs[index] = min(needs[index], left // (len(flexible) - rank))
        left -= needs[index]
    while sum(needs) > room and max(needs) > 1:  # narrower than numbers need: what is widest folds
        needs[needs.index(max(needs))] -= 1
    return needs


def _cost_line(cost: Cost, batch_size: Any) -> Text:
    size = f"batch size {batch_size}" if isinstance(batch_size, int) else f"inputs of {dict(batch_size)}"
    operations, memory = readable_count(cost.operations), readable_bytes(cost.memory)
    return Text.assemble((f" Forward at {size}: ", "bold"), f"{operations} FLOPs, {memory} of layers' outputs")


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


def readable_count(count: float) -> str:
    """A number of operations in thousands, millions, ... where that is shorter.

    >>> readable_count(999), readable_count(4_458_144)
    ('999', '4.46 M')
    """
    if count < 1000:
        return f"{count:.0f}"
    power = min(int(math.log10(count) / 3 + 1e-9), 4)
    return f"{count / 1000**power:.2f} {'kMGT'[power - 1]}"
