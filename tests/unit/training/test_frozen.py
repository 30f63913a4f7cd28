"""Frozen trunks cost once: what is found, what is kept, and that the result is the same as without."""

import numpy as np
import pytest

import plait
from plait import layers
from plait.training.data.arrays import ArraySource
from plait.training.frozen import find_trunk, keep_features

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(70, 6)).astype("float32"), RNG.normal(size=(70, 1)).astype("float32")


def trunk(dropout=0.0):
    x = plait.Input((6,))
    h = layers.Dense(8, activation="tanh")(x)
    h = layers.BatchNormalization()(h)
    if dropout:
        h = layers.Dropout(dropout)(h)
    return plait.Model(x, layers.Dense(5, activation="relu")(h), name="trunk")


def flat():
    model = trunk()
    model.trainable = False
    return plait.Model(model.input, layers.Dense(1)(layers.Dropout(0.1)(model.output)))


def nested():
    base = trunk()
    base.trainable = False
    x = plait.Input((6,))
    return plait.Model(x, layers.Dense(1)(layers.Dense(4, activation="relu")(base(x))))


def half_frozen_inside():
    base = trunk()
    base.layers[1].trainable = base.layers[2].trainable = False
    x = plait.Input((6,))
    return plait.Model(x, layers.Dense(1)(base(x)))


def one_input_augmented():
    a, b = plait.Input((6,), name="a"), plait.Input((6,), name="b")
    first = layers.Dense(4, trainable=False)(layers.GaussianNoise(0.5)(a))
    second = layers.Dense(3, trainable=False)(b)
    return plait.Model([a, b], layers.Dense(1)(layers.Concatenate()([first, second, b])))


def dropout_in_the_trunk():
    base = trunk(dropout=0.5)
    base.trainable = False
    return plait.Model(base.input, layers.Dense(1)(base.output))


def masked():
    x = plait.Input((4,), dtype="int32")
    h = layers.Embedding(10, 3, mask_zero=True, trainable=False)(x)
    h = layers.LSTM(4, return_sequences=True, trainable=False)(h)
    return plait.Model(x, layers.Dense(1)(layers.LSTM(3)(h)))


MODELS = [flat, nested, half_frozen_inside, one_input_augmented, dropout_in_the_trunk, masked]


def data_for(model):
    if model.inputs[0].dtype == "int32":
        return RNG.integers(0, 10, (70, 4))
    return X if len(model.inputs) == 1 else {"a": X, "b": X[::-1].copy()}


def trained(make, cache, **options):
    plait.utils.set_random_seed(0)
    model = make()
    model.compile("adam", "mse", metrics=["mae"])
    x = data_for(model)
    plait.utils.set_random_seed(1)
    y = np.tile(Y, model.outputs[0].shape[-1])
    history = model.fit(x, y, epochs=3, batch_size=16, verbose=0, cache_frozen=cache, **options)
    return model, history.history


@pytest.mark.parametrize("make", MODELS, ids=lambda make: make.__name__)
def test_the_same_weights_and_history(make):
    global RNG
    results = []
    for cache in (True, False):
        RNG = np.random.default_rng(3)
        results.append(trained(make, cache, validation_split=0.2))
    (kept, history), (plain, other) = results
    assert kept.trainer.trunk is not None
    assert plain.trainer.trunk is None
    for mine, theirs in zip(kept.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-5)
    assert history.keys() == other.keys()
    for name in history:
        np.testing.assert_allclose(history[name], other[name], rtol=1e-4, atol=1e-5)


def kept_names(model):
    return [tensor.node.operation.name for tensor in model.trainer.trunk.kept]


def test_what_is_kept():
    model, _ = trained(dropout_in_the_trunk, True)
    assert [layer.name for layer in model.trainer.trunk.layers if layer.weights] == [
        layer.name for layer in model.layers[1:3]
    ]  # what is behind the dropout differs each time
    model, _ = trained(one_input_augmented, True)
    assert len(model.trainer.trunk.kept) == 1
    assert model.trainer.trunk.besides == [0, 1]


def test_nothing_frozen_costs_nothing():
    model, _ = trained(trunk, "auto")
    assert model.trainer.trunk is None


def test_a_normalization_that_learns_statistics_is_not_kept():
    def make():
        x = plait.Input((6,))
        h = layers.BatchNormalization(center=False, scale=False)(layers.Dense(4, trainable=False, name="fixed")(x))
        return plait.Model(x, layers.Dense(1)(h))

    model, _ = trained(make, True)
    assert kept_names(model) == ["fixed"]


def test_rows_that_depend_on_each_other_are_not_kept():
    class Centred(layers.Layer):
        def call(self, x):
            return x - plait.ops.mean(x, axis=0)

    def make():
        x = plait.Input((6,))
        h = Centred()(layers.Dense(4, trainable=False)(x))
        return plait.Model(x, layers.Dense(1)(h))

    (kept, _), (plain, _) = trained(make, True), trained(make, False)
    np.testing.assert_allclose(kept.get_weights()[-2], plain.get_weights()[-2], rtol=1e-5)


def test_unfreezing_while_training_takes_effect():
    class Unfreeze(plait.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 0:
                self.model.trainable = True

    results = [trained(flat, cache, callbacks=[Unfreeze()])[0].get_weights() for cache in (True, False)]
    for mine, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-5)


def test_frozen_weights_that_are_set_while_training():
    class Change(plait.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            kernel = self.model.layers[1].kernel
            kernel.assign(kernel * 0.5)

    results = [trained(flat, cache, callbacks=[Change()])[0].get_weights() for cache in (True, False)]
    for mine, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-5)


def test_it_says_what_it_found(capsys):
    plait.utils.set_random_seed(0)
    model = flat()
    model.compile("adam", "mse")
    model.fit(X, Y, epochs=2, verbose=2)
    assert "Frozen: " in capsys.readouterr().out
    model.fit(X, Y, epochs=2, verbose=2, cache_frozen=False)
    assert "Frozen: " not in capsys.readouterr().out


def test_a_budget_of_memory():
    model = flat()
    source = ArraySource(X, Y, batch_size=16)
    kept = [keep_features(find_trunk(model), source, True, memory).arrays[0].kept[0] for memory in (10**6, 100)]
    assert [isinstance(room, np.ndarray) for room in kept] == [
        True,
        False,
    ]  # the other one is read from its file by rows
    np.testing.assert_array_equal(*(room[np.arange(len(X))] for room in kept))
    in_memory, in_a_file = (trained(flat, choice)[0].get_weights() for choice in (True, 100))
    for mine, theirs in zip(in_memory, in_a_file, strict=True):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("choice", ["always", -1, 2.5, None])
def test_other_choices_are_refused(choice):
    with pytest.raises(ValueError, match='`cache_frozen` must be True, False, "auto" or a number of bytes'):
        trained(flat, choice)
