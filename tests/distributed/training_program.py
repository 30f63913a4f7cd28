"""What the tests of training run on 1 to 4 processes: each task by its name, and what came out of it into a file a process."""

import json
import os
import signal
import sys
from pathlib import Path

import jax
import numpy as np

import plait
from plait import callbacks, layers

ROWS, WIDTH, CLASSES = 61, 8, 3  # 61 is divided by no number of devices


def data():
    """Points of three classes, always the same."""
    rng = np.random.default_rng(0)
    centers = rng.normal(size=(CLASSES, WIDTH))
    labels = rng.integers(0, CLASSES, ROWS)
    return (centers[labels] + rng.normal(size=(ROWS, WIDTH))).astype("float32"), labels.astype("int32")


def network(optimizer="adam", drops=0.3):
    """A small network whose numbers depend on all rows of a batch, and on random numbers."""
    plait.utils.set_random_seed(7)
    inputs = plait.Input((WIDTH,))
    hidden = layers.BatchNormalization()(layers.Dense(16, activation="relu")(inputs))
    hidden = layers.Dropout(drops)(layers.GaussianNoise(0.1)(hidden))
    model = plait.Model(inputs, layers.Dense(CLASSES, activation="softmax", kernel_regularizer="l2")(hidden))
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def arrays():
    """Shuffled arrays, weights by class, a last batch that the devices don't divide, and validation."""
    (x, y), model = data(), network()
    options = {"class_weight": {0: 1.0, 1: 2.0, 2: 0.5}, "validation_data": (x[:23], y[:23])}
    history = model.fit(x, y, batch_size=13, epochs=3, verbose=2, **options).history
    moving = model.layers[2].moving_variance.numpy()
    return history | {"moving_variance": moving.tolist(), "weights": [float(abs(w).sum()) for w in model.get_weights()]}


def images():
    """Augmentation and a convolution."""
    plait.utils.set_random_seed(3)
    rng = np.random.default_rng(1)
    x, y = rng.random((21, 6, 6, 1)).astype("float32"), rng.random((21, 1)).astype("float32")
    model = plait.Sequential(
        [
            plait.Input((6, 6, 1)),
            layers.RandomFlip(),
            layers.RandomTranslation(0.2, 0.2),
            layers.Conv2D(4, 3, activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(1),
        ]
    )
    model.compile("sgd", "mse")
    return model.fit(x, y, batch_size=8, epochs=2, verbose=0).history


class Numbered(plait.utils.PyDataset):
    """Batches by number, the last one smaller."""

    def __len__(self):
        return 5

    def __getitem__(self, index):
        x, y = data()
        rows = slice(index * 13, index * 13 + 13)
        return x[rows], y[rows]


class Loader:
    """Batches as a DataLoader gives them."""

    def __len__(self):
        return 5

    def __iter__(self):
        return (Numbered()[index] for index in range(5))


def generated():
    """Batches without end, of two sizes."""
    while True:
        yield from Loader()


class InFile:
    """An array that is read by rows, as files of chunks are; notes which."""

    chunks = (1,)

    def __init__(self, array):
        self.array, self.shape, self.dtype, self.read = array, array.shape, array.dtype, 0

    def __getitem__(self, rows):
        found = self.array[rows]
        self.read += len(found)
        return found


def sources():
    """The same rows from whatever gives batches."""
    x, y = data()
    model = network()
    found = {"PyDataset": model.fit(Numbered(workers=2), epochs=2, verbose=0, shuffle=True).history["loss"]}
    found["DataLoader"] = model.fit(Loader(), epochs=2, verbose=0).history["loss"]
    found["generator"] = model.fit(generated(), steps_per_epoch=5, epochs=2, verbose=0).history["loss"]
    in_file = InFile(x)
    found["file"] = model.fit(in_file, y, batch_size=13, epochs=2, verbose=0).history["loss"]
    return found | {"rows read": in_file.read}


def results():
    """What is computed without an epoch of training."""
    (x, y), model = data(), network()
    found = {"evaluate": model.evaluate(x, y, batch_size=9, verbose=0, return_dict=True)}
    found["evaluate batches"] = model.evaluate(Loader(), verbose=0, return_dict=True)
    found["predict"] = model.predict(x, batch_size=9, verbose=0).tolist()
    found["predict batches"] = model.predict(Loader(), verbose=0).tolist()
    found["train_on_batch"] = [model.train_on_batch(x[:n], y[:n]) for n in (7, 5, 7)]
    found["test_on_batch"] = model.test_on_batch(x[:5], y[:5])
    found["call"] = np.asarray(model(x[:5])).tolist()
    return found


def own_rows():
    """Each process's own rows of the outputs; and outputs in a file."""
    (x, _), model = data(), network()
    whole = model.predict(x, batch_size=16, verbose=0)
    own = model.predict(x, batch_size=16, verbose=0, gather=False)
    places = [int(np.argmin(abs(whole - row).sum(-1))) for row in own]
    written = model.predict(x, batch_size=16, verbose=0, out="outputs.npy")
    return {"places": places, "same": bool((whole[places] == own).all()), "in file": bool((whole == written).all())}


class Wishes(callbacks.Callback):
    """Wishes something in the last process alone."""

    def __init__(self, wish, step=None):
        super().__init__()
        self.wish, self.step = wish, step

    def watches_batches(self, phase):
        return phase == "train" and self.step is not None

    def on_train_batch_end(self, batch, logs=None):
        if batch == self.step:
            self._do()

    def on_epoch_end(self, epoch, logs=None):
        if self.step is None:
            self._do()

    def _do(self):
        if jax.process_index() < jax.process_count() - 1:
            return
        if self.wish == "stop":
            self.model.stop_training = True
        else:
            os.kill(os.getpid(), signal.SIGINT)


def decisions():
    """Where a run ends that one process alone wishes to end."""
    (x, y), found = data(), {}
    for name, wish, step in (("stop at an epoch", "stop", None), ("stop at a step", "stop", 3), ("Ctrl-C", "kill", 2)):
        model = network("sgd")
        try:
            model.fit(x, y, batch_size=5, epochs=3, verbose=0, callbacks=[Wishes(wish, step)])
            found[name] = "ended"
        except KeyboardInterrupt:
            found[name] = "interrupted"
        run = [model.history.epoch, int(model.optimizer.iterations.numpy())]
        found[name] = [found[name], *run]
    return found


def log_files():
    """Callbacks that write files, and those that decide by the logs."""
    (x, y), model = data(), network("sgd")
    watching = [
        callbacks.CSVLogger("log.csv"),
        callbacks.ModelCheckpoint("best.keras", save_best_only=True, monitor="loss"),
        callbacks.TensorBoard("events", histogram_freq=1),
        callbacks.ReduceLROnPlateau(monitor="loss", patience=1, min_delta=10.0),
        callbacks.EarlyStopping(monitor="loss", patience=4, min_delta=10.0),
    ]
    history = model.fit(x, y, batch_size=13, epochs=20, verbose=0, callbacks=watching).history
    model.save_weights("last.weights.h5")
    loaded = plait.saving.load_model("best.keras")
    return {"loss": history["loss"], "loaded": loaded.evaluate(x, y, verbose=0)}


def sharded():
    """Weights and the optimizer's state split over all devices: training, files, backups."""
    plait.distribution.set_distribution(plait.distribution.FullySharded(least=16))
    (x, y), model = data(), network(plait.optimizers.AdamW(use_ema=True))
    found = model.fit(x, y, batch_size=13, epochs=2, verbose=0, resume="sharded").history
    found["evaluate"] = model.evaluate(x, y, batch_size=9, verbose=0)
    found["predict"] = model.predict(x, batch_size=9, verbose=0).tolist()
    found["call"] = np.asarray(model(x[:5])).tolist()
    model.save("sharded.keras")
    loaded = plait.saving.load_model("sharded.keras")
    found["loaded"] = loaded.evaluate(x, y, batch_size=9, verbose=0)
    kernel = loaded.layers[1].kernel
    share = kernel.value.addressable_shards[0].data.size * jax.device_count() // kernel.size
    again = network(plait.optimizers.AdamW(use_ema=True))
    gone_on = again.fit(x, y, batch_size=13, epochs=3, verbose=0, resume="sharded").history
    plait.distribution.set_distribution(plait.distribution.DataParallel())
    return found | {"share": share, "gone on": gone_on["loss"]}


class Dies(callbacks.Callback):
    """Kills a process after a step, each step once."""

    def __init__(self, *steps):
        super().__init__()
        self.steps = steps

    def on_train_batch_end(self, batch, logs=None):
        number = self.run.epoch * 12 + batch
        mark = Path(f"died-{number}")
        if number in self.steps and jax.process_index() == jax.process_count() - 1 and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)


def backed_up(*steps):
    """A run of 36 steps that goes on from its last backup, and dies after some of them."""
    (x, y), model = data(), network()
    watching = [callbacks.BackupAndRestore("backup", save_freq=5), Dies(*map(int, steps))]
    history = model.fit(x[:60], y[:60], batch_size=5, epochs=3, verbose=0, callbacks=watching).history
    return history | {"bits": [weight.tobytes().hex() for weight in model.get_weights()]}


def main(folder, *tasks):
    """Runs some tasks."""
    os.chdir(folder)
    named = (task.split(":") for task in tasks)  # NAME, or NAME:ARGUMENT:ARGUMENT
    found = {name: globals()[name](*arguments) for name, *arguments in named}
    Path(f"{jax.process_index()}.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
