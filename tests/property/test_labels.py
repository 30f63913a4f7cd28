"""Labels are what they say: (entry point) x (loss or metric) x (fault), each refused before it teaches anything."""

import numpy as np
import pytest

import plait
from plait import layers, losses, metrics

ROWS = 6
X = np.linspace(-1, 1, ROWS * 4, dtype="float32").reshape(ROWS, 4)
CLASSES = np.array([0, 1, 2, 2, 1, 0])


class Batches(plait.utils.PyDataset):
    def __init__(self, *batch, workers=1):
        super().__init__(workers=workers)
        self.batch = batch

    def __len__(self):
        return 2

    def __getitem__(self, index):
        return (X, GOOD[self.batch[1].shape]) if index == 0 else self.batch


GOOD = {(ROWS,): CLASSES, (ROWS, 1): CLASSES[:, None], (ROWS, 4, 1): np.tile(CLASSES[:, None, None], (1, 4, 1))}


def stream(x, y):
    yield x, GOOD[y.shape]  # the first batch is sound, and settles what is to settle
    yield x, y


def from_file(x, y, tmp):
    np.save(tmp / "y.npy", y)
    return x, np.load(tmp / "y.npy", mmap_mode="r")


ENTRIES = {
    "fit": lambda m, x, y, _: m.fit(x, y, verbose=0),
    "fit, labels in a file": lambda m, x, y, tmp: m.fit(*from_file(x, y, tmp), verbose=0),
    "validation": lambda m, x, y, _: m.fit(x, GOOD[y.shape], validation_data=(x, y), verbose=0),
    "evaluate": lambda m, x, y, _: m.evaluate(x, y, verbose=0),
    "train_on_batch": lambda m, x, y, _: m.train_on_batch(x, y),
    "test_on_batch": lambda m, x, y, _: m.test_on_batch(x, y),
    "a generator": lambda m, x, y, _: m.fit(stream(x, y), steps_per_epoch=2, verbose=0),
    "a generator, to evaluate": lambda m, x, y, _: m.evaluate(stream(x, y), steps=2, verbose=0),
    "a PyDataset": lambda m, x, y, _: m.fit(Batches(x, y), verbose=0),
    "a PyDataset without threads": lambda m, x, y, _: m.fit(Batches(x, y, workers=0), verbose=0),
    "an array on the device": lambda m, x, y, _: m.fit(x, plait.ops.convert_to_tensor(y), verbose=0),
}
FAULTS = {
    "NaN": (np.nan, r"'kind' are NaN in 2 of 6 rows, first in row 1\..*`sample_weight` of 0"),
    "below 0": (-1, r"'kind' must be whole numbers from 0 to 2.*2 of 6 rows.*first is -1, in row 1.*np\.unique"),
    "beyond": (3, r"'kind' must be whole numbers from 0 to 2.*2 of 6 rows.*first is 3, in row 1.*np\.unique"),
    "fractional": (1.5, r"'kind' must be whole numbers from 0 to 2.*2 of 6 rows.*first is 1\.5, in row 1.*np\.unique"),
}


def classifier(loss="sparse_categorical_crossentropy", metric=None, shape=(4,), activation="softmax", units=3):
    x = plait.Input(shape)
    model = plait.Model(x, layers.Dense(units, activation=activation, name="kind")(x), name="m")
    model.compile("sgd", loss, metrics=metric)
    return model


def spoilt(y, value):
    y = y.astype("float32" if value != value or value % 1 else y.dtype)
    y[[1, 4]] = value
    return y


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("entry", ENTRIES)
def test_class_numbers_that_are_none_are_refused(entry, fault, tmp_path):
    value, message = FAULTS[fault]
    model = classifier()
    with pytest.raises(plait.errors.DataError, match="m: the labels of " + message):
        ENTRIES[entry](model, X, spoilt(CLASSES, value), tmp_path)
    assert all(np.isfinite(weight).all() for weight in model.get_weights())


TEXTUAL = [
    name for name in ENTRIES if name not in ("an array on the device", "fit, labels in a file")
]  # these hold none


@pytest.mark.parametrize("entry", TEXTUAL)
def test_text_for_classes_is_refused(entry, tmp_path):
    with pytest.raises(plait.errors.DataError, match=r"labels.*must be numbers.*text.*np\.unique"):
        ENTRIES[entry](classifier(), X, np.array(["fair", "good", "ideal"] * 2), tmp_path)


JUDGES = {
    "class": (losses.SparseCategoricalCrossentropy(), None),
    "function": (losses.sparse_categorical_crossentropy, None),
    "by shape": ("crossentropy", None),
    "accuracy": (None, ["accuracy"]),
    "top k": (None, [metrics.SparseTopKCategoricalAccuracy(k=1)]),
    "IoU": (None, [metrics.MeanIoU(num_classes=3, sparse_y_pred=False)]),
    "generalized": (losses.CategoricalGeneralizedCrossEntropy(), None),
}


@pytest.mark.parametrize("rank", ["(B,)", "(B, 1)", "(B, T, 1)"])
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("judge", JUDGES)
def test_whatever_takes_class_numbers_refuses_others(judge, fault, rank):
    loss, metric = JUDGES[judge]
    y = {"(B,)": CLASSES, "(B, 1)": CLASSES[:, None], "(B, T, 1)": GOOD[ROWS, 4, 1]}[rank]
    x = X if rank != "(B, T, 1)" else np.ones((ROWS, 4, 2), "float32")
    model = classifier(loss, metric, x.shape[1:])
    value, message = FAULTS[fault]
    assert np.isfinite(model.evaluate(x, y, verbose=0)).all()
    with pytest.raises(plait.errors.DataError, match=message):
        model.evaluate(x, spoilt(y, value), verbose=0)


NUMBERS = {
    "mse": ("mse", None),
    "mae, as an object": (losses.MeanAbsoluteError(), None),
    "binary_crossentropy": ("binary_crossentropy", None),
    "a metric alone": (None, ["mae"]),
    "a weighted sum": ({"kind": "huber"}, ["mse"]),
}


TRAINING = [name for name in ENTRIES if name not in ("evaluate", "test_on_batch", "a generator, to evaluate")]


@pytest.mark.parametrize(
    "judge, entry", [(j, e) for j in NUMBERS for e in ENTRIES if j != "a metric alone" or e not in TRAINING]
)
def test_numbers_that_are_missing_are_refused(judge, entry, tmp_path):
    model = classifier(*NUMBERS[judge], units=1, activation=None)
    with pytest.raises(plait.errors.DataError, match=FAULTS["NaN"][1]):
        ENTRIES[entry](model, X, spoilt(CLASSES[:, None].astype("float32"), np.nan), tmp_path)


def test_the_output_and_its_rows_are_named_among_several():
    x = plait.Input((4,))
    outputs = {"price": layers.Dense(1)(x), "cut": layers.Dense(3, activation="softmax")(x)}
    model = plait.Model(x, outputs, name="m")
    model.compile("sgd", {"price": "mse", "cut": "sparse_categorical_crossentropy"})
    with pytest.raises(plait.errors.DataError, match="labels of 'cut' must be whole numbers from 0 to 2"):
        model.fit(X, {"price": X[:, :1], "cut": CLASSES + 1}, verbose=0)
    with pytest.raises(plait.errors.DataError, match="labels of 'price' are NaN in 1 of 6 rows, first in row 5"):
        model.train_on_batch(X, [CLASSES, np.array([[0.0], [1], [2], [3], [4], [np.nan]])])


# --- what is no fault ----------------------------------------------------------------------------------------------------


def losses_of(model, y, **options):
    return [
        model.fit(X, y, verbose=0, **options).history["loss"][0],
        model.evaluate(X, y, verbose=0, **options),
        model.train_on_batch(X, y, **options),
        model.test_on_batch(X, y, **options),
    ]


def test_classes_that_are_left_out_may_be_any_number():
    y = spoilt(CLASSES, 255)
    assert np.isfinite(losses_of(classifier(losses.SparseCategoricalCrossentropy(ignore_class=255)), y)).all()
    with pytest.raises(plait.errors.DataError, match="first is 7"):
        classifier(losses.SparseCategoricalCrossentropy(ignore_class=255)).fit(X, spoilt(CLASSES, 7), verbose=0)


def test_rows_without_weight_may_have_any_class():
    weight = np.array([1.0, 0, 1, 1, 0, 1])
    assert np.isfinite(losses_of(classifier(), spoilt(CLASSES, -1), sample_weight=weight)).all()
    with pytest.raises(plait.errors.DataError, match="2 of 6 rows"):
        classifier().fit(X, spoilt(CLASSES, -1), sample_weight=1 - weight, verbose=0)
    with pytest.raises(plait.errors.DataError, match="NaN"):  # 0 times NaN isn't 0
        classifier("mse", units=1, activation=None).fit(
            X, spoilt(CLASSES[:, None], np.nan), sample_weight=weight, verbose=0
        )


def test_masked_steps_may_have_labels_below_0():
    ids = plait.Input((4,), dtype="int32")
    h = layers.LSTM(2, return_sequences=True)(layers.Embedding(5, 2, mask_zero=True)(ids))
    model = plait.Model(ids, layers.Dense(3, activation="softmax", name="kind")(h))
    model.compile("sgd", "sparse_categorical_crossentropy")
    x, y = np.array([[1, 2, 0, 0], [3, 4, 1, 0]]), np.array([[0, 1, -1, -1], [2, 2, 1, -1]])
    assert np.isfinite(model.evaluate(x, y, verbose=0))
    with pytest.raises(plait.errors.DataError, match="1 of 2 rows"):
        model.evaluate(x, np.where(y == 2, 7, y), verbose=0)


def known(y_true, y_pred):
    there = y_true == y_true
    return plait.ops.where(there, (plait.ops.where(there, y_true, 0.0) - y_pred) ** 2, 0.0)


class Halved(plait.Model):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return super().compute_loss(x=x, y=plait.ops.nan_to_num(y), y_pred=y_pred, sample_weight=sample_weight)


class Stepping(plait.Model):
    def train_step(self, state, data):
        x, y = data
        return super().train_step(state, (x, plait.ops.nan_to_num(y)))


def test_losses_and_steps_of_a_programs_own_may_read_labels_as_they_like():
    y = spoilt(CLASSES[:, None].astype("float32"), np.nan)
    assert np.isfinite(losses_of(classifier(known, units=1, activation=None), y)).all()
    for kind in (Halved, Stepping):
        x = plait.Input((4,))
        model = kind(x, layers.Dense(1)(x))
        model.compile("sgd", "mse")
        assert np.isfinite(model.fit(X, y, verbose=0).history["loss"]).all()


def test_whole_numbers_as_floats_are_classes():
    for dtype in ("float64", "float32", "float16", "uint8", "int64", "bool"):
        y = CLASSES.astype(dtype)
        assert np.isfinite(losses_of(classifier(), y)).all()


# --- whole numbers that come in -----------------------------------------------------------------------------------------

BAD = {"NaN": np.nan, "infinite": np.inf, "beyond int32": 1e10}
INPUTS = {
    "call": lambda m, x: m(x),
    "predict": lambda m, x: m.predict(x, verbose=0),
    "predict_on_batch": lambda m, x: m.predict_on_batch(x),
    "fit": lambda m, x: m.fit(x, X[:2, :2], verbose=0),
    "evaluate": lambda m, x: m.evaluate(x, X[:2, :2], verbose=0),
    "train_on_batch": lambda m, x: m.train_on_batch(x, X[:2, :2]),
    "a generator": lambda m, x: m.predict((b for b in [x]), verbose=0),
}


def counting():
    x = plait.Input((2,), dtype="int32", name="ids")
    model = plait.Model(x, layers.Dense(2)(layers.CategoryEncoding(4, output_mode="multi_hot")(x)))
    model.compile("sgd", "mse")
    return model


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("entry", INPUTS)
def test_what_is_no_whole_number_is_refused_by_an_integer_input(entry, bad, dtype):
    with pytest.raises(plait.errors.DataError, match=r"'ids': 1 of 4 values don't fit int32.*row 1, column 0"):
        INPUTS[entry](counting(), np.array([[1, 2], [BAD[bad], 0]], dtype))


def test_floats_that_are_whole_numbers_pass():
    x = np.array([[1, 2], [3, 0]])
    for entry in INPUTS.values():
        entry(counting(), x.astype("float32"))
    np.testing.assert_array_equal(*(counting_values(x.astype(dtype)) for dtype in ("float64", "int8")))


def counting_values(x):
    given = plait.Input((2,), dtype="int32")
    return plait.Model(given, layers.CategoryEncoding(4, output_mode="multi_hot")(given)).predict(x, verbose=0)
