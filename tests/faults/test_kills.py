"""Real kills: `fit(resume=...)` in a process that a parent kills at random moments, until it has come to its end.

In the end all files are those of a process that was never killed, byte by byte: weights, the optimizer's variables, the
history, the logger's table and the best weights.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import plait

PROGRAM = Path(__file__).with_name("training_program.py")
SOURCES = [
    "arrays", "arrays in part", "seeded", "memory-mapped", "dataset 0", "dataset 0 own", "dataset 2", "dataset 4 own order",
    "generator", "iterable",
]  # fmt: skip
LONG = bool(os.environ.get("PLAIT_TEST_LONG"))
KILLS = 200 if LONG else 2
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(plait.__file__).parents[1]), "JAX_PLATFORMS": "cpu"}


def begin(kind, folder):
    """Runs the program; what it prints is in a file."""
    with (folder / "printed").open("w") as printed:
        command = [sys.executable, str(PROGRAM), kind, str(folder)]
        return subprocess.Popen(command, env=ENVIRONMENT, stdout=printed, stderr=subprocess.STDOUT)


def ends_well(process, folder):
    assert process.wait() == 0, (folder / "printed").read_text()


def files(folder):
    """What a run leaves behind, each as something that can be compared."""
    with np.load(folder / "end.npz") as stored:
        arrays = {name: stored[name].tobytes() for name in stored.files}
    epochs, history = json.loads((folder / "history.json").read_text())
    model = plait.Sequential([plait.Input((12,)), plait.layers.Dense(16, "relu"), plait.layers.BatchNormalization()])
    model.add(plait.layers.Dropout(0.2))
    model.add(plait.layers.Dense(1))
    model.load_weights(folder / "best.weights.h5")
    best = [value.tobytes() for value in model.get_weights()]
    return arrays, epochs, history, (folder / "log.csv").read_text(), best


@pytest.mark.slow
@pytest.mark.parametrize("kind", SOURCES)
def test_a_killed_run_ends_as_one_that_was_never_killed(kind, tmp_path):
    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()
    started = time.monotonic()
    ends_well(begin(kind, tmp_path / "whole"), tmp_path / "whole")
    takes = time.monotonic() - started
    draw, killed = random.Random(f"{kind} kills"), 0
    while True:
        process = begin(kind, tmp_path / "killed")
        try:
            process.wait(draw.uniform(0.4, 1.0) * takes if killed < KILLS else None)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            killed += 1
            continue
        ends_well(process, tmp_path / "killed")
        break
    assert files(tmp_path / "killed") == files(tmp_path / "whole")
