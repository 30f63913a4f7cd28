"""The architectures against Keras's: names and order of layers, weights by path and shape, and outputs of equal weights."""

import inspect

import keras
import numpy as np
import pytest
from keras.src.utils import file_utils

import plait
from plait.errors import ArgumentError, FileError, NameUnknownError, ShapeError

SMALL = (64, 64, 3)
# One member a family, as small as its arguments allow; the table's other members only where they are dear.
QUICK = [("MobileNet", {"alpha": 0.25, "input_shape": SMALL}), ("VGG16", {"include_top": False, "input_shape": SMALL})]
SLOW = [
    ("ResNet50", {"input_shape": SMALL}),
    ("ResNet50V2", {"input_shape": SMALL}),
    ("MobileNetV2", {"alpha": 0.35, "input_shape": SMALL}),
    ("DenseNet121", {"input_shape": SMALL}),
]
NAMES = [name for name in plait.applications.__all__ if name[0].isupper()]


@pytest.mark.parametrize(
    "name, arguments",
    [*QUICK, *(pytest.param(*row, marks=pytest.mark.slow) for row in SLOW)],
    ids=lambda part: str(part),
)
def test_layers_weights_and_outputs_are_those_of_keras(name, arguments):
    keras.backend.clear_session()
    plait.clear_session()
    theirs = getattr(keras.applications, name)(weights=None, classifier_activation=None, **arguments)
    ours = getattr(plait.applications, name)(weights=None, classifier_activation=None, **arguments)
    assert ours.name == theirs.name
    assert [layer.name for layer in ours.layers] == [layer.name for layer in theirs.layers]
    assert shapes(ours) == shapes(theirs)
    assert ours.count_params() == theirs.count_params()
    values = random_weights(theirs)
    theirs.set_weights(values)
    ours.set_weights(values)
    pictures = np.random.default_rng(1).uniform(0, 255, (1, *arguments["input_shape"])).astype("float32")
    expected = np.asarray(theirs(pictures))
    scale = np.abs(expected).max()
    assert scale > 0
    np.testing.assert_allclose(np.asarray(ours(pictures)) / scale, expected / scale, atol=2e-5)


def shapes(model):
    return [(weight.path, tuple(weight.shape)) for weight in model.weights]


def random_weights(model):
    rng = np.random.default_rng(0)
    spread = {"gamma": (0.5, 1.5), "moving_variance": (0.5, 1.5), "variance": (0.5, 1.5)}
    values = []
    for weight in model.weights:
        value = np.asarray(weight.numpy())
        if value.dtype == np.float32:
            low, high = spread.get(weight.name, (-0.08, 0.08))
            value = rng.uniform(low, high, value.shape).astype("float32")
        values.append(value)
    return values


@pytest.mark.parametrize("name", NAMES)
def test_arguments_are_those_of_keras(name):
    ours, theirs = (inspect.signature(getattr(module, name)) for module in (plait.applications, keras.applications))
    assert [(part.name, part.default) for part in ours.parameters.values()] == [
        (part.name, part.default) for part in theirs.parameters.values()
    ]


@pytest.mark.parametrize("name", ["MobileNet"])
@pytest.mark.parametrize("include_top", [True, False])
def test_published_weights_are_asked_for_as_keras_does(name, include_top, monkeypatch):
    asked = {}
    for library in ("plait", "keras"):

        def fetch(file, origin, cache_subdir="models", file_hash=None, library=library, **more):
            asked[library] = (file, origin, cache_subdir, file_hash)
            raise FileError("stop")

        monkeypatch.setattr(file_utils, "get_file", fetch)
        monkeypatch.setattr("plait.applications.files.get_file", fetch)
        with pytest.raises(FileError):
            getattr({"plait": plait, "keras": keras}[library].applications, name)(
                include_top=include_top, input_shape=(224, 224, 3)
            )
    assert asked["plait"] == asked["keras"]


@pytest.mark.parametrize("mode", ["caffe", "tf", "torch"])
@pytest.mark.parametrize("shape", [(2, 4, 5, 3), (4, 5, 3), (2, 3, 4, 5), (3, 4, 5)])
@pytest.mark.parametrize("dtype", ["float32", "int32"])
def test_pixels_are_preprocessed_as_in_keras(mode, shape, dtype):
    pixels = np.random.default_rng(0).uniform(0, 255, shape).astype(dtype)
    data_format = "channels_last" if shape[-1] == 3 else "channels_first"
    ours = plait.applications.imagenet_utils.preprocess_input(pixels.copy(), data_format, mode)
    theirs = keras.applications.imagenet_utils.preprocess_input(pixels.copy(), data_format, mode)
    assert ours.dtype == theirs.dtype
    np.testing.assert_allclose(ours, np.asarray(theirs), rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("mode", ["caffe", "tf", "torch"])
def test_symbolic_pixels_are_preprocessed_too(mode):
    inputs = plait.Input((4, 5, 3))
    model = plait.Model(inputs, plait.applications.imagenet_utils.preprocess_input(inputs, mode=mode))
    pixels = np.random.default_rng(0).uniform(0, 255, (2, 4, 5, 3)).astype("float32")
    expected = keras.applications.imagenet_utils.preprocess_input(pixels.copy(), mode=mode)
    np.testing.assert_allclose(np.asarray(model(pixels)), np.asarray(expected), rtol=1e-5, atol=1e-4)


def test_predictions_are_decoded_by_the_published_names(monkeypatch, tmp_path):
    names = tmp_path / "names.json"
    names.write_text("{" + ", ".join(f'"{index}": ["n{index}", "class {index}"]' for index in range(1000)) + "}")
    monkeypatch.setattr("plait.applications.imagenet_utils.fetched", lambda *address: names)
    scores = np.zeros((1, 1000), "float32")
    scores[0, 7], scores[0, 9] = 0.75, 0.25
    decoded = plait.applications.vgg16.decode_predictions(scores, top=2)
    assert decoded == [[("n7", "class 7", 0.75), ("n9", "class 9", 0.25)]]
    with pytest.raises(ShapeError, match="2D array"):
        plait.applications.vgg16.decode_predictions(np.zeros((1, 10)))


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ({"weights": "nowhere.h5"}, FileError, "no such file"),
        ({"classes": 10}, ArgumentError, "`classes` should be 1000"),
        ({"classifier_activation": "relu"}, ArgumentError, "Only `None` and `softmax`"),
        ({"input_shape": (100, 100, 3)}, ShapeError, "should be"),
        ({"include_top": False, "input_shape": (31, 64, 3)}, ShapeError, "at least 32x32"),
        ({"include_top": False, "input_shape": (64, 64, 1)}, ShapeError, "3 channels"),
        ({"weights": None, "input_shape": (None, None, 3)}, ShapeError, "static"),
        ({"weights": None, "input_shape": (64, 64)}, ShapeError, "three integers"),
    ],
)
def test_arguments_that_do_not_go_together_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        plait.applications.ResNet50(**arguments)
    with pytest.raises(ValueError):
        keras.applications.ResNet50(**arguments)


def test_unknown_modes_are_refused():
    with pytest.raises(NameUnknownError, match="mode"):
        plait.applications.imagenet_utils.preprocess_input(np.zeros((1, 2, 2, 3)), mode="cafe")


def test_without_a_network_the_address_and_the_folder_are_said(monkeypatch, tmp_path):
    def unreachable(*arguments, **more):
        raise FileError("no network.")

    monkeypatch.setenv("PLAIT_HOME", str(tmp_path))
    monkeypatch.setattr("plait.applications.files.get_file", unreachable)
    with pytest.raises(FileError, match=r"https://storage.*mobilenet_2_5_128_tf_no_top.h5.*models"):
        plait.applications.MobileNet(alpha=0.25, include_top=False, input_shape=(128, 128, 3))


def test_weights_of_keras_are_loaded_from_a_path(tmp_path):
    path = str(tmp_path / "weights.weights.h5")
    build = getattr(keras.applications, "MobileNet")  # noqa: B009  (its annotations know no weights=None)
    theirs = build(alpha=0.25, input_shape=(32, 32, 3), weights=None, classes=7)
    theirs.set_weights(random_weights(theirs))
    theirs.save_weights(path)
    ours = plait.applications.MobileNet(alpha=0.25, input_shape=(32, 32, 3), weights=path, classes=7)
    for mine, their in zip(ours.get_weights(), theirs.get_weights()):
        np.testing.assert_array_equal(mine, their)


def test_a_tensor_may_be_the_picture():
    inputs = plait.Input((64, 64, 4))
    picture = plait.layers.Conv2D(3, 2, strides=2)(inputs)
    model = plait.applications.MobileNet(
        alpha=0.25, weights=None, include_top=False, input_tensor=picture, pooling="max"
    )
    assert model.inputs[0] is inputs
    assert model.output_shape == (None, 256)
