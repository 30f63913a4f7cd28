"""What backups cost: a `fit` with `resume=` beside one without, in turn; and how long a large model takes to go on.

python benchmarks/backups.py --seconds 20 --rounds 3
"""

import shutil
import statistics
import tempfile
import time
from pathlib import Path

import click
import numpy as np

import plait
from plait import layers


def network(units: int) -> plait.Model:
    """A dense network; of 2,900 units it has 100 MB of weights, and Adam has twice as much."""
    x = plait.Input((64,))
    h = layers.Dense(units, "relu")(x)
    model = plait.Model(x, layers.Dense(10)(layers.Dense(units, "relu")(layers.Dense(units, "relu")(h))))
    model.compile("adam", plait.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    return model


def data() -> tuple[np.ndarray, np.ndarray]:
    """20,000 rows."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(20_000, 64)).astype("float32"), rng.integers(0, 10, 20_000)


def train(units: int, epochs: int, folder: Path | None) -> float:
    """Seconds of a `fit`, with its programs compiled beforehand."""
    model, (x, y) = network(units), data()
    model.fit(x, y, batch_size=100, verbose=0, resume=None if folder is None else folder / "warm")
    began = time.perf_counter()
    model.fit(x, y, batch_size=100, epochs=epochs, verbose=0, resume=None if folder is None else folder / "run")
    return time.perf_counter() - began


def overhead(units: int, seconds: float, rounds: int) -> None:
    """Prints the time of runs with and without backups."""
    epochs = max(2, round(seconds / train(units, 1, None)))
    found: dict[str, list[float]] = {"without": [], "with": []}
    for number in range(rounds):
        for name in found if number % 2 == 0 else reversed(found):
            with tempfile.TemporaryDirectory() as folder:
                found[name].append(train(units, epochs, Path(folder) if name == "with" else None))
    without, kept = (statistics.median(found[name]) for name in ("without", "with"))
    least = min(found["with"]) / min(found["without"]) - 1
    print(
        f"{units} units, {epochs} epochs: {without:.2f} s without, {kept:.2f} s with backups: {kept / without - 1:+.2%} "
        f"(of the fastest: {least:+.2%})"
    )


def resume(units: int) -> None:
    """Prints how long a run of a large model takes to go on, beside loading its weights."""
    x, y = data()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = network(units)
        model.fit(x[:200], y[:200], batch_size=100, verbose=0, resume=folder / "run")
        model.save_weights(folder / "one.weights.h5")
        again = network(units)
        again.fit(x[:200], y[:200], batch_size=100, verbose=0)  # compiles
        began = time.perf_counter()
        again.load_weights(folder / "one.weights.h5")
        loaded = time.perf_counter() - began
        began = time.perf_counter()
        again.fit(x[:200], y[:200], batch_size=100, verbose=0, resume=folder / "run")
        resumed = time.perf_counter() - began
        size = sum(v.value.nbytes for v in model.weights) / 1e6
        print(f"{size:.0f} MB of weights: load_weights {loaded:.2f} s, resume with Adam's state {resumed:.2f} s")
        shutil.rmtree(folder / "run")


@click.command()
@click.option("--seconds", default=20.0, show_default=True, help="How long a run takes, about.")
@click.option("--rounds", default=3, show_default=True, help="How often each is measured.")
def main(seconds: float, rounds: int) -> None:
    """Measures both."""
    for units in (32, 512):
        overhead(units, seconds, rounds)
    resume(2900)


if __name__ == "__main__":
    main()
