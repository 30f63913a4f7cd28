"""Weights alone: `save_weights` and `load_weights`, whatever the format of the file."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from plait._long_work import LongWork
from plait.common.messages import listing
from plait.errors import ArgumentError, FileError, StateError
from plait.saving import flat_weights
from plait.saving.archive import WEIGHTS, open_archive, open_regular
from plait.saving.atomic import atomic_write
from plait.saving.by_one import by_one
from plait.saving.formats import KERAS_VERSION, as_path, check_overwrite, format_of, named, not_readable
from plait.saving.h5 import StoredWeights, read_weights, write_weights
from plait.saving.keras_file import read_archived_weights
from plait.saving.legacy_h5 import LegacyFile, read_legacy_weights, write_legacy_model
from plait.saving.report import LoadReport


@by_one
def save_weights(model: Any, filepath: Any, overwrite: bool = True, **kwargs: Any) -> None:
    """Writes a model's weights, and the optimizer's state, to a `.weights.h5` file; whole or not at all.

    Names that end otherwise in `.h5` or `.hdf5` are files in the layout of Keras 1 and 2, which have the weights alone.

    Args:
        model: a model that is built.
        filepath: where to; ends in `.weights.h5`, `.safetensors`, `.h5` or `.hdf5`.
        overwrite: whether a file that is there may be replaced.
        objects_to_skip: layers whose weights are left out, of a `.weights.h5` file.

    Raises:
        FileError: another ending, a folder that isn't there, a full disk, a file that may not be replaced.
        StateError: the model isn't built.
    """
    skip = kwargs.pop("objects_to_skip", None) or []
    if kwargs:
        raise ArgumentError(f"save_weights: Invalid keyword arguments: {listing(kwargs)}.")
    path = as_path(filepath)
    write = next((_WEIGHTS_WRITERS[ending] for ending in _WEIGHTS_WRITERS if path.name.endswith(ending)), None)
    if write is None:
        raise FileError(
            f"The filename must end in `.weights.h5` (or `.safetensors`; or `.h5` for the layout of Keras 2), but got '{path}'. "
            "model.save writes whole models."
        )
    if skip and not path.name.endswith(".weights.h5"):
        raise ArgumentError(
            f"save_weights: `objects_to_skip` is for `.weights.h5` files, but the name is '{path.name}'."
        )
    check_overwrite(path, overwrite)
    if not model.built:
        raise StateError(
            f"Model {model.name!r} isn't built, so it has no weights to save. Call it on data, or build it."
        )
    with atomic_write(path) as file:
        write(model, file, skip)


_WEIGHTS_WRITERS: dict[str, Callable[[Any, BinaryIO, Sequence[Any]], None]] = {
    ".weights.h5": lambda model, file, skip: write_weights(model, file, without=skip),
    ".safetensors": lambda model, file, skip: flat_weights.write_safetensors(model, file),
    ".h5": lambda model, file, skip: write_legacy_model(model, file, KERAS_VERSION, without_model=True),
    ".hdf5": lambda model, file, skip: write_legacy_model(model, file, KERAS_VERSION, without_model=True),
}


def load_weights(model: Any, filepath: Any, skip_mismatch: bool = False, **kwargs: Any) -> LoadReport | None:
    """Reads weights into a model, from a `.weights.h5` or `.keras` file: all of them, or none if something doesn't fit.

    Args:
        model: a model that is built.
        filepath: the file.
        skip_mismatch: whether what doesn't fit is left as it is, with a warning.
        objects_to_skip: layers that are left as they are.
        by_name: in files of Keras 1 and 2, whether layers are found by name instead of by order.
        map: paths of variables in the model, for names of arrays in the file.
        partial: whether a part is enough. With `map` or `partial`, arrays are found by name.

    Returns:
        the report, where arrays are found by name: what was read, what is missing, what is left over.

    Raises:
        FileError: not such a file; weights that don't fit, all of them listed.
        StateError: the model isn't built.
        ArgumentError: options that aren't known.
    """
    options = _Options(
        skip_mismatch,
        kwargs.pop("objects_to_skip", None) or [],
        kwargs.pop("by_name", False),
        kwargs.pop("map", None) or {},
        kwargs.pop("partial", False),
    )
    if kwargs:
        raise ArgumentError(f"load_weights: Invalid keyword arguments: {listing(kwargs)}.")
    path = as_path(filepath)
    if not model.built:
        raise StateError(
            f"You are loading weights into model {model.name!r}, which has not yet been built. Call it on data, or build it, "
            "first."
        )
    reader = _WEIGHTS_READERS.get(format_of(path))
    if reader is None:
        raise not_readable(path, "weights")
    with LongWork(f"Loading {path.name}"), named(path):
        return reader(model, path, options)


class _Options(NamedTuple):
    """How weights are to be read."""

    skip_mismatch: bool
    skip: Sequence[Any]
    by_name: bool
    names: dict[str, str]
    partial: bool

    @property
    def by_path(self) -> bool:
        """Whether arrays are to be found by the paths of variables."""
        return bool(self.names) or self.partial

    def refuse_names(self) -> None:
        """For files without names of variables."""
        if self.by_name:
            raise ArgumentError(
                "load_weights: Invalid keyword arguments: 'by_name'. In this file weights are found by the place of their layer in "
                "the model; map={...} and partial=True find them by name."
            )


def _read_weights_of_model(model: Any, path: Path, options: _Options) -> LoadReport | None:
    options.refuse_names()
    with open_archive(path) as archive:
        if options.by_path:
            file, _ = archive.open(WEIGHTS)
            with file, StoredWeights(file) as stored:
                return _fill(model, stored.flat(), path, options)
        return read_archived_weights(
            model, archive, f"load_weights('{path}')", skip_mismatch=options.skip_mismatch, skip=options.skip
        )


def _read_weights_alone(model: Any, path: Path, options: _Options) -> LoadReport | None:
    owner = f"load_weights('{path}')"
    with open_regular(path) as file:
        with LegacyFile(file) as legacy:
            if legacy.names("layer_names", legacy.root):
                if options.by_path:
                    return _fill(model, legacy.flat(), path, options)
                return read_legacy_weights(model, legacy, owner, options.by_name, options.skip_mismatch)
            if options.by_path:
                return _fill(model, legacy.stored.flat(), path, options)
        options.refuse_names()
        read_weights(model, file, owner, options.skip_mismatch, options.skip)
    return None


def _read_flat_weights(model: Any, path: Path, options: _Options) -> LoadReport:
    with open_regular(path) as file:
        return _fill(model, flat_weights.read_safetensors(file), path, options)


def _fill(model: Any, arrays: dict[str, flat_weights.FlatArray], path: Path, options: _Options) -> LoadReport:
    partial = options.partial or options.skip_mismatch
    return flat_weights.fill(model, arrays, f"load_weights('{path}')", options.names, partial)


_WEIGHTS_READERS = {
    "keras": _read_weights_of_model,
    "folder": _read_weights_of_model,
    "hdf5": _read_weights_alone,
    "safetensors": _read_flat_weights,
}
