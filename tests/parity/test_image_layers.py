"""Image layers against Keras: given transformations, labels, boxes and masks, arguments that are refused, and compiling.

That drawn numbers and changed images are Keras's, bit by bit, the table (`cases/image.py`) shows.
"""

import importlib
import types
import warnings

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import oracle
import plait
from plait.errors import PlaitError
from plait.layers.preprocessing import bounding_boxes as boxes_of_plait

FILES = "audio image_color image_distortion image_geometry image_histogram image_mixing image_policies image_size image_tone"
ours = types.SimpleNamespace()
for file in FILES.split():
    module = importlib.import_module(f"plait.layers.preprocessing.{file}")
    for name, value in list(vars(module).items()):
        if isinstance(value, type):
            setattr(ours, name, value)
theirs = keras.layers

B, H, W = 3, 6, 8
X = np.random.default_rng(0).uniform(0, 255, (B, H, W, 3)).astype("float32")
BOXES = np.array([[[1, 2, 5, 4], [0, 0, 8, 6], [6, 4, 7, 5]]] * B, "float32")
LABELS = np.array([[1, 2, 3]] * B)
MASKS = np.random.default_rng(1).integers(0, 3, (B, H, W, 1)).astype("float32")
ONE_HOT = np.eye(B, dtype="float32")

LAYERS = {
    "RandomFlip": lambda L: L.RandomFlip(seed=1, bounding_box_format="xyxy"),
    "RandomRotation": lambda L: L.RandomRotation(0.1, seed=1, bounding_box_format="xyxy"),
    "RandomTranslation": lambda L: L.RandomTranslation(0.2, 0.3, seed=1, bounding_box_format="xyxy"),
    "RandomZoom": lambda L: L.RandomZoom(0.3, seed=1, bounding_box_format="xyxy"),
    "RandomPerspective": lambda L: L.RandomPerspective((0.9, 1.0), 0.4, seed=1, bounding_box_format="xyxy"),
    "Resizing": lambda L: L.Resizing(3, 8, bounding_box_format="xyxy"),
    "Resizing cropped": lambda L: L.Resizing(3, 8, crop_to_aspect_ratio=True, bounding_box_format="rel_xywh"),
    "Resizing padded": lambda L: L.Resizing(3, 8, pad_to_aspect_ratio=True, bounding_box_format="center_xywh"),
    "CenterCrop": lambda L: L.CenterCrop(3, 5, bounding_box_format="rel_xyxy"),
    "RandomBrightness": lambda L: L.RandomBrightness(0.2, seed=1, bounding_box_format="xyxy"),
    "Solarization": lambda L: L.Solarization(0.2, seed=1, bounding_box_format="yxyx"),
    "RandomErasing": lambda L: L.RandomErasing(seed=1, bounding_box_format="xyxy"),
    "MaxNumBoundingBoxes": lambda L: L.MaxNumBoundingBoxes(2, bounding_box_format="xyxy"),
}


def data(layer):
    given = np.asarray(boxes_of_plait.convert_format(BOXES, "xyxy", layer.bounding_box_format, height=H, width=W))
    boxes = {"boxes": given, "labels": LABELS}
    return {"images": X, "bounding_boxes": boxes, "labels": ONE_HOT, "segmentation_masks": MASKS}


@pytest.mark.parametrize("name", LAYERS)
def test_all_parts_of_a_dict_are_changed_as_in_keras(name):
    mine = LAYERS[name](ours)
    expected = oracle.answer(
        lambda: LAYERS[name](theirs)(data(mine), training=True), oracle.recipe(LAYERS[name]), data(mine)
    )
    results = jax.tree.map(np.asarray, mine(data(mine), training=True)), expected
    for key in ("images", "labels", "segmentation_masks"):
        np.testing.assert_allclose(results[0][key], results[1][key], rtol=1e-5, atol=1e-3)
    for key in ("boxes", "labels"):
        pair = [result["bounding_boxes"][key] for result in results]
        np.testing.assert_allclose(pair[0], pair[1], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", LAYERS)
def test_a_single_sample_is_like_a_batch_of_one(name):
    layer, again = LAYERS[name](ours), LAYERS[name](ours)
    one = jax.tree.map(lambda leaf: leaf[0], data(layer))
    single = layer(one, training=True)
    batch = again(jax.tree.map(lambda leaf: leaf[None], one), training=True)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b[0], rtol=1e-5, atol=1e-4), single, batch)


GIVEN = {
    "RandomFlip": ((), {"flips": np.array([True, False, True]).reshape(B, 1, 1, 1), "input_shape": X.shape}),
    "RandomTranslation": (
        (0.1, 0.1),
        {"translations": np.float32([[1, 2], [-1, 0.5], [0, 0]]), "input_shape": X.shape},
    ),
    "RandomZoom": (
        (0.1,),
        {
            "height_zoom": np.float32([[0.5], [1.5], [1]]),
            "width_zoom": np.float32([[2], [1], [1]]),
            "input_shape": X.shape,
        },
    ),
    "RandomShear": ((0.1, 0.1), {"shear_factor": np.float32([[0.1, 0.2], [-0.5, 0], [0, 0]]), "input_shape": X.shape}),
    "RandomBrightness": ((0.1,), {"rgb_delta": np.float32([10, -300, 0]).reshape(B, 1, 1, 1)}),
    "RandomContrast": ((0.1,), {"contrast_factor": np.float32([0, 1, 3]).reshape(B, 1, 1, 1)}),
    "RandomHue": ((0.1,), {"factor": np.float32([0, 0.5, -0.2])}),
    "RandomSaturation": ((0.1,), {"factor": np.float32([-1, 0.5, 2])}),
    "RandomColorDegeneration": ((0.1,), {"factor": np.float32([-1, 0.5, 1]).reshape(B, 1, 1, 1)}),
    "RandomSharpness": ((0.1,), {"factor": np.float32([0, 0.5, 1])}),
    "RandomPosterization": ((3,), {"shift_factor": np.uint8([1, 4, 7])}),
    "RandomInvert": ((), {"apply_inversion": np.array([True, False, True])}),
    "RandomGaussianBlur": (
        (),
        {"should_apply_blur": np.array([True, False, True]), "blur_factor": np.float32([0.3, 0.9])},
    ),
    "MixUp": ((), {"mix_weight": np.float32([0.1, 0.5, 1]), "permutation_order": np.int32([2, 0, 1])}),
}


@pytest.mark.parametrize("name", GIVEN)
def test_a_given_transformation_does_what_it_does_in_keras(name):
    args, transformation = GIVEN[name]
    transformation = jax.tree.map(
        lambda leaf: jnp.asarray(leaf) if isinstance(leaf, np.ndarray) else leaf, transformation
    )

    def changed(library):
        return getattr(library, name)(*args).transform_images(jnp.asarray(X), transformation, training=True)

    expected = oracle.answer(lambda: changed(theirs), name, args, transformation, X)
    np.testing.assert_allclose(changed(ours), expected, rtol=1e-5, atol=1e-3)


def test_aug_mix_applies_the_chains_of_keras():
    def ask():
        other = theirs.AugMix(seed=1)
        transformation = other.get_random_transformation(jnp.asarray(X), training=True)
        return transformation, other.transform_images(jnp.asarray(X), transformation)

    transformation, expected = oracle.answer(ask, X)
    transformation = jax.tree.map(lambda v: jnp.asarray(v) if isinstance(v, np.ndarray) else v, transformation)
    mine = ours.AugMix(seed=1).transform_images(X, transformation)
    np.testing.assert_allclose(mine, expected, rtol=1e-5, atol=1e-3)
    one, two = (ours.AugMix(seed=1)(X, training=True) for _ in range(2))
    np.testing.assert_array_equal(one, two)


def test_mix_up_draws_as_in_keras():
    def ask():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Keras asks for int64
            return theirs.MixUp(0.7, seed=1)(X, training=True)

    expected = oracle.answer(ask, X)
    np.testing.assert_allclose(ours.MixUp(0.7, seed=1)(X, training=True), expected, rtol=1e-5, atol=1e-4)


def test_mix_up_mixes_labels_masks_and_boxes():
    layer = ours.MixUp(seed=1, bounding_box_format="xyxy")
    transformation = {"mix_weight": jnp.array([0.25, 0.5, 1.0]), "permutation_order": jnp.array([2, 0, 1])}
    labels = layer.transform_labels(ONE_HOT, transformation)
    np.testing.assert_allclose(labels, [[0.25, 0, 0.75], [0.5, 0.5, 0], [0, 0, 1]])
    masks = layer.transform_segmentation_masks(MASKS, transformation)
    np.testing.assert_allclose(masks[0], 0.25 * MASKS[0] + 0.75 * MASKS[2], rtol=1e-6)
    mixed = layer.transform_bounding_boxes({"boxes": BOXES, "labels": LABELS}, transformation)
    assert mixed["boxes"].shape == (B, 6, 4)
    assert mixed["labels"].shape == (B, 6)


def test_random_crop_cuts_what_keras_cuts_and_moves_boxes_along():
    mine, other = (library.RandomCrop(4, 5, seed=1, bounding_box_format="xyxy") for library in (ours, theirs))
    top, left = mine.get_random_transformation(X, training=True)
    assert [int(top), int(left)] == [int(v) for v in other.get_random_transformation(jnp.asarray(X), training=True)]
    result, expected = (layer(data(layer), training=True) for layer in (mine, other))
    np.testing.assert_array_equal(result["images"], expected["images"])
    np.testing.assert_array_equal(result["segmentation_masks"], expected["segmentation_masks"])
    clipped = np.clip(np.asarray(expected["bounding_boxes"]["boxes"]), 0, [5, 4, 5, 4])
    np.testing.assert_allclose(result["bounding_boxes"]["boxes"], clipped, atol=1e-5)
    assert mine(X, training=False).shape == (B, 4, 5, 3)
    assert ours.RandomCrop(9, 3, seed=1)(X, training=True).shape == (B, 9, 3, 3)


RANDOM = {
    "RandomCrop": lambda: ours.RandomCrop(4, 5, seed=1),
    "RandomRotation": lambda: ours.RandomRotation(0.2, seed=1),
    "RandomPerspective": lambda: ours.RandomPerspective(seed=1),
    "RandomElasticTransform": lambda: ours.RandomElasticTransform((0.9, 1.0), seed=1),
    "RandomGaussianBlur": lambda: ours.RandomGaussianBlur(seed=1),
    "RandAugment": lambda: ours.RandAugment(num_ops=1, seed=1),
    "AugMix": lambda: ours.AugMix(num_chains=1, chain_depth=1, seed=1),
    "CutMix": lambda: ours.CutMix(seed=1),
}


@pytest.mark.parametrize("name", RANDOM)
def test_a_compiled_program_draws_what_eager_draws(name):
    eager, layer = RANDOM[name](), RANDOM[name]()
    expected = [eager(X, training=True) for _ in range(2)]
    layer.build(X.shape)
    states = [variable.value for variable in layer.non_trainable_variables]

    @jax.jit
    def program(states, x):
        return layer.stateless_call([], states, x, training=True)

    for wanted in expected:
        result, states = program(states, X)
        np.testing.assert_allclose(result, wanted, rtol=1e-5, atol=1e-2)
    assert np.abs(np.asarray(expected[0]) - np.asarray(expected[1])).max() > 0


REFUSED = [
    ("RandomRotation", (2.0,), {}),
    ("RandomRotation", (0.1,), {"fill_mode": "foo"}),
    ("RandomRotation", (0.1,), {"interpolation": "foo"}),
    ("RandomTranslation", (2.0, 0.1), {}),
    ("RandomTranslation", ("a", 0.1), {}),
    ("RandomZoom", ((1, 2, 3),), {}),
    ("RandomShear", (-0.1,), {}),
    ("RandomPerspective", (), {"scale": 2.0}),
    ("RandomElasticTransform", (), {"fill_mode": "foo"}),
    ("RandomBrightness", (0.1,), {"value_range": (0, 1, 2)}),
    ("RandomContrast", (-0.1,), {}),
    ("RandomHue", (2.0,), {}),
    ("RandomSaturation", (2.0,), {}),
    ("RandomGrayscale", (2.0,), {}),
    ("RandomPosterization", (9,), {}),
    ("RandomInvert", (-0.1,), {}),
    ("Solarization", ("a",), {}),
    ("AutoContrast", (3,), {}),
    ("RandomGaussianBlur", (), {"kernel_size": 4}),
    ("RandomErasing", (), {"scale": 2}),
    ("CutMix", (2.0,), {}),
    ("RandomFlip", (), {"data_format": "foo"}),
    ("STFTSpectrogram", ("foo",), {}),
    ("STFTSpectrogram", (), {"frame_step": 300}),
    ("STFTSpectrogram", (), {"fft_length": 100}),
    ("STFTSpectrogram", (), {"window": "foo"}),
    ("MelSpectrogram", (), {"sequence_length": 4000}),
]


@pytest.mark.parametrize("name, args, kwargs", REFUSED)
def test_arguments_that_keras_refuses_are_refused(name, args, kwargs):
    with pytest.raises(Exception):  # noqa: B017
        getattr(theirs, name)(*args, **kwargs)
    with pytest.raises(PlaitError, match=name):
        getattr(ours, name)(*args, **kwargs)


def test_data_that_cannot_be_used_is_refused():
    boxes = {"images": X, "bounding_boxes": {"boxes": BOXES, "labels": LABELS}}
    with pytest.raises(PlaitError, match="bounding_box_format"):
        ours.RandomFlip()(boxes, training=True)
    with pytest.raises(PlaitError, match="rank 3"):
        ours.RandomFlip()(X[0, 0], training=True)
    with pytest.raises(PlaitError, match="cannot be cut"):
        ours.CutMix(bounding_box_format="xyxy")(boxes, training=True)


def test_a_subclass_may_replace_a_step():
    class Shifted(ours.RandomBrightness):
        def get_random_transformation(self, data, training=True, seed=None):
            return {"rgb_delta": jnp.full((data.shape[0], 1, 1, 1), 5.0)}

        def transform_images(self, images, transformation, training=True):
            return images + transformation["rgb_delta"]

    np.testing.assert_allclose(Shifted(0.1)(X, training=True), X + 5)


def test_a_model_with_random_image_layers_trains():
    inputs = plait.Input((H, W, 3))
    x = ours.RandomRotation(0.1, seed=1)(ours.RandomCrop(4, 4, seed=1)(inputs))
    model = plait.Model(inputs, plait.layers.Dense(1)(plait.layers.Flatten()(x)))
    model.compile(loss="mse", optimizer="sgd")
    model.fit(X / 255, np.zeros((B, 1)), epochs=2, verbose=0)
    assert model.predict(X / 255, verbose=0).shape == (B, 1)


UTILITIES = [
    lambda M: M.clip_to_image_size({"boxes": BOXES - 1, "labels": LABELS}, height=3, width=4)["boxes"],
    lambda M: M.clip_to_image_size({"boxes": BOXES - 1, "labels": LABELS}, height=3, width=4)["labels"],
    lambda M: M.affine_transform(
        jnp.asarray(BOXES), *(jnp.full((B,), v) for v in (30.0, 0.1, 0.2, 1.5, 10.0, 5.0)), height=H, width=W
    ),
    lambda M: M.crop(jnp.asarray(BOXES), 1, 2, 4, 5),
    lambda M: M.pad(jnp.asarray(BOXES), 1, 2),
    lambda M: M.compute_iou(BOXES[0], BOXES[0] + 1, "xyxy"),
    lambda M: M.compute_iou(BOXES, BOXES[:, :2] + 1, "center_xywh"),
    lambda M: M.compute_ciou(BOXES[0], BOXES[0][::-1] + 1, "xyxy"),
    lambda M: M.encode_box_to_deltas(BOXES[0], BOXES[0] + 1, "xyxy", "xywh", variance=[0.1, 0.1, 0.2, 0.2]),
    lambda M: M.encode_box_to_deltas(BOXES[0], BOXES[0] + 1, "xyxy", "xyxy", encoding_format="center_xywh"),
    lambda M: M.decode_deltas_to_boxes(BOXES[0], BOXES[0] * 0.1, "xyxy", "xyxy"),
    lambda M: M.decode_deltas_to_boxes(BOXES[0], BOXES[0] * 0.1, "xywh", "rel_xyxy", image_shape=(H, W, 3)),
    *(
        lambda M, source=source, target=target: M.convert_format(BOXES / 10, source, target, height=H, width=W)
        for source in boxes_of_plait.FORMATS
        for target in ("xyxy", "center_yxhw", "rel_xywh")
    ),
]


@pytest.mark.parametrize("index", range(len(UTILITIES)))
def test_bounding_box_functions_give_what_keras_gives(index):
    call = UTILITIES[index]
    expected = oracle.answer(lambda: call(keras.utils.bounding_boxes), oracle.recipe(call))
    np.testing.assert_allclose(np.asarray(call(boxes_of_plait)), expected, rtol=1e-4, atol=1e-4)
