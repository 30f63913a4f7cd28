"""What backups cost: the processor time of one, and how long a large model takes to go on.

python benchmarks/backups.py --rounds 3        or python benchmarks/run.py --only backup
"""

import statistics
import tempfile
import time
from pathlib import Path

import click
import jax
import jax.numpy as jnp
import numpy as np

import plait
from plait import layers
from plait.callbacks import Callback


def network(units: int) -> plait.Model:
    """A dense network; of 3,500 units it has 100 MB of weights, and Adam has twice as much."""
    x = plait.Input((64,))
    h = layers.Dense(units, "relu")(x)
    model = plait.Model(x, layers.Dense(10)(layers.Dense(units, "relu")(layers.Dense(units, "relu")(h))))
    model.compile("adam", plait.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    return model


def data() -> tuple[np.ndarray, np.ndarray]:
    """20,000 rows."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(20_000, 64)).astype("float32"), rng.integers(0, 10, 20_000)


class Measure(Callback):
    """Takes backups of the run under way, each written before the next, and notes the processor time of each.

    Beside what `fit` and the thread do, that is a copy of all arrays: the first step after a backup makes one, for it can't
    give away what is being written.
    """

    def __init__(self, times: int):
        super().__init__()
        self.times, self.seconds, self.step_seconds = times, [], []

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Takes the backups."""
        keeper = self.run.keeper
        for _ in range(self.times):
            began, here = time.process_time(), time.thread_time()
            keeper.keep(self.run, epoch + 1, 0)
            self.step_seconds.append(time.thread_time() - here)
            jax.block_until_ready([jnp.copy(variable.value) for variable in keeper._variables()])
            keeper._writer.close()
            self.seconds.append(time.process_time() - began)


def overhead(units: int, times: int) -> None:
    """Prints the processor time of one backup: no other program counts in it."""
    model, (x, y) = network(units), data()
    with tempfile.TemporaryDirectory() as folder:
        measured = Measure(times)
        model.fit(x[:200], y[:200], batch_size=100, verbose=0, callbacks=[measured], resume=folder)
    middle, most = statistics.median(measured.seconds), max(measured.seconds)
    size = sum(v.value.nbytes for v in [*model.variables, *model.optimizer.variables]) / 1e6
    print(
        f"{size:.1f} MB in a backup ({units} units): {middle * 1e3:.1f} ms of processor time (at most {most * 1e3:.1f}), "
        f"{statistics.median(measured.step_seconds) * 1e3:.2f} ms of it in the thread of the steps; with one a minute "
        f"{middle / 60:.3%} of a run on one core"
    )


def resume(units: int, rounds: int) -> None:
    """Prints how long a run of a large model takes to go on, beside loading its weights: the fastest of some times."""
    x, y = data()
    loaded, resumed = [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = network(units)
        model.fit(x[:200], y[:200], batch_size=100, verbose=0, resume=folder / "run")
        model.save_weights(folder / "one.weights.h5")
        again = network(units)
        again.fit(x[:200], y[:200], batch_size=100, verbose=0)  # compiles
        for _ in range(rounds):
            began = time.perf_counter()
            again.load_weights(folder / "one.weights.h5")
            loaded.append(time.perf_counter() - began)
            began = time.perf_counter()
            again.fit(x[:200], y[:200], batch_size=100, verbose=0, resume=folder / "run")
            resumed.append(time.perf_counter() - began)
    size = sum(v.value.nbytes for v in model.weights) / 1e6
    print(f"{size:.0f} MB of weights: load_weights {min(loaded):.2f} s, resume with Adam's state {min(resumed):.2f} s")


def measure(rounds: int) -> None:
    """Measures both."""
    for units in (32, 512, 3500):
        overhead(units, 5 * rounds)
    resume(3500, rounds)


@click.command()
@click.option("--rounds", default=3, show_default=True, help="How often each is measured.")
def main(rounds: int) -> None:
    """Measures both."""
    measure(rounds)


if __name__ == "__main__":
    main()
