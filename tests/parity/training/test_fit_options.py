"""What `fit` can be asked for, beside Keras: the same history and weights, and the same answers of callbacks."""

import numpy as np
import pytest

import plait
from parity.training.test_trajectories import X, Y, small
from parity.training.twins import assert_same, both, train

LABELS = np.argmax(Y, -1)


def classifier(lib):
    """Two classes."""
    x = lib.Input((4,))
    h = lib.layers.Dense(3, activation="tanh")(x)
    return lib.Model(x, lib.layers.Dense(2, activation="softmax")(h))


def two_heads(lib):
    """A number and a class, by name."""
    x = lib.Input((4,))
    h = lib.layers.Dense(3, activation="tanh", name="trunk")(x)
    number = lib.layers.Dense(1, name="number")(h)
    return lib.Model(x, {"number": number, "class": lib.layers.Dense(2, activation="softmax", name="kind")(h)})


def usual(lib):
    """What to compile with."""
    return {"optimizer": lib.optimizers.SGD(0.1), "loss": "mse", "metrics": ["mae"], "weighted_metrics": ["mse"]}


def for_classes(lib):
    """What to compile a classifier with."""
    loss = "sparse_categorical_crossentropy"
    return {"optimizer": lib.optimizers.SGD(0.1), "loss": loss, "metrics": ["acc"], "weighted_metrics": ["accuracy"]}


def for_heads(lib):
    """What to compile two heads with."""
    return {
        "optimizer": lib.optimizers.SGD(0.1),
        "loss": {"number": "mse", "class": "sparse_categorical_crossentropy"},
        "loss_weights": {"number": 0.3, "class": 2.0},
        "metrics": {"number": ["mae", "mse"], "class": "accuracy"},
        "weighted_metrics": {"class": ["accuracy"]},
    }


WEIGHTS = np.linspace(0.1, 2.0, len(X)).astype("float32")
OTHER = (X[:10] + 1, Y[:10])
OPTIONS = {
    "validation_split": {"validation_split": 0.3},
    "validation_data and frequency": {"validation_data": OTHER, "validation_freq": 2, "validation_batch_size": 4},
    "validation_freq as a list": {"validation_data": OTHER, "validation_freq": [1, 4], "validation_steps": 1},
    "validation with weights": {"validation_data": (*OTHER, WEIGHTS[:10])},
    "steps_per_epoch": {"steps_per_epoch": 3, "batch_size": None},
    "steps across passes": {"steps_per_epoch": 4, "epochs": 3, "batch_size": 5},
    "initial_epoch": {"initial_epoch": 2, "epochs": 4},
    "no epochs": {"epochs": 0},
    "shuffle off": {"shuffle": False, "batch_size": 16},
    "shuffle batches": {"shuffle": "batch"},
    "large batch": {"batch_size": 100},
    "sample_weight": {"sample_weight": WEIGHTS},
    "sample_weight and split": {"sample_weight": WEIGHTS, "validation_split": 0.25},
    "sample_weight as a column": {"sample_weight": WEIGHTS[:, None]},
}
CHEAP = ("steps across passes", "sample_weight and split")


@pytest.mark.parametrize(
    "name", [name if name in CHEAP else pytest.param(name, marks=pytest.mark.slow) for name in OPTIONS]
)
def test_options(name):
    assert_same(*both(small, usual, (X, Y), **OPTIONS[name]))


@pytest.mark.parametrize("form", ["numbers", pytest.param("column", marks=pytest.mark.slow)])
def test_class_weight(form):
    labels = LABELS if form == "numbers" else LABELS[:, None]
    assert_same(*both(classifier, for_classes, (X, labels), class_weight={0: 3.0, 1: 0.5}, evaluate=True))


@pytest.mark.slow
def test_class_weight_of_one_hot_labels():
    def compiled(lib):
        return {**for_classes(lib), "loss": "categorical_crossentropy"}

    assert_same(*both(classifier, compiled, (X, np.eye(2, dtype="float32")[LABELS]), class_weight={1: 4.0}))


@pytest.mark.slow
@pytest.mark.parametrize("weighted", [True, False])
def test_heads_by_name(weighted):
    data = X, {"number": Y[:, :1], "class": LABELS}
    options = {"sample_weight": {"number": WEIGHTS, "class": WEIGHTS[::-1].copy()}} if weighted else {}
    ours, theirs = both(two_heads, for_heads, data, evaluate=True, validation_split=0.2, **options)
    assert_same(ours, theirs)


def series(lib):
    """Classes of steps, some of which are masked."""
    x = lib.Input((4, 3))
    h = lib.layers.Dense(3, activation="tanh")(lib.layers.Masking()(x))
    return lib.Model(x, lib.layers.Dense(2, activation="softmax")(h))


@pytest.mark.parametrize("weighted", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_mask_reaches_the_loss(weighted):
    """The metrics of `fit` are those of plait: Keras leaves the mask out there, and only there."""
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(20, 4, 3)).astype("float32"), rng.integers(0, 2, (20, 4))
    x[::2, 2:] = 0
    options = {"sample_weight": rng.uniform(0.5, 2, (20, 4)).astype("float32")} if weighted else {}

    def compiled(lib):
        loss = "sparse_categorical_crossentropy"
        return {"optimizer": "sgd", "loss": loss, "metrics": ["accuracy"], "weighted_metrics": ["acc"]}

    ours, theirs = both(series, compiled, (x, y), evaluate=True, **options)
    np.testing.assert_allclose(ours.history["loss"], theirs.history["loss"], rtol=1e-5)
    for history in (ours.history, theirs.history):
        del history["accuracy"], history["acc"]
    assert_same(ours, theirs)


def nested(lib):
    """Outputs in a list in a dict."""
    x = lib.Input((4,))
    return lib.Model(x, {"both": [lib.layers.Dense(1, name="a")(x), lib.layers.Dense(2, name="b")(x)]})


@pytest.mark.slow
def test_labels_in_the_structure_of_the_outputs():
    def compiled(lib):
        return {"optimizer": "sgd", "loss": {"both": ["mse", "mae"]}}

    assert_same(*both(nested, compiled, (X, {"both": [Y[:, :1], Y]})))


def test_class_weights_of_each_head_are_sample_weights():
    """Keras refuses these; the same numbers as weights of rows are what they mean."""
    data = X, {"number": Y[:, :1], "class": LABELS}
    by_class = train(plait, two_heads, for_heads, data, class_weight={"class": {0: 3.0, 1: 0.5}})
    by_row = {"number": np.ones(len(X), "float32"), "class": np.where(LABELS == 0, 3.0, 0.5).astype("float32")}
    assert_same(by_class, train(plait, two_heads, for_heads, data, sample_weight=by_row))


def test_weights_of_rows_weigh_rows_of_series():
    """Keras refuses them, or weighs the steps where there are as many as rows."""
    y, y_pred = np.zeros((4, 4, 1), "float32"), np.arange(16, dtype="float32").reshape(4, 4, 1)
    weights = np.array([1, 0, 0, 0], "float32")
    first_row = np.square(y_pred[0]).sum()
    assert float(plait.losses.MeanSquaredError()(y, y_pred, sample_weight=weights)) == first_row / 16
    assert float(plait.metrics.MeanSquaredError()(y, y_pred, sample_weight=weights)) == first_row / 4


ACCUMULATED = {
    "SGD": {"momentum": 0.9, "weight_decay": 0.1, "global_clipnorm": 0.1},
    "Adam": {"amsgrad": True, "clipvalue": 0.01},
}


@pytest.mark.parametrize("name", ACCUMULATED)
def test_gradient_accumulation_equals_the_big_batch(name):
    """Clipping, decay, the schedule and the moving average act once for each big batch, after the mean."""

    def compiled(steps):
        def made(lib):
            schedule = lib.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5)
            options = {"use_ema": True, "ema_momentum": 0.6, "gradient_accumulation_steps": steps}
            optimizer = getattr(lib.optimizers, name)(schedule, **ACCUMULATED[name], **options)
            return {"optimizer": optimizer, "loss": "mse"}

        return made

    data = X[:32], Y[:32]
    small_batches = train(plait, small, compiled(4), data, batch_size=4, shuffle=False, epochs=3)
    big_batches = train(plait, small, compiled(None), data, batch_size=16, shuffle=False, epochs=3)
    for mine, other in zip(small_batches.weights, big_batches.weights, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-5, atol=1e-6)
