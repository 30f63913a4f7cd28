"""Saving and loading a model of 100 MB: seconds, and the memory that a load takes at its peak beside the file's size."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

_PEAK = """
import importlib, json, sys, threading
lib, path = importlib.import_module(sys.argv[1]), sys.argv[2]
def now(field):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(field))
lib.Sequential([lib.Input((4,)), lib.layers.Dense(4)]).save(path + ".first.keras")
lib.models.load_model(path + ".first.keras")  # what a process needs for its first model is not the file's
before = now("VmRSS")
with open("/proc/self/clear_refs", "w") as peak:
    peak.write("5")  # starts the count of the peak anew
model = lib.models.load_model(path)
model.weights[0].numpy()
print(json.dumps(now("VmHWM") - before))
"""


def _model(lib):
    """Twenty-five million weights in dense layers, normalized in between: 100 MB."""
    lib.utils.set_random_seed(0)
    inputs = h = lib.Input((2048,))
    for _ in range(6):
        h = lib.layers.BatchNormalization()(lib.layers.Dense(2048, activation="relu")(h))
    return lib.Model(inputs, lib.layers.Dense(10)(h))


def save(lib):
    """Seconds to write the file; plait's is on the disk by then, Keras leaves that to the system."""
    model = _model(lib)
    with tempfile.TemporaryDirectory() as folder:
        times = [_timed(lambda: model.save(Path(folder, "model.keras"))) for _ in range(5)]
    return {"seconds": min(times)}


def load(lib):
    """Seconds to read the file, and the peak of memory over the file's size."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.keras")
        _model(lib).save(path)
        times = [_timed(lambda: lib.models.load_model(path)) for _ in range(5)]
        peak = subprocess.run(
            [sys.executable, "-c", _PEAK, lib.__name__, str(path)], capture_output=True, text=True, check=True
        )
        return {"seconds": min(times), "memory": int(peak.stdout.split()[-1]) / path.stat().st_size}


def _timed(work):
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
