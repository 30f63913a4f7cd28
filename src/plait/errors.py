"""The exceptions that plait raises on purpose: `except plait.errors.ShapeError`.

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

__all__ = [
    "ArgumentError",
    "ArgumentTypeError",
    "ConfigError",
    "DataError",
    "FileError",
    "GraphError",
    "MissingError",
    "NameTakenError",
    "NameUnknownError",
    "PlaitError",
    "ShapeError",
    "StateError",
    "SymbolicError",
    "UnsafeFileError",
]


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
