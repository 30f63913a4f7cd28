"""Data sets: read as Keras reads them, from files of the published form, and never run."""

import gzip
import importlib
import io
import json
import os
import pickle
import tarfile

import keras
import numpy as np
import pytest

import plait
from plait.utils import download


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A folder of data sets, and no network."""
    monkeypatch.setenv("PLAIT_HOME", str(tmp_path))

    def refuse(origin, path):
        raise plait.errors.FileError(f"URL fetch failure on {origin}: no network")

    monkeypatch.setattr(download, "_download", refuse)
    folder = tmp_path / "datasets"
    folder.mkdir()
    return folder


@pytest.fixture
def both(home, monkeypatch):
    """Calls a function of a data set on Keras and on plait, on the same files, and gives both results."""

    def call(dataset, function="load_data", **arguments):
        theirs = importlib.import_module(f"keras.src.datasets.{dataset}")

        def found(fname=None, origin=None, cache_subdir="datasets", **options):
            return str(home.parent / cache_subdir / fname)

        monkeypatch.setattr(theirs, "get_file", found)
        ours = getattr(getattr(plait.datasets, dataset), function)
        return getattr(theirs, function)(**arguments), ours(**arguments)

    return call


pytestmark = pytest.mark.filterwarnings("ignore:.*isn't the published file:UserWarning")


def assert_same(theirs, ours):
    assert len(theirs) == len(ours) == 2
    for part in zip(theirs, ours):
        for left, right in zip(*part):
            assert (left.shape, left.dtype) == (right.shape, right.dtype)
            assert left.tolist() == right.tolist()


def random(*shape, most=256, dtype="uint8"):
    return np.random.default_rng(sum(shape)).integers(0, most, shape).astype(dtype)


def texts(count, seed):
    """Sequences of unequal length, as an array of lists."""
    rng = np.random.default_rng(seed)
    rows = np.empty(count, dtype=object)
    rows[:] = [rng.integers(1, 50, rng.integers(1, 12)).tolist() for _ in range(count)]
    return rows


def test_digits(home, both):
    arrays = {"x_train": random(6, 28, 28), "y_train": random(6, most=10), "x_test": random(3, 28, 28)}
    np.savez(home / "mnist.npz", **arrays, y_test=random(3, most=10))
    assert_same(*both("mnist"))


def test_clothes(home, both):
    (home / "fashion-mnist").mkdir()
    for part, count in (("train", 5), ("t10k", 2)):
        for kind, header, data in (
            ("images-idx3", 16, random(count, 28, 28)),
            ("labels-idx1", 8, random(count, most=10)),
        ):
            with gzip.open(home / "fashion-mnist" / f"{part}-{kind}-ubyte.gz", "wb") as file:
                file.write(bytes(header) + data.tobytes())
    assert_same(*both("fashion_mnist"))


@pytest.mark.parametrize("layout", ["channels_last", "channels_first"])
def test_small_pictures(home, both, layout):
    folder = home / "cifar-100-python-target" / "cifar-100-python"
    folder.mkdir(parents=True)
    for part, count in (("train", 4), ("test", 2)):
        labels = {name: random(count, most=20).tolist() for name in (b"fine_labels", b"coarse_labels")}
        (folder / part).write_bytes(pickle.dumps({b"data": random(count, 3072), **labels}, protocol=2 + 1))
    for library in (keras, plait):
        library.config.set_image_data_format(layout)
    try:
        for mode in ("fine", "coarse"):
            theirs, ours = both("cifar100", label_mode=mode)
            assert [x.shape for x, _ in theirs] == [x.shape for x, _ in ours]
            for left, right in zip(theirs, ours):
                np.testing.assert_array_equal(left[0], right[0])
                np.testing.assert_array_equal(left[1], right[1])
    finally:
        for library in (keras, plait):
            library.config.set_image_data_format("channels_last")
    with pytest.raises(plait.errors.ArgumentError, match="'medium'"):
        plait.datasets.cifar100.load_data(label_mode="medium")


def test_ten_classes_from_an_archive(home, monkeypatch):
    archive = home / "cifar-10-batches-py-target_archive"
    names = [f"data_batch_{number}" for number in range(1, 6)] + ["test_batch"]
    with tarfile.open(archive, "w:gz") as tar:
        for name in names:
            content = pickle.dumps({"data": random(4, 3072), "labels": [1, 2, 3, 4]})
            member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    published = {"6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"}
    monkeypatch.setattr(download, "hash_file", lambda path, algorithm: next(iter(published)))
    (x, y), (x_test, y_test) = plait.datasets.cifar10.load_data()
    assert (x.shape, y.shape, x_test.shape, y_test.shape) == ((20, 32, 32, 3), (20, 1), (4, 32, 32, 3), (4, 1))
    assert x.dtype == y.dtype == "uint8"
    np.testing.assert_array_equal(x[0, :, :, 2], random(4, 3072)[0, 2048:].reshape(32, 32))


ASKED = [
    {},
    {"num_words": 30, "skip_top": 3},
    {"maxlen": 8, "oov_char": None, "num_words": 20},
    {"start_char": None, "index_from": 0, "seed": 5},
]


@pytest.mark.parametrize("asked", ASKED, ids=str)
def test_reviews(home, both, asked):
    labels = random(20, most=2, dtype="int64")
    np.savez(home / "imdb.npz", x_train=texts(20, 0), y_train=labels, x_test=texts(20, 1), y_test=labels[::-1])
    assert_same(*both("imdb", **asked))


@pytest.mark.parametrize("asked", [*ASKED, {"test_split": 0.5}], ids=str)
def test_news(home, both, asked):
    np.savez(home / "reuters.npz", x=texts(30, 2), y=random(30, most=46, dtype="int64"))
    assert_same(*both("reuters", **asked))


def test_words_and_topics(home, both):
    for name in ("imdb", "reuters"):
        (home / f"{name}_word_index.json").write_text(json.dumps({"the": 1, "café": 2}), "utf-8")
        theirs, ours = both(name, "get_word_index")
        assert theirs == ours
    assert plait.datasets.reuters.get_label_names() == keras.datasets.reuters.get_label_names()


def test_no_review_is_short_enough(home):
    labels = np.zeros(3, "int64")
    np.savez(home / "imdb.npz", x_train=texts(3, 0), y_train=labels, x_test=texts(3, 1), y_test=labels)
    with pytest.raises(plait.errors.DataError, match="maxlen=1"):
        plait.datasets.imdb.load_data(maxlen=1)


@pytest.mark.parametrize("asked", [{}, {"test_split": 0.5, "seed": 1}, {"version": "small"}], ids=str)
def test_houses(home, both, asked):
    for name, features in (("boston_housing", 13), ("california_housing", 8)):
        np.savez(home / f"{name}.npz", x=random(700, features, dtype="float32"), y=random(700, dtype="float64"))
        if "version" not in asked or name == "california_housing":
            assert_same(*both(name, **asked))
    for wrong in ({"test_split": 1}, {"version": "medium"}):
        with pytest.raises(plait.errors.ArgumentError):
            plait.datasets.california_housing.load_data(**wrong)


def test_a_file_of_ones_own_is_read_with_a_warning(home):
    np.savez(home / "boston_housing.npz", x=np.zeros((10, 13)), y=np.zeros(10))
    with pytest.warns(UserWarning, match=r"boston_housing.npz isn't the published file.*no network"):
        (x, _), _ = plait.datasets.boston_housing.load_data()
    assert x.shape == (8, 13)


def test_the_published_file_is_read_without_a_word(home, monkeypatch):
    np.savez(home / "mnist.npz", x_train=random(2), y_train=random(2), x_test=random(1), y_test=random(1))
    monkeypatch.setattr(
        download,
        "hash_file",
        lambda path, algorithm: "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
    )
    assert plait.datasets.mnist.load_data()[0][0].shape == (2,)


def test_what_is_not_there_is_named_with_its_address_and_folder(home):
    with pytest.raises(plait.errors.FileError) as caught:
        plait.datasets.mnist.load_data()
    assert "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz" in str(caught.value)
    assert str(home) in str(caught.value)


class Runs:
    """What runs a command when a pickle of it is opened."""

    def __reduce__(self):
        return os.system, ("echo run",)


def test_nothing_in_a_file_is_run(home):
    rows = np.empty(1, dtype=object)
    rows[0] = Runs()
    np.savez(home / "reuters.npz", x=rows, y=np.zeros(1))
    with pytest.raises(plait.errors.UnsafeFileError, match="system"):
        plait.datasets.reuters.load_data()


def test_a_file_cut_short(home):
    (home / "reuters.npz").write_bytes(b"PK\x03\x04 not all of it")
    with pytest.raises(plait.errors.FileError, match="cut short"):
        plait.datasets.reuters.load_data()


def test_by_the_names_of_keras():
    plait.compat.install()
    try:
        from keras.datasets import mnist
        from keras.datasets.mnist import load_data
        from tensorflow.keras.datasets import imdb

        assert mnist.load_data is load_data is plait.datasets.mnist.load_data
        assert imdb.get_word_index is plait.datasets.imdb.get_word_index
        with pytest.raises(ImportError):
            importlib.import_module("keras.datasets.nothing")
    finally:
        plait.compat.uninstall()
