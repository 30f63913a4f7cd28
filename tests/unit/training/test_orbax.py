"""OrbaxCheckpoint, where Orbax is installed."""

import sys

import keras
import numpy as np
import pytest

import plait
from plait.callbacks import OrbaxCheckpoint
from plait.errors import ArgumentError, FileError

X, Y = np.random.default_rng(0).random((32, 3), "float32"), np.ones((32, 1), "float32")


def made(name="net"):
    parts = [plait.Input((3,)), plait.layers.Dense(4, name="first"), plait.layers.Dense(1, name="last")]
    model = plait.Sequential(parts, name=name)
    model.compile(plait.optimizers.Adam(0.1, name="adam"), "mse", metrics=["mae"])
    return model


class Kept(plait.callbacks.Callback):
    """The weights after each epoch."""

    def on_train_begin(self, logs=None):
        self.weights = []

    def on_epoch_end(self, epoch, logs=None):
        self.weights.append(self.model.get_weights())


def assert_weights(model, expected):
    for mine, wanted in zip(model.get_weights(), expected, strict=True):
        np.testing.assert_array_equal(mine, wanted)


class TestOrbax:
    """What needs Orbax."""

    @pytest.fixture(autouse=True)
    def needs(self):
        pytest.importorskip("orbax.checkpoint", reason="writes the checkpoints")

    @pytest.mark.filterwarnings("ignore")  # Orbax's own
    @pytest.mark.parametrize("background", [True, False])
    def test_each_epoch_is_kept_as_it_was(self, background, tmp_path):
        """Also while the next steps take over the memory of the weights."""
        model, kept = made(), Kept()
        saves = OrbaxCheckpoint(tmp_path / "run", max_to_keep=3, save_on_background=background)
        model.fit(X, Y, batch_size=8, epochs=5, verbose=0, callbacks=[saves, kept])
        assert sorted(int(path.name) for path in (tmp_path / "run").iterdir()) == [2, 3, 4]
        again = made()
        reads = OrbaxCheckpoint(tmp_path / "run")
        for step in (2, 3, 4):
            assert reads.restore(again, step) == step
            assert_weights(again, kept.weights[step])
        assert reads.restore(again) == 4 and int(again.optimizer.iterations) == 20
        more = [engine.fit(X, Y, batch_size=8, verbose=0, shuffle=False).history["loss"] for engine in (model, again)]
        np.testing.assert_allclose(*more, rtol=1e-6)
        with pytest.raises(FileError, match="no checkpoint 7"):
            reads.restore(again, 7)
        with pytest.raises(FileError, match="other_first_kernel"):
            reads.restore(made("other"))

    @pytest.mark.filterwarnings("ignore")
    def test_every_so_many_batches_and_weights_alone(self, tmp_path):
        model = made()
        saves = OrbaxCheckpoint(tmp_path / "run", save_freq=3, max_to_keep=None, save_weights_only=True)
        model.fit(X, Y, batch_size=8, epochs=2, verbose=0, callbacks=[saves])
        assert sorted(int(path.name) for path in (tmp_path / "run").iterdir()) == [3, 6]
        again = made()
        OrbaxCheckpoint(tmp_path / "run").restore(again, 6)
        assert int(again.optimizer.iterations) == 0 and not np.allclose(again.get_weights()[0], model.get_weights()[0])

    @pytest.mark.filterwarnings("ignore")
    def test_keras_reads_them_and_the_other_way_round(self, tmp_path):
        def theirs():
            parts = [keras.Input((3,)), keras.layers.Dense(4, name="first"), keras.layers.Dense(1, name="last")]
            model = keras.Sequential(parts, name="net")
            model.compile(keras.optimizers.Adam(0.1, name="adam"), "mse", metrics=["mae"])
            return model

        ours, reads = made(), theirs()
        ours.fit(X, Y, verbose=0, callbacks=[OrbaxCheckpoint(tmp_path / "ours")])
        reads.load_weights(str(tmp_path / "ours"))
        assert_weights(reads, ours.get_weights())
        reads.fit(X, Y, verbose=0, callbacks=[keras.callbacks.OrbaxCheckpoint(str(tmp_path / "theirs"))])
        again = made()
        OrbaxCheckpoint(tmp_path / "theirs").restore(again)
        assert_weights(again, reads.get_weights())
        assert int(again.optimizer.iterations) == int(reads.optimizer.iterations)

    @pytest.mark.filterwarnings("ignore")
    def test_the_best_only(self, tmp_path):
        model = made()
        saves = OrbaxCheckpoint(tmp_path / "run", "loss", save_best_only=True, initial_value_threshold=0.0)
        model.fit(X, Y, epochs=2, verbose=0, callbacks=[saves])
        assert not any(path.name.isdigit() for path in (tmp_path / "run").glob("*"))
        saves = OrbaxCheckpoint(tmp_path / "run", "loss", save_best_only=True)
        losses = model.fit(X, Y, epochs=3, verbose=0, callbacks=[saves]).history["loss"]
        assert [int(path.name) for path in (tmp_path / "run").iterdir()] == [int(np.argmin(losses))]

    def test_other_frequencies_are_refused(self, tmp_path):
        with pytest.raises(ArgumentError, match="save_freq"):
            OrbaxCheckpoint(tmp_path, save_freq="batch")


def test_what_is_missing_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "orbax", None)
    monkeypatch.setitem(sys.modules, "orbax.checkpoint", None)
    with pytest.raises(ImportError, match=r"pip install plait\[orbax\]"):
        OrbaxCheckpoint(tmp_path)
