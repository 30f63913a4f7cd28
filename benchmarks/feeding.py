"""What callbacks cost, and how well batches from the host feed `fit`: each beside `fit` on arrays with nothing around it.

The two are run in turn in one process, so that what else the machine does hits both. `seconds` is the step with, `plain`
the step without.
"""

import contextlib
import os
import pty
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np


def network(lib, sizes, classes):
    """A chain of dense layers, compiled with Adam."""
    lib.utils.set_random_seed(0)
    inputs = h = lib.Input((sizes[0],))
    for size in sizes[1:]:
        h = lib.layers.Dense(size, activation="relu")(h)
    model = lib.Model(inputs, lib.layers.Dense(classes, activation="softmax")(h))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def compare(model, data, batch, own, rounds=5):
    """Seconds a step with what is measured, and on arrays alone: the medians of some rounds, the first two left out.

    Args:
        model: a compiled model.
        data: `(x, y)`, whole batches.
        batch: rows in a batch.
        own: a function that gives `fit`'s arguments.
        rounds: how often each is run.
    """
    steps, times = len(data[0]) // batch, ([], [])
    for number in range(rounds + 2):
        order = ((0, own), (1, lambda: {"x": data[0], "y": data[1], "batch_size": batch}))
        for which, arguments in order if number % 2 else reversed(order):
            options = {"epochs": 1, "verbose": 0, **arguments()}
            began = time.perf_counter()
            model.fit(**options)
            if number > 1:
                times[which].append((time.perf_counter() - began) / steps)
    return {"seconds": float(np.median(times[0])), "plain": float(np.median(times[1]))}


def callbacks(lib):
    """A step of about 1 ms with history, a CSV file, TensorBoard's files and a live progress bar."""
    batch, steps = 128, 2000
    model, data = network(lib, [128, 448, 256], 10), rows(batch * steps, 128)
    with tempfile.TemporaryDirectory() as folder, terminal():

        def watched():
            made = [lib.callbacks.CSVLogger(Path(folder) / "log.csv", append=True)]
            if lib.__name__ == "plait":  # Keras's TensorBoard needs TensorFlow
                made.append(lib.callbacks.TensorBoard(Path(folder) / "board"))
            return {"x": data[0], "y": data[1], "batch_size": batch, "callbacks": made, "verbose": 1}

        return compare(model, data, batch, watched)


def generator(lib):
    """A step of about 5 ms fed by a generator of NumPy batches."""
    batch, steps = 256, 100
    model, (x, y) = network(lib, [784, 512, 384], 10), rows(batch * steps, 784)

    def endless():
        while True:
            for start in range(0, len(x), batch):
                yield x[start : start + batch], y[start : start + batch]

    return compare(model, (x, y), batch, lambda: {"x": endless(), "steps_per_epoch": steps})


def pydataset(lib):
    """A step of about 5 ms fed by a PyDataset."""
    batch, steps = 256, 100
    model, (x, y) = network(lib, [784, 512, 384], 10), rows(batch * steps, 784)

    class Batches(lib.utils.PyDataset):
        def __len__(self):
            return steps

        def __getitem__(self, index):
            return x[index * batch : (index + 1) * batch], y[index * batch : (index + 1) * batch]

    return compare(model, (x, y), batch, lambda: {"x": Batches()})


def rows(count, size):
    """Numbers and their classes."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(count, size)).astype("float32"), rng.integers(0, 10, count)


@contextlib.contextmanager
def terminal() -> Iterator[None]:
    """Standard output as a terminal that nobody reads, so that progress is drawn as it is for people."""
    leader, follower = pty.openpty()
    threading.Thread(target=drain, args=(leader,), daemon=True).start()
    with open(follower, "w", encoding="utf-8") as screen, contextlib.redirect_stdout(screen):
        yield


def drain(descriptor):
    """Reads until the other side closes."""
    with contextlib.suppress(OSError):
        while os.read(descriptor, 65536):
            pass
