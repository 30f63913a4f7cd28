"""Missing labels from end to end: what says so, what comes out, and where labels come from."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

import plait
from plait import layers, losses

ROWS = 12
RNG = np.random.default_rng(0)
X = RNG.normal(size=(ROWS, 4)).astype("float32")
PRICE = RNG.normal(size=ROWS).astype("float32")
KIND = RNG.integers(0, 3, ROWS)
NO_PRICE, NO_KIND = np.arange(ROWS) % 3 == 1, np.arange(ROWS) % 4 == 2
Y = {"price": np.where(NO_PRICE, np.nan, PRICE), "kind": np.where(NO_KIND, -1, KIND)}
LOSSES = {"price": "mse", "kind": "sparse_categorical_crossentropy"}


BY_OUTPUT = {"price": np.nan, "kind": -1}


def two_tasks(missing=BY_OUTPUT, optimizer="sgd", loss=LOSSES, **kwargs):
    plait.utils.set_random_seed(0)
    x = plait.Input((4,))
    h = layers.Dense(5, activation="tanh")(x)
    outputs = {"price": layers.Dense(1, name="p")(h), "kind": layers.Dense(3, activation="softmax", name="k")(h)}
    model = plait.Model(x, outputs, name="m")
    model.compile(optimizer, loss, missing_labels=missing, **kwargs)
    return model


def one_task(missing=np.nan, **kwargs):
    plait.utils.set_random_seed(0)
    model = plait.Sequential([plait.Input((4,)), layers.Dense(1)], name="m")
    model.compile("sgd", "mse", missing_labels=missing, **kwargs)
    return model


class Batches(plait.utils.PyDataset):
    def __init__(self, *batch):
        super().__init__()
        self.batch = batch

    def __len__(self):
        return 1

    def __getitem__(self, index):
        return self.batch


def weights_after(model, *batch, **kwargs):
    model.fit(*batch, batch_size=ROWS, verbose=0, shuffle=False, **kwargs)
    return model.get_weights()


def assert_same(first, second):
    for a, b in zip(first, second, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_a_step_is_that_of_the_labelled_rows():
    y = np.where(NO_PRICE, np.nan, PRICE)
    expected = one_task(None)
    expected.fit(X[~NO_PRICE], PRICE[~NO_PRICE], batch_size=ROWS, verbose=0, shuffle=False)
    assert_same(weights_after(one_task(), X, y), expected.get_weights())


def test_class_and_sample_weights_count_where_there_are_labels():
    counts = {"price": RNG.uniform(0, 2, ROWS), "kind": RNG.uniform(0, 2, ROWS)}
    model = two_tasks(weighted_metrics={"kind": ["accuracy"]})
    p = model.predict(X, verbose=0)
    found = model.evaluate(X, Y, sample_weight=counts, batch_size=ROWS, verbose=0, return_dict=True)
    there = ~NO_KIND
    right = (p["kind"].argmax(-1) == KIND)[there]
    assert found["kind_accuracy"] == pytest.approx(np.average(right, weights=counts["kind"][there]), rel=1e-5)
    entropy = -np.log(p["kind"][there, KIND[there]]) * counts["kind"][there]
    assert found["kind_loss"] == pytest.approx(entropy.mean(), rel=1e-5)
    model.fit(X, Y, class_weight={"kind": {0: 2.0}}, batch_size=ROWS, verbose=0, shuffle=False)
    by_hand = two_tasks()
    heavy = {"kind": np.where(KIND == 0, 2.0, 1.0)}
    assert_same(weights_after(by_hand, X, Y, sample_weight=heavy), model.get_weights())


ENTRIES = {
    "arrays": lambda m, y: m.fit(X, y, batch_size=ROWS, shuffle=False, verbose=0),
    "a generator": lambda m, y: m.fit(iter([(X, y)]), steps_per_epoch=1, verbose=0),
    "a PyDataset": lambda m, y: m.fit(Batches(X, y), verbose=0),
    "one batch": lambda m, y: m.train_on_batch(X, y),
    "validation": lambda m, y: m.fit(X, Y, batch_size=ROWS, shuffle=False, validation_data=(X, y), verbose=0),
}
FORMS = {
    "arrays": Y,
    "masked": {"price": np.ma.array(PRICE, mask=NO_PRICE), "kind": np.ma.array(KIND, mask=NO_KIND)},
    "pandas": {"price": pd.Series(Y["price"]), "kind": pd.Series(KIND, dtype="Int64").mask(NO_KIND)},
    "polars": {
        "price": pl.Series([None if gone else float(v) for v, gone in zip(PRICE, NO_PRICE, strict=True)]),
        "kind": pl.Series([None if gone else int(v) for v, gone in zip(KIND, NO_KIND, strict=True)]),
    },
    "objects": {
        "price": np.array([None if gone else v for v, gone in zip(PRICE, NO_PRICE, strict=True)], object),
        "kind": np.array([None if gone else v for v, gone in zip(KIND, NO_KIND, strict=True)], object),
    },
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("entry", ENTRIES)
def test_labels_are_missing_in_every_form_and_by_every_entry(entry, form):
    model = two_tasks()
    ENTRIES[entry](model, FORMS[form])
    assert_same(model.get_weights(), weights_after(two_tasks(), X, Y))
    if entry == "validation":
        history = model.history.history
        assert history["val_kind_labelled"] == [pytest.approx(1 - NO_KIND.mean())]


@pytest.mark.parametrize("library", [pd, pl])
def test_frames_of_labels_lack_some(library):
    columns = {
        "price": [None if gone else float(v) for v, gone in zip(PRICE, NO_PRICE, strict=True)],
        "kind": [None if gone else int(v) for v, gone in zip(KIND, NO_KIND, strict=True)],
    }
    assert_same(weights_after(two_tasks(), X, library.DataFrame(columns)), weights_after(two_tasks(), X, Y))
    several = {"a": columns["price"], "b": [float(v) for v in PRICE]}
    plait.utils.set_random_seed(0)
    model = plait.Sequential([plait.Input((4,)), layers.Dense(2)])
    model.compile("sgd", "mse", missing_labels=np.nan)
    found = model.evaluate(X, library.DataFrame(several), verbose=0, return_dict=True)
    errors = (model.predict(X, verbose=0) - np.stack([Y["price"], PRICE], -1)) ** 2
    assert found["loss"] == pytest.approx(np.nanmean(errors), rel=1e-5)
    assert found["labelled"] == pytest.approx(1 - NO_PRICE.sum() / (2 * ROWS))


def test_an_output_may_be_left_out_of_a_batch():
    model, alone = two_tasks(metrics={"kind": ["sparse_categorical_accuracy"]}), two_tasks()
    head = model.get_layer("k").get_weights()
    logs = model.train_on_batch(X, {"price": Y["price"]}, return_dict=True)
    assert logs["kind_loss"] == logs["kind_labelled"] == 0.0
    assert_same(model.get_layer("k").get_weights(), head)
    alone.train_on_batch(X, {"price": Y["price"], "kind": np.full(ROWS, -1)})
    assert_same(model.get_weights(), alone.get_weights())
    model.fit(iter([(X, {"kind": Y["kind"]}), (X, {"price": Y["price"]}), (X, Y)]), steps_per_epoch=3, verbose=0)
    history = model.history.history
    assert history["kind_labelled"] == [pytest.approx(2 / 3 * (1 - NO_KIND.mean()))]
    assert np.isfinite(history["loss"]).all()


def test_what_an_output_that_is_left_out_is_measured_by_must_be_known():
    model = two_tasks(metrics={"kind": ["accuracy"]})
    with pytest.raises(
        plait.errors.DataError, match=r"m: the first batch has no labels for 'kind'.*'accuracy'.*in full"
    ):
        model.train_on_batch(X, {"price": Y["price"]})


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_batch_without_labels_has_a_loss_of_exactly_0(optimizer):
    model = two_tasks(optimizer=optimizer)
    before = model.get_layer("k").get_weights()
    logs = model.train_on_batch(X, {"price": Y["price"], "kind": np.full(ROWS, -1)}, return_dict=True)
    assert logs["kind_loss"] == 0.0 and np.isfinite(logs["loss"])
    assert_same(before, model.get_layer("k").get_weights())
    nothing = one_task()
    before = nothing.get_weights()
    assert nothing.train_on_batch(X, np.full(ROWS, np.nan), return_dict=True) == {"loss": 0.0, "labelled": 0.0}
    assert_same(before, nothing.get_weights())


def test_losses_of_an_epoch_are_means_over_what_is_labelled():
    y = np.where(np.arange(ROWS) < 7, PRICE, np.nan)
    model = one_task(metrics=["mae"])
    found = model.evaluate(X, y, batch_size=5, verbose=0, return_dict=True)
    errors = (model.predict(X, verbose=0)[:, 0] - y)[:7]
    assert found["loss"] == pytest.approx((errors**2).mean(), rel=1e-5)
    assert found["mae"] == pytest.approx(abs(errors).mean(), rel=1e-5)
    assert found["labelled"] == pytest.approx(7 / 12)


def test_a_mask_of_steps_and_missing_labels_act_together():
    x = plait.Input((3, 2))
    model = plait.Model(x, layers.Dense(1)(layers.Masking()(x)))
    model.compile("sgd", "mse", metrics=["mse"], missing_labels=np.nan)
    steps, y = np.ones((4, 3, 2), "float32"), RNG.normal(size=(4, 3, 1)).astype("float32")
    steps[:, 2] = 0
    y[1, 0], y[2] = np.nan, np.nan
    found = model.evaluate(steps, y, verbose=0, return_dict=True)
    errors = ((model.predict(steps, verbose=0) - y) ** 2)[:, :2]
    assert found["loss"] == pytest.approx(np.nanmean(errors), rel=1e-5)
    assert found["mse"] == pytest.approx(np.nanmean(errors), rel=1e-5)


class RowLoss(losses.Loss):
    def call(self, y_true, y_pred):
        return plait.ops.mean(plait.ops.abs(y_true - y_pred) ** 3, axis=-1)


class OwnCall(losses.Loss):
    def __call__(self, y_true, y_pred, sample_weight=None):
        return plait.ops.mean(
            plait.ops.abs(y_true - y_pred)[:, 0] ** 3 * (1 if sample_weight is None else sample_weight)
        )


OF_ROWS = {
    "a class": RowLoss(),
    "a function": lambda y, p: plait.ops.mean(plait.ops.abs(y - p) ** 3, axis=-1),
    "its own `__call__`": OwnCall(),
}


@pytest.mark.parametrize("loss", OF_ROWS)
def test_losses_of_the_program_leave_rows_out(loss):
    model = one_task()
    model.compile("sgd", OF_ROWS[loss], missing_labels=np.nan)
    y = np.where(NO_PRICE, np.nan, PRICE)[:, None]
    expected = np.nanmean(abs(model.predict(X, verbose=0) - y) ** 3)
    assert model.evaluate(X, y, verbose=0, return_dict=True)["loss"] == pytest.approx(expected, rel=1e-5)


def test_several_losses_of_one_output_and_losses_of_several():
    def apart(y, p):
        return plait.ops.abs(y["a"] - y["b"] - p["a"] + p["b"])[:, 0]

    plait.utils.set_random_seed(0)
    x = plait.Input((4,))
    model = plait.Model(x, {"a": layers.Dense(1)(x), "b": layers.Dense(1)(x)})
    model.compile("sgd", [apart, {"a": ["mse", "mae"], "b": "mse"}], missing_labels=np.nan)
    a, b = np.where(NO_PRICE, np.nan, PRICE)[:, None], np.where(NO_KIND, np.nan, PRICE)[:, None]
    p, q = (model.predict(X, verbose=0)[name] for name in "ab")
    found = model.evaluate(X, {"a": a, "b": b}, verbose=0, return_dict=True)
    expected = (
        np.nanmean((p - a) ** 2) + np.nanmean(abs(p - a)) + np.nanmean((q - b) ** 2) + np.nanmean(abs(a - b - p + q))
    )
    assert found["loss"] == pytest.approx(expected, rel=1e-5)
    assert np.isfinite(model.train_on_batch(X, {"a": a}, return_dict=True)["loss"])


def test_a_model_that_is_a_class_takes_missing_labels():
    class Two(plait.Model):
        def __init__(self):
            super().__init__()
            self.first, self.second = layers.Dense(1), layers.Dense(3, activation="softmax")

        def call(self, x):
            return {"price": self.first(x), "kind": self.second(x)}

    model = Two()
    model.compile("sgd", LOSSES, missing_labels={"price": np.nan, "kind": -1})
    assert np.isfinite(model.fit(X, Y, verbose=0).history["loss"]).all()
    assert model.history.history["price_labelled"] == [pytest.approx(1 - NO_PRICE.mean())]


def test_the_report_shows_what_is_missing_and_how_much_is_labelled():
    model, told = two_tasks(), []
    model.compile_report(told.append)
    assert "nan where missing" in told[0] and "-1 where missing" in told[0] and "labelled" not in told[0]
    model.fit(X, Y, verbose=0)
    model.compile_report(told.append)
    assert f"{1 - NO_KIND.mean():.1%} labelled" in told[1]


def test_files_keep_what_stands_for_a_missing_label(tmp_path):
    model = two_tasks()
    model.fit(X, Y, verbose=0)
    model.save(tmp_path / "m.keras")
    again = plait.load_model(tmp_path / "m.keras")
    assert again.evaluate(X, Y, verbose=0) == pytest.approx(model.evaluate(X, Y, verbose=0))


WRONG = {
    "no output": ({"cost": np.nan}, r"missing_labels has the key 'cost', which is no output"),
    "no number": (
        {"price": "none"},
        r"missing label of 'price' must be a number, such as np\.nan or -1, but got 'none'",
    ),
    "True": (True, r"missing label of 'kind' must be a number"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_can_stand_for_no_label_is_refused(wrong):
    value, message = WRONG[wrong]
    with pytest.raises(plait.errors.ArgumentError, match=message):
        two_tasks(value)


def test_labels_that_may_not_be_missing_stay_errors():
    with pytest.raises(plait.errors.DataError, match=r"'price' are NaN in 4 of 12 rows"):
        two_tasks({"kind": -1}).fit(X, Y, verbose=0)
    with pytest.raises(plait.errors.DataError, match=r"'kind' must be whole numbers from 0 to 2.*first is -1"):
        two_tasks({"price": np.nan}).fit(X, Y, verbose=0)
    with pytest.raises(plait.errors.DataError, match=r"'kind' must be whole numbers from 0 to 2.*first is 7"):
        two_tasks().fit(X, {**Y, "kind": np.full(ROWS, 7)}, verbose=0)
    with pytest.raises(plait.errors.DataError, match=r"m: 4 of 12 labels are masked.*missing_labels=np\.nan"):
        one_task(None).fit(X, np.ma.array(PRICE, mask=NO_PRICE), verbose=0)
    with pytest.raises(plait.errors.ArgumentError, match="labels for 'kind' are missing"):
        two_tasks({"price": np.nan}).fit(X, {"price": Y["price"]}, verbose=0)


NO_ROWS = {
    "one number": (lambda y, p: plait.ops.mean(y - p), None, "one number for the whole batch"),
    "pairs": (losses.Circle(), None, "compares the rows of a batch with each other"),
    "a metric of one number": ("mse", [lambda y, p: plait.ops.mean(y - p)], "one number for the whole batch"),
}


@pytest.mark.parametrize("case", NO_ROWS)
def test_what_no_row_can_be_left_out_of_is_refused(case):
    loss, metrics, message = NO_ROWS[case]
    model = one_task()
    model.compile("sgd", loss, metrics=metrics, missing_labels=np.nan)
    with pytest.raises(plait.errors.ArgumentError, match=message):
        model.evaluate(X, np.where(NO_PRICE, np.nan, np.ones(ROWS)), verbose=0)


def test_a_metric_without_weights_is_refused():
    class Counted(plait.metrics.Mean):
        def update_state(self, y_true, y_pred):
            super().update_state(y_pred)

    model = one_task(metrics=[Counted()])
    with pytest.raises(plait.errors.ArgumentError, match="Counted takes no `sample_weight`"):
        model.evaluate(X, np.where(NO_PRICE, np.nan, PRICE), verbose=0)
