"""The `.keras` archive: the config as JSON, the weights as HDF5, and the files of layers, as Keras 3 writes them.

Verbs: `write_archive` and `write_folder` write one, `read_keras` and `read_archived_weights` read it; a folder with the
archive's members as files is the same.
"""

import datetime
import json
from pathlib import Path
from typing import Any, BinaryIO

from plait._version import __version__
from plait.common.serialization import serialize_object
from plait.saving import flat_weights
from plait.saving.archive import CONFIG, METADATA, WEIGHTS, ArchiveWriter, Members, open_archive
from plait.saving.assets import assets_of, load_assets
from plait.saving.formats import KERAS_VERSION, MOST_JSON, room_for
from plait.saving.h5 import StoredWeights, open_for_writing, read_weights, write_places
from plait.saving.legacy_compile import modern_compile_config
from plait.saving.legacy_config import major
from plait.saving.model_json import compile_as_before, model_from, modern, outputs_of, parse
from plait.saving.rnn_states import keeps_states, read_states, write_states

_LARGE = 2**31


def write_archive(model: Any, file: BinaryIO, config: bytes, include_optimizer: bool) -> None:
    """Writes the members of a `.keras` file into an open one."""
    with ArchiveWriter(file) as archive:
        archive.add(METADATA, _metadata())
        archive.add(CONFIG, config)
        with archive.member(WEIGHTS, large=_bytes_of(model) > _LARGE) as member:
            _write_values(model, member, include_optimizer)  # pyright: ignore[reportArgumentType]
        for name, content in assets_of(model):
            archive.add(name, content)


def write_folder(model: Any, folder: Path, config: bytes, include_optimizer: bool) -> None:
    """Writes the members of a `.keras` file into a folder."""
    (folder / METADATA).write_bytes(_metadata())
    (folder / CONFIG).write_bytes(config)
    with open(folder / WEIGHTS, "w+b") as member:
        _write_values(model, member, include_optimizer)
    for name, content in assets_of(model):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def _write_values(model: Any, file: BinaryIO, include_optimizer: bool) -> None:
    """Writes all values of a whole model: weights, the optimizer's, and the states that layers keep."""
    with open_for_writing(file) as h5:
        write_places(model, h5, without=[] if include_optimizer else [model.optimizer])
        write_states(model, h5)


def config_of(model: Any, include_optimizer: bool) -> bytes:
    """The member that holds the config."""
    return json.dumps(serialize_object(model, with_compile_config=include_optimizer)).encode()


def _metadata() -> bytes:
    saved = datetime.datetime.now().strftime("%Y-%m-%d@%H:%M:%S")
    return json.dumps({"keras_version": KERAS_VERSION, "date_saved": saved, "plait_version": __version__}).encode()


def _bytes_of(model: Any) -> int:
    """Roughly how many bytes the weights and the optimizer's state take."""
    optimizer = getattr(model, "optimizer", None)
    variables = [*model.variables, *getattr(optimizer, "variables", ())]
    return sum(variable.size * variable.value.dtype.itemsize for variable in variables)


def read_keras(path: Path, compile: bool) -> Any:
    """A model of a `.keras` file, or of a folder with its members."""
    with open_archive(path) as archive:
        config = parse(archive.read(CONFIG, MOST_JSON))
        version = _version_of(archive)
        if major(version) < 3:
            config = modern(config, version)
        compiled = config.pop("compile_config", None) if not compile or major(version) < 3 else None
        with room_for(_bytes_in(archive)):
            model = model_from(config)
            if compile and compiled:
                compile_as_before(model, modern_compile_config(compiled, outputs_of(model)), version)
        if not compile:
            model._compilation = None  # a class may compile itself when it is made
        read_archived_weights(model, archive, f"load_model('{path}')", strict=False)
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


def _bytes_in(archive: Members) -> int:
    """How many bytes the values in an archive take."""
    file, _ = archive.open(WEIGHTS)
    with file, StoredWeights(file) as stored:
        return stored.total_bytes()


def read_archived_weights(model: Any, archive: Members, owner: str, **options: Any) -> None:
    """Reads the weights and the assets of an archive into a model."""
    file, _ = archive.open(WEIGHTS)
    with file:
        read_weights(model, file, owner, **options)
    load_assets(model, archive)
