"""`model.add_loss` and `add_metric` with tensors of the graph, as in Keras 2: trained on, named, saved, cloned, nested."""

import pickle

import numpy as np
import pytest

import plait
from plait import layers, ops
from plait.errors import ArgumentError, GraphError

X = np.random.default_rng(0).normal(size=(16, 3)).astype("float32")
Y = np.random.default_rng(1).normal(size=(16, 3)).astype("float32")


def made(optimizer="sgd", loss="mse"):
    plait.utils.set_random_seed(0)
    x = plait.Input((3,))
    code = layers.Dense(2, name="code")(x)
    model = plait.Model(x, layers.Dense(3, name="out")(code))
    model.add_loss(0.5 * ops.mean(ops.square(code)))
    model.add_metric(ops.square(code), name="size")
    model.compile(optimizer, loss, metrics={"out": "mae"} if loss else None)
    return model


def expected(model, with_loss=True):
    kernel, bias = model.get_layer("code").get_weights()
    size = np.mean((X @ kernel + bias) ** 2)
    error = np.mean((model.predict(X, verbose=0) - Y) ** 2) if with_loss else 0
    return error + 0.5 * size, size


def test_it_is_in_the_loss_and_in_the_logs():
    model = made()
    loss, size = expected(model)
    found = model.evaluate(X, Y, verbose=0, return_dict=True)
    assert set(found) == {"loss", "mae", "size"}
    np.testing.assert_allclose([found["loss"], found["size"]], [loss, size], rtol=1e-5)
    model(X)
    np.testing.assert_allclose(float(sum(model.losses)), 0.5 * size, rtol=1e-5)
    assert model.output_names == ["out"]


def test_gradients_come_from_it():
    model = made(plait.optimizers.SGD(0.1), loss=None)
    kernel, bias = model.get_layer("code").get_weights()
    code = X @ kernel + bias
    model.fit(X, batch_size=16, verbose=0)
    np.testing.assert_allclose(
        model.get_layer("code").get_weights()[0], kernel - 0.1 * X.T @ code / code.size, rtol=1e-5
    )


def test_validation_without_labels():
    history = made("adam", loss=None).fit(X, epochs=2, validation_data=(X, None), verbose=0).history
    assert sorted(history) == ["loss", "size", "val_loss", "val_size"]


@pytest.mark.parametrize("way", ["keras", "h5", "json", "clone", "pickle"])
def test_copies_have_it(way, tmp_path):
    model = made()
    if way in ("keras", "h5"):
        model.save(tmp_path / f"m.{way}")
        again = plait.models.load_model(tmp_path / f"m.{way}")
    elif way == "json":
        again = plait.models.model_from_json(model.to_json())
    else:
        again = plait.models.clone_model(model) if way == "clone" else pickle.loads(pickle.dumps(model))
    again.compile("sgd", "mse", metrics=["mae"])
    again.set_weights(model.get_weights())
    found, known = (one.evaluate(X, Y, verbose=0, return_dict=True) for one in (again, model))
    assert found == pytest.approx(known, rel=1e-6)


def test_an_outer_model_has_it():
    model = made()
    x = plait.Input((3,))
    outer = plait.Model(x, model(x))
    outer.compile("sgd", "mse")
    np.testing.assert_allclose(outer.evaluate(X, Y, verbose=0, return_dict=True)["loss"], expected(model)[0], rtol=1e-5)


def test_masks_and_structures_stay():
    x = plait.Input((4,), dtype="int32")
    h = layers.Embedding(5, 2, mask_zero=True)(x)
    model = plait.Model(x, {"h": h, "x": layers.GlobalAveragePooling1D()(h)})
    model.add_loss(model.output["x"])
    assert sorted(model.output) == ["h", "x"]
    assert plait.Model(x, layers.LSTM(3)(model.output["h"])).output_shape == (None, 3)
    assert model.output["h"]._keras_mask is not None


def test_wrong_ones_are_refused():
    model, other = made(), plait.Input((2,))
    with pytest.raises(GraphError):
        model.add_loss(ops.mean(other))
    with pytest.raises(ArgumentError, match="takes a symbolic tensor of a model with a graph"):
        model.add_metric(3.0, name="three")
    with pytest.raises(ArgumentError, match="aggregation='mean'"):
        model.add_metric(model.output, name="sum", aggregation="sum")
