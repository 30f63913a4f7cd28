"""Whole models and weights in the HDF5 files of Keras 1, 2 and tf.keras, which Keras 3 still writes as `.h5`.

A whole model has its config as JSON in the attribute `model_config`, what `compile` was told in `training_config`, and its
weights under `model_weights`; a weights file has them at the root. Weights go by layer: the attribute `layer_names` lists
the layers, and each layer's `weight_names` its arrays, in the order trainable, then not.

Verbs: `read_legacy_model`, `read_legacy_weights`, `write_legacy_model`, `is_legacy`.

Links, storage and types are checked as in `h5`, shapes before a value is read.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, BinaryIO

import h5py
import numpy as np

from plait.common.messages import did_you_mean, warn
from plait.common.serialization import serialize_object
from plait.core.variable import all_or_none
from plait.errors import FileError
from plait.saving.flat_weights import FlatArray
from plait.saving.h5 import StoredArray, StoredGroup, StoredWeights, damage
from plait.saving.legacy_compile import modern_compile_config, modern_optimizer
from plait.saving.legacy_config import major, minor, plain_name
from plait.saving.legacy_weights import Origin, legacy_order, plan_for
from plait.saving.name_matching import names_of
from plait.saving.report import LoadReport
from plait.saving.rnn_states import write_states

MOST_ATTRIBUTE = 64_512  # bytes; longer lists of names are split into `layer_names0`, `layer_names1`, ...


class LegacyFile:
    """An open HDF5 file of the old layout, whose links have been checked.

    Attributes:
        version: the Keras that wrote it.
        root: the path of the group that holds the weights.
    """

    def __init__(self, file: Any):
        self.stored = StoredWeights(file)
        self.root = "model_weights" if "model_weights" in self.stored.names else ""
        self.version = self.text("keras_version") or self.text("keras_version", self.root) or "1"
        self.backend = self.text("backend") or self.text("backend", self.root)

    def __enter__(self) -> "LegacyFile":
        return self

    def __exit__(self, *exception: object) -> None:
        self.stored.__exit__(*exception)

    def text(self, name: str, path: str = "") -> str | None:
        """An attribute that is text; None where there is none."""
        value = self.stored.attribute(path, name)
        if isinstance(value, bytes):
            try:
                return value.decode("utf-8")
            except UnicodeDecodeError as error:
                raise FileError(f"The attribute {name!r} is not text in UTF-8: {error}.") from None
        return value if isinstance(value, str) else None

    def names(self, name: str, path: str) -> list[str]:
        """An attribute that is a list of names, also one that is split into pieces."""
        with damage(f"its attribute {name!r}"):
            found = self.stored.attribute(path, name)
            pieces = [found] if found is not None else []
            while found is None and (piece := self.stored.attribute(path, f"{name}{len(pieces)}")) is not None:
                pieces.append(piece)
            items = [item for piece in pieces for item in np.asarray(piece).ravel().tolist()]
            return [item.decode("utf-8") if isinstance(item, bytes) else str(item) for item in items]

    @property
    def layers(self) -> dict[str, dict[str, str]]:
        """The arrays of each layer that has any: paths by name."""
        found = {}
        for layer in self.names("layer_names", self.root):
            group = f"{self.root}/{layer}".removeprefix("/")
            if group.strip("/") not in self.stored.names:
                raise FileError(f"This file lists the layer {layer!r}, but has no group for it.")
            weights = self.names("weight_names", group)
            if weights:
                found[layer] = {weight: f"{group}/{weight}" for weight in weights}
        return found

    def array(self, path: str) -> StoredArray:
        """What the file says about one array, checked."""
        if path not in self.stored.names:
            raise FileError(f"This file lists {path!r}, but holds no such array.")
        return self.stored.array(path)

    def arrays(self, paths: Mapping[str, str]) -> dict[str, FlatArray]:
        """Some arrays by name, checked but not yet read."""
        found = {}
        for name, path in paths.items():
            group = StoredGroup(path, {"0": self.array(path)})
            found[name] = FlatArray(group.arrays["0"].shape, partial(group.__getitem__, "0"))
        return found

    def flat(self) -> dict[str, FlatArray]:
        """All arrays by the names that the file gives them."""
        found = {}
        for paths in self.layers.values():
            found |= {name.removesuffix(":0"): array for name, array in self.arrays(paths).items()}
        return found

    def holds_weights(self) -> bool:
        """Whether there are any weights, in this layout or in that of Keras 3."""
        return bool(self.names("layer_names", self.root)) or bool(self.stored.groups_with_arrays())

    def total_bytes(self) -> int:
        """How many bytes all weights take once they are read."""
        arrays = (self.array(path) for paths in self.layers.values() for path in paths.values())
        return sum(math.prod(array.shape) * max(array.dtype.itemsize, 4) for array in arrays)


def is_legacy(file: Any) -> str | None:
    """Whether an HDF5 file holds an old whole model (`"model"`), old weights (`"weights"`) or neither (None)."""
    with LegacyFile(file) as legacy:
        if legacy.text("model_config") is not None:
            return "model"
        return "weights" if legacy.names("layer_names", legacy.root) else None


# ---------------------------------------------------------------------------- reading


def read_legacy_weights(
    model: Any, legacy: LegacyFile, owner: str, by_name: bool = False, skip_mismatch: bool = False
) -> LoadReport:
    """Reads weights by the order of layers, or by their names; all of them, or none if something doesn't fit.

    Raises:
        FileError: something doesn't fit; everything that doesn't is listed.
    """
    stored = {plain_name(name): paths for name, paths in legacy.layers.items()}
    mine = {layer.name: layer for layer in _layers(model) if layer.weights}
    report, plan = LoadReport(owner), []
    origin = Origin(legacy.version, legacy.backend)
    pairs = _pairs_by_name(mine, stored, report) if by_name else _pairs_by_order(mine, stored, owner, skip_mismatch)
    for layer, name in pairs:
        arrays = legacy.arrays(stored[name])
        parts = plan_for(layer, arrays, origin)
        if parts is None:
            shapes = [tuple(variable.shape) for variable in legacy_order(layer)]
            found = [array.shape for array in arrays.values()]
            report.wrong_shape.append((layer.name, f"{shapes}", f"{found}"))
        else:
            plan += parts
    report.settle(skip_mismatch or (by_name and not report.wrong_shape))
    with all_or_none(variable for part in plan for variable in part.variables):
        for part in plan:
            for variable, value in zip(part.variables, part.read(), strict=True):
                variable.assign(value)
                report.loaded.append(variable.path)
    return report


def _layers(model: Any) -> list:
    """The layers at the top, in the order in which old files list them."""
    return list(model.layers)


def _pairs_by_name(mine: dict, stored: dict, report: LoadReport) -> list[tuple[Any, str]]:
    report.extra += [(name, did_you_mean(name, mine)) for name in stored if name not in mine]
    report.missing += [(name, did_you_mean(name, stored)) for name in mine if name not in stored]
    return [(mine[name], name) for name in stored if name in mine]


def _pairs_by_order(mine: dict, stored: dict, owner: str, skip: bool) -> list[tuple[Any, str]]:
    if len(mine) != len(stored):
        lost = [f"'{name}'{did_you_mean(name, mine)}" for name in stored if name not in mine]
        raise FileError(
            f"{owner}: Layer count mismatch when loading weights from file. Model expected {len(mine)} layers with weights, "
            f"found {len(stored)} saved layers. Not in the model by name: {', '.join(lost[:12]) or 'none'}. by_name=True loads "
            "those whose names agree."
        )
    if set(mine) == set(stored):  # the order of two branches may differ between versions; names don't lie
        return [(mine[name], name) for name in stored]
    return list(zip(mine.values(), stored, strict=True))


# ---------------------------------------------------------------------------- what compile was told


def compile_config_of(training: Any, version: str, outputs: Sequence[str]) -> dict | None:
    """The arguments of `compile`, from a `training_config`; None where it holds nothing. `outputs` are the outputs' names."""
    if not isinstance(training, dict) or "optimizer_config" not in training:
        return None
    if major(version) < 3:
        return modern_compile_config({**training, "optimizer": training["optimizer_config"]}, outputs)
    keys = (
        "loss",
        "metrics",
        "weighted_metrics",
        "loss_weights",
        "run_eagerly",
        "steps_per_execution",
        "auto_scale_loss",
    )
    config = {key: training[key] for key in keys if training.get(key) is not None}
    return {**config, "optimizer": modern_optimizer(training["optimizer_config"])}


def read_optimizer(model: Any, legacy: LegacyFile) -> None:
    """Reads the optimizer's state, where it fits; else it begins anew, with a warning."""
    optimizer, group = model.optimizer, "optimizer_weights"
    if optimizer is None or group not in legacy.stored.names:
        return
    paths = [f"{group}/{name}" for name in legacy.names("weight_names", group)]
    arrays = [legacy.array(path) for path in paths if path in legacy.stored.names]
    values = StoredGroup("", {str(index): array for index, array in enumerate(arrays)})
    plan = _optimizer_plan(optimizer, arrays, legacy.version)
    if plan is None:
        if len(arrays) > 1:
            warn(
                f"Optimizer {optimizer.name!r} begins anew: it has {len(optimizer.variables)} variables, and the state of "
                f"{len(arrays)} in the file of Keras {legacy.version} doesn't fit."
            )
        return
    for variable, index in plan:
        variable.assign(values[str(index)])


def _optimizer_plan(optimizer: Any, arrays: list[StoredArray], version: str) -> list[tuple[Any, int]] | None:
    """Which variable of an optimizer takes which array: in today's order, or that of Keras 2, slot by slot."""
    variables, shapes = list(optimizer.variables), [array.shape for array in arrays]
    if [tuple(variable.shape) for variable in variables] == shapes:
        return list(zip(variables, range(len(shapes)), strict=True))
    slots = variables[2:]
    weights = len(optimizer.updated_variables)
    if not weights or len(slots) % weights or len(arrays) not in (len(slots) + 1, len(slots) + 1 + weights):
        return None  # more by `weights`: stand-ins for AMSGrad's maxima, which nothing was kept in
    each = len(slots) // weights
    by_slot = [slots[weight * each + slot] for slot in range(each) for weight in range(weights)]
    orders = (slots, by_slot) if minor(version) >= (2, 11) else (by_slot,)  # since 2.11, weight by weight
    for order in orders:
        if [tuple(variable.shape) for variable in order] == shapes[1 : len(slots) + 1]:
            return [(variables[0], 0), *((variable, index + 1) for index, variable in enumerate(order))]
    return None


# ---------------------------------------------------------------------------- writing


def write_legacy_model(
    model: Any, file: BinaryIO, version: str, include_optimizer: bool = True, without_model: bool = False
) -> None:
    """Writes a whole model in the old layout, as Keras 3 does for names that end in `.h5`.

    Args:
        model: a model that is built.
        file: a binary file that can be written, read and sought.
        version: the version of the format that is told.
        include_optimizer: whether the optimizer's state, and what else `compile` was told, is written.
        without_model: whether only the weights are written, at the root.
    """
    with h5py.File(file, "w") as h5:
        if not without_model:
            data = serialize_object(model)
            h5.attrs["keras_version"], h5.attrs["backend"] = version, "jax"
            h5.attrs["model_config"] = json.dumps({"class_name": data["class_name"], "config": data["config"]}).encode()
            compiled = data.get("compile_config") or {}
            if include_optimizer and compiled:
                training = {key: value for key, value in compiled.items() if key != "optimizer"}
                h5.attrs["training_config"] = json.dumps(
                    {**training, "optimizer_config": compiled.get("optimizer")}
                ).encode()
                _write_optimizer(model.optimizer, h5.create_group("optimizer_weights"))
        group = h5 if without_model else h5.create_group("model_weights")
        _write_layers(model, group, version)
        if not without_model:
            write_states(model, h5)


def _write_layers(model: Any, group: Any, version: str) -> None:
    layers = _layers(model)
    _write_names(group, "layer_names", [layer.name for layer in layers])
    group.attrs["backend"], group.attrs["keras_version"] = "jax", version
    for layer in layers:
        inner = group.create_group(layer.name)
        variables = legacy_order(layer)
        names = list(_unique(_names(layer, variables)))
        _write_names(inner, "weight_names", names)
        for name, variable in zip(names, variables, strict=True):
            inner.create_dataset(name, data=_plain(variable.numpy()))
    top = group.create_group("top_level_model_weights")
    _write_names(top, "weight_names", [])


def _names(layer: Any, variables: Sequence[Any]) -> list[str]:
    """The paths of variables; where two have one, the names of the layers that they lie in, for readers go by names."""
    paths = [variable.path for variable in variables]
    if len(set(paths)) == len(paths):
        return paths
    others = names_of(layer)
    return [str(others.get(id(variable), variable.path)) for variable in variables]


def _plain(value: np.ndarray) -> np.ndarray:
    """An array in a type that old readers know."""
    return value.astype("float32") if value.dtype.kind == "V" or value.dtype.name == "bfloat16" else value


def _unique(names: Any) -> Iterator[str]:
    seen: dict[str, int] = {}
    for name in names:
        seen[name] = count = seen.get(name, -1) + 1
        yield f"{name}_{count}" if count else name


def _write_optimizer(optimizer: Any, group: Any) -> None:
    names = list(_unique(variable.path for variable in optimizer.variables))
    _write_names(group, "weight_names", names)
    for name, variable in zip(names, optimizer.variables, strict=True):
        group.create_dataset(name, data=variable.numpy())


def _write_names(group: Any, attribute: str, names: list[str]) -> None:
    encoded = [name.encode("utf-8") for name in names]
    array = np.asarray(encoded) if encoded else np.zeros(0, "S1")
    pieces = math.ceil(array.nbytes / MOST_ATTRIBUTE) or 1
    if pieces == 1:
        group.attrs[attribute] = array
        return
    for index, piece in enumerate(np.array_split(array, pieces)):
        group.attrs[f"{attribute}{index}"] = piece
