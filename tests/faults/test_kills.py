"""Real kills: `fit(resume=...)` in a process that a parent kills at random moments, until it has come to its end.

In the end all files are those of a process that was never killed, byte by byte: weights, the optimizer's variables, the
history, the logger's table and the best weights.
"""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
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
KILLS = int(os.environ.get("PLAIT_KILLS", 200 if LONG else 2))
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


def written(path):
    """When a file was written; 0 where there is none."""
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:  # it is being renamed
        return 0


def kill(process, backup, draw):
    """Kills a process some time after its next backup, and says whether it had ended before."""
    before, patience = written(backup), draw.uniform(0, 1.2)
    while written(backup) in (0, before) and process.poll() is None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.02)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(patience)
    ended = process.poll() is not None
    process.send_signal(signal.SIGKILL)
    process.wait()
    return ended


@pytest.mark.slow
@pytest.mark.parametrize("kind", SOURCES)
def test_a_killed_run_ends_as_one_that_was_never_killed(kind, tmp_path):
    (tmp_path / "whole").mkdir()
    ends_well(begin(kind, tmp_path / "whole"), tmp_path / "whole")
    whole, draw, kills, runs = files(tmp_path / "whole"), random.Random(f"{kind} kills"), 0, 0
    while kills < KILLS:
        runs += 1
        folder = tmp_path / f"killed {runs}"
        folder.mkdir()
        while kills < KILLS and not kill(begin(kind, folder), folder / "run" / "latest.backup.npz", draw):
            kills += 1
        ends_well(begin(kind, folder), folder)
        assert files(folder) == whole
    print(f"{kind}: {kills} kills in {runs} runs; each ended as one that was never killed")
