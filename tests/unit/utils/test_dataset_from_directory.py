"""Data sets of files: labels, splits, orders, links, sounds; images where Pillow is there."""

import os
import wave

import numpy as np
import pytest

import plait
from plait.errors import ArgumentError, FileError
from plait.utils.audio import load_wav
from plait.utils.dataset_from_directory import (
    audio_dataset_from_directory,
    image_dataset_from_directory,
    text_dataset_from_directory,
)
from plait.utils.image import pillow


@pytest.fixture
def texts(tmp_path):
    for name in ("b/2", "b/1", "a/sub/4", "a/3", ".hidden/5", "b/6"):
        path = tmp_path / "texts" / f"{name}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"täxt {name}", encoding="utf-8")
    (tmp_path / "texts" / "a" / "other.md").write_text("no")
    return tmp_path / "texts"


def read(directory, **options):
    return text_dataset_from_directory(directory, **{"shuffle": False, "verbose": False, **options})


def test_folders_are_classes(texts):
    data = read(texts)
    assert data.class_names == ["a", "b"]
    assert [os.path.basename(path) for path in data.file_paths] == ["3.txt", "4.txt", "1.txt", "2.txt", "6.txt"]
    x, y = next(iter(data))
    assert x.tolist()[:2] == ["täxt a/3", "täxt a/sub/4"]
    assert (y.tolist(), y.dtype) == ([0, 0, 1, 1, 1], "int32")
    assert len(data) == 1


@pytest.mark.parametrize(
    "options, labels",
    [
        ({"label_mode": "categorical"}, [[1, 0], [1, 0], [0, 1], [0, 1], [0, 1]]),
        ({"label_mode": "binary"}, [[0], [0], [1], [1], [1]]),
        ({"class_names": ["b", "a"]}, [0, 0, 0, 1, 1]),
        ({"class_names": ["b"]}, [0, 0, 0]),
        ({"labels": [7, 5, 5, 7, 5, 0]}, [7, 5, 5, 7, 5, 0]),
    ],
)
def test_labels_are_as_asked_for(texts, options, labels):
    assert next(iter(read(texts, **options)))[1].tolist() == labels


def test_without_labels_there_are_only_texts(texts):
    for options in ({"label_mode": None}, {"labels": None}):
        data = read(texts, **options)
        assert data.class_names is None
        assert next(iter(data)).shape == (6,)
    single = read(texts, labels=None, batch_size=None, max_length=4)
    assert list(single.take(1)) == ["täxt"]
    assert len(single) == 6


def test_files_are_split_without_overlap(texts):
    options = {"validation_split": 0.4, "seed": 3, "shuffle": True}
    train, validation = read(texts, subset="both", **options)
    assert (len(train.file_paths), len(validation.file_paths)) == (3, 2)
    assert not set(train.file_paths) & set(validation.file_paths)
    assert read(texts, subset="training", **options).file_paths == train.file_paths
    assert read(texts, subset="validation", **options).file_paths == validation.file_paths


def test_each_iteration_has_its_order_and_a_seed_repeats_them(texts):
    options = {"shuffle": True, "seed": 1, "batch_size": 1}
    data, again = read(texts, **options), read(texts, **options)
    orders = [[x[0] for x, _ in data] for _ in range(4)]
    assert orders == [[x[0] for x, _ in again] for _ in range(4)]
    assert len({tuple(order) for order in orders}) > 1
    assert all(sorted(order) == sorted(orders[0]) for order in orders)


def test_links_are_followed_once(texts):
    (texts / "b" / "loop").symlink_to(texts, target_is_directory=True)
    assert len(read(texts, labels=None).file_paths) == 6
    followed = read(texts, labels=None, follow_links=True).file_paths
    assert len({os.path.realpath(path) for path in followed}) == len(followed) == 6


@pytest.mark.parametrize(
    "options, message",
    [
        ({"labels": [0, 1]}, "len(labels) is 2 while we found 6 files"),
        ({"labels": "infered"}, "`labels` argument should be a list"),
        ({"label_mode": "ints"}, "Did you mean 'int'?"),
        ({"label_mode": "binary", "labels": [0, 1, 2, 0, 1, 2]}, "must be exactly 2 class_names"),
        ({"class_names": ["a", "c"]}, "Expected: ['a', 'b'] (or a subset of it)"),
        ({"class_names": ["a"], "labels": None}, "You can only pass `class_names`"),
        ({"validation_split": 0.5}, "If `subset` is set, `validation_split` must be set"),
        ({"subset": "training"}, "If `subset` is set, `validation_split` must be set"),
        ({"validation_split": 2, "subset": "training"}, "must be between 0 and 1"),
        ({"validation_split": 0.5, "subset": "train"}, "Did you mean 'training'?"),
        ({"validation_split": 0.5, "subset": "training", "shuffle": True}, "you must provide a `seed` argument"),
        ({"validation_split": 0.1, "subset": "validation"}, "No validation text files found"),
        ({"batch_size": 0}, "`batch_size` must be a whole number"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(texts, options, message):
    with pytest.raises(ArgumentError) as found:
        read(texts, **options)
    assert message in str(found.value)


def test_a_file_that_is_something_else_is_named(texts):
    (texts / "a" / "3.txt").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(FileError, match=r"a.3\.txt is no text in UTF-8"):
        list(read(texts))
    with pytest.raises(FileNotFoundError):
        read(texts / "none")


def test_what_is_found_is_said(texts, capsys):
    read(texts, verbose=True, validation_split=0.4, subset="training")
    assert capsys.readouterr().out == "Found 5 files belonging to 2 classes.\nUsing 3 files for training.\n"


# ---------------------------------------------------------------------------- sounds


def write_wav(path, numbers, width=2, rate=8):
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(numbers.shape[1])
        file.setsampwidth(width)
        file.setframerate(rate)
        if width == 3:
            content = numbers.astype("<i4").view("u1").reshape(-1, 4)[:, :3].tobytes()
        else:
            content = numbers.astype("u1" if width == 1 else f"<i{width}").tobytes()
        file.writeframes(content)


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_sounds_of_all_widths_are_read(tmp_path, width):
    half = 128 + 64 if width == 1 else 1 << (8 * width - 2)
    least = 0 if width == 1 else -(1 << (8 * width - 1))
    write_wav(tmp_path / "x.wav", np.array([[half, least], [least, half]]), width)
    assert load_wav(tmp_path / "x.wav").tolist() == [[0.5, -1.0], [-1.0, 0.5]]


def test_sounds_make_batches(tmp_path):
    for name, length in (("a/1", 5), ("a/2", 3), ("b/3", 4)):
        write_wav(tmp_path / "sounds" / f"{name}.wav", np.full((length, 1), 1 << 14))

    def shapes(**options):
        data = audio_dataset_from_directory(tmp_path / "sounds", shuffle=False, verbose=False, **options)
        return [x.shape for x, y in data]

    assert shapes(batch_size=2) == [(2, 5, 1), (1, 4, 1)]
    assert shapes(output_sequence_length=6) == [(3, 6, 1)]
    assert shapes(sampling_rate=16) == [(3, 10, 1)]
    with pytest.raises(ArgumentError, match="no ragged arrays"):
        shapes(ragged=True)
    (tmp_path / "sounds" / "a" / "0.wav").write_bytes(b"no")
    with pytest.raises(FileError, match="no WAV file that can be read"):
        shapes()


# ---------------------------------------------------------------------------- images


def test_without_pillow_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "PIL.Image", None)
    with pytest.raises(ImportError, match="pip install pillow"):
        pillow()


def test_images_train_a_model(tmp_path):
    image = pytest.importorskip("PIL.Image")
    rng = np.random.default_rng(0)
    for name, mode in (("a/1.png", "RGB"), ("a/2.jpg", "RGB"), ("b/3.bmp", "L"), ("b/4.gif", "P")):
        path = tmp_path / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image.fromarray(rng.integers(0, 256, (9, 12), "uint8")).convert(mode).save(path)
    data = image_dataset_from_directory(tmp_path / "images", image_size=(6, 6), batch_size=2, seed=1, verbose=False)
    x, y = next(iter(data))
    assert (x.shape, x.dtype, y.shape) == ((2, 6, 6, 3), "float32", (2,))
    model = plait.Sequential([plait.Input((6, 6, 3)), plait.layers.Flatten(), plait.layers.Dense(2)])
    model.compile("sgd", plait.losses.SparseCategoricalCrossentropy(from_logits=True))
    assert len(model.fit(data, validation_data=data, epochs=2, verbose=0).history["val_loss"]) == 2
    (tmp_path / "images" / "a" / "0.png").write_bytes(b"no")
    with pytest.raises(FileError, match=r"0\.png is no image that can be read"):
        list(image_dataset_from_directory(tmp_path / "images", verbose=False))
    for options in ({"color_mode": "grey"}, {"interpolation": "cubic"}, {"crop_to_aspect_ratio": True}):
        with pytest.raises(ArgumentError):
            image_dataset_from_directory(tmp_path / "images", pad_to_aspect_ratio=True, verbose=False, **options)
