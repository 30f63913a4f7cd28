"""Boxes inside boxes: the layout of a graph whose parts stand in frames, as the models inside a model do.

Each frame is laid out by itself, from the innermost on, and is then one box of the frame around it. An edge that enters or
leaves a frame does so at a gate: a point on the upper or lower border, which takes part in the frame's layout as a box of
its own. Edges of one source share a gate.

Verbs: `place` gives every box and frame a rectangle, and every edge its pieces.
"""

import itertools
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from plait.inspect.layout import USUAL_GAPS, Arrangement, Edge, Gaps, Shape, Vertical, arrange

SIDE = 14.0  # between a frame's border and what is inside
GATE = 7.0  # how far a gate reaches to either side
FOOT = 2.0  # the length of a gate at the lower border


class Rectangle(NamedTuple):
    """Where something is: its upper left corner and its size."""

    x: float
    y: float
    width: float
    height: float

    def moved(self, dx: float, dy: float) -> "Rectangle":
        """The same, elsewhere."""
        return Rectangle(self.x + dx, self.y + dy, self.width, self.height)


class Arrow(NamedTuple):
    """An edge from one box to another; `strand` says which output of the source it carries."""

    source: Hashable
    target: Hashable
    strand: int = 0


class Piece(NamedTuple):
    """A part of an arrow inside one frame: its straight pieces. Whether it ends at a box says whether it gets a head."""

    frame: Hashable
    arrow: Arrow
    route: list[Vertical]
    ends: bool


class Places(NamedTuple):
    """Where everything is.

    Attributes:
        boxes: the rectangle of each box.
        frames: the rectangle of each frame.
        titles: the rectangle of each frame's title.
        pieces: the arrows, cut at frames.
        width: of the whole.
        height: of the whole.
    """

    boxes: dict[Hashable, Rectangle]
    frames: dict[Hashable, Rectangle]
    titles: dict[Hashable, Rectangle]
    pieces: list[Piece]
    width: float
    height: float


def place(
    sizes: Mapping[Any, tuple[float, float]],
    arrows: Sequence[Arrow],
    parents: Mapping[Any, Hashable] | None = None,
    titles: Mapping[Any, tuple[float, float]] | None = None,
    gaps: Gaps = USUAL_GAPS,
) -> Places:
    """Lays out boxes, some of them in frames, read from top to bottom.

    Args:
        sizes: width and height of each box.
        arrows: what leads where, from box to box.
        parents: the frame that a box or frame stands in; those without one stand in the whole.
        titles: width and height of each frame's title. Every frame has one.
        gaps: how much room is left.
    """
    parents, titles = parents or {}, titles or {}
    scenes = _scenes([*sizes, *titles], arrows, parents, titles)
    boxes: dict[Hashable, Rectangle] = {}
    frames: dict[Hashable, Rectangle] = {}
    labels: dict[Hashable, Rectangle] = {}
    pieces: list[Piece] = []
    for frame in _inner_first(titles, parents):
        scenes[frame].arrange(sizes, scenes, titles[frame], gaps)
    outermost = scenes[None].arrange(sizes, scenes, None, gaps)
    pending: list[tuple[Hashable, float, float]] = [(None, 0.0, 0.0)]
    while pending:
        frame, dx, dy = pending.pop()
        scene = scenes[frame]
        for key in scene.members:
            rectangle = scene.rectangle(key).moved(dx, dy)
            if key in titles:
                frames[key] = rectangle
                labels[key] = scenes[key].title.moved(rectangle.x, rectangle.y)
                pending.append((key, rectangle.x, rectangle.y))
            else:
                boxes[key] = rectangle
        pieces.extend(scene.pieces(dx, dy))
    return Places(boxes, frames, labels, pieces, outermost.left + outermost.right, outermost.height)


def place_folded(
    sizes: Mapping[Any, tuple[float, float]],
    arrows: Sequence[Arrow],
    parents: Mapping[Any, Hashable],
    titles: Mapping[Any, tuple[float, float]],
    gaps: Gaps = USUAL_GAPS,
) -> dict[Hashable, "Scene"]:
    """Lays out the whole (under None) and each frame by itself, with the frames inside folded to boxes.

    Args:
        sizes: width and height of each box, and of each frame when it is folded.
        arrows: what leads where, from box to box.
        parents: the frame that a box or frame stands in.
        titles: width and height of each frame's title when it is open.
        gaps: how much room is left.
    """
    scenes = _scenes(sizes, arrows, parents, titles)
    for frame, scene in scenes.items():
        scene.arrange(sizes, {}, titles.get(frame), gaps)
    return scenes


def _scenes(keys: Iterable[Hashable], arrows: Sequence[Arrow], parents: Mapping, titles: Mapping) -> dict:
    scenes: dict[Hashable, Scene] = {frame: Scene(frame) for frame in [None, *titles]}
    for key in keys:
        scenes[parents.get(key)].members.append(key)
    for arrow in arrows:
        _cut(arrow, parents, scenes)
    return scenes


def _ancestors(key: Hashable, parents: Mapping) -> list:
    """The frames around something, from the outermost in, and the thing itself at the end."""
    chain = [key]
    while (parent := parents.get(chain[-1])) is not None:
        chain.append(parent)
    return chain[::-1]


def _inner_first(titles: Mapping, parents: Mapping) -> list:
    return sorted(titles, key=lambda frame: -len(_ancestors(frame, parents)))


class Gate(NamedTuple):
    """A point on the upper or lower border of a frame where the arrows of one source go in or out."""

    source: Hashable
    strand: int
    inwards: bool


class Span(NamedTuple):
    """The part of an arrow inside one frame; where an end is a frame itself, the gate of that."""

    source: Hashable
    leaves: Gate | None  # the gate of the source, where that is a frame
    target: Hashable
    arrives: Gate | None
    arrow: Arrow


def _cut(arrow: Arrow, parents: Mapping, scenes: dict) -> None:
    """Shares an arrow out to the frames that it runs through."""
    sources, targets = _ancestors(arrow.source, parents), _ancestors(arrow.target, parents)
    shared = 0
    while shared < min(len(sources), len(targets)) - 1 and sources[shared] == targets[shared]:
        shared += 1
    outwards, inwards = (Gate(arrow.source, arrow.strand, into) for into in (False, True))
    for depth in range(shared, len(sources) - 1):
        leaves = outwards if depth + 1 < len(sources) - 1 else None
        scenes[sources[depth]].add(Span(sources[depth + 1], leaves, outwards, None, arrow))
    for depth in range(shared, len(targets) - 1):
        arrives = inwards if depth + 1 < len(targets) - 1 else None
        scenes[targets[depth]].add(Span(inwards, None, targets[depth + 1], arrives, arrow))
    scenes[sources[shared - 1] if shared else None].add(
        Span(
            sources[shared],
            outwards if shared < len(sources) - 1 else None,
            targets[shared],
            inwards if shared < len(targets) - 1 else None,
            arrow,
        )
    )


class Scene:
    """What is inside one frame: its members, its gates, and the pieces of arrows between them.

    Attributes:
        items: the members and gates, in the order in which `inside` counts them.
        shapes: their sizes.
        inside: where they are.
        title: where the title is.
        shape: the size of the frame.
    """

    def __init__(self, frame: Hashable):
        self.frame = frame
        self.members: list[Hashable] = []
        self.gates: dict[Gate, None] = {}
        self.spans: list[Span] = []
        self.title = Rectangle(0.0, 0.0, 0.0, 0.0)
        self.shape = Shape(0.0, 0.0, 0.0)
        self._offset = (0.0, 0.0)
        self._seen: set[tuple] = set()

    def add(self, span: Span) -> None:
        """Takes a piece of an arrow, once for all arrows that share it."""
        key = (span.source, span.leaves, span.target, span.arrives, span.arrow.strand)
        for end in (span.source, span.target):
            if isinstance(end, Gate):
                self.gates[end] = None
        if key not in self._seen:
            self._seen.add(key)
            self.spans.append(span)

    def arrange(self, sizes: Mapping, scenes: dict, title: tuple[float, float] | None, gaps: Gaps) -> Shape:
        """Lays out what is inside, and finds the size of the frame."""
        head = title[1] if title else 0.0
        self.items = [*self.members, *self.gates]
        self.number = {item: index for index, item in enumerate(self.items)}
        self.shapes = [self._shape_of(item, sizes, scenes, head) for item in self.items]
        edges = [self._edge(span, scenes) for span in self.spans]
        ways_in = [self.number[gate] for gate in self.gates if gate.inwards]
        ways_out = [self.number[gate] for gate in self.gates if not gate.inwards]
        self.inside: Arrangement = arrange(self.shapes, edges, ways_in, ways_out, gaps)
        if title is None:
            self.shape = Shape(0.0, self.inside.width, self.inside.height)
            return self.shape
        top = 0.0 if ways_in else head + gaps.rows * 0.4
        bottom = 0.0 if ways_out else SIDE
        self._offset = (SIDE, top)
        width = self.inside.width + 2 * SIDE
        gates = sorted(self.inside.x[way] + SIDE for way in ways_in)
        width, self.title = _title_place(title, width, gates)
        middle = gates[0] if len(gates) == 1 else width / 2
        self.shape = Shape(middle, width - middle, self.inside.height + top + bottom)
        return self.shape

    def _shape_of(self, item: Hashable, sizes: Mapping, scenes: dict, head: float) -> Shape:
        if isinstance(item, Gate):
            return Shape(GATE, GATE, head if item.inwards else FOOT)
        if item in scenes:
            return scenes[item].shape
        width, height = sizes[item]
        return Shape(width / 2, width / 2, height)

    def _edge(self, span: Span, scenes: dict) -> Edge:
        leaves = scenes[span.source].gate_x(span.leaves) if span.leaves and span.source in scenes else 0.0
        arrives = scenes[span.target].gate_x(span.arrives) if span.arrives and span.target in scenes else 0.0
        strand: Hashable = (span.leaves, span.arrow.strand) if span.leaves else span.arrow.strand
        return Edge(self.number[span.source], self.number[span.target], leaves, arrives, strand)

    def gate_x(self, gate: Gate) -> float:
        """Where a gate is, from the frame's anchor."""
        return self.inside.x[self.number[gate]] + self._offset[0] - self.shape.left

    def rectangle(self, key: Hashable) -> Rectangle:
        """Where a member is, from the frame's corner."""
        index = self.number[key]
        shape = self.shapes[index]
        x, y = self.inside.x[index] - shape.left, self.inside.top[index]
        return Rectangle(x + self._offset[0], y + self._offset[1], shape.left + shape.right, shape.height)

    def pieces(self, dx: float, dy: float) -> list[Piece]:
        """The arrows inside, moved."""
        dx, dy = dx + self._offset[0], dy + self._offset[1]
        found = []
        for span, route in zip(self.spans, self.inside.routes, strict=True):
            moved = [Vertical(x + dx, start + dy, end + dy) for x, start, end in route]
            if isinstance(span.source, Gate):  # a gate is a line through its row
                moved[0] = Vertical(moved[0].x, self._gate_top(span.source) + dy, moved[0].end)
            if isinstance(span.target, Gate):
                last = moved[-1]
                moved[-1] = Vertical(last.x, last.start, last.end + FOOT)
            found.append(Piece(self.frame, span.arrow, moved, not isinstance(span.target, Gate) and not span.arrives))
        return found

    def _gate_top(self, gate: Gate) -> float:
        return self.inside.top[self.number[gate]]


def _title_place(title: tuple[float, float], width: float, gates: Sequence[float]) -> tuple[float, Rectangle]:
    """The frame's width, and a place for its title in the band at its top, beside the lines that come in there."""
    needed, height = title
    if not gates:
        return max(width, needed + 2 * SIDE), Rectangle(SIDE, 0.0, needed, height)
    if gates[0] - GATE - SIDE >= needed:
        return width, Rectangle(SIDE, 0.0, needed, height)
    start = gates[-1] + GATE
    for left, right in itertools.pairwise(gates):
        if right - left - 2 * GATE >= needed:
            start = left + GATE
            break
    return max(width, start + needed + SIDE), Rectangle(start, 0.0, needed, height)
