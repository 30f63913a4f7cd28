"""Names: how a class name becomes `snake_case`, and how two things get different ones."""

import collections
import re

_counts: collections.Counter[str] = collections.Counter()
_numbers: collections.Counter[str] = collections.Counter()


def snake_case(name: str) -> str:
    """Turns a class name into the name its instances get.

    >>> [snake_case(name) for name in ("Dense", "Conv2DTranspose", "PReLU", "RMSNormalization")]
    ['dense', 'conv2d_transpose', 'p_re_lu', 'rms_normalization']
    """
    name = re.sub(r"\W+", "", name)
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def unique_name(stem: str) -> str:
    """Counts a stem: `dense`, then `dense_1`, `dense_2`, until `forget_names`."""
    count = _counts[stem]
    _counts[stem] = count + 1
    return f"{stem}_{count}" if count else stem


def auto_name(thing: type | str) -> str:
    """The next free name for an instance of a class, or of a class of that name."""
    return unique_name(snake_case(thing if isinstance(thing, str) else thing.__name__))


def next_number(prefix: str = "") -> int:
    """Counts a prefix from 1, until `forget_names`."""
    _numbers[prefix] += 1
    return _numbers[prefix]


def forget_names() -> None:
    """Starts all counters again."""
    _counts.clear()
    _numbers.clear()
