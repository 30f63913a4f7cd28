"""Configs that attack: classes, functions, code, numbers and graphs that no model has (attacks 1-10, 23, 24)."""

import base64
import json
import marshal
import socket

import h5py
import pytest
from guard import ENTRIES, dense, input_data, layer_data, model_data, refused, watched, write_keras, write_legacy

import plait
from plait.errors import PlaitError

CODE = base64.b64encode(marshal.dumps(compile("import os; os.system('touch /tmp/owned')", "x", "exec"))).decode()
LAMBDA = {"class_name": "__lambda__", "config": {"code": CODE, "defaults": None, "closure": None}}


def function(name, module="builtins"):
    """A function in object form."""
    return {"module": module, "class_name": "function", "config": name, "registered_name": "function"}


def policy(class_name, **config):
    """A dtype policy in object form."""
    return {"module": "keras.dtype_policies", "class_name": class_name, "config": config, "registered_name": None}


INT8 = policy("QuantizedDTypePolicy", mode="int8", source_name="float32")
SLOW = policy("DTypePolicyMap", default_policy=None, policy_map={"(a+)+": policy("DTypePolicy", name="float32")})
LAYERS = {
    "os.system": layer_data("system", module="os", command="touch /tmp/owned"),
    "subprocess": layer_data("Popen", module="subprocess", args=["touch", "/tmp/owned"]),
    "builtins.eval": layer_data("eval", module="builtins", source="1"),
    "get_file": layer_data("get_file", module="keras.utils", origin="http://127.0.0.1:1/x"),
    "load_model": layer_data("load_model", module="keras.models", filepath="/etc/passwd"),
    "enable_unsafe": layer_data("enable_unsafe_deserialization", module="keras.config"),
    "activation_utility": dense(activation=function("load_img", "keras.utils")),
    "activation_system": dense(activation={"module": "os", "class_name": "system", "config": {}}),
    "activation_unsafe": dense(activation=function("enable_unsafe_deserialization", "keras.config")),
    "initializer_utility": dense(kernel_initializer=function("get_file", "keras.utils")),
    "regularizer_load": dense(
        kernel_regularizer={"module": "numpy", "class_name": "load", "config": {"file": "/etc/passwd"}}
    ),
    "lambda": layer_data("Lambda", function=LAMBDA),
    "lambda_old": layer_data("Lambda", function=[CODE, None, None], function_type="lambda"),
    "lambda_by_module": layer_data("Lambda", function="system", function_type="function", module="os"),
    "lambda_in_wrapper": layer_data("TimeDistributed", layer=layer_data("Lambda", function=LAMBDA)),
    "lambda_in_bidirectional": layer_data("Bidirectional", layer=layer_data("Lambda", function=LAMBDA)),
    "lambda_as_activation": dense(activation=LAMBDA),
    "pickle": layer_data("TorchModuleWrapper", torch_module="gASVKQAAAAAAAACMBXBvc2l4lIwGc3lzdGVtlJOU"),
    "outside_model": layer_data("TFSMLayer", filepath="/tmp/outside"),
    "spoofed_builtin": layer_data("Dense", registered="evil>Dense", units=2),
    "shadow": layer_data("Dense", module="evil.layers", registered="other>Thing", units=2),
    "huge_dense": dense(units=10**12),
    "huge_embedding": layer_data("Embedding", input_dim=2**40, output_dim=64),
    "huge_adapters": dense(lora_rank=10**12),
    "huge_history": dense(
        dtype=policy("QuantizedFloat8DTypePolicy", mode="float8", source_name="float32", amax_history_length=10**13)
    ),
    "text_rank": dense(lora_rank="many"),
    "text_history": dense(dtype=policy("QuantizedFloat8DTypePolicy", mode="float8", amax_history_length="many")),
    "no_blocks": dense(dtype=policy("Int4DTypePolicy", mode="int4/0", source_name="float32")),
    "unknown_mode": dense(dtype=policy("QuantizedDTypePolicy", mode="int1", source_name="float32")),
    "slow_pattern": dense(dtype=SLOW),
    "layer_as_quantization": dense(dtype=INT8, quantization_config=dense()),
    "layer_as_quantizer": dense(
        dtype=INT8,
        quantization_config={
            "module": "keras.quantizers",
            "class_name": "Int8QuantizationConfig",
            "config": {"weight_quantizer": None, "activation_quantizer": dense()},
            "registered_name": None,
        },
    ),
    "text_as_quantization": dense(dtype=INT8, quantization_config="int8"),
    "text_units": dense(units="many"),
    "negative_units": dense(units=-3),
    "negative_dropout": layer_data("Dropout", rate=-1),
    "wrong_config": {**dense(), "config": [1, 2]},
}


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("attack", LAYERS)
def test_a_layer_that_attacks_is_refused(attack, entry, tmp_path):
    if entry == "layer" and attack in ("huge_dense", "huge_embedding", "huge_adapters", "huge_history", "text_rank"):
        pytest.skip("a layer alone has no weights yet")
    ENTRIES["keras"](tmp_path, model_data(dense()))
    with refused(tmp_path):
        ENTRIES[entry](tmp_path, model_data(LAYERS[attack]))


COMPILE = {
    "loss": {"loss": LAMBDA},
    "metric": {"loss": "mse", "metrics": [LAMBDA]},
    "optimizer": {"optimizer": {"module": "os", "class_name": "system", "config": {}}, "loss": "mse"},
    "loss_utility": {"loss": function("get_file", "keras.utils")},
}


@pytest.mark.parametrize("attack", COMPILE)
def test_code_in_what_compile_was_told_is_refused(attack, tmp_path):
    config = model_data(dense(), compile_config={"optimizer": "sgd", **COMPILE[attack]})
    with refused(tmp_path):
        plait.load_model(write_keras(tmp_path, config))
    with watched(tmp_path):
        plait.load_model(write_keras(tmp_path, config), compile=False)


@pytest.mark.parametrize("attack", COMPILE)
@pytest.mark.parametrize("form", ["keras", "legacy"])
def test_code_in_what_an_old_compile_was_told_stays_unrun_and_the_model_opens(form, attack, tmp_path):
    told = {"optimizer": {"class_name": "SGD", "config": {}}, **COMPILE[attack]}
    config = model_data(dense())
    if form == "keras":
        path = write_keras(tmp_path, {**config, "compile_config": told}, version="2.13.1")
    else:
        path = write_legacy(tmp_path, config)
        with h5py.File(path, "a") as file:
            file.attrs["training_config"] = json.dumps({**told, "optimizer_config": told["optimizer"]})
    with watched(tmp_path), pytest.warns(UserWarning, match="is loaded, but not compiled"):
        assert not plait.load_model(path).compiled


@pytest.mark.parametrize("entry", ["keras", "legacy", "json", "from_config"])
def test_a_switch_in_a_first_node_does_not_help_a_second(entry, tmp_path):
    config = model_data(LAYERS["lambda"])
    config["config"]["layers"].insert(1, LAYERS["enable_unsafe"] | {"name": "switch"})
    with refused(tmp_path):
        ENTRIES[entry](tmp_path, config)


@pytest.mark.parametrize("entry", ["keras", "legacy", "json", "from_config", "layer"])
def test_a_vocabulary_that_lies_elsewhere_is_not_fetched(entry, tmp_path):
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        server.settimeout(0.01)
        url = f"http://127.0.0.1:{server.getsockname()[1]}/words.txt"
        for place in ("/etc/passwd", "../x", "file:///etc/passwd", url, "gs://bucket/words"):
            layer = layer_data("StringLookup", vocabulary=place)
            with refused(tmp_path):
                ENTRIES[entry](tmp_path, model_data(layer))
        with pytest.raises(TimeoutError):
            server.accept()


def _deep(count):
    return "[" * count + "]" * count


TEXTS = {
    "deep": '{"class_name": "Sequential", "config": ' + _deep(100_000) + "}",
    "twice": '{"class_name": "Sequential", "class_name": "Sequential", "config": {"layers": []}}',
    "million_digits": '{"class_name": "Sequential", "config": {"layers": [' + "9" * 1_000_000 + "]}}",
    "nan": '{"class_name": "Sequential", "config": {"layers": [NaN, Infinity]}}',
    "surrogate": '{"class_name": "Sequential", "config": {"layers": ["\\ud800"]}}',
    "list": "[]",
    "nothing": "",
    "byte_order_mark": "\ufeff{}",
    "no_class": '{"config": {}}',
}


@pytest.mark.parametrize("text", TEXTS)
def test_json_that_attacks_is_refused(text, tmp_path):
    with refused(tmp_path):
        plait.models.model_from_json(TEXTS[text])
    with refused(tmp_path):
        plait.load_model(write_keras(tmp_path, TEXTS[text]))
    with refused(tmp_path):
        plait.load_model(write_legacy(tmp_path, TEXTS[text]))


def test_json_that_is_no_utf_8_is_refused(tmp_path):
    with refused(tmp_path):
        plait.load_model(write_keras(tmp_path, b'{"class_name": "\xff\xfe"}'))


def _graph(change):
    config = model_data(dense())
    change(config["config"])
    return config


def _of_itself(config):
    config["layers"][1]["inbound_nodes"][0]["args"][0] = tensor("evil")


def _cycle(config):
    other = json.loads(json.dumps(config["layers"][1]))
    other["name"] = other["config"]["name"] = "other"
    config["layers"][1]["inbound_nodes"][0]["args"][0] = tensor("other")
    other["inbound_nodes"][0]["args"][0] = tensor("evil")
    config["layers"].append(other)


def tensor(name, call=0, index=0):
    """A tensor of the graph, in object form."""
    return {
        "class_name": "__keras_tensor__",
        "config": {"shape": [None, 2], "dtype": "float32", "keras_history": [name, call, index]},
    }


GRAPHS = {
    "of_itself": _of_itself,
    "cycle": _cycle,
    "unknown_output": lambda config: config.update(output_layers=[["nobody", 0, 0]]),
    "far_call": lambda config: config.update(output_layers=[["evil", 10**9, 0]]),
    "negative_call": lambda config: config.update(output_layers=[["evil", -1, 0]]),
    "far_output": lambda config: config.update(output_layers=[["evil", 0, 99]]),
    "twice": lambda config: config["layers"].append(config["layers"][1]),
    "shape_overflow": lambda config: config["layers"][0]["config"].update(batch_shape=[None, 2**62, 2**62]),
    "shape_text": lambda config: config["layers"][0]["config"].update(batch_shape=[None, "two"]),
    "shape_negative": lambda config: config["layers"][0]["config"].update(batch_shape=[None, -2]),
    "no_layers": lambda config: config.update(layers=None),
    "no_inputs": lambda config: config.update(input_layers=None),
}


@pytest.mark.parametrize("entry", ["keras", "legacy", "json", "from_config"])
@pytest.mark.parametrize("graph", GRAPHS)
def test_a_graph_that_attacks_is_refused(graph, entry, tmp_path):
    with refused(tmp_path):
        ENTRIES[entry](tmp_path, _graph(GRAPHS[graph]))


def test_a_model_that_would_be_far_larger_than_its_file_is_refused_before_it_is_made(tmp_path):
    path = write_keras(tmp_path, model_data(dense(units=50_000_000)))
    with refused(tmp_path, "50000000|50,000,000|400,000,000"):
        plait.load_model(path)


def test_a_clone_is_not_a_way_around(tmp_path):
    layer = plait.layers.Lambda(lambda x: x)
    x = plait.Input((2,))
    with pytest.raises(PlaitError):
        plait.Model(x, layer(x)).save(tmp_path / "m.keras")
    assert not list(tmp_path.iterdir())
    with refused(tmp_path):
        plait.layers.Lambda.from_config({"name": "evil", "function": LAMBDA})


def test_a_name_of_the_program_cannot_be_taken_by_a_file(tmp_path):
    with watched(tmp_path):
        model = plait.load_model(write_keras(tmp_path, model_data(dense())))
    assert type(model.layers[1]) is plait.layers.Dense
    assert input_data()["class_name"] == "InputLayer"
