"""The columns: an x for each box of ordered rows, in which long edges are straight and boxes stand over their neighbours.

Four times, once from each corner, every box joins a neighbour in the middle of those that it is tied to, so that blocks of
boxes in one column arise; and the blocks are pushed together. The result is the middle of the four.

Source: Ulrik Brandes and Boris Köpf, "Fast and Simple Horizontal Coordinate Assignment" (2001); the pushing together is by
longest ways over the graph of blocks, which boxes of different widths need.
"""

import itertools
from collections.abc import Sequence
from typing import NamedTuple


class Extent(NamedTuple):
    """How far a box reaches to the left and right of its anchor, and the room it wants to its neighbours."""

    left: float
    right: float
    gap: float


def columns(
    rows: Sequence[Sequence[int]],
    above: Sequence[Sequence[int]],
    below: Sequence[Sequence[int]],
    extents: Sequence[Extent],
    boxes: int,
) -> list[float]:
    """The x of each box's anchor.

    Args:
        rows: the boxes and bends, row by row from left to right.
        above: what each is tied to in the row above.
        below: what each is tied to in the row below.
        extents: how wide each is.
        boxes: how many of them are boxes; the others are bends of long edges, which go first.
    """
    place = [0] * len(extents)
    for row in rows:
        for index, box in enumerate(row):
            place[box] = index
    crossed = _crossed(rows, above, place, boxes)
    results = [
        _one_corner(rows, below if upwards else above, extents, crossed, upwards, leftwards)
        for upwards in (False, True)
        for leftwards in (False, True)
    ]
    return _middle(results, extents)


def _crossed(
    rows: Sequence[Sequence[int]], above: Sequence[Sequence[int]], place: Sequence[int], boxes: int
) -> set[tuple[int, int]]:
    """The pieces of edges that cross a piece between two bends: those give way."""
    found = set()
    for upper, lower in itertools.pairwise(rows):
        left, start = 0, 0
        for index, box in enumerate(lower):
            inner = next((other for other in above[box] if other >= boxes), None) if box >= boxes else None
            if inner is None and index < len(lower) - 1:
                continue
            right = len(upper) if inner is None else place[inner]
            for other in lower[start : index + 1]:
                for end in above[other]:
                    if not left <= place[end] <= right and not (other >= boxes and end >= boxes):
                        found.add((end, other))
            left, start = right, index + 1
    return found


def _one_corner(
    rows: Sequence[Sequence[int]],
    neighbours: Sequence[Sequence[int]],
    extents: Sequence[Extent],
    crossed: set[tuple[int, int]],
    upwards: bool,
    leftwards: bool,
) -> list[float]:
    ordered = [list(reversed(row)) if leftwards else list(row) for row in (reversed(rows) if upwards else rows)]
    root = _blocks(ordered, neighbours, crossed, len(extents))
    if leftwards:
        extents = [Extent(extent.right, extent.left, extent.gap) for extent in extents]
    x = _pushed_together(ordered, root, extents)
    return [-value for value in x] if leftwards else x


def _blocks(
    rows: Sequence[Sequence[int]], neighbours: Sequence[Sequence[int]], crossed: set[tuple[int, int]], count: int
) -> list[int]:
    """The block that each box belongs to, named by its first box."""
    root, place = list(range(count)), [0] * count
    for row in rows:
        for index, box in enumerate(row):
            place[box] = index
    for row in rows:
        reached = -1
        for box in row:
            tied = sorted(neighbours[box], key=place.__getitem__)
            middles = tied[(len(tied) - 1) // 2 : len(tied) // 2 + 1] if tied else []
            for other in middles:
                if place[other] > reached and (other, box) not in crossed and (box, other) not in crossed:
                    root[box], reached = root[other], place[other]
                    break
    return root


def _pushed_together(rows: Sequence[Sequence[int]], root: Sequence[int], extents: Sequence[Extent]) -> list[float]:
    after: dict[int, dict[int, float]] = {block: {} for block in root}
    waiting = dict.fromkeys(after, 0)
    for row in rows:
        for here, there in itertools.pairwise(row):
            one, other = extents[here], extents[there]
            room = one.right + other.left + (one.gap + other.gap) / 2
            following = after[root[here]]
            if root[there] not in following:
                waiting[root[there]] += 1
            following[root[there]] = max(following.get(root[there], 0.0), room)
    x = dict.fromkeys(after, 0.0)
    order = [block for block in after if not waiting[block]]
    for block in order:
        for other, room in after[block].items():
            x[other] = max(x[other], x[block] + room)
            waiting[other] -= 1
            if not waiting[other]:
                order.append(other)
    for block in reversed(order):  # what has room to its right moves there, so that short blocks stay near their row
        if after[block]:
            x[block] = max(x[block], min(x[other] - room for other, room in after[block].items()))
    return [x[block] for block in root]


def _middle(results: Sequence[Sequence[float]], extents: Sequence[Extent]) -> list[float]:
    """The middle of four results, laid over the narrowest of them: two at its left side, two at its right."""
    lefts = [min(x - e.left for x, e in zip(result, extents, strict=True)) for result in results]
    rights = [max(x + e.right for x, e in zip(result, extents, strict=True)) for result in results]
    narrowest = min(range(len(results)), key=lambda index: rights[index] - lefts[index])
    moved = []
    for index, result in enumerate(results):
        leftwards = index % 2 == 1
        shift = rights[narrowest] - rights[index] if leftwards else lefts[narrowest] - lefts[index]
        moved.append([x + shift for x in result])
    return [sum(sorted(four)[1:3]) / 2 for four in zip(*moved, strict=True)]
