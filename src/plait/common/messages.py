"""The words of messages: how a value, a list of names or a near miss reads."""

import contextlib
import difflib
import os
import sys
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import jax

from plait.errors import PlaitError

_INSIDE = (f"{Path(__file__).parents[1]}{os.sep}", f"{Path(jax.__file__).parent}{os.sep}", contextlib.__file__)


def describe(value: Any) -> str:
    """Says what a value is, shortly: `float32[None, 8]` for tensors, nested in lists and dicts as the value is.

    >>> import numpy as np
    >>> describe([np.zeros((2, 3), "float32"), None])
    '[float32[2, 3], None]'
    """
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key!r}: {describe(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)) and len(value) <= 16 and not all(isinstance(v, (int, float)) for v in value):
        opening, closing = ("[", "]") if isinstance(value, list) else ("(", ")")
        return opening + ", ".join(describe(item) for item in value) + closing
    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    if isinstance(shape, tuple) and dtype is not None:
        return f"{getattr(dtype, 'name', dtype)}[{', '.join(describe_dimension(size) for size in shape)}]"
    text = repr(value)
    text = text if len(text) <= 60 else text[:57] + "..."
    return text if isinstance(value, (str, int, float, bool, type(None))) else f"{type(value).__name__} {text}"


def describe_dimension(size: Any) -> str:
    """Says one size of a shape: a number, or None where it is unknown or symbolic."""
    return str(size) if isinstance(size, int) else "None"


def did_you_mean(name: Any, options: Iterable[Any]) -> str:
    """Says the nearest right names, ready to end a message; empty where nothing is near.

    >>> did_you_mean("dens_1", ["dense", "dense_1", "conv"])
    " Did you mean 'dense_1'?"
    """
    names = [str(option) for option in options]
    near = difflib.get_close_matches(str(name), names, n=1, cutoff=0.6)
    if not near:
        by_lower = {other.lower(): other for other in names}
        near = [by_lower[other] for other in difflib.get_close_matches(str(name).lower(), by_lower, n=1, cutoff=0.6)]
    return f" Did you mean {near[0]!r}?" if near else ""


def listing(names: Iterable[Any], limit: int = 12) -> str:
    """Lists names for a message, cut when there are too many to help.

    >>> listing(["a", "b"])
    "'a', 'b'"
    """
    names = [repr(name) for name in names]
    return ", ".join(names) if len(names) <= limit else ", ".join(names[:limit]) + f", and {len(names) - limit} more"


def raise_all(error: type[PlaitError], title: str, problems: Sequence[str]) -> None:
    """Raises one error that lists every problem as a sentence, and does nothing when there is none."""
    problems = [problem if problem.endswith((".", "?", ":")) else f"{problem}." for problem in problems]
    if len(problems) == 1:
        raise error(f"{title}: {problems[0]}")
    if problems:
        raise error(f"{title}: {len(problems)} problems\n" + "\n".join(f"  - {problem}" for problem in problems))


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warns at the line of the program that led here: the innermost one that is in neither plait nor JAX."""
    frame, level = sys._getframe(1), 2
    while frame is not None and frame.f_code.co_filename.startswith(_INSIDE):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)
