"""The `.keras` file: an archive of the config as JSON and the weights as HDF5, as Keras 3 writes it; and weights alone.

Verbs: `save_model` and `load_model` for whole models, `save_weights` and `load_weights` for weights, `to_json` and
`model_from_json` for the config.

What a file is, its first bytes tell, not its name. Loading never runs code: the classes that a file names are found in the
registry or not at all, so there is nothing that `safe_mode` could switch off. A file that was opened for an error is left as
it was, and so is the model.

Differs from Keras: `overwrite=False` is an error where the file is there, not a question on the terminal;
`include_optimizer=False` works for `.keras` files; an optimizer or loss that no file can hold is left out with a warning,
and the model is saved all the same.
"""

import contextlib
import datetime
import io
import json
import math
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from plait._long_work import LongWork
from plait._version import __version__
from plait.common.messages import describe, listing
from plait.common.registry import custom_object_scope, find_class
from plait.common.scope import scope
from plait.common.serialization import deserialize_object, serialize_object
from plait.core.graph import graph_of
from plait.errors import ArgumentError, FileError, PlaitError, StateError, UnsafeFileError
from plait.layers.shapes import as_shapes
from plait.saving import flat_weights
from plait.saving.archive import (
    ASSETS,
    CONFIG,
    METADATA,
    WEIGHTS,
    ArchiveWriter,
    Members,
    open_archive,
    open_regular,
)
from plait.saving.atomic import atomic_folder, atomic_write
from plait.saving.h5 import StoredWeights, open_for_writing, read_weights, write_places, write_weights
from plait.saving.legacy_compile import modern_compile_config
from plait.saving.legacy_config import major, modernise
from plait.saving.legacy_h5 import (
    LegacyFile,
    compile_config_of,
    read_legacy_weights,
    read_optimizer,
    write_legacy_model,
)
from plait.saving.places import find_places
from plait.saving.report import LoadReport
from plait.saving.states import keeps_states, read_states, write_states
from plait.saving.tfjs import fill_tfjs, is_tfjs, read_tfjs_topology, read_tfjs_weights
from plait.saving.unknown import refuse_unknown

KERAS_VERSION = "3.15.1"  # the version whose format this is
MOST_JSON = 512 * 2**20
_FORMATS = "plait reads and writes `.keras` files (whole models) and `.weights.h5` files (weights alone)"
_LARGE = 2**31
_SPARE = 64 * 2**20  # bytes for variables that no file keeps, such as the states of optimizers and seeds


# ---------------------------------------------------------------------------- whole models


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
            raise ArgumentError(f"save_model: {message} Received: {str(filepath)!r}.")
        warnings.warn(f"save_model: {message}", stacklevel=3)
    if kwargs:
        raise ArgumentError(f"save_model: The following argument(s) are not supported: {listing(kwargs)}.")
    if hasattr(filepath, "write"):
        _write_into(model, filepath, zipped, include_optimizer)
        return
    path = as_path(filepath)
    if path.suffix in (".h5", ".hdf5") and not zipped:
        _check_overwrite(path, overwrite)
        with atomic_write(path) as file:
            write_legacy_model(model, file, KERAS_VERSION, include_optimizer)
        return
    if zipped is None:
        zipped = path.suffix == ".keras"
        if not zipped:
            raise FileError(f"Invalid filepath extension for saving: '{path}'. {_FORMATS}.")
    elif zipped != (path.suffix == ".keras"):
        raise FileError(
            f"'{path}': with zipped=False the name should not end in `.keras`, as that is one file; with zipped=True it has to."
        )
    _check_overwrite(path, overwrite)
    config = _config_of(model, include_optimizer)
    if zipped:
        with atomic_write(path) as file:
            _write_archive(model, file, config, include_optimizer)
        return
    with atomic_folder(path) as folder:
        (folder / METADATA).write_bytes(_metadata())
        (folder / CONFIG).write_bytes(config)
        with open(folder / WEIGHTS, "w+b") as member:
            _write_values(model, member, include_optimizer)
        for name, content in _assets_of(model):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)


def _config_of(model: Any, include_optimizer: bool) -> bytes:
    return json.dumps(serialize_object(model, with_compile_config=include_optimizer)).encode()


def _write_archive(model: Any, file: BinaryIO, config: bytes, include_optimizer: bool) -> None:
    """Writes the members of a `.keras` file into an open one."""
    with ArchiveWriter(file) as archive:
        archive.add(METADATA, _metadata())
        archive.add(CONFIG, config)
        with archive.member(WEIGHTS, large=_bytes_of(model) > _LARGE) as member:
            _write_values(model, member, include_optimizer)  # pyright: ignore[reportArgumentType]
        for name, content in _assets_of(model):
            archive.add(name, content)


def _write_values(model: Any, file: BinaryIO, include_optimizer: bool) -> None:
    """Writes all values of a whole model: weights, the optimizer's, and the states that layers keep."""
    with open_for_writing(file) as h5:
        write_places(model, h5, without=[] if include_optimizer else [model.optimizer])
        write_states(model, h5)


def _write_into(model: Any, file: Any, zipped: bool | None, include_optimizer: bool) -> None:
    """Writes a `.keras` file into a file object, once all of it is made: after an error nothing has been written."""
    if zipped is False:
        raise ArgumentError("save_model: zipped=False writes a folder, so it needs a path, but got an open file.")
    _check_binary(file)
    with tempfile.TemporaryFile() as whole:
        _write_archive(model, whole, _config_of(model, include_optimizer), include_optimizer)  # pyright: ignore[reportArgumentType]
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
        safe_mode: accepted for Keras's sake, and changes nothing: loading never runs code.

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
        raise _not_readable(path, "a model")
    with LongWork(f"Loading {path.name}"), named(path), custom_object_scope(custom_objects or {}):
        model = reader(path, compile)
        with _as_file_error():
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
    return _read_keras(path, compile)


def _read_keras(path: Path, compile: bool) -> Any:
    with open_archive(path) as archive:
        config = _parse(archive.read(CONFIG, MOST_JSON))
        version = _version_of(archive)
        if major(version) < 3:
            config = _modern(config, version)
        compiled = config.pop("compile_config", None) if not compile or major(version) < 3 else None
        with _allowance(archive):
            model = _model_from(config)
            if compile and compiled:
                _compile_as_before(model, modern_compile_config(compiled, _outputs_of(model)), version)
        if not compile:
            model._compilation = None  # a class may compile itself when it is made
        _read_archived_weights(model, archive, f"load_model('{path}')", strict=False)
        if keeps_states(model):
            file, _ = archive.open(WEIGHTS)
            with file, StoredWeights(file) as stored:
                read_states(model, stored)
    return model


def _version_of(archive: Members) -> str:
    """The Keras that wrote an archive; 3 where it doesn't say."""
    if METADATA not in archive.names:
        return "3"
    found = flat_weights.parse_json(archive.read(METADATA, MOST_JSON), METADATA).get("keras_version")
    return found if isinstance(found, str) else "3"


def _modern(config: Any, version: str) -> dict:
    try:
        return modernise(config, version)
    except RecursionError:
        raise FileError("The config is nested too deeply to be a model's.") from None
    except (AttributeError, KeyError, IndexError, TypeError) as error:
        raise FileError(f"The config of Keras {version} cannot be read: {type(error).__name__}: {error}") from error


@contextlib.contextmanager
def _allowance(archive: Members) -> Iterator[None]:
    """Lets variables take as much as the file holds values for, and a little more for what is not kept in files."""
    file, _ = archive.open(WEIGHTS)
    with file, StoredWeights(file) as stored:
        total = stored.total_bytes()
    with scope(allowance=[4 * total + _SPARE]):
        yield


def _read_hdf5(path: Path, compile: bool) -> Any:
    with open_regular(path) as file, LegacyFile(file) as legacy:
        text = legacy.text("model_config")
        if text is None:
            raise _weights_alone(path) if legacy.holds_weights() else _not_readable(path, "a model")
        config = _modern(_parse_old(text), legacy.version)
        with scope(allowance=[4 * legacy.total_bytes() + _SPARE]):
            model = _model_from(config)
        _check_shape_known(model, path, bool(legacy.layers))
        read_legacy_weights(model, legacy, f"load_model('{path}')")
        read_states(model, legacy.stored)
        training = legacy.text("training_config")
        if compile and training is not None:
            config = compile_config_of(_parse_any(training), legacy.version, _outputs_of(model))
            if config and _compile_as_before(model, config, legacy.version):
                read_optimizer(model, legacy)
    return model


def _outputs_of(model: Any) -> list[str]:
    return model.output_names if graph_of(model) is not None else []


def _compile_as_before(model: Any, config: dict, version: str) -> bool:
    """Compiles a model as an old file says; where that isn't possible any more, it stays uncompiled, with a warning."""
    try:
        model.compile_from_config(config)
    except (PlaitError, TypeError, KeyError, AttributeError, ValueError) as error:
        if isinstance(error, UnsafeFileError) and major(version) >= 3:
            raise
        warnings.warn(
            f"Model {model.name!r} is loaded, but not compiled as Keras {version} did: {error} Compile it anew.",
            stacklevel=6,
        )
        return False
    return True


def _read_json(path: Path, compile: bool) -> Any:
    """A model of a `model.json`: with weights where it is one of TF.js, else with new ones."""
    with open_regular(path) as file:
        data = file.read(MOST_JSON + 1)
    config = _parse_any(data.decode("utf-8", "replace"))
    if not is_tfjs(config):
        return model_from_json(data.decode("utf-8", "replace"))
    inner, version = read_tfjs_topology(path, config)
    arrays = read_tfjs_weights(path, config.get("weightsManifest"))
    total = sum(4 * math.prod(array.shape) for array in arrays.values())
    with scope(allowance=[4 * total + _SPARE]):
        model = _model_from(_modern(inner, version))
    _check_shape_known(model, path, bool(arrays))
    fill_tfjs(model, arrays, f"load_model('{path}')", version)
    return model


def _check_shape_known(model: Any, path: Path, has_weights: bool) -> None:
    """Refuses a chain of layers that nothing says the input's shape of, where the file has weights for it."""
    if has_weights and not model.weights and graph_of(model) is None:
        raise FileError(
            f"'{path}': nothing in it says the shape of the input of {type(model).__name__} {model.name!r}, so its layers have no "
            "weights that values could go to. Make the same model in your program, with an Input in front, and call "
            f"load_weights('{path}')."
        )


def _refuse_weights(path: Path, compile: bool) -> Any:
    raise _weights_alone(path)


_MODEL_READERS = {
    "safetensors": _refuse_weights,
    "keras": _read_keras,
    "folder": _read_folder,
    "hdf5": _read_hdf5,
    "json": _read_json,
}


# ---------------------------------------------------------------------------- weights alone


def save_weights(model: Any, filepath: Any, overwrite: bool = True, **kwargs: Any) -> None:
    """Writes a model's weights, and the optimizer's state, to a `.weights.h5` file; whole or not at all.

    Args:
        model: a model that is built.
        filepath: where to; ends in `.weights.h5`.
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
    if not path.name.endswith((".weights.h5", ".safetensors")):
        raise FileError(
            f"The filename must end in `.weights.h5` (or `.safetensors`), but got '{path}'. model.save writes whole models."
        )
    _check_overwrite(path, overwrite)
    if not model.built:
        raise StateError(
            f"Model {model.name!r} isn't built, so it has no weights to save. Call it on data, or build it."
        )
    with atomic_write(path) as file:
        if path.suffix == ".safetensors":
            flat_weights.write_safetensors(model, file)
        else:
            write_weights(model, file, without=skip)


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
        raise _not_readable(path, "weights")
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
        return _read_archived_weights(
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


def _read_archived_weights(model: Any, archive: Members, owner: str, **options: Any) -> None:
    file, _ = archive.open(WEIGHTS)
    with file:
        read_weights(model, file, owner, **options)
    _load_assets(model, archive)


# ---------------------------------------------------------------------------- the config alone


def to_json(model: Any, **kwargs: Any) -> str:
    """A model without its weights, as JSON; `kwargs` go to `json.dumps`."""
    return json.dumps(serialize_object(model), **kwargs)


def model_from_json(json_string: str, custom_objects: Any = None) -> Any:
    """A model with new weights, from what `to_json` gave.

    Raises:
        FileError: not JSON, or not a model; classes that aren't known.
    """
    with custom_object_scope(custom_objects or {}):
        config = _parse_old(json_string)
        version = config.get("keras_version", "3" if _is_modern(config) else "2") if isinstance(config, dict) else "2"
        version = version if isinstance(version, str) else "2"
        return _model_from(_modern(config, version) if major(version) < 3 else _checked(config))


def _is_modern(config: dict) -> bool:
    """Whether a config without a version is Keras 3's: there, each object says its module."""
    return "module" in config or "registered_name" in config


def _parse_old(text: str) -> Any:
    """A config that may be a bare list or a bare `get_config()`."""
    config = _parse_any(text)
    if isinstance(config, list) and config and all(isinstance(item, dict) for item in config):
        return config
    return config if (isinstance(config, dict) and "layers" in config) else _checked(config)


def _parse_any(text: str) -> Any:
    try:
        return json.loads(text.encode("utf-8", "surrogatepass").decode("utf-8"), object_pairs_hook=_unique_keys)
    except RecursionError:
        raise FileError("The config is nested too deeply to be a model's.") from None
    except ValueError as error:
        raise FileError(f"The config is not JSON: {error}.") from error


def _checked(config: Any) -> dict:
    if not isinstance(config, dict) or not isinstance(config.get("class_name"), str):
        raise FileError(f"The config doesn't describe a model: {describe(config)[:200]}.")
    return config


def _parse(data: bytes) -> dict:
    return _checked(_parse_any(data.decode("utf-8", "surrogateescape")))


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict:
    mapping = dict(pairs)
    if len(mapping) != len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"a key stands twice in one object: {next(key for key in keys if keys.count(key) > 1)!r}")
    return mapping


def _model_from(config: dict) -> Any:
    """A model from its object form; what goes wrong is one error, with all unknown classes at once."""
    with _as_file_error():
        try:
            model = deserialize_object(find_class(config, "models"), config)
            _make_weights(model, config.get("build_config") or {})
        except PlaitError as error:
            refuse_unknown(config, error)
            raise
    if not hasattr(model, "save"):  # models, and FeatureSpace
        raise FileError(f"The config describes a {type(model).__name__}, which is not a model.")
    return model


@contextlib.contextmanager
def _as_file_error() -> Iterator[None]:
    """Turns what a bad config makes layers and initializers say into our error."""
    try:
        yield
    except PlaitError:
        raise
    except RecursionError:
        raise FileError("The config is nested too deeply to be a model's.") from None
    except (AttributeError, KeyError, IndexError, TypeError, ValueError, OverflowError, MemoryError) as error:
        notes = "".join(f" ({note})" for note in getattr(error, "__notes__", ()))
        raise FileError(f"The config cannot be made into a model: {type(error).__name__}: {error}{notes}") from error


def _make_weights(model: Any, build_config: dict) -> None:
    """Traces a call of a model without a graph, which has its weights only then."""
    shape = build_config.get("input_shape")
    if shape is not None and graph_of(model) is None and not model.weights:
        model.build(as_shapes(shape))
        if model.optimizer is not None:
            model.optimizer.build_for(model.trainable_variables)


# ---------------------------------------------------------------------------- assets


def _assets_of(model: Any) -> Iterator[tuple[str, bytes]]:
    """The files that layers keep beside their weights, such as vocabularies, by their names in the archive."""
    for place in find_places(model):
        if hasattr(place.thing, "save_assets"):
            with tempfile.TemporaryDirectory() as folder:
                place.thing.save_assets(folder)
                for file in sorted(Path(folder).rglob("*")):
                    if file.is_file():
                        name = file.relative_to(folder).as_posix()
                        yield f"{ASSETS}{place.path}/{name}".replace("//", "/"), file.read_bytes()


def _load_assets(model: Any, archive: Members) -> None:
    """Gives each layer the folder with its files."""
    if not any(name.startswith(ASSETS) for name in archive.names):
        return
    for place in find_places(model):
        start = f"{ASSETS}{place.path}/".replace("//", "/")
        names = [name for name in archive.names if name.startswith(start) and "/" not in name[len(start) :]]
        if names and hasattr(place.thing, "load_assets"):
            with tempfile.TemporaryDirectory() as folder:
                for name in names:
                    Path(folder, name[len(start) :]).write_bytes(archive.read(name, 2**32))
                place.thing.load_assets(folder)


# ---------------------------------------------------------------------------- paths and formats


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


def _not_readable(path: Path, what: str) -> FileError:
    kinds = {"folder": "a folder", "hdf5": "an HDF5 file without a model's config", "keras": "a zip archive"}
    kind = kinds.get(format_of(path), "neither a zip archive nor an HDF5 file")
    return FileError(f"'{path}' is {kind}, and cannot be read as {what}. {_FORMATS}.")


def _weights_alone(path: Path) -> FileError:
    return FileError(
        f"'{path}' holds weights alone, without the model that they belong to. Build the model in your program and call "
        f"load_weights('{path}')."
    )


def _check_overwrite(path: Path, overwrite: bool) -> None:
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


def _metadata() -> bytes:
    saved = datetime.datetime.now().strftime("%Y-%m-%d@%H:%M:%S")
    return json.dumps({"keras_version": KERAS_VERSION, "date_saved": saved, "plait_version": __version__}).encode()


def _bytes_of(model: Any) -> int:
    """Roughly how many bytes the weights and the optimizer's state take."""
    optimizer = getattr(model, "optimizer", None)
    variables = [*model.variables, *getattr(optimizer, "variables", ())]
    return sum(variable.size * variable.value.dtype.itemsize for variable in variables)
