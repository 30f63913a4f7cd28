"""The few tree functions that plait uses.

A structure is any nesting of list, tuple, namedtuple, dict; all else is a leaf, None too. Dicts are walked in the
order of their sorted keys, ordered dicts in their own order: that is how Keras does it, and files depend on it.
"""

import collections
from collections.abc import Callable, Iterator
from typing import Any

from plait.common.messages import describe
from plait.errors import ArgumentError


def is_nested(structure: Any) -> bool:
    """Whether a value is a container, not a leaf."""
    return isinstance(structure, (list, tuple, dict))


def keys_of(mapping: dict) -> list:
    """The keys of a dict in the order in which its values are walked."""
    if isinstance(mapping, collections.OrderedDict):
        return list(mapping)
    try:
        return sorted(mapping)
    except TypeError:
        return list(mapping)


def leaves_with_paths(structure: Any, path: tuple = ()) -> Iterator[tuple[tuple, Any]]:
    """Walks a structure, and returns each leaf with the keys and indices that lead to it."""
    if isinstance(structure, dict):
        for key in keys_of(structure):
            yield from leaves_with_paths(structure[key], (*path, key))
    elif isinstance(structure, (list, tuple)):
        for index, item in enumerate(structure):
            yield from leaves_with_paths(item, (*path, index))
    else:
        yield path, structure


def flatten(structure: Any) -> list:
    """The leaves of a structure, in order."""
    if not isinstance(structure, (list, tuple, dict)):
        return [structure]
    leaves: list = []
    _gather(structure, leaves)
    return leaves


def _gather(structure: Any, leaves: list) -> None:
    items = [structure[key] for key in keys_of(structure)] if isinstance(structure, dict) else structure
    for item in items:
        if isinstance(item, (list, tuple, dict)):
            _gather(item, leaves)
        else:
            leaves.append(item)


def map_structure(function: Callable, structure: Any, *others: Any) -> Any:
    """Applies a function to each leaf, and to the leaves at the same place of other structures.

    Raises:
        ArgumentError: the structures differ.
    """
    if isinstance(structure, dict):
        for other in others:
            if not isinstance(other, dict) or set(other) != set(structure):
                _raise_different(structure, other)
        items = {key: map_structure(function, structure[key], *(o[key] for o in others)) for key in keys_of(structure)}
        return type(structure)((key, items[key]) for key in structure)
    if isinstance(structure, (list, tuple)):
        for other in others:
            if not isinstance(other, (list, tuple)) or len(other) != len(structure):
                _raise_different(structure, other)
        items = [map_structure(function, *parts) for parts in zip(structure, *others, strict=True)]
        return _rebuild(structure, items)
    return function(structure, *others)


def _rebuild(structure: list | tuple, items: list) -> list | tuple:
    if isinstance(structure, tuple) and not is_named(structure):
        return tuple(items)
    return rebuild(structure, items) if isinstance(structure, tuple) else items


def is_named(structure: Any) -> bool:
    """Whether a structure is a NamedTuple."""
    return isinstance(structure, tuple) and hasattr(structure, "_fields")


def rebuild(structure: Any, items: list) -> Any:
    """A list or tuple of the same class with other items; a NamedTuple takes them one by one.

    >>> rebuild((1, 2), [3, 4])
    (3, 4)
    """
    return type(structure)(*items) if is_named(structure) else type(structure)(items)


def _raise_different(expected: Any, received: Any) -> None:
    raise ArgumentError(
        f"Two structures that should be alike are not: expected {describe(expected)}, but got {describe(received)}."
    )


def pack_as(structure: Any, leaves: list) -> Any:
    """Builds a structure of the same form from a flat list of leaves.

    Raises:
        ArgumentError: more or fewer leaves than the structure holds.
    """
    count = len(flatten(structure))
    if count != len(leaves):
        raise ArgumentError(
            f"A structure of {count} leaves cannot be filled with {len(leaves)}: {describe(structure)}."
        )
    remaining = iter(leaves)
    return map_structure_in_order(lambda _: next(remaining), structure)


def map_structure_in_order(function: Callable, structure: Any) -> Any:
    """Like `map_structure` for one structure, with the calls in the order of `flatten`."""
    if isinstance(structure, dict):
        items = {key: map_structure_in_order(function, structure[key]) for key in keys_of(structure)}
        return type(structure)((key, items[key]) for key in structure)
    if isinstance(structure, (list, tuple)):
        return _rebuild(structure, [map_structure_in_order(function, item) for item in structure])
    return function(structure)


def same_structure(first: Any, second: Any) -> bool:
    """Whether two structures have the same containers, keys and lengths (a list may stand for a tuple)."""
    if isinstance(first, dict) and isinstance(second, dict):
        return set(first) == set(second) and all(same_structure(first[key], second[key]) for key in first)
    if isinstance(first, (list, tuple)) and isinstance(second, (list, tuple)):
        return len(first) == len(second) and all(map(same_structure, first, second))
    return not is_nested(first) and not is_nested(second)


def path_name(path: tuple) -> str:
    """Writes the way to a leaf as one name: `encoder/0/kernel`."""
    return "/".join(str(part) for part in path)
