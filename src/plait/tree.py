"""Functions over nested structures: lists, tuples and dicts of anything."""

from collections.abc import Callable
from typing import Any

from plait.common.messages import describe
from plait.common.tree import flatten as flatten
from plait.common.tree import is_named, keys_of, leaves_with_paths, pack_as, rebuild, same_structure
from plait.common.tree import is_nested as is_nested
from plait.common.tree import map_structure as map_each
from plait.errors import ArgumentError

__all__ = [
    "MAP_TO_NONE",
    "assert_same_paths",
    "assert_same_structure",
    "flatten",
    "flatten_with_path",
    "is_nested",
    "lists_to_tuples",
    "map_shape_structure",
    "map_structure",
    "map_structure_up_to",
    "pack_sequence_as",
    "traverse",
]


class MAP_TO_NONE:
    """What a function given to `traverse` returns for None: its None means "leave this as it is, and go on"."""


def flatten_with_path(structure: Any) -> list[tuple[tuple, Any]]:
    """The leaves, each with the keys and indices that lead to it."""
    return list(leaves_with_paths(structure))


def map_structure(func: Callable, *structures: Any, none_is_leaf: bool = True) -> Any:
    """Applies a function to the leaves at the same place of structures; with `none_is_leaf=False` None stays None.

    >>> map_structure(lambda a, b: a + b, [1, {"k": 2}], [10, {"k": 20}])
    [11, {'k': 22}]
    """
    if none_is_leaf:
        return map_each(func, *structures)
    return map_each(lambda *leaves: None if leaves[0] is None else func(*leaves), *structures)


def map_structure_up_to(shallow_structure: Any, func: Callable, *structures: Any) -> Any:
    """Applies a function to what the structures hold at the leaves of a shallow one."""
    if not is_nested(shallow_structure):
        return func(*structures)
    if isinstance(shallow_structure, dict):
        items = {
            k: map_structure_up_to(shallow_structure[k], func, *(s[k] for s in structures))
            for k in keys_of(shallow_structure)
        }
        return type(shallow_structure)((key, items[key]) for key in shallow_structure)
    parts = [map_structure_up_to(part, func, *rest) for part, *rest in zip(shallow_structure, *structures, strict=True)]
    return rebuild(shallow_structure, parts)


def pack_sequence_as(structure: Any, flat_sequence: Any) -> Any:
    """Builds a structure of the same form from a flat list of leaves."""
    return pack_as(structure, list(flat_sequence))


def assert_same_structure(a: Any, b: Any, check_types: bool | None = None) -> None:
    """Raises where two structures differ.

    Raises:
        ArgumentError: they do.
    """
    if not same_structure(a, b):
        raise ArgumentError(
            f"`a` and `b` don't have the same structure. Expected a {type(a).__name__} as in a={describe(a)}, but got "
            f"b={describe(b)}."
        )


def assert_same_paths(a: Any, b: Any) -> None:
    """Raises where the leaves of two structures have different paths.

    Raises:
        ArgumentError: they do.
    """
    paths = [[path for path, _ in leaves_with_paths(structure)] for structure in (a, b)]
    if paths[0] != paths[1]:
        raise ArgumentError(f"`a` and `b` don't have the same paths: {paths[0]}, {paths[1]}.")


def lists_to_tuples(structure: Any) -> Any:
    """The same structure, with tuples in place of lists.

    >>> lists_to_tuples([1, [2, {"k": [3]}]])
    (1, (2, {'k': (3,)}))
    """
    if isinstance(structure, dict):
        return type(structure)((key, lists_to_tuples(item)) for key, item in structure.items())
    if is_named(structure):
        return type(structure)(*map(lists_to_tuples, structure))
    return tuple(map(lists_to_tuples, structure)) if isinstance(structure, (list, tuple)) else structure


def map_shape_structure(func: Callable, structure: Any) -> Any:
    """Applies a function to the shapes in a structure: the innermost tuples of sizes."""
    if isinstance(structure, (list, tuple)) and all(size is None or isinstance(size, int) for size in structure):
        return func(tuple(structure))
    if isinstance(structure, dict):
        return type(structure)((key, map_shape_structure(func, item)) for key, item in structure.items())
    if isinstance(structure, (list, tuple)):
        return type(structure)(map_shape_structure(func, item) for item in structure)
    raise ArgumentError(f"map_shape_structure: expected shapes, but got {describe(structure)}.")


def traverse(func: Callable, structure: Any, top_down: bool = True) -> Any:
    """Visits every container and leaf; where the function gives something other than None, that takes its place.

    >>> traverse(lambda x: MAP_TO_NONE if x == 1 else None, [1, [2, 1]])
    [None, [2, None]]
    """
    if top_down:
        replaced = func(structure)
        if replaced is not None:
            return None if replaced is MAP_TO_NONE else replaced
    if isinstance(structure, dict):
        structure = type(structure)((key, traverse(func, item, top_down)) for key, item in structure.items())
    elif isinstance(structure, (list, tuple)):
        items = [traverse(func, item, top_down) for item in structure]
        structure = rebuild(structure, items)
    if not top_down:
        replaced = func(structure)
        return structure if replaced is None else None if replaced is MAP_TO_NONE else replaced
    return structure
