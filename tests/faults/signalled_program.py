"""A program that trains, stops at a place until its parent has sent a signal, and goes on: `signalled_program.py FOLDER PLACE`.

With `counted TOGETHER EPOCH BATCH` it counts the rows that it is trained on, and kills itself at a batch.
"""

import os
import signal
import sys
from pathlib import Path

import numpy as np

import plait
from plait import layers

PLACES = ("step", "compile", "validation", "save", "backup", "end")
X = np.random.default_rng(0).normal(size=(50, 4)).astype("float32")
_place = None


def at(place):
    """Says that the program is at the place, and waits for a line."""
    global _place
    if place == _place:
        _place = None
        print("ready", flush=True)
        sys.stdin.readline()


class Held(layers.Layer):
    """A layer that is traced and saved."""

    def call(self, inputs):
        at("compile")
        return inputs * 1.0

    def get_config(self):
        at("save")
        return super().get_config()


class Places(plait.callbacks.Callback):
    """Is at each place in the second epoch, and has state."""

    def __init__(self, folder):
        super().__init__()
        self.folder, self.steps = folder, 0

    def on_train_batch_end(self, batch, logs=None):
        self.steps += 1
        if (self.run.epoch, batch) == (1, 3):
            at("step")

    def on_test_batch_begin(self, batch, logs=None):
        at("validation")

    def on_epoch_end(self, epoch, logs=None):
        self.model.save(self.folder / "model.keras")
        if epoch == 2:
            at("end")

    def state_dict(self):
        at("backup")
        return {"steps": self.steps}

    def load_state_dict(self, state):
        self.steps = state["steps"]


def train(folder, place=None):
    """A run of three epochs: the model and its history."""
    global _place
    plait.utils.set_random_seed(0)
    model = plait.Sequential([plait.Input((4,)), Held(), layers.Dense(3, "tanh"), layers.Dropout(0.2), layers.Dense(1)])
    model.compile("adam", "mse", metrics=["mae"])
    _place, places = place, Places(folder)
    backup = plait.callbacks.BackupAndRestore(folder / "run", save_freq=1, delete_checkpoint=False)
    data = {"x": X, "y": X[:, :1], "validation_data": (X[:20], X[:20, :1])}
    history = model.fit(**data, batch_size=8, epochs=3, verbose=0, callbacks=[places, backup])
    return [value.tobytes() for value in model.get_weights()], history.history, places.steps


COUNTED_EPOCHS, COUNTED_STEPS, _COUNTED_BATCH = 5, 7, 8  # the last batch has two rows


class Counts(layers.Layer):
    """Counts how often each row has come; the rows' numbers are the first column."""

    def build(self, shape):
        self.seen = self.add_weight(shape=(len(X),), dtype="int32", initializer="zeros", trainable=False)

    def call(self, inputs, training=False):
        if training:
            numbers = plait.ops.cast(inputs[:, 0], "int32")
            self.seen.assign_add(plait.ops.sum(plait.ops.one_hot(numbers, len(X), dtype="int32"), axis=0))
        return inputs[:, 1:]


class Dies(plait.callbacks.Callback):
    """Kills the process after so many batches of an epoch."""

    def __init__(self, epoch, batch):
        super().__init__()
        self.place = (epoch, batch)

    def _die_at(self, done):
        if (self.run.epoch, done) == self.place:
            os.kill(os.getpid(), signal.SIGKILL)

    def on_epoch_begin(self, epoch, logs=None):
        self._die_at(0)

    def on_train_batch_end(self, batch, logs=None):
        if batch + 1 < COUNTED_STEPS:
            self._die_at(batch + 1)

    def on_epoch_end(self, epoch, logs=None):
        self._die_at(COUNTED_STEPS)


def count(folder, together, place=(-1, -1)):
    """A run: how often it was trained on each row, and its last weights."""
    plait.utils.set_random_seed(0)
    model = plait.Sequential([plait.Input((5,)), Counts(), layers.Dense(3, "tanh"), layers.Dense(1)])
    model.compile("adam", "mse", steps_per_execution=together)
    backup = plait.callbacks.BackupAndRestore(folder, save_freq=1, delete_checkpoint=False)
    numbered = np.concatenate([np.arange(len(X))[:, None], X], 1).astype("float32")
    data = {"x": numbered, "y": X[:, :1], "batch_size": _COUNTED_BATCH, "epochs": COUNTED_EPOCHS}
    model.fit(**data, verbose=0, callbacks=[Dies(*place), backup])
    return model.layers[0].seen.numpy(), model.get_weights()[-1]


if __name__ == "__main__":
    if sys.argv[2] == "counted":
        count(Path(sys.argv[1]), int(sys.argv[3]), (int(sys.argv[4]), int(sys.argv[5])))
    else:
        train(Path(sys.argv[1]), sys.argv[2])
