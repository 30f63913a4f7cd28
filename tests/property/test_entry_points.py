"""Numbers keep their value on the way in: (entry point) x (dtype, range) x (rank, structure), against NumPy.

JAX has no 64 bits unless it is told to, and cuts 3,000,000,000 to -1,294,967,296 without a word.
"""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest

import plait
from plait import layers, ops

SCALE = 1e-9
VALUES = {
    "int64": np.array([3_000_000_000, -(2**40), 5, 0], "int64"),
    "int64, small": np.array([7, -3, 2, 1], "int64"),
    "uint32": np.array([4_000_000_000, 1, 2, 3], "uint32"),
    "uint64": np.array([2**63, 2**33, 1, 0], "uint64"),
    "int32": np.array([2**31 - 1, -(2**31), 1, 0], "int32"),
    "int8": np.array([127, -128, 1, 0], "int8"),
    "bool": np.array([True, False, True, True]),
    "float64": np.array([1e30, -1e-30, 3.5, 0.0]),
    "float16": np.array([60000.0, -1.0, 0.5, 0.0], "float16"),
}
RANKS = {"(B, 1)": (4, 1), "(B, 2)": (2, 2), "(B, 2, 1)": (2, 2, 1)}


def scaling(shape, dtype="float32"):
    x = plait.Input(shape[1:], dtype=dtype, name="x")
    model = plait.Model(x, layers.Rescaling(SCALE)(x))
    model.compile("sgd", "mse", run_eagerly=False)
    return model


class Scaling(plait.Model):
    """Without a graph, so nobody says what its inputs are."""

    def call(self, x):
        return ops.cast(x, "float32") * SCALE


class Batches(plait.utils.PyDataset):
    def __init__(self, x, **options):
        super().__init__(**options)
        self.x = x

    def __len__(self):
        return 1

    def __getitem__(self, index):
        return (self.x,)


def frame(kind):
    def predict(x):
        model = scaling((len(x), x.shape[1]))
        return model.predict(kind({f"c{i}": x[:, i] for i in range(x.shape[1])}), verbose=0)

    return predict


def from_file(x, tmp_path):
    path = tmp_path / "x.npy"
    np.save(path, x)
    return scaling(x.shape).predict(np.load(path, mmap_mode="r"), verbose=0)


ENTRIES = {
    "a layer": lambda x: layers.Rescaling(SCALE)(x),
    "call": lambda x: scaling(x.shape)(x),
    "call with a dict": lambda x: scaling(x.shape)({"x": x}),
    "predict": lambda x: scaling(x.shape).predict(x, verbose=0),
    "predict in batches": lambda x: scaling(x.shape).predict(x, batch_size=1, verbose=0),
    "predict_on_batch": lambda x: scaling(x.shape).predict_on_batch(x),
    "a generator": lambda x: scaling(x.shape).predict((batch for batch in [x]), verbose=0),
    "a PyDataset": lambda x: scaling(x.shape).predict(Batches(x), verbose=0),
    "inner model": lambda x: plait.Sequential([plait.Input(x.shape[1:]), scaling(x.shape)])(x),
}


@pytest.mark.parametrize("rank", RANKS)
@pytest.mark.parametrize("values", VALUES)
@pytest.mark.parametrize("entry", ENTRIES)
def test_inputs_keep_their_value(entry, values, rank):
    x = VALUES[values].reshape(RANKS[rank])
    if entry == "a layer" and values == "float16":
        x = x.astype("float32")  # a layer without an Input computes in the dtype it is given
    found = np.asarray(ENTRIES[entry](x), "float64")
    np.testing.assert_allclose(found, x.astype("float64") * SCALE, rtol=1e-5, atol=1e-37)


@pytest.mark.parametrize("values", [name for name in VALUES if name != "float16"])
@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame], ids=["pandas", "polars"])
def test_frames_keep_their_value(kind, values):
    x = VALUES[values].reshape(2, 2)
    np.testing.assert_allclose(frame(kind)(x), x.astype("float64") * SCALE, rtol=1e-5, atol=1e-37)


@pytest.mark.parametrize("values", VALUES)
def test_mapped_files_keep_their_value(values, tmp_path):
    x = VALUES[values].reshape(2, 2)
    np.testing.assert_allclose(from_file(x, tmp_path), x.astype("float64") * SCALE, rtol=1e-5, atol=1e-37)


def constant():
    """A model that gives 1 for each row, whatever comes in, and never learns."""
    x = plait.Input((1,))
    model = plait.Model(x, layers.Dense(1, kernel_initializer="zeros", bias_initializer="ones", trainable=False)(x))
    model.compile("sgd", "mae")
    return model


def of_training(x, y, w=None):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*nothing to train.*")
        model = constant()
        yield "fit", model.fit(x, y, sample_weight=w, batch_size=4, verbose=0).history["loss"][0]
        yield "evaluate", model.evaluate(x, y, sample_weight=w, verbose=0)
        yield "train_on_batch", model.train_on_batch(x, y, sample_weight=w)
        yield "test_on_batch", model.test_on_batch(x, y, sample_weight=w)
        batch = (x, y) if w is None else (x, y, w)
        yield "fit on a generator", model.fit((b for b in [batch]), steps_per_epoch=1, verbose=0).history["loss"][0]
        yield "evaluate on a generator", model.evaluate((b for b in [batch]), verbose=0)


@pytest.mark.parametrize("values", VALUES)
def test_labels_keep_their_value(values):
    x, y = np.zeros((4, 1), "float32"), VALUES[values].reshape(4, 1)
    expected = np.abs(y.astype("float64") - 1).mean()
    for entry, found in of_training(x, y):
        assert found == pytest.approx(expected, rel=1e-5), entry


@pytest.mark.parametrize("values", ["int64", "int64, small", "uint32", "uint64", "int32", "float64"])
def test_sample_weights_keep_their_value(values):
    x, y, w = np.zeros((4, 1), "float32"), np.array([[2.0], [4.0], [0.0], [1.0]]), np.abs(VALUES[values].astype("O"))
    w = w.astype(VALUES[values].dtype if values != "int32" else "int64")
    expected = (np.abs(y[:, 0] - 1) * w.astype("float64")).mean()
    for entry, found in of_training(x, y, w):
        assert found == pytest.approx(expected, rel=1e-5), entry


# --- what must stay an integer ---------------------------------------------------------------------------------------


def embedding(dtype="int32"):
    x = plait.Input((2,), dtype=dtype, name="ids")
    return plait.Model(x, layers.Embedding(8, 3)(x), name="table")


WIDE = np.array([[1, 2], [3, 2**32 + 1]])
REFUSALS = {
    "call": lambda: embedding()(WIDE),
    "predict": lambda: embedding().predict(WIDE, verbose=0),
    "predict_on_batch": lambda: embedding().predict_on_batch(WIDE),
    "int64": lambda: embedding("int64").predict(WIDE, verbose=0),
    "a generator": lambda: embedding().predict((b for b in [WIDE]), verbose=0),
    "a PyDataset": lambda: embedding().predict(Batches(WIDE), verbose=0),
    "a layer": lambda: layers.Embedding(8, 3)(WIDE),
    "without a graph": lambda: Scaling()(WIDE),
    "a tensor": lambda: ops.convert_to_tensor(WIDE),
    "a variable": lambda: plait.Variable(WIDE),
}


@pytest.mark.parametrize("entry", REFUSALS)
def test_integers_that_must_stay_so_and_do_not_fit_are_refused(entry):
    with pytest.raises(
        plait.errors.DataError, match=r"int32.*4294967297 \(row 1, column 1\)|no rows of the table.*4294967297"
    ):
        REFUSALS[entry]()


def test_floats_beyond_the_dtype_are_refused():
    for entry in (lambda m, x: m.predict(x, verbose=0), lambda m, x: m(x), lambda m, x: m.evaluate(x, x, verbose=0)):
        with pytest.raises(plait.errors.DataError, match=r"float32.*1e\+300 \(row 1, column 0\)"):
            entry(scaling((2, 1)), np.array([[1.0], [1e300]]))
    assert np.isinf(scaling((2, 1))(np.array([[np.inf], [1.0]]))).any()  # what is infinite stays so


def test_lookups_tell_ids_apart_that_differ_by_two_to_the_32():
    lookup = layers.IntegerLookup(vocabulary=[1, 5])
    found = np.asarray(lookup(np.array([1, 5, 1 + 2**32, 5 + 2**32])))
    assert found.tolist() == [1, 2, 0, 0]


def test_no_input_is_copied_that_fits():
    from plait.common.dtypes import on_host

    for dtype in ("float32", "int32", "uint8", "bool"):
        x = np.ones((3, 2), dtype)
        assert on_host(x, dtype, "x") is x and on_host(x, None, "x") is x


# --- ids -----------------------------------------------------------------------------------------------------------------

BAD_IDS = {
    "beyond": np.array([[1, 2], [3, 8]]),
    "below 0": np.array([[1, 2], [3, -1]]),
    "not a number": np.array([[1, 2], [3, np.nan]]),
}


class Ids(plait.utils.PyDataset):
    def __init__(self, *batch):
        super().__init__()
        self.batch = batch

    def __len__(self):
        return 1

    def __getitem__(self, index):
        return self.batch


def compiled_embedding(shared=False, dtype="int32"):
    x, other = plait.Input((2,), dtype=dtype, name="ids"), plait.Input((1,), name="other")
    table = layers.Embedding(8, 3, name="table")
    h = layers.Flatten()(layers.Add()([table(x), table(x)]) if shared else table(x))
    model = plait.Model({"ids": x, "other": other}, layers.Dense(1)(layers.Concatenate()([h, other])))
    model.compile("sgd", "mse")
    return model


ONES = np.ones((2, 1), "float32")
WITH_IDS = {
    "call": lambda m, ids: m({"ids": ids, "other": ONES}),
    "predict": lambda m, ids: m.predict({"ids": ids, "other": ONES}, verbose=0),
    "predict_on_batch": lambda m, ids: m.predict_on_batch({"ids": ids, "other": ONES}),
    "fit": lambda m, ids: m.fit({"ids": ids, "other": ONES}, ONES, verbose=0),
    "evaluate": lambda m, ids: m.evaluate({"ids": ids, "other": ONES}, ONES, verbose=0),
    "train_on_batch": lambda m, ids: m.train_on_batch({"ids": ids, "other": ONES}, ONES),
    "a generator": lambda m, ids: m.fit(
        (b for b in [({"ids": ids, "other": ONES}, ONES)]), steps_per_epoch=1, verbose=0
    ),
    "a PyDataset": lambda m, ids: m.fit(Ids({"ids": ids, "other": ONES}, ONES), verbose=0),
    "validation": lambda m, ids: m.fit(
        {"ids": np.zeros((2, 2), "int32"), "other": ONES},
        ONES,
        validation_data=({"ids": ids, "other": ONES}, ONES),
        verbose=0,
    ),
}


@pytest.mark.parametrize("bad", BAD_IDS)
@pytest.mark.parametrize("entry", WITH_IDS)
def test_ids_that_are_no_rows_of_a_table_are_refused(entry, bad):
    model = compiled_embedding(dtype="float32" if bad == "not a number" else "int32")
    before = model.get_weights()
    with pytest.raises(plait.errors.DataError, match=r"'ids': 1 of 4 ids.*'table'.*from 0 to 7.*at \[1, 1\]"):
        WITH_IDS[entry](model, BAD_IDS[bad])
    if entry != "validation":
        assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def test_ids_are_refused_by_the_layer_itself_and_by_copies():
    import copy

    with pytest.raises(plait.errors.DataError, match="no rows of the table"):
        layers.Embedding(8, 3)(BAD_IDS["beyond"])
    with pytest.raises(plait.errors.DataError, match="no rows of the table"):
        copy.deepcopy(compiled_embedding(shared=True)).predict({"ids": BAD_IDS["beyond"], "other": ONES}, verbose=0)
    found = copy.deepcopy(scaling((2, 1)))(np.array([[3_000_000_000], [1]]))
    np.testing.assert_allclose(found, [[3.0], [1e-9]], rtol=1e-5)


def test_ids_of_a_table_pass():
    ids = np.array([[0, 7], [3, 4]])
    for entry, run in WITH_IDS.items():
        run(compiled_embedding(shared=True), ids.astype("float64" if entry == "call" else "int64"))
