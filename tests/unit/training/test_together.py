"""predict of small models puts many batches into one program: the numbers stay those of one batch at a time."""

import numpy as np
import pytest

import plait
from plait import layers
from plait.training import prediction

DRAW = np.random.default_rng(0)
WIDE = DRAW.normal(size=(32 * 150 + 7, 5)).astype("float32")  # two dispatches of 64, one of 22, and a short batch


@pytest.fixture
def sent(monkeypatch):
    """How many batches each dispatch held."""
    counts = []
    real = prediction._dispatches

    def watched(*args):
        for send, count, room in real(*args):
            counts.append(count)
            yield send, count, room

    monkeypatch.setattr(prediction, "_dispatches", watched)
    return counts


def perceptron():
    x = plait.Input((5,))
    return plait.Model(x, layers.Dense(3, "softmax")(layers.BatchNormalization()(layers.Dense(8, "relu")(x))))


def nested():
    x, y = plait.Input((5,), name="x"), plait.Input((2,), name="y")
    joined = layers.Concatenate()([plait.Sequential([plait.Input((5,)), layers.Dense(4, "tanh")])(x), y])
    return plait.Model({"x": x, "y": y}, {"sum": layers.Dense(1)(joined), "same": joined})


def folding():
    """Two rows out of one: as many as no batch has."""
    x = plait.Input((6,))
    return plait.Model(x, layers.Dense(2)(plait.ops.reshape(x, (-1, 3))))


def one_at_a_time(model, x):
    batches = list(model.predict_batches(x, batch_size=32))
    return plait.tree.map_structure(lambda *parts: np.concatenate(parts), *batches)


@pytest.mark.parametrize(
    "make, x",
    [
        (perceptron, WIDE),
        (perceptron, WIDE[: 32 * 64]),
        (nested, {"x": WIDE, "y": WIDE[:, :2] * 3}),
        (folding, np.tile(WIDE, 2)[:, :6]),
    ],
    ids=["short batch at the end", "one full dispatch", "nested, dicts", "more rows out than in"],
)
def test_the_same_numbers(make, x, sent):
    model = make()
    found = model.predict(x, verbose=0)
    assert max(sent) == 64
    expected = one_at_a_time(model, x)
    plait.tree.map_structure(np.testing.assert_array_equal, found, expected)


def test_files_hold_them_too(tmp_path, sent):
    model = perceptron()
    found = model.predict(WIDE, verbose=0, out=tmp_path / "outputs.npy")
    assert sent == [64, 64, 22, 1]
    np.testing.assert_array_equal(found, one_at_a_time(model, WIDE))


def test_each_batch_draws_its_own_numbers(sent):
    x = plait.Input((5,))
    model = plait.Model(x, layers.Dropout(0.5, seed=3)(x, training=True))
    ones = np.ones((32 * 20, 5), "float32")
    first, second = model.predict(ones, verbose=0), model.predict(ones, verbose=0)
    assert sent == [20, 20]
    batches = [part.tobytes() for part in np.split(np.concatenate([first, second]), 40)]
    assert len(set(batches)) == 40
    again = plait.clone_model(model)
    np.testing.assert_array_equal(first, one_at_a_time(again, ones))


def test_new_weights_and_more_layers_count(sent):
    model = perceptron()
    before = model.predict(WIDE, verbose=0)
    model.layers[1].kernel.assign(model.layers[1].kernel.numpy() * 0)
    after = model.predict(WIDE, verbose=0)
    assert np.ptp(before[:, 0]) > 0 == np.ptp(after[:, 0])


class Told(plait.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.batches = []

    def on_predict_batch_end(self, batch, logs=None):
        self.batches.append(batch)


class Own(layers.Layer):
    def call(self, x):
        return x + 1


class OwnModel(plait.Model):
    def predict_step(self, state, data):
        return super().predict_step(state, data)


def with_own_layer():
    x = plait.Input((5,))
    return plait.Model(x, Own()(x))


def with_own_step():
    x = plait.Input((5,))
    return OwnModel(x, layers.Dense(2)(x))


def eager():
    model = perceptron()
    model.compile(run_eagerly=True)
    return model


@pytest.mark.parametrize("make", [with_own_layer, with_own_step, eager])
def test_what_a_program_wrote_itself_is_called_batch_by_batch(make, sent):
    make().predict(WIDE[: 32 * 17], verbose=0)
    assert sent == [1] * 17


def test_callbacks_are_told_of_each_batch(sent):
    told = Told()
    perceptron().predict(WIDE[: 32 * 20], verbose=0, callbacks=[told])
    assert told.batches == list(range(20))
    assert sent == [1] * 20


def test_steps_end_it(sent):
    assert len(perceptron().predict(WIDE, batch_size=32, verbose=0, steps=20)) == 640
    assert sent == [1] * 20


def test_a_wrong_shape_is_told_as_ever():
    with pytest.raises(ValueError, match="5"):
        perceptron().predict(WIDE[:, :4], verbose=0)
