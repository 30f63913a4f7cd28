"""Paths and formats: what stands at a path, by its first bytes, and what to say where that can't be used."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from plait.common.messages import describe
from plait.common.scope import scope
from plait.errors import FileError, PlaitError
from plait.saving.archive import open_regular

KERAS_VERSION = "3.15.1"  # the version whose formats are written
MOST_JSON = 512 * 2**20
_SPARE = 64 * 2**20  # bytes for variables that no file keeps, such as the states of optimizers and seeds
FORMATS = "plait reads and writes `.keras` files (whole models) and `.weights.h5` files (weights alone)"


def as_path(filepath: Any) -> Path:
    """A path as it was given, `~` for the home folder.

    Raises:
        FileError: something that is no path.
    """
    try:
        return Path(os.fsdecode(os.fspath(filepath))).expanduser()
    except TypeError:
        raise FileError(f"A path must be a string or a pathlib.Path, but got {describe(filepath)}.") from None


def format_of(path: Path) -> str:
    """What is at a path, by its first bytes."""
    if path.is_dir():
        return "folder"
    with open_regular(path) as file:
        try:
            start = file.read(8)
        except OSError as error:
            raise FileError(f"Cannot read '{path}': {error.strerror or error}.") from error
    if start.startswith(b"PK"):
        return "keras"
    if start == b"\x89HDF\r\n\x1a\n":
        return "hdf5"
    if start.lstrip()[:1] in (b"{", b"["):
        return "json"
    return "safetensors" if path.suffix == ".safetensors" else "unknown"


def not_readable(path: Path, what: str) -> FileError:
    """The error for a file that can't be read as a model or as weights."""
    kinds = {"folder": "a folder", "hdf5": "an HDF5 file without a model's config", "keras": "a zip archive"}
    kind = kinds.get(format_of(path), "neither a zip archive nor an HDF5 file")
    return FileError(f"'{path}' is {kind}, and cannot be read as {what}. {FORMATS}.")


def weights_alone(path: Path) -> FileError:
    """The error for weights where a model was expected."""
    return FileError(
        f"'{path}' holds weights alone, without the model that they belong to. Build the model in your program and call "
        f"load_weights('{path}')."
    )


def check_overwrite(path: Path, overwrite: bool) -> None:
    """Refuses to write over a file that is there, unless that was asked for."""
    if not overwrite and path.exists():
        raise FileError(f"'{path}' is there already, and overwrite=False. Choose another name, or delete it first.")


@contextlib.contextmanager
def named(path: Path) -> Iterator[None]:
    """Says in errors which file it was about."""
    try:
        yield
    except PlaitError as error:
        if str(path) not in str(error):
            error.add_note(f"plait: while reading '{path}'")
        raise


def room_for(stored: int) -> scope:
    """A block in which variables may take as much as a file holds values for, in bytes, and a little more."""
    return scope(allowance=[4 * stored + _SPARE])
