"""The architectures against Keras's: names and order of layers, weights by path and shape, and outputs of equal weights."""

import inspect

import h5py
import keras
import numpy as np
import pytest
from keras.src.applications import convnext as keras_convnext
from keras.src.legacy.saving import legacy_h5_format
from keras.src.utils import file_utils

import oracle
import plait
from plait.common.scope import scope
from plait.errors import ArgumentError, FileError, NameUnknownError, ShapeError

SMALL = (64, 64, 3)
# One member a family, as small as its arguments allow; the table's other members only where they are dear.
QUICK = [("MobileNet", {"alpha": 0.25, "input_shape": SMALL}), ("VGG16", {"include_top": False, "input_shape": SMALL})]
SLOW = [
    ("ResNet50", {"input_shape": SMALL}),
    ("ResNet50V2", {"input_shape": SMALL}),
    ("MobileNetV2", {"alpha": 0.35, "input_shape": SMALL}),
    ("DenseNet121", {"input_shape": SMALL}),
    ("ConvNeXtTiny", {"input_shape": SMALL}),
    ("NASNetMobile", {"input_shape": SMALL}),
]
# Their blocks are in the rows above, or in other tables, but for how they are put together.
LONG = [("EfficientNetB0", {"input_shape": SMALL}), ("Xception", {"input_shape": (71, 71, 3)})]
NAMES = [name for name in plait.applications.__all__ if name[0].isupper()]


@pytest.fixture
def cheap(monkeypatch):
    """Kernels begin as zeros: a program for each new shape takes half a minute, and other values come at once."""
    for library in (keras, plait):
        monkeypatch.setattr(
            library.initializers.VarianceScaling, "__call__", lambda self, shape, dtype=None: np.zeros(shape, dtype)
        )


@pytest.mark.parametrize(
    "name, arguments",
    [
        *QUICK,
        *(pytest.param(*row, marks=pytest.mark.slow) for row in SLOW),
        *(pytest.param(*row, marks=pytest.mark.long) for row in LONG),
    ],
    ids=lambda part: str(part),
)
def test_layers_weights_and_outputs_are_those_of_keras(name, arguments, cheap):
    expected, *theirs = oracle.answer(lambda: outputs_and_parts(keras, name, arguments), name, arguments)
    outputs, *ours = outputs_and_parts(plait, name, arguments)
    assert ours == theirs
    scale = np.abs(expected).max()
    assert scale > 0
    np.testing.assert_allclose(np.asarray(outputs) / scale, expected / scale, atol=2e-5)


def outputs_and_parts(library, name, arguments):
    """What an architecture makes of a picture; its name, those of its layers, its weights' paths and shapes, their number."""
    library.utils.clear_session()
    with scope(allowance=[1 << 60]):
        model = getattr(library.applications, name)(weights=None, classifier_activation=None, **arguments)
    model.set_weights(random_weights(model))
    pictures = np.random.default_rng(1).uniform(0, 255, (1, *arguments["input_shape"])).astype("float32")
    weights = [(weight.path, tuple(weight.shape)) for weight in model.weights]
    return model(pictures), model.name, [layer.name for layer in model.layers], weights, model.count_params()


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
def test_published_weights_are_asked_for_as_keras_does(name, include_top, cheap, monkeypatch):
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
def test_arguments_that_do_not_go_together_are_refused(arguments, error, message, cheap):
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


def test_weights_of_keras_are_loaded_from_a_path(cheap, tmp_path):
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


def legacy_weights(model, path):
    """Writes weights in the form of Keras 2, which the published files have."""
    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, model)


@pytest.mark.parametrize(
    "name, arguments",
    [
        ("MobileNet", {"alpha": 0.25, "input_shape": (32, 32, 3)}),
        *(
            pytest.param(name, {"input_shape": (64, 64, 3), **more}, marks=pytest.mark.slow)
            for name, more in (("EfficientNetB0", {}), ("ConvNeXtTiny", {"include_top": False}), ("NASNetMobile", {}))
        ),
    ],
    ids=lambda part: str(part),
)
def test_weights_in_the_form_of_the_published_files_are_loaded(name, arguments, cheap, tmp_path):
    theirs = getattr(keras.applications, name)(weights=None, **arguments)
    theirs.set_weights(random_weights(theirs))
    path = str(tmp_path / "published.h5")
    legacy_weights(theirs, path)
    with scope(allowance=[1 << 60]):
        ours = getattr(plait.applications, name)(weights=path, **arguments)
    for mine, their in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, their)


@pytest.mark.parametrize(
    "include_top, file", [(True, "mobilenet_2_5_128_tf.h5"), (False, "mobilenet_2_5_128_tf_no_top.h5")]
)
def test_what_keras_has_fetched_is_found_in_its_folder(include_top, file, cheap, monkeypatch, tmp_path):
    monkeypatch.delenv("PLAIT_HOME", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    (tmp_path / "models").mkdir()
    arguments = {"alpha": 0.25, "include_top": include_top, "input_shape": (128, 128, 3)}
    build = getattr(keras.applications, "MobileNet")  # noqa: B009  (its annotations know no weights=None)
    theirs = build(weights=None, **arguments)
    theirs.set_weights(random_weights(theirs))
    legacy_weights(theirs, tmp_path / "models" / file)
    ours = plait.applications.MobileNet(**arguments)
    for mine, their in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, their)


def test_a_published_file_that_is_damaged_is_not_loaded(monkeypatch, tmp_path):
    monkeypatch.setenv("PLAIT_HOME", str(tmp_path))
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "nasnet_mobile_no_top.h5").write_bytes(b"half of it")

    def unreachable(*arguments, **more):
        raise OSError("no network")

    monkeypatch.setattr("urllib.request.urlopen", unreachable)
    with pytest.raises(FileError, match=r"nasnet_mobile_no_top\.h5"):
        plait.applications.NASNetMobile(include_top=False)


def test_keras_files_of_convnext_open_and_train(cheap, tmp_path):
    depths, widths = [1, 1, 2, 1], [8, 16, 24, 32]
    theirs = keras_convnext.ConvNeXt(
        depths, widths, drop_path_rate=0.5, weights=None, input_shape=(32, 32, 3), classes=5
    )
    theirs.set_weights(random_weights(theirs))
    path = str(tmp_path / "convnext.keras")
    theirs.save(path)
    ours = plait.saving.load_model(path)
    assert {type(layer).__name__ for layer in ours.layers} >= {"LayerScale", "StochasticDepth"}
    pictures = np.random.default_rng(1).uniform(0, 255, (4, 32, 32, 3)).astype("float32")
    expected = theirs.predict(pictures, verbose=0)
    np.testing.assert_allclose(np.asarray(ours(pictures)), expected, rtol=1e-4, atol=1e-5)
    again = str(tmp_path / "again.keras")
    ours.save(again)
    theirs_again = keras.saving.load_model(again)
    np.testing.assert_allclose(theirs_again.predict(pictures, verbose=0), expected, rtol=1e-4, atol=1e-5)
    assert [weight.shape for weight in ours.weights] == [tuple(weight.shape) for weight in theirs.weights]


def test_stochastic_depth_drops_the_samples_that_keras_drops():
    pictures = np.random.default_rng(0).normal(size=(16, 3, 3, 2)).astype("float32")
    found = []
    for library, layer in (
        (keras, keras_convnext.StochasticDepth),
        (plait, plait.applications.convnext.StochasticDepth),
    ):
        library.utils.set_random_seed(3)
        found.append(np.asarray(layer(0.5)(pictures, training=True)))
    np.testing.assert_allclose(*found, rtol=1e-6)
    kept = found[0].any(axis=(1, 2, 3))
    assert 0 < kept.sum() < 16
    np.testing.assert_allclose(found[1][kept], 2 * pictures[kept], rtol=1e-6)


def test_layers_with_a_group_a_channel_are_those_of_keras():
    pictures = np.random.default_rng(0).normal(size=(2, 9, 8, 6)).astype("float32")
    theirs = keras.layers.Conv2D(12, 3, groups=6, strides=2, padding="same")
    theirs.build(pictures.shape)
    ours = plait.layers.Conv2D(12, 3, groups=6, strides=2, padding="same")
    ours.build(pictures.shape)
    ours.set_weights(theirs.get_weights())
    np.testing.assert_allclose(np.asarray(ours(pictures)), np.asarray(theirs(pictures)), rtol=1e-4, atol=1e-5)
