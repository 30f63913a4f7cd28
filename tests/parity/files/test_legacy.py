"""The old HDF5 layout, both ways with Keras: predictions, and a further training step."""

import keras
import numpy as np

import plait
from plait.saving.legacy_config import OldHardSigmoid


def model_of(lib):
    """Layers whose weights old files keep in an order of their own."""
    x = lib.Input((6, 3))
    h = lib.layers.Bidirectional(lib.layers.LSTM(4, return_sequences=True))(x)
    h = lib.layers.BatchNormalization()(lib.layers.Conv1D(4, 3, use_bias=False)(h))
    h = lib.Sequential([lib.layers.Dense(3, activation="relu"), lib.layers.BatchNormalization()])(h)
    return lib.Model(x, lib.layers.Dense(2)(lib.layers.GRU(5)(h)))


def data():
    """Rows and targets."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(8, 6, 3)).astype("float32"), rng.normal(size=(8, 2)).astype("float32")


def close(a, b, x):
    """Two models predict the same."""
    np.testing.assert_allclose(a.predict(x, verbose=0), b.predict(x, verbose=0), rtol=1e-5, atol=1e-5)


def test_plait_opens_what_keras_wrote_and_trains_on(tmp_path):
    x, y = data()
    theirs = model_of(keras)
    theirs.compile("adam", "mean_squared_error")
    theirs.fit(x, y, verbose=0, shuffle=False)
    theirs.save(tmp_path / "m.h5")
    ours = plait.load_model(tmp_path / "m.h5")
    close(ours, theirs, x)
    for model in (ours, theirs):
        model.fit(x, y, verbose=0, shuffle=False)
    close(ours, theirs, x)


def test_keras_opens_what_plait_wrote(tmp_path):
    x, y = data()
    ours = model_of(plait)
    ours.compile("adam", "mean_squared_error")
    ours.fit(x, y, verbose=0)
    ours.save(tmp_path / "m.h5")
    close(ours, keras.saving.load_model(tmp_path / "m.h5"), x)


def test_keras_computes_the_old_hard_sigmoid_of_a_converted_file(tmp_path):
    x, _ = data()
    ours = plait.Sequential([plait.Input((6, 3)), plait.layers.LSTM(4, recurrent_activation=OldHardSigmoid())])
    ours.save(tmp_path / "m.keras")
    close(ours, keras.saving.load_model(tmp_path / "m.keras"), x)
    close(ours, plait.load_model(tmp_path / "m.keras"), x)


def half_frozen(lib, frozen):
    """Layers of one shape in nested models, the first of each frozen or not."""
    x, inner = lib.Input((4,)), lib.Input((4,))
    h = lib.layers.BatchNormalization(name="norm")(lib.layers.Dense(4, name="one")(inner))
    tower = lib.Model(inner, lib.layers.Dense(4, name="two")(h), name="tower")
    chain = lib.Sequential([lib.Input((4,)), lib.layers.Dense(4), lib.layers.Dense(4)], name="chain")
    tower.get_layer("one").trainable = chain.layers[0].trainable = not frozen
    return lib.Model(x, lib.layers.Dense(2, name="out")(chain(tower(x))))


def test_what_keras_saved_frozen_is_loaded_thawed(tmp_path):
    theirs, ours = half_frozen(keras, True), half_frozen(plait, False)
    theirs.save(tmp_path / "m.h5")
    ours.load_weights(tmp_path / "m.h5")
    close(ours, theirs, np.random.default_rng(0).normal(size=(8, 4)).astype("float32"))
