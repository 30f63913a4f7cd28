"""Forms of real files, written by TensorFlow 2.15.1 and TF.js's converter, with the numbers that they computed.

`write_forms.py` wrote `files/forms/tf2.15.1.tar.xz`; other forms are made here, with NumPy as the reference.
"""

import json
import sys
import tarfile
from pathlib import Path

import h5py
import numpy as np
import pytest

import plait
from plait.saving.file_summary import look_into

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


class Block(plait.layers.Layer):
    """A layer of the program's own that holds two of one shape."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.one, self.two = (plait.layers.Dense(3, name=name) for name in ("one", "two"))

    def build(self, input_shape):
        self.scale = self.add_weight(shape=(3,), name="scale")
        self.one.build(input_shape)
        self.two.build(input_shape)

    def call(self, x):
        return self.two(self.one(x)) * self.scale


@pytest.mark.parametrize("names", [("block", "block"), ("block_3", "block_4")])
def test_layers_in_a_layer_of_the_programs_own_go_by_name(names, tmp_path):
    def build(name, frozen):
        x = plait.Input((3,))
        model = plait.Model(x, plait.layers.Dense(1, name="out")(Block(name=name)(x)))
        model.layers[1].one.trainable = not frozen
        return model

    source, other = build(names[0], frozen=True), build(names[1], frozen=False)
    source.save(tmp_path / "m.h5")
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


def test_inspect_shows_a_layers_model_as_what_it_is(forms):
    found = look_into(forms / "towers.tfjs" / "model.json")
    assert (found.kind, found.version, len(found.arrays)) == ("a layers-model of TF.js", "2.15.0", 30)
    assert not found.unknown and not found.unsafe


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
    """The config of two layers of one shape, their weights by name, an input, and the outputs by NumPy."""
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


def test_the_order_is_layer_by_layer_where_no_name_fits(tmp_path):
    names = ("gamma", "beta", "mean", "variance")
    values = [{name: np.abs(array(3)) + 0.5 for name in names} for _ in range(2)]
    layers = [layer("BatchNormalization", f"norm_{index}", axis=[1], epsilon=0.0) for index in range(2)]
    layers[0]["config"]["batch_input_shape"] = [None, 3]
    arrays = {f"w{4 * i + j}": values[i][name] for i in range(2) for j, name in enumerate(names)}
    config = {"class_name": "Sequential", "config": {"name": "pair", "layers": layers}}
    model, x = plait.load_model(write_tfjs(tmp_path, config, arrays)), array(5, 3)
    expected = x
    for each in values:
        expected = (expected - each["mean"]) / np.sqrt(each["variance"]) * each["gamma"] + each["beta"]
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, rtol=1e-4, atol=1e-5)


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


@pytest.mark.parametrize("file", ["attention.h5", "attention.keras", "late.h5", "late.keras"])
def test_layers_are_built_by_their_calls(file, forms, tmp_path):
    model = plait.load_model(forms / file)
    predicts(model, forms, file.partition(".")[0])
    model.save(tmp_path / "again.keras")
    predicts(plait.load_model(tmp_path / "again.keras"), forms, file.partition(".")[0])


# ---------------------------------------------------------------------------- states that recurrent layers begin with


@pytest.mark.parametrize("file", ["decoder.h5", "decoder.keras"])
def test_recurrent_layers_begin_with_the_states_that_they_are_given(file, forms, tmp_path):
    model = plait.load_model(forms / file)
    predicts(model, forms, "decoder")
    model.save(tmp_path / "again.keras")
    predicts(plait.load_model(tmp_path / "again.keras"), forms, "decoder")


@pytest.mark.parametrize("form", ["behind the input", "as a keyword", "as a keyword of one tensor"])
def test_states_stand_in_a_call_in_each_form_of_keras_2(form, forms, tmp_path):
    with h5py.File(forms / "decoder.h5") as source, h5py.File(tmp_path / "m.h5", "w") as file:
        source.copy("model_weights", file)
        config = json.loads(source.attrs["model_config"])
        file.attrs["keras_version"], file.attrs["backend"] = "2.4.0", "tensorflow"
        calls = {item["name"]: item for item in config["config"]["layers"]}
        for name in ("decoder", "film_decoder") if form != "as a keyword of one tensor" else ("gru",):
            (first, *states), *_ = calls[name]["inbound_nodes"]
            states = [state[:3] for state in states]
            if form != "behind the input":
                calls[name]["inbound_nodes"] = [
                    [[*first[:3], {"initial_state": states if len(states) > 1 else states[0]}]]
                ]
        file.attrs["model_config"] = json.dumps(config)
    predicts(plait.load_model(tmp_path / "m.h5"), forms, "decoder")


# ---------------------------------------------------------------------------- layers that are no more


@pytest.mark.parametrize("file", ["local.h5", "local.keras"])
def test_layers_that_keras_has_no_more_open_with_their_numbers(file, forms, tmp_path):
    model = plait.load_model(forms / file)
    predicts(model, forms, "local")
    for ending in (".keras", ".h5"):
        model.save(tmp_path / f"again{ending}")
        predicts(plait.load_model(tmp_path / f"again{ending}"), forms, "local")


# ---------------------------------------------------------------------------- arguments of compile


@pytest.mark.parametrize("file", ["objects.h5", "objects.keras"])
def test_losses_and_metrics_in_object_form_measure_what_they_did(file, forms):
    model = plait.load_model(forms / file)
    predicts(model, forms, "objects")
    arrays = np.load(forms / "objects.npz")
    found = model.evaluate(arrays["in0"], [arrays["label0"], arrays["label1"]], verbose=0, return_dict=True)
    names = ("loss", "a_loss", "b_loss", "a_binary_accuracy", "b_squares")
    np.testing.assert_allclose([found[name] for name in names], arrays["results"][:5], rtol=1e-5)
    assert isinstance(model.optimizer, plait.optimizers.Adam)
    assert int(model.optimizer.iterations) == 1


OBJECTS = {
    "a loss named like an op": ({"class_name": "BinaryCrossentropy", "config": {"from_logits": True, "fn": "binary_crossentropy"}}, None),
    "a reduction that Keras chose": ({"class_name": "MeanSquaredError", "config": {"reduction": "auto", "name": "m", "fn": "mean_squared_error"}}, None),
    "a metric of a function": ("mse", [[{"class_name": "MeanMetricWrapper", "config": {"name": "accuracy", "dtype": "float32", "fn": "binary_accuracy"}}]]),
    "options that today's class lacks": ("mse", [[{"class_name": "AUC", "config": {"name": "auc", "num_labels": None, "gone": 3}}]]),
}  # fmt: skip
OPTIMIZERS = {
    "Adam": {"class_name": "Adam", "config": {"lr": 0.5, "decay": 0.0}},
    "LossScaleOptimizer": {
        "class_name": "LossScaleOptimizerV3",
        "config": {"inner_optimizer": {"class_name": "Adam", "config": {}}, "dynamic": True, "initial_scale": 64.0},
    },
    "SGD": {
        "class_name": "LossScaleOptimizer",
        "config": {"inner_optimizer": {"class_name": "SGD", "config": {}}, "dynamic": False, "initial_scale": 64.0},
    },
}


def compiled_file(folder, loss, metrics, optimizer):
    """A file of Keras 2 that says how its model was compiled."""
    dense = layer("Dense", "d", units=1, batch_input_shape=[None, 3])
    path = write(
        folder / "m.h5",
        {"class_name": "Sequential", "config": {"layers": [dense]}},
        "2.9.0",
        {"d": [array(3, 1), array(1)]},
    )
    training = {"loss": loss, "metrics": metrics, "optimizer_config": optimizer}
    with h5py.File(path, "a") as file:
        file.attrs["training_config"] = json.dumps(training).encode()
    return path


@pytest.mark.parametrize("kind", OBJECTS)
def test_what_compile_holds_in_object_form_is_read(kind, tmp_path):
    loss, metrics = OBJECTS[kind]
    model = plait.load_model(compiled_file(tmp_path, loss, metrics, OPTIMIZERS["Adam"]))
    assert model.compiled
    results = model.evaluate(array(4, 3), np.ones((4, 1)), verbose=0, return_dict=True)
    assert np.isfinite(results["loss"])
    if metrics:
        assert metrics[0][0]["config"]["name"] in results


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_an_optimizer_of_keras_2_is_made_as_it_was(kind, tmp_path):
    model = plait.load_model(compiled_file(tmp_path, "mse", None, OPTIMIZERS[kind]))
    assert type(model.optimizer).__name__ == kind
    assert kind != "LossScaleOptimizer" or model.optimizer.initial_scale == 64.0
    assert kind != "SGD" or model.optimizer.loss_scale_factor == 64.0


def test_what_of_compile_cannot_be_read_is_told_and_the_model_opens(tmp_path):
    path = compiled_file(tmp_path, {"class_name": "Mine", "config": {}}, None, OPTIMIZERS["Adam"])
    with pytest.warns(UserWarning, match="is loaded, but not compiled as Keras 2.9.0 did.*Mine"):
        model = plait.load_model(path)
    assert not model.compiled


# ---------------------------------------------------------------------------- names stay in their place


@pytest.mark.parametrize("name", ["L1", "Adam", "MeanSquaredError", "Zeros", "NonNeg", "ExponentialDecay", "relu"])
def test_a_layer_that_is_not_known_is_no_namesake_of_another_kind(name, tmp_path):
    items = [layer("InputLayer", "x", batch_input_shape=[None, 3]), layer(name, "odd")]
    items[0].update(name="x", inbound_nodes=[])
    items[1].update(name="odd", inbound_nodes=[[["x", 0, 0, {}]]])
    ends = {"input_layers": [["x", 0, 0]], "output_layers": [["odd", 0, 0]]}
    config = {"class_name": "Functional", "config": {"name": "m", "layers": items, **ends}}
    with pytest.raises(plait.errors.FileError, match=f"Could not locate class '{name}'"):
        plait.load_model(write(tmp_path / "m.h5", config, "2.9.0", {"odd": []}))


PLACES = {  # a name that two kinds have, and where it stands
    "kernel_initializer": ("Identity", {}, plait.initializers.Identity),
    "kernel_regularizer": ("L2", {"l2": 0.5}, plait.regularizers.L2),
    "kernel_constraint": ("UnitNorm", {}, plait.constraints.UnitNorm),
    "activation": ("Softmax", {}, plait.layers.Softmax),
}


@pytest.mark.parametrize("key", PLACES)
@pytest.mark.parametrize("wrapped", [False, True])
def test_a_name_means_what_its_place_takes(key, wrapped, tmp_path):
    name, options, cls = PLACES[key]
    dense = layer("Dense", "d", units=3, **{key: {"class_name": name, "config": options}})
    outer = layer("TimeDistributed", "t", layer=dense) if wrapped else dense
    outer["config"]["batch_input_shape"] = [None, 2, 3] if wrapped else [None, 3]
    config = {"class_name": "Sequential", "config": {"layers": [outer]}}
    model = plait.load_model(
        write(tmp_path / "m.h5", config, "2.9.0", {outer["config"]["name"]: [array(3, 3), array(3)]})
    )
    found = model.layers[0].layer if wrapped else model.layers[0]
    assert type(getattr(found, key)) is cls


# ---------------------------------------------------------------------------- files that lack something


def test_weights_alone_are_told_as_what_they_are(forms, tmp_path):
    x = plait.Input((3,))
    model = plait.Model(x, plait.layers.Dense(2)(x))
    paths = [tmp_path / name for name in ("m.weights.h5", "m.safetensors")]
    for path in paths:
        model.save_weights(path)
    for path in (*paths, forms / "frozen.h5"):
        with pytest.raises(plait.errors.FileError, match=r"holds weights alone.*Build the model.*call load_weights\("):
            plait.load_model(path)


def test_a_saved_model_is_told_as_what_it_is(tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(b"")
    with pytest.raises(plait.errors.FileError, match=r"is a SavedModel.*without layers.*tf\.keras\.models\.load_model"):
        plait.load_model(tmp_path)


@pytest.mark.parametrize("kind", ["h5", "tfjs"])
def test_a_chain_without_a_shape_says_so_and_its_weights_can_be_used(kind, tmp_path):
    config, weights, x, expected = pair_of_layers()
    del config["config"]["layers"][0]["config"]["batch_input_shape"]
    if kind == "tfjs":
        path = write_tfjs(tmp_path, config, weights)
    else:
        arrays = {name: [weights[f"{name}/{part}"] for part in ("kernel", "bias")] for name in ("zebra", "ant")}
        path = write(tmp_path / "m.h5", config, "2.4.0", arrays)
    with pytest.raises(
        plait.errors.FileError, match="nothing in it says the shape of the input.*with an Input in front"
    ):
        plait.load_model(path)
    if kind == "h5":
        layers = [plait.layers.Dense(3, activation="tanh", name="zebra"), plait.layers.Dense(3, name="ant")]
        model = plait.Sequential([plait.Input((3,)), *layers])
        model.load_weights(path)
        np.testing.assert_allclose(model.predict(x, verbose=0), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("file", ["vectorized", "looked_up"])
@pytest.mark.parametrize("dtype", [object, str])
def test_a_chain_that_was_never_built_takes_arrays_of_strings(file, dtype, forms):
    arrays = np.load(forms / f"{file}.npz")
    x = arrays["in0"].astype(dtype)
    for call in (lambda model: model.predict(x, verbose=0), lambda model: model(x)):
        np.testing.assert_array_equal(np.asarray(call(plait.load_model(forms / f"{file}.keras"))), arrays["out0"])
