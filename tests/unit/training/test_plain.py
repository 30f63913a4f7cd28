"""Steps as functions of (state, batch): the same as `fit` where `fit` can say it, and more where it can't."""

import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import plait
from parity.training.test_trajectories import X, Y
from plait import training

EXAMPLES = Path(__file__).parents[3] / "examples"


def network():
    plait.utils.clear_session()
    plait.utils.set_random_seed(3)
    x = plait.Input((4,))
    h = plait.layers.BatchNormalization()(plait.layers.Dense(3, activation="tanh")(x))
    return plait.Model(x, plait.layers.Dense(2)(h))


def test_a_plain_step_is_a_step_of_fit():
    fitted = network()
    fitted.compile(plait.optimizers.Adam(0.05, clipnorm=0.3), "mse")
    history = fitted.fit(X[:32], Y[:32], batch_size=8, epochs=3, shuffle=False, verbose=0).history

    learner = training.Learner(network(), plait.optimizers.Adam(0.05, clipnorm=0.3))
    error = plait.losses.MeanSquaredError()

    def step(state, batch):
        x, y = batch

        def loss(state):
            outputs, state = learner.call(state, x)
            return error(y, outputs), state

        value, state = learner.descend(state, loss)
        return state, {"loss": value}

    state, told = training.run(step, learner.state, X[:32], Y[:32], batch_size=8, epochs=3, shuffle=False)
    learner.keep(state)
    np.testing.assert_allclose(told["loss"], history["loss"], rtol=1e-5)
    for mine, other in zip(learner.model.get_weights(), fitted.get_weights(), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-5, atol=1e-6)
    assert int(learner.optimizer.iterations.numpy()) == 12


def test_learners_can_be_many_at_once():
    """An ensemble: states stacked, one step under vmap."""
    learner = training.Learner(network(), "sgd")

    def step(state):
        def loss(state):
            outputs, state = learner.call(state, X)
            return jnp.mean((outputs - Y) ** 2), state

        return learner.descend(state, loss)

    stacked = jax.tree.map(lambda value: jnp.stack([value, value * 2]), learner.state)
    losses, after = jax.jit(jax.vmap(step))(stacked)
    assert losses.shape == (2,)
    assert not np.allclose(losses[0], losses[1])
    np.testing.assert_allclose(after.weights[0][0], step(learner.state)[1].weights[0], rtol=1e-5, atol=1e-6)


def test_the_seed_makes_the_order():
    def note(state, batch):
        return state * 1.5 + batch.sum(), {"sum": batch.sum()}

    runs = [training.run(note, 0.0, X, batch_size=8, epochs=2, seed=seed) for seed in (1, 1, 2)]
    assert runs[0] == runs[1]
    assert runs[0][1] != runs[2][1]


def test_wrong_steps_are_refused():
    with pytest.raises(ValueError, match=r"a step returns \(state, logs\), logs a dict, but this one returned"):
        training.run(lambda state, batch: state, 0.0, X)
    with pytest.raises(RuntimeError, match="it has no weights yet"):
        training.Learner(plait.Sequential([plait.layers.Dense(1)]))


def test_the_adversarial_example(monkeypatch, capsys):
    monkeypatch.syspath_prepend(EXAMPLES)
    monkeypatch.delitem(sys.modules, "gan", raising=False)
    import gan

    real, made = gan.main(epochs=3)
    assert "made: deviation of weight" in capsys.readouterr().out
    np.testing.assert_allclose(made.std(0), real.std(0), atol=0.4)
    assert np.corrcoef(made.T)[0, 1] > 0.8
