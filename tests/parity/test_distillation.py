"""Distillation: Keras's class gives Keras's numbers; the graph's way trains the same, and runs the teacher once."""

import keras
import numpy as np
import pytest

import plait

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(24, 4)).astype("float32"), RNG.integers(0, 3, 24)


def mlp(lib, units, name):
    dense = lib.layers.Dense
    return lib.Sequential([lib.Input((4,)), dense(units, "relu", name="inner"), dense(3, name="logits")], name=name)


def pair():
    """Teacher and student of both sides, with the same weights: plait's, then Keras's."""
    theirs = [mlp(keras, 8, "teacher"), mlp(keras, 8, "student")]
    ours = [mlp(plait, 8, "teacher"), mlp(plait, 8, "student")]
    for one, other in zip(ours, theirs, strict=True):
        one.set_weights(other.get_weights())
    return ours, theirs


def losses(lib):
    inner = lib.distillation.FeatureDistillation("mse", "inner", "inner")
    return [lib.distillation.LogitsDistillation(2.0), inner]


def compiled(lib, distiller, rate=0.1):
    loss = lib.losses.SparseCategoricalCrossentropy(from_logits=True)
    distiller.compile(lib.optimizers.SGD(rate), loss, metrics=["accuracy"])
    return distiller


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_a_distiller_trains_as_keras_does(share):
    ours, theirs = pair()
    found = []
    for lib, models in ((plait, ours), (keras, theirs)):
        distiller = lib.distillation.Distiller(*models, losses(lib), [1.0, 0.5], student_loss_weight=share)
        history = compiled(lib, distiller).fit(X, Y, batch_size=8, epochs=2, shuffle=False, verbose=0).history
        found.append((history, models[1].get_weights()))
    (one, weights), (other, expected) = found
    assert sorted(one) == sorted(other)
    for name in one:
        np.testing.assert_allclose(one[name], other[name], rtol=1e-4, err_msg=name)
    for a, b in zip(weights, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_the_graph_gives_the_same_training():
    ours, _ = pair()
    weights = ours[1].get_weights()
    distiller = plait.distillation.Distiller(*ours, losses(plait), student_loss_weight=0.5)
    compiled(plait, distiller).fit(X, Y, batch_size=8, epochs=2, shuffle=False, verbose=0)
    expected = ours[1].get_weights()
    ours[1].set_weights(weights)
    model = compiled(
        plait, plait.distillation.distill(*ours, losses(plait)), rate=0.05
    )  # 0.1 times a share of one half
    taught = ours[0].get_weights()
    model.fit(X, Y, batch_size=8, epochs=2, shuffle=False, verbose=0, cache_frozen=True)
    assert model.trainer.trunk is not None  # the teacher's part of the graph
    for a, b in zip(ours[1].get_weights(), expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    assert all(np.array_equal(a, b) for a, b in zip(ours[0].get_weights(), taught, strict=True))


def test_a_distiller_is_saved_and_loaded(tmp_path):
    (teacher, student), _ = pair()
    distiller = compiled(plait, plait.distillation.Distiller(teacher, student, losses(plait)))
    distiller.fit(X, Y, verbose=0)
    distiller.save(tmp_path / "distiller.keras")
    again = plait.load_model(tmp_path / "distiller.keras")
    np.testing.assert_array_equal(again.predict(X, verbose=0), distiller.predict(X, verbose=0))


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda t, s: plait.distillation.Distiller(t, s, None), "but is None"),
        (lambda t, s: plait.distillation.Distiller(t, "s", losses(plait)), "the Student must be a model"),
        (
            lambda t, s: plait.distillation.Distiller(t, s, losses(plait), [1.0]),
            "one for each of the 2 losses, but got 1",
        ),
        (
            lambda t, s: plait.distillation.Distiller(t, s, losses(plait), student_loss_weight=2),
            "a number from 0 to 1, but got 2",
        ),
        (lambda t, s: plait.distillation.LogitsDistillation(0), "`temperature` must be a number above 0"),
        (lambda t, s: plait.distillation.FeatureDistillation([None]), "`loss` must hold a loss"),
        (lambda t, s: plait.distillation.distill(t, mlp(plait, 4, "x").layers[0]), "the Student must be a model"),
        (
            lambda t, s: plait.distillation.distill(t, s, plait.distillation.FeatureDistillation("mse", "innr")),
            "In teacher model: .*inner",
        ),
    ],
)
def test_refusals(make, words):
    ours, _ = pair()
    with pytest.raises(ValueError, match=words):
        make(*ours)
