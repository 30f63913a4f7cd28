"""The layout: where the boxes of a graph go, so that a person can follow it.

Boxes stand in rows by how far they are from the start. An edge over several rows gets a small invisible box in each row
that it passes, so it never runs through a visible one; the edges of one source share these. Rows are put in an order that
keeps crossings few, and then columns are found in which long edges are straight.

Verbs: `arrange` does all of it, for one flat graph that is read from top to bottom. Boxes inside boxes: `inspect/nested_layout`.

Sources: Kozo Sugiyama and others, "Methods for Visual Understanding of Hierarchical System Structures" (1981), for the
steps; Wilhelm Barth and others, "Simple and Efficient Bilayer Cross Counting" (2002); Ulrik Brandes and Boris Köpf, "Fast and
Simple Horizontal Coordinate Assignment" (2001), for the columns (`inspect/columns`).

What it is not: general. The graph must be free of circles, as models are.
"""

import itertools
from collections.abc import Collection, Hashable, Iterable, Sequence
from typing import NamedTuple

from plait.inspect.columns import Extent, columns

_SWEEPS = 12
_MOST_FOR_SWAPS = 3000  # above so many boxes and bends, neighbours aren't swapped one by one


class Shape(NamedTuple):
    """The size of a box: how far it reaches to the left and right of its anchor, and its height."""

    left: float
    right: float
    height: float


class Edge(NamedTuple):
    """An edge between two boxes, by number.

    Attributes:
        source: the box that it leaves.
        target: the box where it arrives.
        leaves: where on the source it starts, from the anchor.
        arrives: where on the target it ends, from the anchor.
        strand: edges of one source and strand share their way.
    """

    source: int
    target: int
    leaves: float = 0.0
    arrives: float = 0.0
    strand: Hashable = 0


class Vertical(NamedTuple):
    """A straight piece of an edge, through one row. Between two of them an edge swings over."""

    x: float
    start: float
    end: float


class Gaps(NamedTuple):
    """The room between boxes of a row, between an edge and its neighbours in a row, and between rows."""

    boxes: float = 26.0
    lines: float = 14.0
    rows: float = 28.0


USUAL_GAPS = Gaps()


class Arrangement(NamedTuple):
    """Where everything is. Coordinates grow to the right and downwards, from (0, 0).

    Attributes:
        x: the anchor of each box.
        top: the upper end of each box.
        rank: the row of each box.
        rows: the upper and lower end of each row.
        routes: the pieces of each edge.
        width: of the whole.
        height: of the whole.
    """

    x: list[float]
    top: list[float]
    rank: list[int]
    rows: list[tuple[float, float]]
    routes: list[list[Vertical]]
    width: float
    height: float


def arrange(
    shapes: Sequence[Shape],
    edges: Sequence[Edge],
    firsts: Collection[int] = (),
    lasts: Collection[int] = (),
    gaps: Gaps = USUAL_GAPS,
) -> Arrangement:
    """Places the boxes of a graph without circles in rows, and finds ways for its edges.

    Args:
        shapes: the boxes.
        edges: what leads where.
        firsts: boxes that stand alone in the first row.
        lasts: boxes that stand alone in the last row.
        gaps: how much room is left.

    >>> picture = arrange([Shape(30, 30, 20)] * 3, [Edge(0, 1), Edge(0, 2)])
    >>> picture.rank, picture.top[1] == picture.top[2], picture.x[0] == (picture.x[1] + picture.x[2]) / 2
    ([0, 1, 1], True, True)
    """
    if not shapes:
        return Arrangement([], [], [], [], [], 0.0, 0.0)
    rank = _ranks(len(shapes), edges, firsts, lasts)
    mesh = _Mesh(rank, edges)
    order = _ordered(mesh)
    thin = Extent(0.0, 0.0, gaps.lines)
    extents = [Extent(s.left, s.right, gaps.boxes) for s in shapes] + [thin] * (len(mesh.rank) - len(shapes))
    x = columns(order, mesh.above, mesh.below, extents, len(shapes))
    shift = min(value - extent.left for value, extent in zip(x, extents, strict=True))
    x = [value - shift for value in x]
    width = max(value + extent.right for value, extent in zip(x, extents, strict=True))
    rows = _rows(shapes, rank, _swings(mesh, edges, x), gaps)
    top = [(rows[r][0] + rows[r][1] - s.height) / 2 for s, r in zip(shapes, rank, strict=True)]
    routes = [_route(edge, mesh.chains[i], shapes, x, top, mesh.rank, rows) for i, edge in enumerate(edges)]
    return Arrangement(x[: len(shapes)], top, rank, rows, routes, width, rows[-1][1])


# ------------------------------------------------------------------------------------------------- rows


def _ranks(count: int, edges: Sequence[Edge], firsts: Collection[int], lasts: Collection[int]) -> list[int]:
    """The row of each box: as early as can be, but what starts a branch stands right before its first user."""
    users: list[list[int]] = [[] for _ in range(count)]
    waiting = [0] * count
    for source, target in {(edge.source, edge.target) for edge in edges}:
        users[source].append(target)
        waiting[target] += 1
    starts = [not number for number in waiting]
    order = [box for box in range(count) if starts[box]]
    least = 1 if firsts else 0
    rank = [0 if box in firsts else least for box in range(count)]
    for box in order:
        for user in users[box]:
            rank[user] = max(rank[user], rank[box] + 1)
            waiting[user] -= 1
            if not waiting[user]:
                order.append(user)
    for box in reversed(order):
        if starts[box] and users[box] and box not in firsts:
            rank[box] = min(rank[user] for user in users[box]) - 1
    if lasts:
        end = max([rank[box] + 1 for box in range(count) if box not in lasts] + [rank[box] for box in lasts])
        for box in lasts:
            rank[box] = end
    used = {old: new for new, old in enumerate(sorted(set(rank)))}
    return [used[r] for r in rank]


class _Mesh:
    """The boxes and the bends of long edges, so that each piece leads from one row to the next.

    Attributes:
        rank: the row of each box, then of each bend.
        above: what leads to each from the row above.
        below: what each leads to.
        chains: the bends of each edge.
    """

    def __init__(self, rank: Sequence[int], edges: Sequence[Edge]):
        self.rank = list(rank)
        self.above: list[list[int]] = [[] for _ in rank]
        self.below: list[list[int]] = [[] for _ in rank]
        self.chains: list[list[int]] = []
        self._bends: dict[tuple[int, Hashable, float], list[int]] = {}
        self._joined: set[tuple[int, int]] = set()
        for edge in edges:
            chain = self._chain(edge, rank[edge.target] - rank[edge.source] - 1)
            self._join(chain[-1] if chain else edge.source, edge.target)
            self.chains.append(chain)

    def _chain(self, edge: Edge, length: int) -> list[int]:
        bends = self._bends.setdefault((edge.source, edge.strand, edge.leaves), [])
        while len(bends) < length:
            bend = len(self.rank)
            before = bends[-1] if bends else edge.source
            self.rank.append(self.rank[before] + 1)
            self.above.append([])
            self.below.append([])
            self._join(before, bend)
            bends.append(bend)
        return bends[:length]

    def _join(self, upper: int, lower: int) -> None:
        if (upper, lower) not in self._joined:
            self._joined.add((upper, lower))
            self.below[upper].append(lower)
            self.above[lower].append(upper)


def _swings(mesh: _Mesh, edges: Sequence[Edge], x: Sequence[float]) -> dict[int, float]:
    """How far edges swing over after each row, at most."""
    widest: dict[int, float] = {}
    for edge, chain in zip(edges, mesh.chains, strict=True):
        places = [x[edge.source] + edge.leaves, *(x[bend] for bend in chain), x[edge.target] + edge.arrives]
        row = mesh.rank[edge.source]
        for offset, (here, there) in enumerate(itertools.pairwise(places)):
            widest[row + offset] = max(widest.get(row + offset, 0.0), abs(here - there))
    return widest


def _rows(
    shapes: Sequence[Shape], rank: Sequence[int], swings: dict[int, float], gaps: Gaps
) -> list[tuple[float, float]]:
    heights = [0.0] * (max(rank) + 1)
    for shape, row in zip(shapes, rank, strict=True):
        heights[row] = max(heights[row], shape.height)
    rows, y = [], 0.0
    for row, height in enumerate(heights):
        rows.append((y, y + height))
        y += height + gaps.rows + min(max(swings.get(row, 0.0) - 120.0, 0.0) * 0.08, 3 * gaps.rows)
    return rows


def _route(
    edge: Edge,
    chain: Sequence[int],
    shapes: Sequence[Shape],
    x: Sequence[float],
    top: Sequence[float],
    rank: Sequence[int],
    rows: Sequence[tuple[float, float]],
) -> list[Vertical]:
    source, target = edge.source, edge.target
    start = Vertical(x[source] + edge.leaves, top[source] + shapes[source].height, rows[rank[source]][1])
    end = Vertical(x[target] + edge.arrives, rows[rank[target]][0], top[target])
    return [start, *(Vertical(x[bend], *rows[rank[bend]]) for bend in chain), end]


# ------------------------------------------------------------------------------------------------- order


def _ordered(mesh: _Mesh) -> list[list[int]]:
    """The rows in an order of few crossings: sweeps down and up, each row by the middle of its neighbours."""
    rows = _first_order(mesh)
    best, fewest = [row[:] for row in rows], count_crossings(rows, mesh.below)
    swaps = len(mesh.rank) <= _MOST_FOR_SWAPS
    for sweep in range(_SWEEPS if fewest else 0):
        down = sweep % 2 == 0
        _sweep(rows if down else rows[::-1], mesh.above if down else mesh.below)
        if swaps:
            _swap_neighbours(rows, mesh)
        crossings = count_crossings(rows, mesh.below)
        if crossings < fewest:
            best, fewest = [row[:] for row in rows], crossings
        if not crossings:
            break
    return best


def _first_order(mesh: _Mesh) -> list[list[int]]:
    """The rows as met from the first boxes, one branch after the other."""
    rows: list[list[int]] = [[] for _ in range(max(mesh.rank) + 1)]
    met: set[int] = set()
    for start in sorted(range(len(mesh.rank)), key=lambda box: mesh.rank[box]):
        stack = [start]
        while stack:
            box = stack.pop()
            if box not in met:
                met.add(box)
                rows[mesh.rank[box]].append(box)
                stack.extend(reversed(mesh.below[box]))
    return rows


def _sweep(rows: Sequence[list[int]], neighbours: Sequence[Sequence[int]]) -> None:
    for before, row in itertools.pairwise(rows):
        place = {box: index for index, box in enumerate(before)}
        middle = {}
        for index, box in enumerate(row):
            found = [place[other] for other in neighbours[box]]
            middle[box] = sum(found) / len(found) if found else index * len(before) / len(row)
        row.sort(key=middle.__getitem__)


def _swap_neighbours(rows: Sequence[list[int]], mesh: _Mesh) -> None:
    place = {box: index for row in rows for index, box in enumerate(row)}
    for row in rows:
        for index in range(len(row) - 1):
            left, right = row[index], row[index + 1]
            if _pair(left, right, mesh, place) > _pair(right, left, mesh, place):
                row[index], row[index + 1] = right, left
                place[left], place[right] = index + 1, index


def _pair(left: int, right: int, mesh: _Mesh, place: dict[int, int]) -> int:
    """How often the edges of two neighbours cross."""
    return sum(place[a] > place[b] for sides in (mesh.above, mesh.below) for a in sides[left] for b in sides[right])


def count_crossings(rows: Sequence[Sequence[int]], below: Sequence[Sequence[int]]) -> int:
    """How often edges between neighbouring rows cross.

    >>> count_crossings([[0, 1], [2, 3]], [[3], [2], [], []])
    1
    """
    return sum(_crossings_between(upper, lower, below) for upper, lower in itertools.pairwise(rows))


def _crossings_between(upper: Iterable[int], lower: Sequence[int], below: Sequence[Sequence[int]]) -> int:
    place = {box: index for index, box in enumerate(lower)}
    tree = [0] * (len(lower) + 1)  # Fenwick's tree: how many edges ended at each place so far
    crossings = seen = 0
    for box in upper:
        ends = sorted(place[other] for other in below[box])
        for end in ends:
            index, before = end + 1, 0
            while index:
                before += tree[index]
                index -= index & -index
            crossings += seen - before
        for end in ends:
            index = end + 1
            while index <= len(lower):
                tree[index] += 1
                index += index & -index
        seen += len(ends)
    return crossings
