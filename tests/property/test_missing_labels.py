"""Missing labels count nowhere: (loss or metric) x (rank) x (reduction) x (weights) x (pattern), against NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from plait import losses, metrics
from plait.training.compiled import Compiled
from property.test_weights import FORMULAS, METRICS, REDUCTIONS, SHAPES, labels_for, numbers, spread

FEW, SOME = settings(max_examples=5, deadline=None), settings(max_examples=10, deadline=None)


def compiled(loss=None, metric=None, weighted=None, missing=np.nan):
    return Compiled(loss, None, metric, weighted, None, "m", missing=missing)


def patterns(shape):
    return arrays(bool, shape)


def rows_of(values, labelled, w, reduction):
    """The reduction over what is labelled, in NumPy."""
    weighed = np.where(labelled, values * spread(w, values), 0.0)
    if reduction == "sum":
        return weighed.sum()
    if reduction == "mean_with_sample_weight":
        total = (spread(w, values) * labelled).sum() if w is not None else labelled.sum()
        return weighed.sum() / total if total else 0.0
    return weighed.sum() / labelled.sum() if labelled.any() else 0.0


RANKS, REDUCED = st.sampled_from(list(SHAPES)), st.sampled_from([r for r in REDUCTIONS if r != "none"])


@pytest.mark.parametrize("name", FORMULAS)
@SOME
@given(rank=RANKS, reduction=REDUCED, data=st.data())
def test_losses_of_elements_leave_elements_out(name, rank, reduction, data):
    y, p = numbers(rank)
    y = labels_for(name, y)
    labelled = data.draw(patterns(y.shape))
    w = data.draw(st.sampled_from([None, np.linspace(0.0, 2.0, y.shape[0]), np.zeros(y.shape[0])]))
    plan = compiled(getattr(losses, name)(reduction=reduction))
    given_y = jnp.asarray(np.where(labelled, y, np.nan))
    weights = None if w is None else jnp.asarray(w)

    value, slope = jax.value_and_grad(lambda pred: plan.loss(given_y, pred, weights))(jnp.asarray(p))

    np.testing.assert_allclose(value, rows_of(FORMULAS[name](y, p), labelled, w, reduction), rtol=2e-4, atol=1e-6)
    assert (np.asarray(slope)[~labelled] == 0).all() and np.isfinite(slope).all()


@pytest.mark.parametrize("name", [name for name in FORMULAS if hasattr(metrics, METRICS.get(name, name))])
@FEW
@given(rank=RANKS, data=st.data())
def test_metrics_of_elements_leave_elements_out(name, rank, data):
    y, p = numbers(rank)
    y = labels_for(name, y)
    labelled = data.draw(patterns(y.shape))
    w = np.linspace(0.5, 2.0, y.shape[0])
    make = getattr(metrics, METRICS.get(name, name))
    plan = compiled(metric=[make(name="plain")], weighted=[make(name="weighed")])

    plan.update_metrics(jnp.asarray(np.where(labelled, y, np.nan)), jnp.asarray(p), jnp.asarray(w))

    values, found = FORMULAS[name](y, p), plan.results()
    np.testing.assert_allclose(found["plain"], rows_of(values, labelled, None, "mean"), rtol=2e-4, atol=1e-6)
    expected = rows_of(values, labelled, w, "mean_with_sample_weight")
    np.testing.assert_allclose(found["weighed"], expected, rtol=2e-4, atol=1e-6)


CLASSES = {"(B,)": (6,), "(B, 1)": (6, 1), "(B, T)": (4, 3), "(B, T, 1)": (4, 3, 1)}


@pytest.mark.parametrize("missing", [np.nan, -1])
@pytest.mark.parametrize("rank", CLASSES)
@FEW
@given(data=st.data())
def test_class_numbers_that_are_missing_count_nowhere(rank, missing, data):
    shape = CLASSES[rank]
    leading = shape[:-1] if rank.endswith("1)") else shape
    rng = np.random.default_rng(len(shape))
    p = rng.dirichlet(np.ones(3), leading)
    y = rng.integers(0, 3, leading)
    labelled = data.draw(patterns(leading))
    given_y = np.where(labelled, y, missing).reshape(shape).astype("int32" if missing == -1 else "float32")
    plan = compiled(
        "sparse_categorical_crossentropy",
        ["accuracy", metrics.MeanIoU(3, sparse_y_pred=False, name="iou")],
        None,
        missing,
    )

    value, slope = jax.value_and_grad(lambda pred: plan.loss(given_y, pred, None))(jnp.asarray(p))
    plan.update_metrics(given_y, jnp.asarray(p), None)

    right = p.argmax(-1) == y
    entropy = -np.log(np.take_along_axis(p, y[..., None], -1))[..., 0]
    found = plan.results()
    np.testing.assert_allclose(value, rows_of(entropy, labelled, None, "mean"), rtol=2e-5, atol=1e-6)
    np.testing.assert_allclose(found["accuracy"], rows_of(right * 1.0, labelled, None, "mean"), rtol=1e-5)
    np.testing.assert_allclose(found["labelled"], labelled.mean(), rtol=1e-5)
    iou = metrics.MeanIoU(3, sparse_y_pred=False)
    iou.update_state(y.reshape(-1), p.reshape(-1, 3), sample_weight=labelled.reshape(-1).astype("int32"))
    np.testing.assert_allclose(found["iou"], iou.result(), rtol=1e-5)
    assert np.isfinite(slope).all() and (np.asarray(slope)[~labelled] == 0).all()


@pytest.mark.parametrize(
    "loss", ["categorical_crossentropy", "cosine_similarity", "kl_divergence", "categorical_hinge"]
)
@FEW
@given(labelled=patterns((5, 3)))
def test_losses_of_rows_leave_out_rows_that_lack_a_label(loss, labelled):
    rng = np.random.default_rng(3)
    p, y = rng.dirichlet(np.ones(3), 5), np.eye(3)[rng.integers(0, 3, 5)]
    whole = labelled.all(-1)
    plan = compiled(loss)
    given_y = jnp.asarray(np.where(labelled, y, np.nan))
    value, slope = jax.value_and_grad(lambda pred: plan.loss(given_y, pred, None))(jnp.asarray(p))
    expected = float(losses.get(loss)(y[whole], p[whole]).mean()) if whole.any() else 0.0
    np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-6)
    assert np.isfinite(slope).all() and (np.asarray(slope)[~whole] == 0).all()


@pytest.mark.parametrize("axis", [None, (1, 2)])
@pytest.mark.parametrize("loss", [losses.Dice, losses.Tversky])
@FEW
@given(labelled=patterns((3, 4, 2)))
def test_losses_of_overlaps_leave_elements_out_of_their_sums(loss, axis, labelled):
    rng = np.random.default_rng(4)
    p, y = rng.uniform(0.1, 0.9, (3, 4, 2)), rng.integers(0, 2, (3, 4, 2)) * 1.0
    value = compiled(loss(axis=axis)).loss(jnp.asarray(np.where(labelled, y, np.nan)), jnp.asarray(p), None)
    parts = [(y[labelled], p[labelled])] if axis is None else [(*pair,) for pair in _by_row(y, p, labelled)]
    expected = np.mean([float(loss()(*pair)) for pair in parts]) if labelled.any() else 0.0
    np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-6)


def _by_row(y, p, labelled):
    return [(y[row][labelled[row]], p[row][labelled[row]]) for row in range(len(y)) if labelled[row].any()]


OTHERS = {
    "AUC": (lambda: metrics.AUC(), 1),
    "Precision": (lambda: metrics.Precision(), 1),
    "F1Score": (lambda: metrics.F1Score(threshold=0.5, average="micro"), 2),
    "R2Score": (lambda: metrics.R2Score(), 2),
    "RootMeanSquaredError": (lambda: metrics.RootMeanSquaredError(), 2),
    "BinaryAccuracy": (lambda: metrics.BinaryAccuracy(), 2),
}


@pytest.mark.parametrize("name", OTHERS)
@FEW
@given(labelled=arrays(bool, 8).filter(lambda rows: rows.sum() > 2))
def test_other_metrics_are_those_of_the_labelled_rows(name, labelled):
    make, rank = OTHERS[name]
    rng = np.random.default_rng(5)
    shape = (8,) if rank == 1 else (8, 1)
    y, p = rng.integers(0, 2, shape) * 1.0, rng.uniform(0.05, 0.95, shape)
    metric, alone = make(), make()
    plan = compiled(metric=[metric])
    plan.update_metrics(jnp.asarray(np.where(labelled.reshape(shape), y, np.nan)), jnp.asarray(p), None)
    alone.update_state(y[labelled], p[labelled])
    np.testing.assert_allclose(plan.results()[metric.name], alone.result(), rtol=1e-5, atol=1e-6)
