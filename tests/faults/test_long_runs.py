"""Runs that last: memory, open files and threads stay level through many steps, epochs, predictions, saves and backups.

The long form (`PLAIT_TEST_LONG=1`) stands for a day: a million steps, ten thousand epochs, a hundred thousand predictions, a
thousand saves. The usual one is a hundredth of it.
"""

import gc
import os
import threading

import numpy as np
import pytest

import plait
from plait import layers

SCALE = 100 if os.environ.get("PLAIT_TEST_LONG") else 1
X = np.random.default_rng(0).normal(size=(400, 6)).astype("float32")
Y = X.sum(1, keepdims=True)


def model():
    plait.utils.set_random_seed(0)
    made = plait.Sequential([plait.Input((6,)), layers.Dense(4, "relu"), layers.Dropout(0.1), layers.Dense(1)])
    made.compile("adam", "mse", metrics=["mae"])
    return made


def train(made, folder, epochs):
    callbacks = [plait.callbacks.CSVLogger(folder / "log.csv"), plait.callbacks.ReduceLROnPlateau(patience=5)]
    made.fit(X, Y, batch_size=4, epochs=epochs, verbose=0, validation_data=(X[:8], Y[:8]), callbacks=callbacks)


def backed_up(made, folder, epochs):
    made.fit(X, Y, batch_size=4, epochs=epochs, verbose=0, callbacks=[plait.callbacks.BackupAndRestore(folder / "run")])


def generated(made, folder, steps):
    def batches():
        while True:
            yield X[:4], Y[:4]

    made.fit(batches(), steps_per_epoch=steps, verbose=0)


def predicted(made, folder, times):
    for _ in range(times):
        made.predict(X[:4], verbose=0)
        made(X[:2])


def saved(made, folder, times):
    for _ in range(times):
        made.save(folder / "model.keras")
        plait.models.load_model(folder / "model.keras")


WORK = {
    "epochs": (train, 100),
    "backups": (backed_up, 50),
    "steps of a generator": (generated, 10_000),
    "predictions": (predicted, 1000),
    "saves and loads": (saved, 10),
}


def level():
    """Kilobytes of memory, open files, and threads."""
    gc.collect()
    with open("/proc/self/statm") as file:
        pages = int(file.read().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024, len(os.listdir("/proc/self/fd")), threading.active_count()


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="reads /proc")
@pytest.mark.parametrize("kind", WORK)
def test_what_a_process_holds_stays_level(kind, tmp_path):
    work, amount = WORK[kind]
    made = model()
    work(made, tmp_path, amount)  # all programs are compiled, and allocators have what they need
    memory, files, threads = level()
    work(made, tmp_path, SCALE * amount)
    after, files_after, threads_after = level()
    assert after - memory < 8 * 1024 + SCALE * 40, f"{after - memory} KB more"
    assert files_after <= files
    assert threads_after <= threads
