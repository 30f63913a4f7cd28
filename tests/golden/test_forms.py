"""Forms that real files showed: what TensorFlow 2.15.1 and TF.js's converter wrote, with the numbers that they computed.

`files/forms/tf2.15.1.tar.xz` holds what `write_forms.py` wrote; other forms are made here, with NumPy as the reference.
"""

import json
import sys
import tarfile
from pathlib import Path

import h5py
import numpy as np
import pytest

import plait

sys.path.insert(0, str(Path(__file__).parent))
from make import array, layer, write

ARCHIVE = Path(__file__).parent / "files" / "forms" / "tf2.15.1.tar.xz"


@pytest.fixture(scope="module")
def forms(tmp_path_factory):
    """The folder with the unpacked files."""
    folder = tmp_path_factory.mktemp("forms")
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
    return folder


def predicts(model, folder, name):
    """Checks that a model predicts what TensorFlow did."""
    arrays = np.load(folder / f"{name}.npz")
    x = [arrays[f"in{index}"] for index in range(len(model.inputs))]
    out = model.predict(x if len(x) > 1 else x[0], verbose=0)
    for index, value in enumerate(out if isinstance(out, list) else [out]):
        np.testing.assert_allclose(value, arrays[f"out{index}"], rtol=1e-5, atol=2e-6)


# ---------------------------------------------------------------------------- weights go by their names


@pytest.mark.parametrize("file", ["towers.h5", "towers_frozen.h5", "towers.keras", "towers.tfjs/model.json"])
def test_weights_find_their_layers_by_name_whatever_their_order(file, forms):
    predicts(plait.load_model(forms / file), forms, "towers")


def test_what_was_saved_frozen_is_loaded_thawed(forms):
    model = plait.load_model(forms / "towers.keras")
    model.set_weights([np.zeros_like(value) for value in model.get_weights()])
    model.load_weights(forms / "frozen.h5")
    predicts(model, forms, "towers")


def nested_pair(names=("first", "second"), frozen=()):
    """Two layers of one shape in a nested model."""
    x = plait.Input((3,))
    inner = plait.Sequential([plait.Input((3,)), *(plait.layers.Dense(3, name=name) for name in names)], name="inner")
    for name in frozen:
        inner.get_layer(name).trainable = False
    return plait.Model(x, plait.layers.Dense(2, name="out")(inner(x)))


def test_layers_that_are_numbered_otherwise_go_by_rank(tmp_path):
    source = nested_pair(("dense_9", "dense_10"), frozen=("dense_9",))
    source.save(tmp_path / "m.h5")
    other = nested_pair(("dense", "dense_1"))
    other.load_weights(tmp_path / "m.h5")
    for mine, theirs in zip(other.get_weights(), source.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_two_nested_layers_of_one_name_are_told_apart_in_what_plait_writes(tmp_path):
    def build():
        starts = [plait.Input((3,)) for _ in "ab"]
        layers = [
            plait.Model(x, plait.layers.Dense(3, name="d")(x), name=name) for x, name in zip(starts, "ab", strict=True)
        ]
        middle = plait.Sequential([plait.Input((3,)), *layers], name="middle")
        x = plait.Input((3,))
        return plait.Model(x, middle(x)), middle

    source, middle = build()
    middle.layers[0].trainable = False
    source.save(tmp_path / "m.h5")
    other, _ = build()
    other.load_weights(tmp_path / "m.h5")
    for mine, theirs in zip(other.get_weights(), source.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


# ---------------------------------------------------------------------------- TF.js


def write_tfjs(folder, config, weights, version="2.11.0", **more):
    """A layers-model as TF.js's converter writes it."""
    (folder / "shard1.bin").write_bytes(b"".join(value.tobytes() for value in weights.values()))
    entries = [{"name": name, "shape": list(value.shape), "dtype": "float32"} for name, value in weights.items()]
    topology = {"keras_version": version, "model_config": config}
    manifest = [{"paths": ["shard1.bin"], "weights": entries}]
    whole = {"format": "layers-model", "modelTopology": topology, "weightsManifest": manifest, **more}
    (folder / "model.json").write_text(json.dumps(whole))
    return folder / "model.json"


def pair_of_layers(shape="batch_input_shape"):
    """The config of two layers of one shape, their weights by name, an input, and what NumPy computes."""
    layers = [layer("Dense", "zebra", units=3, activation="tanh", **{shape: [None, 3]}), layer("Dense", "ant", units=3)]
    config = {"class_name": "Sequential", "config": {"name": "pair", "layers": layers}}
    weights = {"ant/kernel": array(3, 3), "ant/bias": array(3), "zebra/kernel": array(3, 3), "zebra/bias": array(3)}
    x = array(5, 3)
    hidden = np.tanh(x @ weights["zebra/kernel"] + weights["zebra/bias"])
    return config, weights, x, hidden @ weights["ant/kernel"] + weights["ant/bias"]


ANOTHER_NAME = {
    "as they are": lambda name: name,
    "with a slot of TensorFlow": lambda name: f"{name}:0",
    "in a scope": lambda name: f"model/{name}",
    "otherwise numbered": lambda name: name.replace("ant", "dense_5").replace("zebra", "dense_4"),
    "places in an archive": lambda name: (
        name.replace("zebra/", "layers/dense/vars/").replace("ant/", "layers/dense_1/vars/").replace("kernel", "0").replace("bias", "1")
    ),
    "places of Keras 2.13": lambda name: (
        name.replace("zebra/", "_layer_checkpoint_dependencies/dense/vars/").replace("ant/", "_layer_checkpoint_dependencies/dense_1/vars/")
        .replace("kernel", "0").replace("bias", "1")
    ),
}  # fmt: skip


@pytest.mark.parametrize("shape", ["batch_input_shape", "batchInputShape"])
@pytest.mark.parametrize("kind", ANOTHER_NAME)
def test_a_layers_model_of_tfjs_goes_by_names(kind, shape, tmp_path):
    config, weights, x, expected = pair_of_layers(shape)
    if kind == "otherwise numbered":
        for index, item in enumerate(config["config"]["layers"]):
            item["config"]["name"] = f"dense_{index}" if index else "dense"
    named = {ANOTHER_NAME[kind](name): value for name, value in weights.items()}
    model = plait.load_model(write_tfjs(tmp_path, config, named))
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, rtol=1e-5, atol=1e-6)


def test_a_layers_model_without_a_fitting_name_goes_by_order(tmp_path):
    config, weights, x, expected = pair_of_layers()
    order = ("zebra/kernel", "zebra/bias", "ant/kernel", "ant/bias")
    named = {f"w{index}": weights[name] for index, name in enumerate(order)}
    model = plait.load_model(write_tfjs(tmp_path, config, named))
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, rtol=1e-5, atol=1e-6)


def test_a_layers_model_of_which_only_some_names_fit_is_told_by_layer(tmp_path):
    config, weights, _, _ = pair_of_layers()
    weights["aunt/bias"] = weights.pop("ant/bias")
    with pytest.raises(plait.errors.FileError) as told:
        plait.load_model(write_tfjs(tmp_path, config, weights))
    for words in ("aunt/bias Did you mean 'ant'?", "of another shape       ant: [(3, 3), (3,)]"):
        assert words in str(told.value)


def test_a_graph_model_is_told_as_what_it_is(tmp_path):
    path = tmp_path / "model.json"
    for whole in (
        {"format": "graph-model", "modelTopology": {"node": []}},
        {"modelTopology": {"node": [{"op": "Const"}]}},
    ):
        path.write_text(json.dumps({**whole, "weightsManifest": [{"paths": ["gone.bin"], "weights": []}]}))
        with pytest.raises(plait.errors.FileError, match=r"graph-model of TF\.js.*without layers"):
            plait.load_model(path)


def test_a_missing_shard_is_named(tmp_path):
    config, weights, _, _ = pair_of_layers()
    path = write_tfjs(tmp_path, config, weights)
    (tmp_path / "shard1.bin").unlink()
    with pytest.raises(
        plait.errors.FileError, match=r"1 of its 1 files of weights \(shards\) aren't beside it: shard1\.bin"
    ):
        plait.load_model(path)
