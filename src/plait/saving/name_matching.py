"""Which array of a file belongs to which layer, by the names in the file.

Files of Keras 1 and 2, and those of TF.js, list the weights of a nested model in an order that depends on frozen layers, or on
the alphabet. Their names don't: `encoder/dense_1/kernel` says which layer it belongs to.

Verbs: `leaves_of` lists the layers in a model that hold weights themselves; `share_out` divides names among them;
`match_variables` does so among the variables of one layer.

What it is not: a guess. Names count only if all of them find their place, each leaf gets some, and none could lie in two
places. Where models are numbered otherwise (`dense_4`, `dense_5` for `dense`, `dense_1`), the rank among those of one stem
counts.
"""

import re
from collections.abc import Sequence
from typing import Any

from plait.core.graph import graph_of
from plait.layers.ownership import unique
from plait.layers.wrappers import Bidirectional, TimeDistributed


class Leaf:
    """A layer that holds weights itself, somewhere in models and wrappers.

    Attributes:
        layer: the layer.
        chains: the names that lead to it, outermost first, its own last; a shared layer has several.
        label: its name in old files: a layer in a TimeDistributed goes by the wrapper's name.
    """

    def __init__(self, layer: Any, label: str):
        self.layer, self.label = layer, label
        self.chains: list[tuple[str, ...]] = []

    @property
    def path(self) -> str:
        """Where it is: `encoder/dense`."""
        return "/".join(self.chains[0])


def leaves_of(root: Any) -> list[Leaf]:
    """The layers with weights in a model or wrapper, in their order; just the layer itself where it is neither.

    >>> import plait
    >>> inner = plait.Sequential([plait.Input((2,)), plait.layers.Dense(3, name="a")], name="inner")
    >>> model = plait.Sequential([plait.Input((2,)), inner, plait.layers.Dense(1, name="b")])
    >>> [leaf.path for leaf in leaves_of(model)]
    ['inner/a', 'b']
    """
    found: dict[int, Leaf] = {}
    _collect(root, (), root.name, found)
    return list(found.values())


def _collect(thing: Any, chain: tuple[str, ...], label: str, found: dict[int, Leaf]) -> None:
    inner = _inside(thing)
    if inner is None:
        if thing.weights:
            leaf = found.setdefault(id(thing), Leaf(thing, label))
            leaf.chains.append(chain or (thing.name,))
        return
    for layer in inner:
        own = label if isinstance(thing, TimeDistributed) else layer.name
        _collect(layer, (*chain, layer.name), own, found)


def _inside(thing: Any) -> list | None:
    """The layers in a model or wrapper that has no weights but theirs; None for any other layer."""
    if type(thing) is TimeDistributed:
        inner = [thing.layer]
    elif type(thing) is Bidirectional:
        inner = [thing.forward_layer, thing.backward_layer]
    elif graph_of(thing) is not None:
        inner = list(thing.layers)
    else:
        return None
    theirs = {id(variable) for layer in inner for variable in layer.weights}
    return inner if theirs == {id(variable) for variable in thing.weights} else None


# ---------------------------------------------------------------------------- names


def tokens_of(name: str) -> tuple[str, ...]:
    """The parts of a name: `dense/kernel:0` has two."""
    return tuple(re.sub(r":\d+$", "", name).split("/"))


def share_out(leaves: Sequence[Leaf], names: Sequence[str]) -> list[list[int]] | None:
    """For each leaf the places of its names in the list; None where the names leave a doubt.

    >>> import plait
    >>> layers = [plait.layers.Dense(1, name=name) for name in ("b", "a")]
    >>> leaves = leaves_of(plait.Sequential([plait.Input((1,)), *layers]))
    >>> share_out(leaves, ["a/kernel:0", "a/bias:0", "b/kernel:0", "b/bias:0"])
    [[2, 3], [0, 1]]
    """
    prefixes: dict[tuple[str, ...], list[int]] = {}
    for index, name in enumerate(names):
        tokens = tokens_of(name)
        prefixes.setdefault(tokens[:-1] or _prefix_of_keras_1(tokens[0], leaves), []).append(index)
    owners = _owners(leaves, list(prefixes)) or _owners_by_rank(leaves, list(prefixes))
    if owners is None:
        return None
    shares: list[list[int]] = [[] for _ in leaves]
    for prefix, indices in prefixes.items():
        shares[owners[prefix]] += indices
    return [sorted(share) for share in shares] if all(shares) else None


def fitting(leaves: Sequence[Leaf], names: Sequence[str]) -> list[list[Leaf]]:
    """For each name the leaves that it might mean."""
    called, found = _by_name(leaves), []
    for name in names:
        tokens = tokens_of(name)
        prefix = tokens[:-1] or _prefix_of_keras_1(tokens[0], leaves)
        found.append([leaves[place] for place in _candidates(called, prefix)])
    return found


def _by_name(leaves: Sequence[Leaf]) -> dict[str, list[int]]:
    """The places of the leaves that go by each name."""
    called: dict[str, list[int]] = {}
    for place, leaf in enumerate(leaves):
        for name in dict.fromkeys((leaf.layer.name, leaf.label)):
            called.setdefault(name, []).append(place)
    return called


def _candidates(called: dict[str, list[int]], prefix: tuple[str, ...]) -> list[int]:
    return list(dict.fromkeys(place for token in prefix for place in called.get(token, ())))


def _prefix_of_keras_1(name: str, leaves: Sequence[Leaf]) -> tuple[str, ...]:
    """The layer's name in the name of one of its arrays, as Keras 1 called them: `dense_1_W`."""
    owners = [leaf.layer.name for leaf in leaves if name.startswith(f"{leaf.layer.name}_")]
    return (max(owners, key=len),) if owners else ()


def _owners(leaves: Sequence[Leaf], prefixes: list[tuple[str, ...]]) -> dict[tuple[str, ...], int] | None:
    """The place of the leaf of each prefix; one that could be several's belongs to the one that no other prefix names."""
    called = _by_name(leaves)
    best: dict[tuple[str, ...], list[int]] = {}
    for prefix in prefixes:
        likeness = {place: _likeness(leaves[place], prefix) for place in _candidates(called, prefix)}
        top = max(likeness.values(), default=None)
        best[prefix] = [index for index, found in likeness.items() if found == top]
    certain = {places[0] for places in best.values() if len(places) == 1}
    for prefix, places in best.items():
        if len(places) > 1:
            best[prefix] = [place for place in places if place not in certain]
    if any(len(places) != 1 for places in best.values()):
        return None
    return {prefix: places[0] for prefix, places in best.items()}


def _likeness(leaf: Leaf, prefix: tuple[str, ...]) -> tuple[int, int]:
    """How well a prefix names a leaf: the names they share, and those that only the leaf's chain has."""
    shared = [(_common(chain, prefix), chain) for chain in leaf.chains]
    return max((count, count - len(chain)) for count, chain in shared)


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """The length of the longest sequence of names that both have in this order."""
    row = [0] * (len(other) + 1)
    for a in one:
        before = list(row)
        for index, b in enumerate(other):
            row[index + 1] = before[index] + 1 if a == b else max(row[index], before[index + 1])
    return row[-1]


def _owners_by_rank(leaves: Sequence[Leaf], prefixes: list[tuple[str, ...]]) -> dict[tuple[str, ...], int] | None:
    """Prefixes with other numbers than the leaves': the first `dense_<n>` in the file is the first one of the model."""
    theirs: dict[str, list[tuple[int, tuple[str, ...]]]] = {}
    mine: dict[str, list[tuple[int, int]]] = {}
    for prefix in prefixes:
        plain = [token for token in prefix if not _is_cell(token)]
        if not plain:
            return None
        stem, number = _stem_and_number(plain[-1])
        theirs.setdefault(stem, []).append((number, prefix))
    for place, leaf in enumerate(leaves):
        stem, number = _stem_and_number(leaf.label)
        mine.setdefault(stem, []).append((number, place))
    if theirs.keys() != mine.keys() or any(not _same_ranks(theirs[stem], mine[stem]) for stem in mine):
        return None
    return {
        prefix: place
        for stem in mine
        for (_, prefix), (_, place) in zip(sorted(theirs[stem]), sorted(mine[stem]), strict=True)
    }


def _same_ranks(theirs: list, mine: list) -> bool:
    """Whether there are as many, and no number stands twice."""
    return len(theirs) == len(mine) == len({n for n, _ in theirs}) == len({n for n, _ in mine})


def _is_cell(token: str) -> bool:
    return _stem_and_number(token)[0].endswith("_cell")


def _stem_and_number(name: str) -> tuple[str, int]:
    """A name without the number behind it, and the number: 0 where there is none."""
    found = re.fullmatch(r"(.*?)_(\d{1,9})", name)
    return (found[1], int(found[2])) if found else (name, 0)


# ---------------------------------------------------------------------------- variables of one layer


def match_variables(layer: Any, names: Sequence[str]) -> list | None:
    """The variables of a layer in the order of their names; None where the names leave a doubt.

    >>> import plait
    >>> layer = plait.layers.Dense(1)
    >>> layer.build((None, 2))
    >>> [variable.name for variable in match_variables(layer, ["x/bias:0", "x/kernel:0"])]
    ['bias', 'kernel']
    """
    chains = _chains_of_variables(layer, ())
    variables = {id(variable): variable for _, variable in chains}
    found = []
    for name in names:
        *prefix, own = tokens_of(name)
        likeness: dict[int, tuple[int, int]] = {}
        for chain, variable in chains:
            if variable.name == own:
                count = _common(chain, prefix)
                likeness[id(variable)] = max((count, count - len(chain)), likeness.get(id(variable), (0, -99)))
        top = max(likeness.values(), default=None)
        best = [variable for variable, found_at in likeness.items() if found_at == top]
        if len(best) != 1:
            return None
        found.append(variables[best[0]])
    return found if len(unique(found)) == len(found) == len(variables) else None


def _chains_of_variables(layer: Any, chain: tuple[str, ...]) -> list[tuple[tuple[str, ...], Any]]:
    own = [(chain, variable) for variable in layer._own_variables()]
    return own + [found for inner in layer._layers for found in _chains_of_variables(inner, (*chain, inner.name))]


def names_of(layer: Any) -> dict[int, str]:
    """A name for each variable of a layer, by identity: the names of the layers that it lies in, and its own."""
    found: dict[int, str] = {}
    for leaf in leaves_of(layer):
        for chain, variable in _chains_of_variables(leaf.layer, ()):
            found.setdefault(id(variable), "/".join((leaf.path, *chain, variable.name)))
    return found
