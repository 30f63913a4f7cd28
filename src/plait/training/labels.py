"""What labels must be: numbers, and class numbers where losses and metrics take them for such.

`rule_of` reads what an output's losses and metrics need, once. `Labels.check` holds data against it, on the host: arrays
once a fit, batches as they come. It costs one or two passes over the labels, and never waits for the device.

What it is not: a check of shapes, which the losses make themselves. Losses and steps that a program wrote may read labels
as they like, so nothing is said about these.

Differs from Keras: it trains on NaN labels until all weights are NaN, takes 1.7 for class 1, and class -1 for no class.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from plait import losses, metrics
from plait.common.registry import is_builtin
from plait.common.traits import is_usual
from plait.core.mask import get_mask
from plait.errors import DataError
from plait.losses.base import options_of
from plait.training.data.nulls import labelled_on_host
from plait.training.names import match_labels
from plait.training.nested_losses import LossSum

_TEXT = "OSUT"  # the kinds of dtypes that hold strings


class Rule(NamedTuple):
    """What the labels of one output must be.

    Attributes:
        output: its name.
        classes: how many classes there are; None where labels are any numbers.
        counted: where that number is from, in words.
        ignored: class numbers that losses leave out.
        missing: what stands for a missing label; None where none may be missing.
        padded: whether a mask on the output may leave out steps, whose labels are then often below 0.
    """

    output: str
    classes: int | None = None
    counted: str = ""
    ignored: frozenset = frozenset()
    padded: bool = False
    missing: float | None = None

    def holds(self, labels: np.ndarray) -> bool:
        """Whether all labels are as they must be."""
        kind = labels.dtype.kind
        if kind in _TEXT:
            return False
        if self.missing is not None and kind in "fiub":
            labels = labels[labelled_on_host(labels, self.missing)]
        if not labels.size or kind not in "fiub" or (self.classes is None and kind != "f"):
            return True
        least = np.minimum.reduce(labels, axis=None)  # NaN where any is
        if self.classes is None:
            return bool(least == least)
        within = least >= 0 and np.maximum.reduce(labels, axis=None) < self.classes
        return bool(within) and (kind != "f" or bool((np.trunc(labels) == labels).all()))


def rule_of(
    name: str, output: Any, its_losses: Sequence, its_metrics: Sequence, missing: float | None = None
) -> Rule | None:
    """What the labels of an output must be; None where losses of the program's own may read them as they like.

    Args:
        name: the output's.
        output: its symbolic tensor.
        its_losses: the losses that compare it.
        its_metrics: its metrics.
        missing: what stands for a missing label, if any may be missing.
    """
    parts = list(_parts(its_losses))
    known = [judge for judge in parts or its_metrics if _is_known(judge)]
    if not known or (not parts and len(known) < len(its_metrics)):
        return None
    counts, ignored = [], set()
    for judge in [*known, *filter(_is_known, its_metrics)]:
        if (found := _classes(judge, output)) is not None:
            counts.append(found[:2])
            ignored.add(found[2])
    classes, counted = min(counts, default=(None, ""))
    return Rule(name, classes, counted, frozenset(ignored - {None}), get_mask(output) is not None, missing)


def _parts(its_losses: Iterable) -> Iterable:
    for loss in its_losses:
        if isinstance(loss, LossSum):
            yield from _parts(part for part, _ in loss.parts)
        elif loss is not None:
            yield loss


def _is_known(judge: Any) -> bool:
    """Whether it is plait that says how a loss or metric reads labels."""
    if isinstance(judge, str):  # "crossentropy" in a sum of losses: what it stands for depends on shapes
        return True
    function = _function(judge)
    methods = ("__call__", "call") if isinstance(judge, losses.Loss) else ("update_state",)
    return is_usual(type(judge), *methods) and (function is None or is_builtin(function))


def _function(judge: Any) -> Any:
    return getattr(judge, "fn", None) or getattr(judge, "_fn", None)


def _classes(judge: Any, output: Any) -> tuple[int, str, int | None] | None:
    """How many classes a loss or metric knows, why, and the class that it leaves out; None where labels are no classes."""
    if isinstance(judge, str):
        return None
    if isinstance(judge, metrics.IoU):
        counted = f"the metric {judge.name!r} has num_classes={judge.num_classes}"
        return (judge.num_classes, counted, judge.ignore_class) if judge.sparse_y_true else None
    options = options_of(judge, getattr(judge, "options", None) or getattr(judge, "_options", {}))
    if not getattr(_function(judge), "of_classes", False) or options.get("from_sorted_ids"):
        return None
    axis, shape = options.get("axis", -1), output.shape
    size = shape[axis] if -len(shape) <= axis < len(shape) else None
    return (size, f"it has {size} outputs", options.get("ignore_class")) if isinstance(size, int) else None


class Labels:
    """The labels of a model's outputs.

    Args:
        rules: what those of each output must be; None where nothing is known.
        wanted: which outputs need labels.
        names: the outputs' names.
        owner: the model's name.
        optional: which outputs' labels may be missing; None where none may.
    """

    def __init__(
        self,
        rules: Sequence[Rule | None],
        wanted: Sequence[bool],
        names: Sequence[str],
        owner: str,
        optional: Sequence[bool] | None = None,
    ):
        self._rules, self._wanted, self._names, self._owner = rules, wanted, names, owner
        self._optional = optional

    def check(self, batch: tuple, fetch: bool = False, rows: Any = None) -> None:
        """Refuses labels that aren't as they must be.

        Args:
            batch: `(x, y, sample_weight)`, a batch or all.
            fetch: whether labels on the device are looked at, too.
            rows: the numbers of the batch's rows in all the data, where they are known.

        Raises:
            DataError: some are NaN, or no classes that there are. Where a row's weight is 0 it may have any class.
        """
        _, y, weights = batch
        if y is None:
            return
        alone = len(self._rules) == 1 and isinstance(y, np.ndarray)
        labels = [y] if alone else self._of_outputs(y)
        for place, (rule, label) in enumerate(zip(self._rules, labels, strict=True)):
            if rule is not None and (isinstance(label, np.ndarray) or (fetch and _is_here(label))):
                values = np.asarray(label)
                if not rule.holds(values):
                    given = match_labels(weights, self._names, self._wanted, "sample weights", self._owner)[place]
                    self._refuse(rule, values, given, rows)

    def _of_outputs(self, y: Any) -> list:
        return match_labels(y, self._names, self._wanted, "labels", self._owner, self._optional)

    def _refuse(self, rule: Rule, labels: np.ndarray, weights: Any, numbers: Any) -> None:
        who = f"{self._owner}: the labels of {rule.output!r}"
        if labels.dtype.kind in _TEXT:
            raise DataError(
                f"{who} must be numbers, but are text, such as {str(labels.flat[0])!r}. Number the classes first: classes, y = "
                "np.unique(y, return_inverse=True)."
            )
        labelled = np.ones(labels.shape, bool) if rule.missing is None else labelled_on_host(labels, rule.missing)
        if labels.dtype.kind == "f" and (missing := np.isnan(labels) & labelled).any():
            rows, first = _rows(missing, numbers)
            raise DataError(
                f"{who} are NaN in {rows}, first in row {first}. Fill them in. Where a label is missing, put any number that a "
                "label can be, and give its row a `sample_weight` of 0."
            )
        if rule.classes is None:
            return
        wrong = (labels < 0) | (labels >= rule.classes) | (np.trunc(labels) != labels)
        wrong &= labelled
        for ignored in rule.ignored:
            wrong &= labels != ignored
        if rule.padded:
            wrong &= labels >= 0
        wrong &= _counts(weights, labels)
        if wrong.any():
            rows, first = _rows(wrong, numbers)
            advice = "Number the classes from 0: classes, y = np.unique(y, return_inverse=True)."
            if rule.classes == 1:
                advice = "For a yes or a no use binary_crossentropy; for several classes give the output as many units."
            raise DataError(
                f"{who} must be whole numbers from 0 to {rule.classes - 1}, because {rule.counted}, but {rows} hold other values; "
                f"the first is {labels[wrong].flat[0]:g}, in row {first}. {advice} To leave rows out, give them a "
                "`sample_weight` of 0; to leave a class out, use SparseCategoricalCrossentropy(ignore_class=...)."
            )


def _is_here(label: Any) -> bool:
    """Whether an array has its numbers in this process."""
    return hasattr(label, "__array__") and getattr(label, "is_fully_addressable", True)


def _counts(weights: Any, labels: np.ndarray) -> Any:
    """Where labels count, in a shape that goes with theirs."""
    if weights is None or not hasattr(weights, "__array__"):
        return True
    counts = np.asarray(weights) != 0
    leading = [size for size in counts.shape if size != 1][: labels.ndim]
    if tuple(leading) != labels.shape[: len(leading)]:
        return True
    return counts.reshape(tuple(leading) + (1,) * (labels.ndim - len(leading)))


def _rows(wrong: np.ndarray, numbers: Any) -> tuple[str, int]:
    """How many rows have a wrong entry, in words, and the number of the first."""
    rows = np.flatnonzero(wrong.reshape(len(wrong), -1).any(axis=1))
    return f"{len(rows)} of {len(wrong)} rows", int(rows[0] if numbers is None else numbers[rows[0]])
