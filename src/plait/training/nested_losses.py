"""Losses in a structure of their own: several for one output, and losses of a group of outputs.

`compile(loss=[all_of_them, [first, second]])` for two outputs gives a loss of both outputs together, and one for each.
The rules are Keras's: what is no container belongs to the outputs at its place, one or a group; a list as long as the
outputs at its place has one for each; another list has several for all of them; a dict or tuple like the outputs'
own leads to those at its keys.

Verbs: `is_structured` says whether losses need these rules, `split` follows them.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from plait import losses
from plait.common.messages import describe, listing
from plait.common.traits import of_plait
from plait.common.tree import flatten, is_nested, pack_as, path_name, same_structure


class Group(NamedTuple):
    """A loss of several outputs together.

    Attributes:
        path: the keys and indices that lead to them.
        members: their places in the flat outputs.
        loss: the loss: a name, a function or a `Loss`.
        weight: what it counts in the sum, or None.
        name: what its logs are called.
    """

    path: tuple
    members: tuple[int, ...]
    loss: Any
    weight: Any
    name: str

    def of(self, structure: Any) -> Any:
        """What a structure like the outputs' has at the group's place."""
        for key in self.path:
            structure = structure[key]
        return structure


@of_plait
class LossSum(losses.Loss):
    """Several losses of one output, as one: their weighted sum.

    Args:
        parts: pairs of a loss, or the name of one whose meaning depends on shapes, and its weight or None.
    """

    def __init__(self, parts: Sequence[tuple[Any, Any]]):
        super().__init__(name="_".join(str(getattr(part, "name", part)) for part, _ in parts))
        self.parts = parts

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The sum, one number."""
        total: Any = 0.0
        for part, weight in self.parts:
            loss = losses.crossentropy_for(y_true.shape, y_pred.shape) if isinstance(part, str) else part
            value = loss(y_true, y_pred, sample_weight=sample_weight)
            total = total + (value if weight is None else value * weight)
        return total


def is_container(given: Any) -> bool:
    """Whether losses are a container of losses, and not the config of one."""
    return is_nested(given) and not (isinstance(given, Mapping) and "class_name" in given and "config" in given)


def is_structured(given: Any, structure: Any) -> bool:
    """Whether losses are nested otherwise than by output: one output with several, or a group with one of its own."""
    if not is_container(given) or not is_nested(structure) or same_structure(given, structure):
        return False
    children = given.values() if isinstance(given, Mapping) else given
    return any(is_container(child) and (isinstance(child, Mapping) or len(child) > 1) for child in children)


def split(given: Any, weights: Any, structure: Any, names: Sequence[str], problems: list[str]) -> tuple[list, list]:
    """The losses of each output, and those of groups.

    Args:
        given: losses for which `is_structured` is true.
        weights: what each counts, in the same structure or in a flat list; or None.
        structure: the structure of the outputs.
        names: the outputs' names, flat.
        problems: where what is wrong is added.

    Returns:
        a list by output of lists of pairs (loss, weight), and the groups.
    """
    flat = [None] * len(flatten(given)) if weights is None else flatten(weights)
    if len(flat) != len(flatten(given)):
        problems.append(
            f"`loss_weights` must match the number of losses, but there are {len(flatten(given))} losses and {len(flat)} weights"
        )
        return [[] for _ in names], []
    walk = _Walk(names, problems)
    walk.follow(given, pack_as(given, flat), pack_as(structure, list(range(len(names)))), ())
    return walk.by_output, walk.groups


class _Walk:
    """One walk through losses, beside the outputs that they belong to."""

    def __init__(self, names: Sequence[str], problems: list[str]):
        self.names, self.problems = names, problems
        self.by_output: list[list[tuple[Any, Any]]] = [[] for _ in names]
        self.groups: list[Group] = []

    def follow(self, loss: Any, weight: Any, outputs: Any, path: tuple) -> None:
        """Takes in the losses at one place; `outputs` has the outputs' places in their structure."""
        members = flatten(outputs)
        if loss is None:
            return
        if not is_container(loss):
            self._take(loss, weight, outputs, path)
        elif isinstance(loss, Mapping):
            self._follow_keys(loss, weight, outputs, path, list(loss))
        elif len(loss) == len(members) and is_nested(outputs) and not any(map(is_container, loss)):
            for one, its_weight, member in zip(loss, weight, members, strict=True):
                self.follow(one, its_weight, member, ())
        elif not isinstance(outputs, type(loss)):
            for one, its_weight in zip(loss, weight, strict=True):
                self.follow(one, its_weight, outputs, path)
        else:
            self._follow_keys(loss, weight, outputs, path, list(range(len(loss))))

    def _follow_keys(self, loss: Any, weight: Any, outputs: Any, path: tuple, keys: list) -> None:
        for key in keys:
            if not _has(outputs, key):
                place = f" at {path_name(path)!r}" if path else ""
                self.problems.append(
                    f"loss has the key {key!r}{place}, which can't be found in the model's output {self._told(outputs)}"
                )
            else:
                self.follow(loss[key], weight[key], outputs[key], (*path, key))

    def _take(self, loss: Any, weight: Any, outputs: Any, path: tuple) -> None:
        if weight is not None and not hasattr(weight, "__float__"):
            self.problems.append(
                f"the loss weight at {path_name(path)!r} must be a number, but got {describe(weight)}."
            )
        elif not is_nested(outputs):
            self.by_output[outputs].append((loss, weight))
        else:
            members = tuple(flatten(outputs))
            name = path_name(path) if path else "_".join(str(self.names[member]) for member in members)
            self.groups.append(Group(path, members, loss, weight, name))

    def _told(self, outputs: Any) -> str:
        names = listing(self.names[member] for member in flatten(outputs))
        return f"{type(outputs).__name__} of {names}"


def _has(outputs: Any, key: Any) -> bool:
    if isinstance(outputs, Mapping):
        return key in outputs
    return isinstance(outputs, (list, tuple)) and isinstance(key, int) and key < len(outputs)
