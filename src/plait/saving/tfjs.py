"""Models of TF.js: a `model.json` with a config and a list of shards beside it, whose bytes follow each other.

Arrays may be quantised to 8 or 16 bits. They belong to layers by name, as in TF.js itself: `dense_1/kernel`. The converter
lists layers by the alphabet, `dense_10` before `dense_2`, so their order means nothing; it counts only where not a single
name fits. Of a `.keras` file the converter writes the places in its archive, `layers/dense_1/vars/0`.

Verbs: `is_tfjs`, `read_tfjs_topology`, `read_tfjs_weights`, `fill_tfjs` assigns them to a model's variables.

What is refused: graph-models, which hold operations of TensorFlow and no layers; shards that lie elsewhere than beside
their `model.json`; shapes that don't agree with their bytes.
"""

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from plait.common.messages import describe, did_you_mean
from plait.core.variable import all_or_none
from plait.errors import FileError, UnsafeFileError
from plait.layers.ownership import unique
from plait.saving.archive import open_regular
from plait.saving.flat_weights import FlatArray, checked_shape
from plait.saving.h5 import find_groups
from plait.saving.legacy_weights import Origin, Part, legacy_order, plan_by_names, plan_by_order
from plait.saving.name_matching import fitting, leaves_of
from plait.saving.object_paths import find_places
from plait.saving.report import LoadReport

MOST_SHARDS = 10_000
_DTYPES = {
    "float32": "<f4",
    "int32": "<i4",
    "bool": "?",
    "uint8": "u1",
    "uint16": "<u2",
    "float16": "<f2",
    "int8": "i1",
}
_PLACE = re.compile(r"(?:(?P<group>.+)/)?vars/(?P<key>\d{1,6})")  # of an array in the archive of Keras 3
_BESIDE = ("optimizer/", "metrics/")


def is_tfjs(config: Any) -> bool:
    """Whether JSON is a `model.json` of TF.js."""
    return isinstance(config, dict) and ("modelTopology" in config or "weightsManifest" in config)


def read_tfjs_topology(path: Path, config: dict) -> tuple[dict, str]:
    """The model's config, and the Keras that wrote it.

    Raises:
        FileError: a graph-model, or weights alone.
    """
    topology = config.get("modelTopology")
    if config.get("format") == "graph-model" or (isinstance(topology, dict) and "node" in topology):
        raise FileError(
            f"'{path}' is a graph-model of TF.js: operations of TensorFlow, without layers, which neither plait nor Keras can "
            "open. Convert the model that it was made from to a layers-model (tensorflowjs_converter "
            "--output_format=tfjs_layers_model), or open that model itself."
        )
    if not isinstance(topology, dict):
        raise FileError(
            f"'{path}' doesn't describe a model: its modelTopology is {describe(topology)[:80]}. It may be weights alone of TF.js."
        )
    version = topology.get("keras_version", "2")
    inner = topology.get("model_config", topology)
    return inner, version if isinstance(version, str) else "2"


def read_tfjs_weights(path: Path, manifest: Any) -> dict[str, FlatArray]:
    """The arrays of a layers-model, from the shards beside its `model.json`.

    Raises:
        FileError: shards that are missing or too short; dtypes that aren't known; a name that stands twice.
        UnsafeFileError: shards that lie elsewhere.
    """
    found: dict[str, FlatArray] = {}
    for group in manifest if isinstance(manifest, list) else []:
        data, place = _shards_of(path, group), 0
        entries = group.get("weights", [])
        if not isinstance(entries, list):
            raise FileError(f"'{path}': its list of weights is {describe(entries)[:200]}.")
        for entry in entries:
            array, count = _array(entry, data, place)
            if entry["name"] in found:
                raise FileError(f"'{path}': two arrays are called {entry['name']!r}, so nothing says which is whose.")
            found[entry["name"]] = array
            place += count
        if place != len(data):
            raise FileError(f"'{path}': its shards have {len(data):,} bytes, but its list of weights needs {place:,}.")
    return found


def _shards_of(path: Path, group: Any) -> bytearray:
    names = group.get("paths") if isinstance(group, dict) else None
    if not isinstance(names, list) or len(names) > MOST_SHARDS or not all(map(_is_beside, names)):
        raise UnsafeFileError(f"'{path}' names shards that don't lie beside it: {describe(names)[:200]}.")
    missing = [name for name in names if not (path.parent / name).exists()]
    if missing:
        raise FileError(
            f"'{path}': {len(missing)} of its {len(names)} files of weights (shards) aren't beside it: "
            f"{', '.join(missing[:8])}{' and more' * (len(missing) > 8)}. Put them into '{path.parent}'."
        )
    data = bytearray()
    for name in names:
        with open_regular(path.parent / name) as shard:
            data += shard.read()
    return data


def _is_beside(name: Any) -> bool:
    return isinstance(name, str) and Path(name).name == name and name not in ("", ".", "..") and "\\" not in name


def _array(entry: Any, data: bytearray, place: int) -> tuple[FlatArray, int]:
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
        raise FileError(f"An entry of the list of weights is {describe(entry)[:200]}.")
    name, quantised = entry["name"], entry.get("quantization") or {}
    numbers = [quantised.get(key, 0.0) for key in ("scale", "min")] if isinstance(quantised, dict) else [None]
    if not all(type(number) in (int, float) for number in numbers):
        raise FileError(f"The array {name!r} is quantised in a way that isn't known: {describe(quantised)[:200]}.")
    shape, kind = checked_shape(entry.get("shape"), name), _DTYPES.get(str(quantised.get("dtype", entry.get("dtype"))))
    if kind is None:
        raise FileError(f"The array {name!r} has a dtype that isn't known: {describe(entry.get('dtype'))}.")
    count = math.prod(shape) * np.dtype(kind).itemsize
    if place + count > len(data):
        raise UnsafeFileError(f"The array {name!r} of shape {shape} is longer than its shards.")

    def read() -> np.ndarray:
        value = np.frombuffer(data, kind, math.prod(shape), place).reshape(shape)
        if "scale" in quantised:
            return (value * np.float32(quantised["scale"]) + np.float32(quantised.get("min", 0.0))).astype("float32")
        return value.astype("float32") if quantised else value

    return FlatArray(shape, read), count


# ---------------------------------------------------------------------------- into a model


def fill_tfjs(model: Any, arrays: Mapping[str, FlatArray], owner: str, version: str) -> LoadReport:
    """Assigns values to a model's variables by the names of the arrays: all of them, or none if something doesn't fit.

    Args:
        model: a model that is built.
        arrays: the file's arrays by name.
        owner: the name of this load in messages.
        version: the Keras that the model was written by.

    Raises:
        FileError: something doesn't fit; everything that doesn't is listed.
    """
    arrays = {name: array for name, array in arrays.items() if not name.startswith(_BESIDE)}
    origin, report = Origin(version), LoadReport(owner)
    if arrays and all(map(_PLACE.fullmatch, arrays)):
        plan = _plan_by_place(model, arrays, report)
    else:
        plan = plan_by_names(model, arrays, origin)
        if plan is None and not any(fitting(leaves_of(model), list(arrays))):
            order = unique(variable for layer in model.layers for variable in legacy_order(layer))
            plan = plan_by_order(model, arrays, origin, order)
        if plan is None:
            _tell(model, arrays, origin, report)
    report.settle(False, "TF.js finds weights by the names of their layers.")
    with all_or_none(variable for part in plan or () for variable in part.variables):
        for part in plan or ():
            for variable, value in zip(part.variables, part.read(), strict=True):
                variable.assign(value)
                report.loaded.append(variable.path)
    return report


def _plan_by_place(model: Any, arrays: Mapping[str, FlatArray], report: LoadReport) -> list[Part]:
    """For names that are places in an archive of Keras 3."""
    groups: dict[str, dict[int, FlatArray]] = {}
    for name, array in arrays.items():
        found = _PLACE.fullmatch(name)
        groups.setdefault(found["group"] or "", {})[int(found["key"])] = array  # type: ignore[index]
    places = find_places(model)
    paths, plan, taken = find_groups([f"{group}/vars".lstrip("/") for group in groups], places), [], set()
    for place, path in zip(places, paths, strict=True):
        variables = place.thing._stored_variables() if hasattr(place.thing, "_stored_variables") else []
        there = [array for _, array in sorted(groups.get(path, {}).items())] if path is not None else []
        taken.add(path if there else None)
        mine, theirs = [tuple(v.shape) for v in variables], [array.shape for array in there]
        if mine and not theirs:
            report.missing.append((place.title, ""))
        elif mine != theirs:
            report.wrong_shape.append((place.title, mine, theirs))
        elif mine:
            plan.append(Part(place.title, variables, lambda there=there: [array.read() for array in there]))
    report.extra += [(group, "") for group in groups if group not in taken]
    return plan


def _tell(model: Any, arrays: Mapping[str, FlatArray], origin: Origin, report: LoadReport) -> None:
    """Lists all mismatches, layer by layer."""
    leaves = leaves_of(model)
    shares: dict[int, dict[str, FlatArray]] = {id(leaf): {} for leaf in leaves}
    names = [leaf.label for leaf in leaves]
    for (name, array), owners in zip(arrays.items(), fitting(leaves, list(arrays)), strict=True):
        if len(owners) == 1:
            shares[id(owners[0])][name] = array
        else:
            report.extra.append((name, did_you_mean(name.partition("/")[0], names) if not owners else ""))
    for leaf in leaves:
        share = shares[id(leaf)]
        if not share:
            report.missing.append((leaf.path, ""))
        elif plan_by_names(leaf.layer, share, origin) is None:
            mine = [tuple(variable.shape) for variable in leaf.layer.weights]
            report.wrong_shape.append((leaf.path, mine, [array.shape for array in share.values()]))
