"""How tasks get along: gradients against plain JAX, affinities against steps made by hand, and what a run reports."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import plait
from plait import layers, multitask

RNG = np.random.default_rng(0)
X = RNG.normal(size=(20, 4)).astype("float32")
Y = {"a": X.sum(1, keepdims=True), "b": 2 * X.sum(1, keepdims=True), "c": -(X[:, :1] ** 3)}


def model(**kwargs):
    plait.utils.set_random_seed(0)
    x = plait.Input((4,))
    h = layers.Dropout(0.5)(layers.Dense(5, activation="tanh", name="trunk")(x))
    built = plait.Model(x, {name: layers.Dense(1, name=name)(h) for name in "abc"}, name="m")
    built.compile("sgd", "mse", **kwargs)
    return built


def losses_of(built, x, y):
    function, weights = plait.functional(built)

    def losses(shared):
        p = function({**weights, **shared}, x)
        return jnp.stack([jnp.mean((p[name] - y[name]) ** 2) for name in "abc"])

    return losses, {name: weights[name] for name in ("trunk/kernel", "trunk/bias")}


def test_relations_are_those_of_the_gradients():
    built = model()
    losses, shared = losses_of(built, X, Y)
    rows = jax.jacobian(losses)(shared)
    flat = np.concatenate([np.array(row).reshape(3, -1) for row in rows.values()], 1)
    found = multitask.relations(built, X, Y)
    lengths = np.linalg.norm(flat, axis=1)
    np.testing.assert_allclose(found.lengths, lengths, rtol=1e-4)
    np.testing.assert_allclose(found.cosines, flat @ flat.T / np.outer(lengths, lengths), rtol=1e-3, atol=1e-4)
    assert found.names == ["a", "b", "c"]


def test_affinity_is_what_a_step_for_one_does_to_the_others():
    built = model()
    expected = []
    for rows in (slice(0, 10), slice(10, 20)):
        losses, shared = losses_of(built, X[rows], {name: values[rows] for name, values in Y.items()})
        before, gradients = losses(shared), jax.jacobian(losses)(shared)
        moved = [losses({k: v - 0.1 * gradients[k][task] for k, v in shared.items()}) for task in range(3)]
        expected.append(1 - np.array(moved) / np.array(before))
    weights = built.get_weights()
    found = multitask.affinity(built, X, Y, batch_size=10, learning_rate=0.1)
    np.testing.assert_allclose(found, np.mean(expected, 0), rtol=1e-3, atol=1e-5)
    assert all(np.array_equal(old, new) for old, new in zip(weights, built.get_weights(), strict=True))
    np.testing.assert_allclose(
        multitask.affinity(built, X, Y), multitask.affinity(built, X, Y, learning_rate=0.01), rtol=1e-5
    )


def test_groups_are_the_best_of_all():
    matrix = RNG.normal(size=(4, 4))

    def gain(parts):
        return sum(
            sum(np.mean([matrix[i, j] for i in part if i != j]) for j in part) for part in parts if len(part) > 1
        )

    two = [([0, 1, 2, 3],), *(([i], [j for j in range(4) if j != i]) for i in range(4))]
    two += [([0, i], [j for j in (1, 2, 3) if j != i]) for i in (1, 2, 3)]
    best = max(two, key=gain)
    found = multitask.groups(matrix, list("wxyz"), 2)
    assert sorted(map(sorted, found)) == sorted(sorted("wxyz"[i] for i in part) for part in best)
    assert multitask.groups(matrix, list("wxyz"), 1) == [list("wxyz")]
    with pytest.raises(plait.errors.ArgumentError, match="at most 12 tasks, but got 13"):
        multitask.groups(np.zeros((13, 13)), "abcdefghijklm", 2)


def test_a_report_stands_in_the_history_and_in_a_picture(tmp_path):
    built, report = model(), multitask.Report()
    history = built.fit(X, Y, epochs=3, batch_size=20, shuffle=False, verbose=0, callbacks=[report]).history
    found = multitask.relations(built, X, Y)
    assert history["a_gradient"][-1] == pytest.approx(found.lengths[0], rel=1e-5)
    assert history["a_c_cosine"][-1] == pytest.approx(found.cosines[0, 2], rel=1e-4)
    signs = found.cosines[np.triu_indices(3, 1)] < 0
    assert history["conflicts"][-1] == pytest.approx(signs.mean())
    assert len(report.relations) == 3
    report.picture(tmp_path / "cosines.svg")
    drawn = (tmp_path / "cosines.svg").read_text()
    assert drawn.count("<rect") == 10 and f"{found.cosines[0, 1]:.2f}" in drawn
    multitask.Report().picture(tmp_path / "none.svg")
    assert "No epoch" in (tmp_path / "none.svg").read_text()


def test_a_report_of_given_data_goes_with_a_mixture_and_other_batches_tell_nothing():
    sets = multitask.Mixture({name: (X, values) for name, values in Y.items()})
    for report, told in ((multitask.Report((X, Y)), True), (multitask.Report(), False)):
        history = model().fit(sets, batch_size=10, epochs=2, verbose=0, callbacks=[report]).history
        assert ("conflicts" in history) == told


def test_a_report_is_resumed(tmp_path):
    class Stop(plait.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                raise KeyboardInterrupt

    options = {"epochs": 3, "batch_size": 10, "verbose": 0, "seed": 1, "resume": tmp_path}
    with pytest.raises(KeyboardInterrupt):
        model().fit(X, Y, callbacks=[multitask.Report(), Stop()], **options)
    report = multitask.Report()
    history = model().fit(X, Y, callbacks=[report, plait.callbacks.Callback()], **options).history
    assert len(history["conflicts"]) == 3 and len(report.relations) == 3
    assert history["a_gradient"] == [pytest.approx(float(found.lengths[0])) for found in report.relations]


def test_what_has_nothing_to_compare_is_refused():
    x = plait.Input((4,))
    apart = plait.Model(x, {"a": layers.Dense(1)(x), "b": layers.Dense(1)(x)}, name="apart")
    apart.compile("sgd", "mse")
    with pytest.raises(plait.errors.ArgumentError, match="apart: its tasks share no weight"):
        multitask.relations(apart, X, {"a": Y["a"], "b": Y["b"]})
    single = plait.Sequential([plait.Input((4,)), layers.Dense(1)])
    single.compile("sgd")
    with pytest.raises(plait.errors.ArgumentError, match="read from the graph"):
        multitask.affinity(single, X, Y["a"])
