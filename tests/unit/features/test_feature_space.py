"""FeatureSpace. Keras's needs TensorFlow, which the oracle lacks: what it gave with TensorFlow 2.21 stands here as numbers."""

import lzma
from pathlib import Path

import numpy as np
import pytest

import plait
from plait import layers
from plait.errors import ArgumentError, StateError
from plait.utils import Dataset, FeatureSpace

FILE = Path(__file__).parents[2] / "golden" / "files" / "feature_space.keras.xz"  # written by Keras 3.15.1
TABLE = {
    "f": [0.0, 0.1, 0.2, 0.3],
    "fn": [1.0, 2.0, 3.0, 4.0],
    "fr": [1.0, 2.0, 3.0, 4.0],
    "fd": [0.0, 0.1, 0.2, 0.3],
    "s": ["zero", "one", "two", "three"],
    "i": [0, 1, 2, 3],
    "sh": ["a", "b", "c", "d"],
    "ih": [5, 6, 7, 8],
}
# What Keras 3.15.1 gave for TABLE: where the ones stand in each row, by feature.
ONES = {
    "fd": [0, 1, 2, 2],
    "i": [4, 3, 2, 1],
    "ih": [3, 3, 0, 3],
    "s": [1, 4, 2, 3],
    "sh": [3, 2, 0, 1],
    "s_X_i": [3, 2, 3, 0],
    "sh_X_ih": [0, 4, 4, 1],
}
WIDTHS = {"f": 1, "fd": 3, "fn": 1, "fr": 1, "i": 5, "ih": 4, "s": 5, "sh": 4, "s_X_i": 6, "sh_X_ih": 5}
NORMAL = [-1.3416407, -0.4472136, 0.4472136, 1.3416407]


def space(output_mode="concat", **options):
    return FeatureSpace(
        features={
            "f": "float",
            "fn": "float_normalized",
            "fr": FeatureSpace.float_rescaled(2.0, 1.0),
            "fd": FeatureSpace.float_discretized(3),
            "s": "string_categorical",
            "i": "integer_categorical",
            "sh": FeatureSpace.string_hashed(4),
            "ih": FeatureSpace.integer_hashed(4),
        },
        crosses=[("s", "i"), FeatureSpace.cross(("sh", "ih"), 5)],
        crossing_dim=6,
        output_mode=output_mode,
        **options,
    )


def by_keras():
    """Keras's encodings of TABLE, by feature."""
    plain = {"f": TABLE["f"], "fn": NORMAL, "fr": [3.0, 5.0, 7.0, 9.0]}
    columns = {name: np.array(values, "float32")[:, None] for name, values in plain.items()}
    columns.update({name: np.eye(WIDTHS[name], dtype="float32")[places] for name, places in ONES.items()})
    return {name: columns[name] for name in WIDTHS}


def row(place):
    return {name: values[place] for name, values in TABLE.items()}


def as_rows():
    return Dataset(lambda: map(row, range(4)), 4)


def as_batches():
    return as_rows().batch(4)


@pytest.mark.parametrize("data", [lambda: TABLE, as_rows, as_batches], ids=["dict", "rows", "batches"])
def test_encodings_are_keras_s(data):
    joined, apart = space(), space("dict")
    joined.adapt(data())
    apart.adapt(data())
    expected = by_keras()
    assert list(apart(TABLE)) == list(expected)
    for name, values in apart(TABLE).items():
        np.testing.assert_allclose(values, expected[name], rtol=1e-6, atol=1e-7, err_msg=name)
        assert values.dtype == "float32"
    np.testing.assert_allclose(joined(TABLE), np.concatenate(list(expected.values()), -1), rtol=1e-6, atol=1e-7)


def test_one_row_many_rows_and_columns_are_the_same():
    joined, apart = space(), space("dict")
    joined.adapt(TABLE)
    apart.adapt(TABLE)
    whole = np.asarray(joined(TABLE))
    np.testing.assert_array_equal(joined({name: np.array(values)[:, None] for name, values in TABLE.items()}), whole)
    for place in range(4):
        np.testing.assert_array_equal(joined(row(place)), whole[place])
    assert {name: values.shape for name, values in apart(row(0)).items()} == {n: (w,) for n, w in WIDTHS.items()}
    mapped = as_rows().map(lambda x: joined(x)).batch(4)
    np.testing.assert_array_equal(next(iter(mapped)), whole)


def test_a_file_of_keras_opens(tmp_path):
    (tmp_path / "theirs.keras").write_bytes(lzma.decompress(FILE.read_bytes()))
    found = plait.saving.load_model(tmp_path / "theirs.keras")
    np.testing.assert_allclose(found(TABLE), np.concatenate(list(by_keras().values()), -1), rtol=1e-6, atol=1e-7)
    assert found.preprocessors["s"].get_vocabulary() == ["[UNK]", "zero", "two", "three", "one"]


def test_files_keep_what_was_learnt(tmp_path):
    before = space("dict")
    before.adapt(TABLE)
    before.save(tmp_path / "space.keras")
    after = plait.saving.load_model(tmp_path / "space.keras")
    assert isinstance(after, FeatureSpace) and after.output_mode == "dict"
    for name, values in before(TABLE).items():
        np.testing.assert_array_equal(after(TABLE)[name], values)
    again = FeatureSpace.from_config(before.get_config())
    with pytest.raises(StateError, match="adapt"):
        again(TABLE)


def test_a_model_is_built_on_the_encodings(tmp_path):
    encoder = space()
    encoder.adapt(TABLE)
    encoded = encoder.get_encoded_features()
    outputs = layers.Dense(1, activation="sigmoid")(encoded)
    inner, whole = plait.Model(encoded, outputs), plait.Model(encoder.get_inputs(), outputs)
    inner.compile("sgd", "binary_crossentropy")
    inner.fit(encoder(TABLE), np.array([[0.0], [1.0], [0.0], [1.0]]), verbose=0)
    columns = {name: np.array(values) for name, values in TABLE.items()}
    np.testing.assert_allclose(whole.predict(columns, verbose=0), inner(encoder(TABLE)), rtol=1e-6)
    whole.save(tmp_path / "whole.keras")
    again = plait.saving.load_model(tmp_path / "whole.keras")
    np.testing.assert_allclose(again.predict(columns, verbose=0), whole.predict(columns, verbose=0), rtol=1e-6)


def test_it_can_be_called_on_symbolic_tensors():
    encoder = space()
    encoder.adapt(TABLE)
    inputs = {name: plait.Input((1,), dtype=x.dtype, name=name) for name, x in encoder.get_inputs().items()}
    model = plait.Model(inputs, encoder(inputs))
    columns = {name: np.array(values) for name, values in TABLE.items()}
    np.testing.assert_array_equal(model(columns), encoder(TABLE))


def test_kinds_that_need_no_data_and_layers_of_ones_own():
    encoder = FeatureSpace(
        {
            "bins": FeatureSpace.float_discretized(None, bin_boundaries=[0.0, 1.0]),
            "hash": FeatureSpace.string_hashed(3, output_mode="int"),
            "size": FeatureSpace.feature("int32", layers.CategoryEncoding(3), "float"),
        },
        output_mode="dict",
    )
    found = encoder({"bins": [-1.0, 0.5, 2.0], "hash": ["A", "B", "E"], "size": [0, 2, 1]})
    np.testing.assert_array_equal(found["bins"], np.eye(3))
    np.testing.assert_array_equal(found["hash"], [[1], [0], [2]])  # the example of Keras's Hashing
    np.testing.assert_array_equal(found["size"], np.eye(3)[[0, 2, 1]])
    texts = {"text": ["one two", "two"]}
    words = FeatureSpace.feature("string", layers.TextVectorization(output_mode="multi_hot"), "float")
    encoder = FeatureSpace({"text": words})
    encoder.adapt(texts)
    np.testing.assert_array_equal(encoder(texts), [[0, 1, 1], [0, 1, 0]])


def test_what_cannot_be_is_refused():
    for make, words in (
        (lambda: FeatureSpace({}), "features"),
        (lambda: FeatureSpace({"a": "float_normalised"}), "Did you mean 'float_normalized'"),
        (lambda: FeatureSpace({"a": "float"}, output_mode="list"), "output_mode"),
        (lambda: FeatureSpace({"a": "integer_hashed"}, crosses=[("a", "b")]), "unknown features"),
        (lambda: FeatureSpace({"a": "integer_hashed"}, crosses=[("a", "a")], crossing_dim=0), "crossing_dim"),
        (lambda: FeatureSpace.cross(("a", "b"), 3, output_mode="float"), "output_mode"),
        (lambda: FeatureSpace({"a": FeatureSpace.integer_hashed(3, output_mode="int")}).get_inputs(), "concatenate"),
        (lambda: FeatureSpace({"a": "float"})([1.0]), "dict"),
        (lambda: FeatureSpace({"a": "float_normalized"}).adapt([{"b": 1.0}]), "'a'"),
        (lambda: FeatureSpace({"a": "float_normalized"}).adapt(iter([{"a": 1.0}])), "several times"),
        (
            lambda: FeatureSpace({"a": FeatureSpace.feature("float32", layers.Rescaling(2.0), "one_hot")})({"a": 1.0}),
            "int",
        ),
    ):
        with pytest.raises(ArgumentError, match=words):
            make()
    with pytest.raises(StateError, match="adapt"):
        space()(TABLE)
