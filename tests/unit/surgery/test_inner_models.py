"""Surgery inside of inner models, by paths; a layer that two of them share is one layer before and after."""

import numpy as np
import pytest

import plait
from plait import layers, surgery
from plait.errors import NameUnknownError

X = [np.random.default_rng(seed).normal(size=(4, 3)).astype("float32") for seed in (0, 1)]


@pytest.fixture
def model():
    plait.utils.set_random_seed(0)
    x, shared = plait.Input((3,), name="x"), layers.Dense(3, name="shared")
    first = plait.Model(x, layers.Dropout(0.5, name="drop")(shared(x)), name="first")
    second = plait.Model(x, plait.ops.relu(shared(x)), name="second")
    a, b = plait.Input((3,), name="a"), plait.Input((3,), name="b")
    joined = layers.Concatenate(name="both")([first(a), second(b)])
    return plait.Model([a, b], layers.Dense(1, name="out")(joined), name="whole")


def inner(model, path):
    return model.get_layer(path.split("/")[0]).get_layer(path.split("/")[1])


def test_adapters_of_a_shared_layer_are_shared(model):
    before = model.predict(X, verbose=0)
    adapted = surgery.lora(model, "*", rank=1)
    assert inner(adapted, "first/shared") is inner(adapted, "second/shared")
    np.testing.assert_array_equal(adapted.predict(X, verbose=0), before)
    adapted.compile("adam", "mse")
    adapted.fit(X, np.ones((4, 1)), epochs=3, verbose=0)
    trained = adapted.predict(X, verbose=0)
    merged = surgery.merge_lora(adapted, share=False)
    assert len(merged.weights) == len(model.weights) == 4
    np.testing.assert_allclose(merged.predict(X, verbose=0), trained, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("pattern", ["first/shared", "*/shared", "first/sh*"])
def test_adapters_by_a_path(model, pattern):
    adapted = surgery.lora(model, pattern, rank=1)
    assert isinstance(inner(adapted, "first/shared"), surgery.LowRank)
    assert isinstance(inner(adapted, "second/shared"), surgery.LowRank) == (pattern == "*/shared")
    assert isinstance(adapted.get_layer("out"), layers.Dense)


def test_replace_by_a_path(model):
    new = surgery.replace(model, "*/shared", lambda old: layers.Dense(3, name="other"))
    assert inner(new, "first/other") is inner(new, "second/other")
    one = surgery.replace(model, "first/shared", layers.Dense(3, name="other"))
    assert [len(one.get_layer(name).weights) for name in ("first", "second")] == [2, 2]
    assert inner(one, "second/shared") is inner(model, "second/shared")
    assert len(one.weights) == 6


def test_remove_by_a_path(model):
    without = surgery.remove(model, "first/drop")
    assert [layer.name for layer in without.get_layer("first").layers] == ["x", "shared"]
    np.testing.assert_array_equal(without.predict(X, verbose=0), model.predict(X, verbose=0))


def test_a_path_that_leads_nowhere_names_what_there_is(model):
    with pytest.raises(NameUnknownError, match="no layer of 'first' fits 'sharde'"):
        surgery.replace(model, "first/sharde", layers.Dense(3))
    with pytest.raises(NameUnknownError, match="no layer of 'whole' fits 'frist/shared'"):
        surgery.lora(model, "frist/shared")


def test_a_shared_layer_is_quantised_once(model):
    before = model.predict(X, verbose=0)
    model.quantize("int8")
    np.testing.assert_allclose(model.predict(X, verbose=0), before, atol=0.05)


def test_a_shared_layer_adds_its_losses_once(model):
    shared = inner(model, "first/shared")
    shared.activity_regularizer = plait.regularizers.L2(1.0)
    kernel, bias = shared.get_weights()
    expected = sum(np.square(x @ kernel + bias).sum() / 4 for x in X)
    model(X)
    np.testing.assert_allclose(sum(map(float, model.losses)), expected, rtol=1e-5)
    outer = plait.Model(model.input, layers.Identity()(model(model.input)))
    outer(X)
    np.testing.assert_allclose(sum(map(float, outer.losses)), expected, rtol=1e-5)
    outer.compile("sgd", loss=None)
    np.testing.assert_allclose(outer.evaluate(X, verbose=0), expected, rtol=1e-5)
    assert [layer.name for layer in model._flatten_layers()].count("shared") == 1
