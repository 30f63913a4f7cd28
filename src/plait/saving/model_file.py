"""Whole models: `save_model` and `load_model`, whatever the format of the file.

What a file is, its first bytes tell, not its name. Loading never runs code: the classes that a file names are found in the
registry or not at all, so there is nothing that `safe_mode` could switch off. A file that was opened for an error is left as
it was, and so is the model.

Differs from Keras: `overwrite=False` is an error where the file is there, not a question on the terminal;
`include_optimizer=False` works for `.keras` files; an optimizer or loss that no file can hold is left out with a warning,
and the model is saved all the same.
"""

import io
import shutil
import tempfile
from pathlib import Path
from typing import Any

from plait._long_work import LongWork
from plait.common.messages import describe, listing, warn
from plait.common.registry import custom_object_scope
from plait.errors import ArgumentError, FileError
from plait.saving.atomic import atomic_folder, atomic_write
from plait.saving.by_one import by_one
from plait.saving.formats import (
    FORMATS,
    KERAS_VERSION,
    as_path,
    check_overwrite,
    format_of,
    named,
    not_readable,
    weights_alone,
)
from plait.saving.keras_file import config_of, read_keras, write_archive, write_folder
from plait.saving.legacy_h5 import write_legacy_model
from plait.saving.legacy_models import read_hdf5, read_json
from plait.saving.model_json import as_file_error


@by_one
def save_model(model: Any, filepath: Any, overwrite: bool = True, zipped: bool | None = None, **kwargs: Any) -> None:
    """Writes a model to a file: graph, weights, what `compile` was told, and the optimizer's state; whole or not at all.

    Args:
        model: a model.
        filepath: where to: a name that ends in `.keras` unless `zipped` is False, or an open binary file.
        overwrite: whether a file that is there may be replaced.
        zipped: False writes a folder with the members of the archive as files.
        include_optimizer: False leaves out the optimizer and what else `compile` was told.

    Raises:
        FileError: another ending, a folder that isn't there, a full disk, a file that may not be replaced.
        ArgumentError: a layer that no file can hold, such as one with a lambda; unknown options.
    """
    include_optimizer = kwargs.pop("include_optimizer", True)
    if kwargs.pop("save_format", None) is not None:
        message = (
            "The `save_format` argument is deprecated: the ending of the name, `.keras` or `.h5`, says the format."
        )
        if not str(filepath).endswith((".keras", ".h5", ".hdf5")):
            raise ArgumentError(f"save_model: {message} The name {str(filepath)!r} has neither.")
        warn(f"save_model: {message}")
    if kwargs:
        raise ArgumentError(f"save_model: The following argument(s) are not supported: {listing(kwargs)}.")
    if hasattr(filepath, "write"):
        _write_into(model, filepath, zipped, include_optimizer)
        return
    path = as_path(filepath)
    if path.suffix in (".h5", ".hdf5") and not zipped:
        check_overwrite(path, overwrite)
        with atomic_write(path) as file:
            write_legacy_model(model, file, KERAS_VERSION, include_optimizer)
        return
    if zipped is None:
        zipped = path.suffix == ".keras"
        if not zipped:
            raise FileError(f"Invalid filepath extension for saving: '{path}'. {FORMATS}.")
    elif zipped != (path.suffix == ".keras"):
        raise FileError(
            f"'{path}': with zipped=False the name should not end in `.keras`, as that is one file; with zipped=True it has to."
        )
    check_overwrite(path, overwrite)
    config = config_of(model, include_optimizer)
    if zipped:
        with atomic_write(path) as file:
            write_archive(model, file, config, include_optimizer)
        return
    with atomic_folder(path) as folder:
        write_folder(model, folder, config, include_optimizer)


def _write_into(model: Any, file: Any, zipped: bool | None, include_optimizer: bool) -> None:
    """Writes a `.keras` file into a file object, once all of it is made: after an error nothing has been written."""
    if zipped is False:
        raise ArgumentError("save_model: zipped=False writes a folder, so it needs a path, but got an open file.")
    _check_binary(file)
    with tempfile.TemporaryFile() as whole:
        write_archive(model, whole, config_of(model, include_optimizer), include_optimizer)  # pyright: ignore[reportArgumentType]
        whole.seek(0)
        shutil.copyfileobj(whole, file)


def _check_binary(file: Any) -> None:
    if isinstance(file, io.TextIOBase):
        raise FileError(f"A model is written and read as bytes, but got a file opened as text: {describe(file)}.")


def load_model(filepath: Any, custom_objects: Any = None, compile: bool = True, safe_mode: bool = True) -> Any:
    """Reads a model from a `.keras` file, or a folder with its members, written by plait or by Keras 3.

    Args:
        filepath: the file or folder, or an open binary file, which is read from where it stands to its end.
        custom_objects: the program's own classes and functions by the names that the file uses.
        compile: whether the model is compiled as it was, with the optimizer's state.
        safe_mode: has no effect: loading never runs code.

    Raises:
        FileError: not such a file, a damaged one, classes that aren't known, weights that don't fit.
        UnsafeFileError: a file that tries to do more than hold data.
    """
    if hasattr(filepath, "read"):
        _check_binary(filepath)
        with tempfile.TemporaryDirectory() as folder:  # readers go to any place of a file, which not every object can
            path = Path(folder, "model")
            with open(path, "wb") as copy:
                shutil.copyfileobj(filepath, copy)
            return load_model(path, custom_objects, compile, safe_mode)
    path = as_path(filepath)
    reader = _MODEL_READERS.get(format_of(path))
    if reader is None:
        raise not_readable(path, "a model")
    with LongWork(f"Loading {path.name}"), named(path), custom_object_scope(custom_objects or {}):
        model = reader(path, compile)
        with as_file_error():
            _draw_the_rest(model)
    return model


def _draw_the_rest(model: Any) -> None:
    """Makes the values that the file didn't bring, such as those of metrics, as for a new model."""
    for thing in (model, getattr(model, "optimizer", None), *getattr(model, "metrics", ())):
        for variable in getattr(thing, "variables", ()):
            if not variable.filled:
                variable.assign(variable.value)


def _read_folder(path: Path, compile: bool) -> Any:
    if (path / "saved_model.pb").exists():
        raise FileError(
            f"'{path}' is a SavedModel: operations of TensorFlow, without layers, which neither plait nor Keras 3 opens as a model. "
            "Where it was made by tf.keras, TensorFlow 2.15 or older can: tf.keras.models.load_model(folder).save('model.h5')."
        )
    return read_keras(path, compile)


def _refuse_weights(path: Path, compile: bool) -> Any:
    raise weights_alone(path)


_MODEL_READERS = {
    "safetensors": _refuse_weights,
    "keras": read_keras,
    "folder": _read_folder,
    "hdf5": read_hdf5,
    "json": read_json,
}
