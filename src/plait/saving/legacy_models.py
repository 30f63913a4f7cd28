"""Whole models in files of other programs: HDF5 of Keras 1 and 2, and the `model.json` of TF.js."""

import math
from pathlib import Path
from typing import Any

from plait.saving.archive import open_regular
from plait.saving.formats import MOST_JSON, not_readable, room_for, weights_alone
from plait.saving.legacy_h5 import LegacyFile, compile_config_of, read_legacy_weights, read_optimizer
from plait.saving.model_json import (
    check_shape_known,
    compile_as_before,
    model_from,
    model_from_json,
    modern,
    outputs_of,
    parse_any,
    parse_old,
)
from plait.saving.rnn_states import read_states
from plait.saving.tfjs import fill_tfjs, is_tfjs, read_tfjs_topology, read_tfjs_weights


def read_hdf5(path: Path, compile: bool) -> Any:
    """A model of an HDF5 file that Keras 1 or 2 wrote."""
    with open_regular(path) as file, LegacyFile(file) as legacy:
        text = legacy.text("model_config")
        if text is None:
            raise weights_alone(path) if legacy.holds_weights() else not_readable(path, "a model")
        config = modern(parse_old(text), legacy.version)
        with room_for(legacy.total_bytes()):
            model = model_from(config)
        check_shape_known(model, path, bool(legacy.layers))
        read_legacy_weights(model, legacy, f"load_model('{path}')")
        read_states(model, legacy.stored)
        training = legacy.text("training_config")
        if compile and training is not None:
            config = compile_config_of(parse_any(training), legacy.version, outputs_of(model))
            if config and compile_as_before(model, config, legacy.version):
                read_optimizer(model, legacy)
    return model


def read_json(path: Path, compile: bool) -> Any:
    """A model of a `model.json`: with weights where it is one of TF.js, else with new ones."""
    with open_regular(path) as file:
        data = file.read(MOST_JSON + 1)
    config = parse_any(data.decode("utf-8", "replace"))
    if not is_tfjs(config):
        return model_from_json(data.decode("utf-8", "replace"))
    inner, version = read_tfjs_topology(path, config)
    arrays = read_tfjs_weights(path, config.get("weightsManifest"))
    total = sum(4 * math.prod(array.shape) for array in arrays.values())
    with room_for(total):
        model = model_from(modern(inner, version))
    check_shape_known(model, path, bool(arrays))
    fill_tfjs(model, arrays, f"load_model('{path}')", version)
    return model
