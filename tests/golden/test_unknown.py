"""Files with unknown names: code in Lambdas, the program's own classes and functions, layers that are no more."""

import sys
from pathlib import Path

import numpy as np
import pytest

import plait

sys.path.insert(0, str(Path(__file__).parent))
from make import array, chain, layer, write

CODE = ["4wEAAAAAAAAA\n", None, None]  # the form of Keras 1 and 2: bytecode, defaults, closure
NEW_CODE = {"class_name": "__lambda__", "config": {"code": "4wEAAAAAAAAA\n", "defaults": None, "closure": None}}


def siamese(folder, function, kind="lambda", version="2.4.0"):
    """Two inputs through one layer, and a Lambda of the difference, as siamese nets have it."""
    start = [layer("InputLayer", name, batch_input_shape=[None, 3], dtype="float32") for name in ("left", "right")]
    options = {"function": function, "function_type": kind, "module": "__main__", "output_shape": None, "output_shape_type": "raw"}
    items = [
        *start,
        layer("Dense", "shared", units=2, activation="tanh"),
        layer("Lambda", "distance", arguments={"scale": {"type": "ndarray", "value": [2.0]}}, output_shape_module=None, **options),
        layer("Dense", "out", units=1, activation="sigmoid"),
    ]
    nodes = [[], [], [[["left", 0, 0, {}]], [["right", 0, 0, {}]]], [[["shared", 0, 0, {}], ["shared", 1, 0, {}]]], [[["distance", 0, 0, {}]]]]
    for item, inbound in zip(items, nodes, strict=True):
        item.update(name=item["config"]["name"], inbound_nodes=inbound)
    ends = {"input_layers": [["left", 0, 0], ["right", 0, 0]], "output_layers": [["out", 0, 0]]}
    weights = {"shared": [array(3, 2), array(2)], "distance": [], "out": [array(2, 1), array(1)]}
    path = write(folder / "m.h5", {"class_name": "Model", "config": {"name": "m", "layers": items, **ends}}, version, weights)
    x = [array(5, 3), array(5, 3)]
    (k, b), (out, c) = weights["shared"], weights["out"]
    apart = 2 * np.abs(np.tanh(x[0] @ k + b) - np.tanh(x[1] @ k + b))
    return path, x, 1 / (1 + np.exp(-(apart @ out + c)))


def distance(pair, scale):
    """What the Lambda did."""
    return scale * plait.ops.abs(pair[0] - pair[1])


class OwnLambda(plait.layers.Layer):
    """A layer of the program's own in the Lambda's place."""

    def call(self, pair):
        return distance(pair, 2.0)


WAYS = {
    "by the layer's name": (CODE, "lambda", {"distance": distance}),
    "new code, by the layer's name": (NEW_CODE, "lambda", {"distance": distance}),
    "by a class of its own": (CODE, "lambda", {"Lambda": OwnLambda}),
    "by the function's name": ("far", "function", {"far": distance}),
    "by a layer's name for a function's": ("far", "function", {"distance": distance}),
}


@pytest.mark.parametrize("version", ["1.2.2", "2.4.0", "2.13.1"])
@pytest.mark.parametrize("way", WAYS)
def test_a_lambda_gets_its_function_from_the_program(way, version, tmp_path):
    function, kind, objects = WAYS[way]
    path, x, expected = siamese(tmp_path, function, kind, version)
    model = plait.load_model(path, custom_objects=objects)
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("code", [CODE, NEW_CODE])
def test_code_is_refused_with_the_layers_name_and_the_ways_to_replace_it(code, tmp_path):
    path, _, _ = siamese(tmp_path, code)
    with pytest.raises(plait.errors.UnsafeFileError) as told:
        plait.load_model(path)
    for words in ("layer 'distance'", "custom_objects={'distance': function}", "custom_objects={'Lambda': ...}"):
        assert words in str(told.value)


def test_a_lambda_in_a_wrapper_gets_its_function_too(tmp_path):
    inner = layer("Lambda", "twice", function=CODE, function_type="lambda")
    outer = layer("TimeDistributed", "t", layer=inner, batch_input_shape=[None, 2, 3])
    path, x = chain(tmp_path, "2.4.0", [outer], {"t": []}), array(4, 2, 3)
    model = plait.load_model(path, custom_objects={"twice": lambda x: 2 * x})
    np.testing.assert_allclose(model.predict(x, verbose=0), 2 * x)
    with pytest.raises(plait.errors.UnsafeFileError, match="layer 'twice'"):
        plait.load_model(path)


@pytest.mark.parametrize("way", ["by the layer's name", "by the function's name"])
def test_a_merge_of_keras_1_by_a_function_gets_it_from_the_program(way, tmp_path):
    mode = CODE if way == "by the layer's name" else "far"
    start = [layer("InputLayer", name, batch_input_shape=[None, 3], input_dtype="float32") for name in "ab"]
    options = {"mode_type": "lambda", "concat_axis": -1, "dot_axes": -1, "output_shape": None, "node_indices": [0, 0]}
    items = [*start, layer("Merge", "apart", mode=mode, arguments={"scale": 3.0}, **options)]
    for item, inbound in zip(items, ([], [], [[["a", 0, 0], ["b", 0, 0]]]), strict=True):
        item.update(name=item["config"]["name"], inbound_nodes=inbound)
    ends = {"input_layers": [["a", 0, 0], ["b", 0, 0]], "output_layers": [["apart", 0, 0]]}
    config = {"class_name": "Model", "config": {"name": "m", "layers": items, **ends}}
    path, x = write(tmp_path / "m.h5", config, "1.2.2", {"apart": []}), [array(4, 3), array(4, 3)]
    name = "apart" if way == "by the layer's name" else "far"
    model = plait.load_model(path, custom_objects={name: distance})
    np.testing.assert_allclose(model.predict(x, verbose=0), 3 * np.abs(x[0] - x[1]), rtol=1e-6)
    with pytest.raises(plait.errors.FileError, match="layer 'apart'"):
        plait.load_model(path)


# ---------------------------------------------------------------------------- all that isn't known, in one error


def test_all_that_is_not_known_is_one_error_with_places_and_remedies(tmp_path):
    layers = [
        layer("Mine", "first", batch_input_shape=[None, 3]),
        layer("Dense", "second", units=2, activation="swirl", kernel_initializer="spread"),
        layer("TimeDistributed", "wrap", layer=layer("Deep", "third")),
        layer("Lambda", "fourth", function="gone", function_type="function"),
    ]
    with pytest.raises(plait.errors.FileError) as told:
        plait.load_model(chain(tmp_path, "2.4.0", layers, {}))
    for words in (
        "Could not locate 5 classes and functions",
        "class 'Mine' (layer 'first')",
        "function 'swirl' (layer 'second')",
        "function 'spread' (layer 'second')",
        "class 'Deep' (layer 'third')",
        "function 'gone' (layer 'fourth')",
        "custom_objects={'Mine': ..., 'swirl': ...",
    ):
        assert words in str(told.value)
    assert "compile=False" not in str(told.value)


def own_loss(y_true, y_pred):
    """A loss that no file can bring."""
    return plait.ops.mean((y_true - y_pred) ** 2)


def own_metric(y_true, y_pred):
    """A metric that no file can bring."""
    return plait.ops.mean(y_true - y_pred)


def test_losses_and_metrics_that_are_not_known_are_told_with_compile(tmp_path):
    x = plait.Input((3,))
    model = plait.Model(x, plait.layers.Dense(1)(x))
    model.compile("adam", own_loss, metrics=[own_metric, "accuracy"])
    model.save(tmp_path / "m.keras")
    with pytest.raises(plait.errors.FileError) as told:
        plait.load_model(tmp_path / "m.keras")
    for words in ("function 'own_loss' (loss)", "function 'own_metric' (metrics)", "compile=False opens the model"):
        assert words in str(told.value)
    assert plait.load_model(tmp_path / "m.keras", compile=False).count_params() == 4
    known = {"own_loss": own_loss, "own_metric": own_metric}
    assert plait.load_model(tmp_path / "m.keras", custom_objects=known).loss is own_loss


def test_a_layer_of_tf_keras_is_told_as_what_it_was(tmp_path):
    layers = [layer("Dense", "d", units=2, batch_input_shape=[None, 3]), layer("TFOpLambda", "tf.math.multiply", function="math.multiply")]
    with pytest.raises(plait.errors.FileError, match="'TFOpLambda' was a function of TensorFlow that tf.keras recorded as a layer"):
        plait.load_model(chain(tmp_path, "2.9.0", layers, {}))
