"""A program that trains and may die at any moment: `training_program.py SOURCE FOLDER [RESULT]`.

It is run again until it comes to its end, and leaves the weights, the optimizer's variables, the history and the files of
callbacks in FOLDER. What it draws comes from all the generators that programs use.
"""

import json
import sys
from pathlib import Path

import numpy as np

import plait
from plait import layers

ROWS, EPOCHS, BATCH = 600, 150, 20


def data():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(ROWS, 12)).astype("float32")
    return x, (x[:, :3].sum(1) + 0.1 * rng.normal(size=ROWS)).astype("float32")


class Shuffled(plait.utils.PyDataset):
    """Batches in an order that the data set draws itself after each epoch, from its own generator and from NumPy's."""

    def __init__(self, own=False, **options):
        super().__init__(**options)
        self.x, self.y = data()
        self.order = np.arange(ROWS)
        self.rng = np.random.default_rng(5) if own else np.random

    def __len__(self):
        return ROWS // BATCH

    def __getitem__(self, index):
        rows = self.order[index * BATCH : (index + 1) * BATCH]
        return self.x[rows], self.y[rows]

    def on_epoch_end(self):
        self.rng.shuffle(self.order)


def endless():
    x, y = data()
    rng = np.random.default_rng(11)
    while True:
        rows = rng.integers(0, ROWS, BATCH)
        noise = np.random.normal(size=(BATCH, 1)).astype("float32")  # noqa: NPY002  (as scripts do)
        yield x[rows] + 0.01 * noise, y[rows]


class Batches:
    """An iterable that begins anew each epoch, and draws from a generator that it keeps."""

    def __init__(self):
        self.rng = np.random.default_rng(17)

    def __iter__(self):
        x, y = data()
        order = self.rng.permutation(ROWS)
        for start in range(0, ROWS, BATCH):
            rows = order[start : start + BATCH]
            yield x[rows], y[rows]


def source(kind, folder):
    """Keyword arguments of `fit`."""
    x, y = data()
    if kind == "arrays":
        return {"x": x, "y": y, "batch_size": 23}
    if kind == "arrays in part":
        return {"x": x, "y": y, "batch_size": BATCH, "steps_per_epoch": 17}
    if kind == "seeded":
        return {"x": x, "y": y, "batch_size": BATCH, "seed": 4}
    if kind == "memory-mapped":
        np.save(folder / "x.npy", x)
        return {"x": np.load(folder / "x.npy", mmap_mode="r"), "y": y, "batch_size": BATCH, "steps_per_epoch": 17}
    if kind.startswith("dataset"):
        return {"x": Shuffled(own="own" in kind, workers=int(kind.split()[1])), "shuffle": "order" in kind}
    if kind == "processes":
        return {"x": Shuffled(workers=2, use_multiprocessing=True)}
    if kind == "generator":
        return {"x": endless(), "steps_per_epoch": ROWS // BATCH}
    return {"x": Batches()}


class Count(plait.callbacks.Callback):
    """A callback with state of its own."""

    def __init__(self):
        super().__init__()
        self.epochs, self.losses = 0, {}

    def on_epoch_end(self, epoch, logs=None):
        self.epochs += 1
        self.losses[epoch] = logs["loss"]
        logs["counted"] = self.epochs


def main(kind, folder):
    plait.utils.set_random_seed(1)
    x, y = data()
    model = plait.Sequential(
        [
            plait.Input((12,)),
            layers.Dense(16, "relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.2),
            layers.Dense(1),
        ]
    )
    model.compile(plait.optimizers.Adam(0.01, use_ema=True), "mse", metrics=["mae"])
    history = model.fit(
        **source(kind, folder),
        epochs=EPOCHS,
        verbose=0,
        validation_data=(x[:100], y[:100]),
        resume=folder / "run",
        callbacks=[
            Count(),
            plait.callbacks.ReduceLROnPlateau(patience=1, cooldown=1, factor=0.7),
            plait.callbacks.EarlyStopping(patience=140, restore_best_weights=True),
            plait.callbacks.CSVLogger(folder / "log.csv"),
            plait.callbacks.ModelCheckpoint(folder / "best.weights.h5", save_best_only=True, save_weights_only=True),
        ],
    )
    values = [variable.numpy() for variable in [*model.variables, *model.optimizer.variables]]
    np.savez(folder / "end.npz", *values)
    (folder / "history.json").write_text(json.dumps([history.epoch, history.history]))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
