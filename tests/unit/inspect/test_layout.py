"""Layouts: no box, frame or title over another, no line through a box, on thirty topologies."""

import itertools
import random
import time

import pytest

from plait.inspect.layout import Edge, Gaps, Shape, arrange, count_crossings
from plait.inspect.nested_layout import Arrow, Places, Rectangle, place


def chain(n):
    return [(i, i + 1) for i in range(n - 1)]


def residual(blocks, length=3):
    edges = []
    for block in range(blocks):
        start = block * length
        edges += [(start + i, start + i + 1) for i in range(length)] + [(start, start + length)]
    return edges


def dense_block(n):
    return list(itertools.combinations(range(n), 2))


def u_net(depth):
    return chain(2 * depth + 1) + [(i, 2 * depth - i) for i in range(depth)]


def tree(n, inwards=False):
    return [(i, (i - 1) // 2) if inwards else ((i - 1) // 2, i) for i in range(1, n)]


def towers(count, length):
    ends = [(t * length + i, t * length + i + 1) for t in range(count) for i in range(length - 1)]
    return ends + [(t * length + length - 1, count * length) for t in range(count)]


def mesh(rows, columns):
    return [
        (r * columns + c, (r + 1) * columns + d)
        for r in range(rows - 1)
        for c in range(columns)
        for d in range(columns)
    ]


def at_random(n, edges, seed):
    draw = random.Random(seed)
    pairs = {tuple(sorted(draw.sample(range(n), 2))) for _ in range(edges)}
    return sorted(pairs)


TOPOLOGIES = {
    "one": [],
    "two": [(0, 1)],
    "chain": chain(12),
    "long_chain": chain(120),
    "residual": residual(4),
    "residual_long": residual(20, 5),
    "nested_skips": chain(8) + [(0, 7), (1, 6), (2, 5)],
    "crossed_skips": chain(10) + [(0, 4), (2, 6), (3, 8), (1, 9)],
    "dense_block": dense_block(8),
    "dense_block_large": dense_block(14),
    "u_net": u_net(5),
    "u_net_deep": u_net(12),
    "tree_out": tree(15),
    "tree_in": [(14 - b, 14 - a) for a, b in tree(15)],
    "star": [(0, i) for i in range(1, 20)],
    "star_in": [(i, 19) for i in range(19)],
    "towers": towers(4, 5),
    "towers_many": towers(12, 3),
    "inception": [(0, i) for i in range(1, 5)] + [(1, 5), (2, 6), (5, 7), (6, 7), (3, 7), (4, 7)] + chain(11)[7:],
    "complete": mesh(4, 3),
    "complete_wide": mesh(3, 6),
    "diamond": [(0, 1), (0, 2), (1, 3), (2, 3)],
    "ladder": chain(10)[::2] + [(i, i + 2) for i in range(8)] + [(i + 1, i + 2) for i in range(0, 8, 2)],
    "two_parts": [*chain(5), *((a + 5, b + 5) for a, b in residual(2))],
    "lonely": [(0, 1), (2, 3)],
    "wide_then_narrow": [(i, 10 + i % 3) for i in range(10)] + [(10 + i, 13) for i in range(3)],
    "multi_head": chain(5) + [(4, i) for i in range(5, 12)],
    "random_sparse": at_random(40, 55, 1),
    "random_dense": at_random(30, 120, 2),
    "random_large": at_random(150, 260, 3),
}


def sizes_for(edges, seed=0):
    draw = random.Random(seed)
    count = 1 + max((max(edge) for edge in edges), default=0)
    return {i: (draw.choice([64, 90, 140, 260]), draw.choice([24, 40, 60])) for i in range(count)}


def overlaps(a: Rectangle, b: Rectangle, slack: float = 0.0) -> bool:
    return (
        a.x < b.x + b.width - slack
        and b.x < a.x + a.width - slack
        and a.y < b.y + b.height - slack
        and b.y < a.y + a.height - slack
    )


def check(places: Places, parents=None):
    """No two boxes touch, titles lie on nothing, frames hold what is theirs, and no line runs through a box."""
    parents = parents or {}
    for (_, a), (_, b) in itertools.combinations(places.boxes.items(), 2):
        assert not overlaps(a, b)
    for frame, title in places.titles.items():
        assert inside(title, places.frames[frame])
        assert not any(overlaps(title, box) for box in places.boxes.values())
        assert not any(overlaps(title, other) for key, other in places.titles.items() if key != frame)
    for key, frame in parents.items():
        assert inside({**places.boxes, **places.frames}[key], places.frames[frame])
    for a, b in itertools.combinations(places.frames, 2):
        if b not in ancestors(a, parents) and a not in ancestors(b, parents):
            assert not overlaps(places.frames[a], places.frames[b])
    for box in places.boxes.values():
        assert inside(box, Rectangle(0, 0, places.width, places.height))
    solid = [*places.boxes.values(), *places.titles.values()]
    for piece in places.pieces:
        for x, start, end in piece.route:
            line = Rectangle(x - 0.5, start + 0.01, 1.0, max(end - start - 0.02, 0.0))
            if line.height:
                assert not any(overlaps(line, box, 0.01) for box in solid)
        for (_, _, end), (_, start, _) in itertools.pairwise(piece.route):
            assert start >= end - 0.01


def inside(a: Rectangle, b: Rectangle) -> bool:
    return (
        a.x >= b.x - 0.01
        and a.y >= b.y - 0.01
        and a.x + a.width <= b.x + b.width + 0.01
        and a.y + a.height <= b.y + b.height + 0.01
    )


def ancestors(key, parents):
    found = []
    while (key := parents.get(key)) is not None:
        found.append(key)
    return found


@pytest.mark.parametrize("name", TOPOLOGIES)
def test_nothing_overlaps(name):
    edges = TOPOLOGIES[name]
    check(place(sizes_for(edges), [Arrow(*edge) for edge in edges]))


@pytest.mark.parametrize("name", TOPOLOGIES)
def test_nothing_overlaps_in_frames(name):
    """A third of the boxes in one frame, of these some in a frame within."""
    edges = TOPOLOGIES[name]
    sizes = sizes_for(edges, 1)
    count = len(sizes)
    parents: dict = dict.fromkeys(range(count // 3, 2 * count // 3 + 1), "A")
    parents |= dict.fromkeys(range(count // 2, 2 * count // 3 + 1), "B")
    parents["B"] = "A"
    titles = {"A": (70.0, 20.0), "B": (150.0, 20.0)}
    assert all(a < b for a, b in edges)  # so what stands in a row of numbers is never its own user
    arrows = [Arrow(*edge) for edge in edges]
    check(place(sizes, arrows, parents, titles), {k: v for k, v in parents.items() if k in sizes or k == "B"})


def test_frames_in_frames_in_frames():
    sizes = dict.fromkeys(range(9), (80, 30))
    parents = {1: "a", 2: "b", 3: "c", 4: "c", 5: "d", 6: "d", "b": "a", "c": "b"}
    titles = dict.fromkeys("abcd", (100.0, 18.0))
    arrows = [Arrow(i, i + 1) for i in range(8)] + [Arrow(0, 4), Arrow(0, 7), Arrow(2, 5), Arrow(2, 6)]
    check(place(sizes, arrows, parents, titles), parents)


def test_a_chain_is_straight():
    places = place({i: (60 + 20 * (i % 3), 30) for i in range(20)}, [Arrow(i, i + 1) for i in range(19)])
    assert len({round(box.x + box.width / 2, 3) for box in places.boxes.values()}) == 1


def test_a_tree_and_parallel_towers_have_no_crossings():
    for name in ("tree_out", "tree_in", "towers", "towers_many", "u_net", "residual_long", "inception"):
        edges = TOPOLOGIES[name]
        result = arrange([Shape(30, 30, 20)] * len(sizes_for(edges)), [Edge(*edge) for edge in edges])
        assert crossings(result) == 0, name


def crossings(result) -> int:
    """How often the pieces of edges cross, counted from the picture."""
    pieces = {(a.end, a.x, b.x) for route in result.routes for a, b in itertools.pairwise(route)}
    return sum(y == z and (a - c) * (b - d) < -1e-6 for (y, a, b), (z, c, d) in itertools.combinations(pieces, 2))


def test_crossings_are_counted():
    rows, below = [[0, 1, 2], [3, 4, 5]], [[4, 5], [3, 5], [3, 4], [], [], []]
    pairs = [(a, below_index - 3) for a in range(3) for below_index in below[a]]
    expected = sum(a < c and b > d for (a, b), (c, d) in itertools.permutations(pairs, 2))
    assert count_crossings(rows, below) == expected


def test_an_input_stands_right_before_its_first_user():
    result = arrange([Shape(30, 30, 20)] * 6, [Edge(0, 1), Edge(1, 2), Edge(2, 3), Edge(3, 4), Edge(5, 4)])
    assert result.rank == [0, 1, 2, 3, 4, 3]


def test_nothing_at_all():
    assert arrange([], []).width == 0
    assert place({}, []).boxes == {}


def test_gaps_are_kept():
    places = place(dict.fromkeys(range(4), (50, 20)), [Arrow(0, i) for i in (1, 2, 3)], gaps=Gaps(boxes=40))
    row = sorted(places.boxes[i].x for i in (1, 2, 3))
    assert all(b - a >= 90 for a, b in itertools.pairwise(row))


def test_thousand_boxes_are_quick():
    edges = residual(330)
    start = time.process_time()
    place(sizes_for(edges), [Arrow(*edge) for edge in edges])
    assert time.process_time() - start < 10
