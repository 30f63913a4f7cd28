"""Weights weigh rows: (loss or metric) x (rank) x (reduction) x (weights), against NumPy."""

import numpy as np
import pytest

import plait
from plait import layers, losses, metrics

E = 1e-7  # Keras's epsilon


def of_sign(y):
    return np.where(y > 0.5, 1.0, -1.0)


# What each compares in an element; `y` and `p` in (0, 1).
FORMULAS = {
    "MeanSquaredError": lambda y, p: (y - p) ** 2,
    "MeanAbsoluteError": lambda y, p: abs(y - p),
    "MeanAbsolutePercentageError": lambda y, p: 100 * abs((y - p) / np.maximum(abs(y), E)),
    "MeanSquaredLogarithmicError": lambda y, p: (np.log(y + 1) - np.log(p + 1)) ** 2,
    "Huber": lambda y, p: np.where(abs(y - p) <= 1, 0.5 * (y - p) ** 2, abs(y - p) - 0.5),
    "LogCosh": lambda y, p: np.log(np.cosh(p - y)),
    "Poisson": lambda y, p: p - y * np.log(p + E),
    "BinaryCrossentropy": lambda y, p: -(y * np.log(p) + (1 - y) * np.log(1 - p)),
    "Hinge": lambda y, p: np.maximum(1 - y * p, 0),
    "SquaredHinge": lambda y, p: np.maximum(1 - y * p, 0) ** 2,
}
METRICS = {"LogCosh": "LogCoshError"}
SHAPES = {1: (6,), 2: (6, 3), 3: (4, 3, 2), 4: (3, 2, 2, 3)}
REDUCTIONS = ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none")


def numbers(rank):
    rng = np.random.default_rng(rank)
    return rng.uniform(0.05, 0.95, SHAPES[rank]), rng.uniform(0.05, 0.95, SHAPES[rank])


def labels_for(name, y):
    return of_sign(y) if "Hinge" in name else y


def weights(form, shape):
    rows = np.random.default_rng(9).uniform(0, 2, shape)
    return {"none": None, "zeros and ones": (rows[(slice(None),) + (0,) * (rows.ndim - 1)] > 1) * 1.0, "all": rows}[
        form
    ]


def per_sample(name, y, p):
    values = FORMULAS[name](y, p)
    return values if values.ndim == 1 else values.mean(-1)


def spread(w, values):
    return (
        np.ones_like(values)
        if w is None
        else np.broadcast_to(w.reshape(w.shape + (1,) * (values.ndim - w.ndim)), values.shape)
    )


@pytest.mark.parametrize("form", ["none", "zeros and ones", "all"])
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("rank", SHAPES)
@pytest.mark.parametrize("name", FORMULAS)
def test_losses(name, rank, reduction, form):
    y, p = numbers(rank)
    y = labels_for(name, y)
    values = per_sample(name, y, p)
    w = weights(form, values.shape)
    weighted = values * spread(w, values)
    expected = {
        "sum_over_batch_size": weighted.mean(),
        "mean": weighted.mean(),
        "sum": weighted.sum(),
        "mean_with_sample_weight": weighted.sum() / spread(w, values).sum(),
        "none": weighted,
    }[reduction]
    found = getattr(losses, name)(reduction=reduction)(y, p, w)
    np.testing.assert_allclose(found, expected, rtol=2e-4, atol=1e-6)


@pytest.mark.parametrize("form", ["none", "zeros and ones", "all"])
@pytest.mark.parametrize("rank", SHAPES)
@pytest.mark.parametrize("name", FORMULAS)
def test_metrics(name, rank, form):
    cls = getattr(metrics, METRICS.get(name, name), None)
    if cls is None:
        assert name == "Huber", "a loss that has no metric of its own"
        return
    y, p = numbers(rank)
    y = labels_for(name, y)
    values = per_sample(name, y, p)
    w = weights(form, values.shape)
    metric = cls()
    half = len(y) // 2
    for part in (slice(None, half), slice(half, None)):
        metric.update_state(y[part], p[part], None if w is None else w[part])
    expected = (values * spread(w, values)).sum() / spread(w, values).sum()
    np.testing.assert_allclose(metric.result(), expected, rtol=2e-4, atol=1e-6)


def of_rank(rank, loss, **options):
    """A model whose output is its input, of a rank."""
    x = plait.Input(SHAPES[rank][1:])
    model = plait.Model(x, layers.Lambda(lambda x: x * 1.0)(x))
    model.compile("sgd", loss, weighted_metrics=["mae"], **options)
    return model


@pytest.mark.parametrize("entry", ["evaluate", "test_on_batch", "a generator"])
@pytest.mark.parametrize("rank", SHAPES)
@pytest.mark.parametrize("name", ["MeanSquaredError", "BinaryCrossentropy"])
def test_compiled_losses_and_weighted_metrics(name, rank, entry):
    y, p = numbers(rank)
    values, distances = per_sample(name, y, p), per_sample("MeanAbsoluteError", y, p)
    w = weights("zeros and ones", values.shape)
    model = of_rank(rank, getattr(losses, name)())
    if entry == "a generator":
        found = model.evaluate((batch for batch in [(p, y, w)]), verbose=0)
    else:
        options = {"verbose": 0, "batch_size": len(y)} if entry == "evaluate" else {}
        found = getattr(model, entry)(p, y, sample_weight=w, **options)
    expected = (values * spread(w, values)).mean(), (distances * spread(w, values)).sum() / spread(w, values).sum()
    np.testing.assert_allclose(found, expected, rtol=2e-4)


def test_weights_of_classes_act_by_row_on_outputs_without_a_last_axis():
    x = plait.Input((1,))
    h = layers.Dense(1, activation="sigmoid", kernel_initializer="zeros")(x)
    flat, column = (plait.Model(x, out) for out in (layers.Reshape(())(h), h))
    y = np.array([0, 1, 1, 0, 1])
    histories = []
    for model in (flat, column):
        model.compile(plait.optimizers.SGD(0.0), "binary_crossentropy")
        labels = y if model is flat else y[:, None]
        fitted = model.fit(np.ones((5, 1)), labels, class_weight={0: 0.0, 1: 3.0}, batch_size=5, verbose=0)
        histories.append(fitted.history["loss"][0])
    assert histories[0] == pytest.approx(histories[1]) == pytest.approx(np.log(2) * 9 / 5, rel=1e-5)


def test_options_of_losses_and_metrics_can_be_set():
    y, p = np.array([0.0, 0.0]), np.array([3.0, 1.0])
    loss = losses.Huber(delta=1.0)
    loss.delta = 5.0
    assert float(loss(y, p)) == pytest.approx((4.5 + 0.5) / 2)
    assert loss.get_config()["delta"] == 5.0
    metric = metrics.BinaryAccuracy(threshold=0.5)
    metric.threshold = 2.0
    metric.update_state(np.array([1.0, 1.0]), p)
    assert float(metric.result()) == 0.5
