"""Lookups, hashes, bins and texts: what Keras's documentation says, and how the layers run on host and device."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import plait
from plait.core.tensor import KerasTensor
from plait.errors import ArgumentError, ShapeError, StateError, UnsafeFileError
from plait.layers.preprocessing.categorical import CategoryEncoding, Discretization, HashedCrossing, Hashing
from plait.layers.preprocessing.encoding import fingerprint64, keyed_hash
from plait.layers.preprocessing.lookup import IntegerLookup, StringLookup
from plait.layers.preprocessing.text import TextVectorization


@pytest.mark.parametrize(
    "options, values, bins",
    [
        ({}, "ABCDE", [1, 0, 1, 1, 2]),
        ({"mask_value": ""}, ["A", "B", "", "C", "D"], [1, 1, 0, 2, 2]),
        ({"salt": [133, 137]}, "ABCDE", [1, 2, 1, 0, 2]),
        ({"salt": 133}, "ABCDE", [0, 0, 2, 1, 0]),
    ],
    ids=["farmhash", "mask", "two salts", "one salt"],
)
def test_hashing_gives_the_documented_bins(options, values, bins):
    assert Hashing(num_bins=3, **options)([[value] for value in values])[:, 0].tolist() == bins


# By pyfarmhash 0.5.1, of the first n of the bytes b"0123456789" again and again.
FINGERPRINTS = {
    0: 11160318154034397263,
    1: 15198969275252572735,
    3: 8347415407982900060,
    4: 9483116683405768327,
    7: 2092326130583504517,
    8: 7926118692302350582,
    15: 12623961169790540044,
    16: 8258739028554035106,
    17: 6151968438873677206,
    32: 7236474711389311692,
    33: 13079378048284150165,
    64: 11636146988777055769,
    65: 3297966005566417389,
    127: 13789306220913622218,
    128: 15492645990711162043,
    129: 11740559919535839079,
    192: 16316106238851010709,
    300: 13765960673534097603,
}


@pytest.mark.parametrize("size", sorted(FINGERPRINTS))
def test_fingerprints_of_every_length(size):
    assert fingerprint64((b"0123456789" * 30)[:size]) == FINGERPRINTS[size]


def test_siphash_of_its_paper():
    assert keyed_hash(bytes(range(15)), [0x0706050403020100, 0x0F0E0D0C0B0A0908]) == 0xA129CA6149BE45E5


def test_hashing_of_integers_is_the_same_inside_jit():
    values = jnp.array([[1, 22, 333], [-4, 0, 1]])
    layer = Hashing(num_bins=7, mask_value=0)
    assert jax.jit(layer)(values).tolist() == layer(np.asarray(values)).tolist() == layer(values).tolist()
    crossing = HashedCrossing(num_bins=5)
    assert (
        jax.jit(lambda a, b: crossing((a, b)))(values[0], values[1]).tolist()
        == crossing((values[0], values[1])).tolist()
    )


def test_crossing_gives_the_documented_bins():
    inputs = (np.array(["A", "B", "A", "B", "A"]), np.array([101, 101, 101, 102, 102]))
    assert HashedCrossing(num_bins=5)(inputs).tolist() == [1, 4, 1, 1, 3]
    assert HashedCrossing(num_bins=5, output_mode="one_hot")(inputs).shape == (5, 5)


def test_crossing_says_which_shapes_it_takes():
    with pytest.raises(ShapeError, match="inputs should have shape"):
        HashedCrossing(num_bins=5)((np.ones((1, 1, 1), int), np.ones((1, 1, 1), int)))


def test_string_lookup_forth_and_back():
    layer = StringLookup(vocabulary=["a", "b", "c", "d"])
    assert layer([["a", "c", "d"], ["d", "z", "b"]]).tolist() == [[1, 3, 4], [4, 0, 2]]
    back = StringLookup(vocabulary=layer.get_vocabulary(), invert=True)
    assert back(np.array([[1, 3], [0, 2]])).tolist() == [["a", "c"], ["[UNK]", "b"]]


def test_adapt_puts_frequent_tokens_first_and_the_greater_of_equals():
    layer = StringLookup(mask_token="")
    layer.adapt(np.array([["a", "c", "d"], ["d", "", "b"]]))
    assert layer.get_vocabulary() == ["", "[UNK]", "d", "c", "b", "a"]
    layer.adapt(iter([["x", "x"], ["y"]]))
    assert layer.get_vocabulary(include_special_tokens=False) == ["x", "y"]


def test_integer_lookup_is_the_same_inside_jit():
    layer = IntegerLookup(vocabulary=[12, 36, 1138, 42, 2**40], mask_token=0, num_oov_indices=2)
    data = np.array([[12, 1138, 42], [42, 1000, 0]])
    assert layer(data).tolist() == jax.jit(layer)(jnp.asarray(data)).tolist() == [[3, 5, 6], [6, 1, 0]]
    assert layer(np.array([2**40])).tolist() == [7]


@pytest.mark.parametrize(
    "mode, expected",
    [
        ("multi_hot", [[0, 1, 0, 1, 1], [1, 0, 1, 0, 1]]),
        ("count", [[0, 1, 0, 1, 2], [2, 0, 1, 0, 1]]),
        ("tf_idf", [[0, 0.25, 0, 0.6, 0.8], [1.0, 0, 0.75, 0, 0.4]]),
    ],
)
def test_encodings_of_the_documentation(mode, expected):
    weights = [0.25, 0.75, 0.6, 0.4] if mode == "tf_idf" else None
    layer = IntegerLookup(vocabulary=[12, 36, 1138, 42], output_mode=mode, idf_weights=weights)
    data = np.array([[12, 1138, 42, 42], [42, 7, 36, 7]])
    assert np.allclose(layer(data), expected)
    assert np.allclose(jax.jit(layer)(jnp.asarray(data)), expected)


def test_texts_become_indices():
    layer = TextVectorization(ngrams=2, max_tokens=10)
    layer.adapt(["Foo Bar!", "bar, baz", "foo bar"])
    assert layer.get_vocabulary()[:4] == ["", "[UNK]", "bar", "foo bar"]
    assert layer(np.array(["foo bar", "new"])).tolist() == [[4, 2, 3], [1, 0, 0]]


@pytest.mark.parametrize("mode", ["int", "tf_idf"])
def test_a_vocabulary_goes_to_an_asset_and_back(mode, tmp_path):
    layer = TextVectorization(output_mode=mode)
    layer.adapt(["a b", "b c"])
    layer.save_assets(tmp_path)
    store = {}
    layer.save_own_variables(store)
    again = TextVectorization.from_config(layer.get_config())
    again.load_own_variables(store)
    again.load_assets(tmp_path)
    assert again.get_vocabulary() == layer.get_vocabulary()
    assert np.array_equal(again(["c a a"]), layer(["c a a"]))


def test_symbolic_calls_on_strings_run_nothing():
    texts = KerasTensor((None, 1), "string")
    assert TextVectorization(output_sequence_length=5)(texts).shape == (None, 5)
    hashed = Hashing(num_bins=3)
    assert hashed(texts).shape == (None, 1) and hashed.runs_on_host(texts) and not hashed.host
    assert StringLookup(vocabulary=["a"], output_mode="one_hot")(texts).shape == (None, 2)


def test_bins_are_learnt():
    layer = Discretization(num_bins=4)
    layer.adapt(np.arange(100.0))
    again = Discretization.from_config(layer.get_config())
    assert again(np.array([0.0, 30.0, 60.0, 99.0])).tolist() == [0, 1, 2, 3]


def test_what_cannot_work_is_refused(tmp_path):
    for make in (
        lambda: StringLookup(max_tokens=1),
        lambda: StringLookup(vocabulary=["a", "a"]),
        lambda: StringLookup(sparse=True, output_mode="count"),
        lambda: IntegerLookup(salt=3),
        lambda: TextVectorization(ragged=True),
        lambda: CategoryEncoding(),
        lambda: StringLookup(vocabulary=["a"], num_oov_indices=0)(["b"]),
    ):
        with pytest.raises(ArgumentError):
            make()
    with pytest.raises(StateError):
        StringLookup(output_mode="count")(["b"])
    with pytest.raises(UnsafeFileError):
        StringLookup.from_config({"vocabulary": str(tmp_path / "other.txt")})


def test_flat_data_beside_text_is_made_columns():
    """`[B]` for an Input of `(1,)`, as other models take it; it used to stay flat where a model also takes text."""
    texts, sizes = plait.Input((1,), dtype="string", name="text"), plait.Input((1,), name="size")
    one_hot = StringLookup(vocabulary=["a", "b"], output_mode="one_hot", num_oov_indices=0)
    model = plait.Model([texts, sizes], plait.layers.Concatenate()([one_hot(texts), sizes]))
    assert model([np.array(["b", "a"]), np.array([5.0, 6.0])]).tolist() == [[0, 1, 5], [1, 0, 6]]
    assert model.predict([np.array(["b"]), np.array([5.0])], verbose=0).tolist() == [[0, 1, 5]]
