"""The ONE rule for the names of outputs, and matching things to outputs by it.

The name of an output is its key in the dict of outputs; in lists and tuples it is the name of the layer that made it,
numbered where two are the same. Losses, metrics, weights, labels, class weights, logs and history all use these names.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from plait.common.messages import describe, did_you_mean, listing
from plait.common.tree import flatten, leaves_with_paths, same_structure
from plait.core.tensor import KerasTensor
from plait.errors import ArgumentError


def output_names(structure: Any) -> list[str]:
    """The names of outputs, in the order of their flattened structure.

    >>> output_names({"price": None, "cut": None})
    ['cut', 'price']
    """
    names = [_name(path, leaf) for path, leaf in leaves_with_paths(structure)]
    counts: dict[str, int] = {}
    unique = []
    for name in names:
        count = counts.get(name, 0)
        counts[name] = count + 1
        unique.append(f"{name}_{count}" if count else name)
    return unique


def _name(path: tuple, leaf: Any) -> str:
    keys = [str(part) for part in path if isinstance(part, str)]
    if path and isinstance(path[-1], str):
        return "/".join(keys)
    while isinstance(leaf, KerasTensor) and leaf.node is not None and getattr(leaf.node.operation, "passes_on", False):
        leaf = leaf.node.inputs[0]
    own = leaf.node.operation.name if isinstance(leaf, KerasTensor) and leaf.node is not None else None
    return "/".join([*keys, own or (f"output_{path[-1] + 1}" if path else "output")])


def match_to_outputs(
    given: Any, structure: Any, names: Sequence[str], what: str, problems: list[str], listed: bool = False
) -> list:
    """One thing for each output, None where there is none, from any of the forms that `compile` takes.

    Args:
        given: one for all outputs, a list by position, a dict by name, or the structure of the outputs.
        structure: the structure of the outputs.
        names: their names, flat.
        what: what is matched, for the messages: "loss", "metrics", ...
        problems: where what is wrong is added.
        listed: whether one output may have a list of them, as metrics do.
    """
    if given is None or (listed and given == []):
        return [None] * len(names)
    if isinstance(given, Mapping) and not _is_config(given):
        return _by_name(given, structure, names, what, problems, listed)
    if len(names) == 1:
        if isinstance(given, (list, tuple)) and not listed:
            leaves = flatten(given)
            if len(leaves) == 1:
                return leaves
            problems.append(f"{what} lists {len(leaves)} for one output, {names[0]!r}. Give one")
            return [None]
        return [given]
    if isinstance(given, (list, tuple)):
        if len(given) == len(names):
            return list(given)
        if not listed and same_structure(given, structure):
            return flatten(given)
        hint = f"one for each of {listing(names)}, None for none, or a dict by these names"
        problems.append(f"{what} lists {len(given)} for {len(names)} outputs. Give {hint}")
        return [None] * len(names)
    return [given] * len(names)


def _is_config(given: Mapping) -> bool:
    return "class_name" in given and "config" in given


def _by_name(
    given: Mapping, structure: Any, names: Sequence[str], what: str, problems: list[str], listed: bool
) -> list:
    unknown = [key for key in given if key not in names]
    if unknown and isinstance(structure, dict) and not listed and same_structure(given, structure):
        return flatten(given)
    nested = isinstance(structure, dict) and set(given) <= set(structure)
    if unknown and nested:
        return _by_top_keys(given, structure, what, problems, listed)
    outputs = f"Outputs: {listing(names)}"
    problems += [
        f"{what} has the key {key!r}, which is no output.{did_you_mean(key, names)} {outputs}" for key in unknown
    ]
    return [given.get(name) for name in names]


def _by_top_keys(given: Mapping, structure: dict, what: str, problems: list[str], listed: bool) -> list:
    matched: list = []
    for key in sorted(structure):
        inner = structure[key]
        matched += match_to_outputs(given.get(key), inner, output_names(inner), f"{what}[{key!r}]", problems, listed)
    return matched


def _by_path(given: Mapping, names: Sequence[str]) -> Mapping:
    """Nested things by the outputs' names: `{"n": [1, 2]}` is `{"n/a": 1, "n/b": 2}` for the outputs `n/a` and `n/b`."""
    flat: dict = {}
    for key, value in given.items():
        inner = [name for name in names if name.startswith(f"{key}/")]
        leaves = flatten(value)
        flat |= dict(zip(inner, leaves, strict=True)) if inner and len(inner) == len(leaves) else {key: value}
    return flat


def match_labels(
    given: Any,
    names: Sequence[str],
    wanted: Sequence[bool],
    what: str,
    owner: str,
    optional: Sequence[bool] | None = None,
) -> list:
    """Labels or weights for each output, None where none is needed.

    Args:
        given: a value, a list by position, or a dict by name.
        names: the names of the outputs.
        wanted: which outputs need one.
        what: "labels" or "sample weights".
        owner: the model's name.
        optional: which outputs a dict may leave out, though they need one.

    Raises:
        ArgumentError: none for an output that needs one, or for something that is no output.
    """
    if given is None:
        return [None] * len(names)
    if isinstance(given, Mapping):
        given = _by_path(given, names)
        needed = wanted if optional is None else [w and not o for w, o in zip(wanted, optional, strict=True)]
        missing = [name for name, need in zip(names, needed, strict=True) if need and name not in given]
        extra = [key for key in given if key not in names]
        if (missing and what == "labels") or extra:
            problems = [f"{what} for {name!r} are missing" for name in missing] if what == "labels" else []
            problems += [f"{key!r} is no output.{did_you_mean(key, names)}" for key in extra]
            told = "; ".join(problem.rstrip(".") for problem in problems)
            told = told if told.endswith("?") else f"{told}."
            raise ArgumentError(f"{owner}: the {what} don't match the outputs {listing(names)}: {told}")
        return [given.get(name) for name in names]
    leaves = flatten(given)
    if len(leaves) == len(names):
        return leaves
    needed = sum(wanted)
    if len(leaves) == needed:
        remaining = iter(leaves)
        return [next(remaining) if want else None for want in wanted]
    if len(leaves) == 1 and what != "labels":
        return [leaves[0] if want else None for want in wanted]
    raise ArgumentError(
        f"{owner}: y_true and y_pred have different structures. Expected {what} for {listing(names)} (or only for the "
        f"{needed} with a loss or metric), but got {describe(given)}. Give a dict by these names."
    )
