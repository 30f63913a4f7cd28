"""What a file holds, told without building a model of it.

Verbs: `look_into(path)`.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from plait.errors import FileError, PlaitError
from plait.saving.archive import CONFIG, METADATA, WEIGHTS, open_archive, open_regular
from plait.saving.flat_weights import FlatArray, parse_json, read_safetensors
from plait.saving.h5 import StoredWeights
from plait.saving.legacy_config import modernise
from plait.saving.legacy_h5 import LegacyFile
from plait.saving.tfjs import is_tfjs, read_tfjs_topology, read_tfjs_weights
from plait.saving.unknown_names import find_unknown

_MOST_JSON = 512 * 2**20
_CODE = ("__lambda__", "Lambda", "TorchModuleWrapper", "TFSMLayer", "FlaxLayer", "JaxLayer")


class Contents(NamedTuple):
    """What a file holds.

    Attributes:
        kind: what kind of file it is.
        version: the Keras that wrote it, as it says.
        layers: how many layers of each class there are.
        arrays: the shape of each array of weights.
        unknown: classes and functions that aren't known here.
        unsafe: what in it would need code to run.
        compiled: whether it says how the model was compiled.
    """

    kind: str
    version: str | None
    layers: dict[str, int]
    arrays: dict[str, tuple[int, ...]]
    unknown: list[str]
    unsafe: list[str]
    compiled: bool


def look_into(path: Path) -> Contents:
    """Looks into a file of a model or of weights.

    Raises:
        FileError: no such file, or a damaged one.
        UnsafeFileError: an archive or HDF5 file that lies about itself.
    """
    if path.is_dir():
        return _archive(path)
    with open_regular(path) as file:
        start = file.read(8)
    if start.startswith(b"PK"):
        return _archive(path)
    if start == b"\x89HDF\r\n\x1a\n":
        return _hdf5(path)
    with open_regular(path) as file:
        if path.suffix == ".safetensors":
            return _contents("weights in safetensors", None, None, read_safetensors(file))
        config = parse_json(file.read(_MOST_JSON), f"'{path}'")
    if is_tfjs(config):
        inner, version = read_tfjs_topology(path, config)
        return _contents(
            "a layers-model of TF.js", version, {"model": inner}, read_tfjs_weights(path, config.get("weightsManifest"))
        )
    if "class_name" not in config:
        raise FileError(f"'{path}' holds neither a model nor weights.")
    return _contents("a model's config in JSON", config.get("keras_version"), config, {})


def _archive(path: Path) -> Contents:
    with open_archive(path) as archive:
        version = None
        if METADATA in archive.names:
            version = parse_json(archive.read(METADATA, _MOST_JSON), METADATA).get("keras_version")
        config = parse_json(archive.read(CONFIG, _MOST_JSON), CONFIG)
        file, _ = archive.open(WEIGHTS)
        with file, StoredWeights(file) as stored:
            return _contents("a model in Keras's format", version, config, stored.flat())


def _hdf5(path: Path) -> Contents:
    with open_regular(path) as file, LegacyFile(file) as legacy:
        text = legacy.text("model_config")
        if text is not None:
            config = parse_json(b'{"model": ' + text.encode() + b"}", "The attribute model_config")
            config["compile_config"] = legacy.text("training_config")
            return _contents("a whole model in HDF5", legacy.version, config, legacy.flat())
        if legacy.names("layer_names", legacy.root):
            return _contents("weights in HDF5, by layer", legacy.version, None, legacy.flat())
        return _contents("weights in HDF5, by place", None, None, legacy.stored.flat())


def _contents(kind: str, version: Any, config: Any, arrays: dict[str, FlatArray]) -> Contents:
    names, unsafe = Counter(), []
    remaining = [config]
    while remaining:
        value = remaining.pop()
        if isinstance(value, list):
            remaining.extend(value)
        elif isinstance(value, dict):
            remaining.extend(value.values())
            name = value.get("class_name")
            if isinstance(name, str) and name in _CODE:
                inner = value.get("config")
                unsafe.append(f"{name} {inner.get('name', '') if isinstance(inner, dict) else ''}".strip())
            if isinstance(name, str) and ("inbound_nodes" in value or str(value.get("module")) == "keras.layers"):
                names[name] += 1
    compiled = isinstance(config, dict) and bool(config.get("compile_config"))
    shapes = {name: array.shape for name, array in arrays.items()}
    return Contents(
        kind, str(version) if version else None, dict(names), shapes, _unknown(config, version), unsafe, compiled
    )


def _unknown(config: Any, version: Any) -> list[str]:
    inner = config.get("model", config) if isinstance(config, dict) else None
    if not isinstance(inner, (dict, list)):
        return []
    try:
        found = find_unknown(json.loads(json.dumps(modernise(inner, str(version or "3")), default=str)))
    except PlaitError:
        found = find_unknown(inner)
    return list(dict.fromkeys(one.name for one in found if one.kind != "code"))
