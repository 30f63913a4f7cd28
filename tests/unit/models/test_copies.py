"""Models as pickles and deep copies: the same numbers, their own variables, trained or not."""

import copy
import json
import pickle

import keras
import numpy as np
import pytest

import plait

WAYS = {"pickle": lambda model: pickle.loads(pickle.dumps(model)), "deepcopy": copy.deepcopy}
X, Y = np.linspace(-1, 1, 24, dtype="float32").reshape(8, 3), np.ones((8, 1), "float32")


@pytest.mark.parametrize("fitted", [False, True])
@pytest.mark.parametrize("way", WAYS)
def test_a_copy_predicts_the_same_and_trains_alone(way, fitted):
    x = plait.Input((3,))
    model = plait.Model(x, plait.layers.Dense(1)(plait.layers.Dense(4, activation="tanh")(x)))
    model.compile("adam", "mse", metrics=["mae"])
    if fitted:
        model.fit(X, Y, verbose=0)
        model(X)
    copied = WAYS[way](model)
    np.testing.assert_array_equal(copied.predict(X, verbose=0), model.predict(X, verbose=0))
    before = model.get_weights()
    copied.fit(X, Y, verbose=0)
    for mine, kept in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(mine, kept)
    assert not np.array_equal(copied.get_weights()[0], before[0])
    model.fit(X, Y, verbose=0)
    for mine, others in zip(model.get_weights(), copied.get_weights(), strict=True):
        np.testing.assert_allclose(mine, others, rtol=1e-6)


def test_the_list_of_layers_is_not_set():
    model = plait.Sequential([plait.Input((3,)), plait.layers.Dense(1)])
    with pytest.raises(AttributeError, match="reserved"):
        model.layers = []


@pytest.mark.parametrize("loss", [["mse"], {"out": ["mse"]}, [["mse"]]])
def test_a_loss_may_stand_in_a_list_of_its_own(loss):
    x = plait.Input((3,))
    model = plait.Model(x, plait.layers.Dense(1, name="out")(x))
    model.compile("sgd", loss)
    assert np.isfinite(model.evaluate(X, Y, verbose=0))


def test_the_config_of_a_sequential_is_plain_data_as_keras_has_it():
    def of(lib):
        lib.utils.clear_session()
        chain = [lib.Input((3,)), lib.layers.Dense(2, activation="relu"), lib.Sequential([lib.layers.Dense(1)])]
        config = lib.Sequential(chain, name="chain").get_config()
        return json.loads(json.dumps(config).replace(', "quantization_config": null', ""))

    assert of(plait) == of(keras)
    again = plait.Sequential.from_config(of(plait))
    assert [layer.name for layer in again.layers] == ["dense", "sequential"]


def test_a_chain_without_shapes_has_no_ends():
    model = plait.Sequential([plait.layers.Dense(1)])
    assert not any(hasattr(model, name) for name in ("inputs", "outputs", "input_shape", "output_shape"))
