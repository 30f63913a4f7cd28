"""The exceptions, and the three functions that make their messages good.

```
PlaitError
├── ArgumentError (ValueError)      a value that cannot be used
│   ├── ArgumentTypeError (TypeError)  an argument of the wrong type
│   ├── ShapeError                  a tensor of another shape, rank or dtype than was expected
│   ├── GraphError                  a graph that is not connected, or is wired in a way that cannot work
│   ├── ConfigError (NotImplementedError)  an object whose config can't be told
│   ├── NameUnknownError            a name that stands for nothing here; carries the nearest right one
│   ├── NameTakenError (AttributeError)  a name that plait itself uses on an object
│   ├── DataError                   data or labels that do not fit the model
│   └── FileError                   a file that cannot be read or written as asked
│       └── UnsafeFileError         a file that tries to do more than hold data
├── StateError (RuntimeError)       a right call at the wrong time: fit before compile, weights before build
├── SymbolicError (TypeError)       a symbolic tensor where a value is needed
└── MissingError (AttributeError)   an attribute that is not there yet: the input of a layer never called
```

Every message says who, what was expected, what came, and what to do. All mismatches of one kind come together.
"""

import difflib
from collections.abc import Iterable, Sequence
from typing import Any


class PlaitError(Exception):
    """The parent of every error that plait raises on purpose."""


class ArgumentError(PlaitError, ValueError):
    """A value that cannot be used."""


class ArgumentTypeError(ArgumentError, TypeError):
    """An argument of the wrong type."""


class ShapeError(ArgumentError):
    """A tensor of another shape, rank or dtype than was expected."""


class GraphError(ArgumentError):
    """A graph that is not connected, or is wired in a way that cannot work."""


class ConfigError(ArgumentError, NotImplementedError):
    """An object whose config can't be told."""


class NameUnknownError(ArgumentError):
    """A name that stands for nothing here."""


class NameTakenError(ArgumentError, AttributeError):
    """A name that plait itself uses on an object."""


class DataError(ArgumentError):
    """Data or labels that do not fit the model."""


class FileError(ArgumentError):
    """A file that cannot be read or written as asked."""


class UnsafeFileError(FileError):
    """A file that tries to do more than hold data."""


class StateError(PlaitError, RuntimeError, ValueError):
    """A right call at the wrong time. Also a ValueError, because that is what Keras raises."""


class SymbolicError(PlaitError, TypeError, ValueError):
    """A symbolic tensor where a value is needed."""


class MissingError(PlaitError, AttributeError):
    """An attribute that is not there yet."""


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
    """Raises one error that lists every problem, and does nothing when there is none."""
    if len(problems) == 1:
        raise error(f"{title}: {problems[0]}")
    if problems:
        raise error(f"{title}: {len(problems)} problems\n" + "\n".join(f"  - {problem}" for problem in problems))
