"""predict, into memory, into files, as batches: the same numbers; and what a `predict_step` of one's own gives."""

import jax
import numpy as np
import pytest

import plait
from plait.errors import ArgumentError, DataError

X = np.random.default_rng(0).normal(size=(70, 3)).astype("float32")


def model(**outputs):
    x = plait.Input((3,))
    return plait.Model(x, {name: plait.layers.Dense(size, name=name)(x) for name, size in outputs.items()})


def single():
    x = plait.Input((3,))
    return plait.Model(x, plait.layers.Dense(2)(x))


def sources():
    """The same rows from each kind of source."""

    class Numbered(plait.utils.PyDataset):
        def __len__(self):
            return 3

        def __getitem__(self, index):
            return (X[index * 25 : index * 25 + 25],)

    return {
        "arrays": X,
        "a data set": Numbered(),
        "a generator": (X[start : start + 20] for start in range(0, 70, 20)),
        "an iterator": iter([X[:30], X[30:60], X[60:]]),
    }


@pytest.mark.parametrize("source", sources())
def test_the_same_numbers_from_every_source_and_in_every_form(source, tmp_path):
    network = single()
    expected = np.asarray(network(X))
    joined = network.predict(sources()[source], verbose=0)
    mapped = network.predict(sources()[source], verbose=0, out=tmp_path / "outputs.npy")
    batches = list(network.predict_batches(sources()[source], batch_size=32))
    assert isinstance(mapped, np.memmap)
    for found in (joined, mapped, np.concatenate(batches), np.load(tmp_path / "outputs.npy")):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    assert [path.name for path in tmp_path.iterdir()] == ["outputs.npy"]


def test_files_in_the_structure_of_the_outputs(tmp_path):
    network = model(price=1, cut=4)
    found = network.predict(X, verbose=0, out={name: str(tmp_path / f"{name}.npy") for name in ("price", "cut")})
    expected = network.predict(X, verbose=0)
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values)


def test_strings_of_different_lengths_are_joined():
    x = plait.Input((1,), dtype="int32")
    words = plait.layers.StringLookup(vocabulary=["a", "much longer"], invert=True)
    network = plait.Model(x, words(x))
    found = network.predict(np.array([[1], [1], [2]]), batch_size=2, verbose=0)
    assert found.ravel().tolist() == ["a", "a", "much longer"]


def test_an_error_leaves_the_file_as_it_was(tmp_path):
    def broken():
        yield X[:10]
        raise OSError("the disk is gone")

    network, path = single(), tmp_path / "outputs.npy"
    network.predict(X, verbose=0, out=path)
    before = path.read_bytes()
    with pytest.raises(OSError, match="the disk is gone"):
        network.predict(broken(), verbose=0, out=path)
    assert path.read_bytes() == before
    assert [other.name for other in tmp_path.iterdir()] == ["outputs.npy"]


def test_wrong_places_for_outputs(tmp_path):
    with pytest.raises(ArgumentError, match="paths in the structure of the outputs"):
        model(price=1, cut=4).predict(X, verbose=0, out=tmp_path / "outputs.npy")
    with pytest.raises(ArgumentError, match="must be the path of a file"):
        single().predict(X, verbose=0, out=3)


def test_few_batches_lie_on_the_device():
    """The next batch isn't asked for before what is under way is taken."""
    asked = []

    def endless():
        while True:
            asked.append(len(asked))
            yield X[:4]

    network = single()
    with pytest.raises(StopIteration):
        taken = iter(network.predict_batches(endless(), steps=40))
        for count in range(41):
            next(taken)
            assert len(asked) <= count + 8


def test_a_predict_step_of_its_own():
    class Doubled(plait.Model):
        def predict_step(self, state, data):
            outputs, rest = super().predict_step(state, data)
            return outputs * 2, rest

    x = plait.Input((3,))
    network = Doubled(x, plait.layers.Dense(2)(x))
    expected = 2 * np.asarray(network(X))
    np.testing.assert_allclose(network.predict(X, verbose=0), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(network.predict(X[:5], verbose=0), expected[:5], rtol=1e-5, atol=1e-6)


def test_outputs_without_rows_are_refused():
    x = plait.Input((3,))
    network = plait.Model(x, plait.ops.sum(x))
    with pytest.raises(DataError, match="a batch axis to be joined along"):
        network.predict(X, verbose=0)


@pytest.mark.parametrize("rows", [3, 32, 70])
@pytest.mark.parametrize(
    "make", [single, lambda: model(a=1, b=2), lambda: passing_on()], ids=["one", "two", "the inputs"]
)
def test_outputs_are_the_callers_to_write_to(make, rows):
    network, x = make(), X[:rows].copy()
    ways = (
        lambda: network.predict(x, verbose=0),
        lambda: network.predict((x[at : at + 32] for at in range(0, rows, 32)), verbose=0),
        lambda: network.predict_on_batch(x),
        lambda: next(network.predict_batches(x)),
    )
    for way in ways:
        before = jax.tree.map(np.copy, way())
        for output in jax.tree.leaves(way()):
            output[:] = 7.0
        jax.tree.map(np.testing.assert_array_equal, way(), before)
        np.testing.assert_array_equal(x, X[:rows])


def passing_on():
    x = plait.Input((3,))
    return plait.Model(x, [x, plait.layers.Identity()(x)])
