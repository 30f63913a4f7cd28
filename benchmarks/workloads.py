"""What the benchmark runs, in a process of its own: `python workloads.py WORKLOAD PEER WEIGHTS` prints seconds a unit.

A workload of `networks.WORKS` is training; `infer-NAME` is that model's inference on batches of 32; the others are below.
The peer's process begins from the weights in the file, which plait has made, so that all train the same.
"""

import importlib
import json
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
from feeding import callbacks, generator, pydataset
from files import load, save
from networks import WORKS, deep, dense, diamonds, frozen, layer_weights, load_weights, save_weights, set_layer_weights

PACKAGES = ("jax", "optax", "keras", "keras-nightly", "tensorflow-cpu", "tensorflow", "torch", "numpy")


def compiled(lib, model, **options):
    """The model with Adam for one output of classes."""
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], **options)
    return model


def best_epoch(epoch, steps: int, enough: float = 1.0, most: int = 5) -> dict:
    """Seconds a step, the best of up to five epochs after one that compiles, and the loss of the second epoch.

    Slow peers run two epochs in all: no further one begins after a second.
    """
    epoch()
    times, losses = [], []
    while not times or (sum(times) * steps < enough and len(times) < most):
        began = time.perf_counter()
        losses.append(epoch())
        times.append((time.perf_counter() - began) / steps)
    return {"seconds": min(times), "loss": losses[0]}


def train(lib, name: str, weights: str, **options) -> dict:
    """Training by `fit`."""
    work = WORKS[name]
    model = compiled(lib, work.build(lib), **options)
    set_layer_weights(model, load_weights(weights))
    x, y = work.rows(work.batch * work.steps)

    def epoch():
        history = model.fit(x, y, batch_size=work.batch, epochs=1, shuffle=False, verbose=0)
        return float(history.history["loss"][-1])

    return best_epoch(epoch, work.steps)


def infer(lib, name: str, weights: str) -> dict:
    """`predict` in batches of 32: seconds a batch."""
    work, count = WORKS[name], inference_batches(name)
    model = work.build(lib)
    set_layer_weights(model, load_weights(weights))
    x, _ = work.rows(32 * count)
    return repeat(lambda: model.predict(x, batch_size=32, verbose=0), 1, count)


def inference_batches(name: str) -> int:
    """How many batches of 32 one measurement has."""
    return 200 if name in ("tiny", "mlp") else 10


def by_hand(module: str, workload: str, weights: str) -> dict:
    """The same work by a loop written by hand."""
    made, name = importlib.import_module(module), workload.removeprefix("infer-")
    work, start = WORKS[name], load_weights(weights)
    if workload.startswith("infer-"):
        count = inference_batches(name)
        x, predict = work.rows(32 * count)[0], made.predictor(name, start)
        return repeat(lambda: [predict(x[at : at + 32]) for at in range(0, len(x), 32)], 1, count)
    x, y = work.rows(work.batch * work.steps)
    return best_epoch(made.trainer(name, start, x, y), work.steps)


def multiio(lib, weights: str) -> dict:
    """The demo's model with two inputs and two outputs, 200 steps of 128."""
    model = diamonds(lib)
    set_layer_weights(model, load_weights(weights))
    losses = {"price": "mse", "cut": "sparse_categorical_crossentropy"}
    metrics = {"price": ["mae"], "cut": ["accuracy"]}
    model.compile("adam", losses, loss_weights={"price": 1.0, "cut": 0.4}, metrics=metrics)
    rng = np.random.default_rng(0)
    x = {"measurements": rng.normal(size=(25600, 6)).astype("float32"), "grades": rng.integers(0, 7, (25600, 2))}
    # Labels by chance: a loss that can be learnt away would show the dropout's other numbers, not a difference in training.
    y = {"price": rng.normal(size=(25600, 1)).astype("float32"), "cut": rng.integers(0, 5, 25600)}

    def epoch():
        history = model.fit(x, y, batch_size=128, epochs=1, shuffle=False, verbose=0)
        return float(history.history["loss"][-1])

    return best_epoch(epoch, 200)


def predict1(lib) -> dict:
    """`predict` of one row."""
    model, row = dense(lib), np.zeros((1, 32), "float32")
    return repeat(lambda: model.predict(row, verbose=0), 100)


def call1(lib) -> dict:
    """`model(x)` of one row."""
    model, row = dense(lib), np.zeros((1, 32), "float32")
    return repeat(lambda: lib.ops.convert_to_numpy(model(row)), 200)


def build(lib) -> dict:
    """A residual network of 500 layers, made layer by layer."""
    began = time.perf_counter()
    deep(lib)
    return {"seconds": time.perf_counter() - began}


def transfer(lib, weights: str) -> dict:
    """A frozen trunk like MobileNet's on 96x96 pictures, a new head, 5 epochs on 2,000 pictures: all of it, in seconds."""
    model = frozen(lib)
    set_layer_weights(model, load_weights(weights))
    model.compile(lib.optimizers.Adam(1e-2), "sparse_categorical_crossentropy", metrics=["accuracy"])
    rng = np.random.default_rng(0)
    y = rng.integers(0, 10, 2000)
    x = (rng.normal(size=(2000, 96, 96, 3)) + y[:, None, None, None] / 10).astype("float32")
    began = time.perf_counter()
    history = model.fit(x, y, batch_size=32, epochs=5, shuffle=False, verbose=0)
    return {"seconds": time.perf_counter() - began, "loss": float(history.history["loss"][-1])}


def first_step(library: str) -> dict:
    """Import, a model of dense layers, one training step: seconds in all."""
    began = time.perf_counter()
    lib = importlib.import_module(library)
    work = WORKS["mlp"]
    compiled(lib, work.build(lib)).fit(*work.rows(work.batch), batch_size=work.batch, verbose=0)
    return {"seconds": time.perf_counter() - began}


def repeat(call, count: int, units: int = 1, enough: float = 1.0) -> dict:
    """Seconds a unit, the best of up to five loops after the first call; no further loop begins after a second."""
    call()
    times = []
    while not times or (sum(times) < enough and len(times) < 5):
        began = time.perf_counter()
        for _ in range(count):
            call()
        times.append(time.perf_counter() - began)
    return {"seconds": min(times) / count / units}


def import_time(name: str) -> dict:
    """Seconds for an import, in a process of its own, the best of three."""
    code = f"import time; t = time.perf_counter(); import {name}; print(time.perf_counter() - t)"
    command = [sys.executable, "-c", code]
    runs = (subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(3))
    return {"seconds": min(float(run.split()[-1]) for run in runs)}


def versions() -> dict[str, str]:
    """The packages of this environment that count."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


OTHERS = {one.__name__: one for one in (predict1, call1, build, save, load, callbacks, generator, pydataset)}


def run(workload: str, peer: str, weights: str) -> dict:
    """The result of a workload for a peer."""
    library = "plait" if peer == "plait" else "keras"
    if workload == "weights":
        lib = importlib.import_module("plait")
        lib.utils.set_random_seed(0)
        build_model = {"multiio": diamonds, "transfer": frozen}.get(peer) or WORKS[peer].build
        save_weights(weights, layer_weights(build_model(lib)))
        return {"seconds": 0.0}
    if workload == "import":
        return import_time({"jax": "jax", "torch": "torch"}.get(peer, library))
    if workload in ("cold", "warm"):
        return first_step(library)
    if peer in ("jax", "torch"):
        return by_hand(f"by_hand_{peer}", workload, weights)
    lib = importlib.import_module(library)
    if workload in WORKS:
        steps = peer.partition("-x")[2]
        return train(lib, workload, weights, **({"steps_per_execution": int(steps)} if steps else {}))
    if workload.startswith("infer-"):
        return infer(lib, workload.removeprefix("infer-"), weights)
    if workload in ("multiio", "transfer"):
        return {"multiio": multiio, "transfer": transfer}[workload](lib, weights)
    return OTHERS[workload](lib)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    print(json.dumps(run(*sys.argv[1:]) | {"versions": versions()}))
