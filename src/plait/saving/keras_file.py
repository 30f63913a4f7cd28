"""The `.keras` file: a zip archive of the config as JSON and the weights as HDF5, as Keras 3 writes it.

Verbs: `save_model`, `load_model`, `save_weights`, `load_weights`, `to_json`, `model_from_json`.

Loading never runs code: classes are found in the registry or not at all.
"""

import datetime
import json
import os
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import h5py

from plait._errors import ArgumentError, FileError, StateError, describe
from plait._registry import custom_object_scope, deserialize_object, find_class, serialize_object
from plait._version import __version__
from plait.saving.archive import open_archive
from plait.saving.atomic import atomic_write
from plait.saving.h5 import objects_of, read_weights, write_weights

KERAS_VERSION = "3.15.1"  # the version whose format this is
_EPOCH = (1980, 1, 1, 0, 0, 0)


def save_model(model: Any, filepath: Any, overwrite: bool = True, zipped: bool | None = None, **kwargs: Any) -> None:
    """Writes a model to a `.keras` file: graph, weights, what `compile` was told, and the optimizer's state.

    Args:
        model: a model.
        filepath: where to; ends in `.keras`.
        overwrite: whether a file that is there may be replaced.
        zipped: kept for Keras's sake; files are archives.

    Raises:
        FileError: another ending, a folder that isn't there, a file that may not be replaced.
        ArgumentError: a layer that no file can hold, such as one with a lambda.
    """
    path = Path(os.fspath(filepath))
    if path.suffix != ".keras":
        raise FileError(
            f"Invalid filepath extension for saving: {str(path)!r}. plait writes whole models to `.keras` files, and weights "
            "alone to `.weights.h5` files (model.save_weights)."
        )
    _check_overwrite(path, overwrite)
    config = to_json(model)
    with atomic_write(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        _add(archive, "metadata.json", json.dumps(_metadata()).encode())
        _add(archive, "config.json", config.encode())
        with tempfile.TemporaryFile(dir=path.parent if path.parent.is_dir() else None) as weights:
            with h5py.File(weights, "w") as store:
                write_weights(store, model)
            weights.seek(0)
            with archive.open(zipfile.ZipInfo("model.weights.h5", _EPOCH), "w", force_zip64=True) as member:
                while chunk := weights.read(1 << 20):
                    member.write(chunk)
        _add_assets(archive, model)


def _metadata() -> dict:
    saved = datetime.datetime.now().strftime("%Y-%m-%d@%H:%M:%S")
    return {"keras_version": KERAS_VERSION, "date_saved": saved, "plait_version": __version__}


def _add(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    archive.writestr(zipfile.ZipInfo(name, _EPOCH), data)


def _add_assets(archive: zipfile.ZipFile, model: Any) -> None:
    for path, thing in objects_of(model):
        if not hasattr(thing, "save_assets"):
            continue
        with tempfile.TemporaryDirectory() as folder:
            thing.save_assets(folder)
            for file in sorted(Path(folder).rglob("*")):
                if file.is_file():
                    _add(archive, f"assets/{path}/{file.relative_to(folder).as_posix()}", file.read_bytes())


def _check_overwrite(path: Path, overwrite: bool) -> None:
    if path.exists() and not overwrite:
        raise FileError(f"{str(path)!r} is there already, and overwrite=False. Choose another name.")


def load_model(filepath: Any, custom_objects: Any = None, compile: bool = True, safe_mode: bool = True) -> Any:
    """Reads a model from a `.keras` file, written by plait or by Keras 3.

    Args:
        filepath: the file.
        custom_objects: the program's own classes and functions by the names that the file uses.
        compile: whether the model is compiled as it was, with the optimizer's state.
        safe_mode: kept for Keras's sake; loading never runs code.

    Raises:
        FileError: not such a file, classes that aren't known, weights that don't fit.
        UnsafeFileError: a file that tries to do more than hold data.
    """
    path = Path(os.fspath(filepath))
    if path.suffix in (".h5", ".hdf5"):
        raise FileError(
            f"{str(path)!r}: plait reads whole models from `.keras` files. Save it as one with the Keras that wrote it."
        )
    with open_archive(path) as archive:
        config = _parse(archive.read("config.json", 256 << 20).decode("utf-8", "replace"))
        with custom_object_scope(custom_objects or {}):
            model = _model_from(config, compile)
        with h5py.File(archive.open("model.weights.h5")[0], "r") as store:
            read_weights(store, model)
    return model


def _parse(text: str) -> dict:
    try:
        config = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FileError(f"The config is no JSON: {error}.") from error
    if not isinstance(config, dict) or not isinstance(config.get("class_name"), str):
        raise FileError(f"The config describes no model: {describe(config)}.")
    return config


def _model_from(config: dict, compile: bool) -> Any:
    model = deserialize_object(find_class(config, "models"), config)
    if not hasattr(model, "fit"):
        raise FileError(f"The config describes a {type(model).__name__}, which is no model.")
    if compile and config.get("compile_config"):
        model.compile_from_config(config["compile_config"])
    return model


def save_weights(model: Any, filepath: Any, overwrite: bool = True, **kwargs: Any) -> None:
    """Writes a model's weights, and the optimizer's state, to a `.weights.h5` file.

    Raises:
        FileError: another ending, a folder that isn't there, a file that may not be replaced.
        StateError: the model isn't built.
    """
    path = Path(os.fspath(filepath))
    if not path.name.endswith(".weights.h5"):
        raise FileError(f"The filename must end in `.weights.h5`. Received: filepath={path}")
    _check_overwrite(path, overwrite)
    if not model.built:
        raise StateError(
            f"Model {model.name!r} isn't built, so it has no weights to save. Call it on data, or build it."
        )
    with atomic_write(path) as file, h5py.File(file, "w") as store:
        write_weights(store, model)


def load_weights(model: Any, filepath: Any, skip_mismatch: bool = False, **kwargs: Any) -> None:
    """Reads weights from a `.weights.h5` or `.keras` file into a model: all of them, or none where something doesn't fit.

    Args:
        model: a built model.
        filepath: the file.
        skip_mismatch: whether what doesn't fit is left, with a warning.

    Raises:
        FileError: not such a file; weights that don't fit, all listed.
        ArgumentError: options that aren't known.
    """
    if kwargs:
        raise ArgumentError(f"load_weights: Invalid keyword arguments: {kwargs}")
    path = Path(os.fspath(filepath))
    if path.suffix == ".keras":
        with open_archive(path) as archive, h5py.File(archive.open("model.weights.h5")[0], "r") as store:
            read_weights(store, model, skip_mismatch)
        return
    if not path.is_file():
        raise FileError(f"File not found: filepath={path}.")
    try:
        store = h5py.File(path, "r")
    except OSError as error:
        raise FileError(f"{str(path)!r} is no HDF5 file, or it is damaged: {error}.") from error
    with store:
        read_weights(store, model, skip_mismatch)


def to_json(model: Any, **kwargs: Any) -> str:
    """A model without its weights, as JSON."""
    return json.dumps(serialize_object(model), **kwargs)


def model_from_json(json_string: str, custom_objects: Any = None) -> Any:
    """A model with new weights from what `to_json` gave."""
    with custom_object_scope(custom_objects or {}):
        return _model_from(_parse(json_string), compile=True)
