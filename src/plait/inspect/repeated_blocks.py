"""Repeats: blocks of a graph that come again and again, found without names.

The graph is cut wherever all that is known passes through one box. What lies between two cuts is a stretch: a residual
block, or a single layer of a chain. Where the same few stretches follow each other several times, they are a repeat.

Verbs: `find_repeats`.

What it is not: a search for equal parts anywhere. Parallel towers are not found, only what repeats along the way.
"""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, NamedTuple

_LONGEST = 12  # stretches in one block
_LEAST_SAVED = 3  # boxes that folding must make fewer


class Repeat(NamedTuple):
    """Blocks that follow each other and are alike; each is a list of boxes."""

    blocks: list[list]


def find_repeats(keys: Sequence[Hashable], arrows: Sequence[tuple], signatures: Mapping[Any, Hashable]) -> list[Repeat]:
    """The repeats of a graph, in the order of the graph, none within another.

    Args:
        keys: the boxes, each after all that it needs.
        arrows: (source, target) pairs.
        signatures: what a box is; boxes that are alike have equal ones.

    >>> keys = list("abcbcbcd")
    >>> numbered = list(enumerate(keys))
    >>> arrows = list(zip(numbered, numbered[1:], strict=False))
    >>> [len(repeat.blocks) for repeat in find_repeats(numbered, arrows, {key: key[1] for key in numbered})]
    [3]
    """
    stretches = _stretches(keys, arrows)
    kinds = [_kind(stretch, arrows_into, signatures) for stretch, arrows_into in stretches]
    numbers: dict[Hashable, int] = {}
    sequence = [numbers.setdefault(kind, len(numbers)) for kind in kinds]
    found, start = [], 0
    while start < len(sequence):
        period, count = _best(sequence, start, [len(stretch) for stretch, _ in stretches])
        if count > 1:
            starts = range(start, start + period * count, period)
            blocks = [[key for stretch, _ in stretches[at : at + period] for key in stretch] for at in starts]
            found.append(Repeat(blocks))
        start += period * count
    return found


def _stretches(keys: Sequence[Hashable], arrows: Sequence[tuple]) -> list[tuple[list, list]]:
    """What lies between cuts, each with the arrows into it as places: where they start, where they end."""
    place = {key: index for index, key in enumerate(keys)}
    last_use = list(range(len(keys)))
    into: list[list[int]] = [[] for _ in keys]
    for source, target in arrows:
        last_use[place[source]] = max(last_use[place[source]], place[target])
        into[place[target]].append(place[source])
    stretches, current, reach = [], [], -1
    for index, key in enumerate(keys):
        current.append(key)
        open_before = reach > index  # some earlier box is needed behind this one
        if not open_before:
            begin = index - len(current) + 1
            edges = [(source - begin, target - begin) for target in range(begin, index + 1) for source in into[target]]
            stretches.append((current, sorted(edges)))
            current = []
        reach = max(reach, last_use[index])
    if current:
        stretches.append((current, [(-1, -1)]))
    return stretches


def _kind(stretch: Sequence[Hashable], edges: Sequence, signatures: Mapping[Any, Hashable]) -> Hashable:
    inner = tuple((max(source, -1), target) for source, target in edges)
    return tuple(signatures[key] for key in stretch), inner


def _best(sequence: Sequence[int], start: int, sizes: Sequence[int]) -> tuple[int, int]:
    """The period and number of the repeat that starts here and folds most away; (1, 1) for none."""
    best, most = (1, 1), _LEAST_SAVED - 1
    for period in range(1, min(_LONGEST, (len(sequence) - start) // 2) + 1):
        count = 1
        block = sequence[start : start + period]
        while sequence[start + period * count : start + period * (count + 1)] == block:
            count += 1
        saved = (count - 1) * sum(sizes[start : start + period])
        if count > 1 and saved > most:
            best, most = (period, count), saved
    return best
