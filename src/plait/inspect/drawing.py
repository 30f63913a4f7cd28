"""The drawing: a diagram laid out, as a few kinds of marks that SVG, PNG and PDF are all written from.

Verbs: `draw` makes a drawing of a diagram. `inspect/svg` and `inspect/raster` write it down.
"""

import fnmatch
from collections.abc import Sequence
from typing import Any, NamedTuple

from plait.common.messages import did_you_mean
from plait.errors import ArgumentError
from plait.inspect.diagram import Box, Diagram, Frame
from plait.inspect.layout import Gaps, Vertical
from plait.inspect.nested_layout import Piece, Rectangle, place
from plait.inspect.text_width import shortened, text_width

COLOURS = {
    "input": "#475569",
    "dense": "#4453b8",
    "convolution": "#17699f",
    "recurrent": "#7b3fa3",
    "attention": "#a83f78",
    "normalization": "#2f7a5b",
    "activation": "#a8442f",
    "pooling": "#25767d",
    "merging": "#86641c",
    "reshaping": "#65707f",
    "regularization": "#84588f",
    "preprocessing": "#54733c",
    "model": "#33415c",
    "operation": "#6f6a62",
}
STATES = {
    "trainable": ("Trainable", "#1f7a3d"),
    "frozen": ("Non-trainable", "#3b82c4"),
    "mixed": ("Partly trainable", "#b26a00"),
}
_INK, _PALE, _BORDER, _LINE, _MARK = "#1f2937", "#64748b", "#cbd5e1", "#7c8798", "#f59e0b"
_HEAD, _SMALL = 12.0, 10.0  # sizes of text
_PADDING, _LEADING = 10.0, 1.45
_MARGIN = 16.0
_HEAD_LENGTH, _HEAD_WIDTH = 7.0, 3.2


class Panel(NamedTuple):
    """A rectangle with round corners."""

    x: float
    y: float
    width: float
    height: float
    fill: str
    stroke: str | None = None
    thickness: float = 1.0
    radius: float = 5.0
    dashed: bool = False


class Label(NamedTuple):
    """A line of text; `x` is its middle, or its start, and `y` the line that letters stand on."""

    x: float
    y: float
    text: str
    size: float
    colour: str
    bold: bool = False
    middle: bool = True
    upright: bool = False


class Line(NamedTuple):
    """A line of straight pieces (two numbers) and curves (six), the first of them its start; and a head, or none."""

    points: list[tuple[float, ...]]
    head: list[tuple[float, float]] | None
    colour: str = _LINE
    thickness: float = 1.3


class Drawing(NamedTuple):
    """Marks in the order in which they are drawn, on a sheet of a size; the title is for people who don't see it."""

    marks: list[Panel | Label | Line]
    width: float
    height: float
    title: str


class Style(NamedTuple):
    """What is shown, under Keras's names; see `plait.utils.plot_model`."""

    show_shapes: bool = False
    show_dtype: bool = False
    show_layer_names: bool = True
    show_layer_activations: bool = False
    show_trainable: bool = False
    rankdir: str = "TB"
    highlight_layers: Sequence[str] = ()


class _Card(NamedTuple):
    """What is written on a box: the lines of its head, and those below, each with a colour."""

    head: list[str]
    body: list[tuple[str, str]]
    width: float
    height: float
    head_height: float


PLAIN = Style()


def draw(diagram: Diagram, style: Style = PLAIN) -> Drawing:
    """Lays a diagram out and draws it.

    Raises:
        ArgumentError: a direction other than TB, LR, BT and RL; layers to highlight that aren't there.
    """
    if style.rankdir not in ("TB", "LR", "BT", "RL"):
        raise ArgumentError(f"rankdir must be 'TB', 'LR', 'BT' or 'RL', but got {style.rankdir!r}.")
    marked = _marked(diagram, style.highlight_layers)
    sideways = style.rankdir in ("LR", "RL")
    cards = {key: _card(box, style) for key, box in diagram.boxes.items()}
    sizes = {k: (c.height, c.width) if sideways else (c.width, c.height) for k, c in cards.items()}
    titles = {key: (text_width(title_of(frame), 11, bold=True) + 8, 20.0) for key, frame in diagram.frames.items()}
    gaps = Gaps(boxes=18.0, rows=40.0) if sideways else Gaps()
    places = place(sizes, diagram.arrows, diagram.parents, titles, gaps)
    turn = _Turn(style.rankdir, places.width, places.height)
    marks: list[Panel | Label | Line] = []
    for key, frame in diagram.frames.items():
        marks += _frame_marks(
            frame, turn.rectangle(places.frames[key]), turn.rectangle(places.titles[key]), sideways, style
        )
    marks += [_line(piece, turn) for piece in places.pieces]
    for key, box in diagram.boxes.items():
        marks += _box_marks(box, cards[key], turn.rectangle(places.boxes[key]), key in marked, style)
    width, height = (places.height, places.width) if sideways else (places.width, places.height)
    title = f"The graph of {diagram.name}: {len(diagram.boxes)} boxes, {len(diagram.arrows)} arrows"
    return Drawing(marks, width + 2 * _MARGIN, height + 2 * _MARGIN, title)


def _marked(diagram: Diagram, patterns: Sequence[str]) -> set[str]:
    marked: set[str] = set()
    for pattern in [patterns] if isinstance(patterns, str) else patterns:
        names = (pattern, getattr(pattern, "name", None))
        fitting = {
            key
            for key, box in diagram.boxes.items()
            for name in names
            if isinstance(name, str) and (fnmatch.fnmatchcase(box.name, name) or fnmatch.fnmatchcase(key, name))
        }
        if not fitting:
            names = [box.name for box in diagram.boxes.values()]
            raise ArgumentError(f"highlight_layers: no layer fits {pattern!r}.{did_you_mean(pattern, names)}")
        marked |= fitting
    return marked


# ------------------------------------------------------------------------------------------------- what is written


def _card(box: Box, style: Style) -> _Card:
    head, body = head_of(box, style), body_of(box, style)
    widths = [text_width(line, _HEAD if i == 0 else _SMALL, bold=i == 0) for i, line in enumerate(head)]
    widths += [text_width(line, _SMALL) + (12 if colour != _INK else 0) for line, colour in body]
    head_height = 9.0 + _HEAD * _LEADING * 0.8 + (len(head) - 1) * _SMALL * _LEADING
    body_height = 8.0 + len(body) * _SMALL * _LEADING if body else 0.0
    return _Card(head, body, max(max(widths) + 2 * _PADDING, 64.0), head_height + body_height, head_height)


def head_of(box: Box, style: Style) -> list[str]:
    """The lines of a box's head: its class, then its name, and which call it is."""
    head = [shortened(box.kind, 32)]
    call = f" (call {box.call[0]} of {box.call[1]})" if box.call else ""
    if style.show_layer_names:
        head.append(shortened(box.name, 40) + call)
    elif call:
        head.append(call.strip(" ()"))
    return head


def body_of(box: Box, style: Style) -> list[tuple[str, str]]:
    """The lines below the head, each with its colour."""
    body = []
    activation = getattr(getattr(box.operation, "activation", None), "__name__", None)
    if style.show_layer_activations and activation:
        body.append((f"activation: {activation}", _INK))
    if style.show_shapes:
        body.append(
            (flow([shape_text(t.shape) for t in box.tensors[0]], [shape_text(t.shape) for t in box.tensors[1]]), _INK)
        )
    if style.show_dtype:
        body.append((flow([t.dtype for t in box.tensors[0]], [t.dtype for t in box.tensors[1]]), _INK))
    if style.show_trainable and box.state in STATES:
        body.append(STATES[box.state])
    return [(shortened(line, 64), colour) for line, colour in body]


def shape_text(shape: tuple) -> str:
    """A shape as text: `(None, 8)`."""
    return str(tuple(shape))


def flow(before: Sequence[str], after: Sequence[str]) -> str:
    """What comes in and what goes out, shortly.

    >>> flow(["(None, 2)", "(None, 2)"], ["(None, 4)"]), flow(["float32"], ["float32"]), flow([], ["int32"])
    ('2 × (None, 2) → (None, 4)', 'float32', 'int32')
    """
    come, go = _several(before), _several(after)
    return go if come in ("", go) else f"{come} → {go}" if go else come or "?"


def _several(texts: Sequence[str]) -> str:
    counts = {text: list(texts).count(text) for text in texts}
    return ", ".join(text if count == 1 else f"{count} × {text}" for text, count in counts.items())


def title_of(frame: Frame) -> str:
    """What is written over a frame."""
    if frame.role == "model":
        return shortened(frame.name, 40)
    return frame.name


# ------------------------------------------------------------------------------------------------- marks


class _Turn:
    """From the layout, which is read downwards, to the direction asked for."""

    def __init__(self, direction: str, width: float, height: float):
        self.direction, self.width, self.height = direction, width, height

    def point(self, x: float, y: float) -> tuple[float, float]:
        """Where a point of the layout is on the sheet."""
        if self.direction in ("BT", "RL"):
            y = self.height - y
        x, y = (y, x) if self.direction in ("LR", "RL") else (x, y)
        return x + _MARGIN, y + _MARGIN

    def rectangle(self, r: Rectangle) -> Rectangle:
        """Where a rectangle of the layout is on the sheet."""
        (x1, y1), (x2, y2) = self.point(r.x, r.y), self.point(r.x + r.width, r.y + r.height)
        return Rectangle(min(x1, x2), min(y1, y2), abs(x2 - x1), abs(y2 - y1))


def _line(piece: Piece, turn: _Turn) -> Line:
    points: list[tuple[float, ...]] = [turn.point(piece.route[0].x, piece.route[0].start)]
    before = piece.route[0]
    points.append(turn.point(before.x, before.end))
    for vertical in piece.route[1:]:
        points.append(_swing(before, vertical, turn))
        before = vertical
        points.append(turn.point(before.x, before.end))
    if not piece.ends:
        return Line(points, None)
    x, y = before.x, before.end
    tip, base = turn.point(x, y), y - _HEAD_LENGTH
    head = [tip, turn.point(x - _HEAD_WIDTH, base), turn.point(x + _HEAD_WIDTH, base)]
    return Line(points, head)


def _swing(before: Vertical, after: Vertical, turn: _Turn) -> tuple[float, ...]:
    """An S from one column to another, or a straight line."""
    end = turn.point(after.x, after.start)
    if abs(before.x - after.x) < 0.01:
        return end
    middle = (before.end + after.start) / 2
    return (*turn.point(before.x, middle), *turn.point(after.x, middle), *end)


def _frame_marks(frame: Frame, at: Rectangle, title: Rectangle, sideways: bool, style: Style) -> list[Any]:
    stroke = STATES[frame.state][1] if style.show_trainable and frame.state in STATES else "#94a3b8"
    fill = {"model": "#f1f5f9", "repeat": "#faf5ec", "block": "#ffffff"}[frame.role]
    panel = Panel(at.x, at.y, at.width, at.height, fill, stroke, 1.2, 8.0, dashed=frame.role != "model")
    middle = title.x + title.width / 2, title.y + title.height / 2
    if sideways:
        label = Label(middle[0] + 4, middle[1], title_of(frame), 11.0, _PALE, bold=True, upright=True)
    else:
        label = Label(middle[0], middle[1] + 4, title_of(frame), 11.0, _PALE, bold=True)
    return [panel, label]


def _box_marks(box: Box, card: _Card, at: Rectangle, marked: bool, style: Style) -> list[Any]:
    colour = COLOURS[box.family]
    marks: list[Any] = []
    if marked:
        marks.append(Panel(at.x - 4, at.y - 4, at.width + 8, at.height + 8, "#fef3c7", _MARK, 2.0, 8.0))
    marks.append(Panel(at.x, at.y, at.width, at.height, "#ffffff", _BORDER))
    marks.append(Panel(at.x, at.y, at.width, card.head_height if card.body else at.height, colour))
    middle, y = at.x + at.width / 2, at.y + 4.5 + _HEAD
    for index, line in enumerate(card.head):
        ink = "#ffffff" if index == 0 else "#e2e8f0"
        marks.append(Label(middle, y, line, _HEAD if index == 0 else _SMALL, ink, bold=index == 0))
        y += _SMALL * _LEADING
    y = at.y + card.head_height + 4.0 + _SMALL
    for line, ink in card.body:
        if ink != _INK:
            half = text_width(line, _SMALL) / 2
            marks.append(Panel(middle - half - 8, y - 7.5, 7.0, 7.0, ink, None, 0.0, 3.5))
            marks.append(Label(middle + 5, y, line, _SMALL, ink))
        else:
            marks.append(Label(middle, y, line, _SMALL, ink))
        y += _SMALL * _LEADING
    return marks
