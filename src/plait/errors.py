"""The exceptions that plait raises on purpose: `except plait.errors.ShapeError`."""

from plait._errors import ArgumentError as ArgumentError
from plait._errors import ArgumentTypeError as ArgumentTypeError
from plait._errors import ConfigError as ConfigError
from plait._errors import DataError as DataError
from plait._errors import FileError as FileError
from plait._errors import GraphError as GraphError
from plait._errors import MissingError as MissingError
from plait._errors import NameUnknownError as NameUnknownError
from plait._errors import PlaitError as PlaitError
from plait._errors import ShapeError as ShapeError
from plait._errors import StateError as StateError
from plait._errors import SymbolicError as SymbolicError
from plait._errors import UnsafeFileError as UnsafeFileError

__all__ = [
    "ArgumentError",
    "ArgumentTypeError",
    "ConfigError",
    "DataError",
    "FileError",
    "GraphError",
    "MissingError",
    "NameUnknownError",
    "PlaitError",
    "ShapeError",
    "StateError",
    "SymbolicError",
    "UnsafeFileError",
]
