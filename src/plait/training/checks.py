"""What is wrong with a call of `fit`, said before anything is computed: options, weights of classes, labels' shapes.

Each check raises with who, what was expected, what came and what to do. `explain_loss` looks, after the fact, for why a
loss isn't a number.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from plait.common.messages import describe, did_you_mean, listing, raise_all, warn
from plait.common.tree import flatten, leaves_with_paths, path_name
from plait.errors import ArgumentError

_VERBOSE = ("auto", 0, 1, 2)
_PROGRESS = ("bar", "plot")


def check_options(verbose: Any, shuffle: Any, validation_freq: Any, progress: Any = "bar") -> None:
    """Refuses options of `fit` that have no meaning.

    Raises:
        ArgumentError: all that is wrong with them.
    """
    problems = []
    if verbose not in _VERBOSE:
        problems.append(f"`verbose` must be 0, 1, 2 or 'auto', but got {describe(verbose)}.")
    if not isinstance(progress, str) or progress not in _PROGRESS:
        hint = did_you_mean(progress, _PROGRESS) if isinstance(progress, str) else ""
        problems.append(
            f"`progress` must be 'bar' or 'plot' (curves in the terminal), but got {describe(progress)}.{hint} For no progress "
            "give verbose=0."
        )
    if isinstance(shuffle, str) and shuffle != "batch":
        problems.append(f"`shuffle` must be True, False or 'batch', but got {shuffle!r}.")
    if not _is_frequency(validation_freq):
        problems.append(
            "`validation_freq` must be a whole number from 1 up (validate each so many epochs) or a list of epochs, counted "
            f"from 1, but got {describe(validation_freq)}."
        )
    raise_all(ArgumentError, "fit", problems)


def _is_frequency(value: Any) -> bool:
    if hasattr(value, "__index__"):
        return not isinstance(value, bool) and value >= 1
    return isinstance(value, Iterable) and not isinstance(value, str) and all(hasattr(v, "__index__") for v in value)


def check_class_weight(class_weight: Any, names: Sequence[str], outputs: Any, owner: str) -> None:
    """Refuses weights of classes that can't be those of the outputs.

    Args:
        class_weight: numbers by class, or a dict of such by output.
        names: the outputs' names.
        outputs: the outputs, or their specs, in that order.
        owner: the model's name.

    Raises:
        ArgumentError: all that is wrong with them.
    """
    if not isinstance(class_weight, Mapping):
        raise ArgumentError(
            f"{owner}: `class_weight` must be a dict of numbers by class, {{0: 1.0, 1: 5.0}}, but got {describe(class_weight)}."
        )
    problems = []
    if any(isinstance(value, Mapping) for value in class_weight.values()):
        for name, own in class_weight.items():
            if name not in names:
                problems.append(f"{name!r} is no output.{did_you_mean(name, names)} Outputs: {listing(names)}.")
            elif own is not None:
                place = list(names).index(name)
                problems += _problems_of_classes(own, f" of {name!r}", flatten(outputs)[place])
    elif len(names) > 1:
        problems.append(
            f"`class_weight` is only supported for models with a single output, or by output: this one has {listing(names)}. "
            f"Give {{{names[0]!r}: {{0: 1.0, ...}}}}."
        )
    else:
        problems += _problems_of_classes(class_weight, "", flatten(outputs)[0])
    raise_all(ArgumentError, f"{owner}: class_weight", problems)


def _problems_of_classes(weights: Any, whose: str, output: Any) -> list[str]:
    if not isinstance(weights, Mapping):
        return [f"the weights{whose} must be a dict of numbers by class, but got {describe(weights)}."]
    size = output.shape[-1] if len(output.shape) > 1 and isinstance(output.shape[-1], int) else None
    known = f"0 to {size - 1}" if size is not None and size > 1 else "0, 1, ..."
    problems = []
    for key, value in weights.items():
        whole = hasattr(key, "__index__") or (isinstance(key, float) and key.is_integer())
        if not whole or key < 0 or (size is not None and 1 < size <= key):
            problems.append(f"the classes{whose} are {known}, but there is a weight for {key!r}.")
        elif not hasattr(value, "__float__"):
            problems.append(f"the weight of class {key!r}{whose} must be a number, but got {describe(value)}.")
    return problems


def explain_loss(logs: Mapping, arrays: Any, epoch: int, owner: str) -> str | None:
    """Says why the loss of an epoch isn't a number, as far as the data shows it; None where it is one.

    Args:
        logs: the epoch's.
        arrays: `(x, y, sample_weight)`, or what is known of them.
        epoch: its number, from 0.
        owner: the model's name.
    """
    loss = logs.get("loss")
    if not isinstance(loss, float) or math.isfinite(loss):
        return None
    bad = []
    for part, structure in zip(("x", "y", "sample_weight"), arrays, strict=True):
        for path, array in leaves_with_paths(structure):
            if getattr(getattr(array, "dtype", None), "kind", "") == "f" and hasattr(array, "__array__"):
                count = int(np.size(array) - np.count_nonzero(np.isfinite(np.asarray(array))))
                if count:
                    name = f"{part}[{path_name(path)!r}]" if path else part
                    bad.append(f"{name} holds {count} of {np.size(array)}")
    why = (
        f"The data holds numbers that are NaN or infinite: {', '.join(bad)}. Fill them in, or leave these rows out."
        if bad
        else "The data is finite, so the numbers grew too large on the way: scale the inputs and the labels, lower the "
        "learning rate, or give the optimizer clipnorm=1.0."
    )
    return f"{owner}: the loss is {loss} in epoch {epoch + 1}. {why}"


def warn_if_spread(name: str, loss: str, y: Any, y_pred: Any) -> None:
    """Warns of labels that are compared with outputs of another shape, one number with several.

    Args:
        name: the output's.
        loss: the loss's.
        y: labels, or their spec.
        y_pred: outputs, or their spec.
    """
    pairs = zip(y.shape[1:], y_pred.shape[1:], strict=False)
    unequal = [pair for pair in pairs if pair[0] != pair[1] and None not in pair]
    if len(y.shape) == len(y_pred.shape) and unequal and all(1 in pair for pair in unequal):  # else it's refused
        warn(
            f"The labels of {name!r} are {describe(y)}, but its outputs {describe(y_pred)}: {loss} compares a number of one "
            "with several of the other. Give labels of the shape of the outputs.",
        )
