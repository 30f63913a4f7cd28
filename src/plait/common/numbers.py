"""Whole numbers and lists, as arguments are checked for them."""

import operator
from typing import Any


def is_whole(value: Any, least: int | None = None) -> bool:
    """Whether a value is a whole number, NumPy's included, and not a bool; at least `least`, where that is told.

    >>> is_whole(3, 1), is_whole(0, 1), is_whole(True), is_whole(2.0)
    (True, False, False, False)
    """
    if isinstance(value, bool):
        return False
    try:
        number = operator.index(value)
    except TypeError:  # arrays of several numbers and symbolic tensors among others
        return False
    return least is None or number >= least


def as_list(value: Any) -> list:
    """What a list or tuple holds, or the one thing that isn't in one.

    >>> as_list((1, 2)), as_list(3)
    ([1, 2], [3])
    """
    return list(value) if isinstance(value, (list, tuple)) else [value]
