"""The document that plait was asked for: every complete snippet and every statement, as written there.

Only import lines and data are added. The document's own words are quoted above what they are about.
"""

import numpy as np
import pytest

import plait as tf
from plait import load_model
from plait.layers import Conv1D, Conv2D, Dense, Flatten, Input
from plait.models import Model, Sequential


def test_a_layer_object_is_called_on_the_inputs_object():
    inputs = Input(shape=(32, 1))
    outputs = Conv1D(16, 5, activation="relu")(inputs)
    assert outputs.shape == (None, 28, 16)
    model = Model(inputs=inputs, outputs=outputs)
    assert model.predict(np.zeros((3, 32, 1)), verbose=0).shape == (3, 28, 16)


def test_once_built_everything_is_just_the_same_as_with_sequential():
    inputs = Input(shape=(32, 1))
    outputs = Dense(1)(Flatten()(Conv1D(16, 5, activation="relu")(inputs)))
    model = Model(inputs=inputs, outputs=outputs)
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(64, 32, 1)), rng.normal(size=(64, 1))
    model.compile(loss="mse", optimizer="adam", metrics=["mae"])
    history = model.fit(X, y, epochs=2, validation_data=(X[:8], y[:8]), verbose=0)
    assert set(history.history) == {"loss", "mae", "val_loss", "val_mae"}
    assert len(model.evaluate(X, y, verbose=0)) == 2
    assert model.predict(X, verbose=0).shape == (64, 1)


def multiple():
    inputs = Input(shape=(32, 1))
    aux_inputs = Input(shape=(12,))
    outputs = Dense(20, activation="sigmoid")([inputs, aux_inputs])
    aux_outputs = Dense(1, activation="linear")([inputs, aux_inputs])
    model = Model(inputs=[inputs, aux_inputs], outputs=[outputs, aux_outputs])
    return model


def test_multiple_inputs_and_outputs():
    model = multiple()
    assert [tensor.shape for tensor in model.outputs] == [(None, 32, 20), (None, 32, 1)]
    assert model.input_shape == [(None, 32, 1), (None, 12)]


def test_a_list_of_losses_in_the_order_of_the_outputs_and_loss_weight():
    model = multiple()
    model.compile(loss=["binary_crossentropy", "mse"], loss_weight=[1, 0.4])
    rng = np.random.default_rng(0)
    X_train, X_aux = rng.normal(size=(40, 32, 1)), rng.normal(size=(40, 12))
    y_train, y_aux = rng.integers(0, 2, (40, 32, 20)), rng.normal(size=(40, 32, 1))
    history = model.fit([X_train, X_aux], [y_train, y_aux], epochs=2, verbose=0)
    first, second = (history.history[f"{name}_loss"] for name in model.output_names)
    np.testing.assert_allclose(history.history["loss"], np.array(first) + 0.4 * np.array(second), rtol=1e-5)
    losses = model.evaluate([X_train, X_aux], [y_train, y_aux], verbose=0)
    assert losses[0] == pytest.approx(losses[1] + 0.4 * losses[2], rel=1e-5)
    assert [p.shape for p in model.predict([X_train, X_aux], verbose=0)] == [(40, 32, 20), (40, 32, 1)]


def test_variables_persist_and_can_be_changed():
    inputs = Input(shape=(5,))
    layer = Dense(16, activation="sigmoid")
    layer(inputs)
    assert isinstance(layer.kernel, tf.Variable)
    assert isinstance(layer.bias, tf.Variable)
    layer.bias.assign(np.arange(16.0))
    assert isinstance(layer.bias.numpy(), np.ndarray)
    assert layer.bias.numpy().tolist() == list(range(16))


def test_variables_are_created_independently_of_any_model():
    my_var = tf.Variable([-1, 2], dtype=tf.float32, name="my_var")
    h = my_var + [5, 4]
    assert str(h) == "[4. 6.]"
    assert h.shape == (2,)
    assert h.dtype == tf.float32
    my_var.assign([3, 3])
    assert my_var.numpy().tolist() == [3, 3]


def test_a_dense_layer_takes_a_tensor_and_returns_a_tensor():
    inputs = Input(shape=(5,))
    h = Dense(16, activation="sigmoid")(inputs)
    assert h.shape == (None, 16)  # "the None captures the variable batch size"
    assert h.dtype == tf.float32
    model = Model(inputs, h)  # "only gets a concrete value when the network is run with a given input"
    assert model(np.zeros((7, 5))).shape == (7, 16)
    np.testing.assert_allclose(model(np.zeros((7, 5))), 0.5)


def test_constant_tensors():
    x = tf.constant([[5, 2], [1, 3]])
    assert x.tolist() == [[5, 2], [1, 3]]
    assert x.shape == (2, 2)
    assert x.dtype == tf.int32
    assert tf.ones((2, 3)).tolist() == [[1, 1, 1], [1, 1, 1]]
    assert tf.zeros((2,)).tolist() == [0, 0]


def network():
    inputs = Input(shape=(8, 8, 1))
    h = Conv2D(4, 3, activation="relu", name="conv2d_layer")(inputs)
    outputs = Dense(2, name="out")(Flatten(name="flat")(h))
    return Model(inputs, outputs)


def test_accessing_layers():
    model = network()
    assert model.layers() == model.layers
    assert model.layers[1] is model.get_layer("conv2d_layer")  # by index, by name
    assert len(model.layers[1].weights) == 2
    assert [w.shape for w in model.layers[1].get_weights()] == [(3, 3, 1, 4), (4,)]  # "or return numpy array"
    assert model.layers[1].kernel.shape == (3, 3, 1, 4)
    assert model.layers[1].bias.shape == (4,)
    assert model.input.shape == (None, 8, 8, 1)
    assert model.output.shape == (None, 2)
    assert model.get_layer("flat").input is model.get_layer("conv2d_layer").output


def test_new_models_from_tensors_inside_other_models():
    model = network()
    x = np.random.default_rng(0).normal(size=(3, 8, 8, 1))
    removed = Model(model.input, model.get_layer("flat").output)
    assert removed.predict(x, verbose=0).shape == (3, 144)
    added = Model(model.inputs, Dense(5)(model.get_layer("flat").output))
    assert added.predict(x, verbose=0).shape == (3, 5)
    either = Sequential([removed, Dense(3)])
    assert either.predict(x, verbose=0).shape == (3, 3)
    np.testing.assert_allclose(
        removed.predict(x, verbose=0) @ model.layers[-1].kernel.numpy(), model.predict(x, verbose=0), rtol=1e-4
    )


def fit_once(model):
    rng = np.random.default_rng(0)
    model.compile(loss="mse", optimizer="adam")
    model.fit(rng.normal(size=(32, 8, 8, 1)), rng.normal(size=(32, 2)), verbose=0)


@pytest.mark.parametrize("when", ["creating", "built"])
def test_freezing_a_layer(when):
    if when == "creating":
        inputs = Input(shape=(8, 8, 1))
        h = Conv2D(16, 3, activation="relu", name="conv2d_layer", trainable=False)(inputs)
        model = Model(inputs, Dense(2)(Flatten()(h)))
    else:
        model = network()
        model.get_layer("conv2d_layer").trainable = False
    frozen, head = model.get_layer("conv2d_layer").get_weights(), model.layers[-1].get_weights()
    fit_once(model)
    for before, after in zip(frozen, model.get_layer("conv2d_layer").get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
    assert not np.array_equal(head[0], model.layers[-1].get_weights()[0])


def test_freezing_an_entire_loaded_model(tmp_path):
    pretrained = network()
    fit_once(pretrained)
    pretrained.save(tmp_path / "pretrained_model.keras")
    model = load_model(tmp_path / "pretrained_model.keras")
    model.trainable = False
    assert model.trainable_weights == []
    whole = Sequential([model, Dense(2)])
    before = model.get_weights()
    fit_once(whole)
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
