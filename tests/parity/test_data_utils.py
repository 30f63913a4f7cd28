"""Utilities for data against Keras: the same arrays, the same split of files. Images and windows where the packages are."""

import keras
import numpy as np
import pytest

from plait.utils.dataset_from_directory import image_dataset_from_directory, text_dataset_from_directory
from plait.utils.image import array_to_img, img_to_array, load_img, save_img, smart_resize
from plait.utils.sequence import pad_sequences
from plait.utils.timeseries import timeseries_dataset_from_array

SEQUENCES = {
    "numbers": [[1, 2, 3], [4], [], [5, 6, 7, 8]],
    "rows": [[[1, 2]], [[3, 4], [5, 6]]],
    "strings": [["a"], ["b", "c"]],
    "arrays": [np.arange(3.0), np.arange(5.0)],
}


@pytest.mark.parametrize("padding", ["pre", "post"])
@pytest.mark.parametrize("truncating", ["pre", "post"])
@pytest.mark.parametrize("maxlen", [None, 2, 7])
@pytest.mark.parametrize("kind", SEQUENCES)
def test_pad_sequences(kind, maxlen, truncating, padding):
    options = {"maxlen": maxlen, "truncating": truncating, "padding": padding}
    options |= {"dtype": object, "value": "none"} if kind == "strings" else {"dtype": "float32", "value": -1}
    found, expected = (pad(SEQUENCES[kind], **options) for pad in (pad_sequences, keras.utils.pad_sequences))
    assert found.dtype == expected.dtype
    assert found.tolist() == expected.tolist()


@pytest.mark.parametrize("interpolation", ["bilinear", "nearest", "bicubic", "lanczos3", "lanczos5"])
@pytest.mark.parametrize("shape", [(9, 14, 3), (2, 20, 7, 1)])
def test_smart_resize(shape, interpolation):
    image = np.random.default_rng(0).normal(size=shape).astype("float32")
    expected = keras.preprocessing.image.smart_resize(image, (8, 10), interpolation)
    np.testing.assert_allclose(smart_resize(image, (8, 10), interpolation), expected, atol=2e-5)
    first = np.moveaxis(image, -1, -3)
    np.testing.assert_allclose(
        smart_resize(first, (8, 10), interpolation, "channels_first").sum(), expected.sum(), rtol=1e-3
    )


@pytest.fixture
def images(tmp_path):
    image = pytest.importorskip("PIL.Image")
    rng = np.random.default_rng(0)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for number in range(6):
            pixels = rng.integers(0, 256, (10 + number, 14, 3), "uint8")
            image.fromarray(pixels).save(tmp_path / name / f"{number}.png")
    return tmp_path


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("scale", [True, False])
def test_arrays_are_images_and_back(channels, scale, tmp_path):
    pytest.importorskip("PIL.Image")
    x = np.random.default_rng(0).uniform(0, 255, (5, 6, channels)).astype("float32")
    found, expected = array_to_img(x, scale=scale), keras.utils.array_to_img(x, scale=scale)
    assert found.mode == expected.mode
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(img_to_array(found), keras.utils.img_to_array(expected))
    first = img_to_array(found, data_format="channels_first", dtype="uint8")
    np.testing.assert_array_equal(first, keras.utils.img_to_array(found, data_format="channels_first", dtype="uint8"))
    save_img(tmp_path / "ours.png", x, scale=scale)
    np.testing.assert_array_equal(load_img(tmp_path / "ours.png", "rgba"), found.convert("RGBA"))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"color_mode": "grayscale"},
        {"color_mode": "rgba"},
        {"target_size": (4, 5)},
        {"target_size": (4, 8), "keep_aspect_ratio": True, "interpolation": "bilinear"},
        {"target_size": (20, 8), "keep_aspect_ratio": True, "interpolation": "lanczos"},
    ],
    ids=str,
)
def test_load_img(images, options):
    path = images / "a" / "3.png"
    np.testing.assert_array_equal(load_img(path, **options), keras.utils.load_img(path, **options))


def theirs(function, *args, **options):
    pytest.importorskip("grain")
    return function(*args, format="grain", **options)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"label_mode": "categorical"},
        {"label_mode": "binary"},
        {"class_names": ["b", "a"]},
        {"crop_to_aspect_ratio": True},
        {"pad_to_aspect_ratio": True},
        {"color_mode": "grayscale"},
        {"color_mode": "rgba"},
        {"interpolation": "bicubic"},
        {"interpolation": "nearest"},
        {"data_format": "channels_first"},
        {"validation_split": 0.3, "subset": "training"},
        {"validation_split": 0.3, "subset": "validation"},
    ],
    ids=str,
)
def test_image_dataset_from_directory(images, options, capsys):
    options = {"image_size": (8, 10), "batch_size": 20, "shuffle": False, **options}
    expected = theirs(keras.utils.image_dataset_from_directory, images, **options)
    said = capsys.readouterr().out
    found = image_dataset_from_directory(images, **options)
    assert capsys.readouterr().out == said
    assert found.file_paths == expected.file_paths
    assert found.class_names == expected.class_names
    (x, y), (their_x, their_y) = next(iter(found)), next(iter(expected))
    assert (x.dtype, y.dtype) == (their_x.dtype, their_y.dtype)
    np.testing.assert_allclose(x, their_x, atol=1e-3)
    np.testing.assert_array_equal(y, their_y)


@pytest.mark.parametrize("subset", ["training", "validation"])
def test_a_seed_splits_files_as_in_keras(tmp_path, subset):
    for number in range(20):
        path = tmp_path / "ab"[number % 2] / f"{number}.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"text {number}")
    options = {"validation_split": 0.3, "subset": subset, "seed": 7, "verbose": False}
    expected = theirs(keras.utils.text_dataset_from_directory, tmp_path, **options)
    found = text_dataset_from_directory(tmp_path, **options)
    assert found.class_names == expected.class_names
    given, others = (
        {str(text): int(label) for batch in data for text, label in zip(*batch)} for data in (found, expected)
    )
    assert given == others


@pytest.mark.parametrize(
    "options",
    [
        {"sequence_length": 5},
        {"sequence_length": 3, "sampling_rate": 2, "sequence_stride": 3},
        {"sequence_length": 3, "start_index": 2, "end_index": 12},
        {"sequence_length": 3, "batch_size": None},
    ],
    ids=str,
)
@pytest.mark.parametrize("targets", [None, 20, 10])
def test_timeseries_dataset_from_array(options, targets):
    series = np.arange(20.0)
    options = {"targets": targets if targets is None else series[:targets] * 10, "batch_size": 4, **options}
    expected = list(theirs(keras.utils.timeseries_dataset_from_array, series, **options))
    found = list(timeseries_dataset_from_array(series, **options))
    assert len(found) == len(expected)
    for ours, other in zip(found, expected, strict=True):
        pairs = zip(ours, other, strict=True) if targets else [(ours, other)]
        for a, b in pairs:
            np.testing.assert_array_equal(a, b)
