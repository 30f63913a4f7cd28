"""Each weighting gives what TorchJD and LibMTL give for the same gradients and losses, over 50 steps (`ask_peers.py`)."""

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from plait import multitask

ANSWERS = json.loads((Path(__file__).parents[2] / "answers" / "multitask_peers.json").read_text())
STEPS = len(ANSWERS["torchjd"]["UPGrad"])


def gradients(step, tasks=3):
    rng = np.random.default_rng(step)
    return (rng.normal(size=(tasks, 6)) * np.array([1.0, 0.3, 3.0])[:tasks, None]).astype("float32")


def losses(step):
    rng = np.random.default_rng(1000 + step)
    falling = np.array([2.0, 0.5, 5.0]) * np.exp(-step * np.array([0.02, 0.01, 0.05]))
    return (falling * rng.uniform(0.9, 1.1, 3)).astype("float32")


def combined(weighting, tasks=3):
    """What it makes of the gradients of each step."""
    rows, found = [jnp.asarray(gradients(0, tasks))], []
    state, combine = weighting.state_of(rows), jax.jit(weighting.combine)
    for step in range(STEPS):
        (gradient,), _, state = combine([gradients(step, tasks)], losses(step)[:tasks], state, step)
        found.append(gradient)
    return np.array(found)


# name -> ours, how many tasks, a factor, and how near. TorchJD's PCGrad and GradVac draw an order: two tasks have but one.
AGGREGATIONS = {
    "UPGrad": (multitask.UPGrad(), 3, 1e-4),
    "MGDA": (multitask.MGDA(), 3, 2e-3),
    "IMTLG": (multitask.IMTLG(), 3, 1e-3),
    "AlignedMTL": (multitask.AlignedMTL(), 3, 1e-3),
    "FairGrad": (multitask.FairGrad(1.0), 3, 1e-3),
    "FairGrad 2": (multitask.FairGrad(2.0), 3, 1e-3),
    "PCGrad": (multitask.PCGrad(), 2, 1e-4),
    "GradVac": (multitask.GradVac(), 2, 1e-4),
}


@pytest.mark.parametrize("name", AGGREGATIONS)
def test_gradients_are_combined_as_torchjd_does(name):
    weighting, tasks, near = AGGREGATIONS[name]
    expected = np.array(ANSWERS["torchjd"][name]) * (
        3 if name == "AlignedMTL" else 1
    )  # theirs is the mean of the paper's sum
    np.testing.assert_allclose(combined(weighting, tasks), expected, rtol=near, atol=near * np.abs(expected).max())


def test_the_bargain_is_torchjds_wherever_that_solves_its_equation():
    def solves(step, gradient):  # a task's weight times what it gains is the same for all
        rows = gradients(step).astype("float64")
        gains = np.linalg.lstsq(rows.T, gradient)[0] * (rows @ gradient)
        return gains.max() < 1.01 * gains.min()

    found, expected = combined(multitask.NashMTL()), np.array(ANSWERS["torchjd"]["NashMTL"])
    assert all(solves(step, gradient) for step, gradient in enumerate(found))
    theirs = [step for step, gradient in enumerate(expected) if solves(step, gradient)]
    assert len(theirs) > 0.8 * STEPS
    np.testing.assert_allclose(found[theirs], expected[theirs], rtol=5e-3, atol=5e-3)


OF_LIBMTL = {
    "GradNorm": (multitask.GradNorm(learning_rate=1e-2), 1e-3),
    "CAGrad": (multitask.CAGrad(), 5e-3),
    "MGDA": (multitask.MGDA(), 5e-3),
}


@pytest.mark.parametrize("name", OF_LIBMTL)
def test_gradients_are_combined_as_libmtl_does(name):
    weighting, near = OF_LIBMTL[name]
    expected = np.array(ANSWERS["LibMTL"][name])
    np.testing.assert_allclose(combined(weighting), expected, rtol=near, atol=near * np.abs(expected).max())


BY_LOSS = {
    "Uncertainty": multitask.Uncertainty(learning_rate=1e-2, start=0.0),
    "IMTLL": multitask.IMTLL(learning_rate=1e-2),
    "GLS": multitask.GLS(),
    "DWA": multitask.DWA(),
    "FAMO": multitask.FAMO(),
}


@pytest.mark.parametrize("name", BY_LOSS)
def test_losses_weigh_as_in_torchjd(name):
    weighting, found = BY_LOSS[name], []
    state, update = weighting.init(3), jax.jit(weighting.update)
    for step in range(STEPS):
        weights, state = update(losses(step), state, step // 10)
        found.append(weights)
    np.testing.assert_allclose(found, ANSWERS["torchjd"][name], rtol=2e-3)


# ---------------------------------------------------------------------------- what the peers lack, against the formulas


def run(weighting, epochs=lambda step: 0):
    state, found = weighting.init(3), []
    for step in range(STEPS):
        weights, state = weighting.update(jnp.asarray(losses(step)), state, epochs(step))
        found.append(np.array(weights))
    return np.array(found)


def softmax(x):
    return np.exp(x) / np.exp(x).sum()


def test_smooth_tchebycheff_is_the_gradient_of_its_formula():
    found = run(multitask.STCH(smoothness=0.5, warmup=1), lambda step: step // 5)
    nadir = np.mean([losses(step) for step in range(5, 10)], axis=0)
    expected = [
        1 / losses(step) if step < 10 else 3 * softmax(np.log(losses(step) / nadir) / 0.5) / losses(step)
        for step in range(STEPS)
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_softmax_of_uncertainty_is_its_formula():
    expected = [softmax(1 / (2.0 * losses(step))) for step in range(STEPS)]
    np.testing.assert_allclose(run(multitask.UncertaintySoftmax(2.0)), expected, rtol=1e-5)


def test_random_weights_are_softmaxes_of_the_normal_distribution():
    found = run(multitask.RLW())
    np.testing.assert_allclose(found.sum(1), 1.0, rtol=1e-6)
    assert len(np.unique(found.round(6), axis=0)) == STEPS
    np.testing.assert_allclose(found, run(multitask.RLW()))


def excess():
    weights, squares, first = np.ones(3), 0.0, None
    for step in range(STEPS):
        rows = gradients(step)
        squares = squares + rows**2
        risks = (rows**2 / np.sqrt(squares + 1e-7)).sum(1)
        if first is None:
            first = risks
        else:
            weights = weights * np.exp(1e-2 * risks / first)
            weights = weights / weights.sum() * 3
        yield weights @ rows


def moco():
    tracked, weights = np.zeros((3, 6)), np.full(3, 1 / 3)
    for step in range(1, STEPS + 1):
        rows = gradients(step - 1)
        rows = rows / (np.linalg.norm(rows, axis=1, keepdims=True) + 1e-8) * losses(step - 1)[:, None]
        tracked = tracked - 0.5 / step**0.5 * (tracked - rows)
        weights = softmax(weights - 0.1 / step**0.5 * (tracked @ tracked.T @ weights))
        yield weights @ tracked


def balanced():
    tracked = np.zeros((3, 6))
    for step in range(1, STEPS + 1):
        rows = gradients(step - 1) / losses(step - 1)[:, None]
        tracked = rows + 0.9 / step**0.5 * (tracked - rows)
        lengths = np.linalg.norm(tracked, axis=1)
        yield (lengths.max() / lengths) @ tracked


FORMULAS = {
    "ExcessMTL": (multitask.ExcessMTL(), excess),
    "MoCo": (multitask.MoCo(), moco),
    "DBMTL": (multitask.DBMTL(decay=0.5), balanced),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_what_tracks_gradients_is_its_formula(name):
    weighting, formula = FORMULAS[name]
    np.testing.assert_allclose(combined(weighting), list(formula()), rtol=1e-3, atol=1e-4)


def test_gradients_of_one_sign_stay():
    rows = jnp.asarray([[1.0, -1.0, 2.0, 0.0], [3.0, -2.0, -6.0, 0.0]])
    drawn = []
    weighting, state = multitask.GradDrop(), multitask.GradDrop().init(2)
    for _ in range(400):
        (kept,), _, state = weighting.combine([rows], jnp.ones(2), state, 0)
        drawn.append(np.array(kept))
    drawn = np.array(drawn)
    assert (drawn[:, :2] == [4.0, -3.0]).all() and set(drawn[:, 2]) == {2.0, -6.0} and (drawn[:, 3] == 0).all()
    assert abs((drawn[:, 2] > 0).mean() - 0.25) < 0.07  # half of 1 + (2 - 6) / 8
    leaking = multitask.GradDrop(leak=1.0).combine([rows], jnp.ones(2), state, 0)[0][0]
    np.testing.assert_allclose(leaking, rows.sum(0))


@pytest.mark.parametrize(
    "name", [n for n in multitask.__all__ if hasattr(getattr(multitask, n), "update") and not n.endswith("Weighting")]
)
def test_gradients_of_nothing_stay_finite(name):
    weighting = getattr(multitask, name)()
    if isinstance(weighting, multitask.GradientWeighting):
        for rows in (jnp.zeros((3, 4)), jnp.ones((3, 4)), jnp.eye(3, 4).at[0].set(0.0)):
            found, weights, _ = weighting.combine([rows], jnp.ones(3), weighting.state_of([rows]), 0)
            assert np.isfinite(found[0]).all() and np.isfinite(weights).all()
    else:
        for values in (jnp.ones(3), jnp.array([0.0, 1.0, 2.0])):
            weights, _ = weighting.update(values, weighting.init(3), 0)
            assert np.isfinite(weights).all()
